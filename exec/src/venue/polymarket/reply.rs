//! Replies of the CLOB about own orders and trades (polymarket.md sections 4 and 5).
//!
//! Texts that the venue has changed over time are read in every form that was seen; what cannot be
//! read leaves the outcome unknown, never accepted and never refused.

use std::collections::BTreeMap;

use dutchbook_book::{Cash, Price, Qty};
use serde::Deserialize;

use crate::decimal::{Micro, price, qty};
use crate::order::fills::Settlement;
use crate::venue::refusal::{Certainty, Refusal};

/// Text of an id, kept as the venue wrote it.
pub type NativeId = Box<str>;

/// What became of a posted order at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostStatus {
    /// It rests.
    Live,
    /// It was matched, at least in part.
    Matched,
    /// It is held, and is judged later.
    Delayed,
    /// It was not matched; whether it rests must be looked up.
    Unmatched,
}

/// An accepted order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The venue's id: the hash of the order.
    pub order_id: NativeId,
    /// What became of it.
    pub status: PostStatus,
    /// Given so far, where it is said: cash of a buy, contracts of a sell, in millionths.
    pub making_micro: Option<i64>,
    /// Taken so far, where it is said.
    pub taking_micro: Option<i64>,
    /// The trades, where some were made at once.
    pub trades: Vec<NativeId>,
}

/// What came back on one posted order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostOutcome {
    /// The venue has it.
    Accepted(Posted),
    /// It has not, or nobody can say: the refusal tells which.
    Refused(Refusal),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePosted {
    success: bool,
    #[serde(alias = "error_msg")]
    error_msg: Option<String>,
    #[serde(rename = "orderID", alias = "orderId")]
    order_id: Option<NativeId>,
    status: Option<String>,
    making_amount: Option<NativeId>,
    taking_amount: Option<NativeId>,
    #[serde(rename = "tradeIDs", alias = "tradeIds")]
    trade_ids: Option<Vec<NativeId>>,
}

/// An amount that is said, empty text and "0" aside: a held order has those.
fn amount(text: Option<&NativeId>) -> Option<i64> {
    Micro::parse(text?).map(|micro| micro.0).filter(|micro| *micro > 0)
}

impl WirePosted {
    fn outcome(self) -> PostOutcome {
        let word = self.status.map(|word| word.to_ascii_lowercase());
        let status = match word.as_deref() {
            Some("live") => Some(PostStatus::Live),
            Some("matched") => Some(PostStatus::Matched),
            Some("delayed") => Some(PostStatus::Delayed),
            Some("unmatched") => Some(PostStatus::Unmatched),
            _ => None,
        };
        let error = self.error_msg.filter(|text| !text.is_empty());
        let order_id = self.order_id.filter(|id| !id.is_empty());
        match (self.success, error, order_id, status) {
            (true, None, Some(order_id), Some(status)) => PostOutcome::Accepted(Posted {
                order_id,
                status,
                making_micro: amount(self.making_amount.as_ref()),
                taking_micro: amount(self.taking_amount.as_ref()),
                trades: self.trade_ids.unwrap_or_default(),
            }),
            // A plain no. Throttled legs of a batch come as "delayed" and are a no, too.
            (false, error, _, _) => PostOutcome::Refused(refusal(error, Certainty::Rejected)),
            // Both yes and no, or yes to nothing.
            (true, error, _, _) => PostOutcome::Refused(refusal(error, Certainty::Unknown)),
        }
    }
}

fn refusal(message: Option<String>, certainty: Certainty) -> Refusal {
    Refusal { status: 200, code: None, message, details: None, certainty }
}

/// A success that cannot be read.
fn unreadable(status: u16, body: &[u8]) -> PostOutcome {
    let read = Refusal::read(status, body);
    PostOutcome::Refused(Refusal { certainty: Certainty::Unknown, ..read })
}

/// Reads the reply of `POST /order`.
#[must_use]
pub fn posted(status: u16, body: &[u8]) -> PostOutcome {
    if !(200..300).contains(&status) {
        return PostOutcome::Refused(Refusal::read(status, body));
    }
    let wire = serde_json::from_slice::<WirePosted>(body);
    wire.map_or_else(|_| unreadable(status, body), WirePosted::outcome)
}

/// Reads the reply of `POST /orders` with `count` orders: one outcome each, in their order. A reply
/// of another length says nothing about any of them.
#[must_use]
pub fn posted_batch(status: u16, body: &[u8], count: usize) -> Vec<PostOutcome> {
    if !(200..300).contains(&status) {
        return vec![PostOutcome::Refused(Refusal::read(status, body)); count];
    }
    match serde_json::from_slice::<Vec<serde_json::Value>>(body) {
        Ok(legs) if legs.len() == count => {
            let leg = |leg: serde_json::Value| {
                let text = leg.to_string();
                let wire = serde_json::from_value::<WirePosted>(leg);
                wire.map_or_else(|_| unreadable(status, text.as_bytes()), WirePosted::outcome)
            };
            legs.into_iter().map(leg).collect()
        }
        _ => vec![unreadable(status, body); count],
    }
}

/// What a cancel did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelReply {
    /// Orders that are out of the book now.
    pub cancelled: Vec<NativeId>,
    /// Orders that were not, with the venue's reason: over already, or not there. Each is looked up,
    /// none is cancelled again.
    pub not_cancelled: BTreeMap<NativeId, NativeId>,
}

/// Reads the reply of any cancel.
#[must_use]
pub fn cancelled(body: &[u8]) -> Option<CancelReply> {
    #[derive(Deserialize)]
    struct Wire {
        canceled: Vec<NativeId>,
        #[serde(alias = "notCanceled")]
        not_canceled: Option<BTreeMap<NativeId, NativeId>>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let not_cancelled = wire.not_canceled.unwrap_or_default();
    Some(CancelReply { cancelled: wire.canceled, not_cancelled })
}

/// Where an order stands, by the venue's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In the book.
    Live,
    /// Matched: out of the book.
    Matched,
    /// Held.
    Delayed,
    /// Not matched.
    Unmatched,
    /// Cancelled for any reason, or invalid.
    Ended,
    /// A word that we do not know.
    Other,
}

impl Status {
    fn of(word: &str) -> Self {
        let word = word.to_ascii_uppercase();
        match word.strip_prefix("ORDER_STATUS_").unwrap_or(&word) {
            "LIVE" => Self::Live,
            "MATCHED" => Self::Matched,
            "DELAYED" => Self::Delayed,
            "UNMATCHED" => Self::Unmatched,
            "INVALID" => Self::Ended,
            word if word.starts_with("CANCELED") => Self::Ended,
            _ => Self::Other,
        }
    }
}

/// An order by the venue's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// The hash of the order.
    pub order_id: NativeId,
    /// Where it stands.
    pub status: Status,
    /// Contracts at first; cash for a buy that spends a budget.
    pub original: Qty,
    /// Contracts traded.
    pub matched: Qty,
    /// Its limit.
    pub price: Price,
    /// Its trades.
    pub trades: Vec<NativeId>,
}

#[derive(Deserialize)]
struct WireOrder {
    id: NativeId,
    status: NativeId,
    original_size: Micro,
    size_matched: Micro,
    price: Micro,
    associate_trades: Option<Vec<NativeId>>,
}

impl WireOrder {
    fn view(self) -> Option<OrderView> {
        Some(OrderView {
            status: Status::of(&self.status),
            original: qty(self.original_size)?,
            matched: qty(self.size_matched)?,
            price: price(self.price)?,
            trades: self.associate_trades.unwrap_or_default(),
            order_id: self.id,
        })
    }
}

/// Reads one order.
#[must_use]
pub fn order(body: &[u8]) -> Option<OrderView> {
    serde_json::from_slice::<WireOrder>(body).ok()?.view()
}

/// One page of a list; `cursor` leads to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// `None` on the last page.
    pub cursor: Option<String>,
}

/// What the venue writes behind the last page.
const LAST_PAGE: &str = "LTE=";

#[derive(Deserialize)]
struct WirePage<W> {
    data: Vec<W>,
    next_cursor: Option<String>,
}

fn page<W, T>(wire: WirePage<W>, view: impl Fn(W) -> Option<T>) -> Option<Page<T>> {
    let items = wire.data.into_iter().map(view).collect::<Option<_>>()?;
    let is_next = |cursor: &String| !cursor.is_empty() && cursor != LAST_PAGE;
    Some(Page { items, cursor: wire.next_cursor.filter(is_next) })
}

/// Reads a page of orders.
#[must_use]
pub fn orders(body: &[u8]) -> Option<Page<OrderView>> {
    page(serde_json::from_slice(body).ok()?, WireOrder::view)
}

/// One resting order that a taker met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakerPart {
    /// Contracts.
    pub qty: Qty,
    /// Whether it named the taker's token; `None` where the venue does not say.
    pub is_same_token: Option<bool>,
}

/// One order's part in a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradePart {
    /// The venue's id of the trade. One trade may have parts of several of our orders.
    pub trade_id: NativeId,
    /// The hash of the order.
    pub order_id: NativeId,
    /// At the order's own token.
    pub price: Price,
    /// Contracts.
    pub qty: Qty,
    /// Whether the order took.
    pub is_taker: bool,
    /// How far the trade has come.
    pub settlement: Settlement,
    /// Of the taker's part: the resting orders that it met.
    pub met: Vec<MakerPart>,
}

#[derive(Deserialize)]
struct WireTrade {
    id: NativeId,
    taker_order_id: NativeId,
    asset_id: Option<NativeId>,
    size: Micro,
    price: Micro,
    status: NativeId,
    #[serde(default)]
    maker_orders: Vec<WireMaker>,
}

#[derive(Deserialize)]
struct WireMaker {
    order_id: NativeId,
    asset_id: Option<NativeId>,
    matched_amount: Micro,
    price: Micro,
}

impl WireTrade {
    /// A word that we do not know is a trade that may still change.
    fn settlement(&self) -> Settlement {
        let word = self.status.to_ascii_uppercase();
        match word.strip_prefix("TRADE_STATUS_").unwrap_or(&word) {
            "CONFIRMED" => Settlement::Confirmed,
            "FAILED" => Settlement::Failed,
            "MINED" => Settlement::Mined,
            _ => Settlement::Provisional,
        }
    }

    /// The taker's part first: what stands at the top is the taker's alone, and may even be of the
    /// other token.
    fn parts(self) -> Option<Vec<TradePart>> {
        let settlement = self.settlement();
        let trade_id = &self.id;
        let part = |order_id, at, amount, is_taker| {
            let trade_id = trade_id.clone();
            let (price, qty) = (price(at)?, qty(amount)?);
            let met = Vec::new();
            Some(TradePart { trade_id, order_id, price, qty, is_taker, settlement, met })
        };
        let met = self.maker_orders.iter().map(|maker| {
            let is_same_token = self
                .asset_id
                .as_ref()
                .zip(maker.asset_id.as_ref())
                .map(|(own, other)| own == other);
            Some(MakerPart { qty: qty(maker.matched_amount)?, is_same_token })
        });
        let met: Option<Vec<_>> = met.collect();
        let taker = part(self.taker_order_id, self.price, self.size, true)
            .zip(met)
            .map(|(taker, met)| TradePart { met, ..taker });
        let makers = self.maker_orders.into_iter();
        let makers =
            makers.map(|maker| part(maker.order_id, maker.price, maker.matched_amount, false));
        core::iter::once(taker).chain(makers).collect()
    }
}

/// Reads a page of trades: every order's part in each, for the caller to pick its own.
#[must_use]
pub fn trades(body: &[u8]) -> Option<Page<TradePart>> {
    let page = page(serde_json::from_slice(body).ok()?, WireTrade::parts)?;
    Some(Page { items: page.items.into_iter().flatten().collect(), cursor: page.cursor })
}

/// Reads the cash of a `GET /balance-allowance`: millionths as a text.
#[must_use]
pub fn balance(body: &[u8]) -> Option<Cash> {
    #[derive(Deserialize)]
    struct WireBalance {
        balance: NativeId,
    }
    let wire: WireBalance = serde_json::from_slice(body).ok()?;
    wire.balance.parse().ok().map(Cash::from_micro)
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
