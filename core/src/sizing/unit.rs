//! Unit: the same stake in dollars every time.

use super::{Bet, Method, bought};
use dutchbook_book::{Cash, Qty};

/// A fixed stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitStake {
    /// Dollars of every bet.
    pub stake: Cash,
}

impl Method for UnitStake {
    fn contracts(&self, bet: &Bet) -> Qty {
        bought(self.stake, bet.cost)
    }
}
