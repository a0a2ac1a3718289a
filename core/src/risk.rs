//! The gate between an opportunity and its intents: everything is allowed, or one reason says no.
//!
//! A gate checks the inputs of a decision first (are these prices real?), then its size against
//! every cap (could we bear it?), and reserves what it allows until the orders are over: cash in
//! flight counts as lost, so that two decisions never spend one dollar. It only ever buys: a leg
//! that sells YES becomes a purchase of NO at the complement's price, the same level of the same
//! book, and pairs turn back into cash. Whole numbers only; no clock; nothing is allocated later.

use std::collections::VecDeque;

use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{
    BasketId, BookId, EventId, Exact, InstrumentId, Nanos, Price, Qty, Side, VenueId,
};
use dutchbook_exec::{Intent, TradeId};

pub mod breaker;
pub mod cancel;
mod flight;
pub mod guard;
mod inputs;
pub mod kill;
pub mod latch;
pub mod limits;
pub mod marks;
pub mod oracle;
mod purchase;

pub use limits::{RiskConfig, Veto};

use crate::opportunity::{Opportunity, OpportunityLeg};
use crate::position::Portfolio;
use crate::position::wanted::Wanted;
use breaker::{Breaker, Breakers};
use marks::ProfitMarks;
use oracle::Oracles;
use purchase::{as_purchase, cost_at_limit, delivered};

#[derive(Clone, Copy, Debug)]
struct Place {
    venue: VenueId,
    event: EventId,
    oracle: usize,
    fee: FeeSchedule,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    trade: TradeId,
    basket: BasketId,
    orders_open: usize,
}

/// One order in flight and the cash put aside for it.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    trade: TradeId,
    leg_index: u16,
    instrument: InstrumentId,
    limit: Price,
    place: Place,
    cash: Exact,
    qty_open: Qty,
}

/// The gate. One thread owns it.
#[derive(Debug)]
pub struct RiskGate {
    config: RiskConfig,
    places: Vec<Place>,
    in_books: Vec<Exact>,
    in_venues: Vec<Exact>,
    in_events: Vec<Exact>,
    in_oracles: Vec<Exact>,
    oracles: Oracles,
    in_total: Exact,
    breakers: Breakers,
    must_kill: Option<Breaker>,
    flights: Vec<Flight>,
    orders: Vec<Reserved>,
    sent: VecDeque<Nanos>,
    intents: Vec<Intent>,
    wanted: Wanted,
    veto_counts: [u64; Veto::ALL.len()],
    trade_count: u64,
    marks: ProfitMarks,
}

impl RiskGate {
    /// A gate over a catalog, with nothing in flight.
    #[must_use]
    pub fn new(config: RiskConfig, catalog: &Catalog) -> Self {
        let (oracles, oracle_of) = Oracles::of(catalog);
        let places = catalog.listings.iter().map(|listing| {
            let condition = catalog.conditions.get(listing.condition.index());
            let event = condition.map_or(EventId(0), |condition| condition.event);
            let oracle = oracle_of.get(listing.book.index()).copied().unwrap_or(0);
            Place { venue: listing.venue, event, oracle, fee: listing.fee }
        });
        Self {
            places: places.collect(),
            in_books: vec![Exact::ZERO; catalog.listings.len()],
            in_venues: vec![Exact::ZERO; catalog.venues.len()],
            in_events: vec![Exact::ZERO; catalog.events.len()],
            in_oracles: vec![Exact::ZERO; oracles.count()],
            oracles,
            in_total: Exact::ZERO,
            breakers: Breakers::new(config.breakers),
            must_kill: None,
            flights: Vec::with_capacity(config.open_baskets_max),
            orders: Vec::with_capacity(config.open_orders_max),
            sent: VecDeque::with_capacity(config.window_orders_max),
            intents: Vec::with_capacity(config.open_orders_max),
            wanted: Wanted::with_capacity(config.open_orders_max),
            veto_counts: [0; Veto::ALL.len()],
            trade_count: 0,
            marks: ProfitMarks::default(),
            config,
        }
    }

    /// Takes another fee schedule for a book: the venue changed it.
    pub fn set_fee(&mut self, book: BookId, fee: FeeSchedule) {
        if let Some(place) = self.places.get_mut(book.index()) {
            place.fee = fee;
        }
    }

    /// Caps books together as the portfolio weighs them together: their events are stated otherwise,
    /// or other conditions are alike.
    pub fn regroup(&mut self, portfolio: &Portfolio) {
        for (book, place) in (0..).map(BookId).zip(&mut self.places) {
            place.event = portfolio.event_of(book).unwrap_or(place.event);
        }
        self.wanted.fit(portfolio);
        self.in_events.fill(Exact::ZERO);
        for order in &mut self.orders {
            let book = order.instrument.book();
            order.place.event = portfolio.event_of(book).unwrap_or(order.place.event);
            if let Some(sum) = self.in_events.get_mut(order.place.event.index()) {
                *sum = sum.checked_add(order.cash).unwrap_or(*sum);
            }
        }
    }

    /// Weighing otherwise has made open positions worth this much more: no profit, and no room for
    /// losses. Worth that it takes away is a loss that can now be made.
    pub fn lift(&mut self, worth: Exact) {
        self.marks.lift(worth);
    }

    /// Takes the source that decides a book in which nothing is under way yet.
    pub fn set_oracle(&mut self, book: BookId, source: &str) {
        let Some(place) = self.places.get_mut(book.index()) else { return };
        place.oracle = self.oracles.number(place.venue, source);
        self.in_oracles.resize(self.oracles.count(), Exact::ZERO);
    }

    /// Allows an opportunity: its intents, with their cash put aside until each is over
    /// ([`RiskGate::on_report`], [`RiskGate::on_refused`]).
    ///
    /// # Errors
    /// With the first reason against it; it is counted, and nothing is put aside.
    pub fn check(
        &mut self,
        opportunity: &Opportunity<'_>,
        portfolio: &Portfolio,
        is_killed: bool,
        now: Nanos,
    ) -> Result<&[Intent], Veto> {
        match self.decide(opportunity, portfolio, is_killed, now) {
            Ok(()) => Ok(&self.intents),
            Err(veto) => {
                self.count_veto(veto);
                Err(veto)
            }
        }
    }

    /// Goes on from another run: gives numbers after this one, which it has used, and measures losses
    /// from where it did.
    pub fn resume(&mut self, trade: TradeId, marks: ProfitMarks) {
        self.trade_count = self.trade_count.max(trade.0);
        self.marks = marks;
    }

    /// How often each reason was found, those that were never found left out.
    pub fn vetoes(&self) -> impl Iterator<Item = (Veto, u64)> + '_ {
        let counted = Veto::ALL.iter().copied().zip(self.veto_counts);
        counted.filter(|(_, count)| *count > 0)
    }

    /// Counts a reason that was found outside of the gate.
    pub fn count_veto(&mut self, veto: Veto) {
        if let Some(count) = self.veto_counts.get_mut(veto as usize) {
            *count = count.saturating_add(1);
        }
    }

    fn decide(
        &mut self,
        opportunity: &Opportunity<'_>,
        portfolio: &Portfolio,
        is_killed: bool,
        now: Nanos,
    ) -> Result<(), Veto> {
        if is_killed {
            return Err(Veto::Killed);
        }
        if self.breakers.is_open(now) {
            return Err(Veto::BreakerOpen);
        }
        let age_max = Nanos::from_millis(self.config.age_ms_max);
        inputs::check(opportunity.legs, portfolio, age_max, now)?;
        self.check_flow(opportunity, portfolio, now)?;
        let trade = TradeId(self.trade_count.saturating_add(1));
        self.collect_intents(trade, opportunity.legs, portfolio, now)?;
        self.reserve_all(opportunity.basket, trade, portfolio)?;
        self.trade_count = trade.0;
        for _ in 0..self.intents.len() {
            self.sent.push_back(now);
        }
        Ok(())
    }

    /// Whether one more basket may be under way at all.
    fn check_flow(
        &mut self,
        opportunity: &Opportunity<'_>,
        portfolio: &Portfolio,
        now: Nanos,
    ) -> Result<(), Veto> {
        if self.is_in_flight(opportunity.basket) {
            return Err(Veto::InFlight);
        }
        if opportunity.sighting.net_edge < self.config.net_edge_cash_min.exact() {
            return Err(Veto::EdgeBelowMin);
        }
        let orders = self.orders.len().saturating_add(opportunity.legs.len());
        if self.flights.len() >= self.config.open_baskets_max
            || orders > self.config.open_orders_max
        {
            return Err(Veto::OpenBaskets);
        }
        let window = Nanos::from_millis(self.config.order_window_ms);
        while self.sent.front().is_some_and(|sent| now.since(*sent) >= window && now > *sent) {
            self.sent.pop_front();
        }
        if self.sent.len().saturating_add(opportunity.legs.len()) > self.config.window_orders_max {
            return Err(Veto::OrderRate);
        }
        let worth = portfolio.locked_profit();
        self.marks.note(worth, now);
        let loss = self.marks.loss_today(worth).ok_or(Veto::TooLarge)?;
        if loss > self.config.daily_loss_cash_max.exact() {
            return Err(Veto::DailyLoss);
        }
        let drawdown = self.marks.drawdown(worth).ok_or(Veto::TooLarge)?;
        if drawdown > self.config.drawdown_cash_max.exact() {
            return Err(Veto::Drawdown);
        }
        Ok(())
    }

    fn collect_intents(
        &mut self,
        trade: TradeId,
        legs: &[OpportunityLeg],
        portfolio: &Portfolio,
        now: Nanos,
    ) -> Result<(), Veto> {
        self.intents.clear();
        self.wanted.clear();
        let deadline = now.plus(Nanos::from_millis(self.config.deadline_ms));
        for (index, leg) in legs.iter().enumerate() {
            let place = self.places.get(leg.instrument.book().index()).ok_or(Veto::Unknown)?;
            let (instrument, limit) = as_purchase(leg, &place.fee)?;
            let [lowest, highest] = self.config.price_band;
            if limit < lowest || limit > highest {
                return Err(Veto::PriceBand);
            }
            let leg_index = u16::try_from(index).map_err(|_| Veto::TooLarge)?;
            let (side, qty, ts_decision) = (Side::Buy, leg.qty, now);
            // Where the fee is taken in contracts, fewer arrive than are ordered.
            let delivered = delivered(&place.fee, limit, qty).ok_or(Veto::TooLarge)?;
            self.wanted.add(portfolio, instrument, delivered);
            self.intents.push(Intent {
                trade,
                leg_index,
                instrument,
                side,
                limit,
                qty,
                deadline,
                ts_decision,
            });
        }
        Ok(())
    }

    /// Puts the cash of every intent aside, or of none.
    fn reserve_all(
        &mut self,
        basket: BasketId,
        trade: TradeId,
        portfolio: &Portfolio,
    ) -> Result<(), Veto> {
        let mut veto = Ok(());
        let mut orders_open = 0;
        let first = self.orders.len();
        for index in 0..self.intents.len() {
            let Some(intent) = self.intents.get(index).copied() else { break };
            veto = self.reserve(&intent, portfolio);
            if veto.is_err() {
                break;
            }
            orders_open += 1;
        }
        veto = veto.and_then(|()| self.check_events(first, portfolio));
        if veto.is_ok() {
            self.flights.push(Flight { trade, basket, orders_open });
            return Ok(());
        }
        while let Some(order) = self.orders.pop_if(|order| order.trade == trade) {
            self.release(&order, order.cash);
        }
        veto
    }

    fn reserve(&mut self, intent: &Intent, portfolio: &Portfolio) -> Result<(), Veto> {
        let book = intent.instrument.book();
        let place = *self.places.get(book.index()).ok_or(Veto::Unknown)?;
        let cash = cost_at_limit(&place.fee, intent.limit, intent.qty)
            .and_then(|cost| cost.checked_add(self.config.order_reserve_cash.exact()))
            .ok_or(Veto::TooLarge)?;
        if cash > self.config.order_cash_max.exact() {
            return Err(Veto::OrderCash);
        }
        let venue = self.in_venues.get(place.venue.index()).ok_or(Veto::Unknown)?;
        let held = self.in_books.get(book.index()).ok_or(Veto::Unknown)?;
        // A book with nothing put aside has no order under way: the others need not be looked through.
        if *held > Exact::ZERO && self.meets_own(intent) {
            return Err(Veto::SelfCross);
        }
        let event = self.in_events.get(place.event.index()).ok_or(Veto::Unknown)?;
        let oracle = self.in_oracles.get(place.oracle).ok_or(Veto::Unknown)?;
        let grown = |sum: &Exact| sum.checked_add(cash).ok_or(Veto::TooLarge);
        let (in_venue, in_book, in_event) = (grown(venue)?, grown(held)?, grown(event)?);
        let (in_oracle, in_total) = (grown(oracle)?, grown(&self.in_total)?);
        let decided = portfolio.committed_with_oracle_of(book);
        let (money, total) = (portfolio.money(place.venue), portfolio.total());
        if in_venue > money.cash {
            return Err(Veto::Balance);
        }
        let id = intent.instrument;
        let cost = portfolio.cost(id).checked_add(portfolio.cost(id.complement()));
        let caps = [
            (cost, in_book, self.config.book_cash_max, Veto::BookCash),
            (Some(money.committed), in_venue, self.config.venue_cash_max, Veto::VenueCash),
            (Some(total.committed), in_total, self.config.total_cash_max, Veto::TotalCash),
            (Some(decided), in_oracle, self.config.oracle_cash_max, Veto::OracleCash),
        ];
        for (held, in_flight, cap, veto) in caps {
            let sum = held.and_then(|held| held.checked_add(in_flight)).ok_or(Veto::TooLarge)?;
            if sum > cap.exact() {
                return Err(veto);
            }
        }
        set(&mut self.in_venues, place.venue.index(), in_venue);
        set(&mut self.in_books, book.index(), in_book);
        set(&mut self.in_events, place.event.index(), in_event);
        set(&mut self.in_oracles, place.oracle, in_oracle);
        self.in_total = in_total;
        self.orders.push(Reserved {
            trade: intent.trade,
            leg_index: intent.leg_index,
            instrument: intent.instrument,
            limit: intent.limit,
            place,
            cash,
            qty_open: intent.qty,
        });
        Ok(())
    }

    /// Whether a purchase would trade with one of ours that is under way: the two faces of one book
    /// bought for one or more together meet each other there.
    fn meets_own(&self, intent: &Intent) -> bool {
        let other = intent.instrument.complement();
        let meets = |order: &Reserved| {
            // One that is filled and not yet over has nothing left to trade.
            !order.qty_open.is_zero()
                && order.instrument == other
                && order.limit >= intent.limit.complement()
        };
        self.orders.iter().any(meets)
    }

    /// Whether every event that the basket touches stays within its worst cases: the basket filled
    /// and everything else in flight lost, and everything in flight lost. Its orders are those from
    /// `first` on.
    fn check_events(&self, first: usize, portfolio: &Portfolio) -> Result<(), Veto> {
        let ours = self.orders.get(first..).unwrap_or_default();
        for (index, order) in ours.iter().enumerate() {
            let event = order.place.event;
            // Each event once: a basket has many legs in few events.
            if ours.iter().take(index).any(|earlier| earlier.place.event == event) {
                continue;
            }
            let cost = ours
                .iter()
                .filter(|other| other.place.event == event)
                .try_fold(Exact::ZERO, |sum, other| sum.checked_add(other.cash))
                .ok_or(Veto::TooLarge)?;
            let in_event = self.in_events.get(event.index()).ok_or(Veto::Unknown)?;
            let others = in_event.checked_sub(cost).ok_or(Veto::TooLarge)?;
            let exposure = portfolio.exposure_with(event, cost, &self.wanted);
            let worst = exposure.checked_add(others).ok_or(Veto::TooLarge)?;
            if worst > self.config.event_exposure_cash_max.exact() {
                return Err(Veto::EventExposure);
            }
            let legged = portfolio.exposure(event).checked_add(*in_event).ok_or(Veto::TooLarge)?;
            if legged > self.config.event_legged_cash_max.exact() {
                return Err(Veto::EventLegged);
            }
        }
        Ok(())
    }

    /// How often a reason was given.
    #[must_use]
    pub fn veto_count(&self, veto: Veto) -> u64 {
        self.veto_counts.get(veto as usize).copied().unwrap_or(0)
    }
}

fn set(sums: &mut [Exact], index: usize, value: Exact) {
    if let Some(sum) = sums.get_mut(index) {
        *sum = value;
    }
}

#[cfg(test)]
mod tests;
