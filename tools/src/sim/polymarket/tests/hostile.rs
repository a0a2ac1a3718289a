use super::client::body;
use super::{Client, Ticket, start, venues};
use crate::sim::Pace;
use crate::sim::door::HttpRequest;
use crate::sim::rng::Rng;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Side};

/// Broken bodies, deep nesting, wrong types, huge numbers: an error each, and nothing changes.
#[test]
fn broken_requests_get_an_error_and_change_nothing() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let good = client.envelope(&venues, &Ticket::limit(BookId(0), Side::Buy, 100, 1_000, "GTC"));
    let deep = "[".repeat(100_000);
    let mut bodies = vec![
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "[[[]]]".to_owned(),
        deep,
        "\u{fffd}".to_owned(),
        r#"{"order":[]}"#.to_owned(),
        "x".repeat(2_000_000),
    ];
    for field in ["salt", "maker", "tokenId", "makerAmount", "side", "signatureType", "signature"] {
        for bad in ["null", "-1", "1e400", "\"\"", "[]", "\"9999999999999999999999999\"", "{}"] {
            let mut text = good.clone();
            text["order"][field] = "@@".into();
            bodies.push(text.to_string().replace("\"@@\"", bad));
        }
    }
    for text in &bodies {
        for (method, path) in [
            ("POST", "/order"),
            ("POST", "/orders"),
            ("DELETE", "/order"),
            ("DELETE", "/orders"),
            ("DELETE", "/cancel-market-orders"),
            ("POST", "/orders-scoring"),
            ("POST", "/v1/heartbeats"),
        ] {
            let reply = client.ask(&mut venues, method, path, "", text);
            let is_told = reply.status >= 400 || !reply.body.is_empty();
            assert!(is_told && reply.status < 500, "{path}: {}", reply.status);
        }
    }
    assert!(client.get(&mut venues, "/data/orders", "")["data"].as_array().unwrap().is_empty());
    assert!(venues.polymarket().audit().closes());
}

/// Whatever is asked, with or without a stamp, is answered with JSON.
#[test]
fn random_requests_are_all_answered() {
    let mut venues = venues(Pace::None);
    let mut rng = Rng::new(5, 5);
    let words = [
        "", "/", "book", "books", "markets", "events", "slug", "keyset", "data", "orders", "order",
        "trades", "0x00", "12", "%00%ff%", "prices", "midpoint", "auth", "api-key", "..", "ws",
    ];
    let queries = [
        "",
        "token_id=",
        "token_id=1&side=BUY",
        "next_cursor=MA%3D%3D",
        "next_cursor=!!",
        "limit=-1",
        "limit=99999999999&offset=99999999999",
        "&&&===",
        "market=%zz",
        "clob_token_ids=1,2,,3",
    ];
    for _ in 0..3_000 {
        let mut pick =
            |list: &[&'static str]| list[usize::try_from(rng.below(list.len() as u64)).unwrap()];
        let path = format!("/{}/{}", pick(&words), pick(&words));
        let method = pick(&["GET", "POST", "DELETE", "PUT", "BREW"]);
        let query = pick(&queries);
        let text =
            pick(&["", "{}", "[]", "[{}]", "[{\"token_id\":1}]", "{\"markets\":[1]}", "\u{0}"]);
        let request =
            HttpRequest { method, path: &path, query, headers: &[], body: text.as_bytes() };
        let reply = venues.on_request(VenueKind::Polymarket, &request, start());
        assert!((200..500).contains(&reply.status), "{method} {path}: {}", reply.status);
        assert!(reply.body.is_empty() || !body(&reply).is_null());
    }
}

#[test]
fn the_user_channel_survives_noise() {
    let mut venues = venues(Pace::None);
    let request =
        HttpRequest { method: "GET", path: "/ws/user", query: "", headers: &[], body: b"" };
    for text in
        ["", "PING", "{", "[]", "{\"auth\":1}", "{\"markets\":7}", "{\"operation\":\"subscribe\"}"]
    {
        let id = venues.open(VenueKind::Polymarket, &request, start()).unwrap();
        venues.on_text(id, text, start());
        let mut out = Vec::new();
        venues.take_frames(id, start(), &mut out);
        let is_refused = venues.closed(id).is_some() || out == ["INVALID OPERATION"];
        assert!(is_refused || out == ["PONG"], "{text}: {out:?}");
    }
    let other = HttpRequest { path: "/ws/other", ..request };
    assert!(venues.open(VenueKind::Polymarket, &other, start()).is_err());
}
