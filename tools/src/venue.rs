//! `dutchbook venue`: one simulated venue as a program, for any client of that venue.

mod accounts;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use clap::{Args, ValueEnum};
use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::fee::Rounding;
use dutchbook_book::grid::GridError;
use dutchbook_core::clock::Clock;

use crate::cli;
use crate::key_pair::KeyType;
use crate::sim::fault::FaultPlan;
use crate::sim::flow::{FlowConfig, FlowError, Pace};
use crate::sim::scenario::Scenario;
use crate::sim::server::{
    self, CertificateError, Served, SimOptions, SimServerError, VenueCertificate,
};

/// Which venue is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// CLOB and Gamma on one host, WebSockets at /ws/market and /ws/user.
    Polymarket,
    /// REST below /trade-api/v2, WebSocket at /trade-api/ws/v2.
    Kalshi,
}

impl Which {
    const fn kind(self) -> VenueKind {
        match self {
            Self::Polymarket => VenueKind::Polymarket,
            Self::Kalshi => VenueKind::Kalshi,
        }
    }
}

/// How busy a venue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VenueFlow {
    /// A few messages and less than one trade a second, wide spreads.
    Calm,
    /// Several thousand messages a second.
    Busy,
    /// Books as they were opened; nobody else trades.
    None,
}

impl VenueFlow {
    const fn pace(self) -> Pace {
        match self {
            Self::Calm => Pace::Quiet,
            Self::Busy => Pace::Busy,
            Self::None => Pace::None,
        }
    }
}

/// What key a fresh account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestKey {
    /// RSA-2048.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// How a fee is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum FeeRounding {
    /// Down.
    Floor,
    /// To the nearer, halves up.
    HalfUp,
    /// Up.
    Ceil,
}

impl TestKey {
    const fn key_type(self) -> KeyType {
        match self {
            Self::Rsa => KeyType::Rsa,
            Self::Ed25519 => KeyType::Ed25519,
        }
    }
}

impl FeeRounding {
    pub(crate) const fn rounding(self) -> Rounding {
        match self {
            Self::Floor => Rounding::Down,
            Self::HalfUp => Rounding::HalfUp,
            Self::Ceil => Rounding::Up,
        }
    }
}

/// Options of a simulated venue.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook venue polymarket --listen 127.0.0.1:8080\n\nPrints `listening on URL` and serves \
                        until Ctrl-C or SIGTERM. REST and WebSocket share the port.\n\nBad days while it runs: \
                        GET /_control/faults tells what goes wrong and how often, POST changes it, for example\n  \
                        {\"plan\":{\"drop_ppm\":1000,\"slow_ppm\":20000},\"strike\":[\"disconnect\"],\"restart\":{\"down_ms\":3000,\"post_only_ms\":5000}}\n\
                        strike: drop, duplicate, reorder, delay, skip, disconnect, freeze. A plan replaces the one before; \
                        _ppm is in parts of a million of frames, replies, batches or trades."
)]
pub struct VenueArgs {
    /// The venue.
    #[arg(value_enum, value_name = "VENUE")]
    pub which: Which,
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub listen: SocketAddr,
    /// How much the other clients trade.
    #[arg(long, value_enum, default_value_t = VenueFlow::Calm)]
    pub flow: VenueFlow,
    /// Parameters of the flow (TOML) that differ from those of its pace; docs/flow.md lists them.
    #[arg(long, value_name = "FILE")]
    pub flow_file: Option<PathBuf>,
    /// Seed of the hidden truth and of every order (any whole number from 0 to 2^64 - 1). Two venues
    /// of one seed list the same questions around the same truth.
    #[arg(long, default_value_t = 1, allow_negative_numbers = true, value_parser = cli::seed)]
    pub seed: u64,
    /// What goes wrong, and how often (JSON; keys as in the reply of GET /_control/faults).
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Kalshi: what key a printed account has.
    #[arg(long, value_enum, default_value_t = TestKey::Rsa)]
    pub test_key: TestKey,
    /// Polymarket: which way each match's fee is rounded to 0.00001 dollars.
    #[arg(long, value_enum, default_value_t = FeeRounding::HalfUp)]
    pub fee_rounding: FeeRounding,
    /// Decides one of the questions after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub resolve_after: Option<u64>,
    /// Opens the accounts of this file, a JSON array: `{key_id, public_key_pem, balance}` for Kalshi
    /// (optional: `"member": "non_direct"`), `{address, balance}` for Polymarket, `balance` being a
    /// string of dollars.
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// Opens a fresh account and prints it with its secret as one line of JSON before the address.
    #[arg(long)]
    pub print_test_account: bool,
    /// Serves TLS with a certificate made at the start.
    #[arg(long)]
    pub tls: bool,
    /// Writes the certificate that clients have to trust to this file (PEM); implies --tls.
    #[arg(long, value_name = "FILE")]
    pub tls_cert_out: Option<PathBuf>,
}

/// Why a venue cannot run.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    /// It cannot be started.
    #[error(transparent)]
    Start(#[from] SimServerError),
    /// The flow's parameters cannot be used.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The scenario's grids are none.
    #[error("the scenario has a bad price grid: {0}")]
    Scenario(#[from] GridError),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of accounts is none.
    #[error("{path} is no list of accounts: {source}")]
    Accounts {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A plan of faults is none.
    #[error("{path} is no plan of faults: {source}")]
    Faults {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// No key can be made.
    #[error("the system has no randomness for a test account")]
    Randomness,
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Nobody can be told the address.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// A signal handler cannot be set.
    #[error("cannot listen for Ctrl-C: {0}")]
    Signal(#[from] ctrlc::Error),
}

/// Serves until the process is told to stop.
///
/// # Errors
/// When the address is taken, a file cannot be written, or the system refuses a thread.
pub fn run(args: &VenueArgs, out: &mut impl Write) -> Result<(), VenueError> {
    let (stop, stopped) = mpsc::channel();
    // One that is told twice has stopped already.
    ctrlc::set_handler(move || {
        let _told = stop.send(());
    })?;
    let resolve_after = args.resolve_after.map(Nanos::from_secs);
    let scenario = Scenario::lasting(args.seed, resolve_after)?;
    let flow = FlowConfig::of(args.flow.pace()).with_file(args.flow_file.as_deref())?;
    let certificate = certificate(args)?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let options = SimOptions {
        listen: args.listen,
        served: Served::One(args.which.kind()),
        certificate,
        accounts: accounts::asked_for(args, out)?,
        faults: faults(args)?,
        fee_rounding: args.fee_rounding.rounding(),
        ..SimOptions::new(scenario, flow, args.seed)
    };
    let clock = Clock::new();
    let venue = server::start(options, Box::new(move || clock.now()))?;
    let told = writeln!(out, "listening on {scheme}://{}", venue.address);
    told.and_then(|()| out.flush()).map_err(VenueError::Output)?;
    // A closed channel stops the venue as well as a message does.
    let _word = stopped.recv();
    drop(venue.stop());
    Ok(())
}

fn certificate(args: &VenueArgs) -> Result<Option<VenueCertificate>, VenueError> {
    if !args.tls && args.tls_cert_out.is_none() {
        return Ok(None);
    }
    let made = VenueCertificate::new(args.listen.ip())?;
    if let Some(path) = &args.tls_cert_out {
        let refused = |source| VenueError::Write { path: path.clone(), source };
        std::fs::write(path, &made.root_pem).map_err(refused)?;
    }
    Ok(Some(made))
}

fn faults(args: &VenueArgs) -> Result<FaultPlan, VenueError> {
    let Some(path) = &args.faults else { return Ok(FaultPlan::default()) };
    let text = read(path)?;
    serde_json::from_str(&text).map_err(|source| VenueError::Faults { path: path.clone(), source })
}

fn read(path: &Path) -> Result<String, VenueError> {
    std::fs::read_to_string(path)
        .map_err(|source| VenueError::Read { path: path.to_owned(), source })
}
