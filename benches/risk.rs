//! What the risk gate takes for a basket, by its legs: every check, cap and worst case, all of it put aside
//! and given back.
//!
//! All rows do the same number of legs, in baskets of 2, 16 and 128 over one event of 128 outcomes, paired
//! round by round: a large basket must not take more per leg than a small one, or the more outcomes an
//! event has, the later its orders. Each basket weighs its event once, all 128 outcomes, so that small
//! baskets take more per leg. Nor may the orders of others that are under way make it later.
#![expect(
    clippy::unwrap_used,
    clippy::missing_assert_message,
    reason = "a bench prints a table and stops at the first thing that is not as it set it up"
)]

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::view::TopView;
use dutchbook_book::{
    BasketId, BookId, BookStatus, Cash, Exact, Face, Grid, Level, Nanos, Price, Qty, Side, Stamp,
    TopOfBook,
};
use dutchbook_core::eval::basket::BasketKind;
use dutchbook_core::opportunity::{Opportunity, OpportunityId, OpportunityLeg, Sighting};
use dutchbook_core::position::Portfolio;
use dutchbook_core::risk::{RiskConfig, RiskGate};
use support::{Candidate, Table, paired};

const OUTCOMES: u32 = 128;
const ROUNDS: usize = 61;
/// Baskets of all outcomes in each round.
const COUNT: usize = 20;
/// Longer than the window of the order rate.
const PACE: Nanos = Nanos(1_000_000_000_000);

/// So many events of as many outcomes.
fn catalog(events: u32) -> Catalog {
    let mut catalog = Catalog::default();
    let venue = catalog.add_venue(VenueKind::Polymarket);
    for number in 0..events {
        let event = catalog.add_event(&format!("event {number}"), EventLaw::Partition);
        for _ in 0..OUTCOMES {
            let condition = catalog.add_condition(event, "outcome");
            let grid = Grid::uniform(Price::from_pips(10).unwrap()).unwrap();
            catalog.add_listing(Listing::plain(VenueKind::Polymarket, venue, condition, grid));
        }
    }
    catalog
}

/// YES of each outcome of an event, at a price that leaves an edge.
fn legs(event: u32) -> Vec<OpportunityLeg> {
    let (limit, qty) = (Price::from_pips(70).unwrap(), Qty::from_contracts(10).unwrap());
    let leg = |book: u32| {
        let ask = Some(Level { price: limit, qty });
        let stamp = Stamp { status: BookStatus::Live, ts_recv: Nanos(1), ..Stamp::default() };
        OpportunityLeg {
            instrument: BookId(book).instrument(Face::Yes),
            side: Side::Buy,
            limit,
            qty,
            is_fee_known: true,
            view: TopView { top: TopOfBook { bid: None, ask }, stamp },
        }
    };
    (event * OUTCOMES..(event + 1) * OUTCOMES).map(leg).collect()
}

/// A gate that lets everything through, in baskets of so many legs, while orders for so many other
/// events are under way.
fn candidate(name: &'static str, size: usize, others: u32) -> Candidate<'static> {
    let catalog = catalog(1 + others);
    let mut portfolio = Portfolio::new(&catalog);
    portfolio.deposit(catalog.venues.first().unwrap().id, much().exact()).unwrap();
    let config = RiskConfig {
        event_exposure_cash_max: much(),
        event_legged_cash_max: much(),
        venue_cash_max: much(),
        oracle_cash_max: much(),
        total_cash_max: much(),
        age_ms_max: u64::MAX / 1_000_000,
        window_orders_max: 1_000_000,
        open_orders_max: 4_096,
        ..RiskConfig::default()
    };
    let mut gate = RiskGate::new(config, &catalog);
    gate.regroup(&portfolio);
    let (all, mut now) = (legs(0), PACE);
    let net_edge = Cash::ONE.exact();
    let sighting = Sighting { size: Qty::ONE, gross: net_edge, fees: Exact::ZERO, net_edge };
    let (id, kind) = (OpportunityId(1), BasketKind::MultiLong);
    for other in 1..=others {
        let (legs, basket) = (legs(other), BasketId(other));
        let opportunity = Opportunity { id, basket, kind, sighting, legs: &legs };
        assert!(gate.check(&opportunity, &portfolio, false, now).is_ok());
    }
    Candidate::new(name, move |_| {
        let mut sum = 0;
        for legs in all.chunks(size) {
            let opportunity = Opportunity { id, basket: BasketId(0), kind, sighting, legs };
            now = now.plus(PACE);
            let intents = gate.check(&opportunity, &portfolio, false, now).unwrap();
            let (trade, count) = (intents.first().unwrap().trade, intents.len());
            assert_eq!(count, size);
            for leg in (0..u16::try_from(size).unwrap()).rev() {
                assert!(gate.on_refused(trade, leg));
            }
            sum ^= trade.0;
        }
        sum
    })
}

fn much() -> Cash {
    Cash::from_micro(1_000_000_000_000)
}

fn main() {
    let mut candidates = [
        candidate("one basket of 128 legs", 128, 0),
        candidate("baskets of 16 legs", 16, 0),
        candidate("baskets of 2 legs", 2, 0),
    ];
    let mut table = Table::default();
    // Not slower per leg than a basket of sixteen, by more than the noise of a shared machine.
    let bars = [("baskets of 16 legs", 0.8, 1.0)];
    table.row("128 legs, one basket", paired(&mut candidates, ROUNDS, COUNT), &bars);
    let mut candidates =
        [candidate("1,024 other orders under way", 16, 8), candidate("no other orders", 16, 0)];
    let bars = [("no other orders", 0.8, 1.0)];
    table.row("eight baskets of 16 legs", paired(&mut candidates, ROUNDS, COUNT), &bars);
    table.print(
        "risk gate, 128 legs and their reservations taken back; ratio to the first of each row",
    );
}
