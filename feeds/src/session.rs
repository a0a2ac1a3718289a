//! One session state machine for all venues; what differs between venues is data ([`Rules`]).
//!
//! A book is awaiting its snapshot, live, gapped or stale. Only a snapshot makes it live. A hole in
//! a venue's sequence gaps every book of that subscription; a lost connection makes every book of
//! the connection stale until its own new snapshot. Silence is judged by `now`, delay by the
//! venue's own stamps. Nothing here touches a book or a socket: callers ask and carry out.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookStatus, Nanos};

use crate::batch::Sequence;

/// How a venue's sessions work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The text that keeps the connection alive, where the venue wants one in the stream.
    pub ping: Option<&'static str>,
    /// Whether several messages of one market with one stamp form one update.
    pub groups_by_stamp: bool,
    /// Markets in one subscribing or resynchronising command.
    pub lot_markets: usize,
}

impl Rules {
    /// The rules of a venue.
    #[must_use]
    pub const fn of(kind: VenueKind) -> Self {
        match kind {
            // No sequence: order on one connection is all there is; `PING` as text each 10 s.
            VenueKind::Polymarket => Self {
                ping: Some(crate::command::polymarket::PING),
                groups_by_stamp: true,
                lot_markets: 50,
            },
            // A sequence per subscription, used up by acknowledgements too; protocol-level pings.
            VenueKind::Kalshi => Self { ping: None, groups_by_stamp: false, lot_markets: 50 },
        }
    }
}

/// How long is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Between two heartbeats of ours.
    pub ping_ns: Nanos,
    /// Without any frame: the connection is dead.
    pub silence_ns_max: Nanos,
    /// Without data though frames come: the subscription is dead (silent freeze).
    pub data_silence_ns_max: Nanos,
    /// From a delta's venue stamp to its receipt: the book is stale until deltas are fresh again.
    pub lag_ns_max: Nanos,
    /// From a request for a snapshot to the next one; doubles with each.
    pub resync_ns: Nanos,
    /// Every book is sent for again so often although nothing is known to be wrong with it: a lost
    /// change of a deep level shows nowhere else. Zero is never.
    pub refresh_ns: Nanos,
    /// Consecutive finished updates that leave a book crossed or unlike the stated top before it
    /// is given up.
    pub doubtful_updates_max: u32,
    /// After this long without a further message an update counts as finished, after twice as long at the
    /// latest.
    pub group_ns_max: Nanos,
}

impl Limits {
    /// The limits that suit a venue.
    #[must_use]
    pub const fn of(kind: VenueKind) -> Self {
        let silence_secs = match kind {
            VenueKind::Polymarket => 20,
            VenueKind::Kalshi => 25,
        };
        Self {
            ping_ns: Nanos::from_secs(8),
            silence_ns_max: Nanos::from_secs(silence_secs),
            data_silence_ns_max: Nanos::from_secs(300),
            lag_ns_max: Nanos::from_secs(5),
            resync_ns: Nanos::from_secs(5),
            refresh_ns: Nanos::ZERO,
            doubtful_updates_max: 3,
            group_ns_max: Nanos::from_millis(250),
        }
    }
}

/// How a book stands to its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// No snapshot yet.
    #[default]
    Awaiting,
    /// Every message since the snapshot was applied.
    Live,
    /// A message was lost or contradicts the book.
    Gapped,
    /// The connection was lost, fell silent, or delivered something unreadable.
    Stale,
}

/// Whether the venue trades the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trading {
    /// It does.
    #[default]
    Open,
    /// Not now.
    Halted,
    /// Never again.
    Closed,
}

/// A snapshot that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resync {
    /// When to ask (again).
    pub due: Nanos,
    /// How often it was asked for.
    pub attempts: u32,
}

/// The session of one book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookSession {
    /// How it stands to its stream.
    pub sync: Sync,
    /// Whether it trades.
    pub trading: Trading,
    /// Whether its last delta came late.
    pub is_lagging: bool,
    /// The subscription that carries it.
    pub sid: Option<u32>,
    /// The snapshot that it waits for.
    pub resync: Option<Resync>,
    /// Consecutive finished updates that left it crossed or unlike the stated top.
    pub doubtful_updates: u32,
}

impl BookSession {
    /// How far to believe the book; whether it is crossed the book itself knows.
    #[must_use]
    pub const fn status(&self) -> BookStatus {
        match (self.trading, self.sync) {
            (Trading::Closed, _) => BookStatus::Closed,
            (_, Sync::Awaiting) => BookStatus::AwaitingSnapshot,
            (_, Sync::Gapped) => BookStatus::Gapped,
            (_, Sync::Stale) => BookStatus::Stale,
            (Trading::Halted, Sync::Live) => BookStatus::Halted,
            (Trading::Open, Sync::Live) if self.is_lagging => BookStatus::Stale,
            (Trading::Open, Sync::Live) => BookStatus::Live,
        }
    }

    /// Whether deltas may be applied.
    #[must_use]
    pub const fn takes_deltas(&self) -> bool {
        matches!(self.sync, Sync::Live)
    }

    /// A snapshot was applied.
    pub const fn snapshot(&mut self, sid: Option<u32>) {
        self.sync = Sync::Live;
        self.is_lagging = false;
        self.sid = sid;
        self.resync = None;
        self.doubtful_updates = 0;
    }

    /// The book can no longer be believed. Returns whether it could be before.
    pub fn lose(&mut self, sync: Sync) -> bool {
        let had = self.sync == Sync::Live;
        if had {
            self.sync = sync;
        }
        had
    }
}

/// What a sequence number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one, or the first of its subscription.
    InOrder,
    /// It is the last one again: drop the message.
    Duplicate,
    /// Messages are missing: every book of the subscription is void. A snapshot that carries this
    /// number re-bases its own book.
    Gap {
        /// The number that was due.
        expected: u64,
    },
}

/// One subscription of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    sid: u32,
    last: Option<u64>,
    carries_books: bool,
}

/// The subscriptions of one connection. There are a handful; they are searched in line.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    list: Vec<Stream>,
}

/// The most subscriptions that a connection is believed to have; a peer that names more is lying,
/// and the oldest is forgotten.
const STREAMS_MAX: usize = 64;

impl Streams {
    fn stream(&mut self, sid: u32) -> Option<&mut Stream> {
        match self.list.iter().position(|stream| stream.sid == sid) {
            Some(at) => self.list.get_mut(at),
            None => {
                // Data may come before its `subscribed`.
                if self.list.len() >= STREAMS_MAX {
                    self.list.remove(0);
                }
                self.list.push(Stream { sid, last: None, carries_books: false });
                self.list.last_mut()
            }
        }
    }

    /// Takes note of a sequence number, of any message that carries one.
    #[inline]
    pub fn judge(&mut self, sequence: Sequence) -> Verdict {
        let Some(stream) = self.stream(sequence.sid) else { return Verdict::InOrder };
        let last = stream.last.replace(sequence.seq);
        match last {
            None => Verdict::InOrder,
            Some(last) if last == sequence.seq => Verdict::Duplicate,
            Some(last) if last.checked_add(1) == Some(sequence.seq) => Verdict::InOrder,
            Some(last) => Verdict::Gap { expected: last.saturating_add(1) },
        }
    }

    /// A subscription was confirmed, or showed by its data what it carries.
    pub fn began(&mut self, sid: u32, carries_books: bool) {
        if let Some(stream) = self.stream(sid) {
            stream.carries_books |= carries_books;
        }
    }

    /// A subscription is over.
    pub fn ended(&mut self, sid: u32) {
        self.list.retain(|stream| stream.sid != sid);
    }

    /// Whether a subscription is open.
    #[must_use]
    pub fn is_open(&self, sid: u32) -> bool {
        self.list.iter().any(|stream| stream.sid == sid)
    }

    /// The subscription that carries books.
    #[must_use]
    pub fn books(&self) -> Option<u32> {
        self.list.iter().find(|stream| stream.carries_books).map(|stream| stream.sid)
    }

    /// The connection is gone: numbers start anew on the next.
    pub fn clear(&mut self) {
        self.list.clear();
    }
}

/// Why a connection is to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconnectReason {
    /// No frame for too long.
    Silent,
    /// Frames, but no data, for too long.
    Frozen,
}

/// What the owner of the connection is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStep {
    /// Nothing.
    Idle,
    /// Send what [`crate::feed::Feed::next_command`] returns, until it returns nothing.
    Send,
    /// Close the connection, report the disconnection, and open a new one.
    Reconnect(ReconnectReason),
}

/// The heartbeat and the silence of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    connected: bool,
    heard: Nanos,
    data: Nanos,
    pinged: Nanos,
}

impl Pulse {
    /// The connection is open.
    pub const fn connect(&mut self, now: Nanos) {
        *self = Self { connected: true, heard: now, data: now, pinged: now };
    }

    /// The connection is gone.
    pub const fn disconnect(&mut self) {
        self.connected = false;
    }

    /// Whether the connection is open.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Something came, data or not.
    #[inline]
    pub const fn heard(&mut self, now: Nanos) {
        self.heard = now;
    }

    /// Levels came.
    #[inline]
    pub const fn data(&mut self, now: Nanos) {
        self.data = now;
    }

    /// Whether a heartbeat is due; it counts as sent then.
    pub fn ping_due(&mut self, now: Nanos, limits: &Limits) -> bool {
        let due = self.connected && now.since(self.pinged) >= limits.ping_ns;
        if due {
            self.pinged = now;
        }
        due
    }

    /// Whether the connection must be given up.
    #[must_use]
    pub fn verdict(&self, now: Nanos, limits: &Limits) -> Option<ReconnectReason> {
        if !self.connected {
            None
        } else if now.since(self.heard) > limits.silence_ns_max {
            Some(ReconnectReason::Silent)
        } else if now.since(self.data) > limits.data_silence_ns_max {
            Some(ReconnectReason::Frozen)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_all(numbers: &[(u32, u64)]) -> Vec<Verdict> {
        let mut streams = Streams::default();
        numbers.iter().map(|&(sid, seq)| streams.judge(Sequence { sid, seq })).collect()
    }

    #[test]
    fn a_number_past_the_expected_one_is_a_gap_of_its_subscription_only() {
        assert_eq!(
            judge_all(&[(1, 1), (2, 1), (1, 2), (1, 4), (1, 5), (2, 2), (2, 2)]),
            [
                Verdict::InOrder,
                Verdict::InOrder,
                Verdict::InOrder,
                Verdict::Gap { expected: 3 },
                Verdict::InOrder,
                Verdict::InOrder,
                Verdict::Duplicate,
            ]
        );
    }

    #[test]
    fn only_a_snapshot_revives_a_book() {
        let mut book = BookSession::default();
        assert_eq!(book.status(), BookStatus::AwaitingSnapshot);
        assert!(!book.lose(Sync::Stale), "what was never live cannot be lost");
        book.snapshot(Some(1));
        assert_eq!(book.status(), BookStatus::Live);
        assert!(book.lose(Sync::Gapped));
        assert_eq!((book.status(), book.takes_deltas()), (BookStatus::Gapped, false));
        book.snapshot(Some(1));
        book.trading = Trading::Closed;
        assert_eq!(book.status(), BookStatus::Closed);
    }

    #[test]
    fn silence_and_frozen_data_end_a_connection() {
        let limits = Limits::of(VenueKind::Polymarket);
        let mut pulse = Pulse::default();
        let at = Nanos::from_secs;
        assert_eq!(pulse.verdict(at(1_000), &limits), None);
        pulse.connect(at(1_000));
        assert!(!pulse.ping_due(at(1_007), &limits));
        assert!(pulse.ping_due(at(1_008), &limits));
        assert!(!pulse.ping_due(at(1_009), &limits));
        assert_eq!(pulse.verdict(at(1_021), &limits), Some(ReconnectReason::Silent));
        pulse.heard(at(1_300));
        assert_eq!(pulse.verdict(at(1_301), &limits), Some(ReconnectReason::Frozen));
    }
}
