//! `dutchbook keys`: API credentials of the venues, and encrypted wallet keys. A secret goes into a new
//! file that only its owner can read, never to the screen.

use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;
use clap::{Args, Subcommand};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::{Config, ConfigError};
use dutchbook_core::http::HttpError;
use dutchbook_core::secret::{
    AccountError, ApiSecrets, PolymarketKeys, SecretError, SecretSource, wallet_key, write_new,
};
use dutchbook_core::signed::{DeskError, PolymarketDesk};
use dutchbook_core::tls::{TlsError, TlsRoots};
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::sign::keystore::{KeystoreError, KeystoreSeed, encrypt};
use dutchbook_exec::venue::polymarket::wallet::Wallets;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::key_pair::{KeyPair, KeyType};

/// Options of keys.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  dutchbook keys wallet --out wallet.json --passphrase-file phrase.txt\n  \
                        dutchbook keys polymarket --config engine.toml --out polymarket-api.json\n  \
                        dutchbook keys kalshi --out kalshi.pem\n\nEvery secret is written into a new file of mode 600; \
                        what is printed is public."
)]
pub struct KeysArgs {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Fetches Polymarket's API credentials of the wallet's key, or makes them where there are none.
    Polymarket(PolymarketArgs),
    /// Makes a key pair for Kalshi: the private half into a file, the public half to register there.
    Kalshi(KalshiArgs),
    /// Puts a wallet's private key, an existing or a fresh one, into an encrypted keystore.
    Wallet(WalletArgs),
}

#[derive(Debug, Args)]
struct PolymarketArgs {
    /// Engine configuration (TOML) with the key in [live.polymarket].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The new file for the credentials, for live.polymarket.api_file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Which of the wallet's credentials: each number has its own.
    #[arg(long, default_value_t = 0)]
    nonce: u64,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct KalshiArgs {
    /// The new file for the private key, for live.kalshi.key_file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// RSA-2048 instead of Ed25519: signs thirty times slower, for clients that know nothing else.
    #[arg(long)]
    rsa: bool,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct WalletArgs {
    /// The new keystore, for live.polymarket.key_file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The file that holds the key today, in hexadecimal; without it a fresh key is made.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// The environment variable that holds the key today.
    #[arg(long, value_name = "NAME", conflicts_with = "from_file")]
    from_env: Option<String>,
    /// The file of the passphrase, for live.polymarket.passphrase_file.
    #[arg(long, value_name = "FILE", required_unless_present = "passphrase_env")]
    passphrase_file: Option<PathBuf>,
    /// The environment variable of the passphrase.
    #[arg(long, value_name = "NAME", conflicts_with = "passphrase_file")]
    passphrase_env: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It names no key, or no venue.
    #[error("{0}")]
    Missing(&'static str),
    /// A secret cannot be read or written.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The account cannot be opened.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The venue gives no credentials.
    #[error(transparent)]
    Venue(#[from] DeskError),
    /// The keystore cannot be made.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The system refuses a runtime.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// The system has no randomness.
    #[error("the system gives no random bytes: try again")]
    Randomness(#[from] Unspecified),
}

/// What was made; nothing of it is secret.
#[derive(Debug)]
pub struct Made {
    /// As one object.
    pub json: Value,
    /// As a page of text.
    pub text: String,
    /// Whether the object is wanted.
    pub wants_json: bool,
}

/// Makes what was asked for.
///
/// # Errors
/// When the venue, the files or the system do not allow it.
pub fn run(args: &KeysArgs) -> Result<Made, KeysError> {
    match &args.which {
        Which::Polymarket(args) => polymarket(args),
        Which::Kalshi(args) => kalshi(args),
        Which::Wallet(args) => wallet(args),
    }
}

fn polymarket(args: &PolymarketArgs) -> Result<Made, KeysError> {
    let config = Config::load(args.config.as_deref())?;
    let no_venue = KeysError::Missing("polymarket.enabled is false: there is nobody to ask");
    let venue = config.venues.polymarket.as_ref().ok_or(no_venue)?;
    let no_key = KeysError::Missing("live.polymarket names no key: set key_file or key_env");
    let account = config.live.polymarket.as_ref().ok_or(no_key)?;
    let without_api = dutchbook_core::config::PolymarketAccount { api: None, ..account.clone() };
    let keys = PolymarketKeys::open(&without_api)?;
    let roots = config.venues.tls_extra_roots.iter().map(PathBuf::as_path);
    let tls = TlsRoots::with_files(roots)?;
    let mut desk = PolymarketDesk::new(&venue.clob_url, tls, Clock::new())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (text, was_there) = runtime.block_on(async {
        match desk.derive(&keys.signer, account.chain, args.nonce).await {
            Ok(text) => Ok((text, true)),
            // It has none for this number yet.
            Err(DeskError::Refused { status: 400..=499, .. }) => {
                let made = desk.create(&keys.signer, account.chain, args.nonce).await;
                made.map(|text| (text, false))
            }
            Err(error) => Err(error),
        }
    })?;
    let api = ApiSecrets::parse(&text)?;
    let owner = keys.signer.address();
    // Before they are kept: the venue takes what they stamp.
    desk.use_credentials(api.credentials(owner)?);
    runtime.block_on(desk.api_keys())?;
    write_new(&args.out, &text)?;
    let did = if was_there { "fetched" } else { "made" };
    Ok(Made {
        json: json!({
            "venue": "polymarket",
            "address": owner.to_string(),
            "wallet": keys.account.maker.to_string(),
            "api_key": api.api_key,
            "created": !was_there,
            "file": args.out,
        }),
        text: format!(
            "{did} the API credentials {} of {owner}, which trades from {}\nset live.polymarket.api_file = {:?}",
            api.api_key,
            keys.account.maker,
            shown(&args.out)
        ),
        wants_json: args.json,
    })
}

fn kalshi(args: &KalshiArgs) -> Result<Made, KeysError> {
    let (key_type, name) = match args.rsa {
        true => (KeyType::Rsa, "RSA"),
        false => (KeyType::Ed25519, "Ed25519"),
    };
    let pair = KeyPair::generate(key_type)?;
    write_new(&args.out, &pair.private_pem)?;
    Ok(Made {
        json: json!({
            "venue": "kalshi",
            "key_type": name,
            "public_key_pem": pair.public_pem,
            "file": args.out,
        }),
        text: format!(
            "made an {name} key; its public half:\n\n{}\nregister it with the venue (account, API keys), then set\n  \
             live.kalshi.key_id = \"the id that the venue gives\"\n  live.kalshi.key_file = {:?}\nand run `dutchbook check`",
            pair.public_pem,
            shown(&args.out)
        ),
        wants_json: args.json,
    })
}

fn wallet(args: &WalletArgs) -> Result<Made, KeysError> {
    let source = |file: &Option<PathBuf>, name: &Option<String>| match (file, name) {
        (Some(file), _) => Some(SecretSource::File(file.clone())),
        (None, Some(name)) => Some(SecretSource::Environment(name.clone())),
        (None, None) => None,
    };
    let passphrase = source(&args.passphrase_file, &args.passphrase_env);
    let no_passphrase = KeysError::Missing("name --passphrase-file or --passphrase-env");
    let passphrase = passphrase.ok_or(no_passphrase)?;
    let today = source(&args.from_file, &args.from_env);
    let key = match &today {
        Some(today) => wallet_key(today, Some(&passphrase))?,
        None => fresh_key()?,
    };
    let seed = KeystoreSeed { salt: random()?, iv: random()?, id: random()? };
    let text = encrypt(&key, &passphrase.read()?, &seed)?;
    write_new(&args.out, &text)?;
    let owner = Signer::new(key, &random()?).address();
    let wallets = Wallets::of(owner);
    let (safe, deposit) = (wallets.safe.to_string(), wallets.deposit_beacon.to_string());
    let did = if today.is_some() { "encrypted the" } else { "made a fresh" };
    Ok(Made {
        json: json!({
            "address": owner.to_string(),
            "safe": safe,
            "proxy": wallets.proxy.to_string(),
            "deposit": deposit,
            "fresh": today.is_none(),
            "file": args.out,
        }),
        text: format!(
            "{did} key of {owner} (its deposit wallet is {deposit}, its safe {safe})\nset \
             live.polymarket.key_file = {:?} and live.polymarket.passphrase_file or passphrase_env",
            shown(&args.out)
        ),
        wants_json: args.json,
    })
}

fn random<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// A key that nobody else has.
fn fresh_key() -> Result<PrivateKey, KeysError> {
    loop {
        let bytes = Zeroizing::new(random::<32>()?);
        // All but a vanishing few of the numbers of 32 bytes are keys.
        if let Ok(key) = PrivateKey::from_bytes(&bytes) {
            return Ok(key);
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
