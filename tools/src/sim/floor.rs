//! What a venue's own state reaches while it works: the books, its clients, and the time.
//!
//! A venue's own orders come back to it as return values; what others do on its books comes to its
//! `hear`, after the operation and before anything else happens.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Face, Grid, Nanos, Qty};

use super::faces::{Closed, FaceState, Faces, SessionId};
use super::fault::Trouble;
use super::flow::{Desk, Ending, Tape};
use super::matching::{MatchEvent, NewOrder, OrderKey, RestingOrder, Submitted};
use super::scenario::Scenario;
use super::world::{Market, Rejected, World};
use super::{kalshi, polymarket};

/// The first owner that is a client; smaller ones are agents of the flow.
pub const CLIENT_OWNERS_FROM: u32 = 1 << 31;

/// Something that happened on a book and was not the venue's own doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// An operation of the flow.
    Changed(Vec<MatchEvent>),
    /// Other prices are accepted from now on: the step before and after, in parts of a million.
    Tick {
        /// Before.
        old: u32,
        /// From now on.
        new: u32,
    },
    /// The listing is shown from now on.
    Listed,
    /// The fee of its event is another, in parts of a billion of the usual one; `None` is the
    /// series' own again.
    Fee(Option<u32>),
    /// The listing ends. Its orders were cancelled by a [`Happened::Changed`] before.
    Ended(Ending),
}

/// Tells the clients at once, and keeps what the venues have to hear.
pub(super) struct Recorder<'a> {
    pub(super) faces: &'a mut Faces,
    pub(super) happened: &'a mut Vec<(BookId, Happened)>,
}

impl Tape for Recorder<'_> {
    fn changed(&mut self, book: BookId, market: &Market, now: Nanos, events: &[MatchEvent]) {
        self.faces.changed(book, market, now, events);
        self.happened.push((book, Happened::Changed(events.to_vec())));
    }

    fn tick_changed(&mut self, book: BookId, market: &Market, now: Nanos, grids: [&Grid; 2]) {
        self.faces.tick_changed(book, market, now, grids);
        let [old, new] = grids.map(Grid::step);
        self.happened.push((book, Happened::Tick { old, new }));
    }

    fn listed(&mut self, book: BookId) {
        self.happened.push((book, Happened::Listed));
    }

    fn fee_changed(&mut self, book: BookId, multiplier_nano: Option<u32>) {
        self.happened.push((book, Happened::Fee(multiplier_nano)));
    }

    fn ended(&mut self, book: BookId, market: &Market, now: Nanos, ending: Ending) {
        self.faces.ended(book, market, now, ending);
        self.happened.push((book, Happened::Ended(ending)));
    }
}

/// The floor on which a venue works.
#[expect(missing_debug_implementations, reason = "it borrows everything that there is")]
pub struct Floor<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) world: &'a mut World,
    pub(super) faces: &'a mut Faces,
    pub(super) happened: &'a mut Vec<(BookId, Happened)>,
    pub(super) troubles: &'a mut [Trouble; 2],
    /// The time of the world; the venue's clock may be wrong.
    pub(super) real: Nanos,
    pub(super) clock: Nanos,
    pub(super) fine: Grid,
}

impl<'a> Floor<'a> {
    /// When it is, by the venue's own clock.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        self.clock
    }

    /// Until when a venue's matching engine is down.
    #[must_use]
    pub fn down_until(&self, kind: VenueKind) -> Option<Nanos> {
        let [polymarket, kalshi] = &*self.troubles;
        let own = if kind == VenueKind::Polymarket { polymarket } else { kalshi };
        own.down_until(self.real)
    }

    /// What is listed.
    #[must_use]
    pub const fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// The listings of both venues, by book.
    #[must_use]
    pub fn markets(&self) -> &[Market] {
        &self.world.markets
    }

    /// One listing.
    #[must_use]
    pub fn market(&self, book: BookId) -> Option<&Market> {
        self.world.markets.get(book.index())
    }

    /// Places a client's order; public frames leave at once. A price between two ticks is moved in
    /// its owner's favour: a venue that refuses such prices looks before.
    ///
    /// # Errors
    /// When the listing refuses it; nothing has changed then.
    pub fn submit(
        &mut self,
        book: BookId,
        order: NewOrder,
    ) -> Result<(Submitted, Vec<MatchEvent>), Rejected> {
        let from = self.happened.len();
        let done = self.desk(|desk| desk.place(book, order))?;
        Ok((done, self.own_events(book, from)))
    }

    /// Places a client's order that names one face of the listing: public prints of it say so.
    ///
    /// # Errors
    /// When the listing refuses it; nothing has changed then.
    pub fn submit_as(
        &mut self,
        book: BookId,
        order: NewOrder,
        face: Face,
    ) -> Result<(Submitted, Vec<MatchEvent>), Rejected> {
        self.name(book, Some(face));
        let done = self.submit(book, order);
        self.name(book, None);
        done
    }

    fn name(&mut self, book: BookId, face: Option<Face>) {
        if let Some(market) = self.world.markets.get_mut(book.index()) {
            market.named = face;
        }
    }

    /// Cancels a client's order; `None` when it rests no more.
    pub fn cancel(
        &mut self,
        book: BookId,
        key: OrderKey,
    ) -> Option<(RestingOrder, Vec<MatchEvent>)> {
        let from = self.happened.len();
        let order = self.desk(|desk| desk.cancel(book, key))?;
        Some((order, self.own_events(book, from)))
    }

    /// Replaces a client's order by another, which keeps its place where it only gets smaller.
    ///
    /// # Errors
    /// When the listing refuses it; nothing has changed then.
    pub fn replace(
        &mut self,
        book: BookId,
        key: OrderKey,
        order: NewOrder,
    ) -> Result<(Submitted, Vec<MatchEvent>), Rejected> {
        let from = self.happened.len();
        let done = self.desk(|desk| desk.replace(book, key, order))?;
        Ok((done, self.own_events(book, from)))
    }

    /// Says how many pairs of contracts of a listing exist.
    pub fn set_open_interest(&mut self, book: BookId, pairs: Qty) {
        if let Some(market) = self.world.markets.get_mut(book.index()) {
            market.open_interest = pairs;
        }
    }

    /// Says whose operation on Kalshi is under way: only its owner sees its id in the deltas.
    pub fn mark_kalshi(&mut self, mark: Option<kalshi::Mark>) {
        self.faces.mark = mark;
    }

    fn desk<T>(&mut self, work: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let mut tape = Recorder { faces: &mut *self.faces, happened: &mut *self.happened };
        let (now, fine) = (self.real, self.fine);
        work(&mut Desk { world: &mut *self.world, tape: &mut tape, now, fine })
    }

    /// Takes the events of the venue's own operation back from what it has to hear.
    fn own_events(&mut self, own: BookId, from: usize) -> Vec<MatchEvent> {
        let is_own = |entry: &mut (BookId, Happened)| {
            entry.0 == own && matches!(entry.1, Happened::Changed(_))
        };
        let taken = self.happened.extract_if(from.., is_own).filter_map(|(_, what)| match what {
            Happened::Changed(events) => Some(events),
            Happened::Tick { .. } | Happened::Listed | Happened::Fee(_) | Happened::Ended(_) => {
                None
            }
        });
        taken.flatten().collect()
    }

    /// Sends an answer: it is never lost.
    pub fn reply(&mut self, to: SessionId, text: String) {
        let now = self.real;
        if let Some(session) = self.faces.sessions.get_mut(&to) {
            session.push(now, text);
        }
    }

    /// Sends a frame of a private stream: faults may strike it.
    pub fn push(&mut self, to: SessionId, text: String) {
        let now = self.real;
        if let Some(session) = self.faces.sessions.get_mut(&to) {
            session.push_data(now, text);
        }
    }

    /// Ends a connection after what it was sent.
    pub fn close(&mut self, session: SessionId) {
        if let Some(session) = self.faces.sessions.get_mut(&session) {
            session.close(Closed::ByVenue);
        }
    }

    /// Connections of Polymarket with their states, but for one whose message is being read.
    pub fn polymarket_sessions(
        &mut self,
    ) -> impl Iterator<Item = (SessionId, &mut polymarket::Session)> {
        self.faces.sessions.iter_mut().filter_map(|(id, session)| match &mut session.state {
            FaceState::Polymarket(state) => Some((*id, state)),
            FaceState::Kalshi(_) | FaceState::Away => None,
        })
    }

    /// Every connection of Polymarket that wants it gets this public frame.
    pub(super) fn tell_polymarket(&mut self, frame: &polymarket::Frame) {
        self.faces.tell_polymarket(self.real, core::slice::from_ref(frame));
    }

    /// Every connection of Kalshi gets the frame that is made for it, if one is; but for one whose
    /// message is being read.
    pub fn push_kalshi(
        &mut self,
        mut frame: impl FnMut(SessionId, &mut kalshi::Session) -> Option<String>,
    ) {
        let mut fills = Vec::new();
        let [_, trouble] = &mut *self.troubles;
        self.faces.tell_each_kalshi(self.real, |id, session| {
            let text = frame(id, session)?;
            if text.starts_with(r#"{"type":"fill""#) && trouble.repeats_fill() {
                fills.push((id, text.clone()));
            }
            Some(text)
        });
        for (id, text) in fills {
            self.push(id, text);
        }
    }
}
