//! What a hundred thousand instruments cost: fifty thousand two-faced books of twenty levels a side,
//! held by a feed, published on a shelf, watched by an engine with every relation that their structure
//! states. 60 % have a tick of 0.01, 38 % of 0.001, 2 % of 0.0001.
//!
//! The figure is the resident memory of the whole process at the end (`VmHWM` is its highest), read
//! from the kernel; the test fails at two gibibytes. `MEMORY_BOOKS` takes another number of books.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::shelf::Shelf;
use dutchbook_book::{BookId, BookStatus, Cash, Grid, Nanos, Price, Qty, Rate};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::engine::Engine;
use dutchbook_core::journal::journal;
use dutchbook_core::relation::structural;
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_feeds::payload::PayloadBuf;

const BOOKS: u32 = 50_000;
const OUTCOMES: u32 = 10;
const LEVELS: u32 = 20;
const RESIDENT_MAX: u64 = 2 << 30;
const NOW: Nanos = Nanos::from_secs(1_790_766_000);

/// The step of a book's grid, in 1e-6.
const fn step(book: u32) -> u32 {
    match book % 100 {
        0..60 => 10_000,
        60..98 => 1_000,
        _ => 100,
    }
}

/// A token of 77 digits, as most have.
fn token(book: u32, face: u32) -> String {
    let number = u64::from(book * 2 + face).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{number:020}{:037}{number:020}", 7 + book)
}

/// Events of ten outcomes, exactly one of which comes true.
fn catalog(books: u32) -> Catalog {
    let mut catalog = Catalog::default();
    let venue = catalog.add_venue(VenueKind::Polymarket);
    let mut event = None;
    for book in 0..books {
        if book % OUTCOMES == 0 {
            event = Some(catalog.add_event("Who will win the final?", EventLaw::Partition));
        }
        let condition = catalog.add_condition(event.unwrap(), "An outcome with its name");
        catalog.add_listing(Listing {
            native_market: format!("0x{book:064x}"),
            native_faces: Some([token(book, 0), token(book, 1)]),
            name: "Will an outcome with its name win the final?".to_owned(),
            lot: Qty::from_centi(1).unwrap(),
            min_notional: Cash::ONE,
            fee: FeeSchedule::polymarket(Rate::from_ppm(40_000).unwrap(), 1),
            can_split: true,
            ..Listing::plain(
                VenueKind::Polymarket,
                venue,
                condition,
                Grid::uniform(Price::from_micro(step(book)).unwrap()).unwrap(),
            )
        });
    }
    catalog
}

/// A book of twenty levels a side around a tenth, best last, as the venue writes it.
fn message(book: u32, text: &mut String) {
    text.clear();
    let decimals = match step(book) {
        10_000 => 2,
        1_000 => 3,
        _ => 4,
    };
    let unit = 10_u32.pow(decimals);
    // Far enough from the ends that twenty ticks fit on each side, whatever the tick.
    let middle = unit * 3 / 10;
    let digits = usize::try_from(decimals).unwrap();
    let side = |text: &mut String, price: &dyn Fn(u32) -> u32| {
        for level in 0..LEVELS {
            let gap = if level == 0 { "" } else { "," };
            let (price, size) = (price(level), 100 + level * 7);
            write!(text, r#"{gap}{{"price":"0.{price:0digits$}","size":"{size}"}}"#).unwrap();
        }
    };
    write!(text, r#"{{"market":"0x{book:064x}","asset_id":"{}","bids":["#, token(book, 0)).unwrap();
    side(text, &|level| middle - LEVELS + level);
    text.push_str(r#"],"asks":["#);
    side(text, &|level| middle + LEVELS - level);
    let hash = "0123456789abcdef0123456789abcdef01234567";
    write!(text, r#"],"hash":"{hash}","timestamp":"1790766000000","event_type":"book"}}"#).unwrap();
}

/// A line of `/proc/self/status` in bytes.
fn kernel_says(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[test]
fn a_hundred_thousand_instruments_fit_into_two_gibibytes() {
    let books = std::env::var("MEMORY_BOOKS").ok().and_then(|text| text.parse().ok());
    let books: u32 = books.unwrap_or(BOOKS);
    let Some(before) = kernel_says("VmRSS") else {
        println!("no /proc/self/status here: skipped");
        return;
    };
    let catalog = catalog(books);
    let listed = kernel_says("VmRSS").unwrap();
    let mut shelf = Shelf::new(catalog.listings.len());
    let reader = shelf.reader();
    let (journal_writer, _journal) = journal(8, 1_024);
    let mut config = Config::parse("").unwrap().engine();
    config.trades = false;
    let kill = KillSwitch::default();
    let relations = structural(&catalog);
    let count = relations.len();
    let mut feed =
        Feed::new(VenueKind::Polymarket, &catalog.listings, FeedConfig::of(VenueKind::Polymarket))
            .unwrap();
    let ids: Vec<BookId> = catalog.listings.iter().map(|listing| listing.book).collect();
    let engine =
        Engine::new(catalog, relations, &config, shelf.reader(), journal_writer, kill).unwrap();
    let writer = shelf.writer_of(ids.iter().copied()).unwrap();
    let mut out = Publisher::new(writer, Route::Inline(Box::new(engine)), Clock::new());
    out.before(VenueKind::Polymarket, NOW);
    feed.on_connect(NOW, &mut out);
    while feed.next_command().is_some() {}
    let (mut text, mut room) = (String::new(), PayloadBuf::with_capacity(1 << 14));
    for book in 0..books {
        message(book, &mut text);
        feed.on_payload(text.as_bytes(), &mut room, NOW, &mut out);
        if let Some(engine) = out.engine_mut() {
            engine.evaluate(NOW);
        }
    }
    let live = ids
        .iter()
        .filter(|id| reader.top(**id).is_ok_and(|view| view.stamp.status == BookStatus::Live));
    assert_eq!(live.count(), ids.len(), "every book is whole and published");
    let resident = kernel_says("VmRSS").unwrap();
    let highest = kernel_says("VmHWM").unwrap();
    let instruments = u64::from(books) * 2;
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{instruments} instruments in {books} books, {LEVELS} levels a side, {count} relations: \
         resident {} MiB (highest {} MiB), of which catalog {} MiB; {} bytes an instrument",
        mib(resident),
        mib(highest),
        mib(listed.saturating_sub(before)),
        resident.saturating_sub(before) / instruments,
    );
    assert!(highest < RESIDENT_MAX, "{} MiB", mib(highest));
}
