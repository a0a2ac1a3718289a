//! What the ledger adds up to: profit by strategy, venue, event and day, and where money was lost.
//!
//! The profit of a basket is what its whole baskets pay at least and what its orders moved in cash,
//! fees included; contracts beyond the whole baskets count as nothing. It is shared among the venues
//! and events of its legs by what was paid there, so that every list adds up to the same sum.

use std::collections::BTreeMap;

use dutchbook_book::Exact;
use rusqlite::{Connection, Row};

use super::LedgerError;

/// 1e-14 $ per basket times 1e-6 baskets, in 1e-12 $.
const PICO_FACTOR: i128 = 100_000_000;
const MICRO: i128 = 1_000_000;
const NS_PER_DAY: i64 = 86_400_000_000_000;

/// Sums over some baskets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Baskets that have traded.
    pub baskets: u64,
    /// Those of them whose legs were once filled unequally.
    pub legged: u64,
    /// Certain profit, fees included.
    pub profit: Exact,
    /// Fees.
    pub fees: Exact,
    /// What was paid beyond the best prices that the decisions saw.
    pub slippage: Exact,
    /// What legged baskets lost; never negative.
    pub legged_loss: Exact,
}

/// Money of one venue as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The venue.
    pub venue: String,
    /// What is there to spend.
    pub cash: Exact,
    /// Cost of what is held.
    pub committed: Exact,
    /// Fees paid.
    pub fees: Exact,
    /// Profit of what has been closed, merged or settled.
    pub realised: Exact,
}

/// Contracts held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The venue.
    pub venue: String,
    /// Its id of the market.
    pub market: String,
    /// What a person calls it.
    pub name: String,
    /// "yes" or "no".
    pub face: String,
    /// Contracts in 1e-6.
    pub qty_e6: i64,
    /// What they have cost.
    pub cost: Exact,
}

/// The last comparison with a venue's own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The venue.
    pub venue: String,
    /// When, in nanoseconds since 1970.
    pub at_ns: i64,
    /// The venue's cash less ours.
    pub cash: Exact,
    /// Positions compared.
    pub compared: i64,
    /// Positions that differ.
    pub different: i64,
}

/// Everything that `dutchbook report` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerReport {
    /// All baskets.
    pub total: Sums,
    /// By the law that they exploit.
    pub strategies: BTreeMap<String, Sums>,
    /// By venue; a basket counts at each of its venues.
    pub venues: BTreeMap<String, Sums>,
    /// By event; a basket counts at each of its events.
    pub events: BTreeMap<String, Sums>,
    /// By day since 1970.
    pub days: BTreeMap<i64, Sums>,
    /// How many orders are in which state.
    pub orders: BTreeMap<String, i64>,
    /// How many baskets ended how.
    pub outcomes: BTreeMap<String, i64>,
    /// Money of each venue.
    pub accounts: Vec<Account>,
    /// What is held.
    pub positions: Vec<Held>,
    /// The last comparison with each venue.
    pub comparisons: Vec<Comparison>,
    /// Opportunities that were seen.
    pub lives: i64,
}

/// One leg of a basket.
struct Leg {
    ratio_e6: i64,
    held_e6: i64,
    cash: Exact,
    fees: Exact,
    venue: String,
    event: String,
}

/// One basket.
#[derive(Default)]
struct Basket {
    kind: String,
    day: i64,
    payoff_e14: i64,
    was_legged: bool,
    slippage: Exact,
    legs: Vec<Leg>,
}

/// Adds a ledger up.
///
/// # Errors
/// When it cannot be read.
pub fn report(db: &Connection) -> Result<LedgerReport, LedgerError> {
    let mut report = LedgerReport {
        orders: counts(db, "SELECT state, COUNT(*) FROM orders GROUP BY state")?,
        outcomes: counts(db, "SELECT outcome, COUNT(*) FROM baskets GROUP BY outcome")?,
        accounts: accounts(db)?,
        positions: positions(db)?,
        comparisons: comparisons(db)?,
        lives: db.query_row("SELECT COUNT(*) FROM lives", [], |row| row.get(0))?,
        ..LedgerReport::default()
    };
    for basket in baskets(db)?.values() {
        if basket.legs.iter().any(|leg| leg.cash != Exact::ZERO) {
            report.add(basket);
        }
    }
    Ok(report)
}

impl LedgerReport {
    fn add(&mut self, basket: &Basket) {
        let profit = basket.profit();
        let is_loss = basket.was_legged && profit < Exact::ZERO;
        let whole = Sums {
            baskets: 1,
            legged: u64::from(basket.was_legged),
            profit,
            fees: basket.legs.iter().fold(Exact::ZERO, |sum, leg| plus(sum, leg.fees)),
            slippage: basket.slippage,
            legged_loss: if is_loss { negative(profit) } else { Exact::ZERO },
        };
        self.total.add(&whole);
        self.strategies.entry(basket.kind.clone()).or_default().add(&whole);
        self.days.entry(basket.day).or_default().add(&whole);
        let parts = basket.parts(&whole);
        for (leg, part) in basket.legs.iter().zip(&parts) {
            self.venues.entry(leg.venue.clone()).or_default().add(part);
            self.events.entry(leg.event.clone()).or_default().add(part);
        }
        // A basket counts once at each of its venues and events, however many legs it has there.
        let once = Sums { baskets: 1, legged: whole.legged, ..Sums::default() };
        for venue in basket.names(|leg| &leg.venue) {
            self.venues.entry(venue.clone()).or_default().add(&once);
        }
        for event in basket.names(|leg| &leg.event) {
            self.events.entry(event.clone()).or_default().add(&once);
        }
    }
}

impl Basket {
    /// What is certain of it.
    fn profit(&self) -> Exact {
        let whole = self.legs.iter().map(|leg| {
            let held = i128::from(leg.held_e6.max(0)).saturating_mul(MICRO);
            held.checked_div(i128::from(leg.ratio_e6)).unwrap_or(0)
        });
        let paid = whole.min().unwrap_or(0).saturating_mul(i128::from(self.payoff_e14));
        let floor = Exact::from_pico(paid.div_euclid(PICO_FACTOR));
        self.legs.iter().fold(floor, |sum, leg| plus(sum, leg.cash))
    }

    /// The sums of each leg: its own fees, and of the rest the share of what was paid there.
    fn parts(&self, whole: &Sums) -> Vec<Sums> {
        let paid = |leg: &Leg| leg.cash.pico().saturating_neg().max(0);
        let all: i128 = self.legs.iter().map(paid).fold(0, i128::saturating_add);
        let mut left = *whole;
        let mut parts = Vec::with_capacity(self.legs.len());
        for (at, leg) in self.legs.iter().enumerate() {
            let is_last = at + 1 == self.legs.len();
            let share = |sum: Exact, left: Exact| {
                if is_last { left } else { portion(sum, paid(leg), all) }
            };
            let part = Sums {
                baskets: 0,
                legged: 0,
                fees: leg.fees,
                profit: share(whole.profit, left.profit),
                slippage: share(whole.slippage, left.slippage),
                legged_loss: share(whole.legged_loss, left.legged_loss),
            };
            left.profit = plus(left.profit, negative(part.profit));
            left.slippage = plus(left.slippage, negative(part.slippage));
            left.legged_loss = plus(left.legged_loss, negative(part.legged_loss));
            parts.push(part);
        }
        parts
    }

    fn names<'a>(&'a self, of: impl Fn(&'a Leg) -> &'a String) -> Vec<&'a String> {
        let mut names: Vec<_> = self.legs.iter().map(of).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.baskets += other.baskets;
        self.legged += other.legged;
        self.profit = plus(self.profit, other.profit);
        self.fees = plus(self.fees, other.fees);
        self.slippage = plus(self.slippage, other.slippage);
        self.legged_loss = plus(self.legged_loss, other.legged_loss);
    }
}

/// `sum · part / all`, rounded down, without a product beyond 128 bits.
fn portion(sum: Exact, part: i128, all: i128) -> Exact {
    if all == 0 {
        return Exact::ZERO;
    }
    let (whole, rest) = (sum.pico().div_euclid(all), sum.pico().rem_euclid(all));
    let rest = rest.checked_mul(part).map_or(0, |product| product.div_euclid(all));
    Exact::from_pico(whole.saturating_mul(part).saturating_add(rest))
}

fn plus(left: Exact, right: Exact) -> Exact {
    Exact::from_pico(left.pico().saturating_add(right.pico()))
}

fn negative(sum: Exact) -> Exact {
    Exact::from_pico(sum.pico().saturating_neg())
}

/// A sum of money from its two columns.
pub(super) fn money(row: &Row<'_>, at: usize) -> rusqlite::Result<Exact> {
    let (whole, rest): (i64, i64) = (row.get(at)?, row.get(at + 1)?);
    Ok(Exact::from_pico(i128::from(whole) * MICRO + i128::from(rest)))
}

fn counts(db: &Connection, sql: &str) -> Result<BTreeMap<String, i64>, LedgerError> {
    let mut query = db.prepare(sql)?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn baskets(db: &Connection) -> Result<BTreeMap<i64, Basket>, LedgerError> {
    let mut baskets = BTreeMap::new();
    let mut query = db.prepare(
        "SELECT b.trade, COALESCE(d.kind, ''), b.opened_ns, b.payoff_usd_e14, b.was_legged \
         FROM baskets b LEFT JOIN decisions d USING (decision)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let opened: i64 = row.get(2)?;
        let basket = Basket {
            kind: row.get(1)?,
            day: opened.div_euclid(NS_PER_DAY),
            payoff_e14: row.get(3)?,
            was_legged: row.get(4)?,
            ..Basket::default()
        };
        baskets.insert(row.get(0)?, basket);
    }
    add_legs(db, &mut baskets)?;
    add_slippage(db, &mut baskets)?;
    Ok(baskets)
}

fn add_legs(db: &Connection, baskets: &mut BTreeMap<i64, Basket>) -> Result<(), LedgerError> {
    let mut query = db.prepare(
        "SELECT l.trade, l.ratio_e6, l.held_e6, l.cash_usd_e6, l.cash_rest_e12, l.fees_usd_e6, \
         l.fees_rest_e12, v.name, e.name FROM basket_legs l JOIN books b USING (book) \
         JOIN venues v ON v.venue = b.venue JOIN events e ON e.event = b.event \
         ORDER BY l.trade, l.leg",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let leg = Leg {
            ratio_e6: row.get(1)?,
            held_e6: row.get(2)?,
            cash: money(row, 3)?,
            fees: money(row, 5)?,
            venue: row.get(7)?,
            event: row.get(8)?,
        };
        if let Some(basket) = baskets.get_mut(&row.get(0)?) {
            basket.legs.push(leg);
        }
    }
    Ok(())
}

/// What fills of the first orders of each leg cost beyond the best price of their decision.
fn add_slippage(db: &Connection, baskets: &mut BTreeMap<i64, Basket>) -> Result<(), LedgerError> {
    let mut query = db.prepare(
        "SELECT f.trade, f.price_e6 - l.best_e6, f.qty_e6, f.side = 'buy', f.is_taken_back \
         FROM fills f JOIN orders o USING (order_id) \
         JOIN decision_legs l ON l.decision = o.decision AND l.leg = o.leg \
         WHERE o.attempt = 0 AND l.best_e6 IS NOT NULL",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (worse, qty): (i64, i64) = (row.get(1)?, row.get(2)?);
        let (is_buy, is_back): (bool, bool) = (row.get(3)?, row.get(4)?);
        let paid = i128::from(worse) * i128::from(qty);
        let paid = Exact::from_pico(if is_buy == is_back { -paid } else { paid });
        if let Some(basket) = baskets.get_mut(&row.get(0)?) {
            basket.slippage = plus(basket.slippage, paid);
        }
    }
    Ok(())
}

fn accounts(db: &Connection) -> Result<Vec<Account>, LedgerError> {
    let mut query = db.prepare(
        "SELECT v.name, a.cash_usd_e6, a.cash_rest_e12, a.committed_usd_e6, a.committed_rest_e12, \
         a.fees_usd_e6, a.fees_rest_e12, a.realised_usd_e6, a.realised_rest_e12 \
         FROM accounts a JOIN venues v USING (venue) ORDER BY v.name",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Account {
            venue: row.get(0)?,
            cash: money(row, 1)?,
            committed: money(row, 3)?,
            fees: money(row, 5)?,
            realised: money(row, 7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn positions(db: &Connection) -> Result<Vec<Held>, LedgerError> {
    let mut query = db.prepare(
        "SELECT v.name, b.market, b.name, p.face, p.qty_e6, p.cost_usd_e6, p.cost_rest_e12 \
         FROM positions p JOIN books b USING (book) JOIN venues v ON v.venue = b.venue \
         WHERE p.qty_e6 <> 0 ORDER BY v.name, b.market, p.face",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Held {
            venue: row.get(0)?,
            market: row.get(1)?,
            name: row.get(2)?,
            face: row.get(3)?,
            qty_e6: row.get(4)?,
            cost: money(row, 5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn comparisons(db: &Connection) -> Result<Vec<Comparison>, LedgerError> {
    let mut query = db.prepare(
        "SELECT v.name, r.at_ns, r.cash_usd_e6, r.cash_rest_e12, r.compared_count, \
         r.different_count FROM reconciliations r JOIN venues v USING (venue) \
         WHERE r.sequence = (SELECT MAX(sequence) FROM reconciliations WHERE venue = r.venue) \
         ORDER BY v.name",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Comparison {
            venue: row.get(0)?,
            at_ns: row.get(1)?,
            cash: money(row, 2)?,
            compared: row.get(4)?,
            different: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
