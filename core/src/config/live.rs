//! The `[kill]` and `[live]` sections: what real orders need beside the paper engine. No secret
//! stands in a configuration, only where each is read from.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use alloy_primitives::Address;
use dutchbook_book::Price;
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::WalletKind;
use serde::Deserialize;

use super::risk::price;
use super::{ConfigError, KalshiVenue, venues, within};
use crate::secret::SecretSource;

/// The ways to the kill switch, and where it is latched.
#[derive(Clone, Debug)]
pub struct KillConfig {
    /// Folder of what must outlive a process.
    pub state_dir: PathBuf,
    /// Loopback address of the endpoint.
    pub listen: Option<SocketAddr>,
    /// How long cancelling everything is tried before it is said to have failed.
    pub verify_max: Duration,
}

/// What signs Polymarket's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonceMode {
    /// Single-use nonces made ahead.
    Prepared,
    /// Nonces that follow from key and order.
    Deterministic,
}

/// What real orders need.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// How far beyond its worst walked level the limit of an order may lie, per contract.
    pub slippage_max: Price,
    /// What signs Polymarket's orders.
    pub nonces: NonceMode,
    /// The account on Polymarket, where one is configured.
    pub polymarket: Option<PolymarketAccount>,
    /// The account on Kalshi, where one is configured.
    pub kalshi: Option<KalshiAccount>,
}

/// Whose orders go to Polymarket, and where the secrets lie.
#[derive(Clone, Debug)]
pub struct PolymarketAccount {
    /// The wallet's private key, in hexadecimal or as an encrypted keystore.
    pub key: SecretSource,
    /// What opens the keystore.
    pub passphrase: Option<SecretSource>,
    /// API credentials as JSON; without them they are derived from the key at start.
    pub api: Option<SecretSource>,
    /// Where the money lies.
    pub wallet: WalletKind,
    /// Its address, where it does not follow from key and kind.
    pub wallet_address: Option<Address>,
    /// The chain.
    pub chain: Chain,
    /// The user channel.
    pub user_ws_url: String,
}

/// Whose orders go to Kalshi, and where the key lies.
#[derive(Clone, Debug)]
pub struct KalshiAccount {
    /// The id of the API key.
    pub key_id: String,
    /// Its private key (PEM).
    pub key: SecretSource,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKill {
    state_dir: PathBuf,
    listen: String,
    verify_s_max: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLive {
    slippage_usd_max: String,
    nonces: NonceMode,
    polymarket: RawPolymarketAccount,
    kalshi: RawKalshiAccount,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawWallet {
    Eoa,
    Proxy,
    Safe,
    Deposit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolymarketAccount {
    key_file: PathBuf,
    key_env: String,
    passphrase_file: PathBuf,
    passphrase_env: String,
    api_file: PathBuf,
    api_env: String,
    wallet: RawWallet,
    wallet_address: String,
    chain_id: u64,
    user_ws_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKalshiAccount {
    key_id: String,
    key_file: PathBuf,
    key_env: String,
}

fn refuse(key: &'static str, value: &str, expected: &str) -> ConfigError {
    ConfigError::Range { key, value: format!("{value:?}"), expected: expected.to_owned() }
}

/// A file or an environment variable, or neither; both are one too many.
fn source(
    key: &'static str,
    file: PathBuf,
    name: String,
) -> Result<Option<SecretSource>, ConfigError> {
    match (file.as_os_str().is_empty(), name.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(SecretSource::File(file))),
        (true, false) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            match name.bytes().all(plain) {
                true => Ok(Some(SecretSource::Environment(name))),
                // What is no name may be the secret itself: it is not repeated.
                false => Err(refuse(key, "…", "the name of an environment variable")),
            }
        }
        (false, false) => Err(refuse(key, &name, "a file or a variable, not both")),
    }
}

/// Where a user's programs keep their state: the same folder wherever a command is typed.
fn usual_state_dir() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let base = of("XDG_STATE_HOME").or_else(|| of("HOME").map(|home| home.join(".local/state")));
    base.unwrap_or_else(std::env::temp_dir).join("dutchbook")
}

impl RawKill {
    pub(super) fn check(self) -> Result<KillConfig, ConfigError> {
        let listen = match self.listen.as_str() {
            "" => None,
            text => {
                let address = text.parse().ok().filter(|at: &SocketAddr| at.ip().is_loopback());
                let expected = "a loopback address with a port, such as 127.0.0.1:8090";
                Some(address.ok_or_else(|| refuse("kill.listen", text, expected))?)
            }
        };
        let verify_s = within("kill.verify_s_max", self.verify_s_max, 1..=3_600)?;
        let verify_max = Duration::from_secs(verify_s);
        let state_dir = match self.state_dir.as_os_str().is_empty() {
            true => usual_state_dir(),
            false => self.state_dir,
        };
        Ok(KillConfig { state_dir, listen, verify_max })
    }
}

impl RawLive {
    /// The accounts; `stream` is Kalshi as it is followed, whose key serves where no other is given.
    pub(super) fn check(self, stream: Option<&KalshiVenue>) -> Result<LiveConfig, ConfigError> {
        Ok(LiveConfig {
            slippage_max: price("live.slippage_usd_max", &self.slippage_usd_max)?,
            nonces: self.nonces,
            polymarket: self.polymarket.check()?,
            kalshi: self.kalshi.check(stream)?,
        })
    }
}

impl RawPolymarketAccount {
    fn check(self) -> Result<Option<PolymarketAccount>, ConfigError> {
        let key = source("live.polymarket.key_env", self.key_file, self.key_env)?;
        let passphrase =
            source("live.polymarket.passphrase_env", self.passphrase_file, self.passphrase_env)?;
        let api = source("live.polymarket.api_env", self.api_file, self.api_env)?;
        let wallet_address = match self.wallet_address.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_error| {
                let expected = "an address of 0x and 40 hexadecimal digits";
                refuse("live.polymarket.wallet_address", text, expected)
            })?),
        };
        let chain = Chain::from_id(self.chain_id).ok_or_else(|| ConfigError::Range {
            key: "live.polymarket.chain_id",
            value: self.chain_id.to_string(),
            expected: "137 or 80002".to_owned(),
        })?;
        let user_ws_url = venues::url("live.polymarket.user_ws_url", self.user_ws_url, "ws")?;
        let wallet = match self.wallet {
            RawWallet::Eoa => WalletKind::Eoa,
            RawWallet::Proxy => WalletKind::Proxy,
            RawWallet::Safe => WalletKind::Safe,
            RawWallet::Deposit => WalletKind::Deposit,
        };
        Ok(key.map(|key| PolymarketAccount {
            key,
            passphrase,
            api,
            wallet,
            wallet_address,
            chain,
            user_ws_url,
        }))
    }
}

impl RawKalshiAccount {
    fn check(self, stream: Option<&KalshiVenue>) -> Result<Option<KalshiAccount>, ConfigError> {
        let key = source("live.kalshi.key_env", self.key_file, self.key_env)?;
        match (self.key_id.is_empty(), key) {
            (false, Some(key)) => Ok(Some(KalshiAccount { key_id: self.key_id, key })),
            (true, None) => {
                let key = stream.and_then(|stream| stream.key.clone());
                Ok(key
                    .map(|(key_id, file)| KalshiAccount { key_id, key: SecretSource::File(file) }))
            }
            (true, Some(_)) | (false, None) => {
                let expected = "key_id with key_file or key_env, or none of them";
                Err(refuse("live.kalshi.key_id", &self.key_id, expected))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn without_keys_there_are_no_accounts() {
        let live = Config::parse("").unwrap().live;
        assert!(live.polymarket.is_none() && live.kalshi.is_none());
        assert_eq!((live.nonces, live.slippage_max), (NonceMode::Prepared, Price::ZERO));
    }

    #[test]
    fn an_account_is_its_key_and_the_rest_has_defaults() {
        let text = "[live.polymarket]\nkey_env = \"WALLET\"\nwallet = \"safe\"\n\
                    [kalshi]\nkey_id = \"id\"\nprivate_key_file = \"kalshi.pem\"\n";
        let live = Config::parse(text).unwrap().live;
        let account = live.polymarket.unwrap();
        assert_eq!(account.key, SecretSource::Environment("WALLET".to_owned()));
        assert_eq!((account.wallet, account.chain), (WalletKind::Safe, Chain::Polygon));
        assert!(account.api.is_none() && account.user_ws_url.starts_with("wss://"));
        let kalshi = live.kalshi.unwrap();
        assert_eq!(
            (kalshi.key_id.as_str(), kalshi.key),
            ("id", SecretSource::File("kalshi.pem".into()))
        );
        let own = format!("{text}[live.kalshi]\nkey_id = \"other\"\nkey_env = \"PEM\"\n");
        let kalshi = Config::parse(&own).unwrap().live.kalshi.unwrap();
        assert_eq!(kalshi.key, SecretSource::Environment("PEM".to_owned()));
    }

    #[test]
    fn what_cannot_be_an_account_is_refused_by_its_key_and_no_secret_is_repeated() {
        let secret = format!("0x{}", "ab".repeat(32)) + "-";
        for (text, names) in [
            (format!("[live.polymarket]\nkey_env = \"{secret}\""), "live.polymarket.key_env"),
            ("[live.polymarket]\nkey_env = \"A\"\nkey_file = \"b\"".into(), "not both"),
            ("[live.polymarket]\nchain_id = 1".into(), "live.polymarket.chain_id = 1"),
            ("[live.polymarket]\nwallet = \"paper\"".into(), "live.polymarket.wallet"),
            ("[live.polymarket]\nwallet_address = \"0x12\"".into(), "wallet_address"),
            ("[live.polymarket]\nuser_ws_url = \"http://x\"".into(), "user_ws_url"),
            ("[live.kalshi]\nkey_id = \"x\"".into(), "live.kalshi.key_id"),
            ("[live]\nslippage_usd_max = \"2\"".into(), "live.slippage_usd_max"),
            ("[kill]\nlisten = \"0.0.0.0:80\"".into(), "kill.listen"),
            ("[kill]\nverify_s_max = 0".into(), "kill.verify_s_max"),
        ] {
            let line = Config::parse(&text).unwrap_err().to_string();
            assert!(line.contains(names) && !line.contains('\n'), "{text}: {line}");
            assert!(!line.contains("abab"), "{line}");
        }
    }
}
