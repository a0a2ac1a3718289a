//! Which method sizes what: one by default, others by kind of basket.

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{Cash, Rate};
use serde::Deserialize;

use super::{Bet, Flat, InvertedRisk, Kelly, Method, Tier, Tiers, UnitStake, bound};
use crate::eval::basket::BasketKind;
use crate::relation::Source;

/// The methods by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodName {
    /// [`Tiers`].
    Tiers,
    /// [`Kelly`].
    Kelly,
    /// [`UnitStake`].
    Unit,
    /// [`Flat`].
    Flat,
    /// [`InvertedRisk`].
    InvertedRisk,
}

/// How everything is sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The method of each kind of basket, in the order of [`BasketKind::ALL`].
    pub methods: [MethodName; BasketKind::ALL.len()],
    /// Confidence tiers, and the hard cap of each.
    pub tiers: Tiers,
    /// Fractional Kelly.
    pub kelly: Kelly,
    /// A stake of dollars.
    pub unit: UnitStake,
    /// A count of contracts.
    pub flat: Flat,
    /// A budget of losses.
    pub inverted: InvertedRisk,
    /// The bankroll that Kelly's shares are of.
    pub bankroll: Cash,
    /// Probability that a relation of each tier turns out wrong: structure, approved.
    pub wrong: [Rate; 2],
    /// What a contract loses when only one leg is filled and sold again.
    pub leg_loss: UnitCost,
}

impl Plan {
    /// Tiers with one base for all: the sweep and the risk gate decide the rest.
    #[cfg(test)]
    pub(super) const fn tiers_of(base: Cash) -> Self {
        Self {
            methods: [MethodName::Tiers; BasketKind::ALL.len()],
            tiers: Tiers { base, structure: Rate::ONE, approved: Rate::ONE },
            kelly: Kelly { part: Rate::from_nano(250_000_000) },
            unit: UnitStake { stake: base },
            flat: Flat { contracts: dutchbook_book::Qty::ONE },
            inverted: InvertedRisk { budget: base },
            bankroll: base,
            wrong: [Rate::ZERO, Rate::ZERO],
            leg_loss: dutchbook_book::fee::UNIT_PAYOUT,
        }
    }

    /// A method by its name.
    #[must_use]
    pub fn method(&self, name: MethodName) -> &dyn Method {
        match name {
            MethodName::Tiers => &self.tiers,
            MethodName::Kelly => &self.kelly,
            MethodName::Unit => &self.unit,
            MethodName::Flat => &self.flat,
            MethodName::InvertedRisk => &self.inverted,
        }
    }

    /// The most cash that a basket may bind: what its method takes, within the cap of its tier.
    /// `payoff` and `edge` are those of one basket.
    #[must_use]
    pub fn capital(
        &self,
        kind: BasketKind,
        source: Source,
        payoff: UnitCost,
        edge: UnitCost,
    ) -> Cash {
        let (tier, wrong) = match source {
            Source::Structure => (Tier::Structure, self.wrong[0]),
            // What is not traded is sized as it would be once approved.
            Source::Approved | Source::Suspended | Source::Nominated => {
                (Tier::Approved, self.wrong[1])
            }
        };
        // Sold sets bind the dollar that they were split from.
        let cost = payoff.saturating_sub(edge).saturating_add(payoff.saturating_neg().max(0));
        if cost <= 0 {
            // More comes in than is bound: there is nothing to size by.
            return self.tiers.cap(tier);
        }
        // What was bought on a wrong claim is lost whole; on structure only a leg can be left alone.
        let loss = match tier {
            Tier::Structure => self.leg_loss.min(cost),
            Tier::Approved => cost,
        };
        let bet = Bet { cost, gain: edge, wrong, loss, tier, bankroll: self.bankroll };
        let at = BasketKind::ALL.iter().position(|known| *known == kind);
        let name = at.and_then(|at| self.methods.get(at)).copied().unwrap_or(MethodName::Tiers);
        let cap = self.tiers.cap(tier);
        match name {
            // The cap itself: nothing is lost to a rounding.
            MethodName::Tiers => cap,
            MethodName::Kelly | MethodName::Unit | MethodName::Flat | MethodName::InvertedRisk => {
                bound(self.method(name).contracts(&bet), cost).min(cap)
            }
        }
    }
}
