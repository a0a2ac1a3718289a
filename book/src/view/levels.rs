//! The depth of one book as words: a header with its stamp, and rows of both sides' levels.

use super::cells::SeqCells;
use super::{HIGH_SHIFT, LOW_MASK, Torn, low_half, unpack_level, unpack_status};
use crate::depth::{DEPTH_LEVELS, Depth, Level, Side, Stamp};
use crate::sync::Ordering;
use crate::time::Nanos;

/// Words before the rows of a depth block: version; epoch, status and counts; two stamps.
const DEPTH_HEADER: usize = 4;
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

impl DepthBlock {
    /// A book without levels that awaits its snapshot.
    pub(crate) fn new() -> Self {
        Self(SeqCells::new([0; DEPTH_WORDS_PADDED]))
    }

    /// Publishes a depth. Only one thread may do so.
    pub(crate) fn write(&self, depth: &Depth) {
        let (bids, asks) = (depth.levels(Side::Buy), depth.levels(Side::Sell));
        assert!(is_best_first(depth), "published levels are best first, each with a quantity");
        let stamp = depth.stamp;
        let header = [
            stamp.version,
            (u64::from(stamp.epoch) << HIGH_SHIFT)
                | (to_word(asks.len()) << ASK_COUNT_SHIFT)
                | (to_word(bids.len()) << BID_COUNT_SHIFT)
                | u64::from(stamp.status as u8),
            stamp.ts_venue.0,
            stamp.ts_recv.0,
        ];
        self.0.write(|cells| {
            let (head, rows) = cells.split_at(DEPTH_HEADER);
            for (cell, word) in head.iter().zip(header) {
                cell.store(word, Ordering::Relaxed);
            }
            let used = bids.len().max(asks.len());
            for (index, row) in rows.chunks_exact(ROW_WORDS).take(used).enumerate() {
                let bid = bids.get(index).copied().unwrap_or_default();
                let ask = asks.get(index).copied().unwrap_or_default();
                for (cell, word) in row.iter().zip(pack_row(bid, ask)) {
                    cell.store(word, Ordering::Relaxed);
                }
            }
        });
    }

    /// Copies the newest depth. `depth` is unchanged when the read tears.
    pub(crate) fn read(&self, depth: &mut Depth) -> Result<(), Torn> {
        let mut words = [0; DEPTH_WORDS];
        self.0.read(|cells| {
            let (cells_head, cells_rows) = cells.split_at(DEPTH_HEADER);
            let (head, rows) = words.split_at_mut(DEPTH_HEADER);
            for (word, cell) in head.iter_mut().zip(cells_head) {
                *word = cell.load(Ordering::Relaxed);
            }
            // A header in the middle of a write may say anything; the rows are there in any case.
            let used = unpack_counts(head).into_iter().max().unwrap_or(0);
            for (word, cell) in rows.iter_mut().zip(cells_rows).take(used * ROW_WORDS) {
                *word = cell.load(Ordering::Relaxed);
            }
        })?;
        let (head, rows) = words.split_at(DEPTH_HEADER);
        unpack_depth(head, rows, depth);
        assert!(is_best_first(depth), "levels that were read are best first");
        Ok(())
    }
}

#[inline]
fn pack_row(bid: Level, ask: Level) -> [u64; ROW_WORDS] {
    let prices = (u64::from(ask.price.micro()) << HIGH_SHIFT) | u64::from(bid.price.micro());
    [prices, bid.qty.micro(), ask.qty.micro()]
}

/// Numbers of bid and ask levels, at most [`DEPTH_LEVELS`] whatever the word says.
#[inline]
fn unpack_counts(head: &[u64]) -> [usize; 2] {
    let word = head.get(1).copied().unwrap_or(0);
    [BID_COUNT_SHIFT, ASK_COUNT_SHIFT]
        .map(|shift| usize::try_from((word >> shift) & COUNT_MASK).unwrap_or(0).min(DEPTH_LEVELS))
}

fn unpack_depth(head: &[u64], rows: &[u64], depth: &mut Depth) {
    let [bid_count, ask_count] = unpack_counts(head);
    let word = |index: usize| head.get(index).copied().unwrap_or(0);
    depth.reset(Stamp {
        status: unpack_status(word(1)),
        epoch: low_half(word(1) >> HIGH_SHIFT),
        version: word(0),
        ts_venue: Nanos(word(2)),
        ts_recv: Nanos(word(3)),
    });
    for (index, row) in rows.chunks_exact(ROW_WORDS).enumerate().take(bid_count.max(ask_count)) {
        let &[prices, bid_qty, ask_qty] = row else { continue };
        if index < bid_count {
            depth.push(Side::Buy, unpack_level(prices & LOW_MASK, bid_qty));
        }
        if index < ask_count {
            depth.push(Side::Sell, unpack_level(prices >> HIGH_SHIFT, ask_qty));
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
            if version > 0 {
                depth.reset(state(version).stamp);
                depth.push(Side::Buy, level(version));
                depth.push(Side::Sell, level(100 + version));
            }
            depth
        }
        model(2, || {
            let block = Arc::new(DepthBlock::new());
            let shared = Arc::clone(&block);
            let writer = loom::thread::spawn(move || {
                shared.write(&depth(1));
                shared.write(&depth(2));
            });
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
    #[should_panic(expected = "published levels are best first")]
    fn levels_out_of_order_are_not_published() {
        let mut depth = Depth::default();
        depth.push(Side::Sell, level(500_000, 1));
        depth.push(Side::Sell, level(400_000, 1));
        DepthBlock::new().write(&depth);
    }
}
