//! Several sockets to one stream: the first to bring a message wins, the others are timed.
//!
//! Only for venues whose messages are the same bytes on every connection (Polymarket). Each socket is
//! in order, so that the first arrivals together are in order, too; a snapshot that a slower socket
//! brings later is older than the book and changes nothing. What a socket loses another one brings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dutchbook_book::Nanos;
use tokio::time::Instant;

/// The most sockets of one stream.
pub const SOCKETS_MAX: usize = 4;
/// Messages that are remembered, a power of two: a slower socket is compared with these.
const SEEN: usize = 4_096;
/// Commands that a socket is told when it comes later.
const SAID_MAX: usize = 64;

/// How one socket does against the others.
#[derive(Debug, Default)]
struct Lane {
    first: AtomicU64,
    late: AtomicU64,
    late_ns: AtomicU64,
    late_ns_max: AtomicU64,
    connects: AtomicU64,
}

/// How one socket did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneSummary {
    /// Messages that it brought first.
    pub first: u64,
    /// Messages that another one had brought.
    pub late: u64,
    /// How much later, on average and at most.
    pub late_ns: [u64; 2],
    /// Times that it was opened.
    pub connects: u64,
}

/// The figures of a race, which anybody may read while it is on.
#[derive(Clone, Debug, Default)]
pub struct RaceTable(Arc<[Lane; SOCKETS_MAX]>);

impl RaceTable {
    /// The first `count` sockets.
    #[must_use]
    pub fn lanes(&self, count: usize) -> Vec<LaneSummary> {
        // Relaxed: figures for reports.
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let lanes = self.0.iter().take(count);
        lanes
            .map(|lane| {
                let late = of(&lane.late);
                LaneSummary {
                    first: of(&lane.first),
                    late,
                    late_ns: [
                        of(&lane.late_ns).checked_div(late).unwrap_or(0),
                        of(&lane.late_ns_max),
                    ],
                    connects: of(&lane.connects),
                }
            })
            .collect()
    }

    fn connected(&self, socket: usize) {
        if let Some(lane) = self.0.get(socket) {
            lane.connects.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the sockets of one stream have brought lately, and what they were told.
#[derive(Debug)]
pub(super) struct Race {
    table: RaceTable,
    /// By the low bits of the hash: a newer message takes the place of an older one.
    seen: Box<[Seen]>,
    said: Vec<String>,
    /// Counts the first socket's connections.
    round: u64,
    is_open: bool,
    began: Instant,
}

/// A message that came lately.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    hash: u64,
    at: Nanos,
    /// Bit by socket: who has brought it.
    by: u8,
}

impl Race {
    pub(super) fn new(table: RaceTable) -> Self {
        Self {
            table,
            seen: vec![Seen::default(); SEEN].into_boxed_slice(),
            said: Vec::new(),
            round: 0,
            is_open: false,
            began: Instant::now(),
        }
    }

    /// Whether a socket is the first to bring a message. A socket that brings it twice was sent it
    /// twice: that is another message.
    pub(super) fn is_first(&mut self, socket: usize, payload: &[u8]) -> bool {
        let now = Nanos(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX));
        self.judge(socket, payload, now)
    }

    fn judge(&mut self, socket: usize, payload: &[u8], now: Nanos) -> bool {
        let Some(lane) = self.table.0.get(socket) else { return true };
        let (hash, bit) = (hash_of(payload), 1_u8 << socket);
        let at = usize::try_from(hash).unwrap_or(0) & (SEEN - 1);
        let Some(seen) = self.seen.get_mut(at) else { return true };
        if seen.hash == hash && seen.by & bit == 0 {
            seen.by |= bit;
            let late = now.since(seen.at).0;
            lane.late.fetch_add(1, Ordering::Relaxed);
            lane.late_ns.fetch_add(late, Ordering::Relaxed);
            lane.late_ns_max.fetch_max(late, Ordering::Relaxed);
            return false;
        }
        *seen = Seen { hash, at: now, by: bit };
        lane.first.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A command that every socket is told, those that come later too.
    pub(super) fn say(&mut self, command: &str) {
        if self.said.len() < SAID_MAX {
            self.said.push(command.to_owned());
        }
    }

    /// The first socket is open: everything is said anew.
    pub(super) fn begin(&mut self) {
        self.said.clear();
        self.round += 1;
        self.is_open = true;
        self.connected(0);
    }

    /// The first socket is lost.
    pub(super) const fn end(&mut self) {
        self.is_open = false;
    }

    /// Whether the first socket is open.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// A socket is open.
    pub(super) fn connected(&self, socket: usize) {
        self.table.connected(socket);
    }

    /// The next command for a socket that was told so many of this round; all anew in another one.
    pub(super) fn said_after(&self, told: &mut (u64, usize)) -> Option<String> {
        if told.0 != self.round {
            *told = (self.round, 0);
        }
        let next = self.said.get(told.1).cloned();
        told.1 += usize::from(next.is_some());
        next
    }
}

/// FNV-1a, in words of eight bytes: enough to tell messages apart that lie next to each other.
fn hash_of(payload: &[u8]) -> u64 {
    let (words, rest) = payload.as_chunks::<8>();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ payload.len() as u64;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wins_the_others_are_timed_and_a_repeat_is_a_message() {
        let table = RaceTable::default();
        let mut race = Race::new(table.clone());
        let mut take = |socket, text: &str, at| race.judge(socket, text.as_bytes(), Nanos(at));
        assert!(take(0, "a", 10));
        assert!(take(1, "b", 11), "what the other has lost");
        assert!(!take(1, "a", 15));
        assert!(!take(0, "b", 31));
        assert!(take(0, "a", 40), "the venue says it again");
        assert!(!take(1, "a", 50));
        let lanes = table.lanes(2);
        assert_eq!((lanes[0].first, lanes[0].late, lanes[0].late_ns), (2, 1, [20, 20]));
        assert_eq!((lanes[1].first, lanes[1].late, lanes[1].late_ns), (1, 2, [7, 10]));
    }

    #[test]
    fn memory_is_bounded_and_later_sockets_are_told_what_was_said() {
        let mut race = Race::new(RaceTable::default());
        for n in 0..SEEN as u64 + 10 {
            assert!(race.judge(0, &n.to_le_bytes(), Nanos(n)));
            race.say("x");
        }
        assert_eq!((race.seen.len(), race.said.len()), (SEEN, SAID_MAX));
        race.begin();
        race.say("open");
        let mut told = (0, 7);
        assert_eq!(race.said_after(&mut told).as_deref(), Some("open"));
        assert_eq!(race.said_after(&mut told), None);
        assert_ne!(hash_of(b"12345678a"), hash_of(b"12345678b"));
    }
}
