//! Books, views and rings against the usual structures, and the hand-off between two cores against
//! what the cores themselves allow.
//!
//! `cargo bench -p dutchbook-benches --bench book`. All candidates of a row run interleaved in one
//! process, round by round; a figure is the median of the paired rounds. The one-way hand-off is
//! half a round trip between two pinned threads that spin; its floor, a cache line that two cores
//! pass to and fro, is measured in the same round, for it jumps by a factor of four with the
//! placement of the virtual cores.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a bench measures times, prints tables and names a mutex as a baseline"
)]

use core::hint::{black_box, spin_loop};
use crossbeam::channel::bounded;
use crossbeam::utils::CachePadded;
use dutchbook_book::ring::Ring;
use dutchbook_book::shelf::{Shelf, ShelfReader, ShelfWriter};
use dutchbook_book::{
    Book, BookId, Depth, Face, Grid, Level, Nanos, Price, Qty, Side, TopOfBook, TopUpdate,
};
use dutchbook_core::clock::Clock;
use dutchbook_core::pin::pin_to;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use support::{Candidate, Paired, Random, Table, median, paired};

/// As in the binary.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 20_261_122;
const STREAM: usize = 1 << 16;
const ROUNDS: usize = 61;
const COUNT: usize = 1 << 13;

/// One changed level of one book as a decoder hands it over; a quantity of zero removes it.
#[derive(Clone, Copy)]
struct Change {
    book: u32,
    side: Side,
    price: Price,
    qty: Qty,
}

/// Levels within forty ticks of the middle, a quarter of the changes remove one: books of some
/// thirty levels a side whose best moves every few changes.
fn stream(books: u64) -> Vec<Change> {
    let mut random = Random::new(SEED);
    (0..STREAM)
        .map(|_| {
            let away = u32::try_from(random.below(40)).unwrap();
            let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let tick = if side == Side::Buy { 499 - away } else { 500 + away };
            let contracts = if random.below(4) == 0 { 0 } else { 1 + random.below(999) };
            Change {
                book: u32::try_from(random.below(books)).unwrap(),
                side,
                price: Price::from_micro(tick * 1_000).unwrap(),
                qty: Qty::from_contracts(contracts).unwrap(),
            }
        })
        .collect()
}

fn grid() -> Grid {
    Grid::uniform(Price::from_micro(1_000).unwrap()).unwrap()
}

fn apply(book: &mut Book, change: Change) -> TopOfBook {
    let set = book.set_level(Face::Yes, change.side, change.price, change.qty);
    debug_assert!(set.is_ok());
    book.top()
}

/// Both sides as ordered maps of micro prices.
#[derive(Clone, Default)]
struct Maps {
    bids: BTreeMap<u32, u64>,
    asks: BTreeMap<u32, u64>,
}

impl Maps {
    fn apply(&mut self, change: Change) -> [Option<(u32, u64)>; 2] {
        let side = if change.side == Side::Buy { &mut self.bids } else { &mut self.asks };
        if change.qty.is_zero() {
            side.remove(&change.price.micro());
        } else {
            side.insert(change.price.micro(), change.qty.micro());
        }
        let pair = |level: (&u32, &u64)| (*level.0, *level.1);
        [self.bids.last_key_value().map(pair), self.asks.first_key_value().map(pair)]
    }
}

fn plain(level: Option<Level>) -> Option<(u32, u64)> {
    level.map(|level| (level.price.micro(), level.qty.micro()))
}

/// Uses both best levels.
fn digest(best: [Option<(u32, u64)>; 2]) -> u64 {
    best.iter().flatten().fold(0, |sum, (price, qty)| sum ^ u64::from(*price) ^ qty)
}

/// A changed level and the best of both sides read afterwards.
fn updates(books: u64) -> Paired {
    let stream = stream(books);
    let count = usize::try_from(books).unwrap();
    let mut ours = vec![Book::new(grid()); count];
    let mut maps = vec![Maps::default(); count];
    ours.iter_mut().for_each(Book::begin_snapshot);
    for change in &stream {
        let (at, change) = (change.book as usize, *change);
        let top = apply(&mut ours[at], change);
        assert_eq!([plain(top.bid), plain(top.ask)], maps[at].apply(change));
    }
    let mut candidates = [
        Candidate::new("dutchbook", |n| {
            let change = stream[n % STREAM];
            let top = apply(&mut ours[change.book as usize], change);
            digest([plain(top.bid), plain(top.ask)])
        }),
        Candidate::new("BTreeMap<u32, u64>", |n| {
            let change = stream[n % STREAM];
            digest(maps[change.book as usize].apply(change))
        }),
    ];
    paired(&mut candidates, ROUNDS, COUNT)
}

/// A book of forty levels a side, more than a view shows.
fn published_book() -> Book {
    let mut book = Book::new(grid());
    book.begin_snapshot();
    for change in stream(1).iter().take(200) {
        apply(&mut book, Change { qty: change.qty.max(Qty::ONE), ..*change });
    }
    book.commit(Nanos(1), Nanos(1));
    book
}

/// The same as a top line shows.
type Guarded = CachePadded<Mutex<TopUpdate>>;
/// All that a publication shows.
type GuardedDepth = CachePadded<Mutex<(TopUpdate, Depth)>>;

/// Whole publications of one book beside a mutex that guards its top, and reads of both.
struct Views {
    writer: ShelfWriter,
    reader: ShelfReader,
    book: Book,
    first: TopUpdate,
    lock: Guarded,
    depth_lock: GuardedDepth,
    /// Which of the two a hammering reader reads.
    reads_lock: AtomicBool,
    done: AtomicBool,
}

impl Views {
    fn new() -> Self {
        let mut shelf = Shelf::new(1);
        let mut writer = shelf.writer_of([BookId(0)]).unwrap();
        let book = published_book();
        let first = writer.publish(BookId(0), &book);
        let lock = CachePadded::new(Mutex::new(first));
        let depth_lock = CachePadded::new(Mutex::new((first, Depth::default())));
        let reader = shelf.reader();
        let (reads_lock, done) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { writer, reader, book, first, lock, depth_lock, reads_lock, done }
    }

    /// Publications, each behind a changed level or behind none.
    fn writes(&mut self, is_changed: bool, is_hammered: bool) -> Paired {
        let Self { writer, reader, book, first, lock, depth_lock, reads_lock, done } = self;
        let (lock, depth_lock, reads_lock, done) = (&*lock, &*depth_lock, &*reads_lock, &*done);
        let (ours, top_only, all) = (&mut book.clone(), &mut book.clone(), &mut *book);
        let stream = stream(1);
        let change = |book: &mut Book, n: usize| {
            if is_changed {
                black_box(apply(book, stream[n % STREAM]));
            }
            book.commit(Nanos(1), Nanos(n as u64))
        };
        // The flag is stored when it changes only: the reader polls its line.
        let turn_to = |is_lock: bool| {
            if reads_lock.load(Ordering::Relaxed) != is_lock {
                reads_lock.store(is_lock, Ordering::Relaxed);
            }
        };
        let mut candidates = [
            Candidate::new("dutchbook", |n| {
                turn_to(false);
                change(ours, n);
                writer.publish(BookId(0), ours).stamp.version
            }),
            Candidate::new("std Mutex, top only", |n| {
                turn_to(true);
                let stamp = change(top_only, n);
                *lock.lock().unwrap() = TopUpdate { top: top_only.top(), stamp, ..*first };
                stamp.version
            }),
            Candidate::new("std Mutex, top and depth", |n| {
                turn_to(true);
                let stamp = change(all, n);
                let mut shown = depth_lock.lock().unwrap();
                shown.0 = TopUpdate { book: BookId(0), top: all.top(), stamp };
                all.copy_depth(&mut shown.1);
                stamp.version
            }),
        ];
        std::thread::scope(|scope| {
            if is_hammered {
                scope.spawn(|| hammer(reader, lock, reads_lock, done));
            }
            let paired = paired(&mut candidates, ROUNDS, COUNT);
            done.store(true, Ordering::Relaxed);
            paired
        })
    }

    fn reads(&self) -> Paired {
        let mut candidates = [
            Candidate::new("dutchbook", |_| {
                self.reader.top(BookId(0)).map_or(0, |view| view.stamp.version)
            }),
            Candidate::new("std Mutex, top only", |_| self.lock.lock().unwrap().stamp.version),
        ];
        paired(&mut candidates, ROUNDS, COUNT)
    }

    fn depth_reads(&self) -> Paired {
        self.book.copy_depth(&mut self.depth_lock.lock().unwrap().1);
        let [mut ours, mut theirs] = [Depth::default(); 2];
        let mut candidates = [
            Candidate::new("dutchbook", |_| {
                assert!(self.reader.depth(BookId(0), &mut ours).is_ok());
                black_box(&ours).stamp.version
            }),
            Candidate::new("std Mutex, top and depth", |_| {
                theirs = self.depth_lock.lock().unwrap().1;
                black_box(&theirs).stamp.version
            }),
        ];
        paired(&mut candidates, ROUNDS, COUNT)
    }
}

/// Reads without a pause what is being written now.
fn hammer(reader: &ShelfReader, lock: &Guarded, reads_lock: &AtomicBool, done: &AtomicBool) {
    let _pinned = pin_to(0);
    while !done.load(Ordering::Relaxed) {
        if reads_lock.load(Ordering::Relaxed) {
            black_box(lock.lock().unwrap().stamp.version);
        } else {
            black_box(reader.top(BookId(0)).is_ok());
        }
    }
}

/// Round trips of one slice and hand-off.
const TRIPS: u64 = 2_000;
const HANDOFF_ROUNDS: usize = 81;

/// One way of passing something to the other core and back, as two loops of `TRIPS` turns.
fn one_way(
    clock: &Clock,
    mut ping: impl FnMut(u64) + Send,
    mut pong: impl FnMut(u64) + Send,
) -> f64 {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _pinned = pin_to(0);
            (1..=TRIPS).for_each(&mut pong);
        });
        let timed = scope.spawn(move || {
            let _pinned = pin_to(1);
            // The first trip waits for the other thread to start. Trips that the host disturbed are
            // long: the median of small groups leaves them out.
            ping(1);
            let groups = (0..(TRIPS - 1) / 50).map(|group| {
                let start = clock.now();
                (0..50).for_each(|trip| ping(2 + group * 50 + trip));
                clock.now().since(start).0 as f64 / 100.0
            });
            let spans = median(groups.collect());
            // The rest, so that the other side ends.
            (2 + (TRIPS - 1) / 50 * 50..=TRIPS).for_each(&mut ping);
            spans
        });
        timed.join().unwrap()
    })
}

/// The floor: one cache line that holds a number.
fn raw(clock: &Clock) -> f64 {
    let lines = [(); 2].map(|()| CachePadded::new(AtomicU64::new(0)));
    let [there, back] = &lines;
    let wait = |line: &AtomicU64, trip: u64| {
        while line.load(Ordering::Acquire) != trip {
            spin_loop();
        }
    };
    let ping = |trip| {
        there.store(trip, Ordering::Release);
        wait(back, trip);
    };
    let pong = |trip| {
        wait(there, trip);
        back.store(trip, Ordering::Release);
    };
    one_way(clock, ping, pong)
}

fn ring(clock: &Clock) -> f64 {
    let (mut there, mut at_there) = Ring::<TopUpdate>::new(1_024);
    let (mut back, mut at_back) = Ring::<TopUpdate>::new(1_024);
    let update = |trip: u64| {
        let mut update = TopUpdate::default();
        update.stamp.version = trip;
        update
    };
    let ping = move |trip| {
        assert!(there.push(update(trip)).is_ok());
        loop {
            if let Some(update) = at_back.pop() {
                assert_eq!(update.stamp.version, trip);
                return;
            }
            spin_loop();
        }
    };
    let pong = move |_| loop {
        if let Some(update) = at_there.pop() {
            assert!(back.push(update).is_ok());
            return;
        }
        spin_loop();
    };
    one_way(clock, ping, pong)
}

fn channel(clock: &Clock) -> f64 {
    let (there, at_there) = bounded::<TopUpdate>(1_024);
    let (back, at_back) = bounded::<TopUpdate>(1_024);
    let ping = move |trip: u64| {
        let mut update = TopUpdate::default();
        update.stamp.version = trip;
        assert!(there.try_send(update).is_ok());
        loop {
            if let Ok(update) = at_back.try_recv() {
                assert_eq!(update.stamp.version, trip);
                return;
            }
            spin_loop();
        }
    };
    let pong = move |_| loop {
        if let Ok(update) = at_there.try_recv() {
            assert!(back.try_send(update).is_ok());
            return;
        }
        spin_loop();
    };
    one_way(clock, ping, pong)
}

/// A way of handing over, timed: nanoseconds one way.
type Way = (&'static str, fn(&Clock) -> f64);

fn hand_off() {
    let clock = Clock::new();
    let ways: [Way; 3] = [("cache line, raw", raw), ("ring", ring), ("crossbeam-channel", channel)];
    let mut times = [const { Vec::new() }; 3];
    for round in 0..HANDOFF_ROUNDS {
        for turn in 0..3 {
            let index = (turn + round) % 3;
            times[index].push(ways[index].1(&clock));
        }
    }
    println!("\none-way hand-off of a top between two pinned cores (medians of paired rounds)");
    println!("{:<20} {:>9} {:>12} {:>6} {:>6}", "way", "ns", "to raw", "must", "aim");
    for ((name, _), spans) in ways.iter().zip(&times) {
        let ratios = spans.iter().zip(&times[0]).map(|(way, raw)| way / raw).collect();
        let (must, aim) = if *name == "ring" { ("1.7", "1.35") } else { ("", "") };
        let (ns, ratio) = (median(spans.clone()), median(ratios));
        let verdict = if *name == "ring" && ratio > 1.7 { "  above" } else { "" };
        println!("{name:<20} {ns:>9.1} {ratio:>12.2} {must:>6} {aim:>6}{verdict}");
    }
}

fn main() {
    // Threads pin themselves, this one stays free: those that it spawns would inherit its core.
    let mut table = Table::default();
    for (name, books, must, aim) in [
        ("update and best, one hot book", 1, 4.0, 6.0),
        ("update and best, 1,000 books", 1_000, 2.0, 3.0),
    ] {
        table.row(name, updates(books), &[("BTreeMap<u32, u64>", must, aim)]);
    }
    table.row("view write, nothing changed", Views::new().writes(false, false), &[]);
    table.row("changed level and view write", Views::new().writes(true, false), &[]);
    table.row("the same, a reader hammers", Views::new().writes(true, true), &[]);
    table.row("view read, top", Views::new().reads(), &[]);
    table.row("view read, 16 + 16 levels", Views::new().depth_reads(), &[]);
    table.print("books and views, hot loop (medians of paired ratios)");
    hand_off();
}
