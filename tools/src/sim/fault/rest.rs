//! What goes wrong with the replies of one venue, and inside it.

use std::collections::BTreeMap;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use serde_json::Value;

use super::super::door::{HttpReply, HttpRequest};
use super::super::rng::Rng;
use super::{FaultCounts, FaultPlan};

/// The most replies that are kept to be told again.
const KEPT_MAX: usize = 256;

/// What a venue lets its clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Phase {
    /// Everything.
    Open,
    /// The matching engine restarts: no orders and no cancels.
    Down {
        /// When it will be back.
        until: Nanos,
    },
    /// After a restart: orders that only rest, and cancels.
    PostOnly {
        /// When it will be open.
        until: Nanos,
    },
}

/// A moment on a clock that is fast by so much.
pub(in super::super) const fn skewed(now: Nanos, by_ms: i64) -> Nanos {
    let by = Nanos::from_millis(by_ms.unsigned_abs());
    if by_ms < 0 { Nanos(now.0.saturating_sub(by.0)) } else { now.plus(by) }
}

/// The trouble of one venue.
#[derive(Clone, Debug)]
pub(in super::super) struct Trouble {
    kind: VenueKind,
    pub(in super::super) plan: FaultPlan,
    rng: Rng,
    down_until: Nanos,
    post_only_until: Nanos,
    /// Whether WebSockets are refused while the engine is down.
    is_shut: bool,
    kept: BTreeMap<String, HttpReply>,
    /// Polymarket's two buckets of each API key: orders and cancels.
    buckets: BTreeMap<String, [Bucket; 2]>,
    pub(in super::super) counts: FaultCounts,
}

impl Trouble {
    pub(in super::super) fn new(kind: VenueKind, plan: &FaultPlan, seed: u64) -> Self {
        let purpose = match kind {
            VenueKind::Polymarket => 0x7472_6f75_0001,
            VenueKind::Kalshi => 0x7472_6f75_0002,
        };
        Self {
            kind,
            plan: FaultPlan { script: Vec::new(), ..plan.clone() },
            rng: Rng::new(seed, purpose),
            down_until: Nanos::ZERO,
            post_only_until: Nanos::ZERO,
            is_shut: false,
            kept: BTreeMap::new(),
            buckets: BTreeMap::new(),
            counts: FaultCounts::default(),
        }
    }

    /// Restarts the matching engine: down for a while, then post-only for a while.
    pub(in super::super) fn restart(
        &mut self,
        now: Nanos,
        [down, post_only]: [Nanos; 2],
        shuts: bool,
    ) {
        self.is_shut = shuts;
        self.down_until = now.plus(down);
        self.post_only_until = self.down_until.plus(post_only);
    }

    /// What clients may do now.
    pub(in super::super) fn phase(&self, now: Nanos) -> Phase {
        if now < self.down_until {
            Phase::Down { until: self.down_until }
        } else if now < self.post_only_until {
            Phase::PostOnly { until: self.post_only_until }
        } else {
            Phase::Open
        }
    }

    /// Until when the matching engine is down, by the venue's own clock.
    pub(in super::super) fn down_until(&self, now: Nanos) -> Option<Nanos> {
        match self.phase(now) {
            Phase::Down { until } => Some(self.clock(until)),
            Phase::Open | Phase::PostOnly { .. } => None,
        }
    }

    /// Until when nobody may connect.
    pub(in super::super) fn shut_until(&self, now: Nanos) -> Option<Nanos> {
        match self.phase(now) {
            Phase::Down { until } => Some(until).filter(|_| self.is_shut),
            Phase::Open | Phase::PostOnly { .. } => None,
        }
    }

    /// Refuses a WebSocket while nobody may connect.
    pub(in super::super) fn refuse_socket(&mut self, now: Nanos) -> Option<HttpReply> {
        self.shut_until(now)?;
        self.counts.socket_refusals += 1;
        Some(HttpReply::json(
            503,
            r#"{"error":{"code":"exchange_unavailable","message":"exchange unavailable"}}"#,
        ))
    }

    /// Whether a fill is reported twice.
    pub(in super::super) fn repeats_fill(&mut self) -> bool {
        let strikes =
            self.plan.duplicate_fill_ppm > 0 && self.rng.chance_ppm(self.plan.duplicate_fill_ppm);
        self.counts.duplicate_fills += u64::from(strikes);
        strikes
    }

    /// What the venue's clock shows when it is `now`.
    pub(in super::super) const fn clock(&self, now: Nanos) -> Nanos {
        skewed(now, self.plan.clock_skew_ms)
    }

    /// When the venue's clock shows `at`.
    pub(in super::super) const fn real(&self, at: Nanos) -> Nanos {
        skewed(at, self.plan.clock_skew_ms.saturating_neg())
    }

    /// A refusal of a request before the venue sees it.
    pub(in super::super) fn refuse(
        &mut self,
        request: &HttpRequest<'_>,
        now: Nanos,
    ) -> Option<HttpReply> {
        let (until, is_down) = match self.phase(now) {
            Phase::Open => return self.limit(request, now),
            Phase::Down { until } => (until, true),
            Phase::PostOnly { until } => (until, false),
        };
        let refused = self.is_trading(request)
            && (is_down || (request.method == "POST" && !is_post_only(request.body)));
        if !refused {
            return None;
        }
        self.counts.restart_refusals += 1;
        let left = until.since(now).0.div_ceil(1_000_000_000);
        Some(match (self.kind, is_down) {
            (VenueKind::Polymarket, true) => {
                let body = r#"{"error":"matching engine is restarting, try again later"}"#;
                let mut reply = HttpReply::json(425, body);
                reply.headers.push(("retry-after", left.to_string()));
                reply
            }
            (VenueKind::Polymarket, false) => HttpReply::json(
                503,
                format!(
                    r#"{{"error":"post-only mode: only post-only orders and cancels are allowed","code":"post_only_mode","retry_after_seconds":{left}}}"#
                ),
            ),
            (VenueKind::Kalshi, true) => HttpReply::json(
                503,
                r#"{"error":{"code":"exchange_unavailable","message":"exchange unavailable"}}"#,
            ),
            (VenueKind::Kalshi, false) => HttpReply::json(
                503,
                r#"{"error":{"code":"trading_paused","message":"only post only orders and cancels are accepted"}}"#,
            ),
        })
    }

    /// Polymarket's refusal of one request too many; Kalshi counts its own.
    fn limit(&mut self, request: &HttpRequest<'_>, now: Nanos) -> Option<HttpReply> {
        if !self.plan.rate_limits || self.kind != VenueKind::Polymarket || !self.is_trading(request)
        {
            return None;
        }
        let key = request.header("poly_api_key").unwrap_or_default();
        if !self.buckets.contains_key(key) && self.buckets.len() >= KEPT_MAX {
            // Whoever is full again needs no bucket.
            self.buckets.retain(|_, pair| pair.iter().any(|bucket| !bucket.is_full(now)));
        }
        let pair = self.buckets.entry(key.to_owned()).or_insert(BUCKETS);
        let [orders, cancels] = pair;
        let bucket = if request.method == "POST" { orders } else { cancels };
        if bucket.take(cost(request), now) {
            return None;
        }
        self.counts.rate_limited += 1;
        let mut reply = HttpReply::json(429, r#"{"error":"Too many requests"}"#);
        reply.headers.push(("retry-after", "1".to_owned()));
        reply.headers.push(("poly-ratelimit-remaining", bucket.whole().to_string()));
        let reset = now.plus(Nanos::from_secs(1)).0 / 1_000_000_000;
        reply.headers.push(("poly-ratelimit-reset", reset.to_string()));
        reply.headers.push(("poly-ratelimit-tier", "standard".to_owned()));
        Some(reply)
    }

    /// Whether a request places or cancels orders.
    fn is_trading(&self, request: &HttpRequest<'_>) -> bool {
        let writes = matches!(request.method, "POST" | "DELETE" | "PUT");
        let path = request.path;
        writes
            && match self.kind {
                VenueKind::Polymarket => {
                    ["/order", "/orders", "/cancel-all", "/cancel-market-orders"].contains(&path)
                }
                VenueKind::Kalshi => path.contains("/portfolio/") && path.contains("orders"),
            }
    }

    /// What becomes of a reply on its way.
    pub(in super::super) fn bend(
        &mut self,
        request: &HttpRequest<'_>,
        reply: HttpReply,
        now: Nanos,
    ) -> HttpReply {
        let mut reply = self.older(request, reply);
        self.counts.skewed_replies += u64::from(self.plan.clock_skew_ms != 0);
        if self.plan.half_batch_ppm > 0 && self.is_trading(request) {
            self.halve(&mut reply);
        }
        if self.plan.slow_ppm > 0 && self.rng.chance_ppm(self.plan.slow_ppm) {
            self.counts.slow_replies += 1;
            reply.ready_at = reply.ready_at.max(now).plus(Nanos::from_millis(self.plan.slow_ms));
        }
        reply
    }

    /// The reply of an earlier time in place of this one, by chance. Only what needs no signature
    /// is kept: replies to members are their own.
    fn older(&mut self, request: &HttpRequest<'_>, reply: HttpReply) -> HttpReply {
        let is_signed = ["poly_api_key", "poly_address", "kalshi-access-key"]
            .iter()
            .any(|name| request.header(name).is_some());
        if self.plan.stale_ppm == 0 || request.method != "GET" || is_signed {
            return reply;
        }
        let key = format!("{}?{}", request.path, request.query);
        if let Some(kept) = self.kept.get(&key)
            && self.rng.chance_ppm(self.plan.stale_ppm)
        {
            self.counts.stale_replies += 1;
            return kept.clone();
        }
        if self.kept.len() < KEPT_MAX || self.kept.contains_key(&key) {
            self.kept.insert(key, reply.clone());
        }
        reply
    }

    /// Leaves the second half of a batch's answers out, by chance.
    fn halve(&mut self, reply: &mut HttpReply) {
        let Ok(mut value) = serde_json::from_slice::<Value>(&reply.body) else { return };
        let list = match &mut value {
            Value::Array(list) => Some(list),
            Value::Object(object) => object.get_mut("orders").and_then(Value::as_array_mut),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        let Some(list) = list.filter(|list| list.len() > 1) else { return };
        if self.rng.chance_ppm(self.plan.half_batch_ppm) {
            self.counts.half_batches += 1;
            list.truncate(list.len() / 2);
            reply.body = value.to_string().into_bytes();
        }
    }
}

/// What a request costs of its bucket: one per order or id.
fn cost(request: &HttpRequest<'_>) -> u64 {
    let list = serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(request.body);
    list.map_or(1, |list| u64::try_from(list.len()).unwrap_or(u64::MAX).max(1))
}

/// A token bucket, in thousandths of a token.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    per_second: u64,
    burst: u64,
    left_milli: u64,
    at: Nanos,
}

/// The buckets of the standard tier.
const BUCKETS: [Bucket; 2] = [Bucket::new(40, 60), Bucket::new(80, 120)];

impl Bucket {
    const fn new(per_second: u64, burst: u64) -> Self {
        Self { per_second, burst, left_milli: burst * 1_000, at: Nanos::ZERO }
    }

    fn refilled(&self, now: Nanos) -> u64 {
        let grown = now.since(self.at).millis().saturating_mul(self.per_second);
        self.left_milli.saturating_add(grown).min(self.burst * 1_000)
    }

    fn is_full(&self, now: Nanos) -> bool {
        self.refilled(now) == self.burst * 1_000
    }

    const fn whole(&self) -> u64 {
        self.left_milli / 1_000
    }

    /// Takes tokens, all of them or none.
    fn take(&mut self, tokens: u64, now: Nanos) -> bool {
        self.left_milli = self.refilled(now);
        self.at = now;
        let left = self.left_milli.checked_sub(tokens.saturating_mul(1_000));
        self.left_milli = left.unwrap_or(self.left_milli);
        left.is_some()
    }
}

/// Whether every order of a body is post-only.
fn is_post_only(body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return false };
    let is_marked = |order: &Value| {
        ["postOnly", "post_only"].iter().any(|key| order.get(key) == Some(&Value::Bool(true)))
    };
    match value.get("orders").unwrap_or(&value) {
        Value::Array(list) => !list.is_empty() && list.iter().all(is_marked),
        one @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => is_marked(one),
    }
}
