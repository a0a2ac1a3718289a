//! `kalshi/ws_commands.json`: what we send, compared as JSON objects.

use dutchbook_feeds::command::kalshi::{self, Action, Subscribe};
use harness::vectors;
use serde_json::Value;

/// Builds with our functions what the frame asks for, and says which keys they know.
fn rebuilt(frame: &Value) -> String {
    let id = frame["id"].as_u64().unwrap();
    let params = &frame["params"];
    let texts = |key: &str| -> Vec<&str> {
        vectors::list(params, key).iter().map(|text| text.as_str().unwrap()).collect()
    };
    let sids: Vec<u32> = vectors::list(params, "sids")
        .iter()
        .map(|sid| u32::try_from(sid.as_u64().unwrap()).unwrap())
        .collect();
    let flag = |key: &str| params.get(key).and_then(Value::as_bool).unwrap_or(false);
    let number = |key: &str| params.get(key).map(|n| u32::try_from(n.as_u64().unwrap()).unwrap());
    match frame["cmd"].as_str().unwrap() {
        "subscribe" => kalshi::subscribe(
            id,
            &Subscribe {
                channels: &texts("channels"),
                market_tickers: &texts("market_tickers"),
                use_yes_price: params.get("use_yes_price").and_then(Value::as_bool),
                send_initial_snapshot: flag("send_initial_snapshot"),
                skip_ticker_ack: flag("skip_ticker_ack"),
                shard: number("shard_factor").zip(number("shard_key")),
            },
        ),
        "update_subscription" => {
            let action = match params["action"].as_str().unwrap() {
                "add_markets" => Action::AddMarkets,
                "delete_markets" => Action::DeleteMarkets,
                "get_snapshot" => Action::GetSnapshot,
                other => panic!("unknown action {other}"),
            };
            kalshi::update(id, sids[0], action, &texts("market_tickers"))
        }
        "unsubscribe" => kalshi::unsubscribe(id, &sids),
        "list_subscriptions" => kalshi::list(id),
        other => panic!("unknown command {other}"),
    }
}

#[test]
fn commands() {
    let Some(file) = vectors::load("kalshi", "ws_commands") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let name = vectors::text(case, "name");
        for key in case.as_object().unwrap().keys() {
            let known = matches!(key.as_str(), "name" | "intent" | "frame" | "note");
            assert!(known, "{name}: the test does not know the key `{key}`");
        }
        let sent: Value = serde_json::from_str(&rebuilt(&case["frame"])).unwrap();
        assert_eq!(sent, case["frame"], "{name}");
    }
    vectors::report("kalshi", "ws_commands", cases.len());
}
