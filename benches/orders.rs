//! Payload to the bytes of signed orders, through the real tile: decode, book, evaluation, risk gate,
//! quotes, signatures, journal records, whole requests, handed to the gateway's line.
//!
//! `cargo bench -p dutchbook-benches --bench orders`. Arrivals are open-loop as in the bench
//! `pipeline`, on the same 2,000 instruments; a latency runs from the moment at which a message was
//! due to the moment at which the last request that it caused was handed over. Baskets have two legs
//! (one on each venue, one request each) or ten (ten signed orders of Polymarket in one request).
//! Polymarket's wallet is a deposit wallet, whose orders take one more hash than a plain one's.
//! Nobody is connected: the far end of the line says of every request that it was not sent, so that
//! trading goes on, and the helper threads that make nonces and stamps ahead run as in a live run.
//! Two candidates take turns on the same stream: nonces made ahead, and deterministic nonces (RFC
//! 6979), which is what every client that we know of computes for each order.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench measures times and prints tables"
)]

#[path = "pipeline/market.rs"]
mod market;
#[path = "pipeline/pace.rs"]
#[expect(dead_code, reason = "the bench `pipeline` also paces two threads")]
mod pace;

use dutchbook_book::shelf::Shelf;
use dutchbook_book::{Cash, Nanos, Price, VenueId};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::desk::{Access, Channel, Desk, DeskConfig};
use dutchbook_core::engine::{Engine, EngineConfig};
use dutchbook_core::gateway::{Line, LineEnd, line};
use dutchbook_core::journal::{JournalReader, journal};
use dutchbook_core::live::{
    Helpers, KalshiLogin, Login, Opened, PolymarketLogin, api_secrets, boot,
};
use dutchbook_core::net::Handler;
use dutchbook_core::relation::structural;
use dutchbook_core::request::{Answer, Lane};
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::telemetry::{Counter, CounterReader, Counters, LatencyHistogram, latency};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::{StageHistograms, stages};
use dutchbook_core::tile::trade::{TradeGauge, Trading};
use dutchbook_core::tls::TlsRoots;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::throttle::BucketRules;
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::{Account, WalletKind};
use dutchbook_exec::venue::polymarket::wallet::Wallets;
use dutchbook_feeds::feed::{Feed, FeedConfig};
use market::{Market, Message, Prices, VENUES};
use pace::{Sample, Subject};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use support::median;

/// As in the binary.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 20_261_122;
const SLICE: usize = 1_600;
const ROUNDS: usize = 15;
/// Messages between two housekeeping ticks, as in the bench `pipeline`.
const TICK_MESSAGES: usize = 128;
/// Opportunities often enough to be counted in thousands.
const EAGER: Prices = Prices { outcome: 110, gap: 48 };
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
    -----END PRIVATE KEY-----\n";
const SECRETS: &str = r#"{"apiKey":"key","secret":"AAAA","passphrase":"pass"}"#;
/// Nobody listens there, and nothing connects.
const REST: &str = "http://127.0.0.1:1";
const STREAM: &str = "ws://127.0.0.1:1";
/// No rate limit stands in the way.
const PLENTY: BucketRules = BucketRules { refill_rate: 1_000_000, capacity: 1_000_000, reserve: 0 };

/// Limits so wide that opportunities go on being traded.
fn config() -> EngineConfig {
    let mut config = Config::parse("").unwrap().engine();
    let much = Cash::from_micro(1_000_000_000_000);
    config.price.min_net = Cash::from_micro(1);
    config.price.min_edge = 0;
    let risk = &mut config.risk;
    risk.net_edge_cash_min = Cash::ZERO;
    risk.book_cash_max = much;
    risk.event_exposure_cash_max = much;
    risk.event_legged_cash_max = much;
    risk.venue_cash_max = much;
    risk.total_cash_max = much;
    risk.daily_loss_cash_max = much;
    risk.drawdown_cash_max = much;
    risk.oracle_cash_max = much;
    risk.window_orders_max = 1_000_000;
    risk.breakers.rejects_max = u32::MAX;
    config
}

fn opened(prepares_nonces: bool, clock: &Clock) -> Opened {
    let key = || PrivateKey::from_bytes(&[9; 32]).unwrap();
    let owner = Signer::new(key(), &[1; 32]).address();
    let wallet = Wallets::of(owner).deposit_beacon;
    let polymarket = PolymarketLogin {
        key: key(),
        account: Account::new(WalletKind::Deposit, owner, wallet),
        api: api_secrets(SECRETS).unwrap(),
        chain: Chain::Polygon,
        prepares_nonces,
        rest_url: REST.to_owned(),
        user_ws_url: STREAM.to_owned(),
    };
    let kalshi = KalshiLogin {
        key_id: "a952bcbe".to_owned(),
        pem: PEM.to_owned().into(),
        rest_url: REST.to_owned(),
        ws_url: STREAM.to_owned(),
    };
    let logins = vec![
        (VenueId(0), Login::Polymarket(Box::new(polymarket))),
        (VenueId(1), Login::Kalshi(Box::new(kalshi))),
    ];
    let mut opened = Opened::new(logins, &TlsRoots::public().unwrap(), clock).unwrap();
    for (_, access) in &mut opened.accesses {
        match access {
            Access::Polymarket(access) => access.orders = PLENTY,
            Access::Kalshi(access) => access.writes = PLENTY,
        }
    }
    opened
}

/// An engine that trades over `line`.
fn engine(
    market: &Market,
    shelf: &Shelf,
    opened: Opened,
    clock: &Clock,
) -> (Engine, JournalReader, Helpers) {
    let catalog = market.catalog.clone();
    let mut desk = Desk::new(
        DeskConfig { heartbeats: false, ..DeskConfig::new(boot().unwrap()) },
        &catalog,
        opened.accesses,
    )
    .unwrap();
    for venue in [VenueId(0), VenueId(1)] {
        desk.on_channel(venue, Channel::Connected);
    }
    let (writer, journal) = journal(64, 4_096);
    let relations = structural(&catalog);
    let kill = KillSwitch::default();
    let engine = Engine::new(catalog, relations, &config(), shelf.reader(), writer, kill).unwrap();
    let mut engine = engine.trading_by(Box::new(desk), Price::ZERO);
    for venue in [VenueId(0), VenueId(1)] {
        engine.open_account(venue, Cash::from_micro(1_000_000_000_000), clock.now());
    }
    (engine, journal, opened.helpers)
}

/// What a message made leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    requests: usize,
    bytes: usize,
}

/// One tile that trades, its far end, and its slow sides.
struct Trader {
    feed: FeedTile,
    far: LineEnd,
    left: Vec<Left>,
    counters: CounterReader,
    journal: JournalReader,
    latencies: Vec<LatencyHistogram>,
    stages: StageHistograms,
    _helpers: Helpers,
}

impl Trader {
    fn new(market: &Market, clock: &Clock, prepares_nonces: bool) -> Self {
        let count = market.catalog.listings.len();
        let mut shelf = Shelf::new(count);
        let books = market.catalog.listings.iter().map(|listing| listing.book).collect::<Vec<_>>();
        let half = shelf.writer_of(books).unwrap();
        let opened = opened(prepares_nonces, clock);
        let (engine, journal, helpers) = engine(market, &shelf, opened, clock);
        let counters = engine.counters();
        let (stage_recorders, stages) = stages(64, 1_024).unwrap();
        let mut latencies = Vec::new();
        let mut recorder = || {
            let (recorder, histogram) = latency(64, 1_024).unwrap();
            latencies.push(histogram);
            recorder
        };
        let (near, far): (Line, LineEnd) = line();
        let trading = Trading::new(near, recorder(), TradeGauge::default());
        let feeds = VENUES.map(|kind| {
            let listings = market.catalog.listings.iter().filter(|listing| listing.kind == kind);
            Feed::new(kind, listings, FeedConfig::of(kind)).unwrap()
        });
        let route = Route::Inline(Box::new(engine));
        let mut feed = FeedTile::new(
            feeds.into(),
            Publisher::new(half, route, clock.clone()),
            clock.clone(),
            Arc::new(AtomicBool::new(false)),
            Counters::default(),
            [recorder(), recorder()],
            stage_recorders,
        )
        .trading_over(Some(Box::new(trading)))
        .rehearsing();
        for connection in 0..VENUES.len() {
            feed.on_connect(connection);
            while feed.next_command(connection).is_some() {}
        }
        let _helpers = helpers;
        Self { feed, far, left: Vec::new(), counters, journal, latencies, stages, _helpers }
    }

    /// What the last message made leave is taken off the line and refused.
    fn refuse(&mut self) {
        while let Some(parcel) = self.far.take_request() {
            if parcel.lane == Lane::Order
                && let Some(left) = self.left.last_mut()
            {
                left.requests += 1;
                left.bytes += parcel.bytes().len();
            }
            self.far.answer(parcel.id, Answer::NotSent);
            self.far.give_back(parcel);
        }
    }

    fn slice(&mut self, clock: &Clock, seed: u64, slice: &[Message]) -> Vec<(Sample, Left)> {
        self.left.clear();
        let samples = pace::one_thread(clock, seed, slice, &mut *self);
        self.refuse();
        self.journal.drain(|_| {});
        for latency in &mut self.latencies {
            latency.drain();
        }
        self.stages.drain();
        let skipped = self.left.len() - samples.len();
        samples.into_iter().zip(self.left.iter().skip(skipped).copied()).collect()
    }
}

impl Subject for &mut Trader {
    fn take(&mut self, connection: usize, text: &[u8]) {
        // Where messages queue there was no idle turn in between.
        self.refuse();
        self.feed.on_payload(connection, text);
        self.left.push(Left::default());
        if self.left.len().is_multiple_of(TICK_MESSAGES) {
            self.feed.on_tick(0);
            self.feed.on_tick(1);
        }
    }

    fn idle(&mut self) {
        self.refuse();
        self.feed.on_idle();
    }
}

/// Baskets by how they leave.
const BASKETS: [(&str, usize); 2] = [("2 legs, 2 venues", 2), ("10 legs, 1 request", 1)];

/// Sorted nanoseconds of the messages that made so many requests leave; stalls of the host dropped.
fn spans(samples: &[(Sample, Left)], requests: usize) -> Vec<u64> {
    let kept =
        samples.iter().filter(|(sample, left)| left.requests == requests && !sample.is_stalled);
    let mut spans: Vec<u64> = kept.map(|(sample, _)| sample.ns).collect();
    spans.sort_unstable();
    spans
}

/// The span at `ppm` millionths of the sorted ones, in microseconds.
fn at(sorted: &[u64], ppm: usize) -> f64 {
    let index = sorted.len().saturating_sub(1) * ppm / 1_000_000;
    sorted.get(index).copied().unwrap_or(0) as f64 / 1_000.0
}

fn print(name: &str, all: &[(Sample, Left)]) {
    for (basket, requests) in BASKETS {
        let spans = spans(all, requests);
        let [p50, p90, p99, p999] = [500_000, 900_000, 990_000, 999_000].map(|ppm| at(&spans, ppm));
        let bytes = all.iter().filter(|(_, left)| left.requests == requests);
        let bytes: usize = bytes.map(|(_, left)| left.bytes).sum();
        println!(
            "{name:<22} {basket:<20} {p50:>8.1} {p90:>8.1} {p99:>8.1} {p999:>8.1} {:>8} {:>8}",
            spans.len(),
            bytes.checked_div(spans.len()).unwrap_or(0)
        );
    }
}

fn main() {
    let clock = Clock::new();
    let ahead = clock.now().plus(Nanos::from_secs(3_600));
    let mut market = Market::new(SEED, ahead.0 / 1_000_000, EAGER);
    let names = ["nonces made ahead", "deterministic nonces"];
    let mut traders = [true, false].map(|is_ahead| Trader::new(&market, &clock, is_ahead));
    for message in market.snapshots() {
        for trader in &mut traders {
            trader.feed.on_payload(message.connection, message.text.as_bytes());
            trader.refuse();
            trader.feed.on_idle();
        }
    }
    let mut rounds: [Vec<Vec<(Sample, Left)>>; 2] = Default::default();
    for round in 0..ROUNDS {
        let slice: Vec<Message> = (0..SLICE).map(|_| market.message()).collect();
        for turn in 0..2 {
            let index = (turn + round) % 2;
            let seed = SEED + round as u64;
            if let (Some(trader), Some(all)) = (traders.get_mut(index), rounds.get_mut(index)) {
                all.push(trader.slice(&clock, seed, &slice));
            }
        }
    }
    println!("payload to order bytes, µs from due to handed over; stalls of the host dropped");
    println!(
        "{:<22} {:<20} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "candidate", "basket", "p50", "p90", "p99", "p99.9", "baskets", "bytes"
    );
    for (name, rounds) in names.iter().zip(&rounds) {
        print(name, &rounds.concat());
    }
    let [ahead, deterministic] = &rounds;
    for (basket, requests) in BASKETS {
        let ratios = ahead.iter().zip(deterministic).filter_map(|(ahead, deterministic)| {
            let (ours, theirs) = (spans(ahead, requests), spans(deterministic, requests));
            (!ours.is_empty() && !theirs.is_empty())
                .then(|| at(&theirs, 500_000) / at(&ours, 500_000))
        });
        println!("{basket}: deterministic to made ahead, p50: {:.1}x", median(ratios.collect()));
    }
    for (name, trader) in names.iter().zip(&traders) {
        let of = |counter| trader.counters.get(counter);
        println!(
            "{name}: {} opportunities, {} orders, {} refused by the risk gate",
            of(Counter::Opportunities),
            of(Counter::Intents),
            of(Counter::Vetoes)
        );
    }
}
