//! The orders of a book by key: one slab, through which the queues of the levels are threaded.

use std::collections::BTreeSet;

use dutchbook_book::{Nanos, Price, Qty};

use super::order::{OrderKey, RestingOrder};

/// No order.
const NIL: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Its quantity is zero while the slot is free, and before the order rests.
    order: RestingOrder,
    generation: u32,
    older: u32,
    newer: u32,
}

/// One price: its orders from the oldest to the newest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub(super) price: Price,
    pub(super) total: Qty,
    pub(super) oldest: u32,
    newest: u32,
}

impl Queue {
    pub(super) const fn empty(price: Price) -> Self {
        Self { price, total: Qty::ZERO, oldest: NIL, newest: NIL }
    }
}

/// Every order of one book.
#[derive(Clone, Debug, Default)]
pub(super) struct Slab {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The resting orders that end by themselves, soonest first.
    expiries: BTreeSet<(Nanos, OrderKey)>,
}

impl Slab {
    /// A key for an order that is not in any queue yet.
    pub(super) fn reserve(&mut self, order: RestingOrder) -> OrderKey {
        let order = RestingOrder { qty: Qty::ZERO, ..order };
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            *slot = Slot { order, generation: slot.generation, older: NIL, newer: NIL };
            return OrderKey { index, generation: slot.generation };
        }
        let index = u32::try_from(self.slots.len()).unwrap_or(NIL);
        self.slots.push(Slot { order, generation: 0, older: NIL, newer: NIL });
        OrderKey { index, generation: 0 }
    }

    /// Gives a key back that never rested, or does no more.
    pub(super) fn release(&mut self, key: OrderKey) {
        let Some(slot) = self.slots.get_mut(key.index as usize) else { return };
        if slot.generation == key.generation {
            slot.order.qty = Qty::ZERO;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(key.index);
        }
    }

    pub(super) fn get(&self, key: OrderKey) -> Option<RestingOrder> {
        let slot = self.slots.get(key.index as usize)?;
        (slot.generation == key.generation && !slot.order.qty.is_zero()).then_some(slot.order)
    }

    /// The key and the order at an index of a queue.
    pub(super) fn at(&self, index: u32) -> Option<(OrderKey, RestingOrder)> {
        let slot = self.slots.get(index as usize)?;
        Some((OrderKey { index, generation: slot.generation }, slot.order))
    }

    /// Who stands behind an order in its queue.
    pub(super) fn newer(&self, index: u32) -> u32 {
        self.slots.get(index as usize).map_or(NIL, |slot| slot.newer)
    }

    pub(super) fn set_qty(&mut self, index: u32, qty: Qty) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.order.qty = qty;
        }
    }

    /// Puts an order at the end of a queue.
    pub(super) fn link(&mut self, key: OrderKey, order: RestingOrder, queue: &mut Queue) {
        if let Some(slot) = self.slots.get_mut(key.index as usize) {
            slot.order = order;
            slot.older = queue.newest;
            slot.newer = NIL;
        }
        match self.slots.get_mut(queue.newest as usize) {
            Some(newest) => newest.newer = key.index,
            None => queue.oldest = key.index,
        }
        queue.newest = key.index;
        if let Some(at) = order.expires_at {
            self.expiries.insert((at, key));
        }
    }

    /// Takes an order out of its queue; its key stays reserved.
    pub(super) fn unlink(&mut self, index: u32, queue: &mut Queue) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        let (older, newer) = (slot.older, slot.newer);
        let key = OrderKey { index, generation: slot.generation };
        let expires_at = slot.order.expires_at;
        slot.order.qty = Qty::ZERO;
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => queue.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => queue.newest = older,
        }
        if let Some(at) = expires_at {
            self.expiries.remove(&(at, key));
        }
    }

    /// The order that ends first by itself, and when.
    pub(super) fn first_expiry(&self) -> Option<(Nanos, OrderKey)> {
        self.expiries.first().copied()
    }

    /// Frees everything. Generations live on in the slots, so that no key of before becomes valid
    /// again.
    pub(super) fn clear(&mut self) {
        self.expiries.clear();
        self.free.clear();
        for (index, slot) in (0_u32..).zip(&mut self.slots) {
            slot.order.qty = Qty::ZERO;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(index);
        }
    }
}
