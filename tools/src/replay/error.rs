//! Why a recording could not be replayed, each in one line that says what to do.

use std::path::PathBuf;

use crate::capture::error::CaptureError;

/// What went wrong with one file. The other files of a run are still done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Nothing lies at the path.
    #[error("no such file or folder: check the path")]
    Missing,
    /// The file exists and cannot be read.
    #[error("cannot be read ({0}): check its permissions")]
    Unreadable(std::io::Error),
    /// A pipe or device: a replay reads its recording twice.
    #[error("is no regular file: write the recording to one")]
    NoFile,
    /// No byte, or no line that is not blank.
    #[error("is empty: record or fetch it again")]
    Empty,
    /// A folder without a single recording.
    #[error("holds no recording: name a recording or a folder that holds some")]
    NoRecordings,
    /// The compressed stream ends early.
    #[error("is a {archive} archive that ends early, after {lines} lines: fetch it again")]
    Truncated {
        /// Which compression.
        archive: &'static str,
        /// Whole lines before the end.
        lines: u64,
    },
    /// The compressed stream contradicts itself.
    #[error("is a corrupt {archive} archive, after {lines} lines ({source}): fetch it again")]
    Corrupt {
        /// Which compression.
        archive: &'static str,
        /// Whole lines before the damage.
        lines: u64,
        /// What the decompressor says.
        source: std::io::Error,
    },
    /// A compression that is recognised and not read.
    #[error("is compressed with {0}, which is not read: unpack it, or pack it as .zst or .gz")]
    Archive(&'static str),
    /// A line beyond the bound.
    #[error("line {line} is longer than {bytes_max} bytes: recordings hold one message a line")]
    LineTooLong {
        /// Its number, from 1.
        line: u64,
        /// The bound.
        bytes_max: usize,
    },
    /// The first lines are of no known format.
    #[error("has an unknown format ({seen}); replay reads {known}")]
    UnknownFormat {
        /// What the first line looks like.
        seen: String,
        /// The formats that are read.
        known: &'static str,
    },
    /// The file describes another one.
    #[error("is a list of markets beside a recording, not a recording: name the recording")]
    Sidecar,
    /// A line that the file's format does not allow.
    #[error("line {line} is not a {format} line ({reason}): cut it off or fetch the file again")]
    BadLine {
        /// Its number, from 1.
        line: u64,
        /// The format that the first lines have.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A tape of polls, where a stream is wanted.
    #[error("is a {0}, not a venue's stream: replay reads it as it is, without an import")]
    NoStream(&'static str),
    /// A capture that cannot be read or replayed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// More markets than an id can name, or a catalog that the engine refuses.
    #[error("cannot be set up: {0}")]
    Setup(String),
}

/// An error with the file that it concerns: one line for a person.
#[derive(Debug)]
pub struct FileError {
    /// The file as given.
    pub file: PathBuf,
    /// What is wrong.
    pub error: ReplayError,
}

impl core::fmt::Display for FileError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.error)
    }
}
