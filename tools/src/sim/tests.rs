//! The venues as their clients see them.

use std::collections::BTreeMap;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::fee::UNIT_PER_MICRO;
use dutchbook_book::{BookId, Face, Grid, Level, Nanos, Price, Side};
use serde_json::Value;

use super::*;

const START: Nanos = Nanos::from_secs(1_790_000_000);
const KINDS: [VenueKind; 2] = [VenueKind::Polymarket, VenueKind::Kalshi];

fn venues(seed: u64, pace: Pace, faults: FaultPlan) -> SimVenues {
    let scenario = Scenario::demo(seed, Nanos::from_secs(12)).unwrap();
    SimVenues::new(scenario, FlowConfig::of(pace), faults, seed, START).unwrap()
}

/// Subscribes a client to everything that a venue lists.
fn subscribe(venues: &mut SimVenues, kind: VenueKind) -> SessionId {
    let id = venues.connect(kind, venues.now());
    let listings = venues.scenario().catalog.listings.iter().filter(|l| l.kind == kind);
    let text = match kind {
        VenueKind::Polymarket => {
            let tokens: Vec<&String> =
                listings.flat_map(|l| l.native_faces.iter().flatten()).collect();
            serde_json::json!({"assets_ids": tokens, "type": "market", "custom_feature_enabled": true})
        }
        VenueKind::Kalshi => {
            let tickers: Vec<&String> = listings.map(|l| &l.native_market).collect();
            serde_json::json!({"id": 1, "cmd": "subscribe", "params": {
                "channels": ["orderbook_delta", "ticker", "trade", "market_lifecycle_v2"],
                "market_tickers": tickers, "use_yes_price": false}})
        }
    };
    venues.on_text(id, &text.to_string(), venues.now());
    id
}

/// Runs for `seconds` in steps of `step_ms`; all frames of one connection, in order.
fn run(venues: &mut SimVenues, id: SessionId, seconds: u64, step_ms: u64) -> Vec<String> {
    let mut frames = Vec::new();
    let end = venues.now().plus(Nanos::from_secs(seconds));
    while venues.now() < end {
        let now = venues.now().plus(Nanos::from_millis(step_ms));
        venues.step(now);
        venues.take_frames(id, now, &mut frames);
    }
    frames
}

/// The keys of a frame in their order, of its first array entry or its `msg` too.
fn shape(frame: &str) -> String {
    let value: Value = serde_json::from_str(frame).unwrap();
    let keys = |value: &Value| {
        value.as_object().map_or_else(String::new, |object| {
            object.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
        })
    };
    let (brackets, root) = match value.get(0) {
        Some(first) => ("[]", first.clone()),
        None => ("", value),
    };
    let inner = root.get("price_changes").map_or(&root["msg"], |list| &list[0]);
    format!("{brackets}{} | {}", keys(&root), keys(inner))
}

fn kind_of(frame: &str) -> String {
    let value: Value = serde_json::from_str(frame).unwrap();
    let kind = value.get("event_type").or_else(|| value.get("type")).and_then(Value::as_str);
    let event = value.pointer("/msg/event_type").and_then(Value::as_str).unwrap_or("");
    format!("{}{event}", kind.unwrap_or("dump"))
}

/// Key order of every frame, as recorded or, where nothing was recorded, as documented.
const SHAPES: [(&str, &str); 20] = [
    ("best_bid_ask", "event_type market asset_id best_bid best_ask spread timestamp | "),
    ("book", "market asset_id bids asks hash timestamp event_type | "),
    ("dump", "[]market asset_id timestamp hash bids asks tick_size event_type last_trade_price | "),
    (
        "last_trade_price",
        "market asset_id price size fee_rate_bps side timestamp event_type transaction_hash | ",
    ),
    (
        "event_lifecycle",
        "type sid seq msg | event_ticker exchange_index title subtitle collateral_return_type series_ticker",
    ),
    ("market_lifecycle_v2activated", "type sid seq msg | event_type market_ticker"),
    (
        "market_lifecycle_v2created",
        "type sid seq msg | event_type market_ticker exchange_index open_ts close_ts price_level_structure additional_metadata",
    ),
    (
        "market_lifecycle_v2close_date_updated",
        "type sid seq msg | market_ticker close_ts event_type",
    ),
    (
        "market_lifecycle_v2determined",
        "type sid seq msg | market_ticker determination_ts result settlement_value event_type",
    ),
    ("market_lifecycle_v2settled", "type sid seq msg | market_ticker settled_ts event_type"),
    (
        "market_resolved",
        "id market assets_ids winning_asset_id winning_outcome timestamp event_type tags | ",
    ),
    (
        "new_market",
        "id question market slug description assets_ids outcomes event_message timestamp event_type tags condition_id active clob_token_ids sports_market_type line game_start_time order_price_min_tick_size group_item_title taker_base_fee fees_enabled fee_schedule | ",
    ),
    ("ok", "type id sid seq msg | market_tickers"),
    (
        "orderbook_delta",
        "type sid seq msg | market_ticker market_id price_dollars delta_fp side ts ts_ms",
    ),
    (
        "orderbook_snapshot",
        "type sid seq msg | market_ticker market_id yes_dollars_fp no_dollars_fp",
    ),
    (
        "price_change",
        "market price_changes timestamp event_type | asset_id price size side hash best_bid best_ask",
    ),
    ("subscribed", "type id msg | channel sid"),
    ("tick_size_change", "event_type asset_id market old_tick_size new_tick_size timestamp | "),
    (
        "ticker",
        "type sid msg | market_ticker market_id price_dollars yes_bid_dollars yes_ask_dollars yes_bid_size_fp yes_ask_size_fp last_trade_size_fp volume_fp open_interest_fp dollar_volume dollar_open_interest ts ts_ms time",
    ),
    (
        "trade",
        "type sid seq msg | trade_id market_ticker yes_price_dollars no_price_dollars count_fp taker_side taker_outcome_side taker_book_side is_block_trade ts ts_ms",
    ),
];

#[test]
fn every_frame_has_the_recorded_key_order() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for kind in KINDS {
        let mut venues = venues(3, Pace::Calm, FaultPlan::default());
        let id = subscribe(&mut venues, kind);
        let ticker = venues.scenario().catalog.listings[1].native_market.clone();
        let mut frames = run(&mut venues, id, 20, 5);
        let add = format!(
            r#"{{"id":2,"cmd":"update_subscription","params":{{"sids":[1],"market_tickers":["{ticker}"],"action":"get_snapshot"}}}}"#
        );
        if kind == VenueKind::Kalshi {
            venues.on_text(id, &add, venues.now());
        }
        frames.extend(run(&mut venues, id, 1, 5));
        for frame in &frames {
            let shape = shape(frame);
            assert_eq!(seen.entry(kind_of(frame)).or_insert_with(|| shape.clone()), &shape);
        }
    }
    let expected: BTreeMap<String, String> =
        SHAPES.iter().map(|(k, s)| ((*k).to_owned(), (*s).to_owned())).collect();
    assert_eq!(seen, expected);
}

#[test]
fn numbers_and_separators_are_printed_as_recorded() {
    let mut venues = venues(3, Pace::Calm, FaultPlan::default());
    let id = subscribe(&mut venues, VenueKind::Polymarket);
    let frames = run(&mut venues, id, 3, 5);
    assert!(frames[0].starts_with(r#"[{"market":"0x"#) && frames[0].ends_with("\"}]\n"));
    assert!(!frames[0].contains(", "));
    let change = frames.iter().find(|frame| frame.contains("price_changes")).unwrap();
    assert!(change.contains(r#"", "price_changes":[{"asset_id":""#), "{change}");
    assert!(change.ends_with(r#"", "event_type":"price_change"}"#), "{change}");
    let id = subscribe(&mut venues, VenueKind::Kalshi);
    let frames = run(&mut venues, id, 3, 5);
    let delta =
        frames.iter().find(|frame| frame.starts_with(r#"{"type":"orderbook_delta""#)).unwrap();
    let value: Value = serde_json::from_str(delta).unwrap();
    let text = |key: &str| value["msg"][key].as_str().unwrap().to_owned();
    assert_eq!(text("price_dollars").len(), 6);
    assert_eq!(text("delta_fp").rsplit_once('.').unwrap().1.len(), 2);
    assert!(text("ts").ends_with('Z') && value["msg"]["ts_ms"].is_u64());
}

#[test]
fn one_seed_gives_the_same_bytes_whatever_the_steps() {
    let bytes = |seed, step_ms| {
        let mut venues = venues(seed, Pace::Calm, FaultPlan::default());
        let ids = KINDS.map(|kind| subscribe(&mut venues, kind));
        ids.map(|id| run(&mut venues.clone(), id, 5, step_ms))
    };
    assert_eq!(bytes(1, 1), bytes(1, 40));
    assert_ne!(bytes(1, 5), bytes(2, 5));
}

/// Sequence numbers of one subscription, in order.
fn sequence(frames: &[String], sid: u64) -> Vec<u64> {
    let of_sid = frames.iter().filter_map(|frame| {
        let value: Value = serde_json::from_str(frame).unwrap();
        (value["sid"].as_u64()? == sid).then(|| value["seq"].as_u64()).flatten()
    });
    of_sid.collect()
}

#[test]
fn kalshi_counts_snapshots_deltas_and_acks_of_a_subscription_together() {
    let mut venues = venues(5, Pace::Calm, FaultPlan::default());
    let tickers: Vec<String> = venues
        .scenario()
        .catalog
        .listings
        .iter()
        .filter(|l| l.kind == VenueKind::Kalshi)
        .map(|l| l.native_market.clone())
        .collect();
    let id = venues.connect(VenueKind::Kalshi, START);
    let mut frames = Vec::new();
    let mut say = |venues: &mut SimVenues, text: String| {
        venues.on_text(id, &text, venues.now());
        frames.extend(run(venues, id, 1, 5));
    };
    let (a, b) = (&tickers[0], &tickers[1]);
    let subscribe = |n: u32, list: &str| {
        format!(
            r#"{{"id":{n},"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":[{list}],"use_yes_price":false}}}}"#
        )
    };
    let update = |n: u32, action: &str| {
        format!(
            r#"{{"id":{n},"cmd":"update_subscription","params":{{"sids":[1],"market_tickers":["{b}"],"action":"{action}"}}}}"#
        )
    };
    say(&mut venues, subscribe(1, &format!(r#""{a}""#)));
    say(&mut venues, subscribe(2, &format!(r#""{a}","{b}""#)));
    say(&mut venues, update(3, "get_snapshot"));
    say(&mut venues, update(4, "delete_markets"));
    say(&mut venues, update(5, "add_markets"));
    say(&mut venues, update(6, "explode"));
    say(&mut venues, r#"{"id":7,"cmd":"list_subscriptions"}"#.to_owned());
    say(&mut venues, r#"{"id":8,"cmd":"unsubscribe","params":{"sids":[1]}}"#.to_owned());
    say(&mut venues, r#"{"id":9,"cmd":"unsubscribe","params":{"sids":[1]}}"#.to_owned());
    let seqs = sequence(&frames, 1);
    assert!(seqs.len() > 20);
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let count = |what: &str| frames.iter().filter(|frame| frame.contains(what)).count();
    // One for A; one for B when added, when asked for, and when added again.
    assert_eq!(count(r#""type":"orderbook_snapshot""#), 4);
    assert_eq!(count(r#""type":"ok","id""#), 4);
    assert_eq!(count(r#"{"id":8,"sid":1,"seq":"#), 1);
    assert_eq!(count(r#"{"id":6,"type":"error","msg":{"code":13"#), 1);
    assert_eq!(count(r#"{"id":9,"type":"error","msg":{"code":7"#), 1);
    assert_eq!(count(r#"{"id":7,"type":"ok","msg":[{"channel":"orderbook_delta","sid":1}]}"#), 1);
}

#[test]
fn scripted_faults_strike_once_and_are_counted() {
    let at = |ms| START.plus(Nanos::from_millis(ms));
    let fault = |ms, kind| ScriptedFault { at: at(ms), venue: VenueKind::Kalshi, kind };
    let script = vec![
        fault(200, FaultKind::Drop),
        fault(400, FaultKind::Duplicate),
        fault(600, FaultKind::SkipSequence),
        fault(800, FaultKind::Delay(Nanos::from_millis(50))),
        fault(1_000, FaultKind::Freeze(Nanos::from_millis(500))),
        fault(2_500, FaultKind::Disconnect),
    ];
    let plan = FaultPlan { script, ..FaultPlan::default() };
    let mut venues = venues(1, Pace::Busy, plan);
    let id = subscribe(&mut venues, VenueKind::Kalshi);
    let frames = run(&mut venues, id, 2, 1);
    let mut all: Vec<u64> = sequence(&frames, 1);
    all.extend(sequence(&frames, 3));
    let seqs = sequence(&frames, 1);
    let repeats = all.windows(2).filter(|w| w[0] == w[1]).count();
    let holes = seqs.windows(2).filter(|w| w[1] > w[0] + 1).count();
    assert!(repeats <= 1 && (2..=3).contains(&holes), "{repeats} repeats, {holes} holes");
    assert!(venues.closed(id).is_none());
    run(&mut venues, id, 1, 1);
    assert_eq!(venues.closed(id), Some(venue::Closed::ByFault));
    let faults = venues.stats().faults;
    let counts = [faults.drops, faults.duplicates, faults.skips, faults.delays, faults.freezes];
    assert_eq!((counts, faults.disconnects), ([1; 5], 1));
}

#[test]
fn a_client_that_does_not_read_is_dropped() {
    let mut venues = venues(1, Pace::Busy, FaultPlan::default());
    let id = subscribe(&mut venues, VenueKind::Polymarket);
    venues.step(START.plus(Nanos::from_secs(20)));
    assert_eq!(venues.closed(id), Some(venue::Closed::TooSlow));
    assert_eq!(venues.stats().too_slow, 1);
}

#[test]
fn kalshi_changes_fees_and_grids_while_it_trades() {
    let mut scenario = Scenario::demo(1, Nanos::from_secs(12)).unwrap();
    let ticker = "KXFEDDECISION-26DEC-C25";
    let (book, _) = scenario.book_of_native(ticker).unwrap();
    let deci = Price::from_micro(1_000).map(Grid::uniform).unwrap().unwrap();
    let refee = |multiplier_nano| VenueChange::Refee { book, multiplier_nano };
    scenario.change(Nanos::from_secs(1), VenueChange::Regrid { book, grid: deci });
    scenario.change(Nanos::from_secs(2), refee(Some(500_000_000)));
    scenario.change(Nanos::from_secs(4), refee(None));
    let flow = FlowConfig::of(Pace::Calm);
    let mut venues = SimVenues::new(scenario, flow, FaultPlan::default(), 1, START).unwrap();
    let id = subscribe(&mut venues, VenueKind::Kalshi);
    let read = |venues: &mut SimVenues, path: String| -> Value {
        let path = format!("/trade-api/v2{path}");
        let request =
            door::HttpRequest { method: "GET", path: &path, query: "", headers: &[], body: b"" };
        let now = venues.now();
        serde_json::from_slice(&venues.on_request(VenueKind::Kalshi, &request, now).body).unwrap()
    };
    let mut frames = run(&mut venues, id, 3, 5);
    let event = read(&mut venues, format!("/events/{ticker}"))["event"].clone();
    assert_eq!(event["fee_multiplier_override"], serde_json::json!(0.5), "{event}");
    let market = read(&mut venues, format!("/markets/{ticker}"))["market"].clone();
    assert_eq!(market["price_level_structure"], "deci_cent", "{market}");
    frames.extend(run(&mut venues, id, 2, 5));
    let event = read(&mut venues, format!("/events/{ticker}"))["event"].clone();
    assert!(event.get("fee_multiplier_override").is_none(), "{event}");
    let of = |kind: &str| -> Vec<Value> {
        let all = frames.iter().filter(|frame| kind_of(frame) == kind);
        all.map(|frame| serde_json::from_str::<Value>(frame).unwrap()["msg"].clone()).collect()
    };
    let fees = of("event_fee_update");
    let told: Vec<&Value> = fees.iter().map(|msg| &msg["fee_multiplier_override"]).collect();
    assert_eq!(told, [&serde_json::json!(0.5), &Value::Null]);
    let grids = of("market_lifecycle_v2price_level_structure_updated");
    assert_eq!(grids[0]["price_ranges"][0]["step"], "0.0010");
    // Makers use the finer prices at once.
    let fine = venues.levels(book, Face::Yes, Side::Buy);
    assert!(fine.iter().any(|level| level.price.micro() % 10_000 != 0), "{fine:?}");
}

#[test]
fn a_venue_where_nobody_trades_stays_as_it_was_opened() {
    let scenario = Scenario::lasting(3, None).unwrap();
    let flow = FlowConfig::of(Pace::None);
    let mut venues = SimVenues::new(scenario, flow, FaultPlan::default(), 3, START).unwrap();
    venues.step(START.plus(Nanos::from_secs(1)));
    let opened = venues.stats();
    venues.step(START.plus(Nanos::from_secs(200)));
    assert!(opened.operations > 0);
    assert_eq!(
        (venues.stats().operations, venues.stats().trades),
        (opened.operations, opened.trades)
    );
}

#[test]
fn hostile_clients_get_an_error_and_nothing_breaks() {
    let mut venues = venues(1, Pace::None, FaultPlan::default());
    let huge = format!(r#"{{"assets_ids":["{}"]}}"#, "7".repeat(40_000));
    let deep = "[".repeat(30_000);
    let texts = ["", "{", "null", "PING", r#"{"cmd":"subscribe"}"#, r#"{"assets_ids":7}"#];
    for kind in KINDS {
        let id = venues.connect(kind, START);
        for text in texts.into_iter().chain([huge.as_str(), deep.as_str()]) {
            venues.on_text(id, text, START);
        }
        assert_eq!(venues.closed(id), None);
        venues.on_text(id, &"x".repeat(venue::CLIENT_TEXT_BYTES_MAX + 1), START);
        assert_eq!(venues.closed(id), Some(venue::Closed::TooLong));
    }
}

/// One stretch of time in which a set of orders gains after fees at the best prices.
#[derive(Default)]
struct Episodes {
    open: BTreeMap<usize, (i64, u32)>,
    /// Largest gain in 1e-6 $ and life in milliseconds.
    ended: Vec<(usize, i64, u32)>,
}

/// What the legs gain per contract after unrounded fees, in 1e-6 $.
fn gain(venues: &SimVenues, legs: &[(BookId, Side)], payoff: i64) -> Option<i64> {
    let mut unit = payoff * UNIT_PER_MICRO;
    for (book, side) in legs {
        let fee = &venues.scenario().catalog.listing(*book)?.fee;
        let best: Level = *venues.levels(*book, Face::Yes, side.other()).last()?;
        unit += match side {
            Side::Buy => -fee.unit_cost(best.price),
            Side::Sell => fee.unit_proceeds(best.price),
        };
    }
    Some(unit / UNIT_PER_MICRO)
}

#[test]
fn mispricings_arise_are_small_and_die() {
    const STEP_MS: u32 = 3_100;
    let mut venues = venues(1, Pace::Calm, FaultPlan::default());
    let baskets = flow::baskets(venues.scenario());
    let mut episodes = Episodes::default();
    for _ in 0..900_000 / STEP_MS {
        venues.step(venues.now().plus(Nanos::from_millis(u64::from(STEP_MS))));
        for (index, basket) in baskets.iter().enumerate() {
            match gain(&venues, &basket.legs, basket.payoff).filter(|gain| *gain > 0) {
                Some(gain) => {
                    let (best, life) = episodes.open.entry(index).or_default();
                    *best = gain.max(*best);
                    *life += STEP_MS;
                }
                None => {
                    let done = episodes.open.remove(&index);
                    episodes.ended.extend(done.map(|(best, life)| (index, best, life)));
                }
            }
        }
    }
    let mut gains: Vec<i64> = episodes.ended.iter().map(|(_, gain, _)| *gain).collect();
    let mut lives: Vec<u32> = episodes.ended.iter().map(|(_, _, life)| *life).collect();
    gains.sort_unstable();
    lives.sort_unstable();
    let count = gains.len();
    let legs = |want: usize| {
        let of_size =
            episodes.ended.iter().filter(|(index, ..)| baskets[*index].legs.len() == want);
        of_size.count()
    };
    let inverted = |(index, ..): &&(usize, i64, u32)| {
        baskets[*index].legs.len() == 2 && baskets[*index].payoff != 0
    };
    println!("{} inverted", episodes.ended.iter().filter(inverted).count());
    println!(
        "{count} episodes ({} of eight legs, {} of five) in fifteen minutes; gain median {} largest {} \
         (1e-6 $); life median {} ms, ninth decile {} ms",
        legs(8),
        legs(5),
        gains[count / 2],
        gains[count - 1],
        lives[count / 2],
        lives[count * 9 / 10],
    );
    // Recorded pairs: 0.1 to 1.3 cents, a quarter minute at the median (docs/flow.md).
    assert!((20..400).contains(&count), "{count}");
    assert!((1_000..15_000).contains(&gains[count / 2]), "{}", gains[count / 2]);
    assert!(gains[count * 9 / 10] < 30_000, "{}", gains[count * 9 / 10]);
    assert!((2_000..40_000).contains(&lives[count / 2]), "{}", lives[count / 2]);
    assert!(legs(8) > 0);
}

#[test]
fn the_calm_pace_is_a_few_hundred_frames_a_second_and_busy_a_few_thousand() {
    for (pace, low, high) in [(Pace::Calm, 200, 1_000), (Pace::Busy, 2_000, 9_000)] {
        let mut venues = venues(2, pace, FaultPlan::default());
        let ids = KINDS.map(|kind| subscribe(&mut venues, kind));
        let mut frames = Vec::new();
        for _ in 0..1_000 {
            venues.step(venues.now().plus(Nanos::from_millis(10)));
            for id in ids {
                venues.take_frames(id, venues.now(), &mut frames);
            }
        }
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for frame in &frames {
            *kinds.entry(kind_of(frame)).or_default() += 1;
        }
        let rate = frames.len() / 10;
        println!("{pace:?}: {rate} frames/s; in 10 s {kinds:?}");
        assert!((low..high).contains(&rate), "{pace:?} {rate}");
    }
}

#[test]
fn a_decided_event_leaves_quotes_behind_on_the_slower_venue() {
    for seed in 1..6 {
        let mut venues = venues(seed, Pace::Calm, FaultPlan::default());
        venues.step(START.plus(Nanos::from_millis(13_500)));
        let closed: Vec<BookId> = venues
            .scenario()
            .catalog
            .listings
            .iter()
            .filter(|listing| venues.scenario().is_listed_at_start(listing.book))
            .filter(|listing| !venues.is_open(listing.book))
            .map(|listing| listing.book)
            .collect();
        let [kalshi] = closed.as_slice() else { panic!("{closed:?}") };
        assert!(venues.levels(*kalshi, Face::Yes, Side::Buy).is_empty());
        let pairings = &venues.scenario().pairings;
        let slower = pairings.iter().find(|pairing| pairing.right == *kalshi).unwrap().left;
        let ask = venues.levels(slower, Face::Yes, Side::Sell).last().copied();
        let ask = ask.map_or(1_000_000, |level| level.price.micro());
        assert!((980_000..1_000_000).contains(&ask), "a winner costs about what it pays: {ask}");
        venues.step(START.plus(Nanos::from_millis(18_500)));
        assert!(!venues.is_open(slower));
    }
}

#[test]
fn a_quiet_venue_leaves_its_clients_in_peace() {
    const SECONDS: u64 = 180;
    for seed in 1..=4 {
        let scenario = Scenario::lasting(seed, None).unwrap();
        let cents: Vec<BookId> = scenario
            .catalog
            .listings
            .iter()
            .filter(|listing| listing.grid.step() == 10_000)
            .map(|listing| listing.book)
            .collect();
        let kind_of = |book: &BookId| scenario.catalog.listing(*book).unwrap().kind;
        for kind in KINDS {
            assert!(cents.iter().filter(|book| kind_of(book) == kind).count() >= 2);
        }
        let flow = FlowConfig::of(Pace::Quiet);
        let mut venues =
            SimVenues::new(scenario.clone(), flow, FaultPlan::default(), seed, START).unwrap();
        let mut wide = vec![0; cents.len()];
        for second in 1..=SECONDS {
            venues.step(START.plus(Nanos::from_secs(second)));
            for (book, wide) in cents.iter().zip(&mut wide) {
                let best = |side| venues.levels(*book, Face::Yes, side).last().unwrap().price;
                let spread = best(Side::Sell).micro() - best(Side::Buy).micro();
                *wide += u64::from(spread >= 20_000);
            }
        }
        let trades = venues.stats().trades;
        // Both venues together.
        assert!((10..SECONDS).contains(&trades), "seed {seed}: {trades} trades");
        assert!(wide.iter().all(|wide| *wide * 10 > SECONDS * 8), "seed {seed}: {wide:?}");
    }
}
