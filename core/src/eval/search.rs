//! The best portfolio of one cluster, found without being told a basket.
//!
//! A linear program over the states proposes; its quantities are rounded down to lots, improved lot
//! by lot, and proved in integers. The same portfolio as a basket with ratios goes through the sweep
//! that every basket goes through. The better of the two is the answer. An order that a venue would
//! refuse as too small is left out and the rest is solved again.

use dutchbook_book::{Qty, Rate, Side};

use super::basket::RATIO_ONE;
use super::edge::unit_outlay;
use super::portfolio::{
    Limits, Listed, Order, Proved, Unproved, book, is_kept_in_contracts, prove,
};
use super::program::{Column, Program, Slice};
use super::sweep::{self, LegBook, Refusal, Scratch, Terms};

/// Rounds of improvement by single lots.
const IMPROVEMENTS_MAX: usize = 256;
/// Lots that a portfolio may give up to come within its capital.
const SHRINKS_MAX: usize = 64;

/// One order that may be sent: an instrument with levels on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    instrument: usize,
    side: Side,
}

/// What is searched.
#[derive(Debug)]
struct Ground<'a> {
    listed: &'a [Listed<'a>],
    limits: &'a Limits,
    states: usize,
}

/// Finds the portfolio that earns most in its worst state.
///
/// # Errors
/// The reason why there is none.
pub fn best(listed: &[Listed<'_>], limits: &Limits) -> Result<Proved, Refusal> {
    let states = listed.iter().map(|listed| listed.payoffs.len()).min().unwrap_or(0);
    let ground = Ground { listed, limits, states };
    let mut ways = ground.ways();
    if ways.is_empty() {
        return Err(Refusal::NoLeg);
    }
    let mut found: Option<Proved> = None;
    let mut refusal = Refusal::EdgeNotPositive;
    for _ in 0..=ways.len() {
        let Some(held) = ground.solve(&ways, false) else { break };
        let (candidates, drop) = ground.candidates(&ways, &held);
        for candidate in candidates {
            refusal = Refusal::NetTooSmall;
            let is_enough = candidate.net > limits.min_net_total.exact();
            let is_better = found.as_ref().is_none_or(|found| candidate.net > found.net);
            if is_enough && is_better {
                found = Some(candidate);
            }
        }
        let Some(drop) = drop else { break };
        if found.is_none() {
            refusal = Refusal::BelowVenueMinimum { leg: drop };
        }
        ways.retain(|way| way.instrument != drop);
    }
    found.ok_or(refusal)
}

impl Ground<'_> {
    fn ways(&self) -> Vec<Way> {
        let both = |(instrument, listed): (usize, &Listed<'_>)| {
            let buys = (!listed.asks.is_empty()).then_some(Way { instrument, side: Side::Buy });
            let sells = (!listed.bids.is_empty()).then_some(Way { instrument, side: Side::Sell });
            [buys, sells].into_iter().flatten().collect::<Vec<_>>()
        };
        self.listed.iter().enumerate().flat_map(both).collect()
    }

    fn listed(&self, way: Way) -> Option<&Listed<'_>> {
        self.listed.get(way.instrument)
    }

    /// The slices of one order; with `is_unit` one contract at the top of its book.
    fn slices(&self, order: usize, way: Way, is_unit: bool) -> Vec<Slice> {
        let Some(listed) = self.listed(way) else { return Vec::new() };
        let book = book(listed, way.side);
        let slice = |level: &dutchbook_book::Level| {
            let outlay = i128::from(unit_outlay(&book.schedule, way.side, level.price));
            // Carry is linear: 1e6 contracts' worth keeps its digits.
            let scale = i128::from(RATIO_ONE);
            let outlay = self.limits.odds.carry.on(outlay.checked_mul(scale)?)? / scale;
            let qty = if is_unit { Qty::ONE } else { level.qty };
            let delivered = sweep::delivered_of(&book, dutchbook_book::Level { qty, ..*level })?;
            if qty.is_zero() {
                return None;
            }
            // A unit cost is that of a contract that arrives; an order counts those that are sent.
            let outlay =
                outlay.checked_mul(i128::from(delivered.micro()))? / i128::from(qty.micro());
            Some(Slice { order, outlay, qty, delivered })
        };
        let depth = if is_unit { 1 } else { book.levels.len() };
        book.levels.iter().take(depth).filter_map(slice).collect()
    }

    /// Contracts by way, as the linear program would have them.
    fn solve(&self, ways: &[Way], is_unit: bool) -> Option<Vec<Qty>> {
        let columns: Vec<Column<'_>> = ways
            .iter()
            .filter_map(|way| Some(Column { payoffs: self.listed(*way)?.payoffs, side: way.side }))
            .collect();
        let slices: Vec<Slice> = ways
            .iter()
            .enumerate()
            .flat_map(|(order, way)| self.slices(order, *way, is_unit))
            .collect();
        let one = i128::from(Rate::ONE.nano());
        let share = self.limits.odds.expected_share(one).and_then(|nano| u32::try_from(nano).ok());
        let program = Program {
            columns: &columns,
            slices: &slices,
            states: self.states,
            capital: self.limits.max_capital.filter(|_| !is_unit).map(dutchbook_book::Cash::exact),
            share_nano: share?,
        };
        program.solve()
    }

    /// What a solution becomes in lots, and an instrument to leave out of the next one: the order
    /// that its venue would refuse, or the smallest of too many.
    fn candidates(&self, ways: &[Way], held: &[Qty]) -> (Vec<Proved>, Option<usize>) {
        let mut found = Vec::new();
        let mut drop = None;
        let orders = self.rounded(ways, held);
        // An edge per basket means something only for a basket with ratios.
        if self.limits.min_edge <= 0 {
            match self.within_capital(orders.clone()) {
                Ok(proved) => found.push(self.improved(proved)),
                Err(Unproved::BelowMinimum(at)) => {
                    drop = orders.get(at).map(|order| order.instrument);
                }
                Err(Unproved::Depth | Unproved::Capital) => {}
            }
        }
        let unit = self.solve(ways, true);
        for held in [Some(held), unit.as_deref()].into_iter().flatten() {
            match self.swept(ways, held) {
                Ok(proved) => found.push(proved),
                Err(Some(instrument)) => drop = drop.or(Some(instrument)),
                Err(None) => {}
            }
        }
        found.retain(|proved| proved.orders.len() <= self.limits.legs_max);
        if drop.is_none() && orders.len() > self.limits.legs_max {
            drop = orders.iter().min_by_key(|order| order.qty).map(|order| order.instrument);
        }
        (found, drop)
    }

    /// The coarsest step among the orders: what is hedged with each other is rounded alike.
    fn lot(&self, ways: impl Iterator<Item = Way>) -> Qty {
        let lots = ways.filter_map(|way| self.listed(way).map(|listed| listed.lot));
        lots.max().unwrap_or(Qty::ZERO).max(self.limits.lot)
    }

    fn rounded(&self, ways: &[Way], held: &[Qty]) -> Vec<Order> {
        let used = || ways.iter().zip(held).filter(|(_, held)| !held.is_zero());
        let lot = self.lot(used().map(|(way, _)| *way));
        used()
            .map(|(way, held)| Order {
                instrument: way.instrument,
                side: way.side,
                qty: held.floor_to_lot(lot),
            })
            .filter(|order| !order.qty.is_zero())
            .collect()
    }

    /// Proves the orders, each a few lots smaller where roundings have used up the capital.
    fn within_capital(&self, mut orders: Vec<Order>) -> Result<Proved, Unproved> {
        let lot = self.lot(orders.iter().map(|o| Way { instrument: o.instrument, side: o.side }));
        for _ in 0..SHRINKS_MAX {
            match prove(self.listed, self.limits, &orders) {
                Err(Unproved::Capital | Unproved::Depth) => {}
                other => return other,
            }
            for order in &mut orders {
                order.qty = order.qty.checked_sub(lot).ok_or(Unproved::Capital)?;
            }
        }
        Err(Unproved::Capital)
    }

    /// Moves single orders by a lot while that earns more.
    fn improved(&self, mut best: Proved) -> Proved {
        let lot =
            self.lot(best.orders.iter().map(|o| Way { instrument: o.instrument, side: o.side }));
        for _ in 0..IMPROVEMENTS_MAX {
            let mut better: Option<Proved> = None;
            for (at, is_more) in (0..best.orders.len()).flat_map(|at| [(at, false), (at, true)]) {
                let mut orders = best.orders.clone();
                let Some(order) = orders.get_mut(at) else { continue };
                let moved =
                    if is_more { order.qty.checked_add(lot) } else { order.qty.checked_sub(lot) };
                let Some(qty) = moved.filter(|qty| !qty.is_zero()) else { continue };
                order.qty = qty;
                let Ok(proved) = prove(self.listed, self.limits, &orders) else { continue };
                let least = better.as_ref().map_or(best.net, |better| better.net);
                if proved.net > least {
                    better = Some(proved);
                }
            }
            match better {
                Some(better) => best = better,
                None => break,
            }
        }
        best
    }

    /// The portfolio as a basket with ratios, through the sweep; the instrument to leave out where a
    /// venue's minimum refuses it.
    fn swept(&self, ways: &[Way], held: &[Qty]) -> Result<Proved, Option<usize>> {
        let most = held.iter().max().copied().filter(|most| !most.is_zero()).ok_or(None)?;
        let mut legs: Vec<(Way, LegBook<'_>)> = Vec::new();
        for (way, held) in ways.iter().zip(held) {
            let Some(listed) = self.listed(*way) else { continue };
            let ratio = u128::from(held.micro()) * u128::from(RATIO_ONE) / u128::from(most.micro());
            let ratio_micro = u32::try_from(ratio).unwrap_or(0);
            // What is sold in thousandths beside whole contracts is noise of the solver.
            if ratio_micro >= 1_000 {
                let ratio_micro =
                    if is_kept_in_contracts(listed) { RATIO_ONE } else { ratio_micro };
                legs.push((*way, LegBook { ratio_micro, ..book(listed, way.side) }));
            }
        }
        let terms = self.terms(&legs).ok_or(None)?;
        let books: Vec<LegBook<'_>> = legs.iter().map(|(_, book)| *book).collect();
        let mut scratch = Scratch::default();
        let sizing =
            sweep::sweep(&books, &terms, &mut scratch).map_err(|refusal| match refusal {
                Refusal::BelowVenueMinimum { leg } => legs.get(leg).map(|(way, _)| way.instrument),
                Refusal::NoLeg
                | Refusal::NoLevel { .. }
                | Refusal::EdgeNotPositive
                | Refusal::BelowLot
                | Refusal::Capital
                | Refusal::NetTooSmall
                | Refusal::DepthForFee { .. }
                | Refusal::OffGrid { .. }
                | Refusal::Overflow => None,
            })?;
        let order = |((way, _), leg): (&(Way, LegBook<'_>), &sweep::SizedLeg)| Order {
            instrument: way.instrument,
            side: way.side,
            qty: leg.qty,
        };
        let orders: Vec<Order> = legs.iter().zip(sizing.legs).map(order).collect();
        prove(self.listed, self.limits, &orders).map_err(|_| None)
    }

    /// The terms of a basket with ratios: its floor over all states.
    fn terms(&self, legs: &[(Way, LegBook<'_>)]) -> Option<Terms> {
        let mut floor: Option<i128> = None;
        for state in 0..self.states {
            let mut sum = 0_i128;
            for (way, book) in legs {
                let payoff = i128::from(self.listed(*way)?.payoffs.get(state)?.micro());
                // 1e-6 of a contract × 1e-6 $ is 100 × 1e-14 $.
                let paid = payoff * i128::from(book.ratio_micro) * 100;
                sum = if way.side == Side::Buy { sum + paid } else { sum - paid };
            }
            floor = Some(floor.map_or(sum, |floor| floor.min(sum)));
        }
        let payoff = i64::try_from(self.limits.odds.expected_share(floor?)?).ok()?;
        let limits = self.limits;
        Some(Terms {
            payoff,
            lot: self.lot(legs.iter().map(|(way, _)| *way)),
            min_edge: limits.min_edge,
            min_net_total: limits.min_net_total,
            max_capital: limits.max_capital,
            fixed_cost: limits.fixed_cost,
            carry: limits.odds.carry,
            set: 0,
        })
    }
}
