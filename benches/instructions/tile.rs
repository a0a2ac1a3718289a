//! A message through a whole feed tile with the engine on it, and through the usual bot.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dutchbook_book::Cash;
use dutchbook_book::shelf::Shelf;
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::engine::Engine;
use dutchbook_core::journal::journal;
use dutchbook_core::net::Handler;
use dutchbook_core::relation::structural;
use dutchbook_core::risk::kill::KillSwitch;
use dutchbook_core::telemetry::{Counters, latency};
use dutchbook_core::tile::feed::FeedTile;
use dutchbook_core::tile::publisher::{Publisher, Route};
use dutchbook_core::tile::stages::stages;
use dutchbook_feeds::feed::{Feed, FeedConfig};

use crate::market::{Market, Message, Prices, VENUES};
use crate::naive::{Books, Evaluator};
use crate::{Job, PIECES};

const SEED: u64 = 20_261_122;
/// Messages before the count, so that books, groups and sums are as in a run.
const WARM_UP: usize = 4_096;
/// Ahead of any clock: no message is late.
const STAMP_MS: u64 = 2_100_000_000_000;

/// Snapshots of all books and the messages before the count, and those of the count.
fn messages(market: &mut Market) -> (Vec<Message>, Vec<Message>) {
    let mut before = market.snapshots();
    before.extend((0..WARM_UP).map(|_| market.message()));
    let counted = (0..PIECES).map(|_| market.message()).collect();
    (before, counted)
}

fn tile(market: &Market) -> FeedTile {
    let catalog = market.catalog.clone();
    let feeds = VENUES.map(|kind| {
        let listings = catalog.listings.iter().filter(|listing| listing.kind == kind);
        Feed::new(kind, listings, FeedConfig::of(kind)).unwrap()
    });
    let mut shelf = Shelf::new(catalog.listings.len());
    let books = catalog.listings.iter().map(|listing| listing.book).collect::<Vec<_>>();
    let half = shelf.writer_of(books).unwrap();
    let relations = structural(&catalog);
    let mut config = Config::parse("").unwrap().engine();
    config.price.min_net = Cash::ZERO;
    config.price.min_edge = 0;
    config.trades = false;
    let kill = KillSwitch::default();
    let (writer, _) = journal(64, 1_024);
    let engine = Engine::new(catalog, relations, &config, shelf.reader(), writer, kill).unwrap();
    let clock = Clock::new();
    let mut tile = FeedTile::new(
        feeds.into(),
        Publisher::new(half, Route::Inline(Box::new(engine)), clock.clone()),
        clock,
        Arc::new(AtomicBool::new(false)),
        Counters::default(),
        [(); 2].map(|()| latency(64, 1_024).unwrap().0),
        stages(64, 1_024).unwrap().0,
    );
    for connection in 0..VENUES.len() {
        tile.on_connect(connection);
        while tile.next_command(connection).is_some() {}
    }
    tile
}

pub(crate) fn payload_to_decision() -> Job {
    let mut market = Market::new(SEED, STAMP_MS, Prices::default());
    let mut tile = tile(&market);
    let (before, counted) = messages(&mut market);
    for message in &before {
        tile.on_payload(message.connection, message.text.as_bytes());
    }
    Box::new(move |n| tile.on_payload(counted[n].connection, counted[n].text.as_bytes()))
}

pub(crate) fn payload_to_decision_naively() -> Job {
    let mut market = Market::new(SEED, STAMP_MS, Prices::default());
    let (mut books, mut evaluator) = (Books::new(&market.catalog), Evaluator::new(&market.catalog));
    let (before, counted) = messages(&mut market);
    let mut take = move |message: &Message| {
        if let Some(quote) = books.on_message(message.text.as_bytes()) {
            evaluator.on_quote(quote);
        }
    };
    before.iter().for_each(&mut take);
    Box::new(move |n| take(&counted[n]))
}
