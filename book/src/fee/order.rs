//! The fees of one order, fill by fill, to the last rounding of the venue.

use super::{Collect, FeeLaw, FeeSchedule, RawFee, Rounding, Settlement};
use crate::depth::Side;
use crate::units::{Exact, Price, Qty};

/// Who brought the order that a fill hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Crossed the book.
    #[default]
    Taker,
    /// Rested in it.
    Maker,
}

/// What one fill costs, with every intermediate that a venue reports. Money is signed as our
/// balance sees it where the name says revenue or change, otherwise it is what we pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillFee {
    /// What the fill costs beside its notional, all rounding included.
    pub fee: Exact,
    /// Contracts that arrive (buy) or leave (sell): fewer than bought where the fee is in contracts.
    pub delivered: Qty,
    /// The formula before rounding.
    pub model_fee: RawFee,
    /// The formula after the fill's rounding.
    pub trade_fee: Exact,
    /// −price·qty for a buy, +price·qty for a sell.
    pub revenue: Exact,
    /// Revenue less trade fee, floored to the account's grid.
    pub aligned_change: Exact,
    /// What the floor took.
    pub rounding_fee: Exact,
    /// Rounding fees gathered by the order, this one included, before a rebate.
    pub accumulated: Exact,
    /// What is paid back now, in whole units of the grid.
    pub rebate: Exact,
    /// Whether the rebate was held back so that the fill's fee is not negative.
    pub rebate_capped: bool,
    /// What stays gathered.
    pub accumulator: Exact,
    /// What the balance changes by.
    pub balance_change: Exact,
}

/// What one order cost in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderTotal {
    /// Σ price·qty.
    pub notional: Exact,
    /// All that was paid beside the notional, order-level rounding included.
    pub fee: Exact,
    /// The change of our balance: negative for a buy.
    pub cash: Exact,
    /// Contracts that filled.
    pub filled: Qty,
    /// Contracts that arrived or left.
    pub delivered: Qty,
}

/// An accumulator over the fills of one order.
#[derive(Clone, Copy, Debug)]
pub struct OrderFees {
    schedule: FeeSchedule,
    side: Option<Side>,
    notional: Exact,
    fee: Exact,
    raw: RawFee,
    filled: Qty,
    delivered: Qty,
    accumulator: Exact,
}

impl OrderFees {
    /// An order without fills under `schedule`.
    #[must_use]
    pub const fn new(schedule: FeeSchedule) -> Self {
        Self {
            schedule,
            side: None,
            notional: Exact::ZERO,
            fee: Exact::ZERO,
            raw: RawFee::ZERO,
            filled: Qty::ZERO,
            delivered: Qty::ZERO,
            accumulator: Exact::ZERO,
        }
    }

    /// Adds a fill that we took. `None` when a number does not fit, or the side differs from the
    /// order's; the order is then unchanged.
    pub fn fill(&mut self, side: Side, price: Price, qty: Qty) -> Option<FillFee> {
        self.fill_as(Role::Taker, side, price, qty)
    }

    /// Adds a fill in a named role. `None` as for [`OrderFees::fill`].
    pub fn fill_as(&mut self, role: Role, side: Side, price: Price, qty: Qty) -> Option<FillFee> {
        if self.side.is_some_and(|known| known != side) {
            return None;
        }
        let notional = Exact::product(price, qty);
        let revenue = match side {
            Side::Buy => Exact::ZERO.checked_sub(notional)?,
            Side::Sell => notional,
        };
        let in_contracts = self.schedule.collect == Collect::Contracts && side == Side::Buy;
        let (model_fee, delivered) = if in_contracts {
            (RawFee::ZERO, self.delivered_of(price, qty)?)
        } else {
            (self.schedule.raw(role, side, price, qty)?, qty)
        };
        let trade_fee = model_fee.round(&self.schedule.rounding)?;
        let plain = FillFee {
            fee: trade_fee,
            delivered,
            model_fee,
            trade_fee,
            revenue,
            aligned_change: revenue.checked_sub(trade_fee)?,
            balance_change: revenue.checked_sub(trade_fee)?,
            accumulator: self.accumulator,
            accumulated: self.accumulator,
            ..FillFee::default()
        };
        let fill = match self.schedule.settlement {
            Settlement::Accumulator { grid_pico } => {
                align(plain, self.accumulator, i128::from(grid_pico))?
            }
            Settlement::PerFill | Settlement::OrderCost { .. } | Settlement::OrderFee { .. } => {
                plain
            }
        };
        let next = Self {
            schedule: self.schedule,
            side: Some(side),
            notional: self.notional.checked_add(notional)?,
            fee: self.fee.checked_add(fill.fee)?,
            raw: self.gather(model_fee)?,
            filled: self.filled.checked_add(qty)?,
            delivered: self.delivered.checked_add(delivered)?,
            accumulator: fill.accumulator,
        };
        *self = next;
        Some(fill)
    }

    /// The order's unrounded fee so far; only gathered where the order's fee is rounded as a whole.
    fn gather(&self, fee: RawFee) -> Option<RawFee> {
        match self.schedule.settlement {
            Settlement::OrderFee { .. } => self.raw.plus(fee),
            Settlement::PerFill | Settlement::Accumulator { .. } | Settlement::OrderCost { .. } => {
                Some(RawFee::ZERO)
            }
        }
    }

    /// Contracts that `qty` bought at `price` deliver, rounded down.
    fn delivered_of(&self, price: Price, qty: Qty) -> Option<Qty> {
        let (kept, whole) = self.schedule.delivered_share(price)?;
        let micro = u128::from(qty.micro()).checked_mul(kept)?.checked_div(whole)?;
        Qty::from_micro(u64::try_from(micro).ok()?)
    }

    /// What the order costs in all, if it ends here. `None` when a number does not fit.
    #[must_use]
    pub fn close(&self) -> Option<OrderTotal> {
        let side = self.side.unwrap_or(Side::Buy);
        let mut fee = match self.schedule.settlement {
            Settlement::OrderFee { unit_pico } => self.raw.round_to(unit_pico, Rounding::Up)?,
            Settlement::PerFill | Settlement::Accumulator { .. } | Settlement::OrderCost { .. } => {
                self.fee
            }
        };
        if let FeeLaw::Fixed { per_order } = self.schedule.law
            && !self.filled.is_zero()
        {
            fee = fee.checked_add(per_order.exact())?;
        }
        let mut cash = match side {
            Side::Buy => Exact::ZERO.checked_sub(self.notional)?.checked_sub(fee)?,
            Side::Sell => self.notional.checked_sub(fee)?,
        };
        if let Settlement::OrderCost { grid_pico } = self.schedule.settlement {
            let aligned = cash.floor_to(i128::from(grid_pico))?;
            fee = fee.checked_add(cash.checked_sub(aligned)?)?;
            cash = aligned;
        }
        Some(OrderTotal {
            notional: self.notional,
            fee,
            cash,
            filled: self.filled,
            delivered: self.delivered,
        })
    }
}

/// Floors the balance change to the grid and pays whole units of what was gathered back.
fn align(plain: FillFee, gathered: Exact, grid: i128) -> Option<FillFee> {
    let exact_change = plain.revenue.checked_sub(plain.trade_fee)?;
    let aligned_change = exact_change.floor_to(grid)?;
    let rounding_fee = exact_change.checked_sub(aligned_change)?;
    let accumulated = gathered.checked_add(rounding_fee)?;
    let gross_fee = plain.trade_fee.checked_add(rounding_fee)?;
    let due = accumulated.floor_to(grid)?;
    let rebate = due.min(gross_fee.floor_to(grid)?);
    Some(FillFee {
        fee: gross_fee.checked_sub(rebate)?,
        aligned_change,
        rounding_fee,
        accumulated,
        rebate,
        rebate_capped: rebate < due,
        accumulator: accumulated.checked_sub(rebate)?,
        balance_change: aligned_change.checked_add(rebate)?,
        ..plain
    })
}
