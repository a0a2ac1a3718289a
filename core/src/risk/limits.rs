//! The caps of the risk gate, and the names of what it refuses for.

use dutchbook_book::{Cash, Price};

use super::breaker::BreakerConfig;

/// Caps, in the units that their names end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskConfig {
    /// The most that one order may cost at its limit, fees included.
    pub order_cash_max: Cash,
    /// The most that may be held and in flight in one book.
    pub book_cash_max: Cash,
    /// The most that one event may lose in its worst state once the basket is filled; what else is
    /// in flight counts as lost.
    pub event_exposure_cash_max: Cash,
    /// The most that one event may lose in its worst state however the orders in flight, the basket's
    /// own included, are filled: no exposure ever exceeds it.
    pub event_legged_cash_max: Cash,
    /// The most that may be held and in flight at one venue.
    pub venue_cash_max: Cash,
    /// The most that may be held and in flight where one source decides the outcomes.
    pub oracle_cash_max: Cash,
    /// The most that may be held and in flight in all.
    pub total_cash_max: Cash,
    /// The most that may be lost, open positions at their worst, in one day of 86 400 s.
    pub daily_loss_cash_max: Cash,
    /// The most that profit, open positions at their worst, may lie below its highest.
    pub drawdown_cash_max: Cash,
    /// Prices that an order's limit may have, the first and the last included.
    pub price_band: [Price; 2],
    /// The least worst-case profit that is worth a basket.
    pub net_edge_cash_min: Cash,
    /// Put aside per order for what the venue rounds up and charges per order.
    pub order_reserve_cash: Cash,
    /// Baskets in flight at once.
    pub open_baskets_max: usize,
    /// Orders in flight at once.
    pub open_orders_max: usize,
    /// Orders allowed within one `order_window_ms`.
    pub window_orders_max: usize,
    /// The window of `window_orders_max`.
    pub order_window_ms: u64,
    /// How old the last word on a view may be.
    pub age_ms_max: u64,
    /// How long an intent is wanted.
    pub deadline_ms: u64,
    /// Bounds of the circuit breakers.
    pub breakers: BreakerConfig,
}

impl Default for RiskConfig {
    fn default() -> Self {
        let dollars = |count: i64| Cash::from_micro(count.saturating_mul(1_000_000));
        Self {
            order_cash_max: dollars(1_000),
            book_cash_max: dollars(5_000),
            event_exposure_cash_max: dollars(2_000),
            event_legged_cash_max: dollars(5_000),
            venue_cash_max: dollars(50_000),
            oracle_cash_max: dollars(100_000),
            total_cash_max: dollars(100_000),
            daily_loss_cash_max: dollars(500),
            drawdown_cash_max: dollars(1_000),
            price_band: [Price::ZERO, Price::ONE],
            net_edge_cash_min: Cash::from_micro(10_000),
            order_reserve_cash: Cash::from_micro(20_000),
            open_baskets_max: 64,
            open_orders_max: 256,
            window_orders_max: 200,
            order_window_ms: 1_000,
            age_ms_max: 30_000,
            deadline_ms: 1_000,
            breakers: BreakerConfig::default(),
        }
    }
}

macro_rules! vetoes {
    ($($(#[$doc:meta])* $variant:ident => $name:literal),* $(,)?) => {
        /// Why an opportunity is not traded: the first reason found, in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Veto { $($(#[$doc])* $variant),* }

        impl Veto {
            /// Every reason, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason's name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}
vetoes!(
    /// The kill switch is on.
    Killed => "killed",
    /// No legs, or a leg of nothing.
    Empty => "empty",
    /// A leg's book or venue is not in the catalog.
    Unknown => "unknown",
    /// A book is gapped, halted, closed or awaits its snapshot.
    InputNotLive => "input_not_live",
    /// A book is stale, or its last word too old.
    InputStale => "input_stale",
    /// A view's bid reaches its ask.
    InputCrossed => "input_crossed",
    /// Two legs of one book were read in different epochs.
    InputMixed => "input_mixed",
    /// A leg's fee is not known for today.
    FeeUnknown => "fee_unknown",
    /// The view read shows nothing within a leg's limit.
    LimitPassed => "limit_passed",
    /// A sale has no purchase of the complement that costs no more.
    Uncovered => "uncovered",
    /// A book is settled already.
    Settled => "settled",
    /// The same basket is in flight.
    InFlight => "in_flight",
    /// The worst-case profit is too small.
    EdgeBelowMin => "edge_below_min",
    /// Too many baskets or orders in flight.
    OpenBaskets => "open_baskets",
    /// Too many orders within the window.
    OrderRate => "order_rate",
    /// Too much lost today.
    DailyLoss => "daily_loss",
    /// One order would cost too much.
    OrderCash => "order_cash",
    /// A venue has not that much cash left.
    Balance => "balance",
    /// Too much in one book.
    BookCash => "book_cash",
    /// Too much at one venue.
    VenueCash => "venue_cash",
    /// Too much in all.
    TotalCash => "total_cash",
    /// One event could lose too much.
    EventExposure => "event_exposure",
    /// One event could lose too much if the legs fill as badly as they can.
    EventLegged => "event_legged",
    /// A number that does not fit.
    TooLarge => "too_large",
    /// Too many trades are neither hedged nor flat to follow one more.
    LeggedFull => "legged_full",
    /// A circuit breaker has tripped.
    BreakerOpen => "breaker_open",
    /// Profit, open positions at their worst, lies too far below its highest.
    Drawdown => "drawdown",
    /// An order's price is outside of the band.
    PriceBand => "price_band",
    /// Two of our own orders would meet each other.
    SelfCross => "self_cross",
    /// Too much where one source decides the outcomes.
    OracleCash => "oracle_cash",
);

impl Veto {
    /// The reason of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}
