//! Clients that mean harm or are broken: every answer is a refusal, nothing grows, nothing panics.

use serde_json::{Value, json};

use super::super::super::Pace;
use super::super::super::rng::Rng;
use super::{FED, ORDERS, World, order_of};

#[test]
fn broken_bodies_are_refused() {
    let mut world = World::new(Pace::None);
    let deep = "[".repeat(200_000);
    let long = format!(r#"{{"ticker":"{}"}}"#, "x".repeat(900_000));
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b"{\"ticker\":1}",
        b"{\"orders\":{}}",
        deep.as_bytes(),
        long.as_bytes(),
    ];
    let paths = ["", "/batched", "/x/amend", "/x/decrease"];
    for body in bodies {
        for path in paths {
            let status = world.raw(Some(0), "POST", &format!("{ORDERS}{path}"), body).status;
            assert!((400..500).contains(&status), "{path} {status}");
        }
        let status = world.raw(Some(0), "DELETE", &format!("{ORDERS}/batched"), body).status;
        assert!((400..500).contains(&status));
    }
    let huge = vec![b' '; (1 << 20) + 1];
    assert_eq!(world.raw(Some(0), "POST", ORDERS, &huge).status, 413);
}

#[test]
fn every_field_may_be_anything() {
    let mut world = World::new(Pace::None);
    let mut rng = Rng::new(5, 5);
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!("x"),
        json!(""),
        json!("9999999999999999999999"),
        json!("-0.5"),
        json!("0.00000001"),
        json!("1e9"),
        json!([1]),
        json!({ "a": 1 }),
        json!("\u{0}\u{202e}"),
    ];
    let fields = [
        "ticker",
        "side",
        "count",
        "price",
        "time_in_force",
        "self_trade_prevention_type",
        "client_order_id",
        "expiration_time",
        "post_only",
        "reduce_only",
        "subaccount",
        "order_group_id",
        "exchange_index",
        "cancel_order_on_pause",
    ];
    for field in fields {
        for value in &odd {
            let mut body = order_of(FED, ["bid", "1.00", "0.0100"], &json!({}));
            body[field] = value.clone();
            let (status, reply) = world.ask(0, "POST", ORDERS, &body);
            assert!(status == 201 || (400..500).contains(&status), "{field} {value}: {reply}");
        }
    }
    let session = world.connect(0);
    for _ in 0..300 {
        let pick = |rng: &mut Rng| odd[usize::try_from(rng.below(14)).unwrap()].clone();
        let command = json!({ "id": pick(&mut rng), "cmd": "subscribe", "params": {
            "channels": [pick(&mut rng), "ticker"], "market_tickers": pick(&mut rng),
            "sids": pick(&mut rng), "use_yes_price": pick(&mut rng) } });
        world.say(session, &command);
    }
    for text in ["", "{", "\u{0}", "[[[[", r#"{"cmd":7}"#, r#"{"cmd":"subscribe","params":[]}"#] {
        world.venues.on_text(session, text, world.now);
    }
    world.venues.kalshi_closes().unwrap();
}

#[test]
fn odd_paths_and_queries_are_answered() {
    let mut world = World::new(Pace::None);
    let long = format!("/markets?{}", "tickers=A&".repeat(20_000));
    for target in [
        "/markets?limit=-1",
        "/markets?limit=99999999999999999999",
        "/markets?cursor=%00%ff",
        "/markets?min_close_ts=-5",
        "/markets?status=open,closed",
        "/markets/%2e%2e/orderbook",
        "/markets/trades?min_ts=x",
        "/markets/orderbooks",
        "//",
        &long,
    ] {
        let reply = world.raw(None, "GET", target, b"");
        assert!(reply.status < 500, "{target}");
    }
    let path = format!("{ORDERS}/{}", "x".repeat(100_000));
    assert_eq!(world.ask(0, "DELETE", &path, &Value::Null).0, 404);
    for method in ["PATCH", "HEAD", "", "OPTIONS", "TRACE"] {
        let status = world.raw(Some(0), method, "/portfolio/events/orders", b"").status;
        assert_eq!(status, 404, "{method}");
    }
}
