//! Takes every open order of an account back, and believes it only when the venue says so twice.
//!
//! An order that was under way when the switch was pulled may arrive after everything was cancelled, and
//! a venue's list may lag behind its engine. So the open orders are read again after
//! `LIST_LAG`, and whatever stands there is cancelled anew.

use core::time::Duration;

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::Config;
use crate::signed::{AccountDesk, DeskError};
use crate::tls::TlsRoots;

/// How far a venue's list of orders may lag behind its engine.
const LIST_LAG: Nanos = Nanos::from_secs(2);
/// Pause between two tries.
const RETRY: Duration = Duration::from_millis(250);

/// Orders that are named, and that are cancelled one by one in a round, at most.
const NAMED_MAX: usize = 32;

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
    /// The first of them, by the venue's ids.
    #[serde(default)]
    pub left: Vec<String>,
    /// The last failure.
    #[serde(default)]
    pub trouble: String,
}

impl Swept {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { venue, open, .. } = self;
        let trouble = match self.trouble.as_str() {
            "" => String::new(),
            trouble => format!("; {trouble}"),
        };
        match (self.is_verified, open) {
            (true, _) => format!("{venue}: no order is open"),
            (false, 0) => format!("{venue}: NOT VERIFIED, orders may be open{trouble}"),
            (false, _) => {
                let more = if *open > self.left.len() { ", ..." } else { "" };
                let left = self.left.join(", ");
                format!("{venue}: {open} ORDERS ARE STILL OPEN: {left}{more}{trouble}")
            }
        }
    }
}

/// Cancels everything at every venue where an account is configured, and verifies it until `until`.
pub async fn sweep(config: &Config, tls: &TlsRoots, clock: &Clock, until: Nanos) -> Vec<Swept> {
    let (polymarket, kalshi) = tokio::join!(
        sweep_one(VenueKind::Polymarket, config, tls, clock, until),
        sweep_one(VenueKind::Kalshi, config, tls, clock, until),
    );
    polymarket.into_iter().chain(kalshi).collect()
}

/// One venue; nothing where it has no account.
async fn sweep_one(
    kind: VenueKind,
    config: &Config,
    tls: &TlsRoots,
    clock: &Clock,
    until: Nanos,
) -> Option<Swept> {
    let mut swept = Swept { venue: kind.name().to_owned(), ..Swept::default() };
    let mut desk = match AccountDesk::open(kind, config, tls, clock).await {
        Ok(None) => return None,
        Ok(Some(desk)) => desk,
        Err(trouble) => {
            swept.trouble = trouble.to_string();
            return Some(swept);
        }
    };
    follow(&mut desk, &mut swept, clock, until).await;
    Some(swept)
}

/// What cancels and counts orders: an account's desk.
trait Orders {
    async fn cancel_all(&mut self) -> Result<(), DeskError>;
    async fn cancel(&mut self, order: &str) -> Result<(), DeskError>;
    async fn open_orders(&mut self) -> Result<Vec<String>, DeskError>;
}

impl Orders for AccountDesk {
    async fn cancel_all(&mut self) -> Result<(), DeskError> {
        self.cancel_all().await
    }

    async fn cancel(&mut self, order: &str) -> Result<(), DeskError> {
        self.cancel(order).await
    }

    async fn open_orders(&mut self) -> Result<Vec<String>, DeskError> {
        self.open_orders().await
    }
}

/// Cancels until the venue has said twice that nothing is open, or the time is over.
async fn follow(desk: &mut impl Orders, swept: &mut Swept, clock: &Clock, until: Nanos) {
    let (mut must_cancel, mut empty_since) = (true, None);
    loop {
        let cancelled = match must_cancel {
            true => cancel_all(desk, swept).await,
            false => Ok(()),
        };
        match count(desk, swept).await {
            Some(0) => {
                // Its own word on what is open is the one that counts; whoever did not hear us the
                // first time is told again.
                must_cancel = cancelled.is_err();
                let since = *empty_since.get_or_insert(clock.now());
                if clock.now().since(since) >= LIST_LAG {
                    swept.is_verified = true;
                    return;
                }
            }
            open => {
                (must_cancel, empty_since) = (true, None);
                if let (Some(_), Err(trouble)) = (open, cancelled) {
                    swept.trouble = trouble;
                    cancel_each(desk, swept).await;
                }
            }
        }
        if clock.now() >= until {
            return;
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn cancel_all(desk: &mut impl Orders, swept: &mut Swept) -> Result<(), String> {
    desk.cancel_all().await.map_err(|error| error.to_string())?;
    swept.cancels = swept.cancels.saturating_add(1);
    Ok(())
}

/// A venue that refuses to cancel everything may cancel what it names.
async fn cancel_each(desk: &mut impl Orders, swept: &mut Swept) {
    for order in swept.left.clone() {
        if let Err(error) = desk.cancel(&order).await {
            // One that is gone meanwhile is found gone by the next count.
            swept.trouble = error.to_string();
        }
    }
}

/// Asks what is open; nothing where the venue does not say.
async fn count(desk: &mut impl Orders, swept: &mut Swept) -> Option<usize> {
    match desk.open_orders().await {
        Ok(ids) => {
            (swept.open, swept.trouble) = (ids.len(), String::new());
            swept.left = ids.into_iter().take(NAMED_MAX).collect();
            Some(swept.open)
        }
        Err(error) => {
            swept.trouble = error.to_string();
            None
        }
    }
}

#[cfg(test)]
#[path = "cancel_tests.rs"]
mod tests;
