//! What the command says to files that are no case files, and to cases that cannot be priced.

use std::path::PathBuf;

use super::*;

/// A file of this test, removed at its end.
struct File(PathBuf);

impl File {
    fn with(name: &str, content: &[u8]) -> Self {
        let path =
            std::env::temp_dir().join(format!("dutchbook_eval_{}_{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn one_case() -> Value {
    json!({
        "id": "c1", "kind": "anything", "states": ["y", "n"],
        "venues": {"P": {"fee": {"kind": "none"}, "lot": "0.01"}},
        "instruments": {
            "Y": {"venue": "P", "payoff": {"y": "1", "n": "0"}, "asks": [["0.4", "10"]]},
            "N": {"venue": "P", "payoff": {"y": "0", "n": "1"}, "asks": [["0.5", "8"]]},
        },
        "basket": [{"instrument": "Y", "action": "buy"}, {"instrument": "N", "action": "buy"}],
    })
}

fn told(name: &str, content: &[u8]) -> Result<Value, String> {
    let file = File::with(name, content);
    run(&file.0).map_err(|error| error.to_string())
}

/// The message about `one_case` with the value at a JSON pointer replaced.
fn changed(name: &str, pointer: &str, value: Value) -> Result<Value, String> {
    let mut case = one_case();
    *case.pointer_mut(pointer).unwrap() = value;
    told(name, json!([case]).to_string().as_bytes())
}

#[test]
fn a_bare_list_and_an_unknown_kind_are_priced() {
    let answers = told("bare", json!([one_case()]).to_string().as_bytes()).unwrap();
    let answer = &answers[0];
    assert_eq!((answer["opportunity"].as_bool(), &answer["size"]), (Some(true), &json!("8")));
    assert_eq!((&answer["net_edge"], &answer["cash_paid"]), (&json!("0.8"), &json!("7.2")));
    assert!(table(&answers).ends_with("1 cases, 1 opportunities\n"));
}

#[test]
fn files_that_are_no_case_files_get_one_clear_line() {
    let missing = run(Path::new("/nonexistent/cases.json")).unwrap_err().to_string();
    assert!(missing.contains("cannot be read") && missing.contains("check the path"), "{missing}");
    let whole = json!({"format": 1, "cases": [one_case()]}).to_string();
    let half = whole.get(..whole.len() / 2).unwrap();
    for (name, content, says) in [
        ("empty", "", "is empty"),
        ("blank", " \n", "is empty"),
        ("half", half, "truncated"),
        ("text", "hello", "no valid JSON"),
        ("number", "5", "single value"),
        ("object", "{}", "no `cases`"),
        ("future", "{\"format\": 2, \"cases\": []}", "`format` is not known"),
        ("cases", "{\"cases\": 3}", "no list"),
        ("noid", "[{}]", "case #1: id: is missing"),
    ] {
        let error = told(name, content.as_bytes()).unwrap_err();
        assert!(error.contains(says) && error.lines().count() == 1, "{name}: {error}");
    }
    assert_eq!(told("none", b"[]"), Ok(json!([])));
}

#[test]
fn a_malformed_case_names_its_field() {
    for (name, pointer, value, says) in [
        ("fine", "/instruments/Y/asks/0/0", json!("0.1234567"), "more than 6 decimals"),
        (
            "long",
            "/instruments/Y/asks/0/0",
            json!("0.11111111111111111111111111111111"),
            "more than",
        ),
        ("high", "/instruments/Y/asks/0/0", json!("1.01"), "from 0 to 1"),
        ("nan", "/instruments/Y/asks/0/0", json!("NaN"), "no decimal number"),
        ("short", "/instruments/Y/asks/0/1", json!("-3"), "from 0 to 1e12"),
        ("pair", "/instruments/Y/asks/0", json!(["0.4"]), "expected [price, quantity]"),
        ("venue", "/instruments/Y/venue", json!("Q"), "not among the venues"),
        ("fee", "/venues/P/fee/kind", json!("magic"), "is not known"),
        ("rate", "/venues/P/fee", json!({"kind": "quad"}), "rate: is missing"),
        (
            "unit",
            "/venues/P/fee",
            json!({"kind": "quad", "rate": "0.1", "round": "2e-5_up"}),
            "round",
        ),
        ("row", "/instruments/Y/payoff", json!({"y": "1"}), "payoff.n: is missing"),
        ("states", "/states", json!([]), "states: is empty"),
        ("leg", "/basket/0/instrument", json!("Z"), "not among the instruments"),
        ("action", "/basket/0/action", json!("hold"), "expected buy or sell"),
        ("basket", "/basket", json!([]), "basket: is empty"),
    ] {
        let error = changed(name, pointer, value).unwrap_err();
        let is_clear = error.contains("case c1") && error.contains(says);
        assert!(is_clear && error.lines().count() == 1, "{name}: {error}");
    }
}

#[test]
fn answers_of_no_carry_a_reason() {
    let unmet = changed("unmet", "/kind", json!("resolution")).unwrap();
    let reason = unmet[0]["reason"].as_str().unwrap();
    assert_eq!(reason, "precondition not met: outcome_published_by_named_source");
    let bare = changed("bids", "/instruments/Y/asks", json!([])).unwrap();
    assert_eq!(bare[0]["reason"].as_str(), Some("Y: no level to trade against"));
}

#[test]
fn the_same_leg_twice_is_one_order() {
    let mut case = one_case();
    let leg = case["basket"][0].clone();
    case["basket"].as_array_mut().unwrap().push(leg);
    case["instruments"]["Y"]["asks"] = json!([["0.2", "10"]]);
    let answers = told("twice", json!([case]).to_string().as_bytes()).unwrap();
    assert_eq!(answers[0]["legs"].as_array().map(Vec::len), Some(2));
    assert_eq!(answers[0]["legs"][0]["qty"], json!("10"));
    assert_eq!(answers[0]["size"], json!("5"));
}

/// Every cut and many a changed byte: an answer or one clear line, never a panic.
#[test]
fn cut_and_changed_files_never_panic() {
    let whole = json!({"format": 1, "cases": [one_case()]}).to_string().into_bytes();
    let file = File::with("mutants", b"");
    for at in 0..whole.len() {
        for byte in [b'9', b'"', 0xff] {
            let mut mutant = whole.clone();
            mutant[at] = byte;
            std::fs::write(&file.0, &mutant).unwrap();
            if let Err(error) = run(&file.0) {
                assert_eq!(error.to_string().lines().count(), 1, "{error}");
            }
        }
        std::fs::write(&file.0, &whole[..at]).unwrap();
        assert!(run(&file.0).is_err());
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let content = format!("\u{feff}{}", json!([one_case()]));
    assert_eq!(told("bom", content.as_bytes()).unwrap()[0]["size"], json!("8"));
}

#[test]
fn no_amount_may_pay_for_the_basket() {
    for key in ["fixed_cost", "max_capital"] {
        let mut case = one_case();
        case["params"] = json!({key: "-1"});
        let error = told(key, json!([case]).to_string().as_bytes()).unwrap_err();
        assert!(error.ends_with("expected an amount of dollars, not below 0"), "{error}");
    }
}

/// Selling the side that lost out of a split set is the bet of buying the winner at 1 − bid.
#[test]
fn a_sale_of_the_loser_is_priced_like_a_purchase_of_the_winner() {
    let case = |name: &str, action: &str, side: &str, price: &str, pays: &str| {
        json!({
            "id": name, "kind": "resolution", "states": ["y"],
            "venues": {"P": {"fee": {"kind": "quad", "rate": "0.05", "round": "1e-5_up"}, "lot": "0.01"}},
            "instruments": {"M": {"venue": "P", "payoff": {"y": pays}, side: [[price, "50"]]}},
            "basket": [{"instrument": "M", "action": action}],
            "preconditions": {
                "outcome_published_by_named_source": true, "event_window_closed": true,
                "rules_text_matches_source": true, "no_open_dispute": true,
                "market_still_accepting_orders": true,
            },
            "params": {"p_adverse": "0.005", "carry_rate": "0.05", "hours": "48"},
        })
    };
    let file = json!([
        case("buy", "buy", "asks", "0.97", "1"),
        case("sell", "sell", "bids", "0.03", "0"),
        case("rich", "sell", "bids", "0.004", "0"),
    ]);
    let answers = told("mirror", file.to_string().as_bytes()).unwrap();
    assert_eq!(answers[0]["opportunity"], json!(true));
    for key in ["net_edge", "cash_paid", "size", "gross_edge", "fees"] {
        assert_eq!(answers[0][key], answers[1][key], "{key}");
    }
    // What the loser still fetches is less than the adverse ruling costs.
    assert_eq!(answers[2]["opportunity"], json!(false));
}
