//! Polymarket: whole requests of `POST /order` and `POST /orders`.

use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::order::{Envelope, OrderTemplate, OrderType, SignedOrder};
use dutchbook_exec::wire::{Head, WireBuf};
use harness::vectors::{self, Expect};
use serde_json::Value;

use super::polymarket::{check_fields, domain_of_v1, order_v1, signer, template, terms};
use super::{number, text};

fn named<'a>(cases: &'a [Value], name: &str) -> &'a Value {
    cases.iter().find(|case| text(case, "name") == name).expect("the order of a body")
}

fn order_type(case: &Value, expiration: u64) -> OrderType {
    match (text(case, "orderType"), expiration) {
        ("GTD", _) => OrderType::Gtd(expiration),
        ("GTC", 0) => OrderType::Gtc,
        ("FOK", 0) => OrderType::Fok,
        ("FAK", 0) => OrderType::Fak,
        other => panic!("{other:?}"),
    }
}

fn signed(template: &OrderTemplate, order: &Value) -> SignedOrder {
    template.sign(&terms(&order["order"]), |digest| signer(order).sign(digest))
}

fn envelope(case: &Value, expiration: u64) -> Envelope<'_> {
    Envelope {
        owner: text(case, "owner"),
        order_type: order_type(case, expiration),
        is_post_only: case["postOnly"].as_bool().unwrap(),
        is_deferred: case["deferExec"].as_bool().unwrap(),
    }
}

fn begin(case: &Value, order: &Value, out: &mut WireBuf) -> (Credentials, Head) {
    let request = &case["request"];
    assert_eq!(text(request, "method"), "POST");
    let credentials = Credentials::new(
        text(order, "owner_address").parse().unwrap(),
        text(case, "owner"),
        text(request, "secret"),
        text(request, "passphrase"),
    )
    .unwrap();
    assert_eq!(credentials.api_key(), text(case, "owner"));
    let target = ("POST", text(request, "path"));
    let head = credentials.head(target, "clob.polymarket.com", true).unwrap();
    head.begin(out);
    (credentials, head)
}

/// Ends a request and checks every key of its case.
fn check(case: &Value, credentials: &Credentials, head: &Head, out: &mut WireBuf) {
    credentials.finish(head, out, case["request"]["timestamp"].as_u64().unwrap());
    assert!(!out.is_full());
    let expect = Expect::new(text(case, "name"), case);
    let inputs = ["order_case", "order_cases", "owner", "orderType", "postOnly", "deferExec"];
    expect.inputs(&[inputs.as_slice(), &["name", "request"]].concat());
    let body = core::str::from_utf8(head.body(out)).unwrap();
    expect.equals("body_serialized", body);
    expect.equals("body", serde_json::from_str::<Value>(body).unwrap());
    let length = format!("Content-Length: {:>6}\r\n\r\n{body}", body.len());
    assert!(core::str::from_utf8(out.as_bytes()).unwrap().ends_with(&length));
    let headers = expect.get("expected_headers").unwrap();
    check_fields(text(case, "name"), headers, head.fields(out));
}

#[test]
fn requests_with_orders() {
    let Some(file) = vectors::load("polymarket", "post_order_bodies") else { return };
    let (Some(v1), Some(v2)) =
        (vectors::load("polymarket", "orders_v1"), vectors::load("polymarket", "orders_v2"))
    else {
        return;
    };
    let (v1, v2) = (vectors::list(&v1, "cases"), vectors::list(&v2, "cases"));
    let mut out = WireBuf::new(32 * 1024);
    let singles = vectors::list(&file, "cases");
    for case in singles {
        let order = named(v2, text(case, "order_case"));
        let (credentials, head) = begin(case, order, &mut out);
        let template = template(order);
        let signed = signed(&template, order);
        let expiration = number(order, "expiration_not_signed");
        template.write(&signed, &envelope(case, expiration), &mut out);
        check(case, &credentials, &head, &mut out);
    }
    let batches = vectors::list(&file, "batch_cases");
    for case in batches {
        let names = vectors::list(case, "order_cases");
        let bodies = case["body"].as_array().unwrap();
        assert_eq!(names.len(), bodies.len());
        let orders: Vec<_> = names.iter().map(|name| named(v2, name.as_str().unwrap())).collect();
        let (credentials, head) = begin(case, orders[0], &mut out);
        for (index, (order, body)) in orders.iter().zip(bodies).enumerate() {
            out.push(if index == 0 { b"[" } else { b"," });
            let template = template(order);
            let signed = signed(&template, order);
            let expiration = number(order, "expiration_not_signed");
            template.write(&signed, &envelope(body, expiration), &mut out);
        }
        out.push(b"]");
        check(case, &credentials, &head, &mut out);
    }
    let legacy = vectors::list(&file, "legacy_v1_cases");
    for case in legacy {
        let order = named(v1, text(case, "order_case"));
        let (credentials, head) = begin(case, order, &mut out);
        let said = order_v1(order);
        let signature = signer(order).sign(&said.hash(&domain_of_v1(order)));
        said.write(&signature, &envelope(case, said.expiration), &mut out);
        check(case, &credentials, &head, &mut out);
    }
    let count = singles.len() + batches.len() + legacy.len();
    vectors::report("polymarket", "post_order_bodies", count);
}
