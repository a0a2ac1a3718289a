//! `dutchbook replay PATH… [--json]`: recordings through the real decoders, books and evaluator.
//!
//! # Formats
//!
//! A file's first lines tell its format; its name does not matter. Files may be plain, zstd or gzip.
//!
//! | format | a line is |
//! | --- | --- |
//! | `polymarket-ws-utf8` | `{receivedAt, payloadUtf8}` around a market frame |
//! | `polymarket-ws-frames` | a market frame, object or array |
//! | `polymarket-ws-session` | `{run_id, source, recv_wall_ts, …, payload}`; sources other than `polymarket_clob` are counted, REST books are snapshots |
//! | `kalshi-ws-frames` | a WebSocket frame |
//! | `kalshi-ws-perpetuals` | the same of the perpetuals exchange: counted, not applied |
//! | `kalshi-depth-tape` | a poll of one full book: `{ticker, captured_at, yes_bids, no_bids}` |
//! | `kalshi-events-tape` | a poll of one event: `{event_ticker, captured_at, outcomes}`, also under `current` |
//! | `pair-tape` | one venue's best prices of a pair in a round: `{ts, venue, pair, bid, ask, …}` |
//! | `pair-polls` | both venues' best prices of a pair: `{captured_at, kalshi, polymarket}` |
//!
//! A folder that `--record`, `record` or `import` has made is one object (format `capture`): the run
//! is followed exactly as it was ([`capture`]), and `decisions_digest` equals the live run's.
//!
//! # What is counted
//!
//! * `messages`: lines that carry a message. `messages_by_kind`: the messages in them, so that an
//!   array frame of two books counts one message and two of kind `book`.
//! * `books`: unified books (both faces of a market are one) that received a snapshot.
//! * `crossed`: states whose bid reached the ask, after the last message of one venue time stamp.
//! * `final_snapshot_agrees`: the levels that deltas left are compared with the last snapshot that
//!   the same stream sent for that book, provided that at least one delta lies between it and the
//!   snapshot before, no sequence number is missing and no silence is longer than 60 s. The first
//!   array of books of a Polymarket connection and REST bodies begin anew and are not compared.
//!   `null` when nothing can be compared.
//! * `start_snapshots_agree` (only where books lie beside a Kalshi recording): the books after the
//!   first snapshots equal those.
//! * `opportunities_gross`, `opportunities_net`: lives, that is runs of consecutive states of one
//!   basket, by prices alone and after fees, roundings, lots and minimums. The array holds the net
//!   ones with size and edge of their best state; one that the recording ends is dead at its end.
//! * `messages_per_second`: through decoder, books and evaluator. Of frames it is timed around the
//!   engine alone; of tapes it is the whole replay, file reading and unpacking included.
//!
//! # Another format
//!
//! Give [`format::Format`] a variant and tell it in `format_of_keys`; unwrap lines that carry a
//! venue's frames in [`envelope`] (the stream path does the rest), or write a module like [`pairs`]
//! for a tape of polls: `take` a line, close a round, show it to [`lives`]; call it in
//! `replay_file`.

pub mod capture;
pub mod envelope;
pub mod error;
pub mod evaluate;
pub mod events;
pub mod exclusive;
pub mod fees;
pub mod format;
pub mod frames;
pub mod kalshi;
pub mod lives;
pub mod pairs;
pub mod polymarket;
pub mod progress;
pub mod report;
pub mod search;
pub mod source;
pub mod stream;
pub mod survey;
pub mod tape;
pub mod text;

use std::path::{Path, PathBuf};

use crate::capture::reader::is_capture;
use dutchbook_book::Rate;
use serde_json::Value;

use error::{FileError, ReplayError};
use format::Format;
use frames::Origin;
use progress::Progress;
use report::FileReport;
use source::Lines;

/// What a person may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Polymarket's taker rate: fee = rate·p·(1−p) per contract.
    pub polymarket_rate: Rate,
    /// Kalshi's taker rate.
    pub kalshi_rate: Rate,
    /// Whether to tell progress on standard error when that is a terminal.
    pub progress: bool,
}

impl Default for Options {
    /// The rates of July 2026, the days of the tapes that came first.
    fn default() -> Self {
        Self {
            polymarket_rate: Rate::from_nano(30_000_000),
            kalshi_rate: Rate::from_nano(70_000_000),
            progress: true,
        }
    }
}

/// Reads a fee rate such as `0.03`, for the command line.
///
/// # Errors
/// When it is no decimal number from 0 to 1 with at most nine decimals.
pub fn parse_rate(text: &str) -> Result<Rate, String> {
    text::shifted(text, 9)
        .and_then(|nano| u32::try_from(nano).ok())
        .filter(|nano| *nano <= Rate::ONE.nano())
        .map(Rate::from_nano)
        .ok_or_else(|| "a rate is a decimal number from 0 to 1, such as 0.03".to_owned())
}

/// What a run of replays gives.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One object per file, in the order of the arguments.
    pub json: Vec<Value>,
    /// The same for a person.
    pub text: String,
    /// One line per file that could not be replayed, for standard error.
    pub errors: Vec<String>,
}

impl Outcome {
    /// Whether any file failed: the exit code is 1 then.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !self.errors.is_empty()
    }
}

/// Replays files; a folder stands for its recordings in name order, at any depth, and what is no
/// recording there is passed over. A file that fails does not stop the others.
#[must_use]
pub fn run(paths: &[PathBuf], options: &Options) -> Outcome {
    let mut outcome = Outcome::default();
    for path in paths {
        if path.is_dir() && !is_capture(path) {
            run_folder(path, options, &mut outcome);
        } else {
            run_file(path, options, &mut outcome);
        }
    }
    outcome
}

fn run_folder(folder: &Path, options: &Options, outcome: &mut Outcome) {
    let files = match source::files_of(folder) {
        Ok(files) => files,
        Err(error) => return outcome.fail(folder, error),
    };
    let before = outcome.json.len();
    for file in files {
        if is_capture(&file) {
            run_file(&file, options, outcome);
            continue;
        }
        match Lines::open(&file).and_then(|mut lines| format::sniff(&mut lines)) {
            // What lies beside recordings: documents, tables, lists of markets.
            Err(
                ReplayError::UnknownFormat { .. }
                | ReplayError::Sidecar
                | ReplayError::Archive(_)
                | ReplayError::LineTooLong { .. },
            ) => {}
            Ok(_) | Err(_) => run_file(&file, options, outcome),
        }
    }
    if outcome.json.len() == before {
        outcome.fail(folder, ReplayError::NoRecordings);
    }
}

fn run_file(file: &Path, options: &Options, outcome: &mut Outcome) {
    let name = file.display().to_string();
    let mut progress = Progress::new(&name, options.progress);
    let done = replay_file(file, options, &mut progress);
    drop(progress);
    match done {
        Ok(report) => {
            outcome.json.push(report.json(&name));
            outcome.text.push_str(&report.text(&name));
        }
        Err(error) => outcome.fail(file, error),
    }
}

impl Outcome {
    fn fail(&mut self, file: &Path, error: ReplayError) {
        let name = file.display().to_string();
        self.json.push(report::failed_json(&name, &error.to_string()));
        self.errors.push(FileError { file: file.to_owned(), error }.to_string());
    }
}

/// Replays one file.
///
/// # Errors
/// When it cannot be read to its end, or is no recording.
pub fn replay_file(
    file: &Path,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    if file.is_dir() {
        return capture::replay(file, options, progress);
    }
    let format = format::sniff(&mut Lines::open(file)?)?;
    let lines = Lines::open(file);
    match format {
        Format::PairTape | Format::PairPolls => {
            pairs::replay(&mut lines?, format, options, progress)
        }
        Format::KalshiDepth => tape::replay(&mut lines?, options, progress),
        Format::KalshiEvents => events::replay(&mut lines?, options, progress),
        Format::PolymarketUtf8
        | Format::PolymarketFrames
        | Format::PolymarketSession
        | Format::KalshiFrames => stream::replay(Origin::File(file), format, options, progress),
    }
}
