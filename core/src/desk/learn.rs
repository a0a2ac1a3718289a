//! Evidence taken, and what follows from it said: each thing once, whatever is told how often.

use dutchbook_book::{Exact, Nanos};
use dutchbook_exec::order::fills::{FillChange, FillNews, Settlement};
use dutchbook_exec::order::live::{End, Evidence, LiveState, Need};
use dutchbook_exec::{Closed, Fill, OrderEnd, RejectReason, Report, ReportKind};

use super::orders::{Booked, Slot};
use super::{Desk, Word, records};
use crate::journal::JournalWriter;

impl Desk {
    /// Adds a piece of news of an order, writes it down, and says what it changed. `matches` is how
    /// many resting orders a trade met.
    pub(super) fn learn(
        &mut self,
        at: usize,
        evidence: Evidence,
        matches: u32,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let Some(slot) = self.orders.get_mut(at) else { return };
        if slot.last == Some(evidence) {
            return;
        }
        let was_unknown = slot.live.state() == LiveState::Unknown;
        let change = slot.live.learn(&evidence);
        slot.last = Some(evidence);
        match (change, evidence) {
            (Some(change), _) => records::traded(journal, slot, change, now),
            // What was taken back before we knew of it moves nothing, and is known for it.
            (None, Evidence::Fill(news)) if news.settlement == Settlement::Failed => {
                records::learnt(journal, slot.live.id(), evidence, now);
            }
            (None, Evidence::Fill(_)) => {}
            (None, _) => records::learnt(journal, slot.live.id(), evidence, now),
        }
        let is_unknown = slot.live.state() == LiveState::Unknown;
        self.counts.unknowns += u64::from(is_unknown && !was_unknown);
        self.counts.unknowns_resolved += u64::from(was_unknown && !is_unknown);
        match change {
            Some(FillChange::Counted(news)) => self.count(at, &news, matches, now),
            Some(FillChange::Reversed(news)) => self.reverse(at, &news, now),
            Some(FillChange::Settled(_)) | None => {}
        }
        self.tell(at, now);
    }

    /// Contracts are ours.
    fn count(&mut self, at: usize, news: &FillNews, matches: u32, now: Nanos) {
        self.fill_count = self.fill_count.wrapping_add(1);
        let number = self.fill_count;
        let Some(slot) = self.orders.get_mut(at) else { return };
        let delivered = records::delivered(news);
        let fill = Fill { number, price: news.price, qty: news.qty, delivered, fee: news.fee };
        slot.booked.push(Booked { trade: news.trade, fill });
        let said = report(slot, now, ReportKind::Filled(fill));
        let cash = fill.cash_effect(slot.live.intent().side).unwrap_or(Exact::ZERO);
        let venue = slot.venue;
        self.words.push_back(Word::Report(said));
        if let Some(door) = self.door_mut(venue) {
            door.rounder.book(cash, matches);
            door.moved_at = now;
        }
    }

    /// Contracts are not ours after all.
    fn reverse(&mut self, at: usize, news: &FillNews, now: Nanos) {
        let Some(slot) = self.orders.get_mut(at) else { return };
        let Some(booked) = slot.booked.iter().find(|booked| booked.trade == news.trade) else {
            return;
        };
        let fill = booked.fill;
        let said = report(slot, now, ReportKind::Reversed(fill));
        let cash = fill.cash_effect(slot.live.intent().side).unwrap_or(Exact::ZERO);
        let venue = slot.venue;
        self.counts.reversals += 1;
        self.words.push_back(Word::Report(said));
        if let Some(door) = self.door_mut(venue) {
            door.rounder.book(Exact::from_pico(cash.pico().saturating_neg()), 0);
            door.moved_at = now;
        }
    }

    /// Says what an order's state has become, each step once.
    fn tell(&mut self, at: usize, now: Nanos) {
        let Some(slot) = self.orders.get_mut(at) else { return };
        let mut said = [None; 3];
        let state = slot.live.state();
        let found = slot.live.contradictions();
        if found != slot.told.breaches {
            slot.told.breaches = found;
            let order = slot.live.id();
            self.words.push_back(Word::Breach { order, found });
        }
        match state {
            LiveState::Intended | LiveState::Journalled | LiveState::Sent | LiveState::Unknown => {}
            LiveState::Rejected => {
                if !slot.told.over {
                    (slot.told.over, slot.told.settled) = (true, true);
                    let reason = slot.reason.unwrap_or(refusal(slot));
                    said[0] = Some(ReportKind::Rejected(reason));
                    self.counts.rejects += u64::from(reason.is_venues());
                }
            }
            LiveState::Acknowledged | LiveState::Resting | LiveState::PartiallyFilled => {
                said[0] = acknowledge(slot);
            }
            LiveState::Matched
            | LiveState::Confirmed
            | LiveState::Failed
            | LiveState::Cancelled
            | LiveState::Expired => {
                said[0] = acknowledge(slot);
                if !slot.told.over && slot.live.need() == Need::Nothing {
                    slot.told.over = true;
                    said[1] = Some(ReportKind::Closed(closed(slot)));
                }
                if slot.told.over && !slot.told.settled && state.is_final() {
                    slot.told.settled = true;
                    said[2] = Some(ReportKind::Settled);
                }
            }
        }
        let Some(slot) = self.orders.get(at) else { return };
        for kind in said.into_iter().flatten() {
            self.words.push_back(Word::Report(report(slot, now, kind)));
        }
    }

    /// Gives up an order that has not left.
    pub(super) fn give_up(&mut self, at: usize, reason: RejectReason, now: Nanos) {
        self.orders.leave(at);
        let Some(slot) = self.orders.get_mut(at) else { return };
        (slot.told.over, slot.told.settled) = (true, true);
        let said = report(slot, now, ReportKind::Rejected(reason));
        self.words.push_back(Word::Report(said));
    }
}

fn acknowledge(slot: &mut Slot) -> Option<ReportKind> {
    let is_first = !slot.told.acknowledged && !slot.told.over;
    slot.told.acknowledged = true;
    is_first.then_some(ReportKind::Acknowledged)
}

/// Why the venue does not have it.
fn refusal(slot: &Slot) -> RejectReason {
    match slot.last {
        Some(Evidence::NotFound(_)) => RejectReason::NeverArrived,
        _ => RejectReason::Refused,
    }
}

fn closed(slot: &Slot) -> Closed {
    let filled = slot.live.filled();
    let end = match slot.live.end() {
        _ if filled >= slot.live.intent().qty => OrderEnd::Filled,
        Some(End::Expired) => OrderEnd::Expired,
        Some(End::Cancelled | End::Filled) | None => OrderEnd::Cancelled,
    };
    Closed { end, filled, adjustment: Exact::ZERO }
}

fn report(slot: &Slot, now: Nanos, kind: ReportKind) -> Report {
    Report::of(slot.live.id(), slot.live.intent(), now, kind)
}
