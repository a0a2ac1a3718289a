//! Orders of an API key: placed, cancelled, listed; and the trades that they made.

use alloy_primitives::B256;
use dutchbook_book::{BookId, Nanos};
use serde_json::Value;

use super::super::super::door::{HttpReply, HttpRequest};
use super::super::super::floor::Floor;
use super::super::auth::ApiKey;
use super::super::facts::outcome;
use super::super::intake::Rejected;
use super::super::orders::Order;
use super::super::placing::Placed;
use super::super::trades::side_name;
use super::super::venue::Venue;
use super::{Query, array, bad_payload, error, json_body, ok, page, page_body, quoted};

/// Orders of one batch.
const BATCH_MAX: usize = 15;
/// Orders that one request may cancel by name.
const CANCEL_MAX: usize = 1_000;
/// Orders or trades of one page.
const PAGE: usize = 100;

/// An answer to one order.
fn placed_text(result: &Result<Placed, Rejected>) -> String {
    match result {
        Ok(placed) => format!(
            r#"{{"errorMsg":"","orderID":"{:#x}","takingAmount":"{}","makingAmount":"{}","status":"{}","transactionsHashes":[],"tradeIDs":{},"success":true}}"#,
            placed.id,
            placed.taking,
            placed.making,
            placed.status,
            array(placed.trades.iter().map(|id| quoted(id)))
        ),
        Err(rejected) => {
            let id = match rejected {
                Rejected::Order(id, _) => format!("{id:#x}"),
                Rejected::Request(..) => String::new(),
            };
            format!(
                r#"{{"errorMsg":{},"orderID":"{id}","takingAmount":"","makingAmount":"","status":"","transactionsHashes":[],"tradeIDs":[],"success":false}}"#,
                quoted(rejected.text())
            )
        }
    }
}

/// Which orders a request for cancels reached, and which it did not.
#[derive(Default)]
struct Cancelled {
    done: Vec<String>,
    not: Vec<(String, &'static str)>,
}

impl Cancelled {
    fn reply(self) -> HttpReply {
        let done = array(self.done.iter().map(|id| quoted(id)));
        let not = self.not.iter().map(|(id, why)| format!("{}:{}", quoted(id), quoted(why)));
        let not = not.collect::<Vec<_>>().join(",");
        ok(format!(r#"{{"canceled":{done},"not_canceled":{{{not}}}}}"#))
    }
}

impl Venue {
    pub(super) fn serve_orders(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        query: &Query,
        path: &str,
        key: &ApiKey,
    ) -> Option<HttpReply> {
        let reply = match (request.method, path) {
            ("POST", "/order") => self.post_order(floor, request, key),
            ("POST", "/orders") => self.post_orders(floor, request, key),
            ("DELETE", "/order") => self.delete_order(floor, request, key),
            ("DELETE", "/orders") => self.delete_orders(floor, request, key),
            ("DELETE", "/cancel-all") => self.cancel_where(floor, key, |_| true),
            ("DELETE", "/cancel-market-orders") => self.cancel_market(floor, request, key),
            ("GET", "/data/orders") => self.list_orders(query, key),
            ("GET", "/data/trades") => self.list_trades(query, key),
            ("GET", _) => {
                let id = path.strip_prefix("/data/order/")?;
                self.one_order(id, key)
            }
            _ => return None,
        };
        Some(reply)
    }

    fn enter(
        &mut self,
        floor: &mut Floor<'_>,
        envelope: &Value,
        key: &ApiKey,
    ) -> Result<Placed, Rejected> {
        let step = |book: BookId| floor.market(book).map_or(10_000, |market| market.grid.step());
        let order = self.read_order(envelope, key, step, floor.now())?;
        self.place(floor, order)
    }

    fn post_order(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        key: &ApiKey,
    ) -> HttpReply {
        let Some(envelope) = json_body(request) else {
            return error(400, "Invalid order payload");
        };
        match self.enter(floor, &envelope, key) {
            Err(Rejected::Request(status, text)) => error(status, &text),
            result => ok(placed_text(&result)),
        }
    }

    fn post_orders(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        key: &ApiKey,
    ) -> HttpReply {
        let body = json_body(request);
        let Some(list) = body.as_ref().and_then(Value::as_array).filter(|list| !list.is_empty())
        else {
            return error(400, "Invalid order payload");
        };
        if list.len() > BATCH_MAX {
            let count = list.len();
            let text = format!("Too many orders in payload: {count}, max allowed: {BATCH_MAX}");
            return error(400, &text);
        }
        ok(array(list.iter().map(|envelope| placed_text(&self.enter(floor, envelope, key)))))
    }

    /// Whether an order belongs to one of the key holder's wallets.
    fn is_own(&self, order: &Order, key: &ApiKey) -> bool {
        self.people.holder(order.owner) == Some(key.address)
    }

    fn cancel_one(&mut self, floor: &mut Floor<'_>, id: &str, key: &ApiKey, done: &mut Cancelled) {
        let parsed = id.parse::<B256>().ok();
        let own = parsed
            .and_then(|id| self.orders.get(id))
            .filter(|order| self.is_own(order, key))
            .map(|order| order.id);
        match own {
            None => done.not.push((id.to_owned(), "Order not found or already canceled")),
            Some(found) if self.cancel(floor, found, "CANCELED") => done.done.push(id.to_owned()),
            Some(_) => done.not.push((id.to_owned(), "already canceled or matched")),
        }
    }

    fn delete_order(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        key: &ApiKey,
    ) -> HttpReply {
        let body = json_body(request);
        let id = body.as_ref().and_then(|body| body.get("orderID")).and_then(Value::as_str);
        let Some(id) = id else { return error(400, "Invalid orderID") };
        let mut done = Cancelled::default();
        self.cancel_one(floor, id, key, &mut done);
        done.reply()
    }

    fn delete_orders(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        key: &ApiKey,
    ) -> HttpReply {
        let body = json_body(request);
        let Some(list) = body.as_ref().and_then(Value::as_array) else { return bad_payload() };
        let ids: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        let Some(ids) = ids else { return bad_payload() };
        if ids.len() > CANCEL_MAX {
            let count = ids.len();
            let text = format!("Too many orders in payload: {count}, max allowed: {CANCEL_MAX}");
            return error(400, &text);
        }
        let mut done = Cancelled::default();
        for (index, id) in ids.iter().enumerate() {
            if !ids.iter().take(index).any(|before| before == id) {
                self.cancel_one(floor, id, key, &mut done);
            }
        }
        done.reply()
    }

    /// Cancels every open order of the key's holder that is wanted.
    fn cancel_where(
        &mut self,
        floor: &mut Floor<'_>,
        key: &ApiKey,
        wanted: impl Fn(&Order) -> bool,
    ) -> HttpReply {
        let mut ids = Vec::new();
        for owner in self.people.of_holder(key.address) {
            ids.extend(self.orders.open_of(owner).filter(|o| wanted(o)).map(|order| order.id));
        }
        let mut done = Cancelled::default();
        for id in ids {
            let text = format!("{id:#x}");
            if self.cancel(floor, id, "CANCELED") {
                done.done.push(text);
            } else {
                done.not.push((text, "order is delayed"));
            }
        }
        done.reply()
    }

    fn cancel_market(
        &mut self,
        floor: &mut Floor<'_>,
        request: &HttpRequest<'_>,
        key: &ApiKey,
    ) -> HttpReply {
        let Some(body) = json_body(request) else { return bad_payload() };
        let field = |name: &str| body.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
        let (market, token) = (field("market"), field("asset_id"));
        if market.is_none() && token.is_none() {
            return bad_payload();
        }
        let book = market.map(|id| self.facts.by_condition(id).map(|facts| facts.book));
        let face = token.map(|id| self.facts.token(id).map(|(facts, face)| (facts.book, face)));
        self.cancel_where(floor, key, |order| {
            book.is_none_or(|book| book == Some(order.book))
                && face.is_none_or(|face| face == Some((order.book, order.face)))
        })
    }

    fn order_text(&self, order: &Order) -> Option<String> {
        let facts = self.facts.market(order.book)?;
        Some(format!(
            r#"{{"id":"{}","status":"{}","owner":"{}","maker_address":"{}","market":"{}","asset_id":"{}","side":"{}","original_size":"{}","size_matched":"{}","price":"{}","outcome":"{}","expiration":"{}","order_type":"{}","associate_trades":{},"created_at":{}}}"#,
            order.id_text(),
            order.status.name(),
            order.api_key,
            order.maker,
            facts.condition,
            facts.token(order.face),
            side_name(order.side),
            order.size,
            order.matched,
            order.price,
            outcome(order.face),
            order.expiration,
            order.order_type.name(),
            array(order.trades.iter().map(|id| quoted(id))),
            order.created.0 / 1_000_000_000
        ))
    }

    fn one_order(&self, id: &str, key: &ApiKey) -> HttpReply {
        let order = id.parse::<B256>().ok().and_then(|id| self.orders.get(id));
        let own = order.filter(|order| self.is_own(order, key));
        own.and_then(|order| self.order_text(order))
            .map_or_else(|| error(404, "order not found"), ok)
    }

    fn list_orders(&self, query: &Query, key: &ApiKey) -> HttpReply {
        let mut found: Vec<&Order> = Vec::new();
        if let Some(id) = query.get("id") {
            let order = id.parse::<B256>().ok().and_then(|id| self.orders.get(id));
            found.extend(order.filter(|order| self.is_own(order, key)));
        } else {
            for owner in self.people.of_holder(key.address) {
                found.extend(self.orders.open_of(owner));
            }
            found.sort_by_key(|order| (order.created, order.id));
        }
        found.retain(|order| self.is_in(query, order.book, Some(order.face)));
        let texts = found.into_iter().filter_map(|order| self.order_text(order)).collect();
        match page(texts, query.get("next_cursor"), PAGE) {
            Some((items, next)) => page_body(items, &next, PAGE),
            None => error(400, "Invalid next_cursor"),
        }
    }

    /// Whether something is in the market, and of the token, that a query names.
    fn is_in(&self, query: &Query, book: BookId, face: Option<dutchbook_book::Face>) -> bool {
        let Some(facts) = self.facts.market(book) else { return false };
        let market = query.get("market").is_none_or(|id| id == facts.condition);
        let token = query.get("asset_id").is_none_or(|id| match face {
            Some(face) => facts.token(face) == id,
            None => facts.tokens.iter().any(|token| token == id),
        });
        market && token
    }

    fn list_trades(&self, query: &Query, key: &ApiKey) -> HttpReply {
        let owners = self.people.of_holder(key.address);
        let secs = |at: Nanos| at.0 / 1_000_000_000;
        let found = self.trades.newest_first().filter(|trade| {
            trade.role_of(&owners).is_some()
                && query.get("id").is_none_or(|id| id == trade.id)
                && self.is_in(query, trade.book, None)
                && query.number("after").is_none_or(|after| secs(trade.matched_at) >= after)
                && query.number("before").is_none_or(|before| secs(trade.matched_at) <= before)
        });
        let address = query.get("maker_address").map(str::to_lowercase);
        let found = found.filter(|trade| {
            let is_it = |of: alloy_primitives::Address| {
                address.as_ref().is_none_or(|wanted| format!("{of:#x}") == *wanted)
            };
            is_it(trade.taker.address) || trade.fills.iter().any(|fill| is_it(fill.party.address))
        });
        let texts = found.filter_map(|trade| {
            let facts = self.facts.market(trade.book)?;
            let mut text = String::with_capacity(1_024);
            trade.put_rest(&mut text, facts, &owners);
            Some(text)
        });
        match page(texts.collect(), query.get("next_cursor"), PAGE) {
            Some((items, next)) => page_body(items, &next, PAGE),
            None => error(400, "Invalid next_cursor"),
        }
    }
}
