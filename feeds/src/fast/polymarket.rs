//! Polymarket's market channel: `book` (object or array of objects) and `price_change`.
//!
//! First line: as recorded in 2026, `price_change` in its two separator styles and the `book` that follows
//! trades. Second line, for every other order of keys, among them the first dump: the walk in `members`,
//! which reads levels in either style alike.

mod levels;
mod members;

use dutchbook_book::{InstrumentId, Nanos, Price, QtyChange, Side};

use super::quotes::QuoteMap;
use super::walk;
use crate::batch::{Batch, LevelChange, StatedBest, UNKNOWN_INSTRUMENT, Update, UpdateKind};
use crate::ids::Ids;
use crate::number::Dialect;
use crate::payload::Payload;
#[cfg(target_arch = "x86_64")]
use crate::scan::Avx2;
use crate::scan::{
    Lanes, Machine, NUMBER_BYTES_MAX, Rules, Scalar, Texts, lengths, literal, plain, plain_of,
    window,
};

/// Price and size of a level.
const LEVEL: Rules = Rules { a: Dialect::POLYMARKET, b: Dialect::POLYMARKET, may_be_absent: false };
/// Best bid and ask after a change.
const BEST: Rules = Rules { a: Dialect::POLYMARKET, b: Dialect::POLYMARKET, may_be_absent: true };
/// Hexadecimal digits of a condition id with their `0x`.
const MARKET_BYTES: usize = 66;
/// Digits of three tokens in four; most others have 76 or 78.
const TOKEN_BYTES: usize = 77;
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
    const BOOK: &'static [u8];
    const BIDS: &'static [u8];
    const ASKS: &'static [u8];
    const BOOK_HASH: &'static [u8];
    const BOOK_TIMESTAMP: &'static [u8];
    const BOOK_CLOSING: &'static [u8];
    /// Between the numbers of a level and behind it: of a book, of a change.
    const LEVEL: &'static Texts = &Texts::new(Self::SIZE, Self::NEXT_LEVEL);
    const CHANGE: &'static Texts = &Texts::new(Self::SIZE, Self::SIDE);
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
            const BOOK: &'static [u8] = concat!("\",", $gap, "\"asset_id\":\"").as_bytes();
            const BIDS: &'static [u8] = concat!("\",", $gap, "\"bids\":").as_bytes();
            const ASKS: &'static [u8] = concat!(",", $gap, "\"asks\":").as_bytes();
            const BOOK_HASH: &'static [u8] = concat!(",", $gap, "\"hash\":\"").as_bytes();
            const BOOK_TIMESTAMP: &'static [u8] =
                concat!("\",", $gap, "\"timestamp\":\"").as_bytes();
            const BOOK_CLOSING: &'static [u8] =
                concat!("\",", $gap, "\"event_type\":\"book\"}").as_bytes();
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

    /// As [`Self::decode`] from bytes where they lie, which saves their copy. It takes the recorded shapes
    /// only: behind the last number of each stands more than a scanner reads at once.
    #[must_use]
    pub fn decode_in_place(&self, bytes: &[u8], ids: &impl Ids, batch: &mut Batch) -> bool {
        batch.clear();
        let payload = Payload::bare(bytes);
        match self.machine {
            Machine::Scalar(lanes) => usual_scalar(lanes, payload, ids, batch),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` exists only where the features were detected.
            Machine::Avx2(lanes) => unsafe { usual_avx2(lanes, payload, ids, batch) },
        }
    }

    /// Fills `batch` from a payload of a hot shape and returns true; otherwise leaves it empty and
    /// returns false. Never allocates once the batch has grown to the largest message.
    #[must_use]
    pub fn decode(&self, payload: Payload<'_>, ids: &impl Ids, batch: &mut Batch) -> bool {
        batch.clear();
        match self.machine {
            Machine::Scalar(lanes) => {
                usual_scalar(lanes, payload, ids, batch)
                    || any_order_scalar(lanes, payload, ids, batch)
            }
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(lanes) => {
                // SAFETY: an `Avx2` exists only where the features were detected.
                (unsafe { usual_avx2(lanes, payload, ids, batch) })
                    // SAFETY: as above.
                    || unsafe { any_order_avx2(lanes, payload, ids, batch) }
            }
        }
    }
}

compiled!(usual_scalar, usual(), Scalar);
compiled!(any_order_scalar, any_order(), Scalar);
#[cfg(target_arch = "x86_64")]
compiled!(usual_avx2, usual(), Avx2, target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt"));
#[cfg(target_arch = "x86_64")]
compiled!(
    any_order_avx2,
    any_order(),
    Avx2,
    target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")
);

/// The first line: messages as recorded. Returns the position behind one.
#[inline(always)]
fn usual<L: Lanes>(
    lanes: L,
    payload: Payload<'_>,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let bytes = payload.padded();
    let market = literal(bytes, 0, OPENING)?;
    let end = plain_of::<L, MARKET_BYTES>(lanes, bytes, market)?;
    if let Some(at) = literal(bytes, end, Spaced::CHANGES) {
        return price_change::<L, Spaced>(lanes, bytes, at, ids, batch);
    }
    if let Some(at) = literal(bytes, end, Spaced::BOOK) {
        return book::<L, Spaced>(lanes, bytes, at, ids, batch);
    }
    price_change::<L, Compact>(lanes, bytes, literal(bytes, end, Compact::CHANGES)?, ids, batch)
}

/// The second line: objects of any order of keys. Returns the position behind them.
#[inline(always)]
fn any_order<L: Lanes>(
    lanes: L,
    payload: Payload<'_>,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let bytes = payload.padded();
    let start = walk::blank(bytes, 0);
    if bytes.get(start) == Some(&b'[') {
        members::objects(lanes, bytes, start, ids, batch)
    } else {
        members::object(lanes, bytes, start, ids, batch)
    }
}

/// The rest of a `price_change` whose first id starts at `at`; returns the position behind it.
#[inline(always)]
fn price_change<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    mut at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    loop {
        let (instrument, id_end) = token(lanes, bytes, at, ids)?;
        at = literal(bytes, id_end, S::PRICE)?;
        let near = window(bytes, at)?;
        let lengths = lengths(lanes, near, S::SIZE.len())?;
        let Level { price, qty, end, is_followed } =
            level(lanes, near, lengths, S::SIZE, S::CHANGE)?;
        if !is_followed {
            return None;
        }
        at = at.wrapping_add(end).wrapping_add(S::SIDE.len());
        let side = side_of(bytes, &mut at)?;
        ids.level(instrument, side, price);
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
    let (ts_venue, at) = stamp(lanes, bytes, at)?;
    let end = literal(bytes, at, S::CLOSING)?;
    let instrument = batch.levels.first()?.instrument;
    finish(batch, UpdateKind::Set, instrument, ts_venue, None, 0)?;
    Some(end)
}

/// The rest of a `book` whose id starts at `at`; returns the position behind it.
#[inline(always)]
fn book<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
    batch: &mut Batch,
) -> Option<usize> {
    let (instrument, id_end) = token(lanes, bytes, at, ids)?;
    let at = literal(bytes, id_end, S::BIDS)?;
    ids.book(instrument);
    let mut quotes = QuoteMap::new();
    let bids = (instrument, Side::Buy);
    let at = levels::alike::<L, S>(lanes, (bytes, &mut quotes), at, bids, (ids, batch))?;
    let at = literal(bytes, at, S::ASKS)?;
    let asks = (instrument, Side::Sell);
    let at = levels::alike::<L, S>(lanes, (bytes, &mut quotes), at, asks, (ids, batch))?;
    let at = literal(bytes, at, S::BOOK_HASH)?;
    let at = plain_of::<L, HASH_BYTES>(lanes, bytes, at)?;
    let at = literal(bytes, at, S::BOOK_TIMESTAMP)?;
    let (ts_venue, at) = stamp(lanes, bytes, at)?;
    let end = literal(bytes, at, S::BOOK_CLOSING)?;
    finish(batch, UpdateKind::Snapshot, instrument, ts_venue, None, 0)?;
    Some(end)
}

/// Milliseconds at `at`, and the position behind them.
#[inline(always)]
fn stamp<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Option<(Nanos, usize)> {
    let stamp = lanes.integer(window(bytes, at)?);
    if stamp.digits == 0 || stamp.digits > NUMBER_BYTES_MAX {
        return None;
    }
    Some((Nanos::from_millis(stamp.value), at.wrapping_add(stamp.digits as usize)))
}

/// Price and size of a level, as a window shows them.
struct Level {
    price: Price,
    qty: QtyChange,
    /// Where the size's closing quote is in the window.
    end: usize,
    /// Whether the expected texts are between the numbers and behind them. Where not, neither was looked
    /// at alone.
    is_followed: bool,
}

/// Price and size at the start of the window, `size` between them; `texts` are that and what is expected
/// behind them.
#[inline(always)]
fn level<L: Lanes>(
    lanes: L,
    near: &[u8; 64],
    (price_len, size_len): (u32, u32),
    size: &'static [u8],
    texts: &'static Texts,
) -> Option<Level> {
    let size_at = price_len as usize + size.len();
    let end = size_at + size_len as usize;
    let is_followed =
        lanes.begin_with(window(near, price_len as usize)?, window(near, end)?, texts);
    let pair =
        lanes.decimals((near.first_chunk()?, price_len), (window(near, size_at)?, size_len), LEVEL);
    if !pair.is_good {
        return None;
    }
    let qty = QtyChange::from_micro(pair.b.cast_signed());
    Some(Level { price: price(pair.a)?, qty, end, is_followed })
}

/// Best bid and ask that start at `at`, and the position of the last closing quote.
#[inline(always)]
fn best<L: Lanes, S: Style>(
    lanes: L,
    bytes: &[u8],
    at: usize,
) -> Option<(StatedBest, StatedBest, usize)> {
    let near: &[u8; 64] = window(bytes, at)?;
    let (bid_len, ask_len) = lengths(lanes, near, S::BEST_ASK.len())?;
    let ask_at = literal(near, bid_len as usize, S::BEST_ASK)?;
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
fn stated(price: Price, is_absent: bool, empty: Price) -> StatedBest {
    if is_absent {
        StatedBest::NOTHING
    } else if price == empty {
        StatedBest::EMPTY_SIDE
    } else {
        StatedBest::price(price)
    }
}

#[inline(always)]
fn price(micro: u64) -> Option<Price> {
    if micro > PRICE_ONE {
        return None;
    }
    Price::from_micro(u32::try_from(micro).ok()?)
}

/// `BUY` or `SELL` at `at`, which moves to the closing quote. Without a branch on which of the two it
/// is, as that cannot be predicted: one bit tells, and then there is one text that may stand here.
#[inline(always)]
fn side_of(bytes: &[u8], at: &mut usize) -> Option<Side> {
    const BUY: u32 = u32::from_le_bytes(*b"BUY\"");
    const SELL: u32 = u32::from_le_bytes(*b"SELL");
    const _: () = assert!(BUY & 1 == 0 && SELL & 1 == 1);
    let word = u32::from_le_bytes(*window(bytes, *at)?);
    let is_sell = word & 1;
    if word != BUY ^ ((BUY ^ SELL) & is_sell.wrapping_neg()) {
        return None;
    }
    *at = at.wrapping_add(3).wrapping_add(is_sell as usize);
    Some(if is_sell == 0 { Side::Buy } else { Side::Sell })
}

/// The instrument of the token whose id starts at `at`, and the position of the closing quote. An id that
/// is listed need not be looked through: it is of plain bytes, and the same.
#[inline(always)]
fn token<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    ids: &impl Ids,
) -> Option<(InstrumentId, usize)> {
    let usual_end = at.wrapping_add(TOKEN_BYTES);
    let is_usual = bytes.get(usual_end) == Some(&b'"');
    let end = if is_usual { usual_end } else { plain(lanes, bytes, at)? };
    match ids.find_as_sent(bytes.get(at..end)?) {
        Some(instrument) => Some((instrument, end)),
        None => {
            let end = plain(lanes, bytes, at)?;
            Some((ids.find(bytes.get(at..end)?).unwrap_or(UNKNOWN_INSTRUMENT), end))
        }
    }
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
