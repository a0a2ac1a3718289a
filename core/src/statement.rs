//! A venue's own statement of our account: what a live run starts from, and what its books are
//! compared with at the end.

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{Cash, Exact, Face, InstrumentId, Price, Qty, VenueId};

use crate::position::Portfolio;

/// What a venue says we have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Cash.
    pub cash: Cash,
    /// Contracts of which we hold some.
    pub positions: Vec<(InstrumentId, Qty)>,
}

impl Statement {
    /// The sum of the absolute differences of cash and of every position between these words of a
    /// venue and our own books, a contract counted as a dollar.
    #[must_use]
    pub fn difference(&self, venue: VenueId, catalog: &Catalog, portfolio: &Portfolio) -> Exact {
        let mut sum = distance(self.cash.exact(), portfolio.money(venue).cash);
        for listing in catalog.listings_of(venue) {
            for face in [Face::Yes, Face::No] {
                let instrument = listing.book.instrument(face);
                let theirs = self.positions.iter().find(|(of, _)| *of == instrument);
                let theirs = theirs.map_or(Qty::ZERO, |(_, qty)| *qty);
                let apart = distance(dollars(theirs), dollars(portfolio.qty(instrument)));
                sum = sum.checked_add(apart).unwrap_or(sum);
            }
        }
        sum
    }
}

impl Statement {
    /// Where these words of a venue and our own books differ, in words.
    #[must_use]
    pub fn places(&self, venue: VenueId, catalog: &Catalog, portfolio: &Portfolio) -> Vec<String> {
        let mut places = Vec::new();
        let kind = catalog.venues.get(venue.index()).map_or("venue", |venue| venue.kind.name());
        let ours = portfolio.money(venue).cash;
        if self.cash.exact() != ours {
            places.push(format!("{kind}: cash {} there, {ours} here", self.cash));
        }
        for listing in catalog.listings_of(venue) {
            for face in [Face::Yes, Face::No] {
                let instrument = listing.book.instrument(face);
                let theirs = self.positions.iter().find(|(of, _)| *of == instrument);
                let theirs = theirs.map_or(Qty::ZERO, |(_, qty)| *qty);
                let ours = portfolio.qty(instrument);
                if theirs != ours {
                    let name = &listing.name;
                    places.push(format!("{kind}: {name}, {face:?}: {theirs} there, {ours} here"));
                }
            }
        }
        places
    }
}

/// A dollar per contract.
fn dollars(qty: Qty) -> Exact {
    Exact::product(Price::ONE, qty)
}

fn distance(one: Exact, other: Exact) -> Exact {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    high.checked_sub(low).unwrap_or(high)
}
