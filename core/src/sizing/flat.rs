//! Flat: the same number of contracts every time.

use super::{Bet, Method};
use dutchbook_book::Qty;

/// A fixed count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flat {
    /// Contracts of every bet.
    pub contracts: Qty,
}

impl Method for Flat {
    fn contracts(&self, _bet: &Bet) -> Qty {
        self.contracts
    }
}
