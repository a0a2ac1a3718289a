//! Changes to orders that rest: cancelled, made smaller, moved; one by one and in batches.

use dutchbook_book::fee::Role;
use dutchbook_book::{Nanos, Price, Qty};
use serde_json::{Map, Value, json};

use super::super::floor::Floor;
use super::super::matching::{NewOrder, OwnerId, TimeInForce};
use super::super::text::Count2;
use super::entry::{check_place, refusal_of, side, size};
use super::frames::Mark;
use super::margin::Wish;
use super::number;
use super::orders::{Order, Reason, Status};
use super::query::{Body, Query};
use super::refusal::Refusal;
use super::venue::Venue;

/// Orders that one batch may name.
pub(super) const BATCH_MAX: usize = 1_000;

/// What an amendment asks for.
#[derive(Debug)]
struct Amendment {
    number: u64,
    price: Price,
    /// What is to rest.
    rest: Qty,
    /// What the whole order then has.
    count: Qty,
    client_order_id: Option<String>,
    /// `Some(None)` clears it.
    expires_at: Option<Option<Nanos>>,
}

impl Venue {
    /// A member's order that rests.
    fn resting(&self, owner: OwnerId, id: &str) -> Result<&Order, Refusal> {
        let order = self.orders.of_id(owner, id).filter(|order| order.is_resting());
        order.ok_or_else(Refusal::not_found)
    }

    /// Whether a command about an order may be carried out, by its ticker where one is given.
    fn check_order(
        &self,
        floor: &Floor<'_>,
        order: &Order,
        ticker: Option<&str>,
    ) -> Result<(), Refusal> {
        if ticker.is_some_and(|ticker| ticker != self.listed.ticker(order.book)) {
            return Err(Refusal::not_found());
        }
        match floor.market(order.book).is_some_and(|market| market.is_open) {
            true => Ok(()),
            false => Err(Refusal::market_inactive()),
        }
    }

    /// Takes an order out of its book; what was left of it.
    pub(super) fn take_out(
        &mut self,
        floor: &mut Floor<'_>,
        number: u64,
        reason: Option<Reason>,
    ) -> Option<Qty> {
        let order = self.orders.get(number).filter(|order| order.is_resting())?;
        let (owner, book, key) = (order.owner, order.book, order.key?);
        floor.mark_kalshi(Some(mark_of(order)));
        let gone = floor.cancel(book, key);
        floor.mark_kalshi(None);
        let (gone, _) = gone?;
        self.end(number, reason, floor.now());
        self.reserve(owner, book);
        self.tell_order(floor, number);
        Some(gone.qty)
    }

    /// `DELETE /portfolio/events/orders/{id}`.
    pub(super) fn cancel(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
        query: &Query,
    ) -> Result<Value, Refusal> {
        if super::portfolio::is_elsewhere(query)? {
            return Err(Refusal::not_found());
        }
        let order = self.resting(owner, id)?;
        self.check_order(floor, order, query.text("market_ticker"))?;
        let number = order.number;
        let reduced = self.take_out(floor, number, None).ok_or_else(Refusal::not_found)?;
        Ok(json!({
            "order_id": id,
            "reduced_by": Count2(reduced).to_string(),
            "ts_ms": floor.now().millis(),
        }))
    }

    /// `DELETE /portfolio/events/orders`.
    pub(super) fn cancel_all(&mut self, floor: &mut Floor<'_>, owner: OwnerId) {
        for number in self.orders.resting_where(|order| order.owner == owner) {
            self.take_out(floor, number, None);
        }
    }

    /// `POST /portfolio/events/orders/batched`: each order is judged alone.
    pub(super) fn create_batch(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        items: Vec<Value>,
    ) -> Value {
        let mut list = Vec::new();
        for item in items {
            let id = item.get("client_order_id").cloned().filter(Value::is_string);
            let body = Body::of("CreateOrderV2Request", item);
            let done = body.and_then(|body| self.create(floor, owner, &body));
            list.push(done.unwrap_or_else(|why| {
                let mut map = Map::new();
                map.extend(id.map(|id| ("client_order_id".to_owned(), id)));
                map.insert("error".to_owned(), why.object());
                Value::Object(map)
            }));
        }
        json!({ "orders": list })
    }

    /// `DELETE /portfolio/events/orders/batched`: each cancel is judged alone.
    pub(super) fn cancel_batch(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        items: Vec<Value>,
    ) -> Result<Value, Refusal> {
        let mut list = Vec::new();
        for item in items {
            let body = Body::of("BatchCancelOrdersV2RequestOrder", item)?;
            let id = body.required("order_id")?;
            list.push(self.cancel_item(floor, owner, &body, id));
        }
        Ok(json!({ "orders": list }))
    }

    fn cancel_item(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        body: &Body,
        id: &str,
    ) -> Value {
        let found = check_place(body).and_then(|()| {
            let order = self.resting(owner, id)?;
            self.check_order(floor, order, body.text("market_ticker")?)?;
            Ok((order.number, order.client_order_id.clone()))
        });
        let done = found.and_then(|(number, client_id)| {
            let reduced = self.take_out(floor, number, None).ok_or_else(Refusal::not_found)?;
            Ok((reduced, client_id))
        });
        match done {
            Ok((reduced, client_order_id)) => json!({
                "client_order_id": client_order_id,
                "order_id": id,
                "reduced_by": Count2(reduced).to_string(),
                "ts_ms": floor.now().millis(),
            }),
            // Clients insist on `reduced_by` here too.
            Err(why) => json!({ "error": why.object(), "order_id": id, "reduced_by": "0.00" }),
        }
    }

    /// `POST /portfolio/events/orders/{id}/decrease`: the order keeps its place.
    pub(super) fn decrease(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
        body: &Body,
    ) -> Result<Value, Refusal> {
        check_place(body)?;
        let order = self.resting(owner, id)?;
        self.check_order(floor, order, body.text("market_ticker")?)?;
        let amount = |text: &str| number::count(text).ok_or_else(Refusal::invalid_order_size);
        let rest = match (body.text("reduce_by")?, body.text("reduce_to")?) {
            (Some(by), None) => {
                let by = amount(by)?;
                if by.is_zero() {
                    return Err(Refusal::invalid_order_size());
                }
                order.remaining.checked_sub(by).unwrap_or(Qty::ZERO)
            }
            (None, Some(to)) => amount(to)?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(Refusal::bad_request("exactly one of reduce_by and reduce_to"));
            }
        };
        let (number, was) = (order.number, order.remaining);
        if rest > was {
            return Err(Refusal::invalid_order_size());
        }
        if rest.is_zero() {
            self.take_out(floor, number, Some(Reason::Decrease));
        } else if rest < was {
            self.shrink(floor, number, rest)?;
        }
        let order = self.orders.get(number).ok_or_else(Refusal::not_found)?;
        let mut map = Map::new();
        if !order.client_order_id.is_empty() {
            map.insert("client_order_id".to_owned(), order.client_order_id.as_str().into());
        }
        map.insert("order_id".to_owned(), id.into());
        map.insert("remaining_count".to_owned(), Count2(order.remaining).to_string().into());
        map.insert("ts_ms".to_owned(), floor.now().millis().into());
        Ok(Value::Object(map))
    }

    fn shrink(&mut self, floor: &mut Floor<'_>, number: u64, rest: Qty) -> Result<(), Refusal> {
        let order = self.orders.get(number).ok_or_else(Refusal::not_found)?;
        let (owner, book) = (order.owner, order.book);
        let key = order.key.ok_or_else(Refusal::not_found)?;
        let entered = plain(order, order.price, rest);
        floor.mark_kalshi(Some(mark_of(order)));
        let done = floor.replace(book, key, entered);
        floor.mark_kalshi(None);
        done.map_err(refusal_of)?;
        if let Some(order) = self.orders.get_mut(number) {
            order.remaining = rest;
            order.reason = Some(Reason::Decrease);
            order.updated = floor.now();
        }
        self.reserve(owner, book);
        self.tell_order(floor, number);
        Ok(())
    }

    fn read_amendment(
        &self,
        floor: &Floor<'_>,
        owner: OwnerId,
        id: &str,
        body: &Body,
    ) -> Result<Amendment, Refusal> {
        check_place(body)?;
        let (ticker, side) = (body.required("ticker")?, side(body)?);
        let (count, price) = (body.required("count")?, body.required("price")?);
        let order = self.resting(owner, id)?;
        if ticker != self.listed.ticker(order.book) {
            return Err(Refusal::mismatch("order_ticker_mismatch"));
        }
        if side != order.side {
            return Err(Refusal::mismatch("order_side_mismatch"));
        }
        if body.text("client_order_id")?.is_some_and(|given| given != order.client_order_id) {
            return Err(Refusal::mismatch("order_id_and_client_order_id_mismatch"));
        }
        self.tradable(floor, ticker)?;
        let count = size(count)?;
        let rest = count.checked_sub(order.filled).filter(|rest| !rest.is_zero());
        let new_id = body.text("updated_client_order_id")?.filter(|id| !id.is_empty());
        if new_id.is_some_and(|id| id != order.client_order_id && self.orders.is_used(owner, id)) {
            return Err(Refusal::order_already_exists());
        }
        let expires = body.int("expiration_time")?.map(|secs| u64::try_from(secs).unwrap_or(0));
        let expires_at = expires.map(|secs| Some(Nanos::from_secs(secs)).filter(|_| secs > 0));
        if expires_at.flatten().is_some_and(|at| at <= floor.now()) {
            return Err(Refusal::invalid_order("expiration time is in the past"));
        }
        Ok(Amendment {
            number: order.number,
            price: Self::grid_price(floor, order.book, price)?,
            rest: rest.ok_or_else(Refusal::invalid_order_size)?,
            count,
            client_order_id: new_id.map(str::to_owned),
            expires_at,
        })
    }

    /// `POST /portfolio/events/orders/{id}/amend`: another price or more contracts go to the end of
    /// the queue, fewer or another expiry keep the place.
    pub(super) fn amend(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
        body: &Body,
    ) -> Result<Value, Refusal> {
        let asked = self.read_amendment(floor, owner, id, body)?;
        let number = asked.number;
        let order = self.orders.get(number).ok_or_else(Refusal::not_found)?;
        let book = order.book;
        let key = order.key.ok_or_else(Refusal::not_found)?;
        let (side, price, qty) = (order.side, asked.price, asked.rest);
        let wish = Wish { side, price, qty, role: Role::Taker };
        self.check_money(owner, book, wish, Some(number))?;
        floor.mark_kalshi(Some(mark_of(order)));
        let done = floor.replace(book, key, plain(order, asked.price, asked.rest));
        floor.mark_kalshi(None);
        let (submitted, events) = done.map_err(refusal_of)?;
        self.orders.rekey(number, submitted.key);
        self.apply_amendment(number, asked, floor.now());
        let mut touched = self.book_events(floor, book, &events);
        touched.orders.insert(number);
        let order = self.orders.get(number);
        if order.is_some_and(Order::is_resting) && submitted.resting.is_none() {
            self.end(number, Some(Reason::SelfTradeCancel), floor.now());
        }
        self.conclude(floor, book, &touched);
        Ok(self.created(number, floor.now()))
    }

    fn apply_amendment(&mut self, number: u64, asked: Amendment, now: Nanos) {
        let Some(order) = self.orders.get_mut(number) else { return };
        order.price = asked.price;
        order.remaining = asked.rest;
        order.initial = asked.count;
        order.reason = Some(Reason::Amend);
        order.updated = now;
        let owner = order.owner;
        if let Some(id) = asked.client_order_id {
            order.client_order_id.clone_from(&id);
            self.orders.use_client_id(owner, &id);
        }
        if let Some(expires_at) = asked.expires_at {
            self.orders.set_expiry(number, expires_at);
        }
    }

    /// Ends what is due to end by now.
    pub(super) fn expire(&mut self, floor: &mut Floor<'_>) {
        while let Some((at, number)) = self.orders.first_expiry()
            && at <= floor.now()
        {
            if self.take_out(floor, number, Some(Reason::ExpiryCancel)).is_none() {
                // It is in no book: it must not stay due.
                self.orders.finish(number, Status::Canceled);
            }
        }
    }
}

/// An order as it enters the book again.
fn plain(order: &Order, price: Price, qty: Qty) -> NewOrder {
    NewOrder {
        owner: order.owner,
        side: order.side,
        price,
        qty,
        time_in_force: TimeInForce::Rest,
        post_only: order.post_only,
        self_trade: order.self_trade,
        expires_at: None,
    }
}

fn mark_of(order: &Order) -> Mark {
    Mark { owner: order.owner, side: order.side, client_order_id: order.client_order_id.clone() }
}
