//! The last look before signing: what an order may cost at the book as it is now.
//!
//! The limit is that of the worst level that the order needs, worse by at most the allowance, and
//! never past what was decided. A book that no longer shows the whole quantity within that has moved:
//! nothing is signed then, and no leg of the basket leaves.
//!
//! Polymarket's immediate buys spend an exact number of cents (polymarket.md 11.1 and 11.2: a FAK
//! buy spends all of what it gives, and gives whole cents; better prices bring more contracts). So
//! the budget is what the walk costs, rounded up to a cent: the contracts wanted are reached at the
//! prices seen, and what is bought too much has cost less than a cent. The other ways are worse: a
//! marketable GTC order names contracts exactly, but its rest stays in the book until a cancel that
//! may be lost; and contracts whose price is whole cents at every level do not exist in most books.
//! Kalshi takes contracts at a limit, immediate-or-cancel: it has no orders in cash.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookStatus, Cash, Depth, Exact, Face, Grid, Level, Price, Qty, Side};
use dutchbook_exec::{Intent, PaperRules, RejectReason};

/// One cent in millionths of a dollar.
const CENT: i128 = 10_000_000_000;

/// What is signed for an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The worst price that the order takes.
    pub limit: Price,
    /// Contracts wanted.
    pub qty: Qty,
    /// The cash that it spends, where it names cash.
    pub budget: Option<Cash>,
}

/// What a venue asks of an order on one book.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Which protocol.
    pub kind: VenueKind,
    /// Lot and minimums.
    pub rules: &'a PaperRules,
    /// Prices that it accepts.
    pub grid: &'a Grid,
    /// How much worse than the worst level needed the limit may be.
    pub allowance: Price,
}

/// Looks at the book once more: `left` is what a displayed level has left for us, `take` is told
/// what the order is meant to take of each.
///
/// # Errors
/// With the reason why nothing may be signed.
pub fn quote(
    intent: &Intent,
    depth: &Depth,
    terms: &Terms<'_>,
    left: impl Fn(Side, Level) -> Qty,
    mut take: impl FnMut(Side, Level, Qty),
) -> Result<Quote, RejectReason> {
    check(intent, depth, terms.rules)?;
    let resting = match intent.instrument.face() {
        Face::Yes => intent.side.other(),
        Face::No => intent.side,
    };
    let mut wanted = intent.qty;
    let (mut worst, mut cash) = (None, Exact::ZERO);
    for shown in depth.levels(resting) {
        let price = match intent.instrument.face() {
            Face::Yes => shown.price,
            Face::No => shown.price.complement(),
        };
        if wanted.is_zero() || !intent.is_within_limit(price) {
            break;
        }
        let qty = left(resting, *shown).min(wanted);
        if qty.is_zero() {
            continue;
        }
        worst = Some(price);
        let sum = cash.checked_add(Exact::product(price, qty));
        cash = sum.ok_or(RejectReason::Unwritable)?;
        wanted = wanted.checked_sub(qty).unwrap_or(Qty::ZERO);
        take(resting, *shown, qty);
    }
    let worst = worst.filter(|_| wanted.is_zero()).ok_or(RejectReason::PriceMoved)?;
    let limit = with_allowance(intent, worst, terms);
    let on_book = match intent.instrument.face() {
        Face::Yes => limit,
        Face::No => limit.complement(),
    };
    if !terms.grid.is_valid(on_book) {
        return Err(RejectReason::OffGrid);
    }
    let budget = match (terms.kind, intent.side) {
        (VenueKind::Polymarket, Side::Buy) => Some(cents_up(cash, terms.rules)?),
        (VenueKind::Polymarket, Side::Sell) | (VenueKind::Kalshi, _) => None,
    };
    Ok(Quote { limit, qty: intent.qty, budget })
}

fn check(intent: &Intent, depth: &Depth, rules: &PaperRules) -> Result<(), RejectReason> {
    if depth.stamp.status != BookStatus::Live {
        return Err(RejectReason::BookNotLive(depth.stamp.status));
    }
    if depth.top().is_crossed() {
        return Err(RejectReason::BookNotLive(BookStatus::Crossed));
    }
    if intent.qty.is_zero() || intent.qty.floor_to_lot(rules.lot) != intent.qty {
        return Err(RejectReason::OffLot);
    }
    if intent.qty < rules.min_qty {
        return Err(RejectReason::BelowMinQty);
    }
    Ok(())
}

/// The worst level needed, worse by the allowance, never past what was decided, and on the grid.
fn with_allowance(intent: &Intent, worst: Price, terms: &Terms<'_>) -> Price {
    let by = terms.allowance.micro();
    let moved = match intent.side {
        Side::Buy => Price::from_micro(worst.micro().saturating_add(by)),
        Side::Sell => Price::from_micro(worst.micro().saturating_sub(by)),
    };
    let on_grid = moved.and_then(|moved| match intent.side {
        Side::Buy => terms.grid.floor(moved.min(intent.limit)),
        Side::Sell => terms.grid.ceil(moved.max(intent.limit)),
    });
    let is_no_better = |price: &Price| match intent.side {
        Side::Buy => *price >= worst,
        Side::Sell => *price <= worst,
    };
    on_grid.filter(is_no_better).unwrap_or(worst)
}

/// Whole cents, no fewer; what is below the venue's smallest order is refused.
fn cents_up(cash: Exact, rules: &PaperRules) -> Result<Cash, RejectReason> {
    let cents = cash.ceil_to(CENT).and_then(Exact::cash_ceil).ok_or(RejectReason::Unwritable)?;
    if cents < rules.min_notional { Err(RejectReason::BelowMinNotional) } else { Ok(cents) }
}

/// Contracts that a budget in whole cents may bring beyond what was wanted, at a price: what is
/// bought with less than a cent.
#[must_use]
pub fn excess_max(kind: VenueKind, price: Price) -> Qty {
    if kind != VenueKind::Polymarket || price.micro() == 0 {
        return Qty::ZERO;
    }
    // A cent buys 0.01 / price contracts.
    let micro = 10_000_u64.saturating_mul(1_000_000).div_ceil(u64::from(price.micro()));
    Qty::from_micro(micro).unwrap_or(Qty::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::fee::FeeSchedule;
    use dutchbook_book::{BookId, Nanos};
    use dutchbook_exec::TradeId;

    fn price(pips: u32) -> Price {
        Price::from_pips(pips).unwrap()
    }

    fn contracts(centi: u64) -> Qty {
        Qty::from_centi(centi).unwrap()
    }

    /// Asks in pips and hundredths of contracts.
    fn depth(asks: &[(u32, u64)]) -> Depth {
        let mut depth = Depth::default();
        let mut stamp = depth.stamp;
        stamp.status = BookStatus::Live;
        depth.reset(stamp);
        for (pips, centi) in asks {
            assert!(depth.push(Side::Sell, Level { price: price(*pips), qty: contracts(*centi) }));
        }
        depth
    }

    fn intent(limit: u32, centi: u64) -> Intent {
        Intent {
            trade: TradeId(1),
            leg_index: 0,
            instrument: BookId(0).instrument(Face::Yes),
            side: Side::Buy,
            limit: price(limit),
            qty: contracts(centi),
            deadline: Nanos(1),
            ts_decision: Nanos(0),
        }
    }

    fn look(
        kind: VenueKind,
        allowance: u32,
        asks: &[(u32, u64)],
        intent: &Intent,
    ) -> Result<Quote, RejectReason> {
        let rules = PaperRules {
            fee: FeeSchedule::NONE,
            lot: contracts(1),
            min_qty: contracts(1),
            min_notional: Cash::ONE,
            latency: Nanos::ZERO,
        };
        let grid = Grid::uniform(price(100)).unwrap();
        let terms = Terms { kind, rules: &rules, grid: &grid, allowance: price(allowance) };
        quote(intent, &depth(asks), &terms, |_, shown| shown.qty, |_, _, _| {})
    }

    #[test]
    fn the_limit_is_the_worst_level_needed_and_never_past_what_was_decided() {
        let asks = [(4_000, 1_000), (4_100, 1_000), (4_200, 1_000), (4_300, 1_000)];
        let limit = |allowance, decided| {
            look(VenueKind::Kalshi, allowance, &asks, &intent(decided, 1_500)).unwrap().limit
        };
        assert_eq!(limit(0, 4_300), price(4_100), "better than decided: the level that is needed");
        assert_eq!(limit(100, 4_300), price(4_200));
        assert_eq!(limit(150, 4_300), price(4_200), "cut to the grid");
        assert_eq!(limit(500, 4_200), price(4_200), "never past what was decided");
    }

    #[test]
    fn a_book_that_moved_signs_nothing() {
        let moved = Err(RejectReason::PriceMoved);
        assert_eq!(look(VenueKind::Kalshi, 0, &[(4_200, 1_000)], &intent(4_100, 500)), moved);
        assert_eq!(look(VenueKind::Kalshi, 0, &[(4_100, 499)], &intent(4_100, 500)), moved);
        assert_eq!(look(VenueKind::Kalshi, 0, &[], &intent(4_100, 500)), moved);
        let off = Err(RejectReason::OffLot);
        assert_eq!(look(VenueKind::Kalshi, 0, &[(4_100, 499)], &intent(4_100, 0)), off);
    }

    #[test]
    fn a_budget_is_what_the_walk_costs_in_whole_cents() {
        let asks = [(4_400, 6_033), (4_500, 10_000)];
        let budget = |centi| look(VenueKind::Polymarket, 0, &asks, &intent(4_500, centi));
        // 60.33 at 0.44 and 39.67 at 0.45 are 26.5452 + 17.8515.
        assert_eq!(budget(10_000).unwrap().budget, Some(Cash::from_micro(44_400_000)));
        assert_eq!(budget(10_000).unwrap().limit, price(4_500));
        assert_eq!(budget(220), Err(RejectReason::BelowMinNotional), "below a dollar");
        assert_eq!(look(VenueKind::Kalshi, 0, &asks, &intent(4_500, 10_000)).unwrap().budget, None);
        assert_eq!(excess_max(VenueKind::Polymarket, price(200)), contracts(50));
        assert_eq!(excess_max(VenueKind::Kalshi, price(200)), Qty::ZERO);
    }
}
