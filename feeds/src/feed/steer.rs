//! What others than the stream know about a feed's books: the venue's lists, its REST books, a clock.
//!
//! The stream is silent about some things (a market that closes at its hour, a subscription that
//! froze); whoever finds out says so here, and the book's state follows as from a message.

use dutchbook_book::{BookId, Grid, Nanos};

use super::Feed;
use crate::notice::{LossReason, Sink};
use crate::session::{Sync, Trading};

impl Feed {
    /// The book has missed changes although its stream says nothing: it is stale, and sent for
    /// again. The other books of the connection go on. Returns whether it was believed until now.
    pub fn freeze(&mut self, book: BookId, now: Nanos, sink: &mut impl Sink) -> bool {
        let state = &mut self.state;
        let Some(at) = state.slot_at(book) else { return false };
        state.now = state.now.max(now);
        let was_believed = state.slots.get(at).is_some_and(|slot| slot.session.sync == Sync::Live);
        state.lose(at, Sync::Stale, LossReason::Frozen, sink);
        state.counters.frozen += u64::from(was_believed);
        state.publish(now, sink);
        was_believed
    }

    /// The venue trades the book, does not just now, or never will again.
    pub fn set_trading(
        &mut self,
        book: BookId,
        trading: Trading,
        now: Nanos,
        sink: &mut impl Sink,
    ) {
        let state = &mut self.state;
        let Some(at) = state.slot_at(book) else { return };
        if state.slots.get(at).is_some_and(|slot| slot.session.trading == trading) {
            return;
        }
        match trading {
            Trading::Closed => state.close(at),
            Trading::Open | Trading::Halted => state.halt(at, trading),
        }
        state.publish(now, sink);
    }

    /// The venue's list states another grid than the book has: its levels are void.
    pub fn set_grid(&mut self, book: BookId, grid: Grid, now: Nanos, sink: &mut impl Sink) {
        let state = &mut self.state;
        let Some(at) = state.slot_at(book) else { return };
        if state.slots.get(at).is_some_and(|slot| *slot.book.grid() != grid) {
            state.now = state.now.max(now);
            state.regrid(at, Some(grid), sink);
            state.publish(now, sink);
        }
    }
}
