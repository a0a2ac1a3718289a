//! Venue payload bytes in, book changes out. No clock, no socket, no file.
//!
//! The life of a message: a [`payload::Payload`] arrives with its receive time; a decoder turns it
//! into a [`batch::Batch`] (hot shapes by the specialised scanner, everything else by the general
//! path, both to the same batch) or a cold record; the session decides what it means (snapshot,
//! live, gap, duplicate); the feed applies it to its books and tells its sink which books changed.

pub mod batch;
pub mod chain;
pub mod command;
pub mod counters;
pub mod error;
pub mod fast;
pub mod feed;
pub mod general;
pub mod hash;
pub mod ids;
pub mod kind;
pub mod listing;
pub mod notice;
pub mod number;
pub mod payload;
pub mod record;
mod scan;
pub mod session;

pub use feed::{DecoderChoice, Feed, FeedConfig, FeedError};
pub use notice::{Notice, Sink};
