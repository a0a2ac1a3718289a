//! The order desk: intents in, signed requests out; every word of the venues in, reports out.
//!
//! It stands where the paper venue stands in a rehearsal. An order is signed once and sent once. What
//! becomes of it is read off everything that was ever said of it ([`dutchbook_exec::order::live`]):
//! the reply of the request, the user channel, questions that the desk asks itself when something is
//! missing. An order that nobody answered for is *unknown* and is looked up, never sent again.
//!
//! The desk has no socket, clock or thread. It writes whole requests ([`crate::request`]), somebody
//! carries them, and brings back exactly one answer each; the desk expects answers that are wrong,
//! late, repeated or never come. Before bytes are handed over, what they may set going is in the
//! journal. From [`Desk::submit`] to the bytes nothing is allocated and the system is not called.
//!
//! What it says comes out of [`Desk::next_word`], in an order that can be recorded and replayed.

mod access;
mod adopt;
mod answers;
mod ask;
mod channel;
mod kalshi;
mod learn;
mod money;
mod orders;
mod place;
mod polymarket;
pub mod quote;
mod records;
mod requests;

use std::collections::VecDeque;

use dutchbook_book::catalog::{Catalog, Listing, Terms, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{BookId, Cash, Exact, Nanos, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::order::live::{Contradictions, LiveOrder, LiveState};
use dutchbook_exec::sign::digest_signer::SignCounts;
use dutchbook_exec::throttle::{Bucket, Urgency};
use dutchbook_exec::wire::WireBuf;
use dutchbook_exec::{Intent, OrderId, RejectReason, Report, ReportKind};
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::general::GeneralDecoder;
use dutchbook_feeds::ids::IdTable;

pub use access::{
    Access, DeskConfig, DeskError, KALSHI_READS, KALSHI_TARGETS, KALSHI_WRITES, KalshiAccess,
    POLYMARKET_CANCELS, POLYMARKET_ORDERS, POLYMARKET_READS, PolymarketAccess,
};
use kalshi::Trade;
use money::Rounder;
use orders::{Orders, Slot};
use polymarket::Clob;
use quote::Quote;
use requests::Requests;

use crate::journal::Record;
use crate::journal::live::{AccountRecord, LiveRecord, Origin};
use crate::request::REQUEST_BYTES_MAX;

/// Room for what is said between two looks; more grows.
const WORDS_TYPICAL: usize = 1_024;

/// What the desk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// News of an order.
    Report(Report),
    /// What an account starts with, by the venue's own word.
    Opening {
        /// Where.
        venue: VenueId,
        /// Its cash.
        cash: Cash,
    },
    /// The venue's cash differs from what was booked by roundings: negative when we pay.
    Rounding {
        /// Where.
        venue: VenueId,
        /// By how much.
        cash: Exact,
    },
    /// What is told of an order cannot all be true: accounts and venue must be compared.
    Breach {
        /// Which order.
        order: OrderId,
        /// What contradicts.
        found: Contradictions,
    },
    /// What the venues' own words make of our accounts after a restart: cash or contracts that came or
    /// went, or a market that has paid.
    Booked(Record),
    /// The venue's cash differs from what was booked by more than roundings.
    Differs {
        /// Where.
        venue: VenueId,
        /// The venue's cash less ours.
        cash: Exact,
    },
}

impl Word {
    /// The word as a record, for a recording that is to be told again; `None` where nothing follows
    /// from it that a replay repeats.
    #[must_use]
    pub const fn to_record(&self) -> Option<Record> {
        let (venue, cash, origin) = match *self {
            Self::Report(report) => return Some(Record::Report(report)),
            Self::Booked(record) => return Some(record),
            Self::Opening { venue, cash } => (venue, cash.exact(), Origin::Opening),
            Self::Rounding { venue, cash } => (venue, cash, Origin::Rounding),
            Self::Breach { .. } | Self::Differs { .. } => return None,
        };
        let transfer = AccountRecord::Transfer { venue, cash, origin };
        Some(Record::Live(LiveRecord::Account(transfer)))
    }

    /// The word of a record that one was made into.
    #[must_use]
    pub fn of_record(record: &Record) -> Option<Self> {
        if let Record::Report(report) = *record {
            return Some(Self::Report(report));
        }
        let Record::Live(LiveRecord::Account(AccountRecord::Transfer { venue, cash, origin })) =
            *record
        else {
            return Some(Self::Booked(*record));
        };
        match origin {
            Origin::Opening => cash.cash_floor().map(|cash| Self::Opening { venue, cash }),
            Origin::Rounding => Some(Self::Rounding { venue, cash }),
            Origin::Settlement | Origin::Person => Some(Self::Booked(*record)),
        }
    }
}

/// A user channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// It is open: from now on it tells of our orders; what it missed is asked for.
    Connected,
    /// It is lost: nothing new is sent until it is back.
    Lost,
}

/// What the desk has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeskCounts {
    /// Orders whose bytes were handed over.
    pub sent: u64,
    /// Requests that carried them.
    pub requests: u64,
    /// Orders that the venue refused, or that never arrived.
    pub rejects: u64,
    /// Orders that nobody answered for.
    pub unknowns: u64,
    /// Of these, orders whose end was found out.
    pub unknowns_resolved: u64,
    /// Trades that a venue took back.
    pub reversals: u64,
    /// Questions asked.
    pub questions: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Answers to nothing that is under way, and messages that could not be read.
    pub strange: u64,
    /// News of orders that are not of this run.
    pub foreign: u64,
}

/// The protocol of a venue.
#[derive(Debug)]
enum Wire {
    Polymarket(Box<Clob>),
    Kalshi(Box<Trade>),
}

/// The dead-man switch of Polymarket.
#[derive(Debug, Default)]
struct Beat {
    id: String,
    due: Nanos,
}

/// One venue.
#[derive(Debug)]
struct Door {
    venue: VenueId,
    wire: Wire,
    /// Whether the user channel is open.
    is_heard: bool,
    /// The venue takes no orders before this.
    shut_until: Nanos,
    rounder: Rounder,
    /// When anything of ours last moved there.
    moved_at: Nanos,
    balance_after: Nanos,
    beat: Beat,
    decoder: GeneralDecoder,
}

/// The desk. One thread owns it.
#[derive(Debug)]
pub struct Desk {
    config: DeskConfig,
    doors: Vec<Option<Door>>,
    venue_of: Vec<VenueId>,
    fees: Vec<FeeSchedule>,
    orders: Orders,
    requests: Requests,
    words: VecDeque<Word>,
    out: WireBuf,
    ids: IdTable,
    batch: Batch,
    fill_count: u64,
    counts: DeskCounts,
    looked_at: Nanos,
    is_cancelling: bool,
    /// Runs whose orders were taken over.
    earlier: Vec<Boot>,
}

impl Desk {
    /// A desk for these accounts over a catalog.
    ///
    /// # Errors
    /// When an account does not fit its venue's listings.
    pub fn new(
        config: DeskConfig,
        catalog: &Catalog,
        accounts: impl IntoIterator<Item = (VenueId, Access)>,
    ) -> Result<Self, DeskError> {
        let mut doors: Vec<Option<Door>> = Vec::new();
        doors.resize_with(catalog.venues.len(), || None);
        for (venue, access) in accounts {
            let kind = catalog.venues.get(venue.index()).map(|venue| venue.kind);
            let wire = match (access, kind) {
                (Access::Polymarket(access), Some(VenueKind::Polymarket)) => {
                    Wire::Polymarket(Box::new(Clob::new(*access, catalog, venue)?))
                }
                (Access::Kalshi(access), Some(VenueKind::Kalshi)) => {
                    Wire::Kalshi(Box::new(Trade::new(*access, catalog, venue)?))
                }
                (Access::Polymarket(_) | Access::Kalshi(_), _) => {
                    return Err(DeskError::Venue(venue));
                }
            };
            if let Some(door) = doors.get_mut(venue.index()) {
                *door = Some(Door::new(venue, wire));
            }
        }
        Ok(Self {
            doors,
            venue_of: catalog.listings.iter().map(|listing| listing.venue).collect(),
            fees: catalog.listings.iter().map(|listing| listing.fee).collect(),
            orders: Orders::new(config.orders_max),
            requests: Requests::new(),
            words: VecDeque::with_capacity(WORDS_TYPICAL),
            out: WireBuf::new(REQUEST_BYTES_MAX),
            ids: IdTable::with_capacity(1),
            batch: Batch::with_capacity(1),
            fill_count: 0,
            counts: DeskCounts::default(),
            looked_at: Nanos::ZERO,
            is_cancelling: false,
            earlier: Vec::new(),
            config,
        })
    }

    /// Takes another fee schedule for a book: the venue changed it.
    pub fn set_fee(&mut self, book: BookId, fee: FeeSchedule) {
        if let Some(known) = self.fees.get_mut(book.index()) {
            *known = fee;
        }
    }

    /// Takes a market that appeared.
    ///
    /// # Errors
    /// When it lacks the ids that its orders are made of.
    pub fn list(&mut self, listing: &Listing, terms: &Terms) -> Result<(), DeskError> {
        self.set_fee(listing.book, listing.fee);
        let Some(door) = self.door_mut(listing.venue) else { return Ok(()) };
        match &mut door.wire {
            Wire::Polymarket(clob) => clob.list(listing, terms.is_neg_risk),
            Wire::Kalshi(trade) => {
                trade.list(listing, terms.shard);
                Ok(())
            }
        }
    }

    /// Takes another step of the prices of a book: the venue changed it.
    pub fn set_tick(&mut self, book: BookId, step_micro: u32) {
        for door in self.doors.iter_mut().flatten() {
            if let Wire::Polymarket(clob) = &mut door.wire {
                clob.set_tick(book, step_micro);
            }
        }
    }

    /// The cash of an account, by the venue's own word, when nothing of ours is under way there.
    pub fn open_account(&mut self, venue: VenueId, cash: Cash) {
        if let Some(door) = self.door_mut(venue) {
            door.rounder.start(cash);
        }
    }

    /// Cash that a resolved market owes us, which the venue pays when it likes.
    pub fn owed(&mut self, book: BookId, cash: Exact) {
        let Some(venue) = self.venue_of.get(book.index()).copied() else { return };
        if let Some(door) = self.door_mut(venue) {
            door.rounder.owe(cash);
        }
    }

    /// Whether all of these intents could be sent now, every one or none: there is room to follow
    /// them, their venues are open to us, and the rate limits pay for them.
    ///
    /// # Errors
    /// With the reason why not.
    pub fn check(
        &mut self,
        intents: &[Intent],
        urgency: Urgency,
        now: Nanos,
    ) -> Result<(), RejectReason> {
        if !self.orders.has_room(intents.len()) || !self.requests.has_room() {
            return Err(RejectReason::NoRoom);
        }
        for intent in intents {
            let venue = self.venue_of.get(intent.instrument.book().index()).copied();
            let venue = venue.ok_or(RejectReason::UnknownInstrument)?;
            let is_there = |other: &&Intent| {
                self.venue_of.get(other.instrument.book().index()) == Some(&venue)
            };
            let count = u32::try_from(intents.iter().filter(is_there).count()).unwrap_or(u32::MAX);
            let door = self.doors.get(venue.index()).and_then(Option::as_ref);
            let door = door.ok_or(RejectReason::Unwritable)?;
            let is_unsure = !door.is_heard || !door.is_cash_known();
            let is_deaf = is_unsure && urgency == Urgency::Entry;
            if now < door.shut_until || is_deaf || self.is_cancelling {
                return Err(RejectReason::VenueDown);
            }
            let (mut bucket, cost) = door.order_bucket();
            let paid = bucket.take(cost.saturating_mul(count), urgency, now);
            paid.map_err(|_throttled| RejectReason::Throttled)?;
        }
        Ok(())
    }

    /// Takes intents that were decided together, all of them or none: what does not leave is
    /// reported as rejected.
    pub fn submit_all(
        &mut self,
        ids: &[OrderId],
        intents: &[Intent],
        quotes: &[Quote],
        urgency: Urgency,
        now: Nanos,
    ) {
        let checked = self.check(intents, urgency, now);
        for ((id, intent), quote) in ids.iter().zip(intents).zip(quotes) {
            let taken = checked.and_then(|()| self.submit(*id, intent, quote, urgency, now));
            if let Err(reason) = taken {
                let kind = ReportKind::Rejected(reason);
                self.words.push_back(Word::Report(Report::of(*id, intent, now, kind)));
            }
        }
    }

    /// Takes an intent as order `id`, which no order had before; it leaves with the next
    /// [`Desk::dispatch`].
    ///
    /// # Errors
    /// With the reason why it will not leave.
    pub fn submit(
        &mut self,
        id: OrderId,
        intent: &Intent,
        quote: &Quote,
        urgency: Urgency,
        now: Nanos,
    ) -> Result<(), RejectReason> {
        self.check(core::slice::from_ref(intent), urgency, now)?;
        let venue = self.venue_of.get(intent.instrument.book().index()).copied();
        let venue = venue.ok_or(RejectReason::UnknownInstrument)?;
        if let Some(door) = self.door_mut(venue) {
            door.moved_at = now;
            let (bucket, cost) = door.order_bucket_mut();
            bucket.take(cost, urgency, now).map_err(|_throttled| RejectReason::Throttled)?;
        }
        let live = LiveOrder::new(id, *intent, quote.budget.is_some());
        let slot = Slot::new(live, venue, *quote);
        let at = self.orders.insert(slot).ok_or(RejectReason::NoRoom)?;
        self.orders.line_up(at);
        Ok(())
    }

    /// The next thing to say; `None` when all is said.
    pub fn next_word(&mut self) -> Option<Word> {
        self.words.pop_front()
    }

    /// A user channel opened or was lost.
    pub fn on_channel(&mut self, venue: VenueId, news: Channel) {
        let Some(door) = self.door_mut(venue) else { return };
        door.is_heard = news == Channel::Connected;
        if news == Channel::Connected {
            // Whatever it said meanwhile is lost: every open order is asked about at once.
            let mut number = 0;
            while let Some(at) = self.orders.open_place(number) {
                if let Some(slot) = self.orders.get_mut(at).filter(|slot| slot.venue == venue) {
                    slot.pace = orders::Pace::NOW;
                }
                number += 1;
            }
        }
    }

    /// Cancels everything that is open from now on, and sends nothing new.
    pub fn cancel_all(&mut self) {
        self.is_cancelling = true;
    }

    /// Orders that may still trade, those included that nobody can say it of.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.orders.open().filter(|(_, slot)| slot.may_trade()).count()
    }

    /// Orders that nobody can say anything of.
    #[must_use]
    pub fn unknown_count(&self) -> usize {
        let unknown = |slot: &Slot| slot.live.state() == LiveState::Unknown;
        self.orders.open().filter(|(_, slot)| unknown(slot)).count()
    }

    /// Whether every order is over and settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.orders.open().all(|(_, slot)| slot.is_settled()) && self.words.is_empty()
    }

    /// Orders that are not over and settled, with what is known of each.
    pub fn unsettled(&self) -> impl Iterator<Item = &LiveOrder> {
        self.orders.open().filter(|(_, slot)| !slot.is_settled()).map(|(_, slot)| &slot.live)
    }

    /// Whether nothing can change any more: every order is over and settled, and every venue's cash
    /// is known to be what was booked.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.orders.open().all(|(_, slot)| slot.is_settled())
            && self.doors.iter().flatten().all(|door| !door.wants_balance())
            && self.words.is_empty()
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> DeskCounts {
        self.counts
    }

    /// How Polymarket's orders were signed.
    #[must_use]
    pub fn sign_counts(&self) -> SignCounts {
        let clobs = self.doors.iter().flatten().filter_map(|door| match &door.wire {
            Wire::Polymarket(clob) => Some(clob.sign_counts()),
            Wire::Kalshi(_) => None,
        });
        clobs.fold(SignCounts::default(), |sum, counts| SignCounts {
            prepared: sum.prepared.saturating_add(counts.prepared),
            fallback: sum.fallback.saturating_add(counts.fallback),
            deterministic: sum.deterministic.saturating_add(counts.deterministic),
        })
    }

    /// Requests to Kalshi that found no fresh stamp and were signed on the way.
    #[must_use]
    pub fn stamps_missing(&self) -> u64 {
        let online = self.doors.iter().flatten().map(|door| match &door.wire {
            Wire::Polymarket(_) => 0,
            Wire::Kalshi(trade) => trade.online_count,
        });
        online.fold(0, u64::saturating_add)
    }

    #[cfg(test)]
    pub(crate) fn hash_of(&self, order: OrderId) -> String {
        let slot = self.orders.of_id(order).and_then(|at| self.orders.get(at));
        slot.map_or_else(String::new, |slot| format!("{:#x}", slot.hash))
    }

    fn door_mut(&mut self, venue: VenueId) -> Option<&mut Door> {
        self.doors.get_mut(venue.index())?.as_mut()
    }
}

impl Door {
    fn new(venue: VenueId, wire: Wire) -> Self {
        let kind = match &wire {
            Wire::Polymarket(_) => VenueKind::Polymarket,
            Wire::Kalshi(_) => VenueKind::Kalshi,
        };
        Self {
            venue,
            wire,
            is_heard: false,
            shut_until: Nanos::ZERO,
            rounder: Rounder::default(),
            moved_at: Nanos::ZERO,
            balance_after: Nanos::ZERO,
            beat: Beat::default(),
            // The user channel states prices on the YES scale whatever the books do.
            decoder: GeneralDecoder::new(kind, true),
        }
    }

    /// The bucket that pays for orders, and what one costs.
    fn order_bucket_mut(&mut self) -> (&mut Bucket, u32) {
        match &mut self.wire {
            Wire::Polymarket(clob) => (&mut clob.orders, 1),
            Wire::Kalshi(trade) => (&mut trade.writes, kalshi::ORDER_COST),
        }
    }

    const fn order_bucket(&self) -> (Bucket, u32) {
        match &self.wire {
            Wire::Polymarket(clob) => (clob.orders, 1),
            Wire::Kalshi(trade) => (trade.writes, kalshi::ORDER_COST),
        }
    }

    /// Whether what is booked there from now on can be compared with the venue's cash, where that is
    /// the only word on it.
    const fn is_cash_known(&self) -> bool {
        matches!(self.wire, Wire::Kalshi(_)) || self.rounder.is_known()
    }

    /// Whether the venue's cash says something that its messages do not.
    const fn wants_balance(&self) -> bool {
        matches!(self.wire, Wire::Polymarket(_)) && self.rounder.wants()
    }
}

#[cfg(test)]
pub(crate) mod tests;
