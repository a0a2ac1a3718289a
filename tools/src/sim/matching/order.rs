//! What goes into a book, and what comes out of it.

use dutchbook_book::{Nanos, Price, Qty, QtyChange, Side};

/// Who placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub u32);

/// An order of one book. Keys are never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl OrderKey {
    /// The key as one number: a seed of ids that venues print.
    #[must_use]
    pub const fn bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }
}

/// What happens to the part that does not match at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// It rests.
    Rest,
    /// It is cancelled.
    Immediate,
    /// There is none: the whole order matches at once, or nothing of it.
    AllOrNothing,
}

/// What happens when an order reaches one of its owner's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// The resting one is cancelled, and matching goes on.
    CancelMaker,
    /// What is left of the incoming one is cancelled; earlier matches stand.
    CancelTaker,
}

/// An order as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder {
    /// Whose it is.
    pub owner: OwnerId,
    /// Side in YES terms.
    pub side: Side,
    /// Worst price.
    pub price: Price,
    /// Contracts.
    pub qty: Qty,
    /// What happens to the rest.
    pub time_in_force: TimeInForce,
    /// Whether it is refused when it would match at once.
    pub post_only: bool,
    /// What happens when it reaches one of its owner's own.
    pub self_trade: SelfTrade,
    /// When its rest leaves the book by itself.
    pub expires_at: Option<Nanos>,
}

impl NewOrder {
    /// An order without flags: it may match, and cancels its owner's own that it reaches.
    #[must_use]
    pub const fn plain(
        owner: OwnerId,
        side: Side,
        price: Price,
        qty: Qty,
        time_in_force: TimeInForce,
    ) -> Self {
        let self_trade = SelfTrade::CancelMaker;
        Self {
            owner,
            side,
            price,
            qty,
            time_in_force,
            post_only: false,
            self_trade,
            expires_at: None,
        }
    }
}

/// An order in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// Whose it is.
    pub owner: OwnerId,
    /// Side in YES terms.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Contracts left.
    pub qty: Qty,
    /// When it leaves the book by itself.
    pub expires_at: Option<Nanos>,
}

/// Why an order is refused. The book is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing to trade.
    NoQty,
    /// The price is zero, or one, or above.
    BadPrice,
    /// The level would hold more than a quantity can count.
    TooLarge,
    /// It is post-only and would match at once.
    WouldMatch,
    /// It is all or nothing and would not match in full.
    NotInFull,
    /// The order to replace is not there any more.
    Gone,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its key in the events, whether it rests or not.
    pub key: OrderKey,
    /// Contracts matched at once.
    pub filled: Qty,
    /// The part that rests.
    pub resting: Option<OrderKey>,
}

/// Why an order left the book other than by matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Whoever may cancelled it.
    Cancelled,
    /// Another order of its owner reached it.
    SelfTrade,
    /// Its time was over.
    Expired,
    /// The market ended.
    Closed,
    /// It moved to another price, or to the end of its queue, under another key.
    Replaced,
}

/// What an operation did to the book, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchEvent {
    /// Two orders matched.
    Trade {
        /// Price of the resting order.
        price: Price,
        /// Contracts.
        qty: Qty,
        /// Side of the incoming order.
        taker_side: Side,
        /// Owner of the incoming order.
        taker: OwnerId,
        /// Owner of the resting order.
        maker: OwnerId,
        /// The incoming order.
        taker_order: OrderKey,
        /// The resting order.
        maker_order: OrderKey,
    },
    /// An order left the book without a match.
    Removed {
        /// Its key.
        key: OrderKey,
        /// As it was, with what was left of it.
        order: RestingOrder,
        /// Why.
        why: Removal,
    },
    /// A level holds another quantity: at most one such event per level and operation.
    Level {
        /// Side of the level.
        side: Side,
        /// Its price.
        price: Price,
        /// What it holds now; zero when it is gone.
        qty: Qty,
        /// The change that led there.
        change: QtyChange,
    },
}
