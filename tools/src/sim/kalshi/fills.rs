//! What an operation on a book means for the accounts: fills, fees, ends of orders, blown fuses.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::fee::{OrderFees, Role};
use dutchbook_book::{BookId, Exact, Level, Qty, Side};

use super::super::floor::{CLIENT_OWNERS_FROM, Floor};
use super::super::matching::{MatchEvent, OrderKey, OwnerId, Removal};
use super::frames::{Said, trade_id};
use super::ledger::Fill;
use super::orders::{FillRecord, Reason, Status};
use super::private;
use super::public::Print;
use super::venue::Venue;

/// The orders that an operation changed, and the members whose contracts it moved.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) orders: BTreeSet<u64>,
    moved: BTreeSet<OwnerId>,
    blown: BTreeSet<(OwnerId, String)>,
}

/// One side of a match.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    owner: OwnerId,
    key: OrderKey,
    role: Role,
    side: Side,
    level: Level,
    trade_id: &'a str,
}

const fn is_member(owner: OwnerId) -> bool {
    owner.0 >= CLIENT_OWNERS_FROM
}

impl Venue {
    /// Books what an operation did. The orders that it placed are known already.
    pub(super) fn book_events(
        &mut self,
        floor: &mut Floor<'_>,
        book: BookId,
        events: &[MatchEvent],
    ) -> Touched {
        let mut touched = Touched::default();
        for event in events {
            match *event {
                MatchEvent::Trade {
                    price,
                    qty,
                    taker_side,
                    taker,
                    maker,
                    taker_order,
                    maker_order,
                } => {
                    let id = trade_id(book, taker_order, maker_order);
                    let level = Level { price, qty };
                    let print = Print::new(id.clone(), book, level, taker_side, floor.now());
                    self.prints.push(print);
                    let sides = [
                        (taker, taker_order, Role::Taker, taker_side),
                        (maker, maker_order, Role::Maker, taker_side.other()),
                    ];
                    for (owner, key, role, side) in sides {
                        let part = Part { owner, key, role, side, level, trade_id: &id };
                        self.book_part(floor, book, part, &mut touched);
                    }
                }
                MatchEvent::Removed { key, why, .. } => {
                    self.book_removal(floor, book, key, why, &mut touched);
                }
                MatchEvent::Level { .. } => {}
            }
        }
        self.forget_agents(floor, book, events);
        floor.set_open_interest(book, self.ledger.open_interest(book));
        touched
    }

    /// One side of a match: money, contracts, the order, and what its member hears.
    fn book_part(
        &mut self,
        floor: &mut Floor<'_>,
        book: BookId,
        part: Part<'_>,
        touched: &mut Touched,
    ) {
        let now = floor.now();
        let Level { price, qty } = part.level;
        let (owner, role, side) = (part.owner, part.role, part.side);
        let fill = Fill { owner, book, role, side, price, qty, now };
        let Some(number) = self.orders.of_key(book, part.key) else {
            let Some(market) = self.listed.get(book) else { return };
            let fresh = || OrderFees::new(market.fee);
            let fees = self.agents.entry((book, part.key)).or_insert_with(fresh);
            // Sizes of agents are far below what a number can hold.
            let _fee = self.ledger.fill(&fill, fees);
            return;
        };
        let Some(order) = self.orders.get_mut(number) else { return };
        let Some(fee) = self.ledger.fill(&fill, &mut order.fees) else { return };
        order.filled = order.filled.checked_add(qty).unwrap_or(order.filled);
        order.remaining = order.remaining.checked_sub(qty).unwrap_or(Qty::ZERO);
        order.updated = now;
        order.reason = Some(Reason::Trade);
        let own_price = if side == Side::Buy { price } else { price.complement() };
        let paid = Exact::product(own_price, qty);
        let (cost, fees) = match role {
            Role::Taker => (&mut order.taker_cost, &mut order.taker_fees),
            Role::Maker => (&mut order.maker_cost, &mut order.maker_fees),
        };
        *cost = cost.checked_add(paid).unwrap_or(*cost);
        *fees = fees.checked_add(fee).unwrap_or(*fees);
        let record = FillRecord {
            number: 0,
            trade_id: part.trade_id.to_owned(),
            order_id: order.id.clone(),
            client_order_id: order.client_order_id.clone(),
            book,
            side,
            price,
            qty,
            is_taker: role == Role::Taker,
            fee,
            at: now,
        };
        let (is_done, group) = (order.remaining.is_zero(), order.group.clone());
        if is_done {
            self.orders.finish(number, Status::Executed);
        }
        let after = self.ledger.position(owner, book).net;
        tell(floor, &private::fill(owner, self.listed.ticker(book), &record, after));
        self.orders.add_fill(owner, record);
        touched.orders.insert(number);
        touched.moved.insert(owner);
        if let Some(group) = group
            && self.groups.matched(owner, &group, qty, now)
        {
            touched.blown.insert((owner, group));
        }
    }

    /// An order left the book without a match and without its member's own command.
    fn book_removal(
        &mut self,
        floor: &Floor<'_>,
        book: BookId,
        key: OrderKey,
        why: Removal,
        touched: &mut Touched,
    ) {
        let Some(number) = self.orders.of_key(book, key) else { return };
        let reason = match why {
            Removal::SelfTrade => Reason::SelfTradeCancel,
            Removal::Closed => Reason::CloseCancel,
            // The command that did it knows what it means.
            Removal::Cancelled | Removal::Expired | Removal::Replaced => return,
        };
        self.end(number, Some(reason), floor.now());
        touched.orders.insert(number);
    }

    /// Ends an order that is in no book any more.
    pub(super) fn end(&mut self, number: u64, reason: Option<Reason>, now: dutchbook_book::Nanos) {
        self.orders.finish(number, Status::Canceled);
        if let Some(order) = self.orders.get_mut(number) {
            order.reason = reason;
            order.updated = now;
        }
    }

    /// Agents' orders that rest no more leave nothing behind.
    fn forget_agents(&mut self, floor: &Floor<'_>, book: BookId, events: &[MatchEvent]) {
        for event in events {
            let keys = match *event {
                MatchEvent::Trade { taker_order, maker_order, .. } => [taker_order, maker_order],
                MatchEvent::Removed { key, .. } => [key, key],
                MatchEvent::Level { .. } => continue,
            };
            for key in keys {
                if floor.market(book).is_none_or(|market| market.book.order(key).is_none()) {
                    self.agents.remove(&(book, key));
                }
            }
        }
    }

    /// Says what an operation changed, and does what follows from it.
    pub(super) fn conclude(&mut self, floor: &mut Floor<'_>, book: BookId, touched: &Touched) {
        let mut owners: BTreeMap<OwnerId, ()> = BTreeMap::new();
        for number in &touched.orders {
            self.tell_order(floor, *number);
            if let Some(order) = self.orders.get(*number) {
                owners.insert(order.owner, ());
            }
        }
        for owner in &touched.moved {
            let position = self.ledger.position(*owner, book);
            let user_id = self.user_id(*owner);
            let at = (book, &position);
            tell(floor, &private::position(*owner, user_id, self.listed.ticker(book), at));
        }
        for owner in owners.into_keys() {
            self.reserve(owner, book);
        }
        for (owner, group) in &touched.blown {
            self.blow(floor, *owner, group);
        }
    }

    /// A member hears how an order is now.
    pub(super) fn tell_order(&self, floor: &mut Floor<'_>, number: u64) {
        let Some(order) = self.orders.get(number).filter(|order| is_member(order.owner)) else {
            return;
        };
        let ticker = self.listed.ticker(order.book);
        tell(floor, &private::order(self.user_id(order.owner), ticker, order));
    }
}

/// Every connection that asked for it gets the frame.
pub(super) fn tell(floor: &mut Floor<'_>, said: &Said) {
    floor.push_kalshi(|_, session| session.frame(said));
}
