//! What the venues of a case charge and accept.

use std::collections::BTreeMap;

use dutchbook_book::fee::{CENT, Collect, FeeLaw, FeeSchedule, FillRounding, Rounding, Settlement};
use dutchbook_book::{Cash, Qty, Rate};
use serde_json::Value;

use super::fields::{Parsed, amount, decimal, flag, object, optional, problem, qty, rate, text};
use crate::eval::text::shown;

/// What a venue charges and accepts.
#[derive(Clone, Copy, Debug)]
pub(in crate::eval) struct Venue {
    pub(in crate::eval) schedule: FeeSchedule,
    pub(in crate::eval) lot: Option<Qty>,
    pub(in crate::eval) min_qty: Qty,
    pub(in crate::eval) min_notional: Cash,
}

pub(in crate::eval) type Venues = BTreeMap<String, Venue>;

pub(in crate::eval) fn venues(value: &Value) -> Parsed<Venues> {
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
