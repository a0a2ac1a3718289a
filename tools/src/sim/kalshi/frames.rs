//! The frames of the public channels, and what all frames have in common.

use dutchbook_book::catalog::Listing;
use dutchbook_book::{BookId, Level, Nanos, Price, Qty, QtyChange, Side};

use super::super::flow::Ending;
use super::super::matching::{MatchEvent, OrderKey, OwnerId};
use super::super::rng::mix;
use super::super::text::{Change2, Count2, Dollars4, Rfc3339, uuid};
use super::super::world::Market;
use super::discovery::structure;
use super::public::names;
use super::session::Channel;

/// The id of a match: of its market and its two orders, which match at most once.
pub(super) fn trade_id(book: BookId, taker: OrderKey, maker: OrderKey) -> String {
    uuid(mix(taker.bits() ^ mix(maker.bits() ^ mix(u64::from(book.0)))))
}

/// What only the owner of an order reads in a book's delta.
#[derive(Clone, Debug)]
pub(crate) struct OwnDelta {
    pub(super) owner: OwnerId,
    /// The fields behind all others, with their commas.
    pub(super) fields: String,
}

/// Something that happened, before a connection's numbers are put before it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(super) channel: Channel,
    pub(super) kind: &'static str,
    /// The market that it is about, where subscriptions filter by market.
    pub(super) book: Option<BookId>,
    /// The only member that hears it; `None` is everybody.
    pub(super) to: Option<OwnerId>,
    pub(super) body: String,
    /// The same with NO levels on the YES scale; empty where nothing differs.
    pub(super) body_yes_price: String,
    pub(super) own: Option<OwnDelta>,
}

/// Whose order an operation places or changes: its deltas on that side tell the owner.
#[derive(Clone, Debug)]
pub struct Mark {
    pub(super) owner: OwnerId,
    pub(super) side: Side,
    pub(super) client_order_id: String,
}

/// One listing as it is, with what its frames repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The listing.
    pub(crate) listing: &'a Listing,
    /// Its state.
    pub(crate) market: &'a Market,
    /// Kalshi's `market_id`.
    pub(crate) market_id: &'a str,
    /// When.
    pub(crate) now: Nanos,
    /// Whose operation it is, where it is a member's.
    pub(crate) own: Option<&'a Mark>,
}

impl Shown<'_> {
    fn said(&self, channel: Channel, kind: &'static str, body: String) -> Said {
        let book = Some(self.listing.book).filter(|_| channel != Channel::Lifecycle);
        Said { channel, kind, book, to: None, body, body_yes_price: String::new(), own: None }
    }

    /// Everything that one operation makes the venue say.
    pub(crate) fn changed(&self, events: &[MatchEvent], is_top: bool) -> Vec<Said> {
        let mut list = Vec::new();
        let mut traded = None;
        for event in events {
            if let MatchEvent::Trade { price, qty, taker_side, taker_order, maker_order, .. } =
                *event
            {
                let id = trade_id(self.listing.book, taker_order, maker_order);
                list.push(self.trade(Level { price, qty }, taker_side, &id));
                traded = Some(qty);
            }
        }
        for event in events {
            if let MatchEvent::Level { side, price, change, .. } = *event {
                list.push(self.delta(side, price, change));
            }
        }
        if is_top || traded.is_some() {
            list.push(self.ticker(traded.unwrap_or(Qty::ZERO)));
        }
        list
    }

    fn delta(&self, side: Side, price: Price, change: QtyChange) -> Said {
        let (name, no_scale) = match side {
            Side::Buy => ("yes", price),
            Side::Sell => ("no", price.complement()),
        };
        let body = |price: Price| {
            format!(
                r#"{{"market_ticker":"{}","market_id":"{}","price_dollars":"{}","delta_fp":"{}","side":"{name}","ts":"{}","ts_ms":{}}}"#,
                self.listing.native_market,
                self.market_id,
                Dollars4(price),
                Change2(change),
                Rfc3339(self.now),
                self.now.millis()
            )
        };
        let mut said = self.said(Channel::Books, "orderbook_delta", body(no_scale));
        said.body_yes_price = body(price);
        said.own = self.own.filter(|mark| mark.side == side).map(|mark| {
            let id = serde_json::Value::from(mark.client_order_id.as_str());
            let fields = format!(r#","client_order_id":{id},"subaccount":0"#);
            OwnDelta { owner: mark.owner, fields }
        });
        said
    }

    fn trade(&self, level: Level, taker: Side, id: &str) -> Said {
        let (outcome, side) = names(taker);
        let body = format!(
            r#"{{"trade_id":"{id}","market_ticker":"{}","yes_price_dollars":"{}","no_price_dollars":"{}","count_fp":"{}","taker_side":"{outcome}","taker_outcome_side":"{outcome}","taker_book_side":"{side}","is_block_trade":false,"ts":{},"ts_ms":{}}}"#,
            self.listing.native_market,
            Dollars4(level.price),
            Dollars4(level.price.complement()),
            Count2(level.qty),
            self.now.0 / 1_000_000_000,
            self.now.millis()
        );
        self.said(Channel::Trades, "trade", body)
    }

    /// The top of the book, the last price and the sums.
    pub(super) fn ticker(&self, traded: Qty) -> Said {
        let top = self.market.book.top();
        let level =
            |level: Option<Level>, empty| level.unwrap_or(Level { price: empty, qty: Qty::ZERO });
        let (bid, ask) = (level(top.bid, Price::ZERO), level(top.ask, Price::ONE));
        let (volume, pairs) = (self.market.volume_centi, self.market.open_interest);
        let volume_fp = Count2(Qty::from_centi(volume).unwrap_or(Qty::MAX));
        let secs = Nanos::from_secs(self.now.0 / 1_000_000_000);
        let body = format!(
            r#"{{"market_ticker":"{}","market_id":"{}","price_dollars":"{}","yes_bid_dollars":"{}","yes_ask_dollars":"{}","yes_bid_size_fp":"{}","yes_ask_size_fp":"{}","last_trade_size_fp":"{}","volume_fp":"{volume_fp}","open_interest_fp":"{}","dollar_volume":{},"dollar_open_interest":{},"ts":{},"ts_ms":{},"time":"{}"}}"#,
            self.listing.native_market,
            self.market_id,
            Dollars4(self.market.last_trade.unwrap_or(Price::ZERO)),
            Dollars4(bid.price),
            Dollars4(ask.price),
            Count2(bid.qty),
            Count2(ask.qty),
            Count2(traded),
            Count2(pairs),
            volume / 200,
            pairs.micro() / 2_000_000,
            self.now.0 / 1_000_000_000,
            self.now.millis(),
            Rfc3339(secs)
        );
        self.said(Channel::Ticker, "ticker", body)
    }

    /// Other prices are accepted from now on.
    pub(crate) fn regridded(&self) -> Said {
        let grid = &self.market.grid;
        let ranges = grid.ranges().iter().map(|range| {
            let [start, end, step] = [range.start, range.end, range.step].map(Dollars4);
            format!(r#"{{"start":"{start}","end":"{end}","step":"{step}"}}"#)
        });
        let ranges: Vec<String> = ranges.collect();
        let body = format!(
            r#"{{"event_type":"price_level_structure_updated","market_ticker":"{}","price_level_structure":"{}","price_ranges":[{}]}}"#,
            self.listing.native_market,
            structure(grid),
            ranges.join(",")
        );
        self.said(Channel::Lifecycle, "market_lifecycle_v2", body)
    }

    /// The stages of a market's end.
    pub(crate) fn ended(&self, ending: Ending) -> Vec<Said> {
        let ticker = &self.listing.native_market;
        let secs = self.now.0 / 1_000_000_000;
        let bodies = match ending {
            Ending::Determined { yes } => {
                let (result, value) = if yes { ("yes", "1.0000") } else { ("no", "0.0000") };
                vec![
                    // It could close early, and does.
                    format!(
                        r#"{{"market_ticker":"{ticker}","close_ts":{secs},"event_type":"close_date_updated"}}"#
                    ),
                    format!(
                        r#"{{"market_ticker":"{ticker}","determination_ts":{secs},"result":"{result}","settlement_value":"{value}","event_type":"determined"}}"#
                    ),
                ]
            }
            Ending::Settled => vec![format!(
                r#"{{"market_ticker":"{ticker}","settled_ts":{secs},"event_type":"settled"}}"#
            )],
        };
        let said = |body| self.said(Channel::Lifecycle, "market_lifecycle_v2", body);
        bodies.into_iter().map(said).collect()
    }
}
