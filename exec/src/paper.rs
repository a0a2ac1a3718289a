//! Paper execution: intents filled against the books that the engine already holds.
//!
//! A [`PaperVenue`] keeps each intent for the venue's latency and then meets the book *as it shows
//! itself at that moment*, so that an opportunity that has gone is lost here too. It fills at the
//! prices of the levels (never at our limit when the book is better), takes the venue's fees, lots
//! and minimums, and remembers what it has taken: contracts displayed at a level are filled once,
//! until the book shows another quantity there. What it cannot know is stated: nobody reacts to
//! our fills, and levels deeper than a view are not there.
//!
//! Everything has its room from the start: an order beyond `orders_max` is refused, and memory of
//! takings beyond `touched_books_max` books forgets the oldest book and counts it. No clock, no
//! randomness: the same calls give the same reports.

use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::{FeeSchedule, OrderFees};
use dutchbook_book::{BookId, BookStatus, Cash, Depth, Exact, Face, Grid, Level, Nanos, Qty, Side};

use crate::intent::{Intent, OrderId};
use crate::order::Order;
use crate::report::{Closed, Fill, OrderEnd, RejectReason, Report, ReportKind};
use crate::takings::Takings;

/// What one book asks of an order.
#[derive(Clone, Copy, Debug)]
pub struct PaperRules {
    /// What a taker pays.
    pub fee: FeeSchedule,
    /// Smallest step of an order's quantity.
    pub lot: Qty,
    /// Smallest order.
    pub min_qty: Qty,
    /// Smallest order in cash, at its limit price.
    pub min_notional: Cash,
    /// From our decision to the venue's book.
    pub latency: Nanos,
}

/// Room that a [`PaperVenue`] has.
#[derive(Clone, Copy, Debug)]
pub struct PaperConfig {
    /// Orders under way at once.
    pub orders_max: usize,
    /// Books whose takings are remembered.
    pub touched_books_max: usize,
}

impl Default for PaperConfig {
    fn default() -> Self {
        Self { orders_max: 256, touched_books_max: 1024 }
    }
}

/// No room for one more order: an old intent is worthless, so it is refused, not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What the caller could read of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthRead {
    /// The depth was filled in.
    Read,
    /// The view was being written: ask again at the next poll.
    Torn,
    /// There is no such book.
    Absent,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    due: Nanos,
    order: Order,
}

/// Executes intents on paper. See the module's words on what it promises.
#[derive(Debug)]
pub struct PaperVenue {
    rules: Vec<PaperRules>,
    /// Prices that an order may have, in YES terms.
    grids: Vec<Grid>,
    pending: Vec<Pending>,
    orders_max: usize,
    takings: Takings,
    depth: Depth,
    order_count: u64,
    fill_count: u64,
}

impl PaperVenue {
    /// A paper venue for the books whose rules and grids are given, by [`BookId`].
    #[must_use]
    pub fn new(config: PaperConfig, rules: Vec<PaperRules>, grids: Vec<Grid>) -> Self {
        let takings = Takings::new(rules.len(), config.touched_books_max);
        Self {
            rules,
            grids,
            pending: Vec::with_capacity(config.orders_max),
            orders_max: config.orders_max,
            takings,
            depth: Depth::default(),
            order_count: 0,
            fill_count: 0,
        }
    }

    /// A paper venue for every listing of a catalog, each `latency` away.
    #[must_use]
    pub fn from_catalog(config: PaperConfig, catalog: &Catalog, latency: Nanos) -> Self {
        let rules = catalog.listings.iter().map(|listing| PaperRules {
            fee: listing.fee,
            lot: listing.lot,
            min_qty: listing.min_qty,
            min_notional: listing.min_notional,
            latency,
        });
        let grids = catalog.listings.iter().map(|listing| listing.grid);
        Self::new(config, rules.collect(), grids.collect())
    }

    /// What a book asks of an order.
    #[must_use]
    pub fn rules(&self, book: BookId) -> Option<PaperRules> {
        self.rules.get(book.index()).copied()
    }

    /// The rules of a book, to be changed when the venue changes them.
    pub fn rules_mut(&mut self, book: BookId) -> Option<&mut PaperRules> {
        self.rules.get_mut(book.index())
    }

    /// Takes another price grid for a book: the venue changed it.
    pub fn set_grid(&mut self, book: BookId, grid: Grid) {
        if let Some(known) = self.grids.get_mut(book.index()) {
            *known = grid;
        }
    }

    /// Books whose takings were forgotten for want of room.
    #[must_use]
    pub const fn forgotten_count(&self) -> u64 {
        self.takings.forgotten_count()
    }

    /// What is left for us of a level, in YES terms, that a book displays on its `resting` side: less
    /// than displayed where we took from it and it has not changed since.
    #[must_use]
    pub fn left(&self, book: BookId, resting: Side, shown: Level) -> Qty {
        self.takings.left(book, resting, shown)
    }

    /// Gives numbers after this one: another run has used those before.
    pub fn count_from(&mut self, order: OrderId) {
        self.order_count = self.order_count.max(order.0);
    }

    /// When the next order meets its book.
    #[must_use]
    pub fn next_due(&self) -> Option<Nanos> {
        self.pending.iter().map(|pending| pending.due).min()
    }

    /// Takes an intent; it meets its book after the latency of that book.
    ///
    /// # Errors
    /// When as many orders as there is room for are under way.
    pub fn submit(&mut self, intent: &Intent, now: Nanos) -> Result<OrderId, Full> {
        if self.pending.len() >= self.orders_max {
            return Err(Full);
        }
        self.order_count += 1;
        let order = Order::new(OrderId(self.order_count), *intent);
        let latency =
            self.rules.get(intent.instrument.book().index()).map_or(Nanos::ZERO, |r| r.latency);
        self.pending.push(Pending { due: now.plus(latency), order });
        Ok(order.id)
    }

    /// Executes every order that is due, oldest first: `read` fills in the depth that the book
    /// shows now, `report` takes the news. Returns how many orders ended.
    pub fn poll(
        &mut self,
        now: Nanos,
        mut read: impl FnMut(BookId, &mut Depth) -> DepthRead,
        mut report: impl FnMut(&Report),
    ) -> usize {
        let mut ended = 0;
        let mut torn_before = (Nanos::ZERO, OrderId(0));
        while let Some((index, pending)) = self.next_pending(now, torn_before) {
            let mut depth = self.depth;
            match read(pending.order.intent.instrument.book(), &mut depth) {
                DepthRead::Torn => {
                    torn_before = (pending.due, pending.order.id);
                    continue;
                }
                DepthRead::Read => {
                    self.execute(pending.order, pending.due, &depth, now, &mut report);
                }
                DepthRead::Absent => {
                    reject(&pending.order, RejectReason::UnknownInstrument, now, &mut report);
                }
            }
            self.pending.swap_remove(index);
            ended += 1;
        }
        ended
    }

    /// The first order that is due, in the order of arrival, behind the last torn one.
    fn next_pending(&self, now: Nanos, behind: (Nanos, OrderId)) -> Option<(usize, Pending)> {
        let due =
            self.pending.iter().enumerate().filter(|(_, pending)| {
                pending.due <= now && (pending.due, pending.order.id) > behind
            });
        due.min_by_key(|(_, pending)| (pending.due, pending.order.id))
            .map(|(index, pending)| (index, *pending))
    }

    fn execute(
        &mut self,
        mut order: Order,
        due: Nanos,
        depth: &Depth,
        now: Nanos,
        report: &mut impl FnMut(&Report),
    ) {
        let rules = match self.check(&order.intent, depth) {
            Ok(rules) => rules,
            Err(reason) => return reject(&order, reason, now, report),
        };
        let mut emit = |order: &mut Order, kind| {
            let news = Report::of(order.id, &order.intent, now, kind);
            assert_eq!(order.apply(&news), Ok(()), "a paper report fits the order that it is of");
            report(&news);
        };
        if due > order.intent.deadline {
            emit(&mut order, ReportKind::Acknowledged);
            let adjustment = Exact::ZERO;
            let closed = Closed { end: OrderEnd::Expired, filled: Qty::ZERO, adjustment };
            return emit(&mut order, ReportKind::Closed(closed));
        }
        emit(&mut order, ReportKind::Acknowledged);
        let mut fees = rules.fee.order();
        self.walk(&mut order, depth, &mut fees, &mut emit);
        let end = if order.open_qty().is_zero() { OrderEnd::Filled } else { OrderEnd::Cancelled };
        // Sums that fitted fill by fill fit as a whole.
        let adjustment = adjustment(&fees, &order).unwrap_or(Exact::ZERO);
        let filled = order.filled;
        emit(&mut order, ReportKind::Closed(Closed { end, filled, adjustment }));
    }

    fn check(&self, intent: &Intent, depth: &Depth) -> Result<PaperRules, RejectReason> {
        let book = intent.instrument.book().index();
        let known = self.rules.get(book).zip(self.grids.get(book));
        let (&rules, grid) = known.ok_or(RejectReason::UnknownInstrument)?;
        if depth.stamp.status != BookStatus::Live {
            return Err(RejectReason::BookNotLive(depth.stamp.status));
        }
        if depth.top().is_crossed() {
            return Err(RejectReason::BookNotLive(BookStatus::Crossed));
        }
        let limit = match intent.instrument.face() {
            Face::Yes => intent.limit,
            Face::No => intent.limit.complement(),
        };
        if !grid.is_valid(limit) {
            return Err(RejectReason::OffGrid);
        }
        if intent.qty.is_zero() || intent.qty.floor_to_lot(rules.lot) != intent.qty {
            return Err(RejectReason::OffLot);
        }
        if intent.qty < rules.min_qty {
            return Err(RejectReason::BelowMinQty);
        }
        if intent.notional() < rules.min_notional.exact() {
            return Err(RejectReason::BelowMinNotional);
        }
        Ok(rules)
    }

    /// Fills from the best level on, as far as the limit and our own earlier takings allow.
    fn walk(
        &mut self,
        order: &mut Order,
        depth: &Depth,
        fees: &mut OrderFees,
        emit: &mut impl FnMut(&mut Order, ReportKind),
    ) {
        let (instrument, side) = (order.intent.instrument, order.intent.side);
        let resting = match instrument.face() {
            Face::Yes => side.other(),
            Face::No => side,
        };
        let shown = depth.levels(resting);
        let Some(takings) = self.takings.side(instrument.book(), resting) else { return };
        takings.retain_shown(shown);
        for level in shown {
            let price = match instrument.face() {
                Face::Yes => level.price,
                Face::No => level.price.complement(),
            };
            if !order.intent.is_within_limit(price) || order.open_qty().is_zero() {
                break;
            }
            let qty = takings.left(*level).min(order.open_qty());
            if qty.is_zero() {
                continue;
            }
            // A fee that does not compute ends the order: a wrong fee is worse than no fill.
            let Some(fill) = fees.fill(side, price, qty) else { break };
            let (fee, delivered) = (fill.fee, fill.delivered);
            takings.add(*level, qty);
            self.fill_count += 1;
            let number = self.fill_count;
            emit(order, ReportKind::Filled(Fill { number, price, qty, delivered, fee }));
        }
    }
}

/// What the venue moves once per order: its cash for the whole less what the fills moved.
fn adjustment(fees: &OrderFees, order: &Order) -> Option<Exact> {
    let notional = match order.intent.side {
        Side::Buy => Exact::ZERO.checked_sub(order.notional)?,
        Side::Sell => order.notional,
    };
    fees.close()?.cash.checked_sub(notional.checked_sub(order.fee)?)
}

fn reject(order: &Order, reason: RejectReason, now: Nanos, report: &mut impl FnMut(&Report)) {
    report(&Report::of(order.id, &order.intent, now, ReportKind::Rejected(reason)));
}

#[cfg(test)]
#[path = "paper_tests.rs"]
mod tests;
