//! In which slots the levels of one side lie, best first.
//!
//! A level that comes, goes or changes stays in its slot: only this word says at which place it is, so
//! that a change writes one level and one word, however many levels lie behind it.

use crate::depth::DEPTH_LEVELS;

const SLOT_BITS: usize = 4;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

const _: () = assert!(DEPTH_LEVELS == 1 << SLOT_BITS && DEPTH_LEVELS * SLOT_BITS == 64);

/// A permutation of all slots: the slot of each place, four bits a place. Behind the places of levels
/// come the free slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order(pub(super) u64);

impl Order {
    /// Every slot at the place of its own number.
    pub(super) const PLAIN: Self = Self(0xfedc_ba98_7654_3210);

    /// The slot of a place.
    #[inline]
    pub(super) const fn slot(self, place: usize) -> usize {
        ((self.0 >> shift(place)) & SLOT_MASK) as usize
    }

    /// The same with one slot taken from its place to another, those between closing up and making room.
    #[inline]
    pub(super) const fn moved(self, from: usize, to: usize) -> Self {
        let slot = (self.0 >> shift(from)) & SLOT_MASK;
        let others = (self.0 & below(from)) | ((self.0 >> SLOT_BITS) & !below(from));
        Self((others & below(to)) | (slot << shift(to)) | ((others & !below(to)) << SLOT_BITS))
    }
}

/// Where the bits of a place begin.
#[inline]
const fn shift(place: usize) -> usize {
    (place % DEPTH_LEVELS).wrapping_mul(SLOT_BITS)
}

/// The bits of all places before one.
#[inline]
const fn below(place: usize) -> u64 {
    (1_u64 << shift(place)).wrapping_sub(1)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots(order: Order) -> Vec<usize> {
        (0..DEPTH_LEVELS).map(|place| order.slot(place)).collect()
    }

    proptest! {
        /// A moved slot is taken out of the list and put in where it is to be.
        #[test]
        fn a_move_is_that_of_a_list(
            moves in proptest::collection::vec((0..DEPTH_LEVELS, 0..DEPTH_LEVELS), 0..40),
        ) {
            let (mut order, mut list) = (Order::PLAIN, (0..DEPTH_LEVELS).collect::<Vec<_>>());
            for (from, to) in moves {
                order = order.moved(from, to);
                let slot = list.remove(from);
                list.insert(to, slot);
                prop_assert_eq!(slots(order), list.clone());
            }
        }
    }
}
