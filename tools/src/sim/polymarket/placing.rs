//! From an order to the book: what it would match, whether its owner can pay, and what came of it.

use alloy_primitives::B256;
use dutchbook_book::{Cash, Exact, Nanos, Qty, Side};

use super::super::floor::Floor;
use super::super::matching::{Match, NewOrder, TimeInForce};
use super::clearing::{Incoming, price_on, side_on};
use super::intake::Rejected;
use super::orders::{OPEN_MAX, Order, OrderStatus, OrderType};
use super::user_channel::OrderNews;
use super::venue::Venue;

const NOT_IN_FULL: &str = "order couldn't be fully filled. FOK orders are fully filled or killed.";
const NOTHING_TO_MATCH: &str = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found.";
const CROSSES: &str = "invalid post-only order: order crosses book";
const NOT_READY: &str = "the market is not yet ready to process new orders";

/// What became of an order, as its sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) id: B256,
    pub(super) status: &'static str,
    /// What it gave and got, in human units; empty when nothing matched.
    pub(super) making: String,
    pub(super) taking: String,
    pub(super) trades: Vec<String>,
}

/// What an order would do to the book now.
struct Plan {
    new: NewOrder,
    matches: Vec<Match>,
    /// Whether all that it asks for would match.
    is_full: bool,
}

fn micro(qty: Qty) -> i64 {
    i64::try_from(qty.micro()).unwrap_or(i64::MAX)
}

impl Venue {
    /// Places an order that was read.
    pub(super) fn place(
        &mut self,
        floor: &mut Floor<'_>,
        order: Order,
    ) -> Result<Placed, Rejected> {
        let id = order.id;
        if self.orders.get(id).is_some() {
            return Err(Rejected::request(format!("order {id:#x} is invalid. Duplicated.")));
        }
        if self.orders.open_count(order.owner) >= OPEN_MAX {
            return Err(Rejected::Order(id, "too many open orders".to_owned()));
        }
        self.execute(floor, order, self.troubles.taker_delay)
    }

    /// Sends an order to the book, or holds it first where it would take and the market delays that.
    pub(super) fn execute(
        &mut self,
        floor: &mut Floor<'_>,
        mut order: Order,
        delay: Nanos,
    ) -> Result<Placed, Rejected> {
        let id = order.id;
        let refuse = |text: &str| Rejected::Order(id, text.to_owned());
        let plan = plan(floor, &order).ok_or_else(|| refuse(NOT_READY))?;
        let takes = !plan.matches.is_empty();
        if order.post_only && takes {
            return Err(refuse(CROSSES));
        }
        if order.order_type == OrderType::Fok && !plan.is_full {
            return Err(refuse(NOT_IN_FULL));
        }
        if order.order_type == OrderType::Fak && !takes {
            return Err(refuse(NOTHING_TO_MATCH));
        }
        check_minimum(&order, takes)?;
        self.check_funds(&order, &plan)?;
        if takes && delay > Nanos::ZERO {
            self.struck.delayed_takers += 1;
            order.status = OrderStatus::Delayed;
            self.delayed.insert((floor.now().plus(delay), id));
            self.orders.insert(order);
            self.tell_order(id, OrderNews::Placement, floor.now());
            let zero = "0".to_owned();
            let (making, taking) = (zero.clone(), zero);
            return Ok(Placed { id, status: "delayed", making, taking, trades: Vec::new() });
        }
        self.submit(floor, order, plan.new)
    }

    /// The order goes into the book.
    fn submit(
        &mut self,
        floor: &mut Floor<'_>,
        order: Order,
        new: NewOrder,
    ) -> Result<Placed, Rejected> {
        let (id, book, now) = (order.id, order.book, floor.now());
        let failed = |_| Rejected::Request(500, "could not insert order".to_owned());
        let (done, events) = floor.submit_as(book, new, order.face).map_err(failed)?;
        self.orders.stage(order);
        self.tell_order(id, OrderNews::Placement, now);
        let trades = self.clear(book, &events, Incoming::Client(id), now);
        let Some(mut order) = self.orders.take(id) else {
            return Err(Rejected::Request(500, "could not insert order".to_owned()));
        };
        let cash = self.cash_of(&trades);
        order.matched = done.filled;
        order.trades.clone_from(&trades);
        order.key = done.resting;
        if done.resting.is_some() {
            let rest = new.qty.checked_sub(done.filled).unwrap_or(Qty::ZERO);
            order.rested = [rest, Qty::ZERO];
            match order.side {
                Side::Buy => self.ledger.reserve_cash(order.owner, order.reserved()),
                Side::Sell => {
                    let instrument = order.instrument();
                    self.ledger.reserve_qty(order.owner, instrument, order.reserved());
                }
            }
        } else {
            order.status = OrderStatus::Matched;
        }
        let side = order.side;
        self.orders.insert(order);
        if done.filled.is_zero() {
            let (making, taking) = (String::new(), String::new());
            return Ok(Placed { id, status: "live", making, taking, trades });
        }
        self.tell_order(id, OrderNews::Update, now);
        let (shares, cash) = (done.filled.to_string(), cash.to_string());
        let (making, taking) = if side == Side::Buy { (cash, shares) } else { (shares, cash) };
        Ok(Placed { id, status: "matched", making, taking, trades })
    }

    /// What an incoming order moved in its trades, fees apart.
    fn cash_of(&self, trades: &[String]) -> Cash {
        let fills = trades.iter().filter_map(|id| self.trades.get(id)).flat_map(|t| &t.fills);
        Cash::from_micro(fills.map(|fill| fill.cleared.taker.cash.micro()).sum())
    }

    /// Whether its owner has what the order needs: for what matches now with its fee, and for what
    /// would rest.
    fn check_funds(&self, order: &Order, plan: &Plan) -> Result<(), Rejected> {
        let refuse = |has: i64, needs: i64| {
            Rejected::Order(
                order.id,
                format!(
                    "not enough balance / allowance: the balance is not enough -> balance: {has}, order amount: {needs}"
                ),
            )
        };
        if order.side == Side::Sell {
            let has = self.ledger.free_qty(order.owner, order.instrument());
            let needs = plan.new.qty;
            return if has < needs { Err(refuse(micro(has), micro(needs))) } else { Ok(()) };
        }
        let mut needs = 0;
        let mut matched = Qty::ZERO;
        for found in &plan.matches {
            let price = price_on(order.face, found.price);
            let exact = Exact::product(price, found.qty);
            // A millionth more: the other side's rounding may fall to this one.
            let cash = exact.cash_ceil().unwrap_or(Cash::MAX).micro().saturating_add(1);
            let fee = self.fee(order.book, order.side, price, found.qty, Cash::MAX);
            needs += if exact.cash_ceil() == exact.cash_floor() { cash - 1 } else { cash };
            needs += fee.micro();
            matched = matched.checked_add(found.qty).unwrap_or(Qty::MAX);
        }
        if order.order_type.rests() {
            let rest = order.size.checked_sub(matched).unwrap_or(Qty::ZERO);
            let cash = Exact::product(order.price, rest).cash_ceil().unwrap_or(Cash::MAX);
            needs += cash.micro();
        } else if let Some(budget) = order.budget {
            // The signed amount must be there, though less of it may be spent.
            needs = needs.max(budget.micro());
        }
        let has = self.ledger.free_cash(order.owner).micro();
        if has < needs { Err(refuse(has, needs)) } else { Ok(()) }
    }

    /// Cancels an order that is open; `false` when it is not, or is held.
    pub(super) fn cancel(&mut self, floor: &mut Floor<'_>, id: B256, why: &'static str) -> bool {
        let Some(order) = self.orders.get(id) else { return false };
        let (book, Some(key)) = (order.book, order.key) else { return false };
        let Some((_, events)) = floor.cancel(book, key) else { return false };
        self.cancel_reason = why;
        self.clear(book, &events, Incoming::Foreign, floor.now());
        self.cancel_reason = "CANCELED";
        true
    }

    /// Lets a held order go on to the book, as if it came now.
    pub(super) fn release(&mut self, floor: &mut Floor<'_>, id: B256) {
        let Some(mut order) = self.orders.take(id) else { return };
        order.status = OrderStatus::Live;
        let kept = order.clone();
        let Err(refused) = self.execute(floor, order, Nanos::ZERO) else { return };
        let status = if refused.text().starts_with("not enough balance") {
            OrderStatus::Cancelled("CANCELED_NOT_ENOUGH_BALANCE")
        } else {
            OrderStatus::Unmatched
        };
        self.orders.insert(Order { status, ..kept });
        self.tell_order(id, OrderNews::Cancellation, floor.now());
    }
}

/// What an order would do now; `None` when its market takes none.
fn plan(floor: &Floor<'_>, order: &Order) -> Option<Plan> {
    let market = floor.market(order.book).filter(|market| market.is_open)?;
    let time_in_force =
        if order.order_type.rests() { TimeInForce::Rest } else { TimeInForce::Immediate };
    let price = price_on(order.face, order.price);
    let side = side_on(order.face, order.side);
    let mut new = NewOrder::plain(order.owner, side, price, order.size, time_in_force);
    let Some(budget) = order.budget else {
        let (matches, is_full) = market.book.preview(&new);
        return Some(Plan { new, matches, is_full });
    };
    // A buy for money takes as many shares as the money buys, best price first.
    new.qty = Qty::MAX;
    let (all, _) = market.book.preview(&new);
    let mut left = budget.micro().unsigned_abs();
    let (mut matches, mut total, mut is_full) = (Vec::new(), Qty::ZERO, false);
    for found in all {
        let price = price_on(order.face, found.price);
        let buys = u128::from(left) * 1_000_000 / u128::from(price.micro().max(1));
        let qty = u64::try_from(buys).ok().and_then(Qty::from_micro).unwrap_or(Qty::MAX);
        let qty = qty.min(found.qty);
        if !qty.is_zero() {
            let cost = Exact::product(price, qty).cash_ceil().unwrap_or(Cash::MAX);
            left = left.saturating_sub(cost.micro().unsigned_abs());
            total = total.checked_add(qty).unwrap_or(Qty::MAX);
            matches.push(Match { qty, ..found });
        }
        let cheapest = u128::from(left) * 1_000_000 / u128::from(price.micro().max(1));
        is_full = cheapest == 0 || qty < found.qty;
        if is_full {
            break;
        }
    }
    new.qty = total;
    Some(Plan { new, matches, is_full })
}

/// A buy that takes must be for a dollar at least.
fn check_minimum(order: &Order, takes: bool) -> Result<(), Rejected> {
    if order.side != Side::Buy || !takes {
        return Ok(());
    }
    let amount = order.budget.unwrap_or_else(|| {
        Exact::product(order.price, order.size).cash_floor().unwrap_or(Cash::ZERO)
    });
    if amount < Cash::ONE {
        return Err(Rejected::request(format!(
            "invalid amount for a marketable BUY order (${amount}), min size: $1"
        )));
    }
    Ok(())
}
