//! A restart whose journal says what the venues say, or something else.

use super::*;
use crate::engine::live::tests::{KALSHI, POLYMARKET, Rig, catalog};
use crate::inquiry::places;
use crate::journal::codec::Entry;
use crate::journal::folder::{Ending, Item};
use crate::journal::live::{AccountRecord, LiveRecord};
use crate::journal::names::Names;
use crate::recovery::Replay;
use crate::risk::kill::KillCause;
use crate::statement::Statement;
use dutchbook_book::{Cash, Face, InstrumentId, Qty};
use dutchbook_exec::local_id::Boot;
use std::sync::mpsc::{Sender, channel};

const HELD: InstrumentId = InstrumentId(3);

fn qty(contracts: u64) -> Qty {
    Qty::from_contracts(contracts).unwrap()
}

/// A journal in which each venue has 1000 $, and which has these contracts of Kalshi's NO.
fn journal(contracts: u64) -> Recovered {
    let mut records = vec![Record::Live(LiveRecord::Boot { boot: Boot(7), is_live: true })];
    for venue in [VenueId(0), VenueId(1)] {
        let (cash, origin) = (Cash::from_micro(1_000_000_000).exact(), Origin::Opening);
        let transfer = AccountRecord::Transfer { venue, cash, origin };
        records.push(Record::Live(LiveRecord::Account(transfer)));
    }
    let change = QtyChange::from_micro(i64::try_from(contracts * 1_000_000).unwrap());
    let (cost, origin) = (Cash::from_micro(1_000_000).exact(), Origin::Person);
    let moved = AccountRecord::Moved { instrument: HELD, qty: change, cost, origin };
    if contracts > 0 {
        records.push(Record::Live(LiveRecord::Account(moved)));
    }
    let mut replay = Replay::new(&catalog());
    let _names = replay.take(Item::Names(&Names::of(&catalog())));
    for (sequence, record) in (1..).zip(records) {
        let now = Nanos::from_secs(1_789_000_000);
        let _taken = replay.take(Item::Entry(&Entry { sequence, now, record }));
    }
    replay.finish(Ending::default())
}

struct Restart {
    rig: Rig,
    heard: Sender<Heard>,
}

impl Restart {
    fn with(recovered: &Recovered, accepted_by: Option<&str>) -> Self {
        let mut rig = Rig::unopened();
        rig.engine.resume(recovered, rig.now);
        let (sender, heard) = channel();
        let places = places(rig.engine.places(), recovered);
        let accepted_by = accepted_by.map(str::to_owned);
        rig.engine.compared_by(Inquiry { heard, places, accepted_by });
        for venue in [VenueId(0), VenueId(1)] {
            rig.engine.open_account(venue, Cash::from_micro(1_000_000_000), rig.now);
        }
        Self { rig, heard: sender }
    }

    /// The venues say these contracts of Kalshi's NO, and 1000 $ there and this here.
    fn hear(&mut self, contracts: u64, kalshi_micro: i64) {
        let held = Statement {
            cash: Cash::from_micro(kalshi_micro),
            positions: vec![(HELD, qty(contracts))],
            ..Statement::default()
        };
        self.hear_of(held);
    }

    fn hear_of(&mut self, kalshi: Statement) {
        let cash = Cash::from_micro(1_000_000_000);
        let polymarket = Statement { cash, ..Statement::default() };
        let asked = self.rig.now;
        let said = vec![(VenueId(0), polymarket), (VenueId(1), kalshi)];
        self.heard.send(Heard { asked, said }).unwrap();
        self.rig.pass(1_000);
    }

    /// Polymarket's base cash is asked for by the desk itself; here it is as told.
    fn opens(&mut self) {
        let cash = Cash::from_micro(1_000_000_000);
        self.rig.engine.execution.desk_mut().unwrap().open_account(VenueId(0), cash);
    }

    fn trades(&mut self) -> bool {
        self.opens();
        self.rig.gap();
        self.rig.orders().len() == 2
    }
}

#[test]
fn nothing_is_traded_before_the_venues_have_said_the_same() {
    let mut restart = Restart::with(&journal(10), None);
    assert!(!restart.trades(), "nobody has said anything");
    restart.rig.pass(5_000);
    restart.hear(10, 1_000_000_000);
    assert!(restart.trades());
    assert!(!restart.rig.kill.is_pulled());
}

#[test]
fn words_of_before_the_quiet_are_not_believed() {
    let mut restart = Restart::with(&journal(10), None);
    restart.rig.pass(1);
    let (rig, heard) = (&mut restart.rig, &restart.heard);
    let asked = Nanos(rig.now.0 - 2_000_000);
    heard.send(Heard { asked, said: Vec::new() }).unwrap();
    rig.pass(100);
    assert!(!restart.trades());
}

#[test]
fn a_difference_that_goes_away_was_the_venues_lag() {
    let mut restart = Restart::with(&journal(10), None);
    restart.rig.pass(1);
    for _ in 1..TOLD_MAX {
        restart.hear(9, 1_000_000_000);
        assert!(!restart.trades() && !restart.rig.kill.is_pulled());
    }
    restart.hear(10, 1_000_000_000);
    assert!(restart.trades());
}

#[test]
fn a_position_that_one_side_does_not_have_keeps_trading_shut_by_name() {
    for (ours, theirs) in [(0, 10), (10, 0), (10, 11)] {
        let mut restart = Restart::with(&journal(ours), None);
        restart.rig.pass(1);
        for _ in 0..TOLD_MAX {
            assert!(!restart.rig.kill.is_pulled());
            restart.hear(theirs, 1_000_000_000);
        }
        assert!(!restart.trades());
        assert_eq!(restart.rig.kill.cause(), Some(KillCause::Breaker(Breaker::Reconciliation)));
        let said = restart.rig.kill.take_said().join("\n");
        let place = format!("kalshi: it rains, No: {theirs} there, {ours} here");
        assert!(said.contains(&place) && said.contains("--accept-accounts"), "{said}");
    }
    let mut restart = Restart::with(&journal(10), None);
    restart.rig.pass(1);
    for _ in 0..TOLD_MAX {
        restart.hear(10, 999_999_999);
    }
    let said = restart.rig.kill.take_said().join("\n");
    assert!(said.contains("kalshi: cash 999.999999 there"), "{said}");
}

#[test]
fn what_a_person_accepts_is_taken_over() {
    for theirs in [0, 7, 12] {
        let mut restart = Restart::with(&journal(10), Some("A. Trader"));
        restart.rig.pass(1);
        restart.hear(theirs, 900_000_000);
        assert_eq!(restart.rig.held(HELD), theirs);
        let cash = restart.rig.engine.portfolio().money(VenueId(1)).cash;
        assert_eq!(cash, Cash::from_micro(900_000_000).exact());
        assert!(restart.trades() && !restart.rig.kill.is_pulled());
    }
}

#[test]
fn an_account_that_the_journal_does_not_know_begins_with_what_the_venue_says() {
    let fresh = Replay::new(&catalog()).finish(Ending::default());
    let mut restart = Restart::with(&fresh, None);
    restart.rig.pass(1);
    restart.hear(3, 1_000_000_000);
    assert_eq!(restart.rig.held(HELD), 3);
    assert!(restart.trades() && !restart.rig.kill.is_pulled());
}

#[test]
fn a_market_that_was_settled_meanwhile_is_explained_by_the_venue() {
    let mut restart = Restart::with(&journal(10), None);
    restart.rig.pass(1);
    let settled = Statement {
        cash: Cash::from_micro(1_010_000_000),
        settled: vec![(KALSHI, Price::ZERO)],
        ..Statement::default()
    };
    restart.hear_of(settled);
    assert_eq!(restart.rig.held(HELD), 0);
    let money = restart.rig.engine.portfolio().money(VenueId(1));
    assert_eq!(money.cash, Cash::from_micro(1_010_000_000).exact(), "each NO paid one");
    assert!(restart.rig.engine.unexplained.is_none() && !restart.rig.kill.is_pulled());
    assert!(restart.rig.engine.portfolio().qty(POLYMARKET.instrument(Face::Yes)).is_zero());
}
