//! What a replay needs: every input of feeds and engine, written down as they take it.
//!
//! A *lane* is one thread's record of its inputs, in its own order. A feed tile's lane holds the
//! payloads of its sockets with every `now` that it was given ([`tap`]); the engine's lane holds the
//! order in which it took its inputs, with the version of each view that it read
//! (`engine::sight`). With both, a replay on one thread does what several live threads did: it drives
//! the feeds up to the version that a read saw, and no further is needed.
//!
//! The hot side copies bytes into chunks that exist from the start ([`mod@lane`]): no allocation, no
//! lock, no system call. Without room a record is shed, and the lane holds an explicit hole. Files,
//! compression and checksums are the business of whoever drains the lanes.

pub mod lane;
pub mod policy;
pub mod tap;
pub mod taps;

pub use lane::{Head, Kind, LaneReader, LaneWriter, Malformed, Record, Records, lane};
pub use policy::{Policy, WhenFull};
pub use tap::FeedTap;
pub use taps::{Connection, Role, TappedLane, Taps};
