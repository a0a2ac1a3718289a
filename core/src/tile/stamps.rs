//! The thread that keeps Kalshi's stamps fresh, so that an order copies one instead of signing: an RSA
//! signature takes longer than everything else on the way from payload to wire.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, park_timeout};

use dutchbook_exec::venue::kalshi::auth::Credentials;
use dutchbook_exec::venue::kalshi::stamps::StampMaker;

use crate::clock::Clock;

/// Between two stamps of one path. The venue takes them for five seconds.
pub const RENEW_EVERY: Duration = Duration::from_millis(500);
/// A stamp older than this is not used: the way to the venue and the clocks share the rest.
pub const STAMP_AGE_MS_MAX: u64 = 2_000;

/// The running thread. Dropping it ends it; the stamps then age, and are not given out any more.
#[derive(Debug)]
pub struct StampTile {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl StampTile {
    /// Signs every target of `maker` once, here, and then again and again on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(
        credentials: Arc<Credentials>,
        mut maker: StampMaker,
        clock: Clock,
    ) -> std::io::Result<Self> {
        renew(&mut maker, &credentials, &clock);
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let body = move || {
            // Relaxed: the flag carries nothing else.
            while !seen.load(Ordering::Relaxed) {
                park_timeout(RENEW_EVERY);
                renew(&mut maker, &credentials, &clock);
            }
        };
        let thread = Builder::new().name("stamps".to_owned()).spawn(body)?;
        Ok(Self { thread: Some(thread), stop })
    }
}

fn renew(maker: &mut StampMaker, credentials: &Credentials, clock: &Clock) {
    // A refusal of the library leaves the older stamps to age: who needs one then signs by himself.
    let _renewed = maker.renew(credentials, clock.now().millis()).is_ok();
}

impl Drop for StampTile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was shown where it happened.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_exec::venue::kalshi::stamps::stamps;

    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn a_stamp_is_there_at_once_and_is_renewed() {
        let target = ("POST", "/x");
        let (maker, reader) = stamps(&[target], STAMP_AGE_MS_MAX);
        let credentials = Arc::new(Credentials::new("id", ED25519).unwrap());
        let clock = Clock::new();
        let tile = StampTile::start(credentials, maker, clock.clone()).unwrap();
        let first = reader.stamp(target, clock.now().millis()).unwrap();
        let mut newest = first;
        for _ in 0..100 {
            park_timeout(Duration::from_millis(20));
            newest = reader.stamp(target, clock.now().millis()).unwrap();
            if newest.unix_ms > first.unix_ms {
                break;
            }
        }
        assert!(newest.unix_ms > first.unix_ms);
        drop(tile);
    }
}
