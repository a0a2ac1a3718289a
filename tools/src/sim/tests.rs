//! The venues as their clients see them.

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;

use super::*;

const START: Nanos = Nanos::from_secs(1_790_000_000);

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

/// Runs for `seconds` in steps of `step_ms`; all frames of both venues, in order.
fn run(venues: &mut SimVenues, ids: &[SessionId], seconds: u64, step_ms: u64) -> Vec<String> {
    let mut frames = Vec::new();
    let end = venues.now().plus(Nanos::from_secs(seconds));
    while venues.now() < end {
        let now = venues.now().plus(Nanos::from_millis(step_ms));
        venues.step(now);
        for id in ids {
            venues.take_frames(*id, now, &mut frames);
        }
    }
    frames
}

#[test]
fn one_seed_gives_the_same_bytes_whatever_the_steps() {
    let bytes = |seed, step_ms| {
        let mut venues = venues(seed, Pace::Calm, FaultPlan::default());
        let kinds = [VenueKind::Polymarket, VenueKind::Kalshi];
        let ids = kinds.map(|kind| subscribe(&mut venues, kind));
        ids.map(|id| run(&mut venues.clone(), &[id], 5, step_ms))
    };
    assert_eq!(bytes(1, 1), bytes(1, 40));
    assert_ne!(bytes(1, 5), bytes(2, 5));
}
