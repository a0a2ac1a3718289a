//! A folder of composed recordings that is removed when a test ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use dutchbook_tools::replay::{self, Options, Outcome};
use serde_json::Value;

/// A folder under the system's temporary one.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let name = format!("dutchbook-replay-{}-{test}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn lines(&self, name: &str, lines: &[String]) -> PathBuf {
        self.write(name, text(lines).as_bytes())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.path));
    }
}

pub(crate) fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub(crate) fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn run(paths: &[&Path]) -> Outcome {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let outcome = replay::run(&paths, &Options { progress: false, ..Options::default() });
    for line in outcome.text.lines() {
        assert!(line.chars().count() <= 140, "a line of the table is too wide: {line}");
    }
    outcome
}

/// Replays one file that must succeed.
pub(crate) fn one(path: &Path) -> Value {
    let mut outcome = run(&[path]);
    assert_eq!(outcome.errors, Vec::<String>::new());
    assert_eq!(outcome.json.len(), 1);
    outcome.json.remove(0)
}

/// The value without what differs from run to run and file to file.
pub(crate) fn timeless(mut value: Value) -> Value {
    let object = value.as_object_mut().unwrap();
    object.remove("messages_per_second").unwrap();
    object.remove("file").unwrap();
    value
}

/// The integer under a key.
#[track_caller]
pub(crate) fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} is no integer in {value}"))
}

/// One line of a pair tape, prices in cents, `null` where empty.
pub(crate) fn quote(ts: u64, venue: &str, bid: &str, ask: &str, size: &str) -> String {
    format!(
        r#"{{"ts": {ts}, "t_fetch": {ts}, "venue": "{venue}", "pair": "KXA-1:77", "bid": {bid}, "ask": {ask}, "mid": 1, "spread": 1, "bid_sz": "{size}", "ask_sz": "{size}", "venue_ts": null}}"#
    )
}
