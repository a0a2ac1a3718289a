//! How a side takes a snapshot: what is named is written, what is not is removed, in one pass each.

use super::{Ladder, NO_RANK, WORD_BITS, clear_cells, tick_base};
use crate::depth::Side;
use crate::grid::{Scale, Tick};
use crate::ladder::Changed;
use crate::units::{Price, Qty};

/// The ticks of one side that a snapshot names while it is taken; nothing before and behind that.
#[derive(Clone, Debug)]
pub(crate) struct NamedTicks {
    /// A word for each of a bitmap's.
    words: Vec<u64>,
    /// The first and the last word that were written; crossed where none was.
    first: usize,
    last: usize,
}

impl Default for NamedTicks {
    fn default() -> Self {
        Self { words: Vec::new(), first: usize::MAX, last: 0 }
    }
}

impl NamedTicks {
    /// Makes room for a bitmap of so many words.
    #[inline]
    pub(crate) fn fit(&mut self, words: usize) {
        if self.words.len() < words {
            self.words.resize(words, 0);
        }
    }

    /// Whether no tick is named.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first > self.last && self.words.iter().all(|word| *word == 0)
    }
}

/// A side that takes levels of a snapshot. Holds what each of them needs, as they come by the dozen: the
/// ladder's own fields would be read anew behind each store into its cells, and a word that is named
/// again and again would go through memory each time.
#[derive(Debug)]
pub(crate) struct Taking<'a> {
    scale: Scale,
    cells: &'a mut [u64],
    named: &'a mut NamedTicks,
    /// The named word that is held here; none before the first level.
    index: usize,
    word: u64,
}

impl Taking<'_> {
    /// The tick of a price, as [`Ladder::tick_of`].
    #[inline]
    pub(crate) fn tick_of(&self, price: Price) -> Option<Tick> {
        self.scale.tick_of(price)
    }

    /// Takes a level; `None` when the tick is outside.
    #[inline]
    pub(crate) fn put(&mut self, tick: Tick, qty: Qty) -> Option<()> {
        *self.cells.get_mut(tick.0 as usize)? = qty.micro();
        let index = (tick.0 / WORD_BITS) as usize;
        if index != self.index {
            self.end();
            (self.index, self.word) = (index, *self.named.words.get(index)?);
        }
        let at = tick.0 % WORD_BITS;
        self.word = (self.word & !(1 << at)) | (u64::from(!qty.is_zero()) << at);
        Some(())
    }

    /// Names what is held. It has to be called behind the last level.
    #[inline]
    pub(crate) fn end(&mut self) {
        if let Some(word) = self.named.words.get_mut(self.index) {
            *word = self.word;
            self.named.first = self.named.first.min(self.index);
            self.named.last = self.named.last.max(self.index);
        }
    }
}

impl Ladder {
    /// Takes levels of a snapshot, whose ticks are named. [`Ladder::settle`] has to follow.
    #[inline]
    pub(crate) fn taking<'a>(&'a mut self, named: &'a mut NamedTicks) -> Taking<'a> {
        let (_, cells) = self.cells.split_at_mut(self.words as usize);
        Taking { scale: self.scale, cells, named, index: usize::MAX, word: 0 }
    }

    /// Removes the levels that a snapshot did not name, and forgets what was named. Goes from the best
    /// level outwards, no farther than the last that was there or is named: most words of a ladder are
    /// empty before and behind the change.
    pub(crate) fn settle(&mut self, named: &mut NamedTicks) {
        let best = self.best().map(|tick| (tick.0 / WORD_BITS) as usize);
        let NamedTicks { words, first, last } = named;
        let (mut index, farthest, outwards) = match self.side() {
            Side::Buy => (best.unwrap_or(0).max(*last), *first, usize::MAX),
            Side::Sell => (best.unwrap_or(usize::MAX).min(*first), *last, 1),
        };
        let mut to_pass = if *first > *last { 0 } else { index.abs_diff(farthest) + 1 };
        (*first, *last) = (usize::MAX, 0);
        let (mut to_meet, mut count, mut nearest) = (self.count, 0_u32, None);
        let (bitmap, cells) = self.cells.split_at_mut(self.words as usize);
        while to_meet > 0 || to_pass > 0 {
            let Some((word, named)) = bitmap.get_mut(index).zip(words.get_mut(index)) else {
                break;
            };
            let before = core::mem::replace(word, core::mem::take(named));
            clear_cells(cells, tick_base(index), before & !*word);
            if *word != 0 {
                nearest = nearest.or(Some((index, *word)));
            }
            count = count.wrapping_add(word.count_ones());
            to_meet = to_meet.saturating_sub(before.count_ones());
            to_pass = to_pass.saturating_sub(1);
            index = index.wrapping_add(outwards);
        }
        (self.changing, self.count) = (Changed::ALL, count);
        let best = nearest.map(|(index, word)| {
            let bit = match self.side() {
                Side::Buy => WORD_BITS - 1 - word.leading_zeros(),
                Side::Sell => word.trailing_zeros(),
            };
            Tick(tick_base(index) + bit)
        });
        self.best_rank = best.map_or(NO_RANK, |best| self.rank(best));
        self.best_qty = best.map_or(Qty::ZERO, |best| self.qty_at(best));
    }
}
