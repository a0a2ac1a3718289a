//! Which conditions are weighed together by a law that a person has approved.
//!
//! A law is taken where its venues bind none of its conditions; each condition is in one law at
//! most. Exclusive ones are taken as they were approved. Implications and ladders are joined into
//! chains, the weakest claim first, for an implication tells more beside others: what implies a claim
//! implies all that the claim implies. Where some of them have no order among each other, each stays
//! in the first chain that it fits into. A law that is left out costs nothing but room: what it
//! binds is weighed as if it were free.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::catalog::EventLaw;

/// A condition, or its opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) condition: usize,
    /// Whether it comes true where the condition does not.
    pub(super) is_inverted: bool,
}

impl Claim {
    const fn opposite(self) -> Self {
        Self { is_inverted: !self.is_inverted, ..self }
    }
}

/// A law over claims, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) law: EventLaw,
    pub(super) claims: Vec<Claim>,
}

/// Whether what was told of outcomes, in the order of a law, cannot be.
pub(super) fn is_contradicted(law: EventLaw, told: impl Iterator<Item = Option<bool>>) -> bool {
    let (mut came_true, mut failed, mut has_open, mut has_climbed) = (0, 0, false, false);
    for word in told {
        match word {
            Some(true) => {
                came_true += 1;
                has_climbed |= failed > 0;
            }
            Some(false) => failed += 1,
            None => has_open = true,
        }
    }
    match law {
        EventLaw::Independent => false,
        EventLaw::Exclusive => came_true > 1,
        EventLaw::Partition => came_true > 1 || (came_true == 0 && !has_open),
        EventLaw::Ladder => has_climbed,
    }
}

/// Puts every condition into one of these laws at most.
pub(super) fn groups(laws: &[Group]) -> Vec<Group> {
    let mut taken = BTreeSet::new();
    let mut groups = Vec::new();
    for group in laws.iter().filter(|group| group.law != EventLaw::Ladder) {
        let conditions: BTreeSet<usize> = group.claims.iter().map(|one| one.condition).collect();
        let is_plain = conditions.len() == group.claims.len() && conditions.is_disjoint(&taken);
        if is_plain && group.law != EventLaw::Independent {
            taken.extend(conditions);
            groups.push(group.clone());
        }
    }
    let ladders = laws.iter().filter(|group| group.law == EventLaw::Ladder);
    let known = Known::of(ladders.map(|group| &group.claims[..]), &taken);
    let chains = known.chains().into_iter().filter(|chain| chain.len() > 1);
    groups.extend(chains.map(|claims| Group { law: EventLaw::Ladder, claims }));
    groups
}

/// Claims, and everything that each implies.
struct Known {
    /// In the order of the approvals.
    claims: Vec<Claim>,
    implies: BTreeMap<Claim, BTreeSet<Claim>>,
}

impl Known {
    /// What ladders say of conditions that are not taken; the weaker claim of each two comes first.
    fn of<'a>(ladders: impl Iterator<Item = &'a [Claim]>, taken: &BTreeSet<usize>) -> Self {
        let mut claims = Vec::new();
        let mut steps: BTreeMap<Claim, Vec<Claim>> = BTreeMap::new();
        for pair in ladders.flat_map(|ladder| ladder.windows(2)) {
            let [weak, strong] = pair else { continue };
            if [weak, strong].iter().any(|claim| taken.contains(&claim.condition)) {
                continue;
            }
            claims.extend([*weak, *strong]);
            steps.entry(*strong).or_default().push(*weak);
            steps.entry(weak.opposite()).or_default().push(strong.opposite());
        }
        let implies = steps.keys().map(|claim| (*claim, reached(*claim, &steps))).collect();
        Self { claims, implies }
    }

    fn is_implied(&self, weak: Claim, by: Claim) -> bool {
        self.implies.get(&by).is_some_and(|all| all.contains(&weak))
    }

    fn chains(&self) -> Vec<Vec<Claim>> {
        let mut chains: Vec<Vec<Claim>> = Vec::new();
        let mut chain_of: BTreeMap<usize, usize> = BTreeMap::new();
        for &claim in &self.claims {
            if chain_of.contains_key(&claim.condition) {
                continue;
            }
            let ways = [claim, claim.opposite()];
            let related = ways.iter().filter_map(|way| self.implies.get(way)).flatten();
            let near: BTreeSet<usize> =
                related.filter_map(|other| chain_of.get(&other.condition)).copied().collect();
            let fit = near.into_iter().find_map(|index| {
                let chain = chains.get(index)?;
                let place = |way: &Claim| Some((*way, self.place_in(chain, *way)?));
                Some((index, ways.iter().find_map(place)?))
            });
            let index = match fit {
                Some((index, (way, at))) => {
                    chains.get_mut(index).into_iter().for_each(|chain| chain.insert(at, way));
                    index
                }
                None => {
                    chains.push(vec![claim]);
                    chains.len() - 1
                }
            };
            chain_of.insert(claim.condition, index);
        }
        chains
    }

    /// Where a claim stands in a chain, behind what it implies and before what implies it.
    fn place_in(&self, chain: &[Claim], claim: Claim) -> Option<usize> {
        let at = chain.partition_point(|weak| self.is_implied(*weak, claim));
        let is_last = chain.get(at).is_none_or(|strong| self.is_implied(claim, *strong));
        is_last.then_some(at)
    }
}

/// Everything that follows from a claim, by as many steps as it takes.
fn reached(from: Claim, steps: &BTreeMap<Claim, Vec<Claim>>) -> BTreeSet<Claim> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(claim) = open.pop() {
        let next = steps.get(&claim).into_iter().flatten();
        open.extend(next.filter(|next| reached.insert(**next)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::tests::{LAWS, states};

    const fn is(condition: usize) -> Claim {
        Claim { condition, is_inverted: false }
    }

    const fn not(condition: usize) -> Claim {
        is(condition).opposite()
    }

    fn ladder(claims: &[Claim]) -> Group {
        Group { law: EventLaw::Ladder, claims: claims.to_vec() }
    }

    fn chains(laws: &[Group]) -> Vec<Vec<Claim>> {
        groups(laws).into_iter().map(|group| group.claims).collect()
    }

    #[test]
    fn implications_join_in_whatever_order_they_were_approved() {
        let steps = [ladder(&[is(0), is(1)]), ladder(&[is(1), is(2)]), ladder(&[is(0), is(2)])];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let laws = order.map(|at| steps[at].clone());
            assert_eq!(chains(&laws), [[is(0), is(1), is(2)]], "{order:?}");
        }
        // Two steps tell the third.
        assert_eq!(chains(&[steps[1].clone(), steps[0].clone()]), [[is(0), is(1), is(2)]]);
    }

    #[test]
    fn an_implication_is_read_from_its_other_end_too() {
        // 1 implies 0, and 2 implies that 0 fails.
        let laws = [ladder(&[is(0), is(1)]), ladder(&[not(0), is(2)])];
        assert_eq!(chains(&laws), [[not(2), is(0), is(1)]]);
    }

    #[test]
    fn what_has_no_order_stays_apart() {
        // Both 1 and 2 imply 0, and neither the other.
        let laws = [ladder(&[is(0), is(1)]), ladder(&[is(0), is(2)])];
        assert_eq!(chains(&laws), [[is(0), is(1)]]);
        // In a circle each is all of the others: whatever the order, it holds.
        let circle = [ladder(&[is(0), is(1)]), ladder(&[is(1), is(0)])];
        assert_eq!(chains(&circle)[0].len(), 2);
        // Each implies its own opposite: it never comes true, and no chain says so.
        assert_eq!(chains(&[ladder(&[is(0), not(0)])]), [[]; 0]);
    }

    #[test]
    fn words_contradict_a_law_where_none_of_its_states_has_them() {
        let word =
            |at: u32, now: u32| [None, Some(false), Some(true)][(now / 3_u32.pow(at) % 3) as usize];
        for law in LAWS {
            for now in 0..27 {
                let told = [0, 1, 2].map(|at| word(at, now));
                let fits = |state: &Vec<bool>| {
                    told.iter().zip(state).all(|(word, is)| word.is_none_or(|word| word == *is))
                };
                let can_be = states(law, 3).iter().any(fits);
                assert_eq!(is_contradicted(law, told.into_iter()), !can_be, "{law:?} {told:?}");
            }
        }
    }

    #[test]
    fn a_condition_is_in_one_law() {
        let exclusive =
            |claims: &[Claim]| Group { law: EventLaw::Exclusive, claims: claims.to_vec() };
        let laws = [
            ladder(&[is(4), is(0)]),
            exclusive(&[is(0), is(1), not(2)]),
            exclusive(&[is(2), is(3)]),
            exclusive(&[is(5), not(5)]),
            ladder(&[is(3), is(4)]),
        ];
        assert_eq!(groups(&laws), [laws[1].clone(), ladder(&[is(3), is(4)])]);
    }
}
