//! The lanes of one run: made while its tiles are wired, drained by the capture's writer.

use dutchbook_book::BookId;
use dutchbook_book::catalog::VenueKind;
use dutchbook_feeds::feed::Feed;

use super::lane::{LaneReader, LaneWriter, lane};
use super::tap::FeedTap;

/// Bytes of one chunk: what changes hands at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks of a feed tile's lane: 32 MiB, a second of a venue's worst burst.
const FEED_CHUNKS: usize = 128;
/// Chunks of the engine's lane: 8 MiB.
const ENGINE_CHUNKS: usize = 32;

/// One connection of a feed tile, as a replay has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The venue's protocol.
    pub kind: VenueKind,
    /// Where it went.
    pub url: String,
    /// The books that it carries.
    pub books: Vec<BookId>,
}

/// Whose inputs a lane holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A feed tile with these connections.
    Feed(Vec<Connection>),
    /// The engine.
    Engine,
}

/// A lane and what it is of.
#[derive(Debug)]
pub struct TappedLane {
    /// Whose inputs it holds.
    pub role: Role,
    /// The end that is drained.
    pub reader: LaneReader,
}

/// Makes the lanes of a run that is recorded; of another run it makes none.
#[derive(Debug, Default)]
pub struct Taps {
    feeds: bool,
    engine: bool,
    lanes: Vec<TappedLane>,
}

impl Taps {
    /// Taps that record.
    #[must_use]
    pub const fn on() -> Self {
        Self { feeds: true, engine: true, lanes: Vec::new() }
    }

    /// Taps that record the streams alone, of a run that decides nothing.
    #[must_use]
    pub const fn of_feeds() -> Self {
        Self { feeds: true, engine: false, lanes: Vec::new() }
    }

    /// The tap of a feed tile with these feeds and their addresses.
    pub fn feed(&mut self, feeds: &[Feed], urls: &[String]) -> Option<FeedTap> {
        let connection = |(feed, url): (&Feed, &String)| Connection {
            kind: feed.kind(),
            url: url.clone(),
            books: feed.books().map(|(id, _)| id).collect(),
        };
        let connections: Vec<Connection> = feeds.iter().zip(urls).map(connection).collect();
        let writer = self.feeds.then(|| self.lane(FEED_CHUNKS, Role::Feed(connections)))?;
        Some(FeedTap::new(writer, feeds.len()))
    }

    /// The lane of the engine.
    pub fn engine(&mut self) -> Option<LaneWriter> {
        self.engine.then(|| self.lane(ENGINE_CHUNKS, Role::Engine))
    }

    fn lane(&mut self, chunks: usize, role: Role) -> LaneWriter {
        let (writer, reader) = lane(chunks, CHUNK_BYTES);
        self.lanes.push(TappedLane { role, reader });
        writer
    }

    /// The lanes made so far.
    #[must_use]
    pub fn into_lanes(self) -> Vec<TappedLane> {
        self.lanes
    }
}
