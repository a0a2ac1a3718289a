//! `kalshi/book_replay.json`: frames in order, tops after each, books at the end.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Book, BookStatus, Nanos, Side};
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::{DecoderChoice, Feed, FeedConfig};
use harness::feeds::{self, Recorder};
use harness::vectors::{self, Expect};
use serde_json::{Value, json};

use super::fine_grid;

/// Every ticker that a case speaks of.
fn tickers(case: &Value) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for frame in vectors::list(case, "frames") {
        list.extend(frame["tops"].as_object().unwrap().keys().cloned());
    }
    list.extend(case["final_books"].as_object().unwrap().keys().cloned());
    list.extend(
        vectors::list(case, "final_invalid").iter().map(|t| t.as_str().unwrap().to_owned()),
    );
    list.sort();
    list.dedup();
    list
}

fn pips(book: &Book, side: Side) -> (Value, Value) {
    book.best(side).map_or((Value::Null, Value::Null), |level| {
        (json!(level.price.micro() / 100), json!(level.qty.micro() / 10_000))
    })
}

fn check_top(context: &str, expected: &Value, book: &Book) {
    let expected = Expect::new(context, expected);
    expected.equals("valid", book.status() == BookStatus::Live);
    let (bid, bid_size) = pips(book, Side::Buy);
    let (ask, ask_size) = pips(book, Side::Sell);
    expected.equals("yes_bid", bid);
    expected.equals("yes_bid_size", bid_size);
    expected.equals("yes_ask", ask);
    expected.equals("yes_ask_size", ask_size);
}

/// Levels ascending on the scale of their own face.
fn side_levels(book: &Book, side: Side, use_yes_price: bool) -> Value {
    let mut levels: Vec<(u32, u64)> = book
        .ladder(side)
        .iter()
        .map(|(tick, qty)| {
            let price = book.grid().price_of(tick);
            let mirrored = side == Side::Sell && !use_yes_price;
            let price = if mirrored { price.complement() } else { price };
            (price.micro() / 100, qty.micro() / 10_000)
        })
        .collect();
    levels.sort_unstable();
    json!(levels)
}

fn replay(case: &Value, decoder: DecoderChoice) {
    let name = format!("{} ({decoder:?})", vectors::text(case, "name"));
    let whole = Expect::new(name.clone(), case);
    whole.inputs(&["name", "origin", "agrees_with"]);
    let use_yes_price = whole.get("use_yes_price").unwrap().as_bool().unwrap();
    let names = tickers(case);
    let listings: Vec<_> =
        (0..).zip(&names).map(|(book, ticker)| feeds::kalshi(book, ticker, fine_grid())).collect();
    let config = FeedConfig { decoder, use_yes_price, ..FeedConfig::of(VenueKind::Kalshi) };
    let mut feed = Feed::new(VenueKind::Kalshi, &listings, config).unwrap();
    let mut sink = Recorder::default();
    let find = |ticker: &str| listings[names.iter().position(|n| n == ticker).unwrap()].book;
    for (index, frame) in whole.get("frames").unwrap().as_array().unwrap().iter().enumerate() {
        let context = format!("{name} frame {index}");
        let frame = Expect::new(context.clone(), frame);
        let before = feed.counters().clone();
        let wire = frame.text("wire").unwrap();
        feed.on_payload(wire.as_bytes(), &mut PayloadBuf::default(), Nanos::ZERO, &mut sink);
        let after = feed.counters();
        let seen = match frame.get("note").and_then(Value::as_str) {
            None => after.gaps == before.gaps && after.duplicates == before.duplicates,
            Some("gap") => after.gaps == before.gaps + 1,
            Some("duplicate_dropped") => after.duplicates == before.duplicates + 1,
            Some("negative_level") => after.negative == before.negative + 1,
            Some("delta_ignored_until_snapshot") => after.ignored == before.ignored + 1,
            Some(_) => true,
        };
        assert!(seen, "{context}: counters do not show the note");
        for (ticker, top) in frame.get("tops").unwrap().as_object().unwrap() {
            let book = feed.book(find(ticker)).unwrap();
            check_top(&format!("{context} {ticker}"), top, book);
        }
    }
    for (ticker, expected) in whole.get("final_books").unwrap().as_object().unwrap() {
        let book = feed.book(find(ticker)).unwrap();
        let expected = Expect::new(format!("{name} final {ticker}"), expected);
        expected.equals("yes", side_levels(book, Side::Buy, use_yes_price));
        expected.equals("no", side_levels(book, Side::Sell, use_yes_price));
    }
    for ticker in whole.get("final_invalid").unwrap().as_array().unwrap() {
        let status = feed.book(find(ticker.as_str().unwrap())).unwrap().status();
        assert_ne!(status, BookStatus::Live, "{name}: {ticker} must be invalid");
    }
}

#[test]
fn replays() {
    let Some(file) = vectors::load("kalshi", "book_replay") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        for decoder in [DecoderChoice::Fast, DecoderChoice::Scalar, DecoderChoice::General] {
            replay(case, decoder);
        }
    }
    vectors::report("kalshi", "book_replay", cases.len());
}
