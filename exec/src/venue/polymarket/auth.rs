//! The two authentications of the CLOB (polymarket.md section 13): with the key, to make or fetch
//! API credentials (L1); with those credentials, for every private request (L2).

use core::fmt;

use alloy_primitives::{Address, B256, hex, keccak256};
use zeroize::Zeroizing;

use super::exchange::Chain;
use crate::sign::ecdsa::Signer;
use crate::sign::eip712::{Words, digest, domain_separator};
use crate::sign::hmac::{HmacKey, STAMP_CHARS, SecretError};
use crate::wire::{Field, Head, HeadError, WireBuf, decimal_digits};

/// What the key's owner attests.
const MESSAGE: &str = "This message attests that I control the given wallet";
const CLOB_AUTH_TYPE: &str =
    "ClobAuth(address address,string timestamp,uint256 nonce,string message)";

/// Digits of a second since 1970, until the year 2286.
const SECOND_DIGITS: usize = 10;

/// The hashes of an L1 authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Hashes {
    /// The separator of its domain.
    pub domain: B256,
    /// Of the struct alone.
    pub contents: B256,
    /// What the key signs.
    pub signed: B256,
}

impl L1Hashes {
    /// Hashes what the owner of `address` attests at a second since 1970.
    #[must_use]
    pub fn of(address: Address, chain: Chain, unix_s: u64, nonce: u64) -> Self {
        let domain = domain_separator("ClobAuthDomain", "1", chain.id(), None);
        let mut words = Words::<5>::of(keccak256(CLOB_AUTH_TYPE));
        words.set_address(1, address);
        words.set(2, keccak256(unix_s.to_string()));
        words.set_u64(3, nonce);
        words.set(4, keccak256(MESSAGE));
        let contents = words.hash();
        Self { domain, contents, signed: digest(&domain, &contents) }
    }
}

/// The header fields of an L1 authentication, for `POST /auth/api-key` and
/// `GET /auth/derive-api-key`.
#[must_use]
pub fn l1_fields(
    signer: &Signer,
    chain: Chain,
    unix_s: u64,
    nonce: u64,
) -> [(&'static str, String); 4] {
    let address = signer.address();
    let hashes = L1Hashes::of(address, chain, unix_s, nonce);
    [
        ("POLY_ADDRESS", address.to_string()),
        ("POLY_SIGNATURE", hex::encode_prefixed(signer.sign(&hashes.signed).0)),
        ("POLY_TIMESTAMP", unix_s.to_string()),
        ("POLY_NONCE", nonce.to_string()),
    ]
}

/// API credentials. Secret and passphrase are erased when dropped and never printed.
pub struct Credentials {
    /// The key's account, not the wallet that holds the money.
    address: Address,
    api_key: Box<str>,
    passphrase: Zeroizing<String>,
    hmac: HmacKey,
}

impl Credentials {
    /// Credentials as the venue gave them.
    ///
    /// # Errors
    /// When the secret is no base64.
    pub fn new(
        address: Address,
        api_key: &str,
        secret: &str,
        passphrase: &str,
    ) -> Result<Self, SecretError> {
        let hmac = HmacKey::from_base64(secret)?;
        let passphrase = Zeroizing::new(passphrase.to_owned());
        Ok(Self { address, api_key: api_key.into(), passphrase, hmac })
    }

    /// The API key: the owner of orders.
    #[must_use]
    pub const fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The head of a private request to `target` (path and query), made once.
    ///
    /// # Errors
    /// When a value holds what may not stand in a head.
    pub fn head(
        &self,
        (method, target): (&'static str, &str),
        host: &str,
        has_body: bool,
    ) -> Result<Head, HeadError> {
        let address = self.address.to_string();
        let fields = [
            ("Content-Type", Field::Text("application/json")),
            ("POLY_ADDRESS", Field::Text(&address)),
            ("POLY_SIGNATURE", Field::Stamp(STAMP_CHARS)),
            ("POLY_TIMESTAMP", Field::Timestamp(SECOND_DIGITS)),
            ("POLY_API_KEY", Field::Text(&self.api_key)),
            ("POLY_PASSPHRASE", Field::Text(&self.passphrase)),
        ];
        Head::new((method, target), host, &fields, has_body)
    }

    /// The stamp of a request: over timestamp, method, path without query, and the body exactly as
    /// it is sent.
    #[inline]
    #[must_use]
    pub fn stamp(
        &self,
        timestamp: &[u8],
        method: &str,
        path: &str,
        body: &[u8],
    ) -> [u8; STAMP_CHARS] {
        self.hmac.stamp(&[timestamp, method.as_bytes(), path.as_bytes(), body])
    }

    /// The header fields of one private request, for whoever sends few of them: over method, path
    /// without query, and body.
    #[must_use]
    pub fn fields(
        &self,
        unix_s: u64,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> [(&'static str, String); 5] {
        let timestamp = unix_s.to_string();
        let stamp = self.stamp(timestamp.as_bytes(), method, path, body);
        [
            ("POLY_ADDRESS", self.address.to_string()),
            ("POLY_SIGNATURE", String::from_utf8_lossy(&stamp).into_owned()),
            ("POLY_TIMESTAMP", timestamp),
            ("POLY_API_KEY", self.api_key.to_string()),
            ("POLY_PASSPHRASE", self.passphrase.to_string()),
        ]
    }

    /// Stamps a request that was begun with `head` and whose body is written.
    #[inline]
    pub fn finish(&self, head: &Head, out: &mut WireBuf, unix_s: u64) {
        let timestamp = decimal_digits::<SECOND_DIGITS>(unix_s);
        let stamp = self.stamp(&timestamp, head.method(), head.path(), head.body(out));
        head.finish(out, &timestamp, &stamp);
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("address", &self.address)
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}
