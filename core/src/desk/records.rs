//! What the desk writes into the journal: before bytes leave that may set an order going, and before
//! what it learnt is booked.

use dutchbook_book::{Exact, Nanos, Qty, VenueId};
use dutchbook_exec::OrderId;
use dutchbook_exec::order::fills::{FillChange, FillNews};
use dutchbook_exec::order::live::Evidence;

use super::orders::Slot;
use crate::journal::live::{
    AccountRecord, FillStep, LiveFill, LiveRecord, NativeText, Origin, Placed,
};
use crate::journal::{JournalWriter, Record};
use crate::request::RequestId;

/// Writes down that an order is signed and leaves now. False when it cannot be: it must not leave.
#[must_use]
pub(super) fn leaving(
    journal: &mut JournalWriter,
    slot: &Slot,
    request: RequestId,
    now: Nanos,
) -> bool {
    let (order, quote) = (slot.live.id(), slot.quote);
    let placed = LiveRecord::Placed(Placed {
        order,
        venue: slot.venue,
        hash: (!slot.hash.is_zero()).then_some(slot.hash.0),
        limit: quote.limit,
        qty: quote.qty,
        budget: quote.budget,
    });
    let sent = LiveRecord::Sent { order, request: request.0, is_cancel: false };
    [placed, sent].iter().all(|record| journal.record(now, &Record::Live(*record)).is_ok())
}

/// Writes down that a cancel leaves.
pub(super) fn cancelling(
    journal: &mut JournalWriter,
    order: OrderId,
    request: RequestId,
    now: Nanos,
) {
    let sent = LiveRecord::Sent { order, request: request.0, is_cancel: true };
    journal.record_or_shed(now, &Record::Live(sent));
}

/// Writes down the venue's id of an order.
pub(super) fn named(journal: &mut JournalWriter, order: OrderId, id: &str, now: Nanos) {
    if let Some(id) = NativeText::of(id) {
        journal.record_or_shed(now, &Record::Live(LiveRecord::Named { order, id }));
    }
}

/// Writes down what was learnt of an order, all but its trades.
pub(super) fn learnt(journal: &mut JournalWriter, order: OrderId, evidence: Evidence, now: Nanos) {
    journal.record_or_shed(now, &Record::Live(LiveRecord::Evidence { order, evidence }));
}

/// Writes down what news of a trade did.
pub(super) fn traded(journal: &mut JournalWriter, slot: &Slot, change: FillChange, now: Nanos) {
    let (step, news) = step_of(change);
    let intent = slot.live.intent();
    let fill = LiveFill {
        order: slot.live.id(),
        instrument: intent.instrument,
        side: intent.side,
        step,
        news,
        delivered: delivered(&news),
    };
    journal.record_or_shed(now, &Record::Live(LiveRecord::Fill(fill)));
}

/// Writes down what a venue's cash showed beside the trades.
pub(super) fn rounded(journal: &mut JournalWriter, venue: VenueId, cash: Exact, now: Nanos) {
    let transfer = AccountRecord::Transfer { venue, cash, origin: Origin::Rounding };
    journal.record_or_shed(now, &Record::Live(LiveRecord::Account(transfer)));
}

/// Contracts that reach the account: both venues take their fees in cash.
pub(super) const fn delivered(news: &FillNews) -> Qty {
    news.qty
}

const fn step_of(change: FillChange) -> (FillStep, FillNews) {
    match change {
        FillChange::Counted(news) => (FillStep::Counted, news),
        FillChange::Reversed(news) => (FillStep::Reversed, news),
        FillChange::Settled(news) => (FillStep::Settled, news),
    }
}
