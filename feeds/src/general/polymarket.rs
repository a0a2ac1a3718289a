//! Polymarket: which message an object is, and its levels (`venues/polymarket.md` section 8).

pub(crate) mod cold;

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

use super::tape::Json;
use crate::batch::{Batch, LevelChange, StatedBest, UNKNOWN_INSTRUMENT, Update, UpdateKind};
use crate::error::{DecodeError, DecodeErrorKind, Doubt};
use crate::ids::IdTable;
use crate::kind::MessageKind;
use crate::number::Dialect;

/// What an object is. `event_type` decides where it is there; some streams have none.
pub(crate) fn kind_of(message: Json<'_>) -> MessageKind {
    if let Some(event) = message.get("event_type").and_then(Json::text) {
        return match event {
            "price_change" => MessageKind::PriceChange,
            "book" => MessageKind::Book,
            "last_trade_price" => MessageKind::LastTradePrice,
            "tick_size_change" => MessageKind::TickSizeChange,
            "best_bid_ask" => MessageKind::BestBidAsk,
            "new_market" => MessageKind::NewMarket,
            "market_resolved" => MessageKind::MarketResolved,
            "order" => MessageKind::Order,
            "trade" => MessageKind::Trade,
            _ => MessageKind::Unknown,
        };
    }
    kind_without_event(message)
}

/// What an object without `event_type` is: user frames of some dates, REST bodies, other streams.
fn kind_without_event(message: Json<'_>) -> MessageKind {
    let has = |key| message.get(key).is_some();
    match message.get("type").and_then(Json::text) {
        Some("PLACEMENT" | "UPDATE" | "CANCELLATION") => return MessageKind::Order,
        Some("TRADE") => return MessageKind::Trade,
        Some(_) | None => {}
    }
    if has("asset_id") && has("bids") && has("asks") {
        MessageKind::RestBook
    } else if has("gameId") || has("metadataGameId") {
        MessageKind::Sports
    } else if has("payload") && (has("topic") || has("channel")) {
        MessageKind::ReferencePrice
    } else if message.get("op").and_then(Json::text) == Some("error") || has("statusCode") {
        MessageKind::Error
    } else if has("op") {
        MessageKind::StreamReply
    } else {
        MessageKind::Unknown
    }
}

/// Whether messages of this kind fill the batch.
pub(crate) const fn is_levels(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::Book | MessageKind::RestBook | MessageKind::PriceChange)
}

/// Appends one message's levels to the batch.
pub(crate) fn levels(
    kind: MessageKind,
    message: Json<'_>,
    ids: &IdTable,
    batch: &mut Batch,
) -> Result<(), DecodeError> {
    if kind == MessageKind::PriceChange {
        price_change(message, ids, batch)
    } else {
        book(message, ids, batch)
    }
}

fn instrument_of(asset_id: Json<'_>, ids: &IdTable) -> Result<InstrumentId, DecodeError> {
    let text = asset_id.text().ok_or_else(|| asset_id.error(DecodeErrorKind::MissingField))?;
    Ok(ids.get(text.as_bytes()).unwrap_or(UNKNOWN_INSTRUMENT))
}

/// What a refused message about an instrument leaves in doubt.
fn doubt_of(instrument: InstrumentId) -> Doubt {
    if instrument == UNKNOWN_INSTRUMENT { Doubt::All } else { Doubt::Book(instrument) }
}

/// The venue's side; the case varies.
pub(crate) fn side_of(value: Json<'_>) -> Result<Side, DecodeError> {
    match value.text() {
        Some(text) if text.eq_ignore_ascii_case("BUY") => Ok(Side::Buy),
        Some(text) if text.eq_ignore_ascii_case("SELL") => Ok(Side::Sell),
        Some(_) | None => Err(value.error(DecodeErrorKind::BadSide)),
    }
}

fn index(len: usize, at: Json<'_>) -> Result<u32, DecodeError> {
    u32::try_from(len).map_err(|_| at.error(DecodeErrorKind::TooLong))
}

fn book(message: Json<'_>, ids: &IdTable, batch: &mut Batch) -> Result<(), DecodeError> {
    let first = batch.levels.len();
    let mut instrument = None;
    let (mut ts_venue, mut tick_size) = (Nanos::ZERO, None);
    let mut failure = None;
    for (key, value) in message.members() {
        let read = match key {
            "asset_id" => instrument_of(value, ids).map(|id| instrument = Some(id)),
            "timestamp" => value.millis().map(|ts| ts_venue = ts),
            "tick_size" if !value.is_absent() => {
                value.price(Dialect::POLYMARKET).map(|p| tick_size = Some(p))
            }
            "bids" | "buys" => book_side(value, Side::Buy, batch),
            "asks" | "sells" => book_side(value, Side::Sell, batch),
            _ => Ok(()),
        };
        failure = failure.or(read.err());
    }
    let Some(instrument) = instrument else {
        return Err(message.error(DecodeErrorKind::MissingField));
    };
    if let Some(error) = failure {
        return Err(error.doubting(doubt_of(instrument)));
    }
    for level in batch.levels.iter_mut().skip(first) {
        level.instrument = instrument;
    }
    batch.updates.push(Update {
        kind: UpdateKind::Snapshot,
        instrument,
        ts_venue,
        sequence: None,
        tick_size,
        first_level: index(first, message)?,
        level_count: index(batch.levels.len().saturating_sub(first), message)?,
    });
    Ok(())
}

fn book_side(list: Json<'_>, side: Side, batch: &mut Batch) -> Result<(), DecodeError> {
    if list.is_absent() {
        return Ok(());
    }
    for level in list.elements().ok_or_else(|| list.error(DecodeErrorKind::MissingField))? {
        let (mut price, mut qty) = (None, None);
        for (key, value) in level.members() {
            match key {
                "price" => price = Some(value.price(Dialect::POLYMARKET)?),
                "size" => qty = Some(level_qty(value)?),
                _ => {}
            }
        }
        let (Some(price), Some(qty)) = (price, qty) else {
            return Err(level.error(DecodeErrorKind::MissingField));
        };
        batch.levels.push(LevelChange::bare(UNKNOWN_INSTRUMENT, side, price, qty));
    }
    Ok(())
}

/// A quantity as the batch carries it; [`dutchbook_book::Qty::MAX`] fits a signed change.
pub(crate) fn level_qty(value: Json<'_>) -> Result<QtyChange, DecodeError> {
    let qty = value.qty(Dialect::POLYMARKET)?;
    i64::try_from(qty.micro())
        .map(QtyChange::from_micro)
        .map_err(|_| value.error(DecodeErrorKind::BadQty))
}

fn price_change(message: Json<'_>, ids: &IdTable, batch: &mut Batch) -> Result<(), DecodeError> {
    let first = batch.levels.len();
    let (mut ts_venue, mut root_instrument) = (Nanos::ZERO, None);
    let mut changes = None;
    let mut failure = None;
    for (key, value) in message.members() {
        let read = match key {
            "price_changes" | "changes" => {
                changes = Some(value);
                Ok(())
            }
            "asset_id" => instrument_of(value, ids).map(|id| root_instrument = Some(id)),
            "timestamp" => value.millis().map(|ts| ts_venue = ts),
            _ => Ok(()),
        };
        failure = failure.or(read.err());
    }
    let changes = changes.ok_or_else(|| message.error(DecodeErrorKind::MissingField))?;
    let elements =
        changes.elements().ok_or_else(|| changes.error(DecodeErrorKind::MissingField))?;
    for change in elements {
        let level = level_change(change, root_instrument, ids)?;
        batch.levels.push(level);
    }
    let added = batch.levels.get(first..).unwrap_or(&[]);
    let instrument = added.first().map_or(UNKNOWN_INSTRUMENT, |level| level.instrument);
    if let Some(error) = failure {
        return Err(error.doubting(doubt_of(instrument)));
    }
    batch.updates.push(Update {
        kind: UpdateKind::Set,
        instrument,
        ts_venue,
        sequence: None,
        tick_size: None,
        first_level: index(first, message)?,
        level_count: index(added.len(), message)?,
    });
    Ok(())
}

fn level_change(
    change: Json<'_>,
    root_instrument: Option<InstrumentId>,
    ids: &IdTable,
) -> Result<LevelChange, DecodeError> {
    let mut instrument = root_instrument;
    let (mut price, mut qty, mut side) = (None, None, None);
    let (mut best_bid, mut best_ask) = (StatedBest::NOTHING, StatedBest::NOTHING);
    let mut failure = None;
    for (key, value) in change.members() {
        let read = match key {
            "asset_id" => instrument_of(value, ids).map(|id| instrument = Some(id)),
            "price" => value.price(Dialect::POLYMARKET).map(|p| price = Some(p)),
            "size" => level_qty(value).map(|q| qty = Some(q)),
            "side" => side_of(value).map(|s| side = Some(s)),
            "best_bid" => stated_best(value, Price::ZERO).map(|best| best_bid = best),
            "best_ask" => stated_best(value, Price::ONE).map(|best| best_ask = best),
            _ => Ok(()),
        };
        failure = failure.or(read.err());
    }
    let Some(instrument) = instrument else {
        return Err(change.error(DecodeErrorKind::MissingField));
    };
    if let Some(error) = failure {
        return Err(error.doubting(doubt_of(instrument)));
    }
    match (price, qty, side) {
        (Some(price), Some(qty), Some(side)) => {
            Ok(LevelChange { instrument, side, price, qty, best_bid, best_ask })
        }
        (_, _, _) => {
            Err(change.error(DecodeErrorKind::MissingField).doubting(doubt_of(instrument)))
        }
    }
}

/// A stated best price: not stated when empty, an empty side when it is the side's worst price.
fn stated_best(value: Json<'_>, worst: Price) -> Result<StatedBest, DecodeError> {
    if value.is_absent() {
        return Ok(StatedBest::NOTHING);
    }
    let price = value.price(Dialect::POLYMARKET)?;
    Ok(if price == worst { StatedBest::EMPTY_SIDE } else { StatedBest::price(price) })
}
