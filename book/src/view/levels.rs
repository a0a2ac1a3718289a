//! The depth of one book as words: a header with its stamp, and rows of both sides' levels.

use super::cells::SeqCells;
use super::{HIGH_SHIFT, LOW_MASK, Torn, low_half, unpack_level, unpack_status};
use crate::depth::{DEPTH_LEVELS, Depth, Level, Side, Stamp, TopOfBook};
use crate::sync::{AtomicU64, Ordering};
use crate::time::Nanos;

/// Words before the rows of a depth block: version; epoch, status and counts; two stamps.
const DEPTH_HEADER: usize = 4;
const VERSION_WORD: usize = 0;
const COUNTS_WORD: usize = 1;
/// Words of one row: both prices, bid quantity, ask quantity of one depth.
const ROW_WORDS: usize = 3;
const DEPTH_WORDS: usize = DEPTH_HEADER + ROW_WORDS * DEPTH_LEVELS;
/// With the sequence, whole lines of eight words.
const DEPTH_WORDS_PADDED: usize = (DEPTH_WORDS + 1).next_multiple_of(8) - 1;
const BID_COUNT_SHIFT: u32 = 8;
const ASK_COUNT_SHIFT: u32 = 16;
const COUNT_MASK: u64 = 0xff;

const _: () = assert!(DEPTH_LEVELS as u64 <= COUNT_MASK);

/// The levels of one book. Header and first row share the first line; a row holds the levels of
/// both sides at one depth, so a shallow book is read and written in few lines.
pub(crate) struct DepthBlock(SeqCells<DEPTH_WORDS_PADDED>);

#[cfg(not(loom))]
const _: () = assert!(size_of::<DepthBlock>() == 448 && align_of::<DepthBlock>() == 64);

/// What changes on one side: from row `first` on come `levels`; rows that they do not reach stay.
pub(crate) struct Rows<I> {
    /// Levels that the side has afterwards, of those that fit.
    pub(crate) count: usize,
    /// Row of the first changed level.
    pub(crate) first: usize,
    /// Changed levels, best first.
    pub(crate) levels: I,
}

impl DepthBlock {
    /// A book without levels that awaits its snapshot.
    pub(crate) fn new() -> Self {
        Self(SeqCells::new([0; DEPTH_WORDS_PADDED]))
    }

    /// Maps the memory: zeroed words alone may stay without a page until they are stored.
    pub(crate) fn touch(&self) {
        self.0.write(|cells| cells.iter().for_each(|cell| cell.store(0, Ordering::Relaxed)));
    }

    /// The version published last. Only the writer may ask.
    pub(crate) fn version(&self) -> u64 {
        self.0.own(VERSION_WORD)
    }

    /// Best bid and ask published last. Only the writer may ask.
    pub(crate) fn top(&self) -> TopOfBook {
        let counts = unpack_counts(self.0.own(COUNTS_WORD));
        let row = [0, 1, 2].map(|word| self.0.own(DEPTH_HEADER + word));
        let [bid, ask] = [Side::Buy, Side::Sell].map(|side| unpack_row(row, counts, 0, side));
        TopOfBook { bid, ask }
    }

    /// Publishes a depth, of which rows may stay as they are. Only one thread may do so.
    pub(crate) fn write(
        &self,
        stamp: Stamp,
        bids: Rows<impl Iterator<Item = Level>>,
        asks: Rows<impl Iterator<Item = Level>>,
    ) {
        assert!(bids.count <= DEPTH_LEVELS && asks.count <= DEPTH_LEVELS, "levels fit the rows");
        let header = [
            stamp.version,
            (u64::from(stamp.epoch) << HIGH_SHIFT)
                | (to_word(asks.count) << ASK_COUNT_SHIFT)
                | (to_word(bids.count) << BID_COUNT_SHIFT)
                | u64::from(stamp.status as u8),
            stamp.ts_venue.0,
            stamp.ts_recv.0,
        ];
        self.0.write(|cells| {
            let (head, rows) = cells.split_at(DEPTH_HEADER);
            for (cell, word) in head.iter().zip(header) {
                cell.store(word, Ordering::Relaxed);
            }
            write_side(rows, Side::Buy, bids);
            write_side(rows, Side::Sell, asks);
        });
    }

    /// Copies the newest depth. `depth` is unchanged when the read tears.
    pub(crate) fn read(&self, depth: &mut Depth) -> Result<(), Torn> {
        let (mut head, mut rows) = ([0; DEPTH_HEADER], [0; ROW_WORDS * DEPTH_LEVELS]);
        self.0.read(|cells| {
            let (cells_head, cells_rows) = cells.split_at(DEPTH_HEADER);
            for (word, cell) in head.iter_mut().zip(cells_head) {
                *word = cell.load(Ordering::Relaxed);
            }
            // A header in the middle of a write may say anything; the rows are there in any case.
            let [bid_count, ask_count] = unpack_counts(head[COUNTS_WORD]);
            let used = bid_count.max(ask_count) * ROW_WORDS;
            for (word, cell) in rows.iter_mut().zip(cells_rows).take(used) {
                *word = cell.load(Ordering::Relaxed);
            }
        })?;
        unpack_depth(head, &rows, depth);
        assert!(is_best_first(depth), "levels that were read are best first");
        Ok(())
    }
}

/// Stores changed levels of one side into their rows, the other side's half left alone.
#[inline]
fn write_side(rows: &[AtomicU64], side: Side, changed: Rows<impl Iterator<Item = Level>>) {
    let rows = rows.as_chunks().0.get(changed.first..changed.count).unwrap_or_default();
    match side {
        Side::Buy => write_rows::<true>(rows, changed.levels),
        Side::Sell => write_rows::<false>(rows, changed.levels),
    }
}

/// The side is known when this is compiled: a top that comes or goes moves every row behind it, and
/// this loop is then the longest part of a publication.
#[inline]
fn write_rows<const IS_BID: bool>(
    rows: &[[AtomicU64; ROW_WORDS]],
    levels: impl Iterator<Item = Level>,
) {
    let mut last = if IS_BID { u64::MAX } else { 0 };
    for ([prices, bid_qty, ask_qty], level) in rows.iter().zip(levels) {
        let (micro, qty) = (u64::from(level.price.micro()), level.qty.micro());
        let is_worse = if IS_BID { micro < last } else { micro > last };
        assert!(is_worse, "published levels are best first");
        assert!(qty != 0, "a published level has a quantity");
        last = micro;
        // Relaxed: only this thread ever stores it.
        let before = prices.load(Ordering::Relaxed);
        if IS_BID {
            prices.store((before & !LOW_MASK) | micro, Ordering::Relaxed);
            bid_qty.store(qty, Ordering::Relaxed);
        } else {
            prices.store((before & LOW_MASK) | (micro << HIGH_SHIFT), Ordering::Relaxed);
            ask_qty.store(qty, Ordering::Relaxed);
        }
    }
}

/// Numbers of bid and ask levels, at most [`DEPTH_LEVELS`] whatever the word says.
#[inline]
fn unpack_counts(word: u64) -> [usize; 2] {
    [BID_COUNT_SHIFT, ASK_COUNT_SHIFT]
        .map(|shift| usize::try_from((word >> shift) & COUNT_MASK).unwrap_or(0).min(DEPTH_LEVELS))
}

/// One side's level in a row, where the side has that many.
#[inline]
fn unpack_row(row: [u64; 3], counts: [usize; 2], index: usize, side: Side) -> Option<Level> {
    let [prices, bid_qty, ask_qty] = row;
    let [bid_count, ask_count] = counts;
    match side {
        Side::Buy => (index < bid_count).then(|| unpack_level(prices & LOW_MASK, bid_qty)),
        Side::Sell => (index < ask_count).then(|| unpack_level(prices >> HIGH_SHIFT, ask_qty)),
    }
}

fn unpack_depth(head: [u64; DEPTH_HEADER], rows: &[u64], depth: &mut Depth) {
    let [version, packed, ts_venue, ts_recv] = head;
    let counts = unpack_counts(packed);
    depth.reset(Stamp {
        status: unpack_status(packed),
        epoch: low_half(packed >> HIGH_SHIFT),
        version,
        ts_venue: Nanos(ts_venue),
        ts_recv: Nanos(ts_recv),
    });
    for (index, row) in rows.as_chunks().0.iter().enumerate().take(counts[0].max(counts[1])) {
        for side in [Side::Buy, Side::Sell] {
            if let Some(level) = unpack_row(*row, counts, index, side) {
                depth.push(side, level);
            }
        }
    }
}

/// Whether bids fall, asks rise, and every level holds something.
fn is_best_first(depth: &Depth) -> bool {
    let (bids, asks) = (depth.levels(Side::Buy), depth.levels(Side::Sell));
    bids.is_sorted_by(|a, b| a.price > b.price)
        && asks.is_sorted_by(|a, b| a.price < b.price)
        && bids.iter().chain(asks).all(|level| !level.qty.is_zero())
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
        let [bids, asks] = [Side::Buy, Side::Sell].map(|side| {
            let levels = depth.levels(side);
            Rows { count: levels.len(), first: 0, levels: levels.iter().copied() }
        });
        self.write(depth.stamp, bids, asks);
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

    #[test]
    fn a_view_that_is_being_written_is_torn_and_changes_nothing() {
        let block = DepthBlock::new();
        block.0.sequence.store(1, Ordering::Relaxed);
        let mut seen = depth(5);
        assert_eq!((block.read(&mut seen), seen), (Err(Torn), depth(5)));
    }

    #[test]
    fn rows_that_a_change_does_not_reach_stay() {
        let block = DepthBlock::new();
        let mut expected = Depth::default();
        for cents in [40, 39, 38] {
            expected.push(Side::Buy, level(cents * 10_000, 1));
            expected.push(Side::Sell, level(1_000_000 - cents * 10_000, 2));
        }
        block.write_all(&expected);
        let bids = Rows { count: 2, first: 1, levels: [level(370_000, 9)].into_iter() };
        let asks = Rows { count: 3, first: 3, levels: core::iter::empty() };
        block.write(Stamp { version: 1, ..Stamp::default() }, bids, asks);
        let mut seen = Depth::default();
        block.read(&mut seen).unwrap();
        assert_eq!(seen.levels(Side::Buy), [level(400_000, 1), level(370_000, 9)]);
        assert_eq!(seen.levels(Side::Sell), expected.levels(Side::Sell));
        assert_eq!((block.version(), block.top()), (1, expected.top()));
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
