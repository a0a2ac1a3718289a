//! Updates of several messages: what counts is the book after the last of them.

use dutchbook_book::{Face, Nanos};

use super::State;
use crate::batch::{LevelChange, StatedBest};
use crate::notice::{LossReason, Sink};
use crate::session::Sync;

/// Messages of one market with one stamp, until the last of them has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) ts_venue: Nanos,
    pub(super) ts_recv: Nanos,
    /// Best bid and ask in YES terms as last stated.
    pub(super) bid: StatedBest,
    pub(super) ask: StatedBest,
}

impl State {
    /// Puts a book last. Where it was heard of before the one in front of it, it counts as heard of with
    /// that one: to look for its place among hundreds would cost more than all else that a message does
    /// to its group, and it is looked at later by no more than the time that one may stay open.
    #[inline]
    pub(super) fn queue_group(&mut self, heard: Nanos, number: u32) {
        let since = self.open_groups.back().map_or(heard, |(last, _)| heard.max(*last));
        self.open_groups.push_back((since, number));
    }

    /// The messages of a group are complete: the state after them is the one that counts.
    pub(super) fn close_group(&mut self, at: usize, sink: &mut impl Sink) {
        let group = self.slots.get_mut(at).and_then(|slot| slot.group.take());
        if let Some(group) = group {
            self.judge(at, group.bid, group.ask, sink);
        }
    }

    /// Finishes every update that has had no further message since before `until`.
    pub(in crate::feed) fn close_groups(&mut self, until: Nanos, sink: &mut impl Sink) {
        while let Some(&(since, number)) = self.open_groups.front()
            && since <= until
        {
            self.open_groups.pop_front();
            let at = number as usize;
            let Some(slot) = self.slots.get_mut(at) else { continue };
            match slot.group.map(|group| group.ts_recv) {
                // It was heard of since.
                Some(recv) if recv > until => self.queue_group(recv, number),
                Some(_) | None => {
                    slot.is_queued = false;
                    self.close_group(at, sink);
                }
            }
        }
    }

    /// Counts a finished update that left its book crossed or unlike the stated top; gives the book
    /// up when that stays so.
    pub(super) fn judge(
        &mut self,
        at: usize,
        bid: StatedBest,
        ask: StatedBest,
        sink: &mut impl Sink,
    ) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        if !slot.session.takes_deltas() {
            return;
        }
        let top = slot.book.top();
        let is_crossed = top.is_crossed();
        let is_unlike = bid.is_unlike(top.bid.map(|level| level.price))
            | ask.is_unlike(top.ask.map(|level| level.price));
        if !is_crossed && !is_unlike {
            slot.session.doubtful_updates = 0;
            return;
        }
        slot.session.doubtful_updates = slot.session.doubtful_updates.saturating_add(1);
        let is_given_up = slot.session.doubtful_updates >= self.config.limits.doubtful_updates_max;
        self.counters.crossed += u64::from(is_crossed);
        self.counters.top_mismatch += u64::from(is_unlike);
        if is_given_up {
            self.lose(at, Sync::Gapped, LossReason::Doubtful, sink);
        }
    }
}

impl Group {
    /// A first message's, before what it states.
    #[inline]
    pub(super) const fn new(ts_venue: Nanos, ts_recv: Nanos) -> Self {
        Self { ts_venue, ts_recv, bid: StatedBest::NOTHING, ask: StatedBest::NOTHING }
    }

    /// Notes the top that a message states after a change, in YES terms. Zero and one are no
    /// prices: a side whose best is one of them is empty.
    #[inline]
    pub(super) fn state(&mut self, level: &LevelChange) {
        let (bid, ask) = (level.best_bid.without_bounds(), level.best_ask.without_bounds());
        let (bid, ask) = match level.instrument.face() {
            Face::Yes => (bid, ask),
            Face::No => (ask.mirrored(), bid.mirrored()),
        };
        self.bid = bid.or(self.bid);
        self.ask = ask.or(self.ask);
    }
}
