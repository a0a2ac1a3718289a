//! Markets that are listed while the engine runs.
//!
//! An engine makes room for every book of its catalog when it starts, free ones included. A market that
//! appears later takes a free book, and its event takes the id that such a book had, so that nothing
//! grows: what it charges, its lots, its grid, its event and who decides it are known from then on. What
//! binds it to others are the relations of the same program.

use super::Engine;
use crate::compiler::program::Appeared;

impl Engine {
    /// Takes markets that appeared.
    pub(super) fn enter(&mut self, appeared: &Appeared) {
        if appeared.is_empty() {
            return;
        }
        appeared.enter(&mut self.catalog);
        self.portfolio.restate(&appeared.events);
        self.risk.regroup(&self.portfolio);
        for (listing, terms) in &appeared.markets {
            let book = listing.book;
            self.pricer.enter(listing);
            self.risk.set_fee(book, listing.fee);
            self.risk.set_oracle(book, &terms.source);
            self.portfolio.set_oracle(book, &terms.source);
            if let Some(rules) = self.execution.rules_mut(book) {
                (rules.fee, rules.lot) = (listing.fee, listing.lot);
                (rules.min_qty, rules.min_notional) = (listing.min_qty, listing.min_notional);
            }
            self.execution.regrid(book, &listing.grid);
            if let Some(desk) = self.execution.desk_mut()
                && desk.list(listing, terms).is_err()
            {
                // Without the venue's ids there is no order: the gate stays closed.
                if let Some(known) = self.is_fee_known.get_mut(book.index()) {
                    *known = false;
                }
            }
            // A book without baskets has no look-ups to rebuild.
            let _known = self.watch.regrid(book, &listing.grid).is_ok();
            let _known = self.watch.set_fee(book, listing.fee).is_ok();
        }
    }
}
