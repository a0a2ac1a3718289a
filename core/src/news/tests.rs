use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::{Grid, Price};

use super::*;

const CONDITION: &str = "0x0707070707070707070707070707070707070707070707070707070707070707";
const CTF: &str = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045";
/// `ConditionResolution` as the vectors of the chain's topics have it.
const PAID: &str = "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894";
const RESET: &str = "0x7981b5832932948db4e32a4a16a0f44b2ce7ff088574afb9364b313f70f82e8f";

pub(super) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let event = catalog.add_event("up or down", EventLaw::Independent);
    let condition = catalog.add_condition(event, "up");
    for (kind, native) in [(VenueKind::Polymarket, CONDITION), (VenueKind::Kalshi, "KXUP-1")] {
        let venue = catalog.add_venue(kind);
        catalog.add_listing(Listing {
            native_market: native.to_owned(),
            name: "up".to_owned(),
            ..Listing::plain(
                kind,
                venue,
                condition,
                Grid::uniform(Price::from_pips(100).unwrap()).unwrap(),
            )
        });
    }
    catalog
}

/// A claim that was made at a moment.
pub(super) fn claim(at_ms: u64) -> String {
    format!(
        r#"{{"kind":"outcome","source":"release","trust":"named","market":"KXUP-1","says":"final","outcome":"yes","at_ms":{at_ms}}}"#
    )
}

/// Takes lines; what each of them comes to.
fn heard(lines: &[&str]) -> Vec<String> {
    let mut desk = NewsDesk::new(&catalog());
    let mut said = Vec::new();
    for line in lines {
        let result = desk.take(line, |Dispatch { venue, steer }| {
            let Steer::Said { book, source, says, trust, at } = steer else { unreachable!() };
            let at = at.millis();
            said.push(format!("{}/{} {source:?} {trust:?} {says:?} {at}", venue.0, book.0));
        });
        match result {
            Ok(true) => {}
            Ok(false) => said.push("passed over".to_owned()),
            Err(error) => said.push(error.to_string()),
        }
    }
    said
}

#[test]
fn a_claim_is_a_word_on_its_market_with_the_trust_that_it_states() {
    let claim = r#"{"kind":"outcome","source":"release","trust":"named","market":"kxup-1","says":"final","outcome":"yes","at_ms":7}"#;
    assert_eq!(heard(&[claim]), ["1/1 Release Named Final(Pays(Yes)) 7"]);
    let hint = claim.replace("named", "hint").replace("final", "decided").replace("yes", "split");
    assert_eq!(heard(&[&hint]), ["1/1 Release Hint Decided(Split) 7"]);
    let doubt = claim.replace("final", "disputed").replace(r#","outcome":"yes""#, "");
    assert_eq!(heard(&[&doubt]), ["1/1 Release Named Disputed 7"]);
}

#[test]
fn lines_that_say_nothing_are_refused_with_their_reason() {
    let claim = r#"{"kind":"outcome","source":"release","trust":"named","market":"KXUP-1","says":"final","outcome":"yes","at_ms":7}"#;
    for (line, why) in [
        ("nonsense".to_owned(), "docs/news.md"),
        ("{}".to_owned(), "missing field `kind`"),
        (claim.replace("release", "venue"), "a line cannot speak for venue"),
        (claim.replace("release", "chain"), "a line cannot speak for chain"),
        (claim.replace("release", "me"), "a line cannot speak for me"),
        (claim.replace("KXUP-1", "KXUP-2"), "market KXUP-2 is not followed"),
        (claim.replace("named", "final"), "unknown variant `final`"),
        (claim.replace(r#","outcome":"yes""#, ""), "`outcome` is missing"),
        (claim.replace("at_ms", "at"), "unknown field `at`"),
        (
            r#"{"kind":"rule","market":"KXUP-1","symbol":"btc/usd","until_ms":9}"#.to_owned(),
            "a price needs one of",
        ),
        (r#"{"kind":"rule","market":"KXUP-1","game":"g"}"#.to_owned(), "a rule has"),
        (question(ADAPTER).replace(CONDITION, "KXUP-2"), "market KXUP-2 is not followed"),
        (question("0x34"), "0x34"),
        (question(ADAPTER).replace(r#""question":"0x"#, r#""question":"0x34"#), "0x34"),
        (question(ADAPTER).replace(r#""oracle""#, r#""adapter""#), "unknown field `adapter`"),
        (format!(r#"{{"address":"{CTF}","topics":["{PAID}"],"data":"0x"}}"#), "topics or data"),
    ] {
        let said = heard(&[&line]);
        assert!(said.len() == 1 && said[0].contains(why), "{line}: {said:?}");
    }
}

#[test]
fn an_up_or_down_market_is_decided_by_its_first_and_its_last_price() {
    let rule = format!(
        r#"{{"kind":"rule","market":"{CONDITION}","symbol":"btc/usd","from_ms":1000,"until_ms":2000}}"#
    );
    let price = |price: &str, at_ms: u64| {
        format!(
            r#"{{"kind":"price","trust":"named","symbol":"btc/usd","price":"{price}","at_ms":{at_ms}}}"#
        )
    };
    let judged = |prices: &[(&str, u64)]| {
        let mut lines = vec![rule.clone()];
        lines.extend(prices.iter().map(|(of, at)| price(of, *at)));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        heard(&lines)
    };
    // The last price at or before each of the two moments; equal is up.
    let up = ["0/0 Reference Named Final(Pays(Yes)) 2500"];
    let prices = [("99.5", 900), ("100", 1000), ("90", 1500), ("100.00", 1999), ("1", 2500)];
    assert_eq!(judged(&prices), up);
    let down = ["0/0 Reference Named Final(Pays(No)) 2000"];
    assert_eq!(judged(&[("100", 1000), ("99.999999999999999999", 2000), ("500", 2001)]), down);
    assert!(judged(&[("100", 1500), ("101", 2000)])[0].contains("not decided by prices"));
    assert!(judged(&[("100", 1000), ("101", 999)])[0].contains("newer price"));
    let said = judged(&[("100", 1000), ("101", 1000), ("102", 2000)]);
    assert!(said[0].contains("Disputed") && said[1].contains("two prices"), "{said:?}");
    assert_eq!(said.len(), 2, "what contradicts itself decides nothing: {said:?}");
}

#[test]
fn a_threshold_counts_its_own_value_only_where_the_rule_says_so() {
    let judged = |bar: &str| {
        let rule = format!(
            r#"{{"kind":"rule","market":"KXUP-1","symbol":"cpi","until_ms":2000,"{bar}":"3.0"}}"#
        );
        let price =
            r#"{"kind":"price","trust":"named","symbol":"cpi","price":"3.00","at_ms":2000}"#;
        heard(&[&rule, price])
    };
    assert_eq!(judged("above"), ["1/1 Reference Named Final(Pays(No)) 2000"]);
    assert_eq!(judged("at_least"), ["1/1 Reference Named Final(Pays(Yes)) 2000"]);
    let rule = r#"{"kind":"rule","market":"KXUP-1","symbol":"cpi","until_ms":2000,"above":"3.0"}"#;
    let other = rule.replace("3.0", "3.1");
    assert_eq!(heard(&[rule, rule, &other]), ["KXUP-1 has another rule already"]);
}

#[test]
fn a_game_decides_its_markets_when_it_is_over() {
    let rule = r#"{"kind":"rule","market":"KXUP-1","game":"HAW-COM","wins":"home"}"#;
    let score = |home: u32, away: u32, is_over: bool| {
        format!(
            r#"{{"kind":"score","trust":"named","game":"HAW-COM","home":{home},"away":{away},"is_over":{is_over},"at_ms":5}}"#
        )
    };
    assert_eq!(
        heard(&[rule, &score(90, 70, false), &score(101, 99, true)]),
        ["1/1 Score Named Final(Pays(Yes)) 5"]
    );
    assert_eq!(heard(&[rule, &score(99, 99, true)]), ["1/1 Score Named Final(Pays(No)) 5"]);
}

#[test]
fn logs_of_the_chain_come_as_nodes_write_them() {
    let word = |last: &str| format!("{last:0>64}");
    let data = format!("0x{}{}{}{}{}", word("2"), word("40"), word("2"), word("1"), word("0"));
    let oracle = format!("0x{}", word("11"));
    let log = format!(
        r#"{{"address":"{CTF}","topics":["{PAID}","{CONDITION}","{oracle}","{oracle}"],"data":"{data}","blockNumber":"0x1","logIndex":"0x0","removed":false}}"#
    );
    let paid = ["0/0 Chain Final Final(Pays(Yes)) 0"];
    assert_eq!(heard(&[&log]), paid);
    let notice = format!(
        r#"{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"0x1","result":{log}}}}}"#
    );
    assert_eq!(heard(&[&notice]), paid);
    let taken_back = log.replace("false", "true");
    assert_eq!(heard(&[&taken_back]), ["0/0 Chain Final Reset 0"]);
    let stranger = log.replace(CTF, "0x4D97DCd97eC945f40cF65F87097ACe5EA0476046");
    assert!(heard(&[&stranger])[0].contains("another contract"));
    let other = log.replace(PAID, &format!("0x{}", word("5")));
    assert_eq!(heard(&[&other]), ["passed over"]);
}

/// `ProposePrice`, `DisputePrice` and `Settle` as the vectors of the oracle's logs have them.
const PROPOSED: &str = "0x6e51dd00371aabffa82cd401592f76ed51e98a9ea4b58751c70463a2c78b5ca1";
const DISPUTED: &str = "0x5165909c3d1c01c5d1e121ac6f6d01dda1ba24bc9e1f975b5a375339c15be7f3";
const SETTLED: &str = "0x3f384afb4bd9f0aef0298c80399950011420eb33b0e1a750b20966270247b9a0";
const ANSWERED: &str = "0x566c3fbdd12dd86bb341787f6d531f79fd7ad4ce7e3ae2d15ac0ca1b601af9df";
const ORACLE: &str = "0xeE3Afe347D5C74317041E2618C49534dAf887c24";
const ADAPTER: &str = "0x2F5e3684cb1F318ec51b00Edba38d79Ac2c0aA9d";
const STRANGER: &str = "0x6A9D222616C90FcA5754cd1333cFD9b7fb6a4F74";
/// One, as the oracle writes it.
const ONE: &str = "de0b6b3a7640000";

fn padded(digits: &str) -> String {
    format!("{:0>64}", digits.trim_start_matches("0x").to_lowercase())
}

fn log_of(address: &str, topics: &[&str], words: &[&str]) -> String {
    let topics: Vec<String> = topics.iter().map(|topic| format!("0x{}", padded(topic))).collect();
    let data: String = words.iter().map(|word| padded(word)).collect();
    format!(r#"{{"address":"{address}","topics":{topics:?},"data":"0x{data}"}}"#)
}

/// A word of the optimistic oracle on the request that `adapter` asked at a moment, on the text "q".
fn word_on(adapter: &str, topic: &str, asked: &str, price: &str) -> String {
    let topics = [topic, adapter, "1", "2"];
    let topics = if topic == PROPOSED { &topics[..3] } else { &topics[..] };
    // "q" stands at the left of its word.
    let text = format!("71{}", "0".repeat(62));
    log_of(ORACLE, topics, &["0", asked, "c0", price, "ff", "0", "1", &text])
}

/// The question "q" of an adapter is the market's.
fn question(adapter: &str) -> String {
    let question = alloy_primitives::keccak256(b"q");
    format!(
        r#"{{"kind":"question","oracle":"{adapter}","question":"{question}","market":"{CONDITION}"}}"#
    )
}

#[test]
fn a_request_speaks_for_the_market_that_a_line_names_and_only_under_its_own_oracle() {
    let asked = question(ADAPTER);
    let id = alloy_primitives::keccak256(b"q").to_string();
    let reset = |by: &str| log_of(by, &[RESET, &id], &[]);
    assert!(heard(&[&reset(ADAPTER)])[0].contains("is not followed"), "nobody has named it");
    assert_eq!(heard(&[&asked, &reset(ADAPTER)]), ["0/0 Oracle Final Reset 0"]);
    // Its answer is not yet the market's.
    let answer = |by: &str| log_of(by, &[ANSWERED, &id, ONE], &["20", "2", "1", "0"]);
    let decided = ["0/0 Oracle Final Decided(Pays(Yes)) 0"];
    assert_eq!(heard(&[&asked, &answer(ADAPTER)]), decided);
    let own = condition_of(&line::address(ADAPTER).unwrap(), &line::word(&id).unwrap());
    let paid = log_of(CTF, &[PAID, &line::hex(&own), ADAPTER, &id], &["2", "40", "2", "1", "0"]);
    assert_eq!(heard(&[&asked, &paid]), ["0/0 Chain Final Decided(Pays(Yes)) 0"]);
    let proposed = |adapter| word_on(adapter, PROPOSED, "5", ONE);
    let said = ["0/0 Oracle Final Proposed(Pays(Yes)) 0"];
    assert_eq!(heard(&[&asked, &proposed(ADAPTER)]), said);
    // Anybody may ask the same question, prepare a condition with it and be its oracle.
    let paid = log_of(CTF, &[PAID, "bad", STRANGER, &id], &["2", "40", "2", "1", "0"]);
    for forged in [reset(STRANGER), answer(STRANGER), proposed(STRANGER), paid] {
        let said = heard(&[&asked, &forged]);
        assert!(said.len() == 1 && said[0].contains("is not followed"), "{said:?}");
    }
    // A line names no other market for the chain's own word on one that is followed.
    let own = question(ADAPTER).replace(CONDITION, "KXUP-1");
    assert_eq!(heard(&[&own, &proposed(ADAPTER)]), ["1/1 Oracle Final Proposed(Pays(Yes)) 0"]);
    let oracle = "0x1111111111111111111111111111111111111111";
    let mut desk = NewsDesk::new(&catalog());
    let id_of = |at: &str| line::address(at).unwrap();
    let condition = condition_of(&id_of(oracle), &line::word(&id).unwrap());
    let mut listed = catalog().listings.remove(0);
    listed.native_market = line::hex(&condition);
    desk.follow(&listed);
    desk.take(&question(oracle).replace(CONDITION, "KXUP-1"), |_| {}).unwrap();
    let mut venues = Vec::new();
    desk.take(&reset(oracle), |dispatch| venues.push(dispatch.venue.0)).unwrap();
    assert_eq!(venues, [0]);
    let other = proposed(ADAPTER).replace(ORACLE, STRANGER);
    assert!(heard(&[&asked, &other])[0].contains("by another contract"));
}

#[test]
fn a_request_that_was_asked_anew_decides_nothing() {
    let asked = question(ADAPTER);
    let id = alloy_primitives::keccak256(b"q").to_string();
    let on = |topic, asked, price| word_on(ADAPTER, topic, asked, price);
    let reset = log_of(ADAPTER, &[RESET, &id], &[]);
    let (passed, disputed) = ("passed over", "0/0 Oracle Final Disputed 0");
    let is = |says: &str| format!("0/0 Oracle Final {says} 0");
    let lines = [
        (asked, None),
        (on(SETTLED, "5", ONE), Some(passed.to_owned())),
        (on(PROPOSED, "5", ONE), Some(is("Proposed(Pays(Yes))"))),
        (on(DISPUTED, "5", ONE), Some(disputed.to_owned())),
        (reset.clone(), Some(is("Reset"))),
        (on(SETTLED, "5", ONE), Some(passed.to_owned())),
        (on(PROPOSED, "9", "0"), Some(is("Proposed(Pays(No))"))),
        // The vote on the first request comes to its end.
        (on(SETTLED, "5", ONE), Some(passed.to_owned())),
        (on(DISPUTED, "5", ONE), Some(passed.to_owned())),
        // The second dispute does not ask anew: its vote is what the adapter waits for.
        (on(DISPUTED, "9", "0"), Some(disputed.to_owned())),
        (on(SETTLED, "9", "0"), Some(is("Decided(Pays(No))"))),
    ];
    let texts: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
    let wanted: Vec<String> = lines.iter().filter_map(|(_, said)| said.clone()).collect();
    assert_eq!(heard(&texts), wanted);
}
