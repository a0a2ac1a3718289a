//! What agents and clients work with: the listings, and who hears of what happens on them.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Grid, Nanos, Price, TopOfBook};

use super::super::matching::{MatchEvent, NewOrder, OrderKey, RestingOrder, Submitted};
use super::super::world::{Market, Rejected, World};

/// What a venue does when a listing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Trading stops, orders are cancelled and the result is announced.
    Determined {
        /// Whether YES pays.
        yes: bool,
    },
    /// Money has moved.
    Settled,
}

/// Sees everything that happens on the listings, in order.
pub trait Tape {
    /// An operation changed a book; the market is as it is afterwards.
    fn changed(&mut self, book: BookId, market: &Market, now: Nanos, events: &[MatchEvent]);
    /// A listing accepts other prices from now on.
    fn tick_changed(&mut self, book: BookId, market: &Market, now: Nanos, grids: [&Grid; 2]);
    /// A venue lists something that was not listed before.
    fn listed(&mut self, book: BookId);
    /// Kalshi charges the event of a listing otherwise from now on.
    fn fee_changed(&mut self, book: BookId, multiplier_nano: Option<u32>);
    /// A listing ends.
    fn ended(&mut self, book: BookId, market: &Market, now: Nanos, ending: Ending);
}

/// What an agent works with when it wakes.
#[expect(missing_debug_implementations, reason = "it borrows a tape that need not print itself")]
pub struct Desk<'a> {
    /// Truths and listings.
    pub world: &'a mut World,
    /// Who hears of it.
    pub tape: &'a mut dyn Tape,
    /// When it is.
    pub now: Nanos,
    /// The grid that Polymarket changes to near the ends.
    pub fine: Grid,
}

impl Desk<'_> {
    pub(super) fn market(&self, book: BookId) -> Option<&Market> {
        self.world.markets.get(book.index())
    }

    pub(super) fn is_listed(&self, book: BookId) -> bool {
        self.market(book).is_some_and(|market| market.is_listed)
    }

    pub(super) fn top(&self, book: BookId) -> TopOfBook {
        self.market(book).map_or_else(TopOfBook::default, |market| market.book.top())
    }

    /// An agent's order: one that is refused is none.
    pub(super) fn submit(&mut self, book: BookId, order: NewOrder) -> Option<Submitted> {
        self.place(book, order).ok()
    }

    /// Places an order and tells the tape.
    ///
    /// # Errors
    /// When the listing refuses it.
    pub fn place(&mut self, book: BookId, order: NewOrder) -> Result<Submitted, Rejected> {
        let mut events = Vec::new();
        let done = self.world.submit(book, order, &mut events);
        self.tell(book, &events);
        self.watch_tick(book);
        done
    }

    /// Replaces an order and tells the tape.
    ///
    /// # Errors
    /// When the listing refuses the new one; the old one is as before.
    pub fn replace(
        &mut self,
        book: BookId,
        key: OrderKey,
        order: NewOrder,
    ) -> Result<Submitted, Rejected> {
        let mut events = Vec::new();
        let done = self.world.replace(book, key, order, &mut events);
        self.tell(book, &events);
        done
    }

    /// Cancels an order and tells the tape; `None` when it rests no more.
    pub fn cancel(&mut self, book: BookId, key: OrderKey) -> Option<RestingOrder> {
        let mut events = Vec::new();
        let gone = self.world.cancel(book, key, &mut events);
        self.tell(book, &events);
        gone
    }

    fn tell(&mut self, book: BookId, events: &[MatchEvent]) {
        if let Some(market) = self.world.markets.get(book.index())
            && !events.is_empty()
        {
            self.tape.changed(book, market, self.now, events);
        }
    }

    /// Polymarket's rule: beyond 0.96 and 0.04 a market of whole cents gets the finer tick.
    fn watch_tick(&mut self, book: BookId) {
        let Some(market) = self.world.markets.get_mut(book.index()) else { return };
        let (low, high) = (Price::from_micro(40_000), Price::from_micro(960_000));
        let top = market.book.top();
        let is_far =
            top.bid.map(|bid| bid.price) > high || top.ask.is_some_and(|ask| Some(ask.price) < low);
        if market.kind == VenueKind::Polymarket && is_far && market.grid.step() > self.fine.step() {
            let old = market.grid;
            market.grid = self.fine;
            self.tape.tick_changed(book, market, self.now, [&old, &self.fine]);
        }
    }

    /// Lists a book that was not listed before; `false` where it was.
    pub(super) fn list(&mut self, book: BookId) -> bool {
        let Some(market) = self.world.markets.get_mut(book.index()) else { return false };
        if market.is_listed {
            return false;
        }
        (market.is_listed, market.is_open) = (true, true);
        self.tape.listed(book);
        true
    }

    /// Accepts other prices on a listing; what rests stays.
    pub(super) fn regrid(&mut self, book: BookId, grid: Grid) {
        let Some(market) = self.world.markets.get_mut(book.index()) else { return };
        let old = std::mem::replace(&mut market.grid, grid);
        self.tape.tick_changed(book, market, self.now, [&old, &grid]);
    }

    /// Stops trading, cancels everything, announces the result.
    pub(super) fn close(&mut self, book: BookId, ending: Ending) {
        let Some(market) = self.world.markets.get_mut(book.index()) else { return };
        if market.is_open {
            market.is_open = false;
            market.revision += 1;
            let mut events = Vec::new();
            market.book.clear(&mut events);
            self.tell(book, &events);
        }
        if let Some(market) = self.world.markets.get(book.index()) {
            self.tape.ended(book, market, self.now, ending);
        }
    }
}
