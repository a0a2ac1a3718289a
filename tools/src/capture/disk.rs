//! The segments of a capture on disk, within bounds, and what happens at them.
//!
//! Every write that fails leaves the capture in a named state; nothing here stops the engine. A
//! failed segment is left as it is and another one is tried after `RETRY`: what was lost meanwhile
//! shows as a jump in the numbers of its lanes' blocks.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use dutchbook_book::Nanos;
use dutchbook_core::capture::{Policy, WhenFull};

use super::block::{self, SEGMENT_HEAD_BYTES};

/// Pause before a new segment is tried after an error.
const RETRY: Nanos = Nanos::from_secs(1);

/// How the storing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// Blocks are stored.
    Storing,
    /// The policy's bound is reached: nothing more is stored.
    Full,
    /// The disk refused a write, for this reason; it is tried again.
    Failed(String),
}

impl DiskState {
    /// The state's name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Storing => "storing",
            Self::Full => "full",
            Self::Failed(_) => "failed",
        }
    }
}

/// A segment being written.
#[derive(Debug)]
struct Segment {
    file: File,
    number: u32,
    bytes: u64,
}

/// The segments of one capture.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    policy: Policy,
    state: DiskState,
    current: Option<Segment>,
    /// Number and bytes of closed segments that are still there, oldest first.
    closed: VecDeque<(u32, u64)>,
    next_number: u32,
    retry_at: Nanos,
    /// Bytes stored.
    pub stored_bytes: u64,
    /// Blocks that could not be stored.
    pub lost_blocks: u64,
    /// Segments removed to make room.
    pub dropped_segments: u64,
}

/// The name of a segment's file.
#[must_use]
pub fn segment_name(number: u32) -> String {
    format!("{number:08}.segment")
}

impl Disk {
    /// The segments of a new capture in an empty folder.
    #[must_use]
    pub fn new(folder: &Path, policy: Policy) -> Self {
        Self {
            folder: folder.to_owned(),
            policy,
            state: DiskState::Storing,
            current: None,
            closed: VecDeque::new(),
            next_number: 0,
            retry_at: Nanos::ZERO,
            stored_bytes: 0,
            lost_blocks: 0,
            dropped_segments: 0,
        }
    }

    /// How the storing goes.
    #[must_use]
    pub const fn state(&self) -> &DiskState {
        &self.state
    }

    /// Stores one block, or counts it as lost. The writer's last word may pass the bound.
    pub fn store(&mut self, block: &[u8], is_last_word: bool, now: Nanos) {
        let bytes = u64::try_from(block.len()).unwrap_or(u64::MAX);
        if !self.may_store(bytes, is_last_word, now) {
            self.lost_blocks = self.lost_blocks.saturating_add(1);
            return;
        }
        match self.write(block) {
            Ok(()) => {
                self.stored_bytes = self.stored_bytes.saturating_add(bytes);
                if matches!(self.state, DiskState::Failed(_)) {
                    self.state = DiskState::Storing;
                }
            }
            Err(error) => {
                self.close();
                self.state = DiskState::Failed(error.to_string());
                self.retry_at = now.plus(RETRY);
                self.lost_blocks = self.lost_blocks.saturating_add(1);
            }
        }
    }

    fn may_store(&mut self, bytes: u64, is_last_word: bool, now: Nanos) -> bool {
        match self.state {
            DiskState::Full => return is_last_word,
            DiskState::Failed(_) if now < self.retry_at && !is_last_word => return false,
            DiskState::Failed(_) | DiskState::Storing => {}
        }
        let is_large =
            |segment: &Segment| segment.bytes.saturating_add(bytes) > self.policy.segment_bytes_max;
        if self.current.as_ref().is_some_and(is_large) {
            self.close();
        }
        while self.used().saturating_add(bytes) > self.policy.bytes_max && !is_last_word {
            let oldest = match self.policy.when_full {
                WhenFull::DropOldest => self.closed.pop_front(),
                WhenFull::Stop => None,
            };
            let Some((number, _bytes)) = oldest else {
                self.state = DiskState::Full;
                return false;
            };
            // One that cannot be removed is gone from our books all the same.
            drop(std::fs::remove_file(self.folder.join(segment_name(number))));
            self.dropped_segments = self.dropped_segments.saturating_add(1);
        }
        true
    }

    /// Bytes that lie in the folder.
    fn used(&self) -> u64 {
        let closed = self.closed.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
        closed.saturating_add(self.current.as_ref().map_or(0, |segment| segment.bytes))
    }

    fn write(&mut self, block: &[u8]) -> std::io::Result<()> {
        let segment = match &mut self.current {
            Some(segment) => segment,
            None => {
                let number = self.next_number;
                let path = self.folder.join(segment_name(number));
                // Whatever happens, this number is used: nothing is ever written over.
                self.next_number = number.saturating_add(1);
                let mut file = File::options().write(true).create_new(true).open(path)?;
                file.write_all(&block::segment_head(number))?;
                let bytes = u64::try_from(SEGMENT_HEAD_BYTES).unwrap_or(0);
                self.current.insert(Segment { file, number, bytes })
            }
        };
        segment.file.write_all(block)?;
        let bytes = u64::try_from(block.len()).unwrap_or(u64::MAX);
        segment.bytes = segment.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Closes the segment that is being written.
    pub fn close(&mut self) {
        if let Some(segment) = self.current.take() {
            // Power loss may cost what the system has not written yet; a kill costs nothing.
            drop(segment.file.sync_data());
            self.closed.push_back((segment.number, segment.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("dutchbook-disk-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn policy(when_full: WhenFull) -> Policy {
        Policy { segment_bytes_max: 1_000, bytes_max: 2_600, when_full }
    }

    #[test]
    fn at_the_bound_it_stops_or_keeps_the_newest() {
        let own = folder("stop");
        let mut disk = Disk::new(&own, policy(WhenFull::Stop));
        for _ in 0..20 {
            disk.store(&[7; 300], false, Nanos(1));
        }
        assert_eq!((disk.state(), disk.lost_blocks), (&DiskState::Full, 12));
        disk.store(b"the end", true, Nanos(2));
        assert_eq!(disk.lost_blocks, 12, "the last word is always let in");
        std::fs::remove_dir_all(&own).unwrap();

        let own = folder("drop");
        let mut disk = Disk::new(&own, policy(WhenFull::DropOldest));
        for _ in 0..20 {
            disk.store(&[7; 300], false, Nanos(1));
        }
        assert_eq!((disk.state(), disk.lost_blocks), (&DiskState::Storing, 0));
        assert_eq!(files(&own), ["00000004.segment", "00000005.segment", "00000006.segment"]);
        assert_eq!(disk.dropped_segments, 4);
        std::fs::remove_dir_all(&own).unwrap();
    }

    #[test]
    fn a_disk_that_refuses_is_a_state_and_is_tried_again() {
        let own = folder("refuse");
        let inner = own.join("gone");
        let mut disk = Disk::new(&inner, policy(WhenFull::Stop));
        disk.store(b"one", false, Nanos(1));
        assert!(matches!(disk.state(), DiskState::Failed(_)));
        std::fs::create_dir_all(&inner).unwrap();
        disk.store(b"two", false, Nanos(2));
        assert_eq!(disk.lost_blocks, 2, "not before the pause is over");
        disk.store(b"three", false, Nanos(1).plus(RETRY));
        assert_eq!((disk.state(), disk.lost_blocks), (&DiskState::Storing, 2));
        assert_eq!(files(&inner), ["00000001.segment"]);
        std::fs::remove_dir_all(&own).unwrap();
    }
}
