//! The program itself, as a person runs it: the demo's report, its two layouts, its errors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn dutchbook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dutchbook")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check_report(report: &Value) {
    for key in ["messages", "books", "sequence_gaps", "crossed_decisions", "opportunities", "fills"]
    {
        assert!(report[key].is_u64(), "{key}: {report}");
    }
    let kinds = report["opportunities_by_kind"].as_object().unwrap();
    let sum: u64 = kinds.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(report["opportunities"].as_u64(), Some(sum));
    assert_eq!(report["sequence_gaps"], 0);
    assert_eq!(report["books_equal_venue"], true, "{report}");
    assert_eq!(report["faults"], serde_json::json!({}));
    assert_eq!(report["crossed_decisions"], 0);
    assert!(report["messages"].as_u64().unwrap() > 100);
    report["net_profit"].as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap();
    for name in ["payload_to_book", "payload_to_decision"] {
        let row = &report["latency_ns"][name];
        let at = |key: &str| row[key].as_u64().unwrap();
        assert!(at("p50") <= at("p90") && at("p90") <= at("p99") && at("p99") <= at("p999"));
        assert!(at("p999") <= at("max") && at("shed") == 0, "{name}: {row}");
        // Books change with more than a third of the messages, and every change is timed.
        assert!(at("count") * 3 > report["messages"].as_u64().unwrap(), "{name}: {report}");
    }
}

#[test]
fn one_seed_gives_one_result_in_simulated_time() {
    let run = |seed: &str| {
        let arguments = ["demo", "--simulated-clock", "--seconds", "20", "--seed", seed, "--json"];
        let mut report = json(&dutchbook(&arguments));
        check_report(&report);
        report.as_object_mut().unwrap().remove("latency_ns");
        report
    };
    let first = run("5");
    assert_eq!(first, run("5"));
    assert_ne!(first["messages"], run("6")["messages"]);
    assert!(first["opportunities"].as_u64().unwrap() > 0, "{first}");
    assert!(first["fills"].as_u64().unwrap() > 0, "{first}");
}

/// Whoever reads the README sees what the program prints, but for the latencies, which it leaves out.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let output = dutchbook(&["demo", "--simulated-clock"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let [latencies, books] =
        ["latency from receipt", "all 38 books"].map(|text| printed.find(text).unwrap());
    let expected = format!("```\n{}{}```\n", &printed[..latencies], &printed[books..]);
    assert!(readme.contains(&expected), "put this into README.md:\n{expected}");
}

#[test]
fn the_live_engine_reports_in_both_layouts() {
    for (layout, wait) in [("single", "yield"), ("split", "yield"), ("single", "park")] {
        let path = std::env::temp_dir().join(format!("dutchbook-demo-{layout}-{wait}.toml"));
        std::fs::write(&path, format!("[tiles]\nlayout = \"{layout}\"\nwait = \"{wait}\"\n"))
            .unwrap();
        let file = path.to_str().unwrap();
        let report = json(&dutchbook(&["demo", "--seconds", "3", "--json", "--config", file]));
        check_report(&report);
        check_audit(&report);
        assert_eq!(report["audit"]["frozen"], 0, "nothing is frozen on a good day: {report}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_cannot_be_run_says_why_in_one_line() {
    let usage: [&[&str]; 6] = [
        &["nonsense"],
        &["demo", "--nonsense"],
        &["demo", "--seconds", "0"],
        &["demo", "--seconds", "many"],
        &["demo", "--seed=-1"],
        &["eval"],
    ];
    for arguments in usage {
        let output = dutchbook(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    let failing: [&[&str]; 3] = [
        &["demo", "--json", "--config", "does-not-exist.toml"],
        &["eval", "does-not-exist.json", "--json"],
        &["replay", "does-not-exist.jsonl"],
    ];
    for arguments in failing {
        let output = dutchbook(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with("dutchbook: ") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for arguments in [
        &["--help"][..],
        &["demo", "--help"],
        &["replay", "--help"],
        &["eval", "--help"],
        &["inspect", "--help"],
        &["import", "--help"],
    ] {
        let output = dutchbook(arguments);
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains("Example"), "{arguments:?}");
    }
}

#[test]
fn the_case_vectors_are_answered_in_order() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/arbitrage/cases.json");
    let answers = json(&dutchbook(&["eval", file.to_str().unwrap(), "--json"]));
    let cases: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|case| case["id"].to_string()).collect()
    };
    assert_eq!(ids(&answers), ids(&cases["cases"]));
    for (answer, case) in answers.as_array().unwrap().iter().zip(cases["cases"].as_array().unwrap())
    {
        assert_eq!(answer["opportunity"], case["expect"]["opportunity"], "{}", case["id"]);
    }
}

/// A run with faults: none of them may lead to a decision on doubt or leave a book wrong.
fn check_chaos(report: &Value, windows: u64) {
    assert_eq!(report["crossed_decisions"], 0, "{report}");
    assert_eq!(report["stale_decisions"], 0, "{report}");
    assert_eq!(report["books_equal_venue"], true, "{report}");
    assert!(report["resyncs"].as_u64().unwrap() > 50, "{report}");
    assert!(report["decisions"].as_u64().unwrap() > 0, "{report}");
    // Two venues in every window.
    for kind in ["dropped_frames", "duplicated_frames", "silent_freezes", "disconnects"] {
        assert!(report["faults"][kind].as_u64().unwrap() >= 2 * windows, "{kind}: {report}");
    }
}

#[test]
fn the_engine_comes_through_chaos() {
    for seed in ["1", "2", "3", "4", "5"] {
        let arguments =
            ["demo", "--simulated-clock", "--chaos", "--seconds", "16", "--seed", seed, "--json"];
        check_chaos(&json(&dutchbook(&arguments)), 2);
    }
    let live = ["demo", "--chaos", "--seconds", "8", "--seed", "6", "--json"];
    let report = json(&dutchbook(&live));
    check_chaos(&report, 1);
    check_audit(&report);
}

/// The venues' lists and books were read beside the streams, and agree with them at the end.
fn check_audit(report: &Value) {
    let number = |key: &str| report["audit"][key].as_u64().unwrap();
    assert!(number("refreshes") > 0 && number("compared") > 0, "{report}");
    assert!(report["books_compared"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["books_different"], serde_json::json!([]), "{report}");
}
