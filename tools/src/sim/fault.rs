//! A venue's bad days: what happens to frames between the matching engine and the client.

use std::collections::VecDeque;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;

use super::rng::Rng;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A data frame is lost; its sequence number is used up.
    Drop,
    /// A data frame comes twice.
    Duplicate,
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

/// Faults by chance, in parts of a million per data frame, and by script.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// Chance of [`FaultKind::Drop`].
    pub drop_ppm: u32,
    /// Chance of [`FaultKind::Duplicate`].
    pub duplicate_ppm: u32,
    /// Chance of [`FaultKind::Delay`].
    pub delay_ppm: u32,
    /// How long a delay is.
    pub delay: Nanos,
    /// Chance of [`FaultKind::SkipSequence`].
    pub skip_ppm: u32,
    /// Chance of [`FaultKind::Disconnect`].
    pub disconnect_ppm: u32,
    /// Chance of [`FaultKind::Freeze`].
    pub freeze_ppm: u32,
    /// How long a freeze is.
    pub freeze: Nanos,
    /// Faults at fixed moments.
    pub script: Vec<ScriptedFault>,
}

/// How often each fault struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Frames lost, those of a freeze not counted.
    pub drops: u64,
    /// Frames sent twice.
    pub duplicates: u64,
    /// Frames delayed.
    pub delays: u64,
    /// Sequence numbers skipped.
    pub skips: u64,
    /// Connections closed.
    pub disconnects: u64,
    /// Freezes begun.
    pub freezes: u64,
}

/// The faults of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    script: VecDeque<(Nanos, FaultKind)>,
    rng: Rng,
    frozen_until: Nanos,
    /// How often each fault struck here.
    pub(crate) counts: FaultCounts,
}

impl Faults {
    /// The faults of connection `number` to `venue`, opened at `now`.
    pub(crate) fn new(
        plan: &FaultPlan,
        venue: VenueKind,
        number: u64,
        seed: u64,
        now: Nanos,
    ) -> Self {
        let of_venue = plan.script.iter().filter(|fault| fault.venue == venue && fault.at >= now);
        let mut script: Vec<(Nanos, FaultKind)> =
            of_venue.map(|fault| (fault.at, fault.kind)).collect();
        script.sort_by_key(|(at, _)| *at);
        let purpose = 0x6661_756c_7400 + number;
        Self {
            plan: plan.clone(),
            script: script.into(),
            rng: Rng::new(seed, purpose),
            frozen_until: Nanos::ZERO,
            counts: FaultCounts::default(),
        }
    }

    /// What happens to the next data frame.
    pub(crate) fn strike(&mut self, now: Nanos) -> Option<FaultKind> {
        if now < self.frozen_until {
            return Some(FaultKind::Freeze(Nanos::ZERO));
        }
        let fault = self.draw(now)?;
        match fault {
            FaultKind::Drop => self.counts.drops += 1,
            FaultKind::Duplicate => self.counts.duplicates += 1,
            FaultKind::Delay(_) => self.counts.delays += 1,
            FaultKind::SkipSequence => self.counts.skips += 1,
            FaultKind::Disconnect => self.counts.disconnects += 1,
            FaultKind::Freeze(span) => {
                self.counts.freezes += 1;
                self.frozen_until = now.plus(span);
            }
        }
        Some(fault)
    }

    fn draw(&mut self, now: Nanos) -> Option<FaultKind> {
        if self.script.front().is_some_and(|(at, _)| *at <= now) {
            return self.script.pop_front().map(|(_, kind)| kind);
        }
        let plan = &self.plan;
        let chances = [
            (plan.drop_ppm, FaultKind::Drop),
            (plan.duplicate_ppm, FaultKind::Duplicate),
            (plan.delay_ppm, FaultKind::Delay(plan.delay)),
            (plan.skip_ppm, FaultKind::SkipSequence),
            (plan.disconnect_ppm, FaultKind::Disconnect),
            (plan.freeze_ppm, FaultKind::Freeze(plan.freeze)),
        ];
        let mut ticket = self.rng.below(1_000_000);
        for (ppm, kind) in chances {
            match ticket.checked_sub(u64::from(ppm)) {
                Some(rest) => ticket = rest,
                None => return Some(kind),
            }
        }
        None
    }
}
