//! The few operations on bytes that every scanner is made of, in two forms chosen once at start.
//!
//! [`Lanes`] is the interface; [`Scalar`] defines what each operation means; [`Avx2`] is its fast
//! twin and exists only where the machine was found to have the instructions. Every operation takes
//! a window: a reference to a fixed number of readable bytes. The padding behind a payload makes
//! windows near its end possible; taking one is the only bounds check.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
pub(crate) use scalar::Scalar;

use crate::number::Dialect;

/// The longest number that the fast forms read, without its quotes.
pub(crate) const NUMBER_BYTES_MAX: u32 = 15;
/// Most digits before the dot of a decimal that the fast forms read.
pub(crate) const WHOLE_DIGITS_MAX: u32 = 10;
/// Most decimals that the fast forms read, zeros included.
pub(crate) const DECIMALS_MAX: u32 = 6;

/// What the two decimals of a pair may look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Of the first.
    pub(crate) a: Dialect,
    /// Of the second.
    pub(crate) b: Dialect,
    /// Whether either may be the empty text, which then reads as zero.
    pub(crate) may_be_absent: bool,
}

/// Two decimals in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) a: u64,
    pub(crate) b: u64,
    /// Whether both are numbers that the fast forms read; otherwise the values mean nothing.
    pub(crate) is_good: bool,
}

/// A run of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integer {
    /// Its value, where it has 1 to 15 digits.
    pub(crate) value: u64,
    /// Number of digits at the start of the window; 16 when all are.
    pub(crate) digits: u32,
}

/// Two texts of at most sixteen bytes, to be compared at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts {
    /// One in each half, zeros behind it.
    bytes: [u8; 32],
    /// Bit `i` is set where byte `i` is one of a text.
    mask: u32,
}

impl Texts {
    /// Both of them. A longer one is refused when this is compiled.
    pub(crate) const fn new(a: &[u8], b: &[u8]) -> Self {
        assert!(a.len() <= 16 && b.len() <= 16, "a text is longer than a window");
        let (mut bytes, mut mask) = ([0; 32], 0);
        let mut at = 0;
        while at < 16 {
            if at < a.len() {
                bytes[at] = a[at];
                mask |= 1 << at;
            }
            if at < b.len() {
                bytes[16 + at] = b[at];
                mask |= 1 << (16 + at);
            }
            at += 1;
        }
        Self { bytes, mask }
    }
}

/// The operations. The minus of a dialect is not read here: callers step over it.
pub(crate) trait Lanes: Copy {
    /// Bit `i` is set when byte `i` is a quote.
    fn quotes32(self, window: &[u8; 32]) -> u32;

    /// Bit `i` is set when byte `i` is a quote.
    fn quotes64(self, window: &[u8; 64]) -> u64;

    /// Bit `i` is set when byte `i` cannot be inside a plain string: a quote, a backslash, a
    /// control byte or one beyond ASCII.
    fn stops32(self, window: &[u8; 32]) -> u32;

    /// Whether each window begins with its text.
    fn begin_with(self, a: &[u8; 16], b: &[u8; 16], texts: &Texts) -> bool;

    /// Reads two decimals of the given lengths, each at the start of its window and followed there by
    /// a byte that is no digit: its closing quote.
    fn decimals(self, a: (&[u8; 16], u32), b: (&[u8; 16], u32), rules: Rules) -> Pair;

    /// Reads the digits at the start of the window.
    fn integer(self, window: &[u8; 16]) -> Integer;

    /// Runs a task as a function of its own, compiled for this form.
    fn apart<T: Task>(self, task: T) -> T::Out;
}

/// What is compiled as a function of its own in each form: a loop, or a whole line of a decoder.
/// Inlined into one function, each would pay for the registers of the others.
pub(crate) trait Task {
    /// What it gives.
    type Out;

    /// The work. Inlined by force: it takes on the features of the function that it is part of.
    fn run<L: Lanes>(self, lanes: L) -> Self::Out;
}

/// The form that this machine runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Machine {
    /// Any machine.
    Scalar(Scalar),
    /// x86-64 with AVX2 and the bit-manipulation instructions.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Machine {
    /// Asks the processor. Once, at start.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::detect() {
            return Self::Avx2(avx2);
        }
        Self::Scalar(Scalar)
    }
}

/// `N` readable bytes from `at`, or `None` where the padding ends.
#[inline(always)]
pub(crate) fn window<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>()
}

/// Steps over `text`, or `None` where something else stands.
#[inline(always)]
pub(crate) fn literal(bytes: &[u8], at: usize, text: &'static [u8]) -> Option<usize> {
    let here = bytes.get(at..)?.get(..text.len())?;
    if here == text { Some(at.wrapping_add(text.len())) } else { None }
}

/// Lengths of the text at the start of the window and of the one that is `between` bytes behind its end,
/// both up to a quote; `None` where one is longer than a number may be.
#[inline(always)]
pub(crate) fn lengths<L: Lanes>(lanes: L, near: &[u8; 64], between: usize) -> Option<(u32, u32)> {
    // Two texts of usual lengths end in the first half.
    lengths_by(u64::from(lanes.quotes32(near.first_chunk()?)), between)
        .or_else(|| lengths_by(lanes.quotes64(near), between))
}

/// As [`lengths`], where it is known which bytes are quotes.
#[inline(always)]
pub(crate) fn lengths_by(quotes: u64, between: usize) -> Option<(u32, u32)> {
    let a = quotes.trailing_zeros();
    // Not one shift by their sum: that would have to wait for the sum.
    let b = ((quotes >> between) >> (a & 63)).trailing_zeros();
    ((a | b) <= NUMBER_BYTES_MAX).then_some((a, b))
}

/// Steps over a plain string's content to the first byte that cannot be inside one. `None` where
/// the bytes end; the caller then checks that the byte is the closing quote.
#[inline(always)]
pub(crate) fn plain<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<usize> {
    let mut block = at;
    loop {
        let stops = lanes.stops32(window(bytes, block)?);
        if stops != 0 {
            return Some(block.wrapping_add(stops.trailing_zeros() as usize));
        }
        block = block.wrapping_add(32);
    }
}

/// Whether the first `LEN` bytes are the content of a plain string that ends behind them.
#[inline(always)]
pub(crate) fn is_plain_of<L: Lanes, const LEN: usize>(lanes: L, bytes: &[u8]) -> bool {
    let mut stops = 0;
    let mut from = 0;
    while from < LEN {
        // The last of several blocks overlaps the one before it; of one, the bits behind are cut.
        let block = if LEN < 32 || LEN - from >= 32 { from } else { LEN - 32 };
        let Some(window) = window(bytes, block) else { return false };
        stops |= lanes.stops32(window);
        from += 32;
    }
    if LEN < 32 {
        stops &= (1 << LEN) - 1;
    }
    stops == 0 && bytes.get(LEN) == Some(&b'"')
}

/// Steps over a plain string's content of `LEN` bytes where it has that length, of any other where
/// not. The usual length is a prediction, not a dependency: what follows need not wait for it.
#[inline(always)]
pub(crate) fn plain_of<L: Lanes, const LEN: usize>(
    lanes: L,
    bytes: &[u8],
    at: usize,
) -> Option<usize> {
    if is_plain_of::<L, LEN>(lanes, bytes.get(at..)?) {
        return Some(at.wrapping_add(LEN));
    }
    plain(lanes, bytes, at)
}

#[cfg(test)]
mod tests;
