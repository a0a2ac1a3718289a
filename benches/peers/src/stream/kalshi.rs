//! Kalshi's messages: snapshots and deltas of one subscription, its sequence without a hole.

use dutchbook_book::{Nanos, Side};
use support::{Random, messages};

use super::{FIRST_MS, Message, Truth};

/// Levels a side of a snapshot, and how far from the middle they lie, in cents.
const LEVELS: u64 = 40;
const MIDDLE: u64 = 50;

/// A market and its book: prices in thousandths, though its grid is cents.
#[derive(Debug)]
pub(crate) struct Ticker {
    pub(crate) name: String,
    pub(crate) truth: Truth,
}

/// An endless stream of Kalshi messages.
#[derive(Debug)]
pub(crate) struct KalshiStream {
    pub(crate) tickers: Vec<Ticker>,
    random: Random,
    sequence: u64,
}

impl KalshiStream {
    pub(crate) fn new(seed: u64, markets: usize) -> Self {
        let mut random = Random::new(seed);
        let names = messages::tickers(&mut random, markets).ids;
        let tickers = names.into_iter().map(|name| {
            let mut truth = Truth::default();
            for cent in 1..=LEVELS {
                truth.bids.insert((MIDDLE - cent) * 10, size(&mut random));
                truth.asks.insert((MIDDLE + cent) * 10, size(&mut random));
            }
            Ticker { name, truth }
        });
        Self { tickers: tickers.collect(), random, sequence: 0 }
    }

    /// What comes first on a connection.
    pub(crate) fn opening(&mut self) -> Vec<Message> {
        let subscribed =
            r#"{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}"#;
        let first = self.message(0, subscribed.to_owned());
        let books = (0..self.tickers.len()).map(|number| self.snapshot_of(number));
        let mut all: Vec<_> = books.collect();
        all.insert(0, first);
        all
    }

    fn message(&self, market: usize, text: String) -> Message {
        let now = Nanos::from_millis(FIRST_MS + self.sequence + 20);
        Message { bytes: text.into_bytes(), now, market }
    }

    /// Some market's book in which a level of each side is new.
    pub(crate) fn snapshot(&mut self) -> Message {
        let number = self.random.index(self.tickers.len());
        for side in [Side::Buy, Side::Sell] {
            let at = self.random.index(40);
            let fresh = size(&mut self.random);
            if let Some(qty) = self.tickers[number].truth.side(side).values_mut().nth(at) {
                *qty = fresh;
            }
        }
        self.snapshot_of(number)
    }

    fn snapshot_of(&mut self, number: usize) -> Message {
        self.sequence += 1;
        let Ticker { name, truth } = &self.tickers[number];
        let level = |price: u64, qty: &u64| {
            format!("[\"0.{price:03}0\",\"{}.{:02}\"]", qty / 100, qty % 100)
        };
        // Worst first on both sides; NO on its own scale.
        let yes = truth.bids.iter().map(|(price, qty)| level(*price, qty));
        let no = truth.asks.iter().rev().map(|(price, qty)| level(1_000 - price, qty));
        let text = format!(
            "{{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":{},\"msg\":{{\
             \"market_ticker\":\"{name}\",\"market_id\":\"4bd46bbd-4b1a-4b0a-8bd3-2a1f3e5c7d90\",\
             \"yes_dollars_fp\":[{}],\"no_dollars_fp\":[{}]}}}}",
            self.sequence,
            yes.collect::<Vec<_>>().join(","),
            no.collect::<Vec<_>>().join(",")
        );
        self.message(number, text)
    }

    /// A change of one level of some market.
    pub(crate) fn delta(&mut self) -> Message {
        self.sequence += 1;
        let random = &mut self.random;
        let number = random.index(self.tickers.len());
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let away = 10 * (1 + random.below(LEVELS));
        let price = 10 * MIDDLE;
        let price = if side == Side::Buy { price - away } else { price + away };
        let Ticker { name, truth } = &mut self.tickers[number];
        let kept = truth.side(side);
        let before = kept.get(&price).copied().unwrap_or(0);
        let after = if before > 0 && random.below(3) == 0 { 0 } else { size(random) };
        if after == 0 {
            kept.remove(&price);
        } else {
            kept.insert(price, after);
        }
        let sign = if after < before { "-" } else { "" };
        let by = after.abs_diff(before);
        let (face, price) = if side == Side::Buy { ("yes", price) } else { ("no", 1_000 - price) };
        let stamp = FIRST_MS + self.sequence;
        let text = format!(
            "{{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":{},\"msg\":{{\
             \"market_ticker\":\"{name}\",\"market_id\":\"4bd46bbd-4b1a-4b0a-8bd3-2a1f3e5c7d90\",\
             \"price_dollars\":\"0.{price:03}0\",\"delta_fp\":\"{sign}{}.{:02}\",\
             \"side\":\"{face}\",\"ts\":\"2036-07-01T02:31:49.123456Z\",\"ts_ms\":{stamp}}}}}",
            self.sequence,
            by / 100,
            by % 100,
        );
        self.message(number, text)
    }
}

fn size(random: &mut Random) -> u64 {
    let digits = u32::try_from(random.below(5)).expect("small") + 1;
    (random.below(10_u64.pow(digits)) + 5) * 100 + random.below(100)
}
