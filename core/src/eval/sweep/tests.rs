//! Worked examples and laws of the sweep.

use super::*;
use dutchbook_book::fee::{CENT, CENTICENT, Settlement, TEN_MICRO_DOLLAR, UNIT_PAYOUT};
use dutchbook_book::{Price, Rate};
use proptest::prelude::*;

fn ppm(ppm: u32) -> Rate {
    Rate::from_ppm(ppm).unwrap()
}

fn polymarket(rate_ppm: u32) -> FeeSchedule {
    FeeSchedule::polymarket(ppm(rate_ppm), 1)
}

fn kalshi() -> FeeSchedule {
    FeeSchedule::quadratic(ppm(70_000), CENTICENT)
        .settled(Settlement::OrderCost { grid_pico: CENT })
}

/// "0.44x60 0.45x100": prices in pips of four decimals, whole contracts.
fn levels(text: &str) -> Vec<Level> {
    let level = |word: &str| {
        let (price, qty) = word.split_once('x').unwrap();
        let pips: u32 = format!("{:0<4}", price.strip_prefix("0.").unwrap()).parse().unwrap();
        Level {
            price: Price::from_pips(pips).unwrap(),
            qty: Qty::from_contracts(qty.parse().unwrap()).unwrap(),
        }
    };
    text.split_whitespace().map(level).collect()
}

fn leg(side: Side, schedule: FeeSchedule, levels: &[Level]) -> LegBook<'_> {
    LegBook {
        side,
        ratio_micro: RATIO_ONE,
        levels,
        schedule,
        lot: Qty::from_centi(1).unwrap(),
        min_qty: Qty::ONE,
        min_notional: Cash::ZERO,
    }
}

fn terms(dollars: i64) -> Terms {
    Terms { lot: Qty::from_centi(1).unwrap(), ..Terms::paying(dollars * UNIT_PAYOUT) }
}

/// Size, net and cash paid of a basket, or the refusal.
fn priced(books: &[(Side, FeeSchedule, &str)], terms: &Terms) -> Result<[String; 3], Refusal> {
    let all: Vec<Vec<Level>> = books.iter().map(|book| levels(book.2)).collect();
    let legs: Vec<LegBook<'_>> =
        books.iter().zip(&all).map(|(book, levels)| leg(book.0, book.1, levels)).collect();
    let mut scratch = Scratch::default();
    let sizing = sweep(&legs, terms, &mut scratch)?;
    Ok([sizing.size.to_string(), sizing.net.to_string(), sizing.cash_paid.to_string()])
}

fn check(books: &[(Side, FeeSchedule, &str)], terms: &Terms, expected: [&str; 3]) {
    assert_eq!(priced(books, terms).unwrap(), expected);
}

use Side::{Buy, Sell};

#[test]
fn one_market_long_and_short() {
    let five = polymarket(50_000);
    let long = [(Buy, five, "0.44x60 0.45x100"), (Buy, five, "0.52x90 0.53x50")];
    check(&long, &terms(1), ["90", "1.06635", "88.93365"]);
    let three = polymarket(30_000);
    let short = [(Sell, three, "0.61x75"), (Sell, three, "0.42x40")];
    let gas = Terms { fixed_cost: Cash::from_micro(20_000), ..terms(-1) };
    check(&short, &gas, ["40", "0.6022", "-40.6222"]);
}

#[test]
fn one_event_long_short_and_converted() {
    let four = polymarket(40_000);
    let long = [(Buy, four, "0.50x80"), (Buy, four, "0.27x120"), (Buy, four, "0.18x60")];
    check(&long, &terms(1), ["60", "1.57272", "58.42728"]);
    let short = [(Buy, four, "0.50x80"), (Buy, four, "0.66x120"), (Buy, four, "0.78x60")];
    check(&short, &terms(2), ["60", "2.0496", "117.9504"]);
    let none = FeeSchedule::NONE;
    let convert = [(Buy, none, "0.45x50"), (Buy, none, "0.70x70"), (Sell, none, "0.20x55")];
    let gas = Terms { fixed_cost: Cash::from_micro(20_000), ..terms(1) };
    check(&convert, &gas, ["50", "2.48", "47.5"]);
}

#[test]
fn two_venues_large_and_small() {
    let whole = Terms { lot: Qty::ONE, ..terms(1) };
    let large = [(Buy, polymarket(50_000), "0.62x100"), (Buy, kalshi(), "0.31x70 0.34x200")];
    check(&large, &whole, ["100", "3.402", "96.598"]);
    let small = [(Buy, polymarket(50_000), "0.65x3"), (Buy, kalshi(), "0.32x3")];
    check(&small, &whole, ["3", "0.00587", "2.99413"]);
}

#[test]
fn relations_and_the_polytope() {
    let four = polymarket(40_000);
    let implied = [(Buy, four, "0.37x100"), (Buy, four, "0.58x140")];
    check(&implied, &terms(1), ["100", "3.0932", "96.9068"]);
    let cents = [(Buy, kalshi(), "0.40x100"), (Buy, kalshi(), "0.55x200")];
    check(&cents, &terms(1), ["100", "1.58", "98.42"]);
    let none = FeeSchedule::NONE;
    let four_way = [
        (Buy, none, "0.500x200"),
        (Buy, none, "0.490x150"),
        (Buy, none, "0.300x180"),
        (Buy, none, "0.620x260"),
    ];
    check(&four_way, &terms(2), ["150", "13.5", "286.5"]);
}

#[test]
fn refusals_are_named() {
    let none = FeeSchedule::NONE;
    let refused = |books: &[(Side, FeeSchedule, &str)], terms: &Terms| priced(books, terms);
    let fair = [(Buy, none, "0.50x9"), (Buy, none, "0.50x9")];
    assert_eq!(refused(&fair, &terms(1)), Err(Refusal::EdgeNotPositive));
    let good = [(Buy, none, "0.40x9"), (Buy, none, "0.50x9")];
    assert_eq!(refused(&[good[0], (Buy, none, "")], &terms(1)), Err(Refusal::NoLevel { leg: 1 }));
    assert_eq!(refused(&[], &terms(1)), Err(Refusal::NoLeg));
    let lot = |count| Qty::from_contracts(count).unwrap();
    let coarse = Terms { lot: lot(10), ..terms(1) };
    assert_eq!(refused(&good, &coarse), Err(Refusal::BelowLot));
    let poor = Terms { max_capital: Some(Cash::from_micro(899_999)), lot: Qty::ONE, ..terms(1) };
    assert_eq!(refused(&good, &poor), Err(Refusal::Capital));
    let tight = Terms { max_capital: Some(Cash::from_micro(2_700_000)), ..poor };
    assert_eq!(refused(&good, &tight).unwrap(), ["3", "0.3", "2.7"]);
    // Break-even size with fixed cost F and edge e is F/e: nine baskets of ten cents.
    let gas = Terms { fixed_cost: Cash::from_micro(900_000), ..terms(1) };
    assert_eq!(refused(&good, &gas), Err(Refusal::NetTooSmall));
    let tiny = [(Buy, none, "0.40x9"), (Buy, none, "0.50x9")];
    let all: Vec<Vec<Level>> = tiny.iter().map(|book| levels(book.2)).collect();
    let mut legs: Vec<LegBook<'_>> = all.iter().map(|levels| leg(Buy, none, levels)).collect();
    legs[1].min_qty = lot(10);
    let found = sweep(&legs, &terms(1), &mut Scratch::default()).map(|sizing| sizing.size);
    assert_eq!(found, Err(Refusal::BelowVenueMinimum { leg: 1 }));
    legs[1].min_qty = Qty::ZERO;
    legs[0].min_notional = Cash::from_micro(3_600_001);
    let found = sweep(&legs, &terms(1), &mut Scratch::default()).map(|sizing| sizing.size);
    assert_eq!(found, Err(Refusal::BelowVenueMinimum { leg: 0 }));
}

#[test]
fn equal_dollars_would_lose() {
    // Ten dollars each on 0.60 and 0.35 buy 16.67 and 28.57: the sweep buys 16 of both or none.
    let none = FeeSchedule::NONE;
    let found = priced(&[(Buy, none, "0.60x16"), (Buy, none, "0.35x28")], &terms(1)).unwrap();
    assert_eq!(found, ["16", "0.8", "15.2"]);
}

#[test]
fn the_whole_range_of_quantities_is_refused_not_wrapped() {
    let huge = [Level { price: Price::from_pips(4000).unwrap(), qty: Qty::MAX }; 3];
    let legs = [leg(Buy, kalshi(), &huge), leg(Buy, polymarket(50_000), &huge)];
    let found = sweep(&legs, &terms(1), &mut Scratch::default()).map(|sizing| sizing.size);
    assert!(matches!(found, Ok(_) | Err(Refusal::Overflow)), "{found:?}");
}

const SCHEDULES: usize = 7;

fn schedule(index: usize) -> FeeSchedule {
    match index % SCHEDULES {
        0 => FeeSchedule::NONE,
        1 => polymarket(40_000),
        2 => kalshi(),
        3 => FeeSchedule::proportional(ppm(3_000), TEN_MICRO_DOLLAR),
        4 => FeeSchedule::winnings(ppm(20_000)),
        5 => FeeSchedule::quadratic(ppm(20_000), 0).in_contracts(),
        _ => FeeSchedule::sell_notional(ppm(1_400), ppm(800)),
    }
}

#[derive(Clone, Debug)]
struct Book {
    schedule: usize,
    levels: Vec<Level>,
}

/// Ascending asks of whole contracts around `center`.
fn book(center: u32) -> impl Strategy<Value = Book> {
    let steps = prop::collection::vec((0_u32..300, 1_u64..60), 1..6);
    (0..SCHEDULES, steps).prop_map(move |(schedule, steps)| {
        let mut pips = center;
        let level = |(step, count): (u32, u64)| {
            pips = (pips + step).min(9_990);
            Level {
                price: Price::from_pips(pips).unwrap(),
                qty: Qty::from_contracts(count).unwrap(),
            }
        };
        Book { schedule, levels: steps.into_iter().map(level).collect() }
    })
}

fn books() -> impl Strategy<Value = Vec<Book>> {
    prop_oneof![
        prop::collection::vec(book(4_200), 2..3),
        prop::collection::vec(book(2_700), 3..4),
        prop::collection::vec(book(1_900), 4..6),
    ]
}

fn legs_of(books: &[Book]) -> Vec<LegBook<'_>> {
    books.iter().map(|book| leg(Buy, schedule(book.schedule), &book.levels)).collect()
}

/// What all roundings together may move: a unit per match and order, a lot per fee in contracts.
fn slack(books: &[Book]) -> i128 {
    let of = |book: &Book| match book.schedule % SCHEDULES {
        2 => 2 * i128::from(CENT),
        5 => 20_000_000_000,
        _ => 6 * i128::from(TEN_MICRO_DOLLAR),
    };
    books.iter().map(of).sum()
}

fn net_at(legs: &[LegBook<'_>], terms: &Terms, size: Qty) -> Option<Exact> {
    let mut sized = Vec::new();
    settle::legs(legs, size, &mut sized).ok()?;
    settle::total(terms, size, &sized).map(|total| total.net)
}

/// The same walk one lot at a time, with every lot priced by itself.
fn lot_by_lot(legs: &[LegBook<'_>], terms: &Terms) -> u64 {
    let lot = terms.lot.micro();
    let at = |leg: &LegBook<'_>, position: u64| {
        let mut reached = 0;
        leg.levels.iter().find_map(|level| {
            reached += level.qty.micro();
            (position < reached).then(|| unit_outlay(&leg.schedule, leg.side, level.price))
        })
    };
    let mut lots = 0;
    while let Some(outlay) = legs.iter().map(|leg| at(leg, lots * lot)).sum::<Option<UnitCost>>() {
        if terms.payoff - outlay <= terms.min_edge {
            break;
        }
        lots += 1;
    }
    lots * lot
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_stays_within_depth_at_the_limits_it_names(books in books()) {
        let legs = legs_of(&books);
        let mut scratch = Scratch::default();
        let Ok(sizing) = sweep(&legs, &terms(1), &mut scratch) else { return Ok(()) };
        for (leg, sized) in legs.iter().zip(sizing.legs) {
            let up_to = |worse: bool| leg.levels.iter()
                .filter(|level| level.price < sized.limit_price || worse && level.price == sized.limit_price)
                .map(|level| level.qty.micro()).sum::<u64>();
            prop_assert!(sized.qty.micro() <= up_to(true), "deeper than its limit");
            prop_assert!(sized.qty.micro() > up_to(false), "a limit worse than needed");
            prop_assert!(sized.delivered >= sizing.size, "a naked tail");
            let spare = sized.delivered.micro() - sizing.size.micro();
            prop_assert!(spare <= leg.lot.micro(), "more than a lot too much");
            prop_assert_eq!(sized.delivered.micro() + sized.fee_contracts.micro(), sized.qty.micro());
        }
        prop_assert!(sizing.net > Exact::ZERO);
    }

    #[test]
    fn no_neighbouring_size_earns_more(books in books()) {
        let legs = legs_of(&books);
        let terms = terms(1);
        let mut scratch = Scratch::default();
        let Ok(sizing) = sweep(&legs, &terms, &mut scratch) else { return Ok(()) };
        let (size, net) = (sizing.size, sizing.net);
        let slack = slack(&books);
        let neighbours = [size.checked_sub(terms.lot), size.checked_add(terms.lot)];
        for neighbour in neighbours.into_iter().flatten() {
            if let Some(other) = net_at(&legs, &terms, neighbour) {
                prop_assert!(net.pico() + slack >= other.pico(), "{size} {net}, {neighbour} {other}");
            }
        }
    }

    #[test]
    fn slices_agree_with_single_lots(books in books(), min_edge_pips in 0_i64..200) {
        let plain: Vec<Book> = books.into_iter().filter(|book| book.schedule != 5).collect();
        prop_assume!(plain.len() > 1);
        let legs = legs_of(&plain);
        let min_edge = min_edge_pips * UNIT_PAYOUT / 10_000;
        let terms = Terms { lot: Qty::ONE, min_edge, ..terms(1) };
        let mut scratch = Scratch::default();
        let walked = walk(&legs, &terms, &mut scratch).map_or(0, Qty::micro);
        prop_assert_eq!(walked, lot_by_lot(&legs, &terms));
    }

    #[test]
    fn capital_binds_at_the_last_lot_that_fits(books in books(), dollars in 1_i64..40) {
        let legs = legs_of(&books);
        let free = terms(1);
        let capital = Cash::from_micro(dollars * 1_000_000);
        let bound = Terms { max_capital: Some(capital), ..free };
        let mut scratch = Scratch::default();
        let Ok(unbound) = sweep(&legs, &free, &mut scratch).map(|sizing| sizing.size) else {
            return Ok(());
        };
        let Ok(sizing) = sweep(&legs, &bound, &mut scratch) else { return Ok(()) };
        prop_assert!(sizing.cash_paid <= capital.exact());
        let size = sizing.size;
        prop_assert!(size <= unbound);
        if size < unbound {
            let more = size.checked_add(free.lot).unwrap();
            let mut sized = Vec::new();
            if settle::legs(&legs, more, &mut sized).is_ok() {
                let needed = settle::capital(&bound, more, &sized).unwrap();
                prop_assert!(needed > capital.exact(), "{more} would fit: {needed}");
            }
        }
    }

    #[test]
    fn ratio_legs_keep_their_ratio(count in 1_u64..5_000, ratio_micro in 900_000_u32..=1_000_000) {
        let asks = levels("0.60x10000");
        let bids = levels("0.62x10000");
        let buy = leg(Buy, FeeSchedule::NONE, &asks);
        let sell = LegBook { ratio_micro, ..leg(Sell, FeeSchedule::NONE, &bids) };
        let mut sized = Vec::new();
        let size = Qty::from_contracts(count).unwrap();
        settle::legs(&[buy, sell], size, &mut sized).unwrap();
        prop_assert_eq!(sized[0].qty, size);
        prop_assert_eq!(sized[1].qty.micro(), count * u64::from(ratio_micro));
    }
}
