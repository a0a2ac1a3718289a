//! Polymarket: a market channel with both tokens of a market told for every change, a user channel,
//! and the REST of its order book and of its discovery service on one host.
//!
//! ```text
//!  request ─► venue ─► rest::{prices, markets, gamma}    what is listed and shown
//!                 ├──► auth ─► rest::{orders, account}   whose it is
//!                 │              └─► intake (is it an order?) ─► placing ─► the one matching book
//!  others' matches ──────────────────────────────────────► clearing ─► ledger, trades
//!                                                              └─► user_channel frames
//! ```

pub mod account;
mod auth;
pub mod chain;
mod clearing;
mod eip712;
mod facts;
mod intake;
mod ledger;
mod market_channel;
mod notices;
mod orders;
mod placing;
mod rest;
mod trades;
mod user_channel;
pub mod venue;
mod wallet;

#[cfg(test)]
mod tests;

pub use ledger::Audit;
pub use market_channel::Session as MarketSession;
pub(crate) use market_channel::{Frame, Shown};
pub use user_channel::Session as UserSession;

/// One connection to a WebSocket of the venue.
#[derive(Clone, Debug)]
pub enum Session {
    /// Public: books and trades of the tokens that it names.
    Market(MarketSession),
    /// Private: orders and trades of one API key.
    User(UserSession),
}

impl Default for Session {
    fn default() -> Self {
        Self::Market(MarketSession::default())
    }
}

impl Session {
    /// Whether a public frame is for this client.
    pub(crate) fn takes(&self, frame: &Frame) -> bool {
        match self {
            Self::Market(session) => session.takes(frame),
            Self::User(_) => false,
        }
    }
}
