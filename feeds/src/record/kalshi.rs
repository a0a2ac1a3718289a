//! Records of Kalshi's WebSocket channels (`venues/kalshi.md` section 7).

use dutchbook_book::{Cash, Face, Nanos, Price, Qty, QtyChange, Side};

use super::{List, Text};
use crate::batch::Sequence;
use crate::general::reading::{PriceRanges, Subscriptions};
use crate::kind::MessageKind;

/// What stands outside `msg`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Command that is answered.
    pub id: Option<u64>,
    /// Subscription.
    pub sid: Option<u32>,
    /// Ordering number.
    pub seq: Option<u64>,
    /// When the venue handed the message to the network.
    pub sending_ts: Nanos,
}

impl Envelope {
    /// The ordering number, where the message uses one up.
    #[must_use]
    pub const fn sequence(&self) -> Option<Sequence> {
        match (self.sid, self.seq) {
            (Some(sid), Some(seq)) => Some(Sequence { sid, seq }),
            (_, _) => None,
        }
    }
}

/// One message that is not about levels, with its envelope.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Outside.
    pub envelope: Envelope,
    /// Inside.
    pub record: Record<'a>,
}

/// The inside of one message.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A subscription began.
    Subscribed(Subscribed<'a>),
    /// A command was carried out.
    Ok(Ok<'a>),
    /// A subscription ended.
    Unsubscribed,
    /// A command was refused, or a subscription died.
    Error(Error<'a>),
    /// Top of book.
    Ticker(Ticker<'a>),
    /// A public trade.
    Trade(Trade<'a>),
    /// An own fill.
    Fill(Fill<'a>),
    /// News of an own order.
    UserOrder(UserOrder<'a>),
    /// An own position.
    MarketPosition(MarketPosition<'a>),
    /// Life of a market.
    MarketLifecycle(MarketLifecycle<'a>),
    /// An event was listed.
    EventLifecycle(EventLifecycle<'a>),
    /// Fees of an event were overridden.
    EventFeeUpdate(EventFeeUpdate<'a>),
    /// News of an own order group.
    OrderGroup(OrderGroup<'a>),
    /// Requests for quotes.
    Communication(Communication<'a>),
    /// A shape of another product; counted, never applied.
    Foreign,
    /// A type that we do not know.
    Unknown,
}

impl Record<'_> {
    /// What the message is.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Subscribed(_) => MessageKind::Subscribed,
            Self::Ok(_) => MessageKind::Ok,
            Self::Unsubscribed => MessageKind::Unsubscribed,
            Self::Error(_) => MessageKind::Error,
            Self::Ticker(_) => MessageKind::Ticker,
            Self::Trade(_) => MessageKind::Trade,
            Self::Fill(_) => MessageKind::Fill,
            Self::UserOrder(_) => MessageKind::UserOrder,
            Self::MarketPosition(_) => MessageKind::MarketPosition,
            Self::MarketLifecycle(_) => MessageKind::MarketLifecycle,
            Self::EventLifecycle(_) => MessageKind::EventLifecycle,
            Self::EventFeeUpdate(_) => MessageKind::EventFeeUpdate,
            Self::OrderGroup(_) => MessageKind::OrderGroup,
            Self::Communication(record) => record.kind,
            Self::Foreign => MessageKind::Foreign,
            Self::Unknown => MessageKind::Unknown,
        }
    }
}

/// A subscription began.
#[derive(Clone, Copy, Debug)]
pub struct Subscribed<'a> {
    /// Channel.
    pub channel: &'a str,
    /// Its number.
    pub sid: u32,
}

/// A command was carried out.
#[derive(Clone, Copy, Debug)]
pub struct Ok<'a> {
    /// All markets of the subscription now, where the answer lists them.
    pub market_tickers: List<'a, Text>,
    /// All subscriptions, where the answer lists them.
    pub subscriptions: List<'a, Subscriptions>,
}

/// A command was refused, or a subscription died.
#[derive(Clone, Copy, Debug)]
pub struct Error<'a> {
    /// Number of the error.
    pub code: u64,
    /// Its text.
    pub text: &'a str,
}

impl Error<'_> {
    /// Whether the subscription is dead: a channel error, or its buffer overflowed.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self.code, 10 | 25)
    }
}

/// Top of book. Prices may be 0 or 1 on dead markets: no quotes, and then their sizes are zero.
#[derive(Clone, Copy, Debug)]
pub struct Ticker<'a> {
    /// Market.
    pub ticker: &'a str,
    /// Best YES bid.
    pub yes_bid: Option<Price>,
    /// Best YES ask.
    pub yes_ask: Option<Price>,
    /// Contracts bid.
    pub yes_bid_size: Option<Qty>,
    /// Contracts asked.
    pub yes_ask_size: Option<Qty>,
    /// Price of the last trade.
    pub last: Option<Price>,
    /// Contracts traded.
    pub volume: Option<Qty>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// A public trade.
#[derive(Clone, Copy, Debug)]
pub struct Trade<'a> {
    /// Id.
    pub trade_id: Option<&'a str>,
    /// Market.
    pub ticker: &'a str,
    /// Price of YES.
    pub yes_price: Price,
    /// Contracts.
    pub count: Qty,
    /// What the taker did in YES terms.
    pub taker_book_side: Option<Side>,
    /// Whether it was agreed outside the book.
    pub is_block: bool,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// An own fill.
#[derive(Clone, Copy, Debug)]
pub struct Fill<'a> {
    /// Trade.
    pub trade_id: &'a str,
    /// Order.
    pub order_id: &'a str,
    /// Our name of the order.
    pub client_order_id: Option<&'a str>,
    /// Market.
    pub ticker: &'a str,
    /// Side in YES terms.
    pub book_side: Side,
    /// Price of YES.
    pub yes_price: Price,
    /// Contracts.
    pub count: Qty,
    /// Fee.
    pub fee: Cash,
    /// Whether we took.
    pub is_taker: bool,
    /// Position after it, in YES contracts.
    pub position_after: Option<QtyChange>,
    /// Subaccount.
    pub subaccount: Option<u64>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// News of an own order.
#[derive(Clone, Copy, Debug)]
pub struct UserOrder<'a> {
    /// Order.
    pub order_id: &'a str,
    /// Our name of it.
    pub client_order_id: Option<&'a str>,
    /// Market.
    pub ticker: &'a str,
    /// `resting`, `canceled`, `executed`, `unknown`.
    pub status: &'a str,
    /// Side in YES terms.
    pub book_side: Side,
    /// Price of YES.
    pub yes_price: Price,
    /// Contracts left.
    pub remaining: Qty,
    /// Contracts filled.
    pub filled: Qty,
    /// Contracts ordered.
    pub initial: Option<Qty>,
    /// Why the venue changed it.
    pub reason: Option<&'a str>,
    /// Subaccount.
    pub subaccount: Option<u64>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// An own position.
#[derive(Clone, Copy, Debug)]
pub struct MarketPosition<'a> {
    /// Market.
    pub ticker: &'a str,
    /// YES contracts; negative is NO.
    pub position: QtyChange,
    /// What it cost.
    pub cost: Cash,
    /// Profit taken.
    pub realized: Cash,
    /// Fees paid.
    pub fees: Cash,
}

/// What happened in the life of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleEvent<'a> {
    /// Listed.
    Created,
    /// Trading goes on; resting orders were cancelled.
    Activated,
    /// Trading paused.
    Deactivated,
    /// The close moved.
    CloseDateUpdated,
    /// The result is known, not final.
    Determined,
    /// Money has moved; carries no result.
    Settled,
    /// The grid changed; resting orders stay.
    PriceLevelStructureUpdated,
    /// Texts or strikes changed.
    MetadataUpdated,
    /// A word that we do not know.
    Other(&'a str),
}

impl<'a> LifecycleEvent<'a> {
    /// The event of the venue's word.
    #[must_use]
    pub fn of(word: &'a str) -> Self {
        match word {
            "created" => Self::Created,
            "activated" => Self::Activated,
            "deactivated" => Self::Deactivated,
            "close_date_updated" => Self::CloseDateUpdated,
            "determined" => Self::Determined,
            "settled" => Self::Settled,
            "price_level_structure_updated" => Self::PriceLevelStructureUpdated,
            "metadata_updated" => Self::MetadataUpdated,
            other => Self::Other(other),
        }
    }

    /// The venue's word.
    #[must_use]
    pub const fn name(self) -> &'a str {
        match self {
            Self::Created => "created",
            Self::Activated => "activated",
            Self::Deactivated => "deactivated",
            Self::CloseDateUpdated => "close_date_updated",
            Self::Determined => "determined",
            Self::Settled => "settled",
            Self::PriceLevelStructureUpdated => "price_level_structure_updated",
            Self::MetadataUpdated => "metadata_updated",
            Self::Other(word) => word,
        }
    }
}

/// Life of a market.
#[derive(Clone, Copy, Debug)]
pub struct MarketLifecycle<'a> {
    /// What happened.
    pub event: LifecycleEvent<'a>,
    /// Market.
    pub ticker: &'a str,
    /// Its event, in listings.
    pub event_ticker: Option<&'a str>,
    /// Opening.
    pub open: Option<Nanos>,
    /// Close.
    pub close: Option<Nanos>,
    /// `yes`, `no`, or another word for a scalar or void result.
    pub result: Option<&'a str>,
    /// What one YES contract pays.
    pub settlement_value: Option<Price>,
    /// Kind of strike, in listings.
    pub strike_type: Option<&'a str>,
    /// Label of the grid.
    pub price_level_structure: Option<&'a str>,
    /// The grid itself.
    pub price_ranges: List<'a, PriceRanges>,
}

impl MarketLifecycle<'_> {
    /// Whether money has moved.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.event == LifecycleEvent::Settled
    }

    /// The face that wins, where the result names one.
    #[must_use]
    pub fn winner(&self) -> Option<Face> {
        match self.result {
            Some("yes") => Some(Face::Yes),
            Some("no") => Some(Face::No),
            Some(_) | None => None,
        }
    }
}

/// An event was listed.
#[derive(Clone, Copy, Debug)]
pub struct EventLifecycle<'a> {
    /// Event.
    pub event_ticker: &'a str,
    /// Series.
    pub series_ticker: Option<&'a str>,
    /// Title.
    pub title: Option<&'a str>,
    /// `MECNET` where legs net.
    pub collateral_return_type: Option<&'a str>,
}

/// Fees of an event were overridden; `None` removes the override.
#[derive(Clone, Copy, Debug)]
pub struct EventFeeUpdate<'a> {
    /// Event.
    pub event_ticker: &'a str,
    /// Name of the rule.
    pub fee_type: Option<&'a str>,
    /// Multiplier in 1e-9.
    pub fee_multiplier_nano: Option<u64>,
}

/// News of an own order group.
#[derive(Clone, Copy, Debug)]
pub struct OrderGroup<'a> {
    /// `created`, `triggered`, `reset`, `deleted`, `limit_updated`.
    pub event: &'a str,
    /// Group.
    pub order_group_id: &'a str,
    /// Contracts allowed.
    pub limit: Option<Qty>,
}

/// Requests for quotes, and quotes.
#[derive(Clone, Copy, Debug)]
pub struct Communication<'a> {
    /// Which of the five.
    pub kind: MessageKind,
    /// Request.
    pub rfq_id: Option<&'a str>,
    /// Quote.
    pub quote_id: Option<&'a str>,
    /// Market.
    pub ticker: Option<&'a str>,
    /// Order that a quote became.
    pub order_id: Option<&'a str>,
    /// Our name of it.
    pub client_order_id: Option<&'a str>,
    /// Contracts wanted, or accepted.
    pub contracts: Option<Qty>,
    /// Cash wanted.
    pub target_cost: Option<Cash>,
    /// Bid for YES.
    pub yes_bid: Option<Price>,
    /// Bid for NO.
    pub no_bid: Option<Price>,
    /// Face that was accepted.
    pub accepted_side: Option<Face>,
}
