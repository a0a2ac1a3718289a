//! The guard: a thread that knows every way to the kill switch, and what follows once it is pulled.
//!
//! It looks for a latch that `dutchbook kill` has set, a file named `kill`, a signal and a request to the
//! loopback endpoint, and for a switch that the engine itself has pulled. Then it latches, cancels
//! every open order over connections of its own, verifies that none is left, and tries again until so.
//! It never frees the switch.

mod endpoint;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use dutchbook_book::Nanos;
use tokio::net::TcpListener;

use super::cancel::{Swept, sweep};
use super::kill::{KillCause, KillSwitch};
use super::latch::{Cause, Latch, LatchState, Latched};
use crate::clock::Clock;
use crate::config::Config;
use crate::tls::TlsRoots;

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Why there is no guard; without one nothing may trade.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The latch of an earlier process holds.
    #[error(
        "the kill switch is latched, {said}: find out why, then run `dutchbook clear --by NAME` with the \
         same configuration"
    )]
    Latched {
        /// What the latch says.
        said: String,
    },
    /// The state folder cannot be used.
    #[error("kill.state_dir {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The endpoint's address cannot be listened on.
    #[error("kill.listen {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The system refuses a thread or a runtime.
    #[error("cannot start the guard of the kill switch: {0}")]
    System(#[from] io::Error),
}

/// What the guard has done.
#[derive(Clone, Debug, Default)]
pub struct GuardEnd {
    /// Who pulled the switch, where somebody did.
    pub cause: Option<KillCause>,
    /// Everybody who did, the first one first.
    pub causes: Vec<KillCause>,
    /// What was said of the causes.
    pub said: Vec<String>,
    /// What became of the open orders.
    pub swept: Vec<Swept>,
    /// What a person should know beside that.
    pub trouble: Vec<String>,
}

/// What the guard is given.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The engine's configuration.
    pub config: Config,
    /// Whether orders are real: then they are cancelled.
    pub is_live: bool,
    /// The switch.
    pub switch: KillSwitch,
    /// Set by the handler of a signal.
    pub signal: Arc<AtomicBool>,
    /// Whom we trust.
    pub tls: TlsRoots,
    /// The time.
    pub clock: Clock,
}

/// The running guard.
#[derive(Debug)]
pub struct Guard {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<GuardEnd>,
    address: Option<SocketAddr>,
}

/// The latch of a configuration, where nothing holds.
///
/// # Errors
/// When it holds, or cannot be looked at.
pub fn free_latch(config: &Config) -> Result<Latch, GuardError> {
    let path = &config.kill.state_dir;
    let refused = |source| GuardError::Folder { path: path.clone(), source };
    let latch = Latch::open(path).map_err(refused)?;
    let said = match latch.state() {
        LatchState::Free => return Ok(latch),
        LatchState::Held(latched) => latched.line(),
        LatchState::Touched => format!("by a file in {}", path.display()),
    };
    Err(GuardError::Latched { said })
}

/// Starts the guard.
///
/// # Errors
/// When the latch holds, the endpoint's address is taken, or the system refuses.
pub fn start(watched: Watched) -> Result<Guard, GuardError> {
    let latch = free_latch(&watched.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = match watched.config.kill.listen {
        None => None,
        Some(address) => {
            let refused = |source| GuardError::Listen { address, source };
            Some(runtime.block_on(TcpListener::bind(address)).map_err(refused)?)
        }
    };
    let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let body = move || {
        let switch = watched.switch.clone();
        let work =
            Work { watched, latch, stop: flag, end: GuardEnd::default(), written: Vec::new() };
        runtime.block_on(async {
            // The endpoint ends with the guard.
            tokio::select! {
                end = work.run() => end,
                () = endpoint::serve(listener, switch) => GuardEnd::default(),
            }
        })
    };
    let thread = std::thread::Builder::new().name("guard".to_owned()).spawn(body)?;
    Ok(Guard { stop, thread, address })
}

impl Guard {
    /// Where the endpoint listens.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Ends the guard: at once where nobody pulled the switch, else after what follows it was tried.
    #[must_use]
    pub fn stop(self) -> GuardEnd {
        // Release: the guard that sees it (Acquire) sees a switch that was pulled before.
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_else(|_panic| GuardEnd {
            trouble: vec!["the guard of the kill switch panicked".to_owned()],
            ..GuardEnd::default()
        })
    }
}

/// The guard at work.
struct Work {
    watched: Watched,
    latch: Latch,
    stop: Arc<AtomicBool>,
    end: GuardEnd,
    /// What the latch says of the orders.
    written: Vec<Swept>,
}

impl Work {
    async fn run(mut self) -> GuardEnd {
        let mut is_followed = false;
        loop {
            // Acquire: pairs with `Guard::stop`. Read first, so that a pull before it is not missed.
            let is_last = self.stop.load(Ordering::Acquire);
            self.look();
            if let Some(cause) = self.watched.switch.cause() {
                if !is_followed {
                    self.follow(cause).await;
                    is_followed = true;
                }
                // What pulls it again is written down, too.
                self.record(cause);
            }
            if is_last {
                return self.end;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Every way to the switch beside the endpoint, which pulls by itself.
    fn look(&self) {
        let switch = &self.watched.switch;
        // Acquire: the handler of a signal writes nothing else.
        if self.watched.signal.load(Ordering::Acquire) {
            switch.pull(KillCause::Signal);
        }
        match self.latch.state() {
            LatchState::Free => {}
            // By our own hand, once it is pulled.
            LatchState::Held(latched) if latched.pid == std::process::id() => {}
            LatchState::Held(_) => switch.pull(KillCause::Command),
            LatchState::Touched => switch.pull(KillCause::File),
        }
    }

    /// Latches, cancels and verifies.
    async fn follow(&mut self, cause: KillCause) {
        self.end.cause = Some(cause);
        self.record(cause);
        if !self.watched.is_live {
            return;
        }
        loop {
            let (watched, now) = (&self.watched, self.watched.clock.now());
            let span = u64::try_from(watched.config.kill.verify_max.as_nanos());
            let until = now.plus(Nanos(span.unwrap_or(u64::MAX)));
            self.end.swept = sweep(&watched.config, &watched.tls, &watched.clock, until).await;
            self.record(cause);
            let is_verified = self.end.swept.iter().all(|swept| swept.is_verified);
            if is_verified || self.stop.load(Ordering::Acquire) {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Latches, where it is not written yet.
    fn record(&mut self, cause: KillCause) {
        let causes = self.watched.switch.causes();
        let said = self.watched.switch.take_said();
        let is_written = self.end.causes == causes && said.is_empty();
        if is_written && self.written == self.end.swept {
            return;
        }
        self.end.causes.clone_from(&causes);
        self.end.said.extend(said);
        self.written.clone_from(&self.end.swept);
        let unix_s = self.watched.clock.now().millis() / 1_000;
        // Words come from the engine: they are of the first cause that is its own.
        let speaker = causes.iter().find(|cause| cause.is_engines()).copied();
        let reason_of = |of: KillCause| match speaker == Some(of) {
            true => self.end.said.join("; "),
            false => String::new(),
        };
        let then = causes.iter().filter(|other| **other != cause).map(|other| Cause {
            cause: other.name().to_owned(),
            reason: reason_of(*other),
            unix_s,
        });
        let latched = Latched {
            cause: cause.name().to_owned(),
            reason: reason_of(cause),
            unix_s,
            pid: std::process::id(),
            venues: self.end.swept.clone(),
            then: then.collect(),
        };
        if let Err(error) = self.latch.set(&latched) {
            self.end.trouble.push(format!("the kill switch could not be latched: {error}"));
        }
    }
}

#[cfg(test)]
mod tests;
