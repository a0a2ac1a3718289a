//! `dutchbook import FILE… --out DIR`: foreign recordings of venues' streams into one capture.
//!
//! A capture keeps what the venue sent, without the recorder's envelope, with the time at which it
//! was received where the recorder wrote it down. Formats are told by `replay`'s own rules; tapes of
//! polls are no streams and stay as they are: `replay` reads them directly.

use std::path::{Path, PathBuf};

use clap::Args;
use dutchbook_book::Nanos;
use dutchbook_core::capture::lane::{Head, Kind, LaneWriter, lane};
use dutchbook_core::capture::{LaneReader, Policy, WhenFull};
use dutchbook_core::clock::Clock;
use dutchbook_core::journal::Decisions;
use serde_json::{Value, json};

use crate::capture::error::CaptureError;
use crate::capture::manifest::{LaneText, Manifest};
use crate::capture::writer::CaptureWriter;
use crate::replay::error::{FileError, ReplayError};
use crate::replay::format::{self, Format};
use crate::replay::frames::unwrap;
use crate::replay::source::Lines;

/// Chunks of a lane: more than the longest line that is read.
const CHUNKS: usize = 80;
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes after which the lanes are drained.
const DRAIN_BYTES: usize = 8 << 20;

/// Options of import.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook import session.jsonl.zst --out captures/session\n\nReads Polymarket market frames \
                        (bare, {receivedAt, payloadUtf8} or {run_id, source, recv_wall_ts, payload}) and Kalshi \
                        WebSocket frames; plain, .zst and .gz."
)]
pub struct ImportArgs {
    /// Recordings of a venue's stream, one message a line.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The capture's folder, new or empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What an import has done.
#[derive(Debug)]
pub struct Imported {
    /// Each file with its format and messages.
    files: Vec<(String, Format, u64)>,
    stored_bytes: u64,
}

impl Imported {
    /// The report's object.
    #[must_use]
    pub fn json(&self) -> Value {
        let file = |(file, format, messages): &(String, Format, u64)| json!({ "file": file, "format": format.name(), "messages": messages });
        json!({
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
            "messages": self.files.iter().map(|(_, _, count)| *count).sum::<u64>(),
            "stored_bytes": self.stored_bytes,
        })
    }

    /// The report's lines.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |(file, format, messages): &(String, Format, u64)| {
            format!("{file}: {messages} messages ({})\n", format.name())
        };
        let lines: String = self.files.iter().map(line).collect();
        format!("{lines}{} bytes stored\n", self.stored_bytes)
    }
}

/// One file with what its first pass found.
struct Surveyed<'a> {
    path: &'a Path,
    format: Format,
    sources: Vec<String>,
}

/// Imports files into a new capture.
///
/// # Errors
/// When a file is no recording of a stream, or the folder cannot be written. Nothing is written
/// unless every file can be read to its end.
pub fn run(args: &ImportArgs) -> Result<Imported, CaptureError> {
    let fail = |path: &Path, error: ReplayError| {
        CaptureError::Import(FileError { file: path.to_owned(), error }.to_string())
    };
    let mut surveyed = Vec::new();
    for path in &args.files {
        surveyed.push(survey(path).map_err(|error| fail(path, error))?);
    }
    let (writers, readers): (Vec<LaneWriter>, Vec<LaneReader>) =
        surveyed.iter().map(|_| lane(CHUNKS, CHUNK_BYTES)).unzip();
    let clock = Clock::new();
    let texts = surveyed.iter().map(|file| LaneText::Frames {
        format: file.format.name().to_owned(),
        file: name_of(file.path),
        sources: file.sources.clone(),
    });
    let manifest = Manifest::new("import", clock.now().0, texts.collect());
    let policy =
        Policy { segment_bytes_max: 64 << 20, bytes_max: u64::MAX, when_full: WhenFull::Stop };
    let mut capture = CaptureWriter::begin(&args.out, &manifest, readers, policy)?;
    let mut files = Vec::new();
    for (file, mut lane) in surveyed.iter().zip(writers) {
        let copied = copy(file, &mut lane, &mut capture, &clock);
        let messages = copied.map_err(|error| fail(file.path, error))?;
        files.push((file.path.display().to_string(), file.format, messages));
        drop(lane);
        capture.pump(clock.now());
    }
    let end = capture.finish(Decisions::default(), clock.now());
    if !end.is_complete() {
        return Err(CaptureError::Import(format!("not everything was stored: {}", end.text())));
    }
    Ok(Imported { files, stored_bytes: end.stored_bytes })
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The first pass: the format, who sent what, and whether every line can be read.
fn survey(path: &Path) -> Result<Surveyed<'_>, ReplayError> {
    let format = format::sniff(&mut Lines::open(path)?)?;
    if !Format::STREAMS.contains(&format) {
        return Err(ReplayError::NoStream(format.name()));
    }
    let venue = if format == Format::KalshiFrames { "kalshi" } else { "polymarket" };
    let mut sources = vec![venue.to_owned()];
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next_line()? {
        let found = unwrap(format, line).map(|frame| frame.foreign);
        let at = lines.line();
        let bad = |reason| ReplayError::BadLine { line: at, format: format.name(), reason };
        if let Some(source) = found.map_err(bad)?
            && !sources.contains(&source)
            && sources.len() < usize::from(u16::MAX)
        {
            sources.push(source);
        }
    }
    Ok(Surveyed { path, format, sources })
}

/// The second pass: every frame into the lane.
fn copy(
    file: &Surveyed<'_>,
    lane: &mut LaneWriter,
    capture: &mut CaptureWriter,
    clock: &Clock,
) -> Result<u64, ReplayError> {
    let mut lines = Lines::open(file.path)?;
    let mut sequences = vec![0_u64; file.sources.len()];
    let (mut messages, mut bytes) = (0_u64, 0_usize);
    while let Some(line) = lines.next_line()? {
        // The survey has read every line.
        let Ok(frame) = unwrap(file.format, line) else { continue };
        let source = frame
            .foreign
            .as_ref()
            .and_then(|source| file.sources.iter().position(|known| known == source));
        let connection = source.unwrap_or(0);
        let Some(sequence) = sequences.get_mut(connection) else { continue };
        *sequence += 1;
        let head = Head {
            kind: Kind::Payload,
            connection: u16::try_from(connection).unwrap_or(u16::MAX),
            at: frame.ts_recv.unwrap_or(Nanos::ZERO).0,
            number: *sequence,
        };
        lane.put(head, frame.payload.as_bytes());
        messages += 1;
        bytes = bytes.saturating_add(frame.payload.len());
        if bytes > DRAIN_BYTES {
            lane.flush();
            capture.pump(clock.now());
            bytes = 0;
        }
    }
    Ok(messages)
}
