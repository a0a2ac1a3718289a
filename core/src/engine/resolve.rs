//! What a venue's word on an outcome changes: settlement, struck states, and the trade on books that
//! still sell what has already happened.
//!
//! Nothing is traded on a first word. Kalshi determines a result and settles it later; in between it
//! may be disputed and amended. States are struck when a venue's word is final, and a basket that
//! stands on a struck state is priced as an expectation, with every precondition of a resolution
//! trade established and young.

use dutchbook_book::{BasketId, BookId, BookStatus, Exact, Face, Nanos, Price};

use super::pricer::Pays;
use super::{Engine, kind_of};
use crate::eval::basket::BasketKind;
use crate::eval::edge::Carry;
use crate::eval::resolution::{Finding, Odds, Precondition, Preconditions};
use crate::eval::watch::Concrete;
use crate::journal::Record;
use crate::opportunity::Cause;
use crate::relation::Source;

/// How resolutions are traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolutionLimits {
    /// Probability of the adverse ruling, what it pays, and the carry until the cash is back.
    pub odds: Odds,
    /// Smallest expected edge of a contract, in 1e-14 $.
    pub min_edge: i64,
    /// How old a finding may be.
    pub age_max: Nanos,
}

impl Default for ResolutionLimits {
    /// Half a percent of surprises, nothing back from one, and an edge of 0.2 cents.
    fn default() -> Self {
        let odds = Odds {
            p_adverse: dutchbook_book::Rate::from_nano(5_000_000),
            adverse_value: Price::ZERO,
            carry: Carry::NONE,
        };
        Self { odds, min_edge: 200_000_000_000, age_max: Nanos::from_secs(600) }
    }
}

/// What a venue has said of one of its books.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    winner: Option<Face>,
    published: Nanos,
    is_final: bool,
}

impl Engine {
    /// Takes a venue's word on an outcome.
    pub(super) fn resolve(
        &mut self,
        book: BookId,
        winner: Option<Face>,
        is_final: bool,
        now: Nanos,
    ) {
        let Some(word) = self.words.get_mut(book.index()) else { return };
        if let Some(winner) = winner {
            if word.winner != Some(winner) {
                word.published = now;
            }
            word.winner = Some(winner);
        }
        if !is_final || word.is_final {
            return;
        }
        // Kalshi's settlement names no winner: it is the one that was determined.
        let Some(winner) = word.winner else { return };
        word.is_final = true;
        self.portfolio.decide(book, winner);
        self.settle(book, winner, now);
        self.strike(book, winner, now);
    }

    fn settle(&mut self, book: BookId, winner: Face, now: Nanos) {
        let payoff = match winner {
            Face::Yes => Price::ONE,
            Face::No => Price::ZERO,
        };
        let cash = self.portfolio.settle(book, payoff, Exact::ZERO).unwrap_or(Exact::ZERO);
        if let Some(desk) = self.execution.desk_mut() {
            desk.owed(book, cash);
        }
        self.keep(&Record::Resolution { book, payoff, cash }, now);
        self.publish_profit();
    }

    /// Strikes the states in which the winner does not pay, and watches what that leaves.
    fn strike(&mut self, book: BookId, winner: Face, now: Nanos) {
        let before = self.watch.basket_count();
        let winner = book.instrument(winner);
        if self.watch.strike(&self.catalog, winner).is_err() {
            return;
        }
        let kinds = (before..self.watch.basket_count()).map(|at| kind_of(&self.watch, at));
        self.lives.extend(kinds);
        self.pricer.reserve(self.watch.legs_max());
        self.legged.reserve(self.watch.legs_max());
        for index in 0..u32::try_from(before).unwrap_or(u32::MAX) {
            let basket = BasketId(index);
            if self.lives.life(basket).is_some() && self.watch.edge(basket) <= 0 {
                self.observe_absence(basket, Cause::Resolved, now);
            }
        }
    }

    /// What a basket pays: its floor, or for a resolution what its floor is expected to be worth.
    pub(super) fn pays(&self, concrete: &Concrete) -> Option<Pays> {
        // What is not known to be structure is sized as a person's claim.
        let relation = self.watch.relation_of(concrete.basket);
        let source = relation.map_or(Source::Approved, |relation| relation.source);
        let Concrete { kind, floor, edge, .. } = *concrete;
        let capital_max = self.sizing.capital(kind, source, floor, edge);
        if kind != BasketKind::Resolution {
            let (payoff, carry) = (floor, Carry::NONE);
            return Some(Pays { payoff, min_edge: 0, hurdle: 0, carry, capital_max });
        }
        let odds = &self.resolution.odds;
        let payoff = odds.payoff_of(i128::from(floor))?;
        let (min_edge, carry) = (self.resolution.min_edge, odds.carry);
        Some(Pays { payoff, min_edge, hurdle: 0, carry, capital_max })
    }

    /// The first precondition of a resolution trade that its relation's news do not meet.
    pub(super) fn unmet_precondition(&self, basket: BasketId, now: Nanos) -> Option<Precondition> {
        let relation = self.watch.relation_of(basket)?;
        let source = relation.states.instruments().iter().find_map(|id| {
            let word = self.words.get(id.book().index())?;
            word.is_final.then_some((id.book(), *word))
        });
        let Some((book, word)) = source else { return Some(Precondition::Published) };
        let mut known = Preconditions::default();
        let mut enter = |which, holds, at| {
            known.set(which, Finding { holds, at, source: book.0 });
        };
        enter(Precondition::Published, true, word.published);
        // The venue stops trading before it determines, and a final word has no open dispute.
        enter(Precondition::WindowClosed, true, word.published);
        enter(Precondition::NoDispute, word.is_final, now);
        // A relation is structure or approved by a person; both compared the rules.
        enter(Precondition::RulesMatch, true, now);
        // A remnant is a book without an event since the publication.
        let trading = self.offered.iter().all(|leg| {
            let stamp = leg.view.stamp;
            stamp.status == BookStatus::Live && stamp.ts_recv > word.published
        });
        enter(Precondition::AcceptingOrders, trading, now);
        known.unmet(now, self.resolution.age_max)
    }
}
