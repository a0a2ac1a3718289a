//! Private keys in encrypted files, as Ethereum's wallets write them (Web3 Secret Storage,
//! version 3): the text of the file and its passphrase in, the key out.
//!
//! Key derivation (scrypt or PBKDF2), cipher and hash are those of well-kept crates; this file only
//! reads the envelope. Slow on purpose: up to seconds, once at start.

use alloy_primitives::{hex, keccak256};
use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use core::num::NonZeroU32;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ecdsa::{KeyError, PrivateKey};

/// Bytes of the derived key: half for the cipher, half for the check.
const DERIVED_BYTES: usize = 32;
/// scrypt needs 128 · n · r bytes of memory: half a gibibyte is enough for every wallet.
const SCRYPT_BYTES_MAX: u64 = 1 << 29;
/// Rounds of PBKDF2 beyond which a file is refused: a minute of work.
const ROUNDS_MAX: u32 = 100_000_000;

/// Why a keystore gives no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// Not a keystore of version 3, or one with a cipher or derivation that is not in use.
    #[error("keystore: expected version 3 with aes-128-ctr and scrypt or pbkdf2-hmac-sha256")]
    Unknown,
    /// Derivation parameters that no wallet writes.
    #[error("keystore: derivation parameters out of range")]
    Parameters,
    /// The check does not match: wrong passphrase, or a damaged file.
    #[error("keystore: wrong passphrase, or a damaged file")]
    WrongPassphrase,
    /// What was encrypted is no private key.
    #[error("keystore: {0}")]
    Key(#[from] KeyError),
}

#[derive(Deserialize)]
struct File {
    #[serde(alias = "Crypto")]
    crypto: Crypto,
    version: u8,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    #[serde(flatten)]
    kdf: Kdf,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
enum Kdf {
    Scrypt { dklen: u64, n: u64, r: u32, p: u32, salt: String },
    Pbkdf2 { dklen: u64, c: u32, prf: String, salt: String },
}

/// The key in the text of a keystore file.
///
/// # Errors
/// When the file is something else, or the passphrase is not its own.
pub fn decrypt(file: &str, passphrase: &str) -> Result<PrivateKey, KeystoreError> {
    let file: File = serde_json::from_str(file).map_err(|_| KeystoreError::Unknown)?;
    let crypto = &file.crypto;
    if file.version != 3 || crypto.cipher != "aes-128-ctr" {
        return Err(KeystoreError::Unknown);
    }
    let unhex = |text: &str| hex::decode(text).map_err(|_| KeystoreError::Unknown);
    let (mut text, mac) = (Zeroizing::new(unhex(&crypto.ciphertext)?), unhex(&crypto.mac)?);
    let iv: [u8; 16] =
        unhex(&crypto.cipherparams.iv)?.try_into().map_err(|_| KeystoreError::Unknown)?;
    let derived = derive(&crypto.kdf, passphrase)?;
    let (cipher_key, check_key) = derived.split_at(DERIVED_BYTES / 2);
    let check = keccak256([check_key, text.as_slice()].concat());
    verify_slices_are_equal(check.as_slice(), &mac).map_err(|_| KeystoreError::WrongPassphrase)?;
    let key = UnboundCipherKey::new(&AES_128, cipher_key).and_then(DecryptingKey::ctr);
    let context = DecryptionContext::Iv128(FixedLength::from(&iv));
    let key = key.map_err(|_| KeystoreError::Unknown)?;
    let plain = key.decrypt(&mut text, context).map_err(|_| KeystoreError::Unknown)?;
    let bytes = Zeroizing::new(<[u8; 32]>::try_from(&*plain).map_err(|_| KeyError::NotHex)?);
    Ok(PrivateKey::from_bytes(&bytes)?)
}

/// What an encryption draws at random: nobody needs it to be secret.
#[derive(Clone, Copy, Debug)]
pub struct KeystoreSeed {
    /// Salt of the derivation.
    pub salt: [u8; 32],
    /// First block of the cipher's counter.
    pub iv: [u8; 16],
    /// Makes the file's own id.
    pub id: [u8; 16],
}

/// The text of a keystore file that holds the key behind a passphrase (scrypt as strong as wallets
/// write it: a quarter of a gibibyte and about a second for each guess).
///
/// # Errors
/// When the cryptography library refuses.
pub fn encrypt(
    key: &PrivateKey,
    passphrase: &str,
    seed: &KeystoreSeed,
) -> Result<String, KeystoreError> {
    let salt = hex::encode(seed.salt);
    let kdf = Kdf::Scrypt { dklen: 32, n: 1 << 18, r: 8, p: 1, salt: salt.clone() };
    let derived = derive(&kdf, passphrase)?;
    let (cipher_key, check_key) = derived.split_at(DERIVED_BYTES / 2);
    let mut text = Zeroizing::new(key.to_bytes());
    let cipher = UnboundCipherKey::new(&AES_128, cipher_key).and_then(EncryptingKey::ctr);
    let context = EncryptionContext::Iv128(FixedLength::from(&seed.iv));
    let done = cipher.and_then(|cipher| cipher.less_safe_encrypt(text.as_mut(), context));
    done.map_err(|_| KeystoreError::Unknown)?;
    let mac = keccak256([check_key, text.as_slice()].concat());
    let id = hex::encode(seed.id);
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    let file = serde_json::json!({
        "version": 3,
        "id": format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(seed.iv) },
            "ciphertext": hex::encode(text.as_slice()),
            "kdf": "scrypt",
            "kdfparams": { "dklen": 32, "n": 1 << 18, "r": 8, "p": 1, "salt": salt },
            "mac": hex::encode(mac),
        },
    });
    Ok(file.to_string())
}

fn derive(kdf: &Kdf, passphrase: &str) -> Result<Zeroizing<[u8; DERIVED_BYTES]>, KeystoreError> {
    let mut derived = Zeroizing::new([0; DERIVED_BYTES]);
    let unhex = |text: &str| hex::decode(text).map_err(|_| KeystoreError::Unknown);
    match kdf {
        Kdf::Scrypt { dklen: 32, n, r, p, salt } => {
            let bytes = n.checked_mul(128).and_then(|bytes| bytes.checked_mul(u64::from(*r)));
            let is_sane = n.is_power_of_two()
                && bytes.is_some_and(|bytes| bytes <= SCRYPT_BYTES_MAX)
                && (1..=16).contains(p);
            let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| KeystoreError::Parameters)?;
            let params = scrypt::Params::new(log_n, *r, *p);
            let (true, Ok(params)) = (is_sane, params) else {
                return Err(KeystoreError::Parameters);
            };
            scrypt::scrypt(passphrase.as_bytes(), &unhex(salt)?, &params, derived.as_mut())
                .map_err(|_| KeystoreError::Parameters)?;
        }
        Kdf::Pbkdf2 { dklen: 32, c, prf, salt } if prf == "hmac-sha256" => {
            let rounds = NonZeroU32::new(*c).filter(|rounds| rounds.get() <= ROUNDS_MAX);
            let rounds = rounds.ok_or(KeystoreError::Parameters)?;
            let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
            let secret = passphrase.as_bytes();
            pbkdf2::derive(algorithm, rounds, &unhex(salt)?, secret, derived.as_mut());
        }
        Kdf::Scrypt { .. } | Kdf::Pbkdf2 { .. } => return Err(KeystoreError::Parameters),
    }
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::ecdsa::Signer;
    use alloy_primitives::Address;

    /// The published example of the format with PBKDF2; its passphrase is `testpassword`.
    const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr",
        "cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf":"pbkdf2","kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256",
        "salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    /// The same with scrypt.
    const SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr",
        "cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf":"scrypt","kdfparams":{"dklen":32,"n":262144,"r":1,"p":8,
        "salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
        "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

    fn address(key: PrivateKey) -> Address {
        Signer::new(key, &[0; 32]).address()
    }

    #[test]
    fn the_published_examples_open() {
        let expected = address(PrivateKey::from_hex(SECRET).unwrap());
        for file in [PBKDF2, SCRYPT] {
            assert_eq!(address(decrypt(file, "testpassword").unwrap()), expected);
        }
    }

    #[test]
    fn what_is_encrypted_opens_with_its_passphrase_alone() {
        let key = PrivateKey::from_hex(SECRET).unwrap();
        let seed = KeystoreSeed { salt: [7; 32], iv: [8; 16], id: [9; 16] };
        let file = encrypt(&key, "open sesame", &seed).unwrap();
        assert!(!file.contains(&SECRET[..16]), "{file}");
        assert_eq!(address(decrypt(&file, "open sesame").unwrap()), address(key));
        assert_eq!(decrypt(&file, "sesame").err(), Some(KeystoreError::WrongPassphrase));
    }

    #[test]
    fn what_does_not_open_says_why() {
        let fails = |file: &str, passphrase: &str| decrypt(file, passphrase).err();
        assert_eq!(fails(PBKDF2, "wrong"), Some(KeystoreError::WrongPassphrase));
        let damaged = PBKDF2.replace("5318b4", "5318b5");
        assert_eq!(fails(&damaged, "testpassword"), Some(KeystoreError::WrongPassphrase));
        for (from, to, error) in [
            ("\"version\":3", "\"version\":1", KeystoreError::Unknown),
            ("aes-128-ctr", "aes-256-ctr", KeystoreError::Unknown),
            ("\"pbkdf2\"", "\"argon2\"", KeystoreError::Unknown),
            ("262144", "0", KeystoreError::Parameters),
            ("262144", "4000000000", KeystoreError::Parameters),
            ("\"dklen\":32", "\"dklen\":64", KeystoreError::Parameters),
            ("{", "", KeystoreError::Unknown),
        ] {
            assert_eq!(fails(&PBKDF2.replacen(from, to, 1), "x"), Some(error), "{from}");
        }
        for (from, to) in
            [("262144", "262143"), ("262144", "1099511627776"), ("\"p\":8", "\"p\":0")]
        {
            let file = SCRYPT.replacen(from, to, 1);
            assert_eq!(fails(&file, "x"), Some(KeystoreError::Parameters), "{to}");
        }
    }
}
