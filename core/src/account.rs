//! Our orders, fills and cash on one venue, merged from two sources that are both unreliable.
//!
//! The user channels have no sequence: a message may be lost, come twice or late, and nothing shows
//! it. REST shows everything, but lags behind the engine. So the stream leads while it is connected,
//! and after every reconnection REST is read and merged:
//!
//! * a fill is taken once, by trade and order, whatever its source; its settlement only goes on;
//! * an order's filled quantity never falls, and an order that is over stays over;
//! * an order that REST no longer lists as open is over only if the stream has not spoken of it since
//!   shortly before REST was asked, and REST says so twice: its answer may be older than the order.
//!
//! Until the merge is complete the account is not [`Account::is_certain`]. Nothing here has a socket.

use std::collections::BTreeMap;

use dutchbook_book::{Cash, Nanos, Qty};
use dutchbook_feeds::own::{OwnFill, OwnOrder, Settlement};

/// How far REST may lag behind the engine: an answer says nothing about what is younger.
pub const REST_LAG: Nanos = Nanos::from_secs(2);
/// Times that REST must leave an order out before it is over.
const ABSENCES: u32 = 2;

/// One order and what we know of it.
#[derive(Clone, Debug)]
struct Held {
    order: OwnOrder,
    /// When the stream last spoke of it.
    heard: Nanos,
    absences: u32,
}

/// What the merge has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// Messages that said nothing new.
    pub repeats: u64,
    /// Fills that the stream had not brought.
    pub fills_found: u64,
    /// Orders that the stream had not brought.
    pub orders_found: u64,
    /// Orders whose end the stream had not brought.
    pub ends_found: u64,
    /// Fills that failed after all.
    pub failed: u64,
    /// Merges completed.
    pub merges: u64,
}

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The user channel.
    Stream,
    /// An answer to a question that was asked at this time.
    Rest(Nanos),
}

/// What is still to be read before the account is certain again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Every page of the open orders.
    Orders,
    /// Every page of the fills since this time.
    Fills(Nanos),
    /// The cash.
    Cash,
}

/// Our account on one venue.
#[derive(Clone, Debug, Default)]
pub struct Account {
    orders: BTreeMap<String, Held>,
    fills: BTreeMap<(String, String), OwnFill>,
    cash: Option<Cash>,
    counts: AccountCounts,
    is_connected: bool,
    needs_orders: bool,
    needs_fills: bool,
    needs_cash: bool,
    /// Fills up to here are complete.
    complete_until: Nanos,
}

impl Account {
    /// The channel is open. What it missed must be read.
    pub const fn on_connect(&mut self) {
        self.is_connected = true;
        (self.needs_orders, self.needs_fills, self.needs_cash) = (true, true, true);
    }

    /// The channel is lost.
    pub const fn on_disconnect(&mut self) {
        self.is_connected = false;
    }

    /// Whether everything that happened is known, as far as a channel without sequence can tell.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        self.is_connected && !self.needs_orders && !self.needs_fills && !self.needs_cash
    }

    /// What to read next, until there is nothing.
    #[must_use]
    pub const fn need(&self) -> Option<Need> {
        if !self.is_connected {
            None
        } else if self.needs_fills {
            Some(Need::Fills(Nanos(self.complete_until.0.saturating_sub(REST_LAG.0))))
        } else if self.needs_orders {
            Some(Need::Orders)
        } else if self.needs_cash {
            Some(Need::Cash)
        } else {
            None
        }
    }

    /// What the merge has found so far.
    #[must_use]
    pub const fn counts(&self) -> AccountCounts {
        self.counts
    }

    /// Cash as REST last said.
    #[must_use]
    pub const fn cash(&self) -> Option<Cash> {
        self.cash
    }

    /// Orders that may still be filled.
    pub fn open_orders(&self) -> impl Iterator<Item = &OwnOrder> {
        self.orders.values().map(|held| &held.order).filter(|order| order.is_open)
    }

    /// Contracts filled of an order: what it states, or what its fills add up to, whichever is more.
    #[must_use]
    pub fn filled(&self, order: &str) -> Qty {
        let stated = self.orders.get(order).map_or(Qty::ZERO, |held| held.order.filled);
        let good = |fill: &&OwnFill| fill.order == order && fill.settlement != Settlement::Failed;
        let fills = self.fills.values().filter(good);
        let sum = fills.fold(Qty::ZERO, |sum, fill| sum.checked_add(fill.qty).unwrap_or(Qty::MAX));
        stated.max(sum)
    }

    /// Fills that stand, by trade and order.
    pub fn fills(&self) -> impl Iterator<Item = &OwnFill> {
        self.fills.values().filter(|fill| fill.settlement != Settlement::Failed)
    }

    /// Takes word of one order.
    pub fn on_order(&mut self, order: OwnOrder, source: Source, now: Nanos) {
        let heard = match source {
            Source::Stream => now,
            Source::Rest(_) => Nanos::ZERO,
        };
        let Some(held) = self.orders.get_mut(&order.id) else {
            self.counts.orders_found += u64::from(source != Source::Stream);
            self.orders.insert(order.id.clone(), Held { order, heard, absences: 0 });
            return;
        };
        held.heard = held.heard.max(heard);
        held.absences = 0;
        let before = (held.order.filled, held.order.is_open);
        held.order.filled = held.order.filled.max(order.filled);
        // Late and repeated words of an order that is over change nothing.
        held.order.is_open &= order.is_open;
        held.order.ordered = held.order.ordered.or(order.ordered);
        held.order.ts_venue = held.order.ts_venue.max(order.ts_venue);
        self.counts.repeats += u64::from(before == (held.order.filled, held.order.is_open));
    }

    /// Takes word of one fill. Returns whether it is new.
    pub fn on_fill(&mut self, fill: OwnFill, source: Source) -> bool {
        let key = (fill.trade.clone(), fill.order.clone());
        let Some(known) = self.fills.get_mut(&key) else {
            self.counts.fills_found += u64::from(source != Source::Stream);
            self.counts.failed += u64::from(fill.settlement == Settlement::Failed);
            self.fills.insert(key, fill);
            return true;
        };
        known.fee = known.fee.or(fill.fee);
        known.side = known.side.or(fill.side);
        let was_final = matches!(known.settlement, Settlement::Confirmed | Settlement::Failed);
        if was_final || fill.settlement <= known.settlement {
            self.counts.repeats += 1;
        } else {
            known.settlement = fill.settlement;
            self.counts.failed += u64::from(fill.settlement == Settlement::Failed);
        }
        false
    }

    /// Every page of the fills since [`Need::Fills`] was taken; the question was asked at `asked`.
    pub fn fills_complete(&mut self, asked: Nanos) {
        self.needs_fills = false;
        self.complete_until = self.complete_until.max(asked);
    }

    /// Every page of the open orders was taken; the question was asked at `asked`, and these ids were
    /// in its answer.
    pub fn orders_complete(&mut self, listed: &[String], asked: Nanos) {
        let quiet_since = Nanos(asked.0.saturating_sub(REST_LAG.0));
        let mut is_settled = true;
        for (id, held) in &mut self.orders {
            if !held.order.is_open || listed.contains(id) {
                continue;
            }
            // The answer may be older than the order.
            if held.heard < quiet_since {
                held.absences += 1;
            }
            if held.absences >= ABSENCES {
                held.order.is_open = false;
                self.counts.ends_found += 1;
            } else {
                is_settled = false;
            }
        }
        self.needs_orders = !is_settled;
        self.counts.merges += u64::from(is_settled);
    }

    /// The cash, as REST says.
    pub const fn on_cash(&mut self, cash: Cash) {
        self.cash = Some(cash);
        self.needs_cash = false;
    }

    /// Forgets orders that are over and whose fills are final, before this time: a run of days must
    /// not grow without end.
    pub fn forget(&mut self, before: Nanos) {
        let is_final =
            |fill: &OwnFill| matches!(fill.settlement, Settlement::Confirmed | Settlement::Failed);
        self.fills.retain(|_, fill| !is_final(fill) || fill.ts_venue >= before);
        self.orders.retain(|_, held| held.order.is_open || held.heard >= before);
    }
}

#[cfg(test)]
mod tests;
