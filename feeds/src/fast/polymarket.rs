//! Polymarket's market channel: `book` (object or array of objects) and `price_change`.
//!
//! First line: `price_change` as recorded in 2026, in its two separator styles, and levels of a book
//! likewise. Second line, for every other order of keys: a walk over the members.

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

use super::walk::{self, Member};
use crate::batch::{Batch, LevelChange, UNKNOWN_INSTRUMENT, Update, UpdateKind};
use crate::ids::IdTable;
use crate::number::{self, Dialect};
use crate::payload::Payload;
#[cfg(target_arch = "x86_64")]
use crate::scan::Avx2;
use crate::scan::{
    Lanes, Machine, NUMBER_BYTES_MAX, Rules, Scalar, literal, plain, plain_of, window,
};

/// Price and size of a level.
const LEVEL: Rules = Rules { a: Dialect::POLYMARKET, b: Dialect::POLYMARKET, may_be_absent: false };
/// Best bid and ask after a change.
const BEST: Rules = Rules { a: Dialect::POLYMARKET, b: Dialect::POLYMARKET, may_be_absent: true };
/// Hexadecimal digits of a condition id with their `0x`.
const MARKET_BYTES: usize = 66;
/// Hexadecimal digits of a hash.
const HASH_BYTES: usize = 40;

const OPENING: &[u8] = b"{\"market\":\"";
const PRICE_ONE: u64 = 1_000_000;

/// The literal runs between values, in one separator style.
trait Style {
    const CHANGES: &'static [u8];
    const PRICE: &'static [u8];
    const SIZE: &'static [u8];
    const SIDE: &'static [u8];
    const HASH: &'static [u8];
    const BEST_BID: &'static [u8];
    const BEST_ASK: &'static [u8];
    const NEXT_CHANGE: &'static [u8];
    const TIMESTAMP: &'static [u8];
    const CLOSING: &'static [u8];
    const NEXT_LEVEL: &'static [u8];
}

macro_rules! style {
    ($(#[$doc:meta])* $name:ident, $gap:literal) => {
        $(#[$doc])*
        struct $name;

        impl Style for $name {
            const CHANGES: &'static [u8] =
                concat!("\",", $gap, "\"price_changes\":[{\"asset_id\":\"").as_bytes();
            const PRICE: &'static [u8] = concat!("\",", $gap, "\"price\":\"").as_bytes();
            const SIZE: &'static [u8] = concat!("\",", $gap, "\"size\":\"").as_bytes();
            const SIDE: &'static [u8] = concat!("\",", $gap, "\"side\":\"").as_bytes();
            const HASH: &'static [u8] = concat!("\",", $gap, "\"hash\":\"").as_bytes();
            const BEST_BID: &'static [u8] = concat!("\",", $gap, "\"best_bid\":\"").as_bytes();
            const BEST_ASK: &'static [u8] = concat!("\",", $gap, "\"best_ask\":\"").as_bytes();
            const NEXT_CHANGE: &'static [u8] = concat!("\"},", $gap, "{\"asset_id\":\"").as_bytes();
            const TIMESTAMP: &'static [u8] =
                concat!("\"}],", $gap, "\"timestamp\":\"").as_bytes();
            const CLOSING: &'static [u8] =
                concat!("\",", $gap, "\"event_type\":\"price_change\"}").as_bytes();
            const NEXT_LEVEL: &'static [u8] = concat!("\"},", $gap, "{\"price\":\"").as_bytes();
        }
    };
}

style!(
    /// `,` between members.
    Compact,
    ""
);
style!(
    /// `, ` between members.
    Spaced,
    " "
);

/// Decodes `book` and `price_change` (the shape with `price_changes`).
#[derive(Clone, Copy, Debug)]
pub struct PolymarketDecoder {
    machine: Machine,
}

impl PolymarketDecoder {
    /// The fastest form that this machine runs. Call it once, at start.
    #[must_use]
    pub fn detect() -> Self {
        Self { machine: Machine::detect() }
    }

    /// The scalar twin: the reference, and the form for machines without AVX2.
    #[must_use]
    pub const fn scalar() -> Self {
        Self { machine: Machine::Scalar(Scalar) }
    }

    /// Fills `batch` from a payload of a hot shape and returns true; otherwise leaves it empty and
    /// returns false. Never allocates once the batch has grown to the largest message.
    #[must_use]
    pub fn decode(&self, payload: Payload<'_>, ids: &IdTable, batch: &mut Batch) -> bool {
        batch.clear();
        let is_mine = match self.machine {
            Machine::Scalar(lanes) => message(lanes, payload, ids, batch),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(lanes) => {
                // SAFETY: an `Avx2` exists only where the features were detected.
                unsafe { message_avx2(lanes, payload, ids, batch) }
            }
        };
        if is_mine.is_none() {
            batch.clear();
        }
        is_mine.is_some()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn message_avx2(lanes: Avx2, payload: Payload<'_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    message(lanes, payload, ids, batch)
}

#[inline(always)]
fn message<L: Lanes>(
    lanes: L,
    payload: Payload<'_>,
    ids: &IdTable,
    batch: &mut Batch,
) -> Option<()> {
    let bytes = payload.padded();
    if let Some(market) = literal(bytes, 0, OPENING) {
        let end = plain_of::<L, MARKET_BYTES>(lanes, bytes, market)?;
        let found = if let Some(at) = literal(bytes, end, Spaced::CHANGES) {
            Some(price_change::<L, Spaced>(lanes, bytes, at, ids, batch))
        } else {
            literal(bytes, end, Compact::CHANGES)
                .map(|at| price_change::<L, Compact>(lanes, bytes, at, ids, batch))
        };
        if let Some(found) = found {
            if found.is_some_and(|end| walk::is_end(bytes, end, payload.len())) {
                return Some(());
            }
            batch.clear();
        }
    }
    let start = walk::blank(bytes, 0);
    let end = if bytes.get(start) == Some(&b'[') {
        objects(lanes, bytes, start.wrapping_add(1), ids, batch)?
    } else {
        object(lanes, bytes, start, ids, batch)?
    };
    walk::is_end(bytes, end, payload.len()).then_some(())
}

/// The rest of a `price_change` whose first id starts at `at`; returns the position behind it.
#[inline(always)]
fn price_change<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    mut at: usize,
    ids: &IdTable,
    batch: &mut Batch,
) -> Option<usize> {
    loop {
        let id_end = plain(lanes, bytes, at)?;
        let instrument = ids.get(bytes.get(at..id_end)?).unwrap_or(UNKNOWN_INSTRUMENT);
        at = literal(bytes, id_end, S::PRICE)?;
        let (price, qty, size_end) = level::<L, S>(lanes, bytes, at)?;
        at = literal(bytes, size_end, S::SIDE)?;
        let side = side_of(bytes, &mut at)?;
        at = literal(bytes, at, S::HASH)?;
        at = plain_of::<L, HASH_BYTES>(lanes, bytes, at)?;
        at = literal(bytes, at, S::BEST_BID)?;
        let (best_bid, best_ask, best_end) = best::<L, S>(lanes, bytes, at)?;
        batch.levels.push(LevelChange { instrument, side, price, qty, best_bid, best_ask });
        match literal(bytes, best_end, S::NEXT_CHANGE) {
            Some(next) => at = next,
            None => {
                at = literal(bytes, best_end, S::TIMESTAMP)?;
                break;
            }
        }
    }
    let stamp = lanes.integer(window(bytes, at)?);
    let end = literal(bytes, at.wrapping_add(stamp.digits as usize), S::CLOSING)?;
    if stamp.digits == 0 || stamp.digits > NUMBER_BYTES_MAX {
        return None;
    }
    let instrument = batch.levels.first()?.instrument;
    let ts_venue = Nanos::from_millis(stamp.value);
    finish(batch, UpdateKind::Set, instrument, ts_venue, None, 0)?;
    Some(end)
}

/// Price and size that start at `at`, and the position of the size's closing quote.
#[inline(always)]
fn level<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    at: usize,
) -> Option<(Price, QtyChange, usize)> {
    let near: &[u8; 64] = window(bytes, at)?;
    let quotes = lanes.quotes64(near);
    let price_len = quotes.trailing_zeros();
    if price_len > NUMBER_BYTES_MAX {
        return None;
    }
    literal(near, price_len as usize, S::SIZE)?;
    let size_at = price_len as usize + S::SIZE.len();
    let size_len = (quotes >> size_at).trailing_zeros();
    let pair =
        lanes.decimals((near.first_chunk()?, price_len), (window(near, size_at)?, size_len), LEVEL);
    if !pair.is_good {
        return None;
    }
    let qty = QtyChange::from_micro(pair.b.cast_signed());
    Some((price(pair.a)?, qty, at.wrapping_add(size_at).wrapping_add(size_len as usize)))
}

/// Best bid and ask that start at `at`, and the position of the last closing quote.
#[inline(always)]
#[expect(clippy::type_complexity, reason = "two stated prices, used at one call")]
fn best<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    at: usize,
) -> Option<(Option<Option<Price>>, Option<Option<Price>>, usize)> {
    let near: &[u8; 64] = window(bytes, at)?;
    let quotes = lanes.quotes64(near);
    let bid_len = quotes.trailing_zeros();
    if bid_len > NUMBER_BYTES_MAX {
        return None;
    }
    literal(near, bid_len as usize, S::BEST_ASK)?;
    let ask_at = bid_len as usize + S::BEST_ASK.len();
    let ask_len = (quotes >> ask_at).trailing_zeros();
    let pair =
        lanes.decimals((near.first_chunk()?, bid_len), (window(near, ask_at)?, ask_len), BEST);
    if !pair.is_good {
        return None;
    }
    let bid = stated(price(pair.a)?, bid_len == 0, Price::ZERO);
    let ask = stated(price(pair.b)?, ask_len == 0, Price::ONE);
    Some((bid, ask, at.wrapping_add(ask_at).wrapping_add(ask_len as usize)))
}

#[inline(always)]
fn stated(price: Price, is_absent: bool, empty: Price) -> Option<Option<Price>> {
    if is_absent {
        None
    } else if price == empty {
        Some(None)
    } else {
        Some(Some(price))
    }
}

#[inline(always)]
fn price(micro: u64) -> Option<Price> {
    if micro > PRICE_ONE {
        return None;
    }
    Price::from_micro(u32::try_from(micro).ok()?)
}

/// `BUY` or `SELL` at `at`, which moves to the closing quote. Without a branch: which of the two it
/// is cannot be predicted.
#[inline(always)]
fn side_of(bytes: &[u8], at: &mut usize) -> Option<Side> {
    let word = u32::from_le_bytes(*window(bytes, *at)?);
    let is_sell = word == u32::from_le_bytes(*b"SELL");
    if !is_sell & (word != u32::from_le_bytes(*b"BUY\"")) {
        return None;
    }
    *at = at.wrapping_add(3).wrapping_add(usize::from(is_sell));
    Some(if is_sell { Side::Sell } else { Side::Buy })
}

/// Adds the update whose levels start at `first_level`.
#[inline(always)]
fn finish(
    batch: &mut Batch,
    kind: UpdateKind,
    instrument: InstrumentId,
    ts_venue: Nanos,
    tick_size: Option<Price>,
    first_level: usize,
) -> Option<()> {
    let level_count = batch.levels.len().checked_sub(first_level)?;
    batch.updates.push(Update {
        kind,
        instrument,
        ts_venue,
        sequence: None,
        tick_size,
        first_level: u32::try_from(first_level).ok()?,
        level_count: u32::try_from(level_count).ok()?,
    });
    Some(())
}

/// The elements of an array of messages, from behind its bracket; returns the position behind it.
#[inline(always)]
fn objects<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    mut at: usize,
    ids: &IdTable,
    batch: &mut Batch,
) -> Option<usize> {
    let mut is_first = true;
    loop {
        let (is_there, next) = walk::element(bytes, at, is_first)?;
        if !is_there {
            return (!is_first).then_some(next);
        }
        at = object(lanes, bytes, next, ids, batch)?;
        is_first = false;
    }
}

/// What the members of a message said.
#[derive(Clone, Copy, Debug, Default)]
struct Said<'a> {
    event: Option<&'a [u8]>,
    asset: Option<InstrumentId>,
    ts_venue: Option<Nanos>,
    tick_size: Option<Option<Price>>,
    has_market: bool,
    has_hash: bool,
    has_bids: bool,
    has_asks: bool,
    has_changes: bool,
}

/// One message whose brace is at `at`; returns the position behind it.
#[inline(always)]
fn object<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    ids: &IdTable,
    batch: &mut Batch,
) -> Option<usize> {
    let mut said = Said::default();
    let first_level = batch.levels.len();
    let mut at = literal(bytes, at, b"{")?;
    let mut is_first = true;
    let end = loop {
        match walk::member(lanes, bytes, at, is_first)? {
            Member::End(end) => break end,
            Member::Key { name, value, is_spaced } => {
                is_first = false;
                at = match name {
                    b"bids" | b"asks" => {
                        let side = if name == b"bids" { Side::Buy } else { Side::Sell };
                        side_levels(lanes, bytes, value, (side, is_spaced), &mut said, batch)?
                    }
                    b"price_changes" => changes(lanes, bytes, value, &mut said, (ids, batch))?,
                    _ => other_member(lanes, bytes, name, value, &mut said, ids)?,
                };
            }
        }
    };
    let ts_venue = said.ts_venue?;
    let is_book = !said.has_changes && said.has_bids && said.has_asks;
    match said.event? {
        b"book" if is_book && said.has_market => {
            let instrument = said.asset?;
            let levels = batch.levels.get_mut(first_level..)?;
            // The id may stand behind the levels.
            if levels.first().is_some_and(|level| level.instrument != instrument) {
                levels.iter_mut().for_each(|level| level.instrument = instrument);
            }
            let tick_size = said.tick_size.flatten();
            finish(batch, UpdateKind::Snapshot, instrument, ts_venue, tick_size, first_level)?;
        }
        b"price_change" if said.has_changes && !said.has_bids && !said.has_asks => {
            let is_plain = said.has_market && said.asset.is_none() && said.tick_size.is_none();
            let instrument = batch.levels.get(first_level)?.instrument;
            if !is_plain {
                return None;
            }
            finish(batch, UpdateKind::Set, instrument, ts_venue, None, first_level)?;
        }
        _ => return None,
    }
    Some(end)
}

/// Any member but the arrays.
#[inline(always)]
fn other_member<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    name: &[u8],
    value: usize,
    said: &mut Said<'a>,
    ids: &IdTable,
) -> Option<usize> {
    match name {
        b"asset_id" => {
            let id = walk::text(lanes, bytes, value)?;
            let found = ids.get(id.content).unwrap_or(UNKNOWN_INSTRUMENT);
            once(&mut said.asset, found)?;
            Some(id.next)
        }
        b"event_type" => {
            let text = walk::text(lanes, bytes, value)?;
            once(&mut said.event, text.content)?;
            Some(text.next)
        }
        b"timestamp" => {
            let at = literal(bytes, value, b"\"")?;
            let stamp = lanes.integer(window(bytes, at)?);
            if stamp.digits == 0 || stamp.digits > NUMBER_BYTES_MAX {
                return None;
            }
            once(&mut said.ts_venue, Nanos::from_millis(stamp.value))?;
            literal(bytes, at.wrapping_add(stamp.digits as usize), b"\"")
        }
        b"tick_size" => {
            let text = walk::text(lanes, bytes, value)?;
            let tick = number::optional(text.content, Dialect::POLYMARKET, number::price)?;
            once(&mut said.tick_size, tick)?;
            Some(text.next)
        }
        b"market" => {
            let is_new = !core::mem::replace(&mut said.has_market, true);
            walk::text(lanes, bytes, value).filter(|_| is_new).map(|text| text.next)
        }
        b"hash" => {
            let is_new = !core::mem::replace(&mut said.has_hash, true);
            walk::text(lanes, bytes, value).filter(|_| is_new).map(|text| text.next)
        }
        // Other names of the arrays (old documents), or of other shapes.
        b"buys" | b"sells" | b"changes" => None,
        _ => walk::skip(lanes, bytes, value),
    }
}

/// Keeps a value that may be said only once: of two, decoders would choose differently.
#[inline(always)]
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

/// The levels of one side, whose bracket is at `at`; returns the position behind them.
#[inline(always)]
fn side_levels<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    (side, is_spaced): (Side, bool),
    said: &mut Said<'_>,
    batch: &mut Batch,
) -> Option<usize> {
    let has = if side == Side::Buy { &mut said.has_bids } else { &mut said.has_asks };
    if core::mem::replace(has, true) {
        return None;
    }
    let instrument = said.asset.unwrap_or(UNKNOWN_INSTRUMENT);
    let at = literal(bytes, at, b"[")?;
    if let Some(end) = literal(bytes, at, b"]") {
        return Some(end);
    }
    let from = batch.levels.len();
    let levels = &mut batch.levels;
    let fast = if is_spaced {
        levels_like::<L, Spaced>(lanes, bytes, at, (side, instrument), levels)
    } else {
        levels_like::<L, Compact>(lanes, bytes, at, (side, instrument), levels)
    };
    if fast.is_some() {
        return fast;
    }
    levels.truncate(from);
    levels_of_any_order(lanes, bytes, at, (side, instrument), levels)
}

/// Levels in one separator style, price before size; `at` is behind the bracket.
#[inline(always)]
fn levels_like<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    (side, instrument): (Side, InstrumentId),
    levels: &mut Vec<LevelChange>,
) -> Option<usize> {
    let mut at = literal(bytes, at, b"{\"price\":\"")?;
    loop {
        let (price, qty, end) = level::<L, S>(lanes, bytes, at)?;
        levels.push(LevelChange { instrument, side, price, qty, best_bid: None, best_ask: None });
        match literal(bytes, end, S::NEXT_LEVEL) {
            Some(next) => at = next,
            None => return literal(bytes, end, b"\"}]"),
        }
    }
}

/// Levels with any order of keys and any spacing; `at` is behind the bracket.
#[inline(always)]
fn levels_of_any_order<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    mut at: usize,
    (side, instrument): (Side, InstrumentId),
    levels: &mut Vec<LevelChange>,
) -> Option<usize> {
    let mut is_first = true;
    loop {
        let (is_there, next) = walk::element(bytes, at, is_first)?;
        if !is_there {
            return Some(next);
        }
        let change = change(lanes, bytes, next)?;
        let is_level = change.asset.is_none() && change.side.is_none() && change.is_bare;
        let (Some(price), Some(qty), true) = (change.price, change.qty, is_level) else {
            return None;
        };
        levels.push(LevelChange { instrument, side, price, qty, best_bid: None, best_ask: None });
        at = change.end;
        is_first = false;
    }
}

/// The array of changes, whose bracket is at `at`; returns the position behind it.
#[inline(always)]
fn changes<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    at: usize,
    said: &mut Said<'a>,
    (ids, batch): (&IdTable, &mut Batch),
) -> Option<usize> {
    if core::mem::replace(&mut said.has_changes, true) {
        return None;
    }
    let mut at = literal(bytes, at, b"[")?;
    let mut is_first = true;
    loop {
        let (is_there, next) = walk::element(bytes, at, is_first)?;
        if !is_there {
            return Some(next);
        }
        let change = change(lanes, bytes, next)?;
        batch.levels.push(LevelChange {
            instrument: ids.get(change.asset?).unwrap_or(UNKNOWN_INSTRUMENT),
            side: change.side?,
            price: change.price?,
            qty: change.qty?,
            best_bid: change.best_bid.flatten(),
            best_ask: change.best_ask.flatten(),
        });
        at = change.end;
        is_first = false;
    }
}

/// What the members of a level or a change said.
#[derive(Clone, Copy, Debug, Default)]
struct Change<'a> {
    asset: Option<&'a [u8]>,
    price: Option<Price>,
    qty: Option<QtyChange>,
    side: Option<Side>,
    best_bid: Option<Option<Option<Price>>>,
    best_ask: Option<Option<Option<Price>>>,
    /// Whether it has no member but price and size.
    is_bare: bool,
    end: usize,
}

/// A level or change with any order of keys, whose brace is at `at`.
#[inline(always)]
fn change<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<Change<'_>> {
    let mut change = Change { is_bare: true, ..Change::default() };
    let mut at = literal(bytes, at, b"{")?;
    let mut is_first = true;
    loop {
        match walk::member(lanes, bytes, at, is_first)? {
            Member::End(end) => return Some(Change { end, ..change }),
            Member::Key { name, value, .. } => {
                let text = walk::text(lanes, bytes, value)?;
                change_member(name, text.content, &mut change)?;
                at = text.next;
                is_first = false;
            }
        }
    }
}

#[inline(always)]
fn change_member<'a>(name: &[u8], text: &'a [u8], change: &mut Change<'a>) -> Option<()> {
    let best = |empty: Price| {
        let price = number::optional(text, Dialect::POLYMARKET, number::price)?;
        Some(stated(price.unwrap_or_default(), price.is_none(), empty))
    };
    match name {
        b"price" => return once(&mut change.price, number::price(text, Dialect::POLYMARKET)?),
        b"size" => return once(&mut change.qty, number::qty_change(text, Dialect::POLYMARKET)?),
        b"asset_id" => once(&mut change.asset, text)?,
        b"side" if text.eq_ignore_ascii_case(b"BUY") => once(&mut change.side, Side::Buy)?,
        b"side" if text.eq_ignore_ascii_case(b"SELL") => once(&mut change.side, Side::Sell)?,
        b"side" => return None,
        b"best_bid" => once(&mut change.best_bid, best(Price::ZERO)?)?,
        b"best_ask" => once(&mut change.best_ask, best(Price::ONE)?)?,
        _ => {}
    }
    change.is_bare = false;
    Some(())
}
