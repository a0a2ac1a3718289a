//! Polymarket: amounts, order hashes, signatures, authentication.

use alloy_primitives::{Address, B256, U256, hex};
use dutchbook_book::{Price, Qty, Side};
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::venue::polymarket::amounts::{self, Amounts, Tick};
use dutchbook_exec::venue::polymarket::auth::{Credentials, L1Hashes, l1_fields};
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use dutchbook_exec::venue::polymarket::order::{Account, OrderTemplate, Terms, WalletKind};
use dutchbook_exec::venue::polymarket::order_v1::{OrderV1, domain_v1};
use dutchbook_exec::wire::WireBuf;
use harness::vectors::{self, Expect};
use serde_json::Value;

use super::{micro, number, text};

pub(crate) fn side(value: &Value) -> Side {
    match text(value, "side") {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        other => panic!("unknown side {other}"),
    }
}

pub(crate) fn signer(case: &Value) -> Signer {
    Signer::new(PrivateKey::from_hex(text(case, "private_key")).unwrap(), &[3; 32])
}

fn address(value: &Value, key: &str) -> Address {
    text(value, key).parse().unwrap()
}

fn word(value: &Value, key: &str) -> B256 {
    text(value, key).parse().unwrap()
}

fn kind(order: &Value) -> WalletKind {
    let kinds = [WalletKind::Eoa, WalletKind::Proxy, WalletKind::Safe, WalletKind::Deposit];
    let code = order["signatureType"].as_u64().unwrap();
    kinds.into_iter().find(|kind| u64::from(kind.code()) == code).expect("a known kind")
}

fn chain(case: &Value) -> Chain {
    Chain::from_id(case["domain"]["chainId"].as_u64().unwrap()).expect("a known chain")
}

pub(crate) fn terms(order: &Value) -> Terms {
    Terms {
        salt: number(order, "salt"),
        side: side(order),
        amounts: Amounts {
            maker: number(order, "makerAmount"),
            taker: number(order, "takerAmount"),
        },
        timestamp_ms: number(order, "timestamp"),
    }
}

/// The template of a case, whose exchange must follow from its token.
pub(crate) fn template(case: &Value) -> OrderTemplate {
    let order = &case["order"];
    let token: U256 = text(order, "tokenId").parse().unwrap();
    let exchange = Exchange::of(token, case["neg_risk"].as_bool().unwrap());
    let contract = address(&case["domain"], "verifyingContract");
    assert_eq!(exchange.contract(chain(case)), contract, "{}", case["name"]);
    let account = Account {
        kind: kind(order),
        maker: address(order, "maker"),
        signer: address(order, "signer"),
        builder: word(order, "builder"),
        metadata: word(order, "metadata"),
    };
    if !account.maker.is_zero() {
        let made = Account::new(account.kind, address(case, "owner_address"), account.maker);
        assert_eq!((made.maker, made.signer), (account.maker, account.signer));
    }
    OrderTemplate::new(&account, chain(case), exchange, token)
}

/// What an order says follows from the price and size that it was built from.
fn check_built_from(case: &Value) {
    let Some(from) = case.get("built_from") else { return };
    let tick = Tick::from_micro(u32::try_from(micro(text(from, "tick"))).unwrap()).unwrap();
    let price = price(from);
    let found = match text(from, "kind") {
        "limit" => {
            let size = Qty::from_micro(micro(text(from, "size"))).unwrap();
            amounts::limit(tick, side(from), price, size)
        }
        "market" => amounts::market(tick, side(from), price, micro(text(from, "amount"))),
        other => panic!("unknown kind {other}"),
    };
    let order = &case["order"];
    let said = Amounts { maker: number(order, "makerAmount"), taker: number(order, "takerAmount") };
    assert_eq!(found, Ok(said), "{}", case["name"]);
}

fn price(case: &Value) -> Price {
    Price::from_micro(u32::try_from(micro(text(case, "price"))).unwrap()).unwrap()
}

#[test]
fn orders_of_the_second_and_third_exchange() {
    let Some(file) = vectors::load("polymarket", "orders_v2") else { return };
    let cases = vectors::list(&file, "cases");
    let mut out = WireBuf::new(1024);
    for case in cases {
        let expect = Expect::new(text(case, "name"), &case["expected"]);
        let signer = signer(case);
        assert_eq!(signer.address(), address(case, "owner_address"));
        let template = template(case);
        check_built_from(case);
        let order = template.sign(&terms(&case["order"]), |digest| signer.sign(digest));
        expect.equals("domain_separator", template.domain_separator().to_string());
        expect.equals("struct_hash", order.hashes.contents.to_string());
        expect.equals("order_hash", order.hashes.order.to_string());
        out.clear();
        template.write_signature(&order, &mut out);
        let signature = format!("0x{}", core::str::from_utf8(out.as_bytes()).unwrap());
        expect.equals("signature_length_bytes", (signature.len() - 2) / 2);
        expect.equals("signature", signature);
        expect.equals("inner_signature", hex::encode_prefixed(order.signature.0));
        expect.equals("typed_data_sign_digest", order.hashes.signed.to_string());
        let signed_by = signer.recover(&order.hashes.signed, &order.signature);
        assert_eq!(signed_by, Some(signer.address()));
    }
    vectors::report("polymarket", "orders_v2", cases.len());
}

pub(crate) fn order_v1(case: &Value) -> OrderV1 {
    let order = &case["order"];
    OrderV1 {
        salt: number(order, "salt"),
        maker: address(order, "maker"),
        signer: address(order, "signer"),
        taker: address(order, "taker"),
        token: text(order, "tokenId").parse().unwrap(),
        amounts: Amounts {
            maker: number(order, "makerAmount"),
            taker: number(order, "takerAmount"),
        },
        expiration: number(order, "expiration"),
        nonce: number(order, "nonce"),
        fee_rate_bps: number(order, "feeRateBps"),
        side: side(order),
        kind: kind(order),
    }
}

pub(crate) fn domain_of_v1(case: &Value) -> B256 {
    domain_v1(chain(case), case["neg_risk"].as_bool().unwrap())
}

#[test]
fn orders_of_the_first_exchange() {
    let Some(file) = vectors::load("polymarket", "orders_v1") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(text(case, "name"), &case["expected"]);
        let (signer, order) = (signer(case), order_v1(case));
        check_built_from(case);
        let domain = domain_of_v1(case);
        expect.equals("domain_separator", domain.to_string());
        expect.equals("struct_hash", order.contents().to_string());
        let hash = order.hash(&domain);
        expect.equals("order_hash", hash.to_string());
        expect.equals("signature", hex::encode_prefixed(signer.sign(&hash).0));
    }
    vectors::report("polymarket", "orders_v1", cases.len());
}

#[test]
fn amounts_of_limit_orders() {
    let Some(file) = vectors::load("polymarket", "amounts_limit") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(case.to_string(), case);
        expect.inputs(&["tick", "side", "price", "size"]);
        let tick = Tick::from_micro(u32::try_from(micro(text(case, "tick"))).unwrap()).unwrap();
        let size = Qty::from_micro(micro(text(case, "size"))).unwrap();
        let found = amounts::limit(tick, side(case), price(case), size).unwrap();
        expect.equals("makerAmount", found.maker.to_string());
        expect.equals("takerAmount", found.taker.to_string());
    }
    vectors::report("polymarket", "amounts_limit", cases.len());
}

#[test]
fn amounts_of_market_orders() {
    let Some(file) = vectors::load("polymarket", "amounts_market") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(case.to_string(), case);
        // What the venue's float clients make of it is recorded there; we are not to follow it.
        expect.inputs(&["tick", "side", "price", "amount", "float_client_differs"]);
        let tick = Tick::from_micro(u32::try_from(micro(text(case, "tick"))).unwrap()).unwrap();
        let gives = micro(text(case, "amount"));
        let found = amounts::market(tick, side(case), price(case), gives).unwrap();
        expect.equals("makerAmount", found.maker.to_string());
        expect.equals("takerAmount", found.taker.to_string());
        let engine = (found.taker - found.taker % 100).to_string();
        expect.equals("taker_floor_4dp", engine.as_str());
        if let Ok(immediate) = amounts::immediate(tick, side(case), price(case), gives) {
            assert_eq!(immediate.taker.to_string(), engine);
        }
    }
    vectors::report("polymarket", "amounts_market", cases.len());
}

#[test]
fn authentication_with_the_key() {
    let Some(file) = vectors::load("polymarket", "auth_l1") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(case.to_string(), &case["expected"]);
        let signer = signer(case);
        let chain = Chain::from_id(case["chain_id"].as_u64().unwrap()).unwrap();
        let (at, nonce) = (case["timestamp"].as_u64().unwrap(), case["nonce"].as_u64().unwrap());
        let hashes = L1Hashes::of(signer.address(), chain, at, nonce);
        expect.equals("domain_separator", hashes.domain.to_string());
        expect.equals("struct_hash", hashes.contents.to_string());
        expect.equals("digest", hashes.signed.to_string());
        let headers = expect.get("headers").unwrap();
        let expect = Expect::new(case.to_string(), headers);
        for (name, value) in l1_fields(&signer, chain, at, nonce) {
            expect.equals(name, value);
        }
    }
    vectors::report("polymarket", "auth_l1", cases.len());
}

/// Checks the header fields of a finished request.
pub(crate) fn check_fields<'a>(
    context: &str,
    expected: &Value,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let expect = Expect::new(context, expected);
    for (name, value) in fields {
        expect.equals(name, value);
    }
}

#[test]
fn authentication_with_credentials() {
    let Some(file) = vectors::load("polymarket", "auth_l2_hmac") else { return };
    let cases = vectors::list(&file, "cases");
    let mut out = WireBuf::new(4096);
    for case in cases {
        let context = case.to_string();
        let expect = Expect::new(context.as_str(), &case["expected"]);
        let credentials = Credentials::new(
            address(case, "address"),
            text(case, "api_key"),
            text(case, "secret"),
            text(case, "passphrase"),
        )
        .unwrap();
        let at = case["timestamp"].as_u64().unwrap();
        let (method, path) = (text(case, "method"), text(case, "path"));
        let body = case["body"].as_str().unwrap_or("");
        expect.equals("message", format!("{at}{method}{path}{body}"));
        let stamp = credentials.stamp(at.to_string().as_bytes(), method, path, body.as_bytes());
        let headers = expect.get("headers").unwrap();
        let signature = text(headers, "POLY_SIGNATURE");
        assert_eq!(core::str::from_utf8(&stamp).unwrap(), signature, "{context}");
        // Old timestamps are shorter than today's: those cannot be sent any more.
        let method = ["GET", "POST", "DELETE"].into_iter().find(|known| *known == method);
        if let (Some(method), true) = (method, at >= 1_000_000_000) {
            let target = format!("{path}?a=b");
            let head = credentials.head((method, &target), "localhost", !body.is_empty()).unwrap();
            head.begin(&mut out);
            out.push(body.as_bytes());
            credentials.finish(&head, &mut out, at);
            assert!(!out.is_full());
            check_fields(&context, headers, head.fields(&out));
        } else {
            Expect::new(context.as_str(), headers).inputs(&[
                "POLY_ADDRESS",
                "POLY_SIGNATURE",
                "POLY_TIMESTAMP",
                "POLY_API_KEY",
                "POLY_PASSPHRASE",
            ]);
        }
        assert!(!format!("{credentials:?}").contains(text(case, "passphrase")));
    }
    vectors::report("polymarket", "auth_l2_hmac", cases.len());
}
