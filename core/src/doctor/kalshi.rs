//! Kalshi: key and its file, the venue's status and clock, balance and rate limits.

use super::Findings;
use super::exam::{http_date, skew};
use super::polymarket::balance;
use crate::clock::Clock;
use crate::config::{Config, KalshiAccount, KalshiVenue};
use crate::secret::kalshi_keys;
use crate::signed::{DeskError, KalshiDesk};
use crate::tls::TlsRoots;

/// What an order costs of the write bucket.
const ORDER_TOKENS: u64 = 10;

/// Looks at the venue and the account.
pub(super) async fn examine(
    config: &Config,
    venue: &KalshiVenue,
    tls: &TlsRoots,
    clock: &Clock,
    findings: &mut Findings,
) {
    let account = config.live.kalshi.as_ref();
    let keys = account.and_then(|account| open(account, findings));
    let mut desk = match KalshiDesk::new(&venue.api_url, tls.clone(), clock.clone()) {
        Ok(desk) => desk,
        Err(error) => {
            let fix = "correct kalshi.api_url";
            return findings.red("kalshi.status", error.to_string(), fix);
        }
    };
    if !is_up(&mut desk, findings).await {
        return;
    }
    let Some(keys) = keys else { return };
    desk.use_credentials(keys);
    match desk.balance().await {
        Ok(cash) => {
            findings.good("kalshi.api", "the venue knows the key");
            let order_max = config.risk.order_cash_max;
            balance("kalshi.balance", cash, order_max, "the account", findings);
        }
        Err(error) => {
            let fix = "run `dutchbook keys kalshi`, register the public key with the venue, and put \
                       the id that it gives into live.kalshi.key_id";
            return findings.red("kalshi.api", error.to_string(), fix);
        }
    }
    rates(config, &mut desk, findings).await;
}

fn open(
    account: &KalshiAccount,
    findings: &mut Findings,
) -> Option<dutchbook_exec::venue::kalshi::auth::Credentials> {
    let about = "kalshi.key";
    match kalshi_keys(account) {
        Ok(keys) => {
            let (id, kind) = (keys.key_id().to_owned(), keys.kind());
            if kind == "RSA" {
                let fix =
                    "register an Ed25519 key (`dutchbook keys kalshi`): it signs in a thirtieth";
                findings.poor(about, format!("{id}, RSA"), fix);
            } else {
                findings.good(about, format!("{id}, {kind}"));
            }
            Some(keys)
        }
        Err(error) => {
            let fix = "correct [live.kalshi]; key files must belong to you alone (chmod 600)";
            findings.red(about, error.to_string(), fix);
            None
        }
    }
}

async fn is_up(desk: &mut KalshiDesk, findings: &mut Findings) -> bool {
    let about = "kalshi.status";
    let (status, date, ours) = match desk.status().await {
        Ok(told) => told,
        Err(error) => {
            let fix = "look at the venue's status page and at kalshi.api_url";
            findings.red(about, error.to_string(), fix);
            return false;
        }
    };
    let shards = status.shards.iter().filter(|shard| !shard.trading_active).count();
    match (status.exchange_active, status.trading_active) {
        (true, true) if shards == 0 => findings.good(about, "trades"),
        (true, true) => {
            let fix = "markets of those engines are not traded until the venue opens them";
            findings.poor(about, format!("{shards} of its engines do not trade"), fix);
        }
        (true, false) => {
            let fix = "wait for its hours, see GET /exchange/schedule";
            findings.poor(about, "is up and does not trade now", fix);
        }
        (false, _) => findings.red(about, "is down", "wait until it is up again"),
    }
    match date.as_deref().and_then(http_date) {
        Some(secs) => skew("kalshi.clock", secs, ours, findings),
        None => {
            let fix = "compare this machine's clock with another source";
            findings.poor("kalshi.clock", "the venue does not tell its time", fix);
        }
    }
    true
}

async fn rates(config: &Config, desk: &mut KalshiDesk, findings: &mut Findings) {
    let about = "kalshi.rates";
    let limits = match desk.account_limits().await {
        Ok(limits) => limits,
        Err(error) => return unknown(about, &error, findings),
    };
    let orders = limits.write.refill_rate / ORDER_TOKENS;
    let wanted = u64::try_from(config.risk.window_orders_max).unwrap_or(u64::MAX);
    let said = format!(
        "tier {}: {orders} orders a second, {} at once",
        limits.tier,
        limits.write.capacity / ORDER_TOKENS
    );
    if orders < wanted {
        let fix =
            "ask the venue for a higher tier, or lower risk.orders_per_s_max: more is throttled";
        findings.poor(about, format!("{said}; risk.orders_per_s_max is {wanted}"), fix);
    } else {
        findings.good(about, said);
    }
}

fn unknown(about: &'static str, error: &DeskError, findings: &mut Findings) {
    let fix = "ask again; if it stays so, look at the venue's status page";
    findings.red(about, error.to_string(), fix);
}
