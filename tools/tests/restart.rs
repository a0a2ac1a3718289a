//! Real orders while a venue restarts its matching: nothing is taken for a while, then only what
//! rests. What was refused is over, and what was under way is accounted for. And runs that are started
//! again after a kill: recorded, they replay as they decided.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "programs/approved.rs"]
mod approved;
#[path = "programs/live.rs"]
mod live;
mod programs;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use live::{add_accounts, pair_up};
use programs::{Venue, config, folder};
use serde_json::{Value, json};

/// Asks a venue's control endpoint.
fn control(venue: &Venue, method: &str, body: &str) -> Value {
    let address = venue.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{method} /_control/faults HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Requests that the restarts of this venue have refused.
fn refused(venue: &Venue, kind: &str) -> u64 {
    control(venue, "GET", "")[kind]["counts"]["restart_refusals"].as_u64().unwrap()
}

#[test]
fn what_a_restart_refuses_is_over_and_all_is_accounted_for() {
    let opened = ["--print-test-account"];
    let venues = ["polymarket", "kalshi"].map(|which| Venue::start(which, "busy", &opened));
    let [polymarket, kalshi] = &venues;
    let path = config("restart", polymarket, kalshi, "");
    add_accounts(&path, polymarket, kalshi, &folder("restart"));
    pair_up(&path, polymarket, kalshi);
    let child = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(live::arguments(&path))
        .args(["--live", "--seconds", "120"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait(Duration::from_secs(4));
    let restart = json!({"down_ms": 1_500, "post_only_ms": 1_500});
    let kinds = [(polymarket, "polymarket"), (kalshi, "kalshi")];
    // Orders come when there is an edge: a restart that none met is repeated.
    for _ in 0..12 {
        for (venue, kind) in kinds.iter().filter(|(venue, kind)| refused(venue, kind) == 0) {
            control(venue, "POST", &json!({"venue": kind, "restart": restart}).to_string());
            wait(Duration::from_secs(4));
        }
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let refused = [refused(polymarket, "polymarket"), refused(kalshi, "kalshi")];
    println!("{refused:?} refused, {} orders, {} fills", report["orders"], report["fills"]);
    assert!(refused.iter().all(|count| *count > 0), "no order met a restart: {report:#}");
    assert_eq!(report["ledger_difference"], "0", "{report:#}");
    assert_eq!(report["unknowns"], 0, "{report:#}");
}

fn json(arguments: &[&str], output: &Output) -> Value {
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_run_that_goes_on_from_a_journal_replays_as_it_decided() {
    let opened = ["--print-test-account"];
    let venues = ["polymarket", "kalshi"].map(|which| Venue::start(which, "busy", &opened));
    let [polymarket, kalshi] = &venues;
    let path = config("go-on", polymarket, kalshi, "");
    let here = folder("go-on");
    add_accounts(&path, polymarket, kalshi, &here);
    pair_up(&path, polymarket, kalshi);
    for (kind, mode) in [("paper", None), ("live", Some("--live"))] {
        let [journal, capture] =
            ["journal", "capture"].map(|what| here.join(format!("{kind}-{what}")));
        let (journal, capture) = (journal.to_str().unwrap(), capture.to_str().unwrap());
        let mut program = Command::new(env!("CARGO_BIN_EXE_dutchbook"));
        program.args(live::arguments(&path)).args(mode).args(["--journal", journal]);
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        // Killed while it trades, three times, and then it goes on and is recorded.
        for kill in 0..3 {
            let mut child = program.spawn().unwrap();
            wait(Duration::from_millis(3_100 + 170 * kill));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let more = ["--seconds", "5", "--record", capture];
        let report = json(&more, &program.args(more).output().unwrap());
        println!("{kind}: {} fills", report["fills"]);
        assert!(
            std::path::Path::new(capture).join("went_on_from").is_dir(),
            "it began with nothing"
        );
        assert!(report["decisions"].as_u64().unwrap() > 0, "{report:#}");
        let arguments = ["replay", capture, "--json"];
        let output =
            Command::new(env!("CARGO_BIN_EXE_dutchbook")).args(arguments).output().unwrap();
        let replayed = json(&arguments, &output)[0].clone();
        assert_eq!(replayed["complete"], true, "{replayed:#}");
        for key in ["decisions", "decisions_digest", "fills"] {
            assert_eq!(replayed[key], report[key], "{kind} {key}: {replayed:#}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the engine runs meanwhile")]
fn wait(span: Duration) {
    std::thread::sleep(span);
}
