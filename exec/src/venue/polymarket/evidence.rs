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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::fills::Settlement;
    use crate::venue::polymarket::reply::{order, posted, trades};
    use dutchbook_book::Price;

    fn post(status: u16, body: &str, order_type: OrderType) -> Evidence {
        of_post(&posted(status, body.as_bytes()), Side::Buy, order_type)
    }

    fn accepted(status: &str, taking: &str) -> String {
        format!(
            r#"{{"success":true,"errorMsg":"","orderID":"0x1","status":"{status}","makingAmount":"4.4","takingAmount":"{taking}"}}"#
        )
    }

    #[test]
    fn a_reply_proves_what_it_says_and_no_more() {
        let ten = Qty::from_contracts(10);
        let over = |qty| Evidence::Ended(End::Cancelled, qty);
        for (status, body, immediate, resting) in [
            (200, accepted("matched", "10"), over(ten), Evidence::Filled(ten.unwrap())),
            (200, accepted("matched", ""), Evidence::Traded, Evidence::Traded),
            (200, accepted("MATCHED", "0"), Evidence::Traded, Evidence::Traded),
            (200, accepted("live", ""), Evidence::Resting, Evidence::Resting),
            (200, accepted("delayed", "0"), Evidence::Acknowledged, Evidence::Acknowledged),
            (200, accepted("unmatched", ""), Evidence::Acknowledged, Evidence::Acknowledged),
            (200, accepted("a new word", ""), Evidence::NoAnswer, Evidence::NoAnswer),
            (500, "{}".to_owned(), Evidence::NoAnswer, Evidence::NoAnswer),
            (408, String::new(), Evidence::NoAnswer, Evidence::NoAnswer),
            (401, "{}".to_owned(), Evidence::Refused, Evidence::Refused),
            (
                400,
                r#"{"error":"order 0x1 is invalid. Duplicated."}"#.to_owned(),
                Evidence::NoAnswer,
                Evidence::NoAnswer,
            ),
            (
                400,
                r#"{"error":"no orders found to match with FAK order."}"#.to_owned(),
                over(Some(Qty::ZERO)),
                Evidence::Refused,
            ),
        ] {
            assert_eq!(post(status, &body, OrderType::Fak), immediate, "{status} {body}");
            assert_eq!(post(status, &body, OrderType::Gtc), resting, "{status} {body}");
        }
    }

    #[test]
    fn what_a_seller_took_is_cash_and_not_counted_as_contracts() {
        let body = posted(200, accepted("matched", "4.4").as_bytes());
        let given = Qty::from_micro(4_400_000);
        let evidence = of_post(&body, Side::Sell, OrderType::Fak);
        assert_eq!(evidence, Evidence::Ended(End::Cancelled, given));
    }

    #[test]
    fn an_unmatched_record_ends_an_immediate_order_only() {
        let body = r#"{"id":"0x1","status":"UNMATCHED","original_size":"10","size_matched":"2","price":"0.44"}"#;
        let view = order(body.as_bytes()).unwrap();
        let two = Qty::from_contracts(2).unwrap();
        let over = [Evidence::Filled(two), Evidence::Ended(End::Cancelled, Some(two))];
        assert_eq!(of_record(&view, OrderType::Fak), over);
        assert_eq!(of_record(&view, OrderType::Gtc)[1], Evidence::Acknowledged);
        let gone = order(body.replace("UNMATCHED", "CANCELED_ORDER_TIMED_OUT").as_bytes()).unwrap();
        assert_eq!(of_record(&gone, OrderType::Gtc), over);
    }

    #[test]
    fn a_takers_part_tells_what_it_met() {
        let body = r#"{"data":[{"id":"t","taker_order_id":"0xa","asset_id":"7","size":"5","price":"0.44","status":"TRADE_STATUS_FAILED","maker_orders":[{"order_id":"0xb","asset_id":"7","matched_amount":"3","price":"0.44"},{"order_id":"0xc","asset_id":"8","matched_amount":"2","price":"0.56"}]}],"next_cursor":"LTE="}"#;
        let page = trades(body.as_bytes()).unwrap();
        let taker = &page.items[0];
        let same: Vec<_> = taker.met.iter().map(|met| met.is_same_token).collect();
        assert_eq!((taker.is_taker, same), (true, vec![Some(true), Some(false)]));
        let Evidence::Fill(news) = of_trade(taker, Exact::ZERO) else { panic!("a trade") };
        assert_eq!(
            (news.settlement, news.price),
            (Settlement::Failed, Price::from_pips(4_400).unwrap())
        );
        assert!(page.items[1..].iter().all(|maker| !maker.is_taker && maker.met.is_empty()));
    }
}
