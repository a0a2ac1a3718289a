//! What goes wrong with the frames of one connection.

use std::collections::VecDeque;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;

use super::super::rng::Rng;
use super::{FaultCounts, FaultKind, FaultPlan};

/// The faults of one connection.
#[derive(Clone, Debug)]
pub(in super::super) struct Faults {
    plan: FaultPlan,
    script: VecDeque<(Nanos, FaultKind)>,
    rng: Rng,
    frozen_until: Nanos,
    /// How often each fault struck here.
    pub(in super::super) counts: FaultCounts,
}

impl Faults {
    /// The faults of connection `number` to `venue`, opened at `now`.
    pub(in super::super) fn new(
        plan: &FaultPlan,
        venue: VenueKind,
        number: u64,
        seed: u64,
        now: Nanos,
    ) -> Self {
        let mut faults = Self {
            plan: FaultPlan::default(),
            script: VecDeque::new(),
            rng: Rng::new(seed, 0x6661_756c_7400 + number),
            frozen_until: Nanos::ZERO,
            counts: FaultCounts::default(),
        };
        faults.replan(plan, venue, now);
        faults
    }

    /// Follows another plan from now on.
    pub(in super::super) fn replan(&mut self, plan: &FaultPlan, venue: VenueKind, now: Nanos) {
        let of_venue = plan.script.iter().filter(|fault| fault.venue == venue && fault.at >= now);
        let mut script: Vec<(Nanos, FaultKind)> =
            of_venue.map(|fault| (fault.at, fault.kind)).collect();
        script.sort_by_key(|(at, _)| *at);
        self.script = script.into();
        self.plan = FaultPlan { script: Vec::new(), ..plan.clone() };
    }

    /// Strikes the next data frame with this, before anything of the plan.
    pub(in super::super) fn strike_next(&mut self, kind: FaultKind) {
        self.script.push_front((Nanos::ZERO, kind));
    }

    /// What happens to the next data frame.
    pub(in super::super) fn strike(&mut self, now: Nanos) -> Option<FaultKind> {
        if now < self.frozen_until {
            return Some(FaultKind::Freeze(Nanos::ZERO));
        }
        let fault = self.draw(now)?;
        match fault {
            FaultKind::Drop => self.counts.drops += 1,
            FaultKind::Duplicate => self.counts.duplicates += 1,
            FaultKind::Reorder => self.counts.reorders += 1,
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
            (plan.reorder_ppm, FaultKind::Reorder),
            (plan.delay_ppm, FaultKind::Delay(Nanos::from_millis(plan.delay_ms))),
            (plan.skip_ppm, FaultKind::SkipSequence),
            (plan.disconnect_ppm, FaultKind::Disconnect),
            (plan.freeze_ppm, FaultKind::Freeze(Nanos::from_millis(plan.freeze_ms))),
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
