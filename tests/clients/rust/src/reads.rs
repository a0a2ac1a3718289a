//! Liveness, markets, discovery and credentials.

use std::collections::HashSet;

use anyhow::Context as _;
use polymarket_client_sdk_v2::auth::{Credentials, ExposeSecret as _};
use polymarket_client_sdk_v2::clob::types::request::{OrderBookSummaryRequest, OrdersRequest};
use polymarket_client_sdk_v2::clob::types::response::MarketResponse;
use polymarket_client_sdk_v2::clob::{Client, Config};
use polymarket_client_sdk_v2::gamma;
use polymarket_client_sdk_v2::gamma::types::request::{
    EventsRequest, MarketBySlugRequest, MarketsRequest,
};
use polymarket_client_sdk_v2::types::{U256, Utc, dec};

use crate::checks::Checks;
use crate::{Market, Outcome, Places, START, Trader};

/// Markets, and one of them by itself; returns the tradable ones.
pub async fn markets(check: &mut Checks, trader: &Trader) -> anyhow::Result<Vec<MarketResponse>> {
    let client = &trader.client;
    check.equal("ok", client.ok().await?, "OK");
    let time = client.server_time().await?;
    check.that("time", (time - Utc::now().timestamp()).abs() < 5, time);
    check.equal("version", client.version().await?, 2);
    let mut rows = Vec::new();
    let mut cursor = "MA==".to_owned();
    while cursor != "LTE=" {
        let page = client.markets(Some(cursor)).await?;
        check.equal("a page counts its rows", page.count, page.data.len() as u64);
        rows.extend(page.data);
        cursor = page.next_cursor;
    }
    let ids: HashSet<_> = rows.iter().map(|row| row.condition_id).collect();
    let simple = client.simplified_markets(None).await?.data;
    let known = simple.iter().all(|row| ids.contains(&row.condition_id));
    check.that("simplified markets are of the list", known, &simple);
    let sampled = client.sampling_markets(None).await?.data;
    let known = sampled.iter().all(|row| ids.contains(&row.condition_id));
    check.that("sampling markets are of the list", known, &sampled);
    rows.retain(|row| row.active && !row.closed && row.accepting_orders);
    let cents = rows.iter().filter(|row| row.minimum_tick_size == dec!(0.01)).count();
    check.that("at least two markets with a tick of 0.01", cents >= 2, cents);
    one(check, trader, rows.first().context("no market")?).await?;
    Ok(rows)
}

async fn one(check: &mut Checks, trader: &Trader, row: &MarketResponse) -> Outcome {
    let client = &trader.client;
    let condition = row.condition_id.context("no condition id")?;
    let alone = client.market(&condition.to_string()).await?;
    check.equal("one market is as the list has it", &alone, row);
    let token = row.tokens.first().context("no token")?.token_id;
    let by_token = client.market_by_token(token).await?;
    let named = (by_token.condition_id, by_token.primary_token_id);
    check.equal("a token's market", named, (condition, token));
    let tick = client.tick_size(token).await?.minimum_tick_size;
    check.equal("tick size", tick.as_decimal(), row.minimum_tick_size);
    check.equal("neg risk", client.neg_risk(token).await?.neg_risk, row.neg_risk);
    let nobody = OrderBookSummaryRequest::builder().token_id(U256::from(123)).build();
    let text = "No orderbook exists for the requested token id";
    check.refused("an unknown token", client.order_book(&nobody).await, &["404", text]);
    Ok(())
}

/// The discovery service on the same host.
pub async fn discovery(check: &mut Checks, host: &str, market: &Market) -> Outcome {
    let client = gamma::Client::new(host)?;
    let request = MarketsRequest::builder().condition_ids(vec![market.condition]).build();
    let rows = client.markets(&request).await?;
    check.equal("a market by its condition", rows.len(), 1);
    let row = rows.first().context("no market")?;
    check.equal("its condition", row.condition_id, Some(market.condition));
    check.equal("its tokens", row.clob_token_ids.clone(), Some(vec![market.yes, market.no]));
    check.equal("its outcomes", row.outcomes.clone(), Some(market.outcomes.to_vec()));
    check.equal("its neg risk", row.neg_risk, Some(market.neg_risk));
    check.equal("its tick", row.order_price_min_tick_size, Some(dec!(0.01)));
    let slug = row.slug.clone().context("no slug")?;
    let by_slug = MarketBySlugRequest::builder().slug(slug).build();
    check.equal("a market by its slug", client.market_by_slug(&by_slug).await?.id, row.id.clone());
    let request = EventsRequest::builder().active(true).limit(100).build();
    let events = client.events(&request).await?;
    let nested = events.iter().filter_map(|event| event.markets.as_ref()).flatten();
    let found = nested.filter(|nested| nested.condition_id == Some(market.condition)).count();
    check.equal("an event has it once", found, 1);
    Ok(())
}

pub async fn credentials(check: &mut Checks, places: &Places, alice: &Trader) -> Outcome {
    let fresh = Client::new(&places.quiet, Config::default())?;
    let derived = fresh.derive_api_key(&alice.signer, None).await?;
    let own = alice.client.credentials();
    check.equal("a derived key is the created one", derived.key(), own.key());
    let secret = |keys: &Credentials| keys.secret().expose_secret().to_owned();
    check.equal("and its secret", secret(&derived), secret(own));
    let none = fresh.derive_api_key(&alice.signer, Some(77)).await;
    check.refused("nothing to derive", none, &["error"]);
    let listed = format!("{:?}", alice.client.api_keys().await?);
    check.that("keys are listed", listed.contains(&own.key().to_string()), &listed);
    let closed = alice.client.closed_only_mode().await?.closed_only;
    check.equal("closed only", closed, false);
    let forged = Credentials::new(own.key(), format!("{}=", "A".repeat(43)), "ff".repeat(32));
    let builder = fresh.authentication_builder(&alice.signer).credentials(forged);
    let answer = builder.authenticate().await?.orders(&OrdersRequest::default(), None).await;
    check.refused("a wrong secret", answer, &["401", "Unauthorized/Invalid api key"]);
    check.equal("starts with 100,000 pUSD", alice.cash().await?, START);
    Ok(())
}
