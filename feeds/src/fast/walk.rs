//! Steps over JSON of any key order and spacing, for the second line of the scanners. It knows
//! plain strings, short integers and the words true, false and null; anything else is refused.

use crate::scan::{Lanes, literal, plain, plain_of, window};

/// Bytes from a payload, with the position behind what they were read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// The content of a plain string.
    pub(super) content: &'a [u8],
    /// Behind the closing quote.
    pub(super) next: usize,
}

/// Where an object continues.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member<'a> {
    /// A key; its value starts at `value`. `is_spaced` says that a blank stood before the key.
    Key { name: &'a [u8], value: usize, is_spaced: bool },
    /// The object has ended before this position.
    End(usize),
}

/// The first position from `at` that is no white space.
#[inline(always)]
pub(super) fn blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at = at.wrapping_add(1);
    }
    at
}

/// A plain string.
#[inline(always)]
pub(super) fn text<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<Text<'_>> {
    let from = literal(bytes, at, b"\"")?;
    let end = plain(lanes, bytes, from)?;
    Some(Text { content: bytes.get(from..end)?, next: literal(bytes, end, b"\"")? })
}

/// As [`text`], for a content that most often has `LEN` bytes.
#[inline(always)]
pub(super) fn text_of<L: Lanes, const LEN: usize>(
    lanes: L,
    bytes: &[u8],
    at: usize,
) -> Option<Text<'_>> {
    let from = literal(bytes, at, b"\"")?;
    let end = plain_of::<L, LEN>(lanes, bytes, from)?;
    Some(Text { content: bytes.get(from..end)?, next: literal(bytes, end, b"\"")? })
}

/// An integer without sign, leading zeros or more than fifteen digits, and what follows it.
#[inline(always)]
pub(super) fn integer<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let read = lanes.integer(window(bytes, at)?);
    let is_plain = read.digits == 1 || (read.digits < 16 && bytes.get(at) != Some(&b'0'));
    let next = at.wrapping_add(read.digits as usize);
    (read.digits > 0 && is_plain).then_some((read.value, next))
}

/// The first or next member of an object. `at` is behind the opening brace or behind a value.
#[inline(always)]
pub(super) fn member<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    is_first: bool,
) -> Option<Member<'_>> {
    let mut at = blank(bytes, at);
    if bytes.get(at) == Some(&b'}') {
        return Some(Member::End(at.wrapping_add(1)));
    }
    let mut is_spaced = false;
    if !is_first {
        let behind_comma = literal(bytes, at, b",")?;
        at = blank(bytes, behind_comma);
        is_spaced = at != behind_comma;
    }
    let name = text(lanes, bytes, at)?;
    let colon = literal(bytes, blank(bytes, name.next), b":")?;
    Some(Member::Key { name: name.content, value: blank(bytes, colon), is_spaced })
}

/// Steps over a value that nobody asked for.
#[inline(always)]
pub(super) fn skip<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => text(lanes, bytes, at).map(|text| text.next),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        b'n' => literal(bytes, at, b"null"),
        b'0'..=b'9' => {
            let (_, next) = integer(lanes, bytes, at)?;
            // A fraction or an exponent goes on.
            matches!(bytes.get(next), Some(b',' | b'}' | b' ' | b'\n' | b'\t' | b'\r'))
                .then_some(next)
        }
        _ => None,
    }
}

/// The first or next element of an array: `Some(None)` when the array has ended, with the position
/// behind it or of the element.
#[inline(always)]
pub(super) fn element(bytes: &[u8], at: usize, is_first: bool) -> Option<(bool, usize)> {
    let at = blank(bytes, at);
    if bytes.get(at) == Some(&b']') {
        return Some((false, at.wrapping_add(1)));
    }
    if is_first {
        return Some((true, at));
    }
    let at = blank(bytes, literal(bytes, at, b",")?);
    // A comma promises an element.
    if bytes.get(at) == Some(&b']') { None } else { Some((true, at)) }
}

/// Keeps a value that may be said only once: of two, decoders would choose differently.
#[inline(always)]
pub(super) fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

/// Whether nothing but white space stands between `at` and the end of the payload.
#[inline(always)]
pub(super) fn is_end(bytes: &[u8], at: usize, len: usize) -> bool {
    at == len || blank(bytes, at) == len
}
