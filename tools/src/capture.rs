//! Captures: everything that decisions rest on, on disk, and back.
//!
//! A capture is a folder: `manifest.json` ([`manifest`]: lanes, configuration, catalog, relations)
//! and numbered segments of checked, compressed blocks ([`block`], [`disk`], [`writer`]). It is
//! readable after a kill at any instant ([`reader`]), and a replay of it decides as the live run did
//! ([`follow`]).

pub mod before;
pub mod block;
pub mod disk;
pub mod error;
pub mod follow;
pub mod manifest;
pub mod reader;
pub mod rest;
pub mod writer;
