//! The simulated venues behind real WebSockets, in a thread of their own.
//!
//! One listener serves both faces by path. The runtime parks when nothing is due: the venues must
//! not take the processor from the engine that is being shown.

use core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread::JoinHandle;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::grid::GridError;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::fault::FaultPlan;
use super::flow::FlowConfig;
use super::scenario::Scenario;
use super::venue::{Closed, SessionId, SimStats, SimVenues};

/// Polymarket's market channel.
pub const POLYMARKET_PATH: &str = "/ws/market";
/// Kalshi's WebSocket.
pub const KALSHI_PATH: &str = "/trade-api/ws/v2";
/// How often Kalshi pings, and with what.
const HEARTBEAT: (Duration, &[u8]) = (Duration::from_secs(10), b"heartbeat");
/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

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
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SimHandle {
    /// Counters as of the last step.
    #[must_use]
    pub fn stats(&self) -> SimStats {
        *self.stats.borrow()
    }

    /// Stops the venues, waits for their thread, and returns the last counters.
    #[must_use]
    pub fn stop(mut self) -> SimStats {
        self.end();
        self.stats()
    }

    fn end(&mut self) {
        // A closed channel stops the thread as well as a message does.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the venues has been printed by its own thread.
            drop(thread.join());
        }
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.end();
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
    let SimOptions { scenario, flow, faults, seed, step, .. } = options;
    let venues = SimVenues::new(scenario, flow, faults, seed, now())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let (told, stats) = watch::channel(venues.stats());
    let body = move || {
        let shared = Rc::new(Shared {
            venues: RefCell::new(venues),
            wakers: RefCell::new(BTreeMap::new()),
            now,
        });
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            tokio::task::spawn_local(step_on(Rc::clone(&shared), step, told));
            tokio::select! {
                () = accept_all(listener, shared) => {}
                _ = stopped => {}
            }
        });
    };
    let thread = std::thread::Builder::new().name("sim-venues".to_owned()).spawn(body)?;
    Ok(SimHandle {
        polymarket_url: format!("ws://{address}{POLYMARKET_PATH}"),
        kalshi_url: format!("ws://{address}{KALSHI_PATH}"),
        address,
        stats,
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// What the tasks of the one thread share; never borrowed across an await.
struct Shared {
    venues: RefCell<SimVenues>,
    wakers: RefCell<BTreeMap<SessionId, Rc<Notify>>>,
    now: Now,
}

/// Moves time on and wakes the connections that have something to send.
async fn step_on(shared: Rc<Shared>, step: Duration, told: watch::Sender<SimStats>) {
    let mut ticks = tokio::time::interval(step);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = (shared.now)();
        let mut venues = shared.venues.borrow_mut();
        venues.step(now);
        for (id, waker) in shared.wakers.borrow().iter() {
            if venues.has_news(*id, now) {
                waker.notify_one();
            }
        }
        told.send_replace(venues.stats());
    }
}

async fn accept_all(listener: std::net::TcpListener, shared: Rc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::task::spawn_local(serve(stream, Rc::clone(&shared)));
            }
            // Out of file descriptors, or a connection that is gone again: let others finish.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Finds the venue that a path names.
struct Route<'a>(&'a mut Option<VenueKind>);

impl Callback for Route<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        *self.0 = match request.uri().path() {
            POLYMARKET_PATH => Some(VenueKind::Polymarket),
            KALSHI_PATH => Some(VenueKind::Kalshi),
            _ => {
                let mut refusal = ErrorResponse::new(Some("404 page not found".to_owned()));
                *refusal.status_mut() = StatusCode::NOT_FOUND;
                return Err(refusal);
            }
        };
        Ok(response)
    }
}

async fn serve(stream: TcpStream, shared: Rc<Shared>) {
    // Small frames must not wait for each other; a socket that refuses still works.
    drop(stream.set_nodelay(true));
    let mut kind = None;
    let handshake = tokio_tungstenite::accept_hdr_async(stream, Route(&mut kind));
    let Ok(Ok(socket)) = tokio::time::timeout(HANDSHAKE_MAX, handshake).await else { return };
    let Some(kind) = kind else { return };
    let id = shared.venues.borrow_mut().connect(kind, (shared.now)());
    let waker = Rc::new(Notify::new());
    shared.wakers.borrow_mut().insert(id, Rc::clone(&waker));
    // The client is told by the socket itself when it fails.
    drop(converse(socket, kind, id, &waker, &shared).await);
    shared.wakers.borrow_mut().remove(&id);
    shared.venues.borrow_mut().disconnect(id);
}

/// Carries text in and frames out until either side ends it.
async fn converse(
    mut socket: WebSocketStream<TcpStream>,
    kind: VenueKind,
    id: SessionId,
    waker: &Notify,
    shared: &Shared,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let (period, payload) = HEARTBEAT;
    let mut heartbeat = tokio::time::interval(period);
    let mut frames = Vec::new();
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    shared.venues.borrow_mut().on_text(id, text.as_str(), (shared.now)());
                }
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(error),
            },
            () = waker.notified() => {}
            _ = heartbeat.tick(), if kind == VenueKind::Kalshi => {
                socket.send(Message::Ping(Bytes::from_static(payload))).await?;
            }
        }
        shared.venues.borrow_mut().take_frames(id, (shared.now)(), &mut frames);
        for frame in frames.drain(..) {
            socket.feed(Message::text(frame)).await?;
        }
        socket.flush().await?;
        let closed = shared.venues.borrow().closed(id);
        match closed {
            None => {}
            // A fault tears the connection without a word.
            Some(Closed::ByFault) => return Ok(()),
            Some(Closed::ByClient | Closed::TooSlow | Closed::TooLong | Closed::ByVenue) => {
                return socket.close(None).await;
            }
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
