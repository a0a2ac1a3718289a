//! One signer for the hot path: prepared nonces where there are any, the deterministic one otherwise.

use core::fmt;
use core::sync::atomic::AtomicU64;

use alloy_primitives::{Address, B256};

use super::ecdsa::{Signature, Signer};
use super::prepared::NonceConsumer;

/// How often each way was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignCounts {
    /// With a prepared nonce.
    pub prepared: u64,
    /// With the deterministic one though prepared ones were wanted: the ring was empty.
    pub fallback: u64,
    /// With the deterministic one, as configured.
    pub deterministic: u64,
}

/// Signs digests with one key.
pub struct DigestSigner<M> {
    signer: Signer,
    nonces: Option<NonceConsumer<M>>,
    counts: SignCounts,
}

impl<M: AsRef<[AtomicU64]>> DigestSigner<M> {
    /// A signer; without `nonces` every signature is deterministic.
    #[must_use]
    pub fn new(signer: Signer, nonces: Option<NonceConsumer<M>>) -> Self {
        Self { signer, nonces, counts: SignCounts::default() }
    }

    /// The account of the key.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.signer.address()
    }

    /// Which ways were taken so far.
    #[must_use]
    pub const fn counts(&self) -> SignCounts {
        self.counts
    }

    /// Signs a digest.
    #[inline]
    #[must_use]
    pub fn sign(&mut self, digest: &B256) -> Signature {
        let Some(nonces) = &mut self.nonces else {
            self.counts.deterministic = self.counts.deterministic.saturating_add(1);
            return self.signer.sign(digest);
        };
        if let Some(signature) = nonces.pop().and_then(|nonce| nonce.sign(digest)) {
            self.counts.prepared = self.counts.prepared.saturating_add(1);
            return signature;
        }
        self.counts.fallback = self.counts.fallback.saturating_add(1);
        self.signer.sign(digest)
    }
}

impl<M> fmt::Debug for DigestSigner<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestSigner")
            .field("signer", &self.signer)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::ecdsa::PrivateKey;
    use crate::sign::prepared::{NonceMaker, NonceRing, SLOT_WORDS};

    #[test]
    fn an_empty_ring_falls_back_and_says_so() {
        let key = || PrivateKey::from_bytes(&[9; 32]).unwrap();
        let reference = Signer::new(key(), &[1; 32]);
        let memory: Vec<_> = (0..SLOT_WORDS).map(|_| AtomicU64::new(0)).collect();
        let (mut producer, consumer) = NonceRing::new(memory);
        assert!(producer.push(NonceMaker::new(&key()).unwrap().make(&[2; 32])));
        let mut signer = DigestSigner::new(Signer::new(key(), &[1; 32]), Some(consumer));
        let digest = B256::repeat_byte(5);
        let prepared = signer.sign(&digest);
        assert_ne!(prepared, reference.sign(&digest));
        assert_eq!(reference.recover(&digest, &prepared), Some(signer.address()));
        assert_eq!(signer.sign(&digest), reference.sign(&digest));
        let counts = SignCounts { prepared: 1, fallback: 1, deterministic: 0 };
        assert_eq!(signer.counts(), counts);
    }
}
