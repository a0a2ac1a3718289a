//! Fresh key pairs as PEM texts: for a person's key on Kalshi, and for accounts of the simulated one.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Which signatures a key makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// RSA-2048.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// A private key and its public half.
pub struct KeyPair {
    /// PKCS#8 in PEM. A secret.
    pub private_pem: String,
    /// X.509 in PEM.
    pub public_pem: String,
}

impl core::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyPair").field("public_pem", &self.public_pem).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// Makes one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate(key_type: KeyType) -> Result<Self, Unspecified> {
        let (private, public) = match key_type {
            KeyType::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let private: Pkcs8V1Der<'_> = pair.as_der()?;
                let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
                (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
            }
            KeyType::Ed25519 => {
                let pair = Ed25519KeyPair::generate()?;
                let private = pair.to_pkcs8v1()?;
                let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
                (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
            }
        };
        Ok(Self { private_pem: private, public_pem: public })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
