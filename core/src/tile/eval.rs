//! The evaluation tile: drains the feeds' rings, evaluates, executes on paper.
//!
//! It stands alone in the split layout; in the single layout the feed tile calls the engine itself.
//! News of fills are taken before tops, so that none waits behind the tops that it would change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dutchbook_book::Nanos;
use dutchbook_book::ring::{CoalescingConsumer, Consumer, Drained};

use crate::clock::Clock;
use crate::control::Control;
use crate::engine::Engine;
use crate::pin::Wait;
use crate::telemetry::LatencyRecorder;
use crate::tile::stages::{Stage, StageRecorders};
use crate::tile::trade::Trading;

/// Most tops taken from one ring before the evaluator runs: bounds how long a top waits for its
/// evaluation behind others.
const BATCH_MAX: usize = 64;

/// One feed's two rings, the evaluator's ends.
#[derive(Debug)]
pub struct FeedRings {
    /// Tops by value.
    pub tops: CoalescingConsumer,
    /// Resolutions and the like.
    pub control: Consumer<Control>,
}

/// The state of the evaluation tile.
#[derive(Debug)]
pub struct EvalTile {
    engine: Box<Engine>,
    rings: Vec<FeedRings>,
    clock: Clock,
    stop: Arc<AtomicBool>,
    to_decision: LatencyRecorder,
    stages: StageRecorders,
    /// Receive time and payloads of what this round covers.
    covered: Vec<(Nanos, u64)>,
    housekeeping_at: Nanos,
    /// Orders on venues, where the engine trades there.
    trading: Option<Box<Trading>>,
}

/// Pause between two rounds of housekeeping. Each hands over a chunk of latencies and records, so
/// that the reader's pauses may be as long as there are chunks.
const HOUSEKEEPING: Nanos = Nanos::from_millis(50);

impl EvalTile {
    /// A tile that evaluates what the rings bring.
    #[must_use]
    pub fn new(
        engine: Box<Engine>,
        rings: Vec<FeedRings>,
        clock: Clock,
        stop: Arc<AtomicBool>,
        to_decision: LatencyRecorder,
        stages: StageRecorders,
    ) -> Self {
        let covered = Vec::with_capacity(BATCH_MAX.saturating_mul(rings.len()));
        let housekeeping_at = Nanos::ZERO;
        Self {
            engine,
            rings,
            clock,
            stop,
            to_decision,
            stages,
            covered,
            housekeeping_at,
            trading: None,
        }
    }

    /// Trades on venues over a line.
    #[must_use]
    pub fn trading_over(mut self, trading: Option<Box<Trading>>) -> Self {
        self.trading = trading;
        self
    }

    /// Runs until stopped and every feed has ended; gives the engine back.
    #[must_use]
    pub fn run(mut self, wait: Wait) -> Box<Engine> {
        loop {
            let worked = self.round();
            // Acquire: whoever stopped us has written why before.
            let stopped = self.stop.load(Ordering::Acquire);
            if !worked {
                if stopped && self.rings.iter().all(|rings| rings.tops.is_finished()) {
                    break;
                }
                wait.idle();
            }
        }
        let now = self.clock.now();
        self.engine.finish(now);
        self.to_decision.flush();
        self.stages.flush();
        self.engine
    }

    /// One round over every input: fills, tops, the evaluation of both. Returns whether there was
    /// anything. [`EvalTile::run`] does nothing else; who paces a tile by hand calls it alone.
    pub fn round(&mut self) -> bool {
        let now = self.clock.now();
        let executed = self.engine.poll(now);
        let heard = match &mut self.trading {
            Some(trading) => trading.turn(&mut self.engine, now),
            None => 0,
        };
        self.covered.clear();
        let mut controls = 0_usize;
        for rings in &mut self.rings {
            while let Some(control) = rings.control.pop() {
                self.engine.on_control(control, now);
                controls += 1;
            }
            for _ in 0..BATCH_MAX {
                match rings.tops.pop() {
                    Some(Drained::Update(update)) => {
                        self.covered.push((update.stamp.ts_recv, 1));
                        self.engine.on_top(&update);
                    }
                    Some(Drained::Dirty { book, ts_recv_earliest, count }) => {
                        self.covered.push((ts_recv_earliest, count));
                        self.engine.on_dirty(book);
                    }
                    None => break,
                }
            }
        }
        if !self.covered.is_empty() || controls > 0 {
            let taken = self.stages.samples_next().then(|| self.clock.now());
            self.engine.evaluate(now);
            let done = self.clock.now();
            for (ts_recv, payloads) in &self.covered {
                self.to_decision.record_n(done.since(*ts_recv), *payloads);
            }
            if let (Some(taken), Some((ts_recv, _))) = (taken, self.covered.first()) {
                self.stages.record(Stage::ToEvaluator, taken.since(*ts_recv));
                self.stages.record(Stage::Evaluate, done.since(taken));
            }
            self.send_orders(now);
        }
        if now >= self.housekeeping_at {
            self.housekeeping_at = now.plus(HOUSEKEEPING);
            self.to_decision.flush();
            self.stages.flush();
            self.engine.take_programs(now);
            self.engine.flush();
            if let Some(trading) = &mut self.trading {
                trading.keep(&mut self.engine, now);
            }
        }
        executed > 0 || controls > 0 || heard > 0 || !self.covered.is_empty()
    }

    /// Sends what this round has made the engine decide. Which of its payloads caused an order is not
    /// known: the earliest is timed.
    fn send_orders(&mut self, now: Nanos) {
        let Some(trading) = &mut self.trading else { return };
        let (clock, covered) = (&self.clock, &self.covered);
        trading.send(&mut self.engine, now, || {
            let received = covered.iter().map(|(ts_recv, _)| *ts_recv).min()?;
            Some(clock.now().since(received))
        });
    }

    /// What the last round evaluated, in order: when the first payload of each top was received, and
    /// how many payloads it stands for.
    #[must_use]
    pub fn covered(&self) -> &[(Nanos, u64)] {
        &self.covered
    }
}
