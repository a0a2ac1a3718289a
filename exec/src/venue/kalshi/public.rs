//! Replies of the Trade API v2 about markets (kalshi.md section 3.1), as whoever checks an order
//! against the venue's own word needs them.

use dutchbook_book::{Price, Qty, Side};
use serde::Deserialize;

use super::reply::{NativeId, Page, WireSide, page};
use crate::decimal::{Micro, price, qty};

/// A range of the price grid: from, to, step, in millionths.
pub type GridRange = [i64; 3];

/// A market in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketView {
    /// Its name.
    pub ticker: NativeId,
    /// The event it belongs to.
    pub event_ticker: NativeId,
    /// The venue's word for its state.
    pub status: NativeId,
    /// Who won; `None` while nobody has.
    pub result: Option<NativeId>,
    /// Best bid for YES; zero where nobody bids.
    pub yes_bid: Price,
    /// Contracts there.
    pub yes_bid_size: Qty,
    /// Best offer of YES; one where nobody offers.
    pub yes_ask: Price,
    /// Contracts there.
    pub yes_ask_size: Qty,
    /// Best bid for NO.
    pub no_bid: Price,
    /// Best offer of NO.
    pub no_ask: Price,
    /// When it closes, as the venue writes it.
    pub close_time: NativeId,
    /// From determination to payment.
    pub settlement_timer_s: u64,
    /// The price grid: the law, whatever its label says.
    pub grid: Vec<GridRange>,
    /// Kind of the strike.
    pub strike_type: Option<NativeId>,
    /// Lower strike in millionths.
    pub floor_strike_micro: Option<i64>,
    /// Upper strike in millionths.
    pub cap_strike_micro: Option<i64>,
}

impl MarketView {
    /// Whether somebody bids and somebody offers.
    #[must_use]
    pub fn has_two_sided_book(&self) -> bool {
        !self.yes_bid_size.is_zero() && !self.yes_ask_size.is_zero()
    }
}

#[derive(Deserialize)]
struct WireMarket {
    ticker: NativeId,
    event_ticker: NativeId,
    status: NativeId,
    #[serde(default)]
    result: NativeId,
    yes_bid_dollars: Micro,
    yes_bid_size_fp: Micro,
    yes_ask_dollars: Micro,
    yes_ask_size_fp: Micro,
    no_bid_dollars: Micro,
    no_ask_dollars: Micro,
    close_time: NativeId,
    settlement_timer_seconds: u64,
    price_ranges: Vec<WireRange>,
    strike_type: Option<NativeId>,
    floor_strike: Option<serde_json::Number>,
    cap_strike: Option<serde_json::Number>,
}

#[derive(Deserialize)]
struct WireRange {
    start: Micro,
    end: Micro,
    step: Micro,
}

impl WireMarket {
    fn view(self) -> Option<MarketView> {
        let strike = |number: Option<serde_json::Number>| match number {
            None => Some(None),
            Some(number) => Micro::parse(&number.to_string()).map(|micro| Some(micro.0)),
        };
        let range = |range: &WireRange| [range.start.0, range.end.0, range.step.0];
        Some(MarketView {
            result: Some(self.result).filter(|result| !result.is_empty()),
            yes_bid: price(self.yes_bid_dollars)?,
            yes_bid_size: qty(self.yes_bid_size_fp)?,
            yes_ask: price(self.yes_ask_dollars)?,
            yes_ask_size: qty(self.yes_ask_size_fp)?,
            no_bid: price(self.no_bid_dollars)?,
            no_ask: price(self.no_ask_dollars)?,
            settlement_timer_s: self.settlement_timer_seconds,
            grid: self.price_ranges.iter().map(range).collect(),
            floor_strike_micro: strike(self.floor_strike)?,
            cap_strike_micro: strike(self.cap_strike)?,
            ticker: self.ticker,
            event_ticker: self.event_ticker,
            status: self.status,
            close_time: self.close_time,
            strike_type: self.strike_type,
        })
    }
}

/// Reads one market, alone or as the element of a list.
#[must_use]
pub fn market(body: &[u8]) -> Option<MarketView> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Alone { market: Box<WireMarket> },
        Element(Box<WireMarket>),
    }
    match serde_json::from_slice(body).ok()? {
        Wire::Alone { market } | Wire::Element(market) => market.view(),
    }
}

/// A public trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeView {
    /// The venue's id.
    pub trade_id: NativeId,
    /// The market.
    pub ticker: NativeId,
    /// On the YES scale.
    pub price: Price,
    /// Contracts.
    pub count: Qty,
    /// Whether the taker bought or sold YES.
    pub taker_side: Side,
    /// Whether it was agreed beside the book.
    pub is_block: bool,
}

/// Reads a page of public trades.
#[must_use]
pub fn trades(body: &[u8]) -> Option<Page<TradeView>> {
    #[derive(Deserialize)]
    struct Wire {
        trades: Vec<Trade>,
        cursor: Option<String>,
    }
    #[derive(Deserialize)]
    struct Trade {
        trade_id: NativeId,
        ticker: NativeId,
        yes_price_dollars: Micro,
        count_fp: Micro,
        taker_book_side: WireSide,
        #[serde(default)]
        is_block_trade: bool,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    page(wire.trades, wire.cursor, |trade| {
        Some(TradeView {
            price: price(trade.yes_price_dollars)?,
            count: qty(trade.count_fp)?,
            taker_side: trade.taker_book_side.side(),
            is_block: trade.is_block_trade,
            trade_id: trade.trade_id,
            ticker: trade.ticker,
        })
    })
}

/// A book over REST: bids for YES and bids for NO, each on its own scale, best last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookView {
    /// Bids for YES.
    pub yes: Vec<(Price, Qty)>,
    /// Bids for NO.
    pub no: Vec<(Price, Qty)>,
}

impl BookView {
    /// Best bid for YES.
    #[must_use]
    pub fn yes_bid(&self) -> Option<Price> {
        self.yes.iter().map(|level| level.0).max()
    }

    /// Best offer of YES: the complement of the best bid for NO.
    #[must_use]
    pub fn yes_ask(&self) -> Option<Price> {
        self.no.iter().map(|level| level.0.complement()).min()
    }
}

/// Reads a book; a side may be empty, null or absent.
#[must_use]
pub fn orderbook(body: &[u8]) -> Option<BookView> {
    #[derive(Deserialize)]
    struct Wire {
        orderbook_fp: Sides,
    }
    #[derive(Deserialize)]
    struct Sides {
        yes_dollars: Option<Vec<(Micro, Micro)>>,
        no_dollars: Option<Vec<(Micro, Micro)>>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let side = |levels: Option<Vec<(Micro, Micro)>>| -> Option<Vec<_>> {
        let levels = levels.unwrap_or_default().into_iter();
        levels.map(|(at, count)| Some((price(at)?, qty(count)?))).collect()
    };
    let Sides { yes_dollars, no_dollars } = wire.orderbook_fp;
    Some(BookView { yes: side(yes_dollars)?, no: side(no_dollars)? })
}

/// Whether the venue is up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExchangeStatus {
    /// It answers.
    pub exchange_active: bool,
    /// It trades.
    pub trading_active: bool,
    /// The same by engine; empty where the venue does not say it.
    #[serde(default, rename = "exchange_index_statuses")]
    pub shards: Vec<ShardStatus>,
}

/// Whether one engine is up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ShardStatus {
    /// Which.
    pub exchange_index: i64,
    /// It answers.
    pub exchange_active: bool,
    /// It trades.
    pub trading_active: bool,
}

/// Reads the venue's status.
#[must_use]
pub fn exchange_status(body: &[u8]) -> Option<ExchangeStatus> {
    serde_json::from_slice(body).ok()
}
