//! Books, prints and the state of the exchange as REST shows them.

use std::collections::VecDeque;

use dutchbook_book::{BookId, Level, Nanos, Price, Qty, Side};
use serde_json::{Value, json};

use super::super::text::{Count2, Dollars4, Rfc3339};
use super::discovery::Look;
use super::query::{Query, page};
use super::refusal::Refusal;

/// Prints that are kept, of all markets together.
const PRINTS_MAX: usize = 50_000;
/// Books that one request may ask for.
const BOOKS_MAX: usize = 100;

/// A match as everybody sees it.
#[derive(Clone, Debug)]
pub(super) struct Print {
    number: u64,
    pub(super) trade_id: String,
    pub(super) book: BookId,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) taker_side: Side,
    pub(super) at: Nanos,
}

impl Print {
    /// A match that is not numbered yet.
    pub(super) const fn new(
        trade_id: String,
        book: BookId,
        level: Level,
        taker_side: Side,
        at: Nanos,
    ) -> Self {
        let Level { price, qty } = level;
        Self { number: 0, trade_id, book, price, qty, taker_side, at }
    }
}

/// The last matches, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Prints {
    list: VecDeque<Print>,
    count: u64,
}

impl Prints {
    pub(super) fn push(&mut self, mut print: Print) {
        self.count += 1;
        print.number = self.count;
        if self.list.len() >= PRINTS_MAX {
            self.list.pop_front();
        }
        self.list.push_back(print);
    }
}

/// How a side of the market is called: the outcome that is bought, and the side of the book.
pub(super) const fn names(side: Side) -> (&'static str, &'static str) {
    match side {
        Side::Buy => ("yes", "bid"),
        Side::Sell => ("no", "ask"),
    }
}

/// One side of a book: bids of that outcome, best last. `depth` keeps the best ones.
fn levels(list: &[Level], depth: usize) -> Vec<Value> {
    let from = if depth == 0 { 0 } else { list.len().saturating_sub(depth) };
    let best = list.get(from..).unwrap_or_default();
    let each = best
        .iter()
        .map(|level| json!([Dollars4(level.price).to_string(), Count2(level.qty).to_string()]));
    each.collect()
}

impl Look<'_> {
    fn book(&self, book: BookId, depth: usize) -> Value {
        let side = |side| {
            let market = self.markets.get(book.index());
            market.map(|market| market.book.levels(side)).unwrap_or_default()
        };
        let no: Vec<Level> = side(Side::Sell).into_iter().map(Level::mirrored).collect();
        json!({ "no_dollars": levels(&no, depth), "yes_dollars": levels(&side(Side::Buy), depth) })
    }

    /// `GET /markets/{ticker}/orderbook`.
    pub(super) fn get_orderbook(&self, ticker: &str, query: &Query) -> Result<Value, Refusal> {
        let market = self.listed.of_ticker(ticker).ok_or_else(Refusal::not_found)?;
        let depth = match query.int("depth")?.map(usize::try_from) {
            None => 0,
            Some(Ok(depth)) if depth <= 100 => depth,
            Some(Ok(_)) => {
                return Err(Refusal::parameter("GetMarketOrderbook", "Depth", "lte"));
            }
            Some(Err(_)) => return Err(Refusal::parameter("GetMarketOrderbook", "Depth", "gte")),
        };
        Ok(json!({ "orderbook_fp": self.book(market.book, depth) }))
    }

    /// `GET /markets/orderbooks`.
    pub(super) fn get_orderbooks(&self, query: &Query) -> Result<Value, Refusal> {
        let refused = |tag| Refusal::parameter("GetMarketOrderbooks", "Tickers", tag);
        let tickers = query.list("tickers").ok_or_else(|| refused("required"))?;
        if tickers.len() > BOOKS_MAX {
            return Err(refused("max"));
        }
        let mut list = Vec::new();
        for ticker in tickers {
            let market = self.listed.of_ticker(ticker).ok_or_else(Refusal::not_found)?;
            list.push(json!({ "orderbook_fp": self.book(market.book, 0), "ticker": ticker }));
        }
        Ok(json!({ "orderbooks": list }))
    }

    /// `GET /markets/trades`, newest first.
    pub(super) fn get_trades(&self, prints: &Prints, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(100, 1_000)?;
        let before = query.cursor();
        let (min, max) = (query.secs("min_ts")?, query.secs("max_ts")?);
        let ticker = query.text("ticker");
        let wanted = ticker.map(|ticker| self.listed.of_ticker(ticker).map(|market| market.book));
        let no_blocks = !query.flag("is_block_trade");
        let fits = |print: &&Print| {
            let secs = print.at.0 / 1_000_000_000;
            before.is_none_or(|before| print.number < before)
                && wanted.is_none_or(|book| book == Some(print.book))
                && min.is_none_or(|min| secs >= min)
                && max.is_none_or(|max| secs <= max)
                && no_blocks
        };
        let rest = prints.list.iter().rev().filter(fits);
        let page = page(rest.map(|print| (print.number, self.print(print))), limit);
        Ok(json!({ "cursor": page.cursor, "trades": page.entries }))
    }

    fn print(&self, print: &Print) -> Value {
        let (outcome, side) = names(print.taker_side);
        json!({
            "count_fp": Count2(print.qty).to_string(),
            "created_time": Rfc3339(print.at).to_string(),
            "is_block_trade": false,
            "no_price_dollars": Dollars4(print.price.complement()).to_string(),
            "taker_book_side": side,
            "taker_outcome_side": outcome,
            "taker_side": outcome,
            "ticker": self.listed.ticker(print.book),
            "trade_id": print.trade_id,
            "yes_price_dollars": Dollars4(print.price).to_string(),
        })
    }
}

/// `GET /exchange/status`, while the matching engine is down until a moment or not.
pub(super) fn status(is_trading: bool, down_until: Option<Nanos>) -> Value {
    let (is_active, trades) = (down_until.is_none(), is_trading && down_until.is_none());
    let mut status = json!({
        "exchange_active": is_active,
        "exchange_index_statuses": [{
            "description": "default",
            "exchange_active": is_active,
            "exchange_index": 0,
            "intra_exchange_transfers_active": false,
            "trading_active": trades,
        }],
        "intra_exchange_transfers_active": false,
        "trading_active": trades,
    });
    if let (Some(until), Some(map)) = (down_until, status.as_object_mut()) {
        let until = Rfc3339(until).to_string();
        map.insert("exchange_estimated_resume_time".to_owned(), until.into());
    }
    status
}

/// `GET /exchange/schedule`: every day, all day, but for the maintenance that is under way.
pub(super) fn schedule(since: Nanos, maintenance: Option<[Nanos; 2]>) -> Value {
    let mut week = json!({
        "end_time": Rfc3339(since.plus(Nanos::from_secs(366 * 86_400))).to_string(),
        "start_time": Rfc3339(since).to_string(),
    });
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    if let Some(map) = week.as_object_mut() {
        for day in days {
            map.insert(day.to_owned(), json!([{ "close_time": "00:00", "open_time": "00:00" }]));
        }
    }
    let windows = maintenance.iter().map(|[from, to]| {
        json!({
            "start_datetime": Rfc3339(*from).to_string(),
            "end_datetime": Rfc3339(*to).to_string(),
        })
    });
    let windows: Vec<Value> = windows.collect();
    json!({ "schedule": { "maintenance_windows": windows, "standard_hours": [week] } })
}

/// `GET /exchange/user_data_timestamp`.
pub(super) fn user_data_timestamp(now: Nanos) -> Value {
    json!({ "as_of_time": Rfc3339(now).to_string() })
}
