//! Questions that approved relations bind: what is held of them is weighed as if one venue had said so.
//!
//! YES here and NO there pay one together whatever happens, which the law of neither event shows. So
//! a condition is weighed in the place of one that it is like, in that one's event. The worst state
//! found so is never better than the true one: in every state the holdings pay exactly what they pay
//! where they are weighed, and the worst states of several events taken together are no better than
//! any state that all of them share. Nor is it ever worse than each venue by itself: a condition
//! moves alone only out of an event without a law, and an event with one moves whole.
//!
//! Behind that, conditions that no venue binds are weighed together by the laws that a person has
//! approved between them ([`super::laws`]), in the event of the first.
//!
//! Which relations count is said in [`super::bonds`]. Once two venues have decided otherwise, what was
//! approved as alike is not, and each venue stands for itself.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::catalog::EventLaw;
use dutchbook_book::{BookId, EventId, Exact, InstrumentId, Price, Qty};

use super::bonds::{Alike, Bonds, Bound};
use super::laws::{Claim, Group, groups};
use super::{Asked, EventAccount, Portfolio, Sides, saturating_add};

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

/// Two conditions that an approved relation makes alike.
#[derive(Clone, Copy, Debug)]
struct Link {
    a: Asked,
    b: Asked,
    is_inverted: bool,
}

/// For each condition, those that pay where it pays.
type Twins = BTreeMap<usize, Vec<usize>>;

/// Whether an event may be weighed in another's place as a whole: every outcome of it is one of the
/// other's, and the states that the other leaves are among its own.
fn is_within(inner: &EventAccount, outer: &EventAccount, twins: &Twins) -> bool {
    let position = |condition: &usize| outer.conditions.iter().position(|one| one == condition);
    let place = |condition: &usize| twins.get(condition)?.iter().find_map(position);
    let Some(places) = inner.conditions.iter().map(place).collect::<Option<Vec<_>>>() else {
        return false;
    };
    match (outer.law, inner.law) {
        (EventLaw::Partition, EventLaw::Partition) => {
            is_distinct(&places) && places.len() == outer.conditions.len()
        }
        (EventLaw::Partition | EventLaw::Exclusive, EventLaw::Exclusive) => is_distinct(&places),
        (EventLaw::Ladder, EventLaw::Ladder) => places.is_sorted_by(|one, next| one < next),
        (
            EventLaw::Independent | EventLaw::Partition | EventLaw::Exclusive | EventLaw::Ladder,
            EventLaw::Independent | EventLaw::Partition | EventLaw::Exclusive | EventLaw::Ladder,
        ) => false,
    }
}

fn is_distinct(places: &[usize]) -> bool {
    places.iter().enumerate().all(|(at, place)| !places.iter().skip(at + 1).any(|p| p == place))
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
        let mut classes = self.classes();
        self.bind(&mut classes, &mut events);
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

    /// Weighs conditions that no venue binds by the laws between them, in the event of the first.
    fn bind(&mut self, classes: &mut Classes, events: &mut [EventId]) {
        self.bound.fill(false);
        self.events.iter_mut().for_each(|event| event.laws.clear());
        let claim = |id: &InstrumentId| {
            let own = self.places.get(id.book().index())?.own;
            let (condition, turns) = classes.first(own.condition);
            let is_free = events.get(condition).is_some_and(|event| self.is_free(*event));
            let is_inverted = turns != (id.face() != own.true_face);
            is_free.then_some(Claim { condition, is_inverted })
        };
        let law = |bound: &Bound| {
            let claims = bound.outcomes.iter().map(claim).collect::<Option<_>>()?;
            Some(Group { law: bound.law, claims })
        };
        let laws: Vec<Group> = self.bonds.laws.iter().filter_map(law).collect();
        for Group { law, claims } in groups(&laws) {
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
                account.laws.push((law, claims.iter().map(|claim| claim.condition).collect()));
            }
        }
    }

    /// What venues have not decided otherwise.
    fn links(&self) -> Vec<Link> {
        let own = |id: InstrumentId| self.places.get(id.book().index()).map(|one| one.own);
        let link = |&(a_id, b_id): &Alike| {
            let (a, b) = own(a_id).zip(own(b_id))?;
            let is_inverted = (a_id.face() == a.true_face) != (b_id.face() == b.true_face);
            let word = |asked: Asked| self.words.get(asked.condition).copied().flatten();
            let words = word(a).zip(word(b));
            let stands = words.is_none_or(|(a, b)| (a != b) == is_inverted);
            (stands && a.condition != b.condition).then_some(Link { a, b, is_inverted })
        };
        let links: Vec<Link> = self.bonds.alike.iter().filter_map(link).collect();
        let turned = links.iter().map(|link| Link { a: link.b, b: link.a, ..*link });
        links.iter().copied().chain(turned).collect()
    }

    fn is_free(&self, event: EventId) -> bool {
        self.events.get(event.index()).is_none_or(|one| one.law == EventLaw::Independent)
    }

    /// Where each condition is weighed. A condition of an event without a law goes to any other; one of
    /// an event with a law goes only with all of that event, so that no law holds of less than before.
    fn classes(&self) -> Classes {
        let links = self.links();
        let mut twins = Twins::new();
        for link in links.iter().filter(|link| !link.is_inverted) {
            twins.entry(link.b.condition).or_default().push(link.a.condition);
        }
        let mut classes = Classes::apart(self.conditions.len());
        self.move_events(&links, &twins, &mut classes);
        for Link { a, b, is_inverted } in links {
            let (from, _) = classes.first(b.condition);
            // Two laws cannot both be weighed whole: one that has found its place stays there.
            if self.is_free(b.event) && from == b.condition {
                classes.join(b.condition, a.condition, is_inverted);
            }
        }
        classes
    }

    /// Moves events that are within another: no event twice, none that is another's place.
    fn move_events(&self, links: &[Link], twins: &Twins, classes: &mut Classes) {
        let mut tried = BTreeSet::new();
        let (mut moved, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for Link { a, b, .. } in links {
            let (outer, inner) = (a.event.0, b.event.0);
            let is_open =
                !hosts.contains(&inner) && !moved.contains(&outer) && !moved.contains(&inner);
            if outer == inner || !is_open || !tried.insert((outer, inner)) {
                continue;
            }
            let pair = self.events.get(a.event.index()).zip(self.events.get(b.event.index()));
            let Some((outer_event, inner_event)) = pair else { continue };
            if !is_within(inner_event, outer_event, twins) {
                continue;
            }
            moved.insert(inner);
            hosts.insert(outer);
            for &condition in &inner_event.conditions {
                let twins = twins.get(&condition).into_iter().flatten();
                let mut twins = twins.filter(|twin| outer_event.conditions.contains(*twin));
                if let Some(twin) = twins.next() {
                    classes.join(condition, *twin, false);
                }
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
mod tests {
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

    fn face(book: u32, is_no: bool) -> InstrumentId {
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
            let more = [(a, contracts(1)), (b.complement(), contracts(1))];
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
        for laws in [EventLaw::Exclusive, EventLaw::Partition] {
            let laws = [laws, EventLaw::Partition];
            let mut held = Portfolio::new(&apart(laws, [3; 2]));
            buy(&mut held, face(0, false), 3000, 10);
            buy(&mut held, face(3, false), 3000, 10);
            buy(&mut held, face(4, false), 3000, 20);
            buy(&mut held, face(2, false), 3000, 20);
            assert!(held.locked_profit() < Exact::ZERO);
            held.net(&pairs(&same([3, 4, 5]).take(2).collect::<Vec<_>>()));
            assert!(held.locked_profit() < Exact::ZERO, "the third may be another");
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
    fn mixed(events: &[(EventLaw, usize)]) -> Catalog {
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
    fn a_law_over_what_a_venue_binds_is_left_to_the_venue() {
        let events = [(EventLaw::Exclusive, 2), (EventLaw::Independent, 1)];
        let mut held = Portfolio::new(&mixed(&events));
        buy(&mut held, face(0, true), 6000, 10);
        buy(&mut held, face(2, false), 3500, 10);
        held.net(&law(EventLaw::Ladder, &[face(2, false), face(0, false)]));
        assert_eq!(held.locked_profit().to_string(), "-9.5");
        assert_eq!(held.event_of(BookId(2)), Some(EventId(1)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Over every settlement that the venues' events, what is alike and the approved laws allow,
        /// nothing is lost beyond what the weighing says, and nothing is weighed worse than apart.
        #[test]
        fn no_settlement_that_approved_laws_allow_is_worse_than_what_is_weighed(
            events in proptest::collection::vec(
                (prop_oneof![3 => Just(0_usize), 1 => 1_usize..4], 1_usize..=3), 2..=5),
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
                let events = (0..events.len() as u32).map(EventId);
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
}
