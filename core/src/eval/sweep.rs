//! Sizing by walking the books: how many baskets, at which limits, for how much, to the last
//! rounding.
//!
//! The walk takes the next slice of every leg's current level while its marginal edge, fees
//! unrounded, is above the minimum. Marginal cost never falls, so stopping at the first slice that
//! fails is optimal for a fixed basket. The size is then floored to the lot, cut to the capital, and
//! settled exactly: order by order, match by match, with every rounding of the venue.
//!
//! Nothing allocates once a [`Scratch`] has seen a basket of that many legs.

mod settle;

pub use settle::{SizedLeg, Sizing};

use dutchbook_book::fee::{Collect, FeeSchedule, UnitCost};
use dutchbook_book::{Cash, Exact, Level, Qty, Side};

use super::basket::RATIO_ONE;
use super::edge::{Carry, scaled_edge, scaled_outlay, unit_outlay};

/// One leg with the levels that it would meet.
#[derive(Clone, Copy, Debug)]
pub struct LegBook<'a> {
    /// What we do: a buy walks asks, a sell walks bids.
    pub side: Side,
    /// Contracts per basket in 1e-6.
    pub ratio_micro: u32,
    /// Levels in walking order, best first, own orders already subtracted.
    pub levels: &'a [Level],
    /// What a taker pays.
    pub schedule: FeeSchedule,
    /// The venue's lot: what a fee taken in contracts is made up for in.
    pub lot: Qty,
    /// The venue's smallest order.
    pub min_qty: Qty,
    /// The venue's smallest order in cash.
    pub min_notional: Cash,
}

/// What a basket is sure to pay, and what it must earn.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The guaranteed (for a resolution: expected) payoff of one basket; negative for sold sets.
    pub payoff: UnitCost,
    /// The step of the size: the coarsest lot among the legs.
    pub lot: Qty,
    /// A slice is taken while its edge is above this.
    pub min_edge: UnitCost,
    /// The whole must earn more than this.
    pub min_net_total: Cash,
    /// The most cash that may be tied up.
    pub max_capital: Option<Cash>,
    /// Gas, relayer: per trade, whatever its size.
    pub fixed_cost: Cash,
    /// What the money costs until the payoff.
    pub carry: Carry,
    /// Dollars of sets that a basket splits and holds until `payoff`, which includes them. Zero where
    /// whole sets are sold: they are gone with the sale.
    pub set: UnitCost,
}

impl Terms {
    /// A payoff with no minimum, no fixed cost and no limit of capital, in steps of one contract.
    #[must_use]
    pub const fn paying(payoff: UnitCost) -> Self {
        Self {
            payoff,
            lot: Qty::ONE,
            min_edge: 0,
            min_net_total: Cash::ZERO,
            max_capital: None,
            fixed_cost: Cash::ZERO,
            carry: Carry::NONE,
            set: 0,
        }
    }
}

/// Why a basket is not traded. Legs are named by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The basket has no legs.
    NoLeg,
    /// A leg has nothing to trade against.
    NoLevel {
        /// Which leg.
        leg: usize,
    },
    /// The first slice earns nothing.
    EdgeNotPositive,
    /// What the walk takes is less than one lot.
    BelowLot,
    /// The capital does not buy one lot.
    Capital,
    /// An order would be smaller than the venue accepts.
    BelowVenueMinimum {
        /// Which leg.
        leg: usize,
    },
    /// After all roundings and fixed costs too little is left.
    NetTooSmall,
    /// The depth cannot make up for a fee taken in contracts.
    DepthForFee {
        /// Which leg.
        leg: usize,
    },
    /// The worst level walked lies between two prices that an order may carry.
    OffGrid {
        /// Which leg.
        leg: usize,
    },
    /// A number does not fit: not priced rather than priced wrongly.
    Overflow,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoLeg => "the basket has no legs",
            Self::NoLevel { .. } => "no level to trade against",
            Self::EdgeNotPositive => {
                "marginal edge at the top of the books, fees included, is not positive"
            }
            Self::BelowLot => "size is below one lot",
            Self::Capital => "the capital does not buy one lot",
            Self::BelowVenueMinimum { .. } => "below the venue's minimum order",
            Self::NetTooSmall => "net after all roundings and fixed costs is not above the minimum",
            Self::DepthForFee { .. } => "the depth does not cover the fee taken in contracts",
            Self::OffGrid { .. } => "a limit is no price that an order may carry",
            Self::Overflow => "a number does not fit",
        })
    }
}

impl Refusal {
    /// The leg that is to blame, where one is.
    #[must_use]
    pub const fn leg(self) -> Option<usize> {
        match self {
            Self::NoLevel { leg }
            | Self::BelowVenueMinimum { leg }
            | Self::DepthForFee { leg }
            | Self::OffGrid { leg } => Some(leg),
            Self::NoLeg
            | Self::EdgeNotPositive
            | Self::BelowLot
            | Self::Capital
            | Self::NetTooSmall
            | Self::Overflow => None,
        }
    }
}

/// Where the walk stands on one leg.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// The current level.
    level: usize,
    /// Net contracts up to and including it, in 1e-6.
    net_micro: u64,
    /// Baskets up to and including it, in 1e-6.
    baskets: u64,
    /// Outlay per basket at it, in 1e-20 $.
    outlay: i128,
}

/// Buffers that a sweep reuses: keep one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    cursors: Vec<Cursor>,
    legs: Vec<SizedLeg>,
}

/// The edge of the first basket at the top of the books, fees unrounded, in 1e-20 $; `None` when a
/// leg has no level or a number does not fit.
#[must_use]
pub fn top_edge(legs: &[LegBook<'_>], terms: &Terms) -> Option<i128> {
    let mut outlay = scaled_outlay(terms.set, RATIO_ONE);
    for leg in legs {
        let top = leg.levels.first()?;
        let unit = unit_outlay(&leg.schedule, leg.side, top.price);
        outlay = outlay.checked_add(scaled_outlay(unit, leg.ratio_micro))?;
    }
    scaled_edge(terms.payoff, outlay, terms.carry)
}

/// Sizes a basket against its books.
///
/// # Errors
/// The first reason not to trade, in the order of [`Refusal`]'s checks: nothing to trade against,
/// edge, lot, capital, venue minimums, net.
pub fn sweep<'s>(
    legs: &[LegBook<'_>],
    terms: &Terms,
    scratch: &'s mut Scratch,
) -> Result<Sizing<'s>, Refusal> {
    let walked = walk(legs, terms, scratch)?;
    let size = walked.floor_to_lot(terms.lot);
    if size.is_zero() {
        return Err(Refusal::BelowLot);
    }
    let size = match terms.max_capital {
        None => size,
        Some(capital) => within_capital(legs, terms, capital, size, scratch)?,
    };
    let size = settle_or_shrink(legs, terms, size, scratch)?;
    settle::check_minimums(legs, &scratch.legs)?;
    let sizing = settle::total(terms, size, &scratch.legs).ok_or(Refusal::Overflow)?;
    if sizing.net <= terms.min_net_total.exact() {
        return Err(Refusal::NetTooSmall);
    }
    Ok(sizing)
}

/// One order of `qty` contracts walked through its book; `None` where the book holds less, or a
/// number does not fit.
pub(super) fn settle_order(leg: &LegBook<'_>, qty: Qty) -> Option<SizedLeg> {
    settle::fill(leg, qty)?
}

/// What a level delivers to us, or takes from us, after fees taken in contracts.
pub(super) fn delivered_of(leg: &LegBook<'_>, level: Level) -> Option<Qty> {
    settle::delivered(leg, level)
}

/// How many baskets the books offer above the minimal edge, before lots.
fn walk(legs: &[LegBook<'_>], terms: &Terms, scratch: &mut Scratch) -> Result<Qty, Refusal> {
    if legs.is_empty() {
        return Err(Refusal::NoLeg);
    }
    scratch.cursors.clear();
    for (index, leg) in legs.iter().enumerate() {
        let mut cursor = Cursor::default();
        let first = enter(leg, 0, &mut cursor).ok_or(Refusal::Overflow)?;
        let has_depth = first && (cursor.baskets > 0 || advance(leg, 0, &mut cursor)?);
        if !has_depth {
            return Err(Refusal::NoLevel { leg: index });
        }
        scratch.cursors.push(cursor);
    }
    let min_edge = scaled_outlay(terms.min_edge, RATIO_ONE);
    let set = scaled_outlay(terms.set, RATIO_ONE);
    let mut size = 0_u64;
    loop {
        let outlay = scratch.cursors.iter().try_fold(set, |sum, c| sum.checked_add(c.outlay));
        let edge = outlay.and_then(|outlay| scaled_edge(terms.payoff, outlay, terms.carry));
        if edge.ok_or(Refusal::Overflow)? <= min_edge {
            break;
        }
        size = scratch.cursors.iter().map(|cursor| cursor.baskets).min().unwrap_or(size);
        let mut is_open = true;
        for (leg, cursor) in legs.iter().zip(&mut scratch.cursors) {
            is_open &= cursor.baskets > size || advance(leg, size, cursor)?;
        }
        if !is_open {
            break;
        }
    }
    if size == 0 {
        return Err(Refusal::EdgeNotPositive);
    }
    Qty::from_micro(size).ok_or(Refusal::Overflow)
}

/// Moves to the next level that offers baskets beyond `size`. Returns whether there is one.
fn advance(leg: &LegBook<'_>, size: u64, cursor: &mut Cursor) -> Result<bool, Refusal> {
    while cursor.baskets <= size {
        let next = cursor.level.saturating_add(1);
        if !enter(leg, next, cursor).ok_or(Refusal::Overflow)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts the cursor on a level and adds what it offers. `Some(false)` where there is no such level,
/// `None` where a number does not fit.
fn enter(leg: &LegBook<'_>, level: usize, cursor: &mut Cursor) -> Option<bool> {
    let Some(found) = leg.levels.get(level) else { return Some(false) };
    if leg.ratio_micro == 0 {
        return None;
    }
    let net = settle::delivered(leg, *found)?;
    cursor.level = level;
    cursor.net_micro = cursor.net_micro.checked_add(net.micro())?;
    let baskets = u128::from(cursor.net_micro)
        .checked_mul(u128::from(RATIO_ONE))?
        .checked_div(u128::from(leg.ratio_micro))?;
    cursor.baskets = u64::try_from(baskets).ok()?.min(Qty::MAX.micro());
    let unit = unit_outlay(&leg.schedule, leg.side, found.price);
    cursor.outlay = scaled_outlay(unit, leg.ratio_micro);
    Some(true)
}

/// The largest multiple of the lot, up to `size`, whose capital fits. What a basket costs grows
/// with its size, so halving finds it.
fn within_capital(
    legs: &[LegBook<'_>],
    terms: &Terms,
    capital: Cash,
    size: Qty,
    scratch: &mut Scratch,
) -> Result<Qty, Refusal> {
    let lot = terms.lot.micro().max(1);
    let mut fits = |lots: u64| -> Result<bool, Refusal> {
        let size = lots.checked_mul(lot).and_then(Qty::from_micro).ok_or(Refusal::Overflow)?;
        match settle::legs(legs, size, &mut scratch.legs) {
            Ok(()) => {}
            // A size that the depth cannot settle is too large; a smaller one may fit.
            Err(Refusal::DepthForFee { .. }) => return Ok(false),
            Err(other) => return Err(other),
        }
        let needed = settle::capital(terms, size, &scratch.legs).ok_or(Refusal::Overflow)?;
        Ok(needed <= capital.exact())
    };
    let (mut low, mut high) = (0_u64, size.micro() / lot);
    if fits(high)? {
        return Ok(size);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    if low == 0 {
        return Err(Refusal::Capital);
    }
    low.checked_mul(lot).and_then(Qty::from_micro).ok_or(Refusal::Overflow)
}

/// Lots that a size may lose because a fee in contracts, made up for in whole lots, needs more than
/// the last level shows.
const SHRINK_LOTS_MAX: u32 = 4;

/// Settles at `size`, or at a few lots less where fees taken in contracts exhaust the depth.
fn settle_or_shrink(
    legs: &[LegBook<'_>],
    terms: &Terms,
    size: Qty,
    scratch: &mut Scratch,
) -> Result<Qty, Refusal> {
    let in_contracts = legs.iter().any(|leg| leg.schedule.collect == Collect::Contracts);
    let attempts = if in_contracts { SHRINK_LOTS_MAX } else { 0 };
    let mut size = size;
    for left in (0..=attempts).rev() {
        match settle::legs(legs, size, &mut scratch.legs) {
            Ok(()) => return Ok(size),
            Err(refusal @ Refusal::DepthForFee { .. }) if left == 0 => return Err(refusal),
            Err(Refusal::DepthForFee { .. }) => {
                size = size.checked_sub(terms.lot).ok_or(Refusal::BelowLot)?;
                if size.is_zero() {
                    return Err(Refusal::BelowLot);
                }
            }
            Err(other) => return Err(other),
        }
    }
    Err(Refusal::BelowLot)
}

/// Zero money, named where a sum starts.
const NOTHING: Exact = Exact::ZERO;

#[cfg(test)]
mod tests;
