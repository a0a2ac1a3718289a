//! The WebSocket: channels, sequence numbers, acknowledgements and what only a member hears.

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use serde_json::{Value, json};

use super::super::super::Pace;
use super::super::super::door::HttpRequest;
use super::{FED, World};

fn subscribe(channels: &[&str], more: &Value) -> Value {
    let mut params = json!({ "channels": channels });
    params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    json!({ "id": 1, "cmd": "subscribe", "params": params })
}

fn of_type<'a>(frames: &'a [Value], kind: &str) -> Vec<&'a Value> {
    frames.iter().filter(|frame| frame["type"] == kind).collect()
}

#[test]
fn a_member_hears_of_its_own_orders_fills_and_positions() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let channels = ["fill", "user_orders", "market_positions", "order_group_updates"];
    let all = subscribe(&channels, &json!({}));
    let (mine, theirs) = (world.connect(0), world.connect(1));
    let acks = world.say(mine, &all);
    assert_eq!(acks.len(), 4);
    assert_eq!(
        acks[3],
        json!({"id":1,"type":"subscribed","msg":{"channel":"order_group_updates","sid":4}})
    );
    world.say(theirs, &all);
    let id = json!({ "client_order_id": "a \"quoted\" id" });
    world.place(0, ["ask", "3.00", "0.5200"], &id);
    let frames = world.frames(mine);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["msg"]["client_order_id"], "a \"quoted\" id");
    assert_eq!(frames[0]["msg"]["status"], "resting");
    assert!(frames[0].get("seq").is_none() && world.frames(theirs).is_empty());
    world.place(1, ["bid", "2.00", "0.5200"], &json!({}));
    let frames = world.frames(mine);
    let kinds: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["fill", "user_order", "market_position"]);
    assert_eq!(frames[0]["msg"]["post_position_fp"], "-2.00");
    assert_eq!(frames[0]["msg"]["book_side"], "ask");
    assert_eq!(frames[1]["msg"]["remaining_count_fp"], "1.00");
    assert_eq!(frames[2]["msg"]["position_cost_dollars"], "0.9600");
    let frames = world.frames(theirs);
    assert_eq!(of_type(&frames, "user_order")[0]["msg"]["status"], "executed");
    assert_eq!(of_type(&frames, "fill")[0]["msg"]["fee_cost"], "0.035000");
    let make = json!({ "contracts_limit": 5 });
    world.ask(0, "POST", "/portfolio/order_groups/create", &make);
    let frames = world.frames(mine);
    assert_eq!(frames[0]["msg"]["event_type"], "created");
    assert_eq!((&frames[0]["seq"], &frames[0]["sid"]), (&json!(1), &json!(4)));
}

#[test]
fn only_the_owner_reads_its_id_in_a_delta() {
    let mut world = World::new(Pace::None);
    world.clear_book();
    let books = subscribe(&["orderbook_delta"], &json!({ "market_tickers": [FED] }));
    let (mine, theirs) = (world.connect(0), world.connect(1));
    world.say(mine, &books);
    world.say(theirs, &books);
    let id = json!({ "client_order_id": "c1" });
    let (_, made) = world.place(0, ["ask", "3.00", "0.5200"], &id);
    let delta = world.frames(mine)[0]["msg"].clone();
    assert_eq!((&delta["client_order_id"], &delta["side"]), (&json!("c1"), &json!("no")));
    assert_eq!(delta["price_dollars"], "0.4800");
    let delta = world.frames(theirs)[0]["msg"].clone();
    assert!(delta.get("client_order_id").is_none());
    let path = format!("/portfolio/events/orders/{}", made["order_id"].as_str().unwrap());
    world.ask(0, "DELETE", &path, &Value::Null);
    let delta = world.frames(mine)[0]["msg"].clone();
    assert_eq!((&delta["client_order_id"], &delta["delta_fp"]), (&json!("c1"), &json!("-3.00")));
}

#[test]
fn acknowledgements_use_sequence_numbers_up_where_there_are_some() {
    let mut world = World::new(Pace::None);
    let session = world.connect(0);
    let tickers = json!({ "market_tickers": [FED], "send_initial_snapshot": true });
    let frames = world.say(session, &subscribe(&["orderbook_delta", "ticker"], &tickers));
    let kinds: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["subscribed", "orderbook_snapshot", "subscribed", "ticker"]);
    let update = |sid: u32, action: &str, ticker: &str| {
        json!({ "id": 2, "cmd": "update_subscription",
                "params": { "sids": [sid], "action": action, "market_tickers": [ticker] } })
    };
    let frames = world.say(session, &update(1, "add_markets", "KXALBUM-27-AUR"));
    assert_eq!((&frames[0]["type"], &frames[0]["seq"]), (&json!("ok"), &json!(2)));
    assert_eq!(frames[1]["seq"], 3);
    let frames = world.say(session, &update(1, "get_snapshot", FED));
    assert_eq!((&frames[0]["seq"], &frames[1]["seq"]), (&json!(4), &json!(5)));
    let frames = world.say(session, &update(2, "add_markets", "KXALBUM-27-AUR"));
    assert!(frames[0].get("seq").is_none());
    assert_eq!(world.say(session, &update(2, "get_snapshot", FED))[0]["msg"]["code"], 13);
    let frames = world.say(session, &json!({ "id": 3, "cmd": "list_subscriptions" }));
    assert_eq!(frames[0]["msg"][1], json!({ "channel": "ticker", "sid": 2 }));
    let leave = json!({ "id": 4, "cmd": "unsubscribe", "params": { "sids": [1, 9] } });
    let frames = world.say(session, &leave);
    assert_eq!((&frames[0]["type"], &frames[0]["seq"]), (&json!("unsubscribed"), &json!(6)));
    assert_eq!(frames[1]["msg"]["code"], 7);
}

#[test]
fn refusals_have_their_codes() {
    let mut world = World::new(Pace::None);
    let session = world.connect(0);
    let mut code = |command: Value| world.say(session, &command)[0]["msg"]["code"].clone();
    assert_eq!(code(json!({ "id": 1, "cmd": "subscribe" })), 2);
    assert_eq!(code(json!({ "id": 1, "cmd": "subscribe", "params": {} })), 3);
    assert_eq!(code(json!({ "id": 1, "cmd": "unsubscribe", "params": {} })), 4);
    assert_eq!(code(json!({ "id": 1, "cmd": "sing" })), 5);
    assert_eq!(code(subscribe(&["ticker_v2"], &json!({}))), 8);
    assert_eq!(code(subscribe(&["orderbook_delta"], &json!({}))), 14);
    assert_eq!(code(subscribe(&["ticker"], &json!({ "use_yes_price": "yes" }))), 11);
    let two = json!({ "sids": [1, 2], "action": "add_markets", "market_tickers": [FED] });
    assert_eq!(code(json!({ "id": 1, "cmd": "update_subscription", "params": two })), 12);
    // Without a member behind it a connection has no private channels.
    let nobody = world.venues.connect(VenueKind::Kalshi, world.now);
    assert_eq!(world.say(nobody, &subscribe(&["fill"], &json!({})))[0]["msg"]["code"], 9);
}

#[test]
fn an_upgrade_without_a_signature_is_refused() {
    let mut world = World::new(Pace::None);
    let path = "/trade-api/ws/v2";
    let request = HttpRequest { method: "GET", path, query: "", headers: &[], body: b"" };
    let refused = world.venues.open(VenueKind::Kalshi, &request, world.now).unwrap_err();
    assert_eq!(refused.status, 401);
    assert!(serde_json::from_slice::<Value>(&refused.body).unwrap()["error"]["code"].is_string());
    let headers = world.headers(0, "GET", path);
    let late = world.now.plus(Nanos::from_secs(21));
    let request = HttpRequest { method: "GET", path, query: "", headers: &headers, body: b"" };
    assert_eq!(world.venues.open(VenueKind::Kalshi, &request, late).unwrap_err().status, 401);
}

#[test]
fn the_end_of_a_market_is_told_in_its_stages() {
    let mut world = World::new(Pace::Calm);
    let session = world.connect(0);
    world.say(session, &subscribe(&["market_lifecycle_v2", "user_orders"], &json!({})));
    let game = "KXNBAGAME-26NOV22HAWCOM-HAW";
    let body = super::order_of(game, ["bid", "1.00", "0.0100"], &json!({}));
    world.ask(0, "POST", super::ORDERS, &body);
    world.step(17_000);
    let frames = world.frames(session);
    let all = of_type(&frames, "market_lifecycle_v2");
    let stages = all.iter().filter(|frame| frame["msg"]["market_ticker"] == game);
    let of: Vec<&str> = stages.map(|frame| frame["msg"]["event_type"].as_str().unwrap()).collect();
    assert_eq!(of, ["close_date_updated", "determined", "settled"]);
    // Markets that are listed meanwhile are told on the same subscription.
    let seqs: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert!(seqs.windows(2).all(|two| two[1] == two[0] + 1), "{seqs:?}");
    let orders = of_type(&frames, "user_order");
    assert_eq!(orders.last().unwrap()["msg"]["last_update_reason"], "CloseCancel");
}
