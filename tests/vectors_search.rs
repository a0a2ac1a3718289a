//! `dutchbook eval --search` on every case, its own basket hidden: it finds at least what the file
//! expects, and its orders alone, walked over the books by the rules of the file, pay what it says.

#![expect(clippy::expect_used, clippy::panic, reason = "a proof fails by panicking")]

use dutchbook_tools::eval;
use harness::vectors;
use serde_json::Value;

/// One dollar in 1e-12.
const ONE: i128 = 1_000_000_000_000;

/// A decimal as 1e-12.
fn pico(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(rest.len() <= 12, "{text}: more than twelve decimals");
    let all: i128 = format!("{whole}{rest:0<12}").parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    sign * all
}

fn number(value: &Value, key: &str) -> i128 {
    value.get(key).and_then(Value::as_str).map_or(0, pico)
}

fn ceil_to(value: i128, unit: i128) -> i128 {
    (value + unit - 1).div_euclid(unit) * unit
}

/// What one order does: contracts that arrive, and cash that leaves.
struct Walked {
    delivered: i128,
    paid: i128,
}

/// Walks one order through its book as the file's `rules` say.
fn walk(case: &Value, leg: &Value) -> Walked {
    let name = vectors::text(leg, "instrument");
    let instrument = &case["instruments"][name];
    let venue = &case["venues"][vectors::text(instrument, "venue")];
    let fee = &venue["fee"];
    let is_buy = vectors::text(leg, "action") == "buy";
    assert!(is_buy || instrument["can_split"] == Value::Bool(true), "{name}: nothing to sell");
    let rate = number(fee, "rate");
    let unit = match fee.get("round").and_then(Value::as_str) {
        Some("1e-5_up") => ONE / 100_000,
        Some("1e-4_up") => ONE / 10_000,
        Some(other) => panic!("{other}"),
        None => 1,
    };
    let in_shares = fee.get("collect").and_then(Value::as_str) == Some("shares");
    let mut levels: Vec<(i128, i128)> =
        vectors::list(instrument, if is_buy { "asks" } else { "bids" })
            .iter()
            .map(|level| {
                (pico(level[0].as_str().expect("price")), pico(level[1].as_str().expect("qty")))
            })
            .collect();
    levels.sort_by_key(|(price, _)| if is_buy { *price } else { -*price });
    let qty = number(leg, "qty");
    let (mut left, mut walked, mut fees) = (qty, Walked { delivered: 0, paid: 0 }, 0);
    for (price, offered) in levels {
        let take = left.min(offered);
        left -= take;
        let notional = take * price / ONE;
        // rate · q · p · (1 − p), rounded up at the end.
        let raw = (rate * take / ONE) * price / ONE * (ONE - price) / ONE;
        if in_shares && is_buy {
            walked.delivered += take - ceil_to(rate * (ONE - price) / ONE * take / ONE, 1);
            walked.paid += notional;
            continue;
        }
        walked.delivered += take;
        fees += ceil_to(raw, unit);
        walked.paid += if is_buy { notional } else { -notional };
    }
    assert_eq!(left, 0, "{name}: the book holds less than {leg}");
    assert!(qty >= number(venue, "min_qty"), "{name}: below the minimum");
    assert!(walked.paid.abs() >= number(venue, "min_notional"), "{name}: below the minimum");
    assert_eq!(qty % number(venue, "lot"), 0, "{name}: {qty} is no multiple of the lot");
    walked.paid += fees;
    if venue["cent_align"] == Value::Bool(true) {
        walked.paid = ceil_to(walked.paid, ONE / 100);
    }
    walked
}

/// What the orders of an answer earn in the worst state.
fn worst(case: &Value, answer: &Value) -> i128 {
    let legs = vectors::list(answer, "legs");
    let walked: Vec<(&Value, Walked)> = legs.iter().map(|leg| (leg, walk(case, leg))).collect();
    let paid: i128 = walked.iter().map(|(_, walked)| walked.paid).sum();
    let in_state = |state: &Value| -> i128 {
        let of = |(leg, walked): &(&Value, Walked)| {
            let payoff = &case["instruments"][vectors::text(leg, "instrument")]["payoff"];
            let unit = number(payoff, state.as_str().expect("state"));
            let sign = if vectors::text(leg, "action") == "buy" { 1 } else { -1 };
            sign * walked.delivered * unit / ONE
        };
        walked.iter().map(of).sum()
    };
    let floor = vectors::list(case, "states").iter().map(in_state).min().expect("states");
    let params = &case["params"];
    if let Some(most) = params.get("max_capital").and_then(Value::as_str) {
        assert!(paid + (-floor).max(0) <= pico(most), "more than the capital");
    }
    floor - paid - number(params, "fixed_cost")
}

#[test]
fn every_case_is_searched_without_its_basket() {
    let Some(mut file) = vectors::load("arbitrage", "cases") else { return };
    let whole = file.clone();
    let cases = file.get_mut("cases").and_then(Value::as_array_mut).expect("cases");
    for case in &mut *cases {
        let case = case.as_object_mut().expect("case");
        for key in ["basket", "kind", "title", "expect"] {
            case.remove(key);
        }
    }
    let path = std::env::temp_dir().join(format!("dutchbook_open_{}.json", std::process::id()));
    std::fs::write(&path, file.to_string()).expect("written");
    let answers = eval::search(&path).expect("searched");
    std::fs::remove_file(&path).expect("removed");
    let cases = vectors::list(&whole, "cases");
    let answers = answers.as_array().expect("answers");
    assert_eq!(cases.len(), answers.len());
    let mut short = Vec::new();
    for (case, answer) in cases.iter().zip(answers) {
        let id = vectors::text(case, "id");
        let net = number(answer, "net_edge");
        if answer["opportunity"] == Value::Bool(true) {
            let earned = worst(case, answer);
            assert!(earned >= net, "{id}: reports {net}, its orders earn {earned}: {answer}");
            assert!(net > 0, "{id}");
        }
        let expect = &case["expect"];
        if expect["opportunity"] == Value::Bool(true) {
            let least = number(expect, "net_edge") - number(expect, "net_tolerance");
            if net < least {
                short.push(format!("{id}: {} of {}", answer["net_edge"], expect["net_edge"]));
            }
        }
    }
    assert!(short.is_empty(), "found less than is there:\n{}", short.join("\n"));
    vectors::report("arbitrage", "cases", cases.len());
}
