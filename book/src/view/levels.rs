//! The depth of one book as words: a header with its stamp, and slots for both sides' levels.

use super::cells::SeqCells;
use super::order::Order;
use super::{HIGH_SHIFT, LOW_MASK, Torn, low_half, unpack_status};
use crate::depth::{DEPTH_LEVELS, Depth, Level, Side, Stamp, TopOfBook};
use crate::sync::{AtomicU64, Ordering};
use crate::time::Nanos;
use crate::units::{Price, Qty};

/// Words before the slots, which fill a line with the sequence: version; epoch, status and counts; two
/// stamps; for each side in which slots its levels lie; one that is not used.
const HEADER_WORDS: usize = 7;
const VERSION_WORD: usize = 0;
const COUNTS_WORD: usize = 1;
const ORDER_WORDS: usize = 4;
/// Two prices lie in one word.
const PRICE_WORDS: usize = DEPTH_LEVELS / 2;
/// Behind the header: the prices of each side, then the quantities of each side, all of them whole
/// lines, so that a changed level is in three lines.
const PRICES_START: usize = HEADER_WORDS;
const QTYS_START: usize = PRICES_START + 2 * PRICE_WORDS;
const DEPTH_WORDS: usize = QTYS_START + 2 * DEPTH_LEVELS;
const BID_COUNT_SHIFT: u32 = 8;
const ASK_COUNT_SHIFT: u32 = 16;
const COUNT_MASK: u64 = 0xff;

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

const _: () = assert!(DEPTH_LEVELS as u64 <= COUNT_MASK);

/// The levels of one book. A level keeps its slot for as long as it is shown.
pub(crate) struct DepthBlock(SeqCells<DEPTH_WORDS>);

#[cfg(not(loom))]
const _: () = assert!(size_of::<DepthBlock>() == 448 && align_of::<DepthBlock>() == 64);

impl DepthBlock {
    /// A book without levels that awaits its snapshot.
    pub(crate) fn new() -> Self {
        let mut words = [0; DEPTH_WORDS];
        words[ORDER_WORDS] = Order::PLAIN.0;
        words[ORDER_WORDS + 1] = Order::PLAIN.0;
        Self(SeqCells::new(words))
    }

    /// Maps the memory: words that were made alone may stay without a page until they are stored.
    pub(crate) fn touch(&self) {
        self.0.write(|cells| {
            for cell in cells {
                cell.store(cell.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        });
    }

    /// The version published last. Only the writer may ask.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.0.own(VERSION_WORD)
    }

    /// Whether the best levels published last are these. Only the writer may ask.
    #[inline]
    pub(crate) fn shows(&self, top: TopOfBook) -> bool {
        let shown = Shown::of(self.0.own_words());
        shown.is_best(Side::Buy, top.bid) && shown.is_best(Side::Sell, top.ask)
    }

    /// Publishes a state, whose levels `fill` makes of those shown so far. Only one thread may do so.
    #[inline]
    pub(crate) fn write(&self, stamp: Stamp, fill: impl FnOnce(&mut Shown<'_>)) {
        self.0.write(|cells| {
            let mut shown = Shown::of(cells);
            fill(&mut shown);
            let [bids, asks] = shown.counts;
            let packed = (u64::from(stamp.epoch) << HIGH_SHIFT)
                | (to_word(asks) << ASK_COUNT_SHIFT)
                | (to_word(bids) << BID_COUNT_SHIFT)
                | u64::from(stamp.status as u8);
            let header = [stamp.version, packed, stamp.ts_venue.0, stamp.ts_recv.0];
            for (cell, word) in cells.iter().zip(header) {
                cell.store(word, Ordering::Relaxed);
            }
        });
    }

    /// Copies the newest depth. `depth` is unchanged when the read tears.
    pub(crate) fn read(&self, depth: &mut Depth) -> Result<(), Torn> {
        let mut head = [0; ORDER_WORDS];
        let mut levels = [[(0, 0); DEPTH_LEVELS]; 2];
        self.0.read(|cells| {
            for (word, cell) in head.iter_mut().zip(cells) {
                *word = cell.load(Ordering::Relaxed);
            }
            // A header in the middle of a write may say anything; the slots are there in any case.
            let shown = Shown { counts: unpack_counts(head[COUNTS_WORD]), ..Shown::of(cells) };
            for (side, levels) in SIDES.into_iter().zip(&mut levels) {
                let order = shown.order(side);
                for (place, level) in levels.iter_mut().enumerate().take(shown.count(side)) {
                    let slot = order.slot(place);
                    *level = (shown.rank_at(side, slot), shown.qty_at(side, slot));
                }
            }
        })?;
        unpack_depth(head, &levels, depth);
        Ok(())
    }
}

/// What a block shows, and to the writer a way to show something else.
pub(crate) struct Shown<'a> {
    cells: &'a [AtomicU64; DEPTH_WORDS],
    /// Levels of each side.
    counts: [usize; 2],
}

// Relaxed throughout: stored by one thread only, and ordered by the sequence around them.
impl<'a> Shown<'a> {
    #[inline]
    fn of(cells: &'a [AtomicU64; DEPTH_WORDS]) -> Self {
        Self { cells, counts: unpack_counts(cells[COUNTS_WORD].load(Ordering::Relaxed)) }
    }

    /// In which slots a side's levels lie.
    #[inline]
    const fn order_cell(&self, side: Side) -> &'a AtomicU64 {
        &self.cells[ORDER_WORDS + side as usize]
    }

    /// By slot, two in a word: the rank of the level's price, zero in a free slot.
    #[inline]
    fn prices(&self, side: Side) -> &'a [AtomicU64; PRICE_WORDS] {
        &self.cells.split_at(PRICES_START).1.as_chunks().0[side as usize]
    }

    /// By slot.
    #[inline]
    fn qtys(&self, side: Side) -> &'a [AtomicU64; DEPTH_LEVELS] {
        &self.cells.split_at(QTYS_START).1.as_chunks().0[side as usize]
    }

    #[inline]
    fn count(&self, side: Side) -> usize {
        self.counts[side as usize]
    }

    #[inline]
    fn order(&self, side: Side) -> Order {
        Order(self.order_cell(side).load(Ordering::Relaxed))
    }

    #[inline]
    fn rank_at(&self, side: Side, slot: usize) -> u32 {
        rank_in(self.prices(side)[slot / 2].load(Ordering::Relaxed), slot)
    }

    #[inline]
    fn price_at(&self, side: Side, slot: usize) -> Price {
        mirrored_asks(side, Price::from_micro(self.rank_at(side, slot)).unwrap_or(Price::ONE))
    }

    #[inline]
    fn qty_at(&self, side: Side, slot: usize) -> u64 {
        self.qtys(side)[slot].load(Ordering::Relaxed)
    }

    #[inline]
    fn is_best(&self, side: Side, level: Option<Level>) -> bool {
        let slot = self.order(side).slot(0);
        let shown = (self.rank_at(side, slot), self.qty_at(side, slot));
        level.map_or(self.count(side) == 0, |level| {
            self.count(side) > 0 && shown == (rank_of(side, level.price), level.qty.micro())
        })
    }

    /// Number of shown levels whose prices are better than a rank: all slots are compared at once,
    /// two in a word, as no predictor knows where a level comes or goes.
    #[inline]
    fn better_than(&self, side: Side, rank: u32) -> usize {
        const EACH: u64 = 1 | (1 << HIGH_SHIFT);
        const TOPS: u64 = EACH << 31;
        let least = u64::from(rank).wrapping_add(1).wrapping_mul(EACH);
        let count = |sum: u64, prices: &AtomicU64| {
            let ranks = prices.load(Ordering::Relaxed);
            sum.wrapping_add((((ranks | TOPS).wrapping_sub(least)) & TOPS) >> 31)
        };
        let halves = self.prices(side).iter().fold(0, count);
        (halves.wrapping_add(halves >> HIGH_SHIFT) & COUNT_MASK) as usize
    }

    #[inline]
    fn store(&self, side: Side, slot: usize, rank: u32, qty: Qty) {
        let prices = &self.prices(side)[slot / 2];
        let shift = slot % 2 * HIGH_SHIFT as usize;
        let kept = prices.load(Ordering::Relaxed) & !(LOW_MASK << shift);
        prices.store(kept | (u64::from(rank) << shift), Ordering::Relaxed);
        self.qtys(side)[slot].store(qty.micro(), Ordering::Relaxed);
    }

    /// Shows these levels, best first, as many as there is room for, and no others.
    #[inline]
    pub(crate) fn fill(&mut self, side: Side, levels: impl Iterator<Item = Level>) {
        let mut levels = levels.fuse();
        let (mut last, mut count) = (u32::MAX, 0_usize);
        for (prices, qtys) in self.prices(side).iter().zip(self.qtys(side).as_chunks::<2>().0) {
            let mut word = 0;
            for (qty, shift) in qtys.iter().zip([0, HIGH_SHIFT]) {
                let Some(level) = levels.next() else { break };
                let rank = rank_of(side, level.price);
                assert!(rank < last, "published levels are best first");
                assert!(!level.qty.is_zero(), "a published level has a quantity");
                last = rank;
                word |= u64::from(rank) << shift;
                qty.store(level.qty.micro(), Ordering::Relaxed);
                count = count.wrapping_add(1);
            }
            prices.store(word, Ordering::Relaxed);
        }
        self.order_cell(side).store(Order::PLAIN.0, Ordering::Relaxed);
        self.counts[side as usize] = count;
    }

    /// Shows a level that came, changed or went (a quantity of zero), where it is among the best for
    /// which there is room. Where one goes from a full room, what `behind` tells to be the next worse
    /// than a price comes in. What it does with a level that is shown has no branch but a rare one:
    /// levels come, change and go in no order that a predictor could learn.
    #[inline]
    pub(crate) fn put(
        &mut self,
        side: Side,
        level: Level,
        behind: impl FnOnce(Price) -> Option<Level>,
    ) {
        let rank = rank_of(side, level.price);
        let (count, before) = (self.count(side), self.order(side));
        let (last, worst) = (count.wrapping_sub(1), count.min(DEPTH_LEVELS - 1));
        // In a free slot there is a rank that no level is below.
        if rank < self.rank_at(side, before.slot(worst)) {
            return;
        }
        let place = self.better_than(side, rank);
        let is_shown = self.rank_at(side, before.slot(place)) == rank;
        let is_gone = level.qty.is_zero();
        if is_gone && !is_shown {
            return;
        }
        // A new level takes the first free slot, or that of the worst level; one that goes leaves its
        // slot behind all others.
        let from = if is_shown { place } else { worst };
        let to = if is_gone { last } else { place };
        let order = before.moved(from, to);
        let is_full = is_gone && count == DEPTH_LEVELS;
        let next = if is_full { behind(self.price_at(side, before.slot(last))) } else { None };
        self.order_cell(side).store(order.0, Ordering::Relaxed);
        self.store(side, order.slot(to), if is_gone { 0 } else { rank }, level.qty);
        let grown = count.max(worst.wrapping_add(usize::from(!is_shown)));
        self.counts[side as usize] = if is_gone { last } else { grown };
        if let Some(next) = next {
            self.store(side, order.slot(last), rank_of(side, next.price), next.qty);
            self.counts[side as usize] = count;
        }
    }
}

/// A price as a number that is larger the better it is, and never zero for one between zero and one.
#[inline]
const fn rank_of(side: Side, price: Price) -> u32 {
    mirrored_asks(side, price).micro()
}

/// The rank of a price as a price, and the price of such a rank.
#[inline]
const fn mirrored_asks(side: Side, price: Price) -> Price {
    match side {
        Side::Buy => price,
        Side::Sell => price.complement(),
    }
}

/// The rank of a slot in the word of its prices.
#[inline]
fn rank_in(prices: u64, slot: usize) -> u32 {
    low_half(if slot.is_multiple_of(2) { prices } else { prices >> HIGH_SHIFT })
}

/// Numbers of bid and ask levels, at most [`DEPTH_LEVELS`] whatever the word says.
#[inline]
fn unpack_counts(word: u64) -> [usize; 2] {
    [BID_COUNT_SHIFT, ASK_COUNT_SHIFT]
        .map(|shift| usize::try_from((word >> shift) & COUNT_MASK).unwrap_or(0).min(DEPTH_LEVELS))
}

/// Takes a level out of its words; whatever wrote them keeps these claims.
#[inline]
fn unpack_ranked(side: Side, rank: u32, qty: u64) -> Level {
    let (rank, qty) = (Price::from_micro(rank), Qty::from_micro(qty));
    assert!(rank.is_some(), "a published price is at most one");
    assert!(qty.is_some_and(|qty| !qty.is_zero()), "a published level has a quantity in range");
    Level { price: mirrored_asks(side, rank.unwrap_or_default()), qty: qty.unwrap_or_default() }
}

fn unpack_depth(
    head: [u64; ORDER_WORDS],
    levels: &[[(u32, u64); DEPTH_LEVELS]; 2],
    depth: &mut Depth,
) {
    let [version, packed, ts_venue, ts_recv] = head;
    let counts = unpack_counts(packed);
    depth.reset(Stamp {
        status: unpack_status(packed),
        epoch: low_half(packed >> HIGH_SHIFT),
        version,
        ts_venue: Nanos(ts_venue),
        ts_recv: Nanos(ts_recv),
    });
    for ((side, levels), count) in SIDES.into_iter().zip(levels).zip(counts) {
        let mut last = u32::MAX;
        for &(rank, qty) in levels.iter().take(count) {
            assert!(rank < last, "levels that were read are best first");
            last = rank;
            depth.push(side, unpack_ranked(side, rank, qty));
        }
    }
}

/// A small count as a word.
#[inline]
fn to_word(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl DepthBlock {
    /// Publishes every level of a depth.
    pub(super) fn write_all(&self, depth: &Depth) {
        self.write(depth.stamp, |shown| {
            for side in SIDES {
                shown.fill(side, depth.levels(side).iter().copied());
            }
        });
    }
}

#[cfg(loom)]
#[cfg(test)]
mod models {
    use super::super::models::{level, state};
    use super::*;
    use crate::sync::model;
    use std::sync::Arc;

    #[test]
    fn the_levels_of_a_depth_are_those_of_its_stamp() {
        fn depth(version: u64) -> Depth {
            let mut depth = Depth::default();
            depth.reset(state(version).stamp);
            depth.push(Side::Buy, level(version));
            depth.push(Side::Sell, level(100 + version));
            depth
        }
        model(2, || {
            let block = Arc::new(DepthBlock::new());
            block.write_all(&depth(1));
            let shared = Arc::clone(&block);
            let writer = loom::thread::spawn(move || shared.write_all(&depth(2)));
            let mut seen = Depth::default();
            if block.read(&mut seen).is_ok() {
                assert_eq!(seen.levels(Side::Buy), depth(seen.stamp.version).levels(Side::Buy));
                assert_eq!(seen.levels(Side::Sell), depth(seen.stamp.version).levels(Side::Sell));
            }
            writer.join().unwrap();
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::super::tests::{depth, level};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_view_that_is_being_written_is_torn_and_changes_nothing() {
        let block = DepthBlock::new();
        block.0.sequence.store(1, Ordering::Relaxed);
        let mut seen = depth(5);
        assert_eq!((block.read(&mut seen), seen), (Err(Torn), depth(5)));
    }

    proptest! {
        /// One change after the other shows the best levels of an ordered map, and the other side's stay.
        #[test]
        fn changes_show_the_best_of_an_ordered_map(
            side in prop_oneof![Just(Side::Buy), Just(Side::Sell)],
            changes in proptest::collection::vec((1_u32..60, 0_u64..4), 1..200),
        ) {
            let block = DepthBlock::new();
            let mut other = Depth::default();
            other.push(side.other(), level(if side == Side::Buy { 900_000 } else { 100 }, 7));
            block.write_all(&other);
            let mut map = BTreeMap::new();
            let price = |number: u32| Price::from_micro(number * 1_000).unwrap();
            let shown = |(number, qty): (&u32, &u64)| {
                Level { price: price(*number), qty: Qty::from_micro(*qty).unwrap() }
            };
            for (number, qty) in changes {
                if qty == 0 { map.remove(&number); } else { map.insert(number, qty); }
                let behind = |worst: Price| {
                    let worst = worst.micro() / 1_000;
                    let next = match side {
                        Side::Buy => map.range(..worst).next_back(),
                        Side::Sell => map.range(worst + 1..).next(),
                    };
                    next.map(shown)
                };
                block.write(Stamp::default(), |now| now.put(side, shown((&number, &qty)), behind));
                let mut seen = Depth::default();
                block.read(&mut seen).unwrap();
                let mut expected = map.iter().map(shown).collect::<Vec<_>>();
                if side == Side::Buy {
                    expected.reverse();
                }
                expected.truncate(DEPTH_LEVELS);
                prop_assert_eq!(seen.levels(side), &*expected);
                prop_assert_eq!(seen.levels(side.other()), other.levels(side.other()));
                prop_assert!(block.shows(seen.top()));
                prop_assert!(!block.shows(other.top()) || seen.top() == other.top());
            }
        }
    }

    #[test]
    #[should_panic(expected = "published levels are best first")]
    fn levels_out_of_order_are_not_published() {
        let mut depth = Depth::default();
        depth.push(Side::Sell, level(500_000, 1));
        depth.push(Side::Sell, level(400_000, 1));
        DepthBlock::new().write_all(&depth);
    }
}
