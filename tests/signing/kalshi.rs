//! Kalshi: stamps of both key types.

use aws_lc_rs::signature::{
    ED25519, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dutchbook_exec::venue::kalshi::auth::{Credentials, finish};
use dutchbook_exec::wire::WireBuf;
use harness::vectors::{self, Expect};
use serde_json::Value;

use super::text;

/// The key inside a public PEM: its algorithm's prefix cut off.
fn public_key(pem: &str, prefix: usize) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64_STANDARD.decode(text).unwrap().split_off(prefix)
}

fn verifies(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &str,
    signature: &str,
) -> bool {
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, key).verify(message.as_bytes(), &signature).is_ok()
}

/// Path and query of a URL.
fn target(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    }
}

struct Key<'a> {
    credentials: Credentials,
    is_deterministic: bool,
    verifies: &'a dyn Fn(&str, &str) -> bool,
}

fn check(key: &Key<'_>, case: &Value, out: &mut WireBuf) {
    let expect = Expect::new(text(case, "name"), case);
    expect.inputs(&["name", "signer"]);
    let message = expect.text("message").unwrap();
    let signature = expect.text("signature_b64").unwrap();
    expect.equals("verifies", (key.verifies)(message, signature));
    let Some(url) = expect.text("url") else { return };
    let at = expect.get("timestamp_ms").and_then(Value::as_u64).unwrap();
    let method = expect.text("method").unwrap();
    let stamp = key.credentials.stamp(at, method, target(url)).unwrap();
    let ours = core::str::from_utf8(stamp.signature.as_bytes()).unwrap();
    assert!((key.verifies)(message, ours), "{message}");
    if key.is_deterministic {
        assert_eq!(ours, signature);
    }
    let known = ["GET", "POST", "PUT", "DELETE"];
    let method = known.into_iter().find(|known| known.eq_ignore_ascii_case(method)).unwrap();
    let head = key.credentials.head((method, target(url)), "host", method == "POST").unwrap();
    head.begin(out);
    finish(&head, out, &stamp);
    assert!(!out.is_full());
    let mut sent = expect.get("headers").unwrap().clone();
    sent["KALSHI-ACCESS-SIGNATURE"] = ours.into();
    let expect = Expect::new(text(case, "name"), &sent);
    for (name, value) in head.fields(out) {
        expect.equals(name, value);
    }
}

#[test]
fn stamps_of_rsa() {
    let Some(file) = vectors::load("kalshi", "auth_rsa_pss") else { return };
    let public = public_key(text(&file, "public_key_pem"), 24);
    let cases = vectors::list(&file, "cases");
    let mut out = WireBuf::new(2048);
    for pem in ["private_key_pem_pkcs8", "private_key_pem_pkcs1"] {
        let key = Key {
            credentials: Credentials::new(text(&file, "key_id"), text(&file, pem)).unwrap(),
            is_deterministic: false,
            verifies: &|message, signature| {
                verifies(&RSA_PSS_2048_8192_SHA256, &public, message, signature)
            },
        };
        assert!(format!("{:?}", key.credentials).ends_with("key: ApiKey(RSA, hidden) }"));
        cases.iter().for_each(|case| check(&key, case, &mut out));
    }
    vectors::report("kalshi", "auth_rsa_pss", cases.len());
}

#[test]
fn stamps_of_ed25519() {
    let Some(file) = vectors::load("kalshi", "auth_ed25519") else { return };
    let public = public_key(text(&file, "public_key_pem"), 12);
    let pem = text(&file, "private_key_pem_pkcs8");
    let key = Key {
        credentials: Credentials::new(text(&file, "key_id"), pem).unwrap(),
        is_deterministic: true,
        verifies: &|message, signature| verifies(&ED25519, &public, message, signature),
    };
    let cases = vectors::list(&file, "cases");
    let mut out = WireBuf::new(2048);
    cases.iter().for_each(|case| check(&key, case, &mut out));
    vectors::report("kalshi", "auth_ed25519", cases.len());
}
