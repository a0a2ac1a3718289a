//! Our ways: deterministic, with a nonce made ahead, and orders signed ahead.

use core::sync::atomic::AtomicU64;

use alloy_primitives::{Address, B256, U256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use dutchbook_book::{Price, Qty, Side};
use dutchbook_exec::intent::OrderId;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signature, Signer};
use dutchbook_exec::sign::prepared::{NonceMaker, NonceProducer, NonceRing, SLOT_WORDS};
use dutchbook_exec::venue::polymarket::amounts::{self, Amounts, Tick};
use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use dutchbook_exec::venue::polymarket::ladder::Ladder;
use dutchbook_exec::venue::polymarket::order::{
    Account, Envelope, OrderTemplate, OrderType, SignedOrder, Terms, WalletKind,
};
use dutchbook_exec::wire::{Head, WireBuf};

use super::{API_KEY, KEY, PASSPHRASE, SECRET, TOKEN, UNIX_MS, wanted};

/// How our desk signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// RFC 6979, as every published client.
    Deterministic,
    /// A nonce that another thread has made.
    Prepared,
    /// Whole orders that lie ready; one is renewed before each is wanted.
    Ladder,
}

type Memory = Vec<AtomicU64>;

/// Nonces that lie ready.
pub(crate) const NONCES: usize = 64;

/// Polymarket's side of the executor.
pub(crate) struct Desk {
    signing: Signing,
    template: OrderTemplate,
    signer: DigestSigner<Memory>,
    nonces: NonceProducer<Memory>,
    maker: NonceMaker,
    ladder: Ladder,
    credentials: Credentials,
    head: Head,
    out: WireBuf,
    made: u64,
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::from_bytes(&KEY).expect("a key")
}

pub(crate) fn signer() -> Signer {
    Signer::new(key(), &[1; 32])
}

pub(crate) fn owner() -> Address {
    signer().address()
}

fn amounts_of(n: usize) -> Amounts {
    let wanted = wanted(n);
    let tick = Tick::from_micro(10_000).expect("a tick");
    let price = Price::from_pips(wanted.cents * 100).expect("a price");
    let size = Qty::from_contracts(wanted.contracts).expect("a size");
    amounts::limit(tick, Side::Buy, price, size).expect("amounts")
}

fn terms(n: usize) -> Terms {
    let salt = Boot(5).salt(OrderId(n as u64));
    Terms { salt, side: Side::Buy, amounts: amounts_of(n), timestamp_ms: UNIX_MS }
}

impl Desk {
    pub(crate) fn new(signing: Signing) -> Self {
        let account = Account::new(WalletKind::Eoa, owner(), owner());
        let token: U256 = TOKEN.parse().expect("a token");
        let secret = BASE64_URL_SAFE.encode(SECRET);
        let credentials =
            Credentials::new(owner(), API_KEY, &secret, PASSPHRASE).expect("credentials");
        let memory = (0..NONCES * SLOT_WORDS).map(|_| AtomicU64::new(0)).collect::<Memory>();
        let (nonces, consumer) = NonceRing::new(memory);
        let ring = (signing == Signing::Prepared).then_some(consumer);
        Self {
            signing,
            template: OrderTemplate::new(&account, Chain::Polygon, Exchange::V2, token),
            signer: DigestSigner::new(signer(), ring),
            nonces,
            maker: NonceMaker::new(&key()).expect("a key"),
            ladder: Ladder::new((0..32).map(|n| (Side::Buy, amounts_of(n))), 10_000),
            head: credentials
                .head(("POST", "/order"), "clob.polymarket.com", true)
                .expect("a head"),
            credentials,
            out: WireBuf::new(8_192),
            made: 0,
        }
    }

    /// What another thread does meanwhile.
    pub(crate) fn make_ready(&mut self, count: usize) {
        match self.signing {
            Signing::Deterministic => {}
            Signing::Prepared => {
                for _ in 0..count {
                    self.made += 1;
                    let mut random = [0; 32];
                    random[..8].copy_from_slice(&self.made.to_le_bytes());
                    assert!(self.nonces.push(self.maker.make(&random)), "room for a nonce");
                }
            }
            Signing::Ladder => {
                let Self { ladder, template, signer, made, .. } = self;
                loop {
                    *made += 1;
                    if !ladder.renew_one(template, UNIX_MS, *made, |digest| signer.sign(digest)) {
                        break;
                    }
                }
            }
        }
    }

    /// An order of this desk is signed by the account's key, however it is signed.
    pub(crate) fn check(&mut self) {
        self.make_ready(1);
        let Self { template, signer: ours, .. } = self;
        let order = template.sign(&terms(0), |digest| ours.sign(digest));
        let signed_by = signer().recover(&order.hashes.signed, &order.signature);
        assert_eq!(signed_by, Some(owner()));
    }

    /// Price and size to the bytes of a request.
    pub(crate) fn order(&mut self, n: usize) -> usize {
        let Self { template, signer, ladder, .. } = self;
        let order = match self.signing {
            Signing::Deterministic | Signing::Prepared => {
                template.sign(&terms(n), |digest| signer.sign(digest))
            }
            Signing::Ladder => {
                let rung = amounts_of(n % 32);
                ladder.take(Side::Buy, rung, UNIX_MS).expect("an order that lies ready")
            }
        };
        self.write(&order)
    }

    fn write(&mut self, order: &SignedOrder) -> usize {
        let envelope = Envelope {
            owner: self.credentials.api_key(),
            order_type: OrderType::Fak,
            is_post_only: false,
            is_deferred: false,
        };
        self.head.begin(&mut self.out);
        self.template.write(order, &envelope, &mut self.out);
        self.credentials.finish(&self.head, &mut self.out, UNIX_MS / 1_000);
        self.out.as_bytes().len()
    }
}

/// What is signed about an order of another client, as its JSON states it.
pub(crate) struct Stated {
    pub(crate) salt: u64,
    pub(crate) maker_amount: u64,
    pub(crate) taker_amount: u64,
    pub(crate) timestamp_ms: u64,
    pub(crate) builder: B256,
}

/// What we sign for the same order: hash and signature.
pub(crate) fn signed_by_us(stated: &Stated) -> (B256, Signature) {
    let mut account = Account::new(WalletKind::Eoa, owner(), owner());
    account.builder = stated.builder;
    let token: U256 = TOKEN.parse().expect("a token");
    let template = OrderTemplate::new(&account, Chain::Polygon, Exchange::V2, token);
    let amounts = Amounts { maker: stated.maker_amount, taker: stated.taker_amount };
    let terms =
        Terms { salt: stated.salt, side: Side::Buy, amounts, timestamp_ms: stated.timestamp_ms };
    let order = template.sign(&terms, |digest| signer().sign(digest));
    (order.hashes.signed, order.signature)
}
