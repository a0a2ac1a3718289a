//! The two forms are equal on every length and alignment, and on bytes that are no numbers.

use super::*;

/// A small seeded generator (xorshift): tests print its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick(&mut self, from: &[u8]) -> u8 {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

#[cfg(target_arch = "x86_64")]
fn twin() -> Option<Avx2> {
    let twin = Avx2::detect();
    if twin.is_none() {
        println!("skipped: this machine has no AVX2");
    }
    twin
}

const RULES: [Rules; 4] = [
    Rules { a: Dialect::POLYMARKET, b: Dialect::POLYMARKET, may_be_absent: false },
    Rules { a: Dialect::POLYMARKET, b: Dialect::POLYMARKET, may_be_absent: true },
    Rules { a: Dialect::KALSHI_PRICE, b: Dialect::KALSHI_COUNT, may_be_absent: false },
    Rules { a: Dialect::KALSHI_COUNT, b: Dialect::KALSHI_MONEY, may_be_absent: false },
];

#[cfg(target_arch = "x86_64")]
fn check_decimals(a: (&[u8; 16], u32), b: (&[u8; 16], u32)) {
    let Some(avx2) = twin() else { return };
    let closed = |(text, len): (&[u8; 16], u32)| {
        let mut text = *text;
        if let Some(end) = text.get_mut(len as usize) {
            *end = b'"';
        }
        (text, len)
    };
    let (a, b) = (closed(a), closed(b));
    let (a, b) = ((&a.0, a.1), (&b.0, b.1));
    for rules in RULES {
        let (slow, fast) = (Scalar.decimals(a, b, rules), avx2.decimals(a, b, rules));
        assert_eq!(slow.is_good, fast.is_good, "{a:?} {b:?} {rules:?}");
        if slow.is_good {
            assert_eq!(slow, fast, "{a:?} {b:?} {rules:?}");
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn decimals_are_equal_for_every_dot_and_length() {
    let mut random = Random(0x5EED_0001);
    for len in 0..=16_u32 {
        for dot in 0..=17_usize {
            for _ in 0..8 {
                let mut text = [0; 16];
                text.fill_with(|| random.pick(b"0123456789"));
                if let Some(byte) = text.get_mut(dot) {
                    *byte = b'.';
                }
                let other = [b'7', b'.', b'5', b'"', 0, 1, 2, 3, b'.', 5, 6, 7, 8, 9, b'.', b'"'];
                check_decimals((&text, len), (&other, 3));
                check_decimals((&other, 3), (&text, len));
                // Zeros are allowed where other digits are not.
                text.iter_mut().skip(dot + 3).for_each(|byte| *byte = b'0');
                check_decimals((&text, len), (&text, len.saturating_sub(1)));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn decimals_are_equal_on_mutated_bytes() {
    let mut random = Random(0x5EED_0002);
    for _ in 0..20_000 {
        let mut text = [0; 16];
        text.fill_with(|| random.pick(b"0123456789..00"));
        for _ in 0..random.below(3) {
            let at = usize::try_from(random.below(16)).unwrap();
            text[at] = u8::try_from(random.below(256)).unwrap();
        }
        let len = u32::try_from(random.below(20)).unwrap();
        check_decimals((&text, len), (&text, 15 - len.min(15)));
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn integers_and_masks_are_equal() {
    let Some(avx2) = twin() else { return };
    let mut random = Random(0x5EED_0003);
    for round in 0..20_000_u64 {
        let mut bytes = [0; 64];
        bytes.fill_with(|| random.pick(b"0123456789"));
        for _ in 0..round % 4 {
            let at = usize::try_from(random.below(64)).unwrap();
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        for at in 0..32 {
            let near: &[u8; 32] = window(&bytes, at).unwrap();
            assert_eq!(Scalar.quotes32(near), avx2.quotes32(near));
            assert_eq!(Scalar.stops32(near), avx2.stops32(near));
            let digits: &[u8; 16] = window(&bytes, at).unwrap();
            let (slow, fast) = (Scalar.integer(digits), avx2.integer(digits));
            assert_eq!(slow.digits, fast.digits, "{digits:?}");
            if slow.digits < 16 {
                assert_eq!(slow, fast, "{digits:?}");
            }
        }
        assert_eq!(Scalar.quotes64(&bytes), avx2.quotes64(&bytes));
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn plain_strings_end_at_the_same_byte() {
    let Some(avx2) = twin() else { return };
    for len in 0..200_usize {
        let mut bytes = vec![b'a'; len];
        bytes.extend_from_slice(b"\"rest");
        bytes.resize(len + 133, 0);
        assert_eq!(plain(Scalar, &bytes, 0), Some(len));
        assert_eq!(plain(avx2, &bytes, 0), Some(len));
        assert_eq!(plain_of::<_, 40>(avx2, &bytes, 0), Some(len));
        assert_eq!(plain_of::<_, 27>(avx2, &bytes, 0), Some(len));
        assert_eq!(plain_of::<_, 66>(Scalar, &bytes, 0), Some(len));
        for stop in [b'\\', b'\n', 0x80, 0xFF, 0] {
            for at in [0, len / 2, len.saturating_sub(1)] {
                let mut other = bytes.clone();
                other[at] = stop;
                assert_eq!(plain(avx2, &other, 0), Some(at.min(len)));
                assert_eq!(plain_of::<_, 27>(Scalar, &other, 0), Some(at.min(len)));
                assert_eq!(plain_of::<_, 40>(avx2, &other, 0), Some(at.min(len)));
            }
        }
    }
}

/// Both forms of what is asked of a window.
#[cfg(target_arch = "x86_64")]
fn forms<T: PartialEq + core::fmt::Debug>(scalar: T, vector: impl FnOnce(Avx2) -> T) -> T {
    if let Some(avx2) = Avx2::detect() {
        assert_eq!(scalar, vector(avx2));
    }
    scalar
}

#[cfg(target_arch = "x86_64")]
#[test]
fn two_windows_begin_with_two_texts() {
    const TEXTS: Texts = Texts::new(b"\",\"size\":\"", b"\"},{\"price\":\"ab");
    let begin = |a: &[u8; 16], b: &[u8; 16]| {
        forms(Scalar.begin_with(a, b, &TEXTS), |avx2| avx2.begin_with(a, b, &TEXTS))
    };
    let (a, b) = (*b"\",\"size\":\"12345\"", *b"\"},{\"price\":\"ab\"");
    let (a, b): (&[u8; 16], &[u8; 16]) = (a.first_chunk().unwrap(), b.first_chunk().unwrap());
    assert!(begin(a, b));
    for at in 0..16 {
        let (mut other_a, mut other_b) = (*a, *b);
        other_a[at] ^= 0x20;
        other_b[at] ^= 0x01;
        assert_eq!(begin(&other_a, b), at >= 10, "byte {at} of the first");
        assert_eq!(begin(a, &other_b), at >= 15, "byte {at} of the second");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn lengths_of_two_texts_are_told_up_to_those_of_numbers() {
    for between in [3_usize, 10, 11, 15] {
        for a in 0..20_usize {
            for b in 0..20_usize {
                let mut text = [b'7'; 64];
                // What is between has a quote at each end, and some within.
                text[a..a + between].fill(b'"');
                text[a + between + b] = b'"';
                let told =
                    forms(lengths(Scalar, &text, between), |avx2| lengths(avx2, &text, between));
                let is_short = a < 16 && b < 16;
                let expected =
                    is_short.then(|| (u32::try_from(a).unwrap(), u32::try_from(b).unwrap()));
                assert_eq!(told, expected, "{a}, {between} between, {b}");
            }
        }
    }
}
