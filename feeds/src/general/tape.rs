//! A read-only cursor over a simd-json tape: no tree is built, nothing is copied.

use dutchbook_book::{Cash, Nanos, Price, Qty, QtyChange};
use simd_json::{Node, StaticNode};

use super::decimal::{NumberText, scaled};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::number::{self, Dialect};

/// One value of a tape, with the address of its payload so that errors can say where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a> {
    nodes: &'a [Node<'a>],
    base: usize,
}

impl<'a> Json<'a> {
    /// The outermost value of a tape whose payload starts at the address `base`.
    pub(crate) const fn root(nodes: &'a [Node<'a>], base: usize) -> Self {
        Self { nodes, base }
    }

    /// The members of an object; nothing for any other value.
    pub(crate) fn members(self) -> Members<'a> {
        match self.nodes.split_first() {
            Some((Node::Object { .. }, rest)) => Members { nodes: rest, base: self.base },
            Some(_) | None => Members { nodes: &[], base: self.base },
        }
    }

    /// The elements of an array, or `None` for any other value.
    pub(crate) fn elements(self) -> Option<Elements<'a>> {
        match self.nodes.split_first() {
            Some((Node::Array { .. }, rest)) => Some(Elements { nodes: rest, base: self.base }),
            Some(_) | None => None,
        }
    }

    /// Whether this is an object.
    pub(crate) fn is_object(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Object { .. }))
    }

    /// Whether this is a text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self.nodes.first(), Some(Node::String(_)))
    }

    /// The member of an object; of equal keys the first.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.members().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// A text.
    pub(crate) fn text(self) -> Option<&'a str> {
        match self.nodes.first() {
            Some(Node::String(text)) => Some(text),
            Some(_) | None => None,
        }
    }

    /// Whether the value stands for "none": null or an empty text.
    pub(crate) fn is_absent(self) -> bool {
        match self.nodes.first() {
            Some(Node::String(text)) => text.is_empty(),
            Some(Node::Static(StaticNode::Null)) | None => true,
            Some(_) => false,
        }
    }

    /// A truth value.
    pub(crate) fn boolean(self) -> Option<bool> {
        match self.nodes.first() {
            Some(Node::Static(StaticNode::Bool(value))) => Some(*value),
            Some(_) | None => None,
        }
    }

    /// Applies a parser to the decimal text of a text or a number.
    pub(crate) fn decimal<T>(self, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        match self.nodes.first()? {
            Node::String(text) => read(text.as_bytes()),
            Node::Static(StaticNode::I64(value)) => read(NumberText::new(value)?.as_bytes()),
            Node::Static(StaticNode::U64(value)) => read(NumberText::new(value)?.as_bytes()),
            Node::Static(StaticNode::F64(value)) => read(NumberText::new(value)?.as_bytes()),
            Node::Static(StaticNode::Bool(_) | StaticNode::Null)
            | Node::Object { .. }
            | Node::Array { .. } => None,
        }
    }

    /// A price between zero and one.
    pub(crate) fn price(self, dialect: Dialect) -> Result<Price, DecodeError> {
        self.decimal(|text| number::price(text, dialect))
            .ok_or_else(|| self.error(DecodeErrorKind::BadPrice))
    }

    /// A price in whole cents, as a number.
    pub(crate) fn price_cents(self) -> Result<Price, DecodeError> {
        self.decimal(|text| u32::try_from(scaled(text, 0)?).ok())
            .and_then(|cents| Price::from_pips(cents.checked_mul(100)?))
            .ok_or_else(|| self.error(DecodeErrorKind::BadPrice))
    }

    /// A quantity.
    pub(crate) fn qty(self, dialect: Dialect) -> Result<Qty, DecodeError> {
        self.decimal(|text| number::qty(text, dialect))
            .ok_or_else(|| self.error(DecodeErrorKind::BadQty))
    }

    /// A signed change of a quantity.
    pub(crate) fn change(self, dialect: Dialect) -> Result<QtyChange, DecodeError> {
        self.decimal(|text| number::qty_change(text, dialect))
            .ok_or_else(|| self.error(DecodeErrorKind::BadQty))
    }

    /// An amount of cash, signed.
    pub(crate) fn cash(self) -> Result<Cash, DecodeError> {
        self.decimal(|text| number::cash(text, Dialect::KALSHI_MONEY))
            .ok_or_else(|| self.error(DecodeErrorKind::BadQty))
    }

    /// A whole number, as a number or as a text.
    pub(crate) fn whole(self) -> Result<u64, DecodeError> {
        match self.nodes.first() {
            Some(Node::Static(StaticNode::U64(value))) => Ok(*value),
            Some(_) | None => self
                .decimal(|text| u64::try_from(scaled(text, 0)?).ok())
                .ok_or_else(|| self.error(DecodeErrorKind::BadInteger)),
        }
    }

    /// A time in milliseconds, as a number or as a text; an absent one is zero.
    pub(crate) fn millis(self) -> Result<Nanos, DecodeError> {
        if self.is_absent() { Ok(Nanos::ZERO) } else { self.whole().map(Nanos::from_millis) }
    }

    /// A time in seconds or milliseconds, told apart by magnitude; an absent one is zero.
    pub(crate) fn time(self) -> Result<Nanos, DecodeError> {
        // 1e11 seconds is the year 5138, 1e11 milliseconds is March 1973.
        const SECONDS_MAX: u64 = 100_000_000_000;
        if self.is_absent() {
            return Ok(Nanos::ZERO);
        }
        self.whole().map(|value| {
            if value < SECONDS_MAX { Nanos::from_secs(value) } else { Nanos::from_millis(value) }
        })
    }

    /// An error at this value.
    pub(crate) fn error(self, kind: DecodeErrorKind) -> DecodeError {
        let offset = match self.nodes.first() {
            Some(Node::String(text)) => text.as_ptr().addr().saturating_sub(self.base),
            Some(_) | None => 0,
        };
        DecodeError::new(kind, u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

/// Number of nodes that the first value of `nodes` takes.
fn span(nodes: &[Node<'_>]) -> usize {
    match nodes.first() {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => count.saturating_add(1),
        Some(Node::String(_) | Node::Static(_)) => 1,
        None => 0,
    }
}

/// Members of an object in the order of the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members<'a> {
    nodes: &'a [Node<'a>],
    base: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.nodes.split_first()?;
        let Node::String(key) = key else { return None };
        let (value, rest) = rest.split_at_checked(span(rest))?;
        self.nodes = rest;
        Some((key, Json { nodes: value, base: self.base }))
    }
}

/// Elements of an array in the order of the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a> {
    nodes: &'a [Node<'a>],
    base: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.nodes.is_empty() {
            return None;
        }
        let (value, rest) = self.nodes.split_at_checked(span(self.nodes))?;
        self.nodes = rest;
        Some(Json { nodes: value, base: self.base })
    }
}
