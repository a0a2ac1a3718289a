//! The levels of one side of a book in one separator style, price before size.

use core::marker::PhantomData;

use dutchbook_book::{InstrumentId, Side};

use super::{Style, level};
use crate::batch::{Batch, LevelChange};
use crate::ids::Ids;
use crate::scan::{Lanes, Task, literal};

/// The levels of a side, whose bracket is at `at`; returns the position behind them, or `None` where one
/// of them is of another shape: then some may be in the batch already.
#[inline(always)]
pub(super) fn alike<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    (instrument, side): (InstrumentId, Side),
    (ids, batch): (&impl Ids, &mut Batch),
) -> Option<usize> {
    let first = literal(bytes, at, b"[")?;
    if let Some(end) = literal(bytes, first, b"]") {
        return Some(end);
    }
    let at = literal(bytes, first, b"{\"price\":\"")?;
    let levels = &mut batch.levels;
    lanes.apart(Alike::<'_, _, S> { ids, bytes, at, side, instrument, levels, style: PhantomData })
}

/// From the first price on, one level at least.
struct Alike<'a, I, S> {
    ids: &'a I,
    bytes: &'a [u8],
    at: usize,
    side: Side,
    instrument: InstrumentId,
    levels: &'a mut Vec<LevelChange>,
    style: PhantomData<S>,
}

impl<I: Ids, S: Style> Task for Alike<'_, I, S> {
    type Out = Option<usize>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Option<usize> {
        let Self { ids, bytes, mut at, side, instrument, levels, .. } = self;
        let from = levels.len();
        loop {
            let (price, qty, end) = level::<L, S>(lanes, bytes, at)?;
            let level =
                LevelChange { instrument, side, price, qty, best_bid: None, best_ask: None };
            levels.push(level);
            match literal(bytes, end, S::NEXT_LEVEL) {
                Some(next) => at = next,
                None => return literal(bytes, end, b"\"}]"),
            }
            // Behind the first of several: one alone is fetched sooner than it is asked for.
            if levels.len() == from.wrapping_add(1) {
                ids.side(instrument, side, price);
            }
        }
    }
}
