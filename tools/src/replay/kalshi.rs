//! Kalshi WebSocket frames as the first pass reads them.
//!
//! It shares no code with the engine's decoder on purpose: see `polymarket`.

use std::path::Path;

use dutchbook_book::{Nanos, Price, Qty};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::source::Lines;
use super::survey::Survey;
use super::text;

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    sid: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
}

/// The book messages of event contracts, both shapes, and what tells perpetuals apart.
#[derive(Debug, Default, Deserialize)]
struct BookBody<'a> {
    #[serde(borrow)]
    market_ticker: Option<&'a RawValue>,
    #[serde(borrow)]
    yes_dollars_fp: Option<Vec<[&'a RawValue; 2]>>,
    #[serde(borrow)]
    no_dollars_fp: Option<Vec<[&'a RawValue; 2]>>,
    #[serde(borrow)]
    yes: Option<Vec<[&'a RawValue; 2]>>,
    #[serde(borrow)]
    no: Option<Vec<[&'a RawValue; 2]>>,
    #[serde(borrow)]
    price_dollars: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    ts_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    bid: Option<&'a RawValue>,
    #[serde(borrow)]
    ask: Option<&'a RawValue>,
}

impl BookBody<'_> {
    /// Perpetuals share the frame types and have other fields: `bid`/`ask` lists, text prices.
    fn is_foreign(&self) -> bool {
        self.bid.is_some()
            || self.ask.is_some()
            || self.price.is_some_and(|price| price.get().starts_with('"'))
    }
}

/// A snapshot in exact units: YES bids and NO bids, each on its own scale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bids {
    /// The market.
    pub ticker: String,
    /// Bids for YES.
    pub yes: Vec<(Price, Qty)>,
    /// Bids for NO.
    pub no: Vec<(Price, Qty)>,
}

/// What one frame is to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Frames of event contracts.
    Contracts,
    /// A book message of another product.
    Foreign,
}

/// Takes one frame into the survey.
///
/// # Errors
/// When the line is no frame.
pub fn survey(survey: &mut Survey, line: u64, payload: &str) -> Result<Nature, String> {
    if !payload.trim_start().starts_with('{') {
        survey.count("text");
        return Ok(Nature::Contracts);
    }
    let envelope: Envelope<'_> =
        serde_json::from_str(payload).map_err(|error| error.to_string())?;
    let kind = envelope.kind.and_then(text::scalar).unwrap_or("unknown");
    survey.count(kind);
    let number = |raw: Option<&RawValue>| raw.and_then(|raw| raw.get().parse::<u64>().ok());
    if let (Some(sid), Some(seq)) = (number(envelope.sid), number(envelope.seq)) {
        survey.sequence(sid, seq);
    }
    if !matches!(kind, "orderbook_snapshot" | "orderbook_delta") {
        return Ok(Nature::Contracts);
    }
    let Some(body) = envelope.msg else { return Ok(Nature::Contracts) };
    let Ok(body) = serde_json::from_str::<BookBody<'_>>(body.get()) else {
        return Ok(Nature::Contracts);
    };
    if body.is_foreign() {
        return Ok(Nature::Foreign);
    }
    if let Some(now) = body.ts_ms.and_then(text::scalar).and_then(text::millis) {
        survey.heard(now);
    }
    let Some(ticker) = body.market_ticker.and_then(text::scalar) else {
        return Ok(Nature::Contracts);
    };
    let market = survey.market(ticker);
    for price in prices(&body) {
        survey.hold(market, price);
    }
    if kind == "orderbook_snapshot" {
        survey.snapshot(market, line, true);
    } else {
        survey.delta(market);
    }
    Ok(Nature::Contracts)
}

fn prices(body: &BookBody<'_>) -> Vec<Price> {
    let dollars = [&body.yes_dollars_fp, &body.no_dollars_fp];
    let dollars = dollars.into_iter().flatten().flatten().map(|[price, _]| *price);
    let dollars = dollars.chain(body.price_dollars);
    let cents = [&body.yes, &body.no].into_iter().flatten().flatten().map(|[price, _]| *price);
    let cents = cents.chain(body.price);
    let dollars = dollars.filter_map(|raw| text::scalar(raw).and_then(text::price_dollars));
    dollars.chain(cents.filter_map(|raw| text::scalar(raw).and_then(text::price_cents))).collect()
}

/// When the venue made the frame, where it says so.
#[must_use]
pub fn ts_venue(payload: &str) -> Option<Nanos> {
    let envelope: Envelope<'_> = serde_json::from_str(payload).ok()?;
    let body: BookBody<'_> = serde_json::from_str(envelope.msg?.get()).ok()?;
    body.ts_ms.and_then(text::scalar).and_then(text::millis)
}

#[derive(Deserialize)]
struct Exchange {
    url: String,
    response_body: String,
}

#[derive(Deserialize)]
struct RestBody<'a> {
    #[serde(borrow)]
    orderbook_fp: RestBook<'a>,
}

#[derive(Deserialize)]
struct RestBook<'a> {
    #[serde(borrow)]
    yes_dollars: Option<Vec<[&'a RawValue; 2]>>,
    #[serde(borrow)]
    no_dollars: Option<Vec<[&'a RawValue; 2]>>,
}

/// The books that were read over REST when a recording began (`name.rest_books.jsonl` beside
/// `name.jsonl…`); none where there is no such file. What cannot be read is left out.
#[must_use]
pub fn start_books(recording: &Path) -> Vec<Bids> {
    let name = recording.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.split(".jsonl").next().unwrap_or_default();
    let path = recording.with_file_name(format!("{stem}.rest_books.jsonl"));
    let mut books = Vec::new();
    let Ok(mut lines) = Lines::open(&path) else { return books };
    while let Ok(Some(line)) = lines.next_line() {
        let Ok(exchange) = serde_json::from_slice::<Exchange>(line) else { continue };
        books.extend(rest_book(&exchange));
    }
    books
}

fn rest_book(exchange: &Exchange) -> Option<Bids> {
    let (_, path) = exchange.url.split_once("/markets/")?;
    let ticker = path.split('/').next()?.to_owned();
    let body: RestBody<'_> = serde_json::from_str(&exchange.response_body).ok()?;
    let book = body.orderbook_fp;
    Some(Bids {
        ticker,
        yes: levels(&book.yes_dollars, text::price_dollars),
        no: levels(&book.no_dollars, text::price_dollars),
    })
}

/// Levels with something in them, on the scale of `price_of`.
fn levels(
    list: &Option<Vec<[&RawValue; 2]>>,
    price_of: fn(&str) -> Option<Price>,
) -> Vec<(Price, Qty)> {
    let level = |[price, size]: &[&RawValue; 2]| {
        Some((price_of(text::scalar(price)?)?, text::qty(text::scalar(size)?)?))
    };
    list.iter().flatten().filter_map(level).filter(|(_, qty)| !qty.is_zero()).collect()
}

/// The levels of a snapshot frame; `None` for every other frame.
#[must_use]
pub fn snapshot(payload: &str) -> Option<Bids> {
    let envelope: Envelope<'_> = serde_json::from_str(payload).ok()?;
    if envelope.kind.and_then(text::scalar) != Some("orderbook_snapshot") {
        return None;
    }
    let body: BookBody<'_> = serde_json::from_str(envelope.msg?.get()).ok()?;
    let ticker = body.market_ticker.and_then(text::scalar)?.to_owned();
    let side = |dollars: &Option<Vec<[&RawValue; 2]>>, cents: &Option<Vec<[&RawValue; 2]>>| {
        if dollars.is_some() {
            levels(dollars, text::price_dollars)
        } else {
            levels(cents, text::price_cents)
        }
    };
    Some(Bids {
        ticker,
        yes: side(&body.yes_dollars_fp, &body.yes),
        no: side(&body.no_dollars_fp, &body.no),
    })
}
