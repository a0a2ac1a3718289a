//! A client of the venue: signs and stamps as the official ones do.

use alloy_primitives::{Address, B256, U256, hex};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Face, Level, Nanos, Side};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secp256k1::{Message, Secp256k1, SecretKey};
use serde_json::{Value, json};
use sha2::Sha256;

use super::super::auth::ApiKey;
use super::super::eip712::{Exchange, SignedOrder, address_of_key, login_digest};
use super::super::wallet::WalletKind;
use crate::sim::door::{HttpReply, HttpRequest};
use crate::sim::{FaultPlan, FlowConfig, Pace, Scenario, SessionId, SimVenues};

const KEYS: [[u8; 32]; 2] = [
    hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    hex!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
];

pub(super) const fn start() -> Nanos {
    Nanos::from_secs(1_790_000_000)
}

/// Both venues with their books open, and nobody moving unless the pace says so.
pub(super) fn venues(pace: Pace) -> SimVenues {
    let scenario = Scenario::demo(1, Nanos::from_secs(12)).unwrap();
    SimVenues::new(scenario, FlowConfig::of(pace), FaultPlan::default(), 1, start()).unwrap()
}

/// What a client wants to trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket<'a> {
    pub(super) book: BookId,
    pub(super) face: Face,
    pub(super) side: Side,
    pub(super) maker: u64,
    pub(super) taker: u64,
    pub(super) kind: &'a str,
    pub(super) post_only: bool,
    pub(super) expiration: u64,
}

impl<'a> Ticket<'a> {
    /// An order at a price in ten-thousandths for hundredths of shares.
    pub(super) fn limit(book: BookId, side: Side, pips: u64, centi: u64, kind: &'a str) -> Self {
        let (shares, money) = (centi * 10_000, centi * pips);
        let (maker, taker) = if side == Side::Buy { (money, shares) } else { (shares, money) };
        let face = Face::Yes;
        Self { book, face, side, maker, taker, kind, post_only: false, expiration: 0 }
    }

    pub(super) const fn on(mut self, face: Face) -> Self {
        self.face = face;
        self
    }
}

pub(super) struct Client {
    secret: SecretKey,
    pub(super) address: Address,
    pub(super) key: ApiKey,
    pub(super) wallet: u8,
    salt: u64,
}

fn sign(secret: &SecretKey, digest: B256) -> Vec<u8> {
    let signature =
        Secp256k1::signing_only().sign_ecdsa_recoverable(Message::from_digest(digest.0), secret);
    let (id, compact) = signature.serialize_compact();
    let mut bytes = compact.to_vec();
    bytes.push(27 + u8::try_from(i32::from(id)).unwrap());
    bytes
}

pub(super) fn body(reply: &HttpReply) -> Value {
    let text = String::from_utf8(reply.body.clone()).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

pub(super) fn get(venues: &mut SimVenues, path: &str, query: &str) -> Value {
    let request = HttpRequest { method: "GET", path, query, headers: &[], body: b"" };
    let now = venues.now();
    let reply = venues.on_request(VenueKind::Polymarket, &request, now);
    assert_eq!(reply.status, 200, "{path}?{query}: {:?}", String::from_utf8(reply.body));
    body(&reply)
}

impl Client {
    /// The client with one of the well-known keys, its API key made.
    pub(super) fn new(venues: &mut SimVenues, index: usize) -> Self {
        let secret = SecretKey::from_byte_array(KEYS[index]).unwrap();
        let address = address_of_key(KEYS[index]).unwrap();
        let stamp = (venues.now().0 / 1_000_000_000).to_string();
        let digest = login_digest(137, address, &stamp, U256::ZERO);
        let headers = [
            ("poly_address".to_owned(), address.to_string()),
            ("poly_signature".to_owned(), hex::encode_prefixed(sign(&secret, digest))),
            ("poly_timestamp".to_owned(), stamp),
            ("poly_nonce".to_owned(), "0".to_owned()),
        ];
        let mut ask = |method, path| {
            let request = HttpRequest { method, path, query: "", headers: &headers, body: b"" };
            let now = venues.now();
            let reply = venues.on_request(VenueKind::Polymarket, &request, now);
            assert_eq!(reply.status, 200, "{path}");
            body(&reply)
        };
        let made = ask("POST", "/auth/api-key");
        assert_eq!(made, ask("POST", "/auth/api-key"), "a second time gives the same");
        assert_eq!(made, ask("GET", "/auth/derive-api-key"));
        let field = |name: &str| made[name].as_str().unwrap().to_owned();
        let (id, secret_text) = (field("apiKey"), field("secret"));
        let mut keys = super::super::auth::Keys::new(137, 1);
        let key = keys.create(address, U256::ZERO);
        assert_eq!((&key.id, &key.secret), (&id, &secret_text));
        Self { secret, address, key, wallet: 0, salt: 1_000 * (index as u64 + 1) }
    }

    /// A stamped request.
    pub(super) fn ask(
        &self,
        venues: &mut SimVenues,
        method: &str,
        path: &str,
        query: &str,
        text: &str,
    ) -> HttpReply {
        let now = venues.now();
        let stamp = (now.0 / 1_000_000_000).to_string();
        let secret = URL_SAFE.decode(&self.key.secret).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("{stamp}{method}{path}{text}").as_bytes());
        let headers = [
            ("poly_address".to_owned(), self.address.to_string()),
            ("poly_signature".to_owned(), URL_SAFE.encode(mac.finalize().into_bytes())),
            ("poly_timestamp".to_owned(), stamp),
            ("poly_api_key".to_owned(), self.key.id.clone()),
            ("poly_passphrase".to_owned(), self.key.passphrase.clone()),
        ];
        let body = text.as_bytes();
        let request = HttpRequest { method, path, query, headers: &headers, body };
        venues.on_request(VenueKind::Polymarket, &request, now)
    }

    pub(super) fn get(&self, venues: &mut SimVenues, path: &str, query: &str) -> Value {
        let reply = self.ask(venues, "GET", path, query, "");
        assert_eq!(reply.status, 200, "{path}: {:?}", String::from_utf8(reply.body));
        body(&reply)
    }

    /// The envelope of an order, signed.
    pub(super) fn envelope(&mut self, venues: &SimVenues, ticket: &Ticket<'_>) -> Value {
        self.salt += 1;
        let facts = venues.polymarket().facts.market(ticket.book).unwrap();
        let token = facts.token_number(ticket.face);
        let maker = WalletKind::of_type(self.wallet).unwrap().address(self.address);
        let order = SignedOrder {
            salt: U256::from(self.salt),
            maker,
            signer: if self.wallet == 3 { maker } else { self.address },
            token,
            maker_amount: U256::from(ticket.maker),
            taker_amount: U256::from(ticket.taker),
            side: u8::from(ticket.side == Side::Sell),
            signature_type: self.wallet,
            timestamp: U256::from(1_790_000_000_000_u64),
            metadata: B256::ZERO,
            builder: B256::ZERO,
        };
        let signature = sign(&self.secret, order.id(Exchange::of(token, facts.neg_risk), 137));
        let side = if ticket.side == Side::Buy { "BUY" } else { "SELL" };
        json!({
            "order": {
                "salt": self.salt, "maker": maker.to_string(), "signer": order.signer.to_string(),
                "tokenId": token.to_string(), "makerAmount": ticket.maker.to_string(),
                "takerAmount": ticket.taker.to_string(), "side": side,
                "expiration": ticket.expiration.to_string(), "signatureType": self.wallet,
                "timestamp": "1790000000000", "metadata": order.metadata.to_string(),
                "builder": order.builder.to_string(),
                "signature": hex::encode_prefixed(signature),
            },
            "owner": self.key.id, "orderType": ticket.kind, "deferExec": false,
            "postOnly": ticket.post_only,
        })
    }

    /// Sends an order; the status and the answer.
    pub(super) fn place(&mut self, venues: &mut SimVenues, ticket: &Ticket<'_>) -> (u16, Value) {
        let envelope = self.envelope(venues, ticket).to_string();
        let reply = self.ask(venues, "POST", "/order", "", &envelope);
        (reply.status, body(&reply))
    }

    /// An order that must be taken: its answer.
    pub(super) fn placed(&mut self, venues: &mut SimVenues, ticket: &Ticket<'_>) -> Value {
        let (status, answer) = self.place(venues, ticket);
        assert!(status == 200 && answer["success"] == true, "{ticket:?}: {answer}");
        answer
    }

    /// Cash, in millionths.
    pub(super) fn cash(&self, venues: &mut SimVenues) -> i64 {
        let query = format!("asset_type=COLLATERAL&signature_type={}", self.wallet);
        let answer = self.get(venues, "/balance-allowance", &query);
        answer["balance"].as_str().unwrap().parse().unwrap()
    }

    /// Contracts of one token, in millionths.
    pub(super) fn held(&self, venues: &mut SimVenues, book: BookId, face: Face) -> i64 {
        let facts = venues.polymarket().facts.market(book).unwrap();
        let query = format!(
            "asset_type=CONDITIONAL&token_id={}&signature_type={}",
            facts.token(face),
            self.wallet
        );
        let answer = self.get(venues, "/balance-allowance", &query);
        answer["balance"].as_str().unwrap().parse().unwrap()
    }

    /// Listens to the user channel.
    pub(super) fn listen(&self, venues: &mut SimVenues) -> SessionId {
        self.listen_to(venues, &[])
    }

    /// Listens to the user channel of some markets; of all when none is named.
    pub(super) fn listen_to(&self, venues: &mut SimVenues, markets: &[&str]) -> SessionId {
        let now = venues.now();
        let request =
            HttpRequest { method: "GET", path: "/ws/user", query: "", headers: &[], body: b"" };
        let id = venues.open(VenueKind::Polymarket, &request, now).unwrap();
        let (key, secret, pass) = (&self.key.id, &self.key.secret, &self.key.passphrase);
        let hello = json!({
            "auth": {"apiKey": key, "secret": secret, "passphrase": pass}, "type": "user",
            "markets": markets,
        });
        venues.on_text(id, &hello.to_string(), now);
        id
    }
}

/// What a session has been sent, and is now.
pub(super) fn frames(venues: &mut SimVenues, id: SessionId) -> Vec<Value> {
    let mut texts = Vec::new();
    let now = venues.now();
    venues.take_frames(id, now, &mut texts);
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// The best level of a side, as the venue has it.
pub(super) fn best(venues: &SimVenues, book: BookId, face: Face, side: Side) -> Level {
    *venues.levels(book, face, side).last().unwrap()
}

pub(super) fn pass(venues: &mut SimVenues, millis: u64) {
    let now = venues.now().plus(Nanos::from_millis(millis));
    venues.step(now);
}
