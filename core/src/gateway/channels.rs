//! The user channels: what becomes of our orders, as each venue tells it.
//!
//! A channel counts as open once the venue has shown that it took the subscription: Polymarket, which
//! confirms none, by answering the `PING` that was sent behind it; Kalshi by confirming every channel.
//! Only then is REST read for what was missed, so that nothing falls between the two.

use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use dutchbook_book::VenueId;
use dutchbook_book::catalog::VenueKind;
use dutchbook_feeds::command;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Shared;
use crate::desk::Channel as Turn;
use crate::net::{Endpoint, Handler, TickOutcome};

/// Between two texts that keep Polymarket's channel alive.
const PING_EVERY: Duration = Duration::from_secs(5);
/// A channel of which nothing was heard for so long is dead: both venues are heard every ten seconds.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// News that the engine has left no room for, at which a channel is given up: what it brings is then
/// read from REST.
const WAITING_MAX: usize = 65_536;
/// Polymarket's answer to a `PING`.
const PONG: &[u8] = b"PONG";
/// What Kalshi's private channels are called.
const KALSHI_CHANNELS: [&str; 3] = ["fill", "user_orders", "market_positions"];

/// One user channel: where it is, and how it is opened.
#[derive(Clone, Debug)]
pub struct UserChannel {
    /// The venue.
    pub venue: VenueId,
    /// Its protocol.
    pub kind: VenueKind,
    /// Where it goes; Kalshi's is signed here.
    pub endpoint: Endpoint,
    /// What is said first; Polymarket's holds a secret.
    opening: Opening,
}

#[derive(Clone)]
struct Opening(Zeroizing<String>);

impl core::fmt::Debug for Opening {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opening(hidden)")
    }
}

impl UserChannel {
    /// Polymarket's channel, of every order of an API key.
    #[must_use]
    pub fn polymarket(
        venue: VenueId,
        endpoint: Endpoint,
        [key, secret, passphrase]: [&str; 3],
    ) -> Self {
        let opening = command::polymarket::open_user(key, secret, passphrase, []);
        let opening = Opening(Zeroizing::new(opening));
        Self { venue, kind: VenueKind::Polymarket, endpoint, opening }
    }

    /// Kalshi's private channels; the endpoint signs the upgrade.
    #[must_use]
    pub fn kalshi(venue: VenueId, endpoint: Endpoint) -> Self {
        let what = command::kalshi::Subscribe {
            channels: &KALSHI_CHANNELS,
            ..command::kalshi::Subscribe::default()
        };
        let opening = Opening(Zeroizing::new(command::kalshi::subscribe(1, &what)));
        Self { venue, kind: VenueKind::Kalshi, endpoint, opening }
    }
}

struct Channel {
    venue: VenueId,
    kind: VenueKind,
    opening: Opening,
    commands: VecDeque<String>,
    heard: Instant,
    pinged: Instant,
    /// Confirmations that are still to come.
    unconfirmed: usize,
    is_up: bool,
}

/// All user channels: what the connection tasks serve.
pub(super) struct Channels {
    shared: Rc<Shared>,
    channels: Vec<Channel>,
}

impl Channels {
    /// The handler, and where its connections go, in the same order.
    pub(super) fn new(shared: Rc<Shared>, channels: Vec<UserChannel>) -> (Self, Vec<Endpoint>) {
        let (mut made, mut endpoints) = (Vec::new(), Vec::new());
        for UserChannel { venue, kind, endpoint, opening } in channels {
            endpoints.push(endpoint);
            made.push(Channel {
                venue,
                kind,
                opening,
                commands: VecDeque::new(),
                heard: Instant::now(),
                pinged: Instant::now(),
                unconfirmed: 0,
                is_up: false,
            });
        }
        (Self { shared, channels: made }, endpoints)
    }
}

impl Channel {
    fn ping(&mut self) {
        self.pinged = Instant::now();
        self.commands.push_back(command::polymarket::PING.to_owned());
    }

    /// Whether a payload is the channel's own talk, not news of orders.
    fn is_talk(&mut self, payload: &[u8]) -> bool {
        match self.kind {
            VenueKind::Polymarket if payload == PONG => {
                self.unconfirmed = 0;
                true
            }
            VenueKind::Kalshi if is_confirmation(payload) => {
                self.unconfirmed = self.unconfirmed.saturating_sub(1);
                true
            }
            VenueKind::Polymarket | VenueKind::Kalshi => false,
        }
    }
}

/// Kalshi's word that a subscription was taken; its type stands behind the id that it echoes.
fn is_confirmation(payload: &[u8]) -> bool {
    const TYPE: &[u8] = b"\"type\":\"subscribed\"";
    let head = payload.get(..64).unwrap_or(payload);
    head.windows(TYPE.len()).any(|window| window == TYPE)
}

impl Handler for Channels {
    fn on_connect(&mut self, connection: usize) {
        let Some(channel) = self.channels.get_mut(connection) else { return };
        channel.heard = Instant::now();
        channel.commands.clear();
        channel.commands.push_back(channel.opening.0.to_string());
        match channel.kind {
            VenueKind::Polymarket => {
                channel.unconfirmed = 1;
                channel.ping();
            }
            VenueKind::Kalshi => channel.unconfirmed = KALSHI_CHANNELS.len(),
        }
    }

    fn on_disconnect(&mut self, connection: usize, reason: &str) {
        let Some(channel) = self.channels.get_mut(connection) else { return };
        self.shared.trouble(&format!("{} user channel: {reason}", channel.kind.name()));
        if core::mem::take(&mut channel.is_up) {
            self.shared.watch.channel_lost();
            self.shared.line.borrow_mut().channel(channel.venue, Turn::Lost);
        }
    }

    fn on_payload(&mut self, connection: usize, payload: &[u8]) {
        let Some(channel) = self.channels.get_mut(connection) else { return };
        channel.heard = Instant::now();
        if !channel.is_talk(payload) {
            self.shared.watch.message();
            self.shared.line.borrow_mut().user(channel.venue, payload);
        } else if channel.unconfirmed == 0 && !channel.is_up {
            channel.is_up = true;
            self.shared.line.borrow_mut().channel(channel.venue, Turn::Connected);
        }
    }

    fn on_tick(&mut self, connection: usize) -> TickOutcome {
        let is_behind = self.shared.line.borrow().waiting() > WAITING_MAX;
        let Some(channel) = self.channels.get_mut(connection) else { return TickOutcome::Keep };
        if is_behind || channel.heard.elapsed() >= SILENCE_MAX {
            return TickOutcome::Reconnect;
        }
        if channel.kind == VenueKind::Polymarket && channel.pinged.elapsed() >= PING_EVERY {
            channel.ping();
        }
        TickOutcome::Keep
    }

    fn on_heard(&mut self, connection: usize) {
        if let Some(channel) = self.channels.get_mut(connection) {
            channel.heard = Instant::now();
        }
    }

    fn next_command(&mut self, connection: usize) -> Option<String> {
        self.channels.get_mut(connection)?.commands.pop_front()
    }

    fn is_stopped(&self) -> bool {
        self.shared.line.borrow().is_closed()
    }

    fn on_idle(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::is_confirmation;

    #[test]
    fn a_confirmation_is_told_from_news() {
        let yes = br#"{"id":1,"type":"subscribed","msg":{"channel":"fill","sid":1}}"#;
        assert!(is_confirmation(yes));
        for no in [&br#"{"type":"fill","sid":1,"msg":{}}"#[..], b"", b"PONG"] {
            assert!(!is_confirmation(no));
        }
    }
}
