//! Decode of each hot message kind, and the id look-up, against general parsers in the same run.
//!
//! `cargo bench -p dutchbook-benches --bench decode`; with `-- table` only the tables of paired
//! ratios are printed. All candidates of a row read the same bytes and fill the same batch, ids
//! looked up in the same table; that they agree is asserted before anything is timed.
#![expect(clippy::disallowed_types, reason = "a bench names the standard map as a baseline")]

#[path = "decode/rivals.rs"]
mod rivals;
#[path = "decode/tape.rs"]
mod tape;

use core::hash::{BuildHasherDefault, Hasher};
use core::hint::black_box;
use std::collections::HashMap;
use std::time::Duration;

use criterion::Criterion;
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::fast::{KalshiDecoder, PolymarketDecoder};
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::payload::{Payload, PayloadBuf};
use rivals::{SerdeJson, SonicRs, Typed};
use support::messages::{self, Listed};
use support::{Candidate, Paired, Random, Table, paced, paired};
use tape::TapeParser;

/// Different messages per row: enough that no predictor learns them by heart.
const MESSAGES: usize = 128;
const SEED: u64 = 20_261_001;

type Decode = for<'a> fn(&mut Kit, Payload<'a>, &IdTable, &mut Batch) -> Option<()>;

/// What the candidates keep between messages.
struct Kit {
    polymarket: PolymarketDecoder,
    kalshi: KalshiDecoder,
    tape: TapeParser,
}

impl Kit {
    fn new() -> Self {
        Self {
            polymarket: PolymarketDecoder::detect(),
            kalshi: KalshiDecoder::detect(false),
            tape: TapeParser::default(),
        }
    }
}

/// One row: messages of one kind, and four ways to decode them.
struct Kind {
    name: &'static str,
    messages: Vec<PayloadBuf>,
    ids: IdTable,
    ways: [(&'static str, Decode); 4],
    bars: [(&'static str, f64, f64); 2],
}

const SMALL: [(&str, f64, f64); 2] =
    [("serde_json typed", 8.0, 10.0), ("simd-json tape", 4.0, 5.0)];
const SNAPSHOT: [(&str, f64, f64); 2] =
    [("serde_json typed", 6.0, 8.0), ("simd-json tape", 3.0, 4.0)];

fn ways(ours: Decode, serde: Decode, tape: Decode, sonic: Decode) -> [(&'static str, Decode); 4] {
    [
        ("dutchbook", ours),
        ("serde_json typed", serde),
        ("simd-json tape", tape),
        ("sonic-rs typed", sonic),
    ]
}

fn polymarket(kit: &mut Kit, payload: Payload<'_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    kit.polymarket.decode(payload, ids, batch).then_some(())
}

fn kalshi(kit: &mut Kit, payload: Payload<'_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    kit.kalshi.decode(payload, ids, batch).then_some(())
}

macro_rules! typed {
    ($decode:ident) => {{
        fn way<P: Typed>(
            _: &mut Kit,
            payload: Payload<'_>,
            ids: &IdTable,
            batch: &mut Batch,
        ) -> Option<()> {
            rivals::$decode::<P>(payload.bytes(), ids, batch)
        }
        (way::<SerdeJson> as Decode, way::<SonicRs> as Decode)
    }};
}

macro_rules! kind {
    ($name:expr, $ours:ident, $decode:ident, $listed:expr, $bars:expr, $make:expr) => {{
        let mut random = Random::new(SEED);
        let make = $make;
        let messages = (0..MESSAGES).map(|n| make(&mut random, n)).collect();
        let (serde, sonic) = typed!($decode);
        let tape: Decode = |kit, payload, ids, batch| kit.tape.$decode(payload.bytes(), ids, batch);
        let ways = ways($ours, serde, tape, sonic);
        Kind { name: $name, messages, ids: $listed.table.clone(), ways, bars: $bars }
    }};
}

fn kinds() -> Vec<Kind> {
    let mut random = Random::new(SEED);
    let tokens: Listed = messages::tokens(&mut random, 200);
    let tickers: Listed = messages::tickers(&mut random, 200);
    vec![
        kind!(
            "price_change, 1 change",
            polymarket,
            price_change,
            tokens,
            SMALL,
            |r: &mut Random, _| { messages::price_change(r, &tokens, 1) }
        ),
        kind!(
            "price_change, 2-4 changes",
            polymarket,
            price_change,
            tokens,
            SMALL,
            |r: &mut Random, n| { messages::price_change(r, &tokens, 2 + n % 3) }
        ),
        kind!("book, 40+40 levels", polymarket, book, tokens, SMALL, |r: &mut Random, _| {
            messages::book(r, &tokens, 40)
        }),
        kind!("kalshi delta", kalshi, kalshi_delta, tickers, SMALL, |r: &mut Random, n| {
            messages::kalshi_delta(r, &tickers, n)
        }),
        kind!(
            "kalshi snapshot, 40+40 levels",
            kalshi,
            kalshi_snapshot,
            tickers,
            SNAPSHOT,
            |r: &mut Random, _| { messages::kalshi_snapshot(r, &tickers, 40) }
        ),
    ]
}

impl Kind {
    /// Every way gives the same batch for every message.
    fn check(&self) {
        let mut kit = Kit::new();
        let (mut expected, mut batch) = (Batch::default(), Batch::default());
        for message in &self.messages {
            for (name, decode) in &self.ways {
                let done = decode(&mut kit, message.payload(), &self.ids, &mut batch);
                assert!(done.is_some(), "{}: {name} refused {message:?}", self.name);
                if *name == "dutchbook" {
                    expected.clone_from(&batch);
                }
                assert_eq!(batch, expected, "{}: {name}", self.name);
            }
        }
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let candidate = |(name, decode): &(&'static str, Decode)| {
            let decode = *decode;
            let (mut kit, mut batch) = (Kit::new(), Batch::with_capacity(256));
            Candidate::new(name, move |n| {
                let message = &self.messages[n % MESSAGES];
                let done = decode(&mut kit, black_box(message.payload()), &self.ids, &mut batch);
                black_box(&batch);
                u64::from(done.is_some())
            })
        };
        self.ways.iter().map(candidate).collect()
    }

    fn hot(&self) -> Paired {
        let count = if self.messages[0].payload().len() > 1000 { 64 } else { 512 };
        paired(&mut self.candidates(), 101, count)
    }

    fn paced(&self) -> Paired {
        // What an engine does between two messages: it touches other memory.
        let mut other = vec![0_u64; 64 * 1024];
        paced(&mut self.candidates(), 400, Duration::from_micros(100), || {
            for word in other.iter_mut().step_by(8) {
                *word = word.wrapping_add(1);
            }
        })
    }
}

fn tables() {
    let kinds = kinds();
    let (mut hot, mut paced) = (Table::default(), Table::default());
    for kind in &kinds {
        kind.check();
        hot.row(kind.name, kind.hot(), &kind.bars);
        paced.row(kind.name, kind.paced(), &[]);
    }
    let mut ids = Table::default();
    for count in [200, 10_000, 100_000] {
        ids.row(&format!("{count} ids"), look_up(count), &[]);
    }
    hot.print("decode and id look-up, hot loop (medians of paired ratios)");
    paced.print("decode and id look-up, one message per 100 us (ratios of medians)");
    ids.print("id look-up, hot loop (medians of paired ratios)");
}

/// The baseline maps hold the ids as owned strings, as clients do. The ids that are looked up lie
/// in a stream of their own, as they would in payloads: only the table may be cold.
fn look_up(count: usize) -> Paired {
    let mut random = Random::new(SEED);
    let listed = messages::tokens(&mut random, count);
    let std: HashMap<String, u32> = numbered(&listed.ids).collect();
    let folded: HashMap<String, u32, BuildHasherDefault<Folded>> = numbered(&listed.ids).collect();
    let asked = count.max(4096).next_power_of_two();
    let picked: Vec<&str> = (0..asked).map(|_| listed.ids[random.index(count)].as_str()).collect();
    let stream = picked.concat();
    let mut rest = stream.as_str();
    let mut ids = Vec::with_capacity(asked);
    for id in picked {
        let (id, behind) = rest.split_at(id.len());
        ids.push(id);
        rest = behind;
    }
    let id = |n: usize| black_box(ids[n & (asked - 1)]);
    let mut candidates = [
        Candidate::new("dutchbook", |n| {
            listed.table.get(id(n).as_bytes()).map_or(0, |id| u64::from(id.0))
        }),
        Candidate::new("std HashMap", |n| std.get(id(n)).copied().map_or(0, u64::from)),
        Candidate::new("HashMap, folded hash", |n| folded.get(id(n)).copied().map_or(0, u64::from)),
    ];
    paired(&mut candidates, 61, 2048)
}

/// A fast hash of the whole id, as `hashbrown` with a folding hasher does it.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = u128::from(u64::from_le_bytes(word) ^ self.0);
            let product = word * 0x9E37_79B9_7F4A_7C15;
            self.0 = u64::try_from(product & u128::from(u64::MAX)).unwrap_or(0)
                ^ u64::try_from(product >> 64).unwrap_or(0);
        }
    }
}

fn numbered(ids: &[String]) -> impl Iterator<Item = (String, u32)> + '_ {
    ids.iter().cloned().zip(0_u32..)
}

fn criterion() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .configure_from_args();
    for kind in kinds() {
        kind.check();
        let mut group = criterion.benchmark_group(kind.name);
        for mut candidate in kind.candidates() {
            let mut n = 0_usize;
            group.bench_function(candidate.name(), |bencher| {
                bencher.iter(|| {
                    n = n.wrapping_add(1);
                    candidate.run(n)
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if !arguments.any(|argument| argument == "table") {
        criterion();
    }
    tables();
}
