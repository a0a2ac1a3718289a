//! Ours: a feed as a feed tile drives it, housekeeping included.

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::shelf::{Shelf, ShelfReader, ShelfWriter};
use dutchbook_book::{
    Book, BookId, BookStatus, Face, Grid, Level, Nanos, Price, Qty, Rate, Side, Stamp,
};
use dutchbook_feeds::feed::{Feed, FeedConfig};
use dutchbook_feeds::notice::Sink;
use dutchbook_feeds::payload::PayloadBuf;

use super::Client;
use crate::stream::{Ladders, Market, Message, mirrored};

/// Payloads between two housekeeping calls.
const POLL_EVERY: u64 = 128;

/// Publishes every changed book, as the tile does.
struct Publisher(ShelfWriter);

impl Sink for Publisher {
    #[inline]
    fn book_named(&self, id: BookId) {
        self.0.fetch(id);
    }

    #[inline]
    fn book_changed(&mut self, id: BookId, book: &Book, _stamp: Stamp) {
        self.0.publish(id, book);
    }
}

/// A feed with its published views.
pub(crate) struct Ours {
    feed: Feed,
    room: PayloadBuf,
    out: Publisher,
    reader: ShelfReader,
    taken: u64,
}

/// What one venue lists here: a question each, not bound to any other.
pub(crate) fn listing(
    kind: VenueKind,
    catalog: &mut Catalog,
    native_market: &str,
    native_faces: Option<[String; 2]>,
    step_micro: u32,
) -> Listing {
    let venue = match catalog.venues.first() {
        Some(venue) => venue.id,
        None => catalog.add_venue(kind),
    };
    let event = catalog.add_event(native_market, EventLaw::Independent);
    let condition = catalog.add_condition(event, native_market);
    Listing {
        native_market: native_market.to_owned(),
        native_faces,
        lot: Qty::from_centi(1).expect("a lot"),
        fee: FeeSchedule::polymarket(Rate::from_ppm(40_000).expect("a rate"), 1),
        ..Listing::plain(
            kind,
            venue,
            condition,
            Grid::uniform(Price::from_micro(step_micro).expect("a price")).expect("a grid"),
        )
    }
}

impl Ours {
    pub(crate) fn polymarket(markets: &[Market], both: bool) -> Self {
        let mut catalog = Catalog::default();
        for market in markets {
            let faces = Some(market.tokens.clone());
            let listing =
                listing(VenueKind::Polymarket, &mut catalog, &market.condition, faces, 1_000);
            catalog.add_listing(listing);
        }
        let config = FeedConfig { both_faces: both, ..FeedConfig::of(VenueKind::Polymarket) };
        Self::new(VenueKind::Polymarket, &catalog, config)
    }

    pub(crate) fn kalshi<'a>(tickers: impl Iterator<Item = &'a str>) -> Self {
        let mut catalog = Catalog::default();
        for ticker in tickers {
            let listing = listing(VenueKind::Kalshi, &mut catalog, ticker, None, 10_000);
            catalog.add_listing(listing);
        }
        Self::new(VenueKind::Kalshi, &catalog, FeedConfig::of(VenueKind::Kalshi))
    }

    fn new(kind: VenueKind, catalog: &Catalog, config: FeedConfig) -> Self {
        let mut shelf = Shelf::new(catalog.listings.len());
        let books = catalog.listings.iter().map(|listing| listing.book);
        let writer = shelf.writer_of(books).expect("the first writer");
        let mut feed = Feed::new(kind, &catalog.listings, config).expect("a feed");
        let mut out = Publisher(writer);
        feed.on_connect(Nanos(1), &mut out);
        while feed.next_command().is_some() {}
        let room = PayloadBuf::with_capacity(1 << 14);
        Self { feed, room, out, reader: shelf.reader(), taken: 0 }
    }
}

impl Client for Ours {
    #[inline]
    fn take(&mut self, message: &Message) {
        self.feed.on_payload(&message.bytes, &mut self.room, message.now, &mut self.out);
        self.taken += 1;
        if self.taken.is_multiple_of(POLL_EVERY) {
            self.feed.poll(message.now, &mut self.out);
        }
    }

    fn ladders(&self, market: usize, native: &str) -> Ladders {
        let id = BookId(u32::try_from(market).expect("few books"));
        let book = self.feed.book(id).expect("a book");
        assert_eq!(book.stamp().status, BookStatus::Live, "{native}");
        let ladders = [Side::Buy, Side::Sell].map(|side| {
            let levels = book
                .ladder(side)
                .iter()
                .map(|(tick, qty)| (u64::from(book.grid().price_of(tick).micro()), qty.micro()));
            levels.collect()
        });
        let is_other = self
            .feed
            .ids()
            .get(native.as_bytes())
            .is_some_and(|instrument| instrument.face() == Face::No);
        if is_other { mirrored(ladders) } else { ladders }
    }

    fn tops(&self, books: &[(usize, &str)]) -> u64 {
        let level = |level: Option<Level>| {
            level.map_or(0, |level| u64::from(level.price.micro()) ^ level.qty.micro())
        };
        books.iter().fold(0, |sum, (number, _)| {
            let id = BookId(u32::try_from(*number).expect("few books"));
            let top = self.reader.top(id).expect("readable").top;
            sum ^ level(top.bid) ^ level(top.ask)
        })
    }
}
