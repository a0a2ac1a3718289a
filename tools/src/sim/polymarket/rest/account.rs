//! API keys, balances, the dead-man switch, and what else belongs to an account.

use alloy_primitives::{Address, B256};
use dutchbook_book::{BookId, Face, Nanos};
use serde_json::Value;

use super::super::super::door::{HttpReply, HttpRequest};
use super::super::super::floor::Floor;
use super::super::super::rng::mix;
use super::super::super::text::uuid;
use super::super::auth::ApiKey;
use super::super::venue::{Heartbeat, Venue};
use super::super::wallet::WalletKind;
use super::{
    Query, array, bad_payload, denied, error, json_body, not_found, ok, page_body, quoted,
};

/// The contracts that a wallet must let move its money: all have leave to, without a limit.
const SPENDERS: [&str; 4] = [
    "0xE111180000d2663C0091e4f400237545B87B996B",
    "0xe2222d279d744050d28e00520010520000310F59",
    "0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296",
    "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa",
];
/// 2²⁵⁶ − 1.
const UNLIMITED: &str =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";
/// How many orders one question about scoring may name.
const SCORING_MAX: usize = 500;

fn key_text(key: &ApiKey) -> String {
    format!(
        r#"{{"apiKey":"{}","secret":"{}","passphrase":"{}"}}"#,
        key.id, key.secret, key.passphrase
    )
}

impl Venue {
    pub(super) fn create_key(&mut self, now: Nanos, request: &HttpRequest<'_>) -> HttpReply {
        match self.keys.wallet(request, now) {
            Ok((address, nonce)) => {
                if !self.people.register(address) {
                    return error(400, "Could not create api key");
                }
                ok(key_text(&self.keys.create(address, nonce)))
            }
            Err(why) => denied(why),
        }
    }

    pub(super) fn derive_key(&self, now: Nanos, request: &HttpRequest<'_>) -> HttpReply {
        match self.keys.wallet(request, now) {
            Ok((address, nonce)) => match self.keys.derive(address, nonce) {
                Some(key) => ok(key_text(&key)),
                None => error(400, "Could not derive api key!"),
            },
            Err(why) => denied(why),
        }
    }

    pub(super) fn serve_account(
        &mut self,
        floor: &Floor<'_>,
        request: &HttpRequest<'_>,
        query: &Query,
        path: &str,
        key: &ApiKey,
    ) -> HttpReply {
        match (request.method, path) {
            ("GET", "/auth/api-keys") => {
                let ids = self.keys.of_wallet(key.address);
                ok(format!(r#"{{"apiKeys":{}}}"#, array(ids.iter().map(|id| quoted(id)))))
            }
            ("DELETE", "/auth/api-key") => {
                self.keys.delete(&key.id);
                ok("\"OK\"".to_owned())
            }
            ("GET", "/auth/ban-status/closed-only") => ok(r#"{"closed_only":false}"#.to_owned()),
            ("GET", "/balance-allowance") => self.balance(query, key.address),
            ("GET", "/balance-allowance/update") => ok(String::new()),
            ("GET", "/notifications") => ok(self.notices.text(key.address, &key.id)),
            ("DELETE", "/notifications") => {
                let ids: Vec<u64> = query.all("ids").filter_map(|id| id.parse().ok()).collect();
                self.notices.forget(key.address, &ids);
                ok("\"OK\"".to_owned())
            }
            ("GET", "/order-scoring") => {
                let id = query.get("order_id").and_then(|id| id.parse::<B256>().ok());
                // No market here pays rewards, so no order earns any.
                if id.is_some() { ok(r#"{"scoring":false}"#.to_owned()) } else { bad_payload() }
            }
            ("POST", "/orders-scoring") => orders_scoring(request),
            ("POST", "/v1/heartbeats") => self.heartbeat(floor.now(), request, key),
            ("POST", "/heartbeats") => ok(r#"{"status":"ok"}"#.to_owned()),
            ("GET", "/v1/user/rate-limit-tier") => ok(r#"{"tier":"Standard"}"#.to_owned()),
            ("GET", "/builder/trades") => page_body(Vec::new(), super::LAST_PAGE, 100),
            _ => not_found(),
        }
    }

    /// What a wallet has of cash or of one token, what open orders reserve included, in millionths.
    fn balance(&self, query: &Query, holder: Address) -> HttpReply {
        let kind = query.number("signature_type").unwrap_or(0);
        let kind = u8::try_from(kind).ok().and_then(WalletKind::of_type);
        let Some(kind) = kind else { return error(400, "Invalid signature_type") };
        let owner = self.people.owner(kind.address(holder));
        let asset = query.get("asset_type").unwrap_or("");
        let balance = if asset.ends_with("COLLATERAL") {
            owner.map_or(0, |owner| self.ledger.cash(owner).micro().unsigned_abs())
        } else if asset.ends_with("CONDITIONAL") {
            let token = query.get("token_id").and_then(|id| self.facts.token(id));
            let Some((book, face)) = token.map(|(facts, face)| (facts.book, face)) else {
                return error(400, "GetBalanceAndAllowance invalid params: assetId invalid");
            };
            owner.map_or(0, |owner| self.held(owner, book, face))
        } else {
            return error(400, "GetBalanceAndAllowance invalid params: assetType invalid");
        };
        let spenders = SPENDERS.map(|spender| format!(r#""{spender}":"{UNLIMITED}""#)).join(",");
        ok(format!(r#"{{"balance":"{balance}","allowances":{{{spenders}}}}}"#))
    }

    fn held(&self, owner: super::super::super::matching::OwnerId, book: BookId, face: Face) -> u64 {
        self.ledger.held(owner, book.instrument(face)).micro()
    }

    /// The dead-man switch: the first beat arms it, each next one must carry the id of the last.
    fn heartbeat(&mut self, now: Nanos, request: &HttpRequest<'_>, key: &ApiKey) -> HttpReply {
        let body = json_body(request);
        let id = body.as_ref().and_then(|body| body.get("heartbeat_id"));
        let id = match id {
            None | Some(Value::Null) => "",
            Some(Value::String(id)) => id,
            Some(_) => return bad_payload(),
        };
        if let Some(beat) = self.heartbeats.get(&key.id)
            && beat.id != id
        {
            let expected = beat.id.clone();
            return HttpReply::json(
                400,
                format!(
                    "{{\"error_msg\":\"Invalid Heartbeat ID\",\"heartbeat_id\":\"{expected}\"}}\n"
                ),
            );
        }
        self.heartbeat_count += 1;
        let id = uuid(mix(self.seed ^ mix(self.heartbeat_count ^ 0x6265_6174)));
        let reply = ok(format!(r#"{{"heartbeat_id":"{id}"}}"#));
        self.heartbeats.insert(key.id.clone(), Heartbeat { id, at: now });
        reply
    }
}

/// Which orders earn rewards: none, as no market here pays any.
fn orders_scoring(request: &HttpRequest<'_>) -> HttpReply {
    let body = json_body(request);
    let list = body.as_ref().and_then(Value::as_array);
    let Some(list) = list.filter(|list| list.len() <= SCORING_MAX) else { return bad_payload() };
    let fields = list.iter().filter_map(Value::as_str).map(|id| format!("{}:false", quoted(id)));
    ok(format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
}
