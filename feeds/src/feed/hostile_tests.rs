//! Frames that no honest venue sends, and frames that our documents do not know yet: refused or kept
//! under a name, in bounded memory, and nobody else's book suffers.

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{Book, BookId, BookStatus, ConditionId, Grid, Nanos, Price, Stamp, VenueId};

use super::{DecoderChoice, Feed, FeedConfig};
use crate::general::drift::{FRAME_BYTES_MAX, FRAMES_MAX, NAMES_MAX};
use crate::notice::Sink;
use crate::payload::PayloadBuf;

struct Deaf;

impl Sink for Deaf {
    fn book_changed(&mut self, _id: BookId, _book: &Book, _stamp: Stamp) {}
}

fn listing(kind: VenueKind, book: u32) -> Listing {
    Listing {
        book: BookId(book),
        native_market: format!("M-{book}"),
        native_faces: (kind == VenueKind::Polymarket)
            .then(|| [format!("{book}1"), format!("{book}2")]),
        ..Listing::plain(
            kind,
            VenueId(0),
            ConditionId(book),
            Grid::uniform(Price::from_micro(10_000).unwrap()).unwrap(),
        )
    }
}

/// A feed with two live books.
struct Live {
    feed: Feed,
    now: Nanos,
}

impl Live {
    fn new(kind: VenueKind, decoder: DecoderChoice) -> Self {
        let listings = [listing(kind, 1), listing(kind, 2)];
        let config = FeedConfig { decoder, ..FeedConfig::of(kind) };
        let feed = Feed::new(kind, &listings, config).unwrap();
        let mut live = Self { feed, now: Nanos::from_secs(1_000) };
        live.feed.on_connect(live.now, &mut Deaf);
        for book in [1, 2] {
            live.take(snapshot(kind, book).as_bytes());
        }
        assert_eq!(live.statuses(), [BookStatus::Live; 2]);
        live
    }

    fn take(&mut self, payload: &[u8]) {
        self.now = self.now.plus(Nanos::from_millis(1));
        self.feed.on_payload(payload, &mut PayloadBuf::default(), self.now, &mut Deaf);
    }

    fn statuses(&self) -> [BookStatus; 2] {
        [1, 2].map(|book| self.feed.book(BookId(book)).unwrap().stamp().status)
    }
}

fn snapshot(kind: VenueKind, book: u32) -> String {
    match kind {
        VenueKind::Polymarket => format!(
            r#"{{"event_type":"book","asset_id":"{book}1","market":"M-{book}","bids":[{{"price":"0.40","size":"10"}}],"asks":[{{"price":"0.50","size":"10"}}],"timestamp":"1000000","hash":"0x"}}"#
        ),
        VenueKind::Kalshi => format!(
            r#"{{"type":"orderbook_snapshot","sid":1,"seq":{book},"msg":{{"market_ticker":"M-{book}","market_id":"","yes_dollars_fp":[["0.4000","10.00"]],"no_dollars_fp":[["0.5000","10.00"]]}}}}"#
        ),
    }
}

const KINDS: [VenueKind; 2] = [VenueKind::Polymarket, VenueKind::Kalshi];
const DECODERS: [DecoderChoice; 3] =
    [DecoderChoice::Fast, DecoderChoice::Scalar, DecoderChoice::General];

#[test]
fn an_unknown_field_is_counted_by_its_name_and_harms_nobody() {
    let mut live = Live::new(VenueKind::Kalshi, DecoderChoice::Fast);
    for seq in 3..6 {
        live.take(
            format!(
                r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"M-1","price_dollars":"0.4000","delta_fp":"1.00","side":"yes","iceberg":true}}}}"#
            )
            .as_bytes(),
        );
    }
    assert_eq!(live.statuses(), [BookStatus::Live; 2]);
    let fields: Vec<_> = live.feed.drift().fields().collect();
    assert_eq!(fields, [("iceberg", 3)]);
    assert_eq!(live.feed.drift().unknown_frames(), 0);
}

#[test]
fn what_our_documents_know_is_no_drift() {
    for kind in KINDS {
        let live = Live::new(kind, DecoderChoice::General);
        assert_eq!(live.feed.drift().fields().count(), 0, "{kind:?}");
    }
}

#[test]
fn an_unknown_type_is_kept_and_closes_the_gate_of_the_book_that_it_names() {
    for (kind, frame) in [
        (VenueKind::Polymarket, r#"{"event_type":"book_halved","asset_id":"22","factor":"0.5"}"#),
        (
            VenueKind::Kalshi,
            r#"{"type":"orderbook_halved","sid":1,"seq":3,"msg":{"market_ticker":"M-2"}}"#,
        ),
    ] {
        for decoder in DECODERS {
            let mut live = Live::new(kind, decoder);
            live.take(frame.as_bytes());
            assert_eq!(live.statuses(), [BookStatus::Live, BookStatus::Stale], "{kind:?}");
            let kept: Vec<_> = live.feed.drift().frames().collect();
            assert_eq!(kept, [frame.as_bytes()]);
            live.take(b"PONG");
            assert_eq!(live.feed.drift().unknown_frames(), 1);
            // Its own snapshot makes it good again.
            let again = snapshot(kind, 2).replace("\"seq\":2", "\"seq\":4");
            live.take(again.as_bytes());
            assert_eq!(live.statuses(), [BookStatus::Live; 2], "{kind:?} {decoder:?}");
        }
    }
}

/// What a hostile or broken server may send instead of a frame about a book.
fn hostile(kind: VenueKind) -> Vec<Vec<u8>> {
    let good = snapshot(kind, 1);
    let mut frames: Vec<Vec<u8>> = vec![
        good.as_bytes()[..good.len() / 2].to_vec(),
        good.replace("\"10", "\"-10").into_bytes(),
        good.replace("\"0.40", "\"4.0").into_bytes(),
        good.replace("\"0.40", "[\"0.40").into_bytes(),
        b"{\"event_type\":7,\"type\":7}".to_vec(),
        b"\xff\xfe\xfd".to_vec(),
        b"{\"a\":\xc3\x28}".to_vec(),
        b"[1,2,3]".to_vec(),
        b"\"text\"".to_vec(),
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(100_000).into_bytes(),
    ];
    let long = "9".repeat(10 << 20);
    frames.push(good.replace("0.40", &long).into_bytes());
    frames.push(format!("{{\"{long}\":1}}").into_bytes());
    frames.push(good.replace("M-1", &long).into_bytes());
    frames
}

#[test]
fn hostile_frames_are_refused_counted_and_forgotten() {
    for kind in KINDS {
        for decoder in DECODERS {
            let mut live = Live::new(kind, decoder);
            for frame in hostile(kind) {
                let before = live.feed.book(BookId(1)).unwrap().top();
                let counted = |live: &Live| {
                    let counters = live.feed.counters();
                    counters.decode_errors
                        + counters.unknown_kind
                        + counters.unknown_instrument
                        + counters.by_kind.iter().sum::<u64>()
                };
                let count = counted(&live);
                live.take(&frame);
                let shown = String::from_utf8_lossy(&frame[..frame.len().min(60)]).into_owned();
                assert!(counted(&live) > count, "{kind:?} {decoder:?} {shown}");
                assert_eq!(live.feed.book(BookId(1)).unwrap().top(), before, "{kind:?} {shown}");
            }
            let drift = live.feed.drift();
            assert!(drift.frames().count() <= FRAMES_MAX);
            assert!(drift.frames().all(|frame| frame.len() <= FRAME_BYTES_MAX));
            assert!(live.feed.counters().decode_errors >= 8);
        }
    }
}

#[test]
fn a_venue_that_makes_names_up_cannot_fill_our_memory() {
    let mut live = Live::new(VenueKind::Polymarket, DecoderChoice::Fast);
    for n in 0..1_000 {
        live.take(
            format!(r#"{{"event_type":"best_bid_ask","asset_id":"11","best_bid":"0.4","best_ask":"0.5","f{n}":1,"timestamp":"1"}}"#)
                .as_bytes(),
        );
        live.take(format!(r#"{{"event_type":"e{n}"}}"#).as_bytes());
    }
    let drift = live.feed.drift();
    assert_eq!(drift.fields().count(), NAMES_MAX);
    assert_eq!(drift.further_fields(), 1_000 - NAMES_MAX as u64);
    assert_eq!((drift.frames().count(), drift.unknown_frames()), (FRAMES_MAX, 1_000));
    assert_eq!(live.statuses(), [BookStatus::Live; 2], "nobody's book was named");
}

#[test]
fn a_frozen_book_is_sent_for_alone() {
    let mut live = Live::new(VenueKind::Kalshi, DecoderChoice::Fast);
    while live.feed.next_command().is_some() {}
    assert!(live.feed.freeze(BookId(1), live.now, &mut Deaf));
    assert!(!live.feed.freeze(BookId(1), live.now, &mut Deaf), "it is sent for already");
    assert_eq!(live.statuses(), [BookStatus::Stale, BookStatus::Live]);
    assert_eq!(live.feed.counters().frozen, 1);
    let command = live.feed.next_command().unwrap();
    assert!(command.contains("get_snapshot") && command.contains("M-1"), "{command}");
    assert!(!command.contains("M-2"), "{command}");
}
