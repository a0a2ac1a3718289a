//! API keys and who may use them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::URL_SAFE};
use dutchbook_book::Nanos;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::super::door::HttpRequest;
use super::eip712::{Recover, login_digest};

/// How far a stamp may be from the venue's own clock, either way.
const STAMP_SECS_MAX: u64 = 30;
/// How many keys the venue keeps; more than this is an attack, and the oldest goes.
const KEYS_MAX: usize = 4_096;

/// Why a request is not its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The signature of a wallet is missing, wrong or stale.
    Wallet,
    /// The stamp of an API key is missing, wrong or stale.
    Key,
}

/// What a holder needs to stamp requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiKey {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) passphrase: String,
    /// The wallet that made it.
    pub(super) address: Address,
    nonce: U256,
}

/// Every API key.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    chain: u64,
    seed: B256,
    by_id: BTreeMap<String, ApiKey>,
    /// Oldest first.
    order: Vec<String>,
    recover: Recover,
}

impl Keys {
    pub(super) fn new(chain: u64, seed: u64) -> Self {
        let seed = keccak256(seed.to_be_bytes());
        let recover = Recover::new();
        Self { chain, seed, by_id: BTreeMap::new(), order: Vec::new(), recover }
    }

    pub(super) const fn recover(&self) -> &Recover {
        &self.recover
    }

    /// The wallet that signed a request, and the number under which it wants a key.
    pub(super) fn wallet(
        &self,
        request: &HttpRequest<'_>,
        now: Nanos,
    ) -> Result<(Address, U256), Denied> {
        let header = |name: &str| request.header(name).ok_or(Denied::Wallet);
        let address = header("poly_address")?.parse::<Address>().map_err(|_| Denied::Wallet)?;
        let stamp = header("poly_timestamp")?;
        if !is_current(stamp, now) {
            return Err(Denied::Wallet);
        }
        let nonce = request.header("poly_nonce").unwrap_or("0");
        let nonce = U256::from_str_radix(nonce, 10).map_err(|_| Denied::Wallet)?;
        let signature = hex::decode(header("poly_signature")?).map_err(|_| Denied::Wallet)?;
        let digest = login_digest(self.chain, address, stamp, nonce);
        match self.recover.signer(digest, &signature) {
            Some(signer) if signer == address => Ok((address, nonce)),
            _ => Err(Denied::Wallet),
        }
    }

    /// The key of a wallet and number, made now if there is none.
    pub(super) fn create(&mut self, address: Address, nonce: U256) -> ApiKey {
        if let Some(key) = self.derive(address, nonce) {
            return key;
        }
        if self.order.len() >= KEYS_MAX {
            let oldest = self.order.remove(0);
            self.by_id.remove(&oldest);
        }
        let drawn = |purpose: u8| {
            let mut bytes = self.seed.to_vec();
            bytes.extend_from_slice(address.as_slice());
            bytes.extend_from_slice(&nonce.to_be_bytes::<32>());
            bytes.push(purpose);
            keccak256(bytes)
        };
        let digits = hex::encode(drawn(1));
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("");
        let id = format!(
            "{}-{}-4{}-a{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        );
        let secret = URL_SAFE.encode(drawn(2));
        let passphrase = hex::encode(drawn(3));
        let key = ApiKey { id: id.clone(), secret, passphrase, address, nonce };
        self.order.push(id.clone());
        self.by_id.insert(id, key.clone());
        key
    }

    /// The key of a wallet and number, if it was made.
    pub(super) fn derive(&self, address: Address, nonce: U256) -> Option<ApiKey> {
        let same = |key: &&ApiKey| key.address == address && key.nonce == nonce;
        self.by_id.values().find(same).cloned()
    }

    /// The ids of a wallet's keys.
    pub(super) fn of_wallet(&self, address: Address) -> Vec<String> {
        let mine = self.by_id.values().filter(|key| key.address == address);
        mine.map(|key| key.id.clone()).collect()
    }

    pub(super) fn delete(&mut self, id: &str) {
        self.by_id.remove(id);
        self.order.retain(|kept| kept != id);
    }

    /// The key that stamped a request. A stamp may come again within its time: clients repeat them.
    pub(super) fn holder(&self, request: &HttpRequest<'_>, now: Nanos) -> Result<&ApiKey, Denied> {
        let header = |name: &str| request.header(name).ok_or(Denied::Key);
        let key = self.by_id.get(header("poly_api_key")?).ok_or(Denied::Key)?;
        let address = header("poly_address")?.parse::<Address>().map_err(|_| Denied::Key)?;
        let stamp = header("poly_timestamp")?;
        let is_his = address == key.address && header("poly_passphrase")? == key.passphrase;
        if !is_his || !is_current(stamp, now) {
            return Err(Denied::Key);
        }
        let secret = lenient().decode(url_safe(&key.secret)).map_err(|_| Denied::Key)?;
        let given = url_safe(header("poly_signature")?);
        let given = lenient().decode(given).map_err(|_| Denied::Key)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).map_err(|_| Denied::Key)?;
        for part in [stamp.as_bytes(), request.method.as_bytes(), request.path.as_bytes()] {
            mac.update(part);
        }
        mac.update(request.body);
        mac.verify_slice(&given).map_err(|_| Denied::Key)?;
        Ok(key)
    }

    /// The key that a subscription to the user channel names by all three of its parts.
    pub(super) fn named(&self, id: &str, secret: &str, passphrase: &str) -> Option<&ApiKey> {
        let key = self.by_id.get(id)?;
        (key.secret == secret && key.passphrase == passphrase).then_some(key)
    }
}

/// Base64 as clients send it: padded or not, and the two letters of either alphabet.
const fn lenient() -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::URL_SAFE, config)
}

fn url_safe(text: &str) -> String {
    text.replace('+', "-").replace('/', "_")
}

fn is_current(stamp: &str, now: Nanos) -> bool {
    let secs = now.0 / 1_000_000_000;
    stamp.parse::<u64>().is_ok_and(|stamp| stamp.abs_diff(secs) <= STAMP_SECS_MAX)
}
