//! Each bad day by itself: it strikes, it is counted, and the money is all there.

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use serde_json::{Value, json};

use super::super::super::Pace;
use super::super::super::fault::FaultPlan;
use super::{FED, ORDERS, World, order_of};

const KIND: VenueKind = VenueKind::Kalshi;

/// A venue with this trouble, its book of [`FED`] empty.
fn troubled(plan: &FaultPlan) -> World {
    let mut world = World::new(Pace::None);
    world.clear_book();
    world.venues.set_faults(KIND, plan);
    world
}

/// What struck since the trouble began, and nothing else.
fn only(world: &World) -> Vec<(&'static str, u64)> {
    let counts = world.venues.fault_counts(KIND);
    counts.named().into_iter().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn slow_replies_leave_late() {
    let mut world =
        troubled(&FaultPlan { slow_ppm: 1_000_000, slow_ms: 700, ..FaultPlan::default() });
    let reply = world.raw(Some(0), "GET", "/portfolio/balance", b"");
    assert_eq!(reply.ready_at, world.now.plus(Nanos::from_millis(700)));
    assert_eq!(only(&world), [("slow_replies", 1)]);
}

#[test]
fn stale_replies_are_those_of_before() {
    let mut world = troubled(&FaultPlan { stale_ppm: 1_000_000, ..FaultPlan::default() });
    let target = format!("/markets/{FED}");
    let before = world.raw(None, "GET", &target, b"");
    world.rest(0, ["bid", "3.00", "0.4000"]);
    let after = world.raw(None, "GET", &target, b"");
    assert_eq!((after.status, &after.body), (200, &before.body), "as if nothing had happened");
    assert_eq!(only(&world), [("stale_replies", 1)]);
}

#[test]
fn half_of_a_batch_is_answered_and_all_of_it_done() {
    let mut world = troubled(&FaultPlan { half_batch_ppm: 1_000_000, ..FaultPlan::default() });
    let order = |at: u32| {
        let id = json!({ "client_order_id": format!("b{at}") });
        order_of(FED, ["bid", "1.00", "0.0200"], &id)
    };
    let orders: Vec<Value> = (0..4).map(order).collect();
    let path = format!("{ORDERS}/batched");
    let (_, made) = world.ask(0, "POST", &path, &json!({ "orders": orders }));
    assert_eq!(made["orders"].as_array().unwrap().len(), 2, "{made}");
    let open = world.get(0, "/portfolio/orders?status=resting");
    assert_eq!(open["orders"].as_array().unwrap().len(), 4);
    assert_eq!(only(&world), [("half_answered_batches", 1)]);
    world.venues.kalshi_closes().unwrap();
}

#[test]
fn a_wrong_clock_refuses_good_stamps() {
    let mut world = troubled(&FaultPlan { clock_skew_ms: 60_000, ..FaultPlan::default() });
    let (status, _) = world.ask(0, "GET", "/portfolio/balance", &Value::Null);
    assert_eq!(status, 401);
    assert_eq!(only(&world), [("skewed_replies", 1)]);
}

#[test]
fn one_request_too_many_is_refused_and_later_taken() {
    let mut world = troubled(&FaultPlan { rate_limits: true, ..FaultPlan::default() });
    let mut refused = 0;
    for _ in 0..200 {
        let (status, _) = world.ask(0, "GET", "/portfolio/balance", &Value::Null);
        refused += u64::from(status == 429);
    }
    assert!(refused > 0 && refused < 200, "{refused}");
    assert_eq!(only(&world), [("rate_limited_requests", refused)]);
    world.step(2_000);
    world.get(0, "/portfolio/balance");
}

#[test]
fn a_restart_takes_nothing_for_its_time_and_everything_afterwards() {
    let mut world = troubled(&FaultPlan::default());
    world.venues.restart(KIND, [2_000, 1_000].map(Nanos::from_millis), false);
    let order = ["bid", "1.00", "0.0200"];
    let (status, _) = world.place(0, order, &json!({}));
    assert!(status >= 400, "{status}");
    assert_eq!(only(&world), [("restart_refusals", 1)]);
    world.step(3_100);
    world.rest(0, order);
}

#[test]
fn a_fill_is_told_twice_and_booked_once() {
    let mut world = troubled(&FaultPlan { duplicate_fill_ppm: 1_000_000, ..FaultPlan::default() });
    let session = world.connect(1);
    let params = json!({ "channels": ["fill"] });
    world.say(session, &json!({ "id": 1, "cmd": "subscribe", "params": params }));
    world.rest(0, ["ask", "2.00", "0.5200"]);
    world.place(1, ["bid", "2.00", "0.5200"], &json!({}));
    let frames = world.frames(session);
    let fills: Vec<&Value> = frames.iter().filter(|frame| frame["type"] == "fill").collect();
    assert_eq!(fills.len(), 2, "{frames:?}");
    assert_eq!(fills[0]["msg"]["trade_id"], fills[1]["msg"]["trade_id"]);
    let held = world.get(1, "/portfolio/positions");
    assert_eq!(held["market_positions"][0]["position_fp"], "2.00", "{held}");
    assert!(world.venues.fault_counts(KIND).duplicate_fills > 0);
    world.venues.kalshi_closes().unwrap();
}
