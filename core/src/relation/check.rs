//! Whether a relations file holds together: each refusal names the relations and the reason.
//!
//! A relation alone must be possible: every market paid in every state, its law true in every
//! outcome, the awkward rows given or excluded. All relations together must be, too: what they
//! say is followed from market to market, and nothing may come out that makes a market unable to
//! pay.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::Price;

use super::file::{Entry, File, Kind, State, StateKind};

/// Why relations are refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The relations that are to blame, by name.
    pub relations: Vec<String>,
    /// What is wrong, and what to do.
    pub why: String,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.relations.join(" and "), self.why)
    }
}

/// Everything that is wrong with a file; empty when it may be used.
#[must_use]
pub fn faults(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for entry in &file.relations {
        let mut whys = Vec::new();
        check_markets(entry, &mut whys);
        check_approval(entry, &mut whys);
        if whys.is_empty() {
            check_states(entry, &mut whys);
        }
        if whys.is_empty() {
            check_law(entry, &mut whys);
        }
        let relations = vec![entry.name.clone()];
        faults.extend(whys.into_iter().map(|why| Fault { relations: relations.clone(), why }));
    }
    check_names(file, &mut faults);
    if faults.is_empty() {
        check_overlap(file, &mut faults);
        check_together(file, &mut faults);
    }
    faults
}

fn check_markets(entry: &Entry, whys: &mut Vec<String>) {
    let least = if matches!(entry.kind, Kind::Union) { 3 } else { 2 };
    let is_pair = matches!(entry.kind, Kind::Same | Kind::Inverse | Kind::Implies);
    let count = entry.markets.len();
    if count < least || (is_pair && count != 2) {
        whys.push(format!("has {count} markets, its kind needs {least}"));
    }
    let mut keys = BTreeSet::new();
    let mut places = BTreeSet::new();
    for market in &entry.markets {
        if !keys.insert(&market.key) {
            whys.push(format!("the key `{}` is given twice", market.key));
        }
        if !places.insert((&market.venue, &market.market)) {
            whys.push(format!("the market {} of {} is in it twice", market.market, market.venue));
        }
        let hash = &market.rules_sha256;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            whys.push(format!("`{}` needs the SHA-256 of its rules text in hex", market.key));
        }
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
    matches!(parts.as_slice(), [Some(1900..=2999), Some(1..=12), Some(1..=31)])
}

fn check_approval(entry: &Entry, whys: &mut Vec<String>) {
    match (&entry.approved_by, &entry.approved_on) {
        (None, None) => {}
        (Some(who), Some(when)) if !who.trim().is_empty() && is_date(when) => {}
        _ => whys.push("an approval needs approved_by and approved_on (year-month-day)".to_owned()),
    }
}

/// Rows that a careful reader asks about: on one venue what a void pays, on two also what happens
/// late and when the sources disagree.
fn needed_rows(entry: &Entry) -> Vec<StateKind> {
    let venues: BTreeSet<&str> = entry.markets.iter().map(|market| market.venue.as_str()).collect();
    if venues.len() > 1 {
        vec![StateKind::Void, StateKind::Postponed, StateKind::Disagreement]
    } else {
        vec![StateKind::Void]
    }
}

fn check_states(entry: &Entry, whys: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for state in &entry.states {
        let name = &state.name;
        if !names.insert(name) {
            whys.push(format!("the state `{name}` is given twice"));
        }
        if state.excluded.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            whys.push(format!("the state `{name}` is excluded without a reason"));
        }
        if state.kind == StateKind::Outcome && state.excluded.is_some() {
            whys.push(format!("the outcome `{name}` cannot be excluded: leave it out"));
        }
        let known: BTreeSet<&String> = entry.markets.iter().map(|market| &market.key).collect();
        if let Some(other) = state.pays.keys().find(|key| !known.contains(key)) {
            whys.push(format!("the state `{name}` pays `{other}`, which is no market of it"));
        }
        for (at, market) in entry.markets.iter().enumerate() {
            let key = &market.key;
            match entry.faces(state, at) {
                None => {
                    whys.push(format!("the state `{name}` needs a payoff from 0 to 1 of `{key}`"))
                }
                Some([yes, no]) if yes.micro() + no.micro() > Price::ONE.micro() => {
                    let why = "pays more than a dollar on both faces of";
                    whys.push(format!("the state `{name}` {why} `{key}`: impossible"));
                }
                Some(_) => {}
            }
        }
    }
    for kind in needed_rows(entry) {
        if !entry.states.iter().any(|state| state.kind == kind) {
            let kind = format!("{kind:?}").to_lowercase();
            whys.push(format!("has no {kind} row: give one, or exclude it with a reason"));
        }
    }
}

/// Which YES faces pay in an outcome; `None` where one pays neither nothing nor all.
fn truths(entry: &Entry, state: &State) -> Option<Vec<bool>> {
    let truth = |at: usize| match entry.faces(state, at)? {
        [Price::ONE, Price::ZERO] => Some(true),
        [Price::ZERO, Price::ONE] => Some(false),
        _ => None,
    };
    (0..entry.markets.len()).map(truth).collect()
}

fn holds(kind: Kind, truths: &[bool]) -> bool {
    let count = truths.iter().filter(|truth| **truth).count();
    match (kind, truths) {
        (Kind::Same, [a, b]) => a == b,
        (Kind::Inverse, [a, b]) => a != b,
        (Kind::Implies, [a, b]) => !a || *b,
        (Kind::Same | Kind::Inverse | Kind::Implies, _) => false,
        (Kind::Partition, _) => count == 1,
        (Kind::Exclusive, _) => count <= 1,
        (Kind::Ladder, _) => truths.is_sorted_by(|earlier, later| earlier >= later),
        (Kind::Union, _) => {
            let parts = truths.iter().skip(1).filter(|truth| **truth).count();
            parts <= 1 && truths.first() == Some(&(parts == 1))
        }
    }
}

/// Every outcome obeys the law, none is given twice, and every market can go either way.
fn check_law(entry: &Entry, whys: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let outcomes = entry.states.iter().filter(|state| state.kind == StateKind::Outcome);
    for state in outcomes {
        let name = &state.name;
        let Some(truths) = truths(entry, state) else {
            whys.push(format!("the outcome `{name}` must pay 1 or 0: else it is no outcome"));
            continue;
        };
        if !holds(entry.kind, &truths) {
            whys.push(format!("the outcome `{name}` contradicts the relation's kind"));
        }
        if !seen.insert(truths) {
            whys.push(format!("the outcome `{name}` repeats another"));
        }
    }
    for (at, market) in entry.markets.iter().enumerate() {
        for wanted in [true, false] {
            if !seen.iter().any(|truths| truths.get(at) == Some(&wanted)) {
                let word = if wanted { "pays" } else { "fails" };
                whys.push(format!("`{}` never {word} in its outcomes: impossible", market.key));
            }
        }
    }
}

fn check_names(file: &File, faults: &mut Vec<Fault>) {
    let mut names = BTreeSet::new();
    for entry in &file.relations {
        if !names.insert(&entry.name) {
            let why = "this name is given twice".to_owned();
            faults.push(Fault { relations: vec![entry.name.clone()], why });
        }
    }
}

/// Two approvals about the same markets would be two answers to one question.
fn check_overlap(file: &File, faults: &mut Vec<Fault>) {
    let mut seen: BTreeMap<BTreeSet<(&str, &str)>, &str> = BTreeMap::new();
    for entry in file.relations.iter().filter(|entry| entry.is_approved()) {
        let markets = entry.markets.iter().map(|m| (m.venue.as_str(), m.market.as_str())).collect();
        if let Some(other) = seen.insert(markets, &entry.name) {
            let relations = vec![other.to_owned(), entry.name.clone()];
            let why = "both are approved for the same markets: keep one".to_owned();
            faults.push(Fault { relations, why });
        }
    }
}

/// "This market pays" or "it does not": twice its place, and one more for "does not".
type Literal = usize;

const fn negated(literal: Literal) -> Literal {
    literal ^ 1
}

/// What follows from what, and by which relation.
#[derive(Debug, Default)]
struct Web<'a> {
    places: BTreeMap<(&'a str, &'a str), usize>,
    names: Vec<String>,
    /// By literal: what follows, and the relation that says so.
    follows: Vec<Vec<(Literal, usize)>>,
}

impl<'a> Web<'a> {
    fn of(file: &'a File) -> Self {
        let mut web = Self::default();
        for (index, entry) in file.relations.iter().enumerate() {
            let yes: Vec<Literal> = entry
                .markets
                .iter()
                .map(|market| web.place(&market.venue, &market.market) * 2)
                .collect();
            web.add(entry.kind, &yes, index);
        }
        web
    }

    fn place(&mut self, venue: &'a str, market: &'a str) -> usize {
        let next = self.names.len();
        let place = *self.places.entry((venue, market)).or_insert(next);
        if place == next {
            self.names.push(format!("{venue}:{market}"));
            self.follows.extend([Vec::new(), Vec::new()]);
        }
        place
    }

    /// `a` implies `b`, and so not `b` implies not `a`.
    fn implies(&mut self, a: Literal, b: Literal, relation: usize) {
        for (from, to) in [(a, b), (negated(b), negated(a))] {
            if let Some(list) = self.follows.get_mut(from) {
                list.push((to, relation));
            }
        }
    }

    fn add(&mut self, kind: Kind, yes: &[Literal], relation: usize) {
        match (kind, yes) {
            (Kind::Same, &[a, b]) => {
                self.implies(a, b, relation);
                self.implies(b, a, relation);
            }
            (Kind::Inverse, &[a, b]) => {
                self.implies(a, negated(b), relation);
                self.implies(negated(b), a, relation);
            }
            (Kind::Implies, &[a, b]) => self.implies(a, b, relation),
            (Kind::Same | Kind::Inverse | Kind::Implies, _) => {}
            (Kind::Partition | Kind::Exclusive, _) => self.exclude(yes, relation),
            (Kind::Ladder, _) => {
                for pair in yes.windows(2) {
                    if let &[weaker, stronger] = pair {
                        self.implies(stronger, weaker, relation);
                    }
                }
            }
            (Kind::Union, _) => {
                let Some((&whole, parts)) = yes.split_first() else { return };
                for &part in parts {
                    self.implies(part, whole, relation);
                }
                self.exclude(parts, relation);
            }
        }
    }

    fn exclude(&mut self, yes: &[Literal], relation: usize) {
        for (at, &a) in yes.iter().enumerate() {
            for &b in yes.iter().skip(at + 1) {
                self.implies(a, negated(b), relation);
            }
        }
    }

    /// The relations on a way from one literal to another, where there is one.
    fn way(
        &self,
        from: Literal,
        to: Literal,
        may_use: impl Fn(usize) -> bool,
    ) -> Option<Vec<usize>> {
        let mut came: Vec<Option<(Literal, usize)>> = vec![None; self.follows.len()];
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            for &(next, relation) in self.follows.get(at).into_iter().flatten() {
                let slot = came.get_mut(next).filter(|slot| slot.is_none() && may_use(relation));
                let Some(slot) = slot else { continue };
                *slot = Some((at, relation));
                if next == to {
                    return Some(back(&came, from, to));
                }
                open.push(next);
            }
        }
        None
    }
}

/// The relations on the way that was found, each once.
fn back(came: &[Option<(Literal, usize)>], from: Literal, to: Literal) -> Vec<usize> {
    let (mut at, mut used) = (to, BTreeSet::new());
    for _ in 0..came.len() {
        let Some((previous, relation)) = came.get(at).copied().flatten() else { break };
        used.insert(relation);
        at = previous;
        if at == from {
            break;
        }
    }
    used.into_iter().collect()
}

/// Follows everything that all relations say: no market may be unable to pay or to fail, and what
/// implies itself in a circle is to be called the same.
fn check_together(file: &File, faults: &mut Vec<Fault>) {
    let web = Web::of(file);
    let names = |used: &[usize]| -> Vec<String> {
        let name = |&index: &usize| file.relations.get(index).map(|entry| entry.name.clone());
        used.iter().filter_map(name).collect()
    };
    let is_implication = |relation: usize| {
        file.relations.get(relation).is_some_and(|entry| entry.kind == Kind::Implies)
    };
    let mut found = BTreeSet::new();
    for (place, market) in web.names.iter().enumerate() {
        let (yes, no) = (place * 2, place * 2 + 1);
        for (from, to, word) in [(yes, no, "pay"), (no, yes, "fail to pay")] {
            if let Some(used) = web.way(from, to, |_| true) {
                let why = format!("together they contradict: {market} could never {word}");
                found.insert(Fault { relations: names(&used), why });
            }
        }
        if let Some(used) = web.way(yes, yes, is_implication) {
            let why =
                "imply each other in a circle: call the markets the same, or drop one".to_owned();
            found.insert(Fault { relations: names(&used), why });
        }
    }
    faults.extend(found);
}

#[cfg(test)]
mod tests;
