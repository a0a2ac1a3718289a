//! Ring of tops from a feed to the evaluator that never refuses: when it is full, a book's newer
//! states melt into one mark, and the reader fetches the newest from the shelf.
//!
//! While there is room, every update travels by value, in order. When there is none, the book is
//! marked dirty with the earliest receive stamp and the number of payloads that the mark covers.
//! The consumer gets the queued updates first and then the marks. What is promised: after the last
//! item of a book has been handled (an update as it is, a mark by re-reading the shelf), the
//! consumer knows the book's final state. What is not: every state in between, and order *between*
//! a mark and later updates. A re-read may already show the state of an update that is still
//! queued, so skip an update whose version is below the one known.
//!
//! Why the final state is never missed. Let the last push of a book be U, of the state that the
//! shelf shows before the push.
//! - U was queued: it comes out behind every queued update of the book, and a mark handled after
//!   it re-reads a shelf that shows U.
//! - U was marked: the updates queued before it entered the ring before the mark was set. The
//!   consumer collects a mark, then empties the ring of all that was in it at that moment (until
//!   it is empty, at most its capacity), and then hands the mark out; re-reading then shows U, for
//!   collecting the mark synchronises with setting it.

use super::{Consumer, Full, Producer, Ring};
use crate::id::BookId;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Nanos;
use crate::view::TopUpdate;
use core::fmt;
use crossbeam::utils::CachePadded;
use std::sync::Arc;

const WORD_BITS: usize = 64;
/// No payload is covered: later than any stamp, so that the earliest is a plain minimum.
const NO_STAMP: u64 = u64::MAX;

/// What the marks of one book say.
struct Mark {
    /// Earliest receive stamp covered, or [`NO_STAMP`]. Exchanging it is what hands a mark over.
    ts_recv: AtomicU64,
    /// Payloads ever coalesced for the book; only the producer stores it.
    coalesced: AtomicU64,
}

struct Marks {
    /// One bit a book: where to look. A set bit may find nothing, a mark is never without its bit.
    dirty: Box<[AtomicU64]>,
    books: Box<[Mark]>,
    /// Pushes ever coalesced: the consumer scans the bits only when it has moved.
    coalesced: CachePadded<AtomicU64>,
}

/// How an update went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// By value.
    Queued,
    /// As a mark on its book, for want of room.
    Coalesced,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// A top by value.
    Update(TopUpdate),
    /// The book has changed; re-read it from the shelf.
    Dirty {
        /// The book.
        book: BookId,
        /// When the first of the covered payloads was received.
        ts_recv_earliest: Nanos,
        /// Payloads covered. Over all items it adds up exactly; one that arrives while the mark is
        /// being collected may be counted with it and show up again as a mark of count zero.
        count: u64,
    },
}

/// Makes coalescing rings.
#[derive(Debug)]
pub struct CoalescingRing;

impl CoalescingRing {
    /// A ring of at least `capacity` slots for books `0..books`, as its two ends.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "a ring exists only as its two ends")]
    pub fn new(capacity: usize, books: usize) -> (CoalescingProducer, CoalescingConsumer) {
        let (queue_in, queue_out) = Ring::new(capacity);
        let mark = |_| Mark { ts_recv: AtomicU64::new(NO_STAMP), coalesced: AtomicU64::new(0) };
        let marks = Arc::new(Marks {
            dirty: (0..books.div_ceil(WORD_BITS)).map(|_| AtomicU64::new(0)).collect(),
            books: (0..books).map(mark).collect(),
            coalesced: CachePadded::new(AtomicU64::new(0)),
        });
        let consumer = CoalescingConsumer {
            until_look: queue_out.capacity(),
            queue: queue_out,
            marks: Arc::clone(&marks),
            coalesced_seen: 0,
            counted: vec![0; books].into_boxed_slice(),
            collected: Vec::with_capacity(books),
        };
        (CoalescingProducer { queue: queue_in, marks, coalesced: 0 }, consumer)
    }
}

/// The feed's end. Dropping it closes the ring.
pub struct CoalescingProducer {
    queue: Producer<TopUpdate>,
    marks: Arc<Marks>,
    coalesced: u64,
}

impl CoalescingProducer {
    /// Hands over an update; its book must have been published first. Never fails, never waits.
    ///
    /// # Panics
    /// When the book is not one of the ring's.
    #[inline]
    pub fn push(&mut self, update: TopUpdate) -> Pushed {
        match self.queue.push(update) {
            Ok(()) => Pushed::Queued,
            Err(Full(update)) => {
                self.mark(update.book, update.stamp.ts_recv);
                Pushed::Coalesced
            }
        }
    }

    #[cold]
    fn mark(&mut self, book: BookId, ts_recv: Nanos) {
        let index = book.index();
        let mark = &self.marks.books[index];
        let count = mark.coalesced.load(Ordering::Relaxed).wrapping_add(1);
        mark.coalesced.store(count, Ordering::Relaxed);
        // Release, partner: the exchange in `collect_word`. Whoever takes this stamp away sees the
        // state that was published before, the updates queued before, and the count. It is a
        // read-modify-write even when an earlier stamp stays: the mark is then either taken with
        // this push in it, or still there afterwards.
        mark.ts_recv.fetch_min(ts_recv.0.min(NO_STAMP - 1), Ordering::Release);
        // Release, partner: the exchange of the bits in `collect`: a bit seen means a mark seen.
        self.marks.dirty[index / WORD_BITS].fetch_or(1 << (index % WORD_BITS), Ordering::Release);
        self.coalesced = self.coalesced.wrapping_add(1);
        // Release, partner: the acquire load in `collect`: a count seen means the bit seen.
        self.marks.coalesced.store(self.coalesced, Ordering::Release);
    }

    /// Updates that were coalesced so far.
    #[must_use]
    pub const fn coalesced_count(&self) -> u64 {
        self.coalesced
    }
}

impl fmt::Debug for CoalescingProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalescingProducer")
            .field("queue", &self.queue)
            .field("coalesced", &self.coalesced)
            .finish_non_exhaustive()
    }
}

/// The evaluator's end.
pub struct CoalescingConsumer {
    queue: Consumer<TopUpdate>,
    marks: Arc<Marks>,
    coalesced_seen: u64,
    /// Payloads of each book that earlier items counted.
    counted: Box<[u64]>,
    /// Marks taken away and not yet handed out.
    collected: Vec<Drained>,
    /// Updates to hand out before the next look at the marks: bounds how long either side waits.
    until_look: u64,
}

impl CoalescingConsumer {
    /// Takes the next item, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<Drained> {
        if self.until_look > 0
            && let Some(update) = self.queue.pop()
        {
            self.until_look -= 1;
            return Some(Drained::Update(update));
        }
        self.pop_mark()
    }

    /// The queue is empty, or its turn is over: hands out a collected mark, else collects.
    fn pop_mark(&mut self) -> Option<Drained> {
        if let Some(mark) = self.collected.pop() {
            self.until_look = 0;
            return Some(mark);
        }
        self.until_look = self.queue.capacity();
        self.collect();
        // All that was queued before the marks were set comes out before them.
        if let Some(update) = self.queue.pop() {
            self.until_look -= 1;
            return Some(Drained::Update(update));
        }
        let mark = self.collected.pop();
        if mark.is_some() {
            self.until_look = 0;
        }
        mark
    }

    /// Takes all marks away.
    fn collect(&mut self) {
        // Acquire, partner: the release store that ends `CoalescingProducer::mark`.
        let coalesced = self.marks.coalesced.load(Ordering::Acquire);
        if coalesced == self.coalesced_seen {
            return;
        }
        self.coalesced_seen = coalesced;
        for word_index in 0..self.marks.dirty.len() {
            // Relaxed: the count acquired above shows every bit that was set before it.
            if self.marks.dirty[word_index].load(Ordering::Relaxed) != 0 {
                self.collect_word(word_index);
            }
        }
    }

    fn collect_word(&mut self, word_index: usize) {
        // Acquire, partner: the release of the bit in `mark`.
        let mut bits = self.marks.dirty[word_index].swap(0, Ordering::Acquire);
        while bits != 0 {
            let index = word_index * WORD_BITS + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let mark = &self.marks.books[index];
            // Acquire, partner: the release of the stamp in `mark`.
            let ts_recv = mark.ts_recv.swap(NO_STAMP, Ordering::Acquire);
            if ts_recv == NO_STAMP {
                continue; // An earlier collection took it between its stamp and its bit.
            }
            // Relaxed: what the stamp covers was counted before it.
            let total = mark.coalesced.load(Ordering::Relaxed);
            let count = total.wrapping_sub(core::mem::replace(&mut self.counted[index], total));
            let book = BookId(u32::try_from(index).unwrap_or(u32::MAX));
            let ts_recv_earliest = Nanos(ts_recv);
            self.collected.push(Drained::Dirty { book, ts_recv_earliest, count });
        }
    }

    /// Whether the producer is gone and every item has been taken: nothing will come any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        // The queue's closed flag is acquired first, so the count is the final one.
        self.queue.is_finished()
            && self.collected.is_empty()
            && self.marks.coalesced.load(Ordering::Relaxed) == self.coalesced_seen
    }
}

impl fmt::Debug for CoalescingConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalescingConsumer")
            .field("queue", &self.queue)
            .field("collected", &self.collected.len())
            .finish_non_exhaustive()
    }
}
