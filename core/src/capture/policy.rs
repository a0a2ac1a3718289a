//! How much disk a capture may use, and what happens at that bound.

/// What to do when the bytes allowed are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Store nothing more; the capture ends there.
    Stop,
    /// Remove the oldest segment: the capture keeps the newest.
    DropOldest,
}

/// Bounds of one capture on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A segment of this size is closed and the next begun.
    pub segment_bytes_max: u64,
    /// All segments together.
    pub bytes_max: u64,
    /// What happens at that bound.
    pub when_full: WhenFull,
}
