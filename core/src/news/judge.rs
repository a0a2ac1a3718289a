//! Prices and scores held against what markets ask: the arithmetic that a person would do.
//!
//! A price at a moment is the last one that was heard at or before it, and not much before it; it is
//! certain once something later was heard. A game is over when its source says so.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::resolution::{Says, Source, Trust, Verdict};
use dutchbook_book::Face;

/// Rules that are kept.
const RULES_MAX: usize = 16_384;
/// How old the last price before a moment may be: an older one says nothing of it.
const PRICE_AGE_MS_MAX: u64 = 60_000;

/// What a price is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bar {
    /// What it was at this moment, in milliseconds since the epoch: YES where it is not lower.
    Opening(u64),
    /// YES where it is higher.
    Above(Decimal),
    /// YES where it is not lower.
    AtLeast(Decimal),
}

/// Who wins a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wins {
    /// The first named.
    Home,
    /// The second named.
    Away,
    /// Neither.
    Draw,
}

/// What a market asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A price at a moment.
    Price {
        /// Of what, as the price lines call it.
        symbol: String,
        /// The moment, in milliseconds since the epoch.
        until_ms: u64,
        /// Against what.
        bar: Bar,
    },
    /// The end of a game.
    Game {
        /// Which, as the score lines call it.
        game: String,
        /// YES where this is how it ends.
        wins: Wins,
    },
}

/// A market and what it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The venue's id of the market.
    pub market: String,
    /// What it asks.
    pub test: Test,
}

/// A word that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The venue's id of the market.
    pub market: String,
    /// Whose word.
    pub source: Source,
    /// What is said.
    pub says: Says,
    /// How far it is trusted.
    pub trust: Trust,
}

/// Why a price or a rule is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many rules.
    #[error("more than {RULES_MAX} rules are not kept")]
    Full,
    /// The same market is asked about twice, and not alike.
    #[error("{0} has another rule already")]
    Overlaps(String),
    /// Two prices of one moment.
    #[error("two prices of {0} at one moment: its markets are closed to trades on their outcome")]
    Contradicts(String),
    /// A newer price was heard before.
    #[error("a newer price of {0} was heard before")]
    Older(String),
    /// No price was heard at the moment that counts.
    #[error("{0} is not decided by prices: none was heard within a minute before its moment")]
    Unseen(String),
}

#[derive(Debug)]
struct Watched {
    rule: Rule,
    /// The newest price at or before the opening, and at or before the end, with their times.
    opening: Option<(u64, Decimal)>,
    last: Option<(u64, Decimal)>,
    is_done: bool,
}

/// The rules, and what was heard of them.
#[derive(Debug, Default)]
pub struct Judge {
    rules: Vec<Watched>,
}

impl Judge {
    /// Adds a rule; the same one again changes nothing.
    ///
    /// # Errors
    /// When the market has another one, or there are too many.
    pub fn add(&mut self, rule: Rule) -> Result<(), Refused> {
        if let Some(known) = self.rules.iter().find(|known| known.rule.market == rule.market) {
            let is_same = known.rule == rule;
            return if is_same { Ok(()) } else { Err(Refused::Overlaps(rule.market)) };
        }
        if self.rules.len() >= RULES_MAX {
            return Err(Refused::Full);
        }
        self.rules.push(Watched { rule, opening: None, last: None, is_done: false });
        Ok(())
    }

    /// Takes a price; words on the markets that it decides go to `words`.
    ///
    /// # Errors
    /// When it contradicts another of the same moment (its markets are doubted then), is older than one
    /// that was heard, or comes too late to decide a market.
    pub fn price(
        &mut self,
        symbol: &str,
        price: Decimal,
        at_ms: u64,
        trust: Trust,
        words: &mut Vec<Judged>,
    ) -> Result<(), Refused> {
        let mut result = Ok(());
        let of = |watched: &&mut Watched| {
            let is_of =
                matches!(&watched.rule.test, Test::Price { symbol: of, .. } if of == symbol);
            is_of && !watched.is_done
        };
        for watched in self.rules.iter_mut().filter(of) {
            let market = watched.rule.market.clone();
            match watched.hear(price, at_ms) {
                Ok(None) => {}
                Ok(Some(face)) => {
                    watched.is_done = true;
                    let says = Says::Final(Verdict::Pays(face));
                    words.push(Judged { market, source: Source::Reference, says, trust });
                }
                Err(refused) => {
                    if matches!(refused, Refused::Contradicts(_)) {
                        watched.is_done = true;
                        let (source, says) = (Source::Reference, Says::Disputed);
                        words.push(Judged { market, source, says, trust });
                    }
                    watched.is_done |= matches!(refused, Refused::Unseen(_));
                    result = Err(refused);
                }
            }
        }
        result
    }

    /// Words on the markets of a game that is over. Another end than the one before is said, too: the
    /// market's docket holds one against the other.
    #[must_use]
    pub fn score(&self, game: &str, home: u32, away: u32, trust: Trust) -> Vec<Judged> {
        let end = match home.cmp(&away) {
            core::cmp::Ordering::Greater => Wins::Home,
            core::cmp::Ordering::Less => Wins::Away,
            core::cmp::Ordering::Equal => Wins::Draw,
        };
        let word = |watched: &Watched| match &watched.rule.test {
            Test::Game { game: of, wins } if of == game => {
                let face = if *wins == end { Face::Yes } else { Face::No };
                let (market, source) = (watched.rule.market.clone(), Source::Score);
                Some(Judged { market, source, says: Says::Final(Verdict::Pays(face)), trust })
            }
            Test::Game { .. } | Test::Price { .. } => None,
        };
        self.rules.iter().filter_map(word).collect()
    }
}

impl Watched {
    /// Takes a price of the rule's symbol. The face that pays, once that is certain.
    fn hear(&mut self, price: Decimal, at_ms: u64) -> Result<Option<Face>, Refused> {
        let Test::Price { symbol, until_ms, bar } = &self.rule.test else { return Ok(None) };
        match self.last {
            Some((last, known)) if at_ms == last && known != price => {
                return Err(Refused::Contradicts(symbol.clone()));
            }
            Some((last, _)) if at_ms < last => return Err(Refused::Older(symbol.clone())),
            Some(_) | None => {}
        }
        if at_ms <= *until_ms {
            self.last = Some((at_ms, price));
        }
        if let Bar::Opening(from) = bar
            && at_ms <= *from
        {
            self.opening = Some((at_ms, price));
        }
        if at_ms < *until_ms {
            return Ok(None);
        }
        let at = |heard: Option<(u64, Decimal)>, moment: u64| {
            let fresh = heard.filter(|(at, _)| moment.saturating_sub(*at) <= PRICE_AGE_MS_MAX);
            let unseen = || Refused::Unseen(self.rule.market.clone());
            fresh.map(|(_, price)| price).ok_or_else(unseen)
        };
        let closing = at(self.last, *until_ms)?;
        let is_yes = match bar {
            Bar::Opening(from) => closing >= at(self.opening, *from)?,
            Bar::Above(strike) => closing > *strike,
            Bar::AtLeast(strike) => closing >= *strike,
        };
        Ok(Some(if is_yes { Face::Yes } else { Face::No }))
    }
}
