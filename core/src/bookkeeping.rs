//! What of a run outlives it: the journal's files and the ledger, opened, read and kept together.
//!
//! Opening reads what earlier processes have written, so that this one goes on with their money,
//! positions and numbers; from then on the engine writes, and two slow threads keep the files and the
//! ledger.

use std::path::Path;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::Catalog;
use dutchbook_exec::local_id::Boot;

use crate::journal::folder::{Folder, JournalError};
use crate::journal::keeper::{self, JournalConfig, Keeper, Start};
use crate::journal::mapped::SegmentWriter;
use crate::journal::names::Namer;
use crate::ledger::follow::{Follower, follow};
use crate::ledger::{Ledger, LedgerError};
use crate::position::bonds::Bonds;
use crate::recovery::{Recovered, recover};

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The system gives no thread.
    #[error("cannot start the thread of the ledger ({0})")]
    Thread(#[from] std::io::Error),
}

/// The slow side of what is kept.
#[derive(Debug)]
pub struct Books {
    keeper: Keeper,
    follower: Follower,
}

/// A journal that is open, and what it held.
#[derive(Debug)]
pub struct OpenBooks {
    /// What earlier processes knew.
    pub recovered: Recovered,
    /// The engine's side of the files.
    pub writer: SegmentWriter,
    /// The number of the engine's first record.
    pub sequence: u64,
    /// The slow side.
    pub books: Books,
    /// Who names markets that appear while it is written.
    pub namer: Namer,
    /// What a person should know of what was found.
    pub notes: Vec<String>,
}

/// Who opens the books.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// How the journal is kept.
    pub config: JournalConfig,
    /// The catalog of this run.
    pub catalog: &'a Catalog,
    /// What its relations bind.
    pub bonds: &'a Bonds,
    /// The random number of this process.
    pub boot: Boot,
    /// Whether its orders go to venues.
    pub is_live: bool,
    /// When it begins.
    pub now: Nanos,
}

/// Reads what there is and begins to write behind it.
///
/// # Errors
/// When the folder is in use, cannot be read, or the disk has no room.
pub fn open(opening: &Opening<'_>) -> Result<OpenBooks, KeepError> {
    let folder = Folder::open(opening.folder)?;
    let recovered = recover(&folder, opening.catalog, opening.bonds)?;
    let (ledger, is_new) = Ledger::catch_up(&folder)?;
    let names = recovered.names.clone();
    let (boot, is_live, now) = (opening.boot, opening.is_live, opening.now);
    let start = Start { boot, is_live, names: &names, now };
    let opened = keeper::begin(folder, &recovered.ending, opening.config, &start)?;
    let (follower, namer) = follow(ledger, &opened.keeper, names)?;
    let notes = notes(&recovered, is_new);
    let books = Books { keeper: opened.keeper, follower };
    let (writer, sequence) = (opened.writer, opened.sequence);
    Ok(OpenBooks { recovered, writer, sequence, books, namer, notes })
}

fn notes(recovered: &Recovered, is_new: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if recovered.is_fresh() {
        return notes;
    }
    let ending = &recovered.ending;
    let open = recovered.open_orders().count();
    notes.push(format!(
        "the journal holds {} records of {} runs: {open} orders may live, {} baskets are under way",
        ending.records,
        recovered.boots,
        recovered.baskets.len()
    ));
    if is_new {
        notes.push("the ledger was made again from the journal".to_owned());
    }
    if ending.lost > 0 {
        let lost = ending.lost;
        notes.push(format!("{lost} records of the journal are lost: compare with the venues"));
    }
    if recovered.refused > 0 {
        let refused = recovered.refused;
        notes.push(format!("{refused} records of the journal contradict the others"));
    }
    for unlisted in &recovered.unlisted {
        let [yes, no] = unlisted.held;
        let market = &unlisted.name.market;
        notes.push(format!("held where nothing trades any more: {market}, YES {yes}, NO {no}"));
    }
    notes
}

impl Books {
    /// What went wrong since the last call: a full disk, a failing one.
    pub fn complaints(&self) -> impl Iterator<Item = String> + '_ {
        self.keeper.complaints()
    }

    /// Waits until everything is on the disk and in the ledger. The engine's side has to be gone.
    ///
    /// # Errors
    /// When the disk has failed, or the ledger could not be written.
    pub fn finish(self) -> Result<Ledger, KeepError> {
        let ledger = self.follower.finish();
        self.keeper.finish()?;
        Ok(ledger?)
    }
}
