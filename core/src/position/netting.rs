//! Questions that approved relations bind: what is held of them is weighed as if one venue had said so.
//!
//! YES here and NO there pay one together whatever happens, which the law of neither event shows. So
//! a condition is weighed in the place of one that it is like, in that one's event. A condition of an
//! event without a law goes there by itself. Events with laws are weighed together where they share
//! outcomes, over the states that all of their laws leave ([`super::shared`]); with them a condition that
//! no venue binds, where a person has approved what an outcome says of it. Others that no venue binds
//! are weighed together by the laws approved between them ([`super::laws`]), in the event of the first.
//!
//! The worst state found so is never better than the true one: in every state the holdings pay exactly
//! what they pay where they are weighed, and the worst states of several events taken together are no
//! better than any state that all of them share. Nor is it ever worse than each venue by itself: what
//! is weighed together has no state that the venues do not have each by itself.
//!
//! Which relations count is said in [`super::bonds`]. Once two venues have decided otherwise, what was
//! approved is not true, and each venue stands for itself.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::catalog::EventLaw;
use dutchbook_book::{BookId, EventId, Exact, InstrumentId, Price, Qty};

use super::bonds::{Alike, Bonds, Bound};
use super::laws::{Claim, Group, groups, is_contradicted};
use super::shared::{May, Party, Shared, Twins, parties};
use super::{Asked, Portfolio, Sides, Weighed, saturating_add};

/// For each condition the one in whose place it is weighed, and whether that one comes true where it
/// does not.
#[derive(Debug)]
struct Classes(Vec<(usize, bool)>);

impl Classes {
    fn apart(conditions: usize) -> Self {
        Self((0..conditions).map(|condition| (condition, false)).collect())
    }

    fn first(&self, condition: usize) -> (usize, bool) {
        let (mut at, mut is_inverted) = (condition, false);
        while let Some(&(next, turns)) = self.0.get(at) {
            is_inverted = is_inverted != turns;
            if next == at {
                break;
            }
            at = next;
        }
        (at, is_inverted)
    }

    /// Weighs everything that is weighed in the place of this condition as its opposite.
    fn turn(&mut self, first: usize) {
        if let Some((_, turns)) = self.0.get_mut(first) {
            *turns = !*turns;
        }
    }

    /// Moves what is weighed as `from` into the place of `to`. What is there already stays.
    fn join(&mut self, from: usize, to: usize, is_inverted: bool) {
        let ((from, from_turns), (to, to_turns)) = (self.first(from), self.first(to));
        let turns = from_turns != (to_turns != is_inverted);
        if let Some(place) = self.0.get_mut(from)
            && from != to
        {
            *place = (to, turns);
        }
    }
}

/// Whether a law of two claims leaves their conditions so; the first of a ladder is the weaker.
fn can_be(law: EventLaw, claims: [&Claim; 2], now: [(usize, bool); 2]) -> bool {
    let holds = |claim: &Claim| {
        now.iter().any(|&(condition, came_true)| {
            condition == claim.condition && came_true != claim.is_inverted
        })
    };
    let [first, second] = claims.map(holds);
    match law {
        EventLaw::Independent => true,
        EventLaw::Exclusive => !(first && second),
        EventLaw::Partition => first != second,
        EventLaw::Ladder => first || !second,
    }
}

/// Two conditions that an approved relation makes alike.
#[derive(Clone, Copy, Debug)]
struct Link {
    a: Asked,
    b: Asked,
    is_inverted: bool,
    /// Whether no two last words say otherwise.
    stands: bool,
}

impl Portfolio {
    /// Weighs holdings by these bonds from now on, and no others: what was taken before is void. Walks
    /// over all books: for a start and for programs.
    pub fn net(&mut self, bonds: &Bonds) {
        self.bonds = bonds.clone();
        self.group();
    }

    /// What holdings are weighed by beside their own events.
    #[must_use]
    pub const fn bonds(&self) -> &Bonds {
        &self.bonds
    }

    /// The event in which the holdings of a book are weighed.
    #[must_use]
    pub fn event_of(&self, book: BookId) -> Option<EventId> {
        self.places.get(book.index()).map(|place| place.event)
    }

    /// Puts every book where it is weighed, and counts anew.
    pub(super) fn group(&mut self) {
        let mut events = vec![EventId(0); self.conditions.len()];
        for place in &self.places {
            if let Some(event) = events.get_mut(place.own.condition) {
                *event = place.own.event;
            }
        }
        self.bound.fill(false);
        self.events.iter_mut().for_each(|event| event.laws.clear());
        let (links, mut classes) = (self.links(), Classes::apart(self.conditions.len()));
        let told = self.told(&links);
        self.share((&links, &told), &mut classes, &mut events);
        self.join(&links, &mut classes);
        self.hang(&classes, &mut events);
        self.bind(&told, &mut classes, &mut events);
        for place in &mut self.places {
            let (condition, is_inverted) = classes.first(place.own.condition);
            place.condition = condition;
            place.event = events.get(condition).copied().unwrap_or(place.own.event);
            let own = place.own.true_face;
            place.true_face = if is_inverted { own.other() } else { own };
        }
        self.decided.fill(None);
        for (condition, word) in self.words.iter().enumerate() {
            let (first, is_inverted) = classes.first(condition);
            if let (Some(came_true), Some(slot)) = (word, self.decided.get_mut(first)) {
                *slot = Some(*came_true != is_inverted);
            }
        }
        self.recount();
    }

    /// What an instrument claims, of the condition in whose place it is weighed.
    fn claim(&self, classes: &Classes, id: InstrumentId) -> Option<Claim> {
        let own = self.places.get(id.book().index())?.own;
        let (condition, turns) = classes.first(own.condition);
        Some(Claim { condition, is_inverted: turns != (id.face() != own.true_face) })
    }

    /// Hangs conditions that no venue binds to the outcome of an event of which an approved law says
    /// something, each once: in that event they are weighed.
    fn hang(&mut self, classes: &Classes, events: &mut [EventId]) {
        let laws = self.bonds.laws.clone();
        let pairs = laws.iter().flat_map(|bound| {
            let pairs = bound.outcomes.windows(2);
            let is_pairs = bound.law == EventLaw::Ladder || bound.outcomes.len() == 2;
            pairs.filter(move |_| is_pairs).map(move |pair| (bound.law, pair))
        });
        for (law, pair) in pairs {
            let claims: Option<Vec<Claim>> =
                pair.iter().map(|id| self.claim(classes, *id)).collect();
            let Some([one, other]) = claims.as_deref() else { continue };
            let free = |claim: &Claim| {
                events.get(claim.condition).is_some_and(|event| self.is_free(*event))
            };
            let (outcome, leaf) = match [free(one), free(other)] {
                [false, true] => (one, other),
                [true, false] => (other, one),
                [true, true] | [false, false] => continue,
            };
            let may = |came_true: bool| {
                let ends =
                    |leaf_true| [(outcome.condition, came_true), (leaf.condition, leaf_true)];
                let can_be = |leaf_true| can_be(law, [one, other], ends(leaf_true));
                May { come_true: can_be(true), fail: can_be(false) }
            };
            let may = [may(true), may(false)];
            let host = events.get(outcome.condition).copied().unwrap_or_default();
            if self
                .host(host)
                .is_some_and(|shared| shared.hang(outcome.condition, leaf.condition, may))
                && let (Some(event), Some(bound)) =
                    (events.get_mut(leaf.condition), self.bound.get_mut(leaf.condition))
            {
                (*event, *bound) = (host, true);
            }
        }
    }

    /// What is weighed of an event and its guests; of one without guests it is made.
    fn host(&mut self, event: EventId) -> Option<&mut Shared> {
        let account = self.events.get(event.index())?;
        if account.laws.is_empty() {
            let party = Party { host: event.index(), guests: Vec::new() };
            let shared = Shared::of(&self.events, &party)?;
            for condition in shared.conditions() {
                if let Some(bound) = self.bound.get_mut(condition) {
                    *bound = true;
                }
            }
            self.events.get_mut(event.index())?.laws.push(Weighed::Shared(shared));
        }
        self.events.get_mut(event.index())?.laws.iter_mut().find_map(|weighed| match weighed {
            Weighed::Shared(shared) => Some(shared),
            Weighed::Law(..) => None,
        })
    }

    /// Weighs conditions that no venue binds by the laws between them, in the event of the first.
    fn bind(&mut self, told: &[Option<bool>], classes: &mut Classes, events: &mut [EventId]) {
        let claim = |id: &InstrumentId| {
            let claim = self.claim(classes, *id)?;
            let event = events.get(claim.condition)?;
            self.is_free(*event).then_some(claim)
        };
        let law = |bound: &Bound| {
            let claims = bound.outcomes.iter().map(claim).collect::<Option<_>>()?;
            Some(Group { law: bound.law, claims })
        };
        let laws: Vec<Group> = self.bonds.laws.iter().filter_map(law).collect();
        for Group { law, claims } in groups(&laws) {
            let word = |claim: &Claim| {
                let told = told.get(claim.condition).copied().flatten();
                told.map(|came_true| came_true != claim.is_inverted)
            };
            if is_contradicted(law, claims.iter().map(word)) {
                continue;
            }
            let first = claims.first().and_then(|claim| events.get(claim.condition)).copied();
            let Some(host) = first else { continue };
            for claim in &claims {
                if claim.is_inverted {
                    classes.turn(claim.condition);
                }
                if let (Some(event), Some(bound)) =
                    (events.get_mut(claim.condition), self.bound.get_mut(claim.condition))
                {
                    (*event, *bound) = (host, true);
                }
            }
            if let Some(account) = self.events.get_mut(host.index()) {
                let conditions = claims.iter().map(|claim| claim.condition).collect();
                account.laws.push(Weighed::Law(law, conditions));
            }
        }
    }

    /// What approved relations make alike, from both ends.
    fn links(&self) -> Vec<Link> {
        let own = |id: InstrumentId| self.places.get(id.book().index()).map(|one| one.own);
        let link = |&(a_id, b_id): &Alike| {
            let (a, b) = own(a_id).zip(own(b_id))?;
            let is_inverted = (a_id.face() == a.true_face) != (b_id.face() == b.true_face);
            let word = |asked: Asked| self.words.get(asked.condition).copied().flatten();
            let words = word(a).zip(word(b));
            let stands = words.is_none_or(|(a, b)| (a != b) == is_inverted);
            (a.condition != b.condition).then_some(Link { a, b, is_inverted, stands })
        };
        let links: Vec<Link> = self.bonds.alike.iter().filter_map(link).collect();
        let turned = links.iter().map(|link| Link { a: link.b, b: link.a, ..*link });
        links.iter().copied().chain(turned).collect()
    }

    fn is_free(&self, event: EventId) -> bool {
        self.events.get(event.index()).is_none_or(|one| one.law == EventLaw::Independent)
    }

    /// What the venues' last words make of every condition, those that are alike included.
    fn told(&self, links: &[Link]) -> Vec<Option<bool>> {
        let mut told = self.words.clone();
        // As often as a word goes from one venue to the next.
        loop {
            let mut is_all = true;
            for link in links.iter().filter(|link| link.stands) {
                let word = told.get(link.a.condition).copied().flatten();
                if let (Some(came_true), Some(slot @ None)) = (word, told.get_mut(link.b.condition))
                {
                    *slot = Some(came_true != link.is_inverted);
                    is_all = false;
                }
            }
            if is_all {
                return told;
            }
        }
    }

    /// Weighs events that share outcomes together, in the event of the host. Two venues that have decided
    /// one outcome otherwise may do so with all: each of their events counts by itself.
    fn share(
        &mut self,
        (links, told): (&[Link], &[Option<bool>]),
        classes: &mut Classes,
        events: &mut [EventId],
    ) {
        let mut alike: BTreeMap<[usize; 2], Vec<Twins>> = BTreeMap::new();
        let mut apart = BTreeSet::new();
        for Link { a, b, is_inverted, stands } in links {
            let key = [a.event, b.event];
            let is_bound = key.iter().all(|event| !self.is_free(*event));
            // Each link is there from both of its ends.
            if is_bound && !is_inverted && a.event < b.event {
                let key = key.map(EventId::index);
                alike.entry(key).or_default().push([a.condition, b.condition]);
                if !stands {
                    apart.insert(key);
                }
            }
        }
        alike.retain(|key, _| !apart.contains(key));
        for party in parties(&self.events, &alike) {
            let Some(shared) = Shared::of(&self.events, &party) else { continue };
            if shared.is_contradicted(|condition| told.get(condition).copied().flatten()) {
                continue;
            }
            for [own, other] in party.guests.iter().flat_map(|(_, twins)| twins) {
                classes.join(*other, *own, false);
            }
            let host = EventId(u32::try_from(party.host).unwrap_or(u32::MAX));
            for condition in shared.conditions() {
                if let (Some(event), Some(bound)) =
                    (events.get_mut(condition), self.bound.get_mut(condition))
                {
                    (*event, *bound) = (host, true);
                }
            }
            if let Some(account) = self.events.get_mut(party.host) {
                account.laws.push(Weighed::Shared(shared));
            }
        }
    }

    /// Takes conditions of events without a law to where they are said to be alike.
    fn join(&self, links: &[Link], classes: &mut Classes) {
        for Link { a, b, is_inverted, .. } in links.iter().filter(|link| link.stands) {
            let (from, _) = classes.first(b.condition);
            // One that has found its place stays there.
            if self.is_free(b.event) && from == b.condition {
                classes.join(b.condition, a.condition, *is_inverted);
            }
        }
    }

    /// Adds up by condition and event what is held.
    fn recount(&mut self) {
        self.conditions.fill(Sides::default());
        self.events.iter_mut().for_each(|event| event.committed = Exact::ZERO);
        for (index, holding) in (0..).zip(&self.holdings) {
            let id = InstrumentId(index);
            let Some(place) = self.places.get(id.book().index()) else { continue };
            if let Some(sides) = self.conditions.get_mut(place.condition) {
                let pays = sides.paying(id.face() == place.true_face);
                *pays = saturating_add(*pays, value(holding.qty));
            }
            if let Some(event) = self.events.get_mut(place.event.index()) {
                event.committed = saturating_add(event.committed, holding.cost);
            }
        }
        for event in (0..self.events.len()).filter_map(|index| u32::try_from(index).ok()) {
            self.weigh(EventId(event));
        }
    }
}

/// What so many contracts pay.
fn value(qty: Qty) -> Exact {
    Exact::product(Price::ONE, qty)
}

#[cfg(test)]
pub(super) mod tests;
