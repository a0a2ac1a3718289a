//! Polymarket as a company: its accounts, its clients' orders and what becomes of their trades.
//!
//! Without I/O: [`Venue::answer`] serves REST, [`Venue::on_text`] the WebSockets, [`Venue::hear`]
//! learns what others did on the books, [`Venue::wake`] does what is due at a time.

use dutchbook_book::{BookId, Nanos};

use super::super::door::{HttpReply, HttpRequest};
use super::super::faces::SessionId;
use super::super::floor::{Floor, Happened};
use super::super::scenario::Scenario;
use super::{Reply, Session, Shown, dump};

/// Accounts, orders and trades of Polymarket.
#[derive(Clone, Debug)]
pub struct Venue {}

impl Venue {
    /// A venue without clients.
    #[must_use]
    pub const fn new(_scenario: &Scenario, _seed: u64) -> Self {
        Self {}
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&mut self, _floor: &mut Floor<'_>, _request: &HttpRequest<'_>) -> HttpReply {
        HttpReply::json(404, r#"{"error":"not found"}"#)
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// With a refusal where there is none.
    pub fn open(&mut self, request: &HttpRequest<'_>, _now: Nanos) -> Result<Session, HttpReply> {
        match request.path {
            "/ws/market" => Ok(Session::default()),
            _ => Err(HttpReply::json(404, r#"{"error":"not found"}"#)),
        }
    }

    /// A client says something on its WebSocket.
    pub fn on_text(
        &mut self,
        floor: &mut Floor<'_>,
        id: SessionId,
        session: &mut Session,
        text: &str,
    ) {
        let scenario = floor.scenario();
        match session.on_text(text, scenario) {
            Reply::Text(reply) => floor.reply(id, reply.to_owned()),
            Reply::Dump(instruments) => {
                let now = floor.now();
                let books = instruments.iter().filter_map(|instrument| {
                    let listing = scenario.catalog.listing(instrument.book())?;
                    let market = floor.market(instrument.book())?;
                    Some((Shown { listing, market, now }, instrument.face()))
                });
                let dump = dump(books);
                floor.reply(id, dump);
            }
            Reply::Silence => {}
        }
    }

    /// A client's connection is gone.
    pub const fn left(&mut self, _id: SessionId) {}

    /// Others did something on a book of this venue.
    pub const fn hear(&mut self, _floor: &mut Floor<'_>, _book: BookId, _what: &Happened) {}

    /// When [`Venue::wake`] is wanted next.
    #[must_use]
    pub const fn next_at(&self) -> Option<Nanos> {
        None
    }

    /// Does what is due by now. Afterwards `next_at` is later.
    pub const fn wake(&mut self, _floor: &mut Floor<'_>) {}
}
