//! Kalshi: records of everything that is not a level.

use dutchbook_book::grid::PriceRange;
use dutchbook_book::{Cash, Face, Nanos, Price, Qty, QtyChange, Side};

use super::{Frame, face_of};
use crate::error::{DecodeError, DecodeErrorKind, Doubt};
use crate::general::decimal::scaled;
use crate::general::tape::Json;
use crate::kind::MessageKind;
use crate::number::Dialect;
use crate::record::kalshi::{
    Communication, Error, EventFeeUpdate, EventLifecycle, Fill, LifecycleEvent, MarketLifecycle,
    MarketPosition, Message, Ok as Done, OrderGroup, Record, Subscribed, Ticker, Trade, UserOrder,
};
use crate::record::{Element, List, Read, Text};

/// The record of a frame. A grid update that cannot be read leaves books in doubt, any other
/// refusal does not.
pub(crate) fn message<'a>(frame: &Frame<'a>) -> Result<Message<'a>, DecodeError> {
    match record(frame) {
        Ok(record) => Ok(Message { envelope: frame.envelope, record }),
        Err(error) => {
            let is_grid = error.kind == DecodeErrorKind::BadGrid;
            let doubt = if is_grid { Doubt::All } else { Doubt::Nothing };
            Err(DecodeError { doubt, sequence: frame.envelope.sequence(), ..error })
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kinds of the other venue cannot come from a frame; they read as unknown"
)]
fn record<'a>(frame: &Frame<'a>) -> Result<Record<'a>, DecodeError> {
    let body = frame.body;
    Ok(match frame.kind {
        MessageKind::Subscribed => Record::Subscribed(subscribed(body)?),
        MessageKind::Ok => Record::Ok(done(body)),
        MessageKind::Unsubscribed => Record::Unsubscribed,
        MessageKind::Error => Record::Error(error(body)?),
        MessageKind::Ticker => Record::Ticker(ticker(body)?),
        MessageKind::Trade => Record::Trade(trade(body)?),
        MessageKind::Fill => Record::Fill(fill(body)?),
        MessageKind::UserOrder => Record::UserOrder(user_order(body)?),
        MessageKind::MarketPosition => Record::MarketPosition(market_position(body)?),
        MessageKind::MarketLifecycle => Record::MarketLifecycle(market_lifecycle(body)?),
        MessageKind::EventLifecycle => Record::EventLifecycle(EventLifecycle {
            event_ticker: needed_text(body, "event_ticker")?,
            series_ticker: text(body, "series_ticker"),
            title: text(body, "title"),
            collateral_return_type: text(body, "collateral_return_type"),
        }),
        MessageKind::EventFeeUpdate => Record::EventFeeUpdate(event_fee_update(body)?),
        MessageKind::OrderGroup => Record::OrderGroup(OrderGroup {
            event: needed_text(body, "event_type")?,
            order_group_id: needed_text(body, "order_group_id")?,
            limit: count(body, "contracts_limit_fp")?,
        }),
        MessageKind::RfqCreated
        | MessageKind::RfqDeleted
        | MessageKind::QuoteCreated
        | MessageKind::QuoteAccepted
        | MessageKind::QuoteExecuted => Record::Communication(communication(frame.kind, body)?),
        MessageKind::Foreign => Record::Foreign,
        _ => Record::Unknown,
    })
}

fn present<'a>(body: Json<'a>, key: &str) -> Option<Json<'a>> {
    body.get(key).filter(|value| !value.is_absent())
}

fn needed<'a>(body: Json<'a>, key: &str) -> Result<Json<'a>, DecodeError> {
    present(body, key).ok_or_else(|| body.error(DecodeErrorKind::MissingField))
}

fn needed_text<'a>(body: Json<'a>, key: &str) -> Result<&'a str, DecodeError> {
    let value = needed(body, key)?;
    value.text().ok_or_else(|| value.error(DecodeErrorKind::MissingField))
}

fn text<'a>(body: Json<'a>, key: &str) -> Option<&'a str> {
    present(body, key).and_then(Json::text)
}

/// A price in dollars, or in cents under the older name.
fn price(body: Json<'_>, key: &str, cents: &str) -> Result<Option<Price>, DecodeError> {
    match (present(body, key), present(body, cents)) {
        (Some(value), _) => value.price(Dialect::KALSHI_PRICE).map(Some),
        (None, Some(value)) => value.price_cents().map(Some),
        (None, None) => Ok(None),
    }
}

fn needed_price(body: Json<'_>, key: &str, cents: &str) -> Result<Price, DecodeError> {
    price(body, key, cents)?.ok_or_else(|| body.error(DecodeErrorKind::MissingField))
}

fn count(body: Json<'_>, key: &str) -> Result<Option<Qty>, DecodeError> {
    present(body, key).map(|value| value.qty(Dialect::KALSHI_COUNT)).transpose()
}

fn needed_count(body: Json<'_>, key: &str, older: &str) -> Result<Qty, DecodeError> {
    match count(body, key)? {
        Some(qty) => Ok(qty),
        None => needed(body, older)?.qty(Dialect::KALSHI_COUNT),
    }
}

fn change(body: Json<'_>, key: &str) -> Result<Option<QtyChange>, DecodeError> {
    present(body, key).map(|value| value.change(Dialect::KALSHI_COUNT)).transpose()
}

fn cash(body: Json<'_>, key: &str) -> Result<Option<Cash>, DecodeError> {
    present(body, key).map(Json::cash).transpose()
}

fn whole(body: Json<'_>, key: &str) -> Option<u64> {
    present(body, key).and_then(|value| value.whole().ok())
}

/// `ts_ms`, or `ts` in seconds in older frames.
fn stamp(body: Json<'_>) -> Result<Nanos, DecodeError> {
    match (present(body, "ts_ms"), present(body, "ts")) {
        (Some(value), _) => value.millis(),
        // A text is RFC 3339 and accompanies `ts_ms`.
        (None, Some(value)) if !value.is_text() => value.time(),
        (None, Some(_) | None) => Ok(Nanos::ZERO),
    }
}

fn flag(body: Json<'_>, key: &str) -> bool {
    body.get(key).and_then(Json::boolean).unwrap_or(false)
}

/// A side in YES terms.
fn book_side(body: Json<'_>, key: &str) -> Result<Option<Side>, DecodeError> {
    match text(body, key) {
        Some("bid") => Ok(Some(Side::Buy)),
        Some("ask") => Ok(Some(Side::Sell)),
        Some(_) => Err(body.error(DecodeErrorKind::BadSide)),
        None => Ok(None),
    }
}

/// Side in YES terms: `book_side`, or `side` and `action` of older frames.
fn own_book_side(body: Json<'_>) -> Result<Side, DecodeError> {
    if let Some(side) = book_side(body, "book_side")? {
        return Ok(side);
    }
    let face = face_of(needed(body, "side")?)?;
    let buys = text(body, "action") != Some("sell");
    Ok(if (face == Face::Yes) == buys { Side::Buy } else { Side::Sell })
}

fn subscribed(body: Json<'_>) -> Result<Subscribed<'_>, DecodeError> {
    let missing = || body.error(DecodeErrorKind::MissingField);
    let (channel, sid) = subscription(body).ok_or_else(missing)?;
    Ok(Subscribed { channel, sid })
}

fn subscription(body: Json<'_>) -> Option<(&str, u32)> {
    Some((text(body, "channel")?, u32::try_from(whole(body, "sid")?).ok()?))
}

fn done(body: Json<'_>) -> Done<'_> {
    Done {
        market_tickers: List::new(body.get("market_tickers"), Text),
        subscriptions: List::new(Some(body), Subscriptions),
    }
}

fn error(body: Json<'_>) -> Result<Error<'_>, DecodeError> {
    Ok(Error { code: needed(body, "code")?.whole()?, text: text(body, "msg").unwrap_or("") })
}

fn ticker(body: Json<'_>) -> Result<Ticker<'_>, DecodeError> {
    Ok(Ticker {
        ticker: needed_text(body, "market_ticker")?,
        yes_bid: price(body, "yes_bid_dollars", "yes_bid")?,
        yes_ask: price(body, "yes_ask_dollars", "yes_ask")?,
        yes_bid_size: count(body, "yes_bid_size_fp")?,
        yes_ask_size: count(body, "yes_ask_size_fp")?,
        last: price(body, "price_dollars", "price")?,
        volume: match count(body, "volume_fp")? {
            Some(volume) => Some(volume),
            None => count(body, "volume")?,
        },
        ts_venue: stamp(body)?,
    })
}

fn trade(body: Json<'_>) -> Result<Trade<'_>, DecodeError> {
    let taker = match (book_side(body, "taker_book_side")?, text(body, "taker_side")) {
        (None, Some("yes")) => Some(Side::Buy),
        (None, Some("no")) => Some(Side::Sell),
        (side, _) => side,
    };
    Ok(Trade {
        trade_id: text(body, "trade_id"),
        ticker: needed_text(body, "market_ticker")?,
        yes_price: needed_price(body, "yes_price_dollars", "yes_price")?,
        count: needed_count(body, "count_fp", "count")?,
        taker_book_side: taker,
        is_block: flag(body, "is_block_trade"),
        ts_venue: stamp(body)?,
    })
}

fn fill(body: Json<'_>) -> Result<Fill<'_>, DecodeError> {
    Ok(Fill {
        trade_id: needed_text(body, "trade_id")?,
        order_id: needed_text(body, "order_id")?,
        client_order_id: text(body, "client_order_id"),
        ticker: needed_text(body, "market_ticker")?,
        book_side: own_book_side(body)?,
        yes_price: needed_price(body, "yes_price_dollars", "yes_price")?,
        count: needed_count(body, "count_fp", "count")?,
        fee: cash(body, "fee_cost")?.unwrap_or(Cash::ZERO),
        is_taker: flag(body, "is_taker"),
        position_after: change(body, "post_position_fp")?,
        subaccount: whole(body, "subaccount"),
        ts_venue: stamp(body)?,
    })
}

fn user_order(body: Json<'_>) -> Result<UserOrder<'_>, DecodeError> {
    let updated = present(body, "last_updated_ts_ms").or_else(|| present(body, "created_ts_ms"));
    Ok(UserOrder {
        order_id: needed_text(body, "order_id")?,
        client_order_id: text(body, "client_order_id"),
        ticker: needed_text(body, "ticker")?,
        status: needed_text(body, "status")?,
        book_side: own_book_side(body)?,
        yes_price: needed_price(body, "yes_price_dollars", "yes_price")?,
        remaining: needed_count(body, "remaining_count_fp", "remaining_count")?,
        filled: needed_count(body, "fill_count_fp", "fill_count")?,
        initial: count(body, "initial_count_fp")?,
        reason: text(body, "last_update_reason"),
        subaccount: whole(body, "subaccount_number"),
        ts_venue: updated.map_or(Ok(Nanos::ZERO), Json::millis)?,
    })
}

fn market_position(body: Json<'_>) -> Result<MarketPosition<'_>, DecodeError> {
    Ok(MarketPosition {
        ticker: needed_text(body, "market_ticker")?,
        position: needed(body, "position_fp")?.change(Dialect::KALSHI_COUNT)?,
        cost: cash(body, "position_cost_dollars")?.unwrap_or(Cash::ZERO),
        realized: cash(body, "realized_pnl_dollars")?.unwrap_or(Cash::ZERO),
        fees: cash(body, "fees_paid_dollars")?.unwrap_or(Cash::ZERO),
    })
}

fn market_lifecycle(body: Json<'_>) -> Result<MarketLifecycle<'_>, DecodeError> {
    let price_ranges = List::new(body.get("price_ranges"), PriceRanges);
    if !price_ranges.is_sound() {
        return Err(body.error(DecodeErrorKind::BadGrid));
    }
    let moment = |key| whole(body, key).map(Nanos::from_secs);
    let metadata = body.get("additional_metadata").unwrap_or(body);
    let settlement_value = present(body, "settlement_value");
    Ok(MarketLifecycle {
        event: LifecycleEvent::of(needed_text(body, "event_type")?),
        ticker: needed_text(body, "market_ticker")?,
        event_ticker: text(metadata, "event_ticker"),
        open: moment("open_ts"),
        close: moment("close_ts"),
        result: text(body, "result"),
        settlement_value: settlement_value
            .map(|value| value.price(Dialect::KALSHI_PRICE))
            .transpose()?,
        strike_type: text(metadata, "strike_type"),
        price_level_structure: text(body, "price_level_structure"),
        price_ranges,
    })
}

/// Reads the ranges of a grid.
#[derive(Clone, Copy, Debug)]
pub struct PriceRanges;

impl Read for PriceRanges {
    type Element<'a> = PriceRange;

    fn read(self, element: Element<'_>) -> Option<PriceRange> {
        price_range(element.0)
    }
}

/// Reads a list of subscriptions: channel and number.
#[derive(Clone, Copy, Debug)]
pub struct Subscriptions;

impl Read for Subscriptions {
    type Element<'a> = (&'a str, u32);

    fn read<'a>(self, element: Element<'a>) -> Option<(&'a str, u32)> {
        subscription(element.0)
    }
}

fn price_range(range: Json<'_>) -> Option<PriceRange> {
    let read = |key| range.get(key)?.price(Dialect::KALSHI_PRICE).ok();
    Some(PriceRange { start: read("start")?, end: read("end")?, step: read("step")? })
}

fn event_fee_update(body: Json<'_>) -> Result<EventFeeUpdate<'_>, DecodeError> {
    let multiplier = present(body, "fee_multiplier_override");
    let nano = |value: Json<'_>| {
        value
            .decimal(|text| u64::try_from(scaled(text, 9)?).ok())
            .ok_or_else(|| value.error(DecodeErrorKind::BadQty))
    };
    Ok(EventFeeUpdate {
        event_ticker: needed_text(body, "event_ticker")?,
        fee_type: text(body, "fee_type_override"),
        fee_multiplier_nano: multiplier.map(nano).transpose()?,
    })
}

fn communication(kind: MessageKind, body: Json<'_>) -> Result<Communication<'_>, DecodeError> {
    let accepted = present(body, "accepted_side").map(face_of).transpose()?;
    let contracts = match count(body, "contracts_accepted_fp")? {
        Some(contracts) => Some(contracts),
        None => count(body, "contracts_fp")?,
    };
    let target_cost = match cash(body, "target_cost_dollars")? {
        Some(cost) => Some(cost),
        None => cash(body, "rfq_target_cost_dollars")?,
    };
    Ok(Communication {
        kind,
        rfq_id: text(body, "rfq_id").or_else(|| text(body, "id")),
        quote_id: text(body, "quote_id"),
        ticker: text(body, "market_ticker"),
        order_id: text(body, "order_id"),
        client_order_id: text(body, "client_order_id"),
        contracts,
        target_cost,
        yes_bid: price(body, "yes_bid_dollars", "yes_bid")?,
        no_bid: price(body, "no_bid_dollars", "no_bid")?,
        accepted_side: accepted,
    })
}
