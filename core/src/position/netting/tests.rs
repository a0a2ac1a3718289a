use super::super::wanted::Wanted;
use super::*;
use crate::position::tests::{LAWS, buy, contracts, listing, states};
use dutchbook_book::catalog::{Catalog, EventLaw, VenueKind};
use dutchbook_book::{Face, VenueId};
use proptest::prelude::*;

/// An event of so many conditions on each of two venues; book `i` of the one, behind them those of
/// the other.
fn apart(laws: [EventLaw; 2], counts: [u32; 2]) -> Catalog {
    let mut catalog = Catalog::default();
    let kinds = [VenueKind::Polymarket, VenueKind::Kalshi];
    for ((kind, law), count) in kinds.into_iter().zip(laws).zip(counts) {
        let venue = catalog.add_venue(kind);
        let event = catalog.add_event("event", law);
        for _ in 0..count {
            let condition = catalog.add_condition(event, "condition");
            catalog.add_listing(listing(venue, kind, condition));
        }
    }
    catalog
}

fn pairs(alike: &[Alike]) -> Bonds {
    Bonds { alike: alike.to_vec(), laws: Vec::new() }
}

pub(in crate::position) fn face(book: u32, is_no: bool) -> InstrumentId {
    BookId(book).instrument(if is_no { Face::No } else { Face::Yes })
}

#[test]
fn yes_here_and_no_there_lock_what_they_leave() {
    for is_inverted in [false, true] {
        let (a, b) = (face(0, false), face(1, is_inverted));
        let mut held = Portfolio::new(&apart([EventLaw::Independent; 2], [1; 2]));
        buy(&mut held, a, 4000, 10);
        buy(&mut held, b.complement(), 5500, 10);
        assert_eq!(held.locked_profit().to_string(), "-9.5");
        held.net(&pairs(&[(a, b)]));
        assert_eq!(held.locked_profit().to_string(), "0.5");
        assert_eq!(held.event_of(BookId(1)), held.event_of(BookId(0)));
        let mut more = Wanted::default();
        more.add(&held, a, contracts(1));
        more.add(&held, b.complement(), contracts(1));
        let cost = Exact::product(Price::from_pips(9500).unwrap(), contracts(1));
        assert_eq!(held.exposure_with(EventId(0), cost, &more).to_string(), "-0.55");
        // One venue's last word makes what is held there worth what it says.
        held.decide(BookId(0), Face::No);
        assert_eq!(held.unpaid_winners(), value(contracts(10)));
        held.net(&pairs(&[]));
        assert_eq!(held.locked_profit().to_string(), "-9.5");
        assert_eq!(held.unpaid_winners(), Exact::ZERO);
    }
}

#[test]
fn venues_that_decide_otherwise_stand_for_themselves() {
    let (a, b) = (face(0, false), face(1, false));
    let mut held = Portfolio::new(&apart([EventLaw::Independent; 2], [1; 2]));
    buy(&mut held, a.complement(), 5500, 10);
    buy(&mut held, b, 4000, 10);
    held.net(&pairs(&[(a, b)]));
    held.decide(BookId(0), Face::Yes);
    assert_eq!(held.locked_profit().to_string(), "0.5");
    held.decide(BookId(0), Face::Yes);
    assert_eq!(held.locked_profit().to_string(), "0.5", "said again");
    held.decide(BookId(1), Face::No);
    assert_eq!(held.locked_profit().to_string(), "-9.5", "neither pays");
    held.decide(BookId(1), Face::Yes);
    assert_eq!(held.locked_profit().to_string(), "0.5", "taken back");
}

#[test]
fn what_contradicts_is_left_out() {
    let (a, b) = (face(0, false), face(1, false));
    let mut held = Portfolio::new(&apart([EventLaw::Independent; 2], [1; 2]));
    buy(&mut held, a, 4000, 10);
    buy(&mut held, b.complement(), 5500, 10);
    held.net(&pairs(&[(a, b), (b, a), (a, b.complement()), (a, a)]));
    assert_eq!(held.locked_profit().to_string(), "0.5");
}

/// Both venues list the same three outcomes, one of them as all that there are: the event of the
/// other moves whole, whichever was listed first. An outcome of its own keeps it apart.
#[test]
fn an_event_that_is_listed_twice_is_weighed_once() {
    let same = |b: [u32; 3]| (0..).zip(b).map(|(a, b)| (face(a, false), face(b, false)));
    // What is left of each venue's outcomes comes true together, where one of ours has to.
    for (law, two_of_three) in [(EventLaw::Exclusive, "-18"), (EventLaw::Partition, "2")] {
        let mut held = Portfolio::new(&apart([law, EventLaw::Partition], [3; 2]));
        buy(&mut held, face(0, false), 3000, 10);
        buy(&mut held, face(3, false), 3000, 10);
        buy(&mut held, face(4, false), 3000, 20);
        buy(&mut held, face(2, false), 3000, 20);
        assert!(held.locked_profit() < Exact::ZERO);
        held.net(&pairs(&same([3, 4, 5]).take(2).collect::<Vec<_>>()));
        assert_eq!(held.locked_profit().to_string(), two_of_three);
        held.net(&pairs(&same([3, 4, 5]).collect::<Vec<_>>()));
        assert_eq!(held.locked_profit().to_string(), "2");
    }
    let mut ladders = Portfolio::new(&apart([EventLaw::Ladder; 2], [3; 2]));
    buy(&mut ladders, face(0, false), 4000, 10);
    buy(&mut ladders, face(4, true), 5000, 10);
    ladders.net(&pairs(&same([3, 4, 5]).collect::<Vec<_>>()));
    assert_eq!(ladders.locked_profit().to_string(), "1", "the second rung implies the first");
    ladders.net(&pairs(&same([5, 4, 3]).collect::<Vec<_>>()));
    assert_eq!(ladders.locked_profit().to_string(), "-9");
}

proptest! {
    // Events that fit into each other are rare among random ones.
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Over every settlement that both laws and all likenesses allow, nothing is lost beyond what
    /// the weighing says; taken before or behind the fills, or taken back, it is the same.
    #[test]
    fn no_settlement_is_worse_than_what_is_weighed(
        laws in (0_usize..4, 0_usize..4),
        counts in (2_u32..=3, 2_u32..=3),
        links in prop_oneof![
            proptest::collection::vec((0_u32..3, 0_u32..3, any::<bool>()), 0..4),
            Just((0..3).map(|at| (at, at, false)).collect()),
            Just((0..3).map(|at| (at, 2 - at, false)).collect()),
        ],
        fills in proptest::collection::vec((0_u32..12, 1_u32..100, 1_u64..50), 0..12),
    ) {
        let laws = [LAWS[laws.0], LAWS[laws.1]];
        let (here, there) = counts;
        let catalog = apart(laws, [here, there]);
        // Approvals that contradict each other are refused before they come here.
        let mut kept: Vec<&(u32, u32, bool)> = Vec::new();
        for link in links.iter().filter(|(a, b, _)| *a < here && *b < there) {
            let contradicts = {
                let mut classes = Classes::apart((here + there) as usize);
                for (a, b, turns) in &kept {
                    classes.join(*a as usize, (here + *b) as usize, *turns);
                }
                let ends = [link.0, here + link.1].map(|end| classes.first(end as usize));
                let [a, b] = ends;
                a.0 == b.0 && (a.1 != b.1) != link.2
            };
            if !contradicts {
                kept.push(link);
            }
        }
        let alike: Vec<Alike> =
            kept.iter().map(|(a, b, turns)| (face(*a, false), face(here + b, *turns))).collect();
        let fills = || fills.iter().filter(|(id, ..)| *id < 2 * (here + there));
        let plain = {
            let mut held = Portfolio::new(&catalog);
            for (id, cents, count) in fills() {
                buy(&mut held, InstrumentId(*id), cents * 100, *count);
            }
            held
        };
        let mut before = Portfolio::new(&catalog);
        before.net(&pairs(&alike));
        for (id, cents, count) in fills() {
            buy(&mut before, InstrumentId(*id), cents * 100, *count);
        }
        let mut behind = plain.clone();
        behind.net(&pairs(&alike));
        prop_assert_eq!(before.locked_profit(), behind.locked_profit());
        prop_assert!(behind.locked_profit() >= plain.locked_profit());
        let all = |held: &Portfolio| [0, 1].map(|event| held.exposure(EventId(event)));
        prop_assert_eq!(all(&before), all(&behind));
        let mut back = behind.clone();
        back.net(&pairs(&[]));
        prop_assert_eq!((back.locked_profit(), all(&back)), (plain.locked_profit(), all(&plain)));

        let lists = [states(laws[0], here as usize), states(laws[1], there as usize)];
        let settled = lists[0].iter().flat_map(|a| lists[1].iter().map(move |b| [&a[..], b].concat()));
        let allowed = settled.filter(|state| {
            kept.iter().all(|(a, b, turns)| state[*a as usize] == (state[(here + *b) as usize] != *turns))
        });
        for state in allowed {
            let mut end = plain.clone();
            for (book, came_true) in (0..).zip(&state) {
                let payoff = if *came_true { Price::ONE } else { Price::ZERO };
                end.settle(BookId(book), payoff, Exact::ZERO).unwrap();
            }
            prop_assert!(end.total().realised >= behind.locked_profit());
        }
        prop_assert_eq!(behind.money(VenueId(0)), plain.money(VenueId(0)));
    }
}

/// Events of these laws and sizes, alternately on two venues; book `i` asks condition `i`.
pub(in crate::position) fn mixed(events: &[(EventLaw, usize)]) -> Catalog {
    let mut catalog = Catalog::default();
    let kinds = [VenueKind::Polymarket, VenueKind::Kalshi];
    let venues = kinds.map(|kind| (catalog.add_venue(kind), kind));
    for ((law, size), (venue, kind)) in events.iter().zip(venues.into_iter().cycle()) {
        let event = catalog.add_event("event", *law);
        for _ in 0..*size {
            let condition = catalog.add_condition(event, "condition");
            catalog.add_listing(listing(venue, kind, condition));
        }
    }
    catalog
}

fn law(law: EventLaw, outcomes: &[InstrumentId]) -> Bonds {
    Bonds { laws: vec![Bound { law, outcomes: outcomes.to_vec() }], ..Bonds::default() }
}

/// Winning takes reaching the final, on two venues, and a person has said so.
#[test]
fn what_an_approved_law_binds_is_weighed_by_it() {
    let free = EventLaw::Independent;
    let mut held = Portfolio::new(&mixed(&[(free, 2), (free, 1), (free, 1)]));
    let (reaches, wins) = (face(1, false), face(2, false));
    buy(&mut held, reaches, 6000, 10);
    buy(&mut held, wins.complement(), 3500, 10);
    buy(&mut held, face(0, false), 1000, 10);
    let apart = held.clone();
    assert_eq!(held.locked_profit().to_string(), "-10.5");
    held.net(&law(EventLaw::Ladder, &[reaches, wins]));
    assert_eq!(held.locked_profit().to_string(), "-0.5", "the third costs a dollar");
    assert_eq!(held.event_of(BookId(2)), Some(EventId(0)));
    assert_eq!(held.exposure(EventId(1)), Exact::ZERO);
    // The other way round nothing is locked.
    let mut other = apart.clone();
    other.net(&law(EventLaw::Ladder, &[wins, reaches]));
    assert_eq!(other.locked_profit().to_string(), "-10.5");
    // Said of the opposites it is the same law.
    let mut turned = apart.clone();
    turned.net(&law(EventLaw::Ladder, &[wins.complement(), reaches.complement()]));
    assert_eq!(turned.locked_profit().to_string(), "-0.5");
    turned.decide(BookId(2), Face::Yes);
    assert_eq!(turned.locked_profit().to_string(), "-10.5", "one of the two has failed");
    turned.decide(BookId(1), Face::Yes);
    assert_eq!(turned.locked_profit().to_string(), "-0.5");
    assert_eq!(turned.unpaid_winners(), value(contracts(10)));
    held.net(&Bonds::default());
    assert_eq!(held.locked_profit(), apart.locked_profit());
    assert_eq!(held.event_of(BookId(2)), Some(EventId(1)));
}

#[test]
fn a_question_that_an_outcome_decides_is_weighed_with_its_event() {
    let events = [(EventLaw::Exclusive, 2), (EventLaw::Independent, 1), (EventLaw::Exclusive, 1)];
    let mut held = Portfolio::new(&mixed(&events));
    buy(&mut held, face(0, true), 6000, 10);
    buy(&mut held, face(2, false), 3500, 10);
    held.net(&law(EventLaw::Ladder, &[face(2, false), face(0, false)]));
    assert_eq!(held.locked_profit().to_string(), "0.5");
    assert_eq!(held.event_of(BookId(2)), Some(EventId(0)));
    // What a person says between the events of two venues, and of more than two at once, is left out.
    for other in [
        law(EventLaw::Ladder, &[face(3, false), face(0, false)]),
        law(EventLaw::Exclusive, &[face(0, false), face(2, true), face(1, false)]),
    ] {
        held.net(&other);
        assert_eq!(held.locked_profit().to_string(), "-9.5");
        assert_eq!(held.event_of(BookId(2)), Some(EventId(1)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Over every settlement that the venues' events, what is alike and the approved laws allow,
    /// nothing is lost beyond what the weighing says, and nothing is weighed worse than apart.
    #[test]
    fn no_settlement_that_approved_laws_allow_is_worse_than_what_is_weighed(
        events in proptest::collection::vec(
            (prop_oneof![2 => Just(0_usize), 1 => 1_usize..4], 1_usize..=3), 2..=5),
        links in proptest::collection::vec((0_u32..8, 0_u32..8, any::<bool>()), 0..3),
        laws in proptest::collection::vec(
            (1_usize..4, proptest::collection::vec((0_u32..8, any::<bool>()), 2..=3)), 1..4),
        fills in proptest::collection::vec((0_u32..16, 1_u32..100, 1_u64..50), 0..12),
        words in proptest::collection::vec((0_u32..8, any::<bool>()), 0..3),
    ) {
        let events: Vec<_> = events.into_iter().map(|(law, size)| (LAWS[law], size)).collect();
        let catalog = mixed(&events);
        let count = u32::try_from(catalog.listings.len()).unwrap().min(8);
        let is_listed = |book: &u32| *book < count;
        let mut bonds = Bonds::default();
        for (a, b, turns) in links.iter().filter(|(a, b, _)| is_listed(a) && is_listed(b)) {
            bonds.alike.push((face(*a, false), face(*b, *turns)));
        }
        for (law, claims) in &laws {
            if claims.iter().all(|(book, _)| is_listed(book)) {
                let outcomes = claims.iter().map(|(book, is_no)| face(*book, *is_no)).collect();
                bonds.laws.push(Bound { law: LAWS[*law], outcomes });
            }
        }
        let pays = |state: &[bool], id: InstrumentId| {
            state[id.book().index()] == (id.face() == Face::Yes)
        };
        let by_venues = events.iter().fold(vec![Vec::new()], |all: Vec<Vec<bool>>, (law, size)| {
            let own = states(*law, *size);
            all.iter().flat_map(|state| own.iter().map(move |own| [&state[..], own].concat())).collect()
        });
        let allowed: Vec<_> = by_venues.into_iter().filter(|state| {
            let is_alike = |&(a, b): &Alike| pays(state, a) == pays(state, b);
            let is_lawful = |bound: &Bound| {
                let now: Vec<bool> = bound.outcomes.iter().map(|&id| pays(state, id)).collect();
                states(bound.law, now.len()).contains(&now)
            };
            bonds.alike.iter().all(is_alike) && bonds.laws.iter().all(is_lawful)
        }).collect();
        // Approvals that leave no state are refused before they come here.
        prop_assume!(!allowed.is_empty());
        let fill = |held: &mut Portfolio| {
            let all = fills.iter().filter(|(id, ..)| is_listed(&(id / 2)));
            all.for_each(|(id, cents, count)| buy(held, InstrumentId(*id), cents * 100, *count));
        };
        let mut plain = Portfolio::new(&catalog);
        fill(&mut plain);
        let mut before = Portfolio::new(&catalog);
        before.net(&bonds);
        fill(&mut before);
        let mut behind = plain.clone();
        behind.net(&bonds);
        let all = |held: &Portfolio| {
            let events = (0..u32::try_from(events.len()).unwrap()).map(EventId);
            events.map(|event| held.exposure(event)).collect::<Vec<_>>()
        };
        prop_assert_eq!(all(&before), all(&behind));
        prop_assert!(behind.locked_profit() >= plain.locked_profit());
        let check = |held: &Portfolio, state: &[bool]| {
            let mut end = plain.clone();
            for (book, came_true) in (0..).zip(state) {
                let payoff = if *came_true { Price::ONE } else { Price::ZERO };
                end.settle(BookId(book), payoff, Exact::ZERO).unwrap();
            }
            end.total().realised >= held.locked_profit()
        };
        for state in &allowed {
            prop_assert!(check(&behind, state), "{:?}", state);
        }
        // The venues' last words, and the states that they leave.
        let mut told = behind.clone();
        let words: Vec<_> = words.into_iter().filter(|(book, _)| is_listed(book)).collect();
        for (book, is_yes) in &words {
            told.decide(BookId(*book), if *is_yes { Face::Yes } else { Face::No });
        }
        let is_told = |state: &&Vec<bool>| words.iter().all(|(book, yes)| state[*book as usize] == *yes);
        for state in allowed.iter().filter(is_told) {
            prop_assert!(check(&told, state), "{:?} told {:?}", state, words);
        }
        let mut back = behind.clone();
        back.net(&Bonds::default());
        prop_assert_eq!((back.locked_profit(), all(&back)), (plain.locked_profit(), all(&plain)));
    }
}
