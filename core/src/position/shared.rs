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

use super::laws::is_contradicted;
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
    let mut partners: BTreeMap<usize, usize> = BTreeMap::new();
    for event in alike.keys().flatten() {
        *partners.entry(*event).or_default() += 1;
    }
    for (&[a, b], twins) in alike {
        let Some((one, other)) = events.get(a).zip(events.get(b)) else { continue };
        let weight = |at, event: &EventAccount| (partners.get(&at), event.conditions.len());
        let (key, pair, twins) = if weight(b, other) > weight(a, one) {
            let twins = twins.iter().map(|&[one, other]| [other, one]).collect();
            ([b, a], [other, one], twins)
        } else {
            ([a, b], [one, other], twins.clone())
        };
        common.extend(in_common(pair, twins).map(|twins| (key, twins)));
    }
    common.sort_by_key(|(key, twins)| (core::cmp::Reverse(twins.len()), *key));
    let mut parties: BTreeMap<usize, Party> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for ([host, guest], twins) in common {
        let is_guest = taken.contains(&host) && !parties.contains_key(&host);
        if is_guest || taken.contains(&guest) {
            continue;
        }
        let party = parties.entry(host).or_insert(Party { host, guests: Vec::new() });
        if party.guests.len() < GUESTS_MAX {
            party.guests.push((guest, twins));
            taken.extend([host, guest]);
        }
    }
    parties.into_values().collect()
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

    /// Whether last words cannot be beside each other here: of one event, or of a guest beside its host.
    /// (A question that an outcome decides is worth what its own word says, whatever that outcome's is.)
    pub(super) fn is_contradicted(&self, told: impl Fn(usize) -> Option<bool>) -> bool {
        let law = |may_fail| match (self.is_ladder, may_fail) {
            (true, _) => EventLaw::Ladder,
            (false, true) => EventLaw::Exclusive,
            (false, false) => EventLaw::Partition,
        };
        let guest = |(guest, bit): (&Guest, u8)| {
            let shared = self.host.iter().filter(|outcome| outcome.guests >> bit & 1 == 1);
            let shared = shared.map(|outcome| Some(told(outcome.condition)));
            // Before each part of a ladder stands a shared rung, but for the first; the order of a
            // choice does not matter.
            let before = core::iter::once(None).chain(shared);
            let parts = guest.parts.iter().map(Some).chain(core::iter::repeat(None));
            let words = before.zip(parts).flat_map(|(word, part)| {
                word.into_iter().chain(part.into_iter().flatten().map(|one| told(*one)))
            });
            is_contradicted(law(guest.may_fail), words)
        };
        is_contradicted(law(self.may_fail), self.host.iter().map(|outcome| told(outcome.condition)))
            || self.guests.iter().zip(0..).any(guest)
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
mod tests;
