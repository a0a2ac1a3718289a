//! Polymarket frames as the first pass reads them: kinds, markets, grids and comparable snapshots.
//!
//! The engine's own decoder does the second pass; this one shares no code with it on purpose, so
//! that the counts of a report do not rest on the decoder that they check.

use std::path::Path;

use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{Nanos, Price, Rate};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::source::Lines;
use super::survey::Survey;
use super::text;

/// Kind of a REST book among frames.
pub const REST_BOOK: &str = "rest_book";

/// A message with the fields of every kind; what a kind lacks is absent.
#[derive(Debug, Default, Deserialize)]
pub struct Message<'a> {
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    market: Option<&'a RawValue>,
    #[serde(borrow)]
    asset_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "buys")]
    bids: Option<&'a RawValue>,
    #[serde(borrow, alias = "sells")]
    asks: Option<&'a RawValue>,
    #[serde(borrow)]
    price_changes: Option<&'a RawValue>,
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
    #[serde(borrow)]
    tick_size: Option<&'a RawValue>,
    #[serde(borrow)]
    new_tick_size: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    asset_id: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
}

fn scalar(raw: Option<&RawValue>) -> Option<&str> {
    raw.and_then(text::scalar)
}

/// A frame, split into its messages.
#[derive(Debug)]
pub enum Split<'a> {
    /// Bare text: `PONG`, or an error word.
    Text,
    /// Neither text nor JSON.
    Malformed(String),
    /// Messages, and whether they came as an array.
    Messages(Vec<Message<'a>>, bool),
}

/// Splits a frame.
#[must_use]
pub fn split(payload: &str) -> Split<'_> {
    let trimmed = payload.trim();
    let parsed = if trimmed.starts_with('[') {
        serde_json::from_str(trimmed).map(|list| (list, true))
    } else if trimmed.starts_with('{') {
        serde_json::from_str(trimmed).map(|one| (vec![one], false))
    } else {
        return Split::Text;
    };
    match parsed {
        Ok((messages, is_array)) => Split::Messages(messages, is_array),
        Err(error) => Split::Malformed(error.to_string()),
    }
}

/// Levels of one side as text: price and size.
pub type LevelTexts<'a> = Vec<(&'a str, &'a str)>;

fn levels(side: Option<&RawValue>) -> LevelTexts<'_> {
    let list: Vec<Entry<'_>> =
        side.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    list.iter().filter_map(|entry| Some((scalar(entry.price)?, scalar(entry.size)?))).collect()
}

impl Message<'_> {
    /// The kind, as the venue names it; a REST body has none and is [`REST_BOOK`].
    #[must_use]
    pub fn kind(&self) -> &str {
        match scalar(self.event_type) {
            Some(kind) => kind,
            None if self.bids.is_some() && self.asset_id.is_some() => REST_BOOK,
            None => "unknown",
        }
    }

    /// The face that it speaks of.
    #[must_use]
    pub fn face(&self) -> Option<&str> {
        scalar(self.asset_id)
    }

    /// The venue's stamp.
    #[must_use]
    pub fn ts_venue(&self) -> Option<Nanos> {
        scalar(self.timestamp).and_then(text::millis)
    }

    /// Bids and asks of a snapshot.
    #[must_use]
    pub fn book(&self) -> (LevelTexts<'_>, LevelTexts<'_>) {
        (levels(self.bids), levels(self.asks))
    }
}

/// Takes one frame into the survey.
///
/// # Errors
/// When the line is a bare frame (`is_bare`) that begins like JSON and is none: the recording is
/// cut. Inside an envelope it is what the venue sent, and counted as `malformed`.
pub fn survey(
    survey: &mut Survey,
    line: u64,
    payload: &str,
    ts_recv: Option<Nanos>,
    is_bare: bool,
) -> Result<(), String> {
    let (messages, is_array) = match split(payload) {
        Split::Text => {
            let word = payload.trim();
            survey.count(if word == "PONG" { "PONG" } else { "text" });
            return Ok(());
        }
        Split::Malformed(reason) if is_bare => return Err(reason),
        Split::Malformed(_) => {
            survey.count("malformed");
            survey.break_runs();
            return Ok(());
        }
        Split::Messages(messages, is_array) => (messages, is_array),
    };
    if let Some(now) = ts_recv.or_else(|| messages.iter().find_map(Message::ts_venue)) {
        survey.heard(now);
    }
    for message in &messages {
        survey.count(message.kind());
        survey_message(survey, line, message, is_array);
    }
    Ok(())
}

fn survey_message(survey: &mut Survey, line: u64, message: &Message<'_>, is_array: bool) {
    let market = scalar(message.market);
    match message.kind() {
        kind @ ("book" | REST_BOOK) => {
            let Some(face) = message.face() else { return };
            let index = survey.market_of_face(face, market);
            let (bids, asks) = message.book();
            let prices = bids.iter().chain(&asks).map(|(price, _)| *price);
            for price in prices.chain(scalar(message.tick_size)).filter_map(text::price_dollars) {
                survey.hold(index, price);
            }
            if kind == "book" {
                survey.snapshot(index, line, !is_array);
            } else {
                survey.foreign_snapshot(index);
            }
        }
        "price_change" => {
            let changes = message.price_changes.or(message.changes);
            let list: Vec<Entry<'_>> =
                changes.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
            for entry in &list {
                let Some(face) = scalar(entry.asset_id).or(message.face()) else { continue };
                let index = survey.market_of_face(face, market);
                if let Some(price) = scalar(entry.price).and_then(text::price_dollars) {
                    survey.hold(index, price);
                }
                survey.delta(index);
            }
        }
        "tick_size_change" => {
            let Some(face) = message.face().filter(|face| survey.knows_face(face)) else { return };
            let index = survey.market_of_face(face, market);
            if let Some(tick) = scalar(message.new_tick_size).and_then(text::price_dollars) {
                survey.hold(index, tick);
            }
            survey.foreign_snapshot(index);
        }
        // Trades, quotes, and news of markets that may not be in the recording at all.
        _ => {}
    }
}

#[derive(Deserialize)]
struct SidecarMarket<'a> {
    #[serde(borrow)]
    condition_id: &'a RawValue,
    #[serde(borrow)]
    outcomes: Vec<SidecarOutcome<'a>>,
    #[serde(borrow)]
    tick_size: Option<&'a RawValue>,
    #[serde(borrow)]
    fee_parameters: Option<SidecarFee<'a>>,
}

#[derive(Deserialize)]
struct SidecarOutcome<'a> {
    #[serde(borrow)]
    token_id: &'a RawValue,
}

#[derive(Deserialize)]
struct SidecarFee<'a> {
    #[serde(borrow)]
    raw_fee_config: Option<SidecarRate<'a>>,
}

#[derive(Deserialize)]
struct SidecarRate<'a> {
    #[serde(borrow)]
    rate: Option<&'a RawValue>,
}

/// Takes the list of markets beside a recording (`name.markets.jsonl` for `name.jsonl…`), where
/// there is one: the order of the faces, the tick and the fee. A list that cannot be read is as
/// good as none, for the frames say all that a replay needs.
pub fn survey_sidecar(survey: &mut Survey, recording: &Path) {
    let Some(path) = sidecar(recording) else { return };
    let Ok(mut lines) = Lines::open(&path) else { return };
    while let Ok(Some(line)) = lines.next_line() {
        let Ok(market) = serde_json::from_slice::<SidecarMarket<'_>>(line) else { continue };
        let Some(native) = text::scalar(market.condition_id) else { continue };
        for face in market.outcomes.iter().filter_map(|outcome| text::scalar(outcome.token_id)) {
            let index = survey.market_of_face(face, Some(native));
            if let Some(tick) = scalar(market.tick_size).and_then(text::price_dollars) {
                survey.hold(index, tick);
            }
            let rate = market.fee_parameters.as_ref().and_then(|fee| fee.raw_fee_config.as_ref());
            let rate = rate.and_then(|config| scalar(config.rate));
            let rate = rate.and_then(|rate| u32::try_from(text::shifted(rate, 9)?).ok());
            if let (Some(rate), Some(found)) = (rate, survey.markets.get_mut(index)) {
                found.fee = Some(FeeSchedule::polymarket(Rate::from_nano(rate), 1));
            }
        }
    }
}

fn sidecar(recording: &Path) -> Option<std::path::PathBuf> {
    let name = recording.file_name()?.to_str()?;
    let stem = name.split(".jsonl").next()?;
    let path = recording.with_file_name(format!("{stem}.markets.jsonl"));
    (path.is_file() && path != recording).then_some(path)
}

/// When the venue made the frame, where it says so.
#[must_use]
pub fn ts_venue(payload: &str) -> Option<Nanos> {
    match split(payload) {
        Split::Messages(messages, _) => messages.iter().find_map(Message::ts_venue),
        Split::Text | Split::Malformed(_) => None,
    }
}

/// Levels of a snapshot in exact units, as its face shows them.
#[must_use]
pub fn exact_levels(levels: &LevelTexts<'_>) -> Vec<(Price, dutchbook_book::Qty)> {
    let exact =
        |(price, size): &(&str, &str)| Some((text::price_dollars(price)?, text::qty(size)?));
    levels.iter().filter_map(exact).filter(|(_, qty)| !qty.is_zero()).collect()
}
