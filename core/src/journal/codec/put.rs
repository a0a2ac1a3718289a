//! Fields of a record to bytes.

use dutchbook_book::{Exact, Level};
use dutchbook_exec::{Fill, Intent, RejectReason, Report, ReportKind};

use super::FIELDS_BYTES;
use crate::journal::RecordBytes;
use crate::journal::record::{Decision, DecisionLeg, Record};
use crate::opportunity::{Measure, OpportunityLife};

/// Writes fields one after the other into a record.
pub(super) struct Put<'a> {
    pub(super) bytes: &'a mut RecordBytes,
    pub(super) at: usize,
}

macro_rules! put_int {
    ($($name:ident: $ty:ty),*) => {$(
        pub(super) fn $name(&mut self, value: $ty) {
            self.raw(&value.to_le_bytes());
        }
    )*};
}

impl Put<'_> {
    put_int!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64, i128: i128);

    pub(super) fn raw(&mut self, value: &[u8]) {
        let slot = self.bytes.get_mut(self.at..).and_then(|rest| rest.get_mut(..value.len()));
        assert!(slot.is_some(), "the fields of every kind fit into {FIELDS_BYTES} bytes");
        if let Some(slot) = slot {
            slot.copy_from_slice(value);
        }
        self.at += value.len();
    }

    pub(super) fn exact(&mut self, value: Exact) {
        self.i128(value.pico());
    }

    pub(super) fn level(&mut self, level: Option<Level>) {
        self.u8(u8::from(level.is_some()));
        let level = level.unwrap_or_default();
        self.u32(level.price.micro());
        self.u64(level.qty.micro());
    }

    pub(super) fn record(&mut self, record: &Record) {
        match record {
            Record::Decision(decision) => self.decision(decision),
            Record::DecisionLeg(leg) => self.leg(leg),
            Record::Veto { decision, veto } => {
                self.u64(*decision);
                self.u8(*veto as u8);
            }
            Record::Intent { decision, order, intent } => {
                self.u64(*decision);
                self.u64(order.0);
                self.intent(intent);
            }
            Record::Report(report) => self.report(report),
            Record::Gap { book, expected, got } => {
                self.u32(book.0);
                self.u64(*expected);
                self.u64(*got);
            }
            Record::Resolution { book, payoff, cash } => {
                self.u32(book.0);
                self.u32(payoff.micro());
                self.exact(*cash);
            }
            Record::Life { measure, life } => self.life(*measure, life),
            Record::Live(record) => self.live(record),
        }
    }

    pub(super) fn decision(&mut self, decision: &Decision) {
        self.u64(decision.decision);
        self.u64(decision.opportunity.0);
        self.u32(decision.basket.0);
        self.u8(decision.kind as u8);
        self.u8(decision.cause as u8);
        self.u16(decision.leg_count);
        self.u64(decision.sighting.size.micro());
        self.exact(decision.sighting.gross);
        self.exact(decision.sighting.fees);
        self.exact(decision.sighting.net_edge);
    }

    pub(super) fn leg(&mut self, leg: &DecisionLeg) {
        self.u64(leg.decision);
        self.u16(leg.leg_index);
        self.u32(leg.instrument.0);
        self.u8(leg.side as u8);
        self.u32(leg.limit.micro());
        self.u64(leg.qty.micro());
        self.u8(leg.view.stamp.status as u8);
        self.u32(leg.view.stamp.epoch);
        self.u64(leg.view.stamp.version);
        self.u64(leg.view.stamp.ts_recv.0);
        self.level(leg.view.top.bid);
        self.level(leg.view.top.ask);
    }

    pub(super) fn intent(&mut self, intent: &Intent) {
        self.u64(intent.trade.0);
        self.u16(intent.leg_index);
        self.u32(intent.instrument.0);
        self.u8(intent.side as u8);
        self.u32(intent.limit.micro());
        self.u64(intent.qty.micro());
        self.u64(intent.deadline.0);
        self.u64(intent.ts_decision.0);
    }

    pub(super) fn report(&mut self, report: &Report) {
        self.u64(report.order.0);
        self.u64(report.trade.0);
        self.u16(report.leg_index);
        self.u32(report.instrument.0);
        self.u8(report.side as u8);
        self.u64(report.ts.0);
        match report.kind {
            ReportKind::Acknowledged => self.u8(0),
            ReportKind::Rejected(reason) => {
                self.u8(1);
                self.reason(reason);
            }
            ReportKind::Filled(fill) => {
                self.u8(2);
                self.fill(&fill);
            }
            ReportKind::Closed(closed) => {
                self.u8(3);
                self.u8(closed.end as u8);
                self.u64(closed.filled.micro());
                self.exact(closed.adjustment);
            }
            ReportKind::Reversed(fill) => {
                self.u8(4);
                self.fill(&fill);
            }
            ReportKind::Settled => self.u8(5),
        }
    }

    pub(super) fn fill(&mut self, fill: &Fill) {
        self.u64(fill.number);
        self.u32(fill.price.micro());
        self.u64(fill.qty.micro());
        self.u64(fill.delivered.micro());
        self.exact(fill.fee);
    }

    pub(super) fn reason(&mut self, reason: RejectReason) {
        match reason {
            RejectReason::UnknownInstrument => self.u8(0),
            RejectReason::BookNotLive(status) => {
                self.u8(1);
                self.u8(status as u8);
            }
            RejectReason::OffLot => self.u8(2),
            RejectReason::BelowMinQty => self.u8(3),
            RejectReason::BelowMinNotional => self.u8(4),
            RejectReason::PriceMoved => self.u8(5),
            RejectReason::Late => self.u8(6),
            RejectReason::Throttled => self.u8(7),
            RejectReason::NoRoom => self.u8(8),
            RejectReason::Unwritable => self.u8(9),
            RejectReason::NotSent => self.u8(10),
            RejectReason::Refused => self.u8(11),
            RejectReason::NeverArrived => self.u8(12),
            RejectReason::VenueDown => self.u8(13),
            RejectReason::OffGrid => self.u8(14),
        }
    }

    pub(super) fn life(&mut self, measure: Measure, life: &OpportunityLife) {
        self.u8(measure as u8);
        self.u64(life.id.0);
        self.u8(life.kind as u8);
        self.u32(life.basket.0);
        self.u64(life.born_ns.0);
        self.u64(life.died_ns.0);
        self.u64(life.best_size.micro());
        self.exact(life.best_net_edge);
        self.exact(life.best_gross);
        self.u64(life.updates);
        self.u8(u8::from(life.is_traded) | life.venues.bits() << 1);
        self.u8(life.cause as u8);
        self.u64(life.size.micro());
        self.u64(life.net_edge.micro().cast_unsigned());
    }
}
