//! What a member owns and has placed, as REST shows it.

use std::collections::BTreeMap;

use dutchbook_book::{BookId, Cash, Exact, Nanos, Qty, QtyChange, Side};
use serde_json::{Value, json};

use super::super::matching::{OwnerId, SelfTrade};
use super::super::text::{Count2, Dollars4, Rfc3339};
use super::super::world;
use super::ledger::{Ledger, Payout, Position};
use super::listed::Listed;
use super::number::{Balance4, Dollars6, Signed2};
use super::orders::{FillRecord, Order, Orders};
use super::public::names;
use super::query::{Query, page};
use super::refusal::Refusal;

/// The self-trade prevention that an order asked for.
pub(super) const fn self_trade_name(self_trade: SelfTrade) -> &'static str {
    match self_trade {
        SelfTrade::CancelTaker => "taker_at_cross",
        SelfTrade::CancelMaker => "maker",
    }
}

/// Money for the eye: costs round up.
pub(super) fn six(amount: Exact) -> String {
    Dollars6(amount.cash_ceil().unwrap_or(Cash::MAX)).to_string()
}

/// A market that paid out, as a member sees it.
#[derive(Clone, Debug)]
pub(super) struct Settlement {
    pub(super) number: u64,
    pub(super) book: BookId,
    pub(super) yes: bool,
    pub(super) payout: Payout,
    pub(super) at: Nanos,
}

/// What a read of one member's data looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own<'a> {
    pub(super) owner: OwnerId,
    pub(super) user_id: &'a str,
    pub(super) listed: &'a Listed,
    pub(super) ledger: &'a Ledger,
    pub(super) orders: &'a Orders,
    pub(super) settlements: &'a [Settlement],
    pub(super) markets: &'a [world::Market],
    /// What the resting orders hold back.
    pub(super) reserved: Cash,
}

/// Filters that most lists share.
#[derive(Debug)]
struct Filter<'a> {
    tickers: Option<Vec<&'a str>>,
    events: Option<Vec<&'a str>>,
    min: Option<u64>,
    max: Option<u64>,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query) -> Result<Self, Refusal> {
        Ok(Self {
            tickers: query.list("ticker"),
            events: query.list("event_ticker"),
            min: query.secs("min_ts")?,
            max: query.secs("max_ts")?,
        })
    }

    fn holds(&self, listed: &Listed, book: BookId, at: Nanos) -> bool {
        let secs = at.0 / 1_000_000_000;
        let Some(market) = listed.get(book) else { return false };
        let among = |list: &Option<Vec<&str>>, name: &str| {
            list.as_ref().is_none_or(|list| list.contains(&name))
        };
        among(&self.tickers, &market.ticker)
            && among(&self.events, &market.event)
            && self.min.is_none_or(|min| secs >= min)
            && self.max.is_none_or(|max| secs <= max)
    }
}

/// Everything here lies in the first subaccount and on the first shard: others are empty.
pub(super) fn is_elsewhere(query: &Query) -> Result<bool, Refusal> {
    let subaccount = query.int("subaccount")?.unwrap_or(0);
    let shard = query.int("exchange_index")?.unwrap_or(0);
    Ok(subaccount != 0 || shard > 0)
}

impl Own<'_> {
    /// An order in full.
    pub(super) fn order(&self, order: &Order) -> Value {
        let (outcome, side) = names(order.side);
        let mut value = json!({
            "action": "buy",
            "book_side": side,
            "cancel_order_on_pause": order.cancels_on_pause,
            "client_order_id": order.client_order_id,
            "created_time": Rfc3339(order.created).to_string(),
            "exchange_index": 0,
            "fill_count_fp": Count2(order.filled).to_string(),
            "initial_count_fp": Count2(order.initial).to_string(),
            "last_update_time": Rfc3339(order.updated).to_string(),
            "maker_fees_dollars": Dollars6(order.maker_fees).to_string(),
            "maker_fill_cost_dollars": six(order.maker_cost),
            "no_price_dollars": Dollars4(order.price.complement()).to_string(),
            "order_id": order.id,
            "outcome_side": outcome,
            "remaining_count_fp": Count2(order.remaining).to_string(),
            "self_trade_prevention_type": self_trade_name(order.self_trade),
            "side": outcome,
            "status": order.status.name(),
            "subaccount_number": 0,
            "taker_fees_dollars": Dollars6(order.taker_fees).to_string(),
            "taker_fill_cost_dollars": six(order.taker_cost),
            "ticker": self.listed.ticker(order.book),
            "type": "limit",
            "user_id": self.user_id,
            "yes_price_dollars": Dollars4(order.price).to_string(),
        });
        if let Some(map) = value.as_object_mut() {
            if let Some(at) = order.expires_at {
                map.insert("expiration_time".to_owned(), Rfc3339(at).to_string().into());
            }
            if let Some(group) = &order.group {
                map.insert("order_group_id".to_owned(), group.as_str().into());
            }
        }
        value
    }

    /// `GET /portfolio/orders`, newest first.
    pub(super) fn get_orders(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(100, 1_000)?;
        let status = query.word("status", &["resting", "canceled", "executed"])?;
        let filter = Filter::of(query)?;
        let is_empty = is_elsewhere(query)?;
        let newest = self.orders.newest(self.owner, query.cursor());
        let rest = newest.filter(|order| {
            !is_empty
                && status.is_none_or(|word| word == order.status.name())
                && filter.holds(self.listed, order.book, order.created)
        });
        let page = page(rest.map(|order| (order.number, self.order(order))), limit);
        Ok(json!({ "cursor": page.cursor, "orders": page.entries }))
    }

    /// `GET /portfolio/orders/{id}`.
    pub(super) fn get_order(&self, id: &str) -> Result<Value, Refusal> {
        let order = self.orders.of_id(self.owner, id).ok_or_else(Refusal::not_found)?;
        Ok(json!({ "order": self.order(order) }))
    }

    /// Contracts that fill before an order at its price.
    fn ahead(&self, order: &Order) -> Qty {
        let Some(market) = self.markets.get(order.book.index()) else { return Qty::ZERO };
        let queue = market.book.queue_at(order.side, order.price);
        let before = queue.iter().take_while(|(key, _)| Some(*key) != order.key);
        before.fold(Qty::ZERO, |sum, (_, other)| sum.checked_add(other.qty).unwrap_or(sum))
    }

    /// `GET /portfolio/orders/{id}/queue_position`.
    pub(super) fn get_queue_position(&self, id: &str) -> Result<Value, Refusal> {
        let order = self.orders.of_id(self.owner, id).filter(|order| order.is_resting());
        let ahead = self.ahead(order.ok_or_else(Refusal::not_found)?);
        Ok(json!({ "queue_position_fp": Count2(ahead).to_string() }))
    }

    /// `GET /portfolio/orders/queue_positions`.
    pub(super) fn get_queue_positions(&self, query: &Query) -> Result<Value, Refusal> {
        let (tickers, event) = (query.list("market_tickers"), query.text("event_ticker"));
        let is_empty = is_elsewhere(query)?;
        if tickers.is_none() && event.is_none() {
            return Err(Refusal::bad_request("market_tickers or event_ticker is required"));
        }
        let resting = self.orders.resting(self.owner).filter(|order| {
            let market = self.listed.get(order.book);
            !is_empty
                && market.is_some_and(|market| {
                    let named =
                        tickers.as_ref().is_none_or(|list| list.contains(&market.ticker.as_str()));
                    named && event.is_none_or(|event| event == market.event)
                })
        });
        let each = resting.map(|order| {
            json!({
                "market_ticker": self.listed.ticker(order.book),
                "order_id": order.id,
                "queue_position_fp": Count2(self.ahead(order)).to_string(),
            })
        });
        Ok(json!({ "queue_positions": each.collect::<Vec<_>>() }))
    }

    /// `GET /portfolio/fills`, newest first.
    pub(super) fn get_fills(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(100, 1_000)?;
        let (before, filter) = (query.cursor(), Filter::of(query)?);
        let order = query.text("order_id");
        let is_empty = is_elsewhere(query)?;
        let rest = self.orders.fills(self.owner).filter(|fill| {
            !is_empty
                && before.is_none_or(|before| fill.number < before)
                && order.is_none_or(|id| id == fill.order_id)
                && filter.holds(self.listed, fill.book, fill.at)
        });
        let page = page(rest.map(|fill| (fill.number, self.fill(fill))), limit);
        Ok(json!({ "cursor": page.cursor, "fills": page.entries }))
    }

    fn fill(&self, fill: &FillRecord) -> Value {
        let (outcome, side) = names(fill.side);
        let ticker = self.listed.ticker(fill.book);
        json!({
            "action": "buy",
            "book_side": side,
            "count_fp": Count2(fill.qty).to_string(),
            "created_time": Rfc3339(fill.at).to_string(),
            "exchange_index": 0,
            "fee_cost": Dollars6(fill.fee).to_string(),
            "fill_id": fill.trade_id,
            "is_taker": fill.is_taker,
            "market_ticker": ticker,
            "no_price_dollars": Dollars4(fill.price.complement()).to_string(),
            "order_id": fill.order_id,
            "outcome_side": outcome,
            "side": outcome,
            "subaccount_number": 0,
            "ticker": ticker,
            "trade_id": fill.trade_id,
            "ts": fill.at.0 / 1_000_000_000,
            "yes_price_dollars": Dollars4(fill.price).to_string(),
        })
    }

    fn positions(&self) -> impl Iterator<Item = (BookId, &Position)> {
        let holding = self.ledger.holding(self.owner);
        holding.into_iter().flat_map(|holding| &holding.positions).map(|(book, p)| (*book, p))
    }

    /// `GET /portfolio/positions`.
    pub(super) fn get_positions(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(100, 1_000)?;
        let words = ["unsettled", "settled", "all"];
        let status = query.word("settlement_status", &words)?.unwrap_or("unsettled");
        let counts = query.list("count_filter").unwrap_or_default();
        let (after, filter, is_empty) = (query.cursor(), Filter::of(query)?, is_elsewhere(query)?);
        let wanted = |book: BookId, position: &Position| {
            !is_empty
                && filter.holds(self.listed, book, position.updated)
                && (status == "all" || position.is_settled == (status == "settled"))
                && (!counts.contains(&"position") || position.net != QtyChange::default())
                && (!counts.contains(&"total_traded") || position.traded != Exact::ZERO)
        };
        let shown: Vec<(BookId, &Position)> =
            self.positions().filter(|(book, position)| wanted(*book, position)).collect();
        let numbered = shown.iter().map(|(book, position)| (u64::from(book.0), (*book, *position)));
        let rest = numbered.filter(|(number, _)| after.is_none_or(|after| *number > after));
        let rest = rest.map(|(number, (book, position))| (number, self.position(book, position)));
        let page = page(rest, limit);
        let mut events: BTreeMap<&str, Position> = BTreeMap::new();
        for (book, position) in &shown {
            let Some(market) = self.listed.get(*book) else { continue };
            let sum = events.entry(market.event.as_str()).or_default();
            let add = |left: Exact, right: Exact| left.checked_add(right).unwrap_or(left);
            sum.cost = add(sum.cost, position.cost);
            sum.traded = add(sum.traded, position.traded);
            sum.realized = add(sum.realized, position.realized);
            sum.fees = add(sum.fees, position.fees);
            sum.volume = sum.volume.checked_add(position.volume).unwrap_or(sum.volume);
        }
        let events = events.into_iter().map(|(ticker, sum)| {
            json!({
                "event_exposure_dollars": six(sum.cost),
                "event_ticker": ticker,
                "fees_paid_dollars": six(sum.fees),
                "realized_pnl_dollars": six(sum.realized),
                "total_cost_dollars": six(sum.traded),
                "total_cost_shares_fp": Count2(sum.volume).to_string(),
            })
        });
        Ok(json!({
            "cursor": page.cursor,
            "event_positions": events.collect::<Vec<_>>(),
            "market_positions": page.entries,
        }))
    }

    fn position(&self, book: BookId, position: &Position) -> Value {
        let resting = self.orders.resting(self.owner).filter(|order| order.book == book).count();
        json!({
            "exchange_index": 0,
            "fees_paid_dollars": six(position.fees),
            "last_updated_ts": Rfc3339(position.updated).to_string(),
            "market_exposure_dollars": six(position.cost),
            "position_fp": Signed2(position.net).to_string(),
            "realized_pnl_dollars": six(position.realized),
            "resting_orders_count": resting,
            "ticker": self.listed.ticker(book),
            "total_traded_dollars": six(position.traded),
        })
    }

    /// `GET /portfolio/settlements`, newest first.
    pub(super) fn get_settlements(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(100, 1_000)?;
        let (before, filter, is_empty) = (query.cursor(), Filter::of(query)?, is_elsewhere(query)?);
        let rest = self.settlements.iter().rev().filter(|one| {
            !is_empty
                && before.is_none_or(|before| one.number < before)
                && filter.holds(self.listed, one.book, one.at)
        });
        let page = page(rest.map(|one| (one.number, self.settlement(one))), limit);
        Ok(json!({ "cursor": page.cursor, "settlements": page.entries }))
    }

    fn settlement(&self, one: &Settlement) -> Value {
        let position = &one.payout.position;
        let held = position.held();
        let is_yes = position.net.micro() > 0;
        let [yes, no] = if is_yes { [held, Qty::ZERO] } else { [Qty::ZERO, held] };
        let [yes_cost, no_cost] =
            if is_yes { [position.cost, Exact::ZERO] } else { [Exact::ZERO, position.cost] };
        let market = self.listed.get(one.book);
        json!({
            "event_ticker": market.map_or("", |market| market.event.as_str()),
            "exchange_index": 0,
            "fee_cost": six(position.fees),
            "market_result": if one.yes { "yes" } else { "no" },
            "no_count_fp": Count2(no).to_string(),
            "no_total_cost_dollars": six(no_cost),
            "revenue": one.payout.revenue.micro() / 10_000,
            "settled_time": Rfc3339(one.at).to_string(),
            "ticker": self.listed.ticker(one.book),
            "value": if one.yes { 100 } else { 0 },
            "yes_count_fp": Count2(yes).to_string(),
            "yes_total_cost_dollars": six(yes_cost),
        })
    }

    /// `GET /portfolio/balance`: what is free to trade with.
    pub(super) fn get_balance(&self, query: &Query) -> Result<Value, Refusal> {
        let holding = self.ledger.holding(self.owner);
        let is_empty = is_elsewhere(query)?;
        let cash = holding.map_or(Cash::ZERO, |holding| holding.cash);
        let free = cash.checked_sub(self.reserved).unwrap_or(Cash::ZERO);
        let free = if is_empty { Cash::ZERO } else { free };
        let held = self.positions().fold(Exact::ZERO, |sum, (book, position)| {
            sum.checked_add(self.value(book, position)).unwrap_or(sum)
        });
        let held = if is_empty { Cash::ZERO } else { held.cash_floor().unwrap_or(Cash::ZERO) };
        let text = Balance4(free).to_string();
        Ok(json!({
            "balance": free.micro().div_euclid(10_000),
            "balance_breakdown": [{ "balance": text, "exchange_index": 0 }],
            "balance_dollars": text,
            "portfolio_value": held.micro().div_euclid(10_000),
            "updated_ts": holding.map_or(0, |holding| holding.updated.0 / 1_000_000_000),
        }))
    }

    /// What a position would bring at the best bid for it.
    fn value(&self, book: BookId, position: &Position) -> Exact {
        let Some(market) = self.markets.get(book.index()) else { return Exact::ZERO };
        let is_yes = position.net.micro() > 0;
        let result = self.listed.get(book).and_then(|market| market.life.result());
        let side = if is_yes { Side::Buy } else { Side::Sell };
        let price = match (result, market.book.best(side)) {
            (Some(yes), _) if yes == is_yes => dutchbook_book::Price::ONE,
            (None, Some(level)) if is_yes => level.price,
            (None, Some(level)) => level.price.complement(),
            (Some(_) | None, _) => return Exact::ZERO,
        };
        Exact::product(price, position.held())
    }

    /// `GET /portfolio/subaccounts/balances`: there is the first one only.
    pub(super) fn get_subaccount_balances(&self) -> Value {
        let holding = self.ledger.holding(self.owner);
        let cash = holding.map_or(Cash::ZERO, |holding| holding.cash);
        let free = cash.checked_sub(self.reserved).unwrap_or(Cash::ZERO);
        json!({ "subaccount_balances": [{
            "balance": Balance4(free).to_string(),
            "exchange_index": 0,
            "subaccount_number": 0,
            "updated_ts": holding.map_or(0, |holding| holding.updated.0 / 1_000_000_000),
        }] })
    }

    /// `GET /portfolio/summary/total_resting_order_value`.
    pub(super) fn get_resting_value(&self) -> Value {
        let each = self.orders.resting(self.owner).map(|order| {
            let price = match order.side {
                Side::Buy => order.price,
                Side::Sell => order.price.complement(),
            };
            Exact::product(price, order.remaining)
        });
        let sum = each.fold(Exact::ZERO, |sum, one| sum.checked_add(one).unwrap_or(sum));
        let sum = sum.cash_ceil().unwrap_or(Cash::MAX);
        json!({
            "resting_order_value_breakdown": [
                { "balance": Balance4(sum).to_string(), "exchange_index": 0 },
            ],
            "total_resting_order_value": sum.micro() / 10_000,
        })
    }
}
