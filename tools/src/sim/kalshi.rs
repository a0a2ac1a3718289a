//! Kalshi, simulated: REST and WebSocket as its own clients know them, members with money, and the
//! books between them and the flow.
//!
//! ```text
//!  HTTP request ─► route ─► auth, limits ─► discovery, public, portfolio   (reads)
//!                                       └─► entry, change, groups ─► the floor's book
//!                                                                         │ events
//!      everybody's frames ◄─ frames ◄─────────────────────────────────────┤
//!      a member's frames  ◄─ private ◄─ fills ─► ledger, orders, groups ◄─┘ (the flow's too)
//! ```

mod account;
mod auth;
mod change;
mod changes;
mod discovery;
mod entry;
mod fills;
mod frames;
mod groups;
mod ledger;
mod limits;
mod listed;
mod margin;
mod number;
mod orders;
mod portfolio;
mod private;
mod public;
mod query;
mod refusal;
mod route;
mod session;
pub mod venue;

pub use account::{AccountError, AccountSpec, Membership, TEST_BALANCE, TestAccount, test_account};
pub use frames::Mark;
pub(crate) use frames::{Said, Shown};
pub use session::Session;

#[cfg(test)]
mod tests;
