//! Minima kept under change: the cheapest of several books that show one outcome, and the cheapest
//! pair of a ladder's rungs.
//!
//! A *member* is one slot's value; a *group* the smallest of its members; a group feeds a basket's
//! sum, or a leaf of a *tree*. A tree node knows the cheapest YES and NO below it and the cheapest
//! pair of a YES left of a NO, so that a change costs the ladder's logarithm and finds pairs that
//! are not neighbours.

use super::tables::MISSING;
use dutchbook_book::fee::UnitCost;

/// Where a group's value goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parent {
    /// Into a basket's sum.
    Basket(u32),
    /// To a rung's leaf.
    Leaf { tree: u32, rung: u32, is_no: bool },
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first: u32,
    count: u32,
    value: UnitCost,
    parent: Parent,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    yes: UnitCost,
    no: UnitCost,
    pair: UnitCost,
}

impl Node {
    const EMPTY: Self = Self { yes: MISSING, no: MISSING, pair: MISSING };

    fn join(left: Self, right: Self) -> Self {
        Self {
            yes: left.yes.min(right.yes),
            no: left.no.min(right.no),
            pair: left.pair.min(right.pair).min(left.yes.saturating_add(right.no)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Tree {
    basket: u32,
    /// Nodes `first + 1` (the root) to `first + 2 · leaves − 1`, as in a binary heap.
    first: u32,
    leaves: u32,
}

/// What a member's change did to a basket's sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) basket: u32,
    pub(super) delta: UnitCost,
}

/// Members, groups and trees of all baskets.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    members: Vec<UnitCost>,
    group_of: Vec<u32>,
    groups: Vec<Group>,
    trees: Vec<Tree>,
    nodes: Vec<Node>,
}

fn index(id: u32) -> usize {
    id as usize
}

impl Choices {
    /// Adds a group of members with these values; returns the first member.
    pub(super) fn add_group(&mut self, values: &[UnitCost], parent: Parent) -> Option<u32> {
        let group = u32::try_from(self.groups.len()).ok()?;
        let first = u32::try_from(self.members.len()).ok()?;
        let value = values.iter().copied().min()?;
        self.members.extend_from_slice(values);
        self.group_of.extend(values.iter().map(|_| group));
        self.groups.push(Group { first, count: u32::try_from(values.len()).ok()?, value, parent });
        if let Parent::Leaf { tree, rung, is_no } = parent {
            self.climb(tree, rung, is_no, value)?;
        }
        Some(first)
    }

    /// Adds a tree of so many rungs, all missing; its value feeds `basket`.
    pub(super) fn add_tree(&mut self, basket: u32, rungs: usize) -> Option<u32> {
        let tree = u32::try_from(self.trees.len()).ok()?;
        let leaves = rungs.max(1).next_power_of_two();
        let first = u32::try_from(self.nodes.len()).ok()?;
        self.nodes.resize(self.nodes.len().checked_add(leaves.checked_mul(2)?)?, Node::EMPTY);
        self.trees.push(Tree { basket, first, leaves: u32::try_from(leaves).ok()? });
        Some(tree)
    }

    /// The value of a group by its first member.
    pub(super) fn group_value(&self, first: u32) -> UnitCost {
        let group = self.group_of.get(index(first)).and_then(|at| self.groups.get(index(*at)));
        group.map_or(MISSING, |group| group.value)
    }

    /// The cheapest pair of a tree.
    pub(super) fn tree_value(&self, tree: u32) -> UnitCost {
        let root =
            self.trees.get(index(tree)).and_then(|tree| self.nodes.get(index(tree.first) + 1));
        root.map_or(MISSING, |node| node.pair)
    }

    /// The basket that a member belongs to.
    pub(super) fn basket_of(&self, member: u32) -> Option<u32> {
        let group = self.groups.get(index(*self.group_of.get(index(member))?))?;
        Some(match group.parent {
            Parent::Basket(basket) => basket,
            Parent::Leaf { tree, .. } => self.trees.get(index(tree))?.basket,
        })
    }

    /// Sets a member's value; the change is zero when another member or pair is as cheap.
    pub(super) fn set(&mut self, member: u32, value: UnitCost) -> Option<Change> {
        *self.members.get_mut(index(member))? = value;
        let group = self.groups.get_mut(index(*self.group_of.get(index(member))?))?;
        let members = self.members.get(index(group.first)..)?.get(..index(group.count))?;
        let least = members.iter().copied().min()?;
        let delta = least - group.value;
        group.value = least;
        match group.parent {
            Parent::Basket(basket) => Some(Change { basket, delta }),
            Parent::Leaf { tree, rung, is_no } => self.climb(tree, rung, is_no, least),
        }
    }

    /// Sets a leaf and its ancestors.
    fn climb(&mut self, tree: u32, rung: u32, is_no: bool, value: UnitCost) -> Option<Change> {
        let Tree { basket, first, leaves } = *self.trees.get(index(tree))?;
        let nodes = self.nodes.get_mut(index(first)..)?;
        let was = nodes.get(1)?.pair;
        let mut at = index(leaves) + index(rung);
        let leaf = nodes.get_mut(at)?;
        // One rung listed on two venues is not this tree's pair: a leaf has none.
        *if is_no { &mut leaf.no } else { &mut leaf.yes } = value;
        while at > 1 {
            at /= 2;
            let joined = Node::join(*nodes.get(2 * at)?, *nodes.get(2 * at + 1)?);
            *nodes.get_mut(at)? = joined;
        }
        Some(Change { basket, delta: nodes.get(1)?.pair - was })
    }
}
