//! Members' orders: every one that the venue took, whether it rests, is done or was cancelled.
//!
//! Bounded: finished orders and fills of a member are forgotten, oldest first, beyond a limit; a
//! client order id is remembered longer, because it may never come twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dutchbook_book::fee::OrderFees;
use dutchbook_book::{BookId, Cash, Exact, Nanos, Price, Qty, Side};

use super::super::matching::{OrderKey, OwnerId, SelfTrade};

/// Finished orders that are kept for one member.
const DONE_MAX: usize = 20_000;
/// Fills that are kept for one member.
const FILLS_MAX: usize = 50_000;
/// Client order ids that are remembered for one member.
const CLIENT_IDS_MAX: usize = 500_000;
/// Orders of one member that may rest at once.
pub(super) const RESTING_MAX: usize = 20_000;

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Resting,
    Canceled,
    Executed,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Canceled => "canceled",
            Self::Executed => "executed",
        }
    }
}

/// Why an order last changed, where the venue says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Decrease,
    Amend,
    SelfTradeCancel,
    ExpiryCancel,
    CloseCancel,
    HaltCancel,
    Trade,
    ReduceOnlyCancel,
}

impl Reason {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Decrease => "Decrease",
            Self::Amend => "Amend",
            Self::SelfTradeCancel => "SelfTradeCancel",
            Self::ExpiryCancel => "ExpiryCancel",
            Self::CloseCancel => "CloseCancel",
            Self::HaltCancel => "HaltCancel",
            Self::Trade => "Trade",
            Self::ReduceOnlyCancel => "ReduceOnlyCancel",
        }
    }
}

/// An order of a member.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Counts the venue's orders: later ones have higher numbers.
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) client_order_id: String,
    pub(super) owner: OwnerId,
    pub(super) book: BookId,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) initial: Qty,
    pub(super) filled: Qty,
    /// What rests; zero once it is done.
    pub(super) remaining: Qty,
    pub(super) status: Status,
    pub(super) reason: Option<Reason>,
    /// Its key in the book, of the last time that it entered.
    pub(super) key: Option<OrderKey>,
    pub(super) self_trade: SelfTrade,
    pub(super) post_only: bool,
    pub(super) expires_at: Option<Nanos>,
    pub(super) cancels_on_pause: bool,
    pub(super) group: Option<String>,
    pub(super) fees: OrderFees,
    pub(super) taker_cost: Exact,
    pub(super) maker_cost: Exact,
    pub(super) taker_fees: Cash,
    pub(super) maker_fees: Cash,
    pub(super) created: Nanos,
    pub(super) updated: Nanos,
}

impl Order {
    pub(super) const fn is_resting(&self) -> bool {
        matches!(self.status, Status::Resting)
    }
}

/// One side of a match, as its member sees it.
#[derive(Clone, Debug)]
pub(super) struct FillRecord {
    /// Counts the venue's fills.
    pub(super) number: u64,
    pub(super) trade_id: String,
    pub(super) order_id: String,
    pub(super) client_order_id: String,
    pub(super) book: BookId,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) is_taker: bool,
    pub(super) fee: Cash,
    pub(super) at: Nanos,
}

/// What one member has placed.
#[derive(Clone, Debug, Default)]
struct Placed {
    resting: BTreeSet<(BookId, u64)>,
    done: VecDeque<u64>,
    fills: VecDeque<FillRecord>,
    client_ids: BTreeSet<String>,
}

/// The orders of all members.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    by_number: BTreeMap<u64, Order>,
    by_id: BTreeMap<String, u64>,
    by_key: BTreeMap<(BookId, OrderKey), u64>,
    placed: BTreeMap<OwnerId, Placed>,
    expiries: BTreeSet<(Nanos, u64)>,
    order_count: u64,
    fill_count: u64,
}

impl Orders {
    /// The number of the next order.
    pub(super) const fn next_number(&mut self) -> u64 {
        self.order_count += 1;
        self.order_count
    }

    /// Whether a member has used a client order id.
    pub(super) fn is_used(&self, owner: OwnerId, client_order_id: &str) -> bool {
        let placed = self.placed.get(&owner);
        placed.is_some_and(|placed| placed.client_ids.contains(client_order_id))
    }

    /// Whether a member can place one more.
    pub(super) fn has_room(&self, owner: OwnerId) -> bool {
        self.placed.get(&owner).is_none_or(|placed| {
            placed.resting.len() < RESTING_MAX && placed.client_ids.len() < CLIENT_IDS_MAX
        })
    }

    /// Remembers a client order id for good.
    pub(super) fn use_client_id(&mut self, owner: OwnerId, client_order_id: &str) {
        if !client_order_id.is_empty() {
            let placed = self.placed.entry(owner).or_default();
            placed.client_ids.insert(client_order_id.to_owned());
        }
    }

    /// Takes an order in.
    pub(super) fn insert(&mut self, order: Order) {
        self.use_client_id(order.owner, &order.client_order_id);
        self.by_id.insert(order.id.clone(), order.number);
        self.placed.entry(order.owner).or_default().resting.insert((order.book, order.number));
        if let Some(at) = order.expires_at {
            self.expiries.insert((at, order.number));
        }
        if let Some(key) = order.key {
            self.by_key.insert((order.book, key), order.number);
        }
        self.by_number.insert(order.number, order);
    }

    /// An order by its number.
    pub(super) fn get(&self, number: u64) -> Option<&Order> {
        self.by_number.get(&number)
    }

    /// An order to change; [`Orders::finish`] is told when it is done.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Order> {
        self.by_number.get_mut(&number)
    }

    /// The order of a member with this id.
    pub(super) fn of_id(&self, owner: OwnerId, id: &str) -> Option<&Order> {
        let order = self.by_number.get(self.by_id.get(id)?)?;
        (order.owner == owner).then_some(order)
    }

    /// The number of the order that has this key in a book.
    pub(super) fn of_key(&self, book: BookId, key: OrderKey) -> Option<u64> {
        self.by_key.get(&(book, key)).copied()
    }

    /// An order entered its book again, under another key.
    pub(super) fn rekey(&mut self, number: u64, key: OrderKey) {
        let Some(order) = self.by_number.get_mut(&number) else { return };
        if let Some(old) = order.key.replace(key) {
            self.by_key.remove(&(order.book, old));
        }
        self.by_key.insert((order.book, key), number);
    }

    /// Changes when an order ends by itself.
    pub(super) fn set_expiry(&mut self, number: u64, expires_at: Option<Nanos>) {
        let Some(order) = self.by_number.get_mut(&number) else { return };
        if let Some(at) = order.expires_at {
            self.expiries.remove(&(at, number));
        }
        order.expires_at = expires_at;
        if let Some(at) = expires_at {
            self.expiries.insert((at, number));
        }
    }

    /// An order is done: it leaves the lists of what rests.
    pub(super) fn finish(&mut self, number: u64, status: Status) {
        let Some(order) = self.by_number.get_mut(&number) else { return };
        order.status = status;
        order.remaining = Qty::ZERO;
        if let Some(at) = order.expires_at {
            self.expiries.remove(&(at, number));
        }
        if let Some(key) = order.key {
            self.by_key.remove(&(order.book, key));
        }
        let placed = self.placed.entry(order.owner).or_default();
        if placed.resting.remove(&(order.book, number)) {
            placed.done.push_back(number);
        }
        if placed.done.len() > DONE_MAX
            && let Some(oldest) = placed.done.pop_front()
            && let Some(gone) = self.by_number.remove(&oldest)
        {
            self.by_id.remove(&gone.id);
        }
    }

    /// A member's resting orders, by market, oldest first.
    pub(super) fn resting(&self, owner: OwnerId) -> impl Iterator<Item = &Order> {
        let numbers = self.placed.get(&owner).into_iter().flat_map(|placed| &placed.resting);
        numbers.filter_map(|(_, number)| self.by_number.get(number))
    }

    /// A member's resting orders on one market, oldest first.
    pub(super) fn resting_on(&self, owner: OwnerId, book: BookId) -> impl Iterator<Item = &Order> {
        let range = (book, 0)..=(book, u64::MAX);
        let placed = self.placed.get(&owner).into_iter();
        let numbers = placed.flat_map(move |placed| placed.resting.range(range.clone()));
        numbers.filter_map(|(_, number)| self.by_number.get(number))
    }

    /// All of a member's orders that are kept, newest first, below `before`.
    pub(super) fn newest(
        &self,
        owner: OwnerId,
        before: Option<u64>,
    ) -> impl Iterator<Item = &Order> {
        let range = ..before.unwrap_or(u64::MAX);
        let orders = self.by_number.range(range).rev().map(|(_, order)| order);
        orders.filter(move |order| order.owner == owner)
    }

    /// The numbers of all resting orders for which this holds, oldest first.
    pub(super) fn resting_where(&self, holds: impl Fn(&Order) -> bool) -> Vec<u64> {
        let all = self.placed.values().flat_map(|placed| &placed.resting);
        let mut numbers: Vec<u64> =
            all.map(|(_, number)| *number).filter(|n| self.get(*n).is_some_and(&holds)).collect();
        numbers.sort_unstable();
        numbers
    }

    /// When the first order ends by itself, and which.
    pub(super) fn first_expiry(&self) -> Option<(Nanos, u64)> {
        self.expiries.first().copied()
    }

    /// Keeps a fill of a member; it gets its number.
    pub(super) fn add_fill(&mut self, owner: OwnerId, mut fill: FillRecord) {
        self.fill_count += 1;
        fill.number = self.fill_count;
        let placed = self.placed.entry(owner).or_default();
        if placed.fills.len() >= FILLS_MAX {
            placed.fills.pop_front();
        }
        placed.fills.push_back(fill);
    }

    /// A member's fills, newest first.
    pub(super) fn fills(&self, owner: OwnerId) -> impl Iterator<Item = &FillRecord> {
        self.placed.get(&owner).into_iter().flat_map(|placed| placed.fills.iter().rev())
    }
}
