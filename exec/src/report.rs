//! Any news of an order, under our own id of it.

use dutchbook_book::{BookStatus, Exact, InstrumentId, Nanos, Price, Qty, Side};

use crate::intent::{Intent, OrderId, TradeId};

/// Why an order was refused. The reason says what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// The venue lists no such instrument: the catalog is wrong.
    UnknownInstrument,
    /// The book may not be traded on now: wait for its next snapshot.
    BookNotLive(BookStatus),
    /// The quantity is no multiple of the lot, or zero.
    OffLot,
    /// Below the smallest order in contracts.
    BelowMinQty,
    /// Below the smallest order in cash.
    BelowMinNotional,
    /// The limit is no price of the instrument's grid: the catalog's grid or the pricing is wrong.
    OffGrid,
    /// The book moved past the limit between decision and signing: nothing was sent.
    PriceMoved,
    /// Nobody wanted it any more when it was to leave: nothing was sent.
    Late,
    /// The venue's rate limit has no room now: nothing was sent.
    Throttled,
    /// As many orders as can be followed are under way: nothing was sent.
    NoRoom,
    /// The venue takes no orders now, or its news of ours do not reach us: nothing was sent.
    VenueDown,
    /// We cannot trade there, or its amounts cannot be written by the venue's rules.
    Unwritable,
    /// It was handed over and certainly did not arrive.
    NotSent,
    /// The venue said no.
    Refused,
    /// Nobody answered, and long after the venue's records do not have it.
    NeverArrived,
}

impl RejectReason {
    /// Whether the venue has seen the order: only then does a refusal say something of the venue.
    #[must_use]
    pub const fn is_venues(self) -> bool {
        matches!(self, Self::Refused | Self::NeverArrived)
    }
}

/// A trade against one of our orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Grows by one with each fill of a venue: the same number twice is the same fill.
    pub number: u64,
    /// At the price of the resting level, which may be better than our limit.
    pub price: Price,
    /// Contracts traded.
    pub qty: Qty,
    /// Contracts that reach our account: fewer than traded where the fee is taken in contracts.
    /// Equals `qty` for a sell.
    pub delivered: Qty,
    /// Fee in cash; zero where it is taken in contracts.
    pub fee: Exact,
}

impl Fill {
    /// Price times quantity.
    #[must_use]
    pub fn notional(&self) -> Exact {
        Exact::product(self.price, self.qty)
    }

    /// What the fill does to our cash: positive when we get some. `None` when it does not fit.
    #[must_use]
    pub fn cash_effect(&self, side: Side) -> Option<Exact> {
        let gross = match side {
            Side::Buy => Exact::ZERO.checked_sub(self.notional())?,
            Side::Sell => self.notional(),
        };
        gross.checked_sub(self.fee)
    }
}

/// How an order that was accepted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderEnd {
    /// Everything was traded.
    Filled = 0,
    /// The rest was taken back.
    Cancelled = 1,
    /// Its deadline passed before it reached the book.
    Expired = 2,
}

impl OrderEnd {
    /// Every end, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Filled, Self::Cancelled, Self::Expired];

    /// The end of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// The last word on an accepted order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How it ended.
    pub end: OrderEnd,
    /// Contracts traded over all its fills.
    pub filled: Qty,
    /// Cash that moves once per order, for roundings and minimum fees that the fills do not carry;
    /// negative when we pay.
    pub adjustment: Exact,
}

/// What happened to the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// The venue has it.
    Acknowledged,
    /// The venue refused it; nothing was traded.
    Rejected(RejectReason),
    /// Some of it was traded.
    Filled(Fill),
    /// It is over: nothing more is traded. On a venue that settles later, what was traded may still
    /// be taken back.
    Closed(Closed),
    /// The venue took a trade back that was reported before.
    Reversed(Fill),
    /// What was traded is good for ever: the very last word. Follows [`ReportKind::Closed`], on
    /// venues only.
    Settled,
}

/// One piece of news of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which order.
    pub order: OrderId,
    /// The basket that the order belongs to.
    pub trade: TradeId,
    /// The leg of that basket.
    pub leg_index: u16,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// When we learnt it.
    pub ts: Nanos,
    /// What happened.
    pub kind: ReportKind,
}

impl Report {
    /// News of the order made from `intent`.
    #[must_use]
    pub const fn of(order: OrderId, intent: &Intent, ts: Nanos, kind: ReportKind) -> Self {
        Self {
            order,
            trade: intent.trade,
            leg_index: intent.leg_index,
            instrument: intent.instrument,
            side: intent.side,
            ts,
            kind,
        }
    }
}
