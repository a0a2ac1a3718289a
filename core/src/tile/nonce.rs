//! The thread that makes nonces ahead, so that an order is signed in a fraction of a microsecond.
//!
//! It draws from the operating system's generator, fills the ring and sleeps. Where the generator
//! fails it ends, and says so: orders are then signed with deterministic nonces.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, park_timeout};

use dutchbook_exec::sign::ecdsa::PrivateKey;
use dutchbook_exec::sign::prepared::{
    NonceConsumer, NonceMaker, NonceProducer, NonceRing, SLOT_WORDS,
};
use zeroize::Zeroize;

use crate::secret::SecretPages;

/// Pause between two looks at the ring. A nonce takes below 0.1 ms to make.
const PAUSE: Duration = Duration::from_millis(1);

/// Why no nonces are made ahead.
#[derive(Debug, thiserror::Error)]
pub enum NonceError {
    /// No memory that a forked process does not see.
    #[error("prepared nonces: the system gives no memory that is erased on fork: {0}")]
    Memory(std::io::Error),
    /// No thread.
    #[error("prepared nonces: no thread: {0}")]
    Thread(std::io::Error),
    /// The key cannot be used.
    #[error("prepared nonces: the key is not valid")]
    Key,
}

/// The running thread. Dropping it ends the thread and erases what is left in the ring, once the
/// signing end is gone, too.
#[derive(Debug)]
pub struct NonceTile {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl NonceTile {
    /// Starts making up to `slots` nonces of a key, and gives the end that signs with them.
    ///
    /// # Errors
    /// When there is no thread or no safe memory: sign with deterministic nonces then.
    pub fn start(
        key: &PrivateKey,
        slots: usize,
    ) -> Result<(Self, NonceConsumer<SecretPages>), NonceError> {
        let pages =
            SecretPages::new(slots.saturating_mul(SLOT_WORDS)).map_err(NonceError::Memory)?;
        let maker = NonceMaker::new(key).ok_or(NonceError::Key)?;
        let (producer, consumer) = NonceRing::new(pages);
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = Builder::new().name("nonce".to_owned());
        let thread = thread.spawn(move || fill(maker, producer, &seen));
        let thread = Some(thread.map_err(NonceError::Thread)?);
        Ok((Self { thread, stop }, consumer))
    }
}

impl Drop for NonceTile {
    fn drop(&mut self) {
        // Relaxed: the flag carries nothing else.
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was shown where it happened.
            thread.join().ok();
        }
    }
}

fn fill(mut maker: NonceMaker, mut producer: NonceProducer<SecretPages>, stop: &AtomicBool) {
    let mut random = [0; 32];
    // Relaxed: as above.
    while !stop.load(Ordering::Relaxed) {
        if !producer.has_room() {
            park_timeout(PAUSE);
            continue;
        }
        if getrandom::fill(&mut random).is_err() {
            return;
        }
        producer.push(maker.make(&random));
        random.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_thread_fills_the_ring_and_ends() {
        let key = PrivateKey::from_bytes(&[7; 32]).unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..2 {
            let (tile, mut consumer) = NonceTile::start(&key, 8).unwrap();
            let mut taken = 0;
            while taken < 32 {
                match consumer.pop() {
                    Some(nonce) => {
                        assert!(seen.insert(*nonce.r()), "a nonce came twice");
                        taken += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
            assert!(tile.thread.as_ref().is_some_and(|thread| !thread.is_finished()));
        }
        assert_eq!(seen.len(), 64);
    }

    /// The child of a fork has the ring's ends and finds nothing in it.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_forked_process_finds_no_nonce() {
        let key = PrivateKey::from_bytes(&[7; 32]).unwrap();
        let (_tile, mut consumer) = NonceTile::start(&key, 8).unwrap();
        while consumer.pop().is_none() {
            std::thread::yield_now();
        }
        park_timeout(Duration::from_millis(20));
        // SAFETY: the child below calls nothing but `pop`, which neither allocates nor locks, and
        // `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let found = (0..64).filter(|_| consumer.pop().is_some()).count();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::try_from(found).unwrap_or(99)) };
        }
        assert!(child > 0, "fork failed");
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status));
        assert_eq!(libc::WEXITSTATUS(status), 0, "nonces that the child could have used");
        assert!(consumer.pop().is_some(), "the parent still has them");
    }
}
