//! A limit order book with price-time priority: one per listing, in YES terms.
//!
//! Buying NO at p is selling YES at 1 − p, so complementary matches, mints and merges are all plain
//! matches here; which of the two tokens an order named is the concern of the venue's face.
//! A level is a queue threaded through the order slab, so that a cancel costs the search of its
//! level and nothing else.

mod order;
mod slab;

use dutchbook_book::{Level, Nanos, Price, Qty, QtyChange, Side, TopOfBook};

pub use order::{
    MatchEvent, NewOrder, OrderKey, OwnerId, Refused, Removal, RestingOrder, SelfTrade, Submitted,
    TimeInForce,
};
use slab::{Queue, Slab};

/// The book of one listing.
#[derive(Clone, Debug, Default)]
pub struct MatchingBook {
    slab: Slab,
    /// Ascending, best last.
    bids: Vec<Queue>,
    /// Descending, best last.
    asks: Vec<Queue>,
}

/// A part of a resting order that an order would match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The resting order.
    pub maker_order: OrderKey,
    /// Its owner.
    pub maker: OwnerId,
    /// Its price.
    pub price: Price,
    /// Contracts.
    pub qty: Qty,
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

fn less(from: Qty, part: Qty) -> Qty {
    from.checked_sub(part).unwrap_or(Qty::ZERO)
}

impl MatchingBook {
    /// Matches an order and rests what remains of it.
    ///
    /// # Errors
    /// When the order is not one, or its flags forbid what it would do; the book is as before.
    pub fn submit(
        &mut self,
        order: NewOrder,
        out: &mut Vec<MatchEvent>,
    ) -> Result<Submitted, Refused> {
        self.check(&order)?;
        Ok(self.enter(order, out))
    }

    /// Replaces a resting order. The same price and no more contracts keep its place and key;
    /// anything else sends it to the end of a queue, or into a match, under another key.
    ///
    /// # Errors
    /// When it is gone, or the new order is refused; the old one is as before.
    pub fn replace(
        &mut self,
        key: OrderKey,
        order: NewOrder,
        out: &mut Vec<MatchEvent>,
    ) -> Result<Submitted, Refused> {
        let old = self.order(key).ok_or(Refused::Gone)?;
        let is_same_place = (order.side, order.price) == (old.side, old.price);
        if is_same_place && order.expires_at == old.expires_at && order.qty <= old.qty {
            return if order.qty.is_zero() {
                Err(Refused::NoQty)
            } else {
                self.reduce(key, order.qty, out);
                Ok(Submitted { key, filled: Qty::ZERO, resting: Some(key) })
            };
        }
        self.check(&order)?;
        let mut after = Vec::new();
        self.remove(key, Removal::Replaced, &mut after);
        let done = self.enter(order, &mut after);
        fold_levels(after, out);
        Ok(done)
    }

    /// Lowers what is left of an order to `qty`; it keeps its place. Zero cancels it.
    pub fn reduce(
        &mut self,
        key: OrderKey,
        qty: Qty,
        out: &mut Vec<MatchEvent>,
    ) -> Option<RestingOrder> {
        if qty.is_zero() {
            return self.cancel(key, out);
        }
        let order = self.order(key)?;
        let cut = order.qty.checked_sub(qty)?;
        let at = self.level_index(order.side, order.price).ok()?;
        let queue = self.side_mut(order.side).get_mut(at)?;
        queue.total = less(queue.total, cut);
        let total = queue.total;
        self.slab.set_qty(key.index, qty);
        if !cut.is_zero() {
            out.push(level(&order, total, change_of(cut, -1)));
        }
        Some(RestingOrder { qty, ..order })
    }

    /// Takes an order out; `None` when it is not there any more.
    pub fn cancel(&mut self, key: OrderKey, out: &mut Vec<MatchEvent>) -> Option<RestingOrder> {
        self.remove(key, Removal::Cancelled, out)
    }

    /// Takes out one order whose time is over; `None` when there is no more.
    pub fn expire_one(&mut self, now: Nanos, out: &mut Vec<MatchEvent>) -> Option<RestingOrder> {
        let (at, key) = self.slab.first_expiry()?;
        if at > now { None } else { self.remove(key, Removal::Expired, out) }
    }

    /// When the first order leaves by itself.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Nanos> {
        self.slab.first_expiry().map(|(at, _)| at)
    }

    /// Takes every order out, as venues do when a market ends.
    pub fn clear(&mut self, out: &mut Vec<MatchEvent>) {
        for side in [Side::Buy, Side::Sell] {
            for queue in self.side(side) {
                for (key, order) in self.orders_of(queue) {
                    out.push(MatchEvent::Removed { key, order, why: Removal::Closed });
                }
                let change = change_of(queue.total, -1);
                out.push(MatchEvent::Level { side, price: queue.price, qty: Qty::ZERO, change });
            }
        }
        self.bids.clear();
        self.asks.clear();
        self.slab.clear();
    }

    /// What an order would match now, oldest of the best price first, and whether that is all of it.
    #[must_use]
    pub fn preview(&self, order: &NewOrder) -> (Vec<Match>, bool) {
        let mut list = Vec::new();
        let mut left = order.qty;
        for queue in self.side(order.side.other()).iter().rev() {
            if !reaches(order.side, order.price, queue.price) {
                break;
            }
            for (key, resting) in self.orders_of(queue) {
                if left.is_zero() {
                    return (list, true);
                }
                match (resting.owner == order.owner, order.self_trade) {
                    (true, SelfTrade::CancelMaker) => continue,
                    (true, SelfTrade::CancelTaker) => return (list, false),
                    (false, _) => {}
                }
                let qty = resting.qty.min(left);
                left = less(left, qty);
                let (maker, price) = (resting.owner, resting.price);
                list.push(Match { maker_order: key, maker, price, qty });
            }
        }
        (list, left.is_zero())
    }

    /// A resting order.
    #[must_use]
    pub fn order(&self, key: OrderKey) -> Option<RestingOrder> {
        self.slab.get(key)
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
    pub fn queue_at(&self, side: Side, price: Price) -> Vec<(OrderKey, RestingOrder)> {
        let at = self.level_index(side, price).ok();
        let queue = at.and_then(|at| self.side(side).get(at));
        queue.map(|queue| self.orders_of(queue).collect()).unwrap_or_default()
    }

    fn orders_of(&self, queue: &Queue) -> impl Iterator<Item = (OrderKey, RestingOrder)> {
        let mut next = queue.oldest;
        core::iter::from_fn(move || {
            let found = self.slab.at(next)?;
            next = self.slab.newer(next);
            Some(found)
        })
    }

    fn check(&self, order: &NewOrder) -> Result<(), Refused> {
        if order.qty.is_zero() {
            return Err(Refused::NoQty);
        }
        if order.price == Price::ZERO || order.price >= Price::ONE {
            return Err(Refused::BadPrice);
        }
        let there = self.qty_at(order.side, order.price);
        there.checked_add(order.qty).ok_or(Refused::TooLarge)?;
        let best = self.side(order.side.other()).last();
        if order.post_only && best.is_some_and(|q| reaches(order.side, order.price, q.price)) {
            return Err(Refused::WouldMatch);
        }
        if order.time_in_force == TimeInForce::AllOrNothing && !self.preview(order).1 {
            return Err(Refused::NotInFull);
        }
        Ok(())
    }

    /// Matches and rests an order that was checked.
    fn enter(&mut self, order: NewOrder, out: &mut Vec<MatchEvent>) -> Submitted {
        let NewOrder { owner, side, price, expires_at, .. } = order;
        let rest = RestingOrder { owner, side, price, qty: order.qty, expires_at };
        let key = self.slab.reserve(rest);
        let mut left = order.qty;
        let mut is_stopped = false;
        while !left.is_zero() && !is_stopped {
            let Some(best) = self.side(side.other()).last() else { break };
            if !reaches(side, price, best.price) {
                break;
            }
            (left, is_stopped) = self.take_best(&order, key, left, out);
        }
        let filled = less(order.qty, left);
        if left.is_zero() || is_stopped || order.time_in_force != TimeInForce::Rest {
            self.slab.release(key);
            return Submitted { key, filled, resting: None };
        }
        self.rest(key, RestingOrder { qty: left, ..rest }, out);
        Submitted { key, filled, resting: Some(key) }
    }

    /// Matches against the best opposite level until it or the order is used up. Returns what is
    /// left, and whether the order stops at one of its owner's own.
    fn take_best(
        &mut self,
        taker: &NewOrder,
        taker_order: OrderKey,
        mut left: Qty,
        out: &mut Vec<MatchEvent>,
    ) -> (Qty, bool) {
        let side = taker.side.other();
        let Some(mut queue) = self.side(side).last().copied() else { return (left, true) };
        let before = queue.total;
        let mut is_stopped = false;
        while !left.is_zero() {
            let Some((key, resting)) = self.slab.at(queue.oldest) else { break };
            let is_own = resting.owner == taker.owner;
            if is_own && taker.self_trade == SelfTrade::CancelTaker {
                is_stopped = true;
                break;
            }
            let part = if is_own { resting.qty } else { resting.qty.min(left) };
            queue.total = less(queue.total, part);
            if part == resting.qty {
                self.slab.unlink(key.index, &mut queue);
                self.slab.release(key);
            } else {
                self.slab.set_qty(key.index, less(resting.qty, part));
            }
            if is_own {
                out.push(MatchEvent::Removed { key, order: resting, why: Removal::SelfTrade });
                continue;
            }
            left = less(left, part);
            out.push(MatchEvent::Trade {
                price: queue.price,
                qty: part,
                taker_side: taker.side,
                taker: taker.owner,
                maker: resting.owner,
                taker_order,
                maker_order: key,
            });
        }
        if queue.total != before {
            let change = change_of(less(before, queue.total), -1);
            out.push(MatchEvent::Level { side, price: queue.price, qty: queue.total, change });
            let best = self.side(side).len().saturating_sub(1);
            self.store(side, best, queue);
        }
        (left, is_stopped)
    }

    fn rest(&mut self, key: OrderKey, order: RestingOrder, out: &mut Vec<MatchEvent>) {
        let fresh = Queue::empty(order.price);
        let at = match self.level_index(order.side, order.price) {
            Ok(at) => at,
            Err(at) => {
                self.side_mut(order.side).insert(at, fresh);
                at
            }
        };
        let mut queue = self.side(order.side).get(at).copied().unwrap_or(fresh);
        self.slab.link(key, order, &mut queue);
        queue.total = queue.total.checked_add(order.qty).unwrap_or(Qty::MAX);
        out.push(level(&order, queue.total, change_of(order.qty, 1)));
        self.store(order.side, at, queue);
    }

    fn remove(
        &mut self,
        key: OrderKey,
        why: Removal,
        out: &mut Vec<MatchEvent>,
    ) -> Option<RestingOrder> {
        let order = self.order(key)?;
        let at = self.level_index(order.side, order.price).ok()?;
        let mut queue = *self.side(order.side).get(at)?;
        self.slab.unlink(key.index, &mut queue);
        self.slab.release(key);
        queue.total = less(queue.total, order.qty);
        self.store(order.side, at, queue);
        out.push(MatchEvent::Removed { key, order, why });
        out.push(level(&order, queue.total, change_of(order.qty, -1)));
        Some(order)
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

    fn store(&mut self, side: Side, at: usize, queue: Queue) {
        let levels = self.side_mut(side);
        if queue.total.is_zero() {
            levels.remove(at);
        } else if let Some(slot) = levels.get_mut(at) {
            *slot = queue;
        }
    }
}

const fn level(order: &RestingOrder, qty: Qty, change: QtyChange) -> MatchEvent {
    MatchEvent::Level { side: order.side, price: order.price, qty, change }
}

/// Passes events on, those of one level as one: leaving a level and coming back to it.
fn fold_levels(events: Vec<MatchEvent>, out: &mut Vec<MatchEvent>) {
    let start = out.len();
    for event in events {
        let MatchEvent::Level { side, price, qty, change } = event else {
            out.push(event);
            continue;
        };
        let same = |old: &&mut MatchEvent| matches!(**old, MatchEvent::Level { side: s, price: p, .. } if (s, p) == (side, price));
        match out.iter_mut().skip(start).find(same) {
            Some(MatchEvent::Level { qty: old_qty, change: old_change, .. }) => {
                *old_qty = qty;
                *old_change = QtyChange::from_micro(old_change.micro() + change.micro());
            }
            _ => out.push(event),
        }
    }
    let is_idle = |event: &MatchEvent| matches!(event, MatchEvent::Level { change, .. } if change.micro() == 0);
    out.retain(|event| !is_idle(event));
}

#[cfg(test)]
mod tests;
