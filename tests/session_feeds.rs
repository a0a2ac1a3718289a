//! Sessions of both venues as their owner sees them: commands, losses, resynchronisation, silence.

#![cfg(test)]

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::units::Price;
use dutchbook_book::{BookId, BookStatus, Grid, Nanos};
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::session::{ReconnectReason, SessionStep};
use dutchbook_feeds::{Feed, FeedConfig};
use harness::feeds::{self, Recorder};
use serde_json::Value;

/// A feed, its sink and its clock.
struct Rig {
    feed: Feed,
    sink: Recorder,
    now: Nanos,
}

impl Rig {
    fn new(kind: VenueKind, listings: &[Listing]) -> Self {
        let feed = Feed::new(kind, listings, FeedConfig::of(kind)).unwrap();
        let mut rig = Self { feed, sink: Recorder::default(), now: Nanos::from_secs(1_000) };
        rig.feed.on_connect(rig.now, &mut rig.sink);
        rig
    }

    fn say(&mut self, text: &str) {
        self.feed.on_payload(text.as_bytes(), &mut PayloadBuf::default(), self.now, &mut self.sink);
    }

    fn commands(&mut self) -> Vec<String> {
        core::iter::from_fn(|| self.feed.next_command()).collect()
    }

    fn poll_after(&mut self, secs: u64) -> SessionStep {
        self.now = self.now.plus(Nanos::from_secs(secs));
        self.feed.poll(self.now, &mut self.sink)
    }

    fn status(&self, book: u32) -> BookStatus {
        let status = self.feed.book(BookId(book)).unwrap().status();
        assert_eq!(self.sink.status(book).unwrap_or_default(), status, "what is true is published");
        status
    }
}

fn grid(pips: u32) -> Grid {
    Grid::uniform(Price::from_pips(pips).unwrap()).unwrap()
}

fn kalshi(markets: u32) -> Rig {
    let listings: Vec<_> =
        (0..markets).map(|book| feeds::kalshi(book, &format!("K{book}"), grid(100))).collect();
    Rig::new(VenueKind::Kalshi, &listings)
}

fn snapshot(seq: u64, book: u32) -> String {
    format!(
        r#"{{"type":"orderbook_snapshot","sid":1,"seq":{seq},"msg":{{"market_ticker":"K{book}","yes_dollars_fp":[["0.4000","10.00"]],"no_dollars_fp":[["0.5500","10.00"]]}}}}"#
    )
}

fn delta(seq: u64, book: u32, price: &str, change: &str, side: &str) -> String {
    format!(
        r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"K{book}","price_dollars":"{price}","delta_fp":"{change}","side":"{side}"}}}}"#
    )
}

const SUBSCRIBED: &str =
    r#"{"id":1,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":1}}"#;

#[test]
fn kalshi_subscribes_in_lots_and_resyncs_on_the_same_subscription() {
    let mut rig = kalshi(120);
    let first = rig.commands();
    let parsed: Value = serde_json::from_str(&first[0]).unwrap();
    assert_eq!(parsed["params"]["market_tickers"].as_array().unwrap().len(), 50);
    assert_eq!(parsed["params"]["use_yes_price"], false);
    rig.say(SUBSCRIBED);
    let lots: Vec<usize> = rig
        .commands()
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap())
        .map(|lot| {
            assert_eq!(lot["params"]["action"], "add_markets");
            lot["params"]["market_tickers"].as_array().unwrap().len()
        })
        .collect();
    assert_eq!(lots, [50, 20]);
    rig.say(&snapshot(1, 0));
    rig.say(&snapshot(2, 1));
    rig.say(&delta(4, 0, "0.4100", "1.00", "yes"));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Gapped, BookStatus::Gapped));
    let resync = rig.commands();
    let parsed: Value = serde_json::from_str(&resync[0]).unwrap();
    assert_eq!((resync.len(), &parsed["params"]["action"]), (1, &Value::from("get_snapshot")));
    assert_eq!(parsed["params"]["market_tickers"], serde_json::json!(["K0", "K1"]));
    rig.say(&snapshot(5, 1));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Gapped, BookStatus::Live));
    assert_eq!(rig.sink.count("gap"), 1);
}

#[test]
fn a_dead_kalshi_subscription_is_begun_anew() {
    let mut rig = kalshi(1);
    rig.commands();
    rig.say(SUBSCRIBED);
    rig.say(&snapshot(1, 0));
    assert_eq!(rig.status(0), BookStatus::Live);
    rig.say(r#"{"id":0,"sid":1,"seq":2,"type":"error","msg":{"code":25,"msg":"overflow"}}"#);
    assert_eq!(rig.status(0), BookStatus::Gapped);
    let again = rig.commands();
    let parsed: Value = serde_json::from_str(&again[0]).unwrap();
    assert_eq!((again.len(), &parsed["cmd"]), (1, &Value::from("subscribe")));
    rig.say(r#"{"id":9,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":7}}"#);
    rig.say(&snapshot(1, 0).replace("\"sid\":1", "\"sid\":7"));
    assert_eq!(rig.status(0), BookStatus::Live);
}

#[test]
fn a_request_is_repeated_until_the_snapshot_comes() {
    let mut rig = kalshi(1);
    rig.commands();
    rig.say(SUBSCRIBED);
    assert_eq!(rig.poll_after(1), SessionStep::Idle);
    assert_eq!(rig.poll_after(5), SessionStep::Send);
    assert!(rig.commands()[0].contains("get_snapshot"));
    rig.feed.on_heard(rig.now);
    assert_eq!(rig.poll_after(6), SessionStep::Idle, "the pause doubles");
    assert_eq!(rig.poll_after(5), SessionStep::Send);
    assert!(rig.commands()[0].contains("add_markets"));
    rig.say(&snapshot(1, 0));
    assert_eq!((rig.status(0), rig.poll_after(20)), (BookStatus::Live, SessionStep::Idle));
}

#[test]
fn kalshi_markets_pause_regrid_and_close() {
    let life = |event: &str, more: &str| {
        format!(
            r#"{{"type":"market_lifecycle_v2","sid":2,"msg":{{"event_type":"{event}","market_ticker":"K0"{more}}}}}"#
        )
    };
    let mut rig = kalshi(1);
    rig.say(&snapshot(1, 0));
    rig.say(&life("deactivated", ""));
    assert_eq!(rig.status(0), BookStatus::Halted);
    rig.say(&life("activated", ""));
    assert_eq!(rig.status(0), BookStatus::Stale, "resting orders are gone");
    rig.say(&snapshot(2, 0));
    assert_eq!(rig.status(0), BookStatus::Live);
    let ranges = r#","price_ranges":[{"start":"0.0000","end":"1.0000","step":"0.0010"}]"#;
    rig.say(&life("price_level_structure_updated", ranges));
    assert_eq!(rig.status(0), BookStatus::AwaitingSnapshot);
    rig.say(&snapshot(3, 0));
    rig.say(&delta(4, 0, "0.4010", "1.00", "yes"));
    assert_eq!(rig.status(0), BookStatus::Live);
    rig.say(&life("determined", r#","result":"no","settlement_value":"0.0000""#));
    assert_eq!((rig.status(0), rig.sink.count("resolved")), (BookStatus::Closed, 1));
    rig.say(&snapshot(5, 0));
    assert_eq!(rig.status(0), BookStatus::Closed, "a closed book does not come back");
}

const YES: &str = "71321045679252212594626385532706912750332728571942532289631379312455583992563";
const NO: &str = "52114319501245915516055106046884209969926127482827954674443846427813813222426";

fn polymarket() -> Rig {
    let other = feeds::polymarket(1, "0xbb", ["333", "444"], grid(100));
    let listings = [feeds::polymarket(0, "0xaa", [YES, NO], grid(100)), other];
    Rig::new(VenueKind::Polymarket, &listings)
}

fn book(asset: &str, bid: &str, ask: &str) -> String {
    format!(
        r#"{{"event_type":"book","market":"0xaa","asset_id":"{asset}","timestamp":"999000","hash":"","bids":[{{"price":"{bid}","size":"5"}}],"asks":[{{"price":"{ask}","size":"5"}}]}}"#
    )
}

fn change(price: &str, size: &str, side: &str, best: (&str, &str), ts: u64) -> String {
    let (bid, ask) = best;
    format!(
        r#"{{"market":"0xaa","price_changes":[{{"asset_id":"{YES}","price":"{price}","size":"{size}","side":"{side}","hash":"","best_bid":"{bid}","best_ask":"{ask}"}}],"timestamp":"{ts}","event_type":"price_change"}}"#
    )
}

#[test]
fn polymarket_subscribes_pings_and_falls_silent() {
    let mut rig = polymarket();
    let open: Value = serde_json::from_str(&rig.commands()[0]).unwrap();
    assert_eq!(open["assets_ids"], serde_json::json!([YES, NO, "333", "444"]));
    assert_eq!((&open["type"], &open["initial_dump"]), (&"market".into(), &true.into()));
    rig.say(&book(YES, "0.48", "0.52"));
    rig.say(&book("333", "0.10", "0.20"));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Live, BookStatus::Live));
    assert_eq!(rig.poll_after(8), SessionStep::Send);
    assert_eq!(rig.commands(), ["PING"]);
    rig.say("PONG");
    assert_eq!(rig.poll_after(21), SessionStep::Reconnect(ReconnectReason::Silent));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Stale, BookStatus::Stale));
    rig.feed.on_connect(rig.now, &mut rig.sink);
    rig.say(&change("0.49", "1", "BUY", ("0.49", "0.52"), 1_029_000));
    assert_eq!(rig.status(0), BookStatus::Stale, "nothing is applied before the new snapshot");
    assert_eq!(rig.feed.counters().ignored, 1);
    rig.say(&book(NO, "0.48", "0.52"));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Live, BookStatus::Stale));
}

#[test]
fn a_crossed_polymarket_book_is_doubtful_at_once_and_counted_after_its_group() {
    let mut rig = polymarket();
    rig.commands();
    rig.say(&book(YES, "0.48", "0.52"));
    rig.say(&change("0.52", "9", "BUY", ("0.52", "1"), 1_000_000));
    assert_eq!(rig.status(0), BookStatus::Crossed);
    rig.say(&change("0.52", "0", "SELL", ("0.52", "1"), 1_000_000));
    assert_eq!(rig.status(0), BookStatus::Live);
    assert_eq!(rig.poll_after(1), SessionStep::Idle);
    assert_eq!((rig.feed.counters().crossed, rig.feed.counters().top_mismatch), (0, 0));
    // The same two messages under different stamps are two updates, and the first one is crossed.
    rig.say(&change("0.53", "2", "SELL", ("0.52", "0.53"), 1_001_000));
    rig.say(&change("0.53", "9", "BUY", ("0.53", "0.53"), 1_001_001));
    rig.say(&change("0.53", "0", "SELL", ("0.53", "1"), 1_001_002));
    rig.feed.finish(rig.now, &mut rig.sink);
    assert_eq!(rig.feed.counters().crossed, 1);
    assert_eq!(rig.status(0), BookStatus::Live);
}

#[test]
fn an_update_that_nothing_follows_counts_after_its_time_and_twice_that_at_the_latest() {
    let mut rig = polymarket();
    rig.commands();
    rig.say(&book(YES, "0.48", "0.52"));
    rig.say(&book("333", "0.10", "0.20"));
    let start = rig.now;
    let at = |millis: u64| start.plus(Nanos::from_millis(millis));
    // Two messages of one update, and of another book one that came behind both.
    let unlike = change("0.10", "1", "BUY", ("0.47", "0.52"), 1_000_000);
    let other = change("0.05", "1", "BUY", ("0.10", "0.20"), 1_000_000).replace(YES, "333");
    for (millis, text) in [(0, &unlike), (200, &unlike), (255, &other)] {
        rig.now = at(millis);
        rig.say(text);
    }
    let mut counted = |millis| {
        rig.feed.poll(at(millis), &mut rig.sink);
        rig.feed.counters().top_mismatch
    };
    assert_eq!((counted(260), counted(440)), (0, 0), "heard of less than its time ago");
    assert_eq!(counted(700), 1);
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Live, BookStatus::Live));
}

#[test]
fn a_book_that_stays_unlike_the_stated_top_is_sent_for() {
    let mut rig = polymarket();
    rig.commands();
    rig.say(&book(YES, "0.48", "0.52"));
    for at in 0..3 {
        rig.say(&change("0.10", "1", "BUY", ("0.47", "0.52"), 1_000_000 + at));
    }
    assert_eq!(rig.status(0), BookStatus::Live);
    rig.say(&change("0.10", "2", "BUY", ("0.47", "0.52"), 1_000_003));
    assert_eq!(rig.status(0), BookStatus::Gapped);
    let resync = rig.commands();
    assert!(resync[0].contains("unsubscribe") && resync[0].contains(YES), "{resync:?}");
    assert!(resync[1].contains("\"operation\":\"subscribe\""), "{resync:?}");
    assert!(!resync[0].contains("333"), "only the book in doubt");
}

#[test]
fn a_top_that_is_not_stated_is_not_compared() {
    let mut rig = polymarket();
    rig.commands();
    rig.say(&book(YES, "0.48", "0.52"));
    let stated = [("", ""), ("0.48", ""), ("", "0.52")];
    for (stamp, best) in (1_000_000..).zip(stated.into_iter().cycle().take(9)) {
        let text = change("0.10", "1", "BUY", best, stamp);
        let left_out = text.replace(r#","best_bid":"","best_ask":"""#, "");
        rig.say(if stamp % 2 == 0 { &text } else { &left_out });
    }
    rig.feed.finish(rig.now, &mut rig.sink);
    assert_eq!((rig.status(0), rig.feed.counters().top_mismatch), (BookStatus::Live, 0));
    // Zero and one are statements: of a side without levels.
    for (stamp, best) in (1_001_000..).zip([("0", ""), ("", "1"), ("", "0.53")]) {
        rig.say(&change("0.10", "1", "BUY", best, stamp));
    }
    rig.feed.finish(rig.now, &mut rig.sink);
    assert_eq!((rig.status(0), rig.feed.counters().top_mismatch), (BookStatus::Gapped, 3));
}

#[test]
fn a_tick_change_voids_the_levels_once() {
    let tick = |asset: &str| {
        format!(
            r#"{{"event_type":"tick_size_change","asset_id":"{asset}","market":"0xaa","old_tick_size":"0.01","new_tick_size":"0.001","timestamp":"1000000"}}"#
        )
    };
    let mut rig = polymarket();
    rig.say(&book(YES, "0.48", "0.97"));
    rig.say(&tick(YES));
    assert_eq!(rig.status(0), BookStatus::AwaitingSnapshot);
    rig.say(&book(YES, "0.965", "0.971"));
    rig.say(&tick(NO));
    assert_eq!((rig.status(0), rig.sink.count("tick_change")), (BookStatus::Live, 1));
}

#[test]
fn an_off_grid_price_and_an_unreadable_payload_put_books_in_doubt() {
    let mut rig = polymarket();
    rig.commands();
    rig.say(&book(YES, "0.48", "0.52"));
    rig.say(&book("333", "0.10", "0.20"));
    rig.say(&change("0.485", "1", "BUY", ("0.485", "0.52"), 1_000_000));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Gapped, BookStatus::Live));
    rig.say(&book(YES, "0.48", "0.52"));
    // The token is readable, the price is not: one book.
    rig.say(&change("0.4x", "1", "BUY", ("0.48", "0.52"), 1_000_000));
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Gapped, BookStatus::Live));
    // A record that is not about levels: none.
    rig.say(r#"{"event_type":"last_trade_price","asset_id":"333","price":"7"}"#);
    assert_eq!(rig.status(1), BookStatus::Live);
    // A cut message may have spoken of anything: all.
    rig.say(&book(YES, "0.48", "0.52"));
    let whole = change("0.49", "1", "BUY", ("0.49", "0.52"), 1_000_001);
    rig.say(&whole[..whole.len() - 1]);
    assert_eq!((rig.status(0), rig.status(1)), (BookStatus::Stale, BookStatus::Stale));
    assert_eq!((rig.sink.count("malformed"), rig.feed.counters().decode_errors), (3, 3));
}

#[test]
fn late_deltas_make_a_book_stale_until_they_are_fresh_again() {
    let mut rig = polymarket();
    rig.say(&book(YES, "0.48", "0.52"));
    rig.say(&change("0.49", "1", "BUY", ("0.49", "0.52"), 990_000));
    assert_eq!(rig.status(0), BookStatus::Stale);
    rig.say(&change("0.49", "2", "BUY", ("0.49", "0.52"), 999_900));
    assert_eq!(rig.status(0), BookStatus::Live);
}

#[test]
fn both_tokens_of_a_message_are_one_change() {
    let mut rig = polymarket();
    rig.say(&format!("[{},{}]", book(YES, "0.48", "0.52"), book(NO, "0.48", "0.52")));
    assert_eq!(rig.sink.changes, 1);
}
