//! Opportunities: what an evaluation saw, and the life of one edge, from the first sighting to its end
//! with a cause. [`LifeTracker`] follows them.

mod lives;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::view::TopView;
use dutchbook_book::{BasketId, Cash, Exact, InstrumentId, Nanos, Price, Qty, Side};

use crate::eval::basket::BasketKind;
use crate::eval::sweep::{Refusal, Sizing};

pub use lives::{KindSummary, LifeEvent, LifeTracker};

/// One leg of an opportunity, sized and priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpportunityLeg {
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The worst level walked.
    pub limit: Price,
    /// Contracts, already in this venue's lots.
    pub qty: Qty,
    /// Whether the fee of this instrument is known for today.
    pub is_fee_known: bool,
    /// What was read when the leg was priced, in YES terms like every view.
    pub view: TopView,
}

/// A set of legs with positive edge at the views read.
#[derive(Clone, Copy, Debug)]
pub struct Opportunity<'a> {
    /// The life that it belongs to.
    pub id: OpportunityId,
    /// The compiled basket.
    pub basket: BasketId,
    /// Which law it exploits.
    pub kind: BasketKind,
    /// Size and money.
    pub sighting: Sighting,
    /// What to trade.
    pub legs: &'a [OpportunityLeg],
}

/// One life of an edge. Numbers begin with one in each tracker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct OpportunityId(pub u64);

/// What one evaluation saw of an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Baskets that could be traded.
    pub size: Qty,
    /// Worst-case profit before fees.
    pub gross: Exact,
    /// All fees and fixed costs.
    pub fees: Exact,
    /// Worst-case profit after everything.
    pub net_edge: Exact,
}

impl From<&Sizing<'_>> for Sighting {
    fn from(sizing: &Sizing<'_>) -> Self {
        let Sizing { size, gross, fees, net: net_edge, .. } = *sizing;
        Self { size, gross, fees, net_edge }
    }
}

/// Which edge a tracker follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Measure {
    /// Before fees.
    Gross = 0,
    /// After fees, roundings, minimums and fixed costs.
    Net = 1,
}

impl Measure {
    /// The edge that this measure looks at.
    #[must_use]
    pub const fn edge(self, sighting: &Sighting) -> Exact {
        match self {
            Self::Gross => sighting.gross,
            Self::Net => sighting.net_edge,
        }
    }
}

/// Why an edge is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Cause {
    /// We sent the legs, and then it was gone.
    TradedByUs = 0,
    /// The best prices leave no edge.
    PriceMoved = 1,
    /// The prices leave an edge, but too little stands behind them.
    SizeTaken = 2,
    /// A book may not be traded on: gapped, stale, crossed, halted.
    BookDoubtful = 3,
    /// The event is decided.
    Resolved = 4,
    /// We stopped looking.
    EndOfRun = 5,
    /// Its relation stands no more: the venue or the file of relations says something else.
    Withdrawn = 6,
}

impl Cause {
    /// Every cause, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::TradedByUs,
        Self::PriceMoved,
        Self::SizeTaken,
        Self::BookDoubtful,
        Self::Resolved,
        Self::EndOfRun,
        Self::Withdrawn,
    ];

    /// The cause's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TradedByUs => "traded_by_us",
            Self::PriceMoved => "price_moved",
            Self::SizeTaken => "size_taken",
            Self::BookDoubtful => "book_doubtful",
            Self::Resolved => "resolved",
            Self::EndOfRun => "end_of_run",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The cause of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl From<Refusal> for Cause {
    /// Why an edge is not there, from the sizing's refusal of its basket.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::EdgeNotPositive => Self::PriceMoved,
            Refusal::NoLevel { .. }
            | Refusal::BelowLot
            | Refusal::Capital
            | Refusal::BelowVenueMinimum { .. }
            | Refusal::NetTooSmall
            | Refusal::DepthForFee { .. } => Self::SizeTaken,
            Refusal::NoLeg | Refusal::OffGrid { .. } | Refusal::Overflow => Self::BookDoubtful,
        }
    }
}

/// The venues that a basket trades on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Venues(u8);

/// How many sets of venues there are, the empty one included.
const VENUE_SETS: usize = 4;

impl Venues {
    /// The venues of a basket's books.
    #[must_use]
    pub fn of(kinds: impl IntoIterator<Item = VenueKind>) -> Self {
        let bit = |kind| match kind {
            VenueKind::Polymarket => 1,
            VenueKind::Kalshi => 2,
        };
        Self(kinds.into_iter().fold(0, |set, kind| set | bit(kind)))
    }

    /// The set as bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        (usize::from(bits) < VENUE_SETS).then_some(Self(bits))
    }

    /// The venues as reports print them: one, or the pair.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 => "polymarket",
            2 => "kalshi",
            3 => "polymarket+kalshi",
            _ => "",
        }
    }
}

/// One life, open or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpportunityLife {
    /// Its number.
    pub id: OpportunityId,
    /// Which law it exploits.
    pub kind: BasketKind,
    /// The compiled basket.
    pub basket: BasketId,
    /// Where it trades.
    pub venues: Venues,
    /// When an evaluation first saw it.
    pub born_ns: Nanos,
    /// When one first did not see it; while it is open, when one last saw it.
    pub died_ns: Nanos,
    /// The largest size seen.
    pub best_size: Qty,
    /// The largest net edge seen; negative lives exist under the gross measure.
    pub best_net_edge: Exact,
    /// The largest gross edge seen.
    pub best_gross: Exact,
    /// The size seen last.
    pub size: Qty,
    /// The net edge seen last, rounded down.
    pub net_edge: Cash,
    /// Evaluations that saw it.
    pub updates: u64,
    /// Whether we traded it.
    pub is_traded: bool,
    /// How it ended; while it is open, [`Cause::EndOfRun`].
    pub cause: Cause,
}

impl OpportunityLife {
    /// How long it was there.
    #[must_use]
    pub const fn span(&self) -> Nanos {
        self.died_ns.since(self.born_ns)
    }

    /// Takes one more sighting. Returns whether the measured edge is the best so far.
    fn see(&mut self, sighting: &Sighting, measure: Measure, now: Nanos) -> bool {
        let best = match measure {
            Measure::Gross => self.best_gross,
            Measure::Net => self.best_net_edge,
        };
        let is_better = measure.edge(sighting) > best;
        self.best_size = self.best_size.max(sighting.size);
        self.best_net_edge = self.best_net_edge.max(sighting.net_edge);
        self.best_gross = self.best_gross.max(sighting.gross);
        self.size = sighting.size;
        self.net_edge = sighting.net_edge.cash_floor().unwrap_or_default();
        self.updates = self.updates.saturating_add(1);
        self.died_ns = self.died_ns.max(now);
        is_better
    }
}
