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

mod choice;
mod concrete;
mod tables;

pub use concrete::Concrete;

use crate::eval::basket::BasketKind;
use crate::eval::compile::{Shape, Slot, Template, compile, scale_ceil};
use crate::relation::Relation;
use choice::{Choices, Parent};
use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{BasketId, BookId, BookStatus, Face, Grid, InstrumentId, Level, Price};
use dutchbook_book::{RelationId, TopUpdate};
use std::collections::BTreeSet;
use tables::{FLOOR_MAX, MISSING, OFF, Pace, SLOTS_MAX, Tables, Use};

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
            // A plain load does not wait for its cache line as long as nothing uses it.
            let mut seen = 0;
            for update in ahead {
                seen |= self.lines.get(update.book.index()).map_or(0, |line| line.overflow);
            }
            core::hint::black_box(seen);
            for update in ahead {
                self.on_top(update);
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

    /// The relation that a basket was compiled from.
    #[must_use]
    pub fn relation_of(&self, basket: BasketId) -> Option<&Relation> {
        let id = self.baskets.get(basket.index())?.relation;
        self.relations.get(id.index())
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

/// Construction, and what changes it off the hot path.
impl Watch {
    /// Takes the word of a trusted source that `instrument` pays one: rules out states in every
    /// relation that knows it, retires their baskets and watches what the remaining states imply,
    /// resolution baskets included. Returns the ids of the new baskets.
    ///
    /// # Errors
    /// When a new basket cannot be watched; the old ones are retired all the same.
    pub fn strike(
        &mut self,
        catalog: &Catalog,
        instrument: InstrumentId,
    ) -> Result<core::ops::Range<u32>, WatchError> {
        let first = u32::try_from(self.baskets.len()).map_err(|_| WatchError::TooMany)?;
        let mut links = Vec::new();
        for index in 0..self.relations.len() {
            let Some(relation) = self.relations.get_mut(index) else { continue };
            if relation.states.strike(instrument) == 0 {
                continue;
            }
            let (id, templates) = (relation.id, compile(relation, catalog));
            self.retire(id);
            self.add(id, templates, &mut links)?;
        }
        self.link(links)?;
        let end = u32::try_from(self.baskets.len()).map_err(|_| WatchError::TooMany)?;
        Ok(first..end)
    }

    /// Puts a book on another grid: prices off the old one were right, but slow.
    ///
    /// # Errors
    /// When there are too many tables.
    pub fn regrid(&mut self, book: BookId, grid: &Grid) -> Result<(), WatchError> {
        if let Some(line) = self.lines.get_mut(book.index()) {
            line.set_pace(Pace::of(grid));
        }
        self.rebase(book, |_| {})
    }

    /// Gives a book another fee schedule from its next event on; its sums change at once.
    ///
    /// # Errors
    /// When there are too many tables.
    pub fn set_fee(&mut self, book: BookId, fee: FeeSchedule) -> Result<(), WatchError> {
        let Some(&Line { ask, bid, .. }) = self.lines.get(book.index()) else {
            return Err(WatchError::UnknownBook(book));
        };
        self.on_prices(book, 0, 0);
        if let Some(slot) = self.fees.get_mut(book.index()) {
            *slot = fee;
        }
        self.rebase(book, |of| of.fee = fee)?;
        self.on_prices(book, ask, bid);
        Ok(())
    }

    /// Points every link of a book to the table of its use, changed, on the book's grid.
    fn rebase(&mut self, book: BookId, change: impl Fn(&mut Use)) -> Result<(), WatchError> {
        let Some(line) = self.lines.get(book.index()) else {
            return Err(WatchError::UnknownBook(book));
        };
        let (asks, bids) = line.links(&self.overflow);
        let (mut links, asks) = ([asks, bids].concat(), line.asks);
        let pace = line.pace();
        for link in &mut links {
            let mut of = self.tables.used(link.base).ok_or(WatchError::TooMany)?;
            change(&mut of);
            link.base = self.tables.base(of, pace).ok_or(WatchError::TooMany)?;
        }
        self.write_links(book, &links, usize::from(asks))
    }

    /// Takes every basket of a relation out of the sums for good.
    fn retire(&mut self, relation: RelationId) {
        let mut books = BTreeSet::new();
        for (index, basket) in self.baskets.iter_mut().enumerate() {
            // What has happened stays so: a resolution basket outlives the states around it.
            let is_fact = basket.template.kind == BasketKind::Resolution;
            if basket.relation != relation || basket.retired || is_fact {
                continue;
            }
            basket.retired = true;
            books.extend(basket.template.slots.iter().map(|slot| slot.hold.book()));
            if let Some(sum) = self.sums.get_mut(index) {
                // An opportunity that ends here is reported as gone.
                if *sum < 0 {
                    self.queue.push(u32::try_from(index).unwrap_or(u32::MAX));
                }
                *sum = MISSING;
            }
        }
        for book in books {
            self.unlink_retired(book);
        }
    }

    fn is_retired(&self, target: u32) -> bool {
        let basket = match target & MEMBER {
            0 => Some(target),
            _ => self.choices.basket_of(target & !MEMBER),
        };
        basket.and_then(|at| self.baskets.get(at as usize)).is_none_or(|basket| basket.retired)
    }

    fn unlink_retired(&mut self, book: BookId) {
        let Some(line) = self.lines.get(book.index()) else { return };
        let (asks, bids) = line.links(&self.overflow);
        let live = |links: &[Link]| -> Vec<Link> {
            links.iter().filter(|link| !self.is_retired(link.target)).copied().collect()
        };
        let (mut links, bids) = (live(asks), live(bids));
        let asks = links.len();
        links.extend(bids);
        // There are fewer links than before: they fit.
        let _fits = self.write_links(book, &links, asks);
    }

    /// Adds the baskets of a relation; their links are collected, to be written book by book.
    fn add(
        &mut self,
        relation: RelationId,
        templates: Vec<Template>,
        links: &mut Vec<(InstrumentId, Link)>,
    ) -> Result<(), WatchError> {
        for template in templates {
            let id = u32::try_from(self.baskets.len()).map_err(|_| WatchError::TooMany)?;
            let is_fit = template.slots.len() <= SLOTS_MAX
                && template.floor <= FLOOR_MAX
                && template.slots.iter().all(|slot| slot.ratio_micro <= 16_000_000);
            if !is_fit || id >= MEMBER {
                return Err(WatchError::BasketTooLarge(relation));
            }
            // The same fact may be certain in several relations: one basket is enough.
            if template.kind == BasketKind::Resolution
                && template.slots.iter().any(|slot| !self.resolved.insert(slot.hold))
            {
                continue;
            }
            let sum = self.connect(id, &template, links)?;
            self.baskets.push(Basket { template, relation, retired: false });
            self.sums.push(sum);
            self.queue.waiting.push(false);
            self.queue.list.reserve(self.baskets.len() - self.queue.list.len());
            if sum < 0 {
                self.queue.push(id);
            }
        }
        Ok(())
    }

    /// Links a basket's slots; returns its sum at the books as they are.
    fn connect(
        &mut self,
        id: u32,
        template: &Template,
        links: &mut Vec<(InstrumentId, Link)>,
    ) -> Result<UnitCost, WatchError> {
        let tree = match template.shape {
            Shape::Ladder => {
                let rungs = template.slots.last().map_or(0, |slot| usize::from(slot.group) / 2 + 1);
                Some(self.choices.add_tree(id, rungs).ok_or(WatchError::TooMany)?)
            }
            Shape::All | Shape::Subset { .. } => None,
        };
        let mut sum = bound(template).ok_or(WatchError::TooMany)?;
        for group in template.slots.chunk_by(|a, b| a.group == b.group) {
            let mut values = Vec::with_capacity(group.len());
            let mut bases = Vec::with_capacity(group.len());
            for slot in group {
                let base = self.table(slot, template.shape)?;
                bases.push(base);
                values.push(self.tables.value(base, self.side_price(slot.hold)));
            }
            let group_id = u32::from(group.first().map_or(0, |slot| slot.group));
            let parent = match tree {
                Some(tree) => Parent::Leaf { tree, rung: group_id / 2, is_no: group_id % 2 == 1 },
                None => Parent::Basket(id),
            };
            let is_direct = tree.is_none() && group.len() == 1;
            let first = if is_direct {
                sum += values.iter().sum::<UnitCost>();
                id
            } else {
                let first = self.choices.add_group(&values, parent).ok_or(WatchError::TooMany)?;
                sum += if tree.is_none() { self.choices.group_value(first) } else { 0 };
                first | MEMBER
            };
            for (target, (slot, base)) in (first..).zip(group.iter().zip(bases)) {
                links.push((slot.hold, Link { base, target }));
            }
        }
        Ok(sum + tree.map_or(0, |tree| self.choices.tree_value(tree)))
    }

    /// The price that a slot's table is read at: YES terms.
    fn side_price(&self, hold: InstrumentId) -> u32 {
        self.lines.get(hold.book().index()).map_or(0, |line| match hold.face() {
            Face::Yes => line.ask,
            Face::No => line.bid,
        })
    }

    fn table(&mut self, slot: &Slot, shape: Shape) -> Result<u32, WatchError> {
        let book = slot.hold.book();
        let line = self.lines.get(book.index()).ok_or(WatchError::UnknownBook(book))?;
        let pace = line.pace();
        let optional = match shape {
            Shape::Subset { kept_micro } => Some(kept_micro),
            Shape::All | Shape::Ladder => None,
        };
        let of = Use {
            fee: self.fee(book),
            face: slot.hold.face(),
            trade: slot.trade,
            ratio_micro: slot.ratio_micro,
            optional,
        };
        self.tables.base(of, pace).ok_or(WatchError::TooMany)
    }

    /// Writes new links behind those that their books have.
    fn link(&mut self, mut new: Vec<(InstrumentId, Link)>) -> Result<(), WatchError> {
        // Stable, so that the order of relations stays the order of links: runs are reproducible.
        new.sort_by_key(|(hold, _)| *hold);
        for of_book in new.chunk_by(|a, b| a.0.book() == b.0.book()) {
            let Some(book) = of_book.first().map(|(hold, _)| hold.book()) else { continue };
            let line = self.lines.get(book.index()).ok_or(WatchError::UnknownBook(book))?;
            let (asks, bids) = line.links(&self.overflow);
            let of_face = |face| {
                let of_face = of_book.iter().filter(move |(hold, _)| hold.face() == face);
                of_face.map(|(_, link)| *link)
            };
            let mut links = asks.to_vec();
            links.extend(of_face(Face::Yes));
            let ask_count = links.len();
            links.extend_from_slice(bids);
            links.extend(of_face(Face::No));
            self.write_links(book, &links, ask_count)?;
        }
        Ok(())
    }

    /// Replaces the links of a book: asks first.
    fn write_links(&mut self, book: BookId, links: &[Link], asks: usize) -> Result<(), WatchError> {
        let line = self.lines.get_mut(book.index()).ok_or(WatchError::UnknownBook(book))?;
        line.asks = u16::try_from(asks).map_err(|_| WatchError::TooMany)?;
        line.bids = u16::try_from(links.len() - asks).map_err(|_| WatchError::TooMany)?;
        if let Some(inline) = line.links.get_mut(..links.len()) {
            line.overflow = INLINE;
            inline.copy_from_slice(links);
        } else {
            let start = u32::try_from(self.overflow.len()).map_err(|_| WatchError::TooMany)?;
            line.overflow = start;
            self.overflow.extend_from_slice(links);
        }
        Ok(())
    }
}

/// What a sum starts from: less the floor; a subset's gains must pass what one outcome forgoes.
fn bound(template: &Template) -> Option<UnitCost> {
    match template.shape {
        Shape::All | Shape::Ladder => 0_i64.checked_sub(template.floor),
        Shape::Subset { kept_micro } => scale_ceil(UNIT_PAYOUT, kept_micro),
    }
}

#[cfg(test)]
mod tests;
