//! `relations.toml`: what a person has approved, and what waits for approval.
//!
//! Every relation lists every way in which its markets can settle, void, ties, postponement and a
//! disagreement of sources included, with what YES and NO of each market pay then. A row that the
//! rules make impossible is not left out but excluded, with the reason. Each market carries the hash
//! of the rules text that was read, its tick, its fee type and its close: when one of them changes,
//! the relation is disabled until it is approved again (see [`super::standing`]).

use std::collections::BTreeMap;

use dutchbook_book::Price;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Serialize};

/// The format that is known.
pub const FORMAT: u32 = 1;

/// What binds the markets, by their YES faces in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two markets pay together.
    Same,
    /// One pays where the other does not.
    Inverse,
    /// Where the first pays, the second pays.
    Implies,
    /// Exactly one pays.
    Partition,
    /// At most one pays.
    Exclusive,
    /// A later one implies every earlier one.
    Ladder,
    /// The first pays where exactly one of the others pays.
    Union,
}

/// What a state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StateKind {
    /// The question is decided as asked.
    Outcome,
    /// A market is cancelled.
    Void,
    /// A tie or dead heat.
    Tie,
    /// Decided after a deadline of one of the rules.
    Postponed,
    /// The sources of two markets disagree.
    Disagreement,
}

/// What one contract pays: of YES, with NO the rest of a dollar, or of YES and of NO.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Pays {
    /// YES, and NO is one less that.
    Yes(String),
    /// YES and NO: the worst admissible numbers where a rule leaves discretion.
    Both([String; 2]),
}

/// One market.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// What the states call it.
    pub key: String,
    /// Its venue.
    pub venue: String,
    /// The venue's id of it.
    pub market: String,
    /// SHA-256 of the rules text that was read, in hex.
    pub rules_sha256: String,
    /// Its tick, as the venue writes it.
    pub tick: String,
    /// Its fee type, as the venue names it.
    pub fee: String,
    /// When it closes.
    pub closes: String,
}

/// One way in which the markets can settle.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What a person calls it.
    pub name: String,
    /// What it is.
    pub kind: StateKind,
    /// Why it cannot happen; such a row is kept for the record and proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
    /// What each market pays, by its key.
    pub pays: BTreeMap<String, Pays>,
}

/// One relation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name, once in the file.
    pub name: String,
    /// What it claims.
    pub kind: Kind,
    /// Where the claim comes from.
    pub claim: String,
    /// Who approved it; absent: watched and reported, never traded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When, as year-month-day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_on: Option<String>,
    /// Its markets.
    #[serde(rename = "market")]
    pub markets: Vec<Listed>,
    /// Its states.
    #[serde(rename = "state")]
    pub states: Vec<State>,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Always [`FORMAT`].
    pub format: u32,
    /// The relations.
    #[serde(default, rename = "relation")]
    pub relations: Vec<Entry>,
}

/// Why a file is no relations file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is not TOML, or has a key of the wrong name or type.
    #[error("relations: {0}")]
    Parse(String),
    /// It is of a later version.
    #[error("relations: format {0} is not known, expected {FORMAT}: update dutchbook")]
    Format(u32),
}

/// A decimal from 0 to 1 with at most six digits.
#[must_use]
pub fn price(text: &str) -> Option<Price> {
    let decimal: Decimal = text.parse().ok()?;
    let micro = decimal.checked_mul(Decimal::from(Price::ONE.micro()))?;
    let is_whole = micro == micro.trunc();
    is_whole.then(|| micro.to_u32()).flatten().and_then(Price::from_micro)
}

impl Pays {
    /// What YES and NO pay; `None` where a number is none from 0 to 1.
    #[must_use]
    pub fn faces(&self) -> Option<[Price; 2]> {
        match self {
            Self::Yes(yes) => price(yes).map(|yes| [yes, yes.complement()]),
            Self::Both([yes, no]) => Some([price(yes)?, price(no)?]),
        }
    }
}

impl Entry {
    /// Whether a person has approved it.
    #[must_use]
    pub const fn is_approved(&self) -> bool {
        self.approved_by.is_some()
    }

    /// What a market's faces pay in a state.
    #[must_use]
    pub fn faces(&self, state: &State, market: usize) -> Option<[Price; 2]> {
        state.pays.get(&self.markets.get(market)?.key)?.faces()
    }

    /// The states that can happen.
    pub fn admitted(&self) -> impl Iterator<Item = &State> + '_ {
        self.states.iter().filter(|state| state.excluded.is_none())
    }
}

impl Default for File {
    fn default() -> Self {
        Self { format: FORMAT, relations: Vec::new() }
    }
}

impl File {
    /// Reads a file's text; whether its relations hold together is for [`super::check`].
    ///
    /// # Errors
    /// When it is not TOML of this shape.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let said = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| {
                text.get(..span.start).map_or(1, |head| head.matches('\n').count() + 1)
            });
            FileError::Parse(format!("line {line}: {}", error.message()))
        };
        let file: Self = toml::from_str(text).map_err(said)?;
        if file.format != FORMAT {
            return Err(FileError::Format(file.format));
        }
        Ok(file)
    }

    /// The file as text.
    ///
    /// # Errors
    /// When a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, FileError> {
        toml::to_string(self).map_err(|error| FileError::Parse(error.to_string()))
    }
}
