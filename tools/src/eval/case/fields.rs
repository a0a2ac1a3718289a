//! Fields of a case: exact, or refused with the field's name.

use dutchbook_book::{Cash, Price, Qty, Rate};
use serde_json::{Map, Value};

use crate::eval::text::scaled;

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

pub(in crate::eval) fn problem(field: impl Into<String>, why: impl Into<String>) -> Problem {
    Problem { field: field.into(), why: why.into() }
}

pub(in crate::eval) type Parsed<T> = Result<T, Problem>;

pub(in crate::eval) fn object<'a>(value: &'a Value, field: &str) -> Parsed<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| problem(field, "expected an object"))
}

pub(in crate::eval) fn array<'a>(value: &'a Value, field: &str) -> Parsed<&'a [Value]> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| problem(field, "expected a list"))
}

pub(in crate::eval) fn text<'a>(value: &'a Value, field: &str) -> Parsed<&'a str> {
    value.as_str().ok_or_else(|| problem(field, "expected text"))
}

pub(in crate::eval) fn flag(value: &Value, field: &str) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| problem(field, "expected true or false"))
}

pub(in crate::eval) fn member<'a>(map: &'a Map<String, Value>, key: &str) -> Parsed<&'a Value> {
    map.get(key).ok_or_else(|| problem(key, "is missing"))
}

/// A decimal as text, or as a JSON number, in 10^-`decimals`.
pub(in crate::eval) fn decimal(value: &Value, field: &str, decimals: u32) -> Parsed<i128> {
    let found = match value {
        Value::String(text) => scaled(text, decimals),
        Value::Number(number) => scaled(&number.to_string(), decimals),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err("expected a decimal number as text".to_owned())
        }
    };
    found.map_err(|why| problem(field, why))
}

pub(in crate::eval) fn price(value: &Value, field: &str) -> Parsed<Price> {
    u32::try_from(decimal(value, field, 6)?)
        .ok()
        .and_then(Price::from_micro)
        .ok_or_else(|| problem(field, "expected a number from 0 to 1"))
}

pub(in crate::eval) fn qty(value: &Value, field: &str) -> Parsed<Qty> {
    u64::try_from(decimal(value, field, 6)?)
        .ok()
        .and_then(Qty::from_micro)
        .ok_or_else(|| problem(field, "expected a quantity from 0 to 1e12"))
}

pub(in crate::eval) fn cash(value: &Value, field: &str) -> Parsed<Cash> {
    i64::try_from(decimal(value, field, 6)?)
        .map(Cash::from_micro)
        .map_err(|_| problem(field, "the amount is too large"))
}

/// An amount below zero would pay for the basket.
pub(in crate::eval) fn amount(value: &Value, field: &str) -> Parsed<Cash> {
    let read = cash(value, field)?;
    if read < Cash::ZERO {
        return Err(problem(field, "expected an amount of dollars, not below 0"));
    }
    Ok(read)
}

pub(in crate::eval) fn rate(value: &Value, field: &str) -> Parsed<Rate> {
    u32::try_from(decimal(value, field, 9)?)
        .map(Rate::from_nano)
        .map_err(|_| problem(field, "expected a rate from 0 to 4"))
}

pub(in crate::eval) fn optional<T>(
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
