//! The clients that are compared: each takes payloads and keeps books, by its own best way that its
//! published interface allows.

pub(crate) mod bot;
#[cfg(feature = "clients")]
pub(crate) mod nautilus;
pub(crate) mod ours;
#[cfg(feature = "clients")]
pub(crate) mod polyfill;
#[cfg(feature = "clients")]
pub(crate) mod sdk;

use std::time::{Duration, Instant};

use crate::stream::{Ladders, Message};

pub(crate) const OURS: &str = "dutchbook";
pub(crate) const BOT: &str = "serde_json 1.0.154";
#[cfg(feature = "clients")]
pub(crate) const POLYFILL: &str = "polyfill-rs 0.4.3";
#[cfg(feature = "clients")]
pub(crate) const SDK: &str = "polymarket_client_sdk_v2 0.9.0";
#[cfg(feature = "clients")]
pub(crate) const NAUTILUS: &str = "nautilus-polymarket 0.57.0";

/// Keeps books from payloads.
pub(crate) trait Client {
    /// Decodes a payload and applies what it says.
    fn take(&mut self, message: &Message);

    /// A token's (or a ticker's) book.
    fn ladders(&self, market: usize, native: &str) -> Ladders;

    /// Reads best bid and ask of these books, as (number, native id): price and quantity, folded.
    fn tops(&self, books: &[(usize, &str)]) -> u64;

    /// The time that a batch takes.
    fn time(&mut self, batch: &[Message]) -> Duration {
        let start = Instant::now();
        for message in batch {
            self.take(message);
        }
        start.elapsed()
    }
}

/// A client and its name.
pub(crate) type Named = (&'static str, Box<dyn Client>);
