//! What a venue's word on an outcome changes: settlement, struck states, and the trade on books that
//! still sell what has already happened.
//!
//! Nothing is traded on a first word. Kalshi determines a result and settles it later; in between it
//! may be disputed and amended. The words of all sources are weighed by [`crate::resolution`]. States
//! are struck when the source that the rules name has published for good, or whoever pays has spoken:
//! from then on every basket of the relation is priced anew. What buys an outcome is priced as an
//! expectation, with every precondition of a resolution trade established and young; before whoever pays
//! has spoken, so is every other basket that stands on the struck states. Positions are valued by the
//! word of whoever pays alone.

use dutchbook_book::{BasketId, BookId, BookStatus, Exact, Face, Nanos, Price, Rate};

use super::pricer::Pays;
use super::{Engine, kind_of};
use crate::eval::basket::BasketKind;
use crate::eval::edge::Carry;
use crate::eval::resolution::{Finding, Odds, Precondition, Preconditions};
use crate::eval::watch::Concrete;
use crate::journal::Record;
use crate::opportunity::Cause;
use crate::relation::{self, Relation};
use crate::resolution::{Docket, Refused, Ruling, Says, Source, Statement, Trust, Verdict};
use crate::telemetry::Counter;

/// How resolutions are traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolutionLimits {
    /// What can still happen once whoever pays has spoken.
    pub last: Odds,
    /// The same where the named source has published, and the oracle's open proposal says so too.
    pub proposed: Odds,
    /// The same where the named source alone has published.
    pub named: Odds,
    /// Smallest expected edge of a contract, in 1e-14 $.
    pub min_edge: i64,
    /// How old a finding may be.
    pub age_max: Nanos,
}

impl Default for ResolutionLimits {
    /// Half a percent of surprises after a last word, one after a proposal, two before it; nothing back
    /// from one, and an edge of 0.2 cents.
    fn default() -> Self {
        let odds = |ppm: u32| Odds {
            p_adverse: Rate::from_nano(ppm.saturating_mul(1_000)),
            adverse_value: Price::ZERO,
            carry: Carry::NONE,
        };
        Self {
            last: odds(5_000),
            proposed: odds(10_000),
            named: odds(20_000),
            min_edge: 200_000_000_000,
            age_max: Nanos::from_secs(600),
        }
    }
}

/// The least trusted word that a relation's struck states stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footing {
    /// Somebody contests it.
    Contested,
    /// The named source, and nobody else yet.
    Named,
    /// The named source, and the oracle's proposal.
    Proposed,
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
        let (source, trust, at) = (Source::Venue, Trust::Final, Nanos::ZERO);
        let statement = Statement { source, says, trust, at, heard: now };
        self.weigh_word(book, &statement, now);
    }

    /// Takes any source's word on an outcome. States are struck by a last word only.
    pub(super) fn weigh_word(&mut self, book: BookId, statement: &Statement, now: Nanos) {
        let Some(docket) = self.dockets.get_mut(book.index()) else { return };
        let before = docket.ruling();
        let refused = docket.take(statement).err();
        if let Some(refused) = refused {
            self.refuse_word(book, refused);
        }
        let ruling = self.dockets.get(book.index()).map(Docket::ruling).unwrap_or_default();
        let is_new = before.verdict != ruling.verdict || before.trust < Trust::Named;
        if let (Some(verdict), true) = (ruling.verdict, ruling.trust == Trust::Final)
            && before.trust < Trust::Final
        {
            if let Verdict::Pays(winner) = verdict {
                self.portfolio.decide(book, winner);
            }
            self.settle(book, verdict.payoff(), now);
        }
        if let (Some(Verdict::Pays(winner)), true) = (ruling.verdict, ruling.trust >= Trust::Named)
            && is_new
        {
            // A split leaves no state in which the market is decided as asked: nothing to trade on.
            self.strike(book, winner, now);
            if refused.is_none()
                && let Some(earlier) = self.contradicted_by(book)
            {
                self.refuse_word(book, Refused::Contradicts { earlier, later: statement.source });
            }
        }
        let is_moved = |ruling: Ruling| (ruling.trust, ruling.is_contested, ruling.is_proposed);
        if is_moved(before) != is_moved(ruling) {
            self.review_footings();
            self.watch.touch(book);
        }
    }

    fn refuse_word(&mut self, book: BookId, refused: Refused) {
        self.counters.add(Counter::WordsRefused, 1);
        if self.refused.len() < REFUSED_MAX {
            self.refused.push((book, refused));
        }
    }

    /// Whose last word on another market leaves, together with the one on this, no state of a relation.
    fn contradicted_by(&self, book: BookId) -> Option<Source> {
        let yes = book.instrument(Face::Yes);
        let of = self.watch.relations().filter(|one| one.states.instruments().contains(&yes));
        of.filter(|one| is_impossible(one)).find_map(|one| {
            let mut others = one.states.instruments().iter().filter(|id| id.book() != book);
            others.find_map(|id| {
                let ruling = self.dockets.get(id.book().index())?.ruling();
                ruling.source.filter(|_| ruling.trust >= Trust::Named)
            })
        })
    }

    /// Finds the relations whose struck states stand on less than the word of whoever pays.
    pub(super) fn review_footings(&mut self) {
        self.footings.clear();
        let footing = |docket: &Docket| {
            let ruling = docket.ruling();
            match (ruling.trust, ruling.is_contested) {
                (Trust::Named | Trust::Final, true) => Some(Footing::Contested),
                (Trust::Named, false) if ruling.is_proposed => Some(Footing::Proposed),
                (Trust::Named, false) => Some(Footing::Named),
                (Trust::Final | Trust::Provisional | Trust::Hint | Trust::None, _) => None,
            }
        };
        for relation in self.watch.relations() {
            // The two faces of a book are neighbours: every docket is looked at once.
            let ids = relation.states.instruments().iter();
            let books = ids.filter(|id| id.face() == Face::Yes).map(|id| id.book().index());
            let rulings = books.filter_map(|book| footing(self.dockets.get(book)?));
            if let Some(least) = rulings.min_by_key(|footing| *footing as u8) {
                self.footings.push((relation.id, least));
            }
        }
    }

    /// What a basket's struck states stand on, where that is less than the word of whoever pays.
    pub(super) fn footing(&self, basket: BasketId) -> Option<Footing> {
        if self.footings.is_empty() {
            return None;
        }
        let relation = self.watch.relation_of(basket)?.id;
        self.footings.iter().find(|(id, _)| *id == relation).map(|(_, footing)| *footing)
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
        let odds = match self.footing(concrete.basket) {
            None if kind != BasketKind::Resolution => {
                let (payoff, carry) = (floor, Carry::NONE);
                return Some(Pays { payoff, min_edge: 0, hurdle: 0, carry, capital_max });
            }
            None => &self.resolution.last,
            Some(Footing::Proposed) => &self.resolution.proposed,
            Some(Footing::Named | Footing::Contested) => &self.resolution.named,
        };
        let payoff = odds.payoff_of(i128::from(floor))?;
        let (min_edge, carry) = (self.resolution.min_edge, odds.carry);
        Some(Pays { payoff, min_edge, hurdle: 0, carry, capital_max })
    }

    /// Whether a basket is a bet on what sources have said: an outcome that is bought, or any basket
    /// whose states were struck by less than the word of whoever pays.
    pub(super) fn stands_on_words(&self, concrete: &Concrete) -> bool {
        concrete.kind == BasketKind::Resolution || self.footing(concrete.basket).is_some()
    }

    /// The first precondition of a resolution trade that its relation's news do not meet.
    pub(super) fn unmet_precondition(&self, basket: BasketId, now: Nanos) -> Option<Precondition> {
        let relation = self.watch.relation_of(basket)?;
        if is_impossible(relation) {
            // Last words on two of its markets differ: one of them is wrong, or the relation is.
            return Some(Precondition::NoDispute);
        }
        let mut docket: Option<&Docket> = None;
        for id in relation.states.instruments() {
            let of = self.dockets.get(id.book().index())?;
            let ruling = of.ruling();
            if ruling.is_contested {
                // Whoever contests one market of a relation contests what follows from it.
                return Some(Precondition::NoDispute);
            }
            let is_first = docket.is_none_or(|known| ruling.published < known.ruling().published);
            if ruling.trust >= Trust::Named && is_first {
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

/// Whether last words have left a relation without a state.
fn is_impossible(relation: &Relation) -> bool {
    !relation.states.is_empty() && relation.states.possible().next().is_none()
}
