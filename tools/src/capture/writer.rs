//! Lanes to files: gathers what tiles hand over, compresses it, stores it. Never on a hot thread.
//!
//! A lane's bytes become a block when there are `BLOCK_BYTES` of them or `BLOCK_AGE` has passed.
//! After a kill at any instant the capture lacks at most each lane's last, unstored block.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use dutchbook_book::Nanos;
use dutchbook_core::capture::{LaneReader, Policy, TappedLane};
use dutchbook_core::clock::Clock;
use dutchbook_core::http::Heard;
use dutchbook_core::journal::Decisions;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::before;
use super::block::{self, WRITER_LANE};
use super::disk::{Disk, DiskState};
use super::error::CaptureError;
use super::manifest::Manifest;
use super::rest::{RestEnd, RestWriter};

/// A block that is worth compressing.
const BLOCK_BYTES: usize = 256 << 10;
/// The oldest byte of a lane waits no longer than this.
const BLOCK_AGE: Nanos = Nanos::from_millis(200);
/// Pause between two looks at the lanes.
const PAUSE: Duration = Duration::from_millis(5);

/// What the run knew when it ended; the writer's last word holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWord {
    /// Decisions of the live run.
    pub decisions: u64,
    /// Their digest, where it is known.
    pub decisions_digest: Option<String>,
    /// Records that found no room in their lane.
    pub shed_records: u64,
    /// Blocks that could not be stored.
    pub lost_blocks: u64,
    /// Segments that were removed to make room.
    pub dropped_segments: u64,
}

/// How a capture went, for the report of the run.
#[derive(Clone, Debug)]
pub struct CaptureEnd {
    /// Bytes stored.
    pub stored_bytes: u64,
    /// How the storing stood at the end.
    pub state: DiskState,
    /// What was written last.
    pub last_word: LastWord,
    /// Replies of REST, where somebody asked.
    pub rest: Option<RestEnd>,
}

impl CaptureEnd {
    /// Whether a replay can follow the run to its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        let LastWord { shed_records, lost_blocks, dropped_segments, .. } = &self.last_word;
        *shed_records == 0 && *lost_blocks == 0 && *dropped_segments == 0
    }

    /// The report's object.
    #[must_use]
    pub fn json(&self) -> Value {
        let rest = self.rest.unwrap_or_default();
        json!({
            "state": self.state.name(),
            "complete": self.is_complete(),
            "stored_bytes": self.stored_bytes,
            "shed_records": self.last_word.shed_records,
            "lost_blocks": self.last_word.lost_blocks,
            "dropped_segments": self.last_word.dropped_segments,
            "rest_replies": rest.kept,
            "rest_left_out": rest.left_out,
        })
    }

    /// The report's line.
    #[must_use]
    pub fn text(&self) -> String {
        let LastWord { shed_records, lost_blocks, dropped_segments, .. } = &self.last_word;
        let state = match &self.state {
            DiskState::Failed(reason) => format!("failed ({reason})"),
            DiskState::Storing | DiskState::Full => self.state.name().to_owned(),
        };
        if self.is_complete() {
            let replies = self.rest.map_or(0, |rest| rest.kept);
            format!("capture: {} bytes, complete; {replies} REST replies", self.stored_bytes)
        } else {
            format!(
                "capture: {} bytes, INCOMPLETE: {state}, {shed_records} records shed, {lost_blocks} \
                 blocks lost, {dropped_segments} segments dropped",
                self.stored_bytes
            )
        }
    }
}

#[derive(Debug)]
struct Gathering {
    reader: LaneReader,
    pending: Vec<u8>,
    since: Nanos,
    blocks: u64,
}

/// Lanes and the files that they go to.
#[derive(Debug)]
pub struct CaptureWriter {
    lanes: Vec<Gathering>,
    disk: Disk,
    packed: Vec<u8>,
}

impl CaptureWriter {
    /// Begins a capture in a new or empty folder.
    ///
    /// # Errors
    /// When the folder is not empty or cannot be written.
    pub fn begin(
        folder: &Path,
        manifest: &Manifest,
        lanes: Vec<LaneReader>,
        policy: Policy,
    ) -> Result<Self, CaptureError> {
        before::make_room(folder)?;
        manifest.write(folder)?;
        let gathering = |reader| Gathering {
            reader,
            pending: Vec::with_capacity(2 * BLOCK_BYTES),
            since: Nanos::ZERO,
            blocks: 0,
        };
        let lanes = lanes.into_iter().map(gathering).collect();
        Ok(Self { lanes, disk: Disk::new(folder, policy), packed: Vec::new() })
    }

    /// Takes what the lanes have handed over, and stores what is due.
    pub fn pump(&mut self, now: Nanos) {
        for lane in 0..self.lanes.len() {
            self.gather(lane, now);
            let is_due = self
                .lanes
                .get(lane)
                .is_some_and(|lane| !lane.pending.is_empty() && now.since(lane.since) >= BLOCK_AGE);
            if is_due {
                self.store(lane, now);
            }
        }
    }

    fn gather(&mut self, lane: usize, now: Nanos) {
        let Self { lanes, disk, packed } = self;
        let Some(gathering) = lanes.get_mut(lane) else { return };
        let Gathering { reader, pending, since, blocks } = gathering;
        reader.drain(|bytes| {
            if !pending.is_empty() && pending.len().saturating_add(bytes.len()) > BLOCK_BYTES {
                store(disk, packed, lane, pending, blocks, now);
            }
            if pending.is_empty() {
                *since = now;
            }
            pending.extend_from_slice(bytes);
        });
    }

    fn store(&mut self, lane: usize, now: Nanos) {
        let Self { lanes, disk, packed } = self;
        if let Some(Gathering { pending, blocks, .. }) = lanes.get_mut(lane) {
            store(disk, packed, lane, pending, blocks, now);
        }
    }

    /// Whether every lane has ended and was drained.
    fn is_finished(&self) -> bool {
        self.lanes.iter().all(|lane| lane.reader.is_finished())
    }

    /// Stores what is left and the last word.
    #[must_use]
    pub fn finish(mut self, decisions: Decisions, now: Nanos) -> CaptureEnd {
        for lane in 0..self.lanes.len() {
            self.gather(lane, now);
            self.store(lane, now);
        }
        let shed = self.lanes.iter().map(|lane| lane.reader.shed_count());
        let last_word = LastWord {
            decisions: decisions.count,
            decisions_digest: decisions.digest,
            shed_records: shed.fold(0, u64::saturating_add),
            lost_blocks: self.disk.lost_blocks,
            dropped_segments: self.disk.dropped_segments,
        };
        self.packed.clear();
        // A struct of numbers and text is always JSON; a compressor without memory stores nothing.
        let text = serde_json::to_vec(&last_word).unwrap_or_default();
        if block::write(&mut self.packed, WRITER_LANE, 0, &text).is_ok() {
            self.disk.store(&self.packed, true, now);
        }
        self.disk.close();
        CaptureEnd {
            stored_bytes: self.disk.stored_bytes,
            state: self.disk.state().clone(),
            last_word,
            rest: None,
        }
    }
}

fn store(
    disk: &mut Disk,
    packed: &mut Vec<u8>,
    lane: usize,
    pending: &mut Vec<u8>,
    blocks: &mut u64,
    now: Nanos,
) {
    if pending.is_empty() {
        return;
    }
    packed.clear();
    let number = u16::try_from(lane).unwrap_or(WRITER_LANE);
    match block::write(packed, number, *blocks, pending) {
        Ok(()) => disk.store(packed, false, now),
        Err(_no_memory) => disk.lost_blocks = disk.lost_blocks.saturating_add(1),
    }
    // A block that was not stored keeps its number: the jump tells.
    *blocks = blocks.saturating_add(1);
    pending.clear();
}

/// A capture that is written by a thread of its own.
#[derive(Debug)]
pub struct Recording {
    thread: JoinHandle<CaptureWriter>,
    stop: Arc<AtomicBool>,
    clock: Clock,
    rest: Option<RestWriter>,
}

impl Recording {
    /// Begins a capture of a live run.
    ///
    /// # Errors
    /// When the folder or the thread is refused.
    pub fn begin(
        folder: &Path,
        manifest: &Manifest,
        lanes: Vec<TappedLane>,
        policy: Policy,
        clock: Clock,
    ) -> Result<Self, CaptureError> {
        let lanes = lanes.into_iter().map(|lane| lane.reader).collect();
        let mut writer = CaptureWriter::begin(folder, manifest, lanes, policy)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, time) = (Arc::clone(&stop), clock.clone());
        let body = move || {
            loop {
                writer.pump(time.now());
                // Acquire: whoever stopped us has ended the tiles before.
                if stopped.load(Ordering::Acquire) || writer.is_finished() {
                    return writer;
                }
                pause();
            }
        };
        let thread = std::thread::Builder::new().name("capture".to_owned()).spawn(body)?;
        Ok(Self { thread, stop, clock, rest: None })
    }

    /// The same, keeping what REST answers beside it; as many bytes of bodies as the policy allows of
    /// all segments together.
    ///
    /// # Errors
    /// When the file or the thread is refused.
    pub fn hearing(
        mut self,
        folder: &Path,
        replies: Receiver<Heard>,
        policy: Policy,
    ) -> Result<Self, CaptureError> {
        self.rest = Some(RestWriter::begin(folder, replies, policy.bytes_max)?);
        Ok(self)
    }

    /// Ends the capture behind its run: the tiles have ended and will hand over nothing more, and
    /// nobody asks REST any more.
    ///
    /// # Errors
    /// When a writer's thread has panicked, or REST's file cannot be written.
    pub fn finish(self, decisions: Decisions) -> Result<CaptureEnd, CaptureError> {
        // Release: the writer sees everything that the tiles handed over.
        self.stop.store(true, Ordering::Release);
        let panicked = |_| std::io::Error::other("the capture's writer panicked");
        let writer = self.thread.join().map_err(panicked)?;
        let rest = self.rest.map(RestWriter::finish).transpose()?;
        Ok(CaptureEnd { rest, ..writer.finish(decisions, self.clock.now()) })
    }
}

#[expect(clippy::disallowed_methods, reason = "the capture's writer is no tile")]
fn pause() {
    std::thread::sleep(PAUSE);
}
