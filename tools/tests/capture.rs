//! Captures as a person makes and replays them: a replay decides as its run did, whatever the layout;
//! what is missing is told; what is no capture is refused in one line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

fn dutchbook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dutchbook")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A path that nothing lies at.
fn fresh(name: &str) -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("dutchbook-capture-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&path));
    path
}

fn record(folder: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["demo", "--json", "--record", folder.to_str().unwrap()];
    all.extend(arguments);
    let report = json(&dutchbook(&all));
    assert_eq!(report["capture"]["complete"], true, "{report}");
    report
}

fn replay(folder: &Path) -> Value {
    let report = json(&dutchbook(&["replay", folder.to_str().unwrap(), "--json"]));
    assert_eq!(report.as_array().map(Vec::len), Some(1), "a capture is one object");
    report[0].clone()
}

/// Records a run, replays it, and holds the two against each other. Returns the digest.
fn check(name: &str, arguments: &[&str]) -> String {
    let folder = fresh(name);
    let live = record(&folder, arguments);
    let again = replay(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(again["complete"], true, "{again}");
    let digest = live["decisions_digest"].as_str().unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    for key in ["decisions", "decisions_digest", "messages", "books", "fills", "net_profit"] {
        assert_eq!(again[key], live[key], "{name}: {key}");
    }
    assert_eq!(again["opportunities_net"], live["opportunities"], "{name}");
    assert!(live["decisions"].as_u64().unwrap() > 0, "{name}: nothing was decided");
    digest.to_owned()
}

#[test]
fn a_replay_decides_as_the_run_did_for_several_seeds() {
    let digest = |seed: &str| {
        let arguments = ["--simulated-clock", "--seconds", "4", "--flow", "busy", "--seed", seed];
        check(&format!("seed-{seed}"), &arguments)
    };
    let digests: Vec<String> = ["1", "2", "3", "18446744073709551615"].map(digest).to_vec();
    for (at, first) in digests.iter().enumerate() {
        assert!(!digests[at + 1..].contains(first), "two seeds decide alike: {digests:?}");
    }
}

#[test]
fn an_opportunity_is_explained_to_the_last_level() {
    let folder = fresh("explain");
    let report = record(&folder, &["--simulated-clock", "--seconds", "6", "--seed", "2"]);
    let lives = report["lives_best"].as_array().unwrap();
    // A resolution has one leg and an expectation instead of a floor.
    let is_basket = |life: &&Value| life["traded"] == true && life["kind"] != "resolution";
    let traded = lives.iter().find(is_basket).unwrap();
    assert!(!traded["course"].as_array().unwrap().is_empty(), "{traded}");
    let id = traded["id"].to_string();
    let path = folder.to_str().unwrap();
    let told = json(&dutchbook(&["explain", &id, path, "--json"]));
    assert_eq!(told["kind"], traded["kind"], "{told}");
    assert!(told["decision"].as_u64().is_some() && told["outcome"] == "sent", "{told}");
    let law = told["relation"]["law"].as_str().unwrap();
    assert!(law.bytes().all(|byte| byte.is_ascii_lowercase()), "{law}");
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let legs = told["legs"].as_array().unwrap();
    assert!(legs.len() > 1 && !told["relation"]["states"].as_array().unwrap().is_empty());
    // What was paid and what is sure to come back, by the levels that were read.
    let paid = |leg: &Value| number(&leg["walked"]["notional"]) + number(&leg["walked"]["fee"]);
    let is_bought = legs.iter().all(|leg| leg["side"] == "buy");
    if is_bought {
        let payoff = told["payoff_1e14"].as_f64().unwrap() / 1e14 * number(&told["size"]);
        let net = payoff - legs.iter().map(paid).sum::<f64>();
        // Venues round fills and orders; the walk here rounds fills only.
        assert!((net - number(&told["net"])).abs() < 0.02, "{net} {told:#}");
    }
    let page = String::from_utf8(dutchbook(&["explain", &id, path]).stdout).unwrap();
    assert!(page.contains("arithmetic") && page.contains("state by state"), "{page}");
    let nobody = dutchbook(&["explain", "999999999", path]);
    assert!(!nobody.status.success());
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("none is 999999999"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Lost, repeated and late frames, freezes and disconnects are what a replay is for.
#[test]
fn a_replay_follows_a_run_through_chaos() {
    let arguments = ["--simulated-clock", "--chaos", "--seconds", "8", "--seed", "5"];
    check("chaos", &arguments);
}

#[test]
fn a_replay_follows_live_threads_in_both_layouts() {
    for (name, tiles) in [
        ("single", "layout = \"single\"\nwait = \"yield\"\n"),
        // Room for two tops: most are coalesced.
        ("split", "layout = \"split\"\nwait = \"yield\"\nring_slots = 2\n"),
    ] {
        let config = fresh(&format!("{name}.toml"));
        std::fs::write(&config, format!("[tiles]\n{tiles}")).unwrap();
        let config_path = config.to_str().unwrap();
        check(name, &["--seconds", "4", "--flow", "busy", "--seed", "7", "--config", config_path]);
        std::fs::remove_file(&config).unwrap();
    }
}

#[test]
fn after_a_kill_the_capture_is_read_as_far_as_it_goes() {
    let folder = fresh("killed");
    let mut child = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(["demo", "--json", "--flow", "busy", "--seconds", "60", "--record"])
        .arg(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Until something was stored, and a little more.
    let stored = || {
        let segment = std::fs::metadata(folder.join("00000000.segment"));
        segment.is_ok_and(|segment| segment.len() > 100_000)
    };
    for _ in 0..600 {
        if stored() {
            break;
        }
        pause(Duration::from_millis(50));
    }
    assert!(stored());
    child.kill().unwrap();
    child.wait().unwrap();
    let report = replay(&folder);
    assert_eq!(report["complete"], false);
    assert!(report.get("decisions_digest").is_none(), "{report}");
    assert!(report["messages"].as_u64().unwrap() > 100, "{report}");
    let losses = report["losses"].as_array().unwrap();
    assert!(losses[0].as_str().unwrap().contains("killed"), "{report}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

#[test]
fn damage_is_told_and_costs_the_digest() {
    let folder = fresh("damaged");
    record(&folder, &["--simulated-clock", "--seconds", "3", "--seed", "4"]);
    let segment = folder.join("00000000.segment");
    let whole = std::fs::read(&segment).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let mut longer = whole.clone();
    longer.extend([0; 17]);
    let cases: [(&str, &[u8], &str); 4] = [
        ("a changed bit", &flipped, "damaged"),
        ("a cut end", &whole[..whole.len() - 1], "ends within a block"),
        ("bytes behind the end", &longer, "ends within a block"),
        ("no segment", b"something else altogether", "is no segment"),
    ];
    for (what, bytes, said) in cases {
        std::fs::write(&segment, bytes).unwrap();
        let report = replay(&folder);
        assert_eq!(report["complete"], false, "{what}");
        assert!(report.get("decisions_digest").is_none(), "{what}");
        assert!(report["losses"].to_string().contains(said), "{what}: {report}");
    }
    std::fs::write(&segment, &whole).unwrap();
    assert_eq!(replay(&folder)["complete"], true);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_small_disk_ends_the_capture_and_not_the_run() {
    let folder = fresh("bounded");
    let config = fresh("bounded.toml");
    let text = "[capture]\nsegment_mib = 1\ntotal_mib_max = 1\n";
    std::fs::write(&config, text).unwrap();
    let arguments = ["demo", "--json", "--simulated-clock", "--flow", "busy", "--seconds", "6"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_dutchbook"));
    command.args(arguments).arg("--config").arg(&config).arg("--record").arg(&folder);
    let live = json(&command.output().unwrap());
    assert_eq!(live["capture"]["state"], "full", "{live}");
    assert_eq!(live["capture"]["complete"], false);
    assert!(live["capture"]["stored_bytes"].as_u64().unwrap() <= (1 << 20) + 4_096);
    assert!(live["decisions_digest"].is_string(), "the run itself is whole");
    let report = replay(&folder);
    assert_eq!(report["complete"], false);
    assert!(report.get("decisions_digest").is_none());
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(&config).unwrap();
}

#[test]
fn what_is_no_capture_is_refused_in_one_line() {
    let folder = fresh("foreign");
    std::fs::create_dir_all(&folder).unwrap();
    let refused = |said: &str| {
        let output = dutchbook(&["replay", folder.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(said) && text.lines().count() == 1, "{text}");
    };
    std::fs::write(folder.join("00000000.segment"), b"x").unwrap();
    refused("has no manifest.json");
    std::fs::write(folder.join("manifest.json"), b"{\"format\":").unwrap();
    refused("manifest that cannot be read");
    std::fs::write(folder.join("manifest.json"), b"{\"format\":\"other\"}").unwrap();
    refused("manifest that cannot be read");
    let full = dutchbook(&["demo", "--seconds", "1", "--record", folder.to_str().unwrap()]);
    assert_eq!(full.status.code(), Some(1));
    assert!(String::from_utf8(full.stderr).unwrap().contains("is not empty"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Two books of one Polymarket market and a change, as a recorder wrote them.
const RECORDED: [&str; 4] = [
    r#"[{"market":"0xaa","asset_id":"11","timestamp":"1700000000000","hash":"h","bids":[{"price":"0.40","size":"10"}],"asks":[{"price":"0.45","size":"7"}],"event_type":"book"},{"market":"0xaa","asset_id":"12","timestamp":"1700000000000","hash":"h","bids":[{"price":"0.55","size":"7"}],"asks":[{"price":"0.60","size":"10"}],"event_type":"book"}]"#,
    r#"{"market":"0xaa","price_changes":[{"asset_id":"11","price":"0.41","size":"5","side":"BUY","hash":"h","best_bid":"0.41","best_ask":"0.45"},{"asset_id":"12","price":"0.59","size":"5","side":"SELL","hash":"h","best_bid":"0.55","best_ask":"0.59"}],"timestamp":"1700000001000","event_type":"price_change"}"#,
    "PONG",
    r#"{"market":"0xaa","asset_id":"11","timestamp":"1700000002000","hash":"h","bids":[{"price":"0.40","size":"10"},{"price":"0.41","size":"5"}],"asks":[{"price":"0.45","size":"7"}],"event_type":"book"}"#,
];

#[test]
fn an_import_replays_as_its_file_does_and_shows_its_messages() {
    let (file, folder) = (fresh("session.jsonl"), fresh("imported"));
    let line = |(at, payload): (usize, &&str)| {
        let time = format!("2026-09-30T11:16:2{at}.000Z");
        serde_json::json!({ "receivedAt": time, "payloadUtf8": payload }).to_string()
    };
    let lines: Vec<String> = RECORDED.iter().enumerate().map(line).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let (from, to) = (file.to_str().unwrap(), folder.to_str().unwrap());
    let done = json(&dutchbook(&["import", from, "--out", to, "--json"]));
    assert_eq!(
        (&done["messages"], &done["files"][0]["format"]),
        (&4.into(), &"polymarket-ws-utf8".into())
    );
    let direct = json(&dutchbook(&["replay", from, "--json"]))[0].clone();
    let again = replay(&folder);
    assert_eq!(again["complete"], true);
    for key in ["messages", "messages_by_kind", "books", "crossed", "final_snapshot_agrees"] {
        assert_eq!(again[key], direct[key], "{key}");
    }
    let found = json(&dutchbook(&["inspect", to, "--json"]));
    assert_eq!((&found["messages"], &found["complete"]), (&4.into(), &true.into()));
    let connection = &found["lanes"][0]["connections"][0];
    assert_eq!(connection["messages_by_kind"]["book"], 3);
    assert_eq!(connection["messages_by_kind"]["text"], 1);
    assert_eq!(connection["silence_ns_max"], 1_000_000_000_u64);
    let second = json(&dutchbook(&["inspect", to, "--json", "--message", "2"]));
    assert_eq!(second["text"], RECORDED[1]);
    assert_eq!(second["payload"]["event_type"], "price_change");
    assert_eq!(second["sequence"], 2);
    let page = dutchbook(&["inspect", to, "--message", "2"]);
    assert!(String::from_utf8(page.stdout).unwrap().contains("\n  \"market\": \"0xaa\""));
    let none = dutchbook(&["inspect", to, "--message", "5"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8(none.stderr).unwrap().contains("has 4 messages"));
    let twice = dutchbook(&["import", from, "--out", to]);
    assert_eq!(twice.status.code(), Some(1), "a capture is never written over");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn what_is_no_stream_is_not_imported() {
    let (file, folder) = (fresh("tape.jsonl"), fresh("tape"));
    let tape = r#"{"ticker":"T","captured_at":"2026-07-13T00:00:00Z","yes_bids":[],"no_bids":[]}"#;
    std::fs::write(&file, tape).unwrap();
    let arguments = ["import", file.to_str().unwrap(), "--out", folder.to_str().unwrap()];
    let output = dutchbook(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("is a kalshi-depth-tape") && text.lines().count() == 1, "{text}");
    assert!(!folder.exists(), "nothing is begun for a file that cannot be imported");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn inspect_tells_what_a_run_holds() {
    let folder = fresh("inspected");
    let live = record(&folder, &["--simulated-clock", "--seconds", "3", "--seed", "9"]);
    let found = json(&dutchbook(&["inspect", folder.to_str().unwrap(), "--json"]));
    assert_eq!(found["complete"], true, "{found}");
    assert_eq!(found["decisions_digest"], live["decisions_digest"]);
    let connections = found["lanes"][1]["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 2);
    for connection in connections {
        assert!(connection["payloads"].as_u64().unwrap() > 100, "{connection}");
        assert_eq!(
            (&connection["connects"], &connection["sequence_holes"]),
            (&1.into(), &0.into())
        );
        assert!(connection["sent"].as_u64().unwrap() > 0);
    }
    let output = dutchbook(&["inspect", folder.join("nowhere").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("is no capture"));
    std::fs::remove_dir_all(&folder).unwrap();
}
