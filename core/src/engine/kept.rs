//! What the engine writes down so that another process can go on where this one stops, and how it
//! goes on itself: money, positions, numbers, and baskets under way.

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{BookId, Exact, InstrumentId, Nanos, Qty, QtyChange, VenueId};
use dutchbook_exec::TradeId;

use super::Engine;
use super::explained::Unexplained;
use crate::journal::Record;
use crate::journal::live::{AccountRecord, BasketRecord, BasketStep, LiveRecord, Origin};
use crate::legged::{LeggedEnd, Progress};
use crate::position::{PositionError, VenueMoney};
use crate::recovery::{Recovered, RecoveredBasket};
use crate::risk::kill::KillCause;

impl Engine {
    /// Goes on where a journal ended, and writes down what there is where it is new. Call it before
    /// anything else happens, with the desk where there is one. Orders that may live are taken over
    /// and looked up; nothing new is traded before every one is over and the accounts agree with the
    /// venues' own words ([`Engine::compared_by`]).
    pub fn resume(&mut self, recovered: &Recovered, now: Nanos) {
        let numbers = recovered.numbers;
        self.decisions = numbers.decision;
        self.risk.resume(numbers.trade, recovered.marks);
        self.execution.count_from(numbers.order);
        let opening = std::mem::replace(&mut self.portfolio, recovered.portfolio.clone());
        for venue in 0..self.catalog.venues.len() {
            let venue = VenueId(u32::try_from(venue).unwrap_or(u32::MAX));
            let cash = opening.money(venue).cash;
            let is_new = self.portfolio.money(venue) == VenueMoney::default();
            if is_new && cash != Exact::ZERO && !self.execution.is_live() {
                let _booked = self.book_cash(venue, cash, Origin::Opening, now).is_ok();
            }
        }
        for basket in &recovered.baskets {
            // An order that was reported as closed is over for its basket, settled or not.
            let open = recovered.open_orders().filter(|known| !known.is_closed);
            let open = open.filter(|known| known.order.intent().trade == basket.trade).count();
            self.resume_basket(basket, open, now);
        }
        self.know_unlisted(recovered);
        self.merge_pairs(now);
        if self.execution.is_live() && !recovered.is_fresh() {
            self.unexplained = Some(Unexplained::of(recovered, self.catalog.venues.len()));
        }
        let journal = &mut self.journal;
        if let Some(desk) = self.execution.desk_mut() {
            let mut has_room = true;
            for known in recovered.open_orders() {
                has_room &= desk.adopt(known, journal, now);
            }
            if !has_room || recovered.refused > 0 || recovered.ending.lost > 0 {
                let (refused, lost) = (recovered.refused, recovered.ending.lost);
                self.kill.say(format!(
                    "the journal does not say all ({lost} records lost, {refused} that contradict): \
                     compare with the venues by hand"
                ));
                self.halt();
            }
            self.hear(now);
        }
        self.publish_profit();
    }

    /// Books what the venues' words have made of our accounts, and writes it down. Whether it fits.
    pub(super) fn book(&mut self, record: &Record, now: Nanos) -> bool {
        match *record {
            Record::Live(LiveRecord::Account(AccountRecord::Transfer { venue, cash, origin })) => {
                self.book_cash(venue, cash, origin, now).is_ok()
            }
            Record::Live(LiveRecord::Account(AccountRecord::Moved {
                instrument,
                qty,
                cost,
                origin,
            })) => self.book_contracts(instrument, qty, cost, origin, now).is_ok(),
            Record::Resolution { book, payoff, .. } => {
                let cash = self.portfolio.settle(book, payoff, Exact::ZERO);
                if let Ok(cash) = cash {
                    self.keep(&Record::Resolution { book, payoff, cash }, now);
                }
                cash.is_ok()
            }
            // No booking: a recording that says so is of another version.
            Record::Decision(_)
            | Record::DecisionLeg(_)
            | Record::Veto { .. }
            | Record::Intent { .. }
            | Record::Report(_)
            | Record::Gap { .. }
            | Record::Life { .. }
            | Record::Live(_) => false,
        }
    }

    /// Writes into no journal any more: whoever keeps it can finish.
    pub fn release_journal(&mut self) {
        self.journal.release();
    }

    /// Both faces of one book where the venue nets: a kill between a fill and its record of the merge
    /// leaves them in our books only.
    fn merge_pairs(&mut self, now: Nanos) {
        if !self.execution.is_live() {
            return;
        }
        for book in 0..self.catalog.listings.len() {
            let book = BookId(u32::try_from(book).unwrap_or(u32::MAX));
            let pairs = self.portfolio.pairs(book);
            if !pairs.is_zero()
                && self.execution.merges(book)
                && self.portfolio.merge(book, pairs).is_ok()
            {
                self.keep_merge(book, pairs, now);
            }
        }
    }

    fn resume_basket(&mut self, basket: &RecoveredBasket, orders_open: usize, now: Nanos) {
        let listed = self.catalog.listings.len();
        let is_listed = basket.legs.iter().all(|leg| leg.instrument.book().index() < listed);
        let progress = if is_listed { self.legged.resume(basket, orders_open, now) } else { None };
        // Where nothing trades any more the portfolio carries it.
        let left = Progress::Even(Some(LeggedEnd::Left));
        self.step(basket.trade, progress.unwrap_or(left), now);
    }

    /// Books cash that came or went without an order of ours, and writes it down.
    ///
    /// # Errors
    /// When it does not fit the accounts: nothing is booked then.
    pub fn book_cash(
        &mut self,
        venue: VenueId,
        cash: Exact,
        origin: Origin,
        now: Nanos,
    ) -> Result<(), PositionError> {
        match origin {
            Origin::Rounding => self.portfolio.round(venue, cash)?,
            Origin::Opening | Origin::Settlement | Origin::Person => {
                self.portfolio.deposit(venue, cash)?;
            }
        }
        self.keep_account(AccountRecord::Transfer { venue, cash, origin }, now);
        Ok(())
    }

    /// Books contracts that came or went without an order of ours, and writes it down.
    ///
    /// # Errors
    /// When it does not fit the accounts: nothing is booked then.
    pub fn book_contracts(
        &mut self,
        instrument: InstrumentId,
        qty: QtyChange,
        cost: Exact,
        origin: Origin,
        now: Nanos,
    ) -> Result<(), PositionError> {
        self.portfolio.adopt(instrument, qty, cost)?;
        self.keep_account(AccountRecord::Moved { instrument, qty, cost, origin }, now);
        Ok(())
    }

    /// Writes down how our accounts compare with a venue's: its cash less ours, how many positions
    /// were compared, and how many of them differ.
    pub fn note_comparison(
        &mut self,
        venue: VenueId,
        cash: Exact,
        (compared, different): (u32, u32),
        now: Nanos,
    ) {
        self.keep_account(AccountRecord::Reconciled { venue, cash, compared, different }, now);
    }

    /// Writes down a basket before its orders are.
    pub(super) fn keep_basket(&mut self, trade: TradeId, payoff: UnitCost, now: Nanos) {
        let leg_count = u16::try_from(self.intents.len()).unwrap_or(u16::MAX);
        let decision = self.decisions;
        let open = BasketRecord::Open { trade, decision, payoff, leg_count };
        self.keep(&Record::Live(LiveRecord::Basket(open)), now);
        for index in 0..leg_count {
            let place = usize::from(index);
            let (Some(intent), Some(leg)) = (self.intents.get(place), self.legs.get(place)) else {
                break;
            };
            let lot = self.execution.lot(intent.instrument.book(), intent.limit);
            let leg = BasketRecord::Leg {
                trade,
                leg_index: index,
                instrument: intent.instrument,
                ratio_micro: leg.ratio_micro,
                lot,
            };
            self.keep(&Record::Live(LiveRecord::Basket(leg)), now);
        }
    }

    /// Writes down that a basket has come further.
    pub(super) fn step(&mut self, trade: TradeId, progress: Progress, now: Nanos) {
        let step = match progress {
            Progress::Open => return,
            Progress::Legged => BasketStep::Legged,
            Progress::Even(None) => BasketStep::Even,
            Progress::Even(Some(LeggedEnd::Completed)) => BasketStep::Completed,
            Progress::Even(Some(LeggedEnd::Unwound)) => BasketStep::Unwound,
            Progress::Even(Some(LeggedEnd::Left)) => BasketStep::Left,
        };
        let record = BasketRecord::Step { trade, step };
        self.keep(&Record::Live(LiveRecord::Basket(record)), now);
    }

    /// Writes down that pairs became cash.
    pub(super) fn keep_merge(&mut self, book: BookId, qty: Qty, now: Nanos) {
        self.keep_account(AccountRecord::Merged { book, qty }, now);
    }

    fn keep_account(&mut self, record: AccountRecord, now: Nanos) {
        self.keep(&Record::Live(LiveRecord::Account(record)), now);
    }

    /// Writes down what the accounts rest on. Where it cannot be kept nothing new is traded: the
    /// venues know then what we have forgotten.
    pub(super) fn keep(&mut self, record: &Record, now: Nanos) {
        if self.journal.record(now, record).is_err() {
            self.journal.record_or_shed(now, record);
            if self.journal.is_kept() {
                self.pull(KillCause::Journal);
            }
        }
    }
}
