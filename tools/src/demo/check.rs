//! The end of a demo as the venues see it: what went wrong on them, and whether the engine's books
//! are theirs.

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{Book, BookId, BookStatus, Face, Level, Side};
use serde_json::{Map, Value};

use crate::sim::fault::FaultCounts;
use crate::sim::venue::SimVenues;

/// What the venues say of a run.
#[derive(Clone, Debug, Default)]
pub struct VenuesEnd {
    /// What went wrong on them, on purpose.
    pub faults: FaultCounts,
    /// Books that were compared, level by level.
    pub compared: u64,
    /// Books that differ, in words.
    pub unequal: Vec<String>,
}

impl VenuesEnd {
    /// Compares every book of the engine with the venue's own.
    ///
    /// The flow must have stopped, and the engine must have had time to take what was under way.
    #[must_use]
    pub fn compare(venues: &SimVenues, catalog: &Catalog, books: &[(BookId, Book)]) -> Self {
        let mut end = Self { faults: venues.stats().faults, compared: 0, unequal: Vec::new() };
        for listing in &venues.scenario().catalog.listings {
            let name = format!("{} {}", listing.kind.name(), listing.name);
            let mut all = catalog.listings.iter();
            let own = all.find(|own| own.native_market == listing.native_market);
            let own = own.and_then(|own| books.iter().find(|(id, _)| *id == own.book));
            if own.is_none() && !venues.scenario().is_listed_at_start(listing.book) {
                // Listed after the engine had read the lists: nobody subscribed it.
                continue;
            }
            let Some((_, book)) = own else {
                end.unequal.push(format!("{name}: the engine has no such book"));
                continue;
            };
            end.compared += 1;
            let status = book.status();
            let is_open = venues.is_open(listing.book);
            // Word of an end may be lost; the book is then live and empty, as the venue's is.
            let is_right = status == BookStatus::Live || (!is_open && status == BookStatus::Closed);
            let is_same = |side| {
                let theirs = venues.levels(listing.book, Face::Yes, side);
                levels(book, side) == theirs
            };
            let are_same = is_same(Side::Buy) && is_same(Side::Sell);
            if !is_right || !are_same {
                let word = if are_same { "the same levels" } else { "other levels" };
                end.unequal.push(format!("{name}: {status:?}, {word}"));
            }
        }
        end
    }

    /// Whether every listed book was compared and found to be the venue's own.
    #[must_use]
    pub const fn books_equal(&self) -> bool {
        self.compared > 0 && self.unequal.is_empty()
    }

    /// The faults that struck, by kind.
    #[must_use]
    pub fn faults_json(&self) -> Value {
        let named = self.faults.named().into_iter();
        let struck = named.filter(|(_, count)| *count > 0);
        let map: Map<String, Value> =
            struck.map(|(name, count)| (name.to_owned(), count.into())).collect();
        Value::Object(map)
    }
}

/// All levels of one side, best last as the venue has them.
fn levels(book: &Book, side: Side) -> Vec<Level> {
    let each = book.ladder(side).iter();
    let mut list: Vec<Level> =
        each.map(|(tick, qty)| Level { price: book.grid().price_of(tick), qty }).collect();
    list.reverse();
    list
}
