//! A relation as text: what a capture keeps, and what it keeps of a program.
//!
//! Every number is written in the unit of its type: nothing is rounded on the way. A state table is
//! written row by row, as far as its states are still possible: rows that a person added come back.

use dutchbook_book::{InstrumentId, Price, Rate, RelationId, Side};
use serde::{Deserialize, Serialize};

use super::{Law, Relation, Source};
use crate::eval::basket::{BasketKind, Leg};
use crate::eval::states::StateTable;

/// A relation as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationText {
    id: u32,
    law: LawText,
    instruments: Vec<u32>,
    /// What each instrument pays in each state, in 1e-6.
    states: Vec<Vec<u32>>,
    source: String,
    conversion_nano: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "is", rename_all = "snake_case")]
enum LawText {
    Complement { yes: u32 },
    Partition { outcomes: Vec<Vec<u32>> },
    Exclusive { outcomes: Vec<Vec<u32>> },
    Same { a: u32, b: u32 },
    Implication { a: u32, b: u32 },
    Ladder { rungs: Vec<Vec<u32>> },
    Bundle { whole: u32, parts: Vec<u32> },
    Polytope { a: u32, b: u32, both: u32, either: u32 },
    Given { kind: String, legs: Vec<(u32, bool, u32)> },
}

fn name_of(source: Source) -> &'static str {
    Source::NAMES.into_iter().find(|(known, _)| *known == source).map_or("", |(_, name)| name)
}

/// A rate, where the number is one.
fn rate(nano: u32) -> Option<Rate> {
    (nano <= Rate::ONE.nano()).then(|| Rate::from_nano(nano))
}

impl RelationText {
    /// The text of a relation.
    #[must_use]
    pub fn of(relation: &Relation) -> Self {
        let table = &relation.states;
        let instruments = table.instruments();
        let state = |state: usize| {
            let pays = |id: &InstrumentId| table.payoff(state, *id).unwrap_or_default().micro();
            instruments.iter().map(pays).collect()
        };
        Self {
            id: relation.id.0,
            law: LawText::of(&relation.law),
            instruments: instruments.iter().map(|id| id.0).collect(),
            states: table.possible().map(state).collect(),
            source: name_of(relation.source).to_owned(),
            conversion_nano: relation.conversion.map(Rate::nano),
        }
    }

    /// The relation of the text over `books` books.
    ///
    /// # Errors
    /// When it names an instrument that is not there or a payoff that cannot be.
    pub fn relation(&self, books: usize) -> Result<Relation, String> {
        self.read(books).ok_or_else(|| format!("relation {} cannot be read", self.id))
    }

    fn read(&self, books: usize) -> Option<Relation> {
        let ids: Vec<InstrumentId> = self.instruments.iter().map(|id| InstrumentId(*id)).collect();
        if ids.iter().any(|id| id.book().index() >= books) {
            return None;
        }
        let mut states = StateTable::new(&ids);
        if states.instruments() != ids.as_slice() {
            return None;
        }
        for row in &self.states {
            let row: Vec<Price> =
                row.iter().map(|micro| Price::from_micro(*micro)).collect::<Option<_>>()?;
            if row.len() != ids.len() {
                return None;
            }
            states.push(|id| {
                let at = ids.binary_search(&id).ok();
                at.and_then(|at| row.get(at)).copied().unwrap_or_default()
            });
        }
        let law = self.law.law()?;
        let (source, _) = Source::NAMES.into_iter().find(|(_, name)| *name == self.source)?;
        let conversion = match self.conversion_nano {
            Some(nano) => Some(rate(nano)?),
            None => None,
        };
        Some(Relation { id: RelationId(self.id), law, states, source, conversion })
    }
}

fn numbers(lists: &[Vec<InstrumentId>]) -> Vec<Vec<u32>> {
    lists.iter().map(|list| list.iter().map(|id| id.0).collect()).collect()
}

fn instruments(lists: &[Vec<u32>]) -> Vec<Vec<InstrumentId>> {
    lists.iter().map(|list| list.iter().map(|id| InstrumentId(*id)).collect()).collect()
}

impl LawText {
    fn of(law: &Law) -> Self {
        match law {
            Law::Complement { yes } => Self::Complement { yes: yes.0 },
            Law::Partition { outcomes } => Self::Partition { outcomes: numbers(outcomes) },
            Law::Exclusive { outcomes } => Self::Exclusive { outcomes: numbers(outcomes) },
            Law::Same { a, b } => Self::Same { a: a.0, b: b.0 },
            Law::Implication { a, b } => Self::Implication { a: a.0, b: b.0 },
            Law::Ladder { rungs } => Self::Ladder { rungs: numbers(rungs) },
            Law::Bundle { whole, parts } => {
                Self::Bundle { whole: whole.0, parts: parts.iter().map(|id| id.0).collect() }
            }
            Law::Polytope { a, b, both, either } => {
                Self::Polytope { a: a.0, b: b.0, both: both.0, either: either.0 }
            }
            Law::Given { kind, legs } => Self::Given {
                kind: kind.name().to_owned(),
                legs: legs
                    .iter()
                    .map(|leg| (leg.instrument.0, leg.side == Side::Sell, leg.ratio_micro))
                    .collect(),
            },
        }
    }

    fn law(&self) -> Option<Law> {
        let id = |id: &u32| InstrumentId(*id);
        Some(match self {
            Self::Complement { yes } => Law::Complement { yes: id(yes) },
            Self::Partition { outcomes } => Law::Partition { outcomes: instruments(outcomes) },
            Self::Exclusive { outcomes } => Law::Exclusive { outcomes: instruments(outcomes) },
            Self::Same { a, b } => Law::Same { a: id(a), b: id(b) },
            Self::Implication { a, b } => Law::Implication { a: id(a), b: id(b) },
            Self::Ladder { rungs } => Law::Ladder { rungs: instruments(rungs) },
            Self::Bundle { whole, parts } => {
                Law::Bundle { whole: id(whole), parts: parts.iter().map(id).collect() }
            }
            Self::Polytope { a, b, both, either } => {
                Law::Polytope { a: id(a), b: id(b), both: id(both), either: id(either) }
            }
            Self::Given { kind, legs } => Law::Given {
                kind: BasketKind::ALL.into_iter().find(|one| one.name() == kind)?,
                legs: legs
                    .iter()
                    .map(|(instrument, is_sold, ratio_micro)| Leg {
                        instrument: InstrumentId(*instrument),
                        side: if *is_sold { Side::Sell } else { Side::Buy },
                        ratio_micro: *ratio_micro,
                    })
                    .collect(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{BookId, Face};

    fn through_text(relation: &Relation) -> RelationText {
        let text = serde_json::to_string(&RelationText::of(relation)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_relation_comes_back_whole() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|book| BookId(book).instrument(Face::Yes));
        let half = Price::from_micro(500_000).unwrap();
        let table = Relation::exclusive(&[vec![a], vec![b]]).states;
        for relation in [
            Relation::polytope(a, b, c, d),
            Relation::bundle(a, vec![b, c]).with_conversion(Rate::from_nano(5)),
            Relation::same(a, b).with_state(&[(a, half)]).from_source(Source::Approved),
            Relation::same(a, c).from_source(Source::Nominated),
            Relation::same(b, c).from_source(Source::Suspended),
            Relation::given(BasketKind::Bundle, vec![Leg::buy(a), Leg::sell(b)], table),
        ] {
            assert_eq!(through_text(&relation).relation(4).as_ref(), Ok(&relation));
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let a = BookId(9).instrument(Face::Yes);
        assert!(RelationText::of(&Relation::complement(BookId(9))).relation(9).is_err());
        assert!(RelationText::of(&Relation::same(a, a)).relation(10).is_ok());
        let hearsay =
            RelationText { source: "hearsay".to_owned(), ..through_text(&Relation::same(a, a)) };
        assert!(hearsay.relation(10).is_err());
    }
}
