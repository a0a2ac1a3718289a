//! The levels of one side of a book in one separator style, price before size.

use core::marker::PhantomData;

use dutchbook_book::{InstrumentId, Side};

use super::{Level, Style, level};
use crate::batch::{Batch, LevelChange};
use crate::fast::quotes::QuoteMap;
use crate::ids::Ids;
use crate::scan::{Lanes, Task, lengths_by, literal};

/// The levels of a side, whose bracket is at `at`; returns the position behind them, or `None` where one
/// of them is of another shape: then some may be in the batch already.
#[inline(always)]
pub(super) fn alike<L: Lanes, S: Style>(
    lanes: L,
    (bytes, quotes): (&[u8], &mut QuoteMap),
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
    lanes.apart(Alike::<'_, _, S> {
        ids,
        bytes,
        quotes,
        at,
        side,
        instrument,
        levels,
        style: PhantomData,
    })
}

/// From the first price on, one level at least.
struct Alike<'a, I, S> {
    ids: &'a I,
    bytes: &'a [u8],
    quotes: &'a mut QuoteMap,
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
        let Self { ids, bytes, quotes, mut at, side, instrument, levels, .. } = self;
        let from = levels.len();
        loop {
            let near = bytes.get(at..at.wrapping_add(64))?.first_chunk()?;
            let lengths = lengths_by(quotes.near(lanes, bytes, at)?, S::SIZE.len())?;
            let Level { price, qty, end, is_followed } =
                level(lanes, near, lengths, S::SIZE, S::LEVEL)?;
            levels.push(LevelChange::bare(instrument, side, price, qty));
            if !is_followed {
                return last::<S>(near, end).map(|end| at.wrapping_add(end));
            }
            at = at.wrapping_add(end).wrapping_add(S::NEXT_LEVEL.len());
            // Behind the first of several: one alone is fetched sooner than it is asked for.
            if levels.len() == from.wrapping_add(1) {
                ids.side(instrument, side, price);
            }
        }
    }
}

/// Behind the array, where the level in the window is the last; its size ends at `end`.
#[inline(always)]
fn last<S: Style>(near: &[u8; 64], end: usize) -> Option<usize> {
    let price_end = near.iter().position(|byte| *byte == b'"')?;
    literal(near, price_end, S::SIZE)?;
    literal(near, end, b"\"}]")
}
