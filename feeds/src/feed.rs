//! One connection's worth of books: payloads in, changed books and notices out.
//!
//! A feed owns its books, the table of native ids, the decoders and the session. It reads no clock
//! and opens no socket: the owner hands in payloads with their receive time, calls [`Feed::poll`]
//! now and then, sends what [`Feed::next_command`] returns, and reports connections made and lost.
//!
//! **A message that cannot be read** is counted, named in a notice, and never changes a level. What
//! it might have said is unknown, so every book that it may have spoken of stops being live: one
//! book where the message still names it, otherwise every book of the connection, until each has
//! its own new snapshot, which is sent for at once. Kalshi's sequence would show the hole with the
//! next message anyway; Polymarket has none, so there is nothing else to go by.

mod cold;
mod outbox;
mod state;
mod steer;
mod ticker;

use core::cell::Cell;
use core::fmt;

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::{Book, BookId, Face, InstrumentId, Nanos, Price, Side};

use crate::batch::{Batch, Update, UpdateKind};
use crate::counters::Counters;
use crate::fast::{KalshiDecoder, PolymarketDecoder};
use crate::general::drift::Drift;
use crate::general::{GeneralDecoder, Item};
use crate::ids::{Herald, Heralded, IdTable, Ids};
use crate::kind::MessageKind;
use crate::notice::{LossReason, Sink};
use crate::payload::PayloadBuf;
use crate::session::{Limits, SessionStep, Sync};
use state::State;

/// Which decoder sees a payload first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecoderChoice {
    /// The fastest that this machine runs, then the general one.
    #[default]
    Fast,
    /// The scalar twin of the fast one, then the general one.
    Scalar,
    /// The general one only.
    General,
}

/// How a feed is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// Which decoder sees a payload first.
    pub decoder: DecoderChoice,
    /// Kalshi: scale of the NO side, as subscribed; the engine subscribes with what stands here.
    pub use_yes_price: bool,
    /// Polymarket: whether both tokens of a market are subscribed, or the first only.
    pub both_faces: bool,
    /// Kalshi: whether public trades are subscribed.
    pub trades: bool,
    /// Kalshi: whether the life of markets is subscribed.
    pub lifecycle: bool,
    /// Kalshi: whether tickers are subscribed and compared with the books.
    pub ticker: bool,
    /// How long is too long.
    pub limits: Limits,
}

impl FeedConfig {
    /// What suits a venue.
    #[must_use]
    pub const fn of(kind: VenueKind) -> Self {
        Self {
            decoder: DecoderChoice::Fast,
            use_yes_price: false,
            both_faces: true,
            trades: true,
            lifecycle: true,
            ticker: false,
            limits: Limits::of(kind),
        }
    }
}

/// Why a feed cannot be made of these listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// A listing is of another venue.
    OtherVenue(BookId),
    /// A listing of Polymarket names no tokens.
    MissingFaces(BookId),
    /// A native id stands for two instruments.
    IdTaken(String),
    /// A book is listed twice.
    BookTaken(BookId),
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherVenue(book) => write!(f, "book {book} is listed on another venue"),
            Self::MissingFaces(book) => write!(f, "book {book} is listed without its two tokens"),
            Self::IdTaken(native) => write!(f, "native id {native} is listed twice"),
            Self::BookTaken(book) => write!(f, "book {book} is listed twice"),
        }
    }
}

impl core::error::Error for FeedError {}

/// The fast decoder of a venue, where one is wanted.
#[derive(Clone, Copy, Debug)]
enum Fast {
    None,
    Polymarket(PolymarketDecoder),
    Kalshi(KalshiDecoder),
}

impl Fast {
    fn new(kind: VenueKind, config: &FeedConfig) -> Self {
        match (kind, config.decoder) {
            (_, DecoderChoice::General) => Self::None,
            (VenueKind::Polymarket, DecoderChoice::Fast) => {
                Self::Polymarket(PolymarketDecoder::detect())
            }
            (VenueKind::Polymarket, DecoderChoice::Scalar) => {
                Self::Polymarket(PolymarketDecoder::scalar())
            }
            (VenueKind::Kalshi, DecoderChoice::Fast) => {
                Self::Kalshi(KalshiDecoder::detect(config.use_yes_price))
            }
            (VenueKind::Kalshi, DecoderChoice::Scalar) => {
                Self::Kalshi(KalshiDecoder::scalar(config.use_yes_price))
            }
        }
    }

    /// Decodes a payload where it lies, or else from a copy with padding.
    #[inline]
    fn decode(
        &self,
        bytes: &[u8],
        room: &mut PayloadBuf,
        ids: &impl Ids,
        batch: &mut Batch,
    ) -> bool {
        match self {
            Self::None => false,
            Self::Polymarket(decoder) => {
                decoder.decode_in_place(bytes, ids, batch)
                    || decoder.decode(room.fill(bytes), ids, batch)
            }
            Self::Kalshi(decoder) => decoder.decode(room.fill(bytes), ids, batch),
        }
    }

    /// What the message of an update was; fast decoders take only these.
    const fn kind_of(&self, update: &Update) -> MessageKind {
        match (self, update.kind) {
            (Self::Kalshi(_), UpdateKind::Snapshot) => MessageKind::OrderbookSnapshot,
            (Self::Kalshi(_), UpdateKind::Add | UpdateKind::Set) => MessageKind::OrderbookDelta,
            (Self::Polymarket(_) | Self::None, UpdateKind::Snapshot) => MessageKind::Book,
            (Self::Polymarket(_) | Self::None, UpdateKind::Add | UpdateKind::Set) => {
                MessageKind::PriceChange
            }
        }
    }
}

/// The books of one connection.
#[derive(Debug)]
pub struct Feed {
    kind: VenueKind,
    ids: IdTable,
    batch: Batch,
    fast: Fast,
    general: GeneralDecoder,
    state: State,
}

impl Feed {
    /// A feed for these listings, all of one venue. Their books await snapshots.
    ///
    /// # Errors
    /// When a listing is of another venue, lacks its tokens, or an id or a book comes twice.
    pub fn new<'a>(
        kind: VenueKind,
        listings: impl IntoIterator<Item = &'a Listing>,
        config: FeedConfig,
    ) -> Result<Self, FeedError> {
        let mut state = State::new(kind, config);
        let mut ids = IdTable::default();
        for listing in listings {
            if listing.kind != kind {
                return Err(FeedError::OtherVenue(listing.book));
            }
            list_ids(&mut ids, listing)?;
            if !state.add(listing) {
                return Err(FeedError::BookTaken(listing.book));
            }
        }
        Ok(Self {
            kind,
            ids,
            batch: Batch::with_capacity(1024),
            fast: Fast::new(kind, &config),
            general: GeneralDecoder::new(kind, config.use_yes_price),
            state,
        })
    }

    /// Follows one more listing from now on: its book awaits a snapshot, and is asked for on the open
    /// connection with the next command.
    ///
    /// # Errors
    /// When it is of another venue, lacks its tokens, or is followed already; nothing changes then.
    pub fn list(&mut self, listing: &Listing, now: Nanos) -> Result<(), FeedError> {
        if listing.kind != self.kind {
            return Err(FeedError::OtherVenue(listing.book));
        }
        if self.book(listing.book).is_some() {
            return Err(FeedError::BookTaken(listing.book));
        }
        list_ids(&mut self.ids, listing)?;
        self.state.add(listing);
        self.state.ask_for_new(listing.book, now);
        Ok(())
    }

    /// The venue.
    #[must_use]
    pub const fn kind(&self) -> VenueKind {
        self.kind
    }

    /// Takes one payload; `room` is for a copy of it with padding, should one be needed. Messages about
    /// levels cost no allocation once buffers have grown.
    pub fn on_payload(
        &mut self,
        payload: &[u8],
        room: &mut PayloadBuf,
        now: Nanos,
        sink: &mut impl Sink,
    ) {
        self.state.received(payload.len(), now);
        let herald =
            Ahead { table: &self.ids, state: &self.state, sink: &*sink, seen: Cell::new(0) };
        let ids = Heralded { table: &self.ids, herald };
        if self.fast.decode(payload, room, &ids, &mut self.batch) {
            if let Some(first) = self.batch.updates.first() {
                sink.book_coming(first.instrument.book());
            }
            self.state.counters.fast_hits += 1;
            for update in &self.batch.updates {
                let kind = self.fast.kind_of(update);
                self.state.update(kind, update, self.batch.levels_of(update), now, sink);
            }
        } else {
            self.decode_general(payload, now, sink);
        }
        self.state.publish(now, sink);
    }

    fn decode_general(&mut self, payload: &[u8], now: Nanos, sink: &mut impl Sink) {
        let (state, ids) = (&mut self.state, &self.ids);
        let each = |item: Item<'_>| match item {
            Item::Levels { kind, update, levels, source: _ } => {
                state.update(kind, &update, levels, now, sink);
            }
            Item::Record(record) => state.record(&record, ids, now, sink),
        };
        match self.general.decode(payload, ids, &mut self.batch, each) {
            Ok(()) => {
                self.state.counters.general_hits += 1;
                if self.general.drift().has_unknown() {
                    self.take_unknown(payload, sink);
                }
            }
            Err(error) => {
                self.general.drift_mut().keep(payload);
                self.state.malformed(error, sink);
            }
        }
    }

    /// A message of an unknown type: whatever book it names may have changed without our knowing.
    #[cold]
    fn take_unknown(&mut self, payload: &[u8], sink: &mut impl Sink) {
        self.general.drift_mut().keep(payload);
        for instrument in self.general.drift().touched() {
            if let Some(at) = self.state.slot_of(*instrument) {
                self.state.lose(at, Sync::Stale, LossReason::UnknownShape, sink);
            }
        }
    }

    /// What was met that no document knows.
    #[must_use]
    pub const fn drift(&self) -> &Drift {
        self.general.drift()
    }

    /// Housekeeping: heartbeat, silence, updates that count as finished, snapshots to ask again.
    pub fn poll(&mut self, now: Nanos, sink: &mut impl Sink) -> SessionStep {
        let step = self.state.poll(now, sink);
        self.state.publish(now, sink);
        step
    }

    /// The connection is open: every book awaits its own new snapshot, and the subscriptions are
    /// ready in [`Feed::next_command`].
    pub fn on_connect(&mut self, now: Nanos, sink: &mut impl Sink) {
        self.state.disconnect(now, sink);
        self.state.connect(now);
        self.state.publish(now, sink);
    }

    /// The connection is gone: every book is stale.
    pub fn on_disconnect(&mut self, now: Nanos, sink: &mut impl Sink) {
        self.state.disconnect(now, sink);
        self.state.publish(now, sink);
    }

    /// A sign of life below the payloads: a ping or pong of the transport.
    pub const fn on_heard(&mut self, now: Nanos) {
        self.state.heard(now);
    }

    /// The next text to send, or `None`. Ask again after each, and after each payload and poll.
    pub fn next_command(&mut self) -> Option<String> {
        self.state.next_command()
    }

    /// A recording or a run is over: updates that waited for a further message are finished.
    pub fn finish(&mut self, now: Nanos, sink: &mut impl Sink) {
        self.state.close_groups(Nanos(u64::MAX), sink);
        self.state.publish(now, sink);
    }

    /// A book of this feed.
    #[must_use]
    pub fn book(&self, id: BookId) -> Option<&Book> {
        self.state.book(id)
    }

    /// All books of this feed.
    pub fn books(&self) -> impl Iterator<Item = (BookId, &Book)> {
        self.state.books()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.state.counters
    }

    /// The table of native ids.
    #[must_use]
    pub const fn ids(&self) -> &IdTable {
        &self.ids
    }
}

/// Fetches what a message is going to need, as soon as it is named.
struct Ahead<'a, S> {
    table: &'a IdTable,
    state: &'a State,
    sink: &'a S,
    /// Instruments and levels named so far.
    seen: Cell<u32>,
}

impl<S: Sink> Herald for Ahead<'_, S> {
    /// A message about levels names both faces of one book where both are followed: the first tells both.
    #[inline(always)]
    fn instrument(&self, instrument: InstrumentId) {
        if self.seen.get() & 1 == 0 {
            self.seen.set(1);
            self.state.fetch(instrument.book());
            self.sink.book_named(instrument.book());
            if self.state.config.both_faces {
                self.table.fetch(instrument.complement());
            }
        }
    }

    #[inline(always)]
    fn level(&self, instrument: InstrumentId, side: Side, price: Price) {
        if self.seen.get() & 2 == 0 {
            self.seen.set(3);
            self.state.fetch_level(instrument, side, price);
        }
    }

    #[inline(always)]
    fn book(&self, instrument: InstrumentId) {
        self.state.fetch_words(instrument);
    }

    #[inline(always)]
    fn side(&self, instrument: InstrumentId, side: Side, first: Price) {
        self.state.fetch_side(instrument, side, first);
    }
}

/// Lists the ids under which messages speak of a book.
fn list_ids(ids: &mut IdTable, listing: &Listing) -> Result<(), FeedError> {
    let mut list = |native: &str, face| {
        let instrument = listing.book.instrument(face);
        ids.insert(native.as_bytes(), instrument).map_err(|_| FeedError::IdTaken(native.to_owned()))
    };
    match (listing.kind, &listing.native_faces) {
        (VenueKind::Polymarket, Some([yes, no])) => {
            list(yes, Face::Yes)?;
            list(no, Face::No)
        }
        (VenueKind::Polymarket, None) => Err(FeedError::MissingFaces(listing.book)),
        (VenueKind::Kalshi, _) => list(&listing.native_market, Face::Yes),
    }
}

#[cfg(test)]
mod hostile_tests;
