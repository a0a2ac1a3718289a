//! All views by [`BookId`]: a writing half per feed, a reading half for everybody else.
//!
//! Memory is 512 bytes a book (one line for the top, seven for the depth), allocated and touched
//! when the shelf is made; publishing and reading never allocate. Each book has one writer: the
//! shelf hands out disjoint halves and refuses a second claim, and a claim lasts as long as the
//! shelf.

use crate::book::Book;
use crate::depth::{Depth, Level, Side};
use crate::fetch::fetch;
use crate::grid::Tick;
use crate::id::BookId;
use crate::ladder::{Changed, Ladder};
use crate::units::Qty;
use crate::view::{DepthBlock, Shown, TopLine, TopUpdate, TopView, Torn};
use core::fmt;
use core::ops::Range;
use std::sync::Arc;

/// The views, shared by all halves.
struct Views {
    /// Apart from the depths: the tops that an evaluator re-reads lie densely.
    tops: Box<[TopLine]>,
    depths: Box<[DepthBlock]>,
}

/// Why some books get no writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// One of the books is not on the shelf, or the range ends before it starts.
    OutOfRange,
    /// A writer for one of these books was handed out before.
    Overlap,
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "a book is not on the shelf",
            Self::Overlap => "a book already has its writer",
        })
    }
}

impl core::error::Error for ClaimError {}

/// All views; hands out their writing and reading halves.
pub struct Shelf {
    views: Arc<Views>,
    claimed: Box<[bool]>,
}

impl Shelf {
    /// A shelf for books `0..books`, each without levels and awaiting its snapshot.
    #[must_use]
    pub fn new(books: usize) -> Self {
        let ids = || (0..u32::try_from(books).unwrap_or(u32::MAX)).map(BookId);
        let views = Views {
            tops: ids().map(TopLine::new).collect(),
            depths: ids().map(|_| DepthBlock::new()).collect(),
        };
        for depth in &views.depths {
            depth.touch();
        }
        Self { views: Arc::new(views), claimed: vec![false; books].into_boxed_slice() }
    }

    /// Number of books.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.tops.len()
    }

    /// Whether there are no books.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.tops.is_empty()
    }

    /// Hands out the writing half for a range of books.
    ///
    /// # Errors
    /// When the range is not on the shelf, or one of its books already has a writer.
    pub fn writer(&mut self, books: Range<BookId>) -> Result<ShelfWriter, ClaimError> {
        if books.start > books.end {
            return Err(ClaimError::OutOfRange);
        }
        self.writer_of((books.start.0..books.end.0).map(BookId))
    }

    /// Hands out the writing half for any set of books.
    ///
    /// # Errors
    /// When a book is not on the shelf, or already has a writer; nothing is claimed then.
    pub fn writer_of(
        &mut self,
        books: impl IntoIterator<Item = BookId>,
    ) -> Result<ShelfWriter, ClaimError> {
        let mut owned = vec![false; self.len()].into_boxed_slice();
        for book in books {
            let taken = *self.claimed.get(book.index()).ok_or(ClaimError::OutOfRange)?;
            match owned.get_mut(book.index()) {
                Some(own @ false) if !taken => *own = true,
                Some(_) | None => return Err(ClaimError::Overlap),
            }
        }
        for (claimed, own) in self.claimed.iter_mut().zip(&owned) {
            *claimed |= own;
        }
        Ok(ShelfWriter { views: Arc::clone(&self.views), owned })
    }

    /// A reading half; it sees every book.
    #[must_use]
    pub fn reader(&self) -> ShelfReader {
        ShelfReader { views: Arc::clone(&self.views) }
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claimed = self.claimed.iter().filter(|claimed| **claimed).count();
        f.debug_struct("Shelf").field("books", &self.len()).field("claimed", &claimed).finish()
    }
}

/// Publishes the books that it owns. There is no second one for the same book.
pub struct ShelfWriter {
    views: Arc<Views>,
    owned: Box<[bool]>,
}

impl ShelfWriter {
    /// The books that this half publishes.
    pub fn books(&self) -> impl Iterator<Item = BookId> + '_ {
        let ids = (0..u32::try_from(self.owned.len()).unwrap_or(u32::MAX)).map(BookId);
        ids.zip(&self.owned).filter(|(_, own)| **own).map(|(id, _)| id)
    }

    /// Fetches the lines that a publication of this book will write, without waiting for them.
    #[inline]
    pub fn fetch(&self, id: BookId) {
        if let (Some(top), Some(depth)) =
            (self.views.tops.get(id.index()), self.views.depths.get(id.index()))
        {
            fetch(top);
            fetch(depth);
        }
    }

    /// Publishes a committed book: its top, then its depth. Returns the top for the ring; push it
    /// after this call, so that whoever is told finds at least this state on the shelf.
    ///
    /// # Panics
    /// When the book is not this half's own, which would be a second writer.
    #[inline]
    pub fn publish(&mut self, id: BookId, book: &Book) -> TopUpdate {
        assert!(self.owned[id.index()], "a book is published by its own writer");
        let update = TopUpdate { book: id, top: book.top(), stamp: book.stamp() };
        self.views.tops[id.index()].write(update);
        let block = &self.views.depths[id.index()];
        let is_next = update.stamp.version == block.version().wrapping_add(1);
        block.write(update.stamp, |shown| show(shown, book, is_next));
        assert!(block.shows(update.top), "the first levels are the top");
        update
    }
}

/// A level of a ladder as a view shows it.
#[inline]
fn level_of(ladder: &Ladder, (tick, qty): (Tick, Qty)) -> Level {
    Level { price: ladder.price_of(tick), qty }
}

/// Shows a whole side. A function of its own: inlined beside the changes of single levels, either would
/// pay for the registers of the other.
#[inline(never)]
fn show_side<const IS_BID: bool>(shown: &mut Shown<'_>, ladder: &Ladder) {
    let side = if IS_BID { Side::Buy } else { Side::Sell };
    shown.fill(side, ladder.walk::<IS_BID>().map(|named| level_of(ladder, named)));
}

/// Shows what a book holds now: where the shelf shows the state just before, only what the last update
/// changed is touched.
#[inline]
fn show(shown: &mut Shown<'_>, book: &Book, is_next: bool) {
    let changed = |side| if is_next { book.ladder(side).changed() } else { Changed::ALL };
    let (bids, asks) = (changed(Side::Buy), changed(Side::Sell));
    if bids.is_any() {
        show_side::<true>(shown, book.ladder(Side::Buy));
    }
    if asks.is_any() {
        show_side::<false>(shown, book.ladder(Side::Sell));
    }
    for (side, tick) in bids.few_and(asks) {
        let ladder = book.ladder(side);
        shown.put(side, level_of(ladder, (tick, ladder.qty_at(tick))), |worst| {
            let next = ladder.next_worse(ladder.tick_of(worst)?)?;
            Some(level_of(ladder, (next, ladder.qty_at(next))))
        });
    }
}

impl fmt::Debug for ShelfWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let books = self.books().count();
        f.debug_struct("ShelfWriter").field("books", &books).finish_non_exhaustive()
    }
}

/// Reads any book. Clone it for each thread.
#[derive(Clone)]
pub struct ShelfReader {
    views: Arc<Views>,
}

impl ShelfReader {
    /// Number of books.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.tops.len()
    }

    /// Whether there are no books.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.tops.is_empty()
    }

    /// Copies the newest top of a book.
    ///
    /// # Errors
    /// [`Torn`] when the writer was busy on every try: count it and skip.
    ///
    /// # Panics
    /// When the book is not on the shelf.
    #[inline]
    pub fn top(&self, id: BookId) -> Result<TopView, Torn> {
        let update = self.views.tops[id.index()].read()?;
        assert!(update.book == id, "a line shows its own book");
        Ok(TopView { top: update.top, stamp: update.stamp })
    }

    /// Copies the newest depth of a book; its stamp says which state it is, which may be older or
    /// newer than a top read before it. `depth` is unchanged on an error.
    ///
    /// # Errors
    /// [`Torn`] when the writer was busy on every try: count it and skip.
    ///
    /// # Panics
    /// When the book is not on the shelf.
    pub fn depth(&self, id: BookId, depth: &mut Depth) -> Result<(), Torn> {
        self.views.depths[id.index()].read(depth)
    }
}

impl fmt::Debug for ShelfReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShelfReader").field("books", &self.len()).finish()
    }
}

#[cfg(loom)]
#[cfg(test)]
mod models {
    use super::*;
    use crate::depth::{Level, Side};
    use crate::grid::Grid;
    use crate::id::Face;
    use crate::sync::model;
    use crate::time::Nanos;
    use crate::units::{Price, Qty};

    /// A book with one bid whose quantity is its version.
    fn book(version: u64) -> Book {
        let half = Price::from_pips(5000).unwrap();
        let mut book = Book::new(Grid::uniform(half).unwrap());
        book.begin_snapshot();
        for _ in 0..version {
            book.commit(Nanos(0), Nanos(version));
        }
        book.set_level(Face::Yes, Side::Buy, half, Qty::from_micro(version).unwrap()).unwrap();
        book
    }

    /// Two books, one publication: each read is whole, and the depth never runs ahead of the top
    /// (with the two published the other way round, loom finds the fault at three pre-emptions).
    #[test]
    fn tops_and_depths_are_of_the_states_that_they_name() {
        model(3, || {
            let mut shelf = Shelf::new(2);
            let mut writer = shelf.writer(BookId(1)..BookId(2)).unwrap();
            let reader = shelf.reader();
            let publishing = loom::thread::spawn(move || {
                writer.publish(BookId(1), &book(1));
            });
            let mut depth = Depth::default();
            let expect = |bid: Option<Level>, version: u64| {
                assert_eq!(bid.map_or(0, |level| level.qty.micro()), version);
            };
            // The depth is published behind the top, so a top read behind a depth is no older.
            let depth_version = reader.depth(BookId(1), &mut depth).map(|()| depth.stamp.version);
            if let Ok(version) = depth_version {
                expect(depth.top().bid, version);
            }
            if let Ok(view) = reader.top(BookId(1)) {
                expect(view.top.bid, view.stamp.version);
                assert!(
                    depth_version.is_ok_and(|v| v <= view.stamp.version) || depth_version.is_err()
                );
            }
            publishing.join().unwrap();
            assert_eq!(reader.top(BookId(1)).map(|view| view.stamp.version), Ok(1));
            assert_eq!(reader.top(BookId(0)), Ok(TopView::default()));
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::depth::Side;
    use crate::grid::Grid;
    use crate::id::Face;
    use crate::time::Nanos;
    use crate::units::{Price, Qty};
    use proptest::prelude::*;

    #[test]
    fn a_book_has_one_writer() {
        let mut shelf = Shelf::new(10);
        let claim = |shelf: &mut Shelf, start, end| {
            let writer = shelf.writer(BookId(start)..BookId(end))?;
            Ok(writer.books().map(|book| book.0).collect::<Vec<_>>())
        };
        assert_eq!(claim(&mut shelf, 2, 5), Ok((2..5).collect()));
        assert_eq!(claim(&mut shelf, 4, 6), Err(ClaimError::Overlap));
        assert_eq!(claim(&mut shelf, 0, 10), Err(ClaimError::Overlap));
        assert_eq!(claim(&mut shelf, 5, 11), Err(ClaimError::OutOfRange));
        assert_eq!(claim(&mut shelf, 6, 5), Err(ClaimError::OutOfRange));
        assert_eq!(claim(&mut shelf, 3, 3), Ok((3..3).collect()));
        assert_eq!(claim(&mut shelf, 5, 10), Ok((5..10).collect()));
        assert_eq!(claim(&mut shelf, 0, 2), Ok((0..2).collect()));
    }

    #[test]
    #[should_panic(expected = "a book is published by its own writer")]
    fn a_writer_does_not_publish_the_book_of_another() {
        let mut shelf = Shelf::new(2);
        let mut writer = shelf.writer(BookId(0)..BookId(1)).unwrap();
        writer
            .publish(BookId(1), &Book::new(Grid::uniform(Price::from_pips(100).unwrap()).unwrap()));
    }

    /// One update changes more levels than a side takes note of.
    #[test]
    fn an_update_of_many_levels_is_shown_whole() {
        let mut shelf = Shelf::new(1);
        let mut writer = shelf.writer(BookId(0)..BookId(1)).unwrap();
        let mut book = Book::new(Grid::uniform(Price::from_pips(100).unwrap()).unwrap());
        book.begin_snapshot();
        let (mut seen, mut expected) = (Depth::default(), Depth::default());
        for (version, levels) in (1..).zip([0, 1, 3, 4, 5, 20]) {
            for level in 0..levels {
                let price = Price::from_pips((20 + level) * 100).unwrap();
                let qty = Qty::from_contracts(version).unwrap();
                book.set_level(Face::Yes, Side::Buy, price, qty).unwrap();
            }
            book.commit(Nanos(0), Nanos(version));
            writer.publish(BookId(0), &book);
            book.copy_depth(&mut expected);
            shelf.reader().depth(BookId(0), &mut seen).unwrap();
            assert_eq!(seen.levels(Side::Buy), expected.levels(Side::Buy), "{levels} levels");
        }
    }

    proptest! {
        /// What readers copy is what the book says, after every update of any stream: sides that
        /// vanish, crossed books, and more levels than a view carries included.
        #[test]
        fn a_read_after_a_publish_equals_the_book(
            stream in proptest::collection::vec(
                (0_u32..3, any::<bool>(), any::<bool>(), 1_u32..200, 0_u64..4, 0_u8..60), 1..400),
        ) {
            let mut shelf = Shelf::new(3);
            let mut writer = shelf.writer(BookId(0)..BookId(3)).unwrap();
            let reader = shelf.reader();
            let grid = Grid::uniform(Price::from_pips(50).unwrap()).unwrap();
            let mut books = [Book::new(grid), Book::new(grid), Book::new(grid)];
            let mut named = crate::Named::default();
            let (mut shown, mut seen) = ([Depth::default(); 3], Depth::default());
            for (step, (id, no, sell, tick, contracts, event)) in (1..).zip(stream) {
                let book = &mut books[id as usize];
                match event {
                    0 => book.begin_snapshot(),
                    1 => book.regrid(grid),
                    _ => {}
                }
                if event > 50 {
                    // A snapshot that repeats all but a level or two.
                    let kept = [Side::Buy, Side::Sell].map(|side| {
                        let levels = book.ladder(side).iter().skip(usize::from(event % 2));
                        let price = |tick| book.grid().price_of(tick);
                        (Face::Yes, side, levels.map(|(t, q)| (price(t), Some(q))).collect::<Vec<_>>())
                    });
                    book.replace(kept, &mut named).unwrap();
                }
                let face = if no { Face::No } else { Face::Yes };
                let side = if sell { Side::Sell } else { Side::Buy };
                let qty = Qty::from_contracts(contracts).unwrap();
                book.set_level(face, side, Price::from_pips(tick * 50).unwrap(), qty).unwrap();
                if event < 20 {
                    continue; // More changes in one update, or a publication without a commit.
                }
                if event < 55 {
                    book.commit(Nanos(step), Nanos(step + 1));
                }
                if event < 24 {
                    continue; // A committed update that is not published.
                }
                let update = writer.publish(BookId(id), book);
                let (top, stamp) = (book.top(), book.stamp());
                prop_assert_eq!(update, TopUpdate { book: BookId(id), top, stamp });
                book.copy_depth(&mut shown[id as usize]);
                for (id, expected) in (0..).map(BookId).zip(&shown) {
                    let view = reader.top(id).unwrap();
                    reader.depth(id, &mut seen).unwrap();
                    prop_assert_eq!(view, TopView { top: expected.top(), stamp: expected.stamp });
                    prop_assert_eq!(seen.stamp, expected.stamp);
                    prop_assert_eq!(seen.levels(Side::Buy), expected.levels(Side::Buy));
                    prop_assert_eq!(seen.levels(Side::Sell), expected.levels(Side::Sell));
                }
            }
        }
    }
}
