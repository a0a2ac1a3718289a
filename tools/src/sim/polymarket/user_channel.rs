//! The private channel: what becomes of the orders and trades of one API key.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use serde_json::Value;

use super::super::text::put;
use super::auth::Keys;
use super::facts::{Facts, MarketFacts, outcome};
use super::orders::Order;
use super::trades::{Trade, side_name};
use dutchbook_book::{BookId, Nanos, Side};

/// The most markets that one connection may name.
const MARKETS_MAX: usize = 1_000;

/// What one client of the user channel wants.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Whose news it gets; none until it has named a key.
    holder: Option<Address>,
    /// The markets of which it wants to hear; all when it named none.
    markets: Option<BTreeSet<BookId>>,
    has_subscribed: bool,
}

/// What a client's message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// One frame at once.
    Text(&'static str),
    /// Nothing.
    Silence,
    /// The key is none: the venue ends the connection.
    Leave,
}

/// One frame and who gets it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) book: BookId,
    /// The wallet whose API keys hear it.
    pub(super) holder: Address,
    pub(super) text: String,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderNews {
    Placement,
    Update,
    Cancellation,
}

impl Session {
    /// Reads a client's message.
    pub(super) fn on_text(&mut self, text: &str, keys: &Keys, facts: &Facts) -> Answer {
        if text == "PING" {
            return Answer::Text("PONG");
        }
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Answer::Text("INVALID OPERATION");
        };
        let named = named_markets(&message, facts);
        if matches!(named, Named::Wrong) {
            return Answer::Text("INVALID OPERATION");
        }
        let auth = message.get("auth");
        if let Some(auth) = auth {
            let field = |name: &str| auth.get(name).and_then(Value::as_str).unwrap_or("");
            let key = keys.named(field("apiKey"), field("secret"), field("passphrase"));
            let Some(key) = key else { return Answer::Leave };
            self.holder = Some(key.address);
        }
        if self.holder.is_none() {
            return Answer::Leave;
        }
        match message.get("operation").and_then(Value::as_str) {
            Some("unsubscribe") => self.remove(&named, facts),
            Some("subscribe") => self.add(named),
            None if auth.is_some() => self.add(named),
            _ => return Answer::Text("INVALID OPERATION"),
        }
        self.has_subscribed = true;
        Answer::Silence
    }

    /// More markets, or all of them.
    fn add(&mut self, named: Named) {
        match (&mut self.markets, named) {
            (_, Named::All) => self.markets = None,
            (Some(markets), Named::Some(named)) => markets.extend(named),
            (None, Named::Some(named)) if !self.has_subscribed => self.markets = Some(named),
            (None, Named::Some(_)) | (_, Named::Wrong) => {}
        }
    }

    /// Fewer markets, or none.
    fn remove(&mut self, named: &Named, facts: &Facts) {
        let every = || facts.markets.iter().map(|market| market.book).collect();
        let markets = self.markets.get_or_insert_with(every);
        match named {
            Named::All => markets.clear(),
            Named::Some(named) => markets.retain(|book| !named.contains(book)),
            Named::Wrong => {}
        }
    }

    /// Whether a frame is for this client.
    pub(super) fn takes(&self, told: &Told) -> bool {
        self.holder == Some(told.holder)
            && self.markets.as_ref().is_none_or(|markets| markets.contains(&told.book))
    }
}

/// Which markets a message names.
enum Named {
    /// None, which means all.
    All,
    /// These, of those that are listed.
    Some(BTreeSet<BookId>),
    /// Something else than a list.
    Wrong,
}

fn named_markets(message: &Value, facts: &Facts) -> Named {
    match message.get("markets") {
        None | Some(Value::Null) => Named::All,
        Some(Value::Array(list)) if list.is_empty() => Named::All,
        Some(Value::Array(list)) => {
            let ids = list.iter().take(MARKETS_MAX).filter_map(Value::as_str);
            let known = ids.filter_map(|id| facts.by_condition(id));
            Named::Some(known.map(|market| market.book).collect())
        }
        Some(_) => Named::Wrong,
    }
}

/// What happened to an order, as its owner hears it.
pub(super) fn order_frame(
    order: &Order,
    facts: &MarketFacts,
    news: OrderNews,
    now: Nanos,
) -> String {
    let kind = match news {
        OrderNews::Placement => "PLACEMENT",
        OrderNews::Update => "UPDATE",
        OrderNews::Cancellation => "CANCELLATION",
    };
    // A buy that is filled at once or killed is signed as an amount of money.
    let is_budget = order.side == Side::Buy && !order.order_type.rests();
    let original = match (is_budget, order.budget) {
        (true, Some(budget)) => budget.to_string(),
        _ => order.size.to_string(),
    };
    let trades = match order.trades.as_slice() {
        [] => "null".to_owned(),
        list => {
            format!("[{}]", list.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(","))
        }
    };
    let mut text = String::with_capacity(900);
    put!(
        text,
        r#"{{"event_type":"order","type":"{kind}","id":"{}","asset_id":"{}","market":"{}","side":"{}","price":"{}","original_size":"{original}","size_matched":"{}","outcome":"{}","associate_trades":{trades},"owner":"{}","order_owner":"{}","timestamp":"{}","created_at":"{}","expiration":"{}","order_type":"{}","status":"{}","maker_address":"{}"}}"#,
        order.id_text(),
        facts.token(order.face),
        facts.condition,
        side_name(order.side),
        order.price,
        order.matched,
        outcome(order.face).to_uppercase(),
        order.api_key,
        order.api_key,
        now.millis(),
        order.created.0 / 1_000_000_000,
        order.expiration,
        order.order_type.name(),
        order.status.name(),
        order.maker
    );
    text
}

/// Where a trade is, as one of its parties hears it.
pub(super) fn trade_frame(trade: &Trade, facts: &MarketFacts, api_key: &str, role: &str) -> String {
    let secs = |at: Nanos| at.0 / 1_000_000_000;
    let mut text = String::with_capacity(1_200);
    put!(
        text,
        r#"{{"event_type":"trade","type":"TRADE","id":"{}","status":"{}","asset_id":"{}","market":"{}","side":"{}","price":"{}","size":"{}","fee_rate_bps":"0","outcome":"{}","taker_order_id":"{}","maker_orders":["#,
        trade.id,
        trade.status.name(),
        facts.token(trade.face),
        facts.condition,
        side_name(trade.side),
        trade.price,
        trade.qty,
        outcome(trade.face).to_uppercase(),
        trade.taker_order
    );
    trade.put_makers(&mut text, facts);
    put!(
        text,
        r#"],"matchtime":"{}","last_update":"{}","owner":"{api_key}","trade_owner":"{api_key}","timestamp":"{}","maker_address":"{}","transaction_hash":"{}","bucket_index":{},"trader_side":"{role}"}}"#,
        secs(trade.matched_at),
        secs(trade.updated_at),
        trade.updated_at.millis(),
        trade.taker.address,
        trade.chain_hash(),
        trade.bucket
    );
    text
}
