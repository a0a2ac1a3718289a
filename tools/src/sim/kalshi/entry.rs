//! New orders: read, checked as the venue checks them, entered, and answered.

use dutchbook_book::fee::{OrderFees, Role};
use dutchbook_book::{BookId, Cash, Exact, Nanos, Price, Qty, Side};
use serde_json::{Map, Value};

use super::super::floor::Floor;
use super::super::matching::{NewOrder, OwnerId, Refused, SelfTrade, TimeInForce};
use super::super::rng::mix;
use super::super::text::{Count2, uuid};
use super::super::world::Rejected;
use super::frames::Mark;
use super::margin::{Wish, required};
use super::number::{self, Dollars};
use super::orders::{Order, Reason, Status};
use super::query::Body;
use super::refusal::Refusal;
use super::venue::Venue;

/// The longest client order id.
const CLIENT_ID_MAX: usize = 64;
/// The largest order, in contracts.
const CONTRACTS_MAX: u64 = 100_000_000;

/// An order as a member asks for it, each field for itself in order.
#[derive(Clone, Debug)]
struct Asked {
    book: BookId,
    client_order_id: String,
    side: Side,
    qty: Qty,
    price: Price,
    time_in_force: TimeInForce,
    self_trade: SelfTrade,
    post_only: bool,
    reduce_only: bool,
    cancels_on_pause: bool,
    expires_at: Option<Nanos>,
    group: Option<String>,
}

/// A count of contracts that an order can have.
pub(super) fn size(text: &str) -> Result<Qty, Refusal> {
    let max = Qty::from_contracts(CONTRACTS_MAX).unwrap_or(Qty::MAX);
    let qty = number::count(text).filter(|qty| !qty.is_zero() && *qty <= max);
    qty.ok_or_else(Refusal::invalid_order_size)
}

/// The side of the book that a field names.
pub(super) fn side(body: &Body) -> Result<Side, Refusal> {
    body.word("side", &[("bid", Side::Buy), ("ask", Side::Sell)])
}

/// All is in the first subaccount, on the first shard: what names another is not found.
pub(super) fn check_place(body: &Body) -> Result<(), Refusal> {
    let is_here =
        body.int("subaccount")?.unwrap_or(0) == 0 && body.int("exchange_index")?.unwrap_or(0) <= 0;
    if is_here { Ok(()) } else { Err(Refusal::not_found()) }
}

impl Venue {
    /// The book of a ticker; inactive markets take no orders.
    pub(super) fn tradable(&self, floor: &Floor<'_>, ticker: &str) -> Result<BookId, Refusal> {
        let market = self.listed.of_ticker(ticker).ok_or_else(Refusal::not_found)?;
        let is_open = floor.market(market.book).is_some_and(|market| market.is_open);
        if is_open && self.is_trading { Ok(market.book) } else { Err(Refusal::market_inactive()) }
    }

    /// A price on the grid that a market has now.
    pub(super) fn grid_price(
        floor: &Floor<'_>,
        book: BookId,
        text: &str,
    ) -> Result<Price, Refusal> {
        let price = number::price(text).ok_or_else(Refusal::invalid_price)?;
        let market = floor.market(book);
        let is_valid = market.is_some_and(|market| market.grid.is_valid(price));
        let is_inside = price > Price::ZERO && price < Price::ONE;
        if is_valid && is_inside { Ok(price) } else { Err(Refusal::invalid_price()) }
    }

    fn read_order(&self, floor: &Floor<'_>, body: &Body) -> Result<Asked, Refusal> {
        let ticker = body.required("ticker")?;
        let side = side(body)?;
        let (count, price) = (body.required("count")?, body.required("price")?);
        let time_in_force = body.word(
            "time_in_force",
            &[
                ("good_till_canceled", TimeInForce::Rest),
                ("immediate_or_cancel", TimeInForce::Immediate),
                ("fill_or_kill", TimeInForce::AllOrNothing),
            ],
        )?;
        let words = [("taker_at_cross", SelfTrade::CancelTaker), ("maker", SelfTrade::CancelMaker)];
        let self_trade = body.word("self_trade_prevention_type", &words)?;
        let (post_only, reduce_only) = (body.flag("post_only")?, body.flag("reduce_only")?);
        let cancels_on_pause = body.flag("cancel_order_on_pause")?;
        let (expires, group) = (body.int("expiration_time")?, body.text("order_group_id")?);
        let client_order_id = body.text("client_order_id")?.unwrap_or("");
        if client_order_id.len() > CLIENT_ID_MAX {
            return Err(Refusal::field("CreateOrderV2Request", "ClientOrderId", "max"));
        }
        check_place(body)?;
        let book = self.tradable(floor, ticker)?;
        let qty = size(count)?;
        let price = Self::grid_price(floor, book, price)?;
        let rests = time_in_force == TimeInForce::Rest;
        if post_only && !rests {
            return Err(Refusal::invalid_order("post only requires good_till_canceled"));
        }
        if reduce_only && time_in_force != TimeInForce::Immediate {
            return Err(Refusal::invalid_order("reduce only requires immediate_or_cancel"));
        }
        let expires_at = expires.map(|secs| u64::try_from(secs).unwrap_or(0));
        let expires_at = expires_at.map(Nanos::from_secs);
        if expires_at.is_some() && !rests {
            return Err(Refusal::invalid_order("expiration requires good_till_canceled"));
        }
        if expires_at.is_some_and(|at| at <= floor.now()) {
            return Err(Refusal::invalid_order("expiration time is in the past"));
        }
        Ok(Asked {
            book,
            client_order_id: client_order_id.to_owned(),
            side,
            qty,
            price,
            time_in_force,
            self_trade,
            post_only,
            reduce_only,
            cancels_on_pause,
            expires_at,
            group: group.map(str::to_owned),
        })
    }

    /// Places an order: the object that the member gets.
    pub(super) fn create(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        body: &Body,
    ) -> Result<Value, Refusal> {
        let asked = self.read_order(floor, body)?;
        if self.orders.is_used(owner, &asked.client_order_id) {
            return Err(Refusal::order_already_exists());
        }
        if !self.orders.has_room(owner) {
            return Err(Refusal::too_many("order_limit_exceeded"));
        }
        if let Some(group) = &asked.group
            && self.groups.get_mut(owner, group)?.is_triggered
        {
            return Err(Refusal::invalid_order("order group triggered"));
        }
        let qty = if asked.reduce_only { self.reducible(owner, &asked) } else { asked.qty };
        let order = NewOrder {
            owner,
            side: asked.side,
            price: asked.price,
            qty,
            time_in_force: asked.time_in_force,
            post_only: asked.post_only,
            self_trade: asked.self_trade,
            // The venue ends orders itself, to say why.
            expires_at: None,
        };
        let role = if asked.post_only { Role::Maker } else { Role::Taker };
        let wish = Wish { side: order.side, price: order.price, qty, role };
        self.check_money(owner, asked.book, wish, None)?;
        let number = self.enter(floor, &asked, order)?;
        Ok(self.created(number, floor.now()))
    }

    /// What an order that may only reduce can fill.
    fn reducible(&self, owner: OwnerId, asked: &Asked) -> Qty {
        let position = self.ledger.position(owner, asked.book);
        let is_closing = match asked.side {
            Side::Buy => position.net.micro() < 0,
            Side::Sell => position.net.micro() > 0,
        };
        if is_closing { asked.qty.min(position.held()) } else { Qty::ZERO }
    }

    /// Whether an order can be paid for beside all others, with `instead` left out.
    pub(super) fn check_money(
        &self,
        owner: OwnerId,
        book: BookId,
        wish: Wish,
        instead: Option<u64>,
    ) -> Result<(), Refusal> {
        let refused = Refusal::insufficient_balance;
        let holding = self.ledger.holding(owner).ok_or_else(refused)?;
        let market = self.listed.get(book).ok_or_else(refused)?;
        let mut wishes = self.wishes(owner, book, instead);
        wishes.push(wish);
        let net = self.ledger.position(owner, book).net;
        let (schedule, grid) = (market.fee_of(holding.member), holding.member.grid_pico());
        let need = required(net, &mut wishes, &schedule, grid).ok_or_else(refused)?;
        let others = self.reserved_beside(owner, book);
        let free = holding.cash.checked_sub(others).ok_or_else(refused)?;
        // What closes contracts is allowed whatever the balance.
        if need <= free || need == Cash::ZERO { Ok(()) } else { Err(refused()) }
    }

    fn wishes(&self, owner: OwnerId, book: BookId, but: Option<u64>) -> Vec<Wish> {
        let resting = self.orders.resting_on(owner, book);
        let others = resting.filter(|order| Some(order.number) != but);
        let wish = |order: &Order| Wish {
            side: order.side,
            price: order.price,
            qty: order.remaining,
            role: Role::Maker,
        };
        others.map(wish).collect()
    }

    /// Works out anew what a member's orders on a market hold back.
    pub(super) fn reserve(&mut self, owner: OwnerId, book: BookId) {
        let (Some(holding), Some(market)) = (self.ledger.holding(owner), self.listed.get(book))
        else {
            return;
        };
        let mut wishes = self.wishes(owner, book, None);
        let net = self.ledger.position(owner, book).net;
        let schedule = market.fee_of(holding.member);
        let need = required(net, &mut wishes, &schedule, 0).unwrap_or(Cash::MAX);
        self.set_reserved(owner, book, need);
    }

    /// Sends a checked order to the book and books what it did.
    fn enter(
        &mut self,
        floor: &mut Floor<'_>,
        asked: &Asked,
        mut order: NewOrder,
    ) -> Result<u64, Refusal> {
        let book = asked.book;
        if order.time_in_force == TimeInForce::AllOrNothing
            && self.would_meet_itself(floor, book, &order)
        {
            order.time_in_force = TimeInForce::Immediate;
        }
        let client_order_id = asked.client_order_id.clone();
        floor.mark_kalshi(Some(Mark { owner: order.owner, side: order.side, client_order_id }));
        let done = floor.submit(book, order);
        floor.mark_kalshi(None);
        let is_dead = matches!(
            done,
            Err(Rejected::ByBook(Refused::NotInFull)) | Err(Rejected::ByBook(Refused::NoQty))
        );
        let (submitted, events) = match done {
            Ok((submitted, events)) => (Some(submitted), events),
            Err(_) if is_dead => (None, Vec::new()),
            Err(why) => return Err(refusal_of(why)),
        };
        let number = self.orders.next_number();
        let record = self.record(number, asked, &order, floor.now());
        let key = submitted.map(|submitted| submitted.key);
        self.orders.insert(Order { key, ..record });
        let mut touched = self.book_events(floor, book, &events);
        touched.orders.insert(number);
        let rests = submitted.is_some_and(|submitted| submitted.resting.is_some());
        self.finish_entry(number, rests, asked, floor.now());
        self.conclude(floor, book, &touched);
        Ok(number)
    }

    /// An order that neither rests nor filled is dead, and says why where it was not the time in
    /// force.
    fn finish_entry(&mut self, number: u64, rests: bool, asked: &Asked, now: Nanos) {
        let Some(order) = self.orders.get(number).filter(|order| order.is_resting()) else {
            return;
        };
        if rests {
            return;
        }
        let is_cut = asked.reduce_only && order.initial > order.filled;
        let is_stopped = asked.time_in_force == TimeInForce::Rest;
        let reason = match (is_cut, is_stopped) {
            (true, _) => Some(Reason::ReduceOnlyCancel),
            (false, true) => Some(Reason::SelfTradeCancel),
            (false, false) => order.reason,
        };
        self.end(number, reason, now);
    }

    /// An all-or-nothing order that would cross its owner's own behaves like an immediate one.
    fn would_meet_itself(&self, floor: &Floor<'_>, book: BookId, order: &NewOrder) -> bool {
        let own = self.orders.resting_on(order.owner, book);
        let mut facing = own.filter(|own| match order.side {
            Side::Buy => own.side == Side::Sell && own.price <= order.price,
            Side::Sell => own.side == Side::Buy && own.price >= order.price,
        });
        let is_there = floor.market(book).is_some();
        is_there && facing.next().is_some()
    }

    fn record(&self, number: u64, asked: &Asked, order: &NewOrder, now: Nanos) -> Order {
        let market = self.listed.get(asked.book);
        let member = self.ledger.holding(order.owner).map(|holding| holding.member);
        let schedule = market.zip(member).map(|(market, member)| market.fee_of(member));
        Order {
            number,
            id: uuid(self.seed ^ mix(number)),
            client_order_id: asked.client_order_id.clone(),
            owner: order.owner,
            book: asked.book,
            side: order.side,
            price: order.price,
            initial: asked.qty,
            filled: Qty::ZERO,
            remaining: asked.qty,
            status: Status::Resting,
            reason: None,
            key: None,
            self_trade: order.self_trade,
            post_only: order.post_only,
            expires_at: asked.expires_at,
            cancels_on_pause: asked.cancels_on_pause,
            group: asked.group.clone(),
            fees: OrderFees::new(schedule.unwrap_or_default()),
            taker_cost: Exact::ZERO,
            maker_cost: Exact::ZERO,
            taker_fees: Cash::ZERO,
            maker_fees: Cash::ZERO,
            created: now,
            updated: now,
        }
    }

    /// What the venue answers about an order that it took or changed.
    pub(super) fn created(&self, number: u64, now: Nanos) -> Value {
        let Some(order) = self.orders.get(number) else { return Value::Null };
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| {
            map.insert(key.to_owned(), value);
        };
        if let Some((price, fee)) = averages(order) {
            put("average_fee_paid", fee.to_string().into());
            put("average_fill_price", price.to_string().into());
        }
        if !order.client_order_id.is_empty() {
            put("client_order_id", order.client_order_id.as_str().into());
        }
        put("fill_count", Count2(order.filled).to_string().into());
        put("order_id", order.id.as_str().into());
        put("remaining_count", Count2(order.remaining).to_string().into());
        put("ts_ms", now.millis().into());
        Value::Object(map)
    }
}

/// What an order's contracts cost on the YES scale, and the fee of each.
fn averages(order: &Order) -> Option<(Dollars, Dollars)> {
    let paid = order.taker_cost.checked_add(order.maker_cost)?;
    let yes = match order.side {
        Side::Buy => paid,
        Side::Sell => Exact::product(Price::ONE, order.filled).checked_sub(paid)?,
    };
    let fees = order.taker_fees.checked_add(order.maker_fees)?;
    Some((Dollars::average(yes, order.filled)?, Dollars::average(fees.exact(), order.filled)?))
}

/// How the book's own refusals read.
pub(super) fn refusal_of(why: Rejected) -> Refusal {
    match why {
        Rejected::Closed => Refusal::market_inactive(),
        Rejected::OffGrid | Rejected::ByBook(Refused::BadPrice) => Refusal::invalid_price(),
        Rejected::ByBook(Refused::WouldMatch) => Refusal::invalid_order("post only cross"),
        Rejected::ByBook(Refused::Gone) => Refusal::not_found(),
        Rejected::OffLot
        | Rejected::ByBook(Refused::NoQty | Refused::TooLarge | Refused::NotInFull) => {
            Refusal::invalid_order_size()
        }
    }
}
