//! How far a long match is, told on standard error when a person watches it.

use std::io::Write as _;

use dutchbook_book::Nanos;
use dutchbook_core::clock::Clock;

/// Markets between two looks at the clock.
const MARKETS_PER_LOOK: usize = 256;
/// Pause between two lines of progress.
const PAUSE: Nanos = Nanos::from_secs(1);

/// Tells progress at most once a second.
#[derive(Debug)]
pub struct Told {
    clock: Clock,
    shown_at: Nanos,
    is_watched: bool,
    is_shown: bool,
}

impl Told {
    /// Silent unless somebody watches.
    #[must_use]
    pub fn new(is_watched: bool) -> Self {
        let clock = Clock::new();
        Self { shown_at: clock.now(), clock, is_watched, is_shown: false }
    }

    /// Notes that `done` of `total` markets are matched.
    pub fn tick(&mut self, done: usize, total: usize) {
        if !self.is_watched || !done.is_multiple_of(MARKETS_PER_LOOK) {
            return;
        }
        let now = self.clock.now();
        if now.since(self.shown_at) < PAUSE {
            return;
        }
        self.shown_at = now;
        self.is_shown = true;
        // Progress that cannot be written is no reason to stop.
        let _lost = write!(std::io::stderr(), "\rmatched {done} of {total} markets\x1b[K");
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if self.is_shown {
            let _lost = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
