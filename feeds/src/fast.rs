//! The hot shapes of a venue, decoded by scanners that know them; everything else is not theirs.
//!
//! A scanner either fills the batch from the whole payload or leaves it empty and says "not mine":
//! then the general decoder takes the message. What it accepts, it decodes to exactly the batch
//! that the general decoder would (`tests/differential.rs`). It refuses freely: strings with
//! escapes or bytes beyond ASCII, numbers of unusual length, rare keys.

/// Makes a function of a decoder's line in one form: it fills an empty batch from a payload that the line
/// knows to its end, and leaves it empty from any other. Functions of their own: inlined into one, each
/// line would pay for the registers of the other. As [`crate::scan::Task`] they would take a twentieth
/// longer, as what they are given came through memory.
macro_rules! compiled {
    ($name:ident, $line:ident($($arg:ident: $type:ty)?), $lanes:ty $(, $feature:meta)?) => {
        #[inline(never)]
        $(#[$feature])?
        fn $name(
            lanes: $lanes,
            $($arg: $type,)?
            payload: Payload<'_>,
            ids: &impl Ids,
            batch: &mut Batch,
        ) -> bool {
            let end = $line(lanes, $($arg,)? payload, ids, batch);
            let is_mine =
                end.is_some_and(|end| walk::is_end(payload.padded(), end, payload.len()));
            if !is_mine {
                batch.clear();
            }
            is_mine
        }
    };
}

mod kalshi;
mod polymarket;
mod quotes;
mod walk;

pub use kalshi::KalshiDecoder;
pub use polymarket::PolymarketDecoder;
