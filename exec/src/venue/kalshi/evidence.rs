//! What Kalshi's replies prove about an order.

use dutchbook_book::{Face, Qty};

use super::reply::{Answer, Cancelled, Created, FillView, OrderView, Status};
use crate::order::fills::{FillNews, Settlement, TradeKey};
use crate::order::live::{End, Evidence};
use crate::venue::refusal::Certainty;

/// A code that says that an order with our id is there: an earlier attempt arrived.
const ALREADY_EXISTS: u16 = 409;
const NOT_FOUND: u16 = 404;

/// What the reply of a create proves. Nothing left over is the end of the order, filled or not.
#[must_use]
pub fn of_create(answer: &Answer<Created>) -> Evidence {
    match answer {
        Answer::Done(created) if created.is_resting() && created.filled.is_zero() => {
            Evidence::Resting
        }
        Answer::Done(created) if created.is_resting() => Evidence::Filled(created.filled),
        Answer::Done(created) => Evidence::Ended(End::Cancelled, Some(created.filled)),
        // This attempt was refused because the order exists: it is looked up.
        Answer::Refused(refusal) if refusal.status == ALREADY_EXISTS => Evidence::NoAnswer,
        Answer::Refused(refusal) => match refusal.certainty {
            Certainty::Rejected => Evidence::Refused,
            Certainty::Unknown => Evidence::NoAnswer,
        },
    }
}

/// What the reply of a cancel proves about an order of `qty` contracts; `None` where it proves
/// nothing. What was not taken back was traded.
#[must_use]
pub fn of_cancel(answer: &Answer<Cancelled>, qty: Qty) -> Option<Evidence> {
    match answer {
        Answer::Done(cancelled) => {
            let traded = qty.checked_sub(cancelled.reduced_by);
            Some(Evidence::Ended(End::Cancelled, traded))
        }
        Answer::Refused(refusal) => {
            (refusal.status == NOT_FOUND).then_some(Evidence::CancelFoundNothing)
        }
    }
}

/// What a record of an order proves. Records lag: what they do not show proves nothing.
#[must_use]
pub fn of_record(view: &OrderView) -> [Evidence; 2] {
    let filled = Evidence::Filled(view.filled);
    match view.status {
        Status::Resting => [filled, Evidence::Resting],
        Status::Canceled => [filled, Evidence::Ended(End::Cancelled, Some(view.filled))],
        Status::Executed => [filled, Evidence::Ended(End::Filled, Some(view.filled))],
        Status::Other => [filled, Evidence::Acknowledged],
    }
}

/// What a fill of an order for one face of a market proves: Kalshi settles at once, and states every
/// price on the YES scale.
#[must_use]
pub fn of_fill(fill: &FillView, face: Face) -> Evidence {
    let price = match face {
        Face::Yes => fill.price,
        Face::No => fill.price.complement(),
    };
    Evidence::Fill(FillNews {
        trade: TradeKey::of(&fill.trade_id),
        price,
        qty: fill.count,
        fee: fill.fee.exact(),
        settlement: Settlement::Confirmed,
    })
}
