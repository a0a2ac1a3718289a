//! The private channels and REST as the engine reads them.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Cash, Nanos};
use serde_json::{Value, json};

use super::World;
use crate::sim::Pace;
use crate::sim::own_tests::{Bodies, Follower};

const KIND: VenueKind = VenueKind::Kalshi;

#[test]
fn an_account_arrives_at_the_venues_own_books_whatever_its_channel_lost() {
    for seed in 1..=4 {
        let mut world = World::new(Pace::None);
        world.clear_book();
        let mine = world.connect(0);
        let channels = ["fill", "user_orders", "market_positions", "order_group_updates"];
        let hello = json!({"id": 1, "cmd": "subscribe", "params": { "channels": channels }});
        world.say(mine, &hello);
        let mut follower = Follower::new(KIND, "", seed);
        let mut placed = Vec::new();
        for round in 0..6 {
            placed.push(world.rest(0, ["bid", "5.00", "0.4000"]));
            if round % 3 < 2 {
                // Filled in two parts, and in the third round of three not at all.
                world.rest(1, ["ask", "2.00", "0.4000"]);
                world.rest(1, ["ask", "3.00", "0.4000"]);
            } else {
                let target = format!("/portfolio/events/orders/{}", placed[round]);
                assert_eq!(world.ask(0, "DELETE", &target, &Value::Null).0, 200);
            }
            world.step(500);
            let mut frames = Vec::new();
            world.venues.take_frames(mine, world.now, &mut frames);
            follower.take(&frames, world.now);
        }
        let resting = world.rest(0, ["bid", "1.00", "0.3000"]);
        assert!(follower.spoken > 0);
        let mut body = |target: &str| world.raw(Some(0), "GET", target, b"").body;
        let bodies = Bodies {
            orders: body("/portfolio/orders?status=resting"),
            fills: body("/portfolio/fills"),
            cash: body("/portfolio/balance"),
        };
        let now = world.now.plus(Nanos::from_secs(10));
        follower.merge(KIND, &bodies, now);
        let cash = world.balance(0);
        follower.check(&[resting], Cash::from_micro(cash));
        assert_eq!(follower.filled(&placed), 20_000_000, "seed {seed}");
    }
}
