//! The kinds of message, across venues: what counters count and reports name.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What a message is, as its venue names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum MessageKind {
            $($(#[$doc])* $name,)*
        }

        impl MessageKind {
            /// Every kind, in the order of its index.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The venue's word for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds!(
    /// Polymarket: the whole book of one token.
    Book = "book",
    /// Polymarket: a body of `GET /book`, as recordings interleave them; a snapshot.
    RestBook = "rest_book",
    /// Polymarket: new quantities of single levels.
    PriceChange = "price_change",
    /// Polymarket: a public trade.
    LastTradePrice = "last_trade_price",
    /// Polymarket: the grid changes, the levels are void.
    TickSizeChange = "tick_size_change",
    /// Polymarket: top of book.
    BestBidAsk = "best_bid_ask",
    /// Polymarket: a market was listed, anywhere on the venue.
    NewMarket = "new_market",
    /// Polymarket: a market was resolved, anywhere on the venue.
    MarketResolved = "market_resolved",
    /// Polymarket user channel: news of an own order.
    Order = "order",
    /// Polymarket sports stream: a score.
    Sports = "sports",
    /// Polymarket price streams: a reference price.
    ReferencePrice = "reference_price",
    /// Polymarket price streams: an acknowledgement or a refusal.
    StreamReply = "stream_reply",
    /// Polymarket: the answer to our `PING`.
    Pong = "pong",
    /// Any other text that is not JSON.
    Text = "text",
    /// A payload without content.
    Empty = "empty",
    /// Kalshi: a subscription began.
    Subscribed = "subscribed",
    /// Kalshi: a command was carried out; uses up a sequence number.
    Ok = "ok",
    /// Kalshi: a subscription ended; uses up a sequence number.
    Unsubscribed = "unsubscribed",
    /// Kalshi: a command was refused or a subscription died. RTDS: a batch was refused.
    Error = "error",
    /// Kalshi: the whole book of one market.
    OrderbookSnapshot = "orderbook_snapshot",
    /// Kalshi: a signed change of one level.
    OrderbookDelta = "orderbook_delta",
    /// Kalshi: top of book and volumes.
    Ticker = "ticker",
    /// Kalshi: a public trade. Polymarket user channel: news of an own trade.
    Trade = "trade",
    /// Kalshi: an own fill.
    Fill = "fill",
    /// Kalshi: news of an own order.
    UserOrder = "user_order",
    /// Kalshi: an own position.
    MarketPosition = "market_position",
    /// Kalshi: a market opened, paused, was determined, settled or changed its grid.
    MarketLifecycle = "market_lifecycle_v2",
    /// Kalshi: an event was listed.
    EventLifecycle = "event_lifecycle",
    /// Kalshi: fees of an event were overridden.
    EventFeeUpdate = "event_fee_update",
    /// Kalshi: news of an own order group.
    OrderGroup = "order_group_updates",
    /// Kalshi: a request for quotes.
    RfqCreated = "rfq_created",
    /// Kalshi: a request for quotes was withdrawn.
    RfqDeleted = "rfq_deleted",
    /// Kalshi: a quote.
    QuoteCreated = "quote_created",
    /// Kalshi: a quote was accepted.
    QuoteAccepted = "quote_accepted",
    /// Kalshi: a quote was executed.
    QuoteExecuted = "quote_executed",
    /// Kalshi: a shape of another product (perpetuals); counted, never applied.
    Foreign = "foreign",
    /// A type that we do not know; skipped.
    Unknown = "unknown",
);

impl MessageKind {
    /// Number of kinds.
    pub const COUNT: usize = Self::ALL.len();

    /// The kind as an array index.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}
