//! What the listings charge, by the categories of the venues in autumn 2026.

use dutchbook_book::Rate;
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::fee::kalshi::{FeeType, Member, Rule, schedule};

const ONE: u32 = 1_000_000_000;

pub(super) const fn none() -> FeeSchedule {
    FeeSchedule::NONE
}

pub(super) const fn politics() -> FeeSchedule {
    FeeSchedule::polymarket(Rate::from_nano(40_000_000), 1)
}

pub(super) const fn crypto() -> FeeSchedule {
    FeeSchedule::polymarket(Rate::from_nano(70_000_000), 1)
}

pub(super) const fn sports() -> FeeSchedule {
    FeeSchedule::polymarket(Rate::from_nano(50_000_000), 1)
}

fn current(multiplier: u32) -> FeeSchedule {
    let rule = Rule::Current(Member::Direct);
    schedule(FeeType::Quadratic, Rate::from_nano(multiplier), rule).unwrap_or(FeeSchedule::NONE)
}

pub(super) fn kalshi() -> FeeSchedule {
    current(ONE)
}

pub(super) fn kalshi_half() -> FeeSchedule {
    current(ONE / 2)
}

pub(super) fn kalshi_free() -> FeeSchedule {
    current(0)
}
