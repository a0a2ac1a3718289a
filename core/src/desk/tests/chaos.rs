//! A venue that does to one order whatever it likes, and a carrier that loses, repeats, reorders and
//! garbles what it says: in the end every fill is counted once, whatever was taken back is taken
//! back, nothing was sent twice, and the order is settled.

use dutchbook_book::{BookId, Nanos};
use proptest::prelude::*;

use super::rig::{KALSHI, POLYMARKET, Rig};
use super::{kalshi_venue, polymarket_venue};
use crate::request::Answer;

/// What the venue did with the order.
#[derive(Clone, Debug)]
struct Truth {
    has_arrived: bool,
    /// Contracts of each trade, and whether its settlement failed.
    trades: Vec<(u64, bool)>,
}

impl Truth {
    fn total(&self) -> u64 {
        if self.has_arrived { self.trades.iter().map(|(qty, _)| qty).sum() } else { 0 }
    }

    fn good(&self) -> u64 {
        let good = self.trades.iter().filter(|(_, failed)| !failed);
        if self.has_arrived { good.map(|(qty, _)| qty).sum() } else { 0 }
    }
}

/// One thing that the carrier does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Answers the oldest open request truly, or as noise.
    Answer(Carried),
    /// Brings a message of the channel.
    Message(usize, Carried),
    /// Nothing comes for a while.
    Wait(u64),
    /// We are killed, and another process goes on.
    Kill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    Whole,
    Half,
    Lost,
    Gateway,
}

fn carried() -> impl Strategy<Value = Carried> {
    prop_oneof![
        4 => Just(Carried::Whole),
        1 => Just(Carried::Half),
        1 => Just(Carried::Lost),
        1 => Just(Carried::Gateway),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        carried().prop_map(Step::Answer),
        (0..12_usize, carried()).prop_map(|(at, how)| Step::Message(at, how)),
        (1..2_500_u64).prop_map(Step::Wait),
        Just(Step::Kill),
    ]
}

fn truth(may_fail: bool) -> impl Strategy<Value = Truth> {
    let trade = (1..4_u64, any::<bool>()).prop_map(move |(qty, fails)| (qty, fails && may_fail));
    (proptest::bool::weighted(0.8), proptest::collection::vec(trade, 0..4))
        .prop_map(|(has_arrived, trades)| Truth { has_arrived, trades })
}

/// One venue with one order of ours.
struct Play {
    rig: Rig,
    book: BookId,
    truth: Truth,
    order: dutchbook_exec::OrderId,
    hash: String,
    answered: usize,
    said: Vec<String>,
}

impl Play {
    fn new(book: BookId, truth: Truth) -> Self {
        let mut rig = Rig::new();
        let order = rig.submit(book);
        rig.dispatch();
        let hash = rig.hash(order);
        Self { rig, book, truth, order, hash, answered: 0, said: Vec::new() }
    }

    fn hear(&mut self) {
        let said = self.rig.said(self.order);
        self.said.extend(said);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => self.rig.pass(Nanos::from_millis(ms)),
            Step::Kill => {
                self.rig.restart();
                self.answered = self.rig.sent().len();
            }
            Step::Answer(how) => self.answer(how),
            Step::Message(at, how) => {
                let messages = self.messages();
                if let (true, Some(text)) = (self.truth.has_arrived, messages.get(at)) {
                    match how {
                        Carried::Whole => self.rig.message(self.book, text),
                        Carried::Half => self.rig.message(self.book, &text[..text.len() / 2]),
                        Carried::Lost | Carried::Gateway => {}
                    }
                }
            }
        }
        self.hear();
    }

    /// Answers the oldest request that has none yet.
    fn answer(&mut self, how: Carried) {
        let Some(sent) = self.rig.sent().get(self.answered).cloned() else { return };
        self.answered += 1;
        let text = self.reply(sent.line());
        let id = sent.id.0;
        let Some((status, body)) = text else { return self.rig.answer(id, &Answer::Lost) };
        match how {
            Carried::Whole => {
                self.rig.reply(id, status, &body);
                self.rig.reply(id, status, &body);
            }
            Carried::Half => self.rig.reply(id, status, &body[..body.len() / 2]),
            Carried::Lost => self.rig.answer(id, &Answer::Lost),
            Carried::Gateway => self.rig.reply(id, 502, "<html>bad gateway</html>"),
        }
    }

    /// What the venue truly answers.
    fn reply(&self, line: &str) -> Option<(u16, String)> {
        let Truth { has_arrived, .. } = self.truth;
        let is_place = line.starts_with("POST");
        if self.book == KALSHI {
            let (client, total) = (self.rig.client_id(self.order), self.truth.total());
            let status = if total == 10 { "executed" } else { "canceled" };
            let record = kalshi_venue::record("v1", &client, status, total * 100);
            let fills = self.truth.trades.iter().enumerate();
            let fills = fills
                .map(|(n, (qty, _))| kalshi_venue::fill_record("v1", &format!("t{n}"), qty * 100));
            let fills = fills.collect::<Vec<_>>().join(",");
            return match has_arrived {
                true if is_place => Some((201, kalshi_venue::created("v1", &client, total, 0))),
                true if line.contains("/orders/v1") => {
                    Some((200, format!(r#"{{"order":{record}}}"#)))
                }
                true if line.contains("/portfolio/orders") => {
                    Some((200, format!(r#"{{"orders":[{record}],"cursor":""}}"#)))
                }
                true => Some((200, format!(r#"{{"fills":[{fills}],"cursor":""}}"#))),
                false if is_place => None,
                false => Some((200, r#"{"orders":[],"fills":[],"cursor":""}"#.to_owned())),
            };
        }
        let (hash, total) = (self.hash.clone(), self.truth.total());
        match has_arrived {
            true if is_place && total == 0 => {
                Some((200, polymarket_venue::refused("no orders found to match with FAK order")))
            }
            true if is_place => {
                let taking = total.to_string();
                Some((200, polymarket_venue::posted(&hash, "matched", &taking, "4.4")))
            }
            true if line.contains("/data/order/") => {
                let status = if total == 0 { "CANCELED" } else { "MATCHED" };
                Some((200, polymarket_venue::record(&hash, status, &total.to_string())))
            }
            true if line.contains("/data/trades") => {
                let trades = self.truth.trades.iter().enumerate();
                let trades = trades.map(|(n, (qty, failed))| {
                    let status = if *failed { "FAILED" } else { "CONFIRMED" };
                    polymarket_venue::trade(
                        "",
                        &format!("t{n}"),
                        &hash,
                        status,
                        &[&qty.to_string()],
                    )
                });
                Some((200, polymarket_venue::page(&trades.collect::<Vec<_>>())))
            }
            false if is_place => None,
            false if line.contains("/data/order/") => Some((404, "{}".to_owned())),
            _ => Some((200, r#"{"data":[],"next_cursor":"LTE=","balance":"1"}"#.to_owned())),
        }
    }

    fn messages(&self) -> Vec<String> {
        let mut list = Vec::new();
        let (client, total) = (self.rig.client_id(self.order), self.truth.total());
        let hash = self.hash.clone();
        for (n, (qty, failed)) in self.truth.trades.iter().enumerate() {
            let id = format!("t{n}");
            if self.book == KALSHI {
                list.push(kalshi_venue::fill_message("v1", &client, &id, qty * 100));
            } else {
                let size = qty.to_string();
                let end = if *failed { "FAILED" } else { "CONFIRMED" };
                for status in ["MATCHED", "MINED", end] {
                    list.push(polymarket_venue::told(&id, &hash, status, &[&size]));
                }
            }
        }
        if self.book == KALSHI {
            let status = if total == 10 { "executed" } else { "canceled" };
            list.push(kalshi_venue::order_message("v1", &client, status, total * 100));
        }
        list
    }

    /// Lets everything come through, until the desk has nothing to ask any more.
    fn calm_down(&mut self) {
        for _ in 0..400 {
            if self.rig.desk.unsettled().next().is_none() {
                break;
            }
            self.rig.pass(Nanos::from_millis(100));
            while self.answered < self.rig.sent().len() {
                self.answer(Carried::Whole);
            }
            self.hear();
        }
    }

    fn sum(&self, what: &str) -> u64 {
        let of = |said: &String| said.strip_prefix(what)?.trim().parse::<u64>().ok();
        self.said.iter().filter_map(of).sum::<u64>()
    }

    fn check(&self) {
        let said = &self.said;
        assert_eq!(
            said.last()
                .map(String::as_str)
                .map(|last| last.starts_with("rejected") || last == "settled"),
            Some(true),
            "{said:?}"
        );
        assert_eq!(self.sum("filled") - self.sum("reversed"), self.truth.good(), "{said:?}");
        assert!(!said.iter().any(|one| one == "breach"), "{said:?}");
        let once = |what: &str| said.iter().filter(|one| one.starts_with(what)).count();
        assert!(once("rejected") + once("closed") == 1, "one end: {said:?}");
        assert!(once("acknowledged") <= 1 && once("settled") <= 1, "{said:?}");
        assert_eq!(once("rejected") == 1, !self.truth.has_arrived, "{said:?}");
        let places = self.rig.sent().iter().filter(|sent| sent.line().starts_with("POST")).count();
        assert_eq!(places, 1, "nothing is sent twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_polymarket_says_every_fill_counts_once(
        truth in truth(true), steps in proptest::collection::vec(step(), 0..24),
    ) {
        let mut play = Play::new(POLYMARKET, truth);
        steps.into_iter().for_each(|step| play.step(step));
        play.calm_down();
        play.check();
    }

    #[test]
    fn whatever_kalshi_says_every_fill_counts_once(
        truth in truth(false), steps in proptest::collection::vec(step(), 0..24),
    ) {
        let mut play = Play::new(KALSHI, truth);
        steps.into_iter().for_each(|step| play.step(step));
        play.calm_down();
        play.check();
    }
}
