//! Which recording a file is, told from the content of its first lines.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::error::ReplayError;
use super::source::Lines;

/// Lines that may pass (a bare `PONG`) before one must tell the format.
const SNIFF_LINES_MAX: usize = 64;

/// A kind of recording. The names are those of the report's `format` key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Polymarket market frames, each as `{receivedAt, payloadUtf8}`.
    PolymarketUtf8,
    /// Polymarket market frames, one a line, as the venue sent them.
    PolymarketFrames,
    /// Polymarket market frames and other sources, as `{run_id, source, recv_wall_ts, …, payload}`.
    PolymarketSession,
    /// Kalshi WebSocket frames, one a line, as the venue sent them.
    KalshiFrames,
    /// Polls of full Kalshi books.
    KalshiDepth,
    /// Polls of Kalshi events with the best prices of every outcome.
    KalshiEvents,
    /// Rounds of best prices of one contract on two venues, a line for each venue.
    PairTape,
    /// The same without sizes, one line a round.
    PairPolls,
}

/// The formats, as the error line of an unknown file lists them.
pub const KNOWN: &str = "Polymarket market frames ({receivedAt, payloadUtf8}, bare, or {run_id, \
     source, recv_wall_ts, payload}), Kalshi WebSocket frames, Kalshi depth and event polls, and \
     cross-venue pair tapes, one JSON value a line";

impl Format {
    /// The formats whose lines carry a venue's frames, which an import keeps as a stream.
    pub const STREAMS: [Self; 4] =
        [Self::PolymarketUtf8, Self::PolymarketFrames, Self::PolymarketSession, Self::KalshiFrames];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PolymarketUtf8 => "polymarket-ws-utf8",
            Self::PolymarketFrames => "polymarket-ws-frames",
            Self::PolymarketSession => "polymarket-ws-session",
            Self::KalshiFrames => "kalshi-ws-frames",
            Self::KalshiDepth => "kalshi-depth-tape",
            Self::KalshiEvents => "kalshi-events-tape",
            Self::PairTape => "pair-tape",
            Self::PairPolls => "pair-polls",
        }
    }
}

/// Reads lines until one tells the format.
///
/// # Errors
/// When the file cannot be read, holds no line, or its lines are of no known format.
pub fn sniff(lines: &mut Lines) -> Result<Format, ReplayError> {
    let mut texts = 0_usize;
    while let Some(line) = lines.next_line()? {
        match format_of(line) {
            Ok(Some(format)) => return Ok(format),
            Ok(None) => texts += 1,
            Err(seen) if seen == SIDECAR => return Err(ReplayError::Sidecar),
            Err(seen) => return Err(ReplayError::UnknownFormat { seen, known: KNOWN }),
        }
        if texts >= SNIFF_LINES_MAX {
            break;
        }
    }
    if texts == 0 {
        return Err(ReplayError::Empty);
    }
    Err(ReplayError::UnknownFormat { seen: "no JSON in its first lines".to_owned(), known: KNOWN })
}

/// What [`format_of`] says of a list of markets.
const SIDECAR: &str = "a list of markets";

type Keys<'a> = BTreeMap<String, &'a RawValue>;

/// `Ok(None)`: a text frame, which says nothing. `Err`: what the line looks like.
fn format_of(line: &[u8]) -> Result<Option<Format>, String> {
    let text = core::str::from_utf8(line).map_err(|_| "its first line is binary".to_owned())?;
    let trimmed = text.trim_start();
    if trimmed.starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(trimmed).map_err(|error| cut(&error))?;
        return match list.first().map(|first| serde_json::from_str::<Keys<'_>>(first.get())) {
            None => Ok(None),
            Some(Ok(keys)) if is_polymarket(&keys) => Ok(Some(Format::PolymarketFrames)),
            Some(_) => Err("its first line is a JSON array".to_owned()),
        };
    }
    if !trimmed.starts_with('{') {
        // The keep-alive reply is the one text that these venues send.
        return if trimmed.trim_end() == "PONG" {
            Ok(None)
        } else {
            Err("its first line is no JSON object".to_owned())
        };
    }
    let keys: Keys<'_> = serde_json::from_str(trimmed).map_err(|error| cut(&error))?;
    format_of_keys(&keys).map(Some)
}

fn cut(error: &serde_json::Error) -> String {
    format!("its first line is cut off or no JSON: {error}")
}

fn format_of_keys(keys: &Keys<'_>) -> Result<Format, String> {
    let has = |names: &[&str]| names.iter().all(|name| keys.contains_key(*name));
    if has(&["receivedAt", "payloadUtf8"]) {
        Ok(Format::PolymarketUtf8)
    } else if has(&["source", "recv_wall_ts", "payload"]) {
        Ok(Format::PolymarketSession)
    } else if has(&["pair", "venue", "ts", "bid", "ask"]) {
        Ok(Format::PairTape)
    } else if has(&["ticker", "captured_at", "yes_bids", "no_bids"]) {
        Ok(Format::KalshiDepth)
    } else if has(&["event_ticker", "captured_at", "outcomes"]) || has_current_event(keys) {
        Ok(Format::KalshiEvents)
    } else if has(&["captured_at", "kalshi", "polymarket"]) && is_quoted_twice(keys) {
        Ok(Format::PairPolls)
    } else if is_polymarket(keys) {
        Ok(Format::PolymarketFrames)
    } else if has(&["type"]) && ["msg", "sid", "id"].iter().any(|name| keys.contains_key(*name)) {
        Ok(Format::KalshiFrames)
    } else if has(&["condition_id", "outcomes", "tick_size"]) {
        Err(SIDECAR.to_owned())
    } else {
        let names: Vec<&str> = keys.keys().take(6).map(String::as_str).collect();
        Err(format!("its first line has the keys {}", names.join(", ")))
    }
}

/// A poll whose event lies under `current`.
fn has_current_event(keys: &Keys<'_>) -> bool {
    let inner =
        keys.get("current").and_then(|body| serde_json::from_str::<Keys<'_>>(body.get()).ok());
    keys.contains_key("captured_at")
        && inner.is_some_and(|inner| {
            ["event_ticker", "outcomes"].iter().all(|name| inner.contains_key(*name))
        })
}

/// Both venues' quotes are there; a side that was derived from other prices is no quote.
fn is_quoted_twice(keys: &Keys<'_>) -> bool {
    let has = |venue: &str, names: [&str; 2]| {
        let inner =
            keys.get(venue).and_then(|body| serde_json::from_str::<Keys<'_>>(body.get()).ok());
        inner.is_some_and(|inner| names.iter().all(|name| inner.contains_key(*name)))
    };
    has("kalshi", ["yes_bid", "yes_ask"]) && has("polymarket", ["best_bid", "best_ask"])
}

fn is_polymarket(keys: &Keys<'_>) -> bool {
    let has = |name: &str| keys.contains_key(name);
    (has("event_type") && (has("market") || has("asset_id")))
        || (has("asset_id") && has("market") && has("bids") && has("asks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        let cases = [
            (r#"{"receivedAt":"x","payloadUtf8":"PONG"}"#, Format::PolymarketUtf8),
            (r#"[{"market":"m","asset_id":"1","event_type":"book"}]"#, Format::PolymarketFrames),
            (r#"{"market":"m","asset_id":"1","bids":[],"asks":[]}"#, Format::PolymarketFrames),
            (r#"{"source":"s","recv_wall_ts":1,"payload":""}"#, Format::PolymarketSession),
            (r#"{"type":"ok","id":1}"#, Format::KalshiFrames),
            (r#"{"ticker":"T","captured_at":"","yes_bids":[],"no_bids":[]}"#, Format::KalshiDepth),
            (r#"{"event_ticker":"E","captured_at":"","outcomes":[]}"#, Format::KalshiEvents),
            (
                r#"{"captured_at":"","current":{"event_ticker":"E","outcomes":[]}}"#,
                Format::KalshiEvents,
            ),
            (
                r#"{"captured_at":"","kalshi":{"yes_bid":1,"yes_ask":1},"polymarket":{"best_bid":1,"best_ask":null}}"#,
                Format::PairPolls,
            ),
            (r#"{"ts":1,"venue":"kalshi","pair":"a:b","bid":1,"ask":null}"#, Format::PairTape),
        ];
        for (line, format) in cases {
            assert_eq!(format_of(line.as_bytes()), Ok(Some(format)), "{line}");
        }
        assert_eq!(format_of(b"PONG"), Ok(None));
        for bad in ["{", "{}", "# title", "1,2,3", "[1]"] {
            assert!(format_of(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(format_of(b"\xFF\xFE").is_err());
    }
}
