//! What proofs across crates share.

pub mod alloc;
pub mod data;
pub mod feeds;
pub mod fuzz;
pub mod markets;
pub mod vectors;
