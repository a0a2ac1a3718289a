//! Cold news from a feed that changes what the evaluator may assume.

use dutchbook_book::ring::{SLOT_WORDS, Words};
use dutchbook_book::{BookId, Face};

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
}

const RESOLVED: u64 = 0;
const REGRIDDED: u64 = 1;
/// The word of a winner that is not named.
const NO_WINNER: u64 = 2;

impl Words for Control {
    fn to_words(self) -> [u64; SLOT_WORDS] {
        let (kind, book, value, flag) = match self {
            Self::Resolved { book, winner, is_final } => {
                let winner = winner.map_or(NO_WINNER, |face| u64::from(face as u8));
                (RESOLVED, book, winner, u64::from(is_final))
            }
            Self::Regridded { book, step_micro } => (REGRIDDED, book, u64::from(step_micro), 0),
        };
        [kind, u64::from(book.0), value, flag, 0, 0, 0]
    }

    fn from_words([kind, book, value, flag, ..]: [u64; SLOT_WORDS]) -> Self {
        // Both numbers were 32 bits when they were packed.
        let book = BookId(u32::try_from(book).unwrap_or(u32::MAX));
        if kind == RESOLVED {
            let winner = match value {
                0 => Some(Face::Yes),
                1 => Some(Face::No),
                _ => None,
            };
            Self::Resolved { book, winner, is_final: flag != 0 }
        } else {
            Self::Regridded { book, step_micro: u32::try_from(value).unwrap_or(u32::MAX) }
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
        ] {
            assert_eq!(Control::from_words(control.to_words()), control);
        }
    }
}
