//! The official Rust client: it decodes, and keeps no books; its user keeps them in `BTreeMap`s of
//! the decimals that it gives.

use std::collections::HashMap;

use polymarket_client_sdk_v2::clob::types::Side;
use polymarket_client_sdk_v2::clob::ws::WsMessage;
use polymarket_client_sdk_v2::types::U256;

use super::Client;
use super::bot::Levels;
use crate::stream::{Ladders, Message};

#[derive(Default)]
pub(crate) struct Sdk {
    pub(crate) books: HashMap<U256, Levels>,
}

pub(crate) fn token(native: &str) -> U256 {
    native.parse().expect("a token id")
}

impl Sdk {
    /// Its own socket parses into a tree first, to skip kinds that nobody asked for; straight into
    /// its message is the faster way that it offers.
    #[inline]
    pub(crate) fn on_message(&mut self, bytes: &[u8]) {
        match serde_json::from_slice(bytes).expect("a message") {
            WsMessage::Book(update) => {
                let mut levels = Levels::default();
                for (side, is_bid) in [(&update.bids, true), (&update.asks, false)] {
                    for level in side {
                        levels.set(is_bid, level.price, level.size);
                    }
                }
                self.books.insert(update.asset_id, levels);
            }
            WsMessage::PriceChange(change) => {
                for entry in &change.price_changes {
                    let book = self.books.get_mut(&entry.asset_id).expect("a known token");
                    let is_bid = matches!(entry.side, Side::Buy);
                    book.set(is_bid, entry.price, entry.size.unwrap_or_default());
                }
            }
            _ => unreachable!("no other kind"),
        }
    }
}

impl Client for Sdk {
    #[inline]
    fn take(&mut self, message: &Message) {
        self.on_message(&message.bytes);
    }

    fn ladders(&self, _market: usize, native: &str) -> Ladders {
        self.books[&token(native)].ladders()
    }

    fn tops(&self, _books: &[(usize, &str)]) -> u64 {
        unreachable!("it keeps no books")
    }
}
