//! The pipeline that most published bots have: a JSON tree, ordered maps of decimals, quotes by
//! name in a hash map, and the whole group summed again on every change.

use dutchbook_book::catalog::Catalog;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

use crate::market::FEE_PPM;

/// Price levels of one token.
#[derive(Default)]
struct Levels {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

impl Levels {
    fn set(&mut self, is_bid: bool, price: Decimal, size: Decimal) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        if size.is_zero() {
            side.remove(&price);
        } else {
            side.insert(price, size);
        }
    }

    fn add(&mut self, is_bid: bool, price: Decimal, delta: Decimal) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        let size = side.get(&price).copied().unwrap_or_default() + delta;
        self.set(is_bid, price, size);
    }
}

/// The top of one book, as it goes to the evaluator.
#[derive(Clone, Copy)]
pub(crate) struct Quote {
    book: usize,
    bid: Option<Decimal>,
    ask: Option<Decimal>,
}

/// Books by native id: both tokens of a Polymarket market, Kalshi's ticker.
pub(crate) struct Books {
    books: HashMap<String, Levels>,
    /// The book of an id, and the id whose levels are the YES ones.
    listed: HashMap<String, (usize, String)>,
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.as_str()?.parse().ok()
}

impl Books {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let mut listed = HashMap::new();
        for listing in &catalog.listings {
            let ids = match &listing.native_faces {
                Some(faces) => faces.to_vec(),
                None => vec![listing.native_market.clone()],
            };
            for id in &ids {
                listed.insert(id.clone(), (listing.book.index(), ids[0].clone()));
            }
        }
        Self { books: HashMap::new(), listed }
    }

    /// Parses and applies a message; the quote of the book that it changed.
    pub(crate) fn on_message(&mut self, text: &[u8]) -> Option<Quote> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let kind = value.get("event_type").or_else(|| value.get("type"))?.as_str()?;
        let id = match kind {
            "price_change" => self.price_change(&value),
            "book" => self.book(&value),
            "orderbook_delta" => self.delta(value.get("msg")?),
            "orderbook_snapshot" => self.snapshot(value.get("msg")?),
            _ => None,
        }?;
        let (book, yes) = self.listed.get(&id)?;
        let levels = self.books.get(yes)?;
        let bid = levels.bids.keys().next_back().copied();
        let ask = levels.asks.keys().next().copied();
        Some(Quote { book: *book, bid, ask })
    }

    fn price_change(&mut self, value: &Value) -> Option<String> {
        let mut last = None;
        for change in value.get("price_changes")?.as_array()? {
            let id = change.get("asset_id")?.as_str()?;
            let is_bid = change.get("side")?.as_str()? == "BUY";
            let (price, size) = (decimal(change.get("price")?)?, decimal(change.get("size")?)?);
            self.books.entry(id.to_owned()).or_default().set(is_bid, price, size);
            last = Some(id.to_owned());
        }
        last
    }

    fn book(&mut self, value: &Value) -> Option<String> {
        let id = value.get("asset_id")?.as_str()?;
        let mut levels = Levels::default();
        for (side, is_bid) in [("bids", true), ("asks", false)] {
            for level in value.get(side)?.as_array()? {
                levels.set(is_bid, decimal(level.get("price")?)?, decimal(level.get("size")?)?);
            }
        }
        self.books.insert(id.to_owned(), levels);
        Some(id.to_owned())
    }

    fn delta(&mut self, message: &Value) -> Option<String> {
        let id = message.get("market_ticker")?.as_str()?;
        let (price, delta) =
            (decimal(message.get("price_dollars")?)?, decimal(message.get("delta_fp")?)?);
        let is_bid = message.get("side")?.as_str()? == "yes";
        let price = if is_bid { price } else { Decimal::ONE - price };
        self.books.entry(id.to_owned()).or_default().add(is_bid, price, delta);
        Some(id.to_owned())
    }

    fn snapshot(&mut self, message: &Value) -> Option<String> {
        let id = message.get("market_ticker")?.as_str()?;
        let mut levels = Levels::default();
        for (side, is_bid) in [("yes_dollars_fp", true), ("no_dollars_fp", false)] {
            for level in message.get(side)?.as_array()? {
                let price = decimal(level.get(0)?)?;
                let price = if is_bid { price } else { Decimal::ONE - price };
                levels.set(is_bid, price, decimal(level.get(1)?)?);
            }
        }
        self.books.insert(id.to_owned(), levels);
        Some(id.to_owned())
    }
}

/// Quotes by book; every change sums its whole group again.
pub(crate) struct Evaluator {
    quotes: HashMap<usize, Quote>,
    group_of: HashMap<usize, usize>,
    groups: Vec<Vec<usize>>,
    fee: Decimal,
    /// Positive baskets seen, each time one is looked at.
    pub(crate) found: u64,
}

impl Evaluator {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let (mut group_of, mut groups) = (HashMap::new(), vec![Vec::new(); catalog.events.len()]);
        for listing in &catalog.listings {
            let group = catalog.conditions[listing.condition.index()].event.index();
            groups[group].push(listing.book.index());
            group_of.insert(listing.book.index(), group);
        }
        let fee = Decimal::new(i64::from(FEE_PPM), 6);
        Self { quotes: HashMap::new(), group_of, groups, fee, found: 0 }
    }

    fn cost(&self, price: Decimal) -> Decimal {
        price + self.fee * price * (Decimal::ONE - price)
    }

    pub(crate) fn on_quote(&mut self, quote: Quote) {
        self.quotes.insert(quote.book, quote);
        let group = &self.groups[self.group_of[&quote.book]];
        let quotes: Option<Vec<Quote>> =
            group.iter().map(|book| self.quotes.get(book).copied()).collect();
        let Some(quotes) = quotes else { return };
        let long = |quote: &Quote| quote.ask.map(|ask| self.cost(ask));
        let short = |quote: &Quote| quote.bid.map(|bid| self.cost(Decimal::ONE - bid));
        let is_below = |cost: Option<Decimal>, payoff: usize| {
            cost.is_some_and(|cost| cost < Decimal::from(payoff))
        };
        let (one, other) = if let [a, b] = &quotes[..] {
            let both = |x: Option<Decimal>, y: Option<Decimal>| Some(x? + y?);
            (is_below(both(long(a), short(b)), 1), is_below(both(long(b), short(a)), 1))
        } else {
            let sum = |costs: Option<Vec<Decimal>>| costs.map(|costs| costs.into_iter().sum());
            let longs = sum(quotes.iter().map(long).collect());
            let shorts = sum(quotes.iter().map(short).collect());
            (is_below(longs, 1), is_below(shorts, quotes.len() - 1))
        };
        self.found += u64::from(one) + u64::from(other);
    }
}
