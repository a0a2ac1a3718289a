//! One case: JSON to legs, books and terms, exact or refused with the field's name.

use std::collections::BTreeMap;

use dutchbook_book::fee::{
    CENT, Collect, FeeLaw, FeeSchedule, FillRounding, Rounding, Settlement, UnitCost,
};
use dutchbook_book::{Cash, InstrumentId, Level, Price, Qty, Rate, Side};
use dutchbook_core::eval::basket::{Leg, RATIO_ONE};
use dutchbook_core::eval::edge::{Carry, conversion_payoff};
use dutchbook_core::eval::resolution::{Odds, Precondition};
use dutchbook_core::eval::states::StateTable;
use dutchbook_core::eval::sweep::{LegBook, Terms};
use serde_json::{Map, Value};

use super::text::{scaled, shown};

/// What is wrong with a case: the field and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path of the field inside the case.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.why)
    }
}

impl std::error::Error for Problem {}

pub(super) fn problem(field: impl Into<String>, why: impl Into<String>) -> Problem {
    Problem { field: field.into(), why: why.into() }
}

pub(super) type Parsed<T> = Result<T, Problem>;

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

/// What a venue charges and accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Venue {
    pub(super) schedule: FeeSchedule,
    pub(super) lot: Option<Qty>,
    pub(super) min_qty: Qty,
    pub(super) min_notional: Cash,
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
pub(super) type Venues = BTreeMap<String, Venue>;

pub(super) fn object<'a>(value: &'a Value, field: &str) -> Parsed<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| problem(field, "expected an object"))
}

fn array<'a>(value: &'a Value, field: &str) -> Parsed<&'a [Value]> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| problem(field, "expected a list"))
}

fn text<'a>(value: &'a Value, field: &str) -> Parsed<&'a str> {
    value.as_str().ok_or_else(|| problem(field, "expected text"))
}

pub(super) fn flag(value: &Value, field: &str) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| problem(field, "expected true or false"))
}

pub(super) fn member<'a>(map: &'a Map<String, Value>, key: &str) -> Parsed<&'a Value> {
    map.get(key).ok_or_else(|| problem(key, "is missing"))
}

/// A decimal as text, or as a JSON number, in 10^-`decimals`.
pub(super) fn decimal(value: &Value, field: &str, decimals: u32) -> Parsed<i128> {
    let found = match value {
        Value::String(text) => scaled(text, decimals),
        Value::Number(number) => scaled(&number.to_string(), decimals),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err("expected a decimal number as text".to_owned())
        }
    };
    found.map_err(|why| problem(field, why))
}

pub(super) fn price(value: &Value, field: &str) -> Parsed<Price> {
    u32::try_from(decimal(value, field, 6)?)
        .ok()
        .and_then(Price::from_micro)
        .ok_or_else(|| problem(field, "expected a number from 0 to 1"))
}

pub(super) fn qty(value: &Value, field: &str) -> Parsed<Qty> {
    u64::try_from(decimal(value, field, 6)?)
        .ok()
        .and_then(Qty::from_micro)
        .ok_or_else(|| problem(field, "expected a quantity from 0 to 1e12"))
}

pub(super) fn cash(value: &Value, field: &str) -> Parsed<Cash> {
    i64::try_from(decimal(value, field, 6)?)
        .map(Cash::from_micro)
        .map_err(|_| problem(field, "the amount is too large"))
}

/// An amount below zero would pay for the basket.
pub(super) fn amount(value: &Value, field: &str) -> Parsed<Cash> {
    let read = cash(value, field)?;
    if read < Cash::ZERO {
        return Err(problem(field, "expected an amount of dollars, not below 0"));
    }
    Ok(read)
}

pub(super) fn rate(value: &Value, field: &str) -> Parsed<Rate> {
    u32::try_from(decimal(value, field, 9)?)
        .map(Rate::from_nano)
        .map_err(|_| problem(field, "expected a rate from 0 to 4"))
}

pub(super) fn optional<T>(
    map: &Map<String, Value>,
    key: &str,
    prefix: &str,
    parse: impl Fn(&Value, &str) -> Parsed<T>,
) -> Parsed<Option<T>> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => parse(value, &format!("{prefix}.{key}")).map(Some),
    }
}

pub(super) fn venues(value: &Value) -> Parsed<Venues> {
    let mut venues = Venues::new();
    for (name, value) in object(value, "venues")? {
        let field = format!("venues.{}", shown(name));
        let venue = object(value, &field)?;
        let fee = venue.get("fee").ok_or_else(|| problem(format!("{field}.fee"), "is missing"))?;
        let mut schedule = schedule(fee, &format!("{field}.fee"))?;
        if optional(venue, "cent_align", &field, flag)?.unwrap_or(false) {
            schedule = schedule.settled(Settlement::OrderCost { grid_pico: CENT });
        }
        let parsed = Venue {
            schedule,
            lot: optional(venue, "lot", &field, qty)?,
            min_qty: optional(venue, "min_qty", &field, qty)?.unwrap_or(Qty::ZERO),
            min_notional: optional(venue, "min_notional", &field, amount)?.unwrap_or(Cash::ZERO),
        };
        venues.insert(name.clone(), parsed);
    }
    Ok(venues)
}

fn schedule(value: &Value, field: &str) -> Parsed<FeeSchedule> {
    let fee = object(value, field)?;
    let kind_field = format!("{field}.kind");
    let kind = text(fee.get("kind").unwrap_or(&Value::Null), &kind_field)?;
    let taker = |key: &str| {
        optional(fee, key, field, rate)?
            .ok_or_else(|| problem(format!("{field}.{key}"), "is missing"))
    };
    let exponent = match optional(fee, "exponent", field, |value, at| decimal(value, at, 0))? {
        None => 1,
        Some(exponent) => u8::try_from(exponent)
            .map_err(|_| problem(format!("{field}.exponent"), "expected a small number"))?,
    };
    let maker = Rate::ZERO;
    let law = match kind {
        "none" => FeeLaw::None,
        "quad" | "quadratic" => FeeLaw::Quadratic { taker: taker("rate")?, maker, exponent },
        "prop" | "proportional" => FeeLaw::Proportional { taker: taker("rate")?, maker },
        "sells" | "sell_notional" => FeeLaw::SellNotional { taker: taker("rate")?, maker },
        "winnings" | "commission" => FeeLaw::Winnings { rate: taker("rate")? },
        "fixed" => FeeLaw::Fixed {
            per_order: optional(fee, "amount", field, amount)?
                .ok_or_else(|| problem(format!("{field}.amount"), "is missing"))?,
        },
        other => {
            let why = format!(
                "`{}` is not known; expected none, quad, prop, sells, winnings or fixed",
                shown(other)
            );
            return Err(problem(kind_field, why));
        }
    };
    let rounding = match optional(fee, "round", field, rounding)? {
        Some(rounding) => rounding,
        None => FillRounding::EXACT,
    };
    let mut schedule = FeeSchedule::of(law, rounding);
    schedule.collect = optional(fee, "collect", field, collect)?.unwrap_or(Collect::Cash);
    Ok(schedule)
}

fn collect(value: &Value, field: &str) -> Parsed<Collect> {
    match text(value, field)? {
        "cash" => Ok(Collect::Cash),
        "shares" | "contracts" => Ok(Collect::Contracts),
        other => {
            let why = format!("`{}` is not known; expected cash or shares", shown(other));
            Err(problem(field, why))
        }
    }
}

/// "1e-5_up": a power of ten and a direction.
fn rounding(value: &Value, field: &str) -> Parsed<FillRounding> {
    let name = text(value, field)?;
    let unknown = || {
        let why = format!("`{}` is not known; expected for example 1e-5_up", shown(name));
        problem(field, why)
    };
    if name == "none" || name == "exact" {
        return Ok(FillRounding::EXACT);
    }
    let (unit, direction) = name.split_once('_').ok_or_else(unknown)?;
    let decimals: u32 =
        unit.strip_prefix("1e-").and_then(|text| text.parse().ok()).ok_or_else(unknown)?;
    let unit_pico = 12_u32
        .checked_sub(decimals)
        .and_then(|power| 10_u64.checked_pow(power))
        .ok_or_else(unknown)?;
    let direction = match direction {
        "up" | "ceil" => Rounding::Up,
        "down" | "floor" => Rounding::Down,
        "half_up" | "nearest" => Rounding::HalfUp,
        _ => return Err(unknown()),
    };
    Ok(FillRounding { unit_pico, direction, waive_below_unit: false })
}

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

fn terms(
    params: &Map<String, Value>,
    legs: &[LegOf],
    floor: Option<UnitCost>,
    set: UnitCost,
) -> Parsed<Option<Terms>> {
    let money = |key: &str| optional(params, key, "params", cash);
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
    let coarsest = legs.iter().filter_map(|leg| leg.venue.lot).max();
    let lot = optional(params, "lot", "params", qty)?.max(coarsest).unwrap_or(Qty::ZERO);
    if lot.is_zero() {
        return Err(problem("params.lot", "is missing or zero, and no venue has a lot"));
    }
    let min_edge = money("min_edge")?.unwrap_or(Cash::ZERO).micro().checked_mul(100_000_000);
    let min_edge = min_edge.ok_or_else(|| problem("params.min_edge", "is too large"))?;
    let min_net_total = money("min_net_total")?;
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

/// Why the basket must not be traded whatever the prices: preconditions, no stock to sell.
fn closed(
    case: &Map<String, Value>,
    kind: &str,
    legs: &[LegOf],
    known: &Instruments,
) -> Parsed<Option<String>> {
    let unmet = |name: &str| Ok(Some(format!("precondition not met: {}", shown(name))));
    let given = match case.get("preconditions") {
        None | Some(Value::Null) => &Map::new(),
        Some(value) => object(value, "preconditions")?,
    };
    for (name, value) in given {
        if !flag(value, &format!("preconditions.{}", shown(name)))? {
            return unmet(name);
        }
    }
    if kind == "resolution" {
        let missing = Precondition::ALL.into_iter().find(|which| !given.contains_key(which.name()));
        if let Some(missing) = missing {
            return unmet(missing.name());
        }
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
