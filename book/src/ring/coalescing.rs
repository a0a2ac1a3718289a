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
//!
//! Weakened on purpose under the models of this file, one at a time: loom finds the fault with a
//! relaxed store or load of a book's count, of the stamp's minimum or exchange, of the total, and
//! with marks handed out before the queue is emptied or found by bits set before their stamps. It
//! does **not** notice relaxed bits: it keeps one thread's exchanges in their order. The argument
//! there: were the bit visible before its stamp, the consumer could clear the bit, find no stamp,
//! and never look again; release on the bit and acquire on its exchange forbid that order.

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
        /// Payloads covered: a re-read shows them all. Over all items it adds up exactly; one that
        /// arrives while the mark is being collected may be counted with it and show up again as
        /// a mark of count zero.
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
        // Relaxed: only this thread ever stores it.
        let count = mark.coalesced.load(Ordering::Relaxed).wrapping_add(1);
        // Release, partner: the acquire load in `collect_word`. Who counts this push finds its state,
        // or a newer one, on the shelf.
        mark.coalesced.store(count, Ordering::Release);
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
            // Acquire, partner: the release of the count in `mark`. What the stamp covers was
            // counted before it; a push that is just being marked may be counted as well.
            let total = mark.coalesced.load(Ordering::Acquire);
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

/// Weakened on purpose, one at a time, and run under loom: see the table in the parent module.
#[cfg(loom)]
#[cfg(test)]
mod models {
    use super::*;
    use crate::depth::Stamp;
    use crate::sync::model;
    use std::sync::Arc;

    const PUSHES: u64 = 3;

    fn update(version: u64) -> TopUpdate {
        let stamp = Stamp { version, ts_recv: Nanos(100 + version), ..Stamp::default() };
        TopUpdate { book: BookId(0), stamp, ..TopUpdate::default() }
    }

    /// A consumer that keeps the newest state it was told of, overwriting without a look.
    struct Reader {
        shown: Arc<AtomicU64>,
        known: u64,
        covered: u64,
    }

    impl Reader {
        fn handle(&mut self, item: Drained) {
            match item {
                Drained::Update(update) => {
                    self.known = update.stamp.version;
                    self.covered += 1;
                    assert!(self.shown.load(Ordering::Relaxed) >= self.known, "shown, then told");
                }
                Drained::Dirty { ts_recv_earliest, count, .. } => {
                    self.known = self.shown.load(Ordering::Relaxed);
                    self.covered += count;
                    assert!(ts_recv_earliest.0 <= 100 + self.known, "no stamp from the future");
                    assert!(self.known >= self.covered, "a re-read shows every payload counted");
                }
            }
        }
    }

    fn feed(capacity: usize) -> (loom::thread::JoinHandle<()>, CoalescingConsumer, Reader) {
        let (mut producer, consumer) = CoalescingRing::new(capacity, 1);
        let shown = Arc::new(AtomicU64::new(0));
        let shelf = Arc::clone(&shown);
        let feed = loom::thread::spawn(move || {
            for version in 1..=PUSHES {
                shelf.store(version, Ordering::Relaxed);
                producer.push(update(version));
            }
        });
        (feed, consumer, Reader { shown, known: 0, covered: 0 })
    }

    #[test]
    fn the_last_item_handled_shows_the_final_state() {
        model(3, || {
            let (feed, mut consumer, mut reader) = feed(1);
            for _ in 0..3 {
                if let Some(item) = consumer.pop() {
                    reader.handle(item);
                }
            }
            feed.join().unwrap();
            while let Some(item) = consumer.pop() {
                reader.handle(item);
            }
            assert_eq!((reader.known, reader.covered), (PUSHES, PUSHES));
            assert!(consumer.is_finished());
        });
    }

    #[test]
    fn a_finished_ring_has_handed_everything_out() {
        model(2, || {
            let (feed, mut consumer, mut reader) = feed(1);
            while !consumer.is_finished() {
                match consumer.pop() {
                    Some(item) => reader.handle(item),
                    None => loom::thread::yield_now(),
                }
            }
            assert_eq!((reader.known, reader.covered), (PUSHES, PUSHES));
            feed.join().unwrap();
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::book::Book;
    use crate::depth::Side;
    use crate::grid::Grid;
    use crate::id::Face;
    use crate::shelf::Shelf;
    use crate::units::{Price, Qty};

    fn update(book: u32, version: u64) -> TopUpdate {
        let mut update = TopUpdate { book: BookId(book), ..TopUpdate::default() };
        update.stamp.version = version;
        update.stamp.ts_recv = Nanos(version * 10);
        update
    }

    #[test]
    fn without_room_updates_melt_into_one_mark_a_book() {
        let (mut producer, mut consumer) = CoalescingRing::new(2, 70);
        let pushed: Vec<_> = [(1, 1), (69, 2), (69, 3), (69, 4), (2, 5)]
            .map(|(book, version)| producer.push(update(book, version)))
            .into();
        let (queued, melted) = (Pushed::Queued, Pushed::Coalesced);
        assert_eq!(pushed, [queued, queued, melted, melted, melted]);
        let drained: Vec<_> = core::iter::from_fn(|| consumer.pop()).collect();
        let dirty = |book, ts, count| Drained::Dirty {
            book: BookId(book),
            ts_recv_earliest: Nanos(ts),
            count,
        };
        let updates = [update(1, 1), update(69, 2)].map(Drained::Update);
        assert_eq!(drained, [updates[0], updates[1], dirty(69, 30, 2), dirty(2, 50, 1)]);
        assert_eq!((producer.coalesced_count(), consumer.is_finished()), (3, false));
        drop(producer);
        assert!(consumer.is_finished());
    }

    #[test]
    fn a_mark_waits_for_at_most_one_ring_of_updates() {
        let (mut producer, mut consumer) = CoalescingRing::new(4, 2);
        let mut version = 0;
        let mut push = |book| {
            version += 1;
            producer.push(update(book, version))
        };
        while push(0) == Pushed::Queued {}
        assert_eq!(push(1), Pushed::Coalesced);
        let mut updates = 0;
        while let Some(Drained::Update(_)) = consumer.pop() {
            push(0); // A feed that refills the ring as fast as it is emptied.
            updates += 1;
        }
        assert!(updates <= 2 * 4, "{updates} updates before the mark");
    }

    /// Two threads, a ring far too small: whatever melts, every book ends in its final state.
    #[test]
    fn no_final_state_is_missed_under_stress() {
        const BOOKS: u32 = 70;
        let rounds = 100_000_u64;
        let grid = Grid::uniform(Price::from_pips(100).unwrap()).unwrap();
        let mut shelf = Shelf::new(70);
        let mut writer = shelf.writer(BookId(0)..BookId(BOOKS)).unwrap();
        let reader = shelf.reader();
        let (mut producer, mut consumer) = CoalescingRing::new(8, 70);
        let mut known = [0_u64; BOOKS as usize];
        let mut covered = 0;
        let (books, coalesced) = std::thread::scope(|scope| {
            let feed = scope.spawn(move || {
                let mut books: Vec<_> = (0..BOOKS).map(|_| Book::new(grid)).collect();
                for round in 0..rounds {
                    let id = u32::try_from(round * 31 % 97 % u64::from(BOOKS)).unwrap();
                    let book = &mut books[id as usize];
                    let qty = Qty::from_contracts(round % 7).unwrap();
                    let price = Price::from_pips(4600).unwrap();
                    book.set_level(Face::Yes, Side::Buy, price, qty).unwrap();
                    book.commit(Nanos(round), Nanos(round));
                    producer.push(writer.publish(BookId(id), book));
                }
                (books, producer.coalesced_count())
            });
            while !consumer.is_finished() {
                match consumer.pop() {
                    None => std::thread::yield_now(),
                    Some(Drained::Update(update)) => {
                        known[update.book.index()] = update.stamp.version;
                        covered += 1;
                    }
                    Some(Drained::Dirty { book, count, .. }) => {
                        let view =
                            core::iter::repeat_with(|| reader.top(book)).find_map(Result::ok);
                        known[book.index()] = view.unwrap().stamp.version;
                        covered += count;
                    }
                }
            }
            feed.join().unwrap()
        });
        let finals: Vec<_> = books.iter().map(|book| book.stamp().version).collect();
        assert_eq!((known.as_slice(), covered), (finals.as_slice(), rounds));
        assert!(coalesced > 0, "the ring never filled up: nothing was tested");
    }
}
