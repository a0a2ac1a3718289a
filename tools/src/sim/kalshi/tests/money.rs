//! Money: everything is accounted for, whatever is traded, resolved and paid.

use dutchbook_book::Nanos;
use serde_json::json;

use super::super::super::Pace;
use super::super::super::rng::Rng;
use super::{ORDERS, World, order_of};

const MARKETS: [&str; 5] = [
    "KXFEDDECISION-26DEC-C25",
    "KXNBAGAME-26NOV22HAWCOM-HAW",
    "KXALBUM-27-AUR",
    "KXCPIYOY-26NOV-T2.9",
    "KXCEASEFIRE-27MAR01",
];

/// One random thing that a member does.
fn act(world: &mut World, who: usize, rng: &mut Rng) {
    let ticker = MARKETS[usize::try_from(rng.below(5)).unwrap()];
    let cents = rng.between(2, 98);
    let price = format!("0.{cents:02}00");
    let count = format!("{}.{:02}", rng.between(0, 40), rng.between(1, 99));
    let side = if rng.coin() { "bid" } else { "ask" };
    let more = match rng.below(5) {
        0 => json!({ "time_in_force": "immediate_or_cancel" }),
        1 => json!({ "time_in_force": "fill_or_kill" }),
        2 => json!({ "self_trade_prevention_type": "maker" }),
        3 => json!({ "time_in_force": "immediate_or_cancel", "reduce_only": true }),
        _ => json!({ "expiration_time": world.now.0 / 1_000_000_000 + 3 }),
    };
    let resting = world.get(who, "/portfolio/orders?status=resting&limit=5");
    let id = resting["orders"][0]["order_id"].as_str().map(str::to_owned);
    match (rng.below(8), id) {
        (0, Some(id)) => {
            let path = format!("{ORDERS}/{id}/decrease");
            world.ask(who, "POST", &path, &json!({ "reduce_by": "0.50" }));
        }
        (1, Some(id)) => {
            let order = resting["orders"][0].clone();
            let body = json!({
                "ticker": order["ticker"], "side": order["book_side"],
                "price": price, "count": order["initial_count_fp"],
            });
            world.ask(who, "POST", &format!("{ORDERS}/{id}/amend"), &body);
        }
        (2, Some(id)) => {
            world.ask(who, "DELETE", &format!("{ORDERS}/{id}"), &json!(null));
        }
        _ => {
            let body = order_of(ticker, [side, &count, &price], &more);
            world.ask(who, "POST", ORDERS, &body);
        }
    }
}

#[test]
fn accounts_close_under_random_flow_resolution_and_payout() {
    for seed in 1..4 {
        println!("seed {seed}");
        let mut world = World::seeded(Pace::Busy, seed);
        let mut rng = Rng::new(seed, 77);
        let until = world.now.plus(Nanos::from_secs(17));
        while world.now < until {
            world.step(rng.between(20, 120));
            let who = usize::from(rng.coin());
            act(&mut world, who, &mut rng);
            world.venues.kalshi_closes().unwrap();
            assert!(world.balance(who) >= -1_000, "{}", world.balance(who));
        }
        let fills = world.get(0, "/portfolio/fills?limit=1000")["fills"].clone();
        assert!(fills.as_array().unwrap().len() > 10);
        // The game has been decided and paid by now.
        let paid = world.get(0, "/portfolio/settlements");
        let markets = world.get(0, "/markets?status=settled");
        assert_eq!(markets["markets"].as_array().unwrap().len(), 1);
        for one in paid["settlements"].as_array().unwrap() {
            assert_eq!(one["ticker"], markets["markets"][0]["ticker"]);
        }
    }
}

#[test]
fn a_winner_is_paid_a_dollar_a_contract() {
    let mut world = World::new(Pace::Calm);
    let game = "KXNBAGAME-26NOV22HAWCOM-HAW";
    let ioc = json!({ "time_in_force": "immediate_or_cancel" });
    let body = order_of(game, ["bid", "7.00", "0.9900"], &ioc);
    let (status, made) = world.ask(0, "POST", ORDERS, &body);
    assert_eq!((status, &made["fill_count"]), (201, &json!("7.00")));
    let rests = order_of(game, ["bid", "1.00", "0.0100"], &json!({}));
    let (_, resting) = world.ask(0, "POST", ORDERS, &rests);
    world.step(13_000);
    let id = resting["order_id"].as_str().unwrap();
    let order = world.get(0, &format!("/portfolio/orders/{id}"))["order"].clone();
    assert_eq!(order["status"], "canceled", "the close cancels what rests");
    let market = world.get(0, &format!("/markets/{game}"))["market"].clone();
    assert_eq!((&market["status"], &market["result"]), (&json!("determined"), &json!("yes")));
    let refused = world.ask(0, "POST", ORDERS, &order_of(game, ["bid", "1.00", "0.0100"], &ioc));
    assert_eq!(refused.1["error"]["code"], "MARKET_INACTIVE");
    let before = world.balance(0);
    world.step(4_000);
    assert_eq!(world.balance(0), before + 7_000_000);
    let paid = world.get(0, "/portfolio/settlements")["settlements"][0].clone();
    assert_eq!((&paid["revenue"], &paid["value"]), (&json!(700), &json!(100)));
    assert_eq!((&paid["yes_count_fp"], &paid["no_count_fp"]), (&json!("7.00"), &json!("0.00")));
    assert_eq!(world.get(0, "/portfolio/positions")["market_positions"], json!([]));
    let settled = world.get(0, "/portfolio/positions?settlement_status=settled");
    assert_eq!(settled["market_positions"].as_array().unwrap().len(), 1);
    world.venues.kalshi_closes().unwrap();
}
