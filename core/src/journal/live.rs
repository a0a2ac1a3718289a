//! The records that orders on real venues need: what may live after a crash, and what has come of it.
//!
//! They are written before the bytes that they speak of leave, and before what they say is booked.
//! Of an order on a venue the money moves by [`LiveRecord::Fill`] alone; reports of it, which follow,
//! tell of its end. So a journal that stops anywhere is enough to know every contract and every
//! dollar that had been learnt of: [`crate::recovery`].

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{BookId, Cash, Exact, InstrumentId, Price, Qty, QtyChange, Side, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::order::fills::FillNews;
use dutchbook_exec::order::live::Evidence;
use dutchbook_exec::{OrderId, TradeId};

/// Longest id of a venue that is kept, in bytes.
const TEXT_BYTES: usize = 64;

/// A venue's id of an order, as it writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeText {
    len: u8,
    bytes: [u8; TEXT_BYTES],
}

impl NativeText {
    /// The id, where it is short enough and plain ASCII, which every id of an order is.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let mut bytes = [0; TEXT_BYTES];
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        bytes.get_mut(..text.len()).filter(|_| is_plain)?.copy_from_slice(text.as_bytes());
        Some(Self { len: u8::try_from(text.len()).ok()?, bytes })
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// What an order was signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Our id of it; its intent is the record before.
    pub order: OrderId,
    /// Where it goes.
    pub venue: VenueId,
    /// The id that the venue gives it by its contents, where it does (Polymarket's order hash). A
    /// venue with client order ids knows it by the boot's number and ours.
    pub hash: Option<[u8; 32]>,
    /// The limit that was signed.
    pub limit: Price,
    /// The contracts that were signed.
    pub qty: Qty,
    /// The cash that it spends, where it names cash and may therefore get more contracts.
    pub budget: Option<Cash>,
}

/// What news of a trade did to our contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FillStep {
    /// They are ours, provisionally or for good.
    Counted = 0,
    /// They are not ours after all.
    Reversed = 1,
    /// They are ours for good, and were counted before.
    Settled = 2,
}

impl FillStep {
    /// Every one, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Counted, Self::Reversed, Self::Settled];
}

/// One trade of an order, or what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveFill {
    /// Our id of the order.
    pub order: OrderId,
    /// What moves.
    pub instrument: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// What the news did.
    pub step: FillStep,
    /// The trade under the venue's id.
    pub news: FillNews,
    /// Contracts that reach our account: fewer than traded where the fee is taken in contracts.
    pub delivered: Qty,
}

/// Where a basket stands, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BasketStep {
    /// Its legs were filled unequally.
    Legged = 0,
    /// Over: its legs were filled equally, or not at all.
    Even = 1,
    /// Over: the missing legs were bought.
    Completed = 2,
    /// Over: the excess was left.
    Unwound = 3,
    /// Over: what is left of it is carried by the portfolio.
    Left = 4,
}

impl BasketStep {
    /// Every one, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::Legged, Self::Even, Self::Completed, Self::Unwound, Self::Left];
}

/// Why cash or contracts came or went without an order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Origin {
    /// They were there when the journal began.
    Opening = 0,
    /// The venue paid what was decided.
    Settlement = 1,
    /// The venue's roundings, within what its rules allow.
    Rounding = 2,
    /// A person moved them, or said that they are right.
    Person = 3,
}

impl Origin {
    /// Every one, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Opening, Self::Settlement, Self::Rounding, Self::Person];
}

/// What is written of a basket of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasketRecord {
    /// A basket is about to be sent; its legs follow.
    Open {
        /// Its number.
        trade: TradeId,
        /// The decision that it was made by.
        decision: u64,
        /// What one whole basket pays at least.
        payoff: UnitCost,
        /// How many leg records follow.
        leg_count: u16,
    },
    /// One leg of a basket.
    Leg {
        /// The basket.
        trade: TradeId,
        /// Its place.
        leg_index: u16,
        /// What is held of it.
        instrument: InstrumentId,
        /// Contracts per basket in 1e-6.
        ratio_micro: u32,
        /// The smallest step of an order there.
        lot: Qty,
    },
    /// A basket has come further.
    Step {
        /// Which.
        trade: TradeId,
        /// Where it stands now.
        step: BasketStep,
    },
}

/// What is written of cash and contracts beside the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRecord {
    /// Cash came, or went where it is negative.
    Transfer {
        /// At which venue.
        venue: VenueId,
        /// How much.
        cash: Exact,
        /// Why.
        origin: Origin,
    },
    /// Contracts came, or went where they are negative.
    Moved {
        /// Which.
        instrument: InstrumentId,
        /// How many.
        qty: QtyChange,
        /// What they have cost, or the cost that leaves with them.
        cost: Exact,
        /// Why.
        origin: Origin,
    },
    /// Pairs of both faces of a book became cash at one payout each.
    Merged {
        /// Which book.
        book: BookId,
        /// How many pairs.
        qty: Qty,
    },
    /// Our accounts were compared with a venue's.
    Reconciled {
        /// Which venue.
        venue: VenueId,
        /// The venue's cash less ours.
        cash: Exact,
        /// Positions that were compared.
        compared: u32,
        /// Positions that differ.
        different: u32,
    },
}

/// A record of an order on a venue, or of what the venue says beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveRecord {
    /// A process begins to write. Ids of venues and instruments mean what its catalog says.
    Boot {
        /// Its random number.
        boot: Boot,
        /// Whether its orders go to venues; else they are paper.
        is_live: bool,
    },
    /// An order is signed.
    Placed(Placed),
    /// Bytes are handed to the wire now: the order may live from here on.
    Sent {
        /// Which order.
        order: OrderId,
        /// The request that carries it, perhaps with others.
        request: u64,
        /// Whether the request asks to cancel it.
        is_cancel: bool,
    },
    /// The venue's own id of an order.
    Named {
        /// Which order.
        order: OrderId,
        /// Its id there.
        id: NativeText,
    },
    /// News of an order, all but its trades.
    Evidence {
        /// Which order.
        order: OrderId,
        /// What was learnt.
        evidence: Evidence,
    },
    /// A trade of an order.
    Fill(LiveFill),
    /// A basket of orders, and how it goes on.
    Basket(BasketRecord),
    /// Cash and contracts beside the orders.
    Account(AccountRecord),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venues_id_is_kept_as_it_is_or_not_at_all() {
        let uuid = "0f7c1a52-33c1-4c9e-b0ba-1c9a7d1f6e77";
        assert_eq!(NativeText::of(uuid).unwrap().as_str(), uuid);
        assert_eq!(NativeText::of("").unwrap().as_str(), "");
        assert_eq!(NativeText::of(&"x".repeat(64)).unwrap().as_str().len(), 64);
        for bad in ["x".repeat(65), "a b".to_owned(), "é".to_owned(), "a\n".to_owned()] {
            assert_eq!(NativeText::of(&bad), None, "{bad:?}");
        }
    }
}
