//! Kalshi event tapes: polls of one event with the best prices of every outcome.
//!
//! A line is `{event_ticker, captured_at, outcomes: [{ticker, yes_bid, yes_ask, no_bid, no_ask}],
//! completeness_ok?, captured_outcomes?, expected_outcomes?, …}`, or the same with all but
//! `captured_at` under `current`, with prices in dollars; zero and one stand for an empty side. The recorder's own `bracket_sum` is a float and not read: sums are
//! taken from the prices. Where the recorder says that the outcomes are complete, exactly one of
//! them comes true: YES on all of them pays one, NO on all of them pays n − 1.
//!
//! No sizes are recorded: an opportunity is given for one contract of each, with fees unrounded.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{Exact, Nanos, Price, Qty};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ReplayError;
use super::format::Format;
use super::lives::{Lives, Net, Seen};
use super::progress::Progress;
use super::report::{FileReport, Rounds};
use super::source::Lines;
use super::{Options, fees, text};

/// 1e-14 $ in 1e-12 $: what is below is rounded down.
const UNIT_PER_PICO: i64 = 100;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    captured_at: &'a RawValue,
    #[serde(borrow)]
    current: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    event_ticker: Option<&'a RawValue>,
    completeness_ok: Option<bool>,
    captured_outcomes: Option<u64>,
    expected_outcomes: Option<u64>,
    #[serde(borrow)]
    outcomes: Option<Vec<Outcome<'a>>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    ticker: &'a RawValue,
    #[serde(borrow)]
    yes_bid: Option<&'a RawValue>,
    #[serde(borrow)]
    yes_ask: Option<&'a RawValue>,
    #[serde(borrow)]
    no_bid: Option<&'a RawValue>,
    #[serde(borrow)]
    no_ask: Option<&'a RawValue>,
}

/// Best prices of one outcome.
#[derive(Clone, Copy, Debug, Default)]
struct Tops {
    yes_bid: Option<Price>,
    yes_ask: Option<Price>,
    no_bid: Option<Price>,
    no_ask: Option<Price>,
}

impl Tops {
    fn is_crossed(&self) -> bool {
        let meets = |bid: Option<Price>, ask: Option<Price>| match (bid, ask) {
            (Some(bid), Some(ask)) => bid >= ask,
            (None, _) | (_, None) => false,
        };
        meets(self.yes_bid, self.yes_ask) || meets(self.no_bid, self.no_ask)
    }
}

/// What one round shows of one kind of basket.
struct Shown {
    now: Nanos,
    event: u32,
    kind: &'static str,
    seen: Seen,
}

struct Tape<'o> {
    options: &'o Options,
    tickers: BTreeSet<String>,
    rounds: Rounds,
    events: BTreeMap<String, u32>,
    /// What every round shows: recorders append sweep after sweep out of order, and a life is told
    /// in the order of time.
    seen: Vec<Shown>,
    report: FileReport,
}

/// Replays an event tape.
///
/// # Errors
/// When the file cannot be read to its end, or a line has another shape.
pub fn replay(
    lines: &mut Lines,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    let format = Format::KalshiEvents.name();
    let mut tape = Tape {
        options,
        tickers: BTreeSet::new(),
        rounds: Rounds::default(),
        events: BTreeMap::new(),
        seen: Vec::new(),
        report: FileReport { format, ..FileReport::default() },
    };
    let started = progress.now();
    while let Some(line) = lines.next_line()? {
        let taken = tape.take(line);
        let at = lines.line();
        taken.map_err(|reason| ReplayError::BadLine { line: at, format, reason })?;
        progress.tick(lines, tape.report.messages);
    }
    let lives = tape.lives();
    let mut report = tape.report;
    report.engine_ns = progress.now().since(started).0;
    report.books = u64::try_from(tape.tickers.len()).unwrap_or(u64::MAX);
    report.rounds = Some(tape.rounds);
    report.opportunities_gross = Some(lives.gross_count());
    report.opportunities = lives.finish();
    Ok(report)
}

impl Tape<'_> {
    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let outer: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let line: Event<'_> = match outer.current {
            Some(body) => serde_json::from_str(body.get()),
            None => serde_json::from_slice(line),
        }
        .map_err(|error| error.to_string())?;
        let captured = text::scalar(outer.captured_at).unwrap_or_default();
        let now =
            text::moment(captured).ok_or_else(|| format!("captured_at {captured} is no time"))?;
        self.report.messages = self.report.messages.saturating_add(1);
        let (Some(event), Some(outcomes)) = (line.event_ticker, &line.outcomes) else {
            // The recorder looked and found no open event.
            self.report.count_kind("no_event");
            return if outer.current.is_some() { Ok(()) } else { Err("no event in it".to_owned()) };
        };
        let event = text::scalar(event).ok_or("event_ticker is no text")?;
        self.report.count_kind("event");
        let mut tops = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let ticker = text::scalar(outcome.ticker).ok_or("ticker is no text")?;
            if !self.tickers.contains(ticker) {
                self.tickers.insert(ticker.to_owned());
            }
            let top = Tops {
                yes_bid: price(outcome.yes_bid)?,
                yes_ask: price(outcome.yes_ask)?,
                no_bid: price(outcome.no_bid)?,
                no_ask: price(outcome.no_ask)?,
            };
            self.report.crossed += u64::from(top.is_crossed());
            tops.push(top);
        }
        let is_complete = line.completeness_ok == Some(true)
            && line.captured_outcomes == line.expected_outcomes
            && tops.len() > 1;
        self.round(event, is_complete, &tops, now);
        Ok(())
    }

    /// The lives of all rounds, in the order of time.
    fn lives(&mut self) -> Lives {
        // Stable: rounds of one moment stay in the order of the file.
        self.seen.sort_by_key(|shown| shown.now);
        let mut names = vec![""; self.events.len()];
        for (name, number) in &self.events {
            if let Some(slot) = usize::try_from(*number).ok().and_then(|at| names.get_mut(at)) {
                *slot = name;
            }
        }
        let mut lives = Lives::default();
        for shown in &self.seen {
            let name = usize::try_from(shown.event).ok().and_then(|at| names.get(at));
            lives.observe(shown.kind, name.copied().unwrap_or_default(), shown.seen, shown.now);
        }
        lives
    }

    /// The number of an event, from 0 in the order of appearance.
    fn number_of(&mut self, event: &str) -> u32 {
        if let Some(number) = self.events.get(event) {
            return *number;
        }
        let number = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        self.events.insert(event.to_owned(), number);
        number
    }

    fn round(&mut self, event: &str, is_complete: bool, tops: &[Tops], now: Nanos) {
        let event = self.number_of(event);
        let fee = fees::kalshi(self.options, now);
        let yes = tops.iter().map(|top| top.yes_ask).collect::<Option<Vec<_>>>();
        let no = tops.iter().map(|top| top.no_ask).collect::<Option<Vec<_>>>();
        let others = i64::try_from(tops.len()).unwrap_or(i64::MAX).saturating_sub(1);
        let (mut is_gross, mut is_net) = (false, false);
        for (kind, asks, dollars) in [("multi_long", &yes, 1), ("multi_short", &no, others)] {
            let mut seen = Seen::default();
            if let (true, Some(asks)) = (is_complete, asks) {
                seen = see(asks, dollars, &fee);
                if seen.is_gross {
                    self.report.count_gross_round(kind);
                }
            }
            is_gross |= seen.is_gross;
            is_net |= seen.net.is_some();
            self.seen.push(Shown { now, event, kind, seen });
        }
        self.rounds = self.rounds.plus(Rounds {
            all: 1,
            comparable: u64::from(is_complete && (yes.is_some() || no.is_some())),
            gross: u64::from(is_gross),
            net: u64::from(is_net),
        });
    }
}

/// One contract at each ask, paid `dollars`.
fn see(asks: &[Price], dollars: i64, fee: &FeeSchedule) -> Seen {
    let prices: i64 = asks.iter().map(|ask| i64::from(ask.micro())).sum();
    let payoff = dollars.saturating_mul(UNIT_PAYOUT);
    let cost = asks.iter().fold(0, |sum: UnitCost, ask| sum.saturating_add(fee.unit_cost(*ask)));
    let edge = payoff.saturating_sub(cost).div_euclid(UNIT_PER_PICO);
    let net = Net { size: Qty::ONE, edge: Exact::from_pico(i128::from(edge)) };
    Seen { is_gross: prices < dollars.saturating_mul(1_000_000), net: (edge > 0).then_some(net) }
}

/// A best price; at the ends of the range the side is empty.
fn price(raw: Option<&RawValue>) -> Result<Option<Price>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let read = text::scalar(raw)
        .and_then(text::price_dollars)
        .ok_or_else(|| format!("price {raw} is not between 0 and 1 dollar"))?;
    Ok((read > Price::ZERO && read < Price::ONE).then_some(read))
}
