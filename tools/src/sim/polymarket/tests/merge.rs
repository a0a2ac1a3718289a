//! The user channel and REST as the engine reads them.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Cash, Face, Nanos, Side};

use super::client::{best, pass};
use super::{Client, Ticket, venues};
use crate::sim::Pace;
use crate::sim::own_tests::{Bodies, Follower};

const KIND: VenueKind = VenueKind::Polymarket;

#[test]
fn an_account_arrives_at_the_venues_own_books_whatever_its_channel_lost() {
    for seed in 1..=4 {
        let mut venues = venues(Pace::None);
        let mut client = Client::new(&mut venues, 0);
        let user = client.listen(&mut venues);
        let mut follower = Follower::new(KIND, &client.key.id, seed);
        let mut placed = Vec::new();
        for round in 0..6_u32 {
            let book = BookId(0);
            let side = if round % 3 == 1 { Side::Sell } else { Side::Buy };
            let price = best(&venues, book, Face::Yes, side.other()).price;
            let pips = u64::from(price.micro()) / 100;
            // What is bought is sold again, and one order in three rests.
            let pips = if round % 3 == 2 { pips - 1_000 } else { pips };
            let ticket = Ticket::limit(book, side, pips, 1_000, "GTC");
            let answer = client.placed(&mut venues, &ticket);
            placed.push(answer["orderID"].as_str().unwrap().to_owned());
            pass(&mut venues, 6_000);
            let mut frames = Vec::new();
            let now = venues.now();
            venues.take_frames(user, now, &mut frames);
            follower.take(&frames, now);
        }
        assert!(follower.spoken > 0);
        let ask = |venues: &mut _, path: &str, query: &str| {
            client.ask(venues, "GET", path, query, "").body
        };
        let bodies = Bodies {
            orders: ask(&mut venues, "/data/orders", ""),
            fills: ask(&mut venues, "/data/trades", ""),
            cash: ask(&mut venues, "/balance-allowance", "asset_type=COLLATERAL&signature_type=0"),
        };
        let now = venues.now().plus(Nanos::from_secs(10));
        follower.merge(KIND, &bodies, now);
        let open = client.get(&mut venues, "/data/orders", "");
        let open: Vec<String> = open["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(!open.is_empty());
        follower.check(&open, Cash::from_micro(client.cash(&mut venues)));
        // Bought in rounds 0 and 3, sold in 1 and 4: four fills of ten contracts.
        assert_eq!(follower.filled(&placed), 40_000_000, "seed {seed}");
    }
}
