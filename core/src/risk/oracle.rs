//! Who decides: books whose outcomes are looked up at one source fail together.

use dutchbook_book::catalog::Catalog;

/// The source that decides each book, as a dense number, by book; and how many there are. A source is
/// the same on every venue; books that name none stand for their venue.
#[must_use]
pub fn oracles(catalog: &Catalog) -> (Vec<usize>, usize) {
    let mut known: Vec<String> = Vec::new();
    let by_book = catalog.listings.iter().map(|listing| {
        let source = catalog.terms(listing.book).map_or("", |terms| terms.source.trim());
        let name = match source {
            "" => format!("venue {}", listing.venue.0),
            source => source.trim_end_matches('/').to_lowercase(),
        };
        known.iter().position(|other| *other == name).unwrap_or_else(|| {
            known.push(name);
            known.len().saturating_sub(1)
        })
    });
    let by_book = by_book.collect();
    (by_book, known.len())
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
        let (venues, count) = oracles(&catalog);
        let by_venue = catalog.listings.iter().map(|listing| listing.venue.index());
        assert_eq!((venues, count), (by_venue.collect(), catalog.venues.len()));
        for (book, source) in [(0, "https://a.example/"), (1, " HTTPS://A.example"), (2, "b")] {
            catalog
                .set_terms(BookId(book), Terms { source: source.to_owned(), ..Terms::default() });
        }
        let (by_book, _) = oracles(&catalog);
        assert_eq!(by_book[0], by_book[1]);
        assert_ne!(by_book[0], by_book[2]);
    }
}
