//! Unit costs by tick: one table per distinct fee schedule, grid and use, shared by all books.
//!
//! Indexed by the tick of the *book's* side (YES terms), so that a NO slot needs no mirroring on the
//! hot path. Entry 0 is "missing": no level has tick 0.

use crate::eval::compile::{Slot, Trade, scale_ceil};
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{Face, Grid, Price};

/// What a missing side adds to a sum: more than any floor, so that no sum with one in it is
/// negative, and little enough that [`SLOTS_MAX`] of them fit.
pub(super) const MISSING: UnitCost = 1 << 53;
/// The most slots of a basket.
pub(super) const SLOTS_MAX: usize = 512;
/// The largest floor of a basket: about ninety dollars.
pub(super) const FLOOR_MAX: UnitCost = MISSING - 1;
/// Grids of more ticks than this get no table; their books are priced directly.
const TABLE_TICKS_MAX: u32 = 10_000;

/// The tick of a price that is on no tick of its table.
pub(super) const OFF: u16 = u16::MAX;

const _: () = assert!(TABLE_TICKS_MAX < OFF as u32);
const _: () = assert!(MISSING.checked_mul(768).is_some() && SLOTS_MAX <= 512);
const _: () = assert!(FLOOR_MAX > 64 * UNIT_PAYOUT);

/// What one entry of a table means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) fee: FeeSchedule,
    pub(super) face: Face,
    pub(super) trade: Trade,
    pub(super) ratio_micro: u32,
    /// Of a subset: what leaving the outcome out forgoes, taken off every entry.
    pub(super) optional: Option<u32>,
}

impl Use {
    /// The entry of a price in YES terms in micro; 0 is a missing side.
    pub(super) fn value(&self, micro: u32) -> UnitCost {
        let ask = match (Price::from_micro(micro), self.face) {
            (Some(Price::ZERO | Price::ONE) | None, _) => None,
            (Some(price), Face::Yes) => Some(price),
            (Some(price), Face::No) => Some(price.complement()),
        };
        let hold = dutchbook_book::BookId(0).instrument(self.face);
        let slot = Slot { hold, trade: self.trade, ratio_micro: self.ratio_micro, group: 0 };
        let cost = ask.and_then(|ask| slot.cost(&self.fee, ask)).map(|(cost, _)| cost);
        match self.optional.and_then(|kept| scale_ceil(UNIT_PAYOUT, kept)) {
            Some(kept) => cost.map_or(0, |cost| cost.saturating_sub(kept).min(0)),
            None => cost.unwrap_or(MISSING).min(MISSING),
        }
    }
}

/// Price to tick without a division: exact for every price and step up to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) magic: u64,
    pub(super) step: u32,
}

const MAGIC_SHIFT: u32 = 40;

impl Pace {
    pub(super) fn of(grid: &Grid) -> Self {
        if grid.ticks() > TABLE_TICKS_MAX {
            // Only the missing price 0 is on this grid: every other one is priced directly.
            return Self { magic: 0, step: 0 };
        }
        let step = grid.step().max(1);
        Self { magic: (1_u64 << MAGIC_SHIFT).div_ceil(u64::from(step)), step }
    }

    /// The tick of a price in micro, or [`OFF`] where it is none of this grid's.
    #[inline(always)]
    pub(super) fn at(self, micro: u32) -> u16 {
        // At most 2^20 × 2^40.
        let tick = (u64::from(micro).wrapping_mul(self.magic) >> MAGIC_SHIFT) as u32;
        // A grid with a table has at most 10 000 ticks.
        if tick.wrapping_mul(self.step) == micro { tick as u16 } else { OFF }
    }

    fn entries(self) -> u32 {
        Price::ONE.micro().checked_div(self.step).map_or(0, |ticks| ticks.saturating_add(1))
    }
}

#[derive(Clone, Debug)]
struct Table {
    base: u32,
    pace: Pace,
    of: Use,
}

/// All tables, in one array.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    entries: Vec<UnitCost>,
    /// By base, ascending.
    tables: Vec<Table>,
}

impl Tables {
    /// Where the table of a use on a grid begins; built when new. `None` past four billion entries.
    pub(super) fn base(&mut self, of: Use, pace: Pace) -> Option<u32> {
        let same = |table: &&Table| table.pace == pace && table.of == of;
        if let Some(table) = self.tables.iter().find(same) {
            return Some(table.base);
        }
        let base = u32::try_from(self.entries.len()).ok()?;
        self.tables.push(Table { base, pace, of });
        self.entries.push(of.value(0));
        for tick in 1..pace.entries() {
            self.entries.push(of.value(tick.saturating_mul(pace.step)));
        }
        Some(base)
    }

    #[inline(always)]
    pub(super) fn entries(&self) -> &[UnitCost] {
        &self.entries
    }

    /// What the table at a base is used for.
    pub(super) fn used(&self, base: u32) -> Option<Use> {
        let at = self.tables.partition_point(|table| table.base <= base);
        at.checked_sub(1).and_then(|at| self.tables.get(at)).map(|table| table.of)
    }

    /// The value of any price, on the grid or off it.
    pub(super) fn value(&self, base: u32, micro: u32) -> UnitCost {
        self.used(base).map_or(MISSING, |of| of.value(micro))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::Rate;

    #[test]
    fn ticks_without_division_equal_division() {
        for step in [100_000, 10_000, 5_000, 2_500, 1_250, 1_000, 100] {
            let pace = Pace::of(&Grid::uniform(Price::from_micro(step).unwrap()).unwrap());
            for micro in 0..=1_000_000 {
                let tick = if micro % step == 0 { micro / step } else { u32::from(OFF) };
                assert_eq!(u32::from(pace.at(micro)), tick);
            }
        }
    }

    #[test]
    fn tables_hold_the_test_values_of_the_unit_costs() {
        let fee = FeeSchedule::polymarket(Rate::from_ppm(50_000).unwrap(), 1);
        let pace = Pace::of(&Grid::uniform(Price::from_pips(100).unwrap()).unwrap());
        let mut tables = Tables::default();
        let mut of =
            Use { fee, face: Face::Yes, trade: Trade::Buy, ratio_micro: 1_000_000, optional: None };
        let yes = tables.base(of, pace).unwrap();
        of.face = Face::No;
        let no = tables.base(of, pace).unwrap();
        let entry = |base, tick: usize| tables.entries()[usize::try_from(base).unwrap() + tick];
        assert_eq!(entry(yes, 44), 45_232_000_000_000);
        assert_eq!(entry(no, 48), 53_248_000_000_000);
        assert_eq!((entry(yes, 0), tables.value(no, 480_000)), (MISSING, 53_248_000_000_000));
    }
}
