//! What a match does: who gives and gets what, which trades it makes, and who hears of it.

use alloy_primitives::B256;
use dutchbook_book::fee::{Role, TEN_MICRO_DOLLAR};
use dutchbook_book::{BookId, Cash, Exact, Face, Nanos, Price, Qty, Side};

use super::super::floor::CLIENT_OWNERS_FROM;
use super::super::matching::{MatchEvent, OrderKey, OwnerId, Removal, RestingOrder};
use super::super::rng::mix;
use super::facts::outcome;
use super::ledger::{Cleared, Part};
use super::market_channel::taker_face;
use super::notices::NoticeKind;
use super::orders::{Order, OrderStatus};
use super::trades::{
    MakerFill, Party, Trade, TradeStatus, foreign_order_id, foreign_party, side_name,
    transaction_hash,
};
use super::user_channel::{OrderNews, Told, order_frame, trade_frame};
use super::venue::Venue;

/// What an agent of the flow pays in at a time, and how many sets it makes of that.
const AGENT_DEPOSIT: Cash = Cash::from_micro(1_000_000_000_000);
/// The sets are for selling.
const AGENT_SETS: u64 = 100_000;

/// The incoming order of an operation: a client's, or one of the flow's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Client(B256),
    Foreign,
}

/// One match as the book tells it, in YES terms.
#[derive(Clone, Copy, Debug)]
struct Met {
    price: Price,
    qty: Qty,
    taker_side: Side,
    taker: OwnerId,
    maker: OwnerId,
    taker_order: OrderKey,
    maker_order: OrderKey,
}

impl Met {
    const fn of(event: &MatchEvent) -> Option<Self> {
        match *event {
            MatchEvent::Trade {
                price,
                qty,
                taker_side,
                taker,
                maker,
                taker_order,
                maker_order,
            } => Some(Self { price, qty, taker_side, taker, maker, taker_order, maker_order }),
            MatchEvent::Removed { .. } | MatchEvent::Level { .. } => None,
        }
    }
}

/// A side of the YES token as a face shows it.
pub(super) const fn side_on(face: Face, side: Side) -> Side {
    match face {
        Face::Yes => side,
        Face::No => side.other(),
    }
}

/// A price of the YES token as a face shows it, and back.
pub(super) const fn price_on(face: Face, price: Price) -> Price {
    match face {
        Face::Yes => price,
        Face::No => price.complement(),
    }
}

const fn is_client(owner: OwnerId) -> bool {
    owner.0 >= CLIENT_OWNERS_FROM
}

fn dollars(qty: Qty) -> Cash {
    Cash::from_micro(i64::try_from(qty.micro()).unwrap_or(i64::MAX))
}

impl Venue {
    /// Works off what one operation did to a book. Returns the trades that it made.
    pub(super) fn clear(
        &mut self,
        book: BookId,
        events: &[MatchEvent],
        incoming: Incoming,
        now: Nanos,
    ) -> Vec<String> {
        let mut ids = Vec::new();
        let met: Vec<Met> = events.iter().filter_map(Met::of).collect();
        for (bucket, group) in met.chunk_by(|a, b| a.price == b.price).enumerate() {
            let (trade, cleared) = self.trade(book, group, incoming, bucket, now);
            for one in &cleared {
                self.ledger.hold(one);
            }
            let is_theirs = is_client(trade.taker.owner)
                || trade.fills.iter().any(|fill| is_client(fill.party.owner));
            self.last_trades.insert(book, (trade.face, trade.price, trade.side));
            if is_theirs {
                ids.push(trade.id.clone());
                self.trades.insert(trade.clone());
                self.tell_trade(&trade);
                self.tell_fills(&trade, now);
            } else {
                for one in &cleared {
                    self.ledger.settle(one);
                }
            }
        }
        for event in events {
            if let MatchEvent::Removed { key, order, why } = event {
                self.removed(book, *key, order, *why, now);
            }
        }
        ids
    }

    /// The trade of one incoming order with the resting ones of one price.
    fn trade(
        &mut self,
        book: BookId,
        group: &[Met],
        incoming: Incoming,
        bucket: usize,
        now: Nanos,
    ) -> (Trade, Vec<Cleared>) {
        let first = group.first();
        let taker_key = first.map_or(OrderKey::default(), |met| met.taker_order);
        let yes_price = first.map_or(Price::ZERO, |met| met.price);
        let taker_owner = first.map_or(OwnerId(0), |met| met.taker);
        let yes_side = first.map_or(Side::Buy, |met| met.taker_side);
        let (taker_order, taker, face) = match incoming {
            Incoming::Client(id) => {
                let order = self.orders.get(id);
                let face = order.map_or(Face::Yes, |order| order.face);
                (format!("{id:#x}"), self.party(taker_owner, Some(id)), face)
            }
            Incoming::Foreign => {
                let id = foreign_order_id(book, taker_key);
                (id, foreign_party(taker_owner), taker_face(taker_key))
            }
        };
        let mut fills = Vec::new();
        let mut total = Qty::ZERO;
        for met in group {
            total = total.checked_add(met.qty).unwrap_or(Qty::MAX);
            fills.push(self.fill(book, met, face));
        }
        let cleared: Vec<Cleared> = fills.iter().map(|fill| fill.cleared).collect();
        let id = self.trades.next_id(self.seed);
        let draw = mix(self.seed ^ id.bytes().fold(0, |sum, byte| mix(sum ^ u64::from(byte))));
        let will_fail = draw % 1_000_000 < u64::from(self.troubles.settlement_failure_ppm);
        self.struck.failed_settlements += u64::from(will_fail);
        let trade = Trade {
            id,
            book,
            taker_order,
            taker,
            face,
            side: side_on(face, yes_side),
            price: price_on(face, yes_price),
            qty: total,
            fills,
            status: TradeStatus::Matched,
            matched_at: now,
            updated_at: now,
            bucket,
            hash: transaction_hash(taker_key, book, yes_price),
            will_fail,
        };
        (trade, cleared)
    }

    /// One match: what either side gives and gets. A client's resting order moves what its signed
    /// amounts say; the other side moves the rest, so that no rounding is lost.
    fn fill(&mut self, book: BookId, met: &Met, taker_face: Face) -> MakerFill {
        let client = self.orders.at(book, met.maker_order);
        let named = client.and_then(|id| self.orders.get(id)).map(|order| order.face);
        let maker_face = named.unwrap_or_else(|| foreign_maker_face(met.maker_order));
        let maker_side = side_on(maker_face, met.taker_side.other());
        let maker_price = price_on(maker_face, met.price);
        let maker_cash = match client.and_then(|id| self.orders.get_mut(id)) {
            Some(order) => {
                let cash = order.fill_resting(met.qty);
                match order.side {
                    Side::Buy => self.ledger.reserve_cash(met.maker, -cash.micro()),
                    Side::Sell => {
                        let count = dollars(met.qty).micro();
                        self.ledger.reserve_qty(met.maker, order.instrument(), -count);
                    }
                }
                cash
            }
            None => Exact::product(maker_price, met.qty).cash_floor().unwrap_or(Cash::ZERO),
        };
        let taker_side = side_on(taker_face, met.taker_side);
        let taker_cash = if maker_face == taker_face {
            maker_cash
        } else {
            dollars(met.qty).checked_sub(maker_cash).unwrap_or(Cash::ZERO)
        };
        let taker_price = price_on(taker_face, met.price);
        let fee = self.fee(book, taker_side, taker_price, met.qty, taker_cash);
        let part = |owner, face, side, cash, fee| Part {
            owner,
            instrument: book.instrument(face),
            side,
            qty: met.qty,
            cash,
            fee,
        };
        let cleared = Cleared {
            taker: part(met.taker, taker_face, taker_side, taker_cash, fee),
            maker: part(met.maker, maker_face, maker_side, maker_cash, Cash::ZERO),
        };
        self.provide(&cleared.taker);
        self.provide(&cleared.maker);
        MakerFill {
            order_id: match client {
                Some(id) => format!("{id:#x}"),
                None => foreign_order_id(book, met.maker_order),
            },
            party: match client {
                Some(_) => self.party(met.maker, client),
                None => foreign_party(met.maker),
            },
            face: maker_face,
            side: maker_side,
            price: maker_price,
            cleared,
            client,
        }
    }

    /// What a taker pays the venue for one match. A seller never pays more than it gets.
    pub(super) fn fee(&self, book: BookId, side: Side, price: Price, qty: Qty, cash: Cash) -> Cash {
        let schedule = self.facts.market(book).map(|facts| facts.fee).unwrap_or_default();
        let raw = schedule.raw(Role::Taker, side, price, qty);
        let fee = raw.and_then(|raw| raw.round_to(TEN_MICRO_DOLLAR, self.fee_rounding));
        let fee = fee.and_then(Exact::cash_ceil).unwrap_or(Cash::ZERO);
        if side == Side::Sell { fee.min(cash) } else { fee }
    }

    /// Agents of the flow are accounts like all others, with a purse that is filled when it is
    /// empty: what is paid in is counted.
    fn provide(&mut self, part: &Part) {
        if is_client(part.owner) {
            return;
        }
        let needed = part.cash.checked_add(part.fee).unwrap_or(Cash::MAX);
        while self.ledger.free_cash(part.owner) < needed {
            self.ledger.deposit(part.owner, AGENT_DEPOSIT);
        }
        if part.side == Side::Sell && self.ledger.free_qty(part.owner, part.instrument) < part.qty {
            let sets = Qty::from_contracts(AGENT_SETS).unwrap_or(Qty::ONE).max(part.qty);
            self.ledger.deposit(part.owner, dollars(sets));
            self.ledger.split(part.owner, part.instrument.book(), sets);
        }
    }

    fn party(&self, owner: OwnerId, order: Option<B256>) -> Party {
        let order = order.and_then(|id| self.orders.get(id));
        match order {
            Some(order) => Party { owner, api_key: order.api_key.clone(), address: order.maker },
            None => foreign_party(owner),
        }
    }

    /// An order left its book without a match.
    fn removed(
        &mut self,
        book: BookId,
        key: OrderKey,
        rest: &RestingOrder,
        why: Removal,
        now: Nanos,
    ) {
        let Some(id) = self.orders.at(book, key) else { return };
        let status = match why {
            Removal::Cancelled | Removal::Replaced => self.cancel_reason,
            Removal::SelfTrade => "CANCELED_SELF_TRADE",
            Removal::Expired => "CANCELED_EXPIRED_ORDER",
            Removal::Closed => "CANCELED_MARKET_RESOLVED",
        };
        if let Some(order) = self.orders.get(id) {
            match order.side {
                Side::Buy => self.ledger.reserve_cash(rest.owner, -order.reserved()),
                Side::Sell => {
                    self.ledger.reserve_qty(rest.owner, order.instrument(), -order.reserved());
                }
            }
        }
        self.orders.end(id, OrderStatus::Cancelled(status));
        self.tell_order(id, OrderNews::Cancellation, now);
    }

    /// Tells the owners of resting orders that part of them matched, and ends those that are full.
    fn tell_fills(&mut self, trade: &Trade, now: Nanos) {
        for fill in &trade.fills {
            let Some(id) = fill.client else { continue };
            let Some(order) = self.orders.get_mut(id) else { continue };
            order.trades.push(trade.id.clone());
            if order.resting().is_zero() {
                self.orders.end(id, OrderStatus::Matched);
            }
            self.tell_order(id, OrderNews::Update, now);
        }
    }

    /// Tells the owner of an order what happened to it.
    pub(super) fn tell_order(&mut self, id: B256, news: OrderNews, now: Nanos) {
        let Some(order) = self.orders.get(id).cloned() else { return };
        match news {
            OrderNews::Placement => {}
            OrderNews::Update => self.note_order(&order, NoticeKind::Filled, now),
            OrderNews::Cancellation => self.note_order(&order, NoticeKind::Cancelled, now),
        }
        let Some(facts) = self.facts.market(order.book) else { return };
        let Some(holder) = self.people.holder(order.owner) else { return };
        let text = order_frame(&order, facts, news, now);
        self.outbox.push(Told { book: order.book, holder, text });
    }

    /// Notes in its owner's bell that an order was filled or cancelled.
    fn note_order(&mut self, order: &Order, kind: NoticeKind, now: Nanos) {
        let Some(facts) = self.facts.market(order.book) else { return };
        let Some(holder) = self.people.holder(order.owner) else { return };
        let trade = order.trades.last().and_then(|id| self.trades.get(id));
        let none = format!("{:#x}", B256::ZERO);
        let event = self.facts.event_of(facts).map_or("", |event| event.slug.as_str());
        let left = order.size.checked_sub(order.matched).unwrap_or(Qty::ZERO);
        let payload = format!(
            r#"{{"asset_id":"{}","condition_id":"{}","eventSlug":"{event}","icon":"","image":"","market":"{}","market_slug":"{}","matched_size":"{}","order_id":"{}","original_size":"{}","outcome":"{}","outcome_index":{},"owner":"{}","price":"{}","question":{},"remaining_size":"{left}","seriesSlug":"","side":"{}","trade_id":"{}","transaction_hash":"{}","type":"{}"}}"#,
            facts.token(order.face),
            facts.condition,
            facts.condition,
            facts.slug,
            order.matched,
            order.id_text(),
            order.size,
            outcome(order.face),
            u8::from(order.face == Face::No),
            order.api_key,
            order.price,
            serde_json::to_string(&facts.question).unwrap_or_default(),
            side_name(order.side),
            trade.map_or("", |trade| trade.id.as_str()),
            trade.map_or(none.as_str(), |trade| trade.hash.as_str()),
            order.order_type.name()
        );
        self.notices.add(holder, kind, payload, now);
    }

    /// Tells everyone in a trade where it is.
    pub(super) fn tell_trade(&mut self, trade: &Trade) {
        let Some(facts) = self.facts.market(trade.book) else { return };
        let mut told = Vec::new();
        let makers = trade.fills.iter().map(|fill| (&fill.party, "MAKER"));
        for (party, role) in core::iter::once((&trade.taker, "TAKER")).chain(makers) {
            let Some(holder) = self.people.holder(party.owner) else { continue };
            if told.contains(&holder) {
                continue;
            }
            told.push(holder);
            let text = trade_frame(trade, facts, &party.api_key, role);
            self.outbox.push(Told { book: trade.book, holder, text });
        }
    }

    /// A trade took its next step.
    pub(super) fn stepped(&mut self, before: TradeStatus, trade: &Trade) {
        for fill in &trade.fills {
            match (before, trade.status) {
                (TradeStatus::Matched, TradeStatus::Failed) => self.ledger.undo(&fill.cleared),
                (TradeStatus::Matched, TradeStatus::Mined) => self.ledger.settle(&fill.cleared),
                _ => {}
            }
        }
        self.tell_trade(trade);
    }
}

/// The token that a resting order of the flow names: drawn from its key, so that it stays.
fn foreign_maker_face(key: OrderKey) -> Face {
    if mix(key.bits() ^ 0x6d61_6b65) & 1 == 0 { Face::Yes } else { Face::No }
}
