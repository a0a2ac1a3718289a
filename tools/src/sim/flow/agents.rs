//! The agents themselves: what each does when it wakes, and how long it sleeps then.

use dutchbook_book::fee::{FeeSchedule, UNIT_PER_MICRO};
use dutchbook_book::{BookId, Grid, Level, Nanos, Price, Qty, Side, TopOfBook};

use super::super::matching::{NewOrder, OrderKey, OwnerId, Submitted, TimeInForce};
use super::super::rng::Rng;
use super::Desk;

/// Quotes both sides of one listing around what it believes.
#[derive(Clone, Debug)]
pub struct Maker {
    pub(super) book: BookId,
    pub(super) owner: OwnerId,
    pub(super) delay: Nanos,
    pub(super) refresh: Nanos,
    pub(super) half_spread: i64,
    pub(super) level_step: i64,
    pub(super) level_count: i64,
    pub(super) size_centi: u64,
    pub(super) noise: u32,
    pub(super) takes: bool,
    pub(super) bias: i64,
    pub(super) believed: Option<i64>,
    /// What a winner is worth until it is paid, in parts of a million.
    pub(super) aftermath: i64,
    pub(super) quotes: Vec<(OrderKey, Side, Price)>,
}

/// Trades at random.
#[derive(Clone, Copy, Debug)]
pub struct NoiseTaker {
    pub(super) book: BookId,
    pub(super) owner: OwnerId,
    pub(super) mean: Nanos,
}

/// Knows the truth early and takes stale quotes.
#[derive(Clone, Copy, Debug)]
pub struct InformedTaker {
    pub(super) book: BookId,
    pub(super) owner: OwnerId,
    pub(super) mean: Nanos,
    pub(super) edge: i64,
}

/// Watches one set of orders whose worst payoff is known, and sends them when they gain enough.
///
/// Nobody is alone: the larger a gain, the more of them look at it, and the sooner it is taken.
#[derive(Clone, Debug)]
pub struct Arbitrageur {
    pub(super) legs: Vec<(BookId, Side, FeeSchedule)>,
    /// What holding the legs pays at least, in parts of a million.
    pub(super) payoff: i64,
    pub(super) owner: OwnerId,
    pub(super) mean: Nanos,
    pub(super) edge: i64,
    /// How long a gain of a cent waits, and the bounds of all waits.
    pub(super) wait: Nanos,
    pub(super) waits: [Nanos; 2],
}

/// A cent, in parts of a million.
const CENT: u64 = 10_000;
/// A result is everybody's news: no maker is slower than this to hear of it.
const RESULT_SPREADS: Nanos = Nanos::from_millis(50);
/// How often an agent looks whether its book is listed by now.
const UNLISTED: Nanos = Nanos::from_millis(300);
/// Nobody quotes an open question as if it were decided, in parts of a million.
const BELIEF_MIN: i64 = 6_000;
/// Half the spread of a decided listing, in parts of a million.
const AFTERMATH_HALF_SPREAD: i64 = 4_000;

fn price_of(micro: i64) -> Option<Price> {
    u32::try_from(micro).ok().and_then(Price::from_micro)
}

impl Maker {
    pub(super) fn wake(
        &mut self,
        sentiment: i64,
        desk: &mut Desk<'_>,
        rng: &mut Rng,
    ) -> Option<Nanos> {
        if !desk.is_listed(self.book) {
            return Some(UNLISTED);
        }
        let (open, resolved) = self.state(desk);
        if !open {
            self.leave(desk);
            return None;
        }
        let seen =
            i64::from(desk.world.chance(self.book, Nanos(desk.now.0.saturating_sub(self.delay.0))));
        self.bias = self.bias * 3 / 4 + rng.bell(self.noise);
        // Opinions differ most at even chances.
        let width = seen.min(1_000_000 - seen).clamp(40_000, 250_000);
        let belief = if resolved {
            // The outcome is known, the cash is not here yet: winners are sold a little below par.
            seen.clamp(1_000_000 - self.aftermath, self.aftermath)
        } else {
            (seen + (sentiment + self.bias) * width / 250_000)
                .clamp(BELIEF_MIN, 1_000_000 - BELIEF_MIN)
        };
        let moved = self.believed.is_none_or(|old| (belief - old).abs() * 2 > self.half_spread);
        let has_news = desk.world.has_news(self.book, desk.now);
        if moved || rng.chance_ppm(60_000) {
            self.believed = Some(belief);
            let half_spread = if resolved { AFTERMATH_HALF_SPREAD } else { self.half_spread };
            self.quote(belief, half_spread, desk, rng);
        }
        let mean = if has_news { self.refresh.0 / 4 } else { self.refresh.0 };
        Some(Nanos(rng.wait(mean)))
    }

    /// Whether the listing is open, and whether this maker knows that its event is decided.
    fn state(&self, desk: &Desk<'_>) -> (bool, bool) {
        let open = desk.market(self.book).is_some_and(|market| market.is_open);
        let event = desk.world.condition_of(self.book).map_or(usize::MAX, |(event, _)| event);
        let truth = desk.world.truths.get(event);
        let resolved = truth.is_some_and(|truth| {
            truth.resolved().is_some() && desk.now.since(truth.news_at()) > RESULT_SPREADS
        });
        (open, resolved)
    }

    fn leave(&mut self, desk: &mut Desk<'_>) {
        for (key, _, _) in std::mem::take(&mut self.quotes) {
            desk.cancel(self.book, key);
        }
    }

    /// Puts its orders where its belief wants them; orders that are there already stay.
    fn quote(&mut self, belief: i64, half_spread: i64, desk: &mut Desk<'_>, rng: &mut Rng) {
        let mut targets = Vec::new();
        for level in 0..self.level_count {
            let away = half_spread + level * self.level_step;
            targets.push((Side::Buy, belief - away));
            targets.push((Side::Sell, belief + away));
        }
        let Some(grid) = desk.market(self.book).map(|market| market.grid) else { return };
        let mut wanted: Vec<(Side, Price)> = targets
            .into_iter()
            .filter_map(|(side, micro)| {
                let price = price_of(micro)?;
                let on_grid = match side {
                    Side::Buy => grid.floor(price),
                    Side::Sell => grid.ceil(price),
                };
                Some((side, on_grid?))
            })
            .collect();
        let mut kept = Vec::new();
        for (key, side, price) in std::mem::take(&mut self.quotes) {
            let is_there =
                desk.market(self.book).is_some_and(|market| market.book.order(key).is_some());
            match wanted.iter().position(|target| *target == (side, price)) {
                Some(at) if is_there => {
                    wanted.swap_remove(at);
                    kept.push((key, side, price));
                }
                _ => {
                    desk.cancel(self.book, key);
                }
            }
            if !is_there {
                // Filled: whoever traded may know more, and the inventory wants to go back.
                let lean = self.half_spread / 3;
                self.bias += if side == Side::Buy { -lean } else { lean };
            }
        }
        self.quotes = kept;
        for (side, price) in wanted {
            self.place(side, price, &grid, desk, rng);
        }
    }

    fn place(&mut self, side: Side, price: Price, grid: &Grid, desk: &mut Desk<'_>, rng: &mut Rng) {
        let top = desk.top(self.book);
        let price = match (side, top.bid, top.ask) {
            (Side::Buy, _, Some(ask)) if price >= ask.price && !self.takes => {
                grid.next_below(ask.price)
            }
            (Side::Sell, Some(bid), _) if price <= bid.price && !self.takes => {
                grid.next_above(bid.price)
            }
            _ => Some(price),
        };
        let whole = rng.below(3) > 0;
        let centi = self.size_centi * rng.between(20, 180) / 100;
        let centi = if whole { (centi / 100).max(1) * 100 } else { centi.max(1) };
        let (Some(price), Some(qty)) = (price, Qty::from_centi(centi)) else { return };
        let order = NewOrder::plain(self.owner, side, price, qty, TimeInForce::Rest);
        if let Some(Submitted { resting: Some(key), .. }) = desk.submit(self.book, order) {
            self.quotes.push((key, side, price));
        }
    }
}

/// The quote that an order of this side would hit.
const fn opposite(top: TopOfBook, side: Side) -> Option<Level> {
    match side {
        Side::Buy => top.ask,
        Side::Sell => top.bid,
    }
}

impl NoiseTaker {
    pub(super) fn wake(self, desk: &mut Desk<'_>, rng: &mut Rng) -> Option<Nanos> {
        if !desk.is_listed(self.book) {
            return Some(self.mean.max(UNLISTED));
        }
        if !desk.market(self.book)?.is_open {
            return None;
        }
        let side = if rng.coin() { Side::Buy } else { Side::Sell };
        if let Some(best) = opposite(desk.top(self.book), side) {
            let centi = rng.between(200, 4_000) * rng.between(1, 6);
            let whole = if rng.coin() { centi / 100 * 100 } else { centi };
            let qty = Qty::from_centi(whole).unwrap_or(Qty::ONE);
            let now = TimeInForce::Immediate;
            desk.submit(self.book, NewOrder::plain(self.owner, side, best.price, qty, now));
        }
        let burst = desk.world.has_news(self.book, desk.now);
        Some(Nanos(rng.wait(if burst { self.mean.0 / 5 } else { self.mean.0 })))
    }
}

impl InformedTaker {
    pub(super) fn wake(self, desk: &mut Desk<'_>, rng: &mut Rng) -> Option<Nanos> {
        if !desk.is_listed(self.book) {
            return Some(self.mean.max(UNLISTED));
        }
        if !desk.market(self.book)?.is_open {
            return None;
        }
        let value = i64::from(desk.world.chance(self.book, desk.now));
        let is_certain = value == 0 || value == 1_000_000;
        let top = desk.top(self.book);
        let gain = |side: Side, level: Level| match side {
            Side::Buy => value - i64::from(level.price.micro()),
            Side::Sell => i64::from(level.price.micro()) - value,
        };
        for side in [Side::Buy, Side::Sell] {
            let Some(best) = opposite(top, side) else { continue };
            // Who knows the result for certain still needs a moment to see that it is one.
            if gain(side, best) > self.edge && (!is_certain || rng.below(4) == 0) {
                let qty = Qty::from_centi(rng.between(2_000, 25_000)).unwrap_or(Qty::ONE);
                let now = TimeInForce::Immediate;
                desk.submit(self.book, NewOrder::plain(self.owner, side, best.price, qty, now));
            }
        }
        Some(Nanos(rng.wait(self.mean.0)))
    }
}

impl Arbitrageur {
    pub(super) fn wake(&mut self, desk: &mut Desk<'_>, rng: &mut Rng) -> Option<Nanos> {
        let pause = Nanos(rng.wait(self.mean.0));
        let mut gain = self.payoff * UNIT_PER_MICRO;
        let mut qty = Qty::from_contracts(rng.between(40, 400)).unwrap_or(Qty::ONE);
        let mut lot = Qty::ZERO;
        for (book, side, fee) in &self.legs {
            if !desk.is_listed(*book) {
                return Some(pause.max(UNLISTED));
            }
            let market = desk.market(*book)?;
            if !market.is_open {
                return None;
            }
            let Some(best) = opposite(desk.top(*book), *side) else { return Some(pause) };
            gain += match side {
                Side::Buy => -fee.unit_cost(best.price),
                Side::Sell => fee.unit_proceeds(best.price),
            };
            qty = qty.min(best.qty);
            // What is left of an order on one venue need not be a quantity that the other takes.
            lot = lot.max(market.lot);
        }
        let qty = qty.floor_to_lot(lot);
        let gain = gain / UNIT_PER_MICRO;
        if !qty.is_zero() && gain >= self.edge && rng.below(self.waits_for(gain)) < pause.0 {
            for (book, side, _) in &self.legs {
                if let Some(best) = opposite(desk.top(*book), *side) {
                    let now = TimeInForce::Immediate;
                    desk.submit(*book, NewOrder::plain(self.owner, *side, best.price, qty, now));
                }
            }
        }
        Some(pause)
    }

    /// How long such a gain waits until somebody takes it, on average.
    fn waits_for(&self, gain: i64) -> u64 {
        let gain = u64::try_from(gain).unwrap_or(0).max(1);
        let [least, most] = self.waits;
        (self.wait.0.saturating_mul(CENT) / gain).clamp(least.0.max(1), most.0.max(1))
    }
}
