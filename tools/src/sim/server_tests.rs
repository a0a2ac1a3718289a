use dutchbook_core::clock::Clock;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::super::flow::Pace;
use super::*;

fn options() -> SimOptions {
    let scenario = Scenario::demo(1, Nanos::from_secs(12)).unwrap();
    SimOptions::new(scenario, FlowConfig::of(Pace::Busy), 1)
}

fn now() -> Now {
    let clock = Clock::new();
    Box::new(move || clock.now())
}

fn block_on<F: Future>(task: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), task).await.unwrap() })
}

/// Says something and reads until `count` text frames are there; also the payloads of pings.
async fn talk(url: &str, text: String, count: usize) -> (Vec<String>, Vec<Bytes>) {
    let (mut socket, _) = connect_async(url).await.unwrap();
    socket.send(Message::text(text)).await.unwrap();
    let (mut frames, mut pings) = (Vec::new(), Vec::new());
    while frames.len() < count {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => frames.push(text.as_str().to_owned()),
            Message::Ping(payload) => pings.push(payload),
            other @ (Message::Binary(_)
            | Message::Pong(_)
            | Message::Close(_)
            | Message::Frame(_)) => panic!("{other:?}"),
        }
    }
    (frames, pings)
}

#[test]
fn both_faces_stream_over_one_listener_and_stop() {
    let options = options();
    let listings = options.scenario.catalog.listings.clone();
    let tokens: Vec<&String> =
        listings.iter().flat_map(|l| l.native_faces.iter().flatten()).collect();
    let tickers: Vec<&String> = listings
        .iter()
        .filter(|listing| listing.kind == VenueKind::Kalshi)
        .map(|listing| &listing.native_market)
        .collect();
    let handle = start(options, now()).unwrap();
    let subscribe = serde_json::json!({"assets_ids": tokens, "type": "market"}).to_string();
    let (frames, _) = block_on(talk(&handle.polymarket_url, subscribe, 60));
    assert!(frames[0].starts_with(r#"[{"market":"0x"#));
    assert!(frames.iter().any(|frame| frame.contains("price_changes")));
    let (frames, _) = block_on(talk(&handle.polymarket_url, "PING".to_owned(), 1));
    assert_eq!(frames, ["PONG"]);
    let subscribe = serde_json::json!({"id": 1, "cmd": "subscribe", "params": {
        "channels": ["orderbook_delta"], "market_tickers": tickers, "use_yes_price": false}});
    let (frames, pings) = block_on(talk(&handle.kalshi_url, subscribe.to_string(), 60));
    assert_eq!(
        frames[0],
        r#"{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}"#
    );
    assert_eq!(pings.first().map(Bytes::as_ref), Some(b"heartbeat".as_slice()));
    let stats = handle.stop().unwrap().stats();
    assert!(stats.sessions == 3 && stats.frames >= 60 && stats.operations > 0, "{stats:?}");
}

#[test]
fn a_taken_port_and_a_wrong_path_are_told() {
    let handle = start(options(), now()).unwrap();
    let mut second = options();
    second.listen = handle.address;
    let error = start(second, now()).unwrap_err().to_string();
    assert!(error.contains("cannot listen on 127.0.0.1:"), "{error}");
    assert!(error.contains("choose another port"), "{error}");
    let url = format!("ws://{}/elsewhere", handle.address);
    let refused = block_on(connect_async(url)).unwrap_err().to_string();
    assert!(refused.contains("404"), "{refused}");
}
