//! The compiler: relations to programs, beside the evaluator and never in its way.
//!
//! It holds what the venues list, what the file of relations says and what was decided, and knows what
//! the evaluator watches. When one of these changes it waits until the change is whole, holds the file
//! against the catalog again, and makes a program of the difference. Between changes it searches the
//! clusters of relations for baskets that no single law has ([`crate::eval::hunt`]).
//!
//! [`Compiler`] has no thread, file or clock; [`run`] gives it all three.

pub mod program;
pub mod run;
mod split;

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::catalog::Catalog;
use dutchbook_book::depth::DEPTH_LEVELS;
use dutchbook_book::{
    BookId, BookStatus, Cash, Depth, InstrumentId, Level, Nanos, Qty, RelationId, Side,
};

use crate::config::RelationsConfig;
use crate::engine::pricer::PriceLimits;
use crate::eval::cluster::Cluster;
use crate::eval::compile::compile;
use crate::eval::hunt::{Missed, Place, Shown, hunt};
use crate::eval::portfolio::Limits;
use crate::eval::resolution::Odds;
use crate::relation::file::File;
use crate::relation::mixed;
use crate::relation::register::Register;
use crate::relation::standing::Fact;
use crate::relation::{Law, Relation};
use program::{Appeared, Compiled, Program};

/// Larger clusters are searched in parts: their linear program would be nobody's friend.
const BOOKS_MAX: usize = 48;
/// Clusters that one look searches; the next one goes on behind them.
const CLUSTERS_MAX: usize = 8;
/// Levels of each side that a search sees.
const LEVELS_MAX: usize = 4;
/// Baskets that searches may have found at once; the oldest gives way.
const FOUND_MAX: usize = 256;

/// What a compiler is told.
#[derive(Clone, Debug)]
pub enum News {
    /// The venue says something else of a market; `None`: it lists it no more.
    Market(BookId, Option<Fact>),
    /// An instrument pays one: its venue has spoken the last word.
    Decided(InstrumentId),
    /// The file of relations is another one.
    File(File),
    /// Markets appeared, or their events are stated otherwise.
    Lists(Box<Lists>),
}

/// What is listed, as a whole, and what its metadata state.
#[derive(Clone, Debug)]
pub struct Lists {
    /// What is listed; its ids are those of the catalog before.
    pub catalog: Catalog,
    /// The relations that its metadata state.
    pub structural: Vec<Relation>,
}

/// What compilers have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Programs made.
    pub programs: u64,
    /// Relations added by them.
    pub added: u64,
    /// Relations withdrawn by them.
    pub withdrawn: u64,
    /// Clusters searched.
    pub searched: u64,
    /// Baskets found by searches.
    pub found: u64,
    /// Clusters whose answer could not be proved over all states.
    pub unproved: u64,
    /// Clusters that are too large to be searched at once, and are searched in parts.
    pub divided: u64,
}

/// See the module's words.
#[derive(Debug)]
pub struct Compiler {
    catalog: Catalog,
    structural: Vec<Relation>,
    file: File,
    register: Register,
    config: RelationsConfig,
    price: PriceLimits,
    /// What the evaluator watches, by id; a withdrawn one is gone.
    watched: Vec<Option<Relation>>,
    /// What searches have found, oldest first.
    found: Vec<RelationId>,
    struck: BTreeSet<InstrumentId>,
    /// Markets that appeared and that the evaluator has not heard of.
    appeared: Appeared,
    /// When a change that was told is to be compiled.
    due: Option<Nanos>,
    search_at: Nanos,
    /// The cluster that the next look begins with.
    cluster_at: usize,
    counts: Counts,
}

/// What makes two relations the same for the evaluator.
fn key(relation: &Relation) -> String {
    let Relation { id: _, law, states, source, conversion } = relation;
    format!("{law:?} {states:?} {source:?} {conversion:?}")
}

impl Compiler {
    /// A compiler behind an evaluator that was built with `watched`, in this order.
    #[must_use]
    pub fn new(
        catalog: Catalog,
        structural: Vec<Relation>,
        file: File,
        watched: &[Relation],
        config: RelationsConfig,
        price: PriceLimits,
    ) -> Self {
        let register = Register::of(&file, &catalog, &structural);
        let numbered = watched
            .iter()
            .zip(0..)
            .map(|(relation, id)| Some(Relation { id: RelationId(id), ..relation.clone() }));
        Self {
            watched: numbered.collect(),
            catalog,
            structural,
            file,
            register,
            config,
            price,
            found: Vec::new(),
            struck: BTreeSet::new(),
            appeared: Appeared::default(),
            due: None,
            search_at: Nanos::ZERO,
            cluster_at: 0,
            counts: Counts::default(),
        }
    }

    /// What is listed, as far as it was told.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What was done so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes news; what they change is compiled once no more have come for a while.
    pub fn tell(&mut self, news: News, now: Nanos) {
        match news {
            News::File(file) => self.file = file,
            News::Decided(winner) => {
                if !self.struck.insert(winner) {
                    return;
                }
                for relation in self.watched.iter_mut().flatten() {
                    relation.states.strike(winner);
                }
            }
            News::Market(book, fact) => self.relist(book, fact),
            News::Lists(lists) => {
                let Lists { catalog, structural } = *lists;
                let mut appeared = Appeared::between(&self.catalog, &catalog);
                self.appeared.markets.append(&mut appeared.markets);
                self.appeared.events.append(&mut appeared.events);
                (self.catalog, self.structural) = (catalog, structural);
            }
        }
        self.due = Some(now.plus(self.config.debounce));
    }

    /// Notes what a venue says of a market now.
    fn relist(&mut self, book: BookId, fact: Option<Fact>) {
        let mut terms = self.catalog.terms(book).cloned().unwrap_or_default();
        if let Some(fact) = fact {
            terms.rules_hash = fact.rules;
            terms.fee_type = fact.fee_type;
            terms.closes = fact.closes;
            if let Some(listing) = self.catalog.listings.get_mut(book.index()) {
                listing.grid = fact.grid;
            }
        } else {
            // A hash that no text has: every relation of the market is disabled.
            terms.rules_hash = [0; 32];
        }
        self.catalog.set_terms(book, terms);
    }

    /// What is to be changed by now, if anything. `depth` reads a book; false where it cannot.
    pub fn poll(
        &mut self,
        now: Nanos,
        depth: impl FnMut(BookId, &mut Depth) -> bool,
    ) -> Option<Program> {
        let mut program = Program::default();
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            program.appeared = core::mem::take(&mut self.appeared);
            self.compare(&mut program);
        }
        let may_search = self.config.search > Nanos::ZERO && now >= self.search_at;
        if may_search && program.is_empty() {
            self.search_at = now.plus(self.config.search);
            self.search(&mut program, depth);
        }
        if program.is_empty() {
            return None;
        }
        self.counts.programs += 1;
        self.counts.added += u64::try_from(program.add.len()).unwrap_or(0);
        self.counts.withdrawn += u64::try_from(program.withdraw.len()).unwrap_or(0);
        Some(program)
    }

    /// Holds what is watched against what stands.
    fn compare(&mut self, program: &mut Program) {
        self.register = Register::of(&self.file, &self.catalog, &self.structural);
        let stands = mixed::standing(&self.structural, &self.register.relations);
        // What was struck out of a table since is still the same relation.
        let struck = |relation: &Relation| {
            let mut relation = relation.clone();
            for winner in &self.struck {
                relation.states.strike(*winner);
            }
            (key(&relation), relation)
        };
        let mut wanted: BTreeMap<String, Relation> = stands.iter().map(struck).collect();
        for slot in &mut self.watched {
            let Some(relation) = slot.as_ref() else { continue };
            let is_found = self.found.contains(&relation.id);
            if is_found || wanted.remove(&key(relation)).is_some() {
                continue;
            }
            program.withdraw.push(relation.id);
            *slot = None;
        }
        if !program.withdraw.is_empty() {
            // A search may have built on what is gone: it will find again what still stands.
            for id in core::mem::take(&mut self.found) {
                self.withdraw(id, program);
            }
        }
        for (_, relation) in wanted {
            self.add(relation, program);
        }
    }

    fn withdraw(&mut self, id: RelationId, program: &mut Program) {
        if let Some(slot) = self.watched.get_mut(id.index()) {
            *slot = None;
            program.withdraw.push(id);
        }
    }

    fn add(&mut self, mut relation: Relation, program: &mut Program) -> RelationId {
        relation.id = RelationId(u32::try_from(self.watched.len()).unwrap_or(u32::MAX));
        let id = relation.id;
        let templates = compile(&relation, &self.catalog);
        self.watched.push(Some(relation.clone()));
        program.add.push(Compiled { relation, templates });
        id
    }

    /// Searches the next clusters.
    fn search(&mut self, program: &mut Program, mut depth: impl FnMut(BookId, &mut Depth) -> bool) {
        let clusters = self.clusters();
        let count = clusters.len();
        for step in 0..count.min(CLUSTERS_MAX) {
            let at = (self.cluster_at + step) % count;
            let Some(members) = clusters.get(at) else { continue };
            match self.search_one(members, &mut depth) {
                Ok(relation) => {
                    if self.found.len() >= FOUND_MAX {
                        let oldest = self.found.remove(0);
                        self.withdraw(oldest, program);
                    }
                    let id = self.add(relation, program);
                    self.found.push(id);
                    self.counts.found += 1;
                }
                Err(Missed::Unproved) => self.counts.unproved += 1,
                Err(Missed::Nothing | Missed::Known) => {}
            }
            self.counts.searched += 1;
        }
        self.cluster_at = (self.cluster_at + CLUSTERS_MAX) % count.max(1);
    }

    /// Relations that may be traded, as clusters of several that share books.
    fn clusters(&mut self) -> Vec<Vec<usize>> {
        let is_used = |relation: &Relation| {
            relation.source.is_tradable() && !matches!(relation.law, Law::Given { .. })
        };
        let books = |relation: &Relation| -> BTreeSet<BookId> {
            relation.states.instruments().iter().map(|id| id.book()).collect()
        };
        let members = self.watched.iter().enumerate().filter_map(|(at, relation)| {
            let relation = relation.as_ref().filter(|relation| is_used(relation))?;
            Some((at, books(relation)))
        });
        let (clusters, divided) = split::clusters(&members.collect(), BOOKS_MAX);
        self.counts.divided = divided;
        clusters
    }

    fn search_one(
        &self,
        members: &[usize],
        depth: &mut impl FnMut(BookId, &mut Depth) -> bool,
    ) -> Result<Relation, Missed> {
        let relations: Vec<&Relation> =
            members.iter().filter_map(|at| self.watched.get(*at)?.as_ref()).collect();
        let cluster = Cluster::of(relations.iter().copied());
        let mut places = Vec::with_capacity(cluster.books().len());
        for book in cluster.books() {
            let listing = self.catalog.listing(*book).ok_or(Missed::Unproved)?;
            places.push(Place { listing, shown: shown(*book, depth) });
        }
        let limits = Limits {
            lot: Qty::ZERO,
            min_edge: 0,
            min_net_total: self.price.min_net,
            max_capital: Some(self.price.capital_max),
            fixed_cost: Cash::ZERO,
            odds: Odds::default(),
            legs_max: self.config.legs_max,
        };
        // As far as the least trusted of them is.
        let source = relations.iter().map(|relation| relation.source).max();
        let found = hunt(&cluster, &places, &limits, source.ok_or(Missed::Nothing)?)?;
        let is_known = self.found.iter().any(|id| {
            let known = self.watched.get(id.index()).and_then(Option::as_ref);
            known.is_some_and(|known| known.law == found.law)
        });
        if is_known { Err(Missed::Known) } else { Ok(found) }
    }
}

/// What a book shows, where it may be traded on.
fn shown(book: BookId, depth: &mut impl FnMut(BookId, &mut Depth) -> bool) -> Shown {
    let mut view = Depth::default();
    if !depth(book, &mut view) || view.stamp.status != BookStatus::Live {
        return Shown::default();
    }
    let best = |side: Side| -> Vec<Level> {
        view.levels(side).iter().take(LEVELS_MAX.min(DEPTH_LEVELS)).copied().collect()
    };
    Shown { bids: best(Side::Buy), asks: best(Side::Sell) }
}

#[cfg(test)]
mod tests;
