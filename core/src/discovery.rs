//! What venues list, as a catalog: built at the start, kept current while the engine runs.
//!
//! A [`Directory`] takes the venues' lists as often as they are read and says what changed. A market
//! enters only with everything that trading needs; what lacks something is refused under a name and
//! counted. What binds the markets of an event is taken from metadata alone, and never more than
//! they promise: a neg-risk event is a partition only when every outcome is listed and none can be
//! added, Kalshi's `mutually_exclusive` is at most one, strikes of one comparison form a ladder.
//! Nothing here has a socket: [`crawl`] reads the lists.

pub mod crawl;
mod kalshi;
mod polymarket;
pub mod streams;
mod structure;
pub mod text;

use std::collections::{BTreeMap, VecDeque};

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::fee::kalshi::Member;
use dutchbook_book::{BookId, ConditionId, EventId, Face, Grid, Price, VenueId};
use dutchbook_feeds::session::Trading;
use sha2::{Digest, Sha256};

use crate::relation::Relation;
use crate::relation::structural::Claim;
use crate::resolution::Says;

/// Why a market or an event is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It takes no orders now.
    NotTrading,
    /// The venue's reply about it could not be read.
    Unreadable,
    /// Its tokens are not known yet, or two replies name different ones.
    Tokens,
    /// Its price step is not known, or is none.
    Grid,
    /// Its smallest order is not known.
    MinSize,
    /// Its fee is not known, or of a type that we do not know.
    Fee,
    /// It pays something else than one or nothing.
    NotBinary,
    /// Its event has been decided.
    Decided,
    /// Everything that the configuration allows is followed already.
    NoRoom,
}

impl Refusal {
    /// The reason in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotTrading => "not_trading",
            Self::Unreadable => "unreadable",
            Self::Tokens => "tokens",
            Self::Grid => "grid",
            Self::MinSize => "min_size",
            Self::Fee => "fee",
            Self::NotBinary => "not_binary",
            Self::Decided => "decided",
            Self::NoRoom => "no_room",
        }
    }
}

/// What a newer list says differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A market is new; its event is too, or has another market now.
    Listed(BookId),
    /// The venue trades it, does not just now, or never will again.
    Trading(BookId, Trading),
    /// It was decided.
    Resolved {
        /// Its book.
        book: BookId,
        /// The face that pays.
        winner: Face,
        /// Whether nothing will be said any more.
        is_final: bool,
    },
    /// Its prices have another grid.
    Grid(BookId, Grid),
    /// Its fee is another.
    Fee(BookId, FeeSchedule),
    /// Its rules text is another: what it asks is no longer what was compiled.
    Rules(BookId),
    /// It closes at another time, or its fee has another name.
    Terms(BookId),
    /// Its oracle says something else: a dispute is open, or the question is asked anew.
    Oracle(BookId, Says),
}

/// How much of a venue may be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Most events.
    pub events: usize,
    /// Most books.
    pub books: usize,
}

/// What is remembered of one market between two lists.
#[derive(Clone, Debug)]
struct Known {
    book: BookId,
    trading: Trading,
    is_decided: bool,
    doubt: Option<Says>,
}

/// One market as a list states it, every venue alike; refused where something is missing.
struct Draft {
    native: String,
    name: String,
    /// The order inside its event: the rungs of a ladder ascend.
    rung: i128,
    trading: Trading,
    /// The face that pays, and whether that is the last word.
    winner: Option<(Face, bool)>,
    /// What a listing needs, or why there can be none.
    listing: Result<Box<Listing>, Refusal>,
    /// What YES claims about a quantity.
    claim: Claim,
    /// What its oracle says of a doubt, where it says one.
    doubt: Option<Says>,
    terms: Terms,
}

/// An event as a list states it.
struct EventDraft {
    native: String,
    name: String,
    law: EventLaw,
    markets: Vec<Draft>,
}

/// What venues list, and what we follow of it.
#[derive(Debug)]
pub struct Directory {
    catalog: Catalog,
    venues: BTreeMap<VenueKind, (VenueId, Room)>,
    markets: BTreeMap<String, Known>,
    events: BTreeMap<(VenueKind, String), EventId>,
    /// What YES of each book claims about the quantity of its event, by [`BookId`].
    claims: Vec<Claim>,
    member: Member,
    refused: BTreeMap<Refusal, u64>,
    /// Books kept free for markets that appear while an engine runs, by venue; `None` until then.
    spare: Option<BTreeMap<VenueId, VecDeque<BookId>>>,
}

impl Directory {
    /// A directory without venues.
    #[must_use]
    pub fn new(member: Member) -> Self {
        Self {
            catalog: Catalog::default(),
            venues: BTreeMap::new(),
            markets: BTreeMap::new(),
            events: BTreeMap::new(),
            claims: Vec::new(),
            member,
            refused: BTreeMap::new(),
            spare: None,
        }
    }

    /// Keeps so many books of every venue free for markets that appear while an engine runs: engines
    /// make room for what their catalog has when they start. A free book is a listing without a native
    /// id, of a condition and an event of its own.
    ///
    /// What is listed in one later keeps that condition, which moves to its event; an event that is new
    /// takes the place of a free book's own.
    pub fn reserve(&mut self, count: usize) {
        let cents = Price::from_micro(10_000).map(Grid::uniform);
        let Some(Ok(grid)) = cents else { return };
        let mut spare = BTreeMap::new();
        for (kind, (venue, _)) in &self.venues {
            let free = (0..count).map(|_| {
                let event = self.catalog.add_event("", EventLaw::Independent);
                let condition = self.catalog.add_condition(event, "");
                self.claims.push(Claim::Named);
                self.catalog.add_listing(Listing::plain(*kind, *venue, condition, grid))
            });
            spare.insert(*venue, free.collect());
        }
        self.spare = Some(spare);
    }

    /// Puts a listing into a free book of its venue, where there is one.
    fn place(&mut self, listing: Listing) -> Option<BookId> {
        let book = self.spare.as_mut()?.get_mut(&listing.venue)?.pop_front()?;
        if let Some(slot) = self.catalog.listings.get_mut(book.index()) {
            *slot = Listing { book, condition: slot.condition, ..listing };
        }
        Some(book)
    }

    /// Adds a venue; its id.
    pub fn add_venue(&mut self, kind: VenueKind, room: Room) -> VenueId {
        let id = self.catalog.add_venue(kind);
        self.venues.insert(kind, (id, room));
        id
    }

    /// Everything that is listed.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The relations that the venues' own metadata state, each once: exclusive and exhaustive
    /// outcomes, ladders of strikes, buckets against cumulative strikes.
    #[must_use]
    pub fn relations(&self) -> Vec<Relation> {
        structure::relations(&self.catalog, &self.claims)
    }

    /// How often something was refused, by reason.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<Refusal, u64> {
        &self.refused
    }

    /// The book of a market, by the venue's own id.
    #[must_use]
    pub fn book_of(&self, native: &str) -> Option<BookId> {
        self.markets.get(native).map(|known| known.book)
    }

    /// Whether a market is followed and not over.
    #[must_use]
    pub fn is_open(&self, native: &str) -> bool {
        self.markets.get(native).is_some_and(|known| known.trading != Trading::Closed)
    }

    /// Whether a market is followed and trades, as far as the lists say.
    #[must_use]
    pub fn is_trading(&self, native: &str) -> bool {
        self.markets.get(native).is_some_and(|known| known.trading == Trading::Open)
    }

    fn refuse(&mut self, reason: Refusal) {
        let count = self.refused.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes one event as a list states it now.
    fn take(&mut self, kind: VenueKind, draft: EventDraft, changes: &mut Vec<Change>) {
        let key = (kind, draft.native.clone());
        match self.events.get(&key).copied() {
            Some(event) => self.compare(event, draft, changes),
            None => self.enter(kind, key, draft, changes),
        }
    }

    /// An event that is not known yet: all of its markets that trade, or none.
    fn enter(
        &mut self,
        kind: VenueKind,
        key: (VenueKind, String),
        draft: EventDraft,
        changes: &mut Vec<Change>,
    ) {
        let Some((venue, room)) = self.venues.get(&kind).copied() else { return };
        let mut law = draft.law;
        let mut markets = Vec::new();
        for market in draft.markets {
            let refusal = match (&market.listing, market.trading) {
                (Err(reason), _) => Some(*reason),
                (Ok(_), Trading::Closed | Trading::Halted) => Some(Refusal::NotTrading),
                (Ok(_), Trading::Open) => None,
            };
            match refusal {
                Some(reason) => {
                    self.refuse(reason);
                    // A lost market leaves no partition, unless it was decided against.
                    let is_out = market.winner == Some((Face::No, true));
                    if law == EventLaw::Partition && !is_out {
                        law = EventLaw::Exclusive;
                    }
                }
                None => markets.push(market),
            }
        }
        if markets.is_empty() {
            return;
        }
        let events = self.events.keys().filter(|(of, _)| *of == kind).count();
        let books = self.books_of(venue);
        if events >= room.events || books.saturating_add(markets.len()) > room.books {
            self.refuse(Refusal::NoRoom);
            return;
        }
        markets.sort_by_key(|market| market.rung);
        let Some(event) = self.room_for(venue, markets.len(), &draft.name, law) else {
            self.refuse(Refusal::NoRoom);
            return;
        };
        self.events.insert(key, event);
        for market in markets {
            self.list(venue, event, market, changes);
        }
    }

    /// A new event for so many markets. While an engine runs it takes the place of the event of a free
    /// book, and there has to be a free book for each market: an event without some of its outcomes
    /// would promise what does not hold.
    fn room_for(
        &mut self,
        venue: VenueId,
        markets: usize,
        name: &str,
        law: EventLaw,
    ) -> Option<EventId> {
        let Some(spare) = &self.spare else { return Some(self.catalog.add_event(name, law)) };
        let free = spare.get(&venue).filter(|free| free.len() >= markets)?;
        let condition = self.catalog.listing(*free.front()?)?.condition;
        let event = self.catalog.conditions.get(condition.index())?.event;
        let slot = self.catalog.events.get_mut(event.index())?;
        (slot.name, slot.law) = (name.to_owned(), law);
        Some(event)
    }

    /// Enters one market of an event.
    fn list(
        &mut self,
        venue: VenueId,
        event: EventId,
        market: Draft,
        changes: &mut Vec<Change>,
    ) -> Option<BookId> {
        let mut listing = match market.listing {
            Ok(listing) => *listing,
            Err(reason) => {
                self.refuse(reason);
                return None;
            }
        };
        listing.venue = venue;
        if self.spare.is_some() {
            let named = (market.native, market.terms, market.claim);
            return self.list_late(event, listing, named, market.trading, changes);
        }
        listing.condition = self.catalog.add_condition(event, &market.name);
        let book = self.catalog.add_listing(listing);
        self.claims.push(market.claim);
        self.catalog.set_terms(book, market.terms);
        let known = Known { book, trading: market.trading, is_decided: false, doubt: None };
        self.markets.insert(market.native, known);
        changes.push(Change::Listed(book));
        Some(book)
    }

    /// Enters one market in a free book.
    fn list_late(
        &mut self,
        event: EventId,
        listing: Listing,
        (native, terms, claim): (String, Terms, Claim),
        trading: Trading,
        changes: &mut Vec<Change>,
    ) -> Option<BookId> {
        let name = listing.name.clone();
        let Some(book) = self.place(listing) else {
            self.refuse(Refusal::NoRoom);
            return None;
        };
        if let Some(slot) = self.claims.get_mut(book.index()) {
            *slot = claim;
        }
        if let Some(condition) = self.catalog.listing(book).map(|listing| listing.condition) {
            let home = self.catalog.conditions.get(condition.index()).map(|one| one.event);
            if home != Some(event) {
                self.catalog.move_condition(condition, event);
            }
            if let Some(slot) = self.catalog.conditions.get_mut(condition.index()) {
                slot.name = name;
            }
        }
        self.catalog.set_terms(book, terms);
        self.markets.insert(native, Known { book, trading, is_decided: false, doubt: None });
        changes.push(Change::Listed(book));
        Some(book)
    }

    /// Books that are taken.
    fn books_of(&self, venue: VenueId) -> usize {
        self.catalog.listings_of(venue).filter(|listing| !listing.is_free()).count()
    }

    /// An event that is known: what its markets say now.
    fn compare(&mut self, event: EventId, draft: EventDraft, changes: &mut Vec<Change>) {
        let law = self.catalog.events.get(event.index()).map(|event| event.law);
        let rungs: BTreeMap<String, i128> =
            draft.markets.iter().map(|market| (market.native.clone(), market.rung)).collect();
        let before = changes.len();
        for market in draft.markets {
            let Some(known) = self.markets.get(&market.native).cloned() else {
                let venue = self.venue_of(event);
                self.enter_late(venue, event, law, market, changes);
                continue;
            };
            self.compare_one(&known, &market, changes);
            if let Some(slot) = self.markets.get_mut(&market.native) {
                slot.trading = market.trading;
                slot.doubt = market.doubt;
                slot.is_decided |= market.winner.is_some_and(|(_, is_final)| is_final);
            }
        }
        let is_new = |change: &Change| matches!(change, Change::Listed(_));
        if law == Some(EventLaw::Ladder) && changes.iter().skip(before).any(is_new) {
            self.climb(event, draft.law, &rungs);
        }
    }

    /// Puts the rungs of a ladder that has new ones into their order. Where the list does not show them
    /// all, or not as a ladder any more, nothing binds them by their order.
    fn climb(&mut self, event: EventId, law: EventLaw, rungs: &BTreeMap<String, i128>) {
        let own = self.catalog.events.get(event.index()).map(|event| event.conditions.clone());
        let rung = |condition: &ConditionId| {
            let mut listed = self.catalog.listings_of_condition(*condition);
            Some((*rungs.get(&listed.next()?.native_market)?, *condition))
        };
        let order: Option<Vec<(i128, ConditionId)>> =
            own.unwrap_or_default().iter().map(rung).collect();
        let Some(slot) = self.catalog.events.get_mut(event.index()) else { return };
        match order.filter(|_| law == EventLaw::Ladder) {
            Some(mut order) => {
                order.sort_unstable();
                slot.conditions = order.into_iter().map(|(_, condition)| condition).collect();
            }
            None => slot.law = EventLaw::Independent,
        }
    }

    fn venue_of(&self, event: EventId) -> Option<VenueId> {
        let own = self.events.iter().find(|(_, id)| **id == event);
        own.and_then(|((kind, _), _)| self.venues.get(kind)).map(|(id, _)| *id)
    }

    /// A market that was added to a known event. At most one still holds with it, and a ladder has a
    /// rung more; a partition that was traded without it was none, and is halted.
    fn enter_late(
        &mut self,
        venue: Option<VenueId>,
        event: EventId,
        law: Option<EventLaw>,
        market: Draft,
        changes: &mut Vec<Change>,
    ) {
        let (Some(venue), Trading::Open) = (venue, market.trading) else { return };
        if law == Some(EventLaw::Partition) {
            // The listed outcomes were said to be all: whatever this is, they are not any more.
            let own = self.catalog.events.get(event.index()).map(|event| event.conditions.clone());
            for condition in own.unwrap_or_default() {
                let books = self.catalog.listings_of_condition(condition);
                changes.extend(books.map(|listing| Change::Rules(listing.book)));
            }
            if let Some(event) = self.catalog.events.get_mut(event.index()) {
                event.law = EventLaw::Exclusive;
            }
            return;
        }
        let room = self.venues.values().find(|(id, _)| *id == venue).map(|(_, room)| *room);
        let books = self.books_of(venue);
        if room.is_some_and(|room| books >= room.books) {
            self.refuse(Refusal::NoRoom);
            return;
        }
        self.list(venue, event, market, changes);
    }

    fn compare_one(&mut self, known: &Known, market: &Draft, changes: &mut Vec<Change>) {
        let book = known.book;
        if known.trading != market.trading && known.trading != Trading::Closed {
            changes.push(Change::Trading(book, market.trading));
        }
        if let Some((winner, is_final)) = market.winner
            && !known.is_decided
        {
            changes.push(Change::Resolved { book, winner, is_final });
        }
        if let Some(says) = market.doubt.filter(|doubt| known.doubt != Some(*doubt)) {
            changes.push(Change::Oracle(book, says));
        }
        let is_same_text = |terms: &Terms| terms.rules_hash == market.terms.rules_hash;
        if !self.catalog.terms(book).is_none_or(is_same_text) {
            changes.push(Change::Rules(book));
        }
        if let (Ok(new), Some(old)) = (&market.listing, self.catalog.listings.get_mut(book.index()))
        {
            if old.grid != new.grid {
                old.grid = new.grid;
                changes.push(Change::Grid(book, new.grid));
            }
            if old.fee != new.fee {
                old.fee = new.fee;
                changes.push(Change::Fee(book, new.fee));
            }
        }
        let is_other = |terms: &Terms| {
            terms.closes != market.terms.closes || terms.fee_type != market.terms.fee_type
        };
        if self.catalog.terms(book).is_some_and(is_other) {
            changes.push(Change::Terms(book));
        }
        self.catalog.set_terms(book, market.terms.clone());
    }
}

/// SHA-256 of a rules text.
fn hash_of(rules: &str) -> [u8; 32] {
    Sha256::digest(rules.as_bytes()).into()
}

#[cfg(test)]
mod tests;
