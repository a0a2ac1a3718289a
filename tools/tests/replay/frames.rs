//! Polymarket and Kalshi frames: envelopes, counts, gaps, and the comparison with a later snapshot.

use serde_json::{Value, json};

use super::composed::{Folder, count, one, text, timeless};

/// A level as text.
type Level = (&'static str, &'static str);

const BIDS: &[Level] = &[("0.4", "10"), ("0.45", "20")];
const ASKS: &[Level] = &[("0.55", "30"), ("0.5", "5")];

fn levels(list: &[Level]) -> Value {
    list.iter().map(|(price, size)| json!({"price": price, "size": size})).collect()
}

fn book(ts: u64, bids: &[Level], asks: &[Level]) -> String {
    json!({"market": "0xm", "asset_id": "111", "timestamp": ts.to_string(), "hash": "h",
        "bids": levels(bids), "asks": levels(asks), "event_type": "book"})
    .to_string()
}

/// One order's change on both tokens.
fn change(ts: u64, side: &str, price: u64, size: &str) -> String {
    let cents = |price: u64| format!("0.{price:02}");
    let other = if side == "BUY" { "SELL" } else { "BUY" };
    json!({"market": "0xm", "price_changes": [
        {"asset_id": "111", "price": cents(price), "size": size, "side": side, "hash": "a"},
        {"asset_id": "222", "price": cents(100 - price), "size": size, "side": other, "hash": "b"},
    ], "timestamp": ts.to_string(), "event_type": "price_change"})
    .to_string()
}

fn stream() -> Vec<String> {
    vec![
        book(1_000, BIDS, ASKS),
        change(2_000, "BUY", 46, "7"),
        change(3_000, "SELL", 50, "0"),
        change(4_000, "BUY", 40, "11.5"),
        book(5_000, &[("0.4", "11.5"), ("0.45", "20"), ("0.46", "7")], &[("0.55", "30")]),
    ]
}

/// One recording of each venue's frames, for tests that damage them.
pub(crate) fn recordings() -> Vec<Vec<u8>> {
    let session = [
        snapshot(1, &json!([["0.4000", "10.00"]]), &json!([["0.5000", "7.00"]])),
        delta(2, "0.4100", "5.00"),
        delta(3, "0.4000", "-10.00"),
        snapshot(4, &json!([["0.4100", "5.00"]]), &json!([["0.5000", "7.00"]])),
    ];
    let wrapped = stream().into_iter().map(|frame| {
        json!({"receivedAt": "2026-09-30T11:16:20.252Z", "payloadUtf8": frame}).to_string()
    });
    let texts = [text(&stream()), text(&session), text(&wrapped.collect::<Vec<_>>())];
    texts.map(String::into_bytes).to_vec()
}

fn agrees(test: &str, lines: &[String]) -> Value {
    let folder = Folder::new(test);
    one(&folder.lines("stream.jsonl", lines))["final_snapshot_agrees"].clone()
}

#[test]
fn deltas_lead_to_the_last_snapshot_or_not() {
    let folder = Folder::new("agree");
    let report = one(&folder.lines("stream.jsonl", &stream()));
    assert_eq!(report["format"], "polymarket-ws-frames");
    for (key, expected) in [
        ("messages", 5),
        ("books", 1),
        ("sequence_gaps", 0),
        ("crossed", 0),
        ("negative", 0),
        ("refused", 0),
        ("opportunities_gross", 0),
        ("opportunities_net", 0),
    ] {
        assert_eq!(count(&report, key), expected, "{key}");
    }
    assert_eq!(report["messages_by_kind"], json!({"book": 2, "price_change": 3}));
    assert_eq!(report["final_snapshot_agrees"], true);

    let mut other = stream();
    other[4] = book(5_000, &[("0.4", "11.5"), ("0.45", "20"), ("0.46", "8")], &[("0.55", "30")]);
    assert_eq!(agrees("disagree", &other), false);
    let mut missing = stream();
    missing.remove(2);
    assert_eq!(agrees("missing", &missing), false);
}

#[test]
fn what_cannot_be_compared_is_null() {
    let mut silent = stream();
    silent[4] = book(70_000, BIDS, ASKS);
    assert_eq!(agrees("silent", &silent), Value::Null);
    let mut dumped = stream();
    dumped[4] = format!("[{}]", dumped[4]);
    assert_eq!(agrees("dumped", &dumped), Value::Null);
    let mut rested = stream();
    rested[4] = rested[4].replace(r#","event_type":"book""#, "");
    assert_eq!(agrees("rested", &rested), Value::Null);
    assert_eq!(agrees("short", &stream()[..4]), Value::Null);
}

#[test]
fn the_three_envelopes_hold_the_same_stream() {
    let folder = Folder::new("envelopes");
    let mut frames = stream();
    frames.insert(3, "PONG".to_owned());
    let bare = timeless(one(&folder.lines("bare.jsonl", &frames)));
    assert_eq!(bare["messages_by_kind"]["PONG"], 1);
    let utf8: Vec<String> = frames
        .iter()
        .map(|frame| json!({"receivedAt": "2026-09-30T11:16:20.252Z", "payloadUtf8": frame}))
        .map(|line| line.to_string())
        .collect();
    let mut utf8 = timeless(one(&folder.lines("utf8.jsonl", &utf8)));
    let envelope = |source: &str, at: usize, frame: &str| {
        json!({"run_id": "r", "source": source, "recv_wall_ts": 1_777_432_355_956_u64 + at as u64,
            "recv_mono_ns": 1, "ingest_seq": at, "payload": frame})
        .to_string()
    };
    let mut session: Vec<String> = frames
        .iter()
        .enumerate()
        .map(|(at, frame)| envelope("polymarket_clob", at, frame))
        .collect();
    session.push(envelope("binance", 9, "{\"p\":1}"));
    let mut session = timeless(one(&folder.lines("session.jsonl", &session)));
    assert_eq!(utf8["format"], "polymarket-ws-utf8");
    assert_eq!(session["format"], "polymarket-ws-session");
    assert_eq!(count(&session, "messages"), count(&bare, "messages") + 1);
    session["messages"] = bare["messages"].clone();
    let kinds = session["messages_by_kind"].as_object_mut().unwrap();
    assert_eq!(kinds.remove("binance"), Some(json!(1)));
    for report in [&mut utf8, &mut session] {
        report["format"] = bare["format"].clone();
        assert_eq!(*report, bare);
    }
}

#[test]
fn a_crossed_state_counts_after_the_last_message_of_its_stamp() {
    let folder = Folder::new("crossed");
    let matched = [
        book(1_000, BIDS, ASKS),
        change(2_000, "BUY", 50, "3"),
        change(2_000, "SELL", 50, "0"),
        change(3_000, "BUY", 40, "1"),
    ];
    let report = one(&folder.lines("matched.jsonl", &matched));
    assert_eq!(count(&report, "crossed"), 0);
    let crossed = [matched[0].clone(), matched[1].clone(), matched[3].clone()];
    let report = one(&folder.lines("crossed.jsonl", &crossed));
    assert!(count(&report, "crossed") > 0);
}

#[test]
fn prices_choose_the_grid_and_a_malformed_frame_is_refused() {
    let folder = Folder::new("grid");
    let fine = [book(1_000, &[("0.4", "10"), ("0.4025", "2")], &[("0.97125", "1")])];
    let report = one(&folder.lines("fine.jsonl", &fine));
    assert_eq!((count(&report, "books"), count(&report, "refused")), (1, 0));
    // Inside an envelope the venue's bytes may be anything.
    let line = |frame: &str| {
        json!({"receivedAt": "2026-09-30T11:16:20Z", "payloadUtf8": frame}).to_string()
    };
    let cut = stream()[1].chars().take(60).collect::<String>();
    let lines = [line(&stream()[0]), line(&cut), line(&stream()[2])];
    let report = one(&folder.lines("cut.jsonl", &lines));
    assert_eq!(report["messages_by_kind"]["malformed"], 1);
    assert_eq!(count(&report, "refused"), 1);
}

fn kalshi(seq: u64, kind: &str, msg: &Value) -> String {
    json!({"type": kind, "sid": 1, "seq": seq, "msg": msg}).to_string()
}

fn snapshot(seq: u64, yes: &Value, no: &Value) -> String {
    let msg = json!({"market_ticker": "KXA-1", "yes_dollars_fp": yes, "no_dollars_fp": no});
    kalshi(seq, "orderbook_snapshot", &msg)
}

fn delta(seq: u64, price: &str, change: &str) -> String {
    let msg = json!({"market_ticker": "KXA-1", "price_dollars": price, "delta_fp": change,
        "side": "yes", "ts_ms": 1_782_873_105_000_u64 + seq});
    kalshi(seq, "orderbook_delta", &msg)
}

#[test]
fn kalshi_sequences_acknowledgements_and_snapshots() {
    let folder = Folder::new("kalshi");
    let ok = kalshi(3, "ok", &json!({"market_tickers": ["KXA-1"]}));
    let lines = [
        json!({"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 1}})
            .to_string(),
        String::new(),
        snapshot(1, &json!([["0.4000", "10.00"]]), &json!([["0.5000", "7.00"]])),
        delta(2, "0.4100", "5.00"),
        ok,
        delta(4, "0.4000", "-10.00"),
        snapshot(5, &json!([["0.4100", "5.00"]]), &json!([["0.5000", "7.00"]])),
    ];
    let report = one(&folder.lines("session.jsonl", &lines));
    assert_eq!(report["format"], "kalshi-ws-frames");
    assert_eq!(report["messages_by_kind"]["ok"], 1);
    assert_eq!(report["final_snapshot_agrees"], true);
    for (key, expected) in [("messages", 6), ("books", 1), ("sequence_gaps", 0), ("negative", 0)] {
        assert_eq!(count(&report, key), expected, "{key}");
    }
    let gapped: Vec<String> =
        lines.iter().filter(|line| !line.contains("\"ok\"")).cloned().collect();
    let report = one(&folder.lines("gapped.jsonl", &gapped));
    assert_eq!(count(&report, "sequence_gaps"), 1);
    assert_eq!(report["final_snapshot_agrees"], Value::Null);
    let mut negative = lines.to_vec();
    negative[5] = delta(4, "0.4000", "-10.01");
    let report = one(&folder.lines("negative.jsonl", &negative));
    assert_eq!((count(&report, "negative"), count(&report, "sequence_gaps")), (1, 0));
}

#[test]
fn kalshi_perpetuals_are_counted_and_not_applied() {
    let folder = Folder::new("perpetuals");
    let lines = [
        kalshi(1, "orderbook_snapshot", &json!({"market_ticker": "KXP", "bid": [["4.8", "3.00"]]})),
        kalshi(
            2,
            "orderbook_delta",
            &json!({"market_ticker": "KXP", "price": "4.8", "delta": "1"}),
        ),
        kalshi(3, "trade", &json!({"market_ticker": "KXP", "price": "4.8"})),
    ];
    let report = one(&folder.lines("perpetuals.jsonl", &lines));
    assert_eq!(report["format"], "kalshi-ws-perpetuals");
    assert_eq!((count(&report, "messages"), count(&report, "books")), (3, 0));
    assert_eq!(report["messages_by_kind"]["orderbook_delta"], 1);
}
