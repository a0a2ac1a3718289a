//! The case file of `dutchbook eval`: every case, every key of `expect`.

#![expect(clippy::expect_used, clippy::panic, reason = "a proof fails by panicking")]

use dutchbook_book::{Exact, Price};
use dutchbook_tools::eval::{self, Answer, Priced};
use harness::vectors::{self, Expect, plain};
use serde_json::Value;

/// A decimal as 1e-12.
fn pico(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(rest.len() <= 12, "{text}: more than twelve decimals");
    let all: i128 = format!("{whole}{rest:0<12}").parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    sign * all
}

/// Half a unit of the sixth decimal, to which the file rounds its amounts.
const ROUNDED: i128 = 500_000;

fn near(context: &str, key: &str, expected: Option<&str>, actual: Exact, tolerance: i128) {
    if let Some(expected) = expected {
        let distance = (pico(expected) - actual.pico()).abs();
        assert!(distance <= tolerance, "{context}: {key}: expected {expected}, found {actual}");
    }
}

/// What a refusal says apart from the leg that it names.
fn category(reason: &str) -> &str {
    reason.strip_prefix("precondition not met: ").unwrap_or(match reason.split_once(": ") {
        Some((_, rest)) => rest,
        None => reason,
    })
}

fn check(case: &Value, answer: &Answer) {
    let id = vectors::text(case, "id");
    assert_eq!(answer.id, id);
    let Some(expect) = case.get("expect") else { return };
    let expect = Expect::new(id, expect);
    expect.equals("opportunity", answer.outcome.is_ok());
    if let Some(floor) = expect.text("payoff_floor_per_basket") {
        near(id, "floor", Some(floor), answer.floor.expect(id), 0);
    }
    if let Some(edge) = expect.text("top_of_book_edge") {
        // 1e-20 $ to 1e-12 $; the file gives eight decimals.
        let actual = Exact::from_pico(answer.top_edge.expect(id) / 100_000_000);
        near(id, "top_of_book_edge", Some(edge), actual, 10_001);
    }
    match &answer.outcome {
        Ok(priced) => check_priced(id, &expect, priced),
        Err(reason) => {
            if let Some(expected) = expect.text("reason") {
                assert_eq!(category(reason), category(expected), "{id}");
            }
        }
    }
}

fn check_priced(id: &str, expect: &Expect<'_>, priced: &Priced) {
    expect.decimal("size", &priced.size);
    let tolerance = expect.text("net_tolerance").map_or(ROUNDED, pico);
    near(id, "net_edge", expect.text("net_edge"), priced.net, tolerance.min(2 * ROUNDED));
    near(id, "gross_edge", expect.text("gross_edge"), priced.gross, ROUNDED);
    near(id, "fees", expect.text("fees"), priced.fees, ROUNDED);
    near(id, "cash_paid", expect.text("cash_paid"), priced.cash_paid, ROUNDED);
    let Some(legs) = expect.get("legs").and_then(Value::as_array) else { return };
    assert_eq!(legs.len(), priced.legs.len(), "{id}");
    for (leg, found) in legs.iter().zip(&priced.legs) {
        let expect = Expect::new(format!("{id} {}", found.instrument), leg);
        expect.equals("instrument", found.instrument.as_str());
        expect.equals("action", eval::action(found.side));
        let limit: Price = found.sized.limit_price;
        expect.decimal("limit_price", &limit.to_string());
        // The engine keeps ratio legs exactly; the file may round them.
        near(id, "qty", expect.text("qty"), found.qty, 50_000_000);
        near(id, "notional", expect.text("notional"), found.sized.notional, ROUNDED);
        near(id, "fee", expect.text("fee"), found.sized.fee, ROUNDED);
        let kept = Exact::from_pico(i128::from(found.sized.fee_contracts.micro()) * 1_000_000);
        near(id, "fee_contracts", expect.text("fee_contracts"), kept, ROUNDED);
    }
}

#[test]
fn every_case_agrees() {
    let Some(file) = vectors::load("arbitrage", "cases") else { return };
    let path = vectors::path("arbitrage", "cases");
    let answers = eval::evaluate(&path).expect("the case file is priced");
    let cases = vectors::list(&file, "cases");
    assert_eq!(cases.len(), answers.len());
    for (case, answer) in cases.iter().zip(&answers) {
        check(case, answer);
    }
    vectors::report("arbitrage", "cases", cases.len());
}

/// The answers never depend on what the file expects.
#[test]
fn expectations_and_titles_are_not_read() {
    let Some(mut file) = vectors::load("arbitrage", "cases") else { return };
    let with = eval::run(&vectors::path("arbitrage", "cases")).expect("priced");
    let cases = file.get_mut("cases").and_then(Value::as_array_mut).expect("cases");
    for case in &mut *cases {
        let case = case.as_object_mut().expect("case");
        case.remove("title");
        case.insert("expect".to_owned(), Value::Bool(true));
    }
    let bare = Value::Array(std::mem::take(cases));
    let path = std::env::temp_dir().join(format!("dutchbook_cases_{}.json", std::process::id()));
    std::fs::write(&path, bare.to_string()).expect("written");
    let without = eval::run(&path);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(with, without.expect("priced"));
    let first =
        with.as_array().and_then(|list| list.first()).and_then(Value::as_object).expect("one");
    assert!(first.contains_key("net_edge") && plain("1.0") == "1");
}
