//! The recordings of the data folder, against the numbers of its README.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::composed::{count, one, run};

/// The data folder: `DUTCHBOOK_DATA`, or beside the workspace. Tests that need it say so and pass
/// where it is absent.
fn data(test: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let folder = std::env::var_os("DUTCHBOOK_DATA").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {test}: the data folder {} is absent", folder.display());
    None
}

/// Replays one file and checks its numbers; the objects of `expected` are checked key by key.
#[track_caller]
fn check(file: &str, expected: &Value) -> Option<Value> {
    let path = data(file)?.join(file);
    if !path.is_file() {
        println!("skipped: {file} is absent");
        return None;
    }
    let report = one(&path);
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&report[key], value, "{file}: {key}");
    }
    println!("{file}: {} messages/s", report["messages_per_second"]);
    Some(report)
}

#[test]
fn polymarket_frames() {
    check(
        "polymarket/ws/market_frames_btc_updown_20260930.jsonl",
        &json!({"format": "polymarket-ws-utf8", "messages": 28, "books": 1, "sequence_gaps": 0,
            "crossed": 0, "negative": 0, "refused": 0, "final_snapshot_agrees": null,
            "messages_by_kind": {"book": 5, "price_change": 20, "last_trade_price": 2, "PONG": 2}}),
    );
    check(
        "polymarket/ws/market_burst_tick001_20260929.jsonl",
        &json!({"format": "polymarket-ws-frames", "messages": 51, "books": 1, "crossed": 0,
            "negative": 0, "refused": 0, "final_snapshot_agrees": true,
            "messages_by_kind": {"book": 2, "price_change": 49}}),
    );
}

#[test]
fn polymarket_sessions() {
    let clean = |messages: u64, kinds: Value| {
        json!({"format": "polymarket-ws-session", "messages": messages, "sequence_gaps": 0,
            "crossed": 0, "negative": 0, "refused": 0, "final_snapshot_agrees": null,
            "messages_by_kind": kinds})
    };
    check(
        "polymarket/ws/session_rtds-natural-20260429T021025Z-fresh.jsonl.zst",
        &clean(
            1_947,
            json!({"rest_book": 360, "book": 180, "price_change": 40, "new_market": 17,
                "polymarket_rtds_chainlink": 900, "binance": 300, "coinbase": 300}),
        ),
    );
    check(
        "polymarket/ws/session_pyth-proxy-natural-20260428a.jsonl.zst",
        &clean(
            220,
            json!({"rest_book": 60, "book": 60, "price_change": 23, "new_market": 17,
                "pyth_proxy": 10, "binance": 50, "coinbase": 50}),
        ),
    );
    check(
        "polymarket/ws/session_rtds-natural-20260428d.jsonl.zst",
        &clean(
            168,
            json!({"rest_book": 48, "book": 24, "price_change": 10, "new_market": 6,
                "polymarket_rtds_chainlink": 60, "binance": 20, "coinbase": 20}),
        ),
    );
    check(
        "polymarket/ws/session_rtds-current-window-rootcause-20260429T0312Z.jsonl.zst",
        &clean(
            30,
            json!({"rest_book": 12, "book": 6, "price_change": 2,
                "polymarket_rtds_chainlink": 9, "binance": 3, "coinbase": 3}),
        ),
    );
}

#[test]
fn kalshi_frames() {
    check(
        "kalshi/ws/demo_orderbook_session_20260701.jsonl.zst",
        &json!({"format": "kalshi-ws-frames", "messages": 2_898, "books": 5, "sequence_gaps": 0,
            "crossed": 0, "negative": 0, "refused": 0, "final_snapshot_agrees": null,
            "start_snapshots_agree": true,
            "messages_by_kind": {"orderbook_delta": 2_885, "orderbook_snapshot": 5, "ok": 4,
                "subscribed": 2, "fill": 2}}),
    );
    for (file, messages) in [("a", 7), ("b", 5)] {
        check(
            &format!("kalshi/ws/demo_orderbook_trade_20260611_{file}.jsonl"),
            &json!({"format": "kalshi-ws-frames", "messages": messages, "books": 1,
                "sequence_gaps": 0, "crossed": 0, "negative": 0, "refused": 0}),
        );
    }
    check(
        "kalshi/ws/demo_perps_orderbook_ticker_202606.jsonl.zst",
        &json!({"format": "kalshi-ws-perpetuals", "books": 0, "sequence_gaps": 0, "crossed": 0,
            "messages_by_kind": {"orderbook_delta": 2_946, "trade": 1_992, "ticker": 58,
                "orderbook_snapshot": 1, "subscribed": 3}}),
    );
}

#[test]
fn kalshi_depth_tapes() {
    let lines = [
        ("13", 3_998),
        ("14", 3_814),
        ("15", 4_005),
        ("16", 3_842),
        ("17", 3_899),
        ("20", 4_399),
        ("21", 4_592),
        ("22", 3_960),
        ("23", 3_938),
    ];
    for (day, messages) in lines {
        let report = check(
            &format!("kalshi/tape/orderbook_depth_202607{day}.jsonl.zst"),
            &json!({"format": "kalshi-depth-tape", "messages": messages, "sequence_gaps": 0,
                "crossed": 0, "negative": 0, "final_snapshot_agrees": null}),
        );
        let Some(report) = report else { continue };
        assert!((1_442..=2_649).contains(&count(&report, "books")), "{}", report["books"]);
    }
}

#[test]
fn kalshi_event_tapes() {
    for (day, lines, long) in [("05", 4_065, 43), ("18", 3_453, 60), ("21", 2_387, 25)] {
        let report = check(
            &format!("kalshi/tape/sports_events_202607{day}.jsonl.zst"),
            &json!({"format": "kalshi-events-tape", "messages": lines, "crossed": 0}),
        );
        let Some(report) = report else { continue };
        assert_eq!(report["rounds_gross_by_kind"]["multi_long"], long, "{day}");
    }
}

#[test]
fn pair_tapes() {
    let tapes = [
        ("wc_mexico_england_main_20260706", 6_722, 6_125, 4_274),
        ("wc_paraguay_france_20260704", 5_336, 4_763, 1_191),
    ];
    for (name, lines, comparable, gross) in tapes {
        let report = check(
            &format!("cross_venue/pairs_tape/{name}.jsonl.zst"),
            &json!({"format": "pair-tape", "messages": 2 * lines, "books": 4, "crossed": 0,
                "messages_by_kind": {"kalshi": lines, "polymarket": lines}, "rounds": lines,
                "rounds_comparable": comparable, "rounds_gross": gross}),
        );
        let Some(report) = report else { continue };
        let pairs = report["pairs"].as_array().unwrap();
        for key in ["rounds", "rounds_comparable", "rounds_gross", "rounds_net"] {
            let sum: u64 = pairs.iter().map(|pair| count(pair, key)).sum();
            assert_eq!(sum, count(&report, key), "{name}: {key}");
        }
        let net = count(&report, "rounds_net");
        let states: u64 = report["opportunities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|life| count(life, "states"))
            .sum();
        assert!(net > 0 && net < gross && states > 0 && states <= net, "{name}: {net} {states}");
    }
}

#[test]
fn pair_polls() {
    for (name, lines, gross) in
        [("fed_decision_pairs_202607", 3_315, 967), ("wc_round_pairs_20260705_06", 3_548, 923)]
    {
        check(
            &format!("cross_venue/pairs_tape/{name}.jsonl.zst"),
            &json!({"format": "pair-polls", "messages": lines, "rounds": lines,
                "rounds_gross": gross, "crossed": 0}),
        );
    }
}

#[test]
fn other_kalshi_tapes() {
    for (day, lines) in [("16", 2_120), ("21", 1_978)] {
        check(
            &format!("kalshi/tape/weather_books_202607{day}.jsonl.zst"),
            &json!({"format": "kalshi-depth-tape", "messages": lines, "crossed": 0, "negative": 0}),
        );
    }
    let burst = json!({"format": "kalshi-depth-tape", "messages": 10, "books": 10, "crossed": 0});
    check("kalshi/tape/hf_burst_20260716.jsonl", &burst);
    for day in ["04", "05", "06", "11", "12", "13"] {
        check(
            &format!("kalshi/tape/crypto_hourly_202607{day}.jsonl.zst"),
            &json!({"format": "kalshi-events-tape", "crossed": 0, "opportunities_gross": 0}),
        );
    }
}

#[test]
fn whole_folders() {
    let Some(data) = data("whole_folders") else { return };
    for folder in ["polymarket/ws", "kalshi", "cross_venue", "limitless"] {
        let outcome = run(&[&data.join(folder)]);
        let errors = outcome.errors;
        let is_bare = folder == "limitless";
        assert_eq!(errors.len(), usize::from(is_bare), "{folder}: {errors:?}");
    }
}
