//! Nonces made ahead: the dear part of an ECDSA signature, done before there is anything to sign.
//!
//! A [`NonceMaker`] draws a nonce k and keeps k⁻¹, r·d, r and the parity of the point; with those a
//! signature of any digest z is s = k⁻¹·(z + r·d): two multiplications instead of one on the curve.
//!
//! **Two signatures with one nonce give the private key away.** So a [`PreparedNonce`] can be used
//! once: [`PreparedNonce::sign`] consumes it, it is neither `Copy` nor `Clone`, and it is erased when
//! it goes. In the [`ring`](NonceRing) between the thread that makes them and the one that signs, a
//! slot is erased before the nonce that was in it can sign. Nonces live in memory only: a restart
//! begins with an empty ring. The caller gives that memory and sees to it that a forked process finds
//! it erased and that it is in no dump. An empty ring gives `None`: sign with the deterministic nonce.
//!
//! k is HMAC-SHA256 under the private key of 32 bytes from the caller's cryptographic generator and
//! a counter: it stays secret as long as either the key or the generator does, and differs while
//! either the generator's bytes or the counter do. The arithmetic is that of `k256`, constant in time.
//!
//! Such signatures are as good as any and differ from the deterministic ones of the vectors.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use alloy_primitives::B256;
use hmac::{Hmac, KeyInit, Mac};
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::elliptic_curve::scalar::IsHigh;
use k256::{FieldBytes, ProjectivePoint, Scalar};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::ecdsa::{PrivateKey, Signature};

/// Everything of one nonce that a signature needs. Signs once.
pub struct PreparedNonce {
    /// k⁻¹.
    inverse: Scalar,
    /// r·d.
    secret: Scalar,
    r: [u8; 32],
    is_odd: bool,
}

impl PreparedNonce {
    /// Signs a digest and is gone. `None`, once in 2²⁵⁶ digests, where the sum is zero.
    #[inline]
    #[must_use]
    pub fn sign(self, digest: &B256) -> Option<Signature> {
        let digest = <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(digest.0));
        let mut s = self.inverse * (digest + self.secret);
        let is_high = bool::from(s.is_high());
        if is_high {
            s = -s;
        }
        if bool::from(s.is_zero()) {
            return None;
        }
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..64].copy_from_slice(&s.to_bytes());
        bytes[64] = 27 + u8::from(self.is_odd != is_high);
        Some(Signature(bytes))
    }

    /// The public part: two nonces that share it are one nonce.
    #[must_use]
    pub const fn r(&self) -> &[u8; 32] {
        &self.r
    }
}

impl Drop for PreparedNonce {
    fn drop(&mut self) {
        self.inverse.zeroize();
        self.secret.zeroize();
    }
}

impl fmt::Debug for PreparedNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedNonce(hidden)")
    }
}

/// Makes nonces of one key.
pub struct NonceMaker {
    key: Scalar,
    state: Hmac<Sha256>,
    counter: u64,
}

impl NonceMaker {
    /// A maker for a key. `None` never happens with a valid key; it is said rather than assumed.
    #[must_use]
    pub fn new(key: &PrivateKey) -> Option<Self> {
        let bytes = Zeroizing::new(key.to_bytes());
        let scalar: Option<Scalar> = Scalar::from_repr(FieldBytes::from(*bytes)).into();
        let state = Hmac::new_from_slice(bytes.as_slice()).ok()?;
        Some(Self { key: scalar?, state, counter: 0 })
    }

    /// Makes one from 32 bytes of a cryptographic generator, which the caller uses for nothing else.
    #[must_use]
    pub fn make(&mut self, random: &[u8; 32]) -> PreparedNonce {
        loop {
            self.counter = self.counter.wrapping_add(1);
            let mut state = self.state.clone();
            state.update(b"dutchbook prepared nonce");
            state.update(&self.counter.to_be_bytes());
            state.update(random);
            let mut bytes: [u8; 32] = state.finalize().into_bytes().into();
            let nonce = self.of(FieldBytes::from(bytes));
            bytes.zeroize();
            // Out of range once in 2¹²⁸: the next counter gives another.
            if let Some(nonce) = nonce {
                return nonce;
            }
        }
    }

    fn of(&self, mut bytes: FieldBytes) -> Option<PreparedNonce> {
        let k: Option<Scalar> = Scalar::from_repr(bytes).into();
        bytes.as_mut_slice().zeroize();
        let mut k = k.filter(|k| !bool::from(k.is_zero()))?;
        let point = ProjectivePoint::mul_by_generator(&k).to_affine();
        let inverse: Option<Scalar> = k.invert().into();
        k.zeroize();
        let x: FieldBytes = point.x();
        // An x beyond the order of the curve would need another recovery number.
        let r: Option<Scalar> = Scalar::from_repr(x).into();
        let r = r.filter(|r| !bool::from(r.is_zero()))?;
        Some(PreparedNonce {
            inverse: inverse?,
            secret: r * self.key,
            r: x.into(),
            is_odd: point.y_is_odd().into(),
        })
    }
}

impl Drop for NonceMaker {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for NonceMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceMaker(hidden)")
    }
}

/// Words of one slot: its state, three scalars, the parity; two cache lines.
pub const SLOT_WORDS: usize = 16;

const STATE: usize = 0;
const INVERSE: usize = 1;
const SECRET: usize = 5;
const R: usize = 9;
const PARITY: usize = 13;
/// A slot of zeros is empty: so is every slot of memory that was erased under us.
const EMPTY: u64 = 0;
const FULL: u64 = 0x6e6f_6e63_6521_2121;

/// Between the thread that makes nonces and the one that signs with them.
///
/// Both walk the slots in the same order. The maker fills a slot only when its state is `EMPTY`, the
/// signer takes it only when it is `FULL`: each state has one writer at a time, so no slot is read
/// twice. The memory may be erased at any moment that neither is inside a slot, as it is in a forked
/// process: then every slot is empty, and whatever of the two lives on there finds nothing to sign
/// with until a maker fills it anew.
#[derive(Debug)]
pub struct NonceRing;

impl NonceRing {
    /// A ring in the caller's memory, which must be all zeros; one slot per [`SLOT_WORDS`] words.
    #[expect(clippy::new_ret_no_self, reason = "a ring is its two ends")]
    pub fn new<M: AsRef<[AtomicU64]>>(memory: M) -> (NonceProducer<M>, NonceConsumer<M>) {
        let memory = Arc::new(memory);
        (NonceProducer { memory: Arc::clone(&memory), at: 0 }, NonceConsumer { memory, at: 0 })
    }
}

fn slot(memory: &[AtomicU64], at: usize) -> Option<&[AtomicU64; SLOT_WORDS]> {
    memory.as_chunks().0.get(at)
}

const fn next(memory: &[AtomicU64], at: usize) -> usize {
    let next = at.saturating_add(1);
    if next < memory.len() / SLOT_WORDS { next } else { 0 }
}

/// The end of the thread that makes nonces.
pub struct NonceProducer<M> {
    memory: Arc<M>,
    at: usize,
}

impl<M: AsRef<[AtomicU64]>> NonceProducer<M> {
    /// Whether one more fits.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let slot = slot((*self.memory).as_ref(), self.at);
        // Acquire: pairs with the release in `pop`; the signer is done with the slot.
        slot.is_some_and(|slot| slot[STATE].load(Ordering::Acquire) == EMPTY)
    }

    /// Puts a nonce in. One that does not fit is erased: making another costs microseconds.
    /// Returns whether it fitted.
    #[expect(clippy::needless_pass_by_value, reason = "nobody may keep what lies in the ring")]
    pub fn push(&mut self, nonce: PreparedNonce) -> bool {
        let memory = (*self.memory).as_ref();
        let (true, Some(slot)) = (self.has_room(), slot(memory, self.at)) else { return false };
        let mut inverse = nonce.inverse.to_bytes();
        let mut secret = nonce.secret.to_bytes();
        store(&slot[INVERSE..SECRET], inverse.as_slice());
        store(&slot[SECRET..R], secret.as_slice());
        store(&slot[R..PARITY], &nonce.r);
        slot[PARITY].store(u64::from(nonce.is_odd), Ordering::Relaxed);
        inverse.as_mut_slice().zeroize();
        secret.as_mut_slice().zeroize();
        // Release: whoever sees the slot full (Acquire in `pop`) sees the words above.
        slot[STATE].store(FULL, Ordering::Release);
        self.at = next(memory, self.at);
        true
    }
}

/// The end of the thread that signs.
pub struct NonceConsumer<M> {
    memory: Arc<M>,
    at: usize,
}

impl<M: AsRef<[AtomicU64]>> NonceConsumer<M> {
    /// Takes the next nonce out; its slot is erased before this returns. `None` where there is none.
    #[inline]
    #[must_use]
    pub fn pop(&mut self) -> Option<PreparedNonce> {
        let memory = (*self.memory).as_ref();
        let slot = slot(memory, self.at)?;
        // Acquire: pairs with the release in `push`.
        if slot[STATE].load(Ordering::Acquire) != FULL {
            return None;
        }
        let mut inverse = load(&slot[INVERSE..SECRET]);
        let mut secret = load(&slot[SECRET..R]);
        let r = load(&slot[R..PARITY]);
        let is_odd = slot[PARITY].load(Ordering::Relaxed) != 0;
        for word in &slot[INVERSE..=PARITY] {
            word.store(0, Ordering::Relaxed);
        }
        // Release: the maker that sees the slot empty (Acquire in `has_room`) writes after the
        // erasure, not before it.
        slot[STATE].store(EMPTY, Ordering::Release);
        self.at = next(memory, self.at);
        let scalar = |bytes: &[u8; 32]| -> Option<Scalar> {
            Scalar::from_repr(FieldBytes::from(*bytes)).into()
        };
        let nonce = match (scalar(&inverse), scalar(&secret)) {
            (Some(inverse), Some(secret)) => Some(PreparedNonce { inverse, secret, r, is_odd }),
            _ => None,
        };
        inverse.zeroize();
        secret.zeroize();
        nonce
    }
}

impl<M> fmt::Debug for NonceProducer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceProducer(hidden)")
    }
}

impl<M> fmt::Debug for NonceConsumer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceConsumer(hidden)")
    }
}

fn store(words: &[AtomicU64], bytes: &[u8]) {
    for (word, bytes) in words.iter().zip(bytes.as_chunks().0) {
        word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
    }
}

fn load(words: &[AtomicU64]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (word, bytes) in words.iter().zip(bytes.as_chunks_mut().0) {
        *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::ecdsa::Signer;
    use alloy_primitives::keccak256;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    fn key() -> PrivateKey {
        PrivateKey::from_hex(KEY).unwrap()
    }

    fn memory(slots: usize) -> Vec<AtomicU64> {
        (0..slots * SLOT_WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    /// Not random at all: only the counter keeps such nonces apart.
    const STUCK: [u8; 32] = [0; 32];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_a_prepared_nonce_signs_recovers_to_the_signer(random: [u8; 32], digest: [u8; 32]) {
            let signer = Signer::new(key(), &[1; 32]);
            let mut maker = NonceMaker::new(&key()).unwrap();
            for digest in [B256::new(digest), B256::ZERO, B256::repeat_byte(0xff)] {
                let signature = maker.make(&random).sign(&digest).unwrap();
                prop_assert_eq!(signer.recover(&digest, &signature), Some(signer.address()));
                // Low s: the venue's contracts refuse the other one.
                prop_assert!(signature.0[32] < 0x80);
            }
        }
    }

    #[test]
    fn even_a_stuck_generator_gives_no_nonce_twice_in_one_run() {
        let mut maker = NonceMaker::new(&key()).unwrap();
        let seen: BTreeSet<_> = (0..200).map(|_| *maker.make(&STUCK).r()).collect();
        assert_eq!(seen.len(), 200);
    }

    #[test]
    fn a_restart_begins_empty_and_draws_others() {
        let run = |random: [u8; 32]| {
            let (mut producer, mut consumer) = NonceRing::new(memory(4));
            assert!(consumer.pop().is_none(), "nothing is left of the run before");
            let mut maker = NonceMaker::new(&key()).unwrap();
            (0..4).for_each(|_| assert!(producer.push(maker.make(&random))));
            (0..4).map(|_| *consumer.pop().unwrap().r()).collect::<BTreeSet<_>>()
        };
        // The counter begins anew: it is the generator that differs.
        assert!(run([1; 32]).is_disjoint(&run([2; 32])));
    }

    #[test]
    fn a_ring_gives_each_nonce_once_and_erases_its_slot_first() {
        let slots = memory(3);
        let (mut producer, mut consumer) = NonceRing::new(slots.as_slice());
        let mut maker = NonceMaker::new(&key()).unwrap();
        for round in 0..10 {
            let pushed: Vec<_> = core::iter::from_fn(|| {
                let nonce = maker.make(&STUCK);
                let r = *nonce.r();
                producer.push(nonce).then_some(r)
            })
            .collect();
            assert_eq!(pushed.len(), 3, "round {round}");
            for r in pushed {
                assert_eq!(*consumer.pop().unwrap().r(), r);
            }
            assert!(consumer.pop().is_none());
            assert!(slots.iter().all(|word| word.load(Ordering::Relaxed) == 0));
        }
    }

    #[test]
    fn erased_memory_is_an_empty_ring() {
        let slots = memory(4);
        let (mut producer, mut consumer) = NonceRing::new(slots.as_slice());
        let mut maker = NonceMaker::new(&key()).unwrap();
        (0..3).for_each(|_| assert!(producer.push(maker.make(&STUCK))));
        assert!(consumer.pop().is_some());
        slots.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        assert!(consumer.pop().is_none());
    }

    #[test]
    fn two_threads_never_share_a_nonce() {
        const COUNT: usize = 2_000;
        let (mut producer, mut consumer) = NonceRing::new(memory(7));
        let maker_thread = std::thread::spawn(move || {
            let mut maker = NonceMaker::new(&key()).unwrap();
            let mut pushed = Vec::with_capacity(COUNT);
            while pushed.len() < COUNT {
                if !producer.has_room() {
                    std::thread::yield_now();
                    continue;
                }
                let nonce = maker.make(&STUCK);
                pushed.push(*nonce.r());
                assert!(producer.push(nonce));
            }
            pushed
        });
        let signer = Signer::new(key(), &[1; 32]);
        let digest = keccak256(b"digest");
        let mut popped = Vec::with_capacity(COUNT);
        while popped.len() < COUNT {
            let Some(nonce) = consumer.pop() else {
                std::thread::yield_now();
                continue;
            };
            popped.push(*nonce.r());
            if popped.len() % 100 == 0 {
                let signature = nonce.sign(&digest).unwrap();
                assert_eq!(signer.recover(&digest, &signature), Some(signer.address()));
            }
        }
        let pushed = maker_thread.join().unwrap();
        assert_eq!(popped, pushed, "every nonce once, in order");
        assert_eq!(popped.iter().collect::<BTreeSet<_>>().len(), COUNT);
        assert!(consumer.pop().is_none());
    }
}
