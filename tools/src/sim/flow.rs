//! Who trades, and when: competing makers with delays, noise, informed takers, arbitrageurs.
//!
//! Nobody is told the truth as it is: a maker quotes around what it was one delay ago plus its own
//! error and its venue's opinion, which wanders for a while and moves with every trade. Two venues
//! therefore disagree, after news for a moment and by opinion for longer; rungs of a ladder cross,
//! sets cost more or less than one. The [`Arbitrageur`]s close such gaps: what is left after fees is
//! taken the sooner the more it is, and the trade itself moves the opinions together.
//!
//! The parameters ([`FlowConfig`]) are set to what recorded pair tapes of two matches show;
//! `docs/flow.md` has the comparison and the command that prints it.

mod agents;
mod baskets;
mod config;
mod desk;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, EventId, Nanos, Price, Qty, Side};

use super::matching::{NewOrder, OwnerId, TimeInForce};
use super::rng::Rng;
use super::scenario::{Happening, Scenario, VenueChange};
use super::world::World;
pub use agents::{Arbitrageur, InformedTaker, Maker, NoiseTaker};
pub use baskets::{Basket, baskets};
pub use config::{FlowConfig, FlowError, Pace};
pub use desk::{Desk, Ending, Tape};

/// The maker with the deep book is slower than the slowest other by this factor.
const DEEP_DELAYS: u64 = 4;

#[derive(Clone, Debug)]
enum Agent {
    Truth(Nanos),
    /// Lists the events that are listed late, one after the other.
    Lister {
        period: Nanos,
        late: Vec<EventId>,
    },
    Change(VenueChange),
    /// Takes everything that is stale once the outcome of a listing is known.
    Sweep(BookId, OwnerId),
    Happening(usize, Happening),
    End(BookId, Ending),
    Maker(Box<Maker>),
    Noise(NoiseTaker),
    Informed(InformedTaker),
    Arbitrage(Arbitrageur),
}

/// All agents and when each wakes next.
#[derive(Clone, Debug)]
pub struct Flow {
    agents: Vec<(Agent, Rng)>,
    queue: BinaryHeap<Reverse<(Nanos, u64, usize)>>,
    wakes: u64,
    seed: u64,
    opinions: Opinions,
    config: FlowConfig,
}

/// How far each listing's venue believes to be off the truth, in 1e-9 at even chances.
///
/// An opinion decays over [`FlowConfig::sentiment_life`], is pushed at random so that its deviation
/// stays [`FlowConfig::sentiment`], and moves with every trade: who buys teaches the makers.
#[derive(Clone, Debug)]
struct Opinions {
    list: Vec<i64>,
    /// What a step leaves of an opinion, in parts of a million.
    kept: i64,
    /// Deviation of a step's push.
    push: u32,
    /// For a hundredth of a contract.
    impact: i64,
}

/// No trade moves an opinion further in one step, in 1e-9.
const IMPACT_MAX: i64 = 10_000_000;

impl Opinions {
    fn new(config: &FlowConfig, count: usize, rng: &mut Rng) -> Self {
        let life = config.sentiment_life.0.max(1);
        let step = config.truth_step.0.min(life);
        let share = u128::from(step) * 1_000_000 / u128::from(life);
        let share = u64::try_from(share).unwrap_or(0);
        let deviation = u64::from(config.sentiment) * 1_000;
        // A push of sqrt(2 x) per step and a decay of x keep the deviation where it is.
        let push = deviation * (2 * share * 1_000_000).isqrt() / 1_000_000;
        let deviation = u32::try_from(deviation).unwrap_or(u32::MAX);
        Self {
            list: (0..count).map(|_| rng.bell(deviation)).collect(),
            kept: 1_000_000 - i64::try_from(share).unwrap_or(0),
            push: u32::try_from(push).unwrap_or(u32::MAX),
            impact: i64::from(config.impact) / 10,
        }
    }

    fn wander(&mut self, world: &mut World, rng: &mut Rng) {
        for (opinion, market) in self.list.iter_mut().zip(&mut world.markets) {
            let traded = std::mem::take(&mut market.pressure_centi);
            let moved = traded.saturating_mul(self.impact).clamp(-IMPACT_MAX, IMPACT_MAX);
            *opinion = *opinion * self.kept / 1_000_000 + rng.bell(self.push) + moved;
        }
    }

    /// In parts of a million.
    fn of(&self, book: BookId) -> i64 {
        self.list.get(book.index()).copied().unwrap_or(0) / 1_000
    }
}

impl Flow {
    /// The agents of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario, config: FlowConfig, start: Nanos, seed: u64) -> Self {
        let config = config.scaled();
        let mut rng = Rng::new(seed, 0x6f70_696e);
        let opinions = Opinions::new(&config, scenario.catalog.listings.len(), &mut rng);
        let queue = BinaryHeap::new();
        let mut flow = Self { agents: Vec::new(), queue, wakes: 0, seed, opinions, config };
        flow.add(Agent::Truth(config.truth_step), start);
        flow.venue_agents(scenario, start);
        for (event, spec) in scenario.events.iter().enumerate() {
            for (after, happening) in &spec.script {
                flow.add(Agent::Happening(event, *happening), start.plus(*after));
            }
        }
        for listing in &scenario.catalog.listings {
            flow.listing_agents(listing.book, listing.kind, listing.grid.step(), start);
        }
        for Basket { legs, payoff, .. } in baskets(scenario) {
            let fee = |book| scenario.catalog.listing(book).map(|listing| listing.fee);
            let legs = legs.into_iter().filter_map(|(book, side)| Some((book, side, fee(book)?)));
            let agent = Arbitrageur {
                legs: legs.collect(),
                payoff,
                owner: flow.next_owner(),
                mean: config.arbitrage,
                edge: config.arbitrage_edge,
                wait: config.arbitrage_wait,
                waits: config.arbitrage_waits,
            };
            flow.add(Agent::Arbitrage(agent), start.plus(config.arbitrage));
        }
        flow
    }

    /// What the venues do to their own listings.
    fn venue_agents(&mut self, scenario: &Scenario, start: Nanos) {
        let period = self.config.listing;
        if period > Nanos::ZERO && !scenario.late.is_empty() {
            let late = scenario.late.iter().rev().copied().collect();
            self.add(Agent::Lister { period, late }, start.plus(period));
        }
        for (after, change) in &scenario.changes {
            self.add(Agent::Change(*change), start.plus(*after));
        }
    }

    fn next_owner(&self) -> OwnerId {
        OwnerId(u32::try_from(self.agents.len()).unwrap_or(u32::MAX))
    }

    fn add(&mut self, agent: Agent, at: Nanos) {
        let index = self.agents.len();
        let rng = Rng::new(self.seed, 1_000 + u64::try_from(index).unwrap_or(0));
        self.agents.push((agent, rng));
        self.schedule(index, at);
    }

    fn schedule(&mut self, index: usize, at: Nanos) {
        self.wakes += 1;
        self.queue.push(Reverse((at, self.wakes, index)));
    }

    fn listing_agents(&mut self, book: BookId, kind: VenueKind, tick: u32, start: Nanos) {
        let config = self.config;
        let mut rng = Rng::new(self.seed, 500_000 + u64::from(book.0));
        let [quick, slow] = match kind {
            VenueKind::Polymarket => config.delay_polymarket,
            VenueKind::Kalshi => config.delay_kalshi,
        };
        let is_coarse = tick >= 10_000;
        let tick = i64::from(tick);
        for index in 0..=config.maker_count {
            let is_deep = index == 0;
            let [least, largest] =
                if is_coarse { config.half_spread_coarse } else { config.half_spread_fine };
            let spread = i64::try_from(rng.between(least, largest)).unwrap_or(0);
            let delay = Nanos(rng.between(quick.0, slow.0));
            let [least, most] = config.quote_contracts;
            let maker = Maker {
                book,
                owner: self.next_owner(),
                delay: if is_deep { Nanos(slow.0.saturating_mul(DEEP_DELAYS)) } else { delay },
                refresh: Nanos(config.maker_refresh.0.saturating_mul(if is_deep { 6 } else { 1 })),
                half_spread: if is_deep { 22_000 } else { spread },
                level_step: if is_deep { tick.max(6_000) } else { tick.max(spread / 2) },
                level_count: if is_deep { 12 } else { i64::from(config.level_count) },
                size_centi: 100 * if is_deep { most } else { rng.between(least, most) },
                noise: u32::try_from(spread / 5).unwrap_or(0),
                takes: index == 1,
                bias: 0,
                believed: None,
                aftermath: i64::from(config.aftermath),
                quotes: Vec::new(),
            };
            // All books are opened at the start, one maker after the other.
            self.add(Agent::Maker(Box::new(maker)), start);
        }
        let noise = NoiseTaker { book, owner: self.next_owner(), mean: config.noise };
        let first = start.plus(Nanos(rng.between(300_000_000, config.noise.0.max(300_000_000))));
        self.add(Agent::Noise(noise), first);
        let (mean, edge) = (config.informed, config.informed_edge);
        let informed = InformedTaker { book, owner: self.next_owner(), mean, edge };
        self.add(Agent::Informed(informed), start.plus(Nanos(mean.0)));
    }

    /// Sends everybody home.
    pub fn hush(&mut self) {
        self.queue.clear();
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        self.queue.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Wakes whoever is due first.
    pub fn wake_next(&mut self, desk: &mut Desk<'_>) {
        let Some(Reverse((at, _, index))) = self.queue.pop() else { return };
        desk.now = at;
        let Some((agent, rng)) = self.agents.get_mut(index) else { return };
        let is_still = self.config.is_still;
        let mut follow_ups = Vec::new();
        let next = match agent {
            Agent::Noise(_) | Agent::Informed(_) | Agent::Arbitrage(_) if is_still => None,
            Agent::Truth(step) => {
                for truth in &mut desk.world.truths {
                    truth.step(at, rng);
                }
                self.opinions.wander(desk.world, rng);
                Some(*step)
            }
            Agent::Lister { period, late } => late.pop().map(|event| {
                list(event, desk);
                *period
            }),
            Agent::Change(change) => {
                change_listing(*change, desk);
                None
            }
            Agent::Happening(event, happening) => {
                happen(*event, *happening, desk, rng, &mut follow_ups);
                None
            }
            Agent::End(book, ending) => {
                desk.close(*book, *ending);
                None
            }
            Agent::Maker(maker) => maker.wake(self.opinions.of(maker.book), desk, rng),
            Agent::Sweep(book, owner) => {
                sweep(*book, *owner, desk, self.config.aftermath);
                None
            }
            Agent::Noise(taker) => taker.wake(desk, rng),
            Agent::Informed(taker) => taker.wake(desk, rng),
            Agent::Arbitrage(arbitrageur) => arbitrageur.wake(desk, rng),
        };
        if let Some(wait) = next.filter(|_| !is_still) {
            self.schedule(index, at.plus(wait));
        }
        for (agent, after) in follow_ups {
            self.add(agent, at.plus(after));
        }
    }
}

/// Who watched an event takes what still stands against its outcome, before any venue has spoken.
fn sweep(book: BookId, owner: OwnerId, desk: &mut Desk<'_>, aftermath: u32) {
    let value = desk.world.chance(book, desk.now);
    let (side, limit) = match value {
        0 => (Side::Sell, 1_000_000 - aftermath),
        1_000_000 => (Side::Buy, aftermath),
        _ => return,
    };
    let qty = Qty::from_contracts(1_000_000);
    if let (Some(price), Some(qty)) = (Price::from_micro(limit), qty) {
        let order = NewOrder::plain(owner, side, price, qty, TimeInForce::Immediate);
        desk.submit(book, order);
    }
}

/// When those who watched have understood, in milliseconds: before the first venue speaks.
const SWEEP_MS: [u64; 2] = [60, 300];
/// The owner of what they take.
const WATCHERS: OwnerId = OwnerId(super::floor::CLIENT_OWNERS_FROM - 1);

/// Lists an event on both venues: its makers open the books as soon as they look.
fn list(event: EventId, desk: &mut Desk<'_>) {
    for index in 0..desk.world.markets.len() {
        let book = BookId(u32::try_from(index).unwrap_or(u32::MAX));
        if desk.world.condition_of(book).is_some_and(|(of, _)| of == event.index()) {
            desk.list(book);
        }
    }
}

fn change_listing(change: VenueChange, desk: &mut Desk<'_>) {
    match change {
        VenueChange::List(event) => list(event, desk),
        VenueChange::Regrid { book, grid } => desk.regrid(book, grid),
        VenueChange::Refee { book, multiplier_nano } => {
            desk.tape.fee_changed(book, multiplier_nano);
        }
    }
}

fn happen(
    event: usize,
    happening: Happening,
    desk: &mut Desk<'_>,
    rng: &mut Rng,
    follow_ups: &mut Vec<(Agent, Nanos)>,
) {
    let now = desk.now;
    let Some(truth) = desk.world.truths.get_mut(event) else { return };
    let state = match happening {
        Happening::Pull { state, target } => {
            truth.pull(state, target, now);
            return;
        }
        Happening::Resolve { state } => state,
    };
    truth.resolve(state, now);
    for index in 0..desk.world.markets.len() {
        let book = BookId(u32::try_from(index).unwrap_or(u32::MAX));
        let Some((of, states)) = desk.world.condition_of(book) else { continue };
        let kind = desk.world.markets.get(index).map(|market| market.kind);
        let determined = Ending::Determined { yes: states >> state & 1 == 1 };
        if of == event {
            let [quick, slow] = SWEEP_MS;
            let seen = Nanos::from_millis(rng.between(quick, slow));
            follow_ups.push((Agent::Sweep(book, WATCHERS), seen));
        }
        match kind {
            Some(VenueKind::Kalshi) if of == event => {
                follow_ups.push((Agent::End(book, determined), Nanos::from_millis(400)));
                follow_ups.push((Agent::End(book, Ending::Settled), Nanos::from_millis(3_400)));
            }
            Some(VenueKind::Polymarket) if of == event => {
                follow_ups.push((Agent::End(book, determined), Nanos::from_millis(6_000)));
            }
            _ => {}
        }
    }
}
