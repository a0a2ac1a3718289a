//! Both simulated venues in one place, without I/O: time in, clients' text in, frames out.

use std::collections::VecDeque;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::grid::GridError;
use dutchbook_book::{BookId, Face, Grid, Level, Nanos, Price, Side, TopOfBook};

use super::fault::{FaultCounts, FaultKind, FaultPlan, Faults};
use super::flow::{Desk, Ending, Flow, FlowConfig, Tape};
use super::matching::MatchEvent;
use super::scenario::Scenario;
use super::world::{Market, World};
use super::{kalshi, polymarket};

/// The most that may wait for one client before it is dropped as too slow.
pub const QUEUE_FRAMES_MAX: usize = 8_192;
/// The longest message that a client may send.
pub const CLIENT_TEXT_BYTES_MAX: usize = 65_536;

/// A client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(usize);

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

#[derive(Clone, Debug)]
enum FaceState {
    Polymarket(polymarket::Session),
    Kalshi(kalshi::Session),
    /// The connection is closed; its subscriptions ended with it.
    Gone,
}

#[derive(Clone, Debug)]
struct Session {
    kind: VenueKind,
    state: FaceState,
    queue: VecDeque<(Nanos, String)>,
    /// No frame leaves before those in front of it.
    ready_at: Nanos,
    faults: Faults,
    closed: Option<Closed>,
}

impl Session {
    /// Replies, dumps and snapshots: never struck by a fault.
    fn push(&mut self, now: Nanos, text: String) {
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

    fn close(&mut self, why: Closed) {
        if self.closed.is_none() {
            self.closed = Some(why);
            self.queue.clear();
            self.state = FaceState::Gone;
        }
    }

    /// A frame of the stream, with whatever goes wrong with it.
    fn push_data(&mut self, now: Nanos, text: String) {
        match self.faults.strike(now) {
            None | Some(FaultKind::SkipSequence) => self.push(now, text),
            Some(FaultKind::Drop | FaultKind::Freeze(_)) => {}
            Some(FaultKind::Duplicate) => {
                self.push(now, text.clone());
                self.push(now, text);
            }
            Some(FaultKind::Delay(span)) => {
                self.ready_at = self.ready_at.max(now).plus(span);
                self.push(now, text);
            }
            Some(FaultKind::Disconnect) => self.close(Closed::ByFault),
        }
    }
}

/// The side of the venues that clients see.
#[derive(Clone, Debug)]
struct Faces {
    scenario: Scenario,
    sessions: Vec<Session>,
    tops: Vec<TopOfBook>,
    stats: SimStats,
}

impl Faces {
    fn listing(&self, book: BookId) -> Option<&Listing> {
        self.scenario.catalog.listing(book)
    }

    fn tell_polymarket(&mut self, now: Nanos, frames: &[polymarket::Frame]) {
        for session in &mut self.sessions {
            for frame in frames {
                let FaceState::Polymarket(state) = &session.state else { break };
                if state.takes(frame) {
                    session.push_data(now, frame.text.clone());
                }
            }
        }
    }

    fn tell_kalshi(&mut self, now: Nanos, list: &[kalshi::Said]) {
        for session in &mut self.sessions {
            for said in list {
                let FaceState::Kalshi(state) = &mut session.state else { break };
                let Some(text) = state.frame(said) else { continue };
                let skips = session.faults.counts.skips;
                session.push_data(now, text);
                if session.faults.counts.skips > skips
                    && let FaceState::Kalshi(state) = &mut session.state
                {
                    state.skip_sequence();
                }
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
        if !self.sessions.iter().any(is_heard) {
            return;
        }
        let Some(listing) = self.listing(book) else { return };
        match market.kind {
            VenueKind::Polymarket => {
                let frames = polymarket::Shown { listing, market, now }.changed(events, before);
                self.tell_polymarket(now, &frames);
            }
            VenueKind::Kalshi => {
                let market_id = self.market_id(book);
                let shown = kalshi::Shown { listing, market, market_id, now };
                let list = shown.changed(events, top != before);
                self.tell_kalshi(now, &list);
            }
        }
    }

    fn tick_changed(&mut self, book: BookId, market: &Market, now: Nanos, grids: [&Grid; 2]) {
        let [old, new] = grids.map(Grid::step);
        if let Some(listing) = self.listing(book) {
            let frames = polymarket::Shown { listing, market, now }.tick_changed(old, new);
            self.tell_polymarket(now, &frames);
        }
    }

    fn announced(&mut self, now: Nanos) {
        self.tell_polymarket(now, &[polymarket::new_market(now)]);
    }

    fn ended(&mut self, book: BookId, market: &Market, now: Nanos, ending: Ending) {
        let Some(listing) = self.listing(book) else { return };
        let market_id = self.market_id(book);
        match market.kind {
            VenueKind::Polymarket => {
                let shown = polymarket::Shown { listing, market, now };
                let frames: Vec<_> = shown.ended(ending, market_id).into_iter().collect();
                self.tell_polymarket(now, &frames);
            }
            VenueKind::Kalshi => {
                let said = kalshi::Shown { listing, market, market_id, now }.ended(ending);
                self.tell_kalshi(now, &[said]);
            }
        }
    }
}

/// Two simulated venues that list one scenario.
///
/// ```
/// use dutchbook_book::{Nanos, catalog::VenueKind};
/// use dutchbook_tools::sim::{FaultPlan, FlowConfig, Pace, Scenario, SimVenues};
///
/// let scenario = Scenario::demo(1, Nanos::from_secs(12))?;
/// let token = scenario.catalog.listings[0].native_faces.clone().unwrap()[0].clone();
/// let start = Nanos::from_secs(1_790_000_000);
/// let mut venues =
///     SimVenues::new(scenario, FlowConfig::of(Pace::Calm), FaultPlan::default(), 1, start)?;
/// let client = venues.connect(VenueKind::Polymarket, start);
/// venues.on_text(client, &format!(r#"{{"assets_ids":["{token}"],"type":"market"}}"#), start);
/// venues.step(start.plus(Nanos::from_secs(2)));
/// let mut frames = Vec::new();
/// venues.take_frames(client, venues.now(), &mut frames);
/// assert!(frames.len() > 1 && frames[0].starts_with(r#"[{"market":"0x"#));
/// # Ok::<(), dutchbook_book::grid::GridError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimVenues {
    world: World,
    flow: Flow,
    faces: Faces,
    fault_plan: FaultPlan,
    seed: u64,
    fine: Grid,
    now: Nanos,
}

impl SimVenues {
    /// Opens both venues at `start` and lets every maker place its first quotes.
    ///
    /// # Errors
    /// Never with the grids used here; they are checked as any others.
    pub fn new(
        scenario: Scenario,
        config: FlowConfig,
        fault_plan: FaultPlan,
        seed: u64,
        start: Nanos,
    ) -> Result<Self, GridError> {
        let fine = Grid::uniform(Price::from_micro(1_000).unwrap_or(Price::ZERO))?;
        let world = World::new(&scenario, start, seed);
        let flow = Flow::new(&scenario, config, start, seed);
        let tops = vec![TopOfBook::default(); scenario.catalog.listings.len()];
        let stats = SimStats::default();
        let faces = Faces { scenario, sessions: Vec::new(), tops, stats };
        let mut venues = Self { world, flow, faces, fault_plan, seed, fine, now: start };
        venues.step(start);
        Ok(venues)
    }

    /// Lets everything happen that is due at or before `now`.
    pub fn step(&mut self, now: Nanos) {
        while self.flow.next_at().is_some_and(|at| at <= now) {
            let mut desk =
                Desk { world: &mut self.world, tape: &mut self.faces, now, fine: self.fine };
            self.flow.wake_next(&mut desk);
        }
        self.now = self.now.max(now);
    }

    /// The moment of the last step.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        self.now
    }

    /// What is listed.
    #[must_use]
    pub const fn scenario(&self) -> &Scenario {
        &self.faces.scenario
    }

    /// A client connects to a venue's WebSocket.
    pub fn connect(&mut self, kind: VenueKind, now: Nanos) -> SessionId {
        let index = self.faces.sessions.len();
        let state = match kind {
            VenueKind::Polymarket => FaceState::Polymarket(polymarket::Session::default()),
            VenueKind::Kalshi => FaceState::Kalshi(kalshi::Session::default()),
        };
        let faults = Faults::new(&self.fault_plan, kind, index, self.seed, now);
        let queue = VecDeque::new();
        let ready_at = Nanos::ZERO;
        self.faces.sessions.push(Session { kind, state, queue, ready_at, faults, closed: None });
        self.faces.stats.sessions += 1;
        SessionId(index)
    }

    /// A client says something.
    pub fn on_text(&mut self, id: SessionId, text: &str, now: Nanos) {
        self.faces.stats.client_messages += 1;
        let Self { world, faces, .. } = self;
        let Some(session) = faces.sessions.get_mut(id.0) else { return };
        if text.len() > CLIENT_TEXT_BYTES_MAX {
            session.close(Closed::TooLong);
            return;
        }
        let scenario = &faces.scenario;
        let markets = world.markets.as_slice();
        match &mut session.state {
            FaceState::Polymarket(state) => match state.on_text(text, scenario) {
                polymarket::Reply::Text(reply) => session.push(now, reply.to_owned()),
                polymarket::Reply::Dump(instruments) => {
                    let books = instruments.iter().filter_map(|instrument| {
                        let listing = scenario.catalog.listing(instrument.book())?;
                        let market = markets.get(instrument.book().index())?;
                        let shown = polymarket::Shown { listing, market, now };
                        Some((shown, instrument.face()))
                    });
                    let dump = polymarket::dump(books);
                    session.push(now, dump);
                }
                polymarket::Reply::Silence => {}
            },
            FaceState::Kalshi(state) => {
                for frame in state.on_text(text, kalshi::Venue { scenario, markets }) {
                    session.push(now, frame);
                }
            }
            FaceState::Gone => {}
        }
    }

    /// Moves the frames that have left the venue by `now` to `out`.
    pub fn take_frames(&mut self, id: SessionId, now: Nanos, out: &mut Vec<String>) {
        let Some(session) = self.faces.sessions.get_mut(id.0) else { return };
        while session.queue.front().is_some_and(|(ready_at, _)| *ready_at <= now) {
            out.extend(session.queue.pop_front().map(|(_, text)| text));
            self.faces.stats.frames += 1;
        }
    }

    /// Whether frames of a connection are ready to leave, or it has been closed.
    #[must_use]
    pub fn has_news(&self, id: SessionId, now: Nanos) -> bool {
        self.faces.sessions.get(id.0).is_some_and(|session| {
            let is_ready = session.queue.front().is_some_and(|(ready_at, _)| *ready_at <= now);
            is_ready || session.closed.is_some()
        })
    }

    /// Why the venue considers a connection closed; `None` while it is open.
    #[must_use]
    pub fn closed(&self, id: SessionId) -> Option<Closed> {
        self.faces.sessions.get(id.0).map_or(Some(Closed::ByClient), |session| session.closed)
    }

    /// A client leaves.
    pub fn disconnect(&mut self, id: SessionId) {
        if let Some(session) = self.faces.sessions.get_mut(id.0) {
            session.close(Closed::ByClient);
        }
    }

    /// The levels of a face as the venue itself has them, best last.
    #[must_use]
    pub fn levels(&self, book: BookId, face: Face, side: Side) -> Vec<Level> {
        let Some(market) = self.world.markets.get(book.index()) else { return Vec::new() };
        match face {
            Face::Yes => market.book.levels(side),
            Face::No => market.book.levels(side.other()).into_iter().map(Level::mirrored).collect(),
        }
    }

    /// The prices that a listing accepts now.
    #[must_use]
    pub fn grid(&self, book: BookId) -> Option<Grid> {
        self.world.markets.get(book.index()).map(|market| market.grid)
    }

    /// Whether a listing still takes orders.
    #[must_use]
    pub fn is_open(&self, book: BookId) -> bool {
        self.world.markets.get(book.index()).is_some_and(|market| market.is_open)
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> SimStats {
        let mut stats = self.faces.stats;
        for session in &self.faces.sessions {
            let counts = session.faults.counts;
            stats.faults.drops += counts.drops;
            stats.faults.duplicates += counts.duplicates;
            stats.faults.delays += counts.delays;
            stats.faults.skips += counts.skips;
            stats.faults.disconnects += counts.disconnects;
            stats.faults.freezes += counts.freezes;
            stats.too_slow += u64::from(session.closed == Some(Closed::TooSlow));
        }
        stats
    }
}
