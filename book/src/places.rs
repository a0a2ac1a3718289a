//! Where the levels of a book lie, told without asking the book.
//!
//! A message names a book whose memory is cold, and only the book itself knows where its levels are:
//! two waits, one behind the other. [`Places`] is the little that it takes to ask for both at once;
//! kept in a dense table, it is warm whichever book is named.

use crate::book::Book;
use crate::depth::Side;
use crate::fetch::fetch_address;
use crate::grid::Scale;
use crate::id::Face;
use crate::ladder::WORD_BITS;
use crate::units::Price;

/// Bytes of one cell and of one word of the bitmap.
const CELL: usize = 8;
/// Ticks whose cells fill a cache line.
const LINE_TICKS: usize = 8;

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

    /// Asks for the memory of a level as a face shows it, and of those behind it, without waiting: a
    /// level that comes or goes moves them by a place in the view.
    #[inline]
    pub fn fetch(&self, face: Face, side: Side, price: Price) {
        let (side, price) = match face {
            Face::Yes => (side, price),
            Face::No => (side.other(), price.complement()),
        };
        let Some(tick) = self.scale.tick_of(price) else { return };
        let base = self.sides[side as usize];
        let cell = (self.words as usize).wrapping_add(tick.0 as usize);
        let at = |cell: usize| base.wrapping_add(cell.wrapping_mul(CELL));
        let behind = |lines: usize| match side {
            Side::Buy => cell.wrapping_sub(lines.wrapping_mul(LINE_TICKS)),
            Side::Sell => cell.wrapping_add(lines.wrapping_mul(LINE_TICKS)),
        };
        fetch_address(at(cell));
        fetch_address(at((tick.0 / WORD_BITS) as usize));
        fetch_address(at(behind(1)));
        fetch_address(at(behind(2)));
    }
}
