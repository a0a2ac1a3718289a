//! A nomination as a relation to approve: its markets, its state table, its claim.
//!
//! Every awkward row is admitted at first, with the worst number that a rule could mean. A pair with
//! all of them has no floor, and so is never traded, until a person has said why a row cannot be.

use std::collections::BTreeMap;

use dutchbook_core::relation::file::{Entry, Kind as Law, Listed, Pays, State, StateKind};
use serde_json::{Value, json};

use super::listing::Listing;
use super::union::Union;
use super::{Kind, Nomination, Remark};

/// Rows as name, kind and what the YES faces pay.
type Row = (&'static str, StateKind, Paid, Paid);

/// What a market pays in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paid {
    Yes,
    No,
    Void,
}

impl Paid {
    /// A void is refunded by halves on one venue; elsewhere the venue may set any price.
    fn pays(self, venue: &str) -> Pays {
        let both = |text: &str| Pays::Both([text.to_owned(), text.to_owned()]);
        match (self, venue) {
            (Self::Yes, _) => Pays::Yes("1".to_owned()),
            (Self::No, _) => Pays::Yes("0".to_owned()),
            (Self::Void, "polymarket") => both("0.5"),
            (Self::Void, _) => both("0"),
        }
    }
}

const VOIDS: [Row; 5] = [
    ("both void", StateKind::Void, Paid::Void, Paid::Void),
    ("first void, second yes", StateKind::Void, Paid::Void, Paid::Yes),
    ("first void, second no", StateKind::Void, Paid::Void, Paid::No),
    ("second void, first yes", StateKind::Void, Paid::Yes, Paid::Void),
    ("second void, first no", StateKind::Void, Paid::No, Paid::Void),
];

/// What a kind claims.
struct Claim {
    law: Law,
    outcomes: Vec<Row>,
    /// Combinations that it denies.
    denied: Vec<(Paid, Paid)>,
}

/// The outcomes of a kind, and the combinations that it denies.
fn claim(kind: Kind) -> Option<Claim> {
    use Paid::{No, Yes};
    use StateKind::Outcome;
    let row = |name, first, second| (name, Outcome, first, second);
    Some(match kind {
        Kind::Same => {
            let rows = vec![row("yes", Yes, Yes), row("no", No, No)];
            Claim { law: Law::Same, outcomes: rows, denied: vec![(Yes, No), (No, Yes)] }
        }
        Kind::Inverse => {
            let rows = vec![row("first", Yes, No), row("second", No, Yes)];
            Claim { law: Law::Inverse, outcomes: rows, denied: vec![(Yes, Yes), (No, No)] }
        }
        Kind::Implies => {
            let rows =
                vec![row("both", Yes, Yes), row("second only", No, Yes), row("neither", No, No)];
            Claim { law: Law::Implies, outcomes: rows, denied: vec![(Yes, No)] }
        }
        Kind::Exclusive => {
            let rows = vec![row("first", Yes, No), row("second", No, Yes), row("neither", No, No)];
            Claim { law: Law::Exclusive, outcomes: rows, denied: vec![(Yes, Yes)] }
        }
        Kind::Implied | Kind::Unclear => return None,
    })
}

fn listed(key: &str, listing: &Listing) -> Listed {
    Listed {
        key: key.to_owned(),
        venue: listing.venue.to_owned(),
        market: listing.id.clone(),
        rules_sha256: listing.rules_sha256(),
        tick: listing.tick.clone(),
        fee: listing.fee.clone(),
        closes: listing.closes.clone(),
    }
}

/// A nomination with the claiming side first: "implied" becomes "implies" from the other side.
#[must_use]
pub fn oriented<'a>(
    nomination: &Nomination,
    first: &'a Listing,
    second: &'a Listing,
) -> (Nomination, &'a Listing, &'a Listing) {
    let mut nomination = nomination.clone();
    if nomination.kind != Kind::Implied {
        return (nomination, first, second);
    }
    nomination.kind = Kind::Implies;
    for remark in &mut nomination.remarks {
        *remark = match std::mem::replace(remark, Remark::Open) {
            Remark::OnlyFirst(word) => Remark::OnlySecond(word),
            Remark::OnlySecond(word) => Remark::OnlyFirst(word),
            Remark::Spelling(a, b) => Remark::Spelling(b, a),
            other @ (Remark::YearUnsaid
            | Remark::LastDay
            | Remark::Edge
            | Remark::Numbers
            | Remark::Times
            | Remark::Open) => other,
        };
    }
    (nomination, second, first)
}

/// The law that an oriented kind claims, and every way in which two markets of these venues can settle:
/// its outcomes, then the awkward rows. They are called `first` and `second`. `None` where it claims
/// nothing.
#[must_use]
pub fn table(kind: Kind, has_edges: bool, venues: [&str; 2]) -> Option<(Law, Vec<State>)> {
    let Claim { law, outcomes: mut rows, denied } = claim(kind)?;
    rows.extend(VOIDS);
    for &(a, b) in &denied {
        rows.push((name(StateKind::Postponed, a, b), StateKind::Postponed, a, b));
        rows.push((name(StateKind::Disagreement, a, b), StateKind::Disagreement, a, b));
        if has_edges {
            rows.push((name(StateKind::Tie, a, b), StateKind::Tie, a, b));
        }
    }
    let [first, second] = venues;
    let state = |(name, kind, a, b): Row| State {
        name: name.to_owned(),
        kind,
        excluded: None,
        pays: BTreeMap::from([
            ("first".to_owned(), a.pays(first)),
            ("second".to_owned(), b.pays(second)),
        ]),
    };
    Some((law, rows.into_iter().map(state).collect()))
}

/// The relation that an oriented nomination proposes; `None` where it claims nothing.
#[must_use]
pub fn entry(nomination: &Nomination, first: &Listing, second: &Listing) -> Option<Entry> {
    let has_edges = nomination.remarks.contains(&Remark::Edge);
    let (law, states) = table(nomination.kind, has_edges, [first.venue, second.venue])?;
    let remarks: Vec<String> = nomination.remarks.iter().map(ToString::to_string).collect();
    let doubts =
        if remarks.is_empty() { String::new() } else { format!("; {}", remarks.join("; ")) };
    let name = |listing: &Listing| format!("{}:{}", listing.venue, listing.id);
    Some(Entry {
        name: format!("{} {} {}", name(first), nomination.kind.name(), name(second)),
        kind: law,
        claim: format!(
            "titles, confidence {} of 100: \"{}\" and \"{}\"{doubts}",
            nomination.confidence, first.title, second.title
        ),
        approved_by: None,
        approved_on: None,
        markets: vec![listed("first", first), listed("second", second)],
        states,
    })
}

/// A row of a union: name, kind, what the whole pays, and what each part pays.
type UnionRow = (String, StateKind, Paid, Vec<Paid>);

/// Every way in which a whole and so many parts can settle.
fn union_rows(count: usize, has_edges: bool) -> Vec<UnionRow> {
    use Paid::{No, Void, Yes};
    let none = || vec![No; count];
    let with = |at: usize, paid: Paid| {
        let mut parts = vec![No; count];
        if let Some(part) = parts.get_mut(at) {
            *part = paid;
        }
        parts
    };
    let part = |at: usize| format!("part {}", at + 1);
    let mut rows: Vec<UnionRow> =
        (0..count).map(|at| (part(at), StateKind::Outcome, Yes, with(at, Yes))).collect();
    rows.push(("none".to_owned(), StateKind::Outcome, No, none()));
    rows.push(("all void".to_owned(), StateKind::Void, Void, vec![Void; count]));
    rows.push(("whole void, no part pays".to_owned(), StateKind::Void, Void, none()));
    for at in 0..count {
        let name = part(at);
        rows.push((format!("whole void, {name} pays"), StateKind::Void, Void, with(at, Yes)));
        rows.push((format!("{name} void, whole pays"), StateKind::Void, Yes, with(at, Void)));
        rows.push((format!("{name} void, whole fails"), StateKind::Void, No, with(at, Void)));
        for other in (0..count).filter(|other| *other != at) {
            let mut parts = with(other, Yes);
            if let Some(void) = parts.get_mut(at) {
                *void = Void;
            }
            rows.push((format!("{name} void, {} pays", part(other)), StateKind::Void, Yes, parts));
        }
        let late = format!("late for the whole, {name} pays");
        rows.push((late, StateKind::Postponed, No, with(at, Yes)));
        let apart = format!("sources disagree, only {name} pays");
        rows.push((apart, StateKind::Disagreement, No, with(at, Yes)));
        if has_edges && at + 1 < count {
            let mut both = with(at, Yes);
            if let Some(next) = both.get_mut(at + 1) {
                *next = Yes;
            }
            let name = format!("at the edge, {name} and {} pay", part(at + 1));
            rows.push((name, StateKind::Tie, Yes, both));
        }
    }
    let only = |name: &str, kind| (name.to_owned(), kind, Yes, none());
    rows.push(only("late for the parts", StateKind::Postponed));
    rows.push(only("sources disagree, only the whole pays", StateKind::Disagreement));
    if has_edges {
        rows.push(only("between the parts, only the whole pays", StateKind::Tie));
    }
    rows
}

/// The relation that a union proposes.
#[must_use]
pub fn union_entry(union: &Union, whole: &Listing, parts: &[&Listing]) -> Entry {
    let mut markets = vec![listed("whole", whole)];
    let key = |at: usize| format!("part{}", at + 1);
    markets.extend(parts.iter().enumerate().map(|(at, part)| listed(&key(at), part)));
    let state = |(name, kind, of_whole, of_parts): UnionRow| {
        let mut pays = BTreeMap::from([("whole".to_owned(), of_whole.pays(whole.venue))]);
        for (at, (part, paid)) in parts.iter().zip(of_parts).enumerate() {
            pays.insert(key(at), paid.pays(part.venue));
        }
        State { name, kind, excluded: None, pays }
    };
    let doubt =
        if union.has_edges { "; numbers at the edges of two parts are in doubt" } else { "" };
    let titles: Vec<String> = parts.iter().map(|part| format!("\"{}\"", part.title)).collect();
    Entry {
        name: format!("{}:{} union of {}", whole.venue, whole.id, joined(parts)),
        kind: Law::Union,
        claim: format!(
            "titles, confidence {} of 100: \"{}\" is {}{doubt}",
            union.confidence,
            whole.title,
            titles.join(" or ")
        ),
        approved_by: None,
        approved_on: None,
        markets,
        states: union_rows(parts.len(), union.has_edges).into_iter().map(state).collect(),
    }
}

fn joined(parts: &[&Listing]) -> String {
    let name = |part: &&Listing| format!("{}:{}", part.venue, part.id);
    parts.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// What an awkward row is called: one name per kind and combination.
const fn name(kind: StateKind, a: Paid, b: Paid) -> &'static str {
    match (kind, a, b) {
        (StateKind::Postponed, Paid::Yes, Paid::No) => "late for the second",
        (StateKind::Postponed, Paid::No, Paid::Yes) => "late for the first",
        (StateKind::Postponed, Paid::Yes, _) => "late, both yes",
        (StateKind::Postponed, ..) => "late, both no",
        (StateKind::Tie, Paid::Yes, Paid::No) => "at the strike, only the first pays",
        (StateKind::Tie, Paid::No, Paid::Yes) => "at the strike, only the second pays",
        (StateKind::Tie, Paid::Yes, _) => "at the strike, both pay",
        (StateKind::Tie, ..) => "at the strike, neither pays",
        (_, Paid::Yes, Paid::No) => "sources disagree, only the first pays",
        (_, Paid::No, Paid::Yes) => "sources disagree, only the second pays",
        (_, Paid::Yes, _) => "sources disagree, both pay",
        _ => "sources disagree, neither pays",
    }
}

fn side(listing: &Listing) -> Value {
    json!({"venue": listing.venue, "market": listing.id, "title": listing.title})
}

/// A union for machines.
#[must_use]
pub fn union_to_json(union: &Union, whole: &Listing, parts: &[&Listing]) -> Value {
    json!({
        "kind": "union",
        "whole": side(whole),
        "parts": parts.iter().map(|part| side(part)).collect::<Vec<_>>(),
        "confidence": union.confidence,
        "has_edges": union.has_edges,
    })
}

/// A nomination for machines.
#[must_use]
pub fn to_json(nomination: &Nomination, first: &Listing, second: &Listing) -> Value {
    json!({
        "first": side(first),
        "second": side(second),
        "kind": nomination.kind.name(),
        "confidence": nomination.confidence,
        "remarks": nomination.remarks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
