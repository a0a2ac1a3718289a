//! Decode and apply: rows of one kind of message each, and the read of a best level.

use core::hint::black_box;
use std::time::Instant;

use support::Random;

use crate::clients::bot::Bot;
use crate::clients::ours::Ours;
use crate::clients::{BOT, Client, Named, OURS};
#[cfg(feature = "clients")]
use crate::clients::{NAUTILUS, POLYFILL, SDK, nautilus::Nautilus, polyfill::Polyfill, sdk::Sdk};
use crate::rounds::{Row, paired};
use crate::stream::kalshi::KalshiStream;
use crate::stream::{Ladders, Message, Shape, Stream, mirrored};

const SEED: u64 = 20_261_122;
const ROUNDS: usize = 101;
/// Messages after which all books are compared before anything is timed, in batches of one round.
const CHECKED_ROUNDS: usize = 4;
/// About what one bot follows.
const MARKETS: usize = 100;
const TICKERS: usize = 100;

/// All clients that read Polymarket, ours first.
fn polymarket_clients(stream: &Stream) -> Vec<Named> {
    let both = stream.shape.both;
    let ours: Named = (OURS, Box::new(Ours::polymarket(&stream.markets, both)));
    let plain: Named = (BOT, Box::new(Bot::default()));
    [ours, plain].into_iter().chain(published(stream)).collect()
}

#[cfg(not(feature = "clients"))]
fn published(_stream: &Stream) -> [Named; 0] {
    []
}

#[cfg(feature = "clients")]
fn published(stream: &Stream) -> [Named; 3] {
    let tokens = || followed(stream).into_iter().map(|(_, token, _)| token);
    [
        (POLYFILL, Box::new(Polyfill::new(tokens()))),
        (SDK, Box::new(Sdk::default())),
        (NAUTILUS, Box::new(Nautilus::new(tokens()))),
    ]
}

/// Market, token and true book of every token that is followed.
fn followed(stream: &Stream) -> Vec<(usize, &str, Ladders)> {
    let faces = if stream.shape.both { 2 } else { 1 };
    let markets = stream.markets.iter().enumerate();
    let tokens =
        markets.flat_map(|(number, market)| (0..faces).map(move |face| (number, market, face)));
    let tokens = tokens.map(|(number, market, face)| {
        let truth = market.truth.ladders();
        let truth = if face == 0 { truth } else { mirrored(truth) };
        (number, market.tokens[face].as_str(), truth)
    });
    tokens.collect()
}

fn assert_equal<'a>(clients: &[Named], books: impl IntoIterator<Item = (usize, &'a str, Ladders)>) {
    for (number, native, truth) in books {
        for (name, client) in clients {
            assert_eq!(client.ladders(number, native), truth, "{name}: {native}");
        }
    }
}

/// Times every client on the same batches. Before it and behind it all books are equal.
fn row<S>(
    name: &'static str,
    count: usize,
    mut stream: S,
    mut clients: Vec<Named>,
    mut next: impl FnMut(&mut S) -> Message,
    check: impl Fn(&S, &[Named]),
) -> Row {
    let mut batch = |stream: &mut S| (0..count).map(|_| next(stream)).collect::<Vec<_>>();
    for _ in 0..CHECKED_ROUNDS {
        let messages = batch(&mut stream);
        for (_, client) in &mut clients {
            client.time(&messages);
        }
        check(&stream, &clients);
    }
    let names: Vec<_> = clients.iter().map(|(name, _)| *name).collect();
    let mut number = 0;
    let row = paired(name, &names, ROUNDS, count, |took| {
        let messages = batch(&mut stream);
        number += 1;
        for turn in 0..names.len() {
            let candidate = (turn + number) % names.len();
            took(candidate, clients[candidate].1.time(&messages));
        }
    });
    check(&stream, &clients);
    row
}

fn polymarket(
    name: &'static str,
    shape: Shape,
    count: usize,
    next: impl FnMut(&mut Stream) -> Message,
) -> Row {
    let mut stream = Stream::new(SEED, shape, |_| 500);
    let mut clients = polymarket_clients(&stream);
    for message in stream.snapshots() {
        clients.iter_mut().for_each(|(_, client)| client.take(&message));
    }
    let check = |stream: &Stream, clients: &[Named]| assert_equal(clients, followed(stream));
    row(name, count, stream, clients, next, check)
}

/// A whole book of so many levels a side.
pub(crate) fn book(name: &'static str, levels: u64) -> Row {
    let shape = Shape { markets: MARKETS, levels, reach: 3 * levels, both: false, whole: false };
    polymarket(
        name,
        shape,
        1_024 / usize::try_from(levels).expect("few") + 16,
        Stream::changed_book,
    )
}

/// One entry: a token followed alone.
pub(crate) fn one_change(name: &'static str) -> Row {
    let shape = Shape { markets: MARKETS, levels: 30, reach: 60, both: false, whole: false };
    polymarket(name, shape, 256, |stream| stream.price_change(1))
}

/// Two entries for each changed level: both tokens are followed, as for trading they have to be.
pub(crate) fn changes(name: &'static str, levels: usize) -> Row {
    let shape = Shape { markets: MARKETS, levels: 30, reach: 60, both: true, whole: false };
    polymarket(name, shape, 256, move |stream| stream.price_change(levels))
}

/// Kalshi's messages; of the published clients none reads them.
pub(crate) fn kalshi(
    name: &'static str,
    count: usize,
    next: impl FnMut(&mut KalshiStream) -> Message,
) -> Row {
    let mut stream = KalshiStream::new(SEED, TICKERS);
    let tickers = stream.tickers.iter().map(|ticker| ticker.name.as_str());
    let ours: Named = (OURS, Box::new(Ours::kalshi(tickers)));
    let mut clients = vec![ours, (BOT, Box::new(Bot::default()) as Box<dyn Client>)];
    for message in stream.opening() {
        clients.iter_mut().for_each(|(_, client)| client.take(&message));
    }
    let check = |stream: &KalshiStream, clients: &[Named]| {
        let books = stream.tickers.iter().enumerate();
        let books = books.map(|(at, ticker)| (at, ticker.name.as_str(), ticker.truth.ladders()));
        assert_equal(clients, books);
    };
    row(name, count, stream, clients, next, check)
}

/// Best bid and ask of books that the client keeps, each found by the id that its interface wants.
/// Ours is the view that any thread may read at any time; the peers' books are their own thread's.
pub(crate) fn top_of_book(name: &'static str) -> Row {
    const COUNT: usize = 1_024;
    let shape = Shape { markets: MARKETS, levels: 30, reach: 60, both: false, whole: false };
    let mut stream = Stream::new(SEED, shape, |_| 500);
    let mut clients = polymarket_clients(&stream);
    for message in stream.snapshots() {
        clients.iter_mut().for_each(|(_, client)| client.take(&message));
    }
    assert_equal(&clients, followed(&stream));
    // It keeps no books: what would be read is its user's.
    #[cfg(feature = "clients")]
    clients.retain(|(name, _)| *name != SDK);
    let mut random = Random::new(SEED);
    let names: Vec<_> = clients.iter().map(|(name, _)| *name).collect();
    let mut number = 0;
    paired(name, &names, ROUNDS, COUNT, |took| {
        let picked = (0..COUNT).map(|_| random.index(MARKETS));
        let picked: Vec<(usize, &str)> =
            picked.map(|at| (at, stream.markets[at].tokens[0].as_str())).collect();
        number += 1;
        for turn in 0..names.len() {
            let candidate = (turn + number) % names.len();
            let start = Instant::now();
            black_box(clients[candidate].1.tops(black_box(&picked)));
            took(candidate, start.elapsed());
        }
    })
}
