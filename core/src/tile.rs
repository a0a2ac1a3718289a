//! Tiles: pinned threads that own their state. Each polls its inputs, does a bounded amount of work,
//! publishes, does housekeeping now and then, and idles.
//!
//! Components expose `poll` and `on_*`; only tiles loop. Nothing is shared between tiles but views,
//! rings, counters and the stop flag.

pub mod eval;
pub mod feed;
pub mod nonce;
pub mod publisher;
mod rehearsal;
pub mod stages;
pub mod stamps;
pub mod steer;
pub mod trade;
