//! Signing vectors of the venues: every case, every key.

#![cfg(test)]

#[path = "signing/kalshi.rs"]
mod kalshi;
#[path = "signing/kalshi_replies.rs"]
mod kalshi_replies;
#[path = "signing/kalshi_requests.rs"]
mod kalshi_requests;
#[path = "signing/polymarket.rs"]
mod polymarket;
#[path = "signing/polymarket_bodies.rs"]
mod polymarket_bodies;
#[path = "signing/polymarket_ids.rs"]
mod polymarket_ids;

use serde_json::Value;

/// A decimal in millionths.
fn micro(text: &str) -> u64 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    assert!(rest.len() <= 6, "{text}");
    format!("{whole}{rest:0<6}").parse().unwrap()
}

/// The text under `key`.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    harness::vectors::text(value, key)
}

/// The number that the text under `key` says.
fn number(value: &Value, key: &str) -> u64 {
    text(value, key).parse().unwrap()
}
