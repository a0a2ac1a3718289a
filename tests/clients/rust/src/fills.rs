//! Orders that trade: every match type to the last decimal, against each other and strangers.

use anyhow::Context as _;
use polymarket_client_sdk_v2::clob::types::request::{LastTradePriceRequest, TradesRequest};
use polymarket_client_sdk_v2::clob::types::response::{PostOrderResponse, TradeResponse};
use polymarket_client_sdk_v2::clob::types::{
    Amount, OrderStatusType, OrderType, Side, TradeStatusType, TraderSide,
};
use polymarket_client_sdk_v2::types::{Decimal, dec};

use crate::checks::{Checks, eventually};
use crate::{Market, Outcome, Places, START, Trader};

/// What the maker and the taker must have at any moment.
struct Purses<'a> {
    traders: [&'a Trader; 2],
    cash: (Decimal, Decimal),
}

impl Purses<'_> {
    async fn shift(
        &mut self,
        check: &mut Checks,
        what: &str,
        maker: Decimal,
        taker: Decimal,
    ) -> Outcome {
        self.cash = (self.cash.0 + maker, self.cash.1 + taker);
        let have = (self.traders[0].cash().await?, self.traders[1].cash().await?);
        check.equal(what, have, self.cash);
        Ok(())
    }
}

fn amounts(answer: &PostOrderResponse) -> (Decimal, Decimal) {
    (answer.making_amount, answer.taking_amount)
}

async fn confirmed(
    check: &mut Checks,
    trader: &Trader,
    answer: &PostOrderResponse,
) -> anyhow::Result<TradeResponse> {
    let id = answer.trade_ids.first().context("no trade")?;
    let request = TradesRequest::builder().id(id).build();
    let done = |trade: &TradeResponse| trade.status == TradeStatusType::Confirmed;
    let page = eventually(
        || trader.client.trades(&request, None),
        |page| page.data.first().is_some_and(done),
    );
    let trade = page.await?.data.into_iter().next().context("no such trade")?;
    check.that("the trade is confirmed", done(&trade), &trade);
    check.that("it has a transaction", !trade.transaction_hash.is_zero(), &trade);
    Ok(trade)
}

pub async fn filled(check: &mut Checks, alice: &Trader, bob: &Trader, market: &Market) -> Outcome {
    let mut purses = Purses { traders: [alice, bob], cash: (START, START) };
    minted(check, alice, bob, market, &mut purses).await?;
    improved(check, alice, bob, market, &mut purses).await?;
    merged(check, alice, bob, market, &mut purses).await
}

/// Two buyers of the two tokens: a new set is made for them.
async fn minted(
    check: &mut Checks,
    alice: &Trader,
    bob: &Trader,
    market: &Market,
    purses: &mut Purses<'_>,
) -> Outcome {
    let (low, other, hundred) = (market.low, Decimal::ONE - market.low, dec!(100));
    let maker = alice.limit(market.yes, Side::Buy, low, hundred).await?;
    let taker = bob.limit(market.no, Side::Buy, other, hundred).await?;
    let cost = hundred * other + market.fee(hundred, other);
    purses.shift(check, "mint: cash", -hundred * low, -cost).await?;
    let told = (taker.success, &taker.status);
    check.equal("mint: status", told, (true, &OrderStatusType::Matched));
    check.equal("mint: amounts", amounts(&taker), (hundred * other, hundred));
    let counts = (taker.trade_ids.len(), taker.transaction_hashes.len());
    check.equal("mint: trades and transactions", counts, (1, 1));
    let shares = (alice.shares(market.yes).await?, bob.shares(market.no).await?);
    check.equal("mint: shares", shares, (hundred, hundred));
    let trade = confirmed(check, bob, &taker).await?;
    check.equal("taker's trade: order", &trade.taker_order_id, &taker.order_id);
    let side = (&trade.trader_side, trade.side);
    check.equal("taker's trade: side", side, (&TraderSide::Taker, Side::Buy));
    let what = (trade.market, trade.asset_id, trade.price, trade.size);
    check.equal("taker's trade", what, (market.condition, market.no, other, hundred));
    check.equal("taker's trade: owner", trade.owner, bob.client.credentials().key());
    let hash = taker.transaction_hashes.first();
    check.equal("taker's trade: transaction", Some(&trade.transaction_hash), hash);
    let part = trade.maker_orders.first().context("no maker")?;
    check.equal("maker's part: order", &part.order_id, &maker.order_id);
    check.equal("maker's part: owner", part.owner, alice.client.credentials().key());
    let what = (part.asset_id, part.side, part.price, part.matched_amount);
    check.equal("maker's part", what, (market.yes, Side::Buy, low, hundred));
    as_maker(check, alice, market, (&maker.order_id, &trade.id)).await?;
    last_trade(check, alice, market, other).await
}

async fn as_maker(
    check: &mut Checks,
    alice: &Trader,
    market: &Market,
    (order_id, trade_id): (&str, &String),
) -> Outcome {
    let request = TradesRequest::builder().market(market.condition).build();
    let trades = alice.client.trades(&request, None).await?.data;
    let seen: Vec<_> = trades.iter().map(|row| (&row.id, &row.trader_side)).collect();
    check.equal("the maker sees it too", seen, vec![(trade_id, &TraderSide::Maker)]);
    let order = alice.client.order(order_id).await?;
    let told = (order.status, order.size_matched);
    check.equal("the maker's order", told, (OrderStatusType::Matched, dec!(100)));
    check.equal("its trades", &order.associate_trades, &vec![trade_id.clone()]);
    Ok(())
}

async fn last_trade(
    check: &mut Checks,
    alice: &Trader,
    market: &Market,
    price: Decimal,
) -> Outcome {
    let request = LastTradePriceRequest::builder().token_id(market.no).build();
    let last = alice.client.last_trade_price(&request).await?;
    check.equal("last trade", (last.price, last.side), (price, Side::Buy));
    let rows = alice.client.last_trades_prices(&[request]).await?;
    let rows: Vec<_> = rows.iter().map(|row| (row.token_id, row.price)).collect();
    check.equal("last trades", rows, vec![(market.no, price)]);
    Ok(())
}

/// A budget meets a better price than its limit: it buys more shares.
async fn improved(
    check: &mut Checks,
    alice: &Trader,
    bob: &Trader,
    market: &Market,
    purses: &mut Purses<'_>,
) -> Outcome {
    let (high, forty) = (market.high, dec!(40));
    alice.limit(market.yes, Side::Sell, high, dec!(50)).await?;
    let budget = (forty * high).normalize();
    let builder = bob.client.market_order().token_id(market.yes).side(Side::Buy);
    let builder = builder.order_type(OrderType::FOK).price(high + dec!(0.05));
    let taker = builder.amount(Amount::usdc(budget)?).build_sign_and_post(&bob.signer).await?;
    let fee = market.fee(forty, high);
    purses.shift(check, "improved: cash", budget, -budget - fee).await?;
    check.equal("improved: amounts", amounts(&taker), (budget, forty));
    confirmed(check, bob, &taker).await?;
    alice.client.cancel_all_orders().await?;
    Ok(())
}

/// Two sellers: the set goes back to cash.
async fn merged(
    check: &mut Checks,
    alice: &Trader,
    bob: &Trader,
    market: &Market,
    purses: &mut Purses<'_>,
) -> Outcome {
    let (low, other, twenty) = (market.low, Decimal::ONE - market.low, dec!(20));
    alice.limit(market.yes, Side::Sell, low, twenty).await?;
    let taker = bob.limit(market.no, Side::Sell, other, twenty).await?;
    let proceeds = twenty * other - market.fee(twenty, other);
    purses.shift(check, "merge: cash", twenty * low, proceeds).await?;
    check.equal("merge: amounts", amounts(&taker), (twenty, twenty * other));
    let shares = (alice.shares(market.yes).await?, bob.shares(market.no).await?);
    check.equal("merge: shares", shares, (dec!(40), dec!(80)));
    confirmed(check, bob, &taker).await?;
    Ok(())
}

/// A market that trades: its makers' parts of our trade, our cash, our shares.
pub async fn strangers(check: &mut Checks, places: &Places) -> Outcome {
    let alice = Trader::enter(&places.calm, &places.keys[0], None).await?;
    let rows = alice.client.markets(Some("MA==".to_owned())).await?.data;
    let mut both = Vec::new();
    for row in &rows {
        if row.accepting_orders && row.minimum_tick_size == dec!(0.01) {
            both.push(Market::of(&alice, row).await?);
        }
    }
    both.retain(|market| !market.bids.is_empty() && !market.asks.is_empty());
    check.that("two markets of tick 0.01 have both sides", both.len() >= 2, both.len());
    let market = both.first().context("no market")?;
    let before = alice.cash().await?;
    let builder = alice.client.market_order().token_id(market.yes).side(Side::Buy);
    let builder = builder.order_type(OrderType::FAK).amount(Amount::usdc(dec!(12))?);
    let taker = builder.build_sign_and_post(&alice.signer).await?;
    check.equal("bought from strangers", &taker.status, &OrderStatusType::Matched);
    let (mut fees, mut bought) = (Decimal::ZERO, Decimal::ZERO);
    check.equal("in one trade", taker.trade_ids.len(), 1);
    for part in confirmed(check, &alice, &taker).await?.maker_orders {
        let is_same = part.asset_id == market.yes;
        let price = if is_same { part.price } else { Decimal::ONE - part.price };
        fees += market.fee(part.matched_amount, price);
        bought += part.matched_amount;
    }
    check.equal("the parts make the whole", bought, taker.taking_amount);
    let spent = before - alice.cash().await?;
    check.equal("cash moved by cost and fees", spent, taker.making_amount + fees);
    check.equal("shares arrived", alice.shares(market.yes).await?, bought);
    Ok(())
}
