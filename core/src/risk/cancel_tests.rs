//! Venues that answer badly while everything is taken back.

use super::*;
use std::collections::VecDeque;

/// What a scripted venue does with a request.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// What it should.
    Obeys,
    /// It says so, and half of the orders stay.
    Half,
    /// It refuses with this status.
    Says(u16),
    /// It never answers.
    Silent,
}

struct Venue {
    open: Vec<String>,
    /// What it does with each cancel-all; the last one for ever.
    all: VecDeque<Does>,
    each: Does,
    lists: Does,
    /// An order that was on its way arrives with the next list.
    late: Option<String>,
    asked: u32,
}

impl Venue {
    fn with(open: usize, all: &[Does]) -> Self {
        let open = (0..open).map(|number| format!("order-{number}")).collect();
        let (all, each, lists) = (all.iter().copied().collect(), Does::Obeys, Does::Obeys);
        Self { open, all, each, lists, late: None, asked: 0 }
    }
}

fn refused(does: Does) -> Result<(), DeskError> {
    let (host, what) = ("venue".to_owned(), "it");
    match does {
        Does::Obeys | Does::Half => Ok(()),
        Does::Says(status) => Err(DeskError::Refused { host, what, status, said: "no".to_owned() }),
        Does::Silent => Err(DeskError::Unreadable { host, what }),
    }
}

impl Orders for Venue {
    async fn cancel_all(&mut self) -> Result<(), DeskError> {
        let does = match self.all.len() {
            1 => self.all[0],
            _ => self.all.pop_front().unwrap(),
        };
        match does {
            Does::Obeys => self.open.clear(),
            Does::Half => self.open.truncate(self.open.len() / 2),
            Does::Says(_) | Does::Silent => {}
        }
        refused(does)
    }

    async fn cancel(&mut self, order: &str) -> Result<(), DeskError> {
        refused(self.each)?;
        self.open.retain(|open| open != order);
        Ok(())
    }

    async fn open_orders(&mut self) -> Result<Vec<String>, DeskError> {
        self.asked += 1;
        refused(self.lists)?;
        let open = self.open.clone();
        self.open.extend(self.late.take());
        Ok(open)
    }
}

fn sweep_of(venue: &mut Venue, span_ms: u64) -> Swept {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::new();
    let until = clock.now().plus(Nanos::from_millis(span_ms));
    let mut swept = Swept { venue: "kalshi".to_owned(), ..Swept::default() };
    runtime.block_on(follow(venue, &mut swept, &clock, until));
    swept
}

#[test]
fn whatever_a_venue_answers_it_is_asked_until_nothing_is_open() {
    for script in [
        &[Does::Obeys][..],
        &[Does::Says(404)],
        &[Does::Says(500), Does::Says(500), Does::Obeys],
        &[Does::Half],
        &[Does::Silent],
    ] {
        let mut venue = Venue::with(5, script);
        let swept = sweep_of(&mut venue, 20_000);
        assert!(swept.is_verified && swept.open == 0 && venue.open.is_empty(), "{script:?}");
        assert!(venue.asked >= 2, "one word is not enough: {script:?}");
        assert_eq!(swept.line(), "kalshi: no order is open");
    }
}

#[test]
fn an_order_that_arrives_behind_the_cancel_is_taken_back() {
    let mut venue = Venue::with(2, &[Does::Obeys]);
    venue.late = Some("late".to_owned());
    let swept = sweep_of(&mut venue, 20_000);
    assert!(swept.is_verified && venue.open.is_empty());
    assert!(swept.cancels >= 2, "{swept:?}");
}

#[test]
fn what_stays_open_is_said_by_name() {
    let mut venue = Venue { each: Does::Says(500), ..Venue::with(3, &[Does::Says(500)]) };
    let swept = sweep_of(&mut venue, 300);
    assert!(!swept.is_verified);
    let line = swept.line();
    assert!(line.contains("3 ORDERS ARE STILL OPEN: order-0, order-1, order-2; "), "{line}");
    let mut venue = Venue { lists: Does::Silent, ..Venue::with(3, &[Does::Obeys]) };
    let line = sweep_of(&mut venue, 300).line();
    assert!(line.contains("NOT VERIFIED, orders may be open; "), "{line}");
}
