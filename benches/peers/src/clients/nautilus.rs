//! `nautilus-polymarket` with the book of `nautilus-model`, called as its data client calls them:
//! message, deltas, book. What that client does beside it (channels, quotes, locks) is left out.

use ahash::AHashMap;
use nautilus_core::UnixNanos;
use nautilus_model::enums::BookType;
use nautilus_model::identifiers::InstrumentId;
use nautilus_model::orderbook::{BookLevel, OrderBook};
use nautilus_polymarket::websocket::messages::{MarketWsMessage, PolymarketQuotes};
use nautilus_polymarket::websocket::parse::{parse_book_deltas, parse_book_snapshot};
use ustr::Ustr;

use super::Client;
use crate::stream::{Ladders, Message};

const PRICE_DIGITS: u8 = 3;
const SIZE_DIGITS: u8 = 6;

pub(crate) struct Nautilus {
    instruments: AHashMap<Ustr, InstrumentId>,
    pub(crate) books: AHashMap<InstrumentId, OrderBook>,
}

pub(crate) fn instrument(native: &str) -> InstrumentId {
    InstrumentId::from(format!("{native}.POLYMARKET").as_str())
}

impl Nautilus {
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let (mut instruments, mut books) = (AHashMap::new(), AHashMap::new());
        for token in tokens {
            let id = instrument(token);
            instruments.insert(Ustr::from(token), id);
            books.insert(id, OrderBook::new(id, BookType::L2_MBP));
        }
        Self { instruments, books }
    }

    #[inline]
    pub(crate) fn on_message(&mut self, bytes: &[u8], now: UnixNanos) {
        match serde_json::from_slice(bytes).expect("a message") {
            MarketWsMessage::Book(snapshot) => {
                let id = self.instruments[&snapshot.asset_id];
                let deltas = parse_book_snapshot(&snapshot, id, PRICE_DIGITS, SIZE_DIGITS, now);
                let book = self.books.get_mut(&id).expect("a book");
                book.apply_deltas(&deltas.expect("deltas")).expect("applied");
            }
            MarketWsMessage::PriceChange(PolymarketQuotes { market, price_changes, timestamp }) => {
                for change in price_changes {
                    let id = self.instruments[&change.asset_id];
                    let one = PolymarketQuotes {
                        market,
                        price_changes: vec![change],
                        timestamp: timestamp.clone(),
                    };
                    let deltas = parse_book_deltas(&one, id, PRICE_DIGITS, SIZE_DIGITS, now);
                    let book = self.books.get_mut(&id).expect("a book");
                    book.apply_deltas(&deltas.expect("deltas")).expect("applied");
                }
            }
            _ => unreachable!("no other kind"),
        }
    }
}

impl Client for Nautilus {
    #[inline]
    fn take(&mut self, message: &Message) {
        self.on_message(&message.bytes, UnixNanos::from(message.now.0));
    }

    fn ladders(&self, _market: usize, native: &str) -> Ladders {
        let book = &self.books[&instrument(native)];
        let pair = |level: &BookLevel| {
            let size = level.size_decimal();
            (super::bot::micro(level.price.value.as_decimal()), super::bot::micro(size))
        };
        [book.bids(None).map(pair).collect(), book.asks(None).map(pair).collect()]
    }

    fn tops(&self, books: &[(usize, &str)]) -> u64 {
        books.iter().fold(0, |sum, (_, native)| {
            let book = &self.books[&self.instruments[&Ustr::from(*native)]];
            let prices = [book.best_bid_price(), book.best_ask_price()];
            let sizes = [book.best_bid_size(), book.best_ask_size()];
            let prices = prices.iter().flatten().fold(sum, |sum, price| sum ^ price.raw as u64);
            sizes.iter().flatten().fold(prices, |sum, size| sum ^ size.raw as u64)
        })
    }
}
