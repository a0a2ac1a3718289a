//! The REST of the venue: which request goes where, and what all answers have in common.

mod account;
mod gamma;
mod markets;
mod orders;
pub(super) mod prices;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::door::{HttpReply, HttpRequest};
use super::super::floor::Floor;
use super::auth::Denied;
use super::venue::Venue;

/// The longest body that any request may have.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The cursor of the first page, and the one behind the last.
const FIRST_PAGE: &str = "MA==";
const LAST_PAGE: &str = "LTE=";

/// A body with the line feed that the venue puts behind it.
fn ok(mut body: String) -> HttpReply {
    body.push('\n');
    HttpReply::json(200, body)
}

/// An error as the venue tells it.
pub(super) fn error(status: u16, text: &str) -> HttpReply {
    HttpReply::json(status, format!("{{\"error\":{}}}\n", quoted(text)))
}

pub(super) fn not_found() -> HttpReply {
    error(404, "404 page not found")
}

fn no_book() -> HttpReply {
    error(404, "No orderbook exists for the requested token id")
}

fn bad_payload() -> HttpReply {
    error(400, "Invalid payload")
}

fn denied(why: Denied) -> HttpReply {
    match why {
        Denied::Wallet => error(401, "Invalid L1 Request headers"),
        Denied::Key => error(401, "Unauthorized/Invalid api key"),
    }
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

/// The list of items in brackets.
fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// The body as JSON.
fn json_body(request: &HttpRequest<'_>) -> Option<Value> {
    if request.body.len() > BODY_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(request.body).ok()
}

/// What follows the question mark.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(request: &HttpRequest<'_>) -> Self {
        let pairs = request.query.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescaped(name), unescaped(value))
        };
        Self(pairs.map(split).collect())
    }

    /// The first value of a name that is not empty.
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a name, those of comma lists one by one.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

/// Text with its percent-escapes resolved; bytes that are no text become marks.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _, _) => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One page of a list, and the cursor of the next.
fn page<T>(list: Vec<T>, cursor: Option<&str>, limit: usize) -> Option<(Vec<T>, String)> {
    let cursor = cursor.unwrap_or(FIRST_PAGE);
    if cursor == LAST_PAGE {
        return Some((Vec::new(), LAST_PAGE.to_owned()));
    }
    let digits = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let from: usize = digits.parse().ok()?;
    let behind = from.saturating_add(limit);
    let next = if behind < list.len() {
        STANDARD.encode(behind.to_string())
    } else {
        LAST_PAGE.to_owned()
    };
    Some((list.into_iter().skip(from).take(limit).collect(), next))
}

/// A page as the order book's lists have it.
fn page_body(items: Vec<String>, next: &str, limit: usize) -> HttpReply {
    let count = items.len();
    let data = array(items);
    ok(format!(r#"{{"data":{data},"next_cursor":"{next}","limit":{limit},"count":{count}}}"#))
}

impl Venue {
    /// Answers a request, whichever part of the venue it is for.
    pub(super) fn serve(&mut self, floor: &mut Floor<'_>, request: &HttpRequest<'_>) -> HttpReply {
        let query = Query::of(request);
        let path = request.path.trim_end_matches('/');
        if let Some(reply) = self.serve_prices(floor, request, &query, path) {
            return reply;
        }
        if let Some(reply) = self.serve_discovery(floor, request, &query, path) {
            return reply;
        }
        match (request.method, path) {
            ("POST", "/auth/api-key") => self.create_key(floor.now(), request),
            ("GET", "/auth/derive-api-key") => self.derive_key(floor.now(), request),
            _ => self.serve_private(floor, request, &query, path),
        }
    }

    /// What needs an API key.
    fn serve_private(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        query: &Query,
        path: &str,
    ) -> HttpReply {
        if !is_private(request.method, path) {
            return not_found();
        }
        let key = match self.keys.holder(request, floor.now()) {
            Ok(key) => key.clone(),
            Err(why) => return denied(why),
        };
        match self.serve_orders(floor, request, query, path, &key) {
            Some(reply) => reply,
            None => self.serve_account(floor, request, query, path, &key),
        }
    }
}

/// Whether a path is one of those that need an API key.
fn is_private(method: &str, path: &str) -> bool {
    match method {
        "GET" => {
            path.starts_with("/data/order/")
                || [
                    "/data/orders",
                    "/data/trades",
                    "/balance-allowance",
                    "/balance-allowance/update",
                    "/auth/api-keys",
                    "/auth/ban-status/closed-only",
                    "/notifications",
                    "/order-scoring",
                    "/v1/user/rate-limit-tier",
                    "/builder/trades",
                ]
                .contains(&path)
        }
        "POST" => ["/order", "/orders", "/orders-scoring", "/v1/heartbeats", "/heartbeats"]
            .contains(&path),
        "DELETE" => [
            "/order",
            "/orders",
            "/cancel-all",
            "/cancel-market-orders",
            "/auth/api-key",
            "/notifications",
        ]
        .contains(&path),
        _ => false,
    }
}
