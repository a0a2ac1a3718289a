//! What a venue's word on an outcome changes: settlement, struck states, and the trade on books that
//! still sell what has already happened.
//!
//! Nothing is traded on a first word. Kalshi determines a result and settles it later; in between it
//! may be disputed and amended. The words of all sources are weighed by [`crate::resolution`]; states
//! are struck when one is final, and a basket that stands on a struck state is priced as an expectation,
//! with every precondition of a resolution trade established and young.

use dutchbook_book::{BasketId, BookId, BookStatus, Exact, Face, Nanos, Price};

use super::pricer::Pays;
use super::{Engine, kind_of};
use crate::eval::basket::BasketKind;
use crate::eval::edge::Carry;
use crate::eval::resolution::{Finding, Odds, Precondition, Preconditions};
use crate::eval::watch::Concrete;
use crate::journal::Record;
use crate::opportunity::Cause;
use crate::relation;
use crate::resolution::{Docket, Refused, Says, Source, Statement, Trust, Verdict};
use crate::telemetry::Counter;

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

/// Refused words that are kept with their reasons; all are counted.
pub(super) const REFUSED_MAX: usize = 32;

impl Engine {
    /// Takes the venue's own word on an outcome: Kalshi determines and then settles, Polymarket speaks
    /// once. A settlement that names no winner is of the one that was determined.
    pub(super) fn resolve(
        &mut self,
        book: BookId,
        winner: Option<Face>,
        is_final: bool,
        now: Nanos,
    ) {
        let says = match (winner.map(Verdict::Pays), is_final) {
            (Some(verdict), true) => Says::Final(verdict),
            (Some(verdict), false) => Says::Decided(verdict),
            (None, true) => Says::Settled,
            (None, false) => return,
        };
        let statement = Statement { source: Source::Venue, says, at: Nanos::ZERO, heard: now };
        self.weigh_word(book, &statement, now);
    }

    /// Takes any source's word on an outcome. States are struck by a last word only.
    pub(super) fn weigh_word(&mut self, book: BookId, statement: &Statement, now: Nanos) {
        let Some(docket) = self.dockets.get_mut(book.index()) else { return };
        let before = docket.ruling().trust;
        let ruling = match docket.take(statement) {
            Ok(ruling) => ruling,
            Err(refused) => {
                self.counters.add(Counter::WordsRefused, 1);
                if self.refused.len() < REFUSED_MAX {
                    self.refused.push((book, refused));
                }
                return;
            }
        };
        if ruling.trust < Trust::Final || before == Trust::Final {
            return;
        }
        let Some(verdict) = ruling.verdict else { return };
        if let Verdict::Pays(winner) = verdict {
            self.portfolio.decide(book, winner);
        }
        self.settle(book, verdict.payoff(), now);
        // A split leaves no state in which the market is decided as asked: nothing to trade on.
        if let Verdict::Pays(winner) = verdict {
            self.strike(book, winner, now);
        }
    }

    /// Words that were refused, with the markets that they were about.
    pub fn refused_words(&self) -> impl Iterator<Item = (&str, Refused)> + '_ {
        self.refused.iter().filter_map(|(book, refused)| {
            Some((self.catalog.listing(*book)?.native_market.as_str(), *refused))
        })
    }

    fn settle(&mut self, book: BookId, payoff: Price, now: Nanos) {
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
        let kinds =
            (before..self.watch.basket_count()).map(|at| kind_of(&self.watch, &self.catalog, at));
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
        let source = relation.map_or(relation::Source::Approved, |relation| relation.source);
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
        let mut docket: Option<&Docket> = None;
        for id in relation.states.instruments() {
            let of = self.dockets.get(id.book().index())?;
            let ruling = of.ruling();
            if ruling.is_contested {
                // Whoever contests one market of a relation contests what follows from it.
                return Some(Precondition::NoDispute);
            }
            let is_first = docket.is_none_or(|known| ruling.published < known.ruling().published);
            if ruling.trust == Trust::Final && is_first {
                docket = Some(of);
            }
        }
        let Some(docket) = docket else { return Some(Precondition::Published) };
        let mut known = Preconditions::default();
        docket.enter(&mut known, now);
        // A remnant is a book without an event since the publication.
        let published = docket.ruling().published;
        let holds = self.offered.iter().all(|leg| {
            let stamp = leg.view.stamp;
            stamp.status == BookStatus::Live && stamp.ts_recv > published
        });
        let source = u32::from(Source::Venue as u8);
        known.set(Precondition::AcceptingOrders, Finding { holds, at: now, source });
        known.unmet(now, self.resolution.age_max)
    }
}
