//! Orders on real venues: what goes to the desk, and what it says.

use dutchbook_book::{Nanos, Price, VenueId};

use super::execution::Execution;
use super::{Engine, LEGS_MAX};
use crate::capture::lane::Kind;
use crate::desk::{Channel, Desk, Word};
use crate::journal::live::Origin;
use crate::position::VenueMoney;
use crate::request::{Answer, Outbox, RequestId};
use crate::risk::breaker::Breaker;
use crate::risk::kill::KillCause;

impl Engine {
    /// Sends its orders through a desk from now on. `allowance` is how much worse than the worst
    /// level walked a limit may be.
    #[must_use]
    pub fn trading_by(mut self, desk: Box<Desk>, allowance: Price) -> Self {
        self.execution = Execution::live(&self.catalog, Some(desk), allowance, LEGS_MAX);
        self.legged.settle_later();
        self
    }

    /// Is told what a desk said in another run: a replay of live trading.
    #[must_use]
    pub fn told_of_trading(mut self, allowance: Price) -> Self {
        self.execution = Execution::live(&self.catalog, None, allowance, LEGS_MAX);
        self.legged.settle_later();
        self
    }

    /// Hands over the orders that are to be sent: call it after everything that may have made any.
    pub fn dispatch(&mut self, now: Nanos, outbox: &mut impl Outbox) {
        let journal = &mut self.journal;
        if let Some(desk) = self.execution.desk_mut() {
            desk.dispatch(now, journal, outbox);
            self.hear(now);
        }
    }

    /// The same, and whatever else the orders need by now: call it between payloads.
    pub fn follow_up(&mut self, now: Nanos, outbox: &mut impl Outbox) {
        if self.unexplained.is_some() {
            self.compare_accounts(now);
        }
        let journal = &mut self.journal;
        if let Some(desk) = self.execution.desk_mut() {
            desk.follow_up(now, journal, outbox);
            self.hear(now);
        }
    }

    /// Takes what became of a request.
    pub fn on_answer(&mut self, id: RequestId, answer: &Answer<'_>, now: Nanos) {
        let journal = &mut self.journal;
        if let Some(desk) = self.execution.desk_mut() {
            desk.on_answer(id, answer, journal, now);
            self.hear(now);
        }
    }

    /// Takes a message of a user channel.
    pub fn on_user_message(&mut self, venue: VenueId, payload: &[u8], now: Nanos) {
        let journal = &mut self.journal;
        if let Some(desk) = self.execution.desk_mut() {
            desk.on_user_message(venue, payload, journal, now);
            self.hear(now);
        }
    }

    /// A user channel opened or was lost.
    pub fn on_channel(&mut self, venue: VenueId, news: Channel) {
        if let Some(desk) = self.execution.desk_mut() {
            desk.on_channel(venue, news);
        }
    }

    /// Takes everything that the desk has said.
    pub(super) fn hear(&mut self, now: Nanos) {
        let mut heard = false;
        while let Some(word) = self.execution.next_word() {
            self.on_word(&word, now);
            heard = true;
        }
        if heard {
            self.publish_profit();
            self.poll(now);
        }
    }

    /// Takes one thing that a desk said; of a replay's recording, too.
    pub fn on_word(&mut self, word: &Word, now: Nanos) {
        self.sight.took_word(word, now);
        match *word {
            Word::Report(report) => self.on_report(&report, now),
            Word::Opening { venue, cash } => {
                let known = self.portfolio.money(venue).cash;
                let missing = cash.exact().checked_sub(known);
                let booked =
                    missing.map(|missing| self.book_cash(venue, missing, Origin::Opening, now));
                if !matches!(booked, Some(Ok(()))) {
                    self.halt();
                }
            }
            Word::Rounding { venue, cash } => {
                if self.portfolio.round(venue, cash).is_err() {
                    self.halt();
                }
            }
            Word::Booked(record) => {
                if !self.book(&record, now) {
                    self.kill.say("the venues' accounts do not fit our books".to_owned());
                    self.halt();
                }
            }
            // Our accounts and the venue's differ: nothing new until a person has looked.
            Word::Breach { found, .. } if found.is_empty() => {}
            Word::Breach { .. } => self.doubt(Breaker::Contradiction, now),
            Word::Differs { .. } => self.doubt(Breaker::Reconciliation, now),
        }
    }

    /// The cash that an account starts with, by the venue's own word. An account that a journal knows
    /// is compared instead ([`Engine::compared_by`]).
    pub fn open_account(&mut self, venue: VenueId, cash: dutchbook_book::Cash, now: Nanos) {
        // A run that was killed before it opened an account has left nothing to explain there.
        let is_known = self.portfolio.money(venue) != VenueMoney::default();
        if self.unexplained.is_some() && is_known {
            return;
        }
        if let Some(desk) = self.execution.desk_mut() {
            desk.open_account(venue, cash);
        }
        self.on_word(&Word::Opening { venue, cash }, now);
    }

    pub(super) fn halt(&mut self) {
        self.pull(KillCause::Account);
    }

    /// Stops for what only a person can explain. A replay is not told the word, but that we stopped.
    pub(super) fn doubt(&mut self, breaker: Breaker, now: Nanos) {
        self.trip(breaker, now);
        self.on_kill(now);
    }

    /// Opens no new trades from here on; those under way are brought to their end.
    pub fn wind_down(&mut self, now: Nanos) {
        self.sight.called(Kind::Winding, now);
        self.trades = false;
    }

    /// Whether nothing of what was sent can change any more, and no trade is unequal.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unexplained.is_none() && self.is_quiet() && self.legged.legged_count() == 0
    }

    /// Whether nothing of what was sent can change any more.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.execution.desk().is_none_or(Desk::is_quiet)
    }

    /// Cancels everything that is open, and sends nothing new.
    pub fn cancel_all(&mut self) {
        if let Some(desk) = self.execution.desk_mut() {
            desk.cancel_all();
        }
    }

    /// The desk, for figures; `None` on paper.
    #[must_use]
    pub fn desk(&self) -> Option<&Desk> {
        self.execution.desk()
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
pub(super) mod tests;
