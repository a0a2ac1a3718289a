//! Which schedule holds when. A rate that is unknown, not yet valid or not confirmed for too long
//! is refused: the gate closes, it never guesses.

use super::FeeSchedule;
use crate::time::Nanos;

/// Why there is no schedule to trade on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeRefusal {
    /// The table has no entry at all, or the entry that holds says "unknown".
    Unknown,
    /// The first entry begins later.
    NotYetValid,
    /// The entry holds, but the venue has not confirmed it within the limit.
    NotFresh,
}

impl core::fmt::Display for FeeRefusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the fee rate is unknown",
            Self::NotYetValid => "no fee rate is valid yet",
            Self::NotFresh => "the fee rate has not been confirmed within the limit",
        })
    }
}

impl core::error::Error for FeeRefusal {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    valid_from: Nanos,
    schedule: Option<FeeSchedule>,
}

/// Dated schedules of one market, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeTable {
    entries: Vec<Entry>,
    confirmed_at: Nanos,
}

impl FeeTable {
    /// A table that refuses until it learns a schedule.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { entries: Vec::new(), confirmed_at: Nanos::ZERO }
    }

    /// A table with one schedule that has always held.
    #[must_use]
    pub fn always(schedule: FeeSchedule) -> Self {
        let mut table = Self::unknown();
        table.set(Nanos::ZERO, Some(schedule));
        table
    }

    /// Enters what holds from `valid_from` on; `None` is a change whose terms we cannot read. An
    /// entry of the same moment is replaced.
    pub fn set(&mut self, valid_from: Nanos, schedule: Option<FeeSchedule>) {
        let entry = Entry { valid_from, schedule };
        match self.entries.binary_search_by_key(&valid_from, |known| known.valid_from) {
            Ok(at) => {
                if let Some(slot) = self.entries.get_mut(at) {
                    *slot = entry;
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }

    /// Notes that the venue's own market object agreed with this table at `now`.
    pub fn confirm(&mut self, now: Nanos) {
        self.confirmed_at = self.confirmed_at.max(now);
    }

    /// The schedule that holds at `now`.
    ///
    /// # Errors
    /// When none is known or valid at that moment.
    pub fn at(&self, now: Nanos) -> Result<FeeSchedule, FeeRefusal> {
        if self.entries.is_empty() {
            return Err(FeeRefusal::Unknown);
        }
        let held = self.entries.iter().rev().find(|entry| entry.valid_from <= now);
        held.ok_or(FeeRefusal::NotYetValid)?.schedule.ok_or(FeeRefusal::Unknown)
    }

    /// As [`FeeTable::at`], and the venue must have confirmed the table within `age_max`.
    ///
    /// # Errors
    /// As for [`FeeTable::at`], or when the confirmation is older.
    pub fn fresh_at(&self, now: Nanos, age_max: Nanos) -> Result<FeeSchedule, FeeRefusal> {
        let schedule = self.at(now)?;
        if now.since(self.confirmed_at) > age_max {
            Err(FeeRefusal::NotFresh)
        } else {
            Ok(schedule)
        }
    }
}
