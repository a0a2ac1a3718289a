//! Polymarket's advisory hash of a book: a hint that a book differs, never a proof.
//!
//! SHA-1 over compact JSON with the keys in a fixed order and values exactly as sent
//! (`venues/polymarket.md` section 2). The venue has changed the formula before, and books on the
//! WebSocket may be hashed with a last trade price that is not yet published.

use core::fmt;

use sha1::{Digest, Sha1};

/// A book exactly as sent: texts, order of levels included.
#[derive(Clone, Copy, Debug)]
pub struct HashedBook<'a> {
    /// Condition.
    pub market: &'a str,
    /// Token.
    pub asset_id: &'a str,
    /// Milliseconds.
    pub timestamp: &'a str,
    /// Price and size of each bid.
    pub bids: &'a [(&'a str, &'a str)],
    /// Price and size of each ask.
    pub asks: &'a [(&'a str, &'a str)],
    /// Smallest order.
    pub min_order_size: &'a str,
    /// Tick size.
    pub tick_size: &'a str,
    /// Whether the market belongs to a neg-risk event.
    pub neg_risk: bool,
    /// Price of the last trade.
    pub last_trade_price: &'a str,
}

impl HashedBook<'_> {
    /// Writes the text that is hashed. The values are decimals and hexadecimals, which JSON does
    /// not escape.
    ///
    /// # Errors
    /// Only when `out` fails.
    pub fn write_preimage(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(
            out,
            "{{\"market\":\"{}\",\"asset_id\":\"{}\",\"timestamp\":\"{}\",\"hash\":\"\",\"bids\":",
            self.market, self.asset_id, self.timestamp
        )?;
        write_levels(self.bids, out)?;
        out.write_str(",\"asks\":")?;
        write_levels(self.asks, out)?;
        write!(
            out,
            ",\"min_order_size\":\"{}\",\"tick_size\":\"{}\",\"neg_risk\":{},\
             \"last_trade_price\":\"{}\"}}",
            self.min_order_size, self.tick_size, self.neg_risk, self.last_trade_price
        )
    }

    /// The hash in lower-case hexadecimal.
    #[must_use]
    pub fn sha1_hex(&self) -> String {
        let mut hasher = HashWriter(Sha1::new());
        // The hasher takes every byte; writing to it cannot fail.
        self.write_preimage(&mut hasher).unwrap_or_default();
        let mut hex = String::with_capacity(40);
        for byte in hasher.0.finalize() {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        hex
    }
}

struct HashWriter(Sha1);

impl fmt::Write for HashWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn write_levels(levels: &[(&str, &str)], out: &mut impl fmt::Write) -> fmt::Result {
    out.write_char('[')?;
    for (index, (price, size)) in levels.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}{{\"price\":\"{price}\",\"size\":\"{size}\"}}")?;
    }
    out.write_char(']')
}
