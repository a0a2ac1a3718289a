//! What a leg amounts to as a purchase: which contracts, at what limit, for how much at most.

use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{Exact, InstrumentId, Price, Qty, Side};

use super::Veto;
use crate::opportunity::OpportunityLeg;

/// What `qty` contracts cost at most if all are bought at `limit`, fees included, rounded up.
pub(super) fn cost_at_limit(fee: &FeeSchedule, limit: Price, qty: Qty) -> Option<Exact> {
    // 1e-14 $ per contract × 1e-6 contracts = 1e-20 $; an exact amount is in 1e-12 $.
    const PER_PICO: i128 = 100_000_000;
    let cost = i128::from(fee.unit_cost(limit)).checked_mul(i128::from(qty.micro()))?;
    let up = cost.checked_add(PER_PICO - 1)?.checked_div(PER_PICO)?;
    Some(Exact::from_pico(up))
}

/// How many of `qty` contracts bought at `limit` reach the account, rounded down.
pub(super) fn delivered(fee: &FeeSchedule, limit: Price, qty: Qty) -> Option<Qty> {
    let (kept, whole) = fee.delivered_share(limit)?;
    let micro = u128::from(qty.micro()).checked_mul(kept)?.checked_div(whole)?;
    Qty::from_micro(u64::try_from(micro).ok()?)
}

/// The purchase that a leg amounts to: itself, or of the complement where it sells.
pub(super) fn as_purchase(
    leg: &OpportunityLeg,
    fee: &FeeSchedule,
) -> Result<(InstrumentId, Price), Veto> {
    match leg.side {
        Side::Buy => Ok((leg.instrument, leg.limit)),
        Side::Sell => {
            let price = leg.limit.complement();
            if fee.unit_fee(Side::Buy, price) > fee.unit_fee(Side::Sell, leg.limit) {
                return Err(Veto::Uncovered);
            }
            Ok((leg.instrument.complement(), price))
        }
    }
}
