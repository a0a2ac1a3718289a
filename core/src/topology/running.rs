//! The running engine as the rest of the process sees it: counters, latencies, ways in, and the stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;

use dutchbook_book::shelf::ShelfReader;
use dutchbook_book::{BasketId, Book, BookId, Cash};
use dutchbook_feeds::counters::Counters as FeedCounters;

use super::StartError;
use super::live::Carrier;
use crate::bookkeeping::Books;
use crate::compiler::program::Program;
use crate::compiler::run::Programs;
use crate::engine::Engine;
use crate::gateway::Watch;
use crate::journal::names::Namer;
use crate::journal::{JournalReader, RecordBytes};
use crate::recovery::Recovered;
use crate::risk::kill::KillSwitch;
use crate::telemetry::{Counter, CounterReader, LatencyHistogram, LatencySummary, latency};
use crate::tile::feed::FeedTileEnd;
use crate::tile::stages::{Stage, StageHistograms, stages};
use crate::tile::steer::Steering;
use crate::tile::trade::TradeGauge;

/// The running engine.
#[derive(Debug)]
pub struct Running {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) feeds: Vec<JoinHandle<io::Result<FeedTileEnd>>>,
    pub(super) eval: Option<JoinHandle<Box<Engine>>>,
    pub(super) latencies: Latencies,
    pub(super) feed_counters: Vec<CounterReader>,
    pub(super) engine_counters: CounterReader,
    pub(super) profit: Arc<AtomicI64>,
    pub(super) baskets: Vec<Vec<BookId>>,
    pub(super) journal: JournalReader,
    pub(super) shelf: ShelfReader,
    pub(super) steering: Steering,
    pub(super) programs: Sender<Box<Program>>,
    pub(super) kept: Option<Kept>,
    pub(super) kill: KillSwitch,
    pub(super) pins: Receiver<usize>,
    pub(super) pins_refused: Vec<usize>,
    pub(super) carrier: Option<Carrier>,
    /// What a person should know of the accounts.
    pub(super) account_notes: Option<Receiver<String>>,
}

/// The journal and the ledger of a run that has them.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) recovered: Recovered,
    pub(super) books: Books,
    pub(super) namer: Option<Namer>,
    pub(super) notes: Vec<String>,
}

/// The slow side of the latencies that a run reports.
#[derive(Debug)]
pub struct Latencies {
    /// Receipt of a payload to its published book, by feed tile.
    pub(super) to_book: Vec<LatencyHistogram>,
    /// Receipt of a payload to the end of its evaluation, by evaluating tile.
    pub(super) to_decision: LatencyHistogram,
    /// Receipt of a payload to the bytes of the orders that it caused, where orders are sent.
    pub(super) to_order: Option<LatencyHistogram>,
    /// Stages, by tile.
    pub(super) stages: Vec<StageHistograms>,
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct Ended {
    /// The engine with its lives, positions and counters.
    pub engine: Box<Engine>,
    /// Counters of each stream's feed, in the order of the streams.
    pub feeds: Vec<FeedCounters>,
    /// Latencies, drained.
    pub latencies: Latencies,
    /// Records that nobody has drained yet, and none will follow.
    pub journal: JournalReader,
    /// Every book as it was at the end, whole.
    pub books: Vec<(BookId, Book)>,
    /// Why connections were lost.
    pub trouble: Vec<String>,
    /// Cores that a tile was to be pinned to and that the system did not give.
    pub pins_refused: Vec<usize>,
    /// What the gateway has counted; `None` on paper.
    pub carried: Option<Watch>,
}

impl Latencies {
    /// Takes what the tiles have handed over.
    pub fn drain(&mut self) {
        for histogram in &mut self.to_book {
            histogram.drain();
        }
        self.to_decision.drain();
        if let Some(to_order) = &mut self.to_order {
            to_order.drain();
        }
        for histograms in &mut self.stages {
            histograms.drain();
        }
    }

    /// The stages that payloads passed through, over all tiles.
    ///
    /// # Errors
    /// When a histogram cannot be made.
    pub fn stages(&self) -> Result<Vec<(Stage, LatencySummary)>, StartError> {
        let (_recorders, mut all) = stages(2, 1).ok_or(StartError::Histogram)?;
        for histograms in &self.stages {
            all.merge(histograms);
        }
        Ok(all.summaries())
    }

    /// Receipt of a payload to its published book, over all tiles.
    ///
    /// # Errors
    /// When a histogram cannot be made.
    pub fn to_book(&self) -> Result<LatencySummary, StartError> {
        let (_recorder, mut all) = latency(2, 1).ok_or(StartError::Histogram)?;
        for histogram in &self.to_book {
            all.merge(histogram);
        }
        Ok(all.summary())
    }

    /// Receipt of a payload to the end of the evaluation that it caused.
    #[must_use]
    pub fn to_decision(&self) -> LatencySummary {
        self.to_decision.summary()
    }

    /// Receipt of a payload to the bytes of the orders that it caused; `None` on paper.
    #[must_use]
    pub fn to_order(&self) -> Option<LatencySummary> {
        self.to_order.as_ref().map(LatencyHistogram::summary)
    }
}

impl Running {
    /// A counter over all tiles.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        let feeds = self.feed_counters.iter().map(|reader| reader.get(counter));
        feeds.fold(self.engine_counters.get(counter), u64::saturating_add)
    }

    /// Profit that no state of the world can take away, as of the last fill or resolution.
    #[must_use]
    pub fn net_profit(&self) -> Cash {
        // Relaxed: a figure for the screen.
        Cash::from_micro(self.profit.load(Ordering::Relaxed))
    }

    /// The books of a basket that was compiled at the start; none for later ones.
    #[must_use]
    pub fn basket_books(&self, basket: BasketId) -> &[BookId] {
        self.baskets.get(basket.index()).map_or(&[], Vec::as_slice)
    }

    /// The way to the feed tiles for what others than the streams know.
    #[must_use]
    pub fn steering(&self) -> Steering {
        self.steering.clone()
    }

    /// Cores that a tile was to be pinned to and that the system did not give, as far as the tiles
    /// have told.
    pub fn pins_refused(&mut self) -> &[usize] {
        self.pins_refused.extend(self.pins.try_iter());
        &self.pins_refused
    }

    /// The kill switch of the engine.
    #[must_use]
    pub fn kill_switch(&self) -> KillSwitch {
        self.kill.clone()
    }

    /// How trading on venues stands; `None` on paper.
    #[must_use]
    pub fn trading(&self) -> Option<TradeGauge> {
        self.carrier.as_ref().map(|carrier| carrier.gauge.clone())
    }

    /// The way to the evaluator for what a compiler makes. There is one compiler: the first who asks
    /// also gets who names new markets in the journal, where one is kept.
    #[must_use]
    pub fn programs(&mut self) -> Programs {
        let namer = self.kept.as_mut().and_then(|kept| kept.namer.take());
        Programs { sender: self.programs.clone(), namer }
    }

    /// The views of all books.
    #[must_use]
    pub const fn shelf(&self) -> &ShelfReader {
        &self.shelf
    }

    /// What a person should know of what the journal held at the start, and what went wrong with it
    /// since the last call.
    pub fn journal_notes(&mut self) -> Vec<String> {
        let Some(kept) = &mut self.kept else { return Vec::new() };
        let mut notes = std::mem::take(&mut kept.notes);
        notes.extend(kept.books.complaints());
        notes.extend(self.account_notes.iter().flat_map(Receiver::try_iter));
        notes
    }

    /// Journal records that were handed over since the last call, oldest first.
    pub fn drain_journal(&mut self, take: impl FnMut(&RecordBytes)) -> usize {
        self.journal.drain(take)
    }

    /// Takes the latencies that were handed over since the last call. Call it several times a
    /// second: what finds no room meanwhile is shed and counted.
    pub fn drain_latencies(&mut self) {
        self.latencies.drain();
    }

    /// Latencies as far as they were drained.
    #[must_use]
    pub const fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// Whether a tile has ended by itself, which none should.
    #[must_use]
    pub fn has_lost_a_tile(&self) -> bool {
        self.feeds.iter().any(JoinHandle::is_finished)
            || self.eval.as_ref().is_some_and(JoinHandle::is_finished)
            || self.carrier.as_ref().is_some_and(|carrier| carrier.gateway.is_finished())
    }

    /// Stops the tiles, feeds first, and takes what they leave behind.
    ///
    /// # Errors
    /// When a tile has panicked or could not make its runtime.
    pub fn stop(mut self) -> Result<Ended, StartError> {
        // Release: tiles that see the flag (Acquire) see everything done before.
        self.stop.store(true, Ordering::Release);
        let (mut feeds, mut books) = (Vec::new(), Vec::new());
        let (mut trouble, mut engine) = (Vec::new(), None);
        for thread in self.feeds.drain(..) {
            let end =
                thread.join().map_err(|_panic| io::Error::other("a feed tile panicked"))??;
            feeds.extend(end.feeds);
            books.extend(end.books);
            trouble.extend(end.trouble);
            if end.lost_controls > 0 {
                let lost = end.lost_controls;
                trouble.push(format!("{lost} words on outcomes found no room in the control ring"));
            }
            engine = end.engine.or(engine);
        }
        if let Some(thread) = self.eval.take() {
            let ended = thread.join();
            engine = Some(ended.map_err(|_| io::Error::other("the evaluation tile panicked"))?);
        }
        let mut carried = None;
        if let Some(carrier) = self.carrier.take() {
            carried = Some(carrier.gateway.watch());
            // Its line went with the tile that had the engine.
            trouble.extend(carrier.gateway.join()?);
        }
        let mut engine = engine.ok_or_else(|| io::Error::other("no tile had the evaluator"))?;
        trouble.extend(self.journal_notes());
        if let Some(kept) = self.kept.take() {
            engine.release_journal();
            // What was traded is in the journal; a ledger that fell behind is made up for later.
            trouble.extend(kept.books.finish().err().map(|error| error.to_string()));
        }
        let pins_refused = self.pins_refused().to_vec();
        for core in &pins_refused {
            trouble
                .push(format!("core {core} was refused: its tile ran unpinned, see tiles.cores"));
        }
        self.latencies.drain();
        let (latencies, journal) = (self.latencies, self.journal);
        Ok(Ended { engine, feeds, latencies, journal, books, trouble, pins_refused, carried })
    }
}
