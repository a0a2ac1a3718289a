//! From levels to an executable size and its worst-case profit: the engine's own sweep, set up for
//! baskets of purchases.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{Cash, Level, Qty, Side};
use dutchbook_core::eval::basket::RATIO_ONE;
use dutchbook_core::eval::sweep::{LegBook, Scratch, Terms, sweep};

use super::lives::Net;

/// The smallest step of an order on both venues: a hundredth of a contract.
#[must_use]
pub fn lot() -> Qty {
    Qty::from_centi(1).unwrap_or(Qty::ONE)
}

/// One leg: a purchase that walks `levels`, best first.
#[must_use]
pub fn purchase(levels: &[Level], schedule: FeeSchedule, venue: VenueKind) -> LegBook<'_> {
    let min_notional = match venue {
        // Polymarket refuses marketable orders below one dollar.
        VenueKind::Polymarket => Cash::ONE,
        VenueKind::Kalshi => Cash::ZERO,
    };
    LegBook {
        side: Side::Buy,
        ratio_micro: RATIO_ONE,
        levels,
        schedule,
        lot: lot(),
        min_qty: lot(),
        min_notional,
    }
}

/// Buying every leg once per basket, which then pays `dollars` at worst: how many baskets and what
/// they earn, or `None` where nothing is left.
#[must_use]
pub fn basket(legs: &[LegBook<'_>], dollars: u32, scratch: &mut Scratch) -> Option<Net> {
    let payoff = UNIT_PAYOUT.checked_mul(UnitCost::from(dollars))?;
    let terms = Terms { lot: lot(), ..Terms::paying(payoff) };
    let sizing = sweep(legs, &terms, scratch).ok()?;
    Some(Net { size: sizing.size, edge: sizing.net })
}
