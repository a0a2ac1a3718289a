//! What the benches share: realistic messages from a seed, and ratios that survive a noisy machine.
//!
//! Clock speed and placement drift by half within seconds on a shared machine, so no figure here is
//! compared across runs: all candidates of a row run interleaved in one process, a ratio is taken
//! round by round, and the median of the rounds is reported.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "ratios of times, printed as a table"
)]

use core::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

pub mod messages;

/// A seeded generator (xorshift64*), the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds give equal streams.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next 64 bits.
    #[must_use]
    pub const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound` (which is not zero).
    #[must_use]
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// An index below `bound`.
    #[must_use]
    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}

/// One way to do a row's work. The call with number `n` does the `n`-th piece of it.
pub struct Candidate<'a> {
    name: &'static str,
    run: Box<dyn FnMut(usize) -> u64 + 'a>,
}

impl core::fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Candidate").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Candidate<'a> {
    /// A candidate; what `run` returns is only kept from being optimised away.
    pub fn new(name: &'static str, run: impl FnMut(usize) -> u64 + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Does the `n`-th piece of work.
    pub fn run(&mut self, n: usize) -> u64 {
        (self.run)(n)
    }

    /// Does `count` pieces of work from the `from`-th on and returns the time they took.
    fn time(&mut self, from: usize, count: usize) -> Duration {
        let start = now();
        for n in from..from.wrapping_add(count) {
            black_box((self.run)(n));
        }
        start.elapsed()
    }
}

/// What a row measured: the first candidate's time, and how many times longer each other one took.
#[derive(Clone, Debug)]
pub struct Paired {
    /// Median time of the first candidate.
    pub ours_ns: f64,
    /// Median of the paired ratios to the first candidate.
    pub ratios: Vec<(&'static str, f64)>,
}

/// Times all candidates in a hot loop: in each round each does `count` pieces of work, in rotating
/// order; a ratio is taken per round, the median of `rounds` is returned. The first is ours.
pub fn paired(candidates: &mut [Candidate<'_>], rounds: usize, count: usize) -> Paired {
    let mut times: Vec<Vec<f64>> = vec![Vec::with_capacity(rounds); candidates.len()];
    for round in 0..rounds.saturating_add(2) {
        for turn in 0..candidates.len() {
            let index = (turn + round) % candidates.len();
            let taken = candidates[index].time(round.wrapping_mul(count), count);
            // The first rounds warm up.
            if round >= 2 {
                times[index].push(taken.as_nanos() as f64 / count as f64);
            }
        }
    }
    let ratios = candidates.iter().zip(&times).skip(1).map(|(candidate, theirs)| {
        let by_round = theirs.iter().zip(&times[0]).map(|(theirs, ours)| theirs / ours);
        (candidate.name, median(by_round.collect()))
    });
    Paired { ratios: ratios.collect(), ours_ns: median(times[0].clone()) }
}

/// Times single pieces of work, one per `every`, candidates in turn, with `between` done before
/// each: nothing is hot but what stays hot at that pace. The time of an empty measurement is taken
/// off.
pub fn paced(
    candidates: &mut [Candidate<'_>],
    samples: usize,
    every: Duration,
    mut between: impl FnMut(),
) -> Paired {
    let empty = median((0..1000).map(|_| now().elapsed().as_nanos() as f64).collect());
    let mut times: Vec<Vec<f64>> = vec![Vec::with_capacity(samples); candidates.len()];
    let mut due = now();
    for sample in 0..samples {
        for turn in 0..candidates.len() {
            between();
            due += every;
            while now() < due {
                spin_loop();
            }
            let index = (turn + sample) % candidates.len();
            let taken = candidates[index].time(sample, 1).as_nanos() as f64;
            times[index].push((taken - empty).max(1.0));
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let ratios = candidates.iter().zip(&medians).skip(1);
    Paired {
        ratios: ratios.map(|(candidate, theirs)| (candidate.name, theirs / medians[0])).collect(),
        ours_ns: medians[0],
    }
}

/// The middle of the values, zero where there are none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench reads time; the engine's clock is timed too"
)]
fn now() -> Instant {
    Instant::now()
}

/// A row of the table.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    paired: Paired,
    /// Per baseline: what the ratio must be, and what we aim at.
    bars: Vec<(&'static str, f64, f64)>,
}

/// Rows of paired ratios, printed beside their bars.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a row; `bars` holds (baseline, must, aim) for those baselines that have them.
    pub fn row(&mut self, name: &str, paired: Paired, bars: &[(&'static str, f64, f64)]) {
        self.rows.push(Row { name: name.to_owned(), paired, bars: bars.to_vec() });
    }

    /// Prints the table under a title, one line per row and baseline.
    pub fn print(&self, title: &str) {
        println!("\n{title}");
        println!(
            "{:<34} {:>9}  {:<22} {:>7} {:>6} {:>6}",
            "row", "ours ns", "baseline", "ratio", "must", "aim"
        );
        for row in &self.rows {
            for (baseline, ratio) in &row.paired.ratios {
                let bar = row.bars.iter().find(|bar| bar.0 == *baseline);
                let (must, aim, verdict) = match bar {
                    Some((_, must, aim)) => (
                        format!("{must:.1}"),
                        format!("{aim:.1}"),
                        if ratio >= must { "" } else { "  below" },
                    ),
                    None => (String::new(), String::new(), ""),
                };
                println!(
                    "{:<34} {:>9.1}  {baseline:<22} {ratio:>7.2} {must:>6} {aim:>6}{verdict}",
                    row.name, row.paired.ours_ns
                );
            }
        }
    }
}
