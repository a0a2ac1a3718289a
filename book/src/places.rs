//! Where the levels of a book lie, told without asking the book.
//!
//! A message names a book whose memory is cold, and only the book itself knows where its levels are:
//! two waits, one behind the other. [`Places`] is the little that it takes to ask for both at once;
//! kept in a dense table, it is warm whichever book is named.

use crate::book::Book;
use crate::depth::{Side, in_yes};
use crate::grid::Scale;
use crate::id::Face;
use crate::ladder::{FETCHED_CELLS_MAX, LINE_CELLS, WORD_BITS, fetch_cell};
use crate::units::Price;

/// Addresses of both sides' levels, to ask for memory and for nothing else: they are out of date
/// from the moment at which the book gets another grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    scale: Scale,
    sides: [usize; 2],
    words: u32,
}

impl Places {
    /// Where a book's levels are now.
    #[must_use]
    pub fn of(book: &Book) -> Self {
        let [bids, asks] = [Side::Buy, Side::Sell].map(|side| book.ladder(side));
        Self { scale: bids.scale(), sides: [bids.address(), asks.address()], words: bids.words() }
    }

    /// Asks for the memory in which both sides say where they have levels, without waiting: who replaces
    /// a book looks at all of it.
    #[inline]
    pub fn fetch_words(&self) {
        let words = (self.words as usize).min(FETCHED_CELLS_MAX);
        let mut word = 0;
        while word < words {
            fetch_cell(self.sides[0], word);
            fetch_cell(self.sides[1], word);
            word = word.wrapping_add(LINE_CELLS);
        }
    }

    /// Asks for the memory of a level as a face shows it, and of those behind it, without waiting: a
    /// level that comes or goes moves them by a place in the view.
    #[inline]
    pub fn fetch(&self, face: Face, side: Side, price: Price) {
        let (side, price) = in_yes(face, side, price);
        let Some(tick) = self.scale.tick_of(price) else { return };
        let base = self.sides[side as usize];
        let cell = (self.words as usize).wrapping_add(tick.0 as usize);
        let behind = |lines: usize| match side {
            Side::Buy => cell.wrapping_sub(lines.wrapping_mul(LINE_CELLS)),
            Side::Sell => cell.wrapping_add(lines.wrapping_mul(LINE_CELLS)),
        };
        fetch_cell(base, cell);
        fetch_cell(base, (tick.0 / WORD_BITS) as usize);
        fetch_cell(base, behind(1));
        fetch_cell(base, behind(2));
    }
}
