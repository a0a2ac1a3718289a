//! Feeds against the reference vectors: frames, commands, replays, grids, hashes.

#![cfg(test)]

#[path = "feeds/kalshi_commands.rs"]
mod kalshi_commands;
#[path = "feeds/kalshi_frames.rs"]
mod kalshi_frames;
#[path = "feeds/kalshi_replay.rs"]
mod kalshi_replay;
#[path = "feeds/polymarket_messages.rs"]
mod polymarket_messages;
#[path = "feeds/price_grid.rs"]
mod price_grid;

use dutchbook_book::Grid;
use dutchbook_book::units::Price;

/// The finest grid of both venues.
fn fine_grid() -> Grid {
    Grid::uniform(Price::from_pips(1).unwrap()).unwrap()
}
