//! Which path leads where, who may go there, and what it costs.

use dutchbook_book::catalog::VenueKind;
use serde_json::Value;

use super::super::door::{HttpReply, HttpRequest};
use super::super::floor::Floor;
use super::super::matching::OwnerId;
use super::change::BATCH_MAX;
use super::discovery::Look;
use super::groups::limit_of;
use super::limits;
use super::portfolio::Own;
use super::public::{schedule, status, user_data_timestamp};
use super::query::{Body, Query};
use super::refusal::{Refusal, no_such_path, too_many_requests};
use super::venue::Venue;

const PREFIX: &str = "/trade-api/v2";
/// The largest body that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

type Answer = Result<(u16, Value), Refusal>;

/// Public calls, as their paths are cut.
fn is_public(method: &str, path: &[&str]) -> bool {
    let first = path.first().copied().unwrap_or("");
    method == "GET" && matches!(first, "series" | "events" | "markets" | "exchange")
}

/// The path as the list of costs has it: names for ids.
fn pattern(path: &[&str]) -> String {
    let named = match path {
        ["portfolio", "events", "orders", id, ..] if *id != "batched" => Some(3),
        ["portfolio", "orders", id, ..] if *id != "queue_positions" => Some(2),
        _ => None,
    };
    let parts = path.iter().enumerate().map(|(index, part)| match named {
        Some(at) if at == index => ":order_id",
        _ => part,
    });
    format!("{PREFIX}/{}", parts.collect::<Vec<_>>().join("/"))
}

/// Orders that a batch names, before anything else is looked at.
fn items(path: &[&str], body: &[u8]) -> usize {
    if path.last() != Some(&"batched") {
        return 0;
    }
    let orders = serde_json::from_slice::<Value>(body).ok();
    let orders = orders.as_ref().and_then(|body| body.get("orders")).and_then(Value::as_array);
    orders.map_or(0, Vec::len)
}

/// Answers a request.
pub(super) fn answer(
    venue: &mut Venue,
    floor: &mut Floor<'_>,
    request: &HttpRequest<'_>,
) -> HttpReply {
    let Some(rest) = request.path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/'))
    else {
        return no_such_path();
    };
    let path: Vec<&str> = rest.split('/').collect();
    if request.body.len() > BODY_BYTES_MAX {
        return Refusal::too_large().reply();
    }
    let signer = venue.signer(request, floor.now());
    let owner = match signer {
        Ok(owner) => Some(owner),
        // Whoever signs badly may still read what everybody may.
        Err(_) if is_public(request.method, &path) => None,
        Err(why) => return why.reply(),
    };
    if venue.is_limited {
        let count = items(&path, request.body);
        let cost = limits::cost(request.method, &pattern(&path), count);
        let now = floor.now();
        let buckets = venue.buckets(owner);
        let bucket = if request.method == "GET" { &mut buckets.read } else { &mut buckets.write };
        if !bucket.pay(cost, now) {
            venue.rate_limited += 1;
            return too_many_requests();
        }
    }
    let done = match (is_public(request.method, &path), owner) {
        (true, _) => public(venue, floor, &path, request.query),
        (false, Some(owner)) => match request.method {
            "GET" => own(venue, floor, owner, &path, request.query),
            _ => command(venue, floor, owner, &path, request),
        },
        (false, None) => None,
    };
    match done {
        None => no_such_path(),
        Some(Err(why)) => why.reply(),
        Some(Ok((204, _))) => HttpReply { status: 204, ..HttpReply::default() },
        Some(Ok((status, mut body))) => {
            // The venue prints the keys of its objects in the order of the alphabet.
            body.sort_all_objects();
            HttpReply::json(status, body.to_string())
        }
    }
}

fn ok(value: Value) -> Option<Answer> {
    Some(Ok((200, value)))
}

fn or(value: Result<Value, Refusal>) -> Option<Answer> {
    Some(value.map(|value| (200, value)))
}

/// What everybody may read.
fn public(venue: &Venue, floor: &Floor<'_>, path: &[&str], query: &str) -> Option<Answer> {
    let look = Look { listed: &venue.listed, ledger: &venue.ledger, markets: floor.markets() };
    let query = |group| Query::new(group, query);
    match path {
        ["series"] => ok(look.get_series_list(&query("GetSeriesList"))),
        ["series", "fee_changes"] => ok(serde_json::json!({ "series_fee_change_arr": [] })),
        ["series", ticker] => or(look.get_series(ticker, &query("GetSeries"))),
        ["events"] => or(look.get_events(&query("GetEvents"))),
        ["events", "fee_changes"] => ok(look.get_fee_changes()),
        ["events", "multivariate"] => ok(serde_json::json!({ "cursor": "", "events": [] })),
        ["events", ticker] => or(look.get_event(ticker, &query("GetEvent"))),
        ["events", ticker, "metadata"] => or(look.get_event_metadata(ticker)),
        ["markets"] => or(look.get_markets(&query("GetMarkets"))),
        ["markets", "orderbooks"] => or(look.get_orderbooks(&query("GetMarketOrderbooks"))),
        ["markets", "trades"] => or(look.get_trades(&venue.prints, &query("GetTrades"))),
        ["markets", ticker] => or(look.get_market(ticker)),
        ["markets", ticker, "orderbook"] => {
            or(look.get_orderbook(ticker, &query("GetMarketOrderbook")))
        }
        ["exchange", "status"] => ok(status(venue.is_trading, floor.down_until(VenueKind::Kalshi))),
        ["exchange", "schedule"] => {
            let down = floor.down_until(VenueKind::Kalshi);
            ok(schedule(venue.listed.since, down.map(|until| [floor.now(), until])))
        }
        ["exchange", "user_data_timestamp"] => ok(user_data_timestamp(floor.now())),
        _ => None,
    }
}

/// What a member reads of its own.
fn own(
    venue: &mut Venue,
    floor: &Floor<'_>,
    owner: OwnerId,
    path: &[&str],
    query: &str,
) -> Option<Answer> {
    match path {
        ["account", "limits"] => return ok(limits::limits()),
        ["account", "endpoint_costs"] => return ok(limits::endpoint_costs()),
        ["portfolio", "order_groups"] => return ok(venue.groups.list(owner)),
        ["portfolio", "order_groups", id] => {
            let in_group = venue.orders.resting(owner);
            let in_group = in_group.filter(|order| order.group.as_deref() == Some(*id));
            let ids: Vec<String> = in_group.map(|order| order.id.clone()).collect();
            return or(venue.groups.show(owner, id, &ids));
        }
        _ => {}
    }
    let own = Own {
        owner,
        user_id: venue.user_id(owner),
        listed: &venue.listed,
        ledger: &venue.ledger,
        orders: &venue.orders,
        settlements: venue.settlements(owner),
        markets: floor.markets(),
        reserved: venue.reserved(owner),
    };
    let query = |group| Query::new(group, query);
    let ["portfolio", rest @ ..] = path else { return None };
    match rest {
        ["balance"] => or(own.get_balance(&query("GetBalance"))),
        ["positions"] => or(own.get_positions(&query("GetPositions"))),
        ["fills"] => or(own.get_fills(&query("GetFills"))),
        ["settlements"] => or(own.get_settlements(&query("GetSettlements"))),
        ["subaccounts", "balances"] => ok(own.get_subaccount_balances()),
        // Collateral is never released here: every position is paid in full.
        ["subaccounts", "netting"] => ok(serde_json::json!({
            "netting_configs": [
                { "enabled": false, "exchange_index": 0, "subaccount_number": 0 },
            ],
        })),
        ["summary", "total_resting_order_value"] => ok(own.get_resting_value()),
        ["orders"] => or(own.get_orders(&query("GetOrders"))),
        ["orders", "queue_positions"] => {
            or(own.get_queue_positions(&query("GetOrderQueuePositions")))
        }
        ["orders", id] => or(own.get_order(id)),
        ["orders", id, "queue_position"] => or(own.get_queue_position(id)),
        _ => None,
    }
}

/// What a member does.
fn command(
    venue: &mut Venue,
    floor: &mut Floor<'_>,
    owner: OwnerId,
    path: &[&str],
    request: &HttpRequest<'_>,
) -> Option<Answer> {
    let ["portfolio", rest @ ..] = path else { return None };
    match (request.method, rest) {
        (method, ["events", "orders", rest @ ..]) => {
            orders(venue, floor, owner, (method, rest), request)
        }
        (method, ["order_groups", rest @ ..]) => {
            groups(venue, floor, owner, (method, rest), request)
        }
        // The first generation of orders is retired.
        (_, ["orders", ..]) => Some(Err(Refusal::retired())),
        _ => None,
    }
}

fn orders(
    venue: &mut Venue,
    floor: &mut Floor<'_>,
    owner: OwnerId,
    (method, rest): (&str, &[&str]),
    request: &HttpRequest<'_>,
) -> Option<Answer> {
    let read = |name| Body::read(name, request.body, false);
    match (method, rest) {
        ("POST", []) => Some(
            read("CreateOrderV2Request")
                .and_then(|body| venue.create(floor, owner, &body))
                .map(|value| (201, value)),
        ),
        ("DELETE", []) => {
            venue.cancel_all(floor, owner);
            Some(Ok((204, Value::Null)))
        }
        ("POST", ["batched"]) => Some(
            read("BatchCreateOrdersV2Request")
                .and_then(|mut body| body.list("orders", BATCH_MAX))
                .map(|items| (201, venue.create_batch(floor, owner, items))),
        ),
        ("DELETE", ["batched"]) => or(read("BatchCancelOrdersV2Request")
            .and_then(|mut body| body.list("orders", BATCH_MAX))
            .and_then(|items| venue.cancel_batch(floor, owner, items))),
        ("DELETE", [id]) => {
            or(venue.cancel(floor, owner, id, &Query::new("CancelOrderV2", request.query)))
        }
        ("POST", [id, "decrease"]) => {
            or(read("DecreaseOrderV2Request")
                .and_then(|body| venue.decrease(floor, owner, id, &body)))
        }
        ("POST", [id, "amend"]) => {
            or(read("AmendOrderV2Request").and_then(|body| venue.amend(floor, owner, id, &body)))
        }
        _ => None,
    }
}

fn groups(
    venue: &mut Venue,
    floor: &mut Floor<'_>,
    owner: OwnerId,
    (method, rest): (&str, &[&str]),
    request: &HttpRequest<'_>,
) -> Option<Answer> {
    let read = |name| Body::read(name, request.body, true);
    let done = match (method, rest) {
        ("POST", ["create"]) => {
            let made = read("CreateOrderGroupRequest").and_then(|body| {
                super::entry::check_place(&body)?;
                venue.create_group(floor, owner, limit_of(&body)?)
            });
            return Some(made.map(|value| (201, value)));
        }
        ("PUT", [id, "trigger"]) => venue.trigger_group(floor, owner, id),
        ("PUT", [id, "reset"]) => venue.reset_group(floor, owner, id),
        ("PUT", [id, "limit"]) => read("UpdateOrderGroupLimitRequest")
            .and_then(|body| venue.limit_group(floor, owner, id, limit_of(&body)?)),
        ("DELETE", [id]) => venue.delete_group(floor, owner, id),
        _ => return None,
    };
    Some(done.map(|()| (200, Value::Object(serde_json::Map::new()))))
}
