//! Polymarket's side of the script: every answer to a new order, and where it leads.

use super::rig::{API_KEY, POLYMARKET, Rig, TOKENS};
use crate::desk::Word;
use crate::request::Answer;
use dutchbook_book::{Cash, Nanos};

pub(super) fn trade(kind: &str, id: &str, hash: &str, status: &str, sizes: &[&str]) -> String {
    let total: f64 = sizes.iter().map(|size| size.parse::<f64>().unwrap()).sum();
    let makers = sizes.iter().map(|size| {
        format!(
            r#"{{"order_id":"0x01","asset_id":"{}","matched_amount":"{size}","price":"0.44","outcome":"YES","owner":"other"}}"#,
            TOKENS[0]
        )
    });
    let makers = makers.collect::<Vec<_>>().join(",");
    format!(
        r#"{{{kind}"id":"{id}","status":"{status}","asset_id":"{}","market":"0xbd31","side":"BUY","price":"0.44","size":"{total}","outcome":"YES","taker_order_id":"{hash}","maker_orders":[{makers}],"match_time":"1672290701","matchtime":"1672290701","last_update":"1672290701","owner":"{API_KEY}","trader_side":"TAKER","timestamp":"1672290701"}}"#,
        TOKENS[0]
    )
}

/// A trade as the channel tells it.
pub(super) fn told(id: &str, hash: &str, status: &str, sizes: &[&str]) -> String {
    trade(r#""event_type":"trade","type":"TRADE","#, id, hash, status, sizes)
}

pub(super) fn posted(hash: &str, status: &str, taking: &str, making: &str) -> String {
    format!(
        r#"{{"success":true,"errorMsg":"","orderID":"{hash}","status":"{status}","makingAmount":"{making}","takingAmount":"{taking}","transactionsHashes":[],"tradeIDs":[]}}"#
    )
}

pub(super) fn refused(text: &str) -> String {
    format!(
        r#"{{"success":false,"errorMsg":"{text}","orderID":"","status":"","makingAmount":"","takingAmount":"","tradeIDs":[]}}"#
    )
}

pub(super) fn record(hash: &str, status: &str, matched: &str) -> String {
    format!(
        r#"{{"id":"{hash}","status":"{status}","owner":"{API_KEY}","market":"0xdd","asset_id":"{}","side":"BUY","original_size":"10","size_matched":"{matched}","price":"0.44","associate_trades":[],"created_at":1703875200,"order_type":"FAK"}}"#,
        TOKENS[0]
    )
}

pub(super) fn page(items: &[String]) -> String {
    format!(r#"{{"limit":100,"count":1,"next_cursor":"LTE=","data":[{}]}}"#, items.join(","))
}

const NOTHING: &str = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found.";

#[test]
fn every_answer_to_a_new_order_has_its_end() {
    let hash = {
        let mut rig = Rig::new();
        let order = rig.submit(POLYMARKET);
        rig.dispatch();
        rig.hash(order)
    };
    let cases: [(u16, String, &[&str], bool); 13] = [
        (200, posted(&hash, "matched", "10", "4.4"), &["acknowledged"], true),
        (200, posted(&hash, "matched", "", ""), &["acknowledged"], true),
        (200, posted(&hash, "delayed", "0", "0"), &["acknowledged"], false),
        (200, posted(&hash, "live", "", ""), &["acknowledged"], false),
        (200, refused(NOTHING), &["acknowledged", "closed Cancelled 0", "settled"], false),
        (200, refused("not enough balance / allowance"), &["rejected Refused"], false),
        (400, r#"{"error":"invalid signature"}"#.to_owned(), &["rejected Refused"], false),
        (
            400,
            format!(r#"{{"error":"{NOTHING}"}}"#),
            &["acknowledged", "closed Cancelled 0", "settled"],
            false,
        ),
        // It is there already: an earlier copy arrived.
        (400, r#"{"error":"order 0x1 is invalid. Duplicated."}"#.to_owned(), &[], true),
        (500, r#"{"error":"could not insert order"}"#.to_owned(), &[], true),
        (
            200,
            r#"{"success":true,"errorMsg":"but","orderID":"","status":"matched"}"#.to_owned(),
            &[],
            true,
        ),
        (
            200,
            posted(
                "0x0000000000000000000000000000000000000000000000000000000000000007",
                "matched",
                "10",
                "4.4",
            ),
            &[],
            true,
        ),
        (200, "<html>".to_owned(), &[], true),
    ];
    for (status, body, expected, asks) in cases {
        let mut rig = Rig::new();
        let order = rig.submit(POLYMARKET);
        rig.dispatch();
        assert_eq!(rig.hash(order), hash, "the hash is known before anything is sent");
        rig.reply_last(status, &body);
        assert_eq!(rig.said(order), expected, "{status} {body}");
        rig.reply_last(status, &body);
        assert_eq!(rig.said(order), [""; 0], "twice is once: {status} {body}");
        rig.pass(Nanos::from_millis(250));
        let reads = rig.sent().iter().filter(|sent| sent.line().contains("/data/")).count();
        assert_eq!(reads > 0, asks, "{status} {body}");
    }
}

#[test]
fn a_batch_is_judged_leg_by_leg_and_a_reply_of_another_length_says_nothing() {
    let mut rig = Rig::new();
    let orders = [rig.submit(POLYMARKET), rig.submit(POLYMARKET)];
    rig.dispatch();
    let second = rig.hash(orders[1]);
    let legs = [refused("not enough balance"), posted(&second, "matched", "10", "4.4")];
    rig.reply_last(200, &format!("[{}]", legs.join(",")));
    assert_eq!(rig.said(orders[0]), ["rejected Refused"]);
    assert_eq!(rig.said(orders[1]), ["acknowledged"]);

    let mut rig = Rig::new();
    let orders = [rig.submit(POLYMARKET), rig.submit(POLYMARKET)];
    rig.dispatch();
    rig.reply_last(200, &format!("[{}]", refused("no")));
    assert_eq!(rig.desk.unknown_count(), 2);
    assert_eq!([rig.said(orders[0]), rig.said(orders[1])], [vec![], vec![] as Vec<String>]);
}

#[test]
fn a_trade_counts_once_and_is_taken_back_once() {
    let mut rig = Rig::new();
    let order = rig.submit(POLYMARKET);
    rig.dispatch();
    let hash = rig.hash(order);
    rig.message(POLYMARKET, &told("t1", &hash, "MATCHED", &["6", "4"]));
    rig.message(POLYMARKET, &told("t1", &hash, "MATCHED", &["6", "4"]));
    assert_eq!(rig.said(order), ["filled 10", "acknowledged"]);
    rig.reply_last(200, &posted(&hash, "matched", "10", "4.4"));
    assert_eq!(rig.said(order), ["closed Filled 10"]);
    // 4.4 and two fees: 0.05 x 6 x 0.2464 and 0.05 x 4 x 0.2464.
    assert_eq!(rig.cash(), Cash::from_micro(-4_400_000 - 73_920 - 49_280).exact());
    rig.message(POLYMARKET, &told("t1", &hash, "MINED", &["6", "4"]));
    rig.message(POLYMARKET, &told("t1", &hash, "FAILED", &["6", "4"]));
    rig.message(POLYMARKET, &told("t1", &hash, "FAILED", &["6", "4"]));
    assert_eq!(rig.said(order), ["reversed 10", "settled"]);
    assert_eq!(rig.cash(), Cash::ZERO.exact());
    assert_eq!(rig.desk.counts().reversals, 1);
}

#[test]
fn trades_that_the_channel_lost_are_asked_for() {
    let mut rig = Rig::new();
    let order = rig.submit(POLYMARKET);
    rig.dispatch();
    let hash = rig.hash(order);
    rig.reply_last(200, &posted(&hash, "matched", "10", "4.4"));
    rig.pass(Nanos::from_millis(250));
    assert!(rig.sent()[1].line().starts_with("GET /data/trades?asset_id=7132&after=178"));
    rig.reply_last(200, &page(&[trade("", "t1", &hash, "TRADE_STATUS_MATCHED", &["10"])]));
    assert_eq!(rig.said(order), ["acknowledged", "filled 10", "closed Filled 10"]);
    rig.pass(Nanos::from_millis(4_000));
    rig.reply_last(200, &page(&[trade("", "t1", &hash, "CONFIRMED", &["10"])]));
    assert_eq!(rig.said(order), ["settled"]);
}

#[test]
fn an_order_that_nobody_answered_for_is_looked_up_under_its_hash() {
    for (status, matched, expected) in [
        ("CANCELED", "0", &["acknowledged", "closed Cancelled 0", "settled"][..]),
        ("UNMATCHED", "0", &["acknowledged", "closed Cancelled 0", "settled"][..]),
        ("ORDER_STATUS_MATCHED", "10", &["acknowledged"][..]),
        ("LIVE", "0", &["acknowledged"][..]),
    ] {
        let mut rig = Rig::new();
        let order = rig.submit(POLYMARKET);
        rig.dispatch();
        rig.answer_last(&Answer::Lost);
        rig.pass(Nanos::from_millis(10));
        let hash = rig.hash(order);
        assert_eq!(rig.sent()[1].line(), format!("GET /data/order/{hash} HTTP/1.1"));
        rig.reply_last(200, &record(&hash, status, matched));
        assert_eq!(rig.said(order), expected, "{status}");
    }
}

#[test]
fn an_answer_that_never_comes_leaves_the_order_unknown_and_a_late_one_still_counts() {
    let mut rig = Rig::new();
    let order = rig.submit(POLYMARKET);
    rig.dispatch();
    let id = rig.sent()[0].id.0;
    assert_eq!(rig.desk.unknown_count(), 0);
    rig.pass(Nanos::from_millis(2_100));
    assert_eq!(rig.desk.unknown_count(), 1);
    rig.reply(id, 200, &refused("not enough balance"));
    assert_eq!(rig.said(order), ["rejected Refused"]);
    assert_eq!(rig.desk.unknown_count(), 0);
}

#[test]
fn the_venues_cash_tells_what_was_rounded_once_nothing_is_under_way() {
    let mut rig = Rig::new();
    let balance = |micro: i64| format!(r#"{{"balance":"{micro}","allowances":{{}}}}"#);
    rig.pass(Nanos::from_millis(2_000));
    assert!(rig.sent().is_empty(), "nothing moved");
    let order = rig.submit(POLYMARKET);
    rig.dispatch();
    let hash = rig.hash(order);
    rig.reply_last(200, &posted(&hash, "matched", "10", "4.4"));
    rig.message(POLYMARKET, &told("t1", &hash, "CONFIRMED", &["3.333", "3.333", "3.334"]));
    assert_eq!(rig.said(order).last().map(String::as_str), Some("settled"));
    assert!(!rig.desk.is_quiet(), "its cash is not known yet");
    rig.pass(Nanos::from_millis(2_000));
    let question = rig.sent().last().unwrap().line();
    assert!(question.starts_with("GET /balance-allowance?asset_type=COLLATERAL"));
    // The venue rounds each of three fees of 0.0410626... to the nearer.
    rig.reply_last(200, &balance(100_000_000 - 4_400_000 - 3 * 41_060 - 10));
    assert!(rig.desk.is_quiet());
    assert_eq!(rig.cash(), Cash::from_micro(-4_400_000 - 3 * 41_060 - 10).exact());
    assert!(rig.words.iter().any(|word| matches!(word, Word::Rounding { .. })));
}
