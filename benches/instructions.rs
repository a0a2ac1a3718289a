//! The hot ways as single jobs whose instructions can be counted: `benches/callgrind.sh` runs each
//! under callgrind and prints the table. A count does not depend on neighbours, clock speed or
//! placement: it is the same on every run of one binary, where a time differs by half.
//!
//! A count is no time either: it knows no cache and no predictor, and valgrind shows the program a
//! processor with AVX2 but without AVX-512.
//!
//! `instructions list` prints what there is, one `row<tab>way` a line; `instructions ROW WAY` does a
//! job and prints how many pieces of work it was. Only [`count_instructions_of`] is to be counted.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_types,
    reason = "a bench prints, stops where something is wrong, and names the usual maps as baselines"
)]

#[path = "instructions/books.rs"]
mod books;
#[path = "pipeline/market.rs"]
mod market;
#[path = "pipeline/naive.rs"]
mod naive;
#[path = "instructions/orders.rs"]
mod orders;
#[path = "decode/rivals.rs"]
mod rivals;
#[path = "instructions/tile.rs"]
mod tile;

use core::hint::black_box;
use std::process::ExitCode;

/// As in the binary.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pieces of work that are counted together.
const PIECES: usize = 1_024;

/// A job made ready: its call with `n` does the `n`-th piece of work.
type Job = Box<dyn FnMut(usize)>;

/// What a row is called, who does it, and how the job is made.
type Way = (&'static str, &'static str, fn() -> Job);

const OURS: &str = "dutchbook";
const SERDE: &str = "serde_json typed";
const NAIVE: &str = "serde_json, BTreeMap, rust_decimal";

const WAYS: [Way; 20] = [
    ("decode price_change, 1 change", OURS, books::price_change),
    ("decode price_change, 1 change", SERDE, books::price_change_by_serde),
    ("decode price_change, 1 change", "sonic-rs typed", books::price_change_by_sonic),
    ("decode book, 40 + 40 levels", OURS, books::book),
    ("decode book, 40 + 40 levels", SERDE, books::book_by_serde),
    ("decode Kalshi delta", OURS, books::kalshi_delta),
    ("decode Kalshi delta", SERDE, books::kalshi_delta_by_serde),
    ("decode Kalshi snapshot, 40 + 40 levels", OURS, books::kalshi_snapshot),
    ("decode Kalshi snapshot, 40 + 40 levels", SERDE, books::kalshi_snapshot_by_serde),
    ("id look-up, 10,000 ids", OURS, books::look_up),
    ("id look-up, 10,000 ids", "std HashMap", books::look_up_by_map),
    ("changed level and best", OURS, books::changed_level),
    ("changed level and best", "BTreeMap", books::changed_level_by_map),
    ("payload to decision, one tile", OURS, tile::payload_to_decision),
    ("payload to decision, one tile", NAIVE, tile::payload_to_decision_naively),
    ("order to request bytes", "dutchbook, pre-signed ladder", orders::from_ladder),
    ("order to request bytes", "dutchbook, prepared nonce", orders::prepared),
    ("order to request bytes", "dutchbook, deterministic", orders::deterministic),
    ("Kalshi order to request bytes", "dutchbook, fresh stamp", orders::kalshi_fresh),
    ("Kalshi order to request bytes", "dutchbook, Ed25519 online", orders::kalshi_online),
];

/// What callgrind counts: its entry and exit switch the count on and off.
#[inline(never)]
fn count_instructions_of(job: &mut dyn FnMut(usize)) {
    for n in 0..PIECES {
        job(black_box(n));
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [row, way] => {
            let Some((_, _, make)) = WAYS.iter().find(|each| each.0 == row && each.1 == way) else {
                eprintln!("no job is called {row:?} by {way:?}; `instructions list` names them");
                return ExitCode::from(2);
            };
            let mut job = make();
            count_instructions_of(&mut job);
            println!("{PIECES}");
        }
        [list] if list == "list" => WAYS.iter().for_each(|(row, way, _)| println!("{row}\t{way}")),
        _ => println!("jobs for callgrind: run benches/callgrind.sh, which counts and prints them"),
    }
    ExitCode::SUCCESS
}
