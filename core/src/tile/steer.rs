//! What others than the stream tell a feed tile: the venue's lists, its REST books.

use std::sync::mpsc::{Receiver, Sender, channel};

use dutchbook_book::{BookId, Face, Grid, VenueId};
use dutchbook_feeds::session::Trading;

/// One word to a feed tile. They are rare; a tile takes them in its housekeeping.
#[derive(Clone, Debug)]
pub enum Steer {
    /// The book has missed changes: resynchronise it, and it alone.
    Freeze(BookId),
    /// The venue trades the book, does not just now, or never will again.
    Trading(BookId, Trading),
    /// The book's prices have another grid.
    Grid(BookId, Grid),
    /// The venue's lists say how a condition was decided.
    Resolved {
        /// The book of the condition on that venue.
        book: BookId,
        /// The face that pays.
        winner: Face,
        /// Whether nothing will be said any more.
        is_final: bool,
    },
}

impl Steer {
    /// Whose book it is about.
    #[must_use]
    pub const fn book(&self) -> BookId {
        match self {
            Self::Freeze(book)
            | Self::Trading(book, _)
            | Self::Grid(book, _)
            | Self::Resolved { book, .. } => *book,
        }
    }
}

/// The way to the tiles, by venue.
#[derive(Clone, Debug, Default)]
pub struct Steering {
    tiles: Vec<(VenueId, Sender<Steer>)>,
}

impl Steering {
    /// A tile's receiving end, for these venues.
    pub(crate) fn tile(&mut self, venues: impl IntoIterator<Item = VenueId>) -> Receiver<Steer> {
        let (sender, receiver) = channel();
        self.tiles.extend(venues.into_iter().map(|venue| (venue, sender.clone())));
        receiver
    }

    /// Tells the tile of a venue. False when no tile has it, or it is gone.
    #[must_use]
    pub fn tell(&self, venue: VenueId, steer: Steer) -> bool {
        let tile = self.tiles.iter().find(|(of, _)| *of == venue);
        tile.is_some_and(|(_, sender)| sender.send(steer).is_ok())
    }
}
