//! The accounts as tables: orders, fills, fees, positions, cash, baskets, lives, in one SQLite file.
//!
//! The journal is the truth and the ledger is made from it, off the hot path, by one function of its
//! records ([`Ledger::take`]): so a ledger that is gone, damaged or behind is made again, and one
//! that was written while trading equals one that is made afterwards, row for row. What a record
//! changes and the number of the next record are committed together: a kill leaves no half row.

pub mod follow;
pub mod report;
mod rows;
pub mod schema;

use std::path::{Path, PathBuf};

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{BookId, Exact, Face, VenueId};
use rusqlite::Connection;

use crate::journal::folder::{Folder, Item, JournalError};
use crate::recovery::Replay;

/// The ledger's file in a journal's folder.
pub const FILE: &str = "ledger.sqlite";
/// Records between two commits while much is read.
const COMMIT_RECORDS: u32 = 4_096;

/// Why a ledger cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// What the database says.
    #[error("the ledger cannot be used ({0}): remove the file, it is made again from the journal")]
    Database(#[from] rusqlite::Error),
    /// The journal that it is made from cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A newer program wrote it.
    #[error("the ledger has version {found}, this program knows {known}: use the newer program")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The thread that writes it is gone.
    #[error("the thread of the ledger panicked: the next start makes up for it")]
    Stopped,
    /// A number that does not fit 64 bits.
    #[error("a sum of the journal does not fit the ledger's columns")]
    TooLarge,
    /// The file cannot be removed to be made again.
    #[error("the ledger {path} cannot be replaced ({source})")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// An open ledger, and everything that the journal's next record needs to be understood.
#[derive(Debug)]
pub struct Ledger {
    db: Connection,
    replay: Replay,
    /// The first record that is not in the file.
    next: u64,
    pending: u32,
}

impl Ledger {
    /// Opens the ledger of a journal and brings it up to the journal's end. Whether it had to be
    /// made anew is the second answer: because it was missing, damaged, or ahead of a journal that
    /// has lost its end.
    ///
    /// # Errors
    /// When the journal cannot be read or the file not be written.
    pub fn catch_up(folder: &Folder) -> Result<(Self, bool), LedgerError> {
        let path = folder.path().join(FILE);
        let is_new = !path.exists();
        let read = Self::open(&path).and_then(|ledger| ledger.read(folder));
        match read {
            Ok((ledger, sequence)) if ledger.next <= sequence => Ok((ledger, is_new)),
            Err(error @ (LedgerError::Newer { .. } | LedgerError::Journal(_))) => Err(error),
            Ok(_) | Err(_) => {
                remove(&path)?;
                Ok((Self::open(&path)?.read(folder)?.0, true))
            }
        }
    }

    /// Opens a file, or makes it, with the tables of today.
    ///
    /// # Errors
    /// When it is no ledger, or a newer one.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        schema::migrate(&mut db)?;
        let next: i64 = db.query_row("SELECT next_sequence FROM progress", [], |row| row.get(0))?;
        let next = u64::try_from(next).map_err(|_| LedgerError::TooLarge)?;
        Ok(Self { db, replay: Replay::new(&Catalog::default()), next, pending: 0 })
    }

    /// Reads a journal from its beginning; what the file has already is only understood.
    fn read(mut self, folder: &Folder) -> Result<(Self, u64), LedgerError> {
        let mut failed = None;
        let ending = folder.read(|item| {
            if failed.is_none() {
                failed = self.take(item).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.commit()?;
        Ok((self, ending.sequence))
    }

    /// Takes the journal's next item. What it changes is in the file after the next
    /// [`Ledger::commit`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn take(&mut self, item: Item<'_>) -> Result<(), LedgerError> {
        let Some(taken) = self.replay.take(item) else { return Ok(()) };
        let sequence = taken.entry.sequence;
        if sequence < self.next {
            return Ok(());
        }
        if self.pending == 0 {
            self.db.execute_batch("BEGIN IMMEDIATE")?;
        }
        rows::write(&self.db, &self.replay, &taken)?;
        self.next = sequence.saturating_add(1);
        self.pending += 1;
        if self.pending >= COMMIT_RECORDS { self.commit() } else { Ok(()) }
    }

    /// Commits what was taken.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn commit(&mut self) -> Result<(), LedgerError> {
        if self.pending == 0 {
            return Ok(());
        }
        let next = i64::try_from(self.next).map_err(|_| LedgerError::TooLarge)?;
        self.db.prepare_cached("UPDATE progress SET next_sequence = ?1")?.execute([next])?;
        self.db.execute_batch("COMMIT")?;
        self.pending = 0;
        Ok(())
    }

    /// The number of the first record that is not in the file.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    /// How far the accounts of the file are from those that the journal adds up to: the sum of the
    /// absolute differences of cash and cost.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn difference(&self) -> Result<Exact, LedgerError> {
        let mut sum = 0_i128;
        let portfolio = self.replay.portfolio();
        let mut query =
            self.db.prepare("SELECT venue, cash_usd_e6, cash_rest_e12 FROM accounts")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let ours = portfolio.money(VenueId(row.get(0)?)).cash.pico();
            sum = sum.saturating_add(ours.abs_diff(report::money(row, 1)?.pico()).cast_signed());
        }
        let mut query = self
            .db
            .prepare("SELECT book, face = 'no', cost_usd_e6, cost_rest_e12 FROM positions")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let face = if row.get(1)? { Face::No } else { Face::Yes };
            let ours = portfolio.cost(BookId(row.get(0)?).instrument(face)).pico();
            sum = sum.saturating_add(ours.abs_diff(report::money(row, 2)?.pico()).cast_signed());
        }
        Ok(Exact::from_pico(sum))
    }

    /// The database, for those who read.
    #[must_use]
    pub const fn database(&self) -> &Connection {
        &self.db
    }

    /// Every row of every table as text, in an order of its own: equal ledgers give equal dumps.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn dump(&self) -> Result<Vec<String>, LedgerError> {
        let mut lines = Vec::new();
        for table in schema::TABLES {
            let mut rows = self.db.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2"))?;
            let columns = rows.column_count();
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let mut line = table.to_owned();
                for column in 0..columns {
                    line.push_str(&format!(" {:?}", row.get_ref(column)?));
                }
                lines.push(line);
            }
        }
        Ok(lines)
    }
}

/// Removes a ledger with what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), LedgerError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(LedgerError::File { path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
