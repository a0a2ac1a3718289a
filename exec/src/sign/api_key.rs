//! Private keys of two kinds behind one door, as a venue hands them out in a PEM file: RSA
//! (PSS, SHA-256, salt of 32 bytes) and Ed25519. Told apart by what the file holds, not by its label.

use core::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::{Zeroize, Zeroizing};

/// Longest signature that fits: RSA of 4096 bits, as base64.
pub const SIGNATURE_CHARS_MAX: usize = 684;

/// Longest signature in bytes.
const SIGNATURE_BYTES_MAX: usize = 512;

/// Why there is no key or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// No `-----BEGIN … PRIVATE KEY-----` with base64 below it.
    #[error("API key: expected one PEM block of a private key")]
    NotPem,
    /// Neither RSA of 2048 to 4096 bits nor Ed25519.
    #[error("API key: expected RSA (2048 to 4096 bits) or Ed25519, in PKCS#8 or PKCS#1")]
    UnknownKind,
    /// The library refused to sign.
    #[error("API key: signing failed")]
    NotSigned,
}

/// A signature as base64 text.
#[derive(Clone, Copy)]
pub struct SignatureText {
    chars: [u8; SIGNATURE_CHARS_MAX],
    len: usize,
}

impl SignatureText {
    fn of(bytes: &[u8]) -> Result<Self, ApiKeyError> {
        let mut chars = [0; SIGNATURE_CHARS_MAX];
        let len = BASE64_STANDARD.encode_slice(bytes, &mut chars);
        Ok(Self { chars, len: len.map_err(|_| ApiKeyError::NotSigned)? })
    }

    /// The signature of a text that was made before; `None` where it is too long.
    #[inline]
    #[must_use]
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        let mut chars = [0; SIGNATURE_CHARS_MAX];
        chars.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { chars, len: text.len() })
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.chars.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for SignatureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureText({})", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// A private key of either kind. Its library erases it when it is dropped.
pub enum ApiKey {
    /// RSA: slow to sign with, and every signature differs. Choose Ed25519 where there is a choice.
    Rsa(Box<RsaKeyPair>),
    /// Ed25519: equal input gives the equal signature.
    Ed25519(Box<Ed25519KeyPair>),
}

impl ApiKey {
    /// The key in the text of a PEM file, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_pem(pem: &str) -> Result<Self, ApiKeyError> {
        let der = der_of(pem)?;
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        let rsa = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        let rsa = rsa.map_err(|_| ApiKeyError::UnknownKind)?;
        match rsa.public_modulus_len() <= SIGNATURE_BYTES_MAX {
            true => Ok(Self::Rsa(Box::new(rsa))),
            false => Err(ApiKeyError::UnknownKind),
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa(_) => "RSA",
        }
    }

    /// How many characters its signatures have.
    #[must_use]
    pub fn signature_chars(&self) -> usize {
        let bytes = match self {
            Self::Ed25519(_) => 64,
            Self::Rsa(key) => key.public_modulus_len(),
        };
        bytes.div_ceil(3).saturating_mul(4)
    }

    /// Signs a message.
    ///
    /// # Errors
    /// When the library refuses, which leaves nothing to send.
    pub fn sign(&self, message: &[u8]) -> Result<SignatureText, ApiKeyError> {
        match self {
            Self::Ed25519(key) => SignatureText::of(key.sign(message).as_ref()),
            Self::Rsa(key) => {
                let mut bytes = [0; SIGNATURE_BYTES_MAX];
                let room = bytes.get_mut(..key.public_modulus_len());
                let signature = room.ok_or(ApiKeyError::NotSigned)?;
                key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, signature)
                    .map_err(|_| ApiKeyError::NotSigned)?;
                SignatureText::of(signature)
            }
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "ApiKey(RSA, hidden)",
            Self::Ed25519(_) => "ApiKey(Ed25519, hidden)",
        })
    }
}

/// The bytes inside the first block of a private key.
fn der_of(pem: &str) -> Result<Zeroizing<Vec<u8>>, ApiKeyError> {
    let mut lines = pem.lines().map(str::trim);
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----");
    lines.find(|line| begins(line)).ok_or(ApiKeyError::NotPem)?;
    let mut text = Zeroizing::new(String::with_capacity(pem.len()));
    let mut ends = false;
    for line in lines {
        ends = line.starts_with("-----END ");
        if ends {
            break;
        }
        text.push_str(line);
    }
    let mut decoded = BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| ApiKeyError::NotPem)?;
    if !ends || decoded.is_empty() {
        decoded.zeroize();
        return Err(ApiKeyError::NotPem);
    }
    Ok(Zeroizing::new(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn keys_are_told_apart_and_bad_ones_refused() {
        let key = ApiKey::from_pem(&format!("a comment\n{ED25519}")).unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(Ed25519, hidden)");
        let (one, two) = (key.sign(b"message").unwrap(), key.sign(b"message").unwrap());
        assert_eq!((one.as_bytes(), one.as_bytes().len()), (two.as_bytes(), 88));
        for (pem, error) in [
            ("", ApiKeyError::NotPem),
            (&ED25519.replace("BEGIN PRIVATE", "BEGIN PUBLIC"), ApiKeyError::NotPem),
            (&ED25519.replace("-----END PRIVATE KEY-----", ""), ApiKeyError::NotPem),
            (&ED25519.replace("MC4C", "M!4C"), ApiKeyError::NotPem),
            (&ED25519.replace("MC4C", "MC4D"), ApiKeyError::UnknownKind),
        ] {
            assert_eq!(ApiKey::from_pem(pem).err(), Some(error), "{pem}");
        }
    }
}
