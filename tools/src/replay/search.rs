//! The engine's watch over replayed books, with exact pricing of what it finds.
//!
//! Two watches see every changed top: one over the same books without fees, whose finds are *gross*,
//! and the real one, whose finds the sweep sizes and settles: *net*.

use dutchbook_book::catalog::{Catalog, Listing};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{BasketId, Book, BookId, Depth, Level, Nanos, Stamp, TopUpdate};
use dutchbook_core::eval::basket::Leg;
use dutchbook_core::eval::sweep::{LegBook, Scratch, Terms, sweep};
use dutchbook_core::eval::watch::Watch;
use dutchbook_core::relation::Relation;

use super::error::ReplayError;
use super::evaluate;
use super::lives::{Lives, Net};

/// Finds opportunities between the books of one recording.
#[derive(Debug)]
pub struct Search {
    gross: Watch,
    net: Watch,
    listings: Vec<Listing>,
    lives: Lives,
    legs: Vec<Leg>,
    scratch: Scratch,
    depth: Depth,
}

impl Search {
    /// Watches the complement law of every book: frames alone say nothing of other laws.
    ///
    /// # Errors
    /// When there are more books than the watch can hold.
    pub fn new(catalog: &Catalog) -> Result<Self, ReplayError> {
        let relations = || catalog.listings.iter().map(|one| Relation::complement(one.book));
        let watch = |catalog: &Catalog| {
            Watch::new(catalog, relations().collect())
                .map_err(|error| ReplayError::Setup(error.to_string()))
        };
        let mut free = catalog.clone();
        for listing in &mut free.listings {
            listing.fee = FeeSchedule::NONE;
        }
        Ok(Self {
            gross: watch(&free)?,
            net: watch(catalog)?,
            listings: catalog.listings.clone(),
            lives: Lives::default(),
            legs: Vec::new(),
            scratch: Scratch::default(),
            depth: Depth::default(),
        })
    }

    /// Takes a changed book.
    pub fn on_book(&mut self, id: BookId, book: &Book, stamp: Stamp) {
        let update = TopUpdate { book: id, top: book.top(), stamp };
        self.gross.on_top(&update);
        self.net.on_top(&update);
    }

    /// Prices what the changes since the last call touched.
    pub fn evaluate<'b>(&mut self, now: Nanos, book: impl Fn(BookId) -> Option<&'b Book>) {
        while let Some(touched) = self.gross.pop() {
            let (kind, what) = self.name(touched.basket);
            self.lives.observe_gross(kind, &what, touched.edge > 0, now);
        }
        while let Some(touched) = self.net.pop() {
            let net = if touched.edge > 0 { self.price(touched.basket, &book) } else { None };
            let (kind, what) = self.name(touched.basket);
            self.lives.observe_net(kind, &what, net, now);
        }
    }

    /// The kind of a basket and the markets in it, the same at birth and death.
    fn name(&self, basket: BasketId) -> (&'static str, String) {
        let Some(template) = self.net.template(basket) else {
            return ("unknown", basket.to_string());
        };
        let mut names: Vec<&str> = Vec::new();
        for slot in &template.slots {
            let listing = self.listings.get(slot.hold.book().index());
            let name = listing.map_or("", |listing| listing.name.as_str());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (template.kind.name(), names.join(" "))
    }

    fn price<'b>(
        &mut self,
        basket: BasketId,
        book: &impl Fn(BookId) -> Option<&'b Book>,
    ) -> Option<Net> {
        let found = self.net.materialise(basket, &mut self.legs)?;
        let mut levels: Vec<Vec<Level>> = Vec::with_capacity(self.legs.len());
        for leg in &self.legs {
            book(leg.instrument.book())?.copy_depth(&mut self.depth);
            levels.push(self.depth.opposite(leg.instrument.face(), leg.side).collect());
        }
        let mut legs = Vec::with_capacity(levels.len());
        for (leg, levels) in self.legs.iter().zip(&levels) {
            let listing = self.listings.get(leg.instrument.book().index())?;
            legs.push(LegBook {
                side: leg.side,
                ratio_micro: leg.ratio_micro,
                levels,
                schedule: listing.fee,
                lot: listing.lot,
                min_qty: listing.min_qty,
                min_notional: listing.min_notional,
            });
        }
        let terms = Terms { lot: evaluate::lot(), ..Terms::paying(found.floor) };
        let sizing = sweep(&legs, &terms, &mut self.scratch).ok()?;
        Some(Net { size: sizing.size, edge: sizing.net })
    }

    /// The lives found.
    #[must_use]
    pub fn finish(self) -> Lives {
        self.lives
    }
}
