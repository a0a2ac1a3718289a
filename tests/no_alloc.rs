//! Between the bytes of a payload and the orders that it causes, the engine neither allocates nor
//! calls the operating system.
//!
//! Streams of both simulated venues are recorded first, then fed to the real tiles of both layouts
//! on one thread: payload, decode, book, view, ring, watch, sweep, risk, journal, paper order, fill.
//! Approved relations bind the venues: what is held is weighed over both.
//! A first part of each stream warms up (buffers grow to their size once); what follows is counted,
//! message by message, so that a failure names the kind. Cold messages (a new tick size, a
//! resolution, an acknowledgement) may allocate and are passed over.

#![cfg(test)]

#[path = "no_alloc/desk.rs"]
mod desk;
#[path = "no_alloc/journal.rs"]
mod kept;
#[path = "no_alloc/orders.rs"]
mod orders;
#[path = "no_alloc/silent.rs"]
#[cfg(target_os = "linux")]
mod silent;

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::ring::{CoalescingRing, Ring};
use dutchbook_book::shelf::Shelf;
use dutchbook_book::{Cash, Nanos};
use dutchbook_core::capture::{TappedLane, Taps};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::control::Control;
use dutchbook_core::engine::{Engine, EngineConfig};
use dutchbook_core::journal::{JournalReader, journal};
use dutchbook_core::net::Handler;
use dutchbook_core::relation::{Relation, structural};
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::telemetry::{Counter, CounterReader, Counters, latency};
use dutchbook_core::tile::eval::{EvalTile, FeedRings};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::stages;
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_tools::demo::relations::approved;
use dutchbook_tools::relations::Relations;
use dutchbook_tools::sim::{FaultPlan, FlowConfig, Pace, Scenario, SessionId, SimVenues};
use harness::alloc::{Calls, Counting, armed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SEED: u64 = 7;
const SECONDS: u64 = 40;
const VENUES: [VenueKind; 2] = [VenueKind::Polymarket, VenueKind::Kalshi];
/// Messages that a running market sends all the time.
const HOT: [&str; 9] = [
    "price_change",
    "book",
    "books of an array",
    "last_trade_price",
    "best_bid_ask",
    "orderbook_delta",
    "orderbook_snapshot",
    "ticker",
    "trade",
];

/// One payload as its venue sent it.
struct Sent {
    connection: usize,
    kind: String,
    text: String,
}

/// What both venues say to a client that subscribes to everything and now and then asks for the
/// books again.
struct Recording {
    scenario: Scenario,
    sent: Vec<Sent>,
}

fn kind_of(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    if value.is_array() {
        return "books of an array".to_owned();
    }
    let kind = value.get("event_type").or_else(|| value.get("type")).and_then(|kind| kind.as_str());
    kind.unwrap_or(text).to_owned()
}

fn subscribe(venues: &mut SimVenues, session: SessionId, feed: &mut Feed, now: Nanos) {
    struct Deaf;
    impl dutchbook_feeds::notice::Sink for Deaf {
        fn book_changed(
            &mut self,
            _: dutchbook_book::BookId,
            _: &dutchbook_book::Book,
            _: dutchbook_book::Stamp,
        ) {
        }
        fn notice(&mut self, _: dutchbook_feeds::notice::Notice<'_>) {}
    }
    feed.on_connect(now, &mut Deaf);
    while let Some(command) = feed.next_command() {
        venues.on_text(session, &command, now);
    }
}

/// `start` lies ahead of the real clock: no message is ever late.
fn record(start: Nanos) -> Recording {
    let mut scenario = Scenario::demo(SEED, Nanos::from_secs(4)).unwrap();
    // Everything is listed from the start.
    scenario.late.clear();
    let flow = FlowConfig::of(Pace::Busy);
    let mut venues =
        SimVenues::new(scenario.clone(), flow, FaultPlan::default(), SEED, start).unwrap();
    let sessions = VENUES.map(|kind| venues.connect(kind, start));
    let mut feeds = feeds(&scenario);
    let tickers: Vec<_> = scenario.catalog.listings.iter().map(|l| &l.native_market).collect();
    let again = format!(
        r#"{{"id":99,"cmd":"update_subscription","params":{{"sids":[1],"action":"get_snapshot","market_tickers":{tickers:?}}}}}"#
    );
    let (mut sent, mut frames) = (Vec::new(), Vec::new());
    for step in 0..SECONDS * 100 {
        let now = start.plus(Nanos::from_millis(step * 10));
        venues.step(now);
        if step % 200 == 0 {
            subscribe(&mut venues, sessions[0], &mut feeds[0], now);
        }
        if step == 0 {
            subscribe(&mut venues, sessions[1], &mut feeds[1], now);
            let ticker = r#"{"id":98,"cmd":"subscribe","params":{"channels":["ticker"]}}"#;
            venues.on_text(sessions[1], ticker, now);
        } else if step % 200 == 100 {
            venues.on_text(sessions[1], &again, now);
        }
        for (connection, session) in sessions.into_iter().enumerate() {
            venues.take_frames(session, now, &mut frames);
            sent.extend(frames.drain(..).map(|text| Sent {
                connection,
                kind: kind_of(&text),
                text,
            }));
        }
    }
    Recording { scenario, sent }
}

fn feeds(scenario: &Scenario) -> [Feed; 2] {
    VENUES.map(|kind| {
        let listings = scenario.catalog.listings.iter().filter(|listing| listing.kind == kind);
        Feed::new(kind, listings, FeedConfig::of(kind)).unwrap()
    })
}

/// The same listings, each of its own venue's question and event: what they have to do with each other
/// is for approved relations to say, and thresholds on both venues are two events that share some.
fn apart(there: &Catalog) -> Catalog {
    let mut catalog = there.clone();
    for event in &there.events {
        let of_event = |book: &&Listing| there.conditions[book.condition.index()].event == event.id;
        let own = there.listings.iter().filter(of_event);
        let first = own.clone().map(|listing| listing.venue).next();
        let others: Vec<_> = own.filter(|listing| Some(listing.venue) != first).collect();
        let law = if event.law == EventLaw::Ladder { event.law } else { EventLaw::Independent };
        let twin = catalog.add_event(&event.name, law);
        for listing in others {
            let condition = catalog.add_condition(twin, &listing.name);
            catalog.listings[listing.book.index()].condition = condition;
        }
    }
    catalog.terms = vec![Terms::default(); catalog.listings.len()];
    catalog
}

/// What these listings are bound by, every approved relation among it.
fn relations(scenario: &Scenario, catalog: &Catalog) -> Vec<Relation> {
    let approved = approved(scenario, catalog);
    let relations = Relations::of(approved, structural(catalog), catalog);
    assert_eq!(relations.register.counts()[0], relations.file.relations.len());
    relations.list
}

/// Limits so wide that opportunities go on being traded, and a venue without delay.
fn config() -> EngineConfig {
    let mut config = Config::parse("").unwrap().engine();
    let much = Cash::from_micro(1_000_000_000_000);
    config.paper_cash = much;
    config.paper_latency = Nanos::ZERO;
    config.price.min_net = Cash::from_micro(1);
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
    risk.window_orders_max = 100_000;
    config
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    Single,
    Split,
}

/// The tiles of one layout, without their threads and sockets.
struct Rig {
    tiles: Vec<FeedTile>,
    eval: Option<EvalTile>,
    engine: CounterReader,
    journal: JournalReader,
    /// The run is recorded: what is written down costs no allocation either.
    lanes: Vec<TappedLane>,
    recorded: usize,
    lost: u64,
}

impl Rig {
    fn new(scenario: &Scenario, layout: Layout) -> Self {
        let catalog = apart(&scenario.catalog);
        let count = catalog.listings.len();
        let mut shelf = Shelf::new(count);
        let (writer, journal) = journal(64, 4_096);
        let kill = KillSwitch::default();
        let relations = relations(scenario, &catalog);
        let engine =
            Engine::new(catalog, relations, &config(), shelf.reader(), writer, kill).unwrap();
        let mut taps = Taps::on();
        let engine = engine.recorded_by(taps.engine().unwrap());
        let mut rig = Self {
            tiles: Vec::new(),
            eval: None,
            engine: engine.counters(),
            journal,
            lanes: Vec::new(),
            recorded: 0,
            lost: 0,
        };
        let engine = Box::new(engine);
        let (clock, stop) = (Clock::new(), Arc::new(AtomicBool::new(false)));
        // Nobody drains these: what happens when the slow side lags is hot, too.
        let recorder = || latency(4, 64).unwrap().0;
        let stage_recorders = || stages(4, 64).unwrap().0;
        let mut tile = |feeds: Vec<Feed>, out| {
            let tap = taps.feed(&feeds, &[String::new(), String::new()]);
            let (clock, stop) = (clock.clone(), Arc::clone(&stop));
            let (counters, recorders) = (Counters::default(), [recorder(), recorder()]);
            FeedTile::new(feeds, out, clock, stop, counters, recorders, stage_recorders())
                .recorded_by(tap)
        };
        let feeds = feeds(scenario);
        match layout {
            Layout::Single => {
                let books = scenario.catalog.listings.iter().map(|listing| listing.book);
                let out = Publisher::new(
                    shelf.writer_of(books).unwrap(),
                    Route::Inline(engine),
                    clock.clone(),
                );
                rig.tiles.push(tile(feeds.into(), out));
            }
            Layout::Split => {
                let mut rings = Vec::new();
                for feed in feeds {
                    let books = feed.books().map(|(id, _)| id).collect::<Vec<_>>();
                    let half = shelf.writer_of(books).unwrap();
                    // Small enough to coalesce: an array of books is more than it holds.
                    let (tops, tops_end) = CoalescingRing::new(8, count);
                    let (control, control_end) = Ring::<Control>::new(64);
                    rings.push(FeedRings { tops: tops_end, control: control_end });
                    let out = Publisher::new(half, Route::Rings { tops, control }, clock.clone());
                    rig.tiles.push(tile(vec![feed], out));
                }
                let stop = Arc::clone(&stop);
                rig.eval = Some(EvalTile::new(
                    engine,
                    rings,
                    clock.clone(),
                    stop,
                    recorder(),
                    stage_recorders(),
                ));
            }
        }
        rig.lanes = taps.into_lanes();
        for connection in 0..VENUES.len() {
            rig.on(connection, |tile, at| tile.on_connect(at));
        }
        rig
    }

    /// Calls the tile that has a connection, with the number that the connection has there.
    fn on(&mut self, connection: usize, call: impl FnOnce(&mut FeedTile, usize)) {
        match self.tiles.as_mut_slice() {
            [all] => call(all, connection),
            tiles => call(&mut tiles[connection], 0),
        }
    }

    /// From the payload to the fills, as the threads of a live run do it.
    fn take(&mut self, sent: &Sent) {
        self.on(sent.connection, |tile, at| {
            tile.on_payload(at, sent.text.as_bytes());
            tile.on_tick(at);
            tile.on_idle();
        });
        while self.eval.as_mut().is_some_and(EvalTile::round) {}
    }

    /// What the hot path does not do: commands are sent, the journal is read.
    fn housekeeping(&mut self, sent: &Sent) {
        self.on(sent.connection, |tile, at| while tile.next_command(at).is_some() {});
        let lost = &mut self.lost;
        self.journal.drain(|bytes| {
            *lost += u64::from(dutchbook_core::journal::decode(bytes).is_err());
        });
        for lane in &mut self.lanes {
            self.recorded += lane.reader.drain(|_bytes| {});
            self.lost += lane.reader.shed_count();
        }
    }

    fn count(&self, counter: Counter) -> u64 {
        self.engine.get(counter)
    }
}

fn real_time_ahead() -> Nanos {
    Clock::new().now().plus(Nanos::from_secs(3_600))
}

fn the_hot_path_does_not_allocate(layout: Layout) {
    let recording = record(real_time_ahead());
    let mut rig = Rig::new(&recording.scenario, layout);
    let (warm_up, counted) = recording.sent.split_at(recording.sent.len() / 2);
    for sent in warm_up {
        rig.take(sent);
        rig.housekeeping(sent);
    }
    let traded = [Counter::Opportunities, Counter::Intents, Counter::Fills];
    let before = traded.map(|counter| rig.count(counter));
    let mut kinds: BTreeMap<&str, (u64, Calls)> = BTreeMap::new();
    for sent in counted {
        let calls = armed(|| rig.take(sent));
        let (count, sum) = kinds.entry(&sent.kind).or_default();
        *count += 1;
        sum.allocations += calls.allocations;
        sum.frees += calls.frees;
        rig.housekeeping(sent);
    }
    println!("{layout:?}: {} messages to warm up, {} counted", warm_up.len(), counted.len());
    for (kind, (count, calls)) in &kinds {
        println!("  {kind:<20} {count:>7} messages: {calls:?}");
    }
    let now = traded.map(|counter| rig.count(counter));
    println!("  {traded:?} while counted: {:?}", [0, 1, 2].map(|at| now[at] - before[at]));
    for kind in HOT {
        let (count, calls) = kinds.get(kind).copied().unwrap_or_default();
        assert!(count > 0, "no {kind} among the counted messages");
        assert_eq!(calls, Calls::default(), "{layout:?}: {count} {kind} messages");
    }
    for (at, counter) in traded.iter().enumerate() {
        assert!(now[at] > before[at], "no {} while counted", counter.name());
    }
    assert_eq!((rig.count(Counter::JournalFull), rig.lost), (0, 0));
    assert!(rig.recorded > 1_000_000, "{} bytes were written down", rig.recorded);
}

#[test]
fn no_allocation_on_one_tile() {
    the_hot_path_does_not_allocate(Layout::Single);
}

#[test]
fn no_allocation_across_the_ring() {
    the_hot_path_does_not_allocate(Layout::Split);
}

/// The same stream on a thread that the kernel ends at its first system call.
#[cfg(target_os = "linux")]
fn the_hot_path_makes_no_system_call(layout: Layout) {
    let mut recording = record(real_time_ahead());
    let mut rig = Rig::new(&recording.scenario, layout);
    let counted = recording.sent.split_off(recording.sent.len() / 2);
    for sent in &recording.sent {
        rig.take(sent);
        rig.housekeeping(sent);
    }
    let engine = rig.engine.clone();
    let before = engine.get(Counter::Intents);
    let hot = move || {
        let hot = counted.iter().filter(|sent| HOT.contains(&sent.kind.as_str()));
        hot.for_each(|sent| rig.take(sent));
    };
    if silent::makes_no_system_call(Duration::from_secs(30), hot) {
        let intents = engine.get(Counter::Intents) - before;
        println!("{layout:?}: no system call, {intents} intents");
        assert!(intents > 0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_system_call_on_one_tile() {
    the_hot_path_makes_no_system_call(Layout::Single);
}

#[test]
#[cfg(target_os = "linux")]
fn no_system_call_across_the_ring() {
    the_hot_path_makes_no_system_call(Layout::Split);
}

#[test]
fn the_counter_counts() {
    let calls = armed(|| drop(core::hint::black_box(Box::new(1))));
    assert_eq!(calls, Calls { allocations: 1, frees: 1 });
    let mut grown = Vec::from([1_u8]);
    grown.shrink_to_fit();
    let calls = armed(|| grown.reserve(100));
    assert_eq!(calls, Calls { allocations: 1, frees: 0 });
}
