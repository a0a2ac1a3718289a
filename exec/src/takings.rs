//! What we have taken from the books: contracts displayed at a level are taken once, until the book
//! shows another quantity there.
//!
//! A book shows what we took for a moment after: on paper for ever, on a venue until its next message.
//! Memory of takings is bounded: beyond it the oldest book is forgotten and counted.

use dutchbook_book::depth::DEPTH_LEVELS;
use dutchbook_book::{BookId, Level, Qty, Side};

/// Where our takings at one level are kept.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    /// The level as it was displayed when we took from it.
    shown: Level,
    /// What we took.
    qty: Qty,
}

/// Takings from one side of a book, no more than a view has levels.
#[derive(Clone, Copy, Debug, Default)]
pub struct TakenSide {
    levels: [Taken; DEPTH_LEVELS],
    count: usize,
}

impl TakenSide {
    /// Forgets levels that the book no longer shows as they were. At most as many remain as a
    /// view has levels, so that [`TakenSide::add`] always has room.
    pub fn retain_shown(&mut self, shown: &[Level]) {
        let mut kept = 0;
        for index in 0..self.count {
            let Some(taken) = self.levels.get(index).copied() else { break };
            if shown.contains(&taken.shown)
                && let Some(slot) = self.levels.get_mut(kept)
            {
                *slot = taken;
                kept += 1;
            }
        }
        self.count = kept;
    }

    fn find(&mut self, shown: Level) -> Option<&mut Taken> {
        self.levels.iter_mut().take(self.count).find(|taken| taken.shown == shown)
    }

    /// What is left of a displayed level after our takings.
    #[must_use]
    pub fn left(&self, shown: Level) -> Qty {
        let at = self.levels.iter().take(self.count).find(|taken| taken.shown == shown);
        let taken = at.map_or(Qty::ZERO, |taken| taken.qty);
        shown.qty.checked_sub(taken).unwrap_or(Qty::ZERO)
    }

    /// Takes from a displayed level.
    pub fn add(&mut self, shown: Level, qty: Qty) {
        if let Some(taken) = self.find(shown) {
            taken.qty = taken.qty.checked_add(qty).unwrap_or(shown.qty);
        } else if let Some(slot) = self.levels.get_mut(self.count) {
            *slot = Taken { shown, qty };
            self.count += 1;
        }
    }
}

/// Takings from both sides of one book, in YES terms.
#[derive(Clone, Copy, Debug, Default)]
struct TakenBook {
    book: Option<BookId>,
    sides: [TakenSide; 2],
}

/// Books that we took from, each with a slot of its own; the oldest slot gives way.
#[derive(Debug)]
pub struct Takings {
    slot_of: Vec<Option<usize>>,
    slots: Vec<TakenBook>,
    next: usize,
    forgotten_count: u64,
}

impl Takings {
    /// Room for takings from `touched_books_max` of so many books.
    #[must_use]
    pub fn new(books: usize, touched_books_max: usize) -> Self {
        let slots = vec![TakenBook::default(); touched_books_max.clamp(1, books.max(1))];
        Self { slot_of: vec![None; books], slots, next: 0, forgotten_count: 0 }
    }

    /// Books whose takings were forgotten for want of room.
    #[must_use]
    pub const fn forgotten_count(&self) -> u64 {
        self.forgotten_count
    }

    /// What is left for us of a level, in YES terms, that a book displays on its `resting` side.
    #[must_use]
    pub fn left(&self, book: BookId, resting: Side, shown: Level) -> Qty {
        let slot = self.slot_of.get(book.index()).copied().flatten();
        let taken = slot.and_then(|slot| self.slots.get(slot));
        let side = taken.and_then(|taken| taken.sides.get(resting as usize));
        side.map_or(shown.qty, |side| side.left(shown))
    }

    /// The takings from one side of a book; makes room for them.
    pub fn side(&mut self, book: BookId, resting: Side) -> Option<&mut TakenSide> {
        let slot = match self.slot_of.get(book.index()).copied()? {
            Some(slot) => slot,
            None => self.claim(book)?,
        };
        self.slots.get_mut(slot)?.sides.get_mut(resting as usize)
    }

    fn claim(&mut self, book: BookId) -> Option<usize> {
        let index = self.next;
        let slot = self.slots.get_mut(index)?;
        if let Some(previous) = slot.book.replace(book) {
            self.forgotten_count += 1;
            *self.slot_of.get_mut(previous.index())? = None;
        }
        slot.sides = [TakenSide::default(); 2];
        *self.slot_of.get_mut(book.index())? = Some(index);
        self.next = (index + 1) % self.slots.len();
        Some(index)
    }
}
