//! A limit order book with price-time priority: one per listing, in YES terms.
//!
//! Buying NO at p is selling YES at 1 − p, so complementary matches, mints and merges are all plain
//! matches here; which of the two tokens an order named is the concern of the venue's face.
//! A level is a queue threaded through the order slab, so that a cancel costs the search of its
//! level and nothing else.

use dutchbook_book::{Level, Price, Qty, QtyChange, Side, TopOfBook};

/// Who placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub u32);

/// A resting order. Keys are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    index: u32,
    generation: u32,
}

/// What happens to the part that does not match at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// It rests.
    Rest,
    /// It is cancelled.
    Immediate,
}

/// An order as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder {
    /// Whose it is.
    pub owner: OwnerId,
    /// Side in YES terms.
    pub side: Side,
    /// Worst price.
    pub price: Price,
    /// Contracts.
    pub qty: Qty,
    /// What happens to the rest.
    pub time_in_force: TimeInForce,
}

/// An order in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// Whose it is.
    pub owner: OwnerId,
    /// Side in YES terms.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Contracts left.
    pub qty: Qty,
}

/// Why an order is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing to trade.
    NoQty,
    /// The price is zero, or one, or above.
    BadPrice,
    /// The level would hold more than a quantity can count.
    TooLarge,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Contracts matched at once.
    pub filled: Qty,
    /// The part that rests.
    pub resting: Option<OrderKey>,
}

/// What an operation did to the book, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchEvent {
    /// Two orders matched.
    Trade {
        /// Price of the resting order.
        price: Price,
        /// Contracts.
        qty: Qty,
        /// Side of the incoming order.
        taker_side: Side,
        /// Owner of the incoming order.
        taker: OwnerId,
        /// Owner of the resting order.
        maker: OwnerId,
    },
    /// A level holds another quantity: at most one such event per level and operation.
    Level {
        /// Side of the level.
        side: Side,
        /// Its price.
        price: Price,
        /// What it holds now; zero when it is gone.
        qty: Qty,
        /// The change that led there.
        change: QtyChange,
    },
}

const NIL: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Slot {
    order: RestingOrder,
    generation: u32,
    older: u32,
    newer: u32,
}

/// One price: its orders from the oldest to the newest.
#[derive(Clone, Copy, Debug)]
struct Queue {
    price: Price,
    total: Qty,
    oldest: u32,
    newest: u32,
}

/// The book of one listing.
#[derive(Clone, Debug, Default)]
pub struct MatchingBook {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Ascending, best last.
    bids: Vec<Queue>,
    /// Descending, best last.
    asks: Vec<Queue>,
}

/// Sorts either side so that its best price comes last.
const fn rank(side: Side, price: Price) -> Price {
    match side {
        Side::Buy => price,
        Side::Sell => price.complement(),
    }
}

fn reaches(taker: Side, limit: Price, resting: Price) -> bool {
    match taker {
        Side::Buy => limit >= resting,
        Side::Sell => limit <= resting,
    }
}

/// Quantities are at most 1e18 and fit an `i64`.
fn change_of(qty: Qty, sign: i64) -> QtyChange {
    QtyChange::from_micro(sign * i64::try_from(qty.micro()).unwrap_or(i64::MAX))
}

impl MatchingBook {
    /// Matches an order and rests what remains of it.
    ///
    /// An order that reaches one of its owner's own cancels that one and goes on.
    ///
    /// # Errors
    /// When the order is not one; the book is as before.
    pub fn submit(
        &mut self,
        order: NewOrder,
        out: &mut Vec<MatchEvent>,
    ) -> Result<Submitted, Refused> {
        if order.qty.is_zero() {
            return Err(Refused::NoQty);
        }
        if order.price == Price::ZERO || order.price >= Price::ONE {
            return Err(Refused::BadPrice);
        }
        let there = self.qty_at(order.side, order.price);
        there.checked_add(order.qty).ok_or(Refused::TooLarge)?;
        let mut left = order.qty;
        while !left.is_zero() {
            let Some(best) = self.side(order.side.other()).last() else { break };
            if !reaches(order.side, order.price, best.price) {
                break;
            }
            left = self.take_best(&order, left, out);
        }
        let filled = order.qty.checked_sub(left).unwrap_or(Qty::ZERO);
        if left.is_zero() || order.time_in_force == TimeInForce::Immediate {
            return Ok(Submitted { filled, resting: None });
        }
        let rest =
            RestingOrder { owner: order.owner, side: order.side, price: order.price, qty: left };
        let key = self.rest(rest, out);
        Ok(Submitted { filled, resting: Some(key) })
    }

    /// Takes an order out; `None` when it is not there any more.
    pub fn cancel(&mut self, key: OrderKey, out: &mut Vec<MatchEvent>) -> Option<RestingOrder> {
        let order = self.order(key)?;
        let at = self.level_index(order.side, order.price).ok()?;
        let mut queue = *self.side(order.side).get(at)?;
        self.unlink(key.index, &mut queue);
        queue.total = queue.total.checked_sub(order.qty).unwrap_or(Qty::ZERO);
        self.store(order.side, at, queue);
        out.push(MatchEvent::Level {
            side: order.side,
            price: order.price,
            qty: queue.total,
            change: change_of(order.qty, -1),
        });
        Some(order)
    }

    /// Takes every order out, as venues do when a market ends.
    pub fn clear(&mut self, out: &mut Vec<MatchEvent>) {
        for side in [Side::Buy, Side::Sell] {
            for level in self.levels(side) {
                let change = change_of(level.qty, -1);
                out.push(MatchEvent::Level { side, price: level.price, qty: Qty::ZERO, change });
            }
        }
        self.bids.clear();
        self.asks.clear();
        // Generations live on in the slots, so that no key of before becomes valid again.
        self.free.clear();
        for (index, slot) in (0_u32..).zip(&mut self.slots) {
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(index);
        }
    }

    /// A resting order.
    #[must_use]
    pub fn order(&self, key: OrderKey) -> Option<RestingOrder> {
        let slot = self.slots.get(key.index as usize)?;
        (slot.generation == key.generation && !slot.order.qty.is_zero()).then_some(slot.order)
    }

    /// The levels of one side, best last.
    #[must_use]
    pub fn levels(&self, side: Side) -> Vec<Level> {
        self.side(side).iter().map(|q| Level { price: q.price, qty: q.total }).collect()
    }

    /// The best level of one side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.side(side).last().map(|q| Level { price: q.price, qty: q.total })
    }

    /// Best bid and ask.
    #[must_use]
    pub fn top(&self) -> TopOfBook {
        TopOfBook { bid: self.best(Side::Buy), ask: self.best(Side::Sell) }
    }

    /// What rests at one price.
    #[must_use]
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        let at = self.level_index(side, price).ok();
        at.and_then(|at| self.side(side).get(at)).map_or(Qty::ZERO, |queue| queue.total)
    }

    /// The orders at one price, oldest first.
    #[must_use]
    pub fn queue_at(&self, side: Side, price: Price) -> Vec<RestingOrder> {
        let mut orders = Vec::new();
        let at = self.level_index(side, price).ok();
        let mut next = at.and_then(|at| self.side(side).get(at)).map_or(NIL, |queue| queue.oldest);
        while let Some(slot) = self.slots.get(next as usize) {
            orders.push(slot.order);
            next = slot.newer;
        }
        orders
    }

    const fn side(&self, side: Side) -> &Vec<Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut Vec<Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn level_index(&self, side: Side, price: Price) -> Result<usize, usize> {
        self.side(side).binary_search_by_key(&rank(side, price), |queue| rank(side, queue.price))
    }

    /// Matches against the best opposite level until it or the order is used up.
    fn take_best(&mut self, taker: &NewOrder, mut left: Qty, out: &mut Vec<MatchEvent>) -> Qty {
        let side = taker.side.other();
        let Some(mut queue) = self.side(side).last().copied() else { return left };
        let before = queue.total;
        while !left.is_zero() {
            let Some(slot) = self.slots.get_mut(queue.oldest as usize) else { break };
            let own = slot.order.owner == taker.owner;
            let part = if own { slot.order.qty } else { slot.order.qty.min(left) };
            let maker = slot.order.owner;
            let rest = slot.order.qty.checked_sub(part).unwrap_or(Qty::ZERO);
            queue.total = queue.total.checked_sub(part).unwrap_or(Qty::ZERO);
            if rest.is_zero() {
                self.unlink(queue.oldest, &mut queue);
            } else {
                slot.order.qty = rest;
            }
            if !own {
                left = left.checked_sub(part).unwrap_or(Qty::ZERO);
                let (price, taker_side) = (queue.price, taker.side);
                let taker = taker.owner;
                out.push(MatchEvent::Trade { price, qty: part, taker_side, taker, maker });
            }
        }
        let change = change_of(before.checked_sub(queue.total).unwrap_or(Qty::ZERO), -1);
        out.push(MatchEvent::Level { side, price: queue.price, qty: queue.total, change });
        let best = self.side(side).len().saturating_sub(1);
        self.store(side, best, queue);
        left
    }

    fn rest(&mut self, order: RestingOrder, out: &mut Vec<MatchEvent>) -> OrderKey {
        let key = self.allocate(order);
        let fresh = Queue { price: order.price, total: Qty::ZERO, oldest: NIL, newest: NIL };
        let at = match self.level_index(order.side, order.price) {
            Ok(at) => at,
            Err(at) => {
                self.side_mut(order.side).insert(at, fresh);
                at
            }
        };
        let mut queue = self.side(order.side).get(at).copied().unwrap_or(fresh);
        if let Some(slot) = self.slots.get_mut(key.index as usize) {
            slot.older = queue.newest;
        }
        match self.slots.get_mut(queue.newest as usize) {
            Some(newest) => newest.newer = key.index,
            None => queue.oldest = key.index,
        }
        queue.newest = key.index;
        queue.total = queue.total.checked_add(order.qty).unwrap_or(Qty::MAX);
        out.push(MatchEvent::Level {
            side: order.side,
            price: order.price,
            qty: queue.total,
            change: change_of(order.qty, 1),
        });
        self.store(order.side, at, queue);
        key
    }

    fn store(&mut self, side: Side, at: usize, queue: Queue) {
        let levels = self.side_mut(side);
        if queue.total.is_zero() {
            levels.remove(at);
        } else if let Some(slot) = levels.get_mut(at) {
            *slot = queue;
        }
    }

    fn allocate(&mut self, order: RestingOrder) -> OrderKey {
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

    /// Takes a slot out of its queue and frees it.
    fn unlink(&mut self, index: u32, queue: &mut Queue) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        let (older, newer) = (slot.older, slot.newer);
        slot.order.qty = Qty::ZERO;
        slot.generation = slot.generation.wrapping_add(1);
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => queue.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => queue.newest = older,
        }
        self.free.push(index);
    }
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
