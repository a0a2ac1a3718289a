//! Which relations the demo's engine watches: those of the catalog's structure, and those that a
//! person would have approved.

use dutchbook_book::catalog::{Catalog, EventLaw};
use dutchbook_book::{ConditionId, InstrumentId};
use dutchbook_core::relation::{Law, Relation, Source};

use super::listed::condition_of;
use crate::sim::scenario::Scenario;

/// What a person approved beside the pairs, in terms of a catalog that was discovered.
#[derive(Clone, Debug, Default)]
pub struct Approved {
    /// When the first comes true, so does the second.
    implications: Vec<[ConditionId; 2]>,
}

impl Approved {
    /// What holds in the scenario, as far as both sides were discovered.
    #[must_use]
    pub fn of(scenario: &Scenario, catalog: &Catalog) -> Self {
        let found = |condition| {
            let mut listings = scenario.catalog.listings_of_condition(condition);
            listings.find_map(|listing| condition_of(catalog, &listing.native_market))
        };
        let both = scenario
            .implications
            .iter()
            .filter_map(|implication| Some([found(implication.when)?, found(implication.then)?]));
        Self { implications: both.collect() }
    }

    /// Binds an event that has only the two sides of an implication: what is held of it is then
    /// valued in the states that can come.
    pub fn bind(&self, catalog: &mut Catalog) {
        for &[when, then] in &self.implications {
            let is_whole = |conditions: &[ConditionId]| {
                conditions.len() == 2 && conditions.contains(&when) && conditions.contains(&then)
            };
            let events = catalog.events.iter_mut();
            let free = events.filter(|event| event.law == EventLaw::Independent);
            for event in free.filter(|event| is_whole(&event.conditions)) {
                event.law = EventLaw::Ladder;
                event.conditions = vec![then, when];
            }
        }
    }
}

/// The relations of a catalog, those of its structure given. A ladder that is said more precisely by an implication is said once:
/// its general form is left out.
#[must_use]
pub fn relations(mut list: Vec<Relation>, catalog: &Catalog, approved: &Approved) -> Vec<Relation> {
    list.retain(|relation| match &relation.law {
        Law::Ladder { rungs } => {
            let own: Vec<_> =
                rungs.iter().filter_map(|shown| condition_at(catalog, shown)).collect();
            !approved.implications.iter().any(|&[when, then]| own == [then, when])
        }
        Law::Partition { .. }
        | Law::Complement { .. }
        | Law::Exclusive { .. }
        | Law::Same { .. }
        | Law::Implication { .. }
        | Law::Bundle { .. }
        | Law::Polytope { .. }
        | Law::Given { .. } => true,
    });
    for &[when, then] in &approved.implications {
        for when in true_faces(catalog, when) {
            for then in true_faces(catalog, then) {
                list.push(Relation::implication(when, then).from_source(Source::Approved));
            }
        }
    }
    list
}

fn true_faces(catalog: &Catalog, condition: ConditionId) -> Vec<InstrumentId> {
    let listings = catalog.listings_of_condition(condition);
    listings.map(|listing| listing.book.instrument(catalog.true_face(listing.book))).collect()
}

fn condition_at(catalog: &Catalog, shown: &[InstrumentId]) -> Option<ConditionId> {
    let first = shown.first()?;
    catalog.listing(first.book()).map(|listing| listing.condition)
}
