use super::*;
use crate::sim::rng::Rng;
use std::collections::BTreeMap;

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

fn qty(centi: u64) -> Qty {
    Qty::from_centi(centi).unwrap()
}

fn order(owner: u32, side: Side, pips: u32, centi: u64) -> NewOrder {
    NewOrder {
        owner: OwnerId(owner),
        side,
        price: price(pips),
        qty: qty(centi),
        time_in_force: TimeInForce::Rest,
    }
}

#[test]
fn the_oldest_order_at_the_best_price_trades_first() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    book.submit(order(1, Side::Sell, 5_200, 300), &mut out).unwrap();
    book.submit(order(2, Side::Sell, 5_100, 200), &mut out).unwrap();
    book.submit(order(3, Side::Sell, 5_100, 500), &mut out).unwrap();
    out.clear();
    let done = book.submit(order(9, Side::Buy, 5_200, 800), &mut out).unwrap();
    assert_eq!((done.filled, done.resting), (qty(800), None));
    let makers: Vec<(u32, u64)> = out
        .iter()
        .filter_map(|event| match event {
            MatchEvent::Trade { maker, qty, .. } => Some((maker.0, qty.micro() / 10_000)),
            MatchEvent::Level { .. } => None,
        })
        .collect();
    assert_eq!(makers, [(2, 200), (3, 500), (1, 100)]);
    assert_eq!(book.levels(Side::Sell), [Level { price: price(5_200), qty: qty(200) }]);
}

#[test]
fn an_immediate_order_leaves_nothing_and_a_refused_one_changes_nothing() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    let mut immediate = order(1, Side::Buy, 5_000, 100);
    immediate.time_in_force = TimeInForce::Immediate;
    assert_eq!(book.submit(immediate, &mut out).unwrap().filled, Qty::ZERO);
    assert_eq!(book.submit(order(1, Side::Buy, 0, 1), &mut out), Err(Refused::BadPrice));
    assert_eq!(book.submit(order(1, Side::Buy, 10_000, 1), &mut out), Err(Refused::BadPrice));
    assert_eq!(book.submit(order(1, Side::Buy, 5_000, 0), &mut out), Err(Refused::NoQty));
    assert!(out.is_empty() && book.top() == TopOfBook::default());
}

#[test]
fn an_order_cancels_its_owners_own_and_goes_on() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    let own = book.submit(order(1, Side::Sell, 5_000, 100), &mut out).unwrap().resting.unwrap();
    book.submit(order(2, Side::Sell, 5_000, 100), &mut out).unwrap();
    let done = book.submit(order(1, Side::Buy, 5_000, 100), &mut out).unwrap();
    assert_eq!(done.filled, qty(100));
    assert_eq!(book.order(own), None);
    assert!(book.levels(Side::Sell).is_empty());
}

/// A model of one order: what was asked, what was filled, what was cancelled.
#[derive(Default)]
struct Totals {
    asked: u64,
    traded: u64,
    dropped: u64,
}

/// Checks every law of the book against its own orders.
fn check(book: &MatchingBook, mirror: &BTreeMap<(u8, u32), u64>, totals: &Totals) {
    assert!(!book.top().is_crossed());
    let mut resting = 0;
    let mut seen = BTreeMap::new();
    for side in [Side::Buy, Side::Sell] {
        let levels = book.levels(side);
        assert!(levels.windows(2).all(|w| rank(side, w[0].price) < rank(side, w[1].price)));
        for level in levels {
            let orders = book.queue_at(side, level.price);
            let sum: u64 = orders.iter().map(|o| o.qty.micro()).sum();
            assert_eq!(sum, level.qty.micro());
            assert!(orders.iter().all(|o| !o.qty.is_zero() && o.price == level.price));
            resting += sum;
            seen.insert((side as u8, level.price.micro()), sum);
        }
    }
    assert_eq!(&seen, mirror, "level events rebuild the book");
    assert_eq!(totals.asked, resting + 2 * totals.traded + totals.dropped);
}

/// Applies the events as a client would, additively and absolutely.
fn apply(events: &[MatchEvent], mirror: &mut BTreeMap<(u8, u32), u64>, totals: &mut Totals) {
    for event in events {
        match *event {
            MatchEvent::Trade { qty, .. } => totals.traded += qty.micro(),
            MatchEvent::Level { side, price, qty, change } => {
                let level = mirror.entry((side as u8, price.micro())).or_default();
                *level = level.checked_add_signed(change.micro()).unwrap();
                assert_eq!(*level, qty.micro());
                if *level == 0 {
                    mirror.remove(&(side as u8, price.micro()));
                }
            }
        }
    }
}

#[test]
fn random_orders_keep_every_law() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed, 99);
        let mut book = MatchingBook::default();
        let (mut mirror, mut totals) = (BTreeMap::new(), Totals::default());
        let mut keys = Vec::new();
        for step in 0..600 {
            let mut out = Vec::new();
            if rng.below(10) < 3 && !keys.is_empty() {
                let at = usize::try_from(rng.below(keys.len() as u64)).unwrap();
                let key: OrderKey = keys.swap_remove(at);
                if let Some(gone) = book.cancel(key, &mut out) {
                    totals.dropped += gone.qty.micro();
                }
                assert_eq!(book.cancel(key, &mut out), None);
            } else {
                let side = if rng.coin() { Side::Buy } else { Side::Sell };
                let pips = u32::try_from(rng.between(4_900, 5_100)).unwrap();
                // Every owner is new: self-trade is tested above.
                let mut new = order(step, side, pips, rng.between(1, 500));
                if rng.below(4) == 0 {
                    new.time_in_force = TimeInForce::Immediate;
                }
                let done = book.submit(new, &mut out).unwrap();
                totals.asked += new.qty.micro();
                let left = new.qty.micro() - done.filled.micro();
                match done.resting {
                    Some(key) => keys.push(key),
                    None => totals.dropped += left,
                }
            }
            apply(&out, &mut mirror, &mut totals);
            check(&book, &mirror, &totals);
        }
        let mut out = Vec::new();
        book.clear(&mut out);
        apply(&out, &mut mirror, &mut totals);
        assert!(mirror.is_empty() && keys.iter().all(|key| book.order(*key).is_none()));
    }
}
