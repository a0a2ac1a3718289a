//! Recordings of real venues, where this machine has them. They are never part of the repository.
//!
//! They lie beside the workspace in `../shared/data`, or under the absolute folder that the
//! environment variable `DUTCHBOOK_DATA` names. A test that needs one and finds none skips itself.

#![expect(clippy::panic, reason = "a test harness reports by panicking")]
#![expect(clippy::print_stdout, reason = "each test says what it skipped")]

use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;

/// The folder of recordings.
#[must_use]
pub fn root() -> PathBuf {
    match std::env::var_os("DUTCHBOOK_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    }
}

/// The text of a recording, unpacked; `None`, said on standard output, where it is absent.
///
/// # Panics
/// When the file is there and cannot be read.
#[must_use]
pub fn text(file: &str) -> Option<String> {
    let path = root().join(file);
    if !path.exists() {
        println!("skipped: data {file} absent");
        return None;
    }
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if path.extension().is_none_or(|ending| ending != "zst") {
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut text = String::new();
    let mut reader = match zstd::Decoder::new(bytes.as_slice()) {
        Ok(reader) => reader,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    match reader.read_to_string(&mut text) {
        Ok(_) => Some(text),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// The payloads of every `.jsonl`, `.jsonl.zst` and `.json` file right in a folder of recordings, in
/// name order, out of their recorders' envelopes; none, said on standard output, where the folder is
/// absent.
///
/// # Panics
/// When a file that is there cannot be read.
#[must_use]
pub fn payloads(folder: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else {
        println!("skipped: data {folder} absent");
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let mut payloads = Vec::new();
    for name in names {
        let is_whole = name.ends_with(".json");
        if !is_whole && !name.ends_with(".jsonl") && !name.ends_with(".jsonl.zst") {
            continue;
        }
        let Some(text) = text(&format!("{folder}/{name}")) else { continue };
        if is_whole {
            payloads.push(text.into_bytes());
        } else {
            let lines = text.split('\n').map(str::trim).filter(|line| !line.is_empty());
            payloads.extend(lines.map(payload));
        }
    }
    payloads
}

/// What the transport gave: the text inside an envelope, or the line itself.
fn payload(line: &str) -> Vec<u8> {
    let envelope: Option<Value> = serde_json::from_str(line).ok();
    let inner = envelope.as_ref().and_then(|envelope| {
        let text = envelope.get("payloadUtf8").or_else(|| envelope.get("payload"))?;
        text.as_str()
    });
    inner.unwrap_or(line).as_bytes().to_vec()
}
