//! Dense indices: what the engine says instead of a venue's strings.
//!
//! A [`BookId`] names one condition as one venue lists it (one unified YES/NO book); an
//! [`InstrumentId`] names one face of it. The two faces of book `b` are the instruments `2b` (YES)
//! and `2b + 1` (NO), so that a face costs one shift and no table.

use core::fmt;

macro_rules! dense_id {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an array index.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}

dense_id!(
    /// A place that lists and matches.
    VenueId,
    /// A thing in the world that will be decided.
    EventId,
    /// One question with exhaustive, exclusive outcomes.
    ConditionId,
    /// One condition as one venue lists it: one unified book with two faces.
    BookId,
    /// One face of a book: what a venue lets you trade.
    InstrumentId,
    /// A law between instruments.
    RelationId,
    /// A compiled set of legs that the evaluator watches.
    BasketId,
);

/// Which of the two outcomes of a condition a face shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Face {
    /// The first outcome: pays one when the condition comes true.
    Yes = 0,
    /// The second outcome, its complement.
    No = 1,
}

impl Face {
    /// The complement of this face.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
        }
    }
}

impl BookId {
    /// The instrument that one face of this book is.
    #[must_use]
    pub const fn instrument(self, face: Face) -> InstrumentId {
        InstrumentId((self.0 << 1) | face as u32)
    }
}

impl InstrumentId {
    /// The book whose face this is.
    #[must_use]
    pub const fn book(self) -> BookId {
        BookId(self.0 >> 1)
    }

    /// Which face of its book this is.
    #[must_use]
    pub const fn face(self) -> Face {
        if self.0 & 1 == 0 { Face::Yes } else { Face::No }
    }

    /// The other face of the same book.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(self.0 ^ 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_of_a_book_are_neighbours() {
        let no = BookId(21).instrument(Face::No);
        assert_eq!(
            (no.book(), no.face(), no.complement().face()),
            (BookId(21), Face::No, Face::Yes)
        );
    }
}
