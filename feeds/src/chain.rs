//! Logs of the chain that say how a question is decided: the condition's payout, the oracle's proposals,
//! disputes and settlements, the adapter's resets and flags.
//!
//! A log is decoded by the contracts' published interfaces (`venues/polymarket.md`, sections 15 and 16):
//! words of 32 bytes, read exactly, nothing guessed. Which condition an oracle's question is follows from
//! the ids alone: the condition is the hash of its oracle, the question and the number of outcomes, so a
//! contract that only pretends to be the oracle names no condition that anybody trades. A proposal is
//! told by the optimistic oracle for its requester: of that contract two are known, and no other is heard.

use alloy_primitives::{Keccak256, hex, keccak256};

/// A word of the chain.
pub type Word = [u8; 32];

/// A contract or account of the chain.
pub type Address = [u8; 20];

/// The contract that holds every condition of Polymarket.
const CONDITIONAL_TOKENS: Address = hex!("4d97dcd97ec945f40cf65f87097ace5ea0476045");
/// The contracts that keep the adapters' requests: the first optimistic oracle of this interface, and the
/// managed one that newer adapters ask.
const OPTIMISTIC_ORACLES: [Address; 2] = [
    hex!("ee3afe347d5c74317041e2618c49534daf887c24"),
    hex!("2c0367a9db231ddebd88a94b4f6461a6e47c58b1"),
];
/// The longest data that is read: ancillary data has a limit of 8 KiB.
const DATA_MAX: usize = 64 << 10;
/// One, as the oracle writes it.
const ONE: u128 = 1_000_000_000_000_000_000;
/// The oracle's "too early to say", the least number there is: who gets it asks anew.
const TOO_EARLY: Word = hex!("8000000000000000000000000000000000000000000000000000000000000000");

/// What a question's outcomes are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payout {
    /// The first outcome, YES.
    Yes,
    /// The second outcome, NO.
    No,
    /// Both, a half each.
    Split,
}

/// What a log says of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `ConditionResolution`: the payout is reported and can be redeemed.
    Paid(Payout),
    /// `QuestionResolved`, `QuestionManuallyResolved`, `OutcomeReported`: the adapter has reported it.
    Answered(Payout),
    /// `Settle`: the optimistic oracle has settled a request. Where the adapter waits for that very
    /// request, it reports next; one that was asked anew is settled too, and nobody asks for it.
    Settled(Payout),
    /// `ProposePrice`: somebody has bonded on an answer.
    Proposed {
        /// The answer.
        payout: Payout,
        /// When its challenge window ends, in seconds since the epoch.
        until: u64,
    },
    /// `DisputePrice`, `QuestionFlagged`, `QuestionPaused`, a proposal that it is too early to say: it is
    /// not sure any more.
    Doubted,
    /// `QuestionReset`, a `Settle` that it was too early: it is asked anew.
    Reset,
}

/// A decoded log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainLog {
    /// The condition, as a market is listed by it.
    pub condition: Word,
    /// The question as its oracle knows it. Of a neg-risk market the oracle knows a request, whose
    /// condition is another than the market's.
    pub question: Word,
    /// When the request was asked that the optimistic oracle speaks of, in seconds since the epoch: a
    /// question may be asked more than once. `None` of the other contracts.
    pub asked: Option<u64>,
    /// What is said.
    pub event: Event,
}

/// Why a log cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// An address, topic or the data is no hexadecimal number of its length.
    Hex,
    /// The data is longer than any log of these contracts.
    TooLong,
    /// The topics or the data are not those of the event.
    Shape,
    /// The payout is neither all, nothing nor a half: no book trades it as such.
    Payout,
    /// A payout, or a word on a request, that another contract than the one that makes them claims.
    Stranger,
}

impl core::fmt::Display for ChainError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Hex => "an address, topic or data is no hexadecimal number of its length",
            Self::TooLong => "the data is longer than any log of these contracts",
            Self::Shape => "topics or data do not have the shape of the event",
            Self::Payout => "the payout is neither all, nothing nor a half",
            Self::Stranger => "a payout or request by another contract than those that make them",
        })
    }
}

impl core::error::Error for ChainError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Paid,
    Resolved,
    ByHand,
    Outcome,
    Propose,
    Dispute,
    Settle,
    Doubted,
    Reset,
}

/// The events that are read, by their signatures.
const EVENTS: [(Kind, &str); 10] = [
    (Kind::Paid, "ConditionResolution(bytes32,address,bytes32,uint256,uint256[])"),
    (Kind::Resolved, "QuestionResolved(bytes32,int256,uint256[])"),
    (Kind::ByHand, "QuestionManuallyResolved(bytes32,uint256[])"),
    (Kind::Outcome, "OutcomeReported(bytes32,bytes32,bool)"),
    (Kind::Propose, "ProposePrice(address,address,bytes32,uint256,bytes,int256,uint256,address)"),
    (Kind::Dispute, "DisputePrice(address,address,address,bytes32,uint256,bytes,int256)"),
    (Kind::Settle, "Settle(address,address,address,bytes32,uint256,bytes,int256,uint256)"),
    (Kind::Doubted, "QuestionFlagged(bytes32)"),
    (Kind::Doubted, "QuestionPaused(bytes32)"),
    (Kind::Reset, "QuestionReset(bytes32)"),
];

/// Reads logs.
#[derive(Debug)]
pub struct ChainDecoder {
    topics: [(Kind, Word); EVENTS.len()],
    topic: [Word; 4],
    data: Vec<u8>,
}

impl Default for ChainDecoder {
    fn default() -> Self {
        let topics = EVENTS.map(|(kind, signature)| (kind, keccak256(signature.as_bytes()).0));
        Self { topics, topic: [[0; 32]; 4], data: Vec::new() }
    }
}

impl ChainDecoder {
    /// Reads a log as a node writes it: hexadecimal with `0x`. `None` where it is none of the events that
    /// say how a question is decided.
    ///
    /// # Errors
    /// When it has the topic of such an event and not its shape, or is no log at all.
    pub fn decode<T: AsRef<str>>(
        &mut self,
        address: &str,
        topics: &[T],
        data: &str,
    ) -> Result<Option<ChainLog>, ChainError> {
        let count = topics.len();
        if count > self.topic.len() {
            return Err(ChainError::Shape);
        }
        let (mut from, mut read) = ([0; 20], [[0; 32]; 4]);
        fill(address, &mut from)?;
        for (topic, word) in topics.iter().zip(&mut read) {
            fill(topic.as_ref(), word)?;
        }
        self.topic = read;
        let [first, ..] = read;
        let of = self.topics.iter().find(|(_, topic)| count > 0 && *topic == first);
        let Some(&(kind, _)) = of else { return Ok(None) };
        self.fill_data(data)?;
        self.read(kind, &from, count).map(Some)
    }

    fn fill_data(&mut self, text: &str) -> Result<(), ChainError> {
        let digits = text.strip_prefix("0x").ok_or(ChainError::Hex)?.as_bytes();
        if digits.len() > 2 * DATA_MAX {
            return Err(ChainError::TooLong);
        }
        self.data.clear();
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(ChainError::Hex) };
        for pair in pairs {
            self.data.push(byte(*pair)?);
        }
        Ok(())
    }

    fn read(&self, kind: Kind, from: &Address, topics: usize) -> Result<ChainLog, ChainError> {
        let [_, one, two, three] = self.topic;
        let wanted = match kind {
            Kind::Reset | Kind::Doubted | Kind::ByHand => 2,
            Kind::Resolved | Kind::Outcome | Kind::Propose => 3,
            Kind::Paid | Kind::Dispute | Kind::Settle => 4,
        };
        if topics != wanted {
            return Err(ChainError::Shape);
        }
        // The adapter that speaks is the oracle of the conditions that it asked for.
        let of = |question: Word, event| ChainLog {
            condition: condition_of(from, &question),
            question,
            asked: None,
            event,
        };
        Ok(match kind {
            Kind::Paid if *from != CONDITIONAL_TOKENS => return Err(ChainError::Stranger),
            Kind::Paid => {
                let payout = self.payouts(1)?;
                ChainLog {
                    condition: one,
                    question: three,
                    asked: None,
                    event: Event::Paid(payout),
                }
            }
            Kind::Resolved => {
                let (payout, stated) = (self.payouts(0)?, price(&two)?);
                // One log, two words for the same: they must not differ.
                if payout != stated {
                    return Err(ChainError::Payout);
                }
                of(one, Event::Answered(payout))
            }
            Kind::ByHand => of(one, Event::Answered(self.payouts(0)?)),
            Kind::Outcome => {
                let payout = match number(&self.word(0)?).ok_or(ChainError::Shape)? {
                    0 => Payout::No,
                    1 => Payout::Yes,
                    _ => return Err(ChainError::Shape),
                };
                of(two, Event::Answered(payout))
            }
            Kind::Doubted => of(one, Event::Doubted),
            Kind::Reset => of(one, Event::Reset),
            Kind::Propose | Kind::Dispute | Kind::Settle if !OPTIMISTIC_ORACLES.contains(from) => {
                return Err(ChainError::Stranger);
            }
            Kind::Propose | Kind::Dispute | Kind::Settle => self.request(kind, &one)?,
        })
    }

    /// A word of the optimistic oracle on a request: identifier, time, ancillary data, price. The adapter
    /// that asked knows the question by the hash of the ancillary data.
    fn request(&self, kind: Kind, requester: &Word) -> Result<ChainLog, ChainError> {
        let (padding, oracle) = requester.split_at(12);
        let oracle: &Address = oracle.try_into().map_err(|_| ChainError::Shape)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ChainError::Shape);
        }
        let asked = Some(self.seconds(1)?);
        let question = keccak256(self.bytes(2)?).0;
        let is_early = self.word(3)? == TOO_EARLY;
        let event = match kind {
            Kind::Propose if is_early => Event::Doubted,
            Kind::Propose => {
                Event::Proposed { payout: price(&self.word(3)?)?, until: self.seconds(4)? }
            }
            Kind::Settle if is_early => Event::Reset,
            Kind::Settle => Event::Settled(price(&self.word(3)?)?),
            Kind::Dispute
            | Kind::Paid
            | Kind::Resolved
            | Kind::ByHand
            | Kind::Outcome
            | Kind::Doubted
            | Kind::Reset => Event::Doubted,
        };
        Ok(ChainLog { condition: condition_of(oracle, &question), question, asked, event })
    }

    /// A word that is a moment, in seconds since the epoch.
    fn seconds(&self, index: usize) -> Result<u64, ChainError> {
        let seconds = number(&self.word(index)?).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.ok_or(ChainError::Shape)
    }

    fn word(&self, index: usize) -> Result<Word, ChainError> {
        let start = index.checked_mul(32).ok_or(ChainError::Shape)?;
        let rest = self.data.get(start..).ok_or(ChainError::Shape)?;
        rest.first_chunk::<32>().copied().ok_or(ChainError::Shape)
    }

    /// Where what a word points to begins: its length, and the byte behind that.
    fn pointed(&self, index: usize) -> Result<(usize, usize), ChainError> {
        let small = |word: &Word| {
            let number = number(word).and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number <= DATA_MAX).ok_or(ChainError::Shape)
        };
        let offset = small(&self.word(index)?)?;
        if offset % 32 != 0 {
            return Err(ChainError::Shape);
        }
        Ok((small(&self.word(offset / 32)?)?, offset + 32))
    }

    fn bytes(&self, index: usize) -> Result<&[u8], ChainError> {
        let (length, start) = self.pointed(index)?;
        self.data.get(start..start + length).ok_or(ChainError::Shape)
    }

    /// The payouts of two outcomes, in whatever unit they are reported.
    fn payouts(&self, index: usize) -> Result<Payout, ChainError> {
        let (length, start) = self.pointed(index)?;
        if length != 2 {
            return Err(ChainError::Payout);
        }
        let [yes, no] = [self.word(start / 32)?, self.word(start / 32 + 1)?];
        let is_zero = |word: &Word| word.iter().all(|byte| *byte == 0);
        match (is_zero(&yes), is_zero(&no)) {
            (false, true) => Ok(Payout::Yes),
            (true, false) => Ok(Payout::No),
            (false, false) if yes == no => Ok(Payout::Split),
            (true | false, _) => Err(ChainError::Payout),
        }
    }
}

/// A small number; `None` where it does not fit.
fn number(word: &Word) -> Option<u128> {
    let (high, low) = word.split_first_chunk::<16>()?;
    let low: [u8; 16] = low.try_into().ok()?;
    high.iter().all(|byte| *byte == 0).then(|| u128::from_be_bytes(low))
}

/// The oracle's answer: one, nothing or a half.
fn price(word: &Word) -> Result<Payout, ChainError> {
    match number(word) {
        Some(0) => Ok(Payout::No),
        Some(ONE) => Ok(Payout::Yes),
        Some(half) if half == ONE / 2 => Ok(Payout::Split),
        Some(_) | None => Err(ChainError::Payout),
    }
}

/// The condition of a question with two outcomes.
#[must_use]
pub fn condition_of(oracle: &Address, question: &Word) -> Word {
    let mut two = [0; 32];
    if let Some(last) = two.last_mut() {
        *last = 2;
    }
    let mut hash = Keccak256::new();
    hash.update(oracle);
    hash.update(question);
    hash.update(two);
    hash.finalize().0
}

fn fill(text: &str, room: &mut [u8]) -> Result<(), ChainError> {
    let digits = text.strip_prefix("0x").ok_or(ChainError::Hex)?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != room.len() {
        return Err(ChainError::Hex);
    }
    for (pair, byte_of) in pairs.iter().zip(room) {
        *byte_of = byte(*pair)?;
    }
    Ok(())
}

fn byte([high, low]: [u8; 2]) -> Result<u8, ChainError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (high, low) = digit(high).zip(digit(low)).ok_or(ChainError::Hex)?;
    Ok(high << 4 | low)
}

#[cfg(test)]
mod tests;
