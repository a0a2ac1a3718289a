//! Polymarket's market channel: `book` (object or array of objects) and `price_change`.

use crate::batch::Batch;
use crate::ids::IdTable;
use crate::payload::Payload;

/// Decodes `book` and `price_change` (the shape with `price_changes`).
#[derive(Clone, Copy, Debug)]
pub struct PolymarketDecoder {}

impl PolymarketDecoder {
    /// The fastest form that this machine runs. Call it once, at start.
    #[must_use]
    pub fn detect() -> Self {
        Self {}
    }

    /// The scalar twin: the reference, and the form for machines without AVX2.
    #[must_use]
    pub const fn scalar() -> Self {
        Self {}
    }

    /// Fills `batch` from a payload of a hot shape and returns true; otherwise leaves it empty and
    /// returns false. Never allocates once the batch has grown to the largest message.
    #[must_use]
    pub fn decode(&self, _payload: Payload<'_>, _ids: &IdTable, batch: &mut Batch) -> bool {
        batch.clear();
        false
    }
}
