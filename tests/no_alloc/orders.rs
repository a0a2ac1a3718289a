//! From a decision to the bytes of a signed request: amounts, hash, signature, body, stamp, head.

use alloy_primitives::U256;
use dutchbook_book::{Price, Qty, Side};
use dutchbook_exec::intent::OrderId;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::sign::prepared::{NonceMaker, NonceProducer, NonceRing, SLOT_WORDS};
use dutchbook_exec::venue::kalshi;
use dutchbook_exec::venue::kalshi::request::{CreateOrder, ORDERS};
use dutchbook_exec::venue::kalshi::stamps::{StampMaker, StampReader, Target, stamps};
use dutchbook_exec::venue::polymarket::amounts::{self, Tick};
use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use dutchbook_exec::venue::polymarket::ladder::Ladder;
use dutchbook_exec::venue::polymarket::order::{
    Account, Envelope, OrderTemplate, OrderType, Terms, WalletKind,
};
use dutchbook_exec::wire::{Head, WireBuf};
use harness::alloc::{Calls, armed};
use std::sync::atomic::AtomicU64;

const CREATE: Target = ("POST", ORDERS);
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
    -----END PRIVATE KEY-----\n";
const UNIX_MS: u64 = 1_790_000_000_500;

/// One executor's worth of prepared things, and the helpers that prepare them.
struct Desk {
    template: OrderTemplate,
    signer: DigestSigner<Vec<AtomicU64>>,
    maker: NonceMaker,
    producer: NonceProducer<Vec<AtomicU64>>,
    ladder: Ladder,
    polymarket: (Credentials, Head),
    kalshi: (kalshi::auth::Credentials, Head),
    stamps: (StampMaker, StampReader),
    out: WireBuf,
    next: u64,
}

impl Desk {
    fn new(kind: WalletKind) -> Self {
        let key = || PrivateKey::from_bytes(&[9; 32]).unwrap();
        let memory = (0..SLOT_WORDS * 4).map(|_| AtomicU64::new(0)).collect();
        let (producer, consumer) = NonceRing::new(memory);
        let signer = DigestSigner::new(Signer::new(key(), &[1; 32]), Some(consumer));
        let owner = signer.address();
        let account = Account::new(kind, owner, owner);
        let template =
            OrderTemplate::new(&account, Chain::Polygon, Exchange::V2, U256::from(77_u64));
        let credentials = Credentials::new(owner, "key", "AAAA", "pass").unwrap();
        let head = credentials.head(("POST", "/order"), "host", true).unwrap();
        let kalshi = kalshi::auth::Credentials::new("id", PEM).unwrap();
        let kalshi_head = kalshi.head(CREATE, "host", true).unwrap();
        let terms = amounts_of(3);
        Self {
            template,
            signer,
            maker: NonceMaker::new(&key()).unwrap(),
            producer,
            ladder: Ladder::new([(Side::Buy, terms)], 1_000),
            polymarket: (credentials, head),
            kalshi: (kalshi, kalshi_head),
            stamps: stamps(&[CREATE], 1_000),
            out: WireBuf::new(8_192),
            next: 0,
        }
    }

    /// What helpers do beside the hot path.
    fn prepare(&mut self) {
        self.next += 1;
        if !self.next.is_multiple_of(3) {
            self.producer.push(self.maker.make(&[7; 32]));
        }
        let signer = &mut self.signer;
        let sign = |digest: &_| signer.sign(digest);
        self.ladder.renew_one(&self.template, UNIX_MS, self.next, sign);
        self.producer.push(self.maker.make(&[7; 32]));
        self.stamps.0.renew(&self.kalshi.0, UNIX_MS).unwrap();
    }

    /// An order of each way there is.
    fn send(&mut self) {
        let order_id = OrderId(self.next);
        let terms = Terms {
            salt: Boot(5).salt(order_id),
            side: Side::Buy,
            amounts: amounts_of(self.next % 50 + 1),
            timestamp_ms: UNIX_MS,
        };
        let online = self.template.sign(&terms, |digest| self.signer.sign(digest));
        let ahead = self.ladder.take(Side::Buy, amounts_of(3), UNIX_MS).unwrap();
        for order in [online, ahead] {
            let (credentials, head) = &self.polymarket;
            let envelope = Envelope {
                owner: credentials.api_key(),
                order_type: OrderType::Fak,
                is_post_only: false,
                is_deferred: false,
            };
            head.begin(&mut self.out);
            self.template.write(&order, &envelope, &mut self.out);
            credentials.finish(head, &mut self.out, UNIX_MS / 1_000);
            assert!(!self.out.is_full());
        }
        let client_id = Boot(5).client_order_id(order_id);
        let (price, count) = (Price::from_pips(5_600).unwrap(), Qty::from_contracts(3).unwrap());
        let order = CreateOrder::ioc("KXA-26NOV23-T1", client_id.as_str(), Side::Buy, price, count);
        let stamp = self.stamps.1.stamp(CREATE, UNIX_MS).unwrap();
        self.kalshi.1.begin(&mut self.out);
        order.write(&mut self.out).unwrap();
        kalshi::auth::finish(&self.kalshi.1, &mut self.out, &stamp);
        assert!(!self.out.is_full());
    }
}

fn amounts_of(dollars: u64) -> amounts::Amounts {
    let tick = Tick::from_micro(10_000).unwrap();
    let limit = Price::from_pips(5_600).unwrap();
    amounts::immediate(tick, Side::Buy, limit, dollars * 1_000_000).unwrap()
}

#[test]
fn no_allocation_from_a_decision_to_the_bytes_of_an_order() {
    for kind in [WalletKind::Eoa, WalletKind::Deposit] {
        let mut desk = Desk::new(kind);
        let mut sum = Calls::default();
        for _ in 0..200 {
            desk.prepare();
            let calls = armed(|| desk.send());
            sum.allocations += calls.allocations;
            sum.frees += calls.frees;
        }
        let counts = desk.signer.counts();
        assert!(counts.prepared > 0 && counts.fallback > 0, "both ways: {counts:?}");
        assert_eq!(sum, Calls::default(), "{kind:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_system_call_from_a_decision_to_the_bytes_of_an_order() {
    use super::silent::makes_no_system_call;
    use std::time::Duration;
    let mut desk = Desk::new(WalletKind::Deposit);
    desk.prepare();
    desk.send();
    desk.prepare();
    makes_no_system_call(Duration::from_secs(5), move || desk.send());
}
