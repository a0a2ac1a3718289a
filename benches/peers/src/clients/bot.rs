//! The plain bot, as most are written: `serde_json` trees, `BTreeMap`s of decimals, books by native
//! id in a hash map.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::Client;
use crate::stream::{Ladders, Message};

/// Levels of one token.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    pub(crate) bids: BTreeMap<Decimal, Decimal>,
    pub(crate) asks: BTreeMap<Decimal, Decimal>,
}

impl Levels {
    pub(crate) fn set(&mut self, is_bid: bool, price: Decimal, size: Decimal) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        if size.is_zero() {
            side.remove(&price);
        } else {
            side.insert(price, size);
        }
    }

    fn add(&mut self, is_bid: bool, price: Decimal, delta: Decimal) {
        let side = if is_bid { &self.bids } else { &self.asks };
        let size = side.get(&price).copied().unwrap_or_default() + delta;
        self.set(is_bid, price, size);
    }

    /// Best bid and ask with their sizes.
    #[inline]
    pub(crate) fn top(&self) -> [Option<(Decimal, Decimal)>; 2] {
        let pair = |level: (&Decimal, &Decimal)| (*level.0, *level.1);
        [self.bids.last_key_value().map(pair), self.asks.first_key_value().map(pair)]
    }

    pub(crate) fn ladders(&self) -> Ladders {
        let pair = |(price, size): (&Decimal, &Decimal)| (micro(*price), micro(*size));
        [self.bids.iter().rev().map(pair).collect(), self.asks.iter().map(pair).collect()]
    }
}

/// A decimal in millionths.
pub(crate) fn micro(value: Decimal) -> u64 {
    (value * Decimal::from(1_000_000)).to_u64().expect("a positive number of few digits")
}

/// The books of a plain bot.
#[derive(Debug, Default)]
pub(crate) struct Bot {
    pub(crate) books: HashMap<String, Levels>,
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.as_str()?.parse().ok()
}

impl Bot {
    /// Parses and applies a message.
    #[inline]
    pub(crate) fn on_message(&mut self, text: &[u8]) -> Option<()> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let kind = value.get("event_type").or_else(|| value.get("type"))?.as_str()?;
        match kind {
            "price_change" => self.price_change(&value),
            "book" => self.book(&value),
            "orderbook_delta" => self.delta(value.get("msg")?),
            "orderbook_snapshot" => self.snapshot(value.get("msg")?),
            _ => None,
        }
    }

    fn price_change(&mut self, value: &Value) -> Option<()> {
        for change in value.get("price_changes")?.as_array()? {
            let id = change.get("asset_id")?.as_str()?;
            let is_bid = change.get("side")?.as_str()? == "BUY";
            let (price, size) = (decimal(change.get("price")?)?, decimal(change.get("size")?)?);
            self.books.get_mut(id)?.set(is_bid, price, size);
        }
        Some(())
    }

    fn book(&mut self, value: &Value) -> Option<()> {
        let id = value.get("asset_id")?.as_str()?;
        let mut levels = Levels::default();
        for (side, is_bid) in [("bids", true), ("asks", false)] {
            for level in value.get(side)?.as_array()? {
                levels.set(is_bid, decimal(level.get("price")?)?, decimal(level.get("size")?)?);
            }
        }
        self.keep(id, levels);
        Some(())
    }

    fn delta(&mut self, message: &Value) -> Option<()> {
        let id = message.get("market_ticker")?.as_str()?;
        let (price, delta) =
            (decimal(message.get("price_dollars")?)?, decimal(message.get("delta_fp")?)?);
        let is_bid = message.get("side")?.as_str()? == "yes";
        let price = if is_bid { price } else { Decimal::ONE - price };
        self.books.get_mut(id)?.add(is_bid, price, delta);
        Some(())
    }

    fn snapshot(&mut self, message: &Value) -> Option<()> {
        let id = message.get("market_ticker")?.as_str()?;
        let mut levels = Levels::default();
        for (side, is_bid) in [("yes_dollars_fp", true), ("no_dollars_fp", false)] {
            for level in message.get(side)?.as_array()? {
                let price = decimal(level.get(0)?)?;
                let price = if is_bid { price } else { Decimal::ONE - price };
                levels.set(is_bid, price, decimal(level.get(1)?)?);
            }
        }
        self.keep(id, levels);
        Some(())
    }

    fn keep(&mut self, id: &str, levels: Levels) {
        match self.books.get_mut(id) {
            Some(book) => *book = levels,
            None => {
                self.books.insert(id.to_owned(), levels);
            }
        }
    }
}

impl Client for Bot {
    #[inline]
    fn take(&mut self, message: &Message) {
        // What is no message about levels says nothing to a bot.
        let _ = self.on_message(&message.bytes);
    }

    fn ladders(&self, _market: usize, native: &str) -> Ladders {
        self.books[native].ladders()
    }

    fn tops(&self, books: &[(usize, &str)]) -> u64 {
        books.iter().fold(0, |sum, (_, native)| {
            let levels = self.books[*native].top();
            levels.iter().flatten().fold(sum, |sum, (price, size)| {
                sum ^ price.mantissa().unsigned_abs() as u64 ^ size.mantissa().unsigned_abs() as u64
            })
        })
    }
}
