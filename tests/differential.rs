//! The vector form of the decoders equals the scalar one, and both equal the general decoder where
//! they accept: on every vector, on every recorded message, cut anywhere, with bytes changed.

#![expect(clippy::unwrap_used, reason = "a proof fails by panicking")]

use std::collections::BTreeSet;

use dutchbook_book::InstrumentId;
use dutchbook_book::catalog::VenueKind;
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::fast::{KalshiDecoder, PolymarketDecoder};
use dutchbook_feeds::general::GeneralDecoder;
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::payload::{Payload, PayloadBuf};
use harness::{data, vectors};
use serde_json::Value;

/// Bytes that mean something to a scanner, and some that never should.
const TELLING: [u8; 18] = [
    b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b' ', b'.', b'-', b'0', b'9', b'a', 0, b'\n',
    0x7F, 0xC3,
];

/// A fast decoder of any venue.
type Fast = Box<dyn Fn(Payload<'_>, &IdTable, &mut Batch) -> bool>;
/// One that takes bytes where they lie.
type InPlace = Box<dyn Fn(&[u8], &IdTable, &mut Batch) -> bool>;

/// All decoders of one venue.
struct Decoders {
    fast: Fast,
    scalar: Fast,
    in_place: Vec<InPlace>,
    general: GeneralDecoder,
    ids: IdTable,
    buf: PayloadBuf,
    batches: [Batch; 3],
    accepted: usize,
    accepted_in_place: usize,
    seen: usize,
}

impl Decoders {
    fn new(kind: VenueKind, use_yes_price: bool, ids: IdTable) -> Self {
        let (fast, scalar): (Fast, Fast) = match kind {
            VenueKind::Polymarket => {
                let (fast, scalar) = (PolymarketDecoder::detect(), PolymarketDecoder::scalar());
                (
                    Box::new(move |payload, ids, batch| fast.decode(payload, ids, batch)),
                    Box::new(move |payload, ids, batch| scalar.decode(payload, ids, batch)),
                )
            }
            VenueKind::Kalshi => {
                let fast = KalshiDecoder::detect(use_yes_price);
                let scalar = KalshiDecoder::scalar(use_yes_price);
                (
                    Box::new(move |payload, ids, batch| fast.decode(payload, ids, batch)),
                    Box::new(move |payload, ids, batch| scalar.decode(payload, ids, batch)),
                )
            }
        };
        let in_place: Vec<InPlace> = match kind {
            VenueKind::Polymarket => {
                let both = [PolymarketDecoder::detect(), PolymarketDecoder::scalar()];
                let each = both.map(|decoder| -> InPlace {
                    Box::new(move |bytes, ids, batch| decoder.decode_in_place(bytes, ids, batch))
                });
                each.into()
            }
            VenueKind::Kalshi => Vec::new(),
        };
        let general = GeneralDecoder::new(kind, use_yes_price);
        let batches = [Batch::default(), Batch::default(), Batch::default()];
        let buf = PayloadBuf::default();
        let (accepted, accepted_in_place, seen) = (0, 0, 0);
        Self {
            fast,
            scalar,
            in_place,
            general,
            ids,
            buf,
            batches,
            accepted,
            accepted_in_place,
            seen,
        }
    }

    /// Decodes with all three and compares; returns whether the fast ones took the message.
    fn agree(&mut self, bytes: &[u8]) -> bool {
        self.buf.fill(bytes);
        let payload = self.buf.payload();
        let [fast, scalar, general] = &mut self.batches;
        let is_fast = (self.fast)(payload, &self.ids, fast);
        let is_scalar = (self.scalar)(payload, &self.ids, scalar);
        let text = || String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(is_fast, is_scalar, "vector form against scalar: {}", text());
        assert_eq!(fast, scalar, "vector form against scalar: {}", text());
        self.seen += 1;
        if is_fast {
            self.accepted += 1;
            let read = self.general.decode(bytes, &self.ids, general, |_| {});
            assert!(read.is_ok(), "the general decoder refuses, {read:?}: {}", text());
            assert_eq!(fast, general, "fast against general: {}", text());
        } else {
            assert_eq!(*fast, Batch::default(), "refused but not empty: {}", text());
        }
        for in_place in &self.in_place {
            if in_place(bytes, &self.ids, scalar) {
                assert!(is_fast, "taken in place only: {}", text());
                self.accepted_in_place += 1;
                assert_eq!(fast, scalar, "in place against padded: {}", text());
            } else {
                assert_eq!(*scalar, Batch::default(), "refused but not empty: {}", text());
            }
        }
        is_fast
    }

    /// Cut at every length, then every byte replaced by each telling one, and dropped.
    fn agree_on_every_mutation(&mut self, bytes: &[u8]) {
        for len in 0..bytes.len() {
            let is_mine = self.agree(&bytes[..len]);
            let is_only_blank_lost = bytes[len..].trim_ascii().is_empty();
            assert!(!is_mine || is_only_blank_lost, "a cut message was taken");
        }
        let mut mutated = bytes.to_vec();
        for at in 0..bytes.len() {
            for byte in TELLING {
                mutated[at] = byte;
                self.agree(&mutated);
            }
            mutated[at] = bytes[at];
            let dropped = [&bytes[..at], &bytes[at + 1..]].concat();
            self.agree(&dropped);
        }
    }

    /// Two or three random bytes changed, many times over.
    fn agree_on_random_mutations(&mut self, bytes: &[u8], rounds: usize, random: &mut Random) {
        for _ in 0..rounds {
            let mut mutated = bytes.to_vec();
            for _ in 0..2 + random.below(2) {
                let at = random.below(mutated.len());
                mutated[at] = match random.below(3) {
                    0 => u8::try_from(random.below(256)).unwrap(),
                    1 => TELLING[random.below(TELLING.len())],
                    _ => mutated[random.below(bytes.len())],
                };
            }
            self.agree(&mutated);
        }
    }
}

/// A seeded generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// Lists every second id that the messages name under `key`, so that unknown ones occur too.
fn table_of(messages: &[Vec<u8>], key: &str) -> IdTable {
    let mut ids = BTreeSet::new();
    for message in messages {
        collect(serde_json::from_slice(message).unwrap_or_default(), key, &mut ids);
    }
    let mut table = IdTable::default();
    for (n, id) in (0_u32..).zip(ids).step_by(2) {
        table.insert(id.as_bytes(), InstrumentId(n)).unwrap();
    }
    table
}

fn collect(value: Value, key: &str, ids: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, key, ids)),
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(id) if name == key => drop(ids.insert(id.to_owned())),
                    _ => collect(value, key, ids),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The wire texts of a vector file.
fn wires(venue: &str, file: &str, key: &str) -> Vec<Vec<u8>> {
    let Some(file) = vectors::load(venue, file) else { return Vec::new() };
    let texts = vectors::list(&file, "cases").iter().filter_map(|case| case.get(key)?.as_str());
    texts.map(|text| text.as_bytes().to_vec()).collect()
}

fn polymarket_messages() -> Vec<Vec<u8>> {
    let mut messages = wires("polymarket", "ws_messages", "raw");
    for folder in ["polymarket/ws", "polymarket/messages", "polymarket/messages/nautilus"] {
        messages.extend(data::payloads(folder));
    }
    messages.extend(composed::POLYMARKET.map(|text| text.as_bytes().to_vec()));
    messages
}

fn kalshi_messages() -> Vec<Vec<u8>> {
    let mut messages = wires("kalshi", "ws_frames", "wire");
    messages.extend(data::payloads("kalshi/ws"));
    messages.extend(composed::KALSHI.map(|text| text.as_bytes().to_vec()));
    messages
}

#[test]
fn polymarket_as_recorded_and_changed() {
    let messages = polymarket_messages();
    let ids = table_of(&messages, "asset_id");
    let mut decoders = Decoders::new(VenueKind::Polymarket, false, ids);
    let mut random = Random(0x5EED_0010);
    println!("seed 0x5EED_0010");
    let taken = messages.iter().filter(|message| decoders.agree(message)).count();
    println!("unchanged: {} messages, {taken} taken by the fast path", messages.len());
    for message in &messages {
        let rounds = if message.len() < 4000 { 12 } else { 2 };
        if !message.is_empty() {
            decoders.agree_on_random_mutations(message, rounds, &mut random);
        }
    }
    println!("{} payloads, {} taken by the fast path", decoders.seen, decoders.accepted);
}

#[test]
fn kalshi_as_recorded_and_changed() {
    let messages = kalshi_messages();
    let ids = table_of(&messages, "market_ticker");
    for use_yes_price in [false, true] {
        let mut decoders = Decoders::new(VenueKind::Kalshi, use_yes_price, ids.clone());
        let mut random = Random(0x5EED_0011);
        println!("seed 0x5EED_0011");
        let taken = messages.iter().filter(|message| decoders.agree(message)).count();
        println!("unchanged: {} messages, {taken} taken by the fast path", messages.len());
        for message in &messages {
            decoders.agree_on_random_mutations(message, 6, &mut random);
        }
        println!("{} payloads, {} taken by the fast path", decoders.seen, decoders.accepted);
    }
}

#[test]
fn every_mutation_of_a_few_messages() {
    let messages = composed::POLYMARKET.map(|text| text.as_bytes().to_vec());
    let ids = table_of(&messages, "asset_id");
    let mut decoders = Decoders::new(VenueKind::Polymarket, false, ids);
    messages.iter().for_each(|message| decoders.agree_on_every_mutation(message));
    let messages = composed::KALSHI.map(|text| text.as_bytes().to_vec());
    let ids = table_of(&messages, "market_ticker");
    let mut decoders = Decoders::new(VenueKind::Kalshi, false, ids);
    messages.iter().for_each(|message| decoders.agree_on_every_mutation(message));
}

#[test]
fn the_composed_messages_are_the_fast_paths() {
    let mut decoders = Decoders::new(VenueKind::Polymarket, false, IdTable::default());
    for message in composed::POLYMARKET {
        assert!(decoders.agree(message.as_bytes()), "{message}");
    }
    let ways = decoders.in_place.len();
    assert_eq!(decoders.accepted_in_place, ways * composed::POLYMARKET_IN_PLACE, "taken in place");
    let mut decoders = Decoders::new(VenueKind::Kalshi, false, IdTable::default());
    for message in composed::KALSHI {
        assert!(decoders.agree(message.as_bytes()), "{message}");
    }
}

#[path = "differential/composed.rs"]
mod composed;
