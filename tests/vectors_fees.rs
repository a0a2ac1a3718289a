//! Fee vectors of the venues: every case, every key.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a proof fails by panicking"
)]

use dutchbook_book::fee::kalshi::{self, FeeType, Member, Rule};
use dutchbook_book::fee::{FeeSchedule, FillFee, OrderFees, Role, Rounding, budget, hyperliquid};
use dutchbook_book::{Cash, Price, Qty, Rate, Side};
use harness::vectors::{self, Expect, text};
use serde_json::Value;

/// A decimal as a whole number of 10^-`decimals`.
fn scaled(text: &str, decimals: usize) -> i64 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let rest = rest.trim_end_matches('0');
    assert!(rest.len() <= decimals, "{text}: more than {decimals} decimals");
    format!("{whole}{rest:0<decimals$}").parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn price(value: &Value, key: &str) -> Price {
    Price::from_micro(u32::try_from(scaled(text(value, key), 6)).unwrap()).unwrap()
}

fn qty(value: &Value, key: &str) -> Qty {
    Qty::from_micro(u64::try_from(scaled(text(value, key), 6)).unwrap()).unwrap()
}

fn rate(value: &Value, key: &str) -> Rate {
    Rate::from_nano(u32::try_from(scaled(text(value, key), 9)).unwrap())
}

fn cash(value: &Value, key: &str) -> Cash {
    Cash::from_micro(scaled(text(value, key), 6))
}

fn exponent(case: &Value) -> u8 {
    let found = case.get("exponent").map_or(Some(1), Value::as_u64);
    found.and_then(|found| u8::try_from(found).ok()).expect("a whole exponent")
}

fn expectation<'a>(context: &str, case: &'a Value) -> Expect<'a> {
    let value = case.get("expected").or_else(|| case.get("expect")).expect("an expectation");
    Expect::new(context, value)
}

#[test]
fn polymarket_fees() {
    let Some(file) = vectors::load("polymarket", "fees") else { return };
    let fees = vectors::list(&file, "fee_cases");
    for (index, case) in fees.iter().enumerate() {
        let expect = expectation(&format!("fee case {index}"), case);
        let (rate, exponent) = (rate(case, "fee_rate"), exponent(case));
        let (at, shares) = (price(case, "price"), qty(case, "shares"));
        let schedule = FeeSchedule::polymarket(rate, exponent);
        let raw = schedule.raw(Role::Taker, Side::Buy, at, shares).unwrap();
        expect.decimal("fee_exact", &raw.to_string());
        let roundings = [
            ("floor_5dp", Rounding::Down),
            ("half_up_5dp", Rounding::HalfUp),
            ("ceil_5dp", Rounding::Up),
        ];
        for (key, direction) in roundings {
            let mut order = FeeSchedule::polymarket_rounded(rate, exponent, direction).order();
            let fill = order.fill(Side::Buy, at, shares).unwrap();
            expect.decimal(key, &fill.fee.to_string());
        }
        assert_eq!(schedule.raw(Role::Maker, Side::Buy, at, shares).unwrap().digits(), 0);
    }
    let budgets = vectors::list(&file, "buy_budget_cases");
    for (index, case) in budgets.iter().enumerate() {
        let expect = expectation(&format!("budget case {index}"), case);
        let amount = budget::buy_budget(
            cash(case, "amount"),
            price(case, "price"),
            cash(case, "max_spend"),
            (rate(case, "fee_rate"), exponent(case)),
            rate(case, "builder_rate"),
        )
        .unwrap();
        let floor = amount.floor_to(10_000).unwrap();
        expect.decimal("amount_floor_2dp", &floor.to_string());
        if let Some(expected) = expect.text("amount") {
            let (digits, decimals) = significant(expected);
            let found = quotient(amount.numerator, amount.denominator, decimals);
            // The file was computed with 28 digits: its last may carry an earlier rounding.
            assert!(found.abs_diff(digits) <= 1, "budget case {index}: {expected}");
        }
    }
    vectors::report("polymarket", "fees", fees.len() + budgets.len());
}

/// A decimal, "1E+1" included, as digits and how many of them stand behind the point.
fn significant(text: &str) -> (u128, u32) {
    let (mantissa, power) = text.split_once('E').unwrap_or((text, "0"));
    let power: u32 = power.parse().expect("a power of ten, not below zero");
    let (whole, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{rest}").parse().unwrap();
    (digits * 10_u128.pow(power), u32::try_from(rest.len()).unwrap())
}

/// numerator / denominator micro-dollars, as dollars with `decimals` decimals, rounded half up.
fn quotient(numerator: u128, denominator: u128, decimals: u32) -> u128 {
    let mut digits = numerator / denominator;
    let mut rest = numerator % denominator;
    for _ in 6..decimals {
        rest *= 10;
        digits = digits * 10 + rest / denominator;
        rest %= denominator;
    }
    if decimals < 6 {
        let scale = 10_u128.pow(6 - decimals);
        assert!(digits.is_multiple_of(scale) && rest == 0);
        return digits / scale;
    }
    digits + u128::from(rest * 2 >= denominator)
}

fn fee_type(case: &Value) -> FeeType {
    FeeType::from_native(text(case, "fee_type")).expect("a known fee type")
}

fn member(case: &Value) -> Member {
    match text(case, "member") {
        "direct" => Member::Direct,
        "non_direct" => Member::NonDirect,
        other => panic!("unknown member {other}"),
    }
}

fn side(case: &Value) -> Side {
    match text(case, "side") {
        "bid" => Side::Buy,
        "ask" => Side::Sell,
        other => panic!("unknown side {other}"),
    }
}

fn role(case: &Value) -> Role {
    match text(case, "role") {
        "taker" => Role::Taker,
        "maker" => Role::Maker,
        other => panic!("unknown role {other}"),
    }
}

fn check_fill(expect: &Expect<'_>, fill: &FillFee) {
    expect.decimal("model_fee", &fill.model_fee.to_string());
    expect.decimal("trade_fee", &fill.trade_fee.to_string());
    expect.decimal("signed_revenue", &fill.revenue.to_string());
    expect.decimal("aligned_change", &fill.aligned_change.to_string());
    expect.decimal("rounding_fee", &fill.rounding_fee.to_string());
    expect.decimal("accumulator_before_rebate", &fill.accumulated.to_string());
    expect.decimal("rebate", &fill.rebate.to_string());
    expect.decimal("net_fee", &fill.fee.to_string());
    expect.decimal("balance_change", &fill.balance_change.to_string());
    expect.equals("rebate_capped", fill.rebate_capped);
    expect.decimal("accumulator_after", &fill.accumulator.to_string());
}

fn kalshi_order(case: &Value, rule: Rule) -> OrderFees {
    kalshi::schedule(fee_type(case), rate(case, "fee_multiplier"), rule).unwrap().order()
}

/// The fee of one fill as an order of its own under a superseded rule.
fn superseded(case: &Value, rule: Rule) -> String {
    let mut order = kalshi_order(case, rule);
    order.fill_as(role(case), side(case), price(case, "price"), qty(case, "count")).unwrap();
    order.close().unwrap().fee.to_string()
}

fn kalshi_single(context: &str, case: &Value) {
    let mut order = kalshi_order(case, Rule::Current(member(case)));
    let fill = order.fill_as(role(case), side(case), price(case, "price"), qty(case, "count"));
    let fill = fill.unwrap();
    check_fill(&expectation(context, case), &fill);
    assert_eq!(order.close().unwrap().fee, fill.fee);
    let whole = Expect::new(context, case);
    whole.decimal("recorded_on_demo_fee_cost", &fill.fee.to_string());
    whole.inputs(&["kind", "name", "fee_type", "role", "fee_multiplier", "price", "count"]);
    whole.inputs(&["side", "member", "expect", "superseded_rules"]);
    if let Some(old) = case.get("superseded_rules") {
        let old = Expect::new(format!("{context}, superseded"), old);
        old.decimal("trade_fee_ceil_centicent", &superseded(case, Rule::CenticentPlain));
        old.decimal("ceil_cent", &superseded(case, Rule::Cent));
    }
}

fn kalshi_several(context: &str, case: &Value) {
    let mut order = kalshi_order(case, Rule::Current(member(case)));
    for (index, fill) in vectors::list(case, "fills").iter().enumerate() {
        let context = format!("{context}, fill {index}");
        let done = order
            .fill_as(role(fill), side(case), price(fill, "price"), qty(fill, "count"))
            .unwrap();
        check_fill(&expectation(&context, fill), &done);
    }
    let whole = Expect::new(context, case);
    whole.decimal("total_net_fee", &order.close().unwrap().fee.to_string());
    whole.inputs(&["kind", "name", "fee_type", "fee_multiplier", "side", "member", "fills"]);
}

#[test]
fn kalshi_fees() {
    let Some(file) = vectors::load("kalshi", "fees") else { return };
    let cases = vectors::list(&file, "cases");
    for (index, case) in cases.iter().enumerate() {
        let context = format!("case {index}");
        match text(case, "kind") {
            "single_fill_new_order" => kalshi_single(&context, case),
            "order_with_several_fills" => kalshi_several(&context, case),
            other => panic!("{context}: unknown kind {other}"),
        }
    }
    vectors::report("kalshi", "fees", cases.len());
}

#[test]
fn hyperliquid_fees() {
    let Some(file) = vectors::load("hyperliquid_hip4", "fees") else { return };
    let cases = vectors::list(&file, "cases");
    for (index, case) in cases.iter().enumerate() {
        let schedule = hyperliquid::schedule(
            rate(case, "userSpotCrossRate"),
            rate(case, "userSpotAddRate"),
            rate(case, "deployerFeeScale"),
            rate(case, "activeReferralDiscount"),
        )
        .unwrap();
        let crossed = case.get("crossed").and_then(Value::as_bool).expect("crossed");
        let role = if crossed { Role::Taker } else { Role::Maker };
        let side = match text(case, "side") {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            other => panic!("case {index}: unknown side {other}"),
        };
        let raw = schedule.raw(role, side, Price::ONE, qty(case, "notional")).unwrap();
        let expected = vectors::plain(text(case, "expected_fee"));
        assert_eq!(vectors::plain(&raw.to_string()), expected, "case {index}");
    }
    vectors::report("hyperliquid_hip4", "fees", cases.len());
}
