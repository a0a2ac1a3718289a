//! Feeds on recordings of real venues: nothing lost, nothing crossed, the final snapshot reproduced.
//! Each test skips itself where the recording is absent.

#![cfg(test)]

use std::collections::BTreeMap;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::units::Price;
use dutchbook_book::{Book, BookId, BookStatus, Grid, Nanos, Qty, Side, Tick};
use dutchbook_feeds::kind::MessageKind;
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::{DecoderChoice, Feed, FeedConfig};
use harness::data;
use harness::feeds::{self, Recorder};
use serde_json::Value;

const DECODERS: [DecoderChoice; 3] =
    [DecoderChoice::Fast, DecoderChoice::Scalar, DecoderChoice::General];

fn grid(pips: u32) -> Grid {
    Grid::uniform(Price::from_pips(pips).unwrap()).unwrap()
}

fn levels(book: &Book) -> Vec<(Side, Tick, Qty)> {
    [Side::Buy, Side::Sell]
        .into_iter()
        .flat_map(|side| book.ladder(side).iter().map(move |(tick, qty)| (side, tick, qty)))
        .collect()
}

/// A feed that has seen these payloads, at the times given.
fn run<'a>(
    kind: VenueKind,
    listings: &[Listing],
    decoder: DecoderChoice,
    payloads: impl IntoIterator<Item = (Nanos, &'a str)>,
) -> (Feed, Recorder) {
    let config = FeedConfig { decoder, ..FeedConfig::of(kind) };
    let mut feed = Feed::new(kind, listings, config).unwrap();
    let mut sink = Recorder::default();
    let mut last = Nanos::ZERO;
    for (now, payload) in payloads {
        feed.on_payload(payload.as_bytes(), &mut PayloadBuf::default(), now, &mut sink);
        last = now;
    }
    feed.finish(last, &mut sink);
    (feed, sink)
}

/// Runs all decoders, holds them equal, and returns the last feed.
fn run_all<'a>(
    kind: VenueKind,
    listings: &[Listing],
    payloads: &(impl Iterator<Item = (Nanos, &'a str)> + Clone),
) -> (Feed, Recorder) {
    let mut runs: Vec<(Feed, Recorder)> =
        DECODERS.map(|decoder| run(kind, listings, decoder, payloads.clone())).into();
    let (last, sink) = runs.pop().unwrap();
    for (feed, _) in &runs {
        let (mut ours, mut theirs) = (feed.counters().clone(), last.counters().clone());
        (ours.fast_hits, ours.general_hits) = (0, 0);
        (theirs.fast_hits, theirs.general_hits) = (0, 0);
        assert_eq!(ours, theirs);
        for ((id, ours), (_, theirs)) in feed.books().zip(last.books()) {
            assert_eq!(levels(ours), levels(theirs), "book {id}");
            assert_eq!(ours.stamp(), theirs.stamp(), "book {id}");
        }
    }
    assert!(runs[0].0.counters().fast_hits > 0, "the fast path takes part");
    assert_eq!(last.counters().decode_errors, 0, "{:?}", sink.log);
    (last, sink)
}

fn lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.lines().filter(|line| !line.trim().is_empty())
}

/// Kalshi listings for every ticker that a recording names.
fn kalshi_listings(text: &str) -> Vec<Listing> {
    let mut tickers: Vec<String> = lines(text)
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|frame| frame["msg"]["market_ticker"].as_str().map(str::to_owned))
        .collect();
    tickers.sort();
    tickers.dedup();
    (0..).zip(&tickers).map(|(book, ticker)| feeds::kalshi(book, ticker, grid(1))).collect()
}

fn run_kalshi(file: &str) -> Option<(Feed, Recorder)> {
    let text = data::text(file)?;
    let listings = kalshi_listings(&text);
    let payloads = lines(&text).map(|line| (Nanos::ZERO, line));
    Some(run_all(VenueKind::Kalshi, &listings, &payloads))
}

#[test]
fn a_kalshi_session_is_whole() {
    let Some((feed, _)) = run_kalshi("kalshi/ws/demo_orderbook_session_20260701.jsonl.zst") else {
        return;
    };
    let counters = feed.counters();
    let of = |kind| counters.of(kind);
    assert_eq!(of(MessageKind::OrderbookDelta), 2_885);
    assert_eq!(of(MessageKind::OrderbookSnapshot), 5);
    assert_eq!(
        (of(MessageKind::Ok), of(MessageKind::Subscribed), of(MessageKind::Fill)),
        (4, 2, 2)
    );
    assert_eq!((counters.gaps, counters.duplicates, counters.ignored), (0, 0, 0));
    assert_eq!((counters.crossed, counters.negative, counters.off_tick), (0, 0, 0));
    assert_eq!(feed.books().count(), 5);
    assert!(feed.books().all(|(_, book)| book.status() == BookStatus::Live));
}

#[test]
fn a_kalshi_session_without_one_message_shows_the_gap() {
    let Some(text) = data::text("kalshi/ws/demo_orderbook_session_20260701.jsonl.zst") else {
        return;
    };
    let payloads: Vec<_> = lines(&text).map(|line| (Nanos::ZERO, line)).collect();
    let listings = kalshi_listings(&text);
    for missing in [20, 500, 2_000] {
        let kept = payloads.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, p)| *p);
        let (feed, _) = run(VenueKind::Kalshi, &listings, DecoderChoice::Fast, kept);
        assert_eq!(feed.counters().gaps, 1, "without frame {missing}");
        assert!(feed.books().all(|(_, book)| book.status() == BookStatus::Gapped));
    }
}

#[test]
fn short_kalshi_sessions_are_whole() {
    for which in ["a", "b"] {
        let file = format!("kalshi/ws/demo_orderbook_trade_20260611_{which}.jsonl");
        let Some((feed, _)) = run_kalshi(&file) else { return };
        let counters = feed.counters();
        assert_eq!((counters.gaps, counters.crossed, counters.negative), (0, 0, 0), "{file}");
    }
}

#[test]
fn perpetuals_are_counted_and_never_applied() {
    let Some(text) = data::text("kalshi/ws/demo_perps_orderbook_ticker_202606.jsonl.zst") else {
        return;
    };
    let listings = kalshi_listings(&text);
    let payloads = lines(&text).map(|line| (Nanos::ZERO, line));
    let (feed, _) = run(VenueKind::Kalshi, &listings, DecoderChoice::Fast, payloads);
    let counters = feed.counters();
    assert_eq!(counters.decode_errors, 0);
    assert_eq!((counters.gaps, counters.duplicates), (0, 0));
    assert_eq!(counters.foreign, 2_946 + 1_992 + 58 + 1);
    assert!(feed.books().all(|(_, book)| levels(book).is_empty()));
}

#[test]
fn transition_shapes_of_production_decode() {
    for (file, kind) in [
        ("kalshi/ws/prod_ticker_202602_10.jsonl", MessageKind::Ticker),
        ("kalshi/ws/prod_trade_202602_10.jsonl", MessageKind::Trade),
    ] {
        let Some(text) = data::text(file) else { return };
        let payloads = lines(&text).map(|line| (Nanos::ZERO, line));
        let (feed, sink) = run(VenueKind::Kalshi, &[], DecoderChoice::Fast, payloads);
        assert_eq!((feed.counters().of(kind), feed.counters().decode_errors), (10, 0), "{file}");
        assert_eq!(sink.count("record"), 10);
    }
}

/// Markets of a Polymarket recording: condition to its tokens in order of appearance. A token that
/// comes alone gets a made-up partner.
fn polymarket_listings<'a>(payloads: impl Iterator<Item = &'a str>, step: u32) -> Vec<Listing> {
    let mut markets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |market: &Value, asset: &Value| {
        if let (Some(market), Some(asset)) = (market.as_str(), asset.as_str()) {
            let tokens = markets.entry(market.to_owned()).or_default();
            if !tokens.iter().any(|token| token == asset) {
                tokens.push(asset.to_owned());
            }
        }
    };
    for payload in payloads {
        let Ok(value) = serde_json::from_str::<Value>(payload) else { continue };
        let one = [value];
        for message in one[0].as_array().map_or(&one[..], Vec::as_slice) {
            note(&message["market"], &message["asset_id"]);
            for change in message["price_changes"].as_array().into_iter().flatten() {
                note(&message["market"], &change["asset_id"]);
            }
        }
    }
    let grid = grid(step);
    (0..)
        .zip(&markets)
        .map(|(book, (market, tokens))| {
            let partner = format!("partner of {}", tokens[0]);
            let no = tokens.get(1).unwrap_or(&partner);
            feeds::polymarket(book, market, [&tokens[0], no], grid)
        })
        .collect()
}

/// Venue time of a frame, for recordings without receive times.
fn venue_time(line: &str) -> Nanos {
    let value: Value = serde_json::from_str(line).unwrap_or(Value::Null);
    let ms = value["timestamp"].as_str().and_then(|text| text.parse().ok());
    Nanos::from_millis(ms.unwrap_or(0))
}

#[test]
fn a_polymarket_burst_reproduces_its_final_snapshot() {
    let Some(text) = data::text("polymarket/ws/market_burst_tick001_20260929.jsonl") else {
        return;
    };
    let all: Vec<_> = lines(&text).map(|line| (venue_time(line), line)).collect();
    let listings = polymarket_listings(lines(&text), 10);
    assert_eq!((all.len(), listings.len()), (51, 1));
    let (deltas, last) = all.split_at(50);
    let (replayed, _) = run_all(VenueKind::Polymarket, &listings, &deltas.iter().copied());
    let (stated, _) =
        run(VenueKind::Polymarket, &listings, DecoderChoice::General, last.iter().copied());
    let counters = replayed.counters();
    assert_eq!(counters.of(MessageKind::PriceChange), 49);
    // Two states inside one match are crossed and unlike the stated top; the update is neither.
    assert_eq!((counters.crossed, counters.top_mismatch), (0, 0));
    let book = BookId(0);
    assert_eq!(levels(replayed.book(book).unwrap()), levels(stated.book(book).unwrap()));
    assert_eq!(replayed.book(book).unwrap().status(), BookStatus::Live);
}

#[test]
fn polymarket_frames_never_cross_and_match_the_stated_top() {
    let Some(text) = data::text("polymarket/ws/market_frames_btc_updown_20260930.jsonl") else {
        return;
    };
    let envelopes: Vec<Value> = lines(&text).map(|l| serde_json::from_str(l).unwrap()).collect();
    let payloads: Vec<&str> = envelopes.iter().filter_map(|e| e["payloadUtf8"].as_str()).collect();
    let listings = polymarket_listings(payloads.iter().copied(), 100);
    let (feed, sink) =
        run_all(VenueKind::Polymarket, &listings, &payloads.iter().map(|p| (Nanos::ZERO, *p)));
    let counters = feed.counters();
    assert_eq!(counters.of(MessageKind::Book), 5);
    assert_eq!(counters.of(MessageKind::PriceChange), 20);
    assert_eq!(counters.of(MessageKind::LastTradePrice), 2);
    assert_eq!(counters.of(MessageKind::Pong), 2);
    assert_eq!((counters.crossed, counters.top_mismatch, counters.off_tick), (0, 0, 0));
    assert_eq!(sink.count("trade"), 2);
    let top = feed.book(BookId(0)).unwrap().top();
    assert!(top.bid.is_some() && top.ask.is_some() && !top.is_crossed());
}

#[test]
fn recorded_sessions_of_all_streams_decode() {
    for (file, clob) in [
        ("session_rtds-natural-20260429T021025Z-fresh", [360, 180, 40, 17]),
        ("session_pyth-proxy-natural-20260428a", [60, 60, 23, 17]),
        ("session_rtds-natural-20260428d", [48, 24, 10, 6]),
        ("session_rtds-current-window-rootcause-20260429T0312Z", [12, 6, 2, 0]),
    ] {
        let Some(text) = data::text(&format!("polymarket/ws/{file}.jsonl.zst")) else { return };
        let envelopes: Vec<Value> =
            lines(&text).map(|l| serde_json::from_str(l).unwrap()).collect();
        let payloads: Vec<(Nanos, &str)> = envelopes
            .iter()
            .filter(|e| e["source"].as_str().is_some_and(|s| s.starts_with("polymarket")))
            .map(|e| {
                let now = Nanos::from_millis(e["recv_wall_ts"].as_u64().unwrap());
                (now, e["payload"].as_str().unwrap())
            })
            .collect();
        let listings = polymarket_listings(payloads.iter().map(|(_, p)| *p), 100);
        let (feed, _) = run_all(VenueKind::Polymarket, &listings, &payloads.iter().copied());
        let counters = feed.counters();
        let found = [
            MessageKind::RestBook,
            MessageKind::Book,
            MessageKind::PriceChange,
            MessageKind::NewMarket,
        ]
        .map(|kind| counters.of(kind));
        assert_eq!(found, clob, "{file}");
        assert_eq!((counters.crossed, counters.negative, counters.unknown_kind), (0, 0, 0));
        assert_eq!((counters.off_tick, counters.top_mismatch), (0, 0), "{file}");
    }
}
