//! A journal on the disk: a folder of segments, read whole, whatever ended the one who wrote them.
//!
//! ```text
//! 00000004.names.json   what the numbers of a process stand for; written before its first segment
//! 00000004.journal.zst  its records; a file that nobody writes any more is compressed
//! 00000005.journal      records, the rest zeros
//! 00000006.names.json   the next process
//! 00000006.journal
//! ledger.sqlite         made from the journal (crate::ledger), and made again when it is gone
//! lock                  held by the one process that writes
//! ```
//!
//! A process that is killed leaves at most one record half written, behind all others: nothing was
//! sent on it, for sending waits until the record is stored. A machine that loses its power may
//! lose the records of the last flushes, and not in order: what stands behind a hole is still true
//! and is taken, and [`Ending::lost`] says that accounts and venues must be compared.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::codec::{DecodeError, Entry, RECORD_BYTES, decode};
use super::names::Names;

const SEGMENT_SUFFIX: &str = ".journal";
const ARCHIVED_SUFFIX: &str = ".journal.zst";
const NAMES_SUFFIX: &str = ".names.json";
/// How hard a segment is compressed: records repeat themselves, more work gains little.
const ARCHIVE_LEVEL: i32 = 3;

/// Why a journal cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("the journal {0} is in use: stop the other process, or name another folder")]
    Busy(PathBuf),
    /// The disk says no.
    #[error("the journal {path} cannot be used ({source})")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The disk is full, or fuller than is allowed.
    #[error(
        "no room for the journal {path}: {free} bytes are free, {wanted} are needed; nothing is \
         traded without it"
    )]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// What is free.
        free: u64,
        /// What has to be.
        wanted: u64,
    },
    /// The names that its numbers stand for are gone or damaged.
    #[error("the journal's names {path} cannot be read ({reason}): put the file back")]
    Names {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another program wrote it.
    #[error("the journal {path} was written by another version of this program ({error})")]
    Version {
        /// Which segment.
        path: PathBuf,
        /// What cannot be read.
        error: DecodeError,
    },
}

/// One thing read from a journal.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A process began to write: from here on numbers mean this.
    Names(&'a Names),
    /// A record.
    Entry(&'a Entry),
}

/// Where a journal ends, and in which state it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The number of the next record.
    pub sequence: u64,
    /// The number of the next segment.
    pub segment: u32,
    /// Records read.
    pub records: u64,
    /// Processes whose last record is half written: nothing was sent on these.
    pub torn: u64,
    /// Records that cannot be read although others stand behind them.
    pub lost: u64,
}

/// A journal's folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Released by the system when the process ends, however it ends.
    _lock: Option<File>,
}

impl Folder {
    /// Opens a journal for writing: no other process may.
    ///
    /// # Errors
    /// When another process has it, or the disk says no.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let wrap = |source| JournalError::File { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(wrap)?;
        let lock = File::create(path.join("lock")).map_err(wrap)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(wrap(source)),
        }
    }

    /// Opens a journal for reading, whoever writes it.
    ///
    /// # Errors
    /// When there is none.
    pub fn look(path: &Path) -> Result<Self, JournalError> {
        let wrap = |source| JournalError::File { path: path.to_owned(), source };
        std::fs::metadata(path).map_err(wrap)?;
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn segment_path(&self, segment: u32) -> PathBuf {
        segment_path(&self.path, segment)
    }

    /// Gives everything that the journal holds to `take`, in order.
    ///
    /// # Errors
    /// When a file cannot be read or was written by another version; a half-written or damaged
    /// record is no error: see [`Ending`].
    pub fn read(&self, mut take: impl FnMut(Item<'_>)) -> Result<Ending, JournalError> {
        let mut ending = Ending { segment: 1, ..Ending::default() };
        let mut run = Run::default();
        for segment in self.segments()? {
            let path = self.segment_path(segment);
            let bytes = self.bytes(segment)?;
            if bytes.iter().all(|byte| *byte == 0) {
                // Made ahead and never used.
                continue;
            }
            ending.segment = segment.saturating_add(1);
            if let Some(names) = self.names(segment)? {
                run.end(&mut ending);
                take(Item::Names(&names));
            }
            for slot in bytes.chunks(RECORD_BYTES) {
                match run.judge(slot, &path)? {
                    Some(entry) if entry.sequence >= ending.sequence => {
                        ending.sequence = entry.sequence.saturating_add(1);
                        ending.records += 1;
                        ending.lost += std::mem::take(&mut run.unreadable);
                        take(Item::Entry(&entry));
                    }
                    // A number that does not grow: written over an older one.
                    Some(_) => ending.lost += 1,
                    None => {}
                }
            }
        }
        run.end(&mut ending);
        Ok(ending)
    }

    /// What a segment holds, compressed or not.
    fn bytes(&self, segment: u32) -> Result<Vec<u8>, JournalError> {
        let plain = self.segment_path(segment);
        match std::fs::read(&plain) {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(JournalError::File { path: plain, source }),
        }
        let path = archived_path(&self.path, segment);
        let packed = std::fs::read(&path).and_then(|packed| zstd::decode_all(packed.as_slice()));
        packed.map_err(|source| JournalError::File { path, source })
    }

    /// Numbers of the segments, in order.
    pub(crate) fn segments(&self) -> Result<Vec<u32>, JournalError> {
        let wrap = |source| JournalError::File { path: self.path.clone(), source };
        let mut found = Vec::new();
        for file in std::fs::read_dir(&self.path).map_err(wrap)? {
            let name = file.map_err(wrap)?.file_name();
            let number = name.to_str().and_then(|name| {
                name.strip_suffix(SEGMENT_SUFFIX).or_else(|| name.strip_suffix(ARCHIVED_SUFFIX))
            });
            found.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        found.sort_unstable();
        // One that was being compressed when the process was killed is there twice.
        found.dedup();
        Ok(found)
    }

    /// The names of the process that began with this segment.
    fn names(&self, segment: u32) -> Result<Option<Names>, JournalError> {
        let path = names_path(&self.path, segment);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(JournalError::File { path, source }),
        };
        let names = serde_json::from_slice(&text);
        names.map(Some).map_err(|error| JournalError::Names { path, reason: error.to_string() })
    }

    /// Removes segments that were made ahead and never used, and what a kill left of names.
    pub(super) fn sweep(&self, ending: &Ending) -> Result<(), JournalError> {
        for segment in self.segments()?.into_iter().filter(|segment| *segment >= ending.segment) {
            let path = self.segment_path(segment);
            std::fs::remove_file(&path).map_err(|source| JournalError::File { path, source })?;
        }
        Ok(())
    }

    /// Writes the names of the process that begins with this segment, so that they are on the disk
    /// before any record that needs them.
    pub(super) fn write_names(&self, segment: u32, names: &Names) -> Result<(), JournalError> {
        write_names(&self.path, segment, names)
    }
}

/// Writes the names of a process whole or not at all, also over those that it wrote before.
pub(super) fn write_names(folder: &Path, segment: u32, names: &Names) -> Result<(), JournalError> {
    let path = names_path(folder, segment);
    let draft = folder.join("names.draft");
    let written = (|| {
        let text = serde_json::to_vec(names).map_err(io::Error::other)?;
        let mut file = File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|source| JournalError::File { path, source })
}

pub(crate) fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:08}{SEGMENT_SUFFIX}"))
}

fn archived_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:08}{ARCHIVED_SUFFIX}"))
}

/// Compresses a segment that nobody writes any more; the plain one is removed when the other is on the
/// disk. Nothing of a journal is ever thrown away: whatever is read of it is read as before.
///
/// # Errors
/// When the disk says no; the plain one stays then.
pub(crate) fn archive(folder: &Path, segment: u32) -> Result<(), JournalError> {
    let (plain, packed) = (segment_path(folder, segment), archived_path(folder, segment));
    let done = (|| {
        let bytes = match std::fs::read(&plain) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read?,
        };
        let draft = folder.join("archive.draft");
        let mut file = File::create(&draft)?;
        file.write_all(&zstd::encode_all(bytes.as_slice(), ARCHIVE_LEVEL)?)?;
        file.sync_all()?;
        std::fs::rename(&draft, &packed)?;
        File::open(folder)?.sync_all()?;
        std::fs::remove_file(&plain)
    })();
    done.map_err(|source| JournalError::File { path: plain, source })
}

fn names_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:08}{NAMES_SUFFIX}"))
}

/// What has been seen of one process's records.
#[derive(Debug, Default)]
struct Run {
    /// Places since the last record that hold something unreadable.
    unreadable: u64,
}

impl Run {
    fn judge(&mut self, slot: &[u8], path: &Path) -> Result<Option<Entry>, JournalError> {
        if slot.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        match decode(slot) {
            Ok(entry) => Ok(Some(entry)),
            Err(DecodeError::Damaged | DecodeError::Truncated { .. }) => {
                self.unreadable += 1;
                Ok(None)
            }
            Err(error) => Err(JournalError::Version { path: path.to_owned(), error }),
        }
    }

    /// No record of this process follows: what is unreadable now was never finished.
    fn end(&mut self, ending: &mut Ending) {
        ending.torn += u64::from(std::mem::take(&mut self.unreadable) > 0);
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
