use super::breaker::BreakerConfig;
use super::*;
use crate::eval::basket::BasketKind;
use crate::opportunity::{OpportunityId, Sighting};
use crate::position::bonds::Bonds;
use crate::position::tests::catalog;
use dutchbook_book::catalog::{EventLaw, Terms};
use dutchbook_book::view::TopView;
use dutchbook_book::{BookStatus, Cash, Face, Level, QtyChange, Stamp, TopOfBook};
use dutchbook_exec::{Closed, Fill, OrderEnd, OrderId, RejectReason, Report, ReportKind};
use proptest::prelude::*;

const OFF: bool = false;
const NOW: Nanos = Nanos(1_000_000_000);
const NANOS_PER_DAY: u64 = 86_400_000_000_000;

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

fn contracts(count: u64) -> Qty {
    Qty::from_contracts(count).unwrap()
}

fn dollars(count: i64) -> Exact {
    Cash::from_micro(count * 1_000_000).exact()
}

fn leg(book: u32, face: Face, pips: u32, count: u64) -> OpportunityLeg {
    let ask = Level { price: price(pips), qty: contracts(count) };
    let top = TopOfBook { bid: None, ask: Some(ask) }.face(face);
    let stamp = Stamp { status: BookStatus::Live, epoch: 3, ts_recv: NOW, ..Stamp::default() };
    OpportunityLeg {
        instrument: BookId(book).instrument(face),
        side: Side::Buy,
        limit: price(pips),
        qty: contracts(count),
        is_fee_known: true,
        view: TopView { top, stamp },
    }
}

/// YES on one venue at 0.40, NO on the other at 0.55: 5 cents a pair.
fn pair(count: u64) -> [OpportunityLeg; 2] {
    [leg(0, Face::Yes, 4000, count), leg(1, Face::No, 5500, count)]
}

fn opportunity(basket: u32, legs: &[OpportunityLeg]) -> Opportunity<'_> {
    let (size, net_edge) = (contracts(1), dollars(1));
    let sighting = Sighting { size, gross: net_edge, fees: Exact::ZERO, net_edge };
    let (id, kind) = (OpportunityId(1), BasketKind::CrossVenue);
    Opportunity { id, basket: BasketId(basket), kind, sighting, legs }
}

fn bench(config: RiskConfig) -> (RiskGate, Portfolio) {
    let catalog = catalog(EventLaw::Independent, 2);
    let mut portfolio = Portfolio::new(&catalog);
    portfolio.deposit(VenueId(0), dollars(1_000)).unwrap();
    portfolio.deposit(VenueId(1), dollars(1_000)).unwrap();
    (RiskGate::new(config, &catalog), portfolio)
}

fn loose() -> RiskConfig {
    RiskConfig { order_reserve_cash: Cash::ZERO, ..RiskConfig::default() }
}

fn veto_of(config: RiskConfig, legs: &[OpportunityLeg]) -> Option<Veto> {
    let (mut gate, portfolio) = bench(config);
    let veto = gate.check(&opportunity(0, legs), &portfolio, OFF, NOW).err();
    if let Some(veto) = veto {
        assert_eq!((gate.veto_count(veto), gate.in_flight()), (1, Exact::ZERO));
        assert_eq!(gate.open_basket_count(), 0);
    }
    veto
}

#[test]
fn an_allowed_basket_becomes_intents_and_reserves_their_cash() {
    let (mut gate, portfolio) = bench(loose());
    let legs = pair(100);
    let intents = gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).unwrap().to_vec();
    assert_eq!(intents.len(), 2);
    assert_eq!((intents[1].instrument, intents[1].limit), (legs[1].instrument, price(5500)));
    assert_eq!(intents[0].deadline, NOW.plus(Nanos::from_millis(1_000)));
    assert_eq!(gate.in_flight().to_string(), "95");
    let again = gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW);
    assert_eq!(again.err(), Some(Veto::InFlight));
}

#[test]
fn each_doubt_about_an_input_has_its_reason() {
    let spoil = |change: fn(&mut OpportunityLeg)| {
        let mut legs = pair(100);
        change(&mut legs[1]);
        veto_of(loose(), &legs)
    };
    assert_eq!(spoil(|_| ()), None);
    let status = |leg: &mut OpportunityLeg, status| leg.view.stamp.status = status;
    assert_eq!(spoil(|leg| status_of(leg, BookStatus::Gapped)), Some(Veto::InputNotLive));
    assert_eq!(spoil(|leg| status_of(leg, BookStatus::Halted)), Some(Veto::InputNotLive));
    assert_eq!(spoil(|leg| status_of(leg, BookStatus::Stale)), Some(Veto::InputStale));
    assert_eq!(spoil(|leg| status_of(leg, BookStatus::Crossed)), Some(Veto::InputCrossed));
    assert_eq!(spoil(|leg| leg.view.top.ask = leg.view.top.bid), Some(Veto::InputCrossed));
    assert_eq!(spoil(|leg| leg.is_fee_known = false), Some(Veto::FeeUnknown));
    assert_eq!(spoil(|leg| leg.limit = price(5400)), Some(Veto::LimitPassed));
    assert_eq!(spoil(|leg| leg.qty = Qty::ZERO), Some(Veto::Empty));
    assert_eq!(veto_of(loose(), &[]), Some(Veto::Empty));
    assert_eq!(veto_of(loose(), &[leg(99, Face::Yes, 4000, 1)]), Some(Veto::Unknown));
    let mut old = pair(100);
    old[0].view.stamp.ts_recv = Nanos::ZERO;
    let aged = RiskConfig { age_ms_max: 999, ..loose() };
    assert_eq!(veto_of(aged, &old), Some(Veto::InputStale));
    let mut mixed = [leg(0, Face::Yes, 4000, 10), leg(0, Face::No, 5500, 10)];
    assert_eq!(veto_of(loose(), &mixed), None);
    mixed[1].view.stamp.epoch = 4;
    assert_eq!(veto_of(loose(), &mixed), Some(Veto::InputMixed));
    status(&mut mixed[0], BookStatus::AwaitingSnapshot);
    assert_eq!(veto_of(loose(), &mixed), Some(Veto::InputNotLive));
}

fn status_of(leg: &mut OpportunityLeg, status: BookStatus) {
    leg.view.stamp.status = status;
}

#[test]
fn each_cap_binds_just_above_its_number() {
    let cash = |count: i64| Cash::from_micro(count * 1_000_000);
    type Cap = fn(&mut RiskConfig, Cash);
    let cases: [(Cap, i64, Veto); 8] = [
        (|config, cap| config.order_cash_max = cap, 55, Veto::OrderCash),
        (|config, cap| config.book_cash_max = cap, 55, Veto::BookCash),
        (|config, cap| config.venue_cash_max = cap, 55, Veto::VenueCash),
        (|config, cap| config.total_cash_max = cap, 95, Veto::TotalCash),
        (|config, cap| config.oracle_cash_max = cap, 55, Veto::OracleCash),
        (|config, cap| config.net_edge_cash_min = cap, -1, Veto::EdgeBelowMin),
        (|config, cap| config.event_exposure_cash_max = cap, -5, Veto::EventExposure),
        (|config, cap| config.event_legged_cash_max = cap, 95, Veto::EventLegged),
    ];
    for (set, bound, veto) in cases {
        let mut config = loose();
        let (at, past) = if bound == -1 { (1, 2) } else { (bound, bound - 1) };
        set(&mut config, cash(at));
        assert_eq!(veto_of(config, &pair(100)), None, "{veto:?}");
        set(&mut config, cash(past));
        assert_eq!(veto_of(config, &pair(100)), Some(veto));
    }
    assert_eq!(
        veto_of(RiskConfig { open_baskets_max: 0, ..loose() }, &pair(1)),
        Some(Veto::OpenBaskets)
    );
    assert_eq!(
        veto_of(RiskConfig { open_orders_max: 1, ..loose() }, &pair(1)),
        Some(Veto::OpenBaskets)
    );
    assert_eq!(
        veto_of(RiskConfig { window_orders_max: 1, ..loose() }, &pair(1)),
        Some(Veto::OrderRate)
    );
    assert_eq!(
        veto_of(RiskConfig { order_cash_max: cash(9_999), ..loose() }, &pair(2_000)),
        Some(Veto::Balance)
    );
}

/// Caps of an event hold over what approved relations weigh as one; what is taken back counts by
/// itself again, orders in flight included, and raises no room for losses.
#[test]
fn questions_that_are_alike_are_capped_as_one() {
    let mut catalog = catalog(EventLaw::Independent, 1);
    let event = catalog.add_event("the same elsewhere", EventLaw::Independent);
    let condition = catalog.add_condition(event, "the same elsewhere");
    catalog.listings[1].condition = condition;
    let mut portfolio = Portfolio::new(&catalog);
    portfolio.deposit(VenueId(0), dollars(1_000)).unwrap();
    portfolio.deposit(VenueId(1), dollars(1_000)).unwrap();
    let cap = Cash::from_micro(50_000_000);
    let config = RiskConfig { event_exposure_cash_max: cap, ..loose() };
    let mut gate = RiskGate::new(config, &catalog);
    let legs = pair(100);
    let veto = gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW);
    assert_eq!(veto, Err(Veto::EventExposure), "55 dollars can be lost on the one venue");
    let yes = |book: u32| BookId(book).instrument(Face::Yes);
    portfolio.net(&Bonds { alike: vec![(yes(0), yes(1))], ..Bonds::default() });
    gate.regroup(&portfolio);
    assert!(gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).is_ok());
    assert_eq!(gate.in_events, [dollars(95), Exact::ZERO]);
    portfolio.net(&Bonds::default());
    gate.regroup(&portfolio);
    assert_eq!(gate.in_events, [dollars(40), dollars(55)]);
    gate.lift(dollars(25));
    gate.lift(dollars(-25));
    assert_eq!(gate.marks.loss_today(dollars(25)), Some(Exact::ZERO));
}

#[test]
fn the_kill_switch_comes_first_and_the_window_moves_on() {
    let (mut gate, portfolio) = bench(RiskConfig { window_orders_max: 2, ..loose() });
    let legs = pair(1);
    let killed = gate.check(&opportunity(0, &[]), &portfolio, true, NOW);
    assert_eq!(killed.err(), Some(Veto::Killed));
    assert!(gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).is_ok());
    let soon = gate.check(&opportunity(1, &legs), &portfolio, OFF, NOW.plus(Nanos(999_999_999)));
    assert_eq!(soon.err(), Some(Veto::OrderRate));
    let later = NOW.plus(Nanos::from_secs(1));
    assert!(gate.check(&opportunity(1, &legs), &portfolio, OFF, later).is_ok());
}

#[test]
fn a_day_that_lost_too_much_is_over_until_the_next() {
    let (mut gate, mut portfolio) = bench(RiskConfig { daily_loss_cash_max: Cash::ONE, ..loose() });
    let legs = pair(1);
    assert!(gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).is_ok());
    portfolio.split(BookId(2), contracts(2)).unwrap();
    portfolio.settle(BookId(2), Price::ZERO, dollars(2)).unwrap();
    let lost = gate.check(&opportunity(1, &legs), &portfolio, OFF, NOW);
    assert_eq!(lost.err(), Some(Veto::DailyLoss));
    let tomorrow = Nanos(NANOS_PER_DAY + 1);
    let mut fresh = legs;
    fresh.iter_mut().for_each(|leg| leg.view.stamp.ts_recv = tomorrow);
    assert!(gate.check(&opportunity(1, &fresh), &portfolio, OFF, tomorrow).is_ok());
}

#[test]
fn one_source_is_capped_over_every_venue() {
    let mut catalog = catalog(EventLaw::Independent, 2);
    for book in 0..4 {
        let source = "https://oracle.example".to_owned();
        catalog.set_terms(BookId(book), Terms { source, ..Terms::default() });
    }
    let mut portfolio = Portfolio::new(&catalog);
    portfolio.deposit(VenueId(0), dollars(1_000)).unwrap();
    portfolio.deposit(VenueId(1), dollars(1_000)).unwrap();
    let cash = |count: i64| Cash::from_micro(count * 1_000_000);
    let allowed = |cap: i64, portfolio: &Portfolio| {
        let mut gate =
            RiskGate::new(RiskConfig { oracle_cash_max: cash(cap), ..loose() }, &catalog);
        gate.check(&opportunity(0, &pair(100)), portfolio, OFF, NOW).err()
    };
    assert_eq!(allowed(95, &portfolio), None);
    assert_eq!(allowed(94, &portfolio), Some(Veto::OracleCash));
    // What is held counts too, whichever venue holds it.
    portfolio.split(BookId(2), contracts(10)).unwrap();
    assert_eq!(allowed(105, &portfolio), None);
    assert_eq!(allowed(104, &portfolio), Some(Veto::OracleCash));
}

#[test]
fn prices_outside_of_the_band_and_orders_that_meet_our_own_are_refused() {
    let band = |low, high| RiskConfig { price_band: [price(low), price(high)], ..loose() };
    assert_eq!(veto_of(band(4000, 5500), &pair(1)), None);
    assert_eq!(veto_of(band(4001, 5500), &pair(1)), Some(Veto::PriceBand));
    assert_eq!(veto_of(band(4000, 5499), &pair(1)), Some(Veto::PriceBand));
    // YES at 0.40 is under way: NO at 0.60 in the same book would be its other side.
    let (mut gate, portfolio) = bench(loose());
    let yes = [leg(0, Face::Yes, 4000, 1)];
    assert!(gate.check(&opportunity(0, &yes), &portfolio, OFF, NOW).is_ok());
    let no = |pips| [leg(0, Face::No, pips, 1)];
    let met = gate.check(&opportunity(1, &no(6000)), &portfolio, OFF, NOW).err();
    assert_eq!(met, Some(Veto::SelfCross));
    assert!(gate.check(&opportunity(2, &no(5900)), &portfolio, OFF, NOW).is_ok());
    let elsewhere = [leg(2, Face::No, 6000, 1)];
    assert!(gate.check(&opportunity(3, &elsewhere), &portfolio, OFF, NOW).is_ok());
}

#[test]
fn an_order_that_is_filled_meets_nothing_any_more() {
    let (mut gate, portfolio) = bench(loose());
    let yes = [leg(0, Face::Yes, 4000, 2)];
    let yes = gate.check(&opportunity(0, &yes), &portfolio, OFF, NOW).unwrap().to_vec();
    // Another order of the book stays under way throughout.
    let away = [leg(0, Face::No, 5900, 1)];
    assert!(gate.check(&opportunity(1, &away), &portfolio, OFF, NOW).is_ok());
    let no = [leg(0, Face::No, 6000, 1)];
    for number in 1..=2 {
        let met = gate.check(&opportunity(2, &no), &portfolio, OFF, NOW).err();
        assert_eq!(met, Some(Veto::SelfCross), "before fill {number}");
        let qty = contracts(1);
        let fill = Fill { number, price: price(4000), qty, delivered: qty, fee: Exact::ZERO };
        assert!(gate.on_report(&report(&yes[0], ReportKind::Filled(fill))));
    }
    assert!(gate.check(&opportunity(2, &no), &portfolio, OFF, NOW).is_ok());
}

#[test]
fn a_fall_from_the_highest_profit_stops_whatever_the_day() {
    let config = RiskConfig {
        drawdown_cash_max: Cash::ONE,
        daily_loss_cash_max: Cash::from_micro(1_000_000_000),
        ..loose()
    };
    let (mut gate, mut portfolio) = bench(config);
    let legs = pair(1);
    assert!(gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).is_ok());
    portfolio.split(BookId(2), contracts(2)).unwrap();
    portfolio.settle(BookId(2), Price::ZERO, dollars(2)).unwrap();
    for day in [0, 1, 2] {
        let now = Nanos(NOW.0 + day * NANOS_PER_DAY);
        let mut fresh = legs;
        fresh.iter_mut().for_each(|leg| leg.view.stamp.ts_recv = now);
        let lost = gate.check(&opportunity(1, &fresh), &portfolio, OFF, now);
        assert_eq!(lost.err(), Some(Veto::Drawdown));
    }
}

#[test]
fn what_open_positions_can_lose_counts_like_what_is_lost() {
    let config = RiskConfig {
        drawdown_cash_max: Cash::ONE,
        daily_loss_cash_max: Cash::from_micro(1_000_000_000),
        ..loose()
    };
    let (mut gate, mut portfolio) = bench(config);
    let legs = pair(1);
    assert!(gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).is_ok());
    // Two pairs lose nothing in any state; one face alone is worth nothing in one.
    portfolio.split(BookId(2), contracts(4)).unwrap();
    assert!(gate.check(&opportunity(1, &legs), &portfolio, OFF, NOW).is_ok());
    let gone = QtyChange::from_micro(-4_000_000);
    portfolio.adopt(BookId(2).instrument(Face::No), gone, Exact::ZERO).unwrap();
    let before = portfolio.total().realised;
    assert_eq!(portfolio.locked_profit(), before.checked_sub(dollars(2)).unwrap());
    let lost = gate.check(&opportunity(2, &legs), &portfolio, OFF, NOW);
    assert_eq!(lost.err(), Some(Veto::Drawdown));
    assert_eq!(gate.vetoes().collect::<Vec<_>>(), [(Veto::Drawdown, 1)]);
}

#[test]
fn a_restart_does_not_forgive_what_was_lost_before_it() {
    let (mut gate, mut portfolio) = bench(RiskConfig { daily_loss_cash_max: Cash::ONE, ..loose() });
    portfolio.split(BookId(2), contracts(2)).unwrap();
    portfolio.settle(BookId(2), Price::ZERO, dollars(2)).unwrap();
    let mut marks = ProfitMarks::default();
    marks.note(Exact::ZERO, Nanos(NOW.0 - 1));
    gate.resume(TradeId(7), marks);
    let lost = gate.check(&opportunity(0, &pair(1)), &portfolio, OFF, NOW);
    assert_eq!(lost.err(), Some(Veto::DailyLoss));
}

#[test]
fn breakers_pause_and_then_kill() {
    let breakers = BreakerConfig {
        rejects_max: 1,
        slippage_cash_max: Cash::ZERO,
        trips_max: 1,
        pause: Nanos::from_secs(5),
        ..BreakerConfig::default()
    };
    let (mut gate, portfolio) = bench(RiskConfig { breakers, ..loose() });
    let legs = pair(1);
    let send = |gate: &mut RiskGate, basket, now| {
        let mut legs = legs;
        legs.iter_mut().for_each(|leg| leg.view.stamp.ts_recv = now);
        gate.check(&opportunity(basket, &legs), &portfolio, OFF, now).map(<[Intent]>::to_vec)
    };
    let intents = send(&mut gate, 0, NOW).unwrap();
    // A moment that had passed says nothing; what the venue refuses does.
    gate.on_report(&report(&intents[0], ReportKind::Rejected(RejectReason::PriceMoved)));
    gate.on_report(&report(&intents[1], ReportKind::Rejected(RejectReason::OffGrid)));
    assert!(send(&mut gate, 1, NOW).is_ok());
    gate.on_report(&report(&intents[0], ReportKind::Rejected(RejectReason::Refused)));
    assert_eq!(send(&mut gate, 2, NOW), Err(Veto::BreakerOpen));
    assert_eq!((gate.trips(Breaker::Rejects), gate.must_kill()), (1, None));
    let later = NOW.plus(Nanos::from_secs(6));
    let intents = send(&mut gate, 3, later).unwrap();
    // A fill a cent past the price that was decided on is slippage, and one trip too many today.
    let qty = contracts(1);
    let worse = Fill { number: 1, price: price(4100), qty, delivered: qty, fee: Exact::ZERO };
    gate.on_report(&report(&intents[0], ReportKind::Filled(worse)));
    assert_eq!((gate.trips(Breaker::Slippage), gate.must_kill()), (1, Some(Breaker::Slippage)));
    let (mut gate, _) = bench(loose());
    gate.trip(Breaker::Reconciliation, NOW);
    assert_eq!(gate.must_kill(), Some(Breaker::Reconciliation));
}

#[test]
fn a_sale_is_a_purchase_of_the_complement_unless_that_costs_more() {
    let (mut gate, portfolio) = bench(loose());
    let mut sale = leg(0, Face::Yes, 4000, 10);
    sale.side = Side::Sell;
    sale.view.top = TopOfBook { bid: sale.view.top.ask, ask: None };
    let legs = [sale];
    let intents = gate.check(&opportunity(0, &legs), &portfolio, OFF, NOW).unwrap();
    let intent = intents[0];
    assert_eq!((intent.side, intent.limit), (Side::Buy, price(6000)));
    assert_eq!(intent.instrument, BookId(0).instrument(Face::No));
    let rate = dutchbook_book::Rate::from_ppm(30_000).unwrap();
    gate.set_fee(BookId(0), FeeSchedule::proportional(rate, 0));
    let dear = gate.check(&opportunity(1, &legs), &portfolio, OFF, NOW);
    assert_eq!(dear.err(), Some(Veto::Uncovered));
}

fn report(intent: &Intent, kind: ReportKind) -> Report {
    Report::of(OrderId(1), intent, NOW, kind)
}

#[test]
fn fills_and_ends_free_what_was_put_aside() {
    let (mut gate, portfolio) = bench(loose());
    let legs = pair(100);
    let intents = gate.check(&opportunity(7, &legs), &portfolio, OFF, NOW).unwrap().to_vec();
    let qty = contracts(25);
    let fill = Fill { number: 1, price: price(3900), qty, delivered: qty, fee: Exact::ZERO };
    assert!(gate.on_report(&report(&intents[0], ReportKind::Filled(fill))));
    assert_eq!(gate.in_flight().to_string(), "85");
    let closed = Closed { end: OrderEnd::Cancelled, filled: qty, adjustment: Exact::ZERO };
    assert!(gate.on_report(&report(&intents[0], ReportKind::Closed(closed))));
    assert_eq!((gate.in_flight().to_string(), gate.open_basket_count()), ("55".into(), 1));
    let rejected = ReportKind::Rejected(RejectReason::OffLot);
    assert!(gate.on_report(&report(&intents[1], rejected)));
    assert_eq!((gate.in_flight(), gate.open_basket_count()), (Exact::ZERO, 0));
    assert!(!gate.on_report(&report(&intents[1], rejected)), "an order is over once");
}

proptest! {
    /// Whatever is asked, filled and ended in whatever order: what is put aside is the sum over the
    /// orders in flight, no cap is passed, and in the end nothing is left.
    #[test]
    fn reservations_balance(
        steps in proptest::collection::vec((0_u32..6, 1_u64..400, 0_usize..4), 1..40),
    ) {
        let config = RiskConfig {
            total_cash_max: Cash::from_micro(600_000_000),
            event_legged_cash_max: Cash::from_micro(300_000_000),
            ..loose()
        };
        let (mut gate, mut portfolio) = bench(config);
        let mut open: Vec<Intent> = Vec::new();
        for (basket, count, action) in steps {
            let legs = pair(count);
            if let Ok(intents) = gate.check(&opportunity(basket, &legs), &portfolio, OFF, NOW) {
                open.extend(intents);
            }
            let committed = portfolio.total().committed;
            prop_assert!(gate.in_flight().checked_add(committed).unwrap() <= dollars(600));
            prop_assert!(portfolio.exposure(EventId(0)) <= dollars(300));
            if action > 0 && !open.is_empty() {
                let intent = open.remove(action % open.len());
                let qty = intent.qty;
                let fill = Fill { number: 1, price: intent.limit, qty, delivered: qty, fee: Exact::ZERO };
                if action > 1 {
                    let filled = report(&intent, ReportKind::Filled(fill));
                    prop_assert!(gate.on_report(&filled));
                    portfolio.apply(&filled).unwrap();
                }
                prop_assert!(gate.on_refused(intent.trade, intent.leg_index));
            }
            let sum: i128 = open.iter().map(|intent| intent.notional().pico()).sum();
            prop_assert_eq!(gate.in_flight().pico(), sum);
        }
        for intent in open {
            prop_assert!(gate.on_refused(intent.trade, intent.leg_index));
        }
        prop_assert_eq!((gate.in_flight(), gate.open_basket_count()), (Exact::ZERO, 0));
    }
}
