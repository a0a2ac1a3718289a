//! Real orders in the demo: an account on each embedded venue, opened for this run alone, and at the
//! end what the venues' own books say of it.

use std::sync::Arc;

use alloy_primitives::Address;
use dutchbook_book::catalog::{Catalog, Listing, VenueKind};
use dutchbook_book::{Exact, InstrumentId, Price, Qty, VenueId};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::desk::{Desk, DeskConfig, DeskError};
use dutchbook_core::discovery::streams::stamper_of;
use dutchbook_core::http::HttpError;
use dutchbook_core::live::{
    Helpers, KalshiLogin, Login, LoginError, Opened, PolymarketLogin, Secret, api_secrets, boot,
};
use dutchbook_core::position::Portfolio;
use dutchbook_core::signed::{self, PolymarketDesk};
use dutchbook_core::statement::{Place, Statement};
use dutchbook_core::tls::TlsRoots;
use dutchbook_core::topology::{LiveStart, Stream, Ways};
use dutchbook_exec::sign::ecdsa::{KeyError, PrivateKey, Signer};
use dutchbook_exec::venue::kalshi;
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::{Account, WalletKind};
use dutchbook_exec::venue::polymarket::wallet::Wallets;

use crate::key_pair::KeyType;
use crate::sim::accounts::Accounts;
use crate::sim::kalshi::{TestAccount, test_account};
use crate::sim::polymarket::account::{TestKey, test_key};
use crate::sim::venue::SimVenues;

/// Why the demo has no accounts.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// No keys can be made.
    #[error("the system has no randomness for the demo's keys")]
    Randomness,
    /// A key that was just made is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The venue gives no API credentials.
    #[error(transparent)]
    Venue(#[from] signed::DeskError),
    /// What it gives are none.
    #[error("the simulated Polymarket gives no API credentials")]
    Credentials,
    /// The venue cannot be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The accounts cannot be opened.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// There is no desk.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// There is no runtime.
    #[error("cannot ask the simulated venues: {0}")]
    System(#[from] std::io::Error),
}

/// The keys of one demo.
pub(super) struct DemoKeys {
    polymarket: TestKey,
    owner: Address,
    kalshi: TestAccount,
}

/// Whose books are compared at the end.
#[derive(Clone, Debug)]
pub(super) struct Holders {
    wallet: String,
    key_id: String,
}

impl DemoKeys {
    /// Keys that nobody has used before.
    pub(super) fn new() -> Result<Self, OrdersError> {
        let polymarket = test_key().map_err(|_| OrdersError::Randomness)?;
        let kalshi = test_account(KeyType::Ed25519).map_err(|_| OrdersError::Randomness)?;
        let owner = signer(&polymarket)?.address();
        Ok(Self { polymarket, owner, kalshi })
    }

    /// Where the money lies: a deposit wallet, as every account has it.
    fn wallet(&self) -> Address {
        Wallets::of(self.owner).deposit_beacon
    }

    /// What the venues open before they serve.
    pub(super) fn accounts(&self, config: &Config) -> Accounts {
        let (mut wallet, mut member) =
            (self.polymarket.wallet.clone(), self.kalshi.account.clone());
        wallet.address = self.wallet().to_string();
        wallet.balance = config.paper.cash.to_string();
        member.balance = config.paper.cash.to_string();
        Accounts { kalshi: vec![member], polymarket: vec![wallet] }
    }

    /// Whose books are compared at the end.
    pub(super) fn holders(&self) -> Holders {
        let key_id = self.kalshi.account.key_id.clone();
        Holders { wallet: self.wallet().to_string(), key_id }
    }

    /// Signs Kalshi's streams: where members are, nobody else may listen.
    pub(super) fn sign(&self, streams: &mut [Stream], clock: &Clock) -> Result<(), OrdersError> {
        let (id, pem) = (&self.kalshi.account.key_id, &self.kalshi.private_key_pem);
        let credentials = kalshi::auth::Credentials::new(id, pem).map_err(LoginError::from)?;
        let credentials = Arc::new(credentials);
        for stream in streams.iter_mut().filter(|stream| stream.kind == VenueKind::Kalshi) {
            let endpoint = &mut stream.endpoint;
            endpoint.stamps = Some(stamper_of(Arc::clone(&credentials), &endpoint.url, clock));
        }
        Ok(())
    }

    /// Opens the accounts at the running venues for the books of a catalog.
    pub(super) fn open(
        &self,
        config: &Config,
        (address, is_tls): (&str, bool),
        catalog: &Catalog,
        tls: &TlsRoots,
        clock: &Clock,
    ) -> Result<(LiveStart, Helpers), OrdersError> {
        let s = if is_tls { "s" } else { "" };
        let rest_url = format!("http{s}://{address}");
        let signer = signer(&self.polymarket)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let api = runtime.block_on(credentials(&rest_url, &signer, tls, clock))?;
        let polymarket = PolymarketLogin {
            key: PrivateKey::from_hex(&self.polymarket.private_key)?,
            account: Account::new(WalletKind::Deposit, self.owner, self.wallet()),
            api,
            chain: Chain::Polygon,
            prepares_nonces: true,
            rest_url: rest_url.clone(),
            user_ws_url: format!("ws{s}://{address}/ws/user"),
        };
        let kalshi = KalshiLogin {
            key_id: self.kalshi.account.key_id.clone(),
            pem: self.kalshi.private_key_pem.clone().into(),
            rest_url,
            ws_url: format!("ws{s}://{address}/trade-api/ws/v2"),
        };
        let venue = |kind| catalog.venues.iter().find(|venue| venue.kind == kind).map(|v| v.id);
        let logins = [
            (venue(VenueKind::Polymarket), Login::Polymarket(Box::new(polymarket))),
            (venue(VenueKind::Kalshi), Login::Kalshi(Box::new(kalshi))),
        ];
        let logins: Vec<(VenueId, Login)> =
            logins.into_iter().filter_map(|(venue, login)| Some((venue?, login))).collect();
        let cash = logins.iter().map(|(venue, _)| (*venue, config.paper.cash)).collect();
        let Opened { accesses, lines, helpers } = Opened::new(logins, tls, clock)?;
        let boot = boot()?;
        let desk = Box::new(Desk::new(DeskConfig::new(boot), catalog, accesses)?);
        let limits = config.gateway;
        let allowance = Price::ZERO;
        let (desks, accepted_by) = (Vec::new(), None);
        let ways = Ways { lines, limits, tls: tls.clone(), cash, desks, accepted_by };
        Ok((LiveStart { desk, boot, allowance, ways }, helpers))
    }
}

fn signer(key: &TestKey) -> Result<Signer, OrdersError> {
    // It signs one login: blinding protects keys that sign for long.
    Ok(Signer::new(PrivateKey::from_hex(&key.private_key)?, &[0; 32]))
}

/// API credentials of a wallet: id, secret, passphrase.
async fn credentials(
    address: &str,
    signer: &Signer,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<[Secret; 3], OrdersError> {
    let mut desk = PolymarketDesk::new(address, tls.clone(), clock.clone())?;
    let text = desk.create(signer, Chain::Polygon, 0).await?;
    api_secrets(&text).ok_or(OrdersError::Credentials)
}

impl Holders {
    /// The sum of the absolute differences of cash and of every position between the engine's books
    /// and both venues' own, a contract counted as a dollar; and the places where they differ.
    pub(super) fn difference(
        &self,
        venues: &SimVenues,
        catalog: &Catalog,
        portfolio: &Portfolio,
    ) -> (Exact, Vec<String>) {
        let places = Place::all(catalog);
        let (mut sum, mut lines) = (Exact::ZERO, Vec::new());
        for venue in &catalog.venues {
            let who = match venue.kind {
                VenueKind::Polymarket => &self.wallet,
                VenueKind::Kalshi => &self.key_id,
            };
            let theirs = venues.statement(venue.kind, who).unwrap_or_default();
            let theirs = translated(&theirs, venue.kind, &venues.scenario().catalog, catalog);
            let compared = theirs.compare(venue.id, &places, portfolio);
            sum = sum.checked_add(compared.sum()).unwrap_or(sum);
            lines.extend(compared.lines(venue.kind.name()));
        }
        (sum, lines)
    }
}

/// A venue's statement in the ids of the engine's catalog, where those differ from the venue's own.
fn translated(theirs: &Statement, kind: VenueKind, own: &Catalog, ours: &Catalog) -> Statement {
    let same =
        |listing: &&Listing, market: &str| listing.kind == kind && listing.native_market == market;
    let position = |(instrument, qty): &(InstrumentId, Qty)| {
        let listing = own.listing(instrument.book())?;
        let market = listing.native_market.as_str();
        let found = ours.listings.iter().find(|listing| same(listing, market))?;
        Some((found.book.instrument(instrument.face()), *qty))
    };
    Statement {
        cash: theirs.cash,
        positions: theirs.positions.iter().filter_map(position).collect(),
        ..Statement::default()
    }
}
