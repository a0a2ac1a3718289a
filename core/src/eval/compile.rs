//! Relations to basket templates: the closed forms, off the hot path.
//!
//! Every slot of a template is an exposure to *hold*. It costs what its instrument's ask costs, or,
//! where sets can be split, one dollar less what the other face's bid brings: "not i" is bought as
//! NO or kept when YES is sold. In that form each closed form is one sum and one bound.
//!
//! * [`Shape::All`]: Σ cost < floor.
//! * [`Shape::Subset`], the short side of an exclusive set. With κ = 1 − f for a conversion fee f,
//!   buying NO on S and selling the converted YES outside S pays when
//!   Σ_S U(aN) < κ·[(|S| − 1) + Σ_∉S V(bY)], which is Σ_S (U − κ) − Σ_∉S κ·V < −κ: the outcomes
//!   separate, so that every outcome takes min(U − κ, −κ·V, 0) whatever the others do, and nothing
//!   is enumerated. The 0 is "leave it out", which is why a missing book costs the basket an
//!   outcome and not its life. A sum below −κ needs two outcomes by itself, for no term is below
//!   −κ. Only with f > 0 must one NO really be bought: [`crate::eval::watch`] sees to it.
//! * [`Shape::Ladder`]: the cheapest pair of a lower rung's YES and a higher rung's NO.
//!
//! Floors come from the state table, so that void rows lower them and struck states lift them.

use crate::eval::basket::{BasketKind, Leg, RATIO_ONE};
use crate::eval::states::StateTable;
use crate::relation::{Law, Relation, Shown};
use dutchbook_book::catalog::Catalog;
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT, UnitCost};
use dutchbook_book::{InstrumentId, Price, Side};

/// How a slot's exposure is come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trade {
    /// Buy the instrument.
    Buy,
    /// Sell the other face out of a split set.
    Sell,
    /// Whichever is cheaper; buying when equal, for it needs no inventory. Of each contract not
    /// bought, `kept_micro` millionths exist to be sold.
    Cheaper {
        /// One, less the conversion fee.
        kept_micro: u32,
    },
}

/// One exposure of a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What is held.
    pub hold: InstrumentId,
    /// How it is come by.
    pub trade: Trade,
    /// Contracts per basket in 1e-6.
    pub ratio_micro: u32,
    /// Slots of one group show the same outcome: the cheapest is taken. Groups ascend.
    pub group: u16,
}

/// How the slots of a template add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One slot of every group.
    All,
    /// One slot of every group that gains.
    Subset {
        /// One, less the conversion fee: what leaving an outcome out forgoes.
        kept_micro: u32,
    },
    /// The best pair: groups 2r and 2r + 1 are YES and NO of rung r.
    Ladder,
}

/// A basket to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What it is reported as; a subset's or sale's kind is known when it is concrete.
    pub kind: BasketKind,
    /// Its slots, by group.
    pub slots: Vec<Slot>,
    /// How they add up.
    pub shape: Shape,
    /// What holding one slot of every group pays at least ([`Shape::Subset`]: a pair of rungs or
    /// outcomes, closed form).
    pub floor: UnitCost,
}

/// `unit × micro / 1e6`, rounded up.
#[must_use]
pub fn scale_ceil(unit: UnitCost, micro: u32) -> Option<UnitCost> {
    if micro == RATIO_ONE {
        return Some(unit);
    }
    let product = i128::from(unit).checked_mul(i128::from(micro))?;
    let up = product.checked_add(i128::from(RATIO_ONE) - 1)?;
    UnitCost::try_from(up.div_euclid(i128::from(RATIO_ONE))).ok()
}

impl Slot {
    fn buy(hold: InstrumentId, group: usize) -> Option<Self> {
        Self::of(hold, Trade::Buy, group)
    }

    fn of(hold: InstrumentId, trade: Trade, group: usize) -> Option<Self> {
        let group = u16::try_from(group).ok()?;
        Some(Self { hold, trade, ratio_micro: RATIO_ONE, group })
    }

    /// What the exposure costs when its instrument's ask is `ask`, in 1e-14 $, and which side is
    /// taken to come by it; `None` when it does not fit. The other face's bid is the ask's mirror.
    #[must_use]
    pub fn cost(&self, fee: &FeeSchedule, ask: Price) -> Option<(UnitCost, Side)> {
        let bought = || scale_ceil(fee.unit_cost(ask), self.ratio_micro);
        let kept = |micro| {
            let forgone = UNIT_PAYOUT.checked_sub(fee.unit_proceeds(ask.complement()))?;
            scale_ceil(forgone, micro)
        };
        match self.trade {
            Trade::Buy => Some((bought()?, Side::Buy)),
            Trade::Sell => Some((kept(self.ratio_micro)?, Side::Sell)),
            Trade::Cheaper { kept_micro } => {
                let (buy, sell) = (bought()?, kept(kept_micro)?);
                Some(if sell < buy { (sell, Side::Sell) } else { (buy, Side::Buy) })
            }
        }
    }

    /// The leg that comes by the exposure on a side.
    #[must_use]
    pub fn leg(&self, side: Side) -> Leg {
        match (side, self.trade) {
            (Side::Buy, _) => Leg { ratio_micro: self.ratio_micro, ..Leg::buy(self.hold) },
            (Side::Sell, Trade::Cheaper { kept_micro }) => {
                Leg { ratio_micro: kept_micro, ..Leg::sell(self.hold.complement()) }
            }
            (Side::Sell, Trade::Buy | Trade::Sell) => {
                Leg { ratio_micro: self.ratio_micro, ..Leg::sell(self.hold.complement()) }
            }
        }
    }
}

/// Every basket that a relation implies in the states still possible. Baskets whose floor is not
/// positive are left out: costs are never negative.
#[must_use]
pub fn compile(relation: &Relation, catalog: &Catalog) -> Vec<Template> {
    let states = &relation.states;
    let mut list = Vec::new();
    match &relation.law {
        Law::Complement { yes } => {
            let faces = [*yes, yes.complement()];
            list.push(all(BasketKind::SingleLong, &faces, states));
            if can_split(catalog, *yes) {
                list.push(sold(BasketKind::SingleShort, &faces, states));
            }
        }
        Law::Partition { outcomes } => {
            list.push(long(outcomes, states, catalog));
            list.extend(short(relation, outcomes, catalog));
        }
        Law::Exclusive { outcomes } => list.extend(short(relation, outcomes, catalog)),
        Law::Same { a, b } => {
            let kind = BasketKind::CrossVenue;
            list.push(all(kind, &[*a, b.complement()], states));
            list.push(all(kind, &[*b, a.complement()], states));
        }
        Law::Implication { a, b } => {
            list.push(all(BasketKind::Implication, &[a.complement(), *b], states));
        }
        Law::Ladder { rungs } => list.push(ladder(rungs, states)),
        Law::Bundle { whole, parts } => {
            let joined = |first: InstrumentId, rest: Vec<InstrumentId>| {
                let holds: Vec<_> = core::iter::once(first).chain(rest).collect();
                all(BasketKind::Bundle, &holds, states)
            };
            list.push(joined(whole.complement(), parts.clone()));
            list.push(joined(*whole, parts.iter().map(|part| part.complement()).collect()));
        }
        Law::Polytope { a, b, both, either } => {
            let [not_a, not_b] = [a.complement(), b.complement()];
            let mirror = [*a, *b, both.complement(), either.complement()];
            list.push(all(BasketKind::Polytope, &[not_a, not_b, *both, *either], states));
            list.push(all(BasketKind::Polytope, &mirror, states));
        }
        Law::Given { kind, legs } => list.push(given(*kind, legs, states)),
    }
    let kept = list.into_iter().flatten().filter(|template| template.floor > 0);
    kept.chain(certainties(states)).collect()
}

/// What pays one in every state still possible: buying it below one is resolution arbitrage, whose
/// preconditions [`crate::eval`]'s resolution rules check.
fn certainties(states: &StateTable) -> impl Iterator<Item = Template> + '_ {
    let any_struck = states.possible().count() < states.len();
    let certain = move |id: &&InstrumentId| any_struck && states.certain(**id) == Some(Price::ONE);
    states.instruments().iter().filter(certain).filter_map(|&id| {
        let slots = vec![Slot::buy(id, 0)?];
        let (kind, shape) = (BasketKind::Resolution, Shape::All);
        Some(Template { kind, slots, shape, floor: UNIT_PAYOUT })
    })
}

/// Whether a set of an instrument's condition can be split, so that sales need no inventory.
fn can_split(catalog: &Catalog, id: InstrumentId) -> bool {
    catalog.listing(id.book()).is_some_and(|listing| listing.can_split)
}

/// A basket that buys all of these. What a source has decided is left out: it adds nothing, or is a
/// basket of its own.
fn all(kind: BasketKind, holds: &[InstrumentId], states: &StateTable) -> Option<Template> {
    let is_open = |id: &&InstrumentId| match states.certain(**id) {
        Some(Price::ONE | Price::ZERO) => false,
        Some(_) | None => true,
    };
    let slots: Option<Vec<Slot>> =
        holds.iter().filter(is_open).enumerate().map(|(at, &id)| Slot::buy(id, at)).collect();
    finish(kind, slots?, states)
}

/// A complete set split and both faces sold: the exposures are the sold faces' complements.
fn sold(kind: BasketKind, holds: &[InstrumentId], states: &StateTable) -> Option<Template> {
    let slots: Option<Vec<Slot>> =
        holds.iter().enumerate().map(|(at, &id)| Slot::of(id, Trade::Sell, at)).collect();
    finish(kind, slots?, states)
}

/// The template of slots of which one in each group is taken, with its floor.
fn finish(kind: BasketKind, slots: Vec<Slot>, states: &StateTable) -> Option<Template> {
    if slots.is_empty() {
        return None;
    }
    let floor = group_floor(&slots, states)?;
    Some(Template { kind, slots, shape: Shape::All, floor })
}

/// What holding one slot of every group pays at least, whichever slots are taken.
fn group_floor(slots: &[Slot], states: &StateTable) -> Option<UnitCost> {
    let mut floor: Option<UnitCost> = None;
    for state in states.possible() {
        let mut sum: UnitCost = 0;
        for group in slots.chunk_by(|a, b| a.group == b.group) {
            let mut least = None;
            for slot in group {
                let value = states.value(state, &[slot.leg(Side::Buy)])?;
                least = Some(least.map_or(value, |least: UnitCost| least.min(value)));
            }
            sum = sum.checked_add(least?)?;
        }
        floor = Some(floor.map_or(sum, |floor| floor.min(sum)));
    }
    floor
}

/// YES on every outcome that can still win.
fn long(outcomes: &[Shown], states: &StateTable, catalog: &Catalog) -> Option<Template> {
    let is_plain = states.is_exclusive(outcomes);
    let can_win =
        |shown: &&Shown| shown.first().is_some_and(|&id| states.certain(id) != Some(Price::ZERO));
    let open: Vec<&Shown> = outcomes.iter().filter(can_win).collect();
    let mut slots = Vec::new();
    for (group, shown) in open.iter().enumerate() {
        for &id in shown.iter() {
            // A sale keeps the other face: safe only where the two pay one together.
            let split = is_plain && can_split(catalog, id);
            let trade = if split { Trade::Cheaper { kept_micro: RATIO_ONE } } else { Trade::Buy };
            slots.push(Slot::of(id, trade, group)?);
        }
    }
    // The last outcome standing is a resolution, not a set.
    if open.len() < 2 { None } else { finish(BasketKind::MultiLong, slots, states) }
}

/// NO on a subset of the outcomes, with the sale of the others where they can be sold.
fn short(relation: &Relation, outcomes: &[Shown], catalog: &Catalog) -> Vec<Option<Template>> {
    let states = &relation.states;
    let kind = match relation.law {
        Law::Partition { .. } => BasketKind::MultiShort,
        Law::Complement { .. }
        | Law::Exclusive { .. }
        | Law::Same { .. }
        | Law::Implication { .. }
        | Law::Ladder { .. }
        | Law::Bundle { .. }
        | Law::Polytope { .. }
        | Law::Given { .. } => BasketKind::Exclusive,
    };
    let not = |shown: &Shown| -> Shown { shown.iter().map(|id| id.complement()).collect() };
    let is_open =
        |shown: &&Shown| shown.first().is_some_and(|&id| states.certain(id) != Some(Price::ONE));
    let shorts: Vec<Shown> = outcomes.iter().map(not).collect();
    let open: Vec<&Shown> = shorts.iter().filter(is_open).collect();
    if open.len() < 2 {
        return Vec::new();
    }
    if !states.is_exclusive(outcomes) {
        // Void rows: no closed form over subsets, so all of them at the table's floor.
        let slots = short_slots(&open, |_| Trade::Buy);
        return vec![slots.and_then(|slots| finish(kind, slots, states))];
    }
    let subset = |kept_micro: u32, trade: &dyn Fn(InstrumentId) -> Trade| {
        let slots = short_slots(&open, trade)?;
        Some(Template { kind, slots, shape: Shape::Subset { kept_micro }, floor: UNIT_PAYOUT })
    };
    let split = |id| {
        let whole = Trade::Cheaper { kept_micro: RATIO_ONE };
        if can_split(catalog, id) { whole } else { Trade::Buy }
    };
    let mut list = vec![subset(RATIO_ONE, &split)];
    if let Some(fee) = relation.conversion {
        let kept_micro = RATIO_ONE.saturating_sub(fee.nano().div_ceil(1_000));
        list.push(subset(kept_micro, &|_| Trade::Cheaper { kept_micro }));
    }
    list
}

fn short_slots(open: &[&Shown], trade: impl Fn(InstrumentId) -> Trade) -> Option<Vec<Slot>> {
    let mut slots = Vec::new();
    for (group, shown) in open.iter().enumerate() {
        for &id in shown.iter() {
            slots.push(Slot::of(id, trade(id), group)?);
        }
    }
    Some(slots)
}

/// All pairs of a ladder at once: the floor is the smallest of any pair.
fn ladder(rungs: &[Shown], states: &StateTable) -> Option<Template> {
    let mut slots = Vec::new();
    for (rung, shown) in rungs.iter().enumerate() {
        for &id in shown {
            slots.push(Slot::buy(id, rung.checked_mul(2)?)?);
        }
        for &id in shown {
            slots.push(Slot::buy(id.complement(), rung.checked_mul(2)?.checked_add(1)?)?);
        }
    }
    let mut floor: Option<UnitCost> = None;
    for (at, lower) in rungs.iter().enumerate() {
        for higher in rungs.iter().skip(at + 1) {
            for (&yes, &above) in
                lower.iter().flat_map(|yes| higher.iter().map(move |no| (yes, no)))
            {
                let pair = states.floor(&[Leg::buy(yes), Leg::buy(above.complement())])?;
                floor = Some(floor.map_or(pair, |floor| floor.min(pair)));
            }
        }
    }
    Some(Template { kind: BasketKind::Ladder, slots, shape: Shape::Ladder, floor: floor? })
}

/// A basket as a person or a solver gave it; the dollar of each split set is added to the floor.
fn given(kind: BasketKind, legs: &[Leg], states: &StateTable) -> Option<Template> {
    let mut floor = states.floor(legs)?;
    let mut slots = Vec::new();
    for (group, leg) in legs.iter().enumerate() {
        let (hold, trade) = match leg.side {
            Side::Buy => (leg.instrument, Trade::Buy),
            Side::Sell => (leg.instrument.complement(), Trade::Sell),
        };
        if leg.side == Side::Sell {
            floor = floor.checked_add(scale_ceil(UNIT_PAYOUT, leg.ratio_micro)?)?;
        }
        slots.push(Slot { ratio_micro: leg.ratio_micro, ..Slot::of(hold, trade, group)? });
    }
    Some(Template { kind, slots, shape: Shape::All, floor })
}
