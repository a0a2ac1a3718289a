//! Polymarket's discovery: Gamma's events with their markets, and the CLOB's compact parameters.

use dutchbook_book::{Face, Nanos, Price, Qty, Rate};

use super::{
    Page, each, flag, moment, name, needed_name, present, price, qty, rate, read, rules, whole,
};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::general::Json;

/// What takers pay, as the venue states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTerms {
    /// Share of `p (1 - p)`.
    pub rate: Rate,
    /// Exponent of `p (1 - p)`.
    pub exponent: u8,
    /// Whether makers pay nothing.
    pub taker_only: bool,
}

/// How far a market has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Listed, but it takes no orders yet or just now.
    Paused,
    /// It takes orders.
    Trading,
    /// Over.
    Closed,
}

/// One market of Gamma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// `conditionId`.
    pub condition: String,
    /// What is asked.
    pub question: String,
    /// Its short name inside its event.
    pub short_name: Option<String>,
    /// Tokens of the first and the second outcome; `None` until the CLOB knows them.
    pub tokens: Option<[String; 2]>,
    /// Names of the two outcomes.
    pub outcomes: [String; 2],
    /// The rules text.
    pub rules: String,
    /// Where the answer is looked up, where the market names it.
    pub source: Option<String>,
    /// When it is due to end.
    pub closes: Option<Nanos>,
    /// How far it has come.
    pub stage: Stage,
    /// The outcome that a closed market paid, where it paid one in full.
    pub winner: Option<Face>,
    /// Smallest price step.
    pub tick: Option<Price>,
    /// Smallest order.
    pub min_qty: Option<Qty>,
    /// Whether it belongs to a neg-risk event.
    pub is_neg_risk: bool,
    /// The neg-risk event on the chain.
    pub neg_risk_market: Option<String>,
    /// Whether it is the catch-all of its event.
    pub is_other: bool,
    /// What takers pay; `None` where the market does not say.
    pub fee: Option<FeeTerms>,
    /// The name of what takers pay (`feeType`).
    pub fee_type: Option<String>,
    /// How long marketable orders are held.
    pub taker_delay: Nanos,
    /// When the game starts.
    pub game_start: Option<Nanos>,
    /// How far its resolution has come, where Gamma says.
    pub uma_status: Option<String>,
    /// Turnover of a day in whole dollars, for ranking.
    pub volume_day: u64,
}

/// One event of Gamma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub id: String,
    /// Its name in links.
    pub slug: String,
    /// What a person calls it.
    pub title: String,
    /// Whether at most one of its markets comes true.
    pub is_neg_risk: bool,
    /// Whether outcomes may be added later: the listed ones are then not exhaustive.
    pub is_augmented: bool,
    /// The neg-risk event on the chain.
    pub neg_risk_market: Option<String>,
    /// Its markets that could be read, in the venue's order.
    pub markets: Vec<Market>,
    /// Markets that could not be read; the event's list has a hole then.
    pub refused: usize,
    /// Turnover of a day in whole dollars, for ranking.
    pub volume_day: u64,
}

/// What the CLOB says about one market: `GET /clob-markets/{condition}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The condition, where the reply states it.
    pub condition: Option<String>,
    /// Tokens in the order of the outcomes.
    pub tokens: Option<[String; 2]>,
    /// Smallest price step.
    pub tick: Price,
    /// Smallest order.
    pub min_qty: Option<Qty>,
    /// Whether it belongs to a neg-risk event.
    pub is_neg_risk: bool,
    /// What takers pay; `None` where the market charges nothing.
    pub fee: Option<FeeTerms>,
    /// Whether it takes orders; `None` where the reply does not say.
    pub accepts_orders: Option<bool>,
    /// How long marketable orders are held.
    pub taker_delay: Nanos,
    /// Whether resting orders are dropped at the start of the game.
    pub clears_on_start: bool,
}

/// How long the `itode` hold lasts.
const HOLD: Nanos = Nanos::from_millis(250);

/// Reads a body of `GET /events` (a list) or `GET /events/keyset` (an object with a cursor).
///
/// # Errors
/// When the body is no such list.
pub fn events(body: &[u8]) -> Result<Page<Event>, DecodeError> {
    read(body, |root| {
        let list = ["events", "data"].iter().find_map(|key| root.get(key)).unwrap_or(root);
        let mut page = each(list, "id", event)?;
        page.next = name(root, "next_cursor").filter(|cursor| cursor != "LTE=");
        Ok(page)
    })
}

/// Reads one event.
///
/// # Errors
/// When the body is none.
pub fn one_event(body: &[u8]) -> Result<Event, DecodeError> {
    read(body, |root| match root.elements().and_then(|mut list| list.next()) {
        Some(first) => event(first),
        None => event(root),
    })
}

/// Reads a body of `GET /markets`.
///
/// # Errors
/// When the body is no list of markets.
pub fn markets(body: &[u8]) -> Result<Page<Market>, DecodeError> {
    read(body, |root| {
        let list = ["markets", "data"].iter().find_map(|key| root.get(key)).unwrap_or(root);
        let mut page = each(list, "conditionId", market)?;
        page.next = name(root, "next_cursor").filter(|cursor| cursor != "LTE=");
        Ok(page)
    })
}

/// Reads a body of `GET /clob-markets/{condition}`.
///
/// # Errors
/// When the body is none, or lacks the tick.
pub fn terms(body: &[u8]) -> Result<Terms, DecodeError> {
    read(body, |root| {
        let missing = || root.error(DecodeErrorKind::MissingField);
        let delay = whole(root, "sd")?.map_or(Nanos::ZERO, Nanos::from_secs);
        let hold = if flag(root, "itode") == Some(true) { HOLD } else { Nanos::ZERO };
        Ok(Terms {
            condition: name(root, "c"),
            tokens: clob_tokens(root),
            tick: price(root, "mts")?.ok_or_else(missing)?,
            min_qty: qty(root, "mos")?,
            is_neg_risk: flag(root, "nr").unwrap_or(false),
            fee: present(root, "fd").map(|fee| fee_terms(fee, ["r", "e", "to"])).transpose()?,
            accepts_orders: flag(root, "ao"),
            taker_delay: delay.max(hold),
            clears_on_start: flag(root, "cbos").unwrap_or(false),
        })
    })
}

fn clob_tokens(root: Json<'_>) -> Option<[String; 2]> {
    let mut tokens = root.get("t")?.elements()?.map(|token| name(token, "t"));
    let pair = [tokens.next()??, tokens.next()??];
    tokens.next().is_none().then_some(pair)
}

fn fee_terms(fee: Json<'_>, [of, exponent, taker]: [&str; 3]) -> Result<FeeTerms, DecodeError> {
    let missing = || fee.error(DecodeErrorKind::MissingField);
    let power = whole(fee, exponent)?.unwrap_or(1);
    Ok(FeeTerms {
        rate: rate(fee, of)?.ok_or_else(missing)?,
        exponent: u8::try_from(power).map_err(|_| fee.error(DecodeErrorKind::BadInteger))?,
        taker_only: flag(fee, taker).unwrap_or(true),
    })
}

fn event(json: Json<'_>) -> Result<Event, DecodeError> {
    let markets = match json.get("markets") {
        Some(list) => each(list, "conditionId", market)?,
        None => Page { items: Vec::new(), refused: Vec::new(), next: None },
    };
    let is_neg_risk = flag(json, "negRisk").or_else(|| flag(json, "enableNegRisk"));
    Ok(Event {
        id: number_or_name(json, "id")?,
        slug: name(json, "slug").unwrap_or_default(),
        title: needed_name(json, "title")?,
        is_neg_risk: is_neg_risk.unwrap_or(false),
        is_augmented: flag(json, "negRiskAugmented").unwrap_or(false),
        neg_risk_market: name(json, "negRiskMarketID"),
        refused: markets.refused.len(),
        markets: markets.items,
        volume_day: dollars(json, "volume24hr"),
    })
}

/// An id that is a text, or the same digits as a number.
fn number_or_name(json: Json<'_>, key: &str) -> Result<String, DecodeError> {
    match whole(json, key) {
        Ok(Some(number)) => Ok(number.to_string()),
        Ok(None) | Err(_) => needed_name(json, key),
    }
}

/// Whole dollars of an amount that is for ranking only; what cannot be read ranks last.
fn dollars(json: Json<'_>, key: &str) -> u64 {
    let whole = |text: &[u8]| {
        let end = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
        core::str::from_utf8(text.get(..end)?).ok()?.parse().ok()
    };
    json.get(key).and_then(|value| value.decimal(whole)).unwrap_or(0)
}

fn market(json: Json<'_>) -> Result<Market, DecodeError> {
    let missing = || json.error(DecodeErrorKind::MissingField);
    let is_closed = flag(json, "closed").unwrap_or(false);
    let stage = stage_of(json, is_closed);
    let has_fees = flag(json, "feesEnabled");
    let fee = match (has_fees, present(json, "feeSchedule")) {
        (Some(false), _) => Some(FeeTerms { rate: Rate::ZERO, exponent: 1, taker_only: true }),
        (_, Some(fee)) => Some(fee_terms(fee, ["rate", "exponent", "takerOnly"])?),
        (_, None) => None,
    };
    Ok(Market {
        condition: needed_name(json, "conditionId")?,
        question: needed_name(json, "question")?,
        short_name: name(json, "groupItemTitle"),
        tokens: pair(json, "clobTokenIds"),
        outcomes: pair(json, "outcomes").ok_or_else(missing)?,
        rules: rules(json, "description").unwrap_or_default(),
        source: name(json, "resolutionSource"),
        closes: moment(json, "endDate")?,
        stage,
        winner: if is_closed { winner(json) } else { None },
        tick: price(json, "orderPriceMinTickSize")?,
        min_qty: qty(json, "orderMinSize")?,
        is_neg_risk: flag(json, "negRisk").unwrap_or(false),
        neg_risk_market: name(json, "negRiskMarketID"),
        is_other: flag(json, "negRiskOther").unwrap_or(false),
        fee,
        fee_type: name(json, "feeType"),
        taker_delay: whole(json, "secondsDelay")?.map_or(Nanos::ZERO, Nanos::from_secs),
        game_start: moment(json, "gameStartTime")?,
        uma_status: name(json, "umaResolutionStatus"),
        volume_day: dollars(json, "volume24hr"),
    })
}

fn stage_of(json: Json<'_>, is_closed: bool) -> Stage {
    let is = |key| flag(json, key).unwrap_or(false);
    if is_closed || is("archived") {
        Stage::Closed
    } else if is("active") && is("acceptingOrders") && is("enableOrderBook") {
        Stage::Trading
    } else {
        Stage::Paused
    }
}

/// Two texts, as a list or as a list inside a text, which is how Gamma sends them.
fn pair(json: Json<'_>, key: &str) -> Option<[String; 2]> {
    let value = json.get(key)?;
    match value.text() {
        Some(text) => read(text.as_bytes(), |list| Ok(two_names(list))).ok()?,
        None => two_names(value),
    }
}

fn two_names(list: Json<'_>) -> Option<[String; 2]> {
    let mut texts = list.elements()?.map(|text| text.text().filter(|text| !text.is_empty()));
    let pair = [texts.next()??.to_owned(), texts.next()??.to_owned()];
    texts.next().is_none().then_some(pair)
}

/// The outcome whose last price is one while the other's is zero.
fn winner(json: Json<'_>) -> Option<Face> {
    let [first, second] = pair(json, "outcomePrices")?;
    match (first.as_str(), second.as_str()) {
        ("1", "0") => Some(Face::Yes),
        ("0", "1") => Some(Face::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKET: &str = r#"{"conditionId":"0xab","question":"Will it rain?","outcomes":"[\"Yes\", \"No\"]",
        "clobTokenIds":"[\"11\", \"22\"]","active":true,"closed":false,"acceptingOrders":true,
        "enableOrderBook":true,"orderPriceMinTickSize":0.001,"orderMinSize":5,"negRisk":true,
        "negRiskMarketID":"0x01","endDate":"2028-11-08T04:59:00Z","feesEnabled":true,
        "feeSchedule":{"exponent":1,"rate":0.04,"takerOnly":true,"rebateRate":0.25},
        "secondsDelay":3,"volume24hr":7941.21536299999}"#;

    #[test]
    fn a_market_has_everything_that_trading_needs() {
        let page = markets(format!("[{MARKET}]").as_bytes()).unwrap();
        let market = &page.items[0];
        assert_eq!(market.tokens, Some(["11".to_owned(), "22".to_owned()]));
        assert_eq!((market.stage, market.tick), (Stage::Trading, Price::from_micro(1_000)));
        assert_eq!(market.min_qty, Qty::from_contracts(5));
        let fee = market.fee.unwrap();
        assert_eq!((fee.rate.nano(), fee.exponent, fee.taker_only), (40_000_000, 1, true));
        assert_eq!(market.taker_delay, Nanos::from_secs(3));
        assert_eq!(market.volume_day, 7_941);
    }

    #[test]
    fn one_bad_market_is_named_and_the_others_are_taken() {
        let bad = r#"{"conditionId":"0xbad","question":"?","outcomes":"[\"Yes\"]"}"#;
        let event = format!(
            r#"{{"events":[{{"id":7,"title":"T","negRisk":true,"markets":[{bad},{MARKET}]}}],"next_cursor":"abc"}}"#
        );
        let page = events(event.as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("abc"));
        assert_eq!((page.items[0].markets.len(), page.items[0].refused), (1, 1));
        assert_eq!(page.items[0].id, "7");
        let page = markets(format!("[{bad}]").as_bytes()).unwrap();
        assert_eq!(page.refused[0].native, "0xbad");
    }

    #[test]
    fn a_closed_market_names_its_winner_only_when_it_paid_in_full() {
        let closed = |prices: &str| {
            let json = format!(
                r#"[{{"conditionId":"0x1","question":"?","outcomes":["Up","Down"],"closed":true,"outcomePrices":"{prices}"}}]"#
            );
            let market = markets(json.as_bytes()).unwrap().items.remove(0);
            assert_eq!(market.stage, Stage::Closed);
            market.winner
        };
        assert_eq!(closed(r#"[\"0\", \"1\"]"#), Some(Face::No));
        assert_eq!(closed(r#"[\"0.5\", \"0.5\"]"#), None);
        assert_eq!(closed(r#"[\"0\", \"0\"]"#), None);
    }

    #[test]
    fn the_compact_terms_are_read() {
        let body =
            br#"{"c":"0x1","t":[{"t":"11","o":"Yes"},{"t":"22","o":"No"}],"mts":0.01,"mos":5,
            "fd":{"r":0.07,"e":1,"to":true},"ao":true,"sd":0,"itode":true,"nr":true}"#;
        let terms = terms(body).unwrap();
        assert_eq!(terms.tokens, Some(["11".to_owned(), "22".to_owned()]));
        assert_eq!(terms.tick.micro(), 10_000);
        assert_eq!(terms.fee.unwrap().rate.nano(), 70_000_000);
        assert_eq!(terms.taker_delay, Nanos::from_millis(250));
        assert!(terms.is_neg_risk && terms.accepts_orders == Some(true));
        assert_eq!(
            super::terms(br#"{"c":"0x1"}"#).unwrap_err().kind,
            DecodeErrorKind::MissingField
        );
    }

    #[test]
    fn hostile_bodies_are_refused_by_kind() {
        let deep = "[".repeat(200_000);
        for body in [deep.as_bytes(), b"\xff\xfe", b"", b"<html>", b"{\"a\":", b"nul"] {
            assert!(events(body).is_err(), "{:?}", body.get(..8.min(body.len())));
        }
        let balanced = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let page = events(balanced.as_bytes());
        assert!(page.is_err() || page.is_ok_and(|page| page.items.is_empty()));
        let huge = format!(
            r#"[{{"conditionId":"{}","question":"?","outcomes":["a","b"]}}]"#,
            "x".repeat(10 << 20)
        );
        let page = markets(huge.as_bytes()).unwrap();
        assert_eq!((page.items.len(), page.refused.len()), (0, 1));
        assert!(page.refused[0].native.is_empty(), "a huge name is not kept");
        assert!(events(b"7").is_err() && events(b"{\"events\":7}").is_err());
    }
}
