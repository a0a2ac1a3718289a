//! Orders that do not trade: placed, looked at, refused, canceled, alone and in batches.

use std::time::Duration;

use alloy::sol_types::{Eip712Domain, SolStruct as _};
use anyhow::Context as _;
use polymarket_client_sdk_v2::clob::types::request::{
    CancelMarketOrderRequest, MidpointRequest, OrderBookSummaryRequest, OrdersRequest,
    PriceRequest, SpreadRequest,
};
use polymarket_client_sdk_v2::clob::types::response::PostOrderResponse;
use polymarket_client_sdk_v2::clob::types::{
    Amount, OrderPayload, OrderStatusType, OrderType, Side, SignableOrder, SignatureType,
};
use polymarket_client_sdk_v2::types::{Address, Decimal, U256, Utc, dec};
use polymarket_client_sdk_v2::{POLYGON, contract_config};

use crate::checks::Checks;
use crate::{Market, Outcome, Places, START, Trader, levels};

/// Behind every quote.
const FAR: Decimal = dec!(0.02);

pub fn book_of(token_id: U256) -> OrderBookSummaryRequest {
    OrderBookSummaryRequest::builder().token_id(token_id).build()
}

/// The id that the venue must give: the hash of what is signed.
fn order_hash(order: &SignableOrder, neg_risk: bool) -> anyhow::Result<String> {
    let config = contract_config(POLYGON, neg_risk).context("no contracts")?;
    let domain = Eip712Domain {
        name: Some("Polymarket CTF Exchange".into()),
        version: Some("2".into()),
        chain_id: Some(U256::from(POLYGON)),
        verifying_contract: config.exchange_v2,
        salt: None,
    };
    match &order.payload {
        OrderPayload::V2(payload) => Ok(payload.order.eip712_signing_hash(&domain).to_string()),
        _ => anyhow::bail!("not an order of the second version"),
    }
}

/// A limit order that is not signed yet.
async fn drafted(
    trader: &Trader,
    token: U256,
    price: Decimal,
    size: Decimal,
) -> anyhow::Result<SignableOrder> {
    let builder = trader.client.limit_order().token_id(token).side(Side::Buy);
    Ok(builder.price(price).size(size).order_type(OrderType::GTC).build().await?)
}

/// One order from placement to cancellation, looked at from everywhere.
pub async fn resting(check: &mut Checks, alice: &Trader, market: &Market) -> Outcome {
    let client = &alice.client;
    let order = drafted(alice, market.yes, market.low, dec!(100)).await?;
    let id = order_hash(&order, market.neg_risk)?;
    let placed = client.post_order(client.sign(&alice.signer, order).await?).await?;
    check.equal("placed", (placed.success, &placed.status), (true, &OrderStatusType::Live));
    check.equal("its id is its hash", &placed.order_id, &id);
    seen(check, alice, market, &id).await?;
    let ours: Vec<_> = market.bids.iter().copied().chain([(market.low, dec!(100))]).collect();
    let book = client.order_book(&book_of(market.yes)).await?;
    let both = (levels(&book.bids), levels(&book.asks));
    check.equal("book", both, (ours.clone(), market.asks.clone()));
    let what = (book.market, book.neg_risk);
    check.equal("book: market", what, (market.condition, market.neg_risk));
    let books = client.order_books(&[book_of(market.no)]).await?;
    let mirror = levels(&books.first().context("no book")?.asks);
    let mirrored: Vec<_> = ours.iter().map(|level| (Decimal::ONE - level.0, level.1)).collect();
    check.equal("the other token's book mirrors it", mirror, mirrored);
    let price = PriceRequest::builder().token_id(market.yes).side(Side::Buy).build();
    let price = client.price(&price).await?.price;
    check.equal("price for a buyer is the best bid", price, market.low);
    check.equal("a resting order leaves the balance", alice.cash().await?, START);
    let gone = client.cancel_order(&id).await?;
    let both = (gone.canceled, gone.not_canceled.len());
    check.equal("canceled", both, (vec![id.clone()], 0));
    check.equal("status", client.order(&id).await?.status, OrderStatusType::Canceled);
    let book = client.order_book(&book_of(market.yes)).await?;
    check.equal("the level is gone", levels(&book.bids), market.bids.clone());
    let again = client.cancel_order(&id).await?;
    let said = (again.canceled.len(), again.not_canceled.contains_key(&id));
    check.equal("canceled once only", said, (0, true));
    Ok(())
}

async fn seen(check: &mut Checks, alice: &Trader, market: &Market, id: &String) -> Outcome {
    let client = &alice.client;
    let seen = client.order(id).await?;
    check.equal("order: status", seen.status, OrderStatusType::Live);
    check.equal("order: owner", seen.owner, client.credentials().key());
    check.equal("order: maker", seen.maker_address, alice.client.address());
    check.equal("order: market", (seen.market, seen.asset_id), (market.condition, market.yes));
    let kind = (seen.side, seen.order_type);
    check.equal("order: side and type", kind, (Side::Buy, OrderType::GTC));
    let amounts = (seen.price, seen.original_size, seen.size_matched);
    check.equal("order: amounts", amounts, (market.low, dec!(100), dec!(0)));
    check.equal("order: outcome", &seen.outcome, &market.outcomes[0]);
    check.equal("order: expires never", seen.expiration.timestamp(), 0);
    let open = OrdersRequest::builder().asset_id(market.yes).build();
    let open = client.orders(&open, None).await?.data;
    let ids: Vec<_> = open.iter().map(|row| &row.id).collect();
    check.equal("open orders", ids, vec![id]);
    let other = OrdersRequest::builder().asset_id(market.no).build();
    let count = client.orders(&other, None).await?.data.len();
    check.equal("none of another token", count, 0);
    Ok(())
}

pub async fn batches(check: &mut Checks, alice: &Trader, market: &Market) -> Outcome {
    let client = &alice.client;
    let wanted = [
        (market.yes, market.low, dec!(10)),
        (market.yes, FAR, dec!(10)),
        (market.no, FAR, dec!(10)),
        (market.yes, dec!(0.99), dec!(1_000_000)),
    ];
    let (mut ids, mut orders) = (Vec::new(), Vec::new());
    for (token, price, size) in wanted {
        let order = drafted(alice, token, price, size).await?;
        ids.push(order_hash(&order, market.neg_risk)?);
        orders.push(client.sign(&alice.signer, order).await?);
    }
    let answers = client.post_orders(orders).await?;
    let told = answers.iter().take(3).map(|answer| (&answer.order_id, &answer.status));
    let live = ids.iter().take(3).map(|id| (id, &OrderStatusType::Live));
    check.equal("a batch answers in order", told.collect::<Vec<_>>(), live.collect::<Vec<_>>());
    let dear = answers.get(3).and_then(|answer| answer.error_msg.clone()).unwrap_or_default();
    check.that("one is too dear", dear.contains("not enough balance / allowance"), &dear);
    let book = client.order_book(&book_of(market.yes)).await?;
    let (bids, asks) = (levels(&book.bids), levels(&book.asks));
    check.equal("the best bid is last", bids.last(), Some(&(market.low, dec!(10))));
    check.equal("the worst one first", bids.first(), Some(&(FAR, dec!(10))));
    let worst = (Decimal::ONE - FAR, dec!(10));
    check.equal("a no bid is the worst ask", asks.first(), Some(&worst));
    prices(check, alice, market, asks.last().context("no ask")?.0).await?;
    let gone = client.cancel_orders(&[&ids[0]]).await?.canceled;
    check.equal("cancel by ids", gone, vec![ids[0].clone()]);
    let by_token = CancelMarketOrderRequest::builder().asset_id(market.no).build();
    let gone = client.cancel_market_orders(&by_token).await?.canceled;
    check.equal("cancel by token", gone, vec![ids[2].clone()]);
    let gone = client.cancel_all_orders().await?.canceled;
    check.equal("cancel all", gone, vec![ids[1].clone()]);
    let open = client.orders(&OrdersRequest::default(), None).await?.data;
    check.equal("nothing is open", open.len(), 0);
    Ok(())
}

/// The short questions, while our bid of `low` is the best.
async fn prices(check: &mut Checks, alice: &Trader, market: &Market, ask: Decimal) -> Outcome {
    let client = &alice.client;
    let midpoint = MidpointRequest::builder().token_id(market.yes).build();
    let midpoint = client.midpoint(&midpoint).await?.mid;
    check.equal("midpoint", midpoint, (market.low + ask) / dec!(2));
    let spread = SpreadRequest::builder().token_id(market.yes).build();
    check.equal("spread", client.spread(&spread).await?.spread, ask - market.low);
    let asked = [PriceRequest::builder().token_id(market.no).side(Side::Sell).build()];
    let told = client.prices(&asked).await?.prices.unwrap_or_default();
    let price = told.get(&market.no).and_then(|sides| sides.get(&Side::Sell)).copied();
    check.equal("prices", price, Some(Decimal::ONE - market.low));
    Ok(())
}

/// An order that the venue takes note of and does not want: 200, and the reason.
fn declined(check: &mut Checks, what: &str, answer: &PostOrderResponse, text: &str) {
    let reason = answer.error_msg.as_deref().unwrap_or_default();
    let told = (answer.success, reason.contains(text), answer.trade_ids.len());
    check.equal(what, told, (false, true, 0));
}

pub async fn refusals(
    check: &mut Checks,
    alice: &Trader,
    bob: &Trader,
    market: &Market,
) -> Outcome {
    let (yes, low) = (market.yes, market.low);
    let poor = "not enough balance / allowance";
    let answer = alice.limit(yes, Side::Buy, low, dec!(2_000_000)).await?;
    declined(check, "too dear", &answer, poor);
    let answer = alice.limit(yes, Side::Sell, dec!(0.90), dec!(10)).await?;
    declined(check, "nothing to sell", &answer, poor);
    let answer = alice.limit(yes, Side::Buy, low, dec!(1)).await;
    check.refused("too small", answer, &["400", "error"]);
    let order = drafted(alice, yes, low, dec!(100)).await?;
    let signed = alice.client.sign(&alice.signer, order.clone()).await?;
    let answer = bob.client.post_order(signed).await;
    check.refused("another's order", answer, &["400", "error"]);
    let forged = alice.client.sign(&bob.signer, order.clone()).await?;
    let answer = alice.client.post_order(forged).await;
    check.refused("another's signature", answer, &["400", "error"]);
    alice.client.post_order(alice.client.sign(&alice.signer, order).await?).await?;
    unmatched(check, bob, market).await?;
    let builder = alice.client.limit_order().token_id(yes).side(Side::Buy).price(low);
    let soon = Utc::now() + Duration::from_secs(20);
    let builder = builder.size(dec!(10)).order_type(OrderType::GTD).expiration(soon);
    let answer = builder.build_sign_and_post(&alice.signer).await?;
    declined(check, "an early expiry", &answer, "invalid expiration");
    let cash = (alice.cash().await?, bob.cash().await?);
    check.equal("refusals cost nothing", cash, (START, START));
    alice.client.cancel_all_orders().await?;
    Ok(())
}

/// Orders that one resting bid of a hundred cannot satisfy.
async fn unmatched(check: &mut Checks, bob: &Trader, market: &Market) -> Outcome {
    let other = Decimal::ONE - market.low;
    let builder = bob.client.limit_order().token_id(market.no).side(Side::Buy);
    let builder = builder.post_only(true).price(other).size(dec!(100));
    let answer = builder.build_sign_and_post(&bob.signer).await?;
    let text = "invalid post-only order: order crosses book";
    declined(check, "a post-only that crosses", &answer, text);
    let kinds = [
        (
            OrderType::FOK,
            other,
            "order couldn't be fully filled. FOK orders are fully filled or killed.",
        ),
        (OrderType::FAK, dec!(0.05), "no orders found to match with FAK order"),
    ];
    for (kind, price, text) in kinds {
        let builder = bob.client.market_order().token_id(market.no).side(Side::Buy);
        let builder = builder.order_type(kind).price(price).amount(Amount::usdc(dec!(300))?);
        let answer = builder.build_sign_and_post(&bob.signer).await?;
        declined(check, text, &answer, text);
    }
    Ok(())
}

/// An order of a wallet that the first key owns.
pub async fn wallet(
    check: &mut Checks,
    places: &Places,
    market: &Market,
    (kind, funder): (SignatureType, Address),
) -> Outcome {
    let owner = Trader::enter(&places.quiet, &places.keys[0], Some((kind, funder))).await?;
    check.equal("a wallet's cash", owner.cash().await?, START);
    let placed = owner.limit(market.yes, Side::Buy, market.low, dec!(10)).await?;
    let told = (placed.success, &placed.status);
    check.equal("a wallet's order rests", told, (true, &OrderStatusType::Live));
    let seen = owner.client.order(&placed.order_id).await?;
    check.equal("a wallet's order: maker", seen.maker_address, funder);
    let gone = owner.client.cancel_all_orders().await?.canceled;
    check.equal("a wallet's order is canceled", gone, vec![placed.order_id]);
    Ok(())
}
