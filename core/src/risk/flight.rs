//! What becomes of orders in flight: what was put aside for them is held, or free again, and what goes
//! wrong with them trips breakers.

use dutchbook_book::{BasketId, Cash, Exact, Nanos, Price, Qty};
use dutchbook_exec::{Fill, RejectReason, Report, ReportKind, TradeId};

use super::breaker::{Breaker, Consequence};
use super::{Reserved, RiskGate};

impl RiskGate {
    /// Takes news of an order: what is filled is held and no longer in flight, what is over is
    /// free again. Returns whether the order was known.
    pub fn on_report(&mut self, report: &Report) -> bool {
        match report.kind {
            // What is over holds nothing in flight any more, whatever is still said of it.
            ReportKind::Acknowledged | ReportKind::Reversed(_) | ReportKind::Settled => {
                self.find(report.trade, report.leg_index).is_some()
            }
            ReportKind::Filled(fill) => self.on_fill(report, &fill),
            ReportKind::Rejected(reason) => {
                if is_wrong(reason) {
                    let consequence = self.breakers.on_reject(report.ts);
                    self.follow(Breaker::Rejects, consequence);
                }
                self.on_refused(report.trade, report.leg_index)
            }
            ReportKind::Closed(_) => self.on_refused(report.trade, report.leg_index),
        }
    }

    /// A basket was filled unequally.
    pub fn on_legged(&mut self, now: Nanos) {
        let consequence = self.breakers.on_legged(now);
        self.follow(Breaker::Legged, consequence);
    }

    /// Trips a breaker for what was found elsewhere.
    pub fn trip(&mut self, breaker: Breaker, now: Nanos) {
        let consequence = self.breakers.trip(breaker, now);
        self.follow(breaker, Some(consequence));
    }

    /// The breaker for whose sake the kill switch is to be pulled.
    #[must_use]
    pub const fn must_kill(&self) -> Option<Breaker> {
        self.must_kill
    }

    /// How often a breaker has tripped.
    #[must_use]
    pub fn trips(&self, breaker: Breaker) -> u64 {
        self.breakers.trips(breaker)
    }

    fn follow(&mut self, breaker: Breaker, consequence: Option<Consequence>) {
        if consequence == Some(Consequence::Kill) {
            self.must_kill = self.must_kill.or(Some(breaker));
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

    fn on_fill(&mut self, report: &Report, fill: &Fill) -> bool {
        let Some(index) = self.find(report.trade, report.leg_index) else { return false };
        let Some(order) = self.orders.get_mut(index) else { return false };
        let (qty, beyond) = (fill.qty, slipped(order.limit, fill.price));
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
        if beyond > Price::ZERO {
            let cash = Exact::product(beyond, qty).cash_ceil().unwrap_or(Cash::MAX);
            let consequence = self.breakers.on_slippage(cash, report.ts);
            self.follow(Breaker::Slippage, consequence);
        }
        true
    }

    /// Newest first: most orders are over before the next are sent.
    fn find(&self, trade: TradeId, leg_index: u16) -> Option<usize> {
        self.orders.iter().rposition(|order| order.trade == trade && order.leg_index == leg_index)
    }

    pub(super) fn release(&mut self, order: &Reserved, cash: Exact) {
        let sums = [
            self.in_venues.get_mut(order.place.venue.index()),
            self.in_books.get_mut(order.instrument.book().index()),
            self.in_oracles.get_mut(order.place.oracle),
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
}

/// Whether a refusal says that something is wrong, and not merely that the moment had passed.
const fn is_wrong(reason: RejectReason) -> bool {
    !matches!(
        reason,
        RejectReason::PriceMoved
            | RejectReason::Late
            | RejectReason::Throttled
            | RejectReason::NoRoom
            | RejectReason::VenueDown
    )
}

/// How far a purchase was filled beyond the price that it was decided on.
fn slipped(limit: Price, paid: Price) -> Price {
    let micro = paid.micro().saturating_sub(limit.micro());
    Price::from_micro(micro).unwrap_or(Price::ZERO)
}
