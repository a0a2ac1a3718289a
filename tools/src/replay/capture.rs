//! A capture of ours: the run that it holds, followed exactly, with the usual report.

use std::fmt::Write as _;
use std::path::Path;

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{BookId, Cash};
use dutchbook_core::engine::Engine;
use dutchbook_core::journal::Decisions;
use dutchbook_core::opportunity::OpportunityLife;
use dutchbook_core::telemetry::Counter;
use serde_json::{Map, Value, json};

use super::Options;
use super::error::ReplayError;
use super::format::Format;
use super::frames::Origin;
use super::lives::{Life, Net};
use super::progress::Progress;
use super::report::FileReport;
use super::stream;
use crate::capture::error::CaptureError;
use crate::capture::follow::{Followed, follow};
use crate::capture::manifest::LaneText;
use crate::capture::reader::Capture;
use crate::demo::lives::{Summaries, summaries_json, summaries_text};

/// What a capture's report says beside the usual.
#[derive(Clone, Debug)]
pub struct CaptureFindings {
    /// What was recorded.
    pub source: String,
    /// Whether the whole run was followed.
    pub is_complete: bool,
    /// What is missing, in words.
    pub losses: Vec<String>,
    /// Every decision of the replay.
    pub decisions: Decisions,
    /// The live run's digest, where it made decisions and ended its capture.
    pub live_digest: Option<String>,
    /// Decisions on a crossed book, on a stale view.
    pub doubtful: [u64; 2],
    /// Lives by kind and venues, with what ended them.
    pub lives: Summaries,
    /// Paper fills.
    pub fills: u64,
    /// Profit that no state of the world can take away.
    pub net_profit: Cash,
}

impl CaptureFindings {
    /// The digest of the replay's decisions, where it followed the whole run.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.decisions.digest.as_deref().filter(|_| self.is_complete)
    }

    pub(super) fn write(&self, object: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
        put("source", json!(self.source));
        put("complete", json!(self.is_complete));
        put("losses", json!(self.losses));
        put("decisions", json!(self.decisions.count));
        if let Some(digest) = self.digest() {
            put("decisions_digest", json!(digest));
        }
        if let Some(live) = &self.live_digest {
            put("live_decisions_digest", json!(live));
        }
        put("crossed_decisions", json!(self.doubtful[0]));
        put("stale_decisions", json!(self.doubtful[1]));
        put("lives", summaries_json(&self.lives));
        put("fills", json!(self.fills));
        put("net_profit", json!(self.net_profit.to_string()));
    }

    pub(super) fn write_text(&self, out: &mut String) -> core::fmt::Result {
        let complete = if self.is_complete { "complete" } else { "INCOMPLETE" };
        writeln!(out, "  capture          {}, {complete}", self.source)?;
        for loss in &self.losses {
            writeln!(out, "    missing        {loss}")?;
        }
        let against = match (self.digest(), &self.live_digest) {
            (Some(own), Some(live)) if own == live => ", as the live run decided",
            (Some(_), Some(_)) => ", NOT as the live run decided",
            (Some(_) | None, _) => "",
        };
        writeln!(out, "  decisions        {}{against}", self.decisions.count)?;
        if let Some(digest) = self.digest() {
            writeln!(out, "    digest         {digest}")?;
        }
        writeln!(out, "  paper            {} fills, net {}", self.fills, self.net_profit)?;
        for line in summaries_text(&self.lives).lines() {
            writeln!(out, "    {line}")?;
        }
        Ok(())
    }
}

/// Replays a capture's folder.
///
/// # Errors
/// When it is no capture, holds no run, or cannot be read.
pub fn replay(
    folder: &Path,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    let capture = Capture::open(folder)?;
    if capture.manifest.lanes.iter().any(|lane| matches!(lane, LaneText::Frames { .. })) {
        return imported(&capture, options, progress);
    }
    let started = progress.now();
    let followed = follow(&capture)?;
    let mut report = FileReport {
        format: "capture",
        books: followed.books,
        engine_ns: progress.now().since(started).0,
        opportunities: lives(&followed.engine, &followed.catalog),
        capture: Some(findings(&capture, &followed)),
        ..FileReport::default()
    };
    for (_kind, counters) in &followed.feeds {
        report.messages = report.messages.saturating_add(counters.messages);
        for (kind, count) in counters.kinds() {
            let sum = report.kinds.entry(kind.name().to_owned()).or_default();
            *sum = sum.saturating_add(count);
        }
        report.sequence_gaps = report.sequence_gaps.saturating_add(counters.gaps);
        report.crossed = report.crossed.saturating_add(counters.crossed);
        report.negative = report.negative.saturating_add(counters.negative);
        report.refused = report.refused.saturating_add(counters.decode_errors);
    }
    Ok(report)
}

/// Replays the frames of an import: the reports of its files, added up.
fn imported(
    capture: &Capture,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    let mut sum = FileReport { format: "capture", ..FileReport::default() };
    sum.opportunities_gross = Some(0);
    for (lane, text) in capture.manifest.lanes.iter().enumerate() {
        let LaneText::Frames { format, sources, .. } = text else { continue };
        let known = Format::STREAMS.into_iter().find(|known| known.name() == format);
        let unknown = || CaptureError::Manifest(format!("unknown format {format}"));
        let origin = Origin::Lane { capture, lane, sources };
        sum.add(stream::replay(origin, known.ok_or_else(unknown)?, options, progress)?);
    }
    let losses: Vec<String> = capture.losses.iter().map(ToString::to_string).collect();
    sum.imported = Some(losses);
    Ok(sum)
}

fn findings(capture: &Capture, followed: &Followed) -> CaptureFindings {
    let mut losses: Vec<String> = followed.losses.iter().map(ToString::to_string).collect();
    losses
        .extend(followed.strayed.iter().map(|how| format!("the run could not be followed: {how}")));
    let last_word = capture.last_word.as_ref().filter(|_| followed.has_engine);
    CaptureFindings {
        source: capture.manifest.source.clone(),
        is_complete: followed.is_complete(),
        losses,
        decisions: followed.decisions.clone(),
        live_digest: last_word.and_then(|word| word.decisions_digest.clone()),
        doubtful: [followed.findings.crossed_decisions, followed.findings.stale_decisions],
        lives: followed.engine.lives().summaries().collect(),
        fills: followed.engine.counters().get(Counter::Fills),
        net_profit: followed.engine.net_profit(),
    }
}

/// The engine's opportunities with names that a person reads.
fn lives(engine: &Engine, catalog: &Catalog) -> Vec<Life> {
    let baskets = engine.basket_books();
    let name = |books: &[BookId]| {
        let names = books.iter().filter_map(|book| catalog.listing(*book));
        names.map(|listing| listing.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    let life = |life: &OpportunityLife| Life {
        id: life.id.0,
        kind: life.kind.name(),
        what: baskets.get(life.basket.index()).map(|books| name(books)).unwrap_or_default(),
        best: Net { size: life.best_size, edge: life.best_net_edge },
        born: life.born_ns,
        died: life.died_ns,
        states: life.updates,
    };
    let mut lives: Vec<Life> = engine.lives().ended().iter().map(life).collect();
    lives.sort_by_key(|life| life.id);
    lives
}
