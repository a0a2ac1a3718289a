//! The only place with network calls: one connection task that keeps a venue's stream alive.
//!
//! A task connects, tells its [`Handler`], sends the commands that the handler has ready, and hands
//! over every text payload as it comes. It never interprets a payload. A lost or refused connection
//! is retried for ever with a bounded, doubling, jittered delay, which starts anew only after a
//! connection that lived; the handler decides what the books are worth meanwhile. A warm standby
//! socket, open and silent, takes over at once when the first is lost.
//!
//! A parked thread is the largest latency of all (30 µs and more to wake), so a feed tile runs these
//! tasks on a current-thread runtime that never parks: see [`run_tile`].

mod gate;
mod race;
mod racing;
mod standby;

use core::cell::RefCell;
use core::fmt;
use core::time::Duration;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use crate::http::Headers;
use crate::pace::{Backoff, Jitter};
use crate::pin::Wait;
use crate::tls::TlsRoots;
pub use gate::Gate;
use race::Race;
pub use race::{LaneSummary, RaceTable, SOCKETS_MAX};
use standby::Standby;

/// Makes the headers of one handshake: stamps must be fresh on every connection.
#[derive(Clone)]
pub struct Stamper(Arc<dyn Fn() -> Headers + Send + Sync>);

impl Stamper {
    /// A stamper that asks this function.
    #[must_use]
    pub fn new(make: impl Fn() -> Headers + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl fmt::Debug for Stamper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stamper(hidden)")
    }
}

/// Where a connection goes.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `ws://` or `wss://` address.
    pub url: String,
    /// A larger message ends the connection.
    pub payload_bytes_max: usize,
    /// Whom a `wss://` host is checked against.
    pub tls: TlsRoots,
    /// Headers that the venue wants in the handshake.
    pub stamps: Option<Stamper>,
    /// A warm second socket: kept alive with this text, where the venue wants one in the stream.
    pub standby: Option<StandbyPlan>,
    /// Spreads the retries of different processes.
    pub seed: u64,
    /// Closed while the venue is known to be in maintenance.
    pub gate: Gate,
    /// Several sockets to the same stream, the first to bring a message wins: only where a venue
    /// sends the same bytes to all.
    pub race: Option<RacePlan>,
}

/// A race of several sockets.
#[derive(Clone, Debug)]
pub struct RacePlan {
    /// How many, 2 to [`SOCKETS_MAX`].
    pub sockets: usize,
    /// Where its figures are kept.
    pub table: RaceTable,
    /// The text that keeps a socket alive, where the venue wants one in the stream.
    pub ping: Option<&'static str>,
}

/// How a standby socket is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandbyPlan {
    /// The text that keeps it alive.
    pub ping: Option<&'static str>,
}

/// What a connection task serves. All calls come from the tile's own thread.
pub trait Handler {
    /// The connection is up; commands may be queued.
    fn on_connect(&mut self, connection: usize);
    /// The connection is gone, or could not be made, for this reason.
    fn on_disconnect(&mut self, connection: usize, reason: &str);
    /// One text payload.
    fn on_payload(&mut self, connection: usize, payload: &[u8]);
    /// Housekeeping, a few dozen times a second while connected.
    fn on_tick(&mut self, connection: usize) -> TickOutcome;
    /// A sign of life below the payloads: a ping or pong of the transport.
    fn on_heard(&mut self, connection: usize);
    /// The next command to send, until there is none.
    fn next_command(&mut self, connection: usize) -> Option<String>;
    /// Whether the tile should end.
    fn is_stopped(&self) -> bool;
    /// An idle turn of the tile: housekeeping that no connection asks for.
    fn on_idle(&mut self);
}

/// What housekeeping wants of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickOutcome {
    /// Go on.
    Keep,
    /// The stream is dead although the socket is open: connect anew.
    Reconnect,
}

/// Pause between two housekeeping ticks of a connection.
const TICK: Duration = Duration::from_millis(20);
/// First and longest pause before a connection is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// A connection that lived so long was good: the next loss is retried at once.
const GOOD_LIFE: Duration = Duration::from_secs(10);
/// tungstenite zero-fills its read buffer on every read: a small one is seven times as fast.
const READ_BUFFER_BYTES: usize = 8 * 1024;
/// Once a venue is open again, its connections come back spread over this.
const REOPENED: Duration = Duration::from_secs(2);
/// How long a connection attempt may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Runs one tile's connections on the calling thread until the handler is stopped.
///
/// With [`Wait::Spin`] and [`Wait::Yield`] the runtime polls the sockets on every turn and never
/// sleeps; with [`Wait::Park`] it sleeps until the kernel has news.
///
/// # Errors
/// When the runtime cannot be built (no file descriptors left).
pub fn run_tile<H: Handler + 'static>(
    handler: Rc<RefCell<H>>,
    endpoints: Vec<Endpoint>,
    wait: Wait,
) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if wait != Wait::Park {
        builder.event_interval(1);
    }
    let runtime = builder.build()?;
    let tasks = tokio::task::LocalSet::new();
    spawn_connections(&tasks, &handler, endpoints);
    tasks.block_on(&runtime, idle(handler, wait));
    Ok(())
}

/// Keeps these connections open in a set of tasks, for as long as the handler is not stopped.
pub(crate) fn spawn_connections<H: Handler + 'static>(
    tasks: &tokio::task::LocalSet,
    handler: &Rc<RefCell<H>>,
    endpoints: Vec<Endpoint>,
) {
    for (connection, endpoint) in endpoints.into_iter().enumerate() {
        tasks.spawn_local(keep_connected(Rc::clone(handler), connection, endpoint));
    }
}

/// The task that keeps the runtime awake and does the tile's idle turns.
async fn idle<H: Handler>(handler: Rc<RefCell<H>>, wait: Wait) {
    loop {
        {
            let mut handler = handler.borrow_mut();
            if handler.is_stopped() {
                return;
            }
            handler.on_idle();
        }
        match wait {
            Wait::Spin => tokio::task::yield_now().await,
            Wait::Yield => {
                wait.idle();
                tokio::task::yield_now().await;
            }
            Wait::Park => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn keep_connected<H: Handler + 'static>(
    handler: Rc<RefCell<H>>,
    connection: usize,
    endpoint: Endpoint,
) {
    let jitter = Jitter::new(endpoint.seed.wrapping_add(connection as u64));
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LAST, jitter);
    let standby = endpoint.standby.map(|plan| Standby::start(endpoint.clone(), plan));
    let race =
        endpoint.race.as_ref().map(|plan| racing::start(&handler, connection, &endpoint, plan));
    while !handler.borrow().is_stopped() {
        if endpoint.gate.is_closed() {
            wait_for_opening(&handler, &endpoint.gate).await;
            wait(&handler, Jitter::new(endpoint.seed ^ connection as u64).spread(REOPENED)).await;
            backoff.reset();
            continue;
        }
        let warm = match &standby {
            Some(standby) => standby.take().await,
            None => None,
        };
        let opened = match warm {
            Some(socket) => Ok(socket),
            None => connect(&endpoint).await,
        };
        let reason = match opened {
            Ok(socket) => {
                handler.borrow_mut().on_connect(connection);
                if let Some(race) = &race {
                    race.borrow_mut().begin();
                }
                let lived = tokio::time::Instant::now();
                let reason = serve(&handler, connection, socket, race.as_deref()).await;
                if let Some(race) = &race {
                    race.borrow_mut().end();
                }
                if lived.elapsed() >= GOOD_LIFE {
                    backoff.reset();
                }
                reason
            }
            Err(refusal) => {
                if refusal.is_closed {
                    backoff.be_patient();
                }
                refusal.reason
            }
        };
        if handler.borrow().is_stopped() {
            return;
        }
        handler.borrow_mut().on_disconnect(connection, &reason);
        wait(&handler, backoff.next_pause()).await;
    }
}

/// A pause, which must not outlive the tile.
async fn wait<H: Handler>(handler: &RefCell<H>, mut left: Duration) {
    while !left.is_zero() && !handler.borrow().is_stopped() {
        let step = left.min(TICK);
        tokio::time::sleep(step).await;
        left = left.saturating_sub(step);
    }
}

/// Waits while the venue is closed.
async fn wait_for_opening<H: Handler>(handler: &RefCell<H>, gate: &Gate) {
    while gate.is_closed() && !handler.borrow().is_stopped() {
        tokio::time::sleep(TICK).await;
    }
}

/// Why there is no connection.
struct Refusal {
    reason: String,
    /// The venue itself says that it is closed or overrun.
    is_closed: bool,
}

/// HTTP statuses of a venue that is being restarted or overrun.
const CLOSED_STATUSES: [u16; 4] = [425, 429, 502, 503];

async fn connect(endpoint: &Endpoint) -> Result<Socket, Refusal> {
    let refuse = |reason| Refusal { reason, is_closed: false };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(endpoint.payload_bytes_max))
        .max_frame_size(Some(endpoint.payload_bytes_max));
    let request = handshake(endpoint).map_err(refuse)?;
    let tls = Some(Connector::Rustls(endpoint.tls.config()));
    let attempt =
        tokio_tungstenite::connect_async_tls_with_config(request, Some(config), true, tls);
    match tokio::time::timeout(CONNECT_MAX, attempt).await {
        Ok(Ok((socket, _response))) => Ok(socket),
        Ok(Err(error)) => {
            let status = if let WsError::Http(response) = &error {
                Some(response.status().as_u16())
            } else {
                None
            };
            Err(Refusal {
                reason: format!("cannot connect to {}: {error}", endpoint.url),
                is_closed: status.is_some_and(|status| CLOSED_STATUSES.contains(&status)),
            })
        }
        Err(_elapsed) => Err(refuse(format!("no answer from {} within 10 s", endpoint.url))),
    }
}

/// The request that opens a connection, freshly stamped.
fn handshake(endpoint: &Endpoint) -> Result<Request, String> {
    let refuse = |error: &dyn fmt::Display| format!("{} cannot be asked: {error}", endpoint.url);
    let mut request = endpoint.url.as_str().into_client_request().map_err(|e| refuse(&e))?;
    for (name, value) in endpoint.stamps.iter().flat_map(|stamps| (stamps.0)()) {
        let name: HeaderName = name.parse().map_err(|e| refuse(&e))?;
        let value: HeaderValue = value.parse().map_err(|e| refuse(&e))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// Serves one open connection; returns why it ended.
async fn serve<H: Handler>(
    handler: &RefCell<H>,
    connection: usize,
    mut socket: Socket,
    race: Option<&RefCell<Race>>,
) -> String {
    let is_first = |payload: &[u8]| race.is_none_or(|race| race.borrow_mut().is_first(0, payload));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        if let Err(error) = send_commands(handler, connection, &mut socket, race).await {
            return error.to_string();
        }
        tokio::select! {
            biased;
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if is_first(text.as_bytes()) {
                        handler.borrow_mut().on_payload(connection, text.as_bytes());
                    }
                }
                Some(Ok(Message::Binary(bytes))) => {
                    handler.borrow_mut().on_payload(connection, &bytes);
                }
                // tungstenite queues the answer to a ping by itself; it leaves with the next flush.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                    handler.borrow_mut().on_heard(connection);
                    if let Err(error) = socket.flush().await {
                        return error.to_string();
                    }
                }
                Some(Ok(Message::Close(_))) | None => return "closed by the venue".to_owned(),
                Some(Err(error)) => return error.to_string(),
            },
            _ = tick.tick() => {
                let mut handler = handler.borrow_mut();
                if handler.is_stopped() {
                    return "stopped".to_owned();
                }
                if handler.on_tick(connection) == TickOutcome::Reconnect {
                    return "silent beyond its limit".to_owned();
                }
            }
        }
    }
}

async fn send_commands<H: Handler>(
    handler: &RefCell<H>,
    connection: usize,
    socket: &mut Socket,
    race: Option<&RefCell<Race>>,
) -> Result<(), WsError> {
    loop {
        let command = handler.borrow_mut().next_command(connection);
        if let (Some(race), Some(text)) = (race, &command) {
            race.borrow_mut().say(text);
        }
        match command {
            Some(text) => socket.send(Message::text(text)).await?,
            None => return Ok(()),
        }
    }
}
