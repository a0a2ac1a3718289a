//! What a member's resting orders need: full collateral, closing contracts free, fees on top.
//!
//! Orders of one side fill from the best price to the worst, so contracts of the other side that
//! are held cover the best orders first. What a better fill saves is always more than the fee that
//! it costs more, so the limit price is the dearest.

use dutchbook_book::fee::{FeeSchedule, Role};
use dutchbook_book::{Cash, Exact, Price, Qty, QtyChange, Side};

/// A part of what is asked for: one order, resting or about to enter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) qty: Qty,
    /// What its fills can be: an order that enters may take.
    pub(super) role: Role,
}

/// One order's fees are rounded fill by fill; what that holds back for a moment stays below this.
const ROUNDING_GRIDS: i128 = 2;

/// What the orders of one member on one market need in all, with `net` contracts held.
///
/// `None` when a number does not fit.
pub(super) fn required(
    net: QtyChange,
    wishes: &mut [Wish],
    schedule: &FeeSchedule,
    grid_pico: u64,
) -> Option<Cash> {
    let mut total = Exact::ZERO;
    for side in [Side::Buy, Side::Sell] {
        let covered = match side {
            Side::Buy => net.micro().min(0).unsigned_abs(),
            Side::Sell => net.micro().max(0).unsigned_abs(),
        };
        let mut covered = Qty::from_micro(covered)?;
        wishes.sort_by_key(own_price);
        // Dearest for the owner is best for the market: it fills first.
        for wish in wishes.iter().rev().filter(|wish| wish.side == side) {
            let free = wish.qty.min(covered);
            covered = covered.checked_sub(free)?;
            let bound = wish.qty.checked_sub(free)?;
            if bound.is_zero() {
                // Closing brings at least its own fee.
                continue;
            }
            total = total.checked_add(Exact::product(own_price(wish), bound))?;
            let fee = schedule.raw(wish.role, side, wish.price, bound)?;
            let fee = fee.round(&schedule.rounding)?;
            total = total.checked_add(fee)?;
            let rounding = i128::from(grid_pico).checked_mul(ROUNDING_GRIDS)?;
            total = total.checked_add(Exact::from_pico(rounding))?;
        }
    }
    total.cash_ceil()
}

/// What the owner pays per contract of the side that it buys.
const fn own_price(wish: &Wish) -> Price {
    match wish.side {
        Side::Buy => wish.price,
        Side::Sell => wish.price.complement(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(side: Side, pips: u32, contracts: u64) -> Wish {
        let (price, qty) =
            (Price::from_pips(pips).unwrap(), Qty::from_contracts(contracts).unwrap());
        Wish { side, price, qty, role: Role::Maker }
    }

    fn need(net: i64, wishes: &[Wish]) -> i64 {
        let net = QtyChange::from_micro(net * 1_000_000);
        required(net, &mut wishes.to_vec(), &FeeSchedule::NONE, 0).unwrap().micro()
    }

    #[test]
    fn opening_is_paid_in_full_and_closing_is_free() {
        let bid = wish(Side::Buy, 6_000, 10);
        let ask = wish(Side::Sell, 7_000, 10);
        assert_eq!(need(0, &[bid]), 6_000_000);
        assert_eq!(need(0, &[ask]), 3_000_000);
        assert_eq!(need(0, &[bid, ask]), 9_000_000);
        assert_eq!(need(10, &[ask]), 0);
        assert_eq!(need(-4, &[bid]), 3_600_000);
        // The better ask is covered first: the worse one needs 1 − 0.80 for each contract.
        assert_eq!(need(10, &[wish(Side::Sell, 8_000, 10), ask]), 2_000_000);
    }
}
