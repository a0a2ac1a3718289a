//! How one message about levels changes the books.

use dutchbook_book::{Book, BookError, Grid, Nanos, Price, Qty, Side};

use super::group::Group;
use super::{NO_SLOT, State};
use crate::batch::{LevelChange, Update, UpdateKind};
use crate::kind::MessageKind;
use crate::notice::{LossReason, Notice, Sink};
use crate::session::Sync;

impl State {
    /// Takes one message about levels.
    #[inline]
    pub(in crate::feed) fn update(
        &mut self,
        kind: MessageKind,
        update: &Update,
        levels: &[LevelChange],
        now: Nanos,
        sink: &mut impl Sink,
    ) {
        self.counters.message(kind);
        self.pulse.data(now);
        if let Some(sequence) = update.sequence
            && !self.is_new(sequence, sink)
        {
            return;
        }
        match update.kind {
            UpdateKind::Snapshot => self.snapshot(kind, update, levels, sink),
            UpdateKind::Set | UpdateKind::Add => self.change(update, levels, now, sink),
        }
    }

    fn snapshot(
        &mut self,
        kind: MessageKind,
        update: &Update,
        levels: &[LevelChange],
        sink: &mut impl Sink,
    ) {
        let Some(at) = self.slot_of(update.instrument) else {
            self.counters.unknown_instrument += 1;
            return;
        };
        self.close_group(at, sink);
        let sid = update.sequence.map(|sequence| sequence.sid);
        if let Some(sid) = sid {
            self.streams.began(sid, true);
        }
        let step = update.tick_size.map(Price::micro);
        let Some(slot) = self.slots.get_mut(at) else { return };
        // A body read over REST may be older than what the stream has said since.
        if kind == MessageKind::RestBook
            && slot.session.takes_deltas()
            && update.ts_venue < slot.ts_venue
        {
            self.counters.ignored += 1;
            return;
        }
        if step.is_some_and(|step| step != slot.book.grid().step()) {
            self.regrid(at, update.tick_size.and_then(|step| Grid::uniform(step).ok()), sink);
        }
        let Some(slot) = self.slots.get_mut(at) else { return };
        let parts = levels.chunk_by(|a, b| a.instrument == b.instrument && a.side == b.side);
        let parts = parts.filter_map(|part| {
            let levels = part.iter().map(|level| (level.price, stated_qty(level)));
            part.first().map(|first| (first.instrument.face(), first.side, levels))
        });
        let taken = slot.book.replace(parts, &mut self.named);
        let was_lost = matches!(slot.session.sync, Sync::Gapped | Sync::Stale);
        self.counters.revived += u64::from(was_lost);
        slot.session.snapshot(sid);
        slot.ts_venue = update.ts_venue.max(slot.ts_venue);
        slot.is_finished = true;
        self.counters.snapshots += 1;
        self.mark(at);
        if let Err(error) = taken {
            self.contradiction(at, error, sink);
        }
    }

    /// Applies changes of levels, usually all of one book.
    #[inline]
    fn change(
        &mut self,
        update: &Update,
        levels: &[LevelChange],
        now: Nanos,
        sink: &mut impl Sink,
    ) {
        let mut current = None;
        let mut is_open = false;
        for level in levels {
            let at = self.slot_of(level.instrument);
            if at != current || current.is_none() {
                current = at;
                is_open = self.open(at, update, now, sink);
            }
            let (Some(at), true) = (at, is_open) else { continue };
            let Some(slot) = self.slots.get_mut(at) else { continue };
            let result = match update.kind {
                UpdateKind::Add => add(&mut slot.book, level),
                UpdateKind::Set | UpdateKind::Snapshot => set(&mut slot.book, level),
            };
            if let Some(group) = &mut slot.group {
                group.state(level);
            }
            if let Err(error) = result {
                self.contradiction(at, error, sink);
                is_open = false;
            }
        }
    }

    /// Whether a book takes the changes of a message; prepares it when it does.
    #[inline]
    fn open(
        &mut self,
        at: Option<usize>,
        update: &Update,
        now: Nanos,
        sink: &mut impl Sink,
    ) -> bool {
        let Some(at) = at else {
            self.counters.unknown_instrument += 1;
            return false;
        };
        let ts_venue = update.ts_venue;
        let is_same_group = |group: &Group| group.ts_venue == ts_venue && ts_venue > Nanos::ZERO;
        if self.slots.get(at).is_some_and(|s| s.group.as_ref().is_some_and(|g| !is_same_group(g))) {
            self.close_group(at, sink);
        }
        let Some(slot) = self.slots.get_mut(at) else { return false };
        if !slot.session.takes_deltas() {
            self.counters.ignored += 1;
            return false;
        }
        self.counters.updates += 1;
        slot.ts_venue = ts_venue.max(slot.ts_venue);
        let is_lagging =
            ts_venue > Nanos::ZERO && now.since(ts_venue) > self.config.limits.lag_ns_max;
        if is_lagging && !slot.session.is_lagging {
            self.counters.stale += 1;
            sink.notice(Notice::Lost { book: slot.id, reason: LossReason::Lagging });
        }
        slot.session.is_lagging = is_lagging;
        if !self.rules.groups_by_stamp {
            slot.is_finished = true;
        } else if let Some(group) = &mut slot.group {
            group.ts_recv = now;
        } else {
            slot.group = Some(Group::new(ts_venue, now));
            // Hundreds of books have one at a time: none is looked for in the list.
            if !slot.is_queued {
                slot.is_queued = true;
                self.queue_group(now, u32::try_from(at).unwrap_or(NO_SLOT));
            }
        }
        self.mark(at);
        true
    }

    /// A change contradicts the book: a message was lost, or a tick-size change was.
    fn contradiction(&mut self, at: usize, error: BookError, sink: &mut impl Sink) {
        match error {
            BookError::OffTick(_) => self.counters.off_tick += 1,
            BookError::NegativeLevel(_) => self.counters.negative += 1,
        }
        self.mark(at);
        self.lose(at, Sync::Gapped, LossReason::Contradiction(error), sink);
    }
}

/// Sets a level to what a message states.
#[inline]
fn set(book: &mut Book, level: &LevelChange) -> Result<(), BookError> {
    let qty = stated_qty(level).ok_or(BookError::NegativeLevel(level.price))?;
    book.set_level(level.instrument.face(), level.side, level.price, qty)
}

/// The quantity that a level is stated to hold, unless that is less than nothing.
#[inline]
fn stated_qty(level: &LevelChange) -> Option<Qty> {
    u64::try_from(level.qty.micro()).ok().and_then(Qty::from_micro)
}

/// Changes a level by what a message states.
#[inline]
fn add(book: &mut Book, level: &LevelChange) -> Result<(), BookError> {
    let side: Side = level.side;
    book.add_level(level.instrument.face(), side, level.price, level.qty)
}
