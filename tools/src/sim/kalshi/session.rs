//! A WebSocket connection: commands, subscriptions and their sequence numbers.
//!
//! A connection has one subscription (`sid`) per channel; its `seq` counts snapshots, deltas and
//! the `ok` and `unsubscribed` replies of all its markets together.

use std::collections::BTreeSet;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Level, Nanos, Side};
use serde_json::Value;

use super::super::matching::OwnerId;
use super::super::scenario::Scenario;
use super::super::text::{Count2, Dollars4, put};
use super::super::world::Market;
use super::frames::{Said, Shown};

/// The channels that the simulated venue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Books,
    Ticker,
    Trades,
    Lifecycle,
    /// Of combos, of which none is listed here: it stays silent.
    ComboLifecycle,
    Fills,
    Orders,
    Positions,
    Groups,
    /// Requests for quotes, of which there are none here: it stays silent.
    Communications,
}

const CHANNELS: [(Channel, &str); 10] = [
    (Channel::Books, "orderbook_delta"),
    (Channel::Ticker, "ticker"),
    (Channel::Trades, "trade"),
    (Channel::Lifecycle, "market_lifecycle_v2"),
    (Channel::ComboLifecycle, "multivariate_market_lifecycle"),
    (Channel::Fills, "fill"),
    (Channel::Orders, "user_orders"),
    (Channel::Positions, "market_positions"),
    (Channel::Groups, "order_group_updates"),
    (Channel::Communications, "communications"),
];

impl Channel {
    fn name(self) -> &'static str {
        let found = CHANNELS.iter().find(|(channel, _)| *channel == self);
        found.map_or("", |(_, name)| *name)
    }

    fn of(name: &str) -> Option<Self> {
        CHANNELS.iter().find(|(_, known)| *known == name).map(|(channel, _)| *channel)
    }

    const fn has_sequence(self) -> bool {
        !matches!(self, Self::Ticker | Self::Fills | Self::Orders | Self::Positions)
    }

    /// Whether it is about the member that opened the connection.
    const fn is_private(self) -> bool {
        matches!(
            self,
            Self::Fills | Self::Orders | Self::Positions | Self::Groups | Self::Communications
        )
    }

    /// Whether its markets can be chosen.
    const fn has_filter(self) -> bool {
        !matches!(
            self,
            Self::Lifecycle | Self::ComboLifecycle | Self::Groups | Self::Communications
        )
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
    /// Acknowledgements leave the list of markets out.
    skips_list: bool,
}

impl Subscription {
    fn takes(&self, said: &Said) -> bool {
        let is_wanted = |book: BookId| self.books.as_ref().is_none_or(|list| list.contains(&book));
        self.channel == said.channel && said.book.is_none_or(is_wanted)
    }

    const fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// `,"seq":7` where the channel counts: acknowledgements use a number up.
    fn seq_field(&mut self) -> String {
        if self.channel.has_sequence() {
            format!(r#","seq":{}"#, self.next_seq())
        } else {
            String::new()
        }
    }
}

/// One connection's subscriptions.
#[derive(Clone, Debug, Default)]
pub struct Session {
    owner: Option<OwnerId>,
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
const NO_MEMBER: Refusal = (9, "Authentication required");
const BAD_PARAMETER: Refusal = (11, "Invalid parameter");
const ONE_SID: Refusal = (12, "Exactly one subscription ID is required");
const BAD_ACTION: Refusal = (13, "Unsupported action");
const NO_MARKET: Refusal = (14, "Market ticker required");
const NO_ACTION: Refusal = (15, "Action required");

/// The venue as a client's command sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board<'a> {
    /// What is listed.
    pub(crate) scenario: &'a Scenario,
    /// How the listings are.
    pub(crate) markets: &'a [Market],
    /// When.
    pub(crate) now: Nanos,
}

/// What a subscription asks for, beside its channels.
#[derive(Clone, Debug)]
struct Wanted {
    books: Option<BTreeSet<BookId>>,
    use_yes_price: bool,
    first_ticker: bool,
    skips_list: bool,
}

impl Session {
    /// The connection of a member.
    pub(super) fn of(owner: OwnerId) -> Self {
        Self { owner: Some(owner), ..Self::default() }
    }

    /// Executes a command; the frames are what the client gets for it.
    pub(super) fn on_text(&mut self, text: &str, board: Board<'_>) -> Vec<String> {
        let Ok(command) = serde_json::from_str::<Value>(text) else {
            return vec![refusal(0, MALFORMED)];
        };
        let id = command.get("id").and_then(Value::as_u64).unwrap_or(0);
        let params = command.get("params");
        let done = match command.get("cmd").and_then(Value::as_str) {
            Some("subscribe") => self.subscribe(id, params, board),
            Some("update_subscription") => self.update(id, params, board),
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
        board: Board<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let params = params.ok_or(NO_PARAMS)?;
        let names = params.get("channels").and_then(Value::as_array).ok_or(NO_CHANNELS)?;
        let flag = |name| match params.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or(BAD_PARAMETER),
        };
        let wanted = Wanted {
            books: board.books_of(params),
            use_yes_price: flag("use_yes_price")?,
            first_ticker: flag("send_initial_snapshot")?,
            skips_list: flag("skip_ticker_ack")?,
        };
        let mut channels = Vec::new();
        for name in names {
            let channel = name.as_str().and_then(Channel::of).ok_or(BAD_CHANNEL)?;
            if channel.is_private() && self.owner.is_none() {
                return Err(NO_MEMBER);
            }
            if channel == Channel::Books && wanted.books.is_none() {
                return Err(NO_MARKET);
            }
            channels.push(channel);
        }
        if channels.is_empty() {
            return Err(NO_CHANNELS);
        }
        let mut frames = Vec::new();
        for channel in channels {
            match self.subscriptions.iter().position(|sub| sub.channel == channel) {
                Some(at) => {
                    let added = wanted.books.clone().unwrap_or_default();
                    self.merge(at, id, &added, board, &mut frames);
                }
                None => self.begin(id, channel, &wanted, board, &mut frames),
            }
        }
        Ok(frames)
    }

    /// A new subscription, with what its channel shows first.
    fn begin(
        &mut self,
        id: u64,
        channel: Channel,
        wanted: &Wanted,
        board: Board<'_>,
        frames: &mut Vec<String>,
    ) {
        self.sid_count += 1;
        let sid = self.sid_count;
        frames.push(format!(
            r#"{{"type":"subscribed","id":{id},"msg":{{"channel":"{}","sid":{sid}}}}}"#,
            channel.name()
        ));
        let mut sub = Subscription {
            sid,
            channel,
            books: wanted.books.clone().filter(|_| channel.has_filter()),
            seq: 0,
            use_yes_price: wanted.use_yes_price,
            skips_list: wanted.skips_list && channel == Channel::Ticker,
        };
        let list: Vec<BookId> = sub.books.iter().flatten().copied().collect();
        match channel {
            Channel::Books => {
                frames.extend(list.iter().filter_map(|book| board.snapshot(&mut sub, *book)));
            }
            Channel::Ticker if wanted.first_ticker => {
                let list = if sub.books.is_some() { list } else { board.all() };
                frames.extend(list.iter().filter_map(|book| board.ticker(&sub, *book)));
            }
            Channel::Ticker
            | Channel::Trades
            | Channel::Lifecycle
            | Channel::ComboLifecycle
            | Channel::Fills
            | Channel::Orders
            | Channel::Positions
            | Channel::Groups
            | Channel::Communications => {}
        }
        self.subscriptions.push(sub);
    }

    /// Adds markets to a subscription: `ok`, then snapshots of those that are new to it.
    fn merge(
        &mut self,
        at: usize,
        id: u64,
        added: &BTreeSet<BookId>,
        board: Board<'_>,
        frames: &mut Vec<String>,
    ) {
        let Some(sub) = self.subscriptions.get_mut(at) else { return };
        let mut fresh = Vec::new();
        if let Some(books) = &mut sub.books {
            fresh.extend(added.iter().copied().filter(|book| books.insert(*book)));
        }
        frames.push(board.ok(id, sub));
        if sub.channel == Channel::Books {
            frames.extend(fresh.iter().filter_map(|book| board.snapshot(sub, *book)));
        }
    }

    fn update(
        &mut self,
        id: u64,
        params: Option<&Value>,
        board: Board<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let params = params.ok_or(NO_PARAMS)?;
        let sids = sids_of(params);
        let [sid] = sids.as_slice() else {
            return Err(if sids.is_empty() { NO_SIDS } else { ONE_SID });
        };
        let action = params.get("action").and_then(Value::as_str).ok_or(NO_ACTION)?;
        let is_it = |sub: &Subscription| sub.sid == *sid;
        let at = self.subscriptions.iter().position(is_it).ok_or(BAD_SID)?;
        let named = board.books_of(params).ok_or(NO_MARKET)?;
        let mut frames = Vec::new();
        match action {
            "add_markets" => self.merge(at, id, &named, board, &mut frames),
            "delete_markets" => {
                let sub = self.subscriptions.get_mut(at).ok_or(BAD_SID)?;
                if let Some(books) = &mut sub.books {
                    books.retain(|book| !named.contains(book));
                }
                frames.push(board.ok(id, sub));
            }
            "get_snapshot" => {
                let sub = self.subscriptions.get_mut(at).ok_or(BAD_SID)?;
                if sub.channel != Channel::Books {
                    return Err(BAD_ACTION);
                }
                frames.push(board.ok(id, sub));
                let is_in = |book: &BookId| sub.books.as_ref().is_none_or(|s| s.contains(book));
                let theirs: Vec<BookId> = named.into_iter().filter(is_in).collect();
                frames.extend(theirs.iter().filter_map(|book| board.snapshot(sub, *book)));
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
            let Some(at) = self.subscriptions.iter().position(is_it) else {
                frames.push(refusal(id, BAD_SID));
                continue;
            };
            let seq = self.subscriptions.remove(at).seq_field();
            frames.push(format!(r#"{{"id":{id},"sid":{sid}{seq},"type":"unsubscribed"}}"#));
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
        if said.to.is_some() && said.to != self.owner {
            return None;
        }
        let sub = self.subscriptions.iter_mut().find(|sub| sub.takes(said))?;
        let on_yes_scale = sub.use_yes_price && !said.body_yes_price.is_empty();
        let body = if on_yes_scale { &said.body_yes_price } else { &said.body };
        let own = said.own.as_ref().filter(|own| Some(own.owner) == self.owner);
        let own = own.map_or("", |own| own.fields.as_str());
        let body = body.strip_suffix('}').unwrap_or(body);
        let (kind, sid, seq) = (said.kind, sub.sid, sub.seq_field());
        Some(format!(r#"{{"type":"{kind}","sid":{sid}{seq},"msg":{body}{own}}}}}"#))
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

impl Board<'_> {
    /// The listings that a command names; `None` when it names none. Unknown names are left out.
    fn books_of(&self, params: &Value) -> Option<BTreeSet<BookId>> {
        let named = |many: &str, one: &str| {
            let list = params.get(many).and_then(Value::as_array);
            let single = params.get(one);
            let is_there = list.is_some() || single.is_some();
            is_there.then(|| list.into_iter().flatten().chain(single).filter_map(Value::as_str))
        };
        let tickers = named("market_tickers", "market_ticker");
        let ids = named("market_ids", "market_id");
        if tickers.is_none() && ids.is_none() {
            return None;
        }
        let by_ticker = tickers.into_iter().flatten().filter_map(|ticker| {
            let (book, _) = self.scenario.book_of_native(ticker)?;
            Some(book)
        });
        let by_id = ids.into_iter().flatten().filter_map(|id| {
            let at = self.scenario.market_ids.iter().position(|known| known == id)?;
            self.scenario.catalog.listings.get(at).map(|listing| listing.book)
        });
        Some(by_ticker.chain(by_id).filter(|book| self.is_ours(*book)).collect())
    }

    fn is_ours(&self, book: BookId) -> bool {
        let market = self.markets.get(book.index());
        market.is_some_and(|market| market.kind == VenueKind::Kalshi && market.is_listed)
    }

    /// Every market of this venue.
    fn all(&self) -> Vec<BookId> {
        let books = self.scenario.catalog.listings.iter().map(|listing| listing.book);
        books.filter(|book| self.is_ours(*book)).collect()
    }

    fn ok(&self, id: u64, sub: &mut Subscription) -> String {
        let shown = sub.books.iter().flatten().filter(|_| !sub.skips_list);
        let listed = shown.filter_map(|book| {
            self.scenario.catalog.listing(*book).map(|l| format!(r#""{}""#, l.native_market))
        });
        let mut tickers: Vec<String> = listed.collect();
        tickers.sort();
        let (sid, seq) = (sub.sid, sub.seq_field());
        format!(
            r#"{{"type":"ok","id":{id},"sid":{sid}{seq},"msg":{{"market_tickers":[{}]}}}}"#,
            tickers.join(",")
        )
    }

    fn shown(&self, book: BookId) -> Option<Shown<'_>> {
        Some(Shown {
            listing: self.scenario.catalog.listing(book)?,
            market: self.markets.get(book.index())?,
            market_id: self.scenario.market_ids.get(book.index())?,
            now: self.now,
            own: None,
        })
    }

    /// A ticker frame of a market as it is.
    fn ticker(&self, sub: &Subscription, book: BookId) -> Option<String> {
        let said = self.shown(book)?.ticker(dutchbook_book::Qty::ZERO);
        Some(format!(r#"{{"type":"ticker","sid":{},"msg":{}}}"#, sub.sid, said.body))
    }

    fn snapshot(&self, sub: &mut Subscription, book: BookId) -> Option<String> {
        let shown = self.shown(book)?;
        let mut out = String::with_capacity(1_024);
        let (sid, seq) = (sub.sid, sub.next_seq());
        put!(
            out,
            r#"{{"type":"orderbook_snapshot","sid":{sid},"seq":{seq},"msg":{{"market_ticker":"{}","market_id":"{}""#,
            shown.listing.native_market,
            shown.market_id
        );
        put_levels(&mut out, "yes_dollars_fp", &shown.market.book.levels(Side::Buy));
        // Best last on the NO scale is best last here; on the YES scale prices ascend from the best.
        let mut asks = shown.market.book.levels(Side::Sell);
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
