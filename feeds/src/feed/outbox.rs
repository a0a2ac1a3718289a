//! What a feed says to its venue: subscriptions on connecting, the cheapest resynchronisation
//! later.
//!
//! Polymarket: the token is dropped and added again, which sends a new `book`. Kalshi: the
//! subscription is asked for snapshots, and the stream goes on under the same number; a market that
//! is not in it is added; without a subscription a new one is begun. Requests are repeated with
//! doubling pauses until the snapshot comes.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Nanos};

use super::state::{Slot, State};
use crate::command::kalshi::{Action, Subscribe};
use crate::command::{kalshi, polymarket};
use crate::session::{Resync, Sync, Trading};

/// Doublings of the pause between two requests: 5 s, 10 s, … 80 s.
const DOUBLINGS_MAX: u32 = 4;

/// Kalshi's channel of books.
pub(super) const BOOKS_CHANNEL: &str = "orderbook_delta";

impl State {
    /// The connection is open: subscribes everything that is not closed.
    pub(super) fn connect(&mut self, now: Nanos) {
        self.now = now;
        self.pulse.connect(now);
        self.counters.connects += 1;
        let lot = match self.kind {
            VenueKind::Polymarket => usize::MAX,
            VenueKind::Kalshi => self.rules.lot_markets,
        };
        let chosen = self.choose(lot, |slot| slot.session.trading != Trading::Closed);
        if chosen.is_empty() {
            return;
        }
        match self.kind {
            VenueKind::Polymarket => {
                let text = polymarket::open(self.tokens(&chosen));
                self.outbox.push_back(text);
            }
            VenueKind::Kalshi => {
                self.subscribe_books(&chosen);
                self.subscribe_rest();
            }
        }
        self.asked(&chosen, false);
    }

    /// Asks the open connection for a book that it does not carry yet; a later one asks for it with
    /// all others.
    pub(super) fn ask_for_new(&mut self, book: BookId, now: Nanos) {
        self.now = self.now.max(now);
        if !self.pulse.is_connected() {
            return;
        }
        // The second of two tries is the one that adds a market to a subscription.
        let Some(slot) = self.slot_at(book).and_then(|at| self.slots.get_mut(at)) else { return };
        slot.session.resync = Some(Resync { due: now, attempts: 1 });
        self.find_next_due();
    }

    /// The first `count` slots that pass a test.
    fn choose(&self, count: usize, test: impl Fn(&Slot) -> bool) -> Vec<usize> {
        let all = self.slots.iter().enumerate();
        all.filter(|(_, slot)| test(slot)).map(|(at, _)| at).take(count).collect()
    }

    fn tokens<'a>(&'a self, chosen: &'a [usize]) -> impl Iterator<Item = &'a str> {
        let count = if self.config.both_faces { 2 } else { 1 };
        let slots = chosen.iter().filter_map(|&at| self.slots.get(at));
        let faces = slots.filter_map(|slot| slot.native_faces.as_ref());
        faces.flat_map(move |faces| faces.iter().take(count).map(String::as_str))
    }

    fn tickers(&self, chosen: &[usize]) -> Vec<&str> {
        let slots = chosen.iter().filter_map(|&at| self.slots.get(at));
        slots.map(|slot| slot.native_market.as_str()).collect()
    }

    fn next_id(&mut self) -> u64 {
        self.command_id += 1;
        self.command_id
    }

    fn subscribe_books(&mut self, chosen: &[usize]) {
        let id = self.next_id();
        let text = kalshi::subscribe(
            id,
            &Subscribe {
                channels: &[BOOKS_CHANNEL],
                market_tickers: &self.tickers(chosen),
                use_yes_price: Some(self.config.use_yes_price),
                ..Subscribe::default()
            },
        );
        self.outbox.push_back(text);
    }

    /// Subscribes what is not about levels: trades of the listed markets, lives of all markets.
    fn subscribe_rest(&mut self) {
        if self.config.trades {
            let id = self.next_id();
            let all: Vec<usize> = (0..self.slots.len()).collect();
            let what = Subscribe {
                channels: &["trade"],
                market_tickers: &self.tickers(&all),
                ..Subscribe::default()
            };
            let text = kalshi::subscribe(id, &what);
            self.outbox.push_back(text);
        }
        if self.config.ticker {
            let id = self.next_id();
            let all: Vec<usize> = (0..self.slots.len()).collect();
            let what = Subscribe {
                channels: &["ticker"],
                market_tickers: &self.tickers(&all),
                ..Subscribe::default()
            };
            let text = kalshi::subscribe(id, &what);
            self.outbox.push_back(text);
        }
        if self.config.lifecycle {
            let id = self.next_id();
            let what = Subscribe { channels: &["market_lifecycle_v2"], ..Subscribe::default() };
            self.outbox.push_back(kalshi::subscribe(id, &what));
        }
    }

    /// The subscription of books is confirmed: adds the markets that the first lot had no room for,
    /// lot by lot, so that their snapshots do not overflow the venue's buffer at once.
    pub(super) fn subscribe_next_lots(&mut self, sid: u32) {
        loop {
            let chosen = self.choose(self.rules.lot_markets, |slot| {
                !slot.is_asked && slot.session.trading != Trading::Closed
            });
            if chosen.is_empty() {
                return;
            }
            self.update_subscription(sid, Action::AddMarkets, &chosen);
            self.asked(&chosen, false);
        }
    }

    fn update_subscription(&mut self, sid: u32, action: Action, chosen: &[usize]) {
        let id = self.next_id();
        let text = kalshi::update(id, sid, action, &self.tickers(chosen));
        self.outbox.push_back(text);
    }

    /// Notes that these books were asked for, and when to ask again.
    fn asked(&mut self, chosen: &[usize], is_repeat: bool) {
        for &at in chosen {
            let (now, pause) = (self.now, self.config.limits.resync_ns);
            let Some(slot) = self.slots.get_mut(at) else { continue };
            slot.is_asked = true;
            let before = slot.session.resync.map_or(0, |resync| resync.attempts);
            let attempts = if is_repeat { before.saturating_add(1) } else { before };
            let doubled = pause.0.saturating_mul(1 << attempts.min(DOUBLINGS_MAX));
            slot.session.resync = Some(Resync { due: now.plus(Nanos(doubled)), attempts });
            self.counters.resyncs += u64::from(is_repeat);
        }
        self.find_next_due();
    }

    /// Finds when the next book is to be asked for: snapshots that came have moved it.
    pub(super) fn find_next_due(&mut self) {
        let dues = self.slots.iter().filter_map(|slot| slot.session.resync);
        self.next_due = dues.map(|resync| resync.due).min().unwrap_or(Nanos(u64::MAX));
    }

    /// The next text to send.
    pub(super) fn next_command(&mut self) -> Option<String> {
        if !self.pulse.is_connected() {
            return None;
        }
        if self.outbox.is_empty() && self.now >= self.next_due {
            self.resync();
        }
        self.outbox.pop_front()
    }

    /// Sends for the next book in turn although nothing is known to be wrong with it.
    pub(super) fn refresh(&mut self, now: Nanos) {
        let (every, count) = (self.config.limits.refresh_ns, self.slots.len());
        if every == Nanos::ZERO || now < self.refresh_due || !self.pulse.is_connected() {
            return;
        }
        let pause = every.0.checked_div(u64::try_from(count).unwrap_or(u64::MAX));
        self.refresh_due = now.plus(Nanos(pause.unwrap_or(every.0)));
        let is_fine = |slot: &Slot| {
            let session = &slot.session;
            session.sync == Sync::Live
                && session.resync.is_none()
                && session.trading != Trading::Closed
        };
        let turn = (self.refresh_next..count).chain(0..self.refresh_next.min(count));
        let Some(at) = turn.into_iter().find(|&at| self.slots.get(at).is_some_and(is_fine)) else {
            return;
        };
        self.refresh_next = at + 1;
        match self.kind {
            VenueKind::Polymarket => self.add_again(&[at]),
            VenueKind::Kalshi => {
                let own = self.slots.get(at).and_then(|slot| slot.session.sid);
                if let Some(sid) = own.filter(|&sid| self.streams.is_open(sid)) {
                    self.update_subscription(sid, Action::GetSnapshot, &[at]);
                }
            }
        }
    }

    /// Drops Polymarket's tokens and adds them again, which sends new books.
    fn add_again(&mut self, chosen: &[usize]) {
        let drop = polymarket::unsubscribe(self.tokens(chosen));
        let add = polymarket::subscribe(self.tokens(chosen));
        self.outbox.push_back(drop);
        self.outbox.push_back(add);
    }

    /// Asks for one lot of the books that are due.
    fn resync(&mut self) {
        let now = self.now;
        let is_due = |slot: &Slot| slot.session.resync.is_some_and(|resync| resync.due <= now);
        let mut chosen = self.choose(self.rules.lot_markets, is_due);
        match self.kind {
            VenueKind::Polymarket if !chosen.is_empty() => self.add_again(&chosen),
            VenueKind::Kalshi if !chosen.is_empty() => self.resync_kalshi(&mut chosen),
            VenueKind::Polymarket | VenueKind::Kalshi => {}
        }
        self.asked(&chosen, true);
    }

    fn resync_kalshi(&mut self, chosen: &mut Vec<usize>) {
        let first = chosen.first().and_then(|&at| self.slots.get(at));
        let Some(session) = first.map(|slot| slot.session) else { return };
        let own = session.sid.filter(|&sid| self.streams.is_open(sid));
        let Some(sid) = own.or_else(|| self.streams.books()) else {
            self.subscribe_books(chosen);
            return;
        };
        // One command speaks to one subscription; every second try adds what may not be in it.
        let is_second = |attempts: u32| attempts % 2 == 1;
        let tries_second = is_second(session.resync.map_or(0, |resync| resync.attempts));
        chosen.retain(|&at| {
            self.slots.get(at).is_some_and(|slot| {
                let other = slot.session.sid.filter(|&sid| self.streams.is_open(sid));
                let attempts = slot.session.resync.map_or(0, |resync| resync.attempts);
                other.unwrap_or(sid) == sid && is_second(attempts) == tries_second
            })
        });
        let action = if tries_second { Action::AddMarkets } else { Action::GetSnapshot };
        self.update_subscription(sid, action, chosen);
    }
}
