//! Confidence tiers: a base stake times how far the relation is trusted. The default.

use super::{Bet, Method, bought, share_of};
use dutchbook_book::{Cash, Qty, Rate};

/// How far a relation is trusted, by where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The venue's own structure states it.
    Structure,
    /// A person has read both rules texts.
    Approved,
}

/// A base and its share by tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// Dollars at full confidence.
    pub base: Cash,
    /// The share of relations that structure states.
    pub structure: Rate,
    /// The share of relations that a person has approved.
    pub approved: Rate,
}

impl Tiers {
    /// The hard cap of a tier: no method goes beyond it.
    #[must_use]
    pub fn cap(&self, tier: Tier) -> Cash {
        let share = match tier {
            Tier::Structure => self.structure,
            Tier::Approved => self.approved,
        };
        share_of(self.base, i128::from(share.nano()))
    }
}

impl Method for Tiers {
    fn contracts(&self, bet: &Bet) -> Qty {
        bought(self.cap(bet.tier), bet.cost)
    }
}
