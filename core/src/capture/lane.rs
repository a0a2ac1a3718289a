//! A lane: variable-length records from a hot thread to the capture's writer.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..4 | length of the body |
//! | 4 | [`Kind`] |
//! | 5 | 1 where the body goes on in the next record, else 0 |
//! | 6..8 | connection |
//! | 8..16 | `at`: the time, or the version of a view |
//! | 16..24 | `number`: the sequence of a connection, or a book |
//! | 24.. | body |
//!
//! All numbers are little-endian. A record lies in one chunk; a body that is larger than a chunk is
//! cut into several records. What found no room is counted in a [`Kind::Hole`] that stands where it
//! should have been.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dutchbook_book::Nanos;

use crate::chunk::{self, ChunkReader, ChunkWriter};

/// Bytes before a record's body.
pub const HEAD_BYTES: usize = 24;
/// Longest body over all its parts: more is not ours.
pub const BODY_BYTES_MAX: usize = 64 << 20;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Records are missing here: `number` of them; the body holds their bytes as a `u64`.
    Hole = 0,
    /// A payload as received. `at`: the receive time; `number`: its sequence on the connection.
    Payload = 1,
    /// The connection is up.
    Connected = 2,
    /// The connection is gone; the body says why.
    Disconnected = 3,
    /// Housekeeping of a connection.
    Tick = 4,
    /// A ping or pong of the transport.
    Heard = 5,
    /// A command that was sent.
    Sent = 6,
    /// The tile ended.
    Finished = 7,
    /// A word of others than the streams; the body says which. `number`: its book.
    Steered = 8,
    /// The engine took a top. `at`: its version; `number`: its book.
    Top = 16,
    /// The engine was told that a top was coalesced. `number`: its book.
    Dirty = 17,
    /// The engine took cold news; the body holds their words.
    Control = 18,
    /// The engine evaluated what was touched.
    Evaluated = 19,
    /// The engine looked after orders, young edges and unequal legs that were due.
    Polled = 20,
    /// The engine's run was over.
    Closed = 21,
    /// The engine read a top. `at`: its version, or [`TORN`]; `number`: its book.
    SawTop = 22,
    /// The engine read a depth. `at`: its version, or [`TORN`]; `number`: its book.
    SawDepth = 23,
    /// The journal had no room: nothing was sent.
    JournalFull = 24,
    /// The engine took a word of the order desk; the body is its record.
    Told = 25,
    /// The engine saw that the kill switch was pulled.
    Killed = 26,
    /// The engine opens no new trades any more.
    Winding = 27,
    /// The engine took a program of the compiler; the body holds it.
    Programmed = 28,
    /// All that an earlier run left is explained: the engine may open trades.
    Explained = 29,
    /// One decision, in the lane of decisions. `number`: its basket.
    Decided = 32,
}

/// The version of a view that could not be read whole.
pub const TORN: u64 = u64::MAX;

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 24] = [
        Self::Hole,
        Self::Payload,
        Self::Connected,
        Self::Disconnected,
        Self::Tick,
        Self::Heard,
        Self::Sent,
        Self::Finished,
        Self::Steered,
        Self::Top,
        Self::Dirty,
        Self::Control,
        Self::Evaluated,
        Self::Polled,
        Self::Closed,
        Self::SawTop,
        Self::SawDepth,
        Self::JournalFull,
        Self::Told,
        Self::Killed,
        Self::Winding,
        Self::Programmed,
        Self::Explained,
        Self::Decided,
    ];

    /// The kind of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == code)
    }

    /// The kind's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hole => "hole",
            Self::Payload => "payload",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Tick => "tick",
            Self::Heard => "heard",
            Self::Sent => "sent",
            Self::Finished => "finished",
            Self::Steered => "steered",
            Self::Top => "top",
            Self::Dirty => "dirty",
            Self::Control => "control",
            Self::Evaluated => "evaluated",
            Self::Polled => "polled",
            Self::Closed => "closed",
            Self::SawTop => "saw_top",
            Self::SawDepth => "saw_depth",
            Self::JournalFull => "journal_full",
            Self::Told => "told",
            Self::Killed => "killed",
            Self::Winding => "winding",
            Self::Programmed => "programmed",
            Self::Explained => "explained",
            Self::Decided => "decided",
        }
    }
}

/// A record without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What it says.
    pub kind: Kind,
    /// Which connection of the lane; zero in an engine's lane.
    pub connection: u16,
    /// A time in nanoseconds, or a version.
    pub at: u64,
    /// A sequence, or a book.
    pub number: u64,
}

impl Head {
    fn encode(self, body_bytes: usize, goes_on: bool) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        // A body lies within a chunk, which is far smaller.
        let body_bytes = u32::try_from(body_bytes).unwrap_or(u32::MAX);
        let (length, rest) = bytes.split_at_mut(4);
        length.copy_from_slice(&body_bytes.to_le_bytes());
        let (kind, rest) = rest.split_at_mut(2);
        kind.copy_from_slice(&[self.kind as u8, u8::from(goes_on)]);
        let (connection, rest) = rest.split_at_mut(2);
        connection.copy_from_slice(&self.connection.to_le_bytes());
        let (at, number) = rest.split_at_mut(8);
        at.copy_from_slice(&self.at.to_le_bytes());
        number.copy_from_slice(&self.number.to_le_bytes());
        bytes
    }
}

/// What was shed and not yet told by a hole.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    first: u64,
    records: u64,
    bytes: u64,
}

impl Lost {
    fn record(self) -> ([u8; HEAD_BYTES], [u8; 8]) {
        let Self { first, records, bytes } = self;
        let head = Head { kind: Kind::Hole, connection: 0, at: first, number: records };
        let body = bytes.to_le_bytes();
        (head.encode(body.len(), false), body)
    }
}

/// The hot side of a lane. One thread owns it.
#[derive(Debug)]
pub struct LaneWriter {
    bytes: ChunkWriter<u8>,
    lost: Lost,
    shed: Arc<AtomicU64>,
}

/// The slow side of a lane.
#[derive(Debug)]
pub struct LaneReader {
    bytes: ChunkReader<u8>,
    shed: Arc<AtomicU64>,
}

/// Makes a lane of so many chunks of so many bytes, all of them touched.
#[must_use]
pub fn lane(chunk_count: usize, chunk_bytes: usize) -> (LaneWriter, LaneReader) {
    let (writer, reader) = chunk::touched_channel(chunk_count, chunk_bytes.max(1024), 1);
    let shed = Arc::new(AtomicU64::new(0));
    let writer = LaneWriter { bytes: writer, lost: Lost::default(), shed: Arc::clone(&shed) };
    (writer, LaneReader { bytes: reader, shed })
}

impl LaneWriter {
    /// Appends a record. Without room it is shed and the lane will hold a hole.
    #[inline]
    pub fn put(&mut self, head: Head, body: &[u8]) {
        let is_whole = body.len() <= self.bytes.chunk_len().saturating_sub(HEAD_BYTES);
        if is_whole && self.lost.records == 0 {
            if self.bytes.append(&[&head.encode(body.len(), false), body]).is_err() {
                self.lose(head, body.len());
            }
        } else {
            self.put_slowly(head, body);
        }
    }

    /// A record behind a hole, with which it goes or not at all, or one that needs several chunks.
    #[cold]
    fn put_slowly(&mut self, head: Head, body: &[u8]) {
        let (hole_head, hole_body) = self.lost.record();
        let head_bytes = head.encode(body.len(), false);
        if self.bytes.append(&[&hole_head, &hole_body, &head_bytes, body]).is_ok() {
            self.lost = Lost::default();
            return;
        }
        let part_bytes = self.bytes.chunk_len().saturating_sub(HEAD_BYTES).max(1);
        let mut parts = body.chunks(part_bytes).peekable();
        let is_large = parts.len() > 1;
        if !is_large || parts.len() > self.bytes.free_chunks() || !self.tell_hole() {
            return self.lose(head, body.len());
        }
        while let Some(part) = parts.next() {
            let head_bytes = head.encode(part.len(), parts.peek().is_some());
            if self.bytes.append(&[&head_bytes, part]).is_err() {
                // Its first parts may stand: without the last they are not believed.
                return self.lose(head, body.len());
            }
        }
    }

    /// Writes down what was shed before; whether nothing is left to tell.
    fn tell_hole(&mut self) -> bool {
        if self.lost.records == 0 {
            return true;
        }
        let (head, body) = self.lost.record();
        let told = self.bytes.append(&[&head, &body]).is_ok();
        if told {
            self.lost = Lost::default();
        }
        told
    }

    #[cold]
    fn lose(&mut self, head: Head, body_bytes: usize) {
        if self.lost.records == 0 {
            self.lost.first = head.at;
        }
        self.lost.records += 1;
        let bytes = u64::try_from(body_bytes.saturating_add(HEAD_BYTES)).unwrap_or(u64::MAX);
        self.lost.bytes = self.lost.bytes.saturating_add(bytes);
        // Relaxed: a count of its own.
        self.shed.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands over what is there, so that the slow side lags by little.
    pub fn flush(&mut self) {
        if self.lost.records > 0 {
            self.tell_hole();
        }
        self.bytes.flush();
    }
}

impl Drop for LaneWriter {
    fn drop(&mut self) {
        // Where even the hole finds no room, the count of what was shed still tells.
        self.tell_hole();
    }
}

impl LaneReader {
    /// Gives every handed-over run of whole records to `take`, oldest first. Returns the bytes.
    pub fn drain(&mut self, take: impl FnMut(&[u8])) -> usize {
        self.bytes.drain_chunks(take)
    }

    /// Whether the writer is gone and everything has been drained.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.bytes.is_finished()
    }

    /// Records that were shed for want of room.
    #[must_use]
    pub fn shed_count(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }
}

/// A record as it lies in a lane's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Everything but the body.
    pub head: Head,
    /// Whether the body goes on in the next record.
    pub goes_on: bool,
    /// The body.
    pub body: &'a [u8],
}

impl Record<'_> {
    /// The time of a record that has one.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        Nanos(self.head.at)
    }
}

/// Bytes that are no record: damage that no checksum has caught, or another layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lane's bytes are no records at byte {at}")]
pub struct Malformed {
    /// Where.
    pub at: usize,
}

/// The records in a run of a lane's bytes.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// The records of these bytes.
    #[must_use]
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How far they have been read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    fn take(&mut self) -> Option<Record<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let (head, rest) = rest.split_first_chunk::<HEAD_BYTES>()?;
        let (length, fields) = head.split_first_chunk::<4>()?;
        let body_bytes = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let body = rest.get(..body_bytes)?;
        let (&[kind, goes_on, c0, c1], fields) = fields.split_first_chunk::<4>()?;
        let (at, number) = fields.split_first_chunk::<8>()?;
        let head = Head {
            kind: Kind::from_code(kind)?,
            connection: u16::from_le_bytes([c0, c1]),
            at: u64::from_le_bytes(*at),
            number: u64::from_le_bytes(*number.first_chunk::<8>()?),
        };
        if goes_on > 1 {
            return None;
        }
        self.at = self.at.saturating_add(HEAD_BYTES).saturating_add(body_bytes);
        Some(Record { head, goes_on: goes_on == 1, body })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let at = self.at;
        let taken = self.take().ok_or(Malformed { at });
        if taken.is_err() {
            self.at = self.bytes.len();
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(number: u64) -> Head {
        Head { kind: Kind::Payload, connection: 3, at: 100 + number, number }
    }

    fn drained(reader: &mut LaneReader) -> Vec<(Head, bool, Vec<u8>)> {
        let mut all = Vec::new();
        reader.drain(|bytes| {
            for record in Records::of(bytes) {
                let record = record.unwrap();
                all.push((record.head, record.goes_on, record.body.to_vec()));
            }
        });
        all
    }

    #[test]
    fn records_come_out_as_they_went_in() {
        let (mut writer, mut reader) = lane(4, 1024);
        let bodies: Vec<Vec<u8>> = (0_u8..20).map(|size| vec![size; usize::from(size)]).collect();
        for (number, body) in (0..).zip(&bodies) {
            writer.put(head(number), body);
        }
        drop(writer);
        let all = drained(&mut reader);
        assert!(reader.is_finished());
        assert_eq!(all.len(), bodies.len());
        for ((number, body), found) in (0..).zip(&bodies).zip(&all) {
            assert_eq!(found, &(head(number), false, body.clone()));
        }
    }

    #[test]
    fn a_body_beyond_a_chunk_is_cut_and_goes_on() {
        let (mut writer, mut reader) = lane(4, 1024);
        writer.put(head(0), b"before");
        let large: Vec<u8> = (0..2500_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        writer.put(head(1), &large);
        drop(writer);
        let all = drained(&mut reader);
        let parts: Vec<bool> = all.iter().map(|(_, goes_on, _)| *goes_on).collect();
        assert_eq!(parts, [false, true, true, false]);
        let joined: Vec<u8> = all.iter().skip(1).flat_map(|(_, _, body)| body.clone()).collect();
        assert_eq!(joined, large);
    }

    #[test]
    fn what_finds_no_room_leaves_a_hole_where_it_was() {
        let (mut writer, mut reader) = lane(2, 1024);
        for number in 0..5 {
            writer.put(head(number), &[7; 900]);
        }
        assert_eq!(reader.shed_count(), 3);
        assert_eq!(drained(&mut reader).len(), 1);
        writer.put(head(5), b"after");
        drop(writer);
        let rest = drained(&mut reader);
        let kinds: Vec<_> = rest.iter().map(|(head, _, _)| (head.kind, head.number)).collect();
        assert_eq!(kinds, [(Kind::Payload, 1), (Kind::Hole, 3), (Kind::Payload, 5)]);
        assert_eq!(rest[1].0.at, 102);
        assert_eq!(u64::from_le_bytes(rest[1].2[..].try_into().unwrap()), 3 * 924);
    }

    #[test]
    fn bytes_that_are_no_records_are_refused_once() {
        let whole = head(1).encode(4, false);
        let mut bytes = whole.to_vec();
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(&whole[..10]);
        let mut records = Records::of(&bytes);
        assert!(records.next().unwrap().is_ok());
        assert_eq!(records.next(), Some(Err(Malformed { at: 28 })));
        assert_eq!(records.next(), None);
        bytes[4] = 99;
        assert_eq!(Records::of(&bytes).next(), Some(Err(Malformed { at: 0 })));
    }
}
