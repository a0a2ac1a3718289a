//! A venue's bad days: everything that can go wrong between it and its clients, and how often.
//!
//! Frames suffer in `frames`, replies of REST in `rest`; what happens inside the venue (delayed
//! takers, failed settlements, repeated reports) the venue does itself, as the plan tells it. One
//! seed gives the same bad day on every run.

pub(super) mod frames;
pub(super) mod rest;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use serde::{Deserialize, Serialize};

pub(super) use frames::Faults;
pub(super) use rest::{Trouble, skewed};

/// One thing that goes wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A data frame is lost; its sequence number is used up.
    Drop,
    /// A data frame comes twice.
    Duplicate,
    /// A data frame comes behind its successor.
    Reorder,
    /// A data frame, and all behind it, comes later.
    Delay(Nanos),
    /// A sequence number is skipped although nothing is lost (venues that count).
    SkipSequence,
    /// The connection closes.
    Disconnect,
    /// No data for a while, with the connection open and pings answered. What happens meanwhile
    /// is lost.
    Freeze(Nanos),
}

/// A fault at a moment: it strikes the next data frame of every connection of that venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedFault {
    /// From when on.
    pub at: Nanos,
    /// Where.
    pub venue: VenueKind,
    /// What.
    pub kind: FaultKind,
}

/// Faults by chance, in parts of a million per data frame, request or trade, and by script.
///
/// Its JSON, with every key optional, is what the control endpoint takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Chance of [`FaultKind::Drop`].
    pub drop_ppm: u32,
    /// Chance of [`FaultKind::Duplicate`].
    pub duplicate_ppm: u32,
    /// Chance of [`FaultKind::Reorder`].
    pub reorder_ppm: u32,
    /// Chance of [`FaultKind::Delay`].
    pub delay_ppm: u32,
    /// How long a delay is.
    pub delay_ms: u64,
    /// Chance of [`FaultKind::SkipSequence`].
    pub skip_ppm: u32,
    /// Chance of [`FaultKind::Disconnect`].
    pub disconnect_ppm: u32,
    /// Chance of [`FaultKind::Freeze`].
    pub freeze_ppm: u32,
    /// How long a freeze is.
    pub freeze_ms: u64,
    /// Chance that a reply of REST is held back.
    pub slow_ppm: u32,
    /// For how long.
    pub slow_ms: u64,
    /// Chance that a GET is answered as it was the last time.
    pub stale_ppm: u32,
    /// Chance that a batch is carried out whole and answered for its first half only.
    pub half_batch_ppm: u32,
    /// Whether requests are counted against the venue's buckets.
    pub rate_limits: bool,
    /// How long Polymarket holds marketable orders before they match; zero is not at all.
    pub taker_delay_ms: u64,
    /// Chance that a trade of Polymarket fails to settle.
    pub failed_settlement_ppm: u32,
    /// Chance that a fill is reported twice on a private stream.
    pub duplicate_fill_ppm: u32,
    /// By how much the venue's clock is fast; negative when it is slow.
    pub clock_skew_ms: i64,
    /// Faults at fixed moments.
    #[serde(skip)]
    pub script: Vec<ScriptedFault>,
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self {
            drop_ppm: 0,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            delay_ppm: 0,
            delay_ms: 50,
            skip_ppm: 0,
            disconnect_ppm: 0,
            freeze_ppm: 0,
            freeze_ms: 2_000,
            slow_ppm: 0,
            slow_ms: 2_000,
            stale_ppm: 0,
            half_batch_ppm: 0,
            rate_limits: false,
            taker_delay_ms: 0,
            failed_settlement_ppm: 0,
            duplicate_fill_ppm: 0,
            clock_skew_ms: 0,
            script: Vec::new(),
        }
    }
}

impl FaultPlan {
    /// A fault of each kind that a stream has in every eight seconds until `end`, on both venues.
    ///
    /// The moments are drawn from the seed within fixed parts of each window, so that a freeze is
    /// over before the connection breaks, and the other faults meet an open one.
    #[must_use]
    pub fn chaos(seed: u64, start: Nanos, end: Nanos) -> Self {
        let mut script = Vec::new();
        for (purpose, venue) in [(1, VenueKind::Polymarket), (2, VenueKind::Kalshi)] {
            let mut rng = super::rng::Rng::new(seed, 0x0063_6861_6f73 + purpose);
            let mut window = start;
            while window < end {
                script.extend(CHAOS.map(|(from_ms, kind)| {
                    let at = window.plus(Nanos::from_millis(from_ms + rng.below(300)));
                    ScriptedFault { at, venue, kind }
                }));
                window = window.plus(CHAOS_WINDOW);
            }
        }
        script.retain(|fault| fault.at < end);
        Self { script, ..Self::default() }
    }

    /// The same, with trouble for whoever trades: trades that fail to settle, fills told twice,
    /// batches answered by half, and replies that are late by as much as a run of seconds can bear: at
    /// its start it waits for the pages of the lists, one behind the other.
    #[must_use]
    pub fn for_traders(self) -> Self {
        Self {
            failed_settlement_ppm: 50_000,
            duplicate_fill_ppm: 100_000,
            half_batch_ppm: 100_000,
            slow_ppm: 50_000,
            slow_ms: 300,
            ..self
        }
    }
}

/// How long a window of [`FaultPlan::chaos`] is.
pub const CHAOS_WINDOW: Nanos = Nanos::from_secs(8);

/// What happens in a window, and from when on.
const CHAOS: [(u64, FaultKind); 7] = [
    (300, FaultKind::Drop),
    (900, FaultKind::Duplicate),
    (1_500, FaultKind::SkipSequence),
    (2_000, FaultKind::Freeze(Nanos::from_millis(1_500))),
    (4_300, FaultKind::Reorder),
    (4_900, FaultKind::Delay(Nanos::from_millis(150))),
    (5_600, FaultKind::Disconnect),
];

/// How often each fault struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Frames lost, those of a freeze not counted.
    pub drops: u64,
    /// Frames sent twice.
    pub duplicates: u64,
    /// Frames sent behind their successors.
    pub reorders: u64,
    /// Frames delayed.
    pub delays: u64,
    /// Sequence numbers skipped.
    pub skips: u64,
    /// Connections closed.
    pub disconnects: u64,
    /// Freezes begun.
    pub freezes: u64,
    /// Replies held back.
    pub slow_replies: u64,
    /// Replies of an earlier time.
    pub stale_replies: u64,
    /// Batches of which half was answered.
    pub half_batches: u64,
    /// Requests refused during a restart and after it.
    pub restart_refusals: u64,
    /// WebSockets refused during a restart.
    pub socket_refusals: u64,
    /// Requests refused as too many.
    pub rate_limited: u64,
    /// Fills and trades reported twice.
    pub duplicate_fills: u64,
    /// Orders of takers that were held.
    pub delayed_takers: u64,
    /// Trades that were matched and will not settle.
    pub failed_settlements: u64,
    /// Replies of a venue whose clock is wrong.
    pub skewed_replies: u64,
}

impl FaultCounts {
    /// Every kind by its name, with its count.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 17] {
        [
            ("dropped_frames", self.drops),
            ("duplicated_frames", self.duplicates),
            ("reordered_frames", self.reorders),
            ("delayed_frames", self.delays),
            ("skipped_sequence_numbers", self.skips),
            ("disconnects", self.disconnects),
            ("silent_freezes", self.freezes),
            ("slow_replies", self.slow_replies),
            ("stale_replies", self.stale_replies),
            ("half_answered_batches", self.half_batches),
            ("restart_refusals", self.restart_refusals),
            ("refused_sockets", self.socket_refusals),
            ("rate_limited_requests", self.rate_limited),
            ("duplicate_fills", self.duplicate_fills),
            ("delayed_takers", self.delayed_takers),
            ("failed_settlements", self.failed_settlements),
            ("skewed_replies", self.skewed_replies),
        ]
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            drops: self.drops + other.drops,
            duplicates: self.duplicates + other.duplicates,
            reorders: self.reorders + other.reorders,
            delays: self.delays + other.delays,
            skips: self.skips + other.skips,
            disconnects: self.disconnects + other.disconnects,
            freezes: self.freezes + other.freezes,
            slow_replies: self.slow_replies + other.slow_replies,
            stale_replies: self.stale_replies + other.stale_replies,
            half_batches: self.half_batches + other.half_batches,
            restart_refusals: self.restart_refusals + other.restart_refusals,
            socket_refusals: self.socket_refusals + other.socket_refusals,
            rate_limited: self.rate_limited + other.rate_limited,
            duplicate_fills: self.duplicate_fills + other.duplicate_fills,
            delayed_takers: self.delayed_takers + other.delayed_takers,
            failed_settlements: self.failed_settlements + other.failed_settlements,
            skewed_replies: self.skewed_replies + other.skewed_replies,
        }
    }
}
