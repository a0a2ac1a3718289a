//! What the evaluator is told to watch from now on, and what no more.

use dutchbook_book::RelationId;
use dutchbook_book::catalog::Catalog;
use serde::{Deserialize, Serialize};

use crate::eval::compile::{Template, compile};
use crate::relation::Relation;
use crate::relation::text::RelationText;

/// A relation with the baskets that it implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The relation under the id that it gets.
    pub relation: Relation,
    /// Its baskets.
    pub templates: Vec<Template>,
}

/// A difference between what is watched and what shall be. Ids go on where those of the program before
/// have ended, so that programs are installed in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Relations that do not stand any more.
    pub withdraw: Vec<RelationId>,
    /// Relations that do from now on, by ascending ids.
    pub add: Vec<Compiled>,
}

/// A program as a capture keeps it: what is compiled follows from what is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramText {
    withdraw: Vec<u32>,
    add: Vec<RelationText>,
}

impl Program {
    /// Whether it changes anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.withdraw.is_empty() && self.add.is_empty()
    }

    /// The program as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = ProgramText {
            withdraw: self.withdraw.iter().map(|id| id.0).collect(),
            add: self.add.iter().map(|one| RelationText::of(&one.relation)).collect(),
        };
        // Numbers and names have no value that JSON cannot hold.
        serde_json::to_vec(&text).unwrap_or_default()
    }

    /// The program of these bytes, compiled for a catalog. `None` where they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], catalog: &Catalog) -> Option<Self> {
        let text: ProgramText = serde_json::from_slice(bytes).ok()?;
        let books = catalog.listings.len();
        let add = text.add.iter().map(|text| {
            let relation = text.relation(books).ok()?;
            let templates = compile(&relation, catalog);
            Some(Compiled { relation, templates })
        });
        Some(Self {
            withdraw: text.withdraw.iter().map(|id| RelationId(*id)).collect(),
            add: add.collect::<Option<_>>()?,
        })
    }
}
