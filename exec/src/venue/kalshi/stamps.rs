//! Stamps of constant paths, kept fresh by a helper thread: the hot path copies one instead of
//! signing. The body is not signed, so one stamp may serve several requests.

use dutchbook_book::view::{LatestReader, LatestWriter, latest};

use super::auth::{Credentials, Stamp};
use crate::sign::api_key::{ApiKeyError, SIGNATURE_CHARS_MAX, SignatureText};

/// Words of a stamp: its time, its length, its characters.
const WORDS: usize = 2 + SIGNATURE_CHARS_MAX.div_ceil(8);

/// What a stamp is for.
pub type Target = (&'static str, &'static str);

/// The helper thread's end: signs.
#[derive(Debug)]
pub struct StampMaker {
    boards: Vec<(Target, LatestWriter<WORDS>)>,
}

/// The hot path's end: copies.
#[derive(Debug)]
pub struct StampReader {
    boards: Vec<(Target, LatestReader<WORDS>)>,
    age_ms_max: u64,
}

/// Both ends for these methods and paths. A stamp older than `age_ms_max` is not given out: the
/// venue accepts a skew of five seconds, which clocks and the way there must share with it.
#[must_use]
pub fn stamps(targets: &[Target], age_ms_max: u64) -> (StampMaker, StampReader) {
    let ends = targets.iter().map(|target| {
        let (writer, reader) = latest([0; WORDS]);
        ((*target, writer), (*target, reader))
    });
    let (writers, readers) = ends.unzip();
    (StampMaker { boards: writers }, StampReader { boards: readers, age_ms_max })
}

impl StampMaker {
    /// Signs every target anew.
    ///
    /// # Errors
    /// When the library refuses; the stamps made before age and are then not given out.
    pub fn renew(&mut self, credentials: &Credentials, unix_ms: u64) -> Result<(), ApiKeyError> {
        for ((method, path), board) in &mut self.boards {
            board.publish(&to_words(&credentials.stamp(unix_ms, method, path)?));
        }
        Ok(())
    }
}

impl StampReader {
    /// A fresh stamp; `None` where there is none: sign online, and count it.
    #[inline]
    #[must_use]
    pub fn stamp(&self, target: Target, unix_ms: u64) -> Option<Stamp> {
        let (_, board) = self.boards.iter().find(|(known, _)| *known == target)?;
        let stamp = from_words(&board.read().ok()?)?;
        let is_fresh = unix_ms.abs_diff(stamp.unix_ms) <= self.age_ms_max;
        is_fresh.then_some(stamp)
    }
}

fn to_words(stamp: &Stamp) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let [time, len, chars @ ..] = &mut words;
    *time = stamp.unix_ms;
    let text = stamp.signature.as_bytes();
    *len = u64::try_from(text.len()).unwrap_or(0);
    for (word, bytes) in chars.iter_mut().zip(text.chunks(8)) {
        let mut padded = [0; 8];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        *word = u64::from_le_bytes(padded);
    }
    words
}

fn from_words(words: &[u64; WORDS]) -> Option<Stamp> {
    let [unix_ms, len, chars @ ..] = words;
    let len = usize::try_from(*len).ok().filter(|len| *len > 0)?;
    let mut text = [0; (WORDS - 2) * 8];
    for (bytes, word) in text.chunks_exact_mut(8).zip(chars) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    let signature = SignatureText::from_text(text.get(..len)?)?;
    Some(Stamp { unix_ms: *unix_ms, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
        -----END PRIVATE KEY-----\n";
    const CREATE: Target = ("POST", "/trade-api/v2/portfolio/events/orders");

    #[test]
    fn a_stamp_is_what_signing_gives_and_not_older_than_the_limit() {
        let credentials = Credentials::new("id", ED25519).unwrap();
        let (mut maker, reader) = stamps(&[CREATE, ("DELETE", "/x")], 1_000);
        assert!(reader.stamp(CREATE, 0).is_none(), "nothing is signed yet");
        let at = 1_790_000_000_500;
        maker.renew(&credentials, at).unwrap();
        let stamp = reader.stamp(CREATE, at + 1_000).unwrap();
        let online = credentials.stamp(at, CREATE.0, CREATE.1).unwrap();
        assert_eq!(stamp.unix_ms, at);
        assert_eq!(stamp.signature.as_bytes(), online.signature.as_bytes());
        assert!(reader.stamp(CREATE, at + 1_001).is_none(), "too old");
        assert!(reader.stamp(CREATE, at - 1_001).is_none(), "the clock went back");
        assert!(reader.stamp(("GET", "/x"), at).is_none(), "nobody signs it");
    }
}
