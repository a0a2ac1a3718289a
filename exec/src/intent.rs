//! What we want: one leg that risk has allowed, with its limit and its deadline.

use dutchbook_book::{Exact, InstrumentId, Nanos, Price, Qty, Side};

/// One basket sent once: all legs of one decision carry the same trade id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct TradeId(pub u64);

/// Our own id of an order, given before anything is sent, never used twice in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct OrderId(pub u64);

/// A leg that risk has allowed; not yet an order. Executed as immediate-or-cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The basket that it belongs to.
    pub trade: TradeId,
    /// Its place among the legs of that basket.
    pub leg_index: u16,
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The worst price that is still wanted.
    pub limit: Price,
    /// How many contracts.
    pub qty: Qty,
    /// After this moment nobody wants it any more.
    pub deadline: Nanos,
    /// When it was decided.
    pub ts_decision: Nanos,
}

impl Intent {
    /// Quantity at the limit price: the most that a buy can cost before fees, exactly.
    #[must_use]
    pub fn notional(&self) -> Exact {
        Exact::product(self.limit, self.qty)
    }

    /// Whether a fill at `price` keeps to the limit.
    #[must_use]
    pub fn is_within_limit(&self, price: Price) -> bool {
        match self.side {
            Side::Buy => price <= self.limit,
            Side::Sell => price >= self.limit,
        }
    }
}
