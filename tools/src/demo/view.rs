//! What the demo shows while it runs: plain rows, however they are drawn.

use dutchbook_book::{BookStatus, Cash, TopOfBook};
use dutchbook_core::telemetry::LatencySummary;

/// One market on one venue.
#[derive(Clone, Debug)]
pub struct MarketRow {
    /// Where it is listed.
    pub venue: &'static str,
    /// What a person calls it.
    pub name: String,
    /// Best bid and ask in YES terms.
    pub top: TopOfBook,
    /// How far to believe the book.
    pub status: BookStatus,
}

/// One opportunity, alive or dead.
#[derive(Clone, Debug)]
pub struct OpportunityRow {
    /// Its number.
    pub id: u64,
    /// The law that it exploits.
    pub kind: &'static str,
    /// What it is made of, in words.
    pub name: String,
    /// Contracts at its best.
    pub size: String,
    /// Net edge at its best.
    pub net_edge: Cash,
    /// How long it lived, or has lived.
    pub life_ms: u64,
    /// Why it died; `None` while it lives.
    pub cause: Option<&'static str>,
}

/// One paper fill.
#[derive(Clone, Debug)]
pub struct FillRow {
    /// Where.
    pub venue: &'static str,
    /// What was bought or sold.
    pub name: String,
    /// "buy" or "sell", and the face.
    pub action: String,
    /// Quantity, price and fee as text.
    pub terms: String,
}

/// Everything on the screen at one moment.
#[derive(Clone, Debug, Default)]
pub struct LiveView {
    /// Seconds since the start, and in all.
    pub elapsed_s: u64,
    /// How long the run lasts.
    pub seconds: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Tiles and wait strategy, in words.
    pub topology: String,
    /// Payloads received.
    pub messages: u64,
    /// Payloads of the last second.
    pub messages_per_second: u64,
    /// Sequence gaps seen.
    pub sequence_gaps: u64,
    /// Books by listing.
    pub markets: Vec<MarketRow>,
    /// Opportunities so far.
    pub opportunities: u64,
    /// The newest opportunities, newest first.
    pub recent: Vec<OpportunityRow>,
    /// Fills so far.
    pub fill_count: u64,
    /// The newest fills, newest first.
    pub fills: Vec<FillRow>,
    /// Profit that no state of the world can take away.
    pub net_profit: Cash,
    /// Receipt of a payload to its published book.
    pub to_book: LatencySummary,
    /// Receipt of a payload to the end of the evaluation that it caused.
    pub to_decision: LatencySummary,
}

/// A number of nanoseconds with a unit that a person can read, three figures at most.
#[must_use]
pub fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..100_000 => format!("{}.{} µs", ns / 1_000, ns % 1_000 / 100),
        100_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..100_000_000 => format!("{}.{} ms", ns / 1_000_000, ns % 1_000_000 / 100_000),
        _ => format!("{}.{} s", ns / 1_000_000_000, ns % 1_000_000_000 / 100_000_000),
    }
}

/// Dollars and cents with a sign, rounded towards minus infinity.
#[must_use]
pub fn dollars(cash: Cash) -> String {
    let cents = cash.micro().div_euclid(10_000);
    let sign = if cents < 0 { "-" } else { "+" };
    let cents = cents.unsigned_abs();
    format!("{sign}${}.{:02}", cents / 100, cents % 100)
}

/// Milliseconds as a life time.
#[must_use]
pub fn life(ms: u64) -> String {
    if ms < 10_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(duration(830), "830 ns");
        assert_eq!(duration(12_345), "12.3 µs");
        assert_eq!(duration(2_500_000), "2.5 ms");
        assert_eq!(dollars(Cash::from_micro(-1)), "-$0.01");
        assert_eq!(dollars(Cash::from_micro(3_402_000)), "+$3.40");
        assert_eq!(life(12_345), "12.3 s");
    }
}
