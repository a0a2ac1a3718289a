//! The only place with network calls: one connection task that keeps a venue's stream alive.
//!
//! A task connects, tells its [`Handler`], sends the commands that the handler has ready, and hands
//! over every text payload as it comes. It never interprets a payload. A lost or refused connection
//! is retried for ever with a bounded, doubling delay; the handler decides what the books are worth
//! meanwhile.
//!
//! A parked thread is the largest latency of all (30 µs and more to wake), so a feed tile runs these
//! tasks on a current-thread runtime that never parks: see [`run_tile`].

use core::cell::RefCell;
use core::time::Duration;
use std::io;
use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::pin::Wait;

/// Where a connection goes.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `ws://` or `wss://` address.
    pub url: String,
    /// A larger message ends the connection.
    pub payload_bytes_max: usize,
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
const RETRY_LAST: Duration = Duration::from_secs(5);
/// tungstenite zero-fills its read buffer on every read: a small one is seven times as fast.
const READ_BUFFER_BYTES: usize = 8 * 1024;
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
    for (connection, endpoint) in endpoints.into_iter().enumerate() {
        tasks.spawn_local(keep_connected(Rc::clone(&handler), connection, endpoint));
    }
    tasks.block_on(&runtime, idle(handler, wait));
    Ok(())
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

async fn keep_connected<H: Handler>(
    handler: Rc<RefCell<H>>,
    connection: usize,
    endpoint: Endpoint,
) {
    let mut pause = RETRY_FIRST;
    while !handler.borrow().is_stopped() {
        let reason = match connect(&endpoint).await {
            Ok(socket) => {
                pause = RETRY_FIRST;
                handler.borrow_mut().on_connect(connection);
                serve(&handler, connection, socket).await
            }
            Err(reason) => reason,
        };
        if handler.borrow().is_stopped() {
            return;
        }
        handler.borrow_mut().on_disconnect(connection, &reason);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

async fn connect(endpoint: &Endpoint) -> Result<Socket, String> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(endpoint.payload_bytes_max))
        .max_frame_size(Some(endpoint.payload_bytes_max));
    let attempt = tokio_tungstenite::connect_async_with_config(&endpoint.url, Some(config), true);
    match tokio::time::timeout(CONNECT_MAX, attempt).await {
        Ok(Ok((socket, _response))) => Ok(socket),
        Ok(Err(error)) => Err(format!("cannot connect to {}: {error}", endpoint.url)),
        Err(_elapsed) => Err(format!("no answer from {} within 10 s", endpoint.url)),
    }
}

/// Serves one open connection; returns why it ended.
async fn serve<H: Handler>(handler: &RefCell<H>, connection: usize, mut socket: Socket) -> String {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        if let Err(error) = send_commands(handler, connection, &mut socket).await {
            return error.to_string();
        }
        tokio::select! {
            biased;
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    handler.borrow_mut().on_payload(connection, text.as_bytes());
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
) -> Result<(), WsError> {
    loop {
        let command = handler.borrow_mut().next_command(connection);
        match command {
            Some(text) => socket.send(Message::text(text)).await?,
            None => return Ok(()),
        }
    }
}
