//! Reads decision records and counts what should never have been decided.
//!
//! The checker shares no code with the risk gate: it looks at the bid, ask, status, epoch and time
//! that the records carry, so that a gate that lets a bad view through is found out.

use dutchbook_book::{BookId, BookStatus, Nanos};

use super::codec::Entry;
use super::record::{DecisionLeg, Record};

/// What a checker has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Decisions read.
    pub decisions: u64,
    /// Decisions that were not refused by risk, as far as the records go.
    pub allowed_decisions: u64,
    /// Decisions with a leg whose view was not Live or had bid ≥ ask.
    pub crossed_decisions: u64,
    /// Decisions with a leg whose view was not Live or older than the limit.
    pub stale_decisions: u64,
    /// Decisions whose legs mix epochs of one book.
    pub mixed_decisions: u64,
    /// Decisions whose legs are not all there, in order: the journal shed or lost records.
    pub incomplete_decisions: u64,
    /// Holes in the journal's own sequence.
    pub holes: u64,
}

/// The decision whose legs are being read.
#[derive(Clone, Copy, Debug)]
struct Open {
    decision: u64,
    now: Nanos,
    leg_count: u16,
    legs_seen: u16,
    is_crossed: bool,
    is_stale: bool,
    is_mixed: bool,
}

/// Reads entries in order and counts.
#[derive(Debug)]
pub struct Checker {
    age_max: Nanos,
    open: Option<Open>,
    epochs: Vec<(BookId, u32)>,
    sequence_next: Option<u64>,
    findings: Findings,
}

impl Checker {
    /// A checker that calls views older than `age_max` stale.
    #[must_use]
    pub const fn new(age_max: Nanos) -> Self {
        Self {
            age_max,
            open: None,
            epochs: Vec::new(),
            sequence_next: None,
            findings: Findings {
                decisions: 0,
                allowed_decisions: 0,
                crossed_decisions: 0,
                stale_decisions: 0,
                mixed_decisions: 0,
                incomplete_decisions: 0,
                holes: 0,
            },
        }
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &Entry) {
        if self.sequence_next.is_some_and(|next| next != entry.sequence) {
            self.findings.holes += 1;
        }
        self.sequence_next = Some(entry.sequence.wrapping_add(1));
        match &entry.record {
            Record::Decision(decision) => {
                self.close();
                self.findings.decisions += 1;
                self.findings.allowed_decisions += 1;
                self.epochs.clear();
                self.open = Some(Open {
                    decision: decision.decision,
                    now: entry.now,
                    leg_count: decision.leg_count,
                    legs_seen: 0,
                    is_crossed: false,
                    is_stale: false,
                    is_mixed: false,
                });
            }
            Record::DecisionLeg(leg) => self.take_leg(leg),
            Record::Veto { .. } => {
                self.close();
                let allowed = self.findings.allowed_decisions;
                self.findings.allowed_decisions = allowed.saturating_sub(1);
            }
            Record::Intent { .. }
            | Record::Report(_)
            | Record::Gap { .. }
            | Record::Resolution { .. }
            | Record::Life { .. }
            | Record::Live(_) => {}
        }
    }

    /// Ends the reading: what is still open is judged by what has been read of it.
    #[must_use]
    pub fn finish(mut self) -> Findings {
        self.close();
        self.findings
    }

    /// What has been counted so far, the decision being read excepted.
    #[must_use]
    pub const fn findings(&self) -> Findings {
        self.findings
    }

    fn take_leg(&mut self, leg: &DecisionLeg) {
        let Some(open) = &mut self.open else { return };
        if leg.decision != open.decision || leg.leg_index != open.legs_seen {
            return;
        }
        open.legs_seen = open.legs_seen.saturating_add(1);
        let (top, stamp) = (leg.view.top, leg.view.stamp);
        let reaches = match (top.bid, top.ask) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            (None, _) | (_, None) => false,
        };
        open.is_crossed |= reaches || stamp.status != BookStatus::Live;
        let is_old = open.now.since(stamp.ts_recv) > self.age_max;
        open.is_stale |= is_old || stamp.status != BookStatus::Live;
        let book = leg.instrument.book();
        match self.epochs.iter().find(|(other, _)| *other == book) {
            Some((_, epoch)) => open.is_mixed |= *epoch != stamp.epoch,
            None => self.epochs.push((book, stamp.epoch)),
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let findings = &mut self.findings;
        findings.crossed_decisions += u64::from(open.is_crossed);
        findings.stale_decisions += u64::from(open.is_stale);
        findings.mixed_decisions += u64::from(open.is_mixed);
        findings.incomplete_decisions += u64::from(open.legs_seen != open.leg_count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::basket::BasketKind;
    use crate::journal::record::{Decision, EvalCause};
    use crate::opportunity::{OpportunityId, Sighting};
    use crate::risk::Veto;
    use dutchbook_book::view::TopView;
    use dutchbook_book::{BasketId, Face, Level, Price, Qty, Side, Stamp, TopOfBook};

    fn level(pips: u32) -> Option<Level> {
        Some(Level { price: Price::from_pips(pips).unwrap(), qty: Qty::ONE })
    }

    fn leg(leg_index: u16, face: Face) -> DecisionLeg {
        let ts_recv = Nanos(90);
        let stamp = Stamp { status: BookStatus::Live, epoch: 2, ts_recv, ..Stamp::default() };
        DecisionLeg {
            decision: 1,
            leg_index,
            instrument: BookId(4).instrument(face),
            side: Side::Buy,
            limit: Price::from_pips(5000).unwrap(),
            qty: Qty::ONE,
            view: TopView { top: TopOfBook { bid: level(4000), ask: level(4100) }, stamp },
        }
    }

    /// What is found in one decision whose second leg was changed.
    fn found(change: fn(&mut DecisionLeg), tail: &[Record]) -> Findings {
        let head = Record::Decision(Decision {
            decision: 1,
            opportunity: OpportunityId(1),
            basket: BasketId(1),
            kind: BasketKind::SingleLong,
            cause: EvalCause::BookChanged,
            leg_count: 2,
            sighting: Sighting::default(),
        });
        let mut second = leg(1, Face::No);
        change(&mut second);
        let legs = [Record::DecisionLeg(leg(0, Face::Yes)), Record::DecisionLeg(second)];
        let mut checker = Checker::new(Nanos(10));
        for (sequence, record) in [head].into_iter().chain(legs).chain(tail.to_vec()).enumerate() {
            checker.take(&Entry { sequence: sequence as u64, now: Nanos(100), record });
        }
        checker.finish()
    }

    const CLEAN: Findings = Findings {
        decisions: 1,
        allowed_decisions: 1,
        crossed_decisions: 0,
        stale_decisions: 0,
        mixed_decisions: 0,
        incomplete_decisions: 0,
        holes: 0,
    };

    #[test]
    fn each_fault_of_a_view_is_found() {
        assert_eq!(found(|_| (), &[]), CLEAN);
        let crossed = Findings { crossed_decisions: 1, ..CLEAN };
        assert_eq!(found(|leg| leg.view.top.ask = level(4000), &[]), crossed);
        let lost = Findings { stale_decisions: 1, ..crossed };
        assert_eq!(found(|leg| leg.view.stamp.status = BookStatus::Gapped, &[]), lost);
        let stale = Findings { stale_decisions: 1, ..CLEAN };
        assert_eq!(found(|leg| leg.view.stamp.ts_recv = Nanos(89), &[]), stale);
        let mixed = Findings { mixed_decisions: 1, ..CLEAN };
        assert_eq!(found(|leg| leg.view.stamp.epoch = 3, &[]), mixed);
        let incomplete = Findings { incomplete_decisions: 1, ..CLEAN };
        assert_eq!(found(|leg| leg.leg_index = 2, &[]), incomplete);
    }

    #[test]
    fn a_refused_decision_is_read_but_not_allowed_and_holes_are_seen() {
        let veto = Record::Veto { decision: 1, veto: Veto::Killed };
        assert_eq!(found(|_| (), &[veto]), Findings { allowed_decisions: 0, ..CLEAN });
        let mut checker = Checker::new(Nanos(10));
        for sequence in [5, 6, 8] {
            checker.take(&Entry { sequence, now: Nanos(1), record: veto });
        }
        assert_eq!(checker.findings().holes, 1);
    }
}
