//! Requests on their way to a venue, and what became of them: the seam between the order desk, which
//! writes every byte of a request, and the gateway, which has the sockets and reads none of them.

use dutchbook_book::{Nanos, VenueId};

/// Room for the largest request: head, and a batch of fifteen orders of a deposit wallet with every
/// signature. The desk writes no longer one, and the gateway has buffers for it.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Our number of a request, never used twice in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct RequestId(pub u64);

/// What a request is for: each lane has connections of its own, so that a page of old trades never
/// stands before an order, nor an order before a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// New orders.
    Order,
    /// Taking orders back.
    Cancel,
    /// Questions.
    Read,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 3] = [Self::Order, Self::Cancel, Self::Read];
}

/// A request that is ready for the wire.
#[derive(Clone, Copy, Debug)]
pub struct OutRequest<'a> {
    /// Our number of it.
    pub id: RequestId,
    /// Whereto.
    pub venue: VenueId,
    /// What it is for.
    pub lane: Lane,
    /// The whole HTTP/1.1 request, head and body.
    pub bytes: &'a [u8],
}

/// Where requests go.
pub trait Outbox {
    /// Hands a request over. False where there was no room: it certainly did not leave.
    #[must_use]
    fn send(&mut self, request: &OutRequest<'_>) -> bool;
}

/// What became of a request. Every request that was taken gets exactly one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A whole reply.
    Reply {
        /// Its status.
        status: u16,
        /// What the venue asks us to wait.
        retry_after: Option<Nanos>,
        /// Its body.
        body: &'a [u8],
    },
    /// It left, and nobody knows whether it arrived.
    Lost,
    /// It certainly did not arrive: not all of its bytes have left.
    NotSent,
}
