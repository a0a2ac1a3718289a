//! Kalshi depth tapes: polls of full books, one market a line, in sweeps.
//!
//! A line is `{ticker, captured_at, capture_id?, yes_bids, no_bids, …}` with bids as `[price, size]`
//! in dollars and contracts. The numbers are read from their text: what was written as a float is
//! exact here or refused.

use std::collections::BTreeMap;

use dutchbook_book::{Book, BookStatus, Depth, Face, Grid, Nanos, Price, Qty, Side};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ReplayError;
use super::exclusive::Games;
use super::format::Format;
use super::lives::Lives;
use super::progress::Progress;
use super::report::FileReport;
use super::source::Lines;
use super::survey::{TICKS_MAX, gcd};
use super::{Options, text};

/// Whole cents are valid on every Kalshi market.
const STEP_DEFAULT: u32 = 10_000;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    ticker: &'a RawValue,
    #[serde(borrow)]
    captured_at: &'a RawValue,
    #[serde(borrow)]
    capture_id: Option<&'a RawValue>,
    #[serde(borrow)]
    yes_bids: Vec<[&'a RawValue; 2]>,
    #[serde(borrow)]
    no_bids: Vec<[&'a RawValue; 2]>,
}

struct Tape {
    books: Books,
    depth: Depth,
    games: Games,
    report: FileReport,
}

/// Replays a depth tape.
///
/// # Errors
/// When the file cannot be read to its end, or a line has another shape.
pub fn replay(
    lines: &mut Lines,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    let format = Format::KalshiDepth.name();
    let mut tape = Tape {
        books: Books::default(),
        depth: Depth::default(),
        games: Games::new(*options),
        report: FileReport { format, ..FileReport::default() },
    };
    let mut lives = Lives::default();
    let started = progress.now();
    while let Some(line) = lines.next_line()? {
        let taken = tape.take(line, &mut lives);
        let at = lines.line();
        taken.map_err(|reason| ReplayError::BadLine { line: at, format, reason })?;
        progress.tick(lines, tape.report.messages);
    }
    tape.games.close(&mut lives);
    let mut report = tape.report;
    report.engine_ns = progress.now().since(started).0;
    report.books = u64::try_from(tape.books.by_ticker.len()).unwrap_or(u64::MAX);
    report.opportunities_gross = Some(lives.gross_count());
    report.opportunities = lives.finish();
    Ok(report)
}

impl Tape {
    fn take(&mut self, line: &[u8], lives: &mut Lives) -> Result<(), String> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let ticker = text::scalar(line.ticker).ok_or("ticker is no text")?;
        let captured = text::scalar(line.captured_at).unwrap_or_default();
        let now =
            text::moment(captured).ok_or_else(|| format!("captured_at {captured} is no time"))?;
        let sweep = line.capture_id.and_then(text::scalar).unwrap_or(captured);
        let (yes, no) = (self.levels(&line.yes_bids)?, self.levels(&line.no_bids)?);
        self.report.messages = self.report.messages.saturating_add(1);
        self.report.count_kind("book");
        let book = self.books.book(ticker, yes.iter().chain(&no))?;
        load(book, &yes, &no, now)?;
        if book.status() == BookStatus::Crossed {
            self.report.crossed = self.report.crossed.saturating_add(1);
        }
        book.copy_depth(&mut self.depth);
        self.games.observe(ticker, sweep, now, &self.depth, lives);
        Ok(())
    }

    /// Bids of one side; a negative size is counted and left out.
    fn levels(&mut self, list: &[[&RawValue; 2]]) -> Result<Vec<(Price, Qty)>, String> {
        let mut levels = Vec::with_capacity(list.len());
        for [price, size] in list {
            let read = text::scalar(price)
                .and_then(text::price_dollars)
                .filter(|price| *price > Price::ZERO && *price < Price::ONE)
                .ok_or_else(|| format!("price {price} is not between 0 and 1 dollar"))?;
            if size.get().starts_with('-') {
                self.report.negative = self.report.negative.saturating_add(1);
                continue;
            }
            let qty = text::scalar(size)
                .and_then(text::qty)
                .ok_or_else(|| format!("size {size} is no quantity"))?;
            levels.push((read, qty));
        }
        Ok(levels)
    }
}

/// The books of a tape, in bounded memory.
#[derive(Default)]
struct Books {
    by_ticker: BTreeMap<String, Book>,
    ticks: u64,
}

impl Books {
    /// The market's book, on a grid that holds these prices.
    fn book<'l>(
        &mut self,
        ticker: &str,
        levels: impl Iterator<Item = &'l (Price, Qty)>,
    ) -> Result<&mut Book, String> {
        let before = self.by_ticker.get(ticker).map(|book| *book.grid());
        let step = before.map_or(STEP_DEFAULT, |grid| grid.step());
        let step = levels.fold(step, |step, (price, _)| gcd(step, price.micro()));
        let grid = Grid::uniform(Price::from_micro(step).unwrap_or(Price::ONE))
            .map_err(|error| error.to_string())?;
        if before.is_none_or(|before| before.step() != step) {
            let freed = before.map_or(0, |before| u64::from(before.ticks()));
            self.ticks = self.ticks.saturating_sub(freed).saturating_add(u64::from(grid.ticks()));
            if self.ticks > TICKS_MAX {
                return Err("so many markets with prices this fine need too much memory".to_owned());
            }
            match self.by_ticker.get_mut(ticker) {
                Some(book) => book.regrid(grid),
                None => drop(self.by_ticker.insert(ticker.to_owned(), Book::new(grid))),
            }
        }
        self.by_ticker.get_mut(ticker).ok_or_else(|| "the book is gone".to_owned())
    }
}

/// Replaces the book by a poll.
fn load(
    book: &mut Book,
    yes: &[(Price, Qty)],
    no: &[(Price, Qty)],
    now: Nanos,
) -> Result<(), String> {
    book.begin_snapshot();
    for (face, levels) in [(Face::Yes, yes), (Face::No, no)] {
        for (price, qty) in levels {
            book.set_level(face, Side::Buy, *price, *qty).map_err(|error| error.to_string())?;
        }
    }
    book.commit(now, now);
    Ok(())
}
