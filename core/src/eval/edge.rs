//! Exact edges: what one more basket earns at given prices, what the money costs meanwhile, and
//! what leg risk adds to the hurdle.

use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{Exact, Price, Rate, Side};

use super::basket::RATIO_ONE;

/// Hours of a year as the carry counts them.
pub const HOURS_PER_YEAR: u64 = 8_760;
/// rate (1e-9) × hours (1e-6) of one whole year at 100 %.
const CARRY_WHOLE: i128 = 8_760_000_000_000_000_000;

/// What one more contract costs us: the unit cost of a buy, less the proceeds of a sale.
#[inline]
#[must_use]
pub fn unit_outlay(schedule: &FeeSchedule, side: Side, price: Price) -> UnitCost {
    match side {
        Side::Buy => schedule.unit_cost(price),
        Side::Sell => schedule.unit_proceeds(price).saturating_neg(),
    }
}

/// An outlay times a ratio, in 1e-20 $: the exact unit in which the legs of a basket add up.
#[inline]
#[must_use]
pub fn scaled_outlay(outlay: UnitCost, ratio_micro: u32) -> i128 {
    i128::from(outlay).saturating_mul(i128::from(ratio_micro))
}

/// Payoff less outlay of one basket in 1e-20 $, with the outlay already a sum of
/// [`scaled_outlay`]s and the carry charged on it.
#[inline]
#[must_use]
pub fn scaled_edge(payoff: UnitCost, outlay: i128, carry: Carry) -> Option<i128> {
    let payoff = i128::from(payoff).checked_mul(i128::from(RATIO_ONE))?;
    payoff.checked_sub(carry.on(outlay)?)
}

/// What tied-up money costs: `rate` a year for `hours_micro` millionths of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// Per year.
    pub rate: Rate,
    /// Until the cash is back, in 1e-6 hours.
    pub hours_micro: u64,
}

impl Carry {
    /// Money costs nothing.
    pub const NONE: Self = Self { rate: Rate::ZERO, hours_micro: 0 };

    /// An outlay with its carry, rounded up; what is received carries nothing.
    #[must_use]
    pub fn on(self, outlay: i128) -> Option<i128> {
        let weight = i128::from(self.rate.nano()).checked_mul(i128::from(self.hours_micro))?;
        if outlay <= 0 || weight == 0 {
            return Some(outlay);
        }
        let whole = outlay.checked_div(CARRY_WHOLE)?.checked_mul(weight)?;
        let rest = outlay.checked_rem(CARRY_WHOLE)?.checked_mul(weight)?;
        let part = rest.checked_add(CARRY_WHOLE - 1)?.checked_div(CARRY_WHOLE)?;
        outlay.checked_add(whole)?.checked_add(part)
    }

    /// Cash paid with its carry, rounded up to 1e-12 $.
    #[must_use]
    pub fn on_cash(self, paid: Exact) -> Option<Exact> {
        self.on(paid.pico()).map(Exact::from_pico)
    }
}

/// net / cost · 8760 / hours, rounded down: what the trade earns a year. `None` for a cost or a
/// span of zero, or when it does not fit.
#[must_use]
pub fn annualised(net: Exact, cost: Exact, hours_micro: u64) -> Option<Rate> {
    let year = i128::from(HOURS_PER_YEAR).checked_mul(1_000_000)?.checked_mul(1_000_000_000)?;
    let span = cost.pico().checked_mul(i128::from(hours_micro))?;
    if span <= 0 || net.pico() < 0 {
        return None;
    }
    let nano = net.pico().checked_mul(year)?.checked_div(span)?;
    u32::try_from(nano).ok().map(Rate::from_nano)
}

/// One leg's share of the risk of being left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegRisk {
    /// Probability that this leg fills and the others do not.
    pub alone: Rate,
    /// Expected loss per contract when that happens.
    pub loss: UnitCost,
}

/// What leg risk adds to the minimal edge: Σ πₖ·Lₖ / P(all fill), rounded up. `None` when the legs
/// never all fill, or it does not fit.
#[must_use]
pub fn leg_risk_hurdle(risks: &[LegRisk], all_fill: Rate) -> Option<UnitCost> {
    let mut sum = 0_i128;
    for risk in risks {
        let part = i128::from(risk.alone.nano()).checked_mul(i128::from(risk.loss))?;
        sum = sum.checked_add(part)?;
    }
    let all = i128::from(all_fill.nano());
    if all == 0 || sum < 0 {
        return None;
    }
    UnitCost::try_from(sum.checked_add(all - 1)?.checked_div(all)?).ok()
}

/// What a neg-risk conversion of NO on `bought` outcomes pays at once: (m − 1)(1 − f), rounded
/// down. `None` when nothing is bought or the fee exceeds one.
#[must_use]
pub fn conversion_payoff(bought: u32, fee: Rate) -> Option<UnitCost> {
    let kept = i64::from(Rate::ONE.nano().checked_sub(fee.nano())?);
    let sets = i64::from(bought.checked_sub(1)?);
    // UNIT_PAYOUT is 1e5 × 1e9: the product is exact.
    sets.checked_mul(kept)?.checked_mul(UNIT_PAYOUT / i64::from(Rate::ONE.nano()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::fee::UNIT_PER_MICRO;

    #[test]
    fn leg_risk_of_the_worked_example() {
        let risk = |micro: i64| LegRisk {
            alone: Rate::from_ppm(100_000).unwrap(),
            loss: micro * UNIT_PER_MICRO,
        };
        let hurdle =
            leg_risk_hurdle(&[risk(30_000), risk(20_000)], Rate::from_ppm(800_000).unwrap());
        assert_eq!(hurdle, Some(6_250 * UNIT_PER_MICRO));
        assert_eq!(leg_risk_hurdle(&[risk(1)], Rate::ZERO), None);
    }

    #[test]
    fn carry_rounds_up_and_spares_what_is_received() {
        let carry = Carry { rate: Rate::from_ppm(50_000).unwrap(), hours_micro: 48_000_000 };
        let paid = Exact::from_pico(718_799_620_000_000);
        assert_eq!(carry.on_cash(paid).unwrap().to_string(), "718.99655140274");
        assert_eq!(carry.on(-5), Some(-5));
        assert_eq!(Carry::NONE.on(7), Some(7));
        let year = annualised(Exact::from_pico(2), Exact::from_pico(98), 8_760_000_000);
        assert_eq!(year.unwrap().nano(), 20_408_163);
    }

    #[test]
    fn a_conversion_pays_one_less_than_it_takes() {
        let fee = Rate::from_ppm(5_000).unwrap();
        assert_eq!(conversion_payoff(1, fee), Some(0));
        assert_eq!(conversion_payoff(3, fee), Some(199_000_000_000_000));
        assert_eq!(conversion_payoff(0, fee), None);
    }
}
