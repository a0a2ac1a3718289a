//! Reference data: which venues list what, on which grid, in which lots, at which fees.
//!
//! A catalog is read once and does not change while the engine runs; what changes on a live market
//! (tick size, status, fee override) arrives as messages. Native ids stay text here and nowhere
//! else: everything downstream speaks dense ids.

use crate::fee::FeeSchedule;
use crate::grid::Grid;
use crate::id::{BookId, ConditionId, EventId, Face, VenueId};
use crate::time::Nanos;
use crate::units::{Cash, Qty};

/// Which protocol a venue speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VenueKind {
    /// Polymarket CLOB: one native id per face, absolute levels, no sequence.
    Polymarket,
    /// Kalshi: one ticker per condition, additive levels, a sequence per subscription.
    Kalshi,
}

impl VenueKind {
    /// The venue's name in lower case, as commands, files and reports print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polymarket => "polymarket",
            Self::Kalshi => "kalshi",
        }
    }
}

/// A place that lists and matches.
#[derive(Clone, Debug)]
pub struct Venue {
    /// Its index in the catalog.
    pub id: VenueId,
    /// The protocol that it speaks.
    pub kind: VenueKind,
}

/// What binds the conditions of one event, as the venue's own metadata state it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventLaw {
    /// Nothing beyond each condition's own complement.
    Independent,
    /// At most one condition comes true; an unlisted outcome may win.
    Exclusive,
    /// Exactly one condition comes true.
    Partition,
    /// Conditions "above x" in ascending x: a later one implies every earlier one.
    Ladder,
}

/// A thing in the world that will be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its index in the catalog.
    pub id: EventId,
    /// What a person calls it.
    pub name: String,
    /// What binds its conditions.
    pub law: EventLaw,
    /// Its conditions, in the order of the ladder where it is one.
    pub conditions: Vec<ConditionId>,
}

/// One question with two outcomes.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Its index in the catalog.
    pub id: ConditionId,
    /// The event that it belongs to.
    pub event: EventId,
    /// What a person calls it.
    pub name: String,
}

/// One condition as one venue lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its book; the two faces are its instruments.
    pub book: BookId,
    /// Where it is listed.
    pub venue: VenueId,
    /// The protocol of that venue.
    pub kind: VenueKind,
    /// What it lists. Two listings of one condition are the same question on two venues.
    pub condition: ConditionId,
    /// The venue's id of the market: Polymarket's condition id, Kalshi's ticker.
    pub native_market: String,
    /// The venue's ids of the YES and the NO face; Kalshi has none beside the ticker.
    pub native_faces: Option<[String; 2]>,
    /// What a person calls it.
    pub name: String,
    /// Prices that it accepts.
    pub grid: Grid,
    /// Smallest step of an order's quantity.
    pub lot: Qty,
    /// Smallest order.
    pub min_qty: Qty,
    /// Smallest order in cash; zero where the venue has no such rule.
    pub min_notional: Cash,
    /// What a taker pays.
    pub fee: FeeSchedule,
    /// Whether a set can be split from and merged into cash.
    pub can_split: bool,
}

impl Listing {
    /// One without ids, name, fee and rules on sizes, in whole contracts: what a book that is kept free is
    /// listed as, and what others differ from. Its book is the catalog's to number.
    #[must_use]
    pub const fn plain(
        kind: VenueKind,
        venue: VenueId,
        condition: ConditionId,
        grid: Grid,
    ) -> Self {
        Self {
            book: BookId(0),
            venue,
            kind,
            condition,
            native_market: String::new(),
            native_faces: None,
            name: String::new(),
            grid,
            lot: Qty::ONE,
            min_qty: Qty::ONE,
            min_notional: Cash::ZERO,
            fee: FeeSchedule::NONE,
            can_split: false,
        }
    }

    /// Whether nothing is listed here yet: the book is kept free for a market that appears later.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.native_market.is_empty()
    }
}

/// What else a venue states about one listing; none of it moves a price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// When it closes, unless it closes early.
    pub closes: Option<Nanos>,
    /// How long the venue holds marketable orders.
    pub taker_delay: Nanos,
    /// From the word on its outcome to the money.
    pub settles_after: Nanos,
    /// Whether it is one of several exclusive markets with a common collateral (Polymarket).
    pub is_neg_risk: bool,
    /// The shard of the venue that trades it.
    pub shard: u8,
    /// Where its outcome is looked up.
    pub source: String,
    /// The fee type as the venue names it; empty where it names none.
    pub fee_type: String,
    /// SHA-256 of the rules text: another hash is another question.
    pub rules_hash: [u8; 32],
}

/// Everything that is listed. Ids are indices into these lists.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Venues by [`VenueId`].
    pub venues: Vec<Venue>,
    /// Events by [`EventId`].
    pub events: Vec<Event>,
    /// Conditions by [`ConditionId`].
    pub conditions: Vec<Condition>,
    /// Listings by [`BookId`].
    pub listings: Vec<Listing>,
    /// Books whose YES face pays when the condition does *not* come true, ascending: "five or
    /// fewer" listed under the condition "six or more".
    pub inverted: Vec<BookId>,
    /// What else is known of a listing, by [`BookId`]; shorter where nothing is.
    pub terms: Vec<Terms>,
}

impl Catalog {
    /// Adds a venue.
    pub fn add_venue(&mut self, kind: VenueKind) -> VenueId {
        let id = VenueId(next_id(self.venues.len()));
        self.venues.push(Venue { id, kind });
        id
    }

    /// Adds an event without conditions.
    pub fn add_event(&mut self, name: &str, law: EventLaw) -> EventId {
        let id = EventId(next_id(self.events.len()));
        self.events.push(Event { id, name: name.to_owned(), law, conditions: Vec::new() });
        id
    }

    /// Adds a condition to an event, behind those it has.
    pub fn add_condition(&mut self, event: EventId, name: &str) -> ConditionId {
        let id = ConditionId(next_id(self.conditions.len()));
        self.conditions.push(Condition { id, event, name: name.to_owned() });
        if let Some(event) = self.events.get_mut(event.index()) {
            event.conditions.push(id);
        }
        id
    }

    /// Moves a condition to another event, behind those it has.
    pub fn move_condition(&mut self, condition: ConditionId, to: EventId) {
        let Some(moved) = self.conditions.get_mut(condition.index()) else { return };
        let Some(index) = Some(to.index()).filter(|index| *index < self.events.len()) else {
            return;
        };
        let from = core::mem::replace(&mut moved.event, to);
        if let Some(event) = self.events.get_mut(from.index()) {
            event.conditions.retain(|own| *own != condition);
        }
        if let Some(event) = self.events.get_mut(index) {
            event.conditions.push(condition);
        }
    }

    /// States an event anew: its name, its law, and its conditions in their order, wherever those were
    /// before. An event that is not there is left alone.
    pub fn restate_event(&mut self, event: &Event) {
        if self.events.get(event.id.index()).is_none() {
            return;
        }
        for condition in &event.conditions {
            let home = self.conditions.get(condition.index()).map(|one| one.event);
            if home != Some(event.id) {
                self.move_condition(*condition, event.id);
            }
        }
        if let Some(slot) = self.events.get_mut(event.id.index()) {
            *slot = event.clone();
        }
    }

    /// Adds a listing; its `book` is set to the next free id, which is returned.
    pub fn add_listing(&mut self, mut listing: Listing) -> BookId {
        let book = BookId(next_id(self.listings.len()));
        listing.book = book;
        self.listings.push(listing);
        book
    }

    /// Notes what else is known of a listing.
    pub fn set_terms(&mut self, book: BookId, terms: Terms) {
        if self.terms.len() <= book.index() {
            self.terms.resize_with(book.index().saturating_add(1), Terms::default);
        }
        if let Some(slot) = self.terms.get_mut(book.index()) {
            *slot = terms;
        }
    }

    /// What else is known of a listing.
    #[must_use]
    pub fn terms(&self, book: BookId) -> Option<&Terms> {
        self.terms.get(book.index())
    }

    /// Marks a book as listing the complement of its condition.
    pub fn set_inverted(&mut self, book: BookId) {
        if let Err(at) = self.inverted.binary_search(&book) {
            self.inverted.insert(at, book);
        }
    }

    /// The face of a book that pays when its condition comes true.
    #[must_use]
    pub fn true_face(&self, book: BookId) -> Face {
        if self.inverted.binary_search(&book).is_ok() { Face::No } else { Face::Yes }
    }

    /// The listing of a book.
    #[must_use]
    pub fn listing(&self, book: BookId) -> Option<&Listing> {
        self.listings.get(book.index())
    }

    /// The listings of one venue.
    pub fn listings_of(&self, venue: VenueId) -> impl Iterator<Item = &Listing> {
        self.listings.iter().filter(move |listing| listing.venue == venue)
    }

    /// The listings of one condition, on all venues.
    pub fn listings_of_condition(&self, id: ConditionId) -> impl Iterator<Item = &Listing> {
        self.listings.iter().filter(move |listing| listing.condition == id)
    }
}

/// Ids are 32 bits: a catalog of four billion entries does not exist.
fn next_id(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
