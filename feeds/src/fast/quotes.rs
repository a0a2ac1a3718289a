//! Where the quotes of a stretch of a payload are, found ahead of what reads them.
//!
//! A level begins where the one before it ends. Were its quotes looked for only then, each level would
//! wait until its bytes are loaded, compared and packed into bits; out of a map that is there before, what
//! lies between one end and the next is a load and two counts.

use crate::scan::{Lanes, Task, window};

/// Words of a map: two kilobytes of a payload.
const WORDS: usize = 32;
const WORD_BYTES: usize = 8;
/// For how many bytes behind a position a map speaks.
const TOLD_BYTES: usize = 56;

/// A map of quotes that moves along a payload, forwards only.
#[derive(Clone, Debug)]
pub(super) struct QuoteMap {
    /// A bit for each byte behind `from`. One word more than are written, so that one may be read from
    /// any byte of them; its bits mean nothing.
    bits: [u8; (WORDS + 1) * WORD_BYTES],
    from: usize,
    until: usize,
}

impl QuoteMap {
    /// A map of nothing yet.
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self { bits: [0; (WORDS + 1) * WORD_BYTES], from: 0, until: 0 }
    }

    /// Bit `i` is set when byte `at + i` is a quote, for the next 56 bytes; the bits behind those mean
    /// nothing. `None` where the payload ends before them, and where the map has passed by.
    #[inline(always)]
    pub(super) fn near<L: Lanes>(&mut self, lanes: L, bytes: &[u8], at: usize) -> Option<u64> {
        if at.wrapping_add(TOLD_BYTES) > self.until {
            lanes.apart(Mapping { map: self, bytes, from: at })?;
        }
        let bit = at.wrapping_sub(self.from);
        let word = u64::from_le_bytes(*window(&self.bits, bit / WORD_BYTES)?);
        Some(word >> (bit % WORD_BYTES))
    }
}

/// The next stretch, from a position on.
struct Mapping<'a> {
    map: &'a mut QuoteMap,
    bytes: &'a [u8],
    from: usize,
}

impl Task for Mapping<'_> {
    type Out = Option<()>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Option<()> {
        let Self { map, bytes, from } = self;
        let blocks = bytes.get(from..)?.as_chunks::<64>().0;
        let words = map.bits.as_chunks_mut::<WORD_BYTES>().0.iter_mut().take(WORDS);
        let mut count = 0_usize;
        for (word, block) in words.zip(blocks) {
            *word = lanes.quotes64(block).to_le_bytes();
            count = count.wrapping_add(1);
        }
        map.from = from;
        map.until = from.wrapping_add(count.wrapping_mul(64));
        (count > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scalar;

    /// Every position of a payload of several stretches, told as byte by byte; passed by and beyond the
    /// end, nothing is.
    fn walk<L: Lanes>(lanes: L, step: usize) {
        let bytes: Vec<u8> = (0..5_003_u32)
            .map(|at| if at.wrapping_mul(2_654_435_761) >> 29 == 0 { b'"' } else { b'1' })
            .collect();
        let mut map = QuoteMap::new();
        let mut at = 3;
        let mut told = 0;
        while let Some(near) = map.near(lanes, &bytes, at) {
            for (bit, byte) in bytes[at..].iter().enumerate().take(TOLD_BYTES) {
                assert_eq!((near >> bit) & 1 == 1, *byte == b'"', "byte {bit} behind {at}");
            }
            told += 1;
            at += step;
        }
        // No stretch is left that a whole window of quotes could be read in.
        assert!(at + 64 > bytes.len(), "told {told}, then nothing at {at} of {}", bytes.len());
        assert_eq!(map.near(lanes, &bytes, 3), None, "behind the map");
        assert_eq!(map.near(lanes, &bytes, bytes.len() + 1), None, "beyond the end");
    }

    #[test]
    fn a_map_tells_the_quotes_behind_every_position() {
        for step in [1, 27, 40] {
            walk(Scalar, step);
            #[cfg(target_arch = "x86_64")]
            if let Some(avx2) = crate::scan::Avx2::detect() {
                walk(avx2, step);
            }
        }
    }
}
