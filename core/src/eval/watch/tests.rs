//! Laws of the watch: incremental equals from scratch, closed forms equal brute force, floors equal
//! the state table.

use super::*;
use crate::eval::basket::{BasketKind, Leg, RATIO_ONE};
use crate::eval::compile::{Shape, Slot, scale_ceil};
use crate::relation::{Law, Shown, structural};
use dutchbook_book::catalog::{EventLaw, Listing, VenueKind};
use dutchbook_book::fee::UNIT_PAYOUT;
use dutchbook_book::{ConditionId, Grid, Qty, Rate, Side, Stamp, TopOfBook, VenueId};
use proptest::prelude::*;

fn yes(book: u32) -> InstrumentId {
    BookId(book).instrument(Face::Yes)
}

fn fee(ppm: u32) -> FeeSchedule {
    FeeSchedule::polymarket(Rate::from_ppm(ppm).unwrap(), 1)
}

fn list(catalog: &mut Catalog, venue: VenueId, condition: ConditionId, fee: FeeSchedule) -> BookId {
    let step = if venue.0 == 0 { 1_000 } else { 10_000 };
    catalog.add_listing(Listing {
        lot: Qty::from_centi(1).unwrap(),
        fee,
        can_split: venue.0 == 0,
        ..Listing::plain(
            VenueKind::Polymarket,
            venue,
            condition,
            Grid::uniform(Price::from_micro(step).unwrap()).unwrap(),
        )
    })
}

/// A catalog of `count` books of one venue that can split, each its own condition of one event.
fn plain(count: u32, law: EventLaw, ppm: u32) -> Catalog {
    let mut catalog = Catalog::default();
    let venue = catalog.add_venue(VenueKind::Polymarket);
    let event = catalog.add_event("event", law);
    for _ in 0..count {
        let condition = catalog.add_condition(event, "outcome");
        list(&mut catalog, venue, condition, fee(ppm));
    }
    catalog
}

/// Two venues, a partition, an exclusive set, a ladder, and relations that a person approved.
fn mixed() -> (Catalog, Vec<Relation>) {
    let mut catalog = Catalog::default();
    let venues = [VenueKind::Polymarket, VenueKind::Kalshi].map(|kind| catalog.add_venue(kind));
    for (law, count) in [(EventLaw::Partition, 3), (EventLaw::Exclusive, 4), (EventLaw::Ladder, 5)]
    {
        let event = catalog.add_event("event", law);
        for at in 0..count {
            let condition = catalog.add_condition(event, "outcome");
            list(&mut catalog, venues[0], condition, fee(40_000));
            if at % 2 == 0 {
                let book = list(&mut catalog, venues[1], condition, fee(70_000));
                if at == 2 {
                    catalog.set_inverted(book);
                }
            }
        }
    }
    let mut relations = structural(&catalog);
    let half = Price::from_pips(5_000).unwrap();
    relations.push(Relation::bundle(yes(0), vec![yes(5), yes(7)]));
    relations.push(Relation::polytope(yes(1), yes(6), yes(8), yes(9)));
    relations.push(Relation::implication(yes(2), yes(11)));
    relations.push(
        Relation::same(yes(3), yes(12).complement())
            .with_state(&[(yes(3), half), (yes(3).complement(), half)]),
    );
    relations.push(
        Relation::exclusive(&[vec![yes(0)], vec![yes(4)], vec![yes(10)]])
            .with_conversion(Rate::from_ppm(5_000).unwrap()),
    );
    (catalog, relations)
}

fn update(book: u32, bid: u32, ask: u32, status: BookStatus) -> TopUpdate {
    let level = |micro| {
        Price::from_micro(micro)
            .filter(|&price| price > Price::ZERO)
            .map(|price| Level { price, qty: Qty::ONE })
    };
    TopUpdate {
        book: BookId(book),
        top: TopOfBook { bid: level(bid), ask: level(ask) },
        stamp: Stamp { status, ..Stamp::default() },
    }
}

fn status(code: u8) -> BookStatus {
    BookStatus::from_code(code).unwrap_or(BookStatus::Live)
}

/// Prices of a book in thousandths, some off the coarse grid, some missing.
fn arb_update(books: u32) -> impl Strategy<Value = TopUpdate> {
    (0..books, 0_u32..1_000, 0_u32..1_000, 0_u8..24).prop_map(|(book, bid, ask, code)| {
        let [bid, ask] = [bid, ask].map(|at| if at % 10 == 0 { 0 } else { at * 1_000 });
        update(book, bid.min(ask), bid.max(ask), status(code))
    })
}

/// The edge of a basket by its definition, `None` where no form of it exists.
fn edge_by_definition(watch: &Watch, basket: &Basket) -> Option<UnitCost> {
    let slots = &basket.template.slots;
    let cost = |slot: &Slot| {
        let ask = watch.ask(slot.hold)?;
        slot.cost(&watch.fee(slot.hold.book()), ask).map(|(cost, _)| cost)
    };
    let groups: Vec<Option<UnitCost>> = slots
        .chunk_by(|a, b| a.group == b.group)
        .map(|group| group.iter().filter_map(cost).min())
        .collect();
    match basket.template.shape {
        Shape::All => {
            let costs: Option<Vec<UnitCost>> = groups.into_iter().collect();
            Some(basket.template.floor - costs?.iter().sum::<UnitCost>())
        }
        Shape::Subset { kept_micro } => {
            let kept = scale_ceil(UNIT_PAYOUT, kept_micro)?;
            let masks = 0_u32..1 << groups.len();
            let taken = masks.filter_map(|mask| {
                let chosen = groups.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1);
                chosen.map(|(_, cost)| cost.map(|cost| kept - cost)).sum::<Option<UnitCost>>()
            });
            taken.map(|gain| gain - kept).max()
        }
        Shape::Ladder => {
            let pair = |yes: usize, no: usize| Some(groups[2 * yes]? + groups[2 * no + 1]?);
            let rungs = groups.len() / 2;
            let pairs = (0..rungs).flat_map(|no| (0..no).map(move |yes| (yes, no)));
            let cheapest = pairs.filter_map(|(yes, no)| pair(yes, no)).min()?;
            Some(basket.template.floor - cheapest)
        }
    }
}

/// Every concrete basket is what its state table and the fee schedules say.
fn check_concrete(watch: &Watch, id: BasketId) {
    let mut legs = Vec::new();
    let best = watch.materialise(id, &mut legs);
    let is_fee_free = !matches!(watch.template(id).unwrap().shape, Shape::Subset { kept_micro } if kept_micro != RATIO_ONE);
    if is_fee_free {
        assert_eq!(best.is_some(), watch.edge(id) > 0);
        assert!(best.is_none_or(|best| best.edge == watch.edge(id)));
    }
    watch.for_each_form(id, &mut legs, |found, legs| {
        let cost: UnitCost = legs
            .iter()
            .map(|leg| {
                let fee = watch.fee(leg.instrument.book());
                match leg.side {
                    Side::Buy => fee.unit_cost(watch.ask(leg.instrument).unwrap()),
                    Side::Sell => {
                        let bid = watch.ask(leg.instrument.complement()).unwrap().complement();
                        let owed = UNIT_PAYOUT - fee.unit_proceeds(bid);
                        let scaled = scale_ceil(owed, leg.ratio_micro).unwrap();
                        scaled - scale_ceil(UNIT_PAYOUT, leg.ratio_micro).unwrap()
                    }
                }
            })
            .sum();
        assert_eq!(found.edge, found.floor - cost);
        assert!(best.is_some_and(|best| best.edge >= found.edge));
        let floor = watch.relation_of(id).unwrap().states.floor(legs).unwrap();
        if is_fee_free {
            assert_eq!(found.floor, floor, "{found:?} {legs:?}");
        } else {
            assert!(found.floor <= floor, "a conversion gives up what holding might pay");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any stream every sum equals the one that the final books give from scratch, and the
    /// definition's; the queue has every opportunity that was touched.
    #[test]
    fn incremental_equals_from_scratch(stream in prop::collection::vec(arb_update(20), 1..120)) {
        let (catalog, relations) = mixed();
        let mut watch = Watch::new(&catalog, relations.clone()).unwrap();
        let mut last = std::collections::BTreeMap::new();
        for update in &stream {
            watch.on_top(update);
            last.insert(update.book, *update);
        }
        let mut fresh = Watch::new(&catalog, relations).unwrap();
        last.values().for_each(|update| fresh.on_top(update));
        prop_assert_eq!(&watch.sums, &fresh.sums);
        for (at, basket) in watch.baskets.iter().enumerate() {
            let edge = watch.edge(BasketId(u32::try_from(at).unwrap()));
            let defined = edge_by_definition(&watch, basket);
            prop_assert_eq!(edge.max(0), defined.unwrap_or(0).max(0), "{:?}", basket.template);
            prop_assert!(edge <= 0 || defined == Some(edge));
            check_concrete(&watch, BasketId(u32::try_from(at).unwrap()));
        }
        let positive: BTreeSet<u32> = watch.sums.iter().enumerate()
            .filter(|(_, sum)| **sum < 0).map(|(at, _)| u32::try_from(at).unwrap()).collect();
        let queued: Vec<u32> = watch.candidates().map(|basket| basket.0).collect();
        prop_assert_eq!(queued.len(), positive.len());
        prop_assert_eq!(queued.into_iter().collect::<BTreeSet<u32>>(), positive);
    }

    /// The best subset with a conversion fee equals the best of all subsets, by the inequality of
    /// the conversion itself.
    #[test]
    fn convert_equals_brute_force(
        tops in prop::collection::vec((1_u32..99, 0_u32..8, any::<bool>()), 2..8),
        ppm in prop::sample::select(vec![0_u32, 30_000]),
        bips in prop::sample::select(vec![0_u32, 50, 200]),
    ) {
        let count = u32::try_from(tops.len()).unwrap();
        let catalog = plain(count, EventLaw::Exclusive, ppm);
        let outcomes: Vec<Shown> = (0..count).map(|book| vec![yes(book)]).collect();
        let relation = Relation::exclusive(&outcomes)
            .with_conversion(Rate::from_ppm(bips * 100).unwrap());
        let mut watch = Watch::new(&catalog, vec![relation]).unwrap();
        for (book, &(ask, gap, missing)) in (0..).zip(&tops) {
            let bid = if missing && book > 0 { 0 } else { ask.saturating_sub(gap) * 10_000 };
            watch.on_top(&update(book, bid, ask * 10_000, BookStatus::Live));
        }
        let kept_micro = RATIO_ONE - bips * 100;
        let convert = BasketId(1);
        prop_assert_eq!(watch.template(convert).unwrap().shape, Shape::Subset { kept_micro });
        let kept = scale_ceil(UNIT_PAYOUT, kept_micro).unwrap();
        let fee = fee(ppm);
        let bid = |at: u32| watch.ask(yes(at).complement()).map(Price::complement);
        // Buying S and selling T, disjoint, S not empty: κ(|S| − 1) + Σ_T κV − Σ_S U.
        let best = (0..3_u32.pow(count)).filter_map(|code| {
            let (mut edge, mut bought, mut sold) = (0 - kept, 0, 0);
            for at in 0..count {
                match code / 3_u32.pow(at) % 3 {
                    1 => {
                        bought += 1;
                        edge += kept - fee.unit_cost(watch.ask(yes(at).complement())?);
                    }
                    2 => {
                        sold += 1;
                        let owed = UNIT_PAYOUT - fee.unit_proceeds(bid(at)?);
                        edge += kept - scale_ceil(owed, kept_micro)?;
                    }
                    _ => {}
                }
            }
            (bips == 0 || bought > 0 && sold > 0).then_some(edge)
        }).max().unwrap_or(0).max(0);
        let found = watch.materialise(convert, &mut Vec::new());
        prop_assert_eq!(found.map_or(0, |found| found.edge), best);
    }
}

#[test]
fn the_worked_long_and_short_of_three_outcomes() {
    let catalog = plain(3, EventLaw::Partition, 40_000);
    let mut watch = Watch::new(&catalog, structural(&catalog)).unwrap();
    for (book, ask) in [(0, 500_000), (1, 270_000), (2, 180_000)] {
        watch.on_top(&update(book, 0, ask, BookStatus::Live));
    }
    assert_eq!(watch.candidates().collect::<Vec<_>>(), [BasketId(0)]);
    assert_eq!(watch.edge(BasketId(0)), 2_621_200_000_000);
    // NO asks of 0.50, 0.66 and 0.78 are YES bids of 0.50, 0.34 and 0.22.
    for (book, bid) in [(0, 500_000), (1, 340_000), (2, 220_000)] {
        watch.on_top(&update(book, bid, 0, BookStatus::Live));
    }
    let mut legs = Vec::new();
    let touched: Vec<Touched> = core::iter::from_fn(|| watch.pop()).collect();
    assert_eq!(touched.iter().filter(|touched| touched.edge <= 0).count(), 1, "the long is gone");
    let found = watch.materialise(BasketId(1), &mut legs).unwrap();
    assert_eq!((found.kind, found.floor), (BasketKind::MultiShort, 2 * UNIT_PAYOUT));
    assert_eq!(found.edge, 3_416_000_000_000);
    assert!(legs.iter().all(|leg| leg.side == Side::Buy && leg.instrument.face() == Face::No));
    // Without the third outcome the rest is still exclusive, a doubtful book is no book.
    watch.on_top(&update(2, 220_000, 0, BookStatus::Stale));
    assert_eq!(watch.materialise(BasketId(1), &mut legs), None);
}

#[test]
fn a_void_row_removes_the_basket_that_it_breaks() {
    let catalog = plain(2, EventLaw::Independent, 0);
    let half = Price::from_pips(5_000).unwrap();
    let pair =
        Relation::same(yes(0), yes(1)).with_state(&[(yes(0), half), (yes(0).complement(), half)]);
    let mut watch = Watch::new(&catalog, vec![pair]).unwrap();
    watch.on_top(&update(0, 400_000, 410_000, BookStatus::Live));
    watch.on_top(&update(1, 470_000, 480_000, BookStatus::Live));
    assert_eq!(watch.candidates().count(), 0, "0.41 + 0.53 has a floor of 0.50");
}

#[test]
fn a_strike_retires_what_it_decides_and_watches_the_certain() {
    let catalog = plain(3, EventLaw::Partition, 0);
    let mut watch = Watch::new(&catalog, structural(&catalog)).unwrap();
    for book in 0..3 {
        watch.on_top(&update(book, 250_000, 300_000, BookStatus::Live));
    }
    assert_eq!(watch.candidates().count(), 1);
    // Outcome 2 is out: two remain, and its NO is certain.
    let new = watch.strike(&catalog, yes(2).complement()).unwrap();
    let kinds: Vec<BasketKind> = new.map(|id| watch.template(BasketId(id)).unwrap().kind).collect();
    assert_eq!(kinds, [BasketKind::MultiLong, BasketKind::MultiShort, BasketKind::Resolution]);
    let mut legs = Vec::new();
    let found: Vec<Concrete> =
        [2, 3, 4].into_iter().filter_map(|id| watch.materialise(BasketId(id), &mut legs)).collect();
    assert_eq!(
        found.iter().map(|f| f.kind).collect::<Vec<_>>(),
        [BasketKind::MultiLong, BasketKind::Resolution]
    );
    assert_eq!(legs, [Leg::buy(yes(2).complement())]);
    assert_eq!(watch.materialise(BasketId(0), &mut legs), None, "retired");
    // The winner is known: its YES is certain, no set is left, the old fact stays.
    let new = watch.strike(&catalog, yes(0)).unwrap();
    let holds: Vec<InstrumentId> =
        new.map(|id| watch.template(BasketId(id)).unwrap().slots[0].hold).collect();
    assert_eq!(holds, [yes(0), yes(1).complement()]);
    assert!(watch.edge(BasketId(4)) > 0);
    watch.on_top(&update(0, 0, 990_000, BookStatus::Live));
    assert!(watch.candidates().any(|id| id == BasketId(5)));
}

#[test]
fn regrid_and_fee_changes_keep_the_sums() {
    let (catalog, relations) = mixed();
    let mut watch = Watch::new(&catalog, relations.clone()).unwrap();
    for book in 0..19 {
        watch.on_top(&update(book, 333_000 + book * 1_000, 500_000, BookStatus::Live));
    }
    let sums = watch.sums.clone();
    let fine = Grid::uniform(Price::from_micro(100).unwrap()).unwrap();
    let finest = Grid::uniform(Price::from_micro(10).unwrap()).unwrap();
    for (book, grid) in [(0, &fine), (1, &finest), (2, &fine)] {
        watch.regrid(BookId(book), grid).unwrap();
        watch.on_top(&update(book, 333_000 + book * 1_000, 500_000, BookStatus::Live));
    }
    assert_eq!(watch.sums, sums);
    watch.set_fee(BookId(1), fee(10_000)).unwrap();
    assert_ne!(watch.sums, sums);
    watch.set_fee(BookId(1), catalog.listings[1].fee).unwrap();
    assert_eq!(watch.sums, sums);
}

#[test]
fn structural_relations_follow_the_law_of_the_event() {
    let (catalog, _) = mixed();
    let relations = structural(&catalog);
    let inverted = |relation: &Relation| {
        let Law::Same { a, b } = relation.law else { return None };
        Some(a.face() != b.face())
    };
    let pairs = relations.iter().filter_map(inverted).collect::<Vec<_>>();
    assert_eq!(pairs.iter().filter(|is_inverted| **is_inverted).count(), 3);
    assert_eq!(pairs.len(), 2 + 2 + 3);
    let laws = relations.iter().filter(|r| inverted(r).is_none()).map(|r| &r.law);
    let laws: Vec<&Law> = laws.collect();
    assert!(matches!(laws[0], Law::Partition { outcomes } if outcomes.len() == 3));
    assert!(matches!(laws[1], Law::Exclusive { outcomes } if outcomes[0].len() == 2));
    assert!(matches!(laws[2], Law::Ladder { rungs } if rungs.len() == 5));
    assert!(relations.iter().all(|r| !r.states.is_empty()));
}
