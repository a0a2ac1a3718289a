//! Records to bytes and back. No unsafe, no allocation; what does not decode has a named error.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | kind |
//! | 1 | version of the layout |
//! | 2..8 | zero |
//! | 8..16 | sequence |
//! | 16..24 | time |
//! | 24..120 | fields of the kind, the rest zero |
//! | 120..128 | check word over everything before |

mod live;
mod put;
mod take;

use dutchbook_book::Nanos;

use super::RecordBytes;
use super::record::Record;
use put::Put;
use take::Take;

/// Bytes of every record: two cache lines.
pub const RECORD_BYTES: usize = 128;
/// The layout that this code writes, and the only one that it reads.
pub const VERSION: u8 = 1;
const FIELDS_AT: usize = 24;
const CHECK_AT: usize = RECORD_BYTES - 8;
const FIELDS_BYTES: usize = CHECK_AT - FIELDS_AT;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end within a record: the end of a file that was being written.
    #[error("a record is cut short: {got} of {RECORD_BYTES} bytes")]
    Truncated {
        /// How many bytes there are.
        got: usize,
    },
    /// The check word disagrees: some byte is not what was written.
    #[error("a record is damaged: its check word disagrees")]
    Damaged,
    /// Another layout: use the program that wrote it.
    #[error("a record has layout version {0}, expected {VERSION}")]
    Version(u8),
    /// A kind that this layout does not have.
    #[error("a record has unknown kind {0}")]
    Kind(u8),
    /// A field holds what its type cannot.
    #[error("a record of kind {kind} has an impossible field")]
    Field {
        /// The record's kind.
        kind: u8,
    },
}

/// A decoded record with its number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Grows by one; a hole is a shed record.
    pub sequence: u64,
    /// When it was written.
    pub now: Nanos,
    /// What it says.
    pub record: Record,
}

/// Mixes the words before the check word. Each step is one-to-one in the word and in the state, so
/// that a change within one word always shows.
fn check_word(bytes: &RecordBytes) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().take(CHECK_AT / 8).fold(0x6475_7463_6862_6f6f, |state: u64, word| {
        (state ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

/// A record as bytes.
#[must_use]
pub fn encode(sequence: u64, now: Nanos, record: &Record) -> RecordBytes {
    let mut bytes = [0; RECORD_BYTES];
    let mut put = Put { bytes: &mut bytes, at: 0 };
    put.u8(kind_of(record));
    put.u8(VERSION);
    put.at = 8;
    put.u64(sequence);
    put.u64(now.0);
    put.record(record);
    let check = check_word(&bytes);
    let mut put = Put { bytes: &mut bytes, at: CHECK_AT };
    put.u64(check);
    bytes
}

/// The record of exactly [`RECORD_BYTES`] bytes.
///
/// # Errors
/// When they are not one; see [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let whole: &RecordBytes =
        bytes.try_into().map_err(|_| DecodeError::Truncated { got: bytes.len() })?;
    let mut take = Take { bytes: whole, at: CHECK_AT };
    if take.u64() != Some(check_word(whole)) {
        return Err(DecodeError::Damaged);
    }
    let [kind, version, ..] = *whole;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    if kind >= KIND_COUNT {
        return Err(DecodeError::Kind(kind));
    }
    let mut take = Take { bytes: whole, at: 8 };
    let field = DecodeError::Field { kind };
    let (sequence, now) = (take.u64().ok_or(field)?, Nanos(take.u64().ok_or(field)?));
    let record = take.record(kind).ok_or(field)?;
    let is_padded = whole.get(take.at..CHECK_AT).is_some_and(|rest| rest.iter().all(|b| *b == 0));
    let is_plain = whole.get(2..8).is_some_and(|rest| rest.iter().all(|b| *b == 0));
    if is_padded && is_plain { Ok(Entry { sequence, now, record }) } else { Err(field) }
}

const KIND_COUNT: u8 = live::KIND_AT + live::KIND_COUNT;

const fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Decision(_) => 0,
        Record::DecisionLeg(_) => 1,
        Record::Veto { .. } => 2,
        Record::Intent { .. } => 3,
        Record::Report(_) => 4,
        Record::Gap { .. } => 5,
        Record::Resolution { .. } => 6,
        Record::Life { .. } => 7,
        Record::Live(record) => live::KIND_AT + live::kind_of(record),
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
