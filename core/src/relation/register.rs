//! The relations of a file against the catalog: which are traded, which are watched, which are neither,
//! each with its reason.
//!
//! It is made at the start and again whenever the venues or the file say something else; what it makes
//! is data, and the compiler turns it into a program.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::BookId;
use dutchbook_book::catalog::Catalog;

use super::Relation;
use super::check::faults;
use super::file::{Entry, File, Listed};
use super::standing::{Fact, Standing, relation, source, standing};
use crate::eval::cluster::Cluster;

/// One relation of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name in the file.
    pub name: String,
    /// Whether it may be traded.
    pub standing: Standing,
    /// Who approved it and when; empty where nobody did.
    pub approved: String,
}

/// A file against a catalog.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// Every relation of the file, in its order.
    pub rows: Vec<Row>,
    /// What the engine gets of them: approved ones to trade, suspended and nominated ones to watch.
    pub relations: Vec<Relation>,
}

/// Relations to blame and why, until what is left holds together: a fault of one relation does not
/// take the others with it.
fn refusals(file: &File) -> BTreeMap<String, String> {
    let mut refused = BTreeMap::new();
    let mut rest = file.clone();
    loop {
        let faults = faults(&rest);
        let blamed: BTreeSet<String> =
            faults.iter().flat_map(|fault| fault.relations.iter().cloned()).collect();
        for fault in faults {
            for name in &fault.relations {
                let why: &mut String = refused.entry(name.clone()).or_default();
                if !why.is_empty() {
                    why.push_str("; ");
                }
                why.push_str(&fault.to_string());
            }
        }
        if blamed.is_empty() {
            return refused;
        }
        rest.relations.retain(|entry| !blamed.contains(&entry.name));
    }
}

impl Register {
    /// Holds a file against a catalog, and against what the catalog states by its structure.
    #[must_use]
    pub fn of(file: &File, catalog: &Catalog, structural: &[Relation]) -> Self {
        let books: BTreeMap<(&str, &str), BookId> = catalog
            .listings
            .iter()
            .map(|listing| ((listing.kind.name(), listing.native_market.as_str()), listing.book))
            .collect();
        let book =
            |listed: &Listed| books.get(&(listed.venue.as_str(), listed.market.as_str())).copied();
        let fact = |listed: &Listed| {
            let book = book(listed)?;
            Some(Fact::of(catalog.listing(book)?, catalog.terms(book)?))
        };
        let refused = refusals(file);
        let mut register = Self::default();
        let mut rows: Vec<usize> = Vec::new();
        for entry in &file.relations {
            let mut found = match refused.get(&entry.name) {
                Some(why) => Standing::Refused { why: why.clone() },
                None => standing(entry, fact),
            };
            match source(entry, &found).map(|source| relation(entry, source, book)) {
                None => {}
                Some(Some(relation)) => {
                    rows.push(register.rows.len());
                    register.relations.push(relation);
                }
                Some(None) => {
                    found =
                        Standing::Refused { why: "a payoff is no price from 0 to 1".to_owned() };
                }
            }
            register.rows.push(Row {
                name: entry.name.clone(),
                standing: found,
                approved: approval(entry),
            });
        }
        register.refuse_impossible(&rows, structural);
        register
    }

    /// Refuses what cannot be beside the venues' own structure: some market could then never pay, or
    /// never fail. `rows` are those of the relations, in their order.
    fn refuse_impossible(&mut self, rows: &[usize], structural: &[Relation]) {
        let mut at = 0;
        self.relations.retain(|relation| {
            let row = rows.get(at).and_then(|row| self.rows.get_mut(*row));
            at += 1;
            let Some(book) = impossible(relation, structural) else { return true };
            if let Some(row) = row {
                let why = format!(
                    "contradicts what the venue states of market {book}: beside it, it could never \
                     pay or never fail"
                );
                row.standing = Standing::Refused { why };
            }
            false
        });
    }

    /// How many relations are traded, watched, disabled and refused.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for row in &self.rows {
            let [live, watched, disabled, refused] = &mut counts;
            *match row.standing {
                Standing::Live => live,
                Standing::Watched => watched,
                Standing::Disabled { .. } => disabled,
                Standing::Refused { .. } => refused,
            } += 1;
        }
        counts
    }
}

/// Structure that touches more books than this is not looked at: a contradiction there is found by
/// whoever reads the rules.
const BOOKS_MAX: usize = 512;

/// A book that a relation keeps from paying or from failing, together with the structure around it.
fn impossible(relation: &Relation, structural: &[Relation]) -> Option<BookId> {
    let own: BTreeSet<BookId> = relation.states.instruments().iter().map(|id| id.book()).collect();
    let touches =
        |other: &&Relation| other.states.instruments().iter().any(|id| own.contains(&id.book()));
    let around: Vec<&Relation> = structural.iter().filter(touches).collect();
    let cluster = Cluster::of(core::iter::once(relation).chain(around));
    if cluster.relation_count() < 2 || cluster.books().len() > BOOKS_MAX {
        return None;
    }
    cluster.books().iter().enumerate().filter(|(_, book)| own.contains(book)).find_map(
        |(place, book)| {
            let values = 0..cluster.domain(place).len();
            let never = |value: usize| cluster.can_be(&[(place, value)]) == Some(false);
            values.into_iter().any(never).then_some(*book)
        },
    )
}

fn approval(entry: &Entry) -> String {
    match (&entry.approved_by, &entry.approved_on) {
        (Some(who), Some(when)) => format!("{who}, {when}"),
        _ => String::new(),
    }
}
