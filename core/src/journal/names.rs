//! What the numbers in a journal stand for: written once by each process, before its first record.
//!
//! Venues, events and books are dense numbers that a catalog gives, and the next process has another
//! catalog. A book is therefore known for ever by its venue's name and its native market.

use std::path::PathBuf;
use std::sync::mpsc::Sender;

use dutchbook_book::catalog::Catalog;
use serde::{Deserialize, Serialize};

use super::folder::{JournalError, write_names};

/// One book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookName {
    /// Its venue, as an index of [`Names::venues`].
    pub venue: u32,
    /// The venue's id of the market.
    pub market: String,
    /// What a person calls it.
    pub name: String,
    /// Its event, as an index of [`Names::events`].
    pub event: u32,
}

/// The names behind the numbers of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Venues, by id.
    pub venues: Vec<String>,
    /// Events, by id.
    pub events: Vec<String>,
    /// Books, by id.
    pub books: Vec<BookName>,
}

impl Names {
    /// The names of a catalog.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let book = |listing: &dutchbook_book::catalog::Listing| {
            let condition = catalog.conditions.get(listing.condition.index());
            BookName {
                venue: listing.venue.0,
                market: listing.native_market.clone(),
                name: listing.name.clone(),
                event: condition.map_or(0, |condition| condition.event.0),
            }
        };
        Self {
            venues: catalog.venues.iter().map(|venue| venue.kind.name().to_owned()).collect(),
            events: catalog.events.iter().map(|event| event.name.clone()).collect(),
            books: catalog.listings.iter().map(book).collect(),
        }
    }
}

/// Names markets that appear while a process writes: before the engine may speak of them, the file and
/// whoever follows the journal know what their numbers mean.
///
/// Books that were free have no records, so that the names of now hold for everything before, too.
#[derive(Debug)]
pub struct Namer {
    pub(crate) folder: PathBuf,
    pub(crate) segment: u32,
    pub(crate) follower: Sender<Names>,
}

impl Namer {
    /// Writes the names of a catalog over those of the process so far.
    ///
    /// # Errors
    /// When the disk takes them not: nothing may be written about what they name.
    pub fn name(&self, catalog: &Catalog) -> Result<(), JournalError> {
        let names = Names::of(catalog);
        write_names(&self.folder, self.segment, &names)?;
        // A ledger that has ended is made up for at the next start.
        let _told = self.follower.send(names).is_ok();
        Ok(())
    }
}
