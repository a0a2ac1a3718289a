//! How far a long replay is, told on standard error when a person watches it.

use std::io::{IsTerminal as _, Write as _};

use dutchbook_book::Nanos;
use dutchbook_core::clock::Clock;

use super::source::Lines;

/// Messages between two looks at the clock.
const MESSAGES_PER_LOOK: u64 = 512;
/// Pause between two lines of progress.
const PAUSE: Nanos = Nanos::from_secs(1);

/// Tells progress at most once a second.
#[derive(Debug)]
pub struct Progress {
    clock: Clock,
    started: Nanos,
    file: String,
    shown_at: Nanos,
    is_watched: bool,
    is_shown: bool,
    looks: u64,
}

impl Progress {
    /// Progress of one file; silent unless `is_wanted` and standard error is a terminal.
    #[must_use]
    pub fn new(file: &str, is_wanted: bool) -> Self {
        let clock = Clock::new();
        Self {
            started: clock.now(),
            clock,
            file: file.to_owned(),
            shown_at: Nanos::ZERO,
            is_watched: is_wanted && std::io::stderr().is_terminal(),
            is_shown: false,
            looks: 0,
        }
    }

    /// Time since the start of this file.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.clock.now().since(self.started)
    }

    /// Notes one more message.
    pub fn tick(&mut self, lines: &Lines, messages: u64) {
        self.looks = self.looks.wrapping_add(1);
        if !self.is_watched || !self.looks.is_multiple_of(MESSAGES_PER_LOOK) {
            return;
        }
        let now = self.now();
        if now.since(self.shown_at) < PAUSE {
            return;
        }
        self.shown_at = now;
        self.is_shown = true;
        let rate = messages.saturating_mul(1000).checked_div(now.millis()).unwrap_or(0);
        let file: String = self.file.chars().rev().take(48).collect();
        let file: String = file.chars().rev().collect();
        // Progress that cannot be written is no reason to stop.
        let _lost = write!(
            std::io::stderr(),
            "\r{file}: {} %, {messages} messages, {rate}/s\x1b[K",
            lines.percent()
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _lost = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
