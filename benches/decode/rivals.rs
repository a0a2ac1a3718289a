//! The same work done with general parsers: the same bytes to the same batch, ids included.

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};
use dutchbook_feeds::batch::{
    Batch, LevelChange, Sequence, StatedBest, UNKNOWN_INSTRUMENT, Update, UpdateKind,
};
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::number::{self, Dialect};
use serde::Deserialize;

/// A parser that fills typed, borrowed structs.
pub(crate) trait Typed {
    fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T>;
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SerdeJson;

impl Typed for SerdeJson {
    fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
        serde_json::from_slice(bytes).ok()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SonicRs;

impl Typed for SonicRs {
    fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
        sonic_rs::from_slice(bytes).ok()
    }
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a typed decoder reads what the message has")]
pub(crate) struct PriceChange<'a> {
    market: &'a str,
    #[serde(borrow)]
    price_changes: Vec<Change<'a>>,
    timestamp: &'a str,
    event_type: &'a str,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a typed decoder reads what the message has")]
pub(crate) struct Change<'a> {
    asset_id: &'a str,
    price: &'a str,
    size: &'a str,
    side: &'a str,
    hash: &'a str,
    best_bid: &'a str,
    best_ask: &'a str,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a typed decoder reads what the message has")]
pub(crate) struct BookMessage<'a> {
    market: &'a str,
    asset_id: &'a str,
    #[serde(borrow)]
    bids: Vec<LevelText<'a>>,
    #[serde(borrow)]
    asks: Vec<LevelText<'a>>,
    hash: &'a str,
    timestamp: &'a str,
    event_type: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LevelText<'a> {
    price: &'a str,
    size: &'a str,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a typed decoder reads what the message has")]
pub(crate) struct Frame<'a, M> {
    #[serde(rename = "type")]
    kind: &'a str,
    sid: u32,
    seq: u64,
    msg: M,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a typed decoder reads what the message has")]
pub(crate) struct DeltaMsg<'a> {
    market_ticker: &'a str,
    market_id: &'a str,
    price_dollars: &'a str,
    delta_fp: &'a str,
    side: &'a str,
    ts: &'a str,
    ts_ms: u64,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a typed decoder reads what the message has")]
pub(crate) struct SnapshotMsg<'a> {
    market_ticker: &'a str,
    market_id: &'a str,
    #[serde(borrow)]
    yes_dollars_fp: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    no_dollars_fp: Vec<(&'a str, &'a str)>,
}

pub(crate) fn look_up(ids: &IdTable, id: &str) -> InstrumentId {
    ids.get(id.as_bytes()).unwrap_or(UNKNOWN_INSTRUMENT)
}

pub(crate) fn polymarket_level(price: &str, size: &str) -> Option<(Price, QtyChange)> {
    Some((
        number::price(price.as_bytes(), Dialect::POLYMARKET)?,
        number::qty_change(size.as_bytes(), Dialect::POLYMARKET)?,
    ))
}

pub(crate) fn kalshi_level(price: &str, count: &str) -> Option<(Price, QtyChange)> {
    Some((
        number::price(price.as_bytes(), Dialect::KALSHI_PRICE)?,
        number::qty_change(count.as_bytes(), Dialect::KALSHI_COUNT)?,
    ))
}

pub(crate) fn best(text: &str, empty: Price) -> Option<StatedBest> {
    let price = number::optional(text.as_bytes(), Dialect::POLYMARKET, number::price)?;
    Some(match price {
        None => StatedBest::NOTHING,
        Some(price) if price == empty => StatedBest::EMPTY_SIDE,
        Some(price) => StatedBest::price(price),
    })
}

/// Of a level that states no best.
pub(crate) const UNSTATED: (StatedBest, StatedBest) = (StatedBest::NOTHING, StatedBest::NOTHING);

pub(crate) fn update(batch: &mut Batch, kind: UpdateKind, instrument: InstrumentId, ts_ms: u64) {
    batch.updates.push(Update {
        kind,
        instrument,
        ts_venue: Nanos::from_millis(ts_ms),
        sequence: None,
        tick_size: None,
        first_level: 0,
        level_count: u32::try_from(batch.levels.len()).unwrap_or(0),
    });
}

pub(crate) fn set_sequence(batch: &mut Batch, sid: u32, seq: u64) {
    if let Some(update) = batch.updates.last_mut() {
        update.sequence = Some(Sequence { sid, seq });
    }
}

pub(crate) fn push(
    batch: &mut Batch,
    face: (InstrumentId, Side),
    level: (Price, QtyChange),
    best: (StatedBest, StatedBest),
) {
    batch.levels.push(LevelChange {
        instrument: face.0,
        side: face.1,
        price: level.0,
        qty: level.1,
        best_bid: best.0,
        best_ask: best.1,
    });
}

pub(crate) fn price_change<P: Typed>(bytes: &[u8], ids: &IdTable, batch: &mut Batch) -> Option<()> {
    batch.clear();
    let message: PriceChange<'_> = P::parse(bytes)?;
    for change in &message.price_changes {
        let side = if change.side == "BUY" { Side::Buy } else { Side::Sell };
        let level = polymarket_level(change.price, change.size)?;
        let best = (best(change.best_bid, Price::ZERO)?, best(change.best_ask, Price::ONE)?);
        push(batch, (look_up(ids, change.asset_id), side), level, best);
    }
    let first = batch.levels.first()?.instrument;
    update(batch, UpdateKind::Set, first, message.timestamp.parse().ok()?);
    Some(())
}

pub(crate) fn book<P: Typed>(bytes: &[u8], ids: &IdTable, batch: &mut Batch) -> Option<()> {
    batch.clear();
    let message: BookMessage<'_> = P::parse(bytes)?;
    let instrument = look_up(ids, message.asset_id);
    for (levels, side) in [(&message.bids, Side::Buy), (&message.asks, Side::Sell)] {
        for level in levels {
            let level = polymarket_level(level.price, level.size)?;
            push(batch, (instrument, side), level, UNSTATED);
        }
    }
    update(batch, UpdateKind::Snapshot, instrument, message.timestamp.parse().ok()?);
    Some(())
}

pub(crate) fn kalshi_delta<P: Typed>(bytes: &[u8], ids: &IdTable, batch: &mut Batch) -> Option<()> {
    batch.clear();
    let frame: Frame<'_, DeltaMsg<'_>> = P::parse(bytes)?;
    let yes = look_up(ids, frame.msg.market_ticker);
    let instrument = if frame.msg.side == "yes" { yes } else { yes.complement() };
    let level = kalshi_level(frame.msg.price_dollars, frame.msg.delta_fp)?;
    push(batch, (instrument, Side::Buy), level, UNSTATED);
    update(batch, UpdateKind::Add, instrument, frame.msg.ts_ms);
    set_sequence(batch, frame.sid, frame.seq);
    Some(())
}

pub(crate) fn kalshi_snapshot<P: Typed>(
    bytes: &[u8],
    ids: &IdTable,
    batch: &mut Batch,
) -> Option<()> {
    batch.clear();
    let frame: Frame<'_, SnapshotMsg<'_>> = P::parse(bytes)?;
    let yes = look_up(ids, frame.msg.market_ticker);
    let sides = [(&frame.msg.yes_dollars_fp, yes), (&frame.msg.no_dollars_fp, yes.complement())];
    for (levels, instrument) in sides {
        for (price, count) in levels {
            push(batch, (instrument, Side::Buy), kalshi_level(price, count)?, UNSTATED);
        }
    }
    update(batch, UpdateKind::Snapshot, yes, 0);
    set_sequence(batch, frame.sid, frame.seq);
    Some(())
}
