//! One account of ours at a venue, opened as the configuration says: what it has, and how its open
//! orders are taken back.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{Face, Price, Qty};
use dutchbook_exec::venue::polymarket::order::WalletKind;

use super::{DeskError, KalshiDesk, PolymarketDesk};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::HttpError;
use crate::secret::{AccountError, ApiSecrets, PolymarketKeys, kalshi_keys};
use crate::statement::{Place, Statement};
use crate::tls::TlsRoots;

/// Why an account cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An address is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Its secrets cannot be used.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The venue gives no credentials.
    #[error(transparent)]
    Venue(#[from] DeskError),
}

/// The desk of one account.
#[derive(Debug)]
pub enum AccountDesk {
    /// On Polymarket, for a wallet of this kind.
    Polymarket(Box<PolymarketDesk>, WalletKind),
    /// On Kalshi.
    Kalshi(Box<KalshiDesk>),
}

impl AccountDesk {
    /// The account of a venue; none where the configuration names none. Keys are read anew every
    /// time: they may have been mended meanwhile.
    ///
    /// # Errors
    /// When a secret cannot be read, or the venue gives no credentials for it.
    pub async fn open(
        kind: VenueKind,
        config: &Config,
        tls: &TlsRoots,
        clock: &Clock,
    ) -> Result<Option<Self>, OpenError> {
        match kind {
            VenueKind::Polymarket => Self::polymarket(config, tls, clock).await,
            VenueKind::Kalshi => Self::kalshi(config, tls, clock),
        }
    }

    async fn polymarket(
        config: &Config,
        tls: &TlsRoots,
        clock: &Clock,
    ) -> Result<Option<Self>, OpenError> {
        let (venue, account) = (&config.venues.polymarket, &config.live.polymarket);
        let (Some(venue), Some(account)) = (venue, account) else { return Ok(None) };
        let mut desk = PolymarketDesk::new(&venue.clob_url, tls.clone(), clock.clone())?;
        let keys = PolymarketKeys::open(account)?;
        let api = match keys.api {
            Some(api) => api,
            // Those that exist: none are made without being asked for.
            None => ApiSecrets::parse(&desk.derive(&keys.signer, account.chain, 0).await?)?,
        };
        desk.use_credentials(api.credentials(keys.signer.address())?);
        Ok(Some(Self::Polymarket(Box::new(desk), account.wallet)))
    }

    fn kalshi(config: &Config, tls: &TlsRoots, clock: &Clock) -> Result<Option<Self>, OpenError> {
        let (venue, account) = (&config.venues.kalshi, &config.live.kalshi);
        let (Some(venue), Some(account)) = (venue, account) else { return Ok(None) };
        let mut desk = KalshiDesk::new(&venue.api_url, tls.clone(), clock.clone())?;
        desk.use_credentials(kalshi_keys(account)?);
        Ok(Some(Self::Kalshi(Box::new(desk))))
    }

    /// Cancels every open order of the account.
    ///
    /// # Errors
    /// When the venue does not confirm.
    pub async fn cancel_all(&mut self) -> Result<(), DeskError> {
        match self {
            Self::Polymarket(desk, _) => desk.cancel_all().await,
            Self::Kalshi(desk) => desk.cancel_all().await,
        }
    }

    /// Cancels one order.
    ///
    /// # Errors
    /// When the venue does not confirm.
    pub async fn cancel(&mut self, order: &str) -> Result<(), DeskError> {
        match self {
            Self::Polymarket(desk, _) => desk.cancel(order).await,
            Self::Kalshi(desk) => desk.cancel(order).await,
        }
    }

    /// Ids of its open orders.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn open_orders(&mut self) -> Result<Vec<String>, DeskError> {
        match self {
            Self::Polymarket(desk, _) => desk.open_orders().await,
            Self::Kalshi(desk) => desk.open_orders().await,
        }
    }

    /// What the venue says that the account has, these being its markets. Kalshi lists what is held
    /// and what was settled of it; Polymarket lists nothing and is asked about every market that is
    /// ours.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn statement(&mut self, places: &[&Place]) -> Result<Statement, DeskError> {
        match self {
            Self::Polymarket(desk, wallet) => wallet_statement(desk, *wallet, places).await,
            Self::Kalshi(desk) => member_statement(desk, places).await,
        }
    }
}

async fn wallet_statement(
    desk: &mut PolymarketDesk,
    wallet: WalletKind,
    places: &[&Place],
) -> Result<Statement, DeskError> {
    let mut statement = Statement::default();
    for place in places.iter().filter(|place| place.is_ours) {
        let tokens = match &place.tokens {
            Some(tokens) => tokens.clone(),
            None => desk.tokens(&place.market).await?,
        };
        for (face, token) in [Face::Yes, Face::No].into_iter().zip(&tokens) {
            let qty = desk.contracts(token, wallet).await?;
            statement.positions.push((place.book.instrument(face), qty));
        }
    }
    statement.cash = desk.collateral(wallet).await?.balance;
    Ok(statement)
}

async fn member_statement(
    desk: &mut KalshiDesk,
    places: &[&Place],
) -> Result<Statement, DeskError> {
    let mut statement = Statement::default();
    let held = desk.positions().await?;
    for (ticker, micro) in held.iter().filter(|(_, micro)| *micro != 0) {
        let qty = Qty::from_micro(micro.unsigned_abs()).unwrap_or(Qty::MAX);
        let face = if *micro < 0 { Face::No } else { Face::Yes };
        match places.iter().find(|place| place.market == *ticker) {
            Some(place) => statement.positions.push((place.book.instrument(face), qty)),
            None => statement.strange.push(format!("{qty} of {ticker}")),
        }
    }
    for place in places.iter().filter(|place| place.is_ours) {
        if held.iter().any(|(ticker, micro)| *ticker == place.market && *micro != 0) {
            continue;
        }
        if let Some(payoff) = desk.settlement(&place.market).await? {
            statement.settled.push((place.book, payoff));
        }
    }
    statement.cash = desk.balance().await?;
    Ok(statement)
}

/// What each YES of a settled market pays, by the words of Kalshi's settlement.
pub(super) fn payoff_of(row: &serde_json::Value) -> Option<Price> {
    match row.get("market_result")?.as_str()? {
        "yes" => Some(Price::ONE),
        "no" => Some(Price::ZERO),
        _ => {
            let cents = u32::try_from(row.get("value")?.as_u64()?).ok()?;
            Price::from_pips(cents.checked_mul(100)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_settlement_says_what_a_yes_pays() {
        let payoff = |row| payoff_of(&row);
        assert_eq!(payoff(json!({ "market_result": "yes", "value": 100 })), Some(Price::ONE));
        assert_eq!(payoff(json!({ "market_result": "no" })), Some(Price::ZERO));
        let half = Price::from_pips(5_000);
        assert_eq!(payoff(json!({ "market_result": "scalar", "value": 50 })), half);
        for wrong in [
            json!({}),
            json!({ "market_result": "scalar" }),
            json!({ "market_result": "scalar", "value": 5_000_000_000_u64 }),
            json!({ "market_result": 1 }),
        ] {
            assert_eq!(payoff_of(&wrong), None, "{wrong}");
        }
    }
}
