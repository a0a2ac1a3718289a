//! The demo in simulated time: the same venues, feeds and engine on one thread, without sockets.
//!
//! Frames pass from the venues to the feed tile in memory, and time moves in fixed steps: one seed
//! gives the same opportunities, decisions and fills on every run and every machine. The latencies
//! in the report are real: they say how long each payload was worked on.

use dutchbook_book::Nanos;
use dutchbook_book::catalog::Catalog;
use dutchbook_book::shelf::Shelf;
use dutchbook_core::capture::FeedTap;
use dutchbook_core::clock::{Clock, SimulatedTime};
use dutchbook_core::config::Config;
use dutchbook_core::engine::Engine;
use dutchbook_core::journal::{JournalReader, journal};
use dutchbook_core::net::{Handler, TickOutcome};
use dutchbook_core::news::NewsDesk;
use dutchbook_core::news::run::Heard;
use dutchbook_core::relation::Relation;
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::telemetry::{Counter, Counters, LatencyHistogram, latency};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::{StageHistograms, stages};
use dutchbook_core::tile::steer::Steer;
use dutchbook_core::topology::{StartError, make_feeds};
use dutchbook_feeds::feed::Feed;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};

use super::check::VenuesEnd;
use super::listed::Listed;
use super::news::News;
use super::report::DemoReport;
use super::scores::{self, Said};
use super::{DemoError, manifest, taps_of};
use crate::capture::writer::CaptureWriter;
use crate::cli::DemoArgs;
use crate::relations::Relations;
use crate::sim::fault::FaultPlan;
use crate::sim::scenario::Scenario;
use crate::sim::venue::{SessionId, SimVenues};

/// When simulated time starts: 22 November 2026, 12:00 UTC.
const START: Nanos = Nanos::from_secs(1_795_348_800);
/// One step of simulated time.
const STEP: Nanos = Nanos::from_micros(500);
/// Steps between two rounds of a feed's housekeeping.
const TICK_STEPS: u64 = 40;
/// Chunks and records of the journal and the latencies, drained every tick.
const CHUNKS: usize = 64;
const CHUNK_RECORDS: usize = 4_096;

/// One thread of everything.
struct Run {
    catalog: Catalog,
    relations: Relations,
    venues: SimVenues,
    tile: FeedTile,
    time: SimulatedTime,
    sessions: Vec<SessionId>,
    frames: Vec<String>,
    journal: JournalReader,
    histograms: [LatencyHistogram; 2],
    stages: StageHistograms,
    news: News,
    capture: Option<CaptureWriter>,
    scores: Scores,
}

/// The score feed without a socket.
struct Scores {
    lines: std::vec::IntoIter<Said>,
    desk: NewsDesk,
    tile: Sender<Steer>,
    counts: [u64; 2],
    trouble: Vec<String>,
}

/// Runs the demo in simulated time and returns its report.
pub(super) fn run(
    args: &DemoArgs,
    config: &Config,
    scenario: Scenario,
) -> Result<DemoReport, DemoError> {
    let mut run = Run::new(args, config, scenario)?;
    let settled = run.all_steps(args, config);
    report(args, run, settled)
}

/// Ends a run after so many steps, and says what it did.
fn report(args: &DemoArgs, run: Run, settled: u64) -> Result<DemoReport, DemoError> {
    let Run {
        catalog,
        relations,
        tile,
        venues,
        mut journal,
        histograms,
        mut stages,
        mut news,
        capture,
        scores,
        ..
    } = run;
    let ended = tile.end();
    let end = VenuesEnd::compare(&venues, &catalog, &ended.books);
    journal.drain(|bytes| news.take(bytes));
    let decisions = journal.decisions();
    let now = START.plus(Nanos(STEP.0.saturating_mul(settled)));
    let capture = capture.map(|capture| capture.finish(decisions.clone(), now));
    let [to_book, to_decision] = histograms.map(|mut histogram| {
        histogram.drain();
        histogram.summary()
    });
    stages.drain();
    let (outcomes, traces) = (news.outcomes(), news.traces().clone());
    let (findings, damaged) = news.finish();
    let Some(engine) = ended.engine else {
        return Err(StartError::Thread(std::io::Error::other("the tile lost its engine")).into());
    };
    let heard = scores.heard();
    let said = [ended.trouble, heard.trouble.clone()].concat();
    let trouble = trouble(said, damaged, &engine);
    let counters = engine.counters();
    Ok(DemoReport {
        seed: args.seed,
        seconds: args.seconds,
        topology: "one thread, simulated time".to_owned(),
        books: engine.seen_books(),
        feeds: catalog.venues.iter().map(|venue| venue.kind.name()).zip(ended.feeds).collect(),
        findings,
        decisions,
        capture,
        kinds: engine.lives().summaries().collect(),
        traces,
        fills: counters.get(Counter::Fills),
        legged: counters.get(Counter::Legged),
        completed: counters.get(Counter::Completed),
        unwound: counters.get(Counter::Unwound),
        vetoes: counters.get(Counter::Vetoes),
        vetoes_by_reason: engine.vetoes().map(|(veto, count)| (veto.name(), count)).collect(),
        outcomes,
        news: Some(heard),
        net_profit: engine.net_profit(),
        unpaid_winners: engine.portfolio().unpaid_winners().cash_floor().unwrap_or_default(),
        fees: engine.portfolio().total().fees.cash_ceil().unwrap_or_default(),
        to_book,
        to_decision,
        stages: stages.summaries(),
        orders: None,
        portfolio: engine.portfolio().clone(),
        places: Vec::new(),
        held: ended.books,
        venues: Some(end),
        audit: None,
        relations,
        compiled: None,
        trouble,
        pins_refused: 0,
    })
}

/// What went wrong, as lines of the report.
fn trouble(mut lines: Vec<String>, damaged: u64, engine: &Engine) -> Vec<String> {
    if damaged > 0 {
        lines.push(format!("{damaged} journal records could not be read"));
    }
    lines.extend(engine.refused_words().map(|(market, why)| format!("{market}: {why}")));
    lines
}

/// Has engine and feeds write down what they are given, where the run is recorded.
fn record(
    args: &DemoArgs,
    config: &Config,
    (catalog, relations): &(Catalog, Vec<Relation>),
    engine: Engine,
    feeds: &[Feed],
) -> Result<(Engine, Option<FeedTap>, Option<CaptureWriter>), DemoError> {
    let Some(folder) = &args.record else { return Ok((engine, None, None)) };
    let mut taps = taps_of(args);
    let engine = match taps.engine() {
        Some(log) => engine.recorded_by(log),
        None => engine,
    };
    let urls: Vec<String> =
        feeds.iter().map(|feed| format!("memory://{}", feed.kind().name())).collect();
    let tap = taps.feed(feeds, &urls);
    let lanes = taps.into_lanes();
    let manifest = manifest(config, catalog, relations, &lanes, START);
    let readers = lanes.into_iter().map(|lane| lane.reader).collect();
    let capture = CaptureWriter::begin(folder, &manifest, readers, config.capture)?;
    Ok((engine, tap, Some(capture)))
}

impl Scores {
    /// Says what is due by now.
    fn speak(&mut self, now: Nanos) {
        while let Some(said) = self.lines.as_slice().first()
            && START.plus(said.after) <= now
        {
            let line = said.line(START);
            self.lines.next();
            let (tile, [lines, words]) = (&self.tile, &mut self.counts);
            *lines += 1;
            let told = self.desk.take(&line, |dispatch| {
                *words += u64::from(tile.send(dispatch.steer).is_ok());
            });
            if let Err(error) = told {
                self.trouble.push(format!("news: {error}"));
            }
        }
    }

    fn heard(self) -> Heard {
        let [lines, words] = self.counts;
        let refused = u64::try_from(self.trouble.len()).unwrap_or(u64::MAX);
        let counts = [("lines", lines), ("words", words), ("passed_over", 0), ("refused", refused)];
        Heard { counts: counts.to_vec(), trouble: self.trouble }
    }
}

impl Run {
    fn new(args: &DemoArgs, config: &Config, scenario: Scenario) -> Result<Self, DemoError> {
        let flow = super::flow_of(args)?;
        let faults = if args.chaos { super::chaos(args, START) } else { FaultPlan::default() };
        let lines = scores::lines(&scenario).into_iter();
        let mut venues = SimVenues::new(scenario, flow, faults, args.seed, START)?;
        let Listed { catalog, relations } = Listed::in_memory(config, &venues)?;
        let listed = (catalog.clone(), relations.list.clone());
        let sessions =
            catalog.venues.iter().map(|venue| venues.connect(venue.kind, START)).collect();
        let (clock, time) = Clock::simulated(START);
        let (writer, journal) = journal(CHUNKS, CHUNK_RECORDS);
        let mut shelf = Shelf::new(catalog.listings.len());
        let news = News::new(&catalog, config);
        let kinds = catalog.venues.iter().map(|venue| (venue.id, venue.kind));
        let feeds = make_feeds(config, &catalog, kinds).map_err(StartError::from)?;
        let kill = KillSwitch::default();
        let books: Vec<_> = catalog.listings.iter().map(|listing| listing.book).collect();
        let engine = Engine::new(
            catalog,
            relations.list.clone(),
            &config.engine(),
            shelf.reader(),
            writer,
            kill,
        )
        .map_err(StartError::from)?;
        let (engine, tap, capture) = record(args, config, &listed, engine, &feeds)?;
        let writer = shelf.writer_of(books).map_err(StartError::from)?;
        let stopwatch = Clock::new();
        let out = Publisher::new(writer, Route::Inline(Box::new(engine)), stopwatch.clone());
        let make = || latency(CHUNKS, CHUNK_RECORDS).ok_or(StartError::Histogram);
        let ((to_book, book_histogram), (to_decision, decision_histogram)) = (make()?, make()?);
        let stop = Arc::new(AtomicBool::new(false));
        let recorders = [to_book, to_decision];
        let (stage_recorders, stages) =
            stages(CHUNKS, CHUNK_RECORDS).ok_or(StartError::Histogram)?;
        let counters = Counters::default();
        let tile = FeedTile::new(feeds, out, clock, stop, counters, recorders, stage_recorders)
            .timed_by(stopwatch)
            .recorded_by(tap);
        let (steering, steered) = channel();
        let tile = tile.steered_by(steered);
        let scores = Scores {
            lines,
            desk: NewsDesk::new(&listed.0),
            tile: steering,
            counts: [0; 2],
            trouble: Vec::new(),
        };
        let histograms = [book_histogram, decision_histogram];
        let frames = Vec::new();
        let mut run = Self {
            catalog: listed.0,
            relations,
            venues,
            tile,
            time,
            sessions,
            frames,
            journal,
            histograms,
            stages,
            news,
            capture,
            scores,
        };
        for connection in 0..run.sessions.len() {
            run.tile.on_connect(connection);
        }
        Ok(run)
    }

    /// Every step of the run, and those that a quiet engine needs behind it. Returns their number.
    fn all_steps(&mut self, args: &DemoArgs, config: &Config) -> u64 {
        let steps = Nanos::from_secs(args.seconds).0 / STEP.0;
        for step in 0..steps {
            self.step(step);
        }
        self.venues.hush();
        let settled = steps + super::settling(config, args).0 / STEP.0;
        for step in steps..settled {
            self.step(step);
        }
        settled
    }

    fn step(&mut self, step: u64) {
        let now = START.plus(Nanos(STEP.0.saturating_mul(step)));
        self.time.set(now);
        self.scores.speak(now);
        self.tile.on_idle();
        self.venues.step(now);
        for connection in 0..self.sessions.len() {
            self.serve(connection, step, now);
        }
        if step.is_multiple_of(TICK_STEPS) {
            let news = &mut self.news;
            self.journal.drain(|bytes| news.take(bytes));
            for histogram in &mut self.histograms {
                histogram.drain();
            }
            self.stages.drain();
            if let Some(capture) = &mut self.capture {
                capture.pump(now);
            }
        }
    }

    fn serve(&mut self, connection: usize, step: u64, now: Nanos) {
        let Some(&session) = self.sessions.get(connection) else { return };
        let tick = step.is_multiple_of(TICK_STEPS);
        if tick && self.tile.on_tick(connection) == TickOutcome::Reconnect {
            self.reconnect(connection, now);
            return;
        }
        while let Some(command) = self.tile.next_command(connection) {
            self.venues.on_text(session, &command, now);
        }
        let mut frames = std::mem::take(&mut self.frames);
        self.venues.take_frames(session, now, &mut frames);
        for frame in frames.drain(..) {
            self.tile.on_payload(connection, frame.as_bytes());
        }
        self.frames = frames;
        if self.venues.closed(session).is_some() {
            self.reconnect(connection, now);
        }
    }

    fn reconnect(&mut self, connection: usize, now: Nanos) {
        self.tile.on_disconnect(connection, "closed by the venue");
        let kind = self.tile.kind(connection);
        if let (Some(slot), Some(kind)) = (self.sessions.get_mut(connection), kind) {
            self.venues.disconnect(*slot);
            *slot = self.venues.connect(kind, now);
        }
        self.tile.on_connect(connection);
    }
}
