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

/// How the elements of a list are read.
pub trait Read: Copy {
    /// What an element is.
    type Element<'a>;

    /// Reads one element.
    #[doc(hidden)]
    fn read<'a>(self, element: Element<'a>) -> Option<Self::Element<'a>>;
}

/// An element of a list before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a>(pub(crate) Json<'a>);

/// Reads texts.
#[derive(Clone, Copy, Debug)]
pub struct Text;

impl Read for Text {
    type Element<'a> = &'a str;

    fn read<'a>(self, element: Element<'a>) -> Option<&'a str> {
        element.0.text()
    }
}

/// A list inside a record, read element by element when asked for.
///
/// Elements of the wrong type are skipped; lists that carry money are checked when the record is
/// made, and refuse it as a whole.
#[derive(Clone, Copy, Debug)]
pub struct List<'a, R> {
    json: Option<Json<'a>>,
    reader: R,
}

impl<'a, R: Read> List<'a, R> {
    /// A list over an array; any other value is an empty list.
    pub(crate) const fn new(json: Option<Json<'a>>, reader: R) -> Self {
        Self { json, reader }
    }

    /// Whether every element can be read.
    pub(crate) fn is_sound(&self) -> bool {
        let elements = self.json.and_then(Json::elements);
        elements.into_iter().flatten().all(|element| self.reader.read(Element(element)).is_some())
    }

    /// The elements in the order of the payload.
    pub fn iter(&self) -> impl Iterator<Item = R::Element<'a>> + use<'a, R> {
        let reader = self.reader;
        let elements = self.json.and_then(Json::elements);
        elements.into_iter().flatten().filter_map(move |element| reader.read(Element(element)))
    }
}
