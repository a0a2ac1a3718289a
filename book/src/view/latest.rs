//! The newest of some words: one writer replaces them, one reader copies them. The protocol of every
//! view, for a slow thread that keeps something fresh for a quick one.

use super::Torn;
use super::cells::SeqCells;
use crate::sync::Ordering;
use std::sync::Arc;

/// The end that replaces the words.
pub struct LatestWriter<const N: usize>(Arc<SeqCells<N>>);

/// The end that copies them.
pub struct LatestReader<const N: usize>(Arc<SeqCells<N>>);

/// Both ends of `words`.
#[must_use]
pub fn latest<const N: usize>(words: [u64; N]) -> (LatestWriter<N>, LatestReader<N>) {
    let cells = Arc::new(SeqCells::new(words));
    (LatestWriter(Arc::clone(&cells)), LatestReader(cells))
}

impl<const N: usize> LatestWriter<N> {
    /// Replaces the words.
    pub fn publish(&mut self, words: &[u64; N]) {
        self.0.write(|cells| {
            for (cell, word) in cells.iter().zip(words) {
                cell.store(*word, Ordering::Relaxed);
            }
        });
    }
}

impl<const N: usize> LatestReader<N> {
    /// Copies the words.
    ///
    /// # Errors
    /// When the writer was busy on every try.
    #[inline]
    pub fn read(&self) -> Result<[u64; N], Torn> {
        self.0.read(|cells| {
            let mut words = [0; N];
            for (word, cell) in words.iter_mut().zip(cells) {
                *word = cell.load(Ordering::Relaxed);
            }
            words
        })
    }
}

impl<const N: usize> core::fmt::Debug for LatestWriter<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LatestWriter({N} words)")
    }
}

impl<const N: usize> core::fmt::Debug for LatestReader<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LatestReader({N} words)")
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stress_a_reader_sees_whole_states_only() {
        let (mut writer, reader) = latest([0_u64; 20]);
        let thread = std::thread::spawn(move || {
            (1..=20_000).for_each(|state| writer.publish(&[state; 20]));
        });
        let mut newest = 0;
        while newest < 20_000 {
            if let Ok(words) = reader.read() {
                assert!(words.iter().all(|word| *word == words[0]) && words[0] >= newest);
                newest = words[0];
            }
        }
        thread.join().unwrap();
    }
}
