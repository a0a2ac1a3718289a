//! Exact decimals wider than a price or a quantity: signed cash, and reference prices in 1e-18.
//!
//! The cold records need them; the units of books have their own parser in [`crate::number`].

/// Reads `[-]digits[.digits]` scaled by 10^`decimals`, or `None` when it is not exactly that.
/// The integer part may be absent (`.48`), further zeros behind the last decimal may follow.
pub(crate) fn scaled(text: &[u8], decimals: u32) -> Option<i128> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some(_) | None => (false, text),
    };
    let mut value = 0_i128;
    let mut seen = 0_u32;
    let mut fraction: Option<u32> = None;
    for byte in digits {
        match (byte, fraction) {
            (b'.', None) => fraction = Some(0),
            (b'0'..=b'9', Some(count)) if count >= decimals => {
                if *byte != b'0' {
                    return None;
                }
                seen = seen.saturating_add(1);
            }
            (b'0'..=b'9', _) => {
                value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                fraction = fraction.map(|count| count.saturating_add(1));
                seen = seen.saturating_add(1);
            }
            (_, _) => return None,
        }
    }
    if seen == 0 || digits.ends_with(b".") {
        return None;
    }
    let missing = decimals.saturating_sub(fraction.unwrap_or(0));
    let value = value.checked_mul(10_i128.checked_pow(missing)?)?;
    Some(if negative { value.checked_neg()? } else { value })
}

/// Text of a number that JSON carried as a number, written without allocating.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberText {
    bytes: [u8; 48],
    len: usize,
}

impl NumberText {
    /// The shortest decimal text of a number, or `None` when it is longer than any amount.
    pub(crate) fn new(value: impl core::fmt::Display) -> Option<Self> {
        use core::fmt::Write;
        let mut text = Self { bytes: [0; 48], len: 0 };
        write!(text, "{value}").ok()?;
        Some(text)
    }

    /// The text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl core::fmt::Write for NumberText {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let end = self.len.checked_add(s.len()).ok_or(core::fmt::Error)?;
        self.bytes.get_mut(self.len..end).ok_or(core::fmt::Error)?.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_venues_send_and_nothing_else() {
        for (text, decimals, expected) in [
            ("0.48", 6, Some(480_000)),
            (".48", 6, Some(480_000)),
            ("-54.00", 2, Some(-5_400)),
            ("50.0000000", 6, Some(50_000_000)),
            ("79696948174287960000000", 0, Some(79_696_948_174_287_960_000_000)),
            ("1.", 2, None),
            ("0.0000001", 6, None),
            ("", 6, None),
            (".", 6, None),
            ("-", 6, None),
            ("1e5", 6, None),
            ("1.2.3", 6, None),
            ("+1", 6, None),
            ("99999999999999999999999999999999999999999", 6, None),
        ] {
            assert_eq!(scaled(text.as_bytes(), decimals), expected, "{text}");
        }
    }
}
