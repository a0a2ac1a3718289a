//! When a question is decided, as far as its title says.
//!
//! "Before 2027", "before Jan 2027", "by the end of 2026" and "in 2026" end on the same last day. A
//! year or a day that is not said stays unknown; it is never made up.

/// The last day that counts; the year may be unsaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Last {
    pub(super) year: Option<i32>,
    pub(super) month: u8,
    pub(super) day: u8,
    /// The day or the month itself is meant, not everything up to it.
    pub(super) is_on: bool,
}

/// What a title says about time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    /// Years that are named.
    pub(super) years: Vec<i32>,
    /// Last days.
    pub(super) lasts: Vec<Last>,
}

/// How two titles agree about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// They say the same, or neither says anything.
    Agree,
    /// One names a year, the other none.
    YearUnsaid,
    /// Only the first has a last day, and the second does not close then.
    FirstOnly,
    /// Only the second has one.
    SecondOnly,
    /// The first ends earlier.
    FirstEarlier,
    /// The second ends earlier.
    SecondEarlier,
    /// Different times.
    Differ,
}

/// The last day of a month.
pub(super) const fn month_end(year: Option<i32>, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => match year {
            Some(year) if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
            _ => 28,
        },
        _ => 31,
    }
}

impl Last {
    /// Everything up to and including a day.
    pub(super) const fn by(year: Option<i32>, month: u8, day: u8) -> Self {
        Self { year, month, day, is_on: false }
    }

    /// Everything before a day.
    pub(super) fn before(year: Option<i32>, month: u8, day: u8) -> Self {
        if day > 1 {
            return Self::by(year, month, day - 1);
        }
        if month > 1 {
            return Self::by(year, month - 1, month_end(year, month - 1));
        }
        Self::by(year.map(|year| year - 1), 12, 31)
    }

    fn same_day(self, other: Self) -> bool {
        // The end of February needs no year.
        let days = self.day == other.day || (self.month == 2 && self.day.min(other.day) >= 28);
        self.month == other.month && days
    }

    fn same_year(self, other: Self) -> bool {
        self.year.is_none() || other.year.is_none() || self.year == other.year
    }

    /// Whether a close falls on this day, give or take the time zone and a slow desk.
    fn is_near(self, close: (i32, u8, u8)) -> bool {
        let year = self.year.unwrap_or(close.0);
        let day = |year: i32, month: u8, day: u8| {
            i64::from(year) * 372 + i64::from(month) * 31 + i64::from(day)
        };
        day(year, self.month, self.day).abs_diff(day(close.0, close.1, close.2)) <= 3
    }

    /// Earlier, where both are deadlines of comparable years.
    fn is_before(self, other: Self) -> Option<bool> {
        if self.is_on || other.is_on || self.year.is_some() != other.year.is_some() {
            return None;
        }
        Some((self.year, self.month, self.day) < (other.year, other.month, other.day))
    }
}

/// A day on which a market closes.
pub(super) type Close = Option<(i32, u8, u8)>;

impl When {
    /// The years that are said in any way.
    fn all_years(&self) -> impl Iterator<Item = i32> + '_ {
        self.years.iter().copied().chain(self.lasts.iter().filter_map(|last| last.year))
    }

    /// How two times agree. A last day that only one names is the same where the other closes then.
    pub(super) fn fit(&self, close: Close, other: &Self, other_close: Close) -> Fit {
        match (self.lasts.as_slice(), other.lasts.as_slice()) {
            ([], []) => self.fit_years(other),
            ([..], []) if !self.lasts.is_empty() => one_sided(self, other, other_close, true),
            ([], [..]) => one_sided(other, self, close, false),
            _ => self.fit_lasts(other),
        }
    }

    fn fit_years(&self, other: &Self) -> Fit {
        if self.years.is_empty() && other.years.is_empty() {
            Fit::Agree
        } else if self.years.is_empty() || other.years.is_empty() {
            Fit::YearUnsaid
        } else if self.years.iter().any(|year| other.years.contains(year)) {
            Fit::Agree
        } else {
            Fit::Differ
        }
    }

    fn fit_lasts(&self, other: &Self) -> Fit {
        let pairs = || self.lasts.iter().flat_map(|a| other.lasts.iter().map(move |b| (*a, *b)));
        if let Some((a, b)) = pairs().find(|(a, b)| a.same_day(*b) && a.same_year(*b)) {
            return match (a.year, b.year) {
                (Some(_), None) if other.all_years().next().is_none() => Fit::YearUnsaid,
                (None, Some(_)) if self.all_years().next().is_none() => Fit::YearUnsaid,
                _ => Fit::Agree,
            };
        }
        match pairs().next().and_then(|(a, b)| Some((a.is_before(b)?, b.is_before(a)?))) {
            Some((true, _)) => Fit::FirstEarlier,
            Some((_, true)) => Fit::SecondEarlier,
            _ => Fit::Differ,
        }
    }
}

/// Only `with` names a last day.
fn one_sided(with: &When, without: &When, close: Close, is_first: bool) -> Fit {
    let Some(last) = with.lasts.first().copied() else { return Fit::Agree };
    let year_differs =
        |year: &i32| last.year.is_some_and(|own| own != *year) && !with.years.contains(year);
    if without.years.iter().any(year_differs) {
        return Fit::Differ;
    }
    // The end of a year is what the bare year says.
    let says_year = last.month == 12 && last.day == 31 && !without.years.is_empty();
    let closes_then = close.is_some_and(|close| last.is_near(close));
    if says_year || (closes_then && !last.is_on) {
        return Fit::Agree;
    }
    match (last.is_on, is_first) {
        (true, _) => Fit::Differ,
        (false, true) => Fit::FirstOnly,
        (false, false) => Fit::SecondOnly,
    }
}
