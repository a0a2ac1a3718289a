//! Bounded single-producer single-consumer ring, sequence and payload in one cache line.
//!
//! The consumer polls the sequence of the slot that it expects next; when that arrives, the
//! payload has come with it in the same line. The producer learns of free slots from the
//! consumer's position, which it reads only when its last reading says that the ring is full: a
//! push misses no cache line but the slot's own.
//!
//! Each ordering was weakened on purpose, one at a time, under the models of this file: with a
//! relaxed store or load of a slot's sequence or of the closed flag, or with the position stored
//! before the copy, loom finds a wrong, lost or torn item. It does **not** notice a relaxed store
//! or load of the consumer's position, for it never delays a load past a later store. The argument
//! there: the release store comes after the copies in the consumer, the producer's acquire load of
//! it before the words it writes, so no copy can see a word of the next lap. The stress test with a
//! ring of one slot stands behind that.
//!
//! A full ring refuses, and gives the item back: the caller decides (count and forget, wait, or
//! [`CoalescingRing`]). Memory is 64 bytes a slot, allocated and touched when the ring is made.
//! The wrong choice for several producers, for items beyond seven words, and for a consumer that
//! wants to sleep.

mod coalescing;

pub use coalescing::{CoalescingConsumer, CoalescingProducer, CoalescingRing, Drained, Pushed};

use crate::sync::{AtomicBool, AtomicU64, Ordering};
use core::fmt;
use core::marker::PhantomData;
use crossbeam::utils::CachePadded;
use std::sync::Arc;

/// Words of payload in one slot: a cache line less the sequence.
pub const SLOT_WORDS: usize = 7;

/// What travels through a ring: anything that is seven words.
pub trait Words: Copy {
    /// Packs the item. Asserts what the item must be.
    fn to_words(self) -> [u64; SLOT_WORDS];

    /// The item that [`Words::to_words`] packed.
    fn from_words(words: [u64; SLOT_WORDS]) -> Self;
}

impl Words for [u64; SLOT_WORDS] {
    #[inline]
    fn to_words(self) -> [u64; SLOT_WORDS] {
        self
    }

    #[inline]
    fn from_words(words: [u64; SLOT_WORDS]) -> Self {
        words
    }
}

/// The ring had no room; here is the item back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ring is full")
    }
}

impl<T: fmt::Debug> core::error::Error for Full<T> {}

/// One item: position + 1 once it is there, and its words.
#[repr(C, align(64))]
struct Slot {
    sequence: AtomicU64,
    words: [AtomicU64; SLOT_WORDS],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot>() == 64 && align_of::<Slot>() == 64);

impl Slot {
    fn new() -> Self {
        Self { sequence: AtomicU64::new(0), words: [0; SLOT_WORDS].map(AtomicU64::new) }
    }
}

struct Shared {
    slots: Box<[Slot]>,
    /// Items taken so far. The consumer stores it, the producer loads it when it seems full.
    taken: CachePadded<AtomicU64>,
    closed: CachePadded<AtomicBool>,
}

impl Shared {
    #[inline]
    fn slot(&self, position: u64) -> &Slot {
        // The length is a power of two and fits a u64; the masked value fits a usize again.
        let mask = self.slots.len() - 1;
        let index = usize::try_from(position & (mask as u64)).unwrap_or(0);
        &self.slots[index & mask]
    }
}

/// Makes rings.
#[derive(Debug)]
pub struct Ring<T> {
    item: PhantomData<T>,
}

impl<T: Words> Ring<T> {
    /// A ring of at least `capacity` slots (rounded up to a power of two), as its two ends.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "a ring exists only as its two ends")]
    pub fn new(capacity: usize) -> (Producer<T>, Consumer<T>) {
        let slots: Box<[Slot]> =
            (0..capacity.max(1).next_power_of_two()).map(|_| Slot::new()).collect();
        for slot in &slots {
            // Touches the page; zeroed memory alone may stay unmapped until the first push.
            slot.sequence.store(0, Ordering::Relaxed);
        }
        let capacity = u64::try_from(slots.len()).unwrap_or(u64::MAX);
        let shared = Arc::new(Shared {
            slots,
            taken: CachePadded::new(AtomicU64::new(0)),
            closed: CachePadded::new(AtomicBool::new(false)),
        });
        let producer = Producer {
            shared: Arc::clone(&shared),
            pushed: 0,
            taken_seen: 0,
            capacity,
            item: PhantomData,
        };
        (producer, Consumer { shared, taken: 0, item: PhantomData })
    }
}

/// The end that items go into. Dropping it closes the ring.
pub struct Producer<T> {
    shared: Arc<Shared>,
    pushed: u64,
    /// The consumer's position when last looked at: at most the true one.
    taken_seen: u64,
    capacity: u64,
    item: PhantomData<fn(T)>,
}

impl<T: Words> Producer<T> {
    /// Appends an item.
    ///
    /// # Errors
    /// [`Full`] with the item when there is no room.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        if self.pushed.wrapping_sub(self.taken_seen) == self.capacity {
            // Acquire, partner: the release store in `Consumer::pop`. The consumer has finished
            // copying every slot that it counts here, so they may be written again.
            self.taken_seen = self.shared.taken.load(Ordering::Acquire);
            if self.pushed.wrapping_sub(self.taken_seen) == self.capacity {
                return Err(Full(item));
            }
        }
        let slot = self.shared.slot(self.pushed);
        for (cell, word) in slot.words.iter().zip(item.to_words()) {
            cell.store(word, Ordering::Relaxed);
        }
        self.pushed = self.pushed.wrapping_add(1);
        // Release, partner: the acquire load in `Consumer::pop`. Who sees this sequence sees the
        // words above, and all that this thread did before the push.
        slot.sequence.store(self.pushed, Ordering::Release);
        Ok(())
    }

    /// Number of slots.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        // Release, partner: the acquire load in `Consumer::is_finished`. Who sees the ring closed
        // sees every item that was pushed.
        self.shared.closed.store(true, Ordering::Release);
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("pushed", &self.pushed)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// The end that items come out of, in the order in which they went in.
pub struct Consumer<T> {
    shared: Arc<Shared>,
    taken: u64,
    item: PhantomData<fn() -> T>,
}

impl<T: Words> Consumer<T> {
    /// Takes the oldest item, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let slot = self.shared.slot(self.taken);
        let next = self.taken.wrapping_add(1);
        // Acquire, partner: the release store in `Producer::push`.
        if slot.sequence.load(Ordering::Acquire) != next {
            return None;
        }
        let mut words = [0; SLOT_WORDS];
        for (word, cell) in words.iter_mut().zip(&slot.words) {
            *word = cell.load(Ordering::Relaxed);
        }
        self.taken = next;
        // Release, partner: the acquire load in `Producer::push`. The copies above are done
        // before the producer may write the slot again.
        self.shared.taken.store(next, Ordering::Release);
        Some(T::from_words(words))
    }

    /// Whether the producer is gone and every item has been taken: nothing will come any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        // Acquire, partner: the release store when the producer drops. It must come before the
        // look at the slot: what was pushed before closing is then seen there.
        self.shared.closed.load(Ordering::Acquire) && !self.has_item()
    }

    fn has_item(&self) -> bool {
        // Relaxed: nothing is read on the strength of it; `pop` looks again with Acquire.
        self.shared.slot(self.taken).sequence.load(Ordering::Relaxed) == self.taken.wrapping_add(1)
    }

    /// Number of slots.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        u64::try_from(self.shared.slots.len()).unwrap_or(u64::MAX)
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("taken", &self.taken).finish_non_exhaustive()
    }
}

#[cfg(loom)]
#[cfg(test)]
mod models {
    use super::*;
    use crate::sync::model;

    const ITEMS: u64 = 3;

    fn check(item: [u64; SLOT_WORDS], expected: &mut u64) {
        *expected += 1;
        assert_eq!(item, [*expected; SLOT_WORDS], "in order, whole, neither lost nor twice");
    }

    #[test]
    fn items_come_out_whole_and_in_order() {
        for capacity in [1, 2] {
            model(3, move || {
                let (mut producer, mut consumer) = Ring::new(capacity);
                let pushing = loom::thread::spawn(move || {
                    let mut item = 1;
                    while item <= ITEMS {
                        match producer.push([item; SLOT_WORDS]) {
                            Ok(()) => item += 1,
                            Err(Full(_)) => loom::thread::yield_now(),
                        }
                    }
                });
                let mut expected = 0;
                while !consumer.is_finished() {
                    match consumer.pop() {
                        Some(item) => check(item, &mut expected),
                        None => loom::thread::yield_now(),
                    }
                }
                assert_eq!(expected, ITEMS, "closed means that everything has come out");
                pushing.join().unwrap();
            });
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_gives_the_item_back() {
        let (mut producer, mut consumer) = Ring::new(3);
        assert_eq!((producer.capacity(), consumer.capacity()), (4, 4));
        for item in 0..4 {
            assert_eq!(producer.push([item; SLOT_WORDS]), Ok(()));
        }
        assert_eq!(producer.push([4; SLOT_WORDS]), Err(Full([4; SLOT_WORDS])));
        assert_eq!(consumer.pop(), Some([0; SLOT_WORDS]));
        assert_eq!(producer.push([4; SLOT_WORDS]), Ok(()));
        drop(producer);
        for item in 1..5 {
            assert!(!consumer.is_finished());
            assert_eq!(consumer.pop(), Some([item; SLOT_WORDS]));
        }
        assert_eq!((consumer.pop(), consumer.is_finished()), (None, true));
    }

    /// Words that differ from each other and from every other item's.
    fn item(index: u64) -> [u64; SLOT_WORDS] {
        let mut word = index;
        [0; SLOT_WORDS].map(|_: u64| {
            word = (word ^ (word >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index);
            word
        })
    }

    fn push_all(mut producer: Producer<[u64; SLOT_WORDS]>, items: u64) {
        for index in 0..items {
            while producer.push(item(index)).is_err() {
                std::thread::yield_now();
            }
        }
    }

    fn check_all(mut consumer: Consumer<[u64; SLOT_WORDS]>, items: u64) {
        let mut expected = 0;
        while !consumer.is_finished() {
            if let Some(words) = consumer.pop() {
                assert_eq!(words, item(expected), "item {expected}");
                expected += 1;
            } else {
                std::thread::yield_now();
            }
        }
        assert_eq!(expected, items);
    }

    #[test]
    fn a_million_items_cross_two_threads_whole_and_in_order() {
        for (capacity, items) in [(1, 50_000), (64, 1_000_000)] {
            let (producer, consumer) = Ring::new(capacity);
            std::thread::scope(|scope| {
                scope.spawn(move || push_all(producer, items));
                check_all(consumer, items);
            });
        }
    }
}
