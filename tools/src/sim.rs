//! Simulated venues: a hidden truth, the flow around it, real matching, and each venue's own face.
//!
//! ```text
//!  scenario ─► world (hidden truth per event) ─► flow (makers, takers, arbitrageurs, with delays)
//!                                                    │ orders
//!                                                    ▼
//!                 venue::SimVenues: one matching book per listing ─► polymarket | kalshi frames
//!                                                                        │ per session, bounded
//!                                     fault (drop, repeat, delay, gap) ──┤
//!                                                                        ▼
//!                                              server (WebSockets)  or  a test that steps time
//! ```
//!
//! Everything but [`server`] is free of I/O and of clocks: [`venue::SimVenues::step`] takes `now`,
//! and one seed gives the same bytes on every run. Nothing outside this module can see the truth.

pub mod accounts;
pub mod door;
mod faces;
pub mod fault;
pub mod floor;
pub mod flow;
pub mod kalshi;
pub mod matching;
pub mod polymarket;
pub mod rng;
pub mod scenario;
pub mod server;
pub mod text;
pub mod venue;
pub mod world;

pub use fault::{FaultCounts, FaultKind, FaultPlan, ScriptedFault};
pub use flow::{FlowConfig, Pace};
pub use scenario::{Pairing, Scenario, VenueChange};
pub use server::{SimHandle, SimOptions, SimServerError, start};
pub use venue::{SessionId, SimStats, SimVenues};

#[cfg(test)]
mod tests;
