//! What the gateway has counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Replied,
    Lost,
    NotSent,
}

/// Counters, readable from any thread. All are figures of their own: relaxed.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    fates: [AtomicU64; 3],
    connects: AtomicU64,
    channel_losses: AtomicU64,
    messages: AtomicU64,
}

impl Watch {
    /// Requests that were answered.
    #[must_use]
    pub fn replied(&self) -> u64 {
        self.fate(Fate::Replied)
    }

    /// Requests that left, and of which nobody knows whether they arrived.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.fate(Fate::Lost)
    }

    /// Requests that certainly did not arrive.
    #[must_use]
    pub fn not_sent(&self) -> u64 {
        self.fate(Fate::NotSent)
    }

    /// Connections that were ever opened.
    #[must_use]
    pub fn connects(&self) -> u64 {
        self.0.connects.load(Ordering::Relaxed)
    }

    /// User channels that were lost.
    #[must_use]
    pub fn channel_losses(&self) -> u64 {
        self.0.channel_losses.load(Ordering::Relaxed)
    }

    /// Messages of user channels.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.0.messages.load(Ordering::Relaxed)
    }

    fn fate(&self, fate: Fate) -> u64 {
        let [replied, lost, not_sent] = &self.0.fates;
        let count = match fate {
            Fate::Replied => replied,
            Fate::Lost => lost,
            Fate::NotSent => not_sent,
        };
        count.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, fate: Fate) {
        let [replied, lost, not_sent] = &self.0.fates;
        let count = match fate {
            Fate::Replied => replied,
            Fate::Lost => lost,
            Fate::NotSent => not_sent,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connected(&self) {
        self.0.connects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn channel_lost(&self) {
        self.0.channel_losses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn message(&self) {
        self.0.messages.fetch_add(1, Ordering::Relaxed);
    }
}
