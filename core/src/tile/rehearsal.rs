//! Keeping the way from payload to decision warm while nothing comes.
//!
//! Between two messages a core forgets: its neighbours take the caches, and what was learnt of the
//! branches fades. The first message after a tenth of a millisecond of silence took twice as long
//! as the same message in a busy stream. So a tile that has nothing to do now and then sends a made-up
//! message through the very same code, into books, views and an evaluator of its own that nobody
//! else sees: one question, listed on the tile's venues, whose best bid comes and goes and which
//! offers no opportunity.
//!
//! A message that arrives meanwhile waits for at most one rehearsal, well below a microsecond, once
//! in tens of them. The wrong choice where a tile shares its core: see [`crate::pin::Wait::Park`].

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::ring::{CoalescingConsumer, CoalescingRing, Ring};
use dutchbook_book::shelf::Shelf;
use dutchbook_book::{Grid, Nanos, Price};
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_feeds::payload::PayloadBuf;

use super::feed::pass;
use super::publisher::{Publisher, Route};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Control;
use crate::engine::Engine;
use crate::journal::{JournalReader, journal};
use crate::relation::structural;
use crate::risk::kill::{KillCause, KillSwitch};

/// Silence after which the next rehearsal is due, and the pause between two.
const PAUSE: Nanos = Nanos::from_micros(20);
/// The evaluator of a split layout sees this book only.
const TOPS: usize = 64;
/// A sequence of ten digits, so that it can be rewritten in place.
const FIRST_SEQUENCE: u64 = 1_000_000_000;
const SEQUENCE_DIGITS: usize = 10;

const YES: &str = "71321045679252212594626385532706912750332728571942532289631379312455583992563";
const NO: &str = "52114319501245915516055106046884209969926127482827954674443846427813813222426";
const MARKET: &str = "0xbd31dc8a20211944f6b70f31557f1001557b59905b7738480ca09bd4532f84af";
const TICKER: &str = "KXREHEARSAL-99DEC31-T1";

/// One venue's part.
#[derive(Debug)]
struct Part {
    feed: Feed,
    script: Script,
}

/// The message that comes and the one that goes.
#[derive(Debug)]
struct Script {
    texts: [Vec<u8>; 2],
    /// Where the sequence stands in each text; none where the venue does not count.
    sequence_at: Option<[usize; 2]>,
    sequence: u64,
}

/// A made-up market for the idle turns of one tile.
#[derive(Debug)]
pub(super) struct Rehearsal {
    parts: Vec<Part>,
    out: Publisher,
    /// The other end of the ring, where the evaluator is elsewhere.
    tops: Option<CoalescingConsumer>,
    room: PayloadBuf,
    clock: Clock,
    turn: usize,
    due: Nanos,
    /// Nothing is ever written to it; without a reader the journal would count itself full.
    _journal: Option<JournalReader>,
}

impl Rehearsal {
    /// A market listed on these venues. `None` when it cannot be made, which its fixed texts
    /// exclude; a tile works without.
    pub(super) fn new(kinds: &[VenueKind], is_inline: bool, clock: Clock) -> Option<Self> {
        let catalog = catalog(kinds)?;
        let books = catalog.listings.len();
        let mut shelf = Shelf::new(books);
        let writer = shelf.writer_of(catalog.listings.iter().map(|listing| listing.book)).ok()?;
        let parts = catalog.listings.iter().map(part).collect::<Option<Vec<Part>>>()?;
        let (route, tops, records) = if is_inline {
            let (writer, reader) = journal(2, 64);
            let config = Config::parse("").ok()?.engine();
            let relations = structural(&catalog);
            let kill = KillSwitch::pulled(KillCause::Command);
            let engine =
                Engine::new(catalog, relations, &config, shelf.reader(), writer, kill).ok()?;
            (Route::Inline(Box::new(engine)), None, Some(reader))
        } else {
            let (tops, tops_end) = CoalescingRing::new(TOPS, books);
            let (control, _) = Ring::<Control>::new(TOPS);
            (Route::Rings { tops, control }, Some(tops_end), None)
        };
        let out = Publisher::new(writer, route, clock.clone());
        let (room, due) = (PayloadBuf::with_capacity(4_096), Nanos::ZERO);
        let mut made = Self { parts, out, tops, room, clock, turn: 0, due, _journal: records };
        made.open(&books_of(kinds));
        Some(made)
    }

    /// Shows both sides of every book.
    fn open(&mut self, snapshots: &[Vec<String>]) {
        let now = self.clock.now();
        for (part, texts) in self.parts.iter_mut().zip(snapshots) {
            part.feed.on_connect(now, &mut self.out);
            while part.feed.next_command().is_some() {}
            for text in texts {
                let payload = (text.as_bytes(), &mut self.room);
                pass(&mut part.feed, &mut self.out, payload, now, &self.clock);
            }
        }
    }

    /// A real message has come: the code is warm.
    #[inline]
    pub(super) const fn postpone(&mut self, now: Nanos) {
        self.due = Nanos(now.0.saturating_add(PAUSE.0));
    }

    /// An idle turn: sends the next message through, when one is due.
    pub(super) fn idle(&mut self, now: Nanos) {
        if now < self.due {
            return;
        }
        self.postpone(now);
        let (count, turn) = (self.parts.len().max(1), self.turn);
        self.turn = turn.wrapping_add(1);
        // Each venue in turn: what comes first, what goes a round later.
        let Some(Part { feed, script }) = self.parts.get_mut(turn % count) else { return };
        let Some(text) = script.next(turn / count % 2) else { return };
        pass(feed, &mut self.out, (text, &mut self.room), now, &self.clock);
        if let Some(tops) = &mut self.tops {
            while tops.pop().is_some() {}
        }
    }
}

impl Script {
    /// The next text, with its own sequence number.
    fn next(&mut self, which: usize) -> Option<&[u8]> {
        let text = self.texts.get_mut(which)?;
        if let Some(at) = self.sequence_at.and_then(|at| at.get(which).copied()) {
            self.sequence = self.sequence.wrapping_add(1);
            let mut rest = self.sequence;
            for digit in text.get_mut(at..at.saturating_add(SEQUENCE_DIGITS))?.iter_mut().rev() {
                *digit = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
                rest /= 10;
            }
        }
        Some(text)
    }
}

fn catalog(kinds: &[VenueKind]) -> Option<Catalog> {
    let mut catalog = Catalog::default();
    let event = catalog.add_event("rehearsal", EventLaw::Independent);
    let condition = catalog.add_condition(event, "rehearsal");
    for &kind in kinds {
        let venue = catalog.add_venue(kind);
        catalog.add_listing(Listing {
            native_market: match kind {
                VenueKind::Polymarket => MARKET.to_owned(),
                VenueKind::Kalshi => TICKER.to_owned(),
            },
            native_faces: (kind == VenueKind::Polymarket).then(|| [YES, NO].map(str::to_owned)),
            name: "rehearsal".to_owned(),
            ..Listing::plain(kind, venue, condition, Grid::uniform(Price::from_pips(100)?).ok()?)
        });
    }
    Some(catalog)
}

/// Per venue the texts that open its book: bids from 0.40 down, asks from 0.60 up.
fn books_of(kinds: &[VenueKind]) -> Vec<Vec<String>> {
    let of = |kind: &VenueKind| {
        match kind {
        VenueKind::Polymarket => [YES, NO]
            .map(|token| {
                format!(
                    r#"{{"market":"{MARKET}","asset_id":"{token}","bids":[{{"price":"0.38","size":"100"}},{{"price":"0.4","size":"100"}}],"asks":[{{"price":"0.62","size":"100"}},{{"price":"0.6","size":"100"}}],"hash":"","timestamp":"4102444800000","event_type":"book"}}"#
                )
            })
            .to_vec(),
        VenueKind::Kalshi => vec![
            format!(
                r#"{{"type":"orderbook_snapshot","sid":1,"seq":{FIRST_SEQUENCE},"msg":{{"market_ticker":"{TICKER}","market_id":"4bd46bbd-4b1a-4b0a-8bd3-2a1f3e5c7d90","yes_dollars_fp":[["0.3800","100.00"],["0.4000","100.00"]],"no_dollars_fp":[["0.3800","100.00"],["0.4000","100.00"]]}}}}"#
            ),
        ],
    }
    };
    kinds.iter().map(of).collect()
}

fn part(listing: &Listing) -> Option<Part> {
    let feed = Feed::new(listing.kind, [listing], FeedConfig::of(listing.kind)).ok()?;
    let texts = match listing.kind {
        VenueKind::Polymarket => [("120", "0.41", "0.59"), ("0", "0.4", "0.6")].map(price_change),
        VenueKind::Kalshi => ["120.00", "-120.00"].map(delta),
    };
    let places = texts.each_ref().map(|text| text.find(&FIRST_SEQUENCE.to_string()));
    let sequence_at = match places {
        [Some(a), Some(b)] => Some([a, b]),
        _ => None,
    };
    let texts = texts.map(String::into_bytes);
    Some(Part { feed, script: Script { texts, sequence_at, sequence: FIRST_SEQUENCE } })
}

/// A bid at 0.41 of this size, as both tokens state it, with YES's best bid and NO's best ask.
fn price_change((size, bid, no_ask): (&str, &str, &str)) -> String {
    let stamp = if size == "0" { 4_102_444_800_001_u64 } else { 4_102_444_800_002 };
    format!(
        r#"{{"market":"{MARKET}", "price_changes":[{{"asset_id":"{YES}", "price":"0.41", "size":"{size}", "side":"BUY", "hash":"56621a121a47ed9333273e21c83b660cff37ae50", "best_bid":"{bid}", "best_ask":"0.6"}}, {{"asset_id":"{NO}", "price":"0.59", "size":"{size}", "side":"SELL", "hash":"1895759e4df7a796bf4f1c5a5950b748306923e2", "best_bid":"0.4", "best_ask":"{no_ask}"}}], "timestamp":"{stamp}", "event_type":"price_change"}}"#
    )
}

fn delta(change: &str) -> String {
    format!(
        r#"{{"type":"orderbook_delta","sid":1,"seq":{FIRST_SEQUENCE},"msg":{{"market_ticker":"{TICKER}","market_id":"4bd46bbd-4b1a-4b0a-8bd3-2a1f3e5c7d90","price_dollars":"0.4100","delta_fp":"{change}","side":"yes","ts":"2099-12-31T00:00:00.000000Z","ts_ms":4102444800000}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{Book, BookStatus};

    /// Every rehearsal takes the fast decoder, changes its book and leaves it live, for as long as
    /// one likes, in both layouts and on any set of venues.
    #[test]
    fn a_rehearsal_is_an_uneventful_message_each_time() {
        let both = [VenueKind::Polymarket, VenueKind::Kalshi];
        for kinds in [&both[..], &both[..1], &both[1..]] {
            for is_inline in [true, false] {
                let mut rehearsal = Rehearsal::new(kinds, is_inline, Clock::new()).unwrap();
                let mut now = rehearsal.clock.now();
                let opened: u64 =
                    rehearsal.parts.iter().map(|part| part.feed.counters().fast_hits).sum();
                for _ in 0..1_000 {
                    rehearsal.idle(now);
                    rehearsal.idle(now); // Not due again.
                    now = now.plus(PAUSE);
                }
                let mut hits = 0;
                for part in &rehearsal.parts {
                    let counters = part.feed.counters();
                    hits += counters.fast_hits;
                    let bad = [counters.gaps, counters.crossed, counters.top_mismatch];
                    assert_eq!((bad, counters.general_hits, counters.stale), ([0; 3], 0, 0));
                    let is_live = |book: &Book| book.status() == BookStatus::Live;
                    assert!(part.feed.books().all(|(_, book)| is_live(book)));
                }
                assert_eq!(hits - opened, 1_000);
                let engine = rehearsal.out.engine_mut();
                assert_eq!(engine.is_some(), is_inline);
                assert!(engine.is_none_or(|engine| engine.lives().born_count() == 0));
            }
        }
    }
}
