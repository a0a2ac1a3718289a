//! Kalshi: which message a frame is, and its levels (`venues/kalshi.md` sections 6 and 7).
//!
//! Three shapes of one book: dollars and fixed point as texts (today), whole cents and whole
//! contracts as numbers (until 2026-03-12), and the perpetuals' `bid`/`ask`, which is another
//! product under the same names and is told apart by its fields.

pub(crate) mod cold;

use dutchbook_book::{Face, InstrumentId, Nanos, Price, QtyChange, Side};

use super::tape::Json;
use crate::batch::{Batch, LevelChange, UNKNOWN_INSTRUMENT, Update, UpdateKind};
use crate::error::{DecodeError, DecodeErrorKind, Doubt};
use crate::ids::IdTable;
use crate::kind::MessageKind;
use crate::number::Dialect;
use crate::record::kalshi::Envelope;

/// A frame taken apart: envelope, kind and `msg`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: MessageKind,
    pub(crate) envelope: Envelope,
    /// `msg`, or the frame itself where it has none.
    pub(crate) body: Json<'a>,
}

/// How one side key states its prices.
type ReadPrice = fn(Json<'_>) -> Result<Price, DecodeError>;

/// Takes a frame apart.
pub(crate) fn frame(message: Json<'_>) -> Result<Frame<'_>, DecodeError> {
    let mut envelope = Envelope::default();
    let (mut name, mut body) = (None, message);
    for (key, value) in message.members() {
        match key {
            "type" => name = value.text(),
            "msg" => body = value,
            "sid" => envelope.sid = u32::try_from(value.whole()?).ok(),
            "seq" => envelope.seq = Some(value.whole()?),
            "id" => envelope.id = value.whole().ok(),
            "sending_ts_ms" => envelope.sending_ts = value.millis()?,
            _ => {}
        }
    }
    let kind = kind_of(name.ok_or_else(|| message.error(DecodeErrorKind::MissingField))?, body);
    Ok(Frame { kind, envelope, body })
}

fn kind_of(name: &str, body: Json<'_>) -> MessageKind {
    let kind = match name {
        "orderbook_delta" => MessageKind::OrderbookDelta,
        "orderbook_snapshot" => MessageKind::OrderbookSnapshot,
        "ticker" => MessageKind::Ticker,
        "trade" => MessageKind::Trade,
        "subscribed" => MessageKind::Subscribed,
        "ok" => MessageKind::Ok,
        "unsubscribed" => MessageKind::Unsubscribed,
        "error" => MessageKind::Error,
        "fill" => MessageKind::Fill,
        "user_order" => MessageKind::UserOrder,
        "market_position" => MessageKind::MarketPosition,
        "market_lifecycle_v2" => MessageKind::MarketLifecycle,
        "event_lifecycle" => MessageKind::EventLifecycle,
        "event_fee_update" => MessageKind::EventFeeUpdate,
        "order_group_updates" => MessageKind::OrderGroup,
        "communications" => communication_of(body),
        "rfq_created" => MessageKind::RfqCreated,
        "rfq_deleted" => MessageKind::RfqDeleted,
        "quote_created" => MessageKind::QuoteCreated,
        "quote_accepted" => MessageKind::QuoteAccepted,
        "quote_executed" => MessageKind::QuoteExecuted,
        _ => MessageKind::Unknown,
    };
    if is_foreign(kind, body) { MessageKind::Foreign } else { kind }
}

/// Which of the five a frame of type `communications` is, by its fields.
fn communication_of(body: Json<'_>) -> MessageKind {
    let has = |key| body.get(key).is_some();
    if has("executed_ts") {
        MessageKind::QuoteExecuted
    } else if has("accepted_side") {
        MessageKind::QuoteAccepted
    } else if has("quote_id") {
        MessageKind::QuoteCreated
    } else if has("deleted_ts") {
        MessageKind::RfqDeleted
    } else {
        MessageKind::RfqCreated
    }
}

/// Whether a frame has the fields of the perpetuals' channel instead of an event contract's.
fn is_foreign(kind: MessageKind, body: Json<'_>) -> bool {
    let has = |key| body.get(key).is_some();
    if matches!(kind, MessageKind::OrderbookSnapshot | MessageKind::Ticker) {
        has("bid") || has("ask")
    } else if kind == MessageKind::OrderbookDelta {
        matches!(body.get("side").and_then(Json::text), Some("bid" | "ask"))
    } else {
        kind == MessageKind::Trade && has("price") && !has("yes_price") && !has("yes_price_dollars")
    }
}

/// Whether frames of this kind fill the batch.
pub(crate) const fn is_levels(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::OrderbookSnapshot | MessageKind::OrderbookDelta)
}

/// Appends one frame's levels to the batch.
pub(crate) fn levels(
    frame: &Frame<'_>,
    ids: &IdTable,
    use_yes_price: bool,
    batch: &mut Batch,
) -> Result<(), DecodeError> {
    let ticker = frame.body.get("market_ticker").and_then(Json::text);
    let yes = ticker.and_then(|ticker| ids.get(ticker.as_bytes()));
    let yes = yes.unwrap_or(UNKNOWN_INSTRUMENT);
    let doubt = if yes == UNKNOWN_INSTRUMENT { Doubt::All } else { Doubt::Book(yes) };
    let missing = || frame.body.error(DecodeErrorKind::MissingField);
    let result = match (ticker, frame.envelope.sequence()) {
        (Some(_), Some(_)) if frame.kind == MessageKind::OrderbookSnapshot => {
            snapshot(frame, yes, use_yes_price, batch)
        }
        (Some(_), Some(_)) => delta(frame, yes, use_yes_price, batch),
        (_, _) => Err(missing()),
    };
    result.map_err(|error| DecodeError { doubt, sequence: frame.envelope.sequence(), ..error })
}

/// The instrument and side that a level of one side key is.
const fn located(yes: InstrumentId, face: Face, use_yes_price: bool) -> (InstrumentId, Side) {
    match face {
        Face::Yes => (yes, Side::Buy),
        Face::No if use_yes_price => (yes, Side::Sell),
        Face::No if yes.0 == UNKNOWN_INSTRUMENT.0 => (yes, Side::Buy),
        Face::No => (yes.complement(), Side::Buy),
    }
}

fn snapshot(
    frame: &Frame<'_>,
    yes: InstrumentId,
    use_yes_price: bool,
    batch: &mut Batch,
) -> Result<(), DecodeError> {
    let first = batch.levels.len();
    // Transition frames carry dollars and cents of one side: dollars are the finer statement.
    let has = |key| frame.body.get(key).is_some();
    let yes_in_dollars = has("yes_dollars_fp") || has("yes_dollars");
    let no_in_dollars = has("no_dollars_fp") || has("no_dollars");
    for (key, list) in frame.body.members() {
        let (face, read): (Face, ReadPrice) = match key {
            "yes_dollars_fp" => (Face::Yes, dollars),
            "no_dollars_fp" => (Face::No, dollars),
            "yes_dollars" if !has("yes_dollars_fp") => (Face::Yes, dollars),
            "no_dollars" if !has("no_dollars_fp") => (Face::No, dollars),
            "yes" if !yes_in_dollars => (Face::Yes, cents),
            "no" if !no_in_dollars => (Face::No, cents),
            _ => continue,
        };
        let (instrument, side) = located(yes, face, use_yes_price);
        snapshot_side(list, instrument, side, read, batch)?;
    }
    push_update(frame, UpdateKind::Snapshot, yes, Nanos::ZERO, first, batch)
}

fn cents(value: Json<'_>) -> Result<Price, DecodeError> {
    value.price_cents()
}

fn dollars(value: Json<'_>) -> Result<Price, DecodeError> {
    quoted(value, DecodeErrorKind::BadPrice)?.price(Dialect::KALSHI_PRICE)
}

/// A fixed-point value, which the venue sends as text: a bare number is not what it means to say
/// (`vectors/kalshi/fixed_point.json`).
fn quoted(value: Json<'_>, otherwise: DecodeErrorKind) -> Result<Json<'_>, DecodeError> {
    if value.text().is_some() { Ok(value) } else { Err(value.error(otherwise)) }
}

fn snapshot_side(
    list: Json<'_>,
    instrument: InstrumentId,
    side: Side,
    read: ReadPrice,
    batch: &mut Batch,
) -> Result<(), DecodeError> {
    if list.is_absent() {
        return Ok(());
    }
    for level in list.elements().ok_or_else(|| list.error(DecodeErrorKind::MissingField))? {
        let mut pair = level.elements().into_iter().flatten();
        let (Some(price), Some(qty), None) = (pair.next(), pair.next(), pair.next()) else {
            return Err(level.error(DecodeErrorKind::MissingField));
        };
        let price = read(price)?;
        let count = qty.qty(Dialect::KALSHI_COUNT)?;
        let qty = i64::try_from(count.micro())
            .map(QtyChange::from_micro)
            .map_err(|_| qty.error(DecodeErrorKind::BadQty))?;
        batch.levels.push(LevelChange::bare(instrument, side, price, qty));
    }
    Ok(())
}

fn delta(
    frame: &Frame<'_>,
    yes: InstrumentId,
    use_yes_price: bool,
    batch: &mut Batch,
) -> Result<(), DecodeError> {
    let first = batch.levels.len();
    let body = frame.body;
    let missing = || body.error(DecodeErrorKind::MissingField);
    let face = face_of(body.get("side").ok_or_else(missing)?)?;
    let (instrument, side) = located(yes, face, use_yes_price);
    let price = match body.get("price_dollars") {
        Some(value) => dollars(value)?,
        None => body.get("price").ok_or_else(missing)?.price_cents()?,
    };
    let change = match body.get("delta_fp") {
        Some(value) => quoted(value, DecodeErrorKind::BadQty)?,
        None => body.get("delta").ok_or_else(missing)?,
    };
    let change = change.change(Dialect::KALSHI_COUNT)?;
    let ts_venue = body.get("ts_ms").map_or(Ok(Nanos::ZERO), Json::millis)?;
    batch.levels.push(LevelChange::bare(instrument, side, price, change));
    push_update(frame, UpdateKind::Add, instrument, ts_venue, first, batch)
}

/// The venue's word for a face.
pub(crate) fn face_of(value: Json<'_>) -> Result<Face, DecodeError> {
    match value.text() {
        Some("yes") => Ok(Face::Yes),
        Some("no") => Ok(Face::No),
        Some(_) | None => Err(value.error(DecodeErrorKind::BadSide)),
    }
}

fn push_update(
    frame: &Frame<'_>,
    kind: UpdateKind,
    instrument: InstrumentId,
    ts_venue: Nanos,
    first: usize,
    batch: &mut Batch,
) -> Result<(), DecodeError> {
    let too_long = |_| frame.body.error(DecodeErrorKind::TooLong);
    batch.updates.push(Update {
        kind,
        instrument,
        ts_venue,
        sequence: frame.envelope.sequence(),
        tick_size: None,
        first_level: u32::try_from(first).map_err(too_long)?,
        level_count: u32::try_from(batch.levels.len().saturating_sub(first)).map_err(too_long)?,
    });
    Ok(())
}
