//! `dutchbook kill` and `dutchbook clear`: the kill switch from the command line.
//!
//! `kill` works with and without a running engine: it latches first, which an engine of the same state
//! folder sees at once, and cancels by itself what the accounts have open.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use dutchbook_book::Nanos;
use dutchbook_core::clock::Clock;
use dutchbook_core::config::{Config, ConfigError};
use dutchbook_core::risk::cancel::sweep;
use dutchbook_core::risk::kill::KillCause;
use dutchbook_core::risk::latch::{Latch, LatchState, Latched};
use dutchbook_core::tls::{TlsError, TlsRoots};
use serde_json::{Value, json};

/// Options of kill.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook kill --config engine.toml --reason \"fills look wrong\"\n\nOther ways to the same switch: \
                        SIGUSR1 to the engine, a file named `kill` in kill.state_dir, `POST /kill` to kill.listen. \
                        Exit code 0 once every account has said twice that no order is open. It stays down until \
                        `dutchbook clear`."
)]
pub struct KillArgs {
    /// Engine configuration (TOML): which state folder, which accounts.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the next person should know.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Options of clear.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook clear --config engine.toml --by \"A. Trader\"\n\nWhat the latch said, and who cleared it, \
                        is kept in kill-history.jsonl of the state folder. An engine that was killed does not come back to life: \
                        start it again."
)]
pub struct ClearArgs {
    /// Engine configuration (TOML): which state folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Who has found out what happened.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Clears although not every venue has confirmed that no order is open.
    #[arg(long)]
    pub unverified: bool,
    /// The next live run begins with the cash and positions that the venues say, whatever its journal
    /// says: after somebody has found out why they differ. The difference is booked as a person's.
    #[arg(long)]
    pub accept_accounts: bool,
}

/// Why the switch cannot be pulled or cleared.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The latch cannot be written.
    #[error("kill.state_dir {path}: {source}")]
    Latch {
        /// Which folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refuses a runtime.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// A signal handler cannot be set.
    #[error("cannot listen for SIGUSR1: {0}")]
    Signal(std::io::Error),
    /// Nobody has given a name.
    #[error("--by: expected the name of whoever has found out what happened")]
    Nobody,
    /// Orders may still be open.
    #[error(
        "{0}: run `dutchbook kill` again until every venue confirms, or look yourself and clear with \
         --unverified"
    )]
    Unverified(String),
}

/// What a kill has done.
#[derive(Debug)]
pub struct Killed {
    latched: Latched,
    path: PathBuf,
}

/// Latches, cancels everything that the accounts have open, and verifies.
///
/// # Errors
/// When it could not be latched.
pub fn kill(args: &KillArgs) -> Result<Killed, KillError> {
    let config = Config::load(args.config.as_deref())?;
    let path = config.kill.state_dir.clone();
    let refused = |source| KillError::Latch { path: path.clone(), source };
    let latch = Latch::open(&path).map_err(refused)?;
    let clock = Clock::new();
    let mut latched = Latched {
        cause: KillCause::Command.name().to_owned(),
        reason: args.reason.clone(),
        unix_s: clock.now().millis() / 1_000,
        pid: std::process::id(),
        ..Latched::default()
    };
    // Before anything that can fail: a running engine stops now.
    latch.set(&latched).map_err(refused)?;
    let roots = config.venues.tls_extra_roots.iter().map(PathBuf::as_path);
    let tls = TlsRoots::with_files(roots)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let span = u64::try_from(config.kill.verify_max.as_nanos()).unwrap_or(u64::MAX);
    let until = clock.now().plus(Nanos(span));
    latched.venues = runtime.block_on(sweep(&config, &tls, &clock, until));
    latch.set(&latched).map_err(refused)?;
    if let LatchState::Held(first) = latch.state() {
        latched = first;
    }
    Ok(Killed { latched, path })
}

impl Killed {
    /// Whether every account has confirmed that no order is open.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.latched.is_verified()
    }

    /// As one object.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "latched": true,
            "cause": self.latched.cause,
            "reason": self.latched.reason,
            "verified": self.is_verified(),
            "venues": self.latched.venues,
            "state_dir": self.path,
        })
    }

    /// As a page of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut page = format!("the kill switch is latched in {}\n", self.path.display());
        if self.latched.venues.is_empty() {
            page.push_str("no live account is configured: there was nothing to cancel\n");
        }
        for swept in &self.latched.venues {
            page.push_str(&format!("{}\n", swept.line()));
        }
        page.push_str("it holds until `dutchbook clear --by NAME`\n");
        page
    }
}

/// A person clears the latch. Returns what there is to say.
///
/// # Errors
/// When orders may still be open, or the folder cannot be written.
pub fn clear(args: &ClearArgs) -> Result<String, KillError> {
    let config = Config::load(args.config.as_deref())?;
    let by = args.by.trim();
    if by.is_empty() {
        return Err(KillError::Nobody);
    }
    let path = &config.kill.state_dir;
    let refused = |source| KillError::Latch { path: path.clone(), source };
    let latch = Latch::open(path).map_err(refused)?;
    let said = match latch.state() {
        LatchState::Free if args.accept_accounts => "free".to_owned(),
        LatchState::Free => return Ok("the kill switch is free: there is nothing to clear".into()),
        LatchState::Held(latched) if !latched.is_verified() && !args.unverified => {
            return Err(KillError::Unverified(latched.line()));
        }
        LatchState::Held(latched) => latched.line(),
        LatchState::Touched => "pulled by a file".to_owned(),
    };
    if args.accept_accounts {
        latch.accept_accounts(by).map_err(refused)?;
    }
    latch.clear(by, Clock::new().now().millis() / 1_000).map_err(refused)?;
    Ok(format!("cleared by {by}; it was {said}"))
}

/// A flag that SIGUSR1 sets.
///
/// # Errors
/// When the system refuses the handler.
pub fn signal() -> Result<Arc<AtomicBool>, KillError> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&flag))
        .map_err(KillError::Signal)?;
    Ok(flag)
}
