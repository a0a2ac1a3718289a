//! State tables: every way in which a set of conditions can settle, and what each instrument pays.
//!
//! A table is the proof of a basket: the floor of any legs is their smallest payoff over the states
//! still possible. Void and tie rows are states like others, with the worst admissible number where
//! a rule leaves discretion. Closed forms are checked against it, never the other way round.

use crate::eval::basket::Leg;
use dutchbook_book::fee::UnitCost;
use dutchbook_book::{InstrumentId, Price, Side};

/// 1e-14 $ in one millionth of a contract paying one millionth.
const UNIT_PER_MICRO_MICRO: i128 = 100;

/// What instruments pay in every state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateTable {
    /// Columns, ascending.
    instruments: Vec<InstrumentId>,
    /// Payoffs, state by state, in the order of the columns.
    payoffs: Vec<Price>,
    /// Which states a trusted source has ruled out.
    struck: Vec<bool>,
}

impl StateTable {
    /// A table without states over these instruments; the order is free, doubles are dropped.
    #[must_use]
    pub fn new(instruments: &[InstrumentId]) -> Self {
        let mut instruments = instruments.to_vec();
        instruments.sort_unstable();
        instruments.dedup();
        Self { instruments, payoffs: Vec::new(), struck: Vec::new() }
    }

    /// Adds a state; `pays` gives what one contract of each instrument pays in it.
    pub fn push(&mut self, pays: impl Fn(InstrumentId) -> Price) {
        self.payoffs.extend(self.instruments.iter().map(|&id| pays(id)));
        self.struck.push(false);
    }

    /// The instruments, ascending.
    #[must_use]
    pub fn instruments(&self) -> &[InstrumentId] {
        &self.instruments
    }

    /// How many states there are, struck ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.struck.len()
    }

    /// Whether there is no state at all: such a table proves nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.struck.is_empty()
    }

    /// The states that can still happen.
    pub fn possible(&self) -> impl Iterator<Item = usize> + '_ {
        self.struck.iter().enumerate().filter(|(_, struck)| !**struck).map(|(state, _)| state)
    }

    /// What an instrument pays in a state; `None` when either is not of this table.
    #[must_use]
    pub fn payoff(&self, state: usize, instrument: InstrumentId) -> Option<Price> {
        let column = self.instruments.binary_search(&instrument).ok()?;
        let row = self.payoffs.chunks_exact(self.instruments.len().max(1)).nth(state)?;
        row.get(column).copied()
    }

    /// What the legs pay in a state, sold legs owed, in 1e-14 $.
    #[must_use]
    pub fn value(&self, state: usize, legs: &[Leg]) -> Option<UnitCost> {
        let mut sum = 0_i128;
        for leg in legs {
            let payoff = i128::from(self.payoff(state, leg.instrument)?.micro());
            let paid = payoff.checked_mul(i128::from(leg.ratio_micro))?;
            let unit = paid.checked_mul(UNIT_PER_MICRO_MICRO)?;
            sum = match leg.side {
                Side::Buy => sum.checked_add(unit)?,
                Side::Sell => sum.checked_sub(unit)?,
            };
        }
        UnitCost::try_from(sum).ok()
    }

    /// The smallest payoff of the legs over the states still possible; `None` when an instrument is
    /// not of this table or no state is left.
    #[must_use]
    pub fn floor(&self, legs: &[Leg]) -> Option<UnitCost> {
        let mut floor = None;
        for state in self.possible() {
            let value = self.value(state, legs)?;
            floor = Some(floor.map_or(value, |floor: UnitCost| floor.min(value)));
        }
        floor
    }

    /// Rules out every state in which `instrument` does not pay one. Returns how many states were
    /// ruled out; a table that does not know the instrument stays as it is.
    pub fn strike(&mut self, instrument: InstrumentId) -> usize {
        let mut count = 0;
        for state in 0..self.len() {
            let pays_one = self.payoff(state, instrument).is_none_or(|payoff| payoff == Price::ONE);
            if let (false, Some(struck @ false)) = (pays_one, self.struck.get_mut(state)) {
                *struck = true;
                count += 1;
            }
        }
        count
    }

    /// Whether in every possible state at most one outcome comes true, all instruments of an
    /// outcome then pay one and otherwise nothing, and their complements the rest: what the closed
    /// forms of an exclusive set rely on. An outcome is the list of the instruments that show it.
    #[must_use]
    pub fn is_exclusive(&self, outcomes: &[Vec<InstrumentId>]) -> bool {
        self.possible().all(|state| {
            let mut winners = 0;
            let plain = outcomes.iter().all(|shown| {
                let pays = shown.first().and_then(|&id| self.payoff(state, id));
                winners += u32::from(pays == Some(Price::ONE));
                matches!(pays, Some(Price::ONE | Price::ZERO))
                    && shown.iter().all(|&id| {
                        let rest = self.payoff(state, id.complement());
                        self.payoff(state, id) == pays && rest == pays.map(Price::complement)
                    })
            });
            plain && winners <= 1
        })
    }

    /// What an instrument pays in every possible state, where that is one number.
    #[must_use]
    pub fn certain(&self, instrument: InstrumentId) -> Option<Price> {
        let mut possible = self.possible();
        let first = self.payoff(possible.next()?, instrument)?;
        possible.all(|state| self.payoff(state, instrument) == Some(first)).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::fee::UNIT_PAYOUT;
    use dutchbook_book::{BookId, Face};

    /// The void example of two venues: P pays half on either side, K may pay nothing.
    #[test]
    fn a_void_row_lowers_the_floor_and_a_strike_lifts_it() {
        let [p, k] = [0, 1].map(BookId);
        let yes = |book: BookId| book.instrument(Face::Yes);
        let no = |book: BookId| book.instrument(Face::No);
        let mut table = StateTable::new(&[yes(p), no(p), yes(k), no(k)]);
        table.push(|id| if id.face() == Face::Yes { Price::ONE } else { Price::ZERO });
        table.push(|id| if id.face() == Face::No { Price::ONE } else { Price::ZERO });
        let half = Price::from_pips(5_000).unwrap();
        table.push(|id| if id.book() == p { half } else { Price::ZERO });
        let legs = [Leg::buy(yes(p)), Leg::buy(no(k))];
        assert_eq!(table.floor(&legs), Some(UNIT_PAYOUT / 2));
        assert_eq!(table.strike(yes(p)), 2);
        assert_eq!(table.floor(&legs), Some(UNIT_PAYOUT));
        assert_eq!(table.floor(&[Leg::sell(yes(p))]), Some(-UNIT_PAYOUT));
        assert_eq!(table.floor(&[Leg::buy(InstrumentId(99))]), None);
    }
}
