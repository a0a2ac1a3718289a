//! The gate between an opportunity and its intents: everything is allowed, or one reason says no.
//!
//! A gate checks the inputs of a decision first (are these prices real?), then its size against
//! every cap (could we bear it?), and reserves what it allows until the orders are over: cash in
//! flight counts as lost, so that two decisions never spend one dollar. It only ever buys: a leg
//! that sells YES becomes a purchase of NO at the complement's price, the same level of the same
//! book, and pairs turn back into cash. Whole numbers only; no clock; nothing is allocated later.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{
    BasketId, BookId, BookStatus, EventId, Exact, InstrumentId, Nanos, Price, Qty, Side, VenueId,
};
use dutchbook_exec::{Intent, Report, ReportKind, TradeId};

pub mod limits;

pub use limits::{RiskConfig, Veto};

use crate::opportunity::{Opportunity, OpportunityLeg};
use crate::position::Portfolio;

#[derive(Clone, Copy, Debug)]
struct Place {
    venue: VenueId,
    event: EventId,
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
    book: BookId,
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
    in_total: Exact,
    flights: Vec<Flight>,
    orders: Vec<Reserved>,
    sent: VecDeque<Nanos>,
    intents: Vec<Intent>,
    wanted: Vec<(InstrumentId, Qty)>,
    veto_counts: [u64; Veto::ALL.len()],
    trade_count: u64,
    day: u64,
    realised_at_start: Exact,
}

impl RiskGate {
    /// A gate over a catalog, with nothing in flight.
    #[must_use]
    pub fn new(config: RiskConfig, catalog: &Catalog) -> Self {
        let places = catalog.listings.iter().map(|listing| {
            let condition = catalog.conditions.get(listing.condition.index());
            let event = condition.map_or(EventId(0), |condition| condition.event);
            Place { venue: listing.venue, event, fee: listing.fee }
        });
        Self {
            places: places.collect(),
            in_books: vec![Exact::ZERO; catalog.listings.len()],
            in_venues: vec![Exact::ZERO; catalog.venues.len()],
            in_events: vec![Exact::ZERO; catalog.events.len()],
            in_total: Exact::ZERO,
            flights: Vec::with_capacity(config.open_baskets_max),
            orders: Vec::with_capacity(config.open_orders_max),
            sent: VecDeque::with_capacity(config.window_orders_max),
            intents: Vec::with_capacity(config.open_orders_max),
            wanted: Vec::with_capacity(config.open_orders_max),
            veto_counts: [0; Veto::ALL.len()],
            trade_count: 0,
            day: 0,
            realised_at_start: Exact::ZERO,
            config,
        }
    }

    /// Takes another fee schedule for a book: the venue changed it.
    pub fn set_fee(&mut self, book: BookId, fee: FeeSchedule) {
        if let Some(place) = self.places.get_mut(book.index()) {
            place.fee = fee;
        }
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
        kill: &AtomicBool,
        now: Nanos,
    ) -> Result<&[Intent], Veto> {
        match self.decide(opportunity, portfolio, kill, now) {
            Ok(()) => Ok(&self.intents),
            Err(veto) => {
                self.count_veto(veto);
                Err(veto)
            }
        }
    }

    /// Gives numbers after this one: another run has used those before.
    pub fn count_from(&mut self, trade: TradeId) {
        self.trade_count = self.trade_count.max(trade.0);
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
        kill: &AtomicBool,
        now: Nanos,
    ) -> Result<(), Veto> {
        // Acquire: whoever switched it on has written why before.
        if kill.load(Ordering::Acquire) {
            return Err(Veto::Killed);
        }
        self.check_inputs(opportunity.legs, portfolio, now)?;
        self.check_flow(opportunity, portfolio, now)?;
        let trade = TradeId(self.trade_count.saturating_add(1));
        self.collect_intents(trade, opportunity.legs, now)?;
        self.reserve_all(opportunity.basket, trade, portfolio)?;
        self.trade_count = trade.0;
        for _ in 0..self.intents.len() {
            self.sent.push_back(now);
        }
        Ok(())
    }

    /// Whether the prices are real.
    fn check_inputs(
        &self,
        legs: &[OpportunityLeg],
        portfolio: &Portfolio,
        now: Nanos,
    ) -> Result<(), Veto> {
        if legs.is_empty() || legs.iter().any(|leg| leg.qty.is_zero()) {
            return Err(Veto::Empty);
        }
        let age_max = Nanos::from_millis(self.config.age_ms_max);
        for leg in legs {
            let stamp = leg.view.stamp;
            match stamp.status {
                BookStatus::Live => {}
                BookStatus::Stale => return Err(Veto::InputStale),
                BookStatus::Crossed => return Err(Veto::InputCrossed),
                BookStatus::AwaitingSnapshot
                | BookStatus::Gapped
                | BookStatus::Halted
                | BookStatus::Closed => return Err(Veto::InputNotLive),
            }
            if leg.view.top.is_crossed() {
                return Err(Veto::InputCrossed);
            }
            if now.since(stamp.ts_recv) > age_max {
                return Err(Veto::InputStale);
            }
            let book = leg.instrument.book();
            let is_same = |other: &OpportunityLeg| other.instrument.book() == book;
            if legs.iter().any(|other| is_same(other) && other.view.stamp.epoch != stamp.epoch) {
                return Err(Veto::InputMixed);
            }
            if !leg.is_fee_known {
                return Err(Veto::FeeUnknown);
            }
            if !is_within_limit(leg) {
                return Err(Veto::LimitPassed);
            }
            if portfolio.is_settled(book) {
                return Err(Veto::Settled);
            }
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
        let (day, realised) = (now.0 / NANOS_PER_DAY, portfolio.total().realised);
        if day != self.day {
            (self.day, self.realised_at_start) = (day, realised);
        }
        let loss = self.realised_at_start.checked_sub(realised).ok_or(Veto::TooLarge)?;
        if loss > self.config.daily_loss_cash_max.exact() {
            return Err(Veto::DailyLoss);
        }
        Ok(())
    }

    fn collect_intents(
        &mut self,
        trade: TradeId,
        legs: &[OpportunityLeg],
        now: Nanos,
    ) -> Result<(), Veto> {
        self.intents.clear();
        self.wanted.clear();
        let deadline = now.plus(Nanos::from_millis(self.config.deadline_ms));
        for (index, leg) in legs.iter().enumerate() {
            let place = self.places.get(leg.instrument.book().index()).ok_or(Veto::Unknown)?;
            let (instrument, limit) = as_purchase(leg, &place.fee)?;
            let leg_index = u16::try_from(index).map_err(|_| Veto::TooLarge)?;
            let (side, qty, ts_decision) = (Side::Buy, leg.qty, now);
            // Where the fee is taken in contracts, fewer arrive than are ordered.
            let delivered = delivered(&place.fee, limit, qty).ok_or(Veto::TooLarge)?;
            self.wanted.push((instrument, delivered));
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
        for index in 0..self.intents.len() {
            let Some(intent) = self.intents.get(index).copied() else { break };
            veto = self.reserve(&intent, portfolio);
            if veto.is_err() {
                break;
            }
            orders_open += 1;
        }
        veto = veto.and_then(|()| self.check_events(trade, portfolio));
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
        let event = self.in_events.get(place.event.index()).ok_or(Veto::Unknown)?;
        let grown = |sum: &Exact| sum.checked_add(cash).ok_or(Veto::TooLarge);
        let (in_venue, in_book, in_event) = (grown(venue)?, grown(held)?, grown(event)?);
        let in_total = grown(&self.in_total)?;
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
        self.in_total = in_total;
        let (trade, leg_index, qty_open) = (intent.trade, intent.leg_index, intent.qty);
        self.orders.push(Reserved { trade, leg_index, book, place, cash, qty_open });
        Ok(())
    }

    /// Whether every event that the basket touches stays within its worst cases: the basket filled
    /// and everything else in flight lost, and everything in flight lost.
    fn check_events(&self, trade: TradeId, portfolio: &Portfolio) -> Result<(), Veto> {
        let ours = || self.orders.iter().filter(|order| order.trade == trade);
        for order in ours() {
            let event = order.place.event;
            let cost = ours()
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

    /// Takes news of an order: what is filled is held and no longer in flight, what is over is
    /// free again. Returns whether the order was known.
    pub fn on_report(&mut self, report: &Report) -> bool {
        match report.kind {
            // What is over holds nothing in flight any more, whatever is still said of it.
            ReportKind::Acknowledged | ReportKind::Reversed(_) | ReportKind::Settled => {
                self.find(report.trade, report.leg_index).is_some()
            }
            ReportKind::Filled(fill) => self.on_fill(report.trade, report.leg_index, fill.qty),
            ReportKind::Rejected(_) | ReportKind::Closed(_) => {
                self.on_refused(report.trade, report.leg_index)
            }
        }
    }

    /// Frees an order that was never sent, for want of room or record. Returns whether it was known.
    pub fn on_refused(&mut self, trade: TradeId, leg_index: u16) -> bool {
        let Some(index) = self.find(trade, leg_index) else { return false };
        let order = self.orders.swap_remove(index);
        self.release(&order, order.cash);
        if let Some(index) = self.flights.iter().position(|flight| flight.trade == trade)
            && let Some(flight) = self.flights.get_mut(index)
        {
            flight.orders_open = flight.orders_open.saturating_sub(1);
            if flight.orders_open == 0 {
                self.flights.swap_remove(index);
            }
        }
        true
    }

    fn on_fill(&mut self, trade: TradeId, leg_index: u16, qty: Qty) -> bool {
        let Some(index) = self.find(trade, leg_index) else { return false };
        let Some(order) = self.orders.get_mut(index) else { return false };
        let (part, all) = (i128::from(qty.micro()), i128::from(order.qty_open.micro()));
        let freed = if part >= all {
            order.cash
        } else {
            let freed = order.cash.pico().checked_mul(part).and_then(|cash| cash.checked_div(all));
            Exact::from_pico(freed.unwrap_or(0))
        };
        order.cash = order.cash.checked_sub(freed).unwrap_or(Exact::ZERO);
        order.qty_open = order.qty_open.checked_sub(qty).unwrap_or(Qty::ZERO);
        let order = *order;
        self.release(&order, freed);
        true
    }

    fn find(&self, trade: TradeId, leg_index: u16) -> Option<usize> {
        self.orders.iter().position(|order| order.trade == trade && order.leg_index == leg_index)
    }

    fn release(&mut self, order: &Reserved, cash: Exact) {
        let sums = [
            self.in_venues.get_mut(order.place.venue.index()),
            self.in_books.get_mut(order.book.index()),
            self.in_events.get_mut(order.place.event.index()),
            Some(&mut self.in_total),
        ];
        for sum in sums.into_iter().flatten() {
            // What was put aside is taken back: the sums cannot go below zero.
            *sum = sum.checked_sub(cash).unwrap_or(Exact::ZERO);
        }
    }

    /// Whether a basket is in flight.
    #[must_use]
    pub fn is_in_flight(&self, basket: BasketId) -> bool {
        self.flights.iter().any(|flight| flight.basket == basket)
    }

    /// Baskets in flight.
    #[must_use]
    pub fn open_basket_count(&self) -> usize {
        self.flights.len()
    }

    /// Cash put aside for orders in flight.
    #[must_use]
    pub const fn in_flight(&self) -> Exact {
        self.in_total
    }

    /// How often a reason was given.
    #[must_use]
    pub fn veto_count(&self, veto: Veto) -> u64 {
        self.veto_counts.get(veto as usize).copied().unwrap_or(0)
    }
}

const NANOS_PER_DAY: u64 = 86_400_000_000_000;

/// What `qty` contracts cost at most if all are bought at `limit`, fees included, rounded up.
fn cost_at_limit(fee: &FeeSchedule, limit: Price, qty: Qty) -> Option<Exact> {
    // 1e-14 $ per contract × 1e-6 contracts = 1e-20 $; an exact amount is in 1e-12 $.
    const PER_PICO: i128 = 100_000_000;
    let cost = i128::from(fee.unit_cost(limit)).checked_mul(i128::from(qty.micro()))?;
    let up = cost.checked_add(PER_PICO - 1)?.checked_div(PER_PICO)?;
    Some(Exact::from_pico(up))
}

/// How many of `qty` contracts bought at `limit` reach the account, rounded down.
fn delivered(fee: &FeeSchedule, limit: Price, qty: Qty) -> Option<Qty> {
    let (kept, whole) = fee.delivered_share(limit)?;
    let micro = u128::from(qty.micro()).checked_mul(kept)?.checked_div(whole)?;
    Qty::from_micro(u64::try_from(micro).ok()?)
}

fn set(sums: &mut [Exact], index: usize, value: Exact) {
    if let Some(sum) = sums.get_mut(index) {
        *sum = value;
    }
}

/// Whether the view that was read shows a price within the leg's limit.
fn is_within_limit(leg: &OpportunityLeg) -> bool {
    let top = leg.view.top.face(leg.instrument.face());
    match leg.side {
        Side::Buy => top.ask.is_some_and(|ask| ask.price <= leg.limit),
        Side::Sell => top.bid.is_some_and(|bid| bid.price >= leg.limit),
    }
}

/// The purchase that a leg amounts to: itself, or of the complement where it sells.
fn as_purchase(leg: &OpportunityLeg, fee: &FeeSchedule) -> Result<(InstrumentId, Price), Veto> {
    match leg.side {
        Side::Buy => Ok((leg.instrument, leg.limit)),
        Side::Sell => {
            let price = leg.limit.complement();
            if fee.unit_fee(Side::Buy, price) > fee.unit_fee(Side::Sell, leg.limit) {
                return Err(Veto::Uncovered);
            }
            Ok((leg.instrument.complement(), price))
        }
    }
}

#[cfg(test)]
mod tests;
