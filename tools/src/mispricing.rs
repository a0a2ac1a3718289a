//! `dutchbook flow`: how large the mispricings of the simulated flow are and how long they live,
//! beside those of recorded pair tapes.
//!
//! The simulated venues trade alone, in simulated time, and are looked at as a recorder of tapes
//! looks at real ones: best prices and sizes of both venues every few seconds. What gains after fees
//! at such a look is alive until a look at which it does not. Tapes go through `replay`, whose lives
//! are the same ones.

use std::path::PathBuf;

use clap::Args;
use dutchbook_book::grid::GridError;
use dutchbook_book::{Face, Level, Nanos, Side};
use dutchbook_core::eval::sweep::Scratch;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::cli;
use crate::replay::evaluate;
use crate::replay::lives::{Life, Lives};
use crate::replay::{self, Options};
use crate::sim::flow::{Basket, FlowConfig, FlowError, Pace, baskets};
use crate::sim::{FaultPlan, Scenario, SimVenues};

/// Options of the measurement.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook flow --seconds 3600 --tapes recordings/pairs_tape\n\nPrints, per kind of basket, \
                        how many mispricings there were, their net edge per contract and how long they lived."
)]
pub struct FlowArgs {
    /// How long the venues trade, in seconds of simulated time.
    #[arg(long, default_value_t = 900, allow_negative_numbers = true, value_parser = cli::seconds)]
    pub seconds: u64,
    /// Seed of the first run.
    #[arg(long, default_value_t = 1, allow_negative_numbers = true, value_parser = cli::seed)]
    pub seed: u64,
    /// Runs, each with the next seed.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub runs: u64,
    /// Time between two looks, in milliseconds.
    #[arg(long, default_value_t = 3_100, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub every_ms: u64,
    /// Parameters of the flow (TOML) that differ from the demo's.
    #[arg(long, value_name = "FILE")]
    pub flow_file: Option<PathBuf>,
    /// Pair tapes, or folders of them, to set beside it.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub tapes: Vec<PathBuf>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The parameters cannot be used.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The scenario's grids are none.
    #[error("the scenario has a bad price grid: {0}")]
    Scenario(#[from] GridError),
    /// A tape cannot be replayed.
    #[error("{0}")]
    Tape(String),
}

/// One mispricing.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// Net edge per contract at its best, in thousandths of a cent.
    edge: u64,
    /// In milliseconds.
    life: u64,
    /// Contracts at its best.
    size: u64,
}

/// The mispricings of one kind in one source.
#[derive(Clone, Debug)]
struct Row {
    source: String,
    kind: String,
    rounds: u64,
    rounds_net: u64,
    found: Vec<Found>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured(Vec<Row>);

/// When simulated time starts: 22 November 2026, 12:00 UTC.
const START: Nanos = Nanos::from_secs(1_795_348_800);
/// The demo's game is decided long after the end.
const NEVER: Nanos = Nanos::from_secs(1 << 30);

/// Measures the flow and the tapes.
///
/// # Errors
/// When the parameters or a tape cannot be used.
pub fn run(args: &FlowArgs) -> Result<Measured, MeasureError> {
    let config = FlowConfig::of(Pace::Calm).with_file(args.flow_file.as_deref())?;
    let mut rows = tapes(args)?;
    let mut own: Vec<Row> = Vec::new();
    for run in 0..args.runs {
        simulate(args, config, args.seed.saturating_add(run), &mut own)?;
    }
    rows.append(&mut own);
    Ok(Measured(rows))
}

/// One run of the venues, looked at now and then.
fn simulate(
    args: &FlowArgs,
    config: FlowConfig,
    seed: u64,
    rows: &mut Vec<Row>,
) -> Result<(), MeasureError> {
    let scenario = Scenario::demo(seed, NEVER)?;
    let mut venues = SimVenues::new(scenario, config, FaultPlan::default(), seed, START)?;
    let watched = baskets(venues.scenario());
    let (mut lives, mut scratch) = (Lives::default(), Scratch::default());
    let looks = args.seconds.saturating_mul(1_000).div_euclid(args.every_ms);
    for look in 1..=looks {
        let now = START.plus(Nanos::from_millis(look.saturating_mul(args.every_ms)));
        venues.step(now);
        for (index, basket) in watched.iter().enumerate() {
            let net = look_at(&venues, basket, &mut scratch);
            let row = row_of(rows, "simulated", basket.kind);
            row.rounds += 1;
            row.rounds_net += u64::from(net.is_some());
            lives.observe_net(basket.kind, &index.to_string(), net, now);
        }
    }
    for life in lives.finish() {
        let found = found_of(&life);
        row_of(rows, "simulated", life.kind).found.push(found);
    }
    Ok(())
}

/// What a basket gains at the best prices.
fn look_at(
    venues: &SimVenues,
    basket: &Basket,
    scratch: &mut Scratch,
) -> Option<crate::replay::lives::Net> {
    let mut dollars = basket.payoff.div_euclid(1_000_000);
    let mut best: Vec<[Level; 1]> = Vec::with_capacity(basket.legs.len());
    for (book, side) in &basket.legs {
        // A sale of YES is a purchase of NO, which pays a dollar more.
        let face = if *side == Side::Buy { Face::Yes } else { Face::No };
        dollars += i64::from(*side == Side::Sell);
        best.push([*venues.levels(*book, face, Side::Sell).last()?]);
    }
    let legs = basket.legs.iter().zip(&best).filter_map(|((book, _), level)| {
        let listing = venues.scenario().catalog.listing(*book)?;
        Some(evaluate::purchase(level, listing.fee, listing.kind))
    });
    let legs: Vec<_> = legs.collect();
    evaluate::basket(&legs, u32::try_from(dollars).ok()?, scratch)
}

fn row_of<'a>(rows: &'a mut Vec<Row>, source: &str, kind: &str) -> &'a mut Row {
    let at = rows.iter().position(|row| row.source == source && row.kind == kind);
    let at = at.unwrap_or_else(|| {
        let (source, kind) = (source.to_owned(), kind.to_owned());
        rows.push(Row { source, kind, rounds: 0, rounds_net: 0, found: Vec::new() });
        rows.len() - 1
    });
    &mut rows[at]
}

fn found_of(life: &Life) -> Found {
    let size = i128::from(life.best.size.micro()).max(1);
    // 1e-12 $ for 1e-6 contracts, in 1e-5 $ a contract.
    let edge = life.best.edge.pico().saturating_mul(1_000_000).div_euclid(size);
    Found {
        edge: u64::try_from(edge.div_euclid(10_000_000)).unwrap_or(0),
        life: life.died.since(life.born).millis(),
        size: life.best.size.micro().div_euclid(1_000_000),
    }
}

/// The lives of each tape; a file of another format is left out.
fn tapes(args: &FlowArgs) -> Result<Vec<Row>, MeasureError> {
    if args.tapes.is_empty() {
        return Ok(Vec::new());
    }
    let outcome = replay::run(&args.tapes, &Options::default());
    let mut rows = Vec::new();
    for file in &outcome.json {
        let Some(lives) = file["opportunities"].as_array() else { continue };
        let Some(rounds) = file["rounds"].as_u64() else { continue };
        let name = file["file"].as_str().unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or(name);
        let source = name.split('.').next().unwrap_or(name);
        let row = row_of(&mut rows, source, "cross_venue");
        // Two directions per round and pair, as there are two baskets of a pairing.
        row.rounds = rounds.saturating_mul(2);
        row.rounds_net = file["rounds_net"].as_u64().unwrap_or(0);
        row.found = lives.iter().filter_map(recorded).collect();
    }
    if rows.is_empty() {
        let said = outcome.errors.into_iter().next();
        return Err(MeasureError::Tape(said.unwrap_or_else(|| "no pair tape is there".to_owned())));
    }
    Ok(rows)
}

/// A life as `replay --json` prints it.
fn recorded(life: &Value) -> Option<Found> {
    let number = |key: &str| life[key].as_str()?.parse::<Decimal>().ok();
    let (size, edge) = (number("size")?, number("net_edge")?);
    let per_contract = edge.checked_div(size)?.checked_mul(Decimal::from(100_000))?;
    let died = life["died_ns"].as_u64()?;
    Some(Found {
        edge: u64::try_from(per_contract.trunc()).ok()?,
        life: died.saturating_sub(life["born_ns"].as_u64()?).div_euclid(1_000_000),
        size: u64::try_from(size.trunc()).ok()?,
    })
}

/// The tenth, the middle, the ninth tenth and the largest of some numbers.
fn quantiles(mut list: Vec<u64>) -> Option<[u64; 4]> {
    list.sort_unstable();
    let at = |tenths: usize| {
        let index = list.len().saturating_mul(tenths).div_euclid(10);
        list.get(index.min(list.len().saturating_sub(1))).copied()
    };
    Some([at(1)?, at(5)?, at(9)?, at(10)?])
}

/// Thousandths as a decimal number.
fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value.div_euclid(1_000), value.rem_euclid(1_000))
}

impl Row {
    fn quantiles(&self, of: impl Fn(&Found) -> u64) -> Option<[u64; 4]> {
        quantiles(self.found.iter().map(of).collect())
    }

    fn json(&self) -> Value {
        let named = |of: Option<[u64; 4]>, as_decimal: bool| {
            let show = |value| if as_decimal { json!(thousandths(value)) } else { json!(value) };
            of.map(|[p10, p50, p90, max]| {
                json!({"p10": show(p10), "p50": show(p50), "p90": show(p90), "max": show(max)})
            })
        };
        json!({
            "source": self.source,
            "kind": self.kind,
            "looks": self.rounds,
            "looks_net": self.rounds_net,
            "mispricings": self.found.len(),
            "net_cents": named(self.quantiles(|found| found.edge), true),
            "life_s": named(self.quantiles(|found| found.life), true),
            "contracts": named(self.quantiles(|found| found.size), false),
        })
    }

    fn line(&self) -> String {
        let three = |of: Option<[u64; 4]>, show: fn(u64) -> String| {
            of.map_or_else(
                || "-".to_owned(),
                |[p10, p50, p90, max]| {
                    format!("{} {} {} {}", show(p10), show(p50), show(p90), show(max))
                },
            )
        };
        let share = self.rounds_net.saturating_mul(1_000).checked_div(self.rounds).unwrap_or(0);
        format!(
            "{:<34} {:<12} {:>6} {:>4}.{} %   {:<25}  {:<32}  {}",
            self.source,
            self.kind,
            self.found.len(),
            share.div_euclid(10),
            share.rem_euclid(10),
            three(self.quantiles(|found| found.edge), cents),
            three(self.quantiles(|found| found.life), seconds),
            three(self.quantiles(|found| found.size), |size| size.to_string()),
        )
    }
}

fn cents(edge: u64) -> String {
    format!("{}.{:02}", edge.div_euclid(1_000), edge.rem_euclid(1_000).div_euclid(10))
}

fn seconds(life: u64) -> String {
    format!("{}.{}", life.div_euclid(1_000), life.rem_euclid(1_000).div_euclid(100))
}

impl Measured {
    /// The measurement as one object.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "rows": self.0.iter().map(Row::json).collect::<Vec<_>>() })
    }

    /// The measurement as a table.
    #[must_use]
    pub fn text(&self) -> String {
        let mut page = format!(
            "{:<34} {:<12} {:>6} {:>8}   {:<25}  {:<32}  {}\n",
            "source",
            "basket",
            "count",
            "of looks",
            "net cents p10 50 90 max",
            "life, s, p10 50 90 max",
            "contracts p10 50 90 max"
        );
        for row in &self.0 {
            page.push_str(&row.line());
            page.push('\n');
        }
        page
    }
}
