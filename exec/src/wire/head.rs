//! The head of an HTTP/1.1 request, written once; timestamp, stamp and length go into slots of a
//! fixed width, so that a request is one copy and three patches.

use core::fmt;
use core::ops::Range;

use super::{DIGITS_MAX, WireBuf, decimal};

/// Digits of a body's length: ten thousand times what a batch of orders needs is refused.
const LENGTH_DIGITS: usize = 6;

/// The value of a header field.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// The same in every request.
    Text(&'a str),
    /// A time in digits; so many of them.
    Timestamp(usize),
    /// A signature; so many characters.
    Stamp(usize),
}

/// Why a head cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// A line break, a space in the path, or other bytes that would change the request.
    #[error("request head: a value holds characters that may not stand there")]
    BadCharacter,
}

/// A head with its slots.
#[derive(Clone)]
pub struct Head {
    bytes: Box<[u8]>,
    method: &'static str,
    path: Box<str>,
    fields: Box<[(Range<usize>, Range<usize>)]>,
    timestamp: Option<Range<usize>>,
    stamp: Option<Range<usize>>,
    length: Option<Range<usize>>,
}

impl Head {
    /// Writes a head. `target` is path and query; a `Content-Length` is added where there is a body.
    ///
    /// # Errors
    /// When a value holds what may not stand in a head.
    pub fn new(
        (method, target): (&'static str, &str),
        host: &str,
        fields: &[(&str, Field<'_>)],
        has_body: bool,
    ) -> Result<Self, HeadError> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HeadError::BadCharacter);
        }
        let mut head = Draft { bytes: Vec::with_capacity(1024), fields: Vec::new() };
        head.bytes.extend(format!("{method} {target} HTTP/1.1\r\n").as_bytes());
        head.text("Host", host)?;
        let (mut timestamp, mut stamp) = (None, None);
        for (name, field) in fields {
            match *field {
                Field::Text(text) => {
                    head.text(name, text)?;
                }
                Field::Timestamp(width) => timestamp = Some(head.slot(name, width)?),
                Field::Stamp(width) => stamp = Some(head.slot(name, width)?),
            }
        }
        let length = match has_body {
            true => Some(head.slot("Content-Length", LENGTH_DIGITS)?),
            false => None,
        };
        head.bytes.extend(b"\r\n");
        Ok(Self {
            bytes: head.bytes.into(),
            method,
            path: path.into(),
            fields: head.fields.into(),
            timestamp,
            stamp,
            length,
        })
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The path without query: what a venue signs.
    #[must_use]
    pub const fn path(&self) -> &str {
        &self.path
    }

    /// Starts a request: the body is written behind what this leaves in `out`.
    #[inline]
    pub fn begin(&self, out: &mut WireBuf) {
        out.clear();
        out.push(&self.bytes);
    }

    /// The body of a request that was begun with this head.
    #[inline]
    #[must_use]
    pub fn body<'a>(&self, out: &'a WireBuf) -> &'a [u8] {
        out.as_bytes().get(self.bytes.len()..).unwrap_or_default()
    }

    /// Fills the slots: `timestamp` and `stamp` as wide as was said, the body's length.
    #[inline]
    pub fn finish(&self, out: &mut WireBuf, timestamp: &[u8], stamp: &[u8]) {
        for (slot, value) in [(&self.timestamp, timestamp), (&self.stamp, stamp)] {
            match slot {
                Some(slot) if slot.len() == value.len() => out.patch(slot.start, value),
                Some(_) => out.is_full = true,
                None => {}
            }
        }
        if let Some(slot) = &self.length {
            let mut digits = [0; DIGITS_MAX];
            let length = u64::try_from(self.body(out).len()).unwrap_or(u64::MAX);
            let digits = decimal(length, &mut digits);
            match slot.end.checked_sub(digits.len()) {
                Some(start) if start >= slot.start => out.patch(start, digits),
                _ => out.is_full = true,
            }
        }
    }

    /// Name and value of each header field of a finished request, for senders that write heads
    /// themselves.
    pub fn fields<'a>(&'a self, out: &'a WireBuf) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().map(|(name, value)| {
            let text = |range: &Range<usize>| {
                let bytes = out.as_bytes().get(range.clone()).unwrap_or_default();
                core::str::from_utf8(bytes).unwrap_or_default()
            };
            (text(name), text(value).trim_start())
        })
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Fields carry credentials.
        write!(f, "Head({} {})", self.method, self.path)
    }
}

/// A head under way.
struct Draft {
    bytes: Vec<u8>,
    fields: Vec<(Range<usize>, Range<usize>)>,
}

impl Draft {
    fn text(&mut self, name: &str, value: &str) -> Result<Range<usize>, HeadError> {
        let is_value = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if !name.bytes().all(|b| b.is_ascii_graphic()) || !value.bytes().all(is_value) {
            return Err(HeadError::BadCharacter);
        }
        let name_start = self.bytes.len();
        self.bytes.extend(name.as_bytes());
        let name_end = self.bytes.len();
        self.bytes.extend(b": ");
        let start = self.bytes.len();
        self.bytes.extend(value.as_bytes());
        let range = start..self.bytes.len();
        self.bytes.extend(b"\r\n");
        self.fields.push((name_start..name_end, range.clone()));
        Ok(range)
    }

    /// Spaces in front of a value do not belong to it: a shorter length leaves them.
    fn slot(&mut self, name: &str, width: usize) -> Result<Range<usize>, HeadError> {
        self.text(name, &" ".repeat(width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_its_head_with_the_slots_filled_and_its_body() {
        let fields =
            [("KEY", Field::Text("k")), ("TS", Field::Timestamp(4)), ("SIG", Field::Stamp(3))];
        let head = Head::new(("POST", "/a/b?c=1"), "host:1", &fields, true).unwrap();
        let mut out = WireBuf::new(256);
        head.begin(&mut out);
        out.push(b"{}");
        assert_eq!((head.path(), head.body(&out)), ("/a/b", b"{}".as_slice()));
        head.finish(&mut out, b"1234", b"abc");
        let text = "POST /a/b?c=1 HTTP/1.1\r\nHost: host:1\r\nKEY: k\r\nTS: 1234\r\n\
                    SIG: abc\r\nContent-Length:      2\r\n\r\n{}";
        assert_eq!(core::str::from_utf8(out.as_bytes()).unwrap(), text);
        assert!(!out.is_full());
        let fields: Vec<_> = head.fields(&out).collect();
        assert_eq!(fields[3..], [("SIG", "abc"), ("Content-Length", "2")]);
        head.finish(&mut out, b"12345", b"abc");
        assert!(out.is_full(), "a timestamp of another width is not sent");
        assert_eq!(format!("{head:?}"), "Head(POST /a/b)");
    }

    #[test]
    fn nothing_can_add_a_line_to_a_head() {
        let bad = |target, value| {
            Head::new(("GET", target), "h", &[("A", Field::Text(value))], false).err()
        };
        assert_eq!(bad("/a", "ok"), None);
        for (target, value) in [("/a", "x\r\nB: c"), ("/a b", "x"), ("a", "x"), ("/a\n", "x")] {
            assert_eq!(bad(target, value), Some(HeadError::BadCharacter));
        }
    }
}
