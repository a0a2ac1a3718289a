//! One file of the journal: a fixed number of records, mapped into memory.
//!
//! Its blocks are reserved on the disk before it is used, so that a write can never meet a full disk
//! (which a mapping reports by killing the process), and its pages are made writable ahead. A record
//! is written word by word through atomics: the hot thread stores, others may look at any time, and
//! the check word says whether what they see is whole. The pages belong to the file, not to the
//! process: what was stored survives the process whatever ends it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::RecordBytes;
use super::codec::RECORD_BYTES;

/// Words of a record.
const RECORD_WORDS: usize = RECORD_BYTES / 8;
/// What the system flushes and protects as one.
pub(super) const PAGE_BYTES: usize = 4_096;
/// Records of a page.
pub(super) const PAGE_RECORDS: usize = PAGE_BYTES / RECORD_BYTES;

/// A mapped file of records.
#[derive(Debug)]
pub(super) struct Segment {
    map: MmapRaw,
    records: usize,
}

impl Segment {
    /// Makes a new file of `records` empty records and maps it, all its blocks reserved.
    ///
    /// # Errors
    /// When the file exists, or the system gives neither room nor memory; no file is left then.
    pub(super) fn create(path: &Path, records: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let made = Self::reserve(&file, records).and_then(|()| Self::map(&file, records));
        if made.is_err() {
            // Half a segment is of no use; that it cannot be removed changes nothing.
            drop(std::fs::remove_file(path));
        }
        made
    }

    /// Writes zeros over the whole file and waits until the disk has them: from then on every block
    /// is there, and flushing a record moves no other.
    fn reserve(mut file: &File, records: usize) -> io::Result<()> {
        const PAGE: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
        let mut left = records.saturating_mul(RECORD_BYTES);
        while left > 0 {
            let part = PAGE.get(..left.min(PAGE_BYTES)).unwrap_or(&PAGE);
            file.write_all(part)?;
            left -= part.len();
        }
        file.sync_all()
    }

    fn map(file: &File, records: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(records * RECORD_BYTES).map_raw(file)?;
        let segment = Self { map, records };
        segment.touch(0, records);
        Ok(segment)
    }

    /// Records that it has room for.
    pub(super) const fn records(&self) -> usize {
        self.records
    }

    /// Makes the pages of these records writable, so that storing there meets no fault. Where the
    /// system cannot, the first store of each page costs one.
    pub(super) fn touch(&self, from: usize, to: usize) {
        let (start, end) = (page_below(from), to.min(self.records).saturating_mul(RECORD_BYTES));
        #[cfg(target_os = "linux")]
        if start < end {
            // An old kernel does not know the advice: the faults come later, one by one.
            drop(self.map.advise_range(memmap2::Advice::PopulateWrite, start, end - start));
        }
    }

    /// Writes these records to the disk and waits for it.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn sync(&self, from: usize, to: usize) -> io::Result<()> {
        let (start, end) = (page_below(from), to.min(self.records).saturating_mul(RECORD_BYTES));
        if start < end { self.map.flush_range(start, end - start) } else { Ok(()) }
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping starts at a page, holds `records` × `RECORD_WORDS` words, is readable
        // and writable, and lives as long as `self`; an atomic may hold any bits, and nothing of
        // ours looks at these bytes but through these atomics.
        unsafe {
            core::slice::from_raw_parts(
                self.map.as_mut_ptr().cast::<AtomicU64>(),
                self.records * RECORD_WORDS,
            )
        }
    }

    /// Stores a record. Returns whether there is such a place.
    #[inline]
    pub(super) fn put(&self, at: usize, bytes: &RecordBytes) -> bool {
        let (words, _) = bytes.as_chunks::<8>();
        let start = at.saturating_mul(RECORD_WORDS);
        let Some(slots) = self.words().get(start..start.saturating_add(RECORD_WORDS)) else {
            return false;
        };
        for (slot, word) in slots.iter().zip(words) {
            // Relaxed: the count that is published afterwards orders it for readers in this process.
            slot.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        true
    }

    /// The record at a place, as it is now; none beyond the end.
    #[cfg(test)]
    fn get(&self, at: usize) -> Option<RecordBytes> {
        let start = at.saturating_mul(RECORD_WORDS);
        let slots = self.words().get(start..start.saturating_add(RECORD_WORDS))?;
        let mut bytes = [0; RECORD_BYTES];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, slot) in chunks.iter_mut().zip(slots) {
            *chunk = slot.load(Ordering::Relaxed).to_ne_bytes();
        }
        Some(bytes)
    }
}

/// Where the page of a record begins.
const fn page_below(record: usize) -> usize {
    record / PAGE_RECORDS * PAGE_BYTES
}

/// Bytes that are free for us on the disk of a folder.
///
/// # Errors
/// When the system does not say.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
    let mut told = core::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte, and the room is that of the answer.
    if unsafe { libc::statvfs(path.as_ptr(), told.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has filled it.
    let told = unsafe { told.assume_init() };
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_in_the_file_at_once_and_stays() {
        let folder = std::env::temp_dir().join(format!("dutchbook-segment-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a");
        let segment = Segment::create(&path, 40).unwrap();
        let record = core::array::from_fn(|at| u8::try_from(at).unwrap());
        assert!(segment.put(39, &record) && !segment.put(40, &record));
        assert_eq!((segment.get(39), segment.get(40)), (Some(record), None));
        // Not synced, not closed: another reader of the file sees it.
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 40 * RECORD_BYTES);
        assert_eq!(bytes[39 * RECORD_BYTES..], record);
        assert!(bytes[..39 * RECORD_BYTES].iter().all(|byte| *byte == 0));
        segment.sync(3, 40).unwrap();
        assert!(Segment::create(&path, 1).is_err(), "never over another");
        assert!(free_bytes(&folder).unwrap() > 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
