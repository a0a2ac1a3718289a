//! Kalshi: requests signed by timestamp, method and path, and orders on the single book of a market,
//! always in terms of YES.

pub mod auth;
pub mod evidence;
pub mod public;
pub mod reply;
pub mod request;
pub mod stamps;
