//! What follows a decision: intents to the paper venue, reports back into positions and risk.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dutchbook_book::fee::{UNIT_PAYOUT, UnitCost};
use dutchbook_book::{BasketId, BookId, Cash, Depth, InstrumentId, Level, Nanos, Qty, Side};
use dutchbook_exec::paper::DepthRead;
use dutchbook_exec::throttle::Urgency;
use dutchbook_exec::{Intent, OrderEnd, OrderId, PaperRules, Report, ReportKind, TradeId};

use super::Engine;
use super::execution::Execution;
use super::sight::Sight;
use crate::capture::lane::Kind;
use crate::eval::basket::RATIO_ONE;
use crate::eval::watch::Concrete;
use crate::journal::Record;
use crate::legged::{ATTEMPT_GAP, Attempt, LeggedEnd, Market, Progress};
use crate::opportunity::LifeTracker;
use crate::position::Portfolio;
use crate::risk::breaker::Breaker;
use crate::risk::kill::KillCause;
use crate::risk::{RiskGate, Veto};
use crate::telemetry::{Counter, CounterReader, Counters};

/// Attempts at what is legged when the run is over.
const FINISH_ROUNDS: usize = 16;

/// The books as our own takings leave them for us.
struct Views<'a> {
    sight: &'a mut Sight,
    execution: &'a Execution,
}

impl Market for Views<'_> {
    fn depth(&mut self, book: BookId, depth: &mut Depth) -> DepthRead {
        self.sight.depth_read(book, depth)
    }

    fn left(&self, book: BookId, resting: Side, shown: Level) -> Qty {
        self.execution.left(book, resting, shown)
    }

    fn rules(&self, book: BookId) -> Option<PaperRules> {
        self.execution.rules(book)
    }
}

fn count(counters: &mut Counters, risk: &mut RiskGate, progress: Progress, now: Nanos) {
    match progress {
        Progress::Legged => {
            counters.add(Counter::Legged, 1);
            risk.on_legged(now);
        }
        Progress::Even(Some(LeggedEnd::Completed)) => counters.add(Counter::Completed, 1),
        Progress::Even(Some(LeggedEnd::Unwound)) => counters.add(Counter::Unwound, 1),
        Progress::Open | Progress::Even(Some(LeggedEnd::Left) | None) => {}
    }
}

impl Engine {
    /// Sends what the decision just recorded allows.
    pub(super) fn send(&mut self, now: Nanos) {
        self.send_under(self.decisions, Urgency::Entry, now);
    }

    /// Follows the trade that is about to be sent until it is hedged or flat.
    pub(super) fn follow(&mut self, concrete: &Concrete, now: Nanos) {
        let Some(trade) = self.intents.first().map(|intent| intent.trade) else { return };
        // A resolution is worth what it is expected to pay; every other basket its floor.
        let Some(mut payoff) = self.pays(concrete).map(|pays| pays.payoff) else { return };
        for leg in &self.legs {
            if leg.side == Side::Sell {
                // Sold is bought as the complement, which pays one more: nothing is owed.
                let one = i128::from(UNIT_PAYOUT).saturating_mul(i128::from(leg.ratio_micro));
                let one = UnitCost::try_from(one / i128::from(RATIO_ONE)).unwrap_or(UnitCost::MAX);
                payoff = payoff.saturating_add(one);
            }
        }
        let execution = &self.execution;
        let legs = self.intents.iter().zip(&self.legs).map(|(intent, leg)| {
            let lot = execution.lot(intent.instrument.book(), intent.limit);
            (intent.instrument, leg.ratio_micro, lot)
        });
        let followed = self.legged.open(trade, self.decisions, payoff, legs);
        assert!(followed, "a trade is decided only where it can be followed");
        self.keep_basket(trade, payoff, now);
    }

    /// Holds certain legs back where others are not: a venue that holds orders before it matches
    /// them is sent to alone, and the rest follows what it gave (arbitrage.md 9.2). Their cash stays
    /// put aside meanwhile.
    pub(super) fn hold_back(&mut self) {
        let catalog = &self.catalog;
        let is_uncertain = |intent: &Intent| {
            let terms = catalog.terms(intent.instrument.book());
            terms.is_some_and(|terms| terms.taker_delay > Nanos::ZERO)
        };
        let uncertain = self.intents.iter().filter(|intent| is_uncertain(intent)).count();
        let held_back = self.intents.len().saturating_sub(uncertain);
        let is_live = matches!(self.execution, Execution::Live(_));
        if !is_live || uncertain == 0 || held_back == 0 {
            return;
        }
        let Some(trade) = self.intents.first().map(|intent| intent.trade) else { return };
        let legs = u16::try_from(self.intents.len()).unwrap_or(u16::MAX);
        self.staged.push((trade, legs));
        self.legged.stage(trade, held_back);
        self.intents.retain(is_uncertain);
    }

    /// Frees what was put aside for legs of a trade that will not be sent any more.
    fn unstage(&mut self, trade: TradeId) {
        let Some(index) = self.staged.iter().position(|(staged, _)| *staged == trade) else {
            return;
        };
        let (_, legs) = self.staged.swap_remove(index);
        for leg in 0..legs {
            self.risk.on_refused(trade, leg);
        }
    }

    /// What leg risk adds to the edge that the basket being weighed must have.
    pub(super) fn hurdle(&self) -> UnitCost {
        let portfolio = &self.portfolio;
        let venues = self.legs.iter().filter_map(|leg| portfolio.venue_of(leg.instrument.book()));
        self.experience.hurdle(venues)
    }

    /// Learns from an order that is over, and from a trade that ended legged.
    fn learn(&mut self, report: &Report) {
        let is_full = match report.kind {
            ReportKind::Rejected(reason) if reason.is_venues() => false,
            ReportKind::Closed(closed) => closed.end == OrderEnd::Filled,
            ReportKind::Acknowledged
            | ReportKind::Rejected(_)
            | ReportKind::Filled(_)
            | ReportKind::Reversed(_)
            | ReportKind::Settled => return,
        };
        if let Some(venue) = self.portfolio.venue_of(report.instrument.book()) {
            self.experience.on_order(venue, is_full);
        }
    }

    /// Takes how far a trade has come.
    fn on_progress(&mut self, trade: TradeId, progress: Progress, now: Nanos) {
        count(&mut self.counters, &mut self.risk, progress, now);
        if let Some((leg, loss)) = self.legged.take_loss()
            && let Some(venue) = self.portfolio.venue_of(leg.book())
        {
            self.experience.on_legged(venue, loss);
        }
        self.step(trade, progress, now);
        if matches!(progress, Progress::Even(_)) {
            self.unstage(trade);
        }
    }

    /// Closes the legs of trades that were filled unequally, where their books allow.
    pub(super) fn recover(&mut self, now: Nanos) {
        let is_idle = self.legged.legged_count() == 0 || self.unexplained.is_some();
        if is_idle || self.is_killed {
            return;
        }
        for index in 0..self.legged.slot_count() {
            let mut market = Views { sight: &mut self.sight, execution: &self.execution };
            let portfolio = &self.portfolio;
            let is_settled = |id: InstrumentId| portfolio.is_settled(id.book());
            let trade = self.legged.trade(index);
            match self.legged.attempt(index, is_settled, &mut market, now) {
                Attempt::Idle => {}
                Attempt::Send { decision } => {
                    self.intents.clear();
                    self.intents.extend_from_slice(self.legged.intents());
                    self.send_under(decision, Urgency::Unwind, now);
                }
                Attempt::Ended(end) => {
                    self.on_progress(trade.unwrap_or_default(), Progress::Even(Some(end)), now);
                }
            }
        }
    }

    /// Sends intents and records them under a decision.
    fn send_under(&mut self, decision: u64, urgency: Urgency, now: Nanos) {
        // What cannot be recorded is not sent.
        let has_room = self.sight.has_room(&self.journal, self.intents.len());
        if !has_room {
            return self.refuse_all(now);
        }
        if matches!(self.execution, Execution::Live(_)) {
            return self.send_live(decision, urgency, now);
        }
        for index in 0..self.intents.len() {
            let Some(intent) = self.intents.get(index).copied() else { break };
            let Execution::Paper(paper) = &mut self.execution else { break };
            match paper.submit(&intent, now) {
                Ok(order) => self.note_intent(decision, index, order, now),
                Err(_full) => self.refuse(index, now),
            }
        }
    }

    /// Hands intents to the desk, all of them or none.
    fn send_live(&mut self, decision: u64, urgency: Urgency, now: Nanos) {
        let sent = self.execution.submit(&self.intents, urgency, &mut self.sight, now);
        let Ok(first) = sent.map(|orders| orders.first().copied().unwrap_or_default()) else {
            return self.refuse_all(now);
        };
        for (index, number) in (0..self.intents.len()).zip(first.0..) {
            self.note_intent(decision, index, OrderId(number), now);
        }
    }

    fn note_intent(&mut self, decision: u64, index: usize, order: OrderId, now: Nanos) {
        let Some(intent) = self.intents.get(index).copied() else { return };
        self.counters.add(Counter::Intents, 1);
        self.keep(&Record::Intent { decision, order, intent }, now);
    }

    fn refuse_all(&mut self, now: Nanos) {
        for index in 0..self.intents.len() {
            self.refuse(index, now);
        }
    }

    fn refuse(&mut self, index: usize, now: Nanos) {
        let Some(intent) = self.intents.get(index).copied() else { return };
        self.counters.add(Counter::IntentsRefused, 1);
        self.risk.on_refused(intent.trade, intent.leg_index);
        let progress = self.legged.on_refused(intent.trade, now);
        self.on_progress(intent.trade, progress, now);
        self.obey_breakers();
    }

    /// Executes the paper orders that are due against the views as they are now. Returns how many
    /// orders ended.
    pub fn poll(&mut self, now: Nanos) -> usize {
        self.look_at_kill(now);
        if !self.is_due(now) {
            return 0;
        }
        self.sight.called(Kind::Polled, now);
        self.poll_due(now)
    }

    /// Whether a poll would look at anything.
    fn is_due(&self, now: Nanos) -> bool {
        self.execution.next_due().is_some_and(|due| due <= now)
            || self.young.front().is_some_and(|(due, _)| *due <= now)
            || (self.legged.is_due(now) && !self.is_killed)
    }

    /// Sees that somebody has pulled the switch.
    pub(super) fn look_at_kill(&mut self, now: Nanos) {
        if !self.is_killed && self.kill.is_pulled() {
            self.on_kill(now);
        }
    }

    /// Nothing is sent from here on: somebody outside has pulled the switch.
    pub fn on_kill(&mut self, now: Nanos) {
        self.sight.called(Kind::Killed, now);
        self.stop_trading();
    }

    /// Nothing new is sent, and what is open is cancelled.
    fn stop_trading(&mut self) {
        self.is_killed = true;
        self.cancel_all();
    }

    /// Pulls the switch where a breaker wants it.
    fn obey_breakers(&mut self) {
        if let Some(breaker) = self.risk.must_kill()
            && !self.is_killed
        {
            self.pull(KillCause::Breaker(breaker));
        }
    }

    /// What somebody else found: trading is paused, or over.
    pub(super) fn trip(&mut self, breaker: Breaker, now: Nanos) {
        self.risk.trip(breaker, now);
        self.obey_breakers();
    }

    /// Pulls the switch from within.
    pub(super) fn pull(&mut self, cause: KillCause) {
        self.stop_trading();
        self.kill.pull(cause);
    }

    fn poll_due(&mut self, now: Nanos) -> usize {
        self.revisit_young(now);
        let ended = self.execute(now);
        self.recover(now);
        ended
    }

    fn execute(&mut self, now: Nanos) -> usize {
        if self.execution.next_due().is_none_or(|due| due > now) {
            return 0;
        }
        let Execution::Paper(paper) = &mut self.execution else { return 0 };
        let (sight, reports) = (&mut self.sight, &mut self.reports);
        let read = |book, depth: &mut Depth| sight.depth_read(book, depth);
        let ended = paper.poll(now, read, |report| reports.push(*report));
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
        self.sight.seen_books()
    }

    pub(super) fn on_report(&mut self, report: &Report, now: Nanos) {
        match report.kind {
            ReportKind::Filled(_) => self.counters.add(Counter::Fills, 1),
            ReportKind::Rejected(_) => self.counters.add(Counter::Rejects, 1),
            ReportKind::Acknowledged
            | ReportKind::Closed(_)
            | ReportKind::Reversed(_)
            | ReportKind::Settled => {}
        }
        self.keep(&Record::Report(*report), now);
        self.risk.on_report(report);
        self.learn(report);
        let progress = self.legged.on_report(report, now);
        self.on_progress(report.trade, progress, now);
        self.obey_breakers();
        if self.portfolio.apply(report).is_err() {
            // A fill that does not fit the books of account: stop trading, keep the evidence.
            self.pull(KillCause::Account);
        }
        let book = report.instrument.book();
        let pairs = self.portfolio.pairs(book);
        // A venue that nets does so with every fill; on paper an order is looked at as a whole.
        let is_live = matches!(self.execution, Execution::Live(_));
        let is_time = match report.kind {
            ReportKind::Closed(_) => true,
            ReportKind::Filled(_) => is_live,
            ReportKind::Acknowledged
            | ReportKind::Rejected(_)
            | ReportKind::Reversed(_)
            | ReportKind::Settled => false,
        };
        if is_time && !pairs.is_zero() && self.execution.merges(book) {
            // Both faces of one book are cash: free the capital that they bind. There are as many.
            let _merged = self.portfolio.merge(book, pairs).is_ok();
            self.keep_merge(book, pairs, now);
        }
    }

    /// The run is over: executes what is under way, ends every life.
    pub fn finish(&mut self, now: Nanos) {
        self.sight.called(Kind::Closed, now);
        // The books stand still from here: what is legged closes within a few rounds, or not at all.
        let mut at = now;
        for _ in 0..FINISH_ROUNDS {
            let Some(due) = self.execution.next_due() else { break };
            at = at.max(due).plus(ATTEMPT_GAP);
            self.poll_due(at);
        }
        self.lives.finish(now);
        self.flush();
        self.sight.close();
    }

    /// Hands over what the journal holds, so that its reader lags by little.
    pub fn flush(&mut self) {
        self.journal.flush();
        self.sight.flush();
    }

    /// Profit that no state of the world can take away, fees included, rounded down.
    #[must_use]
    pub fn net_profit(&self) -> Cash {
        self.portfolio.locked_profit().cash_floor().unwrap_or_default()
    }

    /// How often the gate has refused, by reason.
    pub fn vetoes(&self) -> impl Iterator<Item = (Veto, u64)> + '_ {
        self.risk.vetoes()
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
