//! Both simulated venues in one place, without I/O: time in, clients' text in, frames out.

use std::sync::Arc;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::grid::GridError;
use dutchbook_book::{BookId, Face, Grid, Level, Nanos, Price, Side};
use dutchbook_core::statement::Statement;

use super::accounts::{Accounts, AccountsError};
use super::door::{HttpReply, HttpRequest};
use super::faces::{FaceState, Faces};
use super::fault::{FaultCounts, FaultKind, FaultPlan, Faults, Trouble};
use super::floor::{Floor, Happened, Recorder};
use super::flow::{Desk, Flow, FlowConfig};
use super::polymarket::venue::FundError;
use super::scenario::Scenario;
use super::world::World;
use super::{kalshi, polymarket};

pub use super::faces::{CLIENT_TEXT_BYTES_MAX, Closed, QUEUE_FRAMES_MAX, SessionId, SimStats};

/// Both venues, in the order in which things are kept for each.
const KINDS: [VenueKind; 2] = [VenueKind::Polymarket, VenueKind::Kalshi];

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
///     SimVenues::new(scenario, FlowConfig::of(Pace::Busy), FaultPlan::default(), 1, start)?;
/// let client = venues.connect(VenueKind::Polymarket, start);
/// venues.on_text(client, &format!(r#"{{"assets_ids":["{token}"],"type":"market"}}"#), start);
/// venues.step(start.plus(Nanos::from_secs(10)));
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
    fault_plans: [FaultPlan; 2],
    troubles: [Trouble; 2],
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
            world: World::new(&scenario, start, config.time_scale, seed),
            flow: Flow::new(&scenario, config, start, seed),
            faces: Faces::new(Arc::clone(&scenario)),
            polymarket: polymarket::venue::Venue::new(&scenario, seed),
            kalshi: kalshi::venue::Venue::new(&scenario, seed, start),
            happened: Vec::new(),
            scenario,
            troubles: KINDS.map(|kind| Trouble::new(kind, &fault_plan, seed)),
            fault_plans: [fault_plan.clone(), fault_plan],
            seed,
            fine,
            now: start,
        };
        venues.trouble_venues();
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
                Some(kind) => self.with_floor(kind, |polymarket, kalshi, floor| match kind {
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
        let [of_polymarket, of_kalshi] = &self.troubles;
        let polymarket = self.polymarket.next_at();
        let polymarket = polymarket.map(|at| (of_polymarket.real(at), Some(VenueKind::Polymarket)));
        let kalshi = self.kalshi.next_at();
        let kalshi = kalshi.map(|at| (of_kalshi.real(at), Some(VenueKind::Kalshi)));
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
                let listing = self.scenario.catalog.listing(book);
                let Some(kind) = listing.map(|listing| listing.kind) else { continue };
                self.with_floor(kind, |polymarket, kalshi, floor| match kind {
                    VenueKind::Polymarket => polymarket.hear(floor, book, &what),
                    VenueKind::Kalshi => kalshi.hear(floor, book, &what),
                });
            }
        }
    }

    /// Lets a venue work, by its own clock.
    fn with_floor<T>(
        &mut self,
        kind: VenueKind,
        work: impl FnOnce(&mut polymarket::venue::Venue, &mut kalshi::venue::Venue, &mut Floor<'_>) -> T,
    ) -> T {
        let now = self.now;
        let clock = self.trouble(kind).clock(now);
        let mut floor = Floor {
            clock,
            scenario: &self.scenario,
            world: &mut self.world,
            faces: &mut self.faces,
            happened: &mut self.happened,
            troubles: &mut self.troubles,
            real: self.now,
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

    /// What a venue's own books say that an account has: a wallet's address, or the id of an API key.
    #[must_use]
    pub fn statement(&self, kind: VenueKind, who: &str) -> Option<Statement> {
        match kind {
            VenueKind::Polymarket => self.polymarket.statement(who),
            VenueKind::Kalshi => self.kalshi.statement(who),
        }
    }

    /// Ends the flow: nobody trades any more but clients.
    pub fn hush(&mut self) {
        self.flow.hush();
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

    const fn trouble(&mut self, kind: VenueKind) -> &mut Trouble {
        let [polymarket, kalshi] = &mut self.troubles;
        match kind {
            VenueKind::Polymarket => polymarket,
            VenueKind::Kalshi => kalshi,
        }
    }

    /// What goes wrong at a venue by chance.
    #[must_use]
    pub const fn fault_plan(&self, kind: VenueKind) -> &FaultPlan {
        let [polymarket, kalshi] = &self.fault_plans;
        match kind {
            VenueKind::Polymarket => polymarket,
            VenueKind::Kalshi => kalshi,
        }
    }

    /// Another plan of faults for a venue, from now on and for all its connections.
    pub fn set_faults(&mut self, kind: VenueKind, plan: &FaultPlan) {
        let now = self.now;
        self.trouble(kind).plan = FaultPlan { script: Vec::new(), ..plan.clone() };
        for session in self.faces.sessions.values_mut().filter(|session| session.kind == kind) {
            session.replan(plan, now);
        }
        let [polymarket, kalshi] = &mut self.fault_plans;
        *(if kind == VenueKind::Polymarket { polymarket } else { kalshi }) = plan.clone();
        self.trouble_venues();
    }

    /// Tells the venues what they do badly themselves.
    fn trouble_venues(&mut self) {
        let [polymarket, kalshi] = &self.fault_plans;
        self.polymarket.troubles = polymarket::venue::Troubles {
            settlement_failure_ppm: polymarket.failed_settlement_ppm,
            taker_delay: Nanos::from_millis(polymarket.taker_delay_ms),
            duplicate_report_ppm: polymarket.duplicate_fill_ppm,
        };
        self.kalshi.set_limited(kalshi.rate_limits);
        let skews = KINDS.iter().zip([polymarket, kalshi]);
        self.faces.skews = skews.map(|(kind, plan)| (*kind, plan.clock_skew_ms)).collect();
    }

    /// Strikes the next data frame of every open connection of a venue.
    pub fn strike(&mut self, kind: VenueKind, fault: FaultKind) {
        for session in self.faces.sessions.values_mut().filter(|session| session.kind == kind) {
            session.strike_next(fault);
        }
    }

    /// Restarts a venue's matching engine: nothing, then only what rests, then everything.
    /// `shuts` closes every WebSocket too and takes none while the engine is down.
    pub fn restart(&mut self, kind: VenueKind, spans: [Nanos; 2], shuts: bool) {
        let now = self.now;
        self.trouble(kind).restart(now, spans, shuts);
        if shuts {
            self.faces.close_all(kind);
        }
    }

    /// The faults of one venue so far.
    #[must_use]
    pub fn fault_counts(&self, kind: VenueKind) -> FaultCounts {
        let [polymarket, kalshi] = &self.troubles;
        let own = match kind {
            VenueKind::Polymarket => polymarket.counts.plus(self.polymarket.struck),
            VenueKind::Kalshi => FaultCounts {
                rate_limited: kalshi.counts.rate_limited + self.kalshi.rate_limited,
                ..kalshi.counts
            },
        };
        self.faces.fault_counts(kind).plus(own)
    }

    /// Answers a request to a venue's REST.
    pub fn on_request(
        &mut self,
        kind: VenueKind,
        request: &HttpRequest<'_>,
        now: Nanos,
    ) -> HttpReply {
        self.step(now);
        if let Some(refusal) = self.trouble(kind).refuse(request, now) {
            return refusal;
        }
        let reply = self.with_floor(kind, |polymarket, kalshi, floor| match kind {
            VenueKind::Polymarket => polymarket.answer(floor, request),
            VenueKind::Kalshi => kalshi.answer(floor, request),
        });
        self.hear();
        let trouble = self.trouble(kind);
        let ready_at =
            if reply.ready_at == Nanos::ZERO { now } else { trouble.real(reply.ready_at) };
        trouble.bend(request, HttpReply { ready_at, ..reply }, now)
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
        if let Some(refusal) = self.trouble(kind).refuse_socket(now) {
            return Err(refusal);
        }
        let clock = self.trouble(kind).clock(now);
        let state = match kind {
            VenueKind::Polymarket => FaceState::Polymarket(self.polymarket.open(request, clock)?),
            VenueKind::Kalshi => FaceState::Kalshi(self.kalshi.open(request, clock)?),
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
        let (plan, seed) = (self.fault_plan(kind).clone(), self.seed);
        self.faces.admit(kind, state, |number| Faults::new(&plan, kind, number, seed, now))
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
        self.with_floor(VenueKind::Kalshi, |_, kalshi, floor| {
            kalshi.set_trading(floor, is_trading)
        });
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
        let kind = session.kind;
        self.with_floor(kind, |polymarket, kalshi, floor| match &mut state {
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
        let mut stats = self.faces.total();
        for trouble in &self.troubles {
            stats.faults = stats.faults.plus(trouble.counts);
        }
        stats.faults = stats.faults.plus(self.polymarket.struck);
        stats.faults.rate_limited += self.kalshi.rate_limited;
        stats
    }
}
