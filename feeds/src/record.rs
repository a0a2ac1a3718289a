//! Typed, borrowed records of everything that is not a level of a book.
//!
//! A record lives as long as its payload; texts are slices of it, money is exact. Fields that a
//! venue may leave out are `Option`; an empty text counts as left out.

pub mod kalshi;
pub mod polymarket;

use crate::general::Json;
use crate::kind::MessageKind;

/// One message that is not about levels.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A message of Polymarket.
    Polymarket(polymarket::Record<'a>),
    /// A message of Kalshi.
    Kalshi(kalshi::Message<'a>),
}

impl Record<'_> {
    /// What the message is.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Polymarket(record) => record.kind(),
            Self::Kalshi(message) => message.record.kind(),
        }
    }
}

/// A list inside a record, read element by element when asked for.
///
/// Elements of the wrong type are skipped; lists that carry money are checked when the record is
/// made, and refuse it as a whole.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    json: Option<Json<'a>>,
    read: fn(Json<'a>) -> Option<T>,
}

impl<'a, T> List<'a, T> {
    /// A list over an array; any other value is an empty list.
    pub(crate) const fn new(json: Option<Json<'a>>, read: fn(Json<'a>) -> Option<T>) -> Self {
        Self { json, read }
    }

    /// Whether every element can be read.
    pub(crate) fn is_sound(&self) -> bool {
        let elements = self.json.and_then(Json::elements);
        elements.into_iter().flatten().all(|element| (self.read)(element).is_some())
    }

    /// The elements in the order of the payload.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let read = self.read;
        self.json.and_then(Json::elements).into_iter().flatten().filter_map(read)
    }
}

impl<T> core::fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("List").finish_non_exhaustive()
    }
}
