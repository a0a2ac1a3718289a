//! The laws of `harness::fuzz` under a seeded mutator, for machines without cargo-fuzz.
//!
//! `DUTCHBOOK_FUZZ_SEED` and `DUTCHBOOK_FUZZ_ROUNDS` change the seed and the number of rounds; a
//! failure prints both.

#![cfg(test)]

use std::path::PathBuf;

use dutchbook_book::catalog::VenueKind;
use harness::fuzz;

/// A small generator; its numbers are the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() % 256).unwrap()
    }
}

/// Bytes that decoders care about.
const MARKS: &[u8] = b"{}[]\",:0123456789.-+eE\\ \n\x00\x7f\xff";

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(3) {
        let at = random.below(data.len());
        match random.below(9) {
            0 => data.truncate(at),
            1 if !data.is_empty() => data[at] = random.byte(),
            2 if !data.is_empty() => data[at] = MARKS[random.below(MARKS.len())],
            3 if !data.is_empty() => data[at] ^= 1 << random.below(8),
            4 => data.insert(at, MARKS[random.below(MARKS.len())]),
            5 if !data.is_empty() => drop(data.remove(at)),
            6 => {
                let end = at + random.below(data.len() - at);
                let copy = data[at..end].to_vec();
                data.splice(at..at, copy);
            }
            7 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            _ => {
                let end = at + random.below(data.len() - at);
                data.drain(at..end);
            }
        }
    }
    data
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a law on the seeds, on every cut and single changed byte of them, and on random mutations.
fn run(target: &str, rounds: u64, law: impl Fn(&[u8])) {
    let seed = setting("DUTCHBOOK_FUZZ_SEED", 0x5eed_0001);
    let rounds = setting("DUTCHBOOK_FUZZ_ROUNDS", rounds);
    println!("mutation {target}: seed {seed}, {rounds} rounds");
    let seeds = seeds(target);
    for data in &seeds {
        law(data);
        for end in 0..data.len() {
            law(&data[..end]);
        }
        let mut changed = data.clone();
        for at in 0..data.len() {
            for byte in [b'"', b'9', b'}', b' ', data[at] ^ 1] {
                changed[at] = byte;
                law(&changed);
            }
            changed[at] = data[at];
        }
    }
    let mut random = Random(seed | 1);
    for _ in 0..rounds {
        law(&mutate(&mut random, &seeds));
    }
}

#[test]
fn numbers() {
    run("number", 50_000, fuzz::number);
}

#[test]
fn polymarket_decoders() {
    run("polymarket", 20_000, fuzz::polymarket);
}

#[test]
fn kalshi_decoders() {
    run("kalshi", 20_000, fuzz::kalshi);
}

#[test]
fn polymarket_feeds() {
    run("feed_polymarket", 3_000, |data| fuzz::feed(VenueKind::Polymarket, data));
}

#[test]
fn kalshi_feeds() {
    run("feed_kalshi", 3_000, |data| fuzz::feed(VenueKind::Kalshi, data));
}

#[test]
fn chain_logs() {
    run("chain", 20_000, fuzz::chain);
}
