//! Decides and runs: the only library that knows all the others.

pub mod chunk;
pub mod eval;
pub mod opportunity;
pub mod telemetry;
