//! After a restart, before the first order: our books are held against what the venues say, market by
//! market, and every difference is explained. What cannot be explained keeps trading shut, with its
//! name and what to do.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Exact, Nanos, Price, QtyChange, VenueId};

use super::Engine;
use crate::capture::lane::Kind;
use crate::desk::{Desk, Word};
use crate::inquiry::{Heard, Inquiry};
use crate::journal::Record;
use crate::journal::live::{AccountRecord, LiveRecord, Origin};
use crate::position::VenueMoney;
use crate::recovery::{Recovered, Unlisted};
use crate::risk::breaker::Breaker;
use crate::statement::{Comparison, Place};

/// Most that the roundings of one trade can make of its cash, in 1e-12 $: each resting order that it
/// met, of which there are never more than this, by a fee's unit and a cent of a cent.
const ROUNDED_PER_FILL_PICO: i128 = 64 * 11_000_000;
/// Trades that an order may have had which nobody told us of.
const FILLS_OF_AN_ORDER: u64 = 64;
/// Times that a difference must be told before it is believed: the venues' records lag.
const TOLD_MAX: u32 = 4;

/// What has to be explained before anything is traded.
#[derive(Debug, Default)]
pub(super) struct Unexplained {
    inquiry: Option<Inquiry>,
    /// Trades whose roundings are not booked, by venue.
    unrounded: Vec<u64>,
    /// Venues whose account the journal knows; the books of others begin with what they say.
    known: Vec<VenueId>,
    /// Since when nothing of an earlier run is under way.
    quiet: Option<Nanos>,
    /// Times that the same difference was told.
    told: u32,
}

impl Unexplained {
    /// What a journal leaves open, over so many venues.
    pub(super) fn of(recovered: &Recovered, venues: usize) -> Self {
        let mut unrounded = recovered.unrounded.clone();
        unrounded.resize(venues, 0);
        for known in recovered.open_orders() {
            if let Some(count) = unrounded.get_mut(known.placed.venue.index()) {
                *count = count.saturating_add(FILLS_OF_AN_ORDER);
            }
        }
        let venues = (0..u32::try_from(venues).unwrap_or(u32::MAX)).map(VenueId);
        let known =
            venues.filter(|venue| recovered.portfolio.money(*venue) != VenueMoney::default());
        Self { unrounded, known: known.collect(), ..Self::default() }
    }

    /// The venues' words of a moment when nothing was under way any more.
    fn newest(&mut self, is_quiet: bool, now: Nanos) -> Option<Heard> {
        let heard = self.inquiry.as_ref()?.heard.try_iter().last();
        if !is_quiet {
            self.quiet = None;
            return None;
        }
        let since = *self.quiet.get_or_insert(now);
        heard.filter(|heard| heard.asked >= since)
    }

    /// Whether a venue's cash is ours but for its roundings.
    fn is_rounding(&self, venue: VenueId, kind: VenueKind, cash: Exact) -> bool {
        let fills = self.unrounded.get(venue.index()).copied().unwrap_or(0);
        let most = match kind {
            // Its trades carry their fees: nothing is left open.
            VenueKind::Kalshi => 0,
            VenueKind::Polymarket => i128::from(fills).saturating_mul(ROUNDED_PER_FILL_PICO),
        };
        cash.pico().abs() <= most
    }
}

impl Engine {
    /// Every market where our accounts may have something, those included that only a journal knows.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Place::all(&self.catalog);
        places.extend(self.unlisted.iter().cloned());
        places
    }

    /// Keeps in mind what is held where nothing trades any more.
    pub(super) fn know_unlisted(&mut self, recovered: &Recovered) {
        let place = |unlisted: &Unlisted| Place {
            venue: VenueId(unlisted.name.venue),
            book: unlisted.book,
            market: unlisted.name.market.clone(),
            name: unlisted.name.name.clone(),
            tokens: None,
            is_ours: true,
        };
        self.unlisted = recovered.unlisted.iter().map(place).collect();
    }

    /// Compares with what the venues say from here on, until all is explained. Nothing new is traded
    /// before. Call it after [`Engine::resume`].
    pub fn compared_by(&mut self, inquiry: Inquiry) {
        let unexplained = self.unexplained.get_or_insert_default();
        unexplained.inquiry = Some(inquiry);
    }

    /// Nobody can be asked: what a journal says of an account is not gone on with then.
    pub fn compared_by_nobody(&mut self) {
        if self.unexplained.is_some() {
            self.kill.say(
                "the journal is of accounts that cannot be asked what they have: name another folder"
                    .to_owned(),
            );
            self.halt();
        }
    }

    /// Once nothing of the last run is open any more: our accounts are the venues', up to roundings
    /// and settlements that are booked now, and trading begins; or they are not, and nothing is
    /// traded until a person has looked.
    pub(super) fn compare_accounts(&mut self, now: Nanos) {
        let is_quiet = self.execution.desk().is_some_and(Desk::is_settled);
        let Some(mut unexplained) = self.unexplained.take() else { return };
        let Some(heard) = unexplained.newest(is_quiet, now) else {
            self.unexplained = Some(unexplained);
            return;
        };
        self.take_settlements(&heard, now);
        let found = self.compared(&unexplained, &heard);
        let lines = self.unexplained_lines(&unexplained, &found);
        let origin = match &unexplained.inquiry {
            _ if lines.is_empty() => Origin::Rounding,
            Some(Inquiry { accepted_by: Some(_), .. }) => Origin::Person,
            _ => {
                unexplained.told += 1;
                if unexplained.told < TOLD_MAX {
                    self.unexplained = Some(unexplained);
                } else {
                    self.shut(&found, lines, now);
                }
                return;
            }
        };
        for (venue, comparison) in &found {
            let is_known = unexplained.known.contains(venue);
            let origin = if is_known { origin } else { Origin::Opening };
            self.note(*venue, comparison, now);
            self.take_over(*venue, comparison, origin, now);
        }
        self.go_on(now);
    }

    /// All is explained: trading begins. A replay is told so.
    pub fn go_on(&mut self, now: Nanos) {
        self.sight.called(Kind::Explained, now);
        self.unexplained = None;
        self.publish_profit();
    }

    /// How every venue's words compare with our books.
    fn compared(&self, unexplained: &Unexplained, heard: &Heard) -> Vec<(VenueId, Comparison)> {
        let places = unexplained.inquiry.as_ref().map_or(&[][..], |inquiry| &inquiry.places);
        let said = heard.said.iter();
        said.map(|(venue, said)| (*venue, said.compare(*venue, places, &self.portfolio))).collect()
    }

    /// What nothing explains, in words.
    fn unexplained_lines(
        &self,
        unexplained: &Unexplained,
        found: &[(VenueId, Comparison)],
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for (venue, comparison) in found.iter().filter(|(of, _)| unexplained.known.contains(of)) {
            let Some(kind) = self.catalog.venues.get(venue.index()).map(|venue| venue.kind) else {
                continue;
            };
            let is_rounding = unexplained.is_rounding(*venue, kind, comparison.cash());
            if !is_rounding || !comparison.apart.is_empty() {
                lines.extend(comparison.lines(kind.name()));
            }
        }
        lines
    }

    /// Markets that were settled while nobody looked: the venue's word is what they have paid.
    fn take_settlements(&mut self, heard: &Heard, now: Nanos) {
        for (book, payoff) in heard.said.iter().flat_map(|(_, said)| &said.settled) {
            self.settle_late(*book, *payoff, now);
        }
    }

    fn settle_late(&mut self, book: BookId, payoff: Price, now: Nanos) {
        let held = self.portfolio.settlement(book, payoff);
        let is_held = [dutchbook_book::Face::Yes, dutchbook_book::Face::No]
            .iter()
            .any(|face| !self.portfolio.qty(book.instrument(*face)).is_zero());
        if held.is_err() || !is_held || self.portfolio.is_settled(book) {
            return;
        }
        let paid = Record::Resolution { book, payoff, cash: Exact::ZERO };
        self.on_word(&Word::Booked(paid), now);
    }

    /// Makes our books what the venue says.
    fn take_over(&mut self, venue: VenueId, found: &Comparison, origin: Origin, now: Nanos) {
        let booked = |record| Word::Booked(Record::Live(LiveRecord::Account(record)));
        for apart in &found.apart {
            let micro = |qty: dutchbook_book::Qty| i64::try_from(qty.micro()).unwrap_or(i64::MAX);
            let change = micro(apart.theirs).saturating_sub(micro(apart.ours));
            let change = QtyChange::from_micro(change);
            // What they have cost nobody says: they are counted as if for nothing.
            let (instrument, cost) = (apart.instrument, Exact::ZERO);
            let moved = AccountRecord::Moved { instrument, qty: change, cost, origin };
            self.on_word(&booked(moved), now);
        }
        let cash = found.cash();
        if cash != Exact::ZERO {
            self.on_word(&booked(AccountRecord::Transfer { venue, cash, origin }), now);
        }
    }

    fn note(&mut self, venue: VenueId, found: &Comparison, now: Nanos) {
        let apart = u32::try_from(found.apart.len()).unwrap_or(u32::MAX);
        self.note_comparison(venue, found.cash(), (found.compared, apart), now);
    }

    /// A person has to find out.
    fn shut(&mut self, found: &[(VenueId, Comparison)], lines: Vec<String>, now: Nanos) {
        for (venue, comparison) in found {
            self.note(*venue, comparison, now);
        }
        for line in lines {
            self.kill.say(line);
        }
        self.kill.say(
            "the journal does not explain this: find out what was traded, paid in or taken out beside \
             it; `dutchbook clear --by NAME --accept-accounts` lets the next run begin with what the \
             venues say"
                .to_owned(),
        );
        self.doubt(Breaker::Reconciliation, now);
    }
}

#[cfg(test)]
#[path = "explained_tests.rs"]
mod tests;
