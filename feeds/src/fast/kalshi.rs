//! Kalshi's order-book channel: `orderbook_snapshot` and `orderbook_delta` in dollars and `_fp`.
//!
//! First line: the frames as recorded in 2026. Second line, for any other order of keys and spacing:
//! a walk over the members. Frames of an own order (`client_order_id`) are the general decoder's.

mod members;

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

use super::walk;
use crate::batch::{Batch, LevelChange, Sequence, UNKNOWN_INSTRUMENT, Update, UpdateKind};
use crate::ids::Ids;
use crate::number::Dialect;
use crate::payload::Payload;
#[cfg(target_arch = "x86_64")]
use crate::scan::Avx2;
use crate::scan::{
    Lanes, Machine, Rules, Scalar, is_plain_of, lengths, literal, plain, plain_of, window,
};

/// Price and count of a level or change.
const LEVEL: Rules =
    Rules { a: Dialect::KALSHI_PRICE, b: Dialect::KALSHI_COUNT, may_be_absent: false };
/// Length of a market's UUID.
const MARKET_ID_BYTES: usize = 36;
/// Length of a time to the microsecond; the venue trims trailing zeros.
const TS_BYTES: usize = 27;
const PRICE_ONE: u64 = 1_000_000;

const DELTA: &[u8] = b"{\"type\":\"orderbook_delta\",\"sid\":";
const SNAPSHOT: &[u8] = b"{\"type\":\"orderbook_snapshot\",\"sid\":";
const SEQ: &[u8] = b",\"seq\":";
const MSG: &[u8] = b",\"msg\":{\"market_ticker\":\"";
const SENDING: &[u8] = b",\"sending_ts_ms\":";
const MARKET_ID: &[u8] = b"\",\"market_id\":\"";
const PRICE: &[u8] = b"\",\"price_dollars\":\"";
const CHANGE: &[u8] = b"\",\"delta_fp\":\"";
const SIDE: &[u8] = b"\",\"side\":\"";
const TS: &[u8] = b"\",\"ts\":\"";
const TS_MS: &[u8] = b"\",\"ts_ms\":";
const YES: &[u8] = b",\"yes_dollars_fp\":[[\"";
const NO: &[u8] = b",\"no_dollars_fp\":[[\"";

/// Decodes `orderbook_snapshot` and `orderbook_delta`.
#[derive(Clone, Copy, Debug)]
pub struct KalshiDecoder {
    machine: Machine,
    sides: Sides,
}

/// How the two sides of a frame map to faces.
#[derive(Clone, Copy, Debug)]
struct Sides {
    use_yes_price: bool,
}

impl Sides {
    /// Face and side of a level of the frame's `yes` or `no` side.
    #[inline(always)]
    fn of(self, yes: InstrumentId, is_yes: bool) -> (InstrumentId, Side) {
        if self.use_yes_price {
            return (yes, if is_yes { Side::Buy } else { Side::Sell });
        }
        // Selected, not branched upon: no predictor knows the side of the next change.
        let no = if yes == UNKNOWN_INSTRUMENT { UNKNOWN_INSTRUMENT } else { yes.complement() };
        (if is_yes { yes } else { no }, Side::Buy)
    }
}

impl KalshiDecoder {
    /// The fastest form that this machine runs, for a subscription sent with this `use_yes_price`.
    /// Call it once, at start.
    #[must_use]
    pub fn detect(use_yes_price: bool) -> Self {
        Self { machine: Machine::detect(), sides: Sides { use_yes_price } }
    }

    /// The scalar twin: the reference, and the form for machines without AVX2.
    #[must_use]
    pub const fn scalar(use_yes_price: bool) -> Self {
        Self { machine: Machine::Scalar(Scalar), sides: Sides { use_yes_price } }
    }

    /// Fills `batch` from a payload of a hot shape and returns true; otherwise leaves it empty and
    /// returns false. Never allocates once the batch has grown to the largest message.
    #[must_use]
    pub fn decode(&self, payload: Payload<'_>, ids: &impl Ids, batch: &mut Batch) -> bool {
        batch.clear();
        match self.machine {
            Machine::Scalar(lanes) => {
                usual_scalar(lanes, self.sides, payload, ids, batch)
                    || any_order_scalar(lanes, self.sides, payload, ids, batch)
            }
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(lanes) => {
                // SAFETY: an `Avx2` exists only where the features were detected.
                (unsafe { usual_avx2(lanes, self.sides, payload, ids, batch) })
                    // SAFETY: as above.
                    || unsafe { any_order_avx2(lanes, self.sides, payload, ids, batch) }
            }
        }
    }
}

compiled!(usual_scalar, usual(sides: Sides), Scalar);
compiled!(any_order_scalar, any_order(sides: Sides), Scalar);
#[cfg(target_arch = "x86_64")]
compiled!(
    usual_avx2,
    usual(sides: Sides),
    Avx2,
    target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")
);
#[cfg(target_arch = "x86_64")]
compiled!(
    any_order_avx2,
    any_order(sides: Sides),
    Avx2,
    target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")
);

/// The first line: frames as recorded. Returns the position behind one.
#[inline(always)]
fn usual<L: Lanes>(
    lanes: L,
    sides: Sides,
    payload: Payload<'_>,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let bytes = payload.padded();
    if let Some(at) = literal(bytes, 0, DELTA) {
        return delta(lanes, sides, bytes, at, ids, batch);
    }
    snapshot(lanes, sides, bytes, literal(bytes, 0, SNAPSHOT)?, ids, batch)
}

/// The second line: frames of any order of keys. Returns the position behind one.
#[inline(always)]
fn any_order<L: Lanes>(
    lanes: L,
    sides: Sides,
    payload: Payload<'_>,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let bytes = payload.padded();
    members::frame(lanes, sides, bytes, walk::blank(bytes, 0), ids, batch)
}

/// What every frame starts with.
#[derive(Clone, Copy, Debug)]
struct Head {
    sequence: Sequence,
    yes: InstrumentId,
    /// Behind the content of the market id.
    end: usize,
}

/// From the subscription's number to the market's id.
#[inline(always)]
fn head<L: Lanes>(lanes: L, bytes: &[u8], at: usize, ids: &impl Ids) -> Option<Head> {
    // Most subscriptions have one digit: predicted, so that what follows need not wait for it.
    let (sid, at) = match bytes.get(at) {
        Some(digit @ b'0'..=b'9') if bytes.get(at.wrapping_add(1)) == Some(&b',') => {
            (u64::from(digit.wrapping_sub(b'0')), at.wrapping_add(1))
        }
        _ => walk::integer(lanes, bytes, at)?,
    };
    let (seq, at) = walk::integer(lanes, bytes, literal(bytes, at, SEQ)?)?;
    let at = match literal(bytes, at, MSG) {
        Some(at) => at,
        None => {
            let (_, at) = walk::integer(lanes, bytes, literal(bytes, at, SENDING)?)?;
            literal(bytes, at, MSG)?
        }
    };
    let ticker_end = plain(lanes, bytes, at)?;
    let yes = ids.find(bytes.get(at..ticker_end)?).unwrap_or(UNKNOWN_INSTRUMENT);
    // One window, so that what lies at fixed distances needs no bounds of its own.
    let near: &[u8; 64] = window(bytes, ticker_end)?;
    let id_at = literal(near, 0, MARKET_ID)?;
    if !is_plain_of::<L, MARKET_ID_BYTES>(lanes, near.get(id_at..)?) {
        return None;
    }
    let end = ticker_end.wrapping_add(id_at).wrapping_add(MARKET_ID_BYTES);
    Some(Head { sequence: Sequence { sid: u32::try_from(sid).ok()?, seq }, yes, end })
}

/// The rest of a delta, from the subscription's number; returns the position behind it.
#[inline(always)]
fn delta<L: Lanes>(
    lanes: L,
    sides: Sides,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let head = head(lanes, bytes, at, ids)?;
    let near: &[u8; PRICE.len() + 64] = window(bytes, head.end)?;
    let at = head.end.wrapping_add(literal(near, 0, PRICE)?);
    let near: &[u8; 64] = near.last_chunk()?;
    let (price_len, signed_len) = lengths(lanes, near, CHANGE.len())?;
    let sign_at = literal(near, price_len as usize, CHANGE)?;
    let is_minus = near.get(sign_at) == Some(&b'-');
    let change_at = sign_at.wrapping_add(usize::from(is_minus));
    let change_len = signed_len.wrapping_sub(u32::from(is_minus));
    let pair = lanes.decimals(
        (near.first_chunk()?, price_len),
        (window(near, change_at)?, change_len),
        LEVEL,
    );
    if !pair.is_good || pair.a > PRICE_ONE {
        return None;
    }
    let at = at.wrapping_add(change_at).wrapping_add(change_len as usize);
    let near: &[u8; SIDE.len() + 4] = window(bytes, at)?;
    let at = at.wrapping_add(literal(near, 0, SIDE)?);
    let word = u32::from_le_bytes(*near.last_chunk()?);
    let is_yes = word == u32::from_le_bytes(*b"yes\"");
    let is_no = word & 0x00FF_FFFF == u32::from_le_bytes(*b"no\"\0");
    if !is_yes & !is_no {
        return None;
    }
    let (instrument, side) = sides.of(head.yes, is_yes);
    ids.level(instrument, side, Price::from_micro(u32::try_from(pair.a).ok()?)?);
    let at = at.wrapping_add(2).wrapping_add(usize::from(is_yes));
    let near: &[u8; 64] = window(bytes, at)?;
    let ts_end = plain_of::<L, TS_BYTES>(lanes, near, literal(near, 0, TS)?)?;
    let (ts_ms, ts_ms_end) = walk::integer(lanes, near, literal(near, ts_end, TS_MS)?)?;
    let end = at.wrapping_add(literal(near, ts_ms_end, b"}}")?);
    let magnitude = pair.b.cast_signed();
    push(
        batch,
        (instrument, side),
        pair.a,
        if is_minus { magnitude.wrapping_neg() } else { magnitude },
    )?;
    let ts_venue = Nanos::from_millis(ts_ms);
    finish(batch, UpdateKind::Add, instrument, ts_venue, head.sequence)?;
    Some(end)
}

/// The rest of a snapshot, from the subscription's number; returns the position behind it.
#[inline(always)]
fn snapshot<L: Lanes>(
    lanes: L,
    sides: Sides,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let head = head(lanes, bytes, at, ids)?;
    ids.book(head.yes);
    let mut at = literal(bytes, head.end, b"\"")?;
    if let Some(first) = literal(bytes, at, YES) {
        at = levels(lanes, bytes, first, sides.of(head.yes, true), (ids, batch))?;
    }
    if let Some(first) = literal(bytes, at, NO) {
        at = levels(lanes, bytes, first, sides.of(head.yes, false), (ids, batch))?;
    }
    let end = literal(bytes, at, b"}}")?;
    finish(batch, UpdateKind::Snapshot, head.yes, Nanos::ZERO, head.sequence)?;
    Some(end)
}

/// Levels of one side, from the first price; returns the position behind the array.
#[inline(always)]
fn levels<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    mut at: usize,
    face: (InstrumentId, Side),
    (ids, batch): (&impl Ids, &mut Batch),
) -> Option<usize> {
    let from = batch.levels.len();
    loop {
        let near: &[u8; 32] = window(bytes, at)?;
        let quotes = lanes.quotes32(near);
        let price_len = quotes.trailing_zeros();
        if price_len > 8 {
            return None;
        }
        let count_at = literal(near, price_len as usize, b"\",\"")?;
        let count_len = quotes.wrapping_shr(u32::try_from(count_at).ok()?).trailing_zeros();
        let pair = lanes.decimals(
            (near.first_chunk()?, price_len),
            (window(near, count_at)?, count_len),
            LEVEL,
        );
        if !pair.is_good {
            return None;
        }
        push(batch, face, pair.a, pair.b.cast_signed())?;
        let end = at.wrapping_add(count_at).wrapping_add(count_len as usize);
        match literal(bytes, end, b"\"],[\"") {
            Some(next) => at = next,
            None => return literal(bytes, end, b"\"]]"),
        }
        // Behind the first of several: one alone is fetched sooner than it is asked for.
        if batch.levels.len() == from.wrapping_add(1) {
            ids.side(face.0, face.1, batch.levels.last()?.price);
        }
    }
}

#[inline(always)]
fn push(batch: &mut Batch, face: (InstrumentId, Side), price: u64, qty: i64) -> Option<()> {
    if price > PRICE_ONE {
        return None;
    }
    let price = Price::from_micro(u32::try_from(price).ok()?)?;
    batch.levels.push(LevelChange::bare(face.0, face.1, price, QtyChange::from_micro(qty)));
    Some(())
}

/// Adds the update that all levels belong to.
#[inline(always)]
fn finish(
    batch: &mut Batch,
    kind: UpdateKind,
    instrument: InstrumentId,
    ts_venue: Nanos,
    sequence: Sequence,
) -> Option<()> {
    batch.updates.push(Update {
        kind,
        instrument,
        ts_venue,
        sequence: Some(sequence),
        tick_size: None,
        first_level: 0,
        level_count: u32::try_from(batch.levels.len()).ok()?,
    });
    Some(())
}
