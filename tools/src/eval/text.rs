//! Decimals in, tables out.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde_json::Value;

/// Said where a basket's payoff is not guaranteed by any number that fits.
pub(super) const NO_FLOOR: &str = "the payoff of the basket is not guaranteed in every state";

/// A decimal as a whole number of 10^-`decimals`; the reason where it is none.
pub(super) fn scaled(text: &str, decimals: u32) -> Result<i128, String> {
    let text = text.trim();
    let bad = || match text.parse::<Decimal>() {
        // Readable once rounded: it has more digits than money has.
        Ok(_) => format!("`{}` has more than {decimals} decimals", shown(text)),
        Err(_) => format!("`{}` is no decimal number", shown(text)),
    };
    let value = match Decimal::from_str_exact(text) {
        Ok(value) => value,
        Err(_) => Decimal::from_scientific(text).map_err(|_| bad())?,
    };
    let value = value.normalize();
    let shift = decimals
        .checked_sub(value.scale())
        .ok_or_else(|| format!("`{}` has more than {decimals} decimals", shown(text)))?;
    let scale = 10_i128.checked_pow(shift).ok_or_else(bad)?;
    value.mantissa().checked_mul(scale).ok_or_else(|| format!("`{}` is too large", shown(text)))
}

/// At most forty characters of what was found, so that an error stays one line.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A line per case, a line per order.
pub(super) fn table(answers: &Value) -> String {
    let answers = answers.as_array().map_or(&[][..], Vec::as_slice);
    let width = answers.iter().map(|answer| field(answer, "id").chars().count()).max();
    let width = width.unwrap_or(0);
    let mut out = String::new();
    let mut found = 0_usize;
    for answer in answers {
        let is_found = answer.get("opportunity").and_then(Value::as_bool) == Some(true);
        found += usize::from(is_found);
        let id = field(answer, "id");
        if !is_found {
            push(&mut out, format_args!("{id:<width$}  no   {}", field(answer, "reason")));
            continue;
        }
        let [size, net, gross, fees, cash] =
            ["size", "net_edge", "gross_edge", "fees", "cash_paid"].map(|key| field(answer, key));
        push(
            &mut out,
            format_args!(
                "{id:<width$}  yes  {size} baskets  net {net} = gross {gross} - fees {fees} \
                 and fixed costs, cash {cash}"
            ),
        );
        for leg in answer.get("legs").and_then(Value::as_array).into_iter().flatten() {
            let [name, action, qty, limit, fee] =
                ["instrument", "action", "qty", "limit_price", "fee"].map(|key| field(leg, key));
            let blank = "";
            push(
                &mut out,
                format_args!(
                    "{blank:<width$}       {action:<4} {qty} {name} to {limit}, fee {fee}"
                ),
            );
        }
    }
    push(&mut out, format_args!("{} cases, {found} opportunities", answers.len()));
    out
}

fn field<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("-")
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail; were it to, the table would lack a line.
    if writeln!(out, "{line}").is_err() {
        out.push('\n');
    }
}
