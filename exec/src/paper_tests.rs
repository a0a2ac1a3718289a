use super::*;
use crate::intent::TradeId;
use dutchbook_book::{InstrumentId, Price, Stamp};
use proptest::prelude::*;

const BOOK: BookId = BookId(0);

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

fn contracts(count: u64) -> Qty {
    Qty::from_contracts(count).unwrap()
}

fn depth(bids: &[(u32, u64)], asks: &[(u32, u64)]) -> Depth {
    let mut depth = Depth::default();
    depth.reset(Stamp { status: BookStatus::Live, epoch: 1, version: 1, ..Stamp::default() });
    for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
        for (pips, count) in levels {
            assert!(depth.push(side, Level { price: price(*pips), qty: contracts(*count) }));
        }
    }
    depth
}

fn venue(latency: u64) -> PaperVenue {
    let rules = PaperRules {
        fee: FeeSchedule::NONE,
        lot: Qty::from_centi(1).unwrap(),
        min_qty: Qty::ONE,
        min_notional: Cash::from_micro(500_000),
        latency: Nanos(latency),
    };
    let grid = Grid::uniform(price(10)).unwrap();
    PaperVenue::new(
        PaperConfig { orders_max: 4, touched_books_max: 2 },
        vec![rules; 4],
        vec![grid; 4],
    )
}

fn intent(face: Face, side: Side, limit: u32, count: u64) -> Intent {
    Intent {
        trade: TradeId(1),
        leg_index: 0,
        instrument: BOOK.instrument(face),
        side,
        limit: price(limit),
        qty: contracts(count),
        deadline: Nanos(1_000),
        ts_decision: Nanos(0),
    }
}

/// What came of one intent, as (pips, contracts) of the fills and the last word.
fn run(venue: &mut PaperVenue, intent: &Intent, shown: &Depth) -> (Vec<(u32, u64)>, ReportKind) {
    venue.submit(intent, Nanos(10)).unwrap();
    let (mut fills, mut last) = (Vec::new(), ReportKind::Acknowledged);
    let read = |_, depth: &mut Depth| {
        *depth = *shown;
        DepthRead::Read
    };
    let ended = venue.poll(Nanos(5_000), read, |report| {
        last = report.kind;
        if let ReportKind::Filled(fill) = report.kind {
            fills.push((fill.price.micro() / 100, fill.qty.micro() / 1_000_000));
        }
    });
    assert_eq!(ended, 1);
    (fills, last)
}

fn ended(end: OrderEnd, count: u64) -> ReportKind {
    ReportKind::Closed(Closed { end, filled: contracts(count), adjustment: Exact::ZERO })
}

#[test]
fn a_buy_walks_the_levels_at_their_own_prices() {
    let shown = depth(&[(4000, 9)], &[(4400, 5), (4500, 5), (4700, 100)]);
    let (fills, last) = run(&mut venue(0), &intent(Face::Yes, Side::Buy, 4600, 20), &shown);
    assert_eq!(fills, [(4400, 5), (4500, 5)]);
    assert_eq!(last, ended(OrderEnd::Cancelled, 10));
}

#[test]
fn the_no_face_buys_from_the_bids() {
    let shown = depth(&[(4600, 7), (4500, 9)], &[(4700, 1)]);
    let (fills, last) = run(&mut venue(0), &intent(Face::No, Side::Buy, 5500, 10), &shown);
    assert_eq!(fills, [(5400, 7), (5500, 3)]);
    assert_eq!(last, ended(OrderEnd::Filled, 10));
    let (fills, _) = run(&mut venue(0), &intent(Face::No, Side::Sell, 5300, 3), &shown);
    assert_eq!(fills, [(5300, 1)]);
}

#[test]
fn a_view_past_the_limit_fills_nothing() {
    let shown = depth(&[], &[(4700, 100)]);
    let (fills, last) = run(&mut venue(0), &intent(Face::Yes, Side::Buy, 4600, 20), &shown);
    assert_eq!((fills, last), (vec![], ended(OrderEnd::Cancelled, 0)));
}

#[test]
fn displayed_contracts_are_filled_once_until_the_level_changes() {
    let mut venue = venue(0);
    let buy = intent(Face::Yes, Side::Buy, 4500, 8);
    let shown = depth(&[], &[(4400, 10), (4500, 2)]);
    assert_eq!(run(&mut venue, &buy, &shown).0, [(4400, 8)]);
    assert_eq!(run(&mut venue, &buy, &shown).0, [(4400, 2), (4500, 2)]);
    assert_eq!(run(&mut venue, &buy, &shown).0, []);
    let changed = depth(&[], &[(4400, 11), (4500, 2)]);
    assert_eq!(run(&mut venue, &buy, &changed).0, [(4400, 8)]);
    assert_eq!(run(&mut venue, &buy, &depth(&[], &[(4500, 2)])).0, [], "still the same two");
    assert_eq!(run(&mut venue, &buy, &shown).0, [(4400, 8)], "the level had gone between");
}

#[test]
fn what_the_venue_would_refuse_is_refused() {
    let shown = depth(&[], &[(4400, 10)]);
    let mut stale = shown;
    stale.stamp.status = BookStatus::Stale;
    let crossed = depth(&[(4400, 1)], &[(4400, 10)]);
    let good = intent(Face::Yes, Side::Buy, 4500, 8);
    let cases = [
        (good, stale, RejectReason::BookNotLive(BookStatus::Stale)),
        (good, crossed, RejectReason::BookNotLive(BookStatus::Crossed)),
        (Intent { qty: Qty::from_micro(1_001_000).unwrap(), ..good }, shown, RejectReason::OffLot),
        (Intent { qty: Qty::ZERO, ..good }, shown, RejectReason::OffLot),
        (intent(Face::Yes, Side::Buy, 4505, 8), shown, RejectReason::OffGrid),
        (intent(Face::No, Side::Buy, 4495, 8), shown, RejectReason::OffGrid),
        (Intent { qty: Qty::from_centi(99).unwrap(), ..good }, shown, RejectReason::BelowMinQty),
        (Intent { qty: Qty::ONE, ..good }, shown, RejectReason::BelowMinNotional),
        (Intent { instrument: InstrumentId(99), ..good }, shown, RejectReason::UnknownInstrument),
    ];
    for (intent, shown, reason) in cases {
        let (fills, last) = run(&mut venue(0), &intent, &shown);
        assert_eq!((fills, last), (vec![], ReportKind::Rejected(reason)));
    }
}

#[test]
fn an_order_waits_for_its_latency_and_expires_past_its_deadline() {
    let mut venue = venue(30);
    let buy = intent(Face::Yes, Side::Buy, 4500, 8);
    venue.submit(&buy, Nanos(10)).unwrap();
    assert_eq!(venue.next_due(), Some(Nanos(40)));
    assert_eq!(venue.poll(Nanos(39), |_, _| panic!("not due"), |_| ()), 0);
    assert_eq!(venue.poll(Nanos(40), |_, _| DepthRead::Torn, |_| ()), 0);
    assert_eq!(venue.poll(Nanos(40), |_, _| DepthRead::Absent, |_| ()), 1);
    let late = Intent { deadline: Nanos(39), ..buy };
    let shown = depth(&[], &[(4400, 10)]);
    assert_eq!(run(&mut venue, &late, &shown), (vec![], ended(OrderEnd::Expired, 0)));
}

#[test]
fn room_is_bounded_and_says_so() {
    let mut venue = venue(0);
    let buy = intent(Face::Yes, Side::Buy, 4500, 8);
    for _ in 0..4 {
        venue.submit(&buy, Nanos(1)).unwrap();
    }
    assert_eq!(venue.submit(&buy, Nanos(1)), Err(Full));
    venue.poll(Nanos(1), |_, _| DepthRead::Absent, |_| ());
    let shown = depth(&[], &[(4400, 10)]);
    for book in 0..3 {
        let instrument = BookId(book).instrument(Face::Yes);
        assert_eq!(run(&mut venue, &Intent { instrument, ..buy }, &shown).0, [(4400, 8)]);
    }
    assert_eq!(venue.forgotten_count(), 1);
}

/// Cash of every report of one order, and the order as its own state machine sees it.
fn cash_of(fee: FeeSchedule, order: &Intent, shown: &Depth) -> (Exact, Exact) {
    let mut venue = venue(0);
    venue.rules_mut(BOOK).unwrap().fee = fee;
    let id = venue.submit(order, Nanos(1)).unwrap();
    let mut ours = Order::new(id, *order);
    let mut cash = Exact::ZERO;
    let read = |_, depth: &mut Depth| {
        *depth = *shown;
        DepthRead::Read
    };
    venue.poll(Nanos(1), read, |report| {
        ours.apply(report).unwrap();
        let effect = match report.kind {
            ReportKind::Filled(fill) => fill.cash_effect(report.side).unwrap(),
            ReportKind::Closed(closed) => closed.adjustment,
            ReportKind::Acknowledged | ReportKind::Rejected(_) => Exact::ZERO,
            ReportKind::Reversed(_) | ReportKind::Settled => panic!("paper is final"),
        };
        cash = cash.checked_add(effect).unwrap();
    });
    (cash, ours.fee)
}

#[test]
fn the_reports_of_an_order_move_the_venues_cash() {
    use dutchbook_book::Rate;
    use dutchbook_book::fee::{CENT, Settlement, kalshi};
    let shown = depth(&[], &[(4400, 5), (4500, 5)]);
    let order = intent(Face::Yes, Side::Buy, 4600, 10);
    let fixed = FeeSchedule::fixed(Cash::from_micro(20_000));
    let (cash, fee) = cash_of(fixed, &order, &shown);
    assert_eq!((cash.to_string(), fee.to_string()), ("-4.47".into(), "0.02".into()));
    let quadratic = FeeSchedule::quadratic(kalshi::FeeType::TAKER, 0)
        .settled(Settlement::OrderFee { unit_pico: CENT });
    let (cash, fee) = cash_of(quadratic, &order, &shown);
    // 0.07 · 5 · (0.44 · 0.56 + 0.45 · 0.55) = 0.172865, the order's fee up to a cent.
    assert_eq!((cash.to_string(), fee.to_string()), ("-4.63".into(), "0.18".into()));
    let in_contracts = FeeSchedule::polymarket(Rate::from_ppm(30_000).unwrap(), 1).in_contracts();
    let (cash, _) = cash_of(in_contracts, &order, &shown);
    assert_eq!(cash.to_string(), "-4.45");
}

fn levels(prices: std::ops::Range<u32>) -> impl Strategy<Value = Vec<(u32, u64)>> {
    proptest::collection::btree_map(prices, 1_u64..50, 0..6).prop_map(|map| {
        map.into_iter().map(|(cents, count)| (cents * 100, count)).collect::<Vec<_>>()
    })
}

proptest! {
    /// Whatever is asked of one standing book, no level gives more than it shows, no fill is past
    /// the limit, and each order's fills add up to what its last word says.
    #[test]
    fn fills_never_exceed_the_display(
        bids in levels(1..50),
        asks in levels(50..99),
        orders in proptest::collection::vec((any::<bool>(), any::<bool>(), 1_u32..100, 2_u64..80), 1..12),
    ) {
        let descending: Vec<_> = bids.iter().rev().copied().collect();
        let shown = depth(&descending, &asks);
        let mut venue = venue(0);
        let mut taken = std::collections::BTreeMap::<u32, u64>::new();
        for (no, sell, cents, count) in orders {
            let face = if no { Face::No } else { Face::Yes };
            let side = if sell { Side::Sell } else { Side::Buy };
            let order = intent(face, side, cents * 100, count);
            let (fills, last) = run(&mut venue, &order, &shown);
            let sum: u64 = fills.iter().map(|fill| fill.1).sum();
            for (pips, qty) in &fills {
                prop_assert!(order.is_within_limit(price(*pips)));
                let yes = if no { 10_000 - pips } else { *pips };
                *taken.entry(yes).or_default() += qty;
            }
            match last {
                ReportKind::Closed(closed) => prop_assert_eq!(closed.filled, contracts(sum)),
                ReportKind::Rejected(_) => prop_assert_eq!(sum, 0),
                ReportKind::Acknowledged
                | ReportKind::Filled(_)
                | ReportKind::Reversed(_)
                | ReportKind::Settled => prop_assert!(false, "not final"),
            }
        }
        for (pips, qty) in bids.iter().chain(&asks) {
            prop_assert!(taken.get(pips).copied().unwrap_or(0) <= *qty);
        }
    }
}
