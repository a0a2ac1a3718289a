//! Price grids: which prices a venue accepts, and the tick index under which a level is stored.
//!
//! A [`Grid`] is the venue's list of ranges (Kalshi's `price_ranges`; one range for a plain tick).
//! Levels are indexed by the finest step that divides every range, so that one multiplication maps
//! a price to its [`Tick`] whatever the shape of the grid; which of those ticks an *order* may use
//! is a separate question ([`Grid::is_valid`]). An [`OddsLadder`] does the same for decimal odds,
//! whose reciprocal has no finite decimal form.

use crate::units::{Cash, Exact, Price, Qty};

/// Index of a price on its grid: price = tick × step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Tick(pub u32);

/// Prices from `start` to `end`, both included, in whole `step`s from `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriceRange {
    /// Lowest price.
    pub start: Price,
    /// Highest price.
    pub end: Price,
    /// Distance of two neighbouring prices; never zero.
    pub step: Price,
}

/// The most ranges that a grid may have; the richest published one has five.
pub const RANGES_MAX: usize = 6;

/// Why a list of ranges is no grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridError {
    /// There is no range, or there are more than [`RANGES_MAX`].
    RangeCount,
    /// A step is zero, or a start lies above its end.
    BadRange,
    /// No common step divides one: prices and their complements would not share ticks.
    StepDoesNotDivideOne,
}

impl core::fmt::Display for GridError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::RangeCount => "a price grid needs 1 to 6 ranges",
            Self::BadRange => "a price range needs a positive step and start <= end",
            Self::StepDoesNotDivideOne => "no common step of the price ranges divides one",
        })
    }
}

impl core::error::Error for GridError {}

/// A step that divides one, and its reciprocal, in one word: all that turns prices into ticks and
/// back, small enough to lie beside the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Scale(u64);

/// A price is at most 1e6 and a reciprocal at most one too large, so that a quotient is too large by
/// at most 1e6 / 2^40, which is less than the 1e-6 that would carry it past the next whole number.
const RECIPROCAL_SHIFT: u32 = 40;
/// A step is at most 1e6; the reciprocal of one has 41 bits.
const STEP_BITS: u32 = 20;
const STEP_MASK: u64 = (1 << STEP_BITS) - 1;

impl Scale {
    /// The scale of a step between 1 and 1e6.
    fn of(step: u32) -> Self {
        let step = u64::from(step.max(1));
        let reciprocal = (1_u64 << RECIPROCAL_SHIFT).div_ceil(step);
        Self((reciprocal << STEP_BITS) | step)
    }

    /// The step.
    #[inline]
    #[must_use]
    pub const fn step(self) -> u32 {
        (self.0 & STEP_MASK) as u32
    }

    /// The tick of a price strictly between zero and one, or `None` when it is between two ticks.
    #[inline]
    #[must_use]
    pub fn tick_of(self, price: Price) -> Option<Tick> {
        let product = u64::from(price.micro()).wrapping_mul(self.0 >> STEP_BITS);
        let tick = u32::try_from(product >> RECIPROCAL_SHIFT).ok()?;
        let is_on_grid = tick.wrapping_mul(self.step()) == price.micro();
        if is_on_grid && tick > 0 && price < Price::ONE { Some(Tick(tick)) } else { None }
    }

    /// The price of a tick; ticks above one read as one.
    #[inline]
    #[must_use]
    pub fn price_of(self, tick: Tick) -> Price {
        // In 64 bits the product fits whatever the tick is: no check on the way of every top.
        let micro = u64::from(tick.0).wrapping_mul(u64::from(self.step()));
        u32::try_from(micro).ok().and_then(Price::from_micro).unwrap_or(Price::ONE)
    }
}

/// The prices that a venue accepts for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    scale: Scale,
    ticks: u32,
    range_count: usize,
    ranges: [PriceRange; RANGES_MAX],
}

impl Grid {
    /// A grid of one step over the whole range of prices.
    ///
    /// # Errors
    /// When the step is zero or does not divide one.
    pub fn uniform(step: Price) -> Result<Self, GridError> {
        Self::from_ranges(&[PriceRange { start: Price::ZERO, end: Price::ONE, step }])
    }

    /// A grid of the venue's own ranges.
    ///
    /// # Errors
    /// When the ranges cannot form a grid.
    pub fn from_ranges(list: &[PriceRange]) -> Result<Self, GridError> {
        if list.is_empty() || list.len() > RANGES_MAX {
            return Err(GridError::RangeCount);
        }
        let mut ranges = [PriceRange::default(); RANGES_MAX];
        let mut step = Price::ONE.micro();
        for (slot, range) in ranges.iter_mut().zip(list) {
            if range.step == Price::ZERO || range.start > range.end {
                return Err(GridError::BadRange);
            }
            step = gcd(gcd(step, range.step.micro()), range.start.micro());
            *slot = *range;
        }
        let ticks = Price::ONE.micro().checked_div(step).ok_or(GridError::BadRange)?;
        if ticks.saturating_mul(step) != Price::ONE.micro() {
            return Err(GridError::StepDoesNotDivideOne);
        }
        Ok(Self { ranges, range_count: list.len(), ticks, scale: Scale::of(step) })
    }

    /// The venue's ranges.
    #[must_use]
    pub fn ranges(&self) -> &[PriceRange] {
        self.ranges.get(..self.range_count).unwrap_or(&[])
    }

    /// The step of the tick index: the finest step of any range.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.scale.step()
    }

    /// What turns prices into ticks and back.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    /// Number of steps between zero and one; ticks run from 1 to one less than this.
    #[must_use]
    pub const fn ticks(&self) -> u32 {
        self.ticks
    }

    /// The tick of a price strictly between zero and one, or `None` when it is between two ticks.
    #[inline]
    #[must_use]
    pub fn tick_of(&self, price: Price) -> Option<Tick> {
        self.scale.tick_of(price)
    }

    /// The price of a tick; ticks above one read as one.
    #[inline]
    #[must_use]
    pub fn price_of(&self, tick: Tick) -> Price {
        self.scale.price_of(tick)
    }

    /// The tick of the complement's price.
    #[inline]
    #[must_use]
    pub const fn mirror(&self, tick: Tick) -> Tick {
        Tick(self.ticks.saturating_sub(tick.0))
    }

    /// Whether an order may carry this price.
    #[must_use]
    pub fn is_valid(&self, price: Price) -> bool {
        price > Price::ZERO
            && price < Price::ONE
            && self.ranges().iter().any(|range| {
                range.start <= price
                    && price <= range.end
                    && (price.micro() - range.start.micro()).is_multiple_of(range.step.micro())
            })
    }

    /// The highest valid price not above `price`.
    #[must_use]
    pub fn floor(&self, price: Price) -> Option<Price> {
        self.ranges().iter().filter_map(|range| floor_in(range, price)).max()
    }

    /// The lowest valid price not below `price`.
    #[must_use]
    pub fn ceil(&self, price: Price) -> Option<Price> {
        self.ranges().iter().filter_map(|range| ceil_in(range, price)).min()
    }

    /// The lowest valid price above `price`.
    #[must_use]
    pub fn next_above(&self, price: Price) -> Option<Price> {
        Price::from_micro(price.micro().checked_add(1)?).and_then(|next| self.ceil(next))
    }

    /// The highest valid price below `price`.
    #[must_use]
    pub fn next_below(&self, price: Price) -> Option<Price> {
        Price::from_micro(price.micro().checked_sub(1)?).and_then(|next| self.floor(next))
    }

    /// How many valid prices there are.
    #[must_use]
    pub fn valid_price_count(&self) -> usize {
        let mut count = 0;
        let mut at = self.ceil(Price::ZERO);
        while let Some(price) = at {
            count += 1;
            at = self.next_above(price);
        }
        count
    }
}

/// Highest valid price of one range that is not above `price`.
fn floor_in(range: &PriceRange, price: Price) -> Option<Price> {
    let top = range.end.micro().min(price.micro()).min(Price::ONE.micro() - 1);
    let above = top.checked_sub(range.start.micro())?;
    let micro = range.start.micro() + above / range.step.micro() * range.step.micro();
    if micro == 0 { None } else { Price::from_micro(micro) }
}

/// Lowest valid price of one range that is not below `price`.
fn ceil_in(range: &PriceRange, price: Price) -> Option<Price> {
    let low = price.micro().max(range.start.micro()).max(1);
    let steps = (low - range.start.micro()).div_ceil(range.step.micro());
    let micro = range.start.micro().checked_add(steps.checked_mul(range.step.micro())?)?;
    if micro > range.end.micro() || micro >= Price::ONE.micro() {
        None
    } else {
        Price::from_micro(micro)
    }
}

const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Decimal odds in hundredths: 1.01 is 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Odds(pub u32);

impl Odds {
    /// Contracts that pay one, bought with `stake` at these odds: stake × odds, exact or `None`.
    #[must_use]
    pub fn contracts(self, stake: Cash) -> Option<Qty> {
        let hundredths = u64::try_from(stake.micro()).ok()?.checked_mul(u64::from(self.0))?;
        if hundredths.is_multiple_of(100) { Qty::from_micro(hundredths / 100) } else { None }
    }

    /// What `qty` contracts cost at these odds, rounded up to 1e-6 $: qty / odds.
    #[must_use]
    pub fn cost_ceil(self, qty: Qty) -> Option<Cash> {
        let pico = i128::from(qty.micro()).checked_mul(100)?.checked_mul(1_000_000)?;
        // Ceiling at the micro-dollar: divide the pico amount by the odds, then round up once.
        let odds = i128::from(self.0);
        if odds == 0 {
            return None;
        }
        let exact =
            Exact::from_pico(pico.div_euclid(odds) + i128::from(pico.rem_euclid(odds) != 0));
        exact.cash_ceil()
    }
}

/// One stretch of an odds ladder: from `start` up to and excluding `end`, in `step`s (hundredths).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OddsRange {
    start: u32,
    end: u32,
    step: u32,
}

/// The classic exchange ladder of 350 decimal odds between 1.01 and 1000 (`venues/betfair.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OddsLadder;

impl OddsLadder {
    const RANGES: [OddsRange; 10] = [
        OddsRange { start: 101, end: 200, step: 1 },
        OddsRange { start: 200, end: 300, step: 2 },
        OddsRange { start: 300, end: 400, step: 5 },
        OddsRange { start: 400, end: 600, step: 10 },
        OddsRange { start: 600, end: 1_000, step: 20 },
        OddsRange { start: 1_000, end: 2_000, step: 50 },
        OddsRange { start: 2_000, end: 3_000, step: 100 },
        OddsRange { start: 3_000, end: 5_000, step: 200 },
        OddsRange { start: 5_000, end: 10_000, step: 500 },
        OddsRange { start: 10_000, end: 101_000, step: 1_000 },
    ];
    /// Number of odds on the ladder.
    pub const COUNT: u32 = 350;

    /// The tick of exact odds (0 is 1.01), or `None` off the ladder.
    #[must_use]
    pub fn tick_of(self, odds: Odds) -> Option<Tick> {
        let mut base = 0;
        for range in Self::RANGES {
            if odds.0 < range.end {
                let above = odds.0.checked_sub(range.start)?;
                let on_ladder = above.is_multiple_of(range.step);
                return if on_ladder { Some(Tick(base + above / range.step)) } else { None };
            }
            base += (range.end - range.start) / range.step;
        }
        None
    }

    /// The odds of a tick, or `None` past the last.
    #[must_use]
    pub fn odds_of(self, tick: Tick) -> Option<Odds> {
        let mut rest = tick.0;
        for range in Self::RANGES {
            let count = (range.end - range.start) / range.step;
            if rest < count {
                return Some(Odds(range.start + rest * range.step));
            }
            rest -= count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(micro: u32) -> Price {
        Price::from_micro(micro).unwrap()
    }

    /// Every price on every grid of one step: the multiplication is the division.
    #[test]
    fn the_reciprocal_divides_every_price() {
        for step in (1..=1_000_000).filter(|step| 1_000_000 % step == 0) {
            let grid = Grid::uniform(Price::from_micro(step).unwrap()).unwrap();
            for micro in 0..=1_000_000 {
                let is_tick = micro % step == 0 && micro > 0 && micro < 1_000_000;
                let expected = is_tick.then_some(Tick(micro / step));
                assert_eq!(grid.tick_of(Price::from_micro(micro).unwrap()), expected);
            }
        }
    }

    #[test]
    fn every_published_tick_has_a_grid() {
        // 0.1 … 0.0001 Polymarket, 0.00001 Hyperliquid, 0.00125 SX Bet, 0.000001 Opinion.
        for step in [100_000, 10_000, 5_000, 2_500, 1_000, 100, 10, 1_250, 1] {
            let grid = Grid::uniform(price(step)).unwrap();
            assert_eq!(grid.ticks() * step, 1_000_000);
            assert_eq!(grid.tick_of(price(step)), Some(Tick(1)));
            assert_eq!(grid.price_of(grid.mirror(Tick(1))), price(1_000_000 - step));
        }
        assert_eq!(Grid::uniform(price(300_000)).unwrap().step(), 100_000);
        assert_eq!(Grid::uniform(Price::ZERO), Err(GridError::BadRange));
        assert_eq!(Grid::from_ranges(&[]), Err(GridError::RangeCount));
    }

    #[test]
    fn zero_one_and_off_tick_have_no_tick() {
        let grid = Grid::uniform(price(10_000)).unwrap();
        for micro in [0, 1_000_000, 455_000, 1] {
            assert_eq!(grid.tick_of(price(micro)), None, "{micro}");
        }
        assert_eq!(grid.tick_of(price(990_000)), Some(Tick(99)));
    }

    #[test]
    fn the_odds_ladder_counts_350_and_inverts() {
        let ladder = OddsLadder;
        for index in 0..OddsLadder::COUNT {
            let odds = ladder.odds_of(Tick(index)).unwrap();
            assert_eq!(ladder.tick_of(odds), Some(Tick(index)));
        }
        assert_eq!(ladder.odds_of(Tick(OddsLadder::COUNT - 1)), Some(Odds(100_000)));
        assert_eq!(ladder.odds_of(Tick(OddsLadder::COUNT)), None);
        assert_eq!(ladder.tick_of(Odds(301)), None);
        assert_eq!(Odds(212).contracts(Cash::from_micro(10_000_000)).unwrap().to_string(), "21.2");
        assert_eq!(Odds(300).cost_ceil(Qty::ONE).unwrap().micro(), 333_334);
    }
}
