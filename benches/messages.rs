//! Messages with the bytes of real ones, from a seed: ids of 76 to 78 digits, hashes, prices and
//! sizes as venues print them.

use crate::Random;
use dutchbook_book::InstrumentId;
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::payload::PayloadBuf;

/// Native ids and their table.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The ids, by instrument (Polymarket) or by book (Kalshi).
    pub ids: Vec<String>,
    /// The table that knows them.
    pub table: IdTable,
}

/// `count` Polymarket tokens, instruments `0..count`.
#[must_use]
pub fn tokens(random: &mut Random, count: usize) -> Listed {
    let ids: Vec<String> = (0..count).map(|_| token(random)).collect();
    let table = table_of(&ids, 1);
    Listed { ids, table }
}

/// `count` Kalshi tickers, listed with the YES instruments `0, 2, 4, …`.
#[must_use]
pub fn tickers(random: &mut Random, count: usize) -> Listed {
    let series = ["KXBTCD", "KXNEXTTEAMNBA", "KXHIGHNY", "KXWTACHALLENGERMATCH", "FED"];
    let ids: Vec<String> = (0..count)
        .map(|n| {
            let series = series[random.index(series.len())];
            format!("{series}-26JUL{:02}{:02}-T{}.99", n % 28 + 1, n % 24, 40_000 + 500 * n)
        })
        .collect();
    let table = table_of(&ids, 2);
    Listed { ids, table }
}

fn table_of(ids: &[String], step: u32) -> IdTable {
    let mut table = IdTable::with_capacity(ids.len());
    for (n, id) in (0_u32..).zip(ids) {
        // Made of random digits: none comes twice.
        let listed = table.insert(id.as_bytes(), InstrumentId(n.wrapping_mul(step)));
        debug_assert!(listed.is_ok());
    }
    table
}

/// A token id: mostly 77 digits, sometimes 76 or 78.
#[must_use]
pub fn token(random: &mut Random) -> String {
    let len = match random.below(100) {
        0..8 => 76,
        8..86 => 77,
        _ => 78,
    };
    let mut digits: String = (1..len).map(|_| char::from(b'0' + digit(random))).collect();
    digits.insert(0, char::from(b'1' + digit(random) % 9));
    if len == 78 {
        // A token is a number of 256 bits: the longest begin so.
        digits.replace_range(..2, "10");
    }
    digits
}

fn digit(random: &mut Random) -> u8 {
    u8::try_from(random.below(10)).unwrap_or(0)
}

fn hex(random: &mut Random, len: usize) -> String {
    (0..len).map(|_| char::from(b"0123456789abcdef"[random.index(16)])).collect()
}

/// A number of cents as Polymarket prints it: no trailing zeros.
fn cents(cents: u64) -> String {
    match (cents / 100, cents % 100) {
        (whole, 0) => whole.to_string(),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02}"),
    }
}

/// A size as seen in recordings: one to six digits before the dot, half of them whole.
fn size(random: &mut Random) -> u64 {
    let digits = u32::try_from(random.below(5)).unwrap_or(0) + 1;
    let whole = random.below(10_u64.pow(digits)) + 5;
    whole * 100 + if random.below(2) == 0 { 0 } else { random.below(100) }
}

/// A live `price_change` with this many changes (the style of 2026: `, ` between members).
#[must_use]
pub fn price_change(random: &mut Random, listed: &Listed, changes: usize) -> PayloadBuf {
    let mut text = format!("{{\"market\":\"0x{}\", \"price_changes\":[", hex(random, 64));
    let first = random.index(listed.ids.len() / 2) * 2;
    for change in 0..changes {
        let price = random.below(98) + 1;
        let bid = random.below(97) + 1;
        let side = if random.below(2) == 0 { "BUY" } else { "SELL" };
        let gap = if change == 0 { "" } else { ", " };
        text.push_str(&format!(
            "{gap}{{\"asset_id\":\"{}\", \"price\":\"{}\", \"size\":\"{}\", \"side\":\"{side}\", \
             \"hash\":\"{}\", \"best_bid\":\"{}\", \"best_ask\":\"{}\"}}",
            listed.ids[first + change % 2],
            cents(price),
            cents(if random.below(4) == 0 { 0 } else { size(random) }),
            hex(random, 40),
            cents(bid),
            cents(bid + 1),
        ));
    }
    let ms = 1_790_766_000_000 + random.below(1_000_000);
    text.push_str(&format!("], \"timestamp\":\"{ms}\", \"event_type\":\"price_change\"}}"));
    padded(&text)
}

/// A live `book` with this many levels a side (`, ` between members, best last).
#[must_use]
pub fn book(random: &mut Random, listed: &Listed, levels: u64) -> PayloadBuf {
    let market = hex(random, 64);
    let id = &listed.ids[random.index(listed.ids.len())];
    let mut side = |price: &dyn Fn(u64) -> u64| {
        let levels = (0..levels).map(|n| {
            let (price, size) = (cents(price(n)), cents(size(random)));
            format!("{{\"price\":\"{price}\", \"size\":\"{size}\"}}")
        });
        levels.collect::<Vec<_>>().join(", ")
    };
    let (bids, asks) = (side(&|n| n + 1), side(&|n| 99 - n));
    padded(&format!(
        "{{\"market\":\"0x{market}\", \"asset_id\":\"{id}\", \"bids\":[{bids}], \"asks\":[{asks}], \
         \"hash\":\"{}\", \"timestamp\":\"{}\", \"event_type\":\"book\"}}",
        hex(random, 40),
        1_790_766_000_000 + random.below(1_000_000)
    ))
}

fn uuid(random: &mut Random) -> String {
    let part = |random: &mut Random, len| hex(random, len);
    format!(
        "{}-{}-{}-{}-{}",
        part(random, 8),
        part(random, 4),
        part(random, 4),
        part(random, 4),
        part(random, 12)
    )
}

/// A Kalshi `orderbook_delta`.
#[must_use]
pub fn kalshi_delta(random: &mut Random, listed: &Listed, seq: usize) -> PayloadBuf {
    let ticker = &listed.ids[random.index(listed.ids.len())];
    let sign = if random.below(2) == 0 { "-" } else { "" };
    let (count, price) = (size(random), random.below(99) + 1);
    let side = if random.below(2) == 0 { "yes" } else { "no" };
    let ms = random.below(1000);
    padded(&format!(
        "{{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":{},\"msg\":{{\"market_ticker\":\"{ticker}\",\
         \"market_id\":\"{}\",\"price_dollars\":\"0.{price:02}00\",\
         \"delta_fp\":\"{sign}{}.{:02}\",\"side\":\"{side}\",\
         \"ts\":\"2026-07-01T02:31:49.{ms:03}{:03}Z\",\"ts_ms\":1782873109{ms:03}}}}}",
        seq + 100,
        uuid(random),
        count / 100,
        count % 100,
        random.below(900) + 100,
    ))
}

/// A Kalshi `orderbook_snapshot` with this many levels a side.
#[must_use]
pub fn kalshi_snapshot(random: &mut Random, listed: &Listed, levels: u64) -> PayloadBuf {
    let ticker = listed.ids[random.index(listed.ids.len())].clone();
    let mut side = || {
        let levels = (0..levels).map(|n| {
            let count = size(random);
            format!("[\"0.{:02}00\",\"{}.{:02}\"]", n + 1, count / 100, count % 100)
        });
        levels.collect::<Vec<_>>().join(",")
    };
    let (yes, no) = (side(), side());
    padded(&format!(
        "{{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":{},\"msg\":{{\
         \"market_ticker\":\"{ticker}\",\"market_id\":\"{}\",\"yes_dollars_fp\":[{yes}],\
         \"no_dollars_fp\":[{no}]}}}}",
        random.below(5000) + 1,
        uuid(random),
    ))
}

fn padded(text: &str) -> PayloadBuf {
    let mut buf = PayloadBuf::with_capacity(text.len());
    buf.fill(text.as_bytes());
    buf
}
