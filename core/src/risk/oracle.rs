//! Who decides: books whose outcomes are looked up at one source fail together.

use dutchbook_book::VenueId;
use dutchbook_book::catalog::Catalog;

/// Sources that decide, under dense numbers. A source is the same on every venue; books that name none
/// stand for their venue.
#[derive(Clone, Debug, Default)]
pub struct Oracles {
    known: Vec<String>,
}

impl Oracles {
    /// The sources of a catalog, and the number of each book's, by book.
    #[must_use]
    pub fn of(catalog: &Catalog) -> (Self, Vec<usize>) {
        let mut oracles = Self::default();
        let by_book = catalog.listings.iter().map(|listing| {
            let source = catalog.terms(listing.book).map_or("", |terms| terms.source.as_str());
            oracles.number(listing.venue, source)
        });
        let by_book = by_book.collect();
        (oracles, by_book)
    }

    /// The number of a source that a venue names.
    pub fn number(&mut self, venue: VenueId, source: &str) -> usize {
        let name = match source.trim() {
            "" => format!("venue {}", venue.0),
            source => source.trim_end_matches('/').to_lowercase(),
        };
        let known = self.known.iter().position(|other| *other == name);
        known.unwrap_or_else(|| self.add(name))
    }

    /// The number of a source that nobody knows: it stands for itself.
    pub fn unknown(&mut self) -> usize {
        self.add(String::new())
    }

    fn add(&mut self, name: String) -> usize {
        self.known.push(name);
        self.known.len().saturating_sub(1)
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::tests::catalog;
    use dutchbook_book::BookId;
    use dutchbook_book::catalog::{EventLaw, Terms};

    #[test]
    fn one_source_is_one_oracle_on_every_venue() {
        let mut catalog = catalog(EventLaw::Independent, 2);
        let (oracles, venues) = Oracles::of(&catalog);
        let count = oracles.count();
        let by_venue = catalog.listings.iter().map(|listing| listing.venue.index());
        assert_eq!((venues, count), (by_venue.collect(), catalog.venues.len()));
        for (book, source) in [(0, "https://a.example/"), (1, " HTTPS://A.example"), (2, "b")] {
            catalog
                .set_terms(BookId(book), Terms { source: source.to_owned(), ..Terms::default() });
        }
        let (_, by_book) = Oracles::of(&catalog);
        assert_eq!(by_book[0], by_book[1]);
        assert_ne!(by_book[0], by_book[2]);
    }
}
