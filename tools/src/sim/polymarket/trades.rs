//! Trades of clients and their way over the chain: matched, mined, confirmed, or failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, B256};
use dutchbook_book::{BookId, Face, Nanos, Price, Qty, Side};

use super::super::matching::{OrderKey, OwnerId};
use super::super::rng::mix;
use super::super::text::{hex, put, uuid};
use super::facts::{MarketFacts, outcome};
use super::ledger::Cleared;

/// How many trades stay readable; the oldest of those that are over are forgotten.
const TRADES_MAX: usize = 50_000;

/// Where a trade is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TradeStatus {
    /// The orders met; nothing is on the chain yet.
    Matched,
    /// In a block.
    Mined,
    /// Final and good.
    Confirmed,
    /// Final and void.
    Failed,
}

impl TradeStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Matched => "MATCHED",
            Self::Mined => "MINED",
            Self::Confirmed => "CONFIRMED",
            Self::Failed => "FAILED",
        }
    }
}

/// Who stands behind an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) owner: OwnerId,
    pub(super) api_key: String,
    pub(super) address: Address,
}

/// The part of one resting order in a trade.
#[derive(Clone, Debug)]
pub(super) struct MakerFill {
    pub(super) order_id: String,
    pub(super) party: Party,
    pub(super) face: Face,
    pub(super) side: Side,
    /// Of the token that the resting order named.
    pub(super) price: Price,
    pub(super) cleared: Cleared,
    /// The order, where it is a client's.
    pub(super) client: Option<B256>,
}

/// One incoming order against the resting ones of one price.
#[derive(Clone, Debug)]
pub(super) struct Trade {
    pub(super) id: String,
    pub(super) book: BookId,
    pub(super) taker_order: String,
    pub(super) taker: Party,
    pub(super) face: Face,
    pub(super) side: Side,
    /// Of the token that the incoming order named.
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) fills: Vec<MakerFill>,
    pub(super) status: TradeStatus,
    pub(super) matched_at: Nanos,
    pub(super) updated_at: Nanos,
    pub(super) bucket: usize,
    pub(super) hash: String,
    pub(super) will_fail: bool,
}

/// The hash of the transaction that settles what an order met at one price: the public channel and
/// the trade's own record print the same.
pub(in super::super) fn transaction_hash(
    taker_order: OrderKey,
    book: BookId,
    price: Price,
) -> String {
    let place = u64::from(book.0) << 32 | u64::from(price.micro());
    let mut text = String::from("0x");
    hex(&mut text, mix(taker_order.bits() ^ mix(place)), 64);
    text
}

/// What an order that is not a client's is called by.
pub(super) fn foreign_order_id(book: BookId, key: OrderKey) -> String {
    let mut text = String::from("0x");
    hex(&mut text, mix(key.bits() ^ mix(u64::from(book.0) ^ 0x6f72_6465)), 64);
    text
}

/// What an account that is not a client's is called by.
pub(super) fn foreign_party(owner: OwnerId) -> Party {
    let seed = mix(u64::from(owner.0) ^ 0x0061_6765_6e74);
    let mut digits = String::new();
    hex(&mut digits, seed, 40);
    let address = digits.parse().unwrap_or(Address::ZERO);
    Party { owner, api_key: uuid(mix(seed)), address }
}

pub(super) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

impl Trade {
    /// Whether one of these accounts is in it, and on which side.
    pub(super) fn role_of(&self, owners: &[OwnerId]) -> Option<&'static str> {
        if owners.contains(&self.taker.owner) {
            return Some("TAKER");
        }
        let is_mine = |fill: &MakerFill| owners.contains(&fill.party.owner);
        self.fills.iter().any(is_mine).then_some("MAKER")
    }

    /// The API key with which one of these accounts is in it.
    fn key_of(&self, owners: &[OwnerId]) -> &str {
        if owners.contains(&self.taker.owner) {
            return &self.taker.api_key;
        }
        let mine = self.fills.iter().find(|fill| owners.contains(&fill.party.owner));
        mine.map_or("", |fill| fill.party.api_key.as_str())
    }

    /// The address of the transaction, once there is one.
    pub(super) fn chain_hash(&self) -> &str {
        match self.status {
            TradeStatus::Mined | TradeStatus::Confirmed => &self.hash,
            TradeStatus::Matched | TradeStatus::Failed => "",
        }
    }

    /// The trade as REST shows it to one of its accounts.
    pub(super) fn put_rest(&self, out: &mut String, facts: &MarketFacts, owners: &[OwnerId]) {
        let secs = |at: Nanos| at.0 / 1_000_000_000;
        put!(
            *out,
            r#"{{"id":"{}","taker_order_id":"{}","market":"{}","asset_id":"{}","side":"{}","size":"{}","fee_rate_bps":"0","price":"{}","status":"{}","match_time":"{}","last_update":"{}","outcome":"{}","bucket_index":{},"owner":"{}","maker_address":"{}","transaction_hash":"{}","trader_side":"{}","maker_orders":["#,
            self.id,
            self.taker_order,
            facts.condition,
            facts.token(self.face),
            side_name(self.side),
            self.qty,
            self.price,
            self.status.name(),
            secs(self.matched_at),
            secs(self.updated_at),
            outcome(self.face),
            self.bucket,
            self.key_of(owners),
            self.taker.address,
            self.chain_hash(),
            self.role_of(owners).unwrap_or("")
        );
        self.put_makers(out, facts);
        out.push_str("]}");
    }

    /// The resting orders in it, as REST and the user channel print them.
    pub(super) fn put_makers(&self, out: &mut String, facts: &MarketFacts) {
        for (index, fill) in self.fills.iter().enumerate() {
            let between = if index == 0 { "" } else { "," };
            put!(
                *out,
                r#"{between}{{"order_id":"{}","owner":"{}","maker_address":"{}","matched_amount":"{}","price":"{}","fee_rate_bps":"0","asset_id":"{}","outcome":"{}","side":"{}"}}"#,
                fill.order_id,
                fill.party.api_key,
                fill.party.address,
                fill.cleared.maker.qty,
                fill.price,
                facts.token(fill.face),
                outcome(fill.face),
                side_name(fill.side)
            );
        }
    }

    /// When the next step of its way comes after this one: a part of a second to two, drawn from
    /// its id, so that every trade is confirmed within five seconds.
    fn wait(&self) -> Nanos {
        let drawn = self.id.bytes().fold(0, |sum, byte| mix(sum ^ u64::from(byte)));
        let drawn = mix(drawn ^ self.updated_at.0);
        match self.status {
            TradeStatus::Matched => Nanos::from_millis(400 + drawn % 800),
            TradeStatus::Mined | TradeStatus::Confirmed | TradeStatus::Failed => {
                Nanos::from_millis(500 + drawn % 1_300)
            }
        }
    }
}

/// All trades of clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Trades {
    by_id: BTreeMap<String, Trade>,
    /// Oldest first.
    sequence: VecDeque<String>,
    due: BTreeSet<(Nanos, String)>,
    count: u64,
}

impl Trades {
    /// An id that no trade had before.
    pub(super) fn next_id(&mut self, seed: u64) -> String {
        self.count += 1;
        uuid(mix(seed ^ mix(self.count ^ 0x7472_6164)))
    }

    pub(super) fn insert(&mut self, trade: Trade) {
        self.due.insert((trade.updated_at.plus(trade.wait()), trade.id.clone()));
        self.sequence.push_back(trade.id.clone());
        self.by_id.insert(trade.id.clone(), trade);
        if self.sequence.len() > TRADES_MAX
            && let Some(oldest) = self.sequence.pop_front()
        {
            let is_over = |trade: &Trade| {
                matches!(trade.status, TradeStatus::Confirmed | TradeStatus::Failed)
            };
            if self.by_id.get(&oldest).is_some_and(is_over) {
                self.by_id.remove(&oldest);
            }
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Trade> {
        self.by_id.get(id)
    }

    /// Newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Trade> {
        self.sequence.iter().rev().filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn next_at(&self) -> Option<Nanos> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next step of the trade that is due first, if one is due by `now`: its state before, and
    /// the trade after it.
    pub(super) fn advance(&mut self, now: Nanos) -> Option<(TradeStatus, Trade)> {
        let (at, _) = self.due.first()?;
        if *at > now {
            return None;
        }
        let (_, id) = self.due.pop_first()?;
        self.step(&id, now)
    }

    /// The next step of a trade of a market that ends, before its time.
    pub(super) fn hurry(&mut self, book: BookId, now: Nanos) -> Option<(TradeStatus, Trade)> {
        let is_here = |entry: &&(Nanos, String)| {
            let trade = self.by_id.get(&entry.1);
            trade.is_some_and(|t| t.book == book && t.status == TradeStatus::Matched)
        };
        let entry = self.due.iter().find(is_here).cloned()?;
        self.due.remove(&entry);
        self.step(&entry.1, now)
    }

    fn step(&mut self, id: &str, now: Nanos) -> Option<(TradeStatus, Trade)> {
        let trade = self.by_id.get_mut(id)?;
        let before = trade.status;
        trade.status = match before {
            TradeStatus::Matched if trade.will_fail => TradeStatus::Failed,
            TradeStatus::Matched => TradeStatus::Mined,
            TradeStatus::Mined | TradeStatus::Confirmed => TradeStatus::Confirmed,
            TradeStatus::Failed => TradeStatus::Failed,
        };
        trade.updated_at = now;
        let trade = trade.clone();
        if trade.status == TradeStatus::Mined {
            self.due.insert((now.plus(trade.wait()), trade.id.clone()));
        }
        Some((before, trade))
    }
}
