//! Why a payload was refused: small, `Copy`, with the offset and what is in doubt because of it.

use dutchbook_book::InstrumentId;

use crate::batch::Sequence;

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The bytes are not JSON: cut, changed, or not UTF-8.
    NotJson,
    /// A JSON text whose outermost value is no message of the venue.
    NotAMessage,
    /// A field that the message cannot do without is absent or of another JSON type.
    MissingField,
    /// A price that is not a number between zero and one in steps of 1e-6.
    BadPrice,
    /// A quantity or an amount of money that does not fit its unit exactly.
    BadQty,
    /// A time, a sequence number or another whole number that cannot be one.
    BadInteger,
    /// A side that is neither of the two.
    BadSide,
    /// Price ranges that form no grid.
    BadGrid,
    /// More bytes than any message of any venue has.
    TooLong,
}

/// Which books may have missed something because a payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// None: the message does not speak of levels.
    Nothing,
    /// The book of this instrument.
    Book(InstrumentId),
    /// Every book of the connection: the payload does not say whom it spoke of.
    All,
}

/// Why a payload was refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Byte offset in the payload, as near as it is known.
    pub offset: u32,
    /// What may have missed a change.
    pub doubt: Doubt,
    /// The ordering number that the payload used up, where it could still be read.
    pub sequence: Option<Sequence>,
}

impl DecodeError {
    /// An error at a byte offset; `doubt` starts as everything and is narrowed by who knows better.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, offset: u32) -> Self {
        Self { kind, offset, doubt: Doubt::All, sequence: None }
    }

    /// The same error with its doubt stated.
    #[must_use]
    pub const fn doubting(self, doubt: Doubt) -> Self {
        Self { doubt, ..self }
    }
}

impl core::fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotJson => "not a JSON text",
            Self::NotAMessage => "no message of the venue",
            Self::MissingField => "a field is missing or of the wrong type",
            Self::BadPrice => "not a price between 0 and 1",
            Self::BadQty => "not an exact quantity",
            Self::BadInteger => "not a whole number",
            Self::BadSide => "not a side",
            Self::BadGrid => "price ranges form no grid",
            Self::TooLong => "longer than any message",
        })
    }
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl core::error::Error for DecodeError {}
