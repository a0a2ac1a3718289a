//! What the holdings of an event are worth in its worst state.

use dutchbook_book::catalog::EventLaw;
use dutchbook_book::{BookId, EventId, Exact, Face, Price};

use super::laws::is_contradicted;
use super::wanted::Wanted;
use super::{Portfolio, Sides, Weighed, saturating_add};
use crate::eval::states::StateTable;

impl Portfolio {
    /// Takes the exposure of an event anew, whose holdings or outcome have changed.
    pub(super) fn weigh(&mut self, event: EventId) {
        let exposure = self.exposure(event);
        if let Some(account) = self.events.get_mut(event.index()) {
            let before = core::mem::replace(&mut account.exposure, exposure);
            let grown = exposure.pico().saturating_sub(before.pico());
            self.exposed = self.exposed.saturating_add(grown);
        }
    }

    /// What the holdings of an event pay in its worst state, with what is wanted on top.
    #[must_use]
    pub fn worst_payoff(&self, event: EventId, wanted: &Wanted) -> Exact {
        let Some(account) = self.events.get(event.index()) else { return Exact::ZERO };
        let is_own = |index: &usize| !self.bound.get(*index).is_some_and(|is_bound| *is_bound);
        let own = account.conditions.iter().copied().filter(is_own);
        let own = self.worst_by(account.law, own, wanted);
        let laws = account.laws.iter().map(|weighed| match weighed {
            Weighed::Law(law, all) => self.worst_by(*law, all.iter().copied(), wanted),
            Weighed::Shared(shared) => shared.worst(|index| self.sides(index, wanted)),
        });
        laws.fold(own, saturating_add)
    }

    fn worst_by(
        &self,
        law: EventLaw,
        conditions: impl Iterator<Item = usize>,
        wanted: &Wanted,
    ) -> Exact {
        worst_of(law, conditions.map(|index| self.sides(index, wanted)))
    }

    /// What the holdings of an event lose in its worst state: their cost less what they pay then.
    /// Negative when the worst state is a profit. What was closed before is realised, not exposed.
    #[must_use]
    pub fn exposure(&self, event: EventId) -> Exact {
        self.exposure_with(event, Exact::ZERO, &Wanted::default())
    }

    /// The exposure of an event if what is wanted were bought on top, of which this event's part costs
    /// `cost`.
    #[must_use]
    pub fn exposure_with(&self, event: EventId, cost: Exact, wanted: &Wanted) -> Exact {
        let held = self.events.get(event.index()).map_or(Exact::ZERO, |event| event.committed);
        let paid = saturating_add(held, cost);
        let payoff = self.worst_payoff(event, wanted).pico();
        Exact::from_pico(paid.pico().saturating_sub(payoff))
    }

    /// Profit that is certain in every state that the venues' final words leave open: realised, and
    /// every event in its worst state. Equals cash less deposits plus the worst payoff of each event.
    /// See [`Portfolio::unpaid_winners`] for what of it stands on such a word.
    #[must_use]
    pub fn locked_profit(&self) -> Exact {
        Exact::from_pico(self.total().realised.pico().saturating_sub(self.exposed))
    }

    /// What the holdings of a table's instruments pay in its worst possible state; `None` when no
    /// state is left or a number does not fit.
    #[must_use]
    pub fn worst_over(&self, table: &StateTable) -> Option<Exact> {
        let value = |state| {
            table.instruments().iter().try_fold(Exact::ZERO, |sum, &id| {
                sum.checked_add(Exact::product(table.payoff(state, id)?, self.qty(id)))
            })
        };
        let mut worst = None;
        for state in table.possible() {
            let value = value(state)?;
            worst = Some(worst.map_or(value, |worst: Exact| worst.min(value)));
        }
        worst
    }

    fn sides(&self, condition: usize, wanted: &Wanted) -> Sides {
        let held = self.conditions.get(condition).copied().unwrap_or_default();
        let more = wanted.of(condition);
        let sides =
            Sides { yes: saturating_add(held.yes, more.yes), no: saturating_add(held.no, more.no) };
        match self.decided.get(condition).copied().flatten() {
            None => sides,
            Some(true) => Sides { yes: sides.yes, no: sides.yes },
            Some(false) => Sides { yes: sides.no, no: sides.no },
        }
    }

    /// Takes a venue's final word: the face of this book that pays. What is held of its condition
    /// on any venue is worth what that word makes it, until each venue has paid.
    pub fn decide(&mut self, book: BookId, winner: Face) {
        let Some(place) = self.places.get(book.index()).copied() else { return };
        let word = winner == place.own.true_face;
        let before = self.words.get_mut(place.own.condition).and_then(|slot| slot.replace(word));
        let Some(decided) = self.decided.get_mut(place.condition) else { return };
        let known = decided.replace(winner == place.true_face);
        // Two venues say otherwise, or one takes its word back: what is bound is another.
        let is_other = known.is_some() && known != *decided;
        let is_taken_back = before.is_some_and(|before| before != word);
        if is_other || is_taken_back || self.is_contradicted(place.event) {
            self.group();
        } else {
            self.weigh(place.event);
        }
    }

    /// Whether last words are unlike what was approved of the conditions that are weighed in an event.
    pub(super) fn is_contradicted(&self, event: EventId) -> bool {
        let told = |condition: usize| self.decided.get(condition).copied().flatten();
        let laws = self.events.get(event.index()).into_iter().flat_map(|account| &account.laws);
        laws.into_iter().any(|weighed| match weighed {
            Weighed::Law(law, all) => is_contradicted(*law, all.iter().map(|one| told(*one))),
            Weighed::Shared(shared) => shared.is_contradicted(told),
        })
    }

    /// What winners pay that no venue has paid yet: it stands on another venue's final word, which
    /// can still be contradicted.
    #[must_use]
    pub fn unpaid_winners(&self) -> Exact {
        let unpaid = self.places.iter().zip((0_u32..).map(BookId)).filter_map(|(place, book)| {
            let decided = self.decided.get(place.condition).copied().flatten()?;
            let face = if decided { place.true_face } else { place.true_face.other() };
            (place.payoff.is_none())
                .then(|| Exact::product(Price::ONE, self.qty(book.instrument(face))))
        });
        unpaid.fold(Exact::ZERO, saturating_add)
    }
}

/// The smallest payoff over the states of a law. One pass, whatever the number of conditions.
fn worst_of(law: EventLaw, conditions: impl Iterator<Item = Sides>) -> Exact {
    // With every condition false the conditions pay `all_no`; the i-th one true changes that by
    // yes − no. `running` is the sum of those changes along a ladder, `best` the lowest reached.
    let (mut all_no, mut running, mut lowest, mut apart) = (0_i128, 0_i128, None, 0_i128);
    for sides in conditions {
        let Sides { yes, no } = sides;
        all_no = all_no.saturating_add(no.pico());
        let change = sides.change();
        running = running.saturating_add(change);
        apart = apart.saturating_add(yes.pico().min(no.pico()));
        let reached = if law == EventLaw::Ladder { running } else { change };
        lowest = Some(lowest.map_or(reached, |lowest: i128| lowest.min(reached)));
    }
    let lowest = lowest.unwrap_or(0);
    Exact::from_pico(match law {
        EventLaw::Independent => apart,
        EventLaw::Partition => all_no.saturating_add(lowest),
        EventLaw::Exclusive | EventLaw::Ladder => all_no.saturating_add(lowest.min(0)),
    })
}
