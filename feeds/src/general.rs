//! The decode path that reads any message of a venue: a simd-json tape, walked once or twice.
//!
//! It is the reference of the fast path and takes whatever that refuses. Its buffers are kept, so
//! messages about levels cost no allocation once the buffers have grown to the largest seen.
//! simd-json rewrites its input; the payload is copied into the decoder's own memory first.

pub(crate) mod decimal;
pub mod drift;
mod kalshi;
mod polymarket;
mod tape;

/// How the lists inside records are read.
pub mod reading {
    pub use super::kalshi::cold::{PriceRanges, Subscriptions};
    pub use super::polymarket::cold::{MakerOrders, ReferencePoints};
}

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use simd_json::{Buffers, Tape};

pub(crate) use tape::Json;

use drift::Drift;

use crate::batch::{Batch, LevelChange, Update};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::ids::IdTable;
use crate::kind::MessageKind;
use crate::record::{self, Record};

/// Longest payload that is read; the largest real one is some hundred kilobytes.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Longest text that is taken for a word of the server instead of a damaged message.
const WORD_BYTES_MAX: usize = 256;

/// One message of a payload, in the order of the payload.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// Levels.
    Levels {
        /// What the message is.
        kind: MessageKind,
        /// The update; its levels are `levels`.
        update: Update,
        /// The levels.
        levels: &'a [LevelChange],
        /// What the update does not say.
        source: Source<'a>,
    },
    /// Anything else.
    Record(Record<'a>),
}

/// The message that an update came from, for what its levels do not say.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    message: Json<'a>,
    body: Json<'a>,
}

impl<'a> Source<'a> {
    /// The venue's id of what the levels belong to, as the message states it.
    #[must_use]
    pub fn native_id(&self) -> Option<&'a str> {
        self.text("market_ticker").or_else(|| self.text("asset_id"))
    }

    /// Our name of the order that caused the change, where it was ours (Kalshi).
    #[must_use]
    pub fn client_order_id(&self) -> Option<&'a str> {
        self.text("client_order_id")
    }

    /// The subaccount of that order (Kalshi).
    #[must_use]
    pub fn subaccount(&self) -> Option<u64> {
        self.body.get("subaccount").and_then(|value| value.whole().ok())
    }

    /// Whether this is Polymarket's `price_change` of before 2025-09-15.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.body.get("changes").is_some()
    }

    /// When the venue handed the message to the network (Kalshi, since 2026-10-01).
    #[must_use]
    pub fn sending_ts(&self) -> Option<Nanos> {
        self.message.get("sending_ts_ms").and_then(|value| value.millis().ok())
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.body.get(key).and_then(Json::text)
    }
}

/// Decodes any message of one venue.
pub struct GeneralDecoder {
    kind: VenueKind,
    use_yes_price: bool,
    buffers: Buffers,
    tape: Tape<'static>,
    scratch: Vec<u8>,
    kinds: Vec<MessageKind>,
    drift: Drift,
}

impl core::fmt::Debug for GeneralDecoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("GeneralDecoder").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl GeneralDecoder {
    /// A decoder for one venue; `use_yes_price` is what Kalshi's subscription was sent with.
    #[must_use]
    pub fn new(kind: VenueKind, use_yes_price: bool) -> Self {
        const TYPICAL_BYTES: usize = 64 * 1024;
        Self {
            kind,
            use_yes_price,
            buffers: Buffers::new(TYPICAL_BYTES),
            tape: Tape(Vec::with_capacity(TYPICAL_BYTES / 8)),
            scratch: Vec::with_capacity(TYPICAL_BYTES),
            kinds: Vec::with_capacity(64),
            drift: Drift::default(),
        }
    }

    /// Decodes a payload: levels into `batch`, and every message, in order, to `each`.
    ///
    /// Nothing reaches `each` unless the whole payload could be read; the batch is empty then.
    ///
    /// # Errors
    /// When any message of the payload cannot be read.
    pub fn decode(
        &mut self,
        payload: &[u8],
        ids: &IdTable,
        batch: &mut Batch,
        mut each: impl FnMut(Item<'_>),
    ) -> Result<(), DecodeError> {
        batch.clear();
        self.drift.begin();
        if let Some(record) = word(payload) {
            let record = record.map(|record| self.word_record(record))?;
            each(Item::Record(record));
            return Ok(());
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(DecodeError::new(DecodeErrorKind::TooLong, u32::MAX));
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(payload);
        self.scratch.resize(payload.len().saturating_add(simd_json::INPUT_PADDING), 0);
        let base = self.scratch.as_ptr().addr();
        let mut tape = core::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape_padded(
            &mut self.scratch,
            payload.len(),
            &mut self.buffers,
            &mut tape,
        );
        let result = match filled {
            Ok(()) => {
                let walk = Walk {
                    root: Json::root(&tape.0, base),
                    ids,
                    kind: self.kind,
                    use_yes_price: self.use_yes_price,
                };
                self.kinds.clear();
                let checked = walk.check(batch, &mut self.kinds);
                if checked.is_ok() {
                    self.drift.inspect(self.kind, walk.root, ids, &self.kinds);
                }
                checked.map(|()| walk.emit(batch, &self.kinds, &mut each))
            }
            Err(error) => {
                let offset = u32::try_from(error.index()).unwrap_or(u32::MAX);
                Err(DecodeError::new(DecodeErrorKind::NotJson, offset))
            }
        };
        self.tape = tape.reset();
        if result.is_err() {
            batch.clear();
        }
        result
    }

    /// What was met that no document knows.
    #[must_use]
    pub const fn drift(&self) -> &Drift {
        &self.drift
    }

    /// The same, to be added to.
    pub(crate) const fn drift_mut(&mut self) -> &mut Drift {
        &mut self.drift
    }

    fn word_record<'a>(&self, record: record::polymarket::Record<'a>) -> Record<'a> {
        match self.kind {
            VenueKind::Polymarket => Record::Polymarket(record),
            VenueKind::Kalshi => Record::Kalshi(record::kalshi::Message {
                envelope: record::kalshi::Envelope::default(),
                record: record::kalshi::Record::Unknown,
            }),
        }
    }
}

/// A payload that is a bare word of the server, or blank; `None` when it starts like JSON, and an
/// error when it is neither: a damaged message must not pass as a word.
fn word(payload: &[u8]) -> Option<Result<record::polymarket::Record<'_>, DecodeError>> {
    use record::polymarket::Record as Polymarket;
    let trimmed = payload.trim_ascii();
    match trimmed {
        [] => return Some(Ok(Polymarket::Empty)),
        [b'{' | b'[', ..] => return None,
        b"PONG" => return Some(Ok(Polymarket::Pong)),
        [..] => {}
    }
    let is_word = trimmed.len() <= WORD_BYTES_MAX
        && trimmed.iter().all(|byte| !matches!(byte, b'{' | b'}' | b'[' | b']' | b'"'));
    let damaged = DecodeError::new(DecodeErrorKind::NotJson, 0);
    Some(match core::str::from_utf8(trimmed) {
        Ok(text) if is_word => Ok(Polymarket::Text(text)),
        Ok(_) | Err(_) => Err(damaged),
    })
}

/// One pass over a tape.
struct Walk<'a> {
    root: Json<'a>,
    ids: &'a IdTable,
    kind: VenueKind,
    use_yes_price: bool,
}

impl<'a> Walk<'a> {
    /// Reads every message, fills the batch and notes the kinds; nothing has left the decoder yet.
    fn check(&self, batch: &mut Batch, kinds: &mut Vec<MessageKind>) -> Result<(), DecodeError> {
        match self.root.elements() {
            None => self.check_one(self.root, batch, kinds),
            Some(elements) => {
                for message in elements {
                    self.check_one(message, batch, kinds)?;
                }
                Ok(())
            }
        }
    }

    fn check_one(
        &self,
        message: Json<'a>,
        batch: &mut Batch,
        kinds: &mut Vec<MessageKind>,
    ) -> Result<(), DecodeError> {
        if !message.is_object() {
            return Err(message.error(DecodeErrorKind::NotAMessage));
        }
        match self.kind {
            VenueKind::Polymarket => {
                let kind = polymarket::kind_of(message);
                if polymarket::is_levels(kind) {
                    polymarket::levels(kind, message, self.ids, batch)?;
                } else {
                    polymarket::cold::record(kind, message)?;
                }
                kinds.push(kind);
            }
            VenueKind::Kalshi => {
                let frame = kalshi::frame(message)?;
                if kalshi::is_levels(frame.kind) {
                    kalshi::levels(&frame, self.ids, self.use_yes_price, batch)?;
                } else {
                    kalshi::cold::message(&frame)?;
                }
                kinds.push(frame.kind);
            }
        }
        Ok(())
    }

    /// Hands every message out, in order. All of it has been read once, so nothing fails here.
    fn emit(&self, batch: &Batch, kinds: &[MessageKind], each: &mut impl FnMut(Item<'_>)) {
        let mut updates = batch.updates.iter();
        let mut kinds = kinds.iter();
        let mut one = |message: Json<'a>| {
            let Some(&kind) = kinds.next() else { return };
            if polymarket::is_levels(kind) || kalshi::is_levels(kind) {
                let Some(&update) = updates.next() else { return };
                let levels = batch.levels_of(&update);
                let body = message.get("msg").unwrap_or(message);
                each(Item::Levels { kind, update, levels, source: Source { message, body } });
            } else if let Ok(record) = self.record(kind, message) {
                each(Item::Record(record));
            }
        };
        match self.root.elements() {
            None => one(self.root),
            Some(elements) => elements.for_each(one),
        }
    }

    fn record(&self, kind: MessageKind, message: Json<'a>) -> Result<Record<'a>, DecodeError> {
        match self.kind {
            VenueKind::Polymarket => {
                polymarket::cold::record(kind, message).map(Record::Polymarket)
            }
            VenueKind::Kalshi => kalshi::frame(message)
                .and_then(|frame| kalshi::cold::message(&frame))
                .map(Record::Kalshi),
        }
    }
}
