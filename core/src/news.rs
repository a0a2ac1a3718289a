//! Sources of outcomes that no venue's stream carries: one line of JSON after another, from a file, the
//! standard input or a loopback socket (`docs/news.md`).
//!
//! A line is a claim with its source, how far it is trusted and when it was made; a price or a score, which
//! [`judge`] holds against the rules that lines before it stated; or a log of the chain, which
//! [`dutchbook_feeds::chain`] decodes. What comes of it is a word on a market, and nothing more: the
//! docket of the market weighs it ([`crate::resolution`]), and the engine decides.

pub mod judge;
mod line;
mod request;
pub mod run;

use std::collections::BTreeMap;

use dutchbook_book::catalog::{Catalog, Listing};
use dutchbook_book::{BookId, Face, Nanos, VenueId};
use dutchbook_feeds::chain::{ChainDecoder, ChainError, Event, Payout, Word, condition_of};

use crate::resolution::{Says, Source, Trust, Verdict};
use crate::tile::steer::Steer;
use judge::{Judge, Judged};
use line::{Claim, Line, Log};
use request::Requests;

/// Questions of oracles that lines have named.
const QUESTIONS_MAX: usize = 65_536;

/// A word on its way to the tile of a venue.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Whose tile.
    pub venue: VenueId,
    /// The word.
    pub steer: Steer,
}

/// Why a line says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewsError {
    /// It is none of the records.
    #[error("{0}; docs/news.md has every record")]
    Shape(String),
    /// A source that only venues, oracles and the chain may be.
    #[error(
        "a line cannot speak for {0}: use score, reference_price or release, or give the chain's log"
    )]
    Source(String),
    /// The market is not followed.
    #[error("market {0} is not followed")]
    Market(String),
    /// More questions or rules than are kept.
    #[error("more than {0} of them are not kept")]
    Full(usize),
    /// The log cannot be read.
    #[error("log: {0}")]
    Chain(#[from] ChainError),
    /// A price or score cannot be used.
    #[error(transparent)]
    Judged(#[from] judge::Refused),
}

/// Turns lines into words on markets. It has no file, socket or clock.
#[derive(Debug)]
pub struct NewsDesk {
    /// By the venue's id of a market, in small letters.
    markets: BTreeMap<String, Vec<(VenueId, BookId)>>,
    /// The market by the condition that its oracle's question would be, where that is another: whoever
    /// asks the same question under another oracle does not speak for it.
    questions: BTreeMap<Word, String>,
    requests: Requests,
    judge: Judge,
    chain: ChainDecoder,
}

impl NewsDesk {
    /// A desk for the markets of a catalog.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        let mut desk = Self {
            markets: BTreeMap::new(),
            questions: BTreeMap::new(),
            requests: Requests::default(),
            judge: Judge::default(),
            chain: ChainDecoder::default(),
        };
        catalog.listings.iter().for_each(|listing| desk.follow(listing));
        desk
    }

    /// Speaks of another market from now on: one that a venue has listed since.
    pub fn follow(&mut self, listing: &Listing) {
        if listing.is_free() {
            return;
        }
        let books = self.markets.entry(listing.native_market.to_lowercase()).or_default();
        let book = (listing.venue, listing.book);
        if !books.contains(&book) {
            books.push(book);
        }
    }

    /// Takes a line; `tell` gets the words that come of it. True when the line is of the kinds that are
    /// read; a log of another event is passed over.
    ///
    /// # Errors
    /// When the line says nothing that can be used, with the reason. Where a source has contradicted
    /// itself, `tell` has got the doubt before.
    pub fn take(&mut self, text: &str, mut tell: impl FnMut(Dispatch)) -> Result<bool, NewsError> {
        match Line::parse(text)? {
            Line::Outcome(claim) => {
                let (source, says) = (claim.source()?, claim.says()?);
                let Claim { market, trust, at_ms, .. } = claim;
                let word = Judged { market, source, says, trust: trust.level() };
                self.tell(&word, Nanos::from_millis(at_ms), &mut tell)?;
            }
            Line::Rule(rule) => {
                self.books(&rule.market)?;
                self.judge.add(rule.checked()?)?;
            }
            Line::Price { trust, symbol, price, at_ms } => {
                let price = line::decimal(&price)?;
                let mut words = Vec::new();
                let result = self.judge.price(&symbol, price, at_ms, trust.level(), &mut words);
                self.tell_all(&words, Nanos::from_millis(at_ms), &mut tell)?;
                result?;
            }
            Line::Score { trust, game, home, away, is_over, at_ms } => {
                if is_over {
                    let words = self.judge.score(&game, home, away, trust.level());
                    self.tell_all(&words, Nanos::from_millis(at_ms), &mut tell)?;
                }
            }
            Line::Question { oracle, question, market } => {
                self.books(&market)?;
                let question = condition_of(&line::address(&oracle)?, &line::word(&question)?);
                if self.questions.len() >= QUESTIONS_MAX && !self.questions.contains_key(&question)
                {
                    return Err(NewsError::Full(QUESTIONS_MAX));
                }
                self.questions.insert(question, market);
            }
            Line::Log(log) => return self.log(&log, &mut tell),
        }
        Ok(true)
    }

    fn books(&self, market: &str) -> Result<&[(VenueId, BookId)], NewsError> {
        let known = self.markets.get(&market.to_lowercase()).map(Vec::as_slice);
        known.ok_or_else(|| NewsError::Market(market.to_owned()))
    }

    fn tell_all(
        &self,
        words: &[Judged],
        at: Nanos,
        tell: &mut impl FnMut(Dispatch),
    ) -> Result<(), NewsError> {
        words.iter().try_for_each(|word| self.tell(word, at, tell))
    }

    fn tell(
        &self,
        word: &Judged,
        at: Nanos,
        tell: &mut impl FnMut(Dispatch),
    ) -> Result<(), NewsError> {
        let Judged { source, says, trust, .. } = *word;
        for &(venue, book) in self.books(&word.market)? {
            tell(Dispatch { venue, steer: Steer::Said { book, source, says, trust, at } });
        }
        Ok(())
    }

    /// A log of the chain. A block that is taken back takes back what it said; what is said of a request
    /// that nobody waits for any more is passed over.
    fn log(&mut self, log: &Log, tell: &mut impl FnMut(Dispatch)) -> Result<bool, NewsError> {
        let Some(said) = self.chain.decode(&log.address, &log.topics, &log.data)? else {
            return Ok(false);
        };
        let condition = line::hex(&said.condition);
        let named = self.questions.get(&said.condition);
        // What the chain says of a market that is followed is that market's, whatever a line names.
        let (market, is_request) = match named {
            Some(market) if !self.markets.contains_key(&condition) => (market.clone(), true),
            Some(_) | None => (condition, false),
        };
        self.books(&market)?;
        if !log.removed && !self.requests.count(&said) {
            return Ok(false);
        }
        let (source, says) = match said.event {
            Event::Paid(payout) => (Source::Chain, last_word(payout, is_request)),
            Event::Answered(payout) => (Source::Oracle, last_word(payout, is_request)),
            Event::Settled(payout) => (Source::Oracle, Says::Decided(verdict(payout))),
            Event::Proposed { payout, .. } => (Source::Oracle, Says::Proposed(verdict(payout))),
            Event::Doubted => (Source::Oracle, Says::Disputed),
            Event::Reset => (Source::Oracle, Says::Reset),
        };
        let says = if log.removed { Says::Reset } else { says };
        let word = Judged { market, source, says, trust: Trust::Final };
        self.tell(&word, Nanos::ZERO, tell)?;
        Ok(true)
    }
}

/// What is answered to a request is not the market's yet: its own oracle reports next.
const fn last_word(payout: Payout, is_request: bool) -> Says {
    if is_request { Says::Decided(verdict(payout)) } else { Says::Final(verdict(payout)) }
}

const fn verdict(payout: Payout) -> Verdict {
    match payout {
        Payout::Yes => Verdict::Pays(Face::Yes),
        Payout::No => Verdict::Pays(Face::No),
        Payout::Split => Verdict::Split,
    }
}

#[cfg(test)]
mod tests;
