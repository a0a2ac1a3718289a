//! Whether the prices that an opportunity rests on are real.

use dutchbook_book::{BookStatus, Nanos, Side};

use super::Veto;
use crate::opportunity::OpportunityLeg;
use crate::position::Portfolio;

/// Refuses legs whose views are doubtful, too old, of different epochs, or show nothing within the
/// leg's limit; legs whose fee is not known; and books that are settled.
pub(super) fn check(
    legs: &[OpportunityLeg],
    portfolio: &Portfolio,
    age_max: Nanos,
    now: Nanos,
) -> Result<(), Veto> {
    if legs.is_empty() || legs.iter().any(|leg| leg.qty.is_zero()) {
        return Err(Veto::Empty);
    }
    for leg in legs {
        let stamp = leg.view.stamp;
        match stamp.status {
            BookStatus::Live => {}
            BookStatus::Stale => return Err(Veto::InputStale),
            BookStatus::Crossed => return Err(Veto::InputCrossed),
            BookStatus::AwaitingSnapshot
            | BookStatus::Gapped
            | BookStatus::Halted
            | BookStatus::Closed => return Err(Veto::InputNotLive),
        }
        if leg.view.top.is_crossed() {
            return Err(Veto::InputCrossed);
        }
        if now.since(stamp.ts_recv) > age_max {
            return Err(Veto::InputStale);
        }
        let book = leg.instrument.book();
        let is_same = |other: &OpportunityLeg| other.instrument.book() == book;
        if legs.iter().any(|other| is_same(other) && other.view.stamp.epoch != stamp.epoch) {
            return Err(Veto::InputMixed);
        }
        if !leg.is_fee_known {
            return Err(Veto::FeeUnknown);
        }
        if !is_within_limit(leg) {
            return Err(Veto::LimitPassed);
        }
        if portfolio.is_settled(book) {
            return Err(Veto::Settled);
        }
    }
    Ok(())
}

/// Whether the view that was read shows a price within the leg's limit.
fn is_within_limit(leg: &OpportunityLeg) -> bool {
    let top = leg.view.top.face(leg.instrument.face());
    match leg.side {
        Side::Buy => top.ask.is_some_and(|ask| ask.price <= leg.limit),
        Side::Sell => top.bid.is_some_and(|bid| bid.price >= leg.limit),
    }
}
