use super::*;
use crate::position::Portfolio;
use crate::position::bonds::{Bonds, Bound};
use crate::position::netting::tests::{face, mixed};
use crate::position::tests::{LAWS, buy, states};
use dutchbook_book::{BookId, Face, InstrumentId, Price};
use proptest::prelude::*;

const ONE_OF: [EventLaw; 2] = [EventLaw::Exclusive, EventLaw::Partition];

fn alike(pairs: &[(u32, u32)]) -> Bonds {
    let pair = |&(a, b): &(u32, u32)| (face(a, false), face(b, false));
    Bonds { alike: pairs.iter().map(pair).collect(), ..Bonds::default() }
}

/// Five candidates here, three there, of which two are the same: YES here and NO there lock what
/// they leave, and so they do beside a candidate that only one venue lists.
#[test]
fn events_that_share_some_outcomes_lock_what_is_held_of_both() {
    let events = [(EventLaw::Partition, 5), (EventLaw::Exclusive, 3)];
    let mut held = Portfolio::new(&mixed(&events));
    buy(&mut held, face(1, false), 3000, 10);
    buy(&mut held, face(6, true), 6500, 10);
    assert_eq!(held.locked_profit().to_string(), "-9.5");
    held.net(&alike(&[(1, 6), (3, 7)]));
    assert_eq!(held.locked_profit().to_string(), "0.5");
    buy(&mut held, face(5, true), 5000, 10);
    assert_eq!(held.locked_profit().to_string(), "-4.5", "theirs alone comes true");
    buy(&mut held, face(0, true), 9000, 10);
    assert_eq!(held.locked_profit().to_string(), "-13.5", "and beside it ours alone");
    assert_eq!(held.exposure(dutchbook_book::EventId(1)), Exact::ZERO);
}

/// Once the last words of two venues cannot be beside each other, what was approved is not true: each
/// counts by itself, and together again when one takes its word back.
#[test]
fn venues_whose_words_contradict_each_other_are_weighed_apart() {
    let choice = [(EventLaw::Partition, 3), (EventLaw::Partition, 3)];
    let ladder = [(EventLaw::Ladder, 3), (EventLaw::Ladder, 3)];
    let free = [(EventLaw::Exclusive, 2), (EventLaw::Independent, 1), (EventLaw::Independent, 1)];
    let four = [(EventLaw::Independent, 4)];
    let law = |law, outcomes: &[InstrumentId]| Bonds {
        laws: vec![Bound { law, outcomes: outcomes.to_vec() }],
        ..Bonds::default()
    };
    let said = |kind, outcomes: [u32; 2]| law(kind, &outcomes.map(|book| face(book, false)));
    let [is, is_not] = [false, true].map(|is_no| move |book| face(book, is_no));
    type Case<'a> = (&'a [(EventLaw, usize)], Bonds, &'a [(u32, Face)]);
    let (yes, no) = (Face::Yes, Face::No);
    let cases: [Case<'_>; 11] = [
        // The same outcome otherwise; ours, where theirs is one that we do not list; none of ours.
        (&choice, alike(&[(0, 3), (1, 4)]), &[(0, yes), (3, no)]),
        (&choice, alike(&[(0, 3), (1, 4)]), &[(0, yes), (5, yes)]),
        (&choice, alike(&[(0, 3), (1, 4)]), &[(0, no), (4, no), (2, no)]),
        // A rung below a shared one that has failed, and above one that was passed.
        (&ladder, alike(&[(1, 4)]), &[(4, yes), (0, no)]),
        (&ladder, alike(&[(1, 4)]), &[(1, no), (5, yes)]),
        // What an outcome decides, and what is approved between two that no venue binds.
        (&free, said(EventLaw::Ladder, [2, 0]), &[(2, no), (0, yes)]),
        (&free, said(EventLaw::Exclusive, [1, 3]), &[(1, yes), (3, yes)]),
        (&free, said(EventLaw::Ladder, [2, 3]), &[(2, no), (3, yes)]),
        // Nor does the rest of a law stand, of which two have come true, or one has out of turn.
        (&four, law(EventLaw::Exclusive, &[2, 3, 0, 1].map(is)), &[(0, yes), (1, yes)]),
        (&four, law(EventLaw::Exclusive, &[2, 3, 0, 1].map(is_not)), &[(0, no), (1, no)]),
        (&four, law(EventLaw::Ladder, &[is_not(0), is(2), is(3), is(1)]), &[(0, yes), (1, yes)]),
    ];
    for (events, bonds, words) in cases {
        let catalog = mixed(events);
        let mut plain = Portfolio::new(&catalog);
        for id in 0..2 * u32::try_from(catalog.listings.len()).unwrap() {
            buy(&mut plain, InstrumentId(id), 4000, u64::from(3 + id * 7 % 5));
        }
        // And something that the bonds lock.
        let locked = bonds.alike.iter().map(|(a, b)| [*a, b.complement()]);
        let locked = locked.chain(bonds.laws.iter().map(|bound| match bound.law {
            EventLaw::Ladder => {
                let at = bound.outcomes.len() / 3;
                [bound.outcomes[at], bound.outcomes[at + 1].complement()]
            }
            EventLaw::Independent | EventLaw::Exclusive | EventLaw::Partition => {
                [bound.outcomes[0].complement(), bound.outcomes[1].complement()]
            }
        }));
        locked.flatten().for_each(|id| buy(&mut plain, id, 4000, 100));
        let mut held = plain.clone();
        held.net(&bonds);
        assert!(held.locked_profit() > plain.locked_profit(), "{bonds:?}");
        for (book, winner) in words {
            plain.decide(BookId(*book), *winner);
            held.decide(BookId(*book), *winner);
        }
        assert_eq!(held.locked_profit(), plain.locked_profit(), "{bonds:?} {words:?}");
        let (book, winner) = words[words.len() - 1];
        held.decide(BookId(book), winner.other());
        assert!(!held.is_contradicted(held.event_of(BookId(book)).unwrap()));
        let mut again = plain.clone();
        again.decide(BookId(book), winner.other());
        again.net(&bonds);
        assert_eq!(held.locked_profit(), again.locked_profit());
    }
}

#[test]
fn a_host_has_as_many_guests_as_there_is_room_for() {
    let events: Vec<_> = [(EventLaw::Partition, 6)]
        .into_iter()
        .chain((0..6).map(|_| (EventLaw::Exclusive, 1)))
        .collect();
    let mut held = Portfolio::new(&mixed(&events));
    let pairs: Vec<_> = (0..6).map(|at| (at, 6 + at)).collect();
    for &(a, b) in &pairs {
        buy(&mut held, face(a, false), 1000, 10);
        buy(&mut held, face(b, true), 8000, 10);
    }
    held.net(&alike(&pairs));
    // Four pairs are locked at 0.90; of the others either side may be all that pays.
    let apart = held.locked_profit();
    held.net(&alike(&pairs[..GUESTS_MAX]));
    assert_eq!(held.locked_profit(), apart);
    let guests = |held: &Portfolio| {
        (0..6).filter(|at| held.event_of(BookId(6 + at)) == held.event_of(BookId(0))).count()
    };
    assert_eq!(guests(&held), GUESTS_MAX);
}

/// Every state of these events in which a test holds.
fn states_of(events: &[(EventLaw, usize)], is_allowed: impl Fn(&[bool]) -> bool) -> Vec<Vec<bool>> {
    let all = events.iter().fold(vec![Vec::new()], |all: Vec<Vec<bool>>, (law, size)| {
        let own = states(*law, *size);
        let with = |state: &Vec<bool>| {
            own.iter().map(|own| [&state[..], own].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(with).collect()
    });
    all.into_iter().filter(|state| is_allowed(state)).collect()
}

/// The worst that these settlements make of what is held.
fn worst_settlement(held: &Portfolio, states: &[Vec<bool>]) -> Option<Exact> {
    let settled = states.iter().map(|state| {
        let mut end = held.clone();
        for (book, came_true) in (0..).zip(state) {
            let payoff = if *came_true { Price::ONE } else { Price::ZERO };
            end.settle(BookId(book), payoff, Exact::ZERO).unwrap();
        }
        end.total().realised
    });
    settled.min()
}

fn fill(held: &mut Portfolio, fills: &[(u32, u32, u64)], books: usize) {
    for (id, cents, count) in fills {
        if *id < 2 * u32::try_from(books).unwrap() {
            buy(held, InstrumentId(*id), cents * 100, *count);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// What is weighed of an event and of the questions that it decides is the worst settlement, to
    /// the last digit.
    #[test]
    fn the_worst_of_questions_that_an_outcome_decides_is_their_worst_settlement(
        law in 1_usize..4,
        size in 1_u32..=4,
        said in proptest::collection::vec((1_usize..4, 0_u32..4, any::<[bool; 3]>()), 1..=3),
        fills in proptest::collection::vec((0_u32..14, 1_u32..100, 1_u64..50), 0..14),
    ) {
        let free = (0..said.len()).map(|_| (EventLaw::Independent, 1));
        let events: Vec<_> = [(LAWS[law], size as usize)].into_iter().chain(free).collect();
        let catalog = mixed(&events);
        let laws = said.iter().zip(size..).map(|((law, outcome, [a, b, is_turned]), leaf)| {
            let ends = [(outcome % size, *a), (leaf, *b)].map(|(book, is_no)| face(book, is_no));
            let [one, other] = ends;
            let outcomes = if *is_turned { vec![other, one] } else { vec![one, other] };
            Bound { law: LAWS[*law], outcomes }
        });
        let bonds = Bonds { laws: laws.collect(), ..Bonds::default() };
        let pays = |state: &[bool], id: InstrumentId| state[id.book().index()] == (id.face() == Face::Yes);
        let allowed = states_of(&events, |state| bonds.laws.iter().all(|bound| {
            let now: Vec<bool> = bound.outcomes.iter().map(|id| pays(state, *id)).collect();
            states(bound.law, 2).contains(&now)
        }));
        let mut held = Portfolio::new(&catalog);
        fill(&mut held, &fills, catalog.listings.len());
        let worst = worst_settlement(&held, &allowed);
        held.net(&bonds);
        prop_assert_eq!(Some(held.locked_profit()), worst);
    }

    /// Hosts that would share a guest, and a guest that would be a host.
    #[test]
    fn an_event_is_weighed_in_one_place(
        law in 1_usize..3,
        fills in proptest::collection::vec((0_u32..28, 1_u32..100, 1_u64..50), 0..20),
    ) {
        let law = LAWS[law];
        let one = (EventLaw::Exclusive, 1);
        let events = [(law, 3), (law, 3), (law, 2), one, one, one, one, one];
        let pairs = [(0, 6), (3, 7), (1, 8), (2, 9), (4, 10), (5, 11), (7, 12)];
        let catalog = mixed(&events);
        let allowed = states_of(&events, |state| {
            pairs.iter().all(|(a, b)| state[*a as usize] == state[*b as usize])
        });
        let mut held = Portfolio::new(&catalog);
        fill(&mut held, &fills, catalog.listings.len());
        let (plain, worst) = (held.locked_profit(), worst_settlement(&held, &allowed));
        held.net(&alike(&pairs));
        prop_assert!(worst.is_none_or(|worst| held.locked_profit() <= worst));
        prop_assert!(held.locked_profit() >= plain);
    }

    /// What is weighed of a host and its guests is the worst settlement that all laws and all
    /// likenesses allow, to the last digit.
    #[test]
    fn the_worst_of_events_that_share_is_their_worst_settlement(
        is_ladder: bool,
        laws in proptest::collection::vec(0_usize..2, 3),
        sizes in proptest::collection::vec(1_u32..=4, 2..=3),
        picks in proptest::collection::vec(proptest::collection::vec((any::<bool>(), 0_u32..4), 4), 2),
        fills in proptest::collection::vec((0_u32..24, 1_u32..100, 1_u64..50), 0..14),
    ) {
        let law = |at: usize| if is_ladder { EventLaw::Ladder } else { ONE_OF[laws[at]] };
        let events: Vec<_> = sizes.iter().enumerate().map(|(at, size)| (law(at), *size as usize)).collect();
        let catalog = mixed(&events);
        let starts: Vec<u32> = sizes.iter().scan(0, |next, size| { *next += size; Some(*next - size) }).collect();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for ((start, size), picks) in starts.iter().zip(&sizes).skip(1).zip(&picks) {
            let mut last = None;
            for (own, (is_shared, other)) in (0..sizes[0]).zip(picks) {
                let is_new = |pair: &(u32, u32)| pair.1 != start + other;
                let climbs = !is_ladder || last.is_none_or(|last| last < other);
                if *is_shared && other < size && climbs && pairs.iter().all(is_new) {
                    pairs.push((own, start + other));
                    last = Some(other);
                }
            }
        }
        let allowed = states_of(&events, |state| {
            pairs.iter().all(|(a, b)| state[*a as usize] == state[*b as usize])
        });
        prop_assume!(!allowed.is_empty());
        let mut held = Portfolio::new(&catalog);
        fill(&mut held, &fills, catalog.listings.len());
        let worst = worst_settlement(&held, &allowed);
        held.net(&alike(&pairs));
        prop_assert_eq!(Some(held.locked_profit()), worst);
    }
}
