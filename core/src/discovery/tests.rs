//! Lists as venues send them, one after the other, and what the directory makes of them.

use super::*;
use crate::relation::Law;
use dutchbook_book::{Price, Rate};
use dutchbook_feeds::listing::{kalshi, polymarket};

fn directory() -> Directory {
    let mut directory = Directory::new(Member::Direct);
    let room = Room { events: 10, books: 50 };
    directory.add_venue(VenueKind::Polymarket, room);
    directory.add_venue(VenueKind::Kalshi, room);
    directory
}

/// A market of Gamma, tokens made of its number.
fn market(number: u32, more: &str) -> String {
    format!(
        r#"{{"conditionId":"0x{number}","question":"Q{number}?","outcomes":"[\"Yes\", \"No\"]",
        "clobTokenIds":"[\"{number}1\", \"{number}2\"]","active":true,"acceptingOrders":true,
        "enableOrderBook":true,"orderPriceMinTickSize":0.01,"orderMinSize":5,"negRisk":true,
        "negRiskMarketID":"0xe","feesEnabled":false,"description":"rules {number}"{more}}}"#
    )
}

fn event(more: &str, markets: &[String]) -> polymarket::Event {
    let json = format!(
        r#"{{"id":"7","slug":"s","title":"T","negRisk":true,"negRiskMarketID":"0xe"{more},
        "markets":[{}]}}"#,
        markets.join(",")
    );
    polymarket::one_event(json.as_bytes()).unwrap()
}

fn take(directory: &mut Directory, event: &polymarket::Event) -> Vec<Change> {
    let mut changes = Vec::new();
    directory.take_polymarket(event, |_| None, &mut changes);
    changes
}

fn three() -> Vec<String> {
    (1..=3).map(|number| market(number, "")).collect()
}

#[test]
fn a_whole_neg_risk_event_is_a_partition() {
    let mut directory = directory();
    let changes = take(&mut directory, &event("", &three()));
    assert_eq!(changes.len(), 3);
    let relations = directory.relations();
    assert!(matches!(&relations[..], [one] if matches!(one.law, Law::Partition { .. })));
    let listing = &directory.catalog().listings[0];
    assert_eq!(listing.native_faces, Some(["11".to_owned(), "12".to_owned()]));
    assert_ne!(directory.catalog().terms[0].rules_hash, directory.catalog().terms[1].rules_hash);
}

#[test]
fn what_is_not_all_is_at_most_one() {
    // Augmented; one placeholder; one that could not be read; one that lacks its fee.
    let placeholder = market(3, r#","active":false"#).replace(r#""active":true,"#, "");
    let unreadable = r#"{"conditionId":"0x9"}"#.to_owned();
    let no_fee = market(3, "").replace(r#""feesEnabled":false,"#, "");
    let pair = || vec![market(1, ""), market(2, "")];
    let with = |one: String| [pair(), vec![one]].concat();
    for (more, markets) in [
        (r#","negRiskAugmented":true"#, three()),
        ("", with(placeholder)),
        ("", with(unreadable)),
        ("", with(no_fee)),
    ] {
        let mut directory = directory();
        take(&mut directory, &event(more, &markets));
        let relations = directory.relations();
        assert!(
            matches!(&relations[..], [one] if matches!(one.law, Law::Exclusive { .. })),
            "{more} {markets:?}"
        );
    }
}

#[test]
fn an_outcome_that_was_decided_against_leaves_a_partition_of_the_rest() {
    let out = r#","closed":true,"outcomePrices":"[\"0\", \"1\"]""#;
    let markets = [market(1, ""), market(2, ""), market(3, out)];
    let mut directory = directory();
    take(&mut directory, &event("", &markets));
    let relations = directory.relations();
    assert!(
        matches!(&relations[..], [one] if matches!(&one.law, Law::Partition { outcomes } if outcomes.len() == 2))
    );
    // Decided for one: nothing of it is entered.
    let won = r#","closed":true,"outcomePrices":"[\"1\", \"0\"]""#;
    let mut directory = self::directory();
    assert_eq!(take(&mut directory, &event("", &[market(1, ""), market(2, won)])), []);
    assert_eq!(directory.refused().get(&Refusal::Decided), Some(&1));
}

#[test]
fn a_newer_list_says_what_changed_and_only_that() {
    let mut directory = directory();
    take(&mut directory, &event("", &three()));
    assert_eq!(take(&mut directory, &event("", &three())), []);
    let [a, b, c] = [BookId(0), BookId(1), BookId(2)];
    let fee = r#","feeSchedule":{"rate":0.04,"exponent":1,"takerOnly":true}"#;
    let newer = [
        market(1, "").replace("0.01", "0.001"),
        market(2, fee).replace(r#""feesEnabled":false,"#, ""),
        market(3, "").replace("rules 3", "other rules"),
    ];
    let grid = Grid::uniform(Price::from_micro(1_000).unwrap()).unwrap();
    let rate = Rate::from_nano(40_000_000);
    assert_eq!(
        take(&mut directory, &event("", &newer)),
        [Change::Grid(a, grid), Change::Fee(b, FeeSchedule::polymarket(rate, 1)), Change::Rules(c)]
    );
    let over = [
        newer[0].clone(),
        market(2, r#","closed":true,"outcomePrices":"[\"1\", \"0\"]""#),
        market(3, "").replace(r#""acceptingOrders":true"#, r#""acceptingOrders":false"#),
    ];
    let changes = take(&mut directory, &event("", &over));
    assert!(changes.contains(&Change::Trading(b, Trading::Closed)));
    assert!(changes.contains(&Change::Resolved { book: b, winner: Face::Yes, is_final: true }));
    assert!(changes.contains(&Change::Trading(c, Trading::Halted)));
    let again = take(&mut directory, &event("", &over));
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn an_outcome_added_to_a_partition_closes_its_gate() {
    let mut directory = directory();
    take(&mut directory, &event("", &three()));
    let four = [three(), vec![market(4, "")]].concat();
    let changes = take(&mut directory, &event("", &four));
    assert_eq!(changes, [BookId(0), BookId(1), BookId(2)].map(Change::Rules));
}

#[test]
fn an_event_that_finds_no_room_is_left_out_whole() {
    let mut directory = Directory::new(Member::Direct);
    directory.add_venue(VenueKind::Polymarket, Room { events: 10, books: 2 });
    assert_eq!(take(&mut directory, &event("", &three())), []);
    assert_eq!(directory.refused().get(&Refusal::NoRoom), Some(&1));
}

#[test]
fn tokens_that_two_replies_name_differently_are_refused() {
    let mut directory = directory();
    let body = br#"{"c":"0x1","t":[{"t":"12","o":"Yes"},{"t":"11","o":"No"}],"mts":0.01,"mos":5}"#;
    let swapped = polymarket::terms(body).unwrap();
    let mut changes = Vec::new();
    let event = event("", &[market(1, ""), market(2, "")]);
    directory.take_polymarket(&event, |id| (id == "0x1").then_some(&swapped), &mut changes);
    assert_eq!(directory.refused().get(&Refusal::Tokens), Some(&1));
    assert_eq!(changes, [Change::Listed(BookId(0))]);
}

#[test]
fn a_market_that_appears_later_takes_a_free_book() {
    let mut directory = directory();
    take(&mut directory, &event("", &three()));
    directory.reserve(1);
    // One free book for each of the two venues.
    let books = directory.catalog().listings.len();
    assert_eq!(books, 5);
    let free = directory.catalog().listings[3].clone();
    assert!(free.is_free() && free.kind == VenueKind::Polymarket);
    let other = event("", &[market(7, "")]);
    let other = polymarket::Event { id: "other".to_owned(), ..other };
    assert_eq!(take(&mut directory, &other), [Change::Listed(BookId(3))]);
    let listing = directory.catalog().listings[3].clone();
    assert_eq!((listing.native_market.as_str(), listing.condition), ("0x7", free.condition));
    assert!(directory.is_trading("0x7") && directory.catalog().listings.len() == books);
    // No room is left: the next one is counted and waits for the next start.
    let third = polymarket::Event { id: "third".to_owned(), ..event("", &[market(8, "")]) };
    assert_eq!(take(&mut directory, &third), []);
    assert_eq!(directory.refused().get(&Refusal::NoRoom), Some(&1));
}

#[test]
fn an_event_that_appears_later_is_bound_by_its_law_or_left_out_whole() {
    let other = |numbers: core::ops::Range<u32>| {
        let markets: Vec<String> = numbers.map(|number| market(number, "")).collect();
        polymarket::Event { id: "other".to_owned(), ..event("", &markets) }
    };
    let mut directory = directory();
    take(&mut directory, &event("", &three()));
    directory.reserve(3);
    let size = |directory: &Directory| {
        let catalog = directory.catalog();
        [catalog.listings.len(), catalog.conditions.len(), catalog.events.len()]
    };
    let before = size(&directory);
    assert_eq!(take(&mut directory, &other(10..14)), []);
    assert_eq!(directory.refused().get(&Refusal::NoRoom), Some(&1), "four find no room for three");
    assert_eq!(take(&mut directory, &other(10..13)).len(), 3);
    assert_eq!(size(&directory), before, "an engine has no more room than at its start");
    let relations = directory.relations();
    let is_whole =
        |one: &Relation| matches!(&one.law, Law::Partition { outcomes } if outcomes.len() == 3);
    assert_eq!(relations.iter().filter(|one| is_whole(one)).count(), 2, "{relations:?}");
}

#[test]
fn a_rung_that_appears_later_takes_its_place_in_the_ladder() {
    let above = |floor: &'static str| ("greater", floor);
    let (low, mid) = (above(r#""floor_strike":80,"#), above(r#""floor_strike":85,"#));
    let high = above(r#""floor_strike":90,"#);
    // The venue numbers its markets by their place in the list: the new one comes last there.
    for (late, is_ladder) in [(mid, true), (("between", ""), false)] {
        let mut directory = directory();
        let mut changes = Vec::new();
        let first = kalshi_event(false, &[low, high]);
        directory.take_kalshi(&first, Some(&series()), &mut changes);
        directory.reserve(1);
        let later = kalshi_event(false, &[low, high, late]);
        changes.clear();
        directory.take_kalshi(&later, Some(&series()), &mut changes);
        assert!(matches!(changes[..], [Change::Listed(_)]), "{changes:?}");
        let names = |directory: &Directory| -> Vec<String> {
            let relations = directory.relations();
            let Some(Law::Ladder { rungs }) = relations.first().map(|one| one.law.clone()) else {
                return Vec::new();
            };
            let name = |id: &dutchbook_book::InstrumentId| {
                directory.catalog().listing(id.book()).unwrap().native_market.clone()
            };
            rungs.iter().flatten().map(name).collect()
        };
        let expected: &[&str] = if is_ladder { &["E-0", "E-2", "E-1"] } else { &[] };
        assert_eq!(names(&directory), expected);
    }
}

fn kalshi_event(is_exclusive: bool, strikes: &[(&str, &str)]) -> kalshi::Event {
    let markets = strikes.iter().enumerate().map(|(at, (kind, strike))| {
        format!(
            r#"{{"ticker":"E-{at}","event_ticker":"E","status":"active","strike_type":"{kind}",
            {strike}"title":"t{at}","price_ranges":[{{"start":"0.0000","end":"1.0000","step":"0.0100"}}]}}"#
        )
    });
    let markets: Vec<_> = markets.collect();
    let json = format!(
        r#"{{"event":{{"event_ticker":"E","series_ticker":"S","title":"E",
        "mutually_exclusive":{is_exclusive},"markets":[{}]}}}}"#,
        markets.join(",")
    );
    kalshi::one_event(json.as_bytes()).unwrap()
}

fn series() -> kalshi::Series {
    let body = br#"{"series":{"ticker":"S","fee_type":"quadratic","fee_multiplier":1}}"#;
    kalshi::series(body).unwrap().items.remove(0)
}

fn law_of(event: &kalshi::Event) -> (Vec<String>, Option<Law>) {
    let mut directory = directory();
    let mut changes = Vec::new();
    directory.take_kalshi(event, Some(&series()), &mut changes);
    let listed = directory.catalog().listings.iter().map(|l| l.native_market.clone()).collect();
    (listed, directory.relations().first().map(|relation| relation.law.clone()))
}

#[test]
fn strikes_of_one_comparison_are_a_ladder_whatever_their_order() {
    let above = |floor: &'static str| ("greater", floor);
    let event = kalshi_event(
        false,
        &[
            above(r#""floor_strike":90,"#),
            above(r#""floor_strike":80,"#),
            above(r#""floor_strike":85.5,"#),
        ],
    );
    let (listed, law) = law_of(&event);
    assert_eq!(listed, ["E-1", "E-2", "E-0"]);
    assert!(matches!(law, Some(Law::Ladder { rungs }) if rungs.len() == 3));
    let below =
        kalshi_event(false, &[("less", r#""cap_strike":80,"#), ("less", r#""cap_strike":90,"#)]);
    let (listed, law) = law_of(&below);
    assert_eq!(listed, ["E-1", "E-0"], "below 80 implies below 90");
    assert!(matches!(law, Some(Law::Ladder { .. })));
}

#[test]
fn buckets_without_a_gap_are_all_outcomes_and_add_up_to_the_cumulative_strike() {
    let strikes = [
        ("less", r#""cap_strike":58,"#),
        ("between", r#""floor_strike":58,"cap_strike":59,"#),
        ("greater", r#""floor_strike":59,"#),
        ("greater_or_equal", r#""floor_strike":58,"#),
    ];
    let mut directory = directory();
    directory.take_kalshi(&kalshi_event(true, &strikes[..3]), Some(&series()), &mut Vec::new());
    let found = directory.relations();
    assert!(
        found
            .iter()
            .any(|one| matches!(&one.law, Law::Partition { outcomes } if outcomes.len() == 3))
    );
    assert!(!found.iter().any(|one| matches!(one.law, Law::Exclusive { .. })), "the weaker law");
    let mut directory = self::directory();
    directory.take_kalshi(&kalshi_event(false, &strikes), Some(&series()), &mut Vec::new());
    let found = directory.relations();
    // NO of "below 58" and "at least 58" are one rung; either may stand for it.
    let is_bundle =
        |one: &Relation| matches!(&one.law, Law::Bundle { parts, .. } if parts.len() == 2);
    assert!(found.iter().any(is_bundle), "{found:?}");
}

#[test]
fn equal_or_unstated_strikes_bind_nothing_and_exclusive_is_at_most_one() {
    let mixed =
        [("greater", r#""floor_strike":80,"#), ("greater_or_equal", r#""floor_strike":90,"#)];
    assert!(matches!(law_of(&kalshi_event(false, &mixed)).1, Some(Law::Ladder { .. })));
    for strikes in [
        [("greater", r#""floor_strike":80,"#), ("greater", r#""floor_strike":80,"#)],
        [("greater", r#""floor_strike":80,"#), ("between", "")],
        [("custom", ""), ("custom", "")],
    ] {
        assert_eq!(law_of(&kalshi_event(false, &strikes)).1, None, "{strikes:?}");
    }
    let strikes = [("custom", ""), ("custom", "")];
    let (_, law) = law_of(&kalshi_event(true, &strikes));
    assert!(matches!(law, Some(Law::Exclusive { .. })));
}

#[test]
fn a_market_without_a_known_fee_is_not_followed() {
    let mut directory = directory();
    let mut changes = Vec::new();
    let event = kalshi_event(false, &[("custom", "")]);
    directory.take_kalshi(&event, None, &mut changes);
    assert_eq!(changes, []);
    assert_eq!(directory.refused().get(&Refusal::Fee), Some(&1));
}
