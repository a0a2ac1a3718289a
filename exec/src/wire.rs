//! Bytes of a request, written without allocating: a buffer of a fixed size that refuses what does
//! not fit, and heads of requests written once, with slots for what changes.

mod head;

pub use head::{Field, Head, HeadError};

use core::fmt;

use alloy_primitives::hex;

/// Most digits of a `u64`.
const DIGITS_MAX: usize = 20;

/// A buffer with room from the start. What does not fit marks it full and is left out whole: the
/// caller asks [`WireBuf::is_full`] before anything is sent.
pub struct WireBuf {
    bytes: Box<[u8]>,
    len: usize,
    is_full: bool,
}

impl WireBuf {
    /// A buffer of `room` bytes, all touched.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { bytes: vec![0; room].into_boxed_slice(), len: 0, is_full: false }
    }

    /// Forgets what was written.
    pub const fn clear(&mut self) {
        self.len = 0;
        self.is_full = false;
    }

    /// Whether something did not fit: what was written may not be sent.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.is_full
    }

    /// What was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Writes bytes.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.claim(bytes.len()) {
            room.copy_from_slice(bytes);
        }
    }

    /// Writes a number.
    #[inline]
    pub fn push_u64(&mut self, number: u64) {
        let mut digits = [0; DIGITS_MAX];
        self.push(decimal(number, &mut digits));
    }

    /// Writes millionths as a decimal with `decimals` (at most six) digits behind the point; finer
    /// digits are cut off, so the caller makes sure that there are none.
    pub fn push_micro(&mut self, micro: u64, decimals: u8) {
        self.push_u64(micro / 1_000_000);
        let mut rest = micro % 1_000_000;
        let mut digits = *b".000000";
        for digit in digits.iter_mut().skip(1).rev() {
            *digit = ascii_digit(rest % 10);
            rest /= 10;
        }
        let len = usize::from(decimals.min(6)).saturating_add(1);
        if decimals > 0 {
            self.push(digits.get(..len).unwrap_or(&digits));
        }
    }

    /// Writes bytes as lower-case hexadecimal digits.
    #[inline]
    pub fn push_hex(&mut self, bytes: &[u8]) {
        if let Some(room) = self.claim(bytes.len().saturating_mul(2)) {
            let written = hex::encode_to_slice(bytes, room);
            debug_assert!(written.is_ok(), "two digits a byte");
        }
    }

    /// Writes text between the quotes of JSON; what JSON escapes is escaped.
    pub fn push_json_text(&mut self, text: &str) {
        self.push(b"\"");
        match text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            true => self.push(text.as_bytes()),
            false => self.push_escaped(text),
        }
        self.push(b"\"");
    }

    fn push_escaped(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.push(&[b'\\', byte]),
                0..=0x1F => {
                    self.push(b"\\u00");
                    self.push_hex(&[byte]);
                }
                _ => self.push(&[byte]),
            }
        }
    }

    /// Overwrites what was written from `start` on; nothing where that was never written.
    fn patch(&mut self, start: usize, bytes: &[u8]) {
        let end = start.saturating_add(bytes.len()).min(self.len);
        match self.bytes.get_mut(start..end) {
            Some(room) if room.len() == bytes.len() => room.copy_from_slice(bytes),
            _ => self.is_full = true,
        }
    }

    #[inline]
    fn claim(&mut self, len: usize) -> Option<&mut [u8]> {
        let start = self.len;
        let end = start.saturating_add(len);
        let Some(room) = self.bytes.get_mut(start..end) else {
            self.is_full = true;
            return None;
        };
        self.len = end;
        Some(room)
    }
}

impl fmt::Debug for WireBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A request carries credentials: its bytes are not for logs.
        f.debug_struct("WireBuf").field("len", &self.len).field("is_full", &self.is_full).finish()
    }
}

/// The digits of a number, at the end of `room`.
#[inline]
pub(crate) fn decimal(number: u64, room: &mut [u8; DIGITS_MAX]) -> &[u8] {
    let mut rest = number;
    let mut at = DIGITS_MAX;
    loop {
        at = at.saturating_sub(1);
        if let Some(digit) = room.get_mut(at) {
            *digit = ascii_digit(rest % 10);
        }
        rest /= 10;
        if rest == 0 {
            return room.get(at..).unwrap_or_default();
        }
    }
}

/// The last `N` digits of a number, zeros in front.
#[inline]
pub(crate) fn decimal_digits<const N: usize>(number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = ascii_digit(rest % 10);
        rest /= 10;
    }
    digits
}

#[expect(clippy::cast_possible_truncation, reason = "a digit is below ten")]
const fn ascii_digit(digit: u64) -> u8 {
    b'0'.saturating_add(digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut WireBuf)) -> String {
        let mut buffer = WireBuf::new(64);
        write(&mut buffer);
        assert!(!buffer.is_full());
        String::from_utf8(buffer.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for number in [0, 7, 10, 1_000_000, u64::MAX] {
            assert_eq!(written(|out| out.push_u64(number)), number.to_string());
        }
        for (micro, decimals, text) in [
            (560_000, 4, "0.5600"),
            (10_000_000, 2, "10.00"),
            (1_234_567, 6, "1.234567"),
            (31_000, 4, "0.0310"),
            (5_000_000, 0, "5"),
        ] {
            assert_eq!(written(|out| out.push_micro(micro, decimals)), text);
        }
    }

    #[test]
    fn text_cannot_break_out_of_its_quotes() {
        assert_eq!(written(|out| out.push_json_text("a\"b\\c\n")), r#""a\"b\\c\u000a""#);
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole_and_said() {
        let mut buffer = WireBuf::new(4);
        buffer.push(b"abc");
        buffer.push_hex(b"z");
        assert!(buffer.is_full());
        assert_eq!(buffer.as_bytes(), b"abc");
        assert_eq!(format!("{buffer:?}"), "WireBuf { len: 3, is_full: true }");
        buffer.clear();
        buffer.push_hex(b"\xab\x01");
        assert_eq!((buffer.as_bytes(), buffer.is_full()), (b"ab01".as_slice(), false));
    }
}
