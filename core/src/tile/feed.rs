//! The feed tile: payloads to books, books to views, tops to the evaluator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Book, BookId, Nanos};
use dutchbook_feeds::counters::Counters as FeedCounters;
use dutchbook_feeds::feed::Feed;
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::session::SessionStep;

use crate::capture::{FeedTap, Kind};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::net::{Handler, TickOutcome};
use crate::telemetry::{Counter, Counters, LatencyRecorder};
use crate::tile::publisher::Publisher;
use crate::tile::rehearsal::Rehearsal;
use crate::tile::stages::{Stage, StageRecorders};
use crate::tile::steer::Steer;
use crate::tile::trade::Trading;

/// What became of one payload.
pub(super) struct Passed {
    /// Books that it changed.
    changed: u64,
    /// When they were on the shelf; `decided` where the evaluator is on this tile.
    published: Nanos,
    decided: Option<Nanos>,
}

/// One payload through decoder, books, views and, where it is on this tile, evaluator.
///
/// Never inlined: rehearsals keep this code warm, so there must be one copy of it.
#[inline(never)]
pub(super) fn pass(
    feed: &mut Feed,
    out: &mut Publisher,
    (payload, room): (&[u8], &mut PayloadBuf),
    now: Nanos,
    stopwatch: &Clock,
) -> Option<Passed> {
    out.before(feed.kind(), now);
    feed.on_payload(payload, room, now, out);
    let changed = out.take_changed();
    if changed == 0 {
        return None;
    }
    let published = stopwatch.now();
    let decided = out.engine_mut().map(|engine| {
        engine.evaluate(now);
        stopwatch.now()
    });
    Some(Passed { changed, published, decided })
}

/// The state of a feed tile: one feed per connection, one publisher for all of them.
#[derive(Debug)]
pub struct FeedTile {
    feeds: Vec<Feed>,
    out: Publisher,
    /// For payloads that need padding.
    room: PayloadBuf,
    clock: Clock,
    /// Times the work; another clock than `clock` where that is a simulated one.
    stopwatch: Option<Clock>,
    stages: StageRecorders,
    stop: Arc<AtomicBool>,
    counters: Counters,
    gaps_counted: u64,
    to_book: LatencyRecorder,
    to_decision: LatencyRecorder,
    housekeeping_at: Nanos,
    steering: Option<Receiver<Steer>>,
    trouble: Vec<String>,
    tap: Option<FeedTap>,
    rehearsal: Option<Box<Rehearsal>>,
    /// Orders on venues, where the evaluator is on this tile and trades there.
    trading: Option<Box<Trading>>,
}

/// What a feed tile leaves behind.
#[derive(Debug)]
pub struct FeedTileEnd {
    /// Counters of each feed, in the order of its connections.
    pub feeds: Vec<FeedCounters>,
    /// Every book as it was at the end, whole.
    pub books: Vec<(BookId, Book)>,
    /// The evaluator, where it lived on this tile.
    pub engine: Option<Box<Engine>>,
    /// Why connections were lost, oldest first, at most [`TROUBLE_MAX`].
    pub trouble: Vec<String>,
    /// Resolutions that found no room in the control ring.
    pub lost_controls: u64,
}

/// How many reasons for lost connections are kept.
pub const TROUBLE_MAX: usize = 32;
/// Largest payload that is taken without allocating.
const PAYLOAD_BYTES: usize = 1 << 20;
/// How much of a frame of an unknown shape is shown.
const SHOWN_BYTES_MAX: usize = 300;
/// Pause between two rounds of housekeeping. Each hands over a chunk of latencies and records, so
/// that the reader's pauses may be as long as there are chunks.
const HOUSEKEEPING: Nanos = Nanos::from_millis(50);

impl FeedTile {
    /// A tile with one feed per connection.
    #[must_use]
    pub fn new(
        feeds: Vec<Feed>,
        out: Publisher,
        clock: Clock,
        stop: Arc<AtomicBool>,
        counters: Counters,
        [to_book, to_decision]: [LatencyRecorder; 2],
        stages: StageRecorders,
    ) -> Self {
        Self {
            feeds,
            out,
            room: PayloadBuf::with_capacity(PAYLOAD_BYTES),
            clock,
            stopwatch: None,
            stages,
            stop,
            counters,
            gaps_counted: 0,
            to_book,
            to_decision,
            housekeeping_at: Nanos::ZERO,
            steering: None,
            trouble: Vec::with_capacity(TROUBLE_MAX),
            tap: None,
            rehearsal: None,
            trading: None,
        }
    }

    /// Trades on venues over a line: only where the evaluator is on this tile.
    #[must_use]
    pub fn trading_over(mut self, trading: Option<Box<Trading>>) -> Self {
        self.trading = trading;
        self
    }

    /// Sends what a payload has made the engine decide, and notes how long that took.
    #[inline]
    fn send_orders(&mut self, now: Nanos, received: Nanos) {
        let Some(trading) = &mut self.trading else { return };
        let Some(engine) = self.out.engine_mut() else { return };
        let stopwatch = self.stopwatch.as_ref().unwrap_or(&self.clock);
        trading.send(engine, now, || Some(stopwatch.now().since(received)));
    }

    /// Writes down everything that the tile is given, for a capture.
    #[must_use]
    pub fn recorded_by(mut self, tap: Option<FeedTap>) -> Self {
        self.tap = tap;
        self
    }

    /// Writes down one event of a connection, where the tile is recorded.
    #[inline]
    fn note(&mut self, kind: Kind, connection: usize, now: Nanos, text: &str) {
        if let Some(tap) = &mut self.tap {
            tap.event(kind, connection, now, text);
        }
    }

    /// Keeps the code of this tile warm while nothing comes; for tiles that have a core for
    /// themselves.
    #[must_use]
    pub fn rehearsing(mut self) -> Self {
        let mut kinds: Vec<VenueKind> = self.feeds.iter().map(Feed::kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let is_inline = self.out.engine_mut().is_some();
        self.rehearsal = Rehearsal::new(&kinds, is_inline, self.clock.clone()).map(Box::new);
        self
    }

    /// Times latencies by another clock than the one that stamps: for simulated time.
    #[must_use]
    pub fn timed_by(mut self, stopwatch: Clock) -> Self {
        self.stopwatch = Some(stopwatch);
        self
    }

    /// Takes the words of others than the streams, now and then.
    #[must_use]
    pub fn steered_by(mut self, steering: Receiver<Steer>) -> Self {
        self.steering = Some(steering);
        self
    }

    /// Takes the words that have come meanwhile.
    fn take_steering(&mut self, now: Nanos) {
        let Some(steering) = self.steering.take() else { return };
        while let Ok(steer) = steering.try_recv() {
            self.steer(&steer, now);
        }
        self.steering = Some(steering);
        self.after_news(now);
    }

    fn steer(&mut self, steer: &Steer, now: Nanos) {
        let book = steer.book();
        let Some(feed) = steer.feed_of(&mut self.feeds) else { return };
        if let Some(tap) = &mut self.tap {
            tap.steer(book, now, &steer.write());
        }
        self.out.before(feed.kind(), now);
        match steer.control() {
            Some(control) => self.out.pass_on(control),
            None => steer.apply(feed, now, &mut self.out),
        }
    }

    /// The venue kind of a connection.
    #[must_use]
    pub fn kind(&self, connection: usize) -> Option<VenueKind> {
        self.feeds.get(connection).map(Feed::kind)
    }

    /// Ends the tile: finishes every group, hands over what it counted.
    #[must_use]
    pub fn end(mut self) -> FeedTileEnd {
        let now = self.clock.now();
        self.note(Kind::Finished, 0, now, "");
        for feed in &mut self.feeds {
            self.out.before(feed.kind(), now);
            feed.finish(now, &mut self.out);
        }
        self.count_gaps();
        self.to_book.flush();
        self.to_decision.flush();
        self.stages.flush();
        for feed in &self.feeds {
            self.trouble.extend(drift_of(feed));
        }
        let feeds = self.feeds.iter().map(|feed| feed.counters().clone()).collect();
        let books = self.feeds.iter().flat_map(Feed::books);
        let books = books.map(|(id, book)| (id, book.clone())).collect();
        let lost_controls = self.out.lost_controls();
        let mut engine = self.out.into_engine();
        if let Some(engine) = &mut engine {
            engine.evaluate(now);
            engine.finish(now);
        }
        FeedTileEnd { feeds, books, engine, trouble: self.trouble, lost_controls }
    }

    /// Records how long a payload took since its receipt. In the split layout the evaluation tile
    /// records the decision.
    #[inline]
    fn record(&mut self, passed: &Passed, received: Nanos) {
        let Passed { changed, published, decided } = *passed;
        self.to_book.record(published.since(received));
        let first = self.out.first_change();
        if let Some(first) = first {
            self.stages.record(Stage::DecodeApply, first.since(received));
            self.stages.record(Stage::Publish, published.since(first));
        }
        if let Some(decided) = decided {
            self.to_decision.record(decided.since(received));
            if first.is_some() {
                self.stages.record(Stage::Evaluate, decided.since(published));
            }
        }
        self.counters.add(Counter::BooksPublished, changed);
    }

    fn count_gaps(&mut self) {
        let gaps = self.feeds.iter().map(|feed| feed.counters().gaps).fold(0, u64::saturating_add);
        self.counters.add(Counter::SequenceGaps, gaps.saturating_sub(self.gaps_counted));
        self.gaps_counted = gaps;
    }

    /// News that no payload brought: staleness, disconnects. They change books without a latency.
    fn after_news(&mut self, now: Nanos) {
        if self.out.take_changed() > 0
            && let Some(engine) = self.out.engine_mut()
        {
            engine.evaluate(now);
        }
    }
}

/// What a venue sent that no document knows, in words.
fn drift_of(feed: &Feed) -> impl Iterator<Item = String> {
    let (drift, name) = (feed.drift(), feed.kind().name());
    let fields = drift
        .fields()
        .map(move |(field, count)| format!("{name}: unknown field {field:?}, {count} times"));
    let newest = drift.frames().last().map(move |frame| {
        let shown = String::from_utf8_lossy(frame.get(..SHOWN_BYTES_MAX).unwrap_or(frame));
        let count = drift.unknown_frames();
        format!("{name}: {count} frames of an unknown shape, the newest {shown:?}")
    });
    fields.chain(newest)
}

impl Handler for FeedTile {
    fn on_connect(&mut self, connection: usize) {
        let now = self.clock.now();
        self.note(Kind::Connected, connection, now, "");
        if let Some(feed) = self.feeds.get_mut(connection) {
            self.out.before(feed.kind(), now);
            feed.on_connect(now, &mut self.out);
        }
        self.after_news(now);
    }

    fn on_disconnect(&mut self, connection: usize, reason: &str) {
        let now = self.clock.now();
        self.note(Kind::Disconnected, connection, now, reason);
        if let Some(feed) = self.feeds.get_mut(connection) {
            self.out.before(feed.kind(), now);
            feed.on_disconnect(now, &mut self.out);
            if self.trouble.len() < TROUBLE_MAX {
                self.trouble.push(format!("{}: {reason}", feed.kind().name()));
            }
        }
        self.after_news(now);
    }

    #[inline]
    fn on_payload(&mut self, connection: usize, payload: &[u8]) {
        let ts_recv = self.clock.now();
        let received = self.stopwatch.as_ref().map_or(ts_recv, Clock::now);
        if let Some(tap) = &mut self.tap {
            tap.payload(connection, ts_recv, payload);
        }
        self.counters.add(Counter::Payloads, 1);
        let is_sampled = self.stages.samples_next();
        self.out.sample(is_sampled);
        let stopwatch = self.stopwatch.as_ref().unwrap_or(&self.clock);
        if let Some(feed) = self.feeds.get_mut(connection)
            && let Some(passed) =
                pass(feed, &mut self.out, (payload, &mut self.room), ts_recv, stopwatch)
        {
            self.record(&passed, received);
            self.send_orders(ts_recv, received);
        }
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.postpone(ts_recv);
        }
    }

    fn on_tick(&mut self, connection: usize) -> TickOutcome {
        let now = self.clock.now();
        self.note(Kind::Tick, connection, now, "");
        let step = match self.feeds.get_mut(connection) {
            Some(feed) => {
                self.out.before(feed.kind(), now);
                feed.poll(now, &mut self.out)
            }
            None => SessionStep::Idle,
        };
        self.after_news(now);
        match step {
            SessionStep::Reconnect(_) => TickOutcome::Reconnect,
            SessionStep::Idle | SessionStep::Send => TickOutcome::Keep,
        }
    }

    fn on_heard(&mut self, connection: usize) {
        let now = self.clock.now();
        self.note(Kind::Heard, connection, now, "");
        if let Some(feed) = self.feeds.get_mut(connection) {
            feed.on_heard(now);
        }
    }

    fn next_command(&mut self, connection: usize) -> Option<String> {
        let command = self.feeds.get_mut(connection)?.next_command()?;
        if self.tap.is_some() {
            let now = self.clock.now();
            self.note(Kind::Sent, connection, now, &command);
        }
        Some(command)
    }

    fn is_stopped(&self) -> bool {
        // Acquire: whoever stopped us has written why before.
        self.stop.load(Ordering::Acquire)
    }

    fn on_idle(&mut self) {
        let now = self.clock.now();
        if let Some(engine) = self.out.engine_mut() {
            engine.poll(now);
            if let Some(trading) = &mut self.trading {
                trading.turn(engine, now);
            }
        }
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.idle(now);
        }
        if now < self.housekeeping_at {
            return;
        }
        self.housekeeping_at = now.plus(HOUSEKEEPING);
        self.to_book.flush();
        self.to_decision.flush();
        self.stages.flush();
        self.count_gaps();
        self.take_steering(now);
        if let Some(tap) = &mut self.tap {
            tap.flush();
        }
        if let Some(engine) = self.out.engine_mut() {
            engine.take_programs(now);
            engine.flush();
            if let Some(trading) = &mut self.trading {
                trading.keep(engine, now);
            }
        }
    }
}
