//! Files to lines: plain, zstd and gzip, told apart by their first bytes, in bounded memory.
//!
//! It never looks at a file's name, except to put a folder's files in order, and never decides what
//! a line means.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::ReplayError;
use crate::capture::reader::is_capture;

/// Longest line that is read; the largest venue message known is below 1 MiB.
pub const LINE_BYTES_MAX: usize = 64 << 20;
/// Deepest folder below one that is given.
const FOLDER_DEPTH_MAX: usize = 8;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Zstd,
    Gzip,
}

impl Packing {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// Counts the packed bytes that went through, so that progress can be told.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get().saturating_add(u64::try_from(count).unwrap_or(0)));
        Ok(count)
    }
}

type Packed = Chain<Cursor<Vec<u8>>, Counted<File>>;

/// The lines of one file, one at a time.
pub struct Lines {
    reader: Box<dyn BufRead>,
    packing: Packing,
    buffer: Vec<u8>,
    line: u64,
    bytes_read: Rc<Cell<u64>>,
    bytes_total: u64,
}

impl core::fmt::Debug for Lines {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lines").field("packing", &self.packing).field("line", &self.line).finish()
    }
}

impl Lines {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is missing, unreadable, empty, or packed in a way that is not read.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        // Asked before opening: to open a pipe is to wait for its writer.
        let metadata = std::fs::metadata(path).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                ReplayError::Missing
            } else {
                ReplayError::Unreadable(error)
            }
        })?;
        if !metadata.is_file() {
            return Err(ReplayError::NoFile);
        }
        let mut file = File::open(path).map_err(ReplayError::Unreadable)?;
        let bytes_total = metadata.len();
        let mut magic = Vec::with_capacity(8);
        (&mut file).take(8).read_to_end(&mut magic).map_err(ReplayError::Unreadable)?;
        if magic.is_empty() {
            return Err(ReplayError::Empty);
        }
        let packing = packing_of(&magic)?;
        let bytes_read = Rc::new(Cell::new(0));
        let rest = Counted { inner: file, bytes: Rc::clone(&bytes_read) };
        let packed: Packed = Cursor::new(magic).chain(rest);
        let reader: Box<dyn BufRead> = match packing {
            Packing::Plain => Box::new(BufReader::with_capacity(1 << 16, packed)),
            Packing::Gzip => Box::new(BufReader::with_capacity(
                1 << 16,
                flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, packed)),
            )),
            Packing::Zstd => {
                let decoder =
                    zstd::stream::read::Decoder::new(packed).map_err(ReplayError::Unreadable)?;
                Box::new(BufReader::with_capacity(1 << 16, decoder))
            }
        };
        Ok(Self { reader, packing, buffer: Vec::new(), line: 0, bytes_read, bytes_total })
    }

    /// The next line that is not blank, without its line end; `None` at the end of the file.
    ///
    /// # Errors
    /// When the archive is damaged or the line is longer than [`LINE_BYTES_MAX`].
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, ReplayError> {
        loop {
            self.buffer.clear();
            let bound = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
            let mut bounded = (&mut self.reader).take(bound);
            let count = match bounded.read_until(b'\n', &mut self.buffer) {
                Ok(count) => count,
                Err(error) => return Err(self.broken(error)),
            };
            if count == 0 {
                return Ok(None);
            }
            self.line = self.line.saturating_add(1);
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(ReplayError::LineTooLong {
                    line: self.line,
                    bytes_max: LINE_BYTES_MAX,
                });
            }
            if self.line == 1 && self.buffer.starts_with(b"\xEF\xBB\xBF") {
                self.buffer.drain(..3);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let mut line = self.buffer.as_slice();
        // Only the line end is the recorder's; other white space may be the venue's.
        while let Some((b'\n' | b'\r', rest)) = line.split_last() {
            line = rest;
        }
        Ok(Some(line))
    }

    /// Number of the line that was read last, from 1, blank lines included.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// How much of the file has been read, in whole percent.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.bytes_read
            .get()
            .saturating_mul(100)
            .checked_div(self.bytes_total)
            .map_or(100, |percent| percent.min(100))
    }

    fn broken(&self, error: std::io::Error) -> ReplayError {
        let archive = self.packing.name();
        match (self.packing, error.kind()) {
            (Packing::Plain, _) => ReplayError::Unreadable(error),
            (_, ErrorKind::UnexpectedEof) => ReplayError::Truncated { archive, lines: self.line },
            _ => ReplayError::Corrupt { archive, lines: self.line, source: error },
        }
    }
}

/// What the first bytes say about the packing.
fn packing_of(magic: &[u8]) -> Result<Packing, ReplayError> {
    const OTHER: [(&[u8], &str); 4] = [
        (b"BZh", "bzip2"),
        (b"\xFD7zXZ", "xz"),
        (b"PK\x03\x04", "zip"),
        (b"\x04\x22\x4D\x18", "lz4"),
    ];
    if let Some((_, name)) = OTHER.iter().find(|(prefix, _)| magic.starts_with(prefix)) {
        return Err(ReplayError::Archive(name));
    }
    Ok(if magic.starts_with(b"\x28\xB5\x2F\xFD") {
        Packing::Zstd
    } else if magic.starts_with(b"\x1F\x8B") {
        Packing::Gzip
    } else {
        Packing::Plain
    })
}

/// The files and captures below a folder in name order; hidden files and links to folders are left out.
///
/// # Errors
/// When the folder cannot be read.
pub fn files_of(folder: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), ReplayError> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(ReplayError::Unreadable)? {
        let entry = entry.map_err(ReplayError::Unreadable)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let kind = entry.file_type().map_err(ReplayError::Unreadable)?;
        if !is_hidden {
            entries.push((entry.path(), kind.is_dir()));
        }
    }
    entries.sort();
    for (path, is_folder) in entries {
        if is_folder && is_capture(&path) {
            files.push(path);
        } else if !is_folder {
            if path.is_file() {
                files.push(path);
            }
        } else if depth < FOLDER_DEPTH_MAX {
            collect(&path, depth + 1, files)?;
        }
    }
    Ok(())
}
