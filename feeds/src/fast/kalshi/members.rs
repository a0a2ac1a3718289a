//! Frames of any order of keys and spacing: a walk over the members.

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

use super::{Sides, finish, push};
use crate::batch::{Batch, Sequence, UNKNOWN_INSTRUMENT, UpdateKind};
use crate::fast::walk::{self, Member, Walk, once};
use crate::ids::Ids;
use crate::number::{self, Dialect};
use crate::scan::{Lanes, literal};

/// What the members of a frame said.
#[derive(Clone, Copy, Debug, Default)]
struct Said<'a> {
    kind: Option<&'a [u8]>,
    sid: Option<u64>,
    seq: Option<u64>,
    sending_ts_ms: Option<u64>,
    msg: Option<Msg<'a>>,
}

/// What the members of `msg` said.
#[derive(Clone, Copy, Debug, Default)]
struct Msg<'a> {
    ticker: Option<InstrumentId>,
    market_id: Option<&'a [u8]>,
    price: Option<Price>,
    change: Option<QtyChange>,
    is_yes: Option<bool>,
    ts: Option<&'a [u8]>,
    ts_ms: Option<u64>,
    /// Where the arrays of levels start.
    yes_at: Option<usize>,
    no_at: Option<usize>,
    end: usize,
}

/// One frame of any order of keys, whose brace is at `at`; returns the position behind it.
#[inline(always)]
pub(super) fn frame<L: Lanes>(
    lanes: L,
    sides: Sides,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let mut said = Said::default();
    let mut walk = Walk::object(bytes, at)?;
    while let Some(Member { name, value, .. }) = walk.member(lanes, bytes)? {
        walk.at = frame_member(lanes, bytes, (name, value), &mut said, (sides, ids, batch))?;
    }
    let (kind, msg) = (said.kind?, said.msg?);
    let sequence = Sequence { sid: u32::try_from(said.sid?).ok()?, seq: said.seq? };
    let yes = msg.ticker?;
    match (kind, msg.price, msg.change, msg.is_yes, msg.ts_ms) {
        (b"orderbook_snapshot", None, None, None, None) if msg.ts.is_none() => {
            finish(batch, UpdateKind::Snapshot, yes, Nanos::ZERO, sequence)?;
        }
        (b"orderbook_delta", Some(price), Some(change), Some(is_yes), Some(ts_ms))
            if msg.yes_at.is_none() && msg.no_at.is_none() =>
        {
            let (instrument, side) = sides.of(yes, is_yes);
            push(batch, (instrument, side), u64::from(price.micro()), change.micro())?;
            let ts_venue = Nanos::from_millis(ts_ms);
            finish(batch, UpdateKind::Add, instrument, ts_venue, sequence)?;
        }
        _ => return None,
    }
    Some(walk.at)
}

#[inline(always)]
fn frame_member<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    (name, value): (&[u8], usize),
    said: &mut Said<'a>,
    (sides, ids, batch): (Sides, &impl Ids, &mut Batch),
) -> Option<usize> {
    let number = match name {
        b"type" => {
            let text = walk::text(lanes, bytes, value)?;
            once(&mut said.kind, text.content)?;
            return Some(text.next);
        }
        b"msg" => {
            let msg = msg(lanes, bytes, value, (sides, ids, batch))?;
            once(&mut said.msg, msg)?;
            return Some(msg.end);
        }
        b"sid" => &mut said.sid,
        b"seq" => &mut said.seq,
        b"sending_ts_ms" => &mut said.sending_ts_ms,
        _ => return None,
    };
    let (read, next) = walk::member_integer(lanes, bytes, value)?;
    once(number, read)?;
    Some(next)
}

/// The object `msg`, whose brace is at `at`. Its levels go to the batch at once, for whichever
/// ticker it turns out to name.
#[inline(always)]
fn msg<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    at: usize,
    (sides, ids, batch): (Sides, &impl Ids, &mut Batch),
) -> Option<Msg<'a>> {
    let mut msg = Msg::default();
    let mut walk = Walk::object(bytes, at)?;
    while let Some(Member { name, value, .. }) = walk.member(lanes, bytes)? {
        walk.at = msg_member(lanes, bytes, (name, value), &mut msg, ids)?;
    }
    msg.end = walk.at;
    let yes = msg.ticker?;
    let mut arrays = [(msg.yes_at, true), (msg.no_at, false)];
    arrays.sort_unstable();
    for (array, is_yes) in arrays {
        if let Some(at) = array {
            levels_of_any_spacing(lanes, bytes, at, Some((sides.of(yes, is_yes), &mut *batch)))?;
        }
    }
    Some(msg)
}

#[inline(always)]
fn msg_member<'a, L: Lanes>(
    lanes: L,
    bytes: &'a [u8],
    (name, value): (&[u8], usize),
    msg: &mut Msg<'a>,
    ids: &impl Ids,
) -> Option<usize> {
    match name {
        b"ts_ms" => {
            let (ts_ms, next) = walk::member_integer(lanes, bytes, value)?;
            once(&mut msg.ts_ms, ts_ms)?;
            return Some(next);
        }
        b"yes_dollars_fp" => {
            once(&mut msg.yes_at, value)?;
            return levels_of_any_spacing(lanes, bytes, value, None);
        }
        b"no_dollars_fp" => {
            once(&mut msg.no_at, value)?;
            return levels_of_any_spacing(lanes, bytes, value, None);
        }
        _ => {}
    }
    let text = walk::text(lanes, bytes, value)?;
    let content = text.content;
    match name {
        b"market_ticker" => {
            once(&mut msg.ticker, ids.find(content).unwrap_or(UNKNOWN_INSTRUMENT))?;
        }
        b"market_id" => once(&mut msg.market_id, content)?,
        b"price_dollars" => {
            once(&mut msg.price, number::price(content, Dialect::KALSHI_PRICE)?)?;
        }
        b"delta_fp" => {
            once(&mut msg.change, number::qty_change(content, Dialect::KALSHI_COUNT)?)?;
        }
        b"side" if content == b"yes" => once(&mut msg.is_yes, true)?,
        b"side" if content == b"no" => once(&mut msg.is_yes, false)?,
        b"ts" => once(&mut msg.ts, content)?,
        _ => return None,
    }
    Some(text.next)
}

/// An array of levels whose bracket is at `at`: checked, and pushed where a place is given.
fn levels_of_any_spacing<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    mut place: Option<((InstrumentId, Side), &mut Batch)>,
) -> Option<usize> {
    let mut walk = Walk::array(bytes, at)?;
    while let Some(at) = walk.element(bytes)? {
        let at_price = walk::blank(bytes, literal(bytes, at, b"[")?);
        let price = walk::text(lanes, bytes, at_price)?;
        let comma = literal(bytes, walk::blank(bytes, price.next), b",")?;
        let count = walk::text(lanes, bytes, walk::blank(bytes, comma))?;
        walk.at = literal(bytes, walk::blank(bytes, count.next), b"]")?;
        let price = number::price(price.content, Dialect::KALSHI_PRICE)?;
        let qty = number::qty(count.content, Dialect::KALSHI_COUNT)?;
        if let Some((face, batch)) = &mut place {
            let qty = i64::try_from(qty.micro()).ok()?;
            push(batch, *face, u64::from(price.micro()), qty)?;
        }
    }
    Some(walk.at)
}
