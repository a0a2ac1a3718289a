//! A fee before rounding, as an exact decimal.

use core::fmt;

use super::{FillRounding, UnitCost};
use crate::units::{Exact, Price, Qty, Rate};

/// Which neighbour a value between two multiples becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// The higher: what a gate must assume.
    #[default]
    Up,
    /// The lower.
    Down,
    /// The nearer, the higher when both are as near.
    HalfUp,
}

/// An exact non-negative decimal: `digits / 10^decimals`, without trailing zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawFee {
    digits: u128,
    decimals: u32,
}

impl RawFee {
    /// Nothing.
    pub const ZERO: Self = Self { digits: 0, decimals: 0 };

    /// Returns `digits / 10^decimals`.
    #[must_use]
    pub const fn new(digits: u128, decimals: u32) -> Self {
        let (mut digits, mut decimals) = (digits, decimals);
        while decimals > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            decimals -= 1;
        }
        Self { digits, decimals }
    }

    /// The digits of the value.
    #[must_use]
    pub const fn digits(self) -> u128 {
        self.digits
    }

    /// How many of the digits stand behind the point.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        self.decimals
    }

    /// The product; trailing zeros are shed first, so that it fits wherever its digits do.
    #[must_use]
    pub const fn times(self, other: Self) -> Option<Self> {
        match self.digits.checked_mul(other.digits) {
            Some(digits) => Some(Self::new(digits, self.decimals.saturating_add(other.decimals))),
            None => None,
        }
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let decimals = self.decimals.max(other.decimals);
        let a = self.digits_at(decimals)?;
        Some(Self::new(a.checked_add(other.digits_at(decimals)?)?, decimals))
    }

    /// The value as a multiple of 10^-decimals; `decimals` must not be below its own.
    fn digits_at(self, decimals: u32) -> Option<u128> {
        let shift = decimals.checked_sub(self.decimals)?;
        self.digits.checked_mul(10_u128.checked_pow(shift)?)
    }

    /// rate · qty · price.
    #[must_use]
    pub fn linear(rate: Rate, price: Price, qty: Qty) -> Option<Self> {
        Self::of_rate(rate).times(Self::of_price(price))?.times(Self::of_qty(qty))
    }

    /// rate · qty · (price · (1 − price))^exponent.
    #[must_use]
    pub fn quadratic(rate: Rate, exponent: u8, price: Price, qty: Qty) -> Option<Self> {
        let weight = Self::of_price(price).times(Self::of_price(price.complement()))?;
        let mut value = Self::of_rate(rate).times(Self::of_qty(qty))?;
        for _ in 0..exponent {
            value = value.times(weight)?;
        }
        Some(value)
    }

    /// A rate as a decimal.
    #[must_use]
    pub const fn of_rate(rate: Rate) -> Self {
        Self::new(rate.nano() as u128, 9)
    }

    /// A price as a decimal.
    #[must_use]
    pub const fn of_price(price: Price) -> Self {
        Self::new(price.micro() as u128, 6)
    }

    /// A quantity as a decimal.
    #[must_use]
    pub const fn of_qty(qty: Qty) -> Self {
        Self::new(qty.micro() as u128, 6)
    }

    /// The value as a multiple of `unit_pico` × 1e-12 (zero: of 1e-12), in the named direction.
    #[must_use]
    pub fn round_to(self, unit_pico: u64, direction: Rounding) -> Option<Exact> {
        let unit = u128::from(unit_pico.max(1));
        // value = digits / 10^decimals; in units: digits × 10^12 / (10^decimals × unit).
        let (numerator, denominator) = match self.decimals.checked_sub(12) {
            Some(below) => (self.digits, 10_u128.checked_pow(below)?.checked_mul(unit)?),
            None => (self.digits_at(12)?, unit),
        };
        let units = match direction {
            Rounding::Up => numerator.div_ceil(denominator),
            Rounding::Down => numerator.checked_div(denominator)?,
            Rounding::HalfUp => {
                let low = numerator.checked_div(denominator)?;
                let rest = numerator.checked_rem(denominator)?;
                let up = rest >= denominator.saturating_sub(rest);
                low.checked_add(u128::from(up && rest > 0))?
            }
        };
        i128::try_from(units.checked_mul(unit)?).ok().map(Exact::from_pico)
    }

    /// What one match charges of the value.
    #[must_use]
    pub fn round(self, rounding: &FillRounding) -> Option<Exact> {
        if rounding.waive_below_unit {
            let low = self.round_to(rounding.unit_pico, Rounding::Down)?;
            if low == Exact::ZERO {
                return Some(Exact::ZERO);
            }
        }
        self.round_to(rounding.unit_pico, rounding.direction)
    }

    /// The value rounded up to 1e-14 $.
    #[must_use]
    pub fn unit_ceil(self) -> Option<UnitCost> {
        let units = match self.decimals.checked_sub(14) {
            Some(below) => self.digits.div_ceil(10_u128.checked_pow(below)?),
            None => self.digits_at(14)?,
        };
        UnitCost::try_from(units).ok()
    }
}

impl fmt::Display for RawFee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::try_from(self.decimals).unwrap_or(0);
        if width == 0 {
            return write!(f, "{}", self.digits);
        }
        let text = format!("{:0>w$}", self.digits, w = width.saturating_add(1));
        let (whole, rest) = text.split_at(text.len().saturating_sub(width));
        write!(f, "{whole}.{rest}")
    }
}
