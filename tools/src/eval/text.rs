//! Decimals in, tables out.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::{Answer, action};

/// Said where a basket's payoff is not guaranteed by any number that fits.
pub(super) const NO_FLOOR: &str = "the payoff of the basket is not guaranteed in every state";

/// A decimal as a whole number of 10^-`decimals`; the reason where it is none.
pub(super) fn scaled(text: &str, decimals: u32) -> Result<i128, String> {
    let bad = || format!("`{}` is no decimal number", shown(text));
    let text = text.trim();
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
pub(super) fn table(answers: &[Answer]) -> String {
    let mut out = String::new();
    let width = answers.iter().map(|answer| answer.id.chars().count()).max().unwrap_or(0);
    let mut found = 0_usize;
    for answer in answers {
        let line = match &answer.outcome {
            Ok(priced) => {
                found += 1;
                format!(
                    "yes  size {}  net {}  gross {}  fees {}  cash {}",
                    priced.size, priced.net, priced.gross, priced.fees, priced.cash_paid
                )
            }
            Err(reason) => format!("no   {reason}"),
        };
        push(&mut out, format_args!("{:<width$}  {:<14} {line}", answer.id, answer.kind));
        for leg in answer.outcome.iter().flat_map(|priced| &priced.legs) {
            let (name, action) = (&leg.instrument, action(leg.side));
            push(
                &mut out,
                format_args!(
                    "{:<width$}    {action:<4} {} of {name} to {}, fee {}",
                    "", leg.qty, leg.sized.limit_price, leg.sized.fee
                ),
            );
        }
    }
    push(&mut out, format_args!("{} cases, {found} opportunities", answers.len()));
    out
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    if writeln!(out, "{line}").is_err() {
        out.push('\n');
    }
}
