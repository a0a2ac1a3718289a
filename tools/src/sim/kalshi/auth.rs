//! Who a request is from: a signature over timestamp, method and path.
//!
//! The path is signed as sent, without query; the body is not signed. An equal signature may come
//! twice: Ed25519 is deterministic, and two equal requests fall into one millisecond.

use std::collections::BTreeMap;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dutchbook_book::Nanos;

use super::super::door::HttpRequest;
use super::super::matching::OwnerId;
use super::refusal::Refusal;

/// How far a timestamp may be from the venue's clock, on either side.
const SKEW_MS_MAX: u64 = 20_000;

/// The keys that may sign, each with its account.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    by_id: BTreeMap<String, (ParsedPublicKey, OwnerId)>,
}

impl Keys {
    /// Adds a key; false when its id is taken.
    pub(super) fn add(&mut self, id: &str, key: ParsedPublicKey, owner: OwnerId) -> bool {
        let is_new = !self.by_id.contains_key(id);
        if is_new {
            self.by_id.insert(id.to_owned(), (key, owner));
        }
        is_new
    }

    /// The account of a key.
    pub(super) fn owner_of(&self, id: &str) -> Option<OwnerId> {
        self.by_id.get(id).map(|(_, owner)| *owner)
    }

    /// The account that signed a request.
    pub(super) fn owner(&self, request: &HttpRequest<'_>, now: Nanos) -> Result<OwnerId, Refusal> {
        let header = |name, missing| request.header(name).ok_or(Refusal::header(missing));
        let id = header("kalshi-access-key", "api_key_is_missing_from_headers")?;
        let stamp = header("kalshi-access-timestamp", "timestamp_is_missing_from_headers")?;
        let signature = header("kalshi-access-signature", "signature_is_missing_from_headers")?;
        let ms: u64 = stamp.parse().map_err(|_| Refusal::header("header_timestamp_invalid"))?;
        if ms.abs_diff(now.millis()) > SKEW_MS_MAX {
            return Err(Refusal::header("header_timestamp_expired"));
        }
        let (key, owner) =
            self.by_id.get(id).ok_or_else(|| Refusal::authentication("NOT_FOUND"))?;
        let wrong = || Refusal::authentication("INCORRECT_API_KEY_SIGNATURE");
        let signature = STANDARD.decode(signature).map_err(|_| wrong())?;
        let message = format!("{stamp}{}{}", request.method, request.path);
        key.verify_sig(message.as_bytes(), &signature).map_err(|_| wrong())?;
        Ok(*owner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::account::{AccountSpec, Membership};
    use super::*;

    /// Public key and one signature of `vectors/kalshi/auth_ed25519.json`.
    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ1sq6CHyXfP77j3v3rPgjewze6bI+NoWGHrbdNWnnS4=\n-----END PUBLIC KEY-----\n";
    const SIGNATURE: &str =
        "XDpoKTBTkP5BNRLjmoN3ttNnLTbb6sbv6DbCr9VucgcyTefNeewmqkIR5JoyJWx/4XbQq4xUsRFeSIdOBj7sBg==";
    const STAMP_MS: u64 = 1_790_000_100_001;

    fn keys() -> Keys {
        let spec = AccountSpec {
            key_id: "a952".to_owned(),
            public_key_pem: ED25519.to_owned(),
            balance: "1".to_owned(),
            member: Membership::Direct,
        };
        let mut keys = Keys::default();
        assert!(keys.add(&spec.key_id, spec.check().unwrap().key, OwnerId(7)));
        keys
    }

    fn ask(keys: &Keys, path: &str, headers: &[(&str, &str)], ms: u64) -> Result<u32, String> {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let request = HttpRequest { method: "GET", path, query: "", headers: &headers, body: b"" };
        let owner = keys.owner(&request, Nanos::from_millis(ms));
        owner.map(|owner| owner.0).map_err(|refusal| {
            assert_eq!(refusal.status, 401);
            String::from_utf8(refusal.reply().body).unwrap()
        })
    }

    #[test]
    fn only_the_key_its_path_and_the_right_time_pass() {
        let keys = keys();
        let stamp = STAMP_MS.to_string();
        let good = [
            ("kalshi-access-key", "a952"),
            ("kalshi-access-timestamp", stamp.as_str()),
            ("kalshi-access-signature", SIGNATURE),
        ];
        let path = "/trade-api/ws/v2";
        assert_eq!(ask(&keys, path, &good, STAMP_MS), Ok(7));
        assert_eq!(ask(&keys, path, &good, STAMP_MS + 20_000), Ok(7));
        assert_eq!(ask(&keys, path, &good, STAMP_MS - 20_000), Ok(7));
        for ms in [STAMP_MS + 20_001, STAMP_MS - 20_001] {
            let refused = ask(&keys, path, &good, ms).unwrap_err();
            assert!(refused.contains(r#""code":"header_timestamp_expired""#), "{refused}");
        }
        let refused = ask(&keys, "/trade-api/v2/markets", &good, STAMP_MS).unwrap_err();
        assert!(refused.contains("INCORRECT_API_KEY_SIGNATURE"), "{refused}");
        let mut foreign = good;
        foreign[0].1 = "b952";
        assert!(ask(&keys, path, &foreign, STAMP_MS).unwrap_err().contains("NOT_FOUND"));
        let refused = ask(&keys, path, &good[..2], STAMP_MS).unwrap_err();
        assert!(refused.contains("signature_is_missing_from_headers"), "{refused}");
        for broken in ["", "%%%", "AAAA"] {
            let mut bad = good;
            bad[2].1 = broken;
            assert!(ask(&keys, path, &bad, STAMP_MS).unwrap_err().contains("INCORRECT"));
        }
    }

    /// Signatures of the official clients, and some that must not pass.
    #[test]
    fn the_official_clients_signatures_pass() {
        let files = [
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../tests/vectors/kalshi/auth_rsa_pss.json"
            )),
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../tests/vectors/kalshi/auth_ed25519.json"
            )),
        ];
        for file in files {
            let all: serde_json::Value = serde_json::from_str(file).unwrap();
            let spec = AccountSpec {
                key_id: all["key_id"].as_str().unwrap().to_owned(),
                public_key_pem: all["public_key_pem"].as_str().unwrap().to_owned(),
                balance: "1".to_owned(),
                member: Membership::Direct,
            };
            let mut keys = Keys::default();
            assert!(keys.add(&spec.key_id, spec.check().unwrap().key, OwnerId(7)));
            for case in all["cases"].as_array().unwrap() {
                let message = case["message"].as_str().unwrap();
                let method_at = message.find(|c: char| !c.is_ascii_digit()).unwrap();
                let (stamp, rest) = message.split_at(method_at);
                let (method, path) = rest.split_at(rest.find('/').unwrap());
                let headers = [
                    ("kalshi-access-key", spec.key_id.as_str()),
                    ("kalshi-access-timestamp", stamp),
                    ("kalshi-access-signature", case["signature_b64"].as_str().unwrap()),
                ];
                let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let request = HttpRequest { method, path, query: "", headers: &headers, body: b"" };
                let owner = keys.owner(&request, Nanos::from_millis(stamp.parse().unwrap()));
                let passes = case["verifies"].as_bool();
                assert_eq!(Some(owner.is_ok()), passes, "{} {message}", case["name"]);
            }
        }
    }
}
