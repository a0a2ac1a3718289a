//! Fee schedules as data with exact functions. Nothing here knows a market: its listing says which
//! schedule holds, and the feed changes it when the venue does.
//!
//! A fee has three parts that venues mix freely: the [`FeeLaw`] (the formula), the [`FillRounding`]
//! (what one match charges of it) and the [`Settlement`] (what the order as a whole does with the
//! rounding). Two readings are offered:
//!
//! * **per contract, unrounded**: [`FeeSchedule::unit_cost`] and [`FeeSchedule::unit_proceeds`], the
//!   numbers that the evaluator adds up, in 1e-14 $ and rounded against us at that digit;
//! * **per order, exact**: [`FeeSchedule::order`], to the last rounding of the venue.
//!
//! A commission on winnings depends on the outcome: its unit cost takes the outcome that pays, the
//! order form charges nothing at the fill, and [`FeeSchedule::commission`] gives what settlement takes.

pub mod budget;
pub mod hyperliquid;
pub mod kalshi;
pub mod order;
pub mod raw;

pub use order::{FillFee, OrderFees, OrderTotal, Role};
pub use raw::{RawFee, Rounding};

use core::fmt;

use crate::depth::Side;
use crate::units::{Cash, Exact, Price, Qty, Rate};

/// Money per contract in 1e-14 $: what a running sum adds. A payout of one dollar is
/// [`UNIT_PAYOUT`].
pub type UnitCost = i64;

/// One dollar of payoff in [`UnitCost`] units.
pub const UNIT_PAYOUT: UnitCost = 100_000_000_000_000;
/// One millionth of a dollar in [`UnitCost`] units.
pub const UNIT_PER_MICRO: UnitCost = 100_000_000;
/// [`UnitCost`] units of 1e-21 $, the exact unit of rate × price × (1 − price).
const QUAD_PER_UNIT: u64 = 10_000_000;

/// The formula of a fee on `q` contracts at price `p`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeeLaw {
    /// Nothing.
    #[default]
    None,
    /// rate · q · (p(1−p))^exponent.
    Quadratic {
        /// What a taker pays.
        taker: Rate,
        /// What a maker pays.
        maker: Rate,
        /// One everywhere so far.
        exponent: u8,
    },
    /// rate · q · p.
    Proportional {
        /// What a taker pays.
        taker: Rate,
        /// What a maker pays.
        maker: Rate,
    },
    /// rate · q · min(p, 1−p): the first Polymarket schedule and some that copied it.
    Lesser {
        /// What a taker pays.
        taker: Rate,
        /// What a maker pays.
        maker: Rate,
    },
    /// rate · q · p on sells, nothing on buys.
    SellNotional {
        /// What a taker pays.
        taker: Rate,
        /// What a maker pays.
        maker: Rate,
    },
    /// rate of the profit, at settlement, of what wins.
    Winnings {
        /// The commission.
        rate: Rate,
    },
    /// A fixed amount per order: gas, relayer.
    Fixed {
        /// The amount.
        per_order: Cash,
    },
}

/// The taker's formula for a person: `q` contracts at price `p`.
impl fmt::Display for FeeLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no fee"),
            Self::Quadratic { taker, exponent: 1, .. } => write!(f, "fee {taker} q p(1-p)"),
            Self::Quadratic { taker, exponent, .. } => {
                write!(f, "fee {taker} q (p(1-p))^{exponent}")
            }
            Self::Proportional { taker, .. } => write!(f, "fee {taker} q p"),
            Self::Lesser { taker, .. } => write!(f, "fee {taker} q min(p, 1-p)"),
            Self::SellNotional { taker, .. } => write!(f, "fee {taker} q p of a sale"),
            Self::Winnings { rate } => write!(f, "fee {rate} of the profit of what wins"),
            Self::Fixed { per_order } => write!(f, "fee {per_order} an order"),
        }
    }
}

/// What one match charges of the formula: a multiple of `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillRounding {
    /// The multiple in 1e-12 $; zero charges the exact product.
    pub unit_pico: u64,
    /// The direction.
    pub direction: Rounding,
    /// Whether a formula value below one unit is not charged at all.
    pub waive_below_unit: bool,
}

impl FillRounding {
    /// The exact product, to 1e-12 $ against us.
    pub const EXACT: Self = Self { unit_pico: 0, direction: Rounding::Up, waive_below_unit: false };

    /// Rounded up to `unit_pico`.
    #[must_use]
    pub const fn up(unit_pico: u64) -> Self {
        Self { unit_pico, direction: Rounding::Up, waive_below_unit: false }
    }
}

/// 1e-6 $ in 1e-12 $.
pub const MICRO_DOLLAR: u64 = 1_000_000;
/// 1e-5 $ in 1e-12 $.
pub const TEN_MICRO_DOLLAR: u64 = 10_000_000;
/// 1e-4 $ in 1e-12 $.
pub const CENTICENT: u64 = 100_000_000;
/// 1e-2 $ in 1e-12 $.
pub const CENT: u64 = 10_000_000_000;

/// What the order as a whole does with its rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settlement {
    /// Nothing: the fills' fees add up.
    #[default]
    PerFill,
    /// Each fill's balance change is floored to a grid; what that takes is gathered per order and
    /// paid back in whole grid units.
    Accumulator {
        /// The account's grid in 1e-12 $.
        grid_pico: u64,
    },
    /// The order's whole cost is rounded up to a grid (proceeds: down).
    OrderCost {
        /// The grid in 1e-12 $.
        grid_pico: u64,
    },
    /// The order's whole fee is rounded up to a unit.
    OrderFee {
        /// The unit in 1e-12 $.
        unit_pico: u64,
    },
}

/// What the venue takes the fee of a buy from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collect {
    /// Cash: on top of a buy, out of the proceeds of a sell.
    #[default]
    Cash,
    /// A buy delivers fewer contracts; a sell pays from the proceeds.
    Contracts,
}

/// What an order pays, as data. The default charges nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeSchedule {
    /// The formula.
    pub law: FeeLaw,
    /// What one match charges of it.
    pub rounding: FillRounding,
    /// What the order does with the rounding.
    pub settlement: Settlement,
    /// What the fee of a buy is taken from.
    pub collect: Collect,
}

impl Default for FeeSchedule {
    fn default() -> Self {
        Self::NONE
    }
}

impl FeeSchedule {
    /// No fee.
    pub const NONE: Self = Self::of(FeeLaw::None, FillRounding::EXACT);

    /// A law with a rounding, paid in cash, fill by fill.
    #[must_use]
    pub const fn of(law: FeeLaw, rounding: FillRounding) -> Self {
        Self { law, rounding, settlement: Settlement::PerFill, collect: Collect::Cash }
    }

    /// The same schedule with other rates of a quadratic law; `None` where the law is another one.
    #[must_use]
    pub const fn with_rates(self, [taker, maker]: [Rate; 2]) -> Option<Self> {
        match self.law {
            FeeLaw::Quadratic { exponent, .. } => {
                let law = FeeLaw::Quadratic { taker, maker, exponent };
                Some(Self { law, ..self })
            }
            FeeLaw::None
            | FeeLaw::Proportional { .. }
            | FeeLaw::Lesser { .. }
            | FeeLaw::SellNotional { .. }
            | FeeLaw::Winnings { .. }
            | FeeLaw::Fixed { .. } => None,
        }
    }

    /// What takers and makers pay under a quadratic law, nothing included; `None` under another.
    #[must_use]
    pub const fn rates(&self) -> Option<[Rate; 2]> {
        match self.law {
            FeeLaw::Quadratic { taker, maker, .. } => Some([taker, maker]),
            FeeLaw::None => Some([Rate::ZERO; 2]),
            FeeLaw::Proportional { .. }
            | FeeLaw::Lesser { .. }
            | FeeLaw::SellNotional { .. }
            | FeeLaw::Winnings { .. }
            | FeeLaw::Fixed { .. } => None,
        }
    }

    /// Polymarket's taker fee as the gate must see it: rounded up to 1e-5 $ per match.
    #[must_use]
    pub const fn polymarket(rate: Rate, exponent: u8) -> Self {
        Self::polymarket_rounded(rate, exponent, Rounding::Up)
    }

    /// Polymarket's taker fee with a named rounding: the venue does not document its direction.
    #[must_use]
    pub const fn polymarket_rounded(rate: Rate, exponent: u8, direction: Rounding) -> Self {
        Self::of(
            FeeLaw::Quadratic { taker: rate, maker: Rate::ZERO, exponent },
            FillRounding { unit_pico: TEN_MICRO_DOLLAR, direction, waive_below_unit: false },
        )
    }

    /// A quadratic fee, exponent one, rounded up to `unit_pico` per match.
    #[must_use]
    pub const fn quadratic(taker: Rate, unit_pico: u64) -> Self {
        let law = FeeLaw::Quadratic { taker, maker: Rate::ZERO, exponent: 1 };
        Self::of(law, FillRounding::up(unit_pico))
    }

    /// A share of the notional, rounded up to `unit_pico` per match.
    #[must_use]
    pub const fn proportional(taker: Rate, unit_pico: u64) -> Self {
        Self::of(FeeLaw::Proportional { taker, maker: Rate::ZERO }, FillRounding::up(unit_pico))
    }

    /// A share of the notional of sells, to the exact product; buys are free.
    #[must_use]
    pub const fn sell_notional(taker: Rate, maker: Rate) -> Self {
        Self::of(FeeLaw::SellNotional { taker, maker }, FillRounding::EXACT)
    }

    /// A commission on what wins, taken at settlement.
    #[must_use]
    pub const fn winnings(rate: Rate) -> Self {
        Self::of(FeeLaw::Winnings { rate }, FillRounding::EXACT)
    }

    /// A fixed amount per order that fills.
    #[must_use]
    pub const fn fixed(per_order: Cash) -> Self {
        Self::of(FeeLaw::Fixed { per_order }, FillRounding::EXACT)
    }

    /// The same schedule, taken from the contracts that a buy delivers.
    #[must_use]
    pub const fn in_contracts(mut self) -> Self {
        self.collect = Collect::Contracts;
        self
    }

    /// The same schedule with another settlement.
    #[must_use]
    pub const fn settled(mut self, settlement: Settlement) -> Self {
        self.settlement = settlement;
        self
    }

    /// The formula's value on `qty` contracts at `price`, without rounding; `None` when it does not
    /// fit. Fixed amounts and commissions are not charged per fill and give zero.
    #[must_use]
    pub fn raw(&self, role: Role, side: Side, price: Price, qty: Qty) -> Option<RawFee> {
        let pick = |taker: Rate, maker: Rate| match role {
            Role::Taker => taker,
            Role::Maker => maker,
        };
        match self.law {
            FeeLaw::None | FeeLaw::Winnings { .. } | FeeLaw::Fixed { .. } => Some(RawFee::ZERO),
            FeeLaw::Quadratic { taker, maker, exponent } => {
                RawFee::quadratic(pick(taker, maker), exponent, price, qty)
            }
            FeeLaw::Proportional { taker, maker } => RawFee::linear(pick(taker, maker), price, qty),
            FeeLaw::Lesser { taker, maker } => {
                RawFee::linear(pick(taker, maker), price.min(price.complement()), qty)
            }
            FeeLaw::SellNotional { taker, maker } => match side {
                Side::Buy => Some(RawFee::ZERO),
                Side::Sell => RawFee::linear(pick(taker, maker), price, qty),
            },
        }
    }

    /// What one more contract bought at `price` costs a taker, fee unrounded; rounded up.
    /// [`UnitCost::MAX`] where a fee in contracts would take everything.
    #[inline]
    #[must_use]
    pub fn unit_cost(&self, price: Price) -> UnitCost {
        match self.collect {
            Collect::Cash => self.unit_price(price).saturating_add(self.unit_fee(Side::Buy, price)),
            Collect::Contracts => self.unit_cost_in_contracts(price),
        }
    }

    /// What one more contract sold at `price` brings a taker, fee unrounded; rounded down.
    #[inline]
    #[must_use]
    pub fn unit_proceeds(&self, price: Price) -> UnitCost {
        self.unit_price(price).saturating_sub(self.unit_fee(Side::Sell, price))
    }

    /// The price in unit-cost units; it always fits.
    #[inline]
    fn unit_price(&self, price: Price) -> UnitCost {
        i64::from(price.micro()).saturating_mul(UNIT_PER_MICRO)
    }

    /// The taker's fee on one contract, rounded up to 1e-14 $.
    #[inline]
    #[must_use]
    pub fn unit_fee(&self, side: Side, price: Price) -> UnitCost {
        let p = u64::from(price.micro());
        let up = u64::from(price.complement().micro());
        match self.law {
            FeeLaw::None | FeeLaw::Fixed { .. } => 0,
            FeeLaw::Quadratic { taker, exponent: 1, .. } => {
                unit_product(taker, p.saturating_mul(up))
            }
            FeeLaw::Quadratic { taker, exponent, .. } => {
                RawFee::quadratic(taker, exponent, price, Qty::ONE)
                    .and_then(|raw| raw.unit_ceil())
                    .unwrap_or(UnitCost::MAX)
            }
            FeeLaw::Proportional { taker, .. } => unit_share(taker, p),
            FeeLaw::Lesser { taker, .. } => unit_share(taker, p.min(up)),
            FeeLaw::SellNotional { taker, .. } => match side {
                Side::Buy => 0,
                Side::Sell => unit_share(taker, p),
            },
            // A win of a buy gains 1 − p; what is sold short gains p when it loses.
            FeeLaw::Winnings { rate } => match side {
                Side::Buy => unit_share(rate, up),
                Side::Sell => unit_share(rate, p),
            },
        }
    }

    /// p / (1 − fee share), rounded up.
    fn unit_cost_in_contracts(&self, price: Price) -> UnitCost {
        let Some((kept, whole)) = self.delivered_share(price) else { return UnitCost::MAX };
        let unit = u128::from(price.micro()).checked_mul(100_000_000);
        unit.and_then(|unit| unit.checked_mul(whole))
            .and_then(|product| if kept == 0 { None } else { Some(product.div_ceil(kept)) })
            .and_then(|cost| UnitCost::try_from(cost).ok())
            .unwrap_or(UnitCost::MAX)
    }

    /// Which share of the contracts bought at `price` is delivered, as (kept, whole): everything
    /// where fees are paid in cash. `None` where the fee would take everything.
    #[must_use]
    pub fn delivered_share(&self, price: Price) -> Option<(u128, u128)> {
        if self.collect == Collect::Cash {
            return Some((1, 1));
        }
        let whole = 1_000_000_000_000_000_u128;
        let up = u128::from(price.complement().micro());
        let lost = match self.law {
            FeeLaw::None
            | FeeLaw::Winnings { .. }
            | FeeLaw::Fixed { .. }
            | FeeLaw::SellNotional { .. } => 0,
            FeeLaw::Proportional { taker, .. } => {
                u128::from(taker.nano()).checked_mul(1_000_000)?
            }
            FeeLaw::Quadratic { taker, exponent: 1, .. } => {
                u128::from(taker.nano()).checked_mul(up)?
            }
            FeeLaw::Quadratic { .. } | FeeLaw::Lesser { .. } => {
                let fee = u128::try_from(self.unit_fee(Side::Buy, price)).ok()?;
                let unit = u128::from(price.micro()).checked_mul(100_000_000)?;
                if unit == 0 {
                    return None;
                }
                fee.checked_mul(whole)?.div_ceil(unit)
            }
        };
        let kept = whole.checked_sub(lost)?;
        if kept == 0 { None } else { Some((kept, whole)) }
    }

    /// What settlement takes of `qty` contracts bought at `price` that win: zero for every law but
    /// [`FeeLaw::Winnings`]. Rounded up to 1e-12 $.
    #[must_use]
    pub fn commission(&self, price: Price, qty: Qty) -> Option<Exact> {
        match self.law {
            FeeLaw::Winnings { rate } => {
                RawFee::linear(rate, price.complement(), qty)?.round(&FillRounding::EXACT)
            }
            FeeLaw::None
            | FeeLaw::Quadratic { .. }
            | FeeLaw::Proportional { .. }
            | FeeLaw::Lesser { .. }
            | FeeLaw::SellNotional { .. }
            | FeeLaw::Fixed { .. } => Some(Exact::ZERO),
        }
    }

    /// An accumulator over the fills of one order.
    #[must_use]
    pub const fn order(&self) -> OrderFees {
        OrderFees::new(*self)
    }
}

/// rate (1e-9) × w (1e-12 $), rounded up to 1e-14 $.
#[inline]
fn unit_product(rate: Rate, w: u64) -> UnitCost {
    // 7 % × 0.25 still fits 64 bits; dearer schedules take the wide path.
    if let Some(product) = u64::from(rate.nano()).checked_mul(w) {
        return i64::try_from(product.div_ceil(QUAD_PER_UNIT)).unwrap_or(UnitCost::MAX);
    }
    let product = u128::from(rate.nano()).saturating_mul(u128::from(w));
    UnitCost::try_from(product.div_ceil(u128::from(QUAD_PER_UNIT))).unwrap_or(UnitCost::MAX)
}

/// rate (1e-9) × p (1e-6 $), rounded up to 1e-14 $.
#[inline]
fn unit_share(rate: Rate, p: u64) -> UnitCost {
    let product = u64::from(rate.nano()).saturating_mul(p);
    i64::try_from(product.div_ceil(10)).unwrap_or(UnitCost::MAX)
}

#[cfg(test)]
mod tests;
