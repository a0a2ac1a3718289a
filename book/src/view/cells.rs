//! A sequence with words behind it: the protocol of every view.

use super::Torn;
use crate::sync::{AtomicU64, Ordering, fence, spin_loop};

/// How often a reader starts over before it gives up. A write takes well below a microsecond, so
/// only a writer that was suspended in the middle of one outlasts this.
#[cfg(not(loom))]
const READ_TRIES: usize = 64;
/// A model needs the retry itself, not its number.
#[cfg(loom)]
const READ_TRIES: usize = 2;

/// A sequence with `N` words behind it, in whole cache lines: the protocol of every view.
#[repr(C, align(64))]
pub(super) struct SeqCells<const N: usize> {
    pub(super) sequence: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> SeqCells<N> {
    pub(super) fn new(words: [u64; N]) -> Self {
        Self { sequence: AtomicU64::new(0), words: words.map(AtomicU64::new) }
    }

    /// A word as the writer left it. Only the writing thread may ask.
    #[inline]
    pub(super) fn own(&self, index: usize) -> u64 {
        // Relaxed: only this thread ever stores it.
        self.words[index].load(Ordering::Relaxed)
    }

    /// All words as the writer left them. Only the writing thread may ask.
    #[inline]
    pub(super) const fn own_words(&self) -> &[AtomicU64; N] {
        &self.words
    }

    /// Lets `fill` store words between an odd and an even sequence. Only one thread may write.
    #[inline]
    pub(super) fn write(&self, fill: impl FnOnce(&[AtomicU64; N])) {
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
    pub(super) fn read<T>(&self, mut copy: impl FnMut(&[AtomicU64; N]) -> T) -> Result<T, Torn> {
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

#[cfg(loom)]
#[cfg(test)]
mod models {
    use super::*;
    use crate::sync::model;
    use std::sync::Arc;

    #[test]
    fn a_copy_never_mixes_two_states() {
        model(3, || {
            let cells = Arc::new(SeqCells::new([0, 0]));
            let shared = Arc::clone(&cells);
            let writer = loom::thread::spawn(move || {
                for version in [1, 2] {
                    shared.write(|cells: &[AtomicU64; 2]| {
                        cells[0].store(version, Ordering::Relaxed);
                        cells[1].store(version, Ordering::Relaxed);
                    });
                }
            });
            let mut newest = 0;
            for _ in 0..2 {
                let copy = |cells: &[AtomicU64; 2]| {
                    [cells[0].load(Ordering::Relaxed), cells[1].load(Ordering::Relaxed)]
                };
                if let Ok([first, second]) = cells.read(copy) {
                    assert_eq!(first, second, "one state");
                    assert!(first >= newest, "never back in time");
                    newest = first;
                }
            }
            writer.join().unwrap();
        });
    }
}
