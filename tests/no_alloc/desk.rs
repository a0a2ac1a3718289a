//! From an intent to the bytes handed to the gateway, through the order desk itself: quote, rate
//! limits, order record, signature, journal, request.

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{
    BookId, BookStatus, Cash, Depth, Face, Grid, Level, Nanos, Price, Qty, Side, VenueId,
};
use dutchbook_core::desk::quote::{Quote, Terms, quote};
use dutchbook_core::desk::{
    Access, Channel, Desk, DeskConfig, KALSHI_READS, KALSHI_TARGETS, KalshiAccess,
    POLYMARKET_CANCELS, POLYMARKET_READS, PolymarketAccess,
};
use dutchbook_core::journal::{JournalReader, JournalWriter, journal};
use dutchbook_core::request::{Answer, OutRequest, Outbox, RequestId};
use dutchbook_core::secret::SecretPages;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::sign::prepared::{NonceMaker, NonceProducer, NonceRing, SLOT_WORDS};
use dutchbook_exec::throttle::{BucketRules, Urgency};
use dutchbook_exec::venue::kalshi::stamps::{StampMaker, stamps};
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::{Account, WalletKind};
use dutchbook_exec::venue::{kalshi, polymarket};
use dutchbook_exec::{Intent, OrderId, PaperRules, TradeId};
use harness::alloc::{Calls, armed};

const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
    -----END PRIVATE KEY-----\n";
/// Legs of one basket: two on each venue, so that both send batches.
const LEGS: usize = 4;

/// A gateway that keeps what it got in room made before.
struct Wire {
    bytes: Vec<u8>,
    ids: Vec<RequestId>,
}

impl Outbox for Wire {
    fn send(&mut self, request: &OutRequest<'_>) -> bool {
        self.bytes.clear();
        self.bytes.extend_from_slice(request.bytes);
        self.ids.push(request.id);
        true
    }
}

struct Rig {
    desk: Desk,
    journal: JournalWriter,
    reader: JournalReader,
    wire: Wire,
    nonces: (NonceMaker, NonceProducer<SecretPages>),
    stamps: (kalshi::auth::Credentials, StampMaker),
    depth: Depth,
    rules: PaperRules,
    grid: Grid,
    now: Nanos,
    next: u64,
}

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

fn catalog(grid: Grid) -> Catalog {
    let mut catalog = Catalog::default();
    let event = catalog.add_event("rain", EventLaw::Independent);
    let condition = catalog.add_condition(event, "it rains");
    for kind in [VenueKind::Polymarket, VenueKind::Kalshi] {
        let venue = catalog.add_venue(kind);
        let faces = ["7132", "5211"].map(str::to_owned);
        catalog.add_listing(Listing {
            native_market: "RAIN-26".to_owned(),
            native_faces: (kind == VenueKind::Polymarket).then_some(faces),
            name: "it rains".to_owned(),
            lot: Qty::from_centi(1).unwrap(),
            min_qty: Qty::from_centi(1).unwrap(),
            ..Listing::plain(kind, venue, condition, grid)
        });
    }
    catalog
}

impl Rig {
    fn new(kind: WalletKind) -> Self {
        let key = || PrivateKey::from_bytes(&[9; 32]).unwrap();
        let (producer, consumer) = NonceRing::new(SecretPages::new(SLOT_WORDS * 8).unwrap());
        let signer = DigestSigner::new(Signer::new(key(), &[1; 32]), Some(consumer));
        let owner = signer.address();
        let plenty = BucketRules { refill_rate: 1_000_000, capacity: 1_000_000, reserve: 0 };
        let polymarket = PolymarketAccess {
            host: "clob".to_owned(),
            chain: Chain::Polygon,
            account: Account::new(kind, owner, owner),
            credentials: polymarket::auth::Credentials::new(owner, "key", "AAAA", "pass").unwrap(),
            signer,
            orders: plenty,
            cancels: POLYMARKET_CANCELS,
            reads: POLYMARKET_READS,
        };
        let credentials = || kalshi::auth::Credentials::new("id", PEM).unwrap();
        let (maker, reader) = stamps(&KALSHI_TARGETS, 1_000);
        let kalshi = KalshiAccess {
            host: "kalshi".to_owned(),
            credentials: credentials(),
            stamps: reader,
            writes: plenty,
            reads: KALSHI_READS,
        };
        let accounts = [
            (VenueId(0), Access::Polymarket(Box::new(polymarket))),
            (VenueId(1), Access::Kalshi(Box::new(kalshi))),
        ];
        let grid = Grid::uniform(price(100)).unwrap();
        let config = DeskConfig::new(Boot(7));
        let mut desk = Desk::new(config, &catalog(grid), accounts).unwrap();
        desk.on_channel(VenueId(0), Channel::Connected);
        desk.on_channel(VenueId(1), Channel::Connected);
        desk.open_account(VenueId(0), Cash::ONE);
        let (journal, reader) = journal(64, 256);
        let mut depth = Depth::default();
        let mut stamp = depth.stamp;
        stamp.status = BookStatus::Live;
        depth.reset(stamp);
        let qty = Qty::from_contracts(7).unwrap();
        assert!(depth.push(Side::Sell, Level { price: price(4_300), qty }));
        assert!(depth.push(Side::Sell, Level { price: price(4_400), qty }));
        let rules = PaperRules {
            fee: FeeSchedule::NONE,
            lot: Qty::from_centi(1).unwrap(),
            min_qty: Qty::from_centi(1).unwrap(),
            min_notional: Cash::ZERO,
            latency: Nanos::ZERO,
        };
        Self {
            desk,
            journal,
            reader,
            wire: Wire { bytes: Vec::with_capacity(1 << 16), ids: Vec::with_capacity(64) },
            nonces: (NonceMaker::new(&key()).unwrap(), producer),
            stamps: (credentials(), maker),
            depth,
            rules,
            grid,
            now: Nanos::from_secs(1_790_000_000),
            next: 0,
        }
    }

    /// What others do beside the hot path: nonces, stamps, answers, the journal's reader.
    fn prepare(&mut self) {
        self.now = self.now.plus(Nanos::from_millis(50));
        self.nonces.1.push(self.nonces.0.make(&[7; 32]));
        self.stamps.1.renew(&self.stamps.0, self.now.millis()).unwrap();
        self.desk.follow_up(self.now, &mut self.journal, &mut self.wire);
        for id in core::mem::take(&mut self.wire.ids) {
            let refused = Answer::Reply { status: 400, retry_after: None, body: b"{}" };
            self.desk.on_answer(id, &refused, &mut self.journal, self.now);
        }
        self.wire.ids.reserve(64);
        while self.desk.next_word().is_some() {}
        self.journal.flush();
        self.reader.drain(|_| {});
    }

    /// A basket with two legs on each venue.
    fn send(&mut self) {
        self.next += LEGS as u64;
        let mut intents = [self.intent(0); LEGS];
        let mut quotes = [Quote { limit: Price::ZERO, qty: Qty::ZERO, budget: None }; LEGS];
        let mut ids = [OrderId(0); LEGS];
        for leg in 0..LEGS {
            intents[leg] = self.intent(leg);
            ids[leg] = OrderId(self.next + leg as u64);
            let kind = [VenueKind::Polymarket, VenueKind::Kalshi][leg % 2];
            let allowance = Price::ZERO;
            let terms = Terms { kind, rules: &self.rules, grid: &self.grid, allowance };
            let left = |_, shown: Level| shown.qty;
            quotes[leg] = quote(&intents[leg], &self.depth, &terms, left, |_, _, _| {}).unwrap();
        }
        self.desk.submit_all(&ids, &intents, &quotes, Urgency::Entry, self.now);
        self.desk.dispatch(self.now, &mut self.journal, &mut self.wire);
    }

    fn intent(&self, leg: usize) -> Intent {
        Intent {
            trade: TradeId(self.next),
            leg_index: u16::try_from(leg).unwrap(),
            instrument: BookId(u32::from(leg % 2 == 1)).instrument(Face::Yes),
            side: Side::Buy,
            limit: price(4_400),
            qty: Qty::from_contracts(10).unwrap(),
            deadline: self.now.plus(Nanos::from_secs(1)),
            ts_decision: self.now,
        }
    }
}

#[test]
fn no_allocation_from_an_intent_to_the_bytes_of_its_request() {
    for kind in [WalletKind::Eoa, WalletKind::Deposit] {
        let mut rig = Rig::new(kind);
        let mut sum = Calls::default();
        for _ in 0..100 {
            rig.prepare();
            let calls = armed(|| rig.send());
            assert_eq!(rig.wire.ids.len(), 2, "one request for each venue");
            sum.allocations += calls.allocations;
            sum.frees += calls.frees;
        }
        let counts = rig.desk.sign_counts();
        assert!(counts.prepared > 0 && counts.fallback > 0, "both ways: {counts:?}");
        assert_eq!(rig.desk.stamps_missing(), 0);
        assert_eq!(sum, Calls::default(), "{kind:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_system_call_from_an_intent_to_the_bytes_of_its_request() {
    use super::silent::makes_no_system_call;
    use std::time::Duration;
    let mut rig = Rig::new(WalletKind::Deposit);
    rig.prepare();
    rig.send();
    rig.prepare();
    makes_no_system_call(Duration::from_secs(5), move || rig.send());
}
