//! Inverted risk: the more a contract can lose, the fewer of it.

use super::{Bet, Method, bought};
use dutchbook_book::{Cash, Qty};

/// A budget of what may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvertedRisk {
    /// Dollars that one bet may lose if it goes wrong.
    pub budget: Cash,
}

impl Method for InvertedRisk {
    fn contracts(&self, bet: &Bet) -> Qty {
        bought(self.budget, bet.loss)
    }
}
