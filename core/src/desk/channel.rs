//! Messages of the user channels: orders and trades of ours, in whatever order and as often as the
//! venue likes.

use alloy_primitives::B256;
use dutchbook_book::{Nanos, Price, Qty, VenueId};
use dutchbook_exec::order::fills::{FillNews, Settlement, TradeKey};
use dutchbook_exec::order::live::{End, Evidence};
use dutchbook_feeds::general::Item;
use dutchbook_feeds::record::{Record, kalshi, polymarket};

use super::money::{Met, taker_cost};
use super::{Desk, Wire};
use crate::journal::JournalWriter;

/// Most resting orders of one trade that are told of.
const MET_MAX: usize = 256;

/// One thing that a message says of one order.
#[derive(Clone, Debug)]
struct Told {
    whose: Whose,
    what: What,
}

/// How a message names an order.
#[derive(Clone, Debug)]
enum Whose {
    Hash(B256),
    /// The venue's id, and ours where it is said.
    Named {
        native: Box<str>,
        client: Option<Box<str>>,
    },
}

#[derive(Clone, Debug)]
enum What {
    Evidence([Option<Evidence>; 2]),
    /// A trade of Polymarket, which does not say what it cost.
    Trade {
        trade: TradeKey,
        price: Price,
        qty: Qty,
        settlement: Settlement,
        met: Vec<Met>,
    },
    /// A fill of Kalshi, on the YES scale.
    Fill {
        news: FillNews,
    },
}

impl Desk {
    /// Takes a message of a user channel.
    pub fn on_user_message(
        &mut self,
        venue: VenueId,
        payload: &[u8],
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let mut told = Vec::new();
        let Some(door) = self.doors.get_mut(venue.index()).and_then(Option::as_mut) else { return };
        let key = match &door.wire {
            Wire::Polymarket(clob) => clob.api_key(),
            Wire::Kalshi(_) => "",
        };
        let read = door.decoder.decode(payload, &self.ids, &mut self.batch, |item| {
            let Item::Record(record) = item else { return };
            match record {
                Record::Polymarket(polymarket::Record::Order(order)) => {
                    told.extend(of_order(&order));
                }
                Record::Polymarket(polymarket::Record::Trade(trade)) => {
                    told.extend(of_trade(&trade, key));
                }
                Record::Kalshi(kalshi::Message { record: kalshi::Record::Fill(fill), .. }) => {
                    told.push(of_fill(&fill));
                }
                Record::Kalshi(kalshi::Message {
                    record: kalshi::Record::UserOrder(order),
                    ..
                }) => {
                    told.push(of_user_order(&order));
                }
                Record::Polymarket(_) | Record::Kalshi(_) => {}
            }
        });
        if read.is_err() {
            self.counts.strange += 1;
            return;
        }
        for Told { whose, what } in told {
            match self.find(venue, &whose, journal, now) {
                Some(at) => self.take(at, what, journal, now),
                None => self.counts.foreign += 1,
            }
        }
    }

    /// The order that a message names; keeps the venue's id of it.
    fn find(
        &mut self,
        venue: VenueId,
        whose: &Whose,
        journal: &mut JournalWriter,
        now: Nanos,
    ) -> Option<usize> {
        match whose {
            Whose::Hash(hash) => self.orders.of_hash(hash),
            Whose::Named { native, client } => {
                let order = client.as_deref().and_then(|id| self.order_of_client(id));
                let at = match order {
                    Some(order) => self.orders.of_id(order)?,
                    None => self.orders.of_native(venue, native)?,
                };
                self.name(at, native, journal, now);
                Some(at)
            }
        }
    }

    fn take(&mut self, at: usize, what: What, journal: &mut JournalWriter, now: Nanos) {
        let Some(slot) = self.orders.get(at) else { return };
        let intent = *slot.live.intent();
        match what {
            What::Evidence(list) => {
                for evidence in list.into_iter().flatten() {
                    self.learn(at, evidence, 0, journal, now);
                }
            }
            What::Trade { trade, price, qty, settlement, met } => {
                let fee = self.fees.get(intent.instrument.book().index()).copied();
                let matches = u32::try_from(met.len()).unwrap_or(u32::MAX);
                let known = slot.booked_cost(trade);
                let cost = || taker_cost(&fee?, intent.side, price, met.into_iter());
                let cost = known.or_else(cost);
                let Some(fee) = cost else {
                    self.counts.strange += 1;
                    return;
                };
                let news = FillNews { trade, price, qty, fee, settlement };
                self.learn(at, Evidence::Fill(news), matches, journal, now);
            }
            What::Fill { news } => {
                let price = match intent.instrument.face() {
                    dutchbook_book::Face::Yes => news.price,
                    dutchbook_book::Face::No => news.price.complement(),
                };
                self.learn(at, Evidence::Fill(FillNews { price, ..news }), 1, journal, now);
            }
        }
    }
}

/// An order of Polymarket. What it matched may still grow: its end comes with the reply of the
/// request, or with the record, unless it is gone.
fn of_order(order: &polymarket::Order<'_>) -> Option<Told> {
    let hash = order.id.parse::<B256>().ok()?;
    let matched = order.size_matched;
    let status = order.status.unwrap_or_default();
    let status = status.strip_prefix("ORDER_STATUS_").unwrap_or(status);
    let is_over = order.is_canceled()
        || status.starts_with("CANCELED")
        || matches!(status, "INVALID" | "UNMATCHED");
    let last = match is_over {
        true => Evidence::Ended(End::Cancelled, Some(matched)),
        false => Evidence::Acknowledged,
    };
    let filled = (!matched.is_zero()).then_some(Evidence::Filled(matched));
    Some(Told { whose: Whose::Hash(hash), what: What::Evidence([filled, Some(last)]) })
}

/// A trade of Polymarket in which our order took.
fn of_trade(trade: &polymarket::Trade<'_>, key: &str) -> Option<Told> {
    let is_maker = trade.maker_orders.iter().any(|maker| maker.owner == Some(key));
    let hash = trade.taker_order_id?.parse::<B256>().ok()?;
    let status = trade.status.strip_prefix("TRADE_STATUS_").unwrap_or(trade.status);
    let settlement = match status {
        "MATCHED" | "MATCHED_NOT_BROADCASTED" => Settlement::Provisional,
        "MINED" | "RETRYING" => Settlement::Mined,
        "CONFIRMED" => Settlement::Confirmed,
        "FAILED" => Settlement::Failed,
        _ => return None,
    };
    let met = trade.maker_orders.iter().take(MET_MAX).map(|maker| Met {
        qty: maker.matched_amount,
        is_same_token: maker.asset_id.map(|token| token == trade.asset_id),
    });
    let what = What::Trade {
        trade: TradeKey::of(trade.id),
        price: trade.price,
        qty: trade.size,
        settlement,
        met: met.collect(),
    };
    // Our orders never rest: one that did is found by the next look-up.
    (!is_maker).then_some(Told { whose: Whose::Hash(hash), what })
}

fn of_fill(fill: &kalshi::Fill<'_>) -> Told {
    let news = FillNews {
        trade: TradeKey::of(fill.trade_id),
        price: fill.yes_price,
        qty: fill.count,
        fee: fill.fee.exact(),
        settlement: Settlement::Confirmed,
    };
    Told { whose: named(fill.order_id, fill.client_order_id), what: What::Fill { news } }
}

fn of_user_order(order: &kalshi::UserOrder<'_>) -> Told {
    let filled = order.filled;
    let last = match order.status {
        "resting" => Evidence::Resting,
        "canceled" => Evidence::Ended(End::Cancelled, Some(filled)),
        "executed" => Evidence::Ended(End::Filled, Some(filled)),
        _ => Evidence::Acknowledged,
    };
    let part = (!filled.is_zero()).then_some(Evidence::Filled(filled));
    let whose = named(order.order_id, order.client_order_id);
    Told { whose, what: What::Evidence([part, Some(last)]) }
}

fn named(native: &str, client: Option<&str>) -> Whose {
    Whose::Named { native: native.into(), client: client.map(Into::into) }
}
