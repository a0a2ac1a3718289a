//! Everything that a person types: the commands and the simulated venues.

pub mod capture;
pub mod check;
pub mod cli;
pub mod demo;
pub mod eval;
pub mod explain;
pub mod import;
pub mod inspect;
pub mod key_pair;
pub mod keys;
pub mod kill;
pub mod matching;
pub mod mispricing;
pub mod record;
pub mod relations;
pub mod replay;
pub mod report;
pub mod run;
pub mod sim;
pub mod venue;
