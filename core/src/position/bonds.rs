//! What relations say of holdings: which instruments pay alike, and what binds questions that their
//! venues list as free of each other.
//!
//! Relations that a person has approved count, and go on to where only trading has stopped (another
//! tick says nothing of what is paid); and only where *every* row of their table pays at least
//! what some mixture of the plain outcomes pays: where sources may disagree, or a void pays both sides
//! nothing, nothing is bound.

use dutchbook_book::catalog::EventLaw;
use dutchbook_book::{InstrumentId, Price};

use crate::eval::states::StateTable;
use crate::relation::{Law, Relation, Shown, Source};

/// Two instruments that pay in the same states.
pub type Alike = (InstrumentId, InstrumentId);

/// A law between questions, over the instruments that pay when they come true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The law, never none.
    pub law: EventLaw,
    /// One instrument for each question, in the order of the law.
    pub outcomes: Vec<InstrumentId>,
}

/// Everything that is known to bind holdings beside the venues' own events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bonds {
    /// What pays alike.
    pub alike: Vec<Alike>,
    /// What a person has approved between questions. What a venue states of its own events is in the
    /// catalog.
    pub laws: Vec<Bound>,
}

impl Bonds {
    /// What these relations bind for certain.
    #[must_use]
    pub fn of<'a>(relations: impl IntoIterator<Item = &'a Relation>) -> Self {
        let mut bonds = Self::default();
        for relation in relations.into_iter().filter(|one| one.source.is_binding()) {
            match (&relation.law, bound(relation)) {
                (&Law::Same { a, b }, _) if is_alike(&relation.states, a, b) => {
                    bonds.alike.push((a, b));
                }
                (_, Some(bound)) => bonds.laws.push(bound),
                (_, None) => {}
            }
        }
        bonds
    }
}

/// Whether each instrument and the complement of the other pay one in every state, those included
/// that an outcome has struck out since.
fn is_alike(table: &StateTable, a: InstrumentId, b: InstrumentId) -> bool {
    let pays_one = |state, x: InstrumentId, y: InstrumentId| {
        let sum = table.payoff(state, x).zip(table.payoff(state, y));
        sum.is_some_and(|(x, y)| x.micro().saturating_add(y.micro()) >= Price::ONE.micro())
    };
    let mut states = 0..table.len();
    !table.is_empty()
        && states
            .all(|state| pays_one(state, a, b.complement()) && pays_one(state, b, a.complement()))
}

/// The law that an approved relation puts between questions.
fn bound(relation: &Relation) -> Option<Bound> {
    if !matches!(relation.source, Source::Approved | Source::Suspended) {
        return None;
    }
    let one_each = |shown: &[Shown]| -> Option<Vec<InstrumentId>> {
        shown.iter().map(|shown| <[_; 1]>::try_from(&shown[..]).ok().map(|[id]| id)).collect()
    };
    let (law, outcomes) = match &relation.law {
        Law::Implication { a, b } => (EventLaw::Ladder, vec![*b, *a]),
        Law::Ladder { rungs } => (EventLaw::Ladder, one_each(rungs)?),
        Law::Exclusive { outcomes } => (EventLaw::Exclusive, one_each(outcomes)?),
        Law::Partition { outcomes } => (EventLaw::Partition, one_each(outcomes)?),
        Law::Bundle { whole, parts } => {
            (EventLaw::Partition, [&parts[..], &[whole.complement()]].concat())
        }
        Law::Same { .. } | Law::Complement { .. } | Law::Polytope { .. } | Law::Given { .. } => {
            return None;
        }
    };
    holds(&relation.states, law, &outcomes).then_some(Bound { law, outcomes })
}

/// Whether in every row, those included that an outcome has struck out since, each instrument and
/// its complement pay at least what a mixture of the law's outcomes pays: YES of a question comes
/// true with some weight between what its NO leaves of a dollar and what its YES pays.
fn holds(table: &StateTable, law: EventLaw, outcomes: &[InstrumentId]) -> bool {
    let one = i64::from(Price::ONE.micro());
    let row = |state| {
        let weight = |id: &InstrumentId| {
            let [yes, no] = [*id, id.complement()].map(|id| table.payoff(state, id));
            let least = one - i64::from(no?.micro());
            let most = i64::from(yes?.micro());
            (least <= most).then_some([least, most])
        };
        let Some(weights) = outcomes.iter().map(weight).collect::<Option<Vec<_>>>() else {
            return false;
        };
        let sum = |end: usize| weights.iter().filter_map(|ends| ends.get(end)).sum::<i64>();
        match law {
            EventLaw::Independent => false,
            EventLaw::Exclusive => sum(0) <= one,
            EventLaw::Partition => sum(0) <= one && one <= sum(1),
            EventLaw::Ladder => {
                // A later rung weighs no more than any before it can.
                let mut most = one;
                weights.iter().all(|[least, own_most]| {
                    most = most.min(*own_most);
                    *least <= most
                })
            }
        }
    };
    !table.is_empty() && (0..table.len()).all(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{BookId, Face};

    fn yes(book: u32) -> InstrumentId {
        BookId(book).instrument(Face::Yes)
    }

    fn approved(relation: Relation) -> Bonds {
        Bonds::of([&relation.from_source(Source::Approved)])
    }

    #[test]
    fn only_what_pays_one_in_every_state_and_is_approved_is_alike() {
        let (a, b) = (yes(0), yes(1));
        let half = Price::from_pips(5000).unwrap();
        let void: Vec<_> = [a, b, a.complement(), b.complement()].map(|id| (id, half)).to_vec();
        let of = |relation: Relation| Bonds::of([&relation]).alike;
        assert_eq!(of(Relation::same(a, b)), [(a, b)]);
        assert_eq!(of(Relation::same(a, b).with_state(&void)), [(a, b)]);
        let split = [(a, Price::ONE), (b.complement(), Price::ONE)];
        assert_eq!(of(Relation::same(a, b).with_state(&split)), []);
        assert_eq!(of(Relation::same(a, b).with_state(&[])), [], "a void that pays nothing");
        assert_eq!(of(Relation::same(a, b).from_source(Source::Suspended)), [(a, b)]);
        assert_eq!(of(Relation::same(a, b).from_source(Source::Nominated)), []);
        let withdrawn = Relation { states: StateTable::default(), ..Relation::same(a, b) };
        assert_eq!(of(withdrawn), []);
        assert_eq!(of(Relation::implication(a, b)), []);
    }

    #[test]
    fn an_approved_law_binds_by_what_pays_when_it_comes_true() {
        let [a, b, c] = [0, 1, 2].map(yes);
        let each = |ids: &[InstrumentId]| ids.iter().map(|id| vec![*id]).collect::<Vec<_>>();
        let bound = |law, outcomes: &[InstrumentId]| [Bound { law, outcomes: outcomes.to_vec() }];
        let laws = |relation| approved(relation).laws;
        let not_c = c.complement();
        assert_eq!(laws(Relation::implication(a, b)), bound(EventLaw::Ladder, &[b, a]));
        let shown = each(&[a, not_c, b]);
        assert_eq!(laws(Relation::ladder(&shown)), bound(EventLaw::Ladder, &[a, not_c, b]));
        assert_eq!(laws(Relation::exclusive(&shown)), bound(EventLaw::Exclusive, &[a, not_c, b]));
        assert_eq!(laws(Relation::partition(&shown)), bound(EventLaw::Partition, &[a, not_c, b]));
        assert_eq!(
            laws(Relation::bundle(c, vec![a, b])),
            bound(EventLaw::Partition, &[a, b, not_c])
        );
        assert_eq!(laws(Relation::same(a, b)), []);
        assert_eq!(laws(Relation::exclusive(&[vec![a, c], vec![b]])), [], "either may be meant");
        assert_eq!(Bonds::of([&Relation::implication(a, b)]), Bonds::default(), "structure");
        let suspended = Relation::implication(a, b).from_source(Source::Suspended);
        assert_eq!(Bonds::of([&suspended]), approved(Relation::implication(a, b)));
    }

    #[test]
    fn a_row_that_pays_less_than_the_outcomes_binds_nothing() {
        let (a, b) = (yes(0), yes(1));
        let half = Price::from_pips(5000).unwrap();
        let law = || Relation::implication(a, b);
        let rows: [(&[(InstrumentId, Price)], bool); 4] = [
            (&[(a, half), (b, half), (a.complement(), half), (b.complement(), half)], true),
            (&[(a.complement(), Price::ONE), (b, half), (b.complement(), half)], true),
            (&[(a, Price::ONE), (b, half), (b.complement(), half)], false),
            (&[], false),
        ];
        for (row, is_bound) in rows {
            assert_eq!(!approved(law().with_state(row)).laws.is_empty(), is_bound, "{row:?}");
        }
    }

    /// Every row of halves over three questions: a law holds in it exactly where no holdings are paid
    /// less than in the worst of the law's own outcomes.
    #[test]
    fn a_row_holds_where_nothing_is_paid_less_than_the_worst_outcome() {
        let ids = [0, 1, 2].map(yes);
        let both: Vec<_> = ids.iter().flat_map(|id| [*id, id.complement()]).collect();
        let value = |pays: &[u32], held: u32| -> u32 {
            (0..).zip(pays).filter(|(at, _)| held >> at & 1 == 1).map(|(_, pays)| pays).sum()
        };
        for law in [EventLaw::Exclusive, EventLaw::Partition, EventLaw::Ladder] {
            let paid = |yes: bool| if yes { [2, 0] } else { [0, 2] };
            let outcomes = crate::position::tests::states(law, 3);
            let outcomes: Vec<Vec<u32>> = outcomes
                .iter()
                .map(|state| state.iter().copied().flat_map(paid).collect())
                .collect();
            let mut held = 0;
            for row in 0..3_u32.pow(6) {
                let halves: Vec<u32> = (0..6).map(|at| row / 3_u32.pow(at) % 3).collect();
                let mut table = StateTable::new(&both);
                table.push(|id| {
                    let at = both.iter().position(|one| *one == id).unwrap();
                    Price::from_pips(halves[at] * 5_000).unwrap()
                });
                let is_enough = (0..1 << 6).all(|held| {
                    let worst = outcomes.iter().map(|outcome| value(outcome, held)).min();
                    value(&halves, held) >= worst.unwrap()
                });
                assert_eq!(holds(&table, law, &ids), is_enough, "{law:?} {halves:?}");
                held += u32::from(is_enough);
            }
            assert!(held > 10, "{law:?}");
        }
    }
}
