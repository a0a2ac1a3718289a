//! Payload to decision, through the real tiles, against the pipeline that most published bots have.
//!
//! `cargo bench -p dutchbook-benches --bench pipeline`. Arrivals are open-loop, one message per
//! 150 µs with jitter, on 2,000 instruments; a latency runs from the moment at which a message was
//! due to the end of the evaluation that it caused, so that a stall is charged to all that waited.
//! Four candidates take turns slice by slice on the same stream: ours and the naive one, on one
//! thread (feed and evaluator together) and on two (ring or channel between them). That all four
//! find the same opportunities is asserted, message by message, before anything is timed, and in
//! sum afterwards. Decision means evaluated at exact size, orders not sent.
//!
//! Naive: `serde_json::Value`, `BTreeMap<Decimal, Decimal>` books, `crossbeam-channel`, a
//! `HashMap` of quotes, and `rust_decimal` sums over the whole group.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a bench measures times, prints tables and runs the usual hash map as its baseline"
)]

#[path = "pipeline/market.rs"]
mod market;
#[path = "pipeline/naive.rs"]
mod naive;
#[path = "pipeline/pace.rs"]
mod pace;

use crossbeam::channel::{Receiver, Sender, bounded};
use dutchbook_book::ring::{CoalescingRing, Ring};
use dutchbook_book::shelf::Shelf;
use dutchbook_book::{Cash, Nanos};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::control::Control;
use dutchbook_core::engine::{Engine, EngineConfig};
use dutchbook_core::journal::{JournalReader, journal};
use dutchbook_core::net::Handler;
use dutchbook_core::relation::structural;
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::telemetry::{Counter, CounterReader, Counters, LatencyHistogram, latency};
use dutchbook_core::tile::eval::{EvalTile, FeedRings};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::{StageHistograms, stages};
use dutchbook_feeds::feed::{Feed, FeedConfig};
use market::{Market, Message, Prices, VENUES};
use naive::{Books, Evaluator, Quote};
use pace::{Sample, Subject};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use support::median;

/// As in the binary: its arenas ask for huge pages, which books of many instruments need.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 20_261_122;
const CHECKED: usize = 5_000;
const SLICE: usize = 1_600;
const ROUNDS: usize = 15;
const RING_SLOTS: usize = 4_096;
/// Messages between two housekeeping ticks: about the 20 ms of a connection task.
const TICK_MESSAGES: u64 = 128;

/// A tile's slow sides, emptied between slices.
struct Slow {
    journal: JournalReader,
    latencies: Vec<LatencyHistogram>,
    /// The feed tile's.
    stages: StageHistograms,
}

impl Slow {
    fn drain(&mut self) {
        self.journal.drain(|_| {});
        for latency in &mut self.latencies {
            latency.drain();
        }
        self.stages.drain();
    }
}

/// Our tiles without their sockets.
struct Ours {
    feed: FeedTile,
    eval: Option<EvalTile>,
    found: CounterReader,
    slow: Slow,
    taken: u64,
}

fn config() -> EngineConfig {
    let mut config = Config::parse("").unwrap().engine();
    config.price.min_net = Cash::ZERO;
    config.price.min_edge = 0;
    config.trades = false;
    config
}

impl Ours {
    fn new(market: &Market, clock: &Clock, is_split: bool) -> Self {
        let catalog = market.catalog.clone();
        let count = catalog.listings.len();
        let feeds = VENUES.map(|kind| {
            let listings = catalog.listings.iter().filter(|listing| listing.kind == kind);
            Feed::new(kind, listings, FeedConfig::of(kind)).unwrap()
        });
        let mut shelf = Shelf::new(count);
        let books = catalog.listings.iter().map(|listing| listing.book).collect::<Vec<_>>();
        let half = shelf.writer_of(books).unwrap();
        let (writer, journal) = journal(64, 1_024);
        let relations = structural(&catalog);
        let kill = KillSwitch::default();
        let engine =
            Engine::new(catalog, relations, &config(), shelf.reader(), writer, kill).unwrap();
        let (found, engine) = (engine.counters(), Box::new(engine));
        let (stage_recorders, stages_read) = stages(64, 1_024).unwrap();
        let mut slow = Slow { journal, latencies: Vec::new(), stages: stages_read };
        let mut recorder = || {
            let (recorder, histogram) = latency(64, 1_024).unwrap();
            slow.latencies.push(histogram);
            recorder
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (route, eval) = if is_split {
            let (tops, tops_end) = CoalescingRing::new(RING_SLOTS, count);
            let (control, control_end) = Ring::<Control>::new(64);
            let rings = vec![FeedRings { tops: tops_end, control: control_end }];
            let eval = EvalTile::new(
                engine,
                rings,
                clock.clone(),
                Arc::clone(&stop),
                recorder(),
                stages(64, 1_024).unwrap().0,
            );
            (Route::Rings { tops, control }, Some(eval))
        } else {
            (Route::Inline(engine), None)
        };
        let recorders = [recorder(), recorder()];
        let mut feed = FeedTile::new(
            feeds.into(),
            Publisher::new(half, route, clock.clone()),
            clock.clone(),
            stop,
            Counters::default(),
            recorders,
            stage_recorders,
        )
        .rehearsing();
        for connection in 0..VENUES.len() {
            feed.on_connect(connection);
            while feed.next_command(connection).is_some() {}
        }
        Self { feed, eval, found, slow, taken: 0 }
    }

    fn found(&self) -> u64 {
        self.found.get(Counter::Opportunities)
    }

    fn decide(eval: &mut EvalTile) -> usize {
        eval.round();
        eval.covered().iter().map(|(_, payloads)| usize::try_from(*payloads).unwrap()).sum()
    }

    /// Both, on the calling thread.
    fn take(&mut self, message: &Message) {
        let Self { feed, taken, .. } = self;
        Tile { feed, taken }.take(message.connection, message.text.as_bytes());
        if let Some(eval) = &mut self.eval {
            while Self::decide(eval) > 0 {}
        }
    }

    fn slice(&mut self, clock: &Clock, seed: u64, slice: &[Message]) -> Vec<Sample> {
        let Self { feed, eval, taken, slow, .. } = self;
        let tile = Tile { feed, taken };
        let samples = match eval {
            None => pace::one_thread(clock, seed, slice, tile),
            Some(eval) => pace::two_threads(clock, seed, slice, tile, || Self::decide(eval)),
        };
        slow.drain();
        samples
    }
}

/// Our feed tile as the sockets' runtime drives it.
struct Tile<'a> {
    feed: &'a mut FeedTile,
    taken: &'a mut u64,
}

impl Subject for Tile<'_> {
    /// Takes a message and, on one tile, decides.
    fn take(&mut self, connection: usize, text: &[u8]) {
        self.feed.on_payload(connection, text);
        *self.taken += 1;
        if self.taken.is_multiple_of(TICK_MESSAGES) {
            self.feed.on_tick(0);
            self.feed.on_tick(1);
        }
    }

    fn idle(&mut self) {
        self.feed.on_idle();
    }
}

/// A pipeline without turns of its own.
struct Plain<F>(F);

impl<F: FnMut(&[u8])> Subject for Plain<F> {
    fn take(&mut self, _connection: usize, text: &[u8]) {
        (self.0)(text);
    }
}

/// The naive pipeline, with or without its channel.
struct Naive {
    books: Books,
    evaluator: Evaluator,
    channel: Option<(Sender<Quote>, Receiver<Quote>)>,
}

impl Naive {
    fn new(market: &Market, is_split: bool) -> Self {
        let (books, evaluator) = (Books::new(&market.catalog), Evaluator::new(&market.catalog));
        Self { books, evaluator, channel: is_split.then(|| bounded(RING_SLOTS)) }
    }

    fn take(&mut self, message: &Message) {
        let Some(quote) = self.books.on_message(message.text.as_bytes()) else { return };
        let quote = match &self.channel {
            None => quote,
            Some((sender, receiver)) => {
                sender.send(quote).unwrap();
                receiver.recv().unwrap()
            }
        };
        self.evaluator.on_quote(quote);
    }

    fn slice(&mut self, clock: &Clock, seed: u64, slice: &[Message]) -> Vec<Sample> {
        let Self { books, evaluator, channel } = self;
        let Some((sender, receiver)) = channel else {
            let work = |text: &[u8]| evaluator.on_quote(books.on_message(text).unwrap());
            return pace::one_thread(clock, seed, slice, Plain(work));
        };
        let feed = Plain(|text: &[u8]| sender.send(books.on_message(text).unwrap()).unwrap());
        let decide = || {
            let Ok(quote) = receiver.try_recv() else { return 0 };
            evaluator.on_quote(quote);
            1
        };
        pace::two_threads(clock, seed, slice, feed, decide)
    }
}

/// Both layouts of both pipelines.
struct Rivals {
    ours: [Ours; 2],
    naive: [Naive; 2],
}

impl Rivals {
    fn found(&self) -> [u64; 4] {
        let [a, b] = &self.ours;
        let [c, d] = &self.naive;
        [a.found(), b.found(), c.evaluator.found, d.evaluator.found]
    }

    /// All four see the same opportunities after each message.
    fn check(&mut self, messages: &[Message]) {
        for (number, message) in messages.iter().enumerate() {
            self.ours.iter_mut().for_each(|ours| ours.take(message));
            self.naive.iter_mut().for_each(|naive| naive.take(message));
            let found = self.found();
            assert!(
                found.iter().all(|count| *count == found[0]),
                "message {number}: ours {found:?} naive, {}",
                message.text
            );
        }
        for ours in &mut self.ours {
            ours.slow.drain();
        }
    }
}

/// Nanoseconds at a share of the sorted samples.
fn at(sorted: &[u64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (0..=last).find(|index| *index as f64 >= share * last as f64).unwrap_or(last);
    sorted.get(index).copied().unwrap_or(0) as f64
}

fn sorted(samples: &[Sample], is_filtered: bool) -> Vec<u64> {
    let kept = samples.iter().filter(|sample| !(is_filtered && sample.is_stalled));
    let mut spans: Vec<u64> = kept.map(|sample| sample.ns).collect();
    spans.sort_unstable();
    spans
}

/// Slices of one candidate, in the order of the rounds.
#[derive(Default)]
struct Measured {
    slices: Vec<Vec<Sample>>,
}

impl Measured {
    fn share(&self, share: f64) -> f64 {
        let all = self.slices.concat();
        at(&sorted(&all, true), share)
    }

    fn print(&self, name: &str) {
        let all = self.slices.concat();
        for (set, is_filtered) in [("raw", false), ("filtered", true)] {
            let spans = sorted(&all, is_filtered);
            let [p50, p90, p99, p999, max] =
                [0.5, 0.9, 0.99, 0.999, 1.0].map(|share| at(&spans, share) / 1_000.0);
            let dropped = 100.0 * (1.0 - spans.len() as f64 / all.len() as f64);
            println!(
                "{name:<18} {set:<9} {p50:>8.2} {p90:>8.2} {p99:>8.2} {p999:>9.2} {max:>9.1}   \
                 {dropped:>5.1} % of {} dropped",
                all.len()
            );
        }
    }

    /// The smallest of five parts of the run: the one that the host disturbed least.
    fn best_p99(&self) -> f64 {
        let parts = self.slices.chunks(self.slices.len().div_ceil(5));
        parts.map(|part| at(&sorted(&part.concat(), true), 0.99)).fold(f64::INFINITY, f64::min)
    }

    /// Median over the rounds of how many times longer the other one took.
    fn ratio(&self, other: &Self, share: f64) -> f64 {
        let rounds = self.slices.iter().zip(&other.slices).map(|(ours, theirs)| {
            at(&sorted(theirs, true), share) / at(&sorted(ours, true), share)
        });
        median(rounds.collect())
    }
}

fn gate(name: &str, value: f64, [must, aim]: [f64; 2], is_floor: bool) {
    let is_met = |bar: f64| if is_floor { value >= bar } else { value <= bar };
    let verdict = match (is_met(must), is_met(aim)) {
        (_, true) => "aim met",
        (true, false) => "met",
        (false, false) => "MISSED",
    };
    let sign = if is_floor { '≥' } else { '≤' };
    println!("{name:<52} {value:>7.2}  {sign} {must:>4.1}  {sign} {aim:>4.1}  {verdict}");
}

fn gates(name: &str, ours: &Measured, naive: &Measured, p50_bars: [f64; 2]) {
    gate(&format!("{name}: p50, naive to ours"), ours.ratio(naive, 0.5), p50_bars, true);
    gate(&format!("{name}: p90, naive to ours"), ours.ratio(naive, 0.9), [4.0, 5.0], true);
    let p50 = ours.share(0.5);
    gate(&format!("{name}: own p90 to own p50"), ours.share(0.9) / p50, [2.0, 1.6], false);
    gate(
        &format!("{name}: own p99 to own p50, best of 5"),
        ours.best_p99() / p50,
        [4.0, 2.5],
        false,
    );
}

/// The same messages as fast as each takes them, on one thread.
fn hot_loop(rivals: &mut Rivals, clock: &Clock, messages: &[Message]) {
    let spans = |take: &mut dyn FnMut(&Message)| {
        let chunks = messages.chunks(500).map(|chunk| {
            let start = clock.now();
            chunk.iter().for_each(&mut *take);
            clock.now().since(start).0 as f64 / chunk.len() as f64
        });
        median(chunks.collect())
    };
    let ours = spans(&mut |message| rivals.ours[0].take(message));
    let naive = spans(&mut |message| rivals.naive[0].take(message));
    for message in messages {
        rivals.ours[1].take(message);
        rivals.naive[1].take(message);
    }
    rivals.ours.iter_mut().for_each(|ours| ours.slow.drain());
    println!(
        "hot loop on one thread, median ns per message: ours {ours:.0}, naive {naive:.0}, \
         {:.1}x",
        naive / ours
    );
}

fn main() {
    let clock = Clock::new();
    let ahead = clock.now().plus(Nanos::from_secs(3_600));
    let mut market = Market::new(SEED, ahead.0 / 1_000_000, Prices::default());
    let mut rivals = Rivals {
        ours: [false, true].map(|is_split| Ours::new(&market, &clock, is_split)),
        naive: [false, true].map(|is_split| Naive::new(&market, is_split)),
    };
    let mut checked = market.snapshots();
    checked.extend((0..CHECKED).map(|_| market.message()));
    rivals.check(&checked);
    println!(
        "payload to decision: {} instruments, {} messages checked, {} opportunities seen by all four",
        market.catalog.listings.len() * 2,
        checked.len(),
        rivals.found()[0]
    );
    let mut measured: [Measured; 4] = Default::default();
    for round in 0..ROUNDS {
        let slice: Vec<Message> = (0..SLICE).map(|_| market.message()).collect();
        let seed = SEED + round as u64;
        for turn in 0..4 {
            let index = (turn + round) % 4;
            let samples = match index {
                0 | 1 => rivals.ours[index].slice(&clock, seed, &slice),
                _ => rivals.naive[index - 2].slice(&clock, seed, &slice),
            };
            measured[index].slices.push(samples);
        }
    }
    // Tops that waited together are evaluated together: across the ring a basket may count once for
    // several messages.
    let [one, two, naive @ ..] = rivals.found();
    assert!(naive == [one, one] && two <= one, "ours {one}, {two}, naive {naive:?}");
    println!(
        "opportunities seen in all: {one}, and {two} across the ring, which evaluates at once what waited together"
    );
    println!("\npaced, open loop, µs from due to decided; filtered: stalls of the host dropped");
    println!("candidate          set            p50      p90      p99     p99.9       max");
    let [one, two, naive_one, naive_two] = &measured;
    one.print("ours, one tile");
    naive_one.print("naive, one thread");
    two.print("ours, two tiles");
    naive_two.print("naive, two threads");
    println!(
        "\n{:<52} {:>7}  {:>6}  {:>6}",
        "row (filtered, medians of paired rounds)", "value", "must", "aim"
    );
    gates("one tile", one, naive_one, [8.0, 10.0]);
    gates("across cores", two, naive_two, [4.0, 5.0]);
    println!("\nwhere ours on one tile spends it, one message in sixteen, ns p50 and p90");
    for (stage, summary) in rivals.ours[0].slow.stages.summaries() {
        println!("{:<18} {:>6} {:>6}", stage.title(), summary.p50, summary.p90);
    }
    println!();
    let hot: Vec<Message> = (0..2 * CHECKED).map(|_| market.message()).collect();
    hot_loop(&mut rivals, &clock, &hot);
}
