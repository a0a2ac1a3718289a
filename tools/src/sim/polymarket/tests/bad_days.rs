//! Each bad day by itself: it strikes, it is counted, and the money is all there.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Face, Nanos, Side};

use super::client::{best, body, frames, get, pass};
use super::{Client, Ticket, venues};
use crate::sim::fault::{FaultCounts, FaultPlan};
use crate::sim::{Pace, SimVenues};

const FED: BookId = BookId(0);
const KIND: VenueKind = VenueKind::Polymarket;

/// A venue with this trouble, and a client.
fn troubled(plan: &FaultPlan) -> (SimVenues, Client) {
    let mut venues = venues(Pace::None);
    let client = Client::new(&mut venues, 0);
    venues.set_faults(KIND, plan);
    (venues, client)
}

/// What struck since the trouble began, and nothing else.
fn only(venues: &SimVenues) -> Vec<(&'static str, u64)> {
    let counts: FaultCounts = venues.fault_counts(KIND);
    counts.named().into_iter().filter(|(_, count)| *count > 0).collect()
}

fn buying(venues: &SimVenues) -> Ticket<'static> {
    let ask = best(venues, FED, Face::Yes, Side::Sell);
    Ticket::limit(FED, Side::Buy, u64::from(ask.price.micro()) / 100, 1_000, "GTC")
}

#[test]
fn slow_replies_leave_late() {
    let (mut venues, client) =
        troubled(&FaultPlan { slow_ppm: 1_000_000, slow_ms: 700, ..FaultPlan::default() });
    let reply = client.ask(&mut venues, "GET", "/data/orders", "", "");
    assert_eq!(reply.ready_at, venues.now().plus(Nanos::from_millis(700)));
    assert_eq!(only(&venues), [("slow_replies", 1)]);
}

#[test]
fn stale_replies_are_those_of_before() {
    let (mut venues, mut client) =
        troubled(&FaultPlan { stale_ppm: 1_000_000, ..FaultPlan::default() });
    let token = venues.polymarket().facts.market(FED).unwrap().token(Face::Yes).to_owned();
    let query = format!("token_id={token}");
    let before = get(&mut venues, "/book", &query);
    let ticket = buying(&venues);
    client.placed(&mut venues, &ticket);
    assert_eq!(get(&mut venues, "/book", &query), before, "as if nothing had happened");
    assert_eq!(only(&venues), [("stale_replies", 1)]);
}

#[test]
fn half_of_a_batch_is_answered_and_all_of_it_done() {
    let (mut venues, mut client) =
        troubled(&FaultPlan { half_batch_ppm: 1_000_000, ..FaultPlan::default() });
    let mut orders = Vec::new();
    for _ in 0..4 {
        let ticket = Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC");
        orders.push(client.envelope(&venues, &ticket));
    }
    let text = serde_json::Value::Array(orders).to_string();
    let reply = client.ask(&mut venues, "POST", "/orders", "", &text);
    assert_eq!(body(&reply).as_array().unwrap().len(), 2);
    let open = client.get(&mut venues, "/data/orders", "");
    assert_eq!(open["data"].as_array().unwrap().len(), 4);
    assert_eq!(only(&venues), [("half_answered_batches", 1)]);
}

#[test]
fn a_wrong_clock_refuses_good_stamps() {
    let (mut venues, client) =
        troubled(&FaultPlan { clock_skew_ms: 60_000, ..FaultPlan::default() });
    let reply = client.ask(&mut venues, "GET", "/data/orders", "", "");
    assert_eq!(reply.status, 401);
    let time = get(&mut venues, "/time", "");
    assert_eq!(time.as_u64(), Some(venues.now().0 / 1_000_000_000 + 60));
    assert_eq!(only(&venues), [("skewed_replies", 2)]);
}

#[test]
fn one_request_too_many_is_refused_and_a_second_later_taken() {
    let (mut venues, client) = troubled(&FaultPlan { rate_limits: true, ..FaultPlan::default() });
    let mut refused = 0;
    for _ in 0..200 {
        let reply = client.ask(&mut venues, "DELETE", "/cancel-all", "", "");
        refused += u64::from(reply.status == 429);
    }
    assert!(refused > 0 && refused < 200, "{refused}");
    assert_eq!(only(&venues), [("rate_limited_requests", refused)]);
    pass(&mut venues, 1_000);
    assert_eq!(client.ask(&mut venues, "DELETE", "/cancel-all", "", "").status, 200);
}

#[test]
fn a_restart_takes_nothing_then_only_what_rests_then_everything() {
    let (mut venues, mut client) = troubled(&FaultPlan::default());
    venues.restart(KIND, [2_000, 3_000].map(Nanos::from_millis), false);
    let taking = buying(&venues);
    let resting = Ticket { post_only: true, ..Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC") };
    assert_eq!(client.place(&mut venues, &resting).0, 425);
    pass(&mut venues, 2_000);
    assert_eq!(client.place(&mut venues, &taking).0, 503);
    client.placed(&mut venues, &resting);
    assert_eq!(client.ask(&mut venues, "DELETE", "/cancel-all", "", "").status, 200);
    pass(&mut venues, 3_000);
    client.placed(&mut venues, &taking);
    assert_eq!(only(&venues), [("restart_refusals", 2)]);
}

#[test]
fn held_takers_failed_settlements_and_repeated_reports_are_counted() {
    let (mut venues, mut client) = troubled(&FaultPlan {
        taker_delay_ms: 500,
        failed_settlement_ppm: 1_000_000,
        duplicate_fill_ppm: 1_000_000,
        ..FaultPlan::default()
    });
    let user = client.listen(&mut venues);
    let cash = client.cash(&mut venues);
    let ticket = buying(&venues);
    assert_eq!(client.placed(&mut venues, &ticket)["status"], "delayed");
    pass(&mut venues, 8_000);
    assert_eq!(client.cash(&mut venues), cash, "given back");
    assert!(venues.polymarket().audit().closes());
    let told = frames(&mut venues, user);
    let trades: Vec<_> = told.iter().filter(|frame| frame["event_type"] == "trade").collect();
    assert!(trades.len() >= 4 && trades.chunks(2).all(|two| two[0] == two[1]), "{trades:?}");
    let counts = venues.fault_counts(KIND);
    assert_eq!((counts.delayed_takers, counts.failed_settlements), (1, 1));
    assert!(counts.duplicate_fills >= 2, "{counts:?}");
}
