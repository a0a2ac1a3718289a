//! Buying what has already happened, below one. Not riskless: the risk is the rule, the oracle and
//! time, so it is gated by preconditions and priced as an expectation, never as a guarantee.

use dutchbook_book::fee::{UNIT_PAYOUT, UnitCost};
use dutchbook_book::{Exact, Nanos, Price, Rate};

use super::edge::Carry;

/// What must hold before a resolved side is bought. All are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precondition {
    /// The source that the rules name has published, finally.
    Published,
    /// The event window has closed, or the rules make an early outcome irrevocable.
    WindowClosed,
    /// Rules text and clarifications match the reading.
    RulesMatch,
    /// No dispute or re-proposal is open.
    NoDispute,
    /// The market still accepts orders and its book has moved since publication.
    AcceptingOrders,
}

impl Precondition {
    /// Every precondition.
    pub const ALL: [Self; 5] = [
        Self::Published,
        Self::WindowClosed,
        Self::RulesMatch,
        Self::NoDispute,
        Self::AcceptingOrders,
    ];

    /// The name as case files print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "outcome_published_by_named_source",
            Self::WindowClosed => "event_window_closed",
            Self::RulesMatch => "rules_text_matches_source",
            Self::NoDispute => "no_open_dispute",
            Self::AcceptingOrders => "market_still_accepting_orders",
        }
    }
}

/// What is known about one precondition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Whether it holds.
    pub holds: bool,
    /// When that was established.
    pub at: Nanos,
    /// Who said so: an index into the caller's list of sources.
    pub source: u32,
}

/// What is known about all of them; nothing is known at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    findings: [Option<Finding>; Precondition::ALL.len()],
}

impl Preconditions {
    /// Enters a finding.
    pub fn set(&mut self, which: Precondition, finding: Finding) {
        if let Some(slot) = self.findings.get_mut(which as usize) {
            *slot = Some(finding);
        }
    }

    /// The first precondition that does not hold, is unknown, or was established more than
    /// `age_max` before `now`.
    #[must_use]
    pub fn unmet(&self, now: Nanos, age_max: Nanos) -> Option<Precondition> {
        Precondition::ALL.into_iter().find(|which| {
            let finding = self.findings.get(*which as usize).copied().flatten();
            !finding.is_some_and(|known| known.holds && now.since(known.at) <= age_max)
        })
    }
}

/// The odds of a resolved side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odds {
    /// Probability of the adverse ruling.
    pub p_adverse: Rate,
    /// What a contract pays then: zero, or a half for a split ruling.
    pub adverse_value: Price,
    /// What the money costs until it is back.
    pub carry: Carry,
}

impl Odds {
    /// (1 − d) + d·v per contract, rounded down. `None` for a probability above one.
    #[must_use]
    pub fn expected_payoff(&self) -> Option<UnitCost> {
        self.payoff_of(i128::from(UNIT_PAYOUT))
    }

    /// What a holding that surely pays `payoff` is worth with the adverse ruling in it.
    #[must_use]
    pub fn payoff_of(&self, payoff: i128) -> Option<UnitCost> {
        UnitCost::try_from(self.expected_share(payoff)?).ok()
    }

    /// What a sum of payoffs is worth under the odds, rounded down, in its own unit. What is owed is
    /// owed in full.
    #[must_use]
    pub fn expected_share(&self, payoff: i128) -> Option<i128> {
        if payoff <= 0 {
            return Some(payoff);
        }
        let one = i128::from(Rate::ONE.nano());
        let adverse = i128::from(self.p_adverse.nano());
        let kept = one.checked_sub(adverse)?;
        if kept < 0 {
            return None;
        }
        let value = payoff
            .checked_mul(i128::from(self.adverse_value.micro()))?
            .div_euclid(i128::from(Price::ONE.micro()));
        let sum = payoff.checked_mul(kept)?.checked_add(value.checked_mul(adverse)?)?;
        Some(sum.div_euclid(one))
    }

    /// What a sure sum is worth under the odds, rounded down.
    #[must_use]
    pub fn expected(&self, payoff: Exact) -> Option<Exact> {
        self.expected_share(payoff.pico()).map(Exact::from_pico)
    }

    /// The expected edge of one contract at all-in cost `cost`, carry charged.
    #[must_use]
    pub fn edge(&self, cost: UnitCost) -> Option<UnitCost> {
        let paid = UnitCost::try_from(self.carry.on(i128::from(cost))?).ok()?;
        self.expected_payoff()?.checked_sub(paid)
    }

    /// The probability of an adverse ruling at which the contract earns nothing:
    /// (1 − c − carry) / (1 − v), rounded down. `None` when it loses even without one, or v is one.
    #[must_use]
    pub fn break_even(&self, cost: UnitCost) -> Option<Rate> {
        let paid = self.carry.on(i128::from(cost))?;
        let gain = i128::from(UNIT_PAYOUT).checked_sub(paid)?;
        let at_stake = i128::from(self.adverse_value.complement().micro());
        if gain < 0 || at_stake == 0 {
            return None;
        }
        // gain is in 1e-14 and at_stake in 1e-6: 1e-8 of a quotient, wanted in 1e-9.
        let nano = gain.checked_mul(10)?.checked_div(at_stake)?;
        u32::try_from(nano).ok().map(Rate::from_nano)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::fee::FeeSchedule;

    fn unit_cost(pips: u32) -> UnitCost {
        let fee = FeeSchedule::polymarket(Rate::from_ppm(50_000).unwrap(), 1);
        fee.unit_cost(Price::from_pips(pips).unwrap())
    }

    #[test]
    fn break_even_of_the_worked_examples() {
        assert_eq!(unit_cost(9800), 98_098_000_000_000);
        let odds = Odds::default();
        assert_eq!(odds.break_even(unit_cost(9800)).unwrap().to_string(), "0.01902");
        let near = odds.break_even(unit_cost(9930)).unwrap();
        assert_eq!(near.to_string(), "0.00665245");
        let split = Odds { adverse_value: Price::from_pips(5000).unwrap(), ..odds };
        assert_eq!(split.break_even(unit_cost(9800)).unwrap().to_string(), "0.03804");
        assert_eq!(odds.break_even(UNIT_PAYOUT + 1), None);
    }

    #[test]
    fn the_edge_is_an_expectation() {
        let odds = Odds { p_adverse: Rate::from_ppm(5_000).unwrap(), ..Odds::default() };
        assert_eq!(odds.edge(unit_cost(9800)), Some(1_402_000_000_000));
        let split = Odds { adverse_value: Price::from_pips(5000).unwrap(), ..odds };
        assert_eq!(split.expected_payoff(), Some(99_750_000_000_000));
    }

    #[test]
    fn money_that_is_bound_costs_and_lowers_the_break_even() {
        let five = Rate::from_ppm(50_000).unwrap();
        let carry = Carry { rate: five, hours_micro: 48_000_000 };
        let odds = Odds { p_adverse: Rate::from_ppm(5_000).unwrap(), carry, ..Odds::default() };
        // 0.98098 x 0.05 x 48 / 8760 is 0.00026876164...: charged rounded up.
        let cost = unit_cost(9800);
        assert_eq!(odds.edge(cost), Some(1_402_000_000_000 - 26_876_164_384));
        assert_eq!(odds.break_even(cost).unwrap().to_string(), "0.018751238");
        // A dispute of six days at one chance in a hundred binds an hour and a half more.
        let longer = Carry { hours_micro: 48_000_000 + 1_440_000, ..carry };
        assert!(Odds { carry: longer, ..odds }.edge(cost) < odds.edge(cost));
    }

    #[test]
    fn selling_the_side_that_lost_is_the_same_bet() {
        let fee = FeeSchedule::polymarket(Rate::from_ppm(50_000).unwrap(), 1);
        let proceeds = fee.unit_proceeds(Price::from_pips(200).unwrap());
        assert_eq!(UNIT_PAYOUT - proceeds, unit_cost(9800));
    }

    #[test]
    fn an_unknown_false_or_old_finding_is_unmet() {
        let mut known = Preconditions::default();
        for which in Precondition::ALL {
            known.set(which, Finding { holds: true, at: Nanos(10), source: 0 });
        }
        assert_eq!(known.unmet(Nanos(12), Nanos(2)), None);
        assert_eq!(known.unmet(Nanos(13), Nanos(2)), Some(Precondition::Published));
        known.set(Precondition::NoDispute, Finding { holds: false, at: Nanos(12), source: 0 });
        assert_eq!(known.unmet(Nanos(12), Nanos(2)), Some(Precondition::NoDispute));
        assert_eq!(
            Preconditions::default().unmet(Nanos(0), Nanos(9)),
            Some(Precondition::Published)
        );
    }
}
