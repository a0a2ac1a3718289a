//! What one payload says about books, in dense ids and integers, before a session has judged it.
//!
//! Both decoders fill the same batch; a test holds them equal on every message. A decoder emits
//! nothing until it has read the whole payload: a payload cut anywhere leaves an empty batch.
//!
//! What a batch holds, to the letter (both decoders, so that they can be compared):
//! * Levels stand in the order of the payload, sides included (`asks` first where they come first).
//! * One update per book object (an array of books gives one each), per `price_change` message
//!   (all its changes, of whatever instruments; `instrument` is that of the first), per Kalshi
//!   frame. A `price_change` without changes gives an update without levels and
//!   [`UNKNOWN_INSTRUMENT`].
//! * An id that the table does not hold gives [`UNKNOWN_INSTRUMENT`] on the update and its levels,
//!   whichever face it would have been; the message is decoded and checked all the same.
//! * Polymarket: `bids` are buys and `asks` sells of the face that `asset_id` names. `tick_size`
//!   where present and not empty. `best_bid` of value zero and `best_ask` of value one are an empty
//!   side, the empty text or an absent key says nothing ([`StatedBest`]). A `timestamp` is
//!   the text of milliseconds. `Set` never has a negative quantity.
//! * Kalshi: the id table lists a ticker with its YES instrument. YES levels are buys of the YES
//!   face. NO levels are buys of the NO face at the price on the NO scale; with `use_yes_price`
//!   they are sells of the YES face at the price as sent. An update's `instrument` is the YES
//!   face, a delta's the face of its level. Snapshots have no stamp; a delta's is `ts_ms`.
//!   A snapshot has the levels of the side keys that are there.

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

/// Stands for a native id that the catalog does not list.
pub const UNKNOWN_INSTRUMENT: InstrumentId = InstrumentId(u32::MAX);

/// How the levels of an update change a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// They are the whole book (of that instrument's condition).
    Snapshot,
    /// Each is the new quantity at its price; zero removes it.
    Set,
    /// Each is a signed change of the quantity at its price.
    Add,
}

/// A venue's ordering number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Subscription that counts it.
    pub sid: u32,
    /// The number.
    pub seq: u64,
}

/// One message's worth of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// What the levels mean.
    pub kind: UpdateKind,
    /// The face that a snapshot speaks of (Kalshi: YES); for `Set` and `Add`, of its first level.
    pub instrument: InstrumentId,
    /// The venue's stamp; zero where the message has none.
    pub ts_venue: Nanos,
    /// The venue's ordering number, where it has one.
    pub sequence: Option<Sequence>,
    /// A tick size that the message states (Polymarket's initial dump), where it does.
    pub tick_size: Option<Price>,
    /// First of its levels in [`Batch::levels`].
    pub first_level: u32,
    /// Number of its levels.
    pub level_count: u32,
}

/// One level as a message states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// The face whose price this is.
    pub instrument: InstrumentId,
    /// Bid or ask on that face.
    pub side: Side,
    /// The price on that face.
    pub price: Price,
    /// New quantity (`Snapshot`, `Set`: never negative) or change (`Add`).
    pub qty: QtyChange,
    /// The venue's best bid on that face after the change, where stated.
    pub best_bid: StatedBest,
    /// The venue's best ask on that face after the change, where stated.
    pub best_ask: StatedBest,
}

impl LevelChange {
    /// A level whose message states no best.
    #[must_use]
    #[inline]
    pub const fn bare(instrument: InstrumentId, side: Side, price: Price, qty: QtyChange) -> Self {
        let (best_bid, best_ask) = (StatedBest::NOTHING, StatedBest::NOTHING);
        Self { instrument, side, price, qty, best_bid, best_ask }
    }
}

/// A best price as a message states it. One word: most levels come by the dozen and state none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatedBest(u32);

impl StatedBest {
    /// The message says nothing about it.
    pub const NOTHING: Self = Self(u32::MAX);
    /// The side is empty.
    pub const EMPTY_SIDE: Self = Self(u32::MAX - 1);

    /// This price.
    #[must_use]
    #[inline]
    pub const fn price(price: Price) -> Self {
        Self(price.micro())
    }

    /// What a side with this best price, or without levels, would state.
    #[must_use]
    #[inline]
    pub fn of_side(best: Option<Price>) -> Self {
        best.map_or(Self::EMPTY_SIDE, Self::price)
    }

    /// The same with zero and one as what they say: no price of a level, so an empty side.
    #[must_use]
    #[inline]
    pub const fn without_bounds(self) -> Self {
        let is_bound = self.0 == Price::ZERO.micro() || self.0 == Price::ONE.micro();
        if is_bound { Self::EMPTY_SIDE } else { self }
    }

    /// The same of the other face.
    #[must_use]
    #[inline]
    pub const fn mirrored(self) -> Self {
        match Price::from_micro(self.0) {
            Some(price) => Self::price(price.complement()),
            // Both marks are larger than any price.
            None => self,
        }
    }

    /// This, or what was stated before where this is nothing.
    #[must_use]
    #[inline]
    pub const fn or(self, before: Self) -> Self {
        match self {
            Self::NOTHING => before,
            stated => stated,
        }
    }

    /// Whether something is stated, and it is not what a side of ours shows.
    #[must_use]
    #[inline]
    pub fn is_unlike(self, best: Option<Price>) -> bool {
        self != Self::NOTHING && self != Self::of_side(best)
    }

    /// `None` when nothing is stated, `Some(None)` for an empty side.
    #[must_use]
    #[inline]
    pub const fn get(self) -> Option<Option<Price>> {
        match self {
            Self::NOTHING => None,
            // The mark of an empty side is larger than any price.
            Self(micro) => Some(Price::from_micro(micro)),
        }
    }
}

impl core::fmt::Debug for StatedBest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.get().fmt(f)
    }
}

/// Re-used from payload to payload; grows to the largest seen and then allocates no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Updates in the order of the payload.
    pub updates: Vec<Update>,
    /// Their levels.
    pub levels: Vec<LevelChange>,
}

impl Batch {
    /// A batch with room for `levels` levels.
    #[must_use]
    pub fn with_capacity(levels: usize) -> Self {
        Self { updates: Vec::with_capacity(64), levels: Vec::with_capacity(levels) }
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.updates.clear();
        self.levels.clear();
    }

    /// The levels of one update.
    #[must_use]
    pub fn levels_of(&self, update: &Update) -> &[LevelChange] {
        let first = update.first_level as usize;
        self.levels.get(first..first.saturating_add(update.level_count as usize)).unwrap_or(&[])
    }
}
