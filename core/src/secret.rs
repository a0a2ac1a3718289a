//! Secrets: where they are read from, and memory that keeps them to this process.
//!
//! A secret comes from a file that only its owner can read, or from the environment; never from the
//! configuration or the journal. It is erased when it is dropped.

mod accounts;
mod pages;
mod source;

pub use accounts::{AccountError, ApiSecrets, PolymarketKeys, kalshi_keys};
pub use pages::SecretPages;
pub use source::{SecretError, SecretSource, wallet_key, write_new};
