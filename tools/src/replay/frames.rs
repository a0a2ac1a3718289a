//! Recorded frames, one at a time, from a file of lines or from a lane of a capture.

use std::borrow::Cow;
use std::path::Path;

use dutchbook_book::Nanos;
use dutchbook_core::capture::lane::Kind;

use super::envelope::{self, Frame};
use super::error::ReplayError;
use super::format::Format;
use super::progress::Progress;
use super::source::Lines;
use crate::capture::reader::{Capture, LaneCursor, Next};

/// Where frames lie. They are read twice: to survey, then to replay.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// A file of lines.
    File(&'a Path),
    /// A lane that an import has made.
    Lane {
        /// The capture.
        capture: &'a Capture,
        /// Its lane.
        lane: usize,
        /// Who sent what came on each connection; the first is our venue.
        sources: &'a [String],
    },
}

/// The frames of one reading.
#[derive(Debug)]
pub enum Frames<'a> {
    /// Lines of a file.
    Lines(Lines),
    /// Records of a lane, counted.
    Lane(LaneCursor<'a>, &'a [String], u64),
}

impl<'a> Origin<'a> {
    /// Begins a reading.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(self) -> Result<Frames<'a>, ReplayError> {
        Ok(match self {
            Self::File(path) => Frames::Lines(Lines::open(path)?),
            Self::Lane { capture, lane, sources } => Frames::Lane(capture.lane(lane), sources, 0),
        })
    }

    /// The file, where lists may lie beside it.
    #[must_use]
    pub const fn file(self) -> Option<&'a Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Lane { .. } => None,
        }
    }
}

impl Frames<'_> {
    /// The next frame, or why its line is none; `None` at the end.
    ///
    /// # Errors
    /// When the recording cannot be read any more.
    pub fn next_frame(
        &mut self,
        format: Format,
    ) -> Result<Option<Result<Frame<'_>, String>>, ReplayError> {
        match self {
            Self::Lines(lines) => Ok(lines.next_line()?.map(|line| unwrap(format, line))),
            Self::Lane(cursor, sources, count) => loop {
                match cursor.advance()? {
                    Next::Record(head) if head.kind == Kind::Payload => {
                        *count = count.saturating_add(1);
                        let foreign = (head.connection > 0)
                            .then(|| sources.get(usize::from(head.connection)).cloned())
                            .map(Option::unwrap_or_default);
                        let ts_recv = (head.at > 0).then_some(Nanos(head.at));
                        let text = core::str::from_utf8(cursor.body());
                        let frame = text.map(|text| Frame {
                            payload: Cow::Borrowed(text),
                            ts_recv,
                            foreign,
                        });
                        return Ok(Some(frame.map_err(|error| error.to_string())));
                    }
                    Next::Record(_) | Next::Lost(_) => {}
                    Next::End => return Ok(None),
                }
            },
        }
    }

    /// The number of the line, or of the record, that was read last.
    #[must_use]
    pub const fn line(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.line(),
            Self::Lane(_, _, count) => *count,
        }
    }

    /// Tells how far the reading is.
    pub fn tick(&self, progress: &mut Progress, messages: u64) {
        if let Self::Lines(lines) = self {
            progress.tick(lines, messages);
        }
    }
}

/// The frame in a line.
///
/// # Errors
/// When the line has another shape than the format's.
pub fn unwrap(format: Format, line: &[u8]) -> Result<Frame<'_>, String> {
    match format {
        Format::PolymarketUtf8 => envelope::utf8(line),
        Format::PolymarketSession => envelope::session(line),
        Format::PolymarketFrames
        | Format::KalshiFrames
        | Format::KalshiDepth
        | Format::KalshiEvents
        | Format::PairTape
        | Format::PairPolls => envelope::bare(line),
    }
}
