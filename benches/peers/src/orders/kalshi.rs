//! Kalshi's orders: the stamp covers time, method and path, not the body, so that a fresh one lies
//! ready; beside it what signing online costs, with each kind of key.

use std::cell::RefCell;
use std::rc::Rc;

use aws_lc_rs::encoding::AsDer;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dutchbook_book::{Price, Qty, Side};
use dutchbook_exec::intent::OrderId;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::venue::kalshi::auth::{Credentials, finish};
use dutchbook_exec::venue::kalshi::request::{CreateOrder, ORDERS};
use dutchbook_exec::venue::kalshi::stamps::{Target, stamps};
use dutchbook_exec::wire::{Head, WireBuf};

use super::{UNIX_MS, Way, wanted};

const CREATE: Target = ("POST", ORDERS);

struct Writer {
    head: Head,
    out: WireBuf,
}

impl Writer {
    fn new(credentials: &Credentials) -> Self {
        let head = credentials.head(CREATE, "external-api.kalshi.com", true).expect("a head");
        Self { head, out: WireBuf::new(4_096) }
    }

    fn begin(&mut self, n: usize) {
        let wanted = wanted(n);
        let id = Boot(5).client_order_id(OrderId(n as u64));
        let price = Price::from_pips(wanted.cents * 100).expect("a price");
        let count = Qty::from_contracts(wanted.contracts).expect("a count");
        self.head.begin(&mut self.out);
        let ticker = "KXHIGHNY-26NOV23-B61.5";
        let order = CreateOrder::ioc(ticker, id.as_str(), Side::Buy, price, count);
        order.write(&mut self.out).expect("an order");
    }
}

/// Keys made for this run.
fn keys() -> [(&'static str, &'static str, String); 2] {
    let pem = |der: &[u8]| {
        let text = BASE64_STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    };
    let random = aws_lc_rs::rand::SystemRandom::new();
    let ed25519 = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8v1(&random).expect("a key");
    let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let rsa = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa).expect("a key");
    [
        ("kalshi, Ed25519, fresh stamp", "kalshi, Ed25519, online", pem(ed25519.as_ref())),
        ("kalshi, RSA-PSS 2048, fresh stamp", "kalshi, RSA-PSS 2048, online", pem(rsa.as_ref())),
    ]
}

pub(crate) fn ways() -> Vec<Way> {
    let ways = keys().into_iter().flat_map(|(fresh, online, pem)| {
        let credentials = Rc::new(Credentials::new("a952bcbe", &pem).expect("credentials"));
        let (mut maker, reader) = stamps(&[CREATE], 2_000);
        maker.renew(&credentials, UNIX_MS).expect("a stamp");
        let writer = Rc::new(RefCell::new(Writer::new(&credentials)));
        let other = Rc::clone(&writer);
        let fresh = Way {
            name: fresh,
            ready: Box::new(|_| {}),
            order: Box::new(move |n| {
                let mut writer = writer.borrow_mut();
                writer.begin(n);
                let stamp = reader.stamp(CREATE, UNIX_MS).expect("a fresh stamp");
                let Writer { head, out } = &mut *writer;
                finish(head, out, &stamp);
                out.as_bytes().len()
            }),
        };
        let online = Way {
            name: online,
            ready: Box::new(|_| {}),
            order: Box::new(move |n| {
                let mut writer = other.borrow_mut();
                writer.begin(n);
                let stamp = credentials.stamp(UNIX_MS, CREATE.0, CREATE.1).expect("a stamp");
                let Writer { head, out } = &mut *writer;
                finish(head, out, &stamp);
                out.as_bytes().len()
            }),
        };
        [fresh, online]
    });
    ways.collect()
}
