//! Kalshi: requests as the venue's own clients send them, and the rate limit's arithmetic.

use dutchbook_book::{Nanos, Price, Qty, Side};
use dutchbook_exec::throttle::{Bucket, BucketRules, Urgency};
use dutchbook_exec::venue::kalshi::auth::{Credentials, finish};
use dutchbook_exec::venue::kalshi::request::{
    Amend, CreateOrder, Decrease, GROUP_CREATE, GroupChange, ORDERS, ORDERS_BATCHED, Read, Routing,
    SelfTrade, TimeInForce, amend_target, cancel_target, decrease_target, group_target,
    read_target, write_batch, write_batch_cancel, write_group_limit,
};
use dutchbook_exec::wire::WireBuf;
use harness::vectors::{self, Expect};
use serde_json::Value;

use super::{micro, text};

fn side(value: &Value) -> Side {
    match text(value, "side") {
        "bid" => Side::Buy,
        "ask" => Side::Sell,
        other => panic!("unknown side {other}"),
    }
}

fn price(value: &Value) -> Price {
    Price::from_micro(u32::try_from(micro(text(value, "price"))).unwrap()).unwrap()
}

fn count(value: &Value, key: &str) -> Qty {
    Qty::from_micro(micro(text(value, key))).unwrap()
}

fn optional<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn small<T: TryFrom<i64>>(value: &Value, key: &str) -> Option<T> {
    T::try_from(value.get(key)?.as_i64()?).ok()
}

fn order(body: &Value) -> CreateOrder<'_> {
    let expiry = body.get("expiration_time").and_then(Value::as_u64);
    CreateOrder {
        ticker: text(body, "ticker"),
        client_order_id: text(body, "client_order_id"),
        side: side(body),
        count: count(body, "count"),
        price: price(body),
        time_in_force: match text(body, "time_in_force") {
            "good_till_canceled" => TimeInForce::Gtc(expiry),
            "immediate_or_cancel" => TimeInForce::Ioc,
            "fill_or_kill" => TimeInForce::Fok,
            other => panic!("unknown time in force {other}"),
        },
        self_trade: match text(body, "self_trade_prevention_type") {
            "taker_at_cross" => SelfTrade::TakerAtCross,
            "maker" => SelfTrade::Maker,
            other => panic!("unknown self-trade prevention {other}"),
        },
        is_post_only: flag(body, "post_only"),
        is_reduce_only: flag(body, "reduce_only"),
        is_cancelled_on_pause: flag(body, "cancel_order_on_pause"),
        subaccount: small(body, "subaccount"),
        exchange_index: small(body, "exchange_index"),
        order_group: optional(body, "order_group_id"),
    }
}

fn routing(value: &Value) -> Routing<'_> {
    Routing {
        subaccount: small(value, "subaccount"),
        exchange_index: small(value, "exchange_index"),
        market_ticker: optional(value, "market_ticker"),
    }
}

/// The n-th part of a path below `/trade-api/v2`.
fn part(path: &str, index: usize) -> &str {
    path.split('/').nth(index + 3).unwrap()
}

/// Writes the body of a case and returns its target.
fn write(case: &Value, query: &[(&str, &str)], out: &mut WireBuf) -> String {
    let (body, path) = (&case["body"], text(case, "path"));
    match text(case, "client_call").rsplit_once('.').unwrap().1 {
        "create_order_v2" => {
            order(body).write(out).unwrap();
            ORDERS.to_owned()
        }
        "batch_create_orders_v2" => {
            let orders: Vec<_> = vectors::list(body, "orders").iter().map(order).collect();
            write_batch(&orders, out).unwrap();
            ORDERS_BATCHED.to_owned()
        }
        "cancel_order_v2" => {
            let value = |name| query.iter().find(|(known, _)| *known == name).map(|(_, v)| *v);
            let number = |name| value(name).map(|text| text.parse().unwrap());
            let routing = Routing {
                subaccount: value("subaccount").map(|text| text.parse().unwrap()),
                exchange_index: number("exchange_index"),
                market_ticker: value("market_ticker"),
            };
            cancel_target(part(path, 3), &routing)
        }
        "batch_cancel_orders_v2" => {
            let orders = vectors::list(body, "orders");
            let orders: Vec<_> =
                orders.iter().map(|item| (text(item, "order_id"), routing(item))).collect();
            write_batch_cancel(&orders, out);
            ORDERS_BATCHED.to_owned()
        }
        "cancel_all_orders" => ORDERS.to_owned(),
        "amend_order_v2" => {
            let amend = Amend {
                ticker: text(body, "ticker"),
                side: side(body),
                price: price(body),
                count: count(body, "count"),
                client_order_id: optional(body, "client_order_id"),
                updated_client_order_id: optional(body, "updated_client_order_id"),
            };
            amend.write(out).unwrap();
            amend_target(part(path, 3))
        }
        "decrease_order_v2" => {
            match body.get("reduce_by") {
                Some(_) => Decrease::By(count(body, "reduce_by")).write(out),
                None => Decrease::To(count(body, "reduce_to")).write(out),
            }
            decrease_target(part(path, 3))
        }
        "create_order_group" => {
            write_group_limit(body["contracts_limit"].as_u64().unwrap(), out);
            GROUP_CREATE.to_owned()
        }
        "update_order_group_limit" => {
            write_group_limit(body["contracts_limit"].as_u64().unwrap(), out);
            group_target(part(path, 2), GroupChange::Limit)
        }
        "reset_order_group" => group_target(part(path, 2), GroupChange::Reset),
        "trigger_order_group" => group_target(part(path, 2), GroupChange::Trigger),
        call => read_target(read(call, path), query),
    }
}

/// What a reading call reads.
fn read<'a>(call: &str, path: &'a str) -> Read<'a> {
    match call {
        "get_markets" => Read::Markets,
        "get_market" => Read::Market(part(path, 1)),
        "get_market_orderbook" => Read::Orderbook(part(path, 1)),
        "get_market_orderbooks" => Read::Orderbooks,
        "get_events" => Read::Events,
        "get_orders" => Read::Orders,
        "get_positions" => Read::Positions,
        "get_fills" => Read::Fills,
        "get_balance" => Read::Balance,
        "get_order_queue_positions" => Read::QueuePositions,
        "get_account_api_limits" => Read::AccountLimits,
        "get_exchange_status" => Read::ExchangeStatus,
        other => panic!("unknown call {other}"),
    }
}

fn check(case: &Value, credentials: &Credentials, out: &mut WireBuf) {
    let context = text(case, "name");
    let expect = Expect::new(context, case);
    expect.inputs(&["name", "client_call", "also_sent_by", "body_keys_absent_when_unset"]);
    let query = expect.text("query").unwrap();
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let mut body = WireBuf::new(4096);
    let target = write(case, &pairs, &mut body);
    let method = expect.text("method").unwrap();
    let known = ["GET", "POST", "PUT", "DELETE"];
    let method = known.into_iter().find(|known| *known == method).unwrap();
    // A PUT states its length even where that is nothing.
    let has_body = !body.as_bytes().is_empty() || method == "PUT";
    let head = credentials.head((method, &target), "host", has_body).unwrap();
    head.begin(out);
    out.push(body.as_bytes());
    let headers = expect.get("headers").unwrap();
    let at = text(headers, "KALSHI-ACCESS-TIMESTAMP").parse().unwrap();
    finish(&head, out, &credentials.stamp(at, method, &target).unwrap());
    assert!(!out.is_full(), "{context}");
    expect.equals("path", head.path());
    let sent_query = target.split_once('?').map_or("", |(_, query)| query);
    expect.equals("query", sent_query);
    let sent = head.body(out);
    let sent = if sent.is_empty() { Value::Null } else { serde_json::from_slice(sent).unwrap() };
    expect.equals("body", sent);
    let expect = Expect::new(context, headers);
    for (name, value) in head.fields(out) {
        expect.equals(name, value);
    }
}

#[test]
fn requests_are_those_of_the_venues_clients() {
    let Some(file) = vectors::load("kalshi", "rest_requests") else { return };
    let Some(keys) = vectors::load("kalshi", "auth_ed25519") else { return };
    let pem = text(&keys, "private_key_pem_pkcs8");
    let credentials = Credentials::new(text(&keys, "key_id"), pem).unwrap();
    let cases = vectors::list(&file, "cases");
    let mut out = WireBuf::new(8192);
    cases.iter().for_each(|case| check(case, &credentials, &mut out));
    vectors::report("kalshi", "rest_requests", cases.len());
}

fn whole(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn the_rate_limit_counts_as_the_venue_does() {
    let Some(file) = vectors::load("kalshi", "rate_limit") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let rules = BucketRules {
            refill_rate: whole(&case["refill_rate"]),
            capacity: whole(&case["bucket_capacity"]),
            reserve: 0,
        };
        let mut bucket = Bucket::new(rules, Nanos(0));
        for event in vectors::list(case, "events") {
            let expect = Expect::new(format!("{} {event}", text(case, "name")), event);
            let now = Nanos(micro(expect.text("t_s").unwrap()) * 1_000);
            let cost = whole(expect.get("cost").unwrap());
            expect.equals("accepted", bucket.take(cost, Urgency::Entry, now).is_ok());
            let level = bucket.level(now);
            let tokens = format!("{}.{:09}", level / 1_000_000_000, level % 1_000_000_000);
            expect.decimal("tokens_after", &tokens);
        }
    }
    vectors::report("kalshi", "rate_limit", cases.len());
}
