//! Threads to cores, and what an idle tile does.
//!
//! A tile pins itself *inside* its own thread: a thread spawned from a pinned one inherits the mask,
//! and two spinning tiles on one core cost each other a scheduler slice per hop.

use core::fmt;

/// What a tile does when it finds nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Keeps the core: sees news within tens of nanoseconds. One core per tile.
    Spin,
    /// Offers the core to others between polls: nearly as quick while a core is free.
    Yield,
    /// Sleeps until the operating system wakes it: tens of microseconds later, but costs nothing.
    Park,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spin => "spin",
            Self::Yield => "yield",
            Self::Park => "park",
        })
    }
}

impl Wait {
    /// The strategy that suits `tiles` busy threads on this machine: spin only where a core is left
    /// for everything else.
    #[must_use]
    pub fn sensible(tiles: usize) -> Self {
        let cores = core_count();
        if cores > tiles.saturating_add(1) {
            Self::Spin
        } else if cores > 1 {
            Self::Yield
        } else {
            Self::Park
        }
    }

    /// One idle turn of a tile that polls. How long it parks is bounded, so that a tile always
    /// sees its stop flag.
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "the wait strategy is where a tile sleeps")]
    pub fn idle(self) {
        match self {
            Self::Spin => core::hint::spin_loop(),
            Self::Yield => std::thread::yield_now(),
            Self::Park => std::thread::sleep(core::time::Duration::from_micros(50)),
        }
    }
}

/// Number of cores that this process may use.
#[must_use]
pub fn core_count() -> usize {
    std::thread::available_parallelism().map_or(1, core::num::NonZero::get)
}

/// Pins the calling thread to a core by its index among those available. Returns whether the kernel
/// took it; a refusal is never fatal.
#[must_use]
pub fn pin_to(core_index: usize) -> bool {
    core_affinity::get_core_ids()
        .and_then(|ids| ids.get(core_index).copied())
        .is_some_and(core_affinity::set_for_current)
}
