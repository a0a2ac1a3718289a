//! `dutchbook run`: the engine on the venues that the configuration names, on paper or, with `--live`,
//! with real orders.

mod accounts;
mod report;

use core::time::Duration;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use clap::Args;
use dutchbook_book::Nanos;
use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::fee::kalshi::Member;
use dutchbook_core::audit::{self, Auditor};
use dutchbook_core::capture::Taps;
use dutchbook_core::clock::Clock;
use dutchbook_core::compiler;
use dutchbook_core::config::{Config, ConfigError};
use dutchbook_core::discovery::Directory;
use dutchbook_core::discovery::crawl::Crawler;
use dutchbook_core::discovery::streams::{KeyError, streams};
use dutchbook_core::http::{Heard, HttpError};
use dutchbook_core::live::Helpers;
use dutchbook_core::news::run::Place;
use dutchbook_core::news::{self, NewsDesk};
use dutchbook_core::relation::Relation;
use dutchbook_core::risk::guard::{self, Guard, GuardError, Watched};
use dutchbook_core::telemetry::Counter;
use dutchbook_core::tls::{TlsError, TlsRoots};
use dutchbook_core::topology::{LiveStart, Running, StartError, Stream, start_recorded};

use crate::capture::before;
use crate::capture::error::CaptureError;
use crate::capture::manifest::{LaneText, LiveText, Manifest};
use crate::capture::writer::Recording;
use crate::cli;
use crate::demo::live::{finish, topology};
use crate::demo::news::News;
use crate::demo::report::{AuditEnd, DemoReport};
use crate::kill::{self, KillError};
use crate::matching::command::MatchError;
use crate::relations::Relations;
use report::sockets;

pub use report::RunReport;

/// Options of a run.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook run --config engine.toml --seconds 600 --json\n\nRuns until its time is over, \
                        Ctrl-C or SIGTERM. Without --config it reads the real venues' public markets.\n\nThe kill switch \
                        (`dutchbook kill`, SIGUSR1, a file named `kill` in kill.state_dir, POST /kill to kill.listen) \
                        ends the run with exit code 1; no run starts again before `dutchbook clear`."
)]
pub struct RunArgs {
    /// Engine configuration (TOML); every key has a default, unknown keys are refused.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long to run, in seconds; until told to stop without it.
    #[arg(long, allow_negative_numbers = true, value_parser = cli::seconds)]
    pub seconds: Option<u64>,
    /// Relations that a person has approved, such as the same question on two venues: traded as long
    /// as nothing that was read has changed (`dutchbook match` makes the file). Instead of
    /// `relations.file` of the configuration.
    #[arg(long, value_name = "FILE")]
    pub relations: Option<PathBuf>,
    /// Keeps what happens in this folder: a journal, and a ledger for `dutchbook report`. The next
    /// run with it goes on with its money and positions.
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// Prints one JSON object to standard output at the end and nothing else there.
    #[arg(long)]
    pub json: bool,
    /// Sends real orders for the accounts of the configuration. Refused while anything that
    /// `dutchbook check` looks at is red.
    #[arg(long)]
    pub live: bool,
    /// Sources of outcomes beside the venues: a file, `-` for standard input, or tcp://127.0.0.1:PORT;
    /// one record a line (docs/news.md).
    #[arg(long, value_name = "PLACE")]
    pub news: Option<Place>,
    /// Keeps everything that the run rests on in this new or empty folder, for `replay` and `inspect`.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
}

/// Why the engine cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The relations file cannot be read.
    #[error(transparent)]
    Relations(#[from] MatchError),
    /// The key that signs a stream cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The engine cannot start, or a tile has failed.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// Nothing to follow.
    #[error("the venues list nothing to follow: {0}")]
    Nothing(String),
    /// The system refuses a thread or a runtime.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// A signal handler cannot be set.
    #[error("cannot listen for Ctrl-C: {0}")]
    Signal(#[from] ctrlc::Error),
    /// What is to be heard of other sources cannot be opened.
    #[error("--news: {0}")]
    News(std::io::Error),
    /// The capture cannot be begun or ended.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Real orders cannot be sent.
    #[error(transparent)]
    Live(#[from] accounts::LiveError),
    /// The kill switch hears no signal.
    #[error(transparent)]
    Kill(#[from] KillError),
    /// The kill switch has no guard.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

/// Pause between two looks at what has happened.
const LOOK: Duration = Duration::from_millis(50);

/// The engine on its venues, running.
pub(crate) struct Engine {
    pub(crate) running: Running,
    pub(crate) streams: Vec<Stream>,
    pub(crate) news: News,
    pub(crate) auditor: Auditor,
    pub(crate) compiler: compiler::run::Running,
    pub(crate) relations: Relations,
    /// What could not be read at the start.
    pub(crate) trouble: Vec<String>,
    /// What writes the run down, where it is recorded.
    pub(crate) recording: Option<Recording>,
    heard: Option<news::run::Running>,
    live: Option<LiveParts>,
    guard: Guard,
}

/// What real orders need beside the engine.
struct LiveParts {
    helpers: Helpers,
    config: Config,
    tls: TlsRoots,
    clock: Clock,
}

impl LiveParts {
    /// The engine is gone: ends what was beside it, and compares its books with the venues' own.
    fn end(self, catalog: &Catalog, report: &mut DemoReport) -> Result<(), RunError> {
        let Self { helpers, config, tls, clock } = self;
        drop(helpers);
        let (places, portfolio) = (report.places.clone(), &report.portfolio);
        let compared = accounts::compare(&config, catalog, places, portfolio, &tls, &clock);
        match (&mut report.orders, compared) {
            (Some(orders), Ok((sum, places))) => {
                (orders.difference, orders.places) = (Some(sum), places);
            }
            (_, Err(error)) => report.trouble.push(format!("not compared: {error}")),
            (None, Ok(_)) => {}
        }
        Ok(())
    }
}

/// Discovers what the configured venues list, handing every reply to a keeper where there is one; ends
/// early when `stop` is set.
pub(crate) fn discover(
    config: &Config,
    tls: &TlsRoots,
    clock: &Clock,
    stop: &AtomicBool,
    keeper: Option<Sender<Heard>>,
) -> Result<(Directory, Crawler, Vec<String>), RunError> {
    let mut directory = Directory::new(member_of(config));
    let mut crawler = Crawler::new(&config.venues, &mut directory, tls, clock)?;
    if let Some(keeper) = keeper {
        crawler.keep_with(&keeper);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let errors = runtime.block_on(async {
        tokio::select! {
            (_changes, errors) = crawler.refresh(&mut directory) => errors,
            () = told(stop) => Vec::new(),
        }
    });
    let say = |(kind, error): (VenueKind, _)| format!("{}: {error}", kind.name());
    let trouble: Vec<String> = errors.into_iter().map(say).collect();
    if directory.catalog().listings.is_empty() && !stop.load(Ordering::Relaxed) {
        let refused = directory.refused().iter();
        let refused = refused.map(|(reason, count)| format!("{count} {}", reason.name()));
        let reasons: Vec<String> = trouble.into_iter().chain(refused).collect();
        return Err(RunError::Nothing(reasons.join("; ")));
    }
    Ok((directory, crawler, trouble))
}

/// How the account at Kalshi is kept.
pub(crate) fn member_of(config: &Config) -> Member {
    config.venues.kalshi.as_ref().map_or(Member::Direct, |kalshi| kalshi.member)
}

/// Waits until the flag is set.
async fn told(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK).await;
    }
}

/// The configuration with what the arguments put in its place.
fn configured(args: &RunArgs) -> Result<Config, RunError> {
    let mut config = Config::load(args.config.as_deref())?;
    config.relations.file = args.relations.clone().or(config.relations.file);
    config.journal_folder = args.journal.clone().or(config.journal_folder);
    if args.live {
        // Real orders are never sent without one.
        let folder = config.kill.state_dir.join("journal");
        config.journal_folder.get_or_insert(folder);
    }
    Ok(config)
}

/// Runs the engine and returns its report.
///
/// # Errors
/// When the configuration, the venues or the system do not allow it.
pub fn run(args: &RunArgs) -> Result<RunReport, RunError> {
    let config = configured(args)?;
    drop(guard::free_latch(&config)?);
    let signal = kill::signal()?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // Relaxed: a flag that stands alone.
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let clock = Clock::new();
    let roots = config.venues.tls_extra_roots.iter().map(PathBuf::as_path);
    let tls = TlsRoots::with_files(roots)?;
    if args.live {
        accounts::refuse_red(&config, &clock)?;
    }
    let (keeper, replies) = args.record.as_ref().map(|_| channel()).unzip();
    let (mut directory, crawler, trouble) = discover(&config, &tls, &clock, &stop, keeper)?;
    directory.reserve(config.venues.free_books);
    let catalog = directory.catalog().clone();
    let streams = streams(&config, &catalog, &tls, &clock)?;
    let relations = Relations::load(&config, directory.relations(), &catalog)?;
    if !args.json {
        announce(&catalog, &streams, &relations);
    }
    let news = News::new(&catalog, &config);
    let accounts = match args.live {
        true => Some(accounts::open(&config, &catalog, &tls, &clock)?),
        false => None,
    };
    let (start, beside) = accounts.map(|all| (all.start, (all.helpers, all.said))).unzip();
    if let Some((_, said)) = &beside {
        warn(said, &config);
    }
    let parts = Parts {
        config: &config,
        catalog: &catalog,
        relations: relations.list.clone(),
        streams: &streams,
    };
    let (mut running, recording) = begin(args, &parts, start, replies, &clock)?;
    let guard = guard::start(Watched {
        config: config.clone(),
        is_live: args.live,
        switch: running.kill_switch(),
        signal,
        tls: tls.clone(),
        clock: clock.clone(),
    })?;
    let (own, time) = (config.clone(), clock.clone());
    let live = beside.map(|(helpers, _)| LiveParts { helpers, config: own, tls, clock: time });
    let compiler = relations.compile(&config, &catalog, &mut running, &clock)?;
    let heard = listen(args, &catalog, &running)?;
    let mut reach = reach(&running, &streams, Some(compiler.news()));
    reach.news_desk = heard.as_ref().map(news::run::Running::listed);
    let auditor = audit::start(&config.venues, crawler, directory, reach, clock.clone())?;
    let engine = Engine {
        heard,
        running,
        streams,
        news,
        auditor,
        compiler,
        relations,
        trouble,
        recording,
        live,
        guard,
    };
    follow(args, &config, engine, &clock, &stop)
}

/// Hears of other sources of outcomes, where there are any.
fn listen(
    args: &RunArgs,
    catalog: &Catalog,
    running: &Running,
) -> Result<Option<news::run::Running>, RunError> {
    let Some(place) = args.news.clone() else { return Ok(None) };
    let desk = NewsDesk::new(catalog);
    Ok(Some(news::run::start(place, desk, running.steering()).map_err(RunError::News)?))
}

/// Says what is followed, and by which relations.
fn announce(catalog: &Catalog, streams: &[Stream], relations: &Relations) {
    tell(&format!(
        "{} books of {} events on {} sockets\n{}",
        catalog.listings.iter().filter(|listing| !listing.is_free()).count(),
        catalog.events.iter().filter(|event| !event.name.is_empty()).count(),
        streams.len(),
        relations.text().trim_end()
    ));
}

/// What an engine is made of.
struct Parts<'a> {
    config: &'a Config,
    catalog: &'a Catalog,
    relations: Vec<Relation>,
    streams: &'a [Stream],
}

/// Starts the engine, and its capture where one is kept.
fn begin(
    args: &RunArgs,
    parts: &Parts<'_>,
    live: Option<LiveStart>,
    replies: Option<Receiver<Heard>>,
    clock: &Clock,
) -> Result<(Running, Option<Recording>), RunError> {
    let Parts { config, catalog, relations, streams } = parts;
    let allowance = live.as_ref().map(|live| LiveText { allowance_micro: live.allowance.micro() });
    let mut taps = if args.record.is_some() { Taps::on() } else { Taps::default() };
    let (listed, watched) = ((*catalog).clone(), relations.clone());
    if let (Some(capture), Some(journal)) = (&args.record, &config.journal_folder) {
        before::keep(journal, capture)?;
    }
    let running =
        start_recorded(config, listed, watched, streams.to_vec(), clock.clone(), &mut taps, live)?;
    let (Some(folder), Some(replies)) = (&args.record, replies) else { return Ok((running, None)) };
    let lanes = taps.into_lanes();
    let texts = lanes.iter().map(|lane| LaneText::of(&lane.role)).collect();
    let manifest = Manifest::new("run", clock.now().0, texts);
    let manifest = manifest.with_engine(&config.text, catalog, relations).trading_live(allowance);
    let recording = Recording::begin(folder, &manifest, lanes, config.capture, clock.clone())?;
    let recording = recording.hearing(folder, replies, config.capture)?;
    Ok((running, Some(recording)))
}

/// Says what is about to happen with whose money, before the first order.
fn warn(said: &[String], config: &Config) {
    tell("REAL ORDERS will be sent:");
    for line in said {
        tell(&format!("  {line}"));
    }
    let risk = config.engine().risk;
    tell(&format!(
        "  at most ${} in an order, ${} in all, ${} lost a day",
        risk.order_cash_max, risk.total_cash_max, risk.daily_loss_cash_max
    ));
}

/// How long orders that are under way are waited for at the end.
const WINDING_MAX: Nanos = Nanos::from_secs(30);
/// Looks in a row that must find nothing under way.
const SETTLED_LOOKS: u32 = 10;

/// Opens no new trades, and waits until those under way are over.
fn wind_down(engine: &mut Engine, clock: &Clock) {
    let Some(gauge) = engine.running.trading() else { return };
    gauge.wind_down();
    let end = clock.now().plus(WINDING_MAX);
    let mut settled = 0;
    while clock.now() < end && settled < SETTLED_LOOKS && !engine.running.has_lost_a_tile() {
        let news = &mut engine.news;
        engine.running.drain_journal(|bytes| news.take(bytes));
        engine.running.drain_latencies();
        settled = if gauge.is_settled() { settled + 1 } else { 0 };
        pause();
    }
}

/// Follows the running engine until it is to end.
fn follow(
    args: &RunArgs,
    config: &Config,
    mut engine: Engine,
    clock: &Clock,
    stop: &AtomicBool,
) -> Result<RunReport, RunError> {
    let began = clock.now();
    let end = args.seconds.map(|seconds| began.plus(Nanos::from_secs(seconds)));
    let mut told_s = 0;
    let compiler = engine.compiler.news();
    let switch = engine.running.kill_switch();
    let is_over = || {
        stop.load(Ordering::Relaxed)
            || switch.is_pulled()
            || end.is_some_and(|end| clock.now() >= end)
    };
    while !is_over() {
        engine.news.follow(&mut engine.running, &compiler);
        for note in engine.running.journal_notes() {
            tell(&format!("journal: {note}"));
        }
        if engine.running.has_lost_a_tile() {
            break;
        }
        let second = clock.now().since(began).millis() / 1_000;
        if !args.json && second >= told_s + TELL_EVERY_S {
            told_s = second;
            tell_second(second, &engine.running);
        }
        pause();
    }
    let elapsed = clock.now().since(began).millis() / 1_000;
    if !switch.is_pulled() {
        wind_down(&mut engine, clock);
    }
    // What the switch has to cancel is cancelled while the engine still hears of its orders.
    let guard = engine.guard.stop();
    // The books are compared while the feeds still run.
    let (second_opinion, audit) = AuditEnd::of(engine.auditor)?;
    let compiled = engine.compiler.stop()?;
    let sockets = sockets(&engine.streams, &audit.catalog);
    let mut report = finish(0, engine.running, engine.news, &engine.streams, elapsed)?;
    report.topology = topology(config);
    if let Some(heard) = engine.heard {
        report.hear(heard.heard());
    }
    report.audit = Some(second_opinion);
    if let Some(live) = engine.live {
        live.end(&audit.catalog, &mut report)?;
    }
    let finish = |recording: Recording| recording.finish(report.decisions.clone());
    report.capture = engine.recording.map(finish).transpose()?;
    report.trouble.extend(engine.trouble);
    report.trouble.extend(audit.trouble.iter().cloned());
    report.trouble.extend(guard.trouble.iter().cloned());
    report.compiled_by(engine.relations, compiled);
    Ok(RunReport { report, audit, sockets, guard })
}

/// Between two lines of progress.
const TELL_EVERY_S: u64 = 10;

fn tell_second(second: u64, running: &Running) {
    tell(&format!(
        "{second:>6} s  {:>9} messages  {:>6} opportunities seen  {:>5} fills  {} gaps",
        running.count(Counter::Payloads),
        running.count(Counter::Opportunities),
        running.count(Counter::Fills),
        running.count(Counter::SequenceGaps),
    ));
}

/// How the second opinion reaches the engine.
pub(crate) fn reach(
    running: &Running,
    streams: &[Stream],
    compiler: Option<Sender<compiler::News>>,
) -> audit::Reach {
    let kalshi = streams.iter().find(|stream| stream.kind == VenueKind::Kalshi);
    audit::Reach {
        shelf: running.shelf().clone(),
        steering: running.steering(),
        gate: kalshi.map(|stream| stream.endpoint.gate.clone()).unwrap_or_default(),
        compiler,
        news_desk: None,
    }
}

/// One line of progress on standard error; if that is gone there is nobody to tell.
fn tell(line: &str) {
    if std::io::stderr().lock().write_all(format!("{line}\n").as_bytes()).is_err() {}
}

#[expect(clippy::disallowed_methods, reason = "the thread that waits for the end is no tile")]
fn pause() {
    std::thread::sleep(LOOK);
}
