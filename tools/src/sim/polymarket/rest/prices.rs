//! Books, prices and what follows from them: public, without authentication.

use std::collections::VecDeque;

use dutchbook_book::{BookId, Exact, Face, Level, Nanos, Price, Side, TopOfBook};
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::super::super::door::{HttpReply, HttpRequest};
use super::super::super::floor::Floor;
use super::super::super::text::put;
use super::super::super::world::Market;
use super::super::facts::{MarketFacts, tick_of};
use super::super::trades::side_name;
use super::super::venue::Venue;
use super::{Query, array, bad_payload, error, json_body, no_book, ok, quoted};

/// How many tokens one request may name.
const BATCH_MAX: usize = 500;
/// How many tokens one request for histories may name.
const HISTORIES_MAX: usize = 20;
/// How many prices of the past are kept per market, one a second at most.
const CANDLES_MAX: usize = 7_200;

/// The prices of one market in the past: unix seconds, and the middle of the YES book.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Candles {
    list: VecDeque<(u64, Price)>,
}

/// Best bid and ask of a face; zero and one where a side is empty.
fn quotes(top: TopOfBook) -> (Price, Price) {
    let price = |level: Option<Level>, empty| level.map_or(empty, |level| level.price);
    (price(top.bid, Price::ZERO), price(top.ask, Price::ONE))
}

/// Halfway between best bid and ask.
pub(super) fn middle(top: TopOfBook) -> Exact {
    let (bid, ask) = quotes(top);
    Exact::from_pico(i128::from(bid.micro() + ask.micro()) * 500_000)
}

fn spread(top: TopOfBook) -> Price {
    let (bid, ask) = quotes(top);
    Price::from_micro(ask.micro().saturating_sub(bid.micro())).unwrap_or(Price::ONE)
}

/// All levels of a face: bids ascend, asks descend, the best comes last.
fn put_levels(out: &mut String, market: &Market, face: Face, side: Side) {
    let levels = match face {
        Face::Yes => market.book.levels(side),
        Face::No => market.book.levels(side.other()).into_iter().map(Level::mirrored).collect(),
    };
    for (index, level) in levels.iter().enumerate() {
        let between = if index == 0 { "" } else { "," };
        put!(*out, r#"{between}{{"price":"{}","size":"{}"}}"#, level.price, level.qty);
    }
}

/// One of the questions about a token that come alone and in batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Price,
    Middle,
    Spread,
    Last,
}

impl Venue {
    /// Remembers where a market stands, at most once a second.
    pub(in super::super) fn note_price(&mut self, floor: &Floor<'_>, book: BookId) {
        let secs = floor.now().0 / 1_000_000_000;
        let Some(market) = floor.market(book) else { return };
        let list = &mut self.candles.entry(book).or_default().list;
        if list.back().is_some_and(|(at, _)| *at == secs) {
            return;
        }
        let micro = middle(market.book.top()).pico() / 1_000_000;
        let price = u32::try_from(micro).ok().and_then(Price::from_micro);
        list.push_back((secs, price.unwrap_or(Price::ZERO)));
        if list.len() > CANDLES_MAX {
            list.pop_front();
        }
    }

    pub(super) fn serve_prices(
        &self,
        floor: &Floor<'_>,
        request: &HttpRequest<'_>,
        query: &Query,
        path: &str,
    ) -> Option<HttpReply> {
        let token = query.get("token_id").unwrap_or("");
        let now = floor.now();
        let reply = match (request.method, path) {
            ("GET", "" | "/ok") => ok("\"OK\"".to_owned()),
            ("GET", "/time") => ok((now.0 / 1_000_000_000).to_string()),
            ("GET", "/version") => ok(r#"{"version":2}"#.to_owned()),
            ("GET", "/book") => self.book(floor, token).map_or_else(no_book, ok),
            ("GET", "/books") => self.books(floor, query.all("token_ids")),
            ("POST", "/books") => self.books_of_body(floor, request),
            ("GET", "/price") => self.price(floor, token, query.get("side")),
            ("GET", "/midpoint") => self.one(floor, token, Ask::Middle),
            ("GET", "/spread") => self.one(floor, token, Ask::Spread),
            ("GET", "/last-trade-price") => self.one(floor, token, Ask::Last),
            ("POST", "/prices") => self.many(floor, request, Ask::Price),
            ("POST", "/midpoints") => self.many(floor, request, Ask::Middle),
            ("POST", "/spreads") => self.many(floor, request, Ask::Spread),
            // The official Rust client sends this question's body with a GET.
            ("POST" | "GET", "/last-trades-prices") => self.many(floor, request, Ask::Last),
            ("GET", "/tick-size" | "/neg-risk" | "/fee-rate") => self.parameter(floor, token, path),
            ("GET", "/prices-history") => self.history(query, now),
            ("POST", "/batch-prices-history") => self.histories(request, now),
            _ => return None,
        };
        Some(reply)
    }

    /// Whether a token has a book that takes orders.
    fn shown<'a>(
        &'a self,
        floor: &'a Floor<'_>,
        token: &str,
    ) -> Option<(&'a MarketFacts, &'a Market, Face)> {
        let (facts, face) = self.facts.token(token)?;
        let market = floor.market(facts.book).filter(|market| market.is_open)?;
        Some((facts, market, face))
    }

    /// One book, with the hash of what it prints.
    fn book(&self, floor: &Floor<'_>, token: &str) -> Option<String> {
        let (facts, market, face) = self.shown(floor, token)?;
        let head = format!(
            r#"{{"market":"{}","asset_id":"{token}","timestamp":"{}","hash":""#,
            facts.condition,
            floor.now().millis()
        );
        let mut tail = String::from(r#"","bids":["#);
        put_levels(&mut tail, market, face, Side::Buy);
        tail.push_str(r#"],"asks":["#);
        put_levels(&mut tail, market, face, Side::Sell);
        put!(
            tail,
            r#"],"min_order_size":"{}","tick_size":"{}","neg_risk":{},"last_trade_price":"{}"}}"#,
            facts.min_qty,
            tick_of(market.grid.step()),
            facts.neg_risk,
            self.last_trade(facts.book, face).map_or(String::new(), |(price, _)| price.to_string())
        );
        let hash = Sha1::digest(format!("{head}{tail}"));
        Some(format!("{head}{}{tail}", alloy_primitives::hex::encode(hash)))
    }

    fn books<'a>(&self, floor: &Floor<'_>, tokens: impl Iterator<Item = &'a str>) -> HttpReply {
        let tokens: Vec<&str> = tokens.take(BATCH_MAX + 1).collect();
        if tokens.len() > BATCH_MAX {
            return bad_payload();
        }
        ok(array(tokens.into_iter().filter_map(|token| self.book(floor, token))))
    }

    fn books_of_body(&self, floor: &Floor<'_>, request: &HttpRequest<'_>) -> HttpReply {
        match named_tokens(request) {
            Some(list) => self.books(floor, list.iter().map(|(token, _)| token.as_str())),
            None => bad_payload(),
        }
    }

    /// Price of a token's last trade and the taker's side of it, as that token shows them.
    pub(super) fn last_trade(&self, book: BookId, face: Face) -> Option<(Price, Side)> {
        let (of, price, side) = *self.last_trades.get(&book)?;
        Some(if of == face { (price, side) } else { (price.complement(), side.other()) })
    }

    /// The best resting price of a side.
    fn price(&self, floor: &Floor<'_>, token: &str, side: Option<&str>) -> HttpReply {
        let Some((_, market, face)) = self.shown(floor, token) else { return no_book() };
        let (bid, ask) = quotes(market.book.top().face(face));
        match side.map(str::to_uppercase).as_deref() {
            Some("BUY") => ok(format!(r#"{{"price":"{bid}"}}"#)),
            Some("SELL") => ok(format!(r#"{{"price":"{ask}"}}"#)),
            _ => error(400, "Invalid side"),
        }
    }

    fn one(&self, floor: &Floor<'_>, token: &str, ask: Ask) -> HttpReply {
        let Some((facts, market, face)) = self.shown(floor, token) else { return no_book() };
        let top = market.book.top().face(face);
        ok(match ask {
            Ask::Middle => format!(r#"{{"mid":"{}"}}"#, middle(top)),
            Ask::Spread => format!(r#"{{"spread":"{}"}}"#, spread(top)),
            Ask::Price | Ask::Last => {
                let (price, side) = self.last_text(facts.book, face);
                format!(r#"{{"price":"{price}","side":"{side}"}}"#)
            }
        })
    }

    fn last_text(&self, book: BookId, face: Face) -> (String, &'static str) {
        match self.last_trade(book, face) {
            Some((price, side)) => (price.to_string(), side_name(side)),
            None => ("0.5".to_owned(), ""),
        }
    }

    fn many(&self, floor: &Floor<'_>, request: &HttpRequest<'_>, ask: Ask) -> HttpReply {
        let Some(list) = named_tokens(request) else { return bad_payload() };
        let found = list.iter().filter_map(|(token, side)| {
            let (facts, market, face) = self.shown(floor, token)?;
            Some((token.as_str(), side.as_str(), market.book.top().face(face), facts.book, face))
        });
        if ask == Ask::Last {
            return ok(array(found.map(|(token, _, _, book, face)| {
                let (price, side) = self.last_text(book, face);
                format!(r#"{{"price":"{price}","side":"{side}","token_id":"{token}"}}"#)
            })));
        }
        let mut fields: Vec<(&str, String)> = Vec::new();
        for (token, side, top, _, _) in found {
            let text = match ask {
                Ask::Middle => format!("\"{}\"", middle(top)),
                Ask::Spread => format!("\"{}\"", spread(top)),
                Ask::Price | Ask::Last => {
                    let (bid, best_ask) = quotes(top);
                    let price = if side == "SELL" { best_ask } else { bid };
                    format!("{}:\"{price}\"", quoted(side))
                }
            };
            match fields.iter_mut().find(|(named, _)| *named == token) {
                Some((_, before)) if ask == Ask::Price => {
                    before.push(',');
                    before.push_str(&text);
                }
                Some(_) => {}
                None => fields.push((token, text)),
            }
        }
        let wrap = |(token, text): (&str, String)| match ask {
            Ask::Price => format!(r#""{token}":{{{text}}}"#),
            Ask::Middle | Ask::Spread | Ask::Last => format!(r#""{token}":{text}"#),
        };
        ok(format!("{{{}}}", fields.into_iter().map(wrap).collect::<Vec<_>>().join(",")))
    }

    fn parameter(&self, floor: &Floor<'_>, token: &str, path: &str) -> HttpReply {
        let Some((facts, _)) = self.facts.token(token) else { return no_book() };
        let Some(market) = floor.market(facts.book) else { return no_book() };
        ok(match path {
            "/tick-size" => {
                format!(r#"{{"minimum_tick_size":{}}}"#, tick_of(market.grid.step()))
            }
            "/neg-risk" => format!(r#"{{"neg_risk":{}}}"#, facts.neg_risk),
            _ => r#"{"base_fee":0}"#.to_owned(),
        })
    }

    fn history(&self, query: &Query, now: Nanos) -> HttpReply {
        let token = query.get("market").unwrap_or("");
        if self.facts.token(token).is_none() {
            return error(400, "invalid filters: market not found");
        }
        let secs = now.0 / 1_000_000_000;
        let span = match query.get("interval") {
            Some("1h") => 3_600,
            Some("6h") => 21_600,
            Some("1d") => 86_400,
            Some("1w") => 604_800,
            _ => secs,
        };
        let from = query.number("startTs").unwrap_or_else(|| secs.saturating_sub(span));
        let to = query.number("endTs").unwrap_or(secs);
        let fidelity = query.number("fidelity").unwrap_or(1).clamp(1, 1_440);
        let list = self.points(token, from, to, fidelity);
        ok(format!(r#"{{"history":{list}}}"#))
    }

    /// The prices of a token between two times, one for every so many minutes and the last.
    fn points(&self, token: &str, from: u64, to: u64, fidelity: u64) -> String {
        let Some((facts, face)) = self.facts.token(token) else { return "[]".to_owned() };
        let all = self.candles.get(&facts.book).map(|candles| &candles.list);
        let inside = all.into_iter().flatten().filter(|(at, _)| (from..=to).contains(at));
        let mut kept: Vec<(u64, Price)> = Vec::new();
        for (at, yes) in inside {
            let price = if face == Face::Yes { *yes } else { yes.complement() };
            let slot = at / (fidelity * 60);
            match kept.last_mut() {
                Some(last) if last.0 / (fidelity * 60) == slot => *last = (*at, price),
                _ => kept.push((*at, price)),
            }
        }
        array(kept.into_iter().map(|(at, price)| format!(r#"{{"t":{at},"p":{price}}}"#)))
    }

    fn histories(&self, request: &HttpRequest<'_>, now: Nanos) -> HttpReply {
        let Some(body) = json_body(request) else { return bad_payload() };
        let Some(list) = body.get("markets").and_then(Value::as_array) else {
            return bad_payload();
        };
        if list.len() > HISTORIES_MAX {
            return bad_payload();
        }
        let number = |name: &str| body.get(name).and_then(Value::as_u64);
        let to = number("end_ts").unwrap_or(now.0 / 1_000_000_000);
        let fidelity = number("fidelity").unwrap_or(1).clamp(1, 1_440);
        let tokens = list.iter().filter_map(Value::as_str);
        let fields = tokens.filter(|token| self.facts.token(token).is_some()).map(|token| {
            let points = self.points(token, number("start_ts").unwrap_or(0), to, fidelity);
            format!(r#""{token}":{points}"#)
        });
        ok(format!(r#"{{"history":{{{}}}}}"#, fields.collect::<Vec<_>>().join(",")))
    }
}

/// Tokens and sides of a body that lists them.
fn named_tokens(request: &HttpRequest<'_>) -> Option<Vec<(String, String)>> {
    let body = json_body(request)?;
    let list = body.as_array().filter(|list| list.len() <= BATCH_MAX)?;
    let text =
        |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let pair = |entry: &Value| {
        let side = text(entry, "side").unwrap_or_else(|| "BUY".to_owned());
        Some((text(entry, "token_id")?, side.to_uppercase()))
    };
    list.iter().map(pair).collect()
}
