//! The lock-free part: one writer publishes a book's top and depth, any number of readers copy them.
//!
//! A view is a sequence and some words in whole cache lines. The writer makes the sequence odd,
//! writes the words, makes it even; a reader copies the words and believes the copy only when the
//! sequence was even before and the same after. The words are relaxed atomics, so a copy made
//! during a write is no undefined behaviour: it is a copy that gets thrown away. There is no
//! `unsafe` here.
//!
//! What it costs: a reader never delays the writer beyond taking its cache line; a reader that
//! polls a view without pause does take it (the writer's store then costs 10-20 ns, not 2.5).
//! Poll the ring, read the view when the ring says so. The wrong choice where every state must be
//! seen: a view shows the newest one.
//!
//! Each ordering was weakened on purpose, one at a time, under the models of this folder: without
//! the release fence, the acquire fence, the release of the even sequence, the acquire of the
//! first look, the odd sequence, its check or the second look, loom finds a mixed copy. What loom
//! cannot see is a load that a processor delays past a later store; the reader has no such pair.
//! The stress test runs the same claims on real threads, whole depths included.
//!
//! Top and depth have a sequence each: the top is one line and read often, the depth is up to
//! seven and read when the top promises something. A depth carries the stamp of its own state, so
//! it is never taken for the levels of another version.

mod cells;
mod latest;
mod levels;
mod order;

pub use latest::{LatestReader, LatestWriter, latest};
pub(crate) use levels::{DepthBlock, Shown};

use crate::depth::{BookStatus, Level, Stamp, TopOfBook};
use crate::id::BookId;
use crate::ring::{SLOT_WORDS, Words};
use crate::sync::Ordering;
use crate::time::Nanos;
use crate::units::{Price, Qty};
use cells::SeqCells;

/// The writer was busy on every try; nothing was copied. Count it and go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn;

impl core::fmt::Display for Torn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the view was being written on every try")
    }
}

impl core::error::Error for Torn {}

/// Best bid and ask of a book with the state that they belong to, in YES terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopView {
    /// Best bid and ask.
    pub top: TopOfBook,
    /// Which state this is.
    pub stamp: Stamp,
}

/// What a feed hands to the evaluator by value: the new top of one book. Seven words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopUpdate {
    /// Whose top this is.
    pub book: BookId,
    /// Best bid and ask in YES terms.
    pub top: TopOfBook,
    /// Which state this is.
    pub stamp: Stamp,
}

const PRICE_BITS: u32 = 20;
const PRICE_MASK: u64 = (1 << PRICE_BITS) - 1;
const ASK_SHIFT: u32 = PRICE_BITS;
const STATUS_SHIFT: u32 = 2 * PRICE_BITS;
const STATUS_MASK: u64 = 0xff;
const HAS_BID: u64 = 1 << 48;
const HAS_ASK: u64 = 1 << 49;
const HIGH_SHIFT: u32 = 32;
const LOW_MASK: u64 = 0xffff_ffff;

const _: () = assert!((Price::ONE.micro() as u64) <= PRICE_MASK);

impl Words for TopUpdate {
    /// `[prices, status and presence | bid qty | ask qty | version | epoch, book | venue stamp |
    /// receive stamp]`. An absent side is a cleared flag; its price and quantity bits are zero.
    #[inline]
    fn to_words(self) -> [u64; SLOT_WORDS] {
        assert!(
            self.stamp.status != BookStatus::Live || !self.top.is_crossed(),
            "a crossed book is never published as live"
        );
        let mut packed = u64::from(self.stamp.status as u8) << STATUS_SHIFT;
        let mut bid_qty = 0;
        let mut ask_qty = 0;
        if let Some(bid) = self.top.bid {
            assert!(!bid.qty.is_zero(), "a bid that is there has a quantity");
            packed |= HAS_BID | u64::from(bid.price.micro());
            bid_qty = bid.qty.micro();
        }
        if let Some(ask) = self.top.ask {
            assert!(!ask.qty.is_zero(), "an ask that is there has a quantity");
            packed |= HAS_ASK | (u64::from(ask.price.micro()) << ASK_SHIFT);
            ask_qty = ask.qty.micro();
        }
        [
            packed,
            bid_qty,
            ask_qty,
            self.stamp.version,
            (u64::from(self.stamp.epoch) << HIGH_SHIFT) | u64::from(self.book.0),
            self.stamp.ts_venue.0,
            self.stamp.ts_recv.0,
        ]
    }

    #[inline]
    fn from_words(words: [u64; SLOT_WORDS]) -> Self {
        let [packed, bid_qty, ask_qty, version, epoch_book, ts_venue, ts_recv] = words;
        let bid = (packed & HAS_BID != 0).then(|| unpack_level(packed & PRICE_MASK, bid_qty));
        let ask = (packed & HAS_ASK != 0)
            .then(|| unpack_level((packed >> ASK_SHIFT) & PRICE_MASK, ask_qty));
        let stamp = Stamp {
            status: unpack_status(packed >> STATUS_SHIFT),
            epoch: low_half(epoch_book >> HIGH_SHIFT),
            version,
            ts_venue: Nanos(ts_venue),
            ts_recv: Nanos(ts_recv),
        };
        Self { book: BookId(low_half(epoch_book)), top: TopOfBook { bid, ask }, stamp }
    }
}

/// Takes a level out of its words; whatever wrote them keeps these claims.
#[inline]
fn unpack_level(price_micro: u64, qty_micro: u64) -> Level {
    let price = Price::from_micro(low_half(price_micro));
    let qty = Qty::from_micro(qty_micro);
    assert!(price.is_some(), "a published price is at most one");
    assert!(qty.is_some_and(|qty| !qty.is_zero()), "a published level has a quantity in range");
    Level { price: price.unwrap_or_default(), qty: qty.unwrap_or_default() }
}

#[inline]
fn unpack_status(bits: u64) -> BookStatus {
    let status = u8::try_from(bits & STATUS_MASK).ok().and_then(BookStatus::from_code);
    assert!(status.is_some(), "a published status is one of ours");
    status.unwrap_or(BookStatus::Gapped)
}

/// The low 32 bits.
#[inline]
fn low_half(word: u64) -> u32 {
    u32::try_from(word & LOW_MASK).unwrap_or(u32::MAX)
}

/// The top of one book in one cache line.
pub(crate) struct TopLine(SeqCells<SLOT_WORDS>);

#[cfg(not(loom))]
const _: () = assert!(size_of::<TopLine>() == 64 && align_of::<TopLine>() == 64);

impl TopLine {
    /// A book that awaits its snapshot.
    pub(crate) fn new(book: BookId) -> Self {
        Self(SeqCells::new(TopUpdate { book, ..TopUpdate::default() }.to_words()))
    }

    /// Publishes a top. Only one thread may do so.
    #[inline]
    pub(crate) fn write(&self, update: TopUpdate) {
        let words = update.to_words();
        self.0.write(|cells| {
            for (cell, word) in cells.iter().zip(words) {
                cell.store(word, Ordering::Relaxed);
            }
        });
    }

    /// Copies the newest top.
    #[inline]
    pub(crate) fn read(&self) -> Result<TopUpdate, Torn> {
        let words = self.0.read(|cells| {
            let mut words = [0; SLOT_WORDS];
            for (word, cell) in words.iter_mut().zip(cells) {
                *word = cell.load(Ordering::Relaxed);
            }
            words
        })?;
        Ok(TopUpdate::from_words(words))
    }
}

#[cfg(loom)]
#[cfg(test)]
mod models {
    use super::*;
    use crate::sync::model;
    use std::sync::Arc;

    pub(super) fn level(micro: u64) -> Level {
        let price = Price::from_micro(low_half(micro)).unwrap();
        Level { price, qty: Qty::from_micro(micro).unwrap() }
    }

    /// A state whose every word follows from its version.
    pub(super) fn state(version: u64) -> TopUpdate {
        TopUpdate {
            book: BookId(7),
            top: TopOfBook { bid: Some(level(version)), ask: Some(level(100 + version)) },
            stamp: Stamp {
                status: BookStatus::Live,
                epoch: low_half(version),
                version,
                ts_venue: Nanos(version),
                ts_recv: Nanos(version),
            },
        }
    }

    /// The protocol itself, on two words and two writes.
    #[test]
    fn a_top_is_of_one_state() {
        model(2, || {
            let line = Arc::new(TopLine::new(BookId(7)));
            line.write(state(1));
            let shared = Arc::clone(&line);
            let writer = loom::thread::spawn(move || shared.write(state(2)));
            if let Ok(seen) = line.read() {
                assert!([state(1), state(2)].contains(&seen));
            }
            writer.join().unwrap();
            assert_eq!(line.read(), Ok(state(2)));
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::depth::{Depth, Side};
    use core::sync::atomic::AtomicBool;
    use proptest::prelude::*;

    pub(super) fn level(price_micro: u32, qty_micro: u64) -> Level {
        Level {
            price: Price::from_micro(price_micro).unwrap(),
            qty: Qty::from_micro(qty_micro).unwrap(),
        }
    }

    fn any_level() -> impl Strategy<Value = Level> {
        (0..=Price::ONE.micro(), 1..=Qty::MAX.micro()).prop_map(|(p, q)| level(p, q))
    }

    proptest! {
        /// Every top survives its seven words, extreme prices, quantities and stamps included.
        #[test]
        fn words_hold_every_top(
            bid in proptest::option::of(any_level()),
            ask in proptest::option::of(any_level()),
            (book, epoch, version) in any::<(u32, u32, u64)>(),
            (ts_venue, ts_recv) in any::<(u64, u64)>(),
            status in 0_u8..7,
        ) {
            let top = TopOfBook { bid, ask };
            let mut status = BookStatus::from_code(status).unwrap();
            if status == BookStatus::Live && top.is_crossed() {
                status = BookStatus::Crossed;
            }
            let (ts_venue, ts_recv) = (Nanos(ts_venue), Nanos(ts_recv));
            let stamp = Stamp { status, epoch, version, ts_venue, ts_recv };
            let update = TopUpdate { book: BookId(book), top, stamp };
            prop_assert_eq!(TopUpdate::from_words(update.to_words()), update);
        }
    }

    /// A depth whose every word follows from its version, of a shape that changes with it.
    pub(super) fn depth(version: u64) -> Depth {
        let mut depth = Depth::default();
        depth.reset(Stamp {
            status: BookStatus::ALL[usize::try_from(version % 7).unwrap()],
            epoch: low_half(version),
            version,
            ts_venue: Nanos(version.wrapping_mul(3)),
            ts_recv: Nanos(version.wrapping_mul(5)),
        });
        let shift = u32::try_from(version % 1_000).unwrap();
        for index in 0..u32::try_from(version % 17).unwrap() {
            depth.push(Side::Buy, level(400_000 - shift - index, version + 1));
        }
        for index in 0..u32::try_from(version % 13).unwrap() {
            depth.push(Side::Sell, level(600_000 + shift + index, version + 2));
        }
        depth
    }

    fn top(version: u64) -> TopUpdate {
        let depth = depth(version);
        TopUpdate { book: BookId(low_half(version)), top: depth.top(), stamp: depth.stamp }
    }

    /// What one reader has seen so far.
    #[derive(Default)]
    struct Seen {
        top_version: u64,
        depth: Depth,
        reads: u32,
    }

    impl Seen {
        /// Reads both; a mix of two states, or one older than seen before, fails.
        fn look(&mut self, line: &TopLine, block: &DepthBlock) {
            if let Ok(update) = line.read() {
                assert_eq!(update, top(update.stamp.version));
                assert!(update.stamp.version >= self.top_version, "never back in time");
                self.top_version = update.stamp.version;
            }
            let before = self.depth.stamp.version;
            if block.read(&mut self.depth) == Ok(()) {
                let expected = depth(self.depth.stamp.version);
                assert_eq!(self.depth.stamp, expected.stamp);
                assert_eq!(self.depth.levels(Side::Buy), expected.levels(Side::Buy));
                assert_eq!(self.depth.levels(Side::Sell), expected.levels(Side::Sell));
                assert!(self.depth.stamp.version >= before, "never back in time");
                self.reads += 1;
            }
        }
    }

    /// Two threads: whatever is read is one of the states written, whole, and time goes forward.
    #[test]
    fn a_hammering_reader_never_sees_a_mix() {
        let (line, block) = (TopLine::new(BookId(0)), DepthBlock::new());
        line.write(top(0));
        block.write_all(&depth(0));
        let done = AtomicBool::new(false);
        let reads = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = Seen::default();
                while !done.load(Ordering::Relaxed) || seen.reads == 0 {
                    seen.look(&line, &block);
                }
                seen.reads
            });
            for version in 1..400_000 {
                line.write(top(version));
                block.write_all(&depth(version));
            }
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap()
        });
        assert!(reads > 0);
    }
}
