//! The records of `docs/news.md`, one a line.

use core::str::FromStr as _;

use dutchbook_book::Face;
use dutchbook_feeds::chain::{Address, Word};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::NewsError;
use super::judge::{Bar, Rule, Test, Wins};
use crate::resolution::{Says, Source, Trust, Verdict};

/// How far a claim is trusted, as a line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Hint,
    Provisional,
    Named,
}

impl Level {
    pub(super) const fn level(self) -> Trust {
        match self {
            Self::Hint => Trust::Hint,
            Self::Provisional => Trust::Provisional,
            Self::Named => Trust::Named,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Spoken {
    Decided,
    Final,
    Disputed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Yes,
    No,
    Split,
}

/// What a source says of a market.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    source: String,
    pub(super) trust: Level,
    pub(super) market: String,
    says: Spoken,
    #[serde(default)]
    outcome: Option<Outcome>,
    pub(super) at_ms: u64,
}

impl Claim {
    pub(super) fn source(&self) -> Result<Source, NewsError> {
        let source = Source::from_name(&self.source);
        let own = source.filter(|source| source.trust() == Trust::Named);
        own.ok_or_else(|| NewsError::Source(self.source.clone()))
    }

    pub(super) fn says(&self) -> Result<Says, NewsError> {
        let verdict = match self.outcome {
            Some(Outcome::Yes) => Some(Verdict::Pays(Face::Yes)),
            Some(Outcome::No) => Some(Verdict::Pays(Face::No)),
            Some(Outcome::Split) => Some(Verdict::Split),
            None => None,
        };
        match (self.says, verdict) {
            (Spoken::Decided, Some(verdict)) => Ok(Says::Decided(verdict)),
            (Spoken::Final, Some(verdict)) => Ok(Says::Final(verdict)),
            (Spoken::Disputed, None) => Ok(Says::Disputed),
            (Spoken::Disputed, Some(_)) => {
                Err(NewsError::Shape("`disputed` has no `outcome`".to_owned()))
            }
            (Spoken::Decided | Spoken::Final, None) => {
                Err(NewsError::Shape("`outcome` is missing: yes, no or split".to_owned()))
            }
        }
    }
}

/// What a market asks of a price or of a game.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub(super) market: String,
    #[serde(default)]
    symbol: Option<String>,
    #[serde(default)]
    from_ms: Option<u64>,
    #[serde(default)]
    until_ms: Option<u64>,
    #[serde(default)]
    above: Option<String>,
    #[serde(default)]
    at_least: Option<String>,
    #[serde(default)]
    game: Option<String>,
    #[serde(default)]
    wins: Option<Wins>,
}

impl RuleText {
    pub(super) fn checked(self) -> Result<Rule, NewsError> {
        let Self { market, symbol, from_ms, until_ms, above, at_least, game, wins } = self;
        let shape = |text: &str| Err(NewsError::Shape(text.to_owned()));
        let test = match (symbol, until_ms, game, wins) {
            (None, None, Some(game), Some(wins)) => Test::Game { game, wins },
            (Some(symbol), Some(until_ms), None, None) => {
                let bar = match (from_ms, above, at_least) {
                    (Some(from), None, None) if from < until_ms => Bar::Opening(from),
                    (Some(_), None, None) => return shape("`from_ms` is not before `until_ms`"),
                    (None, Some(above), None) => Bar::Above(decimal(&above)?),
                    (None, None, Some(least)) => Bar::AtLeast(decimal(&least)?),
                    _ => return shape("a price needs one of `from_ms`, `above`, `at_least`"),
                };
                Test::Price { symbol, until_ms, bar }
            }
            _ => return shape("a rule has `symbol` and `until_ms`, or `game` and `wins`"),
        };
        Ok(Rule { market, test })
    }
}

/// A log as a node writes it; what else it says is passed over.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Log {
    pub(super) address: String,
    pub(super) topics: Vec<String>,
    pub(super) data: String,
    #[serde(default)]
    pub(super) removed: bool,
}

/// A record.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    Outcome(Claim),
    Rule(RuleText),
    Price { trust: Level, symbol: String, price: String, at_ms: u64 },
    Score { trust: Level, game: String, home: u32, away: u32, is_over: bool, at_ms: u64 },
    Question { oracle: String, question: String, market: String },
    Log(Log),
}

/// What tells a node's own record from ours.
#[derive(Deserialize)]
struct Peek {
    kind: Option<IgnoredAny>,
    topics: Option<IgnoredAny>,
    params: Option<IgnoredAny>,
}

/// A node's notice of a log that was subscribed to.
#[derive(Deserialize)]
struct Subscribed {
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    result: Log,
}

impl Line {
    pub(super) fn parse(text: &str) -> Result<Self, NewsError> {
        let shape = |error: serde_json::Error| NewsError::Shape(error.to_string());
        let peek: Peek = serde_json::from_str(text).map_err(shape)?;
        match (peek.kind, peek.topics, peek.params) {
            (None, Some(_), _) => serde_json::from_str(text).map(Self::Log).map_err(shape),
            (None, None, Some(_)) => {
                let notice: Subscribed = serde_json::from_str(text).map_err(shape)?;
                Ok(Self::Log(notice.params.result))
            }
            (Some(_), ..) | (None, None, None) => serde_json::from_str(text).map_err(shape),
        }
    }
}

/// A decimal, exactly.
pub(super) fn decimal(text: &str) -> Result<Decimal, NewsError> {
    Decimal::from_str(text).map_err(|error| NewsError::Shape(format!("{text}: {error}")))
}

/// A word of the chain, by its hexadecimal digits.
pub(super) fn word(text: &str) -> Result<Word, NewsError> {
    let parsed: Result<alloy_primitives::B256, _> = text.parse();
    parsed.map(|word| word.0).map_err(|error| NewsError::Shape(format!("{text}: {error}")))
}

/// A contract's address, by its hexadecimal digits.
pub(super) fn address(text: &str) -> Result<Address, NewsError> {
    let parsed: Result<alloy_primitives::Address, _> = text.parse();
    parsed.map(|address| address.0.0).map_err(|error| NewsError::Shape(format!("{text}: {error}")))
}

/// A word as venues write a condition.
pub(super) fn hex(word: &Word) -> String {
    alloy_primitives::B256::from(*word).to_string()
}
