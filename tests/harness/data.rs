//! Recordings of real venues, where this machine has them. They are never part of the repository.
//!
//! They lie beside the workspace in `../shared/data`, or under the absolute folder that the
//! environment variable `DUTCHBOOK_DATA` names. A test that needs one and finds none skips itself.

#![expect(clippy::panic, reason = "a test harness reports by panicking")]
#![expect(clippy::print_stdout, reason = "each test says what it skipped")]

use std::io::Read;
use std::path::PathBuf;

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
