//! Real orders: the demo's, over TLS, to venues that check every signature; at the end our books are
//! the venues' own, and a recording of it decides again as it did.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn dutchbook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dutchbook")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fresh(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dutchbook-{}-{name}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    folder
}

fn check(report: &Value) {
    assert_eq!(report["execution"], "orders");
    assert_eq!(report["ledger_difference"], "0", "{report:#}");
    assert_eq!(report["unknowns"], 0, "{report:#}");
    assert_eq!(report["books_equal_venue"], true, "{report:#}");
    assert_eq!(report["crossed_decisions"], 0, "{report:#}");
    let row = &report["latency_ns"]["payload_to_order_bytes"];
    assert!(row["p50"].as_u64() <= row["p99"].as_u64(), "{row}");
}

#[test]
fn our_books_end_as_the_venues_own() {
    for (seed, rounding) in [("1", "half_up"), ("2", "floor"), ("3", "ceil")] {
        println!("seed {seed}, fees {rounding}");
        let arguments =
            ["demo", "--seconds", "8", "--seed", seed, "--fee-rounding", rounding, "--json"];
        let report = json(&dutchbook(&arguments));
        check(&report);
        assert!(report["orders"].as_u64().unwrap() > 0, "{report:#}");
        assert!(report["fills"].as_u64().unwrap() > 0, "{report:#}");
    }
}

#[test]
fn our_books_end_as_the_venues_own_through_chaos() {
    for seed in ["4", "5"] {
        println!("seed {seed}");
        let arguments = ["demo", "--chaos", "--seconds", "10", "--seed", seed, "--json"];
        check(&json(&dutchbook(&arguments)));
    }
}

#[test]
fn a_replay_of_real_orders_decides_as_the_run_did() {
    let folder = fresh("live");
    let path = folder.to_str().unwrap();
    let arguments = ["demo", "--seconds", "6", "--seed", "7", "--json", "--record", path];
    let report = json(&dutchbook(&arguments));
    check(&report);
    assert_eq!(report["capture"]["complete"], true, "{report:#}");
    let replayed = json(&dutchbook(&["replay", path, "--json"]))[0].clone();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(replayed["complete"], true, "{replayed:#}");
    assert!(replayed["decisions_digest"].is_string(), "{replayed:#}");
    for key in ["decisions", "decisions_digest", "fills", "net_profit"] {
        assert_eq!(replayed[key], report[key], "{key}: {replayed:#}");
    }
}
