//! A second socket, open and silent, that takes over when the first is lost: what a reconnection
//! costs in round trips (TCP, TLS, upgrade) has then been paid before.
//!
//! A task of its own owns the socket, answers its pings and opens it anew when it dies; whoever
//! needs it asks and gets it, or hears at once that there is none.

use core::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::{Endpoint, Socket, StandbyPlan, connect};
use crate::pace::{Backoff, Jitter};

/// Between two texts that keep it alive.
const PING: Duration = Duration::from_secs(8);
/// First and longest pause before it is opened again: slower than the first socket's.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

/// Who wants the socket.
type Wish = oneshot::Sender<Socket>;

/// The asking end of a standby socket.
#[derive(Debug)]
pub(super) struct Standby {
    wishes: mpsc::Sender<Wish>,
    task: JoinHandle<()>,
}

impl Standby {
    /// Opens a socket to the endpoint and keeps it.
    pub(super) fn start(endpoint: Endpoint, plan: StandbyPlan) -> Self {
        let (wishes, wanted) = mpsc::channel(1);
        let task = tokio::task::spawn_local(keep(endpoint, plan, wanted));
        Self { wishes, task }
    }

    /// The socket, where it is open just now.
    pub(super) async fn take(&self) -> Option<Socket> {
        let (wish, given) = oneshot::channel();
        self.wishes.try_send(wish).ok()?;
        given.await.ok()
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(endpoint: Endpoint, plan: StandbyPlan, mut wanted: mpsc::Receiver<Wish>) {
    let jitter = Jitter::new(endpoint.seed ^ 0x57_A4DB);
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LAST, jitter);
    loop {
        let pause = tokio::time::sleep(backoff.next_pause());
        if without(pause, &mut wanted).await.is_none() {
            return;
        }
        if endpoint.gate.is_closed() {
            continue;
        }
        let Some(opened) = without(connect(&endpoint), &mut wanted).await else { return };
        let Ok(socket) = opened else { continue };
        match hold(socket, plan, &mut wanted).await {
            Held::Given => backoff.reset(),
            Held::Lost => {}
            Held::Over => return,
        }
    }
}

/// Does some work, and tells whoever asks meanwhile that there is no socket; `None` when nobody can
/// ask again.
async fn without<T>(work: impl Future<Output = T>, wanted: &mut mpsc::Receiver<Wish>) -> Option<T> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            wish = wanted.recv() => drop(wish?),
        }
    }
}

enum Held {
    Given,
    Lost,
    Over,
}

async fn hold(mut socket: Socket, plan: StandbyPlan, wanted: &mut mpsc::Receiver<Wish>) -> Held {
    let mut ping = tokio::time::interval(PING);
    loop {
        tokio::select! {
            wish = wanted.recv() => {
                let Some(wish) = wish else { return Held::Over };
                return if wish.send(socket).is_ok() { Held::Given } else { Held::Lost };
            }
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Held::Lost,
                // Nothing is subscribed: whatever comes is no news. Pings are answered by a flush.
                Some(Ok(_)) => {
                    if socket.flush().await.is_err() {
                        return Held::Lost;
                    }
                }
            },
            _ = ping.tick() => {
                if let Some(text) = plan.ping
                    && socket.send(Message::text(text)).await.is_err()
                {
                    return Held::Lost;
                }
            }
        }
    }
}
