//! Changed top of book to opportunity: relations compiled to baskets, watched by running sums.

pub mod basket;
pub mod cluster;
pub mod compile;
pub mod edge;
pub mod hunt;
pub mod portfolio;
mod program;
pub mod resolution;
pub mod search;
pub mod states;
pub mod sweep;
pub mod watch;
