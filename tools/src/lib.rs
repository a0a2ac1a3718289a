//! Everything that a person types: the commands and the simulated venues.

pub mod replay;
pub mod sim;
