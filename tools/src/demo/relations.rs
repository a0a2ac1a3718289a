//! Which relations the demo's engine watches: those of the catalog's structure, and those that a
//! person would have approved.

use dutchbook_book::{BookId, ConditionId, Face, InstrumentId};
use dutchbook_core::relation::{Law, Polarity, Relation, Source, structural};

use crate::sim::scenario::Scenario;

/// The relations of a scenario. A law that is said more precisely by a pairing of inverted polarity
/// or by an implication is said once: its general form is left out.
#[must_use]
pub fn relations(scenario: &Scenario) -> Vec<Relation> {
    let mut list: Vec<Relation> = structural(&scenario.catalog)
        .into_iter()
        .filter(|relation| !is_said_better(scenario, &relation.law))
        .collect();
    for pairing in scenario.pairings.iter().filter(|pairing| pairing.inverted) {
        let relation = Relation::two_venues(pairing.left, pairing.right, Polarity::Inverted);
        list.push(relation.from_source(Source::Approved));
    }
    for implication in &scenario.implications {
        for when in yes_faces(scenario, implication.when) {
            for then in yes_faces(scenario, implication.then) {
                list.push(Relation::implication(when, then).from_source(Source::Approved));
            }
        }
    }
    list
}

fn yes_faces(scenario: &Scenario, condition: ConditionId) -> Vec<InstrumentId> {
    let listings = scenario.catalog.listings_of_condition(condition);
    listings.map(|listing| listing.book.instrument(Face::Yes)).collect()
}

fn is_said_better(scenario: &Scenario, law: &Law) -> bool {
    let conditions_of = |shown: &[Vec<InstrumentId>]| -> Vec<ConditionId> {
        let books = shown.iter().filter_map(|shown| shown.first()).map(|id| id.book());
        books.filter_map(|book| condition_of(scenario, book)).collect()
    };
    match law {
        Law::Partition { outcomes } => {
            let own = conditions_of(outcomes);
            scenario.pairings.iter().filter(|pairing| pairing.inverted).any(|pairing| {
                let pair = [pairing.left, pairing.right];
                own == pair
                    .map(|book| condition_of(scenario, book))
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
            })
        }
        Law::Ladder { rungs } => {
            let own = conditions_of(rungs);
            scenario.implications.iter().any(|law| own == [law.then, law.when])
        }
        Law::Complement { .. }
        | Law::Exclusive { .. }
        | Law::Same { .. }
        | Law::Implication { .. }
        | Law::Bundle { .. }
        | Law::Polytope { .. }
        | Law::Given { .. } => false,
    }
}

fn condition_of(scenario: &Scenario, book: BookId) -> Option<ConditionId> {
    scenario.catalog.listing(book).map(|listing| listing.condition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::Nanos;

    #[test]
    fn the_inverted_pair_and_the_implication_are_said_once() {
        let scenario = Scenario::demo(1, Nanos::from_secs(10)).unwrap();
        let list = relations(&scenario);
        let count = |is: fn(&Law) -> bool| list.iter().filter(|relation| is(&relation.law)).count();
        assert_eq!(count(|law| matches!(law, Law::Partition { .. })), 1);
        assert_eq!(count(|law| matches!(law, Law::Ladder { .. })), 1);
        assert_eq!(count(|law| matches!(law, Law::Implication { .. })), 4);
        assert!(count(|law| matches!(law, Law::Same { .. })) >= 6);
    }
}
