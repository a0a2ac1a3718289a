//! What happened, as fixed-size records: written before anything is sent, read by people later.
//!
//! A record is [`RECORD_BYTES`] little-endian bytes: kind, version, sequence, time, a payload whose
//! unused bytes are zero, and a check word over all of it that any change within one word alters.
//! The hot side appends encoded records to chunks ([`crate::chunk`]); a slow thread takes them away.
//! When there is no room, [`JournalWriter::record`] says so and the caller **sends nothing that it
//! could not record**; [`JournalWriter::record_or_shed`] counts instead, for what is only telling.
//!
//! Where the records are to outlive the process they go to a folder of mapped files as well
//! ([`folder`], [`keeper`]): into the file first, and then "no room" is the file's. Sending waits for
//! it, so that whatever a venue has heard of is in the file, whenever the process is killed.
//!
//! Beside the records, every evaluation of a positive sum is written down whole, passed or refused
//! ([`evaluation`]); the slow side hashes them as they come, which gives the digest of all decisions.

pub mod checker;
pub mod codec;
pub mod evaluation;
pub mod folder;
pub mod keeper;
pub mod live;
pub mod mapped;
pub mod names;
pub mod record;
mod segment;

pub use checker::Checker;
pub use codec::{DecodeError, RECORD_BYTES, decode, encode};
pub use evaluation::{Decisions, Evaluation};
pub use live::LiveRecord;
pub use record::{Decision, DecisionLeg, EvalCause, Record};

use dutchbook_book::Nanos;
use dutchbook_book::view::TopView;

use crate::capture::lane::{LaneReader, LaneWriter, lane};
use crate::chunk::{self, ChunkReader, ChunkWriter, Full};
use crate::eval::basket::Leg;
use evaluation::Digest;
use mapped::SegmentWriter;

/// One encoded record.
pub type RecordBytes = [u8; RECORD_BYTES];

/// The hot side of the journal. One thread owns it.
#[derive(Debug)]
pub struct JournalWriter {
    records: ChunkWriter<RecordBytes>,
    evaluations: LaneWriter,
    file: Option<SegmentWriter>,
    sequence: u64,
    shed_count: u64,
}

/// The slow side of the journal.
#[derive(Debug)]
pub struct JournalReader {
    records: ChunkReader<RecordBytes>,
    evaluations: LaneReader,
    digest: Digest,
}

/// Chunks and bytes of the lane of evaluations: some ten thousand between two drains.
const EVALUATION_CHUNKS: usize = 64;
const EVALUATION_CHUNK_BYTES: usize = 64 << 10;

/// Makes the two sides with room for `chunk_count` × `chunk_len` records.
#[must_use]
pub fn journal(chunk_count: usize, chunk_len: usize) -> (JournalWriter, JournalReader) {
    let (writer, reader) = chunk::channel(chunk_count, chunk_len);
    let (lane_writer, evaluations) = lane(EVALUATION_CHUNKS, EVALUATION_CHUNK_BYTES);
    let writer = JournalWriter {
        records: writer,
        evaluations: lane_writer,
        file: None,
        sequence: 0,
        shed_count: 0,
    };
    (writer, JournalReader { records: reader, evaluations, digest: Digest::default() })
}

impl JournalWriter {
    /// Writes into a journal's files too from here on; the next record there is `sequence`.
    #[must_use]
    pub fn kept_in(mut self, file: SegmentWriter, sequence: u64) -> Self {
        (self.file, self.sequence) = (Some(file), sequence);
        self
    }

    /// Writes into no file any more: whoever keeps them can finish.
    pub fn release(&mut self) {
        self.file = None;
    }

    /// Whether the records outlive the process.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Appends a record under the next sequence number.
    ///
    /// # Errors
    /// When there is no room: nothing is written and no number is used.
    pub fn record(&mut self, now: Nanos, record: &Record) -> Result<(), Full> {
        let bytes = encode(self.sequence, now, record);
        match &mut self.file {
            None => self.records.push(bytes)?,
            Some(file) => {
                file.push(&bytes)?;
                // The file has it. Who only looks on misses one.
                if self.records.push(bytes).is_err() {
                    self.shed_count = self.shed_count.saturating_add(1);
                }
            }
        }
        self.sequence += 1;
        Ok(())
    }

    /// Appends a record that may be lost: without room it is counted. The number that it would have
    /// had is used up, so that a reader sees the hole.
    pub fn record_or_shed(&mut self, now: Nanos, record: &Record) {
        if self.record(now, record).is_err() {
            self.sequence += 1;
            self.shed_count = self.shed_count.saturating_add(1);
        }
    }

    /// Writes down the evaluation of a positive sum with the views that it read, leg by leg as far
    /// as it came. Without room it is shed and counted: the digest of such a run is not known.
    pub fn record_evaluation(
        &mut self,
        now: Nanos,
        evaluation: &Evaluation,
        legs: &[Leg],
        views: &[TopView],
    ) {
        evaluation.put(&mut self.evaluations, now, legs, views);
    }

    /// Whether `count` records could be appended now: ask before sending a basket. In a file room is
    /// left for the news of what is under way.
    #[must_use]
    pub fn has_room(&self, count: usize) -> bool {
        match &self.file {
            None => self.records.has_room(count),
            Some(file) => file.has_room(count.saturating_add(file.reserve())),
        }
    }

    /// Hands over what is there, so that the slow side lags by little.
    pub fn flush(&mut self) {
        self.records.flush();
        self.evaluations.flush();
    }

    /// Records that were shed.
    #[must_use]
    pub const fn shed_count(&self) -> u64 {
        self.shed_count
    }
}

impl JournalReader {
    /// Gives every handed-over record to `take`, oldest first. Returns how many there were.
    pub fn drain(&mut self, take: impl FnMut(&RecordBytes)) -> usize {
        let digest = &mut self.digest;
        self.evaluations.drain(|bytes| digest.take(bytes));
        self.records.drain(take)
    }

    /// Every decision that was drained: how many, and their digest.
    #[must_use]
    pub fn decisions(&self) -> Decisions {
        self.digest.decisions(self.evaluations.shed_count())
    }

    /// Whether the writer is gone and everything has been drained.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.records.is_finished()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::BookId;

    #[test]
    fn a_full_journal_refuses_what_must_be_kept_and_sheds_the_rest_visibly() {
        let (mut writer, mut reader) = journal(2, 2);
        let gap = Record::Gap { book: BookId(3), expected: 7, got: 9 };
        assert!(writer.has_room(2) && !writer.has_room(3));
        for _ in 0..4 {
            writer.record(Nanos(5), &gap).unwrap();
        }
        assert_eq!(writer.record(Nanos(5), &gap), Err(Full));
        writer.record_or_shed(Nanos(5), &gap);
        assert_eq!(writer.shed_count(), 1);
        let mut sequences = Vec::new();
        reader.drain(|bytes| sequences.push(decode(bytes).unwrap().sequence));
        writer.record(Nanos(6), &gap).unwrap();
        drop(writer);
        reader.drain(|bytes| sequences.push(decode(bytes).unwrap().sequence));
        assert_eq!(sequences, [0, 1, 2, 3, 5]);
        assert!(reader.is_finished());
    }
}
