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
    NewOrder::plain(OwnerId(owner), side, price(pips), qty(centi), TimeInForce::Rest)
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
            MatchEvent::Level { .. } | MatchEvent::Removed { .. } => None,
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

/// A model of all orders: what was asked, what was matched, what left.
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
            let sum: u64 = orders.iter().map(|(_, o)| o.qty.micro()).sum();
            assert_eq!(sum, level.qty.micro());
            assert!(orders.iter().all(|(_, o)| !o.qty.is_zero() && o.price == level.price));
            assert!(orders.iter().all(|(key, o)| book.order(*key) == Some(*o)));
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
            MatchEvent::Removed { order, .. } => totals.dropped += order.qty.micro(),
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
    let places: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            MatchEvent::Level { side, price, .. } => Some((*side, *price)),
            MatchEvent::Trade { .. } | MatchEvent::Removed { .. } => None,
        })
        .collect();
    let distinct = places.iter().enumerate().all(|(at, place)| !places[..at].contains(place));
    assert!(distinct, "one event per level: {events:?}");
}

fn random_order(rng: &mut Rng, now: u64) -> NewOrder {
    let side = if rng.coin() { Side::Buy } else { Side::Sell };
    let pips = u32::try_from(rng.between(4_950, 5_050)).unwrap();
    let owner = u32::try_from(rng.below(12)).unwrap();
    let mut new = order(owner, side, pips, rng.between(1, 500));
    match rng.below(6) {
        0 => new.time_in_force = TimeInForce::Immediate,
        1 => new.time_in_force = TimeInForce::AllOrNothing,
        2 => new.post_only = true,
        3 => new.expires_at = Some(Nanos(now + rng.below(50))),
        _ => {}
    }
    if rng.coin() {
        new.self_trade = SelfTrade::CancelTaker;
    }
    new
}

/// Checks that an order did what its preview said, and what its flags allow.
fn check_submitted(
    new: &NewOrder,
    preview: &(Vec<Match>, bool),
    done: Submitted,
    out: &[MatchEvent],
) {
    let seen: Vec<Match> = out
        .iter()
        .filter_map(|event| match *event {
            MatchEvent::Trade { price, qty, maker, taker, taker_order, maker_order, .. } => {
                assert!(taker_order == done.key && taker == new.owner && maker != taker);
                assert!(reaches(new.side, new.price, price));
                Some(Match { maker_order, maker, price, qty })
            }
            MatchEvent::Level { .. } | MatchEvent::Removed { .. } => None,
        })
        .collect();
    assert_eq!(seen, preview.0);
    let filled: u64 = seen.iter().map(|m| m.qty.micro()).sum();
    assert_eq!(filled, done.filled.micro());
    match new.time_in_force {
        TimeInForce::AllOrNothing => assert_eq!(done.filled, new.qty),
        TimeInForce::Immediate => assert_eq!(done.resting, None),
        TimeInForce::Rest => {}
    }
    assert!(!new.post_only || seen.is_empty());
}

/// One random step; what it left unmatched and did not rest counts as dropped.
fn step(
    book: &mut MatchingBook,
    rng: &mut Rng,
    now: u64,
    keys: &mut Vec<OrderKey>,
    totals: &mut Totals,
) -> Vec<MatchEvent> {
    let mut out = Vec::new();
    while book.expire_one(Nanos(now), &mut out).is_some() {}
    assert!(book.next_expiry().is_none_or(|at| at > Nanos(now)));
    let mut first = std::mem::take(&mut out);
    let at = usize::try_from(rng.below(keys.len().max(1) as u64)).unwrap();
    match (rng.below(10), keys.get(at).copied()) {
        (0 | 1, Some(key)) => {
            keys.swap_remove(at);
            book.cancel(key, &mut out);
            assert_eq!(book.cancel(key, &mut out), None);
        }
        (2, Some(key)) => {
            if let Some(old) = book.order(key) {
                let to = Qty::from_micro(rng.below(old.qty.micro() + 1)).unwrap();
                let queue = |book: &MatchingBook| -> Vec<OrderKey> {
                    book.queue_at(old.side, old.price).into_iter().map(|(key, _)| key).collect()
                };
                let before = queue(book);
                book.reduce(key, to, &mut out).unwrap();
                if to.is_zero() {
                    assert_eq!(book.order(key), None);
                } else {
                    totals.dropped += old.qty.micro() - to.micro();
                    assert_eq!(queue(book), before, "less of an order keeps its place");
                }
            }
        }
        (kind, found) => {
            let new = random_order(rng, now);
            let preview = book.preview(&new);
            let replaced = found.filter(|key| kind == 3 && book.order(*key).is_some());
            let old_qty = found.and_then(|key| book.order(key)).map_or(0, |old| old.qty.micro());
            let done = match replaced {
                Some(key) => book.replace(key, new, &mut out),
                None => book.submit(new, &mut out),
            };
            let Ok(done) = done else {
                assert!(out.is_empty());
                return first;
            };
            if replaced.is_none() {
                check_submitted(&new, &preview, done, &out);
            }
            if replaced == Some(done.key) {
                totals.dropped += old_qty - new.qty.micro();
                first.extend(out);
                return first;
            }
            totals.asked += new.qty.micro();
            keys.extend(done.resting);
            if done.resting.is_none() {
                totals.dropped += new.qty.micro() - done.filled.micro();
            }
        }
    }
    first.extend(out);
    first
}

#[test]
fn random_orders_keep_every_law() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed, 99);
        let mut book = MatchingBook::default();
        let (mut mirror, mut totals) = (BTreeMap::new(), Totals::default());
        let mut keys = Vec::new();
        for now in 0..600 {
            let mut expired = Vec::new();
            while book.expire_one(Nanos(now), &mut expired).is_some() {
                apply(&expired, &mut mirror, &mut totals);
                expired.clear();
            }
            let out = step(&mut book, &mut rng, now, &mut keys, &mut totals);
            apply(&out, &mut mirror, &mut totals);
            check(&book, &mirror, &totals);
        }
        let mut out = Vec::new();
        book.clear(&mut out);
        apply(&out, &mut mirror, &mut totals);
        assert!(mirror.is_empty() && keys.iter().all(|key| book.order(*key).is_none()));
        assert_eq!(book.next_expiry(), None);
    }
}

#[test]
fn all_or_nothing_matches_in_full_or_leaves_the_book_alone() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    book.submit(order(1, Side::Sell, 5_000, 300), &mut out).unwrap();
    book.submit(order(2, Side::Sell, 5_100, 300), &mut out).unwrap();
    out.clear();
    let whole = |pips, centi| {
        let mut new = order(9, Side::Buy, pips, centi);
        new.time_in_force = TimeInForce::AllOrNothing;
        new
    };
    assert_eq!(book.submit(whole(5_100, 601), &mut out), Err(Refused::NotInFull));
    assert_eq!(book.submit(whole(5_000, 301), &mut out), Err(Refused::NotInFull));
    assert!(out.is_empty());
    assert_eq!(book.submit(whole(5_100, 600), &mut out).unwrap().filled, qty(600));
    assert!(book.levels(Side::Sell).is_empty() && book.levels(Side::Buy).is_empty());
}

#[test]
fn post_only_never_takes() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    book.submit(order(1, Side::Sell, 5_000, 300), &mut out).unwrap();
    let mut new = order(2, Side::Buy, 5_000, 100);
    new.post_only = true;
    assert_eq!(book.submit(new, &mut out), Err(Refused::WouldMatch));
    new.price = price(4_999);
    assert!(book.submit(new, &mut out).unwrap().resting.is_some());
}

#[test]
fn an_incoming_order_can_stop_at_its_owners_own() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    book.submit(order(2, Side::Sell, 5_000, 100), &mut out).unwrap();
    let own = book.submit(order(1, Side::Sell, 5_000, 100), &mut out).unwrap().key;
    book.submit(order(3, Side::Sell, 5_000, 100), &mut out).unwrap();
    let mut new = order(1, Side::Buy, 5_000, 250);
    new.self_trade = SelfTrade::CancelTaker;
    let done = book.submit(new, &mut out).unwrap();
    assert_eq!((done.filled, done.resting), (qty(100), None));
    assert!(book.order(own).is_some() && book.qty_at(Side::Sell, price(5_000)) == qty(200));
    assert!(book.levels(Side::Buy).is_empty());
}

#[test]
fn a_changed_order_keeps_its_place_only_when_it_gets_smaller() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    let first = book.submit(order(1, Side::Buy, 5_000, 300), &mut out).unwrap().key;
    let second = book.submit(order(2, Side::Buy, 5_000, 300), &mut out).unwrap().key;
    let line = |book: &MatchingBook| -> Vec<OrderKey> {
        book.queue_at(Side::Buy, price(5_000)).into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(book.replace(first, order(1, Side::Buy, 5_000, 200), &mut out).unwrap().key, first);
    assert_eq!(line(&book), [first, second]);
    let grown = book.replace(first, order(1, Side::Buy, 5_000, 400), &mut out).unwrap().key;
    assert_eq!(line(&book), [second, grown]);
    assert_eq!(book.replace(first, order(1, Side::Buy, 5_000, 400), &mut out), Err(Refused::Gone));
    let mut bad = order(2, Side::Buy, 5_000, 100);
    bad.price = Price::ONE;
    assert_eq!(book.replace(second, bad, &mut out), Err(Refused::BadPrice));
    assert_eq!(line(&book), [second, grown], "a refused change leaves the order as it is");
    book.submit(order(3, Side::Sell, 5_200, 100), &mut out).unwrap();
    out.clear();
    let moved = book.replace(second, order(2, Side::Buy, 5_200, 150), &mut out).unwrap();
    assert_eq!(moved.filled, qty(100));
    assert_eq!(book.best(Side::Buy), Some(Level { price: price(5_200), qty: qty(50) }));
}

#[test]
fn orders_leave_when_their_time_is_over() {
    let mut book = MatchingBook::default();
    let mut out = Vec::new();
    for at in [30, 10, 20] {
        let mut new = order(1, Side::Buy, 5_000, at);
        new.expires_at = Some(Nanos(at));
        book.submit(new, &mut out).unwrap();
    }
    assert_eq!(book.next_expiry(), Some(Nanos(10)));
    assert_eq!(book.expire_one(Nanos(9), &mut out), None);
    assert_eq!(book.expire_one(Nanos(20), &mut out).unwrap().qty, qty(10));
    assert_eq!(book.expire_one(Nanos(20), &mut out).unwrap().qty, qty(20));
    assert_eq!(book.expire_one(Nanos(20), &mut out), None);
    assert_eq!(book.qty_at(Side::Buy, price(5_000)), qty(30));
}
