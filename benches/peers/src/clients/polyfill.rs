//! `polyfill-rs`: its hot path for books (a re-used `simd-json` tape into managed books), its fast
//! parser and its managed deltas for price changes.

use chrono::{DateTime, Utc};
use polyfill_rs::decode::fast_parse::parse_json_fast;
use polyfill_rs::types::{OrderDelta, StreamMessage};
use polyfill_rs::{OrderBookManager, WsBookUpdateProcessor};
use rust_decimal::Decimal;

use super::Client;
use super::bot::micro;
use crate::stream::{Ladders, Message};

/// More levels than any book here has.
const DEPTH: usize = 256;

pub(crate) struct Polyfill {
    pub(crate) books: OrderBookManager,
    processor: WsBookUpdateProcessor,
    /// The parser writes into what it reads.
    scratch: Vec<u8>,
    sequence: u64,
}

impl Polyfill {
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let books = OrderBookManager::new(DEPTH);
        for token in tokens {
            books.get_or_create_book(token).expect("a book");
        }
        let processor = WsBookUpdateProcessor::new(1 << 14);
        Self { books, processor, scratch: Vec::with_capacity(1 << 14), sequence: 0 }
    }

    #[inline]
    pub(crate) fn on_message(&mut self, bytes: &[u8]) {
        self.scratch.clear();
        self.scratch.extend_from_slice(bytes);
        // Which of the two ways, as whoever subscribes to both kinds has to tell: both begin alike,
        // and the kind stands last.
        if bytes.ends_with(b"\"book\"}") {
            let stats = self.processor.process_bytes(&mut self.scratch, &self.books);
            assert_eq!(stats.expect("a book is taken").book_messages, 1);
            return;
        }
        let message: StreamMessage = parse_json_fast(&mut self.scratch).expect("a message");
        let StreamMessage::PriceChange(change) = message else { unreachable!("no other kind") };
        let stamp = i64::try_from(change.timestamp).expect("a time");
        let timestamp: DateTime<Utc> = DateTime::from_timestamp_millis(stamp).expect("a time");
        for entry in change.price_changes {
            self.sequence += 1;
            let delta = OrderDelta {
                token_id: entry.asset_id,
                timestamp,
                side: entry.side,
                price: entry.price,
                size: entry.size.unwrap_or(Decimal::ZERO),
                sequence: self.sequence,
            };
            self.books.apply_delta(delta).expect("a delta is taken");
        }
    }
}

impl Client for Polyfill {
    #[inline]
    fn take(&mut self, message: &Message) {
        self.on_message(&message.bytes);
    }

    fn ladders(&self, _market: usize, native: &str) -> Ladders {
        let book = self.books.get_book(native).expect("a book");
        [book.bids, book.asks]
            .map(|side| side.iter().map(|level| (micro(level.price), micro(level.size))).collect())
    }

    fn tops(&self, books: &[(usize, &str)]) -> u64 {
        books.iter().fold(0, |sum, (_, native)| {
            let top = self
                .books
                .with_book_mut(native, |book| Ok([book.best_bid_fast(), book.best_ask_fast()]));
            top.expect("a book")
                .iter()
                .flatten()
                .fold(sum, |sum, level| sum ^ u64::from(level.price) ^ level.size.unsigned_abs())
        })
    }
}
