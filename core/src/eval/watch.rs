//! Changed tops to candidate baskets: running sums, the hot path of the evaluator.
//!
//! A basket's *sum* is what its slots cost less what they pay, in 1e-14 $, fees included: it is an
//! opportunity at the top of the books exactly when the sum is negative. A changed top adds
//! "new − old" to the sums that use it and nothing else, whatever the number of outcomes: both come
//! from a table of unit costs by tick. Everything that one event needs of its book (prices, grid,
//! links to sums) is one cache line.
//!
//! A missing side, and a book that is not [`BookStatus::Live`], costs more than any floor, so that
//! no basket with a needed slot missing is ever negative. Only states matter, not the number of
//! updates: a basket touched since it was last taken, and negative now or before, is in the queue
//! once. Nothing here allocates after construction but [`Watch::strike`], [`Watch::regrid`] and
//! [`Watch::set_fee`], which are not for the hot path.

mod build;
mod choice;
mod concrete;
mod tables;

pub use concrete::Concrete;

use crate::eval::compile::{Template, compile};
use crate::relation::Relation;
use choice::Choices;
use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::{FeeSchedule, UnitCost};
use dutchbook_book::fetch::fetch;
use dutchbook_book::{BasketId, BookId, BookStatus, Face, InstrumentId, Level, Price};
use dutchbook_book::{RelationId, TopUpdate};
use std::collections::BTreeSet;
use tables::{MISSING, OFF, Pace, SLOTS_MAX, Tables};

/// Links that fit a book's own line; more go to the shared overflow.
const INLINE_LINKS: usize = 4;
/// How many books' lines are fetched together.
const AHEAD: usize = 16;
/// Marks a link's target as a member of a choice instead of a basket's sum.
const MEMBER: u32 = 1 << 31;
/// Marks a line whose links are in its own line.
const INLINE: u32 = u32::MAX;

/// Why the relations cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchError {
    /// A basket of this relation has too many slots or too large a floor or ratio.
    BasketTooLarge(RelationId),
    /// A relation names a book that the catalog does not list.
    UnknownBook(BookId),
    /// A program adds this relation where another one stands, or leaves a hole.
    OtherRelations(RelationId),
    /// There are more tables, baskets or links than an index holds.
    TooMany,
}

impl core::fmt::Display for WatchError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::BasketTooLarge(id) => write!(
                f,
                "relation {id}: a basket may have {SLOTS_MAX} slots, a floor of 90 $ and ratios \
                 up to 16: split the relation"
            ),
            Self::UnknownBook(book) => {
                write!(f, "a relation names book {book}, not in the catalog")
            }
            Self::OtherRelations(id) => {
                write!(f, "a program was compiled for other relations: {id} is not the next one")
            }
            Self::TooMany => f.write_str("too many baskets for one evaluator: shard the books"),
        }
    }
}

impl core::error::Error for WatchError {}

/// One slot of one basket, as its book's event finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Link {
    /// Where the slot's table begins.
    base: u32,
    /// The basket, or the member of a choice.
    target: u32,
}

/// All that an event needs of its book.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line {
    /// The grid's pace, in two fields.
    magic: u64,
    step: u32,
    /// Prices in micro as last applied; 0 is missing.
    ask: u32,
    bid: u32,
    /// Where the links begin in the overflow, or [`INLINE`].
    overflow: u32,
    /// The prices' ticks, or [`OFF`].
    ask_at: u16,
    bid_at: u16,
    /// Links of YES slots, followed by those of NO slots.
    asks: u16,
    bids: u16,
    links: [Link; INLINE_LINKS],
}

const _: () = assert!(size_of::<Line>() == 64);

impl Line {
    #[inline(always)]
    fn pace(&self) -> Pace {
        Pace { magic: self.magic, step: self.step }
    }

    fn set_pace(&mut self, pace: Pace) {
        (self.magic, self.step) = (pace.magic, pace.step);
        (self.ask_at, self.bid_at) = (pace.at(self.ask), pace.at(self.bid));
    }

    #[inline(always)]
    fn links<'a>(&'a self, overflow: &'a [Link]) -> (&'a [Link], &'a [Link]) {
        let (asks, all) = (usize::from(self.asks), usize::from(self.asks) + usize::from(self.bids));
        let links = if self.overflow == INLINE {
            self.links.get(..all)
        } else {
            overflow.get(self.overflow as usize..).and_then(|links| links.get(..all))
        };
        links.and_then(|links| links.split_at_checked(asks)).unwrap_or((&[], &[]))
    }
}

/// Baskets touched since they were last taken, each once.
#[derive(Clone, Debug, Default)]
struct Queue {
    waiting: Vec<bool>,
    list: Vec<u32>,
}

impl Queue {
    #[cold]
    fn push(&mut self, basket: u32) {
        if let Some(waiting @ false) = self.waiting.get_mut(basket as usize) {
            *waiting = true;
            self.list.push(basket);
        }
    }

    fn pop(&mut self) -> Option<u32> {
        let basket = self.list.pop()?;
        if let Some(waiting) = self.waiting.get_mut(basket as usize) {
            *waiting = false;
        }
        Some(basket)
    }
}

/// A basket that was touched and is an opportunity, or was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Which basket.
    pub basket: BasketId,
    /// Its edge per basket at the top of the books now; not positive when the opportunity is gone.
    pub edge: UnitCost,
}

/// A watched basket's cold half.
#[derive(Clone, Debug)]
struct Basket {
    template: Template,
    relation: RelationId,
    retired: bool,
}

/// The evaluator's watch over every basket of every relation.
#[derive(Clone, Debug)]
pub struct Watch {
    lines: Vec<Line>,
    overflow: Vec<Link>,
    tables: Tables,
    sums: Vec<UnitCost>,
    choices: Choices,
    queue: Queue,
    baskets: Vec<Basket>,
    relations: Vec<Relation>,
    fees: Vec<FeeSchedule>,
    resolved: BTreeSet<InstrumentId>,
    /// What a trusted source has said to pay one.
    struck: Vec<InstrumentId>,
}

impl Watch {
    /// Compiles relations into baskets and watches them; every book starts as missing. Relations
    /// are numbered in the order given.
    ///
    /// # Errors
    /// When a relation names a book that is not listed, or a basket is too large.
    pub fn new(catalog: &Catalog, relations: Vec<Relation>) -> Result<Self, WatchError> {
        let mut watch = Self {
            lines: Vec::with_capacity(catalog.listings.len()),
            overflow: Vec::new(),
            tables: Tables::default(),
            sums: Vec::new(),
            choices: Choices::default(),
            queue: Queue::default(),
            baskets: Vec::new(),
            relations,
            fees: catalog.listings.iter().map(|listing| listing.fee).collect(),
            resolved: BTreeSet::new(),
            struck: Vec::new(),
        };
        for listing in &catalog.listings {
            let Pace { magic, step } = Pace::of(&listing.grid);
            let (overflow, links) = (INLINE, [Link::default(); INLINE_LINKS]);
            let (ask, bid, ask_at, bid_at, asks, bids) = (0, 0, 0, 0, 0, 0);
            let line = Line { magic, step, ask, bid, overflow, ask_at, bid_at, asks, bids, links };
            watch.lines.push(line);
        }
        let mut links = Vec::new();
        for index in 0..watch.relations.len() {
            let id = RelationId(u32::try_from(index).map_err(|_| WatchError::TooMany)?);
            let Some(relation) = watch.relations.get_mut(index) else { continue };
            relation.id = id;
            let templates = compile(relation, catalog);
            watch.add(id, templates, &mut links)?;
        }
        watch.link(links)?;
        Ok(watch)
    }

    /// Applies a changed top. A book that is not live counts as having no sides.
    #[inline]
    pub fn on_top(&mut self, update: &TopUpdate) {
        let live = update.stamp.status == BookStatus::Live;
        let price = |level: Option<Level>| match level {
            Some(level) if live => level.price.micro(),
            Some(_) | None => 0,
        };
        self.on_prices(update.book, price(update.top.ask), price(update.top.bid));
    }

    /// Applies changed tops in order. The lines of a few books are fetched ahead together, so that
    /// their cache misses overlap: what a reader that drains a ring should call.
    pub fn on_tops(&mut self, updates: &[TopUpdate]) {
        for ahead in updates.chunks(AHEAD) {
            for update in ahead {
                self.fetch(update.book);
            }
            for update in ahead {
                self.on_top(update);
            }
        }
    }

    /// Fetches the line of a book without waiting for it.
    #[inline]
    pub fn fetch(&self, book: BookId) {
        if let Some(line) = self.lines.get(book.index()) {
            fetch(line);
        }
    }

    /// Fetches the sums and the unit costs that a book's next event will read first.
    #[inline]
    pub fn fetch_sums(&self, book: BookId) {
        let Some(line) = self.lines.get(book.index()) else { return };
        let (asks, bids) = line.links(&self.overflow);
        let entries = self.tables.entries();
        for (links, tick) in [(asks, line.ask_at), (bids, line.bid_at)] {
            for link in links.iter().take(INLINE_LINKS) {
                if let Some(entry) = entries.get(link.base as usize + usize::from(tick)) {
                    fetch(entry);
                }
                if let Some(sum) = self.sums.get((link.target & !MEMBER) as usize) {
                    fetch(sum);
                }
            }
        }
    }

    /// Applies the best ask and bid of a book, YES terms, in micro; 0 is missing.
    #[inline(always)]
    fn on_prices(&mut self, book: BookId, ask: u32, bid: u32) {
        let Self { lines, overflow, tables, sums, choices, queue, .. } = self;
        let Some(line) = lines.get_mut(book.index()) else { return };
        let pace = line.pace();
        let (was_ask, was_bid) = (line.ask, line.bid);
        let (was_ask_at, was_bid_at) = (line.ask_at, line.bid_at);
        let (ask_at, bid_at) = (pace.at(ask), pace.at(bid));
        (line.ask, line.bid) = (ask, bid);
        (line.ask_at, line.bid_at) = (ask_at, bid_at);
        let (asks, bids) = line.links(overflow);
        let mut sink = Sink { sums, choices, queue };
        if ask_at.max(was_ask_at).max(bid_at).max(was_bid_at) == OFF {
            sink.apply_direct(tables, asks, ask, was_ask);
            sink.apply_direct(tables, bids, bid, was_bid);
            return;
        }
        let entries = tables.entries();
        let entry = |link: &Link, tick: u16| {
            let at = link.base as usize + usize::from(tick);
            entries.get(at).copied().unwrap_or(MISSING)
        };
        for link in asks {
            sink.apply(link.target, entry(link, ask_at), entry(link, was_ask_at));
        }
        for link in bids {
            sink.apply(link.target, entry(link, bid_at), entry(link, was_bid_at));
        }
    }

    /// Takes a basket that was touched since it was last taken and is an opportunity or was one.
    pub fn pop(&mut self) -> Option<Touched> {
        let basket = self.queue.pop()?;
        let sum = self.sums.get(basket as usize).copied().unwrap_or(MISSING);
        Some(Touched { basket: BasketId(basket), edge: 0 - sum })
    }

    /// Takes the touched baskets that are opportunities now, each once.
    pub fn candidates(&mut self) -> impl Iterator<Item = BasketId> + '_ {
        core::iter::from_fn(|| {
            while let Some(touched) = self.pop() {
                if touched.edge > 0 {
                    return Some(touched.basket);
                }
            }
            None
        })
    }

    /// The edge of one basket at the top of the books; far below zero where a side is missing.
    #[must_use]
    pub fn edge(&self, basket: BasketId) -> UnitCost {
        0 - self.sums.get(basket.index()).copied().unwrap_or(MISSING)
    }

    /// How many baskets there are, retired ones included; ids run from 0 to one less than this.
    #[must_use]
    pub fn basket_count(&self) -> usize {
        self.baskets.len()
    }

    /// The template of a basket.
    #[must_use]
    pub fn template(&self, basket: BasketId) -> Option<&Template> {
        self.baskets.get(basket.index()).map(|basket| &basket.template)
    }

    /// Whether a basket is watched no more: its relation was withdrawn, or an outcome has ended it.
    #[must_use]
    pub fn is_retired(&self, basket: BasketId) -> bool {
        self.baskets.get(basket.index()).is_none_or(|basket| basket.retired)
    }

    /// The relation that a basket was compiled from.
    #[must_use]
    pub fn relation_of(&self, basket: BasketId) -> Option<&Relation> {
        let id = self.baskets.get(basket.index())?.relation;
        self.relations.get(id.index())
    }

    /// Every relation, withdrawn ones without states.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter()
    }

    /// Has every basket that a word on a book is about looked at again: those of its relations that are
    /// opportunities now.
    pub fn touch(&mut self, book: BookId) {
        let yes = book.instrument(Face::Yes);
        let baskets = (0_u32..).zip(self.baskets.iter().zip(&self.sums));
        for (index, (basket, sum)) in baskets {
            let relation = self.relations.get(basket.relation.index());
            let is_of = relation.is_some_and(|one| one.states.instruments().contains(&yes));
            if is_of && *sum < 0 {
                self.queue.push(index);
            }
        }
    }

    /// What must be paid to buy an instrument at the top of its book; `None` while missing.
    #[must_use]
    pub fn ask(&self, instrument: InstrumentId) -> Option<Price> {
        let line = self.lines.get(instrument.book().index())?;
        let price = |micro| Price::from_micro(micro).filter(|&price| price > Price::ZERO);
        match instrument.face() {
            Face::Yes => price(line.ask),
            Face::No => price(line.bid).map(Price::complement),
        }
    }

    fn fee(&self, book: BookId) -> FeeSchedule {
        self.fees.get(book.index()).copied().unwrap_or_default()
    }
}

/// Where changes of slots go.
struct Sink<'a> {
    sums: &'a mut [UnitCost],
    choices: &'a mut Choices,
    queue: &'a mut Queue,
}

impl Sink<'_> {
    #[inline(always)]
    fn apply(&mut self, target: u32, new: UnitCost, old: UnitCost) {
        if target & MEMBER == 0 {
            self.add(target, new - old);
        } else if let Some(change) = self.choices.set(target & !MEMBER, new) {
            self.add(change.basket, change.delta);
        }
    }

    /// A basket touched while negative is queued even where its sum stays: its depth may differ.
    #[inline(always)]
    fn add(&mut self, basket: u32, delta: UnitCost) {
        if let Some(sum) = self.sums.get_mut(basket as usize) {
            let before = *sum;
            let after = before + delta;
            *sum = after;
            if (before | after) < 0 {
                self.queue.push(basket);
            }
        }
    }

    /// For prices off the grid, and grids too fine for a table.
    #[cold]
    fn apply_direct(&mut self, tables: &Tables, links: &[Link], new: u32, old: u32) {
        for link in links {
            self.apply(link.target, tables.value(link.base, new), tables.value(link.base, old));
        }
    }
}

#[cfg(test)]
mod tests;
