//! The proof of a portfolio: what its orders cost with every rounding, and what they pay in the
//! worst state, all in integers.

use dutchbook_book::fee::{Collect, FeeSchedule};
use dutchbook_book::{Cash, Exact, Level, Price, Qty, Side};

use super::basket::RATIO_ONE;
use super::resolution::Odds;
use super::sweep::{self, LegBook, SizedLeg};

/// One instrument of a cluster with its books and its payoffs.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// What one contract pays, state by state.
    pub payoffs: &'a [Price],
    /// What can be bought, best first.
    pub asks: &'a [Level],
    /// What can be sold out of split sets, best first; empty where no set can be split.
    pub bids: &'a [Level],
    /// What a taker pays.
    pub schedule: FeeSchedule,
    /// The step of an order.
    pub lot: Qty,
    /// The venue's smallest order.
    pub min_qty: Qty,
    /// The venue's smallest order in cash.
    pub min_notional: Cash,
}

/// What a portfolio must earn, and what it may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The step of every order, where it is coarser than the venue's lot.
    pub lot: Qty,
    /// A slice of a basket is taken while its edge is above this.
    pub min_edge: i64,
    /// The whole must earn more than this.
    pub min_net_total: Cash,
    /// The most cash that may be tied up.
    pub max_capital: Option<Cash>,
    /// Per trade, whatever its size.
    pub fixed_cost: Cash,
    /// The odds of a ruling, and what the money costs until then.
    pub odds: Odds,
    /// Most orders in one portfolio: each can be left alone.
    pub legs_max: usize,
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its place among the instruments.
    pub instrument: usize,
    /// What is done.
    pub side: Side,
    /// Contracts ordered.
    pub qty: Qty,
}

/// A portfolio with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The orders.
    pub orders: Vec<Order>,
    /// Each of them settled, in the same order.
    pub legs: Vec<SizedLeg>,
    /// What they pay in the worst state, before the odds of a ruling.
    pub floor: Exact,
    /// What leaves the balances.
    pub cash_paid: Exact,
    /// Fees in cash and commissions.
    pub fees: Exact,
    /// What is earned in the worst state, all costs included.
    pub net: Exact,
}

/// Why a portfolio is not worth its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproved {
    /// The books hold less, or a number does not fit.
    Depth,
    /// One order is smaller than its venue accepts.
    BelowMinimum(usize),
    /// It ties up too much.
    Capital,
}

/// The book that an order walks.
pub(super) fn book<'a>(listed: &Listed<'a>, side: Side) -> LegBook<'a> {
    LegBook {
        side,
        ratio_micro: RATIO_ONE,
        levels: match side {
            Side::Buy => listed.asks,
            Side::Sell => listed.bids,
        },
        schedule: listed.schedule,
        lot: listed.lot,
        min_qty: listed.min_qty,
        min_notional: listed.min_notional,
    }
}

/// Whether a fee of this instrument is taken from what is bought.
pub(super) fn is_kept_in_contracts(listed: &Listed<'_>) -> bool {
    listed.schedule.collect == Collect::Contracts
}

fn sum(legs: &[SizedLeg], of: impl Fn(&SizedLeg) -> Exact) -> Option<Exact> {
    legs.iter().try_fold(Exact::ZERO, |sum, leg| sum.checked_add(of(leg)))
}

/// What settled orders pay in a state: contracts × payoff is 1e-12 $ exactly.
fn value(
    listed: &[Listed<'_>],
    orders: &[Order],
    legs: &[SizedLeg],
    state: usize,
) -> Option<Exact> {
    let mut sum = 0_i128;
    for (order, leg) in orders.iter().zip(legs) {
        let payoff = listed.get(order.instrument)?.payoffs.get(state)?;
        let paid = |qty: Qty| i128::from(qty.micro()).checked_mul(i128::from(payoff.micro()));
        sum = match order.side {
            Side::Buy => sum.checked_add(paid(leg.delivered)?)?,
            Side::Sell => sum.checked_sub(paid(order.qty)?)?,
        };
    }
    Some(Exact::from_pico(sum))
}

fn numbers(
    listed: &[Listed<'_>],
    limits: &Limits,
    orders: &[Order],
    legs: Vec<SizedLeg>,
) -> Option<Proved> {
    let states = listed.iter().map(|listed| listed.payoffs.len()).min()?;
    let mut floor: Option<Exact> = None;
    for state in 0..states {
        let value = value(listed, orders, &legs, state)?;
        floor = Some(floor.map_or(value, |floor| floor.min(value)));
    }
    let floor = floor?;
    let cash_paid = Exact::ZERO.checked_sub(sum(&legs, |leg| leg.cash)?)?;
    let commissions = sum(&legs, |leg| leg.commission)?;
    let fees = sum(&legs, |leg| leg.fee)?.checked_add(commissions)?;
    let net = limits
        .odds
        .expected(floor)?
        .checked_sub(limits.odds.carry.on_cash(cash_paid)?)?
        .checked_sub(commissions)?
        .checked_sub(limits.fixed_cost.exact())?;
    Some(Proved { orders: orders.to_vec(), legs, floor, cash_paid, fees, net })
}

/// Settles the orders against the books and proves what they earn.
pub(super) fn prove(
    listed: &[Listed<'_>],
    limits: &Limits,
    orders: &[Order],
) -> Result<Proved, Unproved> {
    let mut legs = Vec::with_capacity(orders.len());
    for (at, order) in orders.iter().enumerate() {
        let listed = listed.get(order.instrument).ok_or(Unproved::Depth)?;
        let book = book(listed, order.side);
        let leg = sweep::settle_order(&book, order.qty).ok_or(Unproved::Depth)?;
        if order.qty < book.min_qty || leg.notional < book.min_notional.exact() {
            return Err(Unproved::BelowMinimum(at));
        }
        legs.push(leg);
    }
    let proved = numbers(listed, limits, orders, legs).ok_or(Unproved::Depth)?;
    let owed = Exact::ZERO.checked_sub(proved.floor).unwrap_or(Exact::ZERO).max(Exact::ZERO);
    let tied = proved.cash_paid.checked_add(owed).ok_or(Unproved::Depth)?;
    match limits.max_capital {
        Some(most) if tied > most.exact() => Err(Unproved::Capital),
        Some(_) | None => Ok(proved),
    }
}
