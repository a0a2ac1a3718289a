//! A venue's own statement of our account: what a live run starts from, and what its books are
//! compared with, at a restart and at the end.

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{BookId, Cash, Exact, Face, InstrumentId, Price, Qty, VenueId};

use crate::position::Portfolio;

/// A market where an account may have something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The venue.
    pub venue: VenueId,
    /// The book, in our own numbers.
    pub book: BookId,
    /// The venue's id of the market.
    pub market: String,
    /// What a person calls it.
    pub name: String,
    /// The venue's ids of YES and NO, where they are known.
    pub tokens: Option<[String; 2]>,
    /// Whether our own books have something there, or had orders there.
    pub is_ours: bool,
}

impl Place {
    /// Every market of a catalog.
    #[must_use]
    pub fn all(catalog: &Catalog) -> Vec<Self> {
        let listings = catalog.listings.iter().filter(|listing| !listing.is_free());
        let place = |listing: &dutchbook_book::catalog::Listing| Self {
            venue: listing.venue,
            book: listing.book,
            market: listing.native_market.clone(),
            name: listing.name.clone(),
            tokens: listing.native_faces.clone(),
            is_ours: false,
        };
        listings.map(place).collect()
    }

    /// Marks those of which our books have some.
    pub fn mark_held(places: &mut [Self], portfolio: &Portfolio) {
        for place in places {
            let faces = [Face::Yes, Face::No].map(|face| place.book.instrument(face));
            place.is_ours |= faces.iter().any(|of| !portfolio.qty(*of).is_zero());
        }
    }
}

/// What a venue says we have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Cash.
    pub cash: Cash,
    /// Contracts of which we hold some.
    pub positions: Vec<(InstrumentId, Qty)>,
    /// Markets of ours that were settled, with what each YES paid.
    pub settled: Vec<(BookId, Price)>,
    /// What is held in markets that we do not know, in words.
    pub strange: Vec<String>,
}

/// A position of which a venue and our own books say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// Of what.
    pub instrument: InstrumentId,
    /// What a person calls its market.
    pub name: String,
    /// What the venue says.
    pub theirs: Qty,
    /// What our books say.
    pub ours: Qty,
}

/// How a venue's words and our own books compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The venue's cash.
    pub theirs: Exact,
    /// Ours.
    pub ours: Exact,
    /// Positions that one of both has.
    pub compared: u32,
    /// Those that differ.
    pub apart: Vec<Apart>,
}

impl Statement {
    /// Compares these words of a venue with our own books, market by market.
    #[must_use]
    pub fn compare(&self, venue: VenueId, places: &[Place], portfolio: &Portfolio) -> Comparison {
        let (theirs, ours) = (self.cash.exact(), portfolio.money(venue).cash);
        let mut comparison = Comparison { theirs, ours, compared: 0, apart: Vec::new() };
        for place in places.iter().filter(|place| place.venue == venue) {
            for face in [Face::Yes, Face::No] {
                let instrument = place.book.instrument(face);
                let theirs = self.positions.iter().find(|(of, _)| *of == instrument);
                let theirs = theirs.map_or(Qty::ZERO, |(_, qty)| *qty);
                let ours = portfolio.qty(instrument);
                comparison.compared += u32::from(!theirs.is_zero() || !ours.is_zero());
                if theirs != ours {
                    let name = place.name.clone();
                    comparison.apart.push(Apart { instrument, name, theirs, ours });
                }
            }
        }
        comparison
    }
}

impl Comparison {
    /// The venue's cash less ours.
    #[must_use]
    pub fn cash(&self) -> Exact {
        self.theirs.checked_sub(self.ours).unwrap_or(Exact::ZERO)
    }

    /// The sum of the absolute differences of cash and of every position, a contract counted as a
    /// dollar.
    #[must_use]
    pub fn sum(&self) -> Exact {
        let mut sum = distance(self.theirs, self.ours);
        for apart in &self.apart {
            let one = distance(dollars(apart.theirs), dollars(apart.ours));
            sum = sum.checked_add(one).unwrap_or(sum);
        }
        sum
    }

    /// Where both differ, in words; nothing where they agree.
    #[must_use]
    pub fn lines(&self, venue: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if self.theirs != self.ours {
            lines.push(format!("{venue}: cash {} there, {} here", self.theirs, self.ours));
        }
        for Apart { instrument, name, theirs, ours } in &self.apart {
            let face = instrument.face();
            lines.push(format!("{venue}: {name}, {face:?}: {theirs} there, {ours} here"));
        }
        lines
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
