//! What a run had before it began: the journal that it goes on from, kept in the capture's folder, so
//! that a replay begins with the same money, positions and numbers.

use std::io;
use std::path::Path;

use dutchbook_book::catalog::Catalog;
use dutchbook_core::journal::folder::Folder;
use dutchbook_core::position::bonds::Bonds;
use dutchbook_core::recovery::{Recovered, recover};
use dutchbook_core::relation::Relation;

use super::error::CaptureError;

/// The folder of the journal within a capture.
const FOLDER: &str = "went_on_from";

/// Makes the folder of a new capture, where nothing may lie but what was kept before the run began.
pub(super) fn make_room(capture: &Path) -> Result<(), CaptureError> {
    std::fs::create_dir_all(capture)?;
    for entry in std::fs::read_dir(capture)? {
        if entry?.file_name() != FOLDER {
            return Err(CaptureError::NotEmpty(capture.display().to_string()));
        }
    }
    Ok(())
}

/// Keeps what a journal holds now; nothing where there is none. Call it before the run writes into it.
/// Files of a journal are never changed once another process writes: a second name costs no room, and
/// where the disks differ they are copied.
///
/// # Errors
/// When the capture's folder holds something already, or a disk says no.
pub fn keep(journal: &Path, capture: &Path) -> Result<(), CaptureError> {
    make_room(capture)?;
    let within = capture.join(FOLDER);
    if within.exists() {
        return Err(CaptureError::NotEmpty(capture.display().to_string()));
    }
    let files = match std::fs::read_dir(journal) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for file in files {
        let (from, name) = file.map(|file| (file.path(), file.file_name()))?;
        let text = name.to_string_lossy();
        if !text.contains(".journal") && !text.ends_with(".names.json") {
            continue;
        }
        std::fs::create_dir_all(&within)?;
        let to = within.join(&name);
        if std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// What the run of a capture went on from; `None` for one that began with nothing.
pub(super) fn read(
    capture: &Path,
    catalog: &Catalog,
    relations: &[Relation],
) -> Result<Option<Recovered>, CaptureError> {
    let journal = capture.join(FOLDER);
    if !journal.is_dir() {
        return Ok(None);
    }
    let wrap = |error: dutchbook_core::journal::folder::JournalError| {
        CaptureError::Setup(error.to_string())
    };
    let folder = Folder::look(&journal).map_err(wrap)?;
    recover(&folder, catalog, &Bonds::of(relations)).map(Some).map_err(wrap)
}
