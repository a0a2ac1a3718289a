//! What all clients are fed: messages with the bytes of real ones about books that this file keeps,
//! so that every message is true: prices on the grid, no crossed book, stated tops that hold.

pub(crate) mod kalshi;

use std::collections::BTreeMap;

use dutchbook_book::{Nanos, Side};
use support::{Random, messages};

/// Milliseconds of the first stamp: ahead of any clock that these benches meet, so that nothing
/// counts as late.
const FIRST_MS: u64 = 2_100_000_000_000;

/// Levels of one side: thousandths of a dollar to hundredths of a contract.
pub(crate) type Levels = BTreeMap<u64, u64>;

/// One payload.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    /// When it is received.
    pub(crate) now: Nanos,
    /// The book that it speaks of.
    pub(crate) market: usize,
}

/// One book as its venue has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) bids: Levels,
    pub(crate) asks: Levels,
}

impl Truth {
    pub(crate) fn side(&mut self, side: Side) -> &mut Levels {
        if side == Side::Buy { &mut self.bids } else { &mut self.asks }
    }

    /// Best bid and ask in thousandths.
    pub(crate) fn best(&self) -> [Option<u64>; 2] {
        [self.bids.keys().next_back().copied(), self.asks.keys().next().copied()]
    }

    /// Both sides best first, in millionths.
    pub(crate) fn ladders(&self) -> Ladders {
        let micro = |(price, qty): (&u64, &u64)| (*price * 1_000, *qty * 10_000);
        [self.bids.iter().rev().map(micro).collect(), self.asks.iter().map(micro).collect()]
    }
}

/// Bids and asks, best first: price and quantity in millionths.
pub(crate) type Ladders = [Vec<(u64, u64)>; 2];

/// The same book as the other token shows it.
pub(crate) fn mirrored([bids, asks]: Ladders) -> Ladders {
    let turn = |side: Vec<(u64, u64)>| -> Vec<(u64, u64)> {
        side.into_iter().map(|(price, qty)| (1_000_000 - price, qty)).collect()
    };
    [turn(asks), turn(bids)]
}

/// A market of Polymarket: its two tokens, and the book in terms of the first.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) condition: String,
    pub(crate) tokens: [String; 2],
    pub(crate) truth: Truth,
    /// Bids stay below it and asks above, in thousandths.
    pub(crate) fair: u64,
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) markets: usize,
    /// Levels a side.
    pub(crate) levels: u64,
    /// How far from the fair price a level may lie.
    pub(crate) reach: u64,
    /// Whether both tokens of a market are followed, or the first only.
    pub(crate) both: bool,
    /// Whether sizes are a few hundred whole contracts, or of all magnitudes.
    pub(crate) whole: bool,
}

/// An endless stream of Polymarket messages.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) shape: Shape,
    pub(crate) markets: Vec<Market>,
    random: Random,
    stamp_ms: u64,
}

impl Stream {
    pub(crate) fn new(seed: u64, shape: Shape, fair: impl Fn(usize) -> u64) -> Self {
        let mut random = Random::new(seed);
        let markets = (0..shape.markets).map(|number| {
            let tokens = [(); 2].map(|()| messages::token(&mut random));
            let fair = fair(number);
            let mut truth = Truth::default();
            for side in [Side::Buy, Side::Sell] {
                while truth.side(side).len() < count(shape.levels) {
                    let price = near(&mut random, fair, side, shape.reach);
                    truth.side(side).insert(price, size(&mut random, shape.whole));
                }
            }
            Market { condition: format!("0x{number:064x}"), tokens, truth, fair }
        });
        let markets = markets.collect();
        Self { shape, markets, random, stamp_ms: FIRST_MS }
    }

    /// The whole of every book, as the venue sends it to one who subscribes.
    pub(crate) fn snapshots(&mut self) -> Vec<Message> {
        (0..self.markets.len()).flat_map(|market| self.whole(market)).collect()
    }

    fn whole(&mut self, market: usize) -> Vec<Message> {
        let faces = if self.shape.both { 2 } else { 1 };
        (0..faces).map(|face| self.book(market, face)).collect()
    }

    fn next_stamp(&mut self) -> u64 {
        self.stamp_ms += 1;
        self.stamp_ms
    }

    fn message(&self, market: usize, text: String) -> Message {
        let now = Nanos::from_millis(self.stamp_ms + 20);
        Message { bytes: text.into_bytes(), now, market }
    }

    /// A `book` of some market in which a few levels of each side are new since its last.
    pub(crate) fn changed_book(&mut self) -> Message {
        let number = self.random.index(self.markets.len());
        let Shape { reach, levels, whole, .. } = self.shape;
        let random = &mut self.random;
        let market = &mut self.markets[number];
        for side in [Side::Buy, Side::Sell] {
            let fair = market.fair;
            let kept = market.truth.side(side);
            let at = random.index(kept.len());
            let gone = kept.keys().nth(at).copied();
            gone.map(|price| kept.remove(&price));
            while kept.len() < count(levels) {
                kept.insert(near(random, fair, side, reach), size(random, whole));
            }
            for _ in 0..2 {
                let at = random.index(kept.len());
                if let Some(qty) = kept.values_mut().nth(at) {
                    *qty = size(random, whole);
                }
            }
        }
        self.book(number, 0)
    }

    fn book(&mut self, number: usize, face: usize) -> Message {
        let stamp = self.next_stamp();
        let market = &self.markets[number];
        let ladders = market.truth.ladders();
        let ladders = if face == 0 { ladders } else { mirrored(ladders) };
        // Best last, as the venue prints them.
        let [bids, asks] = ladders.map(|side| {
            let levels = side.iter().rev().map(|(price, qty)| {
                let (price, size) = (thousandths(price / 1_000), cents(qty / 10_000));
                format!("{{\"price\":\"{price}\", \"size\":\"{size}\"}}")
            });
            levels.collect::<Vec<_>>().join(", ")
        });
        let text = format!(
            "{{\"market\":\"{}\", \"asset_id\":\"{}\", \"bids\":[{bids}], \"asks\":[{asks}], \
             \"hash\":\"{:040x}\", \"timestamp\":\"{stamp}\", \"event_type\":\"book\"}}",
            market.condition,
            market.tokens[face],
            self.random.bits()
        );
        self.message(number, text)
    }

    /// A `price_change` of some market with this many changed levels, each in the entries of all
    /// tokens that are followed.
    pub(crate) fn price_change(&mut self, changed: usize) -> Message {
        let number = self.random.index(self.markets.len());
        let stamp = self.next_stamp();
        let changes: Vec<_> = (0..changed).map(|_| self.change(number)).collect();
        let market = &self.markets[number];
        let best = market.truth.best();
        let faces = if self.shape.both { 2 } else { 1 };
        let entries = changes.iter().flat_map(|change| (0..faces).map(move |face| (change, face)));
        let entries = entries.map(|(change, face)| {
            entry(&market.tokens[face], *change, face, best, self.random.bits())
        });
        let entries = entries.collect::<Vec<_>>().join(", ");
        let text = format!(
            "{{\"market\":\"{}\", \"price_changes\":[{entries}], \"timestamp\":\"{stamp}\", \
             \"event_type\":\"price_change\"}}",
            market.condition
        );
        self.message(number, text)
    }

    /// Changes one level of a market: side, price and what it holds now.
    fn change(&mut self, number: usize) -> (Side, u64, u64) {
        let Shape { reach, levels, whole, .. } = self.shape;
        let random = &mut self.random;
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let Market { truth, fair, .. } = &mut self.markets[number];
        let kept = truth.side(side);
        let is_removed = kept.len() > count(levels / 2) && random.below(3) == 0;
        if is_removed {
            let at = random.index(kept.len());
            if let Some(price) = kept.keys().nth(at).copied() {
                kept.remove(&price);
                return (side, price, 0);
            }
        }
        let (price, qty) = (near(random, *fair, side, reach), size(random, whole));
        kept.insert(price, qty);
        (side, price, qty)
    }
}

fn count(levels: u64) -> usize {
    usize::try_from(levels).expect("levels are few")
}

/// A price of one side, in thousandths.
fn near(random: &mut Random, fair: u64, side: Side, reach: u64) -> u64 {
    let away = 1 + random.below(reach);
    if side == Side::Buy { fair - away } else { fair + away }
}

/// A size in hundredths as seen in recordings: one to six digits before the dot, half of them whole.
fn size(random: &mut Random, whole: bool) -> u64 {
    if whole {
        return 100 * (100 + random.below(900));
    }
    let digits = u32::try_from(random.below(5)).expect("small") + 1;
    let whole = random.below(10_u64.pow(digits)) + 5;
    whole * 100 + if random.below(2) == 0 { 0 } else { random.below(100) }
}

/// A number of hundredths as Polymarket prints it: no trailing zeros.
fn cents(cents: u64) -> String {
    match (cents / 100, cents % 100) {
        (whole, 0) => whole.to_string(),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02}"),
    }
}

fn thousandths(price: u64) -> String {
    if price == 1_000 {
        return "1".to_owned();
    }
    match format!("0.{price:03}").trim_end_matches('0') {
        "0." => "0".to_owned(),
        text => text.to_owned(),
    }
}

/// A changed level as it stands in one token's entry.
fn entry(
    token: &str,
    (side, price, qty): (Side, u64, u64),
    face: usize,
    [bid, ask]: [Option<u64>; 2],
    hash: u64,
) -> String {
    let (bid, ask) = (bid.unwrap_or(0), ask.unwrap_or(1_000));
    let (side, price, bid, ask) = match face {
        0 => (side, price, bid, ask),
        _ => (side.other(), 1_000 - price, 1_000 - ask, 1_000 - bid),
    };
    let side = if side == Side::Buy { "BUY" } else { "SELL" };
    format!(
        "{{\"asset_id\":\"{token}\", \"price\":\"{}\", \"size\":\"{}\", \"side\":\"{side}\", \
         \"hash\":\"{hash:040x}\", \"best_bid\":\"{}\", \"best_ask\":\"{}\"}}",
        thousandths(price),
        cents(qty),
        thousandths(bid),
        thousandths(ask),
    )
}
