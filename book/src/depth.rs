//! What a reader of a book gets: quotes, levels, status and stamps, by value.

use crate::id::Face;
use crate::time::Nanos;
use crate::units::{Price, Qty};

/// Resting to buy, or resting to sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// Bids.
    Buy = 0,
    /// Asks.
    Sell = 1,
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// Side and price of a face's level or order in terms of YES, or back: a bid for NO at p is an ask for YES
/// at 1 − p.
#[inline]
#[must_use]
pub const fn in_yes(face: Face, side: Side, price: Price) -> (Side, Price) {
    match face {
        Face::Yes => (side, price),
        Face::No => (side.other(), price.complement()),
    }
}

/// One price with its quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Price per contract.
    pub price: Price,
    /// Contracts resting there.
    pub qty: Qty,
}

impl Level {
    /// The same interest seen from the complement: a bid at p is an ask at 1 − p.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self { price: self.price.complement(), qty: self.qty }
    }
}

/// Best bid and best ask; an absent side is absent, never a zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopOfBook {
    /// Best bid.
    pub bid: Option<Level>,
    /// Best ask.
    pub ask: Option<Level>,
}

impl TopOfBook {
    /// The top that a face of the book shows; books are kept in YES terms.
    #[must_use]
    pub fn face(self, face: Face) -> Self {
        match face {
            Face::Yes => self,
            Face::No => {
                Self { bid: self.ask.map(Level::mirrored), ask: self.bid.map(Level::mirrored) }
            }
        }
    }

    /// Whether the best bid reaches the best ask: our books differ from the venue's.
    #[must_use]
    pub fn is_crossed(self) -> bool {
        matches!((self.bid, self.ask), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }
}

/// How far a book may be believed. Only [`BookStatus::Live`] may be traded on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BookStatus {
    /// Subscribed, no snapshot yet (also after a tick-size change).
    #[default]
    AwaitingSnapshot = 0,
    /// Every message since a snapshot has been applied.
    Live = 1,
    /// Applied in full, but bid and ask cross: wait for the message that uncrosses it.
    Crossed = 2,
    /// A message was lost or contradicts the book: unusable until a snapshot.
    Gapped = 3,
    /// No word within the limit, by event time or connection.
    Stale = 4,
    /// The venue stopped trading for now.
    Halted = 5,
    /// The venue stopped trading for good.
    Closed = 6,
}

impl BookStatus {
    /// Every status, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::AwaitingSnapshot,
        Self::Live,
        Self::Crossed,
        Self::Gapped,
        Self::Stale,
        Self::Halted,
        Self::Closed,
    ];

    /// The status in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingSnapshot => "awaiting_snapshot",
            Self::Live => "live",
            Self::Crossed => "crossed",
            Self::Gapped => "gapped",
            Self::Stale => "stale",
            Self::Halted => "halted",
            Self::Closed => "closed",
        }
    }

    /// The status of a code, as packed words carry it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// Which state of a book this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// How far to believe it.
    pub status: BookStatus,
    /// Grows with every snapshot and tick-size change: both faces of one epoch are consistent.
    pub epoch: u32,
    /// Grows with every published state; a decision records it.
    pub version: u64,
    /// The venue's stamp of the newest message applied; zero where the venue gives none.
    pub ts_venue: Nanos,
    /// When its payload was received.
    pub ts_recv: Nanos,
}

/// Levels per side that a view carries. Deeper levels stay with the writer.
pub const DEPTH_LEVELS: usize = 16;

/// The best [`DEPTH_LEVELS`] of both sides in YES terms, best first, with the stamp they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    bids: [Level; DEPTH_LEVELS],
    asks: [Level; DEPTH_LEVELS],
    bid_count: usize,
    ask_count: usize,
    /// Which state this is.
    pub stamp: Stamp,
}

impl Default for Depth {
    fn default() -> Self {
        Self {
            bids: [Level::default(); DEPTH_LEVELS],
            asks: [Level::default(); DEPTH_LEVELS],
            bid_count: 0,
            ask_count: 0,
            stamp: Stamp::default(),
        }
    }
}

impl Depth {
    /// Levels of one side, best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => self.bids.get(..self.bid_count).unwrap_or(&[]),
            Side::Sell => self.asks.get(..self.ask_count).unwrap_or(&[]),
        }
    }

    /// Appends a level to a side, worse than all before it. Returns whether there was room.
    pub fn push(&mut self, side: Side, level: Level) -> bool {
        let (levels, count) = match side {
            Side::Buy => (&mut self.bids, &mut self.bid_count),
            Side::Sell => (&mut self.asks, &mut self.ask_count),
        };
        let Some(slot) = levels.get_mut(*count) else { return false };
        *slot = level;
        *count += 1;
        true
    }

    /// Forgets both sides and takes a new stamp.
    pub fn reset(&mut self, stamp: Stamp) {
        self.bid_count = 0;
        self.ask_count = 0;
        self.stamp = stamp;
    }

    /// Best bid and ask.
    #[must_use]
    pub fn top(&self) -> TopOfBook {
        TopOfBook {
            bid: self.levels(Side::Buy).first().copied(),
            ask: self.levels(Side::Sell).first().copied(),
        }
    }

    /// What a taker on `face` with `side` meets, best first: asks for a buyer, bids for a seller,
    /// in that face's own prices.
    pub fn opposite(&self, face: Face, taker: Side) -> impl Iterator<Item = Level> + '_ {
        let resting = match face {
            Face::Yes => taker.other(),
            Face::No => taker,
        };
        self.levels(resting).iter().map(move |level| match face {
            Face::Yes => *level,
            Face::No => level.mirrored(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(pips: u32, contracts: u64) -> Level {
        Level {
            price: Price::from_pips(pips).unwrap(),
            qty: Qty::from_contracts(contracts).unwrap(),
        }
    }

    #[test]
    fn the_no_face_mirrors_prices_and_swaps_sides() {
        let mut depth = Depth::default();
        assert!(depth.push(Side::Buy, level(4700, 3)) && depth.push(Side::Sell, level(5200, 2)));
        let no = depth.top().face(Face::No);
        assert_eq!((no.bid, no.ask), (Some(level(4800, 2)), Some(level(5300, 3))));
        let buyer: Vec<_> = depth.opposite(Face::No, Side::Buy).collect();
        assert_eq!(buyer, [level(5300, 3)]);
        let seller: Vec<_> = depth.opposite(Face::Yes, Side::Sell).collect();
        assert_eq!(seller, [level(4700, 3)]);
    }

    #[test]
    fn a_locked_book_is_crossed_and_an_absent_side_is_not() {
        let top = TopOfBook { bid: Some(level(5000, 1)), ask: Some(level(5000, 1)) };
        assert!(top.is_crossed());
        assert!(!TopOfBook { bid: None, ..top }.is_crossed());
    }
}
