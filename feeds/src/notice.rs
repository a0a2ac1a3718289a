//! What a feed tells its owner beside changed books, and the trait that takes both.

use dutchbook_book::{Book, BookError, BookId, Face, Grid, InstrumentId, Nanos, Price, Qty, Rate};
use dutchbook_book::{Side, Stamp};

use crate::error::DecodeError;
use crate::record::Record;

/// Takes what a feed has to say. Dispatch is static; core publishes to the shelf in
/// [`Sink::book_changed`].
pub trait Sink {
    /// A message that is being decoded names a book: it will most likely change. The moment to fetch
    /// what [`Sink::book_changed`] is going to need, while the rest of the message is read.
    #[inline]
    fn book_named(&self, _id: BookId) {}

    /// The message has been read to its end and is going to be applied to this book: what
    /// [`Sink::book_named`] asked for has most likely come, and tells what else is needed.
    #[inline]
    fn book_coming(&self, _id: BookId) {}

    /// A book has a new state. Called once per changed book and payload, after all of the
    /// payload's changes.
    fn book_changed(&mut self, id: BookId, book: &Book, stamp: Stamp);

    /// Something else happened. The default forgets it.
    fn notice(&mut self, notice: Notice<'_>) {
        let _ = notice;
    }
}

/// Why a book can no longer be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// The sequence of its subscription has a hole.
    SequenceGap,
    /// Its subscription ended.
    SubscriptionEnded,
    /// A change contradicts it.
    Contradiction(BookError),
    /// A message that may have spoken of it could not be read.
    Malformed,
    /// It stayed crossed, or unlike the top that the venue states.
    Doubtful,
    /// Its grid changed.
    Regridded,
    /// Trading goes on after a pause: resting orders are gone.
    Reopened,
    /// The connection was lost or is to be given up.
    Disconnected,
    /// Its changes arrive too late.
    Lagging,
    /// A message of an unknown type names it.
    UnknownShape,
    /// Another source shows changes of which its stream has not said a word.
    Frozen,
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradePrint {
    /// What was traded; `None` where it is not listed here.
    pub instrument: Option<InstrumentId>,
    /// Price of that instrument.
    pub price: Price,
    /// Contracts, where the venue says.
    pub qty: Option<Qty>,
    /// What the taker did with that instrument.
    pub taker_side: Option<Side>,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// How a condition was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// Our book of it; `None` where it is not listed here (Polymarket tells of all markets).
    pub book: Option<BookId>,
    /// The venue's id of the market.
    pub native_market: &'a str,
    /// The face that pays; `None` where the payout is split or not stated.
    pub winner: Option<Face>,
    /// What a YES contract pays, where stated.
    pub settlement_value: Option<Price>,
    /// Whether money has moved; a result before that may still be changed.
    pub is_final: bool,
    /// Venue's time.
    pub ts_venue: Nanos,
}

/// Something that is not a changed book.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// A public trade.
    Trade(TradePrint),
    /// A condition was decided.
    Resolved(Resolved<'a>),
    /// A book has a new grid and awaits its snapshot.
    TickChange {
        /// The book.
        book: BookId,
        /// The prices that it accepts from now on.
        grid: Grid,
    },
    /// The venue charges a book's trades by other rates from now on.
    FeeChange {
        /// The book.
        book: BookId,
        /// What takers and makers pay; `None` where the message does not tell: an override ended
        /// (what holds instead is the series' business), or it names a rule that we do not know.
        rates: Option<[Rate; 2]>,
    },
    /// The venue tells of a market that this feed does not follow, or of an event that is new.
    Appeared,
    /// A hole in a sequence.
    Gap {
        /// Subscription.
        sid: u32,
        /// The number that was due.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A book can no longer be believed.
    Lost {
        /// The book.
        book: BookId,
        /// Why.
        reason: LossReason,
    },
    /// A payload could not be decoded; what it leaves in doubt is in the error.
    Malformed(DecodeError),
    /// The venue refused a command or ended a subscription.
    Refused {
        /// The venue's number of the error.
        code: u64,
        /// Whether a subscription is dead.
        is_terminal: bool,
    },
    /// Any message that is not about levels, as decoded; what it means for books was handled.
    Record(&'a Record<'a>),
}
