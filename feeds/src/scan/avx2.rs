//! The AVX2 form. Scanners that use it are compiled as one function with these features, chosen
//! once; called from code without them, the same operations would not be inlined and be slower
//! than the scalar ones.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_madd_epi16,
    _mm_maddubs_epi16, _mm_min_epu8, _mm_movemask_epi8, _mm_packus_epi32, _mm_set1_epi8,
    _mm_set1_epi16, _mm_set1_epi32, _mm_shuffle_epi8, _mm_sub_epi8, _mm256_add_epi64,
    _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_extracti128_si256,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_mul_epu32, _mm256_or_si256, _mm256_packus_epi32, _mm256_set_m128i,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_sub_epi8,
};

use super::{
    DECIMALS_MAX, Integer, Lanes, NUMBER_BYTES_MAX, Pair, Rules, Task, Texts, WHOLE_DIGITS_MAX,
};
use crate::number::Dialect;

/// Proof that this machine has AVX2, BMI1, BMI2, LZCNT and POPCNT: only detection makes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof, where the machine has what it needs.
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn quotes32(self, window: &[u8; 32]) -> u32 {
        // SAFETY: `self` proves that the features are there.
        unsafe { quotes32(window) }
    }

    #[inline(always)]
    fn quotes64(self, window: &[u8; 64]) -> u64 {
        // SAFETY: `self` proves that the features are there.
        unsafe { quotes64(window) }
    }

    #[inline(always)]
    fn stops32(self, window: &[u8; 32]) -> u32 {
        // SAFETY: `self` proves that the features are there.
        unsafe { stops32(window) }
    }

    #[inline(always)]
    fn begin_with(self, a: &[u8; 16], b: &[u8; 16], texts: &Texts) -> bool {
        // SAFETY: `self` proves that the features are there.
        unsafe { begin_with(a, b, texts) }
    }

    #[inline(always)]
    fn decimals(self, a: (&[u8; 16], u32), b: (&[u8; 16], u32), rules: Rules) -> Pair {
        // SAFETY: `self` proves that the features are there.
        unsafe { decimals(a, b, rules) }
    }

    #[inline(always)]
    fn integer(self, window: &[u8; 16]) -> Integer {
        // SAFETY: `self` proves that the features are there.
        unsafe { integer(window) }
    }

    #[inline(always)]
    fn apart<T: Task>(self, task: T) -> T::Out {
        // SAFETY: `self` proves that the features are there.
        unsafe { apart(self, task) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn apart<T: Task>(lanes: Avx2, task: T) -> T::Out {
    task.run(lanes)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn load16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 readable bytes; the load has no alignment to keep.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn load32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is to 32 readable bytes; the load has no alignment to keep.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn mask32(lanes: __m256i) -> u32 {
    _mm256_movemask_epi8(lanes).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn quotes32(window: &[u8; 32]) -> u32 {
    mask32(_mm256_cmpeq_epi8(load32(window), _mm256_set1_epi8(signed(b'"'))))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn quotes64(window: &[u8; 64]) -> u64 {
    let (Some(low), Some(high)) = (window.first_chunk(), window.last_chunk()) else { return 0 };
    u64::from(quotes32(low)) | (u64::from(quotes32(high)) << 32)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn stops32(window: &[u8; 32]) -> u32 {
    let bytes = load32(window);
    // As signed bytes, control bytes and those beyond ASCII are all below the blank.
    let outside = _mm256_cmpgt_epi8(_mm256_set1_epi8(signed(b' ')), bytes);
    let quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(signed(b'"')));
    let backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(signed(b'\\')));
    mask32(_mm256_or_si256(outside, _mm256_or_si256(quote, backslash)))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn begin_with(a: &[u8; 16], b: &[u8; 16], texts: &Texts) -> bool {
    let both = _mm256_set_m128i(load16(b), load16(a));
    let alike = mask32(_mm256_cmpeq_epi8(both, load32(&texts.bytes)));
    !alike & texts.mask == 0
}

/// Both decimals at once, one in each half of a register. The dot's position and the length pick a
/// shuffle that drops the dot and puts ten digits before and six after it into sixteen lanes; three
/// multiply-add steps make two numbers of eight digits of them. The shuffle of a shape that is no
/// number picks the byte behind the text, which is no digit: one look at the lanes judges all.
///
/// Inlined by force, which a function with features of its own cannot be: as a call it took a tenth
/// of a short message.
#[inline(always)]
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "all rest on the same features")]
unsafe fn decimals(a: (&[u8; 16], u32), b: (&[u8; 16], u32), rules: Rules) -> Pair {
    // SAFETY: the caller proves that the features are there.
    unsafe {
        let is_short = (a.1 | b.1) <= NUMBER_BYTES_MAX;
        let (a_len, b_len) = (a.1 & 15, b.1 & 15);
        let text = _mm256_set_m128i(load16(b.0), load16(a.0));
        let dots = mask32(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(signed(b'.'))));
        // The end bit stands in where there is no dot before the end.
        let a_dot = (dots | (1 << a_len)).trailing_zeros() & 15;
        let b_dot = ((dots >> 16) | (1 << b_len)).trailing_zeros() & 15;
        let digits = _mm256_sub_epi8(text, _mm256_set1_epi8(signed(b'0')));
        let align = _mm256_set_m128i(
            load16(align(rules.b, rules.may_be_absent, b_dot, b_len)),
            load16(align(rules.a, rules.may_be_absent, a_dot, a_len)),
        );
        let lanes = _mm256_shuffle_epi8(digits, align);
        // A second dot, like any other byte that is no digit, is above nine; a decimal that the
        // dialect does not have is above zero.
        let limits = _mm256_set_m128i(load16(limits(rules.b)), load16(limits(rules.a)));
        let good = mask32(_mm256_cmpeq_epi8(_mm256_min_epu8(lanes, limits), lanes));
        let tens = _mm256_maddubs_epi16(lanes, _mm256_set1_epi16(0x010A));
        let hundreds = _mm256_madd_epi16(tens, _mm256_set1_epi32(0x0001_0064));
        let packed = _mm256_packus_epi32(hundreds, hundreds);
        let eights = _mm256_madd_epi16(packed, _mm256_set1_epi32(0x0001_2710));
        let high = _mm256_mul_epu32(eights, _mm256_set1_epi64x(100_000_000));
        let whole = _mm256_add_epi64(high, _mm256_srli_epi64::<32>(eights));
        Pair {
            a: low64(_mm256_castsi256_si128(whole)),
            b: low64(_mm256_extracti128_si256::<1>(whole)),
            is_good: is_short & (good == u32::MAX),
        }
    }
}

#[inline(always)]
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "all rest on the same features")]
unsafe fn integer(window: &[u8; 16]) -> Integer {
    // SAFETY: the caller proves that the features are there.
    unsafe {
        let digits = _mm_sub_epi8(load16(window), _mm_set1_epi8(signed(b'0')));
        let is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
        let count = (!_mm_movemask_epi8(is_digit).cast_unsigned()).trailing_zeros() & 31;
        let lanes = _mm_shuffle_epi8(digits, load16(push_right(count)));
        let tens = _mm_maddubs_epi16(lanes, _mm_set1_epi16(0x010A));
        let hundreds = _mm_madd_epi16(tens, _mm_set1_epi32(0x0001_0064));
        let packed = _mm_packus_epi32(hundreds, hundreds);
        Integer {
            value: joined(_mm_madd_epi16(packed, _mm_set1_epi32(0x0001_2710))),
            digits: count,
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn low64(lanes: __m128i) -> u64 {
    _mm_cvtsi128_si64(lanes).cast_unsigned()
}

/// The two eight-digit numbers of the low half as one of sixteen digits.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn joined(eights: __m128i) -> u64 {
    let both = low64(eights);
    (both & 0xFFFF_FFFF).wrapping_mul(100_000_000).wrapping_add(both >> 32)
}

const fn signed(byte: u8) -> i8 {
    byte.cast_signed()
}

/// The shuffle that moves the first `count` bytes to the end, zeros before them.
#[inline(always)]
fn push_right(count: u32) -> &'static [u8; 16] {
    static TABLE: [u8; 32] = {
        let mut bytes = [0x80; 32];
        let mut at = 0_u8;
        while at < 16 {
            bytes[16 + at as usize] = at;
            at += 1;
        }
        bytes
    };
    TABLE.get((count & 15) as usize..).and_then(|rest| rest.first_chunk()).unwrap_or(&ZERO_LANES)
}

/// Shuffles by the dot's position and the length of the text.
type Shuffles = [[[u8; 16]; 16]; 16];

/// The shuffle that drops the dot: ten whole digits pushed right, then six decimals. For what is no
/// number it picks the byte behind the text.
#[inline(always)]
fn align(dialect: Dialect, may_be_absent: bool, dot: u32, len: u32) -> &'static [u8; 16] {
    const STRICT: &Shuffles = &shuffles(false, false);
    const STRICT_OR_ABSENT: &Shuffles = &shuffles(false, true);
    const BARE: &Shuffles = &shuffles(true, false);
    const BARE_OR_ABSENT: &Shuffles = &shuffles(true, true);
    let table = match (dialect.bare_dot, may_be_absent) {
        (false, false) => STRICT,
        (false, true) => STRICT_OR_ABSENT,
        (true, false) => BARE,
        (true, true) => BARE_OR_ABSENT,
    };
    &table[(dot & 15) as usize][(len & 15) as usize]
}

const fn shuffles(bare_dot: bool, may_be_absent: bool) -> Shuffles {
    let mut table = [[[0x80; 16]; 16]; 16];
    let mut dot = 0;
    while dot < 16 {
        let mut len = 0;
        while len < 16 {
            // The dot is at the end where there is none.
            let is_whole_fine =
                (dot > 0 || (bare_dot && len > 0)) && dot as u32 <= WHOLE_DIGITS_MAX;
            let is_fraction_fine =
                len == dot || (len > dot + 1 && (len - dot - 1) as u32 <= DECIMALS_MAX);
            if is_whole_fine && is_fraction_fine {
                table[dot as usize][len as usize] = shuffle(dot, len);
            } else if !(may_be_absent && len == 0) {
                table[dot as usize][len as usize] = [len; 16];
            }
            len += 1;
        }
        dot += 1;
    }
    table
}

/// Digits before the dot end in the tenth lane, those behind it follow.
const fn shuffle(dot: u8, len: u8) -> [u8; 16] {
    let mut shuffle = [0x80; 16];
    let mut at = 0;
    while at < len {
        if at < dot {
            shuffle[(10 - dot + at) as usize] = at;
        } else if at > dot {
            shuffle[(9 + at - dot) as usize] = at;
        }
        at += 1;
    }
    shuffle
}

/// The largest value that a lane may have: nine, and zero in those of decimals that the dialect does
/// not have.
#[inline(always)]
fn limits(dialect: Dialect) -> &'static [u8; 16] {
    const TABLE: &[[u8; 16]; 8] = &{
        let mut table = [[9; 16]; 8];
        let mut decimals = 0;
        while decimals < 6 {
            let mut lane = 10 + decimals;
            while lane < 16 {
                table[decimals][lane] = 0;
                lane += 1;
            }
            decimals += 1;
        }
        table
    };
    &TABLE[(dialect.decimals & 7) as usize]
}

const ZERO_LANES: [u8; 16] = [0x80; 16];
