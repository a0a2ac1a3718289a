//! Polymarket's ids of a scenario, derived as the venue derives them: a question has a condition, a
//! condition has two tokens.

use alloy_primitives::{Address, B256, address};
use dutchbook_book::{BookId, EventId};
use dutchbook_exec::venue::polymarket::ids::{condition_id, token_ids};

use super::super::rng::mix;

/// Who reports the results of plain markets, and of neg-risk markets.
const ORACLE: Address = address!("65070BE91477460D8A7AeEb94ef92fe056C2f2A7");
const NEG_RISK_ORACLE: Address = address!("d91E80cF2E7be2e162c6513ceD06f1dD0dA35296");

/// What a listing asks, as the venue's contracts know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: B256,
    /// The id that binds the questions of a neg-risk event.
    pub neg_risk: Option<B256>,
}

fn bytes(seed: u64) -> B256 {
    let mut id = B256::ZERO;
    let mut word = seed;
    for chunk in id.as_mut_slice().chunks_mut(8) {
        word = mix(word);
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    id
}

impl Question {
    /// A question that stands alone.
    pub(super) fn alone(seed: u64, book: BookId) -> Self {
        Self { id: bytes(mix(seed ^ 0x7175_6573) ^ u64::from(book.0)), neg_risk: None }
    }

    /// One question of a neg-risk event: they count on from its id, whose last byte is zero.
    pub(super) fn in_event(seed: u64, event: EventId, index: u8) -> Self {
        let mut market = bytes(mix(seed ^ 0x6e65_6772) ^ u64::from(event.0));
        let mut id = market;
        let last = market.as_slice().len() - 1;
        if let Some(byte) = market.as_mut_slice().get_mut(last) {
            *byte = 0;
        }
        if let Some(byte) = id.as_mut_slice().get_mut(last) {
            *byte = index;
        }
        Self { id, neg_risk: Some(market) }
    }

    /// The condition that its oracle answers.
    pub(super) fn condition(&self) -> B256 {
        let oracle = if self.neg_risk.is_some() { NEG_RISK_ORACLE } else { ORACLE };
        condition_id(oracle, self.id, 2)
    }

    /// The tokens of YES and NO, in decimal digits.
    pub(super) fn tokens(&self) -> [String; 2] {
        token_ids(self.condition(), self.neg_risk.is_some()).map(|token| token.to_string())
    }
}
