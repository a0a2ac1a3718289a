//! Venues as processes, and a configuration that points at them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A venue's process; it ends with the test.
pub(crate) struct Venue {
    child: Child,
    pub(crate) url: String,
    /// The account that it was asked to open, with its secret.
    pub(crate) account: Option<Value>,
}

impl Venue {
    /// A venue that trades at this pace.
    pub(crate) fn start(which: &str, flow: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
            .args(["venue", which, "--seed", "3", "--flow", flow])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // From here on it ends with us, whatever it says.
        let mut venue = Self { child, url: String::new(), account: None };
        let mut line = String::new();
        while venue.url.is_empty() {
            line.clear();
            lines.read_line(&mut line).unwrap();
            if let Some(url) = line.trim().strip_prefix("listening on ") {
                url.clone_into(&mut venue.url);
            } else {
                let told = serde_json::from_str(&line);
                venue.account = Some(told.unwrap_or_else(|_| panic!("{which} says {line:?}")));
            }
        }
        venue
    }

    pub(crate) fn ws(&self) -> String {
        self.url.replacen("http", "ws", 1)
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        // One that has ended by itself is no trouble here.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A configuration that points at these venues; a folder of its own per test.
pub(crate) fn config(name: &str, polymarket: &Venue, kalshi: &Venue, more: &str) -> PathBuf {
    let path = folder(name).join("engine.toml");
    let text = format!(
        "[venues]\ncompare_s = 1\nrefresh_s = 2\n{more}\n\
         [polymarket]\nclob_url = \"{0}\"\ngamma_url = \"{0}\"\nmarket_ws_url = \"{1}/ws/market\"\n\
         shard_books = 6\nrequests_per_s = 100\n\
         [kalshi]\napi_url = \"{2}/trade-api/v2\"\nws_url = \"{3}/trade-api/ws/v2\"\n\
         shard_books = 4\nrequests_per_s = 100\n\
         [tiles]\nlayout = \"single\"\nwait = \"park\"\n\
         [kill]\nstate_dir = {4:?}\n",
        polymarket.url,
        polymarket.ws(),
        kalshi.url,
        kalshi.ws(),
        folder(name).join("state"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

pub(crate) fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dutchbook-run-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}
