//! The thread of the second opinion.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use dutchbook_book::catalog::{Catalog, Listing, VenueKind};
use dutchbook_book::shelf::ShelfReader;
use dutchbook_book::{BookId, BookStatus, Depth, Level, Nanos, Side, TopOfBook};
use dutchbook_feeds::listing::book::RestBook;
use dutchbook_feeds::session::Trading;

use super::{Comparison, Verdict};
use crate::clock::Clock;
use crate::compiler::{Lists, News};
use crate::config::VenuesConfig;
use crate::discovery::crawl::Crawler;
use crate::discovery::{Change, Directory};
use crate::http::HttpCounts;
use crate::net::Gate;
use crate::relation::standing::Fact;
use crate::resolution::{Source, Trust};
use crate::tile::steer::{Steer, Steering};

/// Between two looks at the flag that stops the thread.
const STEP: Duration = Duration::from_millis(20);
/// From a stream's word on a new market until the lists are read for it.
const NEWS_PAUSE: Duration = Duration::from_secs(1);
/// Reasons that are kept, of everything that goes wrong.
const TROUBLE_MAX: usize = 16;
/// Readings of a book that moves, at the end of a run, until it counts as different.
const FINAL_READINGS: usize = 20;
/// Pause between two of them.
const FINAL_PAUSE: Duration = Duration::from_millis(100);

/// Counts that anybody may read while the thread runs.
#[derive(Debug, Default)]
pub struct AuditCounts {
    /// Times that the lists were read.
    pub refreshes: AtomicU64,
    /// Markets that appeared after the start and are followed since.
    pub appeared: AtomicU64,
    /// Markets that paused, went on or closed, by the lists or by the clock.
    pub turned: AtomicU64,
    /// Markets that the lists showed to be decided.
    pub decided: AtomicU64,
    /// Markets whose grid, fee or rules changed.
    pub altered: AtomicU64,
    /// Books compared with REST.
    pub compared: AtomicU64,
    /// Differences that were seen once.
    pub suspects: AtomicU64,
    /// Books that were found to be frozen.
    pub frozen: AtomicU64,
    /// Times that a venue was found closed as a whole.
    pub closures: AtomicU64,
    /// Lists or books that could not be read.
    pub failures: AtomicU64,
}

impl AuditCounts {
    /// Name and value of each.
    #[must_use]
    pub fn list(&self) -> [(&'static str, u64); 10] {
        // Relaxed: figures for reports.
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("refreshes", of(&self.refreshes)),
            ("appeared", of(&self.appeared)),
            ("turned", of(&self.turned)),
            ("decided", of(&self.decided)),
            ("altered", of(&self.altered)),
            ("compared", of(&self.compared)),
            ("suspects", of(&self.suspects)),
            ("frozen", of(&self.frozen)),
            ("closures", of(&self.closures)),
            ("failures", of(&self.failures)),
        ]
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What the thread leaves behind.
#[derive(Debug, Default)]
pub struct Ended {
    /// Books that were compared with the venue's own at the end.
    pub books_compared: usize,
    /// Books that differed until the end.
    pub books_different: Vec<String>,
    /// What the HTTP clients counted.
    pub http: HttpCounts,
    /// What was listed at the end, as far as it was followed.
    pub catalog: Catalog,
    /// Why markets were refused, and how many.
    pub refused: BTreeMap<&'static str, u64>,
    /// What went wrong, oldest first.
    pub trouble: Vec<String>,
}

/// How the thread reaches the engine.
#[derive(Debug)]
pub struct Reach {
    /// The views of all books.
    pub shelf: ShelfReader,
    /// The way to the feed tiles.
    pub steering: Steering,
    /// Before the connections of Kalshi: closed while it is.
    pub gate: Gate,
    /// Who holds relations against what the lists say, and tells the evaluator of markets that appear;
    /// without it those are left alone.
    pub compiler: Option<Sender<News>>,
    /// Who passes on what other sources say of markets, and has to know those that appear.
    pub news_desk: Option<Sender<Listing>>,
}

/// The running thread.
#[derive(Debug)]
pub struct Auditor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Ended>>,
    counts: Arc<AuditCounts>,
}

/// Starts the thread.
///
/// # Errors
/// When the system refuses one.
pub fn start(
    config: &VenuesConfig,
    crawler: Crawler,
    directory: Directory,
    reach: Reach,
    clock: Clock,
) -> io::Result<Auditor> {
    let Reach { shelf, steering, gate, compiler, news_desk } = reach;
    let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(AuditCounts::default()));
    let mut audit = Audit {
        catalog: directory.catalog().clone(),
        refresh: config.refresh,
        compare: config.compare,
        crawler,
        directory,
        shelf,
        steering,
        compiler,
        news_desk,
        gate,
        maintenance: Vec::new(),
        status: config.status,
        heard: 0,
        clock,
        comparison: Comparison::default(),
        stop: Arc::clone(&stop),
        counts: Arc::clone(&counts),
        closed: Vec::new(),
        ended: Ended::default(),
    };
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(audit.run());
        audit.ended.http = audit.crawler.counts();
        audit.ended.catalog = audit.catalog;
        let refused = audit.directory.refused().iter();
        audit.ended.refused = refused.map(|(reason, count)| (reason.name(), *count)).collect();
        Ok(audit.ended)
    };
    let thread = std::thread::Builder::new().name("audit".to_owned()).spawn(body)?;
    Ok(Auditor { stop, thread, counts })
}

impl Auditor {
    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &AuditCounts {
        &self.counts
    }

    /// Compares every book for the last time, stops the thread, and takes what it leaves behind. The
    /// feeds must still run.
    ///
    /// # Errors
    /// When the thread had no runtime, or panicked.
    pub fn stop(self) -> io::Result<Ended> {
        // Release, so that the thread sees everything done before.
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_panic| io::Error::other("the audit panicked"))?
    }
}

struct Audit {
    /// As the engine knows it: what appears later is entered when it is followed.
    catalog: Catalog,
    refresh: Duration,
    compare: Option<Duration>,
    crawler: Crawler,
    directory: Directory,
    shelf: ShelfReader,
    steering: Steering,
    /// Who holds relations against what the lists say.
    compiler: Option<Sender<News>>,
    /// Who passes on what other sources say.
    news_desk: Option<Sender<Listing>>,
    /// Before the connections of Kalshi.
    gate: Gate,
    /// Announced closures of Kalshi.
    maintenance: Vec<[Nanos; 2]>,
    status: Option<Duration>,
    /// How often the streams had told of new markets when the lists were read.
    heard: u64,
    clock: Clock,
    comparison: Comparison,
    stop: Arc<AtomicBool>,
    counts: Arc<AuditCounts>,
    /// Books that the clock has closed.
    closed: Vec<BookId>,
    ended: Ended,
}

/// Now, plus a span.
fn due(clock: &Clock, span: Duration) -> Nanos {
    clock.now().plus(Nanos(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
}

impl Audit {
    async fn run(&mut self) {
        let mut refresh_at = due(&self.clock, self.refresh);
        let mut compare_at = self.compare.map(|span| due(&self.clock, span));
        let mut status_at = self.status.map(|_| self.clock.now());
        self.read_schedule().await;
        while !self.stop.load(Ordering::Acquire) {
            let now = self.clock.now();
            self.close_on_time(now);
            // A stream that tells of a new market is not to wait for the next turn; the lists may
            // lag behind it by a moment.
            let heard = self.steering.appeared_count();
            if heard > self.heard {
                self.heard = heard;
                refresh_at = refresh_at.min(due(&self.clock, NEWS_PAUSE));
            }
            if now >= refresh_at {
                self.read_lists().await;
                refresh_at = due(&self.clock, self.refresh);
            }
            if status_at.is_some_and(|at| now >= at) {
                self.read_status(now).await;
                status_at = self.status.map(|span| due(&self.clock, span));
            }
            if compare_at.is_some_and(|at| now >= at) {
                self.compare_books().await;
                compare_at = self.compare.map(|span| due(&self.clock, span));
            }
            tokio::time::sleep(STEP).await;
        }
        self.compare_for_the_last_time().await;
    }

    fn note(&mut self, trouble: String) {
        count(&self.counts.failures);
        if self.ended.trouble.len() < TROUBLE_MAX {
            self.ended.trouble.push(trouble);
        }
    }

    fn tell(&self, book: BookId, steer: Steer) {
        if let Some(listing) = self.catalog.listing(book) {
            // A tile that is gone has been reported by its own end.
            let _told = self.steering.tell(listing.venue, steer);
        }
    }

    /// Kalshi closes a market at its hour without a word.
    fn close_on_time(&mut self, now: Nanos) {
        for listing in &self.catalog.listings {
            let terms = self.directory.catalog().terms(listing.book);
            let is_over = terms.and_then(|terms| terms.closes).is_some_and(|closes| closes <= now);
            // Polymarket's date is when the answer is due; it trades on until it is decided.
            if is_over && listing.kind == VenueKind::Kalshi && !self.closed.contains(&listing.book)
            {
                self.closed.push(listing.book);
                count(&self.counts.turned);
                let steer = Steer::Trading(listing.book, Trading::Closed);
                let _told = self.steering.tell(listing.venue, steer);
            }
        }
    }

    /// Reads when Kalshi has announced to be closed.
    async fn read_schedule(&mut self) {
        if self.status.is_none() {
            return;
        }
        match self.crawler.kalshi_maintenance().await {
            Ok(windows) => self.maintenance = windows,
            Err(error) => self.note(format!("kalshi: {error}")),
        }
    }

    /// Closes what Kalshi does not trade now, and opens it again: its books to the gate, its host to
    /// new connections. Silence changes nothing.
    async fn read_status(&mut self, now: Nanos) {
        let announced = self.maintenance.iter().any(|[from, to]| (*from..*to).contains(&now));
        let trades = self.crawler.kalshi_trades().await;
        let is_closed = match trades {
            Some(trades) => !trades,
            // What is closed as announced need not answer.
            None => announced || self.gate.is_closed(),
        };
        if is_closed == self.gate.is_closed() {
            return;
        }
        self.gate.set_closed(is_closed);
        if is_closed {
            count(&self.counts.closures);
        }
        let trading = if is_closed { Trading::Halted } else { Trading::Open };
        let own = self.catalog.listings.iter().filter(|one| one.kind == VenueKind::Kalshi);
        let open = own.filter(|one| self.directory.is_trading(&one.native_market));
        for book in open.map(|one| one.book).collect::<Vec<_>>() {
            self.tell(book, Steer::Trading(book, trading));
        }
    }

    async fn read_lists(&mut self) {
        self.read_schedule().await;
        let (changes, errors) = self.crawler.refresh(&mut self.directory).await;
        count(&self.counts.refreshes);
        for (kind, error) in errors {
            self.note(format!("{}: {error}", kind.name()));
        }
        for change in &changes {
            self.carry_out(change);
        }
        // A market that is new, and an event that has an outcome more, bind others.
        if changes.iter().any(|change| matches!(change, Change::Listed(_) | Change::Rules(_))) {
            let catalog = self.directory.catalog().clone();
            let structural = self.directory.relations();
            self.tell_compiler(News::Lists(Box::new(Lists { catalog, structural })));
        }
    }

    fn tell_compiler(&self, news: News) {
        // A compiler that is gone has been reported by its own end.
        let _told = self.compiler.as_ref().is_some_and(|compiler| compiler.send(news).is_ok());
    }

    /// Says what a list says of a market now.
    fn tell_fact(&self, book: BookId) {
        let catalog = self.directory.catalog();
        let fact = catalog.listing(book).zip(catalog.terms(book));
        let fact = fact.map(|(listing, terms)| Fact::of(listing, terms));
        self.tell_compiler(News::Market(book, fact));
    }

    fn carry_out(&mut self, change: &Change) {
        if let Change::Listed(book) = *change {
            if self.compiler.is_some() {
                self.follow(book);
            }
            return;
        }
        let counts = &self.counts;
        match *change {
            Change::Listed(_)
            | Change::Trading(..)
            | Change::Resolved { .. }
            | Change::Oracle(..) => {}
            Change::Grid(book, _)
            | Change::Fee(book, _)
            | Change::Rules(book)
            | Change::Terms(book) => self.tell_fact(book),
        }
        match *change {
            Change::Listed(_) => {}
            Change::Trading(book, trading) => {
                count(&counts.turned);
                self.tell(book, Steer::Trading(book, trading));
            }
            Change::Resolved { book, winner, is_final } => {
                count(&counts.decided);
                self.tell(book, Steer::Resolved { book, winner, is_final });
            }
            Change::Grid(book, grid) => {
                count(&counts.altered);
                self.tell(book, Steer::Grid(book, grid));
            }
            Change::Terms(_) => count(&counts.altered),
            Change::Oracle(book, says) => {
                count(&counts.altered);
                let (source, trust, at) = (Source::Oracle, Trust::Final, Nanos::ZERO);
                self.tell(book, Steer::Said { book, source, says, trust, at });
            }
            Change::Fee(book, fee) => {
                count(&counts.altered);
                self.tell(book, Steer::Fee(book, fee.rates()));
            }
            Change::Rules(book) => {
                // What it asks is not what was compiled: the gate closes.
                count(&counts.altered);
                self.tell(book, Steer::Trading(book, Trading::Halted));
            }
        }
    }

    /// A market that appeared: its feed subscribes it. The evaluator hears of it by a program, with
    /// what binds it; until then its tops belong to no basket.
    fn follow(&mut self, book: BookId) {
        let Some(listing) = self.directory.catalog().listing(book).cloned() else { return };
        let Some(slot) = self.catalog.listings.get_mut(book.index()) else { return };
        *slot = listing.clone();
        count(&self.counts.appeared);
        self.tell(book, Steer::List(Box::new(listing.clone())));
        // Behind the feed, which must know a book before anything is said of it. A desk that is gone has
        // been reported by its own end.
        let _told = self.news_desk.as_ref().is_some_and(|desk| desk.send(listing).is_ok());
    }

    async fn compare_books(&mut self) {
        let books: Vec<BookId> = self.believed();
        for (book, theirs) in self.read_books(&books).await {
            let Ok(ours) = self.shelf.top(book) else { continue };
            count(&self.counts.compared);
            let top =
                TopOfBook { bid: theirs.bids.first().copied(), ask: theirs.asks.first().copied() };
            match self.comparison.judge(book, &ours, top, theirs.ts_venue) {
                Verdict::Fine => {}
                Verdict::Suspect => count(&self.counts.suspects),
                Verdict::Frozen => {
                    count(&self.counts.frozen);
                    self.tell(book, Steer::Freeze(book));
                }
            }
        }
    }

    /// Books that claim to be right.
    fn believed(&self) -> Vec<BookId> {
        let listed = self.catalog.listings.iter().filter(|listing| !listing.is_free());
        let books = listed.map(|listing| listing.book);
        let is_believed = |book: &BookId| {
            let status = self.shelf.top(*book).map(|view| view.stamp.status);
            matches!(status, Ok(BookStatus::Live | BookStatus::Crossed) | Err(_))
        };
        books.filter(is_believed).collect()
    }

    async fn read_books(&mut self, books: &[BookId]) -> Vec<(BookId, RestBook)> {
        let (read, errors) = self.crawler.books(&self.catalog, books).await;
        for (kind, error) in errors {
            self.note(format!("{}: {error}", kind.name()));
        }
        read
    }

    /// Compares the levels of every book, again and again those that move meanwhile.
    async fn compare_for_the_last_time(&mut self) {
        let mut left = self.believed();
        self.ended.books_compared = left.len();
        for reading in 0..FINAL_READINGS {
            let before: Vec<(BookId, Depth)> =
                left.iter().map(|book| (*book, self.depth(*book))).collect();
            let theirs = self.read_books(&left).await;
            left.retain(|book| {
                let Some((_, theirs)) = theirs.iter().find(|(of, _)| of == book) else {
                    return true;
                };
                let before = before.iter().find(|(of, _)| of == book).map(|(_, depth)| depth);
                let is_same = before.is_some_and(|depth| is_same(depth, theirs));
                !is_same && !self::is_same(&self.depth(*book), theirs)
            });
            if left.is_empty() {
                break;
            }
            if reading + 1 < FINAL_READINGS {
                tokio::time::sleep(FINAL_PAUSE).await;
            }
        }
        let names = left.iter().filter_map(|book| self.catalog.listing(*book));
        self.ended.books_different = names.map(|listing| listing.native_market.clone()).collect();
    }

    fn depth(&self, book: BookId) -> Depth {
        let mut depth = Depth::default();
        // A torn reading shows no level and counts as different, until the next one.
        if self.shelf.depth(book, &mut depth).is_err() {
            return Depth::default();
        }
        depth
    }
}

/// Whether the levels that a view shows are the venue's best ones, and all of them where it has room.
fn is_same(ours: &Depth, theirs: &RestBook) -> bool {
    let side = |ours: &[Level], theirs: &[Level]| {
        let shown = theirs.get(..theirs.len().min(dutchbook_book::depth::DEPTH_LEVELS));
        shown.is_some_and(|shown| shown == ours)
    };
    side(ours.levels(Side::Buy), &theirs.bids) && side(ours.levels(Side::Sell), &theirs.asks)
}
