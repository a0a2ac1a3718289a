//! One side of a book: quantities indexed by tick, an occupancy bitmap, the best in O(1).
//!
//! Memory is 8 bytes a tick (0.8 KB at 0.01, 8 KB at 0.001, 80 KB at 0.0001), allocated and touched
//! once. Setting a level is one store and one bit; the cached best moves without a search unless
//! the best level itself vanishes, and then by a word scan from where it was.
//!
//! A ladder is the wrong structure for unbounded or continuous prices; those venues are refused by
//! their [`crate::grid::Grid`].

mod snapshot;

pub(crate) use snapshot::NamedTicks;

use core::hint::select_unpredictable;

use crate::depth::Side;
use crate::fetch::fetch_address;
use crate::grid::{Grid, Scale, Tick};
use crate::units::{Price, Qty};

pub(crate) const WORD_BITS: u32 = 64;
/// Bytes of one cell and of one word of the bitmap.
const CELL_BYTES: usize = size_of::<u64>();
/// Cells that fill a cache line.
pub(crate) const LINE_CELLS: usize = 8;
/// Most that are asked for at once: more would push out what was asked for first.
pub(crate) const FETCHED_CELLS_MAX: usize = 32 * LINE_CELLS;
/// The rank of no level: ticks lie between zero and one, both excluded.
const NO_RANK: u32 = 0;

/// Which levels of a side an update may have changed: a few, or any.
///
/// In one word, as it lies in the line that every change touches: three notes of 21 bits, a set bit and
/// the tick above it. A note moves those before it up, and that of a fourth reaches the top bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed(u64);

const NOTE_BITS: u32 = 21;
const TICK_MASK: u64 = (1 << (NOTE_BITS - 1)) - 1;
const NOTE: u64 = 1;

impl Changed {
    /// Nothing.
    const NONE: Self = Self(0);
    /// Anything: a set bit at every place, as notes that follow leave it.
    pub(crate) const ALL: Self =
        Self(NOTE | NOTE << NOTE_BITS | NOTE << (2 * NOTE_BITS) | NOTE << (3 * NOTE_BITS));

    /// Whether any level may have changed.
    #[inline]
    pub(crate) const fn is_any(self) -> bool {
        self.0 >> (3 * NOTE_BITS) != 0
    }

    /// The notes; none where it may be any level.
    #[inline]
    const fn few(self) -> u64 {
        if self.is_any() { 0 } else { self.0 }
    }

    /// The few levels of these bids and then of these asks, one of them more than once perhaps; none of
    /// a side of which any may have changed. One loop for both sides: most updates change one level, of a
    /// side that no predictor knows.
    #[inline]
    pub(crate) fn few_and(self, asks: Self) -> impl Iterator<Item = (Side, Tick)> {
        let (mut bids, mut asks) = (self.few(), asks.few());
        core::iter::from_fn(move || {
            let is_bid = bids != 0;
            let notes = select_unpredictable(is_bid, bids, asks);
            if notes == 0 {
                return None;
            }
            bids >>= NOTE_BITS;
            asks = select_unpredictable(is_bid, asks, notes >> NOTE_BITS);
            let side = select_unpredictable(is_bid, Side::Buy, Side::Sell);
            Some((side, Tick(u32::try_from((notes >> 1) & TICK_MASK).unwrap_or(0))))
        })
    }

    /// Notes a tick whose level is another now. Without a branch, as [`Ladder::occupy`].
    #[inline]
    fn note(&mut self, tick: Tick, is_changed: bool) {
        let note = (u64::from(tick.0) << 1) | NOTE;
        let (shift, note) = if is_changed { (NOTE_BITS, note) } else { (0, 0) };
        self.0 = (self.0 << shift) | note;
    }
}

/// Levels of one side. All that a change needs beside the cell of its tick is one cache line: a
/// book that has not moved for a while is cold.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Ladder {
    /// Rank of the best level, zero without one: see [`Ladder::rank`].
    best_rank: u32,
    /// Turns ticks into ranks: zero on the side of bids.
    rank_mask: u32,
    /// What the best level holds: its own cell lies in a line that is cold in all but a few books.
    best_qty: Qty,
    /// Since the last commit.
    changing: Changed,
    /// By the last commit.
    changed: Changed,
    count: u32,
    /// Words of the bitmap at the start of `cells`.
    words: u32,
    /// From prices to ticks and back: the grid itself lies in a line that is cold.
    scale: Scale,
    /// The occupancy bitmap, then the quantity of each tick: one allocation, so that near pages
    /// hold all of a small book. Words beside the cells of their ticks were tried: a change that
    /// looks at two words then waits for two cold lines, and the paced way took a quarter longer.
    cells: Box<[u64]>,
}

const _: () = assert!(size_of::<Ladder>() == 64);

impl Ladder {
    /// An empty side for the ticks of a grid.
    #[must_use]
    pub fn new(side: Side, grid: &Grid) -> Self {
        let ticks = grid.ticks();
        let words = ticks.div_ceil(WORD_BITS);
        Self {
            best_rank: NO_RANK,
            rank_mask: match side {
                Side::Buy => 0,
                Side::Sell => u32::MAX,
            },
            best_qty: Qty::ZERO,
            changing: Changed::ALL,
            changed: Changed::ALL,
            count: 0,
            words,
            scale: grid.scale(),
            cells: vec![0; words.saturating_add(ticks) as usize].into_boxed_slice(),
        }
    }

    const fn side(&self) -> Side {
        if self.rank_mask == 0 { Side::Buy } else { Side::Sell }
    }

    /// Where the words of the bitmap begin, and behind them the cells.
    pub(crate) fn address(&self) -> usize {
        self.cells.as_ptr().addr()
    }

    /// Words of the bitmap.
    pub(crate) const fn words(&self) -> u32 {
        self.words
    }

    /// The scale of its ticks.
    pub(crate) const fn scale(&self) -> Scale {
        self.scale
    }

    /// The cell of a tick's quantity.
    #[inline]
    const fn cell_of(&self, tick: Tick) -> usize {
        (tick.0 as usize).saturating_add(self.words as usize)
    }

    /// A word of the bitmap.
    #[inline]
    fn word(&self, index: usize) -> Option<u64> {
        if index < self.words as usize { self.cells.get(index).copied() } else { None }
    }

    /// The best level's tick: highest bid, lowest ask.
    #[inline]
    #[must_use]
    pub const fn best(&self) -> Option<Tick> {
        if self.best_rank == NO_RANK { None } else { Some(Tick(self.best_rank ^ self.rank_mask)) }
    }

    /// A tick as a number that is larger the better its price: the tick itself for bids, its bits
    /// turned over for asks. Sides come in no order that a predictor could learn, so that comparing
    /// two levels must not branch on the side. No tick of a ladder has rank zero.
    #[inline]
    const fn rank(&self, tick: Tick) -> u32 {
        tick.0 ^ self.rank_mask
    }

    /// The best level: its tick and quantity.
    #[inline]
    #[must_use]
    pub fn best_level(&self) -> Option<(Tick, Qty)> {
        self.best().map(|tick| (tick, self.best_qty))
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

    /// Number of levels.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The quantity at a tick; zero where there is no level or no such tick.
    #[inline]
    #[must_use]
    pub fn qty_at(&self, tick: Tick) -> Qty {
        let micro = self.cells.get(self.cell_of(tick)).copied().unwrap_or(0);
        Qty::from_micro(micro).unwrap_or(Qty::ZERO)
    }

    /// Sets the quantity at a tick; zero removes the level. Returns what was there before, or
    /// `None` when the tick is outside the ladder (and nothing changed).
    #[inline]
    pub fn set(&mut self, tick: Tick, qty: Qty) -> Option<Qty> {
        let at = self.cell_of(tick);
        let cell = self.cells.get_mut(at)?;
        let before = core::mem::replace(cell, qty.micro());
        let (was_there, is_there) = (before != 0, !qty.is_zero());
        self.changing.note(tick, before != qty.micro());
        self.occupy(tick, was_there, is_there);
        // Rare, as most changes lie behind the best level: the branch is foretold.
        if self.rank(tick) >= self.best_rank {
            self.move_best(tick, qty, was_there);
        }
        Qty::from_micro(before)
    }

    /// Notes whether there is a level. Without a branch: levels come, change and go in no order that
    /// a predictor could learn.
    #[inline]
    fn occupy(&mut self, tick: Tick, was_there: bool, is_there: bool) {
        if let Some(word) = self.cells.get_mut((tick.0 / WORD_BITS) as usize) {
            let at = tick.0 % WORD_BITS;
            *word = (*word & !(1 << at)) | (u64::from(is_there) << at);
        }
        let (before, now) = (u32::from(was_there), u32::from(is_there));
        self.count = self.count.wrapping_add(now).wrapping_sub(before);
    }

    /// The best level changed, was bettered, or vanished.
    fn move_best(&mut self, tick: Tick, qty: Qty, was_there: bool) {
        if !qty.is_zero() {
            (self.best_rank, self.best_qty) = (self.rank(tick), qty);
        } else if was_there {
            let next = self.next_worse(tick);
            self.best_rank = next.map_or(NO_RANK, |next| self.rank(next));
            self.best_qty = next.map_or(Qty::ZERO, |next| self.qty_at(next));
        }
    }

    /// The nearest level behind `tick`, away from the spread.
    #[inline]
    #[must_use]
    pub fn next_worse(&self, tick: Tick) -> Option<Tick> {
        match self.side() {
            Side::Buy => self.occupied_below(tick),
            Side::Sell => self.occupied_above(tick),
        }
    }

    fn occupied_below(&self, tick: Tick) -> Option<Tick> {
        let mut index = (tick.0 / WORD_BITS) as usize;
        let mut word = self.word(index)? & ((1_u64 << (tick.0 % WORD_BITS)) - 1);
        loop {
            if word != 0 {
                return Some(Tick(tick_base(index) + (WORD_BITS - 1 - word.leading_zeros())));
            }
            index = index.checked_sub(1)?;
            word = self.word(index)?;
        }
    }

    fn occupied_above(&self, tick: Tick) -> Option<Tick> {
        let mut index = (tick.0 / WORD_BITS) as usize;
        let below_or_at = u64::MAX >> (WORD_BITS - 1 - tick.0 % WORD_BITS);
        let mut word = self.word(index)? & !below_or_at;
        loop {
            if word != 0 {
                return Some(Tick(tick_base(index) + word.trailing_zeros()));
            }
            index += 1;
            word = self.word(index)?;
        }
    }

    /// Levels from the best outwards, of a side that is known when this is compiled.
    #[inline]
    pub(crate) fn walk<const IS_BID: bool>(&self) -> impl Iterator<Item = (Tick, Qty)> + '_ {
        assert!(IS_BID == (self.side() == Side::Buy), "a side is walked from its best level");
        let (bitmap, cells) = self.cells.split_at(self.words as usize);
        let best = self.best();
        // Behind the last word of either side where there is no level.
        let behind = if IS_BID { 0 } else { bitmap.len() };
        let index = best.map_or(behind, |best| (best.0 / WORD_BITS) as usize);
        let word = best.and_then(|_| bitmap.get(index).copied()).unwrap_or(0);
        Walk::<IS_BID> { bitmap, cells, index, base: tick_base(index), word, left: self.count }
    }

    /// Levels from the best outwards.
    pub fn iter(&self) -> impl Iterator<Item = (Tick, Qty)> + '_ {
        let is_bid = self.side() == Side::Buy;
        let bids = is_bid.then(|| self.walk::<true>());
        let asks = (!is_bid).then(|| self.walk::<false>());
        bids.into_iter().flatten().chain(asks.into_iter().flatten())
    }

    /// Marks the end of an update: what changed since the last end is what this one changed.
    #[inline]
    pub(crate) fn commit(&mut self) {
        self.changed = core::mem::replace(&mut self.changing, Changed::NONE);
    }

    /// What the last committed update changed, and anything if more has changed since.
    #[inline]
    #[must_use]
    pub(crate) fn changed(&self) -> Changed {
        if self.changing == Changed::NONE { self.changed } else { Changed::ALL }
    }

    /// Asks for the memory of the levels between a tick and the best, without waiting.
    #[inline]
    pub(crate) fn fetch_towards(&self, tick: Tick) {
        let best = self.best().unwrap_or(tick);
        let (low, high) = (self.cell_of(tick.min(best)), self.cell_of(tick.max(best)));
        let mut cell = low;
        while cell < high && cell < low.wrapping_add(FETCHED_CELLS_MAX) {
            fetch_cell(self.address(), cell);
            cell = cell.wrapping_add(LINE_CELLS);
        }
        fetch_cell(self.address(), high);
    }

    /// Removes every level, touching only occupied words.
    pub fn clear(&mut self) {
        self.changing = Changed::ALL;
        let (bitmap, qty) = self.cells.split_at_mut(self.words as usize);
        for (index, word) in bitmap.iter_mut().enumerate() {
            clear_cells(qty, tick_base(index), core::mem::take(word));
        }
        (self.best_rank, self.best_qty) = (NO_RANK, Qty::ZERO);
        self.count = 0;
    }
}

/// Levels from the best outwards: holds what is left of a word of the bitmap, where asking anew for each
/// next level costs three times as many instructions. The side is known when this is compiled: a
/// snapshot shows a dozen levels of either, and this loop is then the longest part of a publication.
struct Walk<'a, const IS_BID: bool> {
    bitmap: &'a [u64],
    cells: &'a [u64],
    index: usize,
    /// First tick of the word.
    base: u32,
    /// Levels of the word that are not walked yet.
    word: u64,
    /// Levels that are not walked yet: there may be many empty words behind the last of them. Counted
    /// down, as not every machine counts the bits of a word at once.
    left: u32,
}

impl<const IS_BID: bool> Iterator for Walk<'_, IS_BID> {
    type Item = (Tick, Qty);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.word == 0 {
            if self.left == 0 {
                return None;
            }
            let step = if IS_BID { usize::MAX } else { 1 };
            self.index = self.index.wrapping_add(step);
            self.base = tick_base(self.index);
            self.word = *self.bitmap.get(self.index)?;
        }
        self.left = self.left.wrapping_sub(1);
        let zeros = if IS_BID { self.word.leading_zeros() } else { self.word.trailing_zeros() };
        let bit = if IS_BID { WORD_BITS - 1 - zeros } else { zeros };
        self.word &= !(1_u64 << bit);
        let tick = Tick(self.base.wrapping_add(bit));
        let micro = self.cells.get(tick.0 as usize).copied().unwrap_or(0);
        Some((tick, Qty::from_micro(micro).unwrap_or(Qty::ZERO)))
    }
}

/// Asks for the memory of a cell, or of a word of the bitmap, behind where they begin.
#[inline(always)]
pub(crate) fn fetch_cell(begin: usize, cell: usize) {
    fetch_address(begin.wrapping_add(cell.wrapping_mul(CELL_BYTES)));
}

/// Clears the quantities of the ticks from `base` on whose bits are set.
#[inline]
fn clear_cells(qty: &mut [u64], base: u32, mut gone: u64) {
    while gone != 0 {
        if let Some(cell) = qty.get_mut((base + gone.trailing_zeros()) as usize) {
            *cell = 0;
        }
        gone &= gone - 1;
    }
}

/// First tick of a bitmap word. A ladder has at most 1e6 ticks, so the index fits.
fn tick_base(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(WORD_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn grid(step_micro: u32) -> Grid {
        Grid::uniform(Price::from_micro(step_micro).unwrap()).unwrap()
    }

    proptest! {
        /// The ladder is an ordered map: same content, same best, same order, after any stream.
        #[test]
        fn equals_an_ordered_map(
            buy in any::<bool>(),
            // Dense, and so sparse that whole words of the bitmap are empty.
            (step, spread) in prop_oneof![Just((4_000, 1)), Just((4, 1_000)), Just((100, 39))],
            stream in proptest::collection::vec((1_u32..250, 0_u64..4), 1..400),
        ) {
            let side = if buy { Side::Buy } else { Side::Sell };
            let (mut ladder, mut map) = (Ladder::new(side, &grid(step)), BTreeMap::new());
            for (tick, qty) in stream {
                let tick = tick * spread;
                let qty = Qty::from_contracts(qty).unwrap();
                ladder.set(Tick(tick), qty);
                if qty.is_zero() { map.remove(&tick); } else { map.insert(tick, qty); }
                let best = if buy { map.last_key_value() } else { map.first_key_value() };
                prop_assert_eq!(ladder.best(), best.map(|(tick, _)| Tick(*tick)));
                prop_assert_eq!(ladder.best_level(), best.map(|(tick, qty)| (Tick(*tick), *qty)));
                prop_assert_eq!(ladder.count() as usize, map.len());
            }
            let mut expected: Vec<_> = map.iter().map(|(t, q)| (Tick(*t), *q)).collect();
            if buy { expected.reverse(); }
            prop_assert_eq!(ladder.iter().collect::<Vec<_>>(), expected);
            ladder.clear();
            prop_assert_eq!((ladder.best(), ladder.count(), ladder.iter().count()), (None, 0, 0));
        }
    }

    #[test]
    fn a_tick_outside_the_ladder_changes_nothing() {
        let mut ladder = Ladder::new(Side::Sell, &grid(10_000));
        assert_eq!(ladder.set(Tick(100), Qty::ONE), None);
        assert_eq!(ladder.set(Tick(u32::MAX), Qty::ONE), None);
        assert_eq!(ladder.best(), None);
    }
}
