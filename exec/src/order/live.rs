//! An order on a real venue: everything that was ever learnt of it, and where it therefore stands.
//!
//! News of an order comes twice, late, and in any order, from several sources: the reply of the
//! request, the user channel, look-ups that lag. So nothing is thrown away and nothing overwrites:
//! each piece of news is [`Evidence`] that only ever adds to what is known, and the state is read
//! off all of it. The same evidence gives the same state in whatever order it came, however often.
//!
//! ```text
//! intended ─ journalled ─ sent ─┬─ rejected
//!                               ├─ unknown ── look it up; never send again
//!                               └─ acknowledged ─ resting ─ partially filled ─ matched ─┬─ confirmed
//!                                        └──────────┴── cancelled, expired              └─ failed
//! ```
//!
//! A fill counts once, by its trade id. One that the venue takes back later (its settlement failed)
//! is reversed once. What contradicts (a fill of a rejected order, a fill beyond the quantity) is
//! counted all the same, for contracts that are ours are ours, and [`LiveOrder::contradictions`]
//! says that accounts and venue must be compared.

use dutchbook_book::{Exact, Nanos, Qty};

use super::fills::{FillBook, FillChange, FillNews};
use crate::intent::{Intent, OrderId};

/// A look-up that does not find an order proves nothing before this: venues' records lag behind
/// their engines (Kalshi's by 0.4 s when it was measured).
pub const LOOK_UP_LAG: Nanos = Nanos(5_000_000_000);

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveState {
    /// It has an id; nothing is written down.
    Intended,
    /// It is in the journal; nothing has left.
    Journalled,
    /// It has left; nobody has answered.
    Sent,
    /// It has left and nobody can say whether it arrived: to be looked up.
    Unknown,
    /// The venue has it; not yet known whether it rests.
    Acknowledged,
    /// In the book, nothing traded.
    Resting,
    /// In the book, some of it traded.
    PartiallyFilled,
    /// Nothing is in the book any more; its trades are not all known, or not all settled.
    Matched,
    /// Over: what was traded is settled, and nothing was taken back.
    Confirmed,
    /// Over: everything that was traded was taken back by the venue.
    Failed,
    /// Over: the rest was cancelled; what was traded is settled.
    Cancelled,
    /// Over: the rest expired; what was traded is settled.
    Expired,
    /// Over: refused, nothing traded.
    Rejected,
}

impl LiveState {
    /// Whether nothing more is expected. News that comes all the same is still taken.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Confirmed | Self::Failed | Self::Cancelled | Self::Expired | Self::Rejected
        )
    }
}

/// How an order left the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Cancelled, by us or by the venue; also an order that died on arrival.
    Cancelled,
    /// Its time was up.
    Expired,
    /// All of it was traded.
    Filled,
}

/// One piece of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It is in the journal.
    Journalled,
    /// It goes out now. Never again, whatever comes of it.
    Sent(Nanos),
    /// The venue refused it for certain.
    Refused,
    /// Nobody can say: no answer, a broken one, a gateway's.
    NoAnswer,
    /// The venue has it.
    Acknowledged,
    /// The venue shows it in its book.
    Resting,
    /// So many contracts are traded, over all its fills.
    Filled(Qty),
    /// Some contracts are traded; the source does not say how many.
    Traded,
    /// A trade.
    Fill(FillNews),
    /// It is out of the book; where the source says so, with so many contracts traded in all.
    Ended(End, Option<Qty>),
    /// A cancel found no such order: it is over, or was never there, or the venue looked in the
    /// wrong place. Says nothing by itself; makes a look-up necessary.
    CancelFoundNothing,
    /// A look-up found no such order, in records as of this moment.
    NotFound(Nanos),
}

/// What has to be asked of the venue to know more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// The order itself.
    LookUp,
    /// Its trades.
    Fills,
}

/// What is not as it can be, as bits of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contradictions(u8);

impl Contradictions {
    /// It was refused, or never arrived, and yet lives.
    pub const REFUSED_AND_ALIVE: Self = Self(1);
    /// More was traded than it asks for.
    pub const OVERFILLED: Self = Self(2);
    /// A trade is worse than its limit.
    pub const PAST_LIMIT: Self = Self(4);
    /// One trade id came with two contents.
    pub const FILL_DIFFERS: Self = Self(8);
    /// The venue's last word on its total is less than the trades that it told of.
    pub const TOTAL_DIFFERS: Self = Self(16);
    /// More trades than are kept: the rest is in the venue's total only.
    pub const TOO_MANY_FILLS: Self = Self(32);

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// An order that was meant for a venue, and all that is known of it.
#[derive(Clone, Debug)]
pub struct LiveOrder {
    id: OrderId,
    intent: Intent,
    is_journalled: bool,
    sent: Option<Nanos>,
    is_refused: bool,
    is_doubtful: bool,
    is_acknowledged: bool,
    is_seen_resting: bool,
    is_traded: bool,
    /// The venue's highest word on the total.
    reported: Qty,
    end: Option<End>,
    /// The venue's last word on the total, given with the end.
    ended_at: Option<Qty>,
    cancel_found_nothing: bool,
    /// Newest records that did not have it.
    absent: Option<Nanos>,
    fills: FillBook,
    /// Whether a fill may exceed the quantity: an order that spends a budget gets more contracts
    /// when prices are better.
    spends_budget: bool,
}

/// Sending is allowed once, and only of what is in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order: not sent, its state is {0:?}")]
pub struct NotSendable(pub LiveState);

impl LiveOrder {
    /// An order that has an id and nothing else. `spends_budget` for an order that spends exactly its
    /// cash (Polymarket's FOK and FAK buys) and may therefore get more contracts than it names.
    #[must_use]
    pub fn new(id: OrderId, intent: Intent, spends_budget: bool) -> Self {
        Self {
            id,
            intent,
            is_journalled: false,
            sent: None,
            is_refused: false,
            is_doubtful: false,
            is_acknowledged: false,
            is_seen_resting: false,
            is_traded: false,
            reported: Qty::ZERO,
            end: None,
            ended_at: None,
            cancel_found_nothing: false,
            absent: None,
            fills: FillBook::default(),
            spends_budget,
        }
    }

    /// Our id of it.
    #[must_use]
    pub const fn id(&self) -> OrderId {
        self.id
    }

    /// What it was made from.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Marks it as going out. The one way to send: there is no second time, whatever came of the
    /// first.
    ///
    /// # Errors
    /// When it is not in the journal, or has gone out before.
    pub fn send(&mut self, now: Nanos) -> Result<(), NotSendable> {
        let state = self.state();
        if state != LiveState::Journalled {
            return Err(NotSendable(state));
        }
        self.learn(&Evidence::Sent(now));
        Ok(())
    }

    /// Adds a piece of news. Returns what it does to our contracts: at most one fill counts or is
    /// reversed, and only the first time that it is told.
    pub fn learn(&mut self, evidence: &Evidence) -> Option<FillChange> {
        match *evidence {
            Evidence::Journalled => self.is_journalled = true,
            Evidence::Sent(now) => {
                self.is_journalled = true;
                self.sent = Some(self.sent.map_or(now, |sent| sent.min(now)));
            }
            Evidence::Refused => self.is_refused = true,
            Evidence::NoAnswer => self.is_doubtful = true,
            Evidence::Acknowledged => self.is_acknowledged = true,
            Evidence::Traded => {
                self.is_acknowledged = true;
                self.is_traded = true;
            }
            Evidence::Resting => {
                self.is_acknowledged = true;
                self.is_seen_resting = true;
            }
            Evidence::Filled(total) => self.reported = self.reported.max(total),
            Evidence::Fill(news) => return self.fills.learn(&news),
            Evidence::Ended(end, total) => {
                self.is_acknowledged = true;
                self.end = self.end.max(Some(end));
                self.ended_at = self.ended_at.max(total);
                self.reported = self.reported.max(total.unwrap_or(Qty::ZERO));
            }
            Evidence::CancelFoundNothing => self.cancel_found_nothing = true,
            Evidence::NotFound(as_of) => self.absent = self.absent.max(Some(as_of)),
        }
        None
    }

    /// When it went out.
    #[must_use]
    pub const fn sent(&self) -> Option<Nanos> {
        self.sent
    }

    /// How it left the book, where that is told.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// Contracts traded and not taken back.
    #[must_use]
    pub fn filled(&self) -> Qty {
        self.fills.counted()
    }

    /// Price times quantity of what [`LiveOrder::filled`] counts.
    #[must_use]
    pub fn notional(&self) -> Exact {
        self.fills.notional()
    }

    /// Fees of what [`LiveOrder::filled`] counts.
    #[must_use]
    pub fn fee(&self) -> Exact {
        self.fills.fee()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> LiveState {
        if !self.is_alive() {
            return self.state_without_life();
        }
        if self.is_over() {
            return self.state_when_over();
        }
        match (self.total().is_zero(), self.is_seen_resting) {
            (false, _) => LiveState::PartiallyFilled,
            (true, true) => LiveState::Resting,
            (true, false) => LiveState::Acknowledged,
        }
    }

    /// Whether it can cost or bring nothing any more: only then may another order take its place.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state().is_final()
    }

    /// What has to be asked. The caller paces its questions.
    #[must_use]
    pub fn need(&self) -> Need {
        let state = self.state();
        if !self.is_alive() {
            return if state == LiveState::Unknown { Need::LookUp } else { Need::Nothing };
        }
        let is_over = self.is_over();
        let lacks_total = self.is_traded && self.total().is_zero();
        let is_lost = self.cancel_found_nothing && !is_over;
        if lacks_total || is_lost || is_over && !self.has_last_word() {
            return Need::LookUp;
        }
        if self.fills.known() < self.total() { Need::Fills } else { Need::Nothing }
    }

    /// What is not as it can be.
    #[must_use]
    pub fn contradictions(&self) -> Contradictions {
        let mut found = self.fills.contradictions(&self.intent);
        if self.is_alive() && self.is_refused {
            found.add(Contradictions::REFUSED_AND_ALIVE);
        }
        if !self.spends_budget && self.total() > self.intent.qty {
            found.add(Contradictions::OVERFILLED);
        }
        if self.ended_at.is_some_and(|last| last < self.fills.known()) {
            found.add(Contradictions::TOTAL_DIFFERS);
        }
        found
    }

    /// Whether the venue has shown that it has, or had, the order.
    fn is_alive(&self) -> bool {
        self.is_acknowledged || !self.total().is_zero()
    }

    /// The venue's total, or what its trades add up to where that is more.
    fn total(&self) -> Qty {
        self.reported.max(self.fills.known())
    }

    fn is_over(&self) -> bool {
        // A budget is not spent when the contracts that it names are reached.
        let is_full = !self.spends_budget && self.total() >= self.intent.qty;
        self.end.is_some() || is_full
    }

    /// Whether the total can no longer grow, as far as the venue has told.
    fn has_last_word(&self) -> bool {
        let is_full = !self.spends_budget && self.total() >= self.intent.qty;
        is_full || self.ended_at.is_some_and(|last| last >= self.fills.known())
    }

    fn state_without_life(&self) -> LiveState {
        let Some(sent) = self.sent else {
            return if self.is_journalled { LiveState::Journalled } else { LiveState::Intended };
        };
        let is_proved_absent = self.absent.is_some_and(|as_of| as_of >= sent.plus(LOOK_UP_LAG));
        if self.is_refused || is_proved_absent {
            return LiveState::Rejected;
        }
        let is_doubtful = self.is_doubtful || self.cancel_found_nothing || self.absent.is_some();
        if is_doubtful { LiveState::Unknown } else { LiveState::Sent }
    }

    fn state_when_over(&self) -> LiveState {
        let is_told = self.has_last_word() && self.fills.known() >= self.total();
        if !is_told || !self.fills.is_settled() {
            return LiveState::Matched;
        }
        if !self.fills.known().is_zero() && self.filled().is_zero() {
            return LiveState::Failed;
        }
        let is_full = self.total() >= self.intent.qty;
        match self.end {
            Some(End::Expired) if !is_full => LiveState::Expired,
            Some(End::Cancelled) if !is_full => LiveState::Cancelled,
            Some(End::Filled | End::Expired | End::Cancelled) | None => LiveState::Confirmed,
        }
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
