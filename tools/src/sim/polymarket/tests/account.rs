use super::client::{best, body, frames, get, pass};
use super::{Client, Ticket, venues};
use crate::sim::Pace;
use dutchbook_book::{BookId, Cash, Face, Side};
use serde_json::Value;
use sha1::{Digest as _, Sha1};

const FED: BookId = BookId(0);

#[test]
fn a_book_carries_the_hash_of_what_it_prints() {
    let mut venues = venues(Pace::None);
    let token = venues.polymarket().facts.market(FED).unwrap().token(Face::No).to_owned();
    let book = get(&mut venues, "/book", &format!("token_id={token}"));
    let keys = ["market", "asset_id", "timestamp", "hash", "bids", "asks"];
    let keys = keys.iter().chain(&["min_order_size", "tick_size", "neg_risk", "last_trade_price"]);
    let mut blank = String::from("{");
    for key in keys {
        let value = if *key == "hash" { "\"\"".to_owned() } else { book[*key].to_string() };
        blank.push_str(&format!("\"{key}\":{value},"));
    }
    blank.pop();
    blank.push('}');
    let hash = alloy_primitives::hex::encode(Sha1::digest(blank));
    assert_eq!(book["hash"], hash.as_str());
    let bids = book["bids"].as_array().unwrap();
    let best_bid = best(&venues, FED, Face::No, Side::Buy);
    assert_eq!(bids.last().unwrap()["price"], best_bid.price.to_string().as_str());
}

#[test]
fn discovery_and_prices_agree_with_the_books() {
    let mut venues = venues(Pace::None);
    let facts = venues.polymarket().facts.market(FED).unwrap().clone();
    let token = facts.token(Face::Yes);
    let page = get(&mut venues, "/markets", "next_cursor=MA%3D%3D");
    let count = venues.polymarket().facts.markets.len();
    assert_eq!(page["data"].as_array().unwrap().len(), count);
    let one = get(&mut venues, &format!("/markets/{}", facts.condition), "");
    assert_eq!(page["data"][0], one);
    assert_eq!(one["minimum_tick_size"], 0.01);
    let short = get(&mut venues, &format!("/clob-markets/{}", facts.condition), "");
    assert_eq!((&short["mts"], &short["fd"]["r"]), (&Value::from(0.01), &Value::from(0.04)));
    assert_eq!(short["t"][1]["t"], facts.token(Face::No));
    let gamma = get(&mut venues, "/markets", &format!("condition_ids={}", facts.condition));
    let ids: Vec<String> =
        serde_json::from_str(gamma[0]["clobTokenIds"].as_str().unwrap()).unwrap();
    assert_eq!(ids, facts.tokens);
    let by_slug = get(&mut venues, &format!("/markets/slug/{}", facts.slug), "");
    let by_id = get(&mut venues, &format!("/markets/{}", facts.number), "");
    assert_eq!((&by_slug, &by_slug), (&gamma[0], &by_id));
    let events = get(&mut venues, "/events", "limit=100&closed=false");
    let bound = events.as_array().unwrap().iter().find(|event| event["negRisk"] == true).unwrap();
    assert_eq!(bound["markets"].as_array().unwrap().len(), 8);
    let by_slug =
        get(&mut venues, &format!("/events/slug/{}", bound["slug"].as_str().unwrap()), "");
    assert_eq!(&by_slug, bound);
    let first = get(&mut venues, "/events/keyset", "limit=2");
    let cursor = first["next_cursor"].as_str().unwrap().replace('=', "%3D");
    let second = get(&mut venues, "/events/keyset", &format!("limit=2&next_cursor={cursor}"));
    assert_ne!(first["events"][0]["id"], second["events"][0]["id"]);
    let query = format!("token_id={token}");
    let (bid, ask) = (
        best(&venues, FED, Face::Yes, Side::Buy).price,
        best(&venues, FED, Face::Yes, Side::Sell).price,
    );
    let price = get(&mut venues, "/price", &format!("{query}&side=BUY"));
    assert_eq!(price["price"], bid.to_string().as_str());
    let spread = get(&mut venues, "/spread", &query);
    let expected = Cash::from_micro(i64::from(ask.micro()) - i64::from(bid.micro()));
    assert_eq!(spread["spread"], expected.to_string().as_str());
    assert_eq!(get(&mut venues, "/tick-size", &query)["minimum_tick_size"], 0.01);
    assert_eq!(get(&mut venues, "/neg-risk", &query)["neg_risk"], false);
}

#[test]
fn a_silent_dead_man_loses_its_orders() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let beat = |venues: &mut _, client: &Client, id: &str| {
        let text = format!(r#"{{"heartbeat_id":"{id}"}}"#);
        let reply = client.ask(venues, "POST", "/v1/heartbeats", "", &text);
        (reply.status, body(&reply))
    };
    let id = beat(&mut venues, &client, "").1["heartbeat_id"].as_str().unwrap().to_owned();
    client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC"));
    pass(&mut venues, 8_000);
    let wrong = beat(&mut venues, &client, "wrong");
    assert_eq!((wrong.0, wrong.1["error_msg"].as_str()), (400, Some("Invalid Heartbeat ID")));
    assert_eq!(wrong.1["heartbeat_id"], id.as_str());
    assert_eq!(beat(&mut venues, &client, &id).0, 200);
    let open =
        |venues: &mut _| client.get(venues, "/data/orders", "")["data"].as_array().unwrap().len();
    pass(&mut venues, 9_000);
    assert_eq!(open(&mut venues), 1);
    pass(&mut venues, 6_000);
    assert_eq!(open(&mut venues), 0);
}

#[test]
fn keys_are_listed_and_deleted_and_strangers_refused() {
    let mut venues = venues(Pace::None);
    let client = Client::new(&mut venues, 0);
    let keys = client.get(&mut venues, "/auth/api-keys", "");
    assert_eq!(keys["apiKeys"][0], client.key.id.as_str());
    let mut stranger = Client::new(&mut venues, 1);
    stranger.key.passphrase.push('0');
    let reply = stranger.ask(&mut venues, "GET", "/data/orders", "", "");
    assert_eq!(
        (reply.status, body(&reply)["error"].as_str()),
        (401, Some("Unauthorized/Invalid api key"))
    );
    let deleted = client.ask(&mut venues, "DELETE", "/auth/api-key", "", "");
    assert_eq!(deleted.status, 200);
    assert_eq!(client.ask(&mut venues, "GET", "/data/orders", "", "").status, 401);
    let session = client.listen(&mut venues);
    assert!(venues.closed(session).is_some(), "a dead key opens no user channel");
}

#[test]
fn a_market_filter_holds_on_the_user_channel() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let session = client.listen(&mut venues);
    let fed = venues.polymarket().facts.market(FED).unwrap().condition.clone();
    let now = venues.now();
    venues.on_text(session, &format!(r#"{{"operation":"unsubscribe","markets":["{fed}"]}}"#), now);
    client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC"));
    assert!(frames(&mut venues, session).is_empty());
    venues.on_text(session, &format!(r#"{{"operation":"subscribe","markets":["{fed}"]}}"#), now);
    client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC"));
    assert_eq!(frames(&mut venues, session).len(), 1);
    let unknown = format!("0x{}", "7".repeat(64));
    let named = client.listen_to(&mut venues, &[&unknown]);
    client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC"));
    assert!(frames(&mut venues, named).is_empty(), "an unknown market is not all markets");
}

#[test]
fn the_bell_rings_for_fills_and_cancels_until_it_is_cleared() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let ask = best(&venues, FED, Face::Yes, Side::Sell);
    let pips = u64::from(ask.price.micro()) / 100;
    client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, pips, 500, "GTC"));
    client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC"));
    client.ask(&mut venues, "DELETE", "/cancel-all", "", "");
    let bell = client.get(&mut venues, "/notifications", "signature_type=0");
    let kinds: Vec<u64> =
        bell.as_array().unwrap().iter().map(|n| n["type"].as_u64().unwrap()).collect();
    assert_eq!(kinds, [2, 1]);
    assert_eq!(bell[0]["payload"]["matched_size"], "5");
    let ids = format!("ids={},{}", bell[0]["id"], bell[1]["id"]);
    assert_eq!(client.ask(&mut venues, "DELETE", "/notifications", &ids, "").status, 200);
    assert_eq!(client.get(&mut venues, "/notifications", ""), Value::Array(Vec::new()));
}
