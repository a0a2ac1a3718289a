//! What a feed counted. Plain numbers of one thread; whoever owns the feed copies them out.

use crate::kind::MessageKind;

/// Counts since the feed was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Payloads received.
    pub payloads: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Messages in them; an array of messages is one payload.
    pub messages: u64,
    /// Messages by kind, indexed by [`MessageKind::index`].
    pub by_kind: [u64; MessageKind::COUNT],
    /// Payloads that the fast path decoded.
    pub fast_hits: u64,
    /// Payloads that the general path decoded.
    pub general_hits: u64,
    /// Payloads that could not be decoded.
    pub decode_errors: u64,
    /// Snapshots applied.
    pub snapshots: u64,
    /// Updates of levels applied.
    pub updates: u64,
    /// Updates that were not applied because their book had no snapshot to stand on.
    pub ignored: u64,
    /// Holes in a venue's sequence.
    pub gaps: u64,
    /// Messages that came again and were dropped.
    pub duplicates: u64,
    /// States after a finished update in which bid and ask crossed.
    pub crossed: u64,
    /// Finished updates after which our top differed from the one that the venue stated.
    pub top_mismatch: u64,
    /// Changes that would have made a level negative.
    pub negative: u64,
    /// Prices off the grid of their book.
    pub off_tick: u64,
    /// Messages about instruments that are not listed here.
    pub unknown_instrument: u64,
    /// Messages of a type that we do not know.
    pub unknown_kind: u64,
    /// Messages of another product's shape.
    pub foreign: u64,
    /// Times that books were sent for again.
    pub resyncs: u64,
    /// Times that a snapshot made a book live again that had been lost to a gap, a freeze or a
    /// disconnect.
    pub revived: u64,
    /// Times that a book went stale.
    pub stale: u64,
    /// Times that another source showed a book to be frozen.
    pub frozen: u64,
    /// Tick-size changes.
    pub regrids: u64,
    /// Connections made.
    pub connects: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            payloads: 0,
            bytes: 0,
            messages: 0,
            by_kind: [0; MessageKind::COUNT],
            fast_hits: 0,
            general_hits: 0,
            decode_errors: 0,
            snapshots: 0,
            updates: 0,
            ignored: 0,
            gaps: 0,
            duplicates: 0,
            crossed: 0,
            top_mismatch: 0,
            negative: 0,
            off_tick: 0,
            unknown_instrument: 0,
            unknown_kind: 0,
            foreign: 0,
            resyncs: 0,
            revived: 0,
            stale: 0,
            frozen: 0,
            regrids: 0,
            connects: 0,
        }
    }
}

impl Counters {
    /// Messages of one kind.
    #[must_use]
    pub fn of(&self, kind: MessageKind) -> u64 {
        self.by_kind.get(kind.index()).copied().unwrap_or(0)
    }

    /// The kinds that came, with how often.
    pub fn kinds(&self) -> impl Iterator<Item = (MessageKind, u64)> + '_ {
        MessageKind::ALL.iter().map(|&kind| (kind, self.of(kind))).filter(|(_, count)| *count > 0)
    }

    /// Counts one message.
    #[inline]
    pub(crate) fn message(&mut self, kind: MessageKind) {
        self.messages += 1;
        if let Some(count) = self.by_kind.get_mut(kind.index()) {
            *count += 1;
        }
        if kind == MessageKind::Unknown {
            self.unknown_kind += 1;
        } else if kind == MessageKind::Foreign {
            self.foreign += 1;
        }
    }
}
