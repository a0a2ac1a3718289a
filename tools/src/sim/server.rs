//! The simulated venues behind real sockets, in a thread of their own: REST and WebSocket on one
//! port, plain or TLS.
//!
//! One listener serves one venue, or both by path. The runtime parks when nothing is due: the venues must
//! not take the processor from the engine that is being shown.

mod certificate;
mod control;
mod http;
mod socket;

use core::time::Duration;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::fee::Rounding;
use dutchbook_book::grid::GridError;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use super::accounts::{Accounts, AccountsError};
use super::door::{HttpReply, HttpRequest};
use super::fault::FaultPlan;
use super::flow::FlowConfig;
use super::scenario::Scenario;
use super::venue::{SessionId, SimStats, SimVenues};
pub use certificate::{CertificateError, VenueCertificate};
pub use http::{BODY_BYTES_MAX, BODY_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX};

/// Polymarket's market channel.
pub const POLYMARKET_PATH: &str = "/ws/market";
/// Kalshi's WebSocket.
pub const KALSHI_PATH: &str = "/trade-api/ws/v2";
/// How long a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// The most connections at one time.
pub const CONNECTIONS_MAX: usize = 512;
/// The longest that a reply is held back.
const REPLY_DELAY_MAX: Duration = Duration::from_secs(60);

/// Which venue's face a listener shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Both, told apart by the path.
    Both,
    /// One, whatever the path.
    One(VenueKind),
}

/// Where time comes from.
pub type Now = Box<dyn Fn() -> Nanos + Send>;

/// What to serve, and where.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// What is listed.
    pub scenario: Scenario,
    /// How much happens.
    pub flow: FlowConfig,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// Seed of everything random.
    pub seed: u64,
    /// How often time moves on.
    pub step: Duration,
    /// Which venue's face is shown.
    pub served: Served,
    /// Who has money, beside those whom a venue funds by itself.
    pub accounts: Accounts,
    /// What to serve TLS with; plain without it.
    pub certificate: Option<VenueCertificate>,
    /// Which way Polymarket rounds each match's fee.
    pub fee_rounding: Rounding,
}

impl SimOptions {
    /// The demo's venues on a free port of this machine.
    #[must_use]
    pub fn new(scenario: Scenario, flow: FlowConfig, seed: u64) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            scenario,
            flow,
            faults: FaultPlan::default(),
            seed,
            step: Duration::from_millis(2),
            served: Served::Both,
            accounts: Accounts::default(),
            certificate: None,
            fee_rounding: Rounding::HalfUp,
        }
    }
}

/// Why the simulated venues cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimServerError {
    /// The address is not free.
    #[error("cannot listen on {listen}: {source}; choose another port, or port 0 for a free one")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refuses a thread or a runtime.
    #[error("cannot start the simulated venues' thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The scenario's grids are none.
    #[error("the scenario has a bad price grid: {0}")]
    Grid(#[from] GridError),
    /// An account cannot be opened.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

/// The running venues. Dropping it stops them.
#[derive(Debug)]
pub struct SimHandle {
    /// Polymarket's market channel.
    pub polymarket_url: String,
    /// Kalshi's WebSocket.
    pub kalshi_url: String,
    /// Where both listen.
    pub address: SocketAddr,
    stats: watch::Receiver<SimStats>,
    hushed: Arc<AtomicBool>,
    plans: mpsc::UnboundedSender<FaultPlan>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Option<Box<SimVenues>>>>,
}

impl SimHandle {
    /// Counters as of the last step.
    #[must_use]
    pub fn stats(&self) -> SimStats {
        *self.stats.borrow()
    }

    /// Ends the flow at the next step: nobody trades any more but clients.
    pub fn hush(&self) {
        // Relaxed: a flag that stands alone.
        self.hushed.store(true, Ordering::Relaxed);
    }

    /// Has both venues follow another plan of faults from their next step on.
    pub fn trouble(&self, plan: FaultPlan) {
        // Venues that are gone have no bad days.
        let _followed = self.plans.send(plan).is_ok();
    }

    /// Stops the venues, waits for their thread, and returns them as they are then.
    #[must_use]
    pub fn stop(mut self) -> Option<Box<SimVenues>> {
        self.end()
    }

    fn end(&mut self) -> Option<Box<SimVenues>> {
        // A closed channel stops the thread as well as a message does.
        drop(self.stop.take());
        // A panic of the venues has been printed by its own thread.
        self.thread.take().and_then(|thread| thread.join().ok().flatten())
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// Starts the venues; they open at the first `now`.
///
/// # Errors
/// When the address is taken or the system refuses a thread.
pub fn start(options: SimOptions, now: Now) -> Result<SimHandle, SimServerError> {
    let listen = options.listen;
    let refused = |source| SimServerError::Listen { listen, source };
    let listener = std::net::TcpListener::bind(listen).map_err(refused)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let SimOptions { scenario, flow, faults, seed, step, served, certificate, .. } = options;
    let mut venues = SimVenues::new(scenario, flow, faults, seed, now())?;
    venues.open_accounts(&options.accounts)?;
    venues.polymarket_mut().fee_rounding = options.fee_rounding;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let (told, stats) = watch::channel(venues.stats());
    let tls = certificate.map(|certificate| TlsAcceptor::from(certificate.server));
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let hushed = Arc::new(AtomicBool::new(false));
    let told_hushed = Arc::clone(&hushed);
    let (plans, wanted) = mpsc::unbounded_channel();
    let body = move || {
        let shared = Rc::new(Shared {
            venues: RefCell::new(venues),
            wakers: RefCell::new(BTreeMap::new()),
            now,
            served,
            connections: Cell::new(0),
            hushed: told_hushed,
        });
        let own = Rc::clone(&shared);
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            tokio::task::spawn_local(step_on(Rc::clone(&shared), step, told, wanted));
            tokio::select! {
                () = accept_all(listener, tls, shared) => {}
                _ = stopped => {}
            }
        });
        // The tasks end with their set: nobody else holds the venues then.
        drop(local);
        Rc::into_inner(own).map(|shared| Box::new(shared.venues.into_inner()))
    };
    let thread = std::thread::Builder::new().name("sim-venues".to_owned()).spawn(body)?;
    Ok(SimHandle {
        polymarket_url: format!("{scheme}://{address}{POLYMARKET_PATH}"),
        kalshi_url: format!("{scheme}://{address}{KALSHI_PATH}"),
        address,
        stats,
        hushed,
        plans,
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// What the tasks of the one thread share; never borrowed across an await.
struct Shared {
    venues: RefCell<SimVenues>,
    wakers: RefCell<BTreeMap<SessionId, Rc<Notify>>>,
    now: Now,
    served: Served,
    connections: Cell<usize>,
    hushed: Arc<AtomicBool>,
}

impl Shared {
    /// Which venue a path belongs to.
    fn kind_of(&self, path: &str) -> VenueKind {
        match self.served {
            Served::One(kind) => kind,
            Served::Both if path.starts_with("/trade-api/") => VenueKind::Kalshi,
            Served::Both => VenueKind::Polymarket,
        }
    }

    fn request(&self, kind: VenueKind, request: &HttpRequest<'_>) -> HttpReply {
        let now = (self.now)();
        let mut venues = self.venues.borrow_mut();
        let reply = if request.path.starts_with(control::PREFIX) {
            control::answer(&mut venues, self.served, request, now)
        } else {
            venues.on_request(kind, request, now)
        };
        self.wake(&venues, now);
        reply
    }

    fn open(&self, kind: VenueKind, request: &HttpRequest<'_>) -> Result<SessionId, HttpReply> {
        self.venues.borrow_mut().open(kind, request, (self.now)())
    }

    fn say(&self, id: SessionId, text: &str) {
        let now = (self.now)();
        let mut venues = self.venues.borrow_mut();
        venues.on_text(id, text, now);
        self.wake(&venues, now);
    }

    /// Wakes the connections that have something to send.
    fn wake(&self, venues: &SimVenues, now: Nanos) {
        for (id, waker) in self.wakers.borrow().iter() {
            if venues.has_news(*id, now) {
                waker.notify_one();
            }
        }
    }

    /// Lets a moment of the venues' time come.
    async fn wait_until(&self, at: Nanos) {
        let left = at.since((self.now)());
        if left > Nanos::ZERO {
            tokio::time::sleep(Duration::from_nanos(left.0).min(REPLY_DELAY_MAX)).await;
        }
    }
}

/// Moves time on and wakes the connections that have something to send.
async fn step_on(
    shared: Rc<Shared>,
    step: Duration,
    told: watch::Sender<SimStats>,
    mut plans: mpsc::UnboundedReceiver<FaultPlan>,
) {
    let mut ticks = tokio::time::interval(step);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = (shared.now)();
        let mut venues = shared.venues.borrow_mut();
        if shared.hushed.swap(false, Ordering::Relaxed) {
            venues.hush();
        }
        venues.step(now);
        while let Ok(plan) = plans.try_recv() {
            venues.set_faults(VenueKind::Polymarket, &plan);
            venues.set_faults(VenueKind::Kalshi, &plan);
        }
        shared.wake(&venues, now);
        told.send_replace(venues.stats());
    }
}

async fn accept_all(listener: std::net::TcpListener, tls: Option<TlsAcceptor>, shared: Rc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            // One more than the cap is turned away at once.
            Ok(_) if shared.connections.get() >= CONNECTIONS_MAX => {}
            Ok((stream, _)) => {
                tokio::task::spawn_local(serve(stream, tls.clone(), Rc::clone(&shared)));
            }
            // Out of file descriptors, or a connection that is gone again: let others finish.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Counts an open connection; dropping it counts it closed.
struct Counted(Rc<Shared>);

impl Counted {
    fn new(shared: Rc<Shared>) -> Self {
        shared.connections.set(shared.connections.get() + 1);
        Self(shared)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get().saturating_sub(1));
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Rc<Shared>) {
    let _counted = Counted::new(Rc::clone(&shared));
    // Small frames must not wait for each other; a socket that refuses still works.
    drop(stream.set_nodelay(true));
    let Some(tls) = tls else { return http::serve(stream, shared).await };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_MAX, tls.accept(stream)).await {
        http::serve(stream, shared).await;
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
