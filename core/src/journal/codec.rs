//! Records to bytes and back. No unsafe, no allocation; what does not decode has a named error.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | kind |
//! | 1 | version of the layout |
//! | 2..8 | zero |
//! | 8..16 | sequence |
//! | 16..24 | time |
//! | 24..120 | fields of the kind, the rest zero |
//! | 120..128 | check word over everything before |

mod live;

use dutchbook_book::view::TopView;
use dutchbook_book::{
    BasketId, BookId, BookStatus, Cash, Exact, InstrumentId, Level, Nanos, Price, Qty, Side, Stamp,
    TopOfBook,
};
use dutchbook_exec::{
    Closed, Fill, Intent, OrderEnd, OrderId, RejectReason, Report, ReportKind, TradeId,
};

use super::RecordBytes;
use super::record::{Decision, DecisionLeg, EvalCause, Record};
use crate::eval::basket::BasketKind;
use crate::opportunity::{Cause, Measure, OpportunityId, OpportunityLife, Sighting, Venues};
use crate::risk::Veto;

/// Bytes of every record: two cache lines.
pub const RECORD_BYTES: usize = 128;
/// The layout that this code writes, and the only one that it reads.
pub const VERSION: u8 = 1;
const FIELDS_AT: usize = 24;
const CHECK_AT: usize = RECORD_BYTES - 8;
const FIELDS_BYTES: usize = CHECK_AT - FIELDS_AT;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end within a record: the end of a file that was being written.
    #[error("a record is cut short: {got} of {RECORD_BYTES} bytes")]
    Truncated {
        /// How many bytes there are.
        got: usize,
    },
    /// The check word disagrees: some byte is not what was written.
    #[error("a record is damaged: its check word disagrees")]
    Damaged,
    /// Another layout: use the program that wrote it.
    #[error("a record has layout version {0}, expected {VERSION}")]
    Version(u8),
    /// A kind that this layout does not have.
    #[error("a record has unknown kind {0}")]
    Kind(u8),
    /// A field holds what its type cannot.
    #[error("a record of kind {kind} has an impossible field")]
    Field {
        /// The record's kind.
        kind: u8,
    },
}

/// A decoded record with its number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Grows by one; a hole is a shed record.
    pub sequence: u64,
    /// When it was written.
    pub now: Nanos,
    /// What it says.
    pub record: Record,
}

/// Mixes the words before the check word. Each step is one-to-one in the word and in the state, so
/// that a change within one word always shows.
fn check_word(bytes: &RecordBytes) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().take(CHECK_AT / 8).fold(0x6475_7463_6862_6f6f, |state: u64, word| {
        (state ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

/// A record as bytes.
#[must_use]
pub fn encode(sequence: u64, now: Nanos, record: &Record) -> RecordBytes {
    let mut bytes = [0; RECORD_BYTES];
    let mut put = Put { bytes: &mut bytes, at: 0 };
    put.u8(kind_of(record));
    put.u8(VERSION);
    put.at = 8;
    put.u64(sequence);
    put.u64(now.0);
    put.record(record);
    let check = check_word(&bytes);
    let mut put = Put { bytes: &mut bytes, at: CHECK_AT };
    put.u64(check);
    bytes
}

/// The record of exactly [`RECORD_BYTES`] bytes.
///
/// # Errors
/// When they are not one; see [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let whole: &RecordBytes =
        bytes.try_into().map_err(|_| DecodeError::Truncated { got: bytes.len() })?;
    let mut take = Take { bytes: whole, at: CHECK_AT };
    if take.u64() != Some(check_word(whole)) {
        return Err(DecodeError::Damaged);
    }
    let [kind, version, ..] = *whole;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    if kind >= KIND_COUNT {
        return Err(DecodeError::Kind(kind));
    }
    let mut take = Take { bytes: whole, at: 8 };
    let field = DecodeError::Field { kind };
    let (sequence, now) = (take.u64().ok_or(field)?, Nanos(take.u64().ok_or(field)?));
    let record = take.record(kind).ok_or(field)?;
    let is_padded = whole.get(take.at..CHECK_AT).is_some_and(|rest| rest.iter().all(|b| *b == 0));
    let is_plain = whole.get(2..8).is_some_and(|rest| rest.iter().all(|b| *b == 0));
    if is_padded && is_plain { Ok(Entry { sequence, now, record }) } else { Err(field) }
}

const KIND_COUNT: u8 = live::KIND_AT + live::KIND_COUNT;

const fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Decision(_) => 0,
        Record::DecisionLeg(_) => 1,
        Record::Veto { .. } => 2,
        Record::Intent { .. } => 3,
        Record::Report(_) => 4,
        Record::Gap { .. } => 5,
        Record::Resolution { .. } => 6,
        Record::Life { .. } => 7,
        Record::Live(record) => live::KIND_AT + live::kind_of(record),
    }
}

struct Put<'a> {
    bytes: &'a mut RecordBytes,
    at: usize,
}

macro_rules! put_int {
    ($($name:ident: $ty:ty),*) => {$(
        fn $name(&mut self, value: $ty) {
            self.raw(&value.to_le_bytes());
        }
    )*};
}

impl Put<'_> {
    put_int!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64, i128: i128);

    fn raw(&mut self, value: &[u8]) {
        let slot = self.bytes.get_mut(self.at..).and_then(|rest| rest.get_mut(..value.len()));
        assert!(slot.is_some(), "the fields of every kind fit into {FIELDS_BYTES} bytes");
        if let Some(slot) = slot {
            slot.copy_from_slice(value);
        }
        self.at += value.len();
    }

    fn exact(&mut self, value: Exact) {
        self.i128(value.pico());
    }

    fn level(&mut self, level: Option<Level>) {
        self.u8(u8::from(level.is_some()));
        let level = level.unwrap_or_default();
        self.u32(level.price.micro());
        self.u64(level.qty.micro());
    }

    fn record(&mut self, record: &Record) {
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

    fn decision(&mut self, decision: &Decision) {
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

    fn leg(&mut self, leg: &DecisionLeg) {
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

    fn intent(&mut self, intent: &Intent) {
        self.u64(intent.trade.0);
        self.u16(intent.leg_index);
        self.u32(intent.instrument.0);
        self.u8(intent.side as u8);
        self.u32(intent.limit.micro());
        self.u64(intent.qty.micro());
        self.u64(intent.deadline.0);
        self.u64(intent.ts_decision.0);
    }

    fn report(&mut self, report: &Report) {
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

    fn fill(&mut self, fill: &Fill) {
        self.u64(fill.number);
        self.u32(fill.price.micro());
        self.u64(fill.qty.micro());
        self.u64(fill.delivered.micro());
        self.exact(fill.fee);
    }

    fn reason(&mut self, reason: RejectReason) {
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

    fn life(&mut self, measure: Measure, life: &OpportunityLife) {
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

struct Take<'a> {
    bytes: &'a RecordBytes,
    at: usize,
}

macro_rules! take_int {
    ($($name:ident: $ty:ty),*) => {$(
        fn $name(&mut self) -> Option<$ty> {
            self.raw().map(<$ty>::from_le_bytes)
        }
    )*};
}

impl Take<'_> {
    take_int!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64, i128: i128);

    fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let value = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(value)
    }

    fn exact(&mut self) -> Option<Exact> {
        self.i128().map(Exact::from_pico)
    }

    fn price(&mut self) -> Option<Price> {
        self.u32().and_then(Price::from_micro)
    }

    fn qty(&mut self) -> Option<Qty> {
        self.u64().and_then(Qty::from_micro)
    }

    fn nanos(&mut self) -> Option<Nanos> {
        self.u64().map(Nanos)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn side(&mut self) -> Option<Side> {
        Some(if self.flag()? { Side::Sell } else { Side::Buy })
    }

    fn kind(&mut self) -> Option<BasketKind> {
        BasketKind::ALL.get(usize::from(self.u8()?)).copied()
    }

    fn level(&mut self) -> Option<Option<Level>> {
        let is_there = self.flag()?;
        let level = Level { price: self.price()?, qty: self.qty()? };
        match (is_there, level == Level::default()) {
            (true, _) => Some(Some(level)),
            (false, true) => Some(None),
            (false, false) => None,
        }
    }

    fn record(&mut self, kind: u8) -> Option<Record> {
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

    fn decision(&mut self) -> Option<Decision> {
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

    fn leg(&mut self) -> Option<DecisionLeg> {
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

    fn intent(&mut self) -> Option<Intent> {
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

    fn report(&mut self) -> Option<Report> {
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

    fn fill(&mut self) -> Option<Fill> {
        Some(Fill {
            number: self.u64()?,
            price: self.price()?,
            qty: self.qty()?,
            delivered: self.qty()?,
            fee: self.exact()?,
        })
    }

    fn reason(&mut self) -> Option<RejectReason> {
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

    fn life(&mut self) -> Option<Record> {
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

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
