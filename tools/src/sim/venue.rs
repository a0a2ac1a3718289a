//! Both simulated venues in one place, without I/O: time in, clients' text in, frames out.

use std::sync::Arc;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::grid::GridError;
use dutchbook_book::{BookId, Face, Grid, Level, Nanos, Price, Side};

use super::accounts::{Accounts, AccountsError};
use super::door::{HttpReply, HttpRequest};
use super::faces::{FaceState, Faces};
use super::fault::{FaultPlan, Faults};
use super::floor::{Floor, Happened, Recorder};
use super::flow::{Desk, Flow, FlowConfig};
use super::polymarket::venue::FundError;
use super::scenario::Scenario;
use super::world::World;
use super::{kalshi, polymarket};

pub use super::faces::{CLIENT_TEXT_BYTES_MAX, Closed, QUEUE_FRAMES_MAX, SessionId, SimStats};

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
    scenario: Arc<Scenario>,
    world: World,
    flow: Flow,
    faces: Faces,
    polymarket: polymarket::venue::Venue,
    kalshi: kalshi::venue::Venue,
    /// What the flow has done and no venue has heard of yet.
    happened: Vec<(BookId, Happened)>,
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
        let scenario = Arc::new(scenario);
        let mut venues = Self {
            world: World::new(&scenario, start, seed),
            flow: Flow::new(&scenario, config, start, seed),
            faces: Faces::new(Arc::clone(&scenario)),
            polymarket: polymarket::venue::Venue::new(&scenario, seed),
            kalshi: kalshi::venue::Venue::new(&scenario, seed, start),
            happened: Vec::new(),
            scenario,
            fault_plan,
            seed,
            fine,
            now: start,
        };
        venues.step(start);
        Ok(venues)
    }

    /// Lets everything happen that is due at or before `now`, in the order of time: the flow's
    /// orders, and what the venues do by themselves.
    pub fn step(&mut self, now: Nanos) {
        while let Some((at, who)) = self.next_due().filter(|(at, _)| *at <= now) {
            self.now = self.now.max(at);
            match who {
                None => self.wake_flow(),
                Some(kind) => self.with_floor(|polymarket, kalshi, floor| match kind {
                    VenueKind::Polymarket => polymarket.wake(floor),
                    VenueKind::Kalshi => kalshi.wake(floor),
                }),
            }
            self.hear();
        }
        self.now = self.now.max(now);
    }

    /// What comes next: the flow before the venues, where they are due at one moment.
    fn next_due(&self) -> Option<(Nanos, Option<VenueKind>)> {
        let flow = self.flow.next_at().map(|at| (at, None));
        let polymarket = self.polymarket.next_at().map(|at| (at, Some(VenueKind::Polymarket)));
        let kalshi = self.kalshi.next_at().map(|at| (at, Some(VenueKind::Kalshi)));
        [flow, polymarket, kalshi].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn wake_flow(&mut self) {
        let mut tape = Recorder { faces: &mut self.faces, happened: &mut self.happened };
        let (now, fine) = (self.now, self.fine);
        let mut desk = Desk { world: &mut self.world, tape: &mut tape, now, fine };
        self.flow.wake_next(&mut desk);
    }

    /// Tells the venues what has happened on their books.
    fn hear(&mut self) {
        // What a venue does on hearing may make more happen: until nothing is left.
        while !self.happened.is_empty() {
            for (book, what) in std::mem::take(&mut self.happened) {
                let kind = self.scenario.catalog.listing(book).map(|listing| listing.kind);
                self.with_floor(|polymarket, kalshi, floor| match kind {
                    Some(VenueKind::Polymarket) => polymarket.hear(floor, book, &what),
                    Some(VenueKind::Kalshi) => kalshi.hear(floor, book, &what),
                    None => {}
                });
            }
        }
    }

    fn with_floor<T>(
        &mut self,
        work: impl FnOnce(&mut polymarket::venue::Venue, &mut kalshi::venue::Venue, &mut Floor<'_>) -> T,
    ) -> T {
        let mut floor = Floor {
            scenario: &self.scenario,
            world: &mut self.world,
            faces: &mut self.faces,
            happened: &mut self.happened,
            now: self.now,
            fine: self.fine,
        };
        work(&mut self.polymarket, &mut self.kalshi, &mut floor)
    }

    /// Polymarket's own state: its accounts, and what it does badly.
    #[must_use]
    pub const fn polymarket(&self) -> &polymarket::venue::Venue {
        &self.polymarket
    }

    /// Polymarket's own state, to fund accounts or to switch troubles.
    pub const fn polymarket_mut(&mut self) -> &mut polymarket::venue::Venue {
        &mut self.polymarket
    }

    /// The moment of the last step.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        self.now
    }

    /// What is listed.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Answers a request to a venue's REST.
    pub fn on_request(
        &mut self,
        kind: VenueKind,
        request: &HttpRequest<'_>,
        now: Nanos,
    ) -> HttpReply {
        self.step(now);
        let reply = self.with_floor(|polymarket, kalshi, floor| match kind {
            VenueKind::Polymarket => polymarket.answer(floor, request),
            VenueKind::Kalshi => kalshi.answer(floor, request),
        });
        self.hear();
        reply
    }

    /// A client asks for a WebSocket of a venue.
    ///
    /// # Errors
    /// With the venue's refusal.
    pub fn open(
        &mut self,
        kind: VenueKind,
        request: &HttpRequest<'_>,
        now: Nanos,
    ) -> Result<SessionId, HttpReply> {
        self.step(now);
        let state = match kind {
            VenueKind::Polymarket => FaceState::Polymarket(self.polymarket.open(request, now)?),
            VenueKind::Kalshi => FaceState::Kalshi(self.kalshi.open(request, now)?),
        };
        Ok(self.admit(kind, state, now))
    }

    /// A client connects to a venue's public stream, without a request.
    pub fn connect(&mut self, kind: VenueKind, now: Nanos) -> SessionId {
        let state = match kind {
            VenueKind::Polymarket => FaceState::Polymarket(polymarket::Session::default()),
            VenueKind::Kalshi => FaceState::Kalshi(kalshi::Session::default()),
        };
        self.admit(kind, state, now)
    }

    fn admit(&mut self, kind: VenueKind, state: FaceState, now: Nanos) -> SessionId {
        let (plan, seed) = (&self.fault_plan, self.seed);
        self.faces.admit(kind, state, |number| Faults::new(plan, kind, number, seed, now))
    }

    /// Opens accounts.
    ///
    /// # Errors
    /// With the first that cannot be used.
    pub fn open_accounts(&mut self, accounts: &Accounts) -> Result<(), AccountsError> {
        accounts.kalshi.iter().try_for_each(|account| self.admit_kalshi(account))?;
        accounts.polymarket.iter().try_for_each(|wallet| {
            let refused =
                |source| AccountsError::Polymarket { address: wallet.address.clone(), source };
            let cash = wallet.cash().ok_or(FundError::BadBalance).map_err(refused)?;
            self.polymarket.fund(&wallet.address, cash).map_err(refused)
        })
    }

    /// Opens an account at Kalshi.
    ///
    /// # Errors
    /// When its entry cannot be used.
    pub fn admit_kalshi(
        &mut self,
        account: &kalshi::AccountSpec,
    ) -> Result<(), kalshi::AccountError> {
        self.kalshi.admit(account)
    }

    /// Switches Kalshi's rate limits on or off.
    pub const fn limit_kalshi(&mut self, is_limited: bool) {
        self.kalshi.set_limited(is_limited);
    }

    /// Pauses trading at Kalshi, or lets it go on.
    pub fn trade_kalshi(&mut self, is_trading: bool, now: Nanos) {
        self.step(now);
        self.with_floor(|_, kalshi, floor| kalshi.set_trading(floor, is_trading));
        self.hear();
    }

    /// Whether Kalshi's accounts add up: all cash and a dollar per pair of contracts are what was
    /// paid in less what was charged.
    #[cfg(test)]
    pub(super) fn kalshi_closes(&self) -> Result<(), String> {
        self.kalshi.closes()
    }

    /// Takes every order out of a book, which stays open.
    #[cfg(test)]
    pub(super) fn clear_book(&mut self, book: BookId) {
        let mut events = Vec::new();
        if let Some(market) = self.world.markets.get_mut(book.index()) {
            market.book.clear(&mut events);
        }
        self.happened.push((book, Happened::Changed(events)));
        self.hear();
    }

    /// A client says something.
    pub fn on_text(&mut self, id: SessionId, text: &str, now: Nanos) {
        self.step(now);
        self.faces.stats.client_messages += 1;
        let Some(session) = self.faces.sessions.get_mut(&id) else { return };
        if text.len() > CLIENT_TEXT_BYTES_MAX {
            session.close(Closed::TooLong);
            return;
        }
        let mut state = std::mem::replace(&mut session.state, FaceState::Away);
        self.with_floor(|polymarket, kalshi, floor| match &mut state {
            FaceState::Polymarket(state) => polymarket.on_text(floor, id, state, text),
            FaceState::Kalshi(state) => kalshi.on_text(floor, id, state, text),
            FaceState::Away => {}
        });
        if let Some(session) = self.faces.sessions.get_mut(&id).filter(|s| s.closed.is_none()) {
            session.state = state;
        }
        self.hear();
    }

    /// Moves the frames that have left the venue by `now` to `out`.
    pub fn take_frames(&mut self, id: SessionId, now: Nanos, out: &mut Vec<String>) {
        let Some(session) = self.faces.sessions.get_mut(&id) else { return };
        while let Some(text) = session.pop(now) {
            out.push(text);
            self.faces.stats.frames += 1;
        }
    }

    /// Whether a client has something to take at `now`, or was closed.
    #[must_use]
    pub fn has_news(&self, id: SessionId, now: Nanos) -> bool {
        self.faces.sessions.get(&id).is_none_or(|session| session.has_news(now))
    }

    /// Why the venue has closed a connection, if it has.
    #[must_use]
    pub fn closed(&self, id: SessionId) -> Option<Closed> {
        self.faces.sessions.get(&id).map_or(Some(Closed::ByClient), |session| session.closed)
    }

    /// A client leaves, or has been closed and is gone: nothing of its connection stays.
    pub fn disconnect(&mut self, id: SessionId) {
        let kind = self.faces.sessions.get(&id).map(|session| session.kind);
        match kind {
            Some(VenueKind::Polymarket) => self.polymarket.left(id),
            Some(VenueKind::Kalshi) => self.kalshi.left(id),
            None => {}
        }
        self.faces.forget(id);
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
        self.faces.total()
    }
}
