//! Accounts as a file gives them, their public keys, and fresh ones for tests.

use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RSA_PSS_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dutchbook_book::Cash;
use dutchbook_book::fee::kalshi::Member;
use serde::{Deserialize, Serialize};

use super::number;
use crate::key_pair::{KeyPair, KeyType};

/// What a printed test account starts with.
pub const TEST_BALANCE: &str = "10000.0000";
/// The most that an account may start with, in dollars.
const BALANCE_MAX: i64 = 1_000_000_000;
/// DER of an Ed25519 `SubjectPublicKeyInfo` before its 32 bytes of key.
const ED25519_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How an account's balance is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// To 1e-4 $.
    #[default]
    Direct,
    /// To 1e-2 $: behind a broker.
    NonDirect,
}

impl Membership {
    pub(super) const fn member(self) -> Member {
        match self {
            Self::Direct => Member::Direct,
            Self::NonDirect => Member::NonDirect,
        }
    }

    const fn is_direct(&self) -> bool {
        matches!(self, Self::Direct)
    }
}

/// One entry of an accounts file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// What the client sends as `KALSHI-ACCESS-KEY`.
    pub key_id: String,
    /// RSA or Ed25519.
    pub public_key_pem: String,
    /// Dollars as text, on the grid of the account's balance.
    pub balance: String,
    /// How its balance is kept.
    #[serde(default, skip_serializing_if = "Membership::is_direct")]
    pub member: Membership,
}

/// Why an entry of an accounts file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The id is empty, too long, or no plain text.
    #[error("account {0:?}: a key id has 1 to 128 visible ASCII characters")]
    KeyId(String),
    /// Two entries share an id.
    #[error("account {0:?} is there twice: give every key id once")]
    Twice(String),
    /// The key cannot be read.
    #[error(
        "account {0:?}: public_key_pem is no PEM of an RSA (2048 to 8192 bits) or Ed25519 public key"
    )]
    Key(String),
    /// The balance cannot be read.
    #[error(
        "account {0:?}: balance is dollars as text, 0 to 1000000000, with at most {1} decimals"
    )]
    Balance(String, u8),
}

/// What an account is when its entry has been checked.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) key: ParsedPublicKey,
    pub(super) balance: Cash,
}

impl AccountSpec {
    /// Reads the key and the balance.
    pub(super) fn check(&self) -> Result<Checked, AccountError> {
        let id = &self.key_id;
        let is_plain = id.bytes().all(|byte| byte.is_ascii_graphic());
        if id.is_empty() || id.len() > 128 || !is_plain {
            return Err(AccountError::KeyId(id.chars().take(128).collect()));
        }
        let key = parse_key(&self.public_key_pem).ok_or_else(|| AccountError::Key(id.clone()))?;
        let (decimals, grid) = match self.member {
            Membership::Direct => (4, 100),
            Membership::NonDirect => (2, 10_000),
        };
        let max = BALANCE_MAX * Cash::ONE.micro();
        let balance = number::dollars(&self.balance)
            .filter(|cash| (0..=max).contains(&cash.micro()) && cash.micro() % grid == 0)
            .ok_or_else(|| AccountError::Balance(id.clone(), decimals))?;
        Ok(Checked { key, balance })
    }
}

/// The key in a PEM text, of either type: the label says less than the content.
fn parse_key(pem: &str) -> Option<ParsedPublicKey> {
    let body = pem.split_once("-----BEGIN ")?.1.split_once("-----")?.1;
    let (body, _) = body.split_once("-----END ")?;
    let digits: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(digits).ok()?;
    match der.strip_prefix(&ED25519_PREFIX) {
        Some(raw) => ParsedPublicKey::new(&ED25519, raw).ok(),
        None => ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &der).ok(),
    }
}

/// A fresh account with its secret.
#[derive(Clone, Debug)]
pub struct TestAccount {
    /// The entry for an accounts file.
    pub account: AccountSpec,
    /// PKCS#8, for the client.
    pub private_key_pem: String,
}

/// Makes an account with a key that nobody else has. Reads the system's randomness.
///
/// # Errors
/// When the system has no randomness.
pub fn test_account(key_type: KeyType) -> Result<TestAccount, aws_lc_rs::error::Unspecified> {
    let pair = KeyPair::generate(key_type)?;
    let mut id = [0; 16];
    aws_lc_rs::rand::fill(&mut id)?;
    let account = AccountSpec {
        key_id: uuid_of(id),
        public_key_pem: pair.public_pem,
        balance: TEST_BALANCE.to_owned(),
        member: Membership::Direct,
    };
    Ok(TestAccount { account, private_key_pem: pair.private_pem })
}

/// A version 4 UUID of random bytes.
fn uuid_of(bytes: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(bytes);
    let marked = (bits & !(0xf << 76 | 0x3 << 62)) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{marked:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("");
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_accounts_pass_their_own_check() {
        for key_type in [KeyType::Rsa, KeyType::Ed25519] {
            let fresh = test_account(key_type).unwrap();
            let checked = fresh.account.check().unwrap();
            assert_eq!(checked.balance, Cash::from_micro(10_000_000_000));
            assert!(fresh.private_key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
            assert_eq!(fresh.account.key_id.len(), 36);
            assert_eq!(fresh.account.key_id.as_bytes()[14], b'4');
        }
    }

    #[test]
    fn a_bad_entry_is_refused_with_its_reason() {
        let good = test_account(KeyType::Ed25519).unwrap().account;
        let with = |change: fn(&mut AccountSpec)| {
            let mut spec = good.clone();
            change(&mut spec);
            spec.check().map(|checked| checked.balance.micro())
        };
        assert_eq!(with(|spec| spec.balance = "12.3456".to_owned()), Ok(12_345_600));
        assert!(with(|spec| spec.balance = "12.34567".to_owned()).is_err());
        assert!(with(|spec| spec.balance = "-1".to_owned()).is_err());
        assert!(with(|spec| spec.balance = "9999999999".to_owned()).is_err());
        assert!(with(|spec| spec.key_id.clear()).is_err());
        assert!(with(|spec| spec.public_key_pem = "-----BEGIN X-----".to_owned()).is_err());
        let mut broker = good.clone();
        broker.member = Membership::NonDirect;
        assert!(broker.check().is_ok());
        broker.balance = "1.0001".to_owned();
        assert_eq!(broker.check().unwrap_err(), AccountError::Balance(broker.key_id.clone(), 2));
    }

    #[test]
    fn the_file_form_is_read_and_written() {
        let text = r#"{"key_id":"a","public_key_pem":"p","balance":"1","member":"non_direct"}"#;
        let spec: AccountSpec = serde_json::from_str(text).unwrap();
        assert_eq!(spec.member, Membership::NonDirect);
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
        assert!(serde_json::from_str::<AccountSpec>(r#"{"key_id":"a"}"#).is_err());
    }
}
