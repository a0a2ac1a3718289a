//! What both pipelines listen to: a catalog of a thousand books and an endless stream of messages
//! that real venues could send about it.
//!
//! Four fifths of the books are outcomes of events of ten, one fifth are questions listed on both
//! venues. Around a fixed fair price each book has twenty deep levels a side that stay, and a
//! nearest level that comes, changes and goes: what moves the top. Now and then the nearest levels
//! of one event, or of both venues, add up to an opportunity. No book ever crosses.

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{ConditionId, Grid, Price, Qty, Rate, VenueId};
use support::{Random, messages};

pub(crate) const FEE_PPM: u32 = 40_000;
const OUTCOMES: usize = 10;
const EVENTS: usize = 80;
const PAIRS: usize = 100;
const DEEP_LEVELS: u32 = 20;
/// Steps from the fair price to the first deep level; nearer ones come and go.
const DEEP_FROM: u32 = 7;
/// Connections of the two venues.
pub(crate) const VENUES: [VenueKind; 2] = [VenueKind::Polymarket, VenueKind::Kalshi];

/// One payload of one connection.
pub(crate) struct Message {
    pub(crate) connection: usize,
    pub(crate) text: String,
}

/// One side of one book: deep quantities and perhaps a nearest level, in whole contracts.
#[derive(Clone, Default)]
struct SideState {
    deep: Vec<u32>,
    nearest: Option<(u32, u32)>,
}

struct BookState {
    /// In thousandths.
    fair: u32,
    step: u32,
    /// Bids, asks.
    sides: [SideState; 2],
}

impl BookState {
    /// A level's price in thousandths, so many steps away from the fair one.
    fn price(&self, side: usize, steps: u32) -> u32 {
        let away = steps * self.step;
        if side == 0 { self.fair - away } else { self.fair + away }
    }

    fn best(&self, side: usize) -> u32 {
        let steps = self.sides[side].nearest.map_or(DEEP_FROM, |(steps, _)| steps);
        self.price(side, steps)
    }

    fn levels(&self, side: usize) -> Vec<(u32, u32)> {
        let deep = (DEEP_FROM..).zip(self.sides[side].deep.iter().copied());
        let all = self.sides[side].nearest.into_iter().chain(deep);
        all.map(|(steps, qty)| (self.price(side, steps), qty)).collect()
    }
}

/// The catalog and the state of every book as the venues have it.
pub(crate) struct Market {
    pub(crate) catalog: Catalog,
    books: Vec<BookState>,
    random: Random,
    /// Kalshi's sequence, and the milliseconds of Polymarket's stamps.
    sequence: u64,
    stamp_ms: u64,
}

/// How far the fair prices are from what the laws ask: how often there is an opportunity.
#[derive(Clone, Copy)]
pub(crate) struct Prices {
    /// Of each of ten outcomes, in thousandths.
    pub(crate) outcome: u32,
    /// Between the venues of a pair, in thousandths.
    pub(crate) gap: u32,
}

impl Default for Prices {
    /// A few opportunities in a thousand messages.
    fn default() -> Self {
        Self { outcome: 103, gap: 28 }
    }
}

fn thousandths(price: u32) -> String {
    if price == 1_000 {
        return "1".to_owned();
    }
    format!("0.{price:03}").trim_end_matches('0').to_owned()
}

impl Market {
    /// `stamp_ms` lies ahead of the clock: no message is ever late.
    pub(crate) fn new(seed: u64, stamp_ms: u64, prices: Prices) -> Self {
        let mut market = Self {
            catalog: Catalog::default(),
            books: Vec::new(),
            random: Random::new(seed),
            sequence: 0,
            stamp_ms,
        };
        let venues = VENUES.map(|kind| market.catalog.add_venue(kind));
        for _ in 0..EVENTS {
            let event = market.catalog.add_event("event", EventLaw::Partition);
            for _ in 0..OUTCOMES {
                let condition = market.catalog.add_condition(event, "outcome");
                market.list(venues[0], VENUES[0], condition, prices.outcome);
            }
        }
        for pair in (200..).step_by(5).take(PAIRS) {
            let event = market.catalog.add_event("pair", EventLaw::Independent);
            let condition = market.catalog.add_condition(event, "question");
            market.list(venues[0], VENUES[0], condition, pair + prices.gap);
            market.list(venues[1], VENUES[1], condition, pair / 10 * 10);
        }
        market
    }

    fn list(&mut self, venue: VenueId, kind: VenueKind, condition: ConditionId, fair: u32) {
        let number = self.books.len();
        let step = if kind == VenueKind::Polymarket { 1 } else { 10 };
        let faces = || [(); 2].map(|()| messages::token(&mut self.random));
        let native_faces = (kind == VenueKind::Polymarket).then(faces);
        self.catalog.add_listing(Listing {
            native_market: match kind {
                VenueKind::Polymarket => format!("0x{number:064x}"),
                VenueKind::Kalshi => format!("KXBTCD-26JUL0117-T{number}.99"),
            },
            native_faces,
            lot: Qty::from_centi(1).unwrap(),
            fee: FeeSchedule::polymarket(Rate::from_ppm(FEE_PPM).unwrap(), 1),
            ..Listing::plain(
                kind,
                venue,
                condition,
                Grid::uniform(Price::from_micro(step * 1_000).unwrap()).unwrap(),
            )
        });
        let levels = DEEP_LEVELS.min(fair / step - DEEP_FROM - 1);
        let deep = (0..levels).map(|_| qty(&mut self.random)).collect();
        let side = SideState { deep, nearest: None };
        self.books.push(BookState { fair, step, sides: [side.clone(), side] });
    }

    /// The whole of every book, as both venues send it when a client subscribes.
    pub(crate) fn snapshots(&mut self) -> Vec<Message> {
        let subscribed =
            r#"{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}"#;
        let mut out = vec![Message { connection: 1, text: subscribed.to_owned() }];
        for number in 0..self.books.len() {
            let listing = self.catalog.listings[number].clone();
            let book = &self.books[number];
            let [bids, asks] = [0, 1].map(|side| book.levels(side));
            let Some([yes, no]) = &listing.native_faces else {
                self.sequence += 1;
                let text = kalshi_snapshot(&listing.native_market, self.sequence, &bids, &asks);
                out.push(Message { connection: 1, text });
                continue;
            };
            self.stamp_ms += 1;
            let mirrored = |levels: &[(u32, u32)]| -> Vec<(u32, u32)> {
                levels.iter().map(|(price, qty)| (1_000 - price, *qty)).collect()
            };
            let both = [(yes, bids.clone(), asks.clone()), (no, mirrored(&asks), mirrored(&bids))];
            for (token, bids, asks) in both {
                let market = &listing.native_market;
                let text = polymarket_book(market, token, &bids, &asks, self.stamp_ms);
                out.push(Message { connection: 0, text });
            }
        }
        out
    }

    /// The next message: one level of one book changes.
    pub(crate) fn message(&mut self) -> Message {
        let number = self.random.index(self.books.len());
        let side = self.random.index(2);
        let (steps, before, after) = self.change(number, side);
        let book = &self.books[number];
        let price = book.price(side, steps);
        let best = [0, 1].map(|side| book.best(side));
        let listing = &self.catalog.listings[number];
        if let Some(faces) = &listing.native_faces {
            self.stamp_ms += 1;
            let market = &listing.native_market;
            let change = Change { side, price, qty: after, best };
            Message { connection: 0, text: change.polymarket(market, faces, self.stamp_ms) }
        } else {
            self.sequence += 1;
            let delta = i64::from(after) - i64::from(before);
            let (face, price) = if side == 0 { ("yes", price) } else { ("no", 1_000 - price) };
            let text = format!(
                "{{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":{},\"msg\":{{\
                 \"market_ticker\":\"{}\",\"market_id\":\"4bd46bbd-4b1a-4b0a-8bd3-2a1f3e5c7d90\",\
                 \"price_dollars\":\"0.{price:03}0\",\"delta_fp\":\"{delta}.00\",\
                 \"side\":\"{face}\",\"ts\":\"2036-07-01T02:31:49.123456Z\",\
                 \"ts_ms\":{}}}}}",
                self.sequence, listing.native_market, self.stamp_ms
            );
            Message { connection: 1, text }
        }
    }

    /// Changes a level; says how many steps it lies from the fair price, what it held and holds.
    fn change(&mut self, number: usize, side: usize) -> (u32, u32, u32) {
        let random = &mut self.random;
        let state = &mut self.books[number].sides[side];
        let fresh = qty(random);
        if random.below(10) < 4 {
            let at = random.index(state.deep.len());
            let before = core::mem::replace(&mut state.deep[at], fresh);
            return (DEEP_FROM + u32::try_from(at).unwrap(), before, fresh);
        }
        match state.nearest {
            None => {
                let steps = 1 + u32::try_from(random.below(6)).unwrap();
                state.nearest = Some((steps, fresh));
                (steps, 0, fresh)
            }
            Some((steps, before)) if random.below(2) == 0 => {
                state.nearest = None;
                (steps, before, 0)
            }
            Some((steps, before)) => {
                state.nearest = Some((steps, fresh));
                (steps, before, fresh)
            }
        }
    }
}

fn qty(random: &mut Random) -> u32 {
    u32::try_from(100 + random.below(900)).unwrap()
}

/// A changed level of a Polymarket book, as it stands in both tokens' entries.
struct Change {
    side: usize,
    price: u32,
    qty: u32,
    best: [u32; 2],
}

impl Change {
    fn polymarket(&self, market: &str, [yes, no]: &[String; 2], stamp_ms: u64) -> String {
        const SIDES: [&str; 2] = ["BUY", "SELL"];
        let entry = |token: &str, side: usize, price: u32, [bid, ask]: [u32; 2]| {
            format!(
                "{{\"asset_id\":\"{token}\", \"price\":\"{}\", \"size\":\"{}\", \"side\":\"{}\", \
                 \"hash\":\"56621a121a47ed9333273e21c83b660cff37ae50\", \"best_bid\":\"{}\", \
                 \"best_ask\":\"{}\"}}",
                thousandths(price),
                self.qty,
                SIDES[side],
                thousandths(bid),
                thousandths(ask),
            )
        };
        let [bid, ask] = self.best;
        let first = entry(yes, self.side, self.price, self.best);
        let second = entry(no, 1 - self.side, 1_000 - self.price, [1_000 - ask, 1_000 - bid]);
        format!(
            "{{\"market\":\"{market}\", \"price_changes\":[{first}, {second}], \
             \"timestamp\":\"{stamp_ms}\", \"event_type\":\"price_change\"}}"
        )
    }
}

/// Best first in, best last out, as Polymarket prints them.
fn polymarket_book(
    market: &str,
    token: &str,
    bids: &[(u32, u32)],
    asks: &[(u32, u32)],
    stamp_ms: u64,
) -> String {
    let side = |levels: &[(u32, u32)]| {
        let levels = levels.iter().rev().map(|(price, qty)| {
            format!("{{\"price\":\"{}\", \"size\":\"{qty}\"}}", thousandths(*price))
        });
        levels.collect::<Vec<_>>().join(", ")
    };
    format!(
        "{{\"market\":\"{market}\", \"asset_id\":\"{token}\", \"bids\":[{}], \"asks\":[{}], \
         \"hash\":\"56621a121a47ed9333273e21c83b660cff37ae50\", \"timestamp\":\"{stamp_ms}\", \
         \"event_type\":\"book\"}}",
        side(bids),
        side(asks)
    )
}

fn kalshi_snapshot(ticker: &str, seq: u64, bids: &[(u32, u32)], asks: &[(u32, u32)]) -> String {
    let side = |levels: Vec<(u32, u32)>| {
        let levels =
            levels.iter().rev().map(|(price, qty)| format!("[\"0.{price:03}0\",\"{qty}.00\"]"));
        levels.collect::<Vec<_>>().join(",")
    };
    let no = asks.iter().map(|(price, qty)| (1_000 - price, *qty)).collect();
    format!(
        "{{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":{seq},\"msg\":{{\
         \"market_ticker\":\"{ticker}\",\"market_id\":\"4bd46bbd-4b1a-4b0a-8bd3-2a1f3e5c7d90\",\
         \"yes_dollars_fp\":[{}],\"no_dollars_fp\":[{}]}}}}",
        side(bids.to_vec()),
        side(no)
    )
}
