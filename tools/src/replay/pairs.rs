//! Cross-venue pair tapes: rounds of the best prices of one contract on Polymarket and on Kalshi.
//!
//! A line is one venue's quote in one round: `{ts, t_fetch, venue, pair, bid, ask, bid_sz, ask_sz}`,
//! prices in cents (possibly fractional), `null` where a side is empty. One `ts` of one `pair` is a
//! round. It is *comparable* when both venues show bid and ask, *gross* when one venue's bid exceeds
//! the other's ask, *net* when YES at one venue's ask and NO at one minus the other's bid cost less
//! than one with unrounded fees. All three are decided on integers in 1e-21 $.
//!
//! A second shape has both venues in one line, in dollars and without sizes: `{captured_at, kalshi:
//! {ticker, yes_bid, yes_ask}, polymarket: {best_bid, best_ask}}`. Its opportunities are given for
//! one contract with unrounded fees.

use std::collections::BTreeMap;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{Exact, Level, Nanos, Price, Qty, Rate, TopOfBook};
use dutchbook_core::eval::sweep::Scratch;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ReplayError;
use super::evaluate;
use super::format::Format;
use super::lives::{Lives, Net, Seen};
use super::progress::Progress;
use super::report::{FileReport, PairReport, Rounds};
use super::source::Lines;
use super::{Options, fees, text};

/// 1e-21 $ in one dollar.
const ONE: i128 = 1_000_000_000_000_000_000_000;
/// 1e-21 $ in 1e-6 $.
const MICRO: i128 = 1_000_000_000_000_000;
/// Decimals of a cent in 1e-21 $.
const CENT_DECIMALS: usize = 19;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    ts: &'a RawValue,
    #[serde(borrow)]
    venue: &'a RawValue,
    #[serde(borrow)]
    pair: &'a RawValue,
    #[serde(borrow)]
    bid: Option<&'a RawValue>,
    #[serde(borrow)]
    ask: Option<&'a RawValue>,
    #[serde(borrow)]
    bid_sz: Option<&'a RawValue>,
    #[serde(borrow)]
    ask_sz: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Poll<'a> {
    #[serde(borrow)]
    captured_at: &'a RawValue,
    #[serde(borrow)]
    kalshi: KalshiSide<'a>,
    #[serde(borrow)]
    polymarket: PolymarketSide<'a>,
}

#[derive(Deserialize)]
struct KalshiSide<'a> {
    #[serde(borrow)]
    ticker: &'a RawValue,
    #[serde(borrow)]
    yes_bid: Option<&'a RawValue>,
    #[serde(borrow)]
    yes_ask: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PolymarketSide<'a> {
    #[serde(borrow)]
    best_bid: Option<&'a RawValue>,
    #[serde(borrow)]
    best_ask: Option<&'a RawValue>,
}

/// One venue's quote of a round.
#[derive(Clone, Copy, Debug, Default)]
struct Quote {
    bid: Option<Level>,
    ask: Option<Level>,
    /// Whether the venue shows both sides.
    is_shown: bool,
}

/// What has been read of a pair's current round.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    ts: Nanos,
    polymarket: Option<Quote>,
    kalshi: Option<Quote>,
}

/// One pair of the tape.
#[derive(Debug, Default)]
struct Pair {
    name: String,
    rounds: Rounds,
    best: Option<i128>,
    current: Option<Round>,
    has_polymarket: bool,
    has_kalshi: bool,
}

/// The tape while it is read.
struct Tape<'o> {
    format: Format,
    options: &'o Options,
    pairs: Vec<Pair>,
    by_name: BTreeMap<String, usize>,
    lives: Lives,
    scratch: Scratch,
    report: FileReport,
}

/// Replays a pair tape.
///
/// # Errors
/// When the file cannot be read to its end, or a line has another shape.
pub fn replay(
    lines: &mut Lines,
    format: Format,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    let mut tape = Tape {
        format,
        options,
        pairs: Vec::new(),
        by_name: BTreeMap::new(),
        lives: Lives::default(),
        scratch: Scratch::default(),
        report: FileReport { format: format.name(), ..FileReport::default() },
    };
    let started = progress.now();
    while let Some(line) = lines.next_line()? {
        let taken =
            if format == Format::PairPolls { tape.take_poll(line) } else { tape.take(line) };
        let (at, format) = (lines.line(), format.name());
        taken.map_err(|reason| ReplayError::BadLine { line: at, format, reason })?;
        progress.tick(lines, tape.report.messages);
    }
    for index in 0..tape.pairs.len() {
        tape.close_round(index);
    }
    tape.report.engine_ns = progress.now().since(started).0;
    Ok(tape.finish())
}

impl Tape<'_> {
    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let ts = text::scalar(line.ts).and_then(text::millis).ok_or("ts is no time")?;
        let venue = match text::scalar(line.venue) {
            Some("polymarket") => VenueKind::Polymarket,
            Some("kalshi") => VenueKind::Kalshi,
            _ => return Err(format!("venue {} is not known", line.venue)),
        };
        let name = text::scalar(line.pair).ok_or("pair is no text")?;
        let bid = level(line.bid, line.bid_sz, text::price_cents)?;
        let ask = level(line.ask, line.ask_sz, text::price_cents)?;
        let quote = Quote { bid, ask, is_shown: bid.is_some() && ask.is_some() };
        self.report.messages = self.report.messages.saturating_add(1);
        self.quote(ts, venue, name, quote);
        Ok(())
    }

    /// A line with both venues' quotes.
    fn take_poll(&mut self, line: &[u8]) -> Result<(), String> {
        let poll: Poll<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let ts = text::scalar(poll.captured_at).and_then(text::moment);
        let ts = ts.ok_or("captured_at is no time")?;
        let name = text::scalar(poll.kalshi.ticker).ok_or("ticker is no text")?;
        let side = |bid: Option<&RawValue>, ask: Option<&RawValue>| -> Result<Quote, String> {
            Ok(Quote {
                bid: level(bid, None, text::price_dollars)?,
                ask: level(ask, None, text::price_dollars)?,
                // These recorders write zero and one for an empty side, null for a missing book.
                is_shown: bid.is_some() && ask.is_some(),
            })
        };
        let kalshi = side(poll.kalshi.yes_bid, poll.kalshi.yes_ask)?;
        let polymarket = side(poll.polymarket.best_bid, poll.polymarket.best_ask)?;
        self.report.messages = self.report.messages.saturating_add(1);
        self.quote(ts, VenueKind::Kalshi, name, kalshi);
        self.quote(ts, VenueKind::Polymarket, name, polymarket);
        let index = self.pair(name);
        self.close_round(index);
        Ok(())
    }

    /// Takes one venue's quote into its pair's round; a new `ts` closes the round before.
    fn quote(&mut self, ts: Nanos, venue: VenueKind, name: &str, quote: Quote) {
        self.report.count_kind(venue.name());
        if (TopOfBook { bid: quote.bid, ask: quote.ask }).is_crossed() {
            self.report.crossed = self.report.crossed.saturating_add(1);
        }
        let index = self.pair(name);
        if self.current(index).is_some_and(|round| round.ts != ts) {
            self.close_round(index);
        }
        let Some(pair) = self.pairs.get_mut(index) else { return };
        let round = pair.current.get_or_insert(Round { ts, ..Round::default() });
        match venue {
            VenueKind::Polymarket => {
                round.polymarket = Some(quote);
                pair.has_polymarket = true;
            }
            VenueKind::Kalshi => {
                round.kalshi = Some(quote);
                pair.has_kalshi = true;
            }
        }
    }

    fn pair(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.pairs.len();
        self.by_name.insert(name.to_owned(), index);
        self.pairs.push(Pair { name: name.to_owned(), ..Pair::default() });
        index
    }

    fn current(&self, index: usize) -> Option<Round> {
        self.pairs.get(index).and_then(|pair| pair.current)
    }

    /// Counts a round that is complete and shows it to the evaluator.
    fn close_round(&mut self, index: usize) {
        let Some(pair) = self.pairs.get_mut(index) else { return };
        let Some(round) = pair.current.take() else { return };
        pair.rounds.all = pair.rounds.all.saturating_add(1);
        let (polymarket, kalshi) =
            (round.polymarket.unwrap_or_default(), round.kalshi.unwrap_or_default());
        let rates = (self.options.polymarket_rate, self.options.kalshi_rate);
        // YES on Polymarket with NO on Kalshi, and the other way round.
        let directions = [
            (polymarket.ask, rates.0, kalshi.bid, rates.1, "polymarket yes, kalshi no"),
            (kalshi.ask, rates.1, polymarket.bid, rates.0, "kalshi yes, polymarket no"),
        ];
        let is_comparable = polymarket.is_shown && kalshi.is_shown;
        let (mut is_gross, mut is_net) = (false, false);
        let schedules = (fees::polymarket(self.options), fees::kalshi(self.options, round.ts));
        for (at, (ask, ask_rate, bid, bid_rate, what)) in directions.into_iter().enumerate() {
            let mut seen = Seen::default();
            if let (true, Some(ask), Some(bid)) = (is_comparable, ask, bid) {
                let edge = edge(ask.price, ask_rate, bid.price, bid_rate);
                pair.best = pair.best.max(Some(edge));
                seen.is_gross = bid.price > ask.price;
                is_gross |= seen.is_gross;
                is_net |= edge > 0;
                let (yes_fee, no_fee) = ordered(at, schedules);
                let [yes_venue, no_venue] = venues(at);
                let (yes, no) = ([ask], [bid.mirrored()]);
                let legs = [
                    evaluate::purchase(&yes, yes_fee, yes_venue),
                    evaluate::purchase(&no, no_fee, no_venue),
                ];
                seen.net = if self.format == Format::PairPolls {
                    unsized_net(edge)
                } else {
                    evaluate::basket(&legs, 1, &mut self.scratch)
                };
            }
            let key = format!("{} {what}", short(&pair.name));
            self.lives.observe("cross_venue", &key, seen, round.ts);
        }
        pair.rounds.comparable += u64::from(is_comparable);
        pair.rounds.gross += u64::from(is_gross);
        pair.rounds.net += u64::from(is_net);
    }

    fn finish(mut self) -> FileReport {
        let books = |pair: &Pair| u64::from(pair.has_polymarket) + u64::from(pair.has_kalshi);
        self.report.books = self.pairs.iter().map(books).sum();
        self.report.rounds =
            Some(self.pairs.iter().fold(Rounds::default(), |sum, pair| sum.plus(pair.rounds)));
        self.report.opportunities_gross = Some(self.lives.gross_count());
        self.report.opportunities = self.lives.finish();
        let pairs = self.pairs.into_iter().map(|pair| PairReport {
            pair: pair.name,
            rounds: pair.rounds,
            best_net_cents: pair.best.map(cents),
        });
        self.report.pairs = Some(pairs.collect());
        self.report
    }
}

/// The venues of the YES and the NO leg of a direction.
const fn venues(direction: usize) -> [VenueKind; 2] {
    if direction == 0 {
        [VenueKind::Polymarket, VenueKind::Kalshi]
    } else {
        [VenueKind::Kalshi, VenueKind::Polymarket]
    }
}

/// The fee schedules of the YES and the NO leg of a direction.
const fn ordered(
    direction: usize,
    (polymarket, kalshi): (FeeSchedule, FeeSchedule),
) -> (FeeSchedule, FeeSchedule) {
    if direction == 0 { (polymarket, kalshi) } else { (kalshi, polymarket) }
}

/// The pair's name without the second venue's long id.
fn short(name: &str) -> &str {
    name.split_once(':').map_or(name, |(first, _)| first)
}

/// A quote in cents with its size; a price at the end of the range is no quote.
fn level(
    price: Option<&RawValue>,
    size: Option<&RawValue>,
    price_of: fn(&str) -> Option<Price>,
) -> Result<Option<Level>, String> {
    let Some(price) = price else { return Ok(None) };
    let read = text::scalar(price)
        .and_then(price_of)
        .ok_or_else(|| format!("price {price} is out of range or finer than a millionth"))?;
    let qty = match size {
        None => Qty::ZERO,
        Some(size) => text::scalar(size)
            .and_then(text::qty)
            .ok_or_else(|| format!("size {size} is no quantity"))?,
    };
    Ok((read > Price::ZERO && read < Price::ONE).then_some(Level { price: read, qty }))
}

/// An edge in 1e-21 $ on one contract, where it is positive in 1e-12 $.
fn unsized_net(edge: i128) -> Option<Net> {
    let edge = Exact::from_pico(edge.div_euclid(1_000_000_000));
    (edge > Exact::ZERO).then_some(Net { size: Qty::ONE, edge })
}

/// One dollar less what YES at `ask` and NO at one minus `bid` cost with unrounded fees, in 1e-21 $.
fn edge(ask: Price, ask_rate: Rate, bid: Price, bid_rate: Rate) -> i128 {
    let no = bid.complement();
    ONE - cost(ask, ask_rate) - cost(no, bid_rate)
}

/// p + rate·p·(1−p) in 1e-21 $. The largest value is below 1e23 and fits by far.
fn cost(price: Price, rate: Rate) -> i128 {
    let (p, up) = (i128::from(price.micro()), i128::from(price.complement().micro()));
    p * MICRO + i128::from(rate.nano()) * p * up
}

/// An amount of 1e-21 $ as an exact decimal number of cents.
fn cents(value: i128) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = CENT_DECIMALS + 1);
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(CENT_DECIMALS));
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_exact_to_the_last_digit() {
        // 0.48 + 0.03·0.48·0.52 + 0.49 + 0.07·0.49·0.51 = 0.994981, by hand.
        let price = |micro| Price::from_micro(micro).unwrap();
        let (three, seven) = (Rate::from_nano(30_000_000), Rate::from_nano(70_000_000));
        let edge = edge(price(480_000), three, price(510_000), seven);
        assert_eq!(cents(edge), "0.5019");
        assert_eq!(cents(-edge), "-0.5019");
        assert_eq!(cents(0), "0");
        assert_eq!(cents(ONE), "100");
    }
}
