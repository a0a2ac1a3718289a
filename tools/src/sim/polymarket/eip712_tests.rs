use super::super::auth::Keys;
use super::super::wallet::{WalletKind, older_deposit};
use super::*;
use crate::sim::door::HttpRequest;
use alloy_primitives::hex;
use dutchbook_book::Nanos;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/polymarket/");
    let text = std::fs::read_to_string(format!("{folder}{name}")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn number(value: &Value) -> U256 {
    let digits = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    U256::from_str_radix(&digits, 10).unwrap()
}

#[test]
fn orders_have_the_recorded_ids_and_signers() {
    let all = vectors("orders_v2.json");
    for case in all["cases"].as_array().unwrap() {
        let (order, expected, name) = (&case["order"], &case["expected"], text(case, "name"));
        let signed = SignedOrder {
            salt: number(&order["salt"]),
            maker: text(order, "maker").parse().unwrap(),
            signer: text(order, "signer").parse().unwrap(),
            token: number(&order["tokenId"]),
            maker_amount: number(&order["makerAmount"]),
            taker_amount: number(&order["takerAmount"]),
            side: u8::from(text(order, "side") == "SELL"),
            signature_type: u8::try_from(order["signatureType"].as_u64().unwrap()).unwrap(),
            timestamp: number(&order["timestamp"]),
            metadata: text(order, "metadata").parse().unwrap(),
            builder: text(order, "builder").parse().unwrap(),
        };
        let neg_risk = case["neg_risk"].as_bool().unwrap();
        let exchange = match text(&case["domain"], "version") {
            "3" => Exchange::Third,
            _ if neg_risk => Exchange::NegRisk,
            _ => Exchange::Normal,
        };
        let chain = case["domain"]["chainId"].as_u64().unwrap();
        let id = signed.id(exchange, chain);
        assert_eq!(format!("{id:#x}"), text(expected, "order_hash"), "{name}");
        let signature = hex::decode(text(expected, "signature")).unwrap();
        let owner: Address = text(case, "owner_address").parse().unwrap();
        let recover = Recover::new();
        let by = |signature: &[u8]| signed.signed_by(&recover, signature, exchange, chain);
        assert_eq!(by(&signature), Some(owner), "{name}");
        for at in [3, 40, signature.len() - 1] {
            let mut broken = signature.clone();
            broken[at] ^= 1;
            assert_ne!(by(&broken), Some(owner), "{name}: byte {at}");
        }
        assert_eq!(by(&signature[..signature.len() - 1]), None, "{name}");
        let other = SignedOrder { salt: signed.salt + U256::from(1_u8), ..signed };
        assert_ne!(other.signed_by(&recover, &signature, exchange, chain), Some(owner), "{name}");
    }
}

#[test]
fn tokens_say_which_exchange_settles_them() {
    let all = vectors("position_ids_v3.json");
    for case in all["cases"].as_array().unwrap() {
        let token = number(&case["position_id"]);
        let is_third = Exchange::of(token, false) == Exchange::Third;
        let has_form = case["is_protocol_v2"] == true;
        // What cannot be decoded has the form, but may be of no module that an exchange knows.
        assert!(has_form || !is_third, "{case}");
        assert!(is_third || !has_form || case["decode_error"] == true, "{case}");
    }
}

#[test]
fn wallets_follow_from_their_owners() {
    let all = vectors("wallet_derivation.json");
    for case in all["cases"].as_array().unwrap() {
        let key = hex::decode(text(case, "private_key")).unwrap();
        let owner = address_of_key(key.try_into().unwrap()).unwrap();
        assert_eq!(owner.to_string(), text(case, "owner_address"));
        let expected = &case["expected"];
        for (kind, name) in [
            (WalletKind::Proxy, "proxy"),
            (WalletKind::Safe, "safe"),
            (WalletKind::Deposit, "deposit_beacon"),
        ] {
            assert_eq!(kind.address(owner).to_string(), text(expected, name), "{name}");
        }
        assert_eq!(older_deposit(owner).to_string(), text(expected, "deposit_uups"));
    }
}

#[test]
fn a_wallet_proves_itself_within_half_a_minute() {
    let all = vectors("auth_l1.json");
    for case in all["cases"].as_array().unwrap() {
        let headers: Vec<(String, String)> = case["expected"]["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
            .collect();
        let (method, path) = ("POST", "/auth/api-key");
        let request = HttpRequest { method, path, query: "", headers: &headers, body: b"" };
        let keys = Keys::new(case["chain_id"].as_u64().unwrap(), 1);
        let secs = case["timestamp"].as_u64().unwrap();
        let at = |secs| keys.wallet(&request, Nanos::from_secs(secs));
        let expected: Address = text(&case["expected"]["headers"], "POLY_ADDRESS").parse().unwrap();
        assert_eq!(at(secs).unwrap(), (expected, number(&case["nonce"])));
        assert!(at(secs + 30).is_ok() && at(secs + 31).is_err());
        if secs > 31 {
            assert!(at(secs - 30).is_ok() && at(secs - 31).is_err());
        }
        let mut other = headers.clone();
        let nonce = other.iter_mut().find(|(name, _)| name == "poly_nonce").unwrap();
        nonce.1.push('7');
        let request = HttpRequest { headers: &other, ..request };
        assert!(keys.wallet(&request, Nanos::from_secs(secs)).is_err());
    }
}
