//! Kalshi's requests: orders, cancels, questions.
//!
//! Orders are immediate-or-cancel at a limit, the only way to take there (kalshi.md 3.2); what is
//! bought of NO is an ask of YES at the complement. The shard of a market is always named: a routed
//! order costs every shard's budget. Stamps are made ahead by another thread; where one is missing
//! or old the request is signed here, and counted.

use arrayvec::ArrayVec;
use dutchbook_book::catalog::{Catalog, Listing};
use dutchbook_book::{BookId, Nanos, VenueId, in_yes};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::throttle::Bucket;
use dutchbook_exec::venue::kalshi::auth::{Credentials, Stamp, finish};
use dutchbook_exec::venue::kalshi::request::{
    CreateOrder, Read, Routing, cancel_target, read_target, write_batch,
};
use dutchbook_exec::venue::kalshi::stamps::{StampReader, Target};
use dutchbook_exec::wire::{Head, WireBuf};
use dutchbook_exec::{Intent, OrderId};

use super::access::{
    DeskError, KALSHI_BATCH, KALSHI_FILLS, KALSHI_ORDER, KALSHI_ORDERS, KalshiAccess,
};
use super::quote::Quote;

/// Orders of one request: as many as the basic tier's bucket pays for at once.
pub(super) const KALSHI_BATCH_MAX: usize = 10;
/// Tokens of a new order.
pub(super) const ORDER_COST: u32 = 10;
/// Tokens of a cancel.
pub(super) const CANCEL_COST: u32 = 2;
/// Tokens of a question.
pub(super) const READ_COST: u32 = 10;

/// One order to be written.
pub(super) type Wanted<'a> = (OrderId, &'a Intent, &'a Quote);

#[derive(Debug)]
struct Market {
    ticker: Box<str>,
    shard: i16,
}

/// One account at Kalshi.
#[derive(Debug)]
pub(super) struct Trade {
    host: String,
    credentials: Credentials,
    stamps: StampReader,
    markets: Vec<Option<Market>>,
    one: Head,
    many: Head,
    pub(super) writes: Bucket,
    pub(super) reads: Bucket,
    /// Requests that found no fresh stamp.
    pub(super) online_count: u64,
}

impl Trade {
    /// The requests of an account over the listings of its venue.
    pub(super) fn new(
        access: KalshiAccess,
        catalog: &Catalog,
        venue: VenueId,
    ) -> Result<Self, DeskError> {
        let KalshiAccess { host, credentials, stamps, writes, reads } = access;
        let mut markets: Vec<Option<Market>> = Vec::new();
        markets.resize_with(catalog.listings.len(), || None);
        let mut trade = Self {
            one: credentials.head(KALSHI_ORDER, &host, true)?,
            many: credentials.head(KALSHI_BATCH, &host, true)?,
            writes: Bucket::new(writes, Nanos::ZERO),
            reads: Bucket::new(reads, Nanos::ZERO),
            host,
            credentials,
            stamps,
            markets,
            online_count: 0,
        };
        for listing in catalog.listings_of(venue).filter(|listing| !listing.is_free()) {
            trade.list(listing, catalog.terms(listing.book).map_or(0, |terms| terms.shard));
        }
        Ok(trade)
    }

    /// Makes orders of a listing possible.
    pub(super) fn list(&mut self, listing: &Listing, shard: u8) {
        let market = Market { ticker: listing.native_market.as_str().into(), shard: shard.into() };
        if let Some(slot) = self.markets.get_mut(listing.book.index()) {
            *slot = Some(market);
        }
    }

    fn market(&self, book: BookId) -> Option<&Market> {
        self.markets.get(book.index())?.as_ref()
    }

    fn stamp(&mut self, target: Target, now: Nanos) -> Option<Stamp> {
        if let Some(stamp) = self.stamps.stamp(target, now.millis()) {
            return Some(stamp);
        }
        self.online_count = self.online_count.saturating_add(1);
        self.credentials.stamp(now.millis(), target.0, target.1).ok()
    }

    /// Writes the request that places these orders. Returns whether it may be sent.
    pub(super) fn write_orders(
        &mut self,
        orders: &[Wanted<'_>],
        boot: Boot,
        now: Nanos,
        out: &mut WireBuf,
    ) -> bool {
        let target = if orders.len() > 1 { KALSHI_BATCH } else { KALSHI_ORDER };
        let Some(stamp) = self.stamp(target, now) else { return false };
        let ids: ArrayVec<_, KALSHI_BATCH_MAX> =
            orders.iter().map(|(id, ..)| boot.client_order_id(*id)).collect();
        let mut list: ArrayVec<CreateOrder<'_>, KALSHI_BATCH_MAX> = ArrayVec::new();
        for ((_, intent, quote), id) in orders.iter().zip(&ids) {
            let Some(market) = self.market(intent.instrument.book()) else { return false };
            let (side, price) = in_yes(intent.instrument.face(), intent.side, quote.limit);
            let order = CreateOrder::ioc(&market.ticker, id.as_str(), side, price, quote.qty);
            list.push(CreateOrder { exchange_index: Some(market.shard), ..order });
        }
        let head = if orders.len() > 1 { &self.many } else { &self.one };
        head.begin(out);
        let written = match list.as_slice() {
            [one] => one.write(out),
            many => write_batch(many, out),
        };
        finish(head, out, &stamp);
        written.is_ok() && !out.is_full()
    }

    /// Writes the cancel of an order.
    pub(super) fn write_cancel(
        &self,
        id: &str,
        book: BookId,
        now: Nanos,
        out: &mut WireBuf,
    ) -> bool {
        let Some(market) = self.market(book) else { return false };
        let routing = Routing { exchange_index: Some(market.shard), ..Routing::default() };
        self.write_signed(("DELETE", &cancel_target(id, &routing)), now, out)
    }

    /// Writes the question for the record of an order.
    pub(super) fn write_look_up(&self, id: &str, now: Nanos, out: &mut WireBuf) -> bool {
        self.write_signed(("GET", &read_target(Read::Order(id), &[])), now, out)
    }

    /// Writes the question for the newest orders of a market.
    pub(super) fn write_list(
        &mut self,
        book: BookId,
        cursor: Option<&str>,
        now: Nanos,
        out: &mut WireBuf,
    ) -> bool {
        let Some(market) = self.market(book) else { return false };
        let ticker = market.ticker.clone();
        let mut query = vec![("ticker", &*ticker), ("limit", "200")];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.write_stamped(KALSHI_ORDERS, &read_target(Read::Orders, &query), now, out)
    }

    /// Writes the question for the fills of an order.
    pub(super) fn write_fills(
        &mut self,
        id: &str,
        cursor: Option<&str>,
        now: Nanos,
        out: &mut WireBuf,
    ) -> bool {
        let mut query = vec![("order_id", id), ("limit", "200")];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.write_stamped(KALSHI_FILLS, &read_target(Read::Fills, &query), now, out)
    }

    /// A question whose path is known ahead.
    fn write_stamped(&mut self, path: Target, target: &str, now: Nanos, out: &mut WireBuf) -> bool {
        let Some(stamp) = self.stamp(path, now) else { return false };
        let Ok(head) = self.credentials.head((path.0, target), &self.host, false) else {
            return false;
        };
        head.begin(out);
        finish(&head, out, &stamp);
        !out.is_full()
    }

    /// A request whose path is its own.
    fn write_signed(
        &self,
        (method, target): (&'static str, &str),
        now: Nanos,
        out: &mut WireBuf,
    ) -> bool {
        let Ok(stamp) = self.credentials.stamp(now.millis(), method, target) else { return false };
        let Ok(head) = self.credentials.head((method, target), &self.host, false) else {
            return false;
        };
        head.begin(out);
        finish(&head, out, &stamp);
        !out.is_full()
    }
}
