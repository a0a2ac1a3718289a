//! Asking for memory before it is needed.
//!
//! Over a thousand books nearly everything that a message touches is cold, and each cold line costs
//! as much as decoding a number. A plain load that nothing uses does not wait either, but it stays
//! in the processor's window until its line has come, and the window fills; a fetch leaves at once.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks for all of a value's lines, without waiting for any.
#[inline(always)]
pub fn fetch<T>(value: &T) {
    fetch_first::<T>(value, size_of::<T>());
}

/// Asks for the lines of a value's first `bytes`, without waiting for any.
#[inline(always)]
pub fn fetch_first<T>(value: &T, bytes: usize) {
    let start: *const T = value;
    let mut offset = 0;
    while offset < bytes.min(size_of::<T>()) {
        ask(start.cast::<i8>().wrapping_add(offset));
        offset += LINE;
    }
}

/// Asks for the line at an address, which may be stale or wrong: nothing is read.
#[inline(always)]
pub(crate) fn fetch_address(address: usize) {
    ask(core::ptr::without_provenance(address));
}

#[inline(always)]
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn ask(line: *const i8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint. The processor neither faults on it nor changes what any load returns,
    // whatever the address; every x86-64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line) }
}

#[inline(always)]
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn ask(_line: *const i8) {}
