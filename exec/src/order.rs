//! The order state machine: every report is taken once, or refused with a name.

pub mod fills;
pub mod live;

use dutchbook_book::{Exact, Qty};

use crate::intent::{Intent, OrderId};
use crate::report::{Closed, Fill, OrderEnd, Report, ReportKind};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// It has left; the venue has not answered.
    Sent,
    /// The venue has it; nothing is traded yet.
    Acknowledged,
    /// Some of it is traded; the rest is open.
    PartiallyFilled,
    /// Over: all of it is traded.
    Filled,
    /// Over: the rest was taken back.
    Cancelled,
    /// Over: its deadline passed first.
    Expired,
    /// Over: refused, nothing traded.
    Rejected,
}

impl OrderState {
    /// Whether nothing more can happen to the order.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected)
    }
}

/// A report that the order cannot have caused: our accounts and the venue's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// The report names another order.
    WrongOrder,
    /// The order stood where no such report can follow.
    OutOfOrder(OrderState),
    /// A fill number that was already counted.
    RepeatedFill(u64),
    /// A fill outside the limit price, of nothing, or delivering more than it trades.
    BadFill(u64),
    /// The fills exceed the order's quantity.
    Overfilled,
    /// The venue's total of the fills differs from ours.
    TotalDiffers,
}

/// One order and what has come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Our id of it.
    pub id: OrderId,
    /// What it was made from.
    pub intent: Intent,
    /// Where it stands.
    pub state: OrderState,
    /// Contracts traded.
    pub filled: Qty,
    /// Contracts that reached our account, for a buy.
    pub delivered: Qty,
    /// Sum of price × quantity over the fills.
    pub notional: Exact,
    /// Sum of the fees in cash, with what the close added.
    pub fee: Exact,
    last_fill: Option<u64>,
}

impl Order {
    /// An order that has just left.
    #[must_use]
    pub const fn new(id: OrderId, intent: Intent) -> Self {
        Self {
            id,
            intent,
            state: OrderState::Sent,
            filled: Qty::ZERO,
            delivered: Qty::ZERO,
            notional: Exact::ZERO,
            fee: Exact::ZERO,
            last_fill: None,
        }
    }

    /// Contracts that are still wanted.
    #[must_use]
    pub fn open_qty(&self) -> Qty {
        self.intent.qty.checked_sub(self.filled).unwrap_or(Qty::ZERO)
    }

    /// Takes one report. The order is unchanged when it is refused.
    ///
    /// # Errors
    /// When this order, as it stands, cannot have caused the report.
    pub fn apply(&mut self, report: &Report) -> Result<(), OrderError> {
        if report.order != self.id {
            return Err(OrderError::WrongOrder);
        }
        if self.state.is_final() {
            return Err(OrderError::OutOfOrder(self.state));
        }
        match report.kind {
            ReportKind::Acknowledged if self.state == OrderState::Sent => {
                self.state = OrderState::Acknowledged;
                Ok(())
            }
            ReportKind::Rejected(_) if self.state == OrderState::Sent => {
                self.state = OrderState::Rejected;
                Ok(())
            }
            // Paper settles at once and takes nothing back.
            ReportKind::Acknowledged
            | ReportKind::Rejected(_)
            | ReportKind::Reversed(_)
            | ReportKind::Settled => Err(OrderError::OutOfOrder(self.state)),
            ReportKind::Filled(fill) => self.take_fill(&fill),
            ReportKind::Closed(closed) => self.close(&closed),
        }
    }

    fn take_fill(&mut self, fill: &Fill) -> Result<(), OrderError> {
        if self.last_fill.is_some_and(|last| fill.number <= last) {
            return Err(OrderError::RepeatedFill(fill.number));
        }
        let is_sane = self.intent.is_within_limit(fill.price)
            && !fill.qty.is_zero()
            && fill.delivered <= fill.qty;
        if !is_sane {
            return Err(OrderError::BadFill(fill.number));
        }
        let filled = self.filled.checked_add(fill.qty).filter(|sum| *sum <= self.intent.qty);
        let sums = (
            filled.ok_or(OrderError::Overfilled)?,
            self.delivered.checked_add(fill.delivered).ok_or(OrderError::Overfilled)?,
            self.notional.checked_add(fill.notional()).ok_or(OrderError::Overfilled)?,
            self.fee.checked_add(fill.fee).ok_or(OrderError::Overfilled)?,
        );
        (self.filled, self.delivered, self.notional, self.fee) = sums;
        self.last_fill = Some(fill.number);
        self.state = OrderState::PartiallyFilled;
        Ok(())
    }

    fn close(&mut self, closed: &Closed) -> Result<(), OrderError> {
        let is_complete = self.filled == self.intent.qty;
        if closed.filled != self.filled || (closed.end == OrderEnd::Filled) != is_complete {
            return Err(OrderError::TotalDiffers);
        }
        self.fee = self.fee.checked_sub(closed.adjustment).ok_or(OrderError::TotalDiffers)?;
        self.state = match closed.end {
            OrderEnd::Filled => OrderState::Filled,
            OrderEnd::Cancelled => OrderState::Cancelled,
            OrderEnd::Expired => OrderState::Expired,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::TradeId;
    use crate::report::RejectReason;
    use dutchbook_book::{InstrumentId, Nanos, Price, Side};

    fn order() -> Order {
        let intent = Intent {
            trade: TradeId(1),
            leg_index: 0,
            instrument: InstrumentId(4),
            side: Side::Buy,
            limit: Price::from_pips(4500).unwrap(),
            qty: Qty::from_contracts(10).unwrap(),
            deadline: Nanos(100),
            ts_decision: Nanos(1),
        };
        Order::new(OrderId(7), intent)
    }

    fn report(kind: ReportKind) -> Report {
        Report::of(OrderId(7), &order().intent, Nanos(5), kind)
    }

    fn fill(number: u64, pips: u32, contracts: u64) -> ReportKind {
        let qty = Qty::from_contracts(contracts).unwrap();
        let price = Price::from_pips(pips).unwrap();
        ReportKind::Filled(Fill { number, price, qty, delivered: qty, fee: Exact::from_pico(3) })
    }

    fn closed(end: OrderEnd, contracts: u64) -> ReportKind {
        let filled = Qty::from_contracts(contracts).unwrap();
        ReportKind::Closed(Closed { end, filled, adjustment: Exact::from_pico(-1) })
    }

    #[test]
    fn an_order_fills_in_two_parts_and_sums_fees() {
        let mut order = order();
        order.apply(&report(ReportKind::Acknowledged)).unwrap();
        order.apply(&report(fill(1, 4400, 4))).unwrap();
        assert_eq!(order.state, OrderState::PartiallyFilled);
        order.apply(&report(fill(2, 4500, 6))).unwrap();
        order.apply(&report(closed(OrderEnd::Filled, 10))).unwrap();
        assert_eq!(order.state, OrderState::Filled);
        assert_eq!(order.notional.to_string(), "4.46");
        assert_eq!(order.fee, Exact::from_pico(7));
    }

    #[test]
    fn what_an_order_cannot_have_caused_is_refused_and_changes_nothing() {
        let mut order = order();
        order.apply(&report(fill(1, 4400, 4))).unwrap();
        let before = order;
        let refused = [
            (fill(1, 4400, 4), OrderError::RepeatedFill(1)),
            (fill(2, 4600, 1), OrderError::BadFill(2)),
            (fill(2, 4400, 0), OrderError::BadFill(2)),
            (fill(2, 4400, 7), OrderError::Overfilled),
            (closed(OrderEnd::Cancelled, 5), OrderError::TotalDiffers),
            (closed(OrderEnd::Filled, 4), OrderError::TotalDiffers),
            (
                ReportKind::Rejected(RejectReason::OffLot),
                OrderError::OutOfOrder(OrderState::PartiallyFilled),
            ),
        ];
        for (kind, error) in refused {
            assert_eq!((order.apply(&report(kind)), order), (Err(error), before));
        }
        let other = Report { order: OrderId(8), ..report(fill(2, 4400, 1)) };
        assert_eq!(order.apply(&other), Err(OrderError::WrongOrder));
        order.apply(&report(closed(OrderEnd::Cancelled, 4))).unwrap();
        assert!(order.state.is_final());
        assert!(order.apply(&report(fill(2, 4400, 1))).is_err());
    }
}
