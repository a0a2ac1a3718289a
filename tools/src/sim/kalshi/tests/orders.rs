//! Orders: what is taken, refused, changed and cancelled, and how the venue says so.

use dutchbook_book::{Nanos, Side};
use serde_json::{Value, json};

use super::super::super::Pace;
use super::{FED, ORDERS, World, keys, order_of};

#[test]
fn an_order_rests_is_read_and_cancelled_as_recorded() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let before = world.balance(0);
    let id = json!({ "client_order_id": "c1" });
    let (status, made) = world.place(0, ["bid", "10.00", "0.5600"], &id);
    assert_eq!(status, 201);
    assert_eq!(
        keys(&made),
        ["client_order_id", "fill_count", "order_id", "remaining_count", "ts_ms"]
    );
    assert_eq!((&made["fill_count"], &made["remaining_count"]), (&json!("0.00"), &json!("10.00")));
    assert_eq!(world.balance(0), before - 5_600_000);
    let order_id = made["order_id"].as_str().unwrap().to_owned();
    let order = world.get(0, &format!("/portfolio/orders/{order_id}"))["order"].clone();
    assert_eq!(order["status"], "resting");
    assert_eq!(order["yes_price_dollars"], "0.5600");
    assert_eq!(order["taker_fees_dollars"], "0.000000");
    let (status, _) = world.ask(1, "GET", &format!("/portfolio/orders/{order_id}"), &Value::Null);
    assert_eq!(status, 404, "an order is its member's alone");
    let path = format!("{ORDERS}/{order_id}");
    let (status, gone) = world.ask(0, "DELETE", &path, &Value::Null);
    assert_eq!((status, keys(&gone)), (200, vec!["order_id", "reduced_by", "ts_ms"]));
    assert_eq!(gone["reduced_by"], "10.00");
    assert_eq!(world.balance(0), before);
    let (status, body) = world.ask(0, "DELETE", &path, &Value::Null);
    assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")));
    let (status, body) = world.place(0, ["bid", "10.00", "0.5600"], &id);
    assert_eq!((status, &body["error"]["code"]), (409, &json!("order_already_exists")));
}

#[test]
fn a_match_costs_what_was_recorded_and_shows_on_both_sides() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let maker = world.rest(0, ["ask", "3.00", "0.5200"]);
    let cash = world.balance(1);
    assert_eq!(world.get(0, "/portfolio/positions")["market_positions"], json!([]));
    let ioc = json!({ "time_in_force": "immediate_or_cancel" });
    let (_, made) = world.place(1, ["bid", "1.00", "0.5500"], &ioc);
    // Recorded: one contract at 0.52 costs 0.0175.
    assert_eq!(made["average_fill_price"], "0.5200");
    assert_eq!(made["average_fee_paid"], "0.0175");
    assert_eq!((&made["fill_count"], &made["remaining_count"]), (&json!("1.00"), &json!("0.00")));
    assert_eq!(cash - world.balance(1), 537_500);
    let fills = world.get(1, "/portfolio/fills?limit=1")["fills"][0].clone();
    assert_eq!((&fills["fee_cost"], &fills["is_taker"]), (&json!("0.017500"), &json!(true)));
    let theirs = world.get(0, "/portfolio/fills")["fills"][0].clone();
    assert_eq!(theirs["trade_id"], fills["trade_id"]);
    assert_eq!((&theirs["order_id"], &theirs["fee_cost"]), (&json!(maker), &json!("0.000000")));
    let trades = world.get(0, &format!("/markets/trades?ticker={FED}&limit=1"));
    assert_eq!(trades["trades"][0]["trade_id"], fills["trade_id"]);
    assert_eq!(trades["trades"][0]["taker_book_side"], "bid");
    let position = world.get(0, "/portfolio/positions")["market_positions"][0].clone();
    assert_eq!(position["position_fp"], "-1.00");
    assert_eq!(position["market_exposure_dollars"], "0.480000");
    world.venues.kalshi_closes().unwrap();
}

#[test]
fn flags_do_what_they_say() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    world.rest(0, ["ask", "3.00", "0.5200"]);
    let code = |(status, body): (u16, Value)| (status, body["error"]["details"].clone());
    let post_only = json!({ "post_only": true });
    let refused = world.place(1, ["bid", "1.00", "0.5200"], &post_only);
    assert_eq!(code(refused), (400, json!("post only cross")));
    assert_eq!(world.place(1, ["bid", "1.00", "0.5100"], &post_only).0, 201);
    // All or nothing: nothing, then all.
    let all = json!({ "time_in_force": "fill_or_kill" });
    let (status, dead) = world.place(1, ["bid", "4.00", "0.5200"], &all);
    assert_eq!((status, &dead["fill_count"]), (201, &json!("0.00")));
    assert_eq!(dead["remaining_count"], "0.00");
    let (_, full) = world.place(1, ["bid", "3.00", "0.5200"], &all);
    assert_eq!(full["fill_count"], "3.00");
    // A reducing order closes what is there and no more.
    let reduce = json!({ "time_in_force": "immediate_or_cancel", "reduce_only": true });
    world.rest(1, ["bid", "9.00", "0.4000"]);
    let (_, made) = world.place(0, ["ask", "9.00", "0.4000"], &reduce);
    assert_eq!(made["fill_count"], "0.00", "it holds NO: an ask would open more");
    let refused = world.place(0, ["ask", "9.00", "0.4000"], &json!({ "reduce_only": true }));
    assert_eq!(refused.0, 400);
}

#[test]
fn an_own_order_is_met_as_the_member_asked() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    world.rest(0, ["ask", "2.00", "0.5000"]);
    let (_, dead) = world.place(0, ["bid", "2.00", "0.5000"], &json!({}));
    assert_eq!((&dead["fill_count"], &dead["remaining_count"]), (&json!("0.00"), &json!("0.00")));
    let resting = world.get(0, "/portfolio/orders?status=resting");
    assert_eq!(resting["orders"].as_array().unwrap().len(), 1);
    let maker = json!({ "self_trade_prevention_type": "maker" });
    let (_, rests) = world.place(0, ["bid", "2.00", "0.5000"], &maker);
    assert_eq!(rests["remaining_count"], "2.00");
    let resting = world.get(0, "/portfolio/orders?status=resting");
    assert_eq!(resting["orders"][0]["order_id"], rests["order_id"]);
    assert_eq!(resting["orders"].as_array().unwrap().len(), 1);
}

#[test]
fn amending_and_decreasing_keep_or_lose_the_place() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let first = world.rest(0, ["bid", "5.00", "0.5000"]);
    let second = world.rest(1, ["bid", "5.00", "0.5000"]);
    let ahead = |world: &mut World, who: usize, id: &str| {
        let value = world.get(who, &format!("/portfolio/orders/{id}/queue_position"));
        value["queue_position_fp"].as_str().unwrap().to_owned()
    };
    let path = format!("{ORDERS}/{first}/decrease");
    let (status, value) = world.ask(0, "POST", &path, &json!({ "reduce_by": "2.00" }));
    assert_eq!((status, &value["remaining_count"]), (200, &json!("3.00")));
    assert_eq!(ahead(&mut world, 1, &second), "3.00");
    let both = json!({ "reduce_by": "1.00", "reduce_to": "1.00" });
    assert_eq!(world.ask(0, "POST", &path, &both).0, 400);
    // More contracts: behind the other.
    let amend = format!("{ORDERS}/{first}/amend");
    let change = |count: &str, price: &str| {
        json!({ "ticker": FED, "side": "bid", "price": price, "count": count,
                "updated_client_order_id": "again" })
    };
    let (status, value) = world.ask(0, "POST", &amend, &change("6.00", "0.5000"));
    assert_eq!((status, &value["remaining_count"]), (200, &json!("6.00")), "{value}");
    assert_eq!(value["client_order_id"], "again");
    assert_eq!(ahead(&mut world, 0, &first), "5.00");
    let mut wrong = change("6.00", "0.5000");
    wrong["side"] = json!("ask");
    let (_, value) = world.ask(0, "POST", &amend, &wrong);
    assert_eq!(value["error"]["code"], "order_side_mismatch");
    // Into the other side: it takes.
    world.rest(1, ["ask", "2.00", "0.6000"]);
    let (_, value) = world.ask(0, "POST", &amend, &change("6.00", "0.6000"));
    assert_eq!((&value["fill_count"], &value["remaining_count"]), (&json!("2.00"), &json!("4.00")));
    let (_, value) = world.ask(0, "POST", &amend, &change("2.00", "0.6000"));
    assert_eq!(value["error"]["code"], "invalid_order_size", "nothing would be left");
    world.venues.kalshi_closes().unwrap();
}

#[test]
fn batches_judge_each_order_alone() {
    let mut world = World::new(Pace::None);
    let good = order_of(FED, ["bid", "1.00", "0.0200"], &json!({ "client_order_id": "b1" }));
    let bad = order_of(FED, ["bid", "1.00", "0.0255"], &json!({ "client_order_id": "b2" }));
    let path = format!("{ORDERS}/batched");
    let (status, made) =
        world.ask(0, "POST", &path, &json!({ "orders": [good.clone(), bad, good] }));
    assert_eq!(status, 201);
    let list = made["orders"].as_array().unwrap();
    assert_eq!(list[1]["error"]["code"], "invalid_price");
    assert_eq!(list[1]["client_order_id"], "b2");
    assert_eq!(list[2]["error"]["code"], "order_already_exists");
    let ids = json!({ "orders": [
        { "order_id": list[0]["order_id"], "market_ticker": FED },
        { "order_id": "00000000-0000-4000-8000-000000000000" },
    ] });
    let (status, gone) = world.ask(0, "DELETE", &path, &ids);
    assert_eq!(status, 200);
    assert_eq!(gone["orders"][0]["reduced_by"], "1.00");
    assert_eq!(gone["orders"][1]["reduced_by"], "0.00");
    assert_eq!(gone["orders"][1]["error"]["code"], "not_found");
    world.rest(0, ["bid", "1.00", "0.0200"]);
    let reply = world.raw(Some(0), "DELETE", ORDERS, b"");
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(world.get(0, "/portfolio/orders?status=resting")["orders"], json!([]));
    let retired = world.raw(Some(0), "POST", "/portfolio/orders", b"{}");
    assert_eq!(retired.status, 410);
}

#[test]
fn an_order_ends_at_its_time_and_with_its_market() {
    let mut world = World::new(Pace::None);
    let secs = world.now.0 / 1_000_000_000 + 5;
    let expiring = json!({ "expiration_time": secs });
    let (_, made) = world.place(0, ["bid", "1.00", "0.0200"], &expiring);
    let id = made["order_id"].as_str().unwrap().to_owned();
    world.step(4_999);
    let path = format!("/portfolio/orders/{id}");
    assert_eq!(world.get(0, &path)["order"]["status"], "resting");
    world.step(1);
    let order = world.get(0, &path)["order"].clone();
    assert_eq!(
        (&order["status"], &order["remaining_count_fp"]),
        (&json!("canceled"), &json!("0.00"))
    );
    let past = json!({ "expiration_time": secs - 1 });
    assert_eq!(world.place(0, ["bid", "1.00", "0.0200"], &past).0, 400);
}

#[test]
fn money_is_held_back_and_too_much_is_refused() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let (status, value) = world.place(0, ["bid", "20001.00", "0.5000"], &json!({}));
    assert_eq!((status, &value["error"]["code"]), (400, &json!("insufficient_balance")));
    world.rest(0, ["bid", "19000.00", "0.5000"]);
    assert_eq!(world.place(0, ["ask", "5000.00", "0.6000"], &json!({})).0, 400);
    assert_eq!(world.place(0, ["ask", "1000.00", "0.6000"], &json!({})).0, 201);
    let value = world.get(0, "/portfolio/summary/total_resting_order_value");
    assert_eq!(value["total_resting_order_value"], 990_000);
}

#[test]
fn a_group_blows_and_is_reset() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let groups = "/portfolio/order_groups";
    let make = json!({ "contracts_limit": 2 });
    let (status, made) = world.ask(0, "POST", &format!("{groups}/create"), &make);
    assert_eq!(
        (status, keys(&made)),
        (201, vec!["exchange_index", "order_group_id", "subaccount"])
    );
    let id = made["order_group_id"].as_str().unwrap().to_owned();
    let grouped = json!({ "order_group_id": id });
    world.place(0, ["bid", "2.00", "0.5000"], &grouped);
    world.place(0, ["bid", "3.00", "0.4000"], &grouped);
    let shown = world.get(0, &format!("{groups}/{id}"));
    assert_eq!(shown["orders"].as_array().unwrap().len(), 2);
    let ioc = json!({ "time_in_force": "immediate_or_cancel" });
    world.place(1, ["ask", "2.00", "0.5000"], &ioc);
    assert_eq!(world.get(0, "/portfolio/orders?status=resting")["orders"], json!([]));
    assert_eq!(world.place(0, ["bid", "1.00", "0.4000"], &grouped).0, 400);
    let (status, value) = world.ask(0, "PUT", &format!("{groups}/{id}/reset"), &Value::Null);
    assert_eq!((status, value), (200, json!({})));
    assert_eq!(world.place(0, ["bid", "1.00", "0.4000"], &grouped).0, 201);
    let (status, _) = world.ask(0, "PUT", &format!("{groups}/{id}/trigger"), &json!({}));
    assert_eq!(status, 200);
    assert_eq!(world.get(0, groups)["order_groups"][0]["contracts_limit_fp"], "2.00");
    assert_eq!(world.ask(0, "DELETE", &format!("{groups}/{id}"), &Value::Null).0, 200);
    assert_eq!(world.get(0, groups)["order_groups"], json!([]));
}

#[test]
fn a_pause_takes_no_orders_and_lets_cancels_through() {
    let mut world = World::new(Pace::None);
    let stays = world.rest(0, ["bid", "1.00", "0.0200"]);
    let pausing = json!({ "cancel_order_on_pause": true });
    world.place(0, ["bid", "1.00", "0.0200"], &pausing);
    world.venues.trade_kalshi(false, world.now);
    assert_eq!(world.get(0, "/exchange/status")["trading_active"], json!(false));
    assert_eq!(world.place(0, ["bid", "1.00", "0.0200"], &json!({})).0, 400);
    let resting = world.get(0, "/portfolio/orders?status=resting")["orders"].clone();
    assert_eq!(resting.as_array().unwrap().len(), 1);
    assert_eq!(world.ask(0, "DELETE", &format!("{ORDERS}/{stays}"), &Value::Null).0, 200);
    world.venues.trade_kalshi(true, world.now.plus(Nanos(1)));
    assert_eq!(world.place(0, ["bid", "1.00", "0.0200"], &json!({})).0, 201);
}

#[test]
fn the_official_clients_requests_are_understood() {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/kalshi/rest_requests.json"
    ));
    let all: Value = serde_json::from_str(text).unwrap();
    let mut world = World::new(Pace::None);
    let (book, _) = world.venues.scenario().book_of_native(FED).unwrap();
    assert!(!world.venues.levels(book, dutchbook_book::Face::Yes, Side::Buy).is_empty());
    for case in all["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let path = case["path"].as_str().unwrap().strip_prefix("/trade-api/v2").unwrap();
        let target = format!("{path}?{}", case["query"].as_str().unwrap());
        let (status, value) =
            world.ask(0, case["method"].as_str().unwrap(), &target, &case["body"]);
        let is_known = ["get_", "order_group_create", "queue", "account", "exchange", "cancel_all"];
        let is_absent = ["get_market", "get_orderbook", "get_orderbooks"].contains(&name);
        if is_known.iter().any(|known| name.starts_with(known)) && !is_absent {
            assert!((200..300).contains(&status), "{name}: {status} {value}");
        } else {
            // Its markets, orders and groups are not listed here; nothing else is wrong with it.
            let items = value["orders"].as_array().cloned().unwrap_or_default();
            let codes = items.iter().map(|item| item["error"]["code"].clone());
            let codes: Vec<Value> = codes.chain([value["error"]["code"].clone()]).collect();
            assert!(codes.contains(&json!("not_found")), "{name}: {status} {value}");
        }
    }
}
