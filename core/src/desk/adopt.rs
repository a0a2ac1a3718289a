//! Orders of an earlier run: taken over from the journal, and looked up until nothing of them is open.

use alloy_primitives::B256;
use dutchbook_book::Nanos;
use dutchbook_exec::order::live::{Evidence, LiveState};
use dutchbook_exec::{Fill, OrderId};

use super::Desk;
use super::orders::{Booked, Slot};
use super::quote::Quote;
use crate::journal::JournalWriter;
use crate::recovery::orders::KnownOrder;

impl Desk {
    /// Follows an order of an earlier run from here on. One whose bytes never left is nothing; one
    /// that left without an answer is looked up. What was booked of it before is not said again.
    /// Returns whether there was room.
    pub fn adopt(&mut self, known: &KnownOrder, journal: &mut JournalWriter, now: Nanos) -> bool {
        let boot = known.boot;
        if boot != self.config.boot && !self.earlier.contains(&boot) {
            self.earlier.push(boot);
        }
        if !known.has_left {
            return true;
        }
        let placed = &known.placed;
        let (limit, qty, budget) = (placed.limit, placed.qty, placed.budget);
        let mut slot = Slot::new(known.order.clone(), placed.venue, Quote { limit, qty, budget });
        slot.hash = placed.hash.map_or(B256::ZERO, B256::from);
        slot.native = known.native.map(|id| id.as_str().into());
        for fill in &known.counted {
            self.fill_count = self.fill_count.wrapping_add(1);
            let (number, trade, delivered) = (self.fill_count, fill.news.trade, fill.delivered);
            let (price, qty, fee) = (fill.news.price, fill.news.qty, fill.news.fee);
            let fill = Fill { number, price, qty, delivered, fee };
            slot.booked.push(Booked { trade, fill });
        }
        let state = slot.live.state();
        slot.told.acknowledged =
            !matches!(state, LiveState::Intended | LiveState::Journalled | LiveState::Sent);
        slot.told.over = known.is_closed;
        let Some(at) = self.orders.insert(slot) else { return false };
        // Whoever was asked is gone with the run that asked.
        self.learn(at, Evidence::NoAnswer, 0, journal, now);
        true
    }

    /// Our number of an order that a venue knows by a client id of ours, of this run or an earlier one.
    pub(super) fn order_of_client(&self, id: &str) -> Option<OrderId> {
        let earlier = || self.earlier.iter().find_map(|boot| boot.order_of(id));
        self.config.boot.order_of(id).or_else(earlier)
    }
}
