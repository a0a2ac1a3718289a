//! What follows a decision: intents to the paper venue, reports back into positions and risk.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dutchbook_book::{BasketId, BookId, Cash, Depth, Nanos};
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
        self.revisit_young(now);
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
        self.publish_profit();
        ended
    }

    /// Shows the profit to whoever watches.
    pub(super) fn publish_profit(&self) {
        // Relaxed: a figure for the screen.
        self.profit.store(self.net_profit().micro(), Ordering::Relaxed);
    }

    /// Where [`Engine::net_profit`] is shown while the engine runs elsewhere, in 1e-6 $.
    #[must_use]
    pub fn profit_gauge(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.profit)
    }

    /// The books of every basket, by [`dutchbook_book::BasketId`].
    #[must_use]
    pub fn basket_books(&self) -> Vec<Vec<BookId>> {
        let books = |index: usize| {
            let id = BasketId(u32::try_from(index).unwrap_or(u32::MAX));
            let slots = self.watch.template(id).map_or(&[][..], |template| &template.slots);
            let mut books: Vec<_> = slots.iter().map(|slot| slot.hold.book()).collect();
            books.dedup();
            books
        };
        (0..self.watch.basket_count()).map(books).collect()
    }

    /// Books that have had a snapshot.
    #[must_use]
    pub fn seen_books(&self) -> u64 {
        let books = (0..u32::try_from(self.shelf.len()).unwrap_or(u32::MAX)).map(BookId);
        let seen =
            books.filter(|book| self.shelf.top(*book).is_ok_and(|view| view.stamp.epoch > 0));
        u64::try_from(seen.count()).unwrap_or(u64::MAX)
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
            self.kill.store(true, Ordering::Release);
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
