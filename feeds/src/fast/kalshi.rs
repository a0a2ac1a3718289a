//! Kalshi's order-book channel: `orderbook_snapshot` and `orderbook_delta` in dollars and `_fp`.

use crate::batch::Batch;
use crate::ids::IdTable;
use crate::payload::Payload;

/// Decodes `orderbook_snapshot` and `orderbook_delta`.
#[derive(Clone, Copy, Debug)]
pub struct KalshiDecoder {}

impl KalshiDecoder {
    /// The fastest form that this machine runs, for a subscription sent with this `use_yes_price`.
    /// Call it once, at start.
    #[must_use]
    pub fn detect(_use_yes_price: bool) -> Self {
        Self {}
    }

    /// The scalar twin: the reference, and the form for machines without AVX2.
    #[must_use]
    pub const fn scalar(_use_yes_price: bool) -> Self {
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
