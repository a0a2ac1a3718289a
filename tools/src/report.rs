//! `dutchbook report`: what was made and lost, by strategy, venue, event and day, out of the ledger; and
//! whether the venues say the same of cash and positions.

mod venues;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use dutchbook_book::{Exact, Nanos, QtyChange};
use dutchbook_core::config::{Config, ConfigError};
use dutchbook_core::journal::folder::{Folder, JournalError};
use dutchbook_core::ledger::report::{LedgerReport, Sums, report};
use dutchbook_core::ledger::{FILE, Ledger, LedgerError};
use serde_json::{Map, Value, json};

use crate::sim::text::Rfc3339;
use venues::Asked;

/// Options of a report.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook report journal/ --json\n\nBrings the ledger up to the journal's end \
                        first, or makes it anew where it is gone. While a run writes the journal, what its \
                        ledger has by now is shown.\n\nWith --config the venues are asked for cash and \
                        positions, which changes nothing there; exit code 1 where they differ."
)]
pub struct ReportArgs {
    /// Folder of the journal.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Engine configuration (TOML) whose accounts (its section live) are asked at their venues.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Asks nobody.
    #[arg(long)]
    pub offline: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The journal or its ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A ledger added up.
#[derive(Debug)]
pub struct Reported {
    sums: LedgerReport,
    /// How far the ledger's accounts are from the journal's; unknown while a run writes them.
    journal_difference: Option<Exact>,
    is_new: bool,
    /// What the venues say; empty where nobody was asked.
    asked: Vec<Asked>,
}

/// Adds up the ledger of a journal.
///
/// # Errors
/// When there is no journal, or it cannot be read.
pub fn run(args: &ReportArgs) -> Result<Reported, ReportError> {
    let config = match args.offline {
        true => None,
        false => args.config.as_deref().map(|path| Config::load(Some(path))).transpose()?,
    };
    let mut reported = add_up(&args.folder)?;
    if let Some(config) = config {
        reported.asked = venues::ask(&config, &reported.sums);
    }
    Ok(reported)
}

fn add_up(path: &Path) -> Result<Reported, LedgerError> {
    Folder::look(path)?;
    match Folder::open(path) {
        Ok(folder) => {
            let (ledger, is_new) = Ledger::catch_up(&folder)?;
            let journal_difference = Some(ledger.difference()?);
            let (sums, asked) = (report(ledger.database())?, Vec::new());
            Ok(Reported { sums, journal_difference, is_new, asked })
        }
        Err(JournalError::Busy(_)) => running(path),
        Err(error) => Err(error.into()),
    }
}

/// The ledger of a run that goes on.
fn running(folder: &Path) -> Result<Reported, LedgerError> {
    let ledger = Ledger::open(&folder.join(FILE))?;
    let (sums, asked) = (report(ledger.database())?, Vec::new());
    Ok(Reported { sums, journal_difference: None, is_new: false, asked })
}

impl Reported {
    /// Whether a venue says something else than the ledger.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.asked.iter().any(Asked::differs)
    }

    /// The report as one object. Money is a decimal string in dollars.
    #[must_use]
    pub fn json(&self) -> Value {
        let sums = &self.sums;
        let days = sums.days.iter().map(|(day, sums)| (date(*day), *sums)).collect();
        let accounts = sums.accounts.iter().map(|account| {
            json!({
                "venue": account.venue,
                "cash": account.cash.to_string(),
                "committed": account.committed.to_string(),
                "fees": account.fees.to_string(),
                "realised": account.realised.to_string(),
            })
        });
        let positions = sums.positions.iter().map(|held| {
            json!({
                "venue": held.venue,
                "market": held.market,
                "name": held.name,
                "face": held.face,
                "contracts": contracts(held.qty_e6),
                "cost": held.cost.to_string(),
            })
        });
        let comparisons = sums.comparisons.iter().map(|found| {
            json!({
                "venue": found.venue,
                "at": time(found.at_ns),
                "cash_difference": found.cash.to_string(),
                "positions_compared": found.compared,
                "positions_different": found.different,
            })
        });
        json!({
            "total": sums_json(&sums.total),
            "strategies": list_json(&sums.strategies),
            "venues": list_json(&sums.venues),
            "events": list_json(&sums.events),
            "days": list_json(&days),
            "orders": sums.orders,
            "baskets": sums.outcomes,
            "opportunities": sums.lives,
            "accounts": accounts.collect::<Vec<_>>(),
            "positions": positions.collect::<Vec<_>>(),
            "reconciliations": comparisons.collect::<Vec<_>>(),
            "venues_now": self.asked.iter().map(Asked::json).collect::<Vec<_>>(),
            "journal_difference": self.journal_difference.map(|sum| sum.to_string()),
            "ledger_made_anew": self.is_new,
        })
    }

    /// The report as a page of text.
    #[must_use]
    pub fn text(&self) -> String {
        let sums = &self.sums;
        let mut page = String::new();
        if self.is_new {
            page.push_str("The ledger was made anew from the journal.\n\n");
        }
        page.push_str(&format!(
            "{:<34} {:>8} {:>7} {:>12} {:>10} {:>10} {:>11}\n",
            "", "baskets", "legged", "profit", "fees", "slippage", "legged loss"
        ));
        row(&mut page, "all", &sums.total);
        let days: BTreeMap<_, _> =
            sums.days.iter().map(|(day, sums)| (date(*day), *sums)).collect();
        for (title, list) in [
            ("strategy", &sums.strategies),
            ("venue", &sums.venues),
            ("event", &sums.events),
            ("day", &days),
        ] {
            page.push_str(&format!("by {title}\n"));
            for (name, sums) in list {
                row(&mut page, &format!("  {name}"), sums);
            }
        }
        page.push_str("\naccounts\n");
        for account in &sums.accounts {
            page.push_str(&format!(
                "  {:<12} cash {}, in positions {}, fees {}, realised {}\n",
                account.venue, account.cash, account.committed, account.fees, account.realised
            ));
        }
        for held in &sums.positions {
            let (side, count) = (held.face.to_uppercase(), contracts(held.qty_e6));
            page.push_str(&format!(
                "  {:<12} {count} {side} of {} for {}\n",
                held.venue, held.name, held.cost
            ));
        }
        page.push_str(&self.endings());
        page
    }

    /// Orders, baskets, and how the accounts compare.
    fn endings(&self) -> String {
        let sums = &self.sums;
        let mut page = String::from("\n");
        for (title, counts) in [("orders", &sums.orders), ("baskets", &sums.outcomes)] {
            let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
            page.push_str(&format!("{title}: {}\n", counts.collect::<Vec<_>>().join(", ")));
        }
        page.push_str(&format!("opportunities seen: {}\n", sums.lives));
        for found in &sums.comparisons {
            page.push_str(&format!(
                "{} at {}: cash differs by {}, {} of {} positions differ\n",
                found.venue,
                time(found.at_ns),
                found.cash,
                found.different,
                found.compared
            ));
        }
        if let Some(sum) = self.journal_difference {
            page.push_str(&format!("ledger and journal differ by {sum}\n"));
        }
        for asked in &self.asked {
            page.push_str(&asked.text());
        }
        page
    }
}

fn sums_json(sums: &Sums) -> Value {
    json!({
        "baskets": sums.baskets,
        "legged": sums.legged,
        "profit": sums.profit.to_string(),
        "fees": sums.fees.to_string(),
        "slippage": sums.slippage.to_string(),
        "legged_loss": sums.legged_loss.to_string(),
    })
}

fn list_json(list: &BTreeMap<String, Sums>) -> Value {
    let rows = list.iter().map(|(name, sums)| (name.clone(), sums_json(sums)));
    Value::Object(rows.collect::<Map<_, _>>())
}

/// Money to the cent in a column, cut towards minus infinity.
fn row(page: &mut String, name: &str, sums: &Sums) {
    let money = |sum: Exact| {
        let cents = sum.pico().div_euclid(10_000_000_000);
        let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
        format!("{sign}{}.{:02}", cents / 100, cents % 100)
    };
    page.push_str(&format!(
        "{name:<34} {:>8} {:>7} {:>12} {:>10} {:>10} {:>11}\n",
        sums.baskets,
        sums.legged,
        money(sums.profit),
        money(sums.fees),
        money(sums.slippage),
        money(sums.legged_loss),
    ));
}

fn contracts(qty_e6: i64) -> String {
    QtyChange::from_micro(qty_e6).to_string()
}

fn time(at_ns: i64) -> String {
    Rfc3339(Nanos(u64::try_from(at_ns).unwrap_or(0))).to_string()
}

fn date(day: i64) -> String {
    let ns = day.saturating_mul(86_400_000_000_000);
    time(ns).chars().take(10).collect()
}
