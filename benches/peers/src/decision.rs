//! From a payload to a decision: decode, apply, look at every basket that the changed book is in.
//!
//! Ours goes through a whole feed tile with the engine on it: clock, session, views, running sums,
//! exact size where a sum is positive. No published client decides anything; theirs is what a bot
//! builds on top of each: quotes in a hash map and the group's `rust_decimal` sums again on every
//! change, which finds the same baskets.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use dutchbook_book::Cash;
use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::shelf::Shelf;
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::engine::Engine;
use dutchbook_core::journal::{JournalReader, journal};
use dutchbook_core::net::Handler;
use dutchbook_core::relation::structural;
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::telemetry::{Counter, CounterReader, Counters, LatencyHistogram, latency};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::{StageHistograms, stages};
use dutchbook_feeds::feed::{Feed, FeedConfig};
use rust_decimal::Decimal;

use crate::clients::bot::Bot;
use crate::clients::{BOT, OURS, ours};
#[cfg(feature = "clients")]
use crate::clients::{
    NAUTILUS, POLYFILL, SDK, nautilus, nautilus::Nautilus, polyfill::Polyfill, sdk, sdk::Sdk,
};
use crate::rounds::{Row, paired};
use crate::stream::{Market, Message, Shape, Stream};

const SEED: u64 = 20_261_123;
const ROUNDS: usize = 61;
const COUNT: usize = 512;
const OUTCOMES: usize = 10;
const MARKETS: usize = 500;
/// 4 %, times p (1 - p).
const FEE_PPM: i64 = 40_000;

/// Takes payloads and looks at baskets.
trait Decider {
    fn take(&mut self, message: &Message);

    /// Positive baskets seen, each time one was looked at.
    fn found(&self) -> u64;

    /// What is done between rounds.
    fn rest(&mut self) {}

    fn time(&mut self, batch: &[Message]) -> Duration {
        let start = Instant::now();
        for message in batch {
            self.take(message);
        }
        start.elapsed()
    }
}

/// Our feed tile with the engine on it, without its socket.
struct Tile {
    feed: FeedTile,
    found: CounterReader,
    journal: JournalReader,
    latencies: Vec<LatencyHistogram>,
    stages: StageHistograms,
    taken: u64,
}

/// Messages between two housekeeping ticks.
const TICK_EVERY: u64 = 128;

fn catalog(markets: &[Market]) -> Catalog {
    let mut catalog = Catalog::default();
    let venue = catalog.add_venue(VenueKind::Polymarket);
    for group in markets.chunks(OUTCOMES) {
        let event = catalog.add_event("event", EventLaw::Partition);
        for market in group {
            let condition = catalog.add_condition(event, "outcome");
            let faces = Some(market.tokens.clone());
            let mut scratch = Catalog::default();
            let kind = VenueKind::Polymarket;
            let listing = ours::listing(kind, &mut scratch, &market.condition, faces, 1_000);
            catalog.add_listing(Listing { venue, condition, ..listing });
        }
    }
    catalog
}

impl Tile {
    fn new(markets: &[Market]) -> Self {
        let catalog = catalog(markets);
        let count = catalog.listings.len();
        let kind = VenueKind::Polymarket;
        let feed = Feed::new(kind, &catalog.listings, FeedConfig::of(kind)).expect("a feed");
        let clock = Clock::new();
        let mut shelf = Shelf::new(count);
        let books = catalog.listings.iter().map(|listing| listing.book).collect::<Vec<_>>();
        let half = shelf.writer_of(books).expect("the first writer");
        let (writer, journal) = journal(64, 1_024);
        let relations = structural(&catalog);
        let mut config = Config::parse("").expect("the default").engine();
        config.price.min_net = Cash::ZERO;
        config.price.min_edge = 0;
        config.trades = false;
        let kill = KillSwitch::default();
        let engine = Engine::new(catalog, relations, &config, shelf.reader(), writer, kill);
        let engine = Box::new(engine.expect("an engine"));
        let found = engine.counters();
        let (stage_recorders, stages) = stages(64, 1_024).expect("histograms");
        let [(first, a), (second, b)] = [(); 2].map(|()| latency(64, 1_024).expect("histograms"));
        let mut feed = FeedTile::new(
            vec![feed],
            Publisher::new(half, Route::Inline(engine), clock.clone()),
            clock,
            Arc::new(AtomicBool::new(false)),
            Counters::default(),
            [first, second],
            stage_recorders,
        );
        feed.on_connect(0);
        while feed.next_command(0).is_some() {}
        Self { feed, found, journal, latencies: vec![a, b], stages, taken: 0 }
    }
}

impl Decider for Tile {
    #[inline]
    fn take(&mut self, message: &Message) {
        self.feed.on_payload(0, &message.bytes);
        self.taken += 1;
        if self.taken.is_multiple_of(TICK_EVERY) {
            self.feed.on_tick(0);
        }
    }

    fn found(&self) -> u64 {
        self.found.get(Counter::Opportunities)
    }

    fn rest(&mut self) {
        self.journal.drain(|_| {});
        for latency in &mut self.latencies {
            latency.drain();
        }
        self.stages.drain();
    }
}

/// Best bid and ask.
type Best = [Option<Decimal>; 2];

/// Books of a peer, and the best prices of one.
trait Books {
    fn on_message(&mut self, message: &Message);
    fn best(&mut self, native: &str) -> Best;
}

impl Books for Bot {
    #[inline]
    fn on_message(&mut self, message: &Message) {
        self.on_message(&message.bytes).expect("a message about levels");
    }

    #[inline]
    fn best(&mut self, native: &str) -> Best {
        self.books[native].top().map(|level| level.map(|(price, _)| price))
    }
}

#[cfg(feature = "clients")]
impl Books for Sdk {
    #[inline]
    fn on_message(&mut self, message: &Message) {
        self.on_message(&message.bytes);
    }

    #[inline]
    fn best(&mut self, native: &str) -> Best {
        self.books[&sdk::token(native)].top().map(|level| level.map(|(price, _)| price))
    }
}

#[cfg(feature = "clients")]
impl Books for Polyfill {
    #[inline]
    fn on_message(&mut self, message: &Message) {
        self.on_message(&message.bytes);
    }

    #[inline]
    fn best(&mut self, native: &str) -> Best {
        let best = self.books.with_book_mut(native, |book| Ok([book.best_bid(), book.best_ask()]));
        best.expect("a book").map(|level| level.map(|level| level.price))
    }
}

#[cfg(feature = "clients")]
impl Books for Nautilus {
    #[inline]
    fn on_message(&mut self, message: &Message) {
        self.on_message(&message.bytes, nautilus_core::UnixNanos::from(message.now.0));
    }

    #[inline]
    fn best(&mut self, native: &str) -> Best {
        let book = &self.books[&nautilus::instrument(native)];
        [book.best_bid_price(), book.best_ask_price()].map(|price| price.map(|p| p.as_decimal()))
    }
}

/// Quotes by book; every change sums its whole group again.
struct Plain<B> {
    books: B,
    natives: Vec<String>,
    quotes: HashMap<usize, Best>,
    fee: Decimal,
    found: u64,
}

impl<B: Books> Plain<B> {
    fn new(books: B, markets: &[Market]) -> Self {
        let natives = markets.iter().map(|market| market.tokens[0].clone()).collect();
        let fee = Decimal::new(FEE_PPM, 6);
        Self { books, natives, quotes: HashMap::new(), fee, found: 0 }
    }

    fn cost(&self, price: Decimal) -> Decimal {
        price + self.fee * price * (Decimal::ONE - price)
    }

    fn decide(&mut self, market: usize) {
        let first = market / OUTCOMES * OUTCOMES;
        let quotes: Option<Vec<Best>> =
            (first..first + OUTCOMES).map(|book| self.quotes.get(&book).copied()).collect();
        let Some(quotes) = quotes else { return };
        let long = |[_, ask]: &Best| ask.map(|ask| self.cost(ask));
        let short = |[bid, _]: &Best| bid.map(|bid| self.cost(Decimal::ONE - bid));
        let is_below = |costs: Option<Vec<Decimal>>, payoff: usize| {
            costs.is_some_and(|costs| costs.into_iter().sum::<Decimal>() < Decimal::from(payoff))
        };
        let longs = is_below(quotes.iter().map(long).collect(), 1);
        let shorts = is_below(quotes.iter().map(short).collect(), OUTCOMES - 1);
        self.found += u64::from(longs) + u64::from(shorts);
    }
}

impl<B: Books> Decider for Plain<B> {
    #[inline]
    fn take(&mut self, message: &Message) {
        self.books.on_message(message);
        let best = self.books.best(&self.natives[message.market]);
        self.quotes.insert(message.market, best);
        self.decide(message.market);
    }

    fn found(&self) -> u64 {
        self.found
    }
}

type Named = (&'static str, Box<dyn Decider>);

#[cfg(not(feature = "clients"))]
fn published(_markets: &[Market]) -> [Named; 0] {
    []
}

#[cfg(feature = "clients")]
fn published(markets: &[Market]) -> [Named; 3] {
    let tokens = || markets.iter().flat_map(|market| market.tokens.iter().map(String::as_str));
    [
        (POLYFILL, Box::new(Plain::new(Polyfill::new(tokens()), markets))),
        (SDK, Box::new(Plain::new(Sdk::default(), markets))),
        (NAUTILUS, Box::new(Plain::new(Nautilus::new(tokens()), markets))),
    ]
}

/// All ways to a decision, ours first.
fn deciders(markets: &[Market]) -> Vec<Named> {
    let ours: Named = (OURS, Box::new(Tile::new(markets)));
    let plain: Named = (BOT, Box::new(Plain::new(Bot::default(), markets)));
    [ours, plain].into_iter().chain(published(markets)).collect()
}

/// One changed level of one of a thousand tokens, in both tokens' entries, and what follows.
pub(crate) fn row(name: &'static str) -> Row {
    let shape = Shape { markets: MARKETS, levels: 20, reach: 40, both: true, whole: true };
    // Ten outcomes near a tenth each: now and then the best asks of all ten cost less than the dollar.
    let fair = |number: usize| if number / OUTCOMES % 8 == 0 { 95 } else { 96 };
    let mut stream = Stream::new(SEED, shape, fair);
    let mut deciders = deciders(&stream.markets);
    for message in stream.snapshots() {
        deciders.iter_mut().for_each(|(_, decider)| decider.take(&message));
    }
    let mut checked = 0;
    for _ in 0..4_000 {
        let message = stream.price_change(1);
        deciders.iter_mut().for_each(|(_, decider)| decider.take(&message));
        let found: Vec<_> =
            deciders.iter().map(|(name, decider)| (name, decider.found())).collect();
        assert!(found.iter().all(|other| other.1 == found[0].1), "{found:?}: {message:?}");
        checked = found[0].1;
    }
    assert!(checked > 0, "there is something to find");
    deciders.iter_mut().for_each(|(_, decider)| decider.rest());
    let names: Vec<_> = deciders.iter().map(|(name, _)| *name).collect();
    let mut number = 0;
    let row = paired(name, &names, ROUNDS, COUNT, |took| {
        let messages: Vec<_> = (0..COUNT).map(|_| stream.price_change(1)).collect();
        number += 1;
        for turn in 0..names.len() {
            let candidate = (turn + number) % names.len();
            took(candidate, deciders[candidate].1.time(&messages));
        }
        deciders.iter_mut().for_each(|(_, decider)| decider.rest());
    });
    let found: Vec<_> = deciders.iter().map(|(_, decider)| decider.found()).collect();
    assert!(found.iter().all(|other| *other == found[0]), "all found the same: {found:?}");
    row
}
