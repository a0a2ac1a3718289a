//! Construction of the watch, and what changes it off the hot path: strikes, grids, fees.

use super::choice::Parent;
use super::tables::{FLOOR_MAX, MISSING, Pace, SLOTS_MAX, Use};
use super::{Basket, INLINE, Line, Link, MEMBER, Watch, WatchError};
use crate::compiler::program::{Compiled, Program};
use crate::eval::basket::BasketKind;
use crate::eval::compile::{Shape, Slot, Template, compile, scale_ceil};
use crate::eval::states::StateTable;
use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{BookId, Face, Grid, InstrumentId, RelationId};
use std::collections::BTreeSet;

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
        if !self.struck.contains(&instrument) {
            self.struck.push(instrument);
        }
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

    /// Takes a program that was compiled elsewhere: withdraws relations, watches others. Every sum is
    /// right from the first moment, for the tops are known. Returns the ids of the new baskets.
    ///
    /// # Errors
    /// When the program was not made for these relations, or a basket cannot be watched; what was
    /// withdrawn stays so.
    pub fn install(
        &mut self,
        catalog: &Catalog,
        program: Program,
    ) -> Result<core::ops::Range<u32>, WatchError> {
        let first = u32::try_from(self.baskets.len()).map_err(|_| WatchError::TooMany)?;
        for id in program.withdraw {
            self.retire(id);
            // What is left of it must not come back with the next outcome.
            if let Some(relation) = self.relations.get_mut(id.index()) {
                relation.states = StateTable::default();
            }
        }
        let mut links = Vec::new();
        for Compiled { mut relation, mut templates } in program.add {
            if relation.id.index() != self.relations.len() {
                return Err(WatchError::OtherRelations(relation.id));
            }
            // An outcome may have come while it was compiled.
            let late =
                self.struck.iter().map(|winner| relation.states.strike(*winner)).sum::<usize>();
            if late > 0 {
                templates = compile(&relation, catalog);
            }
            let id = relation.id;
            self.relations.push(relation);
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

    fn leads_nowhere(&self, target: u32) -> bool {
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
            links.iter().filter(|link| !self.leads_nowhere(link.target)).copied().collect()
        };
        let (mut links, bids) = (live(asks), live(bids));
        let asks = links.len();
        links.extend(bids);
        // There are fewer links than before: they fit.
        let _fits = self.write_links(book, &links, asks);
    }

    /// Adds the baskets of a relation; their links are collected, to be written book by book.
    pub(super) fn add(
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
    pub(super) fn link(&mut self, mut new: Vec<(InstrumentId, Link)>) -> Result<(), WatchError> {
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
