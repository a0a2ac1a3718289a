//! Cold news from a feed that changes what the evaluator may assume.

use dutchbook_book::ring::{SLOT_WORDS, Words};
use dutchbook_book::{BookId, Face};

/// What a feed tells the evaluator beside tops of books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The venue has resolved a condition: this face of its book pays one.
    Resolved {
        /// The book of the condition on that venue.
        book: BookId,
        /// Its winning face.
        winner: Face,
    },
    /// The book's price grid changed to this uniform step, in 1e-6.
    Regridded {
        /// Which book.
        book: BookId,
        /// The step of its tick index.
        step_micro: u32,
    },
}

impl Words for Control {
    fn to_words(self) -> [u64; SLOT_WORDS] {
        let (kind, book, value) = match self {
            Self::Resolved { book, winner } => (0, book, u64::from(winner as u8)),
            Self::Regridded { book, step_micro } => (1, book, u64::from(step_micro)),
        };
        [kind, u64::from(book.0), value, 0, 0, 0, 0]
    }

    fn from_words([kind, book, value, ..]: [u64; SLOT_WORDS]) -> Self {
        // Both numbers were 32 bits when they were packed.
        let book = BookId(u32::try_from(book).unwrap_or(u32::MAX));
        if kind == 0 {
            Self::Resolved { book, winner: if value == 0 { Face::Yes } else { Face::No } }
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
            Control::Resolved { book: BookId(7), winner: Face::No },
            Control::Regridded { book: BookId(3), step_micro: 1_000 },
        ] {
            assert_eq!(Control::from_words(control.to_words()), control);
        }
    }
}
