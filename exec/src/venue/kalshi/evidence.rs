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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::kalshi::reply::{answer, cancelled, created, created_batch, fills, order};
    use dutchbook_book::Price;

    fn create(status: u16, body: &str) -> Evidence {
        of_create(&answer(status, body.as_bytes(), created))
    }

    fn done(filled: &str, remaining: &str) -> String {
        format!(
            r#"{{"order_id":"v","client_order_id":"c","fill_count":"{filled}","remaining_count":"{remaining}"}}"#
        )
    }

    #[test]
    fn nothing_left_over_is_the_end_filled_or_not() {
        let qty = |count| Qty::from_contracts(count).unwrap();
        for (status, body, evidence) in [
            (201, done("0.00", "0.00"), Evidence::Ended(End::Cancelled, Some(Qty::ZERO))),
            (201, done("4.00", "0.00"), Evidence::Ended(End::Cancelled, Some(qty(4)))),
            (201, done("4.00", "6.00"), Evidence::Filled(qty(4))),
            (201, done("0.00", "6.00"), Evidence::Resting),
            (201, done("0.00", "6.001"), Evidence::Resting),
            (201, done("-1.00", "0.00"), Evidence::NoAnswer),
            (201, "{}".to_owned(), Evidence::NoAnswer),
            (409, "{}".to_owned(), Evidence::NoAnswer),
            (503, "{}".to_owned(), Evidence::NoAnswer),
            (400, "{}".to_owned(), Evidence::Refused),
            (429, "{}".to_owned(), Evidence::Refused),
        ] {
            assert_eq!(create(status, &body), evidence, "{status} {body}");
        }
    }

    #[test]
    fn the_legs_of_a_batch_stand_alone() {
        let error = r#"{"client_order_id":"d","error":{"code":"insufficient_balance"}}"#;
        let there = r#"{"client_order_id":"e","error":{"code":"order_already_exists"}}"#;
        let body = format!(r#"{{"orders":[{},{error},{there}]}}"#, done("1.00", "0.00"));
        let list: Vec<_> = created_batch(201, body.as_bytes(), 3).iter().map(of_create).collect();
        let one = Qty::from_contracts(1);
        assert_eq!(
            list,
            [Evidence::Ended(End::Cancelled, one), Evidence::Refused, Evidence::NoAnswer]
        );
        for (status, body, evidence) in [
            (201, body.as_str(), Evidence::NoAnswer),
            (201, "[]", Evidence::NoAnswer),
            (500, "", Evidence::NoAnswer),
            (429, "{}", Evidence::Refused),
        ] {
            let list = created_batch(status, body.as_bytes(), 2);
            assert!(list.iter().all(|answer| of_create(answer) == evidence), "{status} {body}");
            assert_eq!(list.len(), 2);
        }
    }

    #[test]
    fn a_cancel_that_finds_nothing_says_nothing_by_itself() {
        let ten = Qty::from_contracts(10).unwrap();
        let cancel =
            |status, body: &str| of_cancel(&answer(status, body.as_bytes(), cancelled), ten);
        let body = r#"{"order_id":"v","reduced_by":"7.00"}"#;
        let three = Qty::from_contracts(3);
        assert_eq!(cancel(200, body), Some(Evidence::Ended(End::Cancelled, three)));
        assert_eq!(cancel(404, "{}"), Some(Evidence::CancelFoundNothing));
        assert_eq!(cancel(500, "{}"), None);
        let more = body.replace("7.00", "70.00");
        assert_eq!(cancel(200, &more), Some(Evidence::Ended(End::Cancelled, None)));
    }

    #[test]
    fn a_fill_of_no_is_at_the_complement() {
        let body = r#"{"fills":[{"trade_id":"t","order_id":"v","ticker":"A","book_side":"ask","yes_price_dollars":"0.5600","count_fp":"2.00","fee_cost":"0.017500","is_taker":true}],"cursor":""}"#;
        let fill = &fills(body.as_bytes()).unwrap().items[0];
        for (face, pips) in [(Face::Yes, 5_600), (Face::No, 4_400)] {
            let Evidence::Fill(news) = of_fill(fill, face) else { panic!("a fill") };
            assert_eq!(news.price, Price::from_pips(pips).unwrap());
            assert_eq!(news.settlement, Settlement::Confirmed);
        }
    }

    #[test]
    fn a_record_of_an_unknown_word_proves_that_it_is_there() {
        let body = |status: &str| {
            format!(
                r#"{{"order":{{"order_id":"v","ticker":"A","status":"{status}","book_side":"bid","yes_price_dollars":"0.5","initial_count_fp":"5","fill_count_fp":"2","remaining_count_fp":"0"}}}}"#
            )
        };
        let last = |status: &str| of_record(&order(body(status).as_bytes()).unwrap())[1];
        let two = Qty::from_contracts(2);
        assert_eq!(last("canceled"), Evidence::Ended(End::Cancelled, two));
        assert_eq!(last("executed"), Evidence::Ended(End::Filled, two));
        assert_eq!(last("resting"), Evidence::Resting);
        assert_eq!(last("a new word"), Evidence::Acknowledged);
    }
}
