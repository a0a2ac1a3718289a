//! What the desk asks of its own accord: orders that nobody answered for, trades that are missing,
//! cash that no message states; and the word that keeps the dead-man switch quiet.

use arrayvec::ArrayVec;
use dutchbook_book::{Nanos, VenueId};
use dutchbook_exec::OrderId;
use dutchbook_exec::order::live::{Evidence, LiveState, Need};
use dutchbook_exec::throttle::Urgency;

use super::kalshi::{CANCEL_COST, READ_COST};
use super::orders::Slot;
use super::requests::{Asked, BATCH_MAX};
use super::{Desk, Door, Wire, records};
use crate::journal::JournalWriter;
use crate::request::{Lane, OutRequest, Outbox};

/// Time between two looks over all orders.
const LOOK_GAP: Nanos = Nanos::from_millis(5);
/// Trades that the channel has not told of after so long are asked for.
const TOLD_IN: Nanos = Nanos::from_millis(200);
/// An immediate order that is still said to be open after so long is asked about.
const OPEN_MAX: Nanos = Nanos::from_millis(500);
/// One that is open for so long is cancelled.
const CANCEL_AFTER: Nanos = Nanos::from_millis(3_000);
/// Time between two cancels of one order.
const CANCEL_GAP: Nanos = Nanos::from_millis(2_000);
/// Trades that are not settled after so long are asked about.
const SETTLES_IN: Nanos = Nanos::from_millis(3_000);
/// Time between two questions for the cash, and between the last movement and the first.
const BALANCE_GAP: Nanos = Nanos::from_millis(1_000);
/// Time between two beats; after ten seconds of silence the venue cancels (polymarket.md section 7).
const BEAT_GAP: Nanos = Nanos::from_millis(4_000);
/// Questions that nobody answered are forgotten after this.
const FORGET_AFTER: Nanos = Nanos::from_secs(120);

impl Desk {
    /// Marks what nobody answered in time, and asks what is due.
    pub(super) fn ask(
        &mut self,
        now: Nanos,
        journal: &mut JournalWriter,
        outbox: &mut impl Outbox,
    ) {
        if now.since(self.looked_at) < LOOK_GAP {
            return;
        }
        self.looked_at = now;
        let before = Nanos(now.0.saturating_sub(self.config.answer_wait.0));
        while let Some(late) = self.requests.next_late(before) {
            if late.asked != Asked::Place {
                continue;
            }
            for order in &late.orders {
                if let Some(at) = self.orders.of_id(*order) {
                    self.learn(at, Evidence::NoAnswer, 0, journal, now);
                }
            }
        }
        self.requests.sweep(Nanos(now.0.saturating_sub(FORGET_AFTER.0)));
        self.orders.sweep();
        let mut number = 0;
        while let Some(at) = self.orders.open_place(number) {
            self.ask_about(at, now, outbox);
            self.cancel_if_due(at, now, journal, outbox);
            number += 1;
        }
        for index in 0..self.doors.len() {
            self.ask_door(index, now, outbox);
        }
    }

    /// Asks what is missing of one order.
    fn ask_about(&mut self, at: usize, now: Nanos, outbox: &mut impl Outbox) {
        let Some(slot) = self.orders.get(at).filter(|slot| !slot.is_settled()) else { return };
        if now < slot.pace.after {
            return;
        }
        let Some(need) = wanted(slot, now) else { return };
        let (venue, order) = (slot.venue, slot.live.id());
        let intent = *slot.live.intent();
        let place = (intent.instrument.book(), intent.instrument.face());
        let sent = slot.live.sent().unwrap_or(now);
        let (hash, native) = (slot.hash, slot.native.clone());
        let cursor = slot.cursor.clone();
        let Some(door) = self.doors.get_mut(venue.index()).and_then(Option::as_mut) else { return };
        let out = &mut self.out;
        let (asked, is_written) = match (&mut door.wire, need, native.as_deref()) {
            (_, Need::Nothing, _) => return,
            (Wire::Polymarket(clob), Need::LookUp, _) => {
                (Asked::LookUp, clob.write_look_up(&hash, now, out))
            }
            (Wire::Polymarket(clob), Need::Fills, _) => {
                let cursor = cursor.as_deref();
                (Asked::Fills, clob.write_trades(place, sent, cursor, now, out))
            }
            (Wire::Kalshi(trade), Need::LookUp, Some(id)) => {
                (Asked::LookUp, trade.write_look_up(id, now, out))
            }
            (Wire::Kalshi(trade), Need::Fills, Some(id)) => {
                (Asked::Fills, trade.write_fills(id, cursor.as_deref(), now, out))
            }
            (Wire::Kalshi(trade), Need::LookUp | Need::Fills, None) => {
                (Asked::List, trade.write_list(place.0, cursor.as_deref(), now, out))
            }
        };
        if self.requests.is_asking(venue, asked, Some(order)) || !is_written {
            return;
        }
        let Some(door) = self.doors.get_mut(venue.index()).and_then(Option::as_mut) else { return };
        if !door.pays_read(now) {
            return;
        }
        if self.send_read(venue, asked, Some(order), now, outbox)
            && let Some(slot) = self.orders.get_mut(at)
        {
            slot.pace.asked(now);
            if asked == Asked::List && slot.cursor.is_none() {
                slot.listed_from = Some(now);
            }
        }
    }

    /// Takes an order back that should not be open any more.
    fn cancel_if_due(
        &mut self,
        at: usize,
        now: Nanos,
        journal: &mut JournalWriter,
        outbox: &mut impl Outbox,
    ) {
        let Some(slot) = self.orders.get(at).filter(|slot| slot.may_trade()) else { return };
        let Some(sent) = slot.live.sent() else { return };
        let is_old = now.since(sent) >= CANCEL_AFTER || self.is_cancelling;
        let is_there = matches!(
            slot.live.state(),
            LiveState::Acknowledged | LiveState::Resting | LiveState::PartiallyFilled
        );
        if !is_old || !is_there || now < slot.cancel_after {
            return;
        }
        let (venue, order, hash) = (slot.venue, slot.live.id(), slot.hash);
        let book = slot.live.intent().instrument.book();
        let native = slot.native.clone();
        let Some(door) = self.doors.get_mut(venue.index()).and_then(Option::as_mut) else { return };
        let out = &mut self.out;
        let is_written = match (&mut door.wire, native.as_deref()) {
            (Wire::Polymarket(clob), _) => {
                clob.cancels.take(1, Urgency::Unwind, now).is_ok()
                    && clob.write_cancel(&hash, now, out)
            }
            (Wire::Kalshi(trade), Some(id)) => {
                trade.writes.take(CANCEL_COST, Urgency::Unwind, now).is_ok()
                    && trade.write_cancel(id, book, now, out)
            }
            (Wire::Kalshi(_), None) => false,
        };
        if !is_written {
            return;
        }
        let mut orders: ArrayVec<OrderId, BATCH_MAX> = ArrayVec::new();
        orders.push(order);
        let Some(id) = self.requests.open(venue, Asked::Cancel, orders, now) else { return };
        records::cancelling(journal, order, id, now);
        let bytes = self.out.as_bytes();
        if !outbox.send(&OutRequest { id, venue, lane: Lane::Cancel, bytes }) {
            self.requests.close(id);
            return;
        }
        self.counts.cancels += 1;
        if let Some(slot) = self.orders.get_mut(at) {
            slot.cancel_after = now.plus(CANCEL_GAP);
        }
    }

    /// What is due at one venue whatever its orders do.
    fn ask_door(&mut self, index: usize, now: Nanos, outbox: &mut impl Outbox) {
        let Some(door) = self.doors.get(index).and_then(Option::as_ref) else { return };
        let venue = door.venue;
        let is_quiet = door.wants_balance()
            && now >= door.balance_after
            && now.since(door.moved_at) >= BALANCE_GAP
            && self.is_still(venue)
            && !self.requests.is_asking(venue, Asked::Balance, None);
        let Some(door) = self.doors.get_mut(index).and_then(Option::as_mut) else { return };
        let Wire::Polymarket(clob) = &mut door.wire else { return };
        if is_quiet && clob.reads.take(1, Urgency::Entry, now).is_ok() {
            door.balance_after = now.plus(BALANCE_GAP);
            if clob.write_balance(now, &mut self.out) {
                self.send_read(venue, Asked::Balance, None, now, outbox);
            }
        }
        let Some(door) = self.doors.get_mut(index).and_then(Option::as_mut) else { return };
        let Wire::Polymarket(clob) = &door.wire else { return };
        if self.config.heartbeats && now >= door.beat.due {
            door.beat.due = now.plus(BEAT_GAP);
            if clob.write_heartbeat(&door.beat.id, now, &mut self.out) {
                self.beat(venue, now, outbox);
            }
        }
    }

    fn beat(&mut self, venue: VenueId, now: Nanos, outbox: &mut impl Outbox) {
        let orders = ArrayVec::new();
        let Some(id) = self.requests.open(venue, Asked::Heartbeat, orders, now) else { return };
        let bytes = self.out.as_bytes();
        // In the lane of cancels: no page of trades stands before it.
        if !outbox.send(&OutRequest { id, venue, lane: Lane::Cancel, bytes }) {
            self.requests.close(id);
        }
    }

    /// Sends the question that is written. Returns whether it left.
    fn send_read(
        &mut self,
        venue: VenueId,
        asked: Asked,
        order: Option<OrderId>,
        now: Nanos,
        outbox: &mut impl Outbox,
    ) -> bool {
        let orders: ArrayVec<OrderId, BATCH_MAX> = order.into_iter().collect();
        let Some(id) = self.requests.open(venue, asked, orders, now) else { return false };
        let bytes = self.out.as_bytes();
        let has_left = outbox.send(&OutRequest { id, venue, lane: Lane::Read, bytes });
        if has_left {
            self.counts.questions += 1;
        } else {
            self.requests.close(id);
        }
        has_left
    }
}

impl Door {
    fn pays_read(&mut self, now: Nanos) -> bool {
        match &mut self.wire {
            Wire::Polymarket(clob) => clob.reads.take(1, Urgency::Entry, now).is_ok(),
            Wire::Kalshi(trade) => trade.reads.take(READ_COST, Urgency::Entry, now).is_ok(),
        }
    }
}

/// What is missing of an order, where it is time to ask.
fn wanted(slot: &Slot, now: Nanos) -> Option<Need> {
    let age = now.since(slot.live.sent()?);
    match (slot.live.need(), slot.live.state()) {
        (Need::Nothing, LiveState::Matched) => (age >= SETTLES_IN).then_some(Need::Fills),
        (
            Need::Nothing,
            LiveState::Acknowledged | LiveState::Resting | LiveState::PartiallyFilled,
        ) => (age >= OPEN_MAX).then_some(Need::LookUp),
        (Need::Nothing, _) => None,
        (Need::Fills, _) => (age >= TOLD_IN).then_some(Need::Fills),
        (Need::LookUp, _) => Some(Need::LookUp),
    }
}
