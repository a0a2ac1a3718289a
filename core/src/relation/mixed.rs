//! Outcomes of one venue, bought wherever an approved relation says that they are listed too.
//!
//! What a venue states of its own outcomes (exactly one, at most one, thresholds in order) holds for
//! instruments that pay alike. So a law of which some outcome is listed elsewhere is replaced by the
//! same law over both listings: one basket that takes each leg where it is cheapest, instead of one
//! for each venue. A relation with a state beside its two outcomes (a void, a disagreement) changes
//! no law: what the venue's other outcomes pay then, nobody has said.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::{InstrumentId, Price};

use super::{Law, Relation, Shown, Source};

/// Everything that stands: the structural relations, those of them that approved ones widen in
/// their wider form, and the approved ones.
#[must_use]
pub fn standing(structural: &[Relation], approved: &[Relation]) -> Vec<Relation> {
    let links = Links::of(approved);
    let widened: Vec<_> = structural.iter().map(|relation| links.widen(relation)).collect();
    let exactly_one: BTreeSet<&Said> = widened
        .iter()
        .flatten()
        .filter(|(wide, _)| matches!(wide.law, Law::Partition { .. }))
        .map(|(_, said)| said)
        .collect();
    // Each of two venues states it of the same outcomes, perhaps one of them less of it.
    let mut seen = BTreeSet::new();
    let stands = structural.iter().zip(&widened).filter_map(|(relation, widened)| {
        let Some((wide, said)) = widened else { return Some(relation.clone()) };
        let is_less = matches!(wide.law, Law::Exclusive { .. }) && exactly_one.contains(said);
        (!is_less && seen.insert(said)).then(|| wide.clone())
    });
    stands.chain(approved.iter().cloned()).collect()
}

/// What a widened law is about: whether in order, and its outcomes in an order that does not depend on
/// the venue.
type Said = (bool, Vec<Shown>);

struct Links(BTreeMap<InstrumentId, Vec<InstrumentId>>);

impl Links {
    fn of(approved: &[Relation]) -> Self {
        let mut links: BTreeMap<InstrumentId, Vec<InstrumentId>> = BTreeMap::new();
        for relation in approved.iter().filter(|one| one.source.is_tradable()) {
            let Law::Same { a, b } = relation.law else { continue };
            if is_pure(relation, a, b) {
                for (one, other) in [(a, b), (a.complement(), b.complement())] {
                    links.entry(one).or_default().push(other);
                    links.entry(other).or_default().push(one);
                }
            }
        }
        Self(links)
    }

    /// Every instrument that pays as these do, ascending.
    fn all(&self, shown: &Shown) -> Shown {
        let mut all = shown.clone();
        let mut at = 0;
        while let Some(id) = all.get(at).copied() {
            for other in self.0.get(&id).into_iter().flatten() {
                if !all.contains(other) {
                    all.push(*other);
                }
            }
            at += 1;
        }
        all.sort_unstable();
        all
    }

    fn widen(&self, relation: &Relation) -> Option<(Relation, Said)> {
        let (outcomes, form, is_ordered): (_, fn(&[Shown]) -> Relation, _) = match &relation.law {
            Law::Partition { outcomes } => (outcomes, Relation::partition, false),
            Law::Exclusive { outcomes } => (outcomes, Relation::exclusive, false),
            Law::Ladder { rungs } => (rungs, Relation::ladder, true),
            Law::Complement { .. }
            | Law::Same { .. }
            | Law::Implication { .. }
            | Law::Bundle { .. }
            | Law::Polytope { .. }
            | Law::Given { .. } => return None,
        };
        // Only the venue's own contracts can be converted into each other.
        if relation.conversion.is_some() {
            return None;
        }
        let mut wide: Vec<Shown> = outcomes.iter().map(|shown| self.all(shown)).collect();
        let is_wider = wide.iter().zip(outcomes).any(|(wide, own)| wide.len() > own.len());
        if !is_wider {
            return None;
        }
        let relation = form(&wide).from_source(Source::Approved);
        if !is_ordered {
            wide.sort_unstable();
        }
        Some((relation, (is_ordered, wide)))
    }
}

/// Whether the two pay one or nothing, together, and nothing else can happen.
fn is_pure(relation: &Relation, a: InstrumentId, b: InstrumentId) -> bool {
    let table = &relation.states;
    let is_outcome = |state| {
        [(a, b), (a.complement(), b.complement())].iter().all(|(one, other)| {
            let pays = table.payoff(state, *one);
            pays == table.payoff(state, *other) && matches!(pays, Some(Price::ZERO | Price::ONE))
        }) && table.payoff(state, a) != table.payoff(state, a.complement())
    };
    !table.is_empty() && (0..table.len()).all(is_outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{BookId, Face, Rate};

    fn yes(book: u32) -> InstrumentId {
        BookId(book).instrument(Face::Yes)
    }

    fn same(a: InstrumentId, b: InstrumentId) -> Relation {
        Relation::same(a, b).from_source(Source::Approved)
    }

    fn each(books: &[u32]) -> Vec<Shown> {
        books.iter().map(|book| vec![yes(*book)]).collect()
    }

    #[test]
    fn a_law_takes_in_what_its_outcomes_are_called_elsewhere() {
        let partition = Relation::partition(&each(&[0, 1, 2]));
        let approved = [same(yes(0), yes(10)), same(yes(11).complement(), yes(1))];
        let stands = standing(core::slice::from_ref(&partition), &approved);
        let wide = [vec![yes(0), yes(10)], vec![yes(1), yes(11).complement()], vec![yes(2)]];
        let expected = Relation::partition(&wide).from_source(Source::Approved);
        assert_eq!(stands, [&[expected][..], &approved].concat());
        let alone = core::slice::from_ref(&partition);
        assert_eq!(standing(alone, &[]), alone);
        let converted = partition.with_conversion(Rate::ZERO);
        let stands = standing(core::slice::from_ref(&converted), &approved);
        assert_eq!(stands[0], converted, "contracts of another venue cannot be converted");
    }

    #[test]
    fn what_both_venues_state_of_the_same_outcomes_stands_once() {
        let structural =
            [Relation::exclusive(&each(&[11, 10])), Relation::partition(&each(&[0, 1]))];
        let approved = [same(yes(0), yes(10)), same(yes(1), yes(11))];
        let stands = standing(&structural, &approved);
        let wide = [vec![yes(0), yes(10)], vec![yes(1), yes(11)]];
        assert_eq!(stands.len(), 3);
        assert_eq!(stands[0].law, Law::Partition { outcomes: wide.to_vec() });
        // Thresholds keep their order, a third venue is found through the second.
        let ladder = [Relation::ladder(&each(&[1, 0]))];
        let chain = [approved[0].clone(), same(yes(10), yes(20))];
        let stands = standing(&ladder, &chain);
        let rungs = vec![vec![yes(1)], vec![yes(0), yes(10), yes(20)]];
        assert_eq!(stands[0].law, Law::Ladder { rungs });
    }

    #[test]
    fn what_nobody_approved_or_may_be_void_changes_no_law() {
        let structural = [Relation::partition(&each(&[0, 1]))];
        let half = Price::from_pips(5000).unwrap();
        let [a, b] = [yes(0), yes(10)];
        let void: Vec<_> = [a, b, a.complement(), b.complement()].map(|id| (id, half)).to_vec();
        let others = [
            Relation::same(a, b).from_source(Source::Nominated),
            same(a, b).with_state(&void),
            same(a, b).with_state(&[]),
            same(a, b).with_state(&[(a, Price::ONE), (b.complement(), Price::ONE)]),
            Relation::implication(a, b),
        ];
        for other in others {
            let stands = standing(&structural, core::slice::from_ref(&other));
            assert_eq!(stands, [structural[0].clone(), other]);
        }
    }
}
