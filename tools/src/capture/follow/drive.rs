//! One feed tile's lane through its feeds, record by record.

use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::{BookId, Nanos};
use dutchbook_core::capture::lane::{Head, Kind};
use dutchbook_core::config::Config;
use dutchbook_core::tile::steer::Steer;
use dutchbook_core::topology::make_feed;
use dutchbook_feeds::counters::Counters;
use dutchbook_feeds::feed::Feed;
use dutchbook_feeds::notice::Sink;
use dutchbook_feeds::payload::PayloadBuf;

use crate::capture::error::CaptureError;
use crate::capture::manifest::ConnectionText;
use crate::capture::reader::{LaneCursor, Loss, Next};

/// What a step along a lane came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Drive {
    /// A record was applied.
    Applied,
    /// Something is missing here: the books of this lane await new snapshots.
    Lost(Loss),
    /// The lane has ended.
    End,
}

/// The feeds of one lane.
#[derive(Debug)]
pub struct FeedDriver<'a> {
    cursor: LaneCursor<'a>,
    feeds: Vec<Feed>,
    room: PayloadBuf,
    /// What the cursor shows and was not applied yet.
    shown: Option<Next>,
    last: Nanos,
    /// Commands that these feeds would not have sent as they were.
    other_commands: u64,
    /// Whether the tile ended within the capture.
    is_finished: bool,
}

impl<'a> FeedDriver<'a> {
    /// The feeds of a lane's connections.
    ///
    /// # Errors
    /// When they name books that the catalog does not list.
    pub fn new(
        cursor: LaneCursor<'a>,
        connections: &[ConnectionText],
        config: &Config,
        catalog: &Catalog,
    ) -> Result<Self, CaptureError> {
        let mut feeds = Vec::new();
        for connection in connections {
            let connection = connection.connection()?;
            let listed = |book: &BookId| catalog.listing(*book);
            let listings: Option<Vec<_>> = connection.books.iter().map(listed).collect();
            let missing = || CaptureError::Manifest("a connection names no listing".to_owned());
            let listings = listings.ok_or_else(missing)?;
            let feed = make_feed(config, connection.kind, listings);
            feeds.push(feed.map_err(|error| CaptureError::Setup(error.to_string()))?);
        }
        Ok(Self {
            cursor,
            feeds,
            room: PayloadBuf::with_capacity(1 << 16),
            shown: None,
            last: Nanos::ZERO,
            other_commands: 0,
            is_finished: false,
        })
    }

    /// The books of all its connections.
    pub fn books(&self) -> impl Iterator<Item = BookId> + '_ {
        self.feeds.iter().flat_map(|feed| feed.books().map(|(id, _)| id))
    }

    /// Whether a connection of a venue is among them: markets that appear there are its.
    #[must_use]
    pub fn has_venue(&self, kind: VenueKind) -> bool {
        self.feeds.iter().any(|feed| feed.kind() == kind)
    }

    /// What each feed has counted.
    #[must_use]
    pub fn counters(&self) -> Vec<(VenueKind, Counters)> {
        self.feeds.iter().map(|feed| (feed.kind(), feed.counters().clone())).collect()
    }

    /// Books that received a snapshot.
    #[must_use]
    pub fn seen_books(&self) -> u64 {
        let books = self.feeds.iter().flat_map(Feed::books);
        let seen = books.filter(|(_, book)| book.stamp().epoch > 0).count();
        u64::try_from(seen).unwrap_or(u64::MAX)
    }

    /// Commands that a feed did not give as the run's feed gave them.
    #[must_use]
    pub const fn other_commands(&self) -> u64 {
        self.other_commands
    }

    /// When the next record was taken; losses come first, and nothing has an end.
    ///
    /// # Errors
    /// When the files cannot be read any more.
    pub fn next_at(&mut self) -> Result<Option<Nanos>, CaptureError> {
        Ok(match self.show()? {
            Next::Record(head) => Some(Nanos(head.at)),
            Next::Lost(_) => Some(self.last),
            Next::End => None,
        })
    }

    fn show(&mut self) -> Result<&Next, CaptureError> {
        let next = match self.shown.take() {
            Some(shown) => shown,
            None => self.cursor.advance()?,
        };
        Ok(self.shown.insert(next))
    }

    /// The venue whose feed the next record concerns.
    ///
    /// # Errors
    /// When the files cannot be read any more.
    pub fn next_kind(&mut self) -> Result<Option<VenueKind>, CaptureError> {
        let Next::Record(head) = self.show()? else { return Ok(None) };
        let connection = usize::from(head.connection);
        Ok(self.feeds.get(connection).map(Feed::kind))
    }

    /// Applies the next record.
    ///
    /// # Errors
    /// When the files cannot be read any more.
    pub fn step(&mut self, sink: &mut impl Sink) -> Result<Drive, CaptureError> {
        self.show()?;
        match self.shown.take() {
            Some(Next::Record(head)) => {
                self.apply(&head, sink);
                Ok(Drive::Applied)
            }
            Some(Next::Lost(loss)) => {
                let last = self.last;
                self.feeds.iter_mut().for_each(|feed| feed.on_disconnect(last, sink));
                Ok(Drive::Lost(loss))
            }
            Some(Next::End) | None => {
                self.shown = Some(Next::End);
                Ok(Drive::End)
            }
        }
    }

    fn apply(&mut self, head: &Head, sink: &mut impl Sink) {
        let now = Nanos(head.at);
        self.last = self.last.max(now);
        if head.kind == Kind::Finished {
            self.is_finished = true;
            self.feeds.iter_mut().for_each(|feed| feed.finish(now, sink));
            return;
        }
        if head.kind == Kind::Steered {
            let book = BookId(u32::try_from(head.number).unwrap_or(u32::MAX));
            if let Some(steer) = Steer::read(book, self.cursor.body())
                && let Some(feed) = steer.feed_of(&mut self.feeds)
            {
                steer.apply(feed, now, sink);
            }
            return;
        }
        let Some(feed) = self.feeds.get_mut(usize::from(head.connection)) else { return };
        match head.kind {
            Kind::Payload => {
                feed.on_payload(self.cursor.body(), &mut self.room, now, sink);
            }
            Kind::Connected => feed.on_connect(now, sink),
            Kind::Disconnected => feed.on_disconnect(now, sink),
            Kind::Tick => {
                // What the tile made of it follows as a record of its own.
                let _step = feed.poll(now, sink);
            }
            Kind::Heard => feed.on_heard(now),
            Kind::Sent => {
                let command = feed.next_command();
                let is_same = command.is_some_and(|text| text.as_bytes() == self.cursor.body());
                self.other_commands += u64::from(!is_same);
            }
            Kind::Finished
            | Kind::Steered
            | Kind::Hole
            | Kind::Top
            | Kind::Dirty
            | Kind::Control
            | Kind::Evaluated
            | Kind::Polled
            | Kind::Closed
            | Kind::SawTop
            | Kind::SawDepth
            | Kind::JournalFull
            | Kind::Told
            | Kind::Killed
            | Kind::Winding
            | Kind::Programmed
            | Kind::Explained
            | Kind::Decided => {}
        }
    }
}
