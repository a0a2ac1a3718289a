//! `run --live`: the configured accounts, opened for trading, and what a person is told before the
//! first order.

use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::{Cash, Exact, VenueId};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::{Config, KalshiAccount, NonceMode, PolymarketAccount};
use dutchbook_core::desk::{Desk, DeskConfig, DeskError};
use dutchbook_core::doctor::{Purpose, examine};
use dutchbook_core::http::HttpError;
use dutchbook_core::live::{
    Helpers, KalshiLogin, Login, LoginError, Opened, PolymarketLogin, Secret, api_secrets, boot,
};
use dutchbook_core::position::Portfolio;
use dutchbook_core::risk::latch::Latch;
use dutchbook_core::secret::{
    AccountError, ApiSecrets, PolymarketKeys, SecretError, kalshi_keys, wallet_key,
};
use dutchbook_core::signed::{self, AccountDesk, KalshiDesk, OpenError, PolymarketDesk};
use dutchbook_core::statement::Place;
use dutchbook_core::tls::TlsRoots;
use dutchbook_core::topology::{LiveStart, Ways};

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The doctor says no.
    #[error("real orders are refused: {}; `dutchbook check` tells more", .0.join("; "))]
    Red(Vec<String>),
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An account cannot be opened.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// What writes and carries orders cannot be made.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// There is no desk.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// An address is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A venue does not answer as it should.
    #[error(transparent)]
    Venue(#[from] signed::DeskError),
    /// An account cannot be opened for questions.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// API credentials in another form.
    #[error("the API credentials of Polymarket are not JSON with apiKey, secret and passphrase")]
    Credentials,
    /// A venue is followed without an account.
    #[error("{0} is followed without an account: see [live.{0}] in the configuration")]
    NoAccount(&'static str),
    /// There is no runtime.
    #[error("cannot ask the venues: {0}")]
    System(#[from] std::io::Error),
}

/// Refuses while anything that real orders depend on is not as it must be.
pub(super) fn refuse_red(config: &Config, clock: &Clock) -> Result<(), LiveError> {
    let findings = examine(config, Purpose::Live, clock)?;
    if findings.is_red() { Err(LiveError::Red(findings.red_lines())) } else { Ok(()) }
}

/// One account, with the cash that its venue says it has.
struct Asked {
    login: Login,
    cash: Cash,
    /// In words, for whoever starts the run.
    said: String,
    desk: AccountDesk,
}

/// Accounts, opened.
pub(super) struct Accounts {
    /// What the engine needs.
    pub(super) start: LiveStart,
    /// What works ahead of it.
    pub(super) helpers: Helpers,
    /// Whose money it is, in words.
    pub(super) said: Vec<String>,
}

/// Opens the accounts of every followed venue.
pub(super) fn open(
    config: &Config,
    catalog: &Catalog,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<Accounts, LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut logins, mut cash, mut said) = (Vec::new(), Vec::new(), Vec::new());
    let mut desks = Vec::new();
    for venue in &catalog.venues {
        let asked = match venue.kind {
            VenueKind::Polymarket => {
                let none = LiveError::NoAccount("polymarket");
                let account = config.live.polymarket.as_ref().ok_or(none)?;
                runtime.block_on(polymarket(config, account, tls, clock))?
            }
            VenueKind::Kalshi => {
                let none = LiveError::NoAccount("kalshi");
                let account = config.live.kalshi.as_ref().ok_or(none)?;
                runtime.block_on(kalshi(config, account, tls, clock))?
            }
        };
        logins.push((venue.id, asked.login));
        cash.push((venue.id, asked.cash));
        said.push(asked.said);
        desks.push((venue.id, asked.desk));
    }
    let accepted_by = Latch::open(&config.kill.state_dir)?.take_accepted()?;
    if let Some(by) = &accepted_by {
        said.push(format!(
            "what differs from the journal is taken over as the venues say it: {by}"
        ));
    }
    let (mut start, helpers) = start(config, catalog, (logins, cash), tls, clock)?;
    (start.ways.desks, start.ways.accepted_by) = (desks, accepted_by);
    Ok(Accounts { start, helpers, said })
}

/// Accounts, and the cash that each venue says there is.
type Funded = (Vec<(VenueId, Login)>, Vec<(VenueId, Cash)>);

fn start(
    config: &Config,
    catalog: &Catalog,
    (logins, cash): Funded,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<(LiveStart, Helpers), LiveError> {
    let Opened { accesses, lines, helpers } = Opened::new(logins, tls, clock)?;
    let boot = boot()?;
    let desk = Box::new(Desk::new(DeskConfig::new(boot), catalog, accesses)?);
    let limits = config.gateway;
    let (desks, accepted_by) = (Vec::new(), None);
    let ways = Ways { lines, limits, tls: tls.clone(), cash, desks, accepted_by };
    let start = LiveStart { desk, boot, allowance: config.live.slippage_max, ways };
    Ok((start, helpers))
}

async fn polymarket(
    config: &Config,
    account: &PolymarketAccount,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<Asked, LiveError> {
    let none = || LiveError::NoAccount("polymarket");
    let venue = config.venues.polymarket.as_ref().ok_or_else(none)?;
    let keys = PolymarketKeys::open(account)?;
    let mut desk = PolymarketDesk::new(&venue.clob_url, tls.clone(), clock.clone())?;
    let text = match &account.api {
        Some(source) => source.read()?,
        // Those that exist: none are made without being asked for.
        None => desk.derive(&keys.signer, account.chain, 0).await?,
    };
    let api: [Secret; 3] = api_secrets(&text).ok_or(LiveError::Credentials)?;
    desk.use_credentials(ApiSecrets::parse(&text)?.credentials(keys.signer.address())?);
    let cash = desk.collateral(account.wallet).await?.balance;
    let said =
        format!("polymarket: wallet {} with ${cash} at {}", keys.account.maker, venue.clob_url);
    let login = PolymarketLogin {
        key: wallet_key(&account.key, account.passphrase.as_ref())?,
        account: keys.account,
        api,
        chain: account.chain,
        prepares_nonces: config.live.nonces == NonceMode::Prepared,
        rest_url: venue.clob_url.clone(),
        user_ws_url: account.user_ws_url.clone(),
    };
    let desk = AccountDesk::Polymarket(Box::new(desk), account.wallet);
    Ok(Asked { login: Login::Polymarket(Box::new(login)), cash, said, desk })
}

async fn kalshi(
    config: &Config,
    account: &KalshiAccount,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<Asked, LiveError> {
    let none = || LiveError::NoAccount("kalshi");
    let venue = config.venues.kalshi.as_ref().ok_or_else(none)?;
    let mut desk = KalshiDesk::new(&venue.api_url, tls.clone(), clock.clone())?;
    desk.use_credentials(kalshi_keys(account)?);
    let cash = desk.balance().await?;
    let said = format!("kalshi: key {} with ${cash} at {}", account.key_id, venue.api_url);
    let login = KalshiLogin {
        key_id: account.key_id.clone(),
        pem: Secret::from(account.key.read()?.to_string()),
        rest_url: venue.api_url.clone(),
        ws_url: venue.ws_url.clone(),
    };
    let desk = AccountDesk::Kalshi(Box::new(desk));
    Ok(Asked { login: Login::Kalshi(Box::new(login)), cash, said, desk })
}

/// What the venues say that the accounts have, against our own books: the sum of the absolute
/// differences, a contract counted as a dollar, and where they differ.
pub(crate) fn compare(
    config: &Config,
    catalog: &Catalog,
    mut places: Vec<Place>,
    portfolio: &Portfolio,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<(Exact, Vec<String>), LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut sum, mut lines) = (Exact::ZERO, Vec::new());
    Place::mark_held(&mut places, portfolio);
    for venue in &catalog.venues {
        let desk = runtime.block_on(AccountDesk::open(venue.kind, config, tls, clock))?;
        let Some(mut desk) = desk else { continue };
        let there: Vec<_> = places.iter().filter(|place| place.venue == venue.id).collect();
        let theirs = runtime.block_on(desk.statement(&there))?;
        let compared = theirs.compare(venue.id, &places, portfolio);
        sum = sum.checked_add(compared.sum()).unwrap_or(sum);
        lines.extend(compared.lines(venue.kind.name()));
    }
    Ok((sum, lines))
}
