//! Replies of the Trade API v2 about own orders and money (kalshi.md section 3).
//!
//! Money and counts must be decimal texts, exact; fields that we do not know are ignored, optional
//! ones may be absent or null. A reply that cannot be read leaves its outcome unknown: see
//! [`Answer`].

use dutchbook_book::{Cash, Price, Qty, Side};
use serde::Deserialize;

use crate::decimal::{Micro, price, qty};
use crate::venue::refusal::{Certainty, Refusal};

/// What came back on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was applied.
    Done(T),
    /// It was not, or nobody can say: the refusal tells which.
    Refused(Refusal),
}

/// Reads a reply: `parse` on a success, a [`Refusal`] otherwise. A success that cannot be read is
/// of unknown outcome.
pub fn answer<T>(status: u16, body: &[u8], parse: impl FnOnce(&[u8]) -> Option<T>) -> Answer<T> {
    if !(200..300).contains(&status) {
        return Answer::Refused(Refusal::read(status, body));
    }
    parse(body).map_or_else(
        || {
            let refusal = Refusal::read(status, body);
            Answer::Refused(Refusal { certainty: Certainty::Unknown, ..refusal })
        },
        Answer::Done,
    )
}

/// Text of an id, kept as the venue wrote it.
pub type NativeId = Box<str>;

/// A created order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The venue's id.
    pub order_id: NativeId,
    /// Ours.
    pub client_order_id: Option<NativeId>,
    /// Contracts traded at once.
    pub filled: Qty,
    /// Contracts that rest. With neither, the order is dead.
    pub remaining: Qty,
    /// Average price of the fills.
    pub average_price: Option<Price>,
    /// Average fee of a contract.
    pub average_fee: Option<Cash>,
}

impl Created {
    /// Whether some of it rests in the book. One that does not is over, filled or not.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        !self.remaining.is_zero()
    }
}

/// A cancelled order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// The venue's id.
    pub order_id: NativeId,
    /// Contracts that were taken back.
    pub reduced_by: Qty,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In the book.
    Resting,
    /// Taken back.
    Canceled,
    /// Filled.
    Executed,
    /// A word that we do not know: look at the counts.
    Other,
}

/// An order as the venue's records have it, which may lag behind its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// The venue's id.
    pub order_id: NativeId,
    /// Ours; empty where there was none.
    pub client_order_id: NativeId,
    /// The market.
    pub ticker: NativeId,
    /// Where it stands.
    pub status: Status,
    /// Buy or sell YES.
    pub side: Side,
    /// Its limit, on the YES scale.
    pub price: Price,
    /// Contracts at first.
    pub initial: Qty,
    /// Contracts traded.
    pub filled: Qty,
    /// Contracts in the book.
    pub remaining: Qty,
    /// Fees so far.
    pub fees: Cash,
}

/// A trade against one of our orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillView {
    /// The venue's id of the trade.
    pub trade_id: NativeId,
    /// The venue's id of our order.
    pub order_id: NativeId,
    /// Ours, where it is said.
    pub client_order_id: Option<NativeId>,
    /// The market.
    pub ticker: NativeId,
    /// Buy or sell YES.
    pub side: Side,
    /// On the YES scale.
    pub price: Price,
    /// Contracts.
    pub count: Qty,
    /// What it cost beside the price.
    pub fee: Cash,
    /// Whether our order took.
    pub is_taker: bool,
}

/// A position in a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionView {
    /// The market.
    pub ticker: NativeId,
    /// Contracts in millionths: above zero YES, below NO.
    pub position_micro: i64,
    /// What it cost.
    pub exposure: Cash,
    /// Fees paid.
    pub fees: Cash,
    /// Profit taken.
    pub realized: Cash,
}

/// Cash on the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceView {
    /// On all engines.
    pub cash: Cash,
    /// By engine.
    pub shards: Vec<(i64, Cash)>,
}

/// One page of a list; `cursor` leads to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// `None` on the last page.
    pub cursor: Option<String>,
}

/// Reads the reply of a create.
#[must_use]
pub fn created(body: &[u8]) -> Option<Created> {
    #[derive(Deserialize)]
    struct Wire {
        order_id: NativeId,
        client_order_id: Option<NativeId>,
        fill_count: Micro,
        remaining_count: Micro,
        average_fill_price: Option<Micro>,
        average_fee_paid: Option<Micro>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    Some(Created {
        order_id: wire.order_id,
        client_order_id: wire.client_order_id.filter(|id| !id.is_empty()),
        filled: qty(wire.fill_count)?,
        remaining: qty(wire.remaining_count)?,
        average_price: wire.average_fill_price.map(price).map_or(Some(None), |p| p.map(Some))?,
        average_fee: wire.average_fee_paid.map(|fee| Cash::from_micro(fee.0)),
    })
}

/// Reads the reply of a cancel.
#[must_use]
pub fn cancelled(body: &[u8]) -> Option<Cancelled> {
    #[derive(Deserialize)]
    struct Wire {
        order_id: NativeId,
        reduced_by: Micro,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    Some(Cancelled { order_id: wire.order_id, reduced_by: qty(wire.reduced_by)? })
}

/// Reads the reply of a batch of `count` creates: one answer each, in their order. A reply of another
/// length says nothing about any of them.
#[must_use]
pub fn created_batch(status: u16, body: &[u8], count: usize) -> Vec<Answer<Created>> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        orders: Vec<&'a serde_json::value::RawValue>,
    }
    if !(200..300).contains(&status) {
        return vec![Answer::Refused(Refusal::read(status, body)); count];
    }
    match serde_json::from_slice::<Wire<'_>>(body) {
        Ok(wire) if wire.orders.len() == count => {
            wire.orders.iter().map(|order| created_of(status, order.get().as_bytes())).collect()
        }
        _ => {
            let refusal = Refusal { certainty: Certainty::Unknown, ..Refusal::read(status, body) };
            vec![Answer::Refused(refusal); count]
        }
    }
}

/// One element of a batch: what it created, or its own error, which is a plain no.
fn created_of(status: u16, element: &[u8]) -> Answer<Created> {
    #[derive(Deserialize)]
    struct Wire {
        error: Option<serde_json::Value>,
    }
    let error = serde_json::from_slice::<Wire>(element).ok().and_then(|wire| wire.error);
    match error {
        Some(_) => {
            let refusal = Refusal::read(status, element);
            // An order with our id is there: an earlier attempt arrived.
            let is_there = refusal.code.as_deref() == Some("order_already_exists");
            let certainty = if is_there { Certainty::Unknown } else { Certainty::Rejected };
            Answer::Refused(Refusal { certainty, ..refusal })
        }
        None => answer(status, element, created),
    }
}

#[derive(Deserialize)]
struct WireOrder {
    order_id: NativeId,
    #[serde(default)]
    client_order_id: NativeId,
    ticker: NativeId,
    status: NativeId,
    book_side: WireSide,
    yes_price_dollars: Micro,
    initial_count_fp: Micro,
    fill_count_fp: Micro,
    remaining_count_fp: Micro,
    #[serde(default)]
    taker_fees_dollars: Micro,
    #[serde(default)]
    maker_fees_dollars: Micro,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireSide {
    Bid,
    Ask,
}

impl WireSide {
    pub(super) const fn side(self) -> Side {
        match self {
            Self::Bid => Side::Buy,
            Self::Ask => Side::Sell,
        }
    }
}

impl WireOrder {
    fn view(self) -> Option<OrderView> {
        let status = match &*self.status {
            "resting" => Status::Resting,
            "canceled" => Status::Canceled,
            "executed" => Status::Executed,
            _ => Status::Other,
        };
        let fees = self.taker_fees_dollars.0.checked_add(self.maker_fees_dollars.0)?;
        Some(OrderView {
            status,
            side: self.book_side.side(),
            price: price(self.yes_price_dollars)?,
            initial: qty(self.initial_count_fp)?,
            filled: qty(self.fill_count_fp)?,
            remaining: qty(self.remaining_count_fp)?,
            fees: Cash::from_micro(fees),
            order_id: self.order_id,
            client_order_id: self.client_order_id,
            ticker: self.ticker,
        })
    }
}

/// Reads one order.
#[must_use]
pub fn order(body: &[u8]) -> Option<OrderView> {
    #[derive(Deserialize)]
    struct Wire {
        order: WireOrder,
    }
    serde_json::from_slice::<Wire>(body).ok()?.order.view()
}

/// Reads a page of orders.
#[must_use]
pub fn orders(body: &[u8]) -> Option<Page<OrderView>> {
    #[derive(Deserialize)]
    struct Wire {
        orders: Vec<WireOrder>,
        cursor: Option<String>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    page(wire.orders, wire.cursor, WireOrder::view)
}

/// Reads a page of fills.
#[must_use]
pub fn fills(body: &[u8]) -> Option<Page<FillView>> {
    #[derive(Deserialize)]
    struct Wire {
        fills: Vec<WireFill>,
        cursor: Option<String>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    page(wire.fills, wire.cursor, WireFill::view)
}

#[derive(Deserialize)]
struct WireFill {
    trade_id: NativeId,
    order_id: NativeId,
    client_order_id: Option<NativeId>,
    ticker: Option<NativeId>,
    market_ticker: Option<NativeId>,
    book_side: WireSide,
    yes_price_dollars: Micro,
    count_fp: Micro,
    fee_cost: Micro,
    is_taker: bool,
}

impl WireFill {
    fn view(self) -> Option<FillView> {
        Some(FillView {
            side: self.book_side.side(),
            price: price(self.yes_price_dollars)?,
            count: qty(self.count_fp)?,
            fee: Cash::from_micro(self.fee_cost.0),
            is_taker: self.is_taker,
            ticker: self.ticker.or(self.market_ticker)?,
            trade_id: self.trade_id,
            order_id: self.order_id,
            client_order_id: self.client_order_id.filter(|id| !id.is_empty()),
        })
    }
}

/// Reads a page of positions.
#[must_use]
pub fn positions(body: &[u8]) -> Option<Page<PositionView>> {
    #[derive(Deserialize)]
    struct Wire {
        market_positions: Vec<Position>,
        cursor: Option<String>,
    }
    #[derive(Deserialize)]
    struct Position {
        ticker: NativeId,
        position_fp: Micro,
        market_exposure_dollars: Micro,
        fees_paid_dollars: Micro,
        realized_pnl_dollars: Micro,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    page(wire.market_positions, wire.cursor, |position| {
        Some(PositionView {
            ticker: position.ticker,
            position_micro: position.position_fp.0,
            exposure: Cash::from_micro(position.market_exposure_dollars.0),
            fees: Cash::from_micro(position.fees_paid_dollars.0),
            realized: Cash::from_micro(position.realized_pnl_dollars.0),
        })
    })
}

/// Reads the balance. The field in cents is cut off and not looked at.
#[must_use]
pub fn balance(body: &[u8]) -> Option<BalanceView> {
    #[derive(Deserialize)]
    struct Wire {
        balance_dollars: Micro,
        #[serde(default)]
        balance_breakdown: Vec<Shard>,
    }
    #[derive(Deserialize)]
    struct Shard {
        exchange_index: i64,
        balance: Micro,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let shard = |shard: &Shard| (shard.exchange_index, Cash::from_micro(shard.balance.0));
    Some(BalanceView {
        cash: Cash::from_micro(wire.balance_dollars.0),
        shards: wire.balance_breakdown.iter().map(shard).collect(),
    })
}

pub(super) fn page<W, T>(
    items: Vec<W>,
    cursor: Option<String>,
    view: impl Fn(W) -> Option<T>,
) -> Option<Page<T>> {
    let items = items.into_iter().map(view).collect::<Option<_>>()?;
    Some(Page { items, cursor: cursor.filter(|cursor| !cursor.is_empty()) })
}
