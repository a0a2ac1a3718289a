//! The engine as a program against two venues as programs: it discovers what they list, follows every
//! book over the wire, and holds at the end what they hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "programs/approved.rs"]
mod approved;
mod programs;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use approved::everything_in_common;
use programs::{Venue, config, folder};
use serde_json::Value;

fn run(config: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(["run", "--json", "--config", config.to_str().unwrap()])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn report(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check(report: &Value) {
    let number = |key: &str| report[key].as_u64().unwrap();
    assert_eq!(report["books_equal_venue"], true, "{report:#}");
    assert!(number("books_compared") >= 10, "{report:#}");
    assert_eq!(number("decode_errors"), 0, "{report:#}");
    assert_eq!(number("sequence_gaps"), 0, "{report:#}");
    assert_eq!(number("crossed_decisions"), 0);
    assert!(number("messages") > 20, "{report:#}");
    let sockets = report["sockets"].as_array().unwrap();
    let of = |venue: &str| sockets.iter().filter(|socket| socket["venue"] == venue).count();
    assert!(of("polymarket") > 1 && of("kalshi") > 1, "{report:#}");
    assert_eq!(report["audit"]["frozen"], 0, "{report:#}");
    assert!(report["audit"]["compared"].as_u64().unwrap() > 0);
    assert!(report["audit"]["refreshes"].as_u64().unwrap() > 0);
}

#[test]
fn every_book_equals_the_venues_own_at_the_end() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let path = config("plain", &polymarket, &kalshi, "");
    check(&report(run(&path, &["--seconds", "6"])));
}

#[test]
fn markets_that_appear_while_it_runs_are_followed() {
    let scenario = dutchbook_tools::sim::Scenario::lasting(1, None).unwrap();
    let mut late = scenario.catalog.listings.iter().filter(|one| one.native_faces.is_none());
    let late = late.find(|one| !scenario.is_listed_at_start(one.book)).unwrap();
    let hint = serde_json::json!({
        "kind": "outcome", "source": "release", "trust": "hint", "says": "decided",
        "market": late.native_market, "outcome": "yes", "at_ms": 1_795_348_800_000_u64,
    });
    let hint = format!("{hint}\n");
    let flow = folder("late").join("flow.toml");
    std::fs::write(&flow, "listing_ms = 2500\n").unwrap();
    let flow = ["--flow-file", flow.to_str().unwrap()];
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &flow), Venue::start("kalshi", "calm", &flow));
    for layout in ["single", "split"] {
        // The lists are not due within the run: the streams tell that there is something new.
        let path = config("late", &polymarket, &kalshi, "");
        let text =
            std::fs::read_to_string(&path).unwrap().replace("refresh_s = 2", "refresh_s = 600");
        let text = text.replace("layout = \"single\"", &format!("layout = \"{layout}\""));
        std::fs::write(&path, text).unwrap();
        // A source beside the venues speaks of a market all the while, before it is listed and after.
        let news = path.with_file_name("late.jsonl");
        let mut lines = std::fs::File::create(&news).unwrap();
        let running = run(&path, &["--seconds", "7", "--news", news.to_str().unwrap()]);
        for _ in 0..18 {
            wait(Duration::from_millis(300));
            lines.write_all(hint.as_bytes()).unwrap();
        }
        let report = report(running);
        let number = |key: &str| report["audit"][key].as_u64().unwrap();
        assert_eq!(report["books_equal_venue"], true, "{report:#}");
        assert_eq!(report["markets_refused"], serde_json::json!({}), "{report:#}");
        if layout == "single" {
            assert!(number("appeared") >= 2 && number("refreshes") >= 1, "{report:#}");
            let count = |key: &str| report["news"][key].as_u64().unwrap();
            assert!(count("words") >= 1 && count("refused") >= 1, "{report:#}");
        }
        let compared = report["books_compared"].as_u64().unwrap();
        assert!(compared >= 38 + number("appeared"), "{report:#}");
    }
}

/// Tells a venue what goes wrong with it.
fn control(venue: &Venue, body: &str) {
    let address = venue.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "POST /_control/faults HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[test]
fn sockets_race_and_every_book_is_the_venues_own() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let path = config("race", &polymarket, &kalshi, "");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[polymarket]\n", "[polymarket]\nrace_sockets = 2\n"))
        .unwrap();
    let report = report(run(&path, &["--seconds", "8"]));
    check(&report);
    let sockets = report["sockets"].as_array().unwrap();
    let races: Vec<&Value> = sockets.iter().filter_map(|socket| socket.get("race")).collect();
    assert!(races.len() > 1, "{report:#}");
    let sum = |socket: usize, key: &str| -> u64 {
        races.iter().map(|race| race[socket][key].as_u64().unwrap()).sum()
    };
    assert!(sum(1, "connects") >= races.len() as u64, "{report:#}");
    // What one brings the other brings, too, sooner or later.
    assert!(sum(0, "first") > 0 && sum(0, "late") + sum(1, "late") > 0, "{report:#}");
}

#[test]
fn a_maintenance_window_is_waited_for_without_a_storm() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let path = config("window", &polymarket, &kalshi, "status_s = 1");
    let running = run(&path, &["--seconds", "14"]);
    // Discovery and the first snapshots are done by then.
    wait(Duration::from_secs(4));
    control(&kalshi, r#"{"restart":{"down_ms":4000,"sockets":true}}"#);
    let report = report(running);
    assert_eq!(report["books_equal_venue"], true, "{report:#}");
    assert_eq!(report["audit"]["closures"], 1, "{report:#}");
    let sockets = report["sockets"].as_array().unwrap();
    for socket in sockets.iter().filter(|socket| socket["venue"] == "kalshi") {
        let connects = socket["connects"].as_u64().unwrap();
        assert!((1..=3).contains(&connects), "{report:#}");
    }
}

#[test]
fn streams_are_recorded_raw_and_replayed() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let path = config("record", &polymarket, &kalshi, "");
    let out = folder("record").join("capture");
    let program = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_dutchbook")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let (config, capture) = (path.to_str().unwrap(), out.to_str().unwrap());
    let live =
        program(&["record", "--json", "--config", config, "--out", capture, "--seconds", "4"]);
    assert_eq!(live["capture"]["complete"], true, "{live:#}");
    assert!(live["messages"].as_u64().unwrap() > 20, "{live:#}");
    let kept = std::fs::File::open(out.join("rest.jsonl.zst")).unwrap();
    let kept = std::io::read_to_string(zstd::Decoder::new(kept).unwrap()).unwrap();
    assert_eq!(kept.lines().count() as u64, live["rest_replies"].as_u64().unwrap());
    for line in kept.lines() {
        let reply: Value = serde_json::from_str(line).unwrap();
        assert!(reply["body"].as_str().is_some_and(|body| !body.is_empty()), "{line}");
    }
    let found = program(&["inspect", capture, "--json"]);
    assert_eq!((&found["complete"], &found["source"]), (&true.into(), &"record".into()));
    assert!(found["messages"].as_u64() >= live["messages"].as_u64(), "{found:#}");
    let again = program(&["replay", capture, "--json"])[0].clone();
    assert_eq!((&again["complete"], &again["sequence_gaps"]), (&true.into(), &0.into()));
    assert_eq!(again["books"], live["books"], "every book had its snapshot: {again:#}");
    let second = program(&["replay", capture, "--json"])[0].clone();
    assert_eq!(again["decisions_digest"], second["decisions_digest"]);
    assert!(again["decisions_digest"].is_string(), "{again:#}");
}

#[test]
fn venues_on_tls_are_trusted_by_their_extra_roots_only() {
    let roots = folder("tls");
    let pem = |name: &str| roots.join(name).to_str().unwrap().to_owned();
    let (one, other) = (pem("polymarket.pem"), pem("kalshi.pem"));
    let polymarket = Venue::start("polymarket", "calm", &["--tls-cert-out", &one]);
    let kalshi = Venue::start("kalshi", "calm", &["--tls-cert-out", &other]);
    assert!(polymarket.url.starts_with("https://"));
    let path = config("untrusted", &polymarket, &kalshi, "");
    let refused = run(&path, &["--seconds", "2"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.lines().count() == 1, "{said}");
    assert!(said.contains("certificate"), "{said}");
    let trust = format!("tls_extra_roots = [\"{one}\", \"{other}\"]");
    let path = config("trusted", &polymarket, &kalshi, &trust);
    check(&report(run(&path, &["--seconds", "6"])));
}

#[test]
fn a_signal_ends_the_run_with_its_report() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let path = config("signal", &polymarket, &kalshi, "");
    let child = run(&path, &[]);
    wait(Duration::from_secs(5));
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let report = report(child);
    assert_eq!(report["books_equal_venue"], true, "{report:#}");
}

#[test]
fn venues_that_are_not_there_are_said_in_one_line() {
    let path = folder("nobody").join("engine.toml");
    let text = "[polymarket]\nclob_url = \"http://127.0.0.1:9\"\ngamma_url = \"http://127.0.0.1:9\"\n\
                [kalshi]\nenabled = false\n";
    std::fs::write(&path, text).unwrap();
    let output = run(&path, &["--seconds", "1"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("list nothing to follow") && said.lines().count() == 1, "{said}");
}

#[expect(clippy::disallowed_methods, reason = "the engine runs meanwhile")]
fn wait(span: Duration) {
    std::thread::sleep(span);
}

/// Two venues that list something new every so often.
fn venues_that_list(name: &str, every_ms: u32, flow: &str) -> [Venue; 2] {
    let path = folder(name).join("flow.toml");
    std::fs::write(&path, format!("listing_ms = {every_ms}\n")).unwrap();
    let file = ["--flow-file", path.to_str().unwrap()];
    [Venue::start("polymarket", flow, &file), Venue::start("kalshi", flow, &file)]
}

#[test]
fn what_appears_is_bound_by_approved_relations_kept_and_replayed() {
    let here = folder("appear");
    let [polymarket, kalshi] = venues_that_list("appear-before", 50, "calm");
    wait(Duration::from_secs(1));
    let file = everything_in_common(&here, &polymarket, &kalshi);
    for (layout, journal) in [("single", None), ("split", Some(here.join("journal")))] {
        let [polymarket, kalshi] = venues_that_list("appear-after", 1_500, "busy");
        let more = format!("[relations]\nfile = \"{}\"\n[paper]\nlatency_us = 500", file.display());
        let path = config("appear", &polymarket, &kalshi, &more);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"single\"", &format!("\"{layout}\""))).unwrap();
        let capture = here.join(layout);
        let mut arguments = vec!["--seconds", "9", "--record", capture.to_str().unwrap()];
        if let Some(journal) = &journal {
            arguments.extend(["--journal", journal.to_str().unwrap()]);
        }
        let live = report(run(&path, &arguments));
        let number = |of: &str, key: &str| live[of][key].as_u64().unwrap();
        assert!(number("audit", "appeared") >= 2, "{live:#}");
        assert_eq!(live["books_equal_venue"], true, "{live:#}");
        assert!(number("compiler", "added") >= 1, "a relation came to stand: {live:#}");
        let replayed = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
            .args(["replay", capture.to_str().unwrap(), "--json"])
            .output()
            .unwrap();
        let replayed: Value = serde_json::from_slice(&replayed.stdout).unwrap();
        assert_eq!(replayed[0]["complete"], true, "{layout}: {replayed:#}");
        assert!(live["decisions"].as_u64().unwrap() > 0, "{live:#}");
        for key in ["decisions_digest", "decisions"] {
            assert_eq!(replayed[0][key], live[key], "{layout} {key}");
        }
        if let Some(journal) = &journal {
            let kept = names_of(journal);
            assert!(
                kept.contains("KXTRANSIT-26NOV28") || kept.contains("KXBRIDGE-26DEC24"),
                "{kept}"
            );
        }
    }
}

/// What a journal says that its numbers mean.
fn names_of(journal: &Path) -> String {
    let files = std::fs::read_dir(journal).unwrap().map(|file| file.unwrap().path());
    let names = files.filter(|path| path.to_str().unwrap().ends_with("names.json"));
    names.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn approved_relations_are_traded_until_what_they_name_is_another() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let here = folder("relations");
    let file = everything_in_common(&here, &polymarket, &kalshi);
    let good = std::fs::read_to_string(&file).unwrap();
    let more = "[relations]\nsearch_ms = 200\n[paper]\nlatency_us = 500";
    let path = config("relations", &polymarket, &kalshi, more);
    let child = run(&path, &["--seconds", "9", "--relations", file.to_str().unwrap()]);
    // While it runs, one rules text of an approved relation is read anew, and is another one.
    wait(Duration::from_secs(5));
    let hash = good.split("rules_sha256 = \"").nth(1).unwrap().get(..64).unwrap().to_owned();
    std::fs::write(&file, good.replacen(&hash, &"0".repeat(64), 1)).unwrap();
    let report = report(child);
    let relations = &report["relations"];
    let rows = relations["rows"].as_array().unwrap();
    assert!(relations["live"].as_u64().unwrap() >= 2, "{relations:#}");
    let says: Vec<&str> = rows.iter().map(|row| row["says"].as_str().unwrap()).collect();
    assert!(says.iter().any(|says| says.contains("another rules text")), "{says:?}");
    assert_eq!(report["compiler"]["withdrawn"], 1, "{report:#}");
    assert!(report["compiler"]["searched"].as_u64().unwrap() > 0, "{report:#}");
}

#[test]
fn a_run_hears_sources_beside_the_venues_and_names_what_it_cannot_read() {
    let (polymarket, kalshi) =
        (Venue::start("polymarket", "calm", &[]), Venue::start("kalshi", "calm", &[]));
    let path = config("news", &polymarket, &kalshi, "");
    let scenario = dutchbook_tools::sim::Scenario::lasting(1, None).unwrap();
    let mut listings = scenario.catalog.listings.iter();
    let listing = listings.find(|listing| listing.native_faces.is_none()).unwrap();
    let news = path.with_file_name("news.jsonl");
    let claim = serde_json::json!({
        "kind": "outcome", "source": "release", "trust": "named", "says": "final",
        "market": listing.native_market, "outcome": "yes", "at_ms": 1_795_348_800_000_u64,
    });
    std::fs::write(&news, format!("{claim}\nno record\n")).unwrap();
    let report = report(run(&path, &["--seconds", "4", "--news", news.to_str().unwrap()]));
    let counted = serde_json::json!({"lines": 2, "words": 1, "passed_over": 0, "refused": 1});
    assert_eq!(report["news"], counted, "{report:#}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("news: line 2"), "{notes}");
}
