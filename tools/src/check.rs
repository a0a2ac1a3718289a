//! `dutchbook check`: the doctor. Every finding says what to do about it.

use std::path::PathBuf;

use clap::Args;
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::doctor::{Findings, Purpose, examine};

/// Options of check.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook check --config engine.toml\n  dutchbook check --config engine.toml --live --json\n\n\
                        Looks at the configuration, the kill switch, cores, kernel settings, memory, disk, key files and \
                        their permissions, the venues' status and clocks, credentials, wallets, balances, allowances, rate \
                        limits and fees; changes nothing there. Exit code 1 while a finding is red: `run --live` refuses to start."
)]
pub struct CheckArgs {
    /// Engine configuration (TOML); every key has a default, unknown keys are refused.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Judges as `run --live` does: every venue that is followed needs an account.
    #[arg(long)]
    pub live: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Looks at everything. What cannot even be looked at is a finding, too.
#[must_use]
pub fn run(args: &CheckArgs) -> Findings {
    let mut findings = Findings::default();
    let config = match Config::load(args.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            findings.red("config", error.to_string(), "correct it; every key is in the manual");
            return findings;
        }
    };
    let purpose = if args.live { Purpose::Live } else { Purpose::Check };
    match examine(&config, purpose, &Clock::new()) {
        Ok(findings) => findings,
        Err(error) => {
            findings.red("system", error.to_string(), "free threads and file descriptors");
            findings
        }
    }
}
