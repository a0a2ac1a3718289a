//! Whether a relation of the file may be traded now, and what the engine gets of it.

use dutchbook_book::catalog::{Listing, Terms};
use dutchbook_book::{BookId, Face, Grid, InstrumentId, Nanos, Price, RelationId};
use dutchbook_feeds::listing::kalshi::price_ranges;
use dutchbook_feeds::listing::rfc3339;

use super::file::{Entry, Kind, Listed, price};
use super::{Law, Relation, Shown, Source};
use crate::eval::states::StateTable;

/// What a venue says of a market today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// SHA-256 of its rules text.
    pub rules: [u8; 32],
    /// The prices that it accepts.
    pub grid: Grid,
    /// Its fee type, as the venue names it.
    pub fee_type: String,
    /// When it closes.
    pub closes: Option<Nanos>,
}

impl Fact {
    /// What a catalog says of a listing.
    #[must_use]
    pub fn of(listing: &Listing, terms: &Terms) -> Self {
        Self {
            rules: terms.rules_hash,
            grid: listing.grid,
            fee_type: terms.fee_type.clone(),
            closes: terms.closes,
        }
    }
}

/// What changed since the approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The venue does not list it any more, or we do not follow it.
    Gone,
    /// The rules text.
    Rules,
    /// The tick.
    Tick,
    /// The fee type.
    Fee,
    /// The close.
    Close,
}

impl Changed {
    /// Whether the market may ask something else now, or is not known at all. A tick, a fee or a close
    /// says how long and at what price it trades.
    #[must_use]
    pub const fn is_question(self) -> bool {
        match self {
            Self::Gone | Self::Rules => true,
            Self::Tick | Self::Fee | Self::Close => false,
        }
    }
}

/// Whether a relation may be traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Approved, and nothing has changed.
    Live,
    /// Nobody has approved it: watched and reported, never traded.
    Watched,
    /// Something has changed: approve it again.
    Disabled {
        /// The key of the market.
        market: String,
        /// What has changed.
        changed: Changed,
    },
    /// It cannot be, by itself or beside the others of its file.
    Refused {
        /// Why.
        why: String,
    },
}

impl core::fmt::Display for Standing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (market, changed) = match self {
            Self::Live => return f.write_str("live"),
            Self::Watched => return f.write_str("watched, not approved"),
            Self::Refused { why } => return write!(f, "refused: {why}"),
            Self::Disabled { market, changed } => (market, changed),
        };
        let what = match changed {
            Changed::Gone => {
                "is not followed: the venue does not list it, or the configuration leaves it out"
            }
            Changed::Rules => "has another rules text; approve the relation again",
            Changed::Tick => "has another tick; approve the relation again",
            Changed::Fee => "has another fee type; approve the relation again",
            Changed::Close => "closes at another time; approve the relation again",
        };
        write!(f, "disabled: {market} {what}")
    }
}

/// The grid of a tick as a venue writes it: one step, or its list of ranges.
fn grid(text: &str) -> Option<Grid> {
    match price(text) {
        Some(step) => Grid::uniform(step).ok(),
        None => price_ranges(text.as_bytes()).ok(),
    }
}

/// A hash in hex.
fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Compared by meaning, not by spelling: "0.010" is the tick 0.01. A list of markets may leave out
/// the fee type or the close; what nobody has read cannot have changed.
fn changed(listed: &Listed, fact: &Fact) -> Option<Changed> {
    let is_fee_read = !listed.fee.is_empty();
    let is_close_read = !listed.closes.is_empty();
    let pairs = [
        (hash(&listed.rules_sha256) != Some(fact.rules), Changed::Rules),
        (grid(&listed.tick) != Some(fact.grid), Changed::Tick),
        (is_fee_read && listed.fee != fact.fee_type, Changed::Fee),
        (is_close_read && rfc3339(&listed.closes) != fact.closes, Changed::Close),
    ];
    pairs.into_iter().find(|(is_other, _)| *is_other).map(|(_, changed)| changed)
}

/// Compares a relation with what the venues say today.
#[must_use]
pub fn standing(entry: &Entry, fact: impl Fn(&Listed) -> Option<Fact>) -> Standing {
    let changes = entry.markets.iter().filter_map(|listed| {
        let changed = match fact(listed) {
            None => Some(Changed::Gone),
            Some(fact) => changed(listed, &fact),
        };
        Some((listed, changed?))
    });
    // What is asked weighs more than how it trades, whichever market it is.
    match changes.min_by_key(|(_, changed)| !changed.is_question()) {
        Some((listed, changed)) => Standing::Disabled { market: listed.key.clone(), changed },
        None if entry.is_approved() => Standing::Live,
        None => Standing::Watched,
    }
}

/// As what the engine gets a relation of this standing; `None` where it gets none.
#[must_use]
pub fn source(entry: &Entry, standing: &Standing) -> Option<Source> {
    match standing {
        Standing::Live => Some(Source::Approved),
        Standing::Watched => Some(Source::Nominated),
        Standing::Disabled { changed, .. } => {
            (entry.is_approved() && !changed.is_question()).then_some(Source::Suspended)
        }
        Standing::Refused { .. } => None,
    }
}

/// The closed form of a kind over the YES faces; an inverted market enters as its NO face.
fn law(kind: Kind, yes: &[InstrumentId]) -> Option<Law> {
    let shown = || -> Vec<Shown> { yes.iter().map(|&id| vec![id]).collect() };
    Some(match kind {
        Kind::Same => Law::Same { a: *yes.first()?, b: *yes.get(1)? },
        Kind::Inverse => Law::Same { a: *yes.first()?, b: yes.get(1)?.complement() },
        Kind::Implies => Law::Implication { a: *yes.first()?, b: *yes.get(1)? },
        Kind::Partition => Law::Partition { outcomes: shown() },
        Kind::Exclusive => Law::Exclusive { outcomes: shown() },
        Kind::Ladder => Law::Ladder { rungs: shown() },
        Kind::Union => {
            Law::Bundle { whole: *yes.first()?, parts: yes.get(1..).unwrap_or_default().to_vec() }
        }
    })
}

/// The relation as the engine takes it: the admitted states are its table. `None` where a market has
/// no book, or a payoff is no price.
#[must_use]
pub fn relation(
    entry: &Entry,
    source: Source,
    book: impl Fn(&Listed) -> Option<BookId>,
) -> Option<Relation> {
    let books: Vec<BookId> = entry.markets.iter().map(book).collect::<Option<_>>()?;
    let yes: Vec<InstrumentId> = books.iter().map(|book| book.instrument(Face::Yes)).collect();
    let both: Vec<InstrumentId> = yes.iter().flat_map(|&id| [id, id.complement()]).collect();
    let mut states = StateTable::new(&both);
    for state in entry.admitted() {
        let mut pays: Vec<(InstrumentId, Price)> = Vec::with_capacity(both.len());
        for (at, &id) in yes.iter().enumerate() {
            let [of_yes, of_no] = entry.faces(state, at)?;
            pays.extend([(id, of_yes), (id.complement(), of_no)]);
        }
        states.push(|id| {
            pays.iter().find(|(known, _)| *known == id).map_or(Price::ZERO, |(_, price)| *price)
        });
    }
    Some(Relation {
        id: RelationId::default(),
        law: law(entry.kind, &yes)?,
        states,
        source,
        conversion: None,
    })
}
