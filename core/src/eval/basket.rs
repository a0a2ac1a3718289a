//! What an opportunity is made of: legs with ratios, and the kind of law that they exploit.

use dutchbook_book::{InstrumentId, Side};

/// One contract of a leg per basket, in the unit of [`Leg::ratio_micro`].
pub const RATIO_ONE: u32 = 1_000_000;

/// One instrument of a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg {
    /// What is traded.
    pub instrument: InstrumentId,
    /// What we do: [`Side::Buy`] takes asks, [`Side::Sell`] takes bids out of a split set.
    pub side: Side,
    /// Contracts per basket in 1e-6.
    pub ratio_micro: u32,
}

impl Leg {
    /// One contract bought per basket.
    #[must_use]
    pub const fn buy(instrument: InstrumentId) -> Self {
        Self { instrument, side: Side::Buy, ratio_micro: RATIO_ONE }
    }

    /// One contract sold per basket, out of a split set.
    #[must_use]
    pub const fn sell(instrument: InstrumentId) -> Self {
        Self { instrument, side: Side::Sell, ratio_micro: RATIO_ONE }
    }
}

/// Which law of probability a basket exploits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BasketKind {
    /// Both outcomes of one market bought below one.
    SingleLong,
    /// A complete set split and sold above one.
    SingleShort,
    /// Every outcome of an exhaustive event bought below one.
    MultiLong,
    /// NO on every outcome of an exclusive event below n − 1.
    MultiShort,
    /// NO on some outcomes bought or converted, YES on the others sold.
    MultiConvert,
    /// NO on a subset of an exclusive set.
    Exclusive,
    /// One question on two venues.
    CrossVenue,
    /// A implies B: NO A and YES B.
    Implication,
    /// Two rungs of a ladder of thresholds.
    Ladder,
    /// A is the disjoint union of B1 … Bm.
    Bundle,
    /// A, B, A∧B and A∨B, or any basket given with its states.
    Polytope,
    /// What has already happened, bought below one.
    Resolution,
}

impl BasketKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::SingleLong,
        Self::SingleShort,
        Self::MultiLong,
        Self::MultiShort,
        Self::MultiConvert,
        Self::Exclusive,
        Self::CrossVenue,
        Self::Implication,
        Self::Ladder,
        Self::Bundle,
        Self::Polytope,
        Self::Resolution,
    ];

    /// The kind's name as case files and reports print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleLong => "single_long",
            Self::SingleShort => "single_short",
            Self::MultiLong => "multi_long",
            Self::MultiShort => "multi_short",
            Self::MultiConvert => "multi_convert",
            Self::Exclusive => "exclusive",
            Self::CrossVenue => "cross_venue",
            Self::Implication => "implication",
            Self::Ladder => "ladder",
            Self::Bundle => "bundle",
            Self::Polytope => "polytope",
            Self::Resolution => "resolution",
        }
    }
}
