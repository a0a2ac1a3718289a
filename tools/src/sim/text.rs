//! How the venues print numbers and times.

use dutchbook_book::{Nanos, Price, Qty, QtyChange};

/// Appends text to a frame; writing to a `String` cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        // `fmt::Write` for `String` never returns an error.
        let out: &mut String = &mut $out;
        let _written: Result<(), core::fmt::Error> =
            core::fmt::Write::write_fmt(out, format_args!($($arg)*));
    }};
}
pub(crate) use put;

/// Kalshi's price: four decimals, always.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dollars4(pub(crate) Price);

impl core::fmt::Display for Dollars4 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let pips = self.0.micro() / 100;
        write!(f, "{}.{:04}", pips / 10_000, pips % 10_000)
    }
}

/// Kalshi's quantity: two decimals, always.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count2(pub(crate) Qty);

impl core::fmt::Display for Count2 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let centi = self.0.micro() / 10_000;
        write!(f, "{}.{:02}", centi / 100, centi % 100)
    }
}

/// Kalshi's change of a quantity: two decimals and a sign when negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change2(pub(crate) QtyChange);

impl core::fmt::Display for Change2 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sign = if self.0.micro() < 0 { "-" } else { "" };
        let centi = self.0.micro().unsigned_abs() / 10_000;
        write!(f, "{sign}{}.{:02}", centi / 100, centi % 100)
    }
}

/// RFC 3339 in UTC with microseconds, their trailing zeros trimmed as Kalshi does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rfc3339(pub(crate) Nanos);

impl core::fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let secs = self.0.0 / 1_000_000_000;
        let micros = self.0.0 / 1_000 % 1_000_000;
        let (year, month, day) = civil(secs / 86_400);
        let (hour, minute, second) = (secs / 3_600 % 24, secs / 60 % 60, secs % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if micros != 0 {
            let digits = format!("{micros:06}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Year, month and day of a day number since 1970-01-01 (proleptic Gregorian calendar).
fn civil(days: u64) -> (u64, u64, u64) {
    // Days are counted from 0000-03-01, so that the leap day ends a year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// `digits` hexadecimal digits drawn from a mixed seed.
pub(crate) fn hex(out: &mut String, mut seed: u64, digits: usize) {
    let mut left = digits;
    while left > 0 {
        seed = super::rng::mix(seed);
        let word = format!("{seed:016x}");
        let take = left.min(16);
        out.push_str(word.get(..take).unwrap_or(&word));
        left -= take;
    }
}

/// A UUID-shaped id drawn from a seed.
pub(crate) fn uuid(seed: u64) -> String {
    let mut digits = String::with_capacity(32);
    hex(&mut digits, seed, 32);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("");
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kalshi_prints_fixed_decimals() {
        let price = Price::from_micro(70_500).unwrap();
        let qty = Qty::from_centi(2_389_107).unwrap();
        assert_eq!(Dollars4(price).to_string(), "0.0705");
        assert_eq!(Count2(qty).to_string(), "23891.07");
        assert_eq!(Change2(QtyChange::from_micro(-50_000)).to_string(), "-0.05");
        assert_eq!(Change2(QtyChange::from_micro(3_000_000)).to_string(), "3.00");
    }

    #[test]
    fn times_print_as_recorded() {
        let at = |ns| Rfc3339(Nanos(ns)).to_string();
        assert_eq!(at(1_781_159_489_957_081_000), "2026-06-11T06:31:29.957081Z");
        assert_eq!(at(1_781_159_502_550_980_000), "2026-06-11T06:31:42.55098Z");
        assert_eq!(at(951_782_400_000_000_000), "2000-02-29T00:00:00Z");
    }
}
