//! Numbers and times as recordings write them, to exact integers; binary floats never appear.

use dutchbook_book::{Nanos, Price, Qty};
use serde_json::value::RawValue;

/// The text of a JSON number or string, without quotes; `None` for `null` and everything else.
#[must_use]
pub fn scalar(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => text.strip_prefix('"')?.strip_suffix('"'),
        b'-' | b'.' | b'0'..=b'9' => Some(text),
        _ => None,
    }
}

/// `text` × 10^`shift` as an integer, or `None` where it is negative, not a decimal number, or has
/// a digit below one after the shift.
#[must_use]
pub fn shifted(text: &str, shift: i32) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let mut value = 0_u64;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.is_ascii_digit().then_some(byte.wrapping_sub(b'0'))?;
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    let places = i32::try_from(fraction.len()).ok()?;
    let power = shift.checked_add(exponent)?.checked_sub(places)?;
    if value == 0 {
        return Some(0);
    }
    let scale = 10_u64.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        value.checked_mul(scale)
    } else if value.is_multiple_of(scale) {
        value.checked_div(scale)
    } else {
        None
    }
}

/// A price in dollars, up to one.
#[must_use]
pub fn price_dollars(text: &str) -> Option<Price> {
    Price::from_micro(u32::try_from(shifted(text, 6)?).ok()?)
}

/// A price in cents, possibly fractional, up to a hundred.
#[must_use]
pub fn price_cents(text: &str) -> Option<Price> {
    Price::from_micro(u32::try_from(shifted(text, 4)?).ok()?)
}

/// A number of contracts.
#[must_use]
pub fn qty(text: &str) -> Option<Qty> {
    Qty::from_micro(shifted(text, 6)?)
}

/// Milliseconds since the epoch.
#[must_use]
pub fn millis(text: &str) -> Option<Nanos> {
    shifted(text, 6).map(Nanos)
}

/// A moment like `2026-07-13T00:23:53.576703+00:00`; the zone is `Z` or an offset.
#[must_use]
pub fn moment(text: &str) -> Option<Nanos> {
    let (date, rest) = text.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (1970..2500).contains(&year);
    if !is_valid {
        return None;
    }
    let minutes = (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute;
    let seconds = minutes.checked_sub(zone_minutes(zone)?)?.checked_mul(60)?.checked_add(second)?;
    let nanos = shifted(&format!("0.{}", fraction.get(..fraction.len().min(9))?), 9)?;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos).map(Nanos)
}

/// Minutes that a zone is ahead of universal time.
fn zone_minutes(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'Z' => return Some(0),
        b'-' => -1,
        _ => 1,
    };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i64>().ok()? };
    Some(sign * (hours.parse::<i64>().ok()? * 60 + minutes))
}

/// Days of the Gregorian calendar since 1970-01-01: years begin in March, so that the leap day is
/// the last of its year and months have a regular length.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719 468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(price_cents("5.5").unwrap().to_string(), "0.055");
        assert_eq!(price_dollars("0.62").unwrap().micro(), 620_000);
        assert_eq!(price_dollars(".48").unwrap().micro(), 480_000);
        assert_eq!(price_dollars("1e-05").unwrap().micro(), 10);
        assert_eq!(price_dollars("1.0").unwrap(), Price::ONE);
        assert_eq!(qty("1500.0").unwrap().to_string(), "1500");
        assert_eq!(qty("219.217767").unwrap().micro(), 219_217_767);
        for bad in ["", ".", "-1", "abc", "1.0000001", "0.30000000000000004", "1.1", "99999999999"]
        {
            assert_eq!(price_dollars(bad), None, "{bad}");
        }
        assert_eq!(qty("1e400"), None);
    }

    #[test]
    fn moments_have_zones_and_fractions() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Some(Nanos(0)));
        let july = Nanos(1_783_902_233_576_703_000);
        assert_eq!(moment("2026-07-13T00:23:53.576703+00:00"), Some(july));
        assert_eq!(moment("2026-07-13T02:23:53.576703+02:00"), Some(july));
        assert_eq!(moment("2024-02-29T23:59:59.5Z"), Some(Nanos(1_709_251_199_500_000_000)));
        for bad in ["", "2026", "2026-13-01T00:00:00Z", "2026-07-13T00:23Z", "x-y-zTa:b:cZ"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}
