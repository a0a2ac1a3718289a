//! The orders that the desk follows: one place each, from the decision until nothing of it can
//! change, and longer where there is room, because news that comes late is still news.

use std::collections::VecDeque;

use alloy_primitives::B256;
use dutchbook_book::{Exact, Nanos, VenueId};
use dutchbook_exec::order::fills::TradeKey;
use dutchbook_exec::order::live::{Contradictions, Evidence, LiveOrder, LiveState};
use dutchbook_exec::{Fill, OrderId, RejectReason};

use super::quote::Quote;

/// First pause before an order is asked about again; each next one is twice as long.
const ASK_GAP: Nanos = Nanos::from_millis(100);
/// The longest pause.
const ASK_GAP_MAX: Nanos = Nanos::from_millis(2_000);

/// A fill as it was reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Booked {
    pub(super) trade: TradeKey,
    pub(super) fill: Fill,
}

/// What was reported of an order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) acknowledged: bool,
    /// Rejected or closed.
    pub(super) over: bool,
    pub(super) settled: bool,
    pub(super) breaches: Contradictions,
}

/// When an order is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) after: Nanos,
    gap: Nanos,
}

impl Pace {
    /// Asks as soon as it is wanted.
    pub(super) const NOW: Self = Self { after: Nanos::ZERO, gap: ASK_GAP };

    /// A question has gone out.
    pub(super) fn asked(&mut self, now: Nanos) {
        self.after = now.plus(self.gap);
        self.gap = self.gap.plus(self.gap).min(ASK_GAP_MAX);
    }
}

/// One order and everything around it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) live: LiveOrder,
    pub(super) venue: VenueId,
    pub(super) quote: Quote,
    /// Its id at the venue where that is a hash of its contents; zero before it is signed.
    pub(super) hash: B256,
    /// Its id at the venue where the venue gives it.
    pub(super) native: Option<Box<str>>,
    pub(super) last: Option<Evidence>,
    pub(super) told: Told,
    /// Why it was refused, where we know better than the venue's no.
    pub(super) reason: Option<RejectReason>,
    pub(super) booked: Vec<Booked>,
    pub(super) pace: Pace,
    /// When it may be cancelled, again.
    pub(super) cancel_after: Nanos,
    /// The page of a list that is to be read next, where one was read.
    pub(super) cursor: Option<Box<str>>,
    /// Whether records that must have it did not, once.
    pub(super) was_absent: bool,
    /// When the first page of that list was asked for.
    pub(super) listed_from: Option<Nanos>,
}

impl Slot {
    pub(super) fn new(live: LiveOrder, venue: VenueId, quote: Quote) -> Self {
        Self {
            live,
            venue,
            quote,
            hash: B256::ZERO,
            native: None,
            last: None,
            told: Told::default(),
            reason: None,
            booked: Vec::new(),
            pace: Pace::NOW,
            cancel_after: Nanos::ZERO,
            cursor: None,
            was_absent: false,
            listed_from: None,
        }
    }

    /// A page was read: the next one is asked for at once, where there is one.
    pub(super) fn turn_page(&mut self, cursor: Option<String>) {
        self.cursor = cursor.map(Into::into);
        if self.cursor.is_some() {
            self.pace = Pace::NOW;
        }
    }

    /// What a trade was booked to cost beside its price: what is told of it again costs the same,
    /// whatever the fees have become.
    pub(super) fn booked_cost(&self, trade: TradeKey) -> Option<Exact> {
        let booked = self.booked.iter().find(|booked| booked.trade == trade)?;
        Some(booked.fill.fee)
    }

    /// Whether nothing of it can change any more.
    pub(super) const fn is_settled(&self) -> bool {
        self.told.settled
    }

    /// Whether it is in the venue's book, or may be, or may come there.
    pub(super) fn may_trade(&self) -> bool {
        let state = self.live.state();
        !self.told.over && !state.is_final() && state != LiveState::Matched
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Orders {
    slots: Vec<Option<Slot>>,
    /// The ids of the slots, zero where one is free: searched without touching the slots.
    ids: Vec<u64>,
    free: Vec<usize>,
    /// Slots of orders that have not left, oldest first.
    queue: Vec<usize>,
    /// Slots of orders that are not settled, oldest first: what is looked over again and again.
    open: Vec<usize>,
    /// Slots of settled orders, in the order in which they were found to be.
    settled: VecDeque<usize>,
}

impl Orders {
    pub(super) fn new(orders_max: usize) -> Self {
        Self {
            slots: (0..orders_max).map(|_| None).collect(),
            ids: vec![0; orders_max],
            free: (0..orders_max).rev().collect(),
            queue: Vec::with_capacity(orders_max),
            open: Vec::with_capacity(orders_max),
            settled: VecDeque::with_capacity(orders_max),
        }
    }

    pub(super) fn has_room(&self, count: usize) -> bool {
        self.free.len() >= count
    }

    /// Keeps an order and lines it up; `None` where there is no room.
    pub(super) fn insert(&mut self, slot: Slot) -> Option<usize> {
        let at = self.free.pop()?;
        if let Some(id) = self.ids.get_mut(at) {
            *id = slot.live.id().0;
        }
        *self.slots.get_mut(at)? = Some(slot);
        self.open.push(at);
        Some(at)
    }

    pub(super) fn line_up(&mut self, at: usize) {
        self.queue.push(at);
    }

    pub(super) fn queue(&self) -> &[usize] {
        &self.queue
    }

    /// Takes an order out of the line.
    pub(super) fn leave(&mut self, at: usize) {
        self.queue.retain(|queued| *queued != at);
    }

    pub(super) fn get(&self, at: usize) -> Option<&Slot> {
        self.slots.get(at)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Slot> {
        self.slots.get_mut(at)?.as_mut()
    }

    pub(super) fn of_id(&self, id: OrderId) -> Option<usize> {
        self.ids.iter().position(|known| *known == id.0 && id.0 != 0)
    }

    /// The order of a hash.
    pub(super) fn of_hash(&self, hash: &B256) -> Option<usize> {
        self.find(|slot| slot.hash == *hash && !hash.is_zero())
    }

    /// The order that a venue calls by this id.
    pub(super) fn of_native(&self, venue: VenueId, id: &str) -> Option<usize> {
        self.find(|slot| slot.venue == venue && slot.native.as_deref() == Some(id))
    }

    /// News is nearly always of an order that is open.
    fn find(&self, is_it: impl Fn(&Slot) -> bool) -> Option<usize> {
        let is_at = |at: &usize| self.get(*at).is_some_and(&is_it);
        let all = self.open.iter().rev().chain(self.settled.iter().rev());
        all.copied().find(is_at)
    }

    /// Orders that were not settled at the last [`Orders::sweep`], oldest first, with their places.
    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.open.iter().filter_map(|at| Some((*at, self.get(*at)?)))
    }

    /// The places of those, one by one: `number` counts from zero.
    pub(super) fn open_place(&self, number: usize) -> Option<usize> {
        self.open.get(number).copied()
    }

    /// Sets those aside that are settled, and makes room where it has become scarce: orders of which
    /// nothing can change any more are forgotten, oldest first.
    pub(super) fn sweep(&mut self) {
        let Self { slots, open, settled, .. } = self;
        open.retain(|at| {
            let is_settled = slots.get(*at).and_then(Option::as_ref).is_some_and(Slot::is_settled);
            if is_settled {
                settled.push_back(*at);
            }
            !is_settled
        });
        let wanted = self.slots.len() / 4;
        while self.free.len() < wanted {
            let Some(at) = self.settled.pop_front() else { return };
            if let (Some(slot), Some(id)) = (self.slots.get_mut(at), self.ids.get_mut(at)) {
                (*slot, *id) = (None, 0);
                self.free.push(at);
            }
        }
    }
}
