//! The whole way of the engine, from an intent that risk has allowed to the bytes that a gateway is
//! given: room and rate limits, registry, amounts, signature, journal, request.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::{BookId, Cash, Face, Nanos, Price, Qty, Side, VenueId};
use dutchbook_core::desk::quote::Quote;
use dutchbook_core::desk::{Access, Channel, Desk, DeskConfig, PolymarketAccess};
use dutchbook_core::journal::{JournalReader, JournalWriter, journal};
use dutchbook_core::request::{Answer, Lane, OutRequest, Outbox, RequestId};
use dutchbook_core::secret::SecretPages;
use dutchbook_exec::intent::{Intent, OrderId, TradeId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::prepared::{NonceMaker, NonceProducer, NonceRing, SLOT_WORDS};
use dutchbook_exec::throttle::{BucketRules, Urgency};
use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::{Account, WalletKind};

use super::ours::{NONCES, key, owner, signer};
use super::{API_KEY, PASSPHRASE, SECRET, TOKEN, Way, wanted};
use crate::clients::ours::listing;

/// No rate limit stands in the way of a bench.
const FREE: BucketRules = BucketRules { refill_rate: 1_000_000, capacity: 1_000_000, reserve: 0 };
/// Time between two orders.
const EVERY: Nanos = Nanos::from_millis(1);

/// Takes requests as a gateway does, and counts their bytes.
#[derive(Default)]
struct Gateway {
    order_bytes: usize,
    under_way: Vec<RequestId>,
}

impl Outbox for Gateway {
    fn send(&mut self, request: &OutRequest<'_>) -> bool {
        if request.lane == Lane::Order {
            self.order_bytes = request.bytes.len();
        }
        self.under_way.push(request.id);
        true
    }
}

/// A desk with one account and one book.
struct Whole {
    desk: Desk,
    journal: JournalWriter,
    records: JournalReader,
    gateway: Gateway,
    nonces: Option<NonceProducer<SecretPages>>,
    maker: NonceMaker,
    made: u64,
    now: Nanos,
}

impl Whole {
    fn new(is_prepared: bool) -> Self {
        let mut catalog = Catalog::default();
        let faces = Some([TOKEN.to_owned(), format!("1{TOKEN}")].map(|mut id| {
            id.truncate(TOKEN.len());
            id
        }));
        let listed = listing(VenueKind::Polymarket, &mut catalog, "0x01", faces, 10_000);
        catalog.add_listing(listed);
        let pages = SecretPages::new(NONCES * SLOT_WORDS).expect("pages");
        let (producer, consumer) = NonceRing::new(pages);
        let (nonces, ring) =
            if is_prepared { (Some(producer), Some(consumer)) } else { (None, None) };
        let secret = BASE64_URL_SAFE.encode(SECRET);
        let access = PolymarketAccess {
            host: "clob.polymarket.com".to_owned(),
            chain: Chain::Polygon,
            account: Account::new(WalletKind::Eoa, owner(), owner()),
            credentials: Credentials::new(owner(), API_KEY, &secret, PASSPHRASE).expect("sound"),
            signer: DigestSigner::new(signer(), ring),
            orders: FREE,
            cancels: FREE,
            reads: FREE,
        };
        let config = DeskConfig { heartbeats: false, ..DeskConfig::new(Boot(5)) };
        let access = [(VenueId(0), Access::Polymarket(Box::new(access)))];
        let mut desk = Desk::new(config, &catalog, access).expect("a desk");
        desk.on_channel(VenueId(0), Channel::Connected);
        desk.open_account(VenueId(0), Cash::from_micro(1_000_000_000));
        let (journal, records) = journal(64, 1_024);
        Self {
            desk,
            journal,
            records,
            gateway: Gateway { order_bytes: 0, under_way: Vec::with_capacity(1_024) },
            nonces,
            maker: NonceMaker::new(&key()).expect("a key"),
            made: 0,
            now: Nanos::from_secs(1_790_000_000),
        }
    }

    /// What happens between orders: the last ones end, records are drained, nonces are made.
    fn make_ready(&mut self, count: usize) {
        for id in self.gateway.under_way.drain(..) {
            self.desk.on_answer(id, &Answer::NotSent, &mut self.journal, self.now);
        }
        self.now = self.now.plus(Nanos::from_millis(10));
        self.desk.follow_up(self.now, &mut self.journal, &mut self.gateway);
        while self.desk.next_word().is_some() {}
        self.journal.flush();
        self.records.drain(|_| {});
        if let Some(nonces) = &mut self.nonces {
            for _ in 0..count {
                self.made += 1;
                let mut random = [1; 32];
                random[..8].copy_from_slice(&self.made.to_le_bytes());
                assert!(nonces.push(self.maker.make(&random)), "room for a nonce");
            }
        }
    }

    fn order(&mut self, n: usize) -> usize {
        let wanted = wanted(n);
        self.now = self.now.plus(EVERY);
        let limit = Price::from_pips(wanted.cents * 100).expect("a price");
        let qty = Qty::from_contracts(wanted.contracts).expect("a size");
        let cents = i64::from(wanted.cents) * i64::try_from(wanted.contracts).expect("few");
        let quote = Quote { limit, qty, budget: Some(Cash::from_micro(cents * 10_000)) };
        let id = OrderId(n as u64 + 1);
        let intent = Intent {
            trade: TradeId(id.0),
            leg_index: 0,
            instrument: BookId(0).instrument(Face::Yes),
            side: Side::Buy,
            limit,
            qty,
            deadline: self.now.plus(Nanos::from_secs(1)),
            ts_decision: self.now,
        };
        self.gateway.order_bytes = 0;
        let taken = self.desk.submit(id, &intent, &quote, Urgency::Entry, self.now);
        assert!(taken.is_ok(), "{taken:?}");
        self.desk.dispatch(self.now, &mut self.journal, &mut self.gateway);
        assert!(self.gateway.order_bytes > 500, "the request has left");
        self.gateway.order_bytes
    }
}

pub(crate) fn way(name: &'static str, is_prepared: bool) -> Way {
    let engine = Rc::new(RefCell::new(Whole::new(is_prepared)));
    let other = Rc::clone(&engine);
    Way {
        name,
        ready: Box::new(move |count| other.borrow_mut().make_ready(count)),
        order: Box::new(move |n| engine.borrow_mut().order(n)),
    }
}
