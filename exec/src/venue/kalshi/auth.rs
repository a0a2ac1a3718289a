//! The stamp of a Kalshi request (kalshi.md section 2): milliseconds, method and path, signed. The
//! body is not signed, so one stamp serves every request of a path until it ages.

use core::fmt;

use crate::sign::api_key::{ApiKey, ApiKeyError, SignatureText};
use crate::wire::{Field, Head, HeadError, WireBuf, decimal_digits};

/// Digits of a millisecond since 1970, until the year 2286.
const MILLI_DIGITS: usize = 13;
/// Longest path that is signed.
const PATH_BYTES_MAX: usize = 256;
/// Longest method.
const METHOD_BYTES_MAX: usize = 8;

/// A stamp for one method and path.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// When it was made: it is sent along.
    pub unix_ms: u64,
    /// The signature.
    pub signature: SignatureText,
}

/// A key with its id at the venue.
pub struct Credentials {
    key_id: Box<str>,
    key: ApiKey,
}

impl Credentials {
    /// The id and the text of the PEM file that the venue gave.
    ///
    /// # Errors
    /// When the file holds no key of a known kind.
    pub fn new(key_id: &str, pem: &str) -> Result<Self, ApiKeyError> {
        Ok(Self { key_id: key_id.into(), key: ApiKey::from_pem(pem)? })
    }

    /// The id of the key.
    #[must_use]
    pub const fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The kind of the key.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.key.kind()
    }

    /// Signs a request; a query behind the path is left out, the method is put in upper case.
    ///
    /// # Errors
    /// When the library refuses, or the path is too long.
    pub fn stamp(&self, unix_ms: u64, method: &str, target: &str) -> Result<Stamp, ApiKeyError> {
        let mut message = Message::default();
        message.write(unix_ms, method, target)?;
        Ok(Stamp { unix_ms, signature: self.key.sign(message.as_bytes())? })
    }

    /// The header fields of one request, for whoever sends few of them.
    ///
    /// # Errors
    /// When the library refuses, or the path is too long.
    pub fn fields(
        &self,
        unix_ms: u64,
        method: &str,
        target: &str,
    ) -> Result<[(&'static str, String); 3], ApiKeyError> {
        let stamp = self.stamp(unix_ms, method, target)?;
        let signature = String::from_utf8_lossy(stamp.signature.as_bytes()).into_owned();
        Ok([
            ("KALSHI-ACCESS-KEY", self.key_id.to_string()),
            ("KALSHI-ACCESS-TIMESTAMP", unix_ms.to_string()),
            ("KALSHI-ACCESS-SIGNATURE", signature),
        ])
    }

    /// The head of a request to `target` (path and query), made once.
    ///
    /// # Errors
    /// When a value holds what may not stand in a head.
    pub fn head(
        &self,
        (method, target): (&'static str, &str),
        host: &str,
        has_body: bool,
    ) -> Result<Head, HeadError> {
        let signed = [
            ("Accept", Field::Text("application/json")),
            ("KALSHI-ACCESS-KEY", Field::Text(&self.key_id)),
            ("KALSHI-ACCESS-TIMESTAMP", Field::Timestamp(MILLI_DIGITS)),
            ("KALSHI-ACCESS-SIGNATURE", Field::Stamp(self.key.signature_chars())),
            ("Content-Type", Field::Text("application/json")),
        ];
        let count = if has_body { 5 } else { 4 };
        Head::new((method, target), host, &signed[..count], has_body)
    }
}

/// Stamps a request that was begun with `head` and whose body is written.
#[inline]
pub fn finish(head: &Head, out: &mut WireBuf, stamp: &Stamp) {
    let timestamp = decimal_digits::<MILLI_DIGITS>(stamp.unix_ms);
    head.finish(out, &timestamp, stamp.signature.as_bytes());
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("key_id", &self.key_id).field("key", &self.key).finish()
    }
}

/// What is signed.
struct Message {
    bytes: [u8; MILLI_DIGITS + METHOD_BYTES_MAX + PATH_BYTES_MAX],
    len: usize,
}

impl Default for Message {
    fn default() -> Self {
        Self { bytes: [0; MILLI_DIGITS + METHOD_BYTES_MAX + PATH_BYTES_MAX], len: 0 }
    }
}

impl Message {
    fn write(&mut self, unix_ms: u64, method: &str, target: &str) -> Result<(), ApiKeyError> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        self.push(&decimal_digits::<MILLI_DIGITS>(unix_ms))?;
        let start = self.len;
        self.push(method.as_bytes())?;
        if let Some(method) = self.bytes.get_mut(start..self.len) {
            method.make_ascii_uppercase();
        }
        self.push(path.as_bytes())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), ApiKeyError> {
        let end = self.len.saturating_add(bytes.len());
        let room = self.bytes.get_mut(self.len..end).ok_or(ApiKeyError::NotSigned)?;
        room.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
