//! What a replay says: one JSON object per file, or a table that a person reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::capture::CaptureFindings;
use super::lives::Life;

/// Rounds of a tape, counted by the exact definitions of the module documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// All.
    pub all: u64,
    /// Every quote that the comparison needs is there.
    pub comparable: u64,
    /// The prices alone leave an edge.
    pub gross: u64,
    /// An edge is left after unrounded fees.
    pub net: u64,
}

impl Rounds {
    /// The sums.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            all: self.all.saturating_add(other.all),
            comparable: self.comparable.saturating_add(other.comparable),
            gross: self.gross.saturating_add(other.gross),
            net: self.net.saturating_add(other.net),
        }
    }

    fn write(self, object: &mut Map<String, Value>) {
        object.insert("rounds".to_owned(), json!(self.all));
        object.insert("rounds_comparable".to_owned(), json!(self.comparable));
        object.insert("rounds_gross".to_owned(), json!(self.gross));
        object.insert("rounds_net".to_owned(), json!(self.net));
    }
}

/// One pair of a cross-venue tape.
#[derive(Clone, Debug)]
pub struct PairReport {
    /// The recorder's name of the pair.
    pub pair: String,
    /// Its rounds.
    pub rounds: Rounds,
    /// The best edge per contract after unrounded fees, as a decimal number of cents.
    pub best_net_cents: Option<String>,
}

/// What a file holds and what was found in it.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// Name of the format.
    pub format: &'static str,
    /// Lines that carry a message.
    pub messages: u64,
    /// Messages by kind; the messages of an array frame are counted one by one.
    pub kinds: BTreeMap<String, u64>,
    /// Unified books that received a snapshot.
    pub books: u64,
    /// Holes in a venue's sequence.
    pub sequence_gaps: u64,
    /// States in which a book's bid reached its ask, after the last message of one moment.
    pub crossed: u64,
    /// Levels that a message would have made negative, or stated as negative.
    pub negative: u64,
    /// Payloads that the decoder refused.
    pub refused: u64,
    /// Whether deltas led to the last snapshot; `None` where the recording cannot tell.
    pub final_snapshot_agrees: Option<bool>,
    /// Whether the first snapshots equal the books that were read beside the stream; `None` where
    /// none were.
    pub start_snapshots_agree: Option<bool>,
    /// Gross lives; `None` where only edges after fees were followed.
    pub opportunities_gross: Option<u64>,
    /// Net lives.
    pub opportunities: Vec<Life>,
    /// Rounds, where the format has rounds.
    pub rounds: Option<Rounds>,
    /// Gross rounds by kind of basket, where a round can show several.
    pub gross_rounds_by_kind: BTreeMap<String, u64>,
    /// Pairs of a cross-venue tape.
    pub pairs: Option<Vec<PairReport>>,
    /// What a capture adds: decisions, and what is missing.
    pub capture: Option<CaptureFindings>,
    /// What is missing of an imported capture, which has no decisions.
    pub imported: Option<Vec<String>>,
    /// Of the messages, those of other sources, which no decoder saw.
    pub messages_foreign: u64,
    /// Time spent in decoding, books and evaluation; of frames without file reading and unpacking,
    /// of tapes with both, for there the line is the message.
    pub engine_ns: u64,
}

impl FileReport {
    /// Counts one message of a kind.
    pub fn count_kind(&mut self, kind: &str) {
        count(&mut self.kinds, kind);
    }

    /// Counts one gross round of a kind of basket.
    pub fn count_gross_round(&mut self, kind: &str) {
        count(&mut self.gross_rounds_by_kind, kind);
    }

    /// Adds the report of another file of the same import.
    pub fn add(&mut self, other: Self) {
        for (kind, more) in other.kinds {
            let sum = self.kinds.entry(kind).or_default();
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in [
            (&mut self.messages, other.messages),
            (&mut self.messages_foreign, other.messages_foreign),
            (&mut self.books, other.books),
            (&mut self.sequence_gaps, other.sequence_gaps),
            (&mut self.crossed, other.crossed),
            (&mut self.negative, other.negative),
            (&mut self.refused, other.refused),
            (&mut self.engine_ns, other.engine_ns),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.final_snapshot_agrees = match (self.final_snapshot_agrees, other.final_snapshot_agrees)
        {
            (Some(own), Some(other)) => Some(own && other),
            (own, other) => own.or(other),
        };
        let gross = self.opportunities_gross.zip(other.opportunities_gross);
        self.opportunities_gross = gross.map(|(own, other)| own.saturating_add(other));
        self.opportunities.extend(other.opportunities);
    }

    /// Messages per second of [`FileReport::engine_ns`], rounded down.
    #[must_use]
    pub fn messages_per_second(&self) -> u64 {
        let per_second = u128::from(self.messages.saturating_sub(self.messages_foreign))
            .saturating_mul(1_000_000_000)
            .checked_div(u128::from(self.engine_ns))
            .unwrap_or(0);
        u64::try_from(per_second).unwrap_or(u64::MAX)
    }

    /// The JSON object of the report.
    #[must_use]
    pub fn json(&self, file: &str) -> Value {
        let opportunities: Vec<Value> = self.opportunities.iter().map(life_json).collect();
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
        put("file", json!(file));
        put("format", json!(self.format));
        put("messages", json!(self.messages));
        put("messages_by_kind", json!(self.kinds));
        put("books", json!(self.books));
        put("sequence_gaps", json!(self.sequence_gaps));
        put("crossed", json!(self.crossed));
        put("negative", json!(self.negative));
        put("refused", json!(self.refused));
        put("final_snapshot_agrees", json!(self.final_snapshot_agrees));
        if let Some(agree) = self.start_snapshots_agree {
            put("start_snapshots_agree", json!(agree));
        }
        put("opportunities_gross", json!(self.opportunities_gross));
        put("opportunities_net", json!(self.opportunities.len()));
        put("opportunities", Value::Array(opportunities));
        if let Some(rounds) = self.rounds {
            rounds.write(&mut object);
        }
        if !self.gross_rounds_by_kind.is_empty() {
            let by_kind = json!(self.gross_rounds_by_kind);
            object.insert("rounds_gross_by_kind".to_owned(), by_kind);
        }
        if let Some(pairs) = &self.pairs {
            let pairs = pairs.iter().map(pair_json).collect();
            object.insert("pairs".to_owned(), Value::Array(pairs));
        }
        if let Some(capture) = &self.capture {
            capture.write(&mut object);
        }
        if let Some(losses) = &self.imported {
            object.insert("complete".to_owned(), json!(losses.is_empty()));
            object.insert("losses".to_owned(), json!(losses));
        }
        object.insert("messages_per_second".to_owned(), json!(self.messages_per_second()));
        Value::Object(object)
    }

    /// The report as text, no line wider than a terminal.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write_text(&mut out, file);
        out
    }

    fn write_text(&self, out: &mut String, file: &str) -> core::fmt::Result {
        writeln!(out, "{file}")?;
        writeln!(out, "  format           {}", self.format)?;
        let rate = self.messages_per_second();
        writeln!(out, "  messages         {} ({rate}/s)", self.messages)?;
        for (kind, count) in &self.kinds {
            writeln!(out, "    {count:>9}  {kind}")?;
        }
        writeln!(out, "  books            {}", self.books)?;
        writeln!(
            out,
            "  states           {} sequence gaps, {} crossed, {} negative, {} refused",
            self.sequence_gaps, self.crossed, self.negative, self.refused
        )?;
        let agrees = match self.final_snapshot_agrees {
            Some(true) => "agrees with the deltas before it",
            Some(false) => "DIFFERS from the deltas before it",
            None => "none to compare",
        };
        writeln!(out, "  final snapshot   {agrees}")?;
        if let Some(agree) = self.start_snapshots_agree {
            let agree = if agree { "equal" } else { "DIFFER from" };
            writeln!(out, "  first snapshots  {agree} the books read beside the stream")?;
        }
        self.write_rounds(out)?;
        for loss in self.imported.iter().flatten() {
            writeln!(out, "  missing          {loss}")?;
        }
        if let Some(capture) = &self.capture {
            capture.write_text(out)?;
        }
        self.write_opportunities(out)
    }

    fn write_rounds(&self, out: &mut String) -> core::fmt::Result {
        let Some(rounds) = self.rounds else { return Ok(()) };
        let line = |name: &str, rounds: Rounds, best: &str| {
            let best = format!("{best:>12}");
            format!(
                "    {:<26} {:>7} {:>10} {:>7} {:>7} {}",
                shortened(name, 26),
                rounds.all,
                rounds.comparable,
                rounds.gross,
                rounds.net,
                if best.trim().is_empty() { "" } else { &best }
            )
        };
        writeln!(
            out,
            "  rounds                           all comparable   gross     net   best cents"
        )?;
        for pair in self.pairs.iter().flatten() {
            let best = pair.best_net_cents.as_deref().unwrap_or("-");
            writeln!(out, "{}", line(&pair.pair, pair.rounds, shortened(best, 12)))?;
        }
        writeln!(out, "{}", line("all", rounds, ""))?;
        for (kind, count) in &self.gross_rounds_by_kind {
            writeln!(out, "    {count:>9}  gross rounds of kind {kind}")?;
        }
        Ok(())
    }

    fn write_opportunities(&self, out: &mut String) -> core::fmt::Result {
        /// Rows that a person still reads; the JSON has all.
        const ROWS_MAX: usize = 12;
        let gross =
            self.opportunities_gross.map(|count| format!("{count} gross, ")).unwrap_or_default();
        let net = self.opportunities.len();
        writeln!(out, "  opportunities    {gross}{net} net of fees")?;
        if self.opportunities.is_empty() {
            return Ok(());
        }
        writeln!(out, "      id  kind                 size        edge $     life s  what")?;
        for life in self.opportunities.iter().take(ROWS_MAX) {
            let life_ms = life.died.since(life.born).millis();
            writeln!(
                out,
                "    {:>4}  {:<13} {:>11} {:>13} {:>6}.{:03}  {}",
                life.id,
                shortened(life.kind, 13),
                life.best.size.to_string(),
                life.best.edge.to_string(),
                life_ms / 1000,
                life_ms % 1000,
                shortened(&life.what, 40)
            )?;
        }
        match self.opportunities.len().checked_sub(ROWS_MAX) {
            Some(more) if more > 0 => writeln!(out, "    … and {more} more (--json has all)"),
            _ => Ok(()),
        }
    }
}

/// Adds one to a named count.
pub(super) fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count = count.saturating_add(1),
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

/// The first `width` characters of a text.
fn shortened(text: &str, width: usize) -> &str {
    match text.char_indices().nth(width) {
        Some((at, _)) => text.get(..at).unwrap_or(text),
        None => text,
    }
}

fn life_json(life: &Life) -> Value {
    json!({
        "id": life.id,
        "kind": life.kind,
        "what": life.what,
        "size": life.best.size.to_string(),
        "net_edge": life.best.edge.to_string(),
        "born_ns": life.born.0,
        "died_ns": life.died.0,
        "states": life.states,
    })
}

fn pair_json(pair: &PairReport) -> Value {
    let mut object = Map::new();
    object.insert("pair".to_owned(), json!(pair.pair));
    pair.rounds.write(&mut object);
    object.insert("best_net_cents".to_owned(), json!(pair.best_net_cents));
    Value::Object(object)
}

/// The JSON object of a file that could not be replayed.
#[must_use]
pub fn failed_json(file: &str, error: &str) -> Value {
    json!({ "file": file, "error": error })
}
