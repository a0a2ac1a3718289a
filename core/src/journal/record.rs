//! The kinds of record, as the engine says them.

use dutchbook_book::view::TopView;
use dutchbook_book::{BasketId, BookId, Exact, InstrumentId, Price, Qty, Side};
use dutchbook_exec::{Intent, OrderId, Report};

use super::live::LiveRecord;
use crate::eval::basket::BasketKind;
use crate::opportunity::{Measure, OpportunityId, OpportunityLeg, OpportunityLife, Sighting};
use crate::risk::Veto;

/// What made an evaluation run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EvalCause {
    /// A book of the basket changed.
    BookChanged = 0,
    /// Several changes were covered together.
    Coalesced = 1,
    /// A timer: an age limit, a deadline.
    Timer = 2,
    /// News of an order of ours.
    Report = 3,
}

impl EvalCause {
    /// Every cause, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::BookChanged, Self::Coalesced, Self::Timer, Self::Report];

    /// The cause of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// The head of a decision; its legs follow as records of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its number.
    pub decision: u64,
    /// The life of the edge that it is about.
    pub opportunity: OpportunityId,
    /// The compiled basket.
    pub basket: BasketId,
    /// Which law it exploits.
    pub kind: BasketKind,
    /// What made the evaluation run.
    pub cause: EvalCause,
    /// How many leg records follow.
    pub leg_count: u16,
    /// Size and money.
    pub sighting: Sighting,
}

/// One leg of a decision with the view that it was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionLeg {
    /// The decision that it belongs to.
    pub decision: u64,
    /// Its place among the legs.
    pub leg_index: u16,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The worst level walked.
    pub limit: Price,
    /// Contracts.
    pub qty: Qty,
    /// The view read, in YES terms. Its venue time is not recorded and reads back as zero.
    pub view: TopView,
}

impl DecisionLeg {
    /// The record of one leg of an opportunity.
    #[must_use]
    pub fn of(decision: u64, leg_index: u16, leg: &OpportunityLeg) -> Self {
        let OpportunityLeg { instrument, side, limit, qty, is_fee_known: _, mut view } = *leg;
        view.stamp.ts_venue = dutchbook_book::Nanos::ZERO;
        Self { decision, leg_index, instrument, side, limit, qty, view }
    }
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// An opportunity was put before risk.
    Decision(Decision),
    /// One leg of it.
    DecisionLeg(DecisionLeg),
    /// Risk refused it.
    Veto {
        /// Which decision.
        decision: u64,
        /// Why.
        veto: Veto,
    },
    /// A leg is about to be sent.
    Intent {
        /// Which decision.
        decision: u64,
        /// Our id of the order.
        order: OrderId,
        /// What is wanted.
        intent: Intent,
    },
    /// News of an order.
    Report(Report),
    /// A hole in a sequence.
    Gap {
        /// The book that is unusable now.
        book: BookId,
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A book is settled.
    Resolution {
        /// Which book.
        book: BookId,
        /// What each YES pays.
        payoff: Price,
        /// The cash that came to us.
        cash: Exact,
    },
    /// A life ended.
    Life {
        /// The measure that it was followed under.
        measure: Measure,
        /// The life.
        life: OpportunityLife,
    },
    /// What concerns an order on a venue, a basket or the account.
    Live(LiveRecord),
}
