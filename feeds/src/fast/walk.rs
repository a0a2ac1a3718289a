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

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    /// Where its value starts.
    pub(super) value: usize,
    /// Whether a blank stood before the key.
    pub(super) is_spaced: bool,
}

/// A walk over an object or an array, one piece after the other. Who takes a piece says where it ends,
/// by [`Walk::at`]; behind the last one that is the end of the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Behind the opening bracket, or behind the last piece that was taken.
    pub(super) at: usize,
    is_first: bool,
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

/// As [`integer`], for a member of an object: nothing of the number goes on behind it, as a fraction or
/// an exponent would.
#[inline(always)]
pub(super) fn member_integer<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let (value, next) = integer(lanes, bytes, at)?;
    matches!(bytes.get(next), Some(b',' | b'}' | b' ' | b'\n' | b'\t' | b'\r'))
        .then_some((value, next))
}

impl Walk {
    /// Over an object whose brace is at `at`.
    #[inline(always)]
    pub(super) fn object(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Self { at: literal(bytes, at, b"{")?, is_first: true })
    }

    /// Over an array whose bracket is at `at`.
    #[inline(always)]
    pub(super) fn array(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Self { at: literal(bytes, at, b"[")?, is_first: true })
    }

    /// Whether nothing was there to take.
    #[inline(always)]
    pub(super) const fn is_empty(self) -> bool {
        self.is_first
    }

    /// The first or next member of an object; `Some(None)` behind the last.
    #[inline(always)]
    pub(super) fn member<'a, L: Lanes>(
        &mut self,
        lanes: L,
        bytes: &'a [u8],
    ) -> Option<Option<Member<'a>>> {
        let mut at = blank(bytes, self.at);
        if bytes.get(at) == Some(&b'}') {
            self.at = at.wrapping_add(1);
            return Some(None);
        }
        let mut is_spaced = false;
        if !self.is_first {
            let behind_comma = literal(bytes, at, b",")?;
            at = blank(bytes, behind_comma);
            is_spaced = at != behind_comma;
        }
        self.is_first = false;
        let name = text(lanes, bytes, at)?;
        let colon = literal(bytes, blank(bytes, name.next), b":")?;
        Some(Some(Member { name: name.content, value: blank(bytes, colon), is_spaced }))
    }

    /// Where the first or next element of an array starts; `Some(None)` behind the last.
    #[inline(always)]
    pub(super) fn element(&mut self, bytes: &[u8]) -> Option<Option<usize>> {
        let mut at = blank(bytes, self.at);
        if bytes.get(at) == Some(&b']') {
            self.at = at.wrapping_add(1);
            return Some(None);
        }
        if !self.is_first {
            at = blank(bytes, literal(bytes, at, b",")?);
            // A comma promises an element.
            if bytes.get(at) == Some(&b']') {
                return None;
            }
        }
        self.is_first = false;
        Some(Some(at))
    }
}

/// Steps over a value that nobody asked for.
#[inline(always)]
pub(super) fn skip<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => text(lanes, bytes, at).map(|text| text.next),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        b'n' => literal(bytes, at, b"null"),
        b'0'..=b'9' => member_integer(lanes, bytes, at).map(|(_, next)| next),
        _ => None,
    }
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
