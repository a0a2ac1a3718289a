//! The slow side of the journal's files: segments made ahead, and records flushed in groups.
//!
//! A thread of its own, no tile. When it cannot make the next segment (a full disk, a failing one)
//! it says so and tries again; the writer then runs out of room and sends nothing, until there is.

use core::time::Duration;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::queue::ArrayQueue;
use dutchbook_book::Nanos;
use dutchbook_exec::local_id::Boot;

use super::codec::{RECORD_BYTES, encode};
use super::folder::{Ending, Folder, JournalError, segment_path};
use super::live::LiveRecord;
use super::mapped::{Progress, SegmentWriter, Shared};
use super::names::Names;
use super::record::Record;
use super::segment::{PAGE_RECORDS, Segment, free_bytes};

/// Complaints that are kept until somebody asks.
const COMPLAINTS_MAX: usize = 8;
/// Records ahead of the writer whose pages are kept writable: a flush protects them again.
const TOUCHED_AHEAD: usize = 64 * PAGE_RECORDS;
/// Looks between two tries at a segment that could not be made.
const RETRY_LOOKS: u32 = 20;

/// How a journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Records of a segment; 128 bytes each.
    pub segment_records: usize,
    /// Between two flushes to the disk: what a loss of power may cost.
    pub flush: Duration,
    /// Room that has to stay free on the disk; without it no segment is made.
    pub free_bytes_min: u64,
    /// Whether files that nobody writes any more, and that the ledger has, are compressed.
    pub archives: bool,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_records: 32_768,
            flush: Duration::from_millis(5),
            free_bytes_min: 256 << 20,
            archives: true,
        }
    }
}

/// Who begins to write.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Its random number.
    pub boot: Boot,
    /// Whether its orders go to venues.
    pub is_live: bool,
    /// What its numbers stand for.
    pub names: &'a Names,
    /// When it begins.
    pub now: Nanos,
}

/// A journal that is being written: the slow side's handle.
#[derive(Debug)]
pub struct Keeper {
    thread: JoinHandle<Result<(), JournalError>>,
    complaints: Arc<ArrayQueue<String>>,
    folder: PathBuf,
    first: u32,
    progress: Progress,
    segment_records: usize,
    archives: bool,
}

/// A journal's two sides, and the number of its next record.
#[derive(Debug)]
pub struct Opened {
    /// The hot side.
    pub writer: SegmentWriter,
    /// The slow side.
    pub keeper: Keeper,
    /// The number of the next record.
    pub sequence: u64,
}

/// Begins to write behind what the folder holds: the names, and a record of this process, are there
/// when this returns.
///
/// # Errors
/// When the disk gives no room, or the system no thread.
pub fn begin(
    folder: Folder,
    ending: &Ending,
    config: JournalConfig,
    start: &Start<'_>,
) -> Result<Opened, JournalError> {
    let config = JournalConfig { segment_records: config.segment_records.max(1), ..config };
    folder.sweep(ending)?;
    folder.write_names(ending.segment, start.names)?;
    let shared = Arc::new(Shared::new(config.segment_records));
    let complaints = Arc::new(ArrayQueue::new(COMPLAINTS_MAX));
    let mut work = Work {
        folder,
        config,
        shared: Arc::clone(&shared),
        complaints: Arc::clone(&complaints),
        segments: VecDeque::new(),
        next: ending.segment,
        freed: 0,
        synced: 0,
        wait: 0,
    };
    let first = work.make()?;
    let mut writer = SegmentWriter::new(Arc::clone(&shared), first);
    let boot = Record::Live(LiveRecord::Boot { boot: start.boot, is_live: start.is_live });
    // The first record of an empty segment has room.
    let _stored = writer.push(&encode(ending.sequence, start.now, &boot)).is_ok();
    work.flush()?;
    let (path, folder) = (work.folder.path().to_owned(), work.folder.path().to_owned());
    let progress = writer.progress();
    let spawned = std::thread::Builder::new().name("journal".to_owned()).spawn(move || work.run());
    let thread = spawned.map_err(|source| JournalError::File { path, source })?;
    let segment_records = config.segment_records;
    let first = ending.segment;
    let archives = config.archives;
    let keeper = Keeper { thread, complaints, folder, first, progress, segment_records, archives };
    Ok(Opened { writer, keeper, sequence: ending.sequence.saturating_add(1) })
}

impl Keeper {
    /// What went wrong since the last call, oldest first.
    pub fn complaints(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::from_fn(|| self.complaints.pop())
    }

    /// Where the journal is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How far the journal has come.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The first segment of this process, and how many records each of its segments has.
    #[must_use]
    pub const fn segments(&self) -> (u32, usize) {
        (self.first, self.segment_records)
    }

    /// Whether files that are read are to be compressed.
    #[must_use]
    pub const fn archives(&self) -> bool {
        self.archives
    }

    /// Where a thread beside says what went wrong.
    pub(crate) fn complaint_box(&self) -> Arc<ArrayQueue<String>> {
        Arc::clone(&self.complaints)
    }

    /// Waits until everything is on the disk. The writer has to be gone.
    ///
    /// # Errors
    /// When the disk has failed.
    pub fn finish(self) -> Result<(), JournalError> {
        let path = self.folder;
        let panicked = |_| io::Error::other("the thread of the journal panicked");
        let ended = self.thread.join().map_err(panicked);
        ended.map_err(|source| JournalError::File { path, source })?
    }
}

/// The thread's own.
struct Work {
    folder: Folder,
    config: JournalConfig,
    shared: Arc<Shared>,
    complaints: Arc<ArrayQueue<String>>,
    /// Segments that are not flushed whole, or that the writer still has.
    segments: VecDeque<Arc<Segment>>,
    /// The number of the next segment.
    next: u32,
    /// Segments of this process that are done with.
    freed: u64,
    /// Records on the disk.
    synced: u64,
    /// Looks until the next try.
    wait: u32,
}

impl Work {
    #[expect(clippy::disallowed_methods, reason = "the thread of the journal is no tile")]
    fn run(mut self) -> Result<(), JournalError> {
        loop {
            // Before the count: what is written afterwards is seen by the next look.
            let is_closed = self.progress().is_closed();
            self.refill();
            if let Err(error) = self.flush() {
                // Forced in, so that the newest words are those that are kept.
                drop(self.complaints.force_push(error.to_string()));
            }
            if is_closed {
                return self.close();
            }
            std::thread::sleep(self.config.flush);
        }
    }

    fn progress(&self) -> Progress {
        Progress::of(&self.shared)
    }

    /// Makes the segments that are missing ahead of the writer.
    fn refill(&mut self) {
        self.wait = self.wait.saturating_sub(1);
        while self.wait == 0 && !self.shared.ready.is_full() {
            match self.make() {
                // One thread fills the queue: there is room.
                Ok(segment) => drop(self.shared.ready.push(segment)),
                Err(error) => {
                    drop(self.complaints.force_push(error.to_string()));
                    self.wait = RETRY_LOOKS;
                }
            }
        }
    }

    fn make(&mut self) -> Result<Arc<Segment>, JournalError> {
        let path = self.folder.segment_path(self.next);
        let wrap = |source| JournalError::File { path: path.clone(), source };
        let bytes = self.config.segment_records.saturating_mul(RECORD_BYTES);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let free = free_bytes(self.folder.path()).map_err(wrap)?;
        let wanted = bytes.saturating_add(self.config.free_bytes_min);
        if free < wanted {
            return Err(JournalError::DiskFull { path: self.folder.path().into(), free, wanted });
        }
        let segment = Segment::create(&path, self.config.segment_records).map_err(wrap)?;
        File::open(self.folder.path()).and_then(|folder| folder.sync_all()).map_err(wrap)?;
        let segment = Arc::new(segment);
        self.segments.push_back(Arc::clone(&segment));
        self.next = self.next.saturating_add(1);
        Ok(segment)
    }

    /// Flushes what was written, whole pages first: a page that is flushed while it is being written
    /// costs the writer a fault. The rest of a page goes when nothing else came.
    fn flush(&mut self) -> Result<(), JournalError> {
        let written = self.progress().written();
        let page = u64::try_from(PAGE_RECORDS).unwrap_or(1);
        let whole = written / page * page;
        let end = if whole > self.synced { whole } else { written };
        let (start, records) = (self.synced, self.config.segment_records);
        for (index, segment) in self.segments.iter().enumerate() {
            let base = self.freed.saturating_add(index as u64).saturating_mul(records as u64);
            let place = |at: u64| {
                usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX).min(records)
            };
            let (from, to) = (place(start), place(end));
            if from < to {
                let path = self.folder.path().to_owned();
                segment.sync(from, to).map_err(|source| JournalError::File { path, source })?;
            }
            let next = place(written);
            if next < records && written.saturating_add(TOUCHED_AHEAD as u64) > base {
                segment.touch(next, next.saturating_add(TOUCHED_AHEAD));
            }
        }
        self.synced = end;
        self.release();
        Ok(())
    }

    /// Gives back segments that are flushed whole and that the writer has left.
    fn release(&mut self) {
        let records = self.config.segment_records as u64;
        while self.synced >= self.freed.saturating_add(1).saturating_mul(records)
            && self.segments.front().is_some_and(|segment| Arc::strong_count(segment) == 1)
        {
            self.segments.pop_front();
            self.freed += 1;
        }
    }

    /// The writer is gone: everything goes to the disk, and what was made ahead is removed.
    fn close(mut self) -> Result<(), JournalError> {
        while self.synced < self.progress().written() {
            self.flush()?;
        }
        while self.shared.ready.pop().is_some() {
            self.segments.pop_back();
            self.next = self.next.saturating_sub(1);
            let path = segment_path(self.folder.path(), self.next);
            std::fs::remove_file(&path).map_err(|source| JournalError::File { path, source })?;
        }
        let left = self.progress().written().checked_rem(self.config.segment_records as u64);
        let (Some(left @ 1..), Some(last)) = (left, self.next.checked_sub(1)) else {
            return Ok(());
        };
        // The unused rest of the last segment is given back.
        let path = segment_path(self.folder.path(), last);
        self.segments.clear();
        let file = OpenOptions::new().write(true).open(&path);
        let cut = file.and_then(|file| file.set_len(left.saturating_mul(RECORD_BYTES as u64)));
        cut.map_err(|source| JournalError::File { path, source })
    }
}
