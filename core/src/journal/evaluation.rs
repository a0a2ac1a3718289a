//! Decisions as evidence: every evaluation of a positive sum, passed or refused by a gate, with the
//! view versions that it read, and the digest over all of them.
//!
//! Two runs decide alike exactly when their digests are equal: a replay is held against its live run
//! by 64 hexadecimal digits. The hot side only appends bytes; the slow side hashes them.

use core::fmt::{self, Write as _};

use arrayvec::ArrayVec;
use dutchbook_book::fee::UnitCost;
use dutchbook_book::view::TopView;
use dutchbook_book::{BasketId, BookStatus, Nanos};
use sha2::{Digest as _, Sha256};

use crate::capture::lane::{Head, Kind, LaneWriter, Records};
use crate::engine::pricer::LEGS_MAX;
use crate::eval::basket::Leg;
use crate::eval::resolution::Precondition;
use crate::eval::sweep::Refusal;
use crate::opportunity::Sighting;
use crate::risk::Veto;

/// How an evaluation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The basket could not be made of the books as they were.
    Vanished,
    /// What it pays could not be told.
    Unpayable,
    /// A view could not be read whole.
    Torn,
    /// A leg's book may not be traded on.
    Doubtful(BookStatus),
    /// The sweep found nothing worth trading.
    Refused(Refusal),
    /// A resolution without one of its preconditions.
    Unmet(Precondition),
    /// An opportunity that is not traded: too young, or trading is off.
    Watched,
    /// Risk refused it.
    Vetoed(Veto),
    /// The journal had no room: it was not sent.
    Unrecorded,
    /// Its intents were sent.
    Sent,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vanished => f.write_str("the basket could not be made of the books as they were"),
            Self::Unpayable => f.write_str("what the basket pays could not be told"),
            Self::Torn => f.write_str("a book was being written on every try to read it"),
            Self::Doubtful(status) => write!(f, "the book of a leg is {}", status.name()),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unmet(unmet) => write!(f, "a resolution does not have {}", unmet.name()),
            Self::Watched => f.write_str("watched only: it is too young, or may not be traded"),
            Self::Vetoed(veto) => write!(f, "refused for {}", veto.name()),
            Self::Unrecorded => f.write_str("the journal had no room for it"),
            Self::Sent => f.write_str("sent"),
        }
    }
}

impl Outcome {
    /// Which outcome, and its reason.
    fn code(self) -> [u8; 2] {
        match self {
            Self::Vanished => [0, 0],
            Self::Unpayable => [1, 0],
            Self::Torn => [2, 0],
            Self::Doubtful(status) => [3, status as u8],
            Self::Refused(refusal) => [4, refusal_code(refusal)],
            Self::Unmet(unmet) => [5, unmet as u8],
            Self::Watched => [6, 0],
            Self::Vetoed(veto) => [7, veto as u8],
            Self::Unrecorded => [8, 0],
            Self::Sent => [9, 0],
        }
    }
}

const fn refusal_code(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::NoLeg => 0,
        Refusal::NoLevel { .. } => 1,
        Refusal::EdgeNotPositive => 2,
        Refusal::BelowLot => 3,
        Refusal::Capital => 4,
        Refusal::BelowVenueMinimum { .. } => 5,
        Refusal::NetTooSmall => 6,
        Refusal::DepthForFee { .. } => 7,
        Refusal::Overflow => 8,
        Refusal::OffGrid { .. } => 9,
    }
}

/// One decision.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation {
    /// The compiled basket.
    pub basket: BasketId,
    /// Its running sum, which was positive.
    pub edge: UnitCost,
    /// How it ended.
    pub outcome: Outcome,
    /// Size and money, where the sweep came so far.
    pub sighting: Option<Sighting>,
}

/// Outcome, sum, size and money.
const HEAD_BYTES: usize = 2 + 8 + 8 + 3 * 16;
/// Instrument, side, status, epoch and version of one leg's view.
const LEG_BYTES: usize = 4 + 1 + 1 + 4 + 8;
const BYTES_MAX: usize = HEAD_BYTES + LEG_BYTES * LEGS_MAX;

impl Evaluation {
    /// Appends the evaluation to its lane.
    pub(super) fn put(&self, lane: &mut LaneWriter, now: Nanos, legs: &[Leg], views: &[TopView]) {
        let mut body: ArrayVec<u8, BYTES_MAX> = ArrayVec::new();
        let fits = self.write(&mut body, legs, views).is_some();
        assert!(fits, "no basket has more than {LEGS_MAX} legs");
        let number = u64::from(self.basket.0);
        lane.put(Head { kind: Kind::Decided, connection: 0, at: now.0, number }, &body);
    }

    fn write(
        &self,
        body: &mut ArrayVec<u8, BYTES_MAX>,
        legs: &[Leg],
        views: &[TopView],
    ) -> Option<()> {
        let mut put = |bytes: &[u8]| body.try_extend_from_slice(bytes).ok();
        let sighting = self.sighting.unwrap_or_default();
        put(&self.outcome.code())?;
        put(&self.edge.to_le_bytes())?;
        put(&sighting.size.micro().to_le_bytes())?;
        for money in [sighting.gross, sighting.fees, sighting.net_edge] {
            put(&money.pico().to_le_bytes())?;
        }
        for (leg, view) in legs.iter().zip(views) {
            put(&leg.instrument.0.to_le_bytes())?;
            put(&[leg.side as u8, view.stamp.status as u8])?;
            put(&view.stamp.epoch.to_le_bytes())?;
            put(&view.stamp.version.to_le_bytes())?;
        }
        Some(())
    }
}

/// What is known of all decisions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// How many there were.
    pub count: u64,
    /// SHA-256 over all of them in order, in hexadecimal; `None` where some were shed.
    pub digest: Option<String>,
}

/// Hashes decisions as they are drained.
#[derive(Debug, Default)]
pub(super) struct Digest {
    hasher: Sha256,
    count: u64,
    is_broken: bool,
}

impl Digest {
    /// Takes a run of the lane of evaluations.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for record in Records::of(bytes) {
            match record {
                Ok(record) if record.head.kind == Kind::Decided => self.count += 1,
                Ok(_) | Err(_) => self.is_broken = true,
            }
        }
        self.hasher.update(bytes);
    }

    pub(super) fn decisions(&self, shed: u64) -> Decisions {
        let digest = (!self.is_broken && shed == 0).then(|| {
            let mut text = String::with_capacity(64);
            for byte in self.hasher.clone().finalize() {
                // Writing to a String cannot fail.
                let _infallible = write!(text, "{byte:02x}");
            }
            text
        });
        Decisions { count: self.count.saturating_add(shed), digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::lane::lane;
    use dutchbook_book::{BookId, Face, Side, Stamp};

    fn evaluation(outcome: Outcome) -> Evaluation {
        Evaluation { basket: BasketId(7), edge: 9, outcome, sighting: None }
    }

    fn digest_of(evaluations: &[(Evaluation, u64)]) -> Decisions {
        let (mut writer, mut reader) = lane(2, 4096);
        let legs = [Leg::buy(BookId(1).instrument(Face::Yes))];
        for (evaluation, version) in evaluations {
            let stamp = Stamp { version: *version, ..Stamp::default() };
            let views = [TopView { stamp, ..TopView::default() }];
            evaluation.put(&mut writer, Nanos(5), &legs, &views);
        }
        drop(writer);
        let mut digest = Digest::default();
        reader.drain(|bytes| digest.take(bytes));
        digest.decisions(reader.shed_count())
    }

    #[test]
    fn the_digest_tells_outcomes_versions_and_order_apart() {
        let (sent, torn) = (evaluation(Outcome::Sent), evaluation(Outcome::Torn));
        let first = digest_of(&[(sent, 1), (torn, 2)]);
        assert_eq!((first.count, first.digest.as_ref().map(String::len)), (2, Some(64)));
        assert_eq!(first, digest_of(&[(sent, 1), (torn, 2)]));
        for other in [
            digest_of(&[(sent, 1), (torn, 3)]),
            digest_of(&[(torn, 2), (sent, 1)]),
            digest_of(&[(evaluation(Outcome::Vetoed(Veto::Killed)), 1), (torn, 2)]),
        ] {
            assert_eq!(other.count, 2);
            assert_ne!(other.digest, first.digest);
        }
    }

    #[test]
    fn a_run_whose_decisions_were_shed_has_no_digest() {
        let many = vec![(evaluation(Outcome::Watched), 1); 200];
        let decisions = digest_of(&many);
        assert_eq!(decisions, Decisions { count: 200, digest: None });
    }

    #[test]
    fn the_largest_basket_fits() {
        let legs =
            vec![Leg { side: Side::Sell, ..Leg::buy(BookId(1).instrument(Face::No)) }; LEGS_MAX];
        let views = vec![TopView::default(); LEGS_MAX];
        let mut body = ArrayVec::new();
        assert!(evaluation(Outcome::Sent).write(&mut body, &legs, &views).is_some());
        assert_eq!(body.len(), BYTES_MAX);
    }
}
