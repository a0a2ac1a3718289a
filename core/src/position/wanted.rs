//! Contracts that would be bought, by what they would pay on.
//!
//! A basket may have a leg for each of a hundred outcomes. What it adds to each of them is looked up, not
//! searched for among its legs: to weigh it costs one pass over its legs and one over the outcomes.

use dutchbook_book::{Exact, InstrumentId, Price, Qty};

use super::{Portfolio, Sides, saturating_add};

/// What a basket adds to a portfolio, by the condition on which each leg pays.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// By condition.
    sides: Vec<Sides>,
    /// Conditions with something in `sides`; some twice.
    conditions: Vec<usize>,
}

impl Wanted {
    /// Nothing, with room for so many legs.
    #[must_use]
    pub fn with_capacity(legs: usize) -> Self {
        Self { sides: Vec::new(), conditions: Vec::with_capacity(legs) }
    }

    /// Makes room for everything that a portfolio knows of, so that adding allocates nothing.
    pub fn fit(&mut self, portfolio: &Portfolio) {
        if self.sides.len() < portfolio.conditions.len() {
            self.sides.resize(portfolio.conditions.len(), Sides::default());
        }
    }

    /// Adds contracts that would be bought. Those of an unknown book add nothing.
    pub fn add(&mut self, portfolio: &Portfolio, instrument: InstrumentId, qty: Qty) {
        let Some(place) = portfolio.places.get(instrument.book().index()) else { return };
        self.fit(portfolio);
        if let Some(sides) = self.sides.get_mut(place.condition) {
            let pays = sides.paying(instrument.face() == place.true_face);
            *pays = saturating_add(*pays, Exact::product(Price::ONE, qty));
            self.conditions.push(place.condition);
        }
    }

    /// Takes everything away again.
    pub fn clear(&mut self) {
        for condition in self.conditions.drain(..) {
            if let Some(sides) = self.sides.get_mut(condition) {
                *sides = Sides::default();
            }
        }
    }

    /// What would be paid on a condition.
    pub(super) fn of(&self, condition: usize) -> Sides {
        self.sides.get(condition).copied().unwrap_or_default()
    }
}
