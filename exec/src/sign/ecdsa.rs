//! Recoverable ECDSA over secp256k1, as Ethereum wants it: r, s (low), v = 27 or 28.
//!
//! The context is our own, made once and blinded with a seed of the caller: newer versions of the
//! crate share a global one and blind it again after every signature, which doubles the cost.

use core::fmt;

use alloy_primitives::{Address, B256, hex, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{All, Message, PublicKey, Secp256k1, SecretKey};
use zeroize::Zeroize;

/// Why a text is no private key. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 64 hexadecimal digits, with or without `0x`.
    #[error("private key: expected 64 hexadecimal digits")]
    NotHex,
    /// Zero, or not below the order of the curve.
    #[error("private key: out of range, make a new one")]
    OutOfRange,
}

/// A secp256k1 private key. Erased when dropped, never printed.
pub struct PrivateKey(SecretKey);

impl PrivateKey {
    /// The key of 32 bytes. The caller erases its copy.
    ///
    /// # Errors
    /// When it is zero or too large.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        SecretKey::from_byte_array(*bytes).map(Self).map_err(|_| KeyError::OutOfRange)
    }

    /// The key of 64 hexadecimal digits, `0x` in front or not, white space around them or not.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0_u8; 32];
        let decoded = hex::decode_to_slice(text.trim(), &mut bytes);
        let key = decoded.map_err(|_| KeyError::NotHex).and_then(|()| Self::from_bytes(&bytes));
        bytes.zeroize();
        key
    }

    /// The bytes, for whoever computes with the key. The caller erases them.
    #[must_use]
    pub(crate) fn to_bytes(&self) -> [u8; 32] {
        self.0.secret_bytes()
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}

/// r ‖ s ‖ v.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 65]);

impl Signature {
    fn from_recoverable(signature: &RecoverableSignature) -> Self {
        let (id, compact) = signature.serialize_compact();
        let mut bytes = [0_u8; 65];
        bytes[..64].copy_from_slice(&compact);
        bytes[64] = match id {
            RecoveryId::Zero | RecoveryId::Two => 27,
            RecoveryId::One | RecoveryId::Three => 28,
        };
        Self(bytes)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode_prefixed(self.0))
    }
}

/// A private key with everything that signing with it needs.
pub struct Signer {
    context: Secp256k1<All>,
    key: PrivateKey,
    address: Address,
}

impl Signer {
    /// A signer whose context is blinded with `seed`: 32 random bytes that nobody needs again.
    #[must_use]
    pub fn new(key: PrivateKey, seed: &[u8; 32]) -> Self {
        let mut context = Secp256k1::new();
        context.seeded_randomize(seed);
        let address = address_of(&PublicKey::from_secret_key(&context, &key.0));
        Self { context, key, address }
    }

    /// The account of the key.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest; the nonce follows from key and digest (RFC 6979), so equal input gives the
    /// equal signature.
    #[must_use]
    pub fn sign(&self, digest: &B256) -> Signature {
        let message = Message::from_digest(digest.0);
        let signature = self.context.sign_ecdsa_recoverable(message, &self.key.0);
        Signature::from_recoverable(&signature)
    }

    /// Whose signature of the digest it is; `None` where it is nobody's.
    #[must_use]
    pub fn recover(&self, digest: &B256, signature: &Signature) -> Option<Address> {
        let id = match signature.0[64] {
            27 => RecoveryId::Zero,
            28 => RecoveryId::One,
            _ => return None,
        };
        let signature = RecoverableSignature::from_compact(&signature.0[..64], id).ok()?;
        let message = Message::from_digest(digest.0);
        self.context.recover_ecdsa(message, &signature).ok().map(|key| address_of(&key))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("address", &self.address).finish_non_exhaustive()
    }
}

fn address_of(key: &PublicKey) -> Address {
    Address::from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn what_is_signed_recovers_to_the_signer() {
        let signer = Signer::new(PrivateKey::from_hex(KEY).unwrap(), &[7; 32]);
        assert_eq!(signer.address().to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        let digest = keccak256(b"a digest");
        let signature = signer.sign(&digest);
        assert_eq!(signer.recover(&digest, &signature), Some(signer.address()));
        assert_ne!(signer.recover(&keccak256(b"another"), &signature), Some(signer.address()));
        let twin = Signer::new(PrivateKey::from_hex(&KEY[2..]).unwrap(), &[8; 32]);
        assert_eq!(twin.sign(&digest), signature, "the seed blinds, it does not choose");
        let mut wrong = signature;
        wrong.0[64] = 29;
        assert_eq!(signer.recover(&digest, &wrong), None);
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_key_is_shown() {
        for (text, error) in [
            ("", KeyError::NotHex),
            ("0xac09", KeyError::NotHex),
            (&format!("{KEY}00"), KeyError::NotHex),
            (&"zz".repeat(32), KeyError::NotHex),
            (&"00".repeat(32), KeyError::OutOfRange),
            (&"ff".repeat(32), KeyError::OutOfRange),
        ] {
            assert_eq!(PrivateKey::from_hex(text).err(), Some(error), "{text}");
        }
        let key = PrivateKey::from_hex(&format!(" {KEY}\n")).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(hidden)");
        let signer = Signer::new(key, &[7; 32]);
        assert!(!format!("{signer:?}").contains("ac0974"));
    }
}
