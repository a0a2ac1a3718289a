//! `dutchbook match --score FILE`: how well the matcher does on pairs that people have labelled.
//!
//! The titles of the two columns become two lists, and the lists are matched as in production. Only
//! titles and closing days are read before that; labels, polarities, notes, sources and ids are not
//! looked at until every pair has its verdict.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Kind, Market, Nomination, nominate};
use crate::replay::error::ReplayError;
use crate::replay::source::Lines;

/// Why a file could not be scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReplayError,
    },
    /// A line is no labelled pair.
    #[error(
        "{}: line {line}: {found}; expected an object with kalshi_title, polymarket_title and label",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
        /// What was found.
        found: String,
    },
}

/// A row with the number of its line.
type Row = (u64, Map<String, Value>);

/// The two lists, and which title of each a row names.
#[derive(Debug, Default)]
struct Lists {
    first: List,
    second: List,
    rows: Vec<(usize, usize)>,
}

/// Distinct titles in the order of the file.
#[derive(Debug, Default)]
struct List {
    markets: Vec<Market>,
    places: BTreeMap<String, usize>,
}

impl List {
    fn place(&mut self, title: &str, close: Option<(i32, u8, u8)>) -> usize {
        if let Some(&place) = self.places.get(title) {
            return place;
        }
        let place = self.markets.len();
        self.places.insert(title.to_owned(), place);
        self.markets.push(Market { title: title.to_owned(), close });
        place
    }
}

/// What the labels say of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Label {
    is_true: bool,
    is_inverted: bool,
}

/// The day of a time stamp.
pub(super) fn day(text: &str) -> Option<(i32, u8, u8)> {
    let part = |range: core::ops::Range<usize>| text.get(range);
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

fn lists(rows: &[Row]) -> Option<Lists> {
    let mut lists = Lists::default();
    for (_, row) in rows {
        let close = |key: &str| row.get(key).and_then(Value::as_str).and_then(day);
        let title = |key: &str| row.get(key).and_then(Value::as_str);
        let first = lists.first.place(title("kalshi_title")?, close("kalshi_close_time"));
        let second = lists.second.place(title("polymarket_title")?, close("polymarket_close_time"));
        lists.rows.push((first, second));
    }
    Some(lists)
}

fn label(row: &Map<String, Value>) -> Result<Label, String> {
    let is_true = match row.get("label").and_then(Value::as_str) {
        Some("true_match") => true,
        Some("false_match") => false,
        _ => return Err("`label` is neither true_match nor false_match".to_owned()),
    };
    let is_inverted = row.get("polarity").and_then(Value::as_str) == Some("inverted");
    Ok(Label { is_true, is_inverted })
}

/// Reads the rows and checks that each names two titles.
fn read(path: &Path) -> Result<Vec<Row>, ScoreError> {
    let unread = |source| ScoreError::Read { path: path.to_path_buf(), source };
    let mut lines = Lines::open(path).map_err(unread)?;
    let mut rows = Vec::new();
    while let Some(line) = lines.next_line().map_err(unread)? {
        let row: Option<Map<String, Value>> = serde_json::from_slice(line).ok();
        let number = lines.line();
        let bad =
            |found: String| ScoreError::Line { path: path.to_path_buf(), line: number, found };
        let row = row.ok_or_else(|| bad("no JSON object".to_owned()))?;
        for key in ["kalshi_title", "polymarket_title"] {
            if !row.get(key).is_some_and(Value::is_string) {
                return Err(bad(format!("`{key}` is missing or no text")));
            }
        }
        rows.push((number, row));
    }
    if rows.is_empty() {
        return Err(unread(ReplayError::Empty));
    }
    Ok(rows)
}

/// Scores a file of labelled pairs.
///
/// # Errors
/// When the file cannot be read or a line is no labelled pair.
pub fn run(path: &Path, progress: impl FnMut(usize, usize)) -> Result<Value, ScoreError> {
    let rows = read(path)?;
    let lists = lists(&rows).unwrap_or_default();
    let mut progress = progress;
    let total = lists.first.markets.len();
    let found = nominate(&lists.first.markets, &lists.second.markets, |done| progress(done, total));
    let label = |(line, row): &Row| {
        label(row).map_err(|found| ScoreError::Line {
            path: path.to_path_buf(),
            line: *line,
            found,
        })
    };
    let labels: Vec<Label> = rows.iter().map(label).collect::<Result<_, _>>()?;
    Ok(report(&lists, &labels, &found))
}

/// What was counted over the labelled pairs.
#[derive(Debug, Default)]
struct Counts {
    matches: usize,
    matches_nominated: usize,
    identities: usize,
    identities_right: usize,
    inverted: usize,
    inverted_right: usize,
    /// By label, then by verdict.
    confusion: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

impl Counts {
    fn note(&mut self, label: Label, verdict: Option<Kind>) {
        let row = match (label.is_true, label.is_inverted) {
            (false, _) => "false_match",
            (true, false) => "true_match",
            (true, true) => "true_match_inverted",
        };
        let column = verdict.map_or("not_nominated", Kind::name);
        *self.confusion.entry(row).or_default().entry(column).or_default() += 1;
        self.matches += usize::from(label.is_true);
        self.matches_nominated += usize::from(label.is_true && verdict.is_some());
        let wanted = if label.is_inverted { Kind::Inverse } else { Kind::Same };
        let is_right = label.is_true && verdict == Some(wanted);
        self.identities += usize::from(verdict.is_some_and(Kind::is_identity));
        self.identities_right += usize::from(is_right);
        self.inverted += usize::from(label.is_true && label.is_inverted);
        self.inverted_right += usize::from(is_right && label.is_inverted);
    }

    /// Every cell, so that a zero is a number and not a gap.
    fn confusion(&self) -> Value {
        let mut rows = Map::new();
        for row in ["true_match", "true_match_inverted", "false_match"] {
            let mut cells = Map::new();
            for column in Kind::ALL.into_iter().map(Kind::name).chain(["not_nominated"]) {
                let count = self.confusion.get(row).and_then(|cells| cells.get(column));
                cells.insert(column.to_owned(), json!(count.copied().unwrap_or(0)));
            }
            rows.insert(row.to_owned(), Value::Object(cells));
        }
        Value::Object(rows)
    }
}

/// A share as a number from 0 to 1, to six decimals; `null` of nothing.
fn share(part: usize, whole: usize) -> Value {
    let scaled = part.saturating_mul(1_000_000).checked_div(whole);
    let decimal = scaled.map(|micro| format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000));
    decimal.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null)
}

fn report(lists: &Lists, labels: &[Label], found: &[Nomination]) -> Value {
    let verdicts: BTreeMap<(usize, usize), Kind> =
        found.iter().map(|n| ((n.first, n.second), n.kind)).collect();
    let mut counts = Counts::default();
    for (row, label) in lists.rows.iter().zip(labels) {
        counts.note(*label, verdicts.get(row).copied());
    }
    let titles = lists.first.markets.len();
    json!({
        "pairs": labels.len(),
        "kalshi_titles": titles,
        "polymarket_titles": lists.second.markets.len(),
        "nominated": found.len(),
        "recall_nominated": share(counts.matches_nominated, counts.matches),
        "nominated_per_market": share(found.len(), titles),
        "recall_same": share(counts.identities_right, counts.matches),
        "precision_same": share(counts.identities_right, counts.identities),
        "inverted_correct": counts.inverted_right,
        "inverted_total": counts.inverted,
        "confusion": counts.confusion(),
    })
}

/// The printed score for a person.
#[must_use]
pub fn text(score: &Value) -> String {
    let lines = score.as_object().into_iter().flatten().map(|(key, value)| match value {
        Value::Object(rows) => {
            let rows = rows.iter().map(|(name, cells)| format!("  {name}: {cells}"));
            format!("{key}\n{}", rows.collect::<Vec<_>>().join("\n"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            format!("{key} {value}")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
