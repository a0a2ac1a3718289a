use super::wanted::Wanted;
use super::*;
use crate::eval::states::StateTable;
use dutchbook_book::Cash;
use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{ConditionId, Grid};
use proptest::prelude::*;

/// One event of `conditions` conditions, each listed on two venues: book 2c on the first.
pub(crate) fn catalog(law: EventLaw, conditions: u32) -> Catalog {
    let mut catalog = Catalog::default();
    let venues =
        [VenueKind::Polymarket, VenueKind::Kalshi].map(|kind| (catalog.add_venue(kind), kind));
    let event = catalog.add_event("event", law);
    for _ in 0..conditions {
        let condition = catalog.add_condition(event, "condition");
        for (venue, kind) in venues {
            catalog.add_listing(listing(venue, kind, condition));
        }
    }
    catalog
}

pub(super) fn listing(venue: VenueId, kind: VenueKind, condition: ConditionId) -> Listing {
    Listing {
        lot: Qty::from_centi(1).unwrap(),
        can_split: true,
        ..Listing::plain(
            kind,
            venue,
            condition,
            Grid::uniform(Price::from_pips(100).unwrap()).unwrap(),
        )
    }
}

pub(super) fn contracts(count: u64) -> Qty {
    Qty::from_contracts(count).unwrap()
}

fn fill(pips: u32, count: u64, fee_micro: i64) -> Fill {
    let qty = contracts(count);
    let fee = Cash::from_micro(fee_micro).exact();
    Fill { number: 1, price: Price::from_pips(pips).unwrap(), qty, delivered: qty, fee }
}

pub(super) fn buy(portfolio: &mut Portfolio, id: InstrumentId, pips: u32, count: u64) {
    portfolio.take_fill(id, Side::Buy, &fill(pips, count, 0)).unwrap();
}

fn yes(book: u32) -> InstrumentId {
    BookId(book).instrument(Face::Yes)
}

fn no(book: u32) -> InstrumentId {
    BookId(book).instrument(Face::No)
}

#[test]
fn buying_and_selling_realises_the_difference_after_fees() {
    let mut portfolio = Portfolio::new(&catalog(EventLaw::Independent, 1));
    portfolio.take_fill(yes(0), Side::Buy, &fill(4000, 10, 20_000)).unwrap();
    assert_eq!(portfolio.cost(yes(0)).to_string(), "4.02");
    portfolio.take_fill(yes(0), Side::Sell, &fill(5000, 4, 10_000)).unwrap();
    let money = portfolio.money(VenueId(0));
    assert_eq!(money.cash.to_string(), "-2.03");
    assert_eq!(
        (money.realised.to_string(), money.committed.to_string()),
        ("0.382".into(), "2.412".into())
    );
    let before = portfolio.money(VenueId(0));
    let refused = portfolio.take_fill(yes(0), Side::Sell, &fill(5000, 7, 0));
    assert_eq!(
        (refused, portfolio.money(VenueId(0))),
        (Err(PositionError::TooFew(yes(0))), before)
    );
}

#[test]
fn a_pair_is_worth_its_payout_and_merges_into_it() {
    let mut portfolio = Portfolio::new(&catalog(EventLaw::Independent, 1));
    buy(&mut portfolio, yes(0), 4000, 10);
    buy(&mut portfolio, no(0), 5500, 8);
    assert_eq!(portfolio.pairs(BookId(0)), contracts(8));
    assert_eq!(portfolio.exposure(EventId(0)).to_string(), "0.4");
    portfolio.merge(BookId(0), contracts(8)).unwrap();
    assert_eq!(portfolio.money(VenueId(0)).realised.to_string(), "0.4");
    assert_eq!(portfolio.exposure(EventId(0)).to_string(), "0.8");
    assert_eq!(portfolio.locked_profit().to_string(), "-0.4");
    let merged = portfolio.merge(BookId(0), contracts(1));
    assert_eq!(merged, Err(PositionError::TooFew(no(0))));
}

#[test]
fn one_question_on_two_venues_locks_a_profit() {
    let mut portfolio = Portfolio::new(&catalog(EventLaw::Independent, 1));
    buy(&mut portfolio, yes(0), 4000, 10);
    buy(&mut portfolio, no(1), 5500, 10);
    assert_eq!(portfolio.locked_profit().to_string(), "0.5");
    assert_eq!(portfolio.settle(BookId(0), Price::ONE, Exact::ZERO).unwrap().to_string(), "10");
    assert_eq!(portfolio.settle(BookId(0), Price::ONE, Exact::ZERO), Ok(Exact::ZERO));
    portfolio.settle(BookId(1), Price::ONE, Exact::ZERO).unwrap();
    assert_eq!(portfolio.total().realised.to_string(), "0.5");
    let late = portfolio.take_fill(yes(0), Side::Buy, &fill(4000, 1, 0));
    assert_eq!(late, Err(PositionError::Settled(BookId(0))));
}

#[test]
fn a_void_pays_both_faces_and_a_commission_comes_off() {
    let mut portfolio = Portfolio::new(&catalog(EventLaw::Independent, 1));
    buy(&mut portfolio, yes(0), 4000, 10);
    let half = Price::from_pips(5000).unwrap();
    let commission = Cash::from_micro(50_000).exact();
    assert_eq!(portfolio.settle(BookId(0), half, commission).unwrap().to_string(), "4.95");
    assert_eq!(portfolio.money(VenueId(0)).realised.to_string(), "0.95");
}

#[test]
fn split_is_merge_backwards() {
    let mut portfolio = Portfolio::new(&catalog(EventLaw::Partition, 2));
    portfolio.split(BookId(2), contracts(7)).unwrap();
    assert_eq!(portfolio.money(VenueId(0)).cash.to_string(), "-7");
    assert_eq!(portfolio.locked_profit(), Exact::ZERO);
    portfolio.merge(BookId(2), contracts(7)).unwrap();
    assert_eq!(portfolio.total(), VenueMoney::default());
}

#[test]
fn the_close_of_an_order_joins_the_cost() {
    let mut portfolio = Portfolio::new(&catalog(EventLaw::Independent, 1));
    buy(&mut portfolio, yes(0), 4000, 10);
    portfolio.charge(yes(0), Side::Buy, Cash::from_micro(-5_000).exact()).unwrap();
    portfolio.charge(yes(1), Side::Sell, Cash::from_micro(-5_000).exact()).unwrap();
    assert_eq!(portfolio.cost(yes(0)).to_string(), "4.005");
    assert_eq!(portfolio.total().fees.to_string(), "0.01");
    assert_eq!(portfolio.total().realised.to_string(), "-0.005");
}

/// The states of a law as the conditions that come true in each.
pub(super) fn states(law: EventLaw, conditions: usize) -> Vec<Vec<bool>> {
    let one = |index: usize| (0..conditions).map(|other| other == index).collect::<Vec<_>>();
    match law {
        EventLaw::Independent => (0..1_usize << conditions)
            .map(|bits| (0..conditions).map(|index| bits >> index & 1 == 1).collect())
            .collect(),
        EventLaw::Partition => (0..conditions).map(one).collect(),
        EventLaw::Exclusive => (0..=conditions).map(one).collect(),
        EventLaw::Ladder => {
            (0..=conditions).map(|top| (0..conditions).map(|index| index < top).collect()).collect()
        }
    }
}

/// The same law as a table over every instrument.
fn table(law: EventLaw, conditions: usize) -> StateTable {
    let ids: Vec<_> = (0..u32::try_from(conditions).unwrap() * 4).map(InstrumentId).collect();
    let mut table = StateTable::new(&ids);
    for state in states(law, conditions) {
        table.push(|id| {
            let is_true = state[id.book().index() / 2];
            if is_true == (id.face() == Face::Yes) { Price::ONE } else { Price::ZERO }
        });
    }
    table
}

pub(super) const LAWS: [EventLaw; 4] =
    [EventLaw::Independent, EventLaw::Exclusive, EventLaw::Partition, EventLaw::Ladder];

proptest! {
    /// The closed form of every law equals its state table, and what is promised as locked is
    /// what every settlement that the law allows brings at least, one of them exactly.
    #[test]
    fn the_worst_state_is_the_worst_settlement(
        law in 0_usize..4,
        conditions in 1_u32..5,
        fills in proptest::collection::vec((0_u32..20, 1_u32..100, 1_u64..50, any::<bool>()), 0..20),
    ) {
        let law = LAWS[law];
        let mut portfolio = Portfolio::new(&catalog(law, conditions));
        for (id, cents, count, is_sell) in fills {
            let id = InstrumentId(id % (conditions * 4));
            if is_sell {
                let count = count.min(portfolio.qty(id).micro() / 1_000_000);
                if count > 0 {
                    portfolio.take_fill(id, Side::Sell, &fill(cents * 100, count, 7)).unwrap();
                }
            } else {
                portfolio.take_fill(id, Side::Buy, &fill(cents * 100, count, 3)).unwrap();
            }
        }
        let size = conditions as usize;
        let worst = portfolio.worst_payoff(EventId(0), &Wanted::default());
        prop_assert_eq!(Some(worst), portfolio.worst_over(&table(law, size)));
        let total = portfolio.total();
        prop_assert_eq!(total.cash, sub(total.realised, total.committed).unwrap());
        let locked = portfolio.locked_profit();
        prop_assert_eq!(locked, add(total.cash, worst).unwrap());
        // What is kept with every booking is what a look at all events finds.
        let exposed = portfolio.exposure(EventId(0)).pico();
        prop_assert_eq!(locked.pico(), total.realised.pico() - exposed);
        let mut decided = portfolio.clone();
        decided.decide(BookId(0), Face::Yes);
        let exposed = decided.exposure(EventId(0)).pico();
        prop_assert_eq!(decided.locked_profit().pico(), total.realised.pico() - exposed);
        let ends: Vec<_> = states(law, size).iter().map(|state| {
            let mut end = portfolio.clone();
            for book in 0..conditions * 2 {
                let payoff = if state[book as usize / 2] { Price::ONE } else { Price::ZERO };
                end.settle(BookId(book), payoff, Exact::ZERO).unwrap();
            }
            assert_eq!(end.total().committed, Exact::ZERO);
            assert_eq!(end.total().cash, end.total().realised);
            end.total().realised
        }).collect();
        prop_assert_eq!(ends.iter().min().copied(), Some(locked));
    }

    /// Asking what a basket would do to an event equals doing it.
    #[test]
    fn exposure_with_equals_exposure_after(
        law in 0_usize..4,
        held in proptest::collection::vec((0_u32..12, 1_u64..50), 0..6),
        basket in proptest::collection::vec((0_u32..12, 1_u64..50), 1..5),
    ) {
        let mut portfolio = Portfolio::new(&catalog(LAWS[law], 3));
        for (id, count) in held {
            buy(&mut portfolio, InstrumentId(id), 3000, count);
        }
        let mut wanted = Wanted::default();
        // What an earlier basket wanted is forgotten.
        wanted.add(&portfolio, InstrumentId(basket[0].0), contracts(7));
        wanted.clear();
        for (id, count) in &basket {
            wanted.add(&portfolio, InstrumentId(*id), contracts(*count));
        }
        let count: u64 = basket.iter().map(|leg| leg.1).sum();
        let cost = Exact::product(Price::from_pips(3000).unwrap(), contracts(count));
        let asked = portfolio.exposure_with(EventId(0), cost, &wanted);
        for (id, count) in basket {
            buy(&mut portfolio, InstrumentId(id), 3000, count);
        }
        prop_assert_eq!(asked, portfolio.exposure(EventId(0)));
    }
}
