//! What venues say over REST about what they list: reply bodies in, typed records out.
//!
//! A page of many markets is read market by market: one that cannot be read is named and counted,
//! the others are taken. A page that is no page is refused as a whole. Nothing is guessed: a field
//! that trading needs and that is absent stays `None`, and whoever builds the catalog refuses the
//! market by that name.

pub mod book;
pub mod kalshi;
pub mod polymarket;

use dutchbook_book::{Nanos, Price, Qty, Rate};

use crate::error::{DecodeError, DecodeErrorKind};
use crate::general::Json;
use crate::general::decimal::scaled;
use crate::number::Dialect;

/// A market that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The venue's id of it, as far as it could be read.
    pub native: String,
    /// Why.
    pub reason: DecodeErrorKind,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What could be read, in the order of the page.
    pub items: Vec<T>,
    /// What could not.
    pub refused: Vec<Refused>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

/// Longest id, name or link that is kept of a reply; no real one comes near.
const NAME_BYTES_MAX: usize = 512;
/// Longest text of rules that is kept.
const RULES_BYTES_MAX: usize = 64 * 1024;

/// Parses a body and reads it; JSON of any depth is walked without recursion.
pub(crate) fn read<T>(
    body: &[u8],
    reader: impl FnOnce(Json<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut bytes = body.to_vec();
    let base = bytes.as_ptr().addr();
    match simd_json::to_tape(&mut bytes) {
        Ok(tape) => reader(Json::root(&tape.0, base)),
        Err(error) => {
            let offset = u32::try_from(error.index()).unwrap_or(u32::MAX);
            Err(DecodeError::new(DecodeErrorKind::NotJson, offset))
        }
    }
}

/// Reads every element of a list; what cannot be read is named by `key`.
pub(crate) fn each<T>(
    list: Json<'_>,
    key: &str,
    mut reader: impl FnMut(Json<'_>) -> Result<T, DecodeError>,
) -> Result<Page<T>, DecodeError> {
    let elements = list.elements().ok_or_else(|| list.error(DecodeErrorKind::NotAMessage))?;
    let mut page = Page { items: Vec::new(), refused: Vec::new(), next: None };
    for element in elements {
        match reader(element) {
            Ok(item) => page.items.push(item),
            Err(error) => {
                let native = name(element, key).unwrap_or_default();
                page.refused.push(Refused { native, reason: error.kind });
            }
        }
    }
    Ok(page)
}

/// A short text; absent where it is empty, another type, or longer than any real one.
pub(crate) fn name(object: Json<'_>, key: &str) -> Option<String> {
    bounded(object, key, NAME_BYTES_MAX)
}

/// A long text.
fn rules(object: Json<'_>, key: &str) -> Option<String> {
    bounded(object, key, RULES_BYTES_MAX)
}

fn bounded(object: Json<'_>, key: &str, bytes_max: usize) -> Option<String> {
    let text = object.get(key)?.text()?;
    (!text.is_empty() && text.len() <= bytes_max).then(|| text.to_owned())
}

/// A short text that the record cannot do without.
pub(crate) fn needed_name(object: Json<'_>, key: &str) -> Result<String, DecodeError> {
    name(object, key).ok_or_else(|| object.error(DecodeErrorKind::MissingField))
}

fn flag(object: Json<'_>, key: &str) -> Option<bool> {
    object.get(key).and_then(Json::boolean)
}

pub(crate) fn present<'a>(object: Json<'a>, key: &str) -> Option<Json<'a>> {
    object.get(key).filter(|value| !value.is_absent())
}

/// A price that may be absent and must be one where it is there.
fn price(object: Json<'_>, key: &str) -> Result<Option<Price>, DecodeError> {
    present(object, key).map(|value| value.price(Dialect::POLYMARKET)).transpose()
}

/// A quantity that may be absent and must be one where it is there.
fn qty(object: Json<'_>, key: &str) -> Result<Option<Qty>, DecodeError> {
    present(object, key).map(|value| value.qty(Dialect::POLYMARKET)).transpose()
}

/// A whole number that may be absent and must be one where it is there.
fn whole(object: Json<'_>, key: &str) -> Result<Option<u64>, DecodeError> {
    present(object, key).map(Json::whole).transpose()
}

/// A rate of at most nine decimals that may be absent and must be one where it is there.
fn rate(object: Json<'_>, key: &str) -> Result<Option<Rate>, DecodeError> {
    let read = |value: Json<'_>| {
        let nano = value.decimal(|text| u32::try_from(scaled(text, 9)?).ok());
        nano.map(Rate::from_nano).ok_or_else(|| value.error(DecodeErrorKind::BadQty))
    };
    present(object, key).map(read).transpose()
}

/// A moment in RFC 3339 that may be absent and must be one where it is there.
fn moment(object: Json<'_>, key: &str) -> Result<Option<Nanos>, DecodeError> {
    let read = |value: Json<'_>| {
        let text = value.text().ok_or_else(|| value.error(DecodeErrorKind::BadInteger))?;
        rfc3339(text).ok_or_else(|| value.error(DecodeErrorKind::BadInteger))
    };
    present(object, key).map(read).transpose()
}

/// Nanoseconds since the epoch of a moment in RFC 3339: `2026-06-11T05:39:31.28563Z`, an offset
/// instead of `Z`, a blank instead of `T`, or a date alone. Before 1970 there is nothing to trade.
#[must_use]
pub fn rfc3339(text: &str) -> Option<Nanos> {
    let (date, time) = match text.split_at_checked(10)? {
        (date, "") => (date, "00:00:00Z"),
        (date, rest) => (date, rest.strip_prefix(['T', 't', ' '])?),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, rest) = time.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, zone) = fraction(rest)?;
    let offset = match zone {
        "Z" | "z" | "" => 0,
        zone => offset_secs(zone)?,
    };
    let days = days_since_epoch(year, month, day);
    let secs = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    let secs = u64::try_from(secs).ok()?;
    Some(Nanos(secs.checked_mul(1_000_000_000)?.checked_add(nanos)?))
}

fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().filter(|part| part.len() == length)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

/// The nanoseconds of `.28563Z`, and what follows them.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, zone) = rest.split_at_checked(end)?;
    let mut nanos = 0;
    for at in 0..9 {
        let digit = digits.as_bytes().get(at).map_or(0, |digit| u64::from(digit - b'0'));
        nanos = nanos * 10 + digit;
    }
    (!digits.is_empty()).then_some((nanos, zone))
}

/// Seconds of `+05:30` or `+00`.
fn offset_secs(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|letter| *letter != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    match digits.len() {
        2 => Some(sign * number * 3_600),
        4 => Some(sign * (number / 100 * 3_600 + number % 100 * 60)),
        _ => None,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form_that_venues_send() {
        for (text, secs, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2026-06-25T16:00:00Z", 1_782_403_200, 0),
            ("2026-06-11T05:39:31.28563Z", 1_781_156_371, 285_630_000),
            ("2026-07-31 12:00:00+00", 1_785_499_200, 0),
            ("2026-07-31T12:00:00-04:00", 1_785_513_600, 0),
            ("2024-02-29", 1_709_164_800, 0),
            ("2500-12-31T00:00:00.123456789999Z", 16_756_675_200, 123_456_789),
        ] {
            let expected = Nanos(secs * 1_000_000_000 + nanos);
            assert_eq!(rfc3339(text), Some(expected), "{text}");
        }
        for text in
            ["", "2026", "2026-13-01", "2026-06-25T16:00", "2026-06-25T25:00:00Z", "1969-12-31"]
        {
            assert_eq!(rfc3339(text), None, "{text}");
        }
        assert_eq!(rfc3339("2026-06-25T16:00:00.Z"), None);
        assert_eq!(rfc3339("2026-06-25T16:00:00+x"), None);
        assert_eq!(rfc3339("2026-06-2éT16:00:00Z"), None);
    }
}
