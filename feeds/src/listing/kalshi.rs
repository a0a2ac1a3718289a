//! Kalshi's discovery: series, events and markets.

use dutchbook_book::fee::kalshi::FeeType;
use dutchbook_book::grid::{PriceRange, RANGES_MAX};
use dutchbook_book::{Face, Grid, Nanos, Price, Rate};

use super::{Page, each, flag, moment, name, needed_name, present, rate, read, rules, whole};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::general::Json;
use crate::general::decimal::scaled;
use crate::number::Dialect;

/// One series: the fees of its events, and where they are decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its ticker.
    pub ticker: String,
    /// Its fees.
    pub fee: FeeTerms,
    /// Where its events are decided.
    pub source: Option<String>,
}

/// A fee type with its multiplier; a type that we do not know is `None`, and a reason not to trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTerms {
    /// The type.
    pub fee_type: Option<FeeType>,
    /// What its rates are multiplied with.
    pub multiplier: Rate,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its ticker.
    pub ticker: String,
    /// The series that it belongs to.
    pub series: String,
    /// What a person calls it.
    pub title: String,
    /// Whether at most one of its markets comes true.
    pub is_exclusive: bool,
    /// What overrides the series' fees.
    pub fee_override: Option<FeeTerms>,
    /// Where it is decided, where the event says.
    pub source: Option<String>,
    /// Its markets that could be read, where the reply nests them.
    pub markets: Vec<Market>,
    /// Markets that could not be read.
    pub refused: usize,
}

/// How far a market has come (`status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not open yet.
    Initialized,
    /// It trades.
    Active,
    /// Paused.
    Inactive,
    /// Past its close; undecided, decided, disputed or amended.
    Closed,
    /// Settled.
    Finalized,
}

/// What a market's strikes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// Above the floor, by whichever comparison its rules name.
    Above {
        /// The floor in 1e-9.
        floor_nano: i128,
        /// Whether the floor itself counts.
        or_equal: bool,
    },
    /// Below the cap.
    Below {
        /// The cap in 1e-9.
        cap_nano: i128,
        /// Whether the cap itself counts.
        or_equal: bool,
    },
    /// Between two bounds, both included.
    Between {
        /// The lower one in 1e-9.
        floor_nano: i128,
        /// The upper one in 1e-9.
        cap_nano: i128,
    },
    /// Anything else; nothing follows from it.
    Other,
}

/// One market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Its ticker.
    pub ticker: String,
    /// Its event.
    pub event: String,
    /// What a person calls it.
    pub title: String,
    /// Its short name inside its event.
    pub short_name: Option<String>,
    /// Whether it pays one or nothing.
    pub is_binary: bool,
    /// How far it has come.
    pub stage: Stage,
    /// The side that was determined.
    pub winner: Option<Face>,
    /// When it closes unless it closes early.
    pub closes: Option<Nanos>,
    /// From determination to settlement.
    pub settles_after: Nanos,
    /// Prices that it accepts.
    pub grid: Grid,
    /// What its strikes mean.
    pub strike: Strike,
    /// The rules text, both parts.
    pub rules: String,
    /// Until when it charges no fee.
    pub fee_waived_until: Option<Nanos>,
    /// The shard that trades it.
    pub shard: u8,
    /// Best YES bid and ask as the reply has them; `None` where a side is empty.
    pub top: [Option<Price>; 2],
    /// Contracts traded in a day, whole, for ranking.
    pub volume_day: u64,
}

/// Reads a body of `GET /series`.
///
/// # Errors
/// When the body is none.
pub fn series(body: &[u8]) -> Result<Page<Series>, DecodeError> {
    read(body, |root| match root.get("series") {
        Some(one) if one.is_object() => {
            Ok(Page { items: vec![one_series(one)?], refused: Vec::new(), next: None })
        }
        Some(list) => list_of(root, list, "ticker", one_series),
        None => Err(root.error(DecodeErrorKind::MissingField)),
    })
}

/// Reads a body of `GET /events`.
///
/// # Errors
/// When the body is none.
pub fn events(body: &[u8]) -> Result<Page<Event>, DecodeError> {
    read(body, |root| {
        let list = root.get("events").ok_or_else(|| root.error(DecodeErrorKind::MissingField))?;
        list_of(root, list, "event_ticker", event)
    })
}

/// Reads a body of `GET /events/{event_ticker}`; its markets may stand beside the event.
///
/// # Errors
/// When the body is none.
pub fn one_event(body: &[u8]) -> Result<Event, DecodeError> {
    read(body, |root| {
        let json = root.get("event").ok_or_else(|| root.error(DecodeErrorKind::MissingField))?;
        let mut event = event(json)?;
        if event.markets.is_empty()
            && let Some(list) = root.get("markets").filter(|list| list.elements().is_some())
        {
            let markets = each(list, "ticker", market)?;
            (event.markets, event.refused) = (markets.items, markets.refused.len());
        }
        Ok(event)
    })
}

/// Reads a body of `GET /markets`, or of `GET /markets/{ticker}`.
///
/// # Errors
/// When the body is neither.
pub fn markets(body: &[u8]) -> Result<Page<Market>, DecodeError> {
    read(body, |root| {
        if let Some(one) = root.get("market") {
            return Ok(Page { items: vec![market(one)?], refused: Vec::new(), next: None });
        }
        let list = root.get("markets").ok_or_else(|| root.error(DecodeErrorKind::MissingField))?;
        list_of(root, list, "ticker", market)
    })
}

/// Whether the venue is open, of `GET /exchange/status`: some shard both lives and trades.
///
/// # Errors
/// When the body is none.
pub fn is_trading(body: &[u8]) -> Result<bool, DecodeError> {
    read(body, |root| {
        let open =
            |json: Json<'_>| Some(flag(json, "exchange_active")? && flag(json, "trading_active")?);
        let shards = root.get("exchange_index_statuses").and_then(Json::elements);
        let any_shard = shards.into_iter().flatten().any(|shard| open(shard) == Some(true));
        let top = open(root).ok_or_else(|| root.error(DecodeErrorKind::MissingField))?;
        Ok(top || any_shard)
    })
}

/// Announced closures, of `GET /exchange/schedule`: from when to when. One that cannot be read is
/// left out: the status tells anyway.
///
/// # Errors
/// When the body is none.
pub fn maintenance(body: &[u8]) -> Result<Vec<[Nanos; 2]>, DecodeError> {
    read(body, |root| {
        let windows = root.get("schedule").and_then(|all| all.get("maintenance_windows"));
        let windows = windows.and_then(Json::elements).into_iter().flatten();
        let span = |window: Json<'_>| {
            let at = |key| moment(window, key).ok().flatten();
            Some([at("start_datetime")?, at("end_datetime")?])
        };
        Ok(windows.filter_map(span).collect())
    })
}

fn list_of<T>(
    root: Json<'_>,
    list: Json<'_>,
    key: &str,
    reader: impl FnMut(Json<'_>) -> Result<T, DecodeError>,
) -> Result<Page<T>, DecodeError> {
    if list.is_absent() {
        return Ok(Page { items: Vec::new(), refused: Vec::new(), next: None });
    }
    let mut page = each(list, key, reader)?;
    page.next = name(root, "cursor");
    Ok(page)
}

fn one_series(json: Json<'_>) -> Result<Series, DecodeError> {
    let missing = || json.error(DecodeErrorKind::MissingField);
    let fee_type = name(json, "fee_type").ok_or_else(missing)?;
    Ok(Series {
        ticker: needed_name(json, "ticker")?,
        fee: FeeTerms {
            fee_type: FeeType::from_native(&fee_type),
            multiplier: rate(json, "fee_multiplier")?.ok_or_else(missing)?,
        },
        source: source(json),
    })
}

fn source(json: Json<'_>) -> Option<String> {
    let mut sources = json.get("settlement_sources")?.elements()?;
    let first = sources.next()?;
    name(first, "url").or_else(|| name(first, "name"))
}

fn event(json: Json<'_>) -> Result<Event, DecodeError> {
    let nested = json.get("markets").filter(|list| list.elements().is_some());
    let markets = match nested {
        Some(list) => each(list, "ticker", market)?,
        None => Page { items: Vec::new(), refused: Vec::new(), next: None },
    };
    let fee_override = match name(json, "fee_type_override") {
        Some(native) => Some(FeeTerms {
            fee_type: FeeType::from_native(&native),
            multiplier: rate(json, "fee_multiplier_override")?.unwrap_or(ONE),
        }),
        None => None,
    };
    Ok(Event {
        ticker: needed_name(json, "event_ticker")?,
        series: name(json, "series_ticker").unwrap_or_default(),
        title: needed_name(json, "title")?,
        is_exclusive: flag(json, "mutually_exclusive").unwrap_or(false),
        fee_override,
        source: source(json),
        refused: markets.refused.len(),
        markets: markets.items,
    })
}

/// The multiplier where none is stated.
const ONE: Rate = Rate::from_nano(1_000_000_000);

fn market(json: Json<'_>) -> Result<Market, DecodeError> {
    let mut text = rules(json, "rules_primary").unwrap_or_default();
    if let Some(more) = rules(json, "rules_secondary") {
        text.push('\n');
        text.push_str(&more);
    }
    Ok(Market {
        ticker: needed_name(json, "ticker")?,
        event: needed_name(json, "event_ticker")?,
        title: name(json, "title").unwrap_or_default(),
        short_name: name(json, "yes_sub_title"),
        is_binary: name(json, "market_type").as_deref().unwrap_or("binary") == "binary",
        stage: stage(json)?,
        winner: match name(json, "result").as_deref() {
            Some("yes") => Some(Face::Yes),
            Some("no") => Some(Face::No),
            Some(_) | None => None,
        },
        closes: moment(json, "close_time")?,
        settles_after: whole(json, "settlement_timer_seconds")?
            .map_or(Nanos::ZERO, Nanos::from_secs),
        grid: grid(json)?,
        strike: strike(json)?,
        rules: text,
        fee_waived_until: moment(json, "fee_waiver_expiration_time")?,
        shard: u8::try_from(whole(json, "exchange_index")?.unwrap_or(0))
            .map_err(|_| json.error(DecodeErrorKind::BadInteger))?,
        top: top(json)?,
        volume_day: day_volume(json),
    })
}

fn stage(json: Json<'_>) -> Result<Stage, DecodeError> {
    match name(json, "status").as_deref() {
        Some("initialized") => Ok(Stage::Initialized),
        Some("active") => Ok(Stage::Active),
        Some("inactive") => Ok(Stage::Inactive),
        Some("closed" | "determined" | "disputed" | "amended") => Ok(Stage::Closed),
        Some("finalized" | "settled") => Ok(Stage::Finalized),
        Some(_) | None => Err(json.error(DecodeErrorKind::MissingField)),
    }
}

/// `price_ranges` is the law; the name of the structure is a label.
fn grid(json: Json<'_>) -> Result<Grid, DecodeError> {
    let bad = || json.error(DecodeErrorKind::BadGrid);
    ranges_of(json.get("price_ranges").ok_or_else(bad)?)
}

/// Reads a list of price ranges as a market has them under `price_ranges`.
///
/// # Errors
/// When it is none, or no grid.
pub fn price_ranges(body: &[u8]) -> Result<Grid, DecodeError> {
    read(body, ranges_of)
}

fn ranges_of(json: Json<'_>) -> Result<Grid, DecodeError> {
    let bad = || json.error(DecodeErrorKind::BadGrid);
    let list = json.elements().ok_or_else(bad)?;
    let mut ranges = [PriceRange::default(); RANGES_MAX];
    let mut count = 0;
    for range in list {
        let bound = |key| range.get(key).ok_or_else(bad)?.price(Dialect::KALSHI_PRICE);
        let slot = ranges.get_mut(count).ok_or_else(bad)?;
        *slot = PriceRange { start: bound("start")?, end: bound("end")?, step: bound("step")? };
        count += 1;
    }
    Grid::from_ranges(ranges.get(..count).unwrap_or(&[])).map_err(|_| bad())
}

fn strike(json: Json<'_>) -> Result<Strike, DecodeError> {
    let nano = |key| {
        let read = |value: Json<'_>| {
            value
                .decimal(|text| scaled(text, 9))
                .ok_or_else(|| value.error(DecodeErrorKind::BadInteger))
        };
        present(json, key).map(read).transpose()
    };
    let native = name(json, "strike_type");
    let (floor, cap) = match native.as_deref() {
        Some("greater" | "greater_or_equal") => (nano("floor_strike")?, None),
        Some("less" | "less_or_equal") => (None, nano("cap_strike")?),
        Some("between") => {
            return Ok(match (nano("floor_strike")?, nano("cap_strike")?) {
                (Some(floor_nano), Some(cap_nano)) => Strike::Between { floor_nano, cap_nano },
                (Some(_) | None, _) => Strike::Other,
            });
        }
        Some(_) | None => (None, None),
    };
    let or_equal = native.as_deref().is_some_and(|native| native.ends_with("_or_equal"));
    Ok(match (floor, cap) {
        (Some(floor_nano), _) => Strike::Above { floor_nano, or_equal },
        (None, Some(cap_nano)) => Strike::Below { cap_nano, or_equal },
        (None, None) => Strike::Other,
    })
}

/// An empty side shows as a price that nobody can have: bid 0, ask 1.
fn top(json: Json<'_>) -> Result<[Option<Price>; 2], DecodeError> {
    let side = |key| {
        let stated = present(json, key).map(|value| value.price(Dialect::KALSHI_PRICE));
        Ok(stated.transpose()?.filter(|price| *price > Price::ZERO && *price < Price::ONE))
    };
    Ok([side("yes_bid_dollars")?, side("yes_ask_dollars")?])
}

fn day_volume(json: Json<'_>) -> u64 {
    let volume = json.get("volume_24h_fp").and_then(|value| value.decimal(|t| scaled(t, 2)));
    volume.and_then(|centi| u64::try_from(centi / 100).ok()).unwrap_or(0)
}

#[cfg(test)]
mod status_tests {
    use super::*;

    #[test]
    fn the_exchange_is_open_when_any_shard_is() {
        let body = br#"{"exchange_active":true,"trading_active":false,"exchange_index_statuses":[
            {"exchange_index":2,"exchange_active":true,"trading_active":true}]}"#;
        assert_eq!(is_trading(body), Ok(true));
        assert_eq!(is_trading(br#"{"exchange_active":true,"trading_active":false}"#), Ok(false));
        assert!(is_trading(b"{}").is_err());
        let body = br#"{"schedule":{"standard_hours":[],"maintenance_windows":[{"start_datetime":
            "2026-11-22T08:00:00Z","end_datetime":"2026-11-22T10:00:00Z"},{"start_datetime":7}]}}"#;
        let start = Nanos::from_secs(1_795_334_400);
        assert_eq!(maintenance(body), Ok(vec![[start, start.plus(Nanos::from_secs(7_200))]]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market_with(more: &str) -> Result<Page<Market>, DecodeError> {
        markets(
            format!(
                r#"{{"markets":[{{"ticker":"A-1","event_ticker":"A","status":"active",
                "price_ranges":[{{"start":"0.0000","end":"1.0000","step":"0.0100"}}]{more}}}],"cursor":""}}"#
            )
            .as_bytes(),
        )
    }

    #[test]
    fn strikes_are_read_as_numbers_and_as_words() {
        let strike = |more: &str| market_with(more).unwrap().items.remove(0).strike;
        assert_eq!(
            strike(r#","strike_type":"greater","floor_strike":4499.99"#),
            Strike::Above { floor_nano: 4_499_990_000_000, or_equal: false }
        );
        assert_eq!(
            strike(r#","strike_type":"less_or_equal","cap_strike":"-2""#),
            Strike::Below { cap_nano: -2_000_000_000, or_equal: true }
        );
        assert_eq!(strike(r#","strike_type":"greater""#), Strike::Other);
        assert_eq!(strike(r#","strike_type":"between","floor_strike":1"#), Strike::Other);
        assert_eq!(
            strike(r#","strike_type":"between","floor_strike":1,"cap_strike":1.99"#),
            Strike::Between { floor_nano: 1_000_000_000, cap_nano: 1_990_000_000 }
        );
    }

    #[test]
    fn the_last_page_has_an_empty_cursor_and_an_empty_side_is_none() {
        let page =
            market_with(r#","yes_bid_dollars":"0.0000","yes_ask_dollars":"0.9700","result":"no""#)
                .unwrap();
        assert_eq!(page.next, None);
        assert_eq!(page.items[0].top, [None, Price::from_pips(9_700)]);
        assert_eq!(page.items[0].winner, Some(Face::No));
    }

    #[test]
    fn a_market_without_a_grid_or_a_status_is_refused_by_name() {
        let body = br#"{"markets":[{"ticker":"A-1","event_ticker":"A","status":"active"},
            {"ticker":"A-2","event_ticker":"A","status":"dreaming","price_ranges":[]}]}"#;
        let page = markets(body).unwrap();
        let refused: Vec<_> =
            page.refused.iter().map(|one| (one.native.as_str(), one.reason)).collect();
        assert_eq!(
            refused,
            [("A-1", DecodeErrorKind::BadGrid), ("A-2", DecodeErrorKind::MissingField)]
        );
    }

    #[test]
    fn an_unknown_fee_type_is_kept_as_unknown() {
        let body = br#"{"series":[{"ticker":"A","fee_type":"flat","fee_multiplier":1},
            {"ticker":"B","fee_type":"quadratic","fee_multiplier":0.5,
             "settlement_sources":[{"name":"n","url":"u"}]}]}"#;
        let page = series(body).unwrap();
        assert_eq!(page.items[0].fee.fee_type, None);
        assert_eq!(page.items[1].fee.multiplier.nano(), 500_000_000);
        assert_eq!(page.items[1].source.as_deref(), Some("u"));
    }
}
