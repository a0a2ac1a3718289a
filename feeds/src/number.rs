//! Decimal text to millionths, exact or refused: the reference that every faster form must equal.
//!
//! Venues send prices and sizes as quoted decimals. A number is refused, never rounded, when it has
//! non-zero digits beyond the scale of its kind; trailing zeros beyond it are harmless. Signs other
//! than one leading minus (where the dialect has one), exponents, blanks, a trailing dot, a second
//! dot and empty text are refused. Leading zeros do not matter.
//!
//! Kalshi: `vectors/kalshi/fixed_point.json`. Polymarket: prices may lack the leading zero
//! (`".48"`), an absent number is the empty text (market channel documents, 2026).

use dutchbook_book::{Cash, Price, Qty, QtyChange};

/// The largest magnitude that any number may have, in millionths: [`Qty::MAX`].
const MICRO_MAX: u64 = Qty::MAX.micro();

/// Digits of a millionth.
const MICRO_DECIMALS: usize = 6;

/// What a venue allows in a decimal of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Decimals that may be non-zero, at most six.
    pub decimals: u8,
    /// Whether the zero before the dot may be missing.
    pub bare_dot: bool,
    /// Whether one leading minus is allowed.
    pub minus: bool,
}

impl Dialect {
    /// A price or size of Polymarket: up to six decimals, `.48` allowed, never negative.
    pub const POLYMARKET: Self = Self { decimals: 6, bare_dot: true, minus: false };
    /// A price of Kalshi in dollars: four decimals.
    pub const KALSHI_PRICE: Self = Self { decimals: 4, bare_dot: false, minus: true };
    /// A count of contracts of Kalshi: two decimals.
    pub const KALSHI_COUNT: Self = Self { decimals: 2, bare_dot: false, minus: true };
    /// Money of Kalshi in dollars: six decimals.
    pub const KALSHI_MONEY: Self = Self { decimals: 6, bare_dot: false, minus: true };
}

/// Returns the number in millionths, or `None` when it is not one of this dialect or too large.
#[must_use]
pub fn micro(text: &[u8], dialect: Dialect) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) if dialect.minus => (true, rest),
        _ => (false, text),
    };
    let dot = digits.iter().position(|&byte| byte == b'.');
    let (whole, decimals) = match dot {
        Some(at) => (digits.get(..at)?, digits.get(at.checked_add(1)?..)?),
        None => (digits, &[][..]),
    };
    let is_whole_missing = whole.is_empty() && !(dialect.bare_dot && dot.is_some());
    if is_whole_missing || (dot.is_some() && decimals.is_empty()) {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in whole {
        value = value.checked_mul(10)?.checked_add(digit(byte)?)?;
    }
    let mut weight = 100_000_u64;
    value = value.checked_mul(1_000_000)?;
    for (index, &byte) in decimals.iter().enumerate() {
        let digit = digit(byte)?;
        if digit != 0 && index >= usize::from(dialect.decimals).min(MICRO_DECIMALS) {
            return None;
        }
        value = value.checked_add(digit.checked_mul(weight)?)?;
        weight = weight.checked_div(10)?;
    }
    if value > MICRO_MAX {
        return None;
    }
    let magnitude = i64::try_from(value).ok()?;
    if negative { magnitude.checked_neg() } else { Some(magnitude) }
}

fn digit(byte: u8) -> Option<u64> {
    if byte.is_ascii_digit() { byte.checked_sub(b'0').map(u64::from) } else { None }
}

/// A price, or `None` when it is not a number of the dialect, negative or above one.
#[must_use]
pub fn price(text: &[u8], dialect: Dialect) -> Option<Price> {
    Price::from_micro(u32::try_from(micro(text, dialect)?).ok()?)
}

/// A quantity, or `None` when it is not a number of the dialect or negative.
#[must_use]
pub fn qty(text: &[u8], dialect: Dialect) -> Option<Qty> {
    Qty::from_micro(u64::try_from(micro(text, dialect)?).ok()?)
}

/// A signed quantity, or `None` when it is not a number of the dialect.
#[must_use]
pub fn qty_change(text: &[u8], dialect: Dialect) -> Option<QtyChange> {
    micro(text, dialect).map(QtyChange::from_micro)
}

/// Money, or `None` when it is not a number of the dialect.
#[must_use]
pub fn cash(text: &[u8], dialect: Dialect) -> Option<Cash> {
    micro(text, dialect).map(Cash::from_micro)
}

/// An optional number: the empty text is `Some(None)`, a bad one is `None`.
#[must_use]
pub fn optional<T>(
    text: &[u8],
    dialect: Dialect,
    parse: impl Fn(&[u8], Dialect) -> Option<T>,
) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text, dialect).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polymarket_decimals() {
        let parse = |text: &str| micro(text.as_bytes(), Dialect::POLYMARKET);
        for (text, expected) in [
            (".48", Some(480_000)),
            ("0.5", Some(500_000)),
            ("1", Some(1_000_000)),
            ("0", Some(0)),
            ("219.217767", Some(219_217_767)),
            ("150.0000000", Some(150_000_000)),
            ("00.1", Some(100_000)),
            ("1000000000000", Some(1_000_000_000_000_000_000)),
            ("1000000000000.000001", None),
            ("", None),
            (".", None),
            ("5.", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            (" 1", None),
            ("0.0000001", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn kalshi_decimals() {
        assert_eq!(micro(b"-54.00", Dialect::KALSHI_COUNT), Some(-54_000_000));
        assert_eq!(micro(b"1.005", Dialect::KALSHI_COUNT), None);
        assert_eq!(micro(b"0.560000", Dialect::KALSHI_PRICE), Some(560_000));
        assert_eq!(micro(b"0.12345", Dialect::KALSHI_PRICE), None);
        assert_eq!(micro(b".5", Dialect::KALSHI_PRICE), None);
        assert_eq!(micro(b"-", Dialect::KALSHI_COUNT), None);
        assert_eq!(price(b"1.0001", Dialect::KALSHI_PRICE), None);
        assert_eq!(price(b"-0.5", Dialect::KALSHI_PRICE), None);
    }
}
