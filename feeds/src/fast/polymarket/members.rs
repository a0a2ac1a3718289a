//! Messages of any key order and spacing: a walk over the members. Levels that stand in the order
//! and style of the recordings still take the short way.

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

use super::{
    Compact, HASH_BYTES, MARKET_BYTES, Spaced, TOKEN_BYTES, finish, levels, stamp, stated,
};
use crate::batch::{Batch, LevelChange, StatedBest, UNKNOWN_INSTRUMENT, UpdateKind};
use crate::fast::quotes::QuoteMap;
use crate::fast::walk::{self, Member, Walk, once};
use crate::ids::Ids;
use crate::number::{self, Dialect};
use crate::scan::{Lanes, literal};

/// The messages of an array whose bracket is at `at`, one at least; returns the position behind it.
#[inline(always)]
pub(super) fn objects<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let mut walk = Walk::array(bytes, at)?;
    while let Some(at) = walk.element(bytes)? {
        walk.at = object(lanes, bytes, at, ids, batch)?;
    }
    (!walk.is_empty()).then_some(walk.at)
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
pub(super) fn object<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let mut said = Said::default();
    let first_level = batch.levels.len();
    let mut walk = Walk::object(bytes, at)?;
    while let Some(Member { name, value, is_spaced }) = walk.member(lanes, bytes)? {
        walk.at = match name {
            b"bids" | b"asks" => {
                let side = if name == b"bids" { Side::Buy } else { Side::Sell };
                side_levels(lanes, bytes, value, (side, is_spaced), &mut said, (ids, batch))?
            }
            b"price_changes" => changes(lanes, bytes, value, &mut said, (ids, batch))?,
            _ => other_member(lanes, bytes, name, value, &mut said, ids)?,
        };
    }
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
    Some(walk.at)
}

/// Any member but the arrays.
#[inline(always)]
fn other_member<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    name: &[u8],
    value: usize,
    said: &mut Said<'a>,
    ids: &impl Ids,
) -> Option<usize> {
    match name {
        b"asset_id" => {
            let id = walk::text_of::<L, TOKEN_BYTES>(lanes, bytes, value)?;
            let found = ids.find(id.content).unwrap_or(UNKNOWN_INSTRUMENT);
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
            let (ts_venue, end) = stamp(lanes, bytes, at)?;
            once(&mut said.ts_venue, ts_venue)?;
            literal(bytes, end, b"\"")
        }
        b"tick_size" => {
            let text = walk::text(lanes, bytes, value)?;
            let tick = number::optional(text.content, Dialect::POLYMARKET, number::price)?;
            once(&mut said.tick_size, tick)?;
            Some(text.next)
        }
        b"market" => {
            let is_new = !core::mem::replace(&mut said.has_market, true);
            let text = walk::text_of::<L, MARKET_BYTES>(lanes, bytes, value)?;
            is_new.then_some(text.next)
        }
        b"hash" => {
            let is_new = !core::mem::replace(&mut said.has_hash, true);
            let text = walk::text_of::<L, HASH_BYTES>(lanes, bytes, value)?;
            is_new.then_some(text.next)
        }
        // Other names of the arrays (old documents), or of other shapes.
        b"buys" | b"sells" | b"changes" => None,
        _ => walk::skip(lanes, bytes, value),
    }
}

/// The levels of one side, whose bracket is at `at`; returns the position behind them.
#[inline(always)]
fn side_levels<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    (side, is_spaced): (Side, bool),
    said: &mut Said<'_>,
    (ids, batch): (&impl Ids, &mut Batch),
) -> Option<usize> {
    let has = if side == Side::Buy { &mut said.has_bids } else { &mut said.has_asks };
    if core::mem::replace(has, true) {
        return None;
    }
    let instrument = said.asset.unwrap_or(UNKNOWN_INSTRUMENT);
    if !(said.has_bids && said.has_asks) {
        ids.book(instrument);
    }
    let from = batch.levels.len();
    let face = (instrument, side);
    let text = (bytes, &mut QuoteMap::new());
    let fast = if is_spaced {
        levels::alike::<L, Spaced>(lanes, text, at, face, (ids, batch))
    } else {
        levels::alike::<L, Compact>(lanes, text, at, face, (ids, batch))
    };
    if fast.is_some() {
        return fast;
    }
    batch.levels.truncate(from);
    levels_of_any_order(lanes, bytes, at, (side, instrument), &mut batch.levels)
}

/// Levels with any order of keys and any spacing, whose bracket is at `at`.
#[inline(always)]
fn levels_of_any_order<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    (side, instrument): (Side, InstrumentId),
    levels: &mut Vec<LevelChange>,
) -> Option<usize> {
    let mut walk = Walk::array(bytes, at)?;
    while let Some(at) = walk.element(bytes)? {
        let change = change(lanes, bytes, at)?;
        let is_level = change.asset.is_none() && change.side.is_none() && change.is_bare;
        let (Some(price), Some(qty), true) = (change.price, change.qty, is_level) else {
            return None;
        };
        levels.push(LevelChange::bare(instrument, side, price, qty));
        walk.at = change.end;
    }
    Some(walk.at)
}

/// The array of changes, whose bracket is at `at`; returns the position behind it.
#[inline(always)]
fn changes<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    at: usize,
    said: &mut Said<'a>,
    (ids, batch): (&impl Ids, &mut Batch),
) -> Option<usize> {
    if core::mem::replace(&mut said.has_changes, true) {
        return None;
    }
    let mut walk = Walk::array(bytes, at)?;
    while let Some(at) = walk.element(bytes)? {
        let change = change(lanes, bytes, at)?;
        batch.levels.push(LevelChange {
            instrument: ids.find(change.asset?).unwrap_or(UNKNOWN_INSTRUMENT),
            side: change.side?,
            price: change.price?,
            qty: change.qty?,
            best_bid: change.best_bid.unwrap_or(StatedBest::NOTHING),
            best_ask: change.best_ask.unwrap_or(StatedBest::NOTHING),
        });
        walk.at = change.end;
    }
    Some(walk.at)
}

/// What the members of a level or a change said.
#[derive(Clone, Copy, Debug, Default)]
struct Change<'a> {
    asset: Option<&'a [u8]>,
    price: Option<Price>,
    qty: Option<QtyChange>,
    side: Option<Side>,
    best_bid: Option<StatedBest>,
    best_ask: Option<StatedBest>,
    /// Whether it has no member but price and size.
    is_bare: bool,
    end: usize,
}

/// A level or change with any order of keys, whose brace is at `at`.
#[inline(always)]
fn change<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<Change<'_>> {
    let mut change = Change { is_bare: true, ..Change::default() };
    let mut walk = Walk::object(bytes, at)?;
    while let Some(member) = walk.member(lanes, bytes)? {
        let text = walk::text(lanes, bytes, member.value)?;
        change_member(member.name, text.content, &mut change)?;
        walk.at = text.next;
    }
    Some(Change { end: walk.at, ..change })
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
