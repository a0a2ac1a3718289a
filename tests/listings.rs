//! Discovery against what venues really answered: every recorded body of markets and events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dutchbook_book::Price;
use dutchbook_feeds::listing::{Page, kalshi, polymarket};
use harness::{data, vectors};
use serde_json::Value;

/// The events of a Gamma recording, out of their recorder's envelopes.
fn gamma_events(file: &str) -> Vec<polymarket::Event> {
    let Some(text) = data::text(&format!("polymarket/rest/{file}")) else { return Vec::new() };
    let value: Value = serde_json::from_str(&text).unwrap();
    let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let unwrap = |entry: &Value| entry.get("data").unwrap_or(entry).to_string();
    let read = |entry: &Value| polymarket::one_event(unwrap(entry).as_bytes()).unwrap();
    list.iter().map(read).collect()
}

#[test]
fn gamma_events_are_read_whole() {
    let politics = gamma_events("gamma_events_politics_20260127T1149.json.zst");
    if politics.is_empty() {
        return;
    }
    let markets: usize = politics.iter().map(|event| event.markets.len()).sum();
    let neg_risk = politics.iter().filter(|event| event.is_neg_risk).count();
    let refused: usize = politics.iter().map(|event| event.refused).sum();
    // Two placeholders have no condition on the chain yet: they are refused, and their event is not
    // exhaustive then.
    assert_eq!((politics.len(), markets, neg_risk, refused), (30, 507, 8, 2));
    let macros = gamma_events("gamma_events_macro_20260127T1222.json.zst");
    let markets: usize = macros.iter().map(|event| event.markets.len()).sum();
    assert_eq!((macros.len(), markets), (24, 137));
    let games = gamma_events("gamma_events_nba_202601.json.zst");
    let markets: usize = games.iter().map(|event| event.markets.len()).sum();
    assert_eq!((games.len(), markets), (50, 738));
    println!("data: 104 events of Gamma");
}

#[test]
fn an_augmented_event_says_so_and_its_placeholders_do_not_trade() {
    let events = gamma_events("gamma_event_president_2028_20260127T1122.json.zst");
    let Some(event) = events.first() else { return };
    assert!(event.is_neg_risk && event.is_augmented);
    let trading = event.markets.iter().filter(|m| m.stage == polymarket::Stage::Trading);
    assert_eq!((event.markets.len(), trading.count()), (128, 30));
}

#[test]
fn gamma_markets_have_what_trading_needs() {
    let Some(text) = data::text("polymarket/rest/gamma_markets_202606_5.json") else { return };
    let page = polymarket::markets(text.as_bytes()).unwrap();
    assert_eq!((page.items.len(), page.refused.len()), (5, 0));
    for market in &page.items {
        assert!(market.tokens.is_some() && market.tick.is_some() && market.min_qty.is_some());
        assert!(!market.rules.is_empty() && market.closes.is_some());
    }
}

fn kalshi_markets(file: &str) -> Option<Page<kalshi::Market>> {
    let text = data::text(&format!("kalshi/rest/demo_202606/{file}"))?;
    Some(kalshi::markets(text.as_bytes()).unwrap())
}

#[test]
fn kalshi_markets_are_read_whole() {
    let Some(page) = kalshi_markets("markets__status_open.json.zst") else { return };
    assert_eq!((page.items.len(), page.refused.as_slice()), (200, &[][..]));
    assert!(page.items.iter().all(|market| market.stage == kalshi::Stage::Active));
    for file in ["markets__page1.json", "markets__page2.json", "markets__page3.json"] {
        let page = kalshi_markets(file).unwrap();
        assert!(!page.items.is_empty() && page.refused.is_empty(), "{file}");
    }
    let page = kalshi_markets("markets__high_temp.json").unwrap();
    let strikes = page.items.iter().filter(|market| market.strike != kalshi::Strike::Other);
    assert!(strikes.count() > 1);
    let last = kalshi_markets("markets__single_filter_lastpage.json").unwrap();
    assert_eq!(last.next, None);
    let settled = kalshi_markets("markets__status_settled.json").unwrap();
    assert!(settled.items.iter().all(|market| market.stage == kalshi::Stage::Finalized));
}

#[test]
fn kalshi_events_say_what_excludes_what() {
    let Some(text) = data::text("kalshi/rest/prod_202511_events_200.json") else { return };
    let page = kalshi::events(text.as_bytes()).unwrap();
    assert_eq!((page.items.len(), page.refused.len()), (200, 0));
    assert!(page.next.is_some());
    let exclusive = page.items.iter().filter(|event| event.is_exclusive).count();
    assert!(exclusive > 0 && exclusive < 200, "{exclusive}");
}

#[test]
fn kalshi_bodies_equal_the_vectors() {
    let Some(file) = vectors::load("kalshi", "rest_parse") else { return };
    let cases = vectors::list(&file, "cases");
    let mut checked = 0;
    for case in cases {
        let name = vectors::text(case, "name");
        if !name.starts_with("market_") {
            continue;
        }
        let body = &case["body"];
        let body = match body.get("market") {
            Some(_) => body.to_string(),
            None => format!("{{\"market\":{body}}}"),
        };
        let market = kalshi::markets(body.as_bytes()).unwrap().items.remove(0);
        let expect = &case["expect"];
        assert_eq!(expect["ticker"], market.ticker.as_str(), "{name}");
        assert_eq!(expect["event_ticker"], market.event.as_str(), "{name}");
        let timer = expect["settlement_timer_seconds"].as_u64().unwrap();
        assert_eq!(market.settles_after.millis(), timer * 1_000, "{name}");
        let ranges = market.grid.ranges().iter();
        let ranges: Vec<_> =
            ranges.map(|r| [r.start, r.end, r.step].map(|p| p.micro() / 100)).collect();
        assert_eq!(expect["grid"], serde_json::json!(ranges), "{name}");
        let pips = |key: &str| expect[key].as_u64().filter(|pips| *pips > 0 && *pips < 10_000);
        let told = market.top.map(|side: Option<Price>| side.map(|p| u64::from(p.micro() / 100)));
        assert_eq!(told, [pips("yes_bid"), pips("yes_ask")], "{name}");
        let floor = expect["floor_strike"].as_i64();
        if let (kalshi::Strike::Above { floor_nano, .. }, Some(floor)) = (market.strike, floor) {
            assert_eq!(floor_nano, i128::from(floor) * 1_000_000_000, "{name}");
        }
        checked += 1;
    }
    assert!(checked >= 3);
    vectors::report("kalshi", "rest_parse (markets)", checked);
}
