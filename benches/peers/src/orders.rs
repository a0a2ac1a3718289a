//! From an intent to the bytes of a signed request: each of our ways, alloy's signer, and what the
//! published clients do.
//!
//! Ours goes from price and size to a whole HTTP request: amounts, hashes, signature, JSON body,
//! HMAC over the body, head. alloy's way does the same with general parts, as a bot on alloy would.
//! The published clients are timed up to what their interfaces give out, always less: the official
//! one and nautilus to the JSON body without the HMAC, polyfill-rs to body and header fields. Beside
//! the single orders stands the whole desk of the engine, which also follows what it sends.

pub(crate) mod alloy;
pub(crate) mod desk;
pub(crate) mod kalshi;
pub(crate) mod ours;
#[cfg(feature = "clients")]
pub(crate) mod published;

use core::cell::RefCell;
use core::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::clients::OURS;
use crate::rounds::{Row, paired};
use alloy::Alloy;
use ours::{Desk, Signing};

/// The account's key and its API secret: of nobody, made for this bench.
pub(crate) const KEY: [u8; 32] = [9; 32];
pub(crate) const SECRET: [u8; 32] = [3; 32];
pub(crate) const API_KEY: &str = "00000000-0000-0000-0000-000000000001";
pub(crate) const PASSPHRASE: &str = "passphrase";
pub(crate) const TOKEN: &str =
    "71321045679252212594626385532706912750332728571942532289631379312455583992563";
pub(crate) const UNIX_MS: u64 = 1_790_000_000_500;

const ROUNDS: usize = 61;
const COUNT: usize = 32;
const SAMPLES: usize = 4_000;

/// What is wanted of the `n`-th order: a buy at a price in cents, so many contracts.
pub(crate) struct Wanted {
    pub(crate) cents: u32,
    pub(crate) contracts: u64,
}

pub(crate) fn wanted(n: usize) -> Wanted {
    let n = n as u64;
    Wanted { cents: 20 + u32::try_from(n % 60).expect("small"), contracts: 5 + n % 90 }
}

/// One way from an intent to bytes.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Makes ready for so many orders; not timed.
    pub(crate) ready: Box<dyn FnMut(usize)>,
    /// Does the `n`-th order; the length of what came out.
    pub(crate) order: Box<dyn FnMut(usize) -> usize>,
}

fn exec(name: &'static str, signing: Signing) -> Way {
    let mut desk = Desk::new(signing);
    desk.check();
    let desk = Rc::new(RefCell::new(desk));
    let other = Rc::clone(&desk);
    Way {
        name,
        ready: Box::new(move |count| other.borrow_mut().make_ready(count)),
        order: Box::new(move |n| desk.borrow_mut().order(n)),
    }
}

/// alloy's signer and the published clients, each checked to sign what we sign.
fn peers() -> Vec<Way> {
    #[cfg(feature = "clients")]
    let published = published::ways();
    #[cfg(not(feature = "clients"))]
    let published = [];
    [Alloy::way()].into_iter().chain(published).collect()
}

/// The row of the table: ours as the engine signs by default, with a nonce that another thread has
/// made.
pub(crate) fn row(name: &'static str) -> Row {
    let mut ways = vec![exec(OURS, Signing::Prepared)];
    ways.extend(peers());
    hot(name, &mut ways)
}

/// Our other ways against the same peers.
pub(crate) fn more_rows() -> Vec<Row> {
    let kinds = [
        ("order_signed, deterministic", Signing::Deterministic),
        ("order_signed, pre-signed ladder", Signing::Ladder),
    ];
    let rows = kinds.map(|(name, signing)| {
        let mut ways = vec![exec(OURS, signing)];
        ways.extend(peers());
        hot(name, &mut ways)
    });
    rows.into()
}

fn hot(name: &'static str, ways: &mut [Way]) -> Row {
    let names: Vec<_> = ways.iter().map(|way| way.name).collect();
    let mut number = 0;
    paired(name, &names, ROUNDS, COUNT, |took| {
        number += 1;
        for turn in 0..names.len() {
            let candidate = (turn + number) % names.len();
            let way = &mut ways[candidate];
            (way.ready)(COUNT);
            let start = Instant::now();
            for n in number * COUNT..(number + 1) * COUNT {
                black_box((way.order)(n));
            }
            took(candidate, start.elapsed());
        }
    })
}

/// Percentiles of single orders in nanoseconds: p50, p90, p99, p99.9.
pub(crate) struct Percentiles {
    pub(crate) name: &'static str,
    pub(crate) ns: [u64; 4],
}

/// Single orders, all ways in turn, in one run: Polymarket's and, behind them, Kalshi's.
pub(crate) fn percentiles() -> Vec<Percentiles> {
    let mut ways = vec![
        exec("dutchbook, pre-signed ladder", Signing::Ladder),
        exec("dutchbook, prepared nonce", Signing::Prepared),
        exec("dutchbook, deterministic", Signing::Deterministic),
        desk::way("dutchbook, whole desk, prepared nonce", true),
        desk::way("dutchbook, whole desk, deterministic", false),
    ];
    ways.extend(peers());
    let mut all = singles(&mut ways, SAMPLES);
    all.extend(singles(&mut kalshi::ways(), SAMPLES / 2));
    all
}

fn singles(ways: &mut [Way], samples: usize) -> Vec<Percentiles> {
    let histogram = || Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).expect("bounds");
    let mut times: Vec<_> = ways.iter().map(|_| histogram()).collect();
    for n in 0..samples {
        for (way, times) in ways.iter_mut().zip(&mut times) {
            (way.ready)(1);
            let start = Instant::now();
            black_box((way.order)(n));
            let taken = start.elapsed();
            times.saturating_record(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX));
        }
    }
    let shares = [0.5, 0.9, 0.99, 0.999];
    let rows = ways.iter().zip(&times).map(|(way, times)| Percentiles {
        name: way.name,
        ns: shares.map(|share| times.value_at_quantile(share)),
    });
    rows.collect()
}
