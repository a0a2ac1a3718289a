//! Writes down what a feed tile is given: payloads and every other call, with their times.

use dutchbook_book::{BookId, Nanos};

use super::lane::{Head, Kind, LaneWriter};

/// The recording half of a feed tile.
#[derive(Debug)]
pub struct FeedTap {
    lane: LaneWriter,
    /// Payloads so far, by connection.
    sequences: Vec<u64>,
}

impl FeedTap {
    /// A tap of so many connections that writes into a lane.
    #[must_use]
    pub fn new(lane: LaneWriter, connections: usize) -> Self {
        Self { lane, sequences: vec![0; connections] }
    }

    /// A payload was received.
    #[inline]
    pub fn payload(&mut self, connection: usize, now: Nanos, payload: &[u8]) {
        let Some(sequence) = self.sequences.get_mut(connection) else { return };
        *sequence += 1;
        let number = *sequence;
        self.put(Kind::Payload, connection, now, number, payload);
    }

    /// Something else happened to a connection; `text` says what, where that can be said.
    #[inline]
    pub fn event(&mut self, kind: Kind, connection: usize, now: Nanos, text: &str) {
        let number = self.sequences.get(connection).copied().unwrap_or(0);
        self.put(kind, connection, now, number, text.as_bytes());
    }

    /// A word of others than the streams about a book.
    pub fn steer(&mut self, book: BookId, now: Nanos, words: &[u8]) {
        self.put(Kind::Steered, 0, now, u64::from(book.0), words);
    }

    #[inline]
    fn put(&mut self, kind: Kind, connection: usize, now: Nanos, number: u64, body: &[u8]) {
        // A tile has a handful of connections.
        let connection = u16::try_from(connection).unwrap_or(u16::MAX);
        self.lane.put(Head { kind, connection, at: now.0, number }, body);
    }

    /// Hands over what is there, so that the capture's writer lags by little.
    pub fn flush(&mut self) {
        self.lane.flush();
    }
}
