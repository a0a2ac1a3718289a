//! The hidden truth, and the listings that people trade around it.
//!
//! An event has states of which exactly one will turn out; their chances are integer parts of a
//! million and sum to it. A condition is a set of states, so that partitions, ladders, implications
//! and complements are coherent by construction: only *quotes* can disagree, never the truth.

use std::collections::VecDeque;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, ConditionId, Face, Grid, Nanos, Price, Qty, Side};

use super::matching::{
    MatchEvent, MatchingBook, NewOrder, OrderKey, Refused, RestingOrder, Submitted,
};
use super::rng::Rng;
use super::scenario::{EventSpec, Scenario};

/// All chances of one event.
const WHOLE: u32 = 1_000_000;
/// No state's chance falls below this until the event resolves.
const CHANCE_MIN: u32 = 4_000;
/// How much of the past agents can look back to.
const HISTORY: usize = 400;

/// The chances of one event now and lately.
#[derive(Clone, Debug)]
pub struct Truth {
    chances: Vec<u32>,
    history: VecDeque<(Nanos, Vec<u32>)>,
    volatility: u32,
    chain: bool,
    resolved: Option<usize>,
    /// When the last jump was: flow is denser after news.
    news_at: Nanos,
    next_jump: Nanos,
    jump_mean: u64,
    jump_max: u32,
}

impl Truth {
    /// The truth of an event as its specification starts it.
    #[must_use]
    pub fn new(spec: &EventSpec, start: Nanos, time_scale: u64, rng: &mut Rng) -> Self {
        let jump_mean = spec.jump_mean.0.div_euclid(time_scale.max(1));
        Self {
            chances: spec.chances.clone(),
            history: VecDeque::from([(Nanos::ZERO, spec.chances.clone())]),
            volatility: spec.volatility,
            chain: spec.chain,
            resolved: None,
            news_at: Nanos::ZERO,
            next_jump: start.plus(Nanos(rng.wait(jump_mean))),
            jump_mean,
            jump_max: spec.jump_max,
        }
    }

    /// Moves on to `now`: a small fair step, sometimes a jump.
    pub fn step(&mut self, now: Nanos, rng: &mut Rng) {
        if self.resolved.is_none() {
            let size = u32::try_from(rng.bell(self.volatility).unsigned_abs()).unwrap_or(0);
            self.shift(size, rng);
            if now >= self.next_jump {
                let size = rng.between(u64::from(self.jump_max / 4), u64::from(self.jump_max));
                self.shift(u32::try_from(size).unwrap_or(0), rng);
                self.news_at = now;
                self.next_jump = now.plus(Nanos(rng.wait(self.jump_mean)));
            }
        }
        self.remember(now);
    }

    /// Moves chance between two states; fair, because both directions are equally likely and the
    /// size is bounded by the smaller of both.
    fn shift(&mut self, size: u32, rng: &mut Rng) {
        let count = self.chances.len();
        let from = index_below(rng, count);
        let to = if self.chain {
            if from + 1 < count { from + 1 } else { from.saturating_sub(1) }
        } else {
            (from + 1 + index_below(rng, count.saturating_sub(1))) % count.max(1)
        };
        let (from, to) = if rng.coin() { (from, to) } else { (to, from) };
        let room = |at: usize| self.chances.get(at).map_or(0, |c| c.saturating_sub(CHANCE_MIN));
        self.transfer(from, to, size.min(room(from)).min(room(to)));
    }

    /// Moves chance to one state from all others, in proportion, until it has `target`.
    pub fn pull(&mut self, state: usize, target: u32, now: Nanos) {
        for from in 0..self.chances.len() {
            let have = self.chances.get(state).copied().unwrap_or(WHOLE);
            let room = self.chances.get(from).map_or(0, |c| c.saturating_sub(CHANCE_MIN));
            if from != state {
                self.transfer(from, state, room.min(target.saturating_sub(have)));
            }
        }
        self.news_at = now;
    }

    /// Decides the event.
    pub fn resolve(&mut self, state: usize, now: Nanos) {
        self.resolved = Some(state);
        self.news_at = now;
        for (index, chance) in self.chances.iter_mut().enumerate() {
            *chance = if index == state { WHOLE } else { 0 };
        }
        self.remember(now);
    }

    fn transfer(&mut self, from: usize, to: usize, size: u32) {
        if from == to || to >= self.chances.len() {
            return;
        }
        if let Some(chance) = self.chances.get_mut(from) {
            *chance -= size;
        }
        if let Some(chance) = self.chances.get_mut(to) {
            *chance += size;
        }
    }

    fn remember(&mut self, now: Nanos) {
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((now, self.chances.clone()));
    }

    /// The chance that one of `states` comes true, as it was at `at`, in parts of a million.
    #[must_use]
    pub fn chance(&self, states: u64, at: Nanos) -> u32 {
        let index = self.history.partition_point(|(time, _)| *time <= at).saturating_sub(1);
        let chances = self.history.get(index).map_or(&self.chances, |(_, chances)| chances);
        let inside = chances.iter().enumerate().filter(|(state, _)| states >> state & 1 == 1);
        inside.map(|(_, chance)| *chance).sum()
    }

    /// The state that came true.
    #[must_use]
    pub const fn resolved(&self) -> Option<usize> {
        self.resolved
    }

    /// When something last happened to it.
    #[must_use]
    pub const fn news_at(&self) -> Nanos {
        self.news_at
    }
}

/// A random index below `count`; zero when there is none.
pub(crate) fn index_below(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(count).unwrap_or(0))).unwrap_or(0)
}

/// One listing while it trades.
#[derive(Clone, Debug)]
pub struct Market {
    /// Its orders.
    pub book: MatchingBook,
    /// The prices that it accepts now.
    pub grid: Grid,
    /// Where it is listed.
    pub kind: VenueKind,
    /// What every order's quantity is a multiple of. Polymarket's orders name amounts of cash and
    /// shares in millionths, and what is left of one may be any of them.
    pub lot: Qty,
    /// What it asks.
    pub condition: ConditionId,
    /// Whether the venue shows it.
    pub is_listed: bool,
    /// Whether orders are taken.
    pub is_open: bool,
    /// Price of the last trade.
    pub last_trade: Option<Price>,
    /// Contracts traded, in hundredths.
    pub volume_centi: u64,
    /// Contracts that takers bought less those that they sold since it was last looked at, in
    /// hundredths.
    pub pressure_centi: i64,
    /// Counts operations: seeds of hashes and ids.
    pub revision: u64,
    /// The face that the order now coming in names, where its venue knows.
    pub named: Option<Face>,
    /// Pairs of contracts that exist, where the venue says so.
    pub open_interest: Qty,
}

impl Market {
    /// Whether orders of this quantity are taken.
    fn check_lots(&self, qty: Qty) -> Result<(), Rejected> {
        if qty.floor_to_lot(self.lot) == qty { Ok(()) } else { Err(Rejected::OffLot) }
    }

    /// Counts an operation and what it matched.
    fn count(&mut self, events: &[MatchEvent]) {
        self.revision += 1;
        for event in events {
            if let MatchEvent::Trade { price, qty, taker_side, .. } = event {
                self.last_trade = Some(*price);
                let centi = qty.micro() / 10_000;
                self.volume_centi += centi;
                let signed = i64::try_from(centi).unwrap_or(0);
                self.pressure_centi += if *taker_side == Side::Buy { signed } else { -signed };
            }
        }
    }
}

/// Why a listing refuses an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// It takes none, now or any more.
    Closed,
    /// No price of the grid is near.
    OffGrid,
    /// The quantity is no multiple of the lot.
    OffLot,
    /// The book itself refuses it.
    ByBook(Refused),
}

/// Truths and listings.
#[derive(Clone, Debug)]
pub struct World {
    /// By event.
    pub truths: Vec<Truth>,
    /// By book.
    pub markets: Vec<Market>,
    /// Event and set of states, by condition.
    conditions: Vec<(usize, u64)>,
}

impl World {
    /// The world as the scenario starts it.
    #[must_use]
    pub fn new(scenario: &Scenario, start: Nanos, time_scale: u64, seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0x7275_7468);
        let truths = scenario.events.iter();
        let truths = truths.map(|spec| Truth::new(spec, start, time_scale, &mut rng)).collect();
        let markets = scenario.catalog.listings.iter().map(|listing| Market {
            book: MatchingBook::default(),
            grid: listing.grid,
            kind: listing.kind,
            lot: match listing.kind {
                VenueKind::Kalshi => listing.lot,
                VenueKind::Polymarket => Qty::ZERO,
            },
            condition: listing.condition,
            is_listed: scenario.is_listed_at_start(listing.book),
            is_open: scenario.is_listed_at_start(listing.book),
            last_trade: None,
            volume_centi: 0,
            pressure_centi: 0,
            revision: 0,
            named: None,
            open_interest: Qty::ZERO,
        });
        let conditions = scenario
            .catalog
            .conditions
            .iter()
            .zip(&scenario.states)
            .map(|(condition, states)| (condition.event.index(), *states));
        Self { truths, markets: markets.collect(), conditions: conditions.collect() }
    }

    /// The chance of a listing's condition as it was at `at`, in parts of a million.
    #[must_use]
    pub fn chance(&self, book: BookId, at: Nanos) -> u32 {
        let Some((event, states)) = self.condition_of(book) else { return 0 };
        self.truths.get(event).map_or(0, |truth| truth.chance(states, at))
    }

    /// The event of a listing and the states in which it pays.
    #[must_use]
    pub fn condition_of(&self, book: BookId) -> Option<(usize, u64)> {
        let market = self.markets.get(book.index())?;
        self.conditions.get(market.condition.index()).copied()
    }

    /// Whether something happened lately to the event of a listing.
    #[must_use]
    pub fn has_news(&self, book: BookId, now: Nanos) -> bool {
        let truth = self.condition_of(book).and_then(|(event, _)| self.truths.get(event));
        truth.is_some_and(|truth| {
            truth.news_at() > Nanos::ZERO && now.since(truth.news_at()) < Nanos::from_millis(1_500)
        })
    }

    /// Submits an order to an open listing. A price between two ticks becomes the next one that is
    /// not worse for its owner.
    ///
    /// # Errors
    /// When the listing or its book refuses it; nothing has changed then.
    pub fn submit(
        &mut self,
        book: BookId,
        mut order: NewOrder,
        out: &mut Vec<MatchEvent>,
    ) -> Result<Submitted, Rejected> {
        let market = self.markets.get_mut(book.index()).ok_or(Rejected::Closed)?;
        if !market.is_open {
            return Err(Rejected::Closed);
        }
        market.check_lots(order.qty)?;
        let price = match order.side {
            Side::Buy => market.grid.floor(order.price),
            Side::Sell => market.grid.ceil(order.price),
        };
        order.price = price.ok_or(Rejected::OffGrid)?;
        let done = market.book.submit(order, out).map_err(Rejected::ByBook)?;
        market.count(out);
        Ok(done)
    }

    /// Replaces an order by another, whose price is on the grid.
    ///
    /// # Errors
    /// When the listing or its book refuses it; nothing has changed then.
    pub fn replace(
        &mut self,
        book: BookId,
        key: OrderKey,
        order: NewOrder,
        out: &mut Vec<MatchEvent>,
    ) -> Result<Submitted, Rejected> {
        let market = self.markets.get_mut(book.index()).ok_or(Rejected::Closed)?;
        if !market.is_open {
            return Err(Rejected::Closed);
        }
        market.check_lots(order.qty)?;
        let done = market.book.replace(key, order, out).map_err(Rejected::ByBook)?;
        market.count(out);
        Ok(done)
    }

    /// Cancels an order; `None` when it rests no more.
    pub fn cancel(
        &mut self,
        book: BookId,
        key: OrderKey,
        out: &mut Vec<MatchEvent>,
    ) -> Option<RestingOrder> {
        let market = self.markets.get_mut(book.index())?;
        market.revision += 1;
        market.book.cancel(key, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::matching::{OwnerId, TimeInForce};

    fn spec(chances: &[u32], chain: bool) -> EventSpec {
        EventSpec {
            chances: chances.to_vec(),
            volatility: 2_000,
            chain,
            jump_mean: Nanos::from_millis(400),
            jump_max: 60_000,
            script: Vec::new(),
        }
    }

    #[test]
    fn chances_stay_coherent_and_fair() {
        let mut mean = 0_i64;
        for seed in 0..200 {
            let mut rng = Rng::new(seed, 5);
            let spec = spec(&[300_000, 200_000, 400_000, 100_000], seed % 2 == 0);
            let mut truth = Truth::new(&spec, Nanos::ZERO, 1, &mut rng);
            for step in 1..400 {
                let now = Nanos::from_millis(step * 25);
                truth.step(now, &mut rng);
                assert_eq!(truth.chance(0b1111, now), WHOLE);
                assert!((0..4).all(|state| truth.chance(1 << state, now) >= CHANCE_MIN));
                assert!(truth.chance(0b0011, now) >= truth.chance(0b0001, now));
            }
            mean += i64::from(truth.chance(1, Nanos(u64::MAX))) - 300_000;
        }
        assert!((mean / 200).abs() < 30_000, "a fair path stays where it began: {}", mean / 200);
    }

    #[test]
    fn kalshi_takes_whole_lots_only() {
        let scenario = Scenario::demo(1, Nanos::from_secs(12)).unwrap();
        let mut world = World::new(&scenario, Nanos::ZERO, 1, 1);
        for listing in &scenario.catalog.listings {
            if !scenario.is_listed_at_start(listing.book) {
                continue;
            }
            let mut submit = |micro| {
                let qty = Qty::from_micro(micro).unwrap();
                let price = listing.grid.ceil(Price::from_micro(500_000).unwrap()).unwrap();
                let order = NewOrder::plain(OwnerId(1), Side::Buy, price, qty, TimeInForce::Rest);
                world.submit(listing.book, order, &mut Vec::new()).map(drop)
            };
            assert_eq!(submit(405_880_000), Ok(()));
            let is_kalshi = listing.kind == VenueKind::Kalshi;
            let expected = if is_kalshi { Err(Rejected::OffLot) } else { Ok(()) };
            assert_eq!(submit(405_880_959), expected, "{}", listing.name);
        }
    }

    #[test]
    fn the_past_stays_as_it_was() {
        let mut rng = Rng::new(3, 5);
        let mut truth = Truth::new(&spec(&[500_000, 500_000], false), Nanos::ZERO, 1, &mut rng);
        truth.step(Nanos(10), &mut rng);
        truth.pull(0, 970_000, Nanos(15));
        truth.step(Nanos(20), &mut rng);
        truth.resolve(1, Nanos(30));
        assert_eq!(truth.chance(1, Nanos(5)), 500_000);
        assert!(truth.chance(1, Nanos(25)) > 900_000);
        assert_eq!((truth.chance(1, Nanos(30)), truth.chance(2, Nanos(30))), (0, WHOLE));
    }
}
