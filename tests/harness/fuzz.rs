//! What must hold for any bytes. The fuzz targets (`tests/fuzz`) and the seeded mutator
//! (`tests/mutation.rs`) run the same functions. This file depends on feeds and book only.

#![expect(clippy::panic, reason = "a broken law stops the fuzzer")]

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::units::Price;
use dutchbook_book::{
    Book, BookId, BookStatus, ConditionId, Grid, InstrumentId, Nanos, Qty, Side, Stamp, Tick,
    VenueId,
};
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::chain::ChainDecoder;
use dutchbook_feeds::fast::{KalshiDecoder, PolymarketDecoder};
use dutchbook_feeds::general::GeneralDecoder;
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::notice::{Notice, Sink};
use dutchbook_feeds::number::{self, Dialect};
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::{DecoderChoice, Feed, FeedConfig};

/// Tokens of the two listed Polymarket markets, YES and NO each.
pub const TOKENS: [[&str; 2]; 2] = [
    [
        "71321045679252212594626385532706912750332728571942532289631379312455583992563",
        "52114319501245915516055106046884209969926127482827954674443846427813813222426",
    ],
    ["1111111111111111111111111111111111111", "2222222222222222222222222222222222222222"],
];

/// Tickers of the two listed Kalshi markets.
pub const TICKERS: [&str; 2] = ["KXA-26NOV23-T1.5", "KXB-26NOV23-T2"];

/// The reference of decimals, on 128 bits and without any of the parser's shortcuts.
fn reference_micro(text: &[u8], dialect: Dialect) -> Option<i64> {
    let text = core::str::from_utf8(text).ok()?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) if dialect.minus => (true, digits),
        Some(_) => return None,
        None => (false, text),
    };
    let (whole, decimals) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, decimals)) => (whole, decimals),
        None if digits.is_empty() => return None,
        None => (digits, ""),
    };
    let bare = whole.is_empty() && !dialect.bare_dot;
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if bare || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let kept = decimals.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    if kept.len() > usize::from(dialect.decimals) || whole.len() > 20 {
        return None;
    }
    let micro: i128 = format!("{whole}{kept:0<6}").parse().ok()?;
    let micro = if micro > i128::from(Qty::MAX.micro()) { return None } else { micro };
    i64::try_from(if negative { -micro } else { micro }).ok()
}

/// Decimals are read exactly as the reference reads them.
///
/// # Panics
/// When they are not.
pub fn number(data: &[u8]) {
    for dialect in
        [Dialect::POLYMARKET, Dialect::KALSHI_PRICE, Dialect::KALSHI_COUNT, Dialect::KALSHI_MONEY]
    {
        let (ours, reference) = (number::micro(data, dialect), reference_micro(data, dialect));
        assert_eq!(ours, reference, "{:?} as {dialect:?}", String::from_utf8_lossy(data));
    }
}

fn buffer(data: &[u8]) -> PayloadBuf {
    let mut buffer = PayloadBuf::default();
    buffer.fill(data);
    buffer
}

fn general(kind: VenueKind, data: &[u8], ids: &IdTable) -> Option<Batch> {
    let mut batch = Batch::default();
    let mut messages = 0_u64;
    let result = GeneralDecoder::new(kind, false).decode(data, ids, &mut batch, |_| messages += 1);
    match result {
        Ok(()) => Some(batch),
        Err(error) => {
            assert!(batch.updates.is_empty() && batch.levels.is_empty(), "refused and not empty");
            assert_eq!(messages, 0, "refused and yet said something: {error}");
            None
        }
    }
}

/// What the fast decoder takes, twin and all, is what the general one reads.
fn agree(name: &str, data: &[u8], fast: &Batch, twin: &Batch, reference: Option<&Batch>) {
    assert_eq!(fast, twin, "{name}: twins differ on {:?}", String::from_utf8_lossy(data));
    match reference {
        Some(reference) => {
            assert_eq!(fast, reference, "{name}: {:?}", String::from_utf8_lossy(data));
        }
        None => panic!("{name}: only the fast path takes {:?}", String::from_utf8_lossy(data)),
    }
}

fn table(ids: &[(&str, u32)]) -> IdTable {
    let mut table = IdTable::default();
    for (native, instrument) in ids {
        if table.insert(native.as_bytes(), InstrumentId(*instrument)).is_err() {
            panic!("{native} is listed twice");
        }
    }
    table
}

/// Polymarket's decoders agree.
///
/// # Panics
/// When they do not.
pub fn polymarket(data: &[u8]) {
    let ids = table(&[(TOKENS[0][0], 0), (TOKENS[0][1], 1), (TOKENS[1][0], 2), (TOKENS[1][1], 3)]);
    let payload = buffer(data);
    let (mut fast, mut twin) = (Batch::default(), Batch::default());
    let took = PolymarketDecoder::detect().decode(payload.payload(), &ids, &mut fast);
    let twin_took = PolymarketDecoder::scalar().decode(payload.payload(), &ids, &mut twin);
    assert_eq!(took, twin_took, "twins differ on {:?}", String::from_utf8_lossy(data));
    let reference = general(VenueKind::Polymarket, data, &ids);
    if took {
        agree("polymarket", data, &fast, &twin, reference.as_ref());
    }
    for decoder in [PolymarketDecoder::detect(), PolymarketDecoder::scalar()] {
        let took_in_place = decoder.decode_in_place(data, &ids, &mut twin);
        assert!(took || !took_in_place, "taken in place only: {:?}", String::from_utf8_lossy(data));
        if took_in_place {
            agree("polymarket", data, &fast, &twin, reference.as_ref());
        }
    }
}

/// Kalshi's decoders agree.
///
/// # Panics
/// When they do not.
pub fn kalshi(data: &[u8]) {
    let ids = table(&[(TICKERS[0], 0), (TICKERS[1], 2)]);
    let payload = buffer(data);
    let (mut fast, mut twin) = (Batch::default(), Batch::default());
    let took = KalshiDecoder::detect(false).decode(payload.payload(), &ids, &mut fast);
    let twin_took = KalshiDecoder::scalar(false).decode(payload.payload(), &ids, &mut twin);
    assert_eq!(took, twin_took, "twins differ on {:?}", String::from_utf8_lossy(data));
    let reference = general(VenueKind::Kalshi, data, &ids);
    if took {
        agree("kalshi", data, &fast, &twin, reference.as_ref());
    }
}

/// A log, one part a line (address, topics, data): it is read alike whatever was read before it, and
/// whatever case its digits have.
///
/// # Panics
/// When it is not.
pub fn chain(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = |decoder: &mut ChainDecoder, text: &str| {
        let parts: Vec<&str> = text.split('\n').collect();
        let [address, topics @ .., data] = parts.as_slice() else { return None };
        Some(decoder.decode(address, topics, data))
    };
    let mut decoder = ChainDecoder::default();
    let first = read(&mut decoder, &text);
    assert_eq!(first, read(&mut decoder, &text), "the second reading differs on {text:?}");
    let shouted = text.to_ascii_uppercase().replace("0X", "0x");
    // Digits that are cut by a capital x are others; every other change of case is none.
    if !text.contains("0X") {
        assert_eq!(first, read(&mut ChainDecoder::default(), &shouted), "case matters on {text:?}");
    }
}

/// Counts what a feed said.
#[derive(Debug, Default)]
struct Count {
    malformed: u64,
}

impl Sink for Count {
    fn book_changed(&mut self, _: BookId, book: &Book, stamp: Stamp) {
        assert_eq!(book.stamp(), stamp, "the stamp is the book's");
    }

    fn notice(&mut self, notice: Notice<'_>) {
        self.malformed += u64::from(matches!(notice, Notice::Malformed(_)));
    }
}

fn listings(kind: VenueKind) -> Vec<Listing> {
    let grid = Price::from_pips(10).and_then(|step| Grid::uniform(step).ok());
    let Some(grid) = grid else { panic!("a thousandth divides one") };
    let one = |book: u32, at: usize| Listing {
        book: BookId(book),
        native_market: TICKERS[at].to_owned(),
        native_faces: match kind {
            VenueKind::Polymarket => Some(TOKENS[at].map(str::to_owned)),
            VenueKind::Kalshi => None,
        },
        min_qty: Qty::ZERO,
        ..Listing::plain(kind, VenueId(0), ConditionId(book), grid)
    };
    vec![one(0, 0), one(1, 1)]
}

/// Everything that a reader of a feed's books can see.
type Shown = Vec<(BookStatus, Vec<(Side, Tick, Qty)>)>;

fn shown(feed: &Feed) -> Shown {
    let levels = |book: &Book| {
        [Side::Buy, Side::Sell]
            .into_iter()
            .flat_map(|side| book.ladder(side).iter().map(move |(tick, qty)| (side, tick, qty)))
            .collect()
    };
    feed.books().map(|(_, book)| (book.status(), levels(book))).collect()
}

/// Payloads, one a line: feeds agree whatever decodes first, and a payload that cannot be read is
/// named and changes no level.
///
/// # Panics
/// When a law is broken.
pub fn feed(kind: VenueKind, data: &[u8]) {
    let listings = listings(kind);
    let make = |decoder| {
        let config = FeedConfig { decoder, ..FeedConfig::of(kind) };
        match Feed::new(kind, &listings, config) {
            Ok(feed) => (feed, Count::default()),
            Err(error) => panic!("{error}"),
        }
    };
    let mut feeds = [make(DecoderChoice::Fast), make(DecoderChoice::General)];
    for (feed, sink) in &mut feeds {
        feed.on_connect(Nanos::from_secs(1), sink);
    }
    for (at, line) in (2..).zip(data.split(|byte| *byte == b'\n')) {
        let (mut room, mut seen) = (PayloadBuf::default(), Vec::new());
        for (feed, sink) in &mut feeds {
            let before = (shown(feed), feed.counters().decode_errors);
            feed.on_payload(line, &mut room, Nanos::from_secs(at), sink);
            if feed.counters().decode_errors > before.1 {
                check_refusal(&before.0, feed, sink);
            }
            while feed.next_command().is_some() {}
            let mut counters = feed.counters().clone();
            (counters.fast_hits, counters.general_hits) = (0, 0);
            seen.push((shown(feed), counters));
        }
        assert_eq!(
            seen.first(),
            seen.last(),
            "feeds differ on {:?}",
            String::from_utf8_lossy(line)
        );
    }
}

/// A refused payload is named, and no level of any book has moved.
fn check_refusal(before: &Shown, feed: &Feed, sink: &Count) {
    assert_eq!(sink.malformed, feed.counters().decode_errors, "each refusal is named");
    for ((_, before), (_, after)) in before.iter().zip(shown(feed)) {
        assert_eq!(*before, after, "a refused payload moved a level");
    }
}
