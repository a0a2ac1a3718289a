//! Trades from sending to hedged or flat: what each leg was to bring, what it brought, and how the
//! difference is closed when one leg missed.
//!
//! Every trade has a slot from before its orders leave until its legs are equal. When all its orders
//! are over and they are not, the trade is *legged*. It is then looked at at once and once per
//! [`ATTEMPT_GAP`], and acted on where its books have changed, never while an order of it is under way:
//! missing legs are bought or excess legs left, whichever is worth more at the books as they are now,
//! fees included; what was paid before does not count. Past [`DEADLINE`] it is only unwound. A book
//! that is not live is waited for (past the deadline the other legs are left meanwhile). What is
//! unequal by less than a venue's smallest order stays with the portfolio past the deadline.
//!
//! On a venue that settles later a trade is followed until nothing of it can be taken back: a fill
//! that is, or one that comes after all, opens the trade again.
//!
//! A leg that is uncertain by what its venue states (orders are held there before they are matched)
//! is sent alone, and the others follow it at current books, as much as it got: the trade is then
//! *staged*, which is no failure.
//!
//! These orders pass no cap: each makes a position smaller or a basket whole. They stop with the kill
//! switch like all others. Slots are made at the start; a trade without a free slot is not sent.

pub mod learn;
mod plan;

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{Exact, InstrumentId, Nanos, Qty, Side};
use dutchbook_exec::{Fill, Intent, Report, ReportKind, TradeId};

pub use plan::Market;
use plan::{Planner, Verdict};

use crate::recovery::RecoveredBasket;

/// Time between two looks at one trade.
pub const ATTEMPT_GAP: Nanos = Nanos::from_millis(5);
/// A trade that is legged for longer is only unwound.
pub const DEADLINE: Nanos = Nanos::from_secs(2);
/// One payout, a millionth of a contract, in 1e-12 $.
const PICO_PER_MICRO: i128 = 1_000_000;
/// How long an order of an attempt is wanted.
const WANTED: Nanos = Nanos::from_secs(1);

/// One leg of a trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeggedLeg {
    /// What is bought.
    pub instrument: InstrumentId,
    /// Contracts per basket in 1e-6.
    pub ratio_micro: u32,
    /// The smallest step of an order in 1e-6: less cannot be traded, and does not make legs unequal.
    pub lot_micro: u64,
    /// Contracts that have arrived and not been left again, in 1e-6.
    pub held: u64,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    trade: Option<TradeId>,
    decision: u64,
    /// What one whole basket pays at least.
    payoff: UnitCost,
    legs: Vec<LeggedLeg>,
    orders_open: usize,
    /// Orders that are not settled: what they brought may still be taken back.
    unsettled: usize,
    legged: Option<Since>,
    /// Its legs were equal when it was last judged.
    is_even: bool,
    /// Only the uncertain legs were sent: that the others are missing is meant.
    is_staged: bool,
    /// What its fills have moved, a pair counted as one payout, in 1e-12 $.
    cash: i128,
    /// What was legged first: the leg, and contracts in 1e-6.
    excess: Option<(InstrumentId, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    at: Nanos,
    looked_at: Nanos,
    /// The books at the last attempt; `None` when orders have ended since.
    versions: Option<u64>,
    /// Whole baskets when the trade became legged.
    baskets: u64,
}

/// How a legged trade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeggedEnd {
    /// The missing legs were bought, at least in part.
    Completed,
    /// The excess was left.
    Unwound,
    /// It is smaller than the venues' smallest orders, or settled: the portfolio carries it.
    Left,
}

/// What one piece of news did to its trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not ours, or more is to come.
    Open,
    /// All orders are over and the legs are unequal, for the first time.
    Legged,
    /// The trade is over: its legs are equal.
    Even(Option<LeggedEnd>),
}

/// What to do about one trade now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing.
    Idle,
    /// Send [`Legged::intents`] under this decision.
    Send {
        /// The decision that the trade was made by.
        decision: u64,
    },
    /// The trade is given up.
    Ended(LeggedEnd),
}

/// All trades that are not yet hedged or flat.
#[derive(Debug)]
pub struct Legged {
    slots: Vec<Slot>,
    /// Whether an order that is over may still be taken back.
    settles_later: bool,
    loss: Option<(InstrumentId, UnitCost)>,
    legged_count: usize,
    planner: Planner,
    intents: Vec<Intent>,
}

impl Legged {
    /// Room for `trades` trades of at most `legs` legs.
    #[must_use]
    pub fn new(trades: usize, legs: usize) -> Self {
        let slot = || Slot { legs: Vec::with_capacity(legs), ..Slot::default() };
        Self {
            slots: (0..trades).map(|_| slot()).collect(),
            settles_later: false,
            loss: None,
            legged_count: 0,
            planner: Planner::new(legs),
            intents: Vec::with_capacity(legs),
        }
    }

    /// Follows trades until their venues say that they are settled.
    pub const fn settle_later(&mut self) {
        self.settles_later = true;
    }

    /// Makes room for larger baskets. Allocates: not for the hot path.
    pub fn reserve(&mut self, legs: usize) {
        for slot in &mut self.slots {
            slot.legs.reserve(legs.saturating_sub(slot.legs.len()));
        }
        self.planner.reserve(legs);
        self.intents.reserve(legs);
    }

    /// Whether one more trade can be followed. Without room it must not be sent.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.slots.iter().any(|slot| slot.trade.is_none())
    }

    /// Slots, used or not: the bound of [`Legged::attempt`]'s index.
    #[must_use]
    pub const fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Trades with unequal legs.
    #[must_use]
    pub const fn legged_count(&self) -> usize {
        self.legged_count
    }

    /// Whether a trade is to be looked at.
    #[must_use]
    pub fn is_due(&self, now: Nanos) -> bool {
        self.legged_count > 0
            && self.slots.iter().any(|slot| {
                let is_idle = slot.trade.is_some() && slot.orders_open == 0;
                let looked_at = slot.legged.filter(|_| is_idle).map(|since| since.looked_at);
                looked_at.is_some_and(|at| now.since(at) >= ATTEMPT_GAP)
            })
    }

    /// Follows a trade whose orders are about to be sent: what it buys with the contracts per basket
    /// in 1e-6 and the lot, and what a whole basket of those purchases pays at least. Returns whether
    /// there was room.
    pub fn open(
        &mut self,
        trade: TradeId,
        decision: u64,
        payoff: UnitCost,
        legs: impl Iterator<Item = (InstrumentId, u32, Qty)>,
    ) -> bool {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.trade.is_none()) else {
            return false;
        };
        slot.legs.clear();
        for (instrument, ratio_micro, lot) in legs {
            let lot_micro = lot.micro().max(1);
            slot.legs.push(LeggedLeg { instrument, ratio_micro, lot_micro, held: 0 });
        }
        (slot.trade, slot.decision, slot.payoff) = (Some(trade), decision, payoff);
        (slot.orders_open, slot.legged) = (slot.legs.len(), None);
        (slot.unsettled, slot.is_even, slot.is_staged) = (slot.legs.len(), false, false);
        (slot.cash, slot.excess) = (0, None);
        true
    }

    /// Goes on following a trade of another run, of which `orders_open` orders are still under way.
    /// `None` when there is no room.
    pub fn resume(
        &mut self,
        basket: &RecoveredBasket,
        orders_open: usize,
        now: Nanos,
    ) -> Option<Progress> {
        let legs = basket.legs.iter().map(|leg| (leg.instrument, leg.ratio_micro, leg.lot));
        if !self.open(basket.trade, basket.decision, basket.payoff, legs) {
            return None;
        }
        let slot = self.slots.iter_mut().find(|slot| slot.trade == Some(basket.trade))?;
        for (leg, known) in slot.legs.iter_mut().zip(&basket.legs) {
            leg.held = known.held.micro();
        }
        if basket.is_legged {
            let baskets = slot.low();
            let since = Since { at: now, looked_at: Nanos::ZERO, versions: None, baskets };
            slot.legged = Some(since);
            self.legged_count += 1;
        }
        // One more than there are: the end that is told below.
        slot.orders_open = orders_open.saturating_add(1);
        slot.unsettled = slot.orders_open;
        Some(self.end_order(basket.trade, true, now))
    }

    /// The trade of a slot.
    #[must_use]
    pub fn trade(&self, index: usize) -> Option<TradeId> {
        self.slots.get(index).and_then(|slot| slot.trade)
    }

    /// Some legs of a trade are held back until the others are over.
    pub fn stage(&mut self, trade: TradeId, held_back: usize) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.trade == Some(trade)) {
            slot.is_staged = true;
            slot.orders_open = slot.orders_open.saturating_sub(held_back);
            slot.unsettled = slot.unsettled.saturating_sub(held_back);
        }
    }

    /// What the trade that ended last has lost by being legged, where it was: the leg that was
    /// filled alone, and the loss per contract of it.
    pub const fn take_loss(&mut self) -> Option<(InstrumentId, UnitCost)> {
        self.loss.take()
    }

    /// Takes an order that was not sent after all, for want of room.
    pub fn on_refused(&mut self, trade: TradeId, now: Nanos) -> Progress {
        self.end_order(trade, true, now)
    }

    /// Takes news of an order.
    pub fn on_report(&mut self, report: &Report, now: Nanos) -> Progress {
        let Some(index) = self.slots.iter().position(|slot| slot.trade == Some(report.trade))
        else {
            return Progress::Open;
        };
        match report.kind {
            ReportKind::Acknowledged => Progress::Open,
            ReportKind::Filled(fill) => self.move_leg(index, report, &fill, true, now),
            ReportKind::Reversed(fill) => self.move_leg(index, report, &fill, false, now),
            ReportKind::Rejected(_) => self.end_order(report.trade, true, now),
            ReportKind::Closed(_) => self.end_order(report.trade, !self.settles_later, now),
            ReportKind::Settled => {
                self.settle(index);
                Progress::Open
            }
        }
    }

    /// Contracts came to a leg, or were taken back.
    fn move_leg(
        &mut self,
        index: usize,
        report: &Report,
        fill: &Fill,
        is_ours: bool,
        now: Nanos,
    ) -> Progress {
        let Some(slot) = self.slots.get_mut(index) else { return Progress::Open };
        let Some(leg) = slot.legs.get_mut(usize::from(report.leg_index)) else {
            return Progress::Open;
        };
        let micro = fill.delivered.micro();
        let is_leg = leg.instrument == report.instrument;
        leg.held = if is_leg == is_ours {
            leg.held.saturating_add(micro)
        } else {
            leg.held.saturating_sub(micro)
        };
        let mut cash = fill.cash_effect(report.side).unwrap_or(Exact::ZERO).pico();
        if !is_leg {
            // The complement of what is held: a pair is one payout.
            cash = cash.saturating_add(i128::from(micro).saturating_mul(PICO_PER_MICRO));
        }
        slot.cash = slot.cash.saturating_add(if is_ours { cash } else { cash.saturating_neg() });
        // What comes or goes when every order is over opens the trade again.
        if slot.orders_open == 0 { self.judge(index, now) } else { Progress::Open }
    }

    fn end_order(&mut self, trade: TradeId, is_settled: bool, now: Nanos) -> Progress {
        let Some(index) = self.slots.iter().position(|slot| slot.trade == Some(trade)) else {
            return Progress::Open;
        };
        let Some(slot) = self.slots.get_mut(index) else { return Progress::Open };
        slot.orders_open = slot.orders_open.saturating_sub(1);
        slot.unsettled = slot.unsettled.saturating_sub(usize::from(is_settled));
        if slot.orders_open > 0 { Progress::Open } else { self.judge(index, now) }
    }

    /// All orders of a trade are over: whether its legs are equal.
    fn judge(&mut self, index: usize, now: Nanos) -> Progress {
        let Some(slot) = self.slots.get_mut(index) else { return Progress::Open };
        let low = slot.low();
        if slot.is_even() {
            let was_even = core::mem::replace(&mut slot.is_even, true);
            let end = slot.legged.take().map(|since| {
                self.legged_count = self.legged_count.saturating_sub(1);
                if low > since.baskets { LeggedEnd::Completed } else { LeggedEnd::Unwound }
            });
            let end = end.filter(|_| !slot.is_staged);
            if end.is_some() {
                self.loss = slot.loss();
            }
            slot.is_staged = false;
            slot.free_if_settled();
            return if was_even { Progress::Open } else { Progress::Even(end) };
        }
        slot.is_even = false;
        if let Some(since) = &mut slot.legged {
            since.versions = None;
            return Progress::Open;
        }
        self.legged_count += 1;
        slot.legged = Some(Since { at: now, looked_at: Nanos::ZERO, versions: None, baskets: low });
        slot.excess = slot.most_above(low);
        if slot.is_staged { Progress::Open } else { Progress::Legged }
    }

    /// An order of a trade can no longer be taken back.
    fn settle(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        slot.unsettled = slot.unsettled.saturating_sub(1);
        slot.free_if_settled();
    }

    /// Looks at the trade of one slot: whether to act, and how, at the books as they are now.
    pub fn attempt(
        &mut self,
        index: usize,
        is_settled: impl Fn(InstrumentId) -> bool,
        market: &mut impl Market,
        now: Nanos,
    ) -> Attempt {
        self.intents.clear();
        let Some(slot) = self.slots.get_mut(index) else { return Attempt::Idle };
        let (Some(trade), Some(since)) = (slot.trade, &mut slot.legged) else {
            return Attempt::Idle;
        };
        if slot.orders_open > 0 || now.since(since.looked_at) < ATTEMPT_GAP {
            return Attempt::Idle;
        }
        if slot.legs.iter().any(|leg| is_settled(leg.instrument)) {
            return self.give_up(index);
        }
        if self.planner.read(&slot.legs, market).is_none() {
            return Attempt::Idle;
        }
        since.looked_at = now;
        let is_late = now.since(since.at) >= DEADLINE;
        if since.versions == Some(self.planner.versions()) && !is_late {
            return Attempt::Idle;
        }
        since.versions = Some(self.planner.versions());
        match self.planner.choose(&slot.legs, slot.payoff, is_late) {
            Verdict::Act => {}
            Verdict::Crumbs if is_late => return self.give_up(index),
            Verdict::Crumbs | Verdict::Wait => return Attempt::Idle,
        }
        for step in self.planner.steps() {
            self.intents.push(Intent {
                trade,
                // As many legs as a decision has, which fit.
                leg_index: u16::try_from(step.leg).unwrap_or(u16::MAX),
                instrument: step.instrument,
                side: Side::Buy,
                limit: step.limit,
                qty: step.qty,
                deadline: now.plus(WANTED),
                ts_decision: now,
            });
        }
        slot.orders_open = self.intents.len();
        slot.unsettled = slot.unsettled.saturating_add(self.intents.len());
        Attempt::Send { decision: slot.decision }
    }

    /// What the last [`Attempt::Send`] wants sent.
    #[must_use]
    pub fn intents(&self) -> &[Intent] {
        &self.intents
    }

    fn give_up(&mut self, index: usize) -> Attempt {
        if let Some(slot) = self.slots.get_mut(index) {
            (slot.trade, slot.legged) = (None, None);
            self.legged_count = self.legged_count.saturating_sub(1);
        }
        Attempt::Ended(LeggedEnd::Left)
    }

    /// Contracts of a trade beyond its whole baskets, over all legs; `None` when it is over.
    #[must_use]
    pub fn naked(&self, trade: TradeId) -> Option<Qty> {
        let slot = self.slots.iter().find(|slot| slot.trade == Some(trade))?;
        let low = slot.low();
        Qty::from_micro(slot.legs.iter().map(|leg| leg.above(low)).fold(0, u64::saturating_add))
    }
}

impl Slot {
    /// Whole baskets held, in 1e-6.
    fn low(&self) -> u64 {
        self.legs.iter().map(LeggedLeg::baskets).min().unwrap_or(0)
    }

    /// The leg that is furthest above the whole baskets, and by how many contracts.
    fn most_above(&self, low: u64) -> Option<(InstrumentId, u64)> {
        let above = self.legs.iter().map(|leg| (leg.instrument, leg.above(low)));
        above.max_by_key(|(_, micro)| *micro)
    }

    /// What being legged has cost per contract of the excess, where it has.
    fn loss(&self) -> Option<(InstrumentId, UnitCost)> {
        let (leg, micro) = self.excess.filter(|(_, micro)| *micro > 0)?;
        // 1e-14 $ times 1e-6 baskets is 1e-20 $.
        let payoff = i128::from(self.payoff).checked_mul(i128::from(self.low()))?;
        let profit = self.cash.checked_mul(100_000_000)?.checked_add(payoff)?;
        let loss = profit.min(0).checked_neg()?.checked_div(i128::from(micro))?;
        Some((leg, UnitCost::try_from(loss).ok()?))
    }

    fn free_if_settled(&mut self) {
        if self.is_even && self.orders_open == 0 && self.unsettled == 0 {
            self.trade = None;
        }
    }

    /// Whether no leg has a lot beyond the whole baskets.
    fn is_even(&self) -> bool {
        let low = self.low();
        self.legs.iter().all(|leg| leg.above(low) < leg.lot_micro)
    }
}

#[cfg(test)]
mod tests;
