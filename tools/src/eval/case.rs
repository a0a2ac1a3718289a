//! One case: JSON to legs, books and terms, exact or refused with the field's name.

pub(super) mod fields;
pub(super) mod venue;

use std::collections::BTreeMap;

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{Cash, InstrumentId, Level, Price, Qty, Rate, Side};
use dutchbook_core::eval::basket::{Leg, RATIO_ONE};
use dutchbook_core::eval::edge::{Carry, conversion_payoff};
use dutchbook_core::eval::resolution::{Odds, Precondition};
use dutchbook_core::eval::states::StateTable;
use dutchbook_core::eval::sweep::{LegBook, Terms};
use serde_json::{Map, Value};

use super::text::shown;
use fields::{
    Parsed, amount, array, cash, decimal, flag, member, object, optional, price, problem, qty,
    rate, text,
};
use venue::{Venue, Venues, venues};

/// How an error names a case: its id, or its place.
pub(super) fn name_of(value: &Value, index: usize) -> String {
    match value.get("id") {
        Some(Value::String(id)) => shown(id),
        Some(Value::Number(id)) => id.to_string(),
        _ => format!("#{}", index + 1),
    }
}

/// The case's id.
pub(super) fn id_of(case: &Map<String, Value>) -> Parsed<String> {
    match case.get("id") {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) => Ok(id.to_string()),
        None => Err(problem("id", "is missing")),
        Some(_) => Err(problem("id", "expected text")),
    }
}

/// One leg of the basket with its book.
#[derive(Clone, Debug)]
pub(super) struct LegOf {
    pub(super) instrument: String,
    pub(super) side: Side,
    pub(super) ratio_micro: u32,
    levels: Vec<Level>,
    venue: Venue,
}

/// A case ready to price.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) legs: Vec<LegOf>,
    /// The worst payoff of a basket, before the odds of a resolution.
    pub(super) floor: Option<UnitCost>,
    /// `None` where nothing is guaranteed.
    pub(super) terms: Option<Terms>,
    /// A gate that is shut whatever the prices say.
    pub(super) closed: Option<String>,
}

impl Case {
    pub(super) fn parse(value: &Value) -> Parsed<Self> {
        let case = object(value, "case")?;
        let id = id_of(case)?;
        let kind = match case.get("kind") {
            None => String::new(),
            Some(kind) => text(kind, "kind")?.to_owned(),
        };
        let venues = venues(member(case, "venues")?)?;
        let states = states(case)?;
        let known = instruments(member(case, "instruments")?, &venues, &states)?;
        let legs = basket(case, &known, &venues)?;
        let params = match case.get("params") {
            None => &Map::new(),
            Some(params) => object(params, "params")?,
        };
        let floor = floor(case, &legs, &known, states.len())?;
        let is_held = kind == "resolution" && case.get("convert").is_none_or(Value::is_null);
        let set = if is_held { split_sets(&legs) } else { 0 };
        let floor = floor.and_then(|floor| floor.checked_add(set));
        let terms = terms(params, &legs, floor, set)?;
        let closed = closed(case, &kind, &legs, &known)?;
        Ok(Self { id, kind, legs, floor, terms, closed })
    }

    /// The legs as the sweep takes them.
    pub(super) fn books(&self) -> Vec<LegBook<'_>> {
        let book = |leg: &'_ LegOf| LegBook {
            side: leg.side,
            ratio_micro: leg.ratio_micro,
            levels: &[],
            schedule: leg.venue.schedule,
            lot: leg.venue.lot.unwrap_or(Qty::ZERO),
            min_qty: leg.venue.min_qty,
            min_notional: leg.venue.min_notional,
        };
        self.legs.iter().map(|leg| LegBook { levels: &leg.levels, ..book(leg) }).collect()
    }
}

/// What an instrument pays and shows.
#[derive(Clone, Debug)]
pub(super) struct Instrument {
    pub(super) venue: String,
    pub(super) payoffs: Vec<Price>,
    pub(super) asks: Vec<Level>,
    pub(super) bids: Vec<Level>,
    pub(super) can_split: bool,
}

pub(super) type Instruments = BTreeMap<String, Instrument>;

pub(super) fn states(case: &Map<String, Value>) -> Parsed<Vec<String>> {
    let list = array(member(case, "states")?, "states")?;
    if list.is_empty() {
        return Err(problem("states", "is empty: nothing is guaranteed without states"));
    }
    list.iter().map(|state| text(state, "states").map(str::to_owned)).collect()
}

pub(super) fn instruments(
    value: &Value,
    venues: &Venues,
    states: &[String],
) -> Parsed<Instruments> {
    let mut known = Instruments::new();
    for (name, value) in object(value, "instruments")? {
        let field = format!("instruments.{}", shown(name));
        let map = object(value, &field)?;
        let venue = text(map.get("venue").unwrap_or(&Value::Null), &format!("{field}.venue"))?;
        if !venues.contains_key(venue) {
            let why = format!("`{}` is not among the venues", shown(venue));
            return Err(problem(format!("{field}.venue"), why));
        }
        let at = format!("{field}.payoff");
        let payoff = object(map.get("payoff").unwrap_or(&Value::Null), &at)?;
        let payoffs = states.iter().map(|state| {
            let field = format!("{at}.{}", shown(state));
            let value = payoff.get(state).ok_or_else(|| problem(&field, "is missing"))?;
            price(value, &field)
        });
        let instrument = Instrument {
            venue: venue.to_owned(),
            payoffs: payoffs.collect::<Parsed<_>>()?,
            asks: levels(map, "asks", &field, Side::Buy)?,
            bids: levels(map, "bids", &field, Side::Sell)?,
            can_split: optional(map, "can_split", &field, flag)?.unwrap_or(true),
        };
        known.insert(name.clone(), instrument);
    }
    Ok(known)
}

/// Levels in the order in which `taker` walks them.
fn levels(map: &Map<String, Value>, key: &str, prefix: &str, taker: Side) -> Parsed<Vec<Level>> {
    let field = format!("{prefix}.{key}");
    let list = match map.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => array(list, &field)?,
    };
    let mut levels = Vec::with_capacity(list.len());
    for (index, pair) in list.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let [at, size] = array(pair, &field)? else {
            return Err(problem(field, "expected [price, quantity]"));
        };
        levels.push(Level { price: price(at, &field)?, qty: qty(size, &field)? });
    }
    match taker {
        Side::Buy => levels.sort_by_key(|level| level.price),
        Side::Sell => levels.sort_by_key(|level| std::cmp::Reverse(level.price)),
    }
    Ok(levels)
}

fn basket(case: &Map<String, Value>, known: &Instruments, venues: &Venues) -> Parsed<Vec<LegOf>> {
    let list = array(member(case, "basket")?, "basket")?;
    if list.is_empty() {
        return Err(problem("basket", "is empty"));
    }
    let mut legs: Vec<LegOf> = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let field = format!("basket[{index}]");
        let map = object(value, &field)?;
        let name_field = format!("{field}.instrument");
        let name = text(map.get("instrument").unwrap_or(&Value::Null), &name_field)?;
        let found = known.get(name).and_then(|found| Some((found, *venues.get(&found.venue)?)));
        let Some((instrument, venue)) = found else {
            let why = format!("`{}` is not among the instruments", shown(name));
            return Err(problem(name_field, why));
        };
        let side = side(map.get("action").unwrap_or(&Value::Null), &format!("{field}.action"))?;
        let ratio_micro = optional(map, "ratio", &field, ratio)?.unwrap_or(RATIO_ONE);
        // One order per instrument and action: the same leg twice is a leg of twice the ratio.
        let same = legs.iter_mut().find(|leg| leg.instrument == name && leg.side == side);
        if let Some(leg) = same {
            leg.ratio_micro = leg
                .ratio_micro
                .checked_add(ratio_micro)
                .ok_or_else(|| problem(&field, "the ratio is too large"))?;
            continue;
        }
        let levels = match side {
            Side::Buy => instrument.asks.clone(),
            Side::Sell => instrument.bids.clone(),
        };
        legs.push(LegOf { instrument: name.to_owned(), side, ratio_micro, levels, venue });
    }
    Ok(legs)
}

fn side(value: &Value, field: &str) -> Parsed<Side> {
    match text(value, field)? {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => {
            Err(problem(field, format!("`{}` is not known; expected buy or sell", shown(other))))
        }
    }
}

fn ratio(value: &Value, field: &str) -> Parsed<u32> {
    match u32::try_from(decimal(value, field, 6)?) {
        Ok(ratio) if ratio > 0 => Ok(ratio),
        Ok(_) | Err(_) => Err(problem(field, "expected a ratio above 0 and below 4294")),
    }
}

/// The worst payoff of a basket: over the states, or of the conversion that it is made for.
fn floor(
    case: &Map<String, Value>,
    legs: &[LegOf],
    known: &Instruments,
    states: usize,
) -> Parsed<Option<UnitCost>> {
    if let Some(convert) = case.get("convert").filter(|value| !value.is_null()) {
        return conversion_floor(convert, legs).map(Some);
    }
    let index = |at: usize| InstrumentId(u32::try_from(at).unwrap_or(u32::MAX));
    let columns: Vec<&Vec<Price>> = legs
        .iter()
        .filter_map(|leg| known.get(&leg.instrument).map(|instrument| &instrument.payoffs))
        .collect();
    let ids: Vec<InstrumentId> = (0..columns.len()).map(index).collect();
    let mut table = StateTable::new(&ids);
    for state in 0..states {
        let pays = |id: InstrumentId| columns.get(id.index()).and_then(|row| row.get(state));
        table.push(|id| pays(id).copied().unwrap_or(Price::ZERO));
    }
    let basket: Vec<Leg> = legs
        .iter()
        .zip(&ids)
        .map(|(leg, id)| Leg { instrument: *id, side: leg.side, ratio_micro: leg.ratio_micro })
        .collect();
    Ok(table.floor(&basket))
}

/// (m − 1)(1 − f) for m converted contracts, less what is sold beyond the 1 − f delivered.
fn conversion_floor(convert: &Value, legs: &[LegOf]) -> Parsed<UnitCost> {
    let map = object(convert, "convert")?;
    let bips = optional(map, "fee_bips", "convert", |value, at| decimal(value, at, 5))?;
    let fee = u32::try_from(bips.unwrap_or(0))
        .ok()
        .filter(|fee| *fee <= Rate::ONE.nano())
        .map(Rate::from_nano)
        .ok_or_else(|| problem("convert.fee_bips", "expected 0 to 10000"))?;
    let bought = legs.iter().filter(|leg| leg.side == Side::Buy).count();
    let payoff = u32::try_from(bought).ok().and_then(|count| conversion_payoff(count, fee));
    let payoff = payoff.ok_or_else(|| problem("basket", "a conversion needs a bought leg"))?;
    // One unit of 1e-6 ratio is 1e8 of 1e-14 $; the fee is in 1e-9, rounded up to 1e-6.
    let kept = RATIO_ONE.saturating_sub(fee.nano().div_ceil(1_000));
    let sold = legs.iter().filter(|leg| leg.side == Side::Sell);
    let short = sold.map(|leg| leg.ratio_micro.saturating_sub(kept)).max().unwrap_or(0);
    Ok(payoff.saturating_sub(i64::from(short).saturating_mul(100_000_000)))
}

/// Dollars of the sets that a resolution's sales are split from, per basket. The other side is held
/// until the ruling: the sale of the loser is the same bet as buying the winner at 1 − bid, and not
/// money for nothing.
fn split_sets(legs: &[LegOf]) -> UnitCost {
    let sold = legs.iter().filter(|leg| leg.side == Side::Sell);
    sold.map(|leg| i64::from(leg.ratio_micro).saturating_mul(100_000_000)).sum()
}

/// What a bet on a ruling is worth when it goes wrong, and what its money costs meanwhile.
pub(super) fn odds(params: &Map<String, Value>) -> Parsed<Odds> {
    let share = |key: &str| optional(params, key, "params", rate);
    let hours = optional(params, "hours", "params", |value, at| decimal(value, at, 6))?;
    let hours_micro = u64::try_from(hours.unwrap_or(0))
        .map_err(|_| problem("params.hours", "expected a number of hours, not below 0"))?;
    let odds = Odds {
        p_adverse: share("p_adverse")?.unwrap_or(Rate::ZERO),
        adverse_value: optional(params, "adverse_value", "params", price)?
            .or(optional(params, "v_adverse", "params", price)?)
            .unwrap_or(Price::ZERO),
        carry: Carry { rate: share("carry_rate")?.unwrap_or(Rate::ZERO), hours_micro },
    };
    if odds.p_adverse > Rate::ONE {
        return Err(problem("params.p_adverse", "expected a probability from 0 to 1"));
    }
    Ok(odds)
}

/// What a basket must earn at least.
pub(super) fn min_edge(params: &Map<String, Value>) -> Parsed<UnitCost> {
    let least = optional(params, "min_edge", "params", cash)?.unwrap_or(Cash::ZERO);
    let units = least.micro().checked_mul(100_000_000);
    units.ok_or_else(|| problem("params.min_edge", "is too large"))
}

fn terms(
    params: &Map<String, Value>,
    legs: &[LegOf],
    floor: Option<UnitCost>,
    set: UnitCost,
) -> Parsed<Option<Terms>> {
    let odds = odds(params)?;
    let coarsest = legs.iter().filter_map(|leg| leg.venue.lot).max();
    let lot = optional(params, "lot", "params", qty)?.max(coarsest).unwrap_or(Qty::ZERO);
    if lot.is_zero() {
        return Err(problem("params.lot", "is missing or zero, and no venue has a lot"));
    }
    let min_edge = min_edge(params)?;
    let min_net_total = optional(params, "min_net_total", "params", cash)?;
    let max_capital = optional(params, "max_capital", "params", amount)?;
    let fixed_cost = optional(params, "fixed_cost", "params", amount)?.unwrap_or(Cash::ZERO);
    let payoff = floor.and_then(|floor| odds.payoff_of(i128::from(floor)));
    Ok(payoff.map(|payoff| Terms {
        payoff,
        lot,
        min_edge,
        min_net_total: min_net_total.unwrap_or(Cash::ZERO),
        max_capital,
        fixed_cost,
        carry: odds.carry,
        set,
    }))
}

/// The first precondition that does not hold. `needs_all` says, of whether some are given, whether each
/// of a ruling's must be.
pub(super) fn unmet(
    case: &Map<String, Value>,
    needs_all: impl FnOnce(bool) -> bool,
) -> Parsed<Option<String>> {
    let given = match case.get("preconditions") {
        None | Some(Value::Null) => &Map::new(),
        Some(value) => object(value, "preconditions")?,
    };
    let said = |name: &str| Some(format!("precondition not met: {}", shown(name)));
    for (name, value) in given {
        if !flag(value, &format!("preconditions.{}", shown(name)))? {
            return Ok(said(name));
        }
    }
    if !needs_all(!given.is_empty()) {
        return Ok(None);
    }
    let missing = Precondition::ALL.into_iter().find(|which| !given.contains_key(which.name()));
    Ok(missing.and_then(|missing| said(missing.name())))
}

/// Why the basket must not be traded whatever the prices: preconditions, no stock to sell.
fn closed(
    case: &Map<String, Value>,
    kind: &str,
    legs: &[LegOf],
    known: &Instruments,
) -> Parsed<Option<String>> {
    if let Some(unmet) = unmet(case, |_| kind == "resolution")? {
        return Ok(Some(unmet));
    }
    if case.get("convert").is_none_or(Value::is_null) {
        let bare = legs.iter().find(|leg| {
            let can_split = known.get(&leg.instrument).is_some_and(|found| found.can_split);
            leg.side == Side::Sell && !can_split
        });
        if let Some(leg) = bare {
            return Ok(Some(format!("{}: cannot be sold, no set can be split", leg.instrument)));
        }
    }
    Ok(None)
}
