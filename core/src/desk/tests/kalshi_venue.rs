//! Kalshi's side of the script: every answer to a new order, and where it leads.

use super::rig::{KALSHI, Rig};
use crate::request::Answer;
use dutchbook_book::Nanos;

/// A fill of so many hundredths of contracts, at 0.44 and a cent of fee.
pub(super) fn fill_message(native: &str, client: &str, trade: &str, centi: u64) -> String {
    let count = format!("{}.{:02}", centi / 100, centi % 100);
    format!(
        r#"{{"type":"fill","sid":13,"msg":{{"trade_id":"{trade}","order_id":"{native}","client_order_id":"{client}","market_ticker":"RAIN-26","is_taker":true,"outcome_side":"yes","book_side":"bid","side":"yes","action":"buy","purchased_side":"yes","yes_price_dollars":"0.4400","count_fp":"{count}","fee_cost":"0.010000","post_position_fp":"{count}","ts":1671899397,"ts_ms":1671899397000}}}}"#
    )
}

pub(super) fn order_message(native: &str, client: &str, status: &str, centi: u64) -> String {
    let count = format!("{}.{:02}", centi / 100, centi % 100);
    format!(
        r#"{{"type":"user_order","sid":22,"msg":{{"order_id":"{native}","user_id":"u","ticker":"RAIN-26","status":"{status}","outcome_side":"yes","book_side":"bid","side":"yes","is_yes":true,"yes_price_dollars":"0.4400","initial_count_fp":"10.00","fill_count_fp":"{count}","remaining_count_fp":"0.00","taker_fill_cost_dollars":"0.000000","maker_fill_cost_dollars":"0.000000","taker_fees_dollars":"0.000000","maker_fees_dollars":"0.000000","client_order_id":"{client}","created_time":"2024-12-01T10:00:00Z","created_ts_ms":1733047200000}}}}"#
    )
}

pub(super) fn created(native: &str, client: &str, filled: u64, remaining: u64) -> String {
    format!(
        r#"{{"order_id":"{native}","client_order_id":"{client}","fill_count":"{filled}.00","remaining_count":"{remaining}.00","ts_ms":1}}"#
    )
}

pub(super) fn record(native: &str, client: &str, status: &str, centi: u64) -> String {
    let count = format!("{}.{:02}", centi / 100, centi % 100);
    format!(
        r#"{{"order_id":"{native}","user_id":"u","client_order_id":"{client}","ticker":"RAIN-26","outcome_side":"yes","book_side":"bid","type":"limit","status":"{status}","yes_price_dollars":"0.4400","no_price_dollars":"0.5600","initial_count_fp":"10.00","fill_count_fp":"{count}","remaining_count_fp":"0.00","taker_fees_dollars":"0.010000","maker_fees_dollars":"0.000000"}}"#
    )
}

pub(super) fn fill_record(native: &str, trade: &str, centi: u64) -> String {
    let count = format!("{}.{:02}", centi / 100, centi % 100);
    format!(
        r#"{{"fill_id":"{trade}","trade_id":"{trade}","order_id":"{native}","ticker":"RAIN-26","outcome_side":"yes","book_side":"bid","count_fp":"{count}","yes_price_dollars":"0.4400","no_price_dollars":"0.5600","is_taker":true,"fee_cost":"0.010000","created_time":"2026-06-11T06:29:30.164956Z","ts":1781159370}}"#
    )
}

#[test]
fn every_answer_to_a_new_order_has_its_end() {
    let ours = Rig::new().client_id(dutchbook_exec::OrderId(1));
    let created = |filled, remaining| created("v1", &ours, filled, remaining);
    let cases: [(u16, String, &[&str]); 11] = [
        // Neither filled nor resting: dead.
        (201, created(0, 0), &["acknowledged", "closed Cancelled 0", "settled"]),
        // Filled in part: its trades are asked for.
        (201, created(4, 0), &["acknowledged"]),
        (201, created(3, 7), &["acknowledged"]),
        (201, created(0, 10), &["acknowledged"]),
        (400, r#"{"error":{"code":"insufficient_balance"}}"#.to_owned(), &["rejected Refused"]),
        (429, r#"{"error":"too many requests"}"#.to_owned(), &["rejected Refused"]),
        (409, r#"{"error":{"code":"order_already_exists"}}"#.to_owned(), &[]),
        (500, "oops".to_owned(), &[]),
        (201, "{\"order_id\":".to_owned(), &[]),
        (201, created(0, 0).replace(&ours, "someone-else"), &[]),
        (408, String::new(), &[]),
    ];
    for (status, body, expected) in cases {
        let mut rig = Rig::new();
        let order = rig.submit(KALSHI);
        rig.dispatch();
        rig.reply_last(status, &body);
        assert_eq!(rig.said(order), expected, "{status} {body}");
        // Twice is once.
        rig.reply_last(status, &body);
        assert_eq!(rig.said(order), [""; 0], "{status} {body}");
        rig.pass(Nanos::from_millis(250));
        let asks = rig.sent().len() > 1;
        let is_over = expected.iter().any(|said| said.starts_with("rej") || *said == "settled");
        let is_whole = status == 201 && body.contains("\"10.00\"") && body.contains(&ours);
        assert_eq!(asks, !is_over && !is_whole, "{status} {body}");
    }
}

#[test]
fn an_order_that_nobody_answered_for_is_found_by_our_own_id() {
    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.dispatch();
    rig.answer_last(&Answer::Lost);
    rig.pass(Nanos::from_millis(10));
    assert!(rig.sent()[1].line().starts_with("GET /trade-api/v2/portfolio/orders?ticker=RAIN-26"));
    let mine = record("v9", &rig.client_id(order), "executed", 1_000);
    let other = record("v8", "0000000000000001-0000000000000001", "executed", 500);
    rig.reply_last(200, &format!(r#"{{"orders":[{other},{mine}],"cursor":""}}"#));
    assert_eq!(rig.said(order), ["acknowledged"]);
    rig.pass(Nanos::from_millis(250));
    assert!(rig.sent()[2].line().contains("/portfolio/fills?order_id=v9"));
    let fills = [fill_record("v9", "a", 600), fill_record("v9", "b", 400)].join(",");
    rig.reply_last(200, &format!(r#"{{"fills":[{fills}],"cursor":""}}"#));
    assert_eq!(rig.said(order), ["filled 6", "filled 4", "closed Filled 10", "settled"]);
    // The same by the channel: nothing is counted twice.
    let client = rig.client_id(order);
    rig.message(KALSHI, &fill_message("v9", &client, "a", 600));
    rig.message(KALSHI, &order_message("v9", &client, "executed", 1_000));
    assert_eq!(rig.said(order), [""; 0]);
    assert_eq!(rig.desk.counts().unknowns_resolved, 1);
    assert_eq!(rig.sent().iter().filter(|sent| sent.line().starts_with("POST")).count(), 1);
}

#[test]
fn an_order_is_gone_only_when_records_that_must_have_it_do_not() {
    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.dispatch();
    rig.answer_last(&Answer::Lost);
    let mut asked = 1;
    for _ in 0..60 {
        rig.pass(Nanos::from_millis(200));
        if rig.sent().len() > asked {
            asked = rig.sent().len();
            rig.reply_last(200, r#"{"orders":[],"cursor":""}"#);
        }
        if rig.desk.open_count() == 0 {
            break;
        }
    }
    assert_eq!(rig.said(order), ["rejected NeverArrived"]);
    assert!(rig.now.since(Nanos::from_secs(1_790_000_000)) >= Nanos::from_secs(5));
}

#[test]
fn news_that_comes_before_the_answer_is_not_news_after_it() {
    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.dispatch();
    let client = rig.client_id(order);
    rig.message(KALSHI, &fill_message("v1", &client, "a", 1_000));
    assert_eq!(
        rig.said(order),
        ["filled 10", "acknowledged", "closed Filled 10", "settled"],
        "all of it is traded"
    );
    rig.reply_last(201, &created("v1", &client, 10, 0));
    assert_eq!(rig.said(order), [""; 0]);
}

#[test]
fn an_immediate_order_that_rests_is_cancelled_and_what_was_not_taken_back_was_traded() {
    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.dispatch();
    let client = rig.client_id(order);
    rig.reply_last(201, &created("v1", &client, 0, 10));
    assert_eq!(rig.said(order), ["acknowledged"]);
    let cancel = loop {
        rig.pass(Nanos::from_millis(100));
        let is_cancel = |sent: &&super::rig::Sent| sent.line().starts_with("DELETE");
        if let Some(sent) = rig.sent().iter().find(is_cancel) {
            break sent.clone();
        }
    };
    assert!(cancel.line().contains("/orders/v1?exchange_index=0"));
    rig.reply(cancel.id.0, 200, r#"{"order_id":"v1","reduced_by":"7.00","ts_ms":1}"#);
    rig.pass(Nanos::from_millis(2_100));
    rig.message(KALSHI, &fill_message("v1", &client, "a", 300));
    assert_eq!(rig.said(order), ["filled 3", "closed Cancelled 3", "settled"]);
}
