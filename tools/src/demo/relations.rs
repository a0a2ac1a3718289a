//! The relations file of the demo: what a person would have approved of the venues' listings.
//!
//! The scenario stands for that person. It knows which listings ask the same and what implies what,
//! for it decides them; the file says so of the markets as they were discovered, with the table that
//! `dutchbook match` proposes and every awkward row excluded. From there on it goes the way of any
//! file of relations.

use dutchbook_book::catalog::{Catalog, Listing, Terms};
use dutchbook_book::{ConditionId, Grid, Price};
use dutchbook_core::relation::file::{Entry, File, Listed, State, StateKind};
use serde_json::{Value, json};

use crate::matching::Kind;
use crate::matching::proposal::table;
use crate::sim::scenario::Scenario;
use crate::sim::text::Rfc3339;

/// Who approves.
const APPROVED_BY: &str = "the demo's scenario";
/// When: the day on which simulated time starts.
const APPROVED_ON: &str = "2026-11-22";
/// Why a row cannot be.
const EXCLUDED: &str = "both venues settle by what the scenario decides, at one moment";

/// Everything that holds between two markets that were discovered.
#[must_use]
pub fn approved(scenario: &Scenario, catalog: &Catalog) -> File {
    let here = |there: &Listing| {
        let mut all = catalog.listings.iter();
        all.find(|one| one.native_market == there.native_market)
    };
    let listed = |condition: ConditionId| -> Vec<&Listing> {
        scenario.catalog.listings_of_condition(condition).filter_map(here).collect()
    };
    let pairs = scenario.pairings.iter().filter_map(|pairing| {
        let [left, right] =
            [pairing.left, pairing.right].map(|book| scenario.catalog.listing(book));
        let kind = if pairing.inverted { Kind::Inverse } else { Kind::Same };
        Some((kind, here(left?)?, here(right?)?))
    });
    let implications = scenario.implications.iter().flat_map(|implication| {
        let (when, then) = (listed(implication.when), listed(implication.then));
        let each = |when| then.clone().into_iter().map(move |then| (Kind::Implies, when, then));
        when.into_iter().flat_map(each).collect::<Vec<_>>()
    });
    let entry = |(kind, first, second)| entry(kind, [first, second], catalog);
    File { relations: pairs.chain(implications).filter_map(entry).collect(), ..File::default() }
}

fn entry(kind: Kind, sides: [&Listing; 2], catalog: &Catalog) -> Option<Entry> {
    let (law, states) = table(kind, false, sides.map(|listing| listing.kind.name()))?;
    let excluded = |state: State| State {
        excluded: (state.kind != StateKind::Outcome).then(|| EXCLUDED.to_owned()),
        ..state
    };
    let markets = ["first", "second"].into_iter().zip(sides);
    let markets = markets.map(|(key, listing)| read(key, listing, catalog.terms(listing.book)));
    let [first, second] =
        sides.map(|listing| format!("{}:{}", listing.kind.name(), listing.native_market));
    let [one, other] = sides.map(|listing| &listing.name);
    Some(Entry {
        name: format!("{first} {} {second}", kind.name()),
        kind: law,
        claim: format!("the scenario, of \"{one}\" and \"{other}\""),
        approved_by: Some(APPROVED_BY.to_owned()),
        approved_on: Some(APPROVED_ON.to_owned()),
        markets: markets.collect::<Option<_>>()?,
        states: states.into_iter().map(excluded).collect(),
    })
}

/// A market as a person has read it.
fn read(key: &str, listing: &Listing, terms: Option<&Terms>) -> Option<Listed> {
    let terms = terms?;
    Some(Listed {
        key: key.to_owned(),
        venue: listing.kind.name().to_owned(),
        market: listing.native_market.clone(),
        rules_sha256: terms.rules_hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        tick: tick(&listing.grid),
        fee: terms.fee_type.clone(),
        closes: terms.closes.map_or_else(String::new, |closes| Rfc3339(closes).to_string()),
    })
}

/// A grid as venues write it: the one step, or its list of ranges.
fn tick(grid: &Grid) -> String {
    if let [whole] = grid.ranges()
        && (whole.start, whole.end) == (Price::ZERO, Price::ONE)
    {
        return whole.step.to_string();
    }
    let text = |price: Price| price.to_string();
    let range = |range: &dutchbook_book::grid::PriceRange| json!({"start": text(range.start), "end": text(range.end), "step": text(range.step)});
    grid.ranges().iter().map(range).collect::<Value>().to_string()
}
