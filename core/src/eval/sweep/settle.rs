//! Exact settlement of a basket at a given size: every match, every rounding, every minimum.

use dutchbook_book::fee::{Collect, OrderFees, UnitCost};
use dutchbook_book::{Exact, Level, Price, Qty, Side};

use super::{LegBook, NOTHING, Refusal, Terms};
use crate::eval::basket::RATIO_ONE;

/// 1e-20 $ (payoff in 1e-14 $ × size in 1e-6) in 1e-12 $.
const PAYOFF_PER_PICO: i128 = 100_000_000;

/// One order of a sized basket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizedLeg {
    /// Contracts ordered.
    pub qty: Qty,
    /// The worst level walked.
    pub limit_price: Price,
    /// Σ price·qty.
    pub notional: Exact,
    /// What is paid beside the notional, order-level rounding included.
    pub fee: Exact,
    /// The change of our balance: negative for a buy.
    pub cash: Exact,
    /// Contracts that arrive or leave.
    pub delivered: Qty,
    /// Contracts that the venue keeps as its fee.
    pub fee_contracts: Qty,
    /// What settlement takes if this leg wins.
    pub commission: Exact,
}

/// A basket that is worth trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing<'s> {
    /// Baskets.
    pub size: Qty,
    /// The orders, in the order of the legs.
    pub legs: &'s [SizedLeg],
    /// Payoff less notionals.
    pub gross: Exact,
    /// Fees in cash and commissions.
    pub fees: Exact,
    /// Payoff less cash paid with its carry, commissions and fixed costs.
    pub net: Exact,
    /// What leaves our balances now; negative when sales bring more.
    pub cash_paid: Exact,
}

/// What a level delivers to us, or takes from us, after fees taken in contracts.
pub(super) fn delivered(leg: &LegBook<'_>, level: Level) -> Option<Qty> {
    if leg.side == Side::Sell || leg.schedule.collect == Collect::Cash {
        return Some(level.qty);
    }
    let Some((kept, whole)) = leg.schedule.delivered_share(level.price) else {
        return Some(Qty::ZERO);
    };
    let net = u128::from(level.qty.micro()).checked_mul(kept)?.checked_div(whole)?;
    Qty::from_micro(u64::try_from(net).ok()?)
}

/// Contracts that one leg must deliver for `size` baskets; a product finer than 1e-6 rounds
/// against us.
fn needed(leg: &LegBook<'_>, size: Qty) -> Option<Qty> {
    let product = u128::from(size.micro()).checked_mul(u128::from(leg.ratio_micro))?;
    let one = u128::from(RATIO_ONE);
    let micro = match leg.side {
        Side::Buy => product.div_ceil(one),
        Side::Sell => product.checked_div(one)?,
    };
    Qty::from_micro(u64::try_from(micro).ok()?)
}

/// Contracts to order so that `net` arrive: more than `net` where the fee is taken in contracts.
/// `Ok(None)` where the depth is too small.
fn ordered(leg: &LegBook<'_>, net: Qty) -> Option<Option<Qty>> {
    if leg.side == Side::Sell || leg.schedule.collect == Collect::Cash {
        return Some(Some(net));
    }
    let (mut left, mut gross) = (net, Qty::ZERO);
    for level in leg.levels {
        let arrives = delivered(leg, *level)?;
        if arrives < left {
            left = left.checked_sub(arrives)?;
            gross = gross.checked_add(level.qty)?;
            continue;
        }
        let (kept, whole) = leg.schedule.delivered_share(level.price)?;
        let last = u128::from(left.micro()).checked_mul(whole)?.div_ceil(kept);
        gross = gross.checked_add(Qty::from_micro(u64::try_from(last).ok()?)?)?;
        return Some(Some(gross.ceil_to_lot(leg.lot)?));
    }
    Some(None)
}

/// Walks one order through its levels. `Ok(None)` where the depth is too small.
pub(super) fn fill(leg: &LegBook<'_>, qty: Qty) -> Option<Option<SizedLeg>> {
    let mut order = OrderFees::new(leg.schedule);
    let mut sized = SizedLeg { qty, ..SizedLeg::default() };
    let mut left = qty;
    for level in leg.levels {
        if left.is_zero() {
            break;
        }
        let take = level.qty.min(left);
        if take.is_zero() {
            continue;
        }
        left = left.checked_sub(take)?;
        let match_fee = order.fill(leg.side, level.price, take)?;
        if leg.side == Side::Buy {
            let commission = leg.schedule.commission(level.price, match_fee.delivered)?;
            sized.commission = sized.commission.checked_add(commission)?;
        }
        sized.limit_price = level.price;
    }
    if !left.is_zero() {
        return Some(None);
    }
    let total = order.close()?;
    sized.notional = total.notional;
    sized.fee = total.fee;
    sized.cash = total.cash;
    sized.delivered = total.delivered;
    sized.fee_contracts = total.filled.checked_sub(total.delivered)?;
    Some(Some(sized))
}

/// Settles every leg for `size` baskets into `out`.
pub(super) fn legs(
    legs: &[LegBook<'_>],
    size: Qty,
    out: &mut Vec<SizedLeg>,
) -> Result<(), Refusal> {
    out.clear();
    for (index, leg) in legs.iter().enumerate() {
        let short = Refusal::DepthForFee { leg: index };
        let net = needed(leg, size).ok_or(Refusal::Overflow)?;
        let qty = ordered(leg, net).ok_or(Refusal::Overflow)?.ok_or(short)?;
        out.push(fill(leg, qty).ok_or(Refusal::Overflow)?.ok_or(short)?);
    }
    Ok(())
}

/// Refuses an order that a venue would: raising it would change the basket.
pub(super) fn check_minimums(legs: &[LegBook<'_>], sized: &[SizedLeg]) -> Result<(), Refusal> {
    for (index, (leg, order)) in legs.iter().zip(sized).enumerate() {
        if order.qty < leg.min_qty || order.notional < leg.min_notional.exact() {
            return Err(Refusal::BelowVenueMinimum { leg: index });
        }
    }
    Ok(())
}

/// What `size` baskets pay, rounded down to 1e-12 $.
fn payoff_of(unit: UnitCost, size: Qty) -> Option<Exact> {
    let product = i128::from(unit).checked_mul(i128::from(size.micro()))?;
    Some(Exact::from_pico(product.div_euclid(PAYOFF_PER_PICO)))
}

fn sum(legs: &[SizedLeg], of: impl Fn(&SizedLeg) -> Exact) -> Option<Exact> {
    legs.iter().try_fold(NOTHING, |sum, leg| sum.checked_add(of(leg)))
}

fn cash_paid(terms: &Terms, size: Qty, legs: &[SizedLeg]) -> Option<Exact> {
    payoff_of(terms.set, size)?.checked_sub(sum(legs, |leg| leg.cash)?)
}

/// The capital that `size` baskets tie up: the cash paid, and for sold sets one dollar each.
pub(super) fn capital(terms: &Terms, size: Qty, legs: &[SizedLeg]) -> Option<Exact> {
    let owed = NOTHING.checked_sub(payoff_of(terms.payoff, size)?)?.max(NOTHING);
    cash_paid(terms, size, legs)?.checked_add(owed)
}

/// The sums of a settled basket.
pub(super) fn total<'s>(terms: &Terms, size: Qty, legs: &'s [SizedLeg]) -> Option<Sizing<'s>> {
    let cash_paid = cash_paid(terms, size, legs)?;
    let fees = sum(legs, |leg| leg.fee)?;
    let commissions = sum(legs, |leg| leg.commission)?;
    let payoff = payoff_of(terms.payoff, size)?;
    // Cash paid is notionals bought less notionals sold, plus fees.
    let gross = payoff.checked_sub(cash_paid.checked_sub(fees)?)?;
    let net = payoff
        .checked_sub(terms.carry.on_cash(cash_paid)?)?
        .checked_sub(commissions)?
        .checked_sub(terms.fixed_cost.exact())?;
    Some(Sizing { size, legs, gross, fees: fees.checked_add(commissions)?, net, cash_paid })
}
