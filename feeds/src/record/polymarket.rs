//! Records of Polymarket's market, user, sports and price streams (`venues/polymarket.md`).

use core::fmt;

use dutchbook_book::{Nanos, Price, Qty, Side};

use super::{List, Text};
use crate::general::reading::{MakerOrders, ReferencePoints};
use crate::kind::MessageKind;

/// One message that is not about levels.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A public trade.
    LastTradePrice(LastTradePrice<'a>),
    /// A new grid.
    TickSizeChange(TickSizeChange<'a>),
    /// Top of book.
    BestBidAsk(BestBidAsk<'a>),
    /// A listing.
    NewMarket(NewMarket<'a>),
    /// A resolution.
    MarketResolved(MarketResolved<'a>),
    /// News of an own order.
    Order(Order<'a>),
    /// News of an own trade.
    Trade(Trade<'a>),
    /// A score.
    Sports(Sports<'a>),
    /// A reference price, or several.
    ReferencePrice(ReferencePrice<'a>),
    /// An acknowledgement or a refusal of a price stream.
    StreamReply(StreamReply<'a>),
    /// The answer to our `PING`.
    Pong,
    /// Another text that is not JSON; servers also send `ping`, to be answered with `pong`.
    Text(&'a str),
    /// Nothing at all: the greeting of the old price stream.
    Empty,
    /// A message that we do not know.
    Unknown,
}

impl Record<'_> {
    /// What the message is.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::LastTradePrice(_) => MessageKind::LastTradePrice,
            Self::TickSizeChange(_) => MessageKind::TickSizeChange,
            Self::BestBidAsk(_) => MessageKind::BestBidAsk,
            Self::NewMarket(_) => MessageKind::NewMarket,
            Self::MarketResolved(_) => MessageKind::MarketResolved,
            Self::Order(_) => MessageKind::Order,
            Self::Trade(_) => MessageKind::Trade,
            Self::Sports(_) => MessageKind::Sports,
            Self::ReferencePrice(_) => MessageKind::ReferencePrice,
            Self::StreamReply(reply) if reply.is_error => MessageKind::Error,
            Self::StreamReply(_) => MessageKind::StreamReply,
            Self::Pong => MessageKind::Pong,
            Self::Text(_) => MessageKind::Text,
            Self::Empty => MessageKind::Empty,
            Self::Unknown => MessageKind::Unknown,
        }
    }
}

/// A public trade of one token.
#[derive(Clone, Copy, Debug)]
pub struct LastTradePrice<'a> {
    /// Token.
    pub asset_id: &'a str,
    /// Condition.
    pub market: Option<&'a str>,
    /// Price of the token.
    pub price: Price,
    /// Contracts; newer and older frames all carry it.
    pub size: Option<Qty>,
    /// What the taker did.
    pub taker_side: Option<Side>,
    /// Transaction, in newer frames.
    pub transaction_hash: Option<&'a str>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// The grid of a token's market changes; its levels are void.
#[derive(Clone, Copy, Debug)]
pub struct TickSizeChange<'a> {
    /// Token.
    pub asset_id: &'a str,
    /// Condition.
    pub market: Option<&'a str>,
    /// Step so far.
    pub old_tick_size: Option<Price>,
    /// Step from now on.
    pub new_tick_size: Price,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// Top of book of one token; an empty side is `None`.
#[derive(Clone, Copy, Debug)]
pub struct BestBidAsk<'a> {
    /// Token.
    pub asset_id: &'a str,
    /// Condition.
    pub market: Option<&'a str>,
    /// Best bid.
    pub best_bid: Option<Price>,
    /// Best ask.
    pub best_ask: Option<Price>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// A market was listed, anywhere on the venue.
#[derive(Clone, Copy, Debug)]
pub struct NewMarket<'a> {
    /// Condition.
    pub market: &'a str,
    /// The question.
    pub question: Option<&'a str>,
    /// Name in addresses.
    pub slug: Option<&'a str>,
    /// Tokens, in the order of the outcomes.
    pub assets_ids: List<'a, Text>,
    /// Outcomes.
    pub outcomes: List<'a, Text>,
    /// Smallest step of prices.
    pub tick_size: Option<Price>,
    /// Gamma's event.
    pub event_id: Option<&'a str>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// A market was resolved, anywhere on the venue.
#[derive(Clone, Copy, Debug)]
pub struct MarketResolved<'a> {
    /// Condition.
    pub market: &'a str,
    /// Tokens.
    pub assets_ids: List<'a, Text>,
    /// The token that pays; absent when the outcomes split the payout.
    pub winning_asset_id: Option<&'a str>,
    /// Its outcome.
    pub winning_outcome: Option<&'a str>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// What happened to an own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent<'a> {
    /// It rests.
    Placement,
    /// A part of it was matched.
    Update,
    /// It is gone: by us, by expiry, or by the venue.
    Cancellation,
    /// A word that we do not know.
    Other(&'a str),
}

/// News of an own order. Market orders to buy state `original_size` in cash, not in contracts.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What happened.
    pub event: OrderEvent<'a>,
    /// Hash of the order.
    pub id: &'a str,
    /// Token.
    pub asset_id: &'a str,
    /// Condition.
    pub market: Option<&'a str>,
    /// Buy or sell.
    pub side: Side,
    /// Limit.
    pub price: Price,
    /// Size as signed.
    pub original_size: Qty,
    /// Matched so far; absent counts as nothing.
    pub size_matched: Qty,
    /// `GTC`, `GTD`, `FOK`, `FAK`.
    pub order_type: Option<&'a str>,
    /// Status as the venue words it.
    pub status: Option<&'a str>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

impl Order<'_> {
    /// What is left to match, or `None` when more was matched than signed.
    #[must_use]
    pub const fn remaining(&self) -> Option<Qty> {
        self.original_size.checked_sub(self.size_matched)
    }

    /// Whether the order is gone.
    #[must_use]
    pub const fn is_canceled(&self) -> bool {
        matches!(self.event, OrderEvent::Cancellation)
    }
}

/// Our part of a trade as a maker.
#[derive(Clone, Copy, Debug)]
pub struct MakerOrder<'a> {
    /// Hash of the order.
    pub order_id: &'a str,
    /// Token.
    pub asset_id: Option<&'a str>,
    /// Contracts.
    pub matched_amount: Qty,
    /// Price.
    pub price: Price,
    /// Key that owns the order.
    pub owner: Option<&'a str>,
}

/// News of an own trade; the same id returns with each status.
#[derive(Clone, Copy, Debug)]
pub struct Trade<'a> {
    /// Id of the trade.
    pub id: &'a str,
    /// `MATCHED`, `MINED`, `CONFIRMED`, `RETRYING`, `FAILED`.
    pub status: &'a str,
    /// Token.
    pub asset_id: &'a str,
    /// Condition.
    pub market: Option<&'a str>,
    /// What the taker did.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Contracts.
    pub size: Qty,
    /// Order that took.
    pub taker_order_id: Option<&'a str>,
    /// Orders that made.
    pub maker_orders: List<'a, MakerOrders>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// A score.
#[derive(Clone, Copy, Debug)]
pub struct Sports<'a> {
    /// Game; joined through Gamma's `gameId`.
    pub game_id: u64,
    /// League.
    pub league: Option<&'a str>,
    /// Home.
    pub home_team: Option<&'a str>,
    /// Away.
    pub away_team: Option<&'a str>,
    /// Status in the venue's words; the case varies.
    pub status: Option<&'a str>,
    /// Score.
    pub score: Option<&'a str>,
    /// Period.
    pub period: Option<&'a str>,
    /// Time played.
    pub elapsed: Option<&'a str>,
    /// Whether it is being played.
    pub is_live: bool,
    /// Whether it is over; said once.
    pub is_ended: bool,
}

/// A price of something outside the venue, in 1e-18.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference(pub i128);

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ONE: u128 = 1_000_000_000_000_000_000;
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / ONE, self.0.unsigned_abs() % ONE);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{rest:018}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// One reference price with its time.
#[derive(Clone, Copy, Debug)]
pub struct ReferencePoint {
    /// The price.
    pub price: Reference,
    /// When it was so.
    pub ts_venue: Nanos,
}

/// Reference prices of one symbol.
#[derive(Clone, Copy, Debug)]
pub struct ReferencePrice<'a> {
    /// Topic or channel.
    pub topic: &'a str,
    /// Symbol in the stream's spelling.
    pub symbol: Option<&'a str>,
    /// The newest price.
    pub latest: ReferencePoint,
    /// All prices of a snapshot, oldest first; empty in an update.
    pub points: List<'a, ReferencePoints>,
    /// Whether this is the first word of a subscription.
    pub is_snapshot: bool,
    /// Averaging window of a time-weighted price.
    pub window_secs: Option<u64>,
    /// Ordering number of the channel (new stream only).
    pub seq: Option<u64>,
    /// Prices that the server left out before this one (new stream only).
    pub dropped: u64,
}

/// An acknowledgement or a refusal of a price stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamReply<'a> {
    /// `authed`, `subscribed`, `pong`, `error`, … ; absent in refusals of the old stream.
    pub op: Option<&'a str>,
    /// Request that is answered.
    pub rid: Option<&'a str>,
    /// Channel.
    pub channel: Option<&'a str>,
    /// Code or text of a refusal.
    pub code: Option<&'a str>,
    /// Whether this is a refusal.
    pub is_error: bool,
}
