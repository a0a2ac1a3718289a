//! Polymarket's CLOB: orders as its contracts hash them, amounts as its engine rounds them, requests
//! as its gateway authenticates them.
//!
//! An order becomes bytes in this order: [`amounts`] turns price and quantity into base units,
//! an [`order::OrderTemplate`] (one per token, made at start) hashes and signs the
//! terms and writes the body (for hot baskets a [`ladder::Ladder`] has signed ahead), [`auth::Credentials`] stamp the request around it.

pub mod amounts;
pub mod auth;
pub mod evidence;
pub mod exchange;
pub mod ids;
pub mod ladder;
pub mod order;
pub mod order_v1;
pub mod reply;
pub mod wallet;
