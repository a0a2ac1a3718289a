//! Reads: their targets with query. A query is sent and never signed.

use super::PREFIX;

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// A page of markets.
    Markets,
    /// One market.
    Market(&'a str),
    /// The book of a market.
    Orderbook(&'a str),
    /// The books of the markets in the query.
    Orderbooks,
    /// A page of events.
    Events,
    /// A page of own orders.
    Orders,
    /// One own order.
    Order(&'a str),
    /// A page of own positions.
    Positions,
    /// A page of own fills.
    Fills,
    /// Own cash.
    Balance,
    /// Contracts ahead of own orders.
    QueuePositions,
    /// Own rate limits.
    AccountLimits,
    /// Whether the venue trades.
    ExchangeStatus,
}

/// The target of a read. Names and values of the query are the venue's own words, tickers, ids and
/// numbers; anything that would need an escape makes the head refuse the target.
#[must_use]
pub fn read_target(read: Read<'_>, query: &[(&str, &str)]) -> String {
    let mut target = match read {
        Read::Markets => format!("{PREFIX}/markets"),
        Read::Market(ticker) => format!("{PREFIX}/markets/{ticker}"),
        Read::Orderbook(ticker) => format!("{PREFIX}/markets/{ticker}/orderbook"),
        Read::Orderbooks => format!("{PREFIX}/markets/orderbooks"),
        Read::Events => format!("{PREFIX}/events"),
        Read::Orders => format!("{PREFIX}/portfolio/orders"),
        Read::Order(order_id) => format!("{PREFIX}/portfolio/orders/{order_id}"),
        Read::Positions => format!("{PREFIX}/portfolio/positions"),
        Read::Fills => format!("{PREFIX}/portfolio/fills"),
        Read::Balance => format!("{PREFIX}/portfolio/balance"),
        Read::QueuePositions => format!("{PREFIX}/portfolio/orders/queue_positions"),
        Read::AccountLimits => format!("{PREFIX}/account/limits"),
        Read::ExchangeStatus => format!("{PREFIX}/exchange/status"),
    };
    for (index, (name, value)) in query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(name);
        target.push('=');
        target.push_str(value);
    }
    target
}
