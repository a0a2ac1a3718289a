//! Decides and runs: the only library that knows all the others.

pub mod eval;
