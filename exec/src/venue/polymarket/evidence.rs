//! What the CLOB's replies prove about an order.

use dutchbook_book::{Exact, Qty, Side};

use super::order::OrderType;
use super::reply::{OrderView, PostOutcome, PostStatus, Status, TradePart};
use crate::order::fills::{FillNews, TradeKey};
use crate::order::live::{End, Evidence};
use crate::venue::refusal::Certainty;

/// In the venue's no to an immediate order that met nothing.
const NOTHING_THERE: &str = "no orders found to match";

/// In its no to an order that it has already.
const DUPLICATE: &str = "Duplicated";

/// What the reply of a post proves. An immediate order that was matched is out of the book, with so
/// many contracts as the reply says; where it says none, the record is asked for. One that found
/// nothing to match was refused in the venue's words; it came, took nothing and is over.
#[must_use]
pub fn of_post(outcome: &PostOutcome, side: Side, order_type: OrderType) -> Evidence {
    let posted = match outcome {
        PostOutcome::Refused(refusal) => {
            let is_told = |text: &str| text.contains(NOTHING_THERE);
            let found_nothing = refusal.message.as_deref().is_some_and(is_told);
            let is_there = refusal.message.as_deref().is_some_and(|text| text.contains(DUPLICATE));
            return match (refusal.certainty, order_type) {
                // This attempt was refused because the order exists: it is looked up.
                (Certainty::Rejected, _) if is_there => Evidence::NoAnswer,
                (Certainty::Rejected, OrderType::Fak) if found_nothing => {
                    Evidence::Ended(End::Cancelled, Some(Qty::ZERO))
                }
                (Certainty::Rejected, _) => Evidence::Refused,
                (Certainty::Unknown, _) => Evidence::NoAnswer,
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

/// What a record of an order proves. Records lag: what they do not show proves nothing. What was not
/// matched of an immediate order is over; of another one it may rest.
#[must_use]
pub fn of_record(view: &OrderView, order_type: OrderType) -> [Evidence; 2] {
    let filled = Evidence::Filled(view.matched);
    let is_immediate = matches!(order_type, OrderType::Fok | OrderType::Fak);
    match view.status {
        Status::Unmatched if is_immediate => {
            [filled, Evidence::Ended(End::Cancelled, Some(view.matched))]
        }
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
