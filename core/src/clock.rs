//! The only reader of time. Everything else takes `now`.
//!
//! A live clock reads the time-stamp counter (about 10 ns, through `quanta`), anchored once to the
//! wall clock, so that stamps of all tiles lie on one time line and never step back. A simulated
//! clock shows what its owner sets. A reading is a number of nanoseconds since the Unix epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dutchbook_book::Nanos;

/// A clock that never steps back. Copies show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Counter { counter: quanta::Clock, start_raw: u64, start_ns: u64 },
    Simulated(Arc<AtomicU64>),
}

/// Moves a simulated clock.
#[derive(Debug)]
pub struct SimulatedTime(Arc<AtomicU64>);

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// Calibrates the counter (once per process) and anchors it to the wall clock.
    #[must_use]
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let start_raw = counter.raw();
        Self { source: Source::Counter { counter, start_raw, start_ns: wall_ns() } }
    }

    /// A clock that shows `start` until its owner moves it.
    #[must_use]
    pub fn simulated(start: Nanos) -> (Self, SimulatedTime) {
        let shown = Arc::new(AtomicU64::new(start.0));
        (Self { source: Source::Simulated(Arc::clone(&shown)) }, SimulatedTime(shown))
    }

    /// Nanoseconds since the Unix epoch, never stepping back.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Nanos {
        match &self.source {
            Source::Counter { counter, start_raw, start_ns } => {
                // Not through an instant: that divides into seconds, and the hot path asks often.
                let passed = counter.delta_as_nanos(*start_raw, counter.raw());
                Nanos(start_ns.saturating_add(passed))
            }
            // Relaxed: a simulation has one thread.
            Source::Simulated(shown) => Nanos(shown.load(Ordering::Relaxed)),
        }
    }
}

impl SimulatedTime {
    /// Shows a moment; one that lies before the last changes nothing.
    pub fn set(&self, now: Nanos) {
        self.0.fetch_max(now.0, Ordering::Relaxed);
    }
}

/// The wall clock, read once per live [`Clock`].
#[expect(clippy::disallowed_methods, reason = "this is the one reader of wall time")]
fn wall_ns() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_never_step_back_and_copies_agree() {
        let clock = Clock::new();
        let copy = clock.clone();
        let mut last = clock.now();
        for _ in 0..10_000 {
            let now = copy.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn simulated_time_moves_by_its_owner_alone() {
        let (clock, time) = Clock::simulated(Nanos(7));
        assert_eq!(clock.now(), Nanos(7));
        time.set(Nanos(9));
        time.set(Nanos(8));
        assert_eq!(clock.clone().now(), Nanos(9));
    }
}
