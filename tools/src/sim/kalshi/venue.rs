//! Kalshi as a company: its members, their orders and what becomes of their fills.
//!
//! Without I/O: [`Venue::answer`] serves REST, [`Venue::on_text`] the WebSocket, [`Venue::hear`]
//! learns what others did on the books, [`Venue::wake`] does what is due at a time.

use dutchbook_book::{BookId, Nanos};

use super::super::door::{HttpReply, HttpRequest};
use super::super::faces::SessionId;
use super::super::floor::{Floor, Happened};
use super::super::scenario::Scenario;
use super::Session;

/// Members, orders and fills of Kalshi.
#[derive(Clone, Debug)]
pub struct Venue {}

impl Venue {
    /// A venue without members.
    #[must_use]
    pub const fn new(_scenario: &Scenario, _seed: u64) -> Self {
        Self {}
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&mut self, _floor: &mut Floor<'_>, _request: &HttpRequest<'_>) -> HttpReply {
        HttpReply::json(404, r#"{"error":{"code":"not_found","message":"not found"}}"#)
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// With a refusal where there is none.
    pub fn open(&mut self, request: &HttpRequest<'_>, _now: Nanos) -> Result<Session, HttpReply> {
        match request.path {
            "/trade-api/ws/v2" => Ok(Session::default()),
            _ => {
                Err(HttpReply::json(404, r#"{"error":{"code":"not_found","message":"not found"}}"#))
            }
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
        let venue = super::Venue { scenario: floor.scenario(), markets: floor.markets() };
        for frame in session.on_text(text, venue) {
            floor.reply(id, frame);
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
