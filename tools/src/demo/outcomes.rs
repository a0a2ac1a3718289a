//! Outcomes that came during a run, and what was traded on them, read off the journal.

use std::collections::BTreeMap;

use dutchbook_book::{BookId, Exact, InstrumentId, Nanos, Price, Qty};
use dutchbook_core::eval::basket::BasketKind;
use dutchbook_core::journal::Record;
use dutchbook_exec::ReportKind;
use serde_json::{Value, json};

use super::view::duration;

/// Trades on outcomes that are kept one by one.
const TRADES_MAX: usize = 1_024;

/// One settled book.
#[derive(Clone, Copy, Debug)]
struct Settled {
    book: BookId,
    at: Nanos,
    payoff: Price,
    /// What we were paid for positions.
    cash: Exact,
}

/// One decision to buy what has happened.
#[derive(Clone, Copy, Debug)]
struct Trade {
    decision: u64,
    at: Nanos,
    instrument: Option<InstrumentId>,
    /// What was expected after every cost and the odds of an adverse ruling.
    expected: Exact,
    bought: Qty,
    paid: Exact,
}

/// See the module's words.
#[derive(Debug, Default)]
pub struct Outcomes {
    settled: Vec<Settled>,
    trades: Vec<Trade>,
    /// Which decision an order of a resolution is of.
    orders: BTreeMap<u64, u64>,
}

/// One outcome with what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRow {
    /// The venue whose last word it was.
    pub venue: &'static str,
    /// The market.
    pub market: String,
    /// What each YES pays.
    pub payoff: String,
    /// When, in nanoseconds since the epoch.
    pub at: Nanos,
    /// What positions in this book were paid.
    pub cash: Exact,
    /// Trades that bought what had happened: from here to the next outcome, anywhere, or in this market
    /// ahead of the first of them, on another source's word.
    pub trades: Vec<TradeRow>,
}

/// One trade on an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// Where it was bought.
    pub venue: &'static str,
    /// The market there.
    pub market: String,
    /// How long after the venue's word, in microseconds; negative where it came later.
    pub after_us: i64,
    /// Contracts.
    pub bought: Qty,
    /// What they cost, fees in.
    pub paid: Exact,
    /// What was expected of it.
    pub expected: Exact,
}

impl Outcomes {
    /// Takes one record of the journal.
    pub fn take(&mut self, now: Nanos, record: &Record) {
        match record {
            Record::Resolution { book, payoff, cash } => {
                self.settled.push(Settled { book: *book, at: now, payoff: *payoff, cash: *cash });
            }
            Record::Decision(decision) if decision.kind == BasketKind::Resolution => {
                if self.trades.len() < TRADES_MAX {
                    self.trades.push(Trade {
                        decision: decision.decision,
                        at: now,
                        instrument: None,
                        expected: decision.sighting.net_edge,
                        bought: Qty::ZERO,
                        paid: Exact::ZERO,
                    });
                }
            }
            Record::Intent { decision, order, intent } => {
                if let Some(trade) = self.trade(*decision) {
                    trade.instrument = Some(intent.instrument);
                    self.orders.insert(order.0, *decision);
                }
            }
            Record::Report(report) => {
                let ReportKind::Filled(fill) = report.kind else { return };
                let Some(decision) = self.orders.get(&report.order.0).copied() else { return };
                if let Some(trade) = self.trade(decision) {
                    let cost = fill.cash_effect(report.side).unwrap_or(Exact::ZERO);
                    trade.bought = trade.bought.checked_add(fill.delivered).unwrap_or(trade.bought);
                    trade.paid = trade.paid.checked_sub(cost).unwrap_or(trade.paid);
                }
            }
            Record::Decision(_)
            | Record::DecisionLeg(_)
            | Record::Veto { .. }
            | Record::Gap { .. }
            | Record::Life { .. }
            | Record::Live(_) => {}
        }
    }

    fn trade(&mut self, decision: u64) -> Option<&mut Trade> {
        self.trades.iter_mut().rev().find(|trade| trade.decision == decision)
    }

    /// Every outcome, oldest first; each trade stands with the last word before it.
    #[must_use]
    pub fn rows(&self, named: impl Fn(BookId) -> (&'static str, String)) -> Vec<OutcomeRow> {
        let mut rows: Vec<OutcomeRow> = Vec::with_capacity(self.settled.len());
        for (index, settled) in self.settled.iter().enumerate() {
            let (venue, market) = named(settled.book);
            let until = self.settled.get(index + 1).map_or(Nanos(u64::MAX), |next| next.at);
            let first = self.settled.first().map_or(Nanos::ZERO, |first| first.at);
            let is_own = |trade: &Trade| {
                trade.instrument.is_some_and(|instrument| instrument.book() == settled.book)
            };
            let is_of = |trade: &&Trade| {
                let is_after = trade.at >= settled.at && trade.at < until;
                is_after || (trade.at < first && is_own(trade))
            };
            let traded = self.trades.iter().filter(is_of).filter_map(|trade| {
                let (venue, market) = named(trade.instrument?.book());
                let us = |span: Nanos| i64::try_from(span.0 / 1_000).unwrap_or(i64::MAX);
                let after_us = us(trade.at.since(settled.at)) - us(settled.at.since(trade.at));
                let Trade { bought, paid, expected, .. } = *trade;
                Some(TradeRow { venue, market, after_us, bought, paid, expected })
            });
            rows.push(OutcomeRow {
                venue,
                market,
                payoff: settled.payoff.to_string(),
                at: settled.at,
                cash: settled.cash,
                trades: traded.collect(),
            });
        }
        rows
    }
}

impl OutcomeRow {
    /// For machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let trade = |trade: &TradeRow| {
            json!({
                "venue": trade.venue,
                "market": trade.market,
                "after_us": trade.after_us,
                "bought": trade.bought.to_string(),
                "paid": trade.paid.to_string(),
                "expected_net": trade.expected.to_string(),
            })
        };
        json!({
            "venue": self.venue,
            "market": self.market,
            "yes_pays": self.payoff,
            "at_ns": self.at.0,
            "cash": self.cash.to_string(),
            "trades": self.trades.iter().map(trade).collect::<Vec<_>>(),
        })
    }

    /// For a person: a line, and one for each trade.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{:<11} {} resolved, YES pays {}; {} for positions\n",
            self.venue,
            self.market,
            self.payoff,
            dollars(self.cash)
        );
        for trade in &self.trades {
            let away = duration(trade.after_us.unsigned_abs().saturating_mul(1_000));
            let when = if trade.after_us < 0 { "before" } else { "after" };
            let (market, venue) = (&trade.market, trade.venue);
            let (paid, expected) = (dollars(trade.paid), dollars(trade.expected));
            text.push_str(&match trade.bought {
                Qty::ZERO => {
                    format!("  asked for {market} on {venue} {away} {when} and got none\n")
                }
                bought => format!(
                    "  bought {bought} of {market} on {venue} {away} {when}, for {paid}, expecting \
                     {expected}\n"
                ),
            });
        }
        text
    }
}

fn dollars(amount: Exact) -> String {
    super::view::dollars(amount.cash_floor().unwrap_or_default())
}
