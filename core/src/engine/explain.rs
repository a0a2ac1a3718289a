//! One opportunity as the engine saw it: the levels, fees, states and numbers of every evaluation that
//! was worth a decision. Only a replay asks for it; live there is one look at an empty field.

use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{Cash, Level, Nanos, Qty};

use super::Engine;
use super::pricer::Pays;
use crate::eval::basket::Leg;
use crate::eval::watch::Concrete;
use crate::journal::evaluation::Outcome;
use crate::opportunity::{OpportunityId, OpportunityLeg, Sighting};
use crate::relation::Relation;

/// Evaluations of one opportunity that are kept; what was sent is kept always.
const KEPT_MAX: usize = 64;

/// One leg with what it met.
#[derive(Clone, Debug)]
pub struct ExplainedLeg {
    /// The leg of the basket.
    pub leg: Leg,
    /// As it was offered: limit, contracts, the view.
    pub offered: OpportunityLeg,
    /// What a taker paid.
    pub fee: FeeSchedule,
    /// The step of an order.
    pub lot: Qty,
    /// The smallest order.
    pub min_qty: Qty,
    /// The smallest order in cash.
    pub min_notional: Cash,
    /// The levels that were walked, best first, as the leg's face shows them, less what we had taken.
    pub levels: Vec<Level>,
}

/// One evaluation of an opportunity.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// When.
    pub at: Nanos,
    /// The opportunity.
    pub opportunity: OpportunityId,
    /// The decision, where its orders were sent.
    pub decision: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The basket with its choices made.
    pub concrete: Concrete,
    /// What it pays, and what it had to earn.
    pub pays: Pays,
    /// The relation that it rests on, with the states as they were.
    pub relation: Relation,
    /// Its legs.
    pub legs: Vec<ExplainedLeg>,
    /// Size and money.
    pub sighting: Sighting,
}

/// Which opportunity is to be explained, and what was seen of it.
#[derive(Debug)]
pub(super) struct Explainer {
    wanted: OpportunityId,
    seen: Vec<Explanation>,
}

impl Engine {
    /// Writes down everything about one opportunity from now on.
    #[must_use]
    pub fn explaining(mut self, wanted: OpportunityId) -> Self {
        self.explainer = Some(Box::new(Explainer { wanted, seen: Vec::new() }));
        self
    }

    /// What was written down, oldest first.
    #[must_use]
    pub fn explained(&self) -> &[Explanation] {
        self.explainer.as_ref().map_or(&[], |explainer| &explainer.seen)
    }

    /// Writes down the evaluation that has just ended, where it is of the wanted opportunity.
    pub(super) fn explain(
        &mut self,
        concrete: &Concrete,
        pays: &Pays,
        sighting: Sighting,
        outcome: Outcome,
        now: Nanos,
    ) {
        let Some(explainer) = &mut self.explainer else { return };
        let opportunity = self.lives.life(concrete.basket).map(|life| life.id);
        let is_sent = outcome == Outcome::Sent;
        let is_full = explainer.seen.len() >= KEPT_MAX && !is_sent;
        let (Some(relation), false) = (self.watch.relation_of(concrete.basket), is_full) else {
            return;
        };
        if opportunity != Some(explainer.wanted) {
            return;
        }
        let pricer = &self.pricer;
        let legs = self
            .legs
            .iter()
            .zip(&self.offered)
            .enumerate()
            .filter_map(|(at, (leg, offered))| pricer.explain(at, *leg, *offered));
        explainer.seen.push(Explanation {
            at: now,
            opportunity: explainer.wanted,
            decision: is_sent.then_some(self.decisions),
            outcome,
            concrete: *concrete,
            pays: *pays,
            relation: relation.clone(),
            legs: legs.collect(),
            sighting,
        });
    }
}
