//! Pair tapes, depth tapes and event tapes, with numbers worked out by hand.

use super::composed::{Folder, count, one, quote};

#[test]
fn a_pair_tape_counts_rounds_and_prices_the_net_ones() {
    let folder = Folder::new("pairs");
    let lines = [
        // Comparable, not gross.
        quote(1_000, "kalshi", "47", "49", "50"),
        quote(1_000, "polymarket", "47.5", "48.5", "80"),
        // Gross by half a cent, not net.
        quote(2_000, "kalshi", "49", "50", "50"),
        quote(2_000, "polymarket", "48", "48.5", "80"),
        // Net: YES at 0.40 on Polymarket, NO at 0.40 on Kalshi.
        quote(3_000, "kalshi", "60", "61", "50"),
        quote(3_000, "polymarket", "39", "40", "80.255"),
        quote(4_000, "kalshi", "60", "61", "50"),
        quote(4_000, "polymarket", "38", "39", "80.255"),
        // Net before rounding; one hundredth of a contract drowns in it and in the dollar minimum.
        quote(5_000, "kalshi", "60", "61", "0.01"),
        quote(5_000, "polymarket", "39", "40", "0.01"),
        // A missing side is not comparable; a missing venue neither.
        quote(6_000, "kalshi", "null", "61", "5"),
        quote(6_000, "polymarket", "39", "40", "5"),
        quote(7_000, "kalshi", "60", "61", "5"),
    ];
    let report = one(&folder.lines("tape.jsonl", &lines));
    assert_eq!(report["format"], "pair-tape");
    for (key, expected) in [
        ("messages", 13),
        ("books", 2),
        ("sequence_gaps", 0),
        ("crossed", 0),
        ("negative", 0),
        ("rounds", 7),
        ("rounds_comparable", 5),
        ("rounds_gross", 4),
        ("rounds_net", 3),
        ("opportunities_gross", 1),
        ("opportunities_net", 1),
    ] {
        assert_eq!(count(&report, key), expected, "{key}");
    }
    assert_eq!(report["final_snapshot_agrees"], serde_json::Value::Null);
    assert_eq!(report["messages_by_kind"]["kalshi"], 7);
    assert_eq!(report["messages_by_kind"]["polymarket"], 6);
    let pair = &report["pairs"][0];
    assert_eq!(pair["pair"], "KXA-1:77");
    assert_eq!(count(pair, "rounds_net"), 3);
    // 1 − 0.39 − 0.03·0.39·0.61 − 0.40 − 0.07·0.40·0.60 = 0.186063.
    assert_eq!(pair["best_net_cents"], "18.6063");
    let life = &report["opportunities"][0];
    assert_eq!(life["kind"], "cross_venue");
    assert_eq!(life["size"], "50");
    // Kalshi: 50·0.40 = 20, trade fee 0.84, whole cents; Polymarket: 19.5 + 0.35685.
    assert_eq!(life["net_edge"], "9.30315");
    assert_eq!(count(life, "born_ns"), 3_000_000_000);
    assert_eq!(count(life, "died_ns"), 5_000_000_000);
}

#[test]
fn comparisons_are_exact_at_the_last_digit() {
    let folder = Folder::new("exact");
    // Equal prices are not gross: a float subtraction of 5.6 and 5.6000000000000005 would be.
    let lines =
        [quote(1, "kalshi", "5.6", "5.7", "10"), quote(1, "polymarket", "5.5", "5.6", "10")];
    let report = one(&folder.lines("tape.jsonl", &lines));
    assert_eq!((count(&report, "rounds_comparable"), count(&report, "rounds_gross")), (1, 0));
}

fn poll(sweep: u32, ticker: &str, yes: &str, no: &str) -> String {
    format!(
        r#"{{"capture_id":"S{sweep}","captured_at":"2026-07-13T00:0{sweep}:00.5+00:00","ticker":"{ticker}","yes_bids":{yes},"no_bids":{no},"venue":"kalshi"}}"#
    )
}

#[test]
fn a_depth_tape_walks_the_nos_of_one_game() {
    let folder = Folder::new("depth");
    let lines = [
        // NO asks 0.40 and 0.45: one of the two NOs pays.
        poll(1, "KXAGAME-1-X", "[[0.6,100.0],[0.55,100.0]]", "[[0.3,10.0]]"),
        poll(1, "KXAGAME-1-Y", "[[0.55,150.5]]", "[[0.4,10.0]]"),
        // The same prices on a series that is not one of games say nothing.
        poll(1, "KXBTC-1-X", "[[0.6,100.0]]", "[]"),
        poll(1, "KXBTC-1-Y", "[[0.55,150.5]]", "[]"),
        poll(2, "KXAGAME-1-X", "[[0.5,100.0]]", "[[0.3,10.0]]"),
        poll(2, "KXAGAME-1-Y", "[[0.45,150.5]]", "[[0.4,10.0]]"),
        poll(2, "KXCROSS-1-X", "[[0.5,1]]", "[[0.5,1]]"),
        poll(2, "KXNEG-1-X", "[[0.5,-1]]", "[]"),
    ];
    let report = one(&folder.lines("tape.jsonl", &lines));
    assert_eq!(report["format"], "kalshi-depth-tape");
    for (key, expected) in [
        ("messages", 8),
        ("books", 6),
        ("crossed", 1),
        ("negative", 1),
        ("opportunities_gross", 1),
        ("opportunities_net", 1),
    ] {
        assert_eq!(count(&report, key), expected, "{key}");
    }
    let life = &report["opportunities"][0];
    assert_eq!(
        (life["kind"].as_str(), life["what"].as_str()),
        (Some("exclusive"), Some("KXAGAME-1"))
    );
    // The second level of X (NO at 0.45) still earns: 0.10 less fees of 0.0347.
    assert_eq!(life["size"], "150.5");
    assert_eq!(count(life, "died_ns") - count(life, "born_ns"), 60_000_000_000);
}

#[test]
fn prices_too_fine_for_memory_are_refused_in_one_line() {
    let folder = Folder::new("fine");
    let lines: Vec<String> = (0..60)
        .map(|at| poll(1, &format!("KXA-1-{at}"), &format!("[[0.{at:02}0001,1]]"), "[]"))
        .collect();
    let outcome = super::composed::run(&[&folder.lines("tape.jsonl", &lines)]);
    assert_eq!(outcome.errors.len(), 1);
    assert!(outcome.errors[0].contains("memory"), "{:?}", outcome.errors);
}

#[test]
fn an_event_tape_sums_complete_outcomes_only() {
    let folder = Folder::new("events");
    let line = |minute: u32, complete: bool, a: &str, b: &str| {
        format!(
            r#"{{"bracket_sum":0.5,"captured_at":"2026-07-05T00:0{minute}:00Z","captured_outcomes":2,"expected_outcomes":2,"completeness_ok":{complete},"event_ticker":"KXE-1","outcomes":[{{"ticker":"KXE-1-A","yes_bid":0.1,"yes_ask":{a},"no_bid":0.1,"no_ask":0.9}},{{"ticker":"KXE-1-B","yes_bid":0.1,"yes_ask":{b},"no_bid":0.1,"no_ask":0.9}}]}}"#
        )
    };
    let lines = [
        line(0, true, "0.3", "0.6"),
        line(1, true, "0.3", "0.68"),
        line(2, true, "0.3", "0.7"),
        line(3, false, "0.3", "0.6"),
        line(4, true, "0.3", "1.0"),
    ];
    let report = one(&folder.lines("tape.jsonl", &lines));
    for (key, expected) in [
        ("messages", 5),
        ("books", 2),
        ("rounds", 5),
        ("rounds_gross", 2),
        ("rounds_net", 1),
        ("opportunities_gross", 1),
        ("opportunities_net", 1),
    ] {
        assert_eq!(count(&report, key), expected, "{key}");
    }
    assert_eq!(report["rounds_gross_by_kind"]["multi_long"], 2);
    // 1 − 0.9 − 0.07·(0.3·0.7 + 0.6·0.4) = 0.0685.
    assert_eq!(report["opportunities"][0]["net_edge"], "0.0685");

    // Sweeps appended out of order live as they were, not as they lie in the file.
    let shuffled = [
        line(4, true, "0.3", "0.6"),
        line(5, true, "0.3", "0.7"),
        line(3, true, "0.3", "0.59"),
        line(2, true, "0.3", "0.7"),
    ];
    let report = one(&folder.lines("shuffled.jsonl", &shuffled));
    assert_eq!(count(&report, "opportunities_net"), 1);
    let life = &report["opportunities"][0];
    assert_eq!(count(life, "died_ns") - count(life, "born_ns"), 120_000_000_000);
}
