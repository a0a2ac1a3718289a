//! `[tiles]`: how tiles share the work, and on which cores.

use serde::Deserialize;

use super::{ConfigError, size};
use crate::pin::{Wait, core_count};

/// Two feed tiles, the evaluation tile, and one core for everything else.
pub(super) const SPLIT_CORES_MIN: usize = 4;

/// How tiles share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutKind {
    /// One tile for sockets, books and evaluator.
    Single,
    /// A feed tile per venue and an evaluation tile.
    Split,
}

/// Tiles, cores and rings.
#[derive(Clone, Debug)]
pub struct TilesConfig {
    /// How tiles share the work.
    pub layout: LayoutKind,
    /// What an idle tile does.
    pub wait: Wait,
    /// Cores by index; empty: unpinned.
    pub cores: Vec<usize>,
    /// Slots of a feed's ring.
    pub ring_slots: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTiles {
    layout: RawLayout,
    wait: RawWait,
    cores: Vec<usize>,
    ring_slots: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawLayout {
    Auto,
    Single,
    Split,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawWait {
    Auto,
    Spin,
    Yield,
    Park,
}

impl RawTiles {
    pub(super) fn check(self) -> Result<TilesConfig, ConfigError> {
        let layout = match self.layout {
            RawLayout::Split => LayoutKind::Split,
            RawLayout::Auto if core_count() >= SPLIT_CORES_MIN => LayoutKind::Split,
            RawLayout::Auto | RawLayout::Single => LayoutKind::Single,
        };
        let tiles = match layout {
            LayoutKind::Single => 1,
            LayoutKind::Split => SPLIT_CORES_MIN - 1,
        };
        let wait = match self.wait {
            RawWait::Spin => Wait::Spin,
            RawWait::Yield => Wait::Yield,
            RawWait::Park => Wait::Park,
            RawWait::Auto => Wait::sensible(tiles),
        };
        let cores = core_count();
        if let Some(core) = self.cores.iter().find(|core| **core >= cores) {
            return Err(ConfigError::Range {
                key: "tiles.cores",
                value: core.to_string(),
                expected: format!("core indices from 0 to {}", cores - 1),
            });
        }
        let mut distinct = self.cores.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != self.cores.len() && wait == Wait::Spin {
            return Err(ConfigError::Range {
                key: "tiles.cores",
                value: format!("{:?}", self.cores),
                expected: "no core twice: two spinning tiles would starve each other".to_owned(),
            });
        }
        let ring_slots = size("tiles.ring_slots", self.ring_slots, 2..=1_048_576)?;
        if !ring_slots.is_power_of_two() {
            return Err(ConfigError::Range {
                key: "tiles.ring_slots",
                value: ring_slots.to_string(),
                expected: "a power of two".to_owned(),
            });
        }
        Ok(TilesConfig { layout, wait, cores: self.cores, ring_slots })
    }
}
