//! What a market is, what it shows right now, and how that passes between threads.
//!
//! The life of a book: a [`catalog`] entry gives it a grid; a snapshot fills its two [`ladder`]s;
//! deltas change levels; each finished update is committed as a version and published as a view
//! on the shelf, from which any number of readers copy it without a lock. This crate reads no
//! clock, opens nothing, and depends on nothing of ours.

pub mod book;
pub mod catalog;
pub mod depth;
pub mod fee;
pub mod fetch;
pub mod grid;
pub mod id;
pub mod ladder;
pub mod places;
pub mod ring;
pub mod shelf;
mod sync;
pub mod time;
pub mod units;
pub mod view;

pub use book::{Book, BookError, Named};
pub use depth::{BookStatus, Depth, Level, Side, Stamp, TopOfBook, in_yes};
pub use grid::{Grid, Tick};
pub use id::{BasketId, BookId, ConditionId, EventId, Face, InstrumentId, RelationId, VenueId};
pub use ring::{CoalescingRing, Drained, Ring};
pub use shelf::{Shelf, ShelfReader, ShelfWriter};
pub use time::Nanos;
pub use units::{Cash, Exact, Price, Qty, QtyChange, Rate};
pub use view::{TopUpdate, TopView, Torn};
