//! The evaluator's loop without a loop: tops in, decisions and paper fills out.
//!
//! Live tiles, replays, the simulated clock and tests drive this same engine. It takes `now`, reads
//! books only through the shelf's views, and emits records to the journal; it has no clock, socket,
//! file or thread of its own, and allocates nothing between [`Engine::on_top`] and the intents once
//! it has been built (a resolution, which recompiles baskets, is cold).

mod act;
mod enter;
pub mod execution;
pub mod explain;
mod explained;
mod kept;
mod live;
pub mod pricer;
mod reprogram;
pub mod resolve;
pub mod sight;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::mpsc::Receiver;

use dutchbook_book::catalog::Catalog;
use dutchbook_book::fetch::fetch;
use dutchbook_book::view::TopUpdate;
use dutchbook_book::{BasketId, BookId, BookStatus, Cash, Grid, Nanos, Rate, RelationId};
use dutchbook_exec::{Intent, Report, TradeId};

use crate::capture::lane::{Kind, LaneWriter};
use crate::compiler::program::Program;
use crate::control::Control;
use crate::eval::basket::{BasketKind, Leg};
use crate::eval::watch::{Concrete, Touched, Watch, WatchError};
use crate::journal::evaluation::{Evaluation, Outcome};
use crate::journal::{Decision, DecisionLeg, EvalCause, JournalWriter, Record};
use crate::legged::Legged;
use crate::legged::learn::Experience;
use crate::opportunity::{
    Cause, LifeEvent, LifeTracker, Measure, Opportunity, OpportunityId, OpportunityLeg, Sighting,
    Venues,
};
use crate::position::Portfolio;
use crate::position::bonds::Bonds;
use crate::relation::Relation;
use crate::resolution::{Docket, Refused, Statement};
use crate::risk::kill::KillSwitch;
use crate::risk::{RiskConfig, RiskGate, Veto};
use crate::sizing::Plan;
use crate::statement::Place;
use crate::telemetry::{Counter, Counters};
use execution::Execution;
use explained::Unexplained;
use pricer::{LEGS_MAX, Pays, PriceLimits, Pricer, Unpriced};
use resolve::{Footing, ResolutionLimits};
use sight::Sight;

/// How an engine is set up.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// What makes a positive edge worth a trade.
    pub price: PriceLimits,
    /// How resolutions are traded.
    pub resolution: ResolutionLimits,
    /// How much of an opportunity is wanted.
    pub sizing: Plan,
    /// What the risk gate allows.
    pub risk: RiskConfig,
    /// Cash that the paper account starts with on each venue.
    pub paper_cash: Cash,
    /// From the decision until the venue matches.
    pub paper_latency: Nanos,
    /// Ended opportunities that are kept for the report; later ones are counted only.
    pub lives_max: usize,
    /// How long an edge must have been there before it is traded; zero to race.
    pub persist: Nanos,
    /// Whether opportunities are traded on paper, or only watched.
    pub trades: bool,
}

/// Why an engine cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The relations do not compile.
    #[error("the relations cannot be compiled: {0}")]
    Watch(#[from] WatchError),
    /// A basket is larger than what is priced on the hot path.
    #[error("a basket has {legs} legs, at most {LEGS_MAX} are priced; split the event")]
    TooManyLegs {
        /// Its legs.
        legs: usize,
    },
    /// The starting cash does not fit.
    #[error("the starting cash of the paper account does not fit")]
    Cash,
}

/// The evaluator with its risk gate, paper venue, positions and journal.
#[derive(Debug)]
pub struct Engine {
    catalog: Catalog,
    watch: Watch,
    sight: Sight,
    pricer: Pricer,
    lives: LifeTracker,
    risk: RiskGate,
    execution: Execution,
    /// What an earlier run left that is not explained yet: nothing new is traded until then.
    unexplained: Option<Unexplained>,
    /// Markets of a journal that the catalog does not list, and of which something is held.
    unlisted: Vec<Place>,
    portfolio: Portfolio,
    legged: Legged,
    experience: Experience,
    /// Trades of which some legs are held back, with the number of their legs.
    staged: Vec<(TradeId, u16)>,
    journal: JournalWriter,
    counters: Counters,
    kill: KillSwitch,
    /// The switch as far as this engine has seen it: what it decides by, and writes down.
    is_killed: bool,
    legs: Vec<Leg>,
    offered: Vec<OpportunityLeg>,
    intents: Vec<Intent>,
    reports: Vec<Report>,
    decisions: u64,
    trades: bool,
    profit: Arc<AtomicI64>,
    resolution: ResolutionLimits,
    sizing: Plan,
    /// What sources have said of outcomes, by book.
    dockets: Vec<Docket>,
    /// Words that were refused, oldest first.
    refused: Vec<(BookId, Refused)>,
    /// Relations whose struck states stand on less than the word of whoever pays.
    footings: Vec<(RelationId, Footing)>,
    /// The newest version taken, by book.
    versions: Vec<u64>,
    /// Whether what the venue charges now is known, by book.
    is_fee_known: Vec<bool>,
    persist: Nanos,
    /// Edges that are too young to be traded, with the moment when they are old enough.
    young: VecDeque<(Nanos, BasketId)>,
    /// Where the compiler's programs come from.
    programs: Option<Receiver<Box<Program>>>,
    /// Who wants to know one opportunity to the last level.
    explainer: Option<Box<explain::Explainer>>,
}

/// Young edges that are looked at again by the clock; more of them wait for their next change.
const YOUNG_MAX: usize = 1_024;
/// Trades that are followed until they are hedged or flat.
const TRADES_MAX: usize = 256;
/// Room for the reports of one poll: each order ends with a handful.
const REPORTS_MAX: usize = 4_096;

impl Engine {
    /// Compiles the relations and makes room for everything that will happen.
    ///
    /// # Errors
    /// When the relations do not compile or a basket is too large to be priced.
    pub fn new(
        catalog: Catalog,
        relations: Vec<Relation>,
        config: &EngineConfig,
        sight: impl Into<Sight>,
        journal: JournalWriter,
        kill: KillSwitch,
    ) -> Result<Self, EngineError> {
        let watch = Watch::new(&catalog, relations)?;
        let legs = watch.legs_max();
        if legs > LEGS_MAX {
            return Err(EngineError::TooManyLegs { legs });
        }
        let mut portfolio = Portfolio::new(&catalog);
        for venue in &catalog.venues {
            let deposit = portfolio.deposit(venue.id, config.paper_cash.exact());
            deposit.map_err(|_error| EngineError::Cash)?;
        }
        portfolio.net(&Bonds::of(watch.relations()));
        let mut risk = RiskGate::new(config.risk, &catalog);
        risk.regroup(&portfolio);
        let kinds =
            (0..watch.basket_count()).map(|index| kind_of(&watch, &catalog, index)).collect();
        Ok(Self {
            pricer: Pricer::new(&catalog, config.price, legs),
            lives: LifeTracker::new(Measure::Net, kinds, config.lives_max),
            risk,
            execution: Execution::paper(&catalog, config.paper_latency),
            unexplained: None,
            unlisted: Vec::new(),
            portfolio,
            legged: Legged::new(TRADES_MAX, legs),
            experience: Experience::new(catalog.venues.len()),
            staged: Vec::with_capacity(TRADES_MAX),
            journal,
            counters: Counters::default(),
            kill,
            is_killed: false,
            legs: Vec::with_capacity(legs),
            offered: Vec::with_capacity(legs),
            intents: Vec::with_capacity(legs),
            reports: Vec::with_capacity(REPORTS_MAX),
            decisions: 0,
            trades: config.trades,
            profit: Arc::new(AtomicI64::new(0)),
            resolution: config.resolution,
            sizing: config.sizing,
            dockets: vec![Docket::default(); catalog.listings.len()],
            refused: Vec::with_capacity(resolve::REFUSED_MAX),
            footings: Vec::new(),
            versions: vec![0; catalog.listings.len()],
            is_fee_known: vec![true; catalog.listings.len()],
            persist: config.persist,
            young: VecDeque::with_capacity(YOUNG_MAX),
            programs: None,
            explainer: None,
            catalog,
            watch,
            sight: sight.into(),
        })
    }

    /// Writes down from now on what the engine takes and sees, for a replay.
    #[must_use]
    pub fn recorded_by(mut self, log: LaneWriter) -> Self {
        self.sight.record(log);
        self
    }

    /// Takes programs of a compiler from now on, at [`Engine::take_programs`].
    #[must_use]
    pub fn programmed_by(mut self, programs: Receiver<Box<Program>>) -> Self {
        self.programs = Some(programs);
        self
    }

    /// What the engine sees beside its arguments: a replay tells it.
    pub const fn sight_mut(&mut self) -> &mut Sight {
        &mut self.sight
    }

    /// Fetches what a change of this book will need, without waiting for it.
    #[inline]
    pub fn fetch(&self, book: BookId) {
        self.watch.fetch(book);
        if let Some(version) = self.versions.get(book.index()) {
            fetch(version);
        }
    }

    /// Fetches what [`Engine::fetch`] has shown to be needed, without waiting for it.
    #[inline]
    pub fn fetch_sums(&self, book: BookId) {
        self.watch.fetch_sums(book);
    }

    /// Takes a changed top: O(1) per basket that uses it. An older state than the one known, which a
    /// ring may bring after a coalesced book was re-read, changes nothing.
    #[inline]
    pub fn on_top(&mut self, update: &TopUpdate) {
        self.sight.took_top(update);
        self.take_top(update);
    }

    #[inline]
    fn take_top(&mut self, update: &TopUpdate) {
        let Some(known) = self.versions.get_mut(update.book.index()) else { return };
        if update.stamp.version >= *known {
            *known = update.stamp.version;
            self.watch.on_top(update);
        }
    }

    /// A book changed but its top was coalesced: reads it from the shelf.
    pub fn on_dirty(&mut self, book: BookId) {
        self.sight.took_dirty(book);
        match self.sight.top(book) {
            Ok(view) => {
                self.take_top(&TopUpdate { book, top: view.top, stamp: view.stamp });
            }
            Err(_torn) => {
                // The writer is at it: its update follows. Until then unknown is not Live.
                self.counters.add(Counter::TornViews, 1);
                self.watch.on_top(&TopUpdate { book, ..TopUpdate::default() });
            }
        }
    }

    /// Takes cold news: a resolution settles and recompiles, a new grid rebuilds look-ups.
    pub fn on_control(&mut self, control: Control, now: Nanos) {
        self.sight.took_control(control, now);
        match control {
            Control::Resolved { book, winner, is_final } => {
                self.resolve(book, winner, is_final, now);
            }
            Control::Said { book, source, says, trust, at } => {
                let statement = Statement { source, says, trust, at, heard: now };
                self.weigh_word(book, &statement, now);
            }
            Control::Regridded { book, grid } => {
                if let Some(grid) = grid {
                    self.regrid(book, grid);
                }
            }
            Control::FeeChanged { book, rates } => self.change_fee(book, rates),
        }
    }

    /// Puts a book on other prices: look-ups by tick, and what orders may say.
    fn regrid(&mut self, book: BookId, grid: Grid) {
        if let Some(listing) = self.catalog.listings.get_mut(book.index()) {
            listing.grid = grid;
        }
        self.pricer.set_grid(book, grid);
        self.execution.regrid(book, &grid);
        // An unknown book has no baskets: nothing to rebuild.
        let _known = self.watch.regrid(book, &grid).is_ok();
    }

    /// Prices a book by other rates. Where they are not known, or do not fit the law that the
    /// catalog states, the book is watched at its old fee, and the gate lets nothing of it pass.
    fn change_fee(&mut self, book: BookId, rates: Option<[Rate; 2]>) {
        let Some(listing) = self.catalog.listings.get(book.index()) else { return };
        let fee = rates.and_then(|rates| listing.fee.with_rates(rates));
        let is_known = fee.is_some_and(|fee| {
            self.risk.set_fee(book, fee);
            self.pricer.set_fee(book, fee);
            if let Some(rules) = self.execution.rules_mut(book) {
                rules.fee = fee;
            }
            if let Some(desk) = self.execution.desk_mut() {
                desk.set_fee(book, fee);
            }
            self.watch.set_fee(book, fee).is_ok()
        });
        if let Some(known) = self.is_fee_known.get_mut(book.index()) {
            *known = is_known;
        }
    }

    /// Evaluates every basket that was touched since the last call.
    pub fn evaluate(&mut self, now: Nanos) {
        self.look_at_kill(now);
        self.sight.called(Kind::Evaluated, now);
        self.evaluate_touched(now);
    }

    /// The same as part of another call.
    fn evaluate_touched(&mut self, now: Nanos) {
        self.revisit_young(now);
        while let Some(touched) = self.watch.pop() {
            self.counters.add(Counter::Evaluations, 1);
            self.consider(touched, now);
        }
        self.recover(now);
    }

    fn consider(&mut self, touched: Touched, now: Nanos) {
        let basket = touched.basket;
        if touched.edge <= 0 {
            // Why it is none matters only where it was one.
            if self.lives.life(basket).is_some() {
                let cause = self.cause_of_absence(basket);
                self.observe_absence(basket, cause, now);
            }
            return;
        }
        self.legs.clear();
        self.pricer.forget_views();
        let (outcome, sighting) = self.weigh(basket, now);
        let evaluation = Evaluation { basket, edge: touched.edge, outcome, sighting };
        self.journal.record_evaluation(now, &evaluation, &self.legs, self.pricer.views());
    }

    /// Puts a positive sum before the sweep and the gates. Says how it ended, and what it was worth
    /// where that is known.
    fn weigh(&mut self, basket: BasketId, now: Nanos) -> (Outcome, Option<Sighting>) {
        let Some(concrete) = self.watch.materialise(basket, &mut self.legs) else {
            self.observe_absence(basket, Cause::PriceMoved, now);
            return (Outcome::Vanished, None);
        };
        let Some(pays) = self.pays(&concrete) else {
            self.observe_absence(basket, Cause::SizeTaken, now);
            return (Outcome::Unpayable, None);
        };
        let pays = Pays { hurdle: self.hurdle(), ..pays };
        match self.pricer.price(&pays, &self.legs, &self.execution, &mut self.sight) {
            Ok(priced) => {
                let sizing = priced.sizing;
                let sighting = Sighting::from(&sizing);
                self.offered.clear();
                for ((leg, sized), view) in self.legs.iter().zip(sizing.legs).zip(priced.views) {
                    let book = leg.instrument.book();
                    self.offered.push(OpportunityLeg {
                        instrument: leg.instrument,
                        side: leg.side,
                        limit: self.execution.allowed(book, leg.side, sized.limit_price),
                        qty: sized.qty,
                        is_fee_known: self
                            .is_fee_known
                            .get(leg.instrument.book().index())
                            .is_some_and(|known| *known),
                        view: *view,
                    });
                }
                if self.stands_on_words(&concrete)
                    && let Some(unmet) = self.unmet_precondition(basket, now)
                {
                    self.observe_absence(basket, Cause::BookDoubtful, now);
                    return (Outcome::Unmet(unmet), Some(sighting));
                }
                let outcome = self.on_opportunity(&concrete, sighting, now);
                if self.explainer.is_some() {
                    self.explain(&concrete, &pays, sighting, outcome, now);
                }
                (outcome, Some(sighting))
            }
            Err(Unpriced::Torn) => {
                self.counters.add(Counter::TornViews, 1);
                (Outcome::Torn, None)
            }
            Err(Unpriced::Doubtful(status)) => {
                self.observe_absence(basket, Cause::BookDoubtful, now);
                (Outcome::Doubtful(status), None)
            }
            Err(Unpriced::Refused(refusal)) => {
                self.observe_absence(basket, Cause::from(refusal), now);
                (Outcome::Refused(refusal), None)
            }
        }
    }

    /// Why a basket that was an opportunity is none: a doubtful book or a moved price.
    fn cause_of_absence(&mut self, basket: BasketId) -> Cause {
        let Some(template) = self.watch.template(basket) else { return Cause::PriceMoved };
        let mut cause = Cause::PriceMoved;
        for slot in &template.slots {
            if self.portfolio.is_settled(slot.hold.book()) {
                return Cause::Resolved;
            }
            let status = self.sight.top(slot.hold.book()).map(|view| view.stamp.status);
            if status.is_ok_and(|status| status != BookStatus::Live) {
                cause = Cause::BookDoubtful;
            }
        }
        cause
    }

    fn observe_absence(&mut self, basket: BasketId, cause: Cause, now: Nanos) {
        let life = self.lives.life(basket).copied();
        if let (Some(mut life), LifeEvent::Died(_, cause)) =
            (life, self.lives.observe(basket, Err(cause), now))
        {
            (life.died_ns, life.cause) = (now, cause);
            self.journal.record_or_shed(now, &Record::Life { measure: Measure::Net, life });
        }
    }

    fn on_opportunity(&mut self, concrete: &Concrete, sighting: Sighting, now: Nanos) -> Outcome {
        self.counters.add(Counter::Opportunities, 1);
        let (id, fresh) = match self.lives.observe(concrete.basket, Ok(&sighting), now) {
            LifeEvent::Born(id) => {
                self.counters.add(Counter::OpportunitiesBorn, 1);
                (id, true)
            }
            LifeEvent::Grown(id) | LifeEvent::Shrunk(id) => (id, true),
            LifeEvent::Held(id) => (id, false),
            LifeEvent::Absent | LifeEvent::Died(..) => return Outcome::Watched,
        };
        if fresh && let Some(life) = self.lives.life(concrete.basket) {
            self.journal.record_or_shed(now, &Record::Life { measure: Measure::Net, life: *life });
        }
        let may_trade = self.trades && self.unexplained.is_none();
        let may_trade = may_trade && self.is_tradable(concrete.basket);
        if may_trade && self.has_persisted(concrete.basket, now) {
            self.decide(id, concrete, sighting, now)
        } else {
            Outcome::Watched
        }
    }

    /// Whether somebody has approved what a basket claims.
    fn is_tradable(&self, basket: BasketId) -> bool {
        self.watch.relation_of(basket).is_some_and(|relation| relation.source.is_tradable())
    }

    /// Whether an edge is old enough to be traded; one that is not is looked at again when it is.
    fn has_persisted(&mut self, basket: BasketId, now: Nanos) -> bool {
        let Some(life) = self.lives.life(basket) else { return false };
        let due = life.born_ns.plus(self.persist);
        if now < due && life.updates == 1 && self.young.len() < YOUNG_MAX {
            self.young.push_back((due, basket));
        }
        now >= due
    }

    /// Looks again at edges that were too young. Lives begin in the order of time, so the first in
    /// the queue is the first to come of age.
    fn revisit_young(&mut self, now: Nanos) {
        while let Some((due, basket)) = self.young.front().copied()
            && due <= now
        {
            self.young.pop_front();
            self.consider(Touched { basket, edge: self.watch.edge(basket) }, now);
        }
    }

    /// Puts an opportunity before risk, records the decision, and sends what was allowed. What
    /// cannot be recorded is not sent.
    fn decide(
        &mut self,
        id: OpportunityId,
        concrete: &Concrete,
        sighting: Sighting,
        now: Nanos,
    ) -> Outcome {
        let opportunity = Opportunity {
            id,
            basket: concrete.basket,
            kind: concrete.kind,
            sighting,
            legs: &self.offered,
        };
        if !self.legged.has_room() {
            self.risk.count_veto(Veto::LeggedFull);
            self.counters.add(Counter::Vetoes, 1);
            return Outcome::Vetoed(Veto::LeggedFull);
        }
        let allowed = self.risk.check(&opportunity, &self.portfolio, self.is_killed, now);
        let intents = match allowed {
            Ok(intents) => intents,
            // Vetoes are counted by reason in the gate: one that stands is met at every evaluation.
            Err(veto) => {
                self.counters.add(Counter::Vetoes, 1);
                return Outcome::Vetoed(veto);
            }
        };
        self.intents.clear();
        self.intents.extend_from_slice(intents);
        // The decision with its legs, the basket with its own, and the orders.
        let records = 2 * self.intents.len() + self.offered.len() + 2;
        let has_room = self.sight.has_room(&self.journal, records);
        if !has_room || !self.record_decision(id, concrete, sighting, now) {
            self.counters.add(Counter::JournalFull, 1);
            for intent in &self.intents {
                self.risk.on_refused(intent.trade, intent.leg_index);
            }
            return Outcome::Unrecorded;
        }
        self.lives.mark_traded(concrete.basket);
        self.follow(concrete, now);
        self.hold_back();
        self.send(now);
        Outcome::Sent
    }

    fn record_decision(
        &mut self,
        id: OpportunityId,
        concrete: &Concrete,
        sighting: Sighting,
        now: Nanos,
    ) -> bool {
        self.decisions += 1;
        let decision = Decision {
            decision: self.decisions,
            opportunity: id,
            basket: concrete.basket,
            kind: concrete.kind,
            cause: EvalCause::BookChanged,
            leg_count: u16::try_from(self.offered.len()).unwrap_or(u16::MAX),
            sighting,
        };
        let mut kept = self.journal.record(now, &Record::Decision(decision)).is_ok();
        for (index, leg) in (0_u16..).zip(&self.offered) {
            let record = Record::DecisionLeg(DecisionLeg::of(self.decisions, index, leg));
            kept &= self.journal.record(now, &record).is_ok();
        }
        kept
    }
}

/// What a basket exploits, and where.
fn kind_of(watch: &Watch, catalog: &Catalog, index: usize) -> (BasketKind, Venues) {
    let id = BasketId(u32::try_from(index).unwrap_or(u32::MAX));
    let Some(template) = watch.template(id) else {
        return (BasketKind::Polytope, Venues::default());
    };
    let listings = template.slots.iter().filter_map(|slot| catalog.listing(slot.hold.book()));
    (template.kind, Venues::of(listings.map(|listing| listing.kind)))
}

#[cfg(test)]
mod tests;
