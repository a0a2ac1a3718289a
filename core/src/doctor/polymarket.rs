//! Polymarket: keys and their files, the venue's clock, credentials, wallet, cash and allowances.

use alloy_primitives::Address;
use dutchbook_book::Cash;
use dutchbook_exec::venue::polymarket::exchange::{Chain, Exchange};

use super::Findings;
use super::exam::skew;
use crate::clock::Clock;
use crate::config::{Config, PolymarketAccount, PolymarketVenue};
use crate::secret::{ApiSecrets, PolymarketKeys, SecretSource};
use crate::signed::{DeskError, PolymarketDesk};
use crate::tls::TlsRoots;

/// Looks at the venue and the account.
pub(super) async fn examine(
    config: &Config,
    venue: &PolymarketVenue,
    tls: &TlsRoots,
    clock: &Clock,
    findings: &mut Findings,
) {
    let account = config.live.polymarket.as_ref();
    let keys = account.and_then(|account| open(account, findings));
    let desk = PolymarketDesk::new(&venue.clob_url, tls.clone(), clock.clone());
    let mut desk = match desk {
        Ok(desk) => desk,
        Err(error) => {
            let fix = "correct polymarket.clob_url";
            return findings.red("polymarket.status", error.to_string(), fix);
        }
    };
    match desk.time().await {
        Ok((secs, ours)) => {
            findings.good("polymarket.status", "answers");
            skew("polymarket.clock", secs, ours, findings);
        }
        Err(error) => {
            let fix = "look at the venue's status page and at polymarket.clob_url";
            return findings.red("polymarket.status", error.to_string(), fix);
        }
    }
    let (Some(account), Some(keys)) = (account, keys) else { return };
    if let Some(owner) = signed_in(account, &keys, &mut desk, findings).await {
        permissions(&mut desk, findings).await;
        money(config, account.chain, owner, &keys, &mut desk, findings).await;
    }
}

fn open(account: &PolymarketAccount, findings: &mut Findings) -> Option<PolymarketKeys> {
    let about = "polymarket.key";
    match PolymarketKeys::open(account) {
        Ok(keys) => {
            let (owner, maker) = (keys.signer.address(), keys.account.maker);
            findings.good(about, format!("{owner}, trading from {maker}"));
            if matches!(account.key, SecretSource::Environment(_)) {
                let fix =
                    "keep it in a file of mode 600 (live.polymarket.key_file), best a keystore";
                findings.poor(
                    about,
                    "the key lies in the environment, which children inherit",
                    fix,
                );
            }
            Some(keys)
        }
        Err(error) => {
            let fix = "correct [live.polymarket]; key files must belong to you alone (chmod 600)";
            findings.red(about, error.to_string(), fix);
            None
        }
    }
}

/// Signs in with the configured credentials, or with those that follow from the key.
async fn signed_in(
    account: &PolymarketAccount,
    keys: &PolymarketKeys,
    desk: &mut PolymarketDesk,
    findings: &mut Findings,
) -> Option<Address> {
    let about = "polymarket.api";
    let owner = keys.signer.address();
    let fix = "run `dutchbook keys polymarket` and name its file in live.polymarket.api_file";
    let (api, whence) = match &keys.api {
        Some(api) => (Ok(api.clone()), "configured"),
        None => {
            let derived = desk.derive(&keys.signer, account.chain, 0).await;
            let parsed = derived
                .map_err(|error| error.to_string())
                .and_then(|text| ApiSecrets::parse(&text).map_err(|error| error.to_string()));
            (parsed, "derived")
        }
    };
    let credentials = api.and_then(|api| api.credentials(owner).map_err(|error| error.to_string()));
    match credentials {
        Ok(credentials) => desk.use_credentials(credentials),
        Err(said) => {
            findings.red(about, said, fix);
            return None;
        }
    }
    match desk.api_keys().await {
        Ok(names) => {
            let said = format!("{whence} credentials are one of {} for {owner}", names.len());
            findings.good(about, said);
            Some(owner)
        }
        Err(error) => {
            findings.red(about, error.to_string(), fix);
            None
        }
    }
}

async fn permissions(desk: &mut PolymarketDesk, findings: &mut Findings) {
    let about = "polymarket.account";
    match desk.is_closed_only().await {
        Ok(false) => findings.good(about, "may open positions"),
        Ok(true) => {
            let fix = "trade from another account, or ask the venue why";
            findings.red(about, "may only close positions", fix);
        }
        Err(error) => unknown(about, &error, findings),
    }
    let about = "polymarket.rates";
    match desk.rate_tier().await {
        Ok(tier) => findings.good(about, format!("tier {tier}")),
        Err(error) => unknown(about, &error, findings),
    }
}

fn unknown(about: &'static str, error: &DeskError, findings: &mut Findings) {
    let fix = "ask again; if it stays so, look at the venue's status page";
    findings.red(about, error.to_string(), fix);
}

/// Cash, and what the exchanges may move of it.
async fn money(
    config: &Config,
    chain: Chain,
    owner: Address,
    keys: &PolymarketKeys,
    desk: &mut PolymarketDesk,
    findings: &mut Findings,
) {
    let told = match desk.collateral(keys.account.kind).await {
        Ok(told) => told,
        Err(error) => return unknown("polymarket.balance", &error, findings),
    };
    let (maker, order_max) = (keys.account.maker, config.risk.order_cash_max);
    balance("polymarket.balance", told.balance, order_max, &maker.to_string(), findings);
    let about = "polymarket.allowance";
    let needed = u128::try_from(config.risk.venue_cash_max.micro()).unwrap_or(0);
    let allowed = |exchange: Exchange| {
        let contract = exchange.contract(chain).to_string();
        let found = told
            .allowances
            .iter()
            .find(|(name, _)| name.is_empty() || name.eq_ignore_ascii_case(&contract));
        (contract, found.map_or(0, |(_, allowed)| *allowed))
    };
    let exchanges = [Exchange::V2, Exchange::V2NegRisk, Exchange::V3].map(allowed);
    for (contract, allowed) in &exchanges {
        let fix = format!(
            "approve {contract} to move the collateral of {maker} (owner {owner}), then ask the \
             venue to look again (GET /balance-allowance/update)"
        );
        if *allowed == 0 {
            findings.red(about, format!("{contract} may move nothing"), fix);
        } else if *allowed < needed {
            let said = format!("{contract} may move less than risk.venue_cash_usd_max");
            findings.poor(about, said, fix);
        }
    }
    if exchanges.iter().all(|(_, allowed)| *allowed >= needed) {
        findings.good(about, "every exchange may move what orders need");
    }
}

/// Whether there is cash to trade with.
pub(super) fn balance(
    about: &'static str,
    cash: Cash,
    order_max: Cash,
    whose: &str,
    findings: &mut Findings,
) {
    let said = format!("{cash} dollars in {whose}");
    let fix = "deposit, or lower risk.order_cash_usd_max";
    if cash <= Cash::ZERO {
        findings.red(about, said, "deposit before trading");
    } else if cash < order_max {
        findings.poor(about, format!("{said}, less than one largest order"), fix);
    } else {
        findings.good(about, said);
    }
}
