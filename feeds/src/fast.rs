//! The hot shapes of a venue, decoded by scanners that know them; everything else is not theirs.
//!
//! A scanner either fills the batch from the whole payload or leaves it empty and says "not mine":
//! then the general decoder takes the message. What it accepts, it decodes to exactly the batch
//! that the general decoder would (`tests/differential.rs`). It refuses freely: strings with
//! escapes or bytes beyond ASCII, numbers of unusual length, rare keys.

mod kalshi;
mod polymarket;
mod walk;

pub use kalshi::KalshiDecoder;
pub use polymarket::PolymarketDecoder;
