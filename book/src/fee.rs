//! Fee schedules as dated data with exact functions. (STUB: owned by helper B)

/// What a taker pays, as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeSchedule;

impl FeeSchedule {
    /// No fee.
    pub const NONE: Self = Self;
}
