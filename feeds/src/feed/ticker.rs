//! Kalshi's `ticker` as a second witness of each book's top.
//!
//! The two channels come by different ways and in no order, so one difference says nothing. A book that
//! has not moved since a ticker contradicted it, and still not two seconds later, has missed a change:
//! it is frozen, and sent for.

use dutchbook_book::{Nanos, Price};

use super::state::State;
use crate::ids::IdTable;
use crate::notice::{LossReason, Sink};
use crate::record::kalshi::Ticker;
use crate::session::Sync;

/// How long a book may contradict the ticker without moving.
const PATIENCE: Nanos = Nanos::from_secs(2);

/// What a ticker said that the book does not show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contradiction {
    since: Nanos,
    /// The book's version then.
    version: u64,
}

/// A price inside the range: zero bid and one asked are no quotes.
fn quote(price: Option<Price>) -> Option<Price> {
    price.filter(|price| *price > Price::ZERO && *price < Price::ONE)
}

impl State {
    /// Compares a ticker with its book.
    pub(super) fn ticker(&mut self, ticker: &Ticker<'_>, ids: &IdTable) {
        let (now, instrument) = (self.now, ids.get(ticker.ticker.as_bytes()));
        let Some(at) = instrument.and_then(|instrument| self.slot_of(instrument)) else { return };
        let Some(slot) = self.slots.get_mut(at) else { return };
        let top = slot.book.top();
        let ours = [top.bid, top.ask].map(|level| level.map(|level| level.price));
        let theirs = [quote(ticker.yes_bid), quote(ticker.yes_ask)];
        // A ticker that is older than the book says nothing about it.
        let is_old = ticker.ts_venue < slot.ts_venue;
        if ours == theirs || is_old || slot.session.sync != Sync::Live {
            slot.contradicted = None;
            return;
        }
        let version = slot.book.stamp().version;
        if slot.contradicted.is_none_or(|known| known.version != version) {
            slot.contradicted = Some(Contradiction { since: now, version });
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            if !self.contradicted.contains(&at) {
                self.contradicted.push(at);
            }
        }
    }

    /// Gives up the books that have stood still against their tickers for too long.
    pub(super) fn check_tickers(&mut self, now: Nanos, sink: &mut impl Sink) {
        let mut index = 0;
        while let Some(at) = self.contradicted.get(index).map(|at| *at as usize) {
            let slot = self.slots.get_mut(at);
            let known = slot.and_then(|slot| {
                let is_still = |known: &Contradiction| known.version == slot.book.stamp().version;
                slot.contradicted.filter(is_still)
            });
            match known {
                Some(known) if now.since(known.since) < PATIENCE => {
                    index += 1;
                    continue;
                }
                Some(_) => {
                    self.lose(at, Sync::Stale, LossReason::Frozen, sink);
                    self.counters.frozen += 1;
                    self.mark(at);
                }
                None => {}
            }
            self.contradicted.swap_remove(index);
            if let Some(slot) = self.slots.get_mut(at) {
                slot.contradicted = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Feed, FeedConfig};
    use crate::payload::PayloadBuf;
    use dutchbook_book::catalog::{Listing, VenueKind};
    use dutchbook_book::{Book, BookId, BookStatus, ConditionId, Grid, Stamp, VenueId};

    struct Deaf;

    impl Sink for Deaf {
        fn book_changed(&mut self, _id: BookId, _book: &Book, _stamp: Stamp) {}
    }

    struct Line {
        feed: Feed,
        now: Nanos,
    }

    impl Line {
        fn new() -> Self {
            let listing = Listing {
                native_market: "M".to_owned(),
                ..Listing::plain(
                    VenueKind::Kalshi,
                    VenueId(0),
                    ConditionId(0),
                    Grid::uniform(Price::from_micro(10_000).unwrap()).unwrap(),
                )
            };
            let config = FeedConfig { ticker: true, ..FeedConfig::of(VenueKind::Kalshi) };
            let feed = Feed::new(VenueKind::Kalshi, [&listing], config).unwrap();
            let mut line = Self { feed, now: Nanos::from_secs(2_000) };
            line.feed.on_connect(line.now, &mut Deaf);
            let said: Vec<String> = core::iter::from_fn(|| line.feed.next_command()).collect();
            assert!(said.iter().any(|text| text.contains(r#""channels":["ticker"]"#)), "{said:?}");
            line.take(
                r#"{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}"#,
            );
            line.take(r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"M","market_id":"","yes_dollars_fp":[["0.4000","10.00"]],"no_dollars_fp":[["0.5000","10.00"]]}}"#);
            line
        }

        fn take(&mut self, text: &str) {
            self.now = self.now.plus(Nanos::from_millis(1));
            let room = &mut PayloadBuf::default();
            self.feed.on_payload(text.as_bytes(), room, self.now, &mut Deaf);
        }

        fn ticker(&mut self, bid: &str, ask: &str) {
            self.take(&format!(
                r#"{{"type":"ticker","sid":3,"msg":{{"market_ticker":"M","market_id":"","price_dollars":"0.4000","yes_bid_dollars":"{bid}","yes_ask_dollars":"{ask}","yes_bid_size_fp":"10.00","yes_ask_size_fp":"10.00","last_trade_size_fp":"0.00","volume_fp":"0.00","open_interest_fp":"0.00","dollar_volume":0,"dollar_open_interest":0,"ts":2000,"ts_ms":2000000,"time":"2026-01-01T00:00:00Z"}}}}"#
            ));
        }

        fn wait(&mut self, ms: u64) -> BookStatus {
            self.now = self.now.plus(Nanos::from_millis(ms));
            self.feed.poll(self.now, &mut Deaf);
            self.feed.book(BookId(0)).unwrap().stamp().status
        }
    }

    #[test]
    fn a_book_that_stands_still_against_its_ticker_is_frozen_and_sent_for() {
        let mut line = Line::new();
        line.ticker("0.4000", "0.5000");
        assert_eq!(line.wait(3_000), BookStatus::Live);
        line.ticker("0.4100", "0.5000");
        assert_eq!(line.wait(1_000), BookStatus::Live, "one difference says nothing");
        assert_eq!(line.wait(1_100), BookStatus::Stale);
        assert_eq!(line.feed.counters().frozen, 1);
        assert!(line.feed.next_command().is_some_and(|text| text.contains("get_snapshot")));
    }

    #[test]
    fn a_ticker_that_only_came_first_changes_nothing() {
        let mut line = Line::new();
        line.ticker("0.4100", "0.5000");
        line.take(r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"M","market_id":"","price_dollars":"0.4100","delta_fp":"5.00","side":"yes","ts":"2026-01-01T00:00:00Z","ts_ms":2000000}}"#);
        assert_eq!(line.wait(5_000), BookStatus::Live);
        // An empty side is told as zero bid or one asked.
        line.ticker("0.4100", "1.0000");
        line.ticker("0.4100", "0.5000");
        assert_eq!((line.wait(5_000), line.feed.counters().frozen), (BookStatus::Live, 0));
    }
}
