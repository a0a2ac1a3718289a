//! The hot side of the journal's files: records into mapped segments, and how many there are.
//!
//! One thread writes. Segments are made ahead by a slow thread ([`super::keeper`]); taking the next
//! one is a pop from a queue. Without one there is no room, which is said before anything is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;

use super::RecordBytes;
use super::segment::Segment;
use crate::chunk::Full;

/// Segments that wait to be written.
pub(super) const READY_MAX: usize = 2;

/// Records kept free for news of orders under way.
const RESERVE_RECORDS: usize = 4_096;

/// What the writer shares with those who follow it.
#[derive(Debug)]
pub(super) struct Shared {
    /// Empty segments, next first.
    pub(super) ready: ArrayQueue<Arc<Segment>>,
    /// Records written by this process.
    pub(super) written: AtomicU64,
    /// Whether the writer is gone.
    pub(super) is_closed: AtomicBool,
    /// Records of each segment.
    pub(super) segment_records: usize,
}

/// Writes records into segments. One thread owns it.
#[derive(Debug)]
pub struct SegmentWriter {
    shared: Arc<Shared>,
    segment: Arc<Segment>,
    /// Records in `segment`.
    at: usize,
    written: u64,
}

/// How far the journal of this process has come.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Shared>);

impl Shared {
    pub(super) fn new(segment_records: usize) -> Self {
        Self {
            ready: ArrayQueue::new(READY_MAX),
            written: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            segment_records,
        }
    }
}

impl SegmentWriter {
    pub(super) const fn new(shared: Arc<Shared>, segment: Arc<Segment>) -> Self {
        Self { shared, segment, at: 0, written: 0 }
    }

    /// Stores a record: it survives this process from here on.
    ///
    /// # Errors
    /// When there is no room; nothing is stored then.
    #[inline]
    pub fn push(&mut self, bytes: &RecordBytes) -> Result<(), Full> {
        if !self.segment.put(self.at, bytes) {
            self.segment = self.shared.ready.pop().ok_or(Full)?;
            self.at = 0;
            if !self.segment.put(0, bytes) {
                return Err(Full);
            }
        }
        self.at += 1;
        self.written += 1;
        // Release: who reads the count (Acquire) sees the records.
        self.shared.written.store(self.written, Ordering::Release);
        Ok(())
    }

    /// Whether `count` records could be stored now.
    #[must_use]
    pub fn has_room(&self, count: usize) -> bool {
        let here = self.segment.records().saturating_sub(self.at);
        count <= here || {
            let ready = self.shared.ready.len().saturating_mul(self.shared.segment_records);
            count <= here.saturating_add(ready)
        }
    }

    /// Records that are kept free for news of orders under way: new orders stop before.
    #[must_use]
    pub fn reserve(&self) -> usize {
        RESERVE_RECORDS.min(self.shared.segment_records)
    }

    /// How far this journal has come, for those who follow it.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::of(&self.shared)
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        // Release: who sees the end (Acquire) sees the last count.
        self.shared.is_closed.store(true, Ordering::Release);
    }
}

impl Progress {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Records written by this process.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Acquire)
    }

    /// Whether nothing more will be written. Ask before [`Progress::written`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }
}
