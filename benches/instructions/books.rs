//! Decoders, the table of ids and one book.

use core::hint::black_box;
use std::collections::{BTreeMap, HashMap};

use dutchbook_book::{Book, Face, Grid, Price, Qty, Side};
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::fast::{KalshiDecoder, PolymarketDecoder};
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::payload::PayloadBuf;
use support::Random;
use support::messages::{self, Listed};

use crate::rivals::{self, SerdeJson, SonicRs};
use crate::{Job, PIECES};

const SEED: u64 = 20_261_001;
const MESSAGES: usize = 128;

/// Decodes one of the messages in turn with `decode`, which must take it.
fn decoding(
    listed: Listed,
    make: impl Fn(&mut Random, &Listed, usize) -> PayloadBuf,
    mut decode: impl FnMut(&PayloadBuf, &IdTable, &mut Batch) -> bool + 'static,
) -> Job {
    let mut random = Random::new(SEED);
    let messages: Vec<_> = (0..MESSAGES).map(|n| make(&mut random, &listed, n)).collect();
    let mut batch = Batch::with_capacity(256);
    for message in &messages {
        assert!(decode(message, &listed.table, &mut batch));
    }
    Box::new(move |n| {
        black_box(decode(black_box(&messages[n % MESSAGES]), &listed.table, &mut batch));
        black_box(&batch);
    })
}

fn tokens() -> Listed {
    messages::tokens(&mut Random::new(SEED), 200)
}

fn tickers() -> Listed {
    messages::tickers(&mut Random::new(SEED), 200)
}

fn polymarket(make: impl Fn(&mut Random, &Listed, usize) -> PayloadBuf) -> Job {
    let decoder = PolymarketDecoder::detect();
    decoding(tokens(), make, move |message, ids, batch| {
        decoder.decode(message.payload(), ids, batch)
    })
}

fn kalshi(make: impl Fn(&mut Random, &Listed, usize) -> PayloadBuf) -> Job {
    let decoder = KalshiDecoder::detect(false);
    decoding(tickers(), make, move |message, ids, batch| {
        decoder.decode(message.payload(), ids, batch)
    })
}

fn one_change(random: &mut Random, listed: &Listed, _: usize) -> PayloadBuf {
    messages::price_change(random, listed, 1)
}

fn whole_book(random: &mut Random, listed: &Listed, _: usize) -> PayloadBuf {
    messages::book(random, listed, 40)
}

fn delta(random: &mut Random, listed: &Listed, n: usize) -> PayloadBuf {
    messages::kalshi_delta(random, listed, n)
}

fn snapshot(random: &mut Random, listed: &Listed, _: usize) -> PayloadBuf {
    messages::kalshi_snapshot(random, listed, 40)
}

pub(crate) fn price_change() -> Job {
    polymarket(one_change)
}

pub(crate) fn price_change_by_serde() -> Job {
    decoding(tokens(), one_change, |message, ids, batch| {
        rivals::price_change::<SerdeJson>(message.payload().bytes(), ids, batch).is_some()
    })
}

pub(crate) fn price_change_by_sonic() -> Job {
    decoding(tokens(), one_change, |message, ids, batch| {
        rivals::price_change::<SonicRs>(message.payload().bytes(), ids, batch).is_some()
    })
}

pub(crate) fn book() -> Job {
    polymarket(whole_book)
}

pub(crate) fn book_by_serde() -> Job {
    decoding(tokens(), whole_book, |message, ids, batch| {
        rivals::book::<SerdeJson>(message.payload().bytes(), ids, batch).is_some()
    })
}

pub(crate) fn kalshi_delta() -> Job {
    kalshi(delta)
}

pub(crate) fn kalshi_delta_by_serde() -> Job {
    decoding(tickers(), delta, |message, ids, batch| {
        rivals::kalshi_delta::<SerdeJson>(message.payload().bytes(), ids, batch).is_some()
    })
}

pub(crate) fn kalshi_snapshot() -> Job {
    kalshi(snapshot)
}

pub(crate) fn kalshi_snapshot_by_serde() -> Job {
    decoding(tickers(), snapshot, |message, ids, batch| {
        rivals::kalshi_snapshot::<SerdeJson>(message.payload().bytes(), ids, batch).is_some()
    })
}

const IDS: usize = 10_000;

fn asked(listed: &Listed) -> Vec<String> {
    let mut random = Random::new(SEED);
    (0..PIECES).map(|_| listed.ids[random.index(IDS)].clone()).collect()
}

pub(crate) fn look_up() -> Job {
    let listed = messages::tokens(&mut Random::new(SEED), IDS);
    let asked = asked(&listed);
    Box::new(move |n| {
        black_box(listed.table.get(black_box(asked[n].as_bytes())));
    })
}

/// The map hashes with fixed keys: its random ones would change the count from run to run.
pub(crate) fn look_up_by_map() -> Job {
    type Fixed = core::hash::BuildHasherDefault<std::hash::DefaultHasher>;
    let listed = messages::tokens(&mut Random::new(SEED), IDS);
    let asked = asked(&listed);
    let map: HashMap<String, u32, Fixed> = listed.ids.into_iter().zip(0_u32..).collect();
    Box::new(move |n| {
        black_box(map.get(black_box(asked[n].as_str())));
    })
}

/// Changed levels as in the bench of books: within forty ticks, a quarter of them removed.
fn changes() -> Vec<(Side, Price, Qty)> {
    let mut random = Random::new(SEED);
    let changes = (0..4 * PIECES).map(|_| {
        let away = u32::try_from(random.below(40)).unwrap();
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let tick = if side == Side::Buy { 499 - away } else { 500 + away };
        let contracts = if random.below(4) == 0 { 0 } else { 1 + random.below(999) };
        (side, Price::from_micro(tick * 1_000).unwrap(), Qty::from_contracts(contracts).unwrap())
    });
    changes.collect()
}

pub(crate) fn changed_level() -> Job {
    let mut book = Book::new(Grid::uniform(Price::from_micro(1_000).unwrap()).unwrap());
    book.begin_snapshot();
    let mut changes = changes();
    let counted = changes.split_off(3 * PIECES);
    let mut apply = move |(side, price, qty): (Side, Price, Qty)| {
        assert!(book.set_level(Face::Yes, side, price, qty).is_ok());
        black_box(book.top());
    };
    changes.into_iter().for_each(&mut apply);
    Box::new(move |n| apply(black_box(counted[n])))
}

pub(crate) fn changed_level_by_map() -> Job {
    let mut sides = [BTreeMap::<u32, u64>::new(), BTreeMap::new()];
    let mut changes = changes();
    let counted = changes.split_off(3 * PIECES);
    let mut apply = move |(side, price, qty): (Side, Price, Qty)| {
        let levels = &mut sides[side as usize];
        if qty.is_zero() {
            levels.remove(&price.micro());
        } else {
            levels.insert(price.micro(), qty.micro());
        }
        black_box((sides[0].last_key_value(), sides[1].first_key_value()));
    };
    changes.into_iter().for_each(&mut apply);
    Box::new(move |n| apply(black_box(counted[n])))
}
