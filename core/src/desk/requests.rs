//! Requests that are on their way: what each was for, and whose it is.

use arrayvec::ArrayVec;
use dutchbook_book::{Nanos, VenueId};
use dutchbook_exec::OrderId;

use crate::request::RequestId;

/// Most orders of one request: Polymarket takes fifteen (polymarket.md section 4).
pub(super) const BATCH_MAX: usize = 15;
/// Requests under way at once.
const REQUESTS_MAX: usize = 512;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// New orders.
    Place,
    /// Taking one back.
    Cancel,
    /// The record of one order, by its id.
    LookUp,
    /// The records of the venue's newest orders, for one among them.
    List,
    /// The trades of one order.
    Fills,
    /// The cash.
    Balance,
    /// The dead-man switch.
    Heartbeat,
}

/// One request under way.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: RequestId,
    pub(super) venue: VenueId,
    pub(super) asked: Asked,
    pub(super) at: Nanos,
    pub(super) orders: ArrayVec<OrderId, BATCH_MAX>,
    /// Nobody has answered in time; its orders count as unknown already.
    pub(super) is_late: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Requests {
    pending: Vec<Pending>,
    last: u64,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self { pending: Vec::with_capacity(REQUESTS_MAX), last: 0 }
    }

    pub(super) fn has_room(&self) -> bool {
        self.pending.len() < REQUESTS_MAX
    }

    /// Notes a request that is about to leave; `None` where there is no room.
    pub(super) fn open(
        &mut self,
        venue: VenueId,
        asked: Asked,
        orders: ArrayVec<OrderId, BATCH_MAX>,
        now: Nanos,
    ) -> Option<RequestId> {
        if !self.has_room() {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        let id = RequestId(self.last);
        let pending = Pending { id, venue, asked, at: now, orders, is_late: false };
        self.pending.push(pending);
        Some(id)
    }

    /// Takes a request out: it was answered. `None` for one that is not under way: an answer that
    /// came twice.
    pub(super) fn close(&mut self, id: RequestId) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.id == id)?;
        Some(self.pending.swap_remove(at))
    }

    /// The next request that nobody has answered since `before`, marked so that it is found once.
    pub(super) fn next_late(&mut self, before: Nanos) -> Option<Pending> {
        let is_late = |pending: &&mut Pending| !pending.is_late && pending.at <= before;
        let late = self.pending.iter_mut().find(is_late)?;
        late.is_late = true;
        Some(late.clone())
    }

    /// Forgets questions that nobody has answered for very long; new orders never.
    pub(super) fn sweep(&mut self, before: Nanos) {
        self.pending.retain(|pending| pending.at > before || pending.asked == Asked::Place);
    }

    /// Whether a question of this kind is under way for an order, or without one for a venue.
    pub(super) fn is_asking(&self, venue: VenueId, asked: Asked, order: Option<OrderId>) -> bool {
        self.pending.iter().any(|pending| {
            let is_same = pending.venue == venue && pending.asked == asked && !pending.is_late;
            is_same && order.is_none_or(|order| pending.orders.contains(&order))
        })
    }
}
