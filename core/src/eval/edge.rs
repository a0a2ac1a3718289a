//! Exact edges: what one more basket earns at given prices, what the money costs meanwhile, and
//! what leg risk adds to the hurdle.

use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{Exact, Price, Rate, Side};

use super::basket::RATIO_ONE;
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

    #[test]
    fn carry_rounds_up_and_spares_what_is_received() {
        let carry = Carry { rate: Rate::from_ppm(50_000).unwrap(), hours_micro: 48_000_000 };
        let paid = Exact::from_pico(718_799_620_000_000);
        assert_eq!(carry.on_cash(paid).unwrap().to_string(), "718.99655140274");
        assert_eq!(carry.on(-5), Some(-5));
        assert_eq!(Carry::NONE.on(7), Some(7));
    }

    #[test]
    fn a_conversion_pays_one_less_than_it_takes() {
        let fee = Rate::from_ppm(5_000).unwrap();
        assert_eq!(conversion_payoff(1, fee), Some(0));
        assert_eq!(conversion_payoff(3, fee), Some(199_000_000_000_000));
        assert_eq!(conversion_payoff(0, fee), None);
    }
}
