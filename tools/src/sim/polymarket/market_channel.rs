//! Polymarket's market channel: what a client says, and the frames that it gets.
//!
//! The first dump is an array without spaces; everything later is an object with a space behind
//! each comma, as the venue prints them. A match is told as the new order, then the removals, then
//! both books, then the trade; all carry one timestamp and the top of book after the match.

use dutchbook_book::catalog::Listing;
use dutchbook_book::{
    BookId, Face, InstrumentId, Level, Nanos, Price, Qty, Side, TopOfBook, in_yes,
};

use super::super::flow::Ending;
use super::super::matching::{MatchEvent, OrderKey};
use super::super::rng::mix;
use super::super::scenario::Scenario;
use super::super::text::{hex, put};
use super::super::world::Market;
use super::facts::{EventFacts, MarketFacts};
use super::trades::transaction_hash;

/// What one client of the market channel wants.
#[derive(Clone, Debug, Default)]
pub struct Session {
    wanted: Vec<bool>,
    /// Whether it asked for `best_bid_ask`, `new_market` and `market_resolved`.
    has_custom: bool,
}

/// What a client's message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// One frame at once, verbatim.
    Text(&'static str),
    /// The books of these instruments in one array.
    Dump(Vec<InstrumentId>),
    /// Nothing.
    Silence,
}

impl Session {
    /// Reads a client's message.
    pub(crate) fn on_text(&mut self, text: &str, scenario: &Scenario, markets: &[Market]) -> Reply {
        let is_listed =
            |book: BookId| markets.get(book.index()).is_some_and(|market| market.is_listed);
        if text == "PING" {
            return Reply::Text("PONG");
        }
        let Ok(message) = serde_json::from_str::<serde_json::Value>(text) else {
            return Reply::Text("INVALID OPERATION");
        };
        let Some(ids) = message.get("assets_ids").and_then(|ids| ids.as_array()) else {
            return Reply::Text("INVALID OPERATION");
        };
        let named = ids.iter().filter_map(|id| {
            let (book, face) = scenario.book_of_native(id.as_str()?)?;
            let is_token = scenario.catalog.listing(book)?.native_faces.is_some();
            (is_token && is_listed(book)).then(|| book.instrument(face))
        });
        let named: Vec<InstrumentId> = named.collect();
        if let Some(custom) = message.get("custom_feature_enabled").and_then(|v| v.as_bool()) {
            self.has_custom = custom;
        }
        let is_wanted = message.get("operation").and_then(|v| v.as_str()) != Some("unsubscribe");
        self.wanted.resize(scenario.catalog.listings.len() * 2, false);
        for instrument in &named {
            if let Some(wanted) = self.wanted.get_mut(instrument.index()) {
                *wanted = is_wanted;
            }
        }
        let dump = message.get("initial_dump").and_then(|v| v.as_bool()) != Some(false);
        if is_wanted && dump { Reply::Dump(named) } else { Reply::Silence }
    }

    fn wants(&self, instrument: InstrumentId) -> bool {
        self.wanted.get(instrument.index()).copied().unwrap_or(false)
    }

    /// Whether a frame is for this client.
    pub(crate) fn takes(&self, frame: &Frame) -> bool {
        match frame.to {
            Audience::Market(book) => {
                self.wants(book.instrument(Face::Yes)) || self.wants(book.instrument(Face::No))
            }
            Audience::Instrument(instrument) => self.wants(instrument),
            Audience::Custom(instrument) => self.has_custom && self.wants(instrument),
            Audience::EveryCustom => self.has_custom,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Market(BookId),
    Instrument(InstrumentId),
    Custom(InstrumentId),
    EveryCustom,
}

/// A frame and who gets it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    to: Audience,
    /// Its text.
    pub(crate) text: String,
}

/// One listing as it is, with what its frames repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The listing.
    pub(crate) listing: &'a Listing,
    /// Its state.
    pub(crate) market: &'a Market,
    /// When.
    pub(crate) now: Nanos,
}

const FACES: [Face; 2] = [Face::Yes, Face::No];

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

impl Shown<'_> {
    fn token(&self, face: Face) -> &str {
        match (&self.listing.native_faces, face) {
            (Some([yes, _]), Face::Yes) => yes,
            (Some([_, no]), Face::No) => no,
            (None, _) => "",
        }
    }

    fn instrument(&self, face: Face) -> InstrumentId {
        self.listing.book.instrument(face)
    }

    fn top(&self, face: Face) -> TopOfBook {
        self.market.book.top().face(face)
    }

    /// The advisory hash: forty digits that change whenever the book does.
    fn put_hash(&self, out: &mut String, face: Face) {
        let of_face = u64::from(self.instrument(face).0) << 40;
        hex(out, mix(of_face ^ self.market.revision), 40);
    }

    /// All levels of a face, `sep` between fields: bids ascend and asks descend.
    fn put_levels(&self, out: &mut String, face: Face, side: Side, sep: &str) {
        let side = if face == Face::Yes { side } else { side.other() };
        for (index, level) in self.market.book.levels(side).iter().enumerate() {
            let (_, price) = in_yes(face, side, level.price);
            let between = if index == 0 { "" } else { sep };
            put!(*out, r#"{between}{{"price":"{price}"{sep}"size":"{}"}}"#, level.qty);
        }
    }

    /// One book of the first dump.
    fn put_dump(&self, out: &mut String, face: Face) {
        put!(
            *out,
            r#"{{"market":"{}","asset_id":"{}","timestamp":"{}","hash":""#,
            self.listing.native_market,
            self.token(face),
            self.now.millis()
        );
        self.put_hash(out, face);
        out.push_str(r#"","bids":["#);
        self.put_levels(out, face, Side::Buy, ",");
        out.push_str(r#"],"asks":["#);
        self.put_levels(out, face, Side::Sell, ",");
        let tick = Price::from_micro(self.market.grid.step()).unwrap_or(Price::ZERO);
        put!(*out, r#"],"tick_size":"{tick}","event_type":"book","last_trade_price":""#);
        if let Some(price) = self.market.last_trade {
            put!(*out, "{}", in_yes(face, Side::Buy, price).1);
        }
        out.push_str("\"}");
    }

    /// A book after a trade or a change of the tick.
    fn book(&self, face: Face) -> Frame {
        let mut text = String::with_capacity(2_048);
        put!(
            text,
            r#"{{"market":"{}", "asset_id":"{}", "bids":["#,
            self.listing.native_market,
            self.token(face)
        );
        self.put_levels(&mut text, face, Side::Buy, ", ");
        text.push_str(r#"], "asks":["#);
        self.put_levels(&mut text, face, Side::Sell, ", ");
        text.push_str(r#"], "hash":""#);
        self.put_hash(&mut text, face);
        put!(text, r#"", "timestamp":"{}", "event_type":"book"}}"#, self.now.millis());
        Frame { to: Audience::Instrument(self.instrument(face)), text }
    }

    /// One level that changed, told for both tokens.
    fn price_change(&self, side: Side, price: Price, qty: Qty) -> Frame {
        let mut text = String::with_capacity(640);
        put!(text, r#"{{"market":"{}", "price_changes":["#, self.listing.native_market);
        // The token on which the order is a bid comes first.
        let first = if side == Side::Buy { Face::Yes } else { Face::No };
        for (face, between) in [(first, ""), (first.other(), ", ")] {
            let (side, price) = in_yes(face, side, price);
            put!(
                text,
                r#"{between}{{"asset_id":"{}", "price":"{price}", "size":"{qty}", "side":"{}", "hash":""#,
                self.token(face),
                side_name(side)
            );
            self.put_hash(&mut text, face);
            let (bid, ask) = quotes(self.top(face));
            put!(text, r#"", "best_bid":"{bid}", "best_ask":"{ask}"}}"#);
        }
        put!(text, r#"], "timestamp":"{}", "event_type":"price_change"}}"#, self.now.millis());
        Frame { to: Audience::Market(self.listing.book), text }
    }

    fn last_trade(&self, print: &Print) -> Frame {
        let face = self.market.named.unwrap_or_else(|| taker_face(print.taker_order));
        let Level { price: yes_price, qty } = print.level;
        let (side, price) = in_yes(face, print.taker_side, yes_price);
        let mut text = String::with_capacity(420);
        put!(
            text,
            r#"{{"market":"{}", "asset_id":"{}", "price":"{price}", "size":"{qty}", "fee_rate_bps":"0", "side":"{}", "timestamp":"{}", "event_type":"last_trade_price", "transaction_hash":"{}"}}"#,
            self.listing.native_market,
            self.token(face),
            side_name(side),
            self.now.millis(),
            transaction_hash(print.taker_order, self.listing.book, yes_price)
        );
        Frame { to: Audience::Instrument(self.instrument(face)), text }
    }

    fn best_bid_ask(&self, face: Face) -> Frame {
        let top = self.top(face);
        let (bid, ask) = quotes(top);
        let spread = ask.micro().saturating_sub(bid.micro());
        let spread = Price::from_micro(spread).unwrap_or(Price::ONE);
        let instrument = self.instrument(face);
        let text = format!(
            r#"{{"event_type":"best_bid_ask", "market":"{}", "asset_id":"{}", "best_bid":"{bid}", "best_ask":"{ask}", "spread":"{spread}", "timestamp":"{}"}}"#,
            self.listing.native_market,
            self.token(face),
            self.now.millis()
        );
        Frame { to: Audience::Custom(instrument), text }
    }

    /// Everything that one operation makes the venue say. `before` is the top before it.
    pub(crate) fn changed(&self, events: &[MatchEvent], before: TopOfBook) -> Vec<Frame> {
        let mut frames = Vec::new();
        for is_new in [true, false] {
            for event in events {
                if let MatchEvent::Level { side, price, qty, change } = *event
                    && (change.micro() > 0) == is_new
                {
                    frames.push(self.price_change(side, price, qty));
                }
            }
        }
        let trades = prints(events);
        if !trades.is_empty() {
            frames.extend(FACES.map(|face| self.book(face)));
        }
        for print in &trades {
            frames.push(self.last_trade(print));
        }
        if self.market.book.top() != before {
            frames.extend(FACES.map(|face| self.best_bid_ask(face)));
        }
        frames
    }

    /// A change of the tick: told for both tokens, with the books as they are on the new one.
    pub(crate) fn tick_changed(&self, old: u32, new: u32) -> Vec<Frame> {
        let price = |step| Price::from_micro(step).unwrap_or(Price::ZERO);
        let tell = |face| Frame {
            to: Audience::Instrument(self.instrument(face)),
            text: format!(
                r#"{{"event_type":"tick_size_change", "asset_id":"{}", "market":"{}", "old_tick_size":"{}", "new_tick_size":"{}", "timestamp":"{}"}}"#,
                self.token(face),
                self.listing.native_market,
                price(old),
                price(new),
                self.now.millis()
            ),
        };
        let mut frames: Vec<Frame> = FACES.map(tell).into();
        frames.extend(FACES.map(|face| self.book(face)));
        frames
    }

    /// The end of a market, told to everybody.
    pub(crate) fn ended(&self, ending: Ending, market_id: &str) -> Option<Frame> {
        let Ending::Determined { yes } = ending else { return None };
        let (face, outcome) = if yes { (Face::Yes, "Yes") } else { (Face::No, "No") };
        let text = format!(
            r#"{{"id":"{market_id}", "market":"{}", "assets_ids":["{}", "{}"], "winning_asset_id":"{}", "winning_outcome":"{outcome}", "timestamp":"{}", "event_type":"market_resolved", "tags":[]}}"#,
            self.listing.native_market,
            self.token(Face::Yes),
            self.token(Face::No),
            self.token(face),
            self.now.millis()
        );
        Some(Frame { to: Audience::EveryCustom, text })
    }
}

/// Best bid and ask as the venue prints them: zero and one where a side is empty.
fn quotes(top: TopOfBook) -> (Price, Price) {
    let price = |level: Option<Level>, empty| level.map_or(empty, |level| level.price);
    (price(top.bid, Price::ZERO), price(top.ask, Price::ONE))
}

/// What one operation traded at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    level: Level,
    taker_side: Side,
    taker_order: OrderKey,
}

/// The token that an order of the flow names: a seller of YES is as often a buyer of NO. Drawn from
/// its key.
pub(super) const fn taker_face(key: OrderKey) -> Face {
    if mix(key.bits()) & 1 == 0 { Face::Yes } else { Face::No }
}

/// The trades of one operation, one entry per price.
fn prints(events: &[MatchEvent]) -> Vec<Print> {
    let mut list: Vec<Print> = Vec::new();
    for event in events {
        if let MatchEvent::Trade { price, qty, taker_side, taker_order, .. } = *event {
            match list.last_mut() {
                Some(Print { level, .. }) if level.price == price => {
                    level.qty = level.qty.checked_add(qty).unwrap_or(Qty::MAX);
                }
                _ => list.push(Print { level: Level { price, qty }, taker_side, taker_order }),
            }
        }
    }
    list
}

/// A market that is new on the venue, told to everybody who asked for such news.
pub(crate) fn new_market(facts: &MarketFacts, event: &EventFacts, tick: u32, now: Nanos) -> Frame {
    let [yes, no] = &facts.tokens;
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let (name, rules) = (text(&facts.question), text(&facts.description()));
    let (market, slug) = (&facts.condition, &facts.slug);
    let mut frame = format!(
        r#"{{"id":"{}", "question":{name}, "market":"{market}", "slug":"{slug}", "description":{rules}, "assets_ids":["{yes}", "{no}"], "outcomes":["Yes", "No"], "#,
        facts.number
    );
    put!(
        frame,
        r#""event_message":{{"id":"{}", "ticker":"{}", "slug":"{}", "title":{}, "description":{rules}}}, "timestamp":"{}", "event_type":"new_market", "tags":["{}"], "condition_id":"{market}", "active":true, "clob_token_ids":["{yes}", "{no}"], "#,
        event.number,
        event.slug,
        event.slug,
        text(&event.title),
        now.millis(),
        facts.category().slug
    );
    let tick = Price::from_micro(tick).unwrap_or(Price::ZERO);
    put!(
        frame,
        r#""sports_market_type":"", "line":"", "game_start_time":"", "order_price_min_tick_size":"{tick}", "group_item_title":"", "taker_base_fee":"1000", "#
    );
    match facts.fee_rate() {
        Some((rate, exponent)) => {
            let (_, rebate) = facts.fee_kind();
            put!(
                frame,
                r#""fees_enabled":true, "fee_schedule":{{"exponent":"{exponent}", "rate":"{rate}", "taker_only":true, "rebate_rate":"{rebate}"}}}}"#
            );
        }
        None => frame.push_str(r#""fees_enabled":false, "fee_schedule":null}"#),
    }
    Frame { to: Audience::EveryCustom, text: frame }
}

/// The first dump: an array of books with a line feed behind it.
pub(crate) fn dump<'a>(books: impl Iterator<Item = (Shown<'a>, Face)>) -> String {
    let mut text = String::from("[");
    for (index, (shown, face)) in books.enumerate() {
        if index > 0 {
            text.push(',');
        }
        shown.put_dump(&mut text, face);
    }
    text.push_str("]\n");
    text
}
