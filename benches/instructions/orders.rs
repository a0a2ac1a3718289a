//! From price and size to the bytes of a signed request.

use core::hint::black_box;
use core::sync::atomic::AtomicU64;

use alloy_primitives::U256;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use dutchbook_book::{Price, Qty, Side};
use dutchbook_exec::intent::OrderId;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::sign::prepared::{NonceMaker, NonceRing, SLOT_WORDS};
use dutchbook_exec::venue::kalshi;
use dutchbook_exec::venue::kalshi::request::{CreateOrder, ORDERS};
use dutchbook_exec::venue::kalshi::stamps::{Target, stamps};
use dutchbook_exec::venue::polymarket::amounts::{self, Amounts, Tick};
use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use dutchbook_exec::venue::polymarket::order::{
    Account, Envelope, OrderTemplate, OrderType, SignedOrder, Terms, WalletKind,
};
use dutchbook_exec::wire::{Head, WireBuf};

use crate::{Job, PIECES};

const KEY: [u8; 32] = [9; 32];
const TOKEN: &str = "71321045679252212594626385532706912750332728571942532289631379312455583992563";
const UNIX_MS: u64 = 1_790_000_000_500;
const CREATE: Target = ("POST", ORDERS);

type Memory = Vec<AtomicU64>;

/// Polymarket's side of the executor.
struct Desk {
    template: OrderTemplate,
    signer: DigestSigner<Memory>,
    credentials: Credentials,
    head: Head,
    out: WireBuf,
}

fn amounts_of(n: usize) -> Amounts {
    let (tick, limit) = (Tick::from_micro(10_000).unwrap(), Price::from_pips(5_600).unwrap());
    amounts::immediate(tick, Side::Buy, limit, (n as u64 % 50 + 1) * 1_000_000).unwrap()
}

fn terms(n: usize) -> Terms {
    let salt = Boot(5).salt(OrderId(n as u64));
    Terms { salt, side: Side::Buy, amounts: amounts_of(n), timestamp_ms: UNIX_MS }
}

impl Desk {
    /// With so many nonces made ahead; none is deterministic.
    fn new(nonces: usize) -> Self {
        let key = || PrivateKey::from_bytes(&KEY).unwrap();
        let signer = Signer::new(key(), &[1; 32]);
        let owner = signer.address();
        let mut ring = None;
        if nonces > 0 {
            let memory = (0..nonces.next_power_of_two() * SLOT_WORDS).map(|_| AtomicU64::new(0));
            let (mut producer, consumer) = NonceRing::new(memory.collect::<Memory>());
            let mut maker = NonceMaker::new(&key()).unwrap();
            for number in 0..nonces as u64 {
                let mut random = [0; 32];
                random[..8].copy_from_slice(&(number + 1).to_le_bytes());
                assert!(producer.push(maker.make(&random)));
            }
            ring = Some(consumer);
        }
        let account = Account::new(WalletKind::Eoa, owner, owner);
        let token: U256 = TOKEN.parse().unwrap();
        let secret = BASE64_URL_SAFE.encode([3; 32]);
        let credentials = Credentials::new(owner, "key", &secret, "pass").unwrap();
        Self {
            template: OrderTemplate::new(&account, Chain::Polygon, Exchange::V2, token),
            signer: DigestSigner::new(signer, ring),
            head: credentials.head(("POST", "/order"), "clob.polymarket.com", true).unwrap(),
            credentials,
            out: WireBuf::new(8_192),
        }
    }

    fn sign(&mut self, n: usize) -> SignedOrder {
        let Self { template, signer, .. } = self;
        template.sign(&terms(n), |digest| signer.sign(digest))
    }

    fn write(&mut self, order: &SignedOrder) {
        let envelope = Envelope {
            owner: self.credentials.api_key(),
            order_type: OrderType::Fak,
            is_post_only: false,
            is_deferred: false,
        };
        self.head.begin(&mut self.out);
        self.template.write(order, &envelope, &mut self.out);
        self.credentials.finish(&self.head, &mut self.out, UNIX_MS / 1_000);
        black_box(self.out.as_bytes());
    }
}

fn signing(nonces: usize) -> Job {
    let mut desk = Desk::new(nonces);
    Box::new(move |n| {
        let order = desk.sign(n);
        desk.write(&order);
    })
}

pub(crate) fn prepared() -> Job {
    signing(PIECES)
}

pub(crate) fn deterministic() -> Job {
    signing(0)
}

/// Orders that lie ready; finding the rung is left out, for a ladder has fewer than are counted.
pub(crate) fn from_ladder() -> Job {
    let mut desk = Desk::new(0);
    let signed = desk.sign(1);
    Box::new(move |_| desk.write(black_box(&signed)))
}

fn kalshi_order(is_fresh: bool) -> Job {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let key = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8v1(&random).unwrap();
    let text = BASE64_STANDARD.encode(key.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let credentials = kalshi::auth::Credentials::new("a952bcbe", &pem).unwrap();
    let head = credentials.head(CREATE, "external-api.kalshi.com", true).unwrap();
    let (mut maker, reader) = stamps(&[CREATE], 2_000);
    maker.renew(&credentials, UNIX_MS).unwrap();
    let mut out = WireBuf::new(4_096);
    Box::new(move |n| {
        let id = Boot(5).client_order_id(OrderId(n as u64));
        let (price, count) = (Price::from_pips(5_600).unwrap(), Qty::from_contracts(3).unwrap());
        head.begin(&mut out);
        let order =
            CreateOrder::ioc("KXHIGHNY-26NOV23-B61.5", id.as_str(), Side::Buy, price, count);
        order.write(&mut out).unwrap();
        let stamp = if is_fresh {
            reader.stamp(CREATE, UNIX_MS).unwrap()
        } else {
            credentials.stamp(UNIX_MS, CREATE.0, CREATE.1).unwrap()
        };
        kalshi::auth::finish(&head, &mut out, &stamp);
        black_box(out.as_bytes());
    })
}

pub(crate) fn kalshi_fresh() -> Job {
    kalshi_order(true)
}

pub(crate) fn kalshi_online() -> Job {
    kalshi_order(false)
}
