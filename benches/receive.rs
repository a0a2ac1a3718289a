//! How many messages a feed tile takes from a socket: frames encoded beforehand, sent by the other
//! core over loopback, received, decoded, applied to books and published. Once plain, once over TLS:
//! there the sender encrypts on its core, and the tile decrypts on its own.
//!
//! Two figures per venue and transport. *Flat out*: the sender never waits; messages per second. *Paced*: a fixed
//! rate for a minute (`RECEIVE_SECONDS`, `RECEIVE_RATE`); percentiles of receipt → published book,
//! and the backlog (sent, not yet applied) of the first and of the last quarter, which must not grow.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    reason = "a bench that cannot run stops; rates are printed as a table; the sender has its own clock"
)]

use core::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::ring::{CoalescingRing, Ring};
use dutchbook_book::shelf::Shelf;
use dutchbook_book::{BookId, Grid, Nanos, Price};
use dutchbook_core::clock::Clock;
use dutchbook_core::control::Control;
use dutchbook_core::net::{Endpoint, Gate, run_tile};
use dutchbook_core::pin::{Wait, pin_to};
use dutchbook_core::telemetry::{Counter, Counters, LatencyHistogram, latency};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::stages;
use dutchbook_core::tls::TlsRoots;
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_tools::sim::server::VenueCertificate;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Books that the messages speak of in turn.
const BOOKS: u32 = 50;
/// Messages of one round; rounds are repeated.
const ROUND: usize = 20_000;
/// Where Kalshi's sequence begins: all numbers of a run have as many digits.
const FIRST_SEQ: u64 = 100_000_000;

/// Frames in one piece of memory, with where each ends and where its sequence stands.
struct Round {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    seqs: Vec<usize>,
}

fn main() {
    let seconds = setting("RECEIVE_SECONDS", 60);
    let rate = setting("RECEIVE_RATE", 100_000);
    let kinds = [VenueKind::Polymarket, VenueKind::Kalshi];
    let transports = [Transport::Plain, Transport::Tls];
    println!("loopback, one feed tile on core 1, the sender on core 0, {BOOKS} books");
    println!(
        "venue       transport  flat out /s   paced /s   backlog first, last   p50 ns    p99 ns   p99.9 ns"
    );
    for (kind, transport) in kinds.into_iter().flat_map(|kind| transports.map(|way| (kind, way))) {
        let flat = measure(kind, transport, None, Duration::from_secs(seconds.min(8)));
        let paced = measure(kind, transport, Some(rate), Duration::from_secs(seconds));
        println!(
            "{:<12} {:<9} {:>11.0}  {:>9.0}   {:>8} {:>10}   {:>6}  {:>8}  {:>9}",
            kind.name(),
            transport.name(),
            flat.rate,
            paced.rate,
            paced.backlog[0],
            paced.backlog[1],
            paced.percentiles[0],
            paced.percentiles[1],
            paced.percentiles[2],
        );
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the frames travel in.
#[derive(Clone, Copy)]
enum Transport {
    Plain,
    Tls,
}

impl Transport {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
        }
    }
}

/// The sender's end of a connection.
trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

struct Measured {
    rate: f64,
    backlog: [u64; 2],
    percentiles: [u64; 3],
}

fn catalog(kind: VenueKind) -> Catalog {
    let mut catalog = Catalog::default();
    let venue = catalog.add_venue(kind);
    let event = catalog.add_event("bench", EventLaw::Independent);
    for book in 0..BOOKS {
        let condition = catalog.add_condition(event, "bench");
        catalog.add_listing(Listing {
            native_market: ticker(book),
            native_faces: (kind == VenueKind::Polymarket).then(|| [token(book, 1), token(book, 2)]),
            ..Listing::plain(
                kind,
                venue,
                condition,
                Grid::uniform(Price::from_micro(10_000).unwrap()).unwrap(),
            )
        });
    }
    catalog
}

fn ticker(book: u32) -> String {
    format!("KXBTCD-26NOV22{:02}-T{}.99", book % 24, 60_000 + book * 250)
}

/// A token of 77 digits, as most have.
fn token(book: u32, face: u32) -> String {
    format!("7{}{book:06}{face}", "4837261950".repeat(7).get(..69).unwrap())
}

/// One unmasked text frame.
fn frame(out: &mut Vec<u8>, text: &str) {
    out.push(0x81);
    match u16::try_from(text.len()).unwrap() {
        short @ 0..126 => out.push(u8::try_from(short).unwrap()),
        long => {
            out.push(126);
            out.extend_from_slice(&long.to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// The snapshot of a book, so that changes are applied.
fn snapshot(kind: VenueKind, book: u32) -> String {
    let levels = |from: u32, sign: i32, form: &dyn Fn(u32) -> String| {
        let at = |n: i32| u32::try_from(i32::try_from(from).unwrap() + sign * n).unwrap();
        (0..20).map(|n| form(at(n))).collect::<Vec<_>>().join(",")
    };
    match kind {
        VenueKind::Polymarket => {
            let level = |cents: u32| format!("{{\"price\":\"0.{cents:02}\",\"size\":\"1000\"}}");
            format!(
                "{{\"market\":\"0x{book:064x}\", \"asset_id\":\"{}\", \"timestamp\":\"1790766000000\", \
                 \"hash\":\"{:040x}\", \"bids\":[{}], \"asks\":[{}], \"event_type\":\"book\"}}",
                token(book, 1),
                book,
                levels(20, 1, &level),
                levels(80, -1, &level),
            )
        }
        VenueKind::Kalshi => {
            let level = |cents: u32| format!("[\"0.{cents:02}00\",\"1000.00\"]");
            format!(
                "{{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":{},\"msg\":{{\"market_ticker\":\"{}\",\
                 \"market_id\":\"\",\"yes_dollars_fp\":[{}],\"no_dollars_fp\":[{}]}}}}",
                FIRST_SEQ - u64::from(BOOKS) + u64::from(book),
                ticker(book),
                levels(20, 1, &level),
                levels(20, 1, &level),
            )
        }
    }
}

/// A change of one level: it goes up in one message and down in a later one of the same round.
fn change(kind: VenueKind, n: usize) -> String {
    let turn = u32::try_from(n).unwrap();
    let (book, step) = (turn % BOOKS, turn / BOOKS);
    let (cents, is_up) = (20 + (step / 2) % 20, step.is_multiple_of(2));
    match kind {
        VenueKind::Polymarket => {
            let size = if is_up { 1200 } else { 1000 };
            let (market, hash) = (format!("{book:064x}"), format!("{n:040x}"));
            let side = |token: String, price: u32, side: &str, best: [&str; 2]| {
                format!(
                    "{{\"asset_id\":\"{token}\", \"price\":\"0.{price:02}\", \"size\":\"{size}\", \
                     \"side\":\"{side}\", \"hash\":\"{hash}\", \"best_bid\":\"{}\", \"best_ask\":\"{}\"}}",
                    best[0], best[1]
                )
            };
            format!(
                "{{\"market\":\"0x{market}\", \"price_changes\":[{}, {}], \"timestamp\":\"{}\", \
                 \"event_type\":\"price_change\"}}",
                side(token(book, 1), cents, "BUY", ["0.39", "0.61"]),
                side(token(book, 2), 100 - cents, "SELL", ["0.39", "0.61"]),
                1_790_766_000_000_u64 + n as u64,
            )
        }
        VenueKind::Kalshi => format!(
            "{{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":{},\"msg\":{{\"market_ticker\":\"{}\",\
             \"market_id\":\"ef793c45-beed-4096-8a3a-1c70af894be7\",\"price_dollars\":\"0.{cents:02}00\",\
             \"delta_fp\":\"{}200.00\",\"side\":\"yes\",\"ts\":\"2026-09-30T11:00:00.5Z\",\"ts_ms\":{}}}}}",
            FIRST_SEQ,
            ticker(book),
            if is_up { "" } else { "-" },
            1_790_766_000_000_u64 + n as u64,
        ),
    }
}

fn round(kind: VenueKind) -> Round {
    let mut round = Round { bytes: Vec::new(), ends: Vec::new(), seqs: Vec::new() };
    for n in 0..ROUND {
        let text = change(kind, n);
        frame(&mut round.bytes, &text);
        round.ends.push(round.bytes.len());
        let seq = text.find("\"seq\":").map_or(0, |at| round.bytes.len() - text.len() + at + 6);
        round.seqs.push(seq);
    }
    round
}

/// Accepts one WebSocket client, over TLS where there is a certificate.
fn accept(listener: &TcpListener, tls: Option<Arc<ServerConfig>>) -> Box<dyn Wire> {
    let (plain, _) = listener.accept().unwrap();
    plain.set_nodelay(true).unwrap();
    let mut socket: Box<dyn Wire> = match tls {
        None => Box::new(plain),
        Some(tls) => Box::new(StreamOwned::new(ServerConnection::new(tls).unwrap(), plain)),
    };
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let text = String::from_utf8(request).unwrap();
    let key = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accepted = derive_accept_key(key.unwrap().as_bytes());
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    socket.write_all(format!("{head}Sec-WebSocket-Accept: {accepted}\r\n\r\n").as_bytes()).unwrap();
    socket.flush().unwrap();
    socket
}

/// Sends until the time is over; `rate` messages a second, or as fast as they are taken.
fn send(
    kind: VenueKind,
    (listener, tls): (&TcpListener, Option<Arc<ServerConfig>>),
    rate: Option<u64>,
    span: Duration,
    sent: &AtomicU64,
) {
    let _pinned = pin_to(0);
    let mut round = round(kind);
    let mut socket = accept(listener, tls);
    let mut opening = Vec::new();
    for book in 0..BOOKS {
        frame(&mut opening, &snapshot(kind, book));
    }
    socket.write_all(&opening).unwrap();
    socket.flush().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    let (mut seq, mut total) = (FIRST_SEQ, 0_u64);
    while start.elapsed() < span {
        let mut at = 0;
        while at < ROUND && start.elapsed() < span {
            let due = rate.map_or(u64::MAX, |rate| {
                rate * u64::try_from(start.elapsed().as_micros()).unwrap() / 1_000_000
            });
            let count = usize::try_from(due.saturating_sub(total).min(200)).unwrap();
            let until = (at + count).min(ROUND);
            if until == at {
                core::hint::spin_loop();
                continue;
            }
            if kind == VenueKind::Kalshi {
                for place in round.seqs.get(at..until).unwrap() {
                    round.bytes[*place..*place + 9].copy_from_slice(seq.to_string().as_bytes());
                    seq += 1;
                }
            }
            let from = if at == 0 { 0 } else { round.ends[at - 1] };
            socket.write_all(&round.bytes[from..round.ends[until - 1]]).unwrap();
            socket.flush().unwrap();
            total += (until - at) as u64;
            sent.store(total, Ordering::Release);
            at = until;
        }
    }
    // The books end as they began only after whole rounds; nobody compares them here.
}

fn measure(kind: VenueKind, transport: Transport, rate: Option<u64>, span: Duration) -> Measured {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (scheme, server, roots) = match transport {
        Transport::Plain => ("ws", None, TlsRoots::public().unwrap()),
        Transport::Tls => {
            let made = VenueCertificate::new(address.ip()).unwrap();
            let roots = TlsRoots::with_certificates([made.root.clone()]).unwrap();
            ("wss", Some(made.server()), roots)
        }
    };
    let url = format!("{scheme}://{address}/");
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let counters = Counters::default();
    let reader = counters.reader();
    let (to_book, mut histogram) = latency(256, 1_024).unwrap();
    let tile = {
        let stop = Arc::clone(&stop);
        move || receive(kind, (&url, roots), counters, to_book, stop)
    };
    std::thread::scope(|scope| {
        let tile = scope.spawn(tile);
        let count = Arc::clone(&sent);
        let sender = scope.spawn(move || send(kind, (&listener, server), rate, span, &count));
        let start = Instant::now();
        let mut backlogs = Vec::new();
        while !sender.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
            let applied = reader.get(Counter::Payloads).saturating_sub(u64::from(BOOKS));
            backlogs.push(sent.load(Ordering::Acquire).saturating_sub(applied));
            histogram.drain();
        }
        sender.join().unwrap();
        let applied = reader.get(Counter::Payloads).saturating_sub(u64::from(BOOKS));
        let elapsed = start.elapsed().as_secs_f64() - 0.2;
        stop.store(true, Ordering::Release);
        let errors = tile.join().unwrap();
        assert_eq!(errors, 0, "every message was applied");
        histogram.drain();
        measured(applied as f64 / elapsed, &backlogs, &histogram)
    })
}

fn measured(rate: f64, backlogs: &[u64], histogram: &LatencyHistogram) -> Measured {
    let quarter = (backlogs.len() / 4).max(1);
    let worst =
        |part: Option<&[u64]>| part.and_then(|part| part.iter().max()).copied().unwrap_or(0);
    let summary = histogram.summary();
    Measured {
        rate,
        backlog: [
            worst(backlogs.get(..quarter)),
            worst(backlogs.get(backlogs.len().saturating_sub(quarter)..)),
        ],
        percentiles: [summary.p50, summary.p99, summary.p999],
    }
}

/// The tile; returns how many messages it could not apply.
fn receive(
    kind: VenueKind,
    (url, tls): (&str, TlsRoots),
    counters: Counters,
    to_book: dutchbook_core::telemetry::LatencyRecorder,
    stop: Arc<AtomicBool>,
) -> u64 {
    let _pinned = pin_to(1);
    let catalog = catalog(kind);
    let mut config = FeedConfig::of(kind);
    // The frames bear the time of their making.
    config.limits.lag_ns_max = Nanos(u64::MAX);
    let feed = Feed::new(kind, &catalog.listings, config).unwrap();
    let mut shelf = Shelf::new(catalog.listings.len());
    let writer = shelf.writer(BookId(0)..BookId(BOOKS)).unwrap();
    let (tops, _tops_end) = CoalescingRing::new(4_096, catalog.listings.len());
    let (control, _control_end) = Ring::<Control>::new(64);
    let clock = Clock::new();
    let out = Publisher::new(writer, Route::Rings { tops, control }, clock.clone());
    let (unused, _empty) = latency(2, 64).unwrap();
    let (recorders, _histograms) = stages(2, 64).unwrap();
    let recorders = ([to_book, unused], recorders);
    let tile = FeedTile::new(vec![feed], out, clock, stop, counters, recorders.0, recorders.1);
    let tile = Rc::new(RefCell::new(tile));
    let endpoint = Endpoint {
        url: url.to_owned(),
        payload_bytes_max: 1 << 20,
        tls,
        stamps: None,
        standby: None,
        gate: Gate::default(),
        race: None,
        seed: 1,
    };
    run_tile(Rc::clone(&tile), vec![endpoint], Wait::Spin).unwrap();
    let end = Rc::into_inner(tile).unwrap().into_inner().end();
    let lost = |feed: &dutchbook_feeds::counters::Counters| {
        feed.decode_errors + feed.gaps + feed.ignored + feed.negative + feed.general_hits
    };
    // Snapshots may take the general path.
    end.feeds.iter().map(lost).sum::<u64>().saturating_sub(u64::from(BOOKS))
}
