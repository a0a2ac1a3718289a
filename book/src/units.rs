//! Money as integers: the unit is in the type, the rounding in the name, and it rounds against us.
//!
//! | type | unit | holds exactly |
//! | --- | --- | --- |
//! | [`Price`] | 1e-6 of a payout | ticks of 0.1 … 0.00001, six-decimal prices, the 0.125 % odds ladder |
//! | [`Qty`] | 1e-6 contract | two-decimal lots, whole contracts, six-decimal fills |
//! | [`Cash`] | 1e-6 $ | the collateral tokens' six decimals, fees of 1e-5 $ and 1e-6 $ |
//! | [`Exact`] | 1e-12 $ | every `Price` × `Qty`, without rounding |
//! | [`Rate`] | 1e-9 | every published fee rate and its discounted forms |
//!
//! What does not fit is refused where it enters (a parser, a catalog entry), never rounded there.
//! Decimal odds (1/d has no finite decimal form) live in [`crate::grid::OddsLadder`].

use core::fmt;

/// Micro-units in one: the common scale of [`Price`], [`Qty`] and [`Cash`].
pub const MICRO: u64 = 1_000_000;
/// A price in 1e-6 of a payout, `0..=1_000_000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Price(u32);

impl Price {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// What a winning contract pays.
    pub const ONE: Self = Self(1_000_000);

    /// Returns the price of `micro` millionths, or `None` above one.
    #[must_use]
    pub const fn from_micro(micro: u32) -> Option<Self> {
        if micro <= Self::ONE.0 { Some(Self(micro)) } else { None }
    }

    /// Returns the price of `pips` ten-thousandths, or `None` above one.
    #[must_use]
    pub const fn from_pips(pips: u32) -> Option<Self> {
        match pips.checked_mul(100) {
            Some(micro) => Self::from_micro(micro),
            None => None,
        }
    }

    /// The price in millionths.
    #[must_use]
    pub const fn micro(self) -> u32 {
        self.0
    }

    /// The price of the complement: one minus this. It never wraps, for a price is at most one.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(Self::ONE.0.saturating_sub(self.0))
    }
}

/// A number of contracts in 1e-6, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Qty(u64);

impl Qty {
    /// No contracts.
    pub const ZERO: Self = Self(0);
    /// One contract.
    pub const ONE: Self = Self(MICRO);
    /// The most that any book, order or position may hold (1e12 contracts): products stay in range.
    pub const MAX: Self = Self(1_000_000_000_000_000_000);

    /// Returns the quantity of `micro` millionths, or `None` above [`Qty::MAX`].
    #[must_use]
    pub const fn from_micro(micro: u64) -> Option<Self> {
        if micro <= Self::MAX.0 { Some(Self(micro)) } else { None }
    }

    /// Returns the quantity of `centi` hundredths, or `None` above [`Qty::MAX`].
    #[must_use]
    pub const fn from_centi(centi: u64) -> Option<Self> {
        match centi.checked_mul(10_000) {
            Some(micro) => Self::from_micro(micro),
            None => None,
        }
    }

    /// Returns `count` whole contracts, or `None` above [`Qty::MAX`].
    #[must_use]
    pub const fn from_contracts(count: u64) -> Option<Self> {
        match count.checked_mul(MICRO) {
            Some(micro) => Self::from_micro(micro),
            None => None,
        }
    }

    /// The quantity in millionths of a contract.
    #[must_use]
    pub const fn micro(self) -> u64 {
        self.0
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` above [`Qty::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micro) => Self::from_micro(micro),
            None => None,
        }
    }

    /// The difference, or `None` below zero.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micro) => Some(Self(micro)),
            None => None,
        }
    }

    /// The sum with a signed change: `None` when a level would become negative or too large.
    #[must_use]
    pub const fn checked_change(self, change: QtyChange) -> Option<Self> {
        match self.0.checked_add_signed(change.0) {
            Some(micro) => Self::from_micro(micro),
            None => None,
        }
    }

    /// The largest multiple of `lot` that is not above this; a zero lot leaves it as it is.
    #[must_use]
    pub const fn floor_to_lot(self, lot: Self) -> Self {
        match self.0.checked_rem(lot.0) {
            Some(rest) => Self(self.0.saturating_sub(rest)),
            None => self,
        }
    }

    /// The smallest multiple of `lot` that is not below this, or `None` above [`Qty::MAX`].
    #[must_use]
    pub const fn ceil_to_lot(self, lot: Self) -> Option<Self> {
        let floor = self.floor_to_lot(lot);
        if floor.0 == self.0 { Some(self) } else { floor.checked_add(lot) }
    }
}

/// A signed change of a quantity in 1e-6 contracts, as additive deltas carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct QtyChange(i64);

impl QtyChange {
    /// Returns the change of `micro` millionths of a contract.
    #[must_use]
    pub const fn from_micro(micro: i64) -> Self {
        Self(micro)
    }

    /// The change in millionths of a contract.
    #[must_use]
    pub const fn micro(self) -> i64 {
        self.0
    }
}

/// A signed amount of money in 1e-6 $.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Cash(i64);

impl Cash {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// One dollar.
    pub const ONE: Self = Self(1_000_000);
    /// The most that fits: a limit that never binds.
    pub const MAX: Self = Self(i64::MAX);

    /// Returns `micro` millionths of a dollar.
    #[must_use]
    pub const fn from_micro(micro: i64) -> Self {
        Self(micro)
    }

    /// The amount in millionths of a dollar.
    #[must_use]
    pub const fn micro(self) -> i64 {
        self.0
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micro) => Some(Self(micro)),
            None => None,
        }
    }

    /// The difference, or `None` when it does not fit.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micro) => Some(Self(micro)),
            None => None,
        }
    }

    /// The same amount as an exact product unit.
    #[must_use]
    pub const fn exact(self) -> Exact {
        // i64::MAX × 1e6 is below 1e25 and fits an i128 by far.
        Exact((self.0 as i128).saturating_mul(1_000_000))
    }
}

/// A signed exact amount in 1e-12 $: the unit in which price × quantity has no rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Exact(i128);

impl Exact {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Returns `pico` units of 1e-12 $.
    #[must_use]
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in 1e-12 $.
    #[must_use]
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// The product of a price and a quantity; exact, and it always fits.
    #[must_use]
    pub fn product(price: Price, qty: Qty) -> Self {
        Self(i128::from(price.0).saturating_mul(i128::from(qty.0)))
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(pico) => Some(Self(pico)),
            None => None,
        }
    }

    /// The difference, or `None` when it does not fit.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(pico) => Some(Self(pico)),
            None => None,
        }
    }

    /// Rounded towards plus infinity to a multiple of `unit` (1e-12 $ units): what we pay.
    #[must_use]
    pub const fn ceil_to(self, unit: i128) -> Option<Self> {
        match self.0.checked_rem_euclid(unit) {
            Some(0) => Some(self),
            Some(rest) => match self.0.checked_add(unit.saturating_sub(rest)) {
                Some(pico) => Some(Self(pico)),
                None => None,
            },
            None => None,
        }
    }

    /// Rounded towards minus infinity to a multiple of `unit` (1e-12 $ units): what we get.
    #[must_use]
    pub const fn floor_to(self, unit: i128) -> Option<Self> {
        match self.0.checked_rem_euclid(unit) {
            Some(rest) => match self.0.checked_sub(rest) {
                Some(pico) => Some(Self(pico)),
                None => None,
            },
            None => None,
        }
    }

    /// Cash that we pay: rounded up to 1e-6 $. `None` when it does not fit.
    #[must_use]
    pub fn cash_ceil(self) -> Option<Cash> {
        let up = self.ceil_to(PICO_PER_MICRO)?;
        i64::try_from(up.0.checked_div(PICO_PER_MICRO)?).ok().map(Cash)
    }

    /// Cash that we get: rounded down to 1e-6 $. `None` when it does not fit.
    #[must_use]
    pub fn cash_floor(self) -> Option<Cash> {
        let down = self.floor_to(PICO_PER_MICRO)?;
        i64::try_from(down.0.checked_div(PICO_PER_MICRO)?).ok().map(Cash)
    }
}

/// 1e-12 $ units in 1e-6 $.
pub const PICO_PER_MICRO: i128 = 1_000_000;
/// A dimensionless rate in 1e-9: fee rates, probabilities, carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Rate(u32);

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything.
    pub const ONE: Self = Self(1_000_000_000);

    /// Returns the rate of `nano` billionths.
    #[must_use]
    pub const fn from_nano(nano: u32) -> Self {
        Self(nano)
    }

    /// Returns the rate of `ppm` millionths, or `None` where it does not fit (above 4.29).
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        match ppm.checked_mul(1_000) {
            Some(nano) => Some(Self(nano)),
            None => None,
        }
    }

    /// The rate in billionths.
    #[must_use]
    pub const fn nano(self) -> u32 {
        self.0
    }
}

/// Writes `value / 10^decimals` without trailing zeros.
fn fmt_scaled(f: &mut fmt::Formatter<'_>, value: i128, decimals: u32) -> fmt::Result {
    let scale = 10_u128.pow(decimals);
    let magnitude = value.unsigned_abs();
    let (whole, mut rest) = (magnitude / scale, magnitude % scale);
    let sign = if value < 0 { "-" } else { "" };
    if rest == 0 {
        return write!(f, "{sign}{whole}");
    }
    let mut width = usize::try_from(decimals).unwrap_or(0);
    while rest % 10 == 0 {
        rest /= 10;
        width = width.saturating_sub(1);
    }
    write!(f, "{sign}{whole}.{rest:0width$}")
}

macro_rules! display_scaled {
    ($($ty:ty => $decimals:expr),* $(,)?) => {$(
        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt_scaled(f, i128::from(self.0), $decimals)
            }
        }
    )*};
}
display_scaled!(Price => 6, Qty => 6, QtyChange => 6, Cash => 6, Exact => 12, Rate => 9);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cash_prints_without_trailing_zeros() {
        assert_eq!(Cash::from_micro(-1_500_000).to_string(), "-1.5");
        assert_eq!(Cash::from_micro(40).to_string(), "0.00004");
        assert_eq!(Price::from_pips(4400).unwrap().to_string(), "0.44");
        assert_eq!(Exact::from_pico(70_309_477_500_000).to_string(), "70.3094775");
    }

    #[test]
    fn rounding_is_against_us() {
        let price = Price::from_micro(333_333).unwrap();
        let qty = Qty::from_micro(1_500_001).unwrap();
        let notional = Exact::product(price, qty);
        let (cost, got) = (notional.cash_ceil().unwrap(), notional.cash_floor().unwrap());
        assert_eq!((cost.micro(), got.micro()), (500_000, 499_999));
        assert_eq!(Exact::from_pico(-1).cash_floor().unwrap().micro(), -1);
        assert_eq!(Exact::from_pico(-1).cash_ceil().unwrap().micro(), 0);
    }

    #[test]
    fn lots_round_down_and_up() {
        let lot = Qty::from_centi(1).unwrap();
        let qty = Qty::from_micro(189_146_286).unwrap();
        assert_eq!(qty.floor_to_lot(lot).to_string(), "189.14");
        assert_eq!(qty.ceil_to_lot(lot).unwrap().to_string(), "189.15");
        assert_eq!(qty.floor_to_lot(Qty::ZERO), qty);
    }

    #[test]
    fn a_level_below_zero_is_refused() {
        let qty = Qty::from_centi(1000).unwrap();
        assert_eq!(qty.checked_change(QtyChange::from_micro(-10_000_001)), None);
        assert_eq!(qty.checked_change(QtyChange::from_micro(-10_000_000)), Some(Qty::ZERO));
    }
}
