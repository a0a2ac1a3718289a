//! Replays a run as it was: the same feeds, the same engine, the same order, the same views.
//!
//! The engine's lane tells what the engine took and read. Before each of its calls the feeds are
//! driven exactly as far as the versions that the call saw ([`drive`], [`views`]), so that threads
//! which raced are followed by one that does not. A capture without an engine's lane holds streams
//! that nobody traded on: there the payloads of all lanes are taken in the order of their receipt,
//! and a new engine decides as a single tile would.

pub mod drive;
pub mod views;

use dutchbook_book::catalog::{Catalog, Listing, VenueKind};
use dutchbook_book::ring::{SLOT_WORDS, Words};
use dutchbook_book::shelf::Shelf;
use dutchbook_book::{Book, BookId, Nanos, Price, Stamp};
use dutchbook_core::capture::lane::{Head, Kind, TORN};
use dutchbook_core::clock::Clock;
use dutchbook_core::compiler::program::Program;
use dutchbook_core::config::Config;
use dutchbook_core::control::Control;
use dutchbook_core::desk::Word;
use dutchbook_core::engine::Engine;
use dutchbook_core::engine::sight::{Seen, Sight};
use dutchbook_core::journal::checker::Findings;
use dutchbook_core::journal::{Checker, Decisions, JournalReader, decode, journal};
use dutchbook_core::opportunity::OpportunityId;
use dutchbook_core::recovery::Recovered;
use dutchbook_core::relation::Relation;
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_feeds::counters::Counters;
use dutchbook_feeds::notice::Sink;

use super::error::CaptureError;
use super::manifest::LaneText;
use super::reader::{Capture, LaneCursor, Loss, Next};
use drive::{Drive, FeedDriver};
use views::{Found, Views};

/// Records of the journal of a replay: it is drained after each call.
const JOURNAL_CHUNKS: usize = 64;
const JOURNAL_CHUNK_RECORDS: usize = 4_096;
/// A decision on a view older than this is called stale.
const AGE_MAX: Nanos = Nanos::from_secs(600);

/// What a replay of a capture has found.
#[derive(Debug)]
pub struct Followed {
    /// What was listed.
    pub catalog: Catalog,
    /// The engine at the end.
    pub engine: Box<Engine>,
    /// What each feed has counted.
    pub feeds: Vec<(VenueKind, Counters)>,
    /// Books that received a snapshot.
    pub books: u64,
    /// What was decided.
    pub decisions: Decisions,
    /// What the checker of the decision records found.
    pub findings: Findings,
    /// What the capture does not hold.
    pub losses: Vec<Loss>,
    /// Where the replay could not follow the run, where that happened.
    pub strayed: Option<String>,
    /// Whether the capture holds the engine's own order.
    pub has_engine: bool,
}

impl Followed {
    /// Whether the whole run was followed: its decisions are those of the live run.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.losses.is_empty() && self.strayed.is_none()
    }
}

/// What an engine is built of.
struct Parts {
    config: Config,
    catalog: Catalog,
    relations: Vec<Relation>,
    /// How much worse a limit could be, where orders went to venues.
    allowance: Option<Price>,
    /// What the run went on from, and when.
    before: Option<(Recovered, Nanos)>,
    /// An opportunity to explain.
    wanted: Option<OpportunityId>,
}

impl Parts {
    fn of(capture: &Capture) -> Result<Self, CaptureError> {
        let manifest = &capture.manifest;
        let (Some(config), Some(catalog)) = (&manifest.config, &manifest.catalog) else {
            return Err(CaptureError::NoRun);
        };
        let config =
            Config::parse(config).map_err(|error| CaptureError::Setup(error.to_string()))?;
        let catalog = catalog.catalog().map_err(CaptureError::Manifest)?;
        let books = catalog.listings.len();
        let relations = manifest.relations.iter().map(|text| text.relation(books));
        let relations = relations.collect::<Result<Vec<_>, _>>().map_err(CaptureError::Manifest)?;
        let allowance = manifest.live.and_then(|live| Price::from_micro(live.allowance_micro));
        let before = capture.before(&catalog, &relations)?;
        let before = before.map(|before| (before, Nanos(manifest.started_ns)));
        Ok(Self { config, catalog, relations, allowance, before, wanted: None })
    }

    fn engine(&self, sight: Sight) -> Result<(Engine, JournalReader), CaptureError> {
        let (writer, reader) = journal(JOURNAL_CHUNKS, JOURNAL_CHUNK_RECORDS);
        let kill = KillSwitch::default();
        let (catalog, relations) = (self.catalog.clone(), self.relations.clone());
        let engine = Engine::new(catalog, relations, &self.config.engine(), sight, writer, kill);
        let engine = engine.map_err(|error| CaptureError::Setup(error.to_string()))?;
        let engine = match self.wanted {
            Some(wanted) => engine.explaining(wanted),
            None => engine,
        };
        // What became of orders is told by the recording: nothing is sent.
        let mut engine = match self.allowance {
            Some(allowance) => engine.told_of_trading(allowance),
            None => engine,
        };
        if let Some((before, at)) = &self.before {
            engine.resume(before, *at);
        }
        Ok((engine, reader))
    }
}

/// Replays a capture.
///
/// # Errors
/// When it holds no run, or its engine cannot be built again, or its files cannot be read.
pub fn follow(capture: &Capture) -> Result<Followed, CaptureError> {
    follow_parts(capture, &Parts::of(capture)?)
}

/// The same with an engine that writes down everything about one opportunity.
///
/// # Errors
/// As [`follow`].
pub fn follow_explaining(
    capture: &Capture,
    wanted: OpportunityId,
) -> Result<Followed, CaptureError> {
    follow_parts(capture, &Parts { wanted: Some(wanted), ..Parts::of(capture)? })
}

fn follow_parts(capture: &Capture, parts: &Parts) -> Result<Followed, CaptureError> {
    let lanes = &capture.manifest.lanes;
    let mut drivers = Vec::new();
    for (lane, text) in lanes.iter().enumerate() {
        if let LaneText::Feed { connections } = text {
            let cursor = capture.lane(lane);
            drivers.push(FeedDriver::new(cursor, connections, &parts.config, &parts.catalog)?);
        }
    }
    let engine_lane = lanes.iter().position(|lane| matches!(lane, LaneText::Engine));
    let run = match engine_lane {
        Some(lane) => Run::exact(parts, drivers, capture.lane(lane))?,
        None => Run::merged(parts, drivers)?,
    };
    let mut losses = capture.losses.clone();
    losses.extend(run.losses.into_iter().filter(|loss| !capture.losses.contains(loss)));
    let counters = run.drivers.iter().flat_map(FeedDriver::counters).collect();
    let books = run.drivers.iter().map(FeedDriver::seen_books).fold(0, u64::saturating_add);
    Ok(Followed {
        catalog: run.catalog,
        engine: run.engine,
        feeds: counters,
        books,
        decisions: run.ledger.journal.decisions(),
        findings: run.ledger.checker.finish(),
        // What is missing explains why it could not be followed.
        strayed: run.strayed.filter(|_| losses.is_empty()),
        losses,
        has_engine: engine_lane.is_some(),
    })
}

/// The records of a replayed engine, read as they come.
#[derive(Debug)]
struct Ledger {
    journal: JournalReader,
    checker: Checker,
}

impl Ledger {
    fn drain(&mut self) {
        let checker = &mut self.checker;
        self.journal.drain(|bytes| {
            if let Ok(entry) = decode(bytes) {
                checker.take(&entry);
            }
        });
    }
}

/// A replay under way.
struct Run<'a> {
    drivers: Vec<FeedDriver<'a>>,
    engine: Box<Engine>,
    ledger: Ledger,
    losses: Vec<Loss>,
    strayed: Option<String>,
    /// What was listed at the end.
    catalog: Catalog,
}

/// Why an exact replay ends before its lane does.
enum Stop {
    /// The version of a book is not to be had.
    NoVersion(BookId, u64),
    /// The files cannot be read any more.
    Failed(CaptureError),
}

impl From<CaptureError> for Stop {
    fn from(error: CaptureError) -> Self {
        Self::Failed(error)
    }
}

/// An exact replay: feeds and views behind an engine that is told what it saw.
struct Exact<'a, 'b> {
    run: &'b mut Run<'a>,
    views: Views,
    /// What is listed by now.
    catalog: Catalog,
    /// Which driver has a book.
    owners: Vec<Option<usize>>,
}

impl<'a> Run<'a> {
    fn new(
        parts: &Parts,
        drivers: Vec<FeedDriver<'a>>,
        sight: Sight,
    ) -> Result<Self, CaptureError> {
        let (engine, journal) = parts.engine(sight)?;
        let ledger = Ledger { journal, checker: Checker::new(AGE_MAX) };
        let (engine, losses, strayed) = (Box::new(engine), Vec::new(), None);
        let catalog = parts.catalog.clone();
        Ok(Self { drivers, engine, ledger, losses, strayed, catalog })
    }

    /// Follows the engine's own lane.
    fn exact(
        parts: &Parts,
        drivers: Vec<FeedDriver<'a>>,
        mut lane: LaneCursor<'_>,
    ) -> Result<Self, CaptureError> {
        let mut run = Self::new(parts, drivers, Sight::told())?;
        // Every venue is followed by one tile, whatever appears there later.
        let owner = |listing: &Listing| {
            run.drivers.iter().position(|driver| driver.has_venue(listing.kind))
        };
        let owners: Vec<Option<usize>> = parts.catalog.listings.iter().map(owner).collect();
        let (views, catalog) = (Views::new(owners.len()), parts.catalog.clone());
        let mut exact = Exact { run: &mut run, views, catalog, owners };
        let stopped = exact.follow(&mut lane);
        run.catalog = exact.catalog;
        match stopped {
            Ok(()) => {}
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NoVersion(book, version)) => {
                let at = format!("version {version} of book {book} is not in the capture");
                run.strayed.get_or_insert(at);
            }
        }
        // What the engine did not look at any more still counts.
        for driver in 0..run.drivers.len() {
            while run.step(driver, &mut Unread)? {}
        }
        let other = run.drivers.iter().map(FeedDriver::other_commands).sum::<u64>();
        if other > 0 {
            run.strayed.get_or_insert(format!("{other} commands are not those that were sent"));
        }
        run.ledger.drain();
        Ok(run)
    }

    /// One step of a feed; false at the end of its lane.
    fn step(&mut self, driver: usize, sink: &mut impl Sink) -> Result<bool, CaptureError> {
        let Some(driver) = self.drivers.get_mut(driver) else { return Ok(false) };
        Ok(match driver.step(sink)? {
            Drive::Applied => true,
            Drive::Lost(loss) => {
                self.losses.push(loss);
                true
            }
            Drive::End => false,
        })
    }

    /// Takes all lanes in the order of receipt, as a single tile with a new engine would.
    fn merged(parts: &Parts, drivers: Vec<FeedDriver<'a>>) -> Result<Self, CaptureError> {
        let setup = |error: &dyn core::fmt::Display| CaptureError::Setup(error.to_string());
        let mut shelf = Shelf::new(parts.catalog.listings.len());
        let mut run = Self::new(parts, drivers, shelf.reader().into())?;
        let books: Vec<BookId> = run.drivers.iter().flat_map(FeedDriver::books).collect();
        let writer = shelf.writer_of(books).map_err(|error| setup(&error))?;
        // The publisher owns the engine while the feeds speak to it.
        let (idle, _reader) = parts.engine(shelf.reader().into())?;
        let engine = core::mem::replace(&mut run.engine, Box::new(idle));
        let mut out = Publisher::new(writer, Route::Inline(engine), Clock::new());
        let mut last = Nanos::ZERO;
        while let Some((driver, at)) = run.earliest()? {
            let now = last.max(at);
            last = now;
            if let Some(engine) = out.engine_mut() {
                engine.poll(now);
            }
            let Some(kind) = run.drivers.get_mut(driver).map(FeedDriver::next_kind) else { break };
            if let Some(kind) = kind? {
                out.before(kind, now);
            }
            run.step(driver, &mut out)?;
            if out.take_changed() > 0
                && let Some(engine) = out.engine_mut()
            {
                engine.evaluate(now);
            }
            run.ledger.drain();
        }
        if let Some(mut engine) = out.into_engine() {
            engine.finish(last);
            run.engine = engine;
        }
        run.ledger.drain();
        Ok(run)
    }

    /// The driver whose next record was received first.
    fn earliest(&mut self) -> Result<Option<(usize, Nanos)>, CaptureError> {
        let mut earliest: Option<(usize, Nanos)> = None;
        for (index, driver) in self.drivers.iter_mut().enumerate() {
            let Some(at) = driver.next_at()? else { continue };
            if earliest.is_none_or(|(_, first)| at < first) {
                earliest = Some((index, at));
            }
        }
        Ok(earliest)
    }
}

/// Takes states that nobody will ask for.
struct Unread;

impl Sink for Unread {
    fn book_changed(&mut self, _id: BookId, _book: &Book, _stamp: Stamp) {}
}

/// One call that the engine took, with what it saw during it.
struct Call {
    head: Head,
    control: Option<Control>,
    word: Option<Word>,
    /// The bytes of a program.
    program: Vec<u8>,
    seen: Vec<Seen>,
}

impl Exact<'_, '_> {
    /// Follows the engine's lane to its end, to the first hole, or to the first contradiction.
    fn follow(&mut self, lane: &mut LaneCursor<'_>) -> Result<(), Stop> {
        let mut call: Option<Call> = None;
        loop {
            match lane.advance()? {
                Next::Record(head) => match self.seen(&head)? {
                    Some(seen) => {
                        if let Some(call) = &mut call {
                            call.seen.push(seen);
                        }
                    }
                    None => {
                        let control = control_of(&head, lane.body());
                        let word = word_of(&head, lane.body());
                        let is_program = head.kind == Kind::Programmed;
                        let program = if is_program { lane.body() } else { &[] }.to_vec();
                        let next = Call { head, control, word, program, seen: Vec::new() };
                        self.make(call.replace(next))?;
                    }
                },
                // A call whose reads are not all known is not made.
                Next::Lost(loss) => {
                    self.run.losses.push(loss);
                    return Ok(());
                }
                Next::End => break,
            }
            if self.run.strayed.is_some() {
                return Ok(());
            }
        }
        if call.as_ref().is_some_and(|call| call.head.kind == Kind::Closed) {
            self.make(call)?;
        } else {
            // Whether the last call saw more than this is not known: it is not made.
            self.run.strayed = Some("the engine's lane ends early".to_owned());
        }
        Ok(())
    }

    /// What a record says was seen; `None` where it is a call.
    fn seen(&mut self, head: &Head) -> Result<Option<Seen>, Stop> {
        let (book, version) = (book_of(head), head.at);
        Ok(Some(match head.kind {
            Kind::SawTop if version == TORN => Seen::Top(book, None),
            Kind::SawTop => {
                let view = self.until(book, version, |views| views.top(book, version))?;
                Seen::Top(book, Some(view))
            }
            Kind::SawDepth if version == TORN => Seen::Depth(book, None),
            Kind::SawDepth => {
                let view = self.until(book, version, |views| views.depth(book, version))?;
                Seen::Depth(book, Some(view))
            }
            Kind::JournalFull => Seen::JournalFull,
            Kind::Hole
            | Kind::Payload
            | Kind::Connected
            | Kind::Disconnected
            | Kind::Tick
            | Kind::Heard
            | Kind::Sent
            | Kind::Finished
            | Kind::Steered
            | Kind::Top
            | Kind::Dirty
            | Kind::Control
            | Kind::Evaluated
            | Kind::Polled
            | Kind::Closed
            | Kind::Told
            | Kind::Killed
            | Kind::Winding
            | Kind::Programmed
            | Kind::Explained
            | Kind::Decided => return Ok(None),
        }))
    }

    /// Drives the feed of a book until a version of it is there.
    fn until<T>(
        &mut self,
        book: BookId,
        version: u64,
        mut find: impl FnMut(&mut Views) -> Found<T>,
    ) -> Result<T, Stop> {
        let owner = self.owners.get(book.index()).copied().flatten();
        loop {
            match find(&mut self.views) {
                Found::Here(found) => return Ok(found),
                Found::Never => return Err(Stop::NoVersion(book, version)),
                Found::NotYet => {}
            }
            let is_lost = !self.run.losses.is_empty();
            let Some(owner) = owner.filter(|_| !is_lost) else {
                return Err(Stop::NoVersion(book, version));
            };
            if !self.run.step(owner, &mut self.views)? {
                return Err(Stop::NoVersion(book, version));
            }
        }
    }

    /// Makes one call as the run made it.
    fn make(&mut self, call: Option<Call>) -> Result<(), Stop> {
        let Some(Call { head, control, word, program, seen }) = call else { return Ok(()) };
        let (book, now) = (book_of(&head), Nanos(head.at));
        let top = if head.kind == Kind::Top {
            Some(self.until(book, head.at, |views| views.take_top(book, head.at))?)
        } else {
            None
        };
        let engine = &mut self.run.engine;
        engine.sight_mut().tell(seen);
        match (head.kind, top, control) {
            (_, Some(update), _) => engine.on_top(&update),
            (Kind::Dirty, ..) => engine.on_dirty(book),
            (Kind::Control, _, Some(control)) => engine.on_control(control, now),
            (Kind::Told, ..) => {
                if let Some(word) = word {
                    engine.on_word(&word, now);
                }
            }
            (Kind::Winding, ..) => engine.wind_down(now),
            (Kind::Explained, ..) => engine.go_on(now),
            (Kind::Evaluated, ..) => engine.evaluate(now),
            (Kind::Polled, ..) => {
                let _ended = engine.poll(now);
            }
            (Kind::Killed, ..) => engine.on_kill(now),
            (Kind::Closed, ..) => engine.finish(now),
            (Kind::Programmed, ..) => match Program::from_bytes(&program, &mut self.catalog) {
                Some(program) => engine.install(program, now),
                None => {
                    let bad = "a program of the compiler cannot be read".to_owned();
                    self.run.strayed.get_or_insert(bad);
                }
            },
            _ => {}
        }
        if engine.sight_mut().strayed() > 0 {
            let at = format!("the engine looked elsewhere in call {} at {now:?}", head.kind.name());
            self.run.strayed.get_or_insert(at);
        }
        self.run.ledger.drain();
        Ok(())
    }
}

/// The book that an engine's record names.
fn book_of(head: &Head) -> BookId {
    BookId(u32::try_from(head.number).unwrap_or(u32::MAX))
}

/// The word of the order desk in a record.
fn word_of(head: &Head, body: &[u8]) -> Option<Word> {
    if head.kind != Kind::Told {
        return None;
    }
    Word::of_record(&decode(body).ok()?.record)
}

/// The cold news of a record.
fn control_of(head: &Head, body: &[u8]) -> Option<Control> {
    if head.kind != Kind::Control {
        return None;
    }
    let mut words = [0; SLOT_WORDS];
    let (chunks, _) = body.as_chunks::<8>();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    Some(Control::from_words(words))
}
