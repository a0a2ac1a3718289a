//! Takes every open order of an account back, and believes it only when the venue says so twice.
//!
//! An order that was under way when the switch was pulled may arrive after everything was cancelled, and
//! a venue's list may lag behind its engine. So the open orders are read again after
//! `LIST_LAG`, and whatever stands there is cancelled anew.

use core::time::Duration;

use dutchbook_book::Nanos;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::Config;
use crate::secret::{ApiSecrets, PolymarketKeys, kalshi_keys};
use crate::signed::{KalshiDesk, PolymarketDesk};
use crate::tls::TlsRoots;

/// How far a venue's list of orders may lag behind its engine.
const LIST_LAG: Nanos = Nanos::from_secs(2);
/// Pause between two tries.
const RETRY: Duration = Duration::from_millis(250);

/// What became of the open orders at one venue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// The venue.
    pub venue: String,
    /// Whether it has said twice, far enough apart, that no order is open.
    pub is_verified: bool,
    /// How often everything was cancelled.
    pub cancels: u32,
    /// Orders that were open when it was last asked.
    pub open: usize,
    /// The last failure.
    #[serde(default)]
    pub trouble: String,
}

impl Swept {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        match (self.is_verified, self.trouble.as_str()) {
            (true, _) => format!("{}: no order is open", self.venue),
            (false, "") => format!("{}: {} orders are still open", self.venue, self.open),
            (false, trouble) => format!("{}: not verified, {trouble}", self.venue),
        }
    }
}

/// Where orders are cancelled. Opened anew for every sweep: keys may have been mended meanwhile.
enum Desk {
    Polymarket(Box<PolymarketDesk>),
    Kalshi(Box<KalshiDesk>),
}

impl Desk {
    async fn cancel_all(&mut self) -> Result<(), String> {
        let done = match self {
            Self::Polymarket(desk) => desk.cancel_all().await,
            Self::Kalshi(desk) => desk.cancel_all().await,
        };
        done.map_err(|error| error.to_string())
    }

    async fn open_orders(&mut self) -> Result<usize, String> {
        let open = match self {
            Self::Polymarket(desk) => desk.open_orders().await,
            Self::Kalshi(desk) => desk.open_orders().await,
        };
        open.map(|ids| ids.len()).map_err(|error| error.to_string())
    }
}

/// Cancels everything at every venue where an account is configured, and verifies it until `until`.
pub async fn sweep(config: &Config, tls: &TlsRoots, clock: &Clock, until: Nanos) -> Vec<Swept> {
    let (polymarket, kalshi) = tokio::join!(
        sweep_one("polymarket", open_polymarket(config, tls, clock), clock, until),
        sweep_one("kalshi", open_kalshi(config, tls, clock), clock, until),
    );
    polymarket.into_iter().chain(kalshi).collect()
}

async fn open_polymarket(
    config: &Config,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<Option<Desk>, String> {
    let (Some(venue), Some(account)) = (&config.venues.polymarket, &config.live.polymarket) else {
        return Ok(None);
    };
    let mut desk = PolymarketDesk::new(&venue.clob_url, tls.clone(), clock.clone())
        .map_err(|error| error.to_string())?;
    let keys = PolymarketKeys::open(account).map_err(|error| error.to_string())?;
    let api = match keys.api {
        Some(api) => api,
        None => {
            let text = desk.derive(&keys.signer, account.chain, 0).await;
            let text = text.map_err(|error| error.to_string())?;
            ApiSecrets::parse(&text).map_err(|error| error.to_string())?
        }
    };
    let credentials = api.credentials(keys.signer.address()).map_err(|error| error.to_string())?;
    desk.use_credentials(credentials);
    Ok(Some(Desk::Polymarket(Box::new(desk))))
}

async fn open_kalshi(
    config: &Config,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<Option<Desk>, String> {
    let (Some(venue), Some(account)) = (&config.venues.kalshi, &config.live.kalshi) else {
        return Ok(None);
    };
    let mut desk = KalshiDesk::new(&venue.api_url, tls.clone(), clock.clone())
        .map_err(|error| error.to_string())?;
    desk.use_credentials(kalshi_keys(account).map_err(|error| error.to_string())?);
    Ok(Some(Desk::Kalshi(Box::new(desk))))
}

/// One venue; nothing where it has no account.
async fn sweep_one(
    venue: &str,
    desk: impl Future<Output = Result<Option<Desk>, String>>,
    clock: &Clock,
    until: Nanos,
) -> Option<Swept> {
    let mut swept = Swept { venue: venue.to_owned(), ..Swept::default() };
    let mut desk = match desk.await {
        Ok(None) => return None,
        Ok(Some(desk)) => desk,
        Err(trouble) => {
            swept.trouble = trouble;
            return Some(swept);
        }
    };
    let (mut must_cancel, mut empty_since) = (true, None);
    loop {
        match round(&mut desk, &mut swept, must_cancel).await {
            Ok(0) => {
                must_cancel = false;
                let since = *empty_since.get_or_insert(clock.now());
                if clock.now().since(since) >= LIST_LAG {
                    swept.is_verified = true;
                    return Some(swept);
                }
            }
            Ok(_) | Err(()) => (must_cancel, empty_since) = (true, None),
        }
        if clock.now() >= until {
            return Some(swept);
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Cancels where it must and counts what is open then.
async fn round(desk: &mut Desk, swept: &mut Swept, must_cancel: bool) -> Result<usize, ()> {
    let told = async {
        if must_cancel {
            desk.cancel_all().await?;
            swept.cancels = swept.cancels.saturating_add(1);
        }
        desk.open_orders().await
    };
    match told.await {
        Ok(open) => {
            (swept.open, swept.trouble) = (open, String::new());
            Ok(open)
        }
        Err(trouble) => {
            swept.trouble = trouble;
            Err(())
        }
    }
}
