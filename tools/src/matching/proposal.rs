//! A nomination as a relation to approve: its markets, its state table, its claim.
//!
//! Every awkward row is admitted at first, with the worst number that a rule could mean. A pair with
//! all of them has no floor, and so is never traded, until a person has said why a row cannot be.

use std::collections::BTreeMap;

use dutchbook_core::relation::file::{Entry, Kind as Law, Listed, Pays, State, StateKind};
use serde_json::{Value, json};

use super::listing::Listing;
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

/// The relation that an oriented nomination proposes; `None` where it claims nothing.
#[must_use]
pub fn entry(nomination: &Nomination, first: &Listing, second: &Listing) -> Option<Entry> {
    let Claim { law, outcomes: mut rows, denied } = claim(nomination.kind)?;
    rows.extend(VOIDS);
    for &(a, b) in &denied {
        rows.push((name(StateKind::Postponed, a, b), StateKind::Postponed, a, b));
        rows.push((name(StateKind::Disagreement, a, b), StateKind::Disagreement, a, b));
        if nomination.remarks.contains(&Remark::Edge) {
            rows.push((name(StateKind::Tie, a, b), StateKind::Tie, a, b));
        }
    }
    let state = |&(name, kind, a, b): &Row| State {
        name: name.to_owned(),
        kind,
        excluded: None,
        pays: BTreeMap::from([
            ("first".to_owned(), a.pays(first.venue)),
            ("second".to_owned(), b.pays(second.venue)),
        ]),
    };
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
        states: rows.iter().map(state).collect(),
    })
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

/// A nomination for machines.
#[must_use]
pub fn to_json(nomination: &Nomination, first: &Listing, second: &Listing) -> Value {
    let side = |listing: &Listing| json!({"venue": listing.venue, "market": listing.id, "title": listing.title});
    json!({
        "first": side(first),
        "second": side(second),
        "kind": nomination.kind.name(),
        "confidence": nomination.confidence,
        "remarks": nomination.remarks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
