//! Records from a hot thread to a slow one, a chunk at a time.
//!
//! The hot side appends to a chunk that it owns, which costs a store and a length; a full chunk
//! changes hands whole, and an empty one comes back. All chunks exist from the start: nothing is
//! allocated later, no lock is taken, and neither side waits. When the slow side has not returned
//! a chunk in time, [`ChunkWriter::push`] says so and keeps nothing: what that means is the
//! caller's policy. The cost is delay: a record is seen when its chunk is full or
//! [`ChunkWriter::flush`] hands it over early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::queue::ArrayQueue;

/// No room: the reader has every other chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Debug)]
struct Exchange<T> {
    full: ArrayQueue<Vec<T>>,
    empty: ArrayQueue<Vec<T>>,
    is_closed: AtomicBool,
}

/// The hot side.
#[derive(Debug)]
pub struct ChunkWriter<T> {
    exchange: Arc<Exchange<T>>,
    chunk: Vec<T>,
    chunk_len: usize,
}

/// The slow side.
#[derive(Debug)]
pub struct ChunkReader<T> {
    exchange: Arc<Exchange<T>>,
}

/// Makes a pair with `chunk_count` chunks (at least two) of `chunk_len` records (at least one).
#[must_use]
pub fn channel<T>(chunk_count: usize, chunk_len: usize) -> (ChunkWriter<T>, ChunkReader<T>) {
    channel_of(chunk_count, chunk_len, Vec::with_capacity)
}

/// The same with chunks whose memory was touched, so that the hot side meets no page fault.
#[must_use]
pub fn touched_channel<T: Copy>(
    chunk_count: usize,
    chunk_len: usize,
    filler: T,
) -> (ChunkWriter<T>, ChunkReader<T>) {
    channel_of(chunk_count, chunk_len, |len| {
        let mut chunk = vec![filler; len];
        chunk.clear();
        chunk
    })
}

fn channel_of<T>(
    chunk_count: usize,
    chunk_len: usize,
    make: impl Fn(usize) -> Vec<T>,
) -> (ChunkWriter<T>, ChunkReader<T>) {
    let (chunk_count, chunk_len) = (chunk_count.max(2), chunk_len.max(1));
    let exchange = Arc::new(Exchange {
        full: ArrayQueue::new(chunk_count),
        empty: ArrayQueue::new(chunk_count),
        is_closed: AtomicBool::new(false),
    });
    for _ in 1..chunk_count {
        // The queue holds as many as there are chunks: a push cannot fail.
        drop(exchange.empty.push(make(chunk_len)));
    }
    let chunk = make(chunk_len);
    (ChunkWriter { exchange: Arc::clone(&exchange), chunk, chunk_len }, ChunkReader { exchange })
}

impl<T> ChunkWriter<T> {
    /// Appends a record.
    ///
    /// # Errors
    /// When there is no room; the record is not kept.
    #[inline]
    pub fn push(&mut self, record: T) -> Result<(), Full> {
        if self.chunk.len() >= self.chunk_len {
            self.hand_over()?;
        }
        self.chunk.push(record);
        Ok(())
    }

    /// Appends these records together: all in one chunk, or none.
    ///
    /// # Errors
    /// When there is no room, or they are more than a chunk holds; nothing is kept.
    #[inline]
    pub fn append(&mut self, parts: &[&[T]]) -> Result<(), Full>
    where
        T: Copy,
    {
        let count: usize = parts.iter().map(|part| part.len()).sum();
        if self.chunk.len().saturating_add(count) > self.chunk_len {
            if count > self.chunk_len {
                return Err(Full);
            }
            self.hand_over()?;
        }
        for part in parts {
            // Within the capacity that the chunk was made with: no allocation.
            self.chunk.extend_from_slice(part);
        }
        Ok(())
    }

    /// Records that a chunk holds.
    #[must_use]
    pub const fn chunk_len(&self) -> usize {
        self.chunk_len
    }

    /// Empty chunks that wait for their turn.
    #[must_use]
    pub fn free_chunks(&self) -> usize {
        self.exchange.empty.len()
    }

    /// Whether `count` records (no more than a chunk holds) could be appended now.
    #[must_use]
    pub fn has_room(&self, count: usize) -> bool {
        count <= self.chunk_len.saturating_sub(self.chunk.len())
            || (count <= self.chunk_len && !self.exchange.empty.is_empty())
    }

    /// Hands over what is there, when there is something and a chunk to go on with. Without one
    /// the records stay and go with a later flush.
    pub fn flush(&mut self) -> bool {
        self.chunk.is_empty() || self.hand_over().is_ok()
    }

    fn hand_over(&mut self) -> Result<(), Full> {
        let next = self.exchange.empty.pop().ok_or(Full)?;
        let filled = std::mem::replace(&mut self.chunk, next);
        // The queue holds as many as there are chunks: a push cannot fail.
        self.exchange.full.push(filled).map_err(|_| Full)
    }
}

impl<T> Drop for ChunkWriter<T> {
    fn drop(&mut self) {
        if !self.chunk.is_empty() {
            // The last chunk goes even when there is none to go on with.
            drop(self.exchange.full.push(std::mem::take(&mut self.chunk)));
        }
        // Release: a reader that sees the end (Acquire in `is_finished`) sees the last chunk too.
        self.exchange.is_closed.store(true, Ordering::Release);
    }
}

impl<T> ChunkReader<T> {
    /// Gives every handed-over record to `take`, oldest first. Returns how many there were.
    pub fn drain(&mut self, mut take: impl FnMut(&T)) -> usize {
        self.drain_chunks(|chunk| chunk.iter().for_each(&mut take))
    }

    /// Gives every handed-over chunk to `take`, oldest first. Returns how many records there were.
    pub fn drain_chunks(&mut self, mut take: impl FnMut(&[T])) -> usize {
        let mut count = 0;
        while let Some(mut chunk) = self.exchange.full.pop() {
            take(&chunk);
            count += chunk.len();
            chunk.clear();
            // The queue holds as many as there are chunks: a push cannot fail.
            drop(self.exchange.empty.push(chunk));
        }
        count
    }

    /// Whether the writer is gone and everything that it handed over has been drained.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        // Acquire: pairs with the Release in the writer's drop, then the queue is looked at.
        self.exchange.is_closed.load(Ordering::Acquire) && self.exchange.full.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(reader: &mut ChunkReader<u32>) -> Vec<u32> {
        let mut seen = Vec::new();
        reader.drain(|value| seen.push(*value));
        seen
    }

    #[test]
    fn records_arrive_in_order_and_fullness_is_told() {
        let (mut writer, mut reader) = channel(2, 2);
        for value in 0..4 {
            writer.push(value).unwrap();
        }
        assert!(!writer.has_room(1));
        assert_eq!(writer.push(4), Err(Full));
        assert_eq!(drained(&mut reader), [0, 1]);
        writer.push(5).unwrap();
        assert!(writer.has_room(1) && !writer.has_room(2) && !writer.flush());
        assert_eq!(drained(&mut reader), [2, 3]);
        assert!(writer.has_room(2) && writer.flush());
        assert_eq!(drained(&mut reader), [5]);
        assert!(!reader.is_finished());
        writer.push(6).unwrap();
        drop(writer);
        assert!(!reader.is_finished());
        assert_eq!(drained(&mut reader), [6]);
        assert!(reader.is_finished());
    }

    #[test]
    fn nothing_is_lost_between_two_threads() {
        let (mut writer, mut reader) = channel::<u64>(4, 64);
        let thread = std::thread::spawn(move || {
            for value in 0..200_000 {
                while writer.push(value).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let mut expected = 0;
        while !reader.is_finished() {
            reader.drain(|value| {
                assert_eq!(*value, expected);
                expected += 1;
            });
            std::thread::yield_now();
        }
        thread.join().unwrap();
        assert_eq!(expected, 200_000);
    }
}
