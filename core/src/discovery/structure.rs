//! What the listed events state by themselves, as relations.

use std::collections::BTreeMap;

use dutchbook_book::BookId;
use dutchbook_book::catalog::{Catalog, Event, EventLaw};

use crate::relation::structural::{self, Claim, Market, Outcomes};
use crate::relation::{Law, Relation, Shown};

/// Every relation that the metadata state, each once. `claims` are the markets' claims of numbers, by
/// book; a book beyond their end claims none.
pub(super) fn relations(catalog: &Catalog, claims: &[Claim]) -> Vec<Relation> {
    let mut list: Vec<Relation> = crate::relation::structural(catalog);
    let mut books: Vec<Vec<BookId>> = vec![Vec::new(); catalog.conditions.len()];
    for listing in &catalog.listings {
        if let Some(of) = books.get_mut(listing.condition.index()) {
            of.push(listing.book);
        }
    }
    for event in &catalog.events {
        list.extend(of_strikes(event, &books, claims));
    }
    once(list)
}

/// Ladders, buckets and exclusions by strikes. Only where every market of the event is listed on one
/// venue and states a strike of its own: equal strikes are claims about different quantities, such as
/// one player's points and another's.
fn of_strikes(event: &Event, books: &[Vec<BookId>], claims: &[Claim]) -> Vec<Relation> {
    let mut markets = Vec::with_capacity(event.conditions.len());
    for condition in &event.conditions {
        let of = books.get(condition.index()).map_or(&[][..], Vec::as_slice);
        let &[book] = of else { return Vec::new() };
        let claim = claims.get(book.index()).copied().unwrap_or(Claim::Named);
        let is_own = markets.iter().all(|market: &Market| market.claim != claim);
        if claim == Claim::Named || !is_own {
            return Vec::new();
        }
        markets.push(Market { book, claim });
    }
    let outcomes = match event.law {
        EventLaw::Partition => Outcomes::ExactlyOne,
        EventLaw::Exclusive => Outcomes::AtMostOne,
        EventLaw::Independent | EventLaw::Ladder => Outcomes::Free,
    };
    structural::relations(&structural::Event {
        outcomes,
        markets,
        unlisted_count: 0,
        step: 0,
        conversion: None,
    })
}

fn books_of(shown: &[Shown]) -> Vec<BookId> {
    let mut books: Vec<BookId> = shown.iter().flatten().map(|id| id.book()).collect();
    books.sort_unstable();
    books
}

/// Each law once. What is exhaustive is exclusive too: the weaker of the two is left out.
fn once(list: Vec<Relation>) -> Vec<Relation> {
    let mut kept: BTreeMap<String, Relation> = BTreeMap::new();
    let mut order = Vec::new();
    for relation in list {
        let key = match &relation.law {
            Law::Partition { outcomes } | Law::Exclusive { outcomes } => {
                format!("outcomes {:?}", books_of(outcomes))
            }
            // "Below x" as YES, descending, and as NO, ascending, are one ladder.
            Law::Ladder { rungs } => format!("rungs {:?}", books_of(rungs)),
            law @ (Law::Complement { .. }
            | Law::Same { .. }
            | Law::Implication { .. }
            | Law::Bundle { .. }
            | Law::Polytope { .. }
            | Law::Given { .. }) => format!("{law:?}"),
        };
        match kept.get_mut(&key) {
            None => {
                order.push(key.clone());
                kept.insert(key, relation);
            }
            Some(known) if matches!(relation.law, Law::Partition { .. }) => *known = relation,
            Some(_) => {}
        }
    }
    order.iter().filter_map(|key| kept.remove(key)).collect()
}
