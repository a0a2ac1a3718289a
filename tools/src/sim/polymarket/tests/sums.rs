use super::super::chain::{Collateral, Reverted};
use super::client::{best, pass};
use super::{Client, Ticket, venues};
use crate::sim::Pace;
use crate::sim::rng::Rng;
use dutchbook_book::{BookId, Face, Nanos, Side};

/// A random order of a client near the market, of any kind.
fn random_ticket(venues: &crate::sim::SimVenues, rng: &mut Rng, book: BookId) -> Ticket<'static> {
    let face = if rng.coin() { Face::Yes } else { Face::No };
    let side = if rng.below(3) > 0 { Side::Buy } else { Side::Sell };
    let step = u64::from(venues.grid(book).unwrap().step()) / 100;
    let near = venues
        .levels(book, face, side.other())
        .last()
        .map_or(5_000, |l| u64::from(l.price.micro()) / 100);
    let ticks = (near / step).saturating_add(rng.below(7)).saturating_sub(3).max(1);
    let pips = (ticks * step).min(10_000 - step);
    let kind = ["GTC", "GTC", "FAK", "FOK"][usize::try_from(rng.below(4)).unwrap()];
    let centi = rng.between(500, 9_000);
    let mut ticket = Ticket::limit(book, side, pips, centi, kind).on(face);
    if kind != "GTC" && side == Side::Buy {
        // Whole cents of money; the shares are floored to what the amounts may have.
        ticket.maker = ticket.maker / 10_000 * 10_000 + 10_000;
        ticket.taker = ticket.maker * 10_000 / pips / 100 * 100;
    }
    ticket
}

#[test]
fn sets_are_made_of_dollars_and_dissolved_again_and_every_dollar_stays() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let facts = venues.polymarket().facts.market(BookId(0)).unwrap();
    let (condition, wallet) = (facts.condition.clone(), client.address.to_string());
    let qty = |contracts| dutchbook_book::Qty::from_contracts(contracts).unwrap();
    let send = |venues: &mut crate::sim::SimVenues, what, contracts| {
        let done = venues.polymarket_mut().transact(what, &wallet, &condition, qty(contracts));
        assert!(venues.polymarket().audit().closes());
        done
    };
    let before = client.cash(&mut venues);
    send(&mut venues, Collateral::Split, 100).unwrap();
    assert_eq!(before - client.cash(&mut venues), 100_000_000);
    assert_eq!(client.held(&mut venues, BookId(0), Face::No), 100_000_000);
    // What an order reserves cannot be merged.
    let ticket = Ticket::limit(BookId(0), Side::Sell, 9_000, 3_000, "GTC");
    client.placed(&mut venues, &ticket);
    assert_eq!(send(&mut venues, Collateral::Merge, 71), Err(Reverted::Balance));
    send(&mut venues, Collateral::Merge, 70).unwrap();
    assert_eq!(before - client.cash(&mut venues), 30_000_000);
    assert_eq!(send(&mut venues, Collateral::Split, 1_000_000), Err(Reverted::Balance));
    let mut other = |wallet: &str, condition: &str| {
        venues.polymarket_mut().transact(Collateral::Split, wallet, condition, qty(1))
    };
    assert_eq!(other(&wallet, "0x1"), Err(Reverted::Condition));
    assert_eq!(other("0x2", &condition), Err(Reverted::Wallet));
}

/// Everything that clients do at random while the flow trades, with settlements that fail, orders
/// that are held, and a market that is decided: every dollar stays somewhere.
#[test]
fn every_dollar_paid_in_is_somewhere_at_every_moment() {
    for seed in 0..3 {
        let mut venues = venues(Pace::Busy);
        let mut rng = Rng::new(seed, 77);
        let mut clients = [Client::new(&mut venues, 0), Client::new(&mut venues, 1)];
        venues.polymarket_mut().troubles.settlement_failure_ppm = 150_000;
        let books: Vec<BookId> =
            venues.polymarket().facts.markets.iter().map(|facts| facts.book).collect();
        let (mut taken, mut filled) = (0, 0);
        for step in 0..420 {
            pass(&mut venues, 45);
            let client = &mut clients[usize::try_from(rng.below(2)).unwrap()];
            venues.polymarket_mut().troubles.taker_delay =
                if rng.below(5) == 0 { Nanos::from_millis(250) } else { Nanos::ZERO };
            // The game is decided on the way; a few markets are enough to meet each other often.
            let book = books[usize::try_from(rng.below(5)).unwrap()];
            let ticket = random_ticket(&venues, &mut rng, book);
            let (_, answer) = client.place(&mut venues, &ticket);
            taken += u32::from(answer["success"] == true);
            filled += u32::from(answer["status"] == "matched");
            if rng.below(12) == 0 {
                client.ask(&mut venues, "DELETE", "/cancel-all", "", "");
            }
            let audit = venues.polymarket().audit();
            assert!(audit.closes(), "seed {seed}, step {step}: {audit:?} after {ticket:?}");
            let venue = venues.polymarket();
            for client in &clients {
                for owner in venue.people.of_holder(client.address) {
                    let free = venue.ledger.free_cash(owner).micro();
                    let all = venue.ledger.cash(owner).micro();
                    assert_eq!(all - free, venue.orders.reserved(owner), "seed {seed}");
                }
            }
        }
        assert!(taken > 100 && filled > 40, "seed {seed}: {taken} taken, {filled} filled");
        for client in &clients {
            client.ask(&mut venues, "DELETE", "/cancel-all", "", "");
        }
        pass(&mut venues, 6_000);
        let audit = venues.polymarket().audit();
        assert!(audit.closes() && audit.held == 0, "nothing is under way any more: {audit:?}");
    }
}

#[test]
fn winners_are_paid_a_dollar_and_orders_end() {
    let mut venues = venues(Pace::Calm);
    let mut client = Client::new(&mut venues, 0);
    let user = client.listen(&mut venues);
    // "Hawks beat Comets tonight" comes true 12 s after the start, and is told 6 s later.
    let game = venues.polymarket().facts.markets[3].book;
    let ask = best(&venues, game, Face::Yes, Side::Sell);
    let pips = u64::from(ask.price.micro()) / 100;
    client.placed(&mut venues, &Ticket::limit(game, Side::Buy, pips, 1_000, "GTC"));
    client.placed(&mut venues, &Ticket::limit(game, Side::Buy, 100, 1_000, "GTC"));
    pass(&mut venues, 5_000);
    assert_eq!(client.held(&mut venues, game, Face::Yes), 10_000_000);
    let before = client.cash(&mut venues);
    pass(&mut venues, 15_000);
    assert_eq!(client.held(&mut venues, game, Face::Yes), 0);
    assert_eq!(client.cash(&mut venues), before + 10_000_000);
    let told = super::client::frames(&mut venues, user);
    let ended = told.iter().filter(|f| f["status"] == "CANCELED_MARKET_RESOLVED");
    assert_eq!(ended.count(), 1);
    let (_, answer) = client.place(&mut venues, &Ticket::limit(game, Side::Buy, 100, 1_000, "GTC"));
    assert_eq!(answer["errorMsg"], "the market is not yet ready to process new orders");
    assert!(venues.polymarket().audit().closes());
}

#[test]
fn one_seed_gives_the_same_answers() {
    let run = || {
        let mut venues = venues(Pace::Calm);
        let mut client = Client::new(&mut venues, 0);
        let user = client.listen(&mut venues);
        for step in 0..30 {
            pass(&mut venues, 150);
            let book = BookId(if step % 2 == 0 { 0 } else { 2 });
            let ask = best(&venues, book, Face::Yes, Side::Sell);
            let pips = u64::from(ask.price.micro()) / 100;
            client.place(&mut venues, &Ticket::limit(book, Side::Buy, pips, 700, "GTC"));
        }
        pass(&mut venues, 5_000);
        let now = venues.now();
        let mut texts = Vec::new();
        venues.take_frames(user, now, &mut texts);
        texts
    };
    let first = run();
    assert!(first.len() > 60);
    assert_eq!(first, run());
}

#[test]
fn any_account_can_be_funded_once_it_is_one() {
    let mut venues = venues(Pace::None);
    let venue = venues.polymarket_mut();
    let cash = dutchbook_book::Cash::from_micro(5_000_000);
    assert!(venue.fund("0x00", cash).is_err());
    assert!(venue.fund("0x90F79bf6EB2c4f870365E785982E1f101E93b906", cash).is_ok());
    assert!(
        venue
            .fund("0x90F79bf6EB2c4f870365E785982E1f101E93b906", dutchbook_book::Cash::MAX)
            .is_err()
    );
    assert!(venue.audit().closes());
}
