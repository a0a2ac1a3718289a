//! What the CLOB's replies prove about an order.

use dutchbook_book::{Exact, Qty, Side};

use super::order::OrderType;
use super::reply::{OrderView, PostOutcome, PostStatus, Status, TradePart};
use crate::order::fills::{FillNews, TradeKey};
use crate::order::live::{End, Evidence};
use crate::venue::refusal::Certainty;

/// What the reply of a post proves. An immediate order that was matched is out of the book, with so
/// many contracts as the reply says; where it says none, the record is asked for.
#[must_use]
pub fn of_post(outcome: &PostOutcome, side: Side, order_type: OrderType) -> Evidence {
    let posted = match outcome {
        PostOutcome::Refused(refusal) => {
            return match refusal.certainty {
                Certainty::Rejected => Evidence::Refused,
                Certainty::Unknown => Evidence::NoAnswer,
            };
        }
        PostOutcome::Accepted(posted) => posted,
    };
    let contracts = match side {
        Side::Buy => posted.taking_micro,
        Side::Sell => posted.making_micro,
    };
    let contracts = contracts.and_then(|micro| u64::try_from(micro).ok()).and_then(Qty::from_micro);
    match (posted.status, contracts, order_type) {
        (PostStatus::Live, None, _) => Evidence::Resting,
        (PostStatus::Live, Some(total), _) => Evidence::Filled(total),
        (PostStatus::Matched, Some(total), OrderType::Fok | OrderType::Fak) => {
            Evidence::Ended(End::Cancelled, Some(total))
        }
        (PostStatus::Matched, Some(total), OrderType::Gtc | OrderType::Gtd(_)) => {
            Evidence::Filled(total)
        }
        (PostStatus::Matched, None, _) => Evidence::Traded,
        (PostStatus::Delayed | PostStatus::Unmatched, _, _) => Evidence::Acknowledged,
    }
}

/// What a record of an order proves. Records lag: what they do not show proves nothing.
#[must_use]
pub fn of_record(view: &OrderView) -> [Evidence; 2] {
    let filled = Evidence::Filled(view.matched);
    match view.status {
        Status::Live => [filled, Evidence::Resting],
        Status::Ended => [filled, Evidence::Ended(End::Cancelled, Some(view.matched))],
        Status::Matched => [filled, Evidence::Ended(End::Filled, Some(view.matched))],
        Status::Delayed | Status::Unmatched | Status::Other => [filled, Evidence::Acknowledged],
    }
}

/// What an order's part in a trade proves; `fee` is what the order's schedule makes of it.
#[must_use]
pub fn of_trade(part: &TradePart, fee: Exact) -> Evidence {
    Evidence::Fill(FillNews {
        trade: TradeKey::of(&part.trade_id),
        price: part.price,
        qty: part.qty,
        fee,
        settlement: part.settlement,
    })
}
