//! What clients see of both venues: their connections, and the public frames of every operation.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{BookId, Grid, Nanos, TopOfBook};

use super::fault::{FaultCounts, FaultKind, FaultPlan, Faults, skewed};
use super::flow::{Ending, Tape};
use super::matching::MatchEvent;
use super::scenario::Scenario;
use super::world::Market;
use super::{kalshi, polymarket};

/// The most that may wait for one client before it is dropped as too slow.
pub const QUEUE_FRAMES_MAX: usize = 8_192;
/// The longest message that a client may send.
pub const CLIENT_TEXT_BYTES_MAX: usize = 256 * 1024;

/// A client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

/// Why a venue closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The client left.
    ByClient,
    /// Its queue was full.
    TooSlow,
    /// An injected fault.
    ByFault,
    /// It sent more than a message may have.
    TooLong,
    /// The venue had enough of it.
    ByVenue,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimStats {
    /// Frames handed to clients.
    pub frames: u64,
    /// Operations that changed a book.
    pub operations: u64,
    /// Matches, one per price and order.
    pub trades: u64,
    /// Connections opened.
    pub sessions: u64,
    /// Connections closed because the client was too slow.
    pub too_slow: u64,
    /// Messages of clients.
    pub client_messages: u64,
    /// Injected faults.
    pub faults: FaultCounts,
}

impl SimStats {
    fn add(&mut self, session: &Session) {
        self.faults = self.faults.plus(session.faults.counts);
        self.too_slow += u64::from(session.closed == Some(Closed::TooSlow));
    }
}

/// A connection's own state on its venue.
#[derive(Clone, Debug)]
pub(super) enum FaceState {
    Polymarket(polymarket::Session),
    Kalshi(kalshi::Session),
    /// The connection is closed, or its state is with the venue that reads its message.
    Away,
}

/// One connection: what waits to leave, and what goes wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) kind: VenueKind,
    pub(super) state: FaceState,
    queue: VecDeque<(Nanos, String)>,
    /// No frame leaves before those in front of it.
    ready_at: Nanos,
    /// A frame that waits for its successor to overtake it.
    overtaken: Option<String>,
    faults: Faults,
    pub(super) closed: Option<Closed>,
}

impl Session {
    /// Replies, dumps and snapshots: never struck by a fault.
    pub(super) fn push(&mut self, now: Nanos, text: String) {
        if self.closed.is_some() {
            return;
        }
        if self.queue.len() >= QUEUE_FRAMES_MAX {
            self.close(Closed::TooSlow);
            return;
        }
        self.ready_at = self.ready_at.max(now);
        self.queue.push_back((self.ready_at, text));
    }

    pub(super) fn close(&mut self, why: Closed) {
        if self.closed.is_none() {
            self.closed = Some(why);
            self.queue.clear();
            self.state = FaceState::Away;
        }
    }

    /// A frame of the stream, with whatever goes wrong with it.
    pub(super) fn push_data(&mut self, now: Nanos, text: String) {
        let late = self.overtaken.take();
        match self.faults.strike(now) {
            None | Some(FaultKind::SkipSequence) => self.push(now, text),
            Some(FaultKind::Drop | FaultKind::Freeze(_)) => {}
            Some(FaultKind::Duplicate) => {
                self.push(now, text.clone());
                self.push(now, text);
            }
            Some(FaultKind::Reorder) => self.overtaken = Some(text),
            Some(FaultKind::Delay(span)) => {
                self.ready_at = self.ready_at.max(now).plus(span);
                self.push(now, text);
            }
            Some(FaultKind::Disconnect) => self.close(Closed::ByFault),
        }
        if let Some(late) = late {
            self.push(now, late);
        }
    }

    /// Follows another plan of faults from now on.
    pub(super) fn replan(&mut self, plan: &FaultPlan, now: Nanos) {
        self.faults.replan(plan, self.kind, now);
    }

    /// Strikes the next frame of the stream.
    pub(super) fn strike_next(&mut self, kind: FaultKind) {
        self.faults.strike_next(kind);
    }

    /// A frame of the stream of a Kalshi connection; a fault may use up a sequence number.
    fn push_kalshi(&mut self, now: Nanos, text: String) {
        let skips = self.faults.counts.skips;
        self.push_data(now, text);
        if self.faults.counts.skips > skips
            && let FaceState::Kalshi(state) = &mut self.state
        {
            state.skip_sequence();
        }
    }

    /// Takes the next frame that has left the venue by `now`.
    pub(super) fn pop(&mut self, now: Nanos) -> Option<String> {
        let is_out = self.queue.front().is_some_and(|(ready_at, _)| *ready_at <= now);
        if is_out { self.queue.pop_front().map(|(_, text)| text) } else { None }
    }

    /// Whether something can be taken at `now`, or the venue has closed the connection.
    pub(super) fn has_news(&self, now: Nanos) -> bool {
        self.closed.is_some() || self.queue.front().is_some_and(|(ready_at, _)| *ready_at <= now)
    }
}

/// The side of the venues that clients see.
#[derive(Clone, Debug)]
pub(super) struct Faces {
    scenario: Arc<Scenario>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    tops: Vec<TopOfBook>,
    /// Faults of connections that are gone, by venue.
    gone: BTreeMap<VenueKind, FaultCounts>,
    /// By how many milliseconds the clock of each venue is fast.
    pub(super) skews: BTreeMap<VenueKind, i64>,
    pub(super) stats: SimStats,
    /// Whose operation on Kalshi is under way.
    pub(super) mark: Option<kalshi::Mark>,
}

impl Faces {
    /// The faces of venues that list this, before the first client.
    pub(super) fn new(scenario: Arc<Scenario>) -> Self {
        let tops = vec![TopOfBook::default(); scenario.catalog.listings.len()];
        Self {
            scenario,
            sessions: BTreeMap::new(),
            tops,
            gone: BTreeMap::new(),
            skews: BTreeMap::new(),
            stats: SimStats::default(),
            mark: None,
        }
    }

    /// A connection more. `faults` makes its faults from its number.
    pub(super) fn admit(
        &mut self,
        kind: VenueKind,
        state: FaceState,
        faults: impl FnOnce(u64) -> Faults,
    ) -> SessionId {
        let number = self.stats.sessions;
        self.stats.sessions += 1;
        let session = Session {
            kind,
            state,
            queue: VecDeque::new(),
            ready_at: Nanos::ZERO,
            overtaken: None,
            faults: faults(number),
            closed: None,
        };
        self.sessions.insert(SessionId(number), session);
        SessionId(number)
    }

    /// Closes every connection of a venue.
    pub(super) fn close_all(&mut self, kind: VenueKind) {
        for session in self.sessions.values_mut().filter(|session| session.kind == kind) {
            session.close(Closed::ByVenue);
        }
    }

    /// Forgets a connection; its counts stay.
    pub(super) fn forget(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            self.stats.add(&session);
            let gone = self.gone.entry(session.kind).or_default();
            *gone = gone.plus(session.faults.counts);
        }
    }

    /// Counters of now, those of open connections included.
    pub(super) fn total(&self) -> SimStats {
        let mut all = self.stats;
        for session in self.sessions.values() {
            all.add(session);
        }
        all
    }

    /// Faults of all connections of a venue.
    pub(super) fn fault_counts(&self, kind: VenueKind) -> FaultCounts {
        let gone = self.gone.get(&kind).copied().unwrap_or_default();
        let open = self.sessions.values().filter(|session| session.kind == kind);
        open.fold(gone, |sum, session| sum.plus(session.faults.counts))
    }

    /// What a venue prints as the time.
    fn stamp(&self, kind: VenueKind, now: Nanos) -> Nanos {
        skewed(now, self.skews.get(&kind).copied().unwrap_or(0))
    }

    fn listing(&self, book: BookId) -> Option<&Listing> {
        self.scenario.catalog.listing(book)
    }

    pub(super) fn tell_polymarket(&mut self, now: Nanos, frames: &[polymarket::Frame]) {
        for session in self.sessions.values_mut() {
            for frame in frames {
                let FaceState::Polymarket(state) = &session.state else { break };
                if state.takes(frame) {
                    session.push_data(now, frame.text.clone());
                }
            }
        }
    }

    fn tell_kalshi(&mut self, now: Nanos, list: &[kalshi::Said]) {
        for said in list {
            self.tell_each_kalshi(now, |_, state| state.frame(said));
        }
    }

    /// Every Kalshi connection gets the frame that is made for it, if one is.
    pub(super) fn tell_each_kalshi(
        &mut self,
        now: Nanos,
        mut frame: impl FnMut(SessionId, &mut kalshi::Session) -> Option<String>,
    ) {
        for (id, session) in &mut self.sessions {
            let FaceState::Kalshi(state) = &mut session.state else { continue };
            if let Some(text) = frame(*id, state) {
                session.push_kalshi(now, text);
            }
        }
    }

    fn market_id(&self, book: BookId) -> &str {
        self.scenario.market_ids.get(book.index()).map_or("", String::as_str)
    }
}

impl Tape for Faces {
    fn changed(&mut self, book: BookId, market: &Market, now: Nanos, events: &[MatchEvent]) {
        self.stats.operations += 1;
        let matched = events.iter().filter(|event| matches!(event, MatchEvent::Trade { .. }));
        self.stats.trades += u64::try_from(matched.count()).unwrap_or(0);
        let before = self.tops.get(book.index()).copied().unwrap_or_default();
        let top = market.book.top();
        if let Some(slot) = self.tops.get_mut(book.index()) {
            *slot = top;
        }
        let is_heard = |session: &Session| session.kind == market.kind && session.closed.is_none();
        if !self.sessions.values().any(is_heard) {
            return;
        }
        let Some(listing) = self.listing(book) else { return };
        let stamp = self.stamp(market.kind, now);
        match market.kind {
            VenueKind::Polymarket => {
                let shown = polymarket::Shown { listing, market, now: stamp };
                let frames = shown.changed(events, before);
                self.tell_polymarket(now, &frames);
            }
            VenueKind::Kalshi => {
                let market_id = self.market_id(book);
                let own = self.mark.as_ref();
                let shown = kalshi::Shown { listing, market, market_id, now: stamp, own };
                let list = shown.changed(events, top != before);
                self.tell_kalshi(now, &list);
            }
        }
    }

    fn tick_changed(&mut self, book: BookId, market: &Market, now: Nanos, grids: [&Grid; 2]) {
        let [old, new] = grids.map(Grid::step);
        let Some(listing) = self.listing(book) else { return };
        let stamp = self.stamp(market.kind, now);
        match market.kind {
            VenueKind::Polymarket => {
                let shown = polymarket::Shown { listing, market, now: stamp };
                let frames = shown.tick_changed(old, new);
                self.tell_polymarket(now, &frames);
            }
            VenueKind::Kalshi => {
                let market_id = self.market_id(book);
                let shown = kalshi::Shown { listing, market, market_id, now: stamp, own: None };
                let said = shown.regridded();
                self.tell_kalshi(now, &[said]);
            }
        }
    }

    /// The venues tell of it themselves: they know what they list.
    fn listed(&mut self, _book: BookId) {}

    fn fee_changed(&mut self, _book: BookId, _multiplier_nano: Option<u32>) {}

    fn ended(&mut self, book: BookId, market: &Market, now: Nanos, ending: Ending) {
        let Some(listing) = self.listing(book) else { return };
        let market_id = self.market_id(book);
        let stamp = self.stamp(market.kind, now);
        match market.kind {
            VenueKind::Polymarket => {
                let shown = polymarket::Shown { listing, market, now: stamp };
                let frames: Vec<_> = shown.ended(ending, market_id).into_iter().collect();
                self.tell_polymarket(now, &frames);
            }
            VenueKind::Kalshi => {
                let shown = kalshi::Shown { listing, market, market_id, now: stamp, own: None };
                let list = shown.ended(ending);
                self.tell_kalshi(now, &list);
            }
        }
    }
}
