//! Books and session of one connection.

mod group;
mod levels;

use std::collections::VecDeque;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::fetch::fetch_first;
use dutchbook_book::places::Places;
use dutchbook_book::{Book, BookId, Grid, InstrumentId, Named, Nanos, Price, Side};

use group::Group;

use super::FeedConfig;
use super::ticker::Contradiction;
use crate::batch::{Sequence, StatedBest};
use crate::counters::Counters;
use crate::error::{DecodeError, Doubt};
use crate::notice::{LossReason, Notice, Sink};
use crate::session::{
    BookSession, Pulse, Resync, Rules, SessionStep, Streams, Sync, Trading, Verdict,
};

/// Marks no book.
const NO_SLOT: u32 = u32::MAX;

/// One book with everything that the feed keeps about it; what a change needs comes first.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Slot {
    pub(super) session: BookSession,
    pub(super) ts_venue: Nanos,
    group: Option<Group>,
    pub(super) id: BookId,
    is_dirty: bool,
    is_finished: bool,
    /// Whether it stands in [`State::open_groups`].
    is_queued: bool,
    /// Whether the open connection was asked for it.
    pub(super) is_asked: bool,
    pub(super) book: Book,
    pub(super) native_market: String,
    pub(super) native_faces: Option<[String; 2]>,
    /// What the ticker said that the book does not show.
    pub(super) contradicted: Option<Contradiction>,
}

/// Where a book lies among the slots, and its levels in memory.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// `None` for a book that this feed does not have.
    slot: Option<u32>,
    levels: Places,
}

/// Where the book's own hot lines end.
const HOT_BYTES: usize = core::mem::offset_of!(Slot, book) + Book::HOT_BYTES;
const _: () = assert!(HOT_BYTES <= 5 * 64);

/// Books and session of one connection.
#[derive(Debug)]
pub(super) struct State {
    pub(super) kind: VenueKind,
    pub(super) rules: Rules,
    pub(super) config: FeedConfig,
    pub(super) slots: Vec<Slot>,
    /// By [`BookId`]; as small as it can be, so that it stays warm when the books are not.
    places: Vec<Place>,
    pub(super) streams: Streams,
    pub(super) pulse: Pulse,
    pub(super) counters: Counters,
    dirty: Vec<u32>,
    /// Books with an unfinished update, each once, by when this list last learned that one was heard of.
    open_groups: VecDeque<(Nanos, u32)>,
    pub(super) outbox: VecDeque<String>,
    pub(super) command_id: u64,
    pub(super) now: Nanos,
    /// Nothing has to be asked again before this.
    pub(super) next_due: Nanos,
    /// When the next book is sent for in turn, and which.
    pub(super) refresh_due: Nanos,
    pub(super) refresh_next: usize,
    /// Slots whose tickers said something else, each at most once.
    pub(super) contradicted: Vec<u32>,
    named: Named,
}

impl State {
    pub(super) fn new(kind: VenueKind, config: FeedConfig) -> Self {
        Self {
            kind,
            rules: Rules::of(kind),
            config,
            slots: Vec::new(),
            places: Vec::new(),
            streams: Streams::default(),
            pulse: Pulse::default(),
            counters: Counters::default(),
            dirty: Vec::new(),
            open_groups: VecDeque::new(),
            outbox: VecDeque::new(),
            command_id: 0,
            now: Nanos::ZERO,
            next_due: Nanos(u64::MAX),
            refresh_due: Nanos::ZERO,
            refresh_next: 0,
            contradicted: Vec::new(),
            named: Named::default(),
        }
    }

    /// Adds a book; false when it is there already.
    pub(super) fn add(&mut self, listing: &Listing) -> bool {
        let index = listing.book.index();
        let book = Book::new(listing.grid);
        self.named.fit(&listing.grid);
        let place = Place { slot: u32::try_from(self.slots.len()).ok(), levels: Places::of(&book) };
        if self.places.len() <= index {
            self.places.resize(index.saturating_add(1), Place { slot: None, ..place });
        }
        match self.places.get_mut(index) {
            Some(entry) if entry.slot.is_none() => *entry = place,
            Some(_) | None => return false,
        }
        self.slots.push(Slot {
            id: listing.book,
            book,
            session: BookSession::default(),
            native_market: listing.native_market.clone(),
            native_faces: listing.native_faces.clone(),
            is_asked: false,
            ts_venue: Nanos::ZERO,
            group: None,
            is_dirty: false,
            is_finished: false,
            is_queued: false,
            contradicted: None,
        });
        // Each book is in these lists at most once: they never grow while messages flow.
        self.dirty.reserve(self.slots.len());
        self.open_groups.reserve(self.slots.len());
        self.contradicted.reserve(self.slots.len());
        true
    }

    /// Asks for the memory that a change of a book needs.
    #[inline]
    pub(super) fn fetch(&self, book: BookId) {
        if let Some(slot) = self.slot_at(book).and_then(|at| self.slots.get(at)) {
            fetch_first(slot, HOT_BYTES);
        }
    }

    /// Asks for the memory of a level.
    #[inline]
    pub(super) fn fetch_level(&self, instrument: InstrumentId, side: Side, price: Price) {
        if let Some(place) = self.places.get(instrument.book().index()) {
            place.levels.fetch(instrument.face(), side, price);
        }
    }

    /// Asks for the memory that tells where a book has levels: it is going to be replaced.
    #[inline]
    pub(super) fn fetch_words(&self, instrument: InstrumentId) {
        if let Some(place) = self.places.get(instrument.book().index()) {
            place.levels.fetch_words();
        }
    }

    /// Asks for the memory of a side that is going to be replaced, by levels that begin with this price.
    #[inline]
    pub(super) fn fetch_side(&self, instrument: InstrumentId, side: Side, first: Price) {
        if let Some(book) = self.book(instrument.book()) {
            book.fetch_towards(instrument.face(), side, first);
        }
    }

    pub(super) fn book(&self, id: BookId) -> Option<&Book> {
        let at = self.slot_at(id)?;
        self.slots.get(at).map(|slot| &slot.book)
    }

    pub(super) fn books(&self) -> impl Iterator<Item = (BookId, &Book)> {
        self.slots.iter().map(|slot| (slot.id, &slot.book))
    }

    #[inline]
    pub(super) fn slot_at(&self, id: BookId) -> Option<usize> {
        self.places.get(id.index())?.slot.map(|slot| slot as usize)
    }

    #[inline]
    pub(super) fn slot_of(&self, instrument: InstrumentId) -> Option<usize> {
        self.slot_at(instrument.book())
    }

    pub(super) const fn heard(&mut self, now: Nanos) {
        self.now = now;
        self.pulse.heard(now);
    }

    #[inline]
    pub(super) fn received(&mut self, bytes: usize, now: Nanos) {
        self.heard(now);
        self.counters.payloads += 1;
        self.counters.bytes = self.counters.bytes.saturating_add(bytes as u64);
    }

    /// Judges a sequence number; false when its message is to be dropped.
    #[inline]
    pub(super) fn is_new(&mut self, sequence: Sequence, sink: &mut impl Sink) -> bool {
        match self.streams.judge(sequence) {
            Verdict::InOrder => true,
            Verdict::Duplicate => {
                self.counters.duplicates += 1;
                false
            }
            Verdict::Gap { expected } => {
                self.counters.gaps += 1;
                let Sequence { sid, seq: got } = sequence;
                sink.notice(Notice::Gap { sid, expected, got });
                self.lose_stream(sid, LossReason::SequenceGap, sink);
                true
            }
        }
    }

    /// Gaps every book that a subscription carries.
    pub(super) fn lose_stream(&mut self, sid: u32, reason: LossReason, sink: &mut impl Sink) {
        for at in 0..self.slots.len() {
            if self.slots.get(at).is_some_and(|slot| slot.session.sid == Some(sid)) {
                self.lose(at, Sync::Gapped, reason, sink);
            }
        }
    }

    /// Stops believing a book, and sends for it.
    pub(super) fn lose(&mut self, at: usize, sync: Sync, reason: LossReason, sink: &mut impl Sink) {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.group = None;
        if slot.session.lose(sync) {
            if sync == Sync::Stale {
                self.counters.stale += 1;
            }
            sink.notice(Notice::Lost { book: slot.id, reason });
            self.mark(at);
        }
        self.send_for(at, now);
    }

    /// Notes that a book is to be asked for at `due`, unless it is being asked for.
    pub(super) fn send_for(&mut self, at: usize, due: Nanos) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        if slot.session.trading != Trading::Closed && slot.session.resync.is_none() {
            slot.session.resync = Some(Resync { due, attempts: 0 });
            self.next_due = self.next_due.min(due);
        }
    }

    /// Notes that a book has a new state to publish.
    #[inline]
    pub(super) fn mark(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        if !slot.is_dirty {
            slot.is_dirty = true;
            self.dirty.push(u32::try_from(at).unwrap_or(NO_SLOT));
        }
    }

    /// Publishes every book that the payload changed, once.
    #[inline]
    pub(super) fn publish(&mut self, now: Nanos, sink: &mut impl Sink) {
        for next in 0..self.dirty.len() {
            let Some(at) = self.dirty.get(next).map(|&at| at as usize) else { continue };
            if self.slots.get(at).is_some_and(|slot| slot.is_finished) {
                self.judge(at, StatedBest::NOTHING, StatedBest::NOTHING, sink);
            }
            let Some(slot) = self.slots.get_mut(at) else { continue };
            (slot.is_dirty, slot.is_finished) = (false, false);
            slot.book.set_status(slot.session.status());
            let stamp = slot.book.commit(slot.ts_venue, now);
            sink.book_changed(slot.id, &slot.book, stamp);
        }
        self.dirty.clear();
    }

    /// Puts a book on a new grid: its levels are void until a snapshot. No grid gaps the book.
    pub(super) fn regrid(&mut self, at: usize, grid: Option<Grid>, sink: &mut impl Sink) {
        let now = self.now;
        let Some(grid) = grid else {
            self.lose(at, Sync::Gapped, LossReason::Regridded, sink);
            return;
        };
        // Here, where the book allocates as well, and not with the snapshot that follows.
        self.named.fit(&grid);
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.book.regrid(grid);
        if let Some(place) = self.places.get_mut(slot.id.index()) {
            place.levels = Places::of(&slot.book);
        }
        slot.group = None;
        slot.session.sync = Sync::Awaiting;
        slot.session.doubtful_updates = 0;
        self.counters.regrids += 1;
        sink.notice(Notice::TickChange { book: slot.id, grid });
        self.mark(at);
        self.send_for(at, now);
    }

    /// A payload could not be read.
    pub(super) fn malformed(&mut self, error: DecodeError, sink: &mut impl Sink) {
        self.counters.decode_errors += 1;
        sink.notice(Notice::Malformed(error));
        if let Some(sequence) = error.sequence
            && !self.is_new(sequence, sink)
        {
            return;
        }
        match error.doubt {
            Doubt::Nothing => {}
            Doubt::Book(instrument) => {
                if let Some(at) = self.slot_of(instrument) {
                    self.lose(at, Sync::Gapped, LossReason::Malformed, sink);
                }
            }
            Doubt::All => {
                for at in 0..self.slots.len() {
                    self.lose(at, Sync::Stale, LossReason::Malformed, sink);
                }
            }
        }
    }

    pub(super) fn poll(&mut self, now: Nanos, sink: &mut impl Sink) -> SessionStep {
        self.now = now;
        let limits = self.config.limits;
        let until = Nanos(now.0.saturating_sub(limits.group_ns_max.0));
        self.close_groups(until, sink);
        if let Some(reason) = self.pulse.verdict(now, &limits) {
            self.disconnect(now, sink);
            return SessionStep::Reconnect(reason);
        }
        if let Some(ping) = self.rules.ping
            && self.pulse.ping_due(now, &limits)
        {
            self.outbox.push_back(ping.to_owned());
        }
        self.refresh(now);
        self.check_tickers(now, sink);
        if now >= self.next_due {
            self.find_next_due();
        }
        let is_due = self.pulse.is_connected() && now >= self.next_due;
        if is_due || !self.outbox.is_empty() { SessionStep::Send } else { SessionStep::Idle }
    }

    /// The connection is gone, or is to be given up.
    pub(super) fn disconnect(&mut self, now: Nanos, sink: &mut impl Sink) {
        self.now = now;
        self.close_groups(Nanos(u64::MAX), sink);
        self.pulse.disconnect();
        self.streams.clear();
        self.outbox.clear();
        self.next_due = Nanos(u64::MAX);
        for at in 0..self.slots.len() {
            self.lose(at, Sync::Stale, LossReason::Disconnected, sink);
            if let Some(slot) = self.slots.get_mut(at) {
                slot.session.resync = None;
                slot.session.sid = None;
                slot.is_asked = false;
            }
        }
    }
}
