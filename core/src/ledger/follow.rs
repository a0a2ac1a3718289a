//! The ledger's thread: reads what the engine writes into the journal, out of the journal's files.
//!
//! No queue lies between the two: the files are the queue, so that the engine is never held back and
//! nothing is lost however slow the disk of the ledger is. When the ledger cannot be written the
//! thread says so and ends; the next start makes up for it.

use core::time::Duration;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use crossbeam::queue::ArrayQueue;

use super::{Ledger, LedgerError};
use crate::journal::codec::{RECORD_BYTES, decode};
use crate::journal::folder::{Folder, Item, JournalError, archive, segment_path};
use crate::journal::keeper::Keeper;
use crate::journal::mapped::Progress;
use crate::journal::names::{Namer, Names};

/// Between two looks at the journal.
const LOOK: Duration = Duration::from_millis(20);
/// Records that are read together.
const READ_RECORDS: u64 = 512;

/// Reads what one process writes, while it writes.
#[derive(Debug)]
struct Tail {
    folder: PathBuf,
    first: u32,
    segment_records: u64,
    progress: Progress,
    /// Records read.
    read: u64,
    /// Names of markets that appeared since.
    named: Receiver<Names>,
    open: Option<(u32, File)>,
}

/// A ledger that is being written.
#[derive(Debug)]
pub struct Follower(JoinHandle<Result<Ledger, LedgerError>>);

/// Writes a ledger from here on, until the journal's writer is gone; with it comes who names markets
/// that appear meanwhile.
///
/// # Errors
/// When the system gives no thread.
pub fn follow(mut ledger: Ledger, keeper: &Keeper, names: Names) -> io::Result<(Follower, Namer)> {
    let (first, segment_records) = keeper.segments();
    let (follower, named) = channel();
    let namer = Namer { folder: keeper.folder().to_owned(), segment: first, follower };
    let mut tail = Tail {
        folder: keeper.folder().to_owned(),
        first,
        segment_records: segment_records as u64,
        progress: keeper.progress().clone(),
        read: 0,
        named,
        open: None,
    };
    let mut archivist = Archivist::of(keeper)?;
    let body = move || {
        ledger.take(Item::Names(&names))?;
        loop {
            // Before the count: what is written afterwards is seen by the next look.
            let is_closed = tail.progress.is_closed();
            while tail.step(&mut ledger)? {}
            ledger.commit()?;
            if is_closed && tail.read == tail.progress.written() {
                return Ok(ledger);
            }
            archivist.step(tail.segment());
            pause();
        }
    };
    let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(body)?;
    Ok((Follower(thread), namer))
}

#[expect(clippy::disallowed_methods, reason = "the thread of the ledger is no tile")]
fn pause() {
    std::thread::sleep(LOOK);
}

impl Follower {
    /// Waits until the ledger has everything. The journal's writer has to be gone.
    ///
    /// # Errors
    /// When the ledger could not be written: the next start makes up for it.
    pub fn finish(self) -> Result<Ledger, LedgerError> {
        self.0.join().unwrap_or(Err(LedgerError::Stopped))
    }
}

/// Compresses, one by one, files of the journal that are read and that nobody writes any more.
#[derive(Debug)]
struct Archivist {
    folder: PathBuf,
    /// Files of earlier processes and of this one, oldest first.
    waiting: VecDeque<u32>,
    /// The next file of this process.
    next: u32,
    complaints: Arc<ArrayQueue<String>>,
    is_on: bool,
}

impl Archivist {
    fn of(keeper: &Keeper) -> io::Result<Self> {
        let folder = keeper.folder().to_owned();
        let (next, _) = keeper.segments();
        let (is_on, complaints) = (keeper.archives(), keeper.complaint_box());
        let known = Folder::look(&folder).and_then(|folder| folder.segments());
        let known = known.map_err(|error| io::Error::other(error.to_string()))?;
        let waiting = known.into_iter().filter(|segment| *segment < next).collect();
        Ok(Self { folder, waiting, next, complaints, is_on })
    }

    /// Compresses the oldest that is left, where the file that is being read is `current`.
    fn step(&mut self, current: u32) {
        while self.next < current {
            self.waiting.push_back(self.next);
            self.next += 1;
        }
        let Some(segment) = self.waiting.pop_front().filter(|_| self.is_on) else { return };
        if let Err(error) = archive(&self.folder, segment) {
            // What is not compressed is read as it is: nothing is lost, and the next start tries again.
            self.is_on = false;
            drop(self.complaints.force_push(error.to_string()));
        }
    }
}

impl Tail {
    /// The file that is being read.
    fn segment(&self) -> u32 {
        let index = self.read.checked_div(self.segment_records).unwrap_or(0);
        u32::try_from(index).unwrap_or(u32::MAX).saturating_add(self.first)
    }

    /// Reads some records, none beyond the end of a segment. Returns whether there were any.
    fn step(&mut self, ledger: &mut Ledger) -> Result<bool, LedgerError> {
        let left = self.progress.written().saturating_sub(self.read);
        // After the count: what speaks of a new market was written after its name was sent.
        if let Some(names) = self.named.try_iter().last() {
            ledger.take(Item::Names(&names))?;
        }
        let at = self.read.checked_rem(self.segment_records).unwrap_or(0);
        let count = left.min(READ_RECORDS).min(self.segment_records.saturating_sub(at));
        if count == 0 {
            return Ok(false);
        }
        let segment = self.segment();
        let path = segment_path(&self.folder, segment);
        let wrap = |source| JournalError::File { path: path.clone(), source };
        let file = match self.open.take() {
            Some((open, file)) if open == segment => file,
            Some(_) | None => File::open(&path).map_err(wrap)?,
        };
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0).saturating_mul(RECORD_BYTES)];
        file.read_exact_at(&mut bytes, at.saturating_mul(RECORD_BYTES as u64)).map_err(wrap)?;
        for record in bytes.chunks(RECORD_BYTES) {
            let entry = decode(record);
            let entry =
                entry.map_err(|error| JournalError::Version { path: path.clone(), error })?;
            ledger.take(Item::Entry(&entry))?;
        }
        self.read += count;
        self.open = Some((segment, file));
        Ok(true)
    }
}
