//! The review: a person reads both rules texts beside each other and approves, or does not.
//!
//! Input and output are given, so that a test can be the person. Nothing is approved by default: an
//! empty answer keeps a row, skips a relation, and the end of the input ends the review.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};

use dutchbook_core::clock::Clock;
use dutchbook_core::relation::check::faults;
use dutchbook_core::relation::file::{Entry, File, StateKind};

use super::Nomination;
use super::listing::Listing;
use super::proposal::{entry, union_entry};
use super::union::Union;
use crate::sim::text::Rfc3339;

/// Characters of one column.
const COLUMN: usize = 56;
/// Words of the rules that are listed as different.
const WORDS_MAX: usize = 24;

/// Who approves, and on which day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// The name that the file carries.
    pub name: String,
    /// Year-month-day.
    pub date: String,
}

/// The day of the machine's clock, as year-month-day.
#[must_use]
pub fn today() -> String {
    Rfc3339(Clock::new().now()).to_string().chars().take(10).collect()
}

/// What became of a review.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// Relations approved.
    pub approved: usize,
    /// Relations seen.
    pub seen: usize,
}

/// Lines of at most a column's width, broken between words.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && length > COLUMN {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            // A word longer than the column, a link, is cut: the venue has the whole of it.
            line.extend(word.chars().filter(|c| !c.is_control()).take(COLUMN));
        }
        lines.push(line);
    }
    lines
}

/// Two texts beside each other.
#[must_use]
pub fn beside(left: &str, right: &str) -> String {
    let (left, right) = (wrapped(left), wrapped(right));
    let line = |at: usize| {
        let of = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        format!("{:<COLUMN$} | {}", of(&left), of(&right)).trim_end().to_owned()
    };
    (0..left.len().max(right.len())).map(line).collect::<Vec<_>>().join("\n")
}

/// Words that only one of two texts has, in its order.
fn only_in(text: &str, other: &str) -> String {
    let plain = |word: &str| -> String {
        word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let known: BTreeSet<String> = other.split_whitespace().map(plain).collect();
    let mut seen = BTreeSet::new();
    let words = text.split_whitespace().map(plain);
    let fresh = words.filter(|word| !word.is_empty() && !known.contains(word));
    fresh.filter(|word| seen.insert(word.clone())).take(WORDS_MAX).collect::<Vec<_>>().join(" ")
}

/// A relation with everything that a person needs to decide about it.
#[derive(Debug)]
pub struct Proposed {
    /// The relation.
    pub entry: Entry,
    /// What is shown.
    sheet: String,
}

fn head(listing: &Listing) -> String {
    let Listing { venue, id, title, closes, tick, fee, .. } = listing;
    format!("{venue} {id}\n{title}\ncloses {closes}\ntick {tick}, fee {fee}\n")
}

/// The state table, a row each.
fn table(entry: &Entry) -> String {
    let row = |state: &dutchbook_core::relation::file::State| {
        let pays: Vec<String> = entry
            .markets
            .iter()
            .enumerate()
            .filter_map(|(at, market)| {
                let [yes, no] = entry.faces(state, at)?;
                Some(format!("{} yes {yes} no {no}", market.key))
            })
            .collect();
        format!("  {:<40} {}", state.name, pays.join(", "))
    };
    entry.states.iter().map(row).collect::<Vec<_>>().join("\n")
}

/// Two markets and their rules beside each other, and what only one of them says.
fn compared(first: &Listing, second: &Listing) -> String {
    format!(
        "{}\n\n{}\n\n{}\n\nonly the first rules say:  {}\nonly the second rules say: {}\n",
        "=".repeat(2 * COLUMN + 3),
        beside(&head(first), &head(second)),
        beside(&first.rules, &second.rules),
        only_in(&first.rules, &second.rules),
        only_in(&second.rules, &first.rules),
    )
}

impl Proposed {
    /// An oriented pair; `None` where it claims nothing.
    #[must_use]
    pub fn pair(nomination: &Nomination, first: &Listing, second: &Listing) -> Option<Self> {
        let entry = entry(nomination, first, second)?;
        let remarks: Vec<String> = nomination.remarks.iter().map(|r| format!("  {r}")).collect();
        let sheet = format!(
            "{}{}\nclaim: {}, confidence {} of 100\nstates:\n{}\n",
            compared(first, second),
            remarks.join("\n"),
            nomination.kind.name(),
            nomination.confidence,
            table(&entry),
        );
        Some(Self { entry, sheet })
    }

    /// A whole and its parts, each beside the whole.
    #[must_use]
    pub fn union(union: &Union, whole: &Listing, parts: &[&Listing]) -> Self {
        let entry = union_entry(union, whole, parts);
        let texts: Vec<String> = parts.iter().map(|part| compared(whole, part)).collect();
        let edges =
            if union.has_edges { "  numbers at the edges of two parts are in doubt\n" } else { "" };
        let sheet = format!(
            "{}{edges}claim: the first pays where exactly one of the {} others does, confidence {} of 100\n\
             states:\n{}\n",
            texts.concat(),
            parts.len(),
            union.confidence,
            table(&entry),
        );
        Self { entry, sheet }
    }
}

/// Asks, and returns the trimmed answer; `None` at the end of the input.
fn ask(
    question: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<Option<String>> {
    write!(output, "{question} ")?;
    output.flush()?;
    let mut answer = String::new();
    let count = input.read_line(&mut answer)?;
    Ok((count > 0).then(|| answer.trim().to_owned()))
}

/// Asks for a reason to exclude each kind of awkward row.
fn ask_rows(
    entry: &mut Entry,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<()> {
    for kind in [StateKind::Void, StateKind::Tie, StateKind::Postponed, StateKind::Disagreement] {
        if !entry.states.iter().any(|state| state.kind == kind) {
            continue;
        }
        let word = format!("{kind:?}").to_lowercase();
        let question =
            format!("{word} rows: empty keeps them; else the reason why they cannot be:");
        let reason = ask(&question, input, output)?.filter(|reason| !reason.is_empty());
        for state in entry.states.iter_mut().filter(|state| state.kind == kind) {
            state.excluded.clone_from(&reason);
        }
    }
    Ok(())
}

/// Shows nominations one by one and adds what is approved to the file.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn run(
    proposals: impl Iterator<Item = Proposed>,
    approver: &Approver,
    file: &mut File,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<Reviewed> {
    let mut reviewed = Reviewed::default();
    for Proposed { mut entry, sheet } in proposals {
        if file.relations.iter().any(|known| known.name == entry.name && known.is_approved()) {
            continue;
        }
        reviewed.seen += 1;
        writeln!(output, "{sheet}")?;
        let Some(answer) = ask("approve? y, n, or q to stop:", input, output)? else { break };
        match answer.as_str() {
            "q" => break,
            "y" => {}
            _ => continue,
        }
        ask_rows(&mut entry, input, output)?;
        entry.approved_by = Some(approver.name.clone());
        entry.approved_on = Some(approver.date.clone());
        let mut next = file.clone();
        next.relations.retain(|known| known.name != entry.name);
        next.relations.push(entry);
        let faults = faults(&next);
        if faults.is_empty() {
            *file = next;
            reviewed.approved += 1;
        }
        for fault in faults {
            writeln!(output, "not approved: {fault}")?;
        }
    }
    Ok(reviewed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Kind, List, Remark};

    fn listing(venue: &'static str, rules: &str) -> Listing {
        Listing {
            venue,
            id: format!("{venue}-1"),
            title: "Will Ann win?".to_owned(),
            rules: rules.to_owned(),
            tick: "0.01".to_owned(),
            fee: "f".to_owned(),
            closes: "2026-12-31".to_owned(),
        }
    }

    fn reviewed(kind: Kind, answers: &str) -> (File, String) {
        let (a, b) =
            (listing("kalshi", "Ann wins by AP."), listing("polymarket", "Ann wins by NBC."));
        let nomination = Nomination {
            first: 0,
            second: 0,
            kind,
            confidence: 90,
            likeness: 900,
            remarks: vec![Remark::YearUnsaid],
        };
        let approver = Approver { name: "a trader".to_owned(), date: "2026-11-22".to_owned() };
        let (mut file, mut output) = (File::default(), Vec::new());
        let (nomination, first, second) = crate::matching::proposal::oriented(&nomination, &a, &b);
        let list = Proposed::pair(&nomination, first, second).into_iter();
        run(list, &approver, &mut file, &mut answers.as_bytes(), &mut output).unwrap();
        (file, String::from_utf8(output).unwrap())
    }

    #[test]
    fn what_a_person_approves_is_a_file_without_a_fault() {
        for kind in [Kind::Same, Kind::Inverse, Kind::Implies, Kind::Implied, Kind::Exclusive] {
            let (file, shown) = reviewed(kind, "y\n\nboth name the same source\nsame call\n");
            assert_eq!(file.relations.len(), 1, "{}: {shown}", kind.name());
            let entry = &file.relations[0];
            assert!(entry.is_approved());
            let is_out = |kind| {
                let mut rows = entry.states.iter().filter(|state| state.kind == kind);
                rows.all(|state| state.excluded.is_some())
            };
            assert!(is_out(StateKind::Disagreement) && !is_out(StateKind::Void));
            assert_eq!(File::parse(&file.to_toml().unwrap()).unwrap(), file);
        }
    }

    #[test]
    fn a_union_shows_every_text_and_is_a_relation_without_a_fault() {
        let whole = listing("kalshi", "Above 3.");
        let mut parts = ["3 to 4.", "Above 4."].map(|rules| listing("polymarket", rules));
        parts[1].id += "b";
        for has_edges in [false, true] {
            let parts: Vec<&Listing> = parts.iter().collect();
            let union = Union {
                whole_in: List::First,
                whole: 0,
                parts: vec![0, 1],
                has_edges,
                confidence: 80,
            };
            let proposed = Proposed::union(&union, &whole, &parts);
            let shown = proposed.sheet.clone();
            assert!(shown.contains("3 to 4.") && shown.contains("Above 4."), "{shown}");
            assert_eq!(shown.contains("between the parts, only the whole pays"), has_edges);
            let approver = Approver { name: "a trader".to_owned(), date: "2026-11-22".to_owned() };
            let (mut file, mut output) = (File::default(), Vec::new());
            let answers = "y\n\n\n\n\n";
            run([proposed].into_iter(), &approver, &mut file, &mut answers.as_bytes(), &mut output)
                .unwrap();
            assert_eq!(file.relations.len(), 1, "{}", String::from_utf8_lossy(&output));
            assert_eq!(File::parse(&file.to_toml().unwrap()).unwrap(), file);
        }
    }

    #[test]
    fn nothing_is_approved_by_silence() {
        for answers in ["", "\n", "n\n", "q\n"] {
            let (file, shown) = reviewed(Kind::Same, answers);
            assert!(file.relations.is_empty(), "{answers:?}");
            assert!(shown.contains("only the second rules say: nbc"), "{shown}");
            assert!(shown.contains("only one names the year"), "{shown}");
        }
    }

    #[test]
    fn texts_stand_beside_each_other() {
        let shown = beside("left side", &"right ".repeat(12));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 2, "{shown}");
        assert!(lines[0].starts_with("left side") && lines[1].trim_start().starts_with('|'));
    }
}
