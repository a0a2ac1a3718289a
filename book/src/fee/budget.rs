//! What a buy may spend when the fee comes on top: Polymarket's fee-aware budget.

use super::RawFee;
use crate::units::{Cash, Price, Rate};

/// An amount of money as an exact fraction of two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Micro-dollars times [`Budget::denominator`].
    pub numerator: u128,
    /// Never zero.
    pub denominator: u128,
}

impl Budget {
    /// The amount rounded down to a multiple of `unit_micro` × 1e-6 $.
    #[must_use]
    pub fn floor_to(self, unit_micro: u64) -> Option<Cash> {
        let unit = u128::from(unit_micro);
        let count = self.numerator.checked_div(self.denominator.checked_mul(unit)?)?;
        i64::try_from(count.checked_mul(unit)?).ok().map(Cash::from_micro)
    }
}

/// The amount to spend on contracts so that amount, taker fee and builder fee stay within
/// `spend_max`: `amount` itself when it fits, else spend_max / (1 + fee/price + builder).
/// `None` for negative money, a price of zero, or numbers that do not fit.
#[must_use]
pub fn buy_budget(
    amount: Cash,
    price: Price,
    spend_max: Cash,
    (rate, exponent): (Rate, u8),
    builder: Rate,
) -> Option<Budget> {
    // All over price × 10^k: whole = price, total = price·(1 + builder) + rate·(p(1−p))^e.
    let whole = RawFee::of_price(price);
    let fee = RawFee::quadratic(rate, exponent, price, crate::units::Qty::ONE)?;
    let total = whole.plus(whole.times(RawFee::of_rate(builder))?)?.plus(fee)?;
    let decimals = whole.decimals().max(total.decimals());
    let scaled = |value: RawFee| {
        value.digits().checked_mul(10_u128.checked_pow(decimals.checked_sub(value.decimals())?)?)
    };
    let (whole, total) = (scaled(whole)?, scaled(total)?);
    if whole == 0 {
        return None;
    }
    let amount = u128::try_from(amount.micro()).ok()?;
    let spend_max = u128::try_from(spend_max.micro()).ok()?;
    if amount.checked_mul(total)? < spend_max.checked_mul(whole)? {
        return Some(Budget { numerator: amount, denominator: 1 });
    }
    Some(Budget { numerator: spend_max.checked_mul(whole)?, denominator: total })
}
