//! The `[relations]` section: the file of approved relations, and how it is compiled.

use std::path::PathBuf;

use dutchbook_book::Nanos;
use serde::Deserialize;

use super::{ConfigError, millis, size};

/// Where approved relations come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationsConfig {
    /// The file; without one only structure is traded.
    pub file: Option<PathBuf>,
    /// How long changes are collected before relations are compiled again.
    pub debounce: Nanos,
    /// How often clusters are searched for baskets that no closed form has; zero is never.
    pub search: Nanos,
    /// Most legs of a basket that a search may find.
    pub legs_max: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelations {
    file: String,
    debounce_ms: u64,
    search_ms: u64,
    legs_max: u64,
}

impl RawRelations {
    pub(super) fn check(self) -> Result<RelationsConfig, ConfigError> {
        Ok(RelationsConfig {
            file: (!self.file.is_empty()).then(|| PathBuf::from(self.file)),
            debounce: millis("relations.debounce_ms", self.debounce_ms, 10..=60_000)?,
            search: match self.search_ms {
                0 => Nanos::ZERO,
                some => millis("relations.search_ms", some, 100..=3_600_000)?,
            },
            legs_max: size("relations.legs_max", self.legs_max, 2..=8)?,
        })
    }
}
