//! The kill switch: pulled once, by anybody, for the rest of the process.
//!
//! Pulling it stops new orders at once; everything that follows (cancelling, verifying, the latch that
//! outlives the process) is done by [`super::guard`]. There is no way back within a process: a
//! person clears the latch and starts again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crossbeam::queue::ArrayQueue;

use super::breaker::Breaker;

/// Who or what pulled the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillCause {
    /// `dutchbook kill`.
    Command,
    /// A file named `kill` in the state folder.
    File,
    /// A signal.
    Signal,
    /// A request to the loopback endpoint.
    Endpoint,
    /// A latch of an earlier process that nobody has cleared.
    Latch,
    /// A fill that does not fit the books of account.
    Account,
    /// What the accounts rest on could not be written down.
    Journal,
    /// A circuit breaker whose cause no pause mends.
    Breaker(Breaker),
}

/// Code of the first breaker among the causes.
const BREAKERS_FROM: u8 = 16;

impl KillCause {
    const fn code(self) -> u8 {
        match self {
            Self::Command => 1,
            Self::File => 2,
            Self::Signal => 3,
            Self::Endpoint => 4,
            Self::Latch => 5,
            Self::Account => 6,
            Self::Journal => 7,
            Self::Breaker(breaker) => BREAKERS_FROM + breaker as u8,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => None,
            1 => Some(Self::Command),
            2 => Some(Self::File),
            3 => Some(Self::Signal),
            4 => Some(Self::Endpoint),
            5 => Some(Self::Latch),
            6 => Some(Self::Account),
            7 => Some(Self::Journal),
            code => {
                let at = usize::from(code.checked_sub(BREAKERS_FROM)?);
                Breaker::ALL.get(at).copied().map(Self::Breaker)
            }
        }
    }

    /// Whether the engine has found it by itself.
    #[must_use]
    pub const fn is_engines(self) -> bool {
        matches!(self, Self::Account | Self::Journal | Self::Breaker(_))
    }

    /// The cause's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::File => "file",
            Self::Signal => "signal",
            Self::Endpoint => "endpoint",
            Self::Latch => "latch",
            Self::Account => "account",
            Self::Journal => "journal",
            Self::Breaker(breaker) => breaker.name(),
        }
    }
}

/// Words on the causes that are kept until somebody takes them.
const SAID_MAX: usize = 64;

/// A handle of the switch; all clones are one switch.
#[derive(Clone, Debug)]
pub struct KillSwitch(Arc<Pulled>);

#[derive(Debug)]
struct Pulled {
    first: AtomicU8,
    /// A bit for the code of every cause so far.
    all: AtomicU32,
    said: ArrayQueue<String>,
}

impl Default for KillSwitch {
    fn default() -> Self {
        let (first, all) = (AtomicU8::new(0), AtomicU32::new(0));
        Self(Arc::new(Pulled { first, all, said: ArrayQueue::new(SAID_MAX) }))
    }
}

impl KillSwitch {
    /// A switch that is pulled already: for an engine that shall never trade.
    #[must_use]
    pub fn pulled(cause: KillCause) -> Self {
        let switch = Self::default();
        switch.pull(cause);
        switch
    }

    /// Pulls it. The first cause stays the first; every other is kept beside it.
    pub fn pull(&self, cause: KillCause) {
        // Before the first: whoever sees that sees at least one cause.
        self.0.all.fetch_or(1_u32 << cause.code(), Ordering::AcqRel);
        // Release: whoever sees the cause (Acquire) sees what was written before. One that comes
        // second changes nothing.
        let first = &self.0.first;
        let _first = first.compare_exchange(0, cause.code(), Ordering::AcqRel, Ordering::Acquire);
    }

    /// Says what a person has to know of a cause, before it pulls.
    pub fn say(&self, text: String) {
        // The first words tell most: what finds no room is one of many like it.
        let _kept = self.0.said.push(text).is_ok();
    }

    /// What was said and nobody has taken, oldest first.
    #[must_use]
    pub fn take_said(&self) -> Vec<String> {
        std::iter::from_fn(|| self.0.said.pop()).collect()
    }

    /// Whether it was pulled.
    #[inline]
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        // Acquire: pairs with the release in `pull`.
        self.0.first.load(Ordering::Acquire) != 0
    }

    /// Who pulled it first.
    #[must_use]
    pub fn cause(&self) -> Option<KillCause> {
        // Acquire: as above.
        KillCause::of_code(self.0.first.load(Ordering::Acquire))
    }

    /// Everybody who has pulled it, the first one first.
    #[must_use]
    pub fn causes(&self) -> Vec<KillCause> {
        let (first, all) = (self.cause(), self.0.all.load(Ordering::Acquire));
        let is_other = |code: &u8| all & (1_u32 << code) != 0;
        let others = (1..32).filter(is_other).filter_map(KillCause::of_code);
        first.into_iter().chain(others.filter(|cause| Some(*cause) != first)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_stays_and_every_cause_comes_back() {
        let named = [
            KillCause::Command,
            KillCause::File,
            KillCause::Signal,
            KillCause::Endpoint,
            KillCause::Latch,
            KillCause::Account,
            KillCause::Journal,
        ];
        let breakers = Breaker::ALL.map(KillCause::Breaker);
        for cause in named.into_iter().chain(breakers) {
            let switch = KillSwitch::default();
            assert_eq!((switch.is_pulled(), switch.cause()), (false, None));
            let other = switch.clone();
            other.pull(cause);
            switch.pull(KillCause::Endpoint);
            switch.pull(KillCause::Command);
            assert_eq!((switch.is_pulled(), switch.cause()), (true, Some(cause)));
            assert_eq!(switch.causes().first(), Some(&cause));
            for (at, one) in switch.causes().into_iter().enumerate() {
                let is_known = [cause, KillCause::Endpoint, KillCause::Command].contains(&one);
                assert!(is_known && switch.causes().iter().position(|of| *of == one) == Some(at));
            }
            assert!(switch.causes().len() >= 2);
        }
    }
}
