//! Kalshi's WebSocket: commands, subscriptions with their shared sequence, and the frames.
//!
//! A connection has one subscription (`sid`) per channel; its `seq` counts snapshots, deltas and
//! the `ok` and `unsubscribed` replies of all its markets together.

pub mod venue;

use std::collections::BTreeSet;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{BookId, Level, Nanos, Price, Qty, QtyChange, Side};
use serde_json::Value;

use super::flow::Ending;
use super::matching::MatchEvent;
use super::polymarket::trades;
use super::rng::mix;
use super::scenario::Scenario;
use super::text::{Change2, Count2, Dollars4, Rfc3339, put, uuid};
use super::world::Market;

/// The channels that the simulated venue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Books,
    Ticker,
    Trades,
    Lifecycle,
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::Books => "orderbook_delta",
            Self::Ticker => "ticker",
            Self::Trades => "trade",
            Self::Lifecycle => "market_lifecycle_v2",
        }
    }

    fn of(name: &str) -> Option<Self> {
        let all = [Self::Books, Self::Ticker, Self::Trades, Self::Lifecycle];
        all.into_iter().find(|channel| channel.name() == name)
    }

    const fn has_sequence(self) -> bool {
        !matches!(self, Self::Ticker)
    }
}

#[derive(Clone, Debug)]
struct Subscription {
    sid: u32,
    channel: Channel,
    /// `None` is every market.
    books: Option<BTreeSet<BookId>>,
    seq: u64,
    use_yes_price: bool,
}

impl Subscription {
    fn takes(&self, book: BookId) -> bool {
        self.books.as_ref().is_none_or(|books| books.contains(&book))
    }

    const fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }
}

/// One connection's subscriptions.
#[derive(Clone, Debug, Default)]
pub struct Session {
    subscriptions: Vec<Subscription>,
    sid_count: u32,
}

/// Why a command is refused: the venue's code and words.
type Refusal = (u32, &'static str);

const MALFORMED: Refusal = (1, "Unable to process message");
const NO_PARAMS: Refusal = (2, "Params required");
const NO_CHANNELS: Refusal = (3, "Channels required");
const NO_SIDS: Refusal = (4, "Subscription IDs required");
const BAD_COMMAND: Refusal = (5, "Unknown command");
const BAD_SID: Refusal = (7, "Unknown subscription ID");
const BAD_CHANNEL: Refusal = (8, "Unknown channel name");
const ONE_SID: Refusal = (12, "Exactly one subscription ID is required");
const BAD_ACTION: Refusal = (13, "Unsupported action");
const NO_MARKET: Refusal = (14, "Market ticker required");
const NO_ACTION: Refusal = (15, "Action required");

/// The venue as a client's command sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Venue<'a> {
    /// What is listed.
    pub(crate) scenario: &'a Scenario,
    /// How the listings are.
    pub(crate) markets: &'a [Market],
}

impl Session {
    /// Executes a command; the frames are what the client gets for it.
    pub(crate) fn on_text(&mut self, text: &str, venue: Venue<'_>) -> Vec<String> {
        let Ok(command) = serde_json::from_str::<Value>(text) else {
            return vec![refusal(0, MALFORMED)];
        };
        let id = command.get("id").and_then(Value::as_u64).unwrap_or(0);
        let params = command.get("params");
        let done = match command.get("cmd").and_then(Value::as_str) {
            Some("subscribe") => self.subscribe(id, params, venue),
            Some("update_subscription") => self.update(id, params, venue),
            Some("unsubscribe") => self.unsubscribe(id, params),
            Some("list_subscriptions") => Ok(vec![self.list(id)]),
            _ => Err(BAD_COMMAND),
        };
        done.unwrap_or_else(|why| vec![refusal(id, why)])
    }

    fn subscribe(
        &mut self,
        id: u64,
        params: Option<&Value>,
        venue: Venue<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let params = params.ok_or(NO_PARAMS)?;
        let names = params.get("channels").and_then(Value::as_array).ok_or(NO_CHANNELS)?;
        let use_yes_price = params.get("use_yes_price").and_then(Value::as_bool) == Some(true);
        let books = venue.books_of(params);
        let mut frames = Vec::new();
        let mut channels = Vec::new();
        for name in names {
            channels.push(name.as_str().and_then(Channel::of).ok_or(BAD_CHANNEL)?);
        }
        if channels.is_empty() {
            return Err(NO_CHANNELS);
        }
        for channel in channels {
            if channel == Channel::Books && books.is_none() {
                return Err(NO_MARKET);
            }
            if let Some(at) = self.subscriptions.iter().position(|sub| sub.channel == channel) {
                let added = books.clone().unwrap_or_default();
                self.merge(at, id, &added, venue, &mut frames);
                continue;
            }
            self.sid_count += 1;
            let sid = self.sid_count;
            frames.push(format!(
                r#"{{"type":"subscribed","id":{id},"msg":{{"channel":"{}","sid":{sid}}}}}"#,
                channel.name()
            ));
            let books = if channel == Channel::Lifecycle { None } else { books.clone() };
            let list: Vec<BookId> = books.iter().flatten().copied().collect();
            let mut sub = Subscription { sid, channel, books, seq: 0, use_yes_price };
            if channel == Channel::Books {
                frames.extend(list.iter().filter_map(|book| venue.snapshot(&mut sub, *book)));
            }
            self.subscriptions.push(sub);
        }
        Ok(frames)
    }

    /// Adds markets to a subscription: `ok`, then snapshots of those that are new to it.
    fn merge(
        &mut self,
        at: usize,
        id: u64,
        added: &BTreeSet<BookId>,
        venue: Venue<'_>,
        frames: &mut Vec<String>,
    ) {
        let Some(sub) = self.subscriptions.get_mut(at) else { return };
        let mut fresh = Vec::new();
        if let Some(books) = &mut sub.books {
            fresh.extend(added.iter().copied().filter(|book| books.insert(*book)));
        }
        frames.push(venue.ok(id, sub));
        if sub.channel == Channel::Books {
            frames.extend(fresh.iter().filter_map(|book| venue.snapshot(sub, *book)));
        }
    }

    fn update(
        &mut self,
        id: u64,
        params: Option<&Value>,
        venue: Venue<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let params = params.ok_or(NO_PARAMS)?;
        let sids = sids_of(params);
        let [sid] = sids.as_slice() else {
            return Err(if sids.is_empty() { NO_SIDS } else { ONE_SID });
        };
        let action = params.get("action").and_then(Value::as_str).ok_or(NO_ACTION)?;
        let is_it = |sub: &Subscription| sub.sid == *sid;
        let at = self.subscriptions.iter().position(is_it).ok_or(BAD_SID)?;
        let named = venue.books_of(params).ok_or(NO_MARKET)?;
        let mut frames = Vec::new();
        match action {
            "add_markets" => self.merge(at, id, &named, venue, &mut frames),
            "delete_markets" | "get_snapshot" => {
                let sub = self.subscriptions.get_mut(at).ok_or(BAD_SID)?;
                if action == "delete_markets" {
                    if let Some(books) = &mut sub.books {
                        books.retain(|book| !named.contains(book));
                    }
                    frames.push(venue.ok(id, sub));
                } else {
                    frames.push(venue.ok(id, sub));
                    let theirs: Vec<BookId> =
                        named.into_iter().filter(|book| sub.takes(*book)).collect();
                    frames.extend(theirs.iter().filter_map(|book| venue.snapshot(sub, *book)));
                }
            }
            _ => return Err(BAD_ACTION),
        }
        Ok(frames)
    }

    fn unsubscribe(&mut self, id: u64, params: Option<&Value>) -> Result<Vec<String>, Refusal> {
        let sids = sids_of(params.ok_or(NO_PARAMS)?);
        if sids.is_empty() {
            return Err(NO_SIDS);
        }
        let mut frames = Vec::new();
        for sid in sids {
            let is_it = |sub: &Subscription| sub.sid == sid;
            let at = self.subscriptions.iter().position(is_it).ok_or(BAD_SID)?;
            let mut gone = self.subscriptions.remove(at);
            let seq = gone.next_seq();
            frames.push(format!(r#"{{"id":{id},"sid":{sid},"seq":{seq},"type":"unsubscribed"}}"#));
        }
        Ok(frames)
    }

    fn list(&self, id: u64) -> String {
        let each = self
            .subscriptions
            .iter()
            .map(|sub| format!(r#"{{"channel":"{}","sid":{}}}"#, sub.channel.name(), sub.sid));
        let list: Vec<String> = each.collect();
        format!(r#"{{"id":{id},"type":"ok","msg":[{}]}}"#, list.join(","))
    }

    /// Uses up one sequence number of the book channel without a frame.
    pub(crate) fn skip_sequence(&mut self) {
        for sub in self.subscriptions.iter_mut().filter(|sub| sub.channel == Channel::Books) {
            sub.next_seq();
        }
    }

    /// The frame that this connection gets for something that happened, if it asked for it.
    pub(crate) fn frame(&mut self, said: &Said) -> Option<String> {
        let takes = |sub: &&mut Subscription| sub.channel == said.channel && sub.takes(said.book);
        let sub = self.subscriptions.iter_mut().find(takes)?;
        let body = if sub.use_yes_price { &said.body_yes_price } else { &said.body };
        let body = if body.is_empty() { &said.body } else { body };
        let (kind, sid) = (said.kind, sub.sid);
        Some(if said.channel.has_sequence() {
            let seq = sub.next_seq();
            format!(r#"{{"type":"{kind}","sid":{sid},"seq":{seq},"msg":{body}}}"#)
        } else {
            format!(r#"{{"type":"{kind}","sid":{sid},"msg":{body}}}"#)
        })
    }
}

fn refusal(id: u64, (code, words): Refusal) -> String {
    format!(r#"{{"id":{id},"type":"error","msg":{{"code":{code},"msg":"{words}"}}}}"#)
}

fn sids_of(params: &Value) -> Vec<u32> {
    let one = params.get("sid").into_iter();
    let many = params.get("sids").and_then(Value::as_array).into_iter().flatten();
    one.chain(many).filter_map(|sid| u32::try_from(sid.as_u64()?).ok()).collect()
}

impl Venue<'_> {
    /// The listings that a command names; `None` when it names none. Unknown tickers are left out.
    fn books_of(&self, params: &Value) -> Option<BTreeSet<BookId>> {
        let many = params.get("market_tickers").and_then(Value::as_array);
        let one = params.get("market_ticker");
        if many.is_none() && one.is_none() {
            return None;
        }
        let tickers = many.into_iter().flatten().chain(one);
        let books = tickers.filter_map(|ticker| {
            let (book, _) = self.scenario.book_of_native(ticker.as_str()?)?;
            let listing = self.scenario.catalog.listing(book)?;
            (listing.kind == VenueKind::Kalshi).then_some(book)
        });
        Some(books.collect())
    }

    fn ok(&self, id: u64, sub: &mut Subscription) -> String {
        let listed = sub.books.iter().flatten().filter_map(|book| {
            self.scenario.catalog.listing(*book).map(|l| format!(r#""{}""#, l.native_market))
        });
        let mut tickers: Vec<String> = listed.collect();
        tickers.sort();
        let (sid, seq) = (sub.sid, sub.next_seq());
        format!(
            r#"{{"type":"ok","id":{id},"sid":{sid},"seq":{seq},"msg":{{"market_tickers":[{}]}}}}"#,
            tickers.join(",")
        )
    }

    fn snapshot(&self, sub: &mut Subscription, book: BookId) -> Option<String> {
        let listing = self.scenario.catalog.listing(book)?;
        let market = self.markets.get(book.index())?;
        let mut out = String::with_capacity(1_024);
        let (sid, seq) = (sub.sid, sub.next_seq());
        put!(
            out,
            r#"{{"type":"orderbook_snapshot","sid":{sid},"seq":{seq},"msg":{{"market_ticker":"{}","market_id":"{}""#,
            listing.native_market,
            self.scenario.market_ids.get(book.index())?
        );
        put_levels(&mut out, "yes_dollars_fp", &market.book.levels(Side::Buy));
        // Best last on the NO scale is best last here; on the YES scale prices ascend from the best.
        let mut asks = market.book.levels(Side::Sell);
        if sub.use_yes_price {
            asks.reverse();
        } else {
            asks = asks.into_iter().map(Level::mirrored).collect();
        }
        put_levels(&mut out, "no_dollars_fp", &asks);
        out.push_str("}}");
        Some(out)
    }
}

/// A side of a snapshot; an empty one has no key.
fn put_levels(out: &mut String, key: &str, levels: &[Level]) {
    if levels.is_empty() {
        return;
    }
    put!(*out, r#","{key}":["#);
    for (index, level) in levels.iter().enumerate() {
        let between = if index == 0 { "" } else { "," };
        put!(*out, r#"{between}["{}","{}"]"#, Dollars4(level.price), Count2(level.qty));
    }
    out.push(']');
}

/// Something that happened, before a connection's numbers are put before it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    channel: Channel,
    kind: &'static str,
    book: BookId,
    body: String,
    /// The same with NO levels on the YES scale; empty where nothing differs.
    body_yes_price: String,
}

/// One listing as it is, with what its frames repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The listing.
    pub(crate) listing: &'a Listing,
    /// Its state.
    pub(crate) market: &'a Market,
    /// Kalshi's `market_id`.
    pub(crate) market_id: &'a str,
    /// When.
    pub(crate) now: Nanos,
}

impl Shown<'_> {
    fn said(&self, channel: Channel, kind: &'static str, body: String) -> Said {
        Said { channel, kind, book: self.listing.book, body, body_yes_price: String::new() }
    }

    /// Everything that one operation makes the venue say.
    pub(crate) fn changed(&self, events: &[MatchEvent], is_top: bool) -> Vec<Said> {
        let trades = trades(events);
        let mut list = Vec::new();
        for (index, (level, taker)) in trades.iter().enumerate() {
            list.push(self.trade(*level, *taker, index));
        }
        for event in events {
            if let MatchEvent::Level { side, price, change, .. } = *event {
                list.push(self.delta(side, price, change));
            }
        }
        if is_top || !trades.is_empty() {
            list.push(self.ticker(trades.last().map_or(Qty::ZERO, |(level, _)| level.qty)));
        }
        list
    }

    fn delta(&self, side: Side, price: Price, change: QtyChange) -> Said {
        let (name, no_scale) = match side {
            Side::Buy => ("yes", price),
            Side::Sell => ("no", price.complement()),
        };
        let body = |price: Price| {
            format!(
                r#"{{"market_ticker":"{}","market_id":"{}","price_dollars":"{}","delta_fp":"{}","side":"{name}","ts":"{}","ts_ms":{}}}"#,
                self.listing.native_market,
                self.market_id,
                Dollars4(price),
                Change2(change),
                Rfc3339(self.now),
                self.now.millis()
            )
        };
        let mut said = self.said(Channel::Books, "orderbook_delta", body(no_scale));
        said.body_yes_price = body(price);
        said
    }

    fn trade(&self, level: Level, taker: Side, index: usize) -> Said {
        let (outcome, side) = if taker == Side::Buy { ("yes", "bid") } else { ("no", "ask") };
        let seed = self.market.revision ^ (u64::from(self.listing.book.0) << 32);
        let seed = mix(seed ^ mix(u64::try_from(index).unwrap_or(0)));
        let body = format!(
            r#"{{"trade_id":"{}","market_ticker":"{}","yes_price_dollars":"{}","no_price_dollars":"{}","count_fp":"{}","taker_side":"{outcome}","taker_outcome_side":"{outcome}","taker_book_side":"{side}","is_block_trade":false,"ts":{},"ts_ms":{}}}"#,
            uuid(seed),
            self.listing.native_market,
            Dollars4(level.price),
            Dollars4(level.price.complement()),
            Count2(level.qty),
            self.now.0 / 1_000_000_000,
            self.now.millis()
        );
        self.said(Channel::Trades, "trade", body)
    }

    fn ticker(&self, traded: Qty) -> Said {
        let top = self.market.book.top();
        let level =
            |level: Option<Level>, empty| level.unwrap_or(Level { price: empty, qty: Qty::ZERO });
        let (bid, ask) = (level(top.bid, Price::ZERO), level(top.ask, Price::ONE));
        let volume = self.market.volume_centi;
        let volume_fp = Count2(Qty::from_centi(volume).unwrap_or(Qty::MAX));
        let secs = Nanos::from_secs(self.now.0 / 1_000_000_000);
        let body = format!(
            r#"{{"market_ticker":"{}","market_id":"{}","price_dollars":"{}","yes_bid_dollars":"{}","yes_ask_dollars":"{}","yes_bid_size_fp":"{}","yes_ask_size_fp":"{}","last_trade_size_fp":"{}","volume_fp":"{volume_fp}","open_interest_fp":"{volume_fp}","dollar_volume":{},"dollar_open_interest":{},"ts":{},"ts_ms":{},"time":"{}"}}"#,
            self.listing.native_market,
            self.market_id,
            Dollars4(self.market.last_trade.unwrap_or(Price::ZERO)),
            Dollars4(bid.price),
            Dollars4(ask.price),
            Count2(bid.qty),
            Count2(ask.qty),
            Count2(traded),
            volume / 200,
            volume / 200,
            self.now.0 / 1_000_000_000,
            self.now.millis(),
            Rfc3339(secs)
        );
        self.said(Channel::Ticker, "ticker", body)
    }

    /// The stages of a market's end.
    pub(crate) fn ended(&self, ending: Ending) -> Said {
        let ticker = &self.listing.native_market;
        let secs = self.now.0 / 1_000_000_000;
        let body = match ending {
            Ending::Determined { yes } => {
                let (result, value) = if yes { ("yes", "1.0000") } else { ("no", "0.0000") };
                format!(
                    r#"{{"event_type":"determined","market_ticker":"{ticker}","determination_ts":{secs},"result":"{result}","settlement_value":"{value}"}}"#
                )
            }
            Ending::Settled => format!(
                r#"{{"event_type":"settled","market_ticker":"{ticker}","settled_ts":{secs}}}"#
            ),
        };
        self.said(Channel::Lifecycle, "market_lifecycle_v2", body)
    }
}
