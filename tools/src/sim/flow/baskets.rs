//! The sets of orders that arbitrageurs watch.

use dutchbook_book::catalog::EventLaw;
use dutchbook_book::{BookId, Side};

use super::super::scenario::Scenario;

/// A set of orders with a known worst payoff.
#[derive(Clone, Debug)]
pub struct Basket {
    /// The law that it rests on.
    pub kind: &'static str,
    /// What is bought and sold, in YES terms.
    pub legs: Vec<(BookId, Side)>,
    /// What holding the legs pays at least, in parts of a million.
    pub payoff: i64,
}

const CROSS: &str = "cross_venue";
const LADDER: &str = "ladder";

/// Every basket that the arbitrageurs watch.
#[must_use]
pub fn baskets(scenario: &Scenario) -> Vec<Basket> {
    const PAR: i64 = 1_000_000;
    use Side::{Buy, Sell};
    let catalog = &scenario.catalog;
    let mut list = Vec::new();
    let mut add = |kind, legs, payoff| list.push(Basket { kind, legs, payoff });
    for pairing in &scenario.pairings {
        let (left, right) = (pairing.left, pairing.right);
        if pairing.inverted {
            add(CROSS, vec![(left, Buy), (right, Buy)], PAR);
            add(CROSS, vec![(left, Sell), (right, Sell)], -PAR);
        } else {
            add(CROSS, vec![(left, Sell), (right, Buy)], 0);
            add(CROSS, vec![(left, Buy), (right, Sell)], 0);
        }
    }
    for implication in &scenario.implications {
        for strong in catalog.listings_of_condition(implication.when) {
            for weak in catalog.listings_of_condition(implication.then) {
                add("implication", vec![(strong.book, Sell), (weak.book, Buy)], 0);
            }
        }
    }
    for event in &catalog.events {
        for venue in &catalog.venues {
            let all = catalog.listings_of(venue.id);
            let books: Vec<BookId> = all
                .filter(|listing| event.conditions.contains(&listing.condition))
                .map(|listing| listing.book)
                .collect();
            let every = |side| books.iter().map(|book| (*book, side)).collect::<Vec<_>>();
            match event.law {
                EventLaw::Exclusive if books.len() > 1 => add("exclusive", every(Sell), -PAR),
                EventLaw::Partition if books.len() == event.conditions.len() => {
                    add("multi_long", every(Buy), PAR);
                    add("multi_short", every(Sell), -PAR);
                }
                EventLaw::Ladder => {
                    for (weak, strong) in books.iter().zip(books.iter().skip(1)) {
                        add(LADDER, vec![(*strong, Sell), (*weak, Buy)], 0);
                    }
                }
                EventLaw::Independent | EventLaw::Exclusive | EventLaw::Partition => {}
            }
        }
    }
    list
}
