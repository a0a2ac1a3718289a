//! The demo over real sockets: venues in one thread, the engine's tiles in theirs, the screen here.

use core::time::Duration;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use dutchbook_book::catalog::Catalog;
use dutchbook_book::{BookId, Nanos};
use dutchbook_core::audit;
use dutchbook_core::capture::Taps;
use dutchbook_core::clock::Clock;
use dutchbook_core::compiler;
use dutchbook_core::config::{Config, LayoutKind};
use dutchbook_core::discovery::streams::streams;
use dutchbook_core::eval::basket::BasketKind;
use dutchbook_core::http::Heard;
use dutchbook_core::news::run::Place;
use dutchbook_core::news::{self, NewsDesk};
use dutchbook_core::opportunity::OpportunityLife;
use dutchbook_core::relation::Relation;
use dutchbook_core::telemetry::Counter;
use dutchbook_core::tls::TlsRoots;
use dutchbook_core::topology::{Running, StartError, Stream, start_recorded};

use super::check::VenuesEnd;
use super::listed::{Listed, pointed_at};
use super::news::News;
use super::orders::DemoKeys;
use super::report::{AuditEnd, DemoReport, OrdersEnd};
use super::scores::{self, ScoreFeed};
use super::screen::Screen;
use super::view::{LiveView, MarketRow, dollars};
use super::{DemoError, flow_of, manifest, taps_of};
use crate::capture::manifest::LiveText;
use crate::capture::writer::Recording;
use crate::cli::DemoArgs;
use crate::relations::Relations;
use crate::run::{RunError, discover, reach};
use crate::sim::scenario::Scenario;
use crate::sim::server::{self, SimHandle, SimOptions, VenueCertificate};

/// Pause between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// How long orders that are under way are waited for at the end.
const WINDING_MAX: Nanos = Nanos::from_secs(20);
/// The venues' lists are read again at least so often, and their books.
const REFRESH: Duration = Duration::from_secs(1);
const COMPARE: Duration = Duration::from_secs(2);
/// Looks in a row that must find nothing under way.
const SETTLED_LOOKS: u32 = 5;
/// From the start of the tiles to the first moment of a fault.
const CHAOS_AFTER: Nanos = Nanos::from_millis(500);

/// How the demo shows what happens.
enum Output {
    /// Drawn.
    Screen(Box<Screen>),
    /// One line a second on standard error.
    Lines { told_at: u64, told_life: u64 },
    /// Nothing until the report.
    Silent,
}

impl Output {
    fn open(args: &DemoArgs, leave: &Arc<AtomicBool>) -> Result<Self, DemoError> {
        let wants_screen = !args.headless && !args.json && std::io::stdout().is_terminal();
        if wants_screen {
            let screen = Screen::open().map_err(DemoError::Screen)?;
            screen.watch_keys(Arc::clone(leave)).map_err(DemoError::Screen)?;
            return Ok(Self::Screen(Box::new(screen)));
        }
        Ok(if args.json { Self::Silent } else { Self::Lines { told_at: 0, told_life: 0 } })
    }
}

/// Runs the demo live and returns its report.
pub(super) fn run(
    args: &DemoArgs,
    config: &Config,
    scenario: &Scenario,
) -> Result<DemoReport, DemoError> {
    let clock = Clock::new();
    let keys = if args.paper { None } else { Some(DemoKeys::new()?) };
    let began = clock.now();
    let (venues, tls) = open_venues(args, config, scenario, keys.as_ref(), &clock)?;
    let config = &short_run(pointed_at(config, &venues.address.to_string(), !args.plain), args);
    let never = AtomicBool::new(false);
    let (keeper, replies) = args.record.as_ref().map(|_| channel()).unzip();
    let (directory, crawler, trouble) = discover(config, &tls, &clock, &never, keeper)?;
    let Listed { catalog, relations } = Listed::of(&directory, scenario);
    let mut streams = streams(config, &catalog, &tls, &clock).map_err(RunError::from)?;
    if let Some(keys) = &keys {
        keys.sign(&mut streams, &clock)?;
    }
    let mut taps = taps_of(args);
    let listed = catalog.clone();
    let time = clock.clone();
    let address = (venues.address.to_string(), !args.plain);
    let address = (address.0.as_str(), address.1);
    let opened = keys.as_ref().map(|keys| keys.open(config, address, &catalog, &tls, &clock));
    let (live, _helpers) = opened.transpose()?.unzip();
    let told = live.as_ref().map(|live| LiveText { allowance_micro: live.allowance.micro() });
    let mut running = start_recorded(
        config,
        listed,
        relations.list.clone(),
        streams.clone(),
        time,
        &mut taps,
        live,
    )?;
    let recording =
        record(args, config, (&catalog, &relations.list, told), (taps, replies), &clock)?;
    let compiler = relations.compile(config, &catalog, &mut running, &clock);
    let compiler = compiler.map_err(RunError::from)?;
    let reach = reach(&running, &streams, Some(compiler.news()));
    let auditor = audit::start(&config.venues, crawler, directory, reach, clock.clone());
    let auditor = auditor.map_err(RunError::from)?;
    let (_scores, heard) = hear(scenario, &catalog, &running, &clock, began)?;
    let mut show = Show::new(args, config, &catalog, clock, compiler.news())?;
    if args.chaos {
        // Every socket is open by then: a fault strikes what there is.
        let faults = super::chaos(args, show.clock.now().plus(CHAOS_AFTER));
        venues.trouble(if args.paper { faults } else { faults.for_traders() });
    }
    let outcome = show.until_end(&mut running);
    venues.hush();
    show.settle(&mut running, super::settling(config, args));
    show.wind_down(&mut running);
    let (audit, second_opinion) = AuditEnd::of(auditor).map_err(RunError::from)?;
    let compiled = compiler.stop().map_err(RunError::from)?;
    // Whatever the screen said, the tiles are stopped and the report is made.
    let elapsed = show.elapsed_s();
    let Show { news, .. } = show;
    let mut report = finish(args.seed, running, news, &streams, elapsed)?;
    report.trouble.extend(trouble.into_iter().chain(second_opinion.trouble));
    report.compiled_by(relations, compiled);
    report.hear(heard.heard());
    let decisions = report.decisions.clone();
    let capture = recording.map(|recording| recording.finish(decisions)).transpose()?;
    let venues = venues.stop();
    let mut orders = report.orders.clone();
    if let (Some(orders), Some(keys), Some(venues)) = (&mut orders, &keys, &venues) {
        let (sum, places) = keys.holders().difference(venues, &catalog, &report.portfolio);
        (orders.difference, orders.places) = (Some(sum), places);
    }
    let venues = venues.map(|venues| VenuesEnd::compare(&venues, &catalog, &report.held));
    let topology = topology(config);
    outcome.map(|()| DemoReport { topology, capture, venues, orders, audit: Some(audit), ..report })
}

/// Starts the venues, with accounts for these keys, and what their certificate is checked with.
fn open_venues(
    args: &DemoArgs,
    config: &Config,
    scenario: &Scenario,
    keys: Option<&DemoKeys>,
    clock: &Clock,
) -> Result<(SimHandle, TlsRoots), DemoError> {
    let mut options = SimOptions::new(scenario.clone(), flow_of(args)?, args.seed);
    let tls = if args.plain {
        TlsRoots::public()?
    } else {
        let certificate = VenueCertificate::new(options.listen.ip())?;
        let tls = TlsRoots::with_certificates([certificate.root.clone()])?;
        options.certificate = Some(certificate);
        tls
    };
    options.fee_rounding = args.fee_rounding.rounding();
    if let Some(keys) = keys {
        options.accounts = keys.accounts(config);
    }
    let time = clock.clone();
    Ok((server::start(options, Box::new(move || time.now()))?, tls))
}

/// The configuration of a run that is short.
fn short_run(mut config: Config, args: &DemoArgs) -> Config {
    // A standby socket would meet the faults of the one that it stands for, all at once.
    config.venues.standby &= !args.chaos;
    // A result whose message was lost is to be read before the end.
    config.venues.refresh = config.venues.refresh.min(REFRESH);
    config.venues.compare = config.venues.compare.map(|span| span.min(COMPARE));
    config
}

/// Has the engine listen to a score feed of its own, as a run does to `--news`.
fn hear(
    scenario: &Scenario,
    catalog: &Catalog,
    running: &Running,
    clock: &Clock,
    began: Nanos,
) -> Result<(ScoreFeed, news::run::Running), DemoError> {
    let scores = scores::start(scores::lines(scenario), clock.clone(), began);
    let scores = scores.map_err(DemoError::Scores)?;
    let (place, desk) = (Place::Socket(scores.address), NewsDesk::new(catalog));
    let heard = news::run::start(place, desk, running.steering()).map_err(DemoError::Scores)?;
    Ok((scores, heard))
}

/// Begins the capture of a run that is recorded.
fn record(
    args: &DemoArgs,
    config: &Config,
    (catalog, relations, live): (&Catalog, &[Relation], Option<LiveText>),
    (taps, replies): (Taps, Option<Receiver<Heard>>),
    clock: &Clock,
) -> Result<Option<Recording>, DemoError> {
    let (Some(folder), Some(replies)) = (&args.record, replies) else { return Ok(None) };
    let lanes = taps.into_lanes();
    let manifest = manifest(config, catalog, relations, &lanes, clock.now()).trading_live(live);
    let recording = Recording::begin(folder, &manifest, lanes, config.capture, clock.clone())?;
    Ok(Some(recording.hearing(folder, replies, config.capture)?))
}

pub(crate) fn topology(config: &Config) -> String {
    let layout = match config.tiles.layout {
        LayoutKind::Single => "one tile",
        LayoutKind::Split => "feed tiles and an evaluation tile",
    };
    format!("{layout}, {}", config.tiles.wait)
}

/// What is shown while the engine runs.
struct Show<'a> {
    args: &'a DemoArgs,
    clock: Clock,
    started: Nanos,
    news: News,
    rows: Vec<MarketRow>,
    output: Output,
    interrupted: Arc<AtomicBool>,
    compiler: Sender<compiler::News>,
    topology: String,
    messages_before: (u64, u64, u64),
}

impl<'a> Show<'a> {
    fn new(
        args: &'a DemoArgs,
        config: &Config,
        catalog: &Catalog,
        clock: Clock,
        compiler: Sender<compiler::News>,
    ) -> Result<Self, DemoError> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        // Relaxed: a flag that stands alone.
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
        let row = |listing: &dutchbook_book::catalog::Listing| MarketRow {
            venue: listing.kind.name(),
            name: listing.name.clone(),
            top: dutchbook_book::TopOfBook::default(),
            status: dutchbook_book::BookStatus::AwaitingSnapshot,
        };
        Ok(Self {
            args,
            started: clock.now(),
            clock,
            news: News::new(catalog, config),
            rows: catalog.listings.iter().map(row).collect(),
            output: Output::open(args, &interrupted)?,
            interrupted,
            compiler,
            topology: topology(config),
            messages_before: (0, 0, 0),
        })
    }

    fn elapsed_s(&self) -> u64 {
        self.clock.now().since(self.started).millis() / 1_000
    }

    /// Shows what happens until the time is over, a person leaves, or a tile ends.
    fn until_end(&mut self, running: &mut Running) -> Result<(), DemoError> {
        let end = self.started.plus(Nanos::from_secs(self.args.seconds));
        while self.clock.now() < end && !self.interrupted.load(Ordering::Relaxed) {
            self.news.follow(running, &self.compiler);
            if running.has_lost_a_tile() {
                // Stopping it will say why.
                return Ok(());
            }
            self.show(running)?;
        }
        Ok(())
    }

    /// Lets the engine take what is under way once nothing happens any more.
    fn settle(&mut self, running: &mut Running, span: Nanos) {
        let end = self.clock.now().plus(span);
        while self.clock.now() < end && !running.has_lost_a_tile() {
            self.news.follow(running, &self.compiler);
            pause(FRAME);
        }
    }

    /// Lets the orders that are under way come to their ends; on paper there are none.
    fn wind_down(&mut self, running: &mut Running) {
        let Some(gauge) = running.trading() else { return };
        gauge.wind_down();
        let end = self.clock.now().plus(WINDING_MAX);
        let mut settled = 0;
        while self.clock.now() < end && settled < SETTLED_LOOKS && !running.has_lost_a_tile() {
            self.news.follow(running, &self.compiler);
            settled = if gauge.is_settled() { settled + 1 } else { 0 };
            pause(FRAME);
        }
    }

    /// Shows one moment and waits for the next.
    fn show(&mut self, running: &mut Running) -> Result<(), DemoError> {
        if matches!(self.output, Output::Screen(_)) {
            let view = self.view(running)?;
            if let Output::Screen(screen) = &mut self.output {
                screen.draw(&view).map_err(DemoError::Screen)?;
            }
        }
        if let Output::Lines { told_at, told_life } = self.output {
            let second = self.elapsed_s();
            let newest = self.tell_lives(told_life, running);
            let told_at =
                if second > told_at { self.tell_second(second, running) } else { told_at };
            self.output = Output::Lines { told_at, told_life: newest };
        }
        pause(FRAME);
        Ok(())
    }

    /// Prints opportunities that ended since the last call; returns the newest number printed.
    fn tell_lives(&self, told: u64, running: &Running) -> u64 {
        let now = self.clock.now();
        let mut rows = self.news.opportunities(now, |life| self.name_of(running, life));
        rows.retain(|row| row.id > told);
        rows.sort_by_key(|row| row.id);
        for row in &rows {
            tell(&format!(
                "  opportunity {:>4}  {:<13} {}  size {}  net {}",
                row.id,
                row.kind,
                row.name,
                row.size,
                dollars(row.net_edge)
            ));
        }
        rows.last().map_or(told, |row| row.id)
    }

    fn tell_second(&self, second: u64, running: &Running) -> u64 {
        tell(&format!(
            "{second:>4} s  {:>7} messages  {:>5} opportunities seen  {:>4} fills  {} gaps",
            running.count(Counter::Payloads),
            running.count(Counter::Opportunities),
            self.news.fill_count(),
            running.count(Counter::SequenceGaps),
        ));
        second
    }

    /// A basket in words: its first book, and how many more there are.
    fn name_of(&self, running: &Running, life: &OpportunityLife) -> String {
        let books = running.basket_books(life.basket);
        let first = books.first().and_then(|book| self.rows.get(book.index()));
        match (first, books.len()) {
            // A basket that a settlement or the compiler made is not among those of the start.
            (None, _) => match self.news.last_settled() {
                Some(name) if life.kind == BasketKind::Resolution => name.to_owned(),
                Some(_) | None => format!("basket {}", life.basket),
            },
            (Some(row), 1) => row.name.clone(),
            (Some(row), count) => format!("{} +{}", row.name, count - 1),
        }
    }

    fn view(&mut self, running: &mut Running) -> Result<LiveView, DemoError> {
        let now = self.clock.now();
        for (index, row) in (0_u32..).zip(&mut self.rows) {
            if let Ok(view) = running.shelf().top(BookId(index)) {
                (row.top, row.status) = (view.top, view.stamp.status);
            }
        }
        let messages = running.count(Counter::Payloads);
        let (second, before, rate) = self.messages_before;
        let elapsed_s = self.elapsed_s();
        let rate = if elapsed_s > second {
            let rate = messages.saturating_sub(before);
            self.messages_before = (elapsed_s, messages, rate);
            rate
        } else {
            rate
        };
        let latencies = running.latencies();
        let (to_book, to_decision) = (latencies.to_book()?, latencies.to_decision());
        Ok(LiveView {
            elapsed_s,
            seconds: self.args.seconds,
            seed: self.args.seed,
            topology: self.topology.clone(),
            messages,
            messages_per_second: rate,
            sequence_gaps: running.count(Counter::SequenceGaps),
            markets: self.rows.clone(),
            opportunities: running.count(Counter::OpportunitiesBorn),
            recent: self.news.opportunities(now, |life| self.name_of(running, life)),
            fill_count: self.news.fill_count(),
            fills: self.news.fills(),
            net_profit: running.net_profit(),
            to_book,
            to_decision,
        })
    }
}

/// Stops the engine and says what it did.
pub(crate) fn finish(
    seed: u64,
    running: Running,
    mut news: News,
    streams: &[Stream],
    seconds: u64,
) -> Result<DemoReport, StartError> {
    let mut ended = running.stop()?;
    ended.journal.drain(|bytes| news.take(bytes));
    let decisions = ended.journal.decisions();
    let (outcomes, traces) = (news.outcomes(), news.traces().clone());
    let (findings, damaged) = news.finish();
    let (mut trouble, pins_refused) = (ended.trouble, ended.pins_refused.len());
    if damaged > 0 {
        trouble.push(format!("{damaged} journal records could not be read"));
    }
    let names = streams.iter().map(|stream| stream.kind.name());
    let feeds: Vec<_> = names.zip(ended.feeds).collect();
    let refused = ended.engine.refused_words().map(|(market, why)| format!("{market}: {why}"));
    trouble.extend(refused);
    let counters = ended.engine.counters();
    Ok(DemoReport {
        seed,
        seconds,
        topology: String::new(),
        books: ended.engine.seen_books(),
        feeds,
        findings,
        decisions,
        capture: None,
        kinds: ended.engine.lives().summaries().collect(),
        traces,
        fills: counters.get(Counter::Fills),
        legged: counters.get(Counter::Legged),
        completed: counters.get(Counter::Completed),
        unwound: counters.get(Counter::Unwound),
        vetoes: counters.get(Counter::Vetoes),
        vetoes_by_reason: ended.engine.vetoes().map(|(veto, count)| (veto.name(), count)).collect(),
        outcomes,
        news: None,
        net_profit: ended.engine.net_profit(),
        unpaid_winners: ended.engine.portfolio().unpaid_winners().cash_floor().unwrap_or_default(),
        fees: ended.engine.portfolio().total().fees.cash_ceil().unwrap_or_default(),
        to_book: ended.latencies.to_book()?,
        to_decision: ended.latencies.to_decision(),
        stages: ended.latencies.stages()?,
        orders: OrdersEnd::of(&ended.engine, ended.latencies.to_order(), ended.carried),
        portfolio: ended.engine.portfolio().clone(),
        places: ended.engine.places(),
        held: ended.books,
        venues: None,
        audit: None,
        relations: Relations::default(),
        compiled: None,
        trouble,
        pins_refused,
    })
}

/// One line of progress on standard error; if that is gone there is nobody to tell.
fn tell(line: &str) {
    let mut text = line.to_owned();
    text.push('\n');
    if std::io::stderr().lock().write_all(text.as_bytes()).is_err() {}
}

#[expect(clippy::disallowed_methods, reason = "the thread of the screen is no tile")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}
