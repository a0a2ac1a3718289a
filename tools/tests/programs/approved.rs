//! A relations file as a person would have made it: nominated by the matcher from what two venues list
//! now, and approved.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::Venue;

/// The body of a GET from a venue's process.
fn get(venue: &Venue, path: &str) -> String {
    let address = venue.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{reply}");
    body.to_owned()
}

/// Everything that the matcher nominates, as a person would approve it who has read the rules.
fn approved(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let who = "\napproved_by = \"a trader\"\napproved_on = \"2026-11-22\"\nclaim = ";
    let mut text = text.replace("\nclaim = ", who);
    for kind in ["void", "postponed", "disagreement", "tie"] {
        let row = format!("kind = \"{kind}\"\n");
        text = text.replace(&row, &format!("{row}excluded = \"both name the same source\"\n"));
    }
    text
}

/// A file with everything that two venues list in common now, approved.
pub(crate) fn everything_in_common(here: &Path, polymarket: &Venue, kalshi: &Venue) -> PathBuf {
    let lists = [
        (kalshi, "/trade-api/v2/events?status=open&with_nested_markets=true", "kalshi.json"),
        (polymarket, "/events?closed=false&limit=100", "gamma.json"),
    ];
    for (venue, path, name) in lists {
        std::fs::write(here.join(name), get(venue, path)).unwrap();
    }
    let file = here.join("relations.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .arg("match")
        .args([here.join("kalshi.json"), here.join("gamma.json")])
        .args(["--relations", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(&file, approved(&file)).unwrap();
    file
}
