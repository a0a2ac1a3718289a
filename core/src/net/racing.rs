//! The further sockets of a race: each listens like the first, and says what the first says.
//!
//! What they bring counts while the first is open: it is the one whose loss makes books stale.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::race::Race;
use super::{Endpoint, Handler, RacePlan, Socket, TICK, connect, wait};
use crate::pace::{Backoff, Jitter};

/// First and longest pause before a socket is opened again: the first one goes before.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LAST: Duration = Duration::from_secs(60);
/// Between two texts that keep a socket alive.
const PING: Duration = Duration::from_secs(8);

/// Starts the further sockets of a connection; what all of them share.
pub(super) fn start<H: Handler + 'static>(
    handler: &Rc<RefCell<H>>,
    connection: usize,
    endpoint: &Endpoint,
    plan: &RacePlan,
) -> Rc<RefCell<Race>> {
    let race = Rc::new(RefCell::new(Race::new(plan.table.clone())));
    for socket in 1..plan.sockets.min(super::SOCKETS_MAX) {
        let (handler, endpoint, race) = (Rc::clone(handler), endpoint.clone(), Rc::clone(&race));
        let ping = plan.ping;
        tokio::task::spawn_local(async move {
            keep(&handler, connection, &endpoint, &race, (socket, ping)).await;
        });
    }
    race
}

async fn keep<H: Handler>(
    handler: &RefCell<H>,
    connection: usize,
    endpoint: &Endpoint,
    race: &RefCell<Race>,
    (socket, ping): (usize, Option<&str>),
) {
    let seed = endpoint.seed.wrapping_add(connection as u64) ^ ((socket as u64) << 32);
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LAST, Jitter::new(seed));
    while !handler.borrow().is_stopped() {
        wait(handler, backoff.next_pause()).await;
        if endpoint.gate.is_closed() || !race.borrow().is_open() {
            continue;
        }
        let Ok(opened) = connect(endpoint).await else { continue };
        race.borrow().connected(socket);
        let began = Instant::now();
        serve(handler, connection, opened, race, (socket, ping)).await;
        if began.elapsed() >= super::GOOD_LIFE {
            backoff.reset();
        }
    }
}

/// Serves one open socket until it is lost or the tile stops.
async fn serve<H: Handler>(
    handler: &RefCell<H>,
    connection: usize,
    mut opened: Socket,
    race: &RefCell<Race>,
    (socket, ping): (usize, Option<&str>),
) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut pinged = Instant::now();
    let mut told = (0, 0);
    loop {
        tokio::select! {
            biased;
            message = opened.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let mut shared = race.borrow_mut();
                    let counts = shared.is_open() && shared.is_first(socket, text.as_bytes());
                    drop(shared);
                    if counts {
                        handler.borrow_mut().on_payload(connection, text.as_bytes());
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    if opened.flush().await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            _ = tick.tick() => {
                if handler.borrow().is_stopped() {
                    return;
                }
                let due = ping.filter(|_| pinged.elapsed() >= PING);
                let text = match due {
                    Some(ping) => {
                        pinged = Instant::now();
                        Some(ping.to_owned())
                    }
                    None => race.borrow().said_after(&mut told),
                };
                if let Some(text) = text
                    && opened.send(Message::text(text)).await.is_err()
                {
                    return;
                }
            }
        }
    }
}
