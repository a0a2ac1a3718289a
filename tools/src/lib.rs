//! Everything that a person types: the commands and the simulated venues.

pub mod eval;
pub mod replay;
pub mod sim;
