//! Fractional Kelly, fees in: the share of the bankroll that grows it fastest, and then a part of
//! it. Shares are in 1e-9; every division rounds towards betting less.

use super::{Bet, Method, ONE, bought, share_of};
use dutchbook_book::Qty;
use dutchbook_book::Rate;
use dutchbook_book::fee::UnitCost;

/// One as a share.
const WHOLE: i128 = Rate::ONE.nano() as i128;

/// A part of the Kelly share; more than a quarter is reckless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kelly {
    /// The part that is taken.
    pub part: Rate,
}

/// f* = (p − c) / (1 − c) of a binary contract that pays one with probability `p` and costs `c`,
/// fees in; never below zero.
#[must_use]
pub fn binary(p: Rate, cost: UnitCost) -> i128 {
    let cost = i128::from(cost);
    if cost <= 0 || cost >= ONE {
        return 0;
    }
    // 1e-9 of probability is 1e5 of 1e-14 $.
    let edge = i128::from(p.nano()) * (ONE / WHOLE) - cost;
    (edge * WHOLE / (ONE - cost)).max(0)
}

/// f* = (1 − φ)/l − φ/g of an arbitrage that fails with probability φ, gains the share g of its
/// stake and loses the share l of it otherwise; below zero it is no bet.
#[must_use]
pub fn arbitrage(wrong: Rate, gain: i128, loss: i128) -> i128 {
    if gain <= 0 || loss <= 0 {
        return 0;
    }
    let wrong = i128::from(wrong.nano());
    let won = (WHOLE - wrong) * WHOLE / loss;
    let lost = (wrong * WHOLE + gain - 1) / gain;
    won - lost
}

/// The stakes on several exclusive outcomes, as shares of the bankroll in the order given: outcomes
/// are added by falling p/c while p/c > R, R = (1 − Σp)/(1 − Σc), and get p − c·R.
#[must_use]
pub fn exclusive(outcomes: &[(Rate, UnitCost)]) -> Vec<i128> {
    let p = |at: usize| outcomes.get(at).map_or(0, |(p, _)| i128::from(p.nano()));
    // Costs as shares: 1e-9, rounded up against the bet.
    let cost = |at: usize| {
        outcomes
            .get(at)
            .map_or(WHOLE, |(_, c)| (i128::from(*c) + 99_999).div_euclid(100_000).max(1))
    };
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by_key(|&at| (core::cmp::Reverse(p(at) * WHOLE / cost(at)), at));
    let (mut left_p, mut left_c) = (WHOLE, WHOLE);
    let mut chosen = 0;
    for &at in &order {
        // p/c > left_p/left_c, and something must be left to the outcomes that are not bought.
        if p(at) * left_c <= left_p * cost(at) || left_c <= cost(at) {
            break;
        }
        left_p = (left_p - p(at)).max(0);
        left_c -= cost(at);
        chosen += 1;
    }
    let mut stakes = vec![0; outcomes.len()];
    for &at in order.iter().take(chosen) {
        if let Some(stake) = stakes.get_mut(at) {
            *stake = (p(at) - (cost(at) * left_p + left_c - 1) / left_c).max(0);
        }
    }
    stakes
}

impl Method for Kelly {
    /// The bet as an arbitrage that may go wrong.
    fn contracts(&self, bet: &Bet) -> Qty {
        let cost = i128::from(bet.cost);
        if cost <= 0 {
            return Qty::ZERO;
        }
        let gain = i128::from(bet.gain) * WHOLE / cost;
        let loss = (i128::from(bet.loss) * WHOLE + cost - 1) / cost;
        let best = arbitrage(bet.wrong, gain, loss).clamp(0, WHOLE);
        let stake = share_of(bet.bankroll, best * i128::from(self.part.nano()) / WHOLE);
        bought(stake, bet.cost)
    }
}
