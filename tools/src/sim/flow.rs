//! Who trades, and when: competing makers with delays, noise, informed takers, arbitrageurs.
//!
//! Nobody is told the truth as it is: a maker quotes around what it was one delay ago plus its own
//! error and its venue's sentiment. Two venues with different delays therefore disagree after news,
//! rungs of a ladder cross, sets cost more or less than one; informed takers, other makers and the
//! [`Arbitrageur`]s close such gaps, each after a reaction time.
//!
//! Recorded pair tapes of two World-Cup matches show one venue's bid above the other's ask with a
//! median of 0.3 and 0.6 cents and at most 2.8, before fees. The parameters here are set to that
//! size; the tests hold gains after fees to about half a cent at the median and lives to about half
//! a second, so that a quick engine is early and a slow one late.

mod agents;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dutchbook_book::catalog::{EventLaw, VenueKind};
use dutchbook_book::{BookId, Grid, Nanos, Price, Side, TopOfBook};

use super::matching::{MatchEvent, NewOrder, OrderKey, OwnerId, RestingOrder, Submitted};
use super::rng::Rng;
use super::scenario::{Happening, Scenario};
use super::world::{Market, Rejected, World};
pub use agents::{Arbitrageur, InformedTaker, Maker, NoiseTaker};

/// How much happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// A few hundred frames a second over both venues.
    #[default]
    Calm,
    /// Several thousand.
    Busy,
    /// A few frames a second, wide spreads, and less than one trade a second on each venue: a
    /// client of a venue can place, watch and cancel its orders in peace.
    Quiet,
    /// Books as they were opened, with wide spreads, and silence.
    None,
}

/// Every parameter of the flow. Times are means.
#[derive(Clone, Copy, Debug)]
pub struct FlowConfig {
    /// How often the truth moves.
    pub truth_step: Nanos,
    /// How often a maker looks at its quotes.
    pub maker_refresh: Nanos,
    /// Delay of the quickest and of the slowest maker of Polymarket.
    pub delay_polymarket: [Nanos; 2],
    /// Delay of the quickest and of the slowest maker of Kalshi.
    pub delay_kalshi: [Nanos; 2],
    /// Makers per listing, beside the slow one with the deep book.
    pub maker_count: u32,
    /// Prices per side and maker.
    pub level_count: u32,
    /// Least and largest half spread of a maker where the tick is a cent, in parts of a million.
    pub half_spread_coarse: [u64; 2],
    /// The same where the tick is finer.
    pub half_spread_fine: [u64; 2],
    /// How far a venue's opinion wanders from the truth, in parts of a million at even chances.
    pub sentiment: u32,
    /// Time between two uninformed orders on one listing.
    pub noise: Nanos,
    /// Time between two looks of an informed taker at one listing.
    pub informed: Nanos,
    /// What an informed taker wants to gain, in parts of a million.
    pub informed_edge: i64,
    /// How often an arbitrageur looks.
    pub arbitrage: Nanos,
    /// What it wants to gain, in parts of a million.
    pub arbitrage_edge: i64,
    /// Shortest and longest time between seeing a gap and trading on it.
    pub arbitrage_reaction: [Nanos; 2],
    /// Whether anything happens after the books are opened.
    pub is_still: bool,
}

impl FlowConfig {
    /// The parameters of a pace.
    #[must_use]
    pub const fn of(pace: Pace) -> Self {
        let calm = Self {
            truth_step: Nanos::from_millis(25),
            maker_refresh: Nanos::from_millis(1_300),
            delay_polymarket: [Nanos::from_millis(150), Nanos::from_millis(900)],
            delay_kalshi: [Nanos::from_millis(60), Nanos::from_millis(450)],
            maker_count: 3,
            level_count: 3,
            half_spread_coarse: [5_000, 9_000],
            half_spread_fine: [1_500, 3_500],
            sentiment: 2_200,
            noise: Nanos::from_millis(4_000),
            informed: Nanos::from_millis(900),
            informed_edge: 14_000,
            arbitrage: Nanos::from_millis(250),
            arbitrage_edge: 5_000,
            arbitrage_reaction: [Nanos::from_millis(250), Nanos::from_millis(2_200)],
            is_still: false,
        };
        match pace {
            Pace::Calm => calm,
            Pace::Busy => Self {
                maker_refresh: Nanos::from_millis(80),
                maker_count: 4,
                noise: Nanos::from_millis(350),
                informed: Nanos::from_millis(250),
                ..calm
            },
            Pace::Quiet => Self {
                truth_step: Nanos::from_millis(250),
                half_spread_coarse: [15_000, 19_000],
                half_spread_fine: [4_000, 8_000],
                sentiment: 700,
                noise: Nanos::from_secs(60),
                informed: Nanos::from_secs(10),
                informed_edge: 25_000,
                ..calm
            },
            Pace::None => Self { is_still: true, ..Self::of(Pace::Quiet) },
        }
    }
}

/// What a venue does when a listing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Trading stops, orders are cancelled and the result is announced.
    Determined {
        /// Whether YES pays.
        yes: bool,
    },
    /// Money has moved.
    Settled,
}

/// Sees everything that happens on the listings, in order.
pub trait Tape {
    /// An operation changed a book; the market is as it is afterwards.
    fn changed(&mut self, book: BookId, market: &Market, now: Nanos, events: &[MatchEvent]);
    /// A listing accepts other prices from now on.
    fn tick_changed(&mut self, book: BookId, market: &Market, now: Nanos, grids: [&Grid; 2]);
    /// A venue lists something new, which nobody here trades.
    fn announced(&mut self, now: Nanos);
    /// A listing ends.
    fn ended(&mut self, book: BookId, market: &Market, now: Nanos, ending: Ending);
}

/// What an agent works with when it wakes.
#[expect(missing_debug_implementations, reason = "it borrows a tape that need not print itself")]
pub struct Desk<'a> {
    /// Truths and listings.
    pub world: &'a mut World,
    /// Who hears of it.
    pub tape: &'a mut dyn Tape,
    /// When it is.
    pub now: Nanos,
    /// The grid that Polymarket changes to near the ends.
    pub fine: Grid,
}

impl Desk<'_> {
    fn market(&self, book: BookId) -> Option<&Market> {
        self.world.markets.get(book.index())
    }

    fn top(&self, book: BookId) -> TopOfBook {
        self.market(book).map_or_else(TopOfBook::default, |market| market.book.top())
    }

    /// An agent's order: one that is refused is none.
    fn submit(&mut self, book: BookId, order: NewOrder) -> Option<Submitted> {
        self.place(book, order).ok()
    }

    /// Places an order and tells the tape.
    ///
    /// # Errors
    /// When the listing refuses it.
    pub fn place(&mut self, book: BookId, order: NewOrder) -> Result<Submitted, Rejected> {
        let mut events = Vec::new();
        let done = self.world.submit(book, order, &mut events);
        self.tell(book, &events);
        self.watch_tick(book);
        done
    }

    /// Replaces an order and tells the tape.
    ///
    /// # Errors
    /// When the listing refuses the new one; the old one is as before.
    pub fn replace(
        &mut self,
        book: BookId,
        key: OrderKey,
        order: NewOrder,
    ) -> Result<Submitted, Rejected> {
        let mut events = Vec::new();
        let done = self.world.replace(book, key, order, &mut events);
        self.tell(book, &events);
        done
    }

    /// Cancels an order and tells the tape; `None` when it rests no more.
    pub fn cancel(&mut self, book: BookId, key: OrderKey) -> Option<RestingOrder> {
        let mut events = Vec::new();
        let gone = self.world.cancel(book, key, &mut events);
        self.tell(book, &events);
        gone
    }

    fn tell(&mut self, book: BookId, events: &[MatchEvent]) {
        if let Some(market) = self.world.markets.get(book.index())
            && !events.is_empty()
        {
            self.tape.changed(book, market, self.now, events);
        }
    }

    /// Polymarket's rule: beyond 0.96 and 0.04 a market of whole cents gets the finer tick.
    fn watch_tick(&mut self, book: BookId) {
        let Some(market) = self.world.markets.get_mut(book.index()) else { return };
        let (low, high) = (Price::from_micro(40_000), Price::from_micro(960_000));
        let top = market.book.top();
        let is_far =
            top.bid.map(|bid| bid.price) > high || top.ask.is_some_and(|ask| Some(ask.price) < low);
        if market.kind == VenueKind::Polymarket && is_far && market.grid.step() > self.fine.step() {
            let old = market.grid;
            market.grid = self.fine;
            self.tape.tick_changed(book, market, self.now, [&old, &self.fine]);
        }
    }

    /// Stops trading, cancels everything, announces the result.
    fn close(&mut self, book: BookId, ending: Ending) {
        let Some(market) = self.world.markets.get_mut(book.index()) else { return };
        if market.is_open {
            market.is_open = false;
            market.revision += 1;
            let mut events = Vec::new();
            market.book.clear(&mut events);
            self.tell(book, &events);
        }
        if let Some(market) = self.world.markets.get(book.index()) {
            self.tape.ended(book, market, self.now, ending);
        }
    }
}

#[derive(Clone, Debug)]
enum Agent {
    Truth(Nanos),
    /// Announces a new market, again and again.
    Announcer(Nanos),
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
    sentiments: Vec<i64>,
    config: FlowConfig,
}

impl Flow {
    /// The agents of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario, config: FlowConfig, start: Nanos, seed: u64) -> Self {
        let sentiments = vec![0; scenario.catalog.listings.len()];
        let queue = BinaryHeap::new();
        let mut flow = Self { agents: Vec::new(), queue, wakes: 0, seed, sentiments, config };
        flow.add(Agent::Truth(config.truth_step), start);
        let period = Nanos::from_secs(9);
        flow.add(Agent::Announcer(period), start.plus(period));
        for (event, spec) in scenario.events.iter().enumerate() {
            for (after, happening) in &spec.script {
                flow.add(Agent::Happening(event, *happening), start.plus(*after));
            }
        }
        for listing in &scenario.catalog.listings {
            flow.listing_agents(listing.book, listing.kind, listing.grid.step(), start);
        }
        for (legs, payoff) in baskets(scenario) {
            let owner = flow.next_owner();
            let (mean, edge, reaction) =
                (config.arbitrage, config.arbitrage_edge, config.arbitrage_reaction);
            let agent = Arbitrageur { legs, payoff, owner, mean, edge, reaction, due: None };
            flow.add(Agent::Arbitrage(agent), start.plus(Nanos::from_millis(500)));
        }
        flow
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
            let maker = Maker {
                book,
                owner: self.next_owner(),
                delay: if is_deep { Nanos::from_millis(3_500) } else { delay },
                refresh: Nanos(config.maker_refresh.0.saturating_mul(if is_deep { 6 } else { 1 })),
                half_spread: if is_deep { 22_000 } else { spread },
                level_step: if is_deep { tick.max(6_000) } else { tick.max(spread / 2) },
                level_count: if is_deep { 12 } else { i64::from(config.level_count) },
                size_centi: if is_deep { 90_000 } else { rng.between(4_000, 30_000) },
                noise: u32::try_from(spread / 5).unwrap_or(0),
                takes: index == 1,
                is_deep,
                bias: 0,
                believed: None,
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
                wander(&mut self.sentiments, self.config.sentiment, rng);
                Some(*step)
            }
            Agent::Announcer(period) => {
                desk.tape.announced(at);
                Some(*period)
            }
            Agent::Happening(event, happening) => {
                happen(*event, *happening, desk, &mut follow_ups);
                None
            }
            Agent::End(book, ending) => {
                desk.close(*book, *ending);
                None
            }
            Agent::Maker(maker) => {
                let sentiment = self.sentiments.get(maker.book.index()).copied().unwrap_or(0);
                maker.wake(sentiment, desk, rng)
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

/// Each listing's sentiment decays and is pushed at random: a venue's opinion of its own.
fn wander(sentiments: &mut [i64], deviation: u32, rng: &mut Rng) {
    for sentiment in sentiments {
        // 1/100 per 25 ms decays over 2.5 s; the push of 14 % keeps the deviation where it is.
        *sentiment = *sentiment * 99 / 100 + rng.bell(deviation * 14 / 100);
    }
}

fn happen(
    event: usize,
    happening: Happening,
    desk: &mut Desk<'_>,
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

/// Every set of orders with a known worst payoff that the arbitrageurs watch.
pub(super) fn baskets(scenario: &Scenario) -> Vec<(Vec<(BookId, Side)>, i64)> {
    const PAR: i64 = 1_000_000;
    use Side::{Buy, Sell};
    let catalog = &scenario.catalog;
    let mut list = Vec::new();
    for pairing in &scenario.pairings {
        let (left, right) = (pairing.left, pairing.right);
        if pairing.inverted {
            list.push((vec![(left, Buy), (right, Buy)], PAR));
            list.push((vec![(left, Sell), (right, Sell)], -PAR));
        } else {
            list.push((vec![(left, Sell), (right, Buy)], 0));
            list.push((vec![(left, Buy), (right, Sell)], 0));
        }
    }
    for implication in &scenario.implications {
        for strong in catalog.listings_of_condition(implication.when) {
            for weak in catalog.listings_of_condition(implication.then) {
                list.push((vec![(strong.book, Sell), (weak.book, Buy)], 0));
            }
        }
    }
    for event in &catalog.events {
        for venue in &catalog.venues {
            let all = catalog.listings_of(venue.id);
            let books: Vec<BookId> = all
                .filter(|listing| event.conditions.contains(&listing.condition))
                .map(|listing| listing.book)
                .collect();
            let every = |side| books.iter().map(|book| (*book, side)).collect::<Vec<_>>();
            match event.law {
                EventLaw::Exclusive if books.len() > 1 => list.push((every(Sell), -PAR)),
                EventLaw::Partition if books.len() == event.conditions.len() => {
                    list.push((every(Buy), PAR));
                    list.push((every(Sell), -PAR));
                }
                EventLaw::Ladder => {
                    let pairs = books.iter().zip(books.iter().skip(1));
                    list.extend(pairs.map(|(w, s)| (vec![(*s, Sell), (*w, Buy)], 0)));
                }
                EventLaw::Independent | EventLaw::Exclusive | EventLaw::Partition => {}
            }
        }
    }
    list
}
