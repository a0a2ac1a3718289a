//! How much of an opportunity to take before the caps: one small trait, one file per method.
//!
//! A method sees one [`Bet`] and says how many contracts, or baskets, it would take. It knows no
//! books: the sweep takes what is there up to the cash that this allows, and the risk gate's caps
//! come last, so that the smallest of all wins. Whatever the method, the cap of the relation's tier
//! holds. Adding a method is a file with a [`Method`] and a name in [`Plan::method`].

mod flat;
mod inverted;
pub mod kelly;
pub mod plan;
mod tiers;
mod unit;

pub use flat::Flat;
pub use inverted::InvertedRisk;
pub use kelly::Kelly;
pub use plan::{MethodName, Plan};
pub use tiers::{Tier, Tiers};
pub use unit::UnitStake;

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{Cash, Qty, Rate};

/// 1e-14 $ × 1e-6 contracts in 1e-6 $.
const UNIT_MICRO_PER_CASH: i128 = 100_000_000_000_000;

/// One opportunity as a bet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bet {
    /// What one contract or basket binds, fees in, in 1e-14 $.
    pub cost: UnitCost,
    /// What it earns when all goes as claimed, in 1e-14 $.
    pub gain: UnitCost,
    /// Probability that it does not: the rules differ, a leg is stuck, a ruling is overturned.
    pub wrong: Rate,
    /// What one contract loses then, in 1e-14 $.
    pub loss: UnitCost,
    /// How far its relation is trusted.
    pub tier: Tier,
    /// The money that is there.
    pub bankroll: Cash,
}

/// A way to size.
pub trait Method: core::fmt::Debug {
    /// How many contracts to take; zero where the bet is none.
    fn contracts(&self, bet: &Bet) -> Qty;
}

/// Contracts that an amount buys at a unit cost, rounded down.
fn bought(amount: Cash, cost: UnitCost) -> Qty {
    let per = i128::from(cost);
    if per <= 0 || amount <= Cash::ZERO {
        return Qty::ZERO;
    }
    let micro = i128::from(amount.micro()).saturating_mul(UNIT_MICRO_PER_CASH) / per;
    u64::try_from(micro).ok().and_then(Qty::from_micro).unwrap_or(Qty::MAX)
}

/// What contracts cost, rounded down: the cash that a sweep may bind.
fn bound(contracts: Qty, cost: UnitCost) -> Cash {
    let units = i128::from(contracts.micro()).saturating_mul(i128::from(cost.max(0)));
    i64::try_from(units / UNIT_MICRO_PER_CASH).map_or(Cash::MAX, Cash::from_micro)
}

/// A share of an amount, rounded down; a share below zero is nothing.
fn share_of(amount: Cash, share_nano: i128) -> Cash {
    let one = i128::from(Rate::ONE.nano());
    let micro = i128::from(amount.micro()).saturating_mul(share_nano.clamp(0, one)) / one;
    i64::try_from(micro).map_or(Cash::ZERO, Cash::from_micro)
}

/// One as a payoff, for shares of it.
const ONE: i128 = 100_000_000_000_000;

#[cfg(test)]
mod tests;
