//! The slow second opinion: reads the venues' lists and REST books again and again, in a thread of its
//! own, and tells the tiles what their streams have not.
//!
//! **A frozen book.** A socket may stay open, answer pings, and say nothing more of one book. So every
//! book is compared with the venue's REST answer. REST may lag behind the stream and books move, so
//! one difference proves nothing: a book is frozen when two readings in a row differ from it, agree
//! with each other, and it has not moved between them. Then it alone is sent for again.

mod run;

use std::collections::BTreeMap;

use dutchbook_book::view::TopView;
use dutchbook_book::{BookId, BookStatus, Nanos, TopOfBook};

pub use run::{AuditCounts, Auditor, Ended, Reach, start};

/// What a comparison says about a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The two agree, or ours is known to be no good.
    Fine,
    /// They differ; the next reading decides.
    Suspect,
    /// They differ for the second time, and ours has not moved.
    Frozen,
}

/// A difference that was seen once.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    version: u64,
    theirs: TopOfBook,
}

/// Remembers the differences of the last round.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    suspicions: BTreeMap<BookId, Suspicion>,
}

impl Comparison {
    /// Compares our top with the venue's answer of `theirs_at` (zero where it has no stamp).
    pub fn judge(
        &mut self,
        book: BookId,
        ours: &TopView,
        theirs: TopOfBook,
        theirs_at: Nanos,
    ) -> Verdict {
        let is_believed = matches!(ours.stamp.status, BookStatus::Live | BookStatus::Crossed);
        // An answer that is older than what our book stands on is the one that lags.
        let is_older = theirs_at > Nanos::ZERO && theirs_at < ours.stamp.ts_venue;
        if !is_believed || is_older || ours.top == theirs {
            self.suspicions.remove(&book);
            return Verdict::Fine;
        }
        let before = self.suspicions.get(&book);
        let is_proved = before
            .is_some_and(|before| before.version == ours.stamp.version && before.theirs == theirs);
        if is_proved {
            self.suspicions.remove(&book);
            return Verdict::Frozen;
        }
        self.suspicions.insert(book, Suspicion { version: ours.stamp.version, theirs });
        Verdict::Suspect
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{Level, Price, Qty, Stamp};

    fn top(pips: u32) -> TopOfBook {
        let level = Level { price: Price::from_pips(pips).unwrap(), qty: Qty::ONE };
        TopOfBook { bid: Some(level), ask: None }
    }

    fn ours(pips: u32, version: u64, status: BookStatus) -> TopView {
        let stamp = Stamp { status, version, ts_venue: Nanos(100), ..Stamp::default() };
        TopView { top: top(pips), stamp }
    }

    #[test]
    fn only_a_book_that_stands_still_against_two_equal_answers_is_frozen() {
        let book = BookId(3);
        let live = BookStatus::Live;
        let mut comparison = Comparison::default();
        let mut judge = |ours, theirs, at| comparison.judge(book, &ours, top(theirs), Nanos(at));
        assert_eq!(judge(ours(40, 1, live), 40, 0), Verdict::Fine);
        assert_eq!(judge(ours(40, 1, live), 41, 0), Verdict::Suspect);
        assert_eq!(judge(ours(41, 2, live), 42, 0), Verdict::Suspect, "ours moved");
        assert_eq!(judge(ours(41, 2, live), 43, 0), Verdict::Suspect, "theirs moved");
        assert_eq!(judge(ours(41, 2, live), 43, 101), Verdict::Frozen);
        assert_eq!(judge(ours(41, 2, live), 43, 0), Verdict::Suspect, "it starts anew");
        assert_eq!(judge(ours(41, 2, live), 43, 99), Verdict::Fine, "an old answer lags");
        assert_eq!(judge(ours(41, 2, live), 43, 0), Verdict::Suspect);
        assert_eq!(judge(ours(41, 2, BookStatus::Stale), 43, 0), Verdict::Fine);
        assert_eq!(judge(ours(41, 2, live), 43, 0), Verdict::Suspect, "forgotten meanwhile");
    }
}
