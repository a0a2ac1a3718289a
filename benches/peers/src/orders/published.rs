//! Order building and signing of the published clients, caches filled, no network.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;

use alloy_primitives::{B256, hex};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use futures_util::FutureExt;
use nautilus_polymarket::common::credential::EvmPrivateKey;
use nautilus_polymarket::common::enums::{PolymarketOrderSide, SignatureType};
use nautilus_polymarket::execution::order_builder::PolymarketOrderBuilder;
use nautilus_polymarket::signing::eip712::OrderSigner;
use polyfill_rs::auth::{PreparedApiCredentials, create_l2_headers_with_body_bytes};
use polyfill_rs::orders::OrderBuilder;
use polyfill_rs::types::{ApiCredentials, PostOrder, PostOrderOptions};
use polymarket_client_sdk_v2::POLYGON;
use polymarket_client_sdk_v2::auth::{Credentials, LocalSigner, Signer, Uuid};
use polymarket_client_sdk_v2::clob::types::{OrderType, Side, TickSize};
use polymarket_client_sdk_v2::clob::{Client, Config};
use polymarket_client_sdk_v2::types::U256;
use rust_decimal::Decimal;
use serde_json::Value;

use super::ours::{Stated, signed_by_us};
use super::{API_KEY, KEY, PASSPHRASE, SECRET, TOKEN, Way, wanted};
use crate::clients::{NAUTILUS, POLYFILL, SDK};

fn price_and_size(n: usize) -> (Decimal, Decimal) {
    let wanted = wanted(n);
    (Decimal::new(wanted.cents.into(), 2), Decimal::from(wanted.contracts))
}

pub(crate) fn ways() -> [Way; 3] {
    [polyfill(), sdk(), nautilus()]
}

fn way(name: &'static str, mut body: impl FnMut(usize) -> (Vec<u8>, usize) + 'static) -> Way {
    assert_signs_as_we(name, &body(1).0);
    Way { name, ready: Box::new(|_| {}), order: Box::new(move |n| body(n).1) }
}

/// The order in a body is the `n`-th wanted one, and its signature is the one that we make.
fn assert_signs_as_we(name: &str, body: &[u8]) {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let order = body.get("order").unwrap_or(&body);
    let text = |key: &str| match &order[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let number = |key: &str| u64::from_str(&text(key)).expect("a number");
    let stated = Stated {
        salt: number("salt"),
        maker_amount: number("makerAmount"),
        taker_amount: number("takerAmount"),
        timestamp_ms: number("timestamp"),
        builder: B256::from_str(&text("builder")).expect("a word"),
    };
    let (price, size) = price_and_size(1);
    assert_eq!(Decimal::from(stated.maker_amount), price * size * Decimal::from(1_000_000));
    assert_eq!(Decimal::from(stated.taker_amount), size * Decimal::from(1_000_000));
    let (_, ours) = signed_by_us(&stated);
    assert_eq!(text("signature"), format!("0x{}", hex::encode(ours.0)), "{name}");
}

fn polyfill() -> Way {
    let signer = LocalSigner::from_bytes(&B256::new(KEY)).expect("a key");
    let builder = OrderBuilder::new(signer.clone(), None, None);
    let path = builder
        .prepare_order_path(POLYGON, TOKEN, Decimal::new(1, 2), false, None, None)
        .expect("a path");
    let credentials = PreparedApiCredentials::try_new(ApiCredentials {
        api_key: API_KEY.to_owned(),
        secret: BASE64_URL_SAFE.encode(SECRET),
        passphrase: PASSPHRASE.to_owned(),
    });
    let credentials = credentials.expect("credentials");
    way(POLYFILL, move |n| {
        let (price, size) = price_and_size(n);
        let order = path
            .create_limit_order(polyfill_rs::types::Side::BUY, price, size, None)
            .expect("an order");
        let options = PostOrderOptions {
            order_type: polyfill_rs::types::OrderType::FAK,
            ..Default::default()
        };
        let body = PostOrder::new(order, API_KEY.to_owned(), options);
        let body = serde_json::to_vec(&body).expect("JSON");
        let fields =
            create_l2_headers_with_body_bytes(&signer, &credentials, "POST", "/order", Some(&body));
        let fields = fields.expect("fields").values().map(String::len).sum::<usize>();
        let length = body.len() + fields;
        (body, length)
    })
}

/// Answers what the official client asks once and keeps: the version of the exchange.
fn version_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let mut request = [0; 4_096];
        let _ = socket.read(&mut request).expect("a request");
        let body = r#"{"version":2}"#;
        write!(
            socket,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
        .expect("an answer");
    });
    address
}

fn sdk() -> Way {
    let signer = LocalSigner::from_bytes(&B256::new(KEY)).expect("a key");
    let signer = signer.with_chain_id(Some(POLYGON));
    let token: U256 = TOKEN.parse().expect("a token");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let client = Client::new(&format!("http://{}", version_server()), Config::default());
    let client = client.expect("a client");
    let credentials = Credentials::new(
        Uuid::from_str(API_KEY).expect("an id"),
        BASE64_URL_SAFE.encode(SECRET),
        PASSPHRASE.to_owned(),
    );
    let client = runtime.block_on(async {
        let entry = client.authentication_builder(&signer).credentials(credentials);
        let client = entry.authenticate().await.expect("entered");
        assert_eq!(client.version().await.expect("a version"), 2);
        client
    });
    client.set_tick_size(token, TickSize::Hundredth);
    client.set_neg_risk(token, false);
    client.set_fee_rate_bps(token, 0);
    way(SDK, move |n| {
        let (price, size) = price_and_size(n);
        let order = client.limit_order().token_id(token).side(Side::Buy).price(price).size(size);
        let built = order.order_type(OrderType::FAK).build().now_or_never();
        let built = built.expect("from caches").expect("an order");
        let signed = client.sign(&signer, built).now_or_never();
        let signed = signed.expect("from caches").expect("a signature");
        let body = serde_json::to_vec(&signed).expect("JSON");
        let length = body.len();
        (body, length)
    })
}

fn nautilus() -> Way {
    let key = EvmPrivateKey::new(&hex::encode(KEY)).expect("a key");
    let signer = OrderSigner::new(&key).expect("a signer");
    let address = signer.address().to_string();
    let builder = PolymarketOrderBuilder::new(signer, address.clone(), address, SignatureType::Eoa);
    way(NAUTILUS, move |n| {
        let (price, size) = price_and_size(n);
        let order =
            builder.build_limit_order(TOKEN, PolymarketOrderSide::Buy, price, size, "0", false, 2);
        let body = serde_json::to_vec(&order.expect("an order")).expect("JSON");
        let length = body.len();
        (body, length)
    })
}
