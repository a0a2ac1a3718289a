//! Reference vectors: where they lie, and a reader that notices every key it was not asked for.
//!
//! Vectors lie in `tests/vectors/<venue>/<file>.json`, or under the absolute folder that the
//! environment variable `DUTCHBOOK_VECTORS` names. A file that is not there is skipped; a file that
//! cannot be read, a case that differs and a key that no check knows all fail the test.

#![expect(clippy::panic, reason = "a test harness reports by panicking")]
#![expect(clippy::print_stdout, reason = "each test says what it checked or skipped")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// The folder that holds the vectors.
#[must_use]
pub fn root() -> PathBuf {
    match std::env::var_os("DUTCHBOOK_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors"),
    }
}

/// Where one file of vectors is expected.
#[must_use]
pub fn path(venue: &str, file: &str) -> PathBuf {
    root().join(venue).join(format!("{file}.json"))
}

/// Reads one file of vectors; `None`, said on standard output, where it is absent.
///
/// # Panics
/// When the file is there and cannot be read as JSON.
#[must_use]
pub fn load(venue: &str, file: &str) -> Option<Value> {
    let path = path(venue, file);
    if !path.exists() {
        println!("skipped: vectors {venue}/{file} absent");
        return None;
    }
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    match serde_json::from_slice(&text) {
        Ok(value) => Some(value),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Says how many cases of a file were checked.
pub fn report(venue: &str, file: &str, cases: usize) {
    println!("vectors {venue}/{file}: {cases} cases");
}

/// The list under `key`; empty where the group is absent.
///
/// # Panics
/// When the key holds something else than a list.
#[must_use]
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    match value.get(key) {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(other) => panic!("{key}: expected a list, found {other}"),
    }
}

/// The text under `key` of an input object.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    match value.get(key).and_then(Value::as_str) {
        Some(text) => text,
        None => panic!("{key}: expected text in {value}"),
    }
}

/// An `expect` object whose keys are ticked off as they are checked. Dropping one with a key that
/// no check asked for, `note` aside, fails the test.
#[derive(Debug)]
pub struct Expect<'a> {
    context: String,
    map: &'a Map<String, Value>,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Expect<'a> {
    /// Wraps an object; `context` names the case in every failure.
    ///
    /// # Panics
    /// When the value is not an object.
    #[must_use]
    pub fn new(context: impl Into<String>, value: &'a Value) -> Self {
        let context = context.into();
        let Value::Object(map) = value else { panic!("{context}: expected an object") };
        Self { context, map, seen: RefCell::new(BTreeSet::new()) }
    }

    /// The value of a key, now ticked off; `None` where the vector does not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.seen.borrow_mut().insert(key.to_owned());
        self.map.get(key)
    }

    /// The text of a key, now ticked off.
    ///
    /// # Panics
    /// When it is there and is not text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&'a str> {
        let value = self.get(key)?;
        match value.as_str() {
            Some(text) => Some(text),
            None => panic!("{}: {key}: expected text, found {value}", self.context),
        }
    }

    /// Checks that the key, where the vector has it, holds exactly this value.
    ///
    /// # Panics
    /// When it differs.
    pub fn equals(&self, key: &str, actual: impl Into<Value>) {
        if let Some(expected) = self.get(key) {
            let actual = actual.into();
            assert_eq!(expected, &actual, "{}: {key}", self.context);
        }
    }

    /// Checks that the key, where the vector has it, is the same decimal, however many zeros end it.
    ///
    /// # Panics
    /// When it differs.
    pub fn decimal(&self, key: &str, actual: &str) {
        if let Some(expected) = self.text(key) {
            assert_eq!(plain(expected), plain(actual), "{}: {key}", self.context);
        }
    }

    /// Ticks off keys that are inputs, not expectations.
    pub fn inputs(&self, keys: &[&str]) {
        self.seen.borrow_mut().extend(keys.iter().map(|key| (*key).to_owned()));
    }

    /// Fails when a key was not asked for.
    ///
    /// # Panics
    /// When such a key exists.
    pub fn done(&self) {
        let seen = self.seen.borrow();
        for key in self.map.keys() {
            let known = key == "note" || seen.contains(key);
            assert!(known, "{}: the test does not know the key `{key}`", self.context);
        }
    }
}

impl Drop for Expect<'_> {
    fn drop(&mut self) {
        // While another failure unwinds, a second one would only hide it.
        if !std::thread::panicking() {
            self.done();
        }
    }
}

/// A decimal without trailing zeros and without the sign of zero.
#[must_use]
pub fn plain(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.trim_start_matches('0');
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    if digits.is_empty() {
        return "0".to_owned();
    }
    let zero = if digits.starts_with('.') { "0" } else { "" };
    format!("{sign}{zero}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_value() {
        for (text, same) in [("1.50", "1.5"), ("-0.0", "0"), ("00.10", "0.1"), ("10", "10")] {
            assert_eq!(plain(text), same);
        }
    }

    #[test]
    #[should_panic(expected = "does not know the key `b`")]
    fn an_unknown_key_fails() {
        let value = serde_json::json!({"a": "1", "b": 2, "note": "free"});
        Expect::new("case", &value).decimal("a", "1.0");
    }
}
