//! The fees of a recording's day: rates from the options, roundings from the venue's dated rules.

use dutchbook_book::fee::{CENT, CENTICENT, FeeSchedule, MICRO_DOLLAR, Settlement};
use dutchbook_book::{Nanos, Rate};

use super::Options;

/// 2026-09-01: about when Kalshi's trade fee went from 1e-4 $ to 1e-6 $ (its fee page of that
/// month); the day is not published.
const KALSHI_FINE_FROM: Nanos = Nanos::from_secs(1_788_220_800);

/// Polymarket's taker fee, rounded up to 1e-5 $ per match.
#[must_use]
pub const fn polymarket(options: &Options) -> FeeSchedule {
    FeeSchedule::polymarket(options.polymarket_rate, 1)
}

/// Kalshi's taker fee at `now`, as a gate must see it: before September 2026 the trade fee up to
/// 1e-4 $ and the order's cost up to a cent, since then up to 1e-6 $ on a direct member's grid.
#[must_use]
pub fn kalshi(options: &Options, now: Nanos) -> FeeSchedule {
    kalshi_of(options.kalshi_rate, now)
}

fn kalshi_of(rate: Rate, now: Nanos) -> FeeSchedule {
    if now < KALSHI_FINE_FROM {
        FeeSchedule::quadratic(rate, CENTICENT).settled(Settlement::OrderCost { grid_pico: CENT })
    } else {
        FeeSchedule::quadratic(rate, MICRO_DOLLAR)
            .settled(Settlement::Accumulator { grid_pico: CENTICENT })
    }
}
