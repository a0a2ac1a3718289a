//! A unified YES/NO book: two ladders in YES terms, seen through two faces.
//!
//! An order to buy NO at p *is* an order to sell YES at 1 − p, on every venue that we know; venues
//! differ only in which of the two they print (Polymarket both, Kalshi the bids of both). Keeping one
//! book counts each level once, and makes the two faces consistent by construction.
//!
//! The book applies what a session allows; it knows no sequence and no clock. An impossible change
//! (a price off the grid, a level below zero) is refused with a [`BookError`] and marks the book
//! [`BookStatus::Gapped`]: the state that it describes is not the venue's.

use crate::depth::{BookStatus, DEPTH_LEVELS, Depth, Level, Side, Stamp, TopOfBook, in_yes};
use crate::grid::{Grid, Tick};
use crate::id::Face;
use crate::ladder::{Ladder, NamedTicks, WORD_BITS};
use crate::time::Nanos;
use crate::units::{Price, Qty, QtyChange};

/// Why a change cannot be applied. The book is gapped afterwards and needs a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookError {
    /// The price is not on the grid: a tick-size change was missed, or the bytes are wrong.
    OffTick(Price),
    /// The level would hold less than nothing: a message was lost.
    NegativeLevel(Price),
}

impl core::fmt::Display for BookError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::OffTick(price) => write!(f, "price {price} is not on the book's grid"),
            Self::NegativeLevel(price) => write!(f, "the level at {price} would be negative"),
        }
    }
}

impl core::error::Error for BookError {}

/// The order book of one condition on one venue.
///
/// All that a change needs, beside the cells of the levels, is in its first three cache lines.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Book {
    /// Bids and asks, by [`Side`].
    ladders: [Ladder; 2],
    /// As the session set it; [`Book::status`] adds what the levels show.
    session_status: BookStatus,
    epoch: u32,
    version: u64,
    ts_venue: Nanos,
    ts_recv: Nanos,
    grid: Grid,
}

/// For each side, the ticks that a snapshot names while it is taken. One for all books of a thread: it
/// stays warm when the books do not.
#[derive(Clone, Debug, Default)]
pub struct Named([NamedTicks; 2]);

impl Named {
    /// Makes room for the books of a grid, so that taking a snapshot allocates nothing.
    #[inline]
    pub fn fit(&mut self, grid: &Grid) {
        let words = grid.ticks().div_ceil(WORD_BITS) as usize;
        self.0.iter_mut().for_each(|side| side.fit(words));
    }
}

impl Book {
    /// The bytes at its start that a change needs: see [`crate::fetch`].
    pub const HOT_BYTES: usize = 192;

    /// An empty book on a grid, awaiting its snapshot.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            ladders: [Side::Buy, Side::Sell].map(|side| Ladder::new(side, &grid)),
            session_status: BookStatus::AwaitingSnapshot,
            epoch: 0,
            version: 0,
            ts_venue: Nanos::ZERO,
            ts_recv: Nanos::ZERO,
        }
    }

    /// The price grid.
    #[must_use]
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// How far to believe the book: the session's word, and whether bid and ask cross.
    #[inline]
    #[must_use]
    pub fn status(&self) -> BookStatus {
        if self.session_status == BookStatus::Live && self.top_ticks_cross() {
            BookStatus::Crossed
        } else {
            self.session_status
        }
    }

    #[inline]
    fn top_ticks_cross(&self) -> bool {
        matches!((self.ladder(Side::Buy).best(), self.ladder(Side::Sell).best()), (Some(bid), Some(ask)) if bid >= ask)
    }

    /// Takes the session's word on how far to believe the book. A status other than Live sticks
    /// until the next snapshot or the session's next word.
    #[inline]
    pub fn set_status(&mut self, status: BookStatus) {
        self.session_status = status;
    }

    /// Starts a new epoch on a new grid: the tick size changed, the levels are void.
    pub fn regrid(&mut self, grid: Grid) {
        if grid.ticks() == self.grid.ticks() {
            self.grid = grid;
            self.clear();
        } else {
            let (epoch, version) = (self.epoch, self.version);
            *self = Self { epoch, version, ..Self::new(grid) };
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.session_status = BookStatus::AwaitingSnapshot;
    }

    /// Removes every level.
    pub fn clear(&mut self) {
        self.ladders.iter_mut().for_each(Ladder::clear);
    }

    /// Begins a snapshot: a new epoch without levels, Live once the levels have followed.
    pub fn begin_snapshot(&mut self) {
        self.clear();
        self.epoch = self.epoch.wrapping_add(1);
        self.session_status = BookStatus::Live;
    }

    /// Takes a whole snapshot: a new epoch with these levels and no others, in parts of one side as a
    /// face shows it; a quantity of `None` is less than nothing. As [`Book::begin_snapshot`] and then
    /// [`Book::set_level`], but each level's memory is written once, not emptied before.
    ///
    /// # Errors
    /// The first level that is off the grid or less than nothing; the book is gapped then.
    #[inline]
    pub fn replace<L>(
        &mut self,
        parts: impl IntoIterator<Item = (Face, Side, L)>,
        named: &mut Named,
    ) -> Result<(), BookError>
    where
        L: IntoIterator<Item = (Price, Option<Qty>)>,
    {
        named.fit(&self.grid);
        self.epoch = self.epoch.wrapping_add(1);
        self.session_status = BookStatus::Live;
        let taken = parts
            .into_iter()
            .try_for_each(|(face, side, levels)| self.take_part((face, side), levels, named));
        for (ladder, named) in self.ladders.iter_mut().zip(&mut named.0) {
            ladder.settle(named);
        }
        taken.or_else(|error| self.refuse(error))
    }

    /// Takes levels of one side of a snapshot, up to the first that is refused.
    #[inline]
    fn take_part(
        &mut self,
        (face, shown): (Face, Side),
        levels: impl IntoIterator<Item = (Price, Option<Qty>)>,
        named: &mut Named,
    ) -> Result<(), BookError> {
        let (side, _) = in_yes(face, shown, Price::ZERO);
        let mut taking = self.ladders[side as usize].taking(&mut named.0[side as usize]);
        let mut taken = Ok(());
        for (price, qty) in levels {
            let (_, yes_price) = in_yes(face, shown, price);
            let tick = taking.tick_of(yes_price).ok_or(BookError::OffTick(price));
            let (Ok(tick), Some(qty)) = (tick, qty) else {
                taken = tick.and(Err(BookError::NegativeLevel(price)));
                break;
            };
            taking.put(tick, qty);
        }
        taking.end();
        taken
    }

    /// Asks for the memory of the levels between one that a face shows and the best of its side,
    /// without waiting: a snapshot that begins with it is going to name them.
    #[inline]
    pub fn fetch_towards(&self, face: Face, side: Side, price: Price) {
        if let Ok((side, tick)) = self.locate(face, side, price) {
            self.ladder(side).fetch_towards(tick);
        }
    }

    /// Where a face's level lives in YES terms. Asks the ladder, not the grid, which is cold.
    #[inline]
    fn locate(&self, face: Face, side: Side, price: Price) -> Result<(Side, Tick), BookError> {
        let (side, yes_price) = in_yes(face, side, price);
        let tick = self.ladder(side).tick_of(yes_price).ok_or(BookError::OffTick(price))?;
        Ok((side, tick))
    }

    #[inline]
    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        &mut self.ladders[side as usize]
    }

    /// The levels of one side in YES terms.
    #[must_use]
    pub const fn ladder(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }

    /// Sets the quantity of a level as a face shows it; zero removes it.
    ///
    /// # Errors
    /// When the price is off the grid; the book is gapped then.
    #[inline]
    pub fn set_level(
        &mut self,
        face: Face,
        side: Side,
        price: Price,
        qty: Qty,
    ) -> Result<(), BookError> {
        let located = self.locate(face, side, price);
        match located {
            Ok((side, tick)) => {
                self.ladder_mut(side).set(tick, qty);
                Ok(())
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Changes the quantity of a level as a face shows it.
    ///
    /// # Errors
    /// When the price is off the grid or the level would be negative; the book is gapped then.
    #[inline]
    pub fn add_level(
        &mut self,
        face: Face,
        side: Side,
        price: Price,
        change: QtyChange,
    ) -> Result<(), BookError> {
        let (side, tick) = match self.locate(face, side, price) {
            Ok(located) => located,
            Err(error) => return self.refuse(error),
        };
        let ladder = self.ladder_mut(side);
        match ladder.qty_at(tick).checked_change(change) {
            Some(qty) => {
                ladder.set(tick, qty);
                Ok(())
            }
            None => self.refuse(BookError::NegativeLevel(price)),
        }
    }

    fn refuse(&mut self, error: BookError) -> Result<(), BookError> {
        self.session_status = BookStatus::Gapped;
        Err(error)
    }

    /// Best bid and ask in YES terms.
    #[inline]
    #[must_use]
    pub fn top(&self) -> TopOfBook {
        TopOfBook { bid: self.best(Side::Buy), ask: self.best(Side::Sell) }
    }

    /// The best level of one side in YES terms.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        let ladder = self.ladder(side);
        ladder.best_level().map(|(tick, qty)| Level { price: ladder.price_of(tick), qty })
    }

    /// Marks one finished update: a new version with its stamps. Returns the stamp.
    #[inline]
    pub fn commit(&mut self, ts_venue: Nanos, ts_recv: Nanos) -> Stamp {
        assert_eq!(
            self.ladder(Side::Buy).best().is_none(),
            self.ladder(Side::Buy).count() == 0,
            "a side has a best level exactly when it has levels"
        );
        self.ladders.iter_mut().for_each(Ladder::commit);
        self.version = self.version.wrapping_add(1);
        if ts_venue > Nanos::ZERO {
            self.ts_venue = ts_venue;
        }
        self.ts_recv = ts_recv;
        self.stamp()
    }

    /// Which state of the book this is.
    #[inline]
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            status: self.status(),
            epoch: self.epoch,
            version: self.version,
            ts_venue: self.ts_venue,
            ts_recv: self.ts_recv,
        }
    }

    /// Copies the best levels of both sides.
    pub fn copy_depth(&self, depth: &mut Depth) {
        depth.reset(self.stamp());
        for side in [Side::Buy, Side::Sell] {
            let ladder = self.ladder(side);
            for (tick, qty) in ladder.iter().take(DEPTH_LEVELS) {
                depth.push(side, Level { price: ladder.price_of(tick), qty });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn cents() -> Grid {
        Grid::uniform(Price::from_pips(100).unwrap()).unwrap()
    }

    #[test]
    fn both_faces_of_one_level_are_one_level() {
        let mut book = Book::new(cents());
        book.begin_snapshot();
        let (p, q) = (Price::from_pips(4600).unwrap(), Qty::from_contracts(9).unwrap());
        book.set_level(Face::Yes, Side::Buy, p, q).unwrap();
        book.set_level(Face::No, Side::Sell, p.complement(), q).unwrap();
        assert_eq!(book.ladder(Side::Buy).count() + book.ladder(Side::Sell).count(), 1);
        assert_eq!(book.top().bid, Some(Level { price: p, qty: q }));
    }

    #[test]
    fn a_crossed_book_is_doubtful_until_it_uncrosses() {
        let mut book = Book::new(cents());
        book.begin_snapshot();
        let set = |book: &mut Book, side, pips, contracts| {
            let qty = Qty::from_contracts(contracts).unwrap();
            book.set_level(Face::Yes, side, Price::from_pips(pips).unwrap(), qty).unwrap();
        };
        set(&mut book, Side::Sell, 5200, 3);
        set(&mut book, Side::Buy, 5200, 1);
        assert_eq!(book.commit(Nanos(1), Nanos(2)).status, BookStatus::Crossed);
        set(&mut book, Side::Sell, 5200, 0);
        assert_eq!(book.commit(Nanos(1), Nanos(3)).status, BookStatus::Live);
    }

    #[test]
    fn refused_changes_gap_the_book_and_a_snapshot_heals_it() {
        let mut book = Book::new(cents());
        book.begin_snapshot();
        let off = Price::from_pips(4650).unwrap();
        let error = book.set_level(Face::Yes, Side::Buy, off, Qty::ONE);
        assert_eq!((error, book.status()), (Err(BookError::OffTick(off)), BookStatus::Gapped));
        book.begin_snapshot();
        let at = Price::from_pips(4600).unwrap();
        let error = book.add_level(Face::Yes, Side::Buy, at, QtyChange::from_micro(-1));
        assert_eq!((error, book.status()), (Err(BookError::NegativeLevel(at)), BookStatus::Gapped));
    }

    #[test]
    fn a_tick_size_change_is_a_new_epoch_without_levels() {
        let mut book = Book::new(cents());
        book.begin_snapshot();
        book.set_level(Face::Yes, Side::Buy, Price::from_pips(9600).unwrap(), Qty::ONE).unwrap();
        let epoch = book.stamp().epoch;
        book.regrid(Grid::uniform(Price::from_pips(10).unwrap()).unwrap());
        assert_eq!(
            (book.top(), book.status()),
            (TopOfBook::default(), BookStatus::AwaitingSnapshot)
        );
        assert_eq!(book.stamp().epoch, epoch + 1);
    }

    proptest! {
        /// A snapshot replaces whatever was there: the same book as one that was cleared first,
        /// repeated, removed and impossible levels included.
        #[test]
        fn a_replaced_book_equals_one_that_was_cleared(
            step in prop_oneof![Just(100_u32), Just(5)],
            snapshots in proptest::collection::vec(proptest::collection::vec(
                (any::<bool>(), any::<bool>(), 1_u32..101, 0_u64..5), 0..60), 1..6),
        ) {
            let grid = Grid::uniform(Price::from_pips(step).unwrap()).unwrap();
            let (mut replaced, mut cleared) = (Book::new(grid), Book::new(grid));
            let mut named = Named::default();
            for snapshot in snapshots {
                let levels = snapshot.into_iter().map(|(no, sell, cent, contracts)| (
                    if no { Face::No } else { Face::Yes },
                    if sell { Side::Sell } else { Side::Buy },
                    Price::from_pips(cent * 100).unwrap(),
                    Qty::from_contracts(contracts).unwrap(),
                ));
                cleared.begin_snapshot();
                let mut each = levels.clone();
                let expected = each.try_for_each(|(f, s, p, q)| cleared.set_level(f, s, p, q));
                let levels: Vec<_> = levels.collect();
                let parts = levels.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).map(|part| {
                    (part[0].0, part[0].1, part.iter().map(|level| (level.2, Some(level.3))))
                });
                let got = replaced.replace(parts, &mut named);
                prop_assert_eq!(got, expected);
                prop_assert_eq!(
                    replaced.commit(Nanos(1), Nanos(2)), cleared.commit(Nanos(1), Nanos(2)));
                prop_assert_eq!(replaced.top(), cleared.top());
                for side in [Side::Buy, Side::Sell] {
                    let (ours, theirs) = (replaced.ladder(side), cleared.ladder(side));
                    prop_assert_eq!(ours.iter().collect::<Vec<_>>(), theirs.iter().collect::<Vec<_>>());
                    prop_assert_eq!(ours.count(), theirs.count());
                    // A hidden remainder in a cell would come back with its bit.
                    let cells = (0..grid.ticks()).map(Tick);
                    prop_assert!(cells.clone().all(|tick| ours.qty_at(tick) == theirs.qty_at(tick)));
                }
            }
            prop_assert!(named.0.iter().all(NamedTicks::is_empty));
        }

        /// Any stream through either face equals one ordered map per side in YES terms.
        #[test]
        fn equals_two_ordered_maps(
            stream in proptest::collection::vec(
                (any::<bool>(), any::<bool>(), 1_u32..100, 0_u64..5), 1..300),
        ) {
            let (mut book, mut maps) = (Book::new(cents()), [BTreeMap::new(), BTreeMap::new()]);
            book.begin_snapshot();
            for (no, sell, cent, contracts) in stream {
                let face = if no { Face::No } else { Face::Yes };
                let side = if sell { Side::Sell } else { Side::Buy };
                let price = Price::from_pips(cent * 100).unwrap();
                let qty = Qty::from_contracts(contracts).unwrap();
                book.set_level(face, side, price, qty).unwrap();
                let (side, price) =
                    if no { (side.other(), price.complement()) } else { (side, price) };
                let map = &mut maps[side as usize];
                if qty.is_zero() { map.remove(&price); } else { map.insert(price, qty); }
                prop_assert_eq!(book.top().bid.map(|l| l.price), maps[0].keys().next_back().copied());
                prop_assert_eq!(book.top().ask.map(|l| l.price), maps[1].keys().next().copied());
            }
        }
    }
}
