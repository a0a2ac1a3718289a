//! The venues: requests out, replies in. A venue's field names live in its module and never leave it.

pub mod kalshi;
pub mod polymarket;
pub mod refusal;
