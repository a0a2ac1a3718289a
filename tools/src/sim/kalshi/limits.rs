//! Rate limits: two token buckets per account, refilled continuously, and what each call costs.

use dutchbook_book::Nanos;
use serde_json::{Value, json};

/// What a call costs unless [`COSTS`] says otherwise.
const DEFAULT_COST: u64 = 10;

/// Calls with a price of their own, as `GET /account/endpoint_costs` lists them.
const COSTS: [(u64, &str, &str); 3] = [
    (2, "DELETE", "/trade-api/v2/portfolio/events/orders/:order_id"),
    (2, "DELETE", "/trade-api/v2/portfolio/events/orders/batched"),
    (2, "GET", "/trade-api/v2/portfolio/orders/:order_id"),
];

/// One bucket: so many tokens a second, up to its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    refill: u64,
    capacity: u64,
}

/// The lowest tier: 3 s of refill for reads, 1 s for writes.
pub(super) const BASIC_READ: Rate = Rate { refill: 200, capacity: 600 };
pub(super) const BASIC_WRITE: Rate = Rate { refill: 100, capacity: 100 };

/// A bucket's level: full at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    /// In 1e-9 tokens, so that one nanosecond refills a whole number.
    nano: u64,
    at: Nanos,
}

/// Billionths in one token.
const NANO: u64 = 1_000_000_000;

impl Bucket {
    pub(super) const fn full(rate: Rate) -> Self {
        Self { rate, nano: rate.capacity * NANO, at: Nanos::ZERO }
    }

    /// Pays `cost` tokens; false, and nothing paid, when they are not there.
    pub(super) fn pay(&mut self, cost: u64, now: Nanos) -> bool {
        let refill = now.since(self.at).0.saturating_mul(self.rate.refill);
        self.nano = self.nano.saturating_add(refill).min(self.rate.capacity * NANO);
        self.at = self.at.max(now);
        match self.nano.checked_sub(cost.saturating_mul(NANO)) {
            Some(rest) => {
                self.nano = rest;
                true
            }
            None => false,
        }
    }
}

/// The buckets of one account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buckets {
    pub(super) read: Bucket,
    pub(super) write: Bucket,
}

impl Buckets {
    pub(super) const fn basic() -> Self {
        Self { read: Bucket::full(BASIC_READ), write: Bucket::full(BASIC_WRITE) }
    }
}

/// What one request costs: `pattern` is its path with names for ids; `items` are the orders of a
/// batch, of which each is billed alone.
pub(super) fn cost(method: &str, pattern: &str, items: usize) -> u64 {
    let is_it = |(_, of, path): &&(u64, &str, &str)| *of == method && *path == pattern;
    let each = COSTS.iter().find(is_it).map_or(DEFAULT_COST, |(cost, _, _)| *cost);
    each.saturating_mul(u64::try_from(items.max(1)).unwrap_or(u64::MAX))
}

/// `GET /account/limits`.
pub(super) fn limits() -> Value {
    let of = |rate: Rate| json!({ "bucket_capacity": rate.capacity, "refill_rate": rate.refill });
    json!({
        "grants": [],
        "read": of(BASIC_READ),
        "usage_tier": "basic",
        "write": of(BASIC_WRITE),
    })
}

/// `GET /account/endpoint_costs`.
pub(super) fn endpoint_costs() -> Value {
    let each = COSTS
        .iter()
        .map(|(cost, method, path)| json!({ "cost": cost, "method": method, "path": path }));
    json!({ "default_cost": DEFAULT_COST, "endpoint_costs": each.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/kalshi/rate_limit.json"
    ));

    /// Seconds with up to nine decimals as text.
    fn nanos(text: &str) -> Nanos {
        Nanos(super::super::number::fixed(text, 9).unwrap())
    }

    #[test]
    fn buckets_follow_the_vectors() {
        let all: Value = serde_json::from_str(VECTORS).unwrap();
        let number = |value: &Value, key: &str| value[key].as_u64().unwrap();
        let mut checked = 0;
        for case in all["cases"].as_array().unwrap() {
            let rate = Rate {
                refill: number(case, "refill_rate"),
                capacity: number(case, "bucket_capacity"),
            };
            let mut bucket = Bucket::full(rate);
            for event in case["events"].as_array().unwrap() {
                let at = nanos(event["t_s"].as_str().unwrap());
                let name = format!("{} {event}", case["name"]);
                let is_paid = bucket.pay(number(event, "cost"), at);
                assert_eq!(Some(is_paid), event["accepted"].as_bool(), "{name}");
                let after = super::super::number::fixed(event["tokens_after"].as_str().unwrap(), 9);
                assert_eq!(Some(bucket.nano), after, "{name}");
                checked += 1;
            }
        }
        assert!(checked > 30);
    }

    #[test]
    fn a_batch_pays_for_each_of_its_orders() {
        let batch = "/trade-api/v2/portfolio/events/orders/batched";
        assert_eq!(cost("POST", batch, 7), 70);
        assert_eq!(cost("DELETE", batch, 7), 14);
        assert_eq!(cost("GET", "/trade-api/v2/portfolio/orders/:order_id", 0), 2);
        assert_eq!(cost("GET", "/trade-api/v2/markets", 0), 10);
    }
}
