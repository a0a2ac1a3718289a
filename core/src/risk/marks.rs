//! Profit against the start of the day and against its highest: what is realised, and every open
//! position in its worst state. So what is lost counts when it can be lost, not when it is booked.

use dutchbook_book::{Exact, Nanos};

/// Nanoseconds of a day of 86 400 s; days begin at midnight UTC.
const NANOS_PER_DAY: u64 = 86_400_000_000_000;

/// What losses are measured from. A restart takes them from the journal: a process that is started
/// again has lost no less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfitMarks {
    day: u64,
    at_start: Exact,
    highest: Exact,
}

impl ProfitMarks {
    /// What the profit is at a moment. The first word of a day is what the day begins with.
    pub fn note(&mut self, worth: Exact, now: Nanos) {
        let day = now.0 / NANOS_PER_DAY;
        if day != self.day {
            (self.day, self.at_start) = (day, worth);
        }
        self.highest = self.highest.max(worth);
    }

    /// Raises what losses are measured from where positions are worth more than before for no profit;
    /// never lowers it.
    pub fn lift(&mut self, worth: Exact) {
        let by = worth.max(Exact::ZERO).pico();
        for mark in [&mut self.at_start, &mut self.highest] {
            *mark = Exact::from_pico(mark.pico().saturating_add(by));
        }
    }

    /// What was lost since the day began; negative where something was earned. `None` when it does
    /// not fit.
    #[must_use]
    pub fn loss_today(&self, worth: Exact) -> Option<Exact> {
        self.at_start.checked_sub(worth)
    }

    /// How far profit lies below its highest. `None` when it does not fit.
    #[must_use]
    pub fn drawdown(&self, worth: Exact) -> Option<Exact> {
        self.highest.checked_sub(worth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_with_what_was_there_before_it() {
        let dollars = |count: i128| Exact::from_pico(count * 1_000_000_000_000);
        let at = |day: u64, hour: u64| Nanos(NANOS_PER_DAY * day + hour * 3_600_000_000_000);
        let mut marks = ProfitMarks::default();
        for (worth, now) in [(0, at(9, 1)), (50, at(9, 2)), (20, at(9, 3))] {
            marks.note(dollars(worth), now);
        }
        assert_eq!(marks.loss_today(dollars(20)), Some(dollars(-20)));
        assert_eq!(marks.drawdown(dollars(20)), Some(dollars(30)));
        marks.note(dollars(20), at(10, 0));
        assert_eq!(marks.loss_today(dollars(-10)), Some(dollars(30)));
        assert_eq!(marks.drawdown(dollars(-10)), Some(dollars(60)));
    }
}
