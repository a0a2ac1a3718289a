//! The journal as it is read while the engine runs: what is shown, and the check of every decision.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{BookId, Face, InstrumentId, Nanos, Price, Side};
use dutchbook_core::compiler;
use dutchbook_core::config::Config;
use dutchbook_core::journal::checker::Findings;
use dutchbook_core::journal::{Checker, Record, RecordBytes, decode};
use dutchbook_core::opportunity::{Cause, OpportunityLife};
use dutchbook_core::topology::Running;
use dutchbook_exec::{Fill, Report, ReportKind};

use super::lives::Traces;
use super::outcomes::{OutcomeRow, Outcomes};
use super::view::{FillRow, OpportunityRow};

/// Rows that the screen keeps.
const ROWS_MAX: usize = 32;

/// Reads the journal.
#[derive(Debug)]
pub struct News {
    checker: Checker,
    venues: Vec<&'static str>,
    names: Vec<String>,
    /// Newest opportunities first.
    lives: VecDeque<OpportunityLife>,
    /// Newest fills first.
    fills: VecDeque<FillRow>,
    fill_count: u64,
    settled: Option<BookId>,
    /// Faces that pay, as venues have said since the last look.
    decided: Vec<InstrumentId>,
    /// Outcomes, and what was traded on them.
    outcomes: Outcomes,
    /// How the best lives went.
    traces: Traces,
    damaged: u64,
}

impl News {
    /// A reader that names books by the catalog, and calls views stale by the limit of the gate.
    #[must_use]
    pub fn new(catalog: &Catalog, config: &Config) -> Self {
        Self {
            checker: Checker::new(Nanos::from_millis(config.risk.age_ms_max)),
            venues: catalog.listings.iter().map(|listing| listing.kind.name()).collect(),
            names: catalog.listings.iter().map(|listing| listing.name.clone()).collect(),
            lives: VecDeque::with_capacity(ROWS_MAX),
            fills: VecDeque::with_capacity(ROWS_MAX),
            fill_count: 0,
            settled: None,
            decided: Vec::new(),
            outcomes: Outcomes::default(),
            traces: Traces::default(),
            damaged: 0,
        }
    }

    /// Takes one record.
    pub fn take(&mut self, bytes: &RecordBytes) {
        let Ok(entry) = decode(bytes) else {
            self.damaged += 1;
            return;
        };
        self.checker.take(&entry);
        self.outcomes.take(entry.now, &entry.record);
        self.traces.take(&entry.record);
        match entry.record {
            Record::Life { life, .. } => self.on_life(life),
            Record::Report(report) => self.on_report(&report),
            Record::Decision(_)
            | Record::DecisionLeg(_)
            | Record::Veto { .. }
            | Record::Intent { .. }
            | Record::Gap { .. }
            | Record::Live(_) => {}
            Record::Resolution { book, payoff, .. } => {
                self.settled = Some(book);
                let face = if payoff == Price::ONE { Face::Yes } else { Face::No };
                self.decided.push(book.instrument(face));
            }
        }
    }

    fn on_life(&mut self, life: OpportunityLife) {
        if let Some(known) = self.lives.iter_mut().find(|known| known.id == life.id) {
            *known = life;
            return;
        }
        self.lives.push_front(life);
        self.lives.truncate(ROWS_MAX);
    }

    fn on_report(&mut self, report: &Report) {
        let ReportKind::Filled(fill) = report.kind else { return };
        self.fill_count += 1;
        self.fills.push_front(self.fill_row(report, &fill));
        self.fills.truncate(ROWS_MAX);
    }

    fn fill_row(&self, report: &Report, fill: &Fill) -> FillRow {
        let side = match report.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        };
        FillRow {
            venue: self.venue(report.instrument.book()),
            name: self.name(report.instrument.book()).to_owned(),
            action: format!("{side} {}", face_name(report.instrument)),
            terms: format!("{} at {}, fee {}", fill.qty, fill.price, fill.fee),
        }
    }

    fn venue(&self, book: BookId) -> &'static str {
        self.venues.get(book.index()).copied().unwrap_or("?")
    }

    fn name(&self, book: BookId) -> &str {
        self.names.get(book.index()).map_or("?", String::as_str)
    }

    /// Takes what a running engine has written down, and tells the compiler what venues have decided.
    pub fn follow(&mut self, running: &mut Running, compiler: &Sender<compiler::News>) {
        running.drain_journal(|bytes| self.take(bytes));
        for decided in self.decided.drain(..) {
            // A compiler that is gone has been reported by its own end.
            let _told = compiler.send(compiler::News::Decided(decided)).is_ok();
        }
        running.drain_latencies();
    }

    /// Outcomes that came during the run, and what was traded on them, oldest first.
    #[must_use]
    pub fn outcomes(&self) -> Vec<OutcomeRow> {
        self.outcomes.rows(|book| (self.venue(book), self.name(book).to_owned()))
    }

    /// How the best lives went.
    #[must_use]
    pub const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// The market that was settled last.
    #[must_use]
    pub fn last_settled(&self) -> Option<&str> {
        self.settled.map(|book| self.name(book))
    }

    /// Fills so far.
    #[must_use]
    pub const fn fill_count(&self) -> u64 {
        self.fill_count
    }

    /// The newest fills, newest first.
    #[must_use]
    pub fn fills(&self) -> Vec<FillRow> {
        self.fills.iter().cloned().collect()
    }

    /// The newest opportunities, newest first. `named` says in words what a basket is made of.
    #[must_use]
    pub fn opportunities(
        &self,
        now: Nanos,
        named: impl Fn(&OpportunityLife) -> String,
    ) -> Vec<OpportunityRow> {
        let row = |life: &OpportunityLife| {
            let is_open = life.cause == Cause::EndOfRun;
            let until = if is_open { now } else { life.died_ns };
            OpportunityRow {
                id: life.id.0,
                kind: life.kind.name(),
                name: named(life),
                size: life.best_size.to_string(),
                net_edge: life.best_net_edge.cash_floor().unwrap_or_default(),
                life_ms: until.since(life.born_ns).millis(),
                cause: if is_open { None } else { Some(life.cause.name()) },
            }
        };
        self.lives.iter().map(row).collect()
    }

    /// What the checker has found, and records that could not be read.
    #[must_use]
    pub fn finish(self) -> (Findings, u64) {
        (self.checker.finish(), self.damaged)
    }
}

/// "YES" or "NO".
#[must_use]
pub const fn face_name(instrument: InstrumentId) -> &'static str {
    match instrument.face() {
        Face::Yes => "YES",
        Face::No => "NO",
    }
}
