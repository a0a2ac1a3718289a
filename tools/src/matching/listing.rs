//! Market metadata of two venues, as their REST bodies have it, to what the matcher and a reader need.
//!
//! A file is one JSON document or one a line, packed or not: pages of markets, events with their
//! markets, wrapped or bare. What looks like a market of a known venue is taken wherever it lies.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Market;
use super::score::day;
use crate::replay::error::ReplayError;
use crate::replay::source::Lines;

/// Objects inside objects that are looked into.
const DEPTH_MAX: usize = 8;

/// Why a file of markets could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReplayError,
    },
    /// Nothing in it looks like an open market.
    #[error(
        "{}: holds no open market; expected Kalshi's /markets or /events with nested markets, or Gamma's",
        path.display()
    )]
    NoMarket {
        /// The file.
        path: PathBuf,
    },
}

/// One open market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Its venue.
    pub venue: &'static str,
    /// The venue's id of it.
    pub id: String,
    /// Its title with its outcome.
    pub title: String,
    /// Its rules, as the venue prints them.
    pub rules: String,
    /// Its tick, as written.
    pub tick: String,
    /// Its fee type, as written.
    pub fee: String,
    /// When it closes, as written.
    pub closes: String,
}

impl Listing {
    /// What the matcher reads of it.
    #[must_use]
    pub fn market(&self) -> Market {
        Market { title: self.title.clone(), close: day(&self.closes) }
    }

    /// SHA-256 of its rules, in hex.
    #[must_use]
    pub fn rules_sha256(&self) -> String {
        Sha256::digest(self.rules.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A member as text, whatever its type.
fn written(map: &Map<String, Value>, key: &str) -> String {
    match map.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}

fn is_flag(map: &Map<String, Value>, key: &str, wanted: bool) -> bool {
    map.get(key).and_then(Value::as_bool).is_none_or(|flag| flag == wanted)
}

/// A title that asks for a name becomes a statement about the outcome that the market is for.
fn titled(title: &str, outcome: &str) -> String {
    let folded = title.to_lowercase();
    if outcome.is_empty() || folded.contains(&outcome.to_lowercase()) {
        return title.to_owned();
    }
    format!("{outcome}: {title}")
}

fn kalshi(map: &Map<String, Value>) -> Option<Listing> {
    let id = written(map, "ticker");
    let is_market = !id.is_empty() && map.contains_key("event_ticker");
    let status = written(map, "status");
    let is_open = status.is_empty() || ["open", "active", "initialized"].contains(&status.as_str());
    if !is_market || !is_open {
        return None;
    }
    // As discovery hashes it: the second part only where there is one.
    let mut rules = written(map, "rules_primary");
    let more = written(map, "rules_secondary");
    if !more.is_empty() {
        rules.push('\n');
        rules.push_str(&more);
    }
    let tick = match map.get("price_ranges") {
        Some(ranges) => ranges.to_string(),
        None => written(map, "tick_size"),
    };
    Some(Listing {
        venue: "kalshi",
        title: titled(&written(map, "title"), &written(map, "yes_sub_title")),
        rules,
        tick,
        fee: written(map, "fee_type"),
        closes: written(map, "close_time"),
        id,
    })
}

fn polymarket(map: &Map<String, Value>) -> Option<Listing> {
    let id = written(map, "conditionId");
    let is_market = !id.is_empty() && map.contains_key("question");
    if !is_market || !is_flag(map, "active", true) || !is_flag(map, "closed", false) {
        return None;
    }
    Some(Listing {
        venue: "polymarket",
        title: titled(&written(map, "question"), &written(map, "groupItemTitle")),
        rules: written(map, "description"),
        tick: written(map, "orderPriceMinTickSize"),
        fee: written(map, "feeType"),
        closes: written(map, "endDate"),
        id,
    })
}

/// Takes every market in a value.
fn collect(value: &Value, depth: usize, found: &mut Vec<Listing>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, found)),
        Value::Object(map) => match kalshi(map).or_else(|| polymarket(map)) {
            Some(listing) => found.push(listing),
            None => map.values().for_each(|value| collect(value, depth + 1, found)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Reads the open markets of a file, each once, in the order of the file.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn read(path: &Path) -> Result<Vec<Listing>, ListingError> {
    let unread = |source| ListingError::Read { path: path.to_path_buf(), source };
    let mut lines = Lines::open(path).map_err(unread)?;
    let (mut whole, mut found) = (Vec::new(), Vec::new());
    // A document a line, until a line is none: then all lines are one document.
    let mut is_document = false;
    while let Some(line) = lines.next_line().map_err(unread)? {
        if !is_document {
            match serde_json::from_slice::<Value>(line) {
                Ok(value) => {
                    collect(&value, 0, &mut found);
                    continue;
                }
                Err(_) => is_document = true,
            }
        }
        whole.extend_from_slice(line);
        whole.push(b'\n');
    }
    if let Ok(value) = serde_json::from_slice::<Value>(&whole) {
        collect(&value, 0, &mut found);
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    if found.is_empty() {
        return Err(ListingError::NoMarket { path: path.to_path_buf() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn markets_are_found_wherever_they_lie() {
        let page = json!({"events": [{"title": "Who?", "event_ticker": "E", "markets": [
            {"ticker": "E-A", "event_ticker": "E", "title": "Who will win?", "yes_sub_title": "Ann",
             "rules_primary": "If Ann wins.", "status": "active", "close_time": "2026-12-31T00:00:00Z"},
            {"ticker": "E-B", "event_ticker": "E", "title": "Who will win?", "status": "settled"},
        ]}]});
        let gamma = json!([{"meta": {}, "data": {"title": "t", "markets": [
            {"conditionId": "0x1", "question": "Will Ann win?", "description": "If Ann wins.",
             "active": true, "closed": false, "orderPriceMinTickSize": 0.01, "feeType": "f"},
            {"conditionId": "0x2", "question": "Will Bob win?", "closed": true},
        ]}}]);
        let mut found = Vec::new();
        collect(&page, 0, &mut found);
        collect(&gamma, 0, &mut found);
        let shown: Vec<_> =
            found.iter().map(|l| (l.venue, l.id.as_str(), l.title.as_str())).collect();
        let expected =
            [("kalshi", "E-A", "Ann: Who will win?"), ("polymarket", "0x1", "Will Ann win?")];
        assert_eq!(shown, expected);
        assert_eq!(found[0].market().close, Some((2026, 12, 31)));
        assert_eq!(found[0].rules_sha256(), found[1].rules_sha256());
    }
}
