//! `dutchbook demo`: two embedded venues, the whole live engine against them, and a report.

pub mod check;
mod listed;
pub mod live;
pub mod lives;
pub mod news;
pub mod orders;
pub mod outcomes;
pub mod relations;
pub mod report;
mod scores;
pub mod screen;
pub mod simulated;
pub mod view;

use dutchbook_core::config::{Config, ConfigError};
use dutchbook_core::topology::StartError;

use crate::capture::error::CaptureError;
use crate::capture::manifest::{LaneText, Manifest};
use crate::cli::DemoArgs;
use crate::sim::fault::{CHAOS_WINDOW, FaultPlan};
use crate::sim::flow::{FlowConfig, FlowError, Pace};
use crate::sim::scenario::Scenario;
use crate::sim::server::SimServerError;
use dutchbook_book::Nanos;
use dutchbook_book::catalog::Catalog;
use dutchbook_core::capture::{TappedLane, Taps};
use dutchbook_core::relation::Relation;
use report::DemoReport;

/// How busy the demo's venues are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Flow {
    /// A few hundred messages a second.
    Calm,
    /// Several thousand messages a second.
    Busy,
}

impl Flow {
    const fn pace(self) -> Pace {
        match self {
            Self::Calm => Pace::Calm,
            Self::Busy => Pace::Busy,
        }
    }
}

/// Why a demo cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The venues cannot start.
    #[error(transparent)]
    Venues(#[from] SimServerError),
    /// The venues have no certificate.
    #[error(transparent)]
    Certificate(#[from] crate::sim::server::CertificateError),
    /// The engine cannot start, or a tile has failed.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// The flow's parameters cannot be used.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The scenario's grids are none.
    #[error("the scenario has a bad price grid: {0}")]
    Scenario(#[from] dutchbook_book::grid::GridError),
    /// The screen cannot be drawn on.
    #[error("cannot draw on this terminal ({0}); use --headless")]
    Screen(std::io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] dutchbook_core::tls::TlsError),
    /// The demo's accounts cannot be opened.
    #[error(transparent)]
    Orders(#[from] orders::OrdersError),
    /// What the venues list cannot be found out.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// An address of the venues is none.
    #[error(transparent)]
    Http(#[from] dutchbook_core::http::HttpError),
    /// A venue's lists cannot be read.
    #[error("the simulated venues cannot be discovered: {0}")]
    Discovery(String),
    /// The score feed has no socket, or nobody reads it.
    #[error("the score feed cannot start: {0}")]
    Scores(std::io::Error),
    /// The capture cannot be begun or ended.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A signal handler cannot be set.
    #[error("cannot listen for Ctrl-C: {0}")]
    Signal(#[from] ctrlc::Error),
}

/// When the event that resolves during the run does so, in percent of the run.
const RESOLVE_AT_PERCENT: u64 = 40;

/// How often books are sent for again in a demo with faults: the run is short.
const CHAOS_REFRESH: Nanos = Nanos::from_secs(2);
/// Flow goes on for so long behind the last fault, so that every gap shows.
const CHAOS_REST: Nanos = Nanos::from_secs(2);
/// What a quiet engine needs to take what is under way.
const SETTLING: Nanos = Nanos::from_millis(400);

/// The faults of a run that starts now.
fn chaos(args: &DemoArgs, start: Nanos) -> FaultPlan {
    // The last window is whole or there is none behind it.
    let length = Nanos::from_secs(args.seconds).0.max(CHAOS_WINDOW.0);
    FaultPlan::chaos(args.seed, start, start.plus(Nanos(length - CHAOS_REST.0)))
}

/// How long an engine is given to settle once the flow has stopped.
fn settling(config: &Config, args: &DemoArgs) -> Nanos {
    if args.chaos { SETTLING.plus(config.feed.refresh).plus(SETTLING) } else { SETTLING }
}

/// Runs the demo and returns its report.
///
/// # Errors
/// When the configuration, the venues, the engine or the terminal do not allow it.
pub fn run(args: &DemoArgs) -> Result<DemoReport, DemoError> {
    let mut config = Config::load(args.config.as_deref())?;
    if args.chaos {
        let own = Some(config.feed.refresh).filter(|own| *own > Nanos::ZERO);
        config = config.refreshing(own.map_or(CHAOS_REFRESH, |own| own.min(CHAOS_REFRESH)))?;
    }
    let length = Nanos::from_secs(args.seconds);
    let resolve_at = Nanos(length.0 / 100 * RESOLVE_AT_PERCENT);
    let scenario = Scenario::demo(args.seed, resolve_at)?;
    if args.simulated_clock {
        simulated::run(args, &config, scenario)
    } else {
        live::run(args, &config, &scenario)
    }
}

/// The parameters of the flow.
fn flow_of(args: &DemoArgs) -> Result<FlowConfig, FlowError> {
    FlowConfig::of(args.flow.pace()).with_file(args.flow_file.as_deref())
}

/// The taps of a run: those of a recorded one write.
fn taps_of(args: &DemoArgs) -> Taps {
    if args.record.is_some() { Taps::on() } else { Taps::default() }
}

/// The manifest of a recorded run.
fn manifest(
    config: &Config,
    catalog: &Catalog,
    relations: &[Relation],
    lanes: &[TappedLane],
    started: Nanos,
) -> Manifest {
    let lanes = lanes.iter().map(|lane| LaneText::of(&lane.role)).collect();
    Manifest::new("demo", started.0, lanes).with_engine(&config.text, catalog, relations)
}
