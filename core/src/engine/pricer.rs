//! From a positive running sum to an exact size: reads the views of the legs, walks them, settles.

use arrayvec::ArrayVec;
use dutchbook_book::BookId;
use dutchbook_book::catalog::{Catalog, Listing};
use dutchbook_book::depth::DEPTH_LEVELS;
use dutchbook_book::fee::{FeeSchedule, UnitCost};
use dutchbook_book::view::TopView;
use dutchbook_book::{BookStatus, Cash, Depth, Face, Grid, Level, Price, Qty, Side};

use super::execution::Execution;
use super::explain::ExplainedLeg;
use super::sight::Sight;
use crate::eval::basket::Leg;
use crate::eval::edge::Carry;
use crate::eval::sweep::{LegBook, Refusal, Scratch, Sizing, Terms, sweep};
use crate::opportunity::OpportunityLeg;

/// The most legs of a basket that is priced; larger ones are refused when the engine is built.
pub const LEGS_MAX: usize = 160;

/// What pricing needs to know of one listing.
#[derive(Clone, Copy, Debug)]
struct Rules {
    fee: FeeSchedule,
    lot: Qty,
    min_qty: Qty,
    min_notional: Cash,
    grid: Grid,
}

impl Rules {
    const fn of(listing: &Listing) -> Self {
        Self {
            fee: listing.fee,
            lot: listing.lot,
            min_qty: listing.min_qty,
            min_notional: listing.min_notional,
            grid: listing.grid,
        }
    }
}

/// What makes a positive edge worth a trade.
#[derive(Clone, Copy, Debug)]
pub struct PriceLimits {
    /// Smallest edge of any slice, in 1e-14 $ a basket.
    pub min_edge: i64,
    /// Smallest profit of the whole.
    pub min_net: Cash,
    /// Most cash bound by one trade.
    pub capital_max: Cash,
    /// Cost of the chain steps of a trade that sells out of split sets.
    pub fixed_cost: Cash,
}

/// What a basket pays, and what it must earn for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pays {
    /// Guaranteed, or for a resolution expected, in 1e-14 $ a basket.
    pub payoff: UnitCost,
    /// Smallest edge of any slice beside that of [`PriceLimits`], in 1e-14 $ a basket.
    pub min_edge: UnitCost,
    /// What leg risk adds to it, in 1e-14 $ a basket.
    pub hurdle: UnitCost,
    /// What the money costs until the payoff.
    pub carry: Carry,
    /// Most cash that sizing wants in it, beside that of [`PriceLimits`].
    pub capital_max: Cash,
}

/// Why a candidate is no trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// The view of a leg could not be read whole.
    Torn,
    /// A leg's book may not be traded on.
    Doubtful(BookStatus),
    /// The walk found nothing worth trading.
    Refused(Refusal),
}

/// Buffers and rules for pricing baskets. Nothing allocates after the start.
#[derive(Debug)]
pub struct Pricer {
    rules: Vec<Rules>,
    limits: PriceLimits,
    depth: Depth,
    levels: Vec<ArrayVec<Level, DEPTH_LEVELS>>,
    views: Vec<TopView>,
    scratch: Scratch,
}

/// A basket at its exact size, with the views that were read.
#[derive(Debug)]
pub struct Priced<'a> {
    /// Size and money.
    pub sizing: Sizing<'a>,
    /// The view of each leg, in YES terms.
    pub views: &'a [TopView],
}

impl Pricer {
    /// A pricer for baskets of at most so many legs.
    #[must_use]
    pub fn new(catalog: &Catalog, limits: PriceLimits, legs: usize) -> Self {
        let rules = catalog.listings.iter().map(Rules::of).collect();
        Self {
            rules,
            limits,
            depth: Depth::default(),
            levels: vec![ArrayVec::new(); legs],
            views: Vec::with_capacity(legs),
            scratch: Scratch::default(),
        }
    }

    /// Takes a listing for a book that was kept free.
    pub fn enter(&mut self, listing: &Listing) {
        if let Some(rules) = self.rules.get_mut(listing.book.index()) {
            *rules = Rules::of(listing);
        }
    }

    /// Takes another fee schedule for a book: the venue changed it.
    pub fn set_fee(&mut self, book: BookId, fee: FeeSchedule) {
        if let Some(rules) = self.rules.get_mut(book.index()) {
            rules.fee = fee;
        }
    }

    /// Takes other prices for a book: the venue changed them.
    pub fn set_grid(&mut self, book: BookId, grid: Grid) {
        if let Some(rules) = self.rules.get_mut(book.index()) {
            rules.grid = grid;
        }
    }

    /// Makes room for baskets of so many legs. Allocates: not for the hot path.
    pub fn reserve(&mut self, legs: usize) {
        let legs = legs.max(self.levels.len());
        self.levels.resize(legs, ArrayVec::new());
        self.views.reserve(legs);
    }

    /// Prices a basket at the views as they are now.
    ///
    /// # Errors
    /// When a view is torn, a book doubtful, or nothing is worth trading.
    pub fn price(
        &mut self,
        pays: &Pays,
        legs: &[Leg],
        execution: &Execution,
        sight: &mut Sight,
    ) -> Result<Priced<'_>, Unpriced> {
        self.read_views(legs, execution, sight)?;
        let mut books: ArrayVec<LegBook<'_>, LEGS_MAX> = ArrayVec::new();
        let mut lot = Qty::ZERO;
        let mut sells = false;
        for (leg, levels) in legs.iter().zip(&self.levels) {
            let Some(rules) = self.rules.get(leg.instrument.book().index()) else {
                return Err(Unpriced::Refused(Refusal::NoLeg));
            };
            lot = lot.max(rules.lot);
            sells |= leg.side == Side::Sell;
            let book = LegBook {
                side: leg.side,
                ratio_micro: leg.ratio_micro,
                levels,
                schedule: rules.fee,
                lot: rules.lot,
                min_qty: rules.min_qty,
                min_notional: rules.min_notional,
            };
            if books.try_push(book).is_err() {
                return Err(Unpriced::Refused(Refusal::Overflow));
            }
        }
        let terms = Terms {
            payoff: pays.payoff,
            lot,
            min_edge: self.limits.min_edge.max(pays.min_edge).saturating_add(pays.hurdle),
            min_net_total: self.limits.min_net,
            max_capital: Some(self.limits.capital_max.min(pays.capital_max)),
            fixed_cost: if sells { self.limits.fixed_cost } else { Cash::ZERO },
            carry: pays.carry,
            set: 0,
        };
        let sizing = sweep(&books, &terms, &mut self.scratch).map_err(Unpriced::Refused)?;
        // An order carries its worst level as the limit: where ranges have steps of their own, the
        // tick of a level need not be a price of an order.
        for (leg, (of, sized)) in legs.iter().zip(sizing.legs).enumerate() {
            let rules = self.rules.get(of.instrument.book().index());
            if !rules.is_some_and(|rules| is_orderable(&rules.grid, of, sized.limit_price)) {
                return Err(Unpriced::Refused(Refusal::OffGrid { leg }));
            }
        }
        Ok(Priced { sizing, views: &self.views })
    }

    /// The views that were read last, in the order of the legs, as far as they were read.
    #[must_use]
    pub fn views(&self) -> &[TopView] {
        &self.views
    }

    /// What the leg at an index met when it was priced last.
    pub(super) fn explain(
        &self,
        index: usize,
        leg: Leg,
        offered: OpportunityLeg,
    ) -> Option<ExplainedLeg> {
        let Rules { fee, lot, min_qty, min_notional, .. } =
            *self.rules.get(leg.instrument.book().index())?;
        let levels = self.levels.get(index)?.to_vec();
        Some(ExplainedLeg { leg, offered, fee, lot, min_qty, min_notional, levels })
    }

    /// Forgets them: what follows may end before any is read.
    pub fn forget_views(&mut self) {
        self.views.clear();
    }

    fn read_views(
        &mut self,
        legs: &[Leg],
        execution: &Execution,
        sight: &mut Sight,
    ) -> Result<(), Unpriced> {
        self.views.clear();
        for (leg, levels) in legs.iter().zip(&mut self.levels) {
            let book = leg.instrument.book();
            sight.depth(book, &mut self.depth).map_err(|_torn| Unpriced::Torn)?;
            let stamp = self.depth.stamp;
            let face = leg.instrument.face();
            self.views.push(TopView { top: self.depth.top(), stamp });
            if stamp.status != BookStatus::Live {
                return Err(Unpriced::Doubtful(stamp.status));
            }
            let resting = match face {
                Face::Yes => leg.side.other(),
                Face::No => leg.side,
            };
            levels.clear();
            for shown in self.depth.levels(resting) {
                let qty = execution.left(book, resting, *shown);
                let level = Level { price: shown.price, qty };
                // A view has no more levels than there is room for.
                if !level.qty.is_zero() {
                    levels.push(as_seen_by(face, level));
                }
            }
        }
        Ok(())
    }
}

/// Whether an order of a leg may carry a price. A venue states its grid for YES; a NO order is
/// matched as its mirror.
fn is_orderable(grid: &Grid, leg: &Leg, limit: Price) -> bool {
    match leg.instrument.face() {
        Face::Yes => grid.is_valid(limit),
        Face::No => grid.is_valid(limit.complement()) || grid.is_valid(limit),
    }
}

/// A level in YES terms as a face shows it.
const fn as_seen_by(face: Face, level: Level) -> Level {
    match face {
        Face::Yes => level,
        Face::No => level.mirrored(),
    }
}
