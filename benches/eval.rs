//! Cost of one changed top of book in the evaluator, against the re-evaluation of its group.
//!
//! Markets are events of ten outcomes (a long and a short basket each) and pairs listed on two
//! venues (two baskets each); every event changes the top of a random book, and both sides add up
//! the same baskets with the same fees. The baseline keeps quotes in a `HashMap` of `rust_decimal`
//! numbers and sums the whole group, as most published bots do. Both run interleaved in one
//! process, batch by batch; a ratio is the median of the paired ratios. Hot loop: caches and
//! predictors are warm, so that a paced event costs more on either side.
//!
//! Bars: at most 10 ns per event at 1 k instruments and 40 ns at 100 k.
//!
//! A second table holds the number of books still and changes how many outcomes share an event: an
//! event of 128 outcomes costs what one of two costs. Its bar is twice the smallest row.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench measures times, prints a table and runs the usual hash map as its baseline"
)]

use core::hint::black_box;
use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{
    BookId, BookStatus, ConditionId, Grid, Level, Price, Qty, Rate, Stamp, TopOfBook, TopUpdate,
    VenueId,
};
use dutchbook_core::eval::watch::Watch;
use dutchbook_core::relation::structural;
use rust_decimal::Decimal;
use std::collections::HashMap;
use std::time::Instant;

const OUTCOMES: u32 = 10;
const STREAM: usize = 1 << 16;
const BATCH: usize = 1 << 12;
const DRAINED: usize = 1 << 9;
const ROUNDS: usize = 60;
const FEE_PPM: u32 = 40_000;
/// Books of the table by outcomes.
const SHARED_BOOKS: u32 = 1_024;

/// xorshift64*: the same stream on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % bound
    }
}

/// One changed top, in thousandths.
#[derive(Clone, Copy)]
struct Change {
    book: u32,
    bid: u16,
    ask: u16,
}

fn list(catalog: &mut Catalog, venue: VenueId, condition: ConditionId, step: u32) {
    catalog.add_listing(Listing {
        lot: Qty::from_centi(1).unwrap(),
        fee: FeeSchedule::polymarket(Rate::from_ppm(FEE_PPM).unwrap(), 1),
        ..Listing::plain(
            VenueKind::Polymarket,
            venue,
            condition,
            Grid::uniform(Price::from_micro(step).unwrap()).unwrap(),
        )
    });
}

/// Four fifths of the books in events of ten outcomes, one fifth in pairs on two venues.
fn catalog(instruments: u32) -> (Catalog, Vec<u16>) {
    let mut catalog = Catalog::default();
    let mut fair = Vec::new();
    let venues = [VenueKind::Polymarket, VenueKind::Kalshi].map(|kind| catalog.add_venue(kind));
    let books = instruments / 2;
    for _ in 0..books * 4 / 5 / OUTCOMES {
        let event = catalog.add_event("event", EventLaw::Partition);
        for _ in 0..OUTCOMES {
            let condition = catalog.add_condition(event, "outcome");
            list(&mut catalog, venues[0], condition, 1_000);
        }
        fair.resize(catalog.listings.len(), 100);
    }
    for pair in 0..books / 10 {
        let event = catalog.add_event("pair", EventLaw::Independent);
        let condition = catalog.add_condition(event, "question");
        list(&mut catalog, venues[0], condition, 1_000);
        list(&mut catalog, venues[1], condition, 10_000);
        fair.extend([200 + u16::try_from(pair % 60).unwrap() * 10; 2]);
    }
    (catalog, fair)
}

/// Tops around the fair price: rarely an opportunity, as on a real day.
fn stream(catalog: &Catalog, fair: &[u16]) -> Vec<Change> {
    let mut random = Random(42);
    let books = u32::try_from(fair.len()).unwrap();
    let one = |book: u32, random: &mut Random| {
        let at = fair[book as usize];
        let step = u16::try_from(catalog.listings[book as usize].grid.step() / 1_000).unwrap();
        let mut away = || u16::try_from(1 + random.below(6)).unwrap() * step;
        let (below, above) = (away(), away());
        // One top in 512 strays far enough to break a law.
        let stray = if random.below(512) == 0 { 90 } else { 0 };
        Change { book, bid: at - below - stray, ask: (at + above - stray).max(step) }
    };
    (0..STREAM)
        .map(|_| {
            let book = random.below(books);
            one(book, &mut random)
        })
        .collect()
}

fn update(change: Change) -> TopUpdate {
    let level = |thousandths: u16| {
        Price::from_micro(u32::from(thousandths) * 1_000)
            .map(|price| Level { price, qty: Qty::ONE })
    };
    TopUpdate {
        book: BookId(change.book),
        top: TopOfBook { bid: level(change.bid), ask: level(change.ask) },
        stamp: Stamp { status: BookStatus::Live, ..Stamp::default() },
    }
}

/// The usual bot: quotes by name in a map, the group summed in decimals on every change.
struct Naive {
    quotes: HashMap<u32, (Decimal, Decimal)>,
    groups_of: HashMap<u32, usize>,
    groups: Vec<Vec<u32>>,
    fee: Decimal,
    found: u64,
}

impl Naive {
    fn new(catalog: &Catalog) -> Self {
        let mut naive = Self {
            quotes: HashMap::new(),
            groups_of: HashMap::new(),
            groups: Vec::new(),
            fee: Decimal::new(i64::from(FEE_PPM), 6),
            found: 0,
        };
        naive.groups.resize(catalog.events.len(), Vec::new());
        for listing in &catalog.listings {
            let group = catalog.conditions[listing.condition.index()].event.index();
            naive.groups[group].push(listing.book.0);
            naive.groups_of.insert(listing.book.0, group);
        }
        naive
    }

    fn cost(&self, price: Decimal) -> Decimal {
        price + self.fee * price * (Decimal::ONE - price)
    }

    fn on_change(&mut self, change: Change) {
        let quote = (Decimal::new(change.bid.into(), 3), Decimal::new(change.ask.into(), 3));
        self.quotes.insert(change.book, quote);
        let group = &self.groups[self.groups_of[&change.book]];
        let quotes: Option<Vec<_>> = group.iter().map(|book| self.quotes.get(book)).collect();
        let Some(quotes) = quotes else { return };
        let long = |ask: Decimal| self.cost(ask);
        let short = |bid: Decimal| self.cost(Decimal::ONE - bid);
        let found = if let [p, k] = quotes[..] {
            long(p.1) + short(k.0) < Decimal::ONE || long(k.1) + short(p.0) < Decimal::ONE
        } else {
            let longs: Decimal = quotes.iter().map(|quote| long(quote.1)).sum();
            let shorts: Decimal = quotes.iter().map(|quote| short(quote.0)).sum();
            longs < Decimal::ONE || shorts < Decimal::from(quotes.len() - 1)
        };
        self.found += u64::from(found);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Both sides at work on the same updates.
struct Row {
    watch: Watch,
    naive: Naive,
    taken: usize,
}

impl Row {
    /// One batch of each, in rotating order: nanoseconds per event of ours and of theirs. The
    /// updates lie in a buffer as they do in a ring that was just drained.
    fn round(
        &mut self,
        round: usize,
        stream: &[Change],
        buffer: &mut Vec<TopUpdate>,
    ) -> (f64, f64) {
        let (mut own, mut other) = (0.0, 0.0);
        for turn in 0..2 {
            if (turn + round).is_multiple_of(2) {
                own = self.ours(stream, buffer);
            } else {
                let batch = stream.chunks(BATCH).cycle().nth(round).unwrap();
                let start = Instant::now();
                batch.iter().for_each(|&change| self.naive.on_change(change));
                other = start.elapsed().as_nanos() as f64 / batch.len() as f64;
            }
        }
        (own, other)
    }

    /// The whole stream once without the clock, for the baseline has emptied the caches; then once
    /// with it.
    fn ours(&mut self, stream: &[Change], buffer: &mut Vec<TopUpdate>) -> f64 {
        let mut spent = 0.0;
        for pass in 0..2 {
            for batch in stream.chunks(DRAINED) {
                buffer.clear();
                buffer.extend(batch.iter().copied().map(update));
                let start = Instant::now();
                self.watch.on_tops(black_box(buffer));
                self.taken += self.watch.candidates().count();
                spent += f64::from(pass) * start.elapsed().as_nanos() as f64;
            }
        }
        spent / stream.len() as f64
    }
}

fn row(instruments: u32, bar: f64) {
    let (catalog, fair) = catalog(instruments);
    let stream = stream(&catalog, &fair);
    let watch = Watch::new(&catalog, structural(&catalog)).unwrap();
    let mut row = Row { watch, naive: Naive::new(&catalog), taken: 0 };
    for book in 0..u32::try_from(fair.len()).unwrap() {
        let at = fair[book as usize];
        let change = Change { book, bid: at - 10, ask: at + 10 };
        row.watch.on_top(&update(change));
        row.naive.on_change(change);
    }
    let (mut own, mut other, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut buffer = Vec::with_capacity(DRAINED);
    for round in 0..ROUNDS {
        let (a, b) = row.round(round, &stream, &mut buffer);
        // The first rounds warm up.
        if round >= 4 {
            own.push(a);
            other.push(b);
            ratios.push(b / a);
        }
    }
    let (own, other) = (median(own), median(other));
    let verdict = if own <= bar { "met" } else { "MISSED" };
    println!(
        "{instruments:>11} {:>8} {own:>9.1} {other:>12.1} {:>7.0}x {bar:>6.0} {verdict}   \
         (opportunities taken {}, seen by the baseline {})",
        catalog.listings.len(),
        median(ratios),
        row.taken,
        row.naive.found
    );
}

/// Books of one venue in events of so many outcomes, their tops a tick or three from the fair price.
fn of_outcomes(outcomes: u32) -> (Watch, Vec<TopUpdate>) {
    let mut catalog = Catalog::default();
    let venue = catalog.add_venue(VenueKind::Polymarket);
    for _ in 0..SHARED_BOOKS / outcomes {
        let event = catalog.add_event("event", EventLaw::Partition);
        for _ in 0..outcomes {
            let condition = catalog.add_condition(event, "outcome");
            list(&mut catalog, venue, condition, 1_000);
        }
    }
    let fair = u16::try_from(1_000 / outcomes).unwrap();
    let mut random = Random(7);
    let mut top = |book: u32| {
        let mut away = || u16::try_from(1 + random.below(3)).unwrap();
        update(Change { book, bid: fair - away(), ask: fair + away() })
    };
    let mut watch = Watch::new(&catalog, structural(&catalog)).unwrap();
    (0..SHARED_BOOKS).for_each(|book| watch.on_top(&top(book)));
    let mut order = Random(11);
    let updates = (0..STREAM).map(|_| top(order.below(SHARED_BOOKS))).collect();
    (watch, updates)
}

/// One row per number of outcomes, all of them interleaved round by round.
fn outcomes_table() {
    let counts = [2, 8, 32, 128];
    let mut rows: Vec<(Watch, Vec<TopUpdate>, Vec<f64>)> = counts
        .map(of_outcomes)
        .map(|(watch, updates)| (watch, updates, Vec::with_capacity(ROUNDS)))
        .into();
    for round in 0..ROUNDS {
        for (watch, updates, times) in &mut rows {
            let start = Instant::now();
            for batch in updates.chunks(DRAINED) {
                watch.on_tops(black_box(batch));
                black_box(watch.candidates().count());
            }
            if round >= 4 {
                times.push(start.elapsed().as_nanos() as f64 / STREAM as f64);
            }
        }
    }
    println!("\noutcomes of an event  ns per event  {SHARED_BOOKS} books");
    let medians: Vec<f64> = rows.into_iter().map(|(.., times)| median(times)).collect();
    let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
    for (count, ns) in counts.iter().zip(medians) {
        let verdict = if ns <= least * 2.0 { "met" } else { "MISSED" };
        println!("{count:>20} {ns:>13.1}  {verdict}");
    }
}

fn main() {
    println!(
        "evaluate one changed top of book, ns per event, hot loop, medians of {ROUNDS} rounds"
    );
    println!("instruments    books      ours  map+decimal   ratio    bar");
    row(1_000, 10.0);
    row(10_000, 40.0);
    row(100_000, 40.0);
    outcomes_table();
}
