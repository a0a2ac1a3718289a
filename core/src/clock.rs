//! The only reader of time. Everything else takes `now`.
//!
//! A live clock reads the time-stamp counter (about 10 ns, through `quanta`), anchored once to the
//! wall clock, so that stamps of all tiles lie on one time line and never step back. A reading is a
//! number of nanoseconds since the Unix epoch.

use dutchbook_book::Nanos;

/// A monotonic clock anchored to the wall clock at its creation. Copies share the anchor.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start: quanta::Instant,
    start_ns: u64,
}

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
        let start = counter.now();
        Self { counter, start, start_ns: wall_ns() }
    }

    /// Nanoseconds since the Unix epoch, never stepping back.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Nanos {
        let passed = self.counter.now().saturating_duration_since(self.start).as_nanos();
        // A run of 584 years would saturate.
        Nanos(self.start_ns.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }
}

/// The wall clock, read once per [`Clock`].
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
}
