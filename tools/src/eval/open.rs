//! A case without a basket: what is listed, what it pays, and what may be spent.
//!
//! `basket`, `kind`, `title` and `expect` are never read here.

use dutchbook_book::{Cash, Exact, Level, Qty, Rate};
use dutchbook_core::eval::portfolio::{Limits, Listed, Proved};
use dutchbook_core::eval::search;
use dutchbook_core::eval::sweep::Refusal;
use serde_json::{Map, Value};

use super::case::fields::{Parsed, amount, cash, member, object, optional, problem, qty};
use super::case::venue::{Venue, venues};
use super::case::{Instrument, id_of, instruments, min_edge, odds, states, unmet};
use super::{Answer, Priced, PricedLeg};

/// Orders that one portfolio may have.
const LEGS_MAX: usize = 32;

/// An instrument with its name and its venue's terms.
#[derive(Debug)]
struct Named {
    name: String,
    instrument: Instrument,
    venue: Venue,
}

/// A case ready to search.
#[derive(Debug)]
pub(super) struct Open {
    id: String,
    listed: Vec<Named>,
    limits: Limits,
    /// A gate that is shut whatever the prices say.
    closed: Option<String>,
}

impl Open {
    pub(super) fn parse(value: &Value) -> Parsed<Self> {
        let case = object(value, "case")?;
        let id = id_of(case)?;
        let venues = venues(member(case, "venues")?)?;
        let states = states(case)?;
        let known = instruments(member(case, "instruments")?, &venues, &states)?;
        let named = |(name, instrument): (String, Instrument)| {
            let venue = *venues.get(&instrument.venue)?;
            Some(Named { name, instrument, venue })
        };
        let listed: Vec<Named> = known.into_iter().filter_map(named).collect();
        let params = match case.get("params") {
            None => &Map::new(),
            Some(params) => object(params, "params")?,
        };
        let limits = limits(params, &listed)?;
        let closed = closed(case, &limits)?;
        Ok(Self { id, listed, limits, closed })
    }

    /// Searches the case.
    pub(super) fn answer(&self) -> Answer {
        let listed: Vec<Listed<'_>> = self.listed.iter().map(Named::listed).collect();
        let found = match &self.closed {
            Some(reason) => Err(reason.clone()),
            None => search::best(&listed, &self.limits).map_err(|refusal| self.reason(refusal)),
        };
        let floor = found.as_ref().ok().map(|proved| proved.floor);
        let (id, outcome) = (self.id.clone(), found.map(|proved| self.priced(&proved)));
        Answer { id, kind: String::new(), floor, top_edge: None, outcome }
    }

    fn name(&self, instrument: usize) -> &str {
        self.listed.get(instrument).map_or("", |named| named.name.as_str())
    }

    fn reason(&self, refusal: Refusal) -> String {
        match refusal {
            Refusal::EdgeNotPositive => "no basket has a positive edge in every state".to_owned(),
            Refusal::NoLeg => "no level to trade against".to_owned(),
            Refusal::BelowVenueMinimum { leg } => format!("{}: {refusal}", self.name(leg)),
            Refusal::NoLevel { .. }
            | Refusal::BelowLot
            | Refusal::Capital
            | Refusal::NetTooSmall
            | Refusal::DepthForFee { .. }
            | Refusal::OffGrid { .. }
            | Refusal::Overflow => refusal.to_string(),
        }
    }

    fn priced(&self, proved: &Proved) -> Priced {
        let leg = |(order, sized): (&_, &_)| {
            let order: &dutchbook_core::eval::portfolio::Order = order;
            PricedLeg {
                instrument: self.name(order.instrument).to_owned(),
                side: order.side,
                sized: *sized,
                qty: Exact::from_pico(i128::from(order.qty.micro()).saturating_mul(1_000_000)),
            }
        };
        // The smallest order is one basket of the ratio one; the others follow from it.
        let size = proved.orders.iter().map(|order| order.qty).min().unwrap_or(Qty::ZERO);
        let paid = proved.cash_paid.checked_sub(proved.fees).unwrap_or(proved.cash_paid);
        Priced {
            size: size.to_string(),
            legs: proved.orders.iter().zip(&proved.legs).map(leg).collect(),
            gross: proved.floor.checked_sub(paid).unwrap_or(Exact::ZERO),
            fees: proved.fees,
            net: proved.net,
            cash_paid: proved.cash_paid,
        }
    }
}

impl Named {
    fn listed(&self) -> Listed<'_> {
        let Self { instrument, venue, .. } = self;
        // Without a split there is nothing to sell.
        let bids: &[Level] = if instrument.can_split { &instrument.bids } else { &[] };
        Listed {
            payoffs: &instrument.payoffs,
            asks: &instrument.asks,
            bids,
            schedule: venue.schedule,
            lot: venue.lot.unwrap_or(Qty::ZERO),
            min_qty: venue.min_qty,
            min_notional: venue.min_notional,
        }
    }
}

fn limits(params: &Map<String, Value>, listed: &[Named]) -> Parsed<Limits> {
    let odds = odds(params)?;
    let finest = listed.iter().filter_map(|named| named.venue.lot).min();
    let lot = optional(params, "lot", "params", qty)?.or(finest).unwrap_or(Qty::ZERO);
    if lot.is_zero() {
        return Err(problem("params.lot", "is missing or zero, and no venue has a lot"));
    }
    Ok(Limits {
        lot,
        min_edge: min_edge(params)?,
        min_net_total: optional(params, "min_net_total", "params", cash)?.unwrap_or(Cash::ZERO),
        max_capital: optional(params, "max_capital", "params", amount)?,
        fixed_cost: optional(params, "fixed_cost", "params", amount)?.unwrap_or(Cash::ZERO),
        odds,
        legs_max: LEGS_MAX,
    })
}

/// Why nothing must be traded: where a ruling is bet on, or preconditions are given, all hold.
fn closed(case: &Map<String, Value>, limits: &Limits) -> Parsed<Option<String>> {
    unmet(case, |some_given| some_given || limits.odds.p_adverse > Rate::ZERO)
}
