//! What follows a decision: intents to the paper venue, reports back into positions and risk.

use dutchbook_book::{Cash, Depth, Nanos};
use dutchbook_exec::paper::DepthRead;
use dutchbook_exec::{Report, ReportKind};

use super::Engine;
use crate::journal::Record;
use crate::opportunity::LifeTracker;
use crate::position::Portfolio;
use crate::telemetry::{Counter, CounterReader};

impl Engine {
    /// Sends what the decision just recorded allows.
    pub(super) fn send(&mut self, now: Nanos) {
        let decision = self.decisions;
        for intent in &self.intents {
            if let Ok(order) = self.paper.submit(intent, now) {
                self.counters.add(Counter::Intents, 1);
                let record = Record::Intent { decision, order, intent: *intent };
                self.journal.record_or_shed(now, &record);
            } else {
                self.counters.add(Counter::IntentsRefused, 1);
                self.risk.on_refused(intent.trade, intent.leg_index);
            }
        }
    }

    /// Executes the paper orders that are due against the views as they are now. Returns how many
    /// orders ended.
    pub fn poll(&mut self, now: Nanos) -> usize {
        if self.paper.next_due().is_none_or(|due| due > now) {
            return 0;
        }
        let (shelf, reports) = (&self.shelf, &mut self.reports);
        let read = |book, depth: &mut Depth| match shelf.depth(book, depth) {
            Ok(()) => DepthRead::Read,
            Err(_torn) => DepthRead::Torn,
        };
        let ended = self.paper.poll(now, read, |report| reports.push(*report));
        for index in 0..self.reports.len() {
            if let Some(report) = self.reports.get(index).copied() {
                self.on_report(&report, now);
            }
        }
        self.reports.clear();
        ended
    }

    fn on_report(&mut self, report: &Report, now: Nanos) {
        match report.kind {
            ReportKind::Filled(_) => self.counters.add(Counter::Fills, 1),
            ReportKind::Rejected(_) => self.counters.add(Counter::Rejects, 1),
            ReportKind::Acknowledged | ReportKind::Closed(_) => {}
        }
        self.risk.on_report(report);
        if self.portfolio.apply(report).is_err() {
            // A fill that does not fit the books of account: stop trading, keep the evidence.
            self.kill.store(true, std::sync::atomic::Ordering::Release);
        }
        let book = report.instrument.book();
        let pairs = self.portfolio.pairs(book);
        if matches!(report.kind, ReportKind::Closed(_)) && !pairs.is_zero() {
            // Both faces of one book are cash: free the capital that they bind. There are as many.
            let _merged = self.portfolio.merge(book, pairs).is_ok();
        }
        self.journal.record_or_shed(now, &Record::Report(*report));
    }

    /// The run is over: executes what is under way, ends every life.
    pub fn finish(&mut self, now: Nanos) {
        if let Some(due) = self.paper.next_due() {
            self.poll(now.max(due));
        }
        self.lives.finish(now);
        self.flush();
    }

    /// Hands over what the journal holds, so that its reader lags by little.
    pub fn flush(&mut self) {
        self.journal.flush();
    }

    /// Profit that no state of the world can take away, fees included, rounded down.
    #[must_use]
    pub fn net_profit(&self) -> Cash {
        self.portfolio.locked_profit().cash_floor().unwrap_or_default()
    }

    /// Positions and money.
    #[must_use]
    pub const fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// Opportunities and their lives.
    #[must_use]
    pub const fn lives(&self) -> &LifeTracker {
        &self.lives
    }

    /// A reading half of the counters.
    #[must_use]
    pub fn counters(&self) -> CounterReader {
        self.counters.reader()
    }
}
