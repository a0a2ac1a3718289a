//! `dutchbook record --config F --out DIR`: the configured venues' streams into a capture, raw, with
//! nothing traded.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use clap::Args;
use dutchbook_book::Nanos;
use dutchbook_core::audit;
use dutchbook_core::capture::Taps;
use dutchbook_core::clock::Clock;
use dutchbook_core::config::{Config, ConfigError};
use dutchbook_core::discovery::Directory;
use dutchbook_core::discovery::crawl::Crawler;
use dutchbook_core::discovery::streams::streams;
use dutchbook_core::http::Heard;
use dutchbook_core::journal::Decisions;
use dutchbook_core::telemetry::Counter;
use dutchbook_core::tls::TlsRoots;
use dutchbook_core::topology::start_recorded;
use serde_json::{Value, json};

use crate::capture::error::CaptureError;
use crate::capture::manifest::{LaneText, Manifest};
use crate::capture::writer::{CaptureEnd, Recording};
use crate::demo::report::AuditEnd;
use crate::relations::Relations;
use crate::run::{RunError, discover, reach};

/// Options of record.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook record --config engine.toml --out captures/today --seconds 3600\n\nRuns until its \
                        time is over, Ctrl-C or SIGTERM. `inspect` and `replay` read the capture."
)]
pub struct RecordArgs {
    /// Engine configuration (TOML): which venues, which events, how much disk.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The capture's folder, new or empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How long to record, in seconds; until told to stop without it.
    #[arg(long, allow_negative_numbers = true, value_parser = crate::cli::seconds)]
    pub seconds: Option<u64>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The venues cannot be read.
    #[error(transparent)]
    Venues(#[from] RunError),
    /// The capture cannot be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

/// What was recorded.
#[derive(Debug)]
pub struct Recorded {
    seconds: u64,
    books: usize,
    messages: u64,
    end: CaptureEnd,
    trouble: Vec<String>,
}

/// Pause between two looks at whether to end.
const LOOK: Duration = Duration::from_millis(50);

/// Records until the time is over or the process is told to stop.
///
/// # Errors
/// When the configuration, the venues or the folder do not allow it.
pub fn run(args: &RecordArgs) -> Result<Recorded, RecordError> {
    let config = Config::load(args.config.as_deref())?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // Relaxed: a flag that stands alone.
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(RunError::from)?;
    let clock = Clock::new();
    let roots = config.venues.tls_extra_roots.iter().map(PathBuf::as_path);
    let tls = TlsRoots::with_files(roots).map_err(RunError::from)?;
    let (keeper, replies) = channel();
    let (directory, crawler, trouble) = discover(&config, &tls, &clock, &stop, Some(keeper))?;
    let mut recorded = follow(args, &config, (directory, crawler), &tls, &clock, (&stop, replies))?;
    recorded.trouble.splice(0..0, trouble);
    Ok(recorded)
}

fn follow(
    args: &RecordArgs,
    config: &Config,
    (directory, crawler): (Directory, Crawler),
    tls: &TlsRoots,
    clock: &Clock,
    (stop, replies): (&AtomicBool, Receiver<Heard>),
) -> Result<Recorded, RecordError> {
    let catalog = &directory.catalog().clone();
    let streams = streams(config, catalog, tls, clock).map_err(RunError::from)?;
    let mut taps = Taps::of_feeds();
    // Without relations the engine has nothing to watch: books are kept, nothing is decided.
    let started = start_recorded(
        config,
        catalog.clone(),
        Vec::new(),
        streams.clone(),
        clock.clone(),
        &mut taps,
        None,
    );
    let mut running = started.map_err(RunError::from)?;
    let lanes = taps.into_lanes();
    let texts = lanes.iter().map(|lane| LaneText::of(&lane.role)).collect();
    let relations =
        Relations::load(config, directory.relations(), catalog).map_err(RunError::from)?;
    let manifest = Manifest::new("record", clock.now().0, texts).with_engine(
        &config.text,
        catalog,
        &relations.list,
    );
    let recording = Recording::begin(&args.out, &manifest, lanes, config.capture, clock.clone())?;
    let recording = recording.hearing(&args.out, replies, config.capture)?;
    // The lists and the books are read again and again, as by a run: what they say is kept, too.
    let reach = reach(&running, &streams, None);
    let auditor = audit::start(&config.venues, crawler, directory, reach, clock.clone());
    let auditor = auditor.map_err(RunError::from)?;
    let began = clock.now();
    let end = args.seconds.map(|seconds| began.plus(Nanos::from_secs(seconds)));
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| clock.now() < end) {
        running.drain_journal(|_record| {});
        running.drain_latencies();
        if running.has_lost_a_tile() {
            break;
        }
        pause();
    }
    let messages = running.count(Counter::Payloads);
    let (_counts, second_opinion) = AuditEnd::of(auditor).map_err(RunError::from)?;
    running.stop().map_err(RunError::from)?;
    let seconds = clock.now().since(began).millis() / 1_000;
    let end = recording.finish(Decisions::default())?;
    let books = catalog.listings.len();
    Ok(Recorded { seconds, books, messages, end, trouble: second_opinion.trouble })
}

impl Recorded {
    /// The report's object.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "books": self.books,
            "messages": self.messages,
            "rest_replies": self.end.rest.map_or(0, |rest| rest.kept),
            "capture": self.end.json(),
            "trouble": self.trouble,
        })
    }

    /// The report's lines.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { seconds, books, messages, end, trouble } = self;
        let notes: String = trouble.iter().map(|line| format!("note: {line}\n")).collect();
        format!("{messages} messages of {books} books in {seconds} s\n{}\n{notes}", end.text())
    }
}

#[expect(clippy::disallowed_methods, reason = "the thread that waits for the end is no tile")]
fn pause() {
    std::thread::sleep(LOOK);
}
