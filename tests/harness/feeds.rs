//! Listings and a sink for tests of feeds.

use std::collections::BTreeMap;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{Book, BookId, BookStatus, ConditionId, Grid, Qty, Stamp, VenueId};
use dutchbook_feeds::notice::{Notice, Sink};

/// A listing of a Kalshi market.
#[must_use]
pub fn kalshi(book: u32, ticker: &str, grid: Grid) -> Listing {
    listing(book, VenueKind::Kalshi, ticker, None, grid)
}

/// A listing of a Polymarket condition with its two tokens.
#[must_use]
pub fn polymarket(book: u32, market: &str, tokens: [&str; 2], grid: Grid) -> Listing {
    listing(book, VenueKind::Polymarket, market, Some(tokens.map(str::to_owned)), grid)
}

fn listing(
    book: u32,
    kind: VenueKind,
    market: &str,
    native_faces: Option<[String; 2]>,
    grid: Grid,
) -> Listing {
    Listing {
        book: BookId(book),
        native_market: market.to_owned(),
        native_faces,
        name: market.to_owned(),
        lot: Qty::from_micro(10_000).unwrap_or(Qty::ONE),
        min_qty: Qty::ZERO,
        ..Listing::plain(kind, VenueId(0), ConditionId(book), grid)
    }
}

/// Remembers what a feed said.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// Last stamp of each book.
    pub stamps: BTreeMap<BookId, Stamp>,
    /// Calls of `book_changed`.
    pub changes: u64,
    /// Notices, by their first word.
    pub notices: BTreeMap<&'static str, u64>,
    /// Debug texts of the notices, for failures.
    pub log: Vec<String>,
}

impl Recorder {
    /// How often a kind of notice came.
    #[must_use]
    pub fn count(&self, notice: &str) -> u64 {
        self.notices.get(notice).copied().unwrap_or(0)
    }

    /// The status that was last published of a book.
    #[must_use]
    pub fn status(&self, book: u32) -> Option<BookStatus> {
        self.stamps.get(&BookId(book)).map(|stamp| stamp.status)
    }
}

impl Sink for Recorder {
    fn book_changed(&mut self, id: BookId, book: &Book, stamp: Stamp) {
        assert_eq!(book.stamp(), stamp, "the stamp is the book's");
        self.changes += 1;
        self.stamps.insert(id, stamp);
    }

    fn notice(&mut self, notice: Notice<'_>) {
        let name = match notice {
            Notice::Trade(_) => "trade",
            Notice::Resolved(_) => "resolved",
            Notice::TickChange { .. } => "tick_change",
            Notice::FeeChange { .. } => "fee_change",
            Notice::Appeared => "appeared",
            Notice::Gap { .. } => "gap",
            Notice::Lost { .. } => "lost",
            Notice::Malformed(_) => "malformed",
            Notice::Refused { .. } => "refused",
            Notice::Record(_) => "record",
        };
        *self.notices.entry(name).or_default() += 1;
        if !matches!(notice, Notice::Record(_)) && self.log.len() < 1000 {
            self.log.push(format!("{notice:?}"));
        }
    }
}
