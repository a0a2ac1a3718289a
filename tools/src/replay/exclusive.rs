//! Game events of a depth tape: NO on every listed outcome of one game.
//!
//! A tape of books carries no metadata, so nothing is known to be exhaustive. What a game's markets
//! say by themselves is that at most one of them comes true (one winner, or the tie): m NOs then pay
//! at least m − 1. Only series whose name ends in `GAME` are taken so; all other tickers stand alone.

use std::collections::BTreeMap;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Depth, Face, Level, Nanos, Side};
use dutchbook_core::eval::sweep::Scratch;

use super::lives::{Lives, Seen};
use super::{Options, evaluate, fees};

/// The kind of these baskets in reports.
const KIND: &str = "exclusive";

/// The games of the current sweep, each with the NO asks of its markets.
#[derive(Debug)]
pub struct Games {
    options: Options,
    sweep: String,
    now: Nanos,
    games: BTreeMap<String, Vec<Vec<Level>>>,
    scratch: Scratch,
}

/// The event of a ticker whose series is one of games.
fn game(ticker: &str) -> Option<&str> {
    let (event, _outcome) = ticker.rsplit_once('-')?;
    let (series, _) = event.split_once('-')?;
    series.ends_with("GAME").then_some(event)
}

impl Games {
    /// No games yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (sweep, games) = (String::new(), BTreeMap::new());
        Self { options, sweep, now: Nanos::ZERO, games, scratch: Scratch::default() }
    }

    /// Takes one polled book; a new sweep closes the one before.
    pub fn observe(
        &mut self,
        ticker: &str,
        sweep: &str,
        now: Nanos,
        depth: &Depth,
        lives: &mut Lives,
    ) {
        if self.sweep != sweep {
            self.close(lives);
            sweep.clone_into(&mut self.sweep);
            self.now = now;
        }
        if let Some(event) = game(ticker) {
            let asks = depth.opposite(Face::No, Side::Buy).collect();
            match self.games.get_mut(event) {
                Some(markets) => markets.push(asks),
                None => drop(self.games.insert(event.to_owned(), vec![asks])),
            }
        }
    }

    /// Evaluates the games of the sweep that has ended.
    pub fn close(&mut self, lives: &mut Lives) {
        let fee = fees::kalshi(&self.options, self.now);
        for (event, markets) in core::mem::take(&mut self.games) {
            let quoted: Vec<_> = markets.iter().filter(|levels| !levels.is_empty()).collect();
            let mut seen = Seen::default();
            let cost: u64 = quoted
                .iter()
                .filter_map(|levels| levels.first())
                .map(|level| u64::from(level.price.micro()))
                .sum();
            let dollars = u32::try_from(quoted.len().saturating_sub(1)).unwrap_or(0);
            if dollars > 0 && cost < u64::from(dollars) * 1_000_000 {
                seen.is_gross = true;
                let legs: Vec<_> = quoted
                    .iter()
                    .map(|levels| evaluate::purchase(levels, fee, VenueKind::Kalshi))
                    .collect();
                seen.net = evaluate::basket(&legs, dollars, &mut self.scratch);
            }
            lives.observe(KIND, &event, seen, self.now);
        }
    }
}
