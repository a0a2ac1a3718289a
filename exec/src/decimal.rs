//! Decimals of venues' replies as millionths: exact or refused.

use core::fmt;

use dutchbook_book::{Price, Qty};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Decimals that fit.
const DECIMALS: usize = 6;

/// A decimal in millionths, as text or as a whole JSON number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micro(pub(crate) i64);

impl Micro {
    /// Reads a decimal; `None` where it is none, has finer digits or does not fit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        let rest = rest.trim_end_matches('0');
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_empty = whole.is_empty() && !digits.starts_with('.') || digits == ".";
        if is_empty || rest.len() > DECIMALS || !is_number(whole) || !is_number(rest) {
            return None;
        }
        let mut micro = 0_i64;
        let places = rest.bytes().chain(core::iter::repeat(b'0')).take(DECIMALS);
        for digit in whole.bytes().chain(places) {
            let digit = i64::from(digit.saturating_sub(b'0'));
            micro = micro.checked_mul(10)?.checked_add(digit)?;
        }
        Some(Self(if is_negative { micro.checked_neg()? } else { micro }))
    }
}

/// A number of contracts; `None` below zero.
pub(crate) fn qty(micro: Micro) -> Option<Qty> {
    Qty::from_micro(u64::try_from(micro.0).ok()?)
}

/// A price; `None` outside 0 to 1.
pub(crate) fn price(micro: Micro) -> Option<Price> {
    Price::from_micro(u32::try_from(micro.0).ok()?)
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decimal;
        impl Visitor<'_> for Decimal {
            type Value = Micro;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal with at most six digits behind the point")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Micro, E> {
                Micro::parse(text).ok_or_else(|| E::custom("not such a decimal"))
            }

            fn visit_u64<E: Error>(self, whole: u64) -> Result<Micro, E> {
                let micro =
                    i64::try_from(whole).ok().and_then(|whole| whole.checked_mul(1_000_000));
                micro.map(Micro).ok_or_else(|| E::custom("too large"))
            }
        }
        deserializer.deserialize_any(Decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, micro) in [
            ("0", Some(0)),
            ("1.50", Some(1_500_000)),
            (".5", Some(500_000)),
            ("-0.017500", Some(-17_500)),
            ("0.0000010", Some(1)),
            ("9223372036854.775807", Some(i64::MAX)),
            ("9223372036854.775808", None),
            ("0.0000001", None),
            ("", None),
            (".", None),
            ("-", None),
            ("1e3", None),
            ("1.2.3", None),
            ("٣", None),
        ] {
            assert_eq!(Micro::parse(text).map(|micro| micro.0), micro, "{text}");
        }
        assert_eq!(serde_json::from_str::<Micro>("12").unwrap(), Micro(12_000_000));
        assert!(serde_json::from_str::<Micro>("1.5").is_err(), "floats are not exact");
    }
}
