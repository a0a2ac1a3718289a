//! Kalshi's fee rules: the current one and the two that it superseded (`venues/kalshi.md` 8).

use super::{CENT, CENTICENT, FeeLaw, FeeSchedule, FillRounding, MICRO_DOLLAR, Settlement};
use crate::units::Rate;

/// The series field `fee_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeType {
    /// Takers pay, makers do not.
    Quadratic,
    /// Makers pay a quarter of the taker's rate.
    QuadraticWithMakerFees,
    /// Makers pay half the taker's rate.
    QuadraticWithComboMakerFees,
}

impl FeeType {
    /// The type that the venue's text names; `None` is a reason not to trade.
    #[must_use]
    pub fn from_native(text: &str) -> Option<Self> {
        match text {
            "quadratic" => Some(Self::Quadratic),
            "quadratic_with_maker_fees" => Some(Self::QuadraticWithMakerFees),
            "quadratic_with_combo_maker_fees" => Some(Self::QuadraticWithComboMakerFees),
            _ => None,
        }
    }

    /// The venue's text of the type.
    #[must_use]
    pub const fn native(self) -> &'static str {
        match self {
            Self::Quadratic => "quadratic",
            Self::QuadraticWithMakerFees => "quadratic_with_maker_fees",
            Self::QuadraticWithComboMakerFees => "quadratic_with_combo_maker_fees",
        }
    }

    /// What a taker pays before the series' multiplier.
    pub const TAKER: Rate = Rate::from_nano(70_000_000);

    /// What a maker pays before the series' multiplier.
    #[must_use]
    pub const fn maker(self) -> Rate {
        match self {
            Self::Quadratic => Rate::ZERO,
            Self::QuadraticWithMakerFees => Rate::from_nano(17_500_000),
            Self::QuadraticWithComboMakerFees => Rate::from_nano(35_000_000),
        }
    }
}

/// How an account's balance is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// To 1e-4 $.
    Direct,
    /// To 1e-2 $: accounts behind a broker.
    NonDirect,
}

impl Member {
    /// The grid of the balance in 1e-12 $.
    #[must_use]
    pub const fn grid_pico(self) -> u64 {
        match self {
            Self::Direct => CENTICENT,
            Self::NonDirect => CENT,
        }
    }
}

/// Which published rounding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Trade fee up to 1e-6 $, balance change floored to the member's grid, per-order accumulator.
    Current(Member),
    /// Until about September 2026: trade fee up to 1e-4 $ per fill, whole cents per order gathered
    /// and paid back.
    Centicent(Member),
    /// The same trade fee with the order's whole cost rounded up to a cent: what a gate assumes.
    CenticentOrder,
    /// The same trade fee on an account without cent alignment.
    CenticentPlain,
    /// 2025 and before: the order's fee up to a cent.
    Cent,
}

/// What takers and makers pay: `fee_multiplier` × the type's rates. `None` where a multiplied rate
/// has more than nine decimals, which no published multiplier reaches.
#[must_use]
pub fn rates(fee_type: FeeType, multiplier: Rate) -> Option<[Rate; 2]> {
    Some([times(FeeType::TAKER, multiplier)?, times(fee_type.maker(), multiplier)?])
}

/// The schedule of a series: `fee_multiplier` × the type's rates under a rule. `None` where the
/// multiplied rate has more than nine decimals, which no published multiplier reaches.
#[must_use]
pub fn schedule(fee_type: FeeType, multiplier: Rate, rule: Rule) -> Option<FeeSchedule> {
    let [taker, maker] = rates(fee_type, multiplier)?;
    let law = FeeLaw::Quadratic { taker, maker, exponent: 1 };
    let (unit, settlement) = match rule {
        Rule::Current(member) => {
            (MICRO_DOLLAR, Settlement::Accumulator { grid_pico: member.grid_pico() })
        }
        Rule::Centicent(member) => {
            (CENTICENT, Settlement::Accumulator { grid_pico: member.grid_pico() })
        }
        Rule::CenticentOrder => (CENTICENT, Settlement::OrderCost { grid_pico: CENT }),
        Rule::CenticentPlain => (CENTICENT, Settlement::PerFill),
        Rule::Cent => (0, Settlement::OrderFee { unit_pico: CENT }),
    };
    Some(FeeSchedule::of(law, FillRounding::up(unit)).settled(settlement))
}

/// The product of two rates when it has nine decimals.
fn times(rate: Rate, multiplier: Rate) -> Option<Rate> {
    let product = u64::from(rate.nano()).checked_mul(u64::from(multiplier.nano()))?;
    if !product.is_multiple_of(1_000_000_000) {
        return None;
    }
    u32::try_from(product / 1_000_000_000).ok().map(Rate::from_nano)
}
