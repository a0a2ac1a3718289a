//! Whether a venue takes connections at all: closed while it is known to be in maintenance.
//!
//! Whoever reads the venue's status says so here; connection tasks wait meanwhile, and come back one
//! after the other instead of all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A gate before the connections of one venue; open at first.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_closed: AtomicBool,
    /// Attempts that waited before it.
    waited: AtomicU64,
}

impl Gate {
    /// Lets nobody connect, or everybody.
    pub fn set_closed(&self, is_closed: bool) {
        // Relaxed: a flag that stands alone; whoever sees it late is refused by the venue.
        self.0.is_closed.store(is_closed, Ordering::Relaxed);
    }

    /// Whether nobody may connect.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Relaxed)
    }

    /// How many attempts waited before it.
    #[must_use]
    pub fn waited(&self) -> u64 {
        self.0.waited.load(Ordering::Relaxed)
    }

    pub(super) fn count_waiting(&self) {
        self.0.waited.fetch_add(1, Ordering::Relaxed);
    }
}
