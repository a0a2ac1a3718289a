//! What proofs across crates share.

pub mod vectors;
