//! The orders of clients, open and done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, B256};
use dutchbook_book::{BookId, Cash, Exact, Face, InstrumentId, Nanos, Price, Qty, Side};

use super::super::matching::{OrderKey, OwnerId};

/// How many orders that are over stay readable; the oldest are forgotten.
const DONE_MAX: usize = 50_000;
/// How many orders one account may have open.
pub(super) const OPEN_MAX: usize = 5_000;

/// What the sender wants done with what does not match at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderType {
    /// It rests until cancelled.
    Gtc,
    /// It rests until its time is over.
    Gtd,
    /// All of it at once, or nothing.
    Fok,
    /// What matches at once; the rest is killed.
    Fak,
}

impl OrderType {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "GTC" => Some(Self::Gtc),
            "GTD" => Some(Self::Gtd),
            "FOK" => Some(Self::Fok),
            "FAK" => Some(Self::Fak),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Gtd => "GTD",
            Self::Fok => "FOK",
            Self::Fak => "FAK",
        }
    }

    /// Whether it can rest.
    pub(super) const fn rests(self) -> bool {
        matches!(self, Self::Gtc | Self::Gtd)
    }
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderStatus {
    /// In the book.
    Live,
    /// Held until the delay of its market is over.
    Delayed,
    /// Filled as far as it will be.
    Matched,
    /// Held, and then nothing was there to match it.
    Unmatched,
    /// Taken out; the text says why.
    Cancelled(&'static str),
}

impl OrderStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Delayed => "DELAYED",
            Self::Matched => "MATCHED",
            Self::Unmatched => "UNMATCHED",
            Self::Cancelled(why) => why,
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Live | Self::Delayed)
    }
}

/// One order of a client.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The hash that its owner signed.
    pub(super) id: B256,
    /// Whose money it moves.
    pub(super) owner: OwnerId,
    pub(super) maker: Address,
    pub(super) api_key: String,
    pub(super) book: BookId,
    pub(super) face: Face,
    pub(super) side: Side,
    /// The worst price, of the token that it names.
    pub(super) price: Price,
    pub(super) order_type: OrderType,
    pub(super) post_only: bool,
    /// Shares asked for.
    pub(super) size: Qty,
    /// What a buy for money may spend; it takes as many shares as that buys.
    pub(super) budget: Option<Cash>,
    /// Unix seconds as sent; zero without.
    pub(super) expiration: u64,
    pub(super) created: Nanos,
    pub(super) status: OrderStatus,
    /// Shares matched.
    pub(super) matched: Qty,
    /// Shares that went to the book, and how many of those matched there.
    pub(super) rested: [Qty; 2],
    pub(super) trades: Vec<String>,
    pub(super) key: Option<OrderKey>,
}

impl Order {
    pub(super) const fn instrument(&self) -> InstrumentId {
        self.book.instrument(self.face)
    }

    /// What the order would move in all for `qty` of the part that rested: up for a buyer, down for
    /// a seller, so that what the parts move adds up to what was signed.
    fn rested_cash(&self, qty: Qty) -> Cash {
        let product = Exact::product(self.price, qty);
        let cash = match self.side {
            Side::Buy => product.cash_ceil(),
            Side::Sell => product.cash_floor(),
        };
        cash.unwrap_or(Cash::MAX)
    }

    /// A match of the resting part: what it moves.
    pub(super) fn fill_resting(&mut self, qty: Qty) -> Cash {
        let [rested, done] = self.rested;
        let after = done.checked_add(qty).unwrap_or(rested);
        let cash = self.rested_cash(after).micro() - self.rested_cash(done).micro();
        self.rested = [rested, after];
        self.matched = self.matched.checked_add(qty).unwrap_or(Qty::MAX);
        Cash::from_micro(cash)
    }

    /// Shares still in the book.
    pub(super) fn resting(&self) -> Qty {
        let [rested, done] = self.rested;
        rested.checked_sub(done).unwrap_or(Qty::ZERO)
    }

    /// What it keeps from other use: cash of a buy, shares of a sell, in millionths.
    pub(super) fn reserved(&self) -> i64 {
        let [rested, done] = self.rested;
        match self.side {
            Side::Buy => self.rested_cash(rested).micro() - self.rested_cash(done).micro(),
            Side::Sell => i64::try_from(self.resting().micro()).unwrap_or(i64::MAX),
        }
    }

    /// Its id as the venue prints it.
    pub(super) fn id_text(&self) -> String {
        format!("{:#x}", self.id)
    }
}

/// All orders of clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    by_id: BTreeMap<B256, Order>,
    /// Those in a book.
    by_key: BTreeMap<(BookId, OrderKey), B256>,
    /// Open ones, in the order of placing.
    open: BTreeMap<OwnerId, BTreeSet<(Nanos, B256)>>,
    done: VecDeque<B256>,
    /// Resting orders that end by themselves.
    expiring: BTreeSet<(Nanos, B256)>,
}

impl Orders {
    pub(super) fn get(&self, id: B256) -> Option<&Order> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: B256) -> Option<&mut Order> {
        self.by_id.get_mut(&id)
    }

    /// The order that rests under a key.
    pub(super) fn at(&self, book: BookId, key: OrderKey) -> Option<B256> {
        self.by_key.get(&(book, key)).copied()
    }

    pub(super) fn open_count(&self, owner: OwnerId) -> usize {
        self.open.get(&owner).map_or(0, BTreeSet::len)
    }

    /// Open orders of one owner, oldest first.
    pub(super) fn open_of(&self, owner: OwnerId) -> impl Iterator<Item = &Order> {
        let ids = self.open.get(&owner).into_iter().flatten();
        ids.filter_map(|(_, id)| self.by_id.get(id))
    }

    /// Open orders placed with one API key, of whichever wallet, oldest first.
    pub(super) fn open_of_key(&self, api_key: &str) -> Vec<&Order> {
        let all = self.open.values().flatten().filter_map(|(_, id)| self.by_id.get(id));
        let mut mine: Vec<&Order> = all.filter(|order| order.api_key == api_key).collect();
        mine.sort_by_key(|order| (order.created, order.id));
        mine
    }

    /// Keeps an order that is on its way into the book: its matches ask for it.
    pub(super) fn stage(&mut self, order: Order) {
        self.by_id.insert(order.id, order);
    }

    /// Takes a staged order, or one that was held, out again.
    pub(super) fn take(&mut self, id: B256) -> Option<Order> {
        let order = self.by_id.remove(&id)?;
        if let Some(open) = self.open.get_mut(&order.owner) {
            open.remove(&(order.created, id));
        }
        Some(order)
    }

    /// Keeps an order as its status says.
    pub(super) fn insert(&mut self, order: Order) {
        let (id, owner, status) = (order.id, order.owner, order.status);
        if status.is_open() {
            self.open.entry(owner).or_default().insert((order.created, id));
        }
        if let (Some(key), OrderStatus::Live) = (order.key, status) {
            self.by_key.insert((order.book, key), id);
            // The engine lets such orders go a minute early.
            let ends = Nanos::from_secs(order.expiration.saturating_sub(60));
            if order.expiration > 0 {
                self.expiring.insert((ends, id));
            }
        }
        self.by_id.insert(id, order);
        if !status.is_open() {
            self.forget_behind(id);
        }
    }

    /// Ends an order.
    pub(super) fn end(&mut self, id: B256, status: OrderStatus) {
        let Some(order) = self.by_id.get_mut(&id) else { return };
        order.status = status;
        if let Some(key) = order.key.take() {
            self.by_key.remove(&(order.book, key));
        }
        let ends = Nanos::from_secs(order.expiration.saturating_sub(60));
        self.expiring.remove(&(ends, id));
        if let Some(open) = self.open.get_mut(&order.owner) {
            open.remove(&(order.created, id));
        }
        self.forget_behind(id);
    }

    fn forget_behind(&mut self, id: B256) {
        self.done.push_back(id);
        if self.done.len() > DONE_MAX
            && let Some(oldest) = self.done.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    /// The order that ends first by itself.
    pub(super) fn first_expiry(&self) -> Option<(Nanos, B256)> {
        self.expiring.first().copied()
    }

    /// What all open orders of an owner keep from other use: of cash, and of one token.
    #[cfg(test)]
    pub(super) fn reserved(&self, owner: OwnerId) -> i64 {
        let buys = self.open_of(owner).filter(|order| order.side == Side::Buy);
        buys.map(Order::reserved).sum()
    }
}
