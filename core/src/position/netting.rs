//! Questions that two venues ask alike: what is held of both is weighed as if it were of one.
//!
//! YES here and NO there pay one together whatever happens, which the law of neither event shows. So
//! a condition is weighed in the place of one that it is like, in that one's event. The worst state
//! found so is never better than the true one: in every state the holdings pay exactly what they pay
//! where they are weighed, and the worst states of several events taken together are no better than
//! any state that all of them share. Nor is it ever worse than each venue by itself: a condition
//! moves alone only out of an event without a law, and an event with one moves whole.
//!
//! Only relations that may be traded count, and only those whose pairs pay one in *every* state of
//! their table: where sources may disagree, or a void pays both sides nothing, each venue stands for
//! itself. So it does once two venues have decided otherwise, whatever was approved.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::catalog::EventLaw;
use dutchbook_book::{BookId, EventId, Exact, InstrumentId, Price, Qty};

use super::{Asked, EventAccount, Portfolio, Sides, saturating_add};
use crate::relation::{Law, Relation};

/// Two instruments that pay in the same states.
pub type Alike = (InstrumentId, InstrumentId);

/// The pairs of instruments that these relations make alike.
#[must_use]
pub fn alike<'a>(relations: impl IntoIterator<Item = &'a Relation>) -> Vec<Alike> {
    let pair = |relation: &Relation| {
        let Law::Same { a, b } = relation.law else { return None };
        (relation.source.is_tradable() && is_certain(relation, a, b)).then_some((a, b))
    };
    relations.into_iter().filter_map(pair).collect()
}

/// Whether each instrument and the complement of the other pay one in every state, those included
/// that an outcome has struck out since.
fn is_certain(relation: &Relation, a: InstrumentId, b: InstrumentId) -> bool {
    let table = &relation.states;
    let pays_one = |state, x: InstrumentId, y: InstrumentId| {
        let sum = table.payoff(state, x).zip(table.payoff(state, y));
        sum.is_some_and(|(x, y)| x.micro().saturating_add(y.micro()) >= Price::ONE.micro())
    };
    let mut states = 0..table.len();
    !table.is_empty()
        && states
            .all(|state| pays_one(state, a, b.complement()) && pays_one(state, b, a.complement()))
}

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
        while let Some(&(next, turns)) = self.0.get(at)
            && next != at
        {
            (at, is_inverted) = (next, is_inverted != turns);
        }
        (at, is_inverted)
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
    /// Weighs conditions that are alike as one from now on, and no others: what was taken before is
    /// void. Walks over all books: for a start and for programs.
    pub fn net(&mut self, alike: &[Alike]) {
        alike.clone_into(&mut self.alike);
        self.group();
    }

    /// What is weighed as one.
    #[must_use]
    pub fn alike(&self) -> &[Alike] {
        &self.alike
    }

    /// The event in which the holdings of a book are weighed.
    #[must_use]
    pub fn event_of(&self, book: BookId) -> Option<EventId> {
        self.places.get(book.index()).map(|place| place.event)
    }

    /// Puts every book where it is weighed, and counts anew.
    pub(super) fn group(&mut self) {
        let classes = self.classes();
        let mut events = vec![EventId(0); self.conditions.len()];
        for place in &self.places {
            if let Some(event) = events.get_mut(place.own.condition) {
                *event = place.own.event;
            }
        }
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
        let links: Vec<Link> = self.alike.iter().filter_map(link).collect();
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
    use crate::eval::states::StateTable;
    use crate::position::tests::{LAWS, buy, contracts, listing, states};
    use crate::relation::Source;
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
            held.net(&[(a, b)]);
            assert_eq!(held.locked_profit().to_string(), "0.5");
            assert_eq!(held.event_of(BookId(1)), held.event_of(BookId(0)));
            let more = [(a, contracts(1)), (b.complement(), contracts(1))];
            let cost = Exact::product(Price::from_pips(9500).unwrap(), contracts(1));
            assert_eq!(held.exposure_with(EventId(0), cost, &more).to_string(), "-0.55");
            // One venue's last word makes what is held there worth what it says.
            held.decide(BookId(0), Face::No);
            assert_eq!(held.unpaid_winners(), value(contracts(10)));
            held.net(&[]);
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
        held.net(&[(a, b)]);
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
    fn only_what_pays_one_in_every_state_and_may_be_traded_is_alike() {
        let (a, b) = (face(0, false), face(1, false));
        let half = Price::from_pips(5000).unwrap();
        let void: Vec<_> = [a, b, a.complement(), b.complement()].map(|id| (id, half)).to_vec();
        let of = |relation: Relation| alike([&relation]);
        assert_eq!(of(Relation::same(a, b)), [(a, b)]);
        assert_eq!(of(Relation::same(a, b).with_state(&void)), [(a, b)]);
        let split = [(a, Price::ONE), (b.complement(), Price::ONE)];
        assert_eq!(of(Relation::same(a, b).with_state(&split)), []);
        assert_eq!(of(Relation::same(a, b).with_state(&[])), [], "a void that pays nothing");
        assert_eq!(of(Relation::same(a, b).from_source(Source::Nominated)), []);
        let withdrawn = Relation { states: StateTable::default(), ..Relation::same(a, b) };
        assert_eq!(of(withdrawn), []);
        assert_eq!(of(Relation::implication(a, b)), []);
    }

    #[test]
    fn what_contradicts_is_left_out() {
        let (a, b) = (face(0, false), face(1, false));
        let mut held = Portfolio::new(&apart([EventLaw::Independent; 2], [1; 2]));
        buy(&mut held, a, 4000, 10);
        buy(&mut held, b.complement(), 5500, 10);
        held.net(&[(a, b), (b, a), (a, b.complement()), (a, a)]);
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
            held.net(&same([3, 4, 5]).take(2).collect::<Vec<_>>());
            assert!(held.locked_profit() < Exact::ZERO, "the third may be another");
            held.net(&same([3, 4, 5]).collect::<Vec<_>>());
            assert_eq!(held.locked_profit().to_string(), "2");
        }
        let mut ladders = Portfolio::new(&apart([EventLaw::Ladder; 2], [3; 2]));
        buy(&mut ladders, face(0, false), 4000, 10);
        buy(&mut ladders, face(4, true), 5000, 10);
        ladders.net(&same([3, 4, 5]).collect::<Vec<_>>());
        assert_eq!(ladders.locked_profit().to_string(), "1", "the second rung implies the first");
        ladders.net(&same([5, 4, 3]).collect::<Vec<_>>());
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
            before.net(&alike);
            for (id, cents, count) in fills() {
                buy(&mut before, InstrumentId(*id), cents * 100, *count);
            }
            let mut behind = plain.clone();
            behind.net(&alike);
            prop_assert_eq!(before.locked_profit(), behind.locked_profit());
            prop_assert!(behind.locked_profit() >= plain.locked_profit());
            let all = |held: &Portfolio| [0, 1].map(|event| held.exposure(EventId(event)));
            prop_assert_eq!(all(&before), all(&behind));
            let mut back = behind.clone();
            back.net(&[]);
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
}
