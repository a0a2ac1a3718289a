//! The command line: what a person types, and the exit code that a script gets.
//!
//! 0: done. 1: the run failed (missing, empty, truncated or unknown file, port in use). 2: the
//! command line itself cannot be run (unknown command or option, value out of range).

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::matching::command::{MatchError, Matched};
use crate::matching::review::Approver;
use crate::{
    check, demo, eval, explain, import, inspect, keys, kill, matching, mispricing, record, replay,
    report, run, venue,
};

/// The command line of `dutchbook`.
#[derive(Debug, Parser)]
#[command(
    name = "dutchbook",
    version,
    about = "Finds and trades violations of the laws of probability across prediction markets.",
    long_about = "Watches the order books of prediction markets, finds every set of trades whose payoff \
                  is positive in every outcome after fees and depth, and trades it: on paper, or \
                  with real signed orders.\n\n\
                  Without a command it runs the demo: two simulated venues on loopback, the whole live \
                  engine against them, and a report at the end.",
    after_help = "Examples:\n  dutchbook                              the demo, 30 seconds, on screen\n  \
                  dutchbook demo --seconds 10 --json     the demo as one JSON object\n  \
                  dutchbook run --config engine.toml     real venues, on paper (--live: real orders)\n  \
                  dutchbook venue kalshi                 a simulated Kalshi for any client\n  \
                  dutchbook replay recording.jsonl.zst   a recording through the engine\n  \
                  dutchbook eval cases.json --json       prices arbitrage cases given as data",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: DemoArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the live engine against two embedded simulated venues and ends with a report.
    Demo(DemoArgs),
    /// Runs the engine on the venues that the configuration names: on paper, or with real orders.
    Run(run::RunArgs),
    /// Looks at the whole set-up: what is wrong with it, and what to do about each thing.
    Check(check::CheckArgs),
    /// Makes or fetches API credentials and encrypted wallet keys.
    Keys(keys::KeysArgs),
    /// Pulls the kill switch: stops every engine of this state folder and cancels all open orders.
    Kill(kill::KillArgs),
    /// Frees the kill switch; only a person can know when.
    Clear(kill::ClearArgs),
    /// Runs one simulated venue that the venue's own clients can be pointed at.
    Venue(venue::VenueArgs),
    /// Replays recordings through the engine: books, gaps, opportunities and their lives.
    Replay(ReplayArgs),
    /// Records the configured venues' streams into a capture; nothing is traded.
    Record(record::RecordArgs),
    /// Keeps foreign recordings of venues' streams as one capture.
    Import(import::ImportArgs),
    /// Adds up the ledger: profit by strategy, venue, event and day, fees, slippage, legged losses.
    Report(report::ReportArgs),
    /// Looks into a capture: what it holds, its rates and holes, any single message.
    Inspect(inspect::InspectArgs),
    /// Measures the mispricings of the simulated flow, beside those of recorded pair tapes.
    Flow(mispricing::FlowArgs),
    /// Prices arbitrage cases given as data: is it an opportunity, at what size, which legs, what net.
    Eval(EvalArgs),
    /// Nominates relations between the markets of two venues.
    Match(MatchArgs),
    /// Explains one opportunity of a recorded run: books, fees, states and arithmetic as it saw them.
    Explain(explain::ExplainArgs),
}

/// Options of the demo.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  dutchbook demo --seconds 10 --seed 7 --json")]
pub struct DemoArgs {
    /// How long the venues trade, in seconds.
    #[arg(long, default_value_t = 30, allow_negative_numbers = true, value_parser = seconds)]
    pub seconds: u64,
    /// Seed of the hidden truth and of every order (any whole number from 0 to 2^64 - 1).
    #[arg(long, default_value_t = 1, allow_negative_numbers = true, value_parser = seed)]
    pub seed: u64,
    /// Prints lines instead of drawing on the screen.
    #[arg(long)]
    pub headless: bool,
    /// Prints one JSON object to standard output and nothing else there; implies --headless.
    #[arg(long)]
    pub json: bool,
    /// Fills orders on paper instead of sending them, signed, to the embedded venues; always so with
    /// the simulated clock.
    #[arg(long)]
    pub paper: bool,
    /// Which way the embedded Polymarket rounds each match's fee to 0.00001 dollars.
    #[arg(long, value_enum, default_value_t = venue::FeeRounding::HalfUp)]
    pub fee_rounding: venue::FeeRounding,
    /// One thread, simulated time: the same seed finds the same opportunities on every run.
    #[arg(long)]
    pub simulated_clock: bool,
    /// How busy the venues are.
    #[arg(long, value_enum, default_value_t = demo::Flow::Calm)]
    pub flow: demo::Flow,
    /// Parameters of the flow (TOML) that differ from those of its pace; docs/flow.md lists them.
    #[arg(long, value_name = "FILE")]
    pub flow_file: Option<PathBuf>,
    /// Speaks to the venues without TLS.
    #[arg(long)]
    pub plain: bool,
    /// Injects faults on both venues (lost, repeated, reordered and late frames, silent freezes,
    /// disconnects), every kind in every 8 seconds.
    #[arg(long)]
    pub chaos: bool,
    /// Engine configuration (TOML); every key has a default, unknown keys are refused.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Writes down everything that decisions rest on into this new folder; `replay` decides alike.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
}

/// Options of replay.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook replay recordings/ tape.jsonl.zst --json\n\nReads plain, .zst and .gz. \
                        A folder stands for its recordings in name order. A file that cannot be read gets one \
                        line on standard error; the others are still done, and the exit code is 1."
)]
struct ReplayArgs {
    /// Recordings, or folders of recordings.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prints a JSON array, one object per file.
    #[arg(long)]
    json: bool,
    /// Polymarket's taker fee rate on pair tapes, as a decimal.
    #[arg(long, default_value = "0.03", value_name = "RATE", allow_negative_numbers = true, value_parser = replay::parse_rate)]
    polymarket_rate: dutchbook_book::Rate,
    /// Kalshi's taker fee rate on pair tapes, as a decimal.
    #[arg(long, default_value = "0.07", value_name = "RATE", allow_negative_numbers = true, value_parser = replay::parse_rate)]
    kalshi_rate: dutchbook_book::Rate,
}

/// Options of eval.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  dutchbook eval cases.json --json\n  dutchbook eval --search cases.json --json"
)]
struct EvalArgs {
    /// A file of cases.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Finds the best basket of each case by itself: the cases' own baskets are not read.
    #[arg(long)]
    search: bool,
    /// Prints a JSON array, one object per case in the order of the file.
    #[arg(long)]
    json: bool,
}

/// Options of match.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  dutchbook match kalshi.json gamma.json --json\n  \
                  dutchbook match kalshi.json gamma.json --relations relations.toml --approver \"A. Trader\"\n  \
                  dutchbook match --check relations.toml\n  \
                  dutchbook match --score labelled.jsonl.zst --json\n\nThe files are bodies of the venues' \
                  market or event endpoints. An approved relation is traded once its markets are \
                  unchanged; one that nobody approved is only watched.")]
struct MatchArgs {
    /// The markets of two venues.
    #[arg(value_name = "FILE", num_args = 2, required_unless_present_any = ["score", "check"])]
    markets: Vec<PathBuf>,
    /// Where nominated or approved relations are added.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["score", "check"])]
    relations: Option<PathBuf>,
    /// Reviews the nominations in the terminal under this name; without it they are added unapproved.
    #[arg(long, value_name = "NAME", requires = "relations", conflicts_with = "json")]
    approver: Option<String>,
    /// Checks a relations file: contradictions, impossible tables, circles, overlapping approvals.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["score", "markets"])]
    check: Option<PathBuf>,
    /// Scores the matcher on a file of labelled pairs, one JSON object a line.
    #[arg(long, value_name = "FILE", conflicts_with = "markets")]
    score: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match cli.command {
        None => run_demo(&cli.demo),
        Some(Command::Demo(args)) => run_demo(&args),
        Some(Command::Run(args)) => run_engine(&args),
        Some(Command::Check(args)) => run_check(&args),
        Some(Command::Keys(args)) => run_keys(&args),
        Some(Command::Kill(args)) => run_kill(&args),
        Some(Command::Clear(args)) => run_clear(&args),
        Some(Command::Venue(args)) => run_venue(&args),
        Some(Command::Replay(args)) => run_replay(&args),
        Some(Command::Record(args)) => run_record(&args),
        Some(Command::Import(args)) => run_import(&args),
        Some(Command::Report(args)) => run_report(&args),
        Some(Command::Inspect(args)) => run_inspect(&args),
        Some(Command::Flow(args)) => run_flow(&args),
        Some(Command::Eval(args)) => run_eval(&args),
        Some(Command::Match(args)) => run_match(&args),
        Some(Command::Explain(args)) => run_explain(&args),
    }
}

/// Help goes out as it is; what cannot be run gets one line and the exit code 2.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return print(&error.render().to_string());
    }
    let command = std::env::args().nth(1);
    let known = command.as_deref().filter(|name| Cli::command().find_subcommand(name).is_some());
    complain(&usage_line(&error.render().to_string(), known));
    ExitCode::from(2)
}

/// The first paragraph of clap's message as one line, with where to read on.
fn usage_line(rendered: &str, command: Option<&str>) -> String {
    let said = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let first = said.lines().take_while(|line| !line.trim().is_empty());
    let said = first.map(str::trim).collect::<Vec<_>>().join(" ");
    let topic = command.map(|name| format!(" {name}")).unwrap_or_default();
    format!("{said}; try `dutchbook{topic} --help`")
}

/// Reads the length of a run.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let read = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    read.ok_or_else(|| "a run lasts a whole number of seconds from 1 to 86400".to_owned())
}

/// Reads a seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

fn run_demo(args: &DemoArgs) -> ExitCode {
    match demo::run(args) {
        Ok(report) if args.json => print_json(&report.json()),
        Ok(report) => print(&report.text()),
        Err(error) => fail(&error.to_string()),
    }
}

fn run_engine(args: &run::RunArgs) -> ExitCode {
    match run::run(args) {
        Ok(report) => {
            let printed =
                if args.json { print_json(&report.json()) } else { print(&report.text()) };
            if report.is_killed() { ExitCode::FAILURE } else { printed }
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// Prints what was found; one red finding is a failure.
fn run_check(args: &check::CheckArgs) -> ExitCode {
    let findings = check::run(args);
    let printed = if args.json { print_json(&findings.json()) } else { print(&findings.text()) };
    if findings.is_red() { ExitCode::FAILURE } else { printed }
}

fn run_keys(args: &keys::KeysArgs) -> ExitCode {
    match keys::run(args) {
        Ok(made) if made.wants_json => print_json(&made.json),
        Ok(made) => print(&made.text),
        Err(error) => fail(&error.to_string()),
    }
}

/// Prints what became of the orders; one that may still be open is a failure.
fn run_kill(args: &kill::KillArgs) -> ExitCode {
    match kill::kill(args) {
        Ok(killed) => {
            let printed =
                if args.json { print_json(&killed.json()) } else { print(&killed.text()) };
            if killed.is_verified() { printed } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn run_clear(args: &kill::ClearArgs) -> ExitCode {
    match kill::clear(args) {
        Ok(said) => print(&said),
        Err(error) => fail(&error.to_string()),
    }
}

fn run_venue(args: &venue::VenueArgs) -> ExitCode {
    match venue::run(args, &mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn run_replay(args: &ReplayArgs) -> ExitCode {
    let options = replay::Options {
        polymarket_rate: args.polymarket_rate,
        kalshi_rate: args.kalshi_rate,
        progress: std::io::stderr().is_terminal(),
    };
    let outcome = replay::run(&args.paths, &options);
    for line in &outcome.errors {
        complain(line);
    }
    let printed = if outcome.text.is_empty() && !args.json {
        ExitCode::FAILURE
    } else if args.json {
        print_json(&serde_json::Value::Array(outcome.json))
    } else {
        print(&outcome.text)
    };
    if outcome.errors.is_empty() { printed } else { ExitCode::FAILURE }
}

fn run_record(args: &record::RecordArgs) -> ExitCode {
    match record::run(args) {
        Ok(done) if args.json => print_json(&done.json()),
        Ok(done) => print(&done.text()),
        Err(error) => fail(&error.to_string()),
    }
}

fn run_import(args: &import::ImportArgs) -> ExitCode {
    match import::run(args) {
        Ok(done) if args.json => print_json(&done.json()),
        Ok(done) => print(&done.text()),
        Err(error) => fail(&error.to_string()),
    }
}

fn run_report(args: &report::ReportArgs) -> ExitCode {
    let reported = match report::run(args) {
        Ok(reported) => reported,
        Err(error) => return fail(&error.to_string()),
    };
    let printed = if args.json { print_json(&reported.json()) } else { print(&reported.text()) };
    if reported.differs() { ExitCode::FAILURE } else { printed }
}

fn run_inspect(args: &inspect::InspectArgs) -> ExitCode {
    match inspect::run(args) {
        Ok(found) if args.json => print_json(&found.json),
        Ok(found) => print(&found.text),
        Err(error) => fail(&format!("{}: {error}", args.path.display())),
    }
}

fn run_flow(args: &mispricing::FlowArgs) -> ExitCode {
    match mispricing::run(args) {
        Ok(measured) if args.json => print_json(&measured.json()),
        Ok(measured) => print(&measured.text()),
        Err(error) => fail(&error.to_string()),
    }
}

fn run_eval(args: &EvalArgs) -> ExitCode {
    let run = if args.search { eval::search } else { eval::run };
    match run(&args.file) {
        Ok(value) if args.json => print_json(&value),
        Ok(value) => print(&eval::table(&value)),
        Err(error) => fail(&error.to_string()),
    }
}

fn run_match(args: &MatchArgs) -> ExitCode {
    let mut told = matching::progress::Told::new(std::io::stderr().is_terminal());
    if let Some(path) = &args.score {
        return match matching::score::run(path, |done, total| told.tick(done, total)) {
            Ok(score) if args.json => print_json(&score),
            Ok(score) => print(&matching::score::text(&score)),
            Err(error) => fail(&error.to_string()),
        };
    }
    let done = match (&args.check, args.markets.as_slice()) {
        (Some(path), _) => check_relations(path, args.json),
        (None, [first, second]) => {
            let matched = Matched::read(first, second, |done, total| told.tick(done, total));
            drop(told);
            matched.and_then(|matched| use_matched(&matched, args))
        }
        (None, _) => return fail("two files of markets are needed; try `dutchbook match --help`"),
    };
    done.unwrap_or_else(|error| fail(&error.to_string()))
}

/// Prints what is wrong with a relations file; anything at all is a failure.
fn check_relations(path: &Path, json: bool) -> Result<ExitCode, MatchError> {
    let checked = matching::command::check(path)?;
    let faults = checked.get("faults").and_then(serde_json::Value::as_array);
    let is_good = faults.is_none_or(Vec::is_empty);
    let printed = if json { print_json(&checked) } else { print(&checked.to_string()) };
    Ok(if is_good { printed } else { ExitCode::FAILURE })
}

/// Prints nominations, or adds them to a relations file, reviewed or not.
fn use_matched(matched: &Matched, args: &MatchArgs) -> Result<ExitCode, MatchError> {
    let Some(path) = &args.relations else {
        return Ok(if args.json { print_json(&matched.json()) } else { print(&matched.text()) });
    };
    let mut file = matching::command::load_or_begin(path)?;
    let line = match &args.approver {
        None => format!("{} relations added, none approved", matched.propose(&mut file)),
        Some(name) => {
            let approver = Approver { name: name.clone(), date: matching::review::today() };
            let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
            let reviewed = matched.review(&approver, &mut file, &mut input, &mut output)?;
            format!("{} of {} relations approved", reviewed.approved, reviewed.seen)
        }
    };
    matching::command::save(path, &file)?;
    Ok(print(&line))
}

fn run_explain(args: &explain::ExplainArgs) -> ExitCode {
    match explain::run(args) {
        Ok(explained) if args.json => print_json(&explained.json()),
        Ok(explained) => print(&explained.text()),
        Err(error) => fail(&error.to_string()),
    }
}

fn print_json(value: &serde_json::Value) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&text),
        Err(error) => fail(&format!("cannot write the report as JSON: {error}")),
    }
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.trim_end().as_bytes()).and_then(|()| out.write_all(b"\n")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot write to standard output: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    complain(message);
    ExitCode::FAILURE
}

/// One line on standard error; if even that is gone there is nobody to tell.
fn complain(message: &str) {
    let line = format!("dutchbook: {message}\n");
    if std::io::stderr().lock().write_all(line.as_bytes()).is_err() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(args: &[&str]) -> String {
        let args = ["dutchbook"].iter().chain(args);
        let error = Cli::try_parse_from(args).unwrap_err();
        usage_line(&error.render().to_string(), None)
    }

    #[test]
    fn what_cannot_be_run_is_one_line_that_says_where_to_read_on() {
        for (args, says) in [
            (&["nonsense"][..], "unrecognized subcommand 'nonsense'"),
            (&["eval"][..], "the following required arguments were not provided: <FILE>"),
            (&["demo", "--seed", "-1"][..], "a seed is a whole number from 0 to"),
            (
                &["demo", "--seconds", "-5"][..],
                "a run lasts a whole number of seconds from 1 to 86400",
            ),
            (&["demo", "--flow", "wild"][..], "[possible values: calm, busy]"),
            (&["replay", "x", "--kalshi-rate", "-1"][..], "a rate is a decimal number"),
        ] {
            let line = told(args);
            assert!(line.contains(says), "{line}");
            assert!(line.ends_with("; try `dutchbook --help`") && !line.contains('\n'), "{line}");
        }
    }
}
