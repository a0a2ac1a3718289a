//! The simulated venues and the feeds, end to end without sockets: after a run every book of a feed
//! is the venue's own book, level by level, whatever went wrong on the way.

#![expect(clippy::unwrap_used, reason = "a test program: what fails here fails the test")]

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{Book, BookId, BookStatus, Face, Level, Nanos, Side, Stamp, TopOfBook};
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_feeds::notice::Sink;
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::session::SessionStep;
use dutchbook_tools::sim::{
    FaultKind, FaultPlan, FlowConfig, Pace, Scenario, ScriptedFault, SessionId, SimVenues,
};

const START: Nanos = Nanos::from_secs(1_790_000_000);
const KINDS: [VenueKind; 2] = [VenueKind::Polymarket, VenueKind::Kalshi];

struct Quiet;

impl Sink for Quiet {
    fn book_changed(&mut self, _: BookId, _: &Book, _: Stamp) {}
}

/// A feed with its connection to the simulated venue.
struct Client {
    feed: Feed,
    session: Option<SessionId>,
    room: PayloadBuf,
    reconnect_at: Nanos,
}

impl Client {
    fn new(kind: VenueKind, venues: &SimVenues) -> Self {
        let listings: Vec<&Listing> =
            venues.scenario().catalog.listings.iter().filter(|l| l.kind == kind).collect();
        let mut config = FeedConfig::of(kind);
        // A freeze is seen after two seconds without data here, not after five minutes.
        config.limits.data_silence_ns_max = Nanos::from_secs(2);
        let feed = Feed::new(kind, listings, config).unwrap();
        let room = PayloadBuf::default();
        Self { feed, session: None, room, reconnect_at: Nanos::ZERO }
    }

    /// Carries everything that is due in both directions.
    fn turn(&mut self, venues: &mut SimVenues) {
        let now = venues.now();
        let Some(session) = self.session else {
            if now >= self.reconnect_at {
                self.session = Some(venues.connect(self.feed.kind(), now));
                self.feed.on_connect(now, &mut Quiet);
                self.speak(venues);
            }
            return;
        };
        let mut frames = Vec::new();
        venues.take_frames(session, now, &mut frames);
        for frame in frames {
            self.feed.on_payload(frame.as_bytes(), &mut self.room, now, &mut Quiet);
        }
        let step = self.feed.poll(now, &mut Quiet);
        if matches!(step, SessionStep::Reconnect(_)) {
            venues.disconnect(session);
        }
        if venues.closed(session).is_some() {
            self.session = None;
            self.reconnect_at = now.plus(Nanos::from_millis(150));
            self.feed.on_disconnect(now, &mut Quiet);
        }
        self.speak(venues);
    }

    fn speak(&mut self, venues: &mut SimVenues) {
        while let Some(command) = self.feed.next_command() {
            if let Some(session) = self.session {
                venues.on_text(session, &command, venues.now());
            }
        }
    }
}

/// The levels of one side of a book, best last as the venue has them.
fn levels(book: &Book, side: Side) -> Vec<Level> {
    let each = book.ladder(side).iter();
    let mut list: Vec<Level> =
        each.map(|(tick, qty)| Level { price: book.grid().price_of(tick), qty }).collect();
    list.reverse();
    list
}

/// Runs both venues and their feeds; returns the clients with the venues as they ended.
fn run(seed: u64, pace: Pace, faults: FaultPlan, seconds: u64) -> (SimVenues, Vec<Client>) {
    let mut scenario = Scenario::demo(seed, Nanos::from_secs(8)).unwrap();
    // Everything is listed from the start.
    scenario.late.clear();
    let mut venues = SimVenues::new(scenario, FlowConfig::of(pace), faults, seed, START).unwrap();
    let mut clients: Vec<Client> = KINDS.iter().map(|kind| Client::new(*kind, &venues)).collect();
    for _ in 0..seconds * 200 {
        venues.step(venues.now().plus(Nanos::from_millis(5)));
        for client in &mut clients {
            client.turn(&mut venues);
        }
    }
    for client in &mut clients {
        client.turn(&mut venues);
        client.feed.finish(venues.now(), &mut Quiet);
    }
    (venues, clients)
}

/// Compares every book with the venue's own; returns how many levels were compared.
fn compare(venues: &SimVenues, clients: &[Client]) -> usize {
    let mut count = 0;
    for client in clients {
        for (id, book) in client.feed.books() {
            let status = book.status();
            // Word of an end may be lost in a freeze: the book is then live and empty, as it is.
            let is_unaware =
                client.feed.counters().connects > 1 && book.top() == TopOfBook::default();
            let is_right = if venues.is_open(id) {
                status == BookStatus::Live
            } else {
                status == BookStatus::Closed || (is_unaware && status == BookStatus::Live)
            };
            let name = &venues.scenario().catalog.listing(id).unwrap().name;
            assert!(is_right, "{:?} {name} {status:?}", client.feed.kind());
            for side in [Side::Buy, Side::Sell] {
                let ours = levels(book, side);
                let theirs = venues.levels(id, Face::Yes, side);
                assert_eq!(ours, theirs, "{:?} {name} {side:?}", client.feed.kind());
                count += ours.len();
            }
        }
    }
    count
}

#[test]
fn feeds_hold_the_venues_books_level_by_level() {
    for (seed, pace) in [(1, Pace::Calm), (2, Pace::Busy), (3, Pace::Calm)] {
        let (venues, clients) = run(seed, pace, FaultPlan::default(), 25);
        let count = compare(&venues, &clients);
        for client in &clients {
            let seen = client.feed.counters();
            println!("{:?} {seen:?}", client.feed.kind());
            let wrong = [seen.gaps, seen.crossed, seen.top_mismatch, seen.negative, seen.off_tick];
            assert_eq!(wrong, [0; 5], "{:?}", client.feed.kind());
            assert_eq!([seen.decode_errors, seen.unknown_kind, seen.unknown_instrument], [0; 3]);
            assert_eq!(seen.connects, 1);
        }
        assert!(count > 500, "{count}");
        let resolved =
            venues.scenario().catalog.listings.iter().filter(|l| !venues.is_open(l.book));
        assert_eq!(resolved.count(), 2);
    }
}

#[test]
fn feeds_come_back_after_gaps_and_disconnects() {
    let at = |ms| START.plus(Nanos::from_millis(ms));
    let fault = |ms, venue, kind| ScriptedFault { at: at(ms), venue, kind };
    let script = vec![
        fault(1_000, VenueKind::Kalshi, FaultKind::Drop),
        fault(2_000, VenueKind::Kalshi, FaultKind::Duplicate),
        fault(3_000, VenueKind::Kalshi, FaultKind::SkipSequence),
        fault(4_000, VenueKind::Kalshi, FaultKind::Disconnect),
        fault(4_500, VenueKind::Polymarket, FaultKind::Disconnect),
        fault(5_000, VenueKind::Polymarket, FaultKind::Duplicate),
        fault(9_000, VenueKind::Kalshi, FaultKind::Delay(Nanos::from_millis(300))),
        fault(9_500, VenueKind::Polymarket, FaultKind::Delay(Nanos::from_millis(300))),
        fault(11_000, VenueKind::Kalshi, FaultKind::Freeze(Nanos::from_secs(3))),
        fault(12_000, VenueKind::Polymarket, FaultKind::Freeze(Nanos::from_secs(3))),
    ];
    for seed in [1, 4] {
        let plan = FaultPlan { script: script.clone(), ..FaultPlan::default() };
        let (venues, clients) = run(seed, Pace::Calm, plan, 25);
        compare(&venues, &clients);
        for client in &clients {
            let seen = client.feed.counters();
            assert!(seen.connects >= 3, "disconnect and freeze: {seen:?}");
            assert_eq!([seen.crossed, seen.negative, seen.decode_errors], [0; 3]);
            if client.feed.kind() == VenueKind::Kalshi {
                assert!(seen.gaps >= 2 && seen.resyncs >= 2 && seen.duplicates >= 1, "{seen:?}");
            }
        }
    }
}
