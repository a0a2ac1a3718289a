//! The venue as its clients see it: signed requests in, replies and frames out, no sockets.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Nanos};
use serde_json::{Value, json};

use super::super::door::{HttpReply, HttpRequest};
use super::super::{FaultPlan, FlowConfig, Pace, Scenario, SessionId, SimVenues};
use super::{AccountSpec, Membership};

mod bad_days;
mod hostile;
mod money;
mod orders;
mod reads;
mod stream;

pub(super) const START: Nanos = Nanos::from_secs(1_790_000_000);
/// A market that charges takers, on whole cents.
pub(super) const FED: &str = "KXFEDDECISION-26DEC-C25";
pub(super) const ORDERS: &str = "/portfolio/events/orders";

/// A member: its key, and how to sign with it.
pub(super) struct Member {
    id: String,
    pair: Ed25519KeyPair,
}

/// The venues with two members, and nobody else trading unless a pace is asked for.
pub(super) struct World {
    pub(super) venues: SimVenues,
    pub(super) members: Vec<Member>,
    pub(super) now: Nanos,
}

impl World {
    pub(super) fn new(pace: Pace) -> Self {
        Self::seeded(pace, 1)
    }

    pub(super) fn seeded(pace: Pace, seed: u64) -> Self {
        let scenario = Scenario::demo(seed, Nanos::from_secs(12)).unwrap();
        let config = FlowConfig::of(pace);
        let mut venues =
            SimVenues::new(scenario, config, FaultPlan::default(), seed, START).unwrap();
        let members = (0..2).map(|index: u8| {
            // Fixed keys: a test repeats.
            let pair = Ed25519KeyPair::from_seed_unchecked(&[index + 1; 32]).unwrap();
            let id = format!("member-{index}");
            let der = [
                &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..],
                aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref(),
            ];
            let spec = AccountSpec {
                key_id: id.clone(),
                public_key_pem: format!(
                    "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                    STANDARD.encode(der.concat())
                ),
                balance: "10000.0000".to_owned(),
                member: Membership::Direct,
            };
            venues.admit_kalshi(&spec).unwrap();
            Member { id, pair }
        });
        let members = members.collect();
        Self { venues, members, now: START }
    }

    /// The authentication headers of a member for a request.
    pub(super) fn headers(&self, who: usize, method: &str, path: &str) -> Vec<(String, String)> {
        let member = &self.members[who];
        let stamp = self.now.millis().to_string();
        let signature = member.pair.sign(format!("{stamp}{method}{path}").as_bytes());
        let all = [
            ("kalshi-access-key", member.id.clone()),
            ("kalshi-access-timestamp", stamp),
            ("kalshi-access-signature", STANDARD.encode(signature.as_ref())),
        ];
        all.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// A request as a client sends it: path with query, below the prefix.
    pub(super) fn raw(
        &mut self,
        who: Option<usize>,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> HttpReply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = format!("/trade-api/v2{path}");
        let headers = who.map(|who| self.headers(who, method, &path)).unwrap_or_default();
        let request = HttpRequest { method, path: &path, query, headers: &headers, body };
        self.venues.on_request(VenueKind::Kalshi, &request, self.now)
    }

    pub(super) fn ask(
        &mut self,
        who: usize,
        method: &str,
        target: &str,
        body: &Value,
    ) -> (u16, Value) {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let reply = self.raw(Some(who), method, target, &bytes);
        let value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        (reply.status, value)
    }

    /// A read that must succeed.
    pub(super) fn get(&mut self, who: usize, target: &str) -> Value {
        let (status, value) = self.ask(who, "GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {value}");
        value
    }

    /// An order, with fields beside the usual ones.
    pub(super) fn place(&mut self, who: usize, order: [&str; 3], more: &Value) -> (u16, Value) {
        let body = order_of(FED, order, more);
        self.ask(who, "POST", ORDERS, &body)
    }

    /// An order that must be taken; its id.
    pub(super) fn rest(&mut self, who: usize, order: [&str; 3]) -> String {
        let (status, value) = self.place(who, order, &json!({}));
        assert_eq!(status, 201, "{value}");
        value["order_id"].as_str().unwrap().to_owned()
    }

    /// Money free to trade with, in millionths of a dollar.
    pub(super) fn balance(&mut self, who: usize) -> i64 {
        let value = self.get(who, "/portfolio/balance");
        super::number::dollars(value["balance_dollars"].as_str().unwrap()).unwrap().micro()
    }

    /// Empties the book of [`FED`].
    pub(super) fn clear_book(&mut self) -> BookId {
        let (book, _) = self.venues.scenario().book_of_native(FED).unwrap();
        self.venues.clear_book(book);
        book
    }

    pub(super) fn connect(&mut self, who: usize) -> SessionId {
        let path = "/trade-api/ws/v2";
        let headers = self.headers(who, "GET", path);
        let request = HttpRequest { method: "GET", path, query: "", headers: &headers, body: b"" };
        self.venues.open(VenueKind::Kalshi, &request, self.now).unwrap()
    }

    pub(super) fn say(&mut self, session: SessionId, command: &Value) -> Vec<Value> {
        self.venues.on_text(session, &command.to_string(), self.now);
        self.frames(session)
    }

    pub(super) fn frames(&mut self, session: SessionId) -> Vec<Value> {
        let mut list = Vec::new();
        self.venues.take_frames(session, self.now, &mut list);
        list.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    pub(super) fn step(&mut self, ms: u64) {
        self.now = self.now.plus(Nanos::from_millis(ms));
        self.venues.step(self.now);
    }
}

/// The body of an order: side, count, price.
pub(super) fn order_of(ticker: &str, [side, count, price]: [&str; 3], more: &Value) -> Value {
    let mut body = json!({
        "ticker": ticker,
        "side": side,
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    });
    let fields = more.as_object().cloned().unwrap_or_default();
    body.as_object_mut().unwrap().extend(fields);
    body
}

/// The keys of an object, as the venue prints them.
pub(super) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
