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
//! Top and depth have a sequence each: the top is one line and read often, the depth is up to
//! seven and read when the top promises something. A depth carries the stamp of its own state, so
//! it is never taken for the levels of another version.

use crate::depth::{BookStatus, DEPTH_LEVELS, Depth, Level, Side, Stamp, TopOfBook};
use crate::id::BookId;
use crate::ring::{SLOT_WORDS, Words};
use crate::sync::{AtomicU64, Ordering, fence, spin_loop};
use crate::time::Nanos;
use crate::units::{Price, Qty};

/// How often a reader starts over before it gives up. A write takes well below a microsecond, so
/// only a writer that was suspended in the middle of one outlasts this.
#[cfg(not(loom))]
const READ_TRIES: usize = 64;
/// A model needs the retry itself, not its number.
#[cfg(loom)]
const READ_TRIES: usize = 2;

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

/// Takes a level out of its words, which only [`pack`](Words::to_words)ing wrote.
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

/// A sequence with `N` words behind it, in whole cache lines: the protocol of every view.
#[repr(C, align(64))]
struct SeqCells<const N: usize> {
    sequence: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> SeqCells<N> {
    fn new(words: [u64; N]) -> Self {
        Self { sequence: AtomicU64::new(0), words: words.map(AtomicU64::new) }
    }

    /// Lets `fill` store words between an odd and an even sequence. Only one thread may write.
    #[inline]
    fn write(&self, fill: impl FnOnce(&[AtomicU64; N])) {
        // Relaxed: only this thread ever stores it.
        let sequence = self.sequence.load(Ordering::Relaxed);
        assert!(sequence & 1 == 0, "a view has one writer, and it is not in the middle of a write");
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        // Release fence, partner: the acquire fence in `read`. A reader that copied any word
        // stored below this line sees the odd sequence, or a later one, in its second look.
        fence(Ordering::Release);
        fill(&self.words);
        // Release, partner: the acquire load in `read`. A reader that starts from this even
        // sequence copies these words or newer ones, never older.
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    /// Copies words with `copy`, again while a write is under way. What `copy` made is returned
    /// only when no write touched it.
    #[inline]
    fn read<T>(&self, mut copy: impl FnMut(&[AtomicU64; N]) -> T) -> Result<T, Torn> {
        for _ in 0..READ_TRIES {
            // Acquire, partner: the release store that ends `write`.
            let before = self.sequence.load(Ordering::Acquire);
            if before & 1 == 0 {
                let copied = copy(&self.words);
                // Acquire fence, partner: the release fence in `write`; it also keeps the second
                // look behind the copies.
                fence(Ordering::Acquire);
                if self.sequence.load(Ordering::Relaxed) == before {
                    return Ok(copied);
                }
            }
            spin_loop();
        }
        Err(Torn)
    }
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
