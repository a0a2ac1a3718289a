//! Cold news from a feed that changes what the evaluator may assume.

use dutchbook_book::ring::{SLOT_WORDS, Words};
use dutchbook_book::{BookId, Face, Rate};

/// What a feed tells the evaluator beside tops of books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The venue has spoken on how a condition was decided.
    Resolved {
        /// The book of the condition on that venue.
        book: BookId,
        /// Its winning face, where this word names it.
        winner: Option<Face>,
        /// Whether nothing will be said any more: the money moves.
        is_final: bool,
    },
    /// The book's price grid changed to this uniform step, in 1e-6.
    Regridded {
        /// Which book.
        book: BookId,
        /// The step of its tick index.
        step_micro: u32,
    },
    /// The venue charges the book's trades by other rates.
    FeeChanged {
        /// Which book.
        book: BookId,
        /// What takers and makers pay; `None`: not known, and nothing may be traded.
        rates: Option<[Rate; 2]>,
    },
}

const RESOLVED: u64 = 0;
const REGRIDDED: u64 = 1;
const FEE_CHANGED: u64 = 2;
/// The word of a winner that is not named.
const NO_WINNER: u64 = 2;

impl Words for Control {
    fn to_words(self) -> [u64; SLOT_WORDS] {
        let (kind, book, value, other, flag) = match self {
            Self::Resolved { book, winner, is_final } => {
                let winner = winner.map_or(NO_WINNER, |face| u64::from(face as u8));
                (RESOLVED, book, winner, 0, is_final)
            }
            Self::Regridded { book, step_micro } => (REGRIDDED, book, step_micro.into(), 0, false),
            Self::FeeChanged { book, rates } => {
                let [taker, maker] = rates.unwrap_or_default().map(|rate| rate.nano().into());
                (FEE_CHANGED, book, taker, maker, rates.is_some())
            }
        };
        [kind, u64::from(book.0), value, other, u64::from(flag), 0, 0]
    }

    fn from_words([kind, book, value, other, flag, ..]: [u64; SLOT_WORDS]) -> Self {
        // These numbers were 32 bits when they were packed.
        let narrow = |word| u32::try_from(word).unwrap_or(u32::MAX);
        let book = BookId(narrow(book));
        match kind {
            RESOLVED => {
                let winner = match value {
                    0 => Some(Face::Yes),
                    1 => Some(Face::No),
                    _ => None,
                };
                Self::Resolved { book, winner, is_final: flag != 0 }
            }
            REGRIDDED => Self::Regridded { book, step_micro: narrow(value) },
            _ => {
                let rates = [value, other].map(|nano| Rate::from_nano(narrow(nano)));
                Self::FeeChanged { book, rates: (flag != 0).then_some(rates) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_back() {
        for control in [
            Control::Resolved { book: BookId(7), winner: Some(Face::No), is_final: false },
            Control::Resolved { book: BookId(7), winner: None, is_final: true },
            Control::Regridded { book: BookId(3), step_micro: 1_000 },
            Control::FeeChanged { book: BookId(9), rates: None },
            Control::FeeChanged {
                book: BookId(9),
                rates: Some([Rate::from_nano(70_000_000), Rate::ZERO]),
            },
        ] {
            assert_eq!(Control::from_words(control.to_words()), control);
        }
    }
}
