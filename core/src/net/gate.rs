//! Whether a venue takes connections at all: closed while it is known to be in maintenance.
//!
//! Whoever reads the venue's status says so here; connection tasks wait meanwhile, and come back one
//! after the other instead of all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A gate before the connections of one venue; open at first.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    /// Lets nobody connect, or everybody.
    pub fn set_closed(&self, is_closed: bool) {
        // Relaxed: a flag that stands alone; whoever sees it late is refused by the venue.
        self.0.store(is_closed, Ordering::Relaxed);
    }

    /// Whether nobody may connect.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
