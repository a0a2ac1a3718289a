//! What a restart knows: a journal read into money, positions, orders and baskets.
//!
//! Nothing here asks anybody. [`Recovered`] says what was known when the journal ended, in the
//! numbers of the catalog of now; the desk adopts the orders that may live, the venues are asked for
//! their open orders, trades, cash and positions, and nothing is traded before every difference is
//! explained.

pub mod numbering;
pub mod orders;
#[cfg(test)]
pub(crate) mod script;

use std::collections::BTreeMap;

use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::UnitCost;
use dutchbook_book::{BookId, Face, InstrumentId, Nanos, Qty, VenueId};
use dutchbook_exec::{Closed, OrderEnd, OrderId, Report, ReportKind, TradeId};

use crate::journal::codec::Entry;
use crate::journal::folder::{Ending, Folder, Item, JournalError};
use crate::journal::live::{BasketRecord, BasketStep, LiveRecord, Origin};
use crate::journal::names::{BookName, Names};
use crate::journal::record::Record;
use crate::position::bonds::Bonds;
use crate::position::{Portfolio, PositionError};
use crate::risk::marks::ProfitMarks;
use numbering::Numbering;
use orders::{KnownOrder, Move, Orders};

/// Numbers that are used up: the next of each is one more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Orders.
    pub order: OrderId,
    /// Baskets.
    pub trade: TradeId,
    /// Decisions.
    pub decision: u64,
}

/// One leg of a basket that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveredLeg {
    /// What is held of it.
    pub instrument: InstrumentId,
    /// Contracts per basket in 1e-6.
    pub ratio_micro: u32,
    /// The smallest step of an order there.
    pub lot: Qty,
    /// Contracts that have arrived and not been left again.
    pub held: Qty,
}

/// A basket that was under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredBasket {
    /// Its number.
    pub trade: TradeId,
    /// The decision that it was made by.
    pub decision: u64,
    /// What one whole basket pays at least.
    pub payoff: UnitCost,
    /// Its legs, in order.
    pub legs: Vec<RecoveredLeg>,
    /// Whether its legs were filled unequally before.
    pub is_legged: bool,
}

/// Contracts in a book that the catalog of now does not list: nothing trades there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlisted {
    /// Its number in the portfolio.
    pub book: BookId,
    /// What it was.
    pub name: BookName,
    /// Contracts of its YES and NO face.
    pub held: [Qty; 2],
}

/// What was known when the journal ended.
#[derive(Debug)]
pub struct Recovered {
    /// Money and positions, in the numbers of the catalog of now; unlisted books behind them.
    pub portfolio: Portfolio,
    /// Orders on venues, oldest first: those that may live, and the newest of those that are over.
    pub orders: Vec<KnownOrder>,
    /// Baskets under way, oldest first.
    pub baskets: Vec<RecoveredBasket>,
    /// Positions where nothing trades any more.
    pub unlisted: Vec<Unlisted>,
    /// What the numbers here stand for: those of the catalog of now, and behind them those of every
    /// book that is held without being listed.
    pub names: Names,
    /// Trades since roundings were last booked, by venue.
    pub unrounded: Vec<u64>,
    /// Numbers that are used up.
    pub numbers: Numbers,
    /// Processes that wrote the journal.
    pub boots: u64,
    /// When its last record was written.
    pub last: Nanos,
    /// Where it ends, and in which state.
    pub ending: Ending,
    /// Records that do not fit to the others: the accounts are not to be trusted without the venue.
    pub refused: u64,
    /// What losses are measured from.
    pub marks: ProfitMarks,
}

impl Recovered {
    /// Orders that may live, or whose trades may still come or go.
    pub fn open_orders(&self) -> impl Iterator<Item = &KnownOrder> {
        self.orders.iter().filter(|known| known.is_open())
    }

    /// Whether nothing was ever written: the accounts begin with what the venues say.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        self.boots == 0
    }
}

/// Reads a journal for a process with this catalog, whose relations bind holdings so.
///
/// # Errors
/// When a file of it cannot be read.
pub fn recover(
    folder: &Folder,
    catalog: &Catalog,
    bonds: &Bonds,
) -> Result<Recovered, JournalError> {
    let mut replay = Replay::new(catalog);
    replay.portfolio.net(bonds);
    let ending = folder.read(|item| {
        let _taken = replay.take(item);
    })?;
    Ok(replay.finish(ending))
}

/// A record in the numbers that last, and what it moves.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The record.
    pub entry: Entry,
    /// What it moved.
    pub moved: Option<Move>,
}

/// Reads a journal, item by item.
#[derive(Debug)]
pub struct Replay {
    numbering: Numbering,
    listed: usize,
    portfolio: Portfolio,
    orders: Orders,
    baskets: BTreeMap<TradeId, RecoveredBasket>,
    numbers: Numbers,
    unrounded: Vec<u64>,
    boots: u64,
    last: Nanos,
    refused: u64,
    marks: ProfitMarks,
}

impl Replay {
    /// Nothing read yet.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        Self {
            numbering: Numbering::beginning_with(&Names::of(catalog)),
            listed: catalog.listings.len(),
            portfolio: Portfolio::new(catalog),
            orders: Orders::default(),
            baskets: BTreeMap::new(),
            numbers: Numbers::default(),
            unrounded: Vec::new(),
            boots: 0,
            last: Nanos::ZERO,
            refused: 0,
            marks: ProfitMarks::default(),
        }
    }

    /// Takes the next item. What a record says comes back in the numbers that last; nothing for one
    /// that has a number without a name.
    pub fn take(&mut self, item: Item<'_>) -> Option<Taken> {
        let entry = match item {
            Item::Names(names) => {
                self.numbering.follow(names);
                return None;
            }
            Item::Entry(entry) => self.numbering.translate(entry),
        };
        let Some(entry) = entry else {
            self.refused += 1;
            return None;
        };
        self.last = self.last.max(entry.now);
        self.marks.note(self.portfolio.locked_profit(), entry.now);
        self.make_room();
        self.count(&entry.record);
        if let Record::Live(LiveRecord::Basket(basket)) = &entry.record {
            self.on_basket(basket);
        }
        let moved = self.orders.take(&entry).filter(|moved| {
            if let Move::Fill { report, fill, is_back, .. } = moved {
                self.on_leg(report, fill.delivered, *is_back);
            }
            self.count_unrounded(moved);
            let is_booked = self.book(moved).is_ok();
            self.refused += u64::from(!is_booked);
            is_booked
        });
        Some(Taken { entry, moved })
    }

    /// Money and positions so far.
    #[must_use]
    pub const fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// What the numbers stand for.
    #[must_use]
    pub const fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// An order on a venue.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<&KnownOrder> {
        self.orders.get(order)
    }

    /// Records so far that do not fit to the others.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Processes so far.
    #[must_use]
    pub const fn boots(&self) -> u64 {
        self.boots
    }

    /// Makes room in the portfolio for books and venues that the catalog does not list.
    fn make_room(&mut self) {
        while let Some(book) = self.numbering.books().get(self.portfolio.book_count()) {
            self.portfolio.add_unlisted(VenueId(book.venue));
        }
        self.portfolio.add_venues(self.numbering.venues().len());
    }

    fn count(&mut self, record: &Record) {
        let numbers = &mut self.numbers;
        match record {
            Record::Decision(decision) => {
                numbers.decision = numbers.decision.max(decision.decision);
            }
            Record::Intent { order, intent, .. } => {
                numbers.order = numbers.order.max(*order);
                numbers.trade = numbers.trade.max(intent.trade);
            }
            Record::Live(LiveRecord::Boot { .. }) => self.boots += 1,
            Record::Live(LiveRecord::Basket(BasketRecord::Open { trade, .. })) => {
                numbers.trade = numbers.trade.max(*trade);
            }
            Record::DecisionLeg(_)
            | Record::Veto { .. }
            | Record::Report(_)
            | Record::Gap { .. }
            | Record::Resolution { .. }
            | Record::Life { .. }
            | Record::Live(_) => {}
        }
    }

    /// Counts the trades of each venue whose roundings are not booked.
    fn count_unrounded(&mut self, moved: &Move) {
        let (venue, is_rounded) = match moved {
            Move::Fill { report, .. } => (self.portfolio.venue_of(report.instrument.book()), false),
            Move::Cash { venue, origin: Origin::Rounding, .. } => (Some(*venue), true),
            Move::Adjusted { .. }
            | Move::Merged { .. }
            | Move::Settled { .. }
            | Move::Cash { .. }
            | Move::Contracts { .. } => return,
        };
        let Some(venue) = venue else { return };
        if self.unrounded.len() <= venue.index() {
            self.unrounded.resize(venue.index().saturating_add(1), 0);
        }
        if let Some(count) = self.unrounded.get_mut(venue.index()) {
            *count = if is_rounded { 0 } else { count.saturating_add(1) };
        }
    }

    fn on_basket(&mut self, record: &BasketRecord) {
        match *record {
            BasketRecord::Open { trade, decision, payoff, .. } => {
                let (legs, is_legged) = (Vec::new(), false);
                let basket = RecoveredBasket { trade, decision, payoff, legs, is_legged };
                self.baskets.insert(trade, basket);
            }
            BasketRecord::Leg { trade, instrument, ratio_micro, lot, .. } => {
                if let Some(basket) = self.baskets.get_mut(&trade) {
                    let held = Qty::ZERO;
                    basket.legs.push(RecoveredLeg { instrument, ratio_micro, lot, held });
                }
            }
            BasketRecord::Step { trade, step: BasketStep::Legged } => {
                if let Some(basket) = self.baskets.get_mut(&trade) {
                    basket.is_legged = true;
                }
            }
            BasketRecord::Step { trade, .. } => {
                self.baskets.remove(&trade);
            }
        }
    }

    /// A fill of a leg: of what the leg holds it brings some, of its other face it leaves some.
    fn on_leg(&mut self, report: &Report, qty: Qty, is_back: bool) {
        let basket = self.baskets.get_mut(&report.trade);
        let leg = basket.and_then(|basket| basket.legs.get_mut(usize::from(report.leg_index)));
        let Some(leg) = leg else { return };
        let held = if (leg.instrument == report.instrument) != is_back {
            leg.held.checked_add(qty)
        } else {
            leg.held.checked_sub(qty)
        };
        leg.held = held.unwrap_or(Qty::ZERO);
    }

    fn book(&mut self, moved: &Move) -> Result<(), PositionError> {
        let portfolio = &mut self.portfolio;
        match *moved {
            Move::Fill { mut report, fill, is_back, .. } => {
                report.kind =
                    if is_back { ReportKind::Reversed(fill) } else { ReportKind::Filled(fill) };
                portfolio.apply(&report)
            }
            Move::Adjusted { mut report, cash } => {
                let (end, filled) = (OrderEnd::Filled, Qty::ZERO);
                report.kind = ReportKind::Closed(Closed { end, filled, adjustment: cash });
                portfolio.apply(&report)
            }
            Move::Merged { book, qty } => portfolio.merge(book, qty),
            Move::Settled { book, payoff, cash } => {
                let expected = portfolio.settlement(book, payoff)?;
                let commission = expected.checked_sub(cash).ok_or(PositionError::TooLarge)?;
                portfolio.settle(book, payoff, commission).map(|_cash| ())
            }
            Move::Cash { venue, cash, origin } => match origin {
                Origin::Rounding => portfolio.round(venue, cash),
                Origin::Opening | Origin::Settlement | Origin::Person => {
                    portfolio.deposit(venue, cash)
                }
            },
            Move::Contracts { instrument, qty, cost, .. } => portfolio.adopt(instrument, qty, cost),
        }
    }

    /// What is known at the end.
    #[must_use]
    pub fn finish(mut self, ending: Ending) -> Recovered {
        self.make_room();
        self.marks.note(self.portfolio.locked_profit(), self.last);
        let portfolio = self.portfolio;
        let books = self.numbering.books().iter().enumerate().skip(self.listed);
        let unlisted = books.filter_map(|(at, name)| {
            let book = BookId(u32::try_from(at).ok()?);
            let held = [Face::Yes, Face::No].map(|face| portfolio.qty(book.instrument(face)));
            let is_held = held.iter().any(|qty| !qty.is_zero());
            is_held.then(|| Unlisted { book, name: name.clone(), held })
        });
        let unlisted: Vec<Unlisted> = unlisted.collect();
        let books = unlisted.last().map_or(self.listed, |last| last.book.index() + 1);
        let names = Names {
            venues: self.numbering.venues().to_vec(),
            events: self.numbering.events().to_vec(),
            books: self.numbering.books().iter().take(books).cloned().collect(),
        };
        Recovered {
            unlisted,
            names,
            orders: self.orders.into_known(),
            baskets: self.baskets.into_values().collect(),
            numbers: self.numbers,
            unrounded: self.unrounded,
            boots: self.boots,
            last: self.last,
            refused: self.refused,
            marks: self.marks,
            portfolio,
            ending,
        }
    }
}

#[cfg(test)]
#[path = "recovery/tests.rs"]
mod tests;
