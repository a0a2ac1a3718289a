//! The desk against scripted venues: every reply wrong, late, twice, half or never.

mod chaos;
mod kalshi_venue;
mod polymarket_venue;
mod reconnect;
pub(crate) mod rig;

use dutchbook_book::{Face, Nanos};
use dutchbook_exec::RejectReason;
use dutchbook_exec::throttle::Urgency;

use super::Channel;
use super::requests::BATCH_MAX;
use crate::journal::live::LiveRecord;
use crate::journal::{Record, decode};
use crate::request::{Answer, Lane};
use rig::{KALSHI, POLYMARKET, Rig};

#[test]
fn orders_of_one_venue_leave_together_and_are_written_down_before() {
    let mut rig = Rig::new();
    let orders = [POLYMARKET, KALSHI, POLYMARKET, KALSHI, POLYMARKET].map(|book| rig.submit(book));
    rig.dispatch();
    let lines: Vec<_> = rig.sent().iter().map(|sent| sent.line()).collect();
    assert_eq!(
        lines,
        ["POST /orders HTTP/1.1", "POST /trade-api/v2/portfolio/events/orders/batched HTTP/1.1"]
    );
    assert!(rig.sent().iter().all(|sent| sent.lane == Lane::Order));
    rig.journal.flush();
    let mut left = Vec::new();
    rig.reader.drain(|bytes| {
        let record = decode(bytes).unwrap().record;
        if let Record::Live(LiveRecord::Placed(placed)) = record {
            left.push(("placed", placed.order));
        } else if let Record::Live(LiveRecord::Sent { order, .. }) = record {
            left.push(("sent", order));
        }
    });
    assert_eq!(left.len(), 10);
    for order in orders {
        let at = |what| left.iter().position(|one| *one == (what, order)).unwrap();
        assert!(at("placed") < at("sent"), "{order:?}");
    }
}

#[test]
fn one_order_alone_goes_alone() {
    let mut rig = Rig::new();
    rig.submit(POLYMARKET);
    rig.submit(KALSHI);
    rig.dispatch();
    let lines: Vec<_> = rig.sent().iter().map(|sent| sent.line()).collect();
    assert_eq!(
        lines,
        ["POST /order HTTP/1.1", "POST /trade-api/v2/portfolio/events/orders HTTP/1.1"]
    );
    let body = rig.sent()[1].body();
    assert_eq!(body["time_in_force"], "immediate_or_cancel");
    assert_eq!((&body["side"], &body["price"]), (&"bid".into(), &"0.4400".into()));
    let body = rig.sent()[0].body();
    assert_eq!(body["orderType"], "FAK");
    // Ten at 0.44 are 4.40 $ exactly.
    assert_eq!(body["order"]["makerAmount"], "4400000");
    assert_eq!(body["order"]["takerAmount"], "10000000");
}

#[test]
fn what_cannot_be_written_down_or_handed_over_does_not_leave() {
    let mut rig = Rig::with_journal(1, 1);
    let order = rig.submit(KALSHI);
    rig.dispatch();
    assert_eq!(rig.said(order), ["rejected NoRoom"]);
    assert!(rig.sent().is_empty());

    let mut rig = Rig::new();
    rig.is_full = true;
    let order = rig.submit(POLYMARKET);
    rig.dispatch();
    assert_eq!(rig.said(order), ["rejected NotSent"]);
    assert_eq!(rig.desk.open_count(), 0);

    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.pass(Nanos::from_secs(60));
    assert_eq!(rig.said(order), ["rejected Late"]);
}

#[test]
fn rate_limits_keep_the_share_of_what_gets_out() {
    let mut rig = Rig::new();
    // Kalshi's basic tier: a hundred tokens, forty of them kept, ten an order.
    for _ in 0..6 {
        assert_eq!(rig.try_submit(KALSHI, Urgency::Entry), Ok(()));
    }
    assert_eq!(rig.try_submit(KALSHI, Urgency::Entry), Err(RejectReason::Throttled));
    for _ in 0..4 {
        assert_eq!(rig.try_submit(KALSHI, Urgency::Unwind), Ok(()));
    }
    assert_eq!(rig.try_submit(KALSHI, Urgency::Unwind), Err(RejectReason::Throttled));
    assert_eq!(rig.try_submit(POLYMARKET, Urgency::Entry), Ok(()), "another venue's budget");
}

#[test]
fn a_basket_leaves_whole_or_not_at_all() {
    let mut rig = Rig::new();
    for _ in 0..6 {
        rig.try_submit(KALSHI, Urgency::Entry).unwrap();
    }
    let [first, second] = rig.submit_pair();
    assert_eq!(rig.said(first), ["rejected Throttled"]);
    assert_eq!(rig.said(second), ["rejected Throttled"], "its venue had room");
}

#[test]
fn nothing_new_goes_where_nobody_tells_us_what_became_of_it() {
    let mut rig = Rig::new();
    rig.desk.on_channel(rig.venue(KALSHI), Channel::Lost);
    assert_eq!(rig.try_submit(KALSHI, Urgency::Entry), Err(RejectReason::VenueDown));
    assert_eq!(rig.try_submit(KALSHI, Urgency::Unwind), Ok(()), "what gets out goes");
    rig.desk.on_channel(rig.venue(KALSHI), Channel::Connected);
    assert_eq!(rig.try_submit(KALSHI, Urgency::Entry), Ok(()));
    rig.desk.cancel_all();
    assert_eq!(rig.try_submit(KALSHI, Urgency::Unwind), Err(RejectReason::VenueDown));
}

#[test]
fn a_venue_that_restarts_is_left_alone_for_as_long_as_it_asks() {
    let mut rig = Rig::new();
    let order = rig.submit(POLYMARKET);
    rig.dispatch();
    let retry_after = Some(Nanos::from_secs(7));
    rig.answer_last(&Answer::Reply { status: 425, retry_after, body: b"{}" });
    assert_eq!(rig.said(order), ["rejected Refused"]);
    rig.pass(Nanos::from_millis(6_900));
    let down = Err(RejectReason::VenueDown);
    assert_eq!(rig.try_submit(POLYMARKET, Urgency::Entry), down);
    rig.pass(Nanos::from_millis(200));
    assert_eq!(rig.try_submit(POLYMARKET, Urgency::Entry), Ok(()));
}

#[test]
fn the_largest_batch_fits_into_one_request() {
    let mut rig = Rig::with_deposit_wallet();
    for _ in 0..BATCH_MAX {
        rig.submit(POLYMARKET);
    }
    rig.dispatch();
    assert_eq!(rig.sent().len(), 1);
    let sent = &rig.sent()[0];
    assert_eq!(sent.body().as_array().unwrap().len(), BATCH_MAX);
    // A real token's id has 78 digits, the rig's has four.
    let longest = sent.text.len() + BATCH_MAX * 74;
    assert!(longest <= crate::request::REQUEST_BYTES_MAX, "{longest}");
    assert!(longest > 8 << 10, "orders without their signatures: {longest}");
}

#[test]
fn answers_to_nothing_and_messages_of_noise_are_counted_and_change_nothing() {
    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.dispatch();
    rig.answer(77, &Answer::Lost);
    let venue = rig.venue(KALSHI);
    for noise in ["", "{", "[]", "{\"type\":\"fill\"}", "{\"type\":\"user_order\",\"msg\":7}"] {
        let (desk, journal) = (&mut rig.desk, &mut rig.journal);
        desk.on_user_message(venue, noise.as_bytes(), journal, rig.now);
    }
    assert!(rig.desk.counts().strange >= 1);
    assert_eq!(rig.said(order), [""; 0]);
    assert_eq!(rig.desk.open_count(), 1);
}

#[test]
fn the_dead_man_switch_is_armed_and_kept_under_the_id_that_it_gives() {
    let mut rig = Rig::beating();
    rig.dispatch();
    let beat = |rig: &Rig| rig.sent().last().unwrap().body()["heartbeat_id"].clone();
    assert_eq!(rig.sent().last().unwrap().line(), "POST /v1/heartbeats HTTP/1.1");
    assert_eq!(beat(&rig), "");
    rig.reply_last(200, r#"{"heartbeat_id":"first"}"#);
    rig.pass(Nanos::from_millis(4_100));
    assert_eq!(beat(&rig), "first");
    rig.reply_last(400, r#"{"error_msg":"Invalid Heartbeat ID","heartbeat_id":"expected"}"#);
    rig.pass(Nanos::from_millis(10));
    assert_eq!(beat(&rig), "expected", "at once");
}

#[test]
fn a_no_of_kalshi_is_bought_as_an_ask_of_yes() {
    let mut rig = Rig::new();
    rig.submit_on(KALSHI.instrument(Face::No), Urgency::Entry).1.unwrap();
    rig.dispatch();
    let body = rig.sent()[0].body();
    assert_eq!((&body["side"], &body["price"]), (&"ask".into(), &"0.5600".into()));
}

#[test]
fn a_late_word_of_an_order_that_was_given_up_is_a_breach() {
    let mut rig = Rig::new();
    let order = rig.submit(KALSHI);
    rig.dispatch();
    rig.answer_last(&Answer::NotSent);
    assert_eq!(rig.said(order), ["rejected NotSent"]);
    let id = rig.client_id(order);
    rig.message(KALSHI, &kalshi_venue::fill_message("v1", &id, "t1", 300));
    assert_eq!(rig.said(order), ["filled 3", "breach"]);
}
