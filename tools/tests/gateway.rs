//! The gateway against both simulated venues over TLS: real orders out, their replies and the news of
//! the user channels back, and nothing of it lost when a venue misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Nanos, Price, Qty, Side, VenueId};
use dutchbook_core::clock::Clock;
use dutchbook_core::desk::Channel;
use dutchbook_core::discovery::streams::stamper_of;
use dutchbook_core::gateway::{Gateway, GatewayLimits, Host, Line, News, UserChannel, VenueLine};
use dutchbook_core::http::{HttpClient, HttpLimits};
use dutchbook_core::net::{Endpoint, Gate, Stamper};
use dutchbook_core::pin::Wait;
use dutchbook_core::request::{Answer, Lane, OutRequest, Outbox, RequestId};
use dutchbook_core::tls::TlsRoots;
use dutchbook_exec::OrderId;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::venue::kalshi::request::{CreateOrder, ORDERS};
use dutchbook_exec::venue::polymarket::amounts::{self, Tick};
use dutchbook_exec::venue::polymarket::auth::l1_fields;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};
use dutchbook_exec::venue::polymarket::order::{
    Account, Envelope, OrderTemplate, OrderType, Terms, WalletKind,
};
use dutchbook_exec::venue::{kalshi, polymarket};
use dutchbook_exec::wire::WireBuf;
use dutchbook_tools::key_pair::KeyType;
use dutchbook_tools::sim::accounts::Accounts;
use dutchbook_tools::sim::fault::FaultPlan;
use dutchbook_tools::sim::flow::{FlowConfig, Pace};
use dutchbook_tools::sim::kalshi::test_account;
use dutchbook_tools::sim::polymarket::account::test_key;
use dutchbook_tools::sim::scenario::Scenario;
use dutchbook_tools::sim::server::{self, SimHandle, SimOptions, VenueCertificate};
use serde_json::Value;

const POLYMARKET: VenueId = VenueId(0);
const KALSHI: VenueId = VenueId(1);
const LIMITS: GatewayLimits = GatewayLimits {
    order_connections: 2,
    connect_max: Duration::from_secs(5),
    reply_max: Duration::from_secs(2),
    body_bytes_max: 1 << 20,
    core: None,
    wait: Wait::Park,
};

/// Both venues, our accounts there, and the gateway to them.
struct Bench {
    venues: Option<SimHandle>,
    clock: Clock,
    line: Line,
    gateway: Gateway,
    signer: Signer,
    credentials: polymarket::auth::Credentials,
    kalshi: Arc<kalshi::auth::Credentials>,
    token: String,
    ticker: String,
    host: String,
    next: u64,
    /// News that nobody has asked for yet.
    kept: Vec<Kept>,
}

/// News, kept.
#[derive(Clone, Debug, PartialEq)]
enum Kept {
    Reply(u64, u16, Value),
    Lost(u64),
    NotSent(u64),
    User(VenueId, String),
    Channel(VenueId, Channel),
}

impl Kept {
    fn of(news: News<'_>) -> Self {
        match news {
            News::Answer(id, Answer::Reply { status, body, .. }) => {
                Self::Reply(id.0, status, serde_json::from_slice(body).unwrap_or(Value::Null))
            }
            News::Answer(id, Answer::Lost) => Self::Lost(id.0),
            News::Answer(id, Answer::NotSent) => Self::NotSent(id.0),
            News::User(venue, text) => Self::User(venue, String::from_utf8(text.to_vec()).unwrap()),
            News::Channel(venue, state) => Self::Channel(venue, state),
        }
    }
}

fn endpoint(url: String, tls: &TlsRoots, stamps: Option<Stamper>) -> Endpoint {
    let payload_bytes_max = 1 << 20;
    Endpoint {
        url,
        payload_bytes_max,
        tls: tls.clone(),
        stamps,
        standby: None,
        seed: 0,
        gate: Gate::default(),
        race: None,
    }
}

impl Bench {
    fn new(faults: FaultPlan) -> Self {
        let scenario = Scenario::lasting(5, None).unwrap();
        let listings = scenario.catalog.listings.clone();
        let of = |kind| listings.iter().find(|listing| listing.kind == kind).unwrap();
        let token = of(VenueKind::Polymarket).native_faces.clone().unwrap()[0].clone();
        let ticker = of(VenueKind::Kalshi).native_market.clone();
        let mut options = SimOptions::new(scenario, FlowConfig::of(Pace::None), 5);
        let (wallet, member) = (test_key().unwrap(), test_account(KeyType::Ed25519).unwrap());
        options.accounts =
            Accounts { kalshi: vec![member.account.clone()], polymarket: vec![wallet.wallet] };
        options.faults = faults;
        let certificate = VenueCertificate::new(options.listen.ip()).unwrap();
        let tls = TlsRoots::with_certificates([certificate.root.clone()]).unwrap();
        options.certificate = Some(certificate);
        let clock = Clock::new();
        let venue_clock = clock.clone();
        let venues = server::start(options, Box::new(move || venue_clock.now())).unwrap();
        let address = venues.address.to_string();
        let signer = Signer::new(PrivateKey::from_hex(&wallet.private_key).unwrap(), &[3; 32]);
        let api = api_key(&format!("https://{address}"), &tls, &clock, &signer);
        let credentials =
            polymarket::auth::Credentials::new(signer.address(), &api[0], &api[1], &api[2]);
        let pem = &member.private_key_pem;
        let kalshi = kalshi::auth::Credentials::new(&member.account.key_id, pem);
        let kalshi = Arc::new(kalshi.unwrap());
        let stamps = stamper_of(Arc::clone(&kalshi), &venues.kalshi_url, &clock);
        let host = Host::of(&format!("https://{address}")).unwrap();
        let user = endpoint(format!("wss://{address}/ws/user"), &tls, None);
        let api = [api[0].as_str(), &api[1], &api[2]];
        let private = endpoint(venues.kalshi_url.clone(), &tls, Some(stamps));
        let lines = vec![
            VenueLine {
                venue: POLYMARKET,
                host: host.clone(),
                channel: UserChannel::polymarket(POLYMARKET, user, api),
            },
            VenueLine { venue: KALSHI, host, channel: UserChannel::kalshi(KALSHI, private) },
        ];
        let (gateway, line) = Gateway::start(lines, LIMITS, tls).unwrap();
        Self {
            venues: Some(venues),
            clock,
            line,
            gateway,
            signer,
            credentials: credentials.unwrap(),
            kalshi,
            token,
            ticker,
            host: address,
            next: 0,
            kept: Vec::new(),
        }
    }

    /// Waits for news that fits, ten seconds at most; what else comes meanwhile is kept.
    fn wait_for(&mut self, what: &str, fits: impl Fn(&Kept) -> bool) -> Kept {
        let end = self.clock.now().plus(Nanos::from_secs(10));
        loop {
            if let Some(at) = self.kept.iter().position(&fits) {
                return self.kept.remove(at);
            }
            let kept = &mut self.kept;
            let has_come = self.line.take_news(|news| kept.push(Kept::of(news)));
            if !has_come {
                let (kept, watch) = (&self.kept, self.gateway.watch());
                assert!(self.clock.now() < end, "no {what}; there is {kept:?}, {watch:?}");
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
    }

    fn open(faults: FaultPlan) -> Self {
        let mut bench = Self::new(faults);
        for venue in [POLYMARKET, KALSHI] {
            let connected = Kept::Channel(venue, Channel::Connected);
            bench.wait_for("channel", |kept| *kept == connected);
        }
        bench
    }

    fn send(&mut self, venue: VenueId, lane: Lane, bytes: &[u8]) -> u64 {
        self.next += 1;
        let id = RequestId(self.next);
        assert!(self.line.send(&OutRequest { id, venue, lane, bytes }));
        self.line.ring();
        id.0
    }

    /// A buy of ten contracts at a cent that rests, on Polymarket.
    fn polymarket_order(&mut self) -> (u64, String) {
        let owner = self.signer.address();
        let account = Account::new(WalletKind::Eoa, owner, owner);
        let token = self.token.parse().unwrap();
        let exchange = Exchange::of(token, false);
        let template = OrderTemplate::new(&account, Chain::Polygon, exchange, token);
        let tick = Tick::from_micro(10_000).unwrap();
        let (price, qty) = (Price::from_pips(100).unwrap(), Qty::from_contracts(100).unwrap());
        let amounts = amounts::limit(tick, Side::Buy, price, qty).unwrap();
        let salt = Boot(1).salt(OrderId(self.next + 1));
        let now = self.clock.now().millis();
        let terms = Terms { salt, side: Side::Buy, amounts, timestamp_ms: now };
        let order = template.sign(&terms, |digest| self.signer.sign(digest));
        let mut out = WireBuf::new(8 << 10);
        let head = self.credentials.head(("POST", "/order"), &self.host, true).unwrap();
        head.begin(&mut out);
        let owner = self.credentials.api_key();
        let (order_type, is_post_only, is_deferred) = (OrderType::Gtc, false, false);
        let envelope = Envelope { owner, order_type, is_post_only, is_deferred };
        template.write(&order, &envelope, &mut out);
        self.credentials.finish(&head, &mut out, now / 1_000);
        let id = self.send(POLYMARKET, Lane::Order, out.as_bytes());
        (id, order.hashes.order.to_string())
    }

    /// A buy of one contract at a cent that rests, on Kalshi.
    fn kalshi_order(&mut self) -> (u64, String) {
        let client_id = Boot(1).client_order_id(OrderId(self.next + 1));
        let (price, qty) = (Price::from_pips(100).unwrap(), Qty::from_contracts(1).unwrap());
        let mut order = CreateOrder::ioc(&self.ticker, client_id.as_str(), Side::Buy, price, qty);
        order.time_in_force = kalshi::request::TimeInForce::Gtc(None);
        let head = self.kalshi.head(("POST", ORDERS), &self.host, true).unwrap();
        let mut out = WireBuf::new(8 << 10);
        head.begin(&mut out);
        order.write(&mut out).unwrap();
        let stamp = self.kalshi.stamp(self.clock.now().millis(), "POST", ORDERS).unwrap();
        kalshi::auth::finish(&head, &mut out, &stamp);
        let id = self.send(KALSHI, Lane::Order, out.as_bytes());
        (id, client_id.as_str().to_owned())
    }
}

/// Makes API credentials: id, secret, passphrase.
fn api_key(address: &str, tls: &TlsRoots, clock: &Clock, signer: &Signer) -> [String; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limits = HttpLimits::default();
    let mut client = HttpClient::new(address, tls.clone(), clock.clone(), limits).unwrap();
    let secs = clock.now().millis() / 1_000;
    let fields = l1_fields(signer, Chain::Polygon, secs, 0);
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (method, body) = (hyper::Method::POST, Default::default());
    let reply = runtime.block_on(client.send(&method, "/auth/api-key", &fields, body)).unwrap();
    assert!(reply.is_ok(), "{}", reply.said());
    let value: Value = serde_json::from_slice(&reply.body).unwrap();
    ["apiKey", "secret", "passphrase"].map(|key| value[key].as_str().unwrap().to_owned())
}

fn is_reply_to(id: u64) -> impl Fn(&Kept) -> bool {
    move |kept| match kept {
        Kept::Reply(of, ..) | Kept::Lost(of) | Kept::NotSent(of) => *of == id,
        Kept::User(..) | Kept::Channel(..) => false,
    }
}

fn speaks_of(venue: VenueId, name: &str) -> impl Fn(&Kept) -> bool {
    move |kept| matches!(kept, Kept::User(of, text) if *of == venue && text.contains(name))
}

#[test]
fn orders_go_out_and_their_news_comes_back() {
    let mut bench = Bench::open(FaultPlan::default());
    let (id, hash) = bench.polymarket_order();
    let Kept::Reply(_, status, body) = bench.wait_for("reply", is_reply_to(id)) else {
        panic!("no reply")
    };
    assert_eq!(
        (status, body["success"].as_bool(), body["orderID"].as_str()),
        (200, Some(true), Some(hash.as_str()))
    );
    bench.wait_for("word of the order", speaks_of(POLYMARKET, &hash));
    let (id, client_id) = bench.kalshi_order();
    let Kept::Reply(_, status, body) = bench.wait_for("reply", is_reply_to(id)) else {
        panic!("no reply")
    };
    assert_eq!(status, 201, "{body}");
    bench.wait_for("word of the order", speaks_of(KALSHI, &client_id));
    let target = "/trade-api/v2/portfolio/balance";
    let head = bench.kalshi.head(("GET", target), &bench.host, false).unwrap();
    let stamp = bench.kalshi.stamp(bench.clock.now().millis(), "GET", target).unwrap();
    let mut out = WireBuf::new(2 << 10);
    head.begin(&mut out);
    kalshi::auth::finish(&head, &mut out, &stamp);
    let id = bench.send(KALSHI, Lane::Read, out.as_bytes());
    let reply = bench.wait_for("reply", is_reply_to(id));
    assert!(matches!(reply, Kept::Reply(_, 200, body) if body["balance"].is_i64()));
    let watch = bench.gateway.watch();
    assert_eq!((watch.replied(), watch.lost(), watch.not_sent()), (3, 0, 0));
    let Bench { line, gateway, .. } = bench;
    drop(line);
    gateway.join().unwrap();
}

#[test]
fn every_request_has_one_answer_whatever_the_venue_does() {
    let mut bench =
        Bench::open(FaultPlan { slow_ppm: 300_000, slow_ms: 3_000, ..FaultPlan::default() });
    let ids: Vec<u64> = (0..6).map(|_| bench.polymarket_order().0).collect();
    let mut ends = Vec::new();
    for id in &ids {
        let end = bench.wait_for("answer", is_reply_to(*id));
        ends.push(match &end {
            Kept::Reply(_, status, _) => status.to_string(),
            Kept::Lost(_) => "lost".to_owned(),
            Kept::NotSent(_) => "not sent".to_owned(),
            Kept::User(..) | Kept::Channel(..) => panic!("{end:?}"),
        });
    }
    assert!(ends.iter().all(|end| ["200", "lost", "not sent"].contains(&end.as_str())), "{ends:?}");
    let watch = bench.gateway.watch();
    assert_eq!(watch.replied() + watch.lost() + watch.not_sent(), 6, "{ends:?}");
    drop(bench.venues.take().map(SimHandle::stop));
    for venue in [POLYMARKET, KALSHI] {
        let lost = Kept::Channel(venue, Channel::Lost);
        bench.wait_for("loss of the channel", |kept| *kept == lost);
    }
    let (id, _) = bench.kalshi_order();
    let end = bench.wait_for("answer", is_reply_to(id));
    assert!(matches!(end, Kept::NotSent(_)), "nobody is there: {end:?}");
}
