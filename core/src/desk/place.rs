//! Orders leave: those of one venue that came together in one request, within its batch limit.

use arrayvec::ArrayVec;
use dutchbook_book::{Nanos, VenueId};
use dutchbook_exec::order::live::Evidence;
use dutchbook_exec::{OrderId, RejectReason};

use super::kalshi::{KALSHI_BATCH_MAX, Wanted};
use super::orders::Orders;
use super::polymarket::{POLYMARKET_BATCH, SignedBatch};
use super::requests::{Asked, BATCH_MAX};
use super::{Desk, Wire, records};
use crate::journal::JournalWriter;
use crate::request::{Lane, OutRequest, Outbox, RequestId};

/// Places of the orders of one request.
type Batch = ArrayVec<usize, BATCH_MAX>;

impl Desk {
    /// Sends what was submitted: call it after every submission.
    pub fn dispatch(&mut self, now: Nanos, journal: &mut JournalWriter, outbox: &mut impl Outbox) {
        while let Some(first) = self.orders.queue().first().copied() {
            let Some(venue) = self.orders.get(first).map(|slot| slot.venue) else {
                self.orders.leave(first);
                continue;
            };
            self.place(venue, now, journal, outbox);
        }
    }

    /// The same, and then asks what has to be asked, cancels what has to go, keeps the dead-man switch
    /// quiet. Call it now and then, when nothing waits for it: never between a payload and its orders.
    pub fn follow_up(&mut self, now: Nanos, journal: &mut JournalWriter, outbox: &mut impl Outbox) {
        self.dispatch(now, journal, outbox);
        self.ask(now, journal, outbox);
    }

    /// Sends one request with as many of a venue's waiting orders as it takes.
    fn place(
        &mut self,
        venue: VenueId,
        now: Nanos,
        journal: &mut JournalWriter,
        outbox: &mut impl Outbox,
    ) {
        let mut batch = self.gather(venue, now);
        self.write(venue, &mut batch, now);
        if batch.is_empty() {
            return;
        }
        let id_of = |at: &usize| self.orders.get(*at).map_or(OrderId(0), |slot| slot.live.id());
        let ids: ArrayVec<OrderId, BATCH_MAX> = batch.iter().map(id_of).collect();
        let Some(request) = self.requests.open(venue, Asked::Place, ids, now) else {
            return self.give_up_all(&batch, RejectReason::NoRoom, now);
        };
        if !self.record(&batch, request, journal, now) {
            // What cannot be written down does not leave.
            self.requests.close(request);
            return self.give_up_all(&batch, RejectReason::NoRoom, now);
        }
        let bytes = self.out.as_bytes();
        let has_left = outbox.send(&OutRequest { id: request, venue, lane: Lane::Order, bytes });
        self.counts.requests += u64::from(has_left);
        if has_left {
            self.counts.sent += u64::try_from(batch.len()).unwrap_or(0);
            return;
        }
        self.requests.close(request);
        for at in batch {
            self.refused(at, RejectReason::NotSent, journal, now);
        }
    }

    /// Takes the next orders of a venue out of the line; what is too late stays here.
    fn gather(&mut self, venue: VenueId, now: Nanos) -> Batch {
        let most = match self.doors.get(venue.index()).and_then(Option::as_ref) {
            Some(door) => match door.wire {
                Wire::Polymarket(_) => POLYMARKET_BATCH,
                Wire::Kalshi(_) => KALSHI_BATCH_MAX,
            },
            None => 1,
        };
        let mut batch = Batch::new();
        while batch.len() < most {
            let orders = &self.orders;
            let is_here = |at: &&usize| orders.get(**at).is_some_and(|slot| slot.venue == venue);
            let Some(at) = self.orders.queue().iter().find(is_here).copied() else { break };
            self.orders.leave(at);
            let deadline = self.orders.get(at).map(|slot| slot.live.intent().deadline);
            match deadline {
                Some(deadline) if now <= deadline => batch.push(at),
                Some(_) => self.give_up(at, RejectReason::Late, now),
                None => {}
            }
        }
        batch
    }

    /// Writes the request; orders that cannot be written are given up and taken out.
    fn write(&mut self, venue: VenueId, batch: &mut Batch, now: Nanos) {
        let Some(door) = self.doors.get_mut(venue.index()).and_then(Option::as_mut) else { return };
        let boot = self.config.boot;
        let mut refused = Batch::new();
        let is_written = match &mut door.wire {
            Wire::Polymarket(clob) => {
                let mut signed = SignedBatch::new();
                for at in batch.iter() {
                    let Some(slot) = self.orders.get_mut(*at) else { continue };
                    let (id, intent) = (slot.live.id(), *slot.live.intent());
                    match clob.sign(id, &intent, &slot.quote, boot, now) {
                        Ok(order) => {
                            slot.hash = order.order.hashes.order;
                            signed.push(order);
                        }
                        Err(_unwritable) => refused.push(*at),
                    }
                }
                signed.is_empty() || clob.write_orders(&signed, now, &mut self.out)
            }
            Wire::Kalshi(trade) => {
                let wanted = wanted(&self.orders, batch);
                trade.write_orders(&wanted, boot, now, &mut self.out)
            }
        };
        if !is_written {
            refused.clone_from(batch);
        }
        batch.retain(|at| !refused.contains(at));
        self.give_up_all(&refused, RejectReason::Unwritable, now);
    }

    /// Writes down that these orders leave, and marks them. False when there is no room to.
    fn record(
        &mut self,
        batch: &Batch,
        request: RequestId,
        journal: &mut JournalWriter,
        now: Nanos,
    ) -> bool {
        // Two records each.
        if !journal.has_room(batch.len().saturating_mul(2)) {
            return false;
        }
        for at in batch {
            let Some(slot) = self.orders.get_mut(*at) else { continue };
            if !records::leaving(journal, slot, request, now) {
                return false;
            }
            slot.live.learn(&Evidence::Journalled);
            // It is in the journal and was never sent.
            let sent = slot.live.send(now);
            debug_assert!(sent.is_ok(), "an order leaves once");
        }
        true
    }

    fn give_up_all(&mut self, batch: &Batch, reason: RejectReason, now: Nanos) {
        for at in batch {
            self.give_up(*at, reason, now);
        }
    }

    /// An order is known not to be at the venue.
    pub(super) fn refused(
        &mut self,
        at: usize,
        reason: RejectReason,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        if let Some(slot) = self.orders.get_mut(at) {
            slot.reason = Some(reason);
        }
        self.learn(at, Evidence::Refused, 0, journal, now);
    }
}

fn wanted<'a>(orders: &'a Orders, batch: &Batch) -> ArrayVec<Wanted<'a>, KALSHI_BATCH_MAX> {
    let slots = batch.iter().filter_map(|at| orders.get(*at)).take(KALSHI_BATCH_MAX);
    slots.map(|slot| (slot.live.id(), slot.live.intent(), &slot.quote)).collect()
}
