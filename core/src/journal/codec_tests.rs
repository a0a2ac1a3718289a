use super::*;
use crate::eval::basket::BasketKind;
use crate::journal::record::{Decision, DecisionLeg, EvalCause};
use crate::opportunity::{Cause, Measure, OpportunityId, OpportunityLife, Sighting, Venues};
use crate::risk::Veto;
use dutchbook_book::view::TopView;
use dutchbook_book::{
    BasketId, BookId, BookStatus, Cash, Exact, InstrumentId, Level, Price, Qty, Side, Stamp,
    TopOfBook,
};
use dutchbook_exec::{
    Closed, Fill, Intent, OrderEnd, OrderId, RejectReason, Report, ReportKind, TradeId,
};
use proptest::prelude::*;

#[path = "codec/live_tests.rs"]
mod live_tests;

fn qty() -> impl Strategy<Value = Qty> {
    (0..=Qty::MAX.micro()).prop_map(|micro| Qty::from_micro(micro).unwrap())
}

fn price() -> impl Strategy<Value = Price> {
    (0..=1_000_000_u32).prop_map(|micro| Price::from_micro(micro).unwrap())
}

fn exact() -> impl Strategy<Value = Exact> {
    any::<i128>().prop_map(Exact::from_pico)
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn kind() -> impl Strategy<Value = BasketKind> {
    (0..BasketKind::ALL.len()).prop_map(|index| BasketKind::ALL[index])
}

fn level() -> impl Strategy<Value = Option<Level>> {
    proptest::option::of((price(), qty()).prop_map(|(price, qty)| Level { price, qty }))
}

fn decision() -> impl Strategy<Value = Record> {
    let ids = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u16>(), 0..4_usize);
    (ids, kind(), qty(), exact(), exact(), exact()).prop_map(
        |((decision, opportunity, basket, leg_count, cause), kind, size, gross, fees, net_edge)| {
            Record::Decision(Decision {
                decision,
                opportunity: OpportunityId(opportunity),
                basket: BasketId(basket),
                kind,
                cause: EvalCause::ALL[cause],
                leg_count,
                sighting: Sighting { size, gross, fees, net_edge },
            })
        },
    )
}

fn leg() -> impl Strategy<Value = Record> {
    let ids = (any::<u64>(), any::<u16>(), any::<u32>(), 0..7_usize);
    let stamp = (any::<u32>(), any::<u64>(), any::<u64>());
    (ids, side(), price(), qty(), stamp, level(), level()).prop_map(
        |((decision, leg_index, id, status), side, limit, qty, (epoch, version, ts), bid, ask)| {
            let status = BookStatus::ALL[status];
            let (ts_venue, ts_recv) = (Nanos::ZERO, Nanos(ts));
            let stamp = Stamp { status, epoch, version, ts_venue, ts_recv };
            let view = TopView { top: TopOfBook { bid, ask }, stamp };
            let instrument = InstrumentId(id);
            Record::DecisionLeg(DecisionLeg {
                decision,
                leg_index,
                instrument,
                side,
                limit,
                qty,
                view,
            })
        },
    )
}

fn intent() -> impl Strategy<Value = Intent> {
    let times = (any::<u64>(), any::<u64>());
    (any::<u64>(), any::<u16>(), any::<u32>(), side(), price(), qty(), times).prop_map(
        |(trade, leg_index, id, side, limit, qty, (deadline, decided))| Intent {
            trade: TradeId(trade),
            leg_index,
            instrument: InstrumentId(id),
            side,
            limit,
            qty,
            deadline: Nanos(deadline),
            ts_decision: Nanos(decided),
        },
    )
}

fn reason() -> impl Strategy<Value = RejectReason> {
    prop_oneof![
        Just(RejectReason::UnknownInstrument),
        (0..7_usize).prop_map(|status| RejectReason::BookNotLive(BookStatus::ALL[status])),
        Just(RejectReason::OffLot),
        Just(RejectReason::BelowMinQty),
        Just(RejectReason::BelowMinNotional),
        Just(RejectReason::PriceMoved),
        Just(RejectReason::Late),
        Just(RejectReason::Throttled),
        Just(RejectReason::NoRoom),
        Just(RejectReason::Unwritable),
        Just(RejectReason::NotSent),
        Just(RejectReason::Refused),
        Just(RejectReason::NeverArrived),
        Just(RejectReason::VenueDown),
        Just(RejectReason::OffGrid),
    ]
}

fn report() -> impl Strategy<Value = Record> {
    let fill = || {
        (any::<u64>(), price(), qty(), qty(), exact()).prop_map(
            |(number, price, qty, delivered, fee)| Fill { number, price, qty, delivered, fee },
        )
    };
    let closed = (0..3_usize, qty(), exact()).prop_map(|(end, filled, adjustment)| {
        ReportKind::Closed(Closed { end: OrderEnd::ALL[end], filled, adjustment })
    });
    let kind = prop_oneof![
        Just(ReportKind::Acknowledged),
        Just(ReportKind::Settled),
        reason().prop_map(ReportKind::Rejected),
        fill().prop_map(ReportKind::Filled),
        fill().prop_map(ReportKind::Reversed),
        closed
    ];
    (any::<u64>(), intent(), any::<u64>(), kind).prop_map(|(order, intent, ts, kind)| {
        Record::Report(Report::of(OrderId(order), &intent, Nanos(ts), kind))
    })
}

fn life() -> impl Strategy<Value = Record> {
    let ids = (any::<bool>(), any::<u64>(), any::<u32>(), 0..Cause::ALL.len(), any::<bool>());
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), 0_u8..4, any::<i64>());
    (ids, kind(), counts, qty(), exact(), exact()).prop_map(
        |((net, id, basket, cause, is_traded), kind, counts, size, best, gross)| {
            let (born, died, updates, venues, edge) = counts;
            let life = OpportunityLife {
                id: OpportunityId(id),
                kind,
                basket: BasketId(basket),
                venues: Venues::from_bits(venues).unwrap(),
                size,
                net_edge: Cash::from_micro(edge),
                born_ns: Nanos(born),
                died_ns: Nanos(died),
                best_size: size,
                best_net_edge: best,
                best_gross: gross,
                updates,
                is_traded,
                cause: Cause::ALL[cause],
            };
            Record::Life { measure: if net { Measure::Net } else { Measure::Gross }, life }
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        decision(),
        leg(),
        (any::<u64>(), 0..Veto::ALL.len())
            .prop_map(|(decision, veto)| Record::Veto { decision, veto: Veto::ALL[veto] }),
        (any::<u64>(), any::<u64>(), intent()).prop_map(|(decision, order, intent)| {
            Record::Intent { decision, order: OrderId(order), intent }
        }),
        report(),
        (any::<u32>(), any::<u64>(), any::<u64>()).prop_map(|(book, expected, got)| Record::Gap {
            book: BookId(book),
            expected,
            got
        }),
        (any::<u32>(), price(), exact()).prop_map(|(book, payoff, cash)| Record::Resolution {
            book: BookId(book),
            payoff,
            cash
        }),
        life(),
        live_tests::live().prop_map(Record::Live),
    ]
}

/// Bytes changed after encoding, with a check word that agrees again.
fn forged(record: &Record, change: impl Fn(&mut RecordBytes)) -> RecordBytes {
    let mut bytes = encode(1, Nanos(2), record);
    change(&mut bytes);
    let check = check_word(&bytes);
    bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
    bytes
}

const GAP: Record = Record::Gap { book: BookId(3), expected: 7, got: 9 };

#[test]
fn what_is_no_record_has_a_name() {
    let bytes = encode(1, Nanos(2), &GAP);
    assert_eq!(decode(&bytes[..127]), Err(DecodeError::Truncated { got: 127 }));
    assert_eq!(decode(&forged(&GAP, |b| b[1] = 2)), Err(DecodeError::Version(2)));
    assert_eq!(decode(&forged(&GAP, |b| b[0] = KIND_COUNT)), Err(DecodeError::Kind(KIND_COUNT)));
    assert_eq!(decode(&forged(&GAP, |b| b[100] = 1)), Err(DecodeError::Field { kind: 5 }));
    assert_eq!(decode(&forged(&GAP, |b| b[2] = 1)), Err(DecodeError::Field { kind: 5 }));
    let settled = Record::Resolution { book: BookId(1), payoff: Price::ONE, cash: Exact::ZERO };
    let dear = forged(&settled, |b| b[28..32].copy_from_slice(&1_000_001_u32.to_le_bytes()));
    assert_eq!(decode(&dear), Err(DecodeError::Field { kind: 6 }));
}

#[test]
fn the_layout_stays_what_it_is() {
    let bytes = encode(0x0102, Nanos(0x0304), &GAP);
    assert_eq!(bytes[..4], [5, 1, 0, 0]);
    assert_eq!((bytes[8..10].to_vec(), bytes[16..18].to_vec()), (vec![2, 1], vec![4, 3]));
    assert_eq!((bytes[24], bytes[28], bytes[36]), (3, 7, 9));
}

#[test]
fn a_file_cut_anywhere_gives_whole_records_and_then_says_so() {
    let file: Vec<u8> = (0..3).flat_map(|sequence| encode(sequence, Nanos(0), &GAP)).collect();
    for len in 0..file.len() {
        let entries: Vec<_> = file[..len].chunks(RECORD_BYTES).map(decode).collect();
        let whole = entries.iter().filter(|entry| entry.is_ok()).count();
        assert_eq!(whole, len / RECORD_BYTES);
        let cut = DecodeError::Truncated { got: len % RECORD_BYTES };
        assert_eq!(entries.len() > whole, len % RECORD_BYTES > 0);
        assert!(entries.get(whole).is_none_or(|last| *last == Err(cut)));
    }
}

proptest! {
    /// Decoding undoes encoding, for every kind and every value.
    #[test]
    fn decode_undoes_encode(sequence: u64, now: u64, record in record()) {
        let entry = Entry { sequence, now: Nanos(now), record };
        prop_assert_eq!(decode(&encode(sequence, Nanos(now), &record)), Ok(entry));
    }

    /// A changed byte always shows.
    #[test]
    fn a_changed_byte_is_damage(record in record(), at in 0..RECORD_BYTES, change in 1..=255_u8) {
        let mut bytes = encode(9, Nanos(9), &record);
        bytes[at] ^= change;
        prop_assert_eq!(decode(&bytes), Err(DecodeError::Damaged));
    }

    /// Whatever the bytes say, if the check word agrees and they decode, they encode back.
    #[test]
    fn forged_fields_are_refused_or_mean_what_they_say(
        record in record(),
        at in 0..CHECK_AT,
        value: u8,
    ) {
        let bytes = forged(&record, |bytes| bytes[at] = value);
        if let Ok(entry) = decode(&bytes) {
            prop_assert_eq!(encode(entry.sequence, entry.now, &entry.record), bytes);
        }
    }
}
