//! A truth, a channel that loses, repeats and reorders its messages, a REST that lags, and an account
//! that must arrive at the truth.

use super::*;
use crate::pace::Jitter;
use dutchbook_book::{Price, Side};

fn qty(contracts: u64) -> Qty {
    Qty::from_contracts(contracts).unwrap()
}

fn order(id: usize, filled: u64, is_open: bool) -> OwnOrder {
    OwnOrder {
        id: format!("o{id}"),
        native: "A".to_owned(),
        side: Side::Buy,
        price: Price::from_pips(5_000).unwrap(),
        ordered: Some(qty(100)),
        filled: qty(filled),
        is_open,
        ts_venue: Nanos::ZERO,
    }
}

fn fill(trade: usize, of: usize, contracts: u64, settlement: Settlement) -> OwnFill {
    OwnFill {
        trade: format!("t{trade}"),
        order: format!("o{of}"),
        native: "A".to_owned(),
        side: Some(Side::Buy),
        price: Price::from_pips(5_000).unwrap(),
        qty: qty(contracts),
        fee: None,
        settlement,
        ts_venue: Nanos::from_secs(1),
    }
}

const AT: Nanos = Nanos::from_secs(1_000);

#[test]
fn a_fill_counts_once_and_its_settlement_only_goes_on() {
    let mut account = Account::default();
    account.on_order(order(1, 0, true), Source::Stream, AT);
    assert!(account.on_fill(fill(1, 1, 10, Settlement::Mined), Source::Stream));
    assert!(!account.on_fill(fill(1, 1, 10, Settlement::Matched), Source::Rest(AT)));
    assert!(!account.on_fill(fill(1, 1, 10, Settlement::Confirmed), Source::Stream));
    assert!(
        !account.on_fill(fill(1, 1, 10, Settlement::Failed), Source::Stream),
        "confirmed is final"
    );
    assert_eq!(account.filled("o1"), qty(10));
    assert!(account.on_fill(fill(2, 1, 5, Settlement::Matched), Source::Stream));
    account.on_fill(fill(2, 1, 5, Settlement::Failed), Source::Stream);
    assert_eq!((account.filled("o1"), account.counts().failed), (qty(10), 1));
    // One trade, two of our orders: two fills.
    assert!(account.on_fill(fill(1, 2, 7, Settlement::Matched), Source::Stream));
    assert_eq!(account.filled("o2"), qty(7));
}

#[test]
fn late_and_repeated_words_of_an_order_change_nothing() {
    let mut account = Account::default();
    account.on_order(order(1, 40, true), Source::Stream, AT);
    account.on_order(order(1, 100, false), Source::Stream, AT);
    account.on_order(order(1, 10, true), Source::Stream, AT);
    account.on_order(order(1, 0, true), Source::Rest(AT), AT);
    assert_eq!(account.open_orders().count(), 0);
    assert_eq!(account.filled("o1"), qty(100));
}

#[test]
fn a_young_order_is_not_ended_by_an_answer_that_lags() {
    let mut account = Account::default();
    account.on_connect();
    account.on_order(order(1, 0, true), Source::Stream, AT);
    let asked = AT.plus(Nanos::from_millis(500));
    account.orders_complete(&[], asked);
    account.orders_complete(&[], asked);
    assert_eq!(account.open_orders().count(), 1);
    assert_eq!(account.need(), Some(Need::Fills(Nanos::ZERO)));
    let later = AT.plus(Nanos::from_secs(10));
    account.orders_complete(&[], later);
    assert_eq!(account.open_orders().count(), 1, "one absence is not enough");
    account.orders_complete(&[], later);
    assert_eq!((account.open_orders().count(), account.counts().ends_found), (0, 1));
}

#[test]
fn a_reconnection_makes_the_account_uncertain_until_all_was_read() {
    let mut account = Account::default();
    assert!(!account.is_certain() && account.need().is_none());
    account.on_connect();
    assert_eq!(account.need(), Some(Need::Fills(Nanos::ZERO)));
    account.fills_complete(AT);
    assert_eq!(account.need(), Some(Need::Orders));
    account.orders_complete(&[], AT);
    assert_eq!(account.need(), Some(Need::Cash));
    account.on_cash(Cash::ONE);
    assert!(account.is_certain() && account.need().is_none());
    account.on_disconnect();
    assert!(!account.is_certain());
    account.on_connect();
    let since = Nanos(AT.0 - REST_LAG.0);
    assert_eq!(account.need(), Some(Need::Fills(since)), "only what may have been missed");
}

/// What happened at the venue, as messages in their true order.
struct Truth {
    orders: Vec<(u64, bool)>,
    fills: Vec<OwnFill>,
    messages: Vec<Said>,
}

#[derive(Clone)]
enum Said {
    Order(OwnOrder),
    Fill(OwnFill),
}

impl Truth {
    fn random(random: &mut Jitter) -> Self {
        let mut truth = Self { orders: Vec::new(), fills: Vec::new(), messages: Vec::new() };
        for _ in 0..120 {
            let pick = random.next();
            let open: Vec<usize> =
                (0..truth.orders.len()).filter(|at| truth.orders[*at].1).collect();
            let chosen = open.get(usize::try_from(random.next() % 8).unwrap());
            match (pick % 4, chosen) {
                (0, Some(&at)) => {
                    truth.orders[at].1 = false;
                    truth.say_order(at);
                }
                (1 | 2, Some(&at)) => {
                    let contracts = (1 + random.next() % 20).min(100 - truth.orders[at].0);
                    truth.orders[at].0 += contracts;
                    truth.orders[at].1 = truth.orders[at].0 < 100;
                    let made = fill(truth.fills.len(), at, contracts, Settlement::Matched);
                    truth.messages.push(Said::Fill(made.clone()));
                    let done = OwnFill { settlement: Settlement::Confirmed, ..made };
                    truth.messages.push(Said::Fill(done.clone()));
                    truth.fills.push(done);
                    truth.say_order(at);
                }
                _ => {
                    truth.orders.push((0, true));
                    truth.say_order(truth.orders.len() - 1);
                }
            }
        }
        truth
    }

    fn say_order(&mut self, at: usize) {
        let (filled, is_open) = self.orders[at];
        self.messages.push(Said::Order(order(at, filled, is_open)));
    }

    /// The messages as a bad channel delivers them.
    fn delivered(&self, random: &mut Jitter) -> Vec<Said> {
        let mut delivered = Vec::new();
        for message in &self.messages {
            match random.next() % 10 {
                0 | 1 => {}
                2 => delivered.extend([message.clone(), message.clone()]),
                _ => delivered.push(message.clone()),
            }
        }
        for at in 1..delivered.len() {
            if random.next().is_multiple_of(5) {
                delivered.swap(at - 1, at);
            }
        }
        delivered
    }
}

#[test]
fn whatever_the_channel_lost_the_account_arrives_at_the_truth() {
    for seed in 0..200 {
        let mut random = Jitter::new(seed);
        let truth = Truth::random(&mut random);
        let mut account = Account::default();
        for message in truth.delivered(&mut random) {
            match message {
                Said::Order(order) => account.on_order(order, Source::Stream, AT),
                Said::Fill(fill) => {
                    account.on_fill(fill, Source::Stream);
                }
            }
        }
        account.on_connect();
        let asked = AT.plus(Nanos::from_secs(60));
        for _ in 0..4 {
            match account.need() {
                Some(Need::Fills(_)) => {
                    for fill in &truth.fills {
                        account.on_fill(fill.clone(), Source::Rest(asked));
                    }
                    account.fills_complete(asked);
                }
                Some(Need::Orders) => {
                    let mut listed = Vec::new();
                    for (at, (filled, _)) in
                        truth.orders.iter().enumerate().filter(|(_, order)| order.1)
                    {
                        account.on_order(order(at, *filled, true), Source::Rest(asked), asked);
                        listed.push(format!("o{at}"));
                    }
                    account.orders_complete(&listed, asked);
                }
                Some(Need::Cash) => account.on_cash(Cash::ZERO),
                None => break,
            }
        }
        assert!(account.is_certain(), "seed {seed}");
        let open: Vec<String> = account.open_orders().map(|order| order.id.clone()).collect();
        let mut expected: Vec<String> = (0..truth.orders.len())
            .filter(|at| truth.orders[*at].1)
            .map(|at| format!("o{at}"))
            .collect();
        expected.sort();
        assert_eq!(open, expected, "seed {seed}");
        for (at, (filled, _)) in truth.orders.iter().enumerate() {
            assert_eq!(account.filled(&format!("o{at}")), qty(*filled), "seed {seed}, order {at}");
        }
        assert_eq!(account.fills().count(), truth.fills.len(), "seed {seed}");
    }
}
