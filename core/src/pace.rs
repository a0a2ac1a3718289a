//! Patience: how often we may ask a venue, and how long we wait before we ask again.
//!
//! A venue that comes back from maintenance meets all of its clients at once; whoever waits for a
//! random part of a growing pause is no part of that storm. Nothing here reads a clock.

use core::time::Duration;

use dutchbook_book::Nanos;

/// Random numbers that spread retries; never for keys.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// A sequence of its own for every seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// The next number (splitmix64).
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A duration from half of `span` to `span`.
    pub fn spread(&mut self, span: Duration) -> Duration {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let half = nanos / 2;
        Duration::from_nanos(half.saturating_add(self.next() % half.saturating_add(1)))
    }
}

/// Doubling, jittered pauses between attempts.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    last: Duration,
    pause: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// Pauses from `first` to `last`.
    #[must_use]
    pub const fn new(first: Duration, last: Duration, jitter: Jitter) -> Self {
        Self { first, last, pause: first, jitter }
    }

    /// The pause before the next attempt; the one after it is twice as long.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.jitter.spread(self.pause);
        self.pause = self.pause.saturating_mul(2).min(self.last);
        pause
    }

    /// The venue is known to be closed: the next pause is the longest.
    pub const fn be_patient(&mut self) {
        self.pause = self.last;
    }

    /// An attempt was good: pauses start anew.
    pub const fn reset(&mut self) {
        self.pause = self.first;
    }
}

/// A token bucket: so many requests a second, so many at once.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    per_s: u64,
    /// Requests that may be made at once, in nanoseconds of refill.
    depth: u64,
    /// When the bucket was, or will be, full of debt to now: requests are paid up to here.
    paid_until: Nanos,
}

impl Budget {
    /// `per_s` requests a second, `burst` at once.
    #[must_use]
    pub const fn new(per_s: u32, burst: u32) -> Self {
        let per_s = if per_s == 0 { 1 } else { per_s as u64 };
        let depth = (burst as u64).saturating_mul(1_000_000_000) / per_s;
        Self { per_s, depth, paid_until: Nanos::ZERO }
    }

    /// Takes one request; how long to wait before it may be sent.
    pub fn take(&mut self, now: Nanos) -> Duration {
        let cost = 1_000_000_000 / self.per_s;
        let from = self.paid_until.0.max(now.0.saturating_sub(self.depth));
        self.paid_until = Nanos(from.saturating_add(cost));
        Duration::from_nanos(self.paid_until.since(now).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_bounds_and_two_clients_differ() {
        let make = |seed| {
            let (first, last) = (Duration::from_millis(100), Duration::from_secs(2));
            Backoff::new(first, last, Jitter::new(seed))
        };
        let (mut one, mut other) = (make(1), make(2));
        let pauses: Vec<_> = (0..8).map(|_| one.next_pause()).collect();
        for (at, pause) in (0..).zip(&pauses) {
            let full = Duration::from_millis(100 << at).min(Duration::from_secs(2));
            assert!(*pause >= full / 2 && *pause <= full, "{at}: {pause:?}");
        }
        assert_ne!(pauses[0], other.next_pause());
        one.reset();
        assert!(one.next_pause() <= Duration::from_millis(100));
        one.be_patient();
        assert!(one.next_pause() >= Duration::from_secs(1));
    }

    #[test]
    fn a_budget_lets_a_burst_through_and_then_its_rate() {
        let mut budget = Budget::new(10, 5);
        let now = Nanos::from_secs(1_000);
        let waits: Vec<_> = (0..8).map(|_| budget.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 100, 200, 300]);
        let later = now.plus(Nanos::from_secs(10));
        assert_eq!((0..5).map(|_| budget.take(later).as_millis()).sum::<u128>(), 0);
    }
}
