//! What the engine makes of the venues' own words on our orders: real frames of both user channels,
//! lost and repeated at random, merged with real REST answers.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Cash, Nanos, Qty};
use dutchbook_core::account::{Account, Need, Source};
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::general::{GeneralDecoder, Item};
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::listing::Page;
use dutchbook_feeds::own::{self, OwnFill, OwnOrder};

use super::rng::Rng;

/// An engine's side of one user channel.
pub(super) struct Follower {
    decoder: GeneralDecoder,
    batch: Batch,
    ids: IdTable,
    key: String,
    pub(super) account: Account,
    rng: Rng,
    /// Frames that were about orders or fills.
    pub(super) spoken: u64,
}

/// What REST says: open orders, fills, cash.
pub(super) struct Bodies {
    pub(super) orders: Vec<u8>,
    pub(super) fills: Vec<u8>,
    pub(super) cash: Vec<u8>,
}

impl Follower {
    /// A follower of a channel. `key` is the API key that owns the orders, where the venue says so.
    pub(super) fn new(kind: VenueKind, key: &str, seed: u64) -> Self {
        let mut account = Account::default();
        account.on_connect();
        Self {
            decoder: GeneralDecoder::new(kind, false),
            batch: Batch::with_capacity(16),
            ids: IdTable::default(),
            key: key.to_owned(),
            account,
            rng: Rng::new(seed, 0x006f_776e),
            spoken: 0,
        }
    }

    /// Takes frames as they come, less those that are lost; some come twice.
    pub(super) fn take(&mut self, frames: &[String], now: Nanos) {
        for frame in frames {
            let times = self.rng.below(4).min(2);
            for _ in 0..times {
                self.decode(frame, now);
            }
        }
    }

    fn decode(&mut self, frame: &str, now: Nanos) {
        let (mut orders, mut fills) = (Vec::new(), Vec::new());
        let key = &self.key;
        let each = |item: Item<'_>| {
            let Item::Record(record) = item else { return };
            orders.extend(own::order_of(&record));
            own::fills_of(&record, key, |fill| fills.push(fill));
        };
        self.decoder.decode(frame.as_bytes(), &self.ids, &mut self.batch, each).unwrap();
        assert_eq!(self.decoder.drift().unknown_frames(), 0, "not known: {frame}");
        self.spoken += u64::from(!orders.is_empty() || !fills.is_empty());
        for order in orders {
            self.account.on_order(order, Source::Stream, now);
        }
        for fill in fills {
            self.account.on_fill(fill, Source::Stream);
        }
    }

    /// Reads whatever the account needs until it is certain.
    pub(super) fn merge(&mut self, kind: VenueKind, bodies: &Bodies, mut now: Nanos) {
        for _ in 0..8 {
            let Some(need) = self.account.need() else { return };
            let source = Source::Rest(now);
            match need {
                Need::Fills(_) => {
                    let page: Page<Vec<OwnFill>> = match kind {
                        VenueKind::Polymarket => own::polymarket_fills(&bodies.fills, &self.key),
                        VenueKind::Kalshi => own::kalshi_fills(&bodies.fills),
                    }
                    .unwrap();
                    assert!(
                        page.refused.is_empty() && page.next.is_none_or(|next| next.is_empty())
                    );
                    for fill in page.items.into_iter().flatten() {
                        self.account.on_fill(fill, source);
                    }
                    self.account.fills_complete(now);
                }
                Need::Orders => {
                    let page: Page<OwnOrder> = match kind {
                        VenueKind::Polymarket => own::polymarket_orders(&bodies.orders),
                        VenueKind::Kalshi => own::kalshi_orders(&bodies.orders),
                    }
                    .unwrap();
                    assert!(page.refused.is_empty());
                    let listed: Vec<String> = page.items.iter().map(|one| one.id.clone()).collect();
                    for order in page.items {
                        self.account.on_order(order, source, now);
                    }
                    self.account.orders_complete(&listed, now);
                    now = now.plus(Nanos::from_secs(3));
                }
                Need::Cash => self.account.on_cash(own::balance(&bodies.cash).unwrap()),
            }
        }
    }

    /// Contracts filled, over all orders.
    pub(super) fn filled(&self, orders: &[String]) -> u64 {
        orders.iter().map(|order| self.account.filled(order)).map(Qty::micro).sum()
    }

    /// Everything that must be so after a merge.
    pub(super) fn check(&self, open: &[String], cash: Cash) {
        assert!(self.account.is_certain());
        let mut own: Vec<&str> = self.account.open_orders().map(|one| one.id.as_str()).collect();
        let mut theirs: Vec<&str> = open.iter().map(String::as_str).collect();
        own.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(own, theirs);
        assert_eq!(self.account.cash(), Some(cash));
    }
}
