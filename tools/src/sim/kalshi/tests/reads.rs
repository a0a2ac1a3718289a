//! Reads: shapes of the recordings, pages, filters, and who may read what.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::super::Pace;
use super::{FED, World, keys};

const PARSED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/kalshi/rest_parse.json"));

/// The recorded body of one case.
fn recorded(name: &str) -> Value {
    let all: Value = serde_json::from_str(PARSED).unwrap();
    let cases = all["cases"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap()["body"].clone()
}

/// Fields that the venue has dropped since the recordings, and those that only some markets have.
const GONE: [&str; 5] = [
    "fractional_trading_enabled",
    "liquidity_dollars",
    "occurrence_datetime",
    "response_price_units",
    "subtitle",
];

/// Every recorded field is there, of the same type; texts of numbers have as many decimals.
fn same_shape(path: &str, ours: &Value, theirs: &Value) {
    match theirs {
        Value::Object(map) if path.ends_with("custom_strike") => assert!(!map.is_empty()),
        Value::Object(map) => {
            for (key, theirs) in map.iter().filter(|(key, _)| !GONE.contains(&key.as_str())) {
                let ours = ours.get(key).unwrap_or_else(|| panic!("{path}.{key} is missing"));
                same_shape(&format!("{path}.{key}"), ours, theirs);
            }
            let keys = keys(ours);
            assert!(keys.is_sorted(), "{path}: {keys:?}");
        }
        Value::Array(list) => {
            let ours = ours.as_array().unwrap_or_else(|| panic!("{path} is no list"));
            if let (Some(ours), Some(theirs)) = (ours.first(), list.first()) {
                same_shape(&format!("{path}[0]"), ours, theirs);
            }
        }
        Value::String(theirs) => {
            let ours = ours.as_str().unwrap_or_else(|| panic!("{path} is no text: {ours}"));
            let decimals = |text: &str| {
                let (whole, part) = text.split_once('.')?;
                let all = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                (all(whole.trim_start_matches('-')) && all(part)).then_some(part.len())
            };
            if let Some(count) = decimals(theirs) {
                assert_eq!(decimals(ours), Some(count), "{path}: {ours} for {theirs}");
            }
        }
        Value::Number(_) => assert!(ours.is_number(), "{path}: {ours}"),
        Value::Bool(_) => assert!(ours.is_boolean(), "{path}: {ours}"),
        Value::Null => {}
    }
}

#[test]
fn replies_have_the_shape_of_the_recordings() {
    let mut world = World::new(Pace::Calm);
    world.step(8_000);
    let ioc = json!({ "time_in_force": "immediate_or_cancel" });
    let (_, taken) = world.place(0, ["bid", "1.00", "0.9900"], &ioc);
    let (_, rests) = world.place(0, ["bid", "1.00", "0.0100"], &json!({}));
    let id = rests["order_id"].as_str().unwrap().to_owned();
    let mut ours = vec![
        ("market_match", world.get(0, &format!("/markets/{FED}"))),
        ("market_greater", world.get(0, "/markets/KXCPIYOY-26NOV-T2.9")["market"].clone()),
        ("fills_page", world.get(0, "/portfolio/fills")),
        ("order", world.get(0, &format!("/portfolio/orders/{id}"))),
        ("trades_page", world.get(0, "/markets/trades?limit=3")),
        ("orderbook", world.get(0, &format!("/markets/{FED}/orderbook"))),
        ("balance", world.get(0, "/portfolio/balance")),
        ("positions", world.get(0, "/portfolio/positions")),
        ("create_ioc_filled", taken),
    ];
    let mut client_id = json!({ "client_order_id": "x" });
    let (_, made) = world.place(0, ["bid", "1.00", "0.0100"], &client_id);
    ours.push(("create_maker", made));
    client_id["time_in_force"] = json!("immediate_or_cancel");
    for (name, ours) in ours {
        let mut theirs = recorded(name);
        if name == "create_ioc_filled" {
            theirs.as_object_mut().unwrap().remove("client_order_id");
        }
        if name == "market_match" {
            // The recorded match has a competitor's id where this one has a name.
            theirs["market"]["strike_type"] = json!("custom");
        }
        same_shape(name, &ours, &theirs);
    }
}

#[test]
fn pages_lead_through_everything_once() {
    let mut world = World::new(Pace::Calm);
    world.step(6_000);
    for (target, list, id) in [
        ("/markets?limit=4", "markets", "ticker"),
        ("/events?limit=3&with_nested_markets=true", "events", "event_ticker"),
        ("/markets/trades?limit=5", "trades", "trade_id"),
    ] {
        let mut seen = BTreeSet::new();
        let mut cursor = String::new();
        for _ in 0..200 {
            let page = world.get(0, &format!("{target}&cursor={cursor}"));
            for entry in page[list].as_array().unwrap() {
                assert!(seen.insert(entry[id].as_str().unwrap().to_owned()), "{target} {entry}");
            }
            cursor = page["cursor"].as_str().unwrap().to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        assert!(cursor.is_empty() && seen.len() > 5, "{target}: {}", seen.len());
    }
}

#[test]
fn filters_choose_and_limits_hold() {
    let mut world = World::new(Pace::Calm);
    let count = |value: Value, list: &str| value[list].as_array().unwrap().len();
    assert_eq!(count(world.get(0, "/markets?series_ticker=KXCPIYOY"), "markets"), 6);
    assert_eq!(count(world.get(0, "/markets?event_ticker=KXALBUM-27"), "markets"), 5);
    assert_eq!(count(world.get(0, &format!("/markets?tickers={FED},NONE")), "markets"), 1);
    assert_eq!(count(world.get(0, "/markets?status=settled"), "markets"), 0);
    assert_eq!(count(world.get(0, "/markets?mve_filter=only"), "markets"), 0);
    assert_eq!(count(world.get(0, "/events?series_ticker=KXALBUM"), "events"), 1);
    let books = format!("/markets/orderbooks?tickers={FED}&tickers=KXALBUM-27-AUR");
    let books = world.get(0, &books);
    assert_eq!(books["orderbooks"][1]["ticker"], "KXALBUM-27-AUR");
    let one = world.get(0, &format!("/markets/{FED}/orderbook?depth=1"));
    assert_eq!(one["orderbook_fp"]["yes_dollars"].as_array().unwrap().len(), 1);
    let all = books["orderbooks"][0]["orderbook_fp"]["yes_dollars"].as_array().unwrap().clone();
    assert_eq!(one["orderbook_fp"]["yes_dollars"][0], all[all.len() - 1], "best last");
    let event = world.get(0, "/events/KXALBUM-27?with_nested_markets=true");
    assert_eq!(event["event"]["collateral_return_type"], "MECNET");
    assert_eq!(event["event"]["markets"].as_array().unwrap().len(), 5);
    assert!(event["markets"].is_array());
    let reply = world.raw(None, "GET", "/markets?limit=1001", b"");
    assert_eq!(reply.status, 400);
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.contains("'GetMarketsParams.Limit' Error"), "{text}");
}

#[test]
fn series_and_fees_are_numbers_and_words_of_the_venue() {
    let mut world = World::new(Pace::None);
    let all = world.get(0, "/series")["series"].clone();
    for series in all.as_array().unwrap() {
        assert!(series["fee_multiplier"].is_number() && series["fee_type"] == "quadratic");
    }
    let one = world.get(0, "/series/KXCPIYOY")["series"].clone();
    assert_eq!(one["fee_multiplier"].to_string(), "0.5");
    let free = world.get(0, "/series/KXALBUM")["series"].clone();
    assert_eq!(free["fee_multiplier"].to_string(), "0");
    assert_eq!(world.get(0, "/series/fee_changes"), json!({ "series_fee_change_arr": [] }));
}

#[test]
fn what_is_public_is_open_and_the_rest_is_signed() {
    let mut world = World::new(Pace::None);
    for open in ["/markets", "/events", "/series", "/exchange/status", "/exchange/schedule"] {
        assert_eq!(world.raw(None, "GET", open, b"").status, 200, "{open}");
    }
    for closed in ["/portfolio/balance", "/account/limits", "/portfolio/orders"] {
        assert_eq!(world.raw(None, "GET", closed, b"").status, 401, "{closed}");
    }
    for nowhere in ["/nowhere", "", "/portfolio/nothing", "/markets/A/B/C"] {
        assert_eq!(world.raw(Some(0), "GET", nowhere, b"").status, 404, "{nowhere}");
    }
    world.venues.limit_kalshi(true);
    let refused =
        (0..70).find(|_| world.raw(Some(0), "GET", "/portfolio/balance", b"").status == 429);
    assert_eq!(refused, Some(60), "600 tokens, 10 each");
    assert_eq!(world.raw(Some(1), "GET", "/portfolio/balance", b"").status, 200);
    world.step(50);
    let reply = world.raw(Some(0), "GET", "/portfolio/balance", b"");
    assert_eq!((reply.status, reply.headers.len()), (200, 1));
    let limits = world.get(1, "/account/limits");
    assert_eq!(limits["write"], json!({ "bucket_capacity": 100, "refill_rate": 100 }));
    let costs = world.get(1, "/account/endpoint_costs");
    assert_eq!(costs["default_cost"], 10);
}
