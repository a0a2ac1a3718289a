//! What to do about unequal legs at the books as they are now: how far to complete, what to unwind.
//!
//! Everything is a purchase: a missing leg is bought, an excess leg is left by buying its complement,
//! at one less the bid, and merging the pair. The choice is a number of baskets to end with: legs
//! below it are bought, legs above it are left. Its value (payoff of whole baskets, less cost, plus
//! proceeds; contracts that belong to no basket count as nothing) rises and then falls with that
//! number, because each further contract costs no less than the one before: halving finds the top.

use arrayvec::ArrayVec;
use dutchbook_book::depth::DEPTH_LEVELS;
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{
    BookId, BookStatus, Cash, Depth, Exact, Face, InstrumentId, Level, Nanos, Price, Qty, Side,
};
use dutchbook_exec::PaperRules;
use dutchbook_exec::paper::DepthRead;

use super::LeggedLeg;
use crate::eval::basket::RATIO_ONE;

/// Where a recovery reads its books: the views, less what we took, and the venues' rules.
pub trait Market {
    /// Fills in the depth that a book shows now.
    fn depth(&mut self, book: BookId, depth: &mut Depth) -> DepthRead;
    /// What is left for us of a level that the book shows on its `resting` side.
    fn left(&self, book: BookId, resting: Side, shown: Level) -> Qty;
    /// What the venue asks of an order.
    fn rules(&self, book: BookId) -> Option<PaperRules>;
}

/// A purchase that brings one leg nearer to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub leg: usize,
    /// The leg's own instrument, or its complement where the leg is left.
    pub instrument: InstrumentId,
    /// The worst level walked.
    pub limit: Price,
    /// Contracts ordered.
    pub qty: Qty,
}

/// One level to buy from: what arrives, not what is traded, where fees are taken in contracts.
#[derive(Clone, Copy, Debug)]
struct Shown {
    price: Price,
    net: u64,
    unit: UnitCost,
}

#[derive(Debug, Default)]
struct Wall(ArrayVec<Shown, DEPTH_LEVELS>);

/// What walking a wall for some contracts comes to.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    net: u64,
    order: Qty,
    limit: Price,
    /// In 1e-20 $.
    cost: i128,
}

impl Wall {
    /// Reads what a buyer of an instrument meets.
    fn read(
        &mut self,
        instrument: InstrumentId,
        depth: &Depth,
        rules: &PaperRules,
        market: &impl Market,
    ) -> Option<()> {
        self.0.clear();
        let (book, face) = (instrument.book(), instrument.face());
        let resting = match face {
            Face::Yes => Side::Sell,
            Face::No => Side::Buy,
        };
        for shown in depth.levels(resting) {
            let qty = market.left(book, resting, *shown);
            let price = match face {
                Face::Yes => shown.price,
                Face::No => shown.price.complement(),
            };
            let net = share(qty.micro(), &rules.fee, price)?;
            if net > 0 {
                self.0.try_push(Shown { price, net, unit: rules.fee.unit_cost(price) }).ok()?;
            }
        }
        Some(())
    }

    /// Buys up to `net` contracts, in whole lots; nothing where that is less than the venue takes.
    fn walk(&self, net: u64, rules: &PaperRules) -> Option<Walked> {
        let mut walked = Walked::default();
        let (mut left, mut order) = (net, 0_u64);
        for shown in &self.0 {
            let take = shown.net.min(left);
            if take == 0 {
                break;
            }
            order = order.checked_add(gross(take, &rules.fee, shown.price)?)?;
            left = left.checked_sub(take)?;
            walked.net = walked.net.checked_add(take)?;
            walked.limit = shown.price;
            let cost = i128::from(shown.unit).checked_mul(i128::from(take))?;
            walked.cost = walked.cost.checked_add(cost)?;
        }
        let order = Qty::from_micro(order)?;
        walked.order = order.floor_to_lot(rules.lot);
        let notional = Exact::product(walked.limit, walked.order);
        let too_small = walked.order.is_zero()
            || walked.order < rules.min_qty
            || notional < rules.min_notional.exact();
        if too_small {
            return Some(Walked::default());
        }
        if walked.order != order {
            // What the lot cuts off is the dearest: the rest costs in proportion at most as much.
            let cut = order.checked_sub(walked.order)?.micro();
            walked.net = walked.net.checked_sub(cut.min(walked.net))?;
        }
        Some(walked)
    }
}

/// Contracts that arrive of `micro` bought at `price`.
fn share(micro: u64, fee: &FeeSchedule, price: Price) -> Option<u64> {
    let Some((kept, whole)) = fee.delivered_share(price) else { return Some(0) };
    u64::try_from(u128::from(micro).checked_mul(kept)?.checked_div(whole)?).ok()
}

/// Contracts to buy at `price` so that `net` arrive.
fn gross(net: u64, fee: &FeeSchedule, price: Price) -> Option<u64> {
    let (kept, whole) = fee.delivered_share(price)?;
    if kept == 0 {
        return None;
    }
    u64::try_from(u128::from(net).checked_mul(whole)?.div_ceil(kept)).ok()
}

/// One leg's two walls, its venue's rules and whether its book may be traded on.
#[derive(Debug)]
struct Place {
    more: Wall,
    less: Wall,
    rules: PaperRules,
    is_live: bool,
}

impl Default for Place {
    fn default() -> Self {
        let rules = PaperRules {
            fee: FeeSchedule::NONE,
            lot: Qty::ONE,
            min_qty: Qty::ZERO,
            min_notional: Cash::ZERO,
            latency: Nanos::ZERO,
        };
        Self { more: Wall::default(), less: Wall::default(), rules, is_live: false }
    }
}

/// What the books allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send the steps.
    Act,
    /// Nothing can be done until a book changes.
    Wait,
    /// The books would trade, but what is unequal is smaller than the venues take.
    Crumbs,
}

/// Buffers of the choice; nothing allocates once they have the room of the largest basket.
#[derive(Debug, Default)]
pub(super) struct Planner {
    places: Vec<Place>,
    depth: Depth,
    steps: Vec<Step>,
    versions: u64,
}

impl Planner {
    /// A planner for baskets of at most `legs` legs.
    pub(super) fn new(legs: usize) -> Self {
        let places = (0..legs).map(|_| Place::default()).collect();
        Self { places, steps: Vec::with_capacity(legs), ..Self::default() }
    }

    /// Makes room for larger baskets. Allocates.
    pub(super) fn reserve(&mut self, legs: usize) {
        if legs > self.places.len() {
            self.places.resize_with(legs, Place::default);
            self.steps.reserve(legs);
        }
    }

    /// What to send.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A number that differs when one of the books has changed since the last [`Planner::read`].
    pub(super) const fn versions(&self) -> u64 {
        self.versions
    }

    /// Reads the books of the legs. `None` where one cannot be read or priced.
    pub(super) fn read(&mut self, legs: &[LeggedLeg], market: &mut impl Market) -> Option<()> {
        self.versions = 0;
        for (leg, place) in legs.iter().zip(&mut self.places) {
            let book = leg.instrument.book();
            if market.depth(book, &mut self.depth) != DepthRead::Read {
                return None;
            }
            let stamp = self.depth.stamp;
            self.versions = self.versions.wrapping_mul(31).wrapping_add(stamp.version);
            place.rules = market.rules(book)?;
            place.is_live = stamp.status == BookStatus::Live && !self.depth.top().is_crossed();
            place.more.read(leg.instrument, &self.depth, &place.rules, &*market)?;
            let complement = leg.instrument.complement();
            place.less.read(complement, &self.depth, &place.rules, &*market)?;
            if !place.is_live {
                place.more.0.clear();
                place.less.0.clear();
            }
        }
        Some(())
    }

    /// Chooses among completing, unwinding and any mixture of the two, by the books just read. Past
    /// the deadline, and while a book may not be traded on, only unwinding where it brings anything.
    pub(super) fn choose(
        &mut self,
        legs: &[LeggedLeg],
        payoff: UnitCost,
        is_late: bool,
    ) -> Verdict {
        self.steps.clear();
        let are_live = self.places.iter().take(legs.len()).all(|place| place.is_live);
        if !are_live && !is_late {
            return Verdict::Wait;
        }
        match self.best(legs, payoff, is_late) {
            Some(target) if self.collect(legs, target).is_some() && !self.steps.is_empty() => {
                Verdict::Act
            }
            Some(_) if are_live && self.shows_both(legs) => Verdict::Crumbs,
            Some(_) | None => Verdict::Wait,
        }
    }

    /// Whether every leg that is above the lowest could be left but for its size.
    fn shows_both(&self, legs: &[LeggedLeg]) -> bool {
        let low = legs.iter().map(|leg| leg.baskets()).min().unwrap_or(0);
        let mut excess = legs.iter().zip(&self.places).filter(|(leg, _)| leg.baskets() > low);
        excess.all(|(_, place)| !place.less.0.is_empty())
    }

    /// The number of baskets, in 1e-6, that is worth most.
    fn best(&self, legs: &[LeggedLeg], payoff: UnitCost, is_late: bool) -> Option<u64> {
        let low = legs.iter().map(|leg| leg.baskets()).min()?;
        let high = legs.iter().map(|leg| leg.baskets()).max()?;
        let places = self.places.iter().take(legs.len());
        let lot = places.map(|place| place.rules.lot.micro()).max()?.max(1);
        let value = |target: u64| self.value(legs, payoff, target);
        let nothing = i128::from(payoff).checked_mul(i128::from(low))?;
        let unwound = value(low)?;
        if is_late && unwound > nothing {
            return Some(low);
        }
        let at = |index: u64| low.saturating_add(index.saturating_mul(lot)).min(high);
        let (mut from, mut to) = (0_u64, high.checked_sub(low)?.div_ceil(lot));
        while from < to {
            let middle = from.midpoint(to);
            if value(at(middle.checked_add(1)?))? >= value(at(middle))? {
                from = middle.checked_add(1)?;
            } else {
                to = middle;
            }
        }
        // The venues' minimums cut holes into the middle: both ends are tried as well.
        let (mut best, mut most) = (high, value(high)?);
        for (target, worth) in [(at(from), value(at(from))?), (low, unwound)] {
            if worth > most {
                (best, most) = (target, worth);
            }
        }
        if most > nothing { Some(best) } else { self.idle(legs, low) }
    }

    /// Where nothing gains: the lowest number if its steps are empty, to tell crumbs from waiting.
    fn idle(&self, legs: &[LeggedLeg], low: u64) -> Option<u64> {
        let mut steps = legs.iter().zip(&self.places).map(|(leg, place)| {
            place.less.walk(leg.above(low), &place.rules).is_some_and(|walked| walked.net == 0)
        });
        steps.all(|is_empty| is_empty).then_some(low)
    }

    /// What ending with `target` baskets is worth, in 1e-20 $.
    fn value(&self, legs: &[LeggedLeg], payoff: UnitCost, target: u64) -> Option<i128> {
        let (mut cash, mut baskets) = (0_i128, u64::MAX);
        for (leg, place) in legs.iter().zip(&self.places) {
            let more = place.more.walk(leg.below(target), &place.rules)?;
            let less = place.less.walk(leg.above(target), &place.rules)?;
            // A pair is one payout.
            let merged = i128::from(UNIT_PAYOUT).checked_mul(i128::from(less.net))?;
            cash = cash.checked_add(merged)?.checked_sub(more.cost.checked_add(less.cost)?)?;
            let held = leg.held.checked_add(more.net)?.checked_sub(less.net)?;
            baskets = baskets.min(LeggedLeg { held, ..*leg }.baskets());
        }
        i128::from(payoff).checked_mul(i128::from(baskets))?.checked_add(cash)
    }

    /// The purchases that lead to `target` baskets.
    fn collect(&mut self, legs: &[LeggedLeg], target: u64) -> Option<()> {
        for (index, (leg, place)) in legs.iter().zip(&self.places).enumerate() {
            let more = place.more.walk(leg.below(target), &place.rules)?;
            let less = place.less.walk(leg.above(target), &place.rules)?;
            for (instrument, walked) in
                [(leg.instrument, more), (leg.instrument.complement(), less)]
            {
                if !walked.order.is_zero() {
                    let (limit, qty) = (walked.limit, walked.order);
                    self.steps.push(Step { leg: index, instrument, limit, qty });
                }
            }
        }
        Some(())
    }
}

impl LeggedLeg {
    /// Baskets that what is held would fill, in 1e-6.
    pub(super) fn baskets(&self) -> u64 {
        let product = u128::from(self.held).saturating_mul(u128::from(RATIO_ONE));
        let baskets = product.checked_div(u128::from(self.ratio_micro)).unwrap_or(0);
        u64::try_from(baskets).unwrap_or(u64::MAX)
    }

    /// Contracts that so many baskets need.
    fn needed(&self, baskets: u64) -> u64 {
        let product = u128::from(baskets).saturating_mul(u128::from(self.ratio_micro));
        u64::try_from(product.div_ceil(u128::from(RATIO_ONE))).unwrap_or(u64::MAX)
    }

    fn below(&self, baskets: u64) -> u64 {
        self.needed(baskets).saturating_sub(self.held)
    }

    pub(super) fn above(&self, baskets: u64) -> u64 {
        self.held.saturating_sub(self.needed(baskets))
    }
}
