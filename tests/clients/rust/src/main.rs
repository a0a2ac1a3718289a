//! polymarket_client_sdk_v2 against `dutchbook venue polymarket`: QUIET has no flow, CALM has.

mod checks;
mod fills;
mod orders;
mod reads;
mod streams;

use std::str::FromStr as _;

use alloy::signers::Signer as _;
use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use polymarket_client_sdk_v2::POLYGON;
use polymarket_client_sdk_v2::auth::{Normal, state::Authenticated};
use polymarket_client_sdk_v2::clob::types::request::{
    BalanceAllowanceRequest, OrderBookSummaryRequest,
};
use polymarket_client_sdk_v2::clob::types::response::{
    MarketResponse, OrderSummary, PostOrderResponse,
};
use polymarket_client_sdk_v2::clob::types::{AssetType, OrderType, Side, SignatureType};
use polymarket_client_sdk_v2::clob::{Client, Config};
use polymarket_client_sdk_v2::types::{Address, B256, Decimal, U256, dec};

use checks::{Checks, taker_fee};

/// What every funded key starts with.
pub const START: Decimal = dec!(100_000);

/// How a part ends; an error is one more failed check.
pub type Outcome = anyhow::Result<()>;

/// The client as an account's owner uses it.
pub struct Trader {
    pub client: Client<Authenticated<Normal>>,
    pub signer: PrivateKeySigner,
}

impl Trader {
    pub async fn enter(
        host: &str,
        key: &str,
        wallet: Option<(SignatureType, Address)>,
    ) -> anyhow::Result<Self> {
        let signer = LocalSigner::from_str(key)?.with_chain_id(Some(POLYGON));
        let client = Client::new(host, Config::default())?;
        let mut builder = client.authentication_builder(&signer);
        if let Some((kind, funder)) = wallet {
            builder = builder.signature_type(kind).funder(funder);
        }
        let client = builder.authenticate().await?;
        Ok(Self { client, signer })
    }

    pub async fn cash(&self) -> anyhow::Result<Decimal> {
        let request = BalanceAllowanceRequest::builder().asset_type(AssetType::Collateral).build();
        Ok(self.client.balance_allowance(request).await?.balance / dec!(1_000_000))
    }

    pub async fn shares(&self, token: U256) -> anyhow::Result<Decimal> {
        let request = BalanceAllowanceRequest::builder()
            .asset_type(AssetType::Conditional)
            .token_id(token)
            .build();
        Ok(self.client.balance_allowance(request).await?.balance / dec!(1_000_000))
    }

    pub async fn limit(
        &self,
        token: U256,
        side: Side,
        price: Decimal,
        size: Decimal,
    ) -> polymarket_client_sdk_v2::Result<PostOrderResponse> {
        let order = self.client.limit_order().token_id(token).side(side).price(price).size(size);
        order.order_type(OrderType::GTC).build_sign_and_post(&self.signer).await
    }
}

/// Prices and sizes of one side.
pub type Levels = Vec<(Decimal, Decimal)>;

pub fn levels(side: &[OrderSummary]) -> Levels {
    side.iter().map(|level| (level.price, level.size)).collect()
}

/// One binary market, with the fee rate that its short form states.
pub struct Market {
    pub condition: B256,
    pub yes: U256,
    pub no: U256,
    pub outcomes: [String; 2],
    pub neg_risk: bool,
    /// What stands in the book of YES, best last.
    pub bids: Levels,
    pub asks: Levels,
    /// Two prices between the quotes: orders there meet nobody but each other.
    pub low: Decimal,
    pub high: Decimal,
    is_roomy: bool,
    tick: Decimal,
    rate: Decimal,
}

impl Market {
    pub async fn of(trader: &Trader, row: &MarketResponse) -> anyhow::Result<Self> {
        let condition = row.condition_id.ok_or_else(|| anyhow::anyhow!("no condition id"))?;
        let [yes, no] = row.tokens.as_slice() else { anyhow::bail!("not two tokens") };
        let info = trader.client.clob_market_info(&condition.to_string()).await?;
        let fee = info.fee_details.unwrap_or_default();
        anyhow::ensure!(fee.rate.is_zero() || fee.exponent == 1, "a fee of another exponent");
        let book = OrderBookSummaryRequest::builder().token_id(yes.token_id).build();
        let book = trader.client.order_book(&book).await?;
        let (bids, asks) = (levels(&book.bids), levels(&book.asks));
        let bid = bids.last().map_or(dec!(0.40), |level| level.0);
        let ask = asks.last().map_or(dec!(0.60), |level| level.0);
        let tick = row.minimum_tick_size;
        let is_roomy = ask - bid >= dec!(3) * tick && bid > dec!(0.04) && bid < dec!(0.90);
        Ok(Self {
            condition,
            yes: yes.token_id,
            no: no.token_id,
            outcomes: [yes.outcome.clone(), no.outcome.clone()],
            neg_risk: row.neg_risk,
            low: bid + tick,
            high: bid + tick + tick,
            bids,
            asks,
            is_roomy,
            tick,
            rate: fee.rate,
        })
    }

    pub fn fee(&self, size: Decimal, price: Decimal) -> Decimal {
        taker_fee(size, price, self.rate)
    }
}

/// What the driver tells in the environment.
pub struct Places {
    pub quiet: String,
    pub calm: String,
    pub keys: Vec<String>,
}

fn env(name: &str) -> anyhow::Result<String> {
    std::env::var(name).map_err(|_| anyhow::anyhow!("{name} is not set"))
}

async fn run(check: &mut Checks) -> Outcome {
    let keys = env("POLYMARKET_KEYS")?.split(',').map(str::to_owned).collect::<Vec<_>>();
    let places = Places { quiet: env("POLYMARKET_QUIET")?, calm: env("POLYMARKET_CALM")?, keys };
    let alice = Trader::enter(&places.quiet, &places.keys[0], None).await?;
    let bob = Trader::enter(&places.quiet, &places.keys[1], None).await?;
    let rows = reads::markets(check, &alice).await?;
    let mut markets = Vec::new();
    for row in &rows {
        markets.push(Market::of(&alice, row).await?);
    }
    let roomy = |neg_risk: bool, at: usize| {
        let fits = |market: &&Market| {
            let is_kind = market.neg_risk == neg_risk && market.is_roomy;
            is_kind && (neg_risk || market.tick == dec!(0.01))
        };
        let found = markets.iter().filter(fits).nth(at);
        found.ok_or_else(|| anyhow::anyhow!("too few roomy markets with neg_risk {neg_risk}"))
    };
    let (market, other, risky) = (roomy(false, 0)?, roomy(false, 1)?, roomy(true, 0)?);
    let outcome = reads::discovery(check, &places.quiet, market).await;
    check.part("discovery", outcome);
    let outcome = reads::credentials(check, &places, &alice).await;
    check.part("credentials", outcome);
    let outcome = orders::resting(check, &alice, market).await;
    check.part("an order's life", outcome);
    let outcome = orders::resting(check, &alice, risky).await;
    check.part("an order's life in a neg-risk market", outcome);
    let outcome = orders::batches(check, &alice, market).await;
    check.part("batches", outcome);
    let outcome = orders::refusals(check, &alice, &bob, market).await;
    check.part("refusals", outcome);
    let outcome = fills::filled(check, &alice, &bob, market).await;
    check.part("fills", outcome);
    let outcome = streams::streams(check, &places.quiet, (&alice, &bob), other).await;
    check.part("streams", outcome);
    let wallets = [
        (SignatureType::Proxy, env("POLYMARKET_PROXY")?),
        (SignatureType::GnosisSafe, env("POLYMARKET_SAFE")?),
        (SignatureType::Poly1271, env("POLYMARKET_DEPOSIT")?),
    ];
    for (kind, funder) in wallets {
        let outcome = orders::wallet(check, &places, market, (kind, funder.parse()?)).await;
        check.part("wallets", outcome);
    }
    let outcome = fills::strangers(check, &places).await;
    check.part("strangers", outcome);
    Ok(())
}

// One thread: the SDK asks for a stream's messages before it listens for them, so that with more
// threads a busy machine can lose the first book.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut check = Checks::default();
    let outcome = run(&mut check).await;
    check.part("all parts", outcome);
    check.finish();
}
