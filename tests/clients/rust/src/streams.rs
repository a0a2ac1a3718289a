//! Both channels by the SDK's own sockets.

use std::time::Duration;

use anyhow::Context as _;
use polymarket_client_sdk_v2::clob::types::Side;
use polymarket_client_sdk_v2::clob::ws::types::response::{
    OrderMessage, OrderMessageType, PriceChange, TradeMessage, TradeMessageStatus,
};
use polymarket_client_sdk_v2::clob::ws::{Client as Socket, WsMessage};
use polymarket_client_sdk_v2::types::{Decimal, U256, dec};
use tokio::time::sleep;

use crate::checks::{Checks, Seen};
use crate::{Market, Outcome, Trader};

/// The user's channel.
struct Own(Seen<WsMessage>);

impl Own {
    async fn order(&mut self, id: &str, kind: OrderMessageType) -> anyhow::Result<&OrderMessage> {
        let wanted = Some(kind);
        let told = self.0.wait("order message", |message| {
            matches!(message, WsMessage::Order(order) if order.id == id && order.msg_type == wanted)
        });
        match told.await.with_context(|| format!("{wanted:?}"))? {
            WsMessage::Order(order) => Ok(order),
            _ => anyhow::bail!("not an order message"),
        }
    }

    async fn trade(
        &mut self,
        id: &str,
        status: TradeMessageStatus,
    ) -> anyhow::Result<&TradeMessage> {
        let told = self.0.wait("trade message", |message| {
            matches!(message, WsMessage::Trade(trade) if trade.id == id && trade.status == status)
        });
        match told.await.with_context(|| format!("{status:?}"))? {
            WsMessage::Trade(trade) => Ok(trade),
            _ => anyhow::bail!("not a trade message"),
        }
    }
}

/// A message that sets one level to a size.
async fn level(
    changes: &mut Seen<PriceChange>,
    wanted: (U256, Decimal, Side, Decimal),
) -> anyhow::Result<&PriceChange> {
    let (token, price, side, size) = wanted;
    let wanted = (token, price, side, Some(size));
    let holds = |change: &PriceChange| {
        change
            .price_changes
            .iter()
            .any(|row| (row.asset_id, row.price, row.side, row.size) == wanted)
    };
    changes.wait("a level", holds).await.with_context(|| format!("{wanted:?}"))
}

pub async fn streams(
    check: &mut Checks,
    host: &str,
    (alice, bob): (&Trader, &Trader),
    market: &Market,
) -> Outcome {
    let host = host.replace("http://", "ws://");
    let tape = Socket::new(&host, Default::default())?;
    let tokens = vec![market.yes, market.no];
    let mut books = Seen::of(tape.subscribe_orderbook(tokens.clone())?);
    let mut changes = Seen::of(tape.subscribe_prices(tokens.clone())?);
    let mut trades = Seen::of(tape.subscribe_last_trade_price(tokens)?);
    let own = Socket::new(&host, Default::default())?;
    let own = own.authenticate(alice.client.credentials().clone(), alice.client.address())?;
    let mut own = Own(Seen::of(own.subscribe_user_events(vec![market.condition])?));
    let book = books.wait("a book", |book| book.asset_id == market.yes).await?;
    let best = book.bids.last().map(|level| (level.price, level.size));
    check.equal("ws book: best bid", best, market.bids.last().copied());
    check.equal("ws book: market", book.market, market.condition);
    sleep(Duration::from_secs(1)).await; // the user's socket has no first message to wait for

    let (low, other, size) = (market.low, Decimal::ONE - market.low, dec!(30));
    let placed = alice.limit(market.yes, Side::Buy, low, size).await?;
    let order = own.order(&placed.order_id, OrderMessageType::Placement).await?;
    let what = (order.asset_id, order.side, order.price, order.original_size, order.size_matched);
    let wanted = (market.yes, Side::Buy, low, Some(size), Some(dec!(0)));
    check.equal("placement", what, wanted);
    check.equal("placement: owner", order.owner, Some(alice.client.credentials().key()));
    let change = level(&mut changes, (market.yes, low, Side::Buy, size)).await?;
    check.equal("level appears", change.market, market.condition);
    let change = level(&mut changes, (market.no, other, Side::Sell, size)).await?;
    check.equal("and its mirror", change.market, market.condition);

    let ten = dec!(10);
    let taker = bob.limit(market.no, Side::Buy, other, ten).await?;
    let update = own.order(&placed.order_id, OrderMessageType::Update).await?;
    check.equal("update: matched", update.size_matched, Some(ten));
    let trade_id = taker.trade_ids.first().context("no trade")?;
    use TradeMessageStatus::{Confirmed, Matched, Mined};
    for status in [Matched, Mined, Confirmed] {
        let trade = own.trade(trade_id, status).await?;
        let parts = trade.maker_orders.iter().map(|part| (&part.order_id, part.matched_amount));
        let parts: Vec<_> = parts.collect();
        check.equal("trade: our part", parts, vec![(&placed.order_id, ten)]);
    }
    let last = trades.wait("the last trade", |last| last.size == Some(ten)).await?;
    check.equal("last trade: market", last.market, market.condition);
    alice.client.cancel_order(&placed.order_id).await?;
    let gone = own.order(&placed.order_id, OrderMessageType::Cancellation).await?;
    check.equal("cancellation: matched before", gone.size_matched, Some(ten));
    let change = level(&mut changes, (market.yes, low, Side::Buy, dec!(0))).await?;
    check.equal("level disappears", change.market, market.condition);
    Ok(())
}
