//! Events of several venues that share outcomes: one host and its guests, weighed over the states that
//! all of their laws leave together; and questions without a law that say something of an outcome.
//!
//! What a guest shares with its host is weighed as the host's. What it has of its own can come true
//! where no shared outcome does: beside an outcome of the host's that the guest does not list, or in a
//! ladder between two rungs that both list. So the worst state is the worst outcome of the host with
//! the worst that each guest may add to it, in one pass over all outcomes. A question that implies an
//! outcome, is implied by it or excludes it is free but where that outcome decides it.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::Exact;
use dutchbook_book::catalog::EventLaw;

use super::{EventAccount, Sides};

/// Most guests of one host; what is left counts by itself. They are weighed without memory of their own.
const GUESTS_MAX: usize = 4;

/// An outcome of the host, the guests that share it, a bit for each, and what it decides beside them.
#[derive(Clone, Debug)]
struct Outcome {
    condition: usize,
    guests: u8,
    leaves: Vec<Leaf>,
}

/// A question without a law.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    condition: usize,
    /// Where the outcome comes true, then where it does not.
    may: [May; 2],
}

/// How a question may turn out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct May {
    pub(super) come_true: bool,
    pub(super) fail: bool,
}

impl May {
    /// The lowest change from failing, of one that changes by so much where it comes true.
    const fn lowest(self, change: i128) -> i128 {
        match (self.come_true, self.fail) {
            (true, true) if change > 0 => 0,
            (true, _) => change,
            (false, _) => 0,
        }
    }
}

/// What a guest does not share.
#[derive(Clone, Debug)]
struct Guest {
    /// Its own outcomes; of a ladder those below its first shared rung, then those above each.
    parts: Vec<Vec<usize>>,
    /// Whether none of its outcomes may come true.
    may_fail: bool,
}

impl Guest {
    fn part(&self, index: usize) -> &[usize] {
        self.parts.get(index).map_or(&[], Vec::as_slice)
    }
}

/// Events that share outcomes.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    host: Vec<Outcome>,
    is_ladder: bool,
    may_fail: bool,
    guests: Vec<Guest>,
}

/// The same condition of two events.
pub(super) type Twins = [usize; 2];

/// Which events share what: a host, and its guests with what each has in common with it, the host's
/// condition first.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) host: usize,
    pub(super) guests: Vec<(usize, Vec<Twins>)>,
}

/// Brings events together that have outcomes in common, by `alike`: pairs of events, each with the
/// conditions that they share. Those that share most come first; of two events that one is the host
/// which shares with more of them, then the larger.
pub(super) fn parties(
    events: &[EventAccount],
    alike: &BTreeMap<[usize; 2], Vec<Twins>>,
) -> Vec<Party> {
    let mut common: Vec<([usize; 2], Vec<Twins>)> = Vec::new();
    let partners = |event: usize| alike.keys().filter(|key| key.contains(&event)).count();
    for (&[a, b], twins) in alike {
        let Some((one, other)) = events.get(a).zip(events.get(b)) else { continue };
        let weight = |at, event: &EventAccount| (partners(at), event.conditions.len());
        let (key, pair, twins) = if weight(b, other) > weight(a, one) {
            let twins = twins.iter().map(|&[one, other]| [other, one]).collect();
            ([b, a], [other, one], twins)
        } else {
            ([a, b], [one, other], twins.clone())
        };
        common.extend(in_common(pair, twins).map(|twins| (key, twins)));
    }
    common.sort_by_key(|(key, twins)| (core::cmp::Reverse(twins.len()), *key));
    let mut parties: Vec<Party> = Vec::new();
    let mut taken = BTreeSet::new();
    for ([host, guest], twins) in common {
        let party = parties.iter_mut().find(|party| party.host == host);
        if taken.contains(&guest) || (party.is_none() && taken.contains(&host)) {
            continue;
        }
        match party {
            Some(party) if party.guests.len() < GUESTS_MAX => party.guests.push((guest, twins)),
            Some(_) => continue,
            None => parties.push(Party { host, guests: vec![(guest, twins)] }),
        }
        taken.extend([host, guest]);
    }
    parties
}

/// What two events share, each outcome once; `None` where their laws do not go together, or their
/// rungs climb otherwise.
fn in_common([host, guest]: [&EventAccount; 2], twins: Vec<Twins>) -> Option<Vec<Twins>> {
    let is_one_of = |law| matches!(law, EventLaw::Partition | EventLaw::Exclusive);
    let is_ladder = host.law == EventLaw::Ladder && guest.law == EventLaw::Ladder;
    let is_choice = is_one_of(host.law) && is_one_of(guest.law);
    if !is_ladder && !is_choice {
        return None;
    }
    let (mut seen, mut shared) = (BTreeSet::new(), Vec::new());
    for twins in twins {
        if twins.iter().all(|condition| !seen.contains(condition)) {
            seen.extend(twins);
            shared.push(twins);
        }
    }
    let place = |event: &EventAccount, condition| {
        event.conditions.iter().position(|own| *own == condition).unwrap_or(usize::MAX)
    };
    shared.sort_by_key(|[own, _]| place(host, *own));
    let climbs = shared.is_sorted_by_key(|[_, other]| place(guest, *other));
    (!shared.is_empty() && (climbs || !is_ladder)).then_some(shared)
}

impl Shared {
    /// The events of a party, by the host's conditions where an outcome is shared.
    pub(super) fn of(events: &[EventAccount], party: &Party) -> Option<Self> {
        let host = events.get(party.host)?;
        let is_ladder = host.law == EventLaw::Ladder;
        let outcome = |&condition: &usize| {
            let shares = |twins: &[Twins]| twins.iter().any(|[own, _]| *own == condition);
            let guests = party.guests.iter().zip(0..);
            let guests = guests.filter(|((_, twins), _)| shares(twins));
            let guests = guests.fold(0, |mask, (_, bit)| mask | 1_u8 << bit);
            Outcome { condition, guests, leaves: Vec::new() }
        };
        let guest = |(guest, twins): &(usize, Vec<Twins>)| {
            let account = events.get(*guest)?;
            let mut parts = vec![Vec::new()];
            for &condition in &account.conditions {
                match twins.iter().any(|[_, other]| *other == condition) {
                    true if is_ladder => parts.push(Vec::new()),
                    true => {}
                    false => parts.last_mut()?.push(condition),
                }
            }
            Some(Guest { parts, may_fail: account.law != EventLaw::Partition })
        };
        Some(Self {
            host: host.conditions.iter().map(outcome).collect(),
            is_ladder,
            may_fail: host.law != EventLaw::Partition,
            guests: party.guests.iter().map(guest).collect::<Option<_>>()?,
        })
    }

    /// Every condition that is weighed here.
    pub(super) fn conditions(&self) -> impl Iterator<Item = usize> + '_ {
        let guests = self.guests.iter().flat_map(|guest| guest.parts.iter().flatten().copied());
        let leaves = self.leaves().map(|leaf| leaf.condition);
        self.host.iter().map(|outcome| outcome.condition).chain(guests).chain(leaves)
    }

    fn leaves(&self) -> impl Iterator<Item = &Leaf> + '_ {
        self.host.iter().flat_map(|outcome| &outcome.leaves)
    }

    /// Adds a question without a law that an outcome of the host decides, where it comes true or where it
    /// does not; whether the host has that outcome.
    pub(super) fn hang(&mut self, outcome: usize, condition: usize, may: [May; 2]) -> bool {
        let found = self.host.iter_mut().find(|own| own.condition == outcome);
        found.map(|own| own.leaves.push(Leaf { condition, may })).is_some()
    }

    /// The smallest payoff over all states.
    pub(super) fn worst(&self, sides: impl Fn(usize) -> Sides) -> Exact {
        let none = self
            .conditions()
            .fold(0_i128, |sum, condition| sum.saturating_add(sides(condition).no.pico()));
        let change = |condition: usize| sides(condition).change();
        let lowest = if self.is_ladder { self.climb(change) } else { self.one_of(change) };
        Exact::from_pico(none.saturating_add(lowest))
    }

    /// At most one outcome of each event: the lowest change from none of them coming true.
    fn one_of(&self, change: impl Fn(usize) -> i128) -> i128 {
        let mut apart = [None; GUESTS_MAX];
        for (slot, guest) in apart.iter_mut().zip(&self.guests) {
            let own = guest.parts.iter().flatten().map(|&condition| change(condition));
            *slot = own.chain(guest.may_fail.then_some(0)).min();
        }
        // A guest that shares what came true has no other outcome; one that does not has one of its
        // own, or none where it may fail.
        let beside = |shared: u8, own: i128| {
            let guests = apart.iter().zip(&self.guests).zip(0..);
            let others = guests.filter(|(_, bit)| shared >> bit & 1 == 0);
            others
                .map(|((apart, _), _)| *apart)
                .try_fold(own, |sum, apart| apart.map(|apart: i128| sum.saturating_add(apart)))
        };
        let outcomes = self.host.iter().filter_map(|one| {
            let own = change(one.condition).saturating_add(turned(one, &change));
            beside(one.guests, own)
        });
        let failed = self.may_fail.then(|| beside(0, 0)).flatten();
        let lowest = outcomes.chain(failed).min().unwrap_or(0);
        lowest.saturating_add(self.hanging(change))
    }

    /// What all questions without a law come to at least while no outcome of the host is true.
    fn hanging(&self, change: impl Fn(usize) -> i128) -> i128 {
        let lowest =
            |Leaf { condition, may: [_, failed] }: &Leaf| failed.lowest(change(*condition));
        self.leaves().map(lowest).fold(0, i128::saturating_add)
    }

    /// Rungs that are passed from below: the lowest change from none being passed.
    fn climb(&self, change: impl Fn(usize) -> i128) -> i128 {
        let sum_of =
            |part: &[usize]| part.iter().map(|&one| change(one)).fold(0, i128::saturating_add);
        let lowest_of = |part: &[usize]| {
            part.iter().fold((0_i128, 0_i128), |(reached, lowest), &one| {
                let reached = reached.saturating_add(change(one));
                (reached, lowest.min(reached))
            })
        };
        // Of each guest: the part that it is in, what all parts before come to, and the lowest in it.
        let mut at = [(0_usize, 0_i128, 0_i128); GUESTS_MAX];
        for (slot, guest) in at.iter_mut().zip(&self.guests) {
            slot.2 = lowest_of(guest.part(0)).1;
        }
        let all = |at: &[(usize, i128, i128); GUESTS_MAX]| {
            at.iter().fold(0_i128, |sum, (_, _, lowest)| sum.saturating_add(*lowest))
        };
        let (mut reached, mut lowest) = (0_i128, all(&at));
        for outcome in &self.host {
            let own = change(outcome.condition).saturating_add(turned(outcome, &change));
            reached = reached.saturating_add(own);
            for ((slot, guest), bit) in at.iter_mut().zip(&self.guests).zip(0..) {
                if outcome.guests >> bit & 1 == 1 {
                    let before = slot.1.saturating_add(sum_of(guest.part(slot.0)));
                    let (_, own) = lowest_of(guest.part(slot.0 + 1));
                    *slot = (slot.0 + 1, before, before.saturating_add(own));
                }
            }
            lowest = lowest.min(reached.saturating_add(all(&at)));
        }
        lowest.saturating_add(self.hanging(change))
    }
}

/// By how much the questions that an outcome decides come to less or more once it is true.
fn turned(outcome: &Outcome, change: &impl Fn(usize) -> i128) -> i128 {
    let turned = outcome.leaves.iter().map(|Leaf { condition, may: [come_true, failed] }| {
        let change = change(*condition);
        come_true.lowest(change).saturating_sub(failed.lowest(change))
    });
    turned.fold(0, i128::saturating_add)
}

#[cfg(test)]
mod tests {
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
    fn states_of(
        events: &[(EventLaw, usize)],
        is_allowed: impl Fn(&[bool]) -> bool,
    ) -> Vec<Vec<bool>> {
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
}
