//! Polymarket's requests: signed orders, cancels, questions, the heartbeat.
//!
//! Orders are FAK: what there is now within the limit, and nothing stays behind (arbitrage.md 9.2;
//! `quote` says why budgets). All buffers and templates are made at the start; from an intent to the
//! bytes of its request nothing is allocated.

use alloy_primitives::{B256, U256};
use arrayvec::ArrayVec;
use dutchbook_book::catalog::{Catalog, Listing};
use dutchbook_book::{BookId, Face, Nanos, Side, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::{DigestSigner, SignCounts};
use dutchbook_exec::throttle::Bucket;
use dutchbook_exec::venue::polymarket::amounts::{self, Tick};
use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use dutchbook_exec::venue::polymarket::order::{
    Account, Envelope, OrderTemplate, OrderType, SignedOrder, Terms,
};
use dutchbook_exec::wire::{Head, WireBuf};
use dutchbook_exec::{Intent, OrderId, RejectReason};

use super::access::{DeskError, PolymarketAccess};
use super::quote::Quote;
use super::requests::BATCH_MAX;
use crate::secret::SecretPages;

/// Orders of one request.
pub(super) const POLYMARKET_BATCH: usize = BATCH_MAX;

/// What one listing's orders are made of.
#[derive(Debug)]
struct Market {
    templates: [OrderTemplate; 2],
    tokens: [Box<str>; 2],
    tick: Option<Tick>,
}

/// An order that is signed and not yet written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed {
    pub(super) book: BookId,
    pub(super) face: Face,
    pub(super) order: SignedOrder,
}

/// One account at Polymarket.
#[derive(Debug)]
pub(super) struct Clob {
    host: String,
    credentials: Credentials,
    signer: DigestSigner<SecretPages>,
    signature_type: u8,
    account: Account,
    chain: Chain,
    markets: Vec<Option<Box<Market>>>,
    one: Head,
    many: Head,
    cancel: Head,
    beat: Head,
    pub(super) orders: Bucket,
    pub(super) cancels: Bucket,
    pub(super) reads: Bucket,
}

impl Clob {
    /// The requests of an account over the listings of its venue.
    pub(super) fn new(
        access: PolymarketAccess,
        catalog: &Catalog,
        venue: VenueId,
    ) -> Result<Self, DeskError> {
        let PolymarketAccess { host, chain, account, credentials, signer, .. } = access;
        let mut markets: Vec<Option<Box<Market>>> = Vec::new();
        markets.resize_with(catalog.listings.len(), || None);
        let head = |method, target| credentials.head((method, target), &host, true);
        let mut clob = Self {
            one: head("POST", "/order")?,
            many: head("POST", "/orders")?,
            cancel: head("DELETE", "/order")?,
            beat: head("POST", "/v1/heartbeats")?,
            orders: Bucket::new(access.orders, Nanos::ZERO),
            cancels: Bucket::new(access.cancels, Nanos::ZERO),
            reads: Bucket::new(access.reads, Nanos::ZERO),
            signature_type: account.kind.code(),
            account,
            chain,
            host,
            credentials,
            signer,
            markets,
        };
        for listing in catalog.listings_of(venue).filter(|listing| !listing.is_free()) {
            let is_neg_risk = catalog.terms(listing.book).is_some_and(|terms| terms.is_neg_risk);
            clob.list(listing, is_neg_risk)?;
        }
        Ok(clob)
    }

    /// Makes orders of a listing possible.
    pub(super) fn list(&mut self, listing: &Listing, is_neg_risk: bool) -> Result<(), DeskError> {
        let no_tokens = || DeskError::Tokens(listing.name.clone());
        let faces = listing.native_faces.as_ref().ok_or_else(no_tokens)?;
        let template = |token: &String| {
            let token = U256::from_str_radix(token, 10).map_err(|_| no_tokens())?;
            let exchange = Exchange::of(token, is_neg_risk);
            Ok::<_, DeskError>(OrderTemplate::new(&self.account, self.chain, exchange, token))
        };
        let [yes, no] = faces;
        let market = Market {
            templates: [template(yes)?, template(no)?],
            tokens: [yes.as_str().into(), no.as_str().into()],
            tick: Tick::from_micro(listing.grid.step()),
        };
        if let Some(slot) = self.markets.get_mut(listing.book.index()) {
            *slot = Some(Box::new(market));
        }
        Ok(())
    }

    fn market(&self, book: BookId) -> Option<&Market> {
        self.markets.get(book.index())?.as_deref()
    }

    /// The venue changed the prices that a book accepts.
    pub(super) fn set_tick(&mut self, book: BookId, step_micro: u32) {
        if let Some(market) = self.markets.get_mut(book.index()).and_then(Option::as_mut) {
            market.tick = Tick::from_micro(step_micro);
        }
    }

    /// The API key that owns our orders.
    pub(super) fn api_key(&self) -> &str {
        self.credentials.api_key()
    }

    /// The token of an instrument.
    pub(super) fn token(&self, book: BookId, face: Face) -> Option<&str> {
        let [yes, no] = &self.market(book)?.tokens;
        Some(match face {
            Face::Yes => yes,
            Face::No => no,
        })
    }

    /// How orders were signed so far.
    pub(super) const fn sign_counts(&self) -> SignCounts {
        self.signer.counts()
    }

    /// Signs an order. Its hash is its id at the venue from here on.
    pub(super) fn sign(
        &mut self,
        id: OrderId,
        intent: &Intent,
        quote: &Quote,
        boot: Boot,
        now: Nanos,
    ) -> Result<Signed, RejectReason> {
        let (book, face) = (intent.instrument.book(), intent.instrument.face());
        let market = self.markets.get(book.index()).and_then(Option::as_ref);
        let market = market.ok_or(RejectReason::Unwritable)?;
        let tick = market.tick.ok_or(RejectReason::Unwritable)?;
        let gives = match (intent.side, quote.budget) {
            (Side::Buy, Some(budget)) => u64::try_from(budget.micro()).ok(),
            (Side::Sell, None) => Some(quote.qty.micro()),
            (Side::Buy, None) | (Side::Sell, Some(_)) => None,
        };
        let gives = gives.ok_or(RejectReason::Unwritable)?;
        let amounts = amounts::immediate(tick, intent.side, quote.limit, gives);
        let amounts = amounts.map_err(|_| RejectReason::Unwritable)?;
        let terms =
            Terms { salt: boot.salt(id), side: intent.side, amounts, timestamp_ms: now.millis() };
        let [yes, no] = &market.templates;
        let template = match face {
            Face::Yes => yes,
            Face::No => no,
        };
        let signer = &mut self.signer;
        let order = template.sign(&terms, |digest| signer.sign(digest));
        Ok(Signed { book, face, order })
    }

    /// Writes the request that places these orders. Returns whether it fits.
    pub(super) fn write_orders(&self, orders: &[Signed], now: Nanos, out: &mut WireBuf) -> bool {
        let envelope = Envelope {
            owner: self.credentials.api_key(),
            order_type: OrderType::Fak,
            is_post_only: false,
            is_deferred: false,
        };
        let head = if orders.len() > 1 { &self.many } else { &self.one };
        head.begin(out);
        for (index, signed) in orders.iter().enumerate() {
            if orders.len() > 1 {
                out.push(if index == 0 { b"[" } else { b"," });
            }
            let Some(market) = self.market(signed.book) else { return false };
            let [yes, no] = &market.templates;
            let template = match signed.face {
                Face::Yes => yes,
                Face::No => no,
            };
            template.write(&signed.order, &envelope, out);
        }
        if orders.len() > 1 {
            out.push(b"]");
        }
        self.credentials.finish(head, out, now.millis() / 1_000);
        !out.is_full()
    }

    /// Writes the cancel of an order.
    pub(super) fn write_cancel(&self, hash: &B256, now: Nanos, out: &mut WireBuf) -> bool {
        self.cancel.begin(out);
        out.push(b"{\"orderID\":\"0x");
        out.push_hex(hash.as_slice());
        out.push(b"\"}");
        self.credentials.finish(&self.cancel, out, now.millis() / 1_000);
        !out.is_full()
    }

    /// Writes the next word to the dead-man switch, under the id that it gave last.
    pub(super) fn write_heartbeat(&self, id: &str, now: Nanos, out: &mut WireBuf) -> bool {
        self.beat.begin(out);
        out.push(b"{\"heartbeat_id\":");
        out.push_json_text(id);
        out.push(b"}");
        self.credentials.finish(&self.beat, out, now.millis() / 1_000);
        !out.is_full()
    }

    /// Writes the question for the record of an order.
    pub(super) fn write_look_up(&self, hash: &B256, now: Nanos, out: &mut WireBuf) -> bool {
        self.write_read(&format!("/data/order/{hash:#x}"), now, out)
    }

    /// Writes the question for the trades of a token since shortly before `sent`.
    pub(super) fn write_trades(
        &self,
        (book, face): (BookId, Face),
        sent: Nanos,
        cursor: Option<&str>,
        now: Nanos,
        out: &mut WireBuf,
    ) -> bool {
        /// The venue's clock may be behind ours, and its times are whole seconds.
        const BEFORE_SECS: u64 = 10;
        let Some(token) = self.token(book, face) else { return false };
        let after = (sent.millis() / 1_000).saturating_sub(BEFORE_SECS);
        let page = cursor.map(|cursor| format!("&next_cursor={cursor}")).unwrap_or_default();
        self.write_read(&format!("/data/trades?asset_id={token}&after={after}{page}"), now, out)
    }

    /// Writes the question for our cash.
    pub(super) fn write_balance(&self, now: Nanos, out: &mut WireBuf) -> bool {
        let kind = self.signature_type;
        let target = format!("/balance-allowance?asset_type=COLLATERAL&signature_type={kind}");
        self.write_read(&target, now, out)
    }

    fn write_read(&self, target: &str, now: Nanos, out: &mut WireBuf) -> bool {
        let Ok(head) = self.credentials.head(("GET", target), &self.host, false) else {
            return false;
        };
        head.begin(out);
        self.credentials.finish(&head, out, now.millis() / 1_000);
        !out.is_full()
    }
}

/// The hashes of signed orders, in their order.
pub(super) type SignedBatch = ArrayVec<Signed, POLYMARKET_BATCH>;
