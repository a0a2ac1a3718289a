//! From a basket that is an opportunity at the top of the books to its legs.

use super::Watch;
use crate::eval::basket::{BasketKind, Leg, RATIO_ONE};
use crate::eval::compile::{Shape, Slot, Template, scale_ceil};
use dutchbook_book::fee::{UNIT_PAYOUT, UnitCost};
use dutchbook_book::{BasketId, RelationId, Side};

/// A basket with every choice made, at the tops that the watch has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concrete {
    /// The basket.
    pub basket: BasketId,
    /// The relation that it was compiled from.
    pub relation: RelationId,
    /// Which law it exploits, with the choices made.
    pub kind: BasketKind,
    /// What its legs pay at least, sold legs owed, in 1e-14 $.
    pub floor: UnitCost,
    /// Floor less cost at the top of the books, in 1e-14 $.
    pub edge: UnitCost,
}

/// One slot at its price.
#[derive(Clone, Copy, Debug)]
struct Taken {
    slot: Slot,
    cost: UnitCost,
    side: Side,
}

impl Watch {
    /// The legs of a basket at the tops seen last, into `legs`, which is emptied first; `None` when
    /// it is no opportunity, and for a ladder those of its best pair. Does not allocate where
    /// `legs` has room for [`Watch::legs_max`].
    pub fn materialise(&self, basket: BasketId, legs: &mut Vec<Leg>) -> Option<Concrete> {
        legs.clear();
        let of = self.baskets.get(basket.index()).filter(|of| !of.retired)?;
        let (kind, floor, edge) = match of.template.shape {
            Shape::All => self.take_all(&of.template, legs)?,
            Shape::Subset { kept_micro } => self.take_subset(&of.template, kept_micro, legs)?,
            Shape::Ladder => self.take_pair(&of.template, legs)?,
        };
        let found = Concrete { basket, relation: of.relation, kind, floor, edge };
        (edge > 0).then_some(found)
    }

    /// The most legs that any basket has.
    #[must_use]
    pub fn legs_max(&self) -> usize {
        let groups = |slots: &[Slot]| slots.chunk_by(|a, b| a.group == b.group).count();
        self.baskets.iter().map(|basket| groups(&basket.template.slots)).max().unwrap_or(0)
    }

    /// Calls `found` with every pair of a ladder that is an opportunity, not only the best. Other
    /// baskets have one form, which it gets.
    pub fn for_each_form(
        &self,
        basket: BasketId,
        legs: &mut Vec<Leg>,
        mut found: impl FnMut(Concrete, &[Leg]),
    ) {
        let Some(of) = self.baskets.get(basket.index()).filter(|of| !of.retired) else { return };
        if of.template.shape != Shape::Ladder {
            if let Some(concrete) = self.materialise(basket, legs) {
                found(concrete, legs);
            }
            return;
        }
        let (kind, relation, floor) = (of.template.kind, of.relation, of.template.floor);
        self.pairs(&of.template, |yes, no| {
            let edge = floor.saturating_sub(yes.cost).saturating_sub(no.cost);
            if edge > 0 {
                legs.clear();
                legs.extend([yes.slot.leg(yes.side), no.slot.leg(no.side)]);
                found(Concrete { basket, relation, kind, floor, edge }, legs);
            }
        });
    }

    fn take(&self, slot: &Slot) -> Option<Taken> {
        let ask = self.ask(slot.hold)?;
        let (cost, side) = slot.cost(&self.fee(slot.hold.book()), ask)?;
        Some(Taken { slot: *slot, cost, side })
    }

    /// The cheapest slot of a group, the first of equals.
    fn cheapest(&self, group: &[Slot]) -> Option<Taken> {
        group
            .iter()
            .filter_map(|slot| self.take(slot))
            .reduce(|best, taken| if taken.cost < best.cost { taken } else { best })
    }

    fn take_all(
        &self,
        template: &Template,
        legs: &mut Vec<Leg>,
    ) -> Option<(BasketKind, UnitCost, UnitCost)> {
        let (mut floor, mut edge) = (template.floor, template.floor);
        for group in template.slots.chunk_by(|a, b| a.group == b.group) {
            let taken = self.cheapest(group)?;
            edge = edge.checked_sub(taken.cost)?;
            let leg = taken.slot.leg(taken.side);
            if taken.side == Side::Sell {
                floor = floor.checked_sub(scale_ceil(UNIT_PAYOUT, leg.ratio_micro)?)?;
            }
            legs.push(leg);
        }
        Some((template.kind, floor, edge))
    }

    fn take_subset(
        &self,
        template: &Template,
        kept_micro: u32,
        legs: &mut Vec<Leg>,
    ) -> Option<(BasketKind, UnitCost, UnitCost)> {
        let kept = scale_ceil(UNIT_PAYOUT, kept_micro)?;
        let mut edge = kept.checked_neg()?;
        let (mut bought, mut groups): (UnitCost, usize) = (0, 0);
        // Turning one sale into a purchase at the least loss: a conversion needs a NO to convert.
        let mut least_loss: Option<(UnitCost, usize, Leg)> = None;
        for group in template.slots.chunk_by(|a, b| a.group == b.group) {
            groups += 1;
            let Some(taken) = self.cheapest(group).filter(|taken| taken.cost < kept) else {
                continue;
            };
            edge = edge.checked_add(kept.checked_sub(taken.cost)?)?;
            bought += UnitCost::from(taken.side == Side::Buy);
            if taken.side == Side::Sell && kept_micro != RATIO_ONE {
                let buy = self.bought(&taken.slot)?;
                let loss = buy.checked_sub(taken.cost)?;
                if least_loss.is_none_or(|(least, ..)| loss < least) {
                    least_loss = Some((loss, legs.len(), taken.slot.leg(Side::Buy)));
                }
            }
            legs.push(taken.slot.leg(taken.side));
        }
        let any_sold = legs.iter().any(|leg| leg.side == Side::Sell);
        if kept_micro != RATIO_ONE {
            // Without a sale nothing is converted: the basket without the fee covers it.
            let (loss, at, leg) = least_loss?;
            if bought == 0 {
                edge = edge.checked_sub(loss)?;
                *legs.get_mut(at)? = leg;
                bought = 1;
            }
        }
        let kind = match (any_sold, legs.len() == groups) {
            (true, _) => BasketKind::MultiConvert,
            (false, true) => template.kind,
            (false, false) => BasketKind::Exclusive,
        };
        Some((kind, kept.checked_mul(bought.checked_sub(1)?)?, edge))
    }

    /// What buying costs where selling is cheaper.
    fn bought(&self, slot: &Slot) -> Option<UnitCost> {
        scale_ceil(self.fee(slot.hold.book()).unit_cost(self.ask(slot.hold)?), slot.ratio_micro)
    }

    fn take_pair(
        &self,
        template: &Template,
        legs: &mut Vec<Leg>,
    ) -> Option<(BasketKind, UnitCost, UnitCost)> {
        let mut best: Option<(UnitCost, [Leg; 2])> = None;
        let mut cheapest_yes: Option<Taken> = None;
        for rung in template.slots.chunk_by(|a, b| a.group / 2 == b.group / 2) {
            let no = rung.iter().filter(|slot| slot.group % 2 == 1);
            for no in no.filter_map(|slot| self.take(slot)) {
                let Some(yes) = cheapest_yes else { break };
                let edge = template.floor.checked_sub(yes.cost)?.checked_sub(no.cost)?;
                if best.is_none_or(|(least, _)| edge > least) {
                    best = Some((edge, [yes.slot.leg(yes.side), no.slot.leg(no.side)]));
                }
            }
            let yes = rung.iter().filter(|slot| slot.group % 2 == 0);
            for yes in yes.filter_map(|slot| self.take(slot)) {
                if cheapest_yes.is_none_or(|least| yes.cost < least.cost) {
                    cheapest_yes = Some(yes);
                }
            }
        }
        let (edge, pair) = best?;
        legs.extend(pair);
        Some((template.kind, template.floor, edge))
    }

    /// Every lower YES with every higher NO.
    fn pairs(&self, template: &Template, mut each: impl FnMut(Taken, Taken)) {
        let slots = |no: u16| {
            let of_face = template.slots.iter().filter(move |slot| slot.group % 2 == no);
            of_face.filter_map(|slot| self.take(slot))
        };
        for yes in slots(0) {
            for no in slots(1).filter(|no| no.slot.group / 2 > yes.slot.group / 2) {
                each(yes, no);
            }
        }
    }
}
