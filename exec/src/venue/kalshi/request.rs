//! Requests of the Trade API v2 (kalshi.md section 3): paths, queries and bodies.
//!
//! Bodies hold only what is set, never a null. Prices are on the YES scale: buying NO at 0.44 is an
//! ask at 0.56.

mod read;

pub use read::{Read, read_target};

use core::fmt::Write;

use dutchbook_book::{Price, Qty, Side};

use crate::wire::WireBuf;

/// In front of every path; part of what is signed.
pub const PREFIX: &str = "/trade-api/v2";
/// Creates an order, or cancels all.
pub const ORDERS: &str = "/trade-api/v2/portfolio/events/orders";
/// Creates or cancels several.
pub const ORDERS_BATCHED: &str = "/trade-api/v2/portfolio/events/orders/batched";
/// Creates an order group.
pub const GROUP_CREATE: &str = "/trade-api/v2/portfolio/order_groups/create";
/// The path of the WebSocket upgrade.
pub const STREAM: &str = "/trade-api/ws/v2";

/// Millionths in the finest step of a price.
const PRICE_STEP: u32 = 100;
/// Millionths in the finest step of a count.
const COUNT_STEP: u64 = 10_000;

/// Why a request cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The price has more than four decimals, or is 0 or 1.
    #[error("order price: not on the venue's grid")]
    OffGrid,
    /// The count has more than two decimals, or is zero.
    #[error("order count: not a positive number of hundredths")]
    OffLot,
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until it is cancelled, or until a second since 1970.
    Gtc(Option<u64>),
    /// What there is now.
    Ioc,
    /// All of it now, or nothing.
    Fok,
}

/// Which order goes when one of ours meets another of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// The incoming one.
    TakerAtCross,
    /// The resting one.
    Maker,
}

impl SelfTrade {
    const fn text(self) -> &'static str {
        match self {
            Self::TakerAtCross => "taker_at_cross",
            Self::Maker => "maker",
        }
    }
}

/// Where an order lives: which of the venue's engines, whose account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routing<'a> {
    /// Subaccount; none is the main one.
    pub subaccount: Option<u8>,
    /// Engine; −1 lets the venue find it by the ticker, which costs every engine's budget.
    pub exchange_index: Option<i16>,
    /// Market, for the venue to find the engine by.
    pub market_ticker: Option<&'a str>,
}

/// An order to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateOrder<'a> {
    /// The market.
    pub ticker: &'a str,
    /// Our id of it, never used before.
    pub client_order_id: &'a str,
    /// Buy or sell YES.
    pub side: Side,
    /// Contracts.
    pub count: Qty,
    /// On the YES scale.
    pub price: Price,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// What happens when it meets another order of ours.
    pub self_trade: SelfTrade,
    /// Refused rather than matched at once.
    pub is_post_only: bool,
    /// Only makes a position smaller; with [`TimeInForce::Ioc`] only.
    pub is_reduce_only: bool,
    /// Cancelled when trading pauses.
    pub is_cancelled_on_pause: bool,
    /// Subaccount; none is the main one.
    pub subaccount: Option<u8>,
    /// Engine; none lets the venue find it.
    pub exchange_index: Option<i16>,
    /// The group whose fuse it hangs on.
    pub order_group: Option<&'a str>,
}

impl<'a> CreateOrder<'a> {
    /// An order without options: taken now at a bound price.
    #[must_use]
    pub const fn ioc(
        ticker: &'a str,
        client_order_id: &'a str,
        side: Side,
        price: Price,
        count: Qty,
    ) -> Self {
        Self {
            ticker,
            client_order_id,
            side,
            count,
            price,
            time_in_force: TimeInForce::Ioc,
            self_trade: SelfTrade::TakerAtCross,
            is_post_only: false,
            is_reduce_only: false,
            is_cancelled_on_pause: false,
            subaccount: None,
            exchange_index: None,
            order_group: None,
        }
    }

    /// Writes the body, which is also an element of a batch.
    ///
    /// # Errors
    /// When price or count are not the venue's; nothing is written then.
    pub fn write(&self, out: &mut WireBuf) -> Result<(), RequestError> {
        check(self.price, self.count)?;
        out.push(b"{\"ticker\":");
        out.push_json_text(self.ticker);
        out.push(b",\"client_order_id\":");
        out.push_json_text(self.client_order_id);
        write_terms(self.side, self.count, self.price, out);
        match self.time_in_force {
            TimeInForce::Gtc(None) => out.push(b",\"time_in_force\":\"good_till_canceled\""),
            TimeInForce::Gtc(Some(unix_s)) => {
                out.push(b",\"expiration_time\":");
                out.push_u64(unix_s);
                out.push(b",\"time_in_force\":\"good_till_canceled\"");
            }
            TimeInForce::Ioc => out.push(b",\"time_in_force\":\"immediate_or_cancel\""),
            TimeInForce::Fok => out.push(b",\"time_in_force\":\"fill_or_kill\""),
        }
        out.push(b",\"self_trade_prevention_type\":");
        out.push_json_text(self.self_trade.text());
        let flags: [(bool, &[u8]); 3] = [
            (self.is_post_only, b",\"post_only\":true"),
            (self.is_reduce_only, b",\"reduce_only\":true"),
            (self.is_cancelled_on_pause, b",\"cancel_order_on_pause\":true"),
        ];
        flags.iter().filter(|(is_set, _)| *is_set).for_each(|(_, text)| out.push(text));
        write_place(self.subaccount, self.exchange_index, out);
        if let Some(group) = self.order_group {
            out.push(b",\"order_group_id\":");
            out.push_json_text(group);
        }
        out.push(b"}");
        Ok(())
    }
}

fn check(price: Price, count: Qty) -> Result<(), RequestError> {
    let micro = price.micro();
    if micro == 0 || price >= Price::ONE || !micro.is_multiple_of(PRICE_STEP) {
        return Err(RequestError::OffGrid);
    }
    match count.is_zero() || !count.micro().is_multiple_of(COUNT_STEP) {
        true => Err(RequestError::OffLot),
        false => Ok(()),
    }
}

fn write_terms(side: Side, count: Qty, price: Price, out: &mut WireBuf) {
    out.push(match side {
        Side::Buy => b",\"side\":\"bid\",\"count\":\"",
        Side::Sell => b",\"side\":\"ask\",\"count\":\"",
    });
    out.push_micro(count.micro(), 2);
    out.push(b"\",\"price\":\"");
    out.push_micro(u64::from(price.micro()), 4);
    out.push(b"\"");
}

fn write_place(subaccount: Option<u8>, exchange_index: Option<i16>, out: &mut WireBuf) {
    if let Some(subaccount) = subaccount {
        out.push(b",\"subaccount\":");
        out.push_u64(u64::from(subaccount));
    }
    if let Some(index) = exchange_index {
        out.push(b",\"exchange_index\":");
        write_index(index, out);
    }
}

fn write_index(index: i16, out: &mut WireBuf) {
    if index < 0 {
        out.push(b"-");
    }
    out.push_u64(u64::from(index.unsigned_abs()));
}

/// Writes the body of a batch of orders.
///
/// # Errors
/// When one of them cannot be written: the batch may not be sent then.
pub fn write_batch(orders: &[CreateOrder<'_>], out: &mut WireBuf) -> Result<(), RequestError> {
    out.push(b"{\"orders\":[");
    for (index, order) in orders.iter().enumerate() {
        out.push(if index == 0 { b"" } else { b"," });
        order.write(out)?;
    }
    out.push(b"]}");
    Ok(())
}

/// The target of a cancel. Without routing only the first engine is asked.
#[must_use]
pub fn cancel_target(order_id: &str, routing: &Routing<'_>) -> String {
    let mut target = format!("{ORDERS}/{order_id}");
    let mut mark = '?';
    let mut add = |name: &str, value: &dyn core::fmt::Display| {
        // Writing to a `String` does not fail.
        write!(target, "{mark}{name}={value}").ok();
        mark = '&';
    };
    if let Some(subaccount) = routing.subaccount {
        add("subaccount", &subaccount);
    }
    if let Some(index) = routing.exchange_index {
        add("exchange_index", &index);
    }
    if let Some(ticker) = routing.market_ticker {
        add("market_ticker", &ticker);
    }
    target
}

/// Writes the body of a cancel of several orders.
pub fn write_batch_cancel(orders: &[(&str, Routing<'_>)], out: &mut WireBuf) {
    out.push(b"{\"orders\":[");
    for (index, (order_id, routing)) in orders.iter().enumerate() {
        out.push(if index == 0 { b"{\"order_id\":" } else { b",{\"order_id\":" });
        out.push_json_text(order_id);
        write_place(routing.subaccount, routing.exchange_index, out);
        if let Some(ticker) = routing.market_ticker {
            out.push(b",\"market_ticker\":");
            out.push_json_text(ticker);
        }
        out.push(b"}");
    }
    out.push(b"]}");
}

/// A change of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amend<'a> {
    /// The market.
    pub ticker: &'a str,
    /// Buy or sell YES, as it is.
    pub side: Side,
    /// The new price.
    pub price: Price,
    /// What is filled already plus what shall remain.
    pub count: Qty,
    /// Our id of it, to be checked.
    pub client_order_id: Option<&'a str>,
    /// Our new id of it.
    pub updated_client_order_id: Option<&'a str>,
}

impl Amend<'_> {
    /// Writes the body.
    ///
    /// # Errors
    /// When price or count are not the venue's; nothing is written then.
    pub fn write(&self, out: &mut WireBuf) -> Result<(), RequestError> {
        check(self.price, self.count)?;
        out.push(b"{\"ticker\":");
        out.push_json_text(self.ticker);
        write_terms(self.side, self.count, self.price, out);
        let ids: [(&[u8], _); 2] = [
            (b",\"client_order_id\":", self.client_order_id),
            (b",\"updated_client_order_id\":", self.updated_client_order_id),
        ];
        for (name, id) in ids.into_iter().filter_map(|(name, id)| Some((name, id?))) {
            out.push(name);
            out.push_json_text(id);
        }
        out.push(b"}");
        Ok(())
    }
}

/// The target of an amendment.
#[must_use]
pub fn amend_target(order_id: &str) -> String {
    format!("{ORDERS}/{order_id}/amend")
}

/// Makes a resting order smaller; it keeps its place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrease {
    /// By so many contracts.
    By(Qty),
    /// To so many.
    To(Qty),
}

impl Decrease {
    /// Writes the body.
    pub fn write(self, out: &mut WireBuf) {
        let (name, count): (&[u8], _) = match self {
            Self::By(count) => (b"{\"reduce_by\":\"", count),
            Self::To(count) => (b"{\"reduce_to\":\"", count),
        };
        out.push(name);
        out.push_micro(count.micro(), 2);
        out.push(b"\"}");
    }
}

/// The target of a decrease.
#[must_use]
pub fn decrease_target(order_id: &str) -> String {
    format!("{ORDERS}/{order_id}/decrease")
}

/// What is done to an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// A new limit, in the body.
    Limit,
    /// The fuse is put back in.
    Reset,
    /// The fuse blows now.
    Trigger,
}

/// The target of a change of an order group.
#[must_use]
pub fn group_target(group_id: &str, change: GroupChange) -> String {
    let change = match change {
        GroupChange::Limit => "limit",
        GroupChange::Reset => "reset",
        GroupChange::Trigger => "trigger",
    };
    format!("{PREFIX}/portfolio/order_groups/{group_id}/{change}")
}

/// Writes the body with a group's limit: contracts per rolling fifteen seconds.
pub fn write_group_limit(contracts: u64, out: &mut WireBuf) {
    out.push(b"{\"contracts_limit\":");
    out.push_u64(contracts);
    out.push(b"}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_venue_would_refuse_is_not_written() {
        let price = |micro| Price::from_micro(micro).unwrap();
        let count = |micro| Qty::from_micro(micro).unwrap();
        for (price, count, error) in [
            (price(0), count(10_000), RequestError::OffGrid),
            (price(1_000_000), count(10_000), RequestError::OffGrid),
            (price(500_050), count(10_000), RequestError::OffGrid),
            (price(500_000), count(0), RequestError::OffLot),
            (price(500_000), count(15_000), RequestError::OffLot),
        ] {
            let mut out = WireBuf::new(1024);
            let order = CreateOrder::ioc("T", "c", Side::Buy, price, count);
            assert_eq!(order.write(&mut out), Err(error));
            assert_eq!(write_batch(&[order], &mut out), Err(error));
        }
    }
}
