//! HMAC-SHA256 with the key schedule done once: a stamp clones the prepared state.

use core::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Characters of a stamp: 32 bytes in base64 with padding.
pub const STAMP_CHARS: usize = 44;

/// A secret that is no base64 in either alphabet. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("API secret: expected base64, standard or URL-safe")]
pub struct SecretError;

/// A keyed state, ready to be cloned. Erased when dropped as far as its library can.
#[derive(Clone)]
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// The key of a base64 text, in the URL-safe alphabet or the standard one, padded or not.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_base64(secret: &str) -> Result<Self, SecretError> {
        let lenient =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let secret = secret.trim();
        let alphabet = match secret.contains(['+', '/']) {
            true => alphabet::STANDARD,
            false => alphabet::URL_SAFE,
        };
        let key = GeneralPurpose::new(&alphabet, lenient).decode(secret);
        let key = Zeroizing::new(key.map_err(|_| SecretError)?);
        Hmac::new_from_slice(&key).map(Self).map_err(|_| SecretError)
    }

    /// The stamp over the parts, one after the other, as URL-safe base64 with padding.
    #[inline]
    #[must_use]
    pub fn stamp(&self, parts: &[&[u8]]) -> [u8; STAMP_CHARS] {
        let mut state = self.0.clone();
        for part in parts {
            state.update(part);
        }
        let mut text = [b'='; STAMP_CHARS];
        let code = state.finalize().into_bytes();
        let written = BASE64_URL_SAFE.encode_slice(code, &mut text);
        debug_assert_eq!(written, Ok(STAMP_CHARS), "32 bytes are 44 characters");
        text
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_in_both_alphabets_padded_or_not() {
        let stamp = |secret: &str| HmacKey::from_base64(secret).unwrap().stamp(&[b"1GET", b"/"]);
        assert_eq!(stamp("_-8="), stamp("/+8"));
        assert_eq!(stamp("_-8"), stamp("/+8=\n"));
        assert_ne!(stamp("_-8"), stamp("_-4"));
        let zero = stamp("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(&zero, b"eHaylCwqRSOa2LFD77Nt_SaTpbsxzN8eTEI3LryhEj4=");
        assert_eq!(HmacKey::from_base64("not base64!").err(), Some(SecretError));
        assert_eq!(format!("{:?}", HmacKey::from_base64("_-8").unwrap()), "HmacKey(hidden)");
    }
}
