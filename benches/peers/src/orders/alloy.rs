//! The way of a bot on alloy: typed data hashed by `alloy-sol-types`, signed by
//! `alloy-signer-local`, body by `serde_json`, the HMAC key scheduled for every request.

use alloy_primitives::{B256, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{Eip712Domain, SolStruct, sol};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use hmac::{Hmac, KeyInit, Mac};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sha2::Sha256;

use super::ours::{Stated, signed_by_us};
use super::{API_KEY, KEY, PASSPHRASE, SECRET, TOKEN, UNIX_MS, Way, wanted};

pub(crate) const ALLOY: &str = "alloy-signer-local 2.5.0";

sol! {
    struct Order {
        uint256 salt;
        address maker;
        address signer;
        uint256 tokenId;
        uint256 makerAmount;
        uint256 takerAmount;
        uint8 side;
        uint8 signatureType;
        uint256 timestamp;
        bytes32 metadata;
        bytes32 builder;
    }
}

pub(crate) struct Alloy {
    signer: PrivateKeySigner,
    domain: Eip712Domain,
}

/// Base units of an amount in dollars or contracts.
fn units(amount: Decimal) -> U256 {
    U256::from((amount * Decimal::from(1_000_000)).to_u64().expect("an amount"))
}

impl Alloy {
    fn new() -> Self {
        let domain = alloy_sol_types::eip712_domain! {
            name: "Polymarket CTF Exchange",
            version: "2",
            chain_id: 137,
            verifying_contract: Exchange::V2.contract(Chain::Polygon),
        };
        Self { signer: PrivateKeySigner::from_bytes(&B256::new(KEY)).expect("a key"), domain }
    }

    pub(crate) fn way() -> Way {
        let alloy = Self::new();
        let (order, signature) = alloy.signed(1);
        let number = |word: U256| u64::try_from(word).expect("small");
        let stated = Stated {
            salt: number(order.salt),
            maker_amount: number(order.makerAmount),
            taker_amount: number(order.takerAmount),
            timestamp_ms: number(order.timestamp),
            builder: order.builder,
        };
        let (hash, ours) = signed_by_us(&stated);
        assert_eq!(order.eip712_signing_hash(&alloy.domain), hash, "the same hash");
        assert_eq!(signature.as_bytes(), ours.0, "the same signature");
        let order = Box::new(move |n| alloy.order(n));
        Way { name: ALLOY, ready: Box::new(|_| {}), order }
    }

    fn signed(&self, n: usize) -> (Order, alloy_primitives::Signature) {
        let wanted = wanted(n);
        let (price, size) = (Decimal::new(wanted.cents.into(), 2), Decimal::from(wanted.contracts));
        let order = Order {
            salt: U256::from(1_000_000 + n),
            maker: self.signer.address(),
            signer: self.signer.address(),
            tokenId: TOKEN.parse().expect("a token"),
            makerAmount: units(price * size),
            takerAmount: units(size),
            side: 0,
            signatureType: 0,
            timestamp: U256::from(UNIX_MS),
            metadata: B256::ZERO,
            builder: B256::ZERO,
        };
        let hash = order.eip712_signing_hash(&self.domain);
        let signature = self.signer.sign_hash_sync(&hash).expect("a signature");
        (order, signature)
    }

    fn order(&self, n: usize) -> usize {
        let (order, signature) = self.signed(n);
        let body = serde_json::json!({
            "order": {
                "salt": u64::try_from(order.salt).expect("small"),
                "maker": order.maker.to_string(),
                "signer": order.signer.to_string(),
                "tokenId": order.tokenId.to_string(),
                "makerAmount": order.makerAmount.to_string(),
                "takerAmount": order.takerAmount.to_string(),
                "side": "BUY",
                "expiration": "0",
                "signatureType": 0,
                "timestamp": order.timestamp.to_string(),
                "metadata": order.metadata.to_string(),
                "builder": order.builder.to_string(),
                "signature": signature.to_string(),
            },
            "owner": API_KEY, "orderType": "FAK", "deferExec": false, "postOnly": false,
        })
        .to_string();
        let mut hmac = Hmac::<Sha256>::new_from_slice(&SECRET).expect("a key");
        hmac.update(format!("{}POST/order{body}", UNIX_MS / 1_000).as_bytes());
        let stamp = BASE64_URL_SAFE.encode(hmac.finalize().into_bytes());
        let head = format!(
            "POST /order HTTP/1.1\r\nHost: clob.polymarket.com\r\n\
             Content-Type: application/json\r\nPOLY_ADDRESS: {}\r\nPOLY_SIGNATURE: {stamp}\r\n\
             POLY_TIMESTAMP: {}\r\nPOLY_API_KEY: {API_KEY}\r\nPOLY_PASSPHRASE: {PASSPHRASE}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.signer.address(),
            UNIX_MS / 1_000,
            body.len()
        );
        head.len()
    }
}
