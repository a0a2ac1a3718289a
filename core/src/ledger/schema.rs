//! The ledger's tables, and how an older file comes to them.
//!
//! Every number is an integer whose unit is in its column's name: `_e6` is 1e-6 of a contract or of
//! a payout, `_usd_e6` is 1e-6 $, `_ns` is nanoseconds since 1970. A sum of money that is exact to
//! 1e-12 $ takes two columns: `x_usd_e6`, rounded down, and `x_rest_e12`, what is left of it in
//! 1e-12 $ (0 to 999 999). A basket's payoff is in 1e-14 $.

use rusqlite::Connection;

use super::LedgerError;

/// The steps from an empty file to the tables of today. A file says how many it has seen.
const STEPS: [&str; 1] = ["
CREATE TABLE progress (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
    next_sequence INTEGER NOT NULL
);
INSERT INTO progress VALUES (0, 0);
CREATE TABLE boots (
    boot INTEGER PRIMARY KEY,
    random_hex TEXT NOT NULL,
    is_live INTEGER NOT NULL,
    began_ns INTEGER NOT NULL
);
CREATE TABLE venues (venue INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE events (event INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE books (
    book INTEGER PRIMARY KEY,
    venue INTEGER NOT NULL,
    event INTEGER NOT NULL,
    market TEXT NOT NULL,
    name TEXT NOT NULL
);
CREATE TABLE decisions (
    decision INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    opportunity INTEGER NOT NULL,
    kind TEXT NOT NULL,
    leg_count INTEGER NOT NULL,
    size_e6 INTEGER NOT NULL,
    gross_usd_e6 INTEGER NOT NULL, gross_rest_e12 INTEGER NOT NULL,
    fees_usd_e6 INTEGER NOT NULL, fees_rest_e12 INTEGER NOT NULL,
    edge_usd_e6 INTEGER NOT NULL, edge_rest_e12 INTEGER NOT NULL
);
CREATE TABLE decision_legs (
    decision INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    book INTEGER NOT NULL,
    face TEXT NOT NULL,
    side TEXT NOT NULL,
    limit_e6 INTEGER NOT NULL,
    qty_e6 INTEGER NOT NULL,
    best_e6 INTEGER,
    PRIMARY KEY (decision, leg)
) WITHOUT ROWID;
CREATE TABLE baskets (
    trade INTEGER PRIMARY KEY,
    decision INTEGER NOT NULL,
    opened_ns INTEGER NOT NULL,
    payoff_usd_e14 INTEGER NOT NULL,
    was_legged INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    ended_ns INTEGER
);
CREATE TABLE basket_legs (
    trade INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    book INTEGER NOT NULL,
    face TEXT NOT NULL,
    ratio_e6 INTEGER NOT NULL,
    lot_e6 INTEGER NOT NULL,
    held_e6 INTEGER NOT NULL,
    cash_usd_e6 INTEGER NOT NULL, cash_rest_e12 INTEGER NOT NULL,
    fees_usd_e6 INTEGER NOT NULL, fees_rest_e12 INTEGER NOT NULL,
    PRIMARY KEY (trade, leg)
) WITHOUT ROWID;
CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    decision INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    book INTEGER NOT NULL,
    face TEXT NOT NULL,
    side TEXT NOT NULL,
    limit_e6 INTEGER NOT NULL,
    qty_e6 INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    hash_hex TEXT,
    native_id TEXT,
    signed_limit_e6 INTEGER,
    signed_qty_e6 INTEGER,
    budget_usd_e6 INTEGER,
    sent_ns INTEGER,
    ended_ns INTEGER,
    filled_e6 INTEGER NOT NULL DEFAULT 0,
    delivered_e6 INTEGER NOT NULL DEFAULT 0,
    cash_usd_e6 INTEGER NOT NULL DEFAULT 0, cash_rest_e12 INTEGER NOT NULL DEFAULT 0,
    fees_usd_e6 INTEGER NOT NULL DEFAULT 0, fees_rest_e12 INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX orders_of_leg ON orders (trade, leg);
CREATE TABLE fills (
    sequence INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    key_hex TEXT,
    book INTEGER NOT NULL,
    face TEXT NOT NULL,
    side TEXT NOT NULL,
    is_taken_back INTEGER NOT NULL,
    price_e6 INTEGER NOT NULL,
    qty_e6 INTEGER NOT NULL,
    delivered_e6 INTEGER NOT NULL,
    cash_usd_e6 INTEGER NOT NULL, cash_rest_e12 INTEGER NOT NULL,
    fees_usd_e6 INTEGER NOT NULL, fees_rest_e12 INTEGER NOT NULL
);
CREATE INDEX fills_of_order ON fills (order_id);
CREATE TABLE transfers (
    sequence INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    origin TEXT NOT NULL,
    venue INTEGER,
    book INTEGER,
    face TEXT,
    order_id INTEGER,
    qty_e6 INTEGER NOT NULL,
    cash_usd_e6 INTEGER NOT NULL, cash_rest_e12 INTEGER NOT NULL
);
CREATE TABLE positions (
    book INTEGER NOT NULL,
    face TEXT NOT NULL,
    qty_e6 INTEGER NOT NULL,
    cost_usd_e6 INTEGER NOT NULL, cost_rest_e12 INTEGER NOT NULL,
    PRIMARY KEY (book, face)
) WITHOUT ROWID;
CREATE TABLE accounts (
    venue INTEGER PRIMARY KEY,
    cash_usd_e6 INTEGER NOT NULL, cash_rest_e12 INTEGER NOT NULL,
    committed_usd_e6 INTEGER NOT NULL, committed_rest_e12 INTEGER NOT NULL,
    fees_usd_e6 INTEGER NOT NULL, fees_rest_e12 INTEGER NOT NULL,
    realised_usd_e6 INTEGER NOT NULL, realised_rest_e12 INTEGER NOT NULL
);
CREATE TABLE lives (
    boot INTEGER NOT NULL,
    life INTEGER NOT NULL,
    kind TEXT NOT NULL,
    born_ns INTEGER NOT NULL,
    died_ns INTEGER NOT NULL,
    cause TEXT NOT NULL,
    updates INTEGER NOT NULL,
    is_traded INTEGER NOT NULL,
    best_size_e6 INTEGER NOT NULL,
    best_edge_usd_e6 INTEGER NOT NULL, best_edge_rest_e12 INTEGER NOT NULL,
    PRIMARY KEY (boot, life)
) WITHOUT ROWID;
CREATE TABLE reconciliations (
    sequence INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    venue INTEGER NOT NULL,
    cash_usd_e6 INTEGER NOT NULL, cash_rest_e12 INTEGER NOT NULL,
    compared_count INTEGER NOT NULL,
    different_count INTEGER NOT NULL
);
"];

/// Every table, in the order in which a dump prints them.
pub const TABLES: [&str; 16] = [
    "progress",
    "boots",
    "venues",
    "events",
    "books",
    "decisions",
    "decision_legs",
    "baskets",
    "basket_legs",
    "orders",
    "fills",
    "transfers",
    "positions",
    "accounts",
    "lives",
    "reconciliations",
];

/// The version that this program writes.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Brings a file to the tables of today.
pub(super) fn migrate(db: &mut Connection) -> Result<(), LedgerError> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > newest() {
        return Err(LedgerError::Newer { found: version, known: newest() });
    }
    for (step, sql) in (1_i64..).zip(STEPS) {
        if step > version {
            let change = db.transaction()?;
            change.execute_batch(sql)?;
            change.pragma_update(None, "user_version", step)?;
            change.commit()?;
        }
    }
    Ok(())
}
