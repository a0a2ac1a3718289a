//! Polymarket: records of everything that is not a level.

use dutchbook_book::{Nanos, Price, Qty};

use super::side_of;
use crate::error::{DecodeError, DecodeErrorKind, Doubt};
use crate::general::decimal::scaled;
use crate::general::tape::Json;
use crate::kind::MessageKind;
use crate::number::Dialect;
use crate::record::polymarket::{
    BestBidAsk, LastTradePrice, MakerOrder, MarketResolved, NewMarket, Order, OrderEvent, Record,
    Reference, ReferencePoint, ReferencePrice, Sports, StreamReply, TickSizeChange, Trade,
};
use crate::record::{Element, List, Read, Text};

/// The record of a message; a tick-size change that cannot be read leaves books in doubt, any
/// other refusal does not.
pub(crate) fn record<'a>(kind: MessageKind, message: Json<'a>) -> Result<Record<'a>, DecodeError> {
    if kind == MessageKind::TickSizeChange {
        return tick_size_change(message).map(Record::TickSizeChange);
    }
    let record = if kind == MessageKind::LastTradePrice {
        last_trade_price(message).map(Record::LastTradePrice)
    } else if kind == MessageKind::BestBidAsk {
        best_bid_ask(message).map(Record::BestBidAsk)
    } else if kind == MessageKind::NewMarket {
        new_market(message).map(Record::NewMarket)
    } else if kind == MessageKind::MarketResolved {
        market_resolved(message).map(Record::MarketResolved)
    } else if kind == MessageKind::Order {
        order(message).map(Record::Order)
    } else if kind == MessageKind::Trade {
        trade(message).map(Record::Trade)
    } else if kind == MessageKind::Sports {
        sports(message).map(Record::Sports)
    } else if kind == MessageKind::ReferencePrice {
        reference_price(message).map(Record::ReferencePrice)
    } else if matches!(kind, MessageKind::StreamReply | MessageKind::Error) {
        Ok(Record::StreamReply(stream_reply(message)))
    } else {
        Ok(Record::Unknown)
    };
    record.map_err(|error| error.doubting(Doubt::Nothing))
}

fn needed<'a>(message: Json<'a>, key: &str) -> Result<Json<'a>, DecodeError> {
    message.get(key).ok_or_else(|| message.error(DecodeErrorKind::MissingField))
}

fn needed_text<'a>(message: Json<'a>, key: &str) -> Result<&'a str, DecodeError> {
    let value = needed(message, key)?;
    value.text().ok_or_else(|| value.error(DecodeErrorKind::MissingField))
}

fn text<'a>(message: Json<'a>, key: &str) -> Option<&'a str> {
    message.get(key).and_then(Json::text).filter(|text| !text.is_empty())
}

fn price(message: Json<'_>, key: &str) -> Result<Option<Price>, DecodeError> {
    let present = message.get(key).filter(|value| !value.is_absent());
    present.map(|value| value.price(Dialect::POLYMARKET)).transpose()
}

fn qty(message: Json<'_>, key: &str) -> Result<Option<Qty>, DecodeError> {
    let present = message.get(key).filter(|value| !value.is_absent());
    present.map(|value| value.qty(Dialect::POLYMARKET)).transpose()
}

fn needed_price(message: Json<'_>, key: &str) -> Result<Price, DecodeError> {
    needed(message, key)?.price(Dialect::POLYMARKET)
}

fn needed_qty(message: Json<'_>, key: &str) -> Result<Qty, DecodeError> {
    needed(message, key)?.qty(Dialect::POLYMARKET)
}

/// A time of the user channel: seconds or milliseconds.
fn time(message: Json<'_>) -> Result<Nanos, DecodeError> {
    message.get("timestamp").map_or(Ok(Nanos::ZERO), Json::time)
}

fn millis(message: Json<'_>) -> Result<Nanos, DecodeError> {
    message.get("timestamp").map_or(Ok(Nanos::ZERO), Json::millis)
}

fn last_trade_price(message: Json<'_>) -> Result<LastTradePrice<'_>, DecodeError> {
    let side = message.get("side").filter(|side| !side.is_absent());
    Ok(LastTradePrice {
        asset_id: needed_text(message, "asset_id")?,
        market: text(message, "market"),
        price: needed_price(message, "price")?,
        size: qty(message, "size")?,
        taker_side: side.map(side_of).transpose()?,
        transaction_hash: text(message, "transaction_hash"),
        ts_venue: millis(message)?,
    })
}

fn tick_size_change(message: Json<'_>) -> Result<TickSizeChange<'_>, DecodeError> {
    Ok(TickSizeChange {
        asset_id: needed_text(message, "asset_id")?,
        market: text(message, "market"),
        old_tick_size: price(message, "old_tick_size")?,
        new_tick_size: needed_price(message, "new_tick_size")?,
        ts_venue: millis(message)?,
    })
}

fn best_bid_ask(message: Json<'_>) -> Result<BestBidAsk<'_>, DecodeError> {
    Ok(BestBidAsk {
        asset_id: needed_text(message, "asset_id")?,
        market: text(message, "market"),
        best_bid: price(message, "best_bid")?.filter(|price| *price > Price::ZERO),
        best_ask: price(message, "best_ask")?.filter(|price| *price < Price::ONE),
        ts_venue: millis(message)?,
    })
}

fn new_market(message: Json<'_>) -> Result<NewMarket<'_>, DecodeError> {
    let assets = message.get("assets_ids").or_else(|| message.get("clob_token_ids"));
    Ok(NewMarket {
        market: needed_text(message, "market")?,
        question: text(message, "question"),
        slug: text(message, "slug"),
        assets_ids: List::new(assets, Text),
        outcomes: List::new(message.get("outcomes"), Text),
        tick_size: price(message, "order_price_min_tick_size")?,
        event_id: message.get("event_message").and_then(|event| text(event, "id")),
        ts_venue: millis(message)?,
    })
}

fn market_resolved(message: Json<'_>) -> Result<MarketResolved<'_>, DecodeError> {
    Ok(MarketResolved {
        market: needed_text(message, "market")?,
        assets_ids: List::new(message.get("assets_ids"), Text),
        winning_asset_id: text(message, "winning_asset_id"),
        winning_outcome: text(message, "winning_outcome"),
        ts_venue: millis(message)?,
    })
}

fn order(message: Json<'_>) -> Result<Order<'_>, DecodeError> {
    let event = match needed_text(message, "type")? {
        "PLACEMENT" => OrderEvent::Placement,
        "UPDATE" => OrderEvent::Update,
        "CANCELLATION" => OrderEvent::Cancellation,
        other => OrderEvent::Other(other),
    };
    Ok(Order {
        event,
        id: needed_text(message, "id")?,
        asset_id: needed_text(message, "asset_id")?,
        market: text(message, "market"),
        side: side_of(needed(message, "side")?)?,
        price: needed_price(message, "price")?,
        original_size: needed_qty(message, "original_size")?,
        size_matched: qty(message, "size_matched")?.unwrap_or(Qty::ZERO),
        order_type: text(message, "order_type"),
        status: text(message, "status"),
        ts_venue: time(message)?,
    })
}

fn trade(message: Json<'_>) -> Result<Trade<'_>, DecodeError> {
    let maker_orders = List::new(message.get("maker_orders"), MakerOrders);
    if !maker_orders.is_sound() {
        return Err(message.error(DecodeErrorKind::BadQty));
    }
    Ok(Trade {
        id: needed_text(message, "id")?,
        status: needed_text(message, "status")?,
        asset_id: needed_text(message, "asset_id")?,
        market: text(message, "market"),
        side: side_of(needed(message, "side")?)?,
        price: needed_price(message, "price")?,
        size: needed_qty(message, "size")?,
        taker_order_id: text(message, "taker_order_id"),
        maker_orders,
        ts_venue: time(message)?,
    })
}

fn maker_order(order: Json<'_>) -> Option<MakerOrder<'_>> {
    Some(MakerOrder {
        order_id: text(order, "order_id")?,
        asset_id: text(order, "asset_id"),
        matched_amount: needed_qty(order, "matched_amount").ok()?,
        price: needed_price(order, "price").ok()?,
        owner: text(order, "owner"),
    })
}

fn sports(message: Json<'_>) -> Result<Sports<'_>, DecodeError> {
    let id = message.get("gameId").or_else(|| message.get("metadataGameId"));
    let flag = |key| message.get(key).and_then(Json::boolean).unwrap_or(false);
    Ok(Sports {
        game_id: id.ok_or_else(|| message.error(DecodeErrorKind::MissingField))?.whole()?,
        league: text(message, "leagueAbbreviation"),
        home_team: text(message, "homeTeam"),
        away_team: text(message, "awayTeam"),
        status: text(message, "status"),
        score: text(message, "score"),
        period: text(message, "period"),
        elapsed: text(message, "elapsed"),
        is_live: flag("live"),
        is_ended: flag("ended"),
    })
}

/// Reads our parts of a trade.
#[derive(Clone, Copy, Debug)]
pub struct MakerOrders;

impl Read for MakerOrders {
    type Element<'a> = MakerOrder<'a>;

    fn read<'a>(self, element: Element<'a>) -> Option<MakerOrder<'a>> {
        maker_order(element.0)
    }
}

/// Reads the points of a price stream: with their decimal point, or in 1e-18 (Chainlink and its
/// averages on the old stream).
#[derive(Clone, Copy, Debug)]
pub struct ReferencePoints {
    is_scaled: bool,
}

impl Read for ReferencePoints {
    type Element<'a> = ReferencePoint;

    fn read(self, element: Element<'_>) -> Option<ReferencePoint> {
        reference_point(element.0, if self.is_scaled { 0 } else { 18 })
    }
}

fn reference_point(point: Json<'_>, decimals: u32) -> Option<ReferencePoint> {
    let price = match point.get("full_accuracy_value").filter(|value| !value.is_absent()) {
        Some(value) => value.decimal(|text| scaled(text, decimals)),
        // Snapshots of the old stream have the rounded value only, with its point.
        None => point.get("value")?.decimal(|text| scaled(text, 18)),
    };
    let ts_venue = point.get("timestamp").map_or(Some(Nanos::ZERO), |ts| ts.time().ok())?;
    Some(ReferencePoint { price: Reference(price?), ts_venue })
}

fn reference_price(message: Json<'_>) -> Result<ReferencePrice<'_>, DecodeError> {
    let payload = needed(message, "payload")?;
    let topic = text(message, "topic").or_else(|| text(message, "channel"));
    let topic = topic.ok_or_else(|| message.error(DecodeErrorKind::MissingField))?;
    let is_old = message.get("topic").is_some();
    // The Chainlink snapshot of the old stream calls itself `crypto_prices`: its symbol has a slash.
    let symbol = text(payload, "symbol");
    let has_slash = symbol.is_some_and(|symbol| symbol.contains('/'));
    let is_scaled = is_old && (topic.contains("chainlink") || topic.contains("twap") || has_slash);
    let reader = ReferencePoints { is_scaled };
    let points = List::new(payload.get("data"), reader);
    let newest = if payload.get("data").is_some() {
        if !points.is_sound() {
            return Err(payload.error(DecodeErrorKind::BadPrice));
        }
        points.iter().last()
    } else {
        reader.read(Element(payload))
    };
    let flag = message.get("snapshot").and_then(Json::boolean).unwrap_or(false);
    let window = payload.get("window_s").or_else(|| payload.get("window_seconds"));
    Ok(ReferencePrice {
        topic,
        symbol,
        latest: newest.ok_or_else(|| payload.error(DecodeErrorKind::BadPrice))?,
        points,
        is_snapshot: flag || text(message, "type") == Some("subscribe"),
        window_secs: window.and_then(|window| window.whole().ok()),
        seq: message.get("seq").and_then(|seq| seq.whole().ok()),
        dropped: message.get("dropped").and_then(|count| count.whole().ok()).unwrap_or(0),
    })
}

fn stream_reply(message: Json<'_>) -> StreamReply<'_> {
    let op = text(message, "op");
    let body = message.get("body").and_then(|body| text(body, "message"));
    StreamReply {
        op,
        rid: text(message, "rid"),
        channel: text(message, "channel"),
        code: text(message, "code").or(body),
        is_error: op == Some("error") || message.get("statusCode").is_some(),
    }
}
