//! Fields of a record from bytes, or nothing where one cannot be.

use dutchbook_book::view::TopView;
use dutchbook_book::{
    BasketId, BookId, BookStatus, Cash, Exact, InstrumentId, Level, Nanos, Price, Qty, Side, Stamp,
    TopOfBook,
};
use dutchbook_exec::{
    Closed, Fill, Intent, OrderEnd, OrderId, RejectReason, Report, ReportKind, TradeId,
};

use super::live;
use crate::eval::basket::BasketKind;
use crate::journal::RecordBytes;
use crate::journal::record::{Decision, DecisionLeg, EvalCause, Record};
use crate::opportunity::{Cause, Measure, OpportunityId, OpportunityLife, Sighting, Venues};
use crate::risk::Veto;

/// Reads fields one after the other out of a record; `None` where one cannot be.
pub(super) struct Take<'a> {
    pub(super) bytes: &'a RecordBytes,
    pub(super) at: usize,
}

macro_rules! take_int {
    ($($name:ident: $ty:ty),*) => {$(
        pub(super) fn $name(&mut self) -> Option<$ty> {
            self.raw().map(<$ty>::from_le_bytes)
        }
    )*};
}

impl Take<'_> {
    take_int!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64, i128: i128);

    pub(super) fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let value = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(value)
    }

    pub(super) fn exact(&mut self) -> Option<Exact> {
        self.i128().map(Exact::from_pico)
    }

    pub(super) fn price(&mut self) -> Option<Price> {
        self.u32().and_then(Price::from_micro)
    }

    pub(super) fn qty(&mut self) -> Option<Qty> {
        self.u64().and_then(Qty::from_micro)
    }

    pub(super) fn nanos(&mut self) -> Option<Nanos> {
        self.u64().map(Nanos)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn side(&mut self) -> Option<Side> {
        Some(if self.flag()? { Side::Sell } else { Side::Buy })
    }

    pub(super) fn kind(&mut self) -> Option<BasketKind> {
        BasketKind::ALL.get(usize::from(self.u8()?)).copied()
    }

    pub(super) fn level(&mut self) -> Option<Option<Level>> {
        let is_there = self.flag()?;
        let level = Level { price: self.price()?, qty: self.qty()? };
        match (is_there, level == Level::default()) {
            (true, _) => Some(Some(level)),
            (false, true) => Some(None),
            (false, false) => None,
        }
    }

    pub(super) fn record(&mut self, kind: u8) -> Option<Record> {
        Some(match kind {
            0 => Record::Decision(self.decision()?),
            1 => Record::DecisionLeg(self.leg()?),
            2 => Record::Veto { decision: self.u64()?, veto: Veto::from_code(self.u8()?)? },
            3 => Record::Intent {
                decision: self.u64()?,
                order: OrderId(self.u64()?),
                intent: self.intent()?,
            },
            4 => Record::Report(self.report()?),
            5 => Record::Gap { book: BookId(self.u32()?), expected: self.u64()?, got: self.u64()? },
            6 => Record::Resolution {
                book: BookId(self.u32()?),
                payoff: self.price()?,
                cash: self.exact()?,
            },
            7 => self.life()?,
            kind => Record::Live(self.live(kind.checked_sub(live::KIND_AT)?)?),
        })
    }

    pub(super) fn decision(&mut self) -> Option<Decision> {
        Some(Decision {
            decision: self.u64()?,
            opportunity: OpportunityId(self.u64()?),
            basket: BasketId(self.u32()?),
            kind: self.kind()?,
            cause: EvalCause::from_code(self.u8()?)?,
            leg_count: self.u16()?,
            sighting: Sighting {
                size: self.qty()?,
                gross: self.exact()?,
                fees: self.exact()?,
                net_edge: self.exact()?,
            },
        })
    }

    pub(super) fn leg(&mut self) -> Option<DecisionLeg> {
        let (decision, leg_index) = (self.u64()?, self.u16()?);
        let (instrument, side) = (InstrumentId(self.u32()?), self.side()?);
        let (limit, qty) = (self.price()?, self.qty()?);
        let stamp = Stamp {
            status: BookStatus::from_code(self.u8()?)?,
            epoch: self.u32()?,
            version: self.u64()?,
            ts_venue: Nanos::ZERO,
            ts_recv: self.nanos()?,
        };
        let top = TopOfBook { bid: self.level()?, ask: self.level()? };
        let view = TopView { top, stamp };
        Some(DecisionLeg { decision, leg_index, instrument, side, limit, qty, view })
    }

    pub(super) fn intent(&mut self) -> Option<Intent> {
        Some(Intent {
            trade: TradeId(self.u64()?),
            leg_index: self.u16()?,
            instrument: InstrumentId(self.u32()?),
            side: self.side()?,
            limit: self.price()?,
            qty: self.qty()?,
            deadline: self.nanos()?,
            ts_decision: self.nanos()?,
        })
    }

    pub(super) fn report(&mut self) -> Option<Report> {
        Some(Report {
            order: OrderId(self.u64()?),
            trade: TradeId(self.u64()?),
            leg_index: self.u16()?,
            instrument: InstrumentId(self.u32()?),
            side: self.side()?,
            ts: self.nanos()?,
            kind: match self.u8()? {
                0 => ReportKind::Acknowledged,
                1 => ReportKind::Rejected(self.reason()?),
                2 => ReportKind::Filled(self.fill()?),
                3 => ReportKind::Closed(Closed {
                    end: OrderEnd::from_code(self.u8()?)?,
                    filled: self.qty()?,
                    adjustment: self.exact()?,
                }),
                4 => ReportKind::Reversed(self.fill()?),
                5 => ReportKind::Settled,
                _ => return None,
            },
        })
    }

    pub(super) fn fill(&mut self) -> Option<Fill> {
        Some(Fill {
            number: self.u64()?,
            price: self.price()?,
            qty: self.qty()?,
            delivered: self.qty()?,
            fee: self.exact()?,
        })
    }

    pub(super) fn reason(&mut self) -> Option<RejectReason> {
        Some(match self.u8()? {
            0 => RejectReason::UnknownInstrument,
            1 => RejectReason::BookNotLive(BookStatus::from_code(self.u8()?)?),
            2 => RejectReason::OffLot,
            3 => RejectReason::BelowMinQty,
            4 => RejectReason::BelowMinNotional,
            5 => RejectReason::PriceMoved,
            6 => RejectReason::Late,
            7 => RejectReason::Throttled,
            8 => RejectReason::NoRoom,
            9 => RejectReason::Unwritable,
            10 => RejectReason::NotSent,
            11 => RejectReason::Refused,
            12 => RejectReason::NeverArrived,
            13 => RejectReason::VenueDown,
            14 => RejectReason::OffGrid,
            _ => return None,
        })
    }

    pub(super) fn life(&mut self) -> Option<Record> {
        let measure = if self.flag()? { Measure::Net } else { Measure::Gross };
        let mut life = OpportunityLife {
            id: OpportunityId(self.u64()?),
            kind: self.kind()?,
            basket: BasketId(self.u32()?),
            venues: Venues::default(),
            born_ns: self.nanos()?,
            died_ns: self.nanos()?,
            best_size: self.qty()?,
            best_net_edge: self.exact()?,
            best_gross: self.exact()?,
            size: Qty::ZERO,
            net_edge: Cash::ZERO,
            updates: self.u64()?,
            is_traded: false,
            cause: Cause::EndOfRun,
        };
        let flags = self.u8()?;
        life.is_traded = flags & 1 == 1;
        life.venues = Venues::from_bits(flags >> 1)?;
        life.cause = Cause::from_code(self.u8()?)?;
        life.size = self.qty()?;
        life.net_edge = Cash::from_micro(self.u64()?.cast_signed());
        Some(Record::Life { measure, life })
    }
}
