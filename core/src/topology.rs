//! Config to tiles, rings and cores: all wiring on one page.
//!
//! * single: one tile has every venue's connection, every book and the evaluator; no hand-off.
//! * split: one feed tile per venue and one evaluation tile, joined by a coalescing ring per feed.
//!
//! Stopping is one atomic: the tiles finish what is under way, feeds first, and hand back what they
//! counted.

mod live;
mod running;

use core::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use dutchbook_book::catalog::{Catalog, Listing, VenueKind};
use dutchbook_book::ring::{CoalescingRing, Ring};
use dutchbook_book::shelf::{ClaimError, Shelf, ShelfWriter};
use dutchbook_book::{BookId, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_feeds::feed::{Feed, FeedConfig, FeedError};

use crate::bookkeeping::{self, KeepError, OpenBooks, Opening};
use crate::capture::Taps;
use crate::clock::Clock;
use crate::config::{Config, LayoutKind};
use crate::control::Control;
use crate::engine::{Engine, EngineError};
use crate::journal::{JournalWriter, journal};
use crate::net::{Endpoint, run_tile};
use crate::pin::{Wait, pin_to};
use crate::position::bonds::Bonds;
use crate::relation::Relation;
use crate::risk::kill::KillSwitch;
use crate::telemetry::{CounterReader, Counters, LatencyHistogram, LatencyRecorder, latency};
use crate::tile::eval::{EvalTile, FeedRings};
use crate::tile::feed::{FeedTile, FeedTileEnd};
use crate::tile::publisher::{Publisher, Route};
use crate::tile::stages::{StageHistograms, StageRecorders, stages};
use crate::tile::steer::Steering;
use crate::tile::trade::Trading;
use live::{Equipped, equip};
use running::Kept;

pub use live::{LiveStart, Ways};
pub use running::{Ended, Latencies, Running};

/// Records of the journal under way between the engine and its reader: chunks × records.
const JOURNAL_CHUNKS: usize = 64;
const JOURNAL_CHUNK_RECORDS: usize = 1_024;
/// Latency samples under way: chunks of the configured length.
const LATENCY_CHUNKS: usize = 64;
/// Resolutions under way between a feed and the evaluator.
const CONTROL_SLOTS: usize = 1_024;

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A feed cannot be made of the catalog's listings.
    #[error("the catalog cannot be subscribed: {0}")]
    Feed(#[from] FeedError),
    /// The engine cannot be built.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The books of a venue do not stand together in the catalog.
    #[error("the books of one venue must have consecutive ids: {0}")]
    Claim(#[from] ClaimError),
    /// The system refuses a thread or memory.
    #[error("cannot start a tile: {0}")]
    Thread(#[from] io::Error),
    /// A histogram cannot be made.
    #[error("cannot make a latency histogram")]
    Histogram,
    /// What happens cannot be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// One connection to a venue, with the books that it carries. A venue may have several: what one of
/// them loses costs its own books only.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The venue.
    pub venue: VenueId,
    /// Its protocol.
    pub kind: VenueKind,
    /// The books that it carries.
    pub books: Vec<BookId>,
    /// Where it goes.
    pub endpoint: Endpoint,
}

/// What every tile shares with the rest of the process.
struct Wiring<'a> {
    clock: Clock,
    stop: Arc<AtomicBool>,
    wait: Wait,
    steering: Steering,
    chunk_records: usize,
    shelf: Shelf,
    /// Books that are kept free for later markets, with their venues.
    free: Vec<(VenueId, BookId)>,
    /// Cores that are left to pin to, first tile first.
    cores: Vec<usize>,
    /// Where a tile tells the core that it was not given.
    pin_refused: Sender<usize>,
    taps: &'a mut Taps,
    /// For the tile that has the engine.
    trading: Option<Box<Trading>>,
}

/// Starts the tiles; they connect, subscribe and evaluate until stopped. Everything that decisions will
/// rest on is written into the lanes of `taps`, where it records. With `live` orders go to the venues,
/// without it they are filled on paper.
///
/// # Errors
/// When the catalog, the relations or the system do not allow it. Nothing runs then.
pub fn start_recorded(
    config: &Config,
    catalog: Catalog,
    relations: Vec<Relation>,
    streams: Vec<Stream>,
    clock: Clock,
    taps: &mut Taps,
    live: Option<LiveStart>,
) -> Result<Running, StartError> {
    let shelf = Shelf::new(catalog.listings.len());
    let (journal_writer, journal) = journal(JOURNAL_CHUNKS, JOURNAL_CHUNK_RECORDS);
    let boot = live.as_ref().map(|live| live.boot);
    let (journal_writer, kept) =
        keep(journal_writer, config, (&catalog, &Bonds::of(&relations)), &clock, boot)?;
    let free = free_books(&catalog);
    let feeds = streams.iter().map(|stream| {
        let listings = stream.books.iter().filter_map(|book| catalog.listing(*book));
        make_feed(config, stream.kind, listings)
    });
    let feeds: Vec<Feed> = feeds.collect::<Result<_, _>>()?;
    let (kill, reader) = (KillSwitch::default(), shelf.reader());
    let engine = Engine::new(
        catalog,
        relations,
        &config.engine(),
        shelf.reader(),
        journal_writer,
        kill.clone(),
    )?;
    let Equipped { engine, trading, carrier, to_order, notes } =
        equip(engine, live, kept.as_ref(), taps.engine(), config, &clock)?;
    let (programs, installed) = mpsc::channel();
    let engine = engine.programmed_by(installed);
    let (engine_counters, profit) = (engine.counters(), engine.profit_gauge());
    let baskets = engine.basket_books();
    let mut cores = config.tiles.cores.clone();
    cores.reverse();
    let (pin_refused, pins) = mpsc::channel();
    let mut wiring = Wiring {
        clock,
        stop: Arc::new(AtomicBool::new(false)),
        wait: config.tiles.wait,
        steering: Steering::default(),
        chunk_records: config.chunk_records,
        shelf,
        free,
        cores,
        pin_refused,
        taps,
        trading,
    };
    let engine = Box::new(engine);
    let lines = streams.into_iter().zip(feeds).collect();
    let mut tiles = match config.tiles.layout {
        LayoutKind::Single => wiring.single(lines, engine)?,
        LayoutKind::Split => wiring.split(lines, engine, config.tiles.ring_slots)?,
    };
    tiles.latencies.to_order = to_order;
    Ok(Running {
        stop: wiring.stop,
        feeds: tiles.feeds,
        eval: tiles.eval,
        latencies: tiles.latencies,
        feed_counters: tiles.feed_counters,
        engine_counters,
        profit,
        baskets,
        journal,
        shelf: reader,
        steering: wiring.steering,
        kept,
        kill,
        pins,
        pins_refused: Vec::new(),
        carrier,
        programs,
        account_notes: notes,
    })
}

/// Opens the journal and the ledger, where the configuration names a folder for them.
fn keep(
    journal: JournalWriter,
    config: &Config,
    (catalog, bonds): (&Catalog, &Bonds),
    clock: &Clock,
    live: Option<Boot>,
) -> Result<(JournalWriter, Option<Kept>), StartError> {
    let Some(folder) = &config.journal_folder else { return Ok((journal, None)) };
    let boot = match live {
        Some(boot) => boot,
        None => Boot(getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?),
    };
    let opened = bookkeeping::open(&Opening {
        folder,
        config: config.journal,
        catalog,
        bonds,
        boot,
        is_live: live.is_some(),
        now: clock.now(),
    })?;
    let OpenBooks { recovered, writer, sequence, books, namer, notes } = opened;
    let kept = Kept { recovered, books, namer: Some(namer), notes };
    Ok((journal.kept_in(writer, sequence), Some(kept)))
}

/// Books that are kept free for later markets, with their venues.
fn free_books(catalog: &Catalog) -> Vec<(VenueId, BookId)> {
    let free = catalog.listings.iter().filter(|listing| listing.is_free());
    free.map(|listing| (listing.venue, listing.book)).collect()
}

/// The feeds of these venues, each with its listings of the catalog.
///
/// # Errors
/// When a listing cannot be subscribed.
pub fn make_feeds(
    config: &Config,
    catalog: &Catalog,
    venues: impl Iterator<Item = (VenueId, VenueKind)>,
) -> Result<Vec<Feed>, FeedError> {
    venues.map(|(venue, kind)| make_feed(config, kind, catalog.listings_of(venue))).collect()
}

/// A feed of these listings.
///
/// # Errors
/// When a listing cannot be subscribed.
pub fn make_feed<'a>(
    config: &Config,
    kind: VenueKind,
    listings: impl IntoIterator<Item = &'a Listing>,
) -> Result<Feed, FeedError> {
    let mut feed_config = FeedConfig::of(kind);
    feed_config.ticker = config.venues.kalshi.as_ref().is_some_and(|venue| venue.ticker);
    feed_config.limits.silence_ns_max = config.feed.silence_max;
    feed_config.limits.lag_ns_max = config.feed.stale_max;
    feed_config.limits.refresh_ns = config.feed.refresh;
    Feed::new(kind, listings, feed_config)
}

/// A connection and its feed.
type Line = (Stream, Feed);

/// The threads of one layout.
struct Tiles {
    feeds: Vec<JoinHandle<io::Result<FeedTileEnd>>>,
    eval: Option<JoinHandle<Box<Engine>>>,
    latencies: Latencies,
    feed_counters: Vec<CounterReader>,
}

impl Wiring<'_> {
    fn latency(&self) -> Result<(LatencyRecorder, LatencyHistogram), StartError> {
        latency(LATENCY_CHUNKS, self.chunk_records).ok_or(StartError::Histogram)
    }

    fn stages(&self) -> Result<(StageRecorders, StageHistograms), StartError> {
        stages(LATENCY_CHUNKS, self.chunk_records).ok_or(StartError::Histogram)
    }

    fn single(&mut self, lines: Vec<Line>, engine: Box<Engine>) -> Result<Tiles, StartError> {
        let (to_book, book_histogram) = self.latency()?;
        let (to_decision, to_decision_histogram) = self.latency()?;
        let books = (0..u32::try_from(self.shelf.len()).unwrap_or(u32::MAX)).map(BookId);
        let shelf = self.shelf.writer_of(books)?;
        let out = Publisher::new(shelf, Route::Inline(engine), self.clock.clone());
        let (recorders, histograms) = self.stages()?;
        let recorders = ([to_book, to_decision], recorders);
        let (thread, counters) = self.feed_tile("market", lines, out, recorders)?;
        Ok(Tiles {
            feeds: vec![thread],
            eval: None,
            latencies: Latencies {
                to_book: vec![book_histogram],
                to_decision: to_decision_histogram,
                to_order: None,
                stages: vec![histograms],
            },
            feed_counters: vec![counters],
        })
    }

    fn split(
        &mut self,
        lines: Vec<Line>,
        engine: Box<Engine>,
        ring_slots: usize,
    ) -> Result<Tiles, StartError> {
        let (to_decision, to_decision_histogram) = self.latency()?;
        let (eval_stages, eval_histograms) = self.stages()?;
        let (eval_core, trading) = (self.cores.pop(), self.trading.take());
        let mut tiles = Tiles {
            feeds: Vec::new(),
            eval: None,
            latencies: Latencies {
                to_book: Vec::new(),
                to_decision: to_decision_histogram,
                to_order: None,
                stages: vec![eval_histograms],
            },
            feed_counters: Vec::new(),
        };
        let mut rings = Vec::new();
        for (kind, lines) in by_venue(lines) {
            let books = lines.iter().flat_map(|(stream, _)| stream.books.iter().copied());
            let venue = lines.first().map(|(stream, _)| stream.venue);
            let free = self.free.iter().filter(|(of, _)| Some(*of) == venue);
            let books = books.chain(free.map(|(_, book)| *book));
            let shelf: ShelfWriter = self.shelf.writer_of(books)?;
            let (tops, tops_end) = CoalescingRing::new(ring_slots, self.shelf.len());
            let (control, control_end) = Ring::<Control>::new(CONTROL_SLOTS);
            rings.push(FeedRings { tops: tops_end, control: control_end });
            let (to_book, histogram) = self.latency()?;
            // Decisions are timed where they are made; this half stays empty.
            let (unused, _empty) = self.latency()?;
            let (stages, stage_histograms) = self.stages()?;
            let out = Publisher::new(shelf, Route::Rings { tops, control }, self.clock.clone());
            let (thread, counters) =
                self.feed_tile(kind.name(), lines, out, ([to_book, unused], stages))?;
            tiles.feeds.push(thread);
            tiles.feed_counters.push(counters);
            tiles.latencies.to_book.push(histogram);
            tiles.latencies.stages.push(stage_histograms);
        }
        let (clock, stop, wait) = (self.clock.clone(), Arc::clone(&self.stop), self.wait);
        let refused = self.pin_refused.clone();
        let body = move || {
            pin(eval_core, &refused);
            let tile = EvalTile::new(engine, rings, clock, stop, to_decision, eval_stages);
            tile.trading_over(trading).run(wait)
        };
        tiles.eval = Some(std::thread::Builder::new().name("eval".to_owned()).spawn(body)?);
        Ok(tiles)
    }

    fn feed_tile(
        &mut self,
        name: &str,
        lines: Vec<Line>,
        out: Publisher,
        (recorders, stages): ([LatencyRecorder; 2], StageRecorders),
    ) -> Result<(JoinHandle<io::Result<FeedTileEnd>>, CounterReader), StartError> {
        let counters = Counters::default();
        let reader = counters.reader();
        let core = self.cores.pop();
        let (clock, stop, wait) = (self.clock.clone(), Arc::clone(&self.stop), self.wait);
        let steering = self.steering.tile(lines.iter().map(|(stream, _)| stream.venue));
        let (streams, feeds): (Vec<Stream>, Vec<Feed>) = lines.into_iter().unzip();
        let urls: Vec<String> = streams.iter().map(|stream| stream.endpoint.url.clone()).collect();
        let tap = self.taps.feed(&feeds, &urls);
        let out = out.counting_new(self.steering.appeared());
        let endpoints = streams.into_iter().map(|stream| stream.endpoint).collect();
        let refused = self.pin_refused.clone();
        // Where there is an evaluation tile, that has taken it.
        let trading = self.trading.take();
        let body = move || {
            pin(core, &refused);
            let tile = FeedTile::new(feeds, out, clock, stop, counters, recorders, stages);
            let mut tile = tile.steered_by(steering).recorded_by(tap).trading_over(trading);
            if wait != Wait::Park {
                tile = tile.rehearsing();
            }
            let tile = Rc::new(RefCell::new(tile));
            run_tile(Rc::clone(&tile), endpoints, wait)?;
            // The runtime and its tasks are gone: nobody else holds the tile.
            let tile =
                Rc::into_inner(tile).ok_or_else(|| io::Error::other("a task outlived it"))?;
            Ok(tile.into_inner().end())
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body)?;
        Ok((thread, reader))
    }
}

/// The connections of each venue, in the order of their first.
fn by_venue(lines: Vec<Line>) -> Vec<(VenueKind, Vec<Line>)> {
    let mut groups: Vec<(VenueKind, Vec<Line>)> = Vec::new();
    for line in lines {
        match groups.iter_mut().find(|(kind, _)| *kind == line.0.kind) {
            Some((_, group)) => group.push(line),
            None => groups.push((line.0.kind, vec![line])),
        }
    }
    groups
}

/// Pins the calling thread where a core is configured; a refusal leaves it free to move, and is told.
fn pin(core: Option<usize>, refused: &Sender<usize>) {
    if let Some(core) = core
        && !pin_to(core)
    {
        // A run that is over already has nobody who wants to know.
        let _told = refused.send(core);
    }
}
