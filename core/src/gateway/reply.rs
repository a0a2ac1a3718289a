//! Bytes of a connection to one reply: its status, its body, and whether another may follow.
//!
//! The head is parsed by `httparse`; the body is framed by RFC 9112 section 6.3. Nothing here has a
//! socket. What is longer than the limits, or no HTTP, is an error: the connection cannot be used
//! any more, and what the request did is unknown.

use dutchbook_book::Nanos;

/// Longest head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most header fields.
const FIELDS_MAX: usize = 100;
/// Longest line with the size of a chunk.
const SIZE_LINE_MAX: usize = 1 << 10;
/// `Retry-After` is believed up to this many seconds.
const RETRY_AFTER_MAX_S: u64 = 300;

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplyError {
    /// They are no HTTP/1.
    #[error("what came is no HTTP/1 reply")]
    Malformed,
    /// Head or body are too long.
    #[error("the reply is too long")]
    TooLong,
    /// The connection ended before the reply did.
    #[error("the reply was cut")]
    Cut,
}

/// A reply without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replied {
    /// Its status.
    pub(super) status: u16,
    /// What the venue asks us to wait.
    pub(super) retry_after: Option<Nanos>,
    /// Whether another request may go over the same connection.
    pub(super) keeps_alive: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    /// So many bytes of the body are missing.
    Length(usize),
    /// The size of the next chunk.
    ChunkSize,
    /// So many bytes of a chunk are missing, its line break included.
    Chunk(usize),
    /// Fields behind the last chunk.
    Trailers,
    /// The body ends with the connection.
    UntilEnd,
    Done,
}

/// Reads one reply.
#[derive(Debug)]
pub(super) struct ReplyReader {
    state: State,
    /// What came and was not understood yet.
    pending: Vec<u8>,
    body: Vec<u8>,
    body_bytes_max: usize,
    replied: Replied,
}

impl ReplyReader {
    /// A reader of bodies up to a length.
    pub(super) const fn new(body_bytes_max: usize) -> Self {
        let replied = Replied { status: 0, retry_after: None, keeps_alive: false };
        Self { state: State::Head, pending: Vec::new(), body: Vec::new(), body_bytes_max, replied }
    }

    /// Begins the next reply.
    pub(super) fn reset(&mut self) {
        self.state = State::Head;
        self.pending.clear();
        self.body.clear();
    }

    /// The body, once the reply is whole.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes bytes as they come; the reply once it is whole.
    ///
    /// # Errors
    /// When they are none.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<Replied>, ReplyError> {
        self.pending.extend_from_slice(bytes);
        while self.step()? {}
        if !matches!(self.state, State::Done) {
            return Ok(None);
        }
        // What follows nobody has asked for: it must not meet the next request.
        self.replied.keeps_alive &= self.pending.is_empty();
        Ok(Some(self.replied))
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// When the reply is not whole.
    pub(super) fn end(&mut self) -> Result<Replied, ReplyError> {
        if !matches!(self.state, State::UntilEnd | State::Done) {
            return Err(ReplyError::Cut);
        }
        self.state = State::Done;
        Ok(Replied { keeps_alive: false, ..self.replied })
    }

    /// One step; whether there may be another.
    fn step(&mut self) -> Result<bool, ReplyError> {
        match self.state {
            State::Head => self.head(),
            State::Length(left) => {
                let left = self.move_to_body(left)?;
                self.state = if left == 0 { State::Done } else { State::Length(left) };
                Ok(false)
            }
            State::ChunkSize => self.chunk_size(),
            State::Chunk(left) => self.chunk(left),
            State::Trailers => self.trailers(),
            State::UntilEnd => {
                self.move_to_body(usize::MAX)?;
                Ok(false)
            }
            State::Done => Ok(false),
        }
    }

    /// Moves up to `count` bytes to the body; how many of them are missing.
    fn move_to_body(&mut self, count: usize) -> Result<usize, ReplyError> {
        let there = count.min(self.pending.len());
        if self.body.len().saturating_add(there) > self.body_bytes_max {
            return Err(ReplyError::TooLong);
        }
        self.body.extend(self.pending.drain(..there));
        Ok(count.saturating_sub(there))
    }

    fn head(&mut self) -> Result<bool, ReplyError> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = head.parse(&self.pending).map_err(|error| {
            match error == httparse::Error::TooManyHeaders {
                true => ReplyError::TooLong,
                false => ReplyError::Malformed,
            }
        })?;
        let httparse::Status::Complete(length) = parsed else {
            let is_long = self.pending.len() > HEAD_BYTES_MAX;
            return if is_long { Err(ReplyError::TooLong) } else { Ok(false) };
        };
        let status = head.code.ok_or(ReplyError::Malformed)?;
        let is_http_11 = head.version == Some(1);
        let found = Fields::of(head.headers, is_http_11)?;
        self.pending.drain(..length);
        if (100..200).contains(&status) && status != 101 {
            // Only the final reply answers.
            return Ok(true);
        }
        let retry_after = found.retry_after.filter(|_| status >= 300);
        self.replied = Replied { status, retry_after, keeps_alive: found.keeps_alive };
        self.state = match (status, found.is_chunked, found.length) {
            (204 | 304, _, _) => State::Done,
            (101, _, _) => return Err(ReplyError::Malformed),
            (_, true, _) => State::ChunkSize,
            (_, false, Some(length)) if length > self.body_bytes_max => {
                return Err(ReplyError::TooLong);
            }
            (_, false, Some(0)) => State::Done,
            (_, false, Some(length)) => State::Length(length),
            (_, false, None) => {
                self.replied.keeps_alive = false;
                State::UntilEnd
            }
        };
        Ok(true)
    }

    fn chunk_size(&mut self) -> Result<bool, ReplyError> {
        match httparse::parse_chunk_size(&self.pending) {
            Ok(httparse::Status::Complete((length, size))) => {
                self.pending.drain(..length);
                let size = usize::try_from(size).map_err(|_| ReplyError::TooLong)?;
                if size > self.body_bytes_max {
                    return Err(ReplyError::TooLong);
                }
                self.state = match size {
                    0 => State::Trailers,
                    size => State::Chunk(size.saturating_add(2)),
                };
                Ok(true)
            }
            Ok(httparse::Status::Partial) if self.pending.len() > SIZE_LINE_MAX => {
                Err(ReplyError::TooLong)
            }
            Ok(httparse::Status::Partial) => Ok(false),
            Err(_invalid) => Err(ReplyError::Malformed),
        }
    }

    fn chunk(&mut self, left: usize) -> Result<bool, ReplyError> {
        // The last two bytes are the line break behind the data.
        let mut left = left;
        if left > 2 {
            left = self.move_to_body(left.saturating_sub(2))?.saturating_add(2);
        }
        if left == 2 && self.pending.len() >= 2 {
            if !self.pending.starts_with(b"\r\n") {
                return Err(ReplyError::Malformed);
            }
            self.pending.drain(..2);
            self.state = State::ChunkSize;
            return Ok(true);
        }
        self.state = State::Chunk(left);
        Ok(false)
    }

    fn trailers(&mut self) -> Result<bool, ReplyError> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        match httparse::parse_headers(&self.pending, &mut fields) {
            Ok(httparse::Status::Complete((length, _))) => {
                self.pending.drain(..length);
                self.state = State::Done;
                Ok(false)
            }
            Ok(httparse::Status::Partial) if self.pending.len() > HEAD_BYTES_MAX => {
                Err(ReplyError::TooLong)
            }
            Ok(httparse::Status::Partial) => Ok(false),
            Err(_invalid) => Err(ReplyError::Malformed),
        }
    }
}

/// What of a head's fields matters.
struct Fields {
    is_chunked: bool,
    length: Option<usize>,
    keeps_alive: bool,
    retry_after: Option<Nanos>,
}

impl Fields {
    fn of(fields: &[httparse::Header<'_>], is_http_11: bool) -> Result<Self, ReplyError> {
        let mut found =
            Self { is_chunked: false, length: None, keeps_alive: is_http_11, retry_after: None };
        for field in fields {
            let value = core::str::from_utf8(field.value).unwrap_or_default().trim();
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let has =
                |word: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
            if is("transfer-encoding") {
                // Anything else than chunks, at the end, is a coding that nobody has asked for.
                if !value.eq_ignore_ascii_case("chunked") {
                    return Err(ReplyError::Malformed);
                }
                found.is_chunked = true;
            } else if is("content-length") {
                let length = value.parse().map_err(|_| ReplyError::Malformed)?;
                if found.length.is_some_and(|known| known != length) {
                    return Err(ReplyError::Malformed);
                }
                found.length = Some(length);
            } else if is("connection") {
                found.keeps_alive =
                    (found.keeps_alive && !has("close")) || (!is_http_11 && has("keep-alive"));
            } else if is("retry-after") {
                let secs = value.parse::<u64>().ok();
                found.retry_after = secs.map(|secs| Nanos::from_secs(secs.min(RETRY_AFTER_MAX_S)));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reply of bytes that come in two parts, cut everywhere.
    fn read(bytes: &[u8]) -> Result<(Replied, Vec<u8>), ReplyError> {
        let whole = read_parts(&[bytes]);
        for cut in 0..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(read_parts(&[first, second]), whole, "cut at {cut}");
        }
        whole
    }

    fn read_parts(parts: &[&[u8]]) -> Result<(Replied, Vec<u8>), ReplyError> {
        let mut reader = ReplyReader::new(100);
        for (at, part) in parts.iter().enumerate() {
            if let Some(replied) = reader.take(part)? {
                assert!(at + 1 == parts.len() || parts[at + 1].is_empty() || !replied.keeps_alive);
                return Ok((replied, reader.body().to_vec()));
            }
        }
        let replied = reader.end()?;
        Ok((replied, reader.body().to_vec()))
    }

    fn replied(status: u16, keeps_alive: bool) -> Replied {
        Replied { status, retry_after: None, keeps_alive }
    }

    #[test]
    fn every_framing_is_read_wherever_it_is_cut() {
        let cases: [(&[u8], Replied, &[u8]); 8] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", replied(200, true), b"{}"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", replied(204, true), b""),
            (b"HTTP/1.1 201 Created\r\ncontent-length:0\r\n\r\n", replied(201, true), b""),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
                replied(200, true),
                b"abcde",
            ),
            (
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                replied(200, true),
                b"x",
            ),
            (
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
                replied(200, false),
                b"x",
            ),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", replied(200, false), b"x"),
            (b"HTTP/1.1 502 Bad\r\n\r\nuntil the end", replied(502, false), b"until the end"),
        ];
        for (bytes, expected, body) in cases {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(read(bytes), Ok((expected, body.to_vec())), "{text}");
        }
    }

    #[test]
    fn a_refusal_may_ask_for_patience() {
        let bytes = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(bytes).unwrap().0.retry_after, Some(Nanos::from_secs(7)));
        let bytes = b"HTTP/1.1 425 Early\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(bytes).unwrap().0.retry_after, Some(Nanos::from_secs(300)));
    }

    #[test]
    fn what_is_no_reply_or_too_long_is_an_error() {
        for (bytes, error) in [
            (&b"SSH-2.0-x\r\n\r\n"[..], ReplyError::Malformed),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", ReplyError::TooLong),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ReplyError::Malformed),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                ReplyError::Malformed,
            ),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", ReplyError::Malformed),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ReplyError::Malformed),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n", ReplyError::TooLong),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz",
                ReplyError::Malformed,
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", ReplyError::Cut),
            (b"HTTP/1.1 101 Switching\r\n\r\n", ReplyError::Malformed),
            (b"", ReplyError::Cut),
        ] {
            assert_eq!(read_parts(&[bytes]), Err(error), "{}", String::from_utf8_lossy(bytes));
        }
        let mut reader = ReplyReader::new(100);
        let long = vec![b'a'; HEAD_BYTES_MAX + 100];
        reader.take(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
        assert_eq!(reader.take(&long), Err(ReplyError::TooLong));
    }

    #[test]
    fn bytes_behind_a_reply_end_the_connection() {
        let mut reader = ReplyReader::new(100);
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n";
        assert!(!reader.take(bytes).unwrap().unwrap().keeps_alive);
        reader.reset();
        assert_eq!(reader.take(b"HTTP/1.1 204 x\r\n\r\n").unwrap(), Some(replied(204, true)));
    }
}
