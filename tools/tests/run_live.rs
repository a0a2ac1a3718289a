//! `run --live` against two venues as processes: refused while something is red, else real orders, and
//! at the end cash and positions as the venues say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dutchbook");

/// A venue's process with an account of ours; it ends with the test.
struct Venue {
    child: Child,
    url: String,
    account: Value,
}

impl Venue {
    fn start(which: &str) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["venue", which, "--seed", "3", "--flow", "busy", "--print-test-account"])
            .args(if which == "kalshi" { &["--test-key", "ed25519"][..] } else { &[] })
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let account = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let said = lines.next().unwrap().unwrap();
        let url = said.strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url, account }
    }

    fn ws(&self) -> String {
        self.url.replacen("http", "ws", 1)
    }

    fn text(&self, key: &str) -> &str {
        self.account[key].as_str().unwrap()
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        // One that has ended by itself is no trouble here.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn secret(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    path
}

/// A configuration with the accounts; a folder of its own per test.
fn config(name: &str, polymarket: &Venue, kalshi: &Venue) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dutchbook-{}-{name}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let key = secret(&folder, "wallet.key", polymarket.text("private_key"));
    let pem = secret(&folder, "kalshi.pem", kalshi.text("private_key_pem"));
    let path = folder.join("engine.toml");
    let text = format!(
        "[venues]\ncompare_s = 1\nrefresh_s = 5\n\
         [polymarket]\nclob_url = \"{0}\"\ngamma_url = \"{0}\"\nmarket_ws_url = \"{1}/ws/market\"\n\
         requests_per_s = 100\n\
         [kalshi]\napi_url = \"{2}/trade-api/v2\"\nws_url = \"{3}/trade-api/ws/v2\"\n\
         requests_per_s = 100\nkey_id = \"{4}\"\nprivate_key_file = \"{5}\"\n\
         [tiles]\nlayout = \"single\"\nwait = \"park\"\n\
         [kill]\nstate_dir = \"{6}/state\"\n\
         [live.polymarket]\nkey_file = \"{7}\"\nwallet = \"eoa\"\nuser_ws_url = \"{1}/ws/user\"\n",
        polymarket.url,
        polymarket.ws(),
        kalshi.url,
        kalshi.ws(),
        kalshi.text("key_id"),
        pem.display(),
        folder.display(),
        key.display(),
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn dutchbook(arguments: &[&str], config: &Path) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .args(["--config", config.to_str().unwrap()])
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_live_run_ends_with_what_the_venues_say() {
    let (polymarket, kalshi) = (Venue::start("polymarket"), Venue::start("kalshi"));
    let path = config("live", &polymarket, &kalshi);
    let api = path.with_file_name("api.json");
    let live = ["run", "--live", "--json", "--seconds", "8"];
    let made = dutchbook(&["keys", "polymarket", "--out", api.to_str().unwrap()], &path);
    assert!(made.status.success(), "{}", said(&made));
    let output = dutchbook(&live, &path);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("REAL ORDERS"), "{}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["execution"], "orders", "{report:#}");
    assert_eq!(report["ledger_difference"], "0", "{report:#}");
    assert_eq!(report["unknowns"], 0, "{report:#}");
    println!("{} orders, {} fills", report["orders"], report["fills"]);
}

#[test]
fn without_accounts_nothing_is_sent() {
    let (polymarket, kalshi) = (Venue::start("polymarket"), Venue::start("kalshi"));
    let path = config("red", &polymarket, &kalshi);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.split("[live.polymarket]").next().unwrap().to_owned();
    std::fs::write(&path, text).unwrap();
    let output = dutchbook(&["run", "--live", "--json", "--seconds", "2"], &path);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("real orders are refused"), "{}", said(&output));
    assert!(output.stdout.is_empty());
}
