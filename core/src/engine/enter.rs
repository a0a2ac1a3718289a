//! Markets that are listed while the engine runs.
//!
//! An engine makes room for every book of its catalog when it starts, free ones included. A listing
//! that comes later takes a free book: what it charges, its lots and its grid are known from then on.
//! What binds it to others is a relation, and comes from whoever compiles relations.

use std::sync::mpsc::Receiver;

use dutchbook_book::catalog::Listing;

use super::Engine;
use super::execution::Execution;

impl Engine {
    /// Takes listings from here, now and then. Their books must be free in the engine's catalog.
    #[must_use]
    pub fn listed_by(mut self, listings: Receiver<Box<Listing>>) -> Self {
        self.listings = Some(listings);
        self
    }

    /// Takes the listings that have come meanwhile.
    pub(super) fn take_listings(&mut self) {
        let Some(listings) = self.listings.take() else { return };
        while let Ok(listing) = listings.try_recv() {
            self.enter(*listing);
        }
        self.listings = Some(listings);
    }

    fn enter(&mut self, listing: Listing) {
        if matches!(self.execution, Execution::Live(_)) {
            // The order desk knows what it was started with: what comes later is watched only.
            return;
        }
        let book = listing.book;
        let Some(slot) = self.catalog.listings.get_mut(book.index()).filter(|slot| slot.is_free())
        else {
            return;
        };
        self.pricer.enter(&listing);
        self.risk.set_fee(book, listing.fee);
        if let Some(rules) = self.execution.rules_mut(book) {
            (rules.fee, rules.lot) = (listing.fee, listing.lot);
            (rules.min_qty, rules.min_notional) = (listing.min_qty, listing.min_notional);
        }
        self.execution.regrid(book, &listing.grid);
        // A book without baskets has no look-ups to rebuild.
        let _known = self.watch.regrid(book, &listing.grid).is_ok();
        let _known = self.watch.set_fee(book, listing.fee).is_ok();
        *slot = listing;
    }
}
