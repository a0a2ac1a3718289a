//! Recorded frames through the real feed: decoder, session and books, in two passes.
//!
//! The first pass surveys the file (which markets, on which grids); the second replays it. Time is
//! the recording's own: when a frame was received, or the venue's stamp where nobody wrote it down.

use std::collections::BTreeSet;

use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::{Book, BookId, BookStatus, Face, Level, Nanos, Price, Qty, Side, Stamp};
use dutchbook_core::clock::Clock;
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_feeds::notice::Sink;
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::session::Limits;

use super::envelope::Frame;
use super::error::ReplayError;
use super::format::Format;
use super::frames::Origin;
use super::progress::Progress;
use super::report::FileReport;
use super::search::Search;
use super::survey::Survey;
use super::{Options, fees, kalshi, polymarket};

/// Grid of a Polymarket market whose prices would fit a coarser one.
const POLYMARKET_STEP: u32 = 1_000;
/// Whole cents are valid on every Kalshi market.
const KALSHI_STEP: u32 = 10_000;

/// Takes what the feed says of books.
#[derive(Debug)]
struct Books {
    has_snapshot: Vec<bool>,
    search: Search,
}

impl Sink for Books {
    fn book_changed(&mut self, id: BookId, book: &Book, stamp: Stamp) {
        // A snapshot leaves the status that awaits one, whatever comes later.
        if stamp.status != BookStatus::AwaitingSnapshot
            && let Some(has_snapshot) = self.has_snapshot.get_mut(id.index())
        {
            *has_snapshot = true;
        }
        self.search.on_book(id, book, stamp);
    }
}

/// Replays a recording of frames.
///
/// # Errors
/// When the file cannot be read to its end, or a line has another shape.
pub fn replay(
    origin: Origin<'_>,
    format: Format,
    options: &Options,
    progress: &mut Progress,
) -> Result<FileReport, ReplayError> {
    let mut survey = Survey::default();
    let has_sidecar = matches!(format, Format::PolymarketSession | Format::PolymarketUtf8);
    if let Some(path) = origin.file().filter(|_| has_sidecar) {
        polymarket::survey_sidecar(&mut survey, path);
    }
    let started = progress.now();
    let has_foreign = look(origin, format, &mut survey, progress)?;
    let mut report = FileReport {
        format: if has_foreign { "kalshi-ws-perpetuals" } else { format.name() },
        messages: survey.messages,
        messages_foreign: survey.messages_foreign,
        kinds: core::mem::take(&mut survey.kinds),
        ..FileReport::default()
    };
    if has_foreign {
        report.sequence_gaps = survey.gaps;
        report.engine_ns = progress.now().since(started).0;
        return Ok(report);
    }
    let catalog = match venue(format) {
        VenueKind::Polymarket => {
            let fee = fees::polymarket(options);
            survey.catalog(VenueKind::Polymarket, POLYMARKET_STEP, fee)?
        }
        VenueKind::Kalshi => {
            let fee = fees::kalshi(options, survey.last);
            survey.catalog(VenueKind::Kalshi, KALSHI_STEP, fee)?
        }
    };
    let mut run = Run::new(format, &catalog, survey.compare_lines())?;
    if let Some(path) = origin.file().filter(|_| format == Format::KalshiFrames) {
        run.start_books = kalshi::start_books(path);
    }
    run.replay(origin, progress)?;
    run.finish(&mut report);
    Ok(report)
}

const fn venue(format: Format) -> VenueKind {
    match format {
        Format::KalshiFrames | Format::KalshiDepth | Format::KalshiEvents => VenueKind::Kalshi,
        Format::PolymarketUtf8
        | Format::PolymarketFrames
        | Format::PolymarketSession
        | Format::PairTape
        | Format::PairPolls => VenueKind::Polymarket,
    }
}

/// The first pass. Returns whether the file holds books of another product.
fn look(
    origin: Origin<'_>,
    format: Format,
    survey: &mut Survey,
    progress: &mut Progress,
) -> Result<bool, ReplayError> {
    let mut frames = origin.open()?;
    let mut has_foreign = false;
    let mut number = frames.line();
    while let Some(frame) = frames.next_frame(format)? {
        number += 1;
        survey.messages = survey.messages.saturating_add(1);
        let taken = frame.and_then(|frame| match (&frame.foreign, venue(format)) {
            (Some(source), _) => {
                survey.messages_foreign = survey.messages_foreign.saturating_add(1);
                survey.count(source);
                Ok(())
            }
            (None, VenueKind::Polymarket) => {
                let is_bare = format == Format::PolymarketFrames;
                polymarket::survey(survey, number, &frame.payload, frame.ts_recv, is_bare)
            }
            (None, VenueKind::Kalshi) => {
                let nature = kalshi::survey(survey, number, &frame.payload)?;
                has_foreign |= nature == kalshi::Nature::Foreign;
                Ok(())
            }
        });
        let at = frames.line();
        taken.map_err(|reason| ReplayError::BadLine { line: at, format: format.name(), reason })?;
        frames.tick(progress, survey.messages);
    }
    Ok(has_foreign)
}

/// The second pass.
struct Run {
    format: Format,
    feed: Feed,
    books: Books,
    natives: Vec<String>,
    room: PayloadBuf,
    clock: Clock,
    now: Nanos,
    compare_lines: BTreeSet<u64>,
    agrees: Option<bool>,
    /// Books that another channel read at the start and the stream has not yet sent.
    start_books: Vec<kalshi::Bids>,
    start_agrees: Option<bool>,
    engine_ns: u64,
}

impl Run {
    fn new(
        format: Format,
        catalog: &Catalog,
        compare_lines: BTreeSet<u64>,
    ) -> Result<Self, ReplayError> {
        let kind = venue(format);
        let config = FeedConfig { limits: patient(kind), ..FeedConfig::of(kind) };
        let feed = Feed::new(kind, &catalog.listings, config)
            .map_err(|error| ReplayError::Setup(error.to_string()))?;
        Ok(Self {
            format,
            feed,
            books: Books {
                has_snapshot: vec![false; catalog.listings.len()],
                search: Search::new(catalog)?,
            },
            natives: catalog.listings.iter().map(|one| one.native_market.clone()).collect(),
            room: PayloadBuf::with_capacity(1 << 16),
            clock: Clock::new(),
            now: Nanos::ZERO,
            compare_lines,
            agrees: None,
            start_books: Vec::new(),
            start_agrees: None,
            engine_ns: 0,
        })
    }

    fn replay(&mut self, origin: Origin<'_>, progress: &mut Progress) -> Result<(), ReplayError> {
        let mut frames = origin.open()?;
        let (mut number, mut messages) = (0, 0);
        self.feed.on_connect(self.now, &mut self.books);
        while let Some(frame) = frames.next_frame(self.format)? {
            number += 1;
            messages += 1;
            // The survey has read every line: an error here would be a file that changes meanwhile.
            if let Ok(frame) = frame
                && frame.foreign.is_none()
            {
                self.deliver(number, &frame);
            }
            frames.tick(progress, messages);
        }
        self.feed.finish(self.now, &mut self.books);
        Ok(())
    }

    fn deliver(&mut self, number: u64, frame: &Frame<'_>) {
        let stated = || match venue(self.format) {
            VenueKind::Polymarket => polymarket::ts_venue(&frame.payload),
            VenueKind::Kalshi => kalshi::ts_venue(&frame.payload),
        };
        self.now = self.now.max(frame.ts_recv.or_else(stated).unwrap_or(self.now));
        if self.compare_lines.contains(&number) {
            self.compare(&frame.payload);
        }
        let started = self.clock.now();
        self.feed.on_payload(frame.payload.as_bytes(), &mut self.room, self.now, &mut self.books);
        let feed = &self.feed;
        self.books.search.evaluate(self.now, |id| feed.book(id));
        self.engine_ns = self.engine_ns.saturating_add(self.clock.now().since(started).0);
        if !self.start_books.is_empty() {
            self.compare_start(&frame.payload);
        }
        // Nobody listens to commands; taking them keeps the outbox short.
        while self.feed.next_command().is_some() {}
    }

    /// Compares the levels that deltas left with the snapshot that is about to replace them.
    fn compare(&mut self, payload: &str) {
        let agrees = match venue(self.format) {
            VenueKind::Polymarket => self.compare_polymarket(payload),
            VenueKind::Kalshi => self.compare_kalshi(payload),
        };
        if let Some(agrees) = agrees {
            self.agrees = Some(self.agrees.unwrap_or(true) && agrees);
        }
    }

    fn compare_polymarket(&self, payload: &str) -> Option<bool> {
        let polymarket::Split::Messages(messages, _) = polymarket::split(payload) else {
            return None;
        };
        let message = messages.first()?;
        let instrument = self.feed.ids().get(message.face()?.as_bytes())?;
        let book = self.feed.book(instrument.book())?;
        let (bids, asks) = message.book();
        let face = instrument.face();
        Some(
            same(book, face, Side::Buy, polymarket::exact_levels(&bids))
                && same(book, face, Side::Sell, polymarket::exact_levels(&asks)),
        )
    }

    fn compare_kalshi(&self, payload: &str) -> Option<bool> {
        self.equals(kalshi::snapshot(payload)?)
    }

    fn equals(&self, snapshot: kalshi::Bids) -> Option<bool> {
        let at = self.natives.iter().position(|native| *native == snapshot.ticker)?;
        let book = self.feed.book(BookId(u32::try_from(at).ok()?))?;
        Some(
            same(book, Face::Yes, Side::Buy, snapshot.yes)
                && same(book, Face::No, Side::Buy, snapshot.no),
        )
    }

    /// Compares the book that the first snapshot of a market made with the one read beside it.
    fn compare_start(&mut self, payload: &str) {
        let Some(ticker) = kalshi::snapshot(payload).map(|snapshot| snapshot.ticker) else {
            return;
        };
        let Some(at) = self.start_books.iter().position(|book| book.ticker == ticker) else {
            return;
        };
        let read = self.start_books.swap_remove(at);
        let Some(agrees) = self.equals(read) else { return };
        self.start_agrees = Some(self.start_agrees.unwrap_or(true) && agrees);
    }

    fn finish(self, report: &mut FileReport) {
        let counters = self.feed.counters();
        let books = self.books.has_snapshot.iter().filter(|has| **has).count();
        report.books = u64::try_from(books).unwrap_or(u64::MAX);
        let lives = self.books.search.finish();
        report.opportunities_gross = Some(lives.gross_count());
        report.opportunities = lives.finish();
        report.sequence_gaps = counters.gaps;
        report.crossed = counters.crossed;
        report.negative = counters.negative;
        report.refused = counters.decode_errors;
        report.final_snapshot_agrees = self.agrees;
        report.start_snapshots_agree = self.start_agrees;
        report.engine_ns = self.engine_ns;
    }
}

/// Limits for a recording: its silences and delays are the recorder's, and nobody can be asked for
/// a snapshot.
fn patient(kind: VenueKind) -> Limits {
    let never = Nanos(u64::MAX);
    Limits {
        silence_ns_max: never,
        data_silence_ns_max: never,
        lag_ns_max: never,
        ..Limits::of(kind)
    }
}

/// Whether one side of a book, as a face shows it, holds exactly these levels.
fn same(book: &Book, face: Face, side: Side, mut levels: Vec<(Price, Qty)>) -> bool {
    let (kept, mirrored) = match face {
        Face::Yes => (side, false),
        Face::No => (side.other(), true),
    };
    let mut found: Vec<(Price, Qty)> = book
        .ladder(kept)
        .iter()
        .map(|(tick, qty)| {
            let level = Level { price: book.grid().price_of(tick), qty };
            let level = if mirrored { level.mirrored() } else { level };
            (level.price, level.qty)
        })
        .collect();
    found.sort_unstable();
    levels.sort_unstable();
    found == levels
}
