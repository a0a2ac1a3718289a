//! The frames of the channels that only one member hears.

use dutchbook_book::{Nanos, QtyChange};
use serde_json::{Map, Value, json};

use super::super::matching::OwnerId;
use super::super::text::{Count2, Dollars4, Rfc3339};
use super::frames::Said;
use super::ledger::Position;
use super::number::{Dollars, Dollars6, Signed2};
use super::orders::{FillRecord, Order};
use super::portfolio::{self_trade_name, six};
use super::public::names;
use super::session::Channel;

fn said(channel: Channel, kind: &'static str, owner: OwnerId, body: &Value) -> Said {
    let (body, body_yes_price) = (body.to_string(), String::new());
    Said { channel, kind, book: None, to: Some(owner), body, body_yes_price, own: None }
}

/// A member's side of a match.
pub(super) fn fill(owner: OwnerId, ticker: &str, fill: &FillRecord, after: QtyChange) -> Said {
    let (outcome, side) = names(fill.side);
    let body = json!({
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "client_order_id": fill.client_order_id,
        "market_ticker": ticker,
        "exchange_index": 0,
        "is_taker": fill.is_taker,
        "side": outcome,
        "yes_price_dollars": Dollars4(fill.price).to_string(),
        "count_fp": Count2(fill.qty).to_string(),
        "fee_cost": Dollars6(fill.fee).to_string(),
        "action": "buy",
        "ts": fill.at.0 / 1_000_000_000,
        "ts_ms": fill.at.millis(),
        "post_position_fp": Signed2(after).to_string(),
        "purchased_side": outcome,
        "outcome_side": outcome,
        "book_side": side,
        "subaccount": 0,
    });
    let frame = said(Channel::Fills, "fill", owner, &body);
    Said { book: Some(fill.book), ..frame }
}

/// An order as it is after a change.
pub(super) fn order(user_id: &str, ticker: &str, order: &Order) -> Said {
    let (outcome, side) = names(order.side);
    let mut body = json!({
        "order_id": order.id,
        "user_id": user_id,
        "ticker": ticker,
        "exchange_index": 0,
        "status": order.status.name(),
        "side": outcome,
        "is_yes": outcome == "yes",
        "outcome_side": outcome,
        "book_side": side,
        "yes_price_dollars": Dollars4(order.price).to_string(),
        "fill_count_fp": Count2(order.filled).to_string(),
        "remaining_count_fp": Count2(order.remaining).to_string(),
        "initial_count_fp": Count2(order.initial).to_string(),
        "taker_fill_cost_dollars": six(order.taker_cost),
        "maker_fill_cost_dollars": six(order.maker_cost),
        "taker_fees_dollars": Dollars6(order.taker_fees).to_string(),
        "maker_fees_dollars": Dollars6(order.maker_fees).to_string(),
        "client_order_id": order.client_order_id,
    });
    if let Some(map) = body.as_object_mut() {
        put_times(map, order);
    }
    let frame = said(Channel::Orders, "user_order", order.owner, &body);
    Said { book: Some(order.book), ..frame }
}

fn put_times(map: &mut Map<String, Value>, order: &Order) {
    let mut put = |key: &str, value: Value| {
        map.insert(key.to_owned(), value);
    };
    if let Some(group) = &order.group {
        put("order_group_id", group.as_str().into());
    }
    put("self_trade_prevention_type", self_trade_name(order.self_trade).into());
    put("created_time", Rfc3339(order.created).to_string().into());
    put("created_ts_ms", order.created.millis().into());
    if let Some(at) = order.expires_at {
        put("expiration_ts_ms", at.millis().into());
    }
    if let Some(reason) = order.reason {
        put("last_update_reason", reason.name().into());
    }
    put("last_updated_ts_ms", order.updated.millis().into());
    put("subaccount_number", 0.into());
}

/// A position after a change.
pub(super) fn position(
    owner: OwnerId,
    user_id: &str,
    ticker: &str,
    at: (dutchbook_book::BookId, &Position),
) -> Said {
    let (book, position) = at;
    let four =
        |exact: dutchbook_book::Exact| Dollars(exact.cash_ceil().unwrap_or_default()).to_string();
    let body = json!({
        "user_id": user_id,
        "market_ticker": ticker,
        "position_fp": Signed2(position.net).to_string(),
        "position_cost_dollars": four(position.cost),
        "realized_pnl_dollars": four(position.realized),
        "fees_paid_dollars": four(position.fees),
        "position_fee_cost_dollars": four(position.fees),
        "volume_fp": Count2(position.volume).to_string(),
    });
    let frame = said(Channel::Positions, "market_position", owner, &body);
    Said { book: Some(book), ..frame }
}

/// Something that happened to an order group.
pub(super) fn group(
    owner: OwnerId,
    id: &str,
    event: &str,
    limit: Option<dutchbook_book::Qty>,
    now: Nanos,
) -> Said {
    let mut body = json!({ "event_type": event, "order_group_id": id });
    if let Some(map) = body.as_object_mut() {
        if let Some(limit) = limit {
            map.insert("contracts_limit_fp".to_owned(), Count2(limit).to_string().into());
        }
        map.insert("ts_ms".to_owned(), now.millis().into());
    }
    said(Channel::Groups, "order_group_updates", owner, &body)
}
