//! Signed requests to the venues off the hot path, one question at a time: for the doctor, for API
//! credentials, and for the kill switch, which must work where the engine's own connections do not.
//!
//! Orders never go this way.

pub mod account;
pub mod kalshi;
pub mod polymarket;

pub use account::{AccountDesk, OpenError};
pub use kalshi::KalshiDesk;
pub use polymarket::PolymarketDesk;

use core::time::Duration;

use crate::http::{HttpClient, HttpError, HttpLimits, HttpReply};

/// Pages of open orders that are read at most: more orders than any engine of ours has.
const PAGES_MAX: usize = 64;

/// Why a venue did not do or say what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// No reply.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A reply that refuses.
    #[error("{host} answers {what} with {status}: {said}")]
    Refused {
        /// Who.
        host: String,
        /// What was asked.
        what: &'static str,
        /// Of the reply.
        status: u16,
        /// The venue's words, cut.
        said: String,
    },
    /// A success that cannot be read.
    #[error("{host} answers {what} with something else than expected")]
    Unreadable {
        /// Who.
        host: String,
        /// What was asked.
        what: &'static str,
    },
    /// The request cannot be signed.
    #[error("{what} cannot be signed: {why}")]
    Unsigned {
        /// What was to be asked.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// Limits of a client that asks little, but wants its answer.
#[must_use]
pub fn limits() -> HttpLimits {
    HttpLimits {
        connect_max: Duration::from_secs(3),
        reply_max: Duration::from_secs(5),
        body_bytes_max: 4 << 20,
        attempts_max: 3,
        pauses: [Duration::from_millis(100), Duration::from_secs(1)],
        // Three quarters of what Polymarket lets a key ask of balances (section 6).
        per_s: 15,
        burst: 15,
    }
}

/// A success, or the venue's refusal.
fn success(
    http: &HttpClient,
    what: &'static str,
    reply: HttpReply,
) -> Result<HttpReply, DeskError> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let refusal = dutchbook_exec::venue::refusal::Refusal::read(reply.status, &reply.body);
    let words = [refusal.code, refusal.message, refusal.details];
    let said = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    Err(DeskError::Refused { host: http.host().to_owned(), what, status: reply.status, said })
}

fn unreadable(http: &HttpClient, what: &'static str) -> DeskError {
    DeskError::Unreadable { host: http.host().to_owned(), what }
}

/// Reads a body as JSON.
fn json(
    http: &HttpClient,
    what: &'static str,
    reply: &HttpReply,
) -> Result<serde_json::Value, DeskError> {
    serde_json::from_slice(&reply.body).map_err(|_error| unreadable(http, what))
}
