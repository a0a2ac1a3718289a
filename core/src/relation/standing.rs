//! Whether a relation of the file may be traded now, and what the engine gets of it.

use dutchbook_book::{BookId, Face, InstrumentId, Price, RelationId};

use super::file::{Entry, Kind, Listed};
use super::{Law, Relation, Shown, Source};
use crate::eval::states::StateTable;

/// What a venue says of a market today, in the words of [`Listed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// SHA-256 of its rules text, in hex.
    pub rules_sha256: String,
    /// Its tick.
    pub tick: String,
    /// Its fee type.
    pub fee: String,
    /// When it closes.
    pub closes: String,
}

/// What changed since the approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The venue does not list it any more.
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
}

impl core::fmt::Display for Standing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self::Disabled { market, changed } = self else {
            return f.write_str(if *self == Self::Live { "live" } else { "watched, not approved" });
        };
        let what = match changed {
            Changed::Gone => "is not listed any more",
            Changed::Rules => "has another rules text",
            Changed::Tick => "has another tick",
            Changed::Fee => "has another fee type",
            Changed::Close => "closes at another time",
        };
        write!(f, "disabled: {market} {what}; approve the relation again")
    }
}

fn changed(listed: &Listed, fact: &Fact) -> Option<Changed> {
    let pairs = [
        (&listed.rules_sha256, &fact.rules_sha256, Changed::Rules),
        (&listed.tick, &fact.tick, Changed::Tick),
        (&listed.fee, &fact.fee, Changed::Fee),
        (&listed.closes, &fact.closes, Changed::Close),
    ];
    pairs.into_iter().find(|(then, now, _)| then != now).map(|(_, _, changed)| changed)
}

/// Compares a relation with what the venues say today.
#[must_use]
pub fn standing(entry: &Entry, fact: impl Fn(&Listed) -> Option<Fact>) -> Standing {
    for listed in &entry.markets {
        let changed = match fact(listed) {
            None => Some(Changed::Gone),
            Some(fact) => changed(listed, &fact),
        };
        if let Some(changed) = changed {
            return Standing::Disabled { market: listed.key.clone(), changed };
        }
    }
    if entry.is_approved() { Standing::Live } else { Standing::Watched }
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
pub fn relation(entry: &Entry, book: impl Fn(&Listed) -> Option<BookId>) -> Option<Relation> {
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
        source: Source::Approved,
        conversion: None,
    })
}
