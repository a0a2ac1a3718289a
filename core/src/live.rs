//! Accounts, opened for trading: what writes and signs a venue's requests ([`Access`]), the lines that
//! carry them ([`VenueLine`]), and the helper threads that make nonces and stamps ahead.
//!
//! Everything here is made once, at the start of a live run.

use core::fmt;
use std::sync::Arc;

use dutchbook_book::VenueId;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::api_key::ApiKeyError;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::sign::hmac::SecretError;
use dutchbook_exec::venue::kalshi::stamps::stamps;
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::Account;
use dutchbook_exec::venue::{kalshi, polymarket};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::desk::{
    Access, KALSHI_READS, KALSHI_TARGETS, KALSHI_WRITES, KalshiAccess, POLYMARKET_CANCELS,
    POLYMARKET_ORDERS, POLYMARKET_READS, PolymarketAccess,
};
use crate::discovery::streams::stamper_of;
use crate::gateway::{Host, NoHost, UserChannel, VenueLine};
use crate::net::{Endpoint, Gate, Stamper};
use crate::tile::nonce::{NonceError, NonceTile};
use crate::tile::stamps::{STAMP_AGE_MS_MAX, StampTile};
use crate::tls::TlsRoots;

/// Nonces that are kept ready: two full batches.
const NONCE_SLOTS: usize = 32;
/// Longest message of a user channel.
const CHANNEL_BYTES_MAX: usize = 4 << 20;

/// Why an account cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// An address is none.
    #[error(transparent)]
    Host(#[from] NoHost),
    /// The secret of the API credentials is no base64.
    #[error("the API credentials of Polymarket: {0}")]
    Secret(#[from] SecretError),
    /// The key of Kalshi's API is none.
    #[error("the private key of Kalshi's API: {0}")]
    Key(#[from] ApiKeyError),
    /// No nonces can be made ahead.
    #[error(transparent)]
    Nonces(#[from] NonceError),
    /// The system refuses a thread, or its random bytes.
    #[error("cannot open the accounts: {0}")]
    System(String),
}

/// A secret text: erased when dropped, never printed.
pub struct Secret(Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// API credentials of Polymarket as its API writes them, JSON: id, secret, passphrase.
#[must_use]
pub fn api_secrets(text: &str) -> Option<[Secret; 3]> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        api_key: String,
        secret: String,
        passphrase: String,
    }
    let wire: Wire = serde_json::from_str(text).ok()?;
    Some([wire.api_key, wire.secret, wire.passphrase].map(Secret::from))
}

/// The number of a run, drawn at random: no two runs share the ids of their orders.
///
/// # Errors
/// When the system has no randomness.
pub fn boot() -> Result<Boot, LoginError> {
    let number = getrandom::u64().map_err(|error| LoginError::System(error.to_string()))?;
    Ok(Boot(number))
}

/// Polymarket's account.
#[derive(Debug)]
pub struct PolymarketLogin {
    /// The wallet's key.
    pub key: PrivateKey,
    /// Whose orders they are.
    pub account: Account,
    /// Id, secret and passphrase of the API credentials.
    pub api: [Secret; 3],
    /// The chain that it settles on.
    pub chain: Chain,
    /// Whether nonces are made ahead.
    pub prepares_nonces: bool,
    /// CLOB's REST.
    pub rest_url: String,
    /// The user channel.
    pub user_ws_url: String,
}

/// Kalshi's account.
#[derive(Debug)]
pub struct KalshiLogin {
    /// The id of the API key.
    pub key_id: String,
    /// Its private key (PEM).
    pub pem: Secret,
    /// Its REST.
    pub rest_url: String,
    /// Its stream.
    pub ws_url: String,
}

/// One venue's account.
#[derive(Debug)]
pub enum Login {
    /// On Polymarket.
    Polymarket(Box<PolymarketLogin>),
    /// On Kalshi.
    Kalshi(Box<KalshiLogin>),
}

/// The threads that work ahead; dropping them ends them.
#[derive(Debug, Default)]
pub struct Helpers {
    nonces: Vec<NonceTile>,
    stamps: Vec<StampTile>,
}

/// Accounts, opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// What the desk writes requests with.
    pub accesses: Vec<(VenueId, Access)>,
    /// What the gateway carries them over.
    pub lines: Vec<VenueLine>,
    /// What works ahead of the desk.
    pub helpers: Helpers,
}

impl Opened {
    /// Opens these accounts.
    ///
    /// # Errors
    /// When one cannot be, with the reason.
    pub fn new(
        logins: Vec<(VenueId, Login)>,
        tls: &TlsRoots,
        clock: &Clock,
    ) -> Result<Self, LoginError> {
        let mut opened = Self::default();
        for (venue, login) in logins {
            match login {
                Login::Polymarket(login) => opened.polymarket(venue, *login, tls)?,
                Login::Kalshi(login) => opened.kalshi(venue, &login, tls, clock)?,
            }
        }
        Ok(opened)
    }

    fn polymarket(
        &mut self,
        venue: VenueId,
        login: PolymarketLogin,
        tls: &TlsRoots,
    ) -> Result<(), LoginError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| LoginError::System(error.to_string()))?;
        let nonces = match login.prepares_nonces {
            true => {
                let (tile, nonces) = NonceTile::start(&login.key, NONCE_SLOTS)?;
                self.helpers.nonces.push(tile);
                Some(nonces)
            }
            false => None,
        };
        let signer = Signer::new(login.key, &seed);
        let [id, secret, passphrase] = login.api.each_ref().map(|secret| secret.0.as_str());
        let credentials =
            polymarket::auth::Credentials::new(signer.address(), id, secret, passphrase)?;
        let host = Host::of(&login.rest_url)?;
        let endpoint = endpoint(login.user_ws_url, tls, None);
        let channel = UserChannel::polymarket(venue, endpoint, [id, secret, passphrase]);
        let access = PolymarketAccess {
            host: host.authority(),
            chain: login.chain,
            account: login.account,
            credentials,
            signer: DigestSigner::new(signer, nonces),
            orders: POLYMARKET_ORDERS,
            cancels: POLYMARKET_CANCELS,
            reads: POLYMARKET_READS,
        };
        self.accesses.push((venue, Access::Polymarket(Box::new(access))));
        self.lines.push(VenueLine { venue, host, channel });
        Ok(())
    }

    fn kalshi(
        &mut self,
        venue: VenueId,
        login: &KalshiLogin,
        tls: &TlsRoots,
        clock: &Clock,
    ) -> Result<(), LoginError> {
        let credentials = || kalshi::auth::Credentials::new(&login.key_id, &login.pem.0);
        let shared = Arc::new(credentials()?);
        let stamper = stamper_of(Arc::clone(&shared), &login.ws_url, clock);
        let (maker, reader) = stamps(&KALSHI_TARGETS, STAMP_AGE_MS_MAX);
        let tile = StampTile::start(shared, maker, clock.clone());
        self.helpers.stamps.push(tile.map_err(|error| LoginError::System(error.to_string()))?);
        let host = Host::of(&login.rest_url)?;
        let channel =
            UserChannel::kalshi(venue, endpoint(login.ws_url.clone(), tls, Some(stamper)));
        let access = KalshiAccess {
            host: host.authority(),
            credentials: credentials()?,
            stamps: reader,
            writes: KALSHI_WRITES,
            reads: KALSHI_READS,
        };
        self.accesses.push((venue, Access::Kalshi(Box::new(access))));
        self.lines.push(VenueLine { venue, host, channel });
        Ok(())
    }
}

fn endpoint(url: String, tls: &TlsRoots, stamps: Option<Stamper>) -> Endpoint {
    Endpoint {
        url,
        payload_bytes_max: CHANNEL_BYTES_MAX,
        tls: tls.clone(),
        stamps,
        standby: None,
        seed: 0,
        gate: Gate::default(),
        race: None,
    }
}
