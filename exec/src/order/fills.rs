//! The trades of one order: each counted once, settled or taken back once.

use dutchbook_book::{Exact, Price, Qty};
use sha2::{Digest, Sha256};

use super::live::Contradictions;
use crate::intent::Intent;

/// Most trades of one order that are kept. What comes beyond is in the venue's total only.
pub const FILLS_MAX: usize = 4_096;

/// A venue's id of a trade, folded to a number: equal texts give equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TradeKey(pub u128);

impl TradeKey {
    /// The key of an id as the venue writes it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        Self(hash.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes)))
    }
}

/// How far a trade's settlement has come. Each step can only be followed by a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settlement {
    /// Agreed, not settled: it may still be taken back.
    Provisional,
    /// On its way.
    Mined,
    /// Good for ever. Venues that settle at once say this at once.
    Confirmed,
    /// Taken back.
    Failed,
}

/// What is told of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillNews {
    /// Which trade.
    pub trade: TradeKey,
    /// At the price of the resting order.
    pub price: Price,
    /// Contracts.
    pub qty: Qty,
    /// What it costs beside the price.
    pub fee: Exact,
    /// How far it has come.
    pub settlement: Settlement,
}

/// What news of a trade does to our contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillChange {
    /// They are ours, provisionally or for good.
    Counted(FillNews),
    /// They are not ours after all.
    Reversed(FillNews),
    /// They are ours for good, and were counted before.
    Settled(FillNews),
}

/// The trades of one order.
#[derive(Clone, Debug, Default)]
pub(super) struct FillBook {
    /// By trade.
    fills: Vec<FillNews>,
    has_differing: bool,
    has_overflowed: bool,
}

impl FillBook {
    /// Takes news of a trade.
    pub(super) fn learn(&mut self, news: &FillNews) -> Option<FillChange> {
        match self.fills.binary_search_by_key(&news.trade, |fill| fill.trade) {
            Err(_) if self.fills.len() >= FILLS_MAX => {
                self.has_overflowed = true;
                None
            }
            Err(at) => {
                self.fills.insert(at, *news);
                (news.settlement != Settlement::Failed).then_some(FillChange::Counted(*news))
            }
            Ok(at) => {
                let fill = self.fills.get_mut(at)?;
                let before = fill.settlement;
                // Two contents under one id: what was counted first stays counted.
                if (fill.price, fill.qty, fill.fee) != (news.price, news.qty, news.fee) {
                    self.has_differing = true;
                }
                fill.settlement = before.max(news.settlement);
                match (before, fill.settlement) {
                    (before, after) if before == after => None,
                    (_, Settlement::Failed) => Some(FillChange::Reversed(*fill)),
                    (_, Settlement::Confirmed) => Some(FillChange::Settled(*fill)),
                    (_, Settlement::Provisional | Settlement::Mined) => None,
                }
            }
        }
    }

    /// Contracts of every trade, those taken back included.
    pub(super) fn known(&self) -> Qty {
        sum(self.fills.iter())
    }

    /// Contracts of the trades that were not taken back.
    pub(super) fn counted(&self) -> Qty {
        sum(self.good())
    }

    /// Price times quantity of those.
    pub(super) fn notional(&self) -> Exact {
        self.good().fold(Exact::ZERO, |sum, fill| {
            sum.checked_add(Exact::product(fill.price, fill.qty)).unwrap_or(sum)
        })
    }

    /// Fees of those.
    pub(super) fn fee(&self) -> Exact {
        self.good().fold(Exact::ZERO, |sum, fill| sum.checked_add(fill.fee).unwrap_or(sum))
    }

    /// Whether no trade can change any more.
    pub(super) fn is_settled(&self) -> bool {
        self.fills.iter().all(|fill| fill.settlement >= Settlement::Confirmed)
    }

    pub(super) fn contradictions(&self, intent: &Intent) -> Contradictions {
        let mut found = Contradictions::default();
        if self.fills.iter().any(|fill| !intent.is_within_limit(fill.price)) {
            found.add(Contradictions::PAST_LIMIT);
        }
        if self.has_differing {
            found.add(Contradictions::FILL_DIFFERS);
        }
        if self.has_overflowed {
            found.add(Contradictions::TOO_MANY_FILLS);
        }
        found
    }

    fn good(&self) -> impl Iterator<Item = &FillNews> {
        self.fills.iter().filter(|fill| fill.settlement != Settlement::Failed)
    }
}

/// Beyond the most that any order may hold, the most.
fn sum<'a>(fills: impl Iterator<Item = &'a FillNews>) -> Qty {
    fills.fold(Qty::ZERO, |sum, fill| sum.checked_add(fill.qty).unwrap_or(Qty::MAX))
}
