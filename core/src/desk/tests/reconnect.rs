//! A user channel that was lost: what it missed is read over REST and merged with what it tells.

use dutchbook_book::{BookId, Nanos};

use super::rig::{KALSHI, POLYMARKET, Rig};
use super::{kalshi_venue as kalshi, polymarket_venue as polymarket};
use crate::desk::Channel;

/// How one venue says it. An order of ten contracts is taken in two parts, `a` of four and `b` of six.
struct Script {
    book: BookId,
    /// The reply of the request: it is there, and nothing is traded.
    placed: String,
    /// The first part, as the channel tells it, and the second.
    told: [String; 2],
    /// The order over REST, with the first part only, and with both.
    record: [String; 2],
    /// Both parts over REST.
    fills: String,
    /// How a question for the order begins, and one for its fills.
    questions: [&'static str; 2],
}

fn polymarket(hash: &str) -> Script {
    let told = |id, size: &str| polymarket::told(id, hash, "CONFIRMED", &[size]);
    let listed =
        |id, size: &str| polymarket::trade("", id, hash, "TRADE_STATUS_CONFIRMED", &[size]);
    Script {
        book: POLYMARKET,
        placed: polymarket::posted(hash, "delayed", "0", "0"),
        told: [told("a", "4"), told("b", "6")],
        record: [("LIVE", "4"), ("MATCHED", "10")]
            .map(|(status, matched)| polymarket::record(hash, status, matched)),
        fills: polymarket::page(&[listed("a", "4"), listed("b", "6")]),
        questions: ["GET /data/order/", "GET /data/trades"],
    }
}

fn kalshi(client: &str) -> Script {
    let record = |status, centi| {
        let order = kalshi::record("v1", client, status, centi);
        format!(r#"{{"order":{order}}}"#)
    };
    let fills = [kalshi::fill_record("v1", "a", 400), kalshi::fill_record("v1", "b", 600)];
    Script {
        book: KALSHI,
        placed: kalshi::created("v1", client, 0, 10),
        told: [("a", 400), ("b", 600)]
            .map(|(trade, centi)| kalshi::fill_message("v1", client, trade, centi)),
        record: [record("resting", 400), record("executed", 1_000)],
        fills: format!(r#"{{"fills":[{}],"cursor":""}}"#, fills.join(",")),
        questions: [
            "GET /trade-api/v2/portfolio/orders/v1",
            "GET /trade-api/v2/portfolio/fills?order_id=v1",
        ],
    }
}

/// The last question, if it was sent after `before` others.
fn asked(rig: &Rig, before: usize) -> Option<&str> {
    rig.sent().get(before..)?.last().map(super::rig::Sent::line)
}

fn what_a_lost_channel_missed_is_found_once(
    book: BookId,
    script: impl FnOnce(&Rig, dutchbook_exec::OrderId) -> Script,
) {
    let mut rig = Rig::new();
    let order = rig.submit(book);
    rig.dispatch();
    let script = script(&rig, order);
    rig.reply_last(200 + u16::from(book == KALSHI), &script.placed);
    rig.message(script.book, &script.told[0]);
    assert_eq!(rig.said(order), ["acknowledged", "filled 4"]);
    // An order that stays open is asked about now and then; the venue's lists lag behind.
    rig.pass(Nanos::from_millis(600));
    assert!(asked(&rig, 1).unwrap().starts_with(script.questions[0]), "{:?}", asked(&rig, 1));
    rig.reply_last(200, &script.record[0]);
    assert_eq!(rig.said(order), [""; 0]);
    let before = rig.sent().len();
    rig.pass(Nanos::from_millis(10));
    assert_eq!(asked(&rig, before), None, "not again so soon");

    let venue = rig.venue(book);
    rig.desk.on_channel(venue, Channel::Lost);
    rig.desk.on_channel(venue, Channel::Connected);
    rig.pass(Nanos::from_millis(10));
    let question = asked(&rig, before).expect("at once after a reconnection");
    assert!(question.starts_with(script.questions[0]), "{question}");
    rig.reply_last(200, &script.record[1]);
    let before = rig.sent().len();
    rig.pass(Nanos::from_millis(250));
    let question = asked(&rig, before).expect("six contracts have no trade yet");
    assert!(question.starts_with(script.questions[1]), "{question}");
    rig.reply_last(200, &script.fills);
    assert_eq!(rig.said(order), ["filled 6", "closed Filled 10", "settled"]);
    // The channel tells of both after all: nothing counts twice.
    let cash = rig.cash();
    for told in &script.told {
        rig.message(script.book, told);
    }
    assert_eq!((rig.said(order), rig.cash()), (Vec::new(), cash));
}

#[test]
fn what_polymarkets_channel_missed_is_found_once() {
    what_a_lost_channel_missed_is_found_once(POLYMARKET, |rig, order| polymarket(&rig.hash(order)));
}

#[test]
fn what_kalshis_channel_missed_is_found_once() {
    what_a_lost_channel_missed_is_found_once(KALSHI, |rig, order| kalshi(&rig.client_id(order)));
}
