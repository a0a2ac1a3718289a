//! The reference form: byte by byte, on any machine.

use super::{
    DECIMALS_MAX, Integer, Lanes, NUMBER_BYTES_MAX, Pair, Rules, Task, Texts, WHOLE_DIGITS_MAX,
};
use crate::number::{self, Dialect};

/// The form without special instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar;

impl Lanes for Scalar {
    #[inline(always)]
    fn quotes32(self, window: &[u8; 32]) -> u32 {
        bits(window, |byte| byte == b'"')
    }

    #[inline(always)]
    fn quotes64(self, window: &[u8; 64]) -> u64 {
        let (low, high) = window.split_at(32);
        let half = |bytes: &[u8]| u64::from(bits(bytes, |byte| byte == b'"'));
        half(low) | (half(high) << 32)
    }

    #[inline(always)]
    fn stops32(self, window: &[u8; 32]) -> u32 {
        bits(window, |byte| matches!(byte, b'"' | b'\\' | 0..=0x1F | 0x80..=0xFF))
    }

    #[inline(always)]
    fn begin_with(self, a: &[u8; 16], b: &[u8; 16], texts: &Texts) -> bool {
        let mut both = a.iter().chain(b).zip(&texts.bytes).enumerate();
        both.all(|(at, (byte, text))| byte == text || texts.mask & (1 << at) == 0)
    }

    #[inline(always)]
    fn decimals(self, a: (&[u8; 16], u32), b: (&[u8; 16], u32), rules: Rules) -> Pair {
        match (
            decimal(a.0, a.1, rules.a, rules.may_be_absent),
            decimal(b.0, b.1, rules.b, rules.may_be_absent),
        ) {
            (Some(a), Some(b)) => Pair { a, b, is_good: true },
            _ => Pair { a: 0, b: 0, is_good: false },
        }
    }

    #[inline(always)]
    fn integer(self, window: &[u8; 16]) -> Integer {
        let digits = window.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = window.iter().take(digits).fold(0_u64, |value, &byte| {
            value.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0')))
        });
        Integer { value, digits: u32::try_from(digits).unwrap_or(0) }
    }

    #[inline(never)]
    fn apart<T: Task>(self, task: T) -> T::Out {
        task.run(self)
    }
}

fn bits(bytes: &[u8], is_set: impl Fn(u8) -> bool) -> u32 {
    bytes.iter().rev().fold(0, |bits, &byte| (bits << 1) | u32::from(is_set(byte)))
}

/// One decimal, of the lengths that the vector form reads.
fn decimal(window: &[u8; 16], len: u32, dialect: Dialect, may_be_absent: bool) -> Option<u64> {
    if len == 0 {
        return may_be_absent.then_some(0);
    }
    if len > NUMBER_BYTES_MAX {
        return None;
    }
    let text = window.get(..len as usize)?;
    let whole = u32::try_from(text.iter().take_while(|&&byte| byte != b'.').count()).ok()?;
    let decimals = len.saturating_sub(whole).saturating_sub(1);
    if whole > WHOLE_DIGITS_MAX || decimals > DECIMALS_MAX {
        return None;
    }
    number::micro(text, Dialect { minus: false, ..dialect }).and_then(|micro| micro.try_into().ok())
}
