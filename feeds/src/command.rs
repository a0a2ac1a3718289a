//! What we say to venues: subscriptions, resynchronisation, heartbeats, as JSON texts.
//!
//! Commands are rare; they are built as strings. Sequencing them is the session's business.

use core::fmt::Write;

/// Appends a JSON text with its quotes.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            control if control < ' ' => {
                // Writing to a string cannot fail.
                write!(out, "\\u{:04x}", u32::from(control)).unwrap_or_default();
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Appends a JSON array of texts.
fn texts<'a>(out: &mut String, list: impl IntoIterator<Item = &'a str>) {
    out.push('[');
    for (index, text) in list.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        quote(out, text);
    }
    out.push(']');
}

/// Commands of Polymarket's market and user channels (`venues/polymarket.md` sections 8 and 9).
pub mod polymarket {
    use super::{quote, texts};

    /// The text that keeps a connection alive; the answer is `PONG`.
    pub const PING: &str = "PING";
    /// The answer to the sports stream's `ping`.
    pub const PONG: &str = "pong";

    /// The first frame of a market connection.
    #[must_use]
    pub fn open<'a>(assets: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::from("{\"assets_ids\":");
        texts(&mut out, assets);
        out.push_str(",\"type\":\"market\",\"custom_feature_enabled\":true,\"initial_dump\":true}");
        out
    }

    /// Adds tokens to an open connection.
    #[must_use]
    pub fn subscribe<'a>(assets: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::from("{\"assets_ids\":");
        texts(&mut out, assets);
        out.push_str(",\"operation\":\"subscribe\",\"custom_feature_enabled\":true}");
        out
    }

    /// Drops tokens from an open connection.
    #[must_use]
    pub fn unsubscribe<'a>(assets: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::from("{\"assets_ids\":");
        texts(&mut out, assets);
        out.push_str(",\"operation\":\"unsubscribe\"}");
        out
    }

    /// The first frame of a user connection; `conditions` empty means all.
    #[must_use]
    pub fn open_user<'a>(
        key: &str,
        secret: &str,
        passphrase: &str,
        conditions: impl IntoIterator<Item = &'a str>,
    ) -> String {
        let mut out = String::from("{\"auth\":{\"apiKey\":");
        quote(&mut out, key);
        out.push_str(",\"secret\":");
        quote(&mut out, secret);
        out.push_str(",\"passphrase\":");
        quote(&mut out, passphrase);
        out.push_str("},\"type\":\"user\"");
        let mut conditions = conditions.into_iter().peekable();
        if conditions.peek().is_some() {
            out.push_str(",\"markets\":");
            texts(&mut out, conditions);
        }
        out.push('}');
        out
    }
}

/// Commands of Kalshi's WebSocket (`venues/kalshi.md` section 7.2). `id` is echoed in the answer.
pub mod kalshi {
    use core::fmt::Write;

    use super::{quote, texts};

    /// What a subscription asks for beside its channels and markets.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Subscribe<'a> {
        /// Channels; one `sid` each.
        pub channels: &'a [&'a str],
        /// Markets; empty means all, where the channel allows it.
        pub market_tickers: &'a [&'a str],
        /// Scale of the NO side; always stated for books, because its default will flip.
        pub use_yes_price: Option<bool>,
        /// Whether the ticker channel starts with a full message.
        pub send_initial_snapshot: bool,
        /// Whether the ticker channel's answers leave out the list.
        pub skip_ticker_ack: bool,
        /// Number of shards and the one wanted (communications).
        pub shard: Option<(u32, u32)>,
    }

    /// What an update of a subscription does.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Action {
        /// Adds markets; each sends a snapshot.
        AddMarkets,
        /// Drops markets.
        DeleteMarkets,
        /// Sends snapshots of markets that are in.
        GetSnapshot,
    }

    impl Action {
        const fn name(self) -> &'static str {
            match self {
                Self::AddMarkets => "add_markets",
                Self::DeleteMarkets => "delete_markets",
                Self::GetSnapshot => "get_snapshot",
            }
        }
    }

    fn head(id: u64, cmd: &str) -> String {
        format!("{{\"id\":{id},\"cmd\":\"{cmd}\"")
    }

    /// Begins subscriptions.
    #[must_use]
    pub fn subscribe(id: u64, what: &Subscribe<'_>) -> String {
        let mut out = head(id, "subscribe");
        out.push_str(",\"params\":{\"channels\":");
        texts(&mut out, what.channels.iter().copied());
        if !what.market_tickers.is_empty() {
            out.push_str(",\"market_tickers\":");
            texts(&mut out, what.market_tickers.iter().copied());
        }
        if let Some(use_yes_price) = what.use_yes_price {
            out.push_str(if use_yes_price {
                ",\"use_yes_price\":true"
            } else {
                ",\"use_yes_price\":false"
            });
        }
        if what.send_initial_snapshot {
            out.push_str(",\"send_initial_snapshot\":true");
        }
        if what.skip_ticker_ack {
            out.push_str(",\"skip_ticker_ack\":true");
        }
        if let Some((factor, key)) = what.shard {
            // Writing to a string cannot fail.
            write!(out, ",\"shard_factor\":{factor},\"shard_key\":{key}").unwrap_or_default();
        }
        out.push_str("}}");
        out
    }

    /// Changes one subscription, or asks it for snapshots.
    #[must_use]
    pub fn update(id: u64, sid: u32, action: Action, market_tickers: &[&str]) -> String {
        let mut out = head(id, "update_subscription");
        // Writing to a string cannot fail.
        write!(out, ",\"params\":{{\"sids\":[{sid}],\"market_tickers\":").unwrap_or_default();
        texts(&mut out, market_tickers.iter().copied());
        out.push_str(",\"action\":");
        quote(&mut out, action.name());
        out.push_str("}}");
        out
    }

    /// Asks what is subscribed.
    #[must_use]
    pub fn list(id: u64) -> String {
        let mut out = head(id, "list_subscriptions");
        out.push('}');
        out
    }

    /// Ends subscriptions.
    #[must_use]
    pub fn unsubscribe(id: u64, sids: &[u32]) -> String {
        let mut out = head(id, "unsubscribe");
        out.push_str(",\"params\":{\"sids\":[");
        for (index, sid) in sids.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            // Writing to a string cannot fail.
            write!(out, "{comma}{sid}").unwrap_or_default();
        }
        out.push_str("]}}");
        out
    }
}
