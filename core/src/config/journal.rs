//! The `[journal]` section: where what happens is kept, and how.

use core::time::Duration;
use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, within};
use crate::journal::codec::RECORD_BYTES;
use crate::journal::keeper::JournalConfig;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJournal {
    folder: String,
    segment_mib: u64,
    flush_ms: u64,
    free_mib_min: u64,
    archive: bool,
}

impl RawJournal {
    /// Where the journal is, if anywhere, and how it is kept.
    pub(super) fn check(self) -> Result<(Option<PathBuf>, JournalConfig), ConfigError> {
        let mib = within("journal.segment_mib", self.segment_mib, 1..=1_024)?;
        let bytes = usize::try_from(mib << 20).unwrap_or(usize::MAX);
        let flush_ms = within("journal.flush_ms", self.flush_ms, 1..=10_000)?;
        let free = within("journal.free_mib_min", self.free_mib_min, 0..=16_777_216)?;
        let config = JournalConfig {
            segment_records: bytes / RECORD_BYTES,
            flush: Duration::from_millis(flush_ms),
            free_bytes_min: free << 20,
            archives: self.archive,
        };
        Ok(((!self.folder.is_empty()).then(|| self.folder.into()), config))
    }
}
