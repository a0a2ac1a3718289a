//! What we hold and what it is worth in the worst case: exact, per instrument, venue and event.
//!
//! Cash is kept per venue in 1e-12 $, so that it equals the venue's own books to the last digit;
//! holdings are contracts that have reached the account. A position's cost leaves with it in
//! proportion, rounded so that nothing is lost between cost and profit.
//!
//! The worst case of an event follows from its law in closed form, over every venue that lists its
//! conditions: the same condition pays the same everywhere. Rows that a law does not have (voids,
//! ties, venues that settle one question differently) are priced with a state table:
//! [`Portfolio::worst_over`]. What approved relations bind is weighed together ([`bonds`]).

pub mod bonds;
mod laws;
mod netting;
mod shared;
pub mod wanted;
mod worst;

use dutchbook_book::catalog::{Catalog, Event, EventLaw};
use dutchbook_book::{
    BookId, EventId, Exact, Face, InstrumentId, Price, Qty, QtyChange, Side, VenueId,
};
use dutchbook_exec::{Fill, Report, ReportKind};

use crate::risk::oracle::Oracles;
use bonds::Bonds;
use shared::Shared;

/// Why a movement cannot be booked. The portfolio is unchanged then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionError {
    /// The catalog has no such instrument.
    Unknown(InstrumentId),
    /// More contracts would leave than are held.
    TooFew(InstrumentId),
    /// The book is settled: nothing trades there any more.
    Settled(BookId),
    /// A number that does not fit.
    TooLarge,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    qty: Qty,
    cost: Exact,
}

/// Which condition a book is about.
#[derive(Clone, Copy, Debug)]
struct Asked {
    event: EventId,
    condition: usize,
    /// The face that pays when the condition comes true.
    true_face: Face,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    venue: VenueId,
    oracle: usize,
    /// What the book asks.
    own: Asked,
    /// Where its holdings are weighed: its own event and condition, or where a relation binds it.
    event: EventId,
    condition: usize,
    true_face: Face,
    payoff: Option<Price>,
}

impl Place {
    const fn new(venue: VenueId, oracle: usize, own: Asked) -> Self {
        let Asked { event, condition, true_face } = own;
        Self { venue, oracle, own, event, condition, true_face, payoff: None }
    }
}

/// Contracts of one condition, over every venue and both faces.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    /// What it pays if the condition comes true.
    yes: Exact,
    /// What it pays if not.
    no: Exact,
}

impl Sides {
    /// What is paid if the condition comes true, or if not.
    const fn paying(&mut self, when_true: bool) -> &mut Exact {
        if when_true { &mut self.yes } else { &mut self.no }
    }

    /// What changes if the condition comes true, in 1e-12 $.
    const fn change(self) -> i128 {
        self.yes.pico().saturating_sub(self.no.pico())
    }
}

#[derive(Clone, Debug)]
struct EventAccount {
    law: EventLaw,
    /// Indices of the conditions, in the order of the law.
    conditions: Vec<usize>,
    /// What else is weighed here, of this event or of others.
    laws: Vec<Weighed>,
    /// Cost of what is held.
    committed: Exact,
    /// What is lost in the worst state, as of the last booking.
    exposure: Exact,
}

/// Conditions that relations bind.
#[derive(Clone, Debug)]
enum Weighed {
    /// By a law that a person has approved, in its order.
    Law(EventLaw, Vec<usize>),
    /// By the laws of several events that share outcomes.
    Shared(Shared),
}

/// Money of one venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VenueMoney {
    /// What is there to spend.
    pub cash: Exact,
    /// Cost of what is held there.
    pub committed: Exact,
    /// Fees paid so far.
    pub fees: Exact,
    /// Profit of what has been closed, merged or settled, fees included.
    pub realised: Exact,
}

/// Positions, cash and their worst case.
#[derive(Clone, Debug)]
pub struct Portfolio {
    holdings: Vec<Holding>,
    places: Vec<Place>,
    venues: Vec<VenueMoney>,
    conditions: Vec<Sides>,
    /// What a venue's final word made of a condition.
    words: Vec<Option<bool>>,
    /// The same, by the condition in whose place it is weighed.
    decided: Vec<Option<bool>>,
    /// What approved relations bind.
    bonds: Bonds,
    /// Which conditions are weighed by one of these, and not by the laws of their own events.
    bound: Vec<bool>,
    events: Vec<EventAccount>,
    /// Cost of what is held, by the source that decides it.
    oracles: Vec<Exact>,
    /// The sources' numbers.
    oracle_names: Oracles,
    /// The exposures of all events, added up.
    exposed: i128,
}

impl Portfolio {
    /// An empty portfolio over a catalog.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        let (oracle_names, oracle_of) = Oracles::of(catalog);
        let place = |listing: &dutchbook_book::catalog::Listing| {
            let condition = listing.condition.index();
            let event = catalog.conditions.get(condition).map_or(EventId(0), |c| c.event);
            let true_face = catalog.true_face(listing.book);
            let oracle = oracle_of.get(listing.book.index()).copied().unwrap_or(0);
            Place::new(listing.venue, oracle, Asked { event, condition, true_face })
        };
        let events = catalog.events.iter().map(|event| EventAccount {
            law: event.law,
            conditions: event.conditions.iter().map(|id| id.index()).collect(),
            laws: Vec::new(),
            committed: Exact::ZERO,
            exposure: Exact::ZERO,
        });
        Self {
            holdings: vec![Holding::default(); catalog.listings.len() * 2],
            places: catalog.listings.iter().map(place).collect(),
            venues: vec![VenueMoney::default(); catalog.venues.len()],
            conditions: vec![Sides::default(); catalog.conditions.len()],
            words: vec![None; catalog.conditions.len()],
            decided: vec![None; catalog.conditions.len()],
            bonds: Bonds::default(),
            bound: vec![false; catalog.conditions.len()],
            events: events.collect(),
            oracles: vec![Exact::ZERO; oracle_names.count()],
            oracle_names,
            exposed: 0,
        }
    }

    /// Adds cash to a venue, or takes it away; no profit.
    ///
    /// # Errors
    /// When the venue is unknown or the sum does not fit.
    pub fn deposit(&mut self, venue: VenueId, amount: Exact) -> Result<(), PositionError> {
        let money = self.venues.get_mut(venue.index()).ok_or(PositionError::TooLarge)?;
        money.cash = add(money.cash, amount)?;
        Ok(())
    }

    /// Books that it has room for.
    #[must_use]
    pub const fn book_count(&self) -> usize {
        self.places.len()
    }

    /// Makes room for one more book, which the catalog does not list: nothing is known to bind it.
    pub fn add_unlisted(&mut self, venue: VenueId) -> BookId {
        let book = BookId(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
        let event = EventId(u32::try_from(self.events.len()).unwrap_or(u32::MAX));
        let condition = self.conditions.len();
        let conditions = vec![condition];
        self.events.push(EventAccount {
            law: EventLaw::Independent,
            conditions,
            laws: Vec::new(),
            committed: Exact::ZERO,
            exposure: Exact::ZERO,
        });
        self.conditions.push(Sides::default());
        self.words.push(None);
        self.decided.push(None);
        self.bound.push(false);
        self.holdings.extend([Holding::default(); 2]);
        // Nobody knows who decides it: it stands for itself.
        let oracle = self.oracle_names.unknown();
        self.oracles.push(Exact::ZERO);
        let true_face = Face::Yes;
        self.places.push(Place::new(venue, oracle, Asked { event, condition, true_face }));
        self.add_venues(venue.index().saturating_add(1));
        book
    }

    /// Takes events as they are stated now. Conditions of which nothing is held may come from another.
    pub fn restate(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.restate_one(event));
        self.group();
    }

    fn restate_one(&mut self, event: &Event) {
        let conditions: Vec<usize> = event.conditions.iter().map(|id| id.index()).collect();
        for (index, other) in self.events.iter_mut().enumerate() {
            if index != event.id.index() {
                other.conditions.retain(|own| !conditions.contains(own));
            }
        }
        for place in self.places.iter_mut().filter(|one| conditions.contains(&one.own.condition)) {
            place.own.event = event.id;
        }
        if let Some(account) = self.events.get_mut(event.id.index()) {
            (account.law, account.conditions) = (event.law, conditions);
        }
    }

    /// Takes the source that decides a book of which nothing is held yet.
    pub fn set_oracle(&mut self, book: BookId, source: &str) {
        let Some(place) = self.places.get_mut(book.index()) else { return };
        place.oracle = self.oracle_names.number(place.venue, source);
        self.oracles.resize(self.oracle_names.count(), Exact::ZERO);
    }

    /// Makes room for so many venues in all.
    pub fn add_venues(&mut self, count: usize) {
        if self.venues.len() < count {
            self.venues.resize(count, VenueMoney::default());
        }
    }

    /// Takes contracts that came without an order of ours with what they have cost, or lets them go
    /// where there are fewer; no cash moves.
    ///
    /// # Errors
    /// When fewer are held than leave, or a number does not fit.
    pub fn adopt(
        &mut self,
        instrument: InstrumentId,
        change: QtyChange,
        cost: Exact,
    ) -> Result<(), PositionError> {
        let venue = self.place(instrument)?.venue;
        let qty = Qty::from_micro(change.micro().unsigned_abs()).ok_or(PositionError::TooLarge)?;
        let (fee, cash) = (Exact::ZERO, sub(Exact::ZERO, cost)?);
        if change.micro() < 0 {
            return self.book(instrument, Movement::Out { qty, cash: Exact::ZERO, fee });
        }
        self.book(instrument, Movement::In { qty, cash, fee })?;
        self.deposit(venue, cost)
    }

    /// The cash that the settlement of a book brings before any commission.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn settlement(&self, book: BookId, payoff: Price) -> Result<Exact, PositionError> {
        let [yes, no] = [Face::Yes, Face::No].map(|face| self.qty(book.instrument(face)));
        add(Exact::product(payoff, yes), Exact::product(payoff.complement(), no))
    }

    /// Contracts held.
    #[must_use]
    pub fn qty(&self, instrument: InstrumentId) -> Qty {
        self.holdings.get(instrument.index()).map_or(Qty::ZERO, |holding| holding.qty)
    }

    /// What the contracts held have cost, fees included.
    #[must_use]
    pub fn cost(&self, instrument: InstrumentId) -> Exact {
        self.holdings.get(instrument.index()).map_or(Exact::ZERO, |holding| holding.cost)
    }

    /// The money of a venue.
    #[must_use]
    pub fn money(&self, venue: VenueId) -> VenueMoney {
        self.venues.get(venue.index()).copied().unwrap_or_default()
    }

    /// The money of all venues.
    #[must_use]
    pub fn total(&self) -> VenueMoney {
        self.venues.iter().fold(VenueMoney::default(), |sum, money| VenueMoney {
            cash: saturating_add(sum.cash, money.cash),
            committed: saturating_add(sum.committed, money.committed),
            fees: saturating_add(sum.fees, money.fees),
            realised: saturating_add(sum.realised, money.realised),
        })
    }

    /// Cost of what is held where the source that decides this book decides.
    #[must_use]
    pub fn committed_with_oracle_of(&self, book: BookId) -> Exact {
        let oracle = self.places.get(book.index()).map(|place| place.oracle);
        oracle.and_then(|oracle| self.oracles.get(oracle)).copied().unwrap_or(Exact::ZERO)
    }

    /// The venue of a book.
    #[must_use]
    pub fn venue_of(&self, book: BookId) -> Option<VenueId> {
        self.places.get(book.index()).map(|place| place.venue)
    }

    /// Whether a book is settled.
    #[must_use]
    pub fn is_settled(&self, book: BookId) -> bool {
        self.places.get(book.index()).is_some_and(|place| place.payoff.is_some())
    }

    /// Books what a report says about money; acknowledgements and rejects say nothing.
    ///
    /// # Errors
    /// When it cannot be: the portfolio then differs from the venue's and is unchanged.
    pub fn apply(&mut self, report: &Report) -> Result<(), PositionError> {
        match report.kind {
            ReportKind::Acknowledged | ReportKind::Rejected(_) | ReportKind::Settled => Ok(()),
            ReportKind::Filled(fill) => self.take_fill(report.instrument, report.side, &fill),
            ReportKind::Reversed(fill) => self.reverse(report.instrument, report.side, &fill),
            ReportKind::Closed(closed) => {
                self.charge(report.instrument, report.side, closed.adjustment)
            }
        }
    }

    fn place(&self, instrument: InstrumentId) -> Result<Place, PositionError> {
        let place = self.places.get(instrument.book().index()).copied();
        place.ok_or(PositionError::Unknown(instrument))
    }

    fn take_fill(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        fill: &Fill,
    ) -> Result<(), PositionError> {
        if self.place(instrument)?.payoff.is_some() {
            return Err(PositionError::Settled(instrument.book()));
        }
        let cash = fill.cash_effect(side).ok_or(PositionError::TooLarge)?;
        let movement = match side {
            Side::Buy => Movement::In { qty: fill.delivered, cash, fee: fill.fee },
            Side::Sell => Movement::Out { qty: fill.delivered, cash, fee: fill.fee },
        };
        self.book(instrument, movement)
    }

    /// Takes a fill back: its contracts and its cash go where they came from.
    fn reverse(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        fill: &Fill,
    ) -> Result<(), PositionError> {
        let moved = fill.cash_effect(side).ok_or(PositionError::TooLarge)?;
        let (qty, cash) = (fill.delivered, sub(Exact::ZERO, moved)?);
        let fee = sub(Exact::ZERO, fill.fee)?;
        self.book(
            instrument,
            match side {
                Side::Buy => Movement::Out { qty, cash, fee },
                Side::Sell => Movement::In { qty, cash, fee },
            },
        )
    }

    /// Books cash that a venue moved beside all orders: what its roundings differ from ours by.
    /// Negative when we pay.
    ///
    /// # Errors
    /// When the venue is unknown or the sum does not fit; nothing is booked then.
    pub fn round(&mut self, venue: VenueId, cash: Exact) -> Result<(), PositionError> {
        let money = self.venues.get_mut(venue.index()).ok_or(PositionError::TooLarge)?;
        let moved = VenueMoney {
            cash: add(money.cash, cash)?,
            fees: sub(money.fees, cash)?,
            realised: add(money.realised, cash)?,
            ..*money
        };
        *money = moved;
        Ok(())
    }

    /// Cash that belongs to an order but to none of its fills: negative when we pay. It joins the
    /// cost of what a buy has brought, or the profit of what a sell has closed.
    fn charge(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        cash: Exact,
    ) -> Result<(), PositionError> {
        if cash == Exact::ZERO {
            return Ok(());
        }
        let fee = sub(Exact::ZERO, cash)?;
        // A settled book has no cost left to join.
        let is_cost = side == Side::Buy && !self.qty(instrument).is_zero();
        self.book(
            instrument,
            if is_cost {
                Movement::In { qty: Qty::ZERO, cash, fee }
            } else {
                Movement::Out { qty: Qty::ZERO, cash, fee }
            },
        )
    }

    /// Turns pairs of both faces of one book into cash at one payout each.
    ///
    /// # Errors
    /// When there are fewer pairs, or the book is unknown.
    pub fn merge(&mut self, book: BookId, qty: Qty) -> Result<(), PositionError> {
        let (yes, no) = (book.instrument(Face::Yes), book.instrument(Face::No));
        for face in [yes, no] {
            if self.qty(face) < qty {
                return Err(PositionError::TooFew(face));
            }
        }
        let cash = Exact::product(Price::ONE, qty);
        self.book(yes, Movement::Out { qty, cash, fee: Exact::ZERO })?;
        self.book(no, Movement::Out { qty, cash: Exact::ZERO, fee: Exact::ZERO })
    }

    /// Makes pairs of both faces of one book out of cash at one payout each.
    ///
    /// # Errors
    /// When the book is unknown or settled, or a number does not fit.
    pub fn split(&mut self, book: BookId, qty: Qty) -> Result<(), PositionError> {
        if self.is_settled(book) {
            return Err(PositionError::Settled(book));
        }
        let half = |price: Price| {
            let cash = sub(Exact::ZERO, Exact::product(price, qty))?;
            Ok(Movement::In { qty, cash, fee: Exact::ZERO })
        };
        let even = Price::from_micro(Price::ONE.micro() / 2).unwrap_or(Price::ZERO);
        self.book(book.instrument(Face::Yes), half(even)?)?;
        self.book(book.instrument(Face::No), half(even.complement())?)
    }

    /// The most pairs that could be merged.
    #[must_use]
    pub fn pairs(&self, book: BookId) -> Qty {
        self.qty(book.instrument(Face::Yes)).min(self.qty(book.instrument(Face::No)))
    }

    /// Settles a book: each YES pays `payoff`, each NO the rest of one; a void pays what its rule
    /// says. `commission` is what the venue takes of it. Settling again does nothing. Returns the
    /// cash that came.
    ///
    /// # Errors
    /// When the book is unknown or a number does not fit.
    pub fn settle(
        &mut self,
        book: BookId,
        payoff: Price,
        commission: Exact,
    ) -> Result<Exact, PositionError> {
        let (yes, no) = (book.instrument(Face::Yes), book.instrument(Face::No));
        if self.place(yes)?.payoff.is_some() {
            return Ok(Exact::ZERO);
        }
        let (yes_qty, no_qty) = (self.qty(yes), self.qty(no));
        let yes_cash = sub(Exact::product(payoff, yes_qty), commission)?;
        let no_cash = Exact::product(payoff.complement(), no_qty);
        self.book(yes, Movement::Out { qty: yes_qty, cash: yes_cash, fee: commission })?;
        self.book(no, Movement::Out { qty: no_qty, cash: no_cash, fee: Exact::ZERO })?;
        if let Some(place) = self.places.get_mut(book.index()) {
            place.payoff = Some(payoff);
        }
        add(yes_cash, no_cash)
    }

    /// The one place where money and contracts move, all or nothing.
    fn book(&mut self, id: InstrumentId, movement: Movement) -> Result<(), PositionError> {
        let place = self.place(id)?;
        let unknown = PositionError::Unknown(id);
        let held = *self.holdings.get(id.index()).ok_or(unknown)?;
        let money = self.venues.get_mut(place.venue.index()).ok_or(unknown)?;
        let event = self.events.get_mut(place.event.index()).ok_or(unknown)?;
        let sides = self.conditions.get_mut(place.condition).ok_or(unknown)?;
        let oracle = self.oracles.get_mut(place.oracle).ok_or(unknown)?;
        let (next, cash, fee, realised) = match movement {
            Movement::In { qty, cash, fee } => {
                let qty = held.qty.checked_add(qty).ok_or(PositionError::TooLarge)?;
                (Holding { qty, cost: sub(held.cost, cash)? }, cash, fee, Exact::ZERO)
            }
            Movement::Out { qty, cash, fee } => {
                let part = held.cost_of(qty).ok_or(PositionError::TooFew(id))?;
                let left = held.qty.checked_sub(qty).ok_or(PositionError::TooFew(id))?;
                let next = Holding { qty: left, cost: sub(held.cost, part)? };
                (next, cash, fee, sub(cash, part)?)
            }
        };
        let grown = sub(next.cost, held.cost)?;
        let committed = add(event.committed, grown)?;
        let by_oracle = add(*oracle, grown)?;
        let moved = VenueMoney {
            cash: add(money.cash, cash)?,
            committed: add(money.committed, grown)?,
            fees: add(money.fees, fee)?,
            realised: add(money.realised, realised)?,
        };
        let pays = sides.paying(id.face() == place.true_face);
        let value = |qty| Exact::product(Price::ONE, qty);
        *pays = add(*pays, sub(value(next.qty), value(held.qty))?)?;
        (*money, event.committed, *oracle) = (moved, committed, by_oracle);
        if let Some(holding) = self.holdings.get_mut(id.index()) {
            *holding = next;
        }
        self.weigh(place.event);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Movement {
    /// Contracts arrive; `cash` is negative.
    In { qty: Qty, cash: Exact, fee: Exact },
    /// Contracts leave with their part of the cost.
    Out { qty: Qty, cash: Exact, fee: Exact },
}

impl Holding {
    /// The part of the cost that `qty` contracts carry; the last ones carry what is left.
    fn cost_of(self, qty: Qty) -> Option<Exact> {
        if qty >= self.qty {
            return (qty == self.qty).then_some(self.cost);
        }
        let (qty, all) = (i128::from(qty.micro()), i128::from(self.qty.micro()));
        // Split so that no product exceeds 128 bits: cost = whole · all + rest.
        let (whole, rest) = (self.cost.pico().div_euclid(all), self.cost.pico().rem_euclid(all));
        let part = whole.checked_mul(qty)?.checked_add(rest.checked_mul(qty)?.div_euclid(all))?;
        Some(Exact::from_pico(part))
    }
}

fn add(left: Exact, right: Exact) -> Result<Exact, PositionError> {
    left.checked_add(right).ok_or(PositionError::TooLarge)
}

fn sub(left: Exact, right: Exact) -> Result<Exact, PositionError> {
    left.checked_sub(right).ok_or(PositionError::TooLarge)
}

fn saturating_add(left: Exact, right: Exact) -> Exact {
    Exact::from_pico(left.pico().saturating_add(right.pico()))
}

#[cfg(test)]
pub(crate) mod tests;
